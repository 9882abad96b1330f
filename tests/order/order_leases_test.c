/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol of changes - claim, enter the client, count, publish; free bit, hide, forget the client, vacate - in every order of two or three threads' steps
 * with a few preemptions. Behind each: is there an order of the calls in which a plain model answers the same (so nobody was refused for what never was, and nothing
 * was twice), is the store sound, has the client hash just the entries that it should have?
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <lessor/lessor.h>

#include "lease_history.h"
#include "order.h"
#include "torture.h"

#define EACH_MAX 3u

typedef struct {
	lease_op_kind_t kind;
	uint32_t spot;
	uint32_t client;
} plan_t;

typedef struct {
	const char *name;
	bool is_six;
	unsigned preemptions;
	unsigned bodies;
	plan_t before[5]; /* what is there; ends with a read */
	plan_t plan[ORDER_BODIES_MAX][EACH_MAX];
	unsigned each[ORDER_BODIES_MAX];
} scene_t;

typedef struct {
	const scene_t *scene;
	lease_history_t history;
	lease_op_t *own[ORDER_BODIES_MAX];
} work_t;

static work_t work;

static void
do_one(plan_t plan) {
	lease_op_t op = {.kind = plan.kind, .spot = plan.spot, .client = plan.client};
	lease_history_run(&work.history, &op);
	REQUIRE_STATUS(op.status, LESSOR_OK);
}

static void
begin(void *context) {
	(void)context;
	const scene_t *scene = work.scene;
	for (unsigned i = 0; scene->before[i].kind != OP_GET; i++) {
		do_one(scene->before[i]);
	}
	work.history.model = lease_history_look(&work.history);
	work.history.ops = 0;
	for (unsigned body = 0; body < scene->bodies; body++) {
		work.own[body] = &work.history.operation[work.history.ops];
		for (unsigned i = 0; i < scene->each[body]; i++) {
			const plan_t *plan = &scene->plan[body][i];
			work.own[body][i] =
				(lease_op_t){.kind = plan->kind, .spot = plan->spot, .client = plan->client};
		}
		work.history.ops += scene->each[body];
	}
}

static void
live(void *context) {
	(void)context;
	const unsigned body = order_body();
	for (unsigned i = 0; i < work.scene->each[body]; i++) {
		lease_history_run(&work.history, &work.own[body][i]);
	}
}

/* As it was in the beginning. */
static void
clear(void) {
	for (uint32_t spot = 0; spot < SPOTS; spot++) {
		lease_op_t op = {.kind = OP_UNRESERVE, .spot = spot};
		if (work.history.model.reserved[spot] != 0) {
			lease_history_run(&work.history, &op);
		}
		op.kind = OP_DELETE;
		if (work.history.model.lease[spot] != 0 && work.history.model.dormant[spot] == 0) {
			lease_history_run(&work.history, &op);
		}
	}
	REQUIRE(lease_history_entries(work.history.engine) == 0);
}

static void
end(void *context) {
	(void)context;
	lease_history_judge(&work.history);
	clear();
}

/* What comes once - pages, the high-water mark, where allocations begin - is there before the first run. */
static void
warm_up(void) {
	lease_op_t op = {.kind = OP_ALLOCATE, .client = 0};
	if (!work.history.is_six) {
		lease_history_run(&work.history, &op);
		work.history.model = lease_history_look(&work.history);
		clear();
	}
	for (uint32_t client = 0; client < SPOTS; client++) {
		do_one((plan_t){OP_CREATE, client, client});
	}
	work.history.model = lease_history_look(&work.history);
	clear();
}

static void
run_scene(const scene_t *scene) {
	lessor_options_t options;
	lessor_options_init(&options);
	options.log = false;
	options.max_leases = 1u << 16;
	memset(&work, 0, sizeof(work));
	work.scene = scene;
	work.history.is_six = scene->is_six;
	REQUIRE_STATUS(lessor_open(NULL, &options, &work.history.engine, NULL), LESSOR_OK);
	lease_history_create_scope(&work.history);
	warm_up();
	order_scene_t order = {.name = scene->name,
			       .bodies = scene->bodies,
			       .preemptions = scene->preemptions,
			       .begin = begin,
			       .end = end};
	for (unsigned i = 0; i < scene->bodies; i++) {
		order.body[i] = live;
	}
	REQUIRE(order_run(&order) > 1);
	REQUIRE_STATUS(lessor_close(&work.history.engine), LESSOR_OK);
}

/* ---- scenes ---------------------------------------------------------------------------------------------------------- */

#define END_OF                                                                                                         \
	{ OP_GET, 0, 0 }
#define NOTHING                                                                                                        \
	{ END_OF }
#define LEASE                                                                                                          \
	{ {OP_CREATE, 0, 0}, END_OF }
#define LEASES                                                                                                         \
	{ {OP_CREATE, 0, 0}, {OP_CREATE, 1, 1}, END_OF }
#define OLD                                                                                                            \
	{ {OP_CREATE_DUE, 0, 0}, END_OF }
#define EMPTY                                                                                                          \
	{ {OP_CREATE, 1, 0}, {OP_RESERVE, 0, 0}, {OP_DELETE, 1, 0}, END_OF }
#define FULL                                                                                                           \
	{ {OP_CREATE, 0, 0}, {OP_CREATE, 1, 1}, {OP_RESERVE, 1, 1}, {OP_CREATE_DUE, 2, 2}, END_OF }
#define TWO_LEASES(s, S)                                                                                               \
	{ {OP_CREATE, s, s}, {OP_CREATE, S, S}, END_OF }
#define ONE(k, s, c)                                                                                                   \
	{                                                                                                              \
		{ k, s, c }                                                                                            \
	}
#define TWO(k, s, c, K, S, C)                                                                                          \
	{                                                                                                              \
		{k, s, c}, {                                                                                           \
			K, S, C                                                                                        \
		}                                                                                                      \
	}

static const scene_t scenes[] = {
	{"create | create: one address", false, 3, 2, NOTHING, {ONE(OP_CREATE, 0, 0), ONE(OP_CREATE, 0, 1)}, {1, 1}},
	{"create | create: one client", false, 2, 2, NOTHING, {ONE(OP_CREATE, 0, 0), ONE(OP_CREATE, 1, 0)}, {1, 1}},
	{"delete | create: one address", false, 3, 2, LEASE, {ONE(OP_DELETE, 0, 0), ONE(OP_CREATE, 0, 1)}, {1, 1}},
	{"delete | create: one client", false, 3, 2, LEASE, {ONE(OP_DELETE, 0, 0), ONE(OP_CREATE, 1, 0)}, {1, 1}},
	{"delete | delete", false, 3, 2, LEASE, {ONE(OP_DELETE, 0, 0), ONE(OP_DELETE_OF, 0, 0)}, {1, 1}},
	{"create | find, get",
	 false,
	 3,
	 2,
	 NOTHING,
	 {ONE(OP_CREATE, 0, 0), TWO(OP_GET_CLIENT, 0, 0, OP_GET, 0, 0)},
	 {1, 2}},
	{"delete | get, find",
	 false,
	 3,
	 2,
	 LEASE,
	 {ONE(OP_DELETE, 0, 0), TWO(OP_GET, 0, 0, OP_GET_CLIENT, 0, 0)},
	 {1, 2}},
	{"delete, create elsewhere | find, get",
	 false,
	 2,
	 2,
	 LEASE,
	 {TWO(OP_DELETE, 0, 0, OP_CREATE, 1, 0), TWO(OP_GET_CLIENT, 0, 0, OP_GET, 0, 0)},
	 {2, 2}},
	{"rename | create of the new client", false, 2, 2, LEASE, {ONE(OP_RENAME, 0, 1), ONE(OP_CREATE, 1, 1)}, {1, 1}},
	{"rename | create of the old client", false, 2, 2, LEASE, {ONE(OP_RENAME, 0, 1), ONE(OP_CREATE, 1, 0)}, {1, 1}},
	{"rename | rename: exchanged clients",
	 false,
	 2,
	 2,
	 LEASES,
	 {ONE(OP_RENAME, 0, 1), ONE(OP_RENAME, 1, 0)},
	 {1, 1}},
	{"rename | find, get",
	 false,
	 2,
	 2,
	 LEASE,
	 {ONE(OP_RENAME, 0, 1), TWO(OP_GET_CLIENT, 0, 1, OP_GET, 0, 0)},
	 {1, 2}},
	{"delete | allocate: the pool is full",
	 false,
	 3,
	 2,
	 FULL,
	 {ONE(OP_DELETE, 0, 0), ONE(OP_ALLOCATE, 0, 3)},
	 {1, 1}},
	{"delete, create | allocate: never two free",
	 false,
	 2,
	 2,
	 FULL,
	 {TWO(OP_DELETE, 0, 0, OP_CREATE, 0, 0), ONE(OP_ALLOCATE, 0, 3)},
	 {2, 1}},
	{"allocate | allocate", false, 2, 2, LEASE, {ONE(OP_ALLOCATE, 0, 1), ONE(OP_ALLOCATE, 0, 2)}, {1, 1}},
	{"allocate | allocate: one client",
	 false,
	 2,
	 2,
	 LEASE,
	 {ONE(OP_ALLOCATE, 0, 1), ONE(OP_ALLOCATE, 0, 1)},
	 {1, 1}},
	{"sweep | renew", false, 2, 2, OLD, {ONE(OP_EXPIRE, 0, 0), ONE(OP_RENEW, 0, 0)}, {1, 1}},
	{"sweep | create: one client", false, 2, 2, OLD, {ONE(OP_EXPIRE, 0, 0), ONE(OP_CREATE, 1, 0)}, {1, 1}},
	{"sweep | sweep", false, 3, 2, OLD, {ONE(OP_EXPIRE, 0, 0), ONE(OP_EXPIRE, 0, 0)}, {1, 1}},
	{"reserve | create of the client elsewhere",
	 false,
	 2,
	 2,
	 NOTHING,
	 {ONE(OP_RESERVE, 0, 0), ONE(OP_CREATE, 1, 0)},
	 {1, 1}},
	{"reserve | create of another client there",
	 false,
	 2,
	 2,
	 NOTHING,
	 {ONE(OP_RESERVE, 0, 0), ONE(OP_CREATE, 0, 1)},
	 {1, 1}},
	{"reserve | reserve: one client", false, 2, 2, NOTHING, {ONE(OP_RESERVE, 0, 0), ONE(OP_RESERVE, 1, 0)}, {1, 1}},
	{"reserve | delete of the client's lease",
	 false,
	 2,
	 2,
	 LEASE,
	 {ONE(OP_RESERVE, 1, 0), ONE(OP_DELETE, 0, 0)},
	 {1, 1}},
	{"release | create: an empty reservation",
	 false,
	 2,
	 2,
	 EMPTY,
	 {ONE(OP_UNRESERVE, 0, 0), ONE(OP_CREATE, 0, 0)},
	 {1, 1}},
	{"release | allocate: an empty reservation",
	 false,
	 2,
	 2,
	 EMPTY,
	 {ONE(OP_UNRESERVE, 0, 0), ONE(OP_ALLOCATE, 0, 0)},
	 {1, 1}},
	{"create | find, get: an empty reservation",
	 false,
	 2,
	 2,
	 EMPTY,
	 {ONE(OP_CREATE, 0, 0), TWO(OP_GET_CLIENT, 0, 0, OP_GET_RESERVATION, 0, 0)},
	 {1, 2}},
	{"create | create | delete: one address",
	 false,
	 1,
	 3,
	 LEASE,
	 {ONE(OP_CREATE, 0, 1), ONE(OP_CREATE, 0, 2), ONE(OP_DELETE, 0, 0)},
	 {1, 1, 1}},
	{"create | create | delete: one client",
	 false,
	 1,
	 3,
	 LEASE,
	 {ONE(OP_CREATE, 1, 0), ONE(OP_CREATE, 2, 0), ONE(OP_DELETE, 0, 0)},
	 {1, 1, 1}},
	{"rename | rename | create",
	 false,
	 1,
	 3,
	 LEASES,
	 {ONE(OP_RENAME, 0, 2), ONE(OP_RENAME, 1, 2), ONE(OP_CREATE, 2, 2)},
	 {1, 1, 1}},
	{"delete | get, create: one client",
	 false,
	 2,
	 2,
	 LEASE,
	 {ONE(OP_DELETE, 0, 0), TWO(OP_GET, 0, 0, OP_CREATE, 1, 0)},
	 {1, 2}},
	{"create | delete, count",
	 false,
	 2,
	 2,
	 NOTHING,
	 {ONE(OP_CREATE, 0, 0), TWO(OP_DELETE, 0, 0, OP_COUNT, 0, 0)},
	 {1, 2}},
	{"rename | find the old client, get",
	 false,
	 2,
	 2,
	 LEASE,
	 {ONE(OP_RENAME, 0, 1), TWO(OP_GET_CLIENT, 0, 0, OP_GET, 0, 0)},
	 {1, 2}},
	{"rename | get: long texts",
	 false,
	 2,
	 2,
	 {{OP_CREATE, 0, 1}, END_OF},
	 {ONE(OP_RENAME, 0, 2), TWO(OP_GET, 0, 0, OP_GET_CLIENT, 0, 1)},
	 {1, 2}},
	{"delete | get: long texts",
	 false,
	 2,
	 2,
	 {{OP_CREATE, 0, 1}, END_OF},
	 {ONE(OP_DELETE, 0, 0), TWO(OP_GET_CLIENT, 0, 1, OP_GET, 0, 0)},
	 {1, 2}},
	{"delete | get, allocate: the pool is full",
	 false,
	 2,
	 2,
	 FULL,
	 {ONE(OP_DELETE, 0, 0), TWO(OP_GET, 0, 0, OP_ALLOCATE, 0, 3)},
	 {1, 2}},
	{"create | allocate, get: one is free",
	 false,
	 2,
	 2,
	 TWO_LEASES(0, 1),
	 {ONE(OP_CREATE, 2, 2), TWO(OP_ALLOCATE, 0, 3, OP_GET, 2, 0)},
	 {1, 2}},
	{"delete, create | allocate: one is always free (1)",
	 false,
	 2,
	 2,
	 TWO_LEASES(0, 1),
	 {TWO(OP_DELETE, 1, 1, OP_CREATE, 2, 2), ONE(OP_ALLOCATE, 0, 3)},
	 {2, 1}},
	{"delete, create | allocate: one is always free (2)",
	 false,
	 2,
	 2,
	 TWO_LEASES(1, 2),
	 {TWO(OP_DELETE, 1, 1, OP_CREATE, 0, 0), ONE(OP_ALLOCATE, 0, 3)},
	 {2, 1}},
	{"delete | allocate | get, create: one is always free",
	 false,
	 2,
	 3,
	 TWO_LEASES(0, 1),
	 {ONE(OP_DELETE, 1, 1), ONE(OP_ALLOCATE, 0, 3), TWO(OP_GET, 1, 1, OP_CREATE, 2, 2)},
	 {1, 1, 2}},
	{"reserve, delete | allocate: the client's own",
	 false,
	 2,
	 2,
	 LEASE,
	 {TWO(OP_RESERVE, 1, 0, OP_DELETE, 0, 0), ONE(OP_ALLOCATE, 0, 0)},
	 {2, 1}},
	{"IPv6: create | create: one address",
	 true,
	 2,
	 2,
	 NOTHING,
	 {ONE(OP_CREATE, 0, 0), ONE(OP_CREATE, 0, 1)},
	 {1, 1}},
	{"IPv6: create | create: one client",
	 true,
	 2,
	 2,
	 NOTHING,
	 {ONE(OP_CREATE, 0, 0), ONE(OP_CREATE, 1, 0)},
	 {1, 1}},
	{"IPv6: delete | create: one address", true, 2, 2, LEASE, {ONE(OP_DELETE, 0, 0), ONE(OP_CREATE, 0, 1)}, {1, 1}},
	{"IPv6: delete | create: one client", true, 2, 2, LEASE, {ONE(OP_DELETE, 0, 0), ONE(OP_CREATE, 1, 0)}, {1, 1}},
	{"IPv6: delete, create | get, find: a slot changes hands",
	 true,
	 2,
	 2,
	 LEASE,
	 {TWO(OP_DELETE, 0, 0, OP_CREATE, 1, 1), TWO(OP_GET, 0, 0, OP_GET_CLIENT, 0, 0)},
	 {2, 2}},
	{"IPv6: delete, create | rename: a slot changes hands",
	 true,
	 2,
	 2,
	 LEASE,
	 {TWO(OP_DELETE, 0, 0, OP_CREATE, 1, 1), ONE(OP_RENAME, 0, 2)},
	 {2, 1}},
	{"IPv6: sweep | renew", true, 2, 2, OLD, {ONE(OP_EXPIRE, 0, 0), ONE(OP_RENEW, 0, 0)}, {1, 1}},
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
	return cmocka_run_group_tests_name("order_leases", tests, NULL, NULL);
}
