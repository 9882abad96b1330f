/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding free addresses, and creating a lease at one.
 *
 * An allocation is a create that looks for its address while it claims: the map of free addresses (lease/free_map.h) proposes one, claiming its
 * record decides. If the record is taken meanwhile, the search goes on behind it.
 *
 * An address that is reserved for the client, and has no lease, comes before all that, and needs no search.
 *
 * When is the pool exhausted? The search has passed over every address of the pool and has seen each as taken: its bit set, which proves a lease at that
 * moment, or an offer (offers.h), whose end is told like that of a lease. (An address whose bit is clear although its record cannot be claimed is in doubt: another call is in the middle of creating or deleting there.
 * If nothing better is found, wait for the outcome and start over.) But each was looked at in a moment of its own, and a lease seen early may be gone before
 * a later one was made. So the deletes of the scope are counted before and after: a delete clears the bit, counts itself, and only then takes its lease
 * away. If the count has not moved, every lease that was seen is still there, and all of the pool is taken at the time of the second look. If it has moved,
 * somebody has freed an address: start over.
 */
#include "engine_p.h"

/* ---- where to look first ------------------------------------------------------------------------------------------- */

/*
 * Every thread goes on from where it was, and begins where no other does, so that threads do not meet at one word. Hints only: two scopes may share
 * a place, which costs no more than beginning anew.
 */
#define LANES 16u

typedef struct {
	uint32_t uid; /* of the scope; 0: none */
	uint32_t next;
} lsr_lane_t;

static _Thread_local lsr_lane_t lanes[LANES];
static _Thread_local uint32_t thread_number; /* 0: not numbered yet */
static _Atomic uint32_t threads_numbered;

/* Spread evenly, however many threads there will be: the first one begins at the beginning. */
uint32_t
lsr_engine_thread_start(uint32_t places) {
	if (thread_number == 0) {
		thread_number = atomic_fetch_add_explicit(&threads_numbered, 1, memory_order_relaxed) + 1;
	}
	const uint32_t fraction = (thread_number - 1) * UINT32_C(0x9E3779B9); /* of 2^32: the golden section */
	return (uint32_t)((uint64_t)places * fraction >> 32);
}

static uint32_t
first_start(const lessor_range_t *range) {
	return range->first + lsr_engine_thread_start(range->last - range->first);
}

static uint32_t
start_of(const lsr_scope_t *scope, const lessor_range_t *range) {
	const lsr_lane_t *lane = &lanes[scope->uid % LANES];
	if (lane->uid != scope->uid) {
		return first_start(range);
	}
	return lane->next >= range->first && lane->next <= range->last ? lane->next : range->first;
}

void
lsr_engine_go_on_behind(const lsr_scope_t *scope, uint32_t address) {
	lanes[scope->uid % LANES] = (lsr_lane_t){.uid = scope->uid, .next = address + 1};
}

/* ---- searching ----------------------------------------------------------------------------------------------------- */

/* The first address of the pool without a lease from 'from' to 'last'. False: none. */
static bool
find_in_pool(const lsr_scope_t *scope, const lsr_scope_config_t *config, uint64_t from, uint32_t last,
	     uint32_t *address) {
	lessor_range_t piece;
	for (; from <= last && lsr_scope_pool_piece(config, from, &piece) && piece.first <= last;
	     from = (uint64_t)piece.last + 1) {
		piece.last = (uint32_t)lsr_min_u64(piece.last, last);
		if (lsr_table_find_free(&scope->table, piece.first, piece.last, address)) {
			return true;
		}
	}
	return false;
}

/* An allocation inside one read-side section. */
typedef struct {
	lsr_search_t search;
	lsr_create_t *create;
	lessor_lease_t *lease; /* create's */
} lsr_allocation_t;

static void
refuse(lsr_create_t *create, lessor_status_t status) {
	create->status = status;
	create->step = LSR_STEP_DONE;
}

/* Claim this address, and the client with it. False: it is not to be had, create->step tells how that was found. */
static bool
try_address(lsr_search_t *search, uint32_t address) {
	lsr_allocation_t *allocation = LSR_CONTAINER(search, lsr_allocation_t, search);
	lessor_engine_t *engine = search->engine;
	lsr_create_t *create = allocation->create;
	lsr_table_t *table = &create->scope->table;
	search->waits = false;
	allocation->lease->address = address;
	create->record_id = lsr_table_touch(table, &engine->pages, address);
	if (create->record_id == LSR_NO_RECORD) {
		refuse(create, lsr_pages_at_limit(&engine->pages) ? LESSOR_LIMIT : LESSOR_NO_MEMORY);
		return true;
	}
	create->record = lsr_pages_record(&engine->pages, create->record_id);
	lsr_create_claim(engine, create);
	if (LSR_UNLIKELY(create->step == LSR_STEP_CLAIMED && (create->word & LSR_WORD_OFFER) != 0)) {
		lsr_create_undo(engine, create); /* offered since we looked */
		return false;
	}
	const bool taken = create->step == LSR_STEP_DONE && create->status == LESSOR_ADDRESS_TAKEN;
	search->waits = create->step == LSR_STEP_RECORD && create->blocker == create->record;
	if (search->waits || (taken && !lsr_table_is_taken(table, address))) {
		search->in_doubt = create->record;
	}
	return !taken && !search->waits;
}

/* From 'from' to 'last'; false: nothing to be had there. */
static bool
try_stretch(lsr_search_t *search, uint64_t from, uint32_t last) {
	uint32_t address;
	while (find_in_pool(search->scope, search->config, from, last, &address)) {
		if (search->take(search, address)) {
			return true;
		}
		from = (uint64_t)address + 1;
	}
	return false;
}

static bool
try_hint(lsr_search_t *search, uint32_t hint) {
	return hint != 0 && lsr_scope_in_pool(search->config, hint) &&
	       !lsr_table_is_taken(&search->scope->table, hint) &&
	       (search->take(search, hint) || search->waits); /* perhaps it is free: wait */
}

static bool
try_pool(lsr_search_t *search) {
	if (!search->config->has_range) {
		return false;
	}
	const lessor_range_t *range = &search->config->range;
	const uint32_t start = start_of(search->scope, range);
	return try_stretch(search, start, range->last) ||
	       (start > range->first && try_stretch(search, range->first, start - 1));
}

bool
lsr_engine_search(lsr_search_t *search, uint32_t hint) {
	search->waits = false;
	return try_hint(search, hint) || try_pool(search);
}

uint64_t
lsr_engine_deletes_of(const lsr_scope_t *scope) {
	return atomic_load_explicit(&scope->counters.deletes[0], memory_order_seq_cst) +
	       atomic_load_explicit(&scope->counters.deletes[1], memory_order_seq_cst) +
	       atomic_load_explicit(&scope->counters.releases, memory_order_seq_cst);
}

static bool
client_has_lease(const lessor_engine_t *engine, const lsr_create_t *create) {
	return lsr_engine_find_client(engine, create->scope, create->lease->client_id,
				      create->lease->client_id_bytes) != LSR_NO_RECORD;
}

bool
lsr_engine_find_reserved_empty(const lessor_engine_t *engine, const lsr_scope_t *scope, const uint8_t *client_id,
			       size_t client_id_bytes, uint32_t *address) {
	if (LSR_LIKELY(lsr_counters_empty(&scope->counters) == 0)) {
		return false;
	}
	lsr_body_t body;
	const uint32_t id = lsr_engine_find_reserved(engine, scope, client_id, client_id_bytes);
	if (id == LSR_NO_RECORD || !lsr_record_read(lsr_pages_record(&engine->pages, id), engine->shadows, &body) ||
	    !lsr_body_is_empty(&body)) {
		return false;
	}
	*address = lsr_table_address(&scope->table, &engine->pages, id);
	return true;
}

static bool
find_reserved(const lessor_engine_t *engine, const lsr_scope_t *scope, lessor_lease_t *lease) {
	return lsr_engine_find_reserved_empty(engine, scope, lease->client_id, lease->client_id_bytes, &lease->address);
}

/* An address is claimed. While the client is, too, no reservation of its can come up without a lease; but one may have since we looked. */
static void
settle_claim(lessor_engine_t *engine, lsr_create_t *create, lessor_lease_t *lease) {
	const uint32_t address = lease->address;
	if (LSR_UNLIKELY(find_reserved(engine, create->scope, lease))) {
		lsr_create_undo(engine, create);
		create->step = LSR_STEP_TAKE;
		return;
	}
	lsr_engine_go_on_behind(create->scope, address);
}

/* Steps 2 to 4 of a create, with an address that is looked for: claimed, decided, or what to wait for. */
static void
claim_somewhere(lessor_engine_t *engine, uint32_t subnet, uint32_t hint, lessor_lease_t *lease, lsr_create_t *create) {
	lsr_scope_t *scope = lsr_engine_scope_named(engine, subnet);
	if (scope == NULL) {
		refuse(create, LESSOR_NO_SCOPE);
		return;
	}
	create->scope = scope;
	create->step = LSR_STEP_GATE;
	if (atomic_load_explicit(&scope->gate, memory_order_seq_cst) != LSR_GATE_OPEN) {
		return;
	}
	create->key = lsr_engine_client_key(engine, scope, lease->client_id, lease->client_id_bytes);
	lsr_client_hash_prefetch(&engine->clients, create->key);
	if (find_reserved(engine, scope, lease)) {
		create->step = LSR_STEP_TAKE;
		return;
	}
	lsr_allocation_t allocation = {
		.search = {.engine = engine, .scope = scope, .config = lsr_scope_config(scope), .take = try_address},
		.create = create,
		.lease = lease};
	const uint64_t deletes = lsr_engine_deletes_of(scope);
	if (lsr_engine_search(&allocation.search, hint)) {
		if (create->step == LSR_STEP_CLAIMED) {
			settle_claim(engine, create, lease);
		}
	} else if (allocation.search.in_doubt != NULL) {
		create->blocker = allocation.search.in_doubt;
		create->step = LSR_STEP_RECORD;
	} else if (find_reserved(engine, scope, lease)) {
		create->step = LSR_STEP_TAKE;
	} else if (client_has_lease(engine, create)) {
		refuse(create, LESSOR_CLIENT_TAKEN);
	} else if (lsr_engine_deletes_of(scope) != deletes) {
		create->step = LSR_STEP_AGAIN;
	} else {
		refuse(create, LESSOR_EXHAUSTED);
	}
}

/* A pool of which nothing is left but offers that are over: with these ended, is it worth another try? */
static bool
may_go_on(lessor_engine_t *engine, lsr_create_t *create, uint64_t *walked) {
	const bool may = create->status == LESSOR_EXHAUSTED && lsr_engine_end_offers_since(engine, walked);
	if (may) {
		create->step = LSR_STEP_AGAIN;
	}
	return may;
}

/* ---- the calls ------------------------------------------------------------------------------------------------------ */

lessor_status_t
lessor_lease_allocate(lessor_engine_t *engine, uint32_t subnet, uint32_t hint, lessor_lease_t *lease,
		      lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	if (lease == NULL) {
		return LESSOR_INVALID;
	}
	uint64_t end = 0;
	uint64_t walked = lsr_engine_walked(engine);
	lsr_create_t create;
	lessor_lease_t placed = *lease;
	lsr_engine_end_offers(engine, LSR_OFFERS_BY_THE_WAY);
	placed.address = 1; /* any that is none at all would be refused */
	lsr_create_begin(&create, &placed);
	lsr_create_prepare(engine, &create);
	while (create.step != LSR_STEP_DONE || may_go_on(engine, &create, &walked)) {
		status = lsr_engine_admit(engine, create.log_bytes);
		if (status != LESSOR_OK) {
			refuse(&create, status);
			break;
		}
		lsr_rcu_enter();
		claim_somewhere(engine, subnet, hint, &placed, &create);
		if (create.step == LSR_STEP_CLAIMED) {
			(void)lsr_create_commit(engine, &create, &end); /* no room: undone, once more */
		}
		lsr_rcu_leave();
		if (create.step == LSR_STEP_TAKE) {
			lsr_create_take(engine, &create, &end);
		} else {
			lsr_engine_await(engine, create.step, create.blocker);
		}
	}
	lsr_create_drop(&create);
	if (create.status == LESSOR_OK) {
		create.status = lsr_engine_finish(engine, end, mode, ticket);
	}
	if (create.status == LESSOR_OK) {
		lease->address = placed.address;
	}
	return create.status;
}

lessor_status_t
lessor_scope_free_addresses(lessor_engine_t *engine, uint32_t subnet, uint32_t first, uint32_t last, uint32_t count,
			    uint32_t *addresses, uint32_t *found) {
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (found == NULL || (addresses == NULL && count != 0) || count > LESSOR_FREE_ADDRESSES_MAX || first > last) {
		return LESSOR_INVALID;
	}
	lsr_engine_end_offers(engine, UINT32_MAX);
	status = LESSOR_NOT_FOUND;
	lsr_rcu_enter();
	const lsr_scope_t *scope = lsr_engine_scope_of(engine, subnet);
	if (scope != NULL && scope->subnet == subnet) {
		const lsr_scope_config_t *config = lsr_scope_config(scope);
		uint64_t from = first;
		uint32_t written = 0;
		while (written < count && find_in_pool(scope, config, from, last, &addresses[written])) {
			from = (uint64_t)addresses[written++] + 1;
		}
		*found = written;
		status = LESSOR_OK;
	}
	lsr_rcu_leave();
	return status;
}
