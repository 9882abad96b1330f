/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The addresses of one IPv4 scope: the address is the index. A directory holds one page number for each 64 addresses; pages come
 * when their first address is touched, so an empty /8 costs a directory of zero pages of memory and a full /16 no more than its records.
 *
 *   Readers: anybody inside a read-side section, wait-free.
 *   Directory entries: 0 -> page once, by compare-and-swap, never back while the scope is reachable.
 *   Edge: D1 install page (release) -> D2 load entry (acquire): the page's owner and offset are set.
 */
#ifndef LSR_TABLE_H
#define LSR_TABLE_H

#include "lease/page.h"

typedef struct lsr_table {
	uint32_t subnet;
	uint32_t last_offset; /* of the subnet's last address */
	uint32_t directory_entries;
	_Atomic uint32_t *directory;
} lsr_table_t;

/* False: no memory. */
bool lsr_table_init(lsr_table_t *table, uint32_t subnet, uint32_t mask);

/* Give all pages back (their records are empty) and free the directory. Nobody can reach the table any more. */
void lsr_table_destroy(lsr_table_t *table, lsr_pages_t *pages);

/* The slow path of lsr_table_touch(). */
uint32_t lsr_table_add_page(lsr_table_t *table, lsr_pages_t *pages, uint32_t index);

static inline uint32_t
lsr_table_page(const lsr_table_t *table, uint32_t index) {
	return atomic_load_explicit(&table->directory[index], memory_order_acquire); /* D2 */
}

/* Fetch the directory entry of an address ahead of what needs it. */
static inline void
lsr_table_prefetch(const lsr_table_t *table, uint32_t address) {
	__builtin_prefetch(&table->directory[(address - table->subnet) >> LSR_PAGE_SHIFT], 0, 3);
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

#endif
