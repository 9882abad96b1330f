/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages of enumerations: as many items as a number of bytes permits, in one result.
 *
 * The array structures of the Windows header are all alike: a count, and a pointer to that many items in a row, which
 * are pointers, addresses or structures. A page gathers items one by one and puts them in a row when it is finished;
 * what they point to is taken from its block meanwhile.
 */
#ifndef LSR_DHCPSAPI_PAGE_H
#define LSR_DHCPSAPI_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lessor/dhcpsapi.h>

#include "dhcpsapi/block.h"

/* "Everything", as a number of bytes or of items. */
#define LSR_PAGE_EVERYTHING 0xFFFFFFFFu

typedef struct lsr_page {
	lsr_block_t block;
	size_t item_bytes;
	bool is_bounded;
	size_t left_bytes; /* of what the caller wants, if it is bounded */
	unsigned char *items;
	size_t count;
	size_t room;

	/* For handles that count items. */
	DWORD skip;    /* items that were read before and are still to be passed over; set it after lsr_page_begin() */
	bool is_full;  /* an item did not fit, so none behind it is to be added */
	uint64_t rest; /* items that were not added because of that */
} lsr_page_t;

/* The bytes of a page of leases: 'preferred' within its bounds, or everything. */
DWORD lsr_page_clamp(DWORD preferred);

/* Begin a page of at most max_bytes bytes. End it with lsr_page_finish() or lsr_page_discard(). */
void lsr_page_begin(lsr_page_t *page, size_t item_bytes, DWORD max_bytes);

/*
 * Is there room for an item that costs so much, everything it points to included? Then it is taken off the room that
 * is left, and the item is to be added. There is always room for the first one, unless the page is full from the
 * beginning.
 */
bool lsr_page_fits(lsr_page_t *page, size_t cost);

/*
 * For handles that count items: the walk has come to another one. Is it to be added, if it fits? Call for each to the
 * end, so that the rest is counted.
 */
bool lsr_page_reaches(lsr_page_t *page);

/* Add an item: item_bytes bytes at 'item'. */
void lsr_page_add(lsr_page_t *page, const void *item);

/* What became of a page that all items were offered to: LESSOR_OK; LESSOR_END, it is empty; LESSOR_NO_MEMORY. */
lessor_status_t lsr_page_outcome(const lsr_page_t *page);

/*
 * Finish: the array structure becomes *result, also when it is empty.
 * Returns: LESSOR_OK; LESSOR_NO_MEMORY, LESSOR_DAMAGED: *result is untouched, and nothing is left to free.
 */
lessor_status_t lsr_page_finish(lsr_page_t *page, void **result);

void lsr_page_discard(lsr_page_t *page);

/* Where an enumeration puts its results. */
typedef struct lsr_page_out {
	void *array; /* the caller's pointer to an array structure, of whatever type */
	DWORD *read;
	DWORD *total;
} lsr_page_out_t;

/* Are all three there? Sets those that are to "nothing". */
bool lsr_page_out_clear(const lsr_page_out_t *out);

/* Finish the page into 'out': what was read, and 'total'. If it fails, as lsr_page_finish() does, 'out' is untouched. */
lessor_status_t lsr_page_give(lsr_page_t *page, const lsr_page_out_t *out, uint64_t total);

/*
 * The same for handles that count items: 'total' is what is still to come or, on the last page, what was read.
 * Returns: also LESSOR_END: there was nothing to read, full or not. If page->rest is not 0, success is ERROR_MORE_DATA.
 */
lessor_status_t lsr_page_give_counted(lsr_page_t *page, const lsr_page_out_t *out, DHCP_RESUME_HANDLE *resume);

#endif
