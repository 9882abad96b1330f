/* SPDX-License-Identifier: Apache-2.0 */
/* Creating leases, one by one and in batches. The scheme of a change is told in leases.c. */
#include "engine_p.h"

#include <string.h>

/* How many creates of a batch are in work at the same time: enough to overlap their cache misses, few enough for the fill buffers. */
#define CHUNK 32u
/* A chunk's log records stay well below the ring. */
#define CHUNK_LOG_BYTES_MAX ((uint64_t)128 << 10)

/* ---- preparing: step 1 --------------------------------------------------------------------------------------------- */

static lessor_status_t
pack(lessor_engine_t *engine, const lessor_lease_t *lease, const lsr_lease_sizes_t *sizes, lsr_body_t *body) {
	uint16_t number;
	const lsr_origin_t origin = lsr_lease_origin(lease, sizes);
	const lessor_status_t status = lsr_engine_intern(engine, &origin, &number);
	return status == LESSOR_OK ? lsr_lease_pack(lease, sizes, number, body) : status;
}

/* 0 stands for "not given": ACTIVE. A byte that was given on purpose must not say OFFERED. */
static uint8_t
settled_state(const lessor_engine_t *engine, uint8_t address_state) {
	return address_state == 0 && !engine->strict_address_state ? LESSOR_STATE_ACTIVE : address_state;
}

void
lsr_create_prepare(lessor_engine_t *engine, const lessor_lease_t *lease, lsr_create_t *create) {
	lsr_lease_sizes_t sizes;
	const uint8_t state = settled_state(engine, lease->address_state);
	create->body.tail = NULL;
	create->step = LSR_STEP_DONE;
	create->status = LESSOR_INVALID;
	if ((state & LESSOR_STATE_MASK) == LESSOR_STATE_OFFERED || !lsr_lease_check(lease, LESSOR_FIELD_ALL, &sizes)) {
		return;
	}
	create->status = pack(engine, lease, &sizes, &create->body);
	if (create->status == LESSOR_OK) {
		create->body.address_state = state;
		create->log_bytes = lsr_record_bytes(lsr_image_bytes(&create->body));
		create->step = LSR_STEP_GATE; /* not decided */
	}
}

static void
prepare_create(lessor_engine_t *engine, const lessor_lease_t *lease, lsr_create_t *create) {
	create->address = lease->address;
	if (LSR_LIKELY(lease->address != 0)) {
		lsr_create_prepare(engine, lease, create);
		return;
	}
	create->body.tail = NULL;
	create->step = LSR_STEP_DONE;
	create->status = LESSOR_INVALID;
}

/* ---- claiming: steps 2 to 4 ---------------------------------------------------------------------------------------- */

/* The first half of claiming, which only computes and prefetches: scope, record, key. */
static void
locate_create(lessor_engine_t *engine, lsr_create_t *create) {
	create->scope = lsr_engine_scope_of(engine, create->address);
	create->record = NULL;
	if (create->scope == NULL) {
		return;
	}
	create->key = lsr_engine_client_key(engine, create->scope, lsr_body_client(&create->body),
					    create->body.client_id_bytes);
	lsr_client_hash_prefetch(&engine->clients, create->key);
	lsr_table_prefetch(&create->scope->table, create->address);
	create->record_id = lsr_table_touch(&create->scope->table, &engine->pages, create->address);
	if (create->record_id != LSR_NO_RECORD) {
		create->record = lsr_pages_record(&engine->pages, create->record_id);
		lsr_prefetch_write(create->record);
	}
}

static void
decide(lsr_create_t *create, lessor_status_t status) {
	create->status = status;
	create->step = LSR_STEP_DONE;
}

static void
wait_for_record(lsr_create_t *create, const lsr_record_t *blocker) {
	create->blocker = blocker;
	create->step = LSR_STEP_RECORD;
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
		create->step = LSR_STEP_CLAIMED;
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

void
lsr_create_claim(lessor_engine_t *engine, lsr_create_t *create) {
	if (LSR_LIKELY(claim_address(create))) {
		claim_client(engine, create);
	}
}

static void
claim_create(lessor_engine_t *engine, lsr_create_t *create) {
	if (LSR_UNLIKELY(create->scope == NULL)) {
		decide(create, LESSOR_NO_SCOPE);
	} else if (LSR_UNLIKELY(atomic_load_explicit(&create->scope->gate, memory_order_seq_cst) != LSR_GATE_OPEN)) {
		create->step = LSR_STEP_GATE;
	} else if (LSR_UNLIKELY(create->record == NULL)) {
		decide(create, lsr_pages_at_limit(&engine->pages) ? LESSOR_LIMIT : LESSOR_NO_MEMORY);
	} else {
		lsr_create_claim(engine, create);
	}
}

/* ---- committing: steps 5 and 6 -------------------------------------------------------------------------------------- */

static void
undo_create(lessor_engine_t *engine, lsr_create_t *create) {
	(void)lsr_client_hash_remove(&engine->clients, create->key, create->record_id);
	lsr_record_unclaim(create->record, create->word);
	create->step = LSR_STEP_GATE;
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
bool
lsr_create_commit(lessor_engine_t *engine, lsr_create_t *creates, size_t count, uint64_t *end) {
	uint64_t total = 0;
	uint64_t position = 0;
	lsr_fold_t fold = {0};
	for (size_t i = 0; i < count; i++) {
		total += creates[i].step == LSR_STEP_CLAIMED ? creates[i].log_bytes : 0;
	}
	if (total == 0) {
		return true;
	}
	if (engine->has_log && LSR_UNLIKELY(!lsr_log_reserve(&engine->log, total, &position))) {
		for (size_t i = 0; i < count; i++) {
			if (creates[i].step == LSR_STEP_CLAIMED) {
				undo_create(engine, &creates[i]);
			}
		}
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		lsr_create_t *create = &creates[i];
		if (create->step != LSR_STEP_CLAIMED) {
			continue;
		}
		if (engine->has_log) {
			create->body.lsn = position =
				lsr_engine_log_lease(engine, position, create->address, &create->body);
		}
		/* Counted before it shows, so that a delete that sees it never counts below zero. */
		fold_add(&fold, &create->scope->counters, create->body.address_state,
			 lsr_engine_unit(create->scope, create->address));
	}
	fold_flush(&fold);
	for (size_t i = 0; i < count; i++) {
		if (creates[i].step == LSR_STEP_CLAIMED) {
			const uint64_t shown = lsr_record_show(creates[i].record, creates[i].word, &creates[i].body);
			lsr_table_take(&creates[i].scope->table, creates[i].address);
			lsr_record_settle(creates[i].record, shown);
			decide(&creates[i], LESSOR_OK);
		}
	}
	*end = position;
	return true;
}

/* ---- creating: the whole --------------------------------------------------------------------------------------------- */

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
			wanted += creates[i].step != LSR_STEP_DONE ? creates[i].log_bytes : 0;
		}
		const lessor_status_t status = wanted == 0 ? LESSOR_OK : lsr_engine_admit(engine, wanted);
		size_t next = first;
		bool committed = true;
		lsr_rcu_enter();
		for (size_t i = first; status == LESSOR_OK && i < count; i++) {
			if (creates[i].step != LSR_STEP_DONE) {
				locate_create(engine, &creates[i]);
			}
		}
		for (; status == LESSOR_OK && next < count; next++) {
			if (creates[next].step == LSR_STEP_DONE) {
				continue;
			}
			claim_create(engine, &creates[next]);
			if (creates[next].step == LSR_STEP_GATE || creates[next].step == LSR_STEP_RECORD) {
				break;
			}
		}
		if (status == LESSOR_OK) {
			committed = lsr_create_commit(engine, creates + first, next - first, end);
		}
		lsr_rcu_leave();
		if (status != LESSOR_OK) {
			for (size_t i = first; i < count; i++) {
				if (creates[i].step != LSR_STEP_DONE) {
					decide(&creates[i], status);
				}
			}
			return;
		}
		if (committed && next < count) {
			lsr_engine_await(engine, creates[next].step, creates[next].blocker);
		}
		first = committed ? next : first;
	}
}

void
lsr_create_drop(lsr_create_t *create) {
	if (LSR_UNLIKELY(create->body.tail != NULL) && create->status != LESSOR_OK) {
		lsr_tail_free(create->body.tail);
	}
}

lessor_status_t
lessor_lease_create(lessor_engine_t *engine, const lessor_lease_t *lease, lessor_mode_t mode, lessor_ticket_t *ticket) {
	const lessor_status_t usable = lsr_engine_for_change(engine, mode);
	if (usable != LESSOR_OK) {
		return usable;
	}
	if (lease == NULL) {
		return LESSOR_INVALID;
	}
	uint64_t end = 0;
	lsr_create_t create;
	prepare_create(engine, lease, &create);
	run_creates(engine, &create, 1, &end);
	lsr_create_drop(&create);
	return create.status == LESSOR_OK ? lsr_engine_finish(engine, end, mode, ticket) : create.status;
}

/* Prepare as many as make a chunk. Returns how many. */
static size_t
prepare_chunk(lessor_engine_t *engine, const lessor_lease_t *leases, size_t count, lsr_create_t *creates) {
	uint64_t log_bytes = 0;
	size_t taken = 0;
	while (taken < count && taken < CHUNK && log_bytes < CHUNK_LOG_BYTES_MAX) {
		lsr_create_t *create = &creates[taken];
		prepare_create(engine, &leases[taken], create);
		log_bytes += create->step != LSR_STEP_DONE ? create->log_bytes : 0;
		taken++;
	}
	return taken;
}

lessor_status_t
lessor_lease_create_batch(lessor_engine_t *engine, const lessor_lease_t *leases, size_t count,
			  lessor_status_t *statuses, lessor_mode_t mode, lessor_ticket_t *ticket) {
	const lessor_status_t usable = lsr_engine_for_change(engine, mode);
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
			lsr_create_drop(&creates[i]);
		}
		if (end != 0) {
			lsr_log_announce(&engine->log, end);
		}
		done += taken;
	}
	return lsr_engine_finish(engine, end, mode, ticket);
}
