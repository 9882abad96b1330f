/* SPDX-License-Identifier: Apache-2.0 */
/* The page pool and the address tables on top of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lease/table.h"
#include "test_random.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t
taken_of(lsr_pages_t *pages) {
	return atomic_load(&pages->taken);
}

/* A record that somebody has used: not zero any more. */
static void
use_record(lsr_record_t *record) {
	lsr_body_t body = {.lsn = 1};
	uint64_t word;
	assert_true(lsr_record_claim(record, &word));
	lsr_record_publish(record, word, &body);
}

static void
empty_record(lsr_record_t *record) {
	lsr_record_vacate(record, lsr_record_hide(record, lsr_record_word(record)));
}

/* ---- pages ------------------------------------------------------------------------------------------------------------ */

static void
pages_have_an_owner_and_empty_records(void **state) {
	(void)state;
	lsr_pages_t pages;
	int owners[2];
	assert_true(lsr_pages_init(&pages, 1000));
	const uint32_t first = lsr_pages_take(&pages, &owners[0], 0);
	const uint32_t second = lsr_pages_take(&pages, &owners[1], 6400);
	assert_true(first != 0 && second != 0 && first != second);
	assert_int_equal(taken_of(&pages), 2);
	for (uint32_t place = 0; place < LSR_PAGE_RECORDS; place++) {
		const uint32_t id = first << LSR_PAGE_SHIFT | place;
		assert_true(id != LSR_NO_RECORD);
		assert_ptr_equal(lsr_pages_owner(&pages, id), &owners[0]);
		assert_ptr_equal(lsr_pages_owner(&pages, second << LSR_PAGE_SHIFT | place), &owners[1]);
		assert_int_equal(lsr_record_word(lsr_pages_record(&pages, id)), 0);
		assert_int_equal((uintptr_t)lsr_pages_record(&pages, id) % LSR_CACHE_LINE_BYTES, 0);
	}
	assert_int_equal(atomic_load(&lsr_pages_info(&pages, second)->first_offset), 6400);
	lsr_pages_destroy(&pages);
	lsr_pages_destroy(&pages); /* twice is harmless */
}

static void
released_pages_are_used_again(void **state) {
	(void)state;
	lsr_pages_t pages;
	int owners[2];
	uint32_t page[10];
	assert_true(lsr_pages_init(&pages, 1000));
	for (size_t i = 0; i < COUNT(page); i++) {
		page[i] = lsr_pages_take(&pages, &owners[0], (uint32_t)i * 64);
	}
	for (size_t i = 0; i < COUNT(page); i++) {
		lsr_pages_release(&pages, page[i]);
		assert_null(lsr_pages_owner(&pages, page[i] << LSR_PAGE_SHIFT));
	}
	assert_int_equal(taken_of(&pages), 0);
	bool seen[COUNT(page)] = {false};
	for (size_t i = 0; i < COUNT(page); i++) {
		const uint32_t again = lsr_pages_take(&pages, &owners[1], 7);
		size_t at = 0;
		while (at < COUNT(page) && page[at] != again) {
			at++;
		}
		assert_true(at < COUNT(page) && !seen[at]); /* one of the old ones, each once */
		seen[at] = true;
		assert_ptr_equal(lsr_pages_owner(&pages, again << LSR_PAGE_SHIFT), &owners[1]);
		assert_int_equal(atomic_load(&lsr_pages_info(&pages, again)->first_offset), 7);
	}
	lsr_pages_destroy(&pages);
}

/* Random taking and releasing: no page is handed out twice, and records keep what is in them. */
static void
random_pages_against_a_list(void **state) {
	(void)state;
	enum { HELD = 500 };
	lsr_pages_t pages;
	lsr_random_t random = lsr_random_stream(1);
	uint32_t held[HELD] = {0};
	unsigned char owners[HELD];
	size_t count = 0;
	assert_true(lsr_pages_init(&pages, 200 * LSR_PAGE_RECORDS));
	for (unsigned round = 0; round < 20000; round++) {
		const size_t i = lsr_random_below(&random, HELD);
		if (held[i] != 0) {
			lsr_record_t *record = lsr_pages_record(&pages, held[i] << LSR_PAGE_SHIFT | i % 64);
			assert_ptr_equal(lsr_pages_owner(&pages, held[i] << LSR_PAGE_SHIFT), &owners[i]);
			assert_int_equal(lsr_record_word(record) & LSR_WORD_LIVE, LSR_WORD_LIVE);
			empty_record(record);
			lsr_pages_release(&pages, held[i]);
			held[i] = 0;
			count--;
		} else {
			held[i] = lsr_pages_take(&pages, &owners[i], (uint32_t)i);
			if (held[i] == 0) {
				assert_int_equal(count, pages.limit); /* refused only when all are out */
				continue;
			}
			for (uint32_t place = 0; place < LSR_PAGE_RECORDS; place++) {
				const lsr_record_t *record =
					lsr_pages_record(&pages, held[i] << LSR_PAGE_SHIFT | place);
				assert_int_equal(lsr_record_word(record) & LSR_WORD_LIVE, 0);
			}
			use_record(lsr_pages_record(&pages, held[i] << LSR_PAGE_SHIFT | i % 64));
			count++;
		}
		assert_int_equal(taken_of(&pages), count);
	}
	lsr_pages_destroy(&pages);
}

static void
the_limit_is_a_refusal(void **state) {
	(void)state;
	lsr_pages_t pages;
	int owner;
	assert_true(lsr_pages_init(&pages, 1));
	const uint32_t limit = pages.limit;
	assert_true(limit >= 1);
	uint32_t last = 0;
	for (uint32_t i = 0; i < limit; i++) {
		last = lsr_pages_take(&pages, &owner, i);
		assert_true(last != 0);
	}
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(lsr_pages_take(&pages, &owner, 0), 0);
	}
	assert_int_equal(taken_of(&pages), limit);
	lsr_pages_release(&pages, last);
	assert_int_equal(lsr_pages_take(&pages, &owner, 0), last);
	assert_int_equal(lsr_pages_take(&pages, &owner, 0), 0);
	lsr_pages_destroy(&pages);
}

/* Threads that take many at a time get each page once; everybody together at least what the limit promises; what is left goes back. */
static void
runs_are_taken_and_left(void **state) {
	(void)state;
	lsr_pages_t pages;
	int owners[LSR_PAGE_RUNS];
	lsr_random_t random = lsr_random_stream(3);
	for (unsigned round = 0; round < 20; round++) {
		lsr_page_run_t run[LSR_PAGE_RUNS] = {0};
		assert_true(lsr_pages_init(&pages, 1 + lsr_random_below(&random, 10000)));
		const uint32_t limit = pages.limit;
		bool *seen = calloc((size_t)limit + LSR_PAGE_RUNS * LSR_PAGES_STEP + 2, sizeof(seen[0]));
		assert_non_null(seen);
		uint32_t released = lsr_pages_take(&pages, &owners[0], 0);
		lsr_pages_release(&pages, released);
		for (uint32_t i = 0; i < limit; i++) {
			/* Most go to a few of them; a run that was begun may hold back almost a step. */
			const uint64_t who =
				i < LSR_PAGE_RUNS ? i : lsr_random_below(&random, 1 + round % LSR_PAGE_RUNS);
			const uint32_t page = lsr_pages_take_run(&pages, &run[who], &owners[who], i * 64);
			assert_true(page != 0 && page <= limit + LSR_PAGE_RUNS * LSR_PAGES_STEP && !seen[page]);
			assert_true(i != 0 || page == released);
			assert_ptr_equal(lsr_pages_owner(&pages, page << LSR_PAGE_SHIFT), &owners[who]);
			assert_int_equal(atomic_load(&lsr_pages_info(&pages, page)->first_offset), i * 64);
			use_record(lsr_pages_record(&pages, page << LSR_PAGE_SHIFT));
			seen[page] = true;
		}
		assert_int_equal(taken_of(&pages), limit);
		for (unsigned i = 0; i < LSR_PAGE_RUNS; i++) {
			lsr_pages_release_run(&pages, &run[i]);
			lsr_pages_release_run(&pages, &run[i]); /* nothing is left */
		}
		assert_int_equal(taken_of(&pages), limit);
		for (uint32_t page; (page = lsr_pages_take(&pages, &owners[0], 0)) != 0;) {
			assert_true(!seen[page]);
			seen[page] = true;
		}
		assert_true(lsr_pages_at_limit(&pages));
		for (uint32_t page = 1; page < pages.used; page++) {
			assert_true(seen[page]);
		}
		free(seen);
		lsr_pages_destroy(&pages);
	}
}

/* Address space for all records that 32-bit ids can name, and for no more. */
static void
the_greatest_pool_can_be_reserved(void **state) {
	(void)state;
	lsr_pages_t pages;
	int owner;
	assert_true(lsr_pages_init(&pages, UINT32_MAX));
	assert_true((uint64_t)pages.limit * LSR_PAGE_RECORDS <= UINT32_MAX);
	assert_true(lsr_pages_take(&pages, &owner, 0) != 0);
	lsr_pages_destroy(&pages);
}

/* ---- tables ----------------------------------------------------------------------------------------------------------- */

static void
every_address_has_one_record(void **state) {
	(void)state;
	lsr_pages_t pages;
	lsr_table_t table;
	const uint32_t subnet = 0xC0A80000u;
	assert_true(lsr_pages_init(&pages, 1 << 16));
	assert_true(lsr_table_init(&table, subnet, 0xFFFFF000u)); /* a /20: 4096 addresses, 64 pages */
	assert_int_equal(table.last_offset, 4095);
	assert_int_equal(table.directory_entries, 64);
	lsr_random_t random = lsr_random_stream(2);
	uint32_t ids[4096] = {0};
	bool page_touched[64] = {false};
	uint64_t touched = 0;
	for (unsigned round = 0; round < 20000; round++) {
		const uint32_t offset = (uint32_t)lsr_random_below(&random, 4096);
		const uint32_t address = subnet + offset;
		if (!page_touched[offset / 64]) {
			assert_int_equal(lsr_table_peek(&table, address), LSR_NO_RECORD);
		}
		if (!page_touched[offset / 64] && lsr_random_below(&random, 4) != 0) {
			continue; /* looking brings no page */
		}
		const uint32_t id = lsr_table_touch(&table, &pages, address);
		assert_true(id != LSR_NO_RECORD);
		assert_true(ids[offset] == 0 || ids[offset] == id);
		ids[offset] = id;
		assert_int_equal(lsr_table_peek(&table, address), id);
		assert_int_equal(lsr_table_address(&table, &pages, id), address);
		assert_ptr_equal(lsr_pages_owner(&pages, id), &table);
		touched += !page_touched[offset / 64];
		page_touched[offset / 64] = true;
		assert_int_equal(taken_of(&pages), touched);
	}
	lsr_table_destroy(&table, &pages);
	assert_int_equal(taken_of(&pages), 0);
	assert_null(table.map_base);
	lsr_pages_destroy(&pages);
}

static void
tables_of_every_size(void **state) {
	(void)state;
	lsr_pages_t pages;
	assert_true(lsr_pages_init(&pages, 1 << 16));
	for (unsigned bits = 1; bits <= 32; bits++) {
		const uint32_t mask = UINT32_MAX << (32 - bits);
		const uint32_t subnet = 0xAAAAAAAAu & mask;
		const uint32_t ends[] = {subnet, subnet | ~mask};
		lsr_table_t table;
		assert_true(lsr_table_init(&table, subnet, mask));
		for (size_t i = 0; i < COUNT(ends); i++) {
			assert_int_equal(lsr_table_peek(&table, ends[i]), LSR_NO_RECORD);
		}
		for (size_t i = 0; i < COUNT(ends); i++) {
			const uint32_t id = lsr_table_touch(&table, &pages, ends[i]);
			assert_true(id != LSR_NO_RECORD);
			assert_int_equal(lsr_table_address(&table, &pages, id), ends[i]);
		}
		assert_int_equal(taken_of(&pages), bits <= 25 ? 2 : 1);
		lsr_table_destroy(&table, &pages);
	}
	lsr_pages_destroy(&pages);
}

static void
a_table_without_pages_says_so(void **state) {
	(void)state;
	lsr_pages_t pages;
	lsr_table_t table;
	int other;
	assert_true(lsr_pages_init(&pages, 1));
	while (lsr_pages_take(&pages, &other, 0) != 0) {
	}
	const uint32_t page = pages.used - 1;
	assert_true(lsr_table_init(&table, 0x0A000000u, 0xFFFFFF00u));
	assert_int_equal(lsr_table_touch(&table, &pages, 0x0A000005u), LSR_NO_RECORD);
	assert_int_equal(lsr_table_peek(&table, 0x0A000005u), LSR_NO_RECORD);
	lsr_pages_release(&pages, page);
	assert_int_equal(lsr_table_touch(&table, &pages, 0x0A000005u), page << LSR_PAGE_SHIFT | 5);
	lsr_table_destroy(&table, &pages);
	lsr_pages_destroy(&pages);
}

/* ---- many threads ------------------------------------------------------------------------------------------------------ */

#define THREADS   4
#define ADDRESSES 1024u

typedef struct {
	lsr_pages_t *pages;
	lsr_table_t *table;
	pthread_barrier_t *start;
	uint32_t ids[ADDRESSES];
} lsr_toucher_t;

static void *
run_toucher(void *argument) {
	lsr_toucher_t *toucher = argument;
	(void)pthread_barrier_wait(toucher->start);
	for (uint32_t i = 0; i < ADDRESSES; i++) {
		toucher->ids[i] = lsr_table_touch(toucher->table, toucher->pages, toucher->table->subnet + i);
	}
	return NULL;
}

static void
threads_that_touch_one_address_agree(void **state) {
	(void)state;
	for (unsigned round = 0; round < LSR_TEST_ROUNDS(200); round++) {
		lsr_pages_t pages;
		lsr_table_t table;
		pthread_barrier_t start;
		pthread_t threads[THREADS];
		static lsr_toucher_t touchers[THREADS];
		assert_true(lsr_pages_init(&pages, 1 << 16));
		assert_true(lsr_table_init(&table, 0x0A000000u, 0xFFFFFC00u));
		assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
		for (unsigned i = 0; i < THREADS; i++) {
			touchers[i] = (lsr_toucher_t){.pages = &pages, .table = &table, .start = &start};
			assert_int_equal(pthread_create(&threads[i], NULL, run_toucher, &touchers[i]), 0);
		}
		for (unsigned i = 0; i < THREADS; i++) {
			assert_int_equal(pthread_join(threads[i], NULL), 0);
			assert_memory_equal(touchers[i].ids, touchers[0].ids, sizeof(touchers[i].ids));
		}
		/* Whoever lost a race gave his page back. */
		assert_int_equal(taken_of(&pages), ADDRESSES / LSR_PAGE_RECORDS);
		for (uint32_t i = 0; i < ADDRESSES; i++) {
			assert_int_equal(lsr_table_address(&table, &pages, touchers[0].ids[i]), table.subnet + i);
		}
		(void)pthread_barrier_destroy(&start);
		lsr_table_destroy(&table, &pages);
		lsr_pages_destroy(&pages);
	}
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_have_an_owner_and_empty_records),
		cmocka_unit_test(released_pages_are_used_again),
		cmocka_unit_test(random_pages_against_a_list),
		cmocka_unit_test(the_limit_is_a_refusal),
		cmocka_unit_test(runs_are_taken_and_left),
		cmocka_unit_test(the_greatest_pool_can_be_reserved),
		cmocka_unit_test(every_address_has_one_record),
		cmocka_unit_test(tables_of_every_size),
		cmocka_unit_test(a_table_without_pages_says_so),
		cmocka_unit_test(threads_that_touch_one_address_agree),
	};
	(void)lsr_test_seed();
	return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}
