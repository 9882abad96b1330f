/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases: the steps of a create, update and delete, and reading.
 *
 * Every change follows one scheme:
 *   1 validate, intern the origin, allocate the tail; wait for room in the log       (nothing claimed, may block, may fail)
 *   2 enter a read-side section; find the scope; its gate is open
 *   3 claim the record
 *   4 claim the client: enter it into the client hash
 *   5 reserve the log position                                                       (the last thing that can fail: undo 4 and 3)
 *   6 write the log record, count, publish                                           (cannot fail)
 *   7 leave the section; then wait for durability if asked to
 * Nobody waits for anything while holding a claim: who meets another's change in the middle gives back what he holds, leaves the section,
 * waits outside, and starts over at 2. So there is no order of claims to keep and no deadlock.
 */
#include "engine_p.h"

#include <stdlib.h>
#include <string.h>

/* How many creates of a batch are in work at the same time: enough to overlap their cache misses, few enough for the fill buffers. */
#define CHUNK 32u
/* A chunk's log records stay well below the ring. */
#define CHUNK_LOG_BYTES_MAX ((uint64_t)128 << 10)

/* ---- one create in work ------------------------------------------------------------------------------------------- */

typedef enum {
	STEP_DONE,    /* decided: 'status' */
	STEP_CLAIMED, /* steps 3 and 4 are done; to be logged and published, or undone */
	STEP_GATE,    /* wait for the scope lock, then start over */
	STEP_RECORD,  /* wait for 'blocker', then start over */
} lsr_step_t;

typedef struct {
	lessor_status_t status;
	lsr_step_t step;
	uint32_t address;
	lsr_body_t body;
	uint32_t log_bytes;
	lsr_scope_t *scope;
	uint64_t key;
	lsr_record_t *record;
	uint32_t record_id;
	uint64_t word; /* before the claim */
	const lsr_record_t *blocker;
} lsr_create_t;

/* ---- matching ------------------------------------------------------------------------------------------------------ */

static bool
same_client(const lsr_client_match_t *match, const lsr_body_t *body) {
	return body->client_id_bytes == match->client_id_bytes &&
	       memcmp(lsr_body_client(body), match->client_id, match->client_id_bytes) == 0;
}

lsr_match_t
lsr_match_for_read(const void *key, uint32_t record_id) {
	const lsr_client_match_t *match = key;
	lsr_body_t body;
	return lsr_pages_owner(&match->engine->pages, record_id) == match->table &&
			       lsr_record_read(lsr_pages_record(&match->engine->pages, record_id),
					       match->engine->shadows, &body) &&
			       same_client(match, &body)
		       ? LSR_MATCH_YES
		       : LSR_MATCH_NO;
}

lsr_match_t
lsr_match_for_insert(const void *key, uint32_t record_id) {
	const lsr_client_match_t *match = key;
	lsr_body_t body;
	if (lsr_pages_owner(&match->engine->pages, record_id) != match->table) {
		return LSR_MATCH_NO;
	}
	const lsr_record_t *record = lsr_pages_record(&match->engine->pages, record_id);
	const uint64_t word = lsr_record_word(record);
	if (lsr_record_read(record, match->engine->shadows, &body) && same_client(match, &body)) {
		return LSR_MATCH_YES;
	}
	/* Not (yet, or any more) this client's: sure only if nobody was changing it before we looked. */
	return (word & LSR_WORD_CLAIM) != 0 ? LSR_MATCH_IN_DOUBT : LSR_MATCH_NO;
}

/* ---- preparing: step 1 --------------------------------------------------------------------------------------------- */

/* The number of the lease's origin, made if need be; LSR_ORIGIN_NONE also when the numbers are used up. */
static lessor_status_t
intern_origin(lessor_engine_t *engine, const lsr_origin_t *origin, uint16_t *number) {
	*number = LSR_ORIGIN_NONE;
	if (LSR_LIKELY(lsr_origin_is_none(origin)) ||
	    (*number = lsr_origins_find(&engine->origins, origin)) != LSR_ORIGIN_NONE) {
		return LESSOR_OK;
	}
	uint8_t image[12 + LESSOR_NAME_MAX_BYTES + LESSOR_POLICY_MAX_BYTES];
	uint64_t lsn;
	lessor_status_t status = LESSOR_OK;
	(void)pthread_mutex_lock(&engine->origins.lock);
	*number = lsr_origins_find(&engine->origins, origin);
	const uint32_t next = lsr_origins_next_number(&engine->origins);
	if (*number == LSR_ORIGIN_NONE && next != 0) {
		lsr_origin_t *copy = lsr_origin_copy(origin);
		lsr_origin_image_put(image, next, origin);
		status = copy == NULL
				 ? LESSOR_NO_MEMORY
				 : lsr_engine_log(engine, LSR_LOG_ORIGIN, image, lsr_origin_image_bytes(origin), &lsn);
		if (status == LESSOR_OK) {
			lsr_origins_publish(&engine->origins, next, copy);
			*number = (uint16_t)next;
		} else {
			free(copy);
		}
	}
	(void)pthread_mutex_unlock(&engine->origins.lock);
	return status;
}

static lessor_status_t
pack(lessor_engine_t *engine, const lessor_lease_t *lease, const lsr_lease_sizes_t *sizes, lsr_body_t *body) {
	uint16_t number;
	const lsr_origin_t origin = lsr_lease_origin(lease, sizes);
	const lessor_status_t status = intern_origin(engine, &origin, &number);
	return status == LESSOR_OK ? lsr_lease_pack(lease, sizes, number, body) : status;
}

/* 0 stands for "not given": ACTIVE. A byte that was given on purpose must not say OFFERED. */
static bool
settle_address_state(const lessor_engine_t *engine, uint8_t *address_state) {
	if (*address_state == 0 && !engine->strict_address_state) {
		*address_state = LESSOR_STATE_ACTIVE;
	}
	return (*address_state & LESSOR_STATE_MASK) != LESSOR_STATE_OFFERED;
}

static void
prepare_create(lessor_engine_t *engine, const lessor_lease_t *lease, lsr_create_t *create) {
	lsr_lease_sizes_t sizes;
	create->step = STEP_DONE;
	create->status = LESSOR_INVALID;
	if (lease->address == 0 || !lsr_lease_check(lease, LESSOR_FIELD_ALL, &sizes)) {
		return;
	}
	lessor_lease_t settled = *lease;
	if (!settle_address_state(engine, &settled.address_state)) {
		return;
	}
	create->address = lease->address;
	create->status = pack(engine, &settled, &sizes, &create->body);
	if (create->status == LESSOR_OK) {
		create->log_bytes = lsr_record_bytes(lsr_image_bytes(&create->body));
		create->step = STEP_GATE; /* not decided */
	}
}

/* ---- claiming: steps 2 to 4 ---------------------------------------------------------------------------------------- */

/* Find the scope of an address. Inside a read-side section. */
static lsr_scope_t *
scope_of(const lessor_engine_t *engine, uint32_t address) {
	return lsr_trie_find(&engine->trie, lsr_key_ipv4(address));
}

/* The first half of claiming, which only computes and prefetches: scope, record, key. */
static void
locate_create(lessor_engine_t *engine, lsr_create_t *create) {
	create->scope = scope_of(engine, create->address);
	create->record = NULL;
	if (create->scope == NULL) {
		return;
	}
	create->key = lsr_engine_client_key(engine, create->scope, lsr_body_client(&create->body),
					    create->body.client_id_bytes);
	lsr_client_hash_prefetch(&engine->clients, create->key);
	create->record_id = lsr_table_touch(&create->scope->table, &engine->pages, create->address);
	if (create->record_id != LSR_NO_RECORD) {
		create->record = lsr_pages_record(&engine->pages, create->record_id);
		lsr_prefetch_write(create->record);
	}
}

static void
decide(lsr_create_t *create, lessor_status_t status) {
	create->status = status;
	create->step = STEP_DONE;
}

static void
wait_for_record(lsr_create_t *create, const lsr_record_t *blocker) {
	create->blocker = blocker;
	create->step = STEP_RECORD;
}

static bool
claim_address(lsr_create_t *create) {
	for (;;) {
		const uint64_t word = lsr_record_word(create->record);
		if (LSR_UNLIKELY((word & LSR_WORD_LIVE) != 0)) {
			/* A lease that is being changed or deleted right now counts as there: this create comes before that change. */
			decide(create, LESSOR_ADDRESS_TAKEN);
			return false;
		}
		if (LSR_UNLIKELY((word & LSR_WORD_CLAIM) != 0)) {
			wait_for_record(
				create,
				create->record); /* another create is being decided, or a delete is nearly done */
			return false;
		}
		if (LSR_LIKELY(lsr_record_claim(create->record, &create->word))) {
			if (LSR_LIKELY((create->word & LSR_WORD_LIVE) == 0)) {
				return true;
			}
			lsr_record_unclaim(create->record, create->word); /* created since we looked */
		}
	}
}

static void
claim_client(lessor_engine_t *engine, lsr_create_t *create) {
	uint32_t other = LSR_NO_RECORD;
	const lsr_client_match_t match = {.engine = engine,
					  .table = &create->scope->table,
					  .client_id = lsr_body_client(&create->body),
					  .client_id_bytes = create->body.client_id_bytes};
	switch (lsr_client_hash_insert(&engine->clients, create->key, create->record_id, lsr_match_for_insert, &match,
				       &other)) {
	case LSR_INSERT_DONE:
		create->step = STEP_CLAIMED;
		return;
	case LSR_INSERT_PRESENT:
		decide(create, LESSOR_CLIENT_TAKEN);
		break;
	case LSR_INSERT_IN_DOUBT:
		wait_for_record(create, lsr_pages_record(&engine->pages, other));
		break;
	case LSR_INSERT_NO_MEMORY:
		decide(create, LESSOR_NO_MEMORY);
		break;
	}
	lsr_record_unclaim(create->record, create->word);
}

static void
claim_create(lessor_engine_t *engine, lsr_create_t *create) {
	if (LSR_UNLIKELY(create->scope == NULL)) {
		decide(create, LESSOR_NO_SCOPE);
	} else if (LSR_UNLIKELY(atomic_load_explicit(&create->scope->gate, memory_order_seq_cst) != LSR_GATE_OPEN)) {
		create->step = STEP_GATE;
	} else if (LSR_UNLIKELY(create->record == NULL)) {
		decide(create, lsr_pages_at_limit(&engine->pages) ? LESSOR_LIMIT : LESSOR_NO_MEMORY);
	} else if (LSR_LIKELY(claim_address(create))) {
		claim_client(engine, create);
	}
}

/* ---- committing: steps 5 and 6 -------------------------------------------------------------------------------------- */

static void
undo_create(lessor_engine_t *engine, lsr_create_t *create) {
	(void)lsr_client_hash_remove(&engine->clients, create->key, create->record_id);
	lsr_record_unclaim(create->record, create->word);
	create->step = STEP_GATE;
}

static uint64_t
log_lease(lessor_engine_t *engine, uint64_t position, uint32_t address, const lsr_body_t *body) {
	lsr_image_put(lsr_log_payload(&engine->log, position), address, body);
	return lsr_log_complete(&engine->log, position, lsr_record_header(LSR_LOG_LEASE, lsr_image_bytes(body)));
}

/* One lease for the counters, whichever configuration holds while the gate is open. */
static uint64_t
unit_of(const lsr_scope_t *scope, uint32_t address) {
	return lsr_counters_unit(lsr_scope_in_pool(lsr_scope_config(scope), address));
}

/* Adds up what goes to the same counter, so that a batch into one scope touches it once. */
typedef struct {
	lsr_counters_t *counters;
	unsigned state;
	uint64_t units;
} lsr_fold_t;

static void
fold_flush(lsr_fold_t *fold) {
	if (fold->units != 0) {
		lsr_counters_add(fold->counters, fold->state, fold->units);
	}
	fold->units = 0;
}

static void
fold_add(lsr_fold_t *fold, lsr_counters_t *counters, unsigned state, uint64_t units) {
	if (fold->counters != counters || fold->state != state) {
		fold_flush(fold);
		fold->counters = counters;
		fold->state = state;
	}
	fold->units += units;
}

/*
 * Log and publish what is claimed among creates[0..count). False: the log had no room, everything is undone and to be started over. Cannot fail
 * otherwise. *end: where the last record ends.
 */
static bool
commit_creates(lessor_engine_t *engine, lsr_create_t *creates, size_t count, uint64_t *end) {
	uint64_t total = 0;
	uint64_t position = 0;
	lsr_fold_t fold = {0};
	for (size_t i = 0; i < count; i++) {
		total += creates[i].step == STEP_CLAIMED ? creates[i].log_bytes : 0;
	}
	if (total == 0) {
		return true;
	}
	if (engine->has_log && LSR_UNLIKELY(!lsr_log_reserve(&engine->log, total, &position))) {
		for (size_t i = 0; i < count; i++) {
			if (creates[i].step == STEP_CLAIMED) {
				undo_create(engine, &creates[i]);
			}
		}
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		lsr_create_t *create = &creates[i];
		if (create->step != STEP_CLAIMED) {
			continue;
		}
		if (engine->has_log) {
			create->body.lsn = position = log_lease(engine, position, create->address, &create->body);
		}
		/* Counted before it shows, so that a delete that sees it never counts below zero. */
		fold_add(&fold, &create->scope->counters, create->body.address_state,
			 unit_of(create->scope, create->address));
	}
	fold_flush(&fold);
	for (size_t i = 0; i < count; i++) {
		if (creates[i].step == STEP_CLAIMED) {
			lsr_record_publish(creates[i].record, creates[i].word, &creates[i].body);
			decide(&creates[i], LESSOR_OK);
		}
	}
	*end = position;
	return true;
}

/* ---- creating: the whole --------------------------------------------------------------------------------------------- */

/* Outside of any section: wait for whatever stopped this create. */
static void
await(lessor_engine_t *engine, const lsr_create_t *create) {
	if (create->step == STEP_RECORD) {
		lsr_record_wait(create->blocker);
	} else if (create->step == STEP_GATE) {
		/* Whoever closed the gate holds the lock until it is open again, or the scope gone. */
		(void)pthread_mutex_lock(&engine->scope_lock);
		(void)pthread_mutex_unlock(&engine->scope_lock);
	}
}

/*
 * Carry creates[0..count) to a decision, in order: what is decided later in the array behaves as if called later. One pass claims as
 * many as it can; the first one that would have to wait ends the pass, what is claimed until then is committed, and the next pass
 * goes on from there.
 */
static void
run_creates(lessor_engine_t *engine, lsr_create_t *creates, size_t count, uint64_t *end) {
	size_t first = 0;
	while (first < count) {
		uint64_t wanted = 0;
		for (size_t i = first; i < count; i++) {
			wanted += creates[i].step != STEP_DONE ? creates[i].log_bytes : 0;
		}
		const lessor_status_t status = wanted == 0 ? LESSOR_OK : lsr_engine_admit(engine, wanted);
		size_t next = first;
		bool committed = true;
		lsr_rcu_enter();
		for (size_t i = first; status == LESSOR_OK && i < count; i++) {
			if (creates[i].step != STEP_DONE) {
				locate_create(engine, &creates[i]);
			}
		}
		for (; status == LESSOR_OK && next < count; next++) {
			if (creates[next].step == STEP_DONE) {
				continue;
			}
			claim_create(engine, &creates[next]);
			if (creates[next].step == STEP_GATE || creates[next].step == STEP_RECORD) {
				break;
			}
		}
		if (status == LESSOR_OK) {
			committed = commit_creates(engine, creates + first, next - first, end);
		}
		lsr_rcu_leave();
		if (status != LESSOR_OK) {
			for (size_t i = first; i < count; i++) {
				if (creates[i].step != STEP_DONE) {
					decide(&creates[i], status);
				}
			}
			return;
		}
		if (committed && next < count) {
			await(engine, &creates[next]);
		}
		first = committed ? next : first;
	}
}

static void
free_refused(lsr_create_t *create) {
	if (LSR_UNLIKELY(create->body.tail != NULL) && create->status != LESSOR_OK) {
		lsr_tail_free(create->body.tail);
	}
}

lessor_status_t
lessor_lease_create(lessor_engine_t *engine, const lessor_lease_t *lease, lessor_mode_t mode, lessor_ticket_t *ticket) {
	const lessor_status_t usable = lsr_engine_for_change(engine);
	if (usable != LESSOR_OK) {
		return usable;
	}
	if (lease == NULL) {
		return LESSOR_INVALID;
	}
	uint64_t end = 0;
	lsr_create_t create;
	create.body.tail = NULL;
	prepare_create(engine, lease, &create);
	run_creates(engine, &create, 1, &end);
	free_refused(&create);
	return create.status == LESSOR_OK ? lsr_engine_finish(engine, end, mode, ticket) : create.status;
}

/* Prepare as many as make a chunk. Returns how many. */
static size_t
prepare_chunk(lessor_engine_t *engine, const lessor_lease_t *leases, size_t count, lsr_create_t *creates) {
	uint64_t log_bytes = 0;
	size_t taken = 0;
	while (taken < count && taken < CHUNK && log_bytes < CHUNK_LOG_BYTES_MAX) {
		lsr_create_t *create = &creates[taken];
		create->body.tail = NULL;
		prepare_create(engine, &leases[taken], create);
		log_bytes += create->step != STEP_DONE ? create->log_bytes : 0;
		taken++;
	}
	return taken;
}

lessor_status_t
lessor_lease_create_batch(lessor_engine_t *engine, const lessor_lease_t *leases, size_t count,
			  lessor_status_t *statuses, lessor_mode_t mode, lessor_ticket_t *ticket) {
	const lessor_status_t usable = lsr_engine_for_change(engine);
	if (usable != LESSOR_OK) {
		return usable;
	}
	if ((count > 0 && (leases == NULL || statuses == NULL)) || count > LESSOR_BATCH_MAX) {
		return LESSOR_INVALID;
	}
	lsr_create_t creates[CHUNK];
	uint64_t end = 0;
	for (size_t done = 0; done < count;) {
		const size_t taken = prepare_chunk(engine, leases + done, count - done, creates);
		run_creates(engine, creates, taken, &end);
		for (size_t i = 0; i < taken; i++) {
			statuses[done + i] = creates[i].status;
			free_refused(&creates[i]);
		}
		if (end != 0) {
			lsr_log_announce(&engine->log, end);
		}
		done += taken;
	}
	return lsr_engine_finish(engine, end, mode, ticket);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static lessor_status_t
answer(const lessor_engine_t *engine, const lsr_scope_t *scope, uint32_t address, const lsr_body_t *body,
       lessor_lease_t *lease, void *buffer, size_t buffer_bytes) {
	const lessor_status_t status = lsr_lease_unpack(body, &engine->origins, lease, buffer, buffer_bytes);
	if (status == LESSOR_OK) {
		lease->address = address;
		lease->subnet_mask = scope->mask;
	}
	return status;
}

static bool
read_arguments_ok(const lessor_lease_t *lease, const void *buffer, size_t buffer_bytes) {
	return lease != NULL && (buffer != NULL || buffer_bytes == 0);
}

lessor_status_t
lessor_lease_get(lessor_engine_t *engine, uint32_t address, lessor_lease_t *lease, void *buffer, size_t buffer_bytes) {
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (!read_arguments_ok(lease, buffer, buffer_bytes)) {
		return LESSOR_INVALID;
	}
	lsr_body_t body;
	status = LESSOR_NOT_FOUND;
	lsr_rcu_enter();
	const lsr_scope_t *scope = scope_of(engine, address);
	const uint32_t id = scope != NULL ? lsr_table_peek(&scope->table, address) : LSR_NO_RECORD;
	if (id != LSR_NO_RECORD && lsr_record_read(lsr_pages_record(&engine->pages, id), engine->shadows, &body)) {
		status = answer(engine, scope, address, &body, lease, buffer, buffer_bytes);
	}
	lsr_rcu_leave();
	return status;
}

/* The scope with exactly this subnet address. Inside a read-side section. */
static const lsr_scope_t *
scope_named(const lessor_engine_t *engine, uint32_t subnet) {
	const lsr_scope_t *scope = scope_of(engine, subnet);
	return scope != NULL && scope->subnet == subnet ? scope : NULL;
}

lessor_status_t
lessor_lease_get_client(lessor_engine_t *engine, uint32_t subnet, const uint8_t *client_id, size_t client_id_bytes,
			lessor_lease_t *lease, void *buffer, size_t buffer_bytes) {
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (!read_arguments_ok(lease, buffer, buffer_bytes) || client_id == NULL || client_id_bytes == 0 ||
	    client_id_bytes > LESSOR_CLIENT_ID_MAX_BYTES) {
		return LESSOR_INVALID;
	}
	status = LESSOR_NO_SCOPE;
	lsr_rcu_enter();
	const lsr_scope_t *scope = scope_named(engine, subnet);
	while (scope != NULL) {
		lsr_body_t body;
		const lsr_client_match_t match = {.engine = engine,
						  .table = &scope->table,
						  .client_id = client_id,
						  .client_id_bytes = (uint8_t)client_id_bytes};
		const uint32_t id = lsr_client_hash_find(
			&engine->clients, lsr_engine_client_key(engine, scope, client_id, client_id_bytes),
			lsr_match_for_read, &match);
		status = LESSOR_NOT_FOUND;
		if (id == LSR_NO_RECORD) {
			break;
		}
		/* Read once more what matched: it may have changed since, then look again. */
		if (lsr_record_read(lsr_pages_record(&engine->pages, id), engine->shadows, &body) &&
		    same_client(&match, &body)) {
			status = answer(engine, scope, lsr_table_address(&scope->table, &engine->pages, id), &body,
					lease, buffer, buffer_bytes);
			break;
		}
	}
	lsr_rcu_leave();
	return status;
}

/* ---- updating ------------------------------------------------------------------------------------------------------ */

/* Members that lie in the body itself: changing them leaves texts and tail alone. */
#define PLAIN_FIELDS                                                                                                   \
	(LESSOR_FIELD_EXPIRES | LESSOR_FIELD_CLIENT_TYPE | LESSOR_FIELD_ADDRESS_STATE |                                \
	 LESSOR_FIELD_LAST_TRANSACTION | LESSOR_FIELD_DNS)

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
}

/* One update or delete in work. */
typedef struct {
	const lessor_lease_t *lease; /* update */
	uint32_t fields;             /* update; LESSOR_IF_CLIENT also for a delete */
	const uint8_t *client_id;    /* demanded owner, or NULL */
	size_t client_id_bytes;
	uint32_t address;
	lsr_scope_t *scope;
	uint32_t record_id;
	lsr_record_t *record;
	uint64_t word;
	lsr_body_t old;
	lsr_body_t fresh; /* update */
	uint64_t old_key;
	uint64_t fresh_key; /* update */
	bool moves;         /* update: the client changes */
	uint64_t end;       /* where the log record ends */
	uint64_t log_bytes; /* what to admit before the next try */
	const lsr_record_t *blocker;
	lessor_status_t status;
} lsr_change_t;

/* Steps 2 and 3, for a lease that must exist. STEP_CLAIMED, or why not. */
static lsr_step_t
claim_existing(lessor_engine_t *engine, lsr_change_t *change) {
	change->status = LESSOR_NOT_FOUND;
	change->scope = scope_of(engine, change->address);
	if (change->scope == NULL) {
		return STEP_DONE;
	}
	if (atomic_load_explicit(&change->scope->gate, memory_order_seq_cst) != LSR_GATE_OPEN) {
		return STEP_GATE;
	}
	change->record_id = lsr_table_peek(&change->scope->table, change->address);
	if (change->record_id == LSR_NO_RECORD) {
		return STEP_DONE;
	}
	change->record = lsr_pages_record(&engine->pages, change->record_id);
	if (!lsr_record_claim(change->record, &change->word)) {
		change->blocker = change->record;
		/* A create that is being decided has not happened yet: not found. */
		return (lsr_record_word(change->record) & LSR_WORD_LIVE) != 0 ? STEP_RECORD : STEP_DONE;
	}
	if ((change->word & LSR_WORD_LIVE) == 0) {
		lsr_record_unclaim(change->record, change->word);
		return STEP_DONE;
	}
	lsr_body_load(change->record, &change->old);
	if (change->client_id != NULL &&
	    (change->old.client_id_bytes != change->client_id_bytes ||
	     memcmp(lsr_body_client(&change->old), change->client_id, change->client_id_bytes) != 0)) {
		lsr_record_unclaim(change->record, change->word);
		change->status = LESSOR_OTHER_CLIENT;
		return STEP_DONE;
	}
	change->old_key = lsr_engine_client_key(engine, change->scope, lsr_body_client(&change->old),
						change->old.client_id_bytes);
	return STEP_CLAIMED;
}

/* The body after the update. Tail new or, if nothing in it changes, the old one. */
static lessor_status_t
build_fresh(lessor_engine_t *engine, lsr_change_t *change) {
	const uint32_t fields = change->fields & LESSOR_FIELD_ALL;
	change->fresh = change->old;
	if ((fields & ~(uint32_t)PLAIN_FIELDS) != 0) {
		lessor_lease_t merged;
		lsr_lease_sizes_t sizes;
		void *buffer = malloc(LESSOR_LEASE_BUFFER_BYTES);
		if (buffer == NULL) {
			return LESSOR_NO_MEMORY;
		}
		lessor_status_t status =
			lsr_lease_unpack(&change->old, &engine->origins, &merged, buffer, LESSOR_LEASE_BUFFER_BYTES);
		if (status == LESSOR_OK) {
			overlay(&merged, change->lease, fields);
			status = lsr_lease_check(&merged, LESSOR_FIELD_ALL, &sizes) ? LESSOR_OK : LESSOR_INVALID;
		}
		if (status == LESSOR_OK) {
			/* The origin was interned in step 1; it is found, or the numbers are used up. */
			const lsr_origin_t origin = lsr_lease_origin(&merged, &sizes);
			const uint16_t number = lsr_origin_is_none(&origin)
							? LSR_ORIGIN_NONE
							: lsr_origins_find(&engine->origins, &origin);
			status = lsr_lease_pack(&merged, &sizes, number, &change->fresh);
		}
		free(buffer);
		if (status != LESSOR_OK) {
			return status;
		}
	}
	update_plain(&change->fresh, change->lease, fields);
	return LESSOR_OK;
}

static void
drop_fresh(lsr_change_t *change) {
	if (change->fresh.tail != change->old.tail) {
		lsr_tail_free(change->fresh.tail);
	}
	change->fresh.tail = NULL;
}

/* Step 4: the new client id, if it is one. */
static lsr_step_t
claim_fresh_client(lessor_engine_t *engine, lsr_change_t *change) {
	const lsr_body_t *fresh = &change->fresh;
	change->moves = fresh->client_id_bytes != change->old.client_id_bytes ||
			memcmp(lsr_body_client(fresh), lsr_body_client(&change->old), fresh->client_id_bytes) != 0;
	if (!change->moves) {
		return STEP_CLAIMED;
	}
	uint32_t other = LSR_NO_RECORD;
	const lsr_client_match_t match = {.engine = engine,
					  .table = &change->scope->table,
					  .client_id = lsr_body_client(fresh),
					  .client_id_bytes = fresh->client_id_bytes};
	change->fresh_key = lsr_engine_client_key(engine, change->scope, match.client_id, match.client_id_bytes);
	switch (lsr_client_hash_insert(&engine->clients, change->fresh_key, change->record_id, lsr_match_for_insert,
				       &match, &other)) {
	case LSR_INSERT_DONE:
		return STEP_CLAIMED;
	case LSR_INSERT_PRESENT:
		change->status = LESSOR_CLIENT_TAKEN;
		return STEP_DONE;
	case LSR_INSERT_IN_DOUBT:
		change->blocker = lsr_pages_record(&engine->pages, other);
		return STEP_RECORD;
	default:
		change->status = LESSOR_NO_MEMORY;
		return STEP_DONE;
	}
}

/* Steps 5 and 6 of an update. False: no room in the log, undone. */
static bool
commit_update(lessor_engine_t *engine, lsr_change_t *change) {
	lsr_counters_t *counters = &change->scope->counters;
	if (engine->has_log) {
		uint64_t position;
		if (!lsr_log_reserve(&engine->log, change->log_bytes, &position)) {
			if (change->moves) {
				(void)lsr_client_hash_remove(&engine->clients, change->fresh_key, change->record_id);
			}
			return false;
		}
		change->end = log_lease(engine, position, change->address, &change->fresh);
		change->fresh.lsn = change->end;
	}
	const uint64_t unit = unit_of(change->scope, change->address);
	const bool state_changes = ((change->old.address_state ^ change->fresh.address_state) & LESSOR_STATE_MASK) != 0;
	if (state_changes) {
		lsr_counters_add(counters, change->fresh.address_state, unit);
	}
	lsr_record_replace(change->record, engine->shadows, change->word, &change->old, &change->fresh);
	if (state_changes) {
		lsr_counters_subtract(counters, change->old.address_state, unit);
	}
	if (change->moves) {
		(void)lsr_client_hash_remove(&engine->clients, change->old_key, change->record_id);
	}
	if (change->old.tail != change->fresh.tail) {
		lsr_tail_retire(change->old.tail);
	}
	change->status = LESSOR_OK;
	return true;
}

/* One try. STEP_CLAIMED stands for "admit log_bytes, then try again". */
static lsr_step_t
try_update(lessor_engine_t *engine, lsr_change_t *change) {
	lsr_step_t step = claim_existing(engine, change);
	if (step != STEP_CLAIMED) {
		return step;
	}
	change->status = build_fresh(engine, change);
	if (change->status != LESSOR_OK) {
		lsr_record_unclaim(change->record, change->word);
		return STEP_DONE;
	}
	change->log_bytes = lsr_record_bytes(lsr_image_bytes(&change->fresh));
	step = claim_fresh_client(engine, change);
	if (step == STEP_CLAIMED && commit_update(engine, change)) {
		return STEP_DONE;
	}
	drop_fresh(change);
	lsr_record_unclaim(change->record, change->word);
	return step;
}

/* Steps 5 and 6 of a delete, in the order that keeps uniqueness: LSN, invisible, client entry away, slot free. */
static lsr_step_t
try_delete(lessor_engine_t *engine, lsr_change_t *change) {
	const lsr_step_t step = claim_existing(engine, change);
	if (step != STEP_CLAIMED) {
		return step;
	}
	lsr_counters_t *counters = &change->scope->counters;
	const uint32_t epoch = atomic_load_explicit(&engine->epoch, memory_order_acquire);
	if (engine->has_log) {
		uint64_t position;
		if (!lsr_log_reserve(&engine->log, change->log_bytes, &position)) {
			lsr_record_unclaim(change->record, change->word);
			return STEP_CLAIMED;
		}
		const uint32_t image[2] = {change->address, epoch};
		memcpy(lsr_log_payload(&engine->log, position), image, sizeof(image));
		change->end =
			lsr_log_complete(&engine->log, position, lsr_record_header(LSR_LOG_LEASE_END, sizeof(image)));
	}
	const uint64_t hidden = lsr_record_hide(change->record, change->word);
	(void)lsr_client_hash_remove(&engine->clients, change->old_key, change->record_id);
	lsr_counters_subtract(counters, change->old.address_state, unit_of(change->scope, change->address));
	(void)atomic_fetch_add_explicit(&counters->deletes[epoch % 2], 1, memory_order_relaxed);
	lsr_record_vacate(change->record, hidden);
	lsr_tail_retire(change->old.tail);
	change->status = LESSOR_OK;
	return STEP_DONE;
}

static lessor_status_t
run_change(lessor_engine_t *engine, lsr_change_t *change, lsr_step_t (*attempt)(lessor_engine_t *, lsr_change_t *)) {
	for (;;) {
		const lessor_status_t status = lsr_engine_admit(engine, change->log_bytes);
		if (status != LESSOR_OK) {
			return status;
		}
		lsr_rcu_enter();
		const lsr_step_t step = attempt(engine, change);
		lsr_rcu_leave();
		if (step == STEP_DONE) {
			lsr_rcu_brake();
			return change->status;
		}
		const lsr_create_t waiting = {.step = step, .blocker = change->blocker};
		await(engine, &waiting);
	}
}

/* Make sure that the origin the lease will have is interned, outside of any claim. It may change again meanwhile: then its texts go into the tail. */
static lessor_status_t
intern_future_origin(lessor_engine_t *engine, const lessor_lease_t *lease, uint32_t fields) {
	if ((fields & (LESSOR_FIELD_OWNER | LESSOR_FIELD_POLICY)) == 0) {
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
			status = intern_origin(engine, &origin, &number);
		}
	}
	free(buffer);
	return status;
}

lessor_status_t
lessor_lease_update(lessor_engine_t *engine, const lessor_lease_t *lease, uint32_t fields, lessor_mode_t mode,
		    lessor_ticket_t *ticket) {
	lsr_lease_sizes_t sizes;
	lessor_status_t status = lsr_engine_for_change(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	const bool if_client = (fields & LESSOR_IF_CLIENT) != 0;
	if (lease == NULL || (fields & ~(uint32_t)(LESSOR_FIELD_ALL | LESSOR_IF_CLIENT)) != 0 ||
	    (if_client && (fields & LESSOR_FIELD_CLIENT_ID) != 0) ||
	    !lsr_lease_check(lease, fields | (if_client ? LESSOR_FIELD_CLIENT_ID : 0), &sizes) ||
	    ((fields & LESSOR_FIELD_ADDRESS_STATE) != 0 &&
	     (lease->address_state & LESSOR_STATE_MASK) == LESSOR_STATE_OFFERED)) {
		return LESSOR_INVALID;
	}
	status = intern_future_origin(engine, lease, fields);
	if (status != LESSOR_OK) {
		return status;
	}
	lsr_change_t change = {.lease = lease,
			       .fields = fields,
			       .client_id = if_client ? lease->client_id : NULL,
			       .client_id_bytes = if_client ? lease->client_id_bytes : 0,
			       .address = lease->address,
			       .log_bytes = lsr_record_bytes(LSR_IMAGE_HEAD_BYTES + LSR_INLINE_BYTES)};
	status = run_change(engine, &change, try_update);
	return status == LESSOR_OK ? lsr_engine_finish(engine, change.end, mode, ticket) : status;
}

lessor_status_t
lessor_lease_delete(lessor_engine_t *engine, uint32_t address, const uint8_t *client_id, size_t client_id_bytes,
		    lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_status_t status = lsr_engine_for_change(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (client_id != NULL && (client_id_bytes == 0 || client_id_bytes > LESSOR_CLIENT_ID_MAX_BYTES)) {
		return LESSOR_INVALID;
	}
	lsr_change_t change = {.client_id = client_id,
			       .client_id_bytes = client_id_bytes,
			       .address = address,
			       .log_bytes = lsr_record_bytes(2 * sizeof(uint32_t))};
	status = run_change(engine, &change, try_delete);
	return status == LESSOR_OK ? lsr_engine_finish(engine, change.end, mode, ticket) : status;
}

/* ---- iterating ----------------------------------------------------------------------------------------------------- */

/* Directory entries looked at in one read-side section: some ten microseconds. */
#define WALK_PAGES_MAX 4096u

bool
lsr_engine_walk(const lessor_engine_t *engine, uint64_t *address, uint64_t last, lsr_found_t *found, bool *more) {
	unsigned pages = 0;
	*more = true;
	while (*address <= last) {
		const lsr_scope_t *scope = lsr_trie_next(&engine->trie, lsr_key_ipv4((uint32_t)*address));
		if (scope == NULL || scope->subnet > last) {
			*more = false;
			return false;
		}
		if (*address < scope->subnet) {
			*address = scope->subnet;
		}
		const uint64_t end = lsr_min_u64(last, (uint64_t)scope->subnet + scope->table.last_offset);
		while (*address <= end) {
			const uint32_t here = (uint32_t)*address;
			const uint32_t id = lsr_table_peek(&scope->table, here);
			if (id == LSR_NO_RECORD) {
				*address += LSR_PAGE_RECORDS - (here - scope->subnet) % LSR_PAGE_RECORDS;
				if (++pages > WALK_PAGES_MAX) {
					return false;
				}
				continue;
			}
			*address += 1;
			if (lsr_record_read(lsr_pages_record(&engine->pages, id), engine->shadows, &found->body)) {
				found->address = here;
				found->scope = scope;
				return true;
			}
			pages += (here - scope->subnet) % LSR_PAGE_RECORDS == 0;
			if (pages > WALK_PAGES_MAX) {
				return false;
			}
		}
	}
	*more = false;
	return false;
}

void
lessor_cursor_init(lessor_cursor_t *cursor, uint32_t first, uint32_t last) {
	if (cursor != NULL) {
		*cursor = (lessor_cursor_t){.next = first, .last = last};
	}
}

lessor_status_t
lessor_lease_next(lessor_engine_t *engine, lessor_cursor_t *cursor, lessor_lease_t *lease, void *buffer,
		  size_t buffer_bytes) {
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (cursor == NULL || cursor->last > UINT32_MAX || !read_arguments_ok(lease, buffer, buffer_bytes)) {
		return LESSOR_INVALID;
	}
	lsr_found_t found;
	uint64_t at = cursor->next;
	bool more = true;
	status = LESSOR_END;
	while (more && status == LESSOR_END) {
		lsr_rcu_enter();
		if (lsr_engine_walk(engine, &at, cursor->last, &found, &more)) {
			status = answer(engine, found.scope, found.address, &found.body, lease, buffer, buffer_bytes);
		}
		lsr_rcu_leave();
	}
	if (status != LESSOR_BUFFER_TOO_SMALL) {
		cursor->next = at;
	}
	return status;
}

void
lessor_lease_init(lessor_lease_t *lease) {
	if (lease != NULL) {
		*lease = (lessor_lease_t){.client_type = LESSOR_CLIENT_DHCP,
					  .address_state = LESSOR_STATE_ACTIVE,
					  .expires_at = LESSOR_TIME_INFINITE};
	}
}
