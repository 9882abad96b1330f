/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the leases of an IPv6 scope are. A /64 cannot be an array, so a lease lies in any free slot, and an index leads from the lower half of an address to its record.
 *
 * Slots are numbered through the scope. They lie in a series of address tables (lease/table.h), "chunks" of 256, 256, 512, 1024 ... places, of which the next one is made
 * when all before are full; so the records, maps of free places, bits and earliest expiries of slots are those of addresses. The owner of all pages
 * is the scope's own table, which has no pages of its own: a record leads to the scope in the same way whatever its family.
 *
 *   What an address has: index, low (lease/page.h) and record together. Whoever creates claims the record of a free slot, writes its low, enters the address into the
 *   index, and publishes; whoever deletes hides the record, takes the entry away, then gives the slot free. So an entry leads to a record that is claimed, a lease, or offered (offers.h),
 *   and a record that was found by an entry is the address's only if its low says so at the same time: lsr_sparse_read().
 *   Edge: S1 install a chunk, then count it (release)  ->  S2 load the count (acquire).
 */
#ifndef LSR_SPARSE_H
#define LSR_SPARSE_H

#include "lease/index.h"
#include "lease/table.h"

#define LSR_SPARSE_FIRST  256u
#define LSR_SPARSE_CHUNKS 24u /* 2^31 places */
#define LSR_SPARSE_NONE   UINT32_MAX

typedef struct lsr_sparse {
	uint64_t prefix;
	const void *owner; /* of the pages */
	lsr_index_t index;
	_Atomic uint32_t chunks; /* S1, S2 */
	_Atomic(lsr_table_t *) chunk[LSR_SPARSE_CHUNKS];
	_Atomic uint64_t
		hint; /* any thread, relaxed: its mark, then the place that it would look at next (leases6.c) */
} lsr_sparse_t;

/* NULL: no memory. */
lsr_sparse_t *lsr_sparse_new(uint64_t prefix, const void *owner);

/* As lsr_table_destroy(). NULL is accepted. */
void lsr_sparse_free(lsr_sparse_t *sparse, lsr_pages_t *pages);

static inline uint32_t
lsr_sparse_chunks(const lsr_sparse_t *sparse) {
	return atomic_load_explicit(&sparse->chunks, memory_order_acquire); /* S2 */
}

/* Places in so many chunks. */
static inline uint32_t
lsr_sparse_places(uint32_t chunks) {
	return chunks == 0 ? 0 : LSR_SPARSE_FIRST << (chunks - 1);
}

/* Which chunk has a place. */
static inline uint32_t
lsr_sparse_chunk_of(uint32_t place) {
	return place < LSR_SPARSE_FIRST ? 0 : (uint32_t)(24 - __builtin_clz(place));
}

/* A chunk that is there. */
static inline lsr_table_t *
lsr_sparse_chunk(const lsr_sparse_t *sparse, uint32_t chunk) {
	return atomic_load_explicit(&sparse->chunk[chunk], memory_order_acquire);
}

/* The table of a place that is there. */
static inline lsr_table_t *
lsr_sparse_table(const lsr_sparse_t *sparse, uint32_t place) {
	return lsr_sparse_chunk(sparse, lsr_sparse_chunk_of(place));
}

/* The first place from 'from' on that looks free; LSR_SPARSE_NONE: there is none in the chunks that are there. */
uint32_t lsr_sparse_find(const lsr_sparse_t *sparse, uint32_t from);

/* One chunk more than so many, made by this call or by another. False: no memory, or there are 2^31 places. */
bool lsr_sparse_grow(lsr_sparse_t *sparse, uint32_t chunks);

/* The record of a place, its page and home being there afterwards; LSR_NO_RECORD: memory or the limit is exhausted. */
uint32_t lsr_sparse_touch(lsr_sparse_t *sparse, lsr_pages_t *pages, uint32_t place);

/* As lsr_record_read(), with the low that belongs to the body. */
static inline bool
lsr_sparse_read(const lsr_pages_t *pages, const lsr_shadows_t *shadows, uint32_t id, lsr_body_t *body, uint64_t *low) {
	const lsr_record_t *record = lsr_pages_record(pages, id);
	for (;;) {
		const uint64_t word = lsr_record_word(record);
		*low = atomic_load_explicit(lsr_pages_low(pages, id), memory_order_acquire); /* L2 */
		if (!lsr_record_read(record, shadows, body)) {
			return false;
		}
		if (LSR_LIKELY(((word ^ lsr_record_word(record)) & ~(uint64_t)LSR_WORD_CLAIM) == 0)) {
			return true;
		}
	}
}

/* Memory of chunks and index. */
uint64_t lsr_sparse_bytes(const lsr_sparse_t *sparse);

#endif
