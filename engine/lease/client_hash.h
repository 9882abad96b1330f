/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client index: (scope, client id) -> record id.
 *
 * Shape. 256 shards by the top byte of a 64-bit keyed hash. Each shard is a linear-hash table (Litwin): n buckets, of which the key's low bits choose
 * one; it grows by splitting one bucket at a time, in step with the inserts, so no caller ever waits for a rehash. A bucket is one cache line:
 * a header and seven entries of (32-bit tag, 32-bit record id), with a chain of overflow buckets behind the few that are full. Bucket i of
 * shard s lies at i * 256 + s of one arena: all shards grow through the same pages of memory.
 *
 * The tag is the low half of the hash. It holds the bits that later splits look at, so a split moves entries without touching records. A tag
 * alone proves nothing: the caller's match function compares the key in the record.
 *
 *   Readers: inside a read-side section; no stores, no locks; lock-free (repeat only when an entry they may have missed was moved).
 *   Writers: hold the lock bit of the home bucket, for the length of one scan. Never wait for anything else while holding it.
 *   Splits:  one at a time per shard, by whoever inserts, never waited for.
 *
 * Who may change what: a bucket's entries and chain: the holder of its lock bit. Shard 'buckets': the holder of 'splitting'.
 *
 * Edges:
 *   H1 store entry (release)            ->  H2 load entry (acquire): the record was claimed by the inserter before
 *   H3 lock/unlock header (acq/rel)     ->  H3 of the next writer of this bucket
 *   H4 new version in header (release)  ->  H5 load header after a miss (acquire): a reader that missed an entry because it was moved sees
 *                                           a new version, since H4 comes before the old place is emptied (H1 again)
 *   H6 store 'buckets' (release)        ->  H7 load 'buckets' (acquire): the new bucket has its entries
 */
#ifndef LSR_CLIENT_HASH_H
#define LSR_CLIENT_HASH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/base.h"
#include "lease/page.h"

#define LSR_HASH_SHARDS  256u
#define LSR_HASH_ENTRIES 7u

typedef struct lsr_bucket {
	_Atomic uint64_t header; /* bit 0 lock, bits 1-31 version, bits 32-63 first overflow bucket (0: none) */
	_Atomic uint64_t entry[LSR_HASH_ENTRIES]; /* tag << 32 | record id; 0: empty */
} __attribute__((aligned(LSR_CACHE_LINE_BYTES))) lsr_bucket_t;

static_assert(sizeof(lsr_bucket_t) == LSR_CACHE_LINE_BYTES, "a bucket is one line");

typedef struct lsr_hash_shard {
	LSR_APART _Atomic uint32_t buckets; /* read by every operation */
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

/* Bytes of memory in use. */
uint64_t lsr_client_hash_memory(lsr_client_hash_t *hash);

/* Insert key -> record_id unless the key is there. On PRESENT and IN_DOUBT *other is the record in question. */
lsr_insert_t lsr_client_hash_insert(lsr_client_hash_t *hash, uint64_t h, uint32_t record_id, lsr_match_function match,
				    const void *key, uint32_t *other);

/* Remove the entry (h, record_id). False: it was not there. */
bool lsr_client_hash_remove(lsr_client_hash_t *hash, uint64_t h, uint32_t record_id);

/* ---- the read path, inline ------------------------------------------------------------------------------------- */

static inline unsigned
lsr_hash_shard_of(uint64_t h) {
	return (unsigned)(h >> 56);
}

static inline uint32_t
lsr_hash_tag(uint64_t h) {
	return (uint32_t)h;
}

/* Which of n buckets. n >= 2. */
static inline uint32_t
lsr_hash_index(uint32_t tag, uint32_t n) {
	const uint32_t high = UINT32_MAX >> __builtin_clz(n - 1); /* smallest all-ones mask that covers n - 1 */
	const uint32_t index = tag & high;
	return index < n ? index : tag & (high >> 1);
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
	return atomic_load_explicit(&hash->shard[shard].buckets, memory_order_acquire); /* H7 */
}

/* Fetch the home bucket's line ahead of an operation. */
static inline void
lsr_client_hash_prefetch(const lsr_client_hash_t *hash, uint64_t h) {
	const unsigned shard = lsr_hash_shard_of(h);
	lsr_prefetch_write(lsr_hash_home(hash, shard, lsr_hash_index(lsr_hash_tag(h), lsr_hash_buckets(hash, shard))));
}

/* Look through one chain. The record id, or LSR_NO_RECORD. */
static inline uint32_t
lsr_hash_scan(const lsr_client_hash_t *hash, const lsr_bucket_t *bucket, uint64_t header, uint32_t tag,
	      lsr_match_function match, const void *key) {
	for (;;) {
		for (unsigned i = 0; i < LSR_HASH_ENTRIES; i++) {
			const uint64_t entry = atomic_load_explicit(&bucket->entry[i], memory_order_acquire); /* H2 */
			if ((uint32_t)(entry >> 32) == tag && entry != 0 &&
			    match(key, (uint32_t)entry) == LSR_MATCH_YES) {
				return (uint32_t)entry;
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

/*
 * The record that holds the key, or LSR_NO_RECORD. Inside a read-side section.
 * For a reader IN_DOUBT means no: 'match' looks at published records only.
 */
static inline uint32_t
lsr_client_hash_find(const lsr_client_hash_t *hash, uint64_t h, lsr_match_function match, const void *key) {
	const unsigned shard = lsr_hash_shard_of(h);
	const uint32_t tag = lsr_hash_tag(h);
	for (;;) {
		const uint32_t index = lsr_hash_index(tag, lsr_hash_buckets(hash, shard));
		const lsr_bucket_t *home = lsr_hash_home(hash, shard, index);
		const uint64_t header = atomic_load_explicit(&home->header, memory_order_acquire);
		const uint32_t found = lsr_hash_scan(hash, home, header, tag, match, key);
		if (found != LSR_NO_RECORD) {
			return found;
		}
		/* H5: a miss counts only if nothing was moved meanwhile (bit 0, the lock, does not matter). */
		const uint64_t again = atomic_load_explicit(&home->header, memory_order_acquire);
		if (LSR_LIKELY(((header ^ again) & ~UINT64_C(1)) == 0 &&
			       index == lsr_hash_index(tag, lsr_hash_buckets(hash, shard)))) {
			return LSR_NO_RECORD;
		}
	}
}

/* ---- many at once ------------------------------------------------------------------------------------------------ */

/*
 * Give an empty table, which nobody else uses yet, as many buckets as it would have with this many entries: they come without splits then. False: no memory, nothing
 * changed.
 */
bool lsr_client_hash_presize(lsr_client_hash_t *hash, uint64_t entries);

/*
 * Have one of so many parts of the buckets' memory brought, by a write that changes nothing: a huge page that is read first is brought twice. Each
 * part may be brought by a thread of its own, at any time.
 */
void lsr_client_hash_bring(lsr_client_hash_t *hash, unsigned part, unsigned parts);

#endif
