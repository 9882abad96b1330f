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

/* What comes once - pages, the high-water mark - is there before the first run. */
static void
warm_up(void) {
	for (uint32_t client = 0; client < FOLK; client++) {
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

#define NOTHING          {{OP_GET, 0, 0}}
#define LEASE(s, c)      {{OP_CREATE, s, c}, {OP_GET, 0, 0}}
#define LEASES           {{OP_CREATE, 0, 0}, {OP_CREATE, 1, 1}, {OP_GET, 0, 0}}
#define OLD              {{OP_CREATE_DUE, 0, 0}, {OP_GET, 0, 0}}
/* Address 2 is not of the first two: reserved for nobody's use, so that the pool has two addresses. */
#define EMPTY            {{OP_CREATE, 1, 0}, {OP_RESERVE, 0, 0}, {OP_DELETE, 1, 0}, {OP_GET, 0, 0}}

static const scene_t scenes[] = {
	{"two creates of one address", false, 3, 2, NOTHING, {{{OP_CREATE, 0, 0}}, {{OP_CREATE, 0, 1}}}, {1, 1}},
	{"two creates of one client", false, 3, 2, NOTHING, {{{OP_CREATE, 0, 0}}, {{OP_CREATE, 1, 0}}}, {1, 1}},
	{"create against delete of the address", false, 3, 2, LEASE(0, 0), {{{OP_DELETE, 0, 0}}, {{OP_CREATE, 0, 1}}}, {1, 1}},
	{"create against delete of the client's lease", false, 3, 2, LEASE(0, 0), {{{OP_DELETE, 0, 0}}, {{OP_CREATE, 1, 0}}}, {1, 1}},
	{"look-ups against a create", false, 3, 2, NOTHING, {{{OP_CREATE, 0, 0}}, {{OP_GET_CLIENT, 0, 0}, {OP_GET, 0, 0}}}, {1, 2}},
	{"look-ups against a delete", false, 3, 2, LEASE(0, 0), {{{OP_DELETE, 0, 0}}, {{OP_GET, 0, 0}, {OP_GET_CLIENT, 0, 0}}}, {1, 2}},
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
