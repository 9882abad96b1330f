/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The addresses of one IPv4 scope: the address is the index. A directory holds one page number for each 64 addresses; pages come
 * when their first address is touched, so an empty /8 costs a directory of zero pages of memory and a full /16 no more than its records.
 * In front of it, in one block of memory, stands the map of free addresses (free_map.h), so that a search touches no record but the one it takes.
 *
 *   Readers: anybody inside a read-side section, wait-free.
 *   Directory entries: 0 -> page once, by compare-and-swap, never back while the scope is reachable.
 *   Edge: D1 install page (release) -> D2 load entry (acquire): the page's owner and offset are set.
 *   Bits: the record is the authority. The bit of an address is set only while the record is a lease (or a reservation without one, or an address that is offered, here and below): by
 *   whoever holds its claim, after the record has become LIVE (create) and back before it stops being LIVE (delete). So a bit that is seen set proves a lease at
 *   that moment; one that is seen clear proves nothing while somebody holds the claim.
 *   Earliest expiry: one for each page, beside its bits; never later than the truth once the change that made it so has returned, but often earlier: nothing moves it back
 *   but a sweep that looks at the whole page. It is kept upside down, so that memory of zeros says "nothing here ever ends".
 *   Edge: E1 change the record, then modify the word of bits, then look at the earliest (create, earlier expiry)  <->  E2 forget the earliest, then modify the word of
 *   bits, then look at the records (sweep). Modifications of one word have an order: whoever comes second there sees what the first one did before.
 *   Edge: E3 forget the earliest (release)  ->  E3 look at it (acquire): whoever finds nothing due because a sweep has the page in work knows that there is one (lessor_engine.sweeps).
 */
#ifndef LSR_TABLE_H
#define LSR_TABLE_H

#include <lessor/time.h>

#include "lease/free_map.h"
#include "lease/page.h"

typedef struct lsr_table {
	uint32_t subnet;
	uint32_t last_offset; /* of the subnet's last address */
	uint32_t directory_entries;
	lsr_map_word_t *map_base; /* the directory is behind the map */
} lsr_table_t;

/* False: no memory. */
bool lsr_table_init(lsr_table_t *table, uint32_t subnet, uint32_t mask);

/* Give all pages back (their records are empty) and free the directory. Nobody can reach the table any more. */
void lsr_table_destroy(lsr_table_t *table, lsr_pages_t *pages);

/* The slow path of lsr_table_touch(). */
uint32_t lsr_table_add_page(lsr_table_t *table, lsr_pages_t *pages, uint32_t index);

/* The same for a table that is a part of its owner: the page's first place is so far behind the owner's first one. */
uint32_t lsr_table_add_page_of(lsr_table_t *table, lsr_pages_t *pages, uint32_t index, const void *owner,
			       uint32_t first_offset);

static inline lsr_free_map_t
lsr_table_map(const lsr_table_t *table) {
	return (lsr_free_map_t){.base = table->map_base, .words = table->directory_entries};
}

static inline _Atomic uint32_t *
lsr_table_entry(const lsr_table_t *table, uint32_t index) {
	const lsr_free_map_t map = lsr_table_map(table);
	return (_Atomic uint32_t *)(void *)(lsr_map_level_0(&map) + map.words) + index;
}

static inline uint32_t
lsr_table_page(const lsr_table_t *table, uint32_t index) {
	return atomic_load_explicit(lsr_table_entry(table, index), memory_order_acquire); /* D2 */
}

/* Fetch the directory entry of an address ahead of what needs it. */
static inline void
lsr_table_prefetch(const lsr_table_t *table, uint32_t address) {
	__builtin_prefetch(lsr_table_entry(table, (address - table->subnet) >> LSR_PAGE_SHIFT), 0, 3);
}

/* The record id of an address of this subnet; LSR_NO_RECORD: its page was never touched. */
static inline uint32_t
lsr_table_peek(const lsr_table_t *table, uint32_t address) {
	const uint32_t offset = address - table->subnet;
	const uint32_t page = lsr_table_page(table, offset >> LSR_PAGE_SHIFT);
	return page == 0 ? LSR_NO_RECORD : page << LSR_PAGE_SHIFT | offset % LSR_PAGE_RECORDS;
}

/* The same, bringing the page; LSR_NO_RECORD: memory or the limit is exhausted. */
static inline uint32_t
lsr_table_touch(lsr_table_t *table, lsr_pages_t *pages, uint32_t address) {
	const uint32_t offset = address - table->subnet;
	uint32_t page = lsr_table_page(table, offset >> LSR_PAGE_SHIFT);
	if (LSR_UNLIKELY(page == 0)) {
		page = lsr_table_add_page(table, pages, offset >> LSR_PAGE_SHIFT);
		if (page == 0) {
			return LSR_NO_RECORD;
		}
	}
	return page << LSR_PAGE_SHIFT | offset % LSR_PAGE_RECORDS;
}

/* The address of a record of this table. */
static inline uint32_t
lsr_table_address(const lsr_table_t *table, const lsr_pages_t *pages, uint32_t id) {
	return table->subnet +
	       atomic_load_explicit(&lsr_pages_info(pages, id >> LSR_PAGE_SHIFT)->first_offset, memory_order_relaxed) +
	       id % LSR_PAGE_RECORDS;
}

/* A hint: there is going to be a lease. */
static inline void
lsr_table_prefetch_take(const lsr_table_t *table, uint32_t address) {
	const lsr_free_map_t map = lsr_table_map(table);
	lsr_map_prefetch(&map, address - table->subnet);
}

/* The bits and the earliest expiry of a page. */
static inline lsr_map_leaf_t *
lsr_table_leaf(const lsr_table_t *table, uint32_t index) {
	const lsr_free_map_t map = lsr_table_map(table);
	return lsr_map_level_0(&map) + index;
}

/* Is this a time at which a lease ends? */
static inline bool
lsr_time_comes(lessor_filetime_t expires_at) {
	return expires_at != LESSOR_TIME_NONE && expires_at < LESSOR_TIME_INFINITE;
}

/* When a sweep may take an interest in a record: a reserved address stays as it is. */
static inline lessor_filetime_t
lsr_body_ends_at(const lsr_body_t *body) {
	return LSR_UNLIKELY(lsr_body_is_reserved(body)) ? LESSOR_TIME_INFINITE : body->expires_at;
}

static inline lessor_filetime_t
lsr_leaf_earliest(const lsr_map_leaf_t *leaf) {
	return LESSOR_TIME_INFINITE - atomic_load_explicit(&leaf->beside, memory_order_acquire); /* E3 */
}

/* The slow path of lsr_leaf_note(). */
void lsr_leaf_lower(lsr_map_leaf_t *leaf, lessor_filetime_t expires_at);

/* A lease of this page expires then. Behind E1, or while nobody sweeps. */
static inline void
lsr_leaf_note(lsr_map_leaf_t *leaf, lessor_filetime_t expires_at) {
	static_assert(LESSOR_TIME_NONE == 0, "one less is later than everything");
	if (LSR_UNLIKELY(expires_at - 1 < lsr_leaf_earliest(leaf) - 1)) {
		lsr_leaf_lower(leaf, expires_at);
	}
}

/*
 * A sweep is about to look at the records of this page: E2. Returns the bits; *earliest is what was known. Until the sweep has noted what it left the page seems to have
 * nothing to end.
 */
static inline uint64_t
lsr_leaf_begin_sweep(lsr_map_leaf_t *leaf, lessor_filetime_t *earliest) {
	*earliest = LESSOR_TIME_INFINITE - atomic_exchange_explicit(&leaf->beside, 0, memory_order_release); /* E3 */
	return atomic_fetch_or_explicit(&leaf->taken, 0, memory_order_acq_rel);                              /* E2 */
}

/* The record of this address, which the caller has claimed, is a lease now, which expires then. */
static inline void
lsr_table_take(const lsr_table_t *table, uint32_t address, lessor_filetime_t expires_at) {
	const lsr_free_map_t map = lsr_table_map(table);
	lsr_map_take(&map, address - table->subnet); /* E1 */
	lsr_leaf_note(lsr_table_leaf(table, (address - table->subnet) >> LSR_PAGE_SHIFT), expires_at);
}

/* The lease at this address, published already, expires earlier than before. (Later ones need nothing.) */
static inline void
lsr_table_hasten(const lsr_table_t *table, uint32_t address, lessor_filetime_t expires_at) {
	lsr_map_leaf_t *leaf = lsr_table_leaf(table, (address - table->subnet) >> LSR_PAGE_SHIFT);
	(void)atomic_fetch_or_explicit(&leaf->taken, 0, memory_order_acq_rel); /* E1 */
	lsr_leaf_note(leaf, expires_at);
}

/* The records of these addresses of one page, which the caller has claimed, are about to stop being leases. */
static inline void
lsr_table_free_bits(lsr_table_t *table, uint32_t index, uint64_t bits) {
	const lsr_free_map_t map = lsr_table_map(table);
	lsr_map_free_bits(&map, index, bits);
}

static inline void
lsr_table_free(lsr_table_t *table, uint32_t address) {
	const uint32_t offset = address - table->subnet;
	lsr_table_free_bits(table, offset >> LSR_PAGE_SHIFT, UINT64_C(1) << offset % LSR_PAGE_RECORDS);
}

static inline bool
lsr_table_is_taken(const lsr_table_t *table, uint32_t address) {
	const lsr_free_map_t map = lsr_table_map(table);
	return lsr_map_is_taken(&map, address - table->subnet);
}

/* The first address without a lease from 'first' to 'last', both inclusive and of this subnet. False: there is none. */
static inline bool
lsr_table_find_free(const lsr_table_t *table, uint32_t first, uint32_t last, uint32_t *address) {
	const lsr_free_map_t map = lsr_table_map(table);
	const uint32_t place = lsr_map_find(&map, first - table->subnet, last - table->subnet);
	if (place == LSR_MAP_NONE) {
		return false;
	}
	*address = table->subnet + place;
	return true;
}

/* Do the bits say what the records say? False: *wrong is an address where they do not. Only while nobody changes a lease. */
bool lsr_table_is_sound(const lsr_table_t *table, const lsr_pages_t *pages, uint32_t *wrong);

/* Is no lease's expiry earlier than its page says? False: *wrong is the address of one. Only while nobody changes a lease. */
bool lsr_table_is_punctual(const lsr_table_t *table, const lsr_pages_t *pages, uint32_t *wrong);

/* Memory of directory and map. */
uint64_t lsr_table_bytes(const lsr_table_t *table);

#endif
