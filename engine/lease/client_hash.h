/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client index: (scope, client id) -> record id; for leases, and, with other keys, for reservations.
 *
 * Shape. 256 shards by the top byte of a 64-bit keyed hash. Each shard is a linear-hash table (Litwin): n buckets, of which the key's low bits choose
 * one; it grows by splitting one bucket at a time, in step with the inserts, so no caller ever waits for a rehash. A bucket is one cache line:
 * a header and seven entries of (32-bit tag, 32-bit record id), with a chain of overflow buckets behind the few that are full. A chain is
 * dense: the first empty entry is its end. Bucket i of
 * shard s lies at i * 256 + s of one arena: all shards grow through the same pages of memory.
 *
 * The tag is the low half of the hash. It holds the bits that later splits look at, so a split moves entries without touching records. A tag
 * alone proves nothing: the caller's match function compares the key in the record.
 *
 *   Readers: inside a read-side section; no stores, no locks; lock-free (repeat only when an entry they may have missed was moved).
 *   Writers: hold the lock bit of the home bucket, for the length of one scan, and for the memory of an overflow bucket now and then.
 *   Splits:  one at a time per shard, by whoever inserts, never waited for.
 *
 * Who may change what: a bucket's entries and chain: the holder of its lock bit. Shard 'extent': the holder of 'splitting'.
 *
 * Edges:
 *   H1 store entry (release)            ->  H2 load entry (acquire): the record was claimed by the inserter before
 *   H3 lock/unlock header (acq/rel)     ->  H3 of the next writer of this bucket
 *   H4 new version in header (release)  ->  H5 load header after a miss (acquire): a reader that missed an entry because it was moved sees
 *                                           a new version, since H4 comes before the old place is emptied (H1 again)
 *   H6 store 'extent' (release)         ->  H7 load 'extent' (acquire): the new bucket has its entries
 */
#ifndef LSR_CLIENT_HASH_H
#define LSR_CLIENT_HASH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#include <xmmintrin.h>
#endif

#include "base/arena.h"
#include "base/base.h"
#include "base/rcu.h"
#include "lease/page.h"

/* Tests have them smaller. A power of two, at least 4. */
#ifndef LSR_HASH_SHARDS
#define LSR_HASH_SHARDS 256u
#endif
#define LSR_HASH_ENTRIES 7u

typedef struct lsr_bucket {
	_Atomic uint64_t header; /* bit 0 lock, bits 1-31 version, bits 32-63 first overflow bucket (0: none) */
	_Atomic uint64_t entry[LSR_HASH_ENTRIES]; /* tag << 32 | record id; 0: empty */
} __attribute__((aligned(LSR_CACHE_LINE_BYTES))) lsr_bucket_t;

static_assert(sizeof(lsr_bucket_t) == LSR_CACHE_LINE_BYTES, "a bucket is one line");

typedef struct lsr_hash_shard {
	LSR_APART _Atomic uint64_t extent; /* lsr_hash_extent() of the number of buckets; read by every operation */
	LSR_APART _Atomic int32_t
		sampled; /* entries whose hash is in the sample (1 of 16), written by 1 of 16 operations */
	atomic_flag splitting;
} lsr_hash_shard_t;

typedef struct lsr_client_hash {
	lsr_arena_t homes;
	lsr_arena_t overflows;
	lsr_hash_shard_t shard[LSR_HASH_SHARDS];
	pthread_mutex_t overflow_lock; /* the free list of overflow buckets */
	uint32_t overflow_used;
	uint32_t overflow_free; /* chained through the header's upper half; 0: none */
	uint32_t overflow_limit;
	_Atomic uint32_t overflow_retired; /* unlinked, waiting for their grace period */
} lsr_client_hash_t;

typedef enum lsr_match {
	LSR_MATCH_NO, /* another key (a tag that happens to be equal) */
	LSR_MATCH_YES,
	LSR_MATCH_IN_DOUBT /* a change of that record is under way that may decide either way */
} lsr_match_t;

/* Does the record hold the key that is looked for? Must not block. */
typedef lsr_match_t (*lsr_match_function)(const void *key, uint32_t record_id);

typedef enum lsr_insert {
	LSR_INSERT_DONE,
	LSR_INSERT_PRESENT,  /* another record holds the key: *other */
	LSR_INSERT_IN_DOUBT, /* wait for *other without holding anything, then start over */
	LSR_INSERT_NO_MEMORY
} lsr_insert_t;

bool lsr_client_hash_init(lsr_client_hash_t *hash, uint64_t max_entries);
void lsr_client_hash_destroy(lsr_client_hash_t *hash);

/*
 * Give an empty table, which nobody else uses yet, as many buckets as it would have with this many entries: they come without splits then. False: no memory, nothing
 * changed.
 */
bool lsr_client_hash_presize(lsr_client_hash_t *hash, uint64_t entries);
size_t lsr_client_hash_home_bytes(uint64_t entries); /* of the home buckets then */

/* Bytes of memory in use. */
uint64_t lsr_client_hash_memory(lsr_client_hash_t *hash);

/* Remove the entry (h, record_id). False: it was not there. */
bool lsr_client_hash_remove(lsr_client_hash_t *hash, uint64_t h, uint32_t record_id);

/* ---- the read path, inline ------------------------------------------------------------------------------------- */

static inline unsigned
lsr_hash_shard_of(uint64_t h) {
	return (unsigned)(h >> 56) % LSR_HASH_SHARDS;
}

static inline uint32_t
lsr_hash_tag(uint64_t h) {
	return (uint32_t)h;
}

/* n buckets, n >= 2, as operations want it: in bits 0-31 n, in bits 32-63 the smallest all-ones mask that covers n - 1. */
static inline uint64_t
lsr_hash_extent(uint32_t n) {
	return (uint64_t)(UINT32_MAX >> __builtin_clz(n - 1)) << 32 | n;
}

static inline uint32_t
lsr_extent_index(uint64_t extent, uint32_t tag) {
	const uint32_t high = (uint32_t)(extent >> 32);
	const uint32_t index = tag & high;
	return index < (uint32_t)extent ? index : tag & (high >> 1);
}

/* Which of n buckets. */
static inline uint32_t
lsr_hash_index(uint32_t tag, uint32_t n) {
	return lsr_extent_index(lsr_hash_extent(n), tag);
}

static inline lsr_bucket_t *
lsr_hash_home(const lsr_client_hash_t *hash, unsigned shard, uint32_t index) {
	return (lsr_bucket_t *)(void *)hash->homes.base + ((uint64_t)index * LSR_HASH_SHARDS + shard);
}

static inline lsr_bucket_t *
lsr_hash_overflow(const lsr_client_hash_t *hash, uint32_t number) {
	return (lsr_bucket_t *)(void *)hash->overflows.base + number;
}

static inline uint32_t
lsr_hash_buckets(const lsr_client_hash_t *hash, unsigned shard) {
	return (uint32_t)atomic_load_explicit(&hash->shard[shard].extent, memory_order_acquire); /* H7 */
}

/* Where a key belongs now. */
static inline uint32_t
lsr_hash_index_now(const lsr_client_hash_t *hash, unsigned shard, uint32_t tag) {
	return lsr_extent_index(atomic_load_explicit(&hash->shard[shard].extent, memory_order_acquire), tag); /* H7 */
}

/* Fetch the home bucket's line ahead of an operation. */
static inline void
lsr_client_hash_prefetch(const lsr_client_hash_t *hash, uint64_t h) {
	const unsigned shard = lsr_hash_shard_of(h);
	lsr_prefetch_write(lsr_hash_home(hash, shard, lsr_hash_index_now(hash, shard, lsr_hash_tag(h))));
}

/* What a look at a bucket tells: which places have the tag (bit i + 1 for entry i), and how many entries there are. */
typedef struct lsr_bucket_view {
	unsigned candidates;
	unsigned count;
} lsr_bucket_view_t;

/*
 * Without branches: how many entries a bucket has is not to be predicted, and a wrong guess that is found out only when the line has come
 * keeps the processor from going ahead to the next operation's lines. Few instructions, for the same reason. What looks like a candidate is loaded again.
 */
LSR_INLINE lsr_bucket_view_t
lsr_bucket_look(const lsr_bucket_t *bucket, uint32_t tag) {
	unsigned tags = 0;
	unsigned used = 0;
#if defined(__SSE2__) && !defined(LSR_TSAN)
	/* Aligned quarters are loaded at once by every processor that has AVX, and by all in lanes of eight bytes, which is what matters here. */
	const __m128 *quarter = (const __m128 *)(const void *)bucket;
	const __m128 low[2] = {_mm_load_ps((const float *)&quarter[0]), _mm_load_ps((const float *)&quarter[1])};
	const __m128 high[2] = {_mm_load_ps((const float *)&quarter[2]), _mm_load_ps((const float *)&quarter[3])};
	const __m128i wanted = _mm_set1_epi32((int)tag);
	const __m128i tags_low = _mm_castps_si128(_mm_shuffle_ps(low[0], low[1], 0xDD));
	const __m128i tags_high = _mm_castps_si128(_mm_shuffle_ps(high[0], high[1], 0xDD));
	const __m128i ids_low = _mm_castps_si128(_mm_shuffle_ps(low[0], low[1], 0x88));
	const __m128i ids_high = _mm_castps_si128(_mm_shuffle_ps(high[0], high[1], 0x88));
	const __m128i none = _mm_setzero_si128();
	tags = (unsigned)_mm_movemask_epi8(_mm_packs_epi16(
		_mm_packs_epi32(_mm_cmpeq_epi32(tags_low, wanted), _mm_cmpeq_epi32(tags_high, wanted)), none));
	used = ~(unsigned)_mm_movemask_epi8(_mm_packs_epi16(
		       _mm_packs_epi32(_mm_cmpeq_epi32(ids_low, none), _mm_cmpeq_epi32(ids_high, none)), none)) &
	       0xFE;
	atomic_thread_fence(memory_order_acquire); /* H2 */
#else
	for (unsigned i = 0; i < LSR_HASH_ENTRIES; i++) {
		const uint64_t entry = atomic_load_explicit(&bucket->entry[i], memory_order_acquire); /* H2 */
		tags |= (unsigned)((uint32_t)(entry >> 32) == tag) << (i + 1);
		used |= (unsigned)((uint32_t)entry != LSR_NO_RECORD) << (i + 1);
	}
#endif
	return (lsr_bucket_view_t){.candidates = tags & used, .count = (unsigned)__builtin_popcount(used)};
}

/* The record id at the first of the candidates. It may have become another one meanwhile, or none: the key in the record decides. */
static inline uint32_t
lsr_bucket_candidate(const lsr_bucket_t *bucket, unsigned candidates) {
	return (uint32_t)atomic_load_explicit(&bucket->entry[__builtin_ctz(candidates) - 1],
					      memory_order_acquire); /* H2 */
}

/* Look through one chain. The record id, or LSR_NO_RECORD. */
static inline uint32_t
lsr_hash_scan(const lsr_client_hash_t *hash, const lsr_bucket_t *bucket, uint64_t header, uint32_t tag,
	      lsr_match_function match, const void *key) {
	for (;;) {
		for (unsigned left = lsr_bucket_look(bucket, tag).candidates; left != 0; left &= left - 1) {
			const uint32_t record_id = lsr_bucket_candidate(bucket, left);
			if (LSR_LIKELY(match(key, record_id) == LSR_MATCH_YES)) {
				return record_id;
			}
		}
		const uint32_t next = (uint32_t)(header >> 32);
		if (LSR_LIKELY(next == 0)) {
			return LSR_NO_RECORD;
		}
		bucket = lsr_hash_overflow(hash, next);
		header = atomic_load_explicit(&bucket->header, memory_order_acquire);
	}
}

/* The first record of the home bucket that may hold the key, to be fetched ahead of lsr_client_hash_find(). Inside a read-side section. */
static inline uint32_t
lsr_client_hash_peek(const lsr_client_hash_t *hash, uint64_t h) {
	const unsigned shard = lsr_hash_shard_of(h);
	const uint32_t tag = lsr_hash_tag(h);
	const lsr_bucket_t *home = lsr_hash_home(hash, shard, lsr_hash_index_now(hash, shard, tag));
	const unsigned candidates = lsr_bucket_look(home, tag).candidates;
	return candidates != 0 ? lsr_bucket_candidate(home, candidates) : LSR_NO_RECORD;
}

/*
 * The record that holds the key, or LSR_NO_RECORD. Inside a read-side section.
 * For a reader IN_DOUBT means no: 'match' looks at published records only.
 */
static inline uint32_t
lsr_client_hash_find(const lsr_client_hash_t *hash, uint64_t h, lsr_match_function match, const void *key) {
	const unsigned shard = lsr_hash_shard_of(h);
	const uint32_t tag = lsr_hash_tag(h);
	for (;;) {
		const uint32_t index = lsr_hash_index_now(hash, shard, tag);
		const lsr_bucket_t *home = lsr_hash_home(hash, shard, index);
		const uint64_t header = atomic_load_explicit(&home->header, memory_order_acquire);
		const uint32_t found = lsr_hash_scan(hash, home, header, tag, match, key);
		if (found != LSR_NO_RECORD) {
			return found;
		}
		/* H5: a miss counts only if nothing was moved meanwhile (bit 0, the lock, does not matter). */
		const uint64_t again = atomic_load_explicit(&home->header, memory_order_acquire);
		if (LSR_LIKELY(((header ^ again) & ~UINT64_C(1)) == 0 &&
			       index == lsr_hash_index_now(hash, shard, tag))) {
			return LSR_NO_RECORD;
		}
	}
}

/* ---- the write path, inline where it is common ---------------------------------------------------------------------- */

#define LSR_HEADER_LOCK UINT64_C(1)

/* Every 16th key is counted; which ones is decided by bits that neither choose shard nor bucket. */
static inline bool
lsr_hash_is_sampled(uint64_t h) {
	return (h >> 40) % 16 == 0;
}

void lsr_bucket_lock_slowly(lsr_bucket_t *bucket);
void lsr_client_hash_grow(lsr_client_hash_t *hash, uint64_t h);

/* Insert into a chain that is locked by the caller and unlocked here. */
lsr_insert_t lsr_client_hash_insert_slowly(lsr_client_hash_t *hash, lsr_bucket_t *home, uint64_t h, uint32_t record_id,
					   lsr_match_function match, const void *key, uint32_t *other);

static inline void
lsr_bucket_lock(lsr_bucket_t *bucket) {
	uint64_t header = atomic_load_explicit(&bucket->header, memory_order_relaxed);
	if (LSR_UNLIKELY((header & LSR_HEADER_LOCK) != 0) ||
	    LSR_UNLIKELY(!atomic_compare_exchange_strong_explicit(&bucket->header, &header, header | LSR_HEADER_LOCK,
								  memory_order_acquire,
								  memory_order_relaxed))) { /* H3 */
		lsr_bucket_lock_slowly(bucket);
	}
}

/* The holder alone writes the header, hence plain load and store. */
static inline void
lsr_bucket_unlock(lsr_bucket_t *bucket) {
	const uint64_t header = atomic_load_explicit(&bucket->header, memory_order_relaxed);
	atomic_store_explicit(&bucket->header, header & ~LSR_HEADER_LOCK, memory_order_release); /* H3 */
}

/* Lock the bucket that the key belongs to now. */
static inline lsr_bucket_t *
lsr_hash_lock_home(lsr_client_hash_t *hash, uint64_t h) {
	const unsigned shard = lsr_hash_shard_of(h);
	const uint32_t tag = lsr_hash_tag(h);
	for (;;) {
		const uint32_t index = lsr_hash_index_now(hash, shard, tag);
		lsr_bucket_t *home = lsr_hash_home(hash, shard, index);
		lsr_bucket_lock(home);
		if (LSR_LIKELY(index == lsr_hash_index_now(hash, shard, tag))) {
			return home;
		}
		lsr_bucket_unlock(home); /* split meanwhile */
	}
}

/* Insert key -> record_id unless the key is there. On PRESENT and IN_DOUBT *other is the record in question. */
LSR_INLINE lsr_insert_t
lsr_client_hash_insert(lsr_client_hash_t *hash, uint64_t h, uint32_t record_id, lsr_match_function match,
		       const void *key, uint32_t *other) {
	lsr_bucket_t *home = lsr_hash_lock_home(hash, h);
	const lsr_bucket_view_t view = lsr_bucket_look(home, lsr_hash_tag(h));
	if (LSR_UNLIKELY(view.candidates != 0) || LSR_UNLIKELY(view.count == LSR_HASH_ENTRIES)) {
		return lsr_client_hash_insert_slowly(hash, home, h, record_id, match, key, other);
	}
	atomic_store_explicit(&home->entry[view.count], (uint64_t)lsr_hash_tag(h) << 32 | record_id,
			      memory_order_release); /* H1 */
	lsr_bucket_unlock(home);
	if (LSR_UNLIKELY(lsr_hash_is_sampled(h))) {
		lsr_client_hash_grow(hash, h);
	}
	return LSR_INSERT_DONE;
}

/* Where a key belongs at this moment. */
typedef struct lsr_hash_spot {
	lsr_bucket_t *home;
	uint64_t extent; /* of its shard then: while that stays, so does the place */
} lsr_hash_spot_t;

static inline lsr_hash_spot_t
lsr_client_hash_spot(const lsr_client_hash_t *hash, uint64_t h) {
	const unsigned shard = lsr_hash_shard_of(h);
	const uint64_t extent = atomic_load_explicit(&hash->shard[shard].extent, memory_order_acquire); /* H7 */
	return (lsr_hash_spot_t){.home = lsr_hash_home(hash, shard, lsr_extent_index(extent, lsr_hash_tag(h))),
				 .extent = extent};
}

/*
 * The common insert, of a key whose spot was looked up a moment ago, ahead of other work. False: there may be something like it, or no room in the home
 * bucket, or a split has come between; nothing has happened, ask lsr_client_hash_insert().
 */
static inline bool
lsr_client_hash_insert_at(lsr_client_hash_t *hash, lsr_hash_spot_t spot, uint64_t h, uint32_t record_id) {
	lsr_bucket_lock(spot.home);
	const lsr_bucket_view_t view = lsr_bucket_look(spot.home, lsr_hash_tag(h));
	const bool is_simple = view.candidates == 0 && view.count < LSR_HASH_ENTRIES &&
			       atomic_load_explicit(&hash->shard[lsr_hash_shard_of(h)].extent, memory_order_acquire) ==
				       spot.extent; /* H7 */
	if (LSR_LIKELY(is_simple)) {
		atomic_store_explicit(&spot.home->entry[view.count], (uint64_t)lsr_hash_tag(h) << 32 | record_id,
				      memory_order_release); /* H1 */
	}
	lsr_bucket_unlock(spot.home);
	if (LSR_LIKELY(is_simple) && LSR_UNLIKELY(lsr_hash_is_sampled(h))) {
		lsr_client_hash_grow(hash, h);
	}
	return is_simple;
}

/* ---- many at once ------------------------------------------------------------------------------------------------ */

/*
 * Have one of so many parts of the buckets' memory brought, by a write that changes nothing: a huge page that is read first is brought twice. Each
 * part may be brought by a thread of its own, at any time.
 */
void lsr_client_hash_bring(lsr_client_hash_t *hash, unsigned part, unsigned parts);

#endif
