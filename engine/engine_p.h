/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's inside, shared by the files directly under engine/: engine.c (life, tickets), leases.c, create.c, allocate.c,
 * change.c, reservation.c, expire.c, scopes.c, ranges.c, superscopes.c, filters.c, checkpoint.c (taking snapshots), recovery.c, inspect.c, scan.c, server.c; leases6.c, reservation6.c,
 * scopes6.c and server6.c (IPv6). Only these see all the rooms below.
 *
 * Locks, in the order in which they are taken; nobody takes an earlier one while holding a later one:
 *   1 snapshot_lock    one snapshot at a time
 *   2 scope_lock       changes of scopes: trie, configurations, gates, uids; of superscopes
 *     filters.lock     changes of filters; nobody takes it together with scope_lock
 *     limits.lock      changes of limits, likewise
 *     offers.walk      who ends offers, likewise; nothing is held when it is taken
 *   3 origins.lock     new origins
 *     offer shards     one at a time; claims are only tried under it, and no holder of a claim takes one; a search of the pool runs under it
 *   4 record claims    one at a time, or the claims of one batch chunk, which never waits while it holds any
 *   5 bucket locks; of the shards of limits, those of one change in ascending order
 *   6 page pool, overflow list, log->lock, segment list
 *   7 arena locks
 *   8 the provisioner's lock: a leaf; the first who asks makes its thread under it
 * A grace period is never awaited inside a read-side section. Of 1 to 3 only the offers' shards are taken inside one, by what has to do with offers; look-ups take none at
 * all. What is done under those that are, says base/rcu.h.
 *
 * Counting epoch: see stats/counters.h. 'epoch' only grows; a change reads it inside its read-side section.
 */
#ifndef LSR_ENGINE_P_H
#define LSR_ENGINE_P_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <lessor/engine.h>
#include <lessor/lease.h>
#include <lessor/scope.h>
#include <lessor/stats.h>

#include "base/hash.h"
#include "base/provisioner.h"
#include "filters.h"
#include "lease/client_hash.h"
#include "lease/codec.h"
#include "lease/codec6.h"
#include "lease/origin.h"
#include "lease/page.h"
#include "limit.h"
#include "log/log.h"
#include "offers.h"
#include "scope/scope.h"
#include "scope/scope6.h"
#include "scope/trie.h"
#include "snapshot/snapshot.h"
#include "superscopes.h"
#include "sweeper.h"

#define LSR_ENGINE_MAGIC      UINT64_C(0x6C6573736F720001)
#define LSR_SERVER_NAME_BYTES 256

struct lessor_engine {
	/* Fixed after open: read by every call. */
	uint64_t magic;
	uint64_t process; /* the fork generation that opened it */
	bool read_only;
	bool has_log;
	bool strict_address_state;
	_Atomic bool closing;
	_Atomic uint32_t epoch;
	lsr_trie_t trie;
	lsr_trie_t trie6; /* IPv6 scopes */
	lsr_pages_t pages;
	lsr_origins_t origins;
	uint8_t secret[LSR_SECRET_BYTES];
	char server_name[LSR_SERVER_NAME_BYTES];
	uint32_t server_address;
	int directory; /* -1: memory only */
	int lock_file;
	uint8_t store_id[LSR_STORE_ID_BYTES];
	bool log_begun; /* the store has had a log segment before */
	uint64_t snapshot_after_bytes;
	uint64_t retain_log_bytes;
	uint32_t retain_log_s;
	uint64_t loaded_lsn; /* what the open found: durable */
	uint64_t loaded_log_bytes;
	lessor_filetime_t opened_at;
	_Atomic uint64_t scopes; /* scope_lock */
	uint32_t next_uid;       /* scope_lock */
	lsr_superscopes_t superscopes;
	lsr_filters_t filters;
	pthread_mutex_t scope_lock;
	pthread_mutex_t snapshot_lock;
	_Atomic uint64_t snapshot_from; /* of the newest snapshot; snapshot_lock */
	/* The thread that takes snapshots by itself. */
	pthread_mutex_t keeper_lock;
	pthread_cond_t keeper_wakes;
	pthread_t keeper;
	bool keeper_runs;
	bool keeper_stops; /* keeper_lock */
	/* The thread that answers other processes; keeper_lock. */
	pthread_t stats_thread;
	int stats_socket;
	bool stats_served;
	lsr_provisioner_t provisioner;
	lsr_budget_t memory; /* of all arenas, and of the log; without a limit nobody charges it */
	uint64_t disk_limit_bytes;
	lsr_client_hash_t clients;
	lsr_shadows_t *shadows;
	lsr_log_t log;
	/* Not every call looks at these. */
	LSR_APART lsr_offers_t offers;
	lsr_limits_t limits;
	lsr_sweeper_t sweeper;
	_Atomic uint32_t sweeps; /* sections of sweeps that are under way */
};

/* ---- engine.c ---------------------------------------------------------------------------------------------------- */

/*
 * lessor_open() with another way to fill the engine. 'fill' gets settled options; what it opened, in engine->directory and lock_file, is closed with the engine.
 */
typedef lessor_status_t (*lsr_fill_function)(lessor_engine_t *engine, const char *path, const lessor_options_t *options,
					     lessor_report_t *report, void *context);
lessor_status_t lsr_engine_open(const char *path, const lessor_options_t *options, lsr_fill_function fill,
				void *context, lessor_engine_t **engine, lessor_report_t *report);

#define LSR_LOCK_NAME  "lessor.lock"
#define LSR_STORE_NAME "lessor.store"

/* Parts of opening: each LESSOR_OK, or a sentence in the report. */
lessor_status_t lsr_engine_open_directory(lessor_engine_t *engine, const char *path, bool create,
					  lessor_report_t *report);
lessor_status_t lsr_engine_lock_directory(lessor_engine_t *engine, const char *path, lessor_report_t *report);
lessor_status_t lsr_engine_read_identity(int file, uint8_t store_id[LSR_STORE_ID_BYTES], bool *log_begun,
					 lessor_report_t *report);

/* Make the identity of a store: from here on the directory is one. 0 or a negative errno. */
int lsr_engine_write_identity(int directory, const uint8_t store_id[LSR_STORE_ID_BYTES], bool log_begun);

/* The first line of every call: is the handle good, in this process? */
lessor_status_t lsr_engine_check_slowly(const lessor_engine_t *engine);

extern _Atomic uint64_t lsr_fork_generation;

static inline lessor_status_t
lsr_engine_for_read(const lessor_engine_t *engine) {
	if (LSR_LIKELY(engine != NULL && engine->magic == LSR_ENGINE_MAGIC &&
		       engine->process == atomic_load_explicit(&lsr_fork_generation, memory_order_relaxed))) {
		return LESSOR_OK;
	}
	return lsr_engine_check_slowly(engine);
}

static inline lessor_status_t
lsr_engine_for_change(const lessor_engine_t *engine, lessor_mode_t mode) {
	const lessor_status_t status = lsr_engine_for_read(engine);
	if (LSR_UNLIKELY(status != LESSOR_OK)) {
		return status;
	}
	if (LSR_UNLIKELY(mode != LESSOR_ASYNC && mode != LESSOR_SYNC)) {
		return LESSOR_INVALID;
	}
	if (LSR_UNLIKELY(engine->read_only)) {
		return LESSOR_READ_ONLY;
	}
	return LSR_UNLIKELY(atomic_load_explicit(&engine->closing, memory_order_relaxed)) ? LESSOR_CLOSED : LESSOR_OK;
}

/* As lsr_engine_admit(), never waiting: false only says that one has to ask it. */
static inline bool
lsr_engine_has_room(lessor_engine_t *engine, uint64_t size_bytes) {
	return !engine->has_log || size_bytes == 0 || LSR_LIKELY(lsr_log_has_room(&engine->log, size_bytes));
}

/* Room in the log, if there is one. */
static inline lessor_status_t
lsr_engine_admit(lessor_engine_t *engine, uint64_t size_bytes) {
	return engine->has_log ? lsr_log_admit(&engine->log, size_bytes) : LESSOR_OK;
}

/* After a change whose log record ends at lsn: hand out the ticket, wait if asked to. */
static inline lessor_status_t
lsr_engine_finish(lessor_engine_t *engine, uint64_t lsn, lessor_mode_t mode, lessor_ticket_t *ticket) {
	if (ticket != NULL) {
		*ticket = lsn;
	}
	if (lsn == 0) {
		return LESSOR_OK;
	}
	lsr_log_announce(&engine->log, lsn);
	return mode == LESSOR_SYNC ? lsr_log_wait(&engine->log, lsn, -1) : LESSOR_OK;
}

/*
 * Log one record that is not a lease: reserve, copy, complete. May wait for the ring; the caller holds no claim. *lsn is 0 without a log.
 */
lessor_status_t lsr_engine_log(lessor_engine_t *engine, lsr_record_type_t type, const void *payload,
			       size_t payload_bytes, uint64_t *lsn);

/* How many operations of a batch are in work at the same time: enough to overlap their cache misses, few enough for the fill buffers. */
#ifndef LSR_CHUNK
#define LSR_CHUNK 32u
#endif

/* ---- leases.c ---------------------------------------------------------------------------------------------------- */

/* What stopped a change, or did not. */
typedef enum lsr_step {
	LSR_STEP_OPEN,    /* nothing yet */
	LSR_STEP_DONE,    /* it is decided */
	LSR_STEP_CLAIMED, /* it holds its claims */
	LSR_STEP_GATE,    /* wait for the scope lock, then start over; this and what follows stops */
	LSR_STEP_RECORD,  /* wait for another change of the blocking record, then start over */
	LSR_STEP_INTERN,  /* intern the origin, then start over */
	LSR_STEP_AGAIN,   /* start over */
	LSR_STEP_TAKE     /* create: the address is reserved for this client and empty; lsr_create_take() */
} lsr_step_t;

/* Fetch the records of these addresses, at most LSR_CHUNK, ahead of what needs them. A hint; outside of any section. */
void lsr_engine_prefetch(const lessor_engine_t *engine, const uint32_t *addresses, size_t count);

/* Outside of any read-side section, holding nothing: wait for what stopped a change. */
void lsr_engine_await(lessor_engine_t *engine, lsr_step_t step, const lsr_record_t *blocker);

/* The number of an origin, made if need be; LSR_ORIGIN_NONE if it is empty or the numbers are used up. May wait for the log. */
lessor_status_t lsr_engine_intern(lessor_engine_t *engine, const lsr_origin_t *origin, uint16_t *number);

/* Which scope owns an address. Inside a read-side section. */
static inline lsr_scope_t *
lsr_engine_scope_of(const lessor_engine_t *engine, uint32_t address) {
	return lsr_trie_find(&engine->trie, lsr_key_ipv4(address));
}

/* The same for the upper half of an IPv6 address, which is known as a whole. */
static inline lsr_key_t
lsr_key_ipv6(uint64_t prefix) {
	return (lsr_key_t){.high = prefix, .low = 0};
}

static inline lsr_scope_t *
lsr_engine_scope6_of(const lessor_engine_t *engine, uint64_t prefix) {
	return lsr_trie_find(&engine->trie6, lsr_key_ipv6(prefix));
}

/* Going through all scopes, IPv4 first: begin with all zero. */
typedef struct lsr_scope_cursor {
	uint64_t next;
	bool is_six;
	bool at_end;
} lsr_scope_cursor_t;

/* The trie of a scope's family. */
static inline lsr_trie_t *
lsr_engine_trie(lessor_engine_t *engine, const lsr_scope_t *scope) {
	return scope->is_sparse ? &engine->trie6 : &engine->trie;
}

/* NULL: there are no more. Inside a read-side section, or alone. */
lsr_scope_t *lsr_engine_next_scope(const lessor_engine_t *engine, lsr_scope_cursor_t *cursor);

/* The lower half of the address of an IPv6 record, for who has claimed it or is alone. */
static inline uint64_t
lsr_engine_low(const lessor_engine_t *engine, uint32_t record_id) {
	return atomic_load_explicit(lsr_pages_low(&engine->pages, record_id), memory_order_relaxed);
}

/* Write a lease into its reserved place in the log. Returns its LSN. */
static inline uint64_t
lsr_engine_log_lease(lessor_engine_t *engine, uint64_t position, uint32_t address, const lsr_body_t *body) {
	lsr_image_put(lsr_log_payload(&engine->log, position), address, body);
	return lsr_log_complete(&engine->log, position, lsr_record_header(LSR_LOG_LEASE, lsr_image_bytes(body)));
}

static inline uint64_t
lsr_engine_log_lease6(lessor_engine_t *engine, uint64_t position, lessor_address6_t address, const lsr_body_t *body) {
	lsr_image_put6(lsr_log_payload(&engine->log, position), address, body);
	return lsr_log_complete(&engine->log, position,
				lsr_record_header(LSR_LOG_LEASE6, lsr_image_bytes(body) + LSR_IMAGE6_MORE_BYTES));
}

/* One lease for the counters, for who is inside an open gate or alone. */
static inline uint64_t
lsr_engine_unit(const lsr_scope_t *scope, uint32_t address) {
	return lsr_counters_unit(lsr_scope_pools(scope, address));
}

static inline uint64_t
lsr_engine_unit6(const lsr_scope_t *scope, uint64_t low) {
	return lsr_counters_unit(lsr_scope6_pools(scope, low));
}

/* An offer ends, or a lease takes its place; the caller holds the record's claim. */
static inline void
lsr_engine_uncount_offer(lsr_scope_t *scope, uint64_t unit) {
	(void)atomic_fetch_sub_explicit(&scope->counters.offered, unit, memory_order_relaxed);
}

/* The same for a record of either family, at this place of its scope. */
static inline uint64_t
lsr_engine_unit_of(const lessor_engine_t *engine, const lsr_scope_t *scope, uint32_t place, uint32_t record_id) {
	return LSR_LIKELY(!scope->is_sparse) ? lsr_engine_unit(scope, place)
					     : lsr_engine_unit6(scope, lsr_engine_low(engine, record_id));
}

/* ---- finding clients --------------------------------------------------------------------------------------------- */

/* The key of a client in a scope. */
static inline uint64_t
lsr_engine_client_key(const lessor_engine_t *engine, const lsr_scope_t *scope, const uint8_t *client_id, size_t bytes) {
	return lsr_client_key(lsr_client_digest(engine->secret, client_id, bytes), scope->uid);
}

/* Of the client of a lease. */
static inline uint64_t
lsr_engine_body_key(const lessor_engine_t *engine, const lsr_scope_t *scope, const lsr_body_t *body) {
	return lsr_engine_client_key(engine, scope, lsr_body_client(body), lsr_body_client_bytes(body));
}

/* A client id that is looked for in a scope's records; the match functions of the client hash. */
typedef struct lsr_client_match {
	const lessor_engine_t *engine;
	const lsr_table_t *table;
	const uint8_t *client_id;
	size_t client_id_bytes;
} lsr_client_match_t;

lsr_match_t lsr_match_for_insert(const void *key, uint32_t record_id);
lsr_match_t lsr_match_for_read(const void *key, uint32_t record_id);

/* The same for the entries of reservations: by the client that an address is reserved for, whoever has the lease there. */
lsr_match_t lsr_match_reserved_for_insert(const void *key, uint32_t record_id);
lsr_match_t lsr_match_reserved_for_read(const void *key, uint32_t record_id);

/* The key of a client's reservation, made of its key: always in another shard, so that the two entries of one record never meet. */
static inline uint64_t
lsr_reserved_key(uint64_t client_key) {
	return client_key ^ UINT64_C(0xA24BAED4963EE407);
}

/* The key of the reservation that a reserved body is. */
uint64_t lsr_engine_reserved_key(const lessor_engine_t *engine, const lsr_scope_t *scope, const lsr_body_t *body);

/* The record of a client's lease, or reservation, in a scope; LSR_NO_RECORD. Inside a read-side section. */
uint32_t lsr_engine_find_client(const lessor_engine_t *engine, const lsr_scope_t *scope, const uint8_t *client_id,
				size_t client_id_bytes);
uint32_t lsr_engine_find_reserved(const lessor_engine_t *engine, const lsr_scope_t *scope, const uint8_t *client_id,
				  size_t client_id_bytes);

/* Remove the client entries of a record that holds this body. */
void lsr_engine_forget_clients(lessor_engine_t *engine, const lsr_scope_t *scope, uint32_t record_id,
			       const lsr_body_t *body);

/* Is this body's lease, or reservation, the client's? */
bool lsr_body_is_client(const lsr_body_t *body, const uint8_t *client_id, size_t client_id_bytes);
bool lsr_body_is_reserved_for(const lsr_body_t *body, const uint8_t *client_id, size_t client_id_bytes);

/* The scope with exactly this subnet address, or NULL. Inside a read-side section. */
static inline lsr_scope_t *
lsr_engine_scope_named(const lessor_engine_t *engine, uint32_t subnet) {
	lsr_scope_t *scope = lsr_engine_scope_of(engine, subnet);
	return scope != NULL && scope->subnet == subnet ? scope : NULL;
}

/* Is this lease, of a record of the scope, the client's? */
bool lsr_match_body(const lsr_client_match_t *match, const lsr_body_t *body);

/* Is this the lease's name? As lessor_lease_find_name() compares. */
bool lsr_body_has_name(const lsr_body_t *body, const char *name, size_t name_bytes);

/* A record found while walking in address order, or through the places of IPv6 scopes. */
typedef struct lsr_found {
	uint32_t address; /* place */
	uint32_t record_id;
	uint64_t low; /* IPv6 */
	const lsr_scope_t *scope;
	lsr_body_t body;
} lsr_found_t;

/*
 * The first record in use, a lease or a reservation without one, at or behind *address and not behind last; *address becomes the place to go on from. Inside a read-side section. Looks at no more than
 * some thousand pages at a time: *more tells that it stopped early.
 */
bool lsr_engine_walk(const lessor_engine_t *engine, uint64_t *address, uint64_t last, lsr_found_t *found, bool *more);

/* IPv6 leases by scope and place. All zero: from the first one. */
typedef struct lsr_walk6 {
	uint64_t prefix;
	uint64_t place;
} lsr_walk6_t;

/* As lsr_engine_walk(), up to the scope with the prefix 'last'. */
bool lsr_engine_walk6(const lessor_engine_t *engine, lsr_walk6_t *walk, uint64_t last, lsr_found_t *found, bool *more);

/* ---- create.c ---------------------------------------------------------------------------------------------------- */

/* One create in work. */
typedef struct lsr_create {
	const lessor_lease_t *lease;
	lsr_lease6_t *form; /* of an IPv6 lease, to which 'lease' belongs */
	lessor_status_t status;
	lsr_step_t step;
	lsr_scope_t *scope;
	lsr_record_t *record;
	uint64_t key;
	uint64_t word; /* before the claim */
	uint32_t record_id;
	uint32_t log_bytes;     /* 0: not packed yet */
	uint32_t place;         /* IPv6 */
	lsr_index_node_t *leaf; /* IPv6, in the section of lsr_create6_locate(): lsr_index_probe_t.at */
	uint16_t origin;
	bool origin_known; /* interned, or no number was to be had */
	lsr_body_t body;
	const lsr_record_t *blocker;
} lsr_create_t;

/* The steps of a create for a caller that has but one, and looks for its address: check and pack, outside of any section; */
void lsr_create_begin(lsr_create_t *create, const lessor_lease_t *lease);
void lsr_create_prepare(lessor_engine_t *engine, lsr_create_t *create);

/* claim create->record, which is that of lease->address, and the client: claimed, decided, or what to wait for; */
void lsr_create_claim(lessor_engine_t *engine, lsr_create_t *create);

/* give back what is claimed; */
void lsr_create_undo(lessor_engine_t *engine, lsr_create_t *create);

/* log and publish what is claimed. False: the log had no room, it is undone; */
bool lsr_create_commit(lessor_engine_t *engine, lsr_create_t *create, uint64_t *end);

/* The same by scope and form of an IPv6 lease, whose record is a candidate or NULL: any free one serves. */
void lsr_create6_begin(lsr_create_t *create, lsr_lease6_t *form);
void lsr_create6_prepare(lessor_engine_t *engine, lsr_create_t *create);
void lsr_create6_claim(lessor_engine_t *engine, lsr_create_t *create);
bool lsr_create6_commit(lessor_engine_t *engine, lsr_create_t *create, uint64_t *end);

/* Carry IPv6 creates that have begun, at most LSR_CHUNK, to a decision, in order. */
void lsr_create6_run(lessor_engine_t *engine, lsr_create_t *creates, size_t count, uint64_t *end);

/* What is different about the address of an IPv6 lease. Find scope, a free record and the client's key, and fetch them; */
void lsr_create6_locate(lessor_engine_t *engine, lsr_create_t *creates, size_t count);

/* claim a record and enter the address, or, if that is offered, claim the record that it has (create->word has LSR_WORD_OFFER then); false: decided, or what to wait for; */
bool lsr_create6_claim_address(lessor_engine_t *engine, lsr_create_t *create);

/* enter the client: claimed, decided, or what to wait for; */
void lsr_create6_claim_client(lessor_engine_t *engine, lsr_create_t *create);

/* take the address back, and the tail out of the record's home. The record is still claimed. */
void lsr_create6_release(lsr_create_t *create);

/* and, when it is decided, free what was allocated for a create that was refused. */
void lsr_create_drop(lsr_create_t *create);

/* Outside of any section, for LSR_STEP_TAKE: the whole of it. Decided, or the reservation is gone or empty no more: LSR_STEP_OPEN. In reservation.c. */
void lsr_create_take(lessor_engine_t *engine, lsr_create_t *create, uint64_t *end);

/* ---- reservation.c: both families ------------------------------------------------------------------------------------ */

/* What a reservation puts at a free address: the dormant lease, or, if the client has a lease elsewhere, nothing but itself. As lsr_lease_pack(). */
lessor_status_t lsr_reservation_pack(const lsr_reserved_t *wanted, bool is_empty, uint32_t owner_address,
				     lsr_body_t *body);

/* Give up the reservation of an address with another prefix than the scope's. LESSOR_NOT_FOUND; LESSOR_NO_SCOPE. */
lessor_status_t lsr_reservation6_forget(lessor_engine_t *engine, uint64_t prefix, lessor_address6_t address,
					uint64_t *lsn);

/* Of a body that is reserved. */
static inline bool
lsr_body_is_dormant(const lsr_body_t *body) {
	return !lsr_body_is_empty(body) && body->expires_at == LESSOR_TIME_NONE;
}

/* ---- leases6.c ----------------------------------------------------------------------------------------------------- */

/* A slot of an IPv6 scope that is claimed. */
typedef struct lsr_place {
	uint32_t place;
	uint32_t record_id;
	uint64_t word; /* before the claim */
} lsr_place_t;

/* Claim any free slot: from where this thread was to the end, from the beginning, then in a new chunk. LESSOR_OK; LESSOR_LIMIT; LESSOR_NO_MEMORY. */
lessor_status_t lsr_engine_claim_place(lessor_engine_t *engine, lsr_scope_t *scope, lsr_place_t *claimed);

/*
 * Looking for a free address of an IPv6 scope's pool, as lsr_search_t. The index has no map of what is free: a nearly exhausted pool is gone through lease by lease, in as many read-side
 * sections as that takes, with the same object, in which all but the first members is zero at first.
 */
typedef struct lsr_search6 {
	lessor_engine_t *engine;
	bool (*take)(struct lsr_search6 *search, uint64_t low); /* true: the search is over */
	lsr_scope_t *scope;                                     /* of this section */
	const lsr_scope_config_t *config;
	bool waits; /* told by 'take': somebody is changing this address */
	const lsr_record_t *in_doubt;
	uint32_t uid;   /* of the scope that it has begun in; 0: it has not */
	uint32_t looks; /* leases that it may still look at in this section */
	uint64_t start;
	uint64_t next; /* where it goes on; 0: there is nothing left up to 'last' */
	uint64_t last;
	uint64_t deletes; /* of the scope when it began */
} lsr_search6_t;

typedef enum lsr_searched {
	LSR_SEARCH_OVER,     /* 'take' said so, or 'waits' for the hint */
	LSR_SEARCH_PAUSED,   /* go on in another section */
	LSR_SEARCH_IN_DOUBT, /* nothing, but wait for in_doubt, then start over */
	LSR_SEARCH_CHANGED,  /* nothing, but an address became free meanwhile: start over */
	LSR_SEARCH_NOTHING   /* at one moment none was free */
} lsr_searched_t;

lsr_searched_t lsr_engine_search6(lsr_search6_t *search, lsr_scope_t *scope, uint64_t hint);

/* 'take' has got an address. */
void lsr_engine_go_on_behind6(const lessor_engine_t *engine, const lsr_scope_t *scope, uint64_t low);

/* The client has a reservation, and nobody a lease there: *low becomes that of its address. */
bool lsr_engine_find_reserved_empty6(const lessor_engine_t *engine, const lsr_scope_t *scope, const uint8_t *client_id,
				     size_t client_id_bytes, uint64_t *low);

/* ---- allocate.c -------------------------------------------------------------------------------------------------- */

/* Where this thread begins to look for a free one of so many places. */
uint32_t lsr_engine_thread_start(uint32_t places);

/* Looking for a free address of a scope's pool, inside one read-side section. */
typedef struct lsr_search {
	lessor_engine_t *engine;
	lsr_scope_t *scope;
	const lsr_scope_config_t *config;
	bool (*take)(struct lsr_search *search, uint32_t address); /* true: the search is over */
	bool waits; /* told by 'take': somebody is changing this address */
	const lsr_record_t
		*in_doubt; /* the same for one of all that were tried: wait for it before saying that there is none */
} lsr_search_t;

/* The hint first, unless it is 0; then from where this thread was. False: nothing is free. */
bool lsr_engine_search(lsr_search_t *search, uint32_t hint);
void lsr_engine_go_on_behind(const lsr_scope_t *scope, uint32_t address);

/* The client has a reservation, and nobody a lease there: *address becomes its address, wherever it lies. */
bool lsr_engine_find_reserved_empty(const lessor_engine_t *engine, const lsr_scope_t *scope, const uint8_t *client_id,
				    size_t client_id_bytes, uint32_t *address);

/* How often an address of the scope became free, counted before it did. */
uint64_t lsr_engine_deletes_of(const lsr_scope_t *scope);

/* ---- server.c ---------------------------------------------------------------------------------------------------- */

/*
 * End offers whose time is over, about so many at most; with UINT32_MAX all, and if somebody else is about it, wait until he is done. Outside of any section, holding
 * nothing. Nearly free when there are none.
 *   Edges: O1 due_ns is forgotten, behind 'walks' being set (seq_cst)  ->  O1 load due_ns (acquire): whoever sees nothing due sees that somebody walks, or O2.
 *          O2 'walks' is false again, behind 'walked' (release)        ->  O2 load 'walks' (acquire): whoever sees nobody walk sees that there was something to end.
 */
#define LSR_OFFERS_BY_THE_WAY 64u
void lsr_engine_end_offers_slowly(lessor_engine_t *engine, uint32_t max);

static inline void
lsr_engine_end_offers(lessor_engine_t *engine, uint32_t max) {
	if (LSR_UNLIKELY(atomic_load_explicit(&engine->offers.due_ns, memory_order_acquire) != UINT64_MAX || /* O1 */
			 atomic_load_explicit(&engine->offers.walks, memory_order_acquire))) {               /* O2 */
		lsr_engine_end_offers_slowly(engine, max);
	}
}

/* For who has looked in vain: end them all. Has anybody ended any since *walked, which was asked before the look? */
bool lsr_engine_end_offers_since(lessor_engine_t *engine, uint64_t *walked);

static inline uint64_t
lsr_engine_walked(const lessor_engine_t *engine) {
	return atomic_load_explicit(&engine->offers.walked, memory_order_relaxed);
}

/* What is left of offers whose scope is gone, so that they count no longer. Outside of any section, holding nothing that an offer waits for. */
void lsr_engine_forget_offers(lessor_engine_t *engine);

/* ---- change.c ---------------------------------------------------------------------------------------------------- */

/*
 * What an update asks about the lease in change->old while it holds its claim, which keeps the answer true. It may take fields out of change->fields, or put in such that change->lease was
 * checked for; or refuse: nothing is changed then. Called once more when the update starts over.
 */
struct lsr_change;
typedef lessor_status_t (*lsr_decide_function)(struct lsr_change *change, void *context);

/* One change of a record that is there: update, delete, and what reservations do. */
typedef struct lsr_change {
	const lessor_lease_t *lease; /* update */
	const lsr_lease6_t *form;    /* of an IPv6 update, to which 'lease' belongs */
	uint32_t fields;             /* update */
	lsr_decide_function decide;  /* update; or NULL */
	void *decide_context;
	const uint8_t *client_id; /* demanded owner, or NULL */
	size_t client_id_bytes;
	bool is_six;
	lessor_address6_t address6; /* if it is; 'address' is the place then, from step 3 on */
	uint32_t address;
	lsr_scope_t *scope;
	uint32_t record_id;
	lsr_record_t *record;
	uint64_t word; /* before the claim */
	lsr_body_t old;
	lsr_body_t fresh;
	bool enters;     /* fresh_key was entered for this change, and goes away if it is undone */
	bool leaves;     /* old_key is an entry that goes away with this change */
	bool is_entered; /* what is new has its place under the limits, and gives it back if it is undone */
	uint64_t fresh_key;
	uint64_t old_key;
	uint64_t end;       /* where the log record ends */
	uint64_t log_bytes; /* what to admit before the next try */
	const lsr_record_t *blocker;
	lessor_status_t status;
} lsr_change_t;

void lsr_change_begin(lsr_change_t *change, uint32_t address, const uint8_t *client_id, size_t client_id_bytes,
		      uint64_t log_bytes);

/* Steps 2 and 3: claim the record at change->address and load its body. LSR_STEP_CLAIMED, or why not: LESSOR_NOT_FOUND and what to wait for. */
lsr_step_t lsr_change_claim(lessor_engine_t *engine, lsr_change_t *change);

/* Step 4: enter fresh_key for a client. */
lsr_step_t lsr_change_enter(lessor_engine_t *engine, lsr_change_t *change, lsr_match_function match,
			    const uint8_t *client_id, size_t client_id_bytes);

/* And a place under the limits for what change->fresh has and change->old has not. Claimed, decided, or what to wait for. */
lsr_step_t lsr_change_enter_limits(lessor_engine_t *engine, lsr_change_t *change);

/* Steps 5 and 6, which put change->fresh in the place of change->old. False: no room in the log; the claim and change->fresh's tail are still the caller's. */
bool lsr_change_commit(lessor_engine_t *engine, lsr_change_t *change);

/* Take back what was not committed: the fresh tail, the entry, the claim. */
void lsr_change_undo(lessor_engine_t *engine, lsr_change_t *change);

/* The whole of one update but waiting, of a lease that belongs to a client, or, with NULL, to anybody. *end is moved on success. */
lessor_status_t lsr_engine_update(lessor_engine_t *engine, const lessor_lease_t *lease, uint32_t fields,
				  const uint8_t *client_id, size_t client_id_bytes, uint64_t *end);

/* The same, with a decision; 'fields' are all that it may leave in. */
lessor_status_t lsr_engine_update_if(lessor_engine_t *engine, const lessor_lease_t *lease, uint32_t fields,
				     const uint8_t *client_id, size_t client_id_bytes, lsr_decide_function decide,
				     void *context, uint64_t *end);

/* The same of an IPv6 lease. */
lessor_status_t lsr_engine_update6_if(lessor_engine_t *engine, const lsr_lease6_t *form, uint32_t fields,
				      const uint8_t *client_id, size_t client_id_bytes, lsr_decide_function decide,
				      void *context, uint64_t *end);

/* Try, inside a section each time, and wait, until it is decided. LSR_STEP_CLAIMED stands for "admit log_bytes, then try again". */
lessor_status_t lsr_change_run(lessor_engine_t *engine, lsr_change_t *change,
			       lsr_step_t (*attempt)(lessor_engine_t *, lsr_change_t *));

/* A record that is about to be vacated, and is claimed. */
typedef struct lsr_end {
	lsr_scope_t *scope;
	lsr_record_t *record;
	struct lsr_tail *tail;
	uint64_t word;         /* before the claim */
	uint64_t key;          /* of its client */
	uint64_t reserved_key; /* if it is reserved */
	lessor_filetime_t expires_at;
	uint32_t address; /* place */
	uint32_t record_id;
	uint8_t counter;
	bool is_reserved;
	bool is_empty; /* comes alone */
	bool moves;    /* its lease goes on elsewhere: limits do not notice */
} lsr_end_t;

#define LSR_END_BYTES            (2 * sizeof(uint32_t))
#define LSR_EMPTY_END_BYTES      (3 * sizeof(uint32_t))
#define LSR_END_LOG_BYTES        lsr_record_bytes(LSR_END_BYTES) /* of both */
#define LSR_END6_BYTES           (2 * sizeof(uint64_t) + sizeof(uint32_t))
#define LSR_EMPTY_END6_BYTES     sizeof(lsr_end6_image_t)
#define LSR_END6_LOG_BYTES       lsr_record_bytes(LSR_END6_BYTES) /* of a lease */
#define LSR_EMPTY_END6_LOG_BYTES lsr_record_bytes(LSR_EMPTY_END6_BYTES)

/* The end of an IPv6 lease in the log; of an empty record with the zero. */
typedef struct lsr_end6_image {
	lessor_address6_t address;
	uint32_t epoch;
	uint32_t zero;
} lsr_end6_image_t;

static inline lsr_end_t
lsr_engine_end_of(const lessor_engine_t *engine, lsr_scope_t *scope, uint32_t address, uint32_t record_id,
		  uint64_t word, const lsr_body_t *body) {
	const bool is_reserved = lsr_body_is_reserved(body);
	return (lsr_end_t){.scope = scope,
			   .record = lsr_pages_record(&engine->pages, record_id),
			   .tail = body->tail,
			   .word = word,
			   .key = lsr_engine_body_key(engine, scope, body),
			   .reserved_key = LSR_UNLIKELY(is_reserved) ? lsr_engine_reserved_key(engine, scope, body) : 0,
			   .expires_at = body->expires_at,
			   .address = address,
			   .record_id = record_id,
			   .counter = (uint8_t)lsr_body_counter(body),
			   .is_reserved = is_reserved,
			   .is_empty = lsr_body_is_empty(body)};
}

/* What it, and each that goes with it, takes in the log. */
static inline uint64_t
lsr_engine_end_log_bytes(const lsr_end_t *end) {
	if (LSR_LIKELY(!end->scope->is_sparse)) {
		return LSR_END_LOG_BYTES;
	}
	return end->is_empty ? LSR_EMPTY_END6_LOG_BYTES : LSR_END6_LOG_BYTES;
}

/*
 * Steps 5 and 6 of deletes, by one reservation in the log: end leases of one family that the caller has claimed, best in the order of their places. *lsn: of the last one, untouched without
 * a log. False: the log had no room; nothing has happened, the claims are still the caller's. Cannot fail otherwise. Inside a read-side section.
 */
bool lsr_engine_end_leases(lessor_engine_t *engine, lsr_end_t *ends, size_t count, uint64_t *lsn);

/* The rest of it, for ends whose record is in the log already; all of one scope. */
void lsr_engine_carry_out_ends(lessor_engine_t *engine, lsr_end_t *ends, size_t count);

/* ---- scopes.c: both families ------------------------------------------------------------------------------------- */

/* The image of a scope, to be freed, and the type of its record. NULL: no memory. */
uint8_t *lsr_engine_scope_image(const lsr_scope_t *scope, const lsr_scope_config_t *config, uint64_t deletes,
				uint64_t high_water, lsr_record_type_t *type, size_t *image_bytes);

/* Stage the insertion of a scope into the trie of its family, or its removal. Scope lock held, or nobody else is there. */
lessor_status_t lsr_engine_stage_scope(lessor_engine_t *engine, lsr_scope_t *scope, bool insert,
				       lsr_trie_change_t *change);

/*
 * A new scope, whose uid is the next one: everything that can fail, then the log, then the trie. Scope lock held. On failure the scope is freed, but its
 * configuration is the caller's. NULL: LESSOR_NO_MEMORY.
 */
lessor_status_t lsr_engine_add_scope(lessor_engine_t *engine, lsr_scope_t *scope, uint64_t *lsn);

/* Scope lock held. On success the scope is out of the trie, for the caller to drain. NULL: LESSOR_NOT_FOUND. */
lessor_status_t lsr_engine_remove_scope(lessor_engine_t *engine, lsr_scope_t *scope, bool force, lsr_scope_t **removed,
					uint64_t *lsn);

/* The same as lsr_engine_scope_named(), with the scope lock held, which keeps it in place. */
lsr_scope_t *lsr_engine_find_scope_locked(const lessor_engine_t *engine, uint32_t subnet);

/* Keep changes of leases out of a scope, and wait until none is under way; let them in again. Scope lock held. */
void lsr_engine_close_gate(lsr_scope_t *scope);
void lsr_engine_open_gate(lsr_scope_t *scope);

/* Replace the configuration, by one record in the log; recount if the pool changes. Scope lock held; takes 'fresh' over on success. */
lessor_status_t lsr_engine_replace_config(lessor_engine_t *engine, lsr_scope_t *scope, lsr_scope_config_t *fresh,
					  bool pool_changes, uint64_t *lsn);

/* What was asked for is there already; but whoever wants it durable waits for the change that made it. LESSOR_OK. */
static inline lessor_status_t
lsr_engine_nothing_new(lessor_engine_t *engine, uint64_t *lsn) {
	*lsn = engine->has_log ? lsr_log_tail(&engine->log) : 0;
	return LESSOR_OK;
}

/* Free the tails of a scope at once; nobody uses the engine any more. */
void lsr_engine_free_tails(const lessor_engine_t *engine, const lsr_scope_t *scope);

/* Make all records of a scope empty, client entries and tails being gone already; nobody else looks. */
void lsr_engine_empty_records(const lessor_engine_t *engine, const lsr_scope_t *scope);

/* Empty a scope that nobody can reach any more: client entries, tails, records. Then free it. Blocks for a grace period. */
void lsr_engine_drain_scope(lessor_engine_t *engine, lsr_scope_t *scope);

/* Count the records of a scope under a configuration; and put the result into its counters, where the high-water mark starts over. */
void lsr_engine_count(const lessor_engine_t *engine, const lsr_scope_t *scope, const lsr_scope_config_t *config,
		      uint64_t by_state[LSR_COUNTERS]);
/* The addresses of a scope that are offered, likewise, in units. */
uint64_t lsr_engine_count_offered(const lessor_engine_t *engine, const lsr_scope_t *scope,
				  const lsr_scope_config_t *config);
void lsr_engine_recount(const lessor_engine_t *engine, lsr_scope_t *scope, const lsr_scope_config_t *config);

/* ---- ranges.c ---------------------------------------------------------------------------------------------------- */

/* Is there a record in this range of a scope that counts? For who keeps the scope in place. */
bool lsr_engine_holds(const lessor_engine_t *engine, const lsr_scope_t *scope, lessor_range_t range,
		      bool (*counts)(const lsr_body_t *body));

/* ---- recovery.c -------------------------------------------------------------------------------------------------- */

/* Fill an empty engine from its directory; contents of the log for lsr_log_open(). Everything it found goes into the report. */
lessor_status_t lsr_engine_recover(lessor_engine_t *engine, lsr_log_contents_t *contents, lessor_report_t *report);

/* How many scopes and leases there are. */
void lsr_engine_fill_totals(const lessor_engine_t *engine, lessor_report_t *report);

/* In parts, for salvage.c. */
typedef struct lsr_recovery {
	lessor_engine_t *engine;
	struct lsr_replay *replay;
	bool count_all; /* there is no snapshot */
	uint32_t snapshot_epoch;
	uint64_t settled_lsn; /* up to here the snapshot may show states that never were there together */
} lsr_recovery_t;

/* Apply a record; 'context' is the lsr_recovery_t. LESSOR_DAMAGED: it makes no sense; what is wrong with a lease's scope may be told later, by lsr_replay_drain(). */
lessor_status_t lsr_recovery_apply(void *context, uint32_t header, const uint8_t *payload, uint64_t lsn);

/* The snapshot, or none (all zeros), is applied and drained; the log comes. 'strict' as for lsr_replay_begin_log(). */
void lsr_recovery_begin_log(lsr_recovery_t *recovery, const lsr_snapshot_info_t *snapshot, bool strict);

/* Drained: take a lease away and out of the counters, by a change with this LSN. */
void lsr_recovery_remove(const lsr_recovery_t *recovery, const lsr_found_t *found, uint64_t lsn);

/* ---- engine.c: a directory without an engine --------------------------------------------------------------------- */

/* The identity of the store in a directory. As lessor_open() answers. */
lessor_status_t lsr_store_identify(int directory, uint8_t store_id[LSR_STORE_ID_BYTES], lessor_report_t *report);

/* ---- checkpoint.c ------------------------------------------------------------------------------------------------ */

/*
 * Write what an engine without a log holds into an empty directory, as a snapshot and an empty log of another store. All of it lies before engine->loaded_lsn.
 * LESSOR_OK; LESSOR_DISK_FULL; LESSOR_IO; LESSOR_NO_MEMORY, with a sentence in the report.
 */
lessor_status_t lsr_engine_write_copy(lessor_engine_t *engine, int directory,
				      const uint8_t store_id[LSR_STORE_ID_BYTES], lessor_report_t *report);

bool lsr_engine_start_keeper(lessor_engine_t *engine);
void lsr_engine_stop_keeper(lessor_engine_t *engine);

/* ---- serve.c ------------------------------------------------------------------------------------------------------ */

/* While closing. */
void lsr_engine_stop_serving(lessor_engine_t *engine);

#endif
