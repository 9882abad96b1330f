/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparing one scope's map of taken addresses with its leases, place by place, while others go on changing them.
 *
 * While nobody claims a record, its bit says whether it is a lease (lease/table.h). So a place is looked at between two looks at the record's word: if that was
 * unclaimed and is the same afterwards, nobody was changing it in between, and what was seen belongs together. Repairs hold the claim.
 */
#include "engine_p.h"

/* How many pages are looked at in one read-side section. */
#define LSR_SCAN_PAGES 256u

typedef struct lsr_scan {
	lessor_engine_t *engine;
	uint32_t subnet;
	bool repair;
	lessor_discrepancy_t *found;
	size_t capacity;
	size_t count;
} lsr_scan_t;

/* Does the record at this address contradict its bit? id LSR_NO_RECORD: nothing was ever there. */
static bool
contradicts(const lessor_engine_t *engine, const lsr_scope_t *scope, uint32_t id, uint32_t address, bool *has_lease) {
	if (id == LSR_NO_RECORD) {
		*has_lease = false;
		/* In this order: whoever brings the page does so before he sets a bit of it. */
		return lsr_table_is_taken(&scope->table, address) &&
		       lsr_table_peek(&scope->table, address) == LSR_NO_RECORD;
	}
	const lsr_record_t *record = lsr_pages_record(&engine->pages, id);
	const uint64_t word = lsr_record_word(record);
	const bool is_taken = lsr_table_is_taken(&scope->table, address);
	*has_lease = (word & LSR_WORD_LIVE) != 0;
	return is_taken != ((word & (LSR_WORD_LIVE | LSR_WORD_OFFER)) != 0) && (word & LSR_WORD_CLAIM) == 0 &&
	       lsr_record_word(record) == word;
}

/* Make the bit of a claimed record say what the record says. */
static void
correct_bit(const lessor_engine_t *engine, lsr_scope_t *scope, const lsr_record_t *record, uint64_t word,
	    uint32_t address) {
	lsr_body_t body;
	const bool is_taken = lsr_table_is_taken(&scope->table, address);
	if ((word & LSR_WORD_OFFER) != 0) {
		lsr_table_take(&scope->table, address, LESSOR_TIME_NONE);
	} else if ((word & LSR_WORD_LIVE) == 0 && is_taken) {
		lsr_table_free(&scope->table, address);
	} else if ((word & LSR_WORD_LIVE) != 0 && !is_taken && lsr_record_read(record, engine->shadows, &body)) {
		lsr_table_take(&scope->table, address, lsr_body_ends_at(&body));
	}
}

/* Who holds the claim instead of us puts the bit right himself: a create sets it, a delete clears it. */
static lessor_status_t
repair_place(lessor_engine_t *engine, lsr_scope_t *scope, uint32_t address) {
	uint64_t word;
	const uint32_t id = lsr_table_touch(&scope->table, &engine->pages, address);
	if (id == LSR_NO_RECORD) {
		return LESSOR_NO_MEMORY;
	}
	lsr_record_t *record = lsr_pages_record(&engine->pages, id);
	if (lsr_record_claim(record, &word)) {
		correct_bit(engine, scope, record, word, address);
		lsr_record_unclaim(record, word);
	}
	return LESSOR_OK;
}

static lessor_status_t
scan_place(lsr_scan_t *scan, lsr_scope_t *scope, uint32_t address) {
	bool has_lease;
	const uint32_t id = lsr_table_peek(&scope->table, address);
	if (!contradicts(scan->engine, scope, id, address, &has_lease)) {
		return LESSOR_OK;
	}
	scan->found[scan->count++] = (lessor_discrepancy_t){.address = address, .has_lease = has_lease};
	return scan->repair ? repair_place(scan->engine, scope, address) : LESSOR_OK;
}

/* Is there nothing at all, neither records nor bits? */
static bool
is_void(const lsr_scope_t *scope, uint32_t index) {
	const lsr_free_map_t map = lsr_table_map(&scope->table);
	return lsr_table_page(&scope->table, index) == 0 && lsr_map_word(&map, index) == 0;
}

/* Look at some pages from *offset on, which becomes the place to go on from. */
static lessor_status_t
scan_some(lsr_scan_t *scan, lsr_scope_t *scope, uint64_t *offset) {
	lessor_status_t status = LESSOR_OK;
	const uint64_t end = *offset + LSR_SCAN_PAGES * LSR_PAGE_RECORDS;
	while (status == LESSOR_OK && *offset < end && *offset <= scope->table.last_offset &&
	       scan->count < scan->capacity) {
		const uint32_t index = (uint32_t)(*offset >> LSR_PAGE_SHIFT);
		if (is_void(scope, index)) {
			*offset = ((uint64_t)index + 1) << LSR_PAGE_SHIFT;
			continue;
		}
		status = scan_place(scan, scope, scope->subnet + (uint32_t)*offset);
		*offset += 1;
	}
	return status;
}

/* The scope from 'from' on. If it is deleted meanwhile, that is the end of it. */
static lessor_status_t
scan_scope(lsr_scan_t *scan, uint32_t from) {
	uint64_t offset = from > scan->subnet ? from - scan->subnet : 0;
	lessor_status_t status = LESSOR_OK;
	for (bool first = true, more = true; status == LESSOR_OK && more; first = false) {
		lsr_rcu_enter();
		lsr_scope_t *scope = lsr_engine_scope_named(scan->engine, scan->subnet);
		if (scope != NULL) {
			status = scan_some(scan, scope, &offset);
			more = offset <= scope->table.last_offset && scan->count < scan->capacity;
		} else {
			status = first ? LESSOR_NOT_FOUND : LESSOR_OK;
			more = false;
		}
		lsr_rcu_leave();
	}
	return status;
}

lessor_status_t
lessor_scope_scan(lessor_engine_t *engine, uint32_t subnet, uint32_t from, bool repair, lessor_discrepancy_t *found,
		  size_t capacity, size_t *count) {
	lessor_status_t status = repair ? lsr_engine_for_change(engine, LESSOR_ASYNC) : lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (found == NULL || capacity == 0 || count == NULL) {
		return LESSOR_INVALID;
	}
	lsr_scan_t scan = {.engine = engine, .subnet = subnet, .repair = repair, .found = found, .capacity = capacity};
	status = scan_scope(&scan, from);
	if (status == LESSOR_OK) {
		*count = scan.count;
	}
	return status;
}
