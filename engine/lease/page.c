/* SPDX-License-Identifier: Apache-2.0 */
#include "lease/page.h"

bool
lsr_pages_init(lsr_pages_t *pages, uint64_t max_records) {
	*pages = (lsr_pages_t){.used = 1};
	/* Wherever they lie: one page for each in the worst case. Only address space is taken now. */
	const uint64_t limit = lsr_min_u64(max_records + 1, LSR_PAGES_MAX);
	pages->limit = (uint32_t)limit;
	if (!lsr_arena_init(&pages->records, (limit + 1) * LSR_PAGE_BYTES) ||
	    !lsr_arena_init(&pages->infos, (limit + 1) * sizeof(lsr_page_info_t))) {
		lsr_arena_destroy(&pages->records);
		return false;
	}
	(void)pthread_mutex_init(&pages->lock, NULL);
	return true;
}

void
lsr_pages_destroy(lsr_pages_t *pages) {
	if (pages->records.base == NULL) {
		return;
	}
	lsr_arena_destroy(&pages->records);
	lsr_arena_destroy(&pages->infos);
	(void)pthread_mutex_destroy(&pages->lock);
}

/* With the lock held: a page number, from the free list or fresh from the arena; 0: none. */
static uint32_t
pick(lsr_pages_t *pages) {
	if (pages->free_head != 0) {
		const uint32_t page = pages->free_head;
		pages->free_head = lsr_pages_info(pages, page)->next_free;
		return page;
	}
	if (pages->used > pages->limit || !lsr_arena_ensure(&pages->records, (pages->used + 1) * LSR_PAGE_BYTES) ||
	    !lsr_arena_ensure(&pages->infos, (pages->used + 1) * sizeof(lsr_page_info_t))) {
		return 0;
	}
	return pages->used++;
}

bool
lsr_pages_at_limit(lsr_pages_t *pages) {
	(void)pthread_mutex_lock(&pages->lock);
	const bool at_limit = pages->free_head == 0 && pages->used > pages->limit;
	(void)pthread_mutex_unlock(&pages->lock);
	return at_limit;
}

uint32_t
lsr_pages_take(lsr_pages_t *pages, const void *owner, uint32_t first_offset) {
	(void)pthread_mutex_lock(&pages->lock);
	const uint32_t page = pick(pages);
	if (page != 0) {
		lsr_page_info_t *info = lsr_pages_info(pages, page);
		atomic_store_explicit(&info->first_offset, first_offset, memory_order_relaxed);
		atomic_store_explicit(&info->owner, owner, memory_order_release);
		(void)atomic_fetch_add_explicit(&pages->taken, 1, memory_order_relaxed);
	}
	(void)pthread_mutex_unlock(&pages->lock);
	return page;
}

void
lsr_pages_release(lsr_pages_t *pages, uint32_t page) {
	(void)pthread_mutex_lock(&pages->lock);
	lsr_page_info_t *info = lsr_pages_info(pages, page);
	atomic_store_explicit(&info->owner, NULL, memory_order_release);
	info->next_free = pages->free_head;
	pages->free_head = page;
	(void)atomic_fetch_sub_explicit(&pages->taken, 1, memory_order_relaxed);
	(void)pthread_mutex_unlock(&pages->lock);
}
