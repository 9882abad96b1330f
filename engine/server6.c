/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a DHCPv6 server does: server.c once more, for addresses that are found by an index.
 *
 * An offer of an IPv6 address has what a lease of it would have but a body: a record, claimed for the making, its low, the entry in the index, and the bit of its place. So whoever looks for the
 * address, or for a free one, meets it where he would meet a lease.
 */
#include <lessor/server.h>

#include "server_p.h"

#include <lessor/expire.h>

#include "base/clock.h"

/* ---- offering ------------------------------------------------------------------------------------------------------ */

/* One offer in the making. */
typedef struct {
	lsr_search6_t search;
	const lessor_offer6_request_t *request;
	lessor_filetime_t now;
	lessor_filetime_t until;
	uint64_t now_ns;
	uint64_t until_ns;
	const lsr_lease6_t *form; /* the client */
	lsr_scope_t *scope;
	lsr_offer_client_t client;
	lsr_offer_shard_t *shard;
	uint64_t low; /* the answer */
	lessor_status_t status;
	lsr_step_t step;
	const lsr_record_t *blocker;
} lsr_offering6_t;

static void
decide(lsr_offering6_t *offering, lessor_status_t status) {
	offering->status = status;
	offering->step = LSR_STEP_DONE;
}

static void
answer(lsr_offering6_t *offering, uint64_t low) {
	offering->low = low;
	decide(offering, LESSOR_OK);
}

static void
wait_for(lsr_offering6_t *offering, const lsr_record_t *record) {
	offering->blocker = record;
	offering->step = LSR_STEP_RECORD;
}

/* The client's own lease in a scope: its record; LSR_NO_RECORD. Inside a read-side section. */
static uint32_t
find_own(const lessor_engine_t *engine, const lsr_scope_t *scope, const lsr_lease6_t *form, uint64_t *low,
	 lsr_body_t *body) {
	const uint32_t id = lsr_engine_find_client(engine, scope, form->client, form->client_bytes);
	return id != LSR_NO_RECORD && lsr_sparse_read(&engine->pages, engine->shadows, id, body, low) &&
			       !lsr_body_is_empty(body) && lsr_body_is_client(body, form->client, form->client_bytes)
		       ? id
		       : LSR_NO_RECORD;
}

/* Enter the offer of a record that is claimed, which ends the claim. False: decided, the claim is still there. */
static bool
enter(lsr_offering6_t *offering, const lsr_place_t *claimed, uint64_t low, uint64_t flags) {
	bool at_limit;
	lessor_engine_t *engine = offering->search.engine;
	lsr_offer_t *offer = lsr_offers_new(&engine->offers, offering->shard, &offering->client, &at_limit);
	if (offer == NULL) {
		decide(offering, at_limit ? LESSOR_LIMIT : LESSOR_NO_MEMORY);
		return false;
	}
	offer->prefix = offering->request->prefix;
	offer->low = low;
	offer->place = claimed->place;
	offer->record_id = claimed->record_id;
	offer->word = lsr_word_next(claimed->word, flags);
	offer->until_ns = offering->until_ns;
	if ((flags & LSR_WORD_OFFER) != 0) {
		lsr_table_take(lsr_sparse_table(offering->scope->sparse, offer->place), offer->place, LESSOR_TIME_NONE);
	}
	atomic_store_explicit(&lsr_pages_record(&engine->pages, offer->record_id)->word, offer->word,
			      memory_order_release); /* R5 */
	lsr_offers_enter(&engine->offers, offering->shard, offer);
	answer(offering, low);
	return true;
}

/* Offer this address. False: it is not to be had. */
static bool
try_low(lsr_search6_t *search, uint64_t low) {
	uint32_t other;
	lsr_place_t claimed;
	lsr_offering6_t *offering = LSR_CONTAINER(search, lsr_offering6_t, search);
	lessor_engine_t *engine = search->engine;
	lsr_scope_t *scope = offering->scope;
	const lessor_status_t status = lsr_engine_claim_place(engine, scope, &claimed);
	search->waits = false;
	if (status != LESSOR_OK) {
		decide(offering, status);
		return true;
	}
	const uint64_t unit = lsr_engine_unit6(scope, low);
	lsr_record_t *record = lsr_pages_record(&engine->pages, claimed.record_id);
	atomic_store_explicit(lsr_pages_low(&engine->pages, claimed.record_id), low, memory_order_release); /* L1 */
	(void)atomic_fetch_add_explicit(&scope->counters.offered, unit, memory_order_relaxed);
	const lsr_index_insert_t inserted = lsr_index_insert(&scope->sparse->index, low, claimed.record_id, &other);
	if (inserted == LSR_INDEX_DONE && enter(offering, &claimed, low, LSR_WORD_OFFER)) {
		lsr_engine_go_on_behind6(engine, scope, low);
		return true;
	}
	if (inserted == LSR_INDEX_DONE) {
		(void)lsr_index_remove(&scope->sparse->index, low, claimed.record_id);
	}
	lsr_engine_uncount_offer(scope, unit);
	lsr_record_unclaim(record, claimed.word);
	if (inserted == LSR_INDEX_PRESENT) { /* since we looked: before there is none, look again */
		search->in_doubt = lsr_pages_record(&engine->pages, other);
		search->waits =
			(lsr_record_word(search->in_doubt) & (LSR_WORD_LIVE | LSR_WORD_CLAIM)) == LSR_WORD_CLAIM;
		return false;
	}
	if (inserted == LSR_INDEX_NO_MEMORY) {
		decide(offering, LESSOR_NO_MEMORY);
	}
	return true;
}

/* With the shard locked: end the offer that the client has. False: not now, wait for its record. */
static bool
end_own(lessor_engine_t *engine, lsr_offering6_t *offering, lsr_offer_t *offer) {
	const lsr_record_t *record = lsr_pages_record(&engine->pages, offer->record_id);
	const bool ended = lsr_offer_end(engine, offering->shard, offer);
	if (!ended) {
		wait_for(offering, record);
	}
	return ended;
}

/* With the shard locked: an offer of the client that stands goes on. */
static void
go_on(lessor_engine_t *engine, lsr_offering6_t *offering, lsr_offer_t *offer) {
	lsr_offers_move(&engine->offers, offering->shard, offer, offering->until_ns);
	answer(offering, offer->low);
}

/* With the shard locked: the offer that the client has, or else a free address. */
static void
offer_free(lessor_engine_t *engine, lsr_offering6_t *offering) {
	lsr_offer_t *offer = lsr_offers_find(offering->shard, &offering->client);
	if (offer != NULL && offering->now_ns < offer->until_ns && lsr_offer_stands(engine, offer) &&
	    lsr_scope6_in_pool(lsr_scope_config(offering->scope), offer->low)) {
		go_on(engine, offering, offer);
		return;
	}
	if (offer != NULL && !end_own(engine, offering, offer)) {
		return;
	}
	switch (lsr_engine_search6(&offering->search, offering->scope, offering->request->hint)) {
	case LSR_SEARCH_OVER:
		if (offering->step == LSR_STEP_DONE) {
			return;
		}
		wait_for(offering, offering->search.in_doubt); /* the hint's */
		break;
	case LSR_SEARCH_IN_DOUBT:
		wait_for(offering, offering->search.in_doubt);
		break;
	case LSR_SEARCH_NOTHING:
		decide(offering, LESSOR_EXHAUSTED);
		break;
	default:
		offering->step = LSR_STEP_AGAIN;
		break;
	}
}

/* With the shard locked: keep sweeps away from the client's own lease. */
static void
offer_own(lessor_engine_t *engine, lsr_offering6_t *offering, uint32_t id, uint64_t low) {
	lsr_record_t *record = lsr_pages_record(&engine->pages, id);
	lsr_offer_t *offer = lsr_offers_find(offering->shard, &offering->client);
	if (offer != NULL && offer->record_id == id && lsr_offer_stands(engine, offer)) {
		go_on(engine, offering, offer);
		return;
	}
	if (offer != NULL && !end_own(engine, offering, offer)) {
		return;
	}
	lsr_place_t claimed = {.place = lsr_table_address(&offering->scope->table, &engine->pages, id),
			       .record_id = id};
	if (!lsr_record_claim(record, &claimed.word)) {
		wait_for(offering, record);
		return;
	}
	const bool is_there =
		lsr_record_is_own(record, claimed.word, &offering->client) && lsr_engine_low(engine, id) == low;
	if (!is_there) {
		offering->step = LSR_STEP_AGAIN;
	}
	if (!is_there || !enter(offering, &claimed, low, LSR_WORD_LIVE | LSR_WORD_KEPT)) {
		lsr_record_unclaim(record, claimed.word);
	}
}

/* One try, inside a read-side section. */
static void
try_offer(lessor_engine_t *engine, lsr_offering6_t *offering) {
	uint64_t low;
	lsr_body_t body;
	const lsr_lease6_t *form = offering->form;
	lsr_scope_t *scope = offering->scope = lsr_engine_scope6_of(engine, offering->request->prefix);
	offering->step = LSR_STEP_GATE;
	if (scope == NULL) {
		decide(offering, LESSOR_NO_SCOPE);
		return;
	}
	if (atomic_load_explicit(&scope->gate, memory_order_seq_cst) != LSR_GATE_OPEN) {
		return;
	}
	offering->step = LSR_STEP_OPEN;
	offering->client = lsr_offer_client(engine, scope, form->client, form->client_bytes);
	const uint32_t own = find_own(engine, scope, form, &low, &body);
	if (own != LSR_NO_RECORD && lsr_body_is_held(&body, offering->now)) {
		decide(offering, LESSOR_CONFLICT);
		return;
	}
	if ((own != LSR_NO_RECORD && !lsr_body_may_be_swept(&body, offering->until)) ||
	    (own == LSR_NO_RECORD &&
	     lsr_engine_find_reserved_empty6(engine, scope, form->client, form->client_bytes, &low))) {
		answer(offering, low);
		return;
	}
	offering->shard = lsr_offers_lock(&engine->offers, offering->client.key);
	if (own != LSR_NO_RECORD) {
		offer_own(engine, offering, own, low);
	} else {
		offer_free(engine, offering);
	}
	lsr_offers_unlock(offering->shard);
}

/* Until it is decided; what is left of offers that are over stands in nobody's way. */
static lessor_status_t
offer_now(lessor_engine_t *engine, lsr_offering6_t *offering) {
	uint64_t walked = lsr_engine_walked(engine);
	do {
		do {
			lsr_rcu_enter();
			try_offer(engine, offering);
			lsr_rcu_leave();
			lsr_rcu_brake();
			lsr_engine_await(engine, offering->step, offering->blocker);
		} while (offering->step != LSR_STEP_DONE);
	} while ((offering->status == LESSOR_EXHAUSTED || offering->status == LESSOR_LIMIT) &&
		 lsr_engine_end_offers_since(engine, &walked));
	return offering->status;
}

/* Remove some leases of the scope that are over. *removed: whether there were any. */
static lessor_status_t
reclaim(lessor_engine_t *engine, uint64_t prefix, lessor_filetime_t now, bool *removed) {
	lessor_cursor6_t cursor;
	lessor_expire_options_t options;
	lessor_expire_report_t report = {0};
	lessor_status_t status = LESSOR_OK;
	lessor_expire_options_init(&options);
	options.limit = LSR_RECLAIM_LOOKS;
	options.doom_s = UINT32_MAX;
	lessor_cursor6_init(&cursor, (lessor_address6_t){.high = prefix},
			    (lessor_address6_t){.high = prefix, .low = UINT64_MAX});
	while (status == LESSOR_OK && report.removed == 0) {
		status = lessor_expire6(engine, now, &options, &cursor, &report, LESSOR_ASYNC, NULL);
	}
	*removed = report.removed > 0;
	return status == LESSOR_END ? LESSOR_OK : status;
}

static uint64_t
deletes_in(const lessor_engine_t *engine, uint64_t prefix) {
	lsr_rcu_enter();
	const lsr_scope_t *scope = lsr_engine_scope6_of(engine, prefix);
	const uint64_t deletes = scope != NULL ? lsr_engine_deletes_of(scope) : 0;
	lsr_rcu_leave();
	return deletes;
}

static lessor_status_t
offer_or_reclaim(lessor_engine_t *engine, lsr_offering6_t *offering) {
	const uint64_t prefix = offering->request->prefix;
	const bool reclaims = (offering->request->flags & LESSOR_OFFER_RECLAIM) != 0;
	bool removed = false;
	lessor_status_t status;
	do {
		const uint64_t deletes = reclaims ? deletes_in(engine, prefix) : 0;
		status = offer_now(engine, offering);
		if (status != LESSOR_EXHAUSTED || !reclaims) {
			return status;
		}
		status = reclaim(engine, prefix, offering->now, &removed);
		lsr_engine_await_sweeps(engine);
		removed = removed || deletes_in(engine, prefix) != deletes;
	} while (status == LESSOR_OK && removed);
	return status == LESSOR_OK ? LESSOR_EXHAUSTED : status;
}

lessor_status_t
lessor_offer6_make(lessor_engine_t *engine, const lessor_offer6_request_t *request, lessor_address6_t *address) {
	lessor_status_t status = lsr_engine_for_change(engine, LESSOR_ASYNC);
	if (status != LESSOR_OK) {
		return status;
	}
	lsr_lease6_t form;
	if (request == NULL || address == NULL || (request->flags & ~(uint32_t)LESSOR_OFFER_RECLAIM) != 0 ||
	    request->hold_ms > LESSOR_HOLD_MAX_MS ||
	    !lsr_lease6_form_client(&form, request->duid, request->duid_bytes, request->iaid)) {
		return LESSOR_INVALID;
	}
	lsr_engine_end_offers(engine, LSR_OFFERS_BY_THE_WAY);
	const uint64_t hold_ms = request->hold_ms != 0 ? request->hold_ms : LESSOR_DEFAULT_HOLD_MS;
	lsr_offering6_t offering = {.search = {.engine = engine, .take = try_low},
				    .request = request,
				    .now = request->now != LESSOR_TIME_NONE ? request->now : lessor_time_now(),
				    .now_ns = lsr_clock_ns(),
				    .form = &form};
	offering.until_ns = offering.now_ns + hold_ms * LSR_NS_PER_MS;
	offering.until = offering.now < LESSOR_TIME_INFINITE - hold_ms * LSR_TICKS_PER_MS
				 ? offering.now + hold_ms * LSR_TICKS_PER_MS
				 : LESSOR_TIME_INFINITE;
	status = offer_or_reclaim(engine, &offering);
	if (status == LESSOR_OK) {
		*address = (lessor_address6_t){.high = request->prefix, .low = offering.low};
	}
	return status;
}

/* ---- withdrawing --------------------------------------------------------------------------------------------------- */

/* As lsr_offer_withdraw(), in the scope with this prefix, waiting. */
static lessor_status_t
withdraw(lessor_engine_t *engine, uint64_t prefix, const lsr_lease6_t *form, uint64_t only) {
	for (;;) {
		const lsr_record_t *blocker = NULL;
		lessor_status_t status = LESSOR_NO_SCOPE;
		lsr_step_t step = LSR_STEP_DONE;
		lsr_rcu_enter();
		const lsr_scope_t *scope = lsr_engine_scope6_of(engine, prefix);
		if (scope != NULL && atomic_load_explicit(&scope->gate, memory_order_seq_cst) != LSR_GATE_OPEN) {
			step = LSR_STEP_GATE;
		} else if (scope != NULL) {
			status = lsr_offer_withdraw(engine, scope, form->client, form->client_bytes, only, &blocker);
			step = blocker != NULL ? LSR_STEP_RECORD : LSR_STEP_DONE;
		}
		lsr_rcu_leave();
		lsr_rcu_brake();
		if (step == LSR_STEP_DONE) {
			return status;
		}
		lsr_engine_await(engine, step, blocker);
	}
}

lessor_status_t
lessor_offer6_withdraw(lessor_engine_t *engine, uint64_t prefix, const uint8_t *duid, size_t duid_bytes,
		       uint32_t iaid) {
	lsr_lease6_t form;
	const lessor_status_t status = lsr_engine_for_change(engine, LESSOR_ASYNC);
	if (status != LESSOR_OK) {
		return status;
	}
	if (!lsr_lease6_form_client(&form, duid, duid_bytes, iaid)) {
		return LESSOR_INVALID;
	}
	return withdraw(engine, prefix, &form, 0);
}

/* ---- binding what is not there ------------------------------------------------------------------------------------- */

/* A lease in the making, at an address that is given. */
typedef struct {
	lsr_create_t create;
	const lsr_lease6_t *client; /* whose offer may be in the way; NULL: anybody's, and the pool does not matter */
	bool needs_offer;
} lsr_binding6_t;

static void
refuse(lsr_create_t *create, lessor_status_t status) {
	create->status = status;
	create->step = LSR_STEP_DONE;
}

/* Steps 2 to 4. Inside a read-side section. As no reservation is made while the gate is open, one look for one suffices. */
static void
try_binding(lessor_engine_t *engine, lsr_binding6_t *binding) {
	uint64_t reserved;
	uint64_t own_word = 0;
	lsr_create_t *create = &binding->create;
	const lsr_lease6_t *form = create->form;
	const uint64_t low = form->address.low;
	lsr_scope_t *scope = create->scope = lsr_engine_scope6_of(engine, form->address.high);
	if (scope == NULL) {
		refuse(create, LESSOR_NO_SCOPE);
		return;
	}
	create->step = LSR_STEP_GATE;
	if (atomic_load_explicit(&scope->gate, memory_order_seq_cst) != LSR_GATE_OPEN) {
		return;
	}
	create->key = lsr_engine_client_key(engine, scope, form->client, form->client_bytes);
	lsr_client_hash_prefetch(&engine->clients, create->key);
	if (lsr_engine_find_reserved_empty6(engine, scope, form->client, form->client_bytes, &reserved)) {
		create->step = LSR_STEP_TAKE;
		if (reserved != low) {
			refuse(create, LESSOR_RESERVED);
		}
		return;
	}
	if (binding->client != NULL) {
		own_word = lsr_offer_word(engine, scope, binding->client->client, binding->client->client_bytes, low);
		if (own_word == 0 && binding->needs_offer) {
			refuse(create, LESSOR_NOT_FOUND);
			return;
		}
		if (!lsr_scope6_in_pool(lsr_scope_config(scope), low)) {
			refuse(create, LESSOR_OUTSIDE);
			return;
		}
	}
	create->record = NULL; /* any */
	lsr_create6_claim(engine, create);
	if (create->step == LSR_STEP_CLAIMED && binding->client != NULL && (create->word & LSR_WORD_OFFER) != 0 &&
	    create->word != own_word) {
		lsr_create_undo(engine, create);
		refuse(create, LESSOR_ADDRESS_TAKEN);
	}
}

/* The whole of it but waiting for the disk; *end is moved on success. */
static lessor_status_t
run_binding(lessor_engine_t *engine, lsr_binding6_t *binding, lsr_lease6_t *form, uint64_t *end) {
	lsr_create_t *create = &binding->create;
	lsr_create6_begin(create, form);
	lsr_create6_prepare(engine, create);
	while (create->step != LSR_STEP_DONE) {
		const lessor_status_t status = lsr_engine_admit(engine, create->log_bytes);
		if (status != LESSOR_OK) {
			refuse(create, status);
			break;
		}
		lsr_rcu_enter();
		try_binding(engine, binding);
		if (create->step == LSR_STEP_CLAIMED) {
			(void)lsr_create6_commit(engine, create, end); /* no room: undone, once more */
		}
		lsr_rcu_leave();
		lsr_rcu_brake();
		if (create->step == LSR_STEP_TAKE) {
			lsr_create_take(engine, create, end);
		} else {
			lsr_engine_await(engine, create->step, create->blocker);
		}
	}
	lsr_create_drop(create);
	return create->status;
}

/* ---- binding ------------------------------------------------------------------------------------------------------- */

static lsr_own_t
look_for_own(const lessor_engine_t *engine, const lsr_lease6_t *form, lessor_filetime_t now) {
	lsr_own_t own = LSR_OWN_NOTHING;
	lsr_body_t body;
	uint64_t low;
	lsr_rcu_enter();
	const lsr_scope_t *scope = lsr_engine_scope6_of(engine, form->address.high);
	if (scope != NULL && find_own(engine, scope, form, &low, &body) != LSR_NO_RECORD) {
		own = low != form->address.low ? LSR_OWN_ELSEWHERE : lsr_body_own(&body, now);
	}
	lsr_rcu_leave();
	return own;
}

/* What a lease that goes on takes over. */
static uint32_t
fields_of(const lsr_lease6_t *form, lsr_own_t own) {
	uint32_t fields =
		LESSOR_FIELD_EXPIRES | LESSOR_FIELD_ADDRESS_STATE | LESSOR_FIELD_LAST_TRANSACTION | LESSOR_IF_RESERVED;
	if (own == LSR_OWN_DORMANT) {
		return fields | LESSOR_FIELD_NAME | LESSOR_FIELD_COMMENT | LESSOR_FIELD_DNS | LESSOR_FIELD_HARDWARE |
		       LESSOR_FIELD_OWNER | LESSOR_FIELD_USER_CONTEXT;
	}
	fields |= form->lease.name != NULL ? LESSOR_FIELD_NAME : 0;
	fields |= form->lease.hardware_bytes != 0 ? LESSOR_FIELD_HARDWARE : 0;
	fields |= (form->owner.high | form->owner.low) != 0 ? LESSOR_FIELD_OWNER : 0;
	return fields;
}

/* One try. *again: what was seen is not so any more. */
static lessor_status_t
bind_once(lessor_engine_t *engine, lsr_lease6_t *form, lessor_filetime_t now, uint64_t *end, bool *again) {
	const lsr_own_t own = look_for_own(engine, form, now);
	lessor_status_t status;
	*again = false;
	if (own == LSR_OWN_ELSEWHERE || own == LSR_OWN_HELD) {
		return own == LSR_OWN_HELD ? LESSOR_CONFLICT : LESSOR_CLIENT_TAKEN;
	}
	if (own != LSR_OWN_NOTHING) {
		lsr_seen_t seen = {.own = own, .now = now};
		status = lsr_engine_update6_if(engine, form, fields_of(form, own), form->client, form->client_bytes,
					       lsr_decide_bind, &seen, end);
		*again = status == LESSOR_NOT_FOUND || status == LESSOR_OTHER_CLIENT;
		return status;
	}
	lsr_binding6_t binding = {.client = form};
	status = run_binding(engine, &binding, form, end);
	*again = (status == LESSOR_CLIENT_TAKEN || status == LESSOR_ADDRESS_TAKEN || status == LESSOR_OUTSIDE) &&
		 look_for_own(engine, form, now) != LSR_OWN_NOTHING;
	return status;
}

lessor_status_t
lessor_lease6_bind(lessor_engine_t *engine, const lessor_lease6_t *lease, lessor_filetime_t now, lessor_mode_t mode,
		   lessor_ticket_t *ticket) {
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	lsr_lease6_t form;
	lsr_lease_sizes_t sizes;
	if (lease == NULL || !lsr_lease6_form(lease, LESSOR_FIELD_ALL, &form) ||
	    !lsr_lease_check(&form.lease, LESSOR_FIELD_ALL, &sizes)) {
		return LESSOR_INVALID;
	}
	lsr_engine_end_offers(engine, LSR_OFFERS_BY_THE_WAY);
	uint64_t end = 0;
	bool again;
	form.lease.address_state = LESSOR_STATE_ACTIVE;
	now = now != LESSOR_TIME_NONE ? now : lessor_time_now();
	do {
		status = bind_once(engine, &form, now, &end, &again);
	} while (again);
	if (status != LESSOR_OK) {
		return status;
	}
	if (atomic_load_explicit(&engine->offers.count, memory_order_relaxed) != 0) {
		(void)withdraw(engine, form.address.high, &form, 0);
	}
	return lsr_engine_finish(engine, end, mode, ticket);
}

/* ---- releasing and declining --------------------------------------------------------------------------------------- */

/* The client who speaks, if one does. False: the arguments are not in order. */
static bool
is_legal_end(lessor_address6_t address, const uint8_t *duid, size_t duid_bytes, uint32_t iaid, lessor_filetime_t now,
	     lsr_lease6_t *client) {
	client->client_bytes = 0;
	return (address.high | address.low) != 0 && lsr_time_comes(now) &&
	       (duid == NULL || lsr_lease6_form_client(client, duid, duid_bytes, iaid));
}

static bool
has_lease(const lessor_engine_t *engine, lessor_address6_t address) {
	lsr_body_t body;
	uint64_t low;
	lsr_rcu_enter();
	const lsr_scope_t *scope = lsr_engine_scope6_of(engine, address.high);
	const uint32_t id = scope != NULL ? lsr_index_find(&scope->sparse->index, address.low) : LSR_NO_RECORD;
	const bool has = id != LSR_NO_RECORD && lsr_sparse_read(&engine->pages, engine->shadows, id, &body, &low) &&
			 low == address.low && !lsr_body_is_empty(&body);
	lsr_rcu_leave();
	return has;
}

lessor_status_t
lessor_lease6_release(lessor_engine_t *engine, lessor_address6_t address, const uint8_t *duid, size_t duid_bytes,
		      uint32_t iaid, lessor_filetime_t now, lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	lsr_lease6_t form;
	lsr_lease6_t client;
	const lessor_lease6_t over = {.address = address, .expires_at = now};
	if (!is_legal_end(address, duid, duid_bytes, iaid, now, &client) ||
	    !lsr_lease6_form(&over, LESSOR_FIELD_EXPIRES, &form)) {
		return LESSOR_INVALID;
	}
	uint64_t end = 0;
	status = lsr_engine_update6_if(engine, &form, LESSOR_FIELD_EXPIRES | LESSOR_IF_RESERVED,
				       duid != NULL ? client.client : NULL, client.client_bytes, lsr_decide_release,
				       NULL, &end);
	return status == LESSOR_OK ? lsr_engine_finish(engine, end, mode, ticket) : status;
}

/* The lease that keeps an address away from everybody: its client is the address. */
#define DECLINED_IAID       UINT32_C(0x00424144) /* "BAD" */
#define DECLINED_DUID_BYTES 16u

static void
make_declined(lessor_address6_t address, lessor_filetime_t now, lessor_filetime_t expires_at, lsr_lease6_t *form) {
	lessor_lease6_t lease;
	uint8_t duid[DECLINED_DUID_BYTES];
	for (unsigned i = 0; i < sizeof(uint64_t); i++) {
		duid[i] = (uint8_t)(address.high >> (56 - 8 * i));
		duid[sizeof(uint64_t) + i] = (uint8_t)(address.low >> (56 - 8 * i));
	}
	lessor_lease6_init(&lease);
	lease.address = address;
	lease.duid = duid;
	lease.duid_bytes = sizeof(duid);
	lease.iaid = DECLINED_IAID;
	lease.address_state = LESSOR_STATE_DECLINED;
	lease.expires_at = lease.preferred_expires_at = expires_at;
	lease.name = "BAD_ADDRESS";
	lease.last_transaction_s = lsr_unix_s(now);
	(void)lsr_lease6_form(&lease, LESSOR_FIELD_ALL, form); /* which has a copy of the DUID */
}

/* When a hold ends. False: no scope has this address. */
static bool
end_of_hold(const lessor_engine_t *engine, uint64_t prefix, lessor_filetime_t now, uint32_t hold_s,
	    lessor_filetime_t *expires_at) {
	lsr_rcu_enter();
	const lsr_scope_t *scope = lsr_engine_scope6_of(engine, prefix);
	if (scope != NULL) {
		*expires_at = lsr_end_of_hold(scope, now, hold_s);
	}
	lsr_rcu_leave();
	return scope != NULL;
}

lessor_status_t
lessor_lease6_decline(lessor_engine_t *engine, lessor_address6_t address, const uint8_t *duid, size_t duid_bytes,
		      uint32_t iaid, lessor_filetime_t now, uint32_t hold_s, lessor_mode_t mode,
		      lessor_ticket_t *ticket) {
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	lsr_lease6_t client;
	lessor_filetime_t expires_at;
	if (!is_legal_end(address, duid, duid_bytes, iaid, now, &client)) {
		return LESSOR_INVALID;
	}
	if (!end_of_hold(engine, address.high, now, hold_s, &expires_at)) {
		return LESSOR_NO_SCOPE;
	}
	uint64_t end = 0;
	lsr_lease6_t declined;
	make_declined(address, now, expires_at, &declined);
	do {
		if (has_lease(engine, address)) {
			status = lsr_engine_update6_if(engine, &declined, LSR_DECLINED_FIELDS,
						       duid != NULL ? client.client : NULL, client.client_bytes,
						       lsr_decide_decline, NULL, &end);
		} else {
			lsr_binding6_t binding = {.client = duid != NULL ? &client : NULL, .needs_offer = duid != NULL};
			status = run_binding(engine, &binding, &declined, &end);
		}
	} while ((status == LESSOR_ADDRESS_TAKEN && has_lease(engine, address)) ||
		 (status == LESSOR_NOT_FOUND && duid == NULL));
	if (status != LESSOR_OK) {
		return status;
	}
	if (duid != NULL) {
		(void)withdraw(engine, address.high, &client, address.low);
	}
	return lsr_engine_finish(engine, end, mode, ticket);
}
