/* SPDX-License-Identifier: Apache-2.0 */
/* The map of free addresses, against an array of booleans; and its promise that what is free is found, among threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "lease/free_map.h"
#include "test_random.h"
#include "torture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
take_all(lsr_free_map_t *map) {
	for (uint32_t place = 0; place < map->words * 64; place++) {
		lsr_map_take(map, place);
	}
}

static uint32_t
naive_find(const bool *taken, uint32_t from, uint32_t last) {
	for (uint32_t place = from; place <= last; place++) {
		if (!taken[place]) {
			return place;
		}
	}
	return LSR_MAP_NONE;
}

/* ---- one thread ------------------------------------------------------------------------------------------------------ */

static void
an_untouched_map_is_free(void **state) {
	(void)state;
	static const uint32_t words[] = {1, 2, 63, 64, 65, 4095, 4096, 4097};
	for (size_t i = 0; i < COUNT(words); i++) {
		lsr_free_map_t map;
		assert_true(lsr_map_init(&map, words[i], 0));
		const uint32_t last = words[i] * 64 - 1;
		assert_int_equal(lsr_map_find(&map, 0, last), 0);
		assert_int_equal(lsr_map_find(&map, last, last), last);
		assert_int_equal(lsr_map_find(&map, last, last - 1), LSR_MAP_NONE);
		assert_true(lsr_map_is_sound(&map));
		lsr_map_destroy(&map);
	}
}

/* Whichever place is the only free one, of however many: it is found from everywhere in front of it, and from nowhere behind. */
static void
the_only_free_place_is_found(void **state) {
	(void)state;
	static const uint32_t words[] = {1, 2, 64, 65, 4096, 4097, 1u << 14};
	lsr_random_t random = lsr_random_stream(1);
	for (size_t i = 0; i < COUNT(words); i++) {
		lsr_free_map_t map;
		assert_true(lsr_map_init(&map, words[i], 0));
		const uint32_t last = words[i] * 64 - 1;
		take_all(&map);
		assert_true(lsr_map_is_sound(&map));
		assert_int_equal(lsr_map_find(&map, 0, last), LSR_MAP_NONE);
		for (unsigned round = 0; round < 200; round++) {
			const uint32_t place = round == 0   ? 0
					       : round == 1 ? last
							    : (uint32_t)lsr_random_below(&random, last + 1);
			const uint32_t before = (uint32_t)lsr_random_below(&random, place + 1);
			lsr_map_free(&map, place);
			assert_true(lsr_map_is_sound(&map));
			assert_int_equal(lsr_map_find(&map, 0, last), place);
			assert_int_equal(lsr_map_find(&map, before, place), place);
			assert_int_equal(lsr_map_find(&map, place, last), place);
			assert_true(place == last || lsr_map_find(&map, place + 1, last) == LSR_MAP_NONE);
			assert_true(place == 0 || lsr_map_find(&map, 0, place - 1) == LSR_MAP_NONE);
			lsr_map_take(&map, place);
		}
		assert_true(lsr_map_is_sound(&map));
		lsr_map_destroy(&map);
	}
}

/* Fill and empty in long runs, so that whole words, and words of words, become full and stop being it. */
static void
random_places_against_an_array(void **state) {
	(void)state;
	static const uint32_t words[] = {1, 3, 64, 130, 4100};
	lsr_random_t random = lsr_random_stream(2);
	for (size_t i = 0; i < COUNT(words); i++) {
		const uint32_t places = words[i] * 64;
		bool *taken = calloc(places, sizeof(*taken));
		lsr_free_map_t map;
		assert_non_null(taken);
		assert_true(lsr_map_init(&map, words[i], 0));
		for (unsigned round = 0; round < LSR_TEST_ROUNDS(1000); round++) {
			const uint32_t first = (uint32_t)lsr_random_below(&random, places);
			const uint32_t most = lsr_random_below(&random, 8) == 0 ? places : 200;
			const uint32_t run = (uint32_t)lsr_random_below(&random, most) + 1;
			const bool take = lsr_random_below(&random, 100) < 60;
			for (uint32_t place = first; place < places && place < first + run; place++) {
				if (taken[place] != take) {
					(take ? lsr_map_take : lsr_map_free)(&map, place);
					taken[place] = take;
				}
			}
			const uint32_t from = (uint32_t)lsr_random_below(&random, places);
			const uint32_t last = from + (uint32_t)lsr_random_below(&random, places - from);
			assert_int_equal(lsr_map_find(&map, from, last), naive_find(taken, from, last));
			assert_int_equal(lsr_map_is_taken(&map, from), taken[from]);
			assert_true(lsr_map_is_sound(&map));
		}
		lsr_map_destroy(&map);
		free(taken);
	}
}

static void
unsound_maps_are_noticed(void **state) {
	(void)state;
	lsr_free_map_t map;
	assert_true(lsr_map_init(&map, 65, 0));
	take_all(&map);
	lsr_map_free(&map, 64 * 64);
	atomic_fetch_xor(&lsr_map_level_1(&map)[0].full, 4);
	assert_false(lsr_map_is_sound(&map));
	atomic_fetch_xor(&lsr_map_level_1(&map)[0].full, 4);
	atomic_fetch_xor(&(lsr_map_level_1(&map) - 1)->full, 1);
	assert_false(lsr_map_is_sound(&map));
	atomic_fetch_xor(&(lsr_map_level_1(&map) - 1)->full, 1);
	assert_true(lsr_map_is_sound(&map));
	lsr_map_destroy(&map);
}

/* ---- many threads ------------------------------------------------------------------------------------------------------ */

#define THREADS 4u
#define WORDS   130u

typedef struct {
	lsr_free_map_t *map;
	pthread_barrier_t *start;
	uint64_t stream;
	uint32_t residue; /* its places are those with this remainder */
	unsigned rounds;
} lsr_mover_t;

/*
 * In a map that is full but for what the threads just have in hand: free a place of one's own, find it, find something in the whole map while it is
 * free, take it again. Neighbours in one word belong to different threads, so words become full and stop being it under all of them.
 */
static void *
run_mover(void *argument) {
	const lsr_mover_t *mover = argument;
	const uint32_t last = mover->map->words * 64 - 1;
	lsr_random_t random = lsr_random_stream(mover->stream);
	(void)pthread_barrier_wait(mover->start);
	for (unsigned round = 0; round < mover->rounds; round++) {
		const uint32_t near = (uint32_t)lsr_random_below(&random, 2) * 64 * 64; /* two words of words, mostly */
		uint32_t place = lsr_random_below(&random, 10) == 0 ? (uint32_t)lsr_random_below(&random, last + 1)
								    : near + (uint32_t)lsr_random_below(&random, 64);
		place = place / THREADS * THREADS + mover->residue;
		lsr_map_free(mover->map, place);
		REQUIRE(lsr_map_find(mover->map, place, place) == place);
		REQUIRE(lsr_map_find(mover->map, place & ~UINT32_C(4095), last) <= place);
		REQUIRE(lsr_map_find(mover->map, 0, last) <= place);
		lsr_map_take(mover->map, place);
	}
	return NULL;
}

static void
what_is_free_is_found_among_threads(void **state) {
	(void)state;
	lsr_free_map_t map;
	pthread_barrier_t start;
	pthread_t threads[THREADS];
	lsr_mover_t movers[THREADS];
	assert_true(lsr_map_init(&map, WORDS, 0));
	take_all(&map);
	assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
	for (uint32_t i = 0; i < THREADS; i++) {
		movers[i] = (lsr_mover_t){&map, &start, 10 + i, i, LSR_TEST_ROUNDS(400000)};
		assert_int_equal(pthread_create(&threads[i], NULL, run_mover, &movers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	assert_true(lsr_map_is_sound(&map));
	assert_int_equal(lsr_map_find(&map, 0, WORDS * 64 - 1), LSR_MAP_NONE);
	(void)pthread_barrier_destroy(&start);
	lsr_map_destroy(&map);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_untouched_map_is_free),
		cmocka_unit_test(the_only_free_place_is_found),
		cmocka_unit_test(random_places_against_an_array),
		cmocka_unit_test(unsound_maps_are_noticed),
		cmocka_unit_test(what_is_free_is_found_among_threads),
	};
	(void)lsr_test_seed();
	return cmocka_run_group_tests_name("free_map", tests, NULL, NULL);
}
