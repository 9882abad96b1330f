/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads share out the pages of records. Each enters its leases with the table's ordinary insert, a handful at a time, so that the buckets are
 * under way together. A lease, or reservation, whose client is there already is put aside: which of them stays is decided when the threads are gone.
 */
#include "reindex.h"

#include <stdlib.h>

#include "base/thread.h"
#include "replay.h"

/* Pages that a thread takes at a time. */
#define PAGES_STEP 256u
/* Leases per thread from which on a thread is worth its start. */
#define LEASES_WORTH 32768u
/* Buckets under way at a time. */
#define AHEAD 32u

typedef struct {
	lessor_engine_t *engine;
	uint32_t pages; /* behind the last one */
	bool is_large;
	unsigned threads;
	atomic_uint started;
	_Atomic uint32_t next_page;
	_Atomic bool no_memory;
	pthread_mutex_t lock; /* protects what follows */
	uint32_t *rivals;     /* leases whose client has another one */
	size_t count;
	size_t capacity;
} lsr_reindex_t;

/* A lease on its way in. */
typedef struct {
	uint32_t id;
	const lsr_scope_t *scope;
	lsr_body_t body;
	uint64_t key;
} lsr_entry_t;

/* ---- all of them ----------------------------------------------------------------------------------------------------- */

static void
put_aside(lsr_reindex_t *reindex, uint32_t id) {
	(void)pthread_mutex_lock(&reindex->lock);
	if (reindex->count == reindex->capacity) {
		const size_t capacity = reindex->capacity == 0 ? 64 : reindex->capacity * 2;
		void *grown = realloc(reindex->rivals, capacity * sizeof(reindex->rivals[0]));
		if (grown != NULL) {
			reindex->rivals = grown;
			reindex->capacity = capacity;
		}
	}
	if (reindex->count < reindex->capacity) {
		reindex->rivals[reindex->count++] = id;
	} else {
		atomic_store_explicit(&reindex->no_memory, true, memory_order_relaxed);
	}
	(void)pthread_mutex_unlock(&reindex->lock);
}

/* The client of its lease, if there is one. */
static lsr_insert_t
insert(lessor_engine_t *engine, const lsr_entry_t *entry, uint32_t *other) {
	const lsr_client_match_t match = {.engine = engine,
					  .table = &entry->scope->table,
					  .client_id = lsr_body_client(&entry->body),
					  .client_id_bytes = lsr_body_client_bytes(&entry->body)};
	if (LSR_UNLIKELY(lsr_body_is_empty(&entry->body))) {
		return LSR_INSERT_DONE;
	}
	return lsr_client_hash_insert(&engine->clients, entry->key, entry->id, lsr_match_for_insert, &match, other);
}

/* The client that it is reserved for. */
static lsr_insert_t
insert_reserved(lessor_engine_t *engine, const lsr_entry_t *entry, uint32_t *other) {
	const lsr_reserved_t reserved = lsr_body_reserved(&entry->body);
	const lsr_client_match_t match = {.engine = engine,
					  .table = &entry->scope->table,
					  .client_id = reserved.client_id,
					  .client_id_bytes = reserved.client_id_bytes};
	return lsr_client_hash_insert(&engine->clients, lsr_engine_reserved_key(engine, entry->scope, &entry->body),
				      entry->id, lsr_match_reserved_for_insert, &match, other);
}

static void
insert_all(lsr_reindex_t *reindex, const lsr_entry_t *entries, unsigned count) {
	/* In a loop of their own: a prefetch does not retire before its address is translated. */
	for (unsigned i = 0; i < count; i++) {
		lsr_client_hash_prefetch(&reindex->engine->clients, entries[i].key);
	}
	for (unsigned i = 0; i < count; i++) {
		uint32_t other;
		if (lsr_limits_concern(entries[i].scope, &entries[i].body) &&
		    !lsr_limits_count(&reindex->engine->limits, &entries[i].body)) {
			atomic_store_explicit(&reindex->no_memory, true, memory_order_relaxed);
		}
		lsr_insert_t result = insert(reindex->engine, &entries[i], &other);
		if (LSR_UNLIKELY(lsr_body_is_reserved(&entries[i].body)) && result == LSR_INSERT_DONE) {
			result = insert_reserved(reindex->engine, &entries[i], &other);
		}
		if (LSR_UNLIKELY(result == LSR_INSERT_NO_MEMORY)) {
			atomic_store_explicit(&reindex->no_memory, true, memory_order_relaxed);
		} else if (LSR_UNLIKELY(result != LSR_INSERT_DONE)) {
			put_aside(reindex, entries[i].id);
		}
	}
}

/* The scope around an address table, which the engine has and changes. */
static lsr_scope_t *
scope_around(const void *table) {
	union {
		const void *in;
		char *out;
	} owner = {.in = table};
	return (lsr_scope_t *)(void *)(owner.out - offsetof(lsr_scope_t, table));
}

/* The lease of a record, with its key; false: there is none. */
static bool
load(const lessor_engine_t *engine, uint32_t id, lsr_entry_t *entry) {
	if (!lsr_record_read(lsr_pages_record(&engine->pages, id), engine->shadows, &entry->body)) {
		return false;
	}
	entry->id = id;
	entry->scope = scope_around(lsr_pages_owner(&engine->pages, id));
	entry->key = lsr_engine_body_key(engine, entry->scope, &entry->body);
	return true;
}

static void
index_pages(lsr_reindex_t *reindex, uint32_t first, uint32_t end) {
	lessor_engine_t *engine = reindex->engine;
	lsr_entry_t entries[AHEAD];
	unsigned count = 0;
	for (uint32_t page = first; page < end; page++) {
		const uint32_t id = page << LSR_PAGE_SHIFT;
		const lsr_table_t *owner = lsr_pages_owner(&engine->pages, id);
		if (owner == NULL) {
			continue;
		}
		const uint32_t first_address = lsr_table_address(owner, &engine->pages, id);
		const lsr_table_t *table = lsr_scope_table(scope_around(owner), first_address);
		for (uint32_t place = 0; place < LSR_PAGE_RECORDS; place++) {
			/* Across the page's end, where the processor's own prefetching stops. */
			lsr_prefetch_write(lsr_pages_record(&engine->pages, (id | place) + AHEAD));
			if (!load(engine, id | place, &entries[count])) {
				continue;
			}
			lsr_table_take(table, first_address + place, entries[count].body.expires_at);
			if (++count == AHEAD) {
				insert_all(reindex, entries, count);
				count = 0;
			}
		}
	}
	insert_all(reindex, entries, count);
}

static void *
run(void *argument) {
	lsr_reindex_t *reindex = argument;
	uint32_t first;
	if (reindex->is_large) {
		const unsigned part = atomic_fetch_add_explicit(&reindex->started, 1, memory_order_relaxed);
		lsr_client_hash_bring(&reindex->engine->clients, part, reindex->threads);
	}
	while (!atomic_load_explicit(&reindex->no_memory, memory_order_relaxed) &&
	       (first = atomic_fetch_add_explicit(&reindex->next_page, PAGES_STEP, memory_order_relaxed)) <
		       reindex->pages) {
		index_pages(reindex, first, (uint32_t)lsr_min_u64((uint64_t)first + PAGES_STEP, reindex->pages));
	}
	return NULL;
}

/* ---- the ones too many ----------------------------------------------------------------------------------------------- */

/* Take a record away, and what entries of clients it has. */
static void
drop(lessor_engine_t *engine, uint32_t id, const lsr_body_t *body, uint64_t *leases) {
	const lsr_table_t *table = lsr_pages_owner(&engine->pages, id);
	const uint32_t address = lsr_table_address(table, &engine->pages, id);
	lsr_scope_t *scope = scope_around(table);
	lsr_counters_take_back(&scope->counters, lsr_body_counter(body),
			       lsr_engine_unit_of(engine, scope, address, id));
	if (lsr_limits_concern(scope, body)) {
		const lsr_limits_change_t gone = {
			.scope = scope, .record = lsr_pages_record(&engine->pages, id), .from = body};
		lsr_limits_leave(&engine->limits, &gone);
		lsr_limits_settle(&engine->limits, &gone);
	}
	lsr_engine_forget_clients(engine, scope, id, body);
	*leases += !lsr_body_is_empty(body);
	if (scope->is_sparse) {
		lsr_rcu_enter();
		lsr_replay_vacate6(engine, scope, id, body);
		lsr_rcu_leave();
		return;
	}
	lsr_table_free(&scope->table, address);
	lsr_replay_vacate(lsr_pages_record(&engine->pages, id), body);
}

/* Two leases, or two reservations, of one client: the newer one has the entry in the end. False: it was this one that went. */
static bool
contend(lessor_engine_t *engine, const lsr_entry_t *entry,
	lsr_insert_t (*enter)(lessor_engine_t *, const lsr_entry_t *, uint32_t *), uint64_t *leases,
	lessor_status_t *status) {
	lsr_body_t rival;
	for (;;) {
		uint32_t other = LSR_NO_RECORD;
		const lsr_insert_t result = enter(engine, entry, &other);
		if (result == LSR_INSERT_DONE || result == LSR_INSERT_NO_MEMORY || other == entry->id) {
			*status = result == LSR_INSERT_NO_MEMORY ? LESSOR_NO_MEMORY : LESSOR_OK;
			return true;
		}
		if (!lsr_record_read(lsr_pages_record(&engine->pages, other), engine->shadows, &rival) ||
		    rival.lsn > entry->body.lsn) {
			drop(engine, entry->id, &entry->body, leases);
			return false;
		}
		drop(engine, other, &rival, leases);
	}
}

static lessor_status_t
settle(lessor_engine_t *engine, uint32_t id, uint64_t *leases) {
	lsr_entry_t entry;
	lessor_status_t status = LESSOR_OK;
	if (load(engine, id, &entry) && contend(engine, &entry, insert, leases, &status) && status == LESSOR_OK &&
	    lsr_body_is_reserved(&entry.body)) {
		(void)contend(engine, &entry, insert_reserved, leases, &status);
	}
	return status;
}

static lessor_status_t
settle_rivals(const lsr_reindex_t *reindex, uint64_t *duplicates) {
	lessor_status_t status = LESSOR_OK;
	for (size_t i = 0; i < reindex->count && status == LESSOR_OK; i++) {
		status = settle(reindex->engine, reindex->rivals[i], duplicates);
	}
	return status;
}

static void
hold_leases(const lessor_engine_t *engine) {
	lsr_scope_t *scope;
	lsr_scope_cursor_t cursor = {0};
	while ((scope = lsr_engine_next_scope(engine, &cursor)) != NULL) {
		lsr_limits_hold(scope);
	}
}

/* ---- the whole ------------------------------------------------------------------------------------------------------- */

lessor_status_t
lsr_engine_reindex(lessor_engine_t *engine, uint64_t leases, uint64_t *duplicates) {
	lsr_reindex_t reindex = {.engine = engine, .pages = engine->pages.used, .next_page = 1};
	pthread_t thread[LSR_REPLAY_THREADS_MAX];
	const uint64_t worth = leases / (lsr_replay_tuning.threads != 0 ? 1 : LEASES_WORTH);
	const unsigned wanted = (unsigned)lsr_min_u64(lsr_replay_threads(), worth + 1);
	unsigned started = 0;
	(void)lsr_client_hash_presize(&engine->clients, leases); /* without it the table grows as it always does */
	(void)pthread_mutex_init(&reindex.lock, NULL);
	reindex.is_large = leases >= LEASES_WORTH;
	reindex.threads = wanted;
	while (started + 1 < wanted && lsr_thread_start(&thread[started], run, &reindex)) {
		started++;
	}
	(void)run(&reindex);
	for (unsigned i = 0; i < started; i++) {
		(void)pthread_join(thread[i], NULL);
	}
	const bool failed = atomic_load_explicit(&reindex.no_memory, memory_order_relaxed);
	*duplicates = 0;
	const lessor_status_t status = failed ? LESSOR_NO_MEMORY : settle_rivals(&reindex, duplicates);
	hold_leases(engine);
	free(reindex.rivals);
	(void)pthread_mutex_destroy(&reindex.lock);
	return status;
}
