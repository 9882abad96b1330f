/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The promise of the map of free addresses, in every order in which a few threads can take their steps: when freeing a place has returned, every search
 * finds it, whatever the others are in the middle of; and at rest the map is sound.
 *
 * The map's own code runs here, with atomic operations that hand over to a scheduler first. "Threads" are coroutines, so a schedule is a list of choices, and
 * all of them with a few switches away from one that could have gone on are tried. The order is sequentially consistent, as that of
 * the operations concerned is.
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
static bool something_changed; /* by the step that was just taken */

static inline uint64_t
step_or(_Atomic uint64_t *word, uint64_t bits) {
	take_step();
	const uint64_t before = *word;
	something_changed = true;
	*word = before | bits;
	return before;
}

static inline uint64_t
step_and(_Atomic uint64_t *word, uint64_t bits) {
	take_step();
	const uint64_t before = *word;
	something_changed = true;
	*word = before & bits;
	return before;
}

static inline uint32_t
step_exchange(_Atomic uint32_t *word, uint32_t value) {
	take_step();
	const uint32_t before = *word;
	something_changed = before != value;
	*word = value;
	return before;
}

#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_fetch_or_explicit
#undef atomic_fetch_and_explicit
#undef atomic_exchange_explicit
#define atomic_load_explicit(object, order)             (take_step(), *(object))
#define atomic_store_explicit(object, value, order)     (take_step(), something_changed = true, (void)(*(object) = (value)))
#define atomic_fetch_or_explicit(object, value, order)  step_or(object, value)
#define atomic_fetch_and_explicit(object, value, order) step_and(object, value)
#define atomic_exchange_explicit(object, value, order)  step_exchange(object, value)
#define lsr_relax                                       wait_for_another

#include "lease/free_map.c"

#define THREADS_MAX    3u
#define OPERATIONS_MAX 2u
#define STEPS_MAX      256u
#define STACK_BYTES    ((size_t)64 << 10)
#define WORDS          128u /* three levels: 128 words, 2, 1 */
#define PLACES         (WORDS * 64)

enum { TAKE, FREE };

typedef struct {
	int kind;
	uint32_t place;
} lsr_operation_t;

typedef struct {
	uint32_t free_at_first[2]; /* PLACES: none */
	unsigned threads;
	lsr_operation_t operation[THREADS_MAX][OPERATIONS_MAX];
	unsigned operations;
} lsr_scene_t;

/* ---- threads --------------------------------------------------------------------------------------------------------- */

typedef struct {
	ucontext_t context;
	unsigned char *stack;
	bool done;
	bool waits; /* until another one has changed something */
} lsr_thread_t;

static lsr_thread_t threads[THREADS_MAX];
static ucontext_t scheduler;
static unsigned running; /* THREADS_MAX: the scheduler */
static const lsr_scene_t *scene;
static lsr_free_map_t map;
static uint32_t promised[THREADS_MAX * OPERATIONS_MAX]; /* places that have to be found now */
static unsigned promises;

static void
hand_over(void) {
	(void)swapcontext(&threads[running].context, &scheduler);
}

static void
take_step(void) {
	if (running != THREADS_MAX) {
		hand_over();
	}
}

void
wait_for_another(unsigned *round) {
	(void)round;
	threads[running].waits = true;
	hand_over();
}

static void
take_back(uint32_t place) {
	for (unsigned i = 0; i < promises; i++) {
		if (promised[i] == place) {
			promised[i] = promised[--promises];
		}
	}
}

static void
live(void) {
	for (unsigned i = 0; i < scene->operations; i++) {
		const lsr_operation_t *operation = &scene->operation[running][i];
		if (operation->kind == TAKE) {
			take_back(operation->place);
			lsr_map_take(&map, operation->place);
		} else {
			lsr_map_free(&map, operation->place);
			promised[promises++] = operation->place;
		}
	}
	threads[running].done = true;
	hand_over();
}

static bool
can_run(unsigned thread) {
	return !threads[thread].done && !threads[thread].waits;
}

static void
run_one_step(unsigned thread) {
	running = thread;
	something_changed = false;
	(void)swapcontext(&scheduler, &threads[thread].context);
	running = THREADS_MAX;
	for (unsigned i = 0; something_changed && i < scene->threads; i++) {
		threads[i].waits = threads[i].waits && i == thread;
	}
}

/* ---- schedules ------------------------------------------------------------------------------------------------------- */

typedef struct {
	unsigned chosen;  /* which of the options; 0: whoever ran before, if he can */
	unsigned options; /* how many there were, within the allowance of preemptions */
} lsr_choice_t;

static lsr_choice_t choices[STEPS_MAX];
static unsigned char saved[(WORDS + 2 * 3) * sizeof(uint64_t)];

static void *
memory_of_map(void) {
	return lsr_map_level_1(&map) - 1;
}

static void
begin_run(void) {
	memcpy(memory_of_map(), saved, sizeof(saved));
	promises = 0;
	for (unsigned i = 0; i < scene->threads; i++) {
		threads[i].done = threads[i].waits = false;
		(void)getcontext(&threads[i].context);
		threads[i].context.uc_stack.ss_sp = threads[i].stack;
		threads[i].context.uc_stack.ss_size = STACK_BYTES;
		makecontext(&threads[i].context, live, 0);
	}
}

/* The options at one step: the one that ran first, if he can go on, then the others if it may still be interrupted. */
static unsigned
list_options(unsigned last, unsigned preemptions, unsigned list[THREADS_MAX]) {
	const unsigned preemptions_max = scene->threads == 2 ? 4 : 2; /* of three threads there are too many */
	const bool goes_on = last != THREADS_MAX && can_run(last);
	unsigned count = 0;
	if (goes_on) {
		list[count++] = last;
	}
	for (unsigned i = 0; i < scene->threads && (!goes_on || preemptions < preemptions_max); i++) {
		if (i != last && can_run(i)) {
			list[count++] = i;
		}
	}
	return count;
}

/* One schedule: as told by the first 'given' choices, then without preemption. Returns the number of steps. */
static unsigned
run_schedule(unsigned given) {
	unsigned last = THREADS_MAX;
	unsigned preemptions = 0;
	unsigned step = 0;
	begin_run();
	for (;; step++) {
		unsigned list[THREADS_MAX];
		const unsigned count = list_options(last, preemptions, list);
		if (count == 0) {
			break;
		}
		assert_true(step < STEPS_MAX);
		choices[step].options = count;
		choices[step].chosen = step < given ? choices[step].chosen : 0;
		preemptions += choices[step].chosen > 0 && list[0] == last;
		last = list[choices[step].chosen];
		run_one_step(last);
		for (unsigned i = 0; i < promises; i++) {
			assert_true(lsr_map_find(&map, 0, PLACES - 1) <= promised[i]);
		}
	}
	for (unsigned i = 0; i < scene->threads; i++) {
		assert_true(threads[i].done); /* else they wait for each other */
	}
	assert_true(lsr_map_is_sound(&map));
	return step;
}

static void
run_all_schedules(const lsr_scene_t *next) {
	scene = next;
	running = THREADS_MAX;
	assert_true(lsr_map_init(&map, WORDS, 0));
	for (uint32_t place = 0; place < PLACES; place++) {
		if (place != scene->free_at_first[0] && place != scene->free_at_first[1]) {
			lsr_map_take(&map, place);
		}
	}
	assert_int_equal(lsr_map_bytes(&map), sizeof(saved));
	memcpy(saved, memory_of_map(), sizeof(saved));
	unsigned given = 0;
	unsigned schedules = 0;
	do {
		given = run_schedule(given);
		schedules++;
		while (given > 0 && ++choices[given - 1].chosen == choices[given - 1].options) {
			given--;
		}
	} while (given > 0);
	assert_true(schedules > 1);
	print_message("%u schedules\n", schedules);
	lsr_map_destroy(&map);
}

/* ---- scenes ---------------------------------------------------------------------------------------------------------- */

/* Two places of one word, one of its neighbour, one of another word of words: the search begins there and has to come down from the top. */
#define A1   4096u
#define A2   4097u
#define B    (4096u + 64)
#define C    0u
#define NONE PLACES

static const lsr_scene_t scenes[] = {
	{{NONE, NONE}, 2, {{{FREE, A1}}, {{FREE, A2}}}, 1},
	{{NONE, NONE}, 2, {{{FREE, A1}}, {{FREE, B}}}, 1},
	{{NONE, NONE}, 2, {{{FREE, A1}}, {{FREE, C}}}, 1},
	{{A1, NONE}, 2, {{{TAKE, A1}}, {{FREE, A2}}}, 1},
	{{A1, NONE}, 2, {{{TAKE, A1}}, {{FREE, B}}}, 1},
	{{A1, A2}, 2, {{{TAKE, A1}}, {{TAKE, A2}}}, 1},
	{{A1, B}, 2, {{{TAKE, A1}}, {{TAKE, B}}}, 1},
	{{NONE, NONE}, 2, {{{FREE, A1}, {TAKE, A1}}, {{FREE, A2}, {TAKE, A2}}}, 2},
	{{NONE, NONE}, 2, {{{FREE, A1}, {TAKE, A1}}, {{FREE, B}, {TAKE, B}}}, 2},
	{{A1, NONE}, 2, {{{TAKE, A1}, {FREE, A1}}, {{FREE, A2}, {TAKE, A2}}}, 2},
	{{NONE, NONE}, 3, {{{FREE, A1}}, {{FREE, A2}}, {{FREE, B}}}, 1},
	{{A1, NONE}, 3, {{{TAKE, A1}}, {{FREE, A2}}, {{FREE, B}}}, 1},
	{{A1, B}, 3, {{{TAKE, A1}}, {{TAKE, B}}, {{FREE, A2}}}, 1},
};

static void
what_is_free_is_found_in_every_order(void **state) {
	(void)state;
	for (unsigned i = 0; i < THREADS_MAX; i++) {
		threads[i].stack = malloc(STACK_BYTES);
		assert_non_null(threads[i].stack);
	}
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		run_all_schedules(&scenes[i]);
	}
	for (unsigned i = 0; i < THREADS_MAX; i++) {
		free(threads[i].stack);
	}
}

#else

static void
what_is_free_is_found_in_every_order(void **state) {
	(void)state;
	skip();
}

#endif

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_free_is_found_in_every_order),
	};
	return cmocka_run_group_tests_name("free_map_order", tests, NULL, NULL);
}
