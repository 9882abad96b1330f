/* SPDX-License-Identifier: Apache-2.0 */
#include "lease/client_hash.h"

#include <stdlib.h>

#include "base/rcu.h"

/* Buckets per shard at the beginning: 256 KiB in all. */
#define FIRST_BUCKETS 16u
/* Entries per bucket at which a shard grows: 4 of 7 keeps four of five buckets without overflow in the worst phase of a round. */
#define LOAD 4u
/* Every 16th key is counted; which ones is decided by bits that neither choose shard nor bucket. */
#define SAMPLE_SHIFT 40
#define SAMPLE       16u
/* A sampled insert stands for 16, that is 4 buckets; some more to catch up. */
#define SPLITS_MAX 6u

#define HEADER_LOCK    UINT64_C(1)
#define HEADER_VERSION UINT64_C(2)
#define VERSION_MASK   UINT64_C(0xFFFFFFFE)

/* ---- headers --------------------------------------------------------------------------------------------------- */

static void
lock_bucket(lsr_bucket_t *bucket) {
	unsigned round = 0;
	for (;;) {
		uint64_t header = atomic_load_explicit(&bucket->header, memory_order_relaxed);
		if ((header & HEADER_LOCK) == 0 &&
		    atomic_compare_exchange_weak_explicit(&bucket->header, &header, header | HEADER_LOCK,
							  memory_order_acquire, memory_order_relaxed)) { /* H3 */
			return;
		}
		lsr_relax(&round); /* the holder finishes one scan */
	}
}

/* The holder alone writes the header, hence plain load and store. */
static uint64_t
own_header(lsr_bucket_t *bucket) {
	return atomic_load_explicit(&bucket->header, memory_order_relaxed);
}

static void
unlock_bucket(lsr_bucket_t *bucket) {
	atomic_store_explicit(&bucket->header, own_header(bucket) & ~HEADER_LOCK, memory_order_release); /* H3 */
}

static void
bump_version(lsr_bucket_t *home) {
	const uint64_t header = own_header(home);
	const uint64_t version = (header + HEADER_VERSION) & VERSION_MASK;
	atomic_store_explicit(&home->header, (header & ~VERSION_MASK) | version, memory_order_release); /* H4 */
}

static uint32_t
next_of(lsr_bucket_t *bucket) {
	return (uint32_t)(own_header(bucket) >> 32);
}

static void
set_next(lsr_bucket_t *bucket, uint32_t next) {
	const uint64_t header = own_header(bucket);
	atomic_store_explicit(&bucket->header, (header & UINT32_MAX) | (uint64_t)next << 32, memory_order_release);
}

static uint64_t
entry_at(lsr_bucket_t *bucket, unsigned i) {
	return atomic_load_explicit(&bucket->entry[i], memory_order_relaxed);
}

static void
set_entry(lsr_bucket_t *bucket, unsigned i, uint64_t entry) {
	atomic_store_explicit(&bucket->entry[i], entry, memory_order_release); /* H1 */
}

/* ---- overflow buckets ------------------------------------------------------------------------------------------ */

static uint32_t
take_overflow(lsr_client_hash_t *hash) {
	uint32_t number = 0;
	(void)pthread_mutex_lock(&hash->overflow_lock);
	if (hash->overflow_free != 0) {
		number = hash->overflow_free;
		hash->overflow_free = next_of(lsr_hash_overflow(hash, number));
		set_next(lsr_hash_overflow(hash, number), 0);
	} else if (hash->overflow_used < hash->overflow_limit &&
		   lsr_arena_ensure(&hash->overflows, ((size_t)hash->overflow_used + 1) * sizeof(lsr_bucket_t))) {
		number = hash->overflow_used++;
	}
	(void)pthread_mutex_unlock(&hash->overflow_lock);
	return number;
}

typedef struct {
	lsr_rcu_head_t head;
	lsr_client_hash_t *hash;
	uint32_t number;
} lsr_overflow_retired_t;

static void
recycle_overflow(lsr_rcu_head_t *head) {
	lsr_overflow_retired_t *retired = LSR_CONTAINER(head, lsr_overflow_retired_t, head);
	lsr_client_hash_t *hash = retired->hash;
	(void)pthread_mutex_lock(&hash->overflow_lock);
	set_next(lsr_hash_overflow(hash, retired->number), hash->overflow_free);
	hash->overflow_free = retired->number;
	(void)pthread_mutex_unlock(&hash->overflow_lock);
	free(retired);
	(void)atomic_fetch_sub_explicit(&hash->overflow_retired, 1, memory_order_release);
}

/* Unlink the empty bucket behind 'before'. Readers may still stand on it, so it is reused after a grace period only. */
static bool
drop_overflow(lsr_client_hash_t *hash, lsr_bucket_t *before, uint32_t number) {
	lsr_overflow_retired_t *retired = malloc(sizeof(*retired));
	if (retired == NULL) {
		return false; /* no memory: it stays in the chain, empty */
	}
	*retired = (lsr_overflow_retired_t){.hash = hash, .number = number};
	set_next(before, next_of(lsr_hash_overflow(hash, number)));
	(void)atomic_fetch_add_explicit(&hash->overflow_retired, 1, memory_order_relaxed);
	lsr_rcu_defer(&retired->head, recycle_overflow);
	return true;
}

/* ---- chains, with the home bucket's lock held -------------------------------------------------------------------- */

static bool
is_empty(lsr_bucket_t *bucket) {
	for (unsigned i = 0; i < LSR_HASH_ENTRIES; i++) {
		if (entry_at(bucket, i) != 0) {
			return false;
		}
	}
	return true;
}

/* Put an entry into the first hole, adding a bucket if there is none. */
static bool
chain_add(lsr_client_hash_t *hash, lsr_bucket_t *home, uint64_t entry) {
	for (lsr_bucket_t *bucket = home;; bucket = lsr_hash_overflow(hash, next_of(bucket))) {
		for (unsigned i = 0; i < LSR_HASH_ENTRIES; i++) {
			if (entry_at(bucket, i) == 0) {
				set_entry(bucket, i, entry);
				return true;
			}
		}
		if (next_of(bucket) == 0) {
			const uint32_t number = take_overflow(hash);
			if (number == 0) {
				return false;
			}
			set_entry(lsr_hash_overflow(hash, number), 0, entry);
			set_next(bucket, number);
			return true;
		}
	}
}

/*
 * Fill the hole at (bucket, i) from the chain's last bucket, and let go of that one when it is empty, so that chains shrink as they grew: otherwise every bucket that
 * was full once would cost a second line for ever.
 */
static void
close_hole(lsr_client_hash_t *hash, lsr_bucket_t *home, lsr_bucket_t *bucket, unsigned i) {
	lsr_bucket_t *before = home;
	if (next_of(home) == 0) {
		return;
	}
	uint32_t number = next_of(home);
	while (next_of(lsr_hash_overflow(hash, number)) != 0) {
		before = lsr_hash_overflow(hash, number);
		number = next_of(before);
	}
	lsr_bucket_t *last = lsr_hash_overflow(hash, number);
	for (unsigned j = 0; bucket != last && j < LSR_HASH_ENTRIES; j++) {
		if (entry_at(last, j) != 0) {
			set_entry(bucket, i, entry_at(last, j));
			bump_version(home);
			set_entry(last, j, 0);
			break;
		}
	}
	if (is_empty(last)) {
		(void)drop_overflow(hash, before, number);
	}
}

/* ---- growth ------------------------------------------------------------------------------------------------------ */

/* Move what belongs to the new bucket out of the old one's chain. The old bucket is locked, the new one not yet reachable. */
static bool
copy_movers(lsr_client_hash_t *hash, lsr_bucket_t *old, lsr_bucket_t *fresh, uint32_t fresh_index, uint32_t n) {
	for (lsr_bucket_t *bucket = old;; bucket = lsr_hash_overflow(hash, next_of(bucket))) {
		for (unsigned i = 0; i < LSR_HASH_ENTRIES; i++) {
			const uint64_t entry = entry_at(bucket, i);
			if (entry != 0 && lsr_hash_index((uint32_t)(entry >> 32), n) == fresh_index &&
			    !chain_add(hash, fresh, entry)) {
				return false;
			}
		}
		if (next_of(bucket) == 0) {
			return true;
		}
	}
}

static void
erase_movers(lsr_client_hash_t *hash, lsr_bucket_t *old, uint32_t fresh_index, uint32_t n) {
	for (lsr_bucket_t *bucket = old;; bucket = lsr_hash_overflow(hash, next_of(bucket))) {
		for (unsigned i = 0; i < LSR_HASH_ENTRIES; i++) {
			const uint64_t entry = entry_at(bucket, i);
			if (entry != 0 && lsr_hash_index((uint32_t)(entry >> 32), n) == fresh_index) {
				set_entry(bucket, i, 0);
			}
		}
		if (next_of(bucket) == 0) {
			return;
		}
	}
}

/* Move everything as far forward as it goes. */
static void
fill_holes(lsr_client_hash_t *hash, lsr_bucket_t *home) {
	for (lsr_bucket_t *bucket = home; next_of(bucket) != 0; bucket = lsr_hash_overflow(hash, next_of(bucket))) {
		for (unsigned i = 0; i < LSR_HASH_ENTRIES && next_of(bucket) != 0; i++) {
			if (entry_at(bucket, i) == 0) {
				close_hole(hash, home, bucket, i);
			}
		}
		if (next_of(bucket) == 0) {
			return;
		}
	}
}

/* After a split: a short chain without empty buckets. */
static void
compact(lsr_client_hash_t *hash, lsr_bucket_t *home) {
	fill_holes(hash, home);
	for (lsr_bucket_t *before = home; next_of(before) != 0;) {
		const uint32_t number = next_of(before);
		lsr_bucket_t *bucket = lsr_hash_overflow(hash, number);
		if (!is_empty(bucket) || !drop_overflow(hash, before, number)) {
			before = bucket;
		}
	}
}

static void
empty_chain(lsr_client_hash_t *hash, lsr_bucket_t *home) {
	for (lsr_bucket_t *bucket = home;; bucket = lsr_hash_overflow(hash, next_of(bucket))) {
		for (unsigned i = 0; i < LSR_HASH_ENTRIES; i++) {
			set_entry(bucket, i, 0);
		}
		if (next_of(bucket) == 0) {
			return;
		}
	}
}

/* Split one bucket; the caller holds 'splitting'. False: no memory, nothing changed. */
static bool
split(lsr_client_hash_t *hash, unsigned shard, uint32_t n) {
	const uint32_t fresh_index = n;
	const size_t needed = ((size_t)fresh_index + 1) * LSR_HASH_SHARDS * sizeof(lsr_bucket_t);
	if (n >= UINT32_MAX / 2 || !lsr_arena_ensure(&hash->homes, needed)) {
		return false;
	}
	const uint32_t old_index = lsr_hash_index(fresh_index, n);
	lsr_bucket_t *old = lsr_hash_home(hash, shard, old_index);
	lsr_bucket_t *fresh = lsr_hash_home(hash, shard, fresh_index);
	lock_bucket(old);
	const bool done = copy_movers(hash, old, fresh, fresh_index, n + 1);
	if (done) {
		atomic_store_explicit(&hash->shard[shard].buckets, n + 1, memory_order_release); /* H6 */
		bump_version(old);
		erase_movers(hash, old, fresh_index, n + 1);
		compact(hash, old);
	} else {
		empty_chain(hash, fresh);
	}
	unlock_bucket(old);
	return done;
}

static void
count_and_grow(lsr_client_hash_t *hash, uint64_t h) {
	if ((h >> SAMPLE_SHIFT) % SAMPLE != 0) {
		return;
	}
	const unsigned number = lsr_hash_shard_of(h);
	lsr_hash_shard_t *shard = &hash->shard[number];
	const int32_t sampled = atomic_fetch_add_explicit(&shard->sampled, 1, memory_order_relaxed) + 1;
	uint32_t n = lsr_hash_buckets(hash, number);
	if (sampled <= 0 || (uint64_t)sampled * SAMPLE <= (uint64_t)n * LOAD ||
	    atomic_flag_test_and_set_explicit(&shard->splitting, memory_order_acquire)) {
		return;
	}
	for (unsigned i = 0; i < SPLITS_MAX; i++) {
		n = lsr_hash_buckets(hash, number);
		if ((uint64_t)sampled * SAMPLE <= (uint64_t)n * LOAD || !split(hash, number, n)) {
			break;
		}
	}
	atomic_flag_clear_explicit(&shard->splitting, memory_order_release);
}

/* ---- insert, remove ---------------------------------------------------------------------------------------------- */

/* Lock the bucket that the key belongs to now. */
static lsr_bucket_t *
lock_home(lsr_client_hash_t *hash, uint64_t h) {
	const unsigned shard = lsr_hash_shard_of(h);
	const uint32_t tag = lsr_hash_tag(h);
	for (;;) {
		const uint32_t index = lsr_hash_index(tag, lsr_hash_buckets(hash, shard));
		lsr_bucket_t *home = lsr_hash_home(hash, shard, index);
		lock_bucket(home);
		if (LSR_LIKELY(index == lsr_hash_index(tag, lsr_hash_buckets(hash, shard)))) {
			return home;
		}
		unlock_bucket(home); /* split meanwhile */
	}
}

/* Look for the key in a locked chain; remember the first hole on the way (bucket NULL: there is none). */
typedef struct {
	lsr_bucket_t *bucket;
	unsigned index;
} lsr_hole_t;

static lsr_insert_t
check_chain(lsr_client_hash_t *hash, lsr_bucket_t *home, uint32_t tag, lsr_match_function match, const void *key,
	    uint32_t *other, lsr_hole_t *hole) {
	hole->bucket = NULL;
	for (lsr_bucket_t *bucket = home;; bucket = lsr_hash_overflow(hash, next_of(bucket))) {
		for (unsigned i = 0; i < LSR_HASH_ENTRIES; i++) {
			const uint64_t entry = entry_at(bucket, i);
			if (entry == 0) {
				if (hole->bucket == NULL) {
					*hole = (lsr_hole_t){.bucket = bucket, .index = i};
				}
				continue;
			}
			if (LSR_LIKELY((uint32_t)(entry >> 32) != tag)) {
				continue;
			}
			const lsr_match_t verdict = match(key, (uint32_t)entry);
			if (verdict != LSR_MATCH_NO) {
				*other = (uint32_t)entry;
				return verdict == LSR_MATCH_YES ? LSR_INSERT_PRESENT : LSR_INSERT_IN_DOUBT;
			}
		}
		if (LSR_LIKELY(next_of(bucket) == 0)) {
			return LSR_INSERT_DONE;
		}
	}
}

lsr_insert_t
lsr_client_hash_insert(lsr_client_hash_t *hash, uint64_t h, uint32_t record_id, lsr_match_function match,
		       const void *key, uint32_t *other) {
	lsr_hole_t hole;
	const uint64_t entry = (uint64_t)lsr_hash_tag(h) << 32 | record_id;
	lsr_bucket_t *home = lock_home(hash, h);
	lsr_insert_t result = check_chain(hash, home, lsr_hash_tag(h), match, key, other, &hole);
	if (LSR_LIKELY(result == LSR_INSERT_DONE)) {
		if (LSR_LIKELY(hole.bucket != NULL)) {
			set_entry(hole.bucket, hole.index, entry);
		} else if (!chain_add(hash, home, entry)) {
			result = LSR_INSERT_NO_MEMORY;
		}
	}
	unlock_bucket(home);
	if (LSR_LIKELY(result == LSR_INSERT_DONE)) {
		count_and_grow(hash, h);
	}
	return result;
}

bool
lsr_client_hash_remove(lsr_client_hash_t *hash, uint64_t h, uint32_t record_id) {
	const uint64_t entry = (uint64_t)lsr_hash_tag(h) << 32 | record_id;
	bool found = false;
	lsr_bucket_t *home = lock_home(hash, h);
	for (lsr_bucket_t *bucket = home; !found; bucket = lsr_hash_overflow(hash, next_of(bucket))) {
		for (unsigned i = 0; i < LSR_HASH_ENTRIES && !found; i++) {
			if (entry_at(bucket, i) == entry) {
				set_entry(bucket, i, 0);
				close_hole(hash, home, bucket, i);
				found = true;
			}
		}
		if (next_of(bucket) == 0) {
			break;
		}
	}
	unlock_bucket(home);
	if (found && (h >> SAMPLE_SHIFT) % SAMPLE == 0) {
		(void)atomic_fetch_sub_explicit(&hash->shard[lsr_hash_shard_of(h)].sampled, 1, memory_order_relaxed);
	}
	return found;
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

bool
lsr_client_hash_init(lsr_client_hash_t *hash, uint64_t max_entries) {
	memset(hash, 0, sizeof(*hash));
	const uint64_t most = max_entries / LOAD + (uint64_t)FIRST_BUCKETS * LSR_HASH_SHARDS;
	hash->overflow_used = 1;
	hash->overflow_limit = (uint32_t)lsr_min_u64(most, UINT32_MAX - 1);
	if (!lsr_arena_init(&hash->homes, most * 2 * sizeof(lsr_bucket_t)) ||
	    !lsr_arena_init(&hash->overflows, most * sizeof(lsr_bucket_t)) ||
	    !lsr_arena_ensure(&hash->homes, (size_t)FIRST_BUCKETS * LSR_HASH_SHARDS * sizeof(lsr_bucket_t))) {
		lsr_arena_destroy(&hash->overflows);
		lsr_arena_destroy(&hash->homes);
		return false;
	}
	(void)pthread_mutex_init(&hash->overflow_lock, NULL);
	for (unsigned i = 0; i < LSR_HASH_SHARDS; i++) {
		atomic_init(&hash->shard[i].buckets, FIRST_BUCKETS);
		atomic_flag_clear_explicit(&hash->shard[i].splitting, memory_order_relaxed);
	}
	return true;
}

void
lsr_client_hash_destroy(lsr_client_hash_t *hash) {
	if (hash->homes.base == NULL) {
		return;
	}
	while (atomic_load_explicit(&hash->overflow_retired, memory_order_acquire) != 0) {
		lsr_rcu_drain(); /* they are on their way back into this table */
	}
	lsr_arena_destroy(&hash->homes);
	lsr_arena_destroy(&hash->overflows);
	(void)pthread_mutex_destroy(&hash->overflow_lock);
}

uint64_t
lsr_client_hash_memory(lsr_client_hash_t *hash) {
	return atomic_load_explicit(&hash->homes.committed_bytes, memory_order_relaxed) +
	       atomic_load_explicit(&hash->overflows.committed_bytes, memory_order_relaxed);
}

bool
lsr_client_hash_presize(lsr_client_hash_t *hash, uint64_t entries) {
	const uint64_t n = lsr_max_u64(FIRST_BUCKETS, entries / (LSR_HASH_SHARDS * LOAD) + 1);
	if (n >= UINT32_MAX / 2 || !lsr_arena_ensure(&hash->homes, n * LSR_HASH_SHARDS * sizeof(lsr_bucket_t))) {
		return false;
	}
	for (unsigned i = 0; i < LSR_HASH_SHARDS; i++) {
		atomic_store_explicit(&hash->shard[i].buckets, (uint32_t)n, memory_order_release); /* H6: all empty */
	}
	return true;
}

void
lsr_client_hash_bring(lsr_client_hash_t *hash, unsigned part, unsigned parts) {
	const size_t committed = atomic_load_explicit(&hash->homes.committed_bytes, memory_order_relaxed);
	for (size_t at = part * LSR_ARENA_STEP_BYTES; at < committed; at += parts * LSR_ARENA_STEP_BYTES) {
		lsr_bucket_t *bucket = lsr_hash_home(hash, 0, 0) + at / sizeof(lsr_bucket_t);
		(void)atomic_fetch_or_explicit(&bucket->header, 0, memory_order_relaxed);
	}
}
