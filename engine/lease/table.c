/* SPDX-License-Identifier: Apache-2.0 */
#include "lease/table.h"

bool
lsr_table_init(lsr_table_t *table, uint32_t subnet, uint32_t mask) {
	*table = (lsr_table_t){.subnet = subnet, .last_offset = ~mask};
	table->directory_entries = (table->last_offset >> LSR_PAGE_SHIFT) + 1;
	lsr_free_map_t map;
	if (!lsr_map_init(&map, table->directory_entries, table->directory_entries * sizeof(uint32_t))) {
		return false;
	}
	table->map_base = map.base;
	return true;
}

void
lsr_table_destroy(lsr_table_t *table, lsr_pages_t *pages) {
	for (uint32_t i = 0; table->map_base != NULL && i < table->directory_entries; i++) {
		const uint32_t page = lsr_table_page(table, i);
		if (page != 0) {
			lsr_pages_release(pages, page);
		}
	}
	lsr_free_map_t map = lsr_table_map(table);
	lsr_map_destroy(&map);
	*table = (lsr_table_t){0};
}

uint32_t
lsr_table_add_page_of(lsr_table_t *table, lsr_pages_t *pages, uint32_t index, const void *owner,
		      uint32_t first_offset) {
	const uint32_t page = lsr_pages_take(pages, owner, first_offset);
	if (page == 0) {
		return 0;
	}
	uint32_t present = 0;
	if (atomic_compare_exchange_strong_explicit(lsr_table_entry(table, index), &present, page, memory_order_acq_rel,
						    memory_order_acquire)) { /* D1 */
		return page;
	}
	lsr_pages_release(pages, page); /* another thread was first; this one was never reachable */
	return present;
}

uint32_t
lsr_table_add_page(lsr_table_t *table, lsr_pages_t *pages, uint32_t index) {
	return lsr_table_add_page_of(table, pages, index, table, index << LSR_PAGE_SHIFT);
}

void
lsr_leaf_lower(lsr_map_leaf_t *leaf, lessor_filetime_t expires_at) {
	const uint64_t mine = LESSOR_TIME_INFINITE - expires_at;
	uint64_t seen = atomic_load_explicit(&leaf->beside, memory_order_relaxed);
	while (seen < mine && !atomic_compare_exchange_weak_explicit(&leaf->beside, &seen, mine, memory_order_relaxed,
								     memory_order_relaxed)) {
	}
}

bool
lsr_table_is_sound(const lsr_table_t *table, const lsr_pages_t *pages, uint32_t *wrong) {
	const lsr_free_map_t map = lsr_table_map(table);
	*wrong = table->subnet;
	for (uint32_t index = 0; index < table->directory_entries; index++) {
		const uint32_t page = lsr_table_page(table, index);
		const uint64_t taken = lsr_map_word(&map, index);
		uint64_t live = 0;
		for (uint32_t place = 0; page != 0 && place < LSR_PAGE_RECORDS; place++) {
			const lsr_record_t *record = lsr_pages_record(pages, page << LSR_PAGE_SHIFT | place);
			live |= (uint64_t)((lsr_record_word(record) & (LSR_WORD_LIVE | LSR_WORD_OFFER)) != 0) << place;
		}
		if (taken != live) {
			*wrong = table->subnet + (index << LSR_PAGE_SHIFT) + (uint32_t)__builtin_ctzll(taken ^ live);
			return false;
		}
	}
	return lsr_map_is_sound(&map);
}

bool
lsr_table_is_punctual(const lsr_table_t *table, const lsr_pages_t *pages, uint32_t *wrong) {
	for (uint32_t index = 0; index < table->directory_entries; index++) {
		const uint32_t page = lsr_table_page(table, index);
		const lessor_filetime_t earliest = lsr_leaf_earliest(lsr_table_leaf(table, index));
		for (uint32_t place = 0; page != 0 && place < LSR_PAGE_RECORDS; place++) {
			const lsr_record_t *record = lsr_pages_record(pages, page << LSR_PAGE_SHIFT | place);
			lsr_body_t body;
			lsr_body_load(record, &body);
			const lessor_filetime_t ends_at = lsr_body_ends_at(&body);
			if ((lsr_record_word(record) & LSR_WORD_LIVE) != 0 && lsr_time_comes(ends_at) &&
			    ends_at < earliest) {
				*wrong = table->subnet + (index << LSR_PAGE_SHIFT) + place;
				return false;
			}
		}
	}
	return true;
}

uint64_t
lsr_table_bytes(const lsr_table_t *table) {
	const lsr_free_map_t map = lsr_table_map(table);
	return lsr_map_bytes(&map) + table->directory_entries * sizeof(uint32_t);
}
