/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of IPv6 leases: what is different from quota_test.c, whose keys count leases of both families; every way in which such a lease comes and goes; and a restart in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <lessor/limit.h>

#include "scratch.h"

#define PREFIX  UINT64_C(0x20010DB800000000)
#define OTHER   (PREFIX + 1)
#define SUBNET  IP(10, 1, 0, 0)
#define THREADS 4u
#define EACH    60u

static char directory[SCRATCH_PATH_BYTES];
static lessor_engine_t *engine;

static int
begin(void **state) {
	(void)state;
	scratch_make_fast(directory);
	engine = scratch_open_log(directory);
	for (uint64_t prefix = PREFIX; prefix <= OTHER; prefix++) {
		const lessor_scope6_t scope = {.prefix = prefix};
		assert_status(LESSOR_OK, lessor_scope6_create(engine, &scope, LESSOR_ASYNC, NULL));
	}
	scratch_scope_add(engine, SUBNET, IP(255, 255, 255, 0), true);
	return 0;
}

static void
check(void) {
	scratch_check(engine);
}

static int
end(void **state) {
	(void)state;
	scratch_close_store(engine, directory);
	return 0;
}

static void
reopen(void) {
	engine = scratch_reopen(engine, directory);
}

/* ---- what tests say --------------------------------------------------------------------------------------------------- */

static lessor_limit_key_t
tag(const char *text) {
	lessor_limit_key_t key = {.kind = LESSOR_LIMIT_TAG, .size_bytes = (uint8_t)strlen(text)};
	memcpy(key.bytes, text, key.size_bytes);
	return key;
}

static void
set(const char *text, uint32_t max) {
	const lessor_limit_key_t key = tag(text);
	assert_status(LESSOR_OK, lessor_limit_set(engine, &key, max, LESSOR_ASYNC, NULL));
}

static void
assert_leases(const char *text, uint32_t leases) {
	lessor_limit_t limit;
	const lessor_limit_key_t key = tag(text);
	assert_status(LESSOR_OK, lessor_limit_get(engine, &key, &limit));
	assert_int_equal(limit.leases, leases);
}

static void
limit_scope(uint64_t prefix, uint32_t max) {
	const lessor_scope6_t scope = {.prefix = prefix, .max_leases = max};
	assert_status(LESSOR_OK,
		      lessor_scope6_update(engine, &scope, LESSOR_SCOPE_FIELD_MAX_LEASES, LESSOR_ASYNC, NULL));
}

static const uint8_t duid[10] = {0, 3, 0, 1, 2, 0, 0x5E, 0x10, 0, 1};

/* Of the client whose IAID is the address. */
static lessor_lease6_t
make(uint64_t prefix, uint64_t low, const lessor_limit_key_t *key) {
	lessor_lease6_t lease;
	lessor_lease6_init(&lease);
	lease.address = (lessor_address6_t){prefix, low};
	lease.duid = duid;
	lease.duid_bytes = sizeof(duid);
	lease.iaid = (uint32_t)low;
	lease.name = "a name that has no room in the body";
	lease.limit_key = key;
	lease.limit_keys = key != NULL;
	return lease;
}

static lessor_status_t
create(uint64_t low, const char *text) {
	const lessor_limit_key_t key = tag(text != NULL ? text : "-");
	const lessor_lease6_t lease = make(PREFIX, low, text != NULL ? &key : NULL);
	return lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL);
}

static lessor_status_t
rekey(uint64_t low, const char *text) {
	const lessor_limit_key_t key = tag(text != NULL ? text : "-");
	const lessor_lease6_t lease = make(PREFIX, low, text != NULL ? &key : NULL);
	return lessor_lease6_update(engine, &lease, LESSOR_FIELD_LIMIT_KEYS, LESSOR_ASYNC, NULL);
}

static lessor_status_t
allocate(uint64_t hint, uint32_t iaid, const char *text) {
	const lessor_limit_key_t key = tag(text);
	lessor_lease6_t lease = make(PREFIX, 1, &key);
	lease.iaid = iaid;
	return lessor_lease6_allocate(engine, PREFIX, hint, &lease, LESSOR_ASYNC, NULL);
}

static void
remove_lease(uint64_t low) {
	assert_status(LESSOR_OK, lessor_lease6_delete(engine, (lessor_address6_t){PREFIX, low}, LESSOR_ASYNC, NULL));
}

static lessor_status_t
reserve(uint64_t low, uint32_t iaid) {
	const lessor_reservation6_t reservation = {
		.address = {PREFIX, low}, .duid = duid, .duid_bytes = sizeof(duid), .iaid = iaid};
	return lessor_reservation6_create(engine, PREFIX, &reservation, LESSOR_ASYNC, NULL);
}

/* ---- one caller -------------------------------------------------------------------------------------------------------- */

static void
test_a_scope_takes_so_many(void **state) {
	(void)state;
	lessor_scope6_t scope;
	limit_scope(PREFIX, 2);
	assert_status(LESSOR_OK, lessor_scope6_get(engine, PREFIX, &scope, NULL, 0));
	assert_int_equal(scope.max_leases, 2);
	assert_status(LESSOR_OK, create(1, NULL));
	assert_status(LESSOR_OK, create(2, NULL));
	assert_status(LESSOR_QUOTA, create(3, NULL));
	assert_status(LESSOR_ADDRESS_TAKEN, create(2, NULL));
	const lessor_lease6_t elsewhere = make(OTHER, 1, NULL);
	assert_status(LESSOR_OK, lessor_lease6_create(engine, &elsewhere, LESSOR_ASYNC, NULL));
	remove_lease(1);
	assert_status(LESSOR_OK, create(3, NULL));
	assert_status(LESSOR_QUOTA, create(1, NULL));
	limit_scope(PREFIX, 0);
	assert_status(LESSOR_OK, create(1, NULL));
}

static void
test_both_families_share_a_key(void **state) {
	(void)state;
	uint8_t id[6];
	char buffer[512];
	lessor_lease6_t got;
	const lessor_limit_key_t key = tag("line");
	lessor_lease_t four = scratch_lease_numbered(SUBNET + 1, 1, id);
	four.limit_key = &key;
	four.limit_keys = 1;
	set("line", 2);
	assert_status(LESSOR_OK, create(1, "line"));
	assert_status(LESSOR_OK,
		      lessor_lease6_get(engine, (lessor_address6_t){PREFIX, 1}, &got, buffer, sizeof(buffer)));
	assert_int_equal(got.limit_keys, 1);
	assert_memory_equal(got.limit_key, &key, sizeof(key));
	assert_status(LESSOR_OK, lessor_lease_create(engine, &four, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_QUOTA, create(2, "line"));
	assert_status(LESSOR_OK, lessor_lease_delete(engine, SUBNET + 1, NULL, 0, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, create(2, "line"));
	assert_status(LESSOR_QUOTA, lessor_lease_create(engine, &four, LESSOR_ASYNC, NULL));
	assert_leases("line", 2);
}

static void
test_updates_allocations_and_batches(void **state) {
	(void)state;
	lessor_status_t statuses[3];
	const lessor_limit_key_t key = tag("line");
	const lessor_lease6_t batch[] = {make(PREFIX, 11, &key), make(PREFIX, 12, NULL), make(PREFIX, 13, &key)};
	set("line", 2);
	assert_status(LESSOR_OK, lessor_lease6_create_batch(engine, batch, 3, statuses, LESSOR_ASYNC, NULL));
	assert_int_equal(statuses[0] | statuses[1] | statuses[2], LESSOR_OK);
	assert_status(LESSOR_QUOTA, rekey(12, "line"));
	assert_status(LESSOR_QUOTA, allocate(0, 100, "line"));
	assert_status(LESSOR_QUOTA, allocate(50, 100, "line"));
	assert_status(LESSOR_OK, rekey(11, "line"));
	assert_status(LESSOR_OK, rekey(11, NULL));
	assert_leases("line", 1);
	assert_status(LESSOR_OK, allocate(0, 100, "line"));
	assert_status(LESSOR_QUOTA, rekey(11, "line"));
	lessor_lease6_t renewed = make(PREFIX, 13, NULL);
	renewed.expires_at = renewed.preferred_expires_at = 1; /* a tail of its own, or none: the keys stay */
	assert_status(LESSOR_OK, lessor_lease6_update(engine, &renewed, LESSOR_FIELD_EXPIRES | LESSOR_FIELD_NAME,
						      LESSOR_ASYNC, NULL));
	assert_leases("line", 2);
	limit_scope(PREFIX, 4);
	assert_status(LESSOR_QUOTA, allocate(0, 101, "other"));
}

static void
test_leases_that_end(void **state) {
	(void)state;
	lessor_cursor6_t cursor;
	lessor_expire_options_t options;
	const lessor_limit_key_t key = tag("line");
	lessor_lease6_t lease = make(PREFIX, 1, &key);
	lease.expires_at = lease.preferred_expires_at = 1000;
	set("line", 2);
	limit_scope(PREFIX, 2);
	assert_status(LESSOR_OK, lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL));
	lease = make(OTHER, 2, &key);
	assert_status(LESSOR_OK, lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_QUOTA, create(3, "line"));
	lessor_expire_options_init(&options);
	options.grace_s = 0;
	lessor_cursor6_init(&cursor, (lessor_address6_t){0, 0}, (lessor_address6_t){UINT64_MAX, UINT64_MAX});
	while (lessor_expire6(engine, lessor_time_now(), &options, &cursor, NULL, LESSOR_ASYNC, NULL) == LESSOR_OK) {
	}
	assert_leases("line", 1);
	assert_status(LESSOR_OK, lessor_scope6_delete(engine, OTHER, true, LESSOR_ASYNC, NULL));
	assert_leases("line", 0);
	assert_status(LESSOR_OK, create(3, "line"));
	assert_status(LESSOR_OK, create(4, "line"));
	assert_leases("line", 2);
}

static void
test_reservations(void **state) {
	(void)state;
	set("line", 2);
	limit_scope(PREFIX, 2);
	assert_status(LESSOR_OK, create(1, "line"));
	assert_status(LESSOR_OK, create(2, "line"));
	assert_status(LESSOR_QUOTA, reserve(9, 9)); /* it would bring a lease */
	check();
	assert_status(LESSOR_OK, reserve(7, 1)); /* a lease that moves needs no room */
	check();
	assert_leases("line", 2);
	assert_status(LESSOR_OK, reserve(2, 9)); /* in the place of another client's */
	check();
	assert_leases("line", 1);
	assert_status(LESSOR_QUOTA, create(3, NULL));
	limit_scope(PREFIX, 3);
	assert_status(LESSOR_OK, create(3, "line"));
	assert_status(LESSOR_OK, reserve(3, 7));
	assert_leases("line", 1);
	assert_status(LESSOR_QUOTA, create(4, NULL));
	check();
	/* A lease that moves into the place of another one: that one is gone. */
	limit_scope(PREFIX, 5);
	set("line", 9);
	assert_status(LESSOR_OK, create(20, "line"));
	assert_status(LESSOR_OK, create(21, "line"));
	assert_leases("line", 3);
	assert_status(LESSOR_QUOTA, create(22, NULL));
	assert_status(LESSOR_OK, reserve(21, 20));
	assert_leases("line", 2);
	assert_status(LESSOR_OK, create(22, NULL));
	assert_status(LESSOR_QUOTA, create(23, NULL));
	check();
	reopen();
	assert_leases("line", 2);
	assert_status(LESSOR_QUOTA, create(23, NULL));
}

/* A reserved address without a lease: its client takes it if there is room. */
static void
test_taking_a_reserved_place(void **state) {
	(void)state;
	const lessor_address6_t first = {PREFIX, 1};
	const lessor_limit_key_t key = tag("line");
	lessor_lease6_t lease = make(PREFIX, 1, NULL);
	lease.iaid = 5;
	/* The lease of client 5 is kept where it is by another client's reservation, with which it goes; its own stays empty. */
	assert_status(LESSOR_OK, reserve(1, 2));
	assert_status(LESSOR_OK, lessor_lease6_update(engine, &lease, LESSOR_FIELD_CLIENT_ID, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, reserve(3, 5));
	assert_status(LESSOR_OK, lessor_reservation6_delete(engine, PREFIX, first, 1, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, create(7, "line"));
	set("line", 1);
	lease = make(PREFIX, 3, &key);
	lease.iaid = 5;
	assert_status(LESSOR_QUOTA, lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_QUOTA, allocate(0, 5, "line"));
	set("line", 2);
	limit_scope(PREFIX, 1);
	assert_status(LESSOR_QUOTA, lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL));
	limit_scope(PREFIX, 2);
	assert_status(LESSOR_OK, lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL));
	assert_leases("line", 2);
	assert_status(LESSOR_QUOTA, create(8, NULL));
}

static void
test_restarts(void **state) {
	(void)state;
	lessor_scope6_t scope;
	const lessor_scope6_t fresh = {.prefix = PREFIX + 2, .max_leases = 1};
	set("line", 3);
	limit_scope(PREFIX, 4);
	assert_status(LESSOR_OK, lessor_scope6_create(engine, &fresh, LESSOR_ASYNC, NULL));
	for (uint64_t low = 1; low <= 3; low++) {
		assert_status(LESSOR_OK, create(low, "line"));
	}
	remove_lease(2);
	for (unsigned round = 0; round < 3; round++) {
		if (round == 1) {
			assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
		}
		reopen();
		assert_leases("line", 2);
		assert_status(LESSOR_OK, lessor_scope6_get(engine, PREFIX, &scope, NULL, 0));
		assert_int_equal(scope.max_leases, 4);
		assert_status(LESSOR_OK, lessor_scope6_get(engine, PREFIX + 2, &scope, NULL, 0));
		assert_int_equal(scope.max_leases, 1);
		assert_status(LESSOR_OK, create(4, "line"));
		assert_status(LESSOR_QUOTA, create(5, "line"));
		assert_status(LESSOR_OK, create(6, NULL));
		assert_status(LESSOR_QUOTA, create(7, NULL));
		remove_lease(4);
		remove_lease(6);
	}
}

/* ---- random calls beside a model ---------------------------------------------------------------------------------------- */

#define MODEL_LEASES 24u

typedef struct {
	bool is_there[MODEL_LEASES];
	bool has_key[MODEL_LEASES];
	uint32_t max;
	uint32_t scope_max;
} model_t;

static uint32_t
count(const bool *which, const bool *of_those) {
	uint32_t total = 0;
	for (unsigned i = 0; i < MODEL_LEASES; i++) {
		total += which[i] && of_those[i];
	}
	return total;
}

static void
model_step(model_t *model, scratch_random_t *random) {
	const uint32_t i = scratch_below(random, MODEL_LEASES);
	const bool wants_key = scratch_percent(random, 50);
	const bool key_is_full = count(model->is_there, model->has_key) >= model->max;
	const bool scope_is_full = model->scope_max != 0 && count(model->is_there, model->is_there) >= model->scope_max;
	lessor_status_t expected = LESSOR_OK;
	switch (scratch_below(random, 3)) {
	case 0:
		expected = model->is_there[i]                            ? LESSOR_ADDRESS_TAKEN
			   : scope_is_full || (wants_key && key_is_full) ? LESSOR_QUOTA
									 : LESSOR_OK;
		assert_status(expected, create(1 + i, wants_key ? "line" : NULL));
		model->is_there[i] = model->is_there[i] || expected == LESSOR_OK;
		model->has_key[i] = expected == LESSOR_OK ? wants_key : model->has_key[i];
		break;
	case 1:
		expected = !model->is_there[i]                              ? LESSOR_NOT_FOUND
			   : wants_key && !model->has_key[i] && key_is_full ? LESSOR_QUOTA
									    : LESSOR_OK;
		assert_status(expected, rekey(1 + i, wants_key ? "line" : NULL));
		model->has_key[i] = expected == LESSOR_OK ? wants_key : model->has_key[i];
		break;
	default:
		expected = model->is_there[i] ? LESSOR_OK : LESSOR_NOT_FOUND;
		assert_status(expected,
			      lessor_lease6_delete(engine, (lessor_address6_t){PREFIX, 1 + i}, LESSOR_ASYNC, NULL));
		model->is_there[i] = false;
		break;
	}
}

static void
test_random_calls_beside_a_model(void **state) {
	(void)state;
	scratch_random_t random = {scratch_seed()};
	const unsigned long steps = scratch_number("LESSOR_TEST_LIMIT_STEPS", scratch_is_sanitized() ? 2000 : 8000);
	model_t model = {.max = 5};
	set("line", model.max);
	for (unsigned long step = 1; step <= steps; step++) {
		model_step(&model, &random);
		if (step % 100 == 0) {
			model.max = scratch_below(&random, 12);
			model.scope_max = scratch_below(&random, 16);
			set("line", model.max);
			limit_scope(PREFIX, model.scope_max);
			assert_leases("line", count(model.is_there, model.has_key));
			check();
		}
		if (step % (steps / 4) == 0) {
			assert_status(LESSOR_OK,
				      scratch_percent(&random, 50) ? lessor_snapshot(engine, NULL) : LESSOR_OK);
			reopen();
		}
	}
}

/* ---- threads ------------------------------------------------------------------------------------------------------------ */

typedef struct {
	uint32_t number;
	uint32_t made;
	bool failed;
} worker_t;

static void *
fill(void *argument) {
	worker_t *worker = argument;
	for (uint32_t i = 0; i < EACH; i++) {
		const uint32_t low = 1 + worker->number * EACH + i;
		const lessor_status_t status = i % 2 == 0 ? create(low, "line") : allocate(0, low, "line");
		worker->made += status == LESSOR_OK;
		worker->failed = worker->failed || (status != LESSOR_OK && status != LESSOR_QUOTA);
	}
	return NULL;
}

static void
test_threads_fill_it(void **state) {
	(void)state;
	for (unsigned round = 0; round < 10; round++) {
		pthread_t threads[THREADS];
		worker_t workers[THREADS] = {{0}};
		uint32_t made = 0;
		set("line", round % 2 == 0 ? 61 : 1000);
		limit_scope(PREFIX, round % 2 == 0 ? 0 : 61);
		for (uint32_t i = 0; i < THREADS; i++) {
			workers[i].number = i;
			assert_int_equal(pthread_create(&threads[i], NULL, fill, &workers[i]), 0);
		}
		for (uint32_t i = 0; i < THREADS; i++) {
			assert_int_equal(pthread_join(threads[i], NULL), 0);
			assert_false(workers[i].failed);
			made += workers[i].made;
		}
		assert_int_equal(made, 61);
		assert_leases("line", 61);
		check();
		const lessor_scope6_t scope = {.prefix = PREFIX};
		assert_status(LESSOR_OK, lessor_scope6_delete(engine, PREFIX, true, LESSOR_ASYNC, NULL));
		assert_status(LESSOR_OK, lessor_scope6_create(engine, &scope, LESSOR_ASYNC, NULL));
		assert_leases("line", 0);
	}
}

int
main(void) {
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_a_scope_takes_so_many),
		TEST(test_both_families_share_a_key),
		TEST(test_updates_allocations_and_batches),
		TEST(test_leases_that_end),
		TEST(test_reservations),
		TEST(test_taking_a_reserved_place),
		TEST(test_restarts),
		TEST(test_random_calls_beside_a_model),
		TEST(test_threads_fill_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
