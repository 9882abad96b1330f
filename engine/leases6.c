/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPv6 leases: what is different about them. Their records lie in any slot of the scope, and an index leads from the lower half of an address to its record (lease/sparse.h).
 *
 * Steps of a create (leases.c) for an IPv6 address: claiming the record is claiming any free slot, which nobody waits for; then the address is entered into the index.
 * If it is there, the record that it leads to decides, as the address's own record does for IPv4: a lease means taken; a claim without a lease, wait; an offer (offers.h), that
 * this is the record to claim.
 * From then on it is the code of IPv4.
 */
#include "engine_p.h"

#include <stdlib.h>
#include <string.h>

#include "base/probe.h"

/* ---- where to look first ------------------------------------------------------------------------------------------- */

/* As in allocate.c: every thread goes on from where it was, and begins where no other does. */
#define LANES 16u

typedef struct {
	uint32_t uid; /* of the scope; 0: none */
	uint32_t place;
} lsr_lane6_t;

static _Thread_local lsr_lane6_t lanes[LANES];

/*
 * A thread that goes through more scopes than it has lanes for finds where it was in the scope itself, if it was the last one who left that there. Another thread goes elsewhere.
 */
static uint32_t
hinted_place(const lsr_scope_t *scope) {
	const uint64_t hint = atomic_load_explicit(&scope->sparse->hint, memory_order_relaxed);
	return LSR_LIKELY(hint >> 32 == (uint32_t)((uintptr_t)lanes >> 4))
		       ? (uint32_t)hint
		       : lsr_engine_thread_start(lsr_sparse_places(lsr_sparse_chunks(scope->sparse)));
}

static uint32_t
place_for(const lsr_scope_t *scope) {
	const lsr_lane6_t *lane = &lanes[scope->uid % LANES];
	return lane->uid == scope->uid ? lane->place : hinted_place(scope);
}

static void
go_on_at(lsr_scope_t *scope, uint32_t place) {
	lsr_lane6_t *lane = &lanes[scope->uid % LANES];
	lane->place = place;
	if (lane->uid != scope->uid) {
		lane->uid = scope->uid;
		atomic_store_explicit(&scope->sparse->hint, (uintptr_t)lanes >> 4 << 32 | place, memory_order_relaxed);
	}
}

/* The same for addresses that are allocated. */
typedef struct {
	uint32_t uid;
	uint64_t low;
} lsr_low_lane_t;

static _Thread_local lsr_low_lane_t low_lanes[LANES];

static uint64_t *
low_lane_of(const lessor_engine_t *engine, const lsr_scope_t *scope) {
	lsr_low_lane_t *lane = &low_lanes[scope->uid % LANES];
	if (LSR_UNLIKELY(lane->uid != scope->uid)) {
		const uint64_t seed[2] = {lsr_engine_thread_start(UINT32_MAX), scope->sparse->prefix};
		/* Somewhere in the /64, where nobody has been: another place for each opening of the store. */
		*lane = (lsr_low_lane_t){.uid = scope->uid,
					 .low = lsr_client_digest(engine->secret, (const uint8_t *)seed, sizeof(seed))};
	}
	return &lane->low;
}

/* ---- creating: the address ------------------------------------------------------------------------------------------ */

static void
decide(lsr_create_t *create, lessor_status_t status) {
	create->status = status;
	create->step = LSR_STEP_DONE;
}

/* A slot that looks free; the next create of this thread gets another. NULL record: none was found at once. */
static void
propose_place(lessor_engine_t *engine, lsr_create_t *create) {
	const uint32_t place = lsr_sparse_find(create->scope->sparse, place_for(create->scope));
	create->record = NULL;
	if (LSR_UNLIKELY(place == LSR_SPARSE_NONE)) {
		return;
	}
	create->place = place;
	create->record_id = lsr_sparse_touch(create->scope->sparse, &engine->pages, place);
	if (LSR_LIKELY(create->record_id != LSR_NO_RECORD)) {
		create->record = lsr_pages_record(&engine->pages, create->record_id);
		go_on_at(create->scope, place + 1);
	}
}

static bool
is_open(const lsr_create_t *create) {
	return LSR_LIKELY(create->step != LSR_STEP_DONE) && LSR_LIKELY(create->scope != NULL);
}

/* As locate_creates() in create.c, stage by stage. */
void
lsr_create6_locate(lessor_engine_t *engine, lsr_create_t *creates, size_t count) {
	lsr_index_probe_t probes[LSR_CHUNK];
	unsigned probed = 0;
	for (size_t i = 0; i < count; i++) {
		lsr_create_t *create = &creates[i];
		if (LSR_UNLIKELY(create->step == LSR_STEP_DONE)) {
			continue;
		}
		create->scope = lsr_engine_scope6_of(engine, create->form->address.high);
		if (LSR_LIKELY(create->scope != NULL)) {
			propose_place(engine, create);
			lsr_prefetch_write(create->record);
			probes[probed++] = (lsr_index_probe_t){.index = &create->scope->sparse->index,
							       .key = create->form->address.low};
		}
	}
	for (size_t i = 0; i < count; i++) {
		if (is_open(&creates[i])) {
			lsr_create_t *create = &creates[i];
			create->key = lsr_engine_client_key(engine, create->scope, create->form->client,
							    create->form->client_bytes);
			lsr_client_hash_prefetch(&engine->clients, create->key);
			lsr_prefetch_write(&create->scope->counters);
			if (create->record != NULL) {
				lsr_prefetch_write(lsr_pages_low(&engine->pages, create->record_id));
			}
		}
	}
	lsr_index_approach(probes, probed);
	for (size_t i = 0, next = 0; next < probed; i++) {
		if (is_open(&creates[i])) {
			creates[i].leaf = probes[next++].at;
		}
	}
}

lessor_status_t
lsr_engine_claim_place(lessor_engine_t *engine, lsr_scope_t *scope, lsr_place_t *claimed) {
	lsr_sparse_t *sparse = scope->sparse;
	uint32_t from = place_for(scope);
	uint32_t chunks = lsr_sparse_chunks(sparse);
	bool lapped = false;
	for (;;) {
		const uint32_t place = lsr_sparse_find(sparse, from);
		const uint32_t id =
			place != LSR_SPARSE_NONE ? lsr_sparse_touch(sparse, &engine->pages, place) : LSR_NO_RECORD;
		if (id != LSR_NO_RECORD &&
		    lsr_record_claim_empty(lsr_pages_record(&engine->pages, id), &claimed->word)) {
			claimed->place = place;
			claimed->record_id = id;
			go_on_at(scope, place + 1);
			return LESSOR_OK;
		}
		if (id != LSR_NO_RECORD) {
			from = place + 1;
		} else if (!lapped) {
			lapped = true;
			from = 0;
		} else if (place == LSR_SPARSE_NONE && lsr_sparse_grow(sparse, chunks)) {
			from = lsr_sparse_places(chunks++);
		} else {
			return chunks == LSR_SPARSE_CHUNKS || lsr_pages_at_limit(&engine->pages) ? LESSOR_LIMIT
												 : LESSOR_NO_MEMORY;
		}
	}
}

/* The slot that was proposed, or any other. False: decided. */
static bool
claim_slot(lessor_engine_t *engine, lsr_create_t *create) {
	if (LSR_LIKELY(create->record != NULL) && LSR_LIKELY(lsr_record_claim_empty(create->record, &create->word))) {
		return true;
	}
	lsr_place_t claimed;
	const lessor_status_t status = lsr_engine_claim_place(engine, create->scope, &claimed);
	if (status != LESSOR_OK) {
		decide(create, status);
		return false;
	}
	create->place = claimed.place;
	create->record_id = claimed.record_id;
	create->record = lsr_pages_record(&engine->pages, claimed.record_id);
	create->word = claimed.word;
	return true;
}

/*
 * What does the record that the address leads to say? LSR_STEP_AGAIN: the entry is gone, or going to another record; LSR_STEP_OPEN: it is offered.
 */
static lsr_step_t
judge_present(const lessor_engine_t *engine, const lsr_create_t *create, uint32_t id) {
	lsr_body_t body;
	uint64_t low;
	const lsr_lease6_t *form = create->form;
	/* Also while it is being changed or deleted: this create comes before that change. */
	if (!lsr_sparse_read(&engine->pages, engine->shadows, id, &body, &low)) {
		const uint64_t word = lsr_record_word(lsr_pages_record(&engine->pages, id));
		if ((word & LSR_WORD_LIVE) != 0) {
			return LSR_STEP_AGAIN;
		}
		return (word & LSR_WORD_CLAIM) != 0   ? LSR_STEP_RECORD
		       : (word & LSR_WORD_OFFER) != 0 ? LSR_STEP_OPEN
						      : LSR_STEP_AGAIN;
	}
	if (low != form->address.low) {
		return LSR_STEP_AGAIN;
	}
	return LSR_UNLIKELY(lsr_body_is_empty(&body)) && lsr_body_is_client(&body, form->client, form->client_bytes)
		       ? LSR_STEP_TAKE
		       : LSR_STEP_DONE;
}

static void
move_out(lsr_create_t *create) {
	lsr_body_move_out(&create->body, lsr_lease6_draft(create->form));
}

/* Claim the record of an address that is offered, instead of a new one. False: it is not any more, or somebody is changing it. */
static bool
claim_offered(lessor_engine_t *engine, lsr_create_t *create, uint32_t id) {
	uint64_t word;
	lsr_record_t *record = lsr_pages_record(&engine->pages, id);
	if (!lsr_record_claim(record, &word)) {
		return false;
	}
	if ((word & LSR_WORD_OFFER) == 0 || lsr_engine_low(engine, id) != create->form->address.low) {
		lsr_record_unclaim(record, word);
		return false;
	}
	create->record = record;
	create->record_id = id;
	create->place = lsr_table_address(&create->scope->table, &engine->pages, id);
	create->word = word;
	return true;
}

bool
lsr_create6_claim_address(lessor_engine_t *engine, lsr_create_t *create) {
	const uint64_t low = create->form->address.low;
	if (LSR_UNLIKELY(!claim_slot(engine, create))) {
		return false;
	}
	if (LSR_UNLIKELY(!lsr_body_move_in(&create->body, lsr_pages_home_tail(&engine->pages, create->record_id)))) {
		lsr_record_unclaim(create->record, create->word);
		decide(create, LESSOR_NO_MEMORY);
		return false;
	}
	atomic_store_explicit(lsr_pages_low(&engine->pages, create->record_id), low, memory_order_release); /* L1 */
	const lsr_index_probe_t way = {.index = &create->scope->sparse->index, .key = low, .at = create->leaf};
	for (;;) {
		uint32_t other;
		lsr_step_t step;
		switch (lsr_index_insert_near(&way, create->record_id, &other)) {
		case LSR_INDEX_DONE:
			return true;
		case LSR_INDEX_PRESENT:
			step = judge_present(engine, create, other);
			break;
		default:
			step = LSR_STEP_INTERN; /* stands for no memory */
			break;
		}
		if (step == LSR_STEP_AGAIN) {
			continue;
		}
		move_out(create);
		lsr_record_unclaim(create->record, create->word);
		if (LSR_UNLIKELY(step == LSR_STEP_OPEN)) {
			if (!claim_offered(engine, create, other)) {
				create->blocker = lsr_pages_record(&engine->pages, other);
				create->step = LSR_STEP_RECORD;
				return false;
			}
			if (LSR_UNLIKELY(
				    !lsr_body_move_in(&create->body, lsr_pages_home_tail(&engine->pages, other)))) {
				lsr_record_unclaim(create->record, create->word);
				decide(create, LESSOR_NO_MEMORY);
				return false;
			}
			return true;
		}
		if (step == LSR_STEP_RECORD) {
			create->blocker = lsr_pages_record(&engine->pages, other);
			create->step = LSR_STEP_RECORD;
		} else if (LSR_UNLIKELY(step == LSR_STEP_TAKE)) {
			create->step = LSR_STEP_TAKE;
		} else {
			if (step == LSR_STEP_DONE) {
				LSR_PROBE_CONFLICT(6, create->form->address.high, create->form->address.low,
						   LESSOR_ADDRESS_TAKEN);
			}
			decide(create, step == LSR_STEP_DONE ? LESSOR_ADDRESS_TAKEN : LESSOR_NO_MEMORY);
		}
		return false;
	}
}

void
lsr_create6_release(lsr_create_t *create) {
	move_out(create);
	if (LSR_LIKELY((create->word & LSR_WORD_OFFER) == 0)) { /* else the entry is the offer's */
		(void)lsr_index_remove(&create->scope->sparse->index, create->form->address.low, create->record_id);
	}
}

/* ---- creating: the calls -------------------------------------------------------------------------------------------- */

static void
begin(lsr_create_t *create, const lessor_lease6_t *lease, lsr_lease6_t *form) {
	const bool in_order = lsr_lease6_form(lease, LESSOR_FIELD_ALL, form);
	lsr_create6_begin(create, form);
	if (!in_order) {
		decide(create, LESSOR_INVALID);
	}
}

lessor_status_t
lessor_lease6_create(lessor_engine_t *engine, const lessor_lease6_t *lease, lessor_mode_t mode,
		     lessor_ticket_t *ticket) {
	const lessor_status_t usable = lsr_engine_for_change(engine, mode);
	if (usable != LESSOR_OK) {
		return usable;
	}
	if (lease == NULL) {
		return LESSOR_INVALID;
	}
	uint64_t end = 0;
	lsr_lease6_t form;
	lsr_create_t create;
	begin(&create, lease, &form);
	if (create.step != LSR_STEP_DONE) {
		lsr_create6_run(engine, &create, 1, &end);
	}
	lsr_create_drop(&create);
	lsr_rcu_brake();
	return create.status == LESSOR_OK ? lsr_engine_finish(engine, end, mode, ticket) : create.status;
}

lessor_status_t
lessor_lease6_create_batch(lessor_engine_t *engine, const lessor_lease6_t *leases, size_t count,
			   lessor_status_t *statuses, lessor_mode_t mode, lessor_ticket_t *ticket) {
	const lessor_status_t usable = lsr_engine_for_change(engine, mode);
	if (usable != LESSOR_OK) {
		return usable;
	}
	if ((count > 0 && (leases == NULL || statuses == NULL)) || count > LESSOR_BATCH_MAX) {
		return LESSOR_INVALID;
	}
	lsr_lease6_t forms[LSR_CHUNK];
	lsr_create_t creates[LSR_CHUNK];
	uint64_t end = 0;
	for (size_t done = 0; done < count; done += LSR_CHUNK) {
		const size_t taken = lsr_min_u64(count - done, LSR_CHUNK);
		for (size_t i = 0; i < taken; i++) {
			begin(&creates[i], &leases[done + i], &forms[i]);
		}
		lsr_create6_run(engine, creates, taken, &end);
		for (size_t i = 0; i < taken; i++) {
			statuses[done + i] = creates[i].status;
			lsr_create_drop(&creates[i]);
		}
		if (end != 0) {
			lsr_log_announce(&engine->log, end);
		}
		lsr_rcu_brake();
	}
	return lsr_engine_finish(engine, end, mode, ticket);
}

/* ---- reading -------------------------------------------------------------------------------------------------------- */

static bool
read_arguments_ok(const lessor_lease6_t *lease, const void *buffer, size_t buffer_bytes) {
	return lease != NULL && (buffer != NULL || buffer_bytes == 0);
}

/* Where the texts of what is read go, one lease's behind the other's. */
typedef struct {
	uint8_t *at;
	size_t left_bytes;
} lsr_texts6_t;

static lessor_status_t
answer(const lessor_engine_t *engine, lessor_address6_t address, const lsr_body_t *body, lessor_lease6_t *lease,
       lsr_texts6_t *texts) {
	size_t used_bytes;
	const lessor_status_t status =
		lsr_lease6_unpack(body, &engine->origins, lease, texts->at, texts->left_bytes, &used_bytes);
	if (LSR_LIKELY(status == LESSOR_OK)) {
		lease->address = address;
		texts->at += used_bytes;
		texts->left_bytes -= used_bytes;
	}
	return status;
}

/* The lease of a record, if it is this address's. */
static bool
read_at(const lessor_engine_t *engine, uint32_t id, uint64_t low, lsr_body_t *body) {
	uint64_t found;
	return id != LSR_NO_RECORD && lsr_sparse_read(&engine->pages, engine->shadows, id, body, &found) &&
	       found == low && LSR_LIKELY(!lsr_body_is_empty(body));
}

/* A record and its home, which is all that there is to read of most leases. */
static void
fetch_record(const lessor_engine_t *engine, uint32_t id) {
	if (id != LSR_NO_RECORD) {
		__builtin_prefetch(lsr_pages_record(&engine->pages, id));
		__builtin_prefetch(lsr_pages_home(&engine->pages, id));
	}
}

/* Inside a read-side section, stage by stage, as in leases.c: the records of these addresses. */
static void
locate_addresses(const lessor_engine_t *engine, const lessor_address6_t *addresses, size_t count, uint32_t *ids) {
	lsr_index_probe_t probes[LSR_CHUNK];
	unsigned who[LSR_CHUNK];
	unsigned probed = 0;
	for (size_t i = 0; i < count; i++) {
		const lsr_scope_t *scope = lsr_engine_scope6_of(engine, addresses[i].high);
		ids[i] = LSR_NO_RECORD;
		if (LSR_LIKELY(scope != NULL)) {
			who[probed] = (unsigned)i;
			probes[probed++] = (lsr_index_probe_t){.index = &scope->sparse->index, .key = addresses[i].low};
		}
	}
	lsr_index_approach(probes, probed);
	for (unsigned i = 0; i < probed; i++) {
		const uint32_t id = lsr_index_find_near(&probes[i]);
		ids[who[i]] = id;
		fetch_record(engine, id);
	}
}

static void
get_chunk(const lessor_engine_t *engine, const lessor_address6_t *addresses, size_t count, lessor_lease6_t *leases,
	  lsr_texts6_t *texts, lessor_status_t *statuses) {
	uint32_t ids[LSR_CHUNK];
	lsr_rcu_enter();
	locate_addresses(engine, addresses, count, ids);
	for (size_t i = 0; i < count; i++) {
		lsr_body_t body;
		statuses[i] = read_at(engine, ids[i], addresses[i].low, &body)
				      ? answer(engine, addresses[i], &body, &leases[i], texts)
				      : LESSOR_NOT_FOUND;
	}
	lsr_rcu_leave();
}

lessor_status_t
lessor_lease6_get(lessor_engine_t *engine, lessor_address6_t address, lessor_lease6_t *lease, void *buffer,
		  size_t buffer_bytes) {
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (!read_arguments_ok(lease, buffer, buffer_bytes)) {
		return LESSOR_INVALID;
	}
	lsr_texts6_t texts = {.at = buffer, .left_bytes = buffer_bytes};
	get_chunk(engine, &address, 1, lease, &texts, &status);
	return status;
}

static bool
batch_arguments_ok(const void *keys, size_t count, const lessor_lease6_t *leases, const void *buffer,
		   size_t buffer_bytes, const lessor_status_t *statuses) {
	return count <= LESSOR_BATCH_MAX && (buffer != NULL || buffer_bytes == 0) &&
	       (count == 0 || (keys != NULL && leases != NULL && statuses != NULL));
}

lessor_status_t
lessor_lease6_get_batch(lessor_engine_t *engine, const lessor_address6_t *addresses, size_t count,
			lessor_lease6_t *leases, void *buffer, size_t buffer_bytes, lessor_status_t *statuses) {
	const lessor_status_t usable = lsr_engine_for_read(engine);
	if (usable != LESSOR_OK) {
		return usable;
	}
	if (!batch_arguments_ok(addresses, count, leases, buffer, buffer_bytes, statuses)) {
		return LESSOR_INVALID;
	}
	lsr_texts6_t texts = {.at = buffer, .left_bytes = buffer_bytes};
	for (size_t at = 0; at < count; at += LSR_CHUNK) {
		get_chunk(engine, addresses + at, lsr_min_u64(count - at, LSR_CHUNK), leases + at, &texts,
			  statuses + at);
	}
	return LESSOR_OK;
}

/* A look for a client that keeps what it found. */
typedef struct {
	lsr_client_match_t match;
	lsr_body_t *body;
	uint64_t *low;
} lsr_client_look6_t;

static lsr_match_t
match_and_keep(const void *key, uint32_t record_id) {
	const lsr_client_look6_t *look = key;
	const lessor_engine_t *engine = look->match.engine;
	return lsr_pages_owner(&engine->pages, record_id) == look->match.table &&
			       lsr_sparse_read(&engine->pages, engine->shadows, record_id, look->body, look->low) &&
			       lsr_match_body(&look->match, look->body)
		       ? LSR_MATCH_YES
		       : LSR_MATCH_NO;
}

/* A look-up by client in work. */
typedef struct {
	lsr_lease6_t form; /* its client; without one, it is not in order */
	const lsr_scope_t *scope;
	uint64_t key;
} lsr_look6_t;

/* As locate_addresses(). */
static void
locate_clients(const lessor_engine_t *engine, const lessor_client6_t *clients, size_t count, lsr_look6_t *looks) {
	for (size_t i = 0; i < count; i++) {
		lsr_look6_t *look = &looks[i];
		look->form.client_bytes = 0;
		look->scope =
			lsr_lease6_form_client(&look->form, clients[i].duid, clients[i].duid_bytes, clients[i].iaid)
				? lsr_engine_scope6_of(engine, clients[i].prefix)
				: NULL;
		if (LSR_LIKELY(look->scope != NULL)) {
			look->key =
				lsr_engine_client_key(engine, look->scope, look->form.client, look->form.client_bytes);
			lsr_client_hash_prefetch(&engine->clients, look->key);
		}
	}
	for (size_t i = 0; count > 1 && i < count; i++) {
		if (looks[i].scope != NULL) {
			const uint32_t id = lsr_client_hash_peek(&engine->clients, looks[i].key);
			fetch_record(engine, id);
			__builtin_prefetch(lsr_pages_info(&engine->pages, id >> LSR_PAGE_SHIFT));
		}
	}
}

static lessor_status_t
get_client(const lessor_engine_t *engine, const lsr_look6_t *look, lessor_lease6_t *lease, lsr_texts6_t *texts) {
	const lsr_scope_t *scope = look->scope;
	lsr_body_t body;
	lessor_address6_t address = {.high = scope->sparse->prefix};
	const lsr_client_look6_t wanted = {.match = {.engine = engine,
						     .table = &scope->table,
						     .client_id = look->form.client,
						     .client_id_bytes = look->form.client_bytes},
					   .body = &body,
					   .low = &address.low};
	return lsr_client_hash_find(&engine->clients, look->key, match_and_keep, &wanted) == LSR_NO_RECORD
		       ? LESSOR_NOT_FOUND
		       : answer(engine, address, &body, lease, texts);
}

LSR_INLINE void
get_client_chunk(const lessor_engine_t *engine, const lessor_client6_t *clients, size_t count, lsr_look6_t *looks,
		 lessor_lease6_t *leases, lsr_texts6_t *texts, lessor_status_t *statuses) {
	lsr_rcu_enter();
	locate_clients(engine, clients, count, looks);
	for (size_t i = 0; i < count; i++) {
		if (LSR_LIKELY(looks[i].scope != NULL)) {
			statuses[i] = get_client(engine, &looks[i], &leases[i], texts);
		} else {
			statuses[i] = looks[i].form.client_bytes != 0 ? LESSOR_NO_SCOPE : LESSOR_INVALID;
		}
	}
	lsr_rcu_leave();
}

lessor_status_t
lessor_lease6_get_client(lessor_engine_t *engine, uint64_t prefix, const uint8_t *duid, size_t duid_bytes,
			 uint32_t iaid, lessor_lease6_t *lease, void *buffer, size_t buffer_bytes) {
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (!read_arguments_ok(lease, buffer, buffer_bytes) || duid_bytes > LESSOR_DUID_MAX_BYTES) {
		return LESSOR_INVALID;
	}
	const lessor_client6_t client = {
		.prefix = prefix, .duid = duid, .duid_bytes = (uint16_t)duid_bytes, .iaid = iaid};
	lsr_look6_t look;
	lsr_texts6_t texts = {.at = buffer, .left_bytes = buffer_bytes};
	get_client_chunk(engine, &client, 1, &look, lease, &texts, &status);
	return status;
}

lessor_status_t
lessor_lease6_get_client_batch(lessor_engine_t *engine, const lessor_client6_t *clients, size_t count,
			       lessor_lease6_t *leases, void *buffer, size_t buffer_bytes, lessor_status_t *statuses) {
	const lessor_status_t usable = lsr_engine_for_read(engine);
	if (usable != LESSOR_OK) {
		return usable;
	}
	if (!batch_arguments_ok(clients, count, leases, buffer, buffer_bytes, statuses)) {
		return LESSOR_INVALID;
	}
	lsr_look6_t looks[LSR_CHUNK];
	lsr_texts6_t texts = {.at = buffer, .left_bytes = buffer_bytes};
	for (size_t at = 0; at < count; at += LSR_CHUNK) {
		get_client_chunk(engine, clients + at, lsr_min_u64(count - at, LSR_CHUNK), looks, leases + at, &texts,
				 statuses + at);
	}
	return LESSOR_OK;
}

/* ---- in order of addresses ------------------------------------------------------------------------------------------ */

/* Leases looked at in one read-side section. */
#define SECTION_LEASES 256u

void
lessor_cursor6_init(lessor_cursor6_t *cursor, lessor_address6_t first, lessor_address6_t last) {
	if (cursor != NULL) {
		*cursor = (lessor_cursor6_t){.next = first, .last = last};
	}
}

/* The scope at or behind the cursor, which goes to its beginning if it was before; NULL: there is no more, the cursor is at its end. */
static const lsr_scope_t *
scope_at(const lessor_engine_t *engine, lessor_cursor6_t *cursor) {
	const lsr_scope_t *scope =
		cursor->at_end ? NULL : lsr_trie_next(&engine->trie6, lsr_key_ipv6(cursor->next.high));
	if (scope == NULL || scope->sparse->prefix > cursor->last.high) {
		cursor->at_end = true;
		return NULL;
	}
	if (scope->sparse->prefix != cursor->next.high) {
		cursor->next = (lessor_address6_t){.high = scope->sparse->prefix};
	}
	return scope;
}

/* The last lower half to look at in a scope. */
static uint64_t
last_in(const lsr_scope_t *scope, const lessor_cursor6_t *cursor) {
	return scope->sparse->prefix == cursor->last.high ? cursor->last.low : UINT64_MAX;
}

static void
go_behind(lessor_cursor6_t *cursor, uint64_t low) {
	cursor->next.low = low + 1;
	if (low == UINT64_MAX) {
		cursor->at_end = cursor->next.high == UINT64_MAX;
		cursor->next.high++;
	}
}

/* One entry on; false: it is no lease (any more), or there is none in this scope. */
static bool
step(const lessor_engine_t *engine, lessor_cursor6_t *cursor, lessor_address6_t *address, lsr_body_t *body) {
	const lsr_scope_t *scope = scope_at(engine, cursor);
	if (scope == NULL) {
		return false;
	}
	uint64_t low = cursor->next.low;
	const uint64_t last = last_in(scope, cursor);
	const uint32_t id = low <= last ? lsr_index_next(&scope->sparse->index, &low, last) : LSR_NO_RECORD;
	*address = (lessor_address6_t){.high = scope->sparse->prefix, .low = low};
	go_behind(cursor, id != LSR_NO_RECORD ? low : UINT64_MAX);
	return read_at(engine, id, low, body);
}

lessor_status_t
lessor_lease6_next(lessor_engine_t *engine, lessor_cursor6_t *cursor, lessor_lease6_t *lease, void *buffer,
		   size_t buffer_bytes) {
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (cursor == NULL || !read_arguments_ok(lease, buffer, buffer_bytes)) {
		return LESSOR_INVALID;
	}
	lessor_cursor6_t at = *cursor;
	status = LESSOR_END;
	lsr_texts6_t texts = {.at = buffer, .left_bytes = buffer_bytes};
	while (status == LESSOR_END && !at.at_end) {
		lsr_rcu_enter();
		for (unsigned i = 0; i < SECTION_LEASES && status == LESSOR_END && !at.at_end; i++) {
			lsr_body_t body;
			lessor_address6_t address;
			if (step(engine, &at, &address, &body)) {
				status = answer(engine, address, &body, lease, &texts);
			}
		}
		lsr_rcu_leave();
	}
	if (status != LESSOR_BUFFER_TOO_SMALL) {
		*cursor = at;
	}
	return status;
}

lessor_status_t
lessor_lease6_find_name(lessor_engine_t *engine, const char *name, lessor_lease6_t *lease, void *buffer,
			size_t buffer_bytes) {
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (name == NULL || !read_arguments_ok(lease, buffer, buffer_bytes)) {
		return LESSOR_INVALID;
	}
	lessor_cursor6_t at = {.last = {UINT64_MAX, UINT64_MAX}};
	const size_t name_bytes = strlen(name);
	status = LESSOR_NOT_FOUND;
	lsr_texts6_t texts = {.at = buffer, .left_bytes = buffer_bytes};
	while (status == LESSOR_NOT_FOUND && !at.at_end) {
		lsr_rcu_enter();
		for (unsigned i = 0; i < SECTION_LEASES && status == LESSOR_NOT_FOUND && !at.at_end; i++) {
			lsr_body_t body;
			lessor_address6_t address;
			if (step(engine, &at, &address, &body) && lsr_body_has_name(&body, name, name_bytes)) {
				status = answer(engine, address, &body, lease, &texts);
			}
		}
		lsr_rcu_leave();
	}
	return status;
}

/* One by one, since not every entry is a lease. */
static uint64_t
count_some(const lessor_engine_t *engine, lessor_cursor6_t *at) {
	uint64_t total = 0;
	for (unsigned i = 0; i < SECTION_LEASES && !at->at_end; i++) {
		lsr_body_t body;
		lessor_address6_t address;
		total += step(engine, at, &address, &body);
	}
	return total;
}

/* Are there entries of the index that are no leases: reservations without one, or offers, which are counted before they are entered and until they are gone? */
static bool
has_more_than_leases(const lsr_scope_t *scope) {
	return lsr_counters_empty(&scope->counters) != 0 ||
	       atomic_load_explicit(&scope->counters.offered, memory_order_relaxed) != 0;
}

lessor_status_t
lessor_lease6_count(lessor_engine_t *engine, lessor_address6_t first, lessor_address6_t last, uint64_t *count) {
	const lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (count == NULL || first.high > last.high || (first.high == last.high && first.low > last.low)) {
		return LESSOR_INVALID;
	}
	uint64_t total = 0;
	lessor_cursor6_t at = {.next = first, .last = last};
	while (!at.at_end) {
		lsr_rcu_enter();
		uint64_t some = 0;
		const lsr_scope_t *scope = scope_at(engine, &at);
		if (scope != NULL && LSR_UNLIKELY(has_more_than_leases(scope))) {
			total += count_some(engine, &at);
		} else if (scope != NULL) {
			if (at.next.low <= last_in(scope, &at)) {
				some = lsr_index_count(&scope->sparse->index, at.next.low, last_in(scope, &at));
			}
			if (LSR_UNLIKELY(has_more_than_leases(scope))) {
				some = 0; /* since we looked: one by one */
			} else {
				at.next.low = 0;
				at.at_end = at.next.high == UINT64_MAX;
				at.next.high++;
			}
			total += some;
		}
		lsr_rcu_leave();
	}
	*count = total;
	return LESSOR_OK;
}

/* ---- free addresses -------------------------------------------------------------------------------------------------- */

#define SCAN 64u /* entries of the index looked at together */

/* Of them, in one read-side section. */
#ifndef LSR_SEARCH6_LOOKS
#define LSR_SEARCH6_LOOKS (256u * SCAN)
#endif

/*
 * Does this entry prove a lease, or an offer, at this moment, which has not been counted as deleted yet? Its bit does (allocate.c), if the slot is this address's still: what follows in
 * the slot is seen in its low, or comes after that delete was counted.
 */
static bool
is_proven(const lessor_engine_t *engine, lsr_scope_t *scope, uint64_t low, uint32_t id) {
	const uint32_t place = lsr_table_address(&scope->table, &engine->pages, id);
	return lsr_table_is_taken(lsr_sparse_table(scope->sparse, place), place) &&
	       atomic_load_explicit(lsr_pages_low(&engine->pages, id), memory_order_acquire) == low;
}

/*
 * From search->next to last: the first lower half that is not in the index. False: there is none, and search->next is behind last (0 if there is nothing behind it), or this section
 * has looked enough. search->in_doubt becomes a record that was passed over without being proven a lease.
 */
static bool
find_gap(lsr_search6_t *search, uint64_t last, uint64_t *low) {
	uint64_t keys[SCAN];
	uint32_t values[SCAN];
	while (search->looks >= SCAN) {
		const uint32_t count =
			lsr_index_scan(&search->scope->sparse->index, search->next, last, keys, values, SCAN);
		search->looks -= SCAN;
		for (uint32_t i = 0; i < count; i++) {
			if (keys[i] != search->next) {
				*low = search->next;
				return true;
			}
			if (!is_proven(search->engine, search->scope, search->next, values[i])) {
				search->in_doubt = lsr_pages_record(&search->engine->pages, values[i]);
			}
			if (search->next++ == last) {
				return false;
			}
		}
		if (count < SCAN) {
			*low = search->next;
			return true;
		}
	}
	return false;
}

/* The same, of the pool, up to search->last. False: search->next is 0, there is none; or this section has looked enough. */
static bool
find_in_pool(lsr_search6_t *search, uint64_t *low) {
	lessor_range6_t piece;
	while (search->looks >= SCAN) {
		if (search->next == 0 || search->next > search->last ||
		    !lsr_scope6_pool_piece(search->config, search->next, &piece) || piece.first > search->last) {
			search->next = 0;
			return false;
		}
		search->next = piece.first;
		if (find_gap(search, lsr_min_u64(piece.last, search->last), low)) {
			return true;
		}
	}
	return false;
}

static bool
try_hint(lsr_search6_t *search, uint64_t hint) {
	return hint != 0 && lsr_scope6_in_pool(search->config, hint) &&
	       lsr_index_find(&search->scope->sparse->index, hint) == LSR_NO_RECORD &&
	       (search->take(search, hint) || search->waits); /* perhaps it is free: wait */
}

/* From where this thread was to the end, then from the beginning. False: not in this section, or (search->next is 0) nowhere. */
static bool
try_pool(lsr_search6_t *search) {
	for (;;) {
		uint64_t low;
		while (find_in_pool(search, &low)) {
			search->next = low + 1;
			if (search->take(search, low)) {
				return true;
			}
		}
		if (search->next != 0 || search->last != UINT64_MAX || search->start == 1) {
			return false;
		}
		search->next = 1;
		search->last = search->start - 1;
	}
}

lsr_searched_t
lsr_engine_search6(lsr_search6_t *search, lsr_scope_t *scope, uint64_t hint) {
	const bool goes_on = search->uid == scope->uid;
	search->scope = scope;
	search->config = lsr_scope_config(scope);
	search->waits = false;
	search->looks = LSR_SEARCH6_LOOKS;
	if (!goes_on) {
		search->in_doubt = NULL;
		search->deletes = lsr_engine_deletes_of(scope);
		search->start = search->next = lsr_max_u64(*low_lane_of(search->engine, scope), 1);
		search->last = UINT64_MAX;
	}
	search->uid = 0;
	if ((!goes_on && try_hint(search, hint)) || try_pool(search)) {
		return LSR_SEARCH_OVER;
	}
	if (search->next != 0) {
		search->uid = scope->uid;
		return LSR_SEARCH_PAUSED;
	}
	if (search->in_doubt != NULL) {
		return LSR_SEARCH_IN_DOUBT;
	}
	return lsr_engine_deletes_of(scope) != search->deletes ? LSR_SEARCH_CHANGED : LSR_SEARCH_NOTHING;
}

void
lsr_engine_go_on_behind6(const lessor_engine_t *engine, const lsr_scope_t *scope, uint64_t low) {
	*low_lane_of(engine, scope) = low + 1;
}

/* Inside a read-side section: addresses from search->next on. False: not all yet. */
static bool
list_some(lsr_search6_t *search, uint64_t prefix, uint32_t count, uint64_t *addresses, uint32_t *written,
	  lessor_status_t *status) {
	search->scope = lsr_engine_scope6_of(search->engine, prefix);
	if (search->scope == NULL) {
		*status = *written != 0 ? LESSOR_OK : LESSOR_NOT_FOUND;
		return true;
	}
	search->config = lsr_scope_config(search->scope);
	search->looks = LSR_SEARCH6_LOOKS;
	while (*written < count && find_in_pool(search, &addresses[*written])) {
		search->next = addresses[(*written)++] + 1;
	}
	*status = LESSOR_OK;
	return *written == count || search->next == 0;
}

lessor_status_t
lessor_scope6_free_addresses(lessor_engine_t *engine, uint64_t prefix, uint64_t first, uint64_t last, uint32_t count,
			     uint64_t *addresses, uint32_t *found) {
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (found == NULL || (addresses == NULL && count != 0) || count > LESSOR_FREE_ADDRESSES_MAX || first > last) {
		return LESSOR_INVALID;
	}
	bool done;
	uint32_t written = 0;
	lsr_search6_t search = {.engine = engine, .next = lsr_max_u64(first, 1), .last = last};
	lsr_engine_end_offers(engine, UINT32_MAX);
	do {
		lsr_rcu_enter();
		done = list_some(&search, prefix, count, addresses, &written, &status);
		lsr_rcu_leave();
	} while (!done);
	if (status == LESSOR_OK) {
		*found = written;
	}
	return status;
}

/* ---- allocating ------------------------------------------------------------------------------------------------------ */

/* An allocation; the scheme is that of allocate.c. */
typedef struct {
	lsr_search6_t search;
	lsr_create_t *create;
	lsr_lease6_t *form; /* create's */
} lsr_allocation6_t;

/* Claim this address, and the client with it. False: it is not to be had, create->step tells how that was found. */
static bool
try_low(lsr_search6_t *search, uint64_t low) {
	lsr_allocation6_t *allocation = LSR_CONTAINER(search, lsr_allocation6_t, search);
	lsr_create_t *create = allocation->create;
	search->waits = false;
	allocation->form->address.low = low;
	propose_place(search->engine, create);
	if (lsr_create6_claim_address(search->engine, create)) {
		if (LSR_UNLIKELY((create->word & LSR_WORD_OFFER) != 0)) { /* offered since we looked */
			lsr_create6_release(create);
			lsr_record_unclaim(create->record, create->word);
			return false;
		}
		lsr_create6_claim_client(search->engine, create);
		return true;
	}
	if (create->step == LSR_STEP_RECORD) {
		search->in_doubt = create->blocker;
		search->waits = true;
		return false;
	}
	return create->step == LSR_STEP_TAKE || create->status != LESSOR_ADDRESS_TAKEN;
}

bool
lsr_engine_find_reserved_empty6(const lessor_engine_t *engine, const lsr_scope_t *scope, const uint8_t *client_id,
				size_t client_id_bytes, uint64_t *low) {
	if (LSR_LIKELY(lsr_counters_empty(&scope->counters) == 0)) {
		return false;
	}
	lsr_body_t body;
	uint64_t found;
	const uint32_t id = lsr_engine_find_reserved(engine, scope, client_id, client_id_bytes);
	if (id == LSR_NO_RECORD || !lsr_sparse_read(&engine->pages, engine->shadows, id, &body, &found) ||
	    !lsr_body_is_empty(&body) || !lsr_body_is_client(&body, client_id, client_id_bytes)) {
		return false;
	}
	*low = found;
	return true;
}

/* Nothing was found. */
static void
settle_search(lessor_engine_t *engine, lsr_searched_t searched, const lsr_search6_t *search, lsr_create_t *create) {
	const lsr_lease6_t *form = create->form;
	if (searched == LSR_SEARCH_PAUSED) {
		create->step = LSR_STEP_AGAIN;
	} else if (searched == LSR_SEARCH_IN_DOUBT) {
		create->blocker = search->in_doubt;
		create->step = LSR_STEP_RECORD;
	} else if (lsr_engine_find_client(engine, create->scope, form->client, form->client_bytes) != LSR_NO_RECORD) {
		decide(create, LESSOR_CLIENT_TAKEN);
	} else if (searched == LSR_SEARCH_CHANGED) {
		create->step = LSR_STEP_AGAIN;
	} else {
		decide(create, LESSOR_EXHAUSTED);
	}
}

/* Steps 2 to 4 of a create, with an address that is looked for: claimed, decided, or what to wait for. */
static void
claim_somewhere(lessor_engine_t *engine, uint64_t hint, lsr_allocation6_t *allocation) {
	lsr_create_t *create = allocation->create;
	lsr_lease6_t *form = allocation->form;
	lsr_scope_t *scope = create->scope = lsr_engine_scope6_of(engine, form->address.high);
	if (scope == NULL) {
		decide(create, LESSOR_NO_SCOPE);
		return;
	}
	create->step = LSR_STEP_GATE;
	if (atomic_load_explicit(&scope->gate, memory_order_seq_cst) != LSR_GATE_OPEN) {
		return;
	}
	create->key = lsr_engine_client_key(engine, scope, form->client, form->client_bytes);
	lsr_client_hash_prefetch(&engine->clients, create->key);
	/* As no reservation is made while the gate is open, one look suffices. */
	if (lsr_engine_find_reserved_empty6(engine, scope, form->client, form->client_bytes, &form->address.low)) {
		create->step = LSR_STEP_TAKE;
		return;
	}
	const lsr_searched_t searched = lsr_engine_search6(&allocation->search, scope, hint);
	if (searched != LSR_SEARCH_OVER) {
		settle_search(engine, searched, &allocation->search, create);
	} else if (create->step == LSR_STEP_CLAIMED) {
		lsr_engine_go_on_behind6(engine, scope, form->address.low);
	}
}

/* As in allocate.c. */
static bool
may_go_on(lessor_engine_t *engine, lsr_create_t *create, uint64_t *walked) {
	const bool may = create->status == LESSOR_EXHAUSTED && lsr_engine_end_offers_since(engine, walked);
	if (may) {
		create->step = LSR_STEP_AGAIN;
	}
	return may;
}

lessor_status_t
lessor_lease6_allocate(lessor_engine_t *engine, uint64_t prefix, uint64_t hint, lessor_lease6_t *lease,
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
	lsr_lease6_t form;
	lsr_create_t create;
	lessor_lease6_t placed = *lease;
	lsr_allocation6_t allocation = {
		.search = {.engine = engine, .take = try_low}, .create = &create, .form = &form};
	lsr_engine_end_offers(engine, LSR_OFFERS_BY_THE_WAY);
	placed.address = (lessor_address6_t){.high = prefix, .low = 1}; /* any that is none at all would be refused */
	begin(&create, &placed, &form);
	if (create.step != LSR_STEP_DONE) {
		lsr_create6_prepare(engine, &create);
	}
	while (create.step != LSR_STEP_DONE || may_go_on(engine, &create, &walked)) {
		status = lsr_engine_admit(engine, create.log_bytes);
		if (status != LESSOR_OK) {
			decide(&create, status);
			break;
		}
		lsr_rcu_enter();
		claim_somewhere(engine, hint, &allocation);
		if (create.step == LSR_STEP_CLAIMED) {
			(void)lsr_create6_commit(engine, &create, &end); /* no room: undone, once more */
		}
		lsr_rcu_leave();
		lsr_rcu_brake();
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
		lease->address = form.address;
	}
	return create.status;
}

void
lessor_lease6_init(lessor_lease6_t *lease) {
	if (lease != NULL) {
		*lease = (lessor_lease6_t){.address_state = LESSOR_STATE_ACTIVE,
					   .expires_at = LESSOR_TIME_INFINITE,
					   .preferred_expires_at = LESSOR_TIME_INFINITE};
	}
}
