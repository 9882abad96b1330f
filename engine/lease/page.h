/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages: where records live. A page is 64 records for 64 neighbouring addresses of one scope; a record is known by a 32-bit id, page number times
 * 64 plus place. Pages come from one arena and go back to a free list when their scope is gone.
 *
 *   Readers: anybody inside a read-side section.
 *   Owner field: written by whoever takes or gives back the page, under the pool's lock; a page changes owner only after a grace
 *   period, so inside one section a page that belonged to a scope goes on belonging to it.
 *   Homes: what an IPv6 record has beside its line: the lower half of the address, which its place does not tell, and room for a short tail (lease/record.h). The low is written by
 *   whoever holds the claim of the record, before it becomes LIVE.
 *   Edge: L1 store low (release), then LIVE  ->  L2 load LIVE, then low (acquire), then the word again: a low that is newer than the lease shows in the word.
 */
#ifndef LSR_PAGE_H
#define LSR_PAGE_H

#include "base/arena.h"
#include "lease/record.h"

#define LSR_PAGE_RECORDS 64
#define LSR_PAGE_SHIFT   6
#define LSR_PAGE_BYTES   (LSR_PAGE_RECORDS * sizeof(lsr_record_t))
#define LSR_NO_RECORD    UINT32_C(0) /* page 0 is never used */
/* Pages in one step of the arena, which is one huge page of memory. */
#define LSR_PAGES_STEP ((uint32_t)(LSR_ARENA_STEP_BYTES / LSR_PAGE_BYTES))
#define LSR_PAGE_RUNS  8u /* at most so many at a time */
#define LSR_PAGES_MAX  ((UINT32_C(1) << (32 - LSR_PAGE_SHIFT)) - 1 - LSR_PAGE_RUNS * LSR_PAGES_STEP)

typedef struct lsr_page_info {
	_Atomic(const void *) owner;   /* the scope's address table; NULL: free */
	_Atomic uint32_t first_offset; /* of the page's first place from the scope's first one */
	uint32_t next_free;            /* pool lock */
} lsr_page_info_t;

typedef struct lsr_home {
	_Atomic uint64_t low;
	uint8_t tail[LSR_HOME_TAIL_BYTES]; /* an lsr_tail_t; all zero is an empty one */
} __attribute__((aligned(32))) lsr_home_t;

static_assert(sizeof(lsr_home_t) == 32, "two in a line");

typedef struct lsr_pages {
	lsr_arena_t records;
	lsr_arena_t infos;
	lsr_arena_t homes;      /* one for each record; committed and touched for pages of IPv6 scopes only */
	uint32_t limit;         /* pages, fixed; what runs have left over may come on top */
	pthread_mutex_t lock;   /* protects what follows */
	uint32_t used;          /* pages ever taken from the arena, including page 0 */
	uint32_t free_head;     /* 0: none */
	_Atomic uint64_t taken; /* pages in use */
} lsr_pages_t;

/* Reserve address space for max_records, however sparse. Pages that are well filled hold up to 64 times as many. */
bool lsr_pages_init(lsr_pages_t *pages, uint64_t max_records);
void lsr_pages_destroy(lsr_pages_t *pages);

/* A page of empty records for 'owner'; 0 if memory or the limit is exhausted. Any thread; takes a short lock. */
uint32_t lsr_pages_take(lsr_pages_t *pages, const void *owner, uint32_t first_offset);

/* Give a page back. Its records are empty, and a grace period has passed since its owner became unreachable. */
void lsr_pages_release(lsr_pages_t *pages, uint32_t page);

/*
 * Taking many at a time: a thread with a run has steps of memory for itself, so that no two threads bring the same huge page at once, and
 * waits for nobody. Begin with a run that is all zero; what is left of it goes back in the end. Otherwise as lsr_pages_take().
 */
typedef struct lsr_page_run {
	uint32_t next;
	uint32_t end;
} lsr_page_run_t;

uint32_t lsr_pages_take_run(lsr_pages_t *pages, lsr_page_run_t *run, const void *owner, uint32_t first_offset);
void lsr_pages_release_run(lsr_pages_t *pages, lsr_page_run_t *run);

/* Is it the limit, not memory, that lsr_pages_take() failed for? */
bool lsr_pages_at_limit(lsr_pages_t *pages);

static inline lsr_record_t *
lsr_pages_record(const lsr_pages_t *pages, uint32_t id) {
	return (lsr_record_t *)(void *)pages->records.base + id;
}

static inline lsr_page_info_t *
lsr_pages_info(const lsr_pages_t *pages, uint32_t page) {
	return (lsr_page_info_t *)(void *)pages->infos.base + page;
}

static inline lsr_home_t *
lsr_pages_home(const lsr_pages_t *pages, uint32_t id) {
	return (lsr_home_t *)(void *)pages->homes.base + id;
}

static inline _Atomic uint64_t *
lsr_pages_low(const lsr_pages_t *pages, uint32_t id) {
	return &lsr_pages_home(pages, id)->low;
}

/* The tail of a record that has its own at home. */
static inline lsr_tail_t *
lsr_pages_home_tail(const lsr_pages_t *pages, uint32_t id) {
	return (lsr_tail_t *)(void *)lsr_pages_home(pages, id)->tail;
}

/* Memory for the homes of a page; false: there is none. */
static inline bool
lsr_pages_ensure_homes(lsr_pages_t *pages, uint32_t page) {
	return lsr_arena_ensure(&pages->homes, ((size_t)page + 1) * LSR_PAGE_RECORDS * sizeof(lsr_home_t));
}

/* Whose record this is. */
static inline const void *
lsr_pages_owner(const lsr_pages_t *pages, uint32_t id) {
	return atomic_load_explicit(&lsr_pages_info(pages, id >> LSR_PAGE_SHIFT)->owner, memory_order_acquire);
}

#endif
