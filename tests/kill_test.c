/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that works on a store is killed at any moment, again and again, and the store goes on living.
 *
 * The worker process is this program with "--work". Its threads note each change in memory that they share with the parent: before
 * they ask for it, when the answer is there, and when it is known to be durable. After the kill the parent opens the store for reading and
 * compares: with E the newest position that is left, every change with a ticket up to E is there, none with a greater ticket is, and of a
 * change whose ticket nobody learned either all is there or nothing.
 *
 * Environment: LESSOR_TEST_KILLS (how often; 50), LESSOR_TEST_SEED.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <lessor/lessor.h>

#include "torture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIB          (UINT64_C(1) << 20)

#define WORKERS     4u
#define OWN         192u /* addresses of the common scope that one thread has to itself */
#define OWN_CLIENTS 160u
#define INSIDE      16u /* addresses in the thread's own scope */
#define EXCLUSIONS  8u
#define HOT         12u /* addresses that all threads fight for */
#define HOT_CLIENTS 10u
#define HOT_CLIENT  100000u
#define ENTRIES     (1u << 15)
#define BATCH_MAX   48u

#define COMMON      UINT32_C(0x0A020000) /* /20: first the hot addresses, then each thread's */
#define COMMON_MASK UINT32_C(0xFFFFF000)
#define HOT_FIRST   (COMMON + 16u)
#define OWN_FIRST   (COMMON + 256u)
#define OWN_SCOPE   UINT32_C(0x0A030000) /* /26, one for each thread */
#define OWN_MASK    UINT32_C(0xFFFFFFC0)

/* ---- what is noted --------------------------------------------------------------------------------------------------- */

typedef enum {
	DO_CREATE,
	DO_STEP,
	DO_GENERATION,
	DO_RENAME,
	DO_DELETE,
	DO_SCOPE_CREATE,
	DO_SCOPE_UPDATE,
	DO_SCOPE_DELETE,
	DO_EXCLUDE,
	DO_INCLUDE
} deed_kind_t;

typedef struct {
	uint8_t kind; /* deed_kind_t */
	bool hot;
	uint16_t place;  /* which address: up to OWN the common scope's, then the own scope's; or which exclusion */
	uint64_t number; /* what it becomes */
} deed_t;

typedef enum { ASKED, REFUSED, VISIBLE, DURABLE } fate_t;

/* One change, or one of a batch; the batch's first entry has the answer. */
typedef struct {
	deed_t deed;
	uint32_t batch; /* how many entries belong together, from the first on; 0 in the others */
	_Atomic uint32_t fate;
	lessor_ticket_t ticket;
} entry_t;

typedef struct {
	_Atomic uint32_t count; /* entries complete up to here */
	entry_t entry[ENTRIES];
} journal_t;

typedef enum { STARTING, OPENING, WORKING, CLOSED } phase_t;

typedef struct {
	_Atomic uint32_t phase;
	_Atomic uint32_t in_snapshot;
	_Atomic uint32_t snapshots;
	journal_t journal[WORKERS];
} shared_t;

/* ---- what one thread alone decides ------------------------------------------------------------------------------------- */

/* Numbers of leases plus 1; 0: none. */
typedef struct {
	uint64_t at[OWN + INSIDE];
	uint64_t scope; /* number of its configuration plus 1; 0: no scope */
	uint32_t exclusions;
	uint64_t scope_deletes;
	uint64_t common_deletes; /* of this life */
} realm_t;

static uint32_t
address_of(unsigned thread, unsigned place) {
	return place < OWN ? OWN_FIRST + thread * OWN + place : OWN_SCOPE + thread * 64u + 1 + (place - OWN);
}

static bool
client_has_other_lease(const realm_t *realm, unsigned place, uint32_t client) {
	const unsigned first = place < OWN ? 0 : OWN;
	const unsigned end = place < OWN ? OWN : OWN + INSIDE;
	for (unsigned i = first; i < end; i++) {
		if (i != place && realm->at[i] != 0 && torture_client_of(realm->at[i] - 1) == client) {
			return true;
		}
	}
	return false;
}

static lessor_status_t
apply_to_lease(realm_t *realm, const deed_t *deed) {
	uint64_t *slot = &realm->at[deed->place];
	const bool taken = client_has_other_lease(realm, deed->place, torture_client_of(deed->number));
	if (deed->kind == DO_CREATE) {
		if (deed->place >= OWN && realm->scope == 0) {
			return LESSOR_NO_SCOPE;
		}
		if (*slot != 0 || taken) {
			return *slot != 0 ? LESSOR_ADDRESS_TAKEN : LESSOR_CLIENT_TAKEN;
		}
	} else if (*slot == 0) {
		return LESSOR_NOT_FOUND;
	} else if (deed->kind == DO_RENAME && taken) {
		return LESSOR_CLIENT_TAKEN;
	}
	if (deed->kind == DO_DELETE) {
		*(deed->place < OWN ? &realm->common_deletes : &realm->scope_deletes) += 1;
	}
	*slot = deed->kind == DO_DELETE ? 0 : deed->number + 1;
	return LESSOR_OK;
}

static lessor_status_t
apply_to_scope(realm_t *realm, const deed_t *deed) {
	const uint32_t bit = 1u << deed->place % EXCLUSIONS;
	if (deed->kind == DO_SCOPE_CREATE) {
		if (realm->scope != 0) {
			return LESSOR_SCOPE_EXISTS;
		}
		realm->exclusions = 0;
		realm->scope_deletes = 0;
	} else if (realm->scope == 0 || (deed->kind == DO_INCLUDE && (realm->exclusions & bit) == 0)) {
		return LESSOR_NOT_FOUND;
	}
	if (deed->kind == DO_SCOPE_DELETE) {
		memset(&realm->at[OWN], 0, INSIDE * sizeof(realm->at[0]));
		realm->scope = 0;
		realm->exclusions = 0;
		realm->scope_deletes = 0;
	} else if (deed->kind == DO_EXCLUDE || deed->kind == DO_INCLUDE) {
		realm->exclusions = deed->kind == DO_EXCLUDE ? realm->exclusions | bit : realm->exclusions & ~bit;
	} else {
		realm->scope = deed->number + 1;
	}
	return LESSOR_OK;
}

/* What the engine must answer; the realm becomes what it is then. */
static lessor_status_t
apply(realm_t *realm, const deed_t *deed) {
	return deed->kind < DO_SCOPE_CREATE ? apply_to_lease(realm, deed) : apply_to_scope(realm, deed);
}

typedef struct {
	char name[32];
	char comment[512];
} scope_texts_t;

/* A scope's configuration follows from one number as a lease does. */
static lessor_scope_t
scope_of_number(unsigned thread, uint64_t number, scope_texts_t *texts) {
	const uint32_t subnet = OWN_SCOPE + thread * 64u;
	const uint64_t salt = torture_mix(number);
	(void)snprintf(texts->name, sizeof(texts->name), "scope %u", (unsigned)number);
	memset(texts->comment, 'a' + (int)(salt % 26), sizeof(texts->comment));
	texts->comment[salt >> 8 & 511] = '\0';
	texts->comment[sizeof(texts->comment) - 1] = '\0';
	return (lessor_scope_t){.subnet = subnet,
				.mask = OWN_MASK,
				.id = (uint32_t)number,
				.state = (uint32_t)(salt >> 20 & 3),
				.lease_s = 1 + (uint32_t)(salt >> 24 & 0xFFFF),
				.has_range = (salt >> 40 & 7) != 0,
				.range = {.first = subnet + (uint32_t)(salt >> 43 & 7),
					  .last = subnet + 8 + (uint32_t)(salt >> 46 & 31)},
				.name = texts->name,
				.comment = (salt >> 51 & 1) != 0 ? texts->comment : NULL};
}

static lessor_range_t
exclusion(unsigned thread, unsigned which) {
	const uint32_t first = OWN_SCOPE + thread * 64u + which % EXCLUSIONS * 3u;
	return (lessor_range_t){.first = first, .last = first + which % EXCLUSIONS};
}

/* ---- reading a realm out of a store --------------------------------------------------------------------------------------- */

static void
read_scope(lessor_engine_t *engine, unsigned thread, realm_t *realm) {
	static _Thread_local char buffer[LESSOR_SCOPE_BUFFER_BYTES];
	lessor_scope_t scope;
	scope_texts_t texts;
	lessor_range_t ranges[EXCLUSIONS + 1];
	lessor_scope_stats_t stats;
	size_t count;
	const uint32_t subnet = OWN_SCOPE + thread * 64u;
	if (lessor_scope_get(engine, subnet, &scope, buffer, sizeof(buffer)) != LESSOR_OK) {
		return;
	}
	const lessor_scope_t expected = scope_of_number(thread, scope.id, &texts);
	REQUIRE(scope.mask == expected.mask && scope.state == expected.state && scope.lease_s == expected.lease_s);
	REQUIRE(scope.has_range == expected.has_range &&
		(!scope.has_range || memcmp(&scope.range, &expected.range, sizeof(scope.range)) == 0));
	REQUIRE(scope.name != NULL && strcmp(scope.name, expected.name) == 0);
	REQUIRE((scope.comment == NULL) == (expected.comment == NULL) &&
		(scope.comment == NULL || strcmp(scope.comment, expected.comment) == 0));
	realm->scope = (uint64_t)scope.id + 1;
	REQUIRE_STATUS(lessor_scope_exclusions(engine, subnet, ranges, COUNT(ranges), &count), LESSOR_OK);
	for (size_t i = 0; i < count; i++) {
		const unsigned which = (ranges[i].first - subnet) / 3;
		const lessor_range_t known = exclusion(thread, which);
		REQUIRE(which < EXCLUSIONS && memcmp(&known, &ranges[i], sizeof(known)) == 0);
		realm->exclusions |= 1u << which;
	}
	REQUIRE_STATUS(lessor_scope_stats(engine, subnet, &stats), LESSOR_OK);
	realm->scope_deletes = stats.deletes;
}

static void
read_realm(lessor_engine_t *engine, unsigned thread, realm_t *realm) {
	*realm = (realm_t){0};
	read_scope(engine, thread, realm);
	for (unsigned place = 0; place < OWN + INSIDE; place++) {
		uint64_t number;
		lessor_ticket_t ticket;
		if (torture_get(engine, address_of(thread, place), &number, &ticket) == LESSOR_OK) {
			realm->at[place] = number + 1;
		}
	}
}

/* ---- the worker process --------------------------------------------------------------------------------------------------- */

typedef struct {
	pthread_t thread;
	unsigned number;
	lessor_engine_t *engine;
	shared_t *shared;
	realm_t realm;
	torture_random_t random;
	uint32_t noted;        /* entries in the journal */
	uint32_t acknowledged; /* entries whose fate is final */
} worker_t;

static lessor_status_t
do_lease(worker_t *worker, const deed_t *deed, lessor_mode_t mode, lessor_ticket_t *ticket) {
	static const uint32_t fields[] = {[DO_STEP] = TORTURE_FIELDS_STEP,
					  [DO_GENERATION] = TORTURE_FIELDS_GENERATION,
					  [DO_RENAME] = LESSOR_FIELD_ALL};
	lessor_lease_t lease;
	torture_texts_t texts;
	const uint32_t address = deed->hot ? HOT_FIRST + deed->place : address_of(worker->number, deed->place);
	torture_lease(address, deed->number, &lease, &texts);
	switch (deed->kind) {
	case DO_CREATE:
		return lessor_lease_create(worker->engine, &lease, mode, ticket);
	case DO_DELETE:
		return lessor_lease_delete(worker->engine, address, NULL, 0, mode, ticket);
	default:
		return lessor_lease_update(worker->engine, &lease, fields[deed->kind], mode, ticket);
	}
}

static lessor_status_t
do_scope(worker_t *worker, const deed_t *deed, lessor_mode_t mode, lessor_ticket_t *ticket) {
	const uint32_t everything = LESSOR_SCOPE_FIELD_ID | LESSOR_SCOPE_FIELD_STATE | LESSOR_SCOPE_FIELD_LEASE_S |
				    LESSOR_SCOPE_FIELD_RANGE | LESSOR_SCOPE_FIELD_NAME | LESSOR_SCOPE_FIELD_COMMENT;
	scope_texts_t texts;
	const lessor_scope_t scope = scope_of_number(worker->number, deed->number, &texts);
	const lessor_range_t range = exclusion(worker->number, deed->place);
	switch (deed->kind) {
	case DO_SCOPE_CREATE:
		return lessor_scope_create(worker->engine, &scope, mode, ticket);
	case DO_SCOPE_UPDATE:
		return lessor_scope_update(worker->engine, &scope, everything, mode, ticket);
	case DO_SCOPE_DELETE:
		return lessor_scope_delete(worker->engine, scope.subnet, true, mode, ticket);
	case DO_EXCLUDE:
		return lessor_scope_exclude(worker->engine, scope.subnet, range, mode, ticket);
	default:
		return lessor_scope_include(worker->engine, scope.subnet, range, mode, ticket);
	}
}

/* Note deeds before they are asked for. Returns the first entry, NULL when the journal is full. */
static entry_t *
note(worker_t *worker, const deed_t *deeds, unsigned count) {
	journal_t *journal = &worker->shared->journal[worker->number];
	if (worker->noted + count > ENTRIES) {
		return NULL;
	}
	entry_t *first = &journal->entry[worker->noted];
	for (unsigned i = 0; i < count; i++) {
		first[i].deed = deeds[i];
		first[i].batch = i == 0 ? count : 0;
		first[i].ticket = 0;
		atomic_store(&first[i].fate, ASKED);
	}
	worker->noted += count;
	atomic_store(&journal->count, worker->noted);
	return first;
}

static void
settle(entry_t *entry, lessor_status_t status, lessor_mode_t mode, lessor_ticket_t ticket) {
	entry->ticket = ticket;
	atomic_store(&entry->fate, status != LESSOR_OK ? REFUSED : mode == LESSOR_SYNC ? DURABLE : VISIBLE);
}

/* Everything up to now is durable. */
static void
acknowledge(worker_t *worker, lessor_ticket_t ticket) {
	journal_t *journal = &worker->shared->journal[worker->number];
	REQUIRE_STATUS(lessor_ticket_wait(worker->engine, ticket, -1), LESSOR_OK);
	for (; worker->acknowledged < worker->noted; worker->acknowledged++) {
		entry_t *entry = &journal->entry[worker->acknowledged];
		if (atomic_load(&entry->fate) == VISIBLE) {
			atomic_store(&entry->fate, DURABLE);
		}
	}
}

static bool
do_batch(worker_t *worker) {
	static _Thread_local lessor_lease_t leases[BATCH_MAX];
	static _Thread_local torture_texts_t texts[BATCH_MAX];
	lessor_status_t statuses[BATCH_MAX];
	deed_t deeds[BATCH_MAX];
	lessor_ticket_t ticket = 0;
	const unsigned count = 1 + torture_below(&worker->random, BATCH_MAX);
	const unsigned first = torture_below(&worker->random, OWN);
	for (unsigned i = 0; i < count; i++) {
		const uint32_t client = worker->number * OWN_CLIENTS + torture_below(&worker->random, OWN_CLIENTS);
		deeds[i] = (deed_t){.kind = DO_CREATE,
				    .place = (uint16_t)((first + i) % OWN),
				    .number = torture_number((uint32_t)torture_next(&worker->random), client, i)};
		torture_lease(address_of(worker->number, deeds[i].place), deeds[i].number, &leases[i], &texts[i]);
	}
	entry_t *entry = note(worker, deeds, count);
	if (entry == NULL) {
		return false;
	}
	const lessor_mode_t mode = torture_below(&worker->random, 2) == 0 ? LESSOR_ASYNC : LESSOR_SYNC;
	REQUIRE_STATUS(lessor_lease_create_batch(worker->engine, leases, count, statuses, mode, &ticket), LESSOR_OK);
	for (unsigned i = 0; i < count; i++) {
		REQUIRE_STATUS(statuses[i], apply(&worker->realm, &deeds[i]));
	}
	settle(entry, LESSOR_OK, mode, ticket);
	return true;
}

static deed_t
choose_deed(worker_t *worker) {
	const uint32_t what = torture_below(&worker->random, 100);
	const bool hot = what < 15;
	const bool inside = what >= 15 && what < 30;
	const unsigned place =
		hot ? torture_below(&worker->random, HOT)
		    : (inside ? OWN + torture_below(&worker->random, INSIDE) : torture_below(&worker->random, OWN));
	const uint32_t client = hot ? HOT_CLIENT + torture_below(&worker->random, HOT_CLIENTS)
				    : worker->number * OWN_CLIENTS + torture_below(&worker->random, OWN_CLIENTS);
	const uint32_t generation = (uint32_t)torture_next(&worker->random);
	const uint32_t step = (uint32_t)torture_next(&worker->random);
	deed_t deed = {.hot = hot,
		       .kind = DO_CREATE,
		       .place = (uint16_t)place,
		       .number = torture_number(generation, client, step)};
	if (what >= 90) {
		deed.kind = (uint8_t)(DO_SCOPE_CREATE + torture_below(&worker->random, 5));
		deed.place = (uint16_t)torture_below(&worker->random, EXCLUSIONS);
		deed.number = generation;
		return deed;
	}
	const uint64_t present = hot ? 0 : worker->realm.at[place];
	if (present != 0 || hot) {
		static const uint8_t kinds[] = {DO_RENAME, DO_RENAME, DO_DELETE, DO_CREATE, DO_GENERATION, DO_STEP};
		deed.kind = kinds[torture_below(&worker->random, hot ? 4 : COUNT(kinds))];
	}
	if (deed.kind == DO_GENERATION) {
		deed.number = torture_number(generation, torture_client_of(present - 1), step);
	} else if (deed.kind == DO_STEP) {
		deed.number = torture_number((uint32_t)((present - 1) >> 40), torture_client_of(present - 1), step);
	}
	return deed;
}

static bool
do_one(worker_t *worker) {
	const deed_t deed = choose_deed(worker);
	const lessor_mode_t mode = torture_below(&worker->random, 4) == 0 ? LESSOR_SYNC : LESSOR_ASYNC;
	lessor_ticket_t ticket = 0;
	entry_t *entry = note(worker, &deed, 1);
	if (entry == NULL) {
		return false;
	}
	const lessor_status_t status = deed.kind < DO_SCOPE_CREATE ? do_lease(worker, &deed, mode, &ticket)
								   : do_scope(worker, &deed, mode, &ticket);
	if (deed.hot) {
		REQUIRE(status == LESSOR_OK || status == LESSOR_NOT_FOUND || status == LESSOR_ADDRESS_TAKEN ||
			status == LESSOR_CLIENT_TAKEN);
	} else {
		REQUIRE_STATUS(status, apply(&worker->realm, &deed));
	}
	settle(entry, status, mode, ticket);
	return true;
}

static void *
work(void *argument) {
	worker_t *worker = argument;
	bool room = true;
	while (room) {
		room = torture_below(&worker->random, 40) == 0 ? do_batch(worker) : do_one(worker);
		if (torture_below(&worker->random, 16) == 0) {
			acknowledge(worker, lessor_last_ticket(worker->engine));
		}
	}
	acknowledge(worker, lessor_last_ticket(worker->engine));
	return NULL;
}

typedef struct {
	lessor_engine_t *engine;
	shared_t *shared;
	torture_random_t random;
	atomic_bool over;
} keeper_t;

static void *
take_snapshots(void *argument) {
	keeper_t *keeper = argument;
	while (!atomic_load(&keeper->over)) {
		atomic_store(&keeper->shared->in_snapshot, 1);
		REQUIRE_STATUS(lessor_snapshot(keeper->engine, NULL), LESSOR_OK);
		atomic_store(&keeper->shared->in_snapshot, 0);
		(void)atomic_fetch_add(&keeper->shared->snapshots, 1);
		(void)usleep(torture_below(&keeper->random, 20000));
	}
	return NULL;
}

static lessor_engine_t *
open_store(const char *directory, torture_random_t *random, bool read_only, lessor_report_t *report) {
	lessor_options_t options;
	lessor_engine_t *engine = NULL;
	lessor_options_init(&options);
	options.read_only = read_only;
	options.max_leases = 65536;
	options.ring_size_bytes = MIB;
	options.segment_size_bytes = MIB * (1 + torture_below(random, 2));
	options.snapshot_after_bytes = MIB << torture_below(random, 4);
	options.flush_gather_us = 1 + torture_below(random, 2000);
	const lessor_status_t status = lessor_open(directory, &options, &engine, report);
	if (status != LESSOR_OK) {
		(void)fprintf(stderr, "%s: %s\n", directory, report->sentence);
	}
	REQUIRE_STATUS(status, LESSOR_OK);
	return engine;
}

static void
run_workers(lessor_engine_t *engine, shared_t *shared, uint64_t life) {
	static worker_t workers[WORKERS];
	pthread_t thread;
	keeper_t keeper = {.engine = engine, .shared = shared, .random = torture_random(life * 64 + 62)};
	const bool with_snapshots = torture_below(&keeper.random, 2) == 0;
	if (with_snapshots) {
		REQUIRE(pthread_create(&thread, NULL, take_snapshots, &keeper) == 0);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = (worker_t){
			.number = i, .engine = engine, .shared = shared, .random = torture_random(life * 64 + i)};
		read_realm(engine, i, &workers[i].realm);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		REQUIRE(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		REQUIRE(pthread_join(workers[i].thread, NULL) == 0);
	}
	atomic_store(&keeper.over, true);
	if (with_snapshots) {
		REQUIRE(pthread_join(thread, NULL) == 0);
	}
}

/* kill_test --work DIRECTORY FD LIFE: work on a store until killed, or until the journal is full. */
static int
be_worker(char **arguments) {
	lessor_report_t report;
	const uint64_t life = strtoull(arguments[4], NULL, 0);
	torture_random_t random = torture_random(life * 64 + 63);
	shared_t *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, atoi(arguments[3]), 0);
	REQUIRE(shared != MAP_FAILED);
	atomic_store(&shared->phase, OPENING);
	lessor_engine_t *engine = open_store(arguments[2], &random, false, &report);
	lessor_scope_t scope;
	if (lessor_scope_get(engine, COMMON, &scope, NULL, 0) != LESSOR_OK) {
		torture_create_scope(engine, COMMON, COMMON_MASK, true);
		REQUIRE_STATUS(lessor_ticket_wait(engine, lessor_last_ticket(engine), -1), LESSOR_OK);
	}
	atomic_store(&shared->phase, WORKING);
	run_workers(engine, shared, life);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	atomic_store(&shared->phase, CLOSED);
	return 0;
}

/* ---- the parent: what must be left ----------------------------------------------------------------------------------------- */

typedef struct {
	uint64_t number; /* plus 1; 0: none */
	lessor_ticket_t ticket;
} hot_t;

/* What the parent knows of the store between two lives. */
typedef struct {
	realm_t realm[WORKERS];
	hot_t hot[HOT];
	uint64_t common_deletes;
} known_t;

/* The end of a thread's journal: what is there for sure, and what may be there up to any point. */
typedef struct {
	realm_t sure;
	deed_t doubtful[BATCH_MAX];
	unsigned doubts;
} remains_t;

/*
 * Go through a journal. Up to 'end' everything has survived, and nothing behind it. The one group of deeds whose ticket
 * is unknown, or whose batch lies across 'end', may have survived in part.
 */
static void
replay(const journal_t *journal, lessor_ticket_t end, remains_t *remains) {
	const uint32_t count = atomic_load(&journal->count);
	lessor_ticket_t before = 0;
	bool behind = false;
	remains->doubts = 0;
	for (uint32_t i = 0; i < count; i += journal->entry[i].batch) {
		const entry_t *entry = &journal->entry[i];
		const fate_t fate = (fate_t)atomic_load(&entry->fate);
		const bool survived = fate > REFUSED && entry->ticket <= end;
		/* Without a ticket, or with one that was there before: a deed that changed nothing. */
		if (fate == REFUSED || (fate != ASKED && entry->ticket == 0)) {
			continue;
		}
		REQUIRE(fate != DURABLE || survived);
		REQUIRE(fate == ASKED || entry->ticket >= before);
		before = entry->ticket;
		REQUIRE(!survived || !behind);
		if (!survived && !behind && !entry->deed.hot) {
			for (uint32_t j = 0; j < entry->batch && (fate == ASKED || entry->batch > 1); j++) {
				remains->doubtful[remains->doubts++] = entry[j].deed;
			}
		}
		behind = behind || !survived;
		for (uint32_t j = 0; survived && !entry->deed.hot && j < entry->batch; j++) {
			const lessor_status_t status = apply(&remains->sure, &entry[j].deed);
			REQUIRE(status == LESSOR_OK || entry->batch > 1);
		}
	}
}

static void
require_realm(const remains_t *remains, const realm_t *found, uint64_t *common_deletes) {
	realm_t expected = remains->sure;
	for (unsigned i = 0;; i++) {
		const uint64_t deletes = expected.common_deletes;
		expected.common_deletes = found->common_deletes;
		if (memcmp(&expected, found, sizeof(expected)) == 0) {
			*common_deletes += deletes;
			return;
		}
		expected.common_deletes = deletes;
		if (i == remains->doubts) {
			break;
		}
		(void)apply(&expected, &remains->doubtful[i]);
	}
	for (unsigned place = 0; place < OWN + INSIDE; place++) {
		if (remains->sure.at[place] != found->at[place]) {
			(void)fprintf(stderr, "place %u: %llx instead of %llx\n", place,
				      (unsigned long long)found->at[place],
				      (unsigned long long)remains->sure.at[place]);
		}
	}
	(void)fprintf(stderr, "scope: %llx instead of %llx, exclusions %x / %x, deletes %llu / %llu, %u in doubt\n",
		      (unsigned long long)found->scope, (unsigned long long)remains->sure.scope, found->exclusions,
		      remains->sure.exclusions, (unsigned long long)found->scope_deletes,
		      (unsigned long long)remains->sure.scope_deletes, remains->doubts);
	torture_fail(__FILE__, __LINE__, "what is left is what was asked for");
}

/* ---- hot addresses: any thread, in the order of the tickets ------------------------------------------------------------------- */

static void
read_hot(lessor_engine_t *engine, hot_t hot[HOT]) {
	for (unsigned i = 0; i < HOT; i++) {
		uint64_t number;
		hot[i] = (hot_t){0};
		if (torture_get(engine, HOT_FIRST + i, &number, &hot[i].ticket) == LESSOR_OK) {
			hot[i].number = number + 1;
		} else {
			hot[i].ticket = 0;
		}
	}
}

typedef struct {
	hot_t last;                   /* after the last change up to the end */
	uint64_t deletes;             /* that are there for sure */
	const deed_t *asked[WORKERS]; /* in flight, ticket unknown */
	unsigned asked_count;
} hot_history_t;

static void
gather_hot(const shared_t *shared, unsigned place, lessor_ticket_t end, hot_history_t *history) {
	for (unsigned thread = 0; thread < WORKERS; thread++) {
		const journal_t *journal = &shared->journal[thread];
		const uint32_t count = atomic_load(&journal->count);
		for (uint32_t i = 0; i < count; i++) {
			const entry_t *entry = &journal->entry[i];
			const fate_t fate = (fate_t)atomic_load(&entry->fate);
			if (!entry->deed.hot || entry->deed.place != place || fate == REFUSED) {
				continue;
			}
			if (fate == ASKED) {
				history->asked[history->asked_count++] = &entry->deed;
				continue;
			}
			if (entry->ticket > end) {
				continue;
			}
			history->deletes += entry->deed.kind == DO_DELETE;
			if (entry->ticket > history->last.ticket) {
				history->last.ticket = entry->ticket;
				history->last.number = entry->deed.kind == DO_DELETE ? 0 : entry->deed.number + 1;
			}
		}
	}
}

/* Returns how many deletes may have happened without anybody's knowing. */
static unsigned
require_hot(const hot_history_t *history, const hot_t *found) {
	unsigned deletes = 0;
	bool explained =
		found->number == history->last.number && (found->number == 0 || found->ticket == history->last.ticket);
	for (unsigned i = 0; i < history->asked_count; i++) {
		const deed_t *asked = history->asked[i];
		deletes += asked->kind == DO_DELETE;
		explained = explained || (asked->kind == DO_DELETE ? found->number == 0
								   : found->number == asked->number + 1 &&
									     found->ticket > history->last.ticket);
	}
	REQUIRE(explained);
	return deletes;
}

/* ---- the whole store --------------------------------------------------------------------------------------------------------- */

static void
require_nothing_else(lessor_engine_t *engine) {
	char buffer[4096];
	lessor_lease_t lease;
	lessor_cursor_t cursor;
	lessor_scope_t scope;
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	while (lessor_lease_next(engine, &cursor, &lease, buffer, sizeof(buffer)) == LESSOR_OK) {
		const bool hot = lease.address >= HOT_FIRST && lease.address < HOT_FIRST + HOT;
		const bool own = lease.address >= OWN_FIRST && lease.address < OWN_FIRST + WORKERS * OWN;
		const uint32_t inside = (lease.address - OWN_SCOPE) % 64;
		REQUIRE(hot || own || (lease.address - OWN_SCOPE < WORKERS * 64 && inside >= 1 && inside <= INSIDE));
		REQUIRE(torture_proves(&lease));
	}
	for (uint32_t from = 0; lessor_scope_next(engine, from, &scope, NULL, 0) == LESSOR_OK;
	     from = scope.subnet + 1) {
		REQUIRE(scope.subnet == COMMON ||
			(scope.subnet - OWN_SCOPE < WORKERS * 64 && (scope.subnet - OWN_SCOPE) % 64 == 0));
	}
}

static void
verify(lessor_engine_t *engine, const shared_t *shared, lessor_ticket_t end, known_t *known) {
	static remains_t remains;
	known_t found = {0};
	unsigned unknown_deletes = 0;
	lessor_scope_stats_t stats = {0};
	torture_require_sound(engine);
	require_nothing_else(engine);
	found.common_deletes = known->common_deletes;
	for (unsigned thread = 0; thread < WORKERS; thread++) {
		remains.sure = known->realm[thread];
		remains.sure.common_deletes = 0;
		replay(&shared->journal[thread], end, &remains);
		read_realm(engine, thread, &found.realm[thread]);
		require_realm(&remains, &found.realm[thread], &found.common_deletes);
	}
	read_hot(engine, found.hot);
	for (unsigned i = 0; i < HOT; i++) {
		hot_history_t history = {.last = known->hot[i]};
		gather_hot(shared, i, end, &history);
		unknown_deletes += require_hot(&history, &found.hot[i]);
		found.common_deletes += history.deletes;
	}
	if (lessor_scope_stats(engine, COMMON, &stats) == LESSOR_OK) {
		REQUIRE(stats.deletes >= found.common_deletes);
		REQUIRE(stats.deletes <= found.common_deletes + unknown_deletes);
	}
	found.common_deletes = stats.deletes;
	*known = found;
}

/* ---- lives and deaths ---------------------------------------------------------------------------------------------------------- */

static const char *program;

static uint64_t
now_us(void) {
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static pid_t
start_life(const char *directory, int fd, uint64_t life) {
	char fd_text[16];
	char life_text[24];
	char seed_text[48];
	pid_t child;
	(void)snprintf(fd_text, sizeof(fd_text), "%d", fd);
	(void)snprintf(life_text, sizeof(life_text), "%llu", (unsigned long long)life);
	(void)snprintf(seed_text, sizeof(seed_text), "%llu", (unsigned long long)torture_seed());
	REQUIRE(setenv("LESSOR_TEST_SEED", seed_text, 1) == 0 && setenv("LESSOR_TEST_QUIET", "1", 1) == 0);
	char *arguments[] = {strdup(program), strdup("--work"), strdup(directory), fd_text, life_text, NULL};
	REQUIRE(posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ) == 0);
	free(arguments[0]);
	free(arguments[1]);
	free(arguments[2]);
	return child;
}

static bool
has_ended(pid_t child, int *how) {
	const pid_t ended = waitpid(child, how, WNOHANG);
	REQUIRE(ended == 0 || ended == child);
	return ended == child;
}

static bool
await_phase(const shared_t *shared, pid_t child, uint32_t phase, int *how) {
	while (atomic_load(&shared->phase) < phase) {
		if (has_ended(child, how)) {
			return false;
		}
		(void)usleep(100);
	}
	return true;
}

typedef struct {
	unsigned opening;
	unsigned snapshot;
	unsigned working;
	unsigned other;
	unsigned cut;
	uint64_t records;
	uint64_t opening_us; /* how long an opening takes, more or less */
} tally_t;

/* Let it live for a while that ends in its opening, in a snapshot, or anywhere. False: it ended by itself. */
static bool
live(const shared_t *shared, pid_t child, torture_random_t *random, tally_t *tally, int *how) {
	const uint32_t aim = torture_below(random, 10);
	if (!await_phase(shared, child, OPENING, how)) {
		return false;
	}
	if (aim < 3) {
		(void)usleep(torture_below(random, (uint32_t)tally->opening_us + 1000));
		return true;
	}
	const uint64_t before_us = now_us();
	if (!await_phase(shared, child, WORKING, how)) {
		return false;
	}
	tally->opening_us = (tally->opening_us + now_us() - before_us) / 2;
	if (aim < 6) {
		for (unsigned i = 0; i < 2000 && atomic_load(&shared->in_snapshot) == 0; i++) {
			(void)usleep(100);
		}
		(void)usleep(torture_below(random, 3000));
		return true;
	}
	(void)usleep(torture_below(random, 400000));
	return true;
}

static void
end_life(const shared_t *shared, pid_t child, torture_random_t *random, tally_t *tally) {
	int how = 0;
	if (live(shared, child, random, tally, &how)) {
		const uint32_t phase = atomic_load(&shared->phase);
		REQUIRE(kill(child, SIGKILL) == 0);
		REQUIRE(waitpid(child, &how, 0) == child);
		*(phase == OPENING                         ? &tally->opening
		  : phase != WORKING                       ? &tally->other
		  : atomic_load(&shared->in_snapshot) != 0 ? &tally->snapshot
							   : &tally->working) += 1;
	}
	REQUIRE((WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL) || (WIFEXITED(how) && WEXITSTATUS(how) == 0));
}

/* Open for writing and close, too: now and then a life begins with a store that was closed. */
static void
close_properly(const char *directory, torture_random_t *random, const torture_dump_t *before) {
	lessor_report_t report;
	lessor_engine_t *engine = open_store(directory, random, false, &report);
	torture_dump_t after = torture_dump(engine);
	torture_require_equal(before, &after);
	torture_dump_free(&after);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
}

static void
inspect(const char *directory, const shared_t *shared, torture_random_t *random, known_t *known, tally_t *tally) {
	lessor_report_t report;
	lessor_engine_t *engine = open_store(directory, random, true, &report);
	verify(engine, shared, report.last_ticket, known);
	torture_dump_t dump = torture_dump(engine);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	tally->cut += report.cut_bytes != 0;
	for (unsigned i = 0; i < WORKERS; i++) {
		tally->records += atomic_load(&shared->journal[i].count);
	}
	if (torture_below(random, 4) == 0) {
		close_properly(directory, random, &dump);
	}
	torture_dump_free(&dump);
}

static unsigned
kills_wanted(void) {
	const char *given = getenv("LESSOR_TEST_KILLS");
	return given != NULL ? (unsigned)strtoul(given, NULL, 0) : 50;
}

static shared_t *
make_shared(int *fd) {
	*fd = memfd_create("journal", 0);
	REQUIRE(*fd >= 0 && ftruncate(*fd, (off_t)sizeof(shared_t)) == 0);
	shared_t *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	REQUIRE(shared != MAP_FAILED);
	return shared;
}

static void
reset(shared_t *shared) {
	atomic_store(&shared->phase, STARTING);
	atomic_store(&shared->in_snapshot, 0);
	for (unsigned i = 0; i < WORKERS; i++) {
		atomic_store(&shared->journal[i].count, 0);
	}
}

static void
store_survives_every_kill(void **state) {
	static known_t known;
	char directory[256];
	int fd;
	(void)state;
	tally_t tally = {.opening_us = 10000};
	torture_random_t random = torture_random(UINT64_MAX);
	shared_t *shared = make_shared(&fd);
	torture_make_directory(directory);
	lessor_report_t report;
	lessor_engine_t *engine = open_store(directory, &random, false, &report);
	torture_create_scope(engine, COMMON, COMMON_MASK, true);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	const unsigned kills = kills_wanted();
	for (unsigned life = 0; life < kills; life++) {
		reset(shared);
		end_life(shared, start_life(directory, fd, life), &random, &tally);
		inspect(directory, shared, &random, &known, &tally);
	}
	print_message("killed in opening %u, in a snapshot %u, at work %u, otherwise %u; %u torn ends; %llu deeds; %u "
		      "snapshots\n",
		      tally.opening, tally.snapshot, tally.working, tally.other, tally.cut,
		      (unsigned long long)tally.records, (unsigned)atomic_load(&shared->snapshots));
	torture_remove_directory(directory);
	(void)munmap(shared, sizeof(*shared));
	(void)close(fd);
}

/* The same from the very first moment of a store. */
static void
new_store_survives_kills(void **state) {
	int fd;
	(void)state;
	tally_t tally = {.opening_us = 5000};
	torture_random_t random = torture_random(UINT64_MAX - 1);
	shared_t *shared = make_shared(&fd);
	const unsigned stores = kills_wanted() / 4 + 1;
	for (unsigned i = 0; i < stores; i++) {
		char directory[256];
		static known_t known;
		int how = 0;
		lessor_report_t report;
		memset(&known, 0, sizeof(known));
		torture_make_directory(directory);
		reset(shared);
		const pid_t child = start_life(directory, fd, 1000000 + i);
		REQUIRE(await_phase(shared, child, OPENING, &how));
		(void)usleep(torture_below(&random, 8000));
		REQUIRE(kill(child, SIGKILL) == 0 && waitpid(child, &how, 0) == child);
		lessor_engine_t *engine = open_store(directory, &random, false, &report);
		verify(engine, shared, report.last_ticket, &known);
		REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
		reset(shared);
		inspect(directory, shared, &random, &known, &tally);
		torture_remove_directory(directory);
	}
	(void)munmap(shared, sizeof(*shared));
	(void)close(fd);
}

int
main(int argc, char **argv) {
	program = argv[0];
	if (argc == 5 && strcmp(argv[1], "--work") == 0) {
		return be_worker(argv);
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_store_survives_kills),
		cmocka_unit_test(store_survives_every_kill),
	};
	(void)torture_seed();
	cmocka_set_test_filter(getenv("LESSOR_TEST_FILTER"));
	return cmocka_run_group_tests_name("kill", tests, NULL, NULL);
}
