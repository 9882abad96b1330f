/* SPDX-License-Identifier: Apache-2.0 */
#include "lease_history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_p.h"
#include "torture.h"

#define DUE  UINT64_C(5)
#define NOW  UINT64_C(10)
#define IAID 7u

static const char *const names[OP_KINDS] = {
	"create",  "create due", "delete",     "delete of", "expire", "rename",       "renew",         "allocate",
	"reserve", "release",    "release of", "get lease", "find",   "get reserved", "find reserved", "count"};

bool
lease_op_exists(lease_op_kind_t kind, bool is_six) {
	return !is_six || (kind < OP_ALLOCATE && kind != OP_DELETE_OF) || kind == OP_GET || kind == OP_GET_CLIENT;
}

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
create_in(lease_model_t *model, uint32_t spot, uint32_t client) {
	if (model->lease[spot] != 0 || (model->reserved[spot] != 0 && model->reserved[spot] != client + 1)) {
		return LESSOR_ADDRESS_TAKEN;
	}
	if (spot_of(model->lease, client) != SPOTS) {
		return LESSOR_CLIENT_TAKEN;
	}
	model->lease[spot] = (uint8_t)(client + 1);
	model->dormant[spot] = model->due[spot] = 0;
	return LESSOR_OK;
}

static lessor_status_t
create_due(lease_model_t *model, uint32_t spot, uint32_t client) {
	const lessor_status_t status = create_in(model, spot, client);
	if (status == LESSOR_OK) {
		model->due[spot] = 1;
	}
	return status;
}

/* 'spot' is the engine's choice; LESSOR_END: it was none to choose. */
static lessor_status_t
allocate_in(lease_model_t *model, uint32_t spot, uint32_t client) {
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
change_lease(lease_model_t *model, const lease_op_t *op) {
	const uint32_t other = spot_of(model->lease, op->client);
	if (model->lease[op->spot] == 0) {
		return LESSOR_NOT_FOUND;
	}
	if (op->kind == OP_DELETE_OF && model->lease[op->spot] != op->client + 1) {
		return LESSOR_OTHER_CLIENT;
	}
	if (op->kind == OP_DELETE || op->kind == OP_DELETE_OF) {
		if (model->reserved[op->spot] != 0) {
			return LESSOR_RESERVED;
		}
		model->lease[op->spot] = model->due[op->spot] = 0;
	} else if (op->kind == OP_RENEW) {
		model->dormant[op->spot] = model->due[op->spot] = 0;
	} else {
		if (other != SPOTS && other != op->spot) {
			return LESSOR_CLIENT_TAKEN;
		}
		model->lease[op->spot] = (uint8_t)(op->client + 1);
		model->due[op->spot] = model->reserved[op->spot] != 0 ? model->due[op->spot] : 0; /* its expiry stays */
	}
	return LESSOR_OK;
}

/* A sweep leaves alone what is being changed: it may have found nothing although there was something. */
static lessor_status_t
sweep(lease_model_t *model, const lease_op_t *op) {
	if (!op->found_other) {
		return LESSOR_OK;
	}
	if (model->lease[op->spot] == 0 || model->due[op->spot] == 0 || model->reserved[op->spot] != 0) {
		return LESSOR_NOT_FOUND;
	}
	model->lease[op->spot] = model->due[op->spot] = 0;
	return LESSOR_OK;
}

static lessor_status_t
reserve_in(lease_model_t *model, uint32_t spot, uint32_t client) {
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
release_in(lease_model_t *model, const lease_op_t *op) {
	const uint32_t spot = op->spot;
	if (model->reserved[spot] == 0 || (op->kind == OP_UNRESERVE_OF && model->reserved[spot] != op->client + 1)) {
		return LESSOR_NOT_FOUND;
	}
	model->reserved[spot] = model->due[spot] = 0; /* what stays has the scope's duration from now on */
	if (model->dormant[spot] != 0) {
		model->lease[spot] = model->dormant[spot] = 0;
	}
	return LESSOR_OK;
}

lessor_status_t
lease_model_change(lease_model_t *model, const lease_op_t *op) {
	switch (op->kind) {
	case OP_CREATE:
		return create_in(model, op->spot, op->client);
	case OP_CREATE_DUE:
		return create_due(model, op->spot, op->client);
	case OP_EXPIRE:
		return sweep(model, op);
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
can_happen(lease_model_t *model, const lease_op_t *op) {
	const uint32_t spot = op->spot;
	switch (op->kind) {
	case OP_GET:
		return op->status == LESSOR_OK ? model->lease[spot] == op->found_client + 1 &&
							 (model->dormant[spot] != 0) == op->found_dormant &&
							 (model->due[spot] != 0) == op->found_due &&
							 (model->reserved[spot] != 0) == op->found_other
					       : model->lease[spot] == 0;
	case OP_GET_RESERVATION:
		return op->status == LESSOR_OK ? model->reserved[spot] == op->found_client + 1 &&
							 (model->dormant[spot] != 0) == op->found_dormant &&
							 (model->lease[spot] != 0) == op->found_other
					       : model->reserved[spot] == 0;
	case OP_GET_CLIENT:
		return spot_of(model->lease, op->client) == (op->status == LESSOR_OK ? spot : SPOTS);
	case OP_COUNT:
		return true;
	case OP_GET_RESERVED_CLIENT:
		return spot_of(model->reserved, op->client) == (op->status == LESSOR_OK ? spot : SPOTS);
	default:
		return lease_model_change(model, op) == op->status;
	}
}

/* ---- doing it -------------------------------------------------------------------------------------------------------- */

/* Short ones, and ones that lie in the tail. */
uint8_t
lease_history_client(uint32_t client, uint8_t id[40]) {
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
read_lease4(lease_history_t *history, lease_op_t *op, const uint8_t *id, size_t id_bytes) {
	lessor_lease_t lease;
	char buffer[256];
	if (op->kind == OP_GET) {
		op->status = lessor_lease_get(history->engine, SUBNET + 1 + op->spot, &lease, buffer, sizeof(buffer));
	} else {
		op->status =
			lessor_lease_get_client(history->engine, SUBNET, id, id_bytes, &lease, buffer, sizeof(buffer));
	}
	if (op->status == LESSOR_OK) {
		op->spot = lease.address - SUBNET - 1;
		op->found_client = client_of(lease.client_id, lease.client_id_bytes);
		op->found_dormant = lease.expires_at == LESSOR_TIME_NONE;
		op->found_due = lease.expires_at == DUE;
		op->found_other = lease.is_reserved;
	}
}

static lessor_address6_t
address6_of(uint32_t spot) {
	return (lessor_address6_t){.high = PREFIX, .low = spot + 1};
}

static void
read_lease6(lease_history_t *history, lease_op_t *op, const uint8_t *id, size_t id_bytes) {
	lessor_lease6_t lease;
	char buffer[512];
	if (op->kind == OP_GET) {
		op->status = lessor_lease6_get(history->engine, address6_of(op->spot), &lease, buffer, sizeof(buffer));
	} else {
		op->status = lessor_lease6_get_client(history->engine, PREFIX, id, id_bytes, IAID, &lease, buffer,
						      sizeof(buffer));
	}
	if (op->status == LESSOR_OK) {
		REQUIRE(lease.address.high == PREFIX && lease.iaid == IAID);
		op->spot = (uint32_t)lease.address.low - 1;
		op->found_client = client_of(lease.duid, lease.duid_bytes);
		op->found_dormant = false;
		op->found_due = lease.expires_at == DUE;
		op->found_other = false;
	}
}

static void
read_lease(lease_history_t *history, lease_op_t *op, const uint8_t *id, size_t id_bytes) {
	if (history->is_six) {
		read_lease6(history, op, id, id_bytes);
	} else {
		read_lease4(history, op, id, id_bytes);
	}
}

static void
read_reservation(lease_history_t *history, lease_op_t *op, uint32_t address, const uint8_t *id, size_t id_bytes) {
	lessor_reservation_t reservation;
	uint8_t buffer[LESSOR_CLIENT_ID_MAX_BYTES];
	if (op->kind == OP_GET_RESERVATION) {
		op->status = lessor_reservation_get(history->engine, address, &reservation, buffer, sizeof(buffer));
	} else {
		op->status = lessor_reservation_get_client(history->engine, SUBNET, id, id_bytes, &reservation, buffer,
							   sizeof(buffer));
	}
	if (op->status == LESSOR_OK) {
		op->spot = reservation.address - SUBNET - 1;
		op->found_client = client_of(reservation.client_id, reservation.client_id_bytes);
		op->found_dormant = reservation.is_dormant;
		op->found_other = reservation.has_lease;
	}
}

static void
reserve(lease_history_t *history, lease_op_t *op, const uint8_t *id, uint8_t id_bytes) {
	const uint32_t address = SUBNET + 1 + op->spot;
	const lessor_reservation_t reservation = {
		.address = address, .client_id = id, .client_id_bytes = id_bytes, .client_types = LESSOR_CLIENT_BOTH};
	const bool named = op->kind == OP_UNRESERVE_OF;
	if (op->kind == OP_RESERVE) {
		op->status =
			lessor_reservation_create(history->engine, SUBNET, &reservation, LESSOR_ASYNC, &op->ticket);
	} else {
		op->status = lessor_reservation_delete(history->engine, SUBNET, address, named ? id : NULL,
						       named ? id_bytes : 0, 1000, LESSOR_ASYNC, &op->ticket);
	}
}

static void
expire(lease_history_t *history, lease_op_t *op) {
	lessor_expire_report_t report = {0};
	if (history->is_six) {
		lessor_cursor6_t cursor;
		lessor_cursor6_init(&cursor, address6_of(0), address6_of(SPOTS - 1));
		op->status = lessor_expire6(history->engine, NOW, NULL, &cursor, &report, LESSOR_ASYNC, &op->ticket);
		op->spot = 0;
	} else {
		lessor_cursor_t cursor;
		lessor_cursor_init(&cursor, SUBNET + 1 + op->spot, SUBNET + 1 + op->spot);
		op->status = lessor_expire(history->engine, NOW, NULL, &cursor, &report, LESSOR_ASYNC, &op->ticket);
	}
	op->status = op->status == LESSOR_END ? LESSOR_OK : op->status;
	op->found_other = report.removed != 0;
}

static void
change4(lease_history_t *history, lease_op_t *op, const uint8_t *id, uint8_t id_bytes) {
	lessor_engine_t *engine = history->engine;
	lessor_lease_t lease;
	lessor_lease_init(&lease);
	lease.address = SUBNET + 1 + op->spot;
	lease.client_id = id;
	lease.client_id_bytes = id_bytes;
	switch (op->kind) {
	case OP_CREATE_DUE:
		lease.expires_at = DUE;
		op->status = lessor_lease_create(engine, &lease, LESSOR_ASYNC, &op->ticket);
		break;
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
	case OP_DELETE_OF:
		op->status = lessor_lease_delete(engine, lease.address, id, id_bytes, LESSOR_ASYNC, &op->ticket);
		break;
	case OP_RENAME:
		op->status = lessor_lease_update(engine, &lease, LESSOR_FIELD_CLIENT_ID | LESSOR_FIELD_EXPIRES,
						 LESSOR_ASYNC, &op->ticket);
		break;
	default:
		op->status = lessor_lease_update(engine, &lease, LESSOR_FIELD_EXPIRES | LESSOR_IF_RESERVED,
						 LESSOR_ASYNC, &op->ticket);
		break;
	}
}

static void
change6(lease_history_t *history, lease_op_t *op, const uint8_t *id, uint8_t id_bytes) {
	lessor_engine_t *engine = history->engine;
	lessor_lease6_t lease;
	lessor_lease6_init(&lease);
	op->spot = op->kind == OP_CREATE_DUE ? 0 : op->spot;
	lease.address = address6_of(op->spot);
	lease.duid = id;
	lease.duid_bytes = id_bytes;
	lease.iaid = IAID;
	switch (op->kind) {
	case OP_CREATE_DUE:
		lease.expires_at = DUE;
		lease.preferred_expires_at = LESSOR_TIME_NONE;
		op->status = lessor_lease6_create(engine, &lease, LESSOR_ASYNC, &op->ticket);
		break;
	case OP_CREATE:
		op->status = lessor_lease6_create(engine, &lease, LESSOR_ASYNC, &op->ticket);
		break;
	case OP_DELETE:
		op->status = lessor_lease6_delete(engine, lease.address, LESSOR_ASYNC, &op->ticket);
		break;
	case OP_RENAME:
		op->status = lessor_lease6_update(engine, &lease, LESSOR_FIELD_CLIENT_ID | LESSOR_FIELD_EXPIRES,
						  LESSOR_ASYNC, &op->ticket);
		break;
	default:
		op->status = lessor_lease6_update(engine, &lease, LESSOR_FIELD_EXPIRES, LESSOR_ASYNC, &op->ticket);
		break;
	}
}

/* While others are in the middle of counting: a few more or fewer, but never below zero. */
static void
count(lease_history_t *history, lease_op_t *op) {
	lessor_scope_stats_t stats;
	op->status = lessor_scope_stats(history->engine, SUBNET, &stats);
	REQUIRE_STATUS(op->status, LESSOR_OK);
	REQUIRE(stats.leases <= SPOTS + history->ops && stats.in_use <= SPOTS + history->ops);
}

void
lease_history_run(lease_history_t *history, lease_op_t *op) {
	uint8_t id[40];
	const uint8_t id_bytes = lease_history_client(op->client, id);
	op->ticket = 0;
	op->began = atomic_fetch_add(&history->clock, 1);
	switch (op->kind) {
	case OP_EXPIRE:
		expire(history, op);
		break;
	case OP_RESERVE:
	case OP_UNRESERVE:
	case OP_UNRESERVE_OF:
		reserve(history, op, id, id_bytes);
		break;
	case OP_GET:
	case OP_GET_CLIENT:
		read_lease(history, op, id, id_bytes);
		break;
	case OP_COUNT:
		count(history, op);
		break;
	case OP_GET_RESERVATION:
	case OP_GET_RESERVED_CLIENT:
		read_reservation(history, op, SUBNET + 1 + op->spot, id, id_bytes);
		break;
	default:
		if (history->is_six) {
			change6(history, op, id, id_bytes);
		} else {
			change4(history, op, id, id_bytes);
		}
		break;
	}
	op->ended = atomic_fetch_add(&history->clock, 1);
}

void
lease_history_create_scope(lease_history_t *history) {
	const lessor_scope_t scope = {
		.subnet = SUBNET, .mask = 0xFFFFFF00u, .has_range = true, .range = {SUBNET + 1, SUBNET + SPOTS}};
	const lessor_scope6_t scope6 = {.prefix = PREFIX};
	if (history->is_six) {
		REQUIRE_STATUS(lessor_scope6_create(history->engine, &scope6, LESSOR_ASYNC, NULL), LESSOR_OK);
	} else {
		REQUIRE_STATUS(lessor_scope_create(history->engine, &scope, LESSOR_ASYNC, NULL), LESSOR_OK);
	}
}

/* ---- judging --------------------------------------------------------------------------------------------------------- */

static bool
can_happen_at(void *model, const void *operations, unsigned which) {
	return can_happen(model, (const lease_op_t *)operations + which);
}

/* An order in time that explains the answers. */
static bool
has_order(const lease_history_t *history, const lease_model_t *end) {
	history_t search = {.ops = history->ops,
			    .model_bytes = sizeof(*end),
			    .operations = history->operation,
			    .can_happen = can_happen_at};
	for (unsigned i = 0; i < history->ops; i++) {
		search.began[i] = history->operation[i].began;
		search.ended[i] = history->operation[i].ended;
	}
	return history_has_order(&search, &history->model, end);
}

bool
lease_op_changed(const lease_op_t *op) {
	return op->kind < OP_GET && op->status == LESSOR_OK && (op->kind != OP_EXPIRE || op->found_other);
}

static int
operations_by_ticket(const void *a, const void *b) {
	const lease_op_t *left = a;
	const lease_op_t *right = b;
	return (left->ticket > right->ticket) - (left->ticket < right->ticket);
}

static bool
log_order_is_possible(const lease_history_t *history, const lease_model_t *end) {
	lease_op_t sorted[HISTORY_OPS_MAX];
	lease_model_t model = history->model;
	memcpy(sorted, history->operation, sizeof(sorted));
	qsort(sorted, history->ops, sizeof(sorted[0]), operations_by_ticket);
	for (unsigned i = 0; i < history->ops; i++) {
		if (lease_op_changed(&sorted[i]) && lease_model_change(&model, &sorted[i]) != LESSOR_OK) {
			return false;
		}
	}
	return memcmp(&model, end, sizeof(model)) == 0;
}

static void
print_model(const char *when, const lease_model_t *model) {
	for (uint32_t spot = 0; spot < SPOTS; spot++) {
		(void)fprintf(stderr, "%s: address %u: client+1 %u%s, reserved for client+1 %u\n", when, spot,
			      model->lease[spot], model->dormant[spot] ? " dormant" : "", model->reserved[spot]);
	}
}

static void
print_history(const lease_history_t *history, const lease_model_t *end) {
	print_model("before", &history->model);
	print_model("after", end);
	for (unsigned i = 0; i < history->ops; i++) {
		const lease_op_t *op = &history->operation[i];
		(void)fprintf(stderr, "%llu-%llu %s address %u client %u: %s, client %u%s%s, ticket %llu\n",
			      (unsigned long long)op->began, (unsigned long long)op->ended, names[op->kind], op->spot,
			      op->client, lessor_status_name(op->status), op->found_client,
			      op->found_dormant ? " dormant"
			      : op->found_due   ? " due"
						: "",
			      op->found_other ? " and the other" : "", (unsigned long long)op->ticket);
	}
}

/* What is there while nobody changes it. */
lease_model_t
lease_history_look(lease_history_t *history) {
	lease_model_t model = {.due = {0}};
	for (uint32_t spot = 0; spot < SPOTS; spot++) {
		lease_op_t op = {.kind = OP_GET, .spot = spot};
		read_lease(history, &op, NULL, 0);
		if (op.status == LESSOR_OK) {
			model.lease[spot] = (uint8_t)(op.found_client + 1);
			model.dormant[spot] = op.found_dormant;
			model.due[spot] = op.found_due;
		}
		if (history->is_six) {
			continue;
		}
		op = (lease_op_t){.kind = OP_GET_RESERVATION, .spot = spot};
		read_reservation(history, &op, SUBNET + 1 + spot, NULL, 0);
		model.reserved[spot] = op.status == LESSOR_OK ? (uint8_t)(op.found_client + 1) : 0;
	}
	return model;
}

/* Entries in the client hash. */
unsigned
lease_history_entries(const lessor_engine_t *engine) {
	const lsr_client_hash_t *hash = &engine->clients;
	unsigned entries = 0;
	for (unsigned shard = 0; shard < LSR_HASH_SHARDS; shard++) {
		for (uint32_t index = 0; index < lsr_hash_buckets(hash, shard); index++) {
			const lsr_bucket_t *bucket = lsr_hash_home(hash, shard, index);
			for (unsigned i = 0; i < LSR_HASH_ENTRIES; i++) {
				entries += atomic_load_explicit(&bucket->entry[i], memory_order_relaxed) != 0 ? 1u : 0u;
			}
		}
	}
	return entries;
}

unsigned
lease_model_owners(const lease_model_t *model) {
	unsigned owners = 0;
	for (uint32_t spot = 0; spot < SPOTS; spot++) {
		owners += (model->lease[spot] != 0 ? 1u : 0u) + (model->reserved[spot] != 0 ? 1u : 0u);
	}
	return owners;
}

void
lease_history_judge(lease_history_t *history) {
	const lease_model_t end = lease_history_look(history);
	uint64_t leases = 0;
	const bool in_time = has_order(history, &end);
	const bool in_log = !history->engine->has_log || log_order_is_possible(history, &end);
	if (!in_time || !in_log) {
		print_history(history, &end);
	}
	REQUIRE(in_time);
	REQUIRE(in_log);
	REQUIRE(lease_history_entries(history->engine) == lease_model_owners(&end));
	if (history->is_six) {
		REQUIRE_STATUS(lessor_lease6_count(history->engine, address6_of(0), address6_of(SPOTS), &leases),
			       LESSOR_OK);
	} else {
		REQUIRE_STATUS(lessor_lease_count(history->engine, SUBNET, SUBNET + 255, &leases), LESSOR_OK);
	}
	REQUIRE(leases == lease_model_owners(&(lease_model_t){.lease = {end.lease[0], end.lease[1], end.lease[2]}}));
	torture_require_sound(history->engine);
	history->model = end;
}
