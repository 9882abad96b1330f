/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The promises of the ordered index, in many orders in which two or three threads can take their steps.
 *
 * The index's own code runs here, small, with atomic operations that may hand over to another "thread", a coroutine. Small scenes are made at random and so is the
 * order; every look is compared with the history of its keys: what a find, a scan or a look after an approach has said must have been so at some time between
 * its beginning and its end. The order is sequentially consistent: what a processor may exchange beyond that is for ThreadSanitizer and the edges in index.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "test_random.h"

#ifndef LSR_TEST_SANITIZED /* which do not follow a stack that is exchanged */

static void take_step(void);

static inline bool
step_exchange(_Atomic uint32_t *word, uint32_t *expected, uint32_t value) {
	take_step();
	const bool equal = *word == *expected;
	*expected = *word;
	*word = equal ? value : *expected;
	return equal;
}

static inline void
step_add(_Atomic uint64_t *word, uint64_t value) {
	take_step();
	*word += value;
}

#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_compare_exchange_strong_explicit
#undef atomic_fetch_add_explicit
#define atomic_load_explicit(object, order)         (take_step(), *(object))
#define atomic_store_explicit(object, value, order) (take_step(), (void)(*(object) = (value)))
#define atomic_compare_exchange_strong_explicit(object, expected, value, order, otherwise)                             \
	step_exchange(object, expected, value)
#define atomic_fetch_add_explicit(object, value, order) step_add(object, value)
#define lsr_relax                                       wait_for_another
#define lsr_rcu_defer                                   keep_for_later

#define LSR_INDEX_STEP_BYTES 64u
#define LSR_INDEX_LEAF_BYTES 128u
#define LSR_INDEX_INNER_MAX  4u
#define LSR_INDEX_SPARE      2u

#include "lease/index.c"

#define THREADS_MAX    3u
#define OPERATIONS_MAX 6u
#define KEYS           40u
#define WRITES_MAX     (KEYS + THREADS_MAX * OPERATIONS_MAX)
#define STACK_BYTES    ((size_t)64 << 10)
#define STEPS_MAX      100000u

/* ---- the threads ----------------------------------------------------------------------------------------------------- */

typedef struct {
	ucontext_t context;
	unsigned char *stack;
	bool done;
	lsr_index_probe_t probe; /* of an approach made earlier */
	unsigned probe_rank;
} worker_t;

static worker_t workers[THREADS_MAX];
static unsigned threads;
static unsigned unfinished;
static ucontext_t scheduler;
static unsigned running; /* THREADS_MAX: the scheduler */
static bool waits;       /* whoever ran last gave up, because another one has to go on */
static uint64_t now;
static uint64_t patience; /* one of so many steps hands over */
static lsr_random_t order;
static lsr_random_t plan;
static lsr_rcu_head_t *kept[1024];
static unsigned kept_count;

static void
hand_over(void) {
	(void)swapcontext(&workers[running].context, &scheduler);
}

static void
take_step(void) {
	now++;
	if (running != THREADS_MAX && lsr_random_below(&order, patience) == 0) {
		hand_over();
	}
}

void
wait_for_another(unsigned *round) {
	(void)round;
	assert_true(running != THREADS_MAX);
	waits = true;
	hand_over();
}

/* Whoever stands on it has not left its section: nothing is freed before all are done. */
void
keep_for_later(lsr_rcu_head_t *head, void (*function)(lsr_rcu_head_t *head)) {
	assert_true(kept_count < sizeof(kept) / sizeof(kept[0]));
	head->function = function;
	kept[kept_count++] = head;
}

/* ---- the history ------------------------------------------------------------------------------------------------------- */

typedef struct {
	unsigned rank;
	uint32_t value; /* 0: removed */
	uint64_t start;
	uint64_t end;
} write_t;

static write_t writes[WRITES_MAX];
static unsigned write_count;
static uint32_t current[KEYS]; /* of each key, which one thread alone changes */
static lsr_index_t index_under_test;
static unsigned first_of_window; /* operations are on a few neighbours */
static unsigned window;

static uint64_t
key_of(unsigned rank) {
	return (rank + 1) * UINT64_C(10);
}

static bool
was_overwritten(const write_t *one, uint64_t before) {
	for (unsigned i = 0; i < write_count; i++) {
		if (writes[i].rank == one->rank && writes[i].start > one->end && writes[i].end < before) {
			return true;
		}
	}
	return false;
}

/* Can a look from start to end have seen this value, or 0 for none? */
static bool
is_possible(unsigned rank, uint32_t value, uint64_t start, uint64_t end) {
	for (unsigned i = 0; i < write_count; i++) {
		const write_t *one = &writes[i];
		if (one->rank == rank && one->value == value && one->start < end && !was_overwritten(one, start)) {
			return true;
		}
	}
	return false;
}

static void
assert_possible(unsigned rank, uint32_t value, uint64_t start) {
	assert_true(is_possible(rank, value, start, ++now));
}

static write_t *
begin_write(unsigned rank, uint32_t value) {
	write_t *one = &writes[write_count++];
	*one = (write_t){.rank = rank, .value = value, .start = ++now, .end = UINT64_MAX};
	return one;
}

/* ---- operations -------------------------------------------------------------------------------------------------------- */

static void
change(unsigned rank) {
	uint32_t present = 0;
	const uint32_t before = current[rank];
	const uint32_t after = before == 0 ? 1 + (uint32_t)lsr_random_below(&plan, 3) : 0; /* values come again, too */
	write_t *one = begin_write(rank, after);
	if (before == 0) {
		assert_int_equal(lsr_index_insert(&index_under_test, key_of(rank), after, &present), LSR_INDEX_DONE);
	} else {
		assert_true(lsr_index_remove(&index_under_test, key_of(rank), before));
	}
	one->end = ++now;
	current[rank] = after;
}

static void
look(unsigned rank) {
	const uint64_t start = ++now;
	assert_possible(rank, lsr_index_find(&index_under_test, key_of(rank)), start);
}

static void
look_near(worker_t *worker) {
	const uint64_t start = ++now;
	assert_possible(worker->probe_rank, lsr_index_find_near(&worker->probe), start);
}

static void
approach(worker_t *worker, unsigned rank) {
	worker->probe = (lsr_index_probe_t){.index = &index_under_test, .key = key_of(rank)};
	worker->probe_rank = rank;
	lsr_index_approach(&worker->probe, 1);
}

static void
scan(unsigned rank, uint32_t capacity) {
	uint64_t keys[KEYS];
	uint32_t values[KEYS];
	const uint64_t start = ++now;
	const uint32_t count = lsr_index_scan(&index_under_test, key_of(rank), UINT64_MAX, keys, values, capacity);
	uint32_t next = 0;
	assert_true(count <= capacity);
	for (; rank < KEYS && (next < count || count < capacity); rank++) {
		const bool seen = next < count && keys[next] == key_of(rank);
		assert_possible(rank, seen ? values[next] : 0, start);
		next += seen;
	}
	assert_int_equal(next, count); /* ascending, and each once */
}

/* A neighbour that this thread may change. */
static unsigned
own_rank(unsigned rank, unsigned thread) {
	const unsigned own = rank / threads * threads + thread;
	return own < KEYS ? own : thread;
}

static void
operate(worker_t *worker, unsigned thread) {
	const unsigned rank = (first_of_window + (unsigned)lsr_random_below(&plan, window)) % KEYS;
	switch (lsr_random_below(&plan, 8)) {
	case 0:
		look(rank);
		break;
	case 1:
		approach(worker, rank);
		break;
	case 2:
		scan(rank, 1 + (uint32_t)lsr_random_below(&plan, KEYS));
		break;
	default:
		change(own_rank(rank, thread));
		break;
	}
}

static void
live(void) {
	worker_t *worker = &workers[running];
	const unsigned thread = running;
	for (unsigned i = 0; i < OPERATIONS_MAX; i++) {
		operate(worker, thread);
		if (worker->probe.index != NULL) {
			look_near(worker);
		}
	}
	worker->done = true;
	hand_over();
}

/*
 * One place has one key, another one, and the first again, while somebody looks for that. All the rest of the leaf is taken.
 */
static void
live_by_the_script(void) {
	static const unsigned script[] = {0, 5, 5, 0};
	worker_t *worker = &workers[running];
	for (unsigned i = 0; i < sizeof(script) / sizeof(script[0]) && running == 0; i++) {
		change(script[i]);
	}
	if (running != 0) {
		look(0);
	}
	worker->done = true;
	hand_over();
}

/* ---- a scene ------------------------------------------------------------------------------------------------------------ */

static void
begin_scene(unsigned thread_count) {
	now = 0;
	write_count = 0;
	kept_count = 0;
	threads = thread_count;
	waits = false;
	lsr_index_init(&index_under_test);
	for (unsigned rank = 0; rank < KEYS; rank++) {
		current[rank] = 0;
		writes[write_count++] = (write_t){.rank = rank};
	}
}

/* There from the beginning. */
static void
provide(unsigned rank) {
	uint32_t present;
	current[rank] = 1 + (uint32_t)lsr_random_below(&plan, 3);
	writes[rank].value = current[rank];
	assert_int_equal(lsr_index_insert(&index_under_test, key_of(rank), current[rank], &present), LSR_INDEX_DONE);
	now = 1;
}

static void
end_scene(void) {
	lsr_index_shape_t shape;
	uint64_t entries = 0;
	unsigned level;
	assert_true(lsr_index_check(&index_under_test, &shape));
	for (unsigned rank = 0; rank < KEYS; rank++) {
		assert_int_equal(lsr_index_find(&index_under_test, key_of(rank)), current[rank]);
		entries += current[rank] != 0;
	}
	assert_int_equal(shape.entries, entries);
	assert_int_equal(shape.empty_leaves, 0);
	assert_false(root_has_one_child(&index_under_test, &level));
	for (unsigned i = 0; i < kept_count; i++) {
		kept[i]->function(kept[i]);
	}
	lsr_index_destroy(&index_under_test);
}

static void
run_scene(void (*life)(void)) {
	unsigned last = THREADS_MAX;
	unfinished = threads;
	for (unsigned i = 0; i < threads; i++) {
		workers[i].done = false;
		workers[i].probe.index = NULL;
		(void)getcontext(&workers[i].context);
		workers[i].context.uc_stack.ss_sp = workers[i].stack;
		workers[i].context.uc_stack.ss_size = STACK_BYTES;
		makecontext(&workers[i].context, life, 0);
	}
	while (unfinished > 0) {
		unsigned next = (unsigned)lsr_random_below(&order, threads);
		while (workers[next].done || (waits && next == last && unfinished > 1)) {
			next = (next + 1) % threads;
		}
		assert_true(now < STEPS_MAX); /* else they wait for each other, or for nobody */
		waits = false;
		patience = UINT64_C(1) << lsr_random_below(&order, 8); /* short runs among long ones */
		running = last = next;
		(void)swapcontext(&scheduler, &workers[next].context);
		running = THREADS_MAX;
		unfinished -= workers[next].done;
		waits = waits && !workers[next].done;
	}
}

static void
use_seed(uint64_t number) {
	plan = lsr_random_stream(2 * number);
	order = lsr_random_stream(2 * number + 1);
}

static void
every_look_was_true_at_some_time(void **state) {
	(void)state;
	for (uint64_t i = 0; i < 150000; i++) {
		use_seed(i);
		begin_scene(2 + (unsigned)lsr_random_below(&plan, THREADS_MAX - 1));
		first_of_window = (unsigned)lsr_random_below(&plan, KEYS);
		window = 1 + (unsigned)lsr_random_below(&plan, 10);
		const uint64_t share = 1 + lsr_random_below(&plan, 8);
		for (unsigned rank = 0; rank < KEYS; rank++) {
			if (lsr_random_below(&plan, 8) < share) {
				provide(rank * 17 % KEYS);
			}
		}
		run_scene(live);
		end_scene();
	}
}

static void
a_key_that_comes_back_to_its_place_has_its_own_value(void **state) {
	(void)state;
	for (uint64_t i = 0; i < 150000; i++) {
		use_seed(i);
		begin_scene(2);
		for (unsigned rank = 0; rank < 4; rank++) {
			provide(rank);
		}
		run_scene(live_by_the_script);
		end_scene();
	}
}

static int
make_stacks(void **state) {
	(void)state;
	running = THREADS_MAX;
	for (unsigned i = 0; i < THREADS_MAX; i++) {
		workers[i].stack = malloc(STACK_BYTES);
		assert_non_null(workers[i].stack);
	}
	return 0;
}

static int
free_stacks(void **state) {
	(void)state;
	for (unsigned i = 0; i < THREADS_MAX; i++) {
		free(workers[i].stack);
	}
	return 0;
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_look_was_true_at_some_time),
		cmocka_unit_test(a_key_that_comes_back_to_its_place_has_its_own_value),
	};
	(void)lsr_test_seed();
	return cmocka_run_group_tests_name("index_order", tests, make_stacks, free_stacks);
}

#else

static void
not_under_a_sanitizer(void **state) {
	(void)state;
	skip();
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_under_a_sanitizer),
	};
	return cmocka_run_group_tests_name("index_order", tests, NULL, NULL);
}

#endif
