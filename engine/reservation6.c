/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPv6 reservations: making and reading them. Giving them up, and taking the address of an empty one, is the same for both families (reservation.c).
 *
 * Making one takes precedence over leases, so it may end one, or move one, and touch two records. It is seldom, so it keeps all other changes out of the scope
 * meanwhile: scope lock, gate closed. Then nothing it looks at changes, and no claim can fail. Everything that can fail comes before the log, where the whole is one record.
 * Readers go on: a lease that moves shows at its new address before it is gone from the old one, so that its client is always found.
 */
#include <lessor/lease6.h>

#include "engine_p.h"

#include <stdlib.h>
#include <string.h>

/* ---- addresses of other prefixes -------------------------------------------------------------------------------------- */

static bool
is_below(lessor_address6_t a, lessor_address6_t b) {
	return a.high != b.high ? a.high < b.high : a.low < b.low;
}

static bool
is_of(const lsr_outside_t *outside, const lsr_reserved_t *wanted) {
	return outside->client_bytes == wanted->client_id_bytes &&
	       memcmp(outside->client, wanted->client_id, outside->client_bytes) == 0;
}

/* Is the client, or the address if there is one, among them? */
static bool
is_outside(const lsr_scope_config_t *config, const lsr_reserved_t *wanted, const lessor_address6_t *address) {
	lsr_outside_t here;
	for (uint32_t at = 0; lsr_scope6_outside(config, &at, &here);) {
		if (is_of(&here, wanted) ||
		    (address != NULL && memcmp(address, &here.address, sizeof(*address)) == 0)) {
			return true;
		}
	}
	return false;
}

/* The list with one more, or (client NULL) without the one of this address. Returns its end, in bytes; *count is what it has. */
static uint32_t
outside_after(const lsr_scope_config_t *old, const lsr_outside_t *change, uint8_t *list, uint32_t *count) {
	lsr_outside_t here;
	uint8_t *end = list;
	bool waits = change->client != NULL;
	*count = waits;
	for (uint32_t at = 0; lsr_scope6_outside(old, &at, &here); (*count)++) {
		if (waits && is_below(change->address, here.address)) {
			end = lsr_scope6_outside_put(end, change);
			waits = false;
		}
		if (memcmp(&here.address, &change->address, sizeof(here.address)) == 0) {
			(*count)--;
		} else {
			end = lsr_scope6_outside_put(end, &here);
		}
	}
	return (uint32_t)((waits ? lsr_scope6_outside_put(end, change) : end) - list);
}

/* Scope lock held. LESSOR_NOT_FOUND: it was not there to be removed. */
static lessor_status_t
change_outside(lessor_engine_t *engine, lsr_scope_t *scope, const lsr_outside_t *change, uint64_t *lsn) {
	uint32_t count;
	const lsr_scope_config_t *old = lsr_scope_config(scope);
	uint8_t *list = malloc(old->outside_bytes + LSR_OUTSIDE_HEAD_BYTES + LSR_CLIENT6_MAX_BYTES);
	if (list == NULL) {
		return LESSOR_NO_MEMORY;
	}
	lsr_scope6_parts_t parts = lsr_scope6_parts(old);
	parts.outside = list;
	parts.outside_bytes = outside_after(old, change, list, &count);
	lessor_status_t status = count > LESSOR_RESERVATIONS6_OUTSIDE_MAX    ? LESSOR_LIMIT
				 : parts.outside_bytes == old->outside_bytes ? LESSOR_NOT_FOUND
									     : LESSOR_OK;
	if (status == LESSOR_OK) {
		const lessor_scope6_t described = lsr_scope6_describe(scope->sparse->prefix, scope->uid, old);
		lsr_scope_config_t *fresh = lsr_scope6_config_new(&described, &parts);
		status = fresh == NULL ? LESSOR_NO_MEMORY : lsr_engine_replace_config(engine, scope, fresh, false, lsn);
		if (status != LESSOR_OK) {
			lsr_scope_config_free(fresh);
		}
	}
	free(list);
	return status;
}

lessor_status_t
lsr_reservation6_forget(lessor_engine_t *engine, uint64_t prefix, lessor_address6_t address, uint64_t *lsn) {
	const lsr_outside_t gone = {.address = address};
	(void)pthread_mutex_lock(&engine->scope_lock);
	lsr_rcu_enter();
	lsr_scope_t *scope = lsr_engine_scope6_of(engine, prefix); /* the lock keeps it */
	lsr_rcu_leave();
	const lessor_status_t status = scope == NULL ? LESSOR_NO_SCOPE : change_outside(engine, scope, &gone, lsn);
	(void)pthread_mutex_unlock(&engine->scope_lock);
	return status;
}

/* ---- making one ---------------------------------------------------------------------------------------------------- */

/* A record that this call has claimed. */
typedef struct {
	uint32_t id; /* LSR_NO_RECORD: there is none */
	uint32_t place;
	lsr_record_t *record;
	uint64_t word; /* before the claim */
	lsr_body_t body;
} lsr_held_t;

typedef struct {
	lsr_scope_t *scope;
	lessor_address6_t address;
	lsr_reserved_t wanted;
	uint64_t client_key;
	bool is_new;          /* the address had no record: 'here' is a free one; */
	bool is_offered;      /* or one that was offered, and is in the index already */
	bool displaces;       /* it had another client's lease, which ends */
	bool has_client;      /* client_key is entered for 'here'; */
	bool has_reservation; /* and so is the key of the reservation */
	bool has_place;       /* it is counted under the scope's limit */
	lsr_held_t here;
	lsr_held_t moves; /* the client's lease elsewhere, which comes here */
	lsr_body_t fresh;
} lsr_reserve6_t;

/* Claim a record that is in use, while nobody else claims any. */
static void
hold(const lessor_engine_t *engine, const lsr_scope_t *scope, uint32_t id, lsr_held_t *held) {
	held->id = id;
	held->place = lsr_table_address(&scope->table, &engine->pages, id);
	held->record = lsr_pages_record(&engine->pages, id);
	(void)lsr_record_claim(held->record, &held->word);
	lsr_body_load(held->record, &held->body);
}

/* A free record for the address. */
static lessor_status_t
hold_new(lessor_engine_t *engine, lsr_reserve6_t *reserve) {
	uint32_t other;
	lsr_place_t claimed;
	lsr_held_t *here = &reserve->here;
	const lessor_status_t status = lsr_engine_claim_place(engine, reserve->scope, &claimed);
	if (status != LESSOR_OK) {
		return status;
	}
	here->record = lsr_pages_record(&engine->pages, claimed.record_id);
	here->place = claimed.place;
	here->word = claimed.word;
	atomic_store_explicit(lsr_pages_low(&engine->pages, claimed.record_id), reserve->address.low,
			      memory_order_release); /* L1 */
	if (lsr_index_insert(&reserve->scope->sparse->index, reserve->address.low, claimed.record_id, &other) !=
	    LSR_INDEX_DONE) {
		lsr_record_unclaim(here->record, here->word);
		return LESSOR_NO_MEMORY;
	}
	here->id = claimed.record_id;
	reserve->is_new = true;
	return LESSOR_OK;
}

/* What the client has is known already, and may stand in the table under the same key until it has moved. */
static lsr_match_t
match_none(const void *key, uint32_t record_id) {
	(void)key;
	(void)record_id;
	return LSR_MATCH_NO;
}

static lessor_status_t
enter(lessor_engine_t *engine, lsr_reserve6_t *reserve) {
	uint32_t other;
	const uint32_t id = reserve->here.id;
	if (!lsr_body_is_empty(&reserve->fresh) && (reserve->is_new || reserve->displaces)) {
		if (lsr_client_hash_insert(&engine->clients, reserve->client_key, id, match_none, NULL, &other) !=
		    LSR_INSERT_DONE) {
			return LESSOR_NO_MEMORY;
		}
		reserve->has_client = true;
	}
	reserve->has_reservation = lsr_client_hash_insert(&engine->clients, lsr_reserved_key(reserve->client_key), id,
							  match_none, NULL, &other) == LSR_INSERT_DONE;
	return reserve->has_reservation ? LESSOR_OK : LESSOR_NO_MEMORY;
}

/* The body that the address is to have. */
static lessor_status_t
build(lsr_reserve6_t *reserve, bool is_empty) {
	if (reserve->moves.id == LSR_NO_RECORD && (reserve->is_new || reserve->displaces)) {
		return lsr_reservation_pack(&reserve->wanted, is_empty, 0, &reserve->fresh);
	}
	lsr_body_t body = reserve->moves.id != LSR_NO_RECORD ? reserve->moves.body : reserve->here.body;
	const lessor_status_t status = lsr_body_reserve(&body, &reserve->wanted);
	if (status == LESSOR_OK) {
		reserve->fresh = body;
	}
	return status;
}

/*
 * What it does to limits: nothing, when a lease stays or moves here. Only a dormant lease at an address that had none is one more; it names no keys, and under a closed gate nothing of the
 * scope is in doubt.
 */
static lsr_limits_change_t
limits_change(const lsr_reserve6_t *reserve) {
	const bool is_made = reserve->moves.id == LSR_NO_RECORD && (reserve->is_new || reserve->displaces);
	return (lsr_limits_change_t){.scope = reserve->scope,
				     .record = reserve->here.record,
				     .from = reserve->displaces ? &reserve->here.body : NULL,
				     .to = is_made ? &reserve->fresh : NULL};
}

static lessor_status_t
enter_limits(lessor_engine_t *engine, lsr_reserve6_t *reserve) {
	const lsr_record_t *blocker;
	const lsr_limits_change_t change = limits_change(reserve);
	reserve->has_place = lsr_limits_enter(&engine->limits, &change, &blocker) == LSR_LIMITS_ENTERED;
	return reserve->has_place ? LESSOR_OK : LESSOR_QUOTA;
}

/* Inside a read-side section: claim, build and enter everything. What was done until it failed is for give_back(). */
static lessor_status_t
prepare(lessor_engine_t *engine, lsr_reserve6_t *reserve) {
	const lsr_scope_t *scope = reserve->scope;
	const lsr_reserved_t *wanted = &reserve->wanted;
	reserve->client_key = lsr_engine_client_key(engine, scope, wanted->client_id, wanted->client_id_bytes);
	const uint32_t id = lsr_index_find(&scope->sparse->index, reserve->address.low);
	const uint32_t other = lsr_engine_find_client(engine, scope, wanted->client_id, wanted->client_id_bytes);
	if (id != LSR_NO_RECORD) {
		hold(engine, scope, id, &reserve->here);
		reserve->is_new = reserve->is_offered = (reserve->here.word & LSR_WORD_OFFER) != 0;
		reserve->displaces = !reserve->is_offered && id != other;
	}
	if ((id != LSR_NO_RECORD && !reserve->is_offered && lsr_body_is_reserved(&reserve->here.body)) ||
	    is_outside(lsr_scope_config(scope), wanted, NULL) ||
	    lsr_engine_find_reserved(engine, scope, wanted->client_id, wanted->client_id_bytes) != LSR_NO_RECORD) {
		return LESSOR_RESERVED;
	}
	bool is_empty = false;
	if (other != LSR_NO_RECORD && other != id) {
		hold(engine, scope, other, &reserve->moves);
		is_empty = lsr_body_is_reserved(&reserve->moves.body);
		if (is_empty) { /* for somebody else: it stays */
			lsr_record_unclaim(reserve->moves.record, reserve->moves.word);
			reserve->moves.id = LSR_NO_RECORD;
		}
	}
	lessor_status_t status = id == LSR_NO_RECORD ? hold_new(engine, reserve) : LESSOR_OK;
	status = status == LESSOR_OK ? build(reserve, is_empty) : status;
	status = status == LESSOR_OK ? enter(engine, reserve) : status;
	return status == LESSOR_OK ? enter_limits(engine, reserve) : status;
}

/* Undo what prepare() did. */
static void
give_back(lessor_engine_t *engine, lsr_reserve6_t *reserve) {
	const lsr_held_t *here = &reserve->here;
	if (reserve->has_place) {
		const lsr_limits_change_t change = limits_change(reserve);
		lsr_limits_undo(&engine->limits, &change);
	}
	if (here->id != LSR_NO_RECORD) {
		if (reserve->has_client) {
			(void)lsr_client_hash_remove(&engine->clients, reserve->client_key, here->id);
		}
		if (reserve->has_reservation) {
			(void)lsr_client_hash_remove(&engine->clients, lsr_reserved_key(reserve->client_key), here->id);
		}
		if (reserve->is_new && !reserve->is_offered) {
			(void)lsr_index_remove(&reserve->scope->sparse->index, reserve->address.low, here->id);
		}
		lsr_record_unclaim(here->record, here->word);
	}
	if (reserve->moves.id != LSR_NO_RECORD) {
		lsr_record_unclaim(reserve->moves.record, reserve->moves.word);
	}
	lsr_tail_free(reserve->fresh.tail);
}

/* ---- the log ------------------------------------------------------------------------------------------------------- */

static size_t
image_bytes_of(const lsr_reserve6_t *reserve) {
	return lsr_image_bytes(&reserve->fresh) + LSR_IMAGE6_MORE_BYTES;
}

/* How many leases end: none, and the change is one record; or they come first in a group. */
static unsigned
ends_of(const lsr_reserve6_t *reserve) {
	return (unsigned)reserve->displaces + (reserve->moves.id != LSR_NO_RECORD);
}

static size_t
group_bytes(const lsr_reserve6_t *reserve) {
	return ends_of(reserve) * (size_t)LSR_END6_LOG_BYTES + lsr_record_bytes(image_bytes_of(reserve));
}

static uint64_t
log_bytes_of(const lsr_reserve6_t *reserve) {
	return ends_of(reserve) == 0 ? lsr_record_bytes(image_bytes_of(reserve))
				     : lsr_record_bytes(group_bytes(reserve));
}

static uint8_t *
put_end(uint8_t *at, lessor_address6_t address, uint32_t epoch) {
	const lsr_end6_image_t image = {.address = address, .epoch = epoch};
	uint8_t *next = lsr_group_put(at, LSR_LOG_LEASE6_END, LSR_END6_BYTES);
	memcpy(at + sizeof(uint32_t), &image, LSR_END6_BYTES);
	return next;
}

/* Returns the LSN. */
static uint64_t
write_log(lessor_engine_t *engine, const lsr_reserve6_t *reserve, uint64_t position, uint32_t epoch) {
	if (ends_of(reserve) == 0) {
		return lsr_engine_log_lease6(engine, position, reserve->address, &reserve->fresh);
	}
	uint8_t *at = lsr_log_payload(&engine->log, position);
	if (reserve->displaces) {
		at = put_end(at, reserve->address, epoch);
	}
	if (reserve->moves.id != LSR_NO_RECORD) {
		const lessor_address6_t from = {.high = reserve->address.high,
						.low = lsr_engine_low(engine, reserve->moves.id)};
		at = put_end(at, from, epoch);
	}
	(void)lsr_group_put(at, LSR_LOG_LEASE6, image_bytes_of(reserve));
	lsr_image_put6(at + sizeof(uint32_t), reserve->address, &reserve->fresh);
	return lsr_log_complete(&engine->log, position, lsr_record_header(LSR_LOG_GROUP, group_bytes(reserve)));
}

/* ---- making it true ------------------------------------------------------------------------------------------------ */

/* What was at the address is replaced, or ends for it. */
static void
replace_here(lessor_engine_t *engine, lsr_reserve6_t *reserve, const lsr_limits_change_t *change, uint64_t unit,
	     uint32_t epoch) {
	lsr_held_t *here = &reserve->here;
	lsr_counters_t *counters = &reserve->scope->counters;
	lsr_counters_subtract(counters, lsr_body_counter(&here->body), unit);
	if (reserve->displaces) {
		(void)atomic_fetch_add_explicit(&counters->deletes[epoch % 2], 1, memory_order_seq_cst);
	}
	lsr_record_replace(here->record, engine->shadows, here->word, &here->body, &reserve->fresh);
	lsr_limits_settle(&engine->limits, change);
	if (reserve->displaces) {
		(void)lsr_client_hash_remove(&engine->clients, lsr_engine_body_key(engine, reserve->scope, &here->body),
					     here->id);
	}
	lsr_tail_retire(here->body.tail);
}

static void
show_here(lessor_engine_t *engine, lsr_reserve6_t *reserve, const lsr_limits_change_t *change) {
	lsr_held_t *here = &reserve->here;
	if (reserve->is_offered) {
		lsr_engine_uncount_offer(reserve->scope, lsr_engine_unit6(reserve->scope, reserve->address.low));
	}
	const uint64_t shown = lsr_record_show(here->record, here->word, &reserve->fresh);
	lsr_table_take(lsr_sparse_table(reserve->scope->sparse, here->place), here->place,
		       lsr_body_ends_at(&reserve->fresh));
	lsr_limits_settle(&engine->limits, change);
	lsr_record_settle(here->record, shown);
}

/* Inside a read-side section. False: no room in the log; nothing has happened. */
static bool
commit(lessor_engine_t *engine, lsr_reserve6_t *reserve, uint64_t *lsn) {
	const uint32_t epoch = atomic_load_explicit(&engine->epoch, memory_order_acquire);
	const uint64_t unit = lsr_engine_unit6(reserve->scope, reserve->address.low);
	if (engine->has_log) {
		uint64_t position;
		if (!lsr_log_reserve(&engine->log, log_bytes_of(reserve), &position)) {
			return false;
		}
		reserve->fresh.lsn = *lsn = write_log(engine, reserve, position, epoch);
	}
	const lsr_limits_change_t change = limits_change(reserve);
	lsr_limits_leave(&engine->limits, &change);
	if (reserve->is_new) {
		show_here(engine, reserve, &change);
	} else {
		replace_here(engine, reserve, &change, unit, epoch);
	}
	if (reserve->moves.id != LSR_NO_RECORD) {
		lsr_end_t end = lsr_engine_end_of(engine, reserve->scope, reserve->moves.place, reserve->moves.id,
						  reserve->moves.word, &reserve->moves.body);
		end.moves = true;
		lsr_engine_carry_out_ends(engine, &end, 1);
	}
	/* Behind what was counted off, or the high-water mark would count both. */
	lsr_counters_add(&reserve->scope->counters, lsr_body_counter(&reserve->fresh), unit);
	return true;
}

/* The gate is closed. */
static lessor_status_t
reserve_alone(lessor_engine_t *engine, lsr_reserve6_t *reserve, uint64_t *lsn) {
	lsr_rcu_enter();
	lessor_status_t status = prepare(engine, reserve);
	lsr_rcu_leave();
	for (bool done = false; status == LESSOR_OK && !done;) {
		status = lsr_engine_admit(engine, log_bytes_of(reserve));
		if (status == LESSOR_OK) {
			lsr_rcu_enter();
			done = commit(engine, reserve, lsn);
			lsr_rcu_leave();
		}
	}
	if (status != LESSOR_OK) {
		lsr_rcu_enter();
		give_back(engine, reserve);
		lsr_rcu_leave();
	}
	return status;
}

/* Scope lock held. */
static lessor_status_t
reserve_outside(lessor_engine_t *engine, const lsr_reserve6_t *reserve, uint64_t *lsn) {
	const lsr_reserved_t *wanted = &reserve->wanted;
	const lsr_outside_t added = {.address = reserve->address,
				     .client = wanted->client_id,
				     .client_bytes = (uint16_t)wanted->client_id_bytes};
	lsr_rcu_enter();
	const bool is_reserved = is_outside(lsr_scope_config(reserve->scope), wanted, &added.address) ||
				 lsr_engine_find_reserved(engine, reserve->scope, wanted->client_id,
							  wanted->client_id_bytes) != LSR_NO_RECORD;
	lsr_rcu_leave();
	return is_reserved ? LESSOR_RESERVED : change_outside(engine, reserve->scope, &added, lsn);
}

/* Scope lock held. */
static lessor_status_t
reserve_locked(lessor_engine_t *engine, uint64_t prefix, lsr_reserve6_t *reserve, uint64_t *lsn) {
	lsr_rcu_enter();
	reserve->scope = lsr_engine_scope6_of(engine, prefix); /* the lock keeps it */
	lsr_rcu_leave();
	if (reserve->scope == NULL) {
		return LESSOR_NO_SCOPE;
	}
	if (reserve->address.high != prefix) {
		return reserve_outside(engine, reserve, lsn);
	}
	lsr_engine_close_gate(reserve->scope);
	const lessor_status_t status = reserve_alone(engine, reserve, lsn);
	lsr_engine_open_gate(reserve->scope);
	return status;
}

lessor_status_t
lessor_reservation6_create(lessor_engine_t *engine, uint64_t prefix, const lessor_reservation6_t *reservation,
			   lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	lsr_lease6_t form;
	if (reservation == NULL ||
	    !lsr_lease6_form_client(&form, reservation->duid, reservation->duid_bytes, reservation->iaid)) {
		return LESSOR_INVALID;
	}
	uint64_t lsn = 0;
	lsr_reserve6_t reserve = {.address = reservation->address,
				  .wanted = {.client_id = form.client,
					     .client_id_bytes = form.client_bytes,
					     .client_types = LESSOR_CLIENT_DHCP},
				  .here = {.id = LSR_NO_RECORD},
				  .moves = {.id = LSR_NO_RECORD}};
	(void)pthread_mutex_lock(&engine->scope_lock);
	status = reserve_locked(engine, prefix, &reserve, &lsn);
	(void)pthread_mutex_unlock(&engine->scope_lock);
	return status == LESSOR_OK ? lsr_engine_finish(engine, lsn, mode, ticket) : status;
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static lessor_status_t
answer(const lsr_outside_t *found, lessor_reservation6_t *reservation, void *buffer, size_t buffer_bytes) {
	uint32_t head;
	const size_t duid_bytes = found->client_bytes - LSR_CLIENT6_HEAD_BYTES;
	if (duid_bytes > buffer_bytes) {
		return LESSOR_BUFFER_TOO_SMALL;
	}
	memcpy(&head, found->client, sizeof(head));
	memcpy(buffer, found->client + LSR_CLIENT6_HEAD_BYTES, duid_bytes);
	*reservation = (lessor_reservation6_t){.address = found->address,
					       .duid = buffer,
					       .duid_bytes = (uint16_t)duid_bytes,
					       .iaid = __builtin_bswap32(head)};
	return LESSOR_OK;
}

static lessor_status_t
answer_body(lessor_address6_t address, const lsr_body_t *body, lessor_reservation6_t *reservation, void *buffer,
	    size_t buffer_bytes) {
	const lsr_reserved_t reserved = lsr_body_reserved(body);
	const lsr_outside_t found = {
		.address = address, .client = reserved.client_id, .client_bytes = (uint16_t)reserved.client_id_bytes};
	const lessor_status_t status = answer(&found, reservation, buffer, buffer_bytes);
	if (status == LESSOR_OK) {
		reservation->has_lease = !lsr_body_is_empty(body);
		reservation->is_dormant = lsr_body_is_dormant(body);
	}
	return status;
}

/* The first one that is not inside, from 'from' to 'last'. LESSOR_NOT_FOUND: there is none. */
static lessor_status_t
find_outside(const lessor_engine_t *engine, uint64_t prefix, lessor_address6_t from, lessor_address6_t last,
	     lessor_reservation6_t *reservation, void *buffer, size_t buffer_bytes) {
	lsr_outside_t here;
	lsr_rcu_enter();
	const lsr_scope_t *scope = lsr_engine_scope6_of(engine, prefix);
	lessor_status_t status = scope == NULL ? LESSOR_NO_SCOPE : LESSOR_NOT_FOUND;
	bool found = scope == NULL;
	for (uint32_t at = 0; !found && lsr_scope6_outside(lsr_scope_config(scope), &at, &here);) {
		found = !is_below(here.address, from);
		if (found && !is_below(last, here.address)) {
			status = answer(&here, reservation, buffer, buffer_bytes);
		}
	}
	lsr_rcu_leave();
	return status;
}

/* Entries of the index looked at in one read-side section. */
#define LOOKS_MAX 1024u

/* Some entries inside, from *low on; *more: go on from *low. LESSOR_NOT_FOUND: there is none. */
static lessor_status_t
look_inside(const lessor_engine_t *engine, uint64_t prefix, uint64_t *low, bool *more,
	    lessor_reservation6_t *reservation, void *buffer, size_t buffer_bytes) {
	const lsr_scope_t *scope = lsr_engine_scope6_of(engine, prefix);
	if (scope == NULL) {
		return LESSOR_NO_SCOPE;
	}
	for (unsigned i = 0; i < LOOKS_MAX; i++) {
		lsr_body_t body;
		uint64_t found;
		const uint32_t id = lsr_index_next(&scope->sparse->index, low, UINT64_MAX);
		if (id == LSR_NO_RECORD) {
			return LESSOR_NOT_FOUND;
		}
		if (lsr_sparse_read(&engine->pages, engine->shadows, id, &body, &found) && found == *low &&
		    lsr_body_is_reserved(&body)) {
			return answer_body((lessor_address6_t){prefix, *low}, &body, reservation, buffer, buffer_bytes);
		}
		if (*low == UINT64_MAX) {
			return LESSOR_NOT_FOUND;
		}
		(*low)++;
	}
	*more = true;
	return LESSOR_NOT_FOUND;
}

static lessor_status_t
find_inside(const lessor_engine_t *engine, uint64_t prefix, uint64_t low, lessor_reservation6_t *reservation,
	    void *buffer, size_t buffer_bytes) {
	lessor_status_t status;
	bool more;
	do {
		more = false;
		lsr_rcu_enter();
		status = look_inside(engine, prefix, &low, &more, reservation, buffer, buffer_bytes);
		lsr_rcu_leave();
	} while (more);
	return status;
}

lessor_status_t
lessor_reservation6_next(lessor_engine_t *engine, uint64_t prefix, lessor_address6_t from,
			 lessor_reservation6_t *reservation, void *buffer, size_t buffer_bytes) {
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (reservation == NULL || (buffer == NULL && buffer_bytes != 0)) {
		return LESSOR_INVALID;
	}
	if (from.high < prefix) {
		const lessor_address6_t last = {prefix - 1, UINT64_MAX};
		status = find_outside(engine, prefix, from, last, reservation, buffer, buffer_bytes);
		from = (lessor_address6_t){.high = prefix};
	} else {
		status = LESSOR_NOT_FOUND;
	}
	if (status == LESSOR_NOT_FOUND && from.high == prefix) {
		status = find_inside(engine, prefix, from.low, reservation, buffer, buffer_bytes);
		from = (lessor_address6_t){.high = prefix + 1}; /* no scope has the last prefix */
	}
	if (status == LESSOR_NOT_FOUND) {
		const lessor_address6_t last = {UINT64_MAX, UINT64_MAX};
		status = find_outside(engine, prefix, from, last, reservation, buffer, buffer_bytes);
	}
	return status == LESSOR_NOT_FOUND ? LESSOR_END : status;
}
