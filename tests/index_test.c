/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ordered index against an array that says of each key of a set what it leads to, one thread at a time, many at a time, and without memory.
 *
 * A set is n keys in ascending order, made by a "pattern"; tests name keys by their rank. This file is compiled twice: index_small_test.c makes a leaf and an
 * inner node hold few entries, so that trees are deep and everything that is rare with a large one happens all the time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/rcu.h"
#include "lease/index.h"
#include "test_random.h"

/* ---- memory that runs out ---------------------------------------------------------------------------------------- */

void *__real_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes);

static bool refusing; /* only tests of one thread set it */
static unsigned refuse_after;
static lsr_random_t *refuse_at_random;

/* The linker sends every malloc() here. */
void *
__wrap_malloc(size_t bytes) {
	if (refusing) {
		const bool refused =
			refuse_at_random != NULL ? lsr_random_below(refuse_at_random, 2) == 0 : refuse_after == 0;
		refuse_after -= refuse_after > 0;
		return refused ? NULL : __real_malloc(bytes);
	}
	return __real_malloc(bytes);
}

/* ---- sets of keys ------------------------------------------------------------------------------------------------ */

typedef uint64_t (*pattern_t)(uint64_t i);

static uint64_t
spread(uint64_t i) {
	return lsr_scramble(i);
}

static uint64_t
in_a_row(uint64_t i) {
	return i;
}

static uint64_t
at_the_end(uint64_t i) {
	return UINT64_MAX - i;
}

/* Around the middle, where the sign would be. */
static uint64_t
in_the_middle(uint64_t i) {
	return (UINT64_C(1) << 63) - 500 + i;
}

/* Runs of 50 neighbours, anywhere. */
static uint64_t
clustered(uint64_t i) {
	return (lsr_scramble(i / 50) & ~UINT64_C(63)) + i % 50;
}

static int
compare_keys(const void *a, const void *b) {
	const uint64_t *one = a;
	const uint64_t *other = b;
	return (*one > *other) - (*one < *other);
}

/* n different keys, sorted. */
static uint64_t *
new_set(pattern_t pattern, size_t n) {
	uint64_t *keys = malloc((n + 1) * sizeof(keys[0]));
	assert_non_null(keys);
	for (size_t i = 0; i < n; i++) {
		keys[i] = pattern(i);
	}
	qsort(keys, n, sizeof(keys[0]), compare_keys);
	for (size_t i = 1; i < n; i++) {
		assert_true(keys[i - 1] < keys[i]);
	}
	return keys;
}

/* ---- the index, in sections --------------------------------------------------------------------------------------- */

static uint32_t
find(const lsr_index_t *index, uint64_t key) {
	lsr_rcu_enter();
	const uint32_t found = lsr_index_find(index, key);
	lsr_rcu_leave();
	return found;
}

static lsr_index_insert_t
insert(lsr_index_t *index, uint64_t key, uint32_t value, uint32_t *present) {
	lsr_rcu_enter();
	const lsr_index_insert_t result = lsr_index_insert(index, key, value, present);
	lsr_rcu_leave();
	lsr_rcu_brake();
	return result;
}

static bool
take_out(lsr_index_t *index, uint64_t key, uint32_t value) {
	lsr_rcu_enter();
	const bool found = lsr_index_remove(index, key, value);
	lsr_rcu_leave();
	lsr_rcu_brake();
	return found;
}

static lsr_index_shape_t
shape_of(const lsr_index_t *index) {
	lsr_index_shape_t shape;
	lsr_rcu_enter();
	assert_true(lsr_index_check(index, &shape));
	lsr_rcu_leave();
	return shape;
}

static void
end_with(lsr_index_t *index) {
	lsr_index_destroy(index);
	assert_int_equal(lsr_index_bytes(index), 0);
	assert_int_equal(find(index, 1), 0);
	lsr_index_destroy(index); /* twice is harmless */
	lsr_rcu_drain();
}

/* ---- the twin ------------------------------------------------------------------------------------------------------ */

typedef struct {
	lsr_index_t index;
	uint64_t *key;   /* sorted */
	uint32_t *value; /* of each key; 0: it is not there */
	size_t n;
	size_t present;
} twin_t;

static void
twin_begin(twin_t *twin, pattern_t pattern, size_t n) {
	lsr_index_init(&twin->index);
	twin->key = new_set(pattern, n);
	twin->value = calloc(n, sizeof(twin->value[0]));
	assert_non_null(twin->value);
	twin->n = n;
	twin->present = 0;
}

static void
twin_end(twin_t *twin) {
	end_with(&twin->index);
	free(twin->key);
	free(twin->value);
}

/* True: done. False: no memory. */
static bool
twin_insert(twin_t *twin, size_t rank, uint32_t value) {
	uint32_t present = 0;
	const lsr_index_insert_t result = insert(&twin->index, twin->key[rank], value, &present);
	assert_int_equal(present, twin->value[rank]);
	if (present != 0) {
		assert_int_equal(result, LSR_INDEX_PRESENT);
		return true;
	}
	if (result == LSR_INDEX_NO_MEMORY) {
		return false;
	}
	assert_int_equal(result, LSR_INDEX_DONE);
	twin->value[rank] = value;
	twin->present++;
	return true;
}

static void
twin_remove(twin_t *twin, size_t rank) {
	const uint64_t key = twin->key[rank];
	const uint32_t value = twin->value[rank];
	assert_false(take_out(&twin->index, key, value + 1));
	assert_int_equal(take_out(&twin->index, key, value), value != 0);
	assert_false(take_out(&twin->index, key, value));
	twin->present -= value != 0;
	twin->value[rank] = 0;
}

/* The first rank from this one on that is there, or n. */
static size_t
twin_next(const twin_t *twin, size_t rank) {
	while (rank < twin->n && twin->value[rank] == 0) {
		rank++;
	}
	return rank;
}

/* Go over ranks first to last by copying so many at a time, and compare. */
static void
compare_scan(const twin_t *twin, size_t first, size_t last, uint32_t capacity) {
	uint64_t keys[300];
	uint32_t values[300];
	uint64_t from = twin->key[first];
	size_t rank = twin_next(twin, first);
	for (uint32_t copied = capacity; copied == capacity;) {
		lsr_rcu_enter();
		copied = lsr_index_scan(&twin->index, from, twin->key[last], keys, values, capacity);
		lsr_rcu_leave();
		for (uint32_t i = 0; i < copied; i++) {
			assert_true(rank <= last);
			assert_int_equal(keys[i], twin->key[rank]);
			assert_int_equal(values[i], twin->value[rank]);
			rank = twin_next(twin, rank + 1);
		}
		if (copied == 0 || keys[copied - 1] == twin->key[last]) {
			break;
		}
		from = keys[copied - 1] + 1;
	}
	assert_true(rank > last);
}

static void
compare_next(const twin_t *twin, size_t first, size_t last) {
	uint64_t key = twin->key[first];
	const size_t rank = twin_next(twin, first);
	lsr_rcu_enter();
	const uint32_t value = lsr_index_next(&twin->index, &key, twin->key[last]);
	lsr_rcu_leave();
	assert_int_equal(value, rank <= last ? twin->value[rank] : 0);
	assert_int_equal(key, twin->key[rank <= last ? rank : first]);
}

static void
compare_count(const twin_t *twin, size_t first, size_t last) {
	size_t expected = 0;
	for (size_t rank = twin_next(twin, first); rank <= last; rank = twin_next(twin, rank + 1)) {
		expected++;
	}
	lsr_rcu_enter();
	assert_int_equal(lsr_index_count(&twin->index, twin->key[first], twin->key[last]), expected);
	lsr_rcu_leave();
}

static void
compare_all(const twin_t *twin, lsr_random_t *random) {
	/* Large ones are not walked one by one. */
	static const uint32_t capacities[] = {1, 2, 37, 41, 42, 300};
	const unsigned first_capacity = twin->n > 100000 ? 3 : 0;
	const lsr_index_shape_t shape = shape_of(&twin->index);
	assert_int_equal(shape.entries, twin->present);
	assert_int_equal(shape.bytes, lsr_index_bytes(&twin->index));
	lsr_rcu_enter();
	assert_int_equal(lsr_index_count(&twin->index, 0, UINT64_MAX), twin->present);
	lsr_rcu_leave();
	for (size_t rank = 0; rank < twin->n; rank++) {
		assert_int_equal(find(&twin->index, twin->key[rank]), twin->value[rank]);
	}
	for (unsigned i = first_capacity; i < sizeof(capacities) / sizeof(capacities[0]); i++) {
		compare_scan(twin, 0, twin->n - 1, capacities[i]);
		const size_t first = lsr_random_below(random, twin->n);
		const size_t last = first + lsr_random_below(random, twin->n - first);
		compare_scan(twin, first, last, capacities[i]);
		compare_count(twin, first, last);
		compare_next(twin, first, last);
	}
}

/* ---- one thread ------------------------------------------------------------------------------------------------------ */

static void
an_empty_index_has_nothing(void **state) {
	(void)state;
	lsr_index_t index;
	uint64_t key = 0;
	uint32_t value;
	memset(&index, 0, sizeof(index)); /* all zero is an empty one */
	assert_int_equal(find(&index, 0), 0);
	assert_false(take_out(&index, 0, 0));
	assert_false(take_out(&index, 5, 1));
	lsr_rcu_enter();
	assert_int_equal(lsr_index_next(&index, &key, UINT64_MAX), 0);
	assert_int_equal(lsr_index_scan(&index, 0, UINT64_MAX, &key, &value, 1), 0);
	assert_int_equal(lsr_index_count(&index, 0, UINT64_MAX), 0);
	lsr_rcu_leave();
	assert_int_equal(lsr_index_bytes(&index), 0);
	assert_int_equal(shape_of(&index).levels, 0);
	end_with(&index);
}

static void
the_first_and_the_last_key_are_keys(void **state) {
	(void)state;
	lsr_index_t index;
	uint32_t present = 0;
	uint64_t keys[4];
	uint32_t values[4];
	lsr_index_init(&index);
	/* A free place has no key, whatever is written in it. */
	assert_int_equal(insert(&index, 7, 70, &present), LSR_INDEX_DONE);
	assert_int_equal(find(&index, 0), 0);
	assert_int_equal(insert(&index, 0, 1, &present), LSR_INDEX_DONE);
	assert_int_equal(insert(&index, UINT64_MAX, UINT32_MAX, &present), LSR_INDEX_DONE);
	assert_int_equal(present, 0);
	assert_int_equal(insert(&index, 0, 2, &present), LSR_INDEX_PRESENT);
	assert_int_equal(present, 1);
	assert_int_equal(find(&index, UINT64_MAX), UINT32_MAX);
	lsr_rcu_enter();
	assert_int_equal(lsr_index_scan(&index, 0, UINT64_MAX, keys, values, 4), 3);
	assert_int_equal(keys[2], UINT64_MAX);
	assert_int_equal(values[0], 1);
	assert_int_equal(lsr_index_scan(&index, 1, UINT64_MAX - 1, keys, values, 4), 1);
	assert_int_equal(lsr_index_scan(&index, 9, 8, keys, values, 4), 0);
	assert_int_equal(lsr_index_scan(&index, 0, 8, keys, values, 0), 0);
	assert_int_equal(lsr_index_count(&index, 0, 6), 1);
	assert_int_equal(lsr_index_count(&index, 8, 7), 0);
	keys[0] = 8;
	assert_int_equal(lsr_index_next(&index, &keys[0], UINT64_MAX - 1), 0);
	assert_int_equal(keys[0], 8);
	assert_int_equal(lsr_index_next(&index, &keys[0], UINT64_MAX), UINT32_MAX);
	assert_int_equal(keys[0], UINT64_MAX);
	lsr_rcu_leave();
	assert_false(take_out(&index, 0, 2));
	assert_true(take_out(&index, 0, 1));
	assert_int_equal(find(&index, 0), 0);
	assert_true(take_out(&index, UINT64_MAX, UINT32_MAX));
	assert_true(take_out(&index, 7, 70));
	assert_int_equal(lsr_index_bytes(&index), 0);
	end_with(&index);
}

/* Inserts and removes of any key, the share of inserts swinging so that the tree grows and shrinks. */
static void
run_twin(pattern_t pattern, size_t n, unsigned rounds, uint64_t stream) {
	lsr_random_t random = lsr_random_stream(stream);
	twin_t twin;
	twin_begin(&twin, pattern, n);
	for (unsigned round = 0; round < rounds; round++) {
		const bool filling = round / n % 2 == 0;
		const size_t rank = lsr_random_below(&random, n);
		if (lsr_random_below(&random, 8) < (filling ? 7 : 1)) {
			assert_true(twin_insert(&twin, rank, 1 + (uint32_t)lsr_random_below(&random, UINT32_MAX - 1)));
		} else {
			twin_remove(&twin, rank);
		}
		const size_t another = lsr_random_below(&random, n);
		assert_int_equal(find(&twin.index, twin.key[another]), twin.value[another]);
		compare_next(&twin, another, another + lsr_random_below(&random, n - another));
		if (round % (rounds / 16) == 0) {
			compare_all(&twin, &random);
			assert_int_equal(shape_of(&twin.index).empty_leaves, 0);
		}
	}
	compare_all(&twin, &random);
	for (size_t rank = 0; rank < n; rank++) {
		twin_remove(&twin, rank);
	}
	assert_int_equal(lsr_index_bytes(&twin.index), 0);
	twin_end(&twin);
}

static void
random_changes(void **state) {
	(void)state;
	run_twin(spread, 3000, LSR_TEST_ROUNDS(60000), 1);
	run_twin(in_a_row, 1000, LSR_TEST_ROUNDS(30000), 2);
	run_twin(at_the_end, 1000, LSR_TEST_ROUNDS(30000), 3);
	run_twin(in_the_middle, 1000, LSR_TEST_ROUNDS(30000), 4);
	run_twin(clustered, 5000, LSR_TEST_ROUNDS(60000), 5);
	run_twin(spread, 50, LSR_TEST_ROUNDS(30000), 6);
}

/* ---- large ones -------------------------------------------------------------------------------------------------------- */

#ifdef LSR_INDEX_LEAF_BYTES
#define MANY  LSR_TEST_ROUNDS((size_t)200000)
#define LOOSE 8 /* nodes of few children are joined only if they are nearly empty */
#else
#define MANY  LSR_TEST_ROUNDS((size_t)2000000)
#define LOOSE 3
#endif

typedef enum { ASCENDING, DESCENDING, SHUFFLED } order_t;

/* The i-th rank of n that is dealt with, by this order; n is even. */
static size_t
rank_by(order_t order, size_t n, size_t i) {
	if (order == SHUFFLED) {
		/* An odd number that shares nothing with n visits all of them. */
		return i * 982451653u % n;
	}
	return order == ASCENDING ? i : n - 1 - i;
}

static void
assert_small(const lsr_index_t *index, double bytes_each) {
	const lsr_index_shape_t shape = shape_of(index);
#ifndef LSR_INDEX_LEAF_BYTES
	if (!((double)shape.bytes <= (double)shape.entries * bytes_each + 1024)) {
		print_error("%.2f bytes for each of %zu entries\n", (double)shape.bytes / (double)shape.entries,
			    (size_t)shape.entries);
		fail();
	}
#else
	(void)bytes_each; /* another machine */
#endif
	assert_int_equal(shape.empty_leaves, 0);
}

/* What is left is not much larger or higher than if it had never been more. */
static void
compare_with_fresh(const twin_t *twin) {
	lsr_index_t fresh;
	uint32_t present = 0;
	lsr_index_init(&fresh);
	for (size_t i = 0; i < twin->n; i++) {
		const size_t rank = rank_by(SHUFFLED, twin->n, i);
		if (twin->value[rank] != 0) {
			assert_int_equal(insert(&fresh, twin->key[rank], 1, &present), LSR_INDEX_DONE);
		}
	}
	const lsr_index_shape_t wanted = shape_of(&fresh);
	const lsr_index_shape_t shape = shape_of(&twin->index);
	assert_true(shape.leaves <= 5 * wanted.leaves / 2);
	assert_true(shape.inner_nodes <= LOOSE * wanted.inner_nodes + 3);
	assert_true(shape.levels <= wanted.levels + 1);
	end_with(&fresh);
}

/* Leaves that fill at random are split at about the same time, so what they have to spare swings with the number of entries. */
#define LOOSEST 16.6

/* Fill it in one order, with a look now and then, and empty it in another one. */
static void
fill_and_empty(pattern_t pattern, order_t filling, double bytes_each, order_t emptying) {
	const size_t n = MANY;
	lsr_random_t random = lsr_random_stream(7);
	twin_t twin;
	twin_begin(&twin, pattern, n);
	for (size_t i = 0; i < n; i++) {
		assert_true(twin_insert(&twin, rank_by(filling, n, i), (uint32_t)i + 1));
	}
	compare_all(&twin, &random);
	assert_small(&twin.index, bytes_each);
	for (size_t i = 0; i < n; i++) {
		const size_t rank = rank_by(emptying, n, i);
		assert_true(take_out(&twin.index, twin.key[rank], twin.value[rank]));
		twin.value[rank] = 0;
		twin.present--;
		if (i == n / 2 || i == n - n / 8 || i == n - n / 64) {
			compare_all(&twin, &random);
			assert_small(&twin.index, 26); /* what is left has leaves of its size */
		}
		if (i == n - n / 64) {
			compare_with_fresh(&twin);
		}
	}
	assert_int_equal(lsr_index_bytes(&twin.index), 0);
	twin_end(&twin);
}

static void
two_million_at_random(void **state) {
	(void)state;
	fill_and_empty(spread, SHUFFLED, LOOSEST, SHUFFLED);
}

static void
two_million_ascending(void **state) {
	(void)state;
	fill_and_empty(in_a_row, ASCENDING, 13.2, SHUFFLED);
	fill_and_empty(spread, ASCENDING, 13.2, ASCENDING);
}

static void
two_million_descending(void **state) {
	(void)state;
	fill_and_empty(in_a_row, DESCENDING, 13.2, ASCENDING);
	fill_and_empty(clustered, DESCENDING, 13.2, DESCENDING);
}

static void
two_million_in_runs(void **state) {
	(void)state;
	fill_and_empty(clustered, SHUFFLED, LOOSEST, DESCENDING);
}

/* The same number of entries all the time, all of them replaced many times by others: nothing grows. */
static void
churn_does_not_decay(void **state) {
	(void)state;
	const size_t held = LSR_TEST_ROUNDS((size_t)100000);
	lsr_random_t random = lsr_random_stream(8);
	lsr_index_t index;
	uint32_t present = 0;
	lsr_index_init(&index);
	uint64_t *number = malloc(held * sizeof(number[0]));
	assert_non_null(number);
	uint64_t next_number = 0;
	for (size_t i = 0; i < held; i++) {
		number[i] = next_number++;
		assert_int_equal(insert(&index, spread(number[i]), (uint32_t)i + 1, &present), LSR_INDEX_DONE);
	}
	const lsr_index_shape_t before = shape_of(&index);
	for (unsigned lap = 0; lap < 12; lap++) {
		for (size_t i = 0; i < held; i++) {
			const size_t one = lsr_random_below(&random, held);
			assert_true(take_out(&index, spread(number[one]), (uint32_t)one + 1));
			number[one] = next_number++;
			assert_int_equal(insert(&index, spread(number[one]), (uint32_t)one + 1, &present),
					 LSR_INDEX_DONE);
		}
		const lsr_index_shape_t after = shape_of(&index);
		assert_int_equal(after.entries, held);
		assert_int_equal(after.empty_leaves, 0);
		/* Leaves that were only ever split are fuller than those that are joined, too: that is all. */
		assert_true(after.bytes <= before.bytes * 3 / 2);
		assert_true(after.leaves <= before.leaves * 3 / 2);
		assert_true(after.levels <= before.levels + 1);
	}
	for (size_t i = 0; i < held; i++) {
		assert_int_equal(find(&index, spread(number[i])), i + 1);
	}
	free(number);
	end_with(&index);
}

/* ---- batches ----------------------------------------------------------------------------------------------------------- */

static void
batches_find_the_same(void **state) {
	(void)state;
	enum { INDEXES = 3, PROBES = 32 };
	const size_t n = LSR_TEST_ROUNDS((size_t)20000);
	lsr_random_t random = lsr_random_stream(9);
	twin_t twins[INDEXES]; /* one stays empty */
	for (size_t i = 0; i < INDEXES; i++) {
		twin_begin(&twins[i], spread, n);
		for (size_t rank = 0; rank < n * i / 2; rank += 2) {
			assert_true(twin_insert(&twins[i], rank, (uint32_t)rank + 1));
		}
	}
	for (unsigned round = 0; round < 200; round++) {
		lsr_index_probe_t probes[PROBES];
		uint32_t expected[PROBES];
		for (unsigned i = 0; i < PROBES; i++) {
			twin_t *twin = &twins[lsr_random_below(&random, INDEXES)];
			const size_t rank = lsr_random_below(&random, n);
			probes[i] = (lsr_index_probe_t){.index = &twin->index, .key = twin->key[rank]};
			expected[i] = twin->value[rank];
		}
		lsr_rcu_enter();
		lsr_index_approach(probes, PROBES);
		for (unsigned i = 0; i < PROBES; i++) {
			assert_int_equal(lsr_index_find_near(&probes[i]), expected[i]);
		}
		lsr_rcu_leave();
	}
	for (unsigned i = 0; i < INDEXES; i++) {
		twin_end(&twins[i]);
	}
}

/* What is done between the approach and the look is seen, also if the leaf is another one by then. */
static void
an_approach_does_not_freeze_what_it_leads_to(void **state) {
	(void)state;
	lsr_index_t index;
	uint32_t present = 0;
	lsr_index_init(&index);
	for (uint64_t key = 1; key <= 1000; key++) {
		lsr_index_probe_t probe = {.index = &index, .key = key};
		lsr_rcu_enter();
		lsr_index_approach(&probe, 1);
		assert_int_equal(lsr_index_find_near(&probe), 0);
		assert_int_equal(lsr_index_insert(&index, key, (uint32_t)key, &present), LSR_INDEX_DONE);
		assert_int_equal(lsr_index_find_near(&probe), key);
		lsr_rcu_leave();
	}
	for (uint64_t key = 1; key <= 1000; key++) {
		lsr_index_probe_t probe = {.index = &index, .key = key};
		lsr_rcu_enter();
		lsr_index_approach(&probe, 1);
		assert_true(lsr_index_remove(&index, key, (uint32_t)key));
		assert_int_equal(lsr_index_find_near(&probe), 0);
		lsr_rcu_leave();
	}
	end_with(&index);
}

/* ---- no memory ---------------------------------------------------------------------------------------------------------- */

/* Each insert that wants memory is refused it at its first request, its second and so on, and has changed nothing; then it gets it. */
static void
a_refused_insert_changes_nothing(void **state) {
	(void)state;
	const size_t n = 4000;
	lsr_random_t random = lsr_random_stream(10);
	twin_t twin;
	uint64_t refusals = 0;
	unsigned most = 0;
	twin_begin(&twin, spread, n);
	for (size_t i = 0; i < n; i++) {
		const size_t rank = i * 1999 % n;
		bool done = false;
		for (unsigned after = 0; !done; after++) {
			const uint64_t bytes = lsr_index_bytes(&twin.index);
			refuse_after = after;
			refusing = true;
			done = twin_insert(&twin, rank, (uint32_t)i + 1);
			refusing = false;
			if (!done) {
				refusals++;
				most = after > most ? after : most;
				assert_int_equal(find(&twin.index, twin.key[rank]), 0);
				assert_int_equal(lsr_index_bytes(&twin.index), bytes);
			}
		}
		if (i % 100 == 0) {
			compare_all(&twin, &random);
		}
	}
	assert_true(refusals > n / 10);
	assert_true(most >= 5); /* what is retired, two leaves, two nodes above, and what they hang on */
	compare_all(&twin, &random);
	twin_end(&twin);
}

/* Whoever removes is never refused, and as soon as there is memory the tree becomes small again. */
static void
removing_needs_no_memory(void **state) {
	(void)state;
	const size_t n = 4000;
	lsr_random_t random = lsr_random_stream(11);
	lsr_random_t luck = lsr_random_stream(12);
	twin_t twin;
	twin_begin(&twin, spread, n);
	for (unsigned lap = 0; lap < 3; lap++) {
		for (size_t rank = 0; rank < n; rank++) {
			assert_true(twin_insert(&twin, rank, (uint32_t)rank + 1));
		}
		/* Without any, with some luck, then with all there is. */
		refuse_at_random = lap == 1 ? &luck : NULL;
		refuse_after = 0;
		refusing = lap < 2;
		for (size_t i = 0; i < n; i++) {
			twin_remove(&twin, i * 1999 % n);
			if (i % 500 == 0) {
				refusing = false;
				compare_all(&twin, &random);
				refusing = lap < 2;
			}
		}
		refusing = false;
		assert_int_equal(shape_of(&twin.index).entries, 0);
		assert_true(lap != 0 || lsr_index_bytes(&twin.index) > 0);
	}
	assert_true(lsr_index_bytes(&twin.index) == 0);
	twin_end(&twin);
}

/* ---- many threads --------------------------------------------------------------------------------------------------------- */

#define THREADS 4

typedef struct {
	lsr_index_t *index;
	pthread_barrier_t *start;
	pattern_t pattern;
	uint32_t number;
	uint32_t keys;
	uint32_t won;
	uint32_t wrong;
} claimant_t;

/* Threads fight for each key in the same order. Values are a thread's own. */
static void *
run_claimant(void *argument) {
	claimant_t *claimant = argument;
	for (uint32_t i = 1; i <= claimant->keys; i++) {
		const uint32_t value = i * THREADS + claimant->number;
		uint32_t other = 0;
		if (i % 64 == 1) {
			(void)pthread_barrier_wait(claimant->start);
		}
		if (insert(claimant->index, claimant->pattern(i), value, &other) == LSR_INDEX_DONE) {
			claimant->won++;
			other = value;
		}
		claimant->wrong += other / THREADS != i || find(claimant->index, claimant->pattern(i)) != other;
	}
	return NULL;
}

static void
run_claimants(pattern_t pattern, uint32_t keys) {
	pthread_barrier_t start;
	pthread_t threads[THREADS];
	claimant_t claimants[THREADS];
	lsr_index_t index;
	lsr_index_init(&index);
	assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
	for (uint32_t i = 0; i < THREADS; i++) {
		claimants[i] =
			(claimant_t){.index = &index, .start = &start, .pattern = pattern, .number = i, .keys = keys};
		assert_int_equal(pthread_create(&threads[i], NULL, run_claimant, &claimants[i]), 0);
	}
	uint32_t won = 0;
	for (uint32_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(claimants[i].wrong, 0);
		won += claimants[i].won;
	}
	assert_int_equal(won, keys);
	assert_int_equal(shape_of(&index).entries, keys);
	for (uint32_t i = 1; i <= keys; i++) {
		assert_int_equal(find(&index, pattern(i)) / THREADS, i);
	}
	(void)pthread_barrier_destroy(&start);
	end_with(&index);
}

static void
of_many_inserts_of_one_key_one_wins(void **state) {
	(void)state;
	run_claimants(spread, LSR_TEST_ROUNDS(60000));
	run_claimants(in_a_row, LSR_TEST_ROUNDS(60000));
	run_claimants(at_the_end, LSR_TEST_ROUNDS(20000));
}

/*
 * Two writers, two readers. Every 'stride'-th key is there all the time; the others come and go in bursts, each under one writer, which knows what every operation has
 * to answer. A value names its key and how often that has come, so a reader can tell the value of another key, and one from an earlier time.
 */
typedef struct {
	lsr_index_t *index;
	const uint64_t *key;
	uint32_t keys;
	uint32_t stride;
	unsigned laps;
	atomic_bool stop;
	_Atomic uint64_t looks;
} stage_t;

typedef struct {
	stage_t *stage;
	uint32_t number;
	uint64_t wrong;
} actor_t;

#define LAPS 64u

static uint32_t
value_of(uint32_t rank, unsigned lap) {
	return (rank + 1) * LAPS + lap % LAPS;
}

static bool
is_right(const stage_t *stage, uint32_t rank, uint32_t value) {
	return rank % stage->stride == 0 ? value == value_of(rank, 0) : value == 0 || value / LAPS == rank + 1;
}

static uint32_t
rank_of(const stage_t *stage, uint64_t key) {
	uint32_t low = 0;
	for (uint32_t left = stage->keys; left > 1;) {
		const uint32_t half = left / 2;
		low += stage->key[low + half] <= key ? half : 0;
		left -= half;
	}
	return low;
}

static uint64_t
look_for_some(const stage_t *stage, lsr_random_t *random) {
	uint64_t wrong = 0;
	for (unsigned i = 0; i < 32; i++) {
		const uint32_t rank = (uint32_t)lsr_random_below(random, stage->keys);
		wrong += !is_right(stage, rank, find(stage->index, stage->key[rank]));
	}
	return wrong;
}

static uint64_t
look_for_a_batch(const stage_t *stage, lsr_random_t *random) {
	lsr_index_probe_t probes[32];
	uint32_t ranks[32];
	uint64_t wrong = 0;
	for (unsigned i = 0; i < 32; i++) {
		ranks[i] = (uint32_t)lsr_random_below(random, stage->keys);
		probes[i] = (lsr_index_probe_t){.index = stage->index, .key = stage->key[ranks[i]]};
	}
	lsr_rcu_enter();
	lsr_index_approach(probes, 32);
	for (unsigned i = 0; i < 32; i++) {
		wrong += !is_right(stage, ranks[i], lsr_index_find_near(&probes[i]));
	}
	lsr_rcu_leave();
	return wrong;
}

/* Everything from some key on: strictly ascending, with values of their keys, and with all that stay. */
static uint64_t
scan_some(const stage_t *stage, lsr_random_t *random) {
	uint64_t keys[200];
	uint32_t values[200];
	const uint32_t first = (uint32_t)lsr_random_below(random, stage->keys);
	const uint32_t wanted = 1 + (uint32_t)lsr_random_below(random, 200);
	lsr_rcu_enter();
	const uint32_t count = lsr_index_scan(stage->index, stage->key[first], UINT64_MAX, keys, values, wanted);
	lsr_rcu_leave();
	uint64_t wrong = 0;
	uint32_t expected = (first + stage->stride - 1) / stage->stride * stage->stride; /* the next one that stays */
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t rank = rank_of(stage, keys[i]);
		wrong += i > 0 && keys[i] <= keys[i - 1];
		wrong += keys[i] != stage->key[rank] || values[i] == 0 || !is_right(stage, rank, values[i]);
		wrong += rank > expected;
		expected = rank == expected ? expected + stage->stride : expected;
	}
	return wrong + (count < wanted && expected < stage->keys);
}

static uint64_t
look_for_the_next(const stage_t *stage, lsr_random_t *random) {
	const uint32_t first = (uint32_t)lsr_random_below(random, stage->keys);
	const uint32_t stays = (first + stage->stride - 1) / stage->stride * stage->stride;
	uint64_t key = stage->key[first];
	if (stays >= stage->keys) {
		return 0;
	}
	lsr_rcu_enter();
	const uint32_t value = lsr_index_next(stage->index, &key, UINT64_MAX);
	lsr_rcu_leave();
	const uint32_t rank = rank_of(stage, key);
	return value == 0 || rank < first || rank > stays || !is_right(stage, rank, value);
}

static void *
run_reader(void *argument) {
	actor_t *reader = argument;
	stage_t *stage = reader->stage;
	lsr_random_t random = {.state = reader->number};
	while (!atomic_load(&stage->stop)) {
		reader->wrong += look_for_some(stage, &random);
		reader->wrong += look_for_a_batch(stage, &random);
		reader->wrong += scan_some(stage, &random);
		reader->wrong += look_for_the_next(stage, &random);
		(void)atomic_fetch_add(&stage->looks, 1);
	}
	return NULL;
}

/* Ranks that are mine: those that do not stay, in blocks, so that neighbours are sometimes of one writer and sometimes of two. */
static bool
is_mine(const actor_t *writer, uint32_t rank) {
	return rank % writer->stage->stride != 0 && rank / 3 % 2 == writer->number;
}

static void *
run_writer(void *argument) {
	actor_t *writer = argument;
	stage_t *stage = writer->stage;
	uint32_t other = 0;
	for (unsigned lap = 1; lap <= stage->laps; lap++) {
		for (uint32_t i = 0; i < stage->keys; i++) {
			const uint32_t rank = lap % 2 == 0 ? i : stage->keys - 1 - i;
			if (is_mine(writer, rank)) {
				const uint64_t key = stage->key[rank];
				writer->wrong +=
					insert(stage->index, key, value_of(rank, lap), &other) != LSR_INDEX_DONE;
				writer->wrong += find(stage->index, key) != value_of(rank, lap);
				writer->wrong += insert(stage->index, key, 1, &other) != LSR_INDEX_PRESENT;
				writer->wrong += other != value_of(rank, lap);
			}
		}
		for (uint32_t i = 0; i < stage->keys; i++) {
			const uint32_t rank = lap % 4 < 2 ? i : stage->keys - 1 - i;
			if (is_mine(writer, rank)) {
				const uint64_t key = stage->key[rank];
				writer->wrong += find(stage->index, key) != value_of(rank, lap);
				writer->wrong += !take_out(stage->index, key, value_of(rank, lap));
				writer->wrong += find(stage->index, key) != 0;
			}
		}
	}
	return NULL;
}

static void
run_stage(pattern_t pattern, uint32_t keys, uint32_t stride, unsigned laps) {
	enum { WRITERS = 2 };
	lsr_index_t index;
	uint64_t *key = new_set(pattern, keys);
	stage_t stage = {.index = &index, .key = key, .keys = keys, .stride = stride, .laps = laps};
	pthread_t threads[THREADS];
	actor_t actors[THREADS];
	uint32_t other = 0;
	lsr_index_init(&index);
	for (uint32_t rank = 0; rank < keys; rank += stride) {
		assert_int_equal(insert(&index, key[rank], value_of(rank, 0), &other), LSR_INDEX_DONE);
	}
	const lsr_index_shape_t before = shape_of(&index);
	for (uint32_t i = 0; i < THREADS; i++) {
		actors[i] = (actor_t){.stage = &stage, .number = i};
		assert_int_equal(pthread_create(&threads[i], NULL, i < WRITERS ? run_writer : run_reader, &actors[i]),
				 0);
	}
	for (uint32_t i = 0; i < WRITERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	while (atomic_load(&stage.looks) < 50) {
		(void)sched_yield();
	}
	atomic_store(&stage.stop, true);
	for (uint32_t i = WRITERS; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		assert_int_equal(actors[i].wrong, 0);
	}
	const lsr_index_shape_t after = shape_of(&index);
	assert_int_equal(after.entries, before.entries);
	assert_int_equal(after.empty_leaves, 0);
	end_with(&index);
	free(key);
}

static void
readers_never_miss_what_is_there(void **state) {
	(void)state;
	run_stage(spread, LSR_TEST_ROUNDS(50000), 7, 2);
	run_stage(in_a_row, LSR_TEST_ROUNDS(20000), 100, 4);
	run_stage(in_a_row, 50, 10, LSR_TEST_ROUNDS(2000)); /* the same few places again and again */
	run_stage(clustered, 1000, 1000, LSR_TEST_ROUNDS(60));
	run_stage(at_the_end, 5, 5, LSR_TEST_ROUNDS(20000));
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_index_has_nothing),
		cmocka_unit_test(the_first_and_the_last_key_are_keys),
		cmocka_unit_test(random_changes),
		cmocka_unit_test(two_million_at_random),
		cmocka_unit_test(two_million_ascending),
		cmocka_unit_test(two_million_descending),
		cmocka_unit_test(two_million_in_runs),
		cmocka_unit_test(churn_does_not_decay),
		cmocka_unit_test(batches_find_the_same),
		cmocka_unit_test(an_approach_does_not_freeze_what_it_leads_to),
		cmocka_unit_test(a_refused_insert_changes_nothing),
		cmocka_unit_test(removing_needs_no_memory),
		cmocka_unit_test(of_many_inserts_of_one_key_one_wins),
		cmocka_unit_test(readers_never_miss_what_is_there),
	};
	(void)lsr_test_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
