/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The power fails at any operation on the disk, again and again, and the store goes on living, with all its threads at work: what crash_test looks at operation by operation, here with
 * whatever order the threads of a machine happen to have. Between the power failures the process is killed.
 *
 * Environment: LESSOR_TEST_KILLS (how often), LESSOR_TEST_SEED.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lessor/lessor.h>

#include "sim_disk.h"
#include "torture.h"

/* A sanitized run does the same less often. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define FAILURES 40u
#else
#define FAILURES 100u
#endif

#define MIB (UINT64_C(1) << 20)

/* ---- what happens to the store ------------------------------------------------------------------------------------------------ */

#define SUBNET  UINT32_C(0x0A050000)
#define LEASES  160u
#define CHANGES 20000u

/*
 * What can be one thing or another, each a spot with a number, 0: it is not there. Leases; whether the first scope has its range; the superscopes; which of them each
 * scope is in; filters, and their switches.
 */
#define SCOPES      2u
#define SUPERSCOPES 3u
#define FILTERS     6u
enum {
	RANGE_SPOT = LEASES,
	SUPERSCOPE_SPOT,
	MEMBER_SPOT = SUPERSCOPE_SPOT + SUPERSCOPES,
	FILTER_SPOT = MEMBER_SPOT + SCOPES,
	ENFORCE_SPOT = FILTER_SPOT + FILTERS,
	SPOTS
};

static const lessor_range_t the_range = {SUBNET + 40, SUBNET + 120};

typedef struct {
	lessor_ticket_t ticket;
	uint64_t number; /* plus 1; 0: deleted */
	uint32_t spot;
} change_t;

typedef struct {
	uint64_t before[SPOTS]; /* numbers plus 1, when the life began */
	uint64_t now[SPOTS];
	change_t change[CHANGES];
	uint32_t count;
	uint32_t doubts; /* of the last changes, which are one: its ticket was never told */
	uint32_t fresh;  /* of the last changes, those of the call in work */
	lessor_ticket_t durable;
	torture_random_t random;
} story_t;

/* What the call that is about to be made changes, if it is made. */
static void
plan(story_t *story, uint32_t spot, uint64_t number) {
	story->change[story->count + story->fresh++] = (change_t){.number = number, .spot = spot};
}

/* And what it answered. False: the log has failed. */
static bool
note(story_t *story, lessor_status_t status, lessor_mode_t mode, lessor_ticket_t ticket) {
	REQUIRE(status == LESSOR_OK || status == LESSOR_DISK_FULL || status == LESSOR_LOG_FAILED);
	if (status == LESSOR_OK || (status == LESSOR_LOG_FAILED && mode == LESSOR_SYNC)) {
		for (uint32_t i = 0; i < story->fresh; i++) {
			change_t *change = &story->change[story->count++];
			change->ticket = ticket;
			story->now[change->spot] = change->number;
		}
		story->doubts = status != LESSOR_OK ? story->fresh : 0;
		if (status == LESSOR_OK && mode == LESSOR_SYNC) {
			story->durable = ticket;
		}
	}
	story->fresh = 0;
	return status == LESSOR_OK && story->count + SPOTS < CHANGES;
}

static bool
change_lease(story_t *story, lessor_engine_t *engine, lessor_mode_t mode) {
	lessor_lease_t lease;
	torture_texts_t texts;
	lessor_ticket_t ticket = 0;
	const uint32_t spot = torture_below(&story->random, LEASES);
	const uint64_t number = torture_number((uint32_t)torture_next(&story->random), spot, story->count);
	const bool there = story->now[spot] != 0;
	const bool ends = there && torture_below(&story->random, 3) == 0;
	torture_lease(SUBNET + 1 + spot, number, &lease, &texts);
	plan(story, spot, ends ? 0 : number + 1);
	const lessor_status_t status =
		ends    ? lessor_lease_delete(engine, lease.address, NULL, 0, mode, &ticket)
		: there ? lessor_lease_update(engine, &lease, TORTURE_FIELDS_GENERATION, mode, &ticket)
			: lessor_lease_create(engine, &lease, mode, &ticket);
	return note(story, status, mode, ticket);
}

/* The range comes; and it goes, with all that is in it. */
static bool
change_range(story_t *story, lessor_engine_t *engine, lessor_mode_t mode) {
	lessor_ticket_t ticket = 0;
	const bool there = story->now[RANGE_SPOT] != 0;
	plan(story, RANGE_SPOT, !there);
	for (uint32_t spot = 0; there && spot < LEASES; spot++) {
		const uint32_t address = SUBNET + 1 + spot;
		if (address >= the_range.first && address <= the_range.last && story->now[spot] != 0) {
			plan(story, spot, 0);
		}
	}
	const lessor_status_t status = there ? lessor_scope_remove_range(engine, SUBNET, the_range, true, mode, &ticket)
					     : lessor_scope_resize(engine, SUBNET, the_range, mode, &ticket);
	return note(story, status, mode, ticket);
}

static void
name_superscope(uint32_t which, char name[8]) {
	(void)snprintf(name, 8, "s%u", which);
}

/* A superscope goes, and nobody is in it; or a scope joins one, which may have to be made for it. */
static bool
change_superscope(story_t *story, lessor_engine_t *engine, lessor_mode_t mode) {
	char name[8];
	lessor_status_t status;
	lessor_ticket_t ticket = 0;
	const uint32_t which = torture_below(&story->random, SUPERSCOPES);
	const uint32_t scope = torture_below(&story->random, SCOPES);
	name_superscope(which, name);
	if (story->now[SUPERSCOPE_SPOT + which] != 0 && torture_below(&story->random, 2) == 0) {
		plan(story, SUPERSCOPE_SPOT + which, 0);
		for (uint32_t i = 0; i < SCOPES; i++) {
			if (story->now[MEMBER_SPOT + i] == which + 1) {
				plan(story, MEMBER_SPOT + i, 0);
			}
		}
		status = lessor_superscope_delete(engine, name, mode, &ticket);
		return note(story, status, mode, ticket);
	}
	if (story->now[SUPERSCOPE_SPOT + which] == 0) {
		plan(story, SUPERSCOPE_SPOT + which, 1);
	}
	plan(story, MEMBER_SPOT + scope, which + 1);
	status = lessor_superscope_join(engine, SUBNET + (scope << 8), name, true, mode, &ticket);
	return note(story, status, mode, ticket);
}

static lessor_filter_t
the_filter(uint32_t which) {
	return (lessor_filter_t){.hardware_type = 1, .pattern_bytes = 6, .pattern = {2, 0, 0, 0, 0, (uint8_t)which}};
}

/* A filter's number tells its list and its comment. */
static bool
change_filter(story_t *story, lessor_engine_t *engine, lessor_mode_t mode) {
	char comment[16];
	lessor_status_t status;
	lessor_ticket_t ticket = 0;
	const uint32_t which = torture_below(&story->random, FILTERS + 1);
	const uint32_t number = torture_below(&story->random, 1000);
	lessor_filter_t filter = the_filter(which);
	(void)snprintf(comment, sizeof(comment), "%u", number);
	filter.list = number % 2 != 0 ? LESSOR_FILTER_ALLOW : LESSOR_FILTER_DENY;
	filter.comment = comment;
	if (which == FILTERS) {
		plan(story, ENFORCE_SPOT, number % 4);
		status = lessor_filter_set_enforcement(engine, number % 2 != 0, number / 2 % 2 != 0, mode, &ticket);
	} else if (story->now[FILTER_SPOT + which] != 0 && number % 3 == 0) {
		plan(story, FILTER_SPOT + which, 0);
		status = lessor_filter_remove(engine, &filter, mode, &ticket);
	} else {
		plan(story, FILTER_SPOT + which, number + 1);
		status = lessor_filter_add(engine, &filter, true, mode, &ticket);
	}
	return note(story, status, mode, ticket);
}

/* One change. False: the log has failed. */
static bool
tell(story_t *story, lessor_engine_t *engine) {
	const lessor_mode_t mode = torture_below(&story->random, 24) == 0 ? LESSOR_SYNC : LESSOR_ASYNC;
	const uint32_t draw = torture_below(&story->random, 100);
	return draw < 85   ? change_lease(story, engine, mode)
	       : draw < 88 ? change_range(story, engine, mode)
	       : draw < 94 ? change_superscope(story, engine, mode)
			   : change_filter(story, engine, mode);
}

typedef struct {
	lessor_engine_t *engine;
	atomic_bool over;
} keeper_t;

static void *
take_snapshots(void *argument) {
	keeper_t *keeper = argument;
	while (!atomic_load(&keeper->over)) {
		const lessor_status_t status = lessor_snapshot(keeper->engine, NULL);
		REQUIRE(status == LESSOR_OK || status == LESSOR_IO || status == LESSOR_LOG_FAILED);
		if (status != LESSOR_OK) {
			break;
		}
		(void)usleep(500);
	}
	return NULL;
}

static lessor_status_t
try_open(const char *directory, bool read_only, torture_random_t *random, lessor_engine_t **engine,
	 lessor_report_t *report) {
	lessor_options_t options;
	lessor_options_init(&options);
	options.read_only = read_only;
	options.max_leases = 4096;
	options.ring_size_bytes = MIB;
	options.segment_size_bytes = MIB;
	options.snapshot_after_bytes = UINT64_MAX;
	options.flush_gather_us = 1 + torture_below(random, 300);
	return lessor_open(directory, &options, engine, report);
}

static bool
matches(const uint64_t expected[SPOTS], const uint64_t found[SPOTS]) {
	return memcmp(expected, found, SPOTS * sizeof(found[0])) == 0;
}

static void
find_leases(lessor_engine_t *engine, uint64_t found[SPOTS]) {
	for (uint32_t spot = 0; spot < LEASES; spot++) {
		uint64_t number;
		lessor_ticket_t ticket;
		found[spot] = torture_get(engine, SUBNET + 1 + spot, &number, &ticket) == LESSOR_OK ? number + 1 : 0;
	}
}

static void
find_scopes(lessor_engine_t *engine, uint64_t found[SPOTS]) {
	lessor_scope_t scope;
	char name[8];
	uint32_t number = 0;
	found[RANGE_SPOT] = lessor_scope_get(engine, SUBNET, &scope, NULL, 0) == LESSOR_OK && scope.has_range;
	for (; lessor_superscope_next(engine, &number, name, sizeof(name)) == LESSOR_OK; number++) {
		found[SUPERSCOPE_SPOT + (uint32_t)(name[1] - '0')]++;
	}
	for (uint32_t i = 0; i < SCOPES; i++) {
		if (lessor_superscope_of(engine, SUBNET + (i << 8), &number, name, sizeof(name)) == LESSOR_OK &&
		    number != 0) {
			found[MEMBER_SPOT + i] = (uint64_t)(name[1] - '0') + 1;
		}
	}
}

static void
find_filters(lessor_engine_t *engine, uint64_t found[SPOTS]) {
	bool allow;
	bool deny;
	for (unsigned list = 0; list < 2; list++) {
		lessor_filter_t filter;
		char comment[LESSOR_FILTER_COMMENT_MAX_BYTES + 1];
		uint32_t position = 0;
		while (lessor_filter_next(engine, (lessor_filter_list_t)list, &position, &filter, comment,
					  sizeof(comment)) == LESSOR_OK) {
			const unsigned long number = strtoul(filter.comment, NULL, 10);
			REQUIRE(filter.pattern[5] < FILTERS && number % 2 == list);
			found[FILTER_SPOT + filter.pattern[5]] = number + 1;
		}
	}
	REQUIRE_STATUS(lessor_filter_enforcement(engine, &allow, &deny), LESSOR_OK);
	found[ENFORCE_SPOT] = (uint64_t)allow + 2 * (uint64_t)deny;
}

/* Every change up to 'end', the newest position that is left, is there, and none behind it. The story goes on from here. */
static void
verify(story_t *story, lessor_engine_t *engine, lessor_ticket_t end) {
	uint64_t found[SPOTS] = {0};
	REQUIRE(end >= story->durable);
	torture_require_sound(engine);
	find_leases(engine, found);
	find_scopes(engine, found);
	find_filters(engine, found);
	const uint32_t sure = story->count - story->doubts;
	for (uint32_t i = 0; i < sure && story->change[i].ticket <= end; i++) {
		story->before[story->change[i].spot] = story->change[i].number;
	}
	bool good = matches(story->before, found);
	if (!good) {
		for (uint32_t i = sure; i < story->count; i++) {
			story->before[story->change[i].spot] = story->change[i].number;
		}
		good = matches(story->before, found);
	}
	for (uint32_t spot = 0; spot < SPOTS && !good; spot++) {
		if (story->before[spot] != found[spot]) {
			(void)fprintf(stderr, "spot %u: %llu expected, %llu found\n", spot,
				      (unsigned long long)story->before[spot], (unsigned long long)found[spot]);
		}
	}
	REQUIRE(good);
	memcpy(story->before, found, sizeof(found));
	memcpy(story->now, found, sizeof(found));
	story->count = 0;
	story->doubts = 0;
	story->durable = end;
}

/* After the power has failed, what is left is durable: to be seen without changing anything. */
static void
verify_what_is_left(story_t *story, const char *directory) {
	lessor_report_t report;
	lessor_engine_t *engine = NULL;
	const lessor_status_t status = try_open(directory, true, &story->random, &engine, &report);
	if (status == LESSOR_NO_STORE) {
		REQUIRE(story->durable == 0 && story->count == 0); /* it never came into being */
		return;
	}
	if (status != LESSOR_OK) {
		(void)fprintf(stderr, "%s\n", report.sentence);
	}
	REQUIRE_STATUS(status, LESSOR_OK);
	verify(story, engine, report.last_ticket);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
}

/* One life, until the power fails or the store is closed. */
static void
live(story_t *story, const char *directory) {
	lessor_report_t report;
	lessor_engine_t *engine = NULL;
	lessor_scope_t scope;
	pthread_t thread;
	const lessor_status_t opened = try_open(directory, false, &story->random, &engine, &report);
	if (opened != LESSOR_OK) {
		if (!sim_disk_is_off()) {
			(void)fprintf(stderr, "%s\n", report.sentence);
		}
		REQUIRE(sim_disk_is_off() && opened == LESSOR_IO);
		return;
	}
	/* What an open for writing finds is durable from then on, also if the process before was killed. */
	verify(story, engine, report.last_ticket);
	for (uint32_t i = 0; i < SCOPES; i++) {
		if (lessor_scope_get(engine, SUBNET + (i << 8), &scope, NULL, 0) != LESSOR_OK) {
			const lessor_scope_t fresh = {.subnet = SUBNET + (i << 8), .mask = 0xFFFFFF00u};
			const lessor_status_t status = lessor_scope_create(engine, &fresh, LESSOR_SYNC, NULL);
			REQUIRE(status == LESSOR_OK || sim_disk_is_off());
		}
	}
	keeper_t keeper = {.engine = engine};
	const bool with_snapshots = torture_below(&story->random, 2) == 0;
	const uint32_t changes = torture_below(&story->random, CHANGES);
	REQUIRE(!with_snapshots || pthread_create(&thread, NULL, take_snapshots, &keeper) == 0);
	while (lessor_scope_get(engine, SUBNET + ((SCOPES - 1) << 8), &scope, NULL, 0) == LESSOR_OK &&
	       story->count < changes && tell(story, engine)) {
	}
	atomic_store(&keeper.over, true);
	REQUIRE(!with_snapshots || pthread_join(thread, NULL) == 0);
	const lessor_ticket_t durable = lessor_durable_ticket(engine);
	story->durable = durable > story->durable ? durable : story->durable;
	if (lessor_close(&engine) == LESSOR_OK && story->count > 0) {
		story->durable = story->change[story->count - 1].ticket;
	}
}

static torture_random_t luck;

static unsigned
failures_wanted(void) {
	const char *given = getenv("LESSOR_TEST_KILLS");
	return given != NULL ? (unsigned)strtoul(given, NULL, 0) : FAILURES;
}

static void
store_survives_every_power_failure(void **state) {
	static story_t story;
	/* It must exist; no file is ever made in it. */
	static const char directory[] = ".";
	unsigned failures = 0;
	unsigned early = 0;
	unsigned kills = 0;
	(void)state;
	luck = torture_random(UINT64_C(0xD15C));
	story.random = torture_random(UINT64_C(0x57031));
	const unsigned wanted = failures_wanted();
	for (unsigned life = 0; failures < wanted && life < 8 * wanted; life++) {
		/* Half of them end while the store is opened or soon after, and a third by a kill only. */
		const bool is_early = life % 2 == 0;
		const uint32_t steps = torture_below(&luck, is_early ? 30 : 600);
		const bool by_kill = torture_below(&luck, 3) == 0;
		sim_disk_end_after(steps, by_kill, false);
		live(&story, directory);
		const bool failed = sim_disk_is_off() && !by_kill;
		kills += sim_disk_is_off() && by_kill;
		failures += failed;
		early += failed && is_early;
		sim_disk_come_back(&luck);
		if (failed) {
			verify_what_is_left(&story, directory);
		}
	}
	print_message("%u power failures, %u of them early, and %u kills between them\n", failures, early, kills);
	REQUIRE(failures == wanted);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(store_survives_every_power_failure),
	};
	sim_disk_use();
	(void)torture_seed();
	return cmocka_run_group_tests_name("power", tests, NULL, NULL);
}
