/* SPDX-License-Identifier: Apache-2.0 */
#include "lease/client_hash.h"

#include <stdlib.h>

#include "base/rcu.h"

/* Buckets per shard at the beginning: 256 KiB in all. Tests have fewer, at least 2. */
#ifdef LSR_HASH_FIRST_BUCKETS
#define FIRST_BUCKETS LSR_HASH_FIRST_BUCKETS
#else
#define FIRST_BUCKETS 16u
#endif
/* Entries per bucket at which a shard grows: 4 of 7 keeps four of five buckets without overflow in the worst phase of a round. */
#define LOAD 4u
/* A counted key (lsr_hash_is_sampled()) stands for so many. */
#define SAMPLE 16u
/* A sampled insert stands for 16, that is 4 buckets; some more to catch up. */
#define SPLITS_MAX 6u

#define HEADER_VERSION UINT64_C(2)
#define VERSION_MASK   UINT64_C(0xFFFFFFFE)

/* ---- headers --------------------------------------------------------------------------------------------------- */

void
lsr_bucket_lock_slowly(lsr_bucket_t *bucket) {
	unsigned round = 0;
	for (;;) {
		uint64_t header = atomic_load_explicit(&bucket->header, memory_order_relaxed);
		if ((header & LSR_HEADER_LOCK) == 0 &&
		    atomic_compare_exchange_weak_explicit(&bucket->header, &header, header | LSR_HEADER_LOCK,
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

/* A place in a chain. index LSR_HASH_ENTRIES: behind the last entry of a full bucket. */
typedef struct {
	lsr_bucket_t *bucket;
	unsigned index;
} lsr_place_t;

/* The first empty place. Chains are dense: nothing lies behind it. */
static lsr_place_t
end_of(lsr_client_hash_t *hash, lsr_bucket_t *home) {
	for (lsr_bucket_t *bucket = home;; bucket = lsr_hash_overflow(hash, next_of(bucket))) {
		for (unsigned i = 0; i < LSR_HASH_ENTRIES; i++) {
			if (entry_at(bucket, i) == 0) {
				return (lsr_place_t){.bucket = bucket, .index = i};
			}
		}
		if (next_of(bucket) == 0) {
			return (lsr_place_t){.bucket = bucket, .index = LSR_HASH_ENTRIES};
		}
	}
}

/* Put an entry into a new bucket behind a full one. */
static bool
append_bucket(lsr_client_hash_t *hash, lsr_place_t end, uint64_t entry) {
	const uint32_t number = take_overflow(hash);
	if (number == 0) {
		return false;
	}
	set_entry(lsr_hash_overflow(hash, number), 0, entry);
	set_next(end.bucket, number);
	return true;
}

/* Put an entry at the end, adding a bucket if need be. */
static inline bool
append(lsr_client_hash_t *hash, lsr_place_t end, uint64_t entry) {
	if (LSR_UNLIKELY(end.index == LSR_HASH_ENTRIES)) {
		return append_bucket(hash, end, entry);
	}
	set_entry(end.bucket, end.index, entry);
	return true;
}

/* The next place, or with bucket NULL none. */
static lsr_place_t
behind(lsr_client_hash_t *hash, lsr_place_t place) {
	place.index++;
	if (place.index == LSR_HASH_ENTRIES) {
		const uint32_t next = next_of(place.bucket);
		place.index = 0;
		place.bucket = next != 0 ? lsr_hash_overflow(hash, next) : NULL;
	}
	return place;
}

/* Let go of the overflow buckets behind this one; they are empty. */
static void
drop_behind(lsr_client_hash_t *hash, lsr_bucket_t *bucket) {
	while (next_of(bucket) != 0 && drop_overflow(hash, bucket, next_of(bucket))) {
	}
}

/*
 * Take the entry at 'hole' out: the chain's last entry comes in its place, so that chains stay dense and shrink as they grew; otherwise every bucket that
 * was full once would cost a second line for ever.
 */
static void
take_out(lsr_client_hash_t *hash, lsr_bucket_t *home, lsr_place_t hole) {
	lsr_bucket_t *before = home; /* the bucket before the last one, if there are two */
	lsr_place_t last = hole;
	for (lsr_bucket_t *bucket = home; bucket != hole.bucket; bucket = lsr_hash_overflow(hash, next_of(bucket))) {
		before = bucket;
	}
	for (lsr_place_t at = behind(hash, hole); at.bucket != NULL && entry_at(at.bucket, at.index) != 0;
	     at = behind(hash, at)) {
		before = at.bucket != last.bucket ? last.bucket : before;
		last = at;
	}
	if (last.bucket != hole.bucket || last.index != hole.index) {
		set_entry(hole.bucket, hole.index, entry_at(last.bucket, last.index));
		bump_version(home);
	}
	set_entry(last.bucket, last.index, 0);
	drop_behind(hash, last.index == 0 ? before : last.bucket);
}

/* ---- growth ------------------------------------------------------------------------------------------------------ */

static bool
is_mover(uint64_t entry, uint32_t fresh_index, uint32_t n) {
	return lsr_hash_index((uint32_t)(entry >> 32), n) == fresh_index;
}

/* Copy what belongs to the new bucket out of the old one's chain. The old bucket is locked, the new one not yet reachable. */
static bool
copy_movers(lsr_client_hash_t *hash, lsr_bucket_t *old, lsr_bucket_t *fresh, uint32_t fresh_index, uint32_t n) {
	for (lsr_place_t at = {.bucket = old}; at.bucket != NULL; at = behind(hash, at)) {
		const uint64_t entry = entry_at(at.bucket, at.index);
		if (entry == 0) {
			break;
		}
		if (is_mover(entry, fresh_index, n) && !append(hash, end_of(hash, fresh), entry)) {
			return false;
		}
	}
	return true;
}

static void
empty_from(lsr_client_hash_t *hash, lsr_place_t at) {
	for (; at.bucket != NULL && entry_at(at.bucket, at.index) != 0; at = behind(hash, at)) {
		set_entry(at.bucket, at.index, 0);
	}
}

/* Close the ranks of those that stay. Before a place is overwritten, what was copied from it has its new version. */
static void
erase_movers(lsr_client_hash_t *hash, lsr_bucket_t *old, uint32_t fresh_index, uint32_t n) {
	lsr_place_t to = {.bucket = old};
	lsr_bucket_t *last = old;
	for (lsr_place_t at = to; at.bucket != NULL; at = behind(hash, at)) {
		const uint64_t entry = entry_at(at.bucket, at.index);
		if (entry == 0) {
			break;
		}
		if (is_mover(entry, fresh_index, n)) {
			continue;
		}
		if (to.bucket != at.bucket || to.index != at.index) {
			set_entry(to.bucket, to.index, entry);
			bump_version(old);
		}
		last = to.bucket;
		to = behind(hash, to);
	}
	empty_from(hash, to);
	drop_behind(hash, last);
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
	lsr_bucket_lock(old);
	const bool done = copy_movers(hash, old, fresh, fresh_index, n + 1);
	if (done) {
		atomic_store_explicit(&hash->shard[shard].extent, lsr_hash_extent(n + 1),
				      memory_order_release); /* H6 */
		bump_version(old);
		erase_movers(hash, old, fresh_index, n + 1);
	} else {
		empty_from(hash, (lsr_place_t){.bucket = fresh});
	}
	lsr_bucket_unlock(old);
	return done;
}

/* Split until the shard is as large as so many entries ask for, but no more than SPLITS_MAX times. The caller holds 'splitting'. */
static void
grow(lsr_client_hash_t *hash, unsigned shard, uint64_t entries) {
	uint32_t n = lsr_hash_buckets(hash, shard);
	const uint64_t wanted = lsr_min_u64(entries / LOAD, (uint64_t)n + SPLITS_MAX);
	for (uint32_t fresh = n; fresh < wanted; fresh++) {
		lsr_prefetch_write(lsr_hash_home(hash, shard, lsr_hash_index(fresh, fresh)));
	}
	while (n < wanted && split(hash, shard, n)) {
		n++;
	}
}

void
lsr_client_hash_grow(lsr_client_hash_t *hash, uint64_t h) {
	const unsigned number = lsr_hash_shard_of(h);
	lsr_hash_shard_t *shard = &hash->shard[number];
	const int32_t sampled = atomic_fetch_add_explicit(&shard->sampled, 1, memory_order_relaxed) + 1;
	if (sampled <= 0 || (uint64_t)sampled * SAMPLE <= (uint64_t)lsr_hash_buckets(hash, number) * LOAD ||
	    atomic_flag_test_and_set_explicit(&shard->splitting, memory_order_acquire)) {
		return;
	}
	grow(hash, number, (uint64_t)sampled * SAMPLE);
	atomic_flag_clear_explicit(&shard->splitting, memory_order_release);
}

/* ---- insert, remove ---------------------------------------------------------------------------------------------- */

/* Look for the key in a locked chain. Not there: LSR_INSERT_DONE and the chain's end. */
static lsr_insert_t
check_chain(lsr_client_hash_t *hash, lsr_bucket_t *home, uint32_t tag, lsr_match_function match, const void *key,
	    uint32_t *other, lsr_place_t *end) {
	for (lsr_bucket_t *bucket = home;; bucket = lsr_hash_overflow(hash, next_of(bucket))) {
		const lsr_bucket_view_t view = lsr_bucket_look(bucket, tag);
		for (unsigned left = view.candidates; LSR_UNLIKELY(left != 0); left &= left - 1) {
			const uint32_t record_id = lsr_bucket_candidate(bucket, left);
			const lsr_match_t verdict = match(key, record_id);
			if (verdict != LSR_MATCH_NO) {
				*other = record_id;
				return verdict == LSR_MATCH_YES ? LSR_INSERT_PRESENT : LSR_INSERT_IN_DOUBT;
			}
		}
		if (LSR_LIKELY(view.count < LSR_HASH_ENTRIES) || next_of(bucket) == 0) {
			*end = (lsr_place_t){.bucket = bucket, .index = view.count};
			return LSR_INSERT_DONE;
		}
	}
}

lsr_insert_t
lsr_client_hash_insert_slowly(lsr_client_hash_t *hash, lsr_bucket_t *home, uint64_t h, uint32_t record_id,
			      lsr_match_function match, const void *key, uint32_t *other) {
	lsr_place_t end;
	lsr_insert_t result = check_chain(hash, home, lsr_hash_tag(h), match, key, other, &end);
	if (result == LSR_INSERT_DONE && !append(hash, end, (uint64_t)lsr_hash_tag(h) << 32 | record_id)) {
		result = LSR_INSERT_NO_MEMORY;
	}
	lsr_bucket_unlock(home);
	if (lsr_hash_is_sampled(h) && result == LSR_INSERT_DONE) {
		lsr_client_hash_grow(hash, h);
	}
	return result;
}

bool
lsr_client_hash_remove(lsr_client_hash_t *hash, uint64_t h, uint32_t record_id) {
	const uint64_t wanted = (uint64_t)lsr_hash_tag(h) << 32 | record_id;
	bool found = false;
	lsr_bucket_t *home = lsr_hash_lock_home(hash, h);
	for (lsr_place_t at = {.bucket = home}; !found && at.bucket != NULL; at = behind(hash, at)) {
		const uint64_t entry = entry_at(at.bucket, at.index);
		if (entry == wanted) {
			take_out(hash, home, at);
			found = true;
		} else if (entry == 0) {
			break;
		}
	}
	lsr_bucket_unlock(home);
	if (found && lsr_hash_is_sampled(h)) {
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
		atomic_init(&hash->shard[i].extent, lsr_hash_extent(FIRST_BUCKETS));
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

static uint64_t
buckets_for(uint64_t entries) {
	return lsr_max_u64(FIRST_BUCKETS, entries / (LSR_HASH_SHARDS * LOAD) + 1);
}

size_t
lsr_client_hash_home_bytes(uint64_t entries) {
	return buckets_for(entries) * LSR_HASH_SHARDS * sizeof(lsr_bucket_t);
}

bool
lsr_client_hash_presize(lsr_client_hash_t *hash, uint64_t entries) {
	const uint64_t n = lsr_max_u64(buckets_for(entries), lsr_hash_buckets(hash, 0));
	if (n >= UINT32_MAX / 2 || !lsr_arena_ensure(&hash->homes, n * LSR_HASH_SHARDS * sizeof(lsr_bucket_t))) {
		return false;
	}
	for (unsigned i = 0; i < LSR_HASH_SHARDS; i++) {
		atomic_store_explicit(&hash->shard[i].extent, lsr_hash_extent((uint32_t)n),
				      memory_order_release); /* H6: all empty */
	}
	return true;
}

uint64_t
lsr_client_hash_memory(lsr_client_hash_t *hash) {
	return atomic_load_explicit(&hash->homes.committed_bytes, memory_order_relaxed) +
	       atomic_load_explicit(&hash->overflows.committed_bytes, memory_order_relaxed);
}

void
lsr_client_hash_bring(lsr_client_hash_t *hash, unsigned part, unsigned parts) {
	const size_t committed = atomic_load_explicit(&hash->homes.committed_bytes, memory_order_relaxed);
	for (size_t at = part * LSR_ARENA_STEP_BYTES; at < committed; at += parts * LSR_ARENA_STEP_BYTES) {
		lsr_bucket_t *bucket = lsr_hash_home(hash, 0, 0) + at / sizeof(lsr_bucket_t);
		(void)atomic_fetch_or_explicit(&bucket->header, 0, memory_order_relaxed);
	}
}
