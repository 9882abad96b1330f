/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many threads at once, through the public headers: who wins, what readers see, what is left when all is quiet.
 *
 * The store of most tests lies on a disk with the smallest ring and segments, so that rolling, waiting for room and
 * snapshots belong to every run. One test holds the disk still, through the engine's table of file operations.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <lessor/lessor.h>

#include "base/io.h"
#include "engine_p.h"
#include "history.h"
#include "torture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SUBNET       UINT32_C(0x0A100000)
#define MIB          (UINT64_C(1) << 20)
#define IF_CLIENT    ((uint32_t)LESSOR_IF_CLIENT)

/* How much of everything: a sanitized run does the same with fewer rounds. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SCALE(full, reduced) (reduced)
#else
#define SCALE(full, reduced) (full)
#endif

/* With small limits (tiny.h) only what these matter to; the disk that stands still needs a ring that takes what the others do meanwhile. */
#ifdef TINY_TEST
#define NOT_SMALL() skip()
#else
#define NOT_SMALL() ((void)0)
#endif

/* ---- set-up ---------------------------------------------------------------------------------------------------------- */

static lessor_engine_t *
open_in(const char *directory) {
	lessor_engine_t *engine = NULL;
	lessor_options_t options;
	lessor_report_t report;
	lessor_options_init(&options);
	options.log = directory != NULL;
	options.max_leases = 1u << 20;
	options.ring_size_bytes = MIB;
	options.segment_size_bytes = MIB;
	options.snapshot_after_bytes = 4 * MIB;
	const lessor_status_t status = lessor_open(directory, &options, &engine, &report);
	if (status != LESSOR_OK || report.sentence[0] != '\0') {
		(void)fprintf(stderr, "lessor_open: %s: %s\n", lessor_status_name(status), report.sentence);
	}
	REQUIRE_STATUS(status, LESSOR_OK);
	REQUIRE(report.cut_bytes == 0);
	return engine;
}

static void
close_and_remove(lessor_engine_t **engine, const char *directory) {
	torture_require_sound(*engine);
	REQUIRE_STATUS(lessor_close(engine), LESSOR_OK);
	if (directory != NULL) {
		torture_remove_directory(directory);
	}
}

/* Close, open again, compare everything; then the end. */
static void
reopen_compare_remove(lessor_engine_t **engine, const char *directory) {
	torture_require_sound(*engine);
	torture_dump_t before = torture_dump(*engine);
	REQUIRE_STATUS(lessor_close(engine), LESSOR_OK);
	*engine = open_in(directory);
	torture_dump_t after = torture_dump(*engine);
	torture_require_equal(&before, &after);
	torture_dump_free(&before);
	torture_dump_free(&after);
	close_and_remove(engine, directory);
}

/* A barrier that spins a little first, so that threads leave it as close together as two processors allow. */
typedef struct {
	unsigned threads;
	atomic_uint arrived;
	atomic_uint rounds;
} barrier_t;

static void
meet(barrier_t *barrier) {
	const unsigned round = atomic_load(&barrier->rounds);
	if (atomic_fetch_add(&barrier->arrived, 1) + 1 == barrier->threads) {
		atomic_store(&barrier->arrived, 0);
		atomic_fetch_add(&barrier->rounds, 1);
		return;
	}
	for (unsigned i = 0; atomic_load(&barrier->rounds) == round; i++) {
		if (i > 64) {
			(void)sched_yield();
		}
	}
}

typedef struct {
	pthread_t thread;
	unsigned number;
	void *shared;
} worker_t;

#define WORKERS_MAX 64u

static void
start_workers(worker_t *workers, unsigned count, void *(*function)(void *), void *shared) {
	for (unsigned i = 0; i < count; i++) {
		workers[i].number = i;
		workers[i].shared = shared;
		REQUIRE(pthread_create(&workers[i].thread, NULL, function, &workers[i]) == 0);
	}
}

static void
join_workers(worker_t *workers, unsigned count) {
	for (unsigned i = 0; i < count; i++) {
		REQUIRE(pthread_join(workers[i].thread, NULL) == 0);
	}
}

static void
run_workers(unsigned count, void *(*function)(void *), void *shared) {
	worker_t workers[WORKERS_MAX];
	start_workers(workers, count, function, shared);
	join_workers(workers, count);
}

static lessor_status_t
create(lessor_engine_t *engine, uint32_t address, uint64_t number, lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_lease_t lease;
	torture_texts_t texts;
	torture_lease(address, number, &lease, &texts);
	return lessor_lease_create(engine, &lease, mode, ticket);
}

static lessor_status_t
delete_of_client(lessor_engine_t *engine, uint32_t address, uint32_t client, lessor_ticket_t *ticket) {
	uint8_t client_id[LESSOR_CLIENT_ID_MAX_BYTES];
	uint8_t client_id_bytes;
	torture_client(client, client_id, &client_id_bytes);
	return lessor_lease_delete(engine, address, client_id, client_id_bytes, LESSOR_ASYNC, ticket);
}

/* ---- one winner ------------------------------------------------------------------------------------------------------ */

/*
 * Each round, every thread goes for the same BLOCK addresses: thread i with client i of its own, or all with one client, each at
 * an address of its own. Whoever wins leaves his number; the round's first thread checks and cleans up.
 */
#define BLOCK 8u

typedef struct {
	lessor_engine_t *engine;
	unsigned threads;
	unsigned rounds;
	barrier_t barrier;
	atomic_uint winners[BLOCK];
	atomic_uint winner[BLOCK];
} contest_t;

static void
count_winner(contest_t *contest, unsigned slot, unsigned thread, lessor_status_t got, lessor_status_t refusal) {
	REQUIRE(got == LESSOR_OK || got == refusal);
	if (got == LESSOR_OK) {
		(void)atomic_fetch_add(&contest->winners[slot], 1);
		atomic_store(&contest->winner[slot], thread);
	}
}

/* Slot s is an address; thread i comes with client s * threads + i. */
static void *
contest_address(void *argument) {
	const worker_t *worker = argument;
	contest_t *contest = worker->shared;
	for (unsigned round = 0; round < contest->rounds; round++) {
		meet(&contest->barrier);
		for (unsigned slot = 0; slot < BLOCK; slot++) {
			const uint32_t client = slot * contest->threads + worker->number;
			const lessor_status_t status =
				create(contest->engine, SUBNET + 1 + slot,
				       torture_number(round, client, worker->number), LESSOR_ASYNC, NULL);
			count_winner(contest, slot, worker->number, status, LESSOR_ADDRESS_TAKEN);
		}
		meet(&contest->barrier);
		for (unsigned slot = worker->number; slot < BLOCK; slot += contest->threads) {
			uint64_t number;
			lessor_ticket_t ticket;
			const unsigned winner = atomic_load(&contest->winner[slot]);
			const uint32_t client = slot * contest->threads + winner;
			REQUIRE(atomic_load(&contest->winners[slot]) == 1);
			REQUIRE_STATUS(torture_get(contest->engine, SUBNET + 1 + slot, &number, &ticket), LESSOR_OK);
			REQUIRE(number == torture_number(round, client, winner));
			REQUIRE_STATUS(delete_of_client(contest->engine, SUBNET + 1 + slot, client, NULL), LESSOR_OK);
			atomic_store(&contest->winners[slot], 0);
		}
	}
	return NULL;
}

/* Slot s is a client; thread i comes with address s * threads + i. */
static void *
contest_client(void *argument) {
	const worker_t *worker = argument;
	contest_t *contest = worker->shared;
	for (unsigned round = 0; round < contest->rounds; round++) {
		meet(&contest->barrier);
		for (unsigned slot = 0; slot < BLOCK; slot++) {
			const uint32_t address = SUBNET + 1 + slot * contest->threads + worker->number;
			const lessor_status_t status =
				create(contest->engine, address, torture_number(round, slot, worker->number),
				       LESSOR_ASYNC, NULL);
			count_winner(contest, slot, worker->number, status, LESSOR_CLIENT_TAKEN);
		}
		meet(&contest->barrier);
		for (unsigned slot = worker->number; slot < BLOCK; slot += contest->threads) {
			uint32_t address;
			uint64_t number;
			lessor_ticket_t ticket;
			const unsigned winner = atomic_load(&contest->winner[slot]);
			REQUIRE(atomic_load(&contest->winners[slot]) == 1);
			REQUIRE_STATUS(torture_get_client(contest->engine, SUBNET, slot, &address, &number, &ticket),
				       LESSOR_OK);
			REQUIRE(address == SUBNET + 1 + slot * contest->threads + winner);
			REQUIRE(number == torture_number(round, slot, winner));
			REQUIRE_STATUS(delete_of_client(contest->engine, address, slot, NULL), LESSOR_OK);
			atomic_store(&contest->winners[slot], 0);
		}
	}
	return NULL;
}

static void
hold_contest(void *(*function)(void *), unsigned threads, unsigned rounds, const char *directory) {
	lessor_scope_stats_t stats;
	contest_t contest = {
		.engine = open_in(directory), .threads = threads, .rounds = rounds, .barrier = {.threads = threads}};
	torture_create_scope(contest.engine, SUBNET, 0xFFFFF000u, true);
	run_workers(threads, function, &contest);
	REQUIRE_STATUS(lessor_scope_stats(contest.engine, SUBNET, &stats), LESSOR_OK);
	REQUIRE(stats.leases == 0 && stats.creates == (uint64_t)rounds * BLOCK && stats.deletes == stats.creates);
	close_and_remove(&contest.engine, directory);
}

static void
one_address_has_one_winner(void **state) {
	char directory[256];
	(void)state;
	hold_contest(contest_address, 8, SCALE(1000, 100), NULL);
	hold_contest(contest_address, 64, SCALE(100, 10), NULL);
	torture_make_directory(directory);
	hold_contest(contest_address, 8, SCALE(600, 60), directory);
}

static void
one_client_has_one_winner(void **state) {
	char directory[256];
	(void)state;
	hold_contest(contest_client, 8, SCALE(1000, 100), NULL);
	hold_contest(contest_client, 64, SCALE(100, 10), NULL);
	torture_make_directory(directory);
	hold_contest(contest_client, 8, SCALE(600, 60), directory);
}

/* ---- both at once, alone and in batches ------------------------------------------------------------------------------ */

/*
 * Threads create random pairs out of few addresses and few clients, and nobody deletes. Whatever the order was: no address and no client
 * twice, and each refusal is justified by what is there in the end.
 */
#define PAIR_ADDRESSES 48u
#define PAIR_CLIENTS   40u
#define PAIR_TRIES     96u
#define PAIR_THREADS   8u

typedef struct {
	lessor_engine_t *engine;
	bool batches;
	unsigned round;
	barrier_t barrier;
	struct {
		uint32_t address;
		uint32_t client;
		lessor_status_t status;
	} tried[PAIR_THREADS][PAIR_TRIES];
} pairs_t;

static void
try_in_batches(pairs_t *pairs, unsigned thread, torture_random_t *random) {
	static _Thread_local torture_texts_t texts[PAIR_TRIES];
	lessor_lease_t leases[PAIR_TRIES];
	lessor_status_t statuses[PAIR_TRIES];
	lessor_ticket_t ticket = 0;
	for (unsigned done = 0; done < PAIR_TRIES;) {
		unsigned count = 1 + torture_below(random, 70);
		count = count < PAIR_TRIES - done ? count : PAIR_TRIES - done;
		for (unsigned i = 0; i < count; i++) {
			const uint32_t address = pairs->tried[thread][done + i].address;
			const uint32_t client = pairs->tried[thread][done + i].client;
			torture_lease(address, torture_number(pairs->round, client, thread), &leases[i], &texts[i]);
		}
		REQUIRE_STATUS(lessor_lease_create_batch(pairs->engine, leases, count, statuses, LESSOR_ASYNC, &ticket),
			       LESSOR_OK);
		for (unsigned i = 0; i < count; i++) {
			pairs->tried[thread][done + i].status = statuses[i];
		}
		done += count;
	}
}

static void *
try_pairs(void *argument) {
	const worker_t *worker = argument;
	pairs_t *pairs = worker->shared;
	torture_random_t random = torture_random(UINT64_C(0x100000) + pairs->round * 64u + worker->number);
	for (unsigned i = 0; i < PAIR_TRIES; i++) {
		pairs->tried[worker->number][i].address = SUBNET + 1 + torture_below(&random, PAIR_ADDRESSES);
		pairs->tried[worker->number][i].client = torture_below(&random, PAIR_CLIENTS);
	}
	meet(&pairs->barrier);
	if (pairs->batches) {
		try_in_batches(pairs, worker->number, &random);
		return NULL;
	}
	for (unsigned i = 0; i < PAIR_TRIES; i++) {
		const uint32_t client = pairs->tried[worker->number][i].client;
		pairs->tried[worker->number][i].status =
			create(pairs->engine, pairs->tried[worker->number][i].address,
			       torture_number(pairs->round, client, worker->number), LESSOR_ASYNC, NULL);
	}
	return NULL;
}

static void
check_pairs(pairs_t *pairs) {
	unsigned at_address[PAIR_ADDRESSES] = {0};
	unsigned of_client[PAIR_CLIENTS] = {0};
	for (unsigned thread = 0; thread < PAIR_THREADS; thread++) {
		for (unsigned i = 0; i < PAIR_TRIES; i++) {
			if (pairs->tried[thread][i].status == LESSOR_OK) {
				at_address[pairs->tried[thread][i].address - SUBNET - 1]++;
				of_client[pairs->tried[thread][i].client]++;
			}
		}
	}
	for (unsigned thread = 0; thread < PAIR_THREADS; thread++) {
		for (unsigned i = 0; i < PAIR_TRIES; i++) {
			const unsigned here = at_address[pairs->tried[thread][i].address - SUBNET - 1];
			const unsigned there = of_client[pairs->tried[thread][i].client];
			const lessor_status_t status = pairs->tried[thread][i].status;
			REQUIRE(here <= 1 && there <= 1);
			REQUIRE(status == LESSOR_OK || (status == LESSOR_ADDRESS_TAKEN && here == 1) ||
				(status == LESSOR_CLIENT_TAKEN && there == 1));
		}
	}
	for (unsigned i = 0; i < PAIR_ADDRESSES; i++) {
		uint64_t number;
		lessor_ticket_t ticket;
		const lessor_status_t status = torture_get(pairs->engine, SUBNET + 1 + i, &number, &ticket);
		REQUIRE(status == (at_address[i] == 1 ? LESSOR_OK : LESSOR_NOT_FOUND));
	}
}

static void
run_pairs(bool batches, unsigned rounds, const char *directory) {
	static pairs_t pairs;
	memset(&pairs, 0, sizeof(pairs));
	pairs.engine = open_in(directory);
	pairs.batches = batches;
	pairs.barrier.threads = PAIR_THREADS;
	for (pairs.round = 0; pairs.round < rounds; pairs.round++) {
		torture_create_scope(pairs.engine, SUBNET, 0xFFFFFF00u, true);
		run_workers(PAIR_THREADS, try_pairs, &pairs);
		check_pairs(&pairs);
		torture_require_sound(pairs.engine);
		REQUIRE_STATUS(lessor_scope_delete(pairs.engine, SUBNET, true, LESSOR_ASYNC, NULL), LESSOR_OK);
	}
	close_and_remove(&pairs.engine, directory);
}

static void
pairs_exclude_each_other(void **state) {
	char directory[256];
	(void)state;
	run_pairs(false, SCALE(150, 25), NULL);
	torture_make_directory(directory);
	run_pairs(false, SCALE(100, 15), directory);
}

static void
overlapping_batches_come_to_an_end(void **state) {
	char directory[256];
	(void)state;
	run_pairs(true, SCALE(200, 25), NULL);
	torture_make_directory(directory);
	run_pairs(true, SCALE(150, 15), directory);
}

/* ---- churn: everything at once --------------------------------------------------------------------------------------- */

#define HOT_ADDRESSES  96u
#define HOT_CLIENTS    80u
#define STILL_LEASES   400u /* nobody touches these: readers must always find them */
#define STILL_CLIENT   1000u
#define PASSING        100000u /* clients that come and go by thousands, so that the client index grows and shrinks */
#define CHURN_WRITERS  4u
#define CHURN_READERS  3u
#define STILL_FIRST    (SUBNET + 0x400u)
#define PASSING_FIRST  (SUBNET + 0x1000u)
#define PASSING_LEASES 256u

typedef enum { DID_CREATE, DID_DELETE, DID_GENERATION, DID_CLIENT } did_t;

/* One change that succeeded. */
typedef struct {
	lessor_ticket_t ticket;
	uint64_t number; /* after it; unused for a delete */
	uint32_t address;
	did_t did;
} change_t;

typedef struct {
	lessor_engine_t *engine;
	unsigned changes_each;
	atomic_uint writers_left;
	atomic_uint_fast64_t creates;
	atomic_uint_fast64_t deletes;
	change_t *journal[CHURN_WRITERS];
	size_t journaled[CHURN_WRITERS];
} churn_t;

static void
note(churn_t *churn, unsigned thread, did_t did, uint32_t address, uint64_t number, lessor_ticket_t ticket) {
	churn->journal[thread][churn->journaled[thread]++] =
		(change_t){.ticket = ticket, .number = number, .address = address, .did = did};
}

/* Replace all texts of a lease whose client was 'before', or give it another client. */
static void
change_hot(churn_t *churn, unsigned thread, torture_random_t *random, uint32_t address, uint64_t before, did_t did) {
	lessor_lease_t lease;
	torture_texts_t texts;
	lessor_ticket_t ticket = 0;
	const uint32_t client = did == DID_CLIENT ? torture_below(random, HOT_CLIENTS) : torture_client_of(before);
	const uint64_t number = torture_number((uint32_t)torture_next(random), client, (uint32_t)torture_next(random));
	const uint32_t fields = did == DID_CLIENT ? (uint32_t)LESSOR_FIELD_ALL : TORTURE_FIELDS_GENERATION | IF_CLIENT;
	torture_lease(address, number, &lease, &texts);
	const lessor_status_t status = lessor_lease_update(churn->engine, &lease, fields, LESSOR_ASYNC, &ticket);
	REQUIRE(status == LESSOR_OK || status == LESSOR_NOT_FOUND ||
		status == (did == DID_CLIENT ? LESSOR_CLIENT_TAKEN : LESSOR_OTHER_CLIENT));
	if (status == LESSOR_OK) {
		note(churn, thread, did, address, number, ticket);
	}
}

static void
delete_hot(churn_t *churn, unsigned thread, uint32_t address, bool of_client, uint32_t client) {
	lessor_ticket_t ticket = 0;
	const lessor_status_t status =
		of_client ? delete_of_client(churn->engine, address, client, &ticket)
			  : lessor_lease_delete(churn->engine, address, NULL, 0, LESSOR_ASYNC, &ticket);
	REQUIRE(status == LESSOR_OK || status == LESSOR_NOT_FOUND || (of_client && status == LESSOR_OTHER_CLIENT));
	if (status == LESSOR_OK) {
		(void)atomic_fetch_add(&churn->deletes, 1);
		note(churn, thread, DID_DELETE, address, 0, ticket);
	}
}

static void
create_hot(churn_t *churn, unsigned thread, torture_random_t *random, uint32_t address) {
	lessor_ticket_t ticket = 0;
	const uint64_t number = torture_number((uint32_t)torture_next(random), torture_below(random, HOT_CLIENTS),
					       (uint32_t)torture_next(random));
	const lessor_status_t status = create(churn->engine, address, number, LESSOR_ASYNC, &ticket);
	REQUIRE(status == LESSOR_OK || status == LESSOR_ADDRESS_TAKEN || status == LESSOR_CLIENT_TAKEN);
	if (status == LESSOR_OK) {
		(void)atomic_fetch_add(&churn->creates, 1);
		note(churn, thread, DID_CREATE, address, number, ticket);
	}
}

/* A batch into addresses of the thread's own, and away again. */
static void
pass_through(churn_t *churn, unsigned thread, torture_random_t *random) {
	static _Thread_local torture_texts_t texts[PASSING_LEASES];
	static _Thread_local lessor_lease_t leases[PASSING_LEASES];
	lessor_status_t statuses[PASSING_LEASES];
	const uint32_t first = PASSING_FIRST + thread * PASSING_LEASES;
	for (unsigned i = 0; i < PASSING_LEASES; i++) {
		const uint32_t client = PASSING + thread * PASSING + torture_below(random, PASSING / 256) * 256 + i;
		torture_lease(first + i, torture_number((uint32_t)torture_next(random), client, i), &leases[i],
			      &texts[i]);
	}
	REQUIRE_STATUS(lessor_lease_create_batch(churn->engine, leases, PASSING_LEASES, statuses, LESSOR_ASYNC, NULL),
		       LESSOR_OK);
	for (unsigned i = 0; i < PASSING_LEASES; i++) {
		REQUIRE_STATUS(statuses[i], LESSOR_OK);
		REQUIRE_STATUS(lessor_lease_delete(churn->engine, first + i, leases[i].client_id,
						   leases[i].client_id_bytes, LESSOR_ASYNC, NULL),
			       LESSOR_OK);
	}
	(void)atomic_fetch_add(&churn->creates, PASSING_LEASES);
	(void)atomic_fetch_add(&churn->deletes, PASSING_LEASES);
}

static void *
write_churn(void *argument) {
	const worker_t *worker = argument;
	churn_t *churn = worker->shared;
	torture_random_t random = torture_random(UINT64_C(0x200000) + worker->number);
	for (unsigned i = 0; i < churn->changes_each; i++) {
		const uint32_t address = SUBNET + 1 + torture_below(&random, HOT_ADDRESSES);
		uint64_t before = 0;
		lessor_ticket_t ticket;
		const bool there = torture_get(churn->engine, address, &before, &ticket) == LESSOR_OK;
		const uint32_t what = torture_below(&random, 1000);
		if (what < 2) {
			pass_through(churn, worker->number, &random);
		} else if (!there || what < 150) {
			create_hot(churn, worker->number, &random, address);
		} else if (what < 350) {
			delete_hot(churn, worker->number, address, what < 300, torture_client_of(before));
		} else {
			change_hot(churn, worker->number, &random, address, before,
				   what < 650 ? DID_GENERATION : DID_CLIENT);
		}
	}
	(void)atomic_fetch_sub(&churn->writers_left, 1);
	return NULL;
}

/* A lease that nobody touches is always found, by address and by client. */
static void
read_still(churn_t *churn, torture_random_t *random) {
	uint64_t number;
	uint32_t address;
	lessor_ticket_t ticket;
	const uint32_t i = torture_below(random, STILL_LEASES);
	REQUIRE_STATUS(torture_get(churn->engine, STILL_FIRST + i, &number, &ticket), LESSOR_OK);
	REQUIRE(number == torture_number(i, STILL_CLIENT + i, i));
	REQUIRE_STATUS(torture_get_client(churn->engine, SUBNET, STILL_CLIENT + i, &address, &number, &ticket),
		       LESSOR_OK);
	REQUIRE(address == STILL_FIRST + i && number == torture_number(i, STILL_CLIENT + i, i));
}

/* What one reader has seen of an address: tickets never go back. */
static void
read_hot(churn_t *churn, torture_random_t *random, lessor_ticket_t seen[HOT_ADDRESSES]) {
	uint64_t number;
	lessor_ticket_t ticket;
	const uint32_t i = torture_below(random, HOT_ADDRESSES);
	if (torture_get(churn->engine, SUBNET + 1 + i, &number, &ticket) == LESSOR_OK) {
		REQUIRE(ticket >= seen[i] && torture_client_of(number) < HOT_CLIENTS);
		seen[i] = ticket;
	}
}

/*
 * A client is never at two addresses at one time: found here, then there, and here again with the ticket it had before, would mean
 * that it was at both when it was found there.
 */
static void
read_client_twice(churn_t *churn, torture_random_t *random) {
	uint32_t here;
	uint32_t there;
	uint64_t number;
	uint64_t again;
	lessor_ticket_t ticket;
	lessor_ticket_t later;
	const uint32_t client = torture_below(random, HOT_CLIENTS);
	if (torture_get_client(churn->engine, SUBNET, client, &here, &number, &ticket) != LESSOR_OK) {
		return;
	}
	there = here;
	if (torture_get_client(churn->engine, SUBNET, client, &there, &again, &later) == LESSOR_OK && there != here) {
		REQUIRE(later > ticket);
	}
	for (uint32_t i = 0; i < HOT_ADDRESSES; i++) {
		const bool found = torture_get(churn->engine, SUBNET + 1 + i, &again, &later) == LESSOR_OK &&
				   torture_client_of(again) == client;
		if (found && SUBNET + 1 + i != here) {
			REQUIRE(torture_get(churn->engine, here, &again, &later) != LESSOR_OK || later != ticket);
			return;
		}
	}
}

/* Ascending, every lease proves itself, and those that stay are seen once each. */
static void
iterate_all(churn_t *churn) {
	char buffer[4096];
	unsigned still = 0;
	uint32_t before = 0;
	lessor_lease_t lease;
	lessor_cursor_t cursor;
	lessor_status_t status;
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	while ((status = lessor_lease_next(churn->engine, &cursor, &lease, buffer, sizeof(buffer))) == LESSOR_OK) {
		REQUIRE(lease.address > before && torture_proves(&lease));
		before = lease.address;
		still += before >= STILL_FIRST && before < STILL_FIRST + STILL_LEASES;
	}
	REQUIRE_STATUS(status, LESSOR_END);
	REQUIRE(still == STILL_LEASES);
}

static void *
read_churn(void *argument) {
	const worker_t *worker = argument;
	churn_t *churn = worker->shared;
	torture_random_t random = torture_random(UINT64_C(0x300000) + worker->number);
	lessor_ticket_t seen[HOT_ADDRESSES] = {0};
	while (atomic_load(&churn->writers_left) > 0) {
		for (unsigned i = 0; i < 200; i++) {
			read_still(churn, &random);
			read_hot(churn, &random, seen);
		}
		for (unsigned i = 0; i < 10; i++) {
			read_client_twice(churn, &random);
		}
		iterate_all(churn);
	}
	return NULL;
}

static void *
snapshot_churn(void *argument) {
	const worker_t *worker = argument;
	churn_t *churn = worker->shared;
	do {
		REQUIRE_STATUS(lessor_snapshot(churn->engine, NULL), LESSOR_OK);
		(void)usleep(2000);
	} while (atomic_load(&churn->writers_left) > 0);
	return NULL;
}

static int
by_ticket(const void *a, const void *b) {
	const change_t *left = a;
	const change_t *right = b;
	return (left->ticket > right->ticket) - (left->ticket < right->ticket);
}

/*
 * The changes in the order of their tickets are a history in which each one was possible: this is what every recovery
 * rests on. And what it leaves is what is there.
 */
static void
replay(churn_t *churn, change_t *changes, size_t count) {
	static uint64_t at[HOT_ADDRESSES]; /* number + 1; 0: free */
	static uint32_t of[HOT_CLIENTS];   /* address; 0: none */
	memset(at, 0, sizeof(at));
	memset(of, 0, sizeof(of));
	qsort(changes, count, sizeof(changes[0]), by_ticket);
	for (size_t i = 0; i < count; i++) {
		const change_t *change = &changes[i];
		uint64_t *slot = &at[change->address - SUBNET - 1];
		REQUIRE(i == 0 || change->ticket > changes[i - 1].ticket);
		REQUIRE((*slot == 0) == (change->did == DID_CREATE));
		if (*slot != 0) {
			of[torture_client_of(*slot - 1)] = 0;
		}
		REQUIRE(change->did != DID_GENERATION ||
			torture_client_of(*slot - 1) == torture_client_of(change->number));
		*slot = change->did == DID_DELETE ? 0 : change->number + 1;
		if (*slot != 0) {
			REQUIRE(of[torture_client_of(change->number)] == 0);
			of[torture_client_of(change->number)] = change->address;
		}
	}
	for (uint32_t i = 0; i < HOT_ADDRESSES; i++) {
		uint64_t number = 0;
		lessor_ticket_t ticket;
		const bool there = torture_get(churn->engine, SUBNET + 1 + i, &number, &ticket) == LESSOR_OK;
		REQUIRE(there ? at[i] == number + 1 : at[i] == 0);
	}
}

static void
replay_journals(churn_t *churn) {
	size_t count = 0;
	change_t *all = malloc(CHURN_WRITERS * churn->changes_each * sizeof(all[0]));
	REQUIRE(all != NULL);
	for (unsigned i = 0; i < CHURN_WRITERS; i++) {
		memcpy(all + count, churn->journal[i], churn->journaled[i] * sizeof(all[0]));
		count += churn->journaled[i];
	}
	replay(churn, all, count);
	free(all);
}

static void
fill_still(churn_t *churn) {
	for (uint32_t i = 0; i < STILL_LEASES; i++) {
		REQUIRE_STATUS(create(churn->engine, STILL_FIRST + i, torture_number(i, STILL_CLIENT + i, i),
				      LESSOR_ASYNC, NULL),
			       LESSOR_OK);
	}
	(void)atomic_fetch_add(&churn->creates, STILL_LEASES);
}

static void
readers_see_whole_leases(void **state) {
	char directory[256];
	worker_t writers[CHURN_WRITERS];
	worker_t readers[CHURN_READERS];
	worker_t keeper[1];
	lessor_scope_stats_t stats;
	(void)state;
	torture_make_directory(directory);
	churn_t churn = {
		.engine = open_in(directory), .changes_each = SCALE(40000, 3000), .writers_left = CHURN_WRITERS};
	torture_create_scope(churn.engine, SUBNET, 0xFFFF0000u, true);
	fill_still(&churn);
	for (unsigned i = 0; i < CHURN_WRITERS; i++) {
		churn.journal[i] = malloc(churn.changes_each * sizeof(churn.journal[0][0]));
		REQUIRE(churn.journal[i] != NULL);
	}
	start_workers(readers, CHURN_READERS, read_churn, &churn);
	start_workers(keeper, 1, snapshot_churn, &churn);
	start_workers(writers, CHURN_WRITERS, write_churn, &churn);
	join_workers(writers, CHURN_WRITERS);
	join_workers(keeper, 1);
	join_workers(readers, CHURN_READERS);
	replay_journals(&churn);
	REQUIRE_STATUS(lessor_scope_stats(churn.engine, SUBNET, &stats), LESSOR_OK);
	REQUIRE(stats.creates == atomic_load(&churn.creates) && stats.deletes == atomic_load(&churn.deletes));
	for (unsigned i = 0; i < CHURN_WRITERS; i++) {
		free(churn.journal[i]);
	}
	reopen_compare_remove(&churn.engine, directory);
}

/* ---- a client index that grows and shrinks ------------------------------------------------------------------------------- */

/* Waves of many clients come and go, so that the index splits its buckets, chains and unchains; those that stay are always found. */
#define WAVE_WRITERS 4u
#define WAVE_FIRST   (SUBNET + 0x10000u)

typedef struct {
	churn_t churn; /* for the readers */
	uint32_t wave_leases;
	unsigned waves;
} waves_t;

static void *
write_waves(void *argument) {
	const worker_t *worker = argument;
	waves_t *waves = worker->shared;
	lessor_engine_t *engine = waves->churn.engine;
	const uint32_t first = WAVE_FIRST + worker->number * waves->wave_leases;
	torture_random_t random = torture_random(UINT64_C(0x380000) + worker->number);
	for (unsigned wave = 0; wave < waves->waves; wave++) {
		const uint32_t salt = torture_below(&random, 2);
		for (uint32_t i = 0; i < waves->wave_leases; i++) {
			const uint32_t client = 2 * (first - SUBNET + i) + salt;
			REQUIRE_STATUS(create(engine, first + i, torture_number(wave, client, i), LESSOR_ASYNC, NULL),
				       LESSOR_OK);
		}
		for (uint32_t i = 0; i < waves->wave_leases; i++) {
			uint32_t address;
			uint64_t number;
			lessor_ticket_t ticket;
			const uint32_t client = 2 * (first - SUBNET + i) + salt;
			REQUIRE_STATUS(torture_get_client(engine, SUBNET, client, &address, &number, &ticket),
				       LESSOR_OK);
			REQUIRE(address == first + i && number == torture_number(wave, client, i));
			REQUIRE(torture_get_client(engine, SUBNET, client ^ 1, &address, &number, &ticket) ==
				LESSOR_NOT_FOUND);
			REQUIRE_STATUS(delete_of_client(engine, first + i, client, NULL), LESSOR_OK);
		}
	}
	(void)atomic_fetch_sub(&waves->churn.writers_left, 1);
	return NULL;
}

static void *
read_under_waves(void *argument) {
	const worker_t *worker = argument;
	waves_t *waves = worker->shared;
	torture_random_t random = torture_random(UINT64_C(0x390000) + worker->number);
	while (atomic_load(&waves->churn.writers_left) > 0) {
		read_still(&waves->churn, &random);
	}
	return NULL;
}

static void
clients_are_found_while_the_index_grows(void **state) {
	worker_t readers[2];
	(void)state;
	waves_t waves = {.churn = {.engine = open_in(NULL), .writers_left = WAVE_WRITERS},
			 .wave_leases = SCALE(30000, 8000),
			 .waves = SCALE(4, 2)};
	torture_create_scope(waves.churn.engine, SUBNET, 0xFFF00000u, true);
	fill_still(&waves.churn);
	start_workers(readers, COUNT(readers), read_under_waves, &waves);
	run_workers(WAVE_WRITERS, write_waves, &waves);
	join_workers(readers, COUNT(readers));
	close_and_remove(&waves.churn.engine, NULL);
}

/* ---- updates of parts of one lease --------------------------------------------------------------------------------- */

/*
 * Each lease has one writer, who replaces its small fields alone or everything; readers tell a mixture. Leases neighbour each other in one
 * page, and there are more writers than processors, so that a writer is preempted in the middle.
 */
#define PART_WRITERS 6u
#define PART_LEASES  4u

typedef struct {
	lessor_engine_t *engine;
	unsigned updates_each;
	atomic_uint writers_left;
} parts_t;

static void *
write_parts(void *argument) {
	const worker_t *worker = argument;
	parts_t *parts = worker->shared;
	torture_random_t random = torture_random(UINT64_C(0x400000) + worker->number);
	uint32_t generation[PART_LEASES];
	for (uint32_t i = 0; i < PART_LEASES; i++) {
		generation[i] = worker->number;
		REQUIRE_STATUS(create(parts->engine, SUBNET + 1 + worker->number * PART_LEASES + i,
				      torture_number(generation[i], worker->number * PART_LEASES + i, 0), LESSOR_ASYNC,
				      NULL),
			       LESSOR_OK);
	}
	for (unsigned n = 0; n < parts->updates_each; n++) {
		lessor_lease_t lease;
		torture_texts_t texts;
		const uint32_t i = torture_below(&random, PART_LEASES);
		const bool step = torture_below(&random, 3) != 0;
		const uint32_t client = worker->number * PART_LEASES + i;
		generation[i] = step ? generation[i] : (uint32_t)torture_next(&random) & 0x3FFFFF;
		torture_lease(SUBNET + 1 + client,
			      torture_number(generation[i], client, (uint32_t)torture_next(&random)), &lease, &texts);
		REQUIRE_STATUS(lessor_lease_update(parts->engine, &lease,
						   IF_CLIENT | (step ? TORTURE_FIELDS_STEP : TORTURE_FIELDS_GENERATION),
						   LESSOR_ASYNC, NULL),
			       LESSOR_OK);
	}
	(void)atomic_fetch_sub(&parts->writers_left, 1);
	return NULL;
}

static void *
read_parts(void *argument) {
	const worker_t *worker = argument;
	parts_t *parts = worker->shared;
	torture_random_t random = torture_random(UINT64_C(0x500000) + worker->number);
	while (atomic_load(&parts->writers_left) > 0) {
		uint64_t number;
		uint32_t address;
		lessor_ticket_t ticket;
		const uint32_t i = torture_below(&random, PART_WRITERS * PART_LEASES);
		(void)torture_get(parts->engine, SUBNET + 1 + i, &number, &ticket);
		if (torture_get_client(parts->engine, SUBNET, i, &address, &number, &ticket) == LESSOR_OK) {
			REQUIRE(address == SUBNET + 1 + i);
		}
	}
	return NULL;
}

static void
updates_are_seen_as_a_whole(void **state) {
	worker_t readers[2];
	(void)state;
	for (unsigned with_log = 0; with_log < 2; with_log++) {
		char directory[256];
		if (with_log) {
			torture_make_directory(directory);
		}
		parts_t parts = {.engine = open_in(with_log ? directory : NULL),
				 .updates_each = SCALE(30000, 2500),
				 .writers_left = PART_WRITERS};
		torture_create_scope(parts.engine, SUBNET, 0xFFFFFF00u, false);
		start_workers(readers, COUNT(readers), read_parts, &parts);
		run_workers(PART_WRITERS, write_parts, &parts);
		join_workers(readers, COUNT(readers));
		if (with_log) {
			reopen_compare_remove(&parts.engine, directory);
		} else {
			close_and_remove(&parts.engine, NULL);
		}
	}
}

/* ---- scopes that change under their leases --------------------------------------------------------------------------- */

/*
 * One scope stays and changes its range and exclusions all the time; another place is now one scope, now two, now none,
 * taken away with everything in it. Workers create, read and delete in both.
 */
#define STEADY        SUBNET
#define SHIFTING      (SUBNET + 0x1000u)
#define SCOPE_WORKERS 4u

typedef struct {
	lessor_engine_t *engine;
	unsigned changes_each;
	atomic_uint workers_left;
	atomic_uint_fast64_t creates;
	atomic_uint_fast64_t deletes;
} shifting_t;

static void
work_in_steady(shifting_t *shifting, unsigned thread, torture_random_t *random) {
	const uint32_t i = torture_below(random, 64);
	const uint32_t address = STEADY + i * SCOPE_WORKERS + thread;
	const uint64_t fresh = torture_number((uint32_t)torture_next(random), address - SUBNET, i);
	uint64_t number;
	lessor_ticket_t ticket;
	if (torture_get(shifting->engine, address, &number, &ticket) == LESSOR_NOT_FOUND) {
		REQUIRE_STATUS(create(shifting->engine, address, fresh, LESSOR_ASYNC, NULL), LESSOR_OK);
		(void)atomic_fetch_add(&shifting->creates, 1);
	} else if (torture_below(random, 2) == 0) {
		REQUIRE_STATUS(lessor_lease_delete(shifting->engine, address, NULL, 0, LESSOR_ASYNC, NULL), LESSOR_OK);
		(void)atomic_fetch_add(&shifting->deletes, 1);
	} else {
		lessor_lease_t lease;
		torture_texts_t texts;
		torture_lease(address, fresh, &lease, &texts);
		REQUIRE_STATUS(lessor_lease_update(shifting->engine, &lease, LESSOR_FIELD_ALL, LESSOR_ASYNC, NULL),
			       LESSOR_OK);
	}
}

static void
work_in_shifting(shifting_t *shifting, unsigned thread, torture_random_t *random) {
	const uint32_t i = torture_below(random, 64);
	const uint32_t address = SHIFTING + i * SCOPE_WORKERS + thread;
	const uint64_t fresh = torture_number((uint32_t)torture_next(random), address - SUBNET, i);
	lessor_status_t status = create(shifting->engine, address, fresh, LESSOR_ASYNC, NULL);
	REQUIRE(status == LESSOR_OK || status == LESSOR_ADDRESS_TAKEN || status == LESSOR_NO_SCOPE);
	if (status == LESSOR_ADDRESS_TAKEN) {
		status = lessor_lease_delete(shifting->engine, address, NULL, 0, LESSOR_ASYNC, NULL);
		REQUIRE(status == LESSOR_OK || status == LESSOR_NOT_FOUND);
	}
	uint32_t found;
	uint64_t number;
	lessor_ticket_t ticket;
	if (torture_get_client(shifting->engine, SHIFTING, address - SUBNET, &found, &number, &ticket) == LESSOR_OK) {
		REQUIRE(found == address);
	}
}

static void *
work_in_scopes(void *argument) {
	const worker_t *worker = argument;
	shifting_t *shifting = worker->shared;
	torture_random_t random = torture_random(UINT64_C(0x600000) + worker->number);
	for (unsigned i = 0; i < shifting->changes_each; i++) {
		if (torture_below(&random, 2) == 0) {
			work_in_steady(shifting, worker->number, &random);
		} else {
			work_in_shifting(shifting, worker->number, &random);
		}
	}
	(void)atomic_fetch_sub(&shifting->workers_left, 1);
	return NULL;
}

static void *
change_ranges(void *argument) {
	const worker_t *worker = argument;
	shifting_t *shifting = worker->shared;
	torture_random_t random = torture_random(UINT64_C(0x700000));
	while (atomic_load(&shifting->workers_left) > 0) {
		const uint32_t first = torture_below(&random, 256);
		const lessor_range_t range = {.first = STEADY + first,
					      .last = STEADY + first + torture_below(&random, 256 - first)};
		const lessor_scope_t scope = {.subnet = STEADY, .has_range = first % 16 != 0, .range = range};
		lessor_status_t status = LESSOR_OK;
		switch (torture_below(&random, 3)) {
		case 0:
			status = lessor_scope_update(shifting->engine, &scope, LESSOR_SCOPE_FIELD_RANGE, LESSOR_ASYNC,
						     NULL);
			break;
		case 1:
			status = lessor_scope_exclude(shifting->engine, STEADY, range, LESSOR_ASYNC, NULL);
			break;
		default: {
			lessor_range_t present[256];
			size_t count = 0;
			status = lessor_scope_exclusions(shifting->engine, STEADY, present, COUNT(present), &count);
			/* Nobody else takes exclusions away: whichever is there stays until it is included here. */
			while (status == LESSOR_OK && count > 4) {
				status = lessor_scope_include(shifting->engine, STEADY, present[--count], LESSOR_ASYNC,
							      NULL);
			}
		}
		}
		REQUIRE_STATUS(status, LESSOR_OK);
		(void)sched_yield();
	}
	return NULL;
}

/* After a scope has gone, nothing of before shows in its place. */
static void
require_gone(shifting_t *shifting, uint32_t subnet, uint32_t mask, lessor_ticket_t ticket) {
	char buffer[4096];
	lessor_lease_t lease;
	lessor_cursor_t cursor;
	lessor_cursor_init(&cursor, subnet, subnet | ~mask);
	while (lessor_lease_next(shifting->engine, &cursor, &lease, buffer, sizeof(buffer)) == LESSOR_OK) {
		REQUIRE(lease.ticket > ticket);
	}
}

static void
replace_scopes(shifting_t *shifting, torture_random_t *random) {
	/* One /22, or two /23, or a /24 in its middle: whatever is there goes, something else comes. */
	static const struct {
		uint32_t subnet;
		uint32_t mask;
	} forms[] = {{SHIFTING, 0xFFFFFC00u},
		     {SHIFTING, 0xFFFFFE00u},
		     {SHIFTING + 0x200u, 0xFFFFFE00u},
		     {SHIFTING + 0x80u, 0xFFFFFF80u},
		     {SHIFTING, 0xFFFFFFC0u}};
	const unsigned form = torture_below(random, COUNT(forms));
	const lessor_scope_t scope = {.subnet = forms[form].subnet,
				      .mask = forms[form].mask,
				      .has_range = true,
				      .range = {.first = forms[form].subnet, .last = forms[form].subnet + 40}};
	lessor_scope_t there;
	lessor_ticket_t ticket = 0;
	lessor_status_t status = lessor_scope_create(shifting->engine, &scope, LESSOR_ASYNC, &ticket);
	if (status == LESSOR_OK) {
		require_gone(shifting, scope.subnet, scope.mask, ticket);
		return;
	}
	REQUIRE_STATUS(status, LESSOR_SCOPE_EXISTS);
	REQUIRE_STATUS(lessor_scope_next(shifting->engine, SHIFTING, &there, NULL, 0), LESSOR_OK);
	status = lessor_scope_delete(shifting->engine, there.subnet, torture_below(random, 3) != 0, LESSOR_ASYNC,
				     &ticket);
	REQUIRE(status == LESSOR_OK || status == LESSOR_SCOPE_NOT_EMPTY);
	if (status == LESSOR_OK) {
		require_gone(shifting, there.subnet, there.mask, ticket);
	}
}

static void *
change_scopes(void *argument) {
	const worker_t *worker = argument;
	shifting_t *shifting = worker->shared;
	torture_random_t random = torture_random(UINT64_C(0x800000));
	while (atomic_load(&shifting->workers_left) > 0) {
		replace_scopes(shifting, &random);
		(void)usleep(200);
	}
	return NULL;
}

static void *
snapshot_scopes(void *argument) {
	const worker_t *worker = argument;
	shifting_t *shifting = worker->shared;
	lessor_engine_stats_t stats;
	do {
		REQUIRE_STATUS(lessor_snapshot(shifting->engine, NULL), LESSOR_OK);
		REQUIRE_STATUS(lessor_engine_stats(shifting->engine, &stats), LESSOR_OK);
		(void)usleep(3000);
	} while (atomic_load(&shifting->workers_left) > 0);
	return NULL;
}

static void
scopes_change_under_their_leases(void **state) {
	char directory[256];
	worker_t others[3];
	lessor_scope_stats_t stats;
	(void)state;
	torture_make_directory(directory);
	shifting_t shifting = {
		.engine = open_in(directory), .changes_each = SCALE(30000, 2500), .workers_left = SCOPE_WORKERS};
	torture_create_scope(shifting.engine, STEADY, 0xFFFFFF00u, true);
	start_workers(&others[0], 1, change_ranges, &shifting);
	start_workers(&others[1], 1, change_scopes, &shifting);
	start_workers(&others[2], 1, snapshot_scopes, &shifting);
	run_workers(SCOPE_WORKERS, work_in_scopes, &shifting);
	join_workers(others, COUNT(others));
	REQUIRE_STATUS(lessor_scope_stats(shifting.engine, STEADY, &stats), LESSOR_OK);
	REQUIRE(stats.creates == atomic_load(&shifting.creates) && stats.deletes == atomic_load(&shifting.deletes));
	reopen_compare_remove(&shifting.engine, directory);
}

/* ---- threads that come and go ------------------------------------------------------------------------------------------ */

typedef struct {
	lessor_engine_t *engine;
	unsigned lives;
} mayflies_t;

typedef struct {
	lessor_engine_t *engine;
	uint32_t i;
} mayfly_t;

static void *
live_shortly(void *argument) {
	const mayfly_t *mayfly = argument;
	uint64_t number;
	uint32_t address;
	lessor_ticket_t ticket = 0;
	const uint64_t own = torture_number(mayfly->i, mayfly->i, 0);
	REQUIRE_STATUS(create(mayfly->engine, SUBNET + mayfly->i, own, mayfly->i % 64 == 0 ? LESSOR_SYNC : LESSOR_ASYNC,
			      &ticket),
		       LESSOR_OK);
	REQUIRE_STATUS(torture_get_client(mayfly->engine, SUBNET, mayfly->i, &address, &number, &ticket), LESSOR_OK);
	REQUIRE(address == SUBNET + mayfly->i && number == own);
	if (mayfly->i % 4 != 0) {
		REQUIRE_STATUS(delete_of_client(mayfly->engine, address, mayfly->i, NULL), LESSOR_OK);
	}
	return NULL;
}

static void *
breed(void *argument) {
	const worker_t *worker = argument;
	mayflies_t *mayflies = worker->shared;
	for (uint32_t i = 0; i < mayflies->lives; i++) {
		pthread_t thread;
		mayfly_t mayfly = {.engine = mayflies->engine, .i = 1 + worker->number * mayflies->lives + i};
		REQUIRE(pthread_create(&thread, NULL, live_shortly, &mayfly) == 0);
		REQUIRE(pthread_join(thread, NULL) == 0);
	}
	return NULL;
}

static void
threads_come_and_go(void **state) {
	NOT_SMALL();
	char directory[256];
	(void)state;
	torture_make_directory(directory);
	mayflies_t mayflies = {.engine = open_in(directory), .lives = SCALE(1500, 200)};
	torture_create_scope(mayflies.engine, SUBNET, 0xFFFF0000u, true);
	run_workers(4, breed, &mayflies);
	reopen_compare_remove(&mayflies.engine, directory);
}

/* ---- children ------------------------------------------------------------------------------------------------------------- */

/* In the child of a process whose other threads were in the middle of anything: that engine is not its own, another one can be. */
static void
be_child(lessor_engine_t *parents) {
	lessor_lease_t lease;
	lessor_engine_t *engine = parents;
	(void)alarm(SCALE(120, 30)); /* the end of a child that waits for a thread it does not have */
	REQUIRE_STATUS(lessor_lease_get(parents, SUBNET + 1, &lease, NULL, 0), LESSOR_FORKED);
	REQUIRE_STATUS(create(parents, SUBNET + 1, torture_number(1, 1, 1), LESSOR_SYNC, NULL), LESSOR_FORKED);
	REQUIRE_STATUS(lessor_ticket_wait(parents, lessor_last_ticket(parents), -1), LESSOR_FORKED);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_FORKED);
	engine = open_in(NULL);
	torture_create_scope(engine, SUBNET, 0xFFFFFF00u, true);
	for (uint32_t i = 0; i < 64; i++) {
		REQUIRE_STATUS(create(engine, SUBNET + 1 + i, torture_number(i, i, i), LESSOR_ASYNC, NULL), LESSOR_OK);
		REQUIRE_STATUS(delete_of_client(engine, SUBNET + 1 + i, i, NULL), LESSOR_OK);
	}
	torture_require_sound(engine);
	REQUIRE_STATUS(lessor_scope_delete(engine, SUBNET, true, LESSOR_ASYNC, NULL), LESSOR_OK);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	_exit(0);
}

/* AddressSanitizer's allocator has locks of its own, which a fork may copy while another thread holds them: some children cannot but wait for ever. */
#ifdef __SANITIZE_ADDRESS__
#define STUCK_CHILDREN_MAX 3u
#else
#define STUCK_CHILDREN_MAX 0u
#endif

static void
children_have_engines_of_their_own(void **state) {
	NOT_SMALL();
	char directory[256];
	worker_t writers[CHURN_WRITERS];
	unsigned stuck = 0;
	(void)state;
	torture_make_directory(directory);
	churn_t churn = {
		.engine = open_in(directory), .changes_each = SCALE(20000, 3000), .writers_left = CHURN_WRITERS};
	torture_create_scope(churn.engine, SUBNET, 0xFFFF0000u, true);
	for (unsigned i = 0; i < CHURN_WRITERS; i++) {
		churn.journal[i] = malloc(churn.changes_each * sizeof(churn.journal[0][0]));
		REQUIRE(churn.journal[i] != NULL);
	}
	start_workers(writers, CHURN_WRITERS, write_churn, &churn);
	for (unsigned i = 0; i < 100 && atomic_load(&churn.writers_left) > 0; i++) {
		int how = 0;
		const pid_t child = fork();
		REQUIRE(child >= 0);
		if (child == 0) {
			be_child(churn.engine);
		}
		REQUIRE(waitpid(child, &how, 0) == child);
		stuck += WIFSIGNALED(how) && WTERMSIG(how) == SIGALRM ? 1u : 0u;
		REQUIRE(stuck <= STUCK_CHILDREN_MAX);
		REQUIRE(WIFSIGNALED(how) ? WTERMSIG(how) == SIGALRM : WEXITSTATUS(how) == 0);
	}
	join_workers(writers, CHURN_WRITERS);
	replay_journals(&churn);
	for (unsigned i = 0; i < CHURN_WRITERS; i++) {
		free(churn.journal[i]);
	}
	reopen_compare_remove(&churn.engine, directory);
}

/* ---- many engines at once ------------------------------------------------------------------------------------------------ */

static void *
live_with_own_engine(void *argument) {
	const worker_t *worker = argument;
	const unsigned rounds = SCALE(12, 3);
	char directory[256];
	torture_make_directory(directory);
	for (unsigned round = 0; round < rounds; round++) {
		lessor_scope_stats_t stats;
		lessor_engine_t *engine = open_in(worker->number % 2 == 0 ? directory : NULL);
		if (round == 0 || worker->number % 2 != 0) {
			torture_create_scope(engine, SUBNET, 0xFFFFF000u, false);
		}
		const uint32_t first = worker->number % 2 == 0 ? round * 100 : 0;
		for (uint32_t i = first; i < first + 100; i++) {
			REQUIRE_STATUS(create(engine, SUBNET + 1 + i, torture_number(i, i, worker->number),
					      LESSOR_ASYNC, NULL),
				       LESSOR_OK);
		}
		REQUIRE_STATUS(lessor_scope_stats(engine, SUBNET, &stats), LESSOR_OK);
		REQUIRE(stats.leases == first + 100);
		torture_require_sound(engine);
		REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	}
	torture_remove_directory(directory);
	return NULL;
}

static void
engines_live_side_by_side(void **state) {
	NOT_SMALL();
	(void)state;
	run_workers(6, live_with_own_engine, NULL);
}

/* ---- waiting ------------------------------------------------------------------------------------------------------------- */

typedef struct {
	lessor_engine_t *engine;
	unsigned changes_each;
	atomic_uint waiters_left;
	int fd; /* the event loop's */
} waiting_t;

static void *
create_and_wait(void *argument) {
	const worker_t *worker = argument;
	waiting_t *waiting = worker->shared;
	torture_random_t random = torture_random(UINT64_C(0x900000) + worker->number);
	lessor_ticket_t before = 0;
	for (uint32_t i = 0; i < waiting->changes_each; i++) {
		const uint32_t client = worker->number * waiting->changes_each + i;
		lessor_ticket_t ticket = 0;
		REQUIRE_STATUS(create(waiting->engine, SUBNET + 1 + client, torture_number(i, client, i), LESSOR_ASYNC,
				      &ticket),
			       LESSOR_OK);
		REQUIRE(ticket > before && ticket <= lessor_last_ticket(waiting->engine));
		before = ticket;
		const uint32_t how = torture_below(&random, 4);
		const int64_t timeout_ms = how == 0 ? -1 : how == 1 ? 0 : (int64_t)torture_below(&random, 3);
		lessor_status_t status = lessor_ticket_wait(waiting->engine, ticket, timeout_ms);
		REQUIRE(status == LESSOR_OK || (timeout_ms >= 0 && status == LESSOR_TIMEOUT));
		REQUIRE(status != LESSOR_OK || lessor_durable_ticket(waiting->engine) >= ticket);
		status = lessor_ticket_poll(waiting->engine, ticket);
		REQUIRE(status == LESSOR_OK || status == LESSOR_TIMEOUT);
		REQUIRE(status != LESSOR_OK || lessor_durable_ticket(waiting->engine) >= ticket);
	}
	REQUIRE_STATUS(lessor_ticket_wait(waiting->engine, lessor_last_ticket(waiting->engine), -1), LESSOR_OK);
	REQUIRE_STATUS(lessor_ticket_wait(waiting->engine, UINT64_MAX, 0), LESSOR_INVALID);
	(void)atomic_fetch_sub(&waiting->waiters_left, 1);
	return NULL;
}

/* An event loop: told of every move of the durable position. It looks only when it is told. */
static void *
be_notified(void *argument) {
	const worker_t *worker = argument;
	waiting_t *waiting = worker->shared;
	lessor_ticket_t before = 0;
	for (;;) {
		const bool over = atomic_load(&waiting->waiters_left) == 0;
		const lessor_ticket_t durable = lessor_durable_ticket(waiting->engine);
		uint64_t times;
		REQUIRE(durable >= before);
		before = durable;
		if (over && durable == lessor_last_ticket(waiting->engine)) {
			return NULL;
		}
		struct pollfd readable = {.fd = waiting->fd, .events = POLLIN};
		REQUIRE(poll(&readable, 1, 30000) == 1);
		REQUIRE(read(waiting->fd, &times, sizeof(times)) == (ssize_t)sizeof(times) && times > 0);
	}
}

/* Notifiers come and go, and there are never more than 64. */
static void *
open_notifiers(void *argument) {
	const worker_t *worker = argument;
	waiting_t *waiting = worker->shared;
	int fds[64];
	while (atomic_load(&waiting->waiters_left) > 0) {
		unsigned count = 0;
		while (count < COUNT(fds) && lessor_notifier_open(waiting->engine, &fds[count]) == LESSOR_OK) {
			count++;
		}
		REQUIRE(count < COUNT(fds)); /* there is the event loop's */
		while (count > 0) {
			REQUIRE_STATUS(lessor_notifier_close(waiting->engine, fds[--count]), LESSOR_OK);
		}
		(void)usleep(1000);
	}
	return NULL;
}

static void
waiters_are_told(void **state) {
	NOT_SMALL();
	char directory[256];
	worker_t others[2];
	(void)state;
	torture_make_directory(directory);
	waiting_t waiting = {.engine = open_in(directory), .changes_each = SCALE(400, 100), .waiters_left = 6};
	torture_create_scope(waiting.engine, SUBNET, 0xFFFF0000u, true);
	REQUIRE_STATUS(lessor_notifier_open(waiting.engine, &waiting.fd), LESSOR_OK);
	start_workers(&others[0], 1, be_notified, &waiting);
	start_workers(&others[1], 1, open_notifiers, &waiting);
	run_workers(6, create_and_wait, &waiting);
	/* One more, which tells the event loop that it is over. */
	REQUIRE_STATUS(create(waiting.engine, SUBNET + 0xFFF0, torture_number(0, 0xFFF0, 0), LESSOR_SYNC, NULL),
		       LESSOR_OK);
	join_workers(others, COUNT(others));
	REQUIRE_STATUS(lessor_notifier_close(waiting.engine, waiting.fd), LESSOR_OK);
	reopen_compare_remove(&waiting.engine, directory);
}

/* ---- a disk that stands still -------------------------------------------------------------------------------------------- */

static pthread_mutex_t disk_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t disk_moves = PTHREAD_COND_INITIALIZER;
static bool disk_stands; /* disk_lock */

/* Frames of the log wait here; preparing segments and snapshots go on. */
static ssize_t
write_when_disk_moves(int file, const void *data, size_t size_bytes, uint64_t offset) {
	uint32_t magic;
	memcpy(&magic, data, sizeof(magic));
	(void)pthread_mutex_lock(&disk_lock);
	while (disk_stands && magic == LSR_FRAME_MAGIC) {
		(void)pthread_cond_wait(&disk_moves, &disk_lock);
	}
	(void)pthread_mutex_unlock(&disk_lock);
	return lsr_io_system.pwrite(file, data, size_bytes, offset);
}

static void
let_disk_move(bool moves) {
	(void)pthread_mutex_lock(&disk_lock);
	disk_stands = !moves;
	(void)pthread_cond_broadcast(&disk_moves);
	(void)pthread_mutex_unlock(&disk_lock);
}

/* Wait for something that comes soon or, if the engine is broken, never. */
static bool
comes_true(const atomic_uint *flag, unsigned wanted) {
	for (unsigned i = 0; i < 30000 && atomic_load(flag) != wanted; i++) {
		(void)usleep(1000);
	}
	return atomic_load(flag) == wanted;
}

typedef struct {
	lessor_engine_t *engine;
	lessor_ticket_t ticket;
	atomic_uint done;
	bool may_succeed;
} stand_t;

static void *
create_at_standing_disk(void *argument) {
	const worker_t *worker = argument;
	stand_t *stand = worker->shared;
	for (uint32_t i = 0; i < 100; i++) {
		const uint32_t client = 100 + worker->number * 100 + i;
		REQUIRE_STATUS(create(stand->engine, SUBNET + client, torture_number(i, client, 0), LESSOR_ASYNC, NULL),
			       LESSOR_OK);
	}
	(void)atomic_fetch_add(&stand->done, 1);
	return NULL;
}

/* Only who asks for durability waits for the disk, as long as the log's memory has room. Default sizes. */
static void
standing_disk_holds_up_nobody_who_does_not_wait(void **state) {
	NOT_SMALL();
	char directory[256];
	worker_t workers[4];
	stand_t stand = {0};
	(void)state;
	torture_make_directory(directory);
	REQUIRE_STATUS(lessor_open(directory, NULL, &stand.engine, NULL), LESSOR_OK);
	torture_create_scope(stand.engine, SUBNET, 0xFFFF0000u, true);
	REQUIRE_STATUS(create(stand.engine, SUBNET + 1, torture_number(0, 1, 0), LESSOR_SYNC, NULL), LESSOR_OK);
	let_disk_move(false);
	REQUIRE_STATUS(create(stand.engine, SUBNET + 2, torture_number(0, 2, 0), LESSOR_ASYNC, &stand.ticket),
		       LESSOR_OK);
	/* With somebody waiting the flush begins at once. */
	REQUIRE_STATUS(lessor_ticket_wait(stand.engine, stand.ticket, 50), LESSOR_TIMEOUT);
	start_workers(workers, COUNT(workers), create_at_standing_disk, &stand);
	REQUIRE(comes_true(&stand.done, COUNT(workers)));
	join_workers(workers, COUNT(workers));
	REQUIRE_STATUS(lessor_ticket_poll(stand.engine, stand.ticket), LESSOR_TIMEOUT);
	let_disk_move(true);
	reopen_compare_remove(&stand.engine, directory);
}

static void *
wait_at_standing_disk(void *argument) {
	const worker_t *worker = argument;
	stand_t *stand = worker->shared;
	const lessor_status_t status =
		lessor_ticket_wait(stand->engine, stand->ticket, worker->number % 2 == 0 ? -1 : 600000);
	REQUIRE(status == LESSOR_CLOSED || (stand->may_succeed && status == LESSOR_OK));
	(void)atomic_fetch_add(&stand->done, 1);
	return NULL;
}

#define STANDING 12u

/* With 'early' the disk moves as soon as close has begun, otherwise only after all waiters have been let out. */
static void *
release_disk(void *argument) {
	const worker_t *worker = argument;
	stand_t *stand = worker->shared;
	if (!stand->may_succeed) {
		REQUIRE(comes_true(&stand->done, STANDING));
	}
	let_disk_move(true);
	return NULL;
}

/* Until all of them wait: close must not begin while a call is on its way to that. */
static void
await_waiters(lessor_engine_t *engine) {
	while (atomic_load(&engine->log.waiters) < STANDING) {
		(void)usleep(500);
	}
}

static void
close_with_waiters(const char *directory, bool may_succeed) {
	worker_t waiters[STANDING];
	worker_t releaser[1];
	stand_t stand = {.engine = open_in(directory), .may_succeed = may_succeed};
	lessor_scope_t scope;
	if (lessor_scope_get(stand.engine, SUBNET, &scope, NULL, 0) == LESSOR_OK) {
		REQUIRE_STATUS(lessor_scope_delete(stand.engine, SUBNET, true, LESSOR_SYNC, NULL), LESSOR_OK);
	}
	torture_create_scope(stand.engine, SUBNET, 0xFFFF0000u, true);
	REQUIRE_STATUS(lessor_ticket_wait(stand.engine, lessor_last_ticket(stand.engine), -1), LESSOR_OK);
	let_disk_move(false);
	REQUIRE_STATUS(create(stand.engine, SUBNET + 1, torture_number(0, 1, 0), LESSOR_ASYNC, &stand.ticket),
		       LESSOR_OK);
	REQUIRE_STATUS(lessor_ticket_poll(stand.engine, stand.ticket), LESSOR_TIMEOUT);
	start_workers(waiters, COUNT(waiters), wait_at_standing_disk, &stand);
	await_waiters(stand.engine);
	REQUIRE(atomic_load(&stand.done) == 0);
	start_workers(releaser, 1, release_disk, &stand);
	REQUIRE_STATUS(lessor_close(&stand.engine), LESSOR_OK);
	join_workers(waiters, COUNT(waiters));
	join_workers(releaser, 1);
	/* Nobody was told that the change is durable, yet close has made it so. */
	stand.engine = open_in(directory);
	lessor_scope_stats_t stats;
	REQUIRE_STATUS(lessor_scope_stats(stand.engine, SUBNET, &stats), LESSOR_OK);
	REQUIRE(stats.leases == 1);
	torture_require_sound(stand.engine);
	REQUIRE_STATUS(lessor_close(&stand.engine), LESSOR_OK);
}

static void
close_lets_waiters_out(void **state) {
	NOT_SMALL();
	char directory[256];
	(void)state;
	torture_make_directory(directory);
	for (unsigned round = 0; round < SCALE(20, 6); round++) {
		close_with_waiters(directory, round % 2 != 0);
	}
	torture_remove_directory(directory);
}

/* Fill the ring while the disk stands: creates wait for room, reads go on, and all of it comes through in the end. */
typedef struct {
	lessor_engine_t *engine;
	atomic_uint done;
	atomic_uint read;
} flood_t;

#define FLOOD_EACH 5000u

static void *
flood_ring(void *argument) {
	const worker_t *worker = argument;
	flood_t *flood = worker->shared;
	char even[1024];
	char odd[1024];
	memset(even, 'e', sizeof(even));
	memset(odd, 'o', sizeof(odd));
	even[sizeof(even) - 1] = odd[sizeof(odd) - 1] = '\0';
	for (uint32_t i = 0; i < FLOOD_EACH; i++) {
		if (worker->number == 0) { /* this one is held up in the middle of a scope's change */
			const lessor_scope_t scope = {.subnet = SUBNET, .comment = i % 2 == 0 ? even : odd};
			REQUIRE_STATUS(lessor_scope_update(flood->engine, &scope, LESSOR_SCOPE_FIELD_COMMENT,
							   LESSOR_ASYNC, NULL),
				       LESSOR_OK);
		} else {
			const uint32_t client = worker->number * FLOOD_EACH + i;
			REQUIRE_STATUS(create(flood->engine, SUBNET + client, torture_number(i, client, 1),
					      LESSOR_ASYNC, NULL),
				       LESSOR_OK);
		}
	}
	(void)atomic_fetch_add(&flood->done, 1);
	return NULL;
}

/* Every kind of read, while nothing can be written. */
static void *
read_everything(void *argument) {
	const worker_t *worker = argument;
	flood_t *flood = worker->shared;
	char buffer[4096];
	uint64_t number;
	uint32_t address;
	lessor_ticket_t ticket;
	lessor_lease_t lease;
	lessor_cursor_t cursor;
	lessor_scope_t scope;
	lessor_scope_stats_t stats;
	lessor_engine_stats_t whole;
	size_t count;
	for (uint32_t i = 0; i < 100; i++) {
		(void)torture_get(flood->engine, SUBNET + i, &number, &ticket);
		(void)torture_get_client(flood->engine, SUBNET, i, &address, &number, &ticket);
	}
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	while (lessor_lease_next(flood->engine, &cursor, &lease, buffer, sizeof(buffer)) == LESSOR_OK) {
		REQUIRE(torture_proves(&lease));
	}
	REQUIRE_STATUS(lessor_scope_find(flood->engine, SUBNET + 5, &scope, NULL, 0), LESSOR_OK);
	REQUIRE_STATUS(lessor_scope_next(flood->engine, 0, &scope, NULL, 0), LESSOR_OK);
	REQUIRE_STATUS(lessor_scope_exclusions(flood->engine, SUBNET, NULL, 0, &count), LESSOR_OK);
	REQUIRE_STATUS(lessor_scope_stats(flood->engine, SUBNET, &stats), LESSOR_OK);
	REQUIRE_STATUS(lessor_engine_stats(flood->engine, &whole), LESSOR_OK);
	REQUIRE(whole.durable_ticket < whole.last_ticket);
	(void)atomic_fetch_add(&flood->read, 1);
	return NULL;
}

static void
full_ring_holds_creates_up_but_not_reads(void **state) {
	char directory[256];
	worker_t workers[6];
	worker_t reader[1];
	lessor_scope_stats_t stats;
	(void)state;
	torture_make_directory(directory);
	flood_t flood = {.engine = open_in(directory)};
	torture_create_scope(flood.engine, SUBNET, 0xFFFF0000u, true);
	let_disk_move(false);
	start_workers(workers, COUNT(workers), flood_ring, &flood);
	/* Until the ring is full; some may wait for one that is in a scope's change and has no room. */
	while (atomic_load(&flood.engine->log.room_waiters) == 0) {
		(void)usleep(1000);
	}
	REQUIRE(atomic_load(&flood.done) < COUNT(workers)); /* one that began late fits whole */
	start_workers(reader, 1, read_everything, &flood);
	REQUIRE(comes_true(&flood.read, 1)); /* no read waits for the disk */
	let_disk_move(true);
	join_workers(reader, 1);
	join_workers(workers, COUNT(workers));
	REQUIRE_STATUS(lessor_scope_stats(flood.engine, SUBNET, &stats), LESSOR_OK);
	REQUIRE(stats.leases == (COUNT(workers) - 1) * FLOOD_EACH);
	reopen_compare_remove(&flood.engine, directory);
}

/* ---- linearizability ------------------------------------------------------------------------------------------------------ */

/*
 * Few threads do few operations on two addresses and two clients of one scope and note when each began and ended and what it
 * answered. Then a search must find an order that respects these times and in which a simple map gives the same answers.
 */
#define SPOTS       2u /* addresses */
#define FOLK        2u /* clients */
#define LIN_THREADS 4u
#define LIN_EACH    3u
#define LIN_OPS     (LIN_THREADS * LIN_EACH)

typedef enum { OP_CREATE, OP_DELETE, OP_DELETE_OF, OP_UPDATE, OP_RENAME, OP_GET, OP_GET_CLIENT, OP_KINDS } kind_t;

typedef struct {
	kind_t kind;
	uint32_t spot;
	uint32_t client;
	uint64_t number; /* what it writes */
	uint64_t began;
	uint64_t ended;
	lessor_status_t status;
	uint32_t spot_found;
	uint64_t found; /* what it read */
	lessor_ticket_t ticket;
} operation_t;

/* The map: for each address what its lease's number is, plus 1; 0: none. */
typedef struct {
	uint64_t at[SPOTS];
} map_t;

typedef struct {
	lessor_engine_t *engine;
	unsigned rounds;
	barrier_t barrier;
	atomic_uint_fast64_t clock;
	map_t map; /* at the beginning of the round */
	operation_t operation[LIN_OPS];
} histories_t;

static void
run_operation(histories_t *histories, operation_t *op) {
	lessor_lease_t lease;
	torture_texts_t texts;
	uint32_t address = 0;
	const uint32_t here = SUBNET + 1 + op->spot;
	torture_lease(here, op->number, &lease, &texts);
	op->ticket = 0;
	op->began = atomic_fetch_add(&histories->clock, 1);
	switch (op->kind) {
	case OP_CREATE:
		op->status = lessor_lease_create(histories->engine, &lease, LESSOR_ASYNC, &op->ticket);
		break;
	case OP_DELETE:
		op->status = lessor_lease_delete(histories->engine, here, NULL, 0, LESSOR_ASYNC, &op->ticket);
		break;
	case OP_DELETE_OF:
		op->status = delete_of_client(histories->engine, here, op->client, &op->ticket);
		break;
	case OP_UPDATE:
		op->status = lessor_lease_update(histories->engine, &lease, TORTURE_FIELDS_GENERATION | IF_CLIENT,
						 LESSOR_ASYNC, &op->ticket);
		break;
	case OP_RENAME:
		op->status =
			lessor_lease_update(histories->engine, &lease, LESSOR_FIELD_ALL, LESSOR_ASYNC, &op->ticket);
		break;
	case OP_GET:
		op->status = torture_get(histories->engine, here, &op->found, &op->ticket);
		break;
	default:
		op->status =
			torture_get_client(histories->engine, SUBNET, op->client, &address, &op->found, &op->ticket);
		op->spot_found = address - SUBNET - 1;
		break;
	}
	op->ended = atomic_fetch_add(&histories->clock, 1);
}

static uint32_t
spot_of(const map_t *map, uint32_t client) {
	for (uint32_t spot = 0; spot < SPOTS; spot++) {
		if (map->at[spot] != 0 && torture_client_of(map->at[spot] - 1) == client) {
			return spot;
		}
	}
	return SPOTS;
}

static bool
belongs_to(const map_t *map, uint32_t spot, uint32_t client) {
	return map->at[spot] != 0 && torture_client_of(map->at[spot] - 1) == client;
}

/* What the map would answer to a change; the map after it. */
static lessor_status_t
change_map(map_t *map, const operation_t *op) {
	uint64_t *slot = &map->at[op->spot];
	const uint32_t other = spot_of(map, op->client);
	if (op->kind == OP_CREATE) {
		if (*slot != 0 || other != SPOTS) {
			return *slot != 0 ? LESSOR_ADDRESS_TAKEN : LESSOR_CLIENT_TAKEN;
		}
		*slot = op->number + 1;
		return LESSOR_OK;
	}
	if (*slot == 0) {
		return LESSOR_NOT_FOUND;
	}
	if ((op->kind == OP_DELETE_OF || op->kind == OP_UPDATE) && !belongs_to(map, op->spot, op->client)) {
		return LESSOR_OTHER_CLIENT;
	}
	if (op->kind == OP_RENAME && other != SPOTS && other != op->spot) {
		return LESSOR_CLIENT_TAKEN;
	}
	*slot = op->kind == OP_UPDATE || op->kind == OP_RENAME ? op->number + 1 : 0;
	return LESSOR_OK;
}

/* Could the operation have happened now? If so the map becomes what it is afterwards. */
static bool
can_happen(map_t *map, const operation_t *op) {
	if (op->kind == OP_GET) {
		return map->at[op->spot] == (op->status == LESSOR_OK ? op->found + 1 : 0);
	}
	if (op->kind == OP_GET_CLIENT) {
		const uint32_t spot = spot_of(map, op->client);
		return op->status == LESSOR_OK ? spot == op->spot_found && map->at[spot] == op->found + 1
					       : spot == SPOTS;
	}
	return change_map(map, op) == op->status;
}

static bool
can_happen_at(void *map, const void *operations, unsigned which) {
	return can_happen(map, (const operation_t *)operations + which);
}

/* An order in time that explains the answers. */
static bool
has_order(const histories_t *histories, const map_t *end) {
	history_t history = {.ops = LIN_OPS,
			     .model_bytes = sizeof(*end),
			     .operations = histories->operation,
			     .can_happen = can_happen_at};
	for (unsigned i = 0; i < LIN_OPS; i++) {
		history.began[i] = histories->operation[i].began;
		history.ended[i] = histories->operation[i].ended;
	}
	return history_has_order(&history, &histories->map, end);
}

static void
print_history(const histories_t *histories, const map_t *end) {
	static const char *const names[OP_KINDS] = {"create", "delete", "delete of", "update",
						    "rename", "get",    "get client"};
	for (uint32_t spot = 0; spot < SPOTS; spot++) {
		(void)fprintf(stderr, "address %u: %llx -> %llx\n", spot, (unsigned long long)histories->map.at[spot],
			      (unsigned long long)end->at[spot]);
	}
	for (unsigned i = 0; i < LIN_OPS; i++) {
		const operation_t *op = &histories->operation[i];
		(void)fprintf(stderr,
			      "%llu-%llu %s address %u client %u number+1 %llx: %s, found+1 %llx at %u, ticket %llu\n",
			      (unsigned long long)op->began, (unsigned long long)op->ended, names[op->kind], op->spot,
			      op->client, (unsigned long long)op->number + 1, lessor_status_name(op->status),
			      (unsigned long long)op->found + 1, op->spot_found, (unsigned long long)op->ticket);
	}
}

static bool
is_change(const operation_t *op) {
	return op->kind != OP_GET && op->kind != OP_GET_CLIENT && op->status == LESSOR_OK;
}

static int
operations_by_ticket(const void *a, const void *b) {
	const operation_t *left = a;
	const operation_t *right = b;
	return (left->ticket > right->ticket) - (left->ticket < right->ticket);
}

/* The log's order is one of the possible ones, too. */
static bool
log_order_is_possible(const histories_t *histories, const map_t *end) {
	operation_t sorted[LIN_OPS];
	map_t map = histories->map;
	memcpy(sorted, histories->operation, sizeof(sorted));
	qsort(sorted, LIN_OPS, sizeof(sorted[0]), operations_by_ticket);
	for (unsigned i = 0; i < LIN_OPS; i++) {
		if (is_change(&sorted[i]) && change_map(&map, &sorted[i]) != LESSOR_OK) {
			return false;
		}
	}
	return memcmp(&map, end, sizeof(map)) == 0;
}

static void
judge(histories_t *histories) {
	map_t end = {{0}};
	for (uint32_t spot = 0; spot < SPOTS; spot++) {
		uint64_t number;
		lessor_ticket_t ticket;
		if (torture_get(histories->engine, SUBNET + 1 + spot, &number, &ticket) == LESSOR_OK) {
			end.at[spot] = number + 1;
		}
	}
	const bool in_time = has_order(histories, &end);
	const bool in_log = log_order_is_possible(histories, &end);
	if (!in_time || !in_log) {
		print_history(histories, &end);
	}
	REQUIRE(in_time);
	REQUIRE(in_log);
	histories->map = end;
}

static void *
make_history(void *argument) {
	const worker_t *worker = argument;
	histories_t *histories = worker->shared;
	torture_random_t random = torture_random(UINT64_C(0xA00000) + worker->number);
	operation_t *own = &histories->operation[worker->number * LIN_EACH];
	for (unsigned round = 0; round < histories->rounds; round++) {
		for (unsigned i = 0; i < LIN_EACH; i++) {
			own[i] = (operation_t){.kind = (kind_t)torture_below(&random, OP_KINDS),
					       .spot = torture_below(&random, SPOTS),
					       .client = torture_below(&random, FOLK)};
			/* Creates are what all else needs. */
			own[i].kind = torture_below(&random, 4) == 0 ? OP_CREATE : own[i].kind;
			own[i].number = torture_number((uint32_t)torture_next(&random), own[i].client,
						       worker->number * LIN_EACH + i);
		}
		meet(&histories->barrier);
		for (unsigned i = 0; i < LIN_EACH; i++) {
			run_operation(histories, &own[i]);
			if (torture_below(&random, 8) == 0) {
				(void)sched_yield();
			}
		}
		meet(&histories->barrier);
		if (worker->number == 0) {
			judge(histories);
		}
		meet(&histories->barrier);
	}
	return NULL;
}

static void
answers_have_an_order(void **state) {
	static histories_t histories;
	char directory[256];
	(void)state;
	torture_make_directory(directory);
	histories.engine = open_in(directory);
	histories.rounds = SCALE(12000, 1200);
	histories.barrier.threads = LIN_THREADS;
	torture_create_scope(histories.engine, SUBNET, 0xFFFFFF00u, true);
	run_workers(LIN_THREADS, make_history, &histories);
	reopen_compare_remove(&histories.engine, directory);
}

int
main(void) {
	static lsr_io_ops_t ops;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_address_has_one_winner),
		cmocka_unit_test(one_client_has_one_winner),
		cmocka_unit_test(pairs_exclude_each_other),
		cmocka_unit_test(overlapping_batches_come_to_an_end),
		cmocka_unit_test(readers_see_whole_leases),
		cmocka_unit_test(clients_are_found_while_the_index_grows),
		cmocka_unit_test(updates_are_seen_as_a_whole),
		cmocka_unit_test(scopes_change_under_their_leases),
		cmocka_unit_test(threads_come_and_go),
		cmocka_unit_test(children_have_engines_of_their_own),
		cmocka_unit_test(engines_live_side_by_side),
		cmocka_unit_test(waiters_are_told),
		cmocka_unit_test(standing_disk_holds_up_nobody_who_does_not_wait),
		cmocka_unit_test(close_lets_waiters_out),
		cmocka_unit_test(full_ring_holds_creates_up_but_not_reads),
		cmocka_unit_test(answers_have_an_order),
	};
	ops = lsr_io_system;
	ops.pwrite = write_when_disk_moves;
	lsr_io = &ops;
	(void)torture_seed();
	cmocka_set_test_filter(getenv("LESSOR_TEST_FILTER"));
	return cmocka_run_group_tests_name("concurrency", tests, NULL, NULL);
}
