/* SPDX-License-Identifier: Apache-2.0 */
/* The scope trie against a plain list of prefixes, and under a reader while a writer changes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/rcu.h"
#include "scope/trie.h"
#include "test_random.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static const lsr_key_t key_zero = {0, 0};
static const lsr_key_t key_ones = {UINT64_MAX, UINT64_MAX};

/* The first 'bits' bits set. */
static lsr_key_t
mask_of(unsigned bits) {
	return (lsr_key_t){.high = bits == 0    ? 0
				   : bits >= 64 ? UINT64_MAX
						: ~(UINT64_MAX >> bits),
			   .low = bits <= 64    ? 0
				  : bits >= 128 ? UINT64_MAX
						: ~(UINT64_MAX >> (bits - 64))};
}

static lsr_key_t
first_of(lsr_key_t key, unsigned bits) {
	const lsr_key_t mask = mask_of(bits);
	return (lsr_key_t){key.high & mask.high, key.low & mask.low};
}

static lsr_key_t
last_of(lsr_key_t key, unsigned bits) {
	const lsr_key_t mask = mask_of(bits);
	return (lsr_key_t){key.high | ~mask.high, key.low | ~mask.low};
}

static int
compare_keys(lsr_key_t a, lsr_key_t b) {
	return a.high != b.high ? (a.high < b.high ? -1 : 1) : a.low != b.low ? (a.low < b.low ? -1 : 1) : 0;
}

static lsr_key_t
key_plus_one(lsr_key_t key) {
	return (lsr_key_t){key.high + (key.low == UINT64_MAX), key.low + 1};
}

static lsr_key_t
key_minus_one(lsr_key_t key) {
	return (lsr_key_t){key.high - (key.low == 0), key.low - 1};
}

static bool
covers(lsr_key_t prefix, unsigned bits, lsr_key_t key) {
	return compare_keys(first_of(key, bits), prefix) == 0;
}

/* ---- the twin ---------------------------------------------------------------------------------------------------- */

typedef struct {
	lsr_key_t key;
	unsigned bits;
	bool mapped;
} lsr_prefix_t;

#define PREFIXES_MAX 300

typedef struct {
	lsr_trie_t trie;
	lsr_prefix_t prefix[PREFIXES_MAX]; /* the trie maps to the address of the element */
	size_t mapped;
} lsr_twin_t;

static bool
twin_overlaps(const lsr_twin_t *twin, lsr_key_t key, unsigned bits) {
	for (size_t i = 0; i < PREFIXES_MAX; i++) {
		const lsr_prefix_t *other = &twin->prefix[i];
		if (other->mapped &&
		    (covers(other->key, other->bits, key) || (bits < other->bits && covers(key, bits, other->key)))) {
			return true;
		}
	}
	return false;
}

static const lsr_prefix_t *
twin_find(const lsr_twin_t *twin, lsr_key_t key) {
	for (size_t i = 0; i < PREFIXES_MAX; i++) {
		if (twin->prefix[i].mapped && covers(twin->prefix[i].key, twin->prefix[i].bits, key)) {
			return &twin->prefix[i];
		}
	}
	return NULL;
}

/* The lowest prefix that ends at or behind key. */
static const lsr_prefix_t *
twin_next(const lsr_twin_t *twin, lsr_key_t key) {
	const lsr_prefix_t *best = NULL;
	for (size_t i = 0; i < PREFIXES_MAX; i++) {
		const lsr_prefix_t *prefix = &twin->prefix[i];
		if (prefix->mapped && compare_keys(last_of(prefix->key, prefix->bits), key) >= 0 &&
		    (best == NULL || compare_keys(prefix->key, best->key) < 0)) {
			best = prefix;
		}
	}
	return best;
}

static const lsr_prefix_t *
twin_exact(const lsr_twin_t *twin, lsr_key_t key, unsigned bits) {
	const lsr_prefix_t *found = twin_find(twin, key);
	return found != NULL && found->bits == bits && compare_keys(found->key, key) == 0 ? found : NULL;
}

/* ---- comparing --------------------------------------------------------------------------------------------------- */

static void
compare_at(const lsr_twin_t *twin, lsr_key_t key) {
	lsr_rcu_enter();
	const void *found = lsr_trie_find(&twin->trie, key);
	const void *next = lsr_trie_next(&twin->trie, key);
	lsr_rcu_leave();
	assert_ptr_equal(found, twin_find(twin, key));
	assert_ptr_equal(next, twin_next(twin, key));
}

/* Both ends of a prefix, and the keys just outside. */
static void
compare_around(const lsr_twin_t *twin, lsr_key_t key, unsigned bits) {
	const lsr_key_t first = first_of(key, bits);
	const lsr_key_t last = last_of(key, bits);
	compare_at(twin, first);
	compare_at(twin, last);
	compare_at(twin, key_minus_one(first));
	compare_at(twin, key_plus_one(last));
}

static void
compare_walk(const lsr_twin_t *twin) {
	lsr_key_t at = key_zero;
	size_t seen = 0;
	for (;;) {
		lsr_rcu_enter();
		const lsr_prefix_t *next = lsr_trie_next(&twin->trie, at);
		lsr_rcu_leave();
		assert_ptr_equal(next, twin_next(twin, at));
		if (next == NULL) {
			break;
		}
		seen++;
		const lsr_key_t last = last_of(next->key, next->bits);
		if (compare_keys(last, key_ones) == 0) {
			break;
		}
		at = key_plus_one(last);
	}
	assert_int_equal(seen, twin->mapped);
}

/* ---- changing both ------------------------------------------------------------------------------------------------ */

/* Publish or abandon; an abandoned change must leave the very same version behind. */
static void
settle(lsr_twin_t *twin, lsr_trie_change_t *change, bool publish) {
	const void *root = atomic_load(&twin->trie.root);
	if (publish) {
		lsr_trie_publish(&twin->trie, change);
		assert_ptr_not_equal(atomic_load(&twin->trie.root), root);
	} else {
		lsr_trie_abandon(change);
		assert_ptr_equal(atomic_load(&twin->trie.root), root);
	}
}

static lessor_status_t
try_insert(lsr_twin_t *twin, lsr_key_t key, unsigned bits, bool publish) {
	lsr_trie_change_t change;
	size_t at = 0;
	while (at < PREFIXES_MAX && twin->prefix[at].mapped) {
		at++;
	}
	assert_true(at < PREFIXES_MAX);
	const lessor_status_t expected = twin_overlaps(twin, key, bits) ? LESSOR_SCOPE_EXISTS : LESSOR_OK;
	assert_int_equal(lsr_trie_stage_insert(&twin->trie, key, bits, &twin->prefix[at], &change), expected);
	if (expected == LESSOR_OK) {
		settle(twin, &change, publish);
		if (publish) {
			twin->prefix[at] = (lsr_prefix_t){.key = key, .bits = bits, .mapped = true};
			twin->mapped++;
		}
	}
	return expected;
}

static lessor_status_t
try_remove(lsr_twin_t *twin, lsr_key_t key, unsigned bits, bool publish) {
	lsr_trie_change_t change;
	const lsr_prefix_t *exact = twin_exact(twin, key, bits);
	const lessor_status_t expected = exact != NULL ? LESSOR_OK : LESSOR_NOT_FOUND;
	assert_int_equal(lsr_trie_stage_remove(&twin->trie, key, bits, &change), expected);
	if (expected == LESSOR_OK) {
		settle(twin, &change, publish);
		if (publish) {
			twin->prefix[exact - twin->prefix].mapped = false;
			twin->mapped--;
		}
	}
	return expected;
}

/* Another prefix for what is there, as one change. */
static lessor_status_t
try_move(lsr_twin_t *twin, lsr_key_t old_key, unsigned old_bits, lsr_key_t key, unsigned bits, bool publish) {
	lsr_trie_move_t move;
	const lsr_prefix_t *exact = twin_exact(twin, old_key, old_bits);
	lessor_status_t expected = LESSOR_NOT_FOUND;
	lsr_prefix_t *moving = exact != NULL ? &twin->prefix[exact - twin->prefix] : NULL;
	if (moving != NULL) {
		moving->mapped = false;
		expected = twin_overlaps(twin, key, bits) ? LESSOR_SCOPE_EXISTS : LESSOR_OK;
		moving->mapped = true;
	}
	const void *root = atomic_load(&twin->trie.root);
	assert_int_equal(lsr_trie_stage_move(&twin->trie, old_key, old_bits, key, bits, moving, &move), expected);
	compare_around(twin, old_key, old_bits);
	if (expected == LESSOR_OK && publish) {
		lsr_trie_publish_move(&twin->trie, &move);
		moving->key = key;
		moving->bits = bits;
	} else if (expected == LESSOR_OK) {
		lsr_trie_abandon_move(&move);
	}
	assert_int_equal(expected == LESSOR_OK && publish, atomic_load(&twin->trie.root) != root);
	compare_around(twin, old_key, old_bits);
	return expected;
}

static lsr_twin_t *
new_twin(void) {
	lsr_twin_t *twin = calloc(1, sizeof(*twin));
	assert_non_null(twin);
	assert_int_equal(lsr_trie_init(&twin->trie), LESSOR_OK);
	return twin;
}

static void
free_twin(lsr_twin_t *twin) {
	lsr_rcu_drain();
	lsr_trie_destroy(&twin->trie);
	free(twin);
}

/* ---- random changes ------------------------------------------------------------------------------------------------ */

static const lsr_prefix_t *
any_mapped(const lsr_twin_t *twin, lsr_random_t *random) {
	const size_t start = lsr_random_below(random, PREFIXES_MAX);
	for (size_t i = 0; i < PREFIXES_MAX; i++) {
		const lsr_prefix_t *prefix = &twin->prefix[(start + i) % PREFIXES_MAX];
		if (prefix->mapped) {
			return prefix;
		}
	}
	return NULL;
}

/* A key that is likely to be near others: an existing prefix with one bit turned over, or one of few leading patterns. */
static lsr_key_t
random_key(const lsr_twin_t *twin, lsr_random_t *random, unsigned key_bits) {
	const lsr_prefix_t *near = any_mapped(twin, random);
	lsr_key_t key = {lsr_random_u64(random), lsr_random_u64(random)};
	if (near != NULL && lsr_random_below(random, 2) == 0) {
		const unsigned bit = (unsigned)lsr_random_below(random, key_bits);
		key = near->key;
		if (bit < 64) {
			key.high ^= UINT64_C(1) << (63 - bit);
		} else {
			key.low ^= UINT64_C(1) << (127 - bit);
		}
	} else if (lsr_random_below(random, 3) == 0) {
		const lsr_key_t ends[] = {key_zero, key_ones, {0, UINT64_MAX}, {UINT64_MAX, 0}};
		key = ends[lsr_random_below(random, COUNT(ends))];
	}
	return first_of(key, key_bits);
}

static void
random_change(lsr_twin_t *twin, lsr_random_t *random, unsigned key_bits) {
	const lsr_prefix_t *existing = any_mapped(twin, random);
	const bool publish = lsr_random_below(random, 4) != 0;
	unsigned bits = 1 + (unsigned)lsr_random_below(random, key_bits);
	lsr_key_t key = random_key(twin, random, key_bits);
	const bool full = twin->mapped > PREFIXES_MAX - 10;
	switch (lsr_random_below(random, full ? 3 : 6)) {
	case 0: /* what is there, or nearly: one bit longer or shorter is not it */
		if (existing != NULL) {
			key = existing->key;
			bits = existing->bits + (unsigned)lsr_random_below(random, 3) - 1;
			bits = bits < 1 ? 1 : bits > key_bits ? key_bits : bits;
			key = first_of(key, bits);
			(void)try_remove(twin, key, bits, publish);
		}
		break;
	case 1:
		if (existing != NULL) {
			key = existing->key;
			bits = existing->bits;
			(void)try_remove(twin, key, bits, publish);
		}
		break;
	case 2: /* wider or narrower, or far away */
		if (existing != NULL) {
			key = lsr_random_below(random, 4) != 0 ? existing->key : key;
			bits = lsr_random_below(random, 2) != 0
				       ? existing->bits + (unsigned)lsr_random_below(random, 5) - 2
				       : bits;
			bits = bits < 1 || bits > key_bits ? key_bits : bits;
			key = first_of(key, bits);
			(void)try_move(twin, existing->key, existing->bits, key, bits, publish);
		}
		break;
	default:
		/* Long prefixes mostly: short ones soon overlap everything. */
		if (bits < key_bits / 4 && lsr_random_below(random, 8) != 0) {
			bits += key_bits / 2;
		}
		key = first_of(key, bits);
		(void)try_insert(twin, key, bits, publish);
	}
	compare_around(twin, key, bits);
}

static void
run_random(unsigned key_bits, uint64_t stream) {
	lsr_random_t random = lsr_random_stream(stream);
	lsr_twin_t *twin = new_twin();
	for (unsigned round = 0; round < LSR_TEST_ROUNDS(6000); round++) {
		random_change(twin, &random, key_bits);
		compare_at(twin, random_key(twin, &random, key_bits));
		if (round % 100 == 0) {
			compare_walk(twin);
		}
	}
	/* Empty again: whatever was made on the way must be gone. */
	for (size_t i = 0; i < PREFIXES_MAX; i++) {
		if (twin->prefix[i].mapped) {
			assert_int_equal(try_remove(twin, twin->prefix[i].key, twin->prefix[i].bits, true), LESSOR_OK);
		}
	}
	compare_walk(twin);
	compare_at(twin, key_zero);
	compare_at(twin, key_ones);
	free_twin(twin);
}

static void
random_prefixes_of_32_bits(void **state) {
	(void)state;
	run_random(32, 1);
}

static void
random_prefixes_of_128_bits(void **state) {
	(void)state;
	run_random(128, 2);
}

/* ---- the edges ------------------------------------------------------------------------------------------------------ */

static const unsigned edge_bits[] = {1, 5, 6, 7, 12, 31, 32, 33, 60, 63, 64, 65, 66, 67, 126, 127, 128};

static void
lengths_at_both_ends(void **state) {
	(void)state;
	const lsr_key_t ends[] = {key_zero, key_ones};
	for (size_t i = 0; i < COUNT(edge_bits); i++) {
		lsr_twin_t *twin = new_twin();
		for (size_t end = 0; end < COUNT(ends); end++) {
			const lsr_key_t key = first_of(ends[end], edge_bits[i]);
			assert_int_equal(try_insert(twin, key, edge_bits[i], true), LESSOR_OK);
			compare_around(twin, key, edge_bits[i]);
		}
		compare_walk(twin);
		assert_int_equal(twin->mapped, 2);
		for (size_t end = 0; end < COUNT(ends); end++) {
			const lsr_key_t key = first_of(ends[end], edge_bits[i]);
			assert_int_equal(try_remove(twin, key, edge_bits[i], true), LESSOR_OK);
			compare_around(twin, key, edge_bits[i]);
		}
		free_twin(twin);
	}
}

/* Every pair of lengths, in both orders: what overlaps is refused, and takes nothing away. */
static void
overlap_is_refused_in_both_directions(void **state) {
	(void)state;
	lsr_random_t random = lsr_random_stream(3);
	for (size_t s = 0; s < COUNT(edge_bits); s++) {
		for (size_t l = s; l < COUNT(edge_bits); l++) {
			const unsigned shorter = edge_bits[s];
			const unsigned longer = edge_bits[l];
			const lsr_key_t any = {lsr_random_u64(&random), lsr_random_u64(&random)};
			lsr_twin_t *twin = new_twin();
			assert_int_equal(try_insert(twin, first_of(any, shorter), shorter, true), LESSOR_OK);
			assert_int_equal(try_insert(twin, first_of(any, longer), longer, true), LESSOR_SCOPE_EXISTS);
			compare_around(twin, first_of(any, longer), longer);
			assert_int_equal(try_remove(twin, first_of(any, shorter), shorter, true), LESSOR_OK);
			assert_int_equal(try_insert(twin, first_of(any, longer), longer, true), LESSOR_OK);
			assert_int_equal(try_insert(twin, first_of(any, shorter), shorter, true), LESSOR_SCOPE_EXISTS);
			compare_around(twin, first_of(any, shorter), shorter);
			compare_around(twin, first_of(any, longer), longer);
			free_twin(twin);
		}
	}
}

/* Neighbours side by side: each has its own value up to the border. */
static void
neighbours_keep_their_borders(void **state) {
	(void)state;
	lsr_twin_t *twin = new_twin();
	for (unsigned i = 0; i < 256; i++) {
		assert_int_equal(try_insert(twin, lsr_key_ipv4(0x0A000000u + (i << 8)), 24, true), LESSOR_OK);
	}
	for (unsigned i = 0; i < 256; i++) {
		compare_around(twin, lsr_key_ipv4(0x0A000000u + (i << 8)), 24);
	}
	compare_walk(twin);
	assert_int_equal(try_insert(twin, lsr_key_ipv4(0x0A000000u), 16, true), LESSOR_SCOPE_EXISTS);
	for (unsigned i = 0; i < 256; i += 2) {
		assert_int_equal(try_remove(twin, lsr_key_ipv4(0x0A000000u + (i << 8)), 24, true), LESSOR_OK);
	}
	for (unsigned i = 0; i < 256; i++) {
		compare_around(twin, lsr_key_ipv4(0x0A000000u + (i << 8)), 24);
	}
	free_twin(twin);
}

static void
staged_changes_show_nothing_until_published(void **state) {
	(void)state;
	lsr_trie_change_t change;
	lsr_twin_t *twin = new_twin();
	const lsr_key_t key = lsr_key_ipv4(0xC0000200u);
	assert_int_equal(lsr_trie_stage_insert(&twin->trie, key, 24, &twin->prefix[0], &change), LESSOR_OK);
	compare_around(twin, key, 24); /* nothing yet */
	twin->prefix[0] = (lsr_prefix_t){.key = key, .bits = 24, .mapped = true};
	twin->mapped = 1;
	lsr_trie_publish(&twin->trie, &change);
	compare_around(twin, key, 24);
	assert_int_equal(lsr_trie_stage_remove(&twin->trie, key, 24, &change), LESSOR_OK);
	compare_around(twin, key, 24); /* still there */
	lsr_trie_abandon(&change);
	compare_around(twin, key, 24);
	free_twin(twin);
}

static void
destroying_nothing_is_harmless(void **state) {
	(void)state;
	lsr_trie_t nothing = {NULL};
	lsr_trie_destroy(&nothing);
	lsr_trie_t trie;
	assert_int_equal(lsr_trie_init(&trie), LESSOR_OK);
	lsr_trie_destroy(&trie);
	lsr_trie_destroy(&trie);
}

/* ---- a reader beside a writer --------------------------------------------------------------------------------------- */

#define STABLE 64u

/* Even prefixes of /24 are there all the time, odd ones come and go. */
typedef struct {
	lsr_trie_t trie;
	uint32_t subnet[2 * STABLE];
	atomic_bool stop;
	atomic_uint wrong;
	atomic_uint looks;
} lsr_race_t;

static uint32_t
race_subnet(unsigned i) {
	return 0x0A000000u + (i << 8);
}

static bool
look_once(lsr_race_t *race, lsr_random_t *random) {
	const unsigned i = (unsigned)lsr_random_below(random, (uint64_t)2 * STABLE);
	const uint32_t *found = lsr_trie_find(&race->trie, lsr_key_ipv4(race_subnet(i) + 77));
	if (i % 2 == 0) {
		return found == &race->subnet[i] && *found == race_subnet(i);
	}
	return found == NULL || (found == &race->subnet[i] && *found == race_subnet(i));
}

/* A walk with one version sees all that is stable, in order. */
static bool
walk_once(lsr_race_t *race) {
	uint64_t at = 0;
	unsigned stable = 0;
	for (;;) {
		const uint32_t *next = lsr_trie_next(&race->trie, lsr_key_ipv4((uint32_t)at));
		if (next == NULL) {
			return stable == STABLE;
		}
		if (*next < at) {
			return false;
		}
		stable += (*next >> 8) % 2 == 0;
		at = (uint64_t)*next + 256;
	}
}

static void *
run_reader(void *argument) {
	lsr_race_t *race = argument;
	lsr_random_t random = {.state = (uint64_t)(uintptr_t)&random};
	while (!atomic_load(&race->stop)) {
		for (unsigned i = 0; i < 64; i++) {
			lsr_rcu_enter();
			const bool good = i == 0 ? walk_once(race) : look_once(race, &random);
			lsr_rcu_leave();
			atomic_fetch_add(&race->wrong, good ? 0u : 1u);
			atomic_fetch_add(&race->looks, 1u);
		}
	}
	return NULL;
}

static void
flip(lsr_race_t *race, unsigned i, bool insert) {
	lsr_trie_change_t change;
	const lsr_key_t key = lsr_key_ipv4(race_subnet(i));
	const lessor_status_t status = insert ? lsr_trie_stage_insert(&race->trie, key, 24, &race->subnet[i], &change)
					      : lsr_trie_stage_remove(&race->trie, key, 24, &change);
	assert_int_equal(status, LESSOR_OK);
	lsr_trie_publish(&race->trie, &change);
	lsr_rcu_brake();
}

/* What is there all the time is narrower at times; a look-up finds it even so. */
static void
move_stable(lsr_race_t *race, unsigned i, bool narrow) {
	lsr_trie_move_t move;
	const lsr_key_t key = lsr_key_ipv4(race_subnet(i));
	assert_int_equal(
		lsr_trie_stage_move(&race->trie, key, narrow ? 24 : 25, key, narrow ? 25 : 24, &race->subnet[i], &move),
		LESSOR_OK);
	lsr_trie_publish_move(&race->trie, &move);
	lsr_rcu_brake();
}

static void
a_reader_sees_whole_versions(void **state) {
	(void)state;
	lsr_random_t random = lsr_random_stream(4);
	lsr_race_t *race = calloc(1, sizeof(*race));
	assert_non_null(race);
	assert_int_equal(lsr_trie_init(&race->trie), LESSOR_OK);
	bool there[2 * STABLE] = {false};
	bool narrow[2 * STABLE] = {false};
	for (unsigned i = 0; i < 2 * STABLE; i++) {
		race->subnet[i] = race_subnet(i);
		if (i % 2 == 0) {
			flip(race, i, true);
		}
	}
	pthread_t readers[2];
	for (size_t i = 0; i < COUNT(readers); i++) {
		assert_int_equal(pthread_create(&readers[i], NULL, run_reader, race), 0);
	}
	for (unsigned round = 0; round < LSR_TEST_ROUNDS(20000) || atomic_load(&race->looks) < 1000; round++) {
		const unsigned i = (unsigned)lsr_random_below(&random, STABLE) * 2 + 1;
		there[i] = !there[i];
		flip(race, i, there[i]);
		narrow[i - 1] = !narrow[i - 1];
		move_stable(race, i - 1, narrow[i - 1]);
	}
	atomic_store(&race->stop, true);
	for (size_t i = 0; i < COUNT(readers); i++) {
		assert_int_equal(pthread_join(readers[i], NULL), 0);
	}
	assert_int_equal(atomic_load(&race->wrong), 0);
	lsr_rcu_drain();
	lsr_trie_destroy(&race->trie);
	free(race);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_prefixes_of_32_bits),
		cmocka_unit_test(random_prefixes_of_128_bits),
		cmocka_unit_test(lengths_at_both_ends),
		cmocka_unit_test(overlap_is_refused_in_both_directions),
		cmocka_unit_test(neighbours_keep_their_borders),
		cmocka_unit_test(staged_changes_show_nothing_until_published),
		cmocka_unit_test(destroying_nothing_is_harmless),
		cmocka_unit_test(a_reader_sees_whole_versions),
	};
	(void)lsr_test_seed();
	return cmocka_run_group_tests_name("trie", tests, NULL, NULL);
}
