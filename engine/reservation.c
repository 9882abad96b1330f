/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reservations: making them, giving them up, reading them; and taking the address of an empty one.
 *
 * A reservation is a property of the record at its address (lease/record.h): of a lease, or of an empty record, which is there for the reservation only. All
 * changes follow the scheme that is told in leases.c. What is more:
 *   - Step 4 enters the client twice: for its lease, and, under another key, for its reservation. So "one reservation for each client" is decided in the
 *     same way, and at the same moment, as "one lease".
 *   - Whether a reservation comes with a lease depends on whether the client has one elsewhere. That one is claimed until the change shows, so that it
 *     was there all the time: otherwise its end and the reservation could have been seen in an order in which the answer would be another.
 */
#include <lessor/lease6.h>
#include <lessor/reservation.h>

#include "engine_p.h"

#include <string.h>

/* ---- making one ---------------------------------------------------------------------------------------------------- */

/* A reservation in the making. */
typedef struct {
	lsr_change_t change;
	uint32_t subnet;
	lsr_reserved_t wanted;
	uint64_t client_key;
	bool has_entered;      /* client_key is entered */
	lsr_record_t *witness; /* the client's lease elsewhere, claimed; NULL: none */
	uint64_t witness_word;
} lsr_reserve_t;

static lsr_step_t
decide(lsr_change_t *change, lessor_status_t status) {
	change->status = status;
	return LSR_STEP_DONE;
}

/* Steps 2 and 3: the record, whatever is there. change->old counts only if it was LIVE. */
static lsr_step_t
claim_place(lessor_engine_t *engine, lsr_reserve_t *reserve) {
	lsr_change_t *change = &reserve->change;
	lsr_scope_t *scope = change->scope = lsr_engine_scope_named(engine, reserve->subnet);
	change->enters = change->leaves = change->is_entered = false;
	if (scope == NULL) {
		return decide(change, LESSOR_NO_SCOPE);
	}
	if ((change->address & scope->mask) != scope->subnet) {
		return decide(change, LESSOR_OUTSIDE);
	}
	if (atomic_load_explicit(&scope->gate, memory_order_seq_cst) != LSR_GATE_OPEN) {
		return LSR_STEP_GATE;
	}
	change->record_id = lsr_table_touch(&scope->table, &engine->pages, change->address);
	if (change->record_id == LSR_NO_RECORD) {
		return decide(change, lsr_pages_at_limit(&engine->pages) ? LESSOR_LIMIT : LESSOR_NO_MEMORY);
	}
	change->record = lsr_pages_record(&engine->pages, change->record_id);
	change->blocker = change->record;
	if (!lsr_record_claim(change->record, &change->word)) {
		return LSR_STEP_RECORD;
	}
	if ((change->word & LSR_WORD_LIVE) != 0) {
		lsr_body_load(change->record, &change->old);
	}
	return LSR_STEP_CLAIMED;
}

/* The client's reservation is to be here. */
static lsr_step_t
enter_reservation(lessor_engine_t *engine, lsr_reserve_t *reserve) {
	lsr_change_t *change = &reserve->change;
	const lsr_reserved_t *wanted = &reserve->wanted;
	reserve->client_key = lsr_engine_client_key(engine, change->scope, wanted->client_id, wanted->client_id_bytes);
	change->fresh_key = lsr_reserved_key(reserve->client_key);
	const lsr_step_t step = lsr_change_enter(engine, change, lsr_match_reserved_for_insert, wanted->client_id,
						 wanted->client_id_bytes);
	if (step == LSR_STEP_DONE && change->status == LESSOR_CLIENT_TAKEN) {
		change->status = LESSOR_RESERVED;
	}
	return step;
}

/* A lease of the client becomes a reserved one. */
static lsr_step_t
reserve_lease(lessor_engine_t *engine, lsr_reserve_t *reserve) {
	lsr_change_t *change = &reserve->change;
	const lsr_reserved_t *wanted = &reserve->wanted;
	if (!lsr_body_is_client(&change->old, wanted->client_id, wanted->client_id_bytes)) {
		return decide(change, LESSOR_ADDRESS_TAKEN);
	}
	change->fresh = change->old;
	change->status = lsr_body_reserve(&change->fresh, wanted);
	if (change->status != LESSOR_OK) {
		return LSR_STEP_DONE;
	}
	change->log_bytes = lsr_record_bytes(lsr_image_bytes(&change->fresh));
	return lsr_change_commit(engine, change) ? LSR_STEP_DONE : LSR_STEP_CLAIMED;
}

/* What a reservation puts at a free address: the dormant lease, or, if the client has a lease elsewhere, nothing but itself. */
lessor_status_t
lsr_reservation_pack(const lsr_reserved_t *wanted, bool is_empty, uint32_t owner_address, lsr_body_t *body) {
	const lsr_lease_sizes_t sizes = {.client = wanted->client_id_bytes};
	const lessor_lease_t lease = {.client_id = wanted->client_id,
				      .client_id_bytes = (uint8_t)lsr_min_u64(wanted->client_id_bytes, UINT8_MAX),
				      .client_type = LESSOR_CLIENT_NONE,
				      .address_state = is_empty ? LESSOR_STATE_OFFERED : LESSOR_STATE_ACTIVE,
				      .owner_address = is_empty ? 0 : owner_address};
	lessor_status_t status = lsr_lease_pack(&lease, &sizes, LSR_ORIGIN_NONE, body);
	if (status == LESSOR_OK) {
		lsr_tail_t *packed = body->tail;
		body->quarantine |= is_empty ? LSR_BODY_EMPTY : 0;
		status = lsr_body_reserve(body, wanted);
		lsr_tail_free(packed);
		body->tail = status == LESSOR_OK ? body->tail : NULL;
	}
	return status;
}

/* The client has a lease at 'other', or had one a moment ago: hold on to it. */
static lsr_step_t
claim_witness(const lessor_engine_t *engine, lsr_reserve_t *reserve, uint32_t other) {
	lsr_body_t body;
	const lsr_reserved_t *wanted = &reserve->wanted;
	lsr_record_t *record = lsr_pages_record(&engine->pages, other);
	reserve->change.blocker = record;
	if (!lsr_record_claim(record, &reserve->witness_word)) {
		return LSR_STEP_RECORD;
	}
	lsr_body_load(record, &body);
	if ((reserve->witness_word & LSR_WORD_LIVE) == 0 || lsr_body_is_empty(&body) ||
	    !lsr_body_is_client(&body, wanted->client_id, wanted->client_id_bytes)) {
		lsr_record_unclaim(record, reserve->witness_word);
		return LSR_STEP_AGAIN;
	}
	reserve->witness = record;
	return LSR_STEP_CLAIMED;
}

/* Enter the client for the lease that it is to have here; or hold on to the one that it has. */
static lsr_step_t
enter_client(lessor_engine_t *engine, lsr_reserve_t *reserve) {
	uint32_t other = LSR_NO_RECORD;
	lsr_change_t *change = &reserve->change;
	const lsr_client_match_t match = {.engine = engine,
					  .table = &change->scope->table,
					  .client_id = reserve->wanted.client_id,
					  .client_id_bytes = reserve->wanted.client_id_bytes};
	switch (lsr_client_hash_insert(&engine->clients, reserve->client_key, change->record_id, lsr_match_for_insert,
				       &match, &other)) {
	case LSR_INSERT_DONE:
		reserve->has_entered = true;
		return LSR_STEP_CLAIMED;
	case LSR_INSERT_PRESENT:
		return claim_witness(engine, reserve, other);
	case LSR_INSERT_IN_DOUBT:
		change->blocker = lsr_pages_record(&engine->pages, other);
		return LSR_STEP_RECORD;
	default:
		return decide(change, LESSOR_NO_MEMORY);
	}
}

/* Steps 5 and 6 at a free address. False: no room in the log. */
static bool
commit_place(lessor_engine_t *engine, lsr_change_t *change) {
	lsr_scope_t *scope = change->scope;
	if (engine->has_log) {
		uint64_t position;
		if (!lsr_log_reserve(&engine->log, change->log_bytes, &position)) {
			return false;
		}
		change->end = lsr_engine_log_lease(engine, position, change->address, &change->fresh);
		change->fresh.lsn = change->end;
	}
	lsr_counters_add(&scope->counters, lsr_body_counter(&change->fresh), lsr_engine_unit(scope, change->address));
	if ((change->word & LSR_WORD_OFFER) != 0) {
		lsr_engine_uncount_offer(scope, lsr_engine_unit(scope, change->address));
	}
	const uint64_t shown = lsr_record_show(change->record, change->word, &change->fresh);
	lsr_table_take(&scope->table, change->address, lsr_body_ends_at(&change->fresh));
	const lsr_limits_change_t moved = {.scope = scope, .record = change->record, .to = &change->fresh};
	lsr_limits_settle(&engine->limits, &moved);
	lsr_record_settle(change->record, shown);
	return true;
}

/* The address is free. */
static lsr_step_t
reserve_place(lessor_engine_t *engine, lsr_reserve_t *reserve) {
	lsr_change_t *change = &reserve->change;
	const lsr_step_t step = enter_client(engine, reserve);
	if (step != LSR_STEP_CLAIMED) {
		return step;
	}
	change->status = lsr_reservation_pack(&reserve->wanted, reserve->witness != NULL, UINT32_MAX, &change->fresh);
	if (change->status != LESSOR_OK) {
		return LSR_STEP_DONE;
	}
	const lsr_step_t entered = lsr_change_enter_limits(engine, change);
	if (entered != LSR_STEP_CLAIMED) {
		return entered;
	}
	change->log_bytes = lsr_record_bytes(lsr_image_bytes(&change->fresh));
	return commit_place(engine, change) ? LSR_STEP_DONE : LSR_STEP_CLAIMED;
}

/* Steps 4 to 6. */
static lsr_step_t
reserve_claimed(lessor_engine_t *engine, lsr_reserve_t *reserve) {
	lsr_change_t *change = &reserve->change;
	const bool is_live = (change->word & LSR_WORD_LIVE) != 0;
	if (is_live && lsr_body_is_reserved(&change->old)) {
		return decide(change, LESSOR_RESERVED);
	}
	const lsr_step_t step = enter_reservation(engine, reserve);
	if (step != LSR_STEP_CLAIMED) {
		return step;
	}
	return is_live ? reserve_lease(engine, reserve) : reserve_place(engine, reserve);
}

static lsr_step_t
try_reserve(lessor_engine_t *engine, lsr_change_t *change) {
	lsr_reserve_t *reserve = LSR_CONTAINER(change, lsr_reserve_t, change);
	reserve->witness = NULL;
	reserve->has_entered = false;
	change->old.tail = change->fresh.tail = NULL;
	lsr_step_t step = claim_place(engine, reserve);
	if (step != LSR_STEP_CLAIMED) {
		return step;
	}
	step = reserve_claimed(engine, reserve);
	if (reserve->witness != NULL) {
		lsr_record_unclaim(reserve->witness, reserve->witness_word);
	}
	if (step == LSR_STEP_DONE && change->status == LESSOR_OK) {
		return step;
	}
	if (reserve->has_entered) {
		(void)lsr_client_hash_remove(&engine->clients, reserve->client_key, change->record_id);
	}
	lsr_change_undo(engine, change);
	return step;
}

static bool
is_sound(const lessor_reservation_t *reservation) {
	return reservation != NULL && reservation->client_id != NULL && reservation->client_id_bytes != 0 &&
	       reservation->client_types != 0 && reservation->client_types <= LESSOR_CLIENT_BOTH;
}

lessor_status_t
lessor_reservation_create(lessor_engine_t *engine, uint32_t subnet, const lessor_reservation_t *reservation,
			  lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	if (!is_sound(reservation)) {
		return LESSOR_INVALID;
	}
	lsr_reserve_t reserve = {.subnet = subnet,
				 .wanted = {.client_id = reservation->client_id,
					    .client_id_bytes = reservation->client_id_bytes,
					    .client_types = reservation->client_types}};
	lsr_change_begin(&reserve.change, reservation->address, NULL, 0,
			 lsr_record_bytes(LSR_IMAGE_HEAD_BYTES + LSR_INLINE_BYTES));
	status = lsr_change_run(engine, &reserve.change, try_reserve);
	return status == LESSOR_OK ? lsr_engine_finish(engine, reserve.change.end, mode, ticket) : status;
}

/* ---- giving it up -------------------------------------------------------------------------------------------------- */

static uint32_t
log_bytes_of(const lsr_change_t *change) {
	return lsr_record_bytes(lsr_image_bytes(&change->fresh) + (change->is_six ? LSR_IMAGE6_MORE_BYTES : 0));
}

/* A reservation on its way out. Its client, if one was named, is the change's. */
typedef struct {
	lsr_change_t change;
	uint64_t scope; /* subnet, or prefix */
	lessor_filetime_t now;
} lsr_unreserve_t;

static lessor_filetime_t
later(lessor_filetime_t now, uint32_t lease_s) {
	const uint64_t lease = lease_s * LESSOR_TICKS_PER_SECOND;
	return now < LESSOR_TIME_INFINITE - lease ? now + lease : LESSOR_TIME_INFINITE;
}

/* The lease stays, as one like any other. False: status, or with LESSOR_OK no room in the log. */
static bool
release_lease(lessor_engine_t *engine, lsr_unreserve_t *unreserve) {
	lsr_change_t *change = &unreserve->change;
	change->fresh = change->old;
	change->status = lsr_body_unreserve(&change->fresh);
	if (change->status != LESSOR_OK) {
		return false;
	}
	change->fresh.expires_at = later(unreserve->now, lsr_scope_config(change->scope)->lease_s);
	change->leaves = true;
	change->old_key = lsr_engine_reserved_key(engine, change->scope, &change->old);
	change->log_bytes = log_bytes_of(change);
	return lsr_change_commit(engine, change);
}

/* A dormant lease, or a record that was there for the reservation only. False: no room in the log. */
static bool
release_place(lessor_engine_t *engine, lsr_change_t *change) {
	lsr_end_t end = lsr_engine_end_of(engine, change->scope, change->address, change->record_id, change->word,
					  &change->old);
	change->status = LESSOR_OK;
	change->log_bytes = lsr_engine_end_log_bytes(&end);
	return lsr_engine_end_leases(engine, &end, 1, &change->end);
}

static lsr_step_t
try_unreserve(lessor_engine_t *engine, lsr_change_t *change) {
	lsr_unreserve_t *unreserve = LSR_CONTAINER(change, lsr_unreserve_t, change);
	const lsr_scope_t *scope = change->is_six ? lsr_engine_scope6_of(engine, unreserve->scope)
						  : lsr_engine_scope_named(engine, (uint32_t)unreserve->scope);
	change->old.tail = change->fresh.tail = NULL;
	if (scope == NULL || (!change->is_six && (change->address & scope->mask) != scope->subnet)) {
		change->status = scope == NULL ? LESSOR_NO_SCOPE : LESSOR_NOT_FOUND;
		return LSR_STEP_DONE;
	}
	const lsr_step_t step = lsr_change_claim(engine, change);
	if (step != LSR_STEP_CLAIMED) {
		return step;
	}
	change->fresh.tail = change->old.tail;
	const lsr_body_t *old = &change->old;
	if (!lsr_body_is_reserved(old) ||
	    (change->client_id != NULL && !lsr_body_is_reserved_for(old, change->client_id, change->client_id_bytes))) {
		lsr_change_undo(engine, change);
		return decide(change, LESSOR_NOT_FOUND);
	}
	if (lsr_body_is_empty(old) || lsr_body_is_dormant(old) ? release_place(engine, change)
							       : release_lease(engine, unreserve)) {
		return LSR_STEP_DONE;
	}
	lsr_change_undo(engine, change);
	return change->status == LESSOR_OK ? LSR_STEP_CLAIMED : LSR_STEP_DONE;
}

lessor_status_t
lessor_reservation_delete(lessor_engine_t *engine, uint32_t subnet, uint32_t address, const uint8_t *client_id,
			  size_t client_id_bytes, lessor_filetime_t now, lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	if ((client_id != NULL && (client_id_bytes == 0 || client_id_bytes > LESSOR_CLIENT_ID_MAX_BYTES)) ||
	    now == LESSOR_TIME_NONE) {
		return LESSOR_INVALID;
	}
	lsr_unreserve_t unreserve = {.scope = subnet, .now = now};
	lsr_change_begin(&unreserve.change, address, client_id, client_id_bytes, LSR_END_LOG_BYTES);
	status = lsr_change_run(engine, &unreserve.change, try_unreserve);
	return status == LESSOR_OK ? lsr_engine_finish(engine, unreserve.change.end, mode, ticket) : status;
}

lessor_status_t
lessor_reservation6_delete(lessor_engine_t *engine, uint64_t prefix, lessor_address6_t address, lessor_filetime_t now,
			   lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	if (now == LESSOR_TIME_NONE) {
		return LESSOR_INVALID;
	}
	lsr_unreserve_t unreserve = {.scope = prefix, .now = now};
	lsr_change_begin(&unreserve.change, 0, NULL, 0, LSR_EMPTY_END6_LOG_BYTES);
	unreserve.change.is_six = true;
	unreserve.change.address6 = address;
	status = address.high != prefix ? lsr_reservation6_forget(engine, prefix, address, &unreserve.change.end)
					: lsr_change_run(engine, &unreserve.change, try_unreserve);
	return status == LESSOR_OK ? lsr_engine_finish(engine, unreserve.change.end, mode, ticket) : status;
}

/* ---- taking an empty one --------------------------------------------------------------------------------------------- */

/* A create at an address that is reserved for its client. */
typedef struct {
	lsr_change_t change;
	const lsr_body_t *body; /* of the lease that is to be */
} lsr_take_t;

static lsr_step_t
try_take(lessor_engine_t *engine, lsr_change_t *change) {
	const lsr_take_t *take = LSR_CONTAINER(change, lsr_take_t, change);
	const uint8_t *client_id = lsr_body_client(take->body);
	const size_t client_id_bytes = lsr_body_client_bytes(take->body);
	change->old.tail = change->fresh.tail = NULL;
	lsr_step_t step = lsr_change_claim(engine, change);
	if (step != LSR_STEP_CLAIMED) {
		return step;
	}
	change->fresh = *take->body;
	change->fresh.tail = change->old.tail;
	if (!lsr_body_is_empty(&change->old) || !lsr_body_is_client(&change->old, client_id, client_id_bytes)) {
		lsr_change_undo(engine, change);
		return decide(change, LESSOR_NOT_FOUND);
	}
	change->fresh_key = lsr_engine_client_key(engine, change->scope, client_id, client_id_bytes);
	step = lsr_change_enter(engine, change, lsr_match_for_insert, client_id, client_id_bytes);
	if (step == LSR_STEP_CLAIMED) {
		const lsr_reserved_t reserved = lsr_body_reserved(&change->old);
		change->fresh.tail = take->body->tail;
		change->status = lsr_body_reserve(&change->fresh, &reserved);
		if (change->status == LESSOR_OK) {
			change->log_bytes = log_bytes_of(change);
			step = lsr_change_enter_limits(engine, change);
			if (step == LSR_STEP_CLAIMED && lsr_change_commit(engine, change)) {
				return LSR_STEP_DONE;
			}
		} else {
			change->fresh.tail = change->old.tail;
			step = LSR_STEP_DONE;
		}
	}
	lsr_change_undo(engine, change);
	return step;
}

void
lsr_create_take(lessor_engine_t *engine, lsr_create_t *create, uint64_t *end) {
	lsr_take_t take = {.body = &create->body};
	lsr_change_begin(&take.change, create->lease->address, NULL, 0, create->log_bytes);
	if (create->form != NULL) {
		take.change.is_six = true;
		take.change.address6 = create->form->address;
	}
	create->status = lsr_change_run(engine, &take.change, try_take);
	create->step = create->status == LESSOR_NOT_FOUND ? LSR_STEP_OPEN : LSR_STEP_DONE;
	if (create->status == LESSOR_OK) {
		*end = take.change.end;
		lsr_tail_free(create->body.tail); /* what was built of it has a tail of its own */
		create->body.tail = NULL;
	}
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static lessor_status_t
answer(uint32_t address, const lsr_body_t *body, lessor_reservation_t *reservation, void *buffer, size_t buffer_bytes) {
	const lsr_reserved_t reserved = lsr_body_reserved(body);
	if (reserved.client_id_bytes > buffer_bytes) {
		return LESSOR_BUFFER_TOO_SMALL;
	}
	memcpy(buffer, reserved.client_id, reserved.client_id_bytes);
	*reservation = (lessor_reservation_t){.address = address,
					      .client_id_bytes = (uint8_t)reserved.client_id_bytes,
					      .client_types = reserved.client_types,
					      .client_id = buffer,
					      .has_lease = !lsr_body_is_empty(body),
					      .is_dormant = lsr_body_is_dormant(body)};
	return LESSOR_OK;
}

static lessor_status_t
for_read(const lessor_engine_t *engine, const lessor_reservation_t *reservation, const void *buffer,
	 size_t buffer_bytes) {
	const lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	return reservation == NULL || (buffer == NULL && buffer_bytes != 0) ? LESSOR_INVALID : LESSOR_OK;
}

/* Inside a read-side section: what this record is. */
static lessor_status_t
read_place(const lessor_engine_t *engine, const lsr_scope_t *scope, uint32_t record_id,
	   lessor_reservation_t *reservation, void *buffer, size_t buffer_bytes) {
	lsr_body_t body;
	if (record_id == LSR_NO_RECORD ||
	    !lsr_record_read(lsr_pages_record(&engine->pages, record_id), engine->shadows, &body) ||
	    !lsr_body_is_reserved(&body)) {
		return LESSOR_NOT_FOUND;
	}
	return answer(lsr_table_address(&scope->table, &engine->pages, record_id), &body, reservation, buffer,
		      buffer_bytes);
}

lessor_status_t
lessor_reservation_get(lessor_engine_t *engine, uint32_t address, lessor_reservation_t *reservation, void *buffer,
		       size_t buffer_bytes) {
	lessor_status_t status = for_read(engine, reservation, buffer, buffer_bytes);
	if (status != LESSOR_OK) {
		return status;
	}
	lsr_rcu_enter();
	const lsr_scope_t *scope = lsr_engine_scope_of(engine, address);
	const uint32_t id = scope != NULL ? lsr_table_peek(&scope->table, address) : LSR_NO_RECORD;
	status = read_place(engine, scope, id, reservation, buffer, buffer_bytes);
	lsr_rcu_leave();
	return status;
}

/* What this record tells of a client's reservation. False: it is not the client's any more. */
static bool
read_own(const lessor_engine_t *engine, const lsr_scope_t *scope, uint32_t record_id, const lessor_client_t *client,
	 lessor_reservation_t *reservation, void *buffer, size_t buffer_bytes, lessor_status_t *status) {
	lsr_body_t body;
	if (!lsr_record_read(lsr_pages_record(&engine->pages, record_id), engine->shadows, &body) ||
	    !lsr_body_is_reserved_for(&body, client->client_id, client->client_id_bytes)) {
		return false;
	}
	*status = answer(lsr_table_address(&scope->table, &engine->pages, record_id), &body, reservation, buffer,
			 buffer_bytes);
	return true;
}

lessor_status_t
lessor_reservation_get_client(lessor_engine_t *engine, uint32_t subnet, const uint8_t *client_id,
			      size_t client_id_bytes, lessor_reservation_t *reservation, void *buffer,
			      size_t buffer_bytes) {
	lessor_status_t status = for_read(engine, reservation, buffer, buffer_bytes);
	if (status != LESSOR_OK) {
		return status;
	}
	if (client_id == NULL || client_id_bytes == 0 || client_id_bytes > LESSOR_CLIENT_ID_MAX_BYTES) {
		return LESSOR_INVALID;
	}
	const lessor_client_t client = {.client_id = client_id, .client_id_bytes = (uint8_t)client_id_bytes};
	lsr_rcu_enter();
	const lsr_scope_t *scope = lsr_engine_scope_named(engine, subnet);
	status = scope != NULL ? LESSOR_NOT_FOUND : LESSOR_NO_SCOPE;
	while (scope != NULL) {
		const uint32_t id = lsr_engine_find_reserved(engine, scope, client_id, client_id_bytes);
		if (id == LSR_NO_RECORD ||
		    read_own(engine, scope, id, &client, reservation, buffer, buffer_bytes, &status)) {
			break;
		}
	}
	lsr_rcu_leave();
	return status;
}

/* Records looked at in one read-side section. */
#define LOOKS_MAX 1024u

/* Some records, from *at on. LESSOR_NOT_FOUND: go on from *at; LESSOR_END: nothing is left. */
static lessor_status_t
look_further(const lessor_engine_t *engine, uint32_t subnet, uint64_t *at, lessor_reservation_t *reservation,
	     void *buffer, size_t buffer_bytes) {
	const lsr_scope_t *scope = lsr_engine_scope_named(engine, subnet);
	if (scope == NULL) {
		return LESSOR_NO_SCOPE;
	}
	const uint64_t last = (uint64_t)scope->subnet + scope->table.last_offset;
	bool more = true;
	for (unsigned i = 0; i < LOOKS_MAX; i++) {
		lsr_found_t found;
		if (!lsr_engine_walk(engine, at, last, &found, &more)) {
			break;
		}
		if (lsr_body_is_reserved(&found.body)) {
			return answer(found.address, &found.body, reservation, buffer, buffer_bytes);
		}
	}
	return more ? LESSOR_NOT_FOUND : LESSOR_END;
}

lessor_status_t
lessor_reservation_next(lessor_engine_t *engine, uint32_t subnet, uint32_t from, lessor_reservation_t *reservation,
			void *buffer, size_t buffer_bytes) {
	lessor_status_t status = for_read(engine, reservation, buffer, buffer_bytes);
	if (status != LESSOR_OK) {
		return status;
	}
	uint64_t at = from > subnet ? from : subnet;
	do {
		lsr_rcu_enter();
		status = look_further(engine, subnet, &at, reservation, buffer, buffer_bytes);
		lsr_rcu_leave();
	} while (status == LESSOR_NOT_FOUND);
	return status;
}
