/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scopes that come and go under the creates of leases, in every order of two or three threads' steps with a few preemptions. Behind each: is there an order
 * of the calls in which a plain model answers the same; of a scope that is gone, is nothing left - no lease, no client's entry, no page?
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <lessor/lessor.h>

#include "engine_p.h"
#include "history.h"
#include "lease_history.h"
#include "order.h"
#include "torture.h"

#define EACH_MAX 3u

typedef enum { MAKE_SCOPE, FORCE_SCOPE, DROP_SCOPE, CREATE, DELETE, GET, FIND } kind_t;

typedef struct {
	kind_t kind;
	uint32_t client; /* whose address is the one of the same number */
} plan_t;

typedef struct {
	const char *name;
	bool is_six;
	unsigned preemptions;
	bool leased; /* client 0 has its lease at first */
	unsigned bodies;
	plan_t plan[ORDER_BODIES_MAX][EACH_MAX];
	unsigned each[ORDER_BODIES_MAX];
} scene_t;

typedef struct {
	plan_t plan;
	lessor_status_t status;
	uint64_t began;
	uint64_t ended;
} operation_t;

typedef struct {
	uint8_t scope;
	uint8_t lease[2];
} model_t;

static const scene_t *scene;
static lessor_engine_t *engine;
static operation_t operations[HISTORY_OPS_MAX];
static operation_t *own[ORDER_BODIES_MAX];
static unsigned count;

/* ---- the model ------------------------------------------------------------------------------------------------------- */

static lessor_status_t
change(model_t *model, const plan_t *plan) {
	uint8_t *lease = &model->lease[plan->client];
	switch (plan->kind) {
	case MAKE_SCOPE:
		if (model->scope != 0) {
			return LESSOR_SCOPE_EXISTS;
		}
		model->scope = 1;
		return LESSOR_OK;
	case DROP_SCOPE:
	case FORCE_SCOPE:
		if (model->scope == 0) {
			return LESSOR_NOT_FOUND;
		}
		if (plan->kind == DROP_SCOPE && (model->lease[0] != 0 || model->lease[1] != 0)) {
			return LESSOR_SCOPE_NOT_EMPTY;
		}
		memset(model, 0, sizeof(*model));
		return LESSOR_OK;
	case CREATE:
		if (model->scope == 0) {
			return LESSOR_NO_SCOPE;
		}
		if (*lease != 0) {
			return LESSOR_ADDRESS_TAKEN;
		}
		*lease = 1;
		return LESSOR_OK;
	case DELETE:
		if (*lease == 0) {
			return LESSOR_NOT_FOUND;
		}
		*lease = 0;
		return LESSOR_OK;
	case GET:
		return *lease != 0 ? LESSOR_OK : LESSOR_NOT_FOUND;
	default:
		return model->scope == 0 ? LESSOR_NO_SCOPE : *lease != 0 ? LESSOR_OK : LESSOR_NOT_FOUND;
	}
}

static bool
can_happen(void *model, const void *list, unsigned which) {
	const operation_t *op = (const operation_t *)list + which;
	return change(model, &op->plan) == op->status;
}

/* ---- doing it -------------------------------------------------------------------------------------------------------- */

static lessor_status_t
run4(const plan_t *plan) {
	const lessor_scope_t scope = {
		.subnet = SUBNET, .mask = 0xFFFFFF00u, .has_range = true, .range = {SUBNET + 1, SUBNET + 2}};
	lessor_lease_t lease;
	uint8_t id[LESSOR_CLIENT_ID_MAX_BYTES];
	char buffer[256];
	lessor_lease_init(&lease);
	lease.address = SUBNET + 1 + plan->client;
	lease.client_id = id;
	lease.client_id_bytes = lease_history_client(plan->client, id);
	switch (plan->kind) {
	case MAKE_SCOPE:
		return lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL);
	case DROP_SCOPE:
	case FORCE_SCOPE:
		return lessor_scope_delete(engine, SUBNET, plan->kind == FORCE_SCOPE, LESSOR_ASYNC, NULL);
	case CREATE:
		return lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL);
	case DELETE:
		return lessor_lease_delete(engine, lease.address, NULL, 0, LESSOR_ASYNC, NULL);
	case GET:
		return lessor_lease_get(engine, lease.address, &lease, buffer, sizeof(buffer));
	default:
		return lessor_lease_get_client(engine, SUBNET, id, lease.client_id_bytes, &lease, buffer,
					       sizeof(buffer));
	}
}

static lessor_status_t
run6(const plan_t *plan) {
	const lessor_scope6_t scope = {.prefix = PREFIX};
	lessor_lease6_t lease;
	uint8_t id[40];
	char buffer[512];
	lessor_lease6_init(&lease);
	lease.address = (lessor_address6_t){.high = PREFIX, .low = 1 + plan->client};
	lease.duid = id;
	lease.duid_bytes = lease_history_client(plan->client, id);
	switch (plan->kind) {
	case MAKE_SCOPE:
		return lessor_scope6_create(engine, &scope, LESSOR_ASYNC, NULL);
	case DROP_SCOPE:
	case FORCE_SCOPE:
		return lessor_scope6_delete(engine, PREFIX, plan->kind == FORCE_SCOPE, LESSOR_ASYNC, NULL);
	case CREATE:
		return lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL);
	case DELETE:
		return lessor_lease6_delete(engine, lease.address, LESSOR_ASYNC, NULL);
	case GET:
		return lessor_lease6_get(engine, lease.address, &lease, buffer, sizeof(buffer));
	default:
		return lessor_lease6_get_client(engine, PREFIX, id, lease.duid_bytes, 0, &lease, buffer,
						sizeof(buffer));
	}
}

static lessor_status_t
run(plan_t plan) {
	return scene->is_six ? run6(&plan) : run4(&plan);
}

static void
live(void *context) {
	(void)context;
	const unsigned body = order_body();
	for (unsigned i = 0; i < scene->each[body]; i++) {
		operation_t *op = &own[body][i];
		op->began = order_now();
		op->status = run(op->plan);
		op->ended = order_now();
	}
}

/* ---- one run ----------------------------------------------------------------------------------------------------------- */

static void
begin(void *context) {
	lessor_options_t options;
	(void)context;
	lessor_options_init(&options);
	options.log = false;
	options.max_leases = 1u << 16;
	REQUIRE_STATUS(lessor_open(NULL, &options, &engine, NULL), LESSOR_OK);
	REQUIRE_STATUS(run((plan_t){MAKE_SCOPE, 0}), LESSOR_OK);
	if (scene->leased) {
		REQUIRE_STATUS(run((plan_t){CREATE, 0}), LESSOR_OK);
	}
	count = 0;
	for (unsigned body = 0; body < scene->bodies; body++) {
		own[body] = &operations[count];
		for (unsigned i = 0; i < scene->each[body]; i++) {
			operations[count++] = (operation_t){.plan = scene->plan[body][i]};
		}
	}
}

static model_t
look(void) {
	model_t model = {.scope = run((plan_t){FIND, 0}) != LESSOR_NO_SCOPE};
	for (uint32_t client = 0; client < 2; client++) {
		model.lease[client] = run((plan_t){GET, client}) == LESSOR_OK;
		REQUIRE((run((plan_t){FIND, client}) == LESSOR_OK) == (model.lease[client] != 0));
	}
	return model;
}

static void
end(void *context) {
	(void)context;
	const model_t before = {.scope = 1, .lease = {scene->leased, 0}};
	const model_t after = look();
	history_t history = {
		.ops = count, .model_bytes = sizeof(after), .operations = operations, .can_happen = can_happen};
	for (unsigned i = 0; i < count; i++) {
		history.began[i] = operations[i].began;
		history.ended[i] = operations[i].ended;
	}
	if (!history_has_order(&history, &before, &after)) {
		for (unsigned i = 0; i < count; i++) {
			(void)fprintf(stderr, "%llu-%llu kind %d client %u: %s\n",
				      (unsigned long long)operations[i].began, (unsigned long long)operations[i].ended,
				      (int)operations[i].plan.kind, operations[i].plan.client,
				      lessor_status_name(operations[i].status));
		}
		REQUIRE(false);
	}
	torture_require_sound(engine);
	REQUIRE(lease_history_entries(engine) == (unsigned)after.lease[0] + after.lease[1]);
	if (after.scope != 0) {
		REQUIRE_STATUS(run((plan_t){FORCE_SCOPE, 0}), LESSOR_OK);
	}
	lsr_rcu_drain();
	REQUIRE(lease_history_entries(engine) == 0);
	REQUIRE(atomic_load_explicit(&engine->pages.taken, memory_order_relaxed) == 0);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
}

static void
run_scene(const scene_t *next) {
	scene = next;
	order_scene_t order = {.name = scene->name,
			       .bodies = scene->bodies,
			       .preemptions = scene->preemptions,
			       .begin = begin,
			       .end = end};
	for (unsigned i = 0; i < scene->bodies; i++) {
		order.body[i] = live;
	}
	REQUIRE(order_run(&order) > 1);
}

/* ---- scenes ---------------------------------------------------------------------------------------------------------- */

static const scene_t scenes[] = {
	{"scope goes | create, get", false, 2, false, 2, {{{FORCE_SCOPE, 0}}, {{CREATE, 0}, {GET, 0}}}, {1, 2}},
	{"scope goes | create, find", false, 2, true, 2, {{{FORCE_SCOPE, 0}}, {{CREATE, 1}, {FIND, 1}}}, {1, 2}},
	{"scope goes | get, find", false, 2, true, 2, {{{FORCE_SCOPE, 0}}, {{GET, 0}, {FIND, 0}}}, {1, 2}},
	{"scope goes | delete, get", false, 2, true, 2, {{{FORCE_SCOPE, 0}}, {{DELETE, 0}, {GET, 0}}}, {1, 2}},
	{"scope goes if empty | create, get", false, 2, false, 2, {{{DROP_SCOPE, 0}}, {{CREATE, 0}, {GET, 0}}}, {1, 2}},
	{"scope goes if empty | delete, create",
	 false,
	 2,
	 true,
	 2,
	 {{{DROP_SCOPE, 0}}, {{DELETE, 0}, {CREATE, 0}}},
	 {1, 2}},
	{"scope goes and comes | create, find",
	 false,
	 2,
	 true,
	 2,
	 {{{FORCE_SCOPE, 0}, {MAKE_SCOPE, 0}}, {{CREATE, 0}, {FIND, 0}}},
	 {2, 2}},
	{"scope goes | scope goes", false, 2, true, 2, {{{FORCE_SCOPE, 0}}, {{FORCE_SCOPE, 0}}}, {1, 1}},
	{"scope goes, comes | comes",
	 false,
	 2,
	 true,
	 2,
	 {{{FORCE_SCOPE, 0}, {MAKE_SCOPE, 0}}, {{MAKE_SCOPE, 0}}},
	 {2, 1}},
	{"scope goes | create | create",
	 false,
	 1,
	 false,
	 3,
	 {{{FORCE_SCOPE, 0}}, {{CREATE, 0}}, {{CREATE, 1}}},
	 {1, 1, 1}},
	{"scope goes and comes | create | get",
	 false,
	 1,
	 true,
	 3,
	 {{{FORCE_SCOPE, 0}, {MAKE_SCOPE, 0}}, {{CREATE, 0}}, {{GET, 0}}},
	 {2, 1, 1}},
	{"IPv6: scope goes | create, get", true, 1, false, 2, {{{FORCE_SCOPE, 0}}, {{CREATE, 0}, {GET, 0}}}, {1, 2}},
	{"IPv6: scope goes if empty | create, get",
	 true,
	 1,
	 false,
	 2,
	 {{{DROP_SCOPE, 0}}, {{CREATE, 0}, {GET, 0}}},
	 {1, 2}},
};

static void
run_scenes(void **state) {
	(void)state;
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		run_scene(&scenes[i]);
	}
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(run_scenes),
	};
	return cmocka_run_group_tests_name("order_scopes", tests, NULL, NULL);
}
