/* SPDX-License-Identifier: Apache-2.0 */
/* Gathering the items of an enumeration. */
#include "dhcpsapi/page.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LSR_PAGE_MIN_BYTES   1024u
#define LSR_PAGE_MAX_BYTES   65536u
#define LSR_PAGE_FIRST_ITEMS 16u

/* What all array structures are. */
typedef struct lsr_array {
	DWORD count;
	void *items;
} lsr_array_t;

_Static_assert(sizeof(lsr_array_t) == sizeof(DHCP_CLIENT_INFO_PB_ARRAY) &&
		       offsetof(lsr_array_t, items) == offsetof(DHCP_CLIENT_INFO_PB_ARRAY, Clients) &&
		       offsetof(lsr_array_t, items) == offsetof(DHCP_SUBNET_ELEMENT_INFO_ARRAY, Elements) &&
		       offsetof(lsr_array_t, items) == offsetof(DHCP_IP_ARRAY, Elements),
	       "the array structures are alike");

DWORD
lsr_page_clamp(DWORD preferred) {
	if (preferred == LSR_PAGE_EVERYTHING) {
		return preferred;
	}
	if (preferred < LSR_PAGE_MIN_BYTES) {
		return LSR_PAGE_MIN_BYTES;
	}
	return preferred > LSR_PAGE_MAX_BYTES ? LSR_PAGE_MAX_BYTES : preferred;
}

void
lsr_page_begin(lsr_page_t *page, size_t item_bytes, DWORD max_bytes) {
	*page = (lsr_page_t){.block = lsr_block_make(lsr_block_part_bytes(sizeof(lsr_array_t))),
			     .item_bytes = item_bytes,
			     .is_bounded = max_bytes != LSR_PAGE_EVERYTHING,
			     .left_bytes = max_bytes};
	(void)lsr_block_take(&page->block, sizeof(lsr_array_t));
}

bool
lsr_page_fits(lsr_page_t *page, size_t cost) {
	if (page->is_bounded && cost > page->left_bytes && page->count > 0) {
		page->is_full = true;
	}
	if (page->is_full) {
		page->rest++;
		return false;
	}
	page->left_bytes -= cost < page->left_bytes ? cost : page->left_bytes;
	return true;
}

bool
lsr_page_reaches(lsr_page_t *page) {
	if (page->skip > 0) {
		page->skip--;
		return false;
	}
	page->rest += page->is_full;
	return !page->is_full;
}

static bool
make_room(lsr_page_t *page) {
	const size_t room = page->room == 0 ? LSR_PAGE_FIRST_ITEMS : 2 * page->room;
	unsigned char *items = realloc(page->items, room * page->item_bytes);
	if (items == NULL) {
		page->block.exhausted = true;
		return false;
	}
	page->items = items;
	page->room = room;
	return true;
}

void
lsr_page_add(lsr_page_t *page, const void *item) {
	if (page->count < page->room || make_room(page)) {
		memcpy(page->items + page->count * page->item_bytes, item, page->item_bytes);
		page->count++;
	}
}

lessor_status_t
lsr_page_outcome(const lsr_page_t *page) {
	return page->block.exhausted ? LESSOR_NO_MEMORY : page->count == 0 ? LESSOR_END : LESSOR_OK;
}

void
lsr_page_discard(lsr_page_t *page) {
	lsr_block_discard(&page->block);
	free(page->items);
	page->items = NULL;
}

lessor_status_t
lsr_page_finish(lsr_page_t *page, void **result) {
	void *whole;
	const size_t bytes = page->count * page->item_bytes;
	void *items = page->count == 0 ? NULL : lsr_block_bytes(&page->block, page->items, bytes);
	const lessor_status_t status = lsr_block_finish(&page->block, &whole);
	free(page->items);
	page->items = NULL;
	if (status == LESSOR_OK) {
		lsr_array_t *array = whole;
		array->count = (DWORD)page->count;
		array->items = items;
		*result = array;
	}
	return status;
}

bool
lsr_page_out_clear(const lsr_page_out_t *out) {
	const bool has_array = lsr_out_clear(out->array);
	if (out->read != NULL) {
		*out->read = 0;
	}
	if (out->total != NULL) {
		*out->total = 0;
	}
	return has_array && out->read != NULL && out->total != NULL;
}

lessor_status_t
lsr_page_give(lsr_page_t *page, const lsr_page_out_t *out, uint64_t total) {
	void *array;
	const lessor_status_t status = lsr_page_finish(page, &array);
	if (status == LESSOR_OK) {
		lsr_out_set(out->array, array);
		*out->read = (DWORD)page->count;
		*out->total = total < UINT32_MAX ? (DWORD)total : UINT32_MAX;
	}
	return status;
}

lessor_status_t
lsr_page_give_counted(lsr_page_t *page, const lsr_page_out_t *out, DHCP_RESUME_HANDLE *resume) {
	if (page->count == 0 && page->rest == 0 && !page->block.exhausted) {
		lsr_page_discard(page);
		return LESSOR_END;
	}
	const lessor_status_t status = lsr_page_give(page, out, page->rest > 0 ? page->rest : page->count);
	if (status == LESSOR_OK) {
		*resume += (DHCP_RESUME_HANDLE)page->count;
	}
	return status;
}
