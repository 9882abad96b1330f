/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The self-check of one scope: what it finds when bits of the map of taken addresses were turned over behind the engine's back, that repairing makes
 * everything sound again, and that leases which others make and end meanwhile are never taken for faults.
 *
 * The scope is 10.1.0.0/16, so that there are many pages, most of them never touched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "engine_p.h"
#include "scratch.h"

#define SUBNET IP(10, 1, 0, 0)
#define MASK   UINT32_C(0xFFFF0000)

static lessor_engine_t *engine;

static int
open_engine(void **state) {
	(void)state;
	engine = scratch_open_memory();
	scratch_scope_add(engine, SUBNET, MASK, true);
	return 0;
}

static int
close_engine(void **state) {
	(void)state;
	scratch_close(engine);
	return 0;
}

static void
add_lease(uint32_t address) {
	uint8_t id[6];
	const lessor_lease_t lease = scratch_lease_numbered(address, address, id);
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
}

/* Turn the bit of an address over. */
static void
spoil(uint32_t address) {
	lsr_rcu_enter();
	lsr_scope_t *scope = lsr_engine_scope_of(engine, address);
	assert_non_null(scope);
	if (lsr_table_is_taken(&scope->table, address)) {
		lsr_table_free(&scope->table, address);
	} else {
		lsr_table_take(&scope->table, address, LESSOR_TIME_NONE);
	}
	lsr_rcu_leave();
}

static size_t
scan(uint32_t from, bool repair, lessor_discrepancy_t *found, size_t capacity) {
	size_t count = SIZE_MAX;
	memset(found, SCRATCH_POISON, capacity * sizeof(*found));
	assert_status(LESSOR_OK, lessor_scope_scan(engine, SUBNET, from, repair, found, capacity, &count));
	assert_true(count <= capacity);
	return count;
}

static void
assert_found(const lessor_discrepancy_t *found, uint32_t address, bool has_lease) {
	assert_int_equal(found->address, address);
	assert_int_equal(found->has_lease, has_lease);
}

static void
a_sound_scope_has_no_discrepancy(void **state) {
	(void)state;
	lessor_discrepancy_t found[4];
	assert_int_equal(scan(0, false, found, COUNT(found)), 0);
	for (uint32_t i = 0; i < 300; i++) {
		add_lease(SUBNET + 7 * i);
	}
	for (uint32_t i = 0; i < 300; i += 3) {
		assert_status(LESSOR_OK, lessor_lease_delete(engine, SUBNET + 7 * i, NULL, 0, LESSOR_ASYNC, NULL));
	}
	assert_int_equal(scan(0, false, found, COUNT(found)), 0);
}

static void
every_turned_bit_is_found_and_put_right(void **state) {
	(void)state;
	lessor_discrepancy_t found[8];
	lessor_report_t report;
	add_lease(SUBNET);
	add_lease(SUBNET + 70);
	add_lease(SUBNET + 71);
	add_lease(SUBNET + 65535);
	spoil(SUBNET);         /* leases that the map does not know */
	spoil(SUBNET + 65535); /* the last address */
	spoil(SUBNET + 72);    /* taken by nothing, in a page that has leases */
	spoil(SUBNET + 30000); /* in a page that was never touched */
	for (int repair = 0; repair <= 1; repair++) {
		assert_int_equal(scan(0, repair != 0, found, COUNT(found)), 4);
		assert_found(&found[0], SUBNET, true);
		assert_found(&found[1], SUBNET + 72, false);
		assert_found(&found[2], SUBNET + 30000, false);
		assert_found(&found[3], SUBNET + 65535, true);
	}
	assert_int_equal(scan(0, false, found, COUNT(found)), 0);
	assert_status(LESSOR_OK, lessor_check(engine, &report));
	assert_int_equal(report.leases, 4);
	add_lease(SUBNET + 30000);
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
}

static void
long_lists_come_in_parts(void **state) {
	(void)state;
	lessor_discrepancy_t found[3];
	const uint32_t spoiled[] = {SUBNET + 1, SUBNET + 2, SUBNET + 64, SUBNET + 20000, SUBNET + 20001};
	for (size_t i = 0; i < COUNT(spoiled); i++) {
		spoil(spoiled[i]);
	}
	assert_int_equal(scan(0, true, found, 3), 3);
	assert_found(&found[2], spoiled[2], false);
	assert_int_equal(scan(spoiled[2] + 1, true, found, 3), 2);
	assert_found(&found[0], spoiled[3], false);
	assert_found(&found[1], spoiled[4], false);
	assert_int_equal(scan(0, false, found, 3), 0);
	assert_int_equal(scan(SUBNET + 65536, false, found, 3), 0);
}

static void
wrong_arguments_are_refused(void **state) {
	(void)state;
	lessor_discrepancy_t found[1];
	size_t count = 77;
	assert_status(LESSOR_INVALID, lessor_scope_scan(NULL, SUBNET, 0, false, found, 1, &count));
	assert_status(LESSOR_INVALID, lessor_scope_scan(engine, SUBNET, 0, false, NULL, 1, &count));
	assert_status(LESSOR_INVALID, lessor_scope_scan(engine, SUBNET, 0, false, found, 0, &count));
	assert_status(LESSOR_INVALID, lessor_scope_scan(engine, SUBNET, 0, false, found, 1, NULL));
	assert_status(LESSOR_NOT_FOUND, lessor_scope_scan(engine, SUBNET + 1, 0, false, found, 1, &count));
	assert_status(LESSOR_NOT_FOUND, lessor_scope_scan(engine, 0, 0, false, found, 1, &count));
	assert_int_equal(count, 77);
}

/* The one who churns leases while somebody scans. */
typedef struct lsr_churn {
	pthread_t thread;
	uint32_t first;
	atomic_bool stop;
} lsr_churn_t;

static void *
churn(void *argument) {
	lsr_churn_t *mine = argument;
	uint8_t id[6];
	while (!atomic_load(&mine->stop)) {
		for (uint32_t i = 0; i < 128; i++) {
			const lessor_lease_t lease = scratch_lease_numbered(mine->first + i, mine->first + i, id);
			(void)lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL);
		}
		for (uint32_t i = 0; i < 128; i++) {
			(void)lessor_lease_delete(engine, mine->first + i, NULL, 0, LESSOR_ASYNC, NULL);
		}
	}
	return NULL;
}

static void
changes_under_way_are_no_discrepancies(void **state) {
	(void)state;
	lessor_discrepancy_t found[4];
	lsr_churn_t churns[2] = {{.first = SUBNET + 10}, {.first = SUBNET + 200}};
	spoil(SUBNET + 5000);
	for (size_t i = 0; i < COUNT(churns); i++) {
		assert_int_equal(pthread_create(&churns[i].thread, NULL, churn, &churns[i]), 0);
	}
	for (unsigned i = 0; i < 2000; i++) {
		const size_t count = scan(0, i >= 1000, found, COUNT(found));
		assert_int_equal(count, i <= 1000 ? 1 : 0);
		assert_true(count == 0 || found[0].address == SUBNET + 5000);
	}
	for (size_t i = 0; i < COUNT(churns); i++) {
		atomic_store(&churns[i].stop, true);
		assert_int_equal(pthread_join(churns[i].thread, NULL), 0);
	}
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
}

static void
a_read_only_engine_is_scanned_but_not_repaired(void **state) {
	(void)state;
	char directory[SCRATCH_PATH_BYTES];
	lessor_discrepancy_t found[1];
	lessor_options_t options;
	size_t count = 77;
	scratch_make(directory);
	engine = scratch_open_log(directory);
	scratch_scope_add(engine, SUBNET, MASK, true);
	scratch_close(engine);
	scratch_options_log(&options);
	options.read_only = true;
	assert_status(LESSOR_OK, lessor_open(directory, &options, &engine, NULL));
	assert_status(LESSOR_READ_ONLY, lessor_scope_scan(engine, SUBNET, 0, true, found, 1, &count));
	assert_int_equal(count, 77);
	assert_int_equal(scan(0, false, found, 1), 0);
	scratch_close(engine);
	scratch_remove(directory);
}

static void
the_time_of_opening_is_told(void **state) {
	(void)state;
	lessor_engine_stats_t stats;
	const lessor_filetime_t before = lessor_time_now();
	engine = scratch_open_memory();
	const lessor_filetime_t after = lessor_time_now();
	assert_status(LESSOR_OK, lessor_engine_stats(engine, &stats));
	assert_in_range(stats.opened_at, before, after);
	scratch_close(engine);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_sound_scope_has_no_discrepancy, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(every_turned_bit_is_found_and_put_right, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(long_lists_come_in_parts, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(wrong_arguments_are_refused, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(changes_under_way_are_no_discrepancies, open_engine, close_engine),
		cmocka_unit_test(a_read_only_engine_is_scanned_but_not_repaired),
		cmocka_unit_test(the_time_of_opening_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
