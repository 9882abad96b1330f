/* SPDX-License-Identifier: Apache-2.0 */
/* Every operation is a point at which the power fails. See crash.h. */
#include "crash.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "engine_p.h"
#include "sim_disk.h"
#include "sim_store.h"
#include "story.h"

static torture_random_t luck;
static crash_figures_t *figures;

/* ---- telling --------------------------------------------------------------------------------------------------------- */

static story_t *story_now;
static bool is_nested;

static size_t
segments(lessor_engine_t *engine) {
	(void)pthread_mutex_lock(&engine->log.segments.lock);
	const size_t count = engine->log.segments.count;
	(void)pthread_mutex_unlock(&engine->log.segments.lock);
	return count;
}

/* Leases change when a snapshot has said from where the log is needed, and again when it is about to be finished; sometimes the log goes on in another segment. */
static void
change_meanwhile(story_t *story) {
	lessor_status_t status = LESSOR_OK;
	const size_t before = segments(story->engine);
	for (uint32_t count = torture_below(&luck, 5); count > 0 && status == LESSOR_OK; count--) {
		status = story_tell(story, true);
	}
	for (uint32_t count = torture_below(&luck, 6) == 0 ? 20 : 0;
	     count > 0 && status == LESSOR_OK && segments(story->engine) == before; count--) {
		status = story_fill(story);
		status = status == LESSOR_OK ? story_wait(story) : status;
		sim_store_settle(story->engine);
	}
	REQUIRE(status == LESSOR_OK || sim_store_is_excused());
}

static void
interrupt(const char *name, bool is_write) {
	sim_store_gate(name, is_write);
	if (is_write && !is_nested && strcmp(name, "snapshot.tmp") == 0) {
		is_nested = true;
		change_meanwhile(story_now);
		is_nested = false;
	}
}

/* One step. False: the log has failed. */
static bool
tell_one(story_t *story) {
	lessor_status_t status = story_tell(story, false);
	if (status == LESSOR_OK && torture_below(&luck, 4) == 0) {
		status = story_wait(story);
	}
	REQUIRE(status == LESSOR_OK || sim_store_is_excused());
	sim_store_settle(story->engine);
	return status != LESSOR_LOG_FAILED;
}

static void
tell_life(story_t *story) {
	lessor_engine_t *engine = sim_store_open();
	uint32_t steps = 20 + torture_below(&luck, 100);
	if (engine != NULL) {
		story_open(story, engine);
	}
	for (; engine != NULL && steps > 0 && tell_one(story); steps--) {
		if (torture_below(&luck, 60) == 0) {
			(void)sim_store_close(&engine);
			engine = sim_store_open();
			if (engine != NULL) {
				story_open(story, engine);
			}
		}
	}
	if (engine != NULL) {
		(void)sim_store_close(&engine);
	}
}

/*
 * What the disk was told is in its journal then. In some stories a write fails, halfway; in some the process is killed, and another one goes on with what the system has, and has not
 * synced. Returns how many operations there were until then: which changes are left is decided at the next open.
 */
static size_t
tell(story_t *story, crash_focus_t focus) {
	size_t before = 0;
	const uint32_t draw = focus == CRASH_FAULTS ? 0 : focus == CRASH_KILLS ? 2 : torture_below(&luck, 8);
	story_now = story;
	sim_disk_hook(interrupt);
	if (draw < 2) {
		static const sim_fault_t faults[] = {SIM_FAULT_TORN, SIM_FAULT_TORN, SIM_FAULT_ERROR, SIM_FAULT_STUCK};
		const sim_fault_t fault = faults[torture_below(&luck, 4)];
		sim_disk_fault(fault, torture_below(&luck, 60), fault == SIM_FAULT_STUCK ? ENOSPC : EIO);
	} else if (draw < 4) {
		sim_disk_end_after(torture_below(&luck, 60), true, torture_below(&luck, 2) == 0);
		tell_life(story);
		luck = torture_random(UINT64_C(0x2D11FE) + figures->stories);
		sim_disk_come_back(NULL);
		before = sim_disk_operations();
	}
	tell_life(story);
	sim_disk_hook(NULL);
	figures->calls += story->calls;
	figures->changes += story->changes;
	figures->stories++;
	return before;
}

/* ---- looking --------------------------------------------------------------------------------------------------------- */

static char where[256];

static void
explain_where(void) {
	(void)fprintf(stderr, "story %llu, %s\n", (unsigned long long)figures->stories, where);
}

#define HOLDS(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			explain_where();                                                                               \
			REQUIRE(condition);                                                                            \
		}                                                                                                      \
	} while (0)

/* Everything in the store is as the story says, and everything promised is there. Returns where its log ends. */
static lessor_ticket_t
require_story(const story_t *story, lessor_engine_t *engine, lessor_ticket_t end, lessor_ticket_t least) {
	lessor_report_t check;
	view_t view = view_take(engine);
	HOLDS(end >= least);
	HOLDS(story->count == 0 || story_matches(story, &view, end));
	const lessor_status_t status = lessor_check(engine, &check);
	if (status != LESSOR_OK) {
		(void)fprintf(stderr, "lessor_check: %s\n", check.sentence);
	}
	HOLDS(status == LESSOR_OK);
	view_free(&view);
	return end;
}

/* An image is opened for reading. Returns where its log ends, 0 if there is no store. */
static lessor_ticket_t
look(const story_t *story, const sim_image_t *image, lessor_ticket_t least) {
	lessor_report_t report;
	lessor_engine_t *engine = NULL;
	sim_disk_load(image);
	const lessor_status_t status = sim_store_try_open(true, &engine, &report);
	figures->opens++;
	if (status == LESSOR_NO_STORE) {
		HOLDS(least == 0);
		return 0;
	}
	HOLDS(status == LESSOR_OK);
	(void)require_story(story, engine, report.last_ticket, least);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	return report.last_ticket;
}

/* Every point at which a recovery may be cut off; each time the store must be the same as without. */
static void
look_again(const story_t *story, const sim_image_t *image, lessor_ticket_t end) {
	char before[sizeof(where)];
	lessor_report_t report;
	lessor_engine_t *engine = NULL;
	memcpy(before, where, sizeof(before));
	sim_disk_load(image);
	sim_disk_hook(interrupt);
	const lessor_status_t status = sim_store_try_open(false, &engine, &report);
	HOLDS(status == LESSOR_OK);
	(void)require_story(story, engine, report.last_ticket, end);
	HOLDS(end == 0 || report.last_ticket == end);
	sim_store_settle(engine);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	sim_crash_t *crash = sim_crash_new();
	while (sim_crash_next(crash)) {
		(void)snprintf(where, sizeof(where), "%.100s; then ", before);
		sim_crash_describe(crash, where + strlen(where), sizeof(where) - strlen(where));
		sim_image_t *left = sim_crash_image(crash, SIM_FATE_CHANCE, &luck);
		const lessor_ticket_t found = look(story, left, end);
		HOLDS(end == 0 || found == end);
		sim_image_free(left);
		figures->points++;
		figures->again++;
	}
	sim_crash_free(crash);
	memcpy(where, before, sizeof(where));
}

#define FATES 4u

/* Every point of the story behind the first 'before' ones. Keeps one of the images for the next one. */
static sim_image_t *
look_everywhere(const story_t *story, size_t before) {
	static const sim_fate_t fates[FATES] = {SIM_FATE_DROP, SIM_FATE_KEEP, SIM_FATE_NAMES, SIM_FATE_CHANCE};
	sim_image_t *kept = NULL;
	uint32_t seen = 0;
	sim_crash_t *crash = sim_crash_new();
	luck = torture_random(UINT64_C(0x100C) + figures->stories);
	for (; before > 0; before--) {
		(void)sim_crash_next(crash);
	}
	while (sim_crash_next(crash)) {
		const lessor_ticket_t least = sim_crash_position(crash);
		sim_crash_describe(crash, where, sizeof(where));
		/* Of the regular ones, one in turn; chance always. */
		const sim_fate_t turn[] = {fates[seen % (FATES - 1)], SIM_FATE_CHANCE};
		for (unsigned i = 0; i < 2; i++) {
			sim_image_t *left = sim_crash_image(crash, turn[i], &luck);
			const lessor_ticket_t end = look(story, left, least);
			if (torture_below(&luck, 150) == 0) {
				look_again(story, left, end);
			}
			if (torture_below(&luck, ++seen) == 0) {
				sim_image_free(kept);
				kept = left;
			} else {
				sim_image_free(left);
			}
		}
		figures->points++;
	}
	sim_crash_free(crash);
	return kept;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------- */

void
crash_try(uint64_t points, crash_focus_t focus, crash_figures_t *counted) {
	sim_image_t *image = NULL;
	figures = counted;
	*figures = (crash_figures_t){0};
	sim_store_begin();
	while (figures->points < points) {
		story_t story;
		luck = torture_random(UINT64_C(0xC4A5) + figures->stories);
		story_init(&story, torture_random(UINT64_C(0x57031) + figures->stories));
		/* Now and then a new store, with nothing promised yet. What was left by a crash is durable. */
		if (focus == CRASH_NEW_STORES || torture_below(&luck, 6) == 0) {
			sim_image_free(image);
			image = NULL;
		}
		sim_store_promise(0);
		if (image != NULL) {
			lessor_report_t report;
			lessor_engine_t *engine = NULL;
			sim_disk_load(image);
			if (sim_store_try_open(true, &engine, &report) == LESSOR_OK) {
				story_open(&story, engine);
				sim_store_promise(report.last_ticket);
				REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
			}
		}
		sim_disk_load(image);
		sim_disk_observe(sim_store_promised);
		const size_t before = tell(&story, focus);
		sim_image_free(image);
		image = look_everywhere(&story, before);
		story_free(&story);
	}
	sim_image_free(image);
	sim_store_end();
}
