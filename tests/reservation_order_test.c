/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reservations among many threads: each answer must be one that a plain model gives in some order of the calls.
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
#include <unistd.h>

#include <lessor/lessor.h>

#include "base/io.h"
#include "engine_p.h"
#include "history.h"
#include "torture.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SCALE(full, reduced) (reduced)
#else
#define SCALE(full, reduced) (full)
#endif

#define SUBNET  UINT32_C(0x0A200000)
#define SPOTS   3u /* addresses; all of the pool */
#define FOLK    2u /* clients */
#define THREADS 4u
#define EACH    3u
#define OPS     (THREADS * EACH)

typedef enum {
	OP_CREATE,
	OP_ALLOCATE,
	OP_DELETE,
	OP_RENAME,
	OP_RENEW,
	OP_RESERVE,
	OP_UNRESERVE,
	OP_UNRESERVE_OF,
	OP_GET,
	OP_GET_RESERVATION,
	OP_GET_CLIENT,
	OP_GET_RESERVED_CLIENT,
	OP_KINDS
} kind_t;

static const char *const names[OP_KINDS] = {"create",    "allocate",     "delete",  "rename",
					    "renew",     "reserve",      "release", "release of",
					    "get lease", "get reserved", "find",    "find reserved"};

typedef struct {
	kind_t kind;
	uint32_t spot; /* and of an allocation, or a look for a client, what was found */
	uint32_t client;
	uint64_t began;
	uint64_t ended;
	lessor_status_t status;
	/* What it read. */
	uint32_t found_client;
	bool found_dormant;
	bool found_other; /* get: is it reserved; get reserved: has it a lease */
	lessor_ticket_t ticket;
} operation_t;

/* Clients plus 1; 0: none. */
typedef struct {
	uint8_t lease[SPOTS];
	uint8_t dormant[SPOTS];
	uint8_t reserved[SPOTS];
} model_t;

/* ---- the model ------------------------------------------------------------------------------------------------------- */

static uint32_t
spot_of(const uint8_t owners[SPOTS], uint32_t client) {
	for (uint32_t spot = 0; spot < SPOTS; spot++) {
		if (owners[spot] == client + 1) {
			return spot;
		}
	}
	return SPOTS;
}

static lessor_status_t
create_in(model_t *model, uint32_t spot, uint32_t client) {
	if (model->lease[spot] != 0 || (model->reserved[spot] != 0 && model->reserved[spot] != client + 1)) {
		return LESSOR_ADDRESS_TAKEN;
	}
	if (spot_of(model->lease, client) != SPOTS) {
		return LESSOR_CLIENT_TAKEN;
	}
	model->lease[spot] = (uint8_t)(client + 1);
	model->dormant[spot] = 0;
	return LESSOR_OK;
}

/* 'spot' is the engine's choice; LESSOR_END: it was none to choose. */
static lessor_status_t
allocate_in(model_t *model, uint32_t spot, uint32_t client) {
	const uint32_t own = spot_of(model->reserved, client);
	if (spot_of(model->lease, client) != SPOTS) {
		return LESSOR_CLIENT_TAKEN;
	}
	if (own != SPOTS && model->lease[own] == 0) {
		return spot == own ? create_in(model, own, client) : LESSOR_END;
	}
	for (uint32_t i = 0; i < SPOTS; i++) {
		if (model->lease[i] == 0 && model->reserved[i] == 0) {
			return spot < SPOTS && model->reserved[spot] == 0 && create_in(model, spot, client) == LESSOR_OK
				       ? LESSOR_OK
				       : LESSOR_END;
		}
	}
	return LESSOR_EXHAUSTED;
}

static lessor_status_t
change_lease(model_t *model, const operation_t *op) {
	const uint32_t other = spot_of(model->lease, op->client);
	if (model->lease[op->spot] == 0) {
		return LESSOR_NOT_FOUND;
	}
	if (op->kind == OP_DELETE) {
		if (model->reserved[op->spot] != 0) {
			return LESSOR_RESERVED;
		}
		model->lease[op->spot] = 0;
	} else if (op->kind == OP_RENEW) {
		model->dormant[op->spot] = 0;
	} else {
		if (other != SPOTS && other != op->spot) {
			return LESSOR_CLIENT_TAKEN;
		}
		model->lease[op->spot] = (uint8_t)(op->client + 1);
	}
	return LESSOR_OK;
}

static lessor_status_t
reserve_in(model_t *model, uint32_t spot, uint32_t client) {
	if (model->reserved[spot] != 0 || spot_of(model->reserved, client) != SPOTS) {
		return LESSOR_RESERVED;
	}
	if (model->lease[spot] != 0 && model->lease[spot] != client + 1) {
		return LESSOR_ADDRESS_TAKEN;
	}
	if (spot_of(model->lease, client) == SPOTS) {
		model->lease[spot] = (uint8_t)(client + 1);
		model->dormant[spot] = 1;
	}
	model->reserved[spot] = (uint8_t)(client + 1);
	return LESSOR_OK;
}

static lessor_status_t
release_in(model_t *model, const operation_t *op) {
	const uint32_t spot = op->spot;
	if (model->reserved[spot] == 0 || (op->kind == OP_UNRESERVE_OF && model->reserved[spot] != op->client + 1)) {
		return LESSOR_NOT_FOUND;
	}
	model->reserved[spot] = 0;
	if (model->dormant[spot] != 0) {
		model->lease[spot] = model->dormant[spot] = 0;
	}
	return LESSOR_OK;
}

static lessor_status_t
change_model(model_t *model, const operation_t *op) {
	switch (op->kind) {
	case OP_CREATE:
		return create_in(model, op->spot, op->client);
	case OP_ALLOCATE:
		return allocate_in(model, op->spot, op->client);
	case OP_RESERVE:
		return reserve_in(model, op->spot, op->client);
	case OP_UNRESERVE:
	case OP_UNRESERVE_OF:
		return release_in(model, op);
	default:
		return change_lease(model, op);
	}
}

/* Could the operation have happened now? If so the model becomes what it is afterwards. */
static bool
can_happen(model_t *model, const operation_t *op) {
	const uint32_t spot = op->spot;
	switch (op->kind) {
	case OP_GET:
		return op->status == LESSOR_OK ? model->lease[spot] == op->found_client + 1 &&
							 (model->dormant[spot] != 0) == op->found_dormant &&
							 (model->reserved[spot] != 0) == op->found_other
					       : model->lease[spot] == 0;
	case OP_GET_RESERVATION:
		return op->status == LESSOR_OK ? model->reserved[spot] == op->found_client + 1 &&
							 (model->dormant[spot] != 0) == op->found_dormant &&
							 (model->lease[spot] != 0) == op->found_other
					       : model->reserved[spot] == 0;
	case OP_GET_CLIENT:
		return spot_of(model->lease, op->client) == (op->status == LESSOR_OK ? spot : SPOTS);
	case OP_GET_RESERVED_CLIENT:
		return spot_of(model->reserved, op->client) == (op->status == LESSOR_OK ? spot : SPOTS);
	default:
		return change_model(model, op) == op->status;
	}
}

/* ---- doing it -------------------------------------------------------------------------------------------------------- */

typedef struct {
	lessor_engine_t *engine;
	unsigned rounds;
	atomic_uint arrived;
	atomic_uint meetings;
	atomic_uint_fast64_t clock;
	model_t model; /* at the beginning of the round */
	operation_t operation[OPS];
} histories_t;

typedef struct {
	histories_t *histories;
	unsigned number;
} worker_t;

/* Short ones, and ones that lie in the tail. */
static uint8_t
client_id_of(uint32_t client, uint8_t id[40]) {
	memset(id, 'c', 40);
	id[0] = (uint8_t)client;
	return client == 0 ? 6 : 40;
}

static uint32_t
client_of(const uint8_t *id, size_t bytes) {
	REQUIRE(bytes == 6 || bytes == 40);
	REQUIRE((id[0] == 0) == (bytes == 6));
	return id[0];
}

static void
read_lease(histories_t *histories, operation_t *op, uint32_t address, const uint8_t *id, size_t id_bytes) {
	lessor_lease_t lease;
	char buffer[256];
	if (op->kind == OP_GET) {
		op->status = lessor_lease_get(histories->engine, address, &lease, buffer, sizeof(buffer));
	} else {
		op->status = lessor_lease_get_client(histories->engine, SUBNET, id, id_bytes, &lease, buffer,
						     sizeof(buffer));
	}
	if (op->status == LESSOR_OK) {
		op->spot = lease.address - SUBNET - 1;
		op->found_client = client_of(lease.client_id, lease.client_id_bytes);
		op->found_dormant = lease.expires_at == LESSOR_TIME_NONE;
		op->found_other = lease.is_reserved;
	}
}

static void
read_reservation(histories_t *histories, operation_t *op, uint32_t address, const uint8_t *id, size_t id_bytes) {
	lessor_reservation_t reservation;
	uint8_t buffer[LESSOR_CLIENT_ID_MAX_BYTES];
	if (op->kind == OP_GET_RESERVATION) {
		op->status = lessor_reservation_get(histories->engine, address, &reservation, buffer, sizeof(buffer));
	} else {
		op->status = lessor_reservation_get_client(histories->engine, SUBNET, id, id_bytes, &reservation,
							   buffer, sizeof(buffer));
	}
	if (op->status == LESSOR_OK) {
		op->spot = reservation.address - SUBNET - 1;
		op->found_client = client_of(reservation.client_id, reservation.client_id_bytes);
		op->found_dormant = reservation.is_dormant;
		op->found_other = reservation.has_lease;
	}
}

static void
run_operation(histories_t *histories, operation_t *op) {
	lessor_engine_t *engine = histories->engine;
	uint8_t id[40];
	lessor_lease_t lease;
	lessor_lease_init(&lease);
	lease.address = SUBNET + 1 + op->spot;
	lease.client_id = id;
	lease.client_id_bytes = client_id_of(op->client, id);
	const lessor_reservation_t reservation = {.address = lease.address,
						  .client_id = id,
						  .client_id_bytes = lease.client_id_bytes,
						  .client_types = LESSOR_CLIENT_BOTH};
	const bool named = op->kind == OP_UNRESERVE_OF;
	op->began = atomic_fetch_add(&histories->clock, 1);
	switch (op->kind) {
	case OP_CREATE:
		op->status = lessor_lease_create(engine, &lease, LESSOR_ASYNC, &op->ticket);
		break;
	case OP_ALLOCATE:
		op->status = lessor_lease_allocate(engine, SUBNET, 0, &lease, LESSOR_ASYNC, &op->ticket);
		op->spot = op->status == LESSOR_OK ? lease.address - SUBNET - 1 : SPOTS;
		break;
	case OP_DELETE:
		op->status = lessor_lease_delete(engine, lease.address, NULL, 0, LESSOR_ASYNC, &op->ticket);
		break;
	case OP_RENAME:
		op->status = lessor_lease_update(engine, &lease, LESSOR_FIELD_CLIENT_ID | LESSOR_FIELD_EXPIRES,
						 LESSOR_ASYNC, &op->ticket);
		break;
	case OP_RENEW:
		op->status = lessor_lease_update(engine, &lease, LESSOR_FIELD_EXPIRES | LESSOR_IF_RESERVED,
						 LESSOR_ASYNC, &op->ticket);
		break;
	case OP_RESERVE:
		op->status = lessor_reservation_create(engine, SUBNET, &reservation, LESSOR_ASYNC, &op->ticket);
		break;
	case OP_UNRESERVE:
	case OP_UNRESERVE_OF:
		op->status =
			lessor_reservation_delete(engine, SUBNET, lease.address, named ? id : NULL,
						  named ? lease.client_id_bytes : 0, 1000, LESSOR_ASYNC, &op->ticket);
		break;
	case OP_GET:
	case OP_GET_CLIENT:
		read_lease(histories, op, lease.address, id, lease.client_id_bytes);
		break;
	default:
		read_reservation(histories, op, lease.address, id, lease.client_id_bytes);
		break;
	}
	op->ended = atomic_fetch_add(&histories->clock, 1);
}

/* ---- judging --------------------------------------------------------------------------------------------------------- */

static bool
can_happen_at(void *model, const void *operations, unsigned which) {
	return can_happen(model, (const operation_t *)operations + which);
}

/* An order in time that explains the answers. */
static bool
has_order(const histories_t *histories, const model_t *end) {
	history_t history = {.ops = OPS,
			     .model_bytes = sizeof(*end),
			     .operations = histories->operation,
			     .can_happen = can_happen_at};
	for (unsigned i = 0; i < OPS; i++) {
		history.began[i] = histories->operation[i].began;
		history.ended[i] = histories->operation[i].ended;
	}
	return history_has_order(&history, &histories->model, end);
}

static bool
is_change(const operation_t *op) {
	return op->kind < OP_GET && op->status == LESSOR_OK;
}

static int
operations_by_ticket(const void *a, const void *b) {
	const operation_t *left = a;
	const operation_t *right = b;
	return (left->ticket > right->ticket) - (left->ticket < right->ticket);
}

static bool
log_order_is_possible(const histories_t *histories, const model_t *end) {
	operation_t sorted[OPS];
	model_t model = histories->model;
	memcpy(sorted, histories->operation, sizeof(sorted));
	qsort(sorted, OPS, sizeof(sorted[0]), operations_by_ticket);
	for (unsigned i = 0; i < OPS; i++) {
		if (is_change(&sorted[i]) && change_model(&model, &sorted[i]) != LESSOR_OK) {
			return false;
		}
	}
	return memcmp(&model, end, sizeof(model)) == 0;
}

static void
print_model(const char *when, const model_t *model) {
	for (uint32_t spot = 0; spot < SPOTS; spot++) {
		(void)fprintf(stderr, "%s: address %u: client+1 %u%s, reserved for client+1 %u\n", when, spot,
			      model->lease[spot], model->dormant[spot] ? " dormant" : "", model->reserved[spot]);
	}
}

static void
print_history(const histories_t *histories, const model_t *end) {
	print_model("before", &histories->model);
	print_model("after", end);
	for (unsigned i = 0; i < OPS; i++) {
		const operation_t *op = &histories->operation[i];
		(void)fprintf(stderr, "%llu-%llu %s address %u client %u: %s, client %u%s%s, ticket %llu\n",
			      (unsigned long long)op->began, (unsigned long long)op->ended, names[op->kind], op->spot,
			      op->client, lessor_status_name(op->status), op->found_client,
			      op->found_dormant ? " dormant" : "", op->found_other ? " and the other" : "",
			      (unsigned long long)op->ticket);
	}
}

/* What is there while nobody changes it. */
static model_t
look(histories_t *histories) {
	model_t model = {{0}, {0}, {0}};
	for (uint32_t spot = 0; spot < SPOTS; spot++) {
		operation_t op = {.kind = OP_GET, .spot = spot};
		read_lease(histories, &op, SUBNET + 1 + spot, NULL, 0);
		if (op.status == LESSOR_OK) {
			model.lease[spot] = (uint8_t)(op.found_client + 1);
			model.dormant[spot] = op.found_dormant;
		}
		op = (operation_t){.kind = OP_GET_RESERVATION, .spot = spot};
		read_reservation(histories, &op, SUBNET + 1 + spot, NULL, 0);
		model.reserved[spot] = op.status == LESSOR_OK ? (uint8_t)(op.found_client + 1) : 0;
	}
	return model;
}

/* Entries in the client hash. */
static unsigned
count_entries(const lsr_client_hash_t *hash) {
	unsigned entries = 0;
	for (unsigned shard = 0; shard < LSR_HASH_SHARDS; shard++) {
		for (uint32_t index = 0; index < lsr_hash_buckets(hash, shard); index++) {
			const lsr_bucket_t *bucket = lsr_hash_home(hash, shard, index);
			for (unsigned i = 0; i < LSR_HASH_ENTRIES; i++) {
				entries += bucket->entry[i] != 0 ? 1u : 0u;
			}
		}
	}
	return entries;
}

static unsigned
count_owners(const model_t *model) {
	unsigned owners = 0;
	for (uint32_t spot = 0; spot < SPOTS; spot++) {
		owners += (model->lease[spot] != 0 ? 1u : 0u) + (model->reserved[spot] != 0 ? 1u : 0u);
	}
	return owners;
}

static void
judge(histories_t *histories) {
	const model_t end = look(histories);
	uint64_t leases = 0;
	const bool in_time = has_order(histories, &end);
	const bool in_log = log_order_is_possible(histories, &end);
	if (!in_time || !in_log) {
		print_history(histories, &end);
	}
	REQUIRE(in_time);
	REQUIRE(in_log);
	REQUIRE(count_entries(&histories->engine->clients) == count_owners(&end));
	REQUIRE_STATUS(lessor_lease_count(histories->engine, SUBNET, SUBNET + 255, &leases), LESSOR_OK);
	REQUIRE(leases == count_owners(&(model_t){.lease = {end.lease[0], end.lease[1], end.lease[2]}}));
	torture_require_sound(histories->engine);
	histories->model = end;
}

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

static operation_t
draw(torture_random_t *random) {
	operation_t op = {.kind = (kind_t)torture_below(random, OP_KINDS),
			  .spot = torture_below(random, SPOTS),
			  .client = torture_below(random, FOLK)};
	/* These are what all else needs. */
	switch (torture_below(random, 8)) {
	case 0:
		op.kind = OP_CREATE;
		break;
	case 1:
		op.kind = OP_RESERVE;
		break;
	case 2:
		op.kind = OP_DELETE;
		break;
	default:
		break;
	}
	return op;
}

static void *
make_history(void *argument) {
	const worker_t *worker = argument;
	histories_t *histories = worker->histories;
	torture_random_t random = torture_random(UINT64_C(0xB00000) + worker->number);
	operation_t *own = &histories->operation[worker->number * EACH];
	for (unsigned round = 0; round < histories->rounds; round++) {
		for (unsigned i = 0; i < EACH; i++) {
			own[i] = draw(&random);
		}
		meet(histories);
		for (unsigned i = 0; i < EACH; i++) {
			run_operation(histories, &own[i]);
			if (torture_below(&random, 8) == 0) {
				(void)sched_yield();
			}
		}
		meet(histories);
		if (worker->number == 0) {
			judge(histories);
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

static void
create_scope(lessor_engine_t *engine) {
	const lessor_scope_t scope = {
		.subnet = SUBNET, .mask = 0xFFFFFF00u, .has_range = true, .range = {SUBNET + 1, SUBNET + SPOTS}};
	REQUIRE_STATUS(lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL), LESSOR_OK);
}

static void
answers_have_an_order(void **state) {
	static histories_t histories;
	worker_t workers[THREADS];
	pthread_t threads[THREADS];
	char directory[256];
	(void)state;
	torture_make_directory(directory);
	histories.engine = open_in(directory);
	histories.rounds = SCALE(40000, 3000);
	create_scope(histories.engine);
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (worker_t){.histories = &histories, .number = i};
		REQUIRE(pthread_create(&threads[i], NULL, make_history, &workers[i]) == 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		REQUIRE(pthread_join(threads[i], NULL) == 0);
	}
	REQUIRE_STATUS(lessor_close(&histories.engine), LESSOR_OK);
	histories.engine = open_in(directory);
	const model_t back = look(&histories);
	REQUIRE(memcmp(&back, &histories.model, sizeof(back)) == 0);
	REQUIRE(count_entries(&histories.engine->clients) == count_owners(&back));
	torture_require_sound(histories.engine);
	REQUIRE_STATUS(lessor_scope_delete(histories.engine, SUBNET, true, LESSOR_ASYNC, NULL), LESSOR_OK);
	REQUIRE(count_entries(&histories.engine->clients) == 0);
	REQUIRE_STATUS(lessor_close(&histories.engine), LESSOR_OK);
	torture_remove_directory(directory);
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
	lease.client_id_bytes = client_id_of(0, id);
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
	operation_t op = {.kind = OP_CREATE, .spot = 1};
	histories_t histories = {.engine = engine};
	create_scope(engine);
	run_operation(&histories, &op);
	op = (operation_t){.kind = OP_RESERVE};
	run_operation(&histories, &op);
	op = (operation_t){.kind = OP_DELETE, .spot = 1};
	run_operation(&histories, &op);
	REQUIRE_STATUS(op.status, LESSOR_OK);
	lsr_rcu_enter();
	*scope = lsr_engine_scope_of(engine, SUBNET);
	*record_id = lsr_table_peek(&(*scope)->table, SUBNET + 1);
	lsr_rcu_leave();
	return lsr_pages_record(&engine->pages, *record_id);
}

typedef struct {
	histories_t histories;
	operation_t op;
	atomic_bool done;
} late_t;

static void *
run_late(void *argument) {
	late_t *late = argument;
	run_operation(&late->histories, &late->op);
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
	uint8_t client_id[40];
	pthread_t thread;
	lessor_engine_t *engine = late.histories.engine = open_memory();
	lsr_record_t *record = reserve_empty(engine, &scope, &id);
	const uint8_t bytes = client_id_of(0, client_id);
	const lsr_client_match_t match = {
		.engine = engine, .table = &scope->table, .client_id = client_id, .client_id_bytes = bytes};
	const uint64_t key = lsr_engine_client_key(engine, scope, client_id, bytes);
	REQUIRE(lsr_record_claim(record, &word));
	REQUIRE(lsr_client_hash_insert(&engine->clients, key, id, lsr_match_for_insert, &match, &other) ==
		LSR_INSERT_DONE);
	operation_t look_up = {.kind = OP_GET_CLIENT};
	run_operation(&late.histories, &look_up);
	REQUIRE_STATUS(look_up.status, LESSOR_NOT_FOUND);
	late.op = (operation_t){.kind = OP_CREATE, .spot = 2};
	REQUIRE(pthread_create(&thread, NULL, run_late, &late) == 0);
	for (unsigned i = 0; i < 100; i++) {
		(void)sched_yield();
	}
	(void)usleep(20000);
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
	uint8_t client_id[40];
	pthread_t thread;
	lessor_engine_t *engine = late.histories.engine = open_memory();
	lsr_record_t *record = reserve_empty(engine, &scope, &id);
	REQUIRE(lsr_record_claim(record, &word));
	late.op = (operation_t){.kind = OP_CREATE, .spot = 0};
	REQUIRE(pthread_create(&thread, NULL, run_late, &late) == 0);
	(void)usleep(20000);
	REQUIRE(!atomic_load(&late.done));
	lsr_body_load(record, &old);
	lsr_body_t fresh = old;
	(void)client_id_of(0, client_id);
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
	lessor_engine_t *engine = worker->histories->engine;
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
	static lsr_io_ops_t ops;
	worker_t workers[THREADS];
	pthread_t threads[THREADS];
	char directory[256];
	lessor_scope_stats_t stats;
	torture_make_directory(directory);
	ops = lsr_io_system;
	ops.pwrite = write_slowly;
	lsr_io = &ops;
	histories.engine = open_in(directory);
	create_scope(histories.engine);
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (worker_t){.histories = &histories, .number = i};
		REQUIRE(pthread_create(&threads[i], NULL, crowd_in, &workers[i]) == 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		REQUIRE(pthread_join(threads[i], NULL) == 0);
	}
	REQUIRE(count_entries(&histories.engine->clients) == 0);
	REQUIRE_STATUS(lessor_scope_stats(histories.engine, SUBNET, &stats), LESSOR_OK);
	REQUIRE(stats.leases == 0 && stats.in_use == 0);
	torture_require_sound(histories.engine);
	REQUIRE_STATUS(lessor_close(&histories.engine), LESSOR_OK);
	lsr_io = &lsr_io_system;
	torture_remove_directory(directory);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_have_an_order),
		cmocka_unit_test(an_allocation_never_misses_a_reservation),
		cmocka_unit_test(an_empty_one_that_is_being_taken_is_no_lease),
		cmocka_unit_test(an_empty_one_that_becomes_another_client_s_is_not_taken),
		cmocka_unit_test(a_full_log_leaves_nothing_behind),
	};
	(void)torture_seed();
	return cmocka_run_group_tests_name("reservation_order", tests, NULL, NULL);
}
