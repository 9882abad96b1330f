/* SPDX-License-Identifier: Apache-2.0 */
#include "lease/sparse.h"

#include <stdlib.h>

lsr_sparse_t *
lsr_sparse_new(uint64_t prefix, const void *owner) {
	lsr_sparse_t *sparse = calloc(1, sizeof(*sparse));
	if (sparse != NULL) {
		sparse->prefix = prefix;
		sparse->owner = owner;
		lsr_index_init(&sparse->index);
	}
	return sparse;
}

void
lsr_sparse_free(lsr_sparse_t *sparse, lsr_pages_t *pages) {
	if (sparse == NULL) {
		return;
	}
	for (uint32_t i = 0; i < lsr_sparse_chunks(sparse); i++) {
		lsr_table_t *table = lsr_sparse_chunk(sparse, i);
		lsr_table_destroy(table, pages);
		free(table);
	}
	lsr_index_destroy(&sparse->index);
	free(sparse);
}

uint32_t
lsr_sparse_find(const lsr_sparse_t *sparse, uint32_t from) {
	const uint32_t chunks = lsr_sparse_chunks(sparse);
	for (uint32_t i = lsr_sparse_chunk_of(from); i < chunks; i++) {
		const lsr_table_t *table = lsr_sparse_chunk(sparse, i);
		const uint32_t last = table->subnet + table->last_offset;
		uint32_t place;
		if (lsr_table_find_free(table, from > table->subnet ? from : table->subnet, last, &place)) {
			return place;
		}
	}
	return LSR_SPARSE_NONE;
}

static lsr_table_t *
new_chunk(uint32_t number) {
	const uint32_t places = number == 0 ? LSR_SPARSE_FIRST : lsr_sparse_places(number);
	lsr_table_t *table = malloc(sizeof(*table));
	if (table != NULL && !lsr_table_init(table, lsr_sparse_places(number), ~(places - 1))) {
		free(table);
		table = NULL;
	}
	return table;
}

bool
lsr_sparse_grow(lsr_sparse_t *sparse, uint32_t chunks) {
	if (lsr_sparse_chunks(sparse) != chunks) {
		return true;
	}
	if (chunks == LSR_SPARSE_CHUNKS) {
		return false;
	}
	lsr_table_t *fresh = new_chunk(chunks);
	if (fresh == NULL) {
		return false;
	}
	lsr_table_t *present = NULL;
	if (!atomic_compare_exchange_strong_explicit(&sparse->chunk[chunks], &present, fresh, memory_order_acq_rel,
						     memory_order_acquire)) { /* S1 */
		lsr_table_destroy(fresh, NULL); /* another thread was first; this one has no pages */
		free(fresh);
	}
	uint32_t counted = chunks;
	(void)atomic_compare_exchange_strong_explicit(&sparse->chunks, &counted, chunks + 1, memory_order_acq_rel,
						      memory_order_relaxed); /* S1 */
	return true;
}

uint32_t
lsr_sparse_touch(lsr_sparse_t *sparse, lsr_pages_t *pages, uint32_t place) {
	lsr_table_t *table = lsr_sparse_table(sparse, place);
	const uint32_t index = (place - table->subnet) >> LSR_PAGE_SHIFT;
	uint32_t page = lsr_table_page(table, index);
	if (LSR_UNLIKELY(page == 0)) {
		page = lsr_table_add_page_of(table, pages, index, sparse->owner,
					     place / LSR_PAGE_RECORDS * LSR_PAGE_RECORDS);
	}
	return page != 0 && lsr_pages_ensure_homes(pages, page) ? page << LSR_PAGE_SHIFT | place % LSR_PAGE_RECORDS
								: LSR_NO_RECORD;
}

uint64_t
lsr_sparse_bytes(const lsr_sparse_t *sparse) {
	uint64_t total = sizeof(*sparse) + lsr_index_bytes(&sparse->index);
	for (uint32_t i = 0; i < lsr_sparse_chunks(sparse); i++) {
		const lsr_table_t *table = lsr_sparse_chunk(sparse, i);
		total += sizeof(*table) + lsr_table_bytes(table);
	}
	return total;
}
