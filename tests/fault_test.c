/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each operation on the disk fails in turn, in each way; and each allocation, of each kind of call. A call that is refused says so and has changed nothing; the engine goes on,
 * or is stopped, as engine.h says; and what was acknowledged is there when the store is opened again. (That nothing leaks is for the run with AddressSanitizer to see.)
 *
 * Environment: LESSOR_TEST_SEED; LESSOR_TEST_ROUNDS (how many stories, and calls).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "scratch.h"
#include "sim_disk.h"
#include "sim_store.h"
#include "story.h"
#include "torture.h"

/* ---- allocations ----------------------------------------------------------------------------------------------------- */

/* The functions with __wrap_ in front stand in the place of those without, see CMakeLists.txt. What the disk and the test itself allocate does not count. */
static struct {
	atomic_bool armed;
	atomic_long left; /* until one fails */
	bool for_good;    /* so do all behind it */
	atomic_bool failed;
} memory;

static bool
is_refused(void) {
	if (!atomic_load(&memory.armed) || sim_disk_is_busy()) {
		return false;
	}
	const long left = atomic_fetch_sub(&memory.left, 1);
	const bool refused = left == 0 || (left < 0 && memory.for_good);
	if (refused) {
		atomic_store(&memory.failed, true);
		errno = ENOMEM;
	}
	return refused;
}

static void
arm_memory(long allocations, bool for_good) {
	memory.for_good = for_good;
	atomic_store(&memory.failed, false);
	atomic_store(&memory.left, allocations);
}

static void
around(bool begins) {
	atomic_store(&memory.armed, begins);
}

void *__real_malloc(size_t size_bytes);
void *__real_calloc(size_t count, size_t size_bytes);
void *__real_realloc(void *old, size_t size_bytes);
void *__real_aligned_alloc(size_t alignment, size_t size_bytes);
void *__wrap_malloc(size_t size_bytes);
void *__wrap_calloc(size_t count, size_t size_bytes);
void *__wrap_realloc(void *old, size_t size_bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t size_bytes);
void *__real_mmap(void *address, size_t size_bytes, int protection, int flags, int file, off_t offset);
void *__wrap_mmap(void *address, size_t size_bytes, int protection, int flags, int file, off_t offset);
int __real_mprotect(void *address, size_t size_bytes, int protection);
int __wrap_mprotect(void *address, size_t size_bytes, int protection);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);

void *
__wrap_malloc(size_t size_bytes) {
	return is_refused() ? NULL : __real_malloc(size_bytes);
}

void *
__wrap_calloc(size_t count, size_t size_bytes) {
	return is_refused() ? NULL : __real_calloc(count, size_bytes);
}

void *
__wrap_realloc(void *old, size_t size_bytes) {
	return is_refused() ? NULL : __real_realloc(old, size_bytes);
}

void *
__wrap_aligned_alloc(size_t alignment, size_t size_bytes) {
	return is_refused() ? NULL : __real_aligned_alloc(alignment, size_bytes);
}

void *
__wrap_mmap(void *address, size_t size_bytes, int protection, int flags, int file, off_t offset) {
	return is_refused() ? MAP_FAILED : __real_mmap(address, size_bytes, protection, flags, file, offset);
}

/* Address space that was reserved becomes memory. */
int
__wrap_mprotect(void *address, size_t size_bytes, int protection) {
	return is_refused() ? -1 : __real_mprotect(address, size_bytes, protection);
}

int
__wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument) {
	return is_refused() ? EAGAIN : __real_pthread_create(thread, attributes, run, argument);
}

/* ---- looking --------------------------------------------------------------------------------------------------------- */

static char where[200];

#define HOLDS(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			(void)fprintf(stderr, "%s\n", where);                                                          \
			REQUIRE(condition);                                                                            \
		}                                                                                                      \
	} while (0)

static void
require_sound(lessor_engine_t *engine) {
	lessor_report_t report;
	const lessor_status_t status = lessor_check(engine, &report);
	if (status != LESSOR_OK) {
		(void)fprintf(stderr, "lessor_check: %s\n", report.sentence);
	}
	HOLDS(status == LESSOR_OK);
}

/* The disk is in order again: the store opens, and is as the story says, with everything that was promised. */
static void
require_reopens(story_t *story) {
	lessor_report_t report;
	lessor_engine_t *engine = NULL;
	sim_disk_fault(SIM_FAULT_NONE, 0, 0);
	HOLDS(sim_store_try_open(false, &engine, &report) == LESSOR_OK);
	view_t view = view_take(engine);
	HOLDS(report.last_ticket >= sim_store_promised());
	HOLDS(story->count == 0 || story_matches(story, &view, report.last_ticket));
	require_sound(engine);
	view_free(&view);
	sim_store_settle(engine);
	HOLDS(sim_store_close(&engine) == LESSOR_OK);
}

/* ---- the disk -------------------------------------------------------------------------------------------------------- */

#define CALLS 30u

/* Stopped: no changes any more, nothing that is not durable will be; everything can still be read. */
static void
require_stopped(story_t *story) {
	view_t before = view_take(story->engine);
	const lessor_ticket_t last = lessor_last_ticket(story->engine);
	const lessor_scope_t scope = {.subnet = IP(10, 9, 0, 0), .mask = IP(255, 255, 255, 0)};
	HOLDS(lessor_scope_create(story->engine, &scope, LESSOR_ASYNC, NULL) == LESSOR_LOG_FAILED);
	HOLDS(lessor_snapshot(story->engine, NULL) != LESSOR_OK);
	HOLDS(lessor_ticket_wait(story->engine, last, 0) ==
	      (lessor_durable_ticket(story->engine) < last ? LESSOR_LOG_FAILED : LESSOR_OK));
	view_t after = view_take(story->engine);
	HOLDS(view_is_equal(&before, &after));
	view_free(&before);
	view_free(&after);
	require_sound(story->engine);
}

/* A life of a store: some calls, a snapshot among them, while the disk is as it is. */
static void
live(story_t *story) {
	lessor_status_t status = LESSOR_OK;
	lessor_engine_t *engine = sim_store_open();
	if (engine == NULL) {
		return;
	}
	story_open(story, engine);
	for (unsigned i = 0; i < CALLS && status != LESSOR_LOG_FAILED; i++) {
		status = i == CALLS / 2 ? lessor_snapshot(engine, NULL) : story_tell(story, false);
		status = status == LESSOR_OK && i % 3 == 0 ? story_wait(story) : status;
		HOLDS(status == LESSOR_OK || sim_store_is_excused());
		sim_store_settle(engine);
	}
	if (status == LESSOR_LOG_FAILED) {
		require_stopped(story);
	} else {
		require_sound(engine);
	}
	HOLDS(sim_store_close(&engine) == (status == LESSOR_LOG_FAILED ? LESSOR_LOG_FAILED : LESSOR_OK) ||
	      sim_store_is_excused());
}

/* Two lives, the second on what the first one left. Returns how many operations it took; the fault is in one of them. */
static size_t
try_fault(uint64_t number, sim_fault_t fault, size_t at, int error) {
	story_t story;
	story_init(&story, torture_random(number));
	sim_disk_load(NULL);
	sim_store_promise(0);
	sim_disk_observe(sim_store_promised);
	sim_disk_hook(sim_store_gate);
	sim_disk_fault(fault, at, error);
	live(&story);
	live(&story);
	const size_t operations = sim_disk_operations();
	HOLDS(fault != SIM_FAULT_SHORT || story.count > 0);
	require_reopens(&story);
	story_free(&story);
	return operations;
}

static const struct {
	const char *name;
	sim_fault_t fault;
	int error;
} kinds[] = {
	{"EIO", SIM_FAULT_ERROR, EIO},
	{"EIO for good", SIM_FAULT_STUCK, EIO},
	{"ENOSPC", SIM_FAULT_ERROR, ENOSPC},
	{"ENOSPC for good", SIM_FAULT_STUCK, ENOSPC},
	{"half a write", SIM_FAULT_TORN, EIO},
	{"half a write, ENOSPC", SIM_FAULT_TORN, ENOSPC},
	{"short writes", SIM_FAULT_SHORT, EINTR},
};

static void
every_operation_fails_in_turn(void **state) {
	const unsigned long stories = scratch_number("LESSOR_TEST_ROUNDS", 1);
	uint64_t faults = 0;
	(void)state;
	sim_store_begin();
	for (unsigned long number = 0; number < stories; number++) {
		const size_t operations = try_fault(number, SIM_FAULT_NONE, 0, 0);
		const size_t step = scratch_is_sanitized() ? 5 : 1;
		for (size_t kind = 0; kind < COUNT(kinds); kind++) {
			for (size_t at = 0; at < operations; at += step, faults++) {
				(void)snprintf(where, sizeof(where), "story %lu, %s at operation %zu", number,
					       kinds[kind].name, at);
				(void)try_fault(number, kinds[kind].fault, at, kinds[kind].error);
			}
		}
	}
	sim_store_end();
	print_message("%" PRIu64 " faults of the disk\n", faults);
	assert_true(faults > 0);
}

/* ---- memory ---------------------------------------------------------------------------------------------------------- */

/* A store with something of everything in it; the disk holds it, and the story ends with it. */
static void
make_store(story_t *story) {
	sim_disk_load(NULL);
	sim_store_promise(0);
	lessor_engine_t *engine = sim_store_open();
	story_open(story, engine);
	for (unsigned i = 0; i < 150; i++) {
		HOLDS(story_tell(story, false) == LESSOR_OK);
		if (i == 75) {
			HOLDS(lessor_snapshot(engine, NULL) == LESSOR_OK);
		}
	}
	sim_store_settle(engine);
	HOLDS(sim_store_close(&engine) == LESSOR_OK);
}

/* A call, the same each time, while allocation 'at' fails. Returns whether one did. */
static bool
try_call(const sim_image_t *image, uint64_t number, long at, bool for_good) {
	story_t story;
	lessor_report_t report;
	lessor_engine_t *engine = NULL;
	story_init(&story, torture_random(UINT64_C(0xCA11) + number));
	story.calls = 1000 + number;
	sim_disk_load(image);
	HOLDS(sim_store_try_open(false, &engine, &report) == LESSOR_OK);
	sim_store_settle(engine);
	story_open(&story, engine);
	arm_memory(at, for_good);
	story.around = around;
	const lessor_status_t status = story_tell_kind(&story, number % story_kinds());
	story.around = NULL;
	const bool failed = atomic_load(&memory.failed);
	(void)snprintf(where, sizeof(where), "call %" PRIu64 " (%s), allocation %ld%s fails", number, story.what, at,
		       for_good ? " and all behind it" : "");
	HOLDS(status == LESSOR_OK || (failed && status == LESSOR_NO_MEMORY));
	require_sound(engine);
	for (unsigned i = 0; i < 3; i++) {
		HOLDS(story_tell(&story, false) == LESSOR_OK); /* there is memory again */
	}
	sim_store_settle(engine);
	HOLDS(sim_store_close(&engine) == LESSOR_OK);
	require_reopens(&story);
	story_free(&story);
	return failed;
}

static sim_image_t *
image_of_disk(void) {
	torture_random_t unused = torture_random(0);
	sim_crash_t *crash = sim_crash_new();
	while (sim_crash_next(crash)) {
	}
	sim_image_t *image = sim_crash_image(crash, SIM_FATE_KEEP, &unused);
	sim_crash_free(crash);
	return image;
}

static void
every_allocation_of_a_call_fails_in_turn(void **state) {
	const unsigned long calls =
		scratch_number("LESSOR_TEST_ROUNDS", 1) * story_kinds() * (scratch_is_sanitized() ? 1 : 4);
	uint64_t refusals = 0;
	story_t story;
	(void)state;
	sim_store_begin();
	story_init(&story, torture_random(UINT64_C(0x5704E)));
	make_store(&story);
	story_free(&story);
	sim_image_t *image = image_of_disk();
	for (uint64_t number = 0; number < calls; number++) {
		for (unsigned for_good = 0; for_good < 2; for_good++) {
			long at = 0;
			while (try_call(image, number, at, for_good != 0)) {
				at++;
				refusals++;
			}
		}
	}
	sim_image_free(image);
	sim_store_end();
	print_message("%" PRIu64 " allocations failed, of %lu calls\n", refusals, calls);
	assert_true(refusals > 0);
}

/* Opening, while allocation 'at' fails. Returns whether one did. */
static bool
try_open(const sim_image_t *image, const view_t *expected, bool read_only, long at, bool for_good) {
	lessor_report_t report;
	lessor_engine_t *engine = NULL;
	(void)snprintf(where, sizeof(where), "open%s, allocation %ld%s fails", read_only ? " for reading" : "", at,
		       for_good ? " and all behind it" : "");
	sim_disk_load(image);
	sim_disk_fault(SIM_FAULT_NONE, 0, 0);
	arm_memory(at, for_good);
	around(true);
	lessor_status_t status = sim_store_try_open(read_only, &engine, &report);
	around(false);
	const bool failed = atomic_load(&memory.failed);
	HOLDS(status == LESSOR_OK || (failed && status == LESSOR_NO_MEMORY && report.sentence[0] != '\0'));
	HOLDS((status == LESSOR_OK) == (engine != NULL));
	if (engine == NULL) {
		HOLDS(sim_store_try_open(false, &engine, &report) == LESSOR_OK);
	}
	view_t view = view_take(engine);
	HOLDS(expected == NULL || view_is_equal(expected, &view));
	view_free(&view);
	require_sound(engine);
	HOLDS(lessor_close(&engine) == LESSOR_OK);
	return failed;
}

static void
every_allocation_of_an_open_fails_in_turn(void **state) {
	uint64_t refusals = 0;
	story_t story;
	(void)state;
	sim_store_begin();
	story_init(&story, torture_random(UINT64_C(0x09E4)));
	make_store(&story);
	sim_image_t *image = image_of_disk();
	const view_t *expected = &story.steps[story.count - 1].view;
	for (unsigned way = 0; way < 6; way++) {
		const bool is_new = way >= 4;
		long at = 0;
		while (try_open(is_new ? NULL : image, is_new ? NULL : expected, way / 2 == 1, at, way % 2 == 1)) {
			at++;
			refusals++;
		}
	}
	sim_image_free(image);
	story_free(&story);
	sim_store_end();
	print_message("%" PRIu64 " allocations failed, of opens\n", refusals);
	assert_true(refusals > 0);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_operation_fails_in_turn),
		cmocka_unit_test(every_allocation_of_a_call_fails_in_turn),
		cmocka_unit_test(every_allocation_of_an_open_fails_in_turn),
	};
	(void)torture_seed();
	return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
