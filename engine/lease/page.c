/* SPDX-License-Identifier: Apache-2.0 */
#include "lease/page.h"

bool
lsr_pages_init(lsr_pages_t *pages, uint64_t max_records) {
	*pages = (lsr_pages_t){.used = 1};
	/* Wherever they lie: one page for each in the worst case. Only address space is taken now. */
	const uint64_t limit = lsr_min_u64(max_records + 1, LSR_PAGES_MAX);
	pages->limit = (uint32_t)limit;
	const uint64_t most = limit + 1 + LSR_PAGE_RUNS * LSR_PAGES_STEP;
	if (!lsr_arena_init(&pages->records, most * LSR_PAGE_BYTES) ||
	    !lsr_arena_init(&pages->infos, most * sizeof(lsr_page_info_t)) ||
	    !lsr_arena_init(&pages->homes, most * LSR_PAGE_RECORDS * sizeof(lsr_home_t))) {
		lsr_arena_destroy(&pages->infos);
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
	lsr_arena_destroy(&pages->homes);
	(void)pthread_mutex_destroy(&pages->lock);
}

/* With the lock held: memory for the pages before this one. */
static bool
back(lsr_pages_t *pages, uint32_t end) {
	return lsr_arena_ensure(&pages->records, (size_t)end * LSR_PAGE_BYTES) &&
	       lsr_arena_ensure(&pages->infos, (size_t)end * sizeof(lsr_page_info_t));
}

/* With the lock held: a page number, from the free list or fresh from the arena; 0: none. */
static uint32_t
pick(lsr_pages_t *pages) {
	if (pages->free_head != 0) {
		const uint32_t page = pages->free_head;
		pages->free_head = lsr_pages_info(pages, page)->next_free;
		return page;
	}
	return pages->used <= pages->limit && back(pages, pages->used + 1) ? pages->used++ : 0;
}

static void
assign(lsr_pages_t *pages, uint32_t page, const void *owner, uint32_t first_offset) {
	lsr_page_info_t *info = lsr_pages_info(pages, page);
	atomic_store_explicit(&info->first_offset, first_offset, memory_order_relaxed);
	atomic_store_explicit(&info->owner, owner, memory_order_release);
	(void)atomic_fetch_add_explicit(&pages->taken, 1, memory_order_relaxed);
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
		assign(pages, page, owner, first_offset);
	}
	(void)pthread_mutex_unlock(&pages->lock);
	return page;
}

/* With the lock held. */
static void
put_free(lsr_pages_t *pages, uint32_t page) {
	lsr_pages_info(pages, page)->next_free = pages->free_head;
	pages->free_head = page;
}

void
lsr_pages_release(lsr_pages_t *pages, uint32_t page) {
	(void)pthread_mutex_lock(&pages->lock);
	atomic_store_explicit(&lsr_pages_info(pages, page)->owner, NULL, memory_order_release);
	put_free(pages, page);
	(void)atomic_fetch_sub_explicit(&pages->taken, 1, memory_order_relaxed);
	(void)pthread_mutex_unlock(&pages->lock);
}

/* ---- runs ------------------------------------------------------------------------------------------------------------ */

/* The rest of a step of the arena. Whatever runs leave over, the pages within the limit can be had. */
static bool
begin_run(lsr_pages_t *pages, lsr_page_run_t *run) {
	const uint32_t end = (pages->used / LSR_PAGES_STEP + 1) * LSR_PAGES_STEP;
	const uint32_t most = pages->limit + 1 + LSR_PAGE_RUNS * LSR_PAGES_STEP;
	if (pages->free_head != 0 || end > most || !back(pages, end)) {
		return false;
	}
	*run = (lsr_page_run_t){.next = pages->used, .end = end};
	pages->used = end;
	return true;
}

uint32_t
lsr_pages_take_run(lsr_pages_t *pages, lsr_page_run_t *run, const void *owner, uint32_t first_offset) {
	if (run->next == run->end) {
		(void)pthread_mutex_lock(&pages->lock);
		const bool begun = begin_run(pages, run);
		(void)pthread_mutex_unlock(&pages->lock);
		if (!begun) {
			return lsr_pages_take(pages, owner, first_offset);
		}
		/* Bring the huge page by a write: one that is read first is brought twice, the first time as zeros that all share. */
		(void)atomic_fetch_or_explicit(&lsr_pages_record(pages, run->next << LSR_PAGE_SHIFT)->word, 0,
					       memory_order_relaxed);
	}
	assign(pages, run->next, owner, first_offset);
	return run->next++;
}

void
lsr_pages_release_run(lsr_pages_t *pages, lsr_page_run_t *run) {
	(void)pthread_mutex_lock(&pages->lock);
	while (run->end > run->next) {
		put_free(pages, --run->end); /* the lowest is taken first */
	}
	(void)pthread_mutex_unlock(&pages->lock);
}
