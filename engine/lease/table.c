/* SPDX-License-Identifier: Apache-2.0 */
#include "lease/table.h"

#include <stdlib.h>

bool
lsr_table_init(lsr_table_t *table, uint32_t subnet, uint32_t mask) {
	*table = (lsr_table_t){.subnet = subnet, .last_offset = ~mask};
	table->directory_entries = (table->last_offset >> LSR_PAGE_SHIFT) + 1;
	/* calloc takes large directories straight from the kernel: a /8's 1 MiB costs memory only where it is touched. */
	table->directory = calloc(table->directory_entries, sizeof(table->directory[0]));
	return table->directory != NULL;
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
