/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas: what is made usable is zero, stays in place, and nothing beyond it can be touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "test_random.h"

#define STEP LSR_ARENA_STEP_BYTES

/* Can this byte be read? Asked of the kernel, which answers EFAULT where a load would be the end of us. */
static bool
is_readable(const unsigned char *byte) {
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	const ssize_t written = write(ends[1], byte, 1);
	const int error = errno;
	(void)close(ends[0]);
	(void)close(ends[1]);
	assert_true(written == 1 || error == EFAULT);
	return written == 1;
}

static void
memory_comes_in_steps_from_the_front(void **state) {
	(void)state;
	lsr_arena_t arena;
	assert_true(lsr_arena_init(&arena, 5 * STEP));
	assert_int_equal((uintptr_t)arena.base % STEP, 0);
	assert_int_equal(arena.reserved_bytes, 5 * STEP);
	assert_int_equal(atomic_load(&arena.committed_bytes), 0);
	assert_false(is_readable(arena.base));

	assert_true(lsr_arena_ensure(&arena, 1));
	assert_int_equal(atomic_load(&arena.committed_bytes), STEP);
	assert_true(is_readable(arena.base + STEP - 1));
	assert_false(is_readable(arena.base + STEP));

	assert_true(lsr_arena_ensure(&arena, STEP));
	assert_int_equal(atomic_load(&arena.committed_bytes), STEP);
	assert_true(lsr_arena_ensure(&arena, STEP + 1));
	assert_int_equal(atomic_load(&arena.committed_bytes), 2 * STEP);
	assert_true(lsr_arena_ensure(&arena, 5 * STEP));
	assert_true(is_readable(arena.base + 5 * STEP - 1));
	lsr_arena_destroy(&arena);
}

static void
growing_moves_nothing_and_keeps_contents(void **state) {
	(void)state;
	lsr_arena_t arena;
	lsr_random_t random = lsr_random_stream(1);
	unsigned char written[4096];
	assert_true(lsr_arena_init(&arena, 4 * STEP));
	const unsigned char *base = arena.base;
	for (size_t step = 1; step <= 4; step++) {
		assert_true(lsr_arena_ensure(&arena, step * STEP));
		unsigned char *at = arena.base + (step - 1) * STEP;
		for (size_t i = 0; i < STEP; i += 509) {
			assert_int_equal(at[i], 0);
		}
		if (step == 1) {
			lsr_random_fill(&random, written, sizeof(written));
			memcpy(at, written, sizeof(written));
		} else {
			at[STEP - 1] = 1; /* the last byte is usable */
		}
		assert_ptr_equal(arena.base, base);
		assert_memory_equal(arena.base, written, sizeof(written));
	}
	lsr_arena_destroy(&arena);
}

static void
the_reservation_is_the_end(void **state) {
	(void)state;
	lsr_arena_t arena;
	assert_true(lsr_arena_init(&arena, STEP + 1)); /* rounded up to two steps */
	assert_int_equal(arena.reserved_bytes, 2 * STEP);
	assert_true(lsr_arena_ensure(&arena, STEP));
	assert_false(lsr_arena_ensure(&arena, 2 * STEP + 1));
	assert_false(lsr_arena_ensure(&arena, SIZE_MAX / 2));
	assert_int_equal(atomic_load(&arena.committed_bytes), STEP); /* the refusals took nothing */
	assert_true(lsr_arena_ensure(&arena, 2 * STEP));
	assert_false(is_readable(arena.base + 2 * STEP));
	lsr_arena_destroy(&arena);
}

/* More than any machine has, but no more than ThreadSanitizer leaves of the address space. */
#ifdef LSR_TEST_SANITIZED
#define HUGE_BYTES ((size_t)1 << 37)
#else
#define HUGE_BYTES ((size_t)1 << 43)
#endif

static void
reserving_costs_no_memory(void **state) {
	(void)state;
	lsr_arena_t arena;
	assert_true(lsr_arena_init(&arena, HUGE_BYTES));
	assert_true(lsr_arena_ensure(&arena, 1));
	arena.base[0] = 1;
	lsr_arena_destroy(&arena);
}

static void
impossible_reservations_are_refused(void **state) {
	(void)state;
	lsr_arena_t arena;
	assert_false(lsr_arena_init(&arena, (size_t)1 << 62));
	assert_null(arena.base);
	assert_null(arena.mapping);
	lsr_arena_destroy(&arena);
}

static void
destroying_twice_or_nothing_is_harmless(void **state) {
	(void)state;
	lsr_arena_t arena = {0};
	lsr_arena_destroy(&arena);
	assert_true(lsr_arena_init(&arena, STEP));
	lsr_arena_destroy(&arena);
	assert_null(arena.base);
	lsr_arena_destroy(&arena);
}

/* ---- many threads --------------------------------------------------------------------------------------------------- */

#define THREADS 4
#define STEPS   32

typedef struct {
	lsr_arena_t *arena;
	unsigned number;
	unsigned wrong;
} lsr_grower_t;

/* Each thread writes one byte of its own into every step, as soon as it has made sure of it. */
static void *
run_grower(void *argument) {
	lsr_grower_t *grower = argument;
	for (size_t step = 0; step < STEPS; step++) {
		const size_t at = step * STEP + grower->number * 64;
		if (!lsr_arena_ensure(grower->arena, at + 1) || grower->arena->base[at] != 0) {
			grower->wrong++;
		}
		grower->arena->base[at] = (unsigned char)(grower->number + 1);
	}
	return NULL;
}

static void
many_threads_grow_one_arena(void **state) {
	(void)state;
	lsr_arena_t arena;
	pthread_t threads[THREADS];
	lsr_grower_t growers[THREADS];
	assert_true(lsr_arena_init(&arena, STEPS * STEP));
	for (unsigned i = 0; i < THREADS; i++) {
		growers[i] = (lsr_grower_t){.arena = &arena, .number = i};
		assert_int_equal(pthread_create(&threads[i], NULL, run_grower, &growers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(growers[i].wrong, 0);
	}
	for (size_t step = 0; step < STEPS; step++) {
		for (unsigned i = 0; i < THREADS; i++) {
			assert_int_equal(arena.base[step * STEP + i * 64], i + 1);
		}
	}
	lsr_arena_destroy(&arena);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_comes_in_steps_from_the_front),
		cmocka_unit_test(growing_moves_nothing_and_keeps_contents),
		cmocka_unit_test(the_reservation_is_the_end),
		cmocka_unit_test(reserving_costs_no_memory),
		cmocka_unit_test(impossible_reservations_are_refused),
		cmocka_unit_test(destroying_twice_or_nothing_is_harmless),
		cmocka_unit_test(many_threads_grow_one_arena),
	};
	(void)lsr_test_seed();
	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
