/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a DHCP server does: offers (offers.h), and binding, releasing and declining, which are creates and updates of leases with questions asked first.
 *
 * What is asked first only chooses between create and update, and the fields of a bind. Under the claim of the record, a create meets the record's word, which says whether the address is
 * offered, and knows the word that the client's own offer gave it; an update decides by the lease as it is then: a bind asks once more what it was chosen by, and starts over if that
 * changed; a release decides there whether there is anything to end, a decline whether the address is reserved.
 */
#include <lessor/server.h>

#include "server_p.h"

#include <lessor/expire.h>

#include <string.h>

#include "base/clock.h"

#define ALL_FLAGS       ((uint32_t)(LESSOR_OFFER_RECLAIM | LESSOR_OFFER_SUPERSCOPE))
#define SECTION_ENDS    256u /* offers that end in one read-side section */
#define SECTION_BUCKETS 64u

/* ---- ending offers ------------------------------------------------------------------------------------------------- */

lsr_scope_t *
lsr_offer_scope(const lessor_engine_t *engine, const lsr_offer_t *offer) {
	lsr_scope_t *scope = offer->prefix != 0 ? lsr_engine_scope6_of(engine, offer->prefix)
						: lsr_engine_scope_of(engine, offer->place);
	return scope != NULL && scope->uid == offer->uid &&
			       (scope->is_sparse || lsr_table_peek(&scope->table, offer->place) == offer->record_id)
		       ? scope
		       : NULL;
}

bool
lsr_offer_stands(const lessor_engine_t *engine, const lsr_offer_t *offer) {
	const lsr_record_t *record = lsr_pages_record(&engine->pages, offer->record_id);
	return ((lsr_record_word(record) ^ offer->word) & ~(uint64_t)LSR_WORD_CLAIM) == 0;
}

/* Give its address back. In this order for allocate.c: free for searches, counted, then no offer any more. */
static void
free_offered(const lessor_engine_t *engine, lsr_scope_t *scope, const lsr_offer_t *offer, lsr_record_t *record) {
	lsr_table_free(scope->is_sparse ? lsr_sparse_table(scope->sparse, offer->place) : &scope->table, offer->place);
	(void)atomic_fetch_add_explicit(&scope->counters.releases, 1, memory_order_seq_cst);
	if (scope->is_sparse) {
		(void)lsr_index_remove(&scope->sparse->index, offer->low, offer->record_id);
	}
	lsr_engine_uncount_offer(scope, lsr_engine_unit_of(engine, scope, offer->place, offer->record_id));
	atomic_store_explicit(&record->word, lsr_word_next(offer->word, 0), memory_order_release); /* R5 */
}

/* Of a lease it only ends what keeps sweeps away. The record is claimed. */
static void
give_back(const lessor_engine_t *engine, lsr_scope_t *scope, const lsr_offer_t *offer, lsr_record_t *record) {
	if ((offer->word & LSR_WORD_LIVE) != 0) {
		atomic_store_explicit(&record->word, lsr_word_next(offer->word, LSR_WORD_LIVE),
				      memory_order_release); /* R5 */
	} else {
		free_offered(engine, scope, offer, record);
	}
}

bool
lsr_offer_end(lessor_engine_t *engine, lsr_offer_shard_t *shard, lsr_offer_t *offer) {
	lsr_scope_t *scope = lsr_offer_scope(engine, offer);
	lsr_record_t *record = lsr_pages_record(&engine->pages, offer->record_id);
	if (scope != NULL && lsr_offer_stands(engine, offer)) {
		uint64_t word = offer->word;
		if (atomic_load_explicit(&scope->gate, memory_order_seq_cst) != LSR_GATE_OPEN ||
		    (!atomic_compare_exchange_strong_explicit(&record->word, &word, word | LSR_WORD_CLAIM,
							      memory_order_acq_rel, memory_order_relaxed) &&
		     lsr_offer_stands(engine, offer))) {
			return false;
		}
		if (word == offer->word) {
			give_back(engine, scope, offer, record);
		}
	}
	lsr_offers_remove(&engine->offers, shard, offer);
	return true;
}

/* Of one shard. Returns how many. */
static uint32_t
end_offers_of(lessor_engine_t *engine, lsr_offer_shard_t *shard, uint64_t now_ns, uint32_t max) {
	uint32_t ended = 0;
	lsr_rcu_enter();
	(void)pthread_mutex_lock(&shard->lock);
	while (ended < max && shard->count > 0 && shard->heap[0]->until_ns <= now_ns &&
	       lsr_offer_end(engine, shard, shard->heap[0])) {
		ended++;
	}
	if (shard->count > 0) {
		lsr_offers_note(&engine->offers, shard->heap[0]->until_ns);
	}
	(void)pthread_mutex_unlock(&shard->lock);
	lsr_rcu_leave();
	return ended;
}

/* With 'walk' locked: through all shards. */
static void
walk_offers(lessor_engine_t *engine, uint64_t now_ns, uint32_t max) {
	uint32_t ended = 0;
	lsr_offers_t *offers = &engine->offers;
	atomic_store_explicit(&offers->walks, true, memory_order_relaxed);
	/* Forgotten before one looks: what is entered behind that is noted behind it. */
	atomic_store_explicit(&offers->due_ns, UINT64_MAX, memory_order_seq_cst); /* O1 */
	for (unsigned i = 0; i < LSR_OFFER_SHARDS; i++) {
		uint32_t some;
		do {
			some = end_offers_of(engine, &offers->shard[i], now_ns,
					     (uint32_t)lsr_min_u64(max - ended, SECTION_ENDS));
			ended += some;
		} while (some == SECTION_ENDS);
	}
	if (ended > 0) {
		(void)atomic_fetch_add_explicit(&offers->walked, 1, memory_order_relaxed);
	}
	atomic_store_explicit(&offers->walks, false, memory_order_release); /* O2 */
}

void
lsr_engine_end_offers_slowly(lessor_engine_t *engine, uint32_t max) {
	lsr_offers_t *offers = &engine->offers;
	const uint64_t now_ns = lsr_clock_ns();
	const uint64_t due_ns = atomic_load_explicit(&offers->due_ns, memory_order_acquire);
	const bool walks = atomic_load_explicit(&offers->walks, memory_order_acquire);
	/* By the way, not more often than it is worth. */
	if (max == UINT32_MAX ? now_ns < due_ns && !walks
			      : walks || now_ns < due_ns || now_ns - due_ns < LSR_NS_PER_MS) {
		return;
	}
	(void)pthread_mutex_lock(&offers->walk);
	if (now_ns >= atomic_load_explicit(&offers->due_ns, memory_order_relaxed)) {
		walk_offers(engine, now_ns, max);
	}
	(void)pthread_mutex_unlock(&offers->walk);
}

bool
lsr_engine_end_offers_since(lessor_engine_t *engine, uint64_t *walked) {
	const uint64_t before = *walked;
	lsr_engine_end_offers(engine, UINT32_MAX);
	*walked = lsr_engine_walked(engine);
	return *walked != before;
}

/* Of some buckets of a shard. The record is nobody's any more, or somebody else's. */
static void
forget_offers_of(lessor_engine_t *engine, lsr_offer_shard_t *shard, unsigned first_bucket) {
	lsr_rcu_enter();
	(void)pthread_mutex_lock(&shard->lock);
	for (unsigned i = 0; shard->count > 0 && i < SECTION_BUCKETS; i++) {
		for (lsr_offer_t *offer = shard->bucket[first_bucket + i], *next; offer != NULL; offer = next) {
			next = offer->next;
			if (lsr_offer_scope(engine, offer) == NULL) {
				lsr_offers_remove(&engine->offers, shard, offer);
			}
		}
	}
	(void)pthread_mutex_unlock(&shard->lock);
	lsr_rcu_leave();
}

void
lsr_engine_forget_offers(lessor_engine_t *engine) {
	lsr_offers_t *offers = &engine->offers;
	if (atomic_load_explicit(&offers->count, memory_order_relaxed) == 0) {
		return;
	}
	for (unsigned i = 0; i < LSR_OFFER_SHARDS; i++) {
		for (unsigned bucket = 0; bucket < LSR_OFFER_BUCKETS; bucket += SECTION_BUCKETS) {
			forget_offers_of(engine, &offers->shard[i], bucket);
		}
	}
}

/* ---- offering ------------------------------------------------------------------------------------------------------ */

/* One offer in the making. */
typedef struct {
	lsr_search_t search;
	const lessor_offer_request_t *request;
	uint32_t subnet;
	lessor_filetime_t now;
	lessor_filetime_t until;
	uint64_t now_ns;
	uint64_t until_ns;
	lsr_offer_client_t client;
	lsr_offer_shard_t *shard;
	uint32_t address; /* the answer */
	lessor_status_t status;
	lsr_step_t step;
	const lsr_record_t *blocker;
} lsr_offering_t;

static void
decide(lsr_offering_t *offering, lessor_status_t status) {
	offering->status = status;
	offering->step = LSR_STEP_DONE;
}

static void
answer(lsr_offering_t *offering, uint32_t address) {
	offering->address = address;
	decide(offering, LESSOR_OK);
}

/* The client's own lease in a scope. False: it has none. Inside a read-side section. */
static bool
find_own(const lessor_engine_t *engine, const lsr_scope_t *scope, const uint8_t *client_id, size_t client_id_bytes,
	 uint32_t *address, lsr_body_t *body) {
	const uint32_t id = lsr_engine_find_client(engine, scope, client_id, client_id_bytes);
	if (id == LSR_NO_RECORD || !lsr_record_read(lsr_pages_record(&engine->pages, id), engine->shadows, body) ||
	    lsr_body_is_empty(body) || !lsr_body_is_client(body, client_id, client_id_bytes)) {
		return false;
	}
	*address = lsr_table_address(&scope->table, &engine->pages, id);
	return true;
}

bool
lsr_body_is_held(const lsr_body_t *body, lessor_filetime_t now) {
	return (body->address_state & LESSOR_STATE_MASK) == LESSOR_STATE_DECLINED &&
	       !(lsr_time_comes(body->expires_at) && body->expires_at <= now);
}

/* Is it of a reservation whose client has not come? */
static bool
is_dormant(const lsr_body_t *body) {
	return lsr_body_is_reserved(body) && body->expires_at == LESSOR_TIME_NONE;
}

/* An offer for the client, not entered yet. NULL: decided. */
static lsr_offer_t *
make_fresh(lsr_offering_t *offering) {
	bool at_limit;
	lsr_offer_t *offer =
		lsr_offers_new(&offering->search.engine->offers, offering->shard, &offering->client, &at_limit);
	if (offer == NULL) {
		decide(offering, at_limit ? LESSOR_LIMIT : LESSOR_NO_MEMORY);
	}
	return offer;
}

static void
enter_fresh(lsr_offering_t *offering, lsr_offer_t *offer, uint32_t address, uint32_t record_id, uint64_t word) {
	offer->low = offer->place = address;
	offer->record_id = record_id;
	offer->word = word;
	offer->until_ns = offering->until_ns;
	lsr_offers_enter(&offering->search.engine->offers, offering->shard, offer);
	answer(offering, address);
}

/* Offer this address. False: it is not to be had. */
static bool
try_address(lsr_search_t *search, uint32_t address) {
	lsr_offering_t *offering = LSR_CONTAINER(search, lsr_offering_t, search);
	lsr_scope_t *scope = search->scope;
	lsr_pages_t *pages = &search->engine->pages;
	uint64_t word;
	const uint32_t id = lsr_table_touch(&scope->table, pages, address);
	search->waits = false;
	if (id == LSR_NO_RECORD) {
		decide(offering, lsr_pages_at_limit(pages) ? LESSOR_LIMIT : LESSOR_NO_MEMORY);
		return true;
	}
	lsr_record_t *record = lsr_pages_record(pages, id);
	const bool has_claim = lsr_record_claim(record, &word);
	if (!has_claim || (word & (LSR_WORD_LIVE | LSR_WORD_OFFER)) != 0) {
		if (has_claim) {
			lsr_record_unclaim(record, word);
		}
		search->waits = !has_claim && (word & LSR_WORD_LIVE) == 0;
		if (search->waits || !lsr_table_is_taken(&scope->table, address)) {
			search->in_doubt = record;
		}
		return false;
	}
	/* Now that nothing can fail any more: nobody is told of a limit because of an offer that never was. */
	lsr_offer_t *offer = make_fresh(offering);
	if (offer == NULL) {
		lsr_record_unclaim(record, word);
		return true;
	}
	lsr_table_take(&scope->table, address, LESSOR_TIME_NONE);
	(void)atomic_fetch_add_explicit(&scope->counters.offered, lsr_engine_unit(scope, address),
					memory_order_relaxed);
	const uint64_t offered = lsr_word_next(word, LSR_WORD_OFFER);
	atomic_store_explicit(&record->word, offered, memory_order_release); /* R5 */
	lsr_engine_go_on_behind(scope, address);
	enter_fresh(offering, offer, address, id, offered);
	return true;
}

static void
wait_for(lsr_offering_t *offering, const lsr_record_t *record) {
	offering->blocker = record;
	offering->step = LSR_STEP_RECORD;
}

/* With the shard locked: the offer that the client has. False: none, and none is in the way. */
static bool
renew_offer(lessor_engine_t *engine, lsr_offering_t *offering) {
	lsr_offer_t *offer = lsr_offers_find(offering->shard, &offering->client);
	if (offer == NULL) {
		return false;
	}
	if (offering->now_ns < offer->until_ns && lsr_offer_stands(engine, offer) &&
	    lsr_offer_scope(engine, offer) != NULL && lsr_scope_in_pool(offering->search.config, offer->place)) {
		lsr_offers_move(&engine->offers, offering->shard, offer, offering->until_ns);
		answer(offering, offer->place);
		return true;
	}
	const lsr_record_t *record = lsr_pages_record(&engine->pages, offer->record_id);
	if (!lsr_offer_end(engine, offering->shard, offer)) {
		wait_for(offering, record);
		return true;
	}
	return false;
}

/* With the shard locked: look for a free address. */
static void
offer_free(lsr_offering_t *offering) {
	lsr_search_t *search = &offering->search;
	const uint64_t deletes = lsr_engine_deletes_of(search->scope);
	if (!lsr_engine_search(search, offering->request->hint)) {
		if (search->in_doubt != NULL) {
			wait_for(offering, search->in_doubt);
		} else if (lsr_engine_deletes_of(search->scope) == deletes) {
			decide(offering, LESSOR_EXHAUSTED);
		} else {
			offering->step = LSR_STEP_AGAIN;
		}
	} else if (offering->step != LSR_STEP_DONE) {
		wait_for(offering, search->in_doubt); /* the hint's */
	}
}

bool
lsr_body_may_be_swept(const lsr_body_t *body, lessor_filetime_t until) {
	return lsr_time_comes(lsr_body_ends_at(body)) && body->expires_at <= until;
}

bool
lsr_record_is_own(const lsr_record_t *record, uint64_t word, const lsr_offer_client_t *client) {
	lsr_body_t body;
	if ((word & LSR_WORD_LIVE) == 0) {
		return false;
	}
	lsr_body_load(record, &body);
	return !lsr_body_is_empty(&body) && lsr_body_is_client(&body, client->client_id, client->client_id_bytes);
}

/* With the shard locked: keep sweeps away from the client's own lease. */
static void
offer_own(lessor_engine_t *engine, lsr_offering_t *offering, uint32_t address) {
	uint64_t word;
	const uint32_t id = lsr_table_peek(&offering->search.scope->table, address);
	lsr_record_t *record = lsr_pages_record(&engine->pages, id);
	lsr_offer_t *offer = lsr_offers_find(offering->shard, &offering->client);
	if (offer != NULL && offer->record_id == id && lsr_offer_stands(engine, offer)) {
		lsr_offers_move(&engine->offers, offering->shard, offer, offering->until_ns);
		answer(offering, address);
		return;
	}
	const lsr_record_t *before = offer != NULL ? lsr_pages_record(&engine->pages, offer->record_id) : NULL;
	if (offer != NULL && !lsr_offer_end(engine, offering->shard, offer)) {
		wait_for(offering, before);
		return;
	}
	if (!lsr_record_claim(record, &word)) {
		wait_for(offering, record);
		return;
	}
	const bool is_there = lsr_record_is_own(record, word, &offering->client);
	lsr_offer_t *fresh = is_there ? make_fresh(offering) : NULL;
	if (fresh == NULL) {
		lsr_record_unclaim(record, word);
		offering->step = is_there ? offering->step : LSR_STEP_AGAIN;
		return;
	}
	const uint64_t kept = lsr_word_next(word, LSR_WORD_LIVE | LSR_WORD_KEPT);
	atomic_store_explicit(&record->word, kept, memory_order_release); /* R5 */
	enter_fresh(offering, fresh, address, id, kept);
}

/* One try, inside a read-side section. */
static void
try_offer(lessor_engine_t *engine, lsr_offering_t *offering) {
	lsr_body_t body;
	uint32_t address;
	const uint8_t *client_id = offering->client.client_id;
	const size_t client_id_bytes = offering->client.client_id_bytes;
	lsr_scope_t *scope = lsr_engine_scope_named(engine, offering->subnet);
	offering->step = LSR_STEP_GATE;
	if (scope == NULL) {
		decide(offering, LESSOR_NO_SCOPE);
		return;
	}
	if (atomic_load_explicit(&scope->gate, memory_order_seq_cst) != LSR_GATE_OPEN) {
		return;
	}
	offering->step = LSR_STEP_OPEN;
	offering->client.key = lsr_engine_client_key(engine, scope, client_id, client_id_bytes);
	offering->client.uid = scope->uid;
	offering->search = (lsr_search_t){
		.engine = engine, .scope = scope, .config = lsr_scope_config(scope), .take = try_address};
	if (find_own(engine, scope, client_id, client_id_bytes, &address, &body)) {
		if (lsr_body_is_held(&body, offering->now)) {
			decide(offering, LESSOR_CONFLICT);
		} else if (lsr_body_may_be_swept(&body, offering->until)) {
			offering->shard = lsr_offers_lock(&engine->offers, offering->client.key);
			offer_own(engine, offering, address);
			lsr_offers_unlock(offering->shard);
		} else {
			answer(offering, address);
		}
		return;
	}
	if (lsr_engine_find_reserved_empty(engine, scope, client_id, client_id_bytes, &address)) {
		answer(offering, address);
		return;
	}
	offering->shard = lsr_offers_lock(&engine->offers, offering->client.key);
	if (!renew_offer(engine, offering)) {
		offer_free(offering);
	}
	lsr_offers_unlock(offering->shard);
}

/* What is left of offers that are over stands in nobody's way. */
static bool
may_go_on(lessor_engine_t *engine, const lsr_offering_t *offering, uint64_t *walked) {
	return (offering->status == LESSOR_EXHAUSTED || offering->status == LESSOR_LIMIT) &&
	       lsr_engine_end_offers_since(engine, walked);
}

/* In the scope offering->subnet. */
static lessor_status_t
offer_in(lessor_engine_t *engine, lsr_offering_t *offering) {
	uint64_t walked = lsr_engine_walked(engine);
	do {
		do {
			lsr_rcu_enter();
			try_offer(engine, offering);
			lsr_rcu_leave();
			if (offering->step != LSR_STEP_DONE) {
				lsr_engine_await(engine, offering->step, offering->blocker);
			}
		} while (offering->step != LSR_STEP_DONE);
	} while (may_go_on(engine, offering, &walked));
	return offering->status;
}

/* Remove some leases of the scope that are over. *removed: whether there were any. */
static lessor_status_t
reclaim(lessor_engine_t *engine, uint32_t subnet, lessor_filetime_t now, bool *removed) {
	lessor_scope_t scope;
	lessor_cursor_t cursor;
	lessor_expire_options_t options;
	lessor_expire_report_t report = {0};
	lessor_status_t status = lessor_scope_get(engine, subnet, &scope, NULL, 0);
	lessor_expire_options_init(&options);
	options.limit = LSR_RECLAIM_LOOKS;
	options.doom_s = UINT32_MAX;
	lessor_cursor_init(&cursor, subnet, status == LESSOR_OK ? subnet | ~scope.mask : subnet);
	while (status == LESSOR_OK && report.removed == 0) {
		status = lessor_expire(engine, now, &options, &cursor, &report, LESSOR_ASYNC, NULL);
	}
	*removed = report.removed > 0;
	return status == LESSOR_END || status == LESSOR_NOT_FOUND ? LESSOR_OK : status;
}

static uint64_t
deletes_in(const lessor_engine_t *engine, uint32_t subnet) {
	lsr_rcu_enter();
	const lsr_scope_t *scope = lsr_engine_scope_named(engine, subnet);
	const uint64_t deletes = scope != NULL ? lsr_engine_deletes_of(scope) : 0;
	lsr_rcu_leave();
	return deletes;
}

void
lsr_engine_await_sweeps(const lessor_engine_t *engine) {
	if (atomic_load_explicit(&engine->sweeps, memory_order_acquire) != 0) {
		lsr_rcu_synchronize();
	}
}

static lessor_status_t
offer_or_reclaim(lessor_engine_t *engine, lsr_offering_t *offering) {
	bool removed = false;
	lessor_status_t status;
	const bool reclaims = (offering->request->flags & LESSOR_OFFER_RECLAIM) != 0;
	do {
		const uint64_t deletes = reclaims ? deletes_in(engine, offering->subnet) : 0;
		status = offer_in(engine, offering);
		if (status != LESSOR_EXHAUSTED || !reclaims) {
			return status;
		}
		status = reclaim(engine, offering->subnet, offering->now, &removed);
		lsr_engine_await_sweeps(engine);
		removed = removed || deletes_in(engine, offering->subnet) != deletes;
	} while (status == LESSOR_OK && removed);
	return status == LESSOR_OK ? LESSOR_EXHAUSTED : status;
}

/* The number of the superscope that a scope is in; 0. Inside a read-side section. */
static uint32_t
superscope_of(const lessor_engine_t *engine, const lsr_scope_t *scope) {
	const uint32_t number = lsr_scope_config(scope)->superscope;
	return lsr_superscopes_get(&engine->superscopes, number) != NULL ? number : 0;
}

/* The next scope from the cursor on that is in this superscope. */
static bool
next_sibling(const lessor_engine_t *engine, lsr_scope_cursor_t *cursor, uint32_t number, uint32_t *subnet) {
	for (bool more = true; more;) {
		lsr_rcu_enter();
		const lsr_scope_t *scope = lsr_engine_next_scope(engine, cursor);
		more = scope != NULL && !scope->is_sparse;
		const bool is_one = more && superscope_of(engine, scope) == number;
		*subnet = is_one ? scope->subnet : 0;
		lsr_rcu_leave();
		if (is_one) {
			return true;
		}
	}
	return false;
}

/* The scope that was asked for has nothing; the others of its superscope. */
static lessor_status_t
offer_elsewhere(lessor_engine_t *engine, lsr_offering_t *offering) {
	lsr_scope_cursor_t cursor = {0};
	lessor_status_t status = LESSOR_EXHAUSTED;
	lsr_rcu_enter();
	const lsr_scope_t *scope = lsr_engine_scope_named(engine, offering->request->subnet);
	const uint32_t number = scope != NULL ? superscope_of(engine, scope) : 0;
	lsr_rcu_leave();
	while (number != 0 && status == LESSOR_EXHAUSTED && next_sibling(engine, &cursor, number, &offering->subnet)) {
		if (offering->subnet != offering->request->subnet) {
			const lessor_status_t there = offer_or_reclaim(engine, offering);
			status = there != LESSOR_NO_SCOPE ? there : status; /* deleted since */
		}
	}
	return status;
}

lessor_status_t
lessor_offer_make(lessor_engine_t *engine, const lessor_offer_request_t *request, lessor_offer_t *offer) {
	lessor_status_t status = lsr_engine_for_change(engine, LESSOR_ASYNC);
	if (status != LESSOR_OK) {
		return status;
	}
	if (request == NULL || offer == NULL || request->client_id == NULL || request->client_id_bytes == 0 ||
	    (request->flags & ~ALL_FLAGS) != 0 || request->hold_ms > LESSOR_HOLD_MAX_MS) {
		return LESSOR_INVALID;
	}
	lsr_engine_end_offers(engine, LSR_OFFERS_BY_THE_WAY);
	const uint64_t hold_ms = request->hold_ms != 0 ? request->hold_ms : LESSOR_DEFAULT_HOLD_MS;
	lsr_offering_t offering = {
		.request = request,
		.subnet = request->subnet,
		.now = request->now != LESSOR_TIME_NONE ? request->now : lessor_time_now(),
		.now_ns = lsr_clock_ns(),
		.client = {.client_id = request->client_id, .client_id_bytes = request->client_id_bytes}};
	offering.until_ns = offering.now_ns + hold_ms * LSR_NS_PER_MS;
	offering.until = offering.now < LESSOR_TIME_INFINITE - hold_ms * LSR_TICKS_PER_MS
				 ? offering.now + hold_ms * LSR_TICKS_PER_MS
				 : LESSOR_TIME_INFINITE;
	status = offer_or_reclaim(engine, &offering);
	if (status == LESSOR_EXHAUSTED && (request->flags & LESSOR_OFFER_SUPERSCOPE) != 0) {
		status = offer_elsewhere(engine, &offering);
	}
	if (status == LESSOR_OK) {
		*offer = (lessor_offer_t){.address = offering.address, .subnet = offering.subnet};
	}
	return status;
}

/* ---- withdrawing --------------------------------------------------------------------------------------------------- */

lsr_offer_client_t
lsr_offer_client(const lessor_engine_t *engine, const lsr_scope_t *scope, const uint8_t *client_id,
		 size_t client_id_bytes) {
	return (lsr_offer_client_t){.key = lsr_engine_client_key(engine, scope, client_id, client_id_bytes),
				    .uid = scope->uid,
				    .client_id = client_id,
				    .client_id_bytes = (uint16_t)client_id_bytes};
}

lessor_status_t
lsr_offer_withdraw(lessor_engine_t *engine, const lsr_scope_t *scope, const uint8_t *client_id, size_t client_id_bytes,
		   uint64_t only, const lsr_record_t **blocker) {
	const lsr_offer_client_t client = lsr_offer_client(engine, scope, client_id, client_id_bytes);
	lessor_status_t status = LESSOR_NOT_FOUND;
	lsr_offer_shard_t *shard = lsr_offers_lock(&engine->offers, client.key);
	lsr_offer_t *offer = lsr_offers_find(shard, &client);
	*blocker = NULL;
	if (offer != NULL && (only == 0 || offer->low == only)) {
		const lsr_record_t *record = lsr_pages_record(&engine->pages, offer->record_id);
		const bool stood = lsr_offer_stands(engine, offer) && lsr_clock_ns() < offer->until_ns;
		*blocker = lsr_offer_end(engine, shard, offer) ? NULL : record;
		status = stood ? LESSOR_OK : LESSOR_NOT_FOUND;
	}
	lsr_offers_unlock(shard);
	return status;
}

/* In the scope that has this address. */
static lessor_status_t
withdraw(lessor_engine_t *engine, uint32_t address, const uint8_t *client_id, uint8_t client_id_bytes, uint32_t only) {
	for (;;) {
		const lsr_record_t *blocker = NULL;
		lessor_status_t status = LESSOR_NO_SCOPE;
		lsr_step_t step = LSR_STEP_DONE;
		lsr_rcu_enter();
		const lsr_scope_t *scope = lsr_engine_scope_of(engine, address);
		if (scope != NULL && atomic_load_explicit(&scope->gate, memory_order_seq_cst) != LSR_GATE_OPEN) {
			step = LSR_STEP_GATE;
		} else if (scope != NULL) {
			status = lsr_offer_withdraw(engine, scope, client_id, client_id_bytes, only, &blocker);
			step = blocker != NULL ? LSR_STEP_RECORD : LSR_STEP_DONE;
		}
		lsr_rcu_leave();
		if (step == LSR_STEP_DONE) {
			return status;
		}
		lsr_engine_await(engine, step, blocker);
	}
}

lessor_status_t
lessor_offer_withdraw(lessor_engine_t *engine, uint32_t subnet, const uint8_t *client_id, size_t client_id_bytes) {
	const lessor_status_t status = lsr_engine_for_change(engine, LESSOR_ASYNC);
	if (status != LESSOR_OK) {
		return status;
	}
	if (client_id == NULL || client_id_bytes == 0 || client_id_bytes > LESSOR_CLIENT_ID_MAX_BYTES) {
		return LESSOR_INVALID;
	}
	lsr_rcu_enter();
	const bool is_scope = lsr_engine_scope_named(engine, subnet) != NULL;
	lsr_rcu_leave();
	return is_scope ? withdraw(engine, subnet, client_id, (uint8_t)client_id_bytes, 0) : LESSOR_NO_SCOPE;
}

/* ---- binding what is not there ------------------------------------------------------------------------------------- */

/* A lease in the making, at an address that is given. */
typedef struct {
	lsr_create_t create;
	const uint8_t *client_id; /* whose offer may be in the way; NULL: anybody's, and the pool does not matter */
	uint8_t client_id_bytes;
	bool needs_offer;
} lsr_binding_t;

static void
refuse(lsr_create_t *create, lessor_status_t status) {
	create->status = status;
	create->step = LSR_STEP_DONE;
}

uint64_t
lsr_offer_word(lessor_engine_t *engine, const lsr_scope_t *scope, const uint8_t *client_id, size_t client_id_bytes,
	       uint64_t low) {
	if (atomic_load_explicit(&engine->offers.count, memory_order_relaxed) == 0) {
		return 0;
	}
	const lsr_offer_client_t client = lsr_offer_client(engine, scope, client_id, client_id_bytes);
	lsr_offer_shard_t *shard = lsr_offers_lock(&engine->offers, client.key);
	const lsr_offer_t *offer = lsr_offers_find(shard, &client);
	const uint64_t word = offer != NULL && offer->low == low && lsr_clock_ns() < offer->until_ns &&
					      lsr_offer_stands(engine, offer)
				      ? offer->word
				      : 0;
	lsr_offers_unlock(shard);
	return word;
}

/* Claim the address and the client. Inside a read-side section. */
static void
claim_given(lessor_engine_t *engine, lsr_binding_t *binding, uint64_t own_word) {
	lsr_create_t *create = &binding->create;
	create->record_id = lsr_table_touch(&create->scope->table, &engine->pages, create->lease->address);
	if (create->record_id == LSR_NO_RECORD) {
		refuse(create, lsr_pages_at_limit(&engine->pages) ? LESSOR_LIMIT : LESSOR_NO_MEMORY);
		return;
	}
	create->record = lsr_pages_record(&engine->pages, create->record_id);
	lsr_create_claim(engine, create);
	if (create->step == LSR_STEP_CLAIMED && binding->client_id != NULL && (create->word & LSR_WORD_OFFER) != 0 &&
	    create->word != own_word) {
		lsr_create_undo(engine, create);
		refuse(create, LESSOR_ADDRESS_TAKEN);
	}
}

/* Steps 2 to 4. Inside a read-side section. */
static void
try_binding(lessor_engine_t *engine, lsr_binding_t *binding) {
	uint32_t reserved;
	uint64_t own_word = 0;
	lsr_create_t *create = &binding->create;
	const lessor_lease_t *lease = create->lease;
	lsr_scope_t *scope = create->scope = lsr_engine_scope_of(engine, lease->address);
	if (scope == NULL) {
		refuse(create, LESSOR_NO_SCOPE);
		return;
	}
	create->step = LSR_STEP_GATE;
	if (atomic_load_explicit(&scope->gate, memory_order_seq_cst) != LSR_GATE_OPEN) {
		return;
	}
	create->key = lsr_engine_client_key(engine, scope, lease->client_id, lease->client_id_bytes);
	lsr_client_hash_prefetch(&engine->clients, create->key);
	if (lsr_engine_find_reserved_empty(engine, scope, lease->client_id, lease->client_id_bytes, &reserved)) {
		create->step = LSR_STEP_TAKE;
		if (reserved != lease->address) {
			refuse(create, LESSOR_RESERVED);
		}
		return;
	}
	if (binding->client_id != NULL) {
		own_word = lsr_offer_word(engine, scope, binding->client_id, binding->client_id_bytes, lease->address);
		if (own_word == 0 && binding->needs_offer) {
			refuse(create, LESSOR_NOT_FOUND);
			return;
		}
		if (!lsr_scope_in_pool(lsr_scope_config(scope), lease->address)) {
			refuse(create, LESSOR_OUTSIDE);
			return;
		}
	}
	claim_given(engine, binding, own_word);
	if (create->step == LSR_STEP_CLAIMED &&
	    LSR_UNLIKELY(lsr_engine_find_reserved_empty(engine, scope, lease->client_id, lease->client_id_bytes,
							&reserved))) {
		lsr_create_undo(engine, create); /* since we looked: once more */
	}
}

/* The whole of it but waiting for the disk; *end is moved on success. */
static lessor_status_t
run_binding(lessor_engine_t *engine, lsr_binding_t *binding, const lessor_lease_t *lease, uint64_t *end) {
	lsr_create_t *create = &binding->create;
	lsr_create_begin(create, lease);
	lsr_create_prepare(engine, create);
	while (create->step != LSR_STEP_DONE) {
		const lessor_status_t status = lsr_engine_admit(engine, create->log_bytes);
		if (status != LESSOR_OK) {
			refuse(create, status);
			break;
		}
		lsr_rcu_enter();
		try_binding(engine, binding);
		if (create->step == LSR_STEP_CLAIMED) {
			(void)lsr_create_commit(engine, create, end); /* no room: undone, once more */
		}
		lsr_rcu_leave();
		if (create->step == LSR_STEP_TAKE) {
			lsr_create_take(engine, create, end);
		} else if (create->step != LSR_STEP_DONE) {
			lsr_engine_await(engine, create->step, create->blocker);
		}
	}
	lsr_create_drop(create);
	return create->status;
}

/* ---- binding ------------------------------------------------------------------------------------------------------- */

lsr_own_t
lsr_body_own(const lsr_body_t *body, lessor_filetime_t now) {
	return lsr_body_is_held(body, now) ? LSR_OWN_HELD : is_dormant(body) ? LSR_OWN_DORMANT : LSR_OWN_LEASE;
}

static lsr_own_t
look_for_own(lessor_engine_t *engine, const lessor_lease_t *lease, lessor_filetime_t now) {
	lsr_own_t own = LSR_OWN_NOTHING;
	lsr_body_t body;
	uint32_t address;
	lsr_rcu_enter();
	const lsr_scope_t *scope = lsr_engine_scope_of(engine, lease->address);
	if (scope != NULL && find_own(engine, scope, lease->client_id, lease->client_id_bytes, &address, &body)) {
		own = address != lease->address ? LSR_OWN_ELSEWHERE : lsr_body_own(&body, now);
	}
	lsr_rcu_leave();
	return own;
}

/* What a lease that goes on takes over. */
static uint32_t
fields_of(const lessor_lease_t *lease, lsr_own_t own) {
	if (own == LSR_OWN_DORMANT) {
		return ((uint32_t)LESSOR_FIELD_ALL & ~(uint32_t)LESSOR_FIELD_CLIENT_ID) | LESSOR_IF_RESERVED;
	}
	uint32_t fields = LESSOR_FIELD_EXPIRES | LESSOR_FIELD_ADDRESS_STATE | LESSOR_FIELD_LAST_TRANSACTION |
			  LESSOR_FIELD_CLIENT_TYPE | LESSOR_IF_RESERVED;
	fields |= lease->name != NULL ? LESSOR_FIELD_NAME : 0;
	fields |= lease->hardware_bytes != 0 ? LESSOR_FIELD_HARDWARE : 0;
	fields |= lease->owner_name != NULL || lease->owner_address != 0 ? LESSOR_FIELD_OWNER : 0;
	fields |= lease->limit_keys != 0 ? LESSOR_FIELD_LIMIT_KEYS : 0;
	return fields;
}

lessor_status_t
lsr_decide_bind(lsr_change_t *change, void *context) {
	const lsr_seen_t *seen = context;
	return lsr_body_own(&change->old, seen->now) == seen->own ? LESSOR_OK : LESSOR_NOT_FOUND;
}

/* One try. *again: what was seen is not so any more. */
static lessor_status_t
bind_once(lessor_engine_t *engine, const lessor_lease_t *lease, lessor_filetime_t now, uint64_t *end, bool *again) {
	const lsr_own_t own = look_for_own(engine, lease, now);
	lessor_status_t status;
	*again = false;
	if (own == LSR_OWN_ELSEWHERE || own == LSR_OWN_HELD) {
		return own == LSR_OWN_HELD ? LESSOR_CONFLICT : LESSOR_CLIENT_TAKEN;
	}
	if (own != LSR_OWN_NOTHING) {
		lsr_seen_t seen = {.own = own, .now = now};
		status = lsr_engine_update_if(engine, lease, fields_of(lease, own), lease->client_id,
					      lease->client_id_bytes, lsr_decide_bind, &seen, end);
		*again = status == LESSOR_NOT_FOUND || status == LESSOR_OTHER_CLIENT;
		return status;
	}
	lsr_binding_t binding = {.client_id = lease->client_id, .client_id_bytes = lease->client_id_bytes};
	status = run_binding(engine, &binding, lease, end);
	*again = (status == LESSOR_CLIENT_TAKEN || status == LESSOR_ADDRESS_TAKEN || status == LESSOR_OUTSIDE) &&
		 look_for_own(engine, lease, now) != LSR_OWN_NOTHING;
	return status;
}

lessor_status_t
lessor_lease_bind(lessor_engine_t *engine, const lessor_lease_t *lease, lessor_filetime_t now, lessor_mode_t mode,
		  lessor_ticket_t *ticket) {
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	lsr_lease_sizes_t sizes;
	if (lease == NULL || lease->address == 0 || !lsr_lease_check(lease, LESSOR_FIELD_ALL, &sizes)) {
		return LESSOR_INVALID;
	}
	lsr_engine_end_offers(engine, LSR_OFFERS_BY_THE_WAY);
	uint64_t end = 0;
	bool again;
	lessor_lease_t bound = *lease;
	bound.address_state = LESSOR_STATE_ACTIVE;
	now = now != LESSOR_TIME_NONE ? now : lessor_time_now();
	do {
		status = bind_once(engine, &bound, now, &end, &again);
	} while (again);
	if (status != LESSOR_OK) {
		return status;
	}
	if (atomic_load_explicit(&engine->offers.count, memory_order_relaxed) != 0) {
		(void)withdraw(engine, bound.address, bound.client_id, bound.client_id_bytes, 0);
	}
	return lsr_engine_finish(engine, end, mode, ticket);
}

/* ---- releasing and declining --------------------------------------------------------------------------------------- */

static bool
is_legal_end(const uint8_t *client_id, size_t client_id_bytes, lessor_filetime_t now) {
	return (client_id == NULL || (client_id_bytes != 0 && client_id_bytes <= LESSOR_CLIENT_ID_MAX_BYTES)) &&
	       lsr_time_comes(now);
}

/* The record of an address. False: there is no lease. */
static bool
read_lease(const lessor_engine_t *engine, uint32_t address, lsr_body_t *body) {
	lsr_rcu_enter();
	const lsr_scope_t *scope = lsr_engine_scope_of(engine, address);
	const uint32_t id = scope != NULL ? lsr_table_peek(&scope->table, address) : LSR_NO_RECORD;
	const bool is_lease = id != LSR_NO_RECORD &&
			      lsr_record_read(lsr_pages_record(&engine->pages, id), engine->shadows, body) &&
			      !lsr_body_is_empty(body);
	lsr_rcu_leave();
	return is_lease;
}

lessor_status_t
lsr_decide_release(lsr_change_t *change, void *context) {
	const lsr_body_t *old = &change->old;
	(void)context;
	change->fields = LESSOR_IF_RESERVED;
	if (!is_dormant(old) && !(lsr_time_comes(old->expires_at) && old->expires_at <= change->lease->expires_at)) {
		change->fields |= LESSOR_FIELD_EXPIRES;
	}
	return LESSOR_OK;
}

lessor_status_t
lessor_lease_release(lessor_engine_t *engine, uint32_t address, const uint8_t *client_id, size_t client_id_bytes,
		     lessor_filetime_t now, lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	if (address == 0 || !is_legal_end(client_id, client_id_bytes, now)) {
		return LESSOR_INVALID;
	}
	uint64_t end = 0;
	const lessor_lease_t over = {.address = address, .expires_at = now};
	status = lsr_engine_update_if(engine, &over, LESSOR_FIELD_EXPIRES | LESSOR_IF_RESERVED, client_id,
				      client_id_bytes, lsr_decide_release, NULL, &end);
	return status == LESSOR_OK ? lsr_engine_finish(engine, end, mode, ticket) : status;
}

uint32_t
lsr_unix_s(lessor_filetime_t time) {
	const uint64_t unix_s = time / LESSOR_TICKS_PER_SECOND;
	return unix_s > LESSOR_UNIX_EPOCH_FILETIME_S ? (uint32_t)(unix_s - LESSOR_UNIX_EPOCH_FILETIME_S) : 0;
}

lessor_filetime_t
lsr_end_of_hold(const lsr_scope_t *scope, lessor_filetime_t now, uint32_t hold_s) {
	const uint64_t hold = (hold_s != 0 ? hold_s : lsr_scope_config(scope)->lease_s) * LESSOR_TICKS_PER_SECOND;
	return now < LESSOR_TIME_INFINITE - hold ? now + hold : LESSOR_TIME_INFINITE;
}

/* The lease that keeps an address away from everybody. */
#define DECLINED_ID_BYTES 8u

static lessor_lease_t
declined_lease(uint32_t address, lessor_filetime_t now, lessor_filetime_t expires_at, uint8_t id[DECLINED_ID_BYTES]) {
	const uint8_t made_up[DECLINED_ID_BYTES] = {0,
						    'B',
						    'A',
						    'D',
						    (uint8_t)(address >> 24),
						    (uint8_t)(address >> 16),
						    (uint8_t)(address >> 8),
						    (uint8_t)address};
	lessor_lease_t lease;
	memcpy(id, made_up, sizeof(made_up));
	lessor_lease_init(&lease);
	lease.address = address;
	lease.client_id = id;
	lease.client_id_bytes = DECLINED_ID_BYTES;
	lease.client_id_made_up = true;
	lease.client_type = LESSOR_CLIENT_UNSPECIFIED;
	lease.address_state = LESSOR_STATE_DECLINED;
	lease.expires_at = expires_at;
	lease.name = "BAD_ADDRESS";
	lease.last_transaction_s = lsr_unix_s(now);
	return lease;
}

/* When a hold ends. False: no scope has this address. */
static bool
end_of_hold(const lessor_engine_t *engine, uint32_t address, lessor_filetime_t now, uint32_t hold_s,
	    lessor_filetime_t *expires_at) {
	lsr_rcu_enter();
	const lsr_scope_t *scope = lsr_engine_scope_of(engine, address);
	if (scope != NULL) {
		*expires_at = lsr_end_of_hold(scope, now, hold_s);
	}
	lsr_rcu_leave();
	return scope != NULL;
}

lessor_status_t
lsr_decide_decline(lsr_change_t *change, void *context) {
	(void)context;
	change->fields = LSR_DECLINED_FIELDS;
	if (lsr_body_is_reserved(&change->old)) {
		change->fields &= ~(uint32_t)(LESSOR_FIELD_CLIENT_ID | LESSOR_FIELD_NAME);
	}
	return LESSOR_OK;
}

lessor_status_t
lessor_lease_decline(lessor_engine_t *engine, uint32_t address, const uint8_t *client_id, size_t client_id_bytes,
		     lessor_filetime_t now, uint32_t hold_s, lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	lessor_filetime_t expires_at;
	if (address == 0 || !is_legal_end(client_id, client_id_bytes, now)) {
		return LESSOR_INVALID;
	}
	if (!end_of_hold(engine, address, now, hold_s, &expires_at)) {
		return LESSOR_NO_SCOPE;
	}
	uint8_t id[DECLINED_ID_BYTES];
	uint64_t end = 0;
	lsr_body_t body;
	const lessor_lease_t declined = declined_lease(address, now, expires_at, id);
	do {
		if (read_lease(engine, address, &body)) {
			status = lsr_engine_update_if(engine, &declined, LSR_DECLINED_FIELDS, client_id,
						      client_id_bytes, lsr_decide_decline, NULL, &end);
		} else {
			lsr_binding_t binding = {.client_id = client_id,
						 .client_id_bytes = (uint8_t)client_id_bytes,
						 .needs_offer = client_id != NULL};
			status = run_binding(engine, &binding, &declined, &end);
		}
	} while ((status == LESSOR_ADDRESS_TAKEN && read_lease(engine, address, &body)) ||
		 (status == LESSOR_NOT_FOUND && client_id == NULL));
	if (status != LESSOR_OK) {
		return status;
	}
	if (client_id != NULL) {
		(void)withdraw(engine, address, client_id, (uint8_t)client_id_bytes, address);
	}
	return lsr_engine_finish(engine, end, mode, ticket);
}
