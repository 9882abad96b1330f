/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory ahead of its use: arenas that are touched and looked after, the thread that does it, and engines that are told how many leases to expect.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/provisioner.h"
#include "scratch.h"

#define STEP   LSR_ARENA_STEP_BYTES
#define MIB    ((size_t)1 << 20)
#define SUBNET IP(10, 0, 0, 0)

static size_t
committed(lsr_arena_t *arena) {
	return atomic_load(&arena->committed_bytes);
}

static size_t
comfortable(lsr_arena_t *arena) {
	return atomic_load(&arena->comfortable_bytes);
}

static void
assert_zero(const lsr_arena_t *arena, size_t from_bytes, size_t to_bytes) {
	for (size_t at = from_bytes; at < to_bytes; at += 1021) {
		assert_int_equal(arena->base[at], 0);
	}
	assert_int_equal(arena->base[to_bytes - 1], 0);
}

/* Pages of the first size_bytes that are not in memory. */
static size_t
count_absent(const lsr_arena_t *arena, size_t size_bytes) {
	const size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	const size_t pages = size_bytes / page_bytes;
	unsigned char *present = calloc(pages, 1);
	size_t absent = 0;
	assert_non_null(present);
	assert_int_equal(mincore(arena->base, size_bytes, present), 0);
	for (size_t i = 0; i < pages; i++) {
		absent += (present[i] & 1u) == 0;
	}
	free(present);
	return absent;
}

/* Older kernels do not know how to populate, and may leave it. */
static bool
kernel_populates(void) {
	const size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	void *page = mmap(NULL, page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool done;
	assert_true(page != MAP_FAILED);
	done = madvise(page, page_bytes, MADV_POPULATE_WRITE) == 0;
	(void)munmap(page, page_bytes);
	return done;
}

/* ---- one arena ------------------------------------------------------------------------------------------------------------- */

static void
test_touch(void **state) {
	lsr_arena_t arena;
	(void)state;
	assert_true(lsr_arena_init(&arena, 8 * STEP));
	assert_true(lsr_arena_touch(&arena, 3 * STEP + 1));
	assert_int_equal(committed(&arena), 4 * STEP);
	assert_int_equal(comfortable(&arena), 4 * STEP); /* nobody looks after it */
	assert_zero(&arena, 0, 4 * STEP);
	arena.base[0] = 1;
	arena.base[4 * STEP - 1] = 2;
	assert_true(lsr_arena_touch(&arena, STEP));
	assert_int_equal(committed(&arena), 4 * STEP);
	assert_false(lsr_arena_touch(&arena, 8 * STEP + 1));
	assert_int_equal(committed(&arena), 4 * STEP);
	assert_true(lsr_arena_touch(&arena, 8 * STEP));
	assert_int_equal(committed(&arena), 8 * STEP);
	assert_int_equal(arena.base[0], 1);
	assert_int_equal(arena.base[4 * STEP - 1], 2);
	assert_zero(&arena, 4 * STEP, 8 * STEP);
	lsr_arena_destroy(&arena);
}

static void
test_touched_is_in_memory(void **state) {
	lsr_arena_t arena;
	(void)state;
	if (!kernel_populates()) {
		skip();
	}
	assert_true(lsr_arena_init(&arena, 8 * STEP));
	assert_true(lsr_arena_ensure(&arena, 2 * STEP)); /* usable, but nobody has been there */
	assert_int_not_equal(count_absent(&arena, 2 * STEP), 0);
	assert_true(lsr_arena_touch(&arena, 5 * STEP));
	assert_int_equal(count_absent(&arena, 5 * STEP), 0);
	lsr_arena_destroy(&arena);
}

/* A provisioner that only notes that it was asked. */
static void
note_asks(lsr_provisioner_t *provisioner) {
	memset(provisioner, 0, sizeof(*provisioner));
	provisioner->runs = true; /* so that it starts no thread */
	assert_int_equal(pthread_mutex_init(&provisioner->lock, NULL), 0);
	assert_int_equal(pthread_cond_init(&provisioner->asked, NULL), 0);
}

static bool
was_asked(lsr_provisioner_t *provisioner) {
	const bool asked = provisioner->has_work;
	provisioner->has_work = false;
	return asked;
}

static void
forget_asks(lsr_provisioner_t *provisioner) {
	(void)pthread_cond_destroy(&provisioner->asked);
	(void)pthread_mutex_destroy(&provisioner->lock);
}

static void
test_comfort(void **state) {
	static const size_t sizes[] = {0, STEP, 16 * STEP, 64 * MIB, 128 * MIB};
	lsr_provisioner_t provisioner;
	(void)state;
	note_asks(&provisioner);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		lsr_arena_t arena;
		assert_true(lsr_arena_init(&arena, 512 * MIB));
		assert_true(lsr_arena_ensure(&arena, sizes[i]));
		assert_int_equal(comfortable(&arena), sizes[i]);
		lsr_arena_look_after(&arena, &provisioner);
		assert_ptr_equal(arena.provisioner, &provisioner);
		assert_int_equal(committed(&arena), sizes[i]);
		assert_true(comfortable(&arena) <= sizes[i]);
		assert_true(comfortable(&arena) >= sizes[i] - sizes[i] / 16);
		assert_true(sizes[i] == 0 || comfortable(&arena) < sizes[i]);
		assert_false(was_asked(&provisioner));
		lsr_arena_destroy(&arena);
	}
	forget_asks(&provisioner);
}

static void
test_one_ask_for_each_stretch(void **state) {
	lsr_provisioner_t provisioner;
	lsr_arena_t arena;
	(void)state;
	note_asks(&provisioner);
	assert_true(lsr_arena_init(&arena, 512 * MIB));
	assert_true(lsr_arena_ensure(&arena, 64 * MIB));
	lsr_arena_look_after(&arena, &provisioner);
	for (unsigned stretch = 0; stretch < 12; stretch++) {
		const size_t had = committed(&arena);
		const size_t edge = comfortable(&arena);
		size_t gained;
		assert_true(lsr_arena_ensure(&arena, edge));
		assert_false(was_asked(&provisioner));
		assert_true(lsr_arena_ensure(&arena, edge + 1));
		assert_true(was_asked(&provisioner));
		for (size_t needed = edge + 2; needed <= had; needed += (had - edge) / 7) {
			assert_true(lsr_arena_ensure(&arena, needed));
		}
		assert_false(was_asked(&provisioner));
		assert_int_equal(committed(&arena), had);
		lsr_arena_go_ahead(&arena);
		gained = committed(&arena) - had;
		assert_true(gained >= STEP);
		assert_true(gained <= (had / 16 < 32 * MIB ? had / 16 : 32 * MIB) + 2 * STEP);
		assert_true(comfortable(&arena) > had - STEP);
		assert_true(comfortable(&arena) <= committed(&arena));
		assert_zero(&arena, had, committed(&arena));
		/* Nobody has asked since. */
		lsr_arena_go_ahead(&arena);
		assert_int_equal(committed(&arena), had + gained);
	}
	lsr_arena_destroy(&arena);
	forget_asks(&provisioner);
}

/* Whoever is faster than the provisioner helps himself. */
static void
test_growth_without_waiting(void **state) {
	lsr_provisioner_t provisioner;
	lsr_arena_t arena;
	(void)state;
	note_asks(&provisioner);
	assert_true(lsr_arena_init(&arena, 64 * STEP));
	lsr_arena_look_after(&arena, &provisioner);
	for (size_t step = 1; step <= 64; step++) {
		assert_true(lsr_arena_ensure(&arena, step * STEP));
		assert_true(committed(&arena) >= step * STEP);
		arena.base[step * STEP - 1] = 1;
	}
	assert_false(lsr_arena_ensure(&arena, 64 * STEP + 1));
	lsr_arena_go_ahead(&arena);
	assert_int_equal(committed(&arena), 64 * STEP);
	lsr_arena_destroy(&arena);
	forget_asks(&provisioner);
}

/* ---- the thread ---------------------------------------------------------------------------------------------------------------- */

static void
test_stop_is_idempotent(void **state) {
	lsr_provisioner_t provisioner;
	lsr_arena_t arena;
	lsr_arena_t *const arenas[] = {&arena};
	(void)state;
	memset(&provisioner, 0, sizeof(provisioner));
	lsr_provisioner_stop(&provisioner);
	lsr_provisioner_stop(&provisioner);
	assert_true(lsr_arena_init(&arena, 8 * STEP));
	for (unsigned i = 0; i < 3; i++) {
		lsr_provisioner_start(&provisioner, arenas, 1);
		assert_false(provisioner.runs); /* not needed yet */
		assert_ptr_equal(arena.provisioner, &provisioner);
		if (i > 0) {
			lsr_provisioner_ask(&provisioner);
			assert_true(provisioner.runs);
		}
		lsr_provisioner_stop(&provisioner);
		assert_false(provisioner.runs);
		lsr_provisioner_stop(&provisioner);
	}
	lsr_arena_destroy(&arena);
}

static void
test_thread_goes_ahead(void **state) {
	lsr_provisioner_t provisioner;
	lsr_arena_t arena[LSR_PROVISIONER_ARENAS];
	lsr_arena_t *arenas[LSR_PROVISIONER_ARENAS];
	(void)state;
	for (unsigned i = 0; i < LSR_PROVISIONER_ARENAS; i++) {
		arenas[i] = &arena[i];
		assert_true(lsr_arena_init(&arena[i], 64 * STEP));
		assert_true(lsr_arena_ensure(&arena[i], 4 * STEP));
	}
	lsr_provisioner_start(&provisioner, arenas, LSR_PROVISIONER_ARENAS);
	for (unsigned i = LSR_PROVISIONER_ARENAS; i-- > 0;) {
		for (unsigned times = 0; times < 5; times++) {
			const size_t had = committed(&arena[i]);
			assert_true(lsr_arena_ensure(&arena[i], had));
			while (committed(&arena[i]) == had) {
				(void)sched_yield();
			}
			assert_true(committed(&arena[i]) >= had + STEP);
			assert_zero(&arena[i], had, committed(&arena[i]));
		}
	}
	lsr_provisioner_stop(&provisioner);
	for (unsigned i = 0; i < LSR_PROVISIONER_ARENAS; i++) {
		lsr_arena_destroy(&arena[i]);
	}
}

#define GROWERS 4u
#define STEPS   48u

typedef struct {
	pthread_t thread;
	lsr_arena_t *arena;
	unsigned number;
	unsigned wrong;
} grower_t;

/* A byte of its own in every 64 KiB: zero before, and kept. */
static void *
grow_along(void *argument) {
	grower_t *me = argument;
	for (size_t at = me->number * 64; at < STEPS * STEP; at += 65536) {
		me->wrong += !lsr_arena_ensure(me->arena, at + 1) || me->arena->base[at] != 0;
		me->wrong += committed(me->arena) <= at;
		me->arena->base[at] = (unsigned char)(me->number + 1);
	}
	return NULL;
}

static void
test_many_threads_and_a_provisioner(void **state) {
	(void)state;
	for (unsigned round = 0; round < 4; round++) {
		lsr_provisioner_t provisioner;
		lsr_arena_t arena;
		lsr_arena_t *const arenas[] = {&arena};
		grower_t growers[GROWERS];
		assert_true(lsr_arena_init(&arena, STEPS * STEP));
		lsr_provisioner_start(&provisioner, arenas, 1);
		for (unsigned i = 0; i < GROWERS; i++) {
			growers[i] = (grower_t){.arena = &arena, .number = i};
			assert_int_equal(pthread_create(&growers[i].thread, NULL, grow_along, &growers[i]), 0);
		}
		for (unsigned i = 0; i < GROWERS; i++) {
			assert_int_equal(pthread_join(growers[i].thread, NULL), 0);
			assert_int_equal(growers[i].wrong, 0);
		}
		lsr_provisioner_stop(&provisioner);
		assert_int_equal(committed(&arena), STEPS * STEP);
		for (size_t at = 0; at < STEPS * STEP; at += 65536) {
			for (unsigned i = 0; i < GROWERS; i++) {
				assert_int_equal(arena.base[at + (size_t)i * 64], i + 1);
			}
		}
		lsr_arena_destroy(&arena);
	}
}

/* ---- engines ------------------------------------------------------------------------------------------------------------------ */

static lessor_status_t
open_expecting(const char *directory, uint64_t expected, uint64_t most, lessor_engine_t **engine) {
	lessor_options_t options;
	scratch_options_log(&options);
	options.log = directory != NULL;
	options.max_leases = most;
	options.expected_leases = expected;
	*engine = NULL;
	return lessor_open(directory, &options, engine, NULL);
}

static uint64_t
memory_of(lessor_engine_t *engine) {
	lessor_engine_stats_t stats;
	assert_status(LESSOR_OK, lessor_engine_stats(engine, &stats));
	return stats.memory_bytes;
}

/* In lots, as somebody would who expects many. */
static void
create_leases(lessor_engine_t *engine, uint32_t first, uint32_t count) {
	enum { LOT = 1000 };
	static uint8_t ids[LOT][6];
	static lessor_lease_t leases[LOT];
	static lessor_status_t statuses[LOT];
	for (uint32_t done = 0; done < count; done += LOT) {
		const uint32_t lot = count - done < LOT ? count - done : LOT;
		for (uint32_t i = 0; i < lot; i++) {
			leases[i] = scratch_lease_numbered(SUBNET + 1 + first + done + i, first + done + i, ids[i]);
		}
		assert_status(LESSOR_OK, lessor_lease_create_batch(engine, leases, lot, statuses, LESSOR_ASYNC, NULL));
		for (uint32_t i = 0; i < lot; i++) {
			assert_status(LESSOR_OK, statuses[i]);
		}
	}
}

static void
assert_leases(lessor_engine_t *engine, uint32_t count) {
	uint8_t buffer[64];
	lessor_engine_stats_t stats;
	lessor_lease_t lease;
	assert_status(LESSOR_OK, lessor_engine_stats(engine, &stats));
	assert_int_equal(stats.leases, count);
	for (uint32_t i = 0; i < count; i += 37) {
		uint8_t id[6];
		(void)scratch_lease_numbered(1, i, id);
		assert_status(LESSOR_OK,
			      lessor_lease_get_client(engine, SUBNET, id, 6, &lease, buffer, sizeof(buffer)));
		assert_int_equal(lease.address, SUBNET + 1 + i);
	}
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
}

static void
test_accepted_expectations(void **state) {
	static const struct {
		uint64_t expected;
		uint64_t most;
		lessor_status_t status;
	} cases[] = {
		{0, 1000, LESSOR_OK},
		{1, 1000, LESSOR_OK},
		{999, 1000, LESSOR_OK},
		{1000, 1000, LESSOR_OK},
		{1001, 1000, LESSOR_INVALID},
		{1, 1, LESSOR_OK},
		{2, 1, LESSOR_INVALID},
		{100000, 100000, LESSOR_OK},
		{100000, 0, LESSOR_OK},
		{UINT64_C(1) << 32, 0, LESSOR_INVALID},
		{UINT64_MAX, UINT32_MAX, LESSOR_INVALID},
	};
	lessor_options_t options;
	(void)state;
	memset(&options, SCRATCH_POISON, sizeof(options));
	lessor_options_init(&options);
	assert_int_equal(options.expected_leases, 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		lessor_engine_t *engine;
		assert_status(cases[i].status, open_expecting(NULL, cases[i].expected, cases[i].most, &engine));
		assert_true((engine != NULL) == (cases[i].status == LESSOR_OK));
		if (engine != NULL) {
			scratch_scope_add(engine, SUBNET, UINT32_C(0xFFFF0000), true);
			create_leases(engine, 0, 1);
			assert_leases(engine, 1);
			scratch_close(engine);
		}
	}
}

/* A caller of an older header ends before it: what lies there is not looked at. */
static void
test_unknown_to_an_older_caller(void **state) {
	lessor_engine_t *engine = NULL;
	lessor_options_t options;
	(void)state;
	scratch_options_memory(&options);
	options.size_bytes = offsetof(lessor_options_t, expected_leases);
	options.expected_leases = UINT64_MAX;
	assert_status(LESSOR_OK, lessor_open(NULL, &options, &engine, NULL));
	scratch_close(engine);
}

#define EXPECTED 200000u

static void
test_memory_is_taken_at_once(void **state) {
	lessor_engine_t *plain;
	lessor_engine_t *prepared;
	uint64_t plain_bytes;
	uint64_t prepared_bytes;
	(void)state;
	assert_status(LESSOR_OK, open_expecting(NULL, 0, 1u << 20, &plain));
	assert_status(LESSOR_OK, open_expecting(NULL, EXPECTED, 1u << 20, &prepared));
	scratch_scope_add(plain, SUBNET, UINT32_C(0xFFF00000), true);
	scratch_scope_add(prepared, SUBNET, UINT32_C(0xFFF00000), true);
	plain_bytes = memory_of(plain);
	prepared_bytes = memory_of(prepared);
	assert_in_range(prepared_bytes, plain_bytes + 60 * (uint64_t)EXPECTED,
			plain_bytes + 100 * (uint64_t)EXPECTED + 4 * STEP);
	create_leases(plain, 0, EXPECTED);
	create_leases(prepared, 0, EXPECTED);
	/* What comes later is for tables and overflow, not for records. */
	assert_true(memory_of(prepared) - prepared_bytes < (memory_of(plain) - plain_bytes) / 2);
	assert_leases(prepared, EXPECTED);
	scratch_close(prepared);
	scratch_close(plain);
}

static void
test_more_than_expected(void **state) {
	static const uint32_t expectations[] = {0, 1, 10000};
	(void)state;
	for (size_t i = 0; i < COUNT(expectations); i++) {
		lessor_engine_t *engine;
		assert_status(LESSOR_OK, open_expecting(NULL, expectations[i], 1u << 20, &engine));
		scratch_scope_add(engine, SUBNET, UINT32_C(0xFFF00000), true);
		create_leases(engine, 0, 50000);
		assert_leases(engine, 50000);
		scratch_close(engine);
	}
}

/* What was expected is of no consequence to what is kept. */
static void
test_expectations_and_a_log(void **state) {
	static const uint32_t expectations[] = {1000, 0, 30000, 1};
	char directory[SCRATCH_PATH_BYTES];
	lessor_engine_t *engine;
	uint32_t leases = 0;
	(void)state;
	scratch_make_fast(directory);
	for (size_t i = 0; i < COUNT(expectations); i++) {
		assert_status(LESSOR_OK, open_expecting(directory, expectations[i], 1u << 20, &engine));
		if (i == 0) {
			scratch_scope_add(engine, SUBNET, UINT32_C(0xFFF00000), true);
		}
		assert_leases(engine, leases);
		create_leases(engine, leases, 5000);
		leases += 5000;
		assert_status(LESSOR_OK, i == 1 ? lessor_snapshot(engine, NULL) : LESSOR_OK);
		assert_leases(engine, leases);
		scratch_close(engine);
	}
	scratch_remove(directory);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_touch),
		cmocka_unit_test(test_touched_is_in_memory),
		cmocka_unit_test(test_comfort),
		cmocka_unit_test(test_one_ask_for_each_stretch),
		cmocka_unit_test(test_growth_without_waiting),
		cmocka_unit_test(test_stop_is_idempotent),
		cmocka_unit_test(test_thread_goes_ahead),
		cmocka_unit_test(test_many_threads_and_a_provisioner),
		cmocka_unit_test(test_accepted_expectations),
		cmocka_unit_test(test_unknown_to_an_older_caller),
		cmocka_unit_test(test_memory_is_taken_at_once),
		cmocka_unit_test(test_more_than_expected),
		cmocka_unit_test(test_expectations_and_a_log),
	};
	cmocka_set_test_filter(getenv("LESSOR_TEST_FILTER"));
	return cmocka_run_group_tests_name("provisioner", tests, NULL, NULL);
}
