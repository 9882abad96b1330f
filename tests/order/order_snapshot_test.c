/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A snapshot beside one or two writers, in every order of their steps with a few preemptions. Behind each order two disks are opened: as it was when the snapshot got its
 * name, and as it is in the end. Each must show exactly the state at the place where its log ends, which the tickets of the changes tell; the second all of them.
 *
 * Whether that is a test of anything is tested with faults that are built into the engine: LSR_PLANT.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <lessor/lessor.h>

#include "base/base.h"
#include "base/io.h"
#include "lease_history.h"
#include "log/log.h"
#include "memory_disk.h"
#include "order.h"
#include "torture.h"
#include "view.h"

#define EACH_MAX 3u

/* What is no operation of one lease. */
typedef enum { LEASES, CONFIGURE, RANGE_GOES, SCOPE_GOES, FILTER } what_t;

typedef struct {
	what_t what;
	lease_op_kind_t kind;
	uint32_t spot;
	uint32_t client;
} plan_t;

typedef struct {
	const char *name;
	bool is_six;
	unsigned preemptions;
	unsigned bodies;  /* the first takes the snapshot */
	plan_t before[4]; /* what is there; ends with a read */
	plan_t plan[ORDER_BODIES_MAX][EACH_MAX];
	unsigned each[ORDER_BODIES_MAX];
} scene_t;

typedef struct {
	plan_t plan;
	lease_op_t *op;
	lessor_status_t status;
	lessor_ticket_t ticket;
} done_t;

typedef struct {
	lease_model_t leases;
	uint32_t lease_s; /* of the scope; 0: it is gone */
	uint64_t deletes;
	unsigned filters;
} model_t;

static const scene_t *scene;
static lease_history_t history;
static done_t done[HISTORY_OPS_MAX];
static unsigned done_count;
static unsigned first_of[ORDER_BODIES_MAX];
static model_t before;
static memory_image_t *at_first;
static memory_image_t *at_rename;
static memory_image_t *at_end;
static bool was_renamed;

#define LEASE_S 1000u

/* ---- the model ------------------------------------------------------------------------------------------------------- */

static void
clear_leases(model_t *model, bool reserved_too) {
	for (uint32_t spot = 0; spot < SPOTS; spot++) {
		if (reserved_too || model->leases.reserved[spot] == 0) {
			model->deletes += model->leases.lease[spot] != 0;
			model->leases.lease[spot] = model->leases.due[spot] = 0;
			model->leases.dormant[spot] = model->leases.reserved[spot] = 0;
		}
	}
}

static void
change(model_t *model, const done_t *change_) {
	const lease_op_kind_t kind = change_->plan.kind;
	switch (change_->plan.what) {
	case LEASES:
		model->deletes += kind == OP_DELETE || kind == OP_EXPIRE ||
				  (kind == OP_UNRESERVE && model->leases.dormant[change_->op->spot] != 0);
		REQUIRE_STATUS(lease_model_change(&model->leases, change_->op), LESSOR_OK);
		break;
	case CONFIGURE:
		model->lease_s = LEASE_S + change_->plan.client;
		break;
	case RANGE_GOES:
		clear_leases(model, false);
		break;
	case FILTER:
		model->filters = 1;
		break;
	default:
		clear_leases(model, true);
		model->lease_s = 0;
		model->deletes = 0;
		break;
	}
}

static int
by_ticket(const void *a, const void *b) {
	const done_t *left = a;
	const done_t *right = b;
	return (left->ticket > right->ticket) - (left->ticket < right->ticket);
}

/* Behind all changes up to this place of the log. */
static model_t
model_at(uint64_t end) {
	done_t sorted[HISTORY_OPS_MAX];
	model_t model = before;
	memcpy(sorted, done, sizeof(sorted));
	qsort(sorted, done_count, sizeof(sorted[0]), by_ticket);
	for (unsigned i = 0; i < done_count; i++) {
		if (sorted[i].ticket != 0 && sorted[i].ticket <= end) {
			change(&model, &sorted[i]);
		}
	}
	return model;
}

static model_t
look(lessor_engine_t *engine) {
	lease_history_t there = {.engine = engine, .is_six = scene->is_six};
	model_t model = {.leases = lease_history_look(&there)};
	uint32_t position = 0;
	lessor_filter_t filter;
	lessor_scope_t scope;
	lessor_scope_stats_t stats;
	lessor_scope6_t scope6;
	lessor_scope6_stats_t stats6;
	if (scene->is_six) {
		REQUIRE_STATUS(lessor_scope6_get(engine, PREFIX, &scope6, NULL, 0), LESSOR_OK);
		REQUIRE_STATUS(lessor_scope6_stats(engine, PREFIX, &stats6), LESSOR_OK);
		model.lease_s = LEASE_S;
		model.deletes = stats6.deletes;
	} else if (lessor_scope_get(engine, SUBNET, &scope, NULL, 0) == LESSOR_OK) {
		REQUIRE_STATUS(lessor_scope_stats(engine, SUBNET, &stats), LESSOR_OK);
		model.lease_s = scope.lease_s;
		model.deletes = stats.deletes;
	}
	while (lessor_filter_next(engine, LESSOR_FILTER_DENY, &position, &filter, NULL, 0) == LESSOR_OK) {
		model.filters++;
	}
	return model;
}

static bool
is_same(const model_t *a, const model_t *b) {
	return memcmp(&a->leases, &b->leases, sizeof(a->leases)) == 0 && a->lease_s == b->lease_s &&
	       a->deletes == b->deletes && a->filters == b->filters;
}

static void
explain(const char *which, const model_t *model) {
	(void)fprintf(stderr, "%s: scope %u, deletes %llu, filters %u;", which, model->lease_s,
		      (unsigned long long)model->deletes, model->filters);
	for (uint32_t spot = 0; spot < SPOTS; spot++) {
		(void)fprintf(stderr, " %u/%u/%u", model->leases.lease[spot], model->leases.due[spot],
			      model->leases.reserved[spot]);
	}
	(void)fprintf(stderr, "\n");
}

static void
require_same(const char *where, const model_t *wanted, const model_t *found, uint64_t end) {
	if (!is_same(wanted, found)) {
		(void)fprintf(stderr, "%s, log up to %llu\n", where, (unsigned long long)end);
		explain("wanted", wanted);
		explain("found", found);
		for (unsigned i = 0; i < done_count; i++) {
			(void)fprintf(stderr, "change %d %d at %u: %s, ticket %llu\n", (int)done[i].plan.what,
				      (int)done[i].plan.kind, done[i].plan.spot, lessor_status_name(done[i].status),
				      (unsigned long long)done[i].ticket);
		}
	}
	REQUIRE(is_same(wanted, found));
}

/* ---- doing it -------------------------------------------------------------------------------------------------------- */

static void
do_other(done_t *now) {
	const lessor_scope_t scope = {.subnet = SUBNET, .lease_s = LEASE_S + now->plan.client};
	const lessor_filter_t filter = {.hardware_type = 1, .pattern_bytes = 6, .pattern = {2, 3, 4, 5, 6, 7}};
	switch (now->plan.what) {
	case CONFIGURE:
		now->status = lessor_scope_update(history.engine, &scope, LESSOR_SCOPE_FIELD_LEASE_S, LESSOR_ASYNC,
						  &now->ticket);
		break;
	case RANGE_GOES:
		now->status =
			lessor_scope_remove_range(history.engine, SUBNET, (lessor_range_t){SUBNET + 1, SUBNET + SPOTS},
						  true, LESSOR_ASYNC, &now->ticket);
		break;
	case FILTER:
		now->status = lessor_filter_add(history.engine, &filter, true, LESSOR_ASYNC, &now->ticket);
		break;
	default:
		now->status = lessor_scope_delete(history.engine, SUBNET, true, LESSOR_ASYNC, &now->ticket);
		break;
	}
	REQUIRE_STATUS(now->status, LESSOR_OK);
}

static void
do_one(done_t *now) {
	if (now->plan.what != LEASES) {
		do_other(now);
		return;
	}
	lease_history_run(&history, now->op);
	now->status = now->op->status;
	now->ticket = lease_op_changed(now->op) ? now->op->ticket : 0;
}

static void
live(void *context) {
	(void)context;
	const unsigned body = order_body();
	if (body == 0) {
		REQUIRE_STATUS(lessor_snapshot(history.engine, NULL), LESSOR_OK);
		return;
	}
	for (unsigned i = 0; i < scene->each[body]; i++) {
		do_one(&done[first_of[body] + i]);
	}
}

/* ---- one run ----------------------------------------------------------------------------------------------------------- */

static void
renamed(const char *to) {
	if (strncmp(to, "snapshot-", 9) == 0) {
		memory_disk_keep(&at_rename);
		was_renamed = true;
	}
}

static void
open_store(bool read_only) {
	lessor_options_t options;
	lessor_report_t report;
	lessor_options_init(&options);
	options.read_only = read_only;
	options.max_leases = 1u << 16;
	options.ring_size_bytes = options.segment_size_bytes = LSR_RING_MIN_BYTES;
	options.snapshot_after_bytes = UINT64_MAX;
	const lessor_status_t status = lessor_open(".", &options, &history.engine, &report);
	if (status != LESSOR_OK) {
		(void)fprintf(stderr, "%s\n", report.sentence);
	}
	REQUIRE_STATUS(status, LESSOR_OK);
}

static void
begin(void *context) {
	(void)context;
	memory_disk_load(at_first);
	was_renamed = false;
	open_store(false);
	history.ops = 0;
	done_count = 0;
	for (unsigned body = 1; body < scene->bodies; body++) {
		first_of[body] = done_count;
		for (unsigned i = 0; i < scene->each[body]; i++) {
			const plan_t *plan = &scene->plan[body][i];
			lease_op_t *op = &history.operation[history.ops];
			*op = (lease_op_t){.kind = plan->kind, .spot = plan->spot, .client = plan->client};
			history.ops += plan->what == LEASES;
			done[done_count++] = (done_t){.plan = *plan, .op = op};
		}
	}
}

/* Open what is on the disk now. */
static uint64_t
judge(const char *where, const view_t *wanted) {
	open_store(true);
	const uint64_t end = lessor_last_ticket(history.engine);
	const model_t model = model_at(end);
	const model_t found = look(history.engine);
	require_same(where, &model, &found, end);
	if (wanted != NULL) {
		view_t view = view_take(history.engine);
		if (!view_is_equal(wanted, &view)) {
			view_explain(wanted, &view);
		}
		REQUIRE(view_is_equal(wanted, &view));
		view_free(&view);
	}
	torture_require_sound(history.engine);
	REQUIRE_STATUS(lessor_close(&history.engine), LESSOR_OK);
	return end;
}

static void
end(void *context) {
	(void)context;
	REQUIRE(was_renamed);
	const uint64_t last = lessor_last_ticket(history.engine);
	const model_t model = model_at(last);
	const model_t found = look(history.engine);
	require_same("before closing", &model, &found, last);
	view_t view = view_take(history.engine);
	REQUIRE_STATUS(lessor_close(&history.engine), LESSOR_OK);
	memory_disk_keep(&at_end);
	memory_disk_load(at_rename);
	(void)judge("when the snapshot had its name", NULL);
	memory_disk_load(at_end);
	REQUIRE(judge("in the end", &view) >= last);
	view_free(&view);
}

/* What every run begins with. */
static void
make_store(void) {
	memory_disk_use(NULL);
	memset(&history, 0, sizeof(history));
	history.is_six = scene->is_six;
	open_store(false);
	lease_history_create_scope(&history);
	if (!scene->is_six) {
		done_t configured = {.plan = {.what = CONFIGURE}};
		do_other(&configured);
	}
	for (unsigned i = 0; scene->before[i].kind != OP_GET; i++) {
		const plan_t *plan = &scene->before[i];
		lease_op_t op = {.kind = plan->kind, .spot = plan->spot, .client = plan->client};
		lease_history_run(&history, &op);
		REQUIRE_STATUS(op.status, LESSOR_OK);
	}
	before = look(history.engine);
	REQUIRE_STATUS(lessor_close(&history.engine), LESSOR_OK);
	memory_disk_keep(&at_first);
	memory_disk_use(renamed);
}

static void
run_scene(const scene_t *next) {
	scene = next;
	make_store();
	order_scene_t order = {.name = scene->name,
			       .bodies = scene->bodies,
			       .preemptions = scene->preemptions,
			       .bodies_first = true,
			       .begin = begin,
			       .end = end};
	for (unsigned i = 0; i < scene->bodies; i++) {
		order.body[i] = live;
	}
	REQUIRE(order_run(&order) > 1);
}

/* ---- scenes ---------------------------------------------------------------------------------------------------------- */

#define END_OF                                                                                                         \
	{ LEASES, OP_GET, 0, 0 }
#define OP(kind, spot, client)                                                                                         \
	{ LEASES, OP_##kind, spot, client }
#define NOTHING                                                                                                        \
	{ END_OF }
#define LEASE                                                                                                          \
	{ OP(CREATE, 0, 0), END_OF }
#define TWO                                                                                                            \
	{ OP(CREATE, 0, 0), OP(CREATE, 1, 1), END_OF }
#define SNAPSHOT                                                                                                       \
	{ END_OF }

#define DUE_ONE                                                                                                        \
	{ OP(CREATE_DUE, 0, 0), OP(CREATE, 1, 1), END_OF }
#define RESERVED                                                                                                       \
	{ OP(RESERVE, 0, 0), OP(CREATE, 1, 1), END_OF }
#define OTHER(what, number)                                                                                            \
	{ what, OP_GET, 0, number }

static const scene_t scenes[] = {
	{"snapshot | create", false, 2, 2, NOTHING, {SNAPSHOT, {OP(CREATE, 0, 1)}}, {0, 1}},
	{"snapshot | delete", false, 1, 2, TWO, {SNAPSHOT, {OP(DELETE, 0, 0)}}, {0, 1}},
	{"snapshot | rename", false, 1, 2, TWO, {SNAPSHOT, {OP(RENAME, 0, 2)}}, {0, 1}},
	{"snapshot | delete, create: another address",
	 false,
	 1,
	 2,
	 TWO,
	 {SNAPSHOT, {OP(DELETE, 0, 0), OP(CREATE, 2, 0)}},
	 {0, 2}},
	{"snapshot | delete, create: an earlier address",
	 false,
	 1,
	 2,
	 TWO,
	 {SNAPSHOT, {OP(DELETE, 1, 1), OP(DELETE, 0, 0), OP(CREATE, 0, 1)}},
	 {0, 3}},
	{"snapshot | rename, rename back",
	 false,
	 1,
	 2,
	 TWO,
	 {SNAPSHOT, {OP(RENAME, 0, 2), OP(RENAME, 0, 0), OP(RENEW, 1, 1)}},
	 {0, 3}},
	{"snapshot | sweep", false, 1, 2, DUE_ONE, {SNAPSHOT, {OP(EXPIRE, 0, 0)}}, {0, 1}},
	{"snapshot | reserve, create", false, 1, 2, LEASE, {SNAPSHOT, {OP(RESERVE, 2, 2), OP(CREATE, 2, 2)}}, {0, 2}},
	{"snapshot | give up, create",
	 false,
	 1,
	 2,
	 RESERVED,
	 {SNAPSHOT, {OP(UNRESERVE, 0, 0), OP(CREATE, 0, 2)}},
	 {0, 2}},
	{"snapshot | create | delete",
	 false,
	 1,
	 3,
	 LEASE,
	 {SNAPSHOT, {OP(CREATE, 1, 1)}, {OP(DELETE, 0, 0)}},
	 {0, 1, 1}},
	{"snapshot | allocate | rename",
	 false,
	 1,
	 3,
	 LEASE,
	 {SNAPSHOT, {OP(ALLOCATE, 0, 1)}, {OP(RENAME, 0, 2)}},
	 {0, 1, 1}},
	{"snapshot | configure | create",
	 false,
	 1,
	 3,
	 LEASE,
	 {SNAPSHOT, {OTHER(CONFIGURE, 1), OTHER(CONFIGURE, 2)}, {OP(CREATE, 1, 1)}},
	 {0, 2, 1}},
	{"snapshot | filter", false, 1, 2, LEASE, {SNAPSHOT, {OTHER(FILTER, 0)}}, {0, 1}},
	{"snapshot | range goes | create",
	 false,
	 1,
	 3,
	 LEASE,
	 {SNAPSHOT, {OTHER(RANGE_GOES, 0)}, {OP(CREATE, 1, 1)}},
	 {0, 1, 1}},
	{"snapshot | scope goes | create",
	 false,
	 1,
	 3,
	 LEASE,
	 {SNAPSHOT, {OTHER(SCOPE_GOES, 0)}, {OP(CREATE, 1, 1)}},
	 {0, 1, 1}},
	{"IPv6: snapshot | create | delete",
	 true,
	 1,
	 3,
	 LEASE,
	 {SNAPSHOT, {OP(CREATE, 1, 1)}, {OP(DELETE, 0, 0)}},
	 {0, 1, 1}},
	{"IPv6: snapshot | delete, create: the slot of another",
	 true,
	 1,
	 2,
	 TWO,
	 {SNAPSHOT, {OP(DELETE, 0, 0), OP(CREATE, 2, 2)}},
	 {0, 2}},
};

static void
run_scenes(void **state) {
	(void)state;
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		run_scene(&scenes[i]);
	}
	lsr_io = &lsr_io_system;
}

/* ---- planted faults ------------------------------------------------------------------------------------------------- */

typedef struct {
	int fault;
	const char *name;
} plant_t;

static const plant_t plants[] = {
	{LSR_PLANT_FROM_LATE, "the position is taken behind the grace period"},
	{LSR_PLANT_NO_GRACE, "no grace period"},
	{LSR_PLANT_NO_WAIT, "it counts before the log holds what it shows"},
};

static void
run_planted(int fault) {
	const struct rlimit no_core = {0};
	const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	REQUIRE(nowhere >= 0 && dup2(nowhere, STDERR_FILENO) >= 0 && dup2(nowhere, STDOUT_FILENO) >= 0);
	lsr_planted = fault;
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		run_scene(&scenes[i]);
	}
	_exit(0);
}

static void
planted_faults_are_noticed(void **state) {
	(void)state;
	for (size_t i = 0; i < sizeof(plants) / sizeof(plants[0]); i++) {
		int outcome;
		const pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			run_planted(plants[i].fault);
		}
		assert_int_equal(child, waitpid(child, &outcome, 0));
		print_message("%s: %s\n", plants[i].name, WIFSIGNALED(outcome) ? "noticed" : "NOT NOTICED");
		assert_true(WIFSIGNALED(outcome) && WTERMSIG(outcome) == SIGABRT);
	}
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(planted_faults_are_noticed),
		cmocka_unit_test(run_scenes),
	};
	return cmocka_run_group_tests_name("order_snapshot", tests, NULL, NULL);
}
