/* SPDX-License-Identifier: Apache-2.0 */
/* IPv6 scopes: what they answer, what they count, and that they come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "scratch.h"

#define PREFIX UINT64_C(0x20010DB800000000)

static lessor_engine_t *engine;

static int
begin(void **state) {
	(void)state;
	engine = scratch_open_memory();
	return 0;
}

static int
end(void **state) {
	lessor_report_t report;
	(void)state;
	assert_status(LESSOR_OK, lessor_check(engine, &report));
	scratch_close(engine);
	return 0;
}

static lessor_status_t
create(uint64_t prefix) {
	const lessor_scope6_t scope = {.prefix = prefix};
	return lessor_scope6_create(engine, &scope, LESSOR_ASYNC, NULL);
}

static lessor_status_t
exclude(uint64_t first, uint64_t last) {
	return lessor_scope6_exclude(engine, PREFIX, (lessor_range6_t){first, last}, LESSOR_ASYNC, NULL);
}

static lessor_status_t
lease_at(uint64_t low, uint8_t state) {
	const uint8_t duid[9] = {0, 3, 0, 1, 1};
	lessor_lease6_t lease;
	lessor_lease6_init(&lease);
	lease.address = (lessor_address6_t){PREFIX, low};
	lease.duid = duid;
	lease.duid_bytes = sizeof(duid);
	lease.iaid = (uint32_t)low;
	lease.address_state = state;
	return lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL);
}

static lessor_scope6_stats_t
stats(void) {
	lessor_scope6_stats_t counted;
	lessor_scope6_stats_t recounted;
	assert_status(LESSOR_OK, lessor_scope6_stats(engine, PREFIX, &counted));
	assert_status(LESSOR_OK, lessor_scope6_recount(engine, PREFIX, &recounted));
	assert_true(counted.in_use == recounted.in_use && counted.free == recounted.free &&
		    counted.leases == recounted.leases);
	return counted;
}

static void
which_prefixes_may_be(void **state) {
	static const uint64_t refused[] = {0, UINT64_C(0xFE80000000000000), UINT64_C(0xFEBFFFFFFFFFFFFF),
					   UINT64_C(0xFF00000000000000), UINT64_MAX};
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		assert_status(LESSOR_OUTSIDE, create(refused[i]));
	}
	assert_status(LESSOR_OK, create(PREFIX));
	assert_status(LESSOR_SCOPE_EXISTS, create(PREFIX));
	assert_status(LESSOR_OK, create(UINT64_C(0xFEC0000000000000)));
	assert_status(LESSOR_OK, create(1));
	assert_status(LESSOR_OK, create(PREFIX + 1));
	assert_status(LESSOR_INVALID, lessor_scope6_create(engine, NULL, LESSOR_ASYNC, NULL));
}

static void
they_are_found_in_order(void **state) {
	lessor_scope6_t scope;
	uint32_t number;
	(void)state;
	assert_status(LESSOR_OK, create(PREFIX + 7));
	assert_status(LESSOR_OK, create(PREFIX));
	assert_status(LESSOR_OK, create(UINT64_C(0xFE00000000000001)));
	assert_status(LESSOR_OK, lessor_scope6_next(engine, 0, &scope, NULL, 0));
	assert_true(scope.prefix == PREFIX && scope.number == 2 && scope.lease_s == LESSOR_DEFAULT_LEASE_S);
	number = scope.number;
	assert_status(LESSOR_OK, lessor_scope6_next(engine, PREFIX + 1, &scope, NULL, 0));
	assert_true(scope.prefix == PREFIX + 7 && scope.number != number);
	assert_status(LESSOR_OK, lessor_scope6_next(engine, PREFIX + 8, &scope, NULL, 0));
	assert_true(scope.prefix == UINT64_C(0xFE00000000000001));
	assert_status(LESSOR_END, lessor_scope6_next(engine, scope.prefix + 1, &scope, NULL, 0));
	assert_status(LESSOR_NOT_FOUND, lessor_scope6_get(engine, PREFIX + 1, &scope, NULL, 0));
}

static void
members_change_one_by_one(void **state) {
	char buffer[LESSOR_SCOPE_BUFFER_BYTES];
	lessor_scope6_t scope = {
		.prefix = PREFIX, .id = 5, .lease_s = 60, .preference = 9, .name = "first", .comment = "old"};
	(void)state;
	assert_status(LESSOR_OK, lessor_scope6_create(engine, &scope, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, exclude(1, 2));
	scope = (lessor_scope6_t){.prefix = PREFIX, .state = LESSOR_SCOPE_DISABLED, .preference = 77, .name = "second"};
	assert_status(LESSOR_OK, lessor_scope6_update(engine, &scope,
						      LESSOR_SCOPE_FIELD_NAME | LESSOR_SCOPE_FIELD_STATE |
							      LESSOR_SCOPE6_FIELD_PREFERENCE,
						      LESSOR_ASYNC, NULL));
	assert_status(LESSOR_INVALID,
		      lessor_scope6_update(engine, &scope, LESSOR_SCOPE_FIELD_RANGE, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_BUFFER_TOO_SMALL, lessor_scope6_get(engine, PREFIX, &scope, buffer, 10));
	assert_status(LESSOR_OK, lessor_scope6_get(engine, PREFIX, &scope, buffer, 11));
	assert_string_equal(scope.name, "second");
	assert_string_equal(scope.comment, "old");
	assert_true(scope.id == 5 && scope.lease_s == 60 && scope.preference == 77 &&
		    scope.state == LESSOR_SCOPE_DISABLED);
	size_t count = 0;
	assert_status(LESSOR_OK, lessor_scope6_exclusions(engine, PREFIX, NULL, 0, &count));
	assert_int_equal(count, 1);
	scope.prefix = PREFIX + 1;
	assert_status(LESSOR_NOT_FOUND, lessor_scope6_update(engine, &scope, 0, LESSOR_ASYNC, NULL));
}

static void
exclusions_do_not_overlap(void **state) {
	lessor_range6_t ranges[3];
	size_t count;
	(void)state;
	assert_status(LESSOR_NOT_FOUND, exclude(1, 2));
	assert_status(LESSOR_OK, create(PREFIX));
	assert_status(LESSOR_OK, exclude(100, 199));
	assert_status(LESSOR_OK, exclude(0, 9));
	assert_status(LESSOR_OK, exclude(200, UINT64_MAX));
	assert_status(LESSOR_EXISTS, exclude(100, 199));
	assert_status(LESSOR_CONFLICT, exclude(100, 198));
	assert_status(LESSOR_CONFLICT, exclude(9, 20));
	assert_status(LESSOR_CONFLICT, exclude(50, 100));
	assert_status(LESSOR_CONFLICT, exclude(0, UINT64_MAX));
	assert_status(LESSOR_INVALID, exclude(30, 20));
	assert_status(LESSOR_OK, lessor_scope6_exclusions(engine, PREFIX, ranges, 3, &count));
	assert_true(count == 3 && ranges[0].last == 9 && ranges[1].first == 100 && ranges[2].last == UINT64_MAX);
	assert_status(LESSOR_BUFFER_TOO_SMALL, lessor_scope6_exclusions(engine, PREFIX, ranges, 2, &count));
	assert_int_equal(stats().free, 90);
	const lessor_range6_t middle = {100, 199};
	assert_status(LESSOR_OK, lessor_scope6_include(engine, PREFIX, middle, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_NOT_FOUND, lessor_scope6_include(engine, PREFIX, middle, LESSOR_ASYNC, NULL));
	assert_int_equal(stats().free, 190);
}

static void
figures_follow_leases_and_exclusions(void **state) {
	(void)state;
	assert_status(LESSOR_OK, create(PREFIX));
	assert_true(stats().free == UINT64_MAX);
	assert_status(LESSOR_OK, lease_at(10, LESSOR_STATE_ACTIVE));
	assert_true(stats().free == UINT64_MAX && stats().in_use == 1);
	assert_status(LESSOR_OK, lease_at(11, LESSOR_STATE_DECLINED));
	assert_status(LESSOR_OK, lease_at(12, LESSOR_STATE_DOOM));
	assert_true(stats().free == UINT64_MAX - 1 && stats().in_use == 2 && stats().leases == 3);
	assert_status(LESSOR_OK, exclude(11, 20));
	assert_true(stats().in_use == 1 && stats().free == UINT64_MAX - 10 && stats().leases_declined == 1);
	assert_status(LESSOR_OK, lease_at(15, LESSOR_STATE_ACTIVE));
	assert_int_equal(stats().in_use, 1);
	assert_int_equal(stats().in_use_high_water, 1);
	assert_status(LESSOR_OK, lessor_scope6_include(engine, PREFIX, (lessor_range6_t){11, 20}, LESSOR_ASYNC, NULL));
	assert_int_equal(stats().in_use, 3);
	assert_status(LESSOR_OK, lessor_lease6_delete(engine, (lessor_address6_t){PREFIX, 10}, LESSOR_ASYNC, NULL));
	assert_true(stats().in_use == 2 && stats().creates == 4 && stats().deletes == 1);
	assert_status(LESSOR_OK, exclude(0, UINT64_MAX));
	assert_true(stats().free == 0 && stats().in_use == 0);
}

static void
a_scope_goes_with_its_leases(void **state) {
	lessor_engine_stats_t all;
	(void)state;
	assert_status(LESSOR_OK, create(PREFIX));
	for (uint64_t low = 1; low <= 1000; low++) {
		assert_status(LESSOR_OK, lease_at(low * low, LESSOR_STATE_ACTIVE));
	}
	assert_status(LESSOR_SCOPE_NOT_EMPTY, lessor_scope6_delete(engine, PREFIX, false, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope6_delete(engine, PREFIX, true, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_NOT_FOUND, lessor_scope6_delete(engine, PREFIX, true, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_NO_SCOPE, lease_at(1, LESSOR_STATE_ACTIVE));
	assert_status(LESSOR_OK, lessor_engine_stats(engine, &all));
	assert_true(all.scopes == 0 && all.leases == 0);
	assert_status(LESSOR_OK, create(PREFIX));
	assert_status(LESSOR_OK, lease_at(1, LESSOR_STATE_ACTIVE));
	assert_int_equal(stats().leases, 1);
}

static void
they_come_back(void **state) {
	char directory[SCRATCH_PATH_BYTES];
	char buffer[LESSOR_SCOPE_BUFFER_BYTES];
	const lessor_scope6_t scope = {.prefix = PREFIX, .id = 3, .preference = 4, .comment = "kept"};
	(void)state;
	scratch_make(directory);
	for (unsigned snapshots = 0; snapshots < 2; snapshots++) {
		lessor_engine_t *other = scratch_open_log(directory);
		lessor_scope6_t got;
		lessor_range6_t range;
		size_t count;
		if (snapshots == 0) {
			assert_status(LESSOR_OK, lessor_scope6_create(other, &scope, LESSOR_ASYNC, NULL));
			assert_status(LESSOR_OK, lessor_scope6_exclude(other, PREFIX, (lessor_range6_t){5, UINT64_MAX},
								       LESSOR_ASYNC, NULL));
			const lessor_scope6_t gone = {.prefix = PREFIX + 1};
			assert_status(LESSOR_OK, lessor_scope6_create(other, &gone, LESSOR_ASYNC, NULL));
			assert_status(LESSOR_OK, lessor_scope6_delete(other, PREFIX + 1, false, LESSOR_ASYNC, NULL));
		} else {
			assert_status(LESSOR_OK, lessor_snapshot(other, NULL));
		}
		scratch_close(other);
		other = scratch_open_log(directory);
		assert_status(LESSOR_OK, lessor_scope6_get(other, PREFIX, &got, buffer, sizeof(buffer)));
		assert_true(got.id == 3 && got.preference == 4 && got.name == NULL && got.number == 1);
		assert_string_equal(got.comment, "kept");
		assert_status(LESSOR_OK, lessor_scope6_exclusions(other, PREFIX, &range, 1, &count));
		assert_true(count == 1 && range.first == 5 && range.last == UINT64_MAX);
		assert_status(LESSOR_NOT_FOUND, lessor_scope6_get(other, PREFIX + 1, &got, NULL, 0));
		scratch_close(other);
	}
	scratch_remove(directory);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(which_prefixes_may_be, begin, end),
		cmocka_unit_test_setup_teardown(they_are_found_in_order, begin, end),
		cmocka_unit_test_setup_teardown(members_change_one_by_one, begin, end),
		cmocka_unit_test_setup_teardown(exclusions_do_not_overlap, begin, end),
		cmocka_unit_test_setup_teardown(figures_follow_leases_and_exclusions, begin, end),
		cmocka_unit_test_setup_teardown(a_scope_goes_with_its_leases, begin, end),
		cmocka_unit_test(they_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
