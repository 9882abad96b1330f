/* SPDX-License-Identifier: Apache-2.0 */
/* Creating leases, one by one and in batches. The scheme of a change is told in leases.c. */
#include "engine_p.h"

#include <string.h>

#include "base/probe.h"

/* A chunk's log records stay well below the ring. */
#define CHUNK_LOG_BYTES_MAX ((uint64_t)128 << 10)

void
lsr_create_begin(lsr_create_t *create, const lessor_lease_t *lease) {
	create->lease = lease;
	create->form = NULL;
	create->step = LSR_STEP_OPEN;
	create->log_bytes = 0;
	create->origin_known = false;
	create->body.tail = NULL;
}

static void
decide(lsr_create_t *create, lessor_status_t status) {
	create->status = status;
	create->step = LSR_STEP_DONE;
}

/* ---- locating: computes and prefetches, decides nothing -------------------------------------------------------------- */

static bool
has_client(const lessor_lease_t *lease) {
	return LSR_LIKELY(lease->client_id != NULL && lease->client_id_bytes != 0);
}

LSR_INLINE void
locate_record(lessor_engine_t *engine, lsr_create_t *create) {
	const uint32_t id = lsr_table_touch(&create->scope->table, &engine->pages, create->lease->address);
	create->record_id = id;
	create->record = LSR_LIKELY(id != LSR_NO_RECORD) ? lsr_pages_record(&engine->pages, id) : NULL;
}

LSR_INLINE void
locate_client(lessor_engine_t *engine, lsr_create_t *create) {
	const lessor_lease_t *lease = create->lease;
	create->key = lsr_engine_client_key(engine, create->scope, lease->client_id, lease->client_id_bytes);
}

static bool
is_located(const lsr_create_t *create) {
	return LSR_LIKELY(create->step != LSR_STEP_DONE && create->scope != NULL && has_client(create->lease));
}

/*
 * Stage by stage over all of them, so that each stage's cache misses overlap. Records and buckets are fetched in a loop of their own: a prefetch does not
 * retire before its address is translated.
 */
LSR_INLINE void
locate_creates(lessor_engine_t *engine, lsr_create_t *creates, size_t count, bool is_six) {
	if (is_six) {
		lsr_create6_locate(engine, creates, count);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (creates[i].step != LSR_STEP_DONE) {
			creates[i].scope = lsr_engine_scope_of(engine, creates[i].lease->address);
		}
	}
	for (size_t i = 0; count > 1 && i < count; i++) {
		if (is_located(&creates[i])) {
			lsr_table_prefetch(&creates[i].scope->table, creates[i].lease->address);
		}
	}
	for (size_t i = 0; i < count; i++) {
		if (is_located(&creates[i])) {
			locate_record(engine, &creates[i]);
			if (count == 1) {
				lsr_prefetch_write(creates[i].record);
			}
			locate_client(engine, &creates[i]);
		}
	}
	for (size_t i = 0; i < count; i++) {
		if (is_located(&creates[i])) {
			if (count > 1) {
				lsr_prefetch_write(creates[i].record);
			}
			lsr_client_hash_prefetch(&engine->clients, creates[i].key);
			lsr_prefetch_write(&creates[i].scope->counters);
			lsr_table_prefetch_take(&creates[i].scope->table, creates[i].lease->address);
		}
	}
}

/* ---- preparing: step 1 --------------------------------------------------------------------------------------------- */

/* 0 stands for "not given": ACTIVE. A byte that was given on purpose must not say OFFERED. */
static uint8_t
settled_state(const lessor_engine_t *engine, uint8_t address_state) {
	return address_state == 0 && !engine->strict_address_state ? LESSOR_STATE_ACTIVE : address_state;
}

/* The number of the lease's origin if it has one already. False: it is to be interned, outside of this section. */
static bool
find_origin(lessor_engine_t *engine, lsr_create_t *create, const lsr_lease_sizes_t *sizes) {
	const lsr_origin_t origin = lsr_lease_origin(create->lease, sizes);
	create->origin = lsr_origins_find(&engine->origins, &origin);
	return create->origin != LSR_ORIGIN_NONE;
}

/* Check and pack a lease that is not plain. Returns whether there is a body now. */
static bool
prepare_fully(lessor_engine_t *engine, lsr_create_t *create) {
	const lessor_lease_t *lease = create->lease;
	lsr_lease_sizes_t sizes;
	if (!lsr_lease_check(lease, LESSOR_FIELD_ALL, &sizes)) {
		decide(create, LESSOR_INVALID);
		return false;
	}
	if (create->form != NULL) {
		lsr_lease6_extend(create->form, &sizes);
	}
	if (lsr_lease_has_no_origin(lease)) {
		create->origin = LSR_ORIGIN_NONE;
	} else if (!create->origin_known && !find_origin(engine, create, &sizes)) {
		create->step = LSR_STEP_INTERN;
		return false;
	}
	const lessor_status_t status = lsr_lease_pack(lease, &sizes, create->origin, &create->body);
	if (status != LESSOR_OK) {
		decide(create, status);
	}
	return status == LESSOR_OK;
}

/* Check and pack, while the cache misses of locating are under way. */
LSR_INLINE void
prepare_create(lessor_engine_t *engine, lsr_create_t *create, bool is_six) {
	const lessor_lease_t *lease = create->lease;
	const uint8_t state = settled_state(engine, lease->address_state);
	if (LSR_UNLIKELY(lease->address == 0 || (state & LESSOR_STATE_MASK) == LESSOR_STATE_OFFERED)) {
		decide(create, LESSOR_INVALID);
		return;
	}
	if (LSR_UNLIKELY((is_six && lsr_lease6_is_rare(create->form)) ||
			 !(is_six ? lsr_lease6_pack_plain(create->form, state, &create->body)
				  : lsr_lease_pack_plain(lease, state, &create->body)))) {
		if (!prepare_fully(engine, create)) {
			return;
		}
		create->body.address_state = state;
	}
	create->log_bytes = lsr_record_bytes(lsr_image_bytes(&create->body) + (is_six ? LSR_IMAGE6_MORE_BYTES : 0));
}

/* Outside of any section. */
static void
intern_origin(lessor_engine_t *engine, lsr_create_t *create) {
	lsr_lease_sizes_t sizes;
	(void)lsr_lease_check(create->lease, LESSOR_FIELD_OWNER | LESSOR_FIELD_POLICY, &sizes);
	const lsr_origin_t origin = lsr_lease_origin(create->lease, &sizes);
	const lessor_status_t status = lsr_engine_intern(engine, &origin, &create->origin);
	create->origin_known = true;
	create->step = LSR_STEP_OPEN;
	if (status != LESSOR_OK) {
		decide(create, status);
	}
}

void
lsr_create_prepare(lessor_engine_t *engine, lsr_create_t *create) {
	prepare_create(engine, create, false);
	if (create->step == LSR_STEP_INTERN) {
		intern_origin(engine, create);
		if (create->step == LSR_STEP_OPEN) {
			prepare_create(engine, create, false);
		}
	}
}

void
lsr_create6_prepare(lessor_engine_t *engine, lsr_create_t *create) {
	prepare_create(engine, create, true); /* has no origin */
}

/* ---- claiming: steps 2 to 4 ---------------------------------------------------------------------------------------- */

static void
wait_for_record(lsr_create_t *create, const lsr_record_t *blocker) {
	create->blocker = blocker;
	create->step = LSR_STEP_RECORD;
}

/*
 * The record is in use. What is being changed or deleted right now counts as there: this create comes before that change. False: it is not in use any more, and
 * nobody knows whether it was a lease.
 */
static bool
meet_record(const lessor_engine_t *engine, lsr_create_t *create) {
	lsr_body_t body;
	if (!lsr_record_read(create->record, engine->shadows, &body)) {
		return false;
	}
	if (LSR_UNLIKELY(lsr_body_is_empty(&body)) &&
	    lsr_body_is_client(&body, create->lease->client_id, create->lease->client_id_bytes)) {
		create->step = LSR_STEP_TAKE;
	} else {
		LSR_PROBE_CONFLICT(4, 0, create->lease->address, LESSOR_ADDRESS_TAKEN);
		decide(create, LESSOR_ADDRESS_TAKEN);
	}
	return true;
}

LSR_INLINE bool
claim_address(const lessor_engine_t *engine, lsr_create_t *create) {
	for (;;) {
		const uint64_t word = lsr_record_word(create->record);
		if (LSR_UNLIKELY((word & LSR_WORD_LIVE) != 0)) {
			if (meet_record(engine, create)) {
				return false;
			}
			continue;
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
undo_claims(lessor_engine_t *engine, lsr_create_t *create) {
	(void)lsr_client_hash_remove(&engine->clients, create->key, create->record_id);
	if (create->form != NULL) {
		lsr_create6_release(create);
	}
	lsr_record_unclaim(create->record, create->word);
	create->step = LSR_STEP_OPEN;
}

static lsr_limits_change_t
limits_change(const lsr_create_t *create) {
	return (lsr_limits_change_t){.scope = create->scope, .record = create->record, .to = &create->body};
}

/* A place under the limits; record and client are claimed. */
static void
enter_limits(lessor_engine_t *engine, lsr_create_t *create) {
	const lsr_record_t *blocker;
	const lsr_limits_change_t change = limits_change(create);
	const lsr_limits_result_t result = lsr_limits_enter(&engine->limits, &change, &blocker);
	if (result == LSR_LIMITS_ENTERED) {
		return;
	}
	undo_claims(engine, create);
	if (result == LSR_LIMITS_IN_DOUBT) {
		wait_for_record(create, blocker);
	} else {
		decide(create, result == LSR_LIMITS_FULL ? LESSOR_QUOTA : LESSOR_NO_MEMORY);
	}
}

LSR_INLINE void
claim_client(lessor_engine_t *engine, lsr_create_t *create, bool is_six) {
	uint32_t other = LSR_NO_RECORD;
	const lsr_client_match_t match = {.engine = engine,
					  .table = &create->scope->table,
					  .client_id = create->lease->client_id,
					  .client_id_bytes =
						  is_six ? create->form->client_bytes : create->lease->client_id_bytes};
	switch (lsr_client_hash_insert(&engine->clients, create->key, create->record_id, lsr_match_for_insert, &match,
				       &other)) {
	case LSR_INSERT_DONE:
		create->step = LSR_STEP_CLAIMED;
		if (lsr_limits_concern(create->scope, &create->body)) {
			enter_limits(engine, create);
		}
		return;
	case LSR_INSERT_PRESENT:
		LSR_PROBE_CONFLICT(is_six ? 6 : 4, is_six ? create->form->address.high : 0,
				   is_six ? create->form->address.low : create->lease->address, LESSOR_CLIENT_TAKEN);
		decide(create, LESSOR_CLIENT_TAKEN);
		break;
	case LSR_INSERT_IN_DOUBT:
		wait_for_record(create, lsr_pages_record(&engine->pages, other));
		break;
	case LSR_INSERT_NO_MEMORY:
		decide(create, LESSOR_NO_MEMORY);
		break;
	}
	if (is_six) {
		lsr_create6_release(create);
	}
	lsr_record_unclaim(create->record, create->word);
}

void
lsr_create_claim(lessor_engine_t *engine, lsr_create_t *create) {
	if (LSR_LIKELY(claim_address(engine, create))) {
		claim_client(engine, create, false);
	}
}

void
lsr_create6_claim_client(lessor_engine_t *engine, lsr_create_t *create) {
	claim_client(engine, create, true);
}

void
lsr_create6_claim(lessor_engine_t *engine, lsr_create_t *create) {
	if (LSR_LIKELY(lsr_create6_claim_address(engine, create))) {
		claim_client(engine, create, true);
	}
}

LSR_INLINE void
claim_create(lessor_engine_t *engine, lsr_create_t *create, bool is_six) {
	if (LSR_UNLIKELY(create->scope == NULL)) {
		decide(create, LESSOR_NO_SCOPE);
	} else if (LSR_UNLIKELY(atomic_load_explicit(&create->scope->gate, memory_order_seq_cst) != LSR_GATE_OPEN)) {
		create->step = LSR_STEP_GATE;
	} else if (is_six) {
		lsr_create6_claim(engine, create);
	} else if (LSR_UNLIKELY(create->record == NULL)) {
		decide(create, lsr_pages_at_limit(&engine->pages) ? LESSOR_LIMIT : LESSOR_NO_MEMORY);
	} else {
		lsr_create_claim(engine, create);
	}
}

/* ---- committing: steps 5 and 6 -------------------------------------------------------------------------------------- */

void
lsr_create_undo(lessor_engine_t *engine, lsr_create_t *create) {
	if (lsr_limits_concern(create->scope, &create->body)) {
		const lsr_limits_change_t change = limits_change(create);
		lsr_limits_undo(&engine->limits, &change);
	}
	undo_claims(engine, create);
}

static void
settle_limits(lessor_engine_t *engine, const lsr_create_t *create) {
	const lsr_limits_change_t change = limits_change(create);
	lsr_limits_settle(&engine->limits, &change);
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

/* One create's log record, at its place in the log. Returns its LSN. */
LSR_INLINE uint64_t
log_create(lessor_engine_t *engine, const lsr_create_t *create, uint64_t position, bool is_six) {
	return is_six ? lsr_engine_log_lease6(engine, position, create->form->address, &create->body)
		      : lsr_engine_log_lease(engine, position, create->lease->address, &create->body);
}

/*
 * Log and publish what is claimed among creates[0..count). False: the log had no room, everything is undone and to be started over. Cannot fail
 * otherwise. *end: where the last record ends.
 */
LSR_INLINE bool
commit_creates(lessor_engine_t *engine, lsr_create_t *creates, size_t count, uint64_t *end, bool is_six) {
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
				lsr_create_undo(engine, &creates[i]);
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
			create->body.lsn = position = log_create(engine, create, position, is_six);
		}
		/* Counted before it shows, so that a delete that sees it never counts below zero. */
		fold_add(&fold, &create->scope->counters, create->body.address_state & LESSOR_STATE_MASK,
			 is_six ? lsr_engine_unit6(create->scope, create->form->address.low)
				: lsr_engine_unit(create->scope, create->lease->address));
	}
	fold_flush(&fold);
	for (size_t i = 0; i < count; i++) {
		if (creates[i].step == LSR_STEP_CLAIMED) {
			if (LSR_UNLIKELY((creates[i].word & LSR_WORD_OFFER) != 0)) {
				lsr_engine_uncount_offer(
					creates[i].scope,
					is_six ? lsr_engine_unit6(creates[i].scope, creates[i].form->address.low)
					       : lsr_engine_unit(creates[i].scope, creates[i].lease->address));
			}
			const uint64_t shown = lsr_record_show(creates[i].record, creates[i].word, &creates[i].body);
			if (is_six) {
				lsr_table_take(lsr_sparse_table(creates[i].scope->sparse, creates[i].place),
					       creates[i].place, creates[i].body.expires_at);
				LSR_PROBE_CREATE(6, creates[i].form->address.high, creates[i].form->address.low,
						 creates[i].body.lsn);
			} else {
				lsr_table_take(&creates[i].scope->table, creates[i].lease->address,
					       creates[i].body.expires_at);
				LSR_PROBE_CREATE(4, 0, creates[i].lease->address, creates[i].body.lsn);
			}
			if (lsr_limits_concern(creates[i].scope, &creates[i].body)) {
				settle_limits(engine, &creates[i]);
			}
			lsr_record_settle(creates[i].record, shown);
			decide(&creates[i], LESSOR_OK);
		}
	}
	*end = position;
	return true;
}

bool
lsr_create_commit(lessor_engine_t *engine, lsr_create_t *create, uint64_t *end) {
	return commit_creates(engine, create, 1, end, false);
}

bool
lsr_create6_commit(lessor_engine_t *engine, lsr_create_t *create, uint64_t *end) {
	return commit_creates(engine, create, 1, end, true);
}

/* ---- creating: the whole --------------------------------------------------------------------------------------------- */

/*
 * Prepare what is not prepared, until one has to wait or the log records add up to more than log_bytes_max; at least one. Returns how many are ready.
 * *log_bytes: of them all.
 */
LSR_INLINE size_t
prepare_creates(lessor_engine_t *engine, lsr_create_t *creates, size_t count, uint64_t log_bytes_max,
		uint64_t *log_bytes, bool is_six) {
	size_t ready = 0;
	*log_bytes = 0;
	for (; ready < count; ready++) {
		lsr_create_t *create = &creates[ready];
		if (create->step == LSR_STEP_DONE) {
			continue;
		}
		if (create->log_bytes == 0) {
			prepare_create(engine, create, is_six);
		}
		if (create->step == LSR_STEP_INTERN ||
		    (LSR_UNLIKELY(*log_bytes + create->log_bytes > log_bytes_max) && *log_bytes != 0)) {
			break;
		}
		*log_bytes += create->step != LSR_STEP_DONE ? create->log_bytes : 0;
	}
	return ready;
}

/* Claim in order, up to the first that has to wait. Returns how many are decided or claimed. */
LSR_INLINE size_t
claim_creates(lessor_engine_t *engine, lsr_create_t *creates, size_t count, bool is_six) {
	size_t next = 0;
	for (; next < count; next++) {
		if (creates[next].step == LSR_STEP_OPEN) {
			claim_create(engine, &creates[next], is_six);
		}
		if (creates[next].step > LSR_STEP_CLAIMED) {
			break;
		}
	}
	return next;
}

/* Outside of any section, with nothing claimed: wait for what stopped a create. */
static void
resume(lessor_engine_t *engine, lsr_create_t *create, uint64_t *end) {
	if (create->step == LSR_STEP_INTERN) {
		intern_origin(engine, create);
	} else if (create->step == LSR_STEP_TAKE) {
		lsr_create_take(engine, create, end);
	} else {
		lsr_engine_await(engine, create->step, create->blocker);
		create->step = LSR_STEP_OPEN;
	}
}

/* The first that is not decided. There is one. */
static lsr_create_t *
first_open(lsr_create_t *create) {
	while (create->step == LSR_STEP_DONE) {
		create++;
	}
	return create;
}

/*
 * Carry creates[0..count) to a decision, in order: what is decided later in the array behaves as if called later. One pass claims as
 * many as it can; the first one that would have to wait ends the pass, what is claimed until then is committed, and the next pass
 * goes on from there.
 */
LSR_INLINE void
run_creates(lessor_engine_t *engine, lsr_create_t *creates, size_t count, uint64_t *end, bool is_six) {
	uint64_t log_bytes_max = CHUNK_LOG_BYTES_MAX;
	for (size_t first = 0; first < count;) {
		lsr_create_t *rest = creates + first;
		uint64_t log_bytes;
		lsr_rcu_enter();
		locate_creates(engine, rest, count - first, is_six);
		const size_t ready = prepare_creates(engine, rest, count - first, log_bytes_max, &log_bytes, is_six);
		const bool has_room = lsr_engine_has_room(engine, log_bytes);
		size_t taken = 0;
		if (LSR_LIKELY(has_room)) {
			taken = claim_creates(engine, rest, ready, is_six);
			taken = commit_creates(engine, rest, taken, end, is_six) ? taken : 0;
		}
		lsr_rcu_leave();
		first += taken;
		if (LSR_UNLIKELY(!has_room)) {
			const lessor_status_t status = lsr_engine_admit(engine, log_bytes);
			if (status != LESSOR_OK && count > 1 && log_bytes_max != 0) {
				log_bytes_max = 0; /* one by one: some of it may have room */
			} else if (status != LESSOR_OK) {
				decide(first_open(rest), status);
			}
		} else if (LSR_UNLIKELY(first < count && creates[first].step > LSR_STEP_CLAIMED)) {
			resume(engine, &creates[first], end);
		}
	}
}

void
lsr_create6_begin(lsr_create_t *create, lsr_lease6_t *form) {
	lsr_create_begin(create, &form->lease);
	create->form = form;
	create->record = NULL;
	create->leaf = NULL;
}

void
lsr_create6_run(lessor_engine_t *engine, lsr_create_t *creates, size_t count, uint64_t *end) {
	run_creates(engine, creates, count, end, true);
}

void
lsr_create_drop(lsr_create_t *create) {
	if (LSR_UNLIKELY(create->body.tail != NULL) && create->status != LESSOR_OK) {
		lsr_tail_free(create->body.tail);
	}
}

/* ---- creating one lease ---------------------------------------------------------------------------------------------- */

/* Step 4 where the client's home bucket is full, or holds something like it. */
static __attribute__((noinline)) bool
enter_client(lessor_engine_t *engine, const lsr_scope_t *scope, const lessor_lease_t *lease, uint64_t key,
	     uint32_t record_id) {
	uint32_t other;
	const lsr_client_match_t match = {.engine = engine,
					  .table = &scope->table,
					  .client_id = lease->client_id,
					  .client_id_bytes = lease->client_id_bytes};
	return lsr_client_hash_insert(&engine->clients, key, record_id, lsr_match_for_insert, &match, &other) ==
	       LSR_INSERT_DONE;
}

/*
 * The common create, straight through the steps: a plain lease, in a scope without a limit, at an address that is free and whose page is there, a new client, room in the log. run_creates() does the
 * same with twice the instructions; and a processor that looks a few hundred instructions ahead is to see the next create's cache misses. False: it is not of
 * this kind, nothing has happened, run_creates() decides. Inside a read-side section.
 */
LSR_INLINE bool
create_straight(lessor_engine_t *engine, const lessor_lease_t *lease, uint64_t *end) {
	const uint32_t address = lease->address;
	const uint8_t state = settled_state(engine, lease->address_state);
	if (LSR_UNLIKELY(address == 0 || (state & LESSOR_STATE_MASK) == LESSOR_STATE_OFFERED || !has_client(lease))) {
		return false;
	}
	lsr_scope_t *scope = lsr_engine_scope_of(engine, address);
	if (LSR_UNLIKELY(scope == NULL)) {
		return false;
	}
	const uint32_t id = lsr_table_peek(&scope->table, address);
	if (LSR_UNLIKELY(id == LSR_NO_RECORD)) {
		return false;
	}
	lsr_record_t *record = lsr_pages_record(&engine->pages, id);
	lsr_prefetch_write(record);
	const uint64_t key = lsr_engine_client_key(engine, scope, lease->client_id, lease->client_id_bytes);
	const lsr_hash_spot_t spot = lsr_client_hash_spot(&engine->clients, key);
	lsr_prefetch_write(spot.home);
	lsr_prefetch_write(&scope->counters);
	lsr_table_prefetch_take(&scope->table, address);
	lsr_body_t body;
	if (LSR_UNLIKELY(!lsr_lease_pack_plain(lease, state, &body))) {
		return false;
	}
	const size_t image_bytes = lsr_image_plain_bytes(&body);
	const uint64_t log_bytes = lsr_record_bytes(image_bytes);
	uint64_t word;
	if (LSR_UNLIKELY(!lsr_engine_has_room(engine, log_bytes)) ||
	    LSR_UNLIKELY(atomic_load_explicit(&scope->gate, memory_order_seq_cst) != LSR_GATE_OPEN) ||
	    lsr_limits_concern(scope, &body) || LSR_UNLIKELY(!lsr_record_claim_empty(record, &word))) {
		return false;
	}
	if (LSR_UNLIKELY(!lsr_client_hash_insert_at(&engine->clients, spot, key, id)) &&
	    !enter_client(engine, scope, lease, key, id)) {
		lsr_record_unclaim(record, word);
		return false;
	}
	if (engine->has_log) {
		uint64_t position;
		if (LSR_UNLIKELY(!lsr_log_reserve(&engine->log, log_bytes, &position))) {
			(void)lsr_client_hash_remove(&engine->clients, key, id);
			lsr_record_unclaim(record, word);
			return false;
		}
		lsr_image_put_plain(lsr_log_payload(&engine->log, position), address, &body);
		*end = body.lsn =
			lsr_log_complete(&engine->log, position, lsr_record_header(LSR_LOG_LEASE, image_bytes));
	}
	/* Counted before it shows, as by commit_creates(). */
	lsr_counters_add(&scope->counters, state & LESSOR_STATE_MASK, lsr_engine_unit(scope, address));
	const uint64_t shown = lsr_record_show(record, word, &body);
	lsr_table_take(&scope->table, address, body.expires_at);
	LSR_PROBE_CREATE(4, 0, address, body.lsn);
	lsr_record_settle(record, shown);
	return true;
}

static __attribute__((noinline)) lessor_status_t
create_any(lessor_engine_t *engine, const lessor_lease_t *lease, lessor_mode_t mode, lessor_ticket_t *ticket) {
	uint64_t end = 0;
	lsr_create_t create;
	lsr_create_begin(&create, lease);
	run_creates(engine, &create, 1, &end, false);
	lsr_create_drop(&create);
	return create.status == LESSOR_OK ? lsr_engine_finish(engine, end, mode, ticket) : create.status;
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
	lsr_rcu_enter();
	const bool is_created = create_straight(engine, lease, &end);
	lsr_rcu_leave();
	return LSR_LIKELY(is_created) ? lsr_engine_finish(engine, end, mode, ticket)
				      : create_any(engine, lease, mode, ticket);
}

/* ---- creating many --------------------------------------------------------------------------------------------------- */

/* How many leases make a chunk. */
static size_t
begin_chunk(const lessor_lease_t *leases, size_t count, lsr_create_t *creates) {
	size_t taken = 0;
	for (; taken < count && taken < LSR_CHUNK; taken++) {
		lsr_create_begin(&creates[taken], &leases[taken]);
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
	lsr_create_t creates[LSR_CHUNK];
	uint64_t end = 0;
	for (size_t done = 0; done < count;) {
		const size_t taken = begin_chunk(leases + done, count - done, creates);
		run_creates(engine, creates, taken, &end, false);
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
