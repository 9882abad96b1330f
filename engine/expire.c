/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sweeping: removing the leases whose time is over.
 *
 * A sweep goes through the pages in the order of addresses and skips those whose earliest expiry (lease/table.h) has not come; that touches no record. In the others it looks at
 * each lease, claims those that are due, looks again, and notes the earliest expiry of what stays. What it has claimed in one read-side section, of one page
 * or of many, ends together (change.c): one reservation in the log, the misses of the client hash overlapped.
 *
 * It never waits while it holds claims: a lease that somebody else is changing stays, and is met again by the next sweep. So is one that is offered to its client (offers.h).
 */
#include "engine_p.h"

#include <lessor/expire.h>

#include "base/probe.h"

/* What one read-side section does at most: a few microseconds of looking and some ten of ending. */
#define SECTION_PAGES_MAX 4096u
#define SECTION_LOOKS_MAX 192u
#define SECTION_ENDS_MAX  128u

/* Why a section ended. */
typedef enum lsr_pause {
	LSR_PAUSE_SECTION, /* it was long enough */
	LSR_PAUSE_LIMIT,   /* the call was */
	LSR_PAUSE_GATE,    /* a scope is closed for the moment */
	LSR_PAUSE_ROOM,    /* the log was full; nothing has happened */
	LSR_PAUSE_END
} lsr_pause_t;

typedef struct lsr_sweep {
	lessor_engine_t *engine;
	lessor_filetime_t now;
	uint64_t grace;
	uint64_t doom;
	uint64_t limit;
	uint64_t last;
	/* How far it is. */
	uint64_t at;     /* place */
	uint64_t prefix; /* IPv6; 'last' is the last one then */
	bool is_six;
	uint64_t looked;
	uint64_t removed;
	/* Of the section. */
	uint64_t lsn;
	size_t count;
	lsr_end_t ends[SECTION_ENDS_MAX];
} lsr_sweep_t;

/* ---- what is due --------------------------------------------------------------------------------------------------- */

/* Never before its expiry: the earliest expiry of a page is enough to skip it. A reserved address is kept. */
static bool
is_due(const lsr_sweep_t *sweep, const lsr_body_t *body) {
	if (!lsr_time_comes(lsr_body_ends_at(body))) {
		return false;
	}
	switch (body->address_state & LESSOR_STATE_MASK) {
	case LESSOR_STATE_ACTIVE:
		return sweep->now >= body->expires_at + sweep->grace;
	case LESSOR_STATE_DECLINED:
		return sweep->now >= body->expires_at;
	case LESSOR_STATE_DOOM: {
		const lessor_filetime_t seen = lessor_time_from_unix_s(body->last_transaction_s);
		return sweep->now >= (seen > body->expires_at ? seen : body->expires_at) + sweep->doom;
	}
	default:
		return false;
	}
}

/* Claim a lease that looked due and is: the one place where a renewal and a sweep find out who was first. */
static bool
claim_due(lsr_sweep_t *sweep, lsr_scope_t *scope, uint32_t address, uint32_t record_id) {
	uint64_t word;
	lsr_body_t body;
	lsr_record_t *record = lsr_pages_record(&sweep->engine->pages, record_id);
	if (!lsr_record_claim(record, &word)) {
		return false;
	}
	lsr_body_load(record, &body);
	if ((word & LSR_WORD_LIVE) == 0 || (word & LSR_WORD_KEPT) != 0 || !is_due(sweep, &body)) {
		lsr_record_unclaim(record, word);
		return false;
	}
	lsr_end_t *end = &sweep->ends[sweep->count++];
	*end = lsr_engine_end_of(sweep->engine, scope, address, record_id, word, &body);
	lsr_client_hash_prefetch(&sweep->engine->clients, end->key);
	return true;
}

/* ---- looking ------------------------------------------------------------------------------------------------------- */

/* The lowest n of some bits. */
static uint64_t
lowest(uint64_t bits, uint64_t n) {
	uint64_t rest = bits;
	while (n-- > 0) {
		rest &= rest - 1;
	}
	return bits & ~rest;
}

/* Look at these places of a page. Returns the earliest expiry of what stays. */
static lessor_filetime_t
look_at(lsr_sweep_t *sweep, lsr_scope_t *scope, const lsr_table_t *table, uint32_t index, uint64_t bits) {
	lessor_engine_t *engine = sweep->engine;
	lessor_filetime_t earliest = LESSOR_TIME_INFINITE;
	const uint32_t page = lsr_table_page(table, index);
	for (; bits != 0; bits &= bits - 1) {
		const uint32_t place = (uint32_t)__builtin_ctzll(bits);
		const uint32_t id = page << LSR_PAGE_SHIFT | place;
		const lsr_record_t *record = lsr_pages_record(&engine->pages, id);
		lsr_body_t body;
		__builtin_prefetch(record + 8);
		if (!lsr_record_read(record, engine->shadows, &body)) {
			continue;
		}
		sweep->looked += !lsr_body_is_empty(&body);
		if (is_due(sweep, &body) &&
		    claim_due(sweep, scope, table->subnet + (index << LSR_PAGE_SHIFT) + place, id)) {
			continue;
		}
		const lessor_filetime_t ends_at = lsr_body_ends_at(&body);
		if (lsr_time_comes(ends_at) && ends_at < earliest) {
			earliest = ends_at;
		}
	}
	return earliest;
}

/* Sweep what is left of the page at 'at', not beyond 'end'. False: it has more leases than the call may look at. */
static bool
sweep_page(lsr_sweep_t *sweep, lsr_scope_t *scope, const lsr_table_t *table, uint64_t end) {
	const uint32_t offset = (uint32_t)sweep->at - table->subnet;
	const uint32_t index = offset >> LSR_PAGE_SHIFT;
	const uint32_t first = offset % LSR_PAGE_RECORDS;
	const uint64_t behind = sweep->at + (LSR_PAGE_RECORDS - first);
	lsr_map_leaf_t *leaf = lsr_table_leaf(table, index);
	if (LSR_LIKELY(sweep->now < lsr_leaf_earliest(leaf))) {
		sweep->at = lsr_min_u64(behind, end + 1);
		return true;
	}
	lessor_filetime_t earliest;
	const uint64_t all = lsr_leaf_begin_sweep(leaf, &earliest);
	uint64_t bits = all & UINT64_MAX << first;
	if (behind > end + 1) {
		bits &= UINT64_MAX >> (behind - (end + 1));
	}
	const uint64_t left = sweep->limit - sweep->looked;
	uint64_t next = lsr_min_u64(behind, end + 1);
	if ((uint64_t)__builtin_popcountll(bits) > left) {
		if (sweep->looked > 0) {
			lsr_leaf_note(leaf, earliest);
			return false;
		}
		bits = lowest(bits, left);
		next = sweep->at - first + LSR_PAGE_RECORDS - (uint64_t)__builtin_clzll(bits);
	}
	if (bits != all) {
		lsr_leaf_note(leaf, earliest); /* it may be that of a lease that is not looked at now */
	}
	lsr_leaf_note(leaf, look_at(sweep, scope, table, index, bits));
	sweep->at = next;
	return true;
}

/* From 'at' to the end of this table, of what is to be swept or of the section. */
static lsr_pause_t
sweep_table(lsr_sweep_t *sweep, lsr_scope_t *scope, const lsr_table_t *table, uint64_t last, uint64_t looks_max,
	    unsigned *pages) {
	const uint64_t end = lsr_min_u64(last, (uint64_t)table->subnet + table->last_offset);
	while (sweep->at <= end) {
		if (++*pages > SECTION_PAGES_MAX || sweep->looked >= looks_max ||
		    sweep->count > SECTION_ENDS_MAX - LSR_PAGE_RECORDS) {
			return LSR_PAUSE_SECTION;
		}
		if (!sweep_page(sweep, scope, table, end)) {
			return LSR_PAUSE_LIMIT;
		}
	}
	return LSR_PAUSE_END;
}

static lsr_pause_t
sweep_scopes(lsr_sweep_t *sweep) {
	const uint64_t looks_max = sweep->looked + SECTION_LOOKS_MAX;
	unsigned pages = 0;
	while (sweep->at <= sweep->last) {
		lsr_scope_t *scope = lsr_trie_next(&sweep->engine->trie, lsr_key_ipv4((uint32_t)sweep->at));
		if (scope == NULL || scope->subnet > sweep->last) {
			break;
		}
		if (atomic_load_explicit(&scope->gate, memory_order_seq_cst) != LSR_GATE_OPEN) {
			return LSR_PAUSE_GATE;
		}
		if (sweep->at < scope->subnet) {
			sweep->at = scope->subnet;
		}
		const lsr_pause_t pause = sweep_table(sweep, scope, &scope->table, sweep->last, looks_max, &pages);
		if (pause != LSR_PAUSE_END) {
			return pause;
		}
	}
	sweep->at = sweep->last + 1;
	return LSR_PAUSE_END;
}

/* The tables of one IPv6 scope. */
static lsr_pause_t
sweep_chunks(lsr_sweep_t *sweep, lsr_scope_t *scope, uint64_t looks_max, unsigned *pages) {
	const uint32_t places = lsr_sparse_places(lsr_sparse_chunks(scope->sparse));
	while (sweep->at < places) {
		const lsr_table_t *table = lsr_sparse_table(scope->sparse, (uint32_t)sweep->at);
		const lsr_pause_t pause = sweep_table(sweep, scope, table, UINT32_MAX, looks_max, pages);
		if (pause != LSR_PAUSE_END) {
			return pause;
		}
	}
	return LSR_PAUSE_END;
}

static lsr_pause_t
sweep_scopes6(lsr_sweep_t *sweep) {
	const uint64_t looks_max = sweep->looked + SECTION_LOOKS_MAX;
	unsigned pages = 0;
	lsr_scope_t *scope;
	while ((scope = lsr_trie_next(&sweep->engine->trie6, lsr_key_ipv6(sweep->prefix))) != NULL &&
	       scope->sparse->prefix <= sweep->last) {
		if (atomic_load_explicit(&scope->gate, memory_order_seq_cst) != LSR_GATE_OPEN) {
			return LSR_PAUSE_GATE;
		}
		if (sweep->prefix != scope->sparse->prefix) {
			sweep->prefix = scope->sparse->prefix;
			sweep->at = 0;
		}
		const lsr_pause_t pause = sweep_chunks(sweep, scope, looks_max, &pages);
		if (pause != LSR_PAUSE_END) {
			return pause;
		}
		if (sweep->prefix == sweep->last) {
			break;
		}
		sweep->prefix++;
		sweep->at = 0;
	}
	sweep->prefix = sweep->last;
	sweep->at = UINT64_MAX; /* behind every place */
	return LSR_PAUSE_END;
}

/* ---- ending -------------------------------------------------------------------------------------------------------- */

/* The log has no room: give the claims back, and what the pages had forgotten. */
static void
let_go(lsr_sweep_t *sweep) {
	for (size_t i = 0; i < sweep->count; i++) {
		const lsr_end_t *end = &sweep->ends[i];
		lsr_record_unclaim(end->record, end->word);
		const lsr_table_t *table = lsr_scope_table(end->scope, end->address);
		lsr_leaf_note(lsr_table_leaf(table, (end->address - table->subnet) >> LSR_PAGE_SHIFT), end->expires_at);
	}
}

/* Each scope's at once. */
static void
count_expires(const lsr_sweep_t *sweep) {
	for (size_t first = 0, next; first < sweep->count; first = next) {
		lsr_scope_t *scope = sweep->ends[first].scope;
		for (next = first + 1; next < sweep->count && sweep->ends[next].scope == scope; next++) {
		}
		(void)atomic_fetch_add_explicit(&scope->counters.expires, next - first, memory_order_relaxed);
	}
}

/* One read-side section. */
static lsr_pause_t
sweep_section(lsr_sweep_t *sweep) {
	const uint64_t at = sweep->at;
	const uint64_t prefix = sweep->prefix;
	const uint64_t looked = sweep->looked;
	sweep->count = 0;
	lsr_rcu_enter();
	(void)atomic_fetch_add_explicit(&sweep->engine->sweeps, 1,
					memory_order_relaxed); /* before anything is forgotten: E3 */
	lsr_pause_t pause = sweep->is_six ? sweep_scopes6(sweep) : sweep_scopes(sweep);
	if (sweep->count > 0 && !lsr_engine_end_leases(sweep->engine, sweep->ends, sweep->count, &sweep->lsn)) {
		let_go(sweep);
		sweep->at = at;
		sweep->prefix = prefix;
		sweep->looked = looked;
		pause = LSR_PAUSE_ROOM;
	} else {
		sweep->removed += sweep->count;
		count_expires(sweep);
	}
	(void)atomic_fetch_sub_explicit(&sweep->engine->sweeps, 1, memory_order_release); /* what it ended is counted */
	lsr_rcu_leave();
	return pause;
}

/* Section after section, until the call has done its part. */
static lessor_status_t
run_sweep(lsr_sweep_t *sweep) {
	for (;;) {
		const lsr_pause_t pause = sweep_section(sweep);
		lsr_rcu_brake();
		if (pause == LSR_PAUSE_END || pause == LSR_PAUSE_LIMIT) {
			return pause == LSR_PAUSE_END && sweep->looked == 0 ? LESSOR_END : LESSOR_OK;
		}
		if (pause == LSR_PAUSE_GATE) {
			lsr_engine_await(sweep->engine, LSR_STEP_GATE, NULL);
		} else if (pause == LSR_PAUSE_ROOM) {
			const lessor_status_t status = lsr_engine_admit(
				sweep->engine, sweep->count * (sweep->is_six ? LSR_END6_LOG_BYTES : LSR_END_LOG_BYTES));
			if (status != LESSOR_OK) {
				return sweep->removed > 0 ? LESSOR_OK : status;
			}
		} else if (sweep->lsn != 0) {
			lsr_log_announce(&sweep->engine->log, sweep->lsn);
		}
	}
}

/* ---- the call ------------------------------------------------------------------------------------------------------ */

void
lessor_expire_options_init(lessor_expire_options_t *options) {
	if (options != NULL) {
		*options = (lessor_expire_options_t){.size_bytes = sizeof(*options),
						     .doom_s = LESSOR_DEFAULT_DOOM_S,
						     .limit = LESSOR_DEFAULT_EXPIRE_LIMIT};
	}
}

/* Options as a sweep wants them. False: they are not in order. */
static bool
begin_sweep(lsr_sweep_t *sweep, lessor_engine_t *engine, lessor_filetime_t now,
	    const lessor_expire_options_t *options) {
	lessor_expire_options_t defaults;
	lessor_expire_options_init(&defaults);
	options = options != NULL ? options : &defaults;
	if (options->size_bytes != sizeof(*options)) {
		return false;
	}
	sweep->engine = engine;
	sweep->now = now;
	sweep->grace = options->grace_s * LESSOR_TICKS_PER_SECOND;
	sweep->doom = options->doom_s * LESSOR_TICKS_PER_SECOND;
	sweep->limit = options->limit != 0 ? options->limit : LESSOR_DEFAULT_EXPIRE_LIMIT;
	sweep->is_six = false;
	sweep->prefix = sweep->looked = sweep->removed = sweep->lsn = 0;
	return true;
}

lessor_status_t
lessor_expire(lessor_engine_t *engine, lessor_filetime_t now, const lessor_expire_options_t *options,
	      lessor_cursor_t *cursor, lessor_expire_report_t *report, lessor_mode_t mode, lessor_ticket_t *ticket) {
	const lessor_status_t usable = lsr_engine_for_change(engine, mode);
	if (usable != LESSOR_OK) {
		return usable;
	}
	lsr_sweep_t sweep;
	if (cursor == NULL || cursor->last > UINT32_MAX || !begin_sweep(&sweep, engine, now, options)) {
		return LESSOR_INVALID;
	}
	sweep.at = cursor->next;
	sweep.last = cursor->last;
	lsr_engine_end_offers(engine, UINT32_MAX); /* they keep leases */
	const lessor_status_t status = run_sweep(&sweep);
	LSR_PROBE_EXPIRE(4, sweep.looked, sweep.removed);
	if (status != LESSOR_OK && status != LESSOR_END) {
		return status;
	}
	cursor->next = sweep.at;
	if (report != NULL) {
		*report = (lessor_expire_report_t){.looked = sweep.looked, .removed = sweep.removed};
	}
	return status == LESSOR_OK ? lsr_engine_finish(engine, sweep.lsn, mode, ticket) : status;
}

lessor_status_t
lessor_expire6(lessor_engine_t *engine, lessor_filetime_t now, const lessor_expire_options_t *options,
	       lessor_cursor6_t *cursor, lessor_expire_report_t *report, lessor_mode_t mode, lessor_ticket_t *ticket) {
	const lessor_status_t usable = lsr_engine_for_change(engine, mode);
	if (usable != LESSOR_OK) {
		return usable;
	}
	lsr_sweep_t sweep;
	if (cursor == NULL || !begin_sweep(&sweep, engine, now, options)) {
		return LESSOR_INVALID;
	}
	sweep.is_six = true;
	sweep.prefix = cursor->next.high;
	sweep.at = cursor->place;
	sweep.last = cursor->last.high;
	lsr_engine_end_offers(engine, UINT32_MAX); /* they keep leases */
	const lessor_status_t status = run_sweep(&sweep);
	LSR_PROBE_EXPIRE(6, sweep.looked, sweep.removed);
	if (status != LESSOR_OK && status != LESSOR_END) {
		return status;
	}
	cursor->next.high = sweep.prefix;
	cursor->place = sweep.at;
	if (report != NULL) {
		*report = (lessor_expire_report_t){.looked = sweep.looked, .removed = sweep.removed};
	}
	return status == LESSOR_OK ? lsr_engine_finish(engine, sweep.lsn, mode, ticket) : status;
}
