/* SPDX-License-Identifier: Apache-2.0 */
#include "lease/table.h"

#include <stdlib.h>

bool
lsr_table_init(lsr_table_t *table, uint32_t subnet, uint32_t mask) {
	*table = (lsr_table_t){.subnet = subnet, .last_offset = ~mask};
	table->directory_entries = (table->last_offset >> LSR_PAGE_SHIFT) + 1;
	/* calloc takes large directories straight from the kernel: a /8's 1 MiB costs memory only where it is touched. */
	table->directory = calloc(table->directory_entries, sizeof(table->directory[0]));
	if (table->directory != NULL && lsr_map_init(&table->map, table->directory_entries)) {
		return true;
	}
	free(table->directory);
	return false;
}

void
lsr_table_destroy(lsr_table_t *table, lsr_pages_t *pages) {
	for (uint32_t i = 0; table->directory != NULL && i < table->directory_entries; i++) {
		const uint32_t page = lsr_table_page(table, i);
		if (page != 0) {
			lsr_pages_release(pages, page);
		}
	}
	free(table->directory);
	lsr_map_destroy(&table->map);
	*table = (lsr_table_t){0};
}

uint32_t
lsr_table_add_page(lsr_table_t *table, lsr_pages_t *pages, uint32_t index) {
	const uint32_t page = lsr_pages_take(pages, table, index << LSR_PAGE_SHIFT);
	if (page == 0) {
		return 0;
	}
	uint32_t present = 0;
	if (atomic_compare_exchange_strong_explicit(&table->directory[index], &present, page, memory_order_acq_rel,
						    memory_order_acquire)) { /* D1 */
		return page;
	}
	lsr_pages_release(pages, page); /* another thread was first; this one was never reachable */
	return present;
}

bool
lsr_table_is_sound(const lsr_table_t *table, const lsr_pages_t *pages, uint32_t *wrong) {
	*wrong = table->subnet;
	for (uint32_t index = 0; index < table->directory_entries; index++) {
		const uint32_t page = lsr_table_page(table, index);
		const uint64_t taken = lsr_map_word(&table->map, index);
		uint64_t live = 0;
		for (uint32_t place = 0; page != 0 && place < LSR_PAGE_RECORDS; place++) {
			const lsr_record_t *record = lsr_pages_record(pages, page << LSR_PAGE_SHIFT | place);
			live |= (uint64_t)((lsr_record_word(record) & LSR_WORD_LIVE) != 0) << place;
		}
		if (taken != live) {
			*wrong = table->subnet + (index << LSR_PAGE_SHIFT) + (uint32_t)__builtin_ctzll(taken ^ live);
			return false;
		}
	}
	return lsr_map_is_sound(&table->map);
}
