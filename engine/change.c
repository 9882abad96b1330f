/* SPDX-License-Identifier: Apache-2.0 */
/* Updating and deleting leases. The scheme of a change is told in leases.c. */
#include "engine_p.h"

#include <stdlib.h>
#include <string.h>

/* ---- updating ------------------------------------------------------------------------------------------------------ */

/* Members that lie in the body itself: changing them leaves texts and tail alone. */
#define PLAIN_FIELDS                                                                                                   \
	(LESSOR_FIELD_EXPIRES | LESSOR_FIELD_CLIENT_TYPE | LESSOR_FIELD_ADDRESS_STATE |                                \
	 LESSOR_FIELD_LAST_TRANSACTION | LESSOR_FIELD_DNS | LESSOR_FIELD_STATE_EX)

static void
update_plain(lsr_body_t *body, const lessor_lease_t *lease, uint32_t fields) {
	if ((fields & LESSOR_FIELD_EXPIRES) != 0) {
		body->expires_at = lease->expires_at;
	}
	if ((fields & LESSOR_FIELD_CLIENT_TYPE) != 0) {
		body->client_type = lease->client_type;
	}
	if ((fields & LESSOR_FIELD_ADDRESS_STATE) != 0) {
		body->address_state = lease->address_state;
	}
	if ((fields & LESSOR_FIELD_LAST_TRANSACTION) != 0) {
		body->last_transaction_s = lease->last_transaction_s;
	}
	if ((fields & LESSOR_FIELD_DNS) != 0) {
		body->flags = (uint8_t)((body->flags & ~(LSR_FLAG_DNS_FORWARD | LSR_FLAG_DNS_REVERSE)) |
					(lease->dns_forward ? LSR_FLAG_DNS_FORWARD : 0) |
					(lease->dns_reverse ? LSR_FLAG_DNS_REVERSE : 0));
	}
	if ((fields & LESSOR_FIELD_STATE_EX) != 0) {
		body->quarantine =
			(uint8_t)((body->quarantine & ~LSR_BODY_STATE_EX) | (lease->state_ex ? LSR_BODY_STATE_EX : 0));
	}
}

/* Lay the named members of 'from' over 'to'. */
static void
overlay(lessor_lease_t *to, const lessor_lease_t *from, uint32_t fields) {
	if ((fields & LESSOR_FIELD_CLIENT_ID) != 0) {
		to->client_id = from->client_id;
		to->client_id_bytes = from->client_id_bytes;
		to->client_id_made_up = from->client_id_made_up;
	}
	if ((fields & LESSOR_FIELD_NAME) != 0) {
		to->name = from->name;
	}
	if ((fields & LESSOR_FIELD_COMMENT) != 0) {
		to->comment = from->comment;
	}
	if ((fields & LESSOR_FIELD_QUARANTINE) != 0) {
		to->quarantine_status = from->quarantine_status;
		to->quarantine_capable = from->quarantine_capable;
		to->probation_ends_at = from->probation_ends_at;
	}
	if ((fields & LESSOR_FIELD_OWNER) != 0) {
		to->owner_name = from->owner_name;
	}
	if ((fields & (LESSOR_FIELD_OWNER | LESSOR_FIELD_OWNER_ADDRESS)) != 0) {
		to->owner_address = from->owner_address;
	}
	if ((fields & LESSOR_FIELD_POLICY) != 0) {
		to->policy_name = from->policy_name;
	}
	if ((fields & LESSOR_FIELD_HARDWARE) != 0) {
		to->hardware_type = from->hardware_type;
		to->hardware_bytes = from->hardware_bytes;
		to->hardware = from->hardware;
	}
	if ((fields & LESSOR_FIELD_USER_CONTEXT) != 0) {
		to->user_context = from->user_context;
	}
	if ((fields & LESSOR_FIELD_LIMIT_KEYS) != 0) {
		to->limit_keys = from->limit_keys;
		to->limit_key = from->limit_key;
	}
}

/* What an IPv6 lease has besides. */
static void
overlay6(lsr_lease6_t *to, const lsr_lease6_t *from, uint32_t fields) {
	if ((fields & LESSOR_FIELD_CLIENT_ID) != 0) {
		to->client_bytes = from->client_bytes;
	}
	if ((fields & LESSOR_FIELD_EXPIRES) != 0) {
		to->preferred_expires_at = from->preferred_expires_at;
	}
	if ((fields & LESSOR_FIELD_OWNER) != 0) {
		to->owner = from->owner;
	}
}

/* ---- steps of a change ----------------------------------------------------------------------------------------------- */

void
lsr_change_begin(lsr_change_t *change, uint32_t address, const uint8_t *client_id, size_t client_id_bytes,
		 uint64_t log_bytes) {
	change->client_id = client_id;
	change->client_id_bytes = client_id_bytes;
	change->address = address;
	change->is_six = false;
	change->form = NULL;
	change->decide = NULL;
	change->log_bytes = log_bytes;
	change->end = 0;
	change->fresh.tail = change->old.tail = NULL;
}

/* Where the address should have its record; LSR_NO_RECORD: it has none. */
static uint32_t
find_record(const lessor_engine_t *engine, lsr_change_t *change) {
	if (LSR_LIKELY(!change->is_six)) {
		return lsr_table_peek(&change->scope->table, change->address);
	}
	const uint32_t id = lsr_index_find(&change->scope->sparse->index, change->address6.low);
	if (id != LSR_NO_RECORD) {
		change->address = lsr_table_address(&change->scope->table, &engine->pages, id);
	}
	return id;
}

/* Is it still this address's? A record of an IPv6 scope may have become another one's meanwhile: then the address had no lease for a moment. */
static bool
is_at_address(const lessor_engine_t *engine, const lsr_change_t *change) {
	return LSR_LIKELY(!change->is_six) || atomic_load_explicit(lsr_pages_low(&engine->pages, change->record_id),
								   memory_order_acquire) == change->address6.low;
}

LSR_INLINE lsr_step_t
claim_record(lessor_engine_t *engine, lsr_change_t *change) {
	change->status = LESSOR_NOT_FOUND;
	change->enters = change->leaves = change->is_entered = false;
	change->scope = change->is_six ? lsr_engine_scope6_of(engine, change->address6.high)
				       : lsr_engine_scope_of(engine, change->address);
	if (change->scope == NULL) {
		return LSR_STEP_DONE;
	}
	if (atomic_load_explicit(&change->scope->gate, memory_order_seq_cst) != LSR_GATE_OPEN) {
		return LSR_STEP_GATE;
	}
	change->record_id = find_record(engine, change);
	if (change->record_id == LSR_NO_RECORD) {
		return LSR_STEP_DONE;
	}
	change->record = lsr_pages_record(&engine->pages, change->record_id);
	if (!lsr_record_claim(change->record, &change->word)) {
		change->blocker = change->record;
		/* A create that is being decided has not happened yet: not found. */
		return (lsr_record_word(change->record) & LSR_WORD_LIVE) != 0 && is_at_address(engine, change)
			       ? LSR_STEP_RECORD
			       : LSR_STEP_DONE;
	}
	if ((change->word & LSR_WORD_LIVE) == 0 || !is_at_address(engine, change)) {
		lsr_record_unclaim(change->record, change->word);
		return LSR_STEP_DONE;
	}
	lsr_body_load(change->record, &change->old);
	return LSR_STEP_CLAIMED;
}

lsr_step_t
lsr_change_claim(lessor_engine_t *engine, lsr_change_t *change) {
	return claim_record(engine, change);
}

/* Steps 2 and 3 for a lease that must exist, and be that of a client. */
static lsr_step_t
claim_lease(lessor_engine_t *engine, lsr_change_t *change) {
	const lsr_step_t step = claim_record(engine, change);
	if (step != LSR_STEP_CLAIMED) {
		return step;
	}
	const bool is_lease = LSR_LIKELY(!lsr_body_is_empty(&change->old));
	if (is_lease && (change->client_id == NULL ||
			 lsr_body_is_client(&change->old, change->client_id, change->client_id_bytes))) {
		return LSR_STEP_CLAIMED;
	}
	lsr_record_unclaim(change->record, change->word);
	change->status = is_lease ? LESSOR_OTHER_CLIENT : LESSOR_NOT_FOUND;
	return LSR_STEP_DONE;
}

lsr_step_t
lsr_change_enter(lessor_engine_t *engine, lsr_change_t *change, lsr_match_function match, const uint8_t *client_id,
		 size_t client_id_bytes) {
	uint32_t other = LSR_NO_RECORD;
	const lsr_client_match_t wanted = {.engine = engine,
					   .table = &change->scope->table,
					   .client_id = client_id,
					   .client_id_bytes = client_id_bytes};
	switch (lsr_client_hash_insert(&engine->clients, change->fresh_key, change->record_id, match, &wanted,
				       &other)) {
	case LSR_INSERT_DONE:
		change->enters = true;
		return LSR_STEP_CLAIMED;
	case LSR_INSERT_PRESENT:
		change->status = LESSOR_CLIENT_TAKEN;
		return LSR_STEP_DONE;
	case LSR_INSERT_IN_DOUBT:
		change->blocker = lsr_pages_record(&engine->pages, other);
		return LSR_STEP_RECORD;
	default:
		change->status = LESSOR_NO_MEMORY;
		return LSR_STEP_DONE;
	}
}

static lsr_limits_change_t
limits_change(const lsr_change_t *change) {
	return (lsr_limits_change_t){.scope = change->scope,
				     .record = change->record,
				     .from = (change->word & LSR_WORD_LIVE) != 0 ? &change->old : NULL,
				     .to = &change->fresh};
}

static void
leave_limits(lessor_engine_t *engine, const lsr_change_t *change) {
	const lsr_limits_change_t moved = limits_change(change);
	lsr_limits_leave(&engine->limits, &moved);
}

static void
settle_limits(lessor_engine_t *engine, const lsr_change_t *change) {
	const lsr_limits_change_t moved = limits_change(change);
	lsr_limits_settle(&engine->limits, &moved);
}

/* With the same tail they are the same keys. */
static bool
moves_limits(const lsr_change_t *change) {
	return LSR_UNLIKELY(change->old.tail != change->fresh.tail || lsr_body_is_empty(&change->old));
}

lsr_step_t
lsr_change_enter_limits(lessor_engine_t *engine, lsr_change_t *change) {
	const lsr_limits_change_t moved = limits_change(change);
	switch (lsr_limits_enter(&engine->limits, &moved, &change->blocker)) {
	case LSR_LIMITS_ENTERED:
		change->is_entered = true;
		return LSR_STEP_CLAIMED;
	case LSR_LIMITS_IN_DOUBT:
		return LSR_STEP_RECORD;
	case LSR_LIMITS_FULL:
		change->status = LESSOR_QUOTA;
		return LSR_STEP_DONE;
	default:
		change->status = LESSOR_NO_MEMORY;
		return LSR_STEP_DONE;
	}
}

void
lsr_change_undo(lessor_engine_t *engine, lsr_change_t *change) {
	if (change->is_entered) {
		const lsr_limits_change_t moved = limits_change(change);
		lsr_limits_undo(&engine->limits, &moved);
	}
	if (change->enters) {
		(void)lsr_client_hash_remove(&engine->clients, change->fresh_key, change->record_id);
	}
	if (change->fresh.tail != change->old.tail) {
		lsr_tail_free(change->fresh.tail);
	}
	change->fresh.tail = NULL;
	lsr_record_unclaim(change->record, change->word);
}

static bool
is_sooner(lessor_filetime_t ends_at, lessor_filetime_t than) {
	return lsr_time_comes(ends_at) && !(lsr_time_comes(than) && than <= ends_at);
}

bool
lsr_change_commit(lessor_engine_t *engine, lsr_change_t *change) {
	lsr_counters_t *counters = &change->scope->counters;
	if (engine->has_log) {
		uint64_t position;
		if (!lsr_log_reserve(&engine->log, change->log_bytes, &position)) {
			return false;
		}
		change->end = change->is_six ? lsr_engine_log_lease6(engine, position, change->address6, &change->fresh)
					     : lsr_engine_log_lease(engine, position, change->address, &change->fresh);
		change->fresh.lsn = change->end;
	}
	const uint64_t unit = lsr_engine_unit_of(engine, change->scope, change->address, change->record_id);
	const unsigned from = lsr_body_counter(&change->old);
	const unsigned to = lsr_body_counter(&change->fresh);
	const lessor_filetime_t ends_at = lsr_body_ends_at(&change->fresh);
	const bool moves = moves_limits(change);
	if (moves) {
		leave_limits(engine, change);
	}
	/* Never counted twice, or the high-water mark would be wrong; and before it shows, or the next change could count it off first. */
	if (from != to) {
		lsr_counters_subtract(counters, from, unit);
		lsr_counters_add(counters, to, unit);
	}
	lsr_record_replace(change->record, engine->shadows, change->word, &change->old, &change->fresh);
	if (moves) {
		settle_limits(engine, change);
	}
	if (LSR_UNLIKELY(is_sooner(ends_at, lsr_body_ends_at(&change->old)))) {
		lsr_table_hasten(lsr_scope_table(change->scope, change->address), change->address, ends_at);
	}
	if (change->leaves) {
		(void)lsr_client_hash_remove(&engine->clients, change->old_key, change->record_id);
	}
	if (change->old.tail != change->fresh.tail) {
		lsr_tail_retire(change->old.tail);
	}
	change->status = LESSOR_OK;
	return true;
}

/* ---- updating: what is new ------------------------------------------------------------------------------------------- */

/* Packing knows nothing of reservations. */
static lessor_status_t
keep_reservation(const lsr_body_t *old, lsr_body_t *fresh) {
	if (!lsr_body_is_reserved(old)) {
		return LESSOR_OK;
	}
	struct lsr_tail *packed = fresh->tail;
	const lsr_reserved_t reserved = lsr_body_reserved(old);
	const lessor_status_t status = lsr_body_reserve(fresh, &reserved);
	if (status == LESSOR_OK) {
		lsr_tail_free(packed);
	}
	return status;
}

/* Does the update change what lies in the tail? */
static bool
needs_new_tail(const lsr_change_t *change, uint32_t fields) {
	size_t ignored;
	return (fields & ~(uint32_t)PLAIN_FIELDS) != 0 ||
	       (change->is_six && (fields & LESSOR_FIELD_EXPIRES) != 0 &&
		(change->form->preferred_expires_at != LESSOR_TIME_NONE ||
		 lsr_tail_item(change->old.tail, LSR_TAIL_PREFERRED, &ignored) != NULL));
}

/* The body after the update. Tail new or, if nothing in it changes, the old one. */
static lessor_status_t
build_fresh(lessor_engine_t *engine, lsr_change_t *change) {
	const bool keeps_expiry = lsr_body_is_reserved(&change->old) && (change->fields & LESSOR_IF_RESERVED) == 0;
	const uint32_t fields =
		change->fields & LESSOR_FIELD_ALL & ~(keeps_expiry ? (uint32_t)LESSOR_FIELD_EXPIRES : 0);
	change->fresh = change->old;
	if (needs_new_tail(change, fields)) {
		lsr_lease6_t merged;
		lsr_lease_sizes_t sizes;
		void *buffer = malloc(LESSOR_LEASE_BUFFER_BYTES);
		if (buffer == NULL) {
			return LESSOR_NO_MEMORY;
		}
		size_t used_bytes;
		lessor_status_t status = lsr_lease6_unpack_form(&change->old, &engine->origins, &merged, buffer,
								LESSOR_LEASE_BUFFER_BYTES, &used_bytes);
		if (status == LESSOR_OK) {
			overlay(&merged.lease, change->lease, fields);
			status = lsr_lease_check(&merged.lease, LESSOR_FIELD_ALL, &sizes) ? LESSOR_OK : LESSOR_INVALID;
		}
		if (status == LESSOR_OK && change->is_six) {
			overlay6(&merged, change->form, fields);
			lsr_lease6_extend(&merged, &sizes);
		}
		if (status == LESSOR_OK) {
			/* The origin was interned in step 1; it is found, or the numbers are used up. */
			const lsr_origin_t origin = lsr_lease_origin(&merged.lease, &sizes);
			const uint16_t number = lsr_origin_is_none(&origin)
							? LSR_ORIGIN_NONE
							: lsr_origins_find(&engine->origins, &origin);
			status = lsr_lease_pack(&merged.lease, &sizes, number, &change->fresh);
		}
		if (status == LESSOR_OK) {
			status = keep_reservation(&change->old, &change->fresh);
		}
		free(buffer);
		if (status != LESSOR_OK) {
			return status;
		}
	}
	update_plain(&change->fresh, change->lease, fields);
	return LESSOR_OK;
}

/* Step 4: the new client id, if it is one. */
static lsr_step_t
claim_fresh_client(lessor_engine_t *engine, lsr_change_t *change) {
	const lsr_body_t *old = &change->old;
	const lsr_body_t *fresh = &change->fresh;
	const uint8_t *client_id = lsr_body_client(fresh);
	const size_t client_id_bytes = lsr_body_client_bytes(fresh);
	if ((change->fields & LESSOR_FIELD_CLIENT_ID) == 0 || lsr_body_is_client(old, client_id, client_id_bytes)) {
		return LSR_STEP_CLAIMED;
	}
	change->leaves = true;
	change->old_key = lsr_engine_body_key(engine, change->scope, old);
	change->fresh_key = lsr_engine_body_key(engine, change->scope, fresh);
	return lsr_change_enter(engine, change, lsr_match_for_insert, client_id, client_id_bytes);
}

/* One try. */
static lsr_step_t
try_update(lessor_engine_t *engine, lsr_change_t *change) {
	lsr_step_t step = claim_lease(engine, change);
	if (step != LSR_STEP_CLAIMED) {
		return step;
	}
	change->status = change->decide != NULL ? change->decide(change, change->decide_context) : LESSOR_OK;
	if (change->status == LESSOR_OK) {
		change->status = build_fresh(engine, change);
	}
	if (change->status == LESSOR_OK) {
		change->log_bytes = lsr_record_bytes(lsr_image_bytes(&change->fresh) +
						     (change->is_six ? LSR_IMAGE6_MORE_BYTES : 0));
		step = claim_fresh_client(engine, change);
		if ((change->fields & LESSOR_FIELD_LIMIT_KEYS) != 0 && step == LSR_STEP_CLAIMED) {
			step = lsr_change_enter_limits(engine, change);
		}
	} else {
		step = LSR_STEP_DONE;
	}
	if (step == LSR_STEP_CLAIMED && lsr_change_commit(engine, change)) {
		return LSR_STEP_DONE;
	}
	lsr_change_undo(engine, change);
	return step;
}

/* ---- ending -------------------------------------------------------------------------------------------------------- */

static_assert(((LSR_END_BYTES + 4 + LSR_RECORD_ALIGN - 1) & ~(size_t)(LSR_RECORD_ALIGN - 1)) ==
		      ((LSR_EMPTY_END_BYTES + 4 + LSR_RECORD_ALIGN - 1) & ~(size_t)(LSR_RECORD_ALIGN - 1)),
	      "LSR_END_LOG_BYTES of both");

/* The end of an IPv6 lease, as log_ends() does. */
static uint64_t
log_end6(lessor_engine_t *engine, const lsr_end_t *end, uint32_t epoch, uint64_t position) {
	const lsr_end6_image_t image = {
		.address = {.high = end->scope->sparse->prefix, .low = lsr_engine_low(engine, end->record_id)},
		.epoch = epoch};
	const size_t image_bytes = end->is_empty ? LSR_EMPTY_END6_BYTES : LSR_END6_BYTES;
	memcpy(lsr_log_payload(&engine->log, position), &image, image_bytes);
	return lsr_log_complete(&engine->log, position, lsr_record_header(LSR_LOG_LEASE6_END, image_bytes));
}

/* Write the ends into their reserved place in the log. Returns the LSN of the last one. */
LSR_INLINE uint64_t
log_ends(lessor_engine_t *engine, const lsr_end_t *ends, size_t count, uint32_t epoch, uint64_t position) {
	for (size_t i = 0; i < count; i++) {
		if (LSR_UNLIKELY(ends[i].scope->is_sparse)) {
			position = log_end6(engine, &ends[i], epoch, position);
			continue;
		}
		const uint32_t image[3] = {ends[i].address, epoch, 0};
		const size_t image_bytes = LSR_LIKELY(!ends[i].is_empty) ? LSR_END_BYTES : LSR_EMPTY_END_BYTES;
		memcpy(lsr_log_payload(&engine->log, position), image, sizeof(image));
		position = lsr_log_complete(&engine->log, position, lsr_record_header(LSR_LOG_LEASE_END, image_bytes));
	}
	return position;
}

/* Those that are neighbours of one page by one operation. */
LSR_INLINE void
free_addresses(lsr_scope_t *scope, const lsr_end_t *ends, size_t count) {
	for (size_t i = 0; i < count;) {
		lsr_table_t *table = lsr_scope_table(scope, ends[i].address);
		const uint32_t index = (ends[i].address - table->subnet) >> LSR_PAGE_SHIFT;
		uint64_t bits = 0;
		do {
			bits |= UINT64_C(1) << (ends[i].address - table->subnet) % LSR_PAGE_RECORDS;
			i++;
		} while (i < count && (ends[i].address - table->subnet) >> LSR_PAGE_SHIFT == index);
		lsr_table_free_bits(table, index, bits);
	}
}

LSR_INLINE void
uncount_ends(const lessor_engine_t *engine, lsr_scope_t *scope, const lsr_end_t *ends, size_t count) {
	uint64_t units[LSR_COUNTERS] = {0};
	for (size_t i = 0; i < count; i++) {
		units[ends[i].counter] += lsr_engine_unit_of(engine, scope, ends[i].address, ends[i].record_id);
	}
	for (unsigned counter = 0; counter < LSR_COUNTERS; counter++) {
		if (units[counter] != 0) {
			lsr_counters_subtract(&scope->counters, counter, units[counter]);
		}
	}
}

/* One of the two halves of what ends do to the limits; most have nothing to do with any. */
static void
end_limits(lessor_engine_t *engine, const lsr_end_t *end,
	   void (*half)(lsr_limits_t *limits, const lsr_limits_change_t *change)) {
	const lsr_body_t body = {.tail = end->tail, .quarantine = end->is_empty ? LSR_BODY_EMPTY : 0};
	const lsr_limits_change_t change = {.scope = end->scope, .record = end->record, .from = &body};
	half(&engine->limits, &change);
}

static inline bool
has_limits(const lsr_end_t *end, bool is_limited) {
	return LSR_UNLIKELY(is_limited || lsr_tail_has_keys(end->tail)) && !end->moves;
}

/*
 * Carry out what is logged, in one scope. In this order for allocate.c: free for searches, counted, invisible. And in this order for uniqueness: invisible, client
 * entry away, slot free (an IPv6 address is away from the index before that). What could take a lease's place comes after it was counted off, or the high-water mark would count both.
 */
LSR_INLINE void
carry_out_ends(lessor_engine_t *engine, lsr_end_t *ends, size_t count, uint32_t epoch) {
	lsr_scope_t *scope = ends[0].scope;
	const bool is_limited = atomic_load_explicit(&scope->is_limited, memory_order_relaxed);
	free_addresses(scope, ends, count);
	(void)atomic_fetch_add_explicit(LSR_LIKELY(!ends[0].is_empty) ? &scope->counters.deletes[epoch % 2]
								      : &scope->counters.releases,
					count, memory_order_seq_cst);
	for (size_t i = 0; i < count; i++) {
		if (has_limits(&ends[i], is_limited)) {
			end_limits(engine, &ends[i], lsr_limits_leave);
		}
		ends[i].word = lsr_record_hide(ends[i].record, ends[i].word);
	}
	uncount_ends(engine, scope, ends, count);
	for (size_t i = 0; i < count; i++) {
		if (has_limits(&ends[i], is_limited)) {
			end_limits(engine, &ends[i], lsr_limits_settle);
		}
		if (LSR_LIKELY(!ends[i].is_empty)) {
			(void)lsr_client_hash_remove(&engine->clients, ends[i].key, ends[i].record_id);
		}
		if (LSR_UNLIKELY(ends[i].is_reserved)) {
			(void)lsr_client_hash_remove(&engine->clients, ends[i].reserved_key, ends[i].record_id);
		}
		if (LSR_UNLIKELY(scope->is_sparse)) {
			(void)lsr_index_remove(&scope->sparse->index, lsr_engine_low(engine, ends[i].record_id),
					       ends[i].record_id);
		}
		lsr_record_vacate(ends[i].record, ends[i].word);
		lsr_tail_retire(ends[i].tail);
	}
}

LSR_INLINE bool
end_leases(lessor_engine_t *engine, lsr_end_t *ends, size_t count, uint64_t *lsn) {
	const uint32_t epoch = atomic_load_explicit(&engine->epoch, memory_order_acquire);
	if (engine->has_log) {
		uint64_t position;
		if (!lsr_log_reserve(&engine->log, count * lsr_engine_end_log_bytes(ends), &position)) {
			return false;
		}
		*lsn = log_ends(engine, ends, count, epoch, position);
	}
	for (size_t first = 0; first < count;) {
		size_t next = first + 1;
		while (next < count && ends[next].scope == ends[first].scope) {
			next++;
		}
		carry_out_ends(engine, ends + first, next - first, epoch);
		first = next;
	}
	return true;
}

bool
lsr_engine_end_leases(lessor_engine_t *engine, lsr_end_t *ends, size_t count, uint64_t *lsn) {
	return end_leases(engine, ends, count, lsn);
}

void
lsr_engine_carry_out_ends(lessor_engine_t *engine, lsr_end_t *ends, size_t count) {
	carry_out_ends(engine, ends, count, atomic_load_explicit(&engine->epoch, memory_order_acquire));
}

static lsr_step_t
try_delete(lessor_engine_t *engine, lsr_change_t *change) {
	const lsr_step_t step = claim_lease(engine, change);
	if (step != LSR_STEP_CLAIMED) {
		return step;
	}
	if (LSR_UNLIKELY(lsr_body_is_reserved(&change->old))) {
		lsr_record_unclaim(change->record, change->word);
		change->status = LESSOR_RESERVED;
		return LSR_STEP_DONE;
	}
	lsr_end_t end = lsr_engine_end_of(engine, change->scope, change->address, change->record_id, change->word,
					  &change->old);
	lsr_client_hash_prefetch(&engine->clients, end.key);
	if (!end_leases(engine, &end, 1, &change->end)) {
		lsr_record_unclaim(change->record, change->word);
		return LSR_STEP_CLAIMED;
	}
	change->status = LESSOR_OK;
	return LSR_STEP_DONE;
}

/* ---- changing: the whole -------------------------------------------------------------------------------------------- */

LSR_INLINE lessor_status_t
run_change(lessor_engine_t *engine, lsr_change_t *change, lsr_step_t (*attempt)(lessor_engine_t *, lsr_change_t *)) {
	for (;;) {
		const lessor_status_t status = lsr_engine_admit(engine, change->log_bytes);
		if (status != LESSOR_OK) {
			return status;
		}
		lsr_rcu_enter();
		const lsr_step_t step = attempt(engine, change);
		lsr_rcu_leave();
		if (step == LSR_STEP_DONE) {
			lsr_rcu_brake();
			return change->status;
		}
		lsr_engine_await(engine, step, change->blocker);
	}
}

lessor_status_t
lsr_change_run(lessor_engine_t *engine, lsr_change_t *change,
	       lsr_step_t (*attempt)(lessor_engine_t *, lsr_change_t *)) {
	return run_change(engine, change, attempt);
}

/* Make sure that the origin the lease will have is interned, outside of any claim. It may change again meanwhile: then its texts go into the tail. */
static lessor_status_t
intern_future_origin(lessor_engine_t *engine, const lessor_lease_t *lease, uint32_t fields) {
	if ((fields & (LESSOR_FIELD_OWNER | LESSOR_FIELD_OWNER_ADDRESS | LESSOR_FIELD_POLICY)) == 0) {
		return LESSOR_OK;
	}
	lessor_lease_t merged;
	lsr_lease_sizes_t sizes;
	uint16_t number;
	void *buffer = malloc(LESSOR_LEASE_BUFFER_BYTES);
	if (buffer == NULL) {
		return LESSOR_NO_MEMORY;
	}
	lessor_status_t status = lessor_lease_get(engine, lease->address, &merged, buffer, LESSOR_LEASE_BUFFER_BYTES);
	if (status == LESSOR_OK) {
		overlay(&merged, lease, fields);
		if (lsr_lease_check(&merged, LESSOR_FIELD_OWNER | LESSOR_FIELD_POLICY, &sizes)) {
			const lsr_origin_t origin = lsr_lease_origin(&merged, &sizes);
			status = lsr_engine_intern(engine, &origin, &number);
		}
	}
	free(buffer);
	return status;
}

/* A batch knows where it goes next. */
static void
prefetch_chunk(const lessor_engine_t *engine, const lessor_lease_t *leases, size_t count) {
	uint32_t addresses[LSR_CHUNK];
	for (size_t i = 0; i < count; i++) {
		addresses[i] = leases[i].address;
	}
	lsr_engine_prefetch(engine, addresses, count);
}

static bool
update_is_legal(const lessor_lease_t *lease, uint32_t fields) {
	lsr_lease_sizes_t sizes;
	const bool if_client = (fields & LESSOR_IF_CLIENT) != 0;
	return lease->address != 0 &&
	       (fields & ~(uint32_t)(LESSOR_FIELD_ALL | LESSOR_IF_CLIENT | LESSOR_IF_RESERVED)) == 0 &&
	       !(if_client && (fields & LESSOR_FIELD_CLIENT_ID) != 0) &&
	       lsr_lease_check(lease, fields | (if_client ? LESSOR_FIELD_CLIENT_ID : 0), &sizes) &&
	       !((fields & LESSOR_FIELD_ADDRESS_STATE) != 0 &&
		 (lease->address_state & LESSOR_STATE_MASK) == LESSOR_STATE_OFFERED);
}

lessor_status_t
lsr_engine_update_if(lessor_engine_t *engine, const lessor_lease_t *lease, uint32_t fields, const uint8_t *client_id,
		     size_t client_id_bytes, lsr_decide_function decide, void *context, uint64_t *end) {
	if (!update_is_legal(lease, fields)) {
		return LESSOR_INVALID;
	}
	lessor_status_t status = intern_future_origin(engine, lease, fields);
	if (status != LESSOR_OK) {
		return status;
	}
	lsr_change_t change;
	lsr_change_begin(&change, lease->address, client_id, client_id_bytes,
			 lsr_record_bytes(LSR_IMAGE_HEAD_BYTES + LSR_INLINE_BYTES));
	change.lease = lease;
	change.fields = fields;
	change.decide = decide;
	change.decide_context = context;
	status = run_change(engine, &change, try_update);
	*end = status == LESSOR_OK ? change.end : *end;
	return status;
}

lessor_status_t
lsr_engine_update(lessor_engine_t *engine, const lessor_lease_t *lease, uint32_t fields, const uint8_t *client_id,
		  size_t client_id_bytes, uint64_t *end) {
	return lsr_engine_update_if(engine, lease, fields, client_id, client_id_bytes, NULL, NULL, end);
}

LSR_INLINE lessor_status_t
update_one(lessor_engine_t *engine, const lessor_lease_t *lease, uint32_t fields, uint64_t *end) {
	const bool if_client = (fields & LESSOR_IF_CLIENT) != 0;
	return lsr_engine_update(engine, lease, fields, if_client ? lease->client_id : NULL,
				 if_client ? lease->client_id_bytes : 0, end);
}

lessor_status_t
lessor_lease_update(lessor_engine_t *engine, const lessor_lease_t *lease, uint32_t fields, lessor_mode_t mode,
		    lessor_ticket_t *ticket) {
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	if (lease == NULL) {
		return LESSOR_INVALID;
	}
	uint64_t end = 0;
	status = update_one(engine, lease, fields, &end);
	return status == LESSOR_OK ? lsr_engine_finish(engine, end, mode, ticket) : status;
}

lessor_status_t
lessor_lease_update_batch(lessor_engine_t *engine, const lessor_lease_t *leases, size_t count, uint32_t fields,
			  lessor_status_t *statuses, lessor_mode_t mode, lessor_ticket_t *ticket) {
	const lessor_status_t usable = lsr_engine_for_change(engine, mode);
	if (usable != LESSOR_OK) {
		return usable;
	}
	if ((count > 0 && (leases == NULL || statuses == NULL)) || count > LESSOR_BATCH_MAX) {
		return LESSOR_INVALID;
	}
	uint64_t end = 0;
	for (size_t at = 0; at < count; at++) {
		if (at % LSR_CHUNK == 0) {
			prefetch_chunk(engine, leases + at, lsr_min_u64(count - at, LSR_CHUNK));
		}
		statuses[at] = update_one(engine, &leases[at], fields, &end);
	}
	return lsr_engine_finish(engine, end, mode, ticket);
}

/* The whole of one delete but waiting; *end is moved on success. */
static lessor_status_t
delete_one(lessor_engine_t *engine, uint32_t address, const uint8_t *client_id, size_t client_id_bytes, uint64_t *end) {
	if (client_id != NULL && (client_id_bytes == 0 || client_id_bytes > LESSOR_CLIENT_ID_MAX_BYTES)) {
		return LESSOR_INVALID;
	}
	lsr_change_t change;
	lsr_change_begin(&change, address, client_id, client_id_bytes, LSR_END_LOG_BYTES);
	const lessor_status_t status = run_change(engine, &change, try_delete);
	*end = status == LESSOR_OK ? change.end : *end;
	return status;
}

lessor_status_t
lessor_lease_delete(lessor_engine_t *engine, uint32_t address, const uint8_t *client_id, size_t client_id_bytes,
		    lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	uint64_t end = 0;
	status = delete_one(engine, address, client_id, client_id_bytes, &end);
	return status == LESSOR_OK ? lsr_engine_finish(engine, end, mode, ticket) : status;
}

lessor_status_t
lessor_lease_delete_batch(lessor_engine_t *engine, const uint32_t *addresses, size_t count, lessor_status_t *statuses,
			  lessor_mode_t mode, lessor_ticket_t *ticket) {
	const lessor_status_t usable = lsr_engine_for_change(engine, mode);
	if (usable != LESSOR_OK) {
		return usable;
	}
	if ((count > 0 && (addresses == NULL || statuses == NULL)) || count > LESSOR_BATCH_MAX) {
		return LESSOR_INVALID;
	}
	uint64_t end = 0;
	for (size_t at = 0; at < count; at++) {
		if (at % LSR_CHUNK == 0) {
			lsr_engine_prefetch(engine, addresses + at, lsr_min_u64(count - at, LSR_CHUNK));
		}
		statuses[at] = delete_one(engine, addresses[at], NULL, 0, &end);
	}
	return lsr_engine_finish(engine, end, mode, ticket);
}

/* ---- IPv6 ---------------------------------------------------------------------------------------------------------- */

lessor_status_t
lsr_engine_update6_if(lessor_engine_t *engine, const lsr_lease6_t *form, uint32_t fields, const uint8_t *client_id,
		      size_t client_id_bytes, lsr_decide_function decide, void *context, uint64_t *end) {
	if (!update_is_legal(&form->lease, fields)) {
		return LESSOR_INVALID;
	}
	lsr_change_t change;
	lsr_change_begin(&change, 0, client_id, client_id_bytes,
			 lsr_record_bytes(LSR_IMAGE_HEAD_BYTES + LSR_IMAGE6_MORE_BYTES + LSR_INLINE_BYTES));
	change.lease = &form->lease;
	change.form = form;
	change.is_six = true;
	change.address6 = form->address;
	change.fields = fields;
	change.decide = decide;
	change.decide_context = context;
	const lessor_status_t status = run_change(engine, &change, try_update);
	*end = status == LESSOR_OK ? change.end : *end;
	return status;
}

lessor_status_t
lessor_lease6_update(lessor_engine_t *engine, const lessor_lease6_t *lease, uint32_t fields, lessor_mode_t mode,
		     lessor_ticket_t *ticket) {
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	lsr_lease6_t form;
	uint64_t end = 0;
	const bool if_client = (fields & LESSOR_IF_CLIENT) != 0;
	if (lease == NULL || !lsr_lease6_form(lease, fields | (if_client ? LESSOR_FIELD_CLIENT_ID : 0), &form)) {
		return LESSOR_INVALID;
	}
	status = lsr_engine_update6_if(engine, &form, fields, if_client ? form.client : NULL,
				       if_client ? form.client_bytes : 0, NULL, NULL, &end);
	return status == LESSOR_OK ? lsr_engine_finish(engine, end, mode, ticket) : status;
}

lessor_status_t
lessor_lease6_delete(lessor_engine_t *engine, lessor_address6_t address, lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	lsr_change_t change;
	lsr_change_begin(&change, 0, NULL, 0, LSR_END6_LOG_BYTES);
	change.is_six = true;
	change.address6 = address;
	status = run_change(engine, &change, try_delete);
	return status == LESSOR_OK ? lsr_engine_finish(engine, change.end, mode, ticket) : status;
}
