/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases and reservations among many threads: each answer must be one that a plain model gives in some order of the calls (lease_history.h).
 *
 * Few threads do few operations on three addresses and two clients of one scope and note when each began and ended and what it answered. Then a search must
 * find an order that respects these times and in which the model answers the same; the order of the log must be possible, too. Behind each run: is the
 * store sound, does it come back, does the client hash hold just the entries that it has to hold?
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <lessor/lessor.h>

#include "base/io.h"
#include "engine_p.h"
#include "lease_history.h"
#include "torture.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SCALE(full, reduced) (reduced)
#else
#define SCALE(full, reduced) (full)
#endif

#define THREADS 4u
#define EACH    3u

typedef struct {
	lease_history_t history;
	unsigned rounds;
	atomic_uint arrived;
	atomic_uint meetings;
} histories_t;

typedef struct {
	histories_t *histories;
	unsigned number;
} worker_t;

/* Spins a little first, so that the threads leave as close together as the processors allow. */
static void
meet(histories_t *histories) {
	const unsigned meeting = atomic_load(&histories->meetings);
	if (atomic_fetch_add(&histories->arrived, 1) + 1 == THREADS) {
		atomic_store(&histories->arrived, 0);
		atomic_fetch_add(&histories->meetings, 1);
	}
	for (unsigned i = 0; atomic_load(&histories->meetings) == meeting; i++) {
		if (i > 64) {
			(void)sched_yield();
		}
	}
}

static lease_op_t
draw(torture_random_t *random, bool is_six) {
	lease_op_t op = {.kind = (lease_op_kind_t)torture_below(random, OP_KINDS),
			 .spot = torture_below(random, SPOTS),
			 .client = torture_below(random, 2)};
	/* These are what all else needs. */
	switch (torture_below(random, 8)) {
	case 0:
		op.kind = OP_CREATE;
		break;
	case 1:
		op.kind = is_six ? OP_CREATE_DUE : OP_RESERVE;
		break;
	case 2:
		op.kind = OP_DELETE;
		break;
	default:
		break;
	}
	return lease_op_exists(op.kind, is_six) ? op : draw(random, is_six);
}

static void *
make_history(void *argument) {
	const worker_t *worker = argument;
	histories_t *histories = worker->histories;
	torture_random_t random = torture_random(UINT64_C(0xB00000) + worker->number);
	lease_op_t *own = &histories->history.operation[worker->number * EACH];
	for (unsigned round = 0; round < histories->rounds; round++) {
		for (unsigned i = 0; i < EACH; i++) {
			own[i] = draw(&random, histories->history.is_six);
		}
		meet(histories);
		for (unsigned i = 0; i < EACH; i++) {
			lease_history_run(&histories->history, &own[i]);
			if (torture_below(&random, 8) == 0) {
				(void)sched_yield();
			}
		}
		meet(histories);
		if (worker->number == 0) {
			lease_history_judge(&histories->history);
		}
		meet(histories);
	}
	return NULL;
}

static lessor_engine_t *
open_in(const char *directory) {
	lessor_engine_t *engine = NULL;
	lessor_options_t options;
	lessor_options_init(&options);
	options.max_leases = 1u << 16;
	options.ring_size_bytes = UINT64_C(1) << 20;
	options.segment_size_bytes = UINT64_C(1) << 20;
	options.snapshot_after_bytes = UINT64_C(1) << 20;
	REQUIRE_STATUS(lessor_open(directory, &options, &engine, NULL), LESSOR_OK);
	return engine;
}

/* Real threads, on a store that is closed and opened again in the end. */
static void
make_histories(bool is_six, unsigned rounds) {
	static histories_t histories;
	lease_history_t *history = &histories.history;
	worker_t workers[THREADS];
	pthread_t threads[THREADS];
	char directory[256];
	torture_make_directory(directory);
	memset(&histories, 0, sizeof(histories));
	history->engine = open_in(directory);
	history->is_six = is_six;
	history->ops = THREADS * EACH;
	histories.rounds = rounds;
	lease_history_create_scope(history);
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (worker_t){.histories = &histories, .number = i};
		REQUIRE(pthread_create(&threads[i], NULL, make_history, &workers[i]) == 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		REQUIRE(pthread_join(threads[i], NULL) == 0);
	}
	REQUIRE_STATUS(lessor_close(&history->engine), LESSOR_OK);
	history->engine = open_in(directory);
	const lease_model_t back = lease_history_look(history);
	REQUIRE(memcmp(&back, &history->model, sizeof(back)) == 0);
	REQUIRE(lease_history_entries(history->engine) == lease_model_owners(&back));
	torture_require_sound(history->engine);
	REQUIRE_STATUS(is_six ? lessor_scope6_delete(history->engine, PREFIX, true, LESSOR_ASYNC, NULL)
			      : lessor_scope_delete(history->engine, SUBNET, true, LESSOR_ASYNC, NULL),
		       LESSOR_OK);
	REQUIRE(lease_history_entries(history->engine) == 0);
	REQUIRE_STATUS(lessor_close(&history->engine), LESSOR_OK);
	torture_remove_directory(directory);
}

static void
answers_have_an_order(void **state) {
	(void)state;
	make_histories(false, SCALE(40000, 3000));
}

static void
answers_have_an_order_in_ipv6(void **state) {
	(void)state;
	make_histories(true, SCALE(20000, 3000));
}

/* ---- a client that always has something --------------------------------------------------------------------------------- */

#define ROAD      UINT32_C(0x0A300000)
#define ROAD_SIZE 4096u

typedef struct {
	lessor_engine_t *engine;
	atomic_bool stop;
} road_t;

static lessor_lease_t
traveller(uint32_t address, uint8_t id[40]) {
	lessor_lease_t lease;
	lessor_lease_init(&lease);
	lease.address = address;
	lease.client_id = id;
	lease.client_id_bytes = lease_history_client(0, id);
	return lease;
}

/* Two addresses outside of the pool; at every moment the client has a lease at one of them, or one is reserved for it and empty. */
static void *
travel(void *argument) {
	road_t *road = argument;
	const uint32_t ends[2] = {ROAD + ROAD_SIZE, ROAD + ROAD_SIZE + 1};
	for (unsigned at = 0; !atomic_load(&road->stop); at = 1 - at) {
		uint8_t id[40];
		const lessor_lease_t lease = traveller(ends[1 - at], id);
		const lessor_reservation_t reservation = {.address = ends[1 - at],
							  .client_id = id,
							  .client_id_bytes = lease.client_id_bytes,
							  .client_types = LESSOR_CLIENT_BOTH};
		REQUIRE_STATUS(lessor_reservation_create(road->engine, ROAD, &reservation, LESSOR_ASYNC, NULL),
			       LESSOR_OK);
		REQUIRE_STATUS(lessor_lease_delete(road->engine, ends[at], NULL, 0, LESSOR_ASYNC, NULL), LESSOR_OK);
		const lessor_status_t status = lessor_lease_create(road->engine, &lease, LESSOR_ASYNC, NULL);
		REQUIRE(status == LESSOR_OK || status == LESSOR_ADDRESS_TAKEN); /* who allocates was faster */
		REQUIRE_STATUS(
			lessor_reservation_delete(road->engine, ROAD, ends[1 - at], NULL, 0, 1000, LESSOR_ASYNC, NULL),
			LESSOR_OK);
	}
	return NULL;
}

/* Every second address is excluded, of the others all but the last are taken: a long way for who looks for a free one. */
static void
build_road(lessor_engine_t *engine) {
	const lessor_scope_t scope = {
		.subnet = ROAD, .mask = ~(2 * ROAD_SIZE - 1), .has_range = true, .range = {ROAD, ROAD + ROAD_SIZE - 1}};
	uint8_t id[40];
	REQUIRE_STATUS(lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL), LESSOR_OK);
	for (uint32_t i = 0; i < ROAD_SIZE; i += 2) {
		const lessor_range_t range = {ROAD + i, ROAD + i};
		REQUIRE_STATUS(lessor_scope_exclude(engine, ROAD, range, LESSOR_ASYNC, NULL), LESSOR_OK);
	}
	for (uint32_t i = 1; i < ROAD_SIZE - 1; i += 2) {
		lessor_lease_t lease = traveller(ROAD + i, id);
		lease.client_id_bytes = 20;
		memcpy(id, &i, sizeof(i));
		REQUIRE_STATUS(lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL), LESSOR_OK);
	}
	const lessor_lease_t first = traveller(ROAD + ROAD_SIZE, id);
	REQUIRE_STATUS(lessor_lease_create(engine, &first, LESSOR_ASYNC, NULL), LESSOR_OK);
}

static lessor_engine_t *
open_memory(void) {
	lessor_engine_t *engine = NULL;
	lessor_options_t options;
	lessor_options_init(&options);
	options.log = false;
	options.max_leases = 1u << 16;
	REQUIRE_STATUS(lessor_open(NULL, &options, &engine, NULL), LESSOR_OK);
	return engine;
}

static void
an_allocation_never_misses_a_reservation(void **state) {
	(void)state;
	static road_t road;
	pthread_t mover;
	road.engine = open_memory();
	build_road(road.engine);
	REQUIRE(pthread_create(&mover, NULL, travel, &road) == 0);
	for (unsigned round = 0; round < SCALE(30000, 2000); round++) {
		uint8_t id[40];
		lessor_lease_t lease = traveller(0, id);
		const lessor_status_t status = lessor_lease_allocate(road.engine, ROAD, 0, &lease, LESSOR_ASYNC, NULL);
		REQUIRE(status == LESSOR_CLIENT_TAKEN ||
			(status == LESSOR_OK && lease.address - (ROAD + ROAD_SIZE) < 2));
	}
	atomic_store(&road.stop, true);
	REQUIRE(pthread_join(mover, NULL) == 0);
	torture_require_sound(road.engine);
	REQUIRE_STATUS(lessor_close(&road.engine), LESSOR_OK);
}

/* ---- in the middle of a create ------------------------------------------------------------------------------------------- */

/* A scope where client 0 has an empty reservation at the first address and no lease. */
static lsr_record_t *
reserve_empty(lessor_engine_t *engine, lsr_scope_t **scope, uint32_t *record_id) {
	lease_op_t op = {.kind = OP_CREATE, .spot = 1};
	lease_history_t history = {.engine = engine};
	lease_history_create_scope(&history);
	lease_history_run(&history, &op);
	op = (lease_op_t){.kind = OP_RESERVE};
	lease_history_run(&history, &op);
	op = (lease_op_t){.kind = OP_DELETE, .spot = 1};
	lease_history_run(&history, &op);
	REQUIRE_STATUS(op.status, LESSOR_OK);
	lsr_rcu_enter();
	*scope = lsr_engine_scope_of(engine, SUBNET);
	*record_id = lsr_table_peek(&(*scope)->table, SUBNET + 1);
	lsr_rcu_leave();
	return lsr_pages_record(&engine->pages, *record_id);
}

typedef struct {
	lease_history_t history;
	lease_op_t op;
	atomic_int thread; /* its number at the system */
	atomic_bool done;
} late_t;

static unsigned long
switches_of(int thread) {
	char line[256];
	unsigned long sum = 0;
	(void)snprintf(line, sizeof(line), "/proc/self/task/%d/status", thread);
	FILE *status = fopen(line, "r");
	REQUIRE(status != NULL);
	while (fgets(line, sizeof(line), status) != NULL) {
		const char *count = strstr(line, "_ctxt_switches:");
		sum += count != NULL ? strtoul(count + strlen("_ctxt_switches:"), NULL, 10) : 0;
	}
	(void)fclose(status);
	return sum;
}

/* Until it has given way so often that it must be waiting for the claim: nothing else in a call takes so long. */
static void
until_it_waits(late_t *late) {
	unsigned long before = 0;
	bool runs = false;
	for (;;) {
		const int thread = atomic_load(&late->thread);
		if (thread != 0) {
			const unsigned long switches = switches_of(thread);
			before = runs ? before : switches;
			runs = true;
			if (switches - before > 100) {
				return;
			}
		}
		REQUIRE(!atomic_load(&late->done));
		(void)usleep(1000);
	}
}

static void *
run_late(void *argument) {
	late_t *late = argument;
	atomic_store(&late->thread, (int)syscall(SYS_gettid));
	lease_history_run(&late->history, &late->op);
	atomic_store(&late->done, true);
	return NULL;
}

/* The client's entry is there, but its lease is not yet: nobody finds it, nobody is refused for it. */
static void
an_empty_one_that_is_being_taken_is_no_lease(void **state) {
	(void)state;
	static late_t late;
	lsr_scope_t *scope;
	uint32_t id;
	uint64_t word;
	uint32_t other;
	uint8_t client_id[LESSOR_CLIENT_ID_MAX_BYTES];
	pthread_t thread;
	lessor_engine_t *engine = late.history.engine = open_memory();
	lsr_record_t *record = reserve_empty(engine, &scope, &id);
	const uint8_t bytes = lease_history_client(0, client_id);
	const lsr_client_match_t match = {
		.engine = engine, .table = &scope->table, .client_id = client_id, .client_id_bytes = bytes};
	const uint64_t key = lsr_engine_client_key(engine, scope, client_id, bytes);
	REQUIRE(lsr_record_claim(record, &word));
	REQUIRE(lsr_client_hash_insert(&engine->clients, key, id, lsr_match_for_insert, &match, &other) ==
		LSR_INSERT_DONE);
	lease_op_t look_up = {.kind = OP_GET_CLIENT};
	lease_history_run(&late.history, &look_up);
	REQUIRE_STATUS(look_up.status, LESSOR_NOT_FOUND);
	late.op = (lease_op_t){.kind = OP_CREATE, .spot = 2};
	REQUIRE(pthread_create(&thread, NULL, run_late, &late) == 0);
	until_it_waits(&late);
	REQUIRE(!atomic_load(&late.done)); /* in doubt */
	REQUIRE(lsr_client_hash_remove(&engine->clients, key, id));
	lsr_record_unclaim(record, word);
	REQUIRE(pthread_join(thread, NULL) == 0);
	REQUIRE_STATUS(late.op.status, LESSOR_OK);
	torture_require_sound(engine);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
}

/* A create has seen an empty reservation for its client and waits to take it; when it gets there it is another client's. */
static void
an_empty_one_that_becomes_another_client_s_is_not_taken(void **state) {
	(void)state;
	static late_t late;
	lsr_scope_t *scope;
	uint32_t id;
	uint64_t word;
	lsr_body_t old;
	uint8_t client_id[LESSOR_CLIENT_ID_MAX_BYTES];
	pthread_t thread;
	lessor_engine_t *engine = late.history.engine = open_memory();
	lsr_record_t *record = reserve_empty(engine, &scope, &id);
	REQUIRE(lsr_record_claim(record, &word));
	late.op = (lease_op_t){.kind = OP_CREATE, .spot = 0};
	REQUIRE(pthread_create(&thread, NULL, run_late, &late) == 0);
	until_it_waits(&late);
	REQUIRE(!atomic_load(&late.done));
	lsr_body_load(record, &old);
	lsr_body_t fresh = old;
	(void)lease_history_client(0, client_id);
	client_id[0] = 77;
	memcpy(fresh.text, client_id, 6);
	lsr_record_replace(record, engine->shadows, word, &old, &fresh);
	REQUIRE(pthread_join(thread, NULL) == 0);
	REQUIRE_STATUS(late.op.status, LESSOR_ADDRESS_TAKEN);
	REQUIRE(lsr_record_claim(record, &word));
	lsr_record_replace(record, engine->shadows, word, &fresh, &old);
	torture_require_sound(engine);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
}

/* ---- no room in the log -------------------------------------------------------------------------------------------------- */

#define CROWD 3000u

/* A disk that takes its time, so that the log's memory is full. */
static ssize_t
write_slowly(int file, const void *data, size_t size_bytes, uint64_t offset) {
	(void)usleep(2000);
	return lsr_io_system.pwrite(file, data, size_bytes, offset);
}

/* Everything that reservations do, with clients whose ids are as long as can be: more than was thought when room was asked for. */
static void *
crowd_in(void *argument) {
	const worker_t *worker = argument;
	lessor_engine_t *engine = worker->histories->history.engine;
	const uint32_t first = SUBNET + 16 + worker->number * 32;
	uint8_t id[LESSOR_CLIENT_ID_MAX_BYTES];
	memset(id, (int)worker->number, sizeof(id));
	for (uint32_t i = 0; i < SCALE(CROWD, CROWD / 6); i++) {
		lessor_lease_t lease;
		lessor_lease_init(&lease);
		lease.address = first + i % 8;
		lease.client_id = id;
		lease.client_id_bytes = LESSOR_CLIENT_ID_MAX_BYTES;
		const lessor_reservation_t reservation = {.address = first + 16 + i % 8,
							  .client_id = id,
							  .client_id_bytes = LESSOR_CLIENT_ID_MAX_BYTES,
							  .client_types = LESSOR_CLIENT_DHCP};
		if (i % 3 != 0) { /* otherwise a dormant lease */
			REQUIRE_STATUS(lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL), LESSOR_OK);
			if (i % 3 == 2) {
				lease.address = reservation.address; /* not an empty one: the lease itself */
				REQUIRE_STATUS(lessor_lease_delete(engine, first + i % 8, NULL, 0, LESSOR_ASYNC, NULL),
					       LESSOR_OK);
				REQUIRE_STATUS(lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL), LESSOR_OK);
			}
		}
		REQUIRE_STATUS(lessor_reservation_create(engine, SUBNET, &reservation, LESSOR_ASYNC, NULL), LESSOR_OK);
		if (i % 3 == 1) {
			REQUIRE_STATUS(lessor_lease_delete(engine, lease.address, NULL, 0, LESSOR_ASYNC, NULL),
				       LESSOR_OK);
			lease.address = reservation.address;
			REQUIRE_STATUS(lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL), LESSOR_OK);
		}
		REQUIRE_STATUS(lessor_reservation_delete(engine, SUBNET, reservation.address, NULL, 0, 1000,
							 LESSOR_ASYNC, NULL),
			       LESSOR_OK);
		if (i % 3 != 0) {
			REQUIRE_STATUS(lessor_lease_delete(engine, reservation.address, NULL, 0, LESSOR_ASYNC, NULL),
				       LESSOR_OK);
		}
	}
	return NULL;
}

static void
a_full_log_leaves_nothing_behind(void **state) {
	(void)state;
	static histories_t histories;
	lease_history_t *history = &histories.history;
	static lsr_io_ops_t ops;
	worker_t workers[THREADS];
	pthread_t threads[THREADS];
	char directory[256];
	lessor_scope_stats_t stats;
	torture_make_directory(directory);
	ops = lsr_io_system;
	ops.pwrite = write_slowly;
	lsr_io = &ops;
	history->engine = open_in(directory);
	lease_history_create_scope(history);
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (worker_t){.histories = &histories, .number = i};
		REQUIRE(pthread_create(&threads[i], NULL, crowd_in, &workers[i]) == 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		REQUIRE(pthread_join(threads[i], NULL) == 0);
	}
	REQUIRE(lease_history_entries(history->engine) == 0);
	REQUIRE_STATUS(lessor_scope_stats(history->engine, SUBNET, &stats), LESSOR_OK);
	REQUIRE(stats.leases == 0 && stats.in_use == 0);
	torture_require_sound(history->engine);
	REQUIRE_STATUS(lessor_close(&history->engine), LESSOR_OK);
	lsr_io = &lsr_io_system;
	torture_remove_directory(directory);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_have_an_order),
		cmocka_unit_test(answers_have_an_order_in_ipv6),
		cmocka_unit_test(an_allocation_never_misses_a_reservation),
		cmocka_unit_test(an_empty_one_that_is_being_taken_is_no_lease),
		cmocka_unit_test(an_empty_one_that_becomes_another_client_s_is_not_taken),
		cmocka_unit_test(a_full_log_leaves_nothing_behind),
	};
	(void)torture_seed();
	return cmocka_run_group_tests_name("reservation_order", tests, NULL, NULL);
}
