/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client hash against an array, with hashes chosen so that everything collides that can collide.
 *
 * A key of these tests is a number; 'record' number r holds key holder[r]. The hash of a key is made from it by a "shape".
 */
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
#include "lease/client_hash.h"
#include "test_random.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- keys and hashes ------------------------------------------------------------------------------------------------- */

typedef uint64_t (*lsr_shape_t)(uint64_t key);

static uint64_t
spread(uint64_t key) {
	return lsr_scramble(key);
}

/* One shard; its buckets fill evenly. */
static uint64_t
one_shard(uint64_t key) {
	return (lsr_scramble(key) & UINT64_C(0x00FFFFFFFFFFFFFF)) | UINT64_C(0x5A) << 56;
}

/* One shard, and the 16 low bits alike: one bucket, whatever the growth. The tags differ. */
static uint64_t
one_bucket(uint64_t key) {
	return (one_shard(key) & ~UINT64_C(0xFFFF)) | 0xBEEF;
}

/* Tags alike, shards different. */
static uint64_t
equal_tags(uint64_t key) {
	return (lsr_scramble(key) & ~UINT64_C(0xFFFFFFFF)) | UINT64_C(0x12345678);
}

/* Everything alike, and in the sample that drives growth. */
static uint64_t
all_equal(uint64_t key) {
	(void)key;
	return UINT64_C(0x3300000000000000);
}

/* The tag 0 with record ids of all sizes: an entry with it must not be taken for an empty place. */
static uint64_t
tag_zero(uint64_t key) {
	return lsr_scramble(key) << 32;
}

/* Not in the sample: nothing ever grows. */
static uint64_t
never_sampled(uint64_t key) {
	return lsr_scramble(key) | UINT64_C(1) << 40;
}

static _Atomic uint64_t *holder; /* of record r: the key */

static lsr_match_t
match_holder(const void *key, uint32_t record_id) {
	const uint64_t *wanted = key;
	return atomic_load_explicit(&holder[record_id], memory_order_relaxed) == *wanted ? LSR_MATCH_YES : LSR_MATCH_NO;
}

static uint32_t
find(const lsr_client_hash_t *hash, lsr_shape_t shape, uint64_t key) {
	lsr_rcu_enter();
	const uint32_t found = lsr_client_hash_find(hash, shape(key), match_holder, &key);
	lsr_rcu_leave();
	return found;
}

/* Every other key goes in as a common create does it. */
static lsr_insert_t
insert(lsr_client_hash_t *hash, lsr_shape_t shape, uint64_t key, uint32_t record_id, uint32_t *other) {
	lsr_rcu_enter();
	const lsr_hash_spot_t spot = lsr_client_hash_spot(hash, shape(key));
	const lsr_insert_t result =
		key % 2 == 0 && lsr_client_hash_insert_at(hash, spot, shape(key), record_id)
			? LSR_INSERT_DONE
			: lsr_client_hash_insert(hash, shape(key), record_id, match_holder, &key, other);
	lsr_rcu_leave();
	return result;
}

static bool
take_out(lsr_client_hash_t *hash, lsr_shape_t shape, uint64_t key, uint32_t record_id) {
	lsr_rcu_enter();
	const bool found = lsr_client_hash_remove(hash, shape(key), record_id);
	lsr_rcu_leave();
	lsr_rcu_brake();
	return found;
}

static lsr_client_hash_t *
new_hash(uint64_t max_entries, uint64_t records) {
	lsr_client_hash_t *hash = aligned_alloc(_Alignof(lsr_client_hash_t), sizeof(*hash));
	assert_non_null(hash);
	assert_true(lsr_client_hash_init(hash, max_entries));
	holder = calloc(records + 1, sizeof(holder[0]));
	assert_non_null(holder);
	return hash;
}

static void
free_hash(lsr_client_hash_t *hash) {
	lsr_rcu_drain();
	lsr_client_hash_destroy(hash);
	lsr_client_hash_destroy(hash); /* twice is harmless */
	free(hash);
	free(holder);
	holder = NULL;
}

/* ---- looking inside ---------------------------------------------------------------------------------------------------- */

typedef struct {
	uint64_t entries;
	uint64_t homes;
	uint64_t overflows;
	uint64_t empty_overflows;
	uint64_t misplaced; /* entries that are in a bucket where nobody looks for them */
	uint64_t longest;   /* buckets in a chain */
	uint64_t holes;     /* entries behind an empty one: chains are dense */
} lsr_census_t;

static void
census_of_chain(const lsr_client_hash_t *hash, unsigned shard, uint32_t index, uint32_t n, lsr_census_t *census) {
	const lsr_bucket_t *bucket = lsr_hash_home(hash, shard, index);
	uint64_t length = 1;
	bool ended = false;
	for (;;) {
		uint64_t here = 0;
		for (unsigned i = 0; i < LSR_HASH_ENTRIES; i++) {
			const uint64_t entry = atomic_load(&bucket->entry[i]);
			here += entry != 0;
			census->holes += entry != 0 && ended;
			ended = ended || entry == 0;
			census->misplaced += entry != 0 && lsr_hash_index((uint32_t)(entry >> 32), n) != index;
		}
		census->entries += here;
		census->empty_overflows += length > 1 && here == 0;
		const uint32_t next = (uint32_t)(atomic_load(&bucket->header) >> 32);
		if (next == 0) {
			break;
		}
		bucket = lsr_hash_overflow(hash, next);
		census->overflows++;
		length++;
	}
	census->longest = length > census->longest ? length : census->longest;
}

/* Of a table that nobody is changing. Whatever was done to it, there are no holes. */
static lsr_census_t
census_of(const lsr_client_hash_t *hash) {
	lsr_census_t census = {0};
	for (unsigned shard = 0; shard < LSR_HASH_SHARDS; shard++) {
		const uint32_t n = lsr_hash_buckets(hash, shard);
		census.homes += n;
		for (uint32_t index = 0; index < n; index++) {
			census_of_chain(hash, shard, index, n, &census);
		}
	}
	assert_int_equal(census.holes, 0);
	return census;
}

static void
buckets_are_a_partition(void **state) {
	(void)state;
	lsr_random_t random = lsr_random_stream(1);
	for (uint32_t n = 2; n < 3000; n++) {
		for (unsigned i = 0; i < 20; i++) {
			const uint32_t tag = (uint32_t)lsr_random_u64(&random);
			const uint32_t now = lsr_hash_index(tag, n);
			const uint32_t later = lsr_hash_index(tag, n + 1);
			assert_true(now < n);
			/* Growing by one bucket moves entries into it and nowhere else. */
			assert_true(later == now || later == n);
			/* And only out of the one bucket that is split for it. */
			assert_true(later == now || now == lsr_hash_index(n, n));
		}
	}
}

/* ---- one thread against an array ---------------------------------------------------------------------------------------- */

typedef struct {
	lsr_client_hash_t *hash;
	lsr_shape_t shape;
	uint32_t *record; /* of key k, or LSR_NO_RECORD */
	uint32_t keys;
	uint64_t present;
} lsr_twin_t;

static void
twin_insert(lsr_twin_t *twin, uint32_t key, uint32_t fresh) {
	uint32_t other = LSR_NO_RECORD;
	const uint32_t present = twin->record[key];
	const lsr_insert_t result = insert(twin->hash, twin->shape, key, fresh, &other);
	if (present != LSR_NO_RECORD) {
		assert_int_equal(result, LSR_INSERT_PRESENT);
		assert_int_equal(other, present);
		return;
	}
	assert_int_equal(result, LSR_INSERT_DONE);
	assert_int_equal(other, LSR_NO_RECORD);
	atomic_store(&holder[fresh], key);
	twin->record[key] = fresh;
	twin->present++;
}

static void
twin_remove(lsr_twin_t *twin, uint32_t key, uint32_t wrong_record) {
	const uint32_t present = twin->record[key];
	assert_false(take_out(twin->hash, twin->shape, key, wrong_record));
	if (present == LSR_NO_RECORD) {
		return;
	}
	assert_true(take_out(twin->hash, twin->shape, key, present));
	assert_false(take_out(twin->hash, twin->shape, key, present));
	atomic_store(&holder[present], UINT64_MAX);
	twin->record[key] = LSR_NO_RECORD;
	twin->present--;
}

static void
twin_compare(const lsr_twin_t *twin) {
	for (uint32_t key = 0; key < twin->keys; key++) {
		assert_int_equal(find(twin->hash, twin->shape, key), twin->record[key]);
	}
	const lsr_census_t census = census_of(twin->hash);
	assert_int_equal(census.entries, twin->present);
	assert_int_equal(census.misplaced, 0);
	assert_int_equal(census.empty_overflows, 0);
}

/* Two records per key, so that a key comes back under another record than it had. */
static void
run_twin(lsr_shape_t shape, uint32_t keys, unsigned rounds, uint64_t stream) {
	lsr_random_t random = lsr_random_stream(stream);
	lsr_twin_t twin = {.hash = new_hash(1 << 20, (uint64_t)keys * 2 + 2), .shape = shape, .keys = keys};
	twin.record = calloc(keys, sizeof(twin.record[0]));
	assert_non_null(twin.record);
	for (unsigned round = 0; round < rounds; round++) {
		/* The share of inserts swings, so that chains grow and shrink. */
		const bool filling = round / keys % 2 == 0;
		const uint32_t key = (uint32_t)lsr_random_below(&random, keys);
		const uint32_t fresh = key * 2 + 1 + (uint32_t)lsr_random_below(&random, 2);
		if (lsr_random_below(&random, 4) < (filling ? 3 : 1)) {
			twin_insert(&twin, key, fresh);
		} else {
			twin_remove(&twin, key, keys * 2 + 2);
		}
		assert_int_equal(find(twin.hash, shape, key), twin.record[key]);
		const uint32_t another = (uint32_t)lsr_random_below(&random, keys);
		assert_int_equal(find(twin.hash, shape, another), twin.record[another]);
		if (round % (rounds / 8) == 0) {
			twin_compare(&twin);
		}
	}
	twin_compare(&twin);
	for (uint32_t key = 0; key < keys; key++) {
		twin_remove(&twin, key, keys * 2 + 2);
	}
	twin_compare(&twin);
	assert_int_equal(census_of(twin.hash).overflows, 0); /* empty chains have no buckets left */
	free(twin.record);
	free_hash(twin.hash);
}

static void
random_keys_spread(void **state) {
	(void)state;
	run_twin(spread, 20000, LSR_TEST_ROUNDS(400000), 2);
}

static void
random_keys_in_one_shard(void **state) {
	(void)state;
	run_twin(one_shard, 3000, LSR_TEST_ROUNDS(100000), 3);
}

static void
random_keys_in_one_bucket(void **state) {
	(void)state;
	run_twin(one_bucket, 300, LSR_TEST_ROUNDS(30000), 4);
}

static void
random_keys_with_equal_tags(void **state) {
	(void)state;
	run_twin(equal_tags, 3000, LSR_TEST_ROUNDS(100000), 5);
}

static void
random_keys_with_one_hash(void **state) {
	(void)state;
	run_twin(all_equal, 200, LSR_TEST_ROUNDS(20000), 6);
}

static void
random_keys_with_tag_zero(void **state) {
	(void)state;
	run_twin(tag_zero, 500, LSR_TEST_ROUNDS(20000), 7);
}

static void
random_keys_without_growth(void **state) {
	(void)state;
	run_twin(never_sampled, 20000, LSR_TEST_ROUNDS(100000), 8);
}

/* ---- verdicts of the match function ---------------------------------------------------------------------------------------- */

static lsr_match_t verdict;

static lsr_match_t
match_by_decree(const void *key, uint32_t record_id) {
	(void)key;
	(void)record_id;
	return verdict;
}

static void
the_match_function_decides(void **state) {
	(void)state;
	lsr_client_hash_t *hash = new_hash(1000, 1);
	uint32_t other = LSR_NO_RECORD;
	verdict = LSR_MATCH_NO;
	assert_int_equal(lsr_client_hash_insert(hash, 42, 7, match_by_decree, NULL, &other), LSR_INSERT_DONE);
	verdict = LSR_MATCH_IN_DOUBT;
	assert_int_equal(lsr_client_hash_insert(hash, 42, 8, match_by_decree, NULL, &other), LSR_INSERT_IN_DOUBT);
	assert_int_equal(other, 7);
	/* For a reader doubt means no. */
	lsr_rcu_enter();
	assert_int_equal(lsr_client_hash_find(hash, 42, match_by_decree, NULL), LSR_NO_RECORD);
	verdict = LSR_MATCH_YES;
	assert_int_equal(lsr_client_hash_find(hash, 42, match_by_decree, NULL), 7);
	/* Another tag is never asked about. */
	assert_int_equal(lsr_client_hash_find(hash, 43, match_by_decree, NULL), LSR_NO_RECORD);
	lsr_rcu_leave();
	other = LSR_NO_RECORD;
	assert_int_equal(lsr_client_hash_insert(hash, 42, 9, match_by_decree, NULL, &other), LSR_INSERT_PRESENT);
	assert_int_equal(other, 7);
	assert_int_equal(census_of(hash).entries, 1);
	verdict = LSR_MATCH_NO;
	assert_int_equal(lsr_client_hash_insert(hash, 42, 9, match_by_decree, NULL, &other), LSR_INSERT_DONE);
	assert_true(lsr_client_hash_remove(hash, 42, 7));
	assert_false(lsr_client_hash_remove(hash, 42, 7));
	assert_true(lsr_client_hash_remove(hash, 42, 9));
	free_hash(hash);
}

/* ---- growth and churn ------------------------------------------------------------------------------------------------------- */

#define MANY LSR_TEST_ROUNDS(1000000u)

static void
fill(lsr_client_hash_t *hash, uint32_t first, uint32_t last) {
	for (uint32_t record_id = first; record_id <= last; record_id++) {
		uint32_t other = LSR_NO_RECORD;
		atomic_store_explicit(&holder[record_id], record_id, memory_order_relaxed);
		assert_int_equal(insert(hash, spread, record_id, record_id, &other), LSR_INSERT_DONE);
	}
}

static void
assert_all_found(const lsr_client_hash_t *hash, uint32_t first, uint32_t last) {
	for (uint32_t record_id = first; record_id <= last; record_id++) {
		assert_int_equal(find(hash, spread, record_id), record_id);
	}
}

/* What a hash of random keys may look like at any fill: at most two buckets of seven for four entries, and few of them overflow. */
static void
assert_in_shape(const lsr_client_hash_t *hash, uint64_t entries) {
	const lsr_census_t census = census_of(hash);
	assert_int_equal(census.entries, entries);
	assert_int_equal(census.misplaced, 0);
	assert_int_equal(census.empty_overflows, 0);
	assert_true(census.homes >= entries / 5);
	assert_true(census.homes <= entries / 3 + 16u * LSR_HASH_SHARDS);
	assert_true(census.overflows <= census.homes / 4);
	assert_true(census.longest <= 4);
}

static void
growing_to_a_million(void **state) {
	(void)state;
	lsr_client_hash_t *hash = new_hash(MANY, MANY);
	uint32_t filled = 0;
	for (uint32_t target = MANY / 64; target <= MANY; target *= 2) {
		fill(hash, filled + 1, target);
		filled = target;
		assert_in_shape(hash, filled);
	}
	assert_all_found(hash, 1, filled);
	for (uint64_t absent = 0; absent < 100000; absent++) {
		assert_int_equal(find(hash, spread, MANY + 1 + absent), LSR_NO_RECORD);
	}
	/* 16 bytes of home bucket per entry, a quarter more for overflow, and the last steps of two arenas. */
	assert_true(lsr_client_hash_memory(hash) <= (uint64_t)filled * 22 + 4 * LSR_ARENA_STEP_BYTES);
	free_hash(hash);
}

/* How far the homes may drift above what 'entries' need: see churn_does_not_decay(). In 64ths. */
static uint64_t
drift_allowed(uint64_t entries) {
	uint64_t root = 1;
	while ((root + 1) * (root + 1) <= entries / LSR_HASH_SHARDS / 16) {
		root++;
	}
	return 64 * 6 / root;
}

/*
 * The same number of entries all the time, each replaced many times: chains may not get longer. A shard's size follows the greatest
 * sample it ever saw, one of sixteen entries, and never goes back; so under churn the homes drift towards the mean plus some
 * standard deviations (the root) of the sample, and no further.
 */
static void
churn_does_not_decay(void **state) {
	(void)state;
	const uint32_t held = MANY / 8;
	lsr_random_t random = lsr_random_stream(9);
	lsr_client_hash_t *hash = new_hash(MANY, held);
	uint64_t next_key = held + 1;
	fill(hash, 1, held);
	const lsr_census_t before = census_of(hash);
	for (unsigned lap = 0; lap < 6; lap++) {
		for (uint32_t i = 0; i < held; i++) {
			const uint32_t record_id = 1 + (uint32_t)lsr_random_below(&random, held);
			uint32_t other = LSR_NO_RECORD;
			const uint64_t old_key = atomic_load_explicit(&holder[record_id], memory_order_relaxed);
			assert_true(take_out(hash, spread, old_key, record_id));
			atomic_store_explicit(&holder[record_id], next_key, memory_order_relaxed);
			assert_int_equal(insert(hash, spread, next_key++, record_id, &other), LSR_INSERT_DONE);
			assert_int_equal(find(hash, spread, old_key), LSR_NO_RECORD);
		}
		for (uint32_t record_id = 1; record_id <= held; record_id++) {
			assert_int_equal(find(hash, spread, atomic_load(&holder[record_id])), record_id);
		}
		const lsr_census_t after = census_of(hash);
		assert_int_equal(after.entries, held);
		assert_int_equal(after.empty_overflows, 0);
		assert_true(after.homes <= before.homes + before.homes * drift_allowed(held) / 64);
		assert_true(after.overflows <= before.overflows + before.overflows / 4 + 64);
		assert_true(after.longest <= 4);
	}
	/* Overflow buckets go round: the arena holds no more than were in use at once and some on their way. */
	lsr_rcu_drain();
	assert_true(hash->overflow_used <= 2 * before.overflows + 65536 + 64);
	free_hash(hash);
}

/* ---- no memory -------------------------------------------------------------------------------------------------------------- */

static void
without_overflow_buckets_inserts_are_refused(void **state) {
	(void)state;
	lsr_client_hash_t *hash = new_hash(1000, 1000);
	hash->overflow_limit = 4; /* three buckets: number 0 is not one */
	uint32_t other = LSR_NO_RECORD;
	const uint32_t fits = 4 * LSR_HASH_ENTRIES;
	for (uint32_t record_id = 1; record_id <= fits; record_id++) {
		atomic_store(&holder[record_id], record_id);
		assert_int_equal(insert(hash, never_sampled, record_id, record_id, &other), LSR_INSERT_DONE);
		/* All in one chain: the tags differ, the bucket does not. */
		assert_true(take_out(hash, never_sampled, record_id, record_id));
		assert_int_equal(insert(hash, one_bucket, record_id, record_id, &other), LSR_INSERT_DONE);
	}
	for (unsigned again = 0; again < 3; again++) {
		atomic_store(&holder[fits + 1], fits + 1);
		assert_int_equal(insert(hash, one_bucket, fits + 1, fits + 1, &other), LSR_INSERT_NO_MEMORY);
		assert_int_equal(find(hash, one_bucket, fits + 1), LSR_NO_RECORD);
	}
	for (uint32_t record_id = 1; record_id <= fits; record_id++) {
		assert_int_equal(find(hash, one_bucket, record_id), record_id);
	}
	assert_true(take_out(hash, one_bucket, 5, 5));
	assert_int_equal(insert(hash, one_bucket, fits + 1, fits + 1, &other), LSR_INSERT_DONE);
	assert_int_equal(find(hash, one_bucket, fits + 1), fits + 1);
	free_hash(hash);
}

/* Neither homes nor overflows can grow any more: the hash gets slow, then full, and never wrong. */
static void
a_full_arena_leaves_everything_found(void **state) {
	(void)state;
	const uint32_t records = 400000;
	lsr_client_hash_t *hash = new_hash(0, records);
	uint32_t filled = 0;
	for (;;) {
		uint32_t other = LSR_NO_RECORD;
		const uint32_t record_id = filled + 1;
		assert_true(record_id < records);
		atomic_store(&holder[record_id], record_id);
		const lsr_insert_t result = insert(hash, spread, record_id, record_id, &other);
		if (result == LSR_INSERT_NO_MEMORY) {
			break;
		}
		assert_int_equal(result, LSR_INSERT_DONE);
		filled = record_id;
	}
	assert_all_found(hash, 1, filled);
	lsr_census_t census = census_of(hash);
	assert_int_equal(census.entries, filled);
	assert_int_equal(census.misplaced, 0);
	for (uint32_t record_id = 1; record_id <= filled; record_id += 2) {
		assert_true(take_out(hash, spread, record_id, record_id));
	}
	for (uint32_t record_id = 1; record_id <= filled; record_id++) {
		assert_int_equal(find(hash, spread, record_id), record_id % 2 == 0 ? record_id : LSR_NO_RECORD);
	}
	lsr_rcu_drain();
	fill(hash, filled + 1, filled + 1);
	free_hash(hash);
}

/* The short way to insert leaves alone what it cannot judge: something with the same tag, a full bucket, a spot of before a split. */
static void
a_spot_is_used_only_while_it_is_sure(void **state) {
	(void)state;
	const uint64_t unsampled = UINT64_C(1) << 40;
	const uint64_t mover = 16 | unsampled; /* in bucket 0 of 16, in bucket 16 of more */
	lsr_client_hash_t *hash = new_hash(1 << 20, 1);
	uint32_t record_id = 0;
	lsr_rcu_enter();
	const lsr_hash_spot_t spot = lsr_client_hash_spot(hash, mover);
	assert_true(lsr_client_hash_insert_at(hash, spot, mover, ++record_id));
	assert_false(lsr_client_hash_insert_at(hash, spot, mover, 99));
	assert_int_equal(census_of(hash).entries, 1);
	while (record_id < LSR_HASH_ENTRIES) {
		record_id++;
		assert_true(lsr_client_hash_insert_at(hash, spot, 32 * (uint64_t)record_id | unsampled, record_id));
	}
	assert_false(lsr_client_hash_insert_at(hash, spot, 32 * 99 | unsampled, 99));
	assert_int_equal(census_of(hash).entries, LSR_HASH_ENTRIES);
	assert_true(lsr_client_hash_remove(hash, mover, 1));
	/* Sampled keys in the same shard, in other buckets, until it grows. */
	for (uint32_t i = 0; lsr_hash_buckets(hash, 0) == 16; i++) {
		const uint64_t key = 1 + i % 15 + 32 * (uint64_t)(i + 1);
		assert_true(lsr_client_hash_insert_at(hash, lsr_client_hash_spot(hash, key), key, ++record_id));
	}
	assert_false(lsr_client_hash_insert_at(hash, spot, mover, 99));
	assert_true(lsr_client_hash_insert_at(hash, lsr_client_hash_spot(hash, mover), mover, 1));
	lsr_rcu_leave();
	const lsr_census_t census = census_of(hash);
	assert_int_equal(census.entries, record_id);
	assert_int_equal(census.misplaced, 0);
	free_hash(hash);
}

/* A split that runs out of overflow buckets in the middle changes nothing, and can be made later. */
static void
a_failed_split_leaves_everything_in_place(void **state) {
	(void)state;
	lsr_client_hash_t *hash = new_hash(1 << 20, 4000);
	const uint32_t chain = 3 * LSR_HASH_ENTRIES;
	uint32_t other = LSR_NO_RECORD;
	/* Bucket 0 of shard 0, all of which belongs to bucket 16 as soon as there is one. */
	uint32_t filled = 0;
	for (uint64_t tag = 16; filled < chain; tag += 32) {
		filled++;
		atomic_store(&holder[filled], tag);
		lsr_rcu_enter();
		/* Bit 40 keeps these out of the sample, so that nothing grows yet. */
		assert_int_equal(
			lsr_client_hash_insert(hash, tag | UINT64_C(1) << 40, filled, match_holder, &tag, &other),
			LSR_INSERT_DONE);
		lsr_rcu_leave();
	}
	hash->overflow_limit = hash->overflow_used; /* a second chain of three is not to be had */
	/* Sampled keys in the same shard, in other buckets, until it wants to grow. */
	for (uint32_t i = 0; i < 8; i++) {
		const uint64_t key = 1 + i % 15 + 32 * (uint64_t)(i + 1);
		filled++;
		atomic_store(&holder[filled], key);
		lsr_rcu_enter();
		assert_int_equal(lsr_client_hash_insert(hash, key, filled, match_holder, &key, &other),
				 LSR_INSERT_DONE);
		lsr_rcu_leave();
	}
	assert_int_equal(lsr_hash_buckets(hash, 0), 16);
	for (uint32_t record_id = 1; record_id <= filled; record_id++) {
		uint64_t key = atomic_load(&holder[record_id]);
		lsr_rcu_enter();
		assert_int_equal(lsr_client_hash_find(hash, key, match_holder, &key), record_id);
		lsr_rcu_leave();
	}
	hash->overflow_limit = 1000;
	const uint64_t key = 3 + 32 * 100;
	atomic_store(&holder[++filled], key);
	lsr_rcu_enter();
	assert_int_equal(lsr_client_hash_insert(hash, key, filled, match_holder, &key, &other), LSR_INSERT_DONE);
	lsr_rcu_leave();
	assert_true(lsr_hash_buckets(hash, 0) > 16);
	for (uint32_t record_id = 1; record_id <= filled; record_id++) {
		uint64_t wanted = atomic_load(&holder[record_id]);
		lsr_rcu_enter();
		assert_int_equal(lsr_client_hash_find(hash, wanted, match_holder, &wanted), record_id);
		lsr_rcu_leave();
	}
	const lsr_census_t census = census_of(hash);
	assert_int_equal(census.entries, filled);
	assert_int_equal(census.misplaced, 0);
	free_hash(hash);
}

/* ---- threads ---------------------------------------------------------------------------------------------------------------- */

#define CLAIMANTS 4

typedef struct {
	lsr_client_hash_t *hash;
	pthread_barrier_t *start;
	lsr_shape_t shape;
	uint32_t number;
	uint32_t keys;
	uint32_t won;
	uint32_t wrong;
} lsr_claimant_t;

/* Threads fight for each key in the same order. Record ids are a thread's own. */
static void *
run_claimant(void *argument) {
	lsr_claimant_t *claimant = argument;
	for (uint32_t key = 1; key <= claimant->keys; key++) {
		const uint32_t record_id = key * CLAIMANTS + claimant->number;
		uint32_t other = LSR_NO_RECORD;
		atomic_store(&holder[record_id], key);
		if (key % 64 == 1) {
			(void)pthread_barrier_wait(claimant->start);
		}
		const lsr_insert_t result = insert(claimant->hash, claimant->shape, key, record_id, &other);
		if (result == LSR_INSERT_DONE) {
			claimant->won++;
		} else {
			claimant->wrong += result != LSR_INSERT_PRESENT || other / CLAIMANTS != key;
			claimant->wrong += find(claimant->hash, claimant->shape, key) != other;
		}
	}
	return NULL;
}

static void
run_claimants(lsr_shape_t shape, uint32_t keys) {
	pthread_barrier_t start;
	pthread_t threads[CLAIMANTS];
	lsr_claimant_t claimants[CLAIMANTS];
	lsr_client_hash_t *hash = new_hash(1 << 20, ((uint64_t)keys + 1) * CLAIMANTS);
	assert_int_equal(pthread_barrier_init(&start, NULL, CLAIMANTS), 0);
	for (uint32_t i = 0; i < CLAIMANTS; i++) {
		claimants[i] =
			(lsr_claimant_t){.hash = hash, .start = &start, .shape = shape, .number = i, .keys = keys};
		assert_int_equal(pthread_create(&threads[i], NULL, run_claimant, &claimants[i]), 0);
	}
	uint32_t won = 0;
	for (uint32_t i = 0; i < CLAIMANTS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(claimants[i].wrong, 0);
		won += claimants[i].won;
	}
	assert_int_equal(won, keys);
	assert_int_equal(census_of(hash).entries, keys);
	for (uint32_t key = 1; key <= keys; key++) {
		assert_int_equal(find(hash, shape, key) / CLAIMANTS, key);
	}
	(void)pthread_barrier_destroy(&start);
	free_hash(hash);
}

static void
of_many_inserts_of_one_key_one_wins(void **state) {
	(void)state;
	run_claimants(spread, LSR_TEST_ROUNDS(60000));
	run_claimants(one_shard, LSR_TEST_ROUNDS(5000));
	run_claimants(one_bucket, LSR_TEST_ROUNDS(600));
}

typedef struct {
	lsr_client_hash_t *hash;
	lsr_shape_t shape;
	uint32_t stable; /* keys 1..stable are there all the time, as their own records */
	uint32_t keys;   /* stable + 1..keys come and go */
	uint32_t number;
	uint32_t writers;
	unsigned laps;
	atomic_bool *stop;
	_Atomic uint64_t *looks;
	uint64_t wrong;
} lsr_runner_t;

static void *
run_reader(void *argument) {
	lsr_runner_t *reader = argument;
	lsr_random_t random = {.state = reader->number};
	while (!atomic_load(reader->stop)) {
		for (unsigned i = 0; i < 64; i++) {
			const uint32_t key = 1 + (uint32_t)lsr_random_below(&random, reader->keys);
			const uint32_t found = find(reader->hash, reader->shape, key);
			reader->wrong += found != key && (key <= reader->stable || found != LSR_NO_RECORD);
		}
		atomic_fetch_add(reader->looks, 64);
	}
	return NULL;
}

/* Each writer has keys of its own, so it knows what every operation has to answer. */
static void *
run_writer(void *argument) {
	lsr_runner_t *writer = argument;
	for (unsigned lap = 0; lap < writer->laps; lap++) {
		uint32_t other = LSR_NO_RECORD;
		for (uint32_t key = writer->stable + 1 + writer->number; key <= writer->keys; key += writer->writers) {
			writer->wrong += insert(writer->hash, writer->shape, key, key, &other) != LSR_INSERT_DONE;
		}
		for (uint32_t key = writer->stable + 1 + writer->number; key <= writer->keys; key += writer->writers) {
			writer->wrong += !take_out(writer->hash, writer->shape, key, key);
			writer->wrong += find(writer->hash, writer->shape, key) != LSR_NO_RECORD;
		}
	}
	return NULL;
}

static void
run_readers_and_writers(lsr_shape_t shape, uint32_t stable, uint32_t keys, unsigned laps) {
	enum { READERS = 2, WRITERS = 2 };
	atomic_bool stop = false;
	_Atomic uint64_t looks = 0;
	pthread_t threads[READERS + WRITERS];
	lsr_runner_t runners[READERS + WRITERS];
	lsr_client_hash_t *hash = new_hash(1 << 20, keys);
	for (uint32_t key = 1; key <= keys; key++) {
		atomic_store(&holder[key], key);
	}
	for (uint32_t key = 1; key <= stable; key++) {
		uint32_t other = LSR_NO_RECORD;
		assert_int_equal(insert(hash, shape, key, key, &other), LSR_INSERT_DONE);
	}
	for (uint32_t i = 0; i < READERS + WRITERS; i++) {
		runners[i] = (lsr_runner_t){.hash = hash,
					    .shape = shape,
					    .stable = stable,
					    .keys = keys,
					    .number = i % WRITERS,
					    .writers = WRITERS,
					    .laps = laps,
					    .stop = &stop,
					    .looks = &looks};
		assert_int_equal(pthread_create(&threads[i], NULL, i < WRITERS ? run_writer : run_reader, &runners[i]),
				 0);
	}
	for (uint32_t i = 0; i < WRITERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	while (atomic_load(&looks) < 1000) {
		(void)sched_yield();
	}
	atomic_store(&stop, true);
	for (uint32_t i = WRITERS; i < READERS + WRITERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	for (uint32_t i = 0; i < READERS + WRITERS; i++) {
		assert_int_equal(runners[i].wrong, 0);
	}
	const lsr_census_t census = census_of(hash);
	assert_int_equal(census.entries, stable);
	assert_int_equal(census.misplaced, 0);
	free_hash(hash);
}

static void
readers_never_miss_what_is_there(void **state) {
	(void)state;
	run_readers_and_writers(spread, 2000, LSR_TEST_ROUNDS(200000), 2);
	run_readers_and_writers(one_shard, 100, LSR_TEST_ROUNDS(30000), 2);
	run_readers_and_writers(one_bucket, 30, 200, LSR_TEST_ROUNDS(300));
	run_readers_and_writers(all_equal, 30, 100, LSR_TEST_ROUNDS(300));
}

/* A table that was told what comes has its buckets at once, and is then as full as one that grew. */
static void
a_presized_table_has_its_buckets(void **state) {
	(void)state;
	lsr_client_hash_t *hash = new_hash(MANY, MANY);
	assert_true(lsr_client_hash_presize(hash, MANY));
	const uint64_t homes = census_of(hash).homes;
	assert_true(homes * 4 >= MANY && homes * 4 <= MANY + 4 * LSR_HASH_SHARDS);
	fill(hash, 1, MANY);
	assert_in_shape(hash, MANY);
	assert_true(census_of(hash).homes <= homes + homes / 8); /* some shards got more than others */
	assert_all_found(hash, 1, MANY);
	free_hash(hash);
	/* Nothing to come, or too much: as it was. */
	hash = new_hash(1000, 1);
	const uint64_t least = census_of(hash).homes;
	assert_true(lsr_client_hash_presize(hash, 0));
	assert_false(lsr_client_hash_presize(hash, UINT64_C(1) << 40));
	assert_int_equal(census_of(hash).homes, least);
	free_hash(hash);
}

/*
 * Long chains in which every fourth key stays and all others go, so that those that stay are moved into the holes, while other keys make the buckets
 * split under them.
 */
enum { MOVED_STAY = 500, MOVED_KEYS = 4 * MOVED_STAY, MOVED_GROWERS = 300 };

/* One shard; only the growers are in the sample. */
static uint64_t
crowded(uint64_t key) {
	const uint64_t h = one_shard(key) & ~(UINT64_C(15) << 40);
	return key > MOVED_KEYS ? h : h | UINT64_C(1) << 40;
}

typedef struct {
	lsr_client_hash_t *hash;
	pthread_barrier_t *start;
	atomic_bool *stop;
	bool waits;
	uint64_t stream;
	uint64_t looks;
	uint64_t wrong;
} lsr_mover_t;

static void *
run_looker(void *argument) {
	lsr_mover_t *looker = argument;
	lsr_random_t random = {.state = looker->stream};
	(void)pthread_barrier_wait(looker->start);
	do {
		for (unsigned i = 0; i < 64; i++) {
			const uint32_t key = 4 * (1 + (uint32_t)lsr_random_below(&random, MOVED_STAY));
			looker->wrong += find(looker->hash, crowded, key) != key;
			looker->looks++;
		}
	} while (!atomic_load(looker->stop));
	return NULL;
}

/* From the front of the chains on: each removal moves what is last. */
static void *
run_remover(void *argument) {
	lsr_mover_t *remover = argument;
	(void)pthread_barrier_wait(remover->start);
	while (remover->waits && lsr_hash_buckets(remover->hash, 0x5A) < 64) {
		(void)sched_yield(); /* the first splits are to move long chains */
	}
	for (uint32_t key = 1; key <= MOVED_KEYS; key++) {
		remover->wrong += key % 4 != 0 && !take_out(remover->hash, crowded, key, key);
	}
	return NULL;
}

static void *
run_grower(void *argument) {
	lsr_mover_t *grower = argument;
	(void)pthread_barrier_wait(grower->start);
	for (uint32_t key = MOVED_KEYS + 1; key <= MOVED_KEYS + MOVED_GROWERS; key++) {
		uint32_t other = LSR_NO_RECORD;
		grower->wrong += insert(grower->hash, crowded, key, key, &other) != LSR_INSERT_DONE;
	}
	return NULL;
}

static void
move_under_readers(uint64_t stream) {
	enum { LOOKERS = 2, THREADS = LOOKERS + 2 };
	void *(*const runs[THREADS])(void *) = {run_remover, run_grower, run_looker, run_looker};
	lsr_client_hash_t *hash = new_hash(1 << 20, MOVED_KEYS + MOVED_GROWERS);
	atomic_bool stop = false;
	pthread_barrier_t start;
	pthread_t threads[THREADS];
	lsr_mover_t movers[THREADS];
	for (uint32_t key = 1; key <= MOVED_KEYS + MOVED_GROWERS; key++) {
		uint32_t other = LSR_NO_RECORD;
		atomic_store(&holder[key], key);
		assert_true(key > MOVED_KEYS || insert(hash, crowded, key, key, &other) == LSR_INSERT_DONE);
	}
	assert_true(census_of(hash).longest >= 8);
	assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		movers[i] = (lsr_mover_t){
			.hash = hash, .start = &start, .stop = &stop, .waits = stream % 2 != 0, .stream = stream + i};
		assert_int_equal(pthread_create(&threads[i], NULL, runs[i], &movers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		if (i == THREADS - LOOKERS) {
			atomic_store(&stop, true);
		}
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(movers[i].wrong, 0);
	}
	const lsr_census_t census = census_of(hash);
	assert_int_equal(census.entries, MOVED_STAY + MOVED_GROWERS);
	assert_int_equal(census.misplaced, 0);
	assert_true(lsr_hash_buckets(hash, 0x5A) > 16);
	for (uint32_t key = 4; key <= MOVED_KEYS; key += 4) {
		assert_int_equal(find(hash, crowded, key), key);
	}
	(void)pthread_barrier_destroy(&start);
	free_hash(hash);
}

static void
what_moves_is_never_missed(void **state) {
	(void)state;
	lsr_random_t random = lsr_random_stream(20);
	for (unsigned round = 0; round < LSR_TEST_ROUNDS(300); round++) {
		move_under_readers(lsr_random_u64(&random));
	}
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_are_a_partition),
		cmocka_unit_test(random_keys_spread),
		cmocka_unit_test(random_keys_in_one_shard),
		cmocka_unit_test(random_keys_in_one_bucket),
		cmocka_unit_test(random_keys_with_equal_tags),
		cmocka_unit_test(random_keys_with_one_hash),
		cmocka_unit_test(random_keys_with_tag_zero),
		cmocka_unit_test(random_keys_without_growth),
		cmocka_unit_test(the_match_function_decides),
		cmocka_unit_test(growing_to_a_million),
		cmocka_unit_test(churn_does_not_decay),
		cmocka_unit_test(without_overflow_buckets_inserts_are_refused),
		cmocka_unit_test(a_full_arena_leaves_everything_found),
		cmocka_unit_test(a_spot_is_used_only_while_it_is_sure),
		cmocka_unit_test(a_failed_split_leaves_everything_in_place),
		cmocka_unit_test(of_many_inserts_of_one_key_one_wins),
		cmocka_unit_test(readers_never_miss_what_is_there),
		cmocka_unit_test(a_presized_table_has_its_buckets),
		cmocka_unit_test(what_moves_is_never_missed),
	};
	(void)lsr_test_seed();
	return cmocka_run_group_tests_name("client_hash", tests, NULL, NULL);
}
