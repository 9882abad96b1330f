/* SPDX-License-Identifier: Apache-2.0 */
/* A scope's range and mask: resized, removed with what is in it, replaced; beside others who create, and beside snapshots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "engine_p.h"
#include "scratch.h"

#define SUBNET UINT32_C(0xC0A80400)
#define MASK   UINT32_C(0xFFFFFF00)

static char directory[SCRATCH_PATH_BYTES];
static lessor_engine_t *engine;

static int
open_memory(void **state) {
	(void)state;
	engine = scratch_open_memory();
	scratch_scope_add(engine, SUBNET, MASK, false);
	return 0;
}

static int
close_memory(void **state) {
	(void)state;
	scratch_close_sound(engine);
	return 0;
}

static int
open_store(void **state) {
	(void)state;
	scratch_make_fast(directory);
	engine = scratch_open_log(directory);
	scratch_scope_add(engine, SUBNET, MASK, false);
	return 0;
}

static int
close_store(void **state) {
	(void)state;
	scratch_close_store(engine, directory);
	return 0;
}

static void
reopen(void) {
	engine = scratch_reopen(engine, directory);
}

/* The lease of client 'number' at the address of that number. */
static lessor_status_t
create(uint32_t number) {
	uint8_t id[6];
	const lessor_lease_t lease = scratch_lease_numbered(SUBNET + number, number, id);
	return lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL);
}

static void
create_from_to(uint32_t first, uint32_t last) {
	for (uint32_t number = first; number <= last; number++) {
		assert_status(LESSOR_OK, create(number));
	}
}

static lessor_status_t
resize(uint32_t first, uint32_t last) {
	const lessor_range_t range = {SUBNET + first, SUBNET + last};
	return lessor_scope_resize(engine, SUBNET, range, LESSOR_ASYNC, NULL);
}

static lessor_status_t
remove_range(uint32_t first, uint32_t last, bool force) {
	const lessor_range_t range = {SUBNET + first, SUBNET + last};
	return lessor_scope_remove_range(engine, SUBNET, range, force, LESSOR_ASYNC, NULL);
}

static lessor_scope_stats_t
stats(void) {
	lessor_scope_stats_t found;
	assert_status(LESSOR_OK, lessor_scope_stats(engine, SUBNET, &found));
	return found;
}

static void
assert_range(bool there, uint32_t first, uint32_t last) {
	lessor_scope_t scope;
	assert_status(LESSOR_OK, lessor_scope_get(engine, SUBNET, &scope, NULL, 0));
	assert_int_equal(there, scope.has_range);
	if (there) {
		assert_int_equal(SUBNET + first, scope.range.first);
		assert_int_equal(SUBNET + last, scope.range.last);
	}
}

/* ---- resizing --------------------------------------------------------------------------------------------------------- */

static void
test_resizing(void **state) {
	(void)state;
	create_from_to(5, 24);
	assert_status(LESSOR_OK, resize(10, 19));
	assert_range(true, 10, 19);
	assert_int_equal(10, stats().pool);
	assert_int_equal(10, stats().in_use);
	assert_int_equal(20, stats().leases);
	assert_status(LESSOR_EXISTS, resize(10, 19));
	/* Greater at one end, at both, and smaller again. */
	assert_status(LESSOR_OK, resize(10, 20));
	assert_status(LESSOR_OK, resize(8, 30));
	assert_int_equal(23, stats().pool);
	assert_int_equal(17, stats().in_use);
	assert_status(LESSOR_OK, resize(8, 8));
	assert_int_equal(1, stats().in_use);
	assert_int_equal(1, stats().in_use_high_water);
	assert_status(LESSOR_OK, resize(0, 255));
	assert_int_equal(20, stats().in_use);
	assert_status(LESSOR_OK, resize(10, 20));
	/* Neither the one nor the other. */
	assert_status(LESSOR_CONFLICT, resize(9, 19));
	assert_status(LESSOR_CONFLICT, resize(11, 21));
	assert_status(LESSOR_CONFLICT, resize(21, 30));
	assert_status(LESSOR_CONFLICT, resize(0, 9));
	assert_range(true, 10, 20);
	assert_int_equal(20, stats().leases);
	assert_int_equal(0, stats().deletes);
}

static void
test_resizing_refuses(void **state) {
	(void)state;
	const lessor_range_t range = {SUBNET + 1, SUBNET + 9};
	lessor_ticket_t ticket = 77;
	assert_status(LESSOR_OUTSIDE, resize(10, 256));
	assert_status(LESSOR_OUTSIDE, resize(UINT32_MAX, 9));
	assert_status(LESSOR_OUTSIDE, resize(10, 9));
	assert_status(LESSOR_NO_SCOPE, lessor_scope_resize(engine, SUBNET + 1, range, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_NO_SCOPE, lessor_scope_resize(engine, SUBNET + 256, range, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_INVALID, lessor_scope_resize(engine, SUBNET, range, (lessor_mode_t)7, &ticket));
	assert_status(LESSOR_INVALID, lessor_scope_resize(NULL, SUBNET, range, LESSOR_ASYNC, &ticket));
	assert_int_equal(77, ticket);
	assert_range(false, 0, 0);
}

/* ---- removing --------------------------------------------------------------------------------------------------------- */

static void
test_removing_by_force(void **state) {
	(void)state;
	const lessor_range_t exclusion = {SUBNET + 12, SUBNET + 13};
	lessor_scope_t scope = {.subnet = SUBNET, .name = "kept", .offer_delay_ms = 7};
	lessor_lease_t lease;
	char buffer[64];
	size_t count;
	assert_status(LESSOR_OK,
		      lessor_scope_update(engine, &scope, LESSOR_SCOPE_FIELD_NAME | LESSOR_SCOPE_FIELD_OFFER_DELAY,
					  LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope_exclude(engine, SUBNET, exclusion, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, resize(10, 199));
	create_from_to(5, 220);
	assert_status(LESSOR_SCOPE_NOT_EMPTY, remove_range(10, 199, false));
	assert_range(true, 10, 199);
	assert_int_equal(216, stats().leases);
	assert_status(LESSOR_OK, remove_range(10, 199, true));
	assert_range(false, 0, 0);
	assert_int_equal(26, stats().leases);
	assert_int_equal(190, stats().deletes);
	assert_int_equal(216, stats().creates);
	assert_int_equal(0, stats().in_use_high_water);
	for (uint32_t number = 0; number < 256; number++) {
		const bool there = (number >= 5 && number < 10) || (number >= 200 && number <= 220);
		assert_status(there ? LESSOR_OK : LESSOR_NOT_FOUND,
			      lessor_lease_get(engine, SUBNET + number, &lease, buffer, sizeof(buffer)));
	}
	/* All else is as it was, and addresses and clients are free. */
	assert_status(LESSOR_OK, lessor_scope_get(engine, SUBNET, &scope, buffer, sizeof(buffer)));
	assert_string_equal("kept", scope.name);
	assert_int_equal(7, scope.offer_delay_ms);
	assert_status(LESSOR_OK, lessor_scope_exclusions(engine, SUBNET, NULL, 0, &count));
	assert_int_equal(1, count);
	assert_status(LESSOR_NOT_FOUND, remove_range(10, 199, true));
	create_from_to(10, 199);
	assert_status(LESSOR_OK, resize(0, 255));
	assert_int_equal(214, stats().in_use); /* two are excluded */
}

static void
test_removing_what_is_empty(void **state) {
	(void)state;
	create_from_to(1, 9);
	create_from_to(20, 29);
	assert_status(LESSOR_NOT_FOUND, remove_range(10, 19, false));
	assert_status(LESSOR_OK, resize(10, 19));
	assert_status(LESSOR_NOT_FOUND, remove_range(10, 18, true));
	assert_status(LESSOR_NOT_FOUND, remove_range(11, 19, true));
	assert_status(LESSOR_NOT_FOUND, remove_range(9, 20, true));
	assert_range(true, 10, 19);
	assert_status(LESSOR_OK, remove_range(10, 19, false));
	assert_range(false, 0, 0);
	assert_int_equal(19, stats().leases);
	assert_int_equal(0, stats().deletes);
	/* One lease is one too many, at either end. */
	assert_status(LESSOR_OK, resize(9, 19));
	assert_status(LESSOR_SCOPE_NOT_EMPTY, remove_range(9, 19, false));
	assert_status(LESSOR_OK, resize(9, 20));
	assert_status(LESSOR_OK, lessor_lease_delete(engine, SUBNET + 9, NULL, 0, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_SCOPE_NOT_EMPTY, remove_range(9, 20, false));
}

static void
test_removing_refuses(void **state) {
	(void)state;
	const lessor_range_t range = {SUBNET + 1, SUBNET + 9};
	lessor_ticket_t ticket = 77;
	assert_status(LESSOR_OK, resize(1, 9));
	assert_status(LESSOR_NO_SCOPE,
		      lessor_scope_remove_range(engine, SUBNET + 1, range, true, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_INVALID,
		      lessor_scope_remove_range(engine, SUBNET, range, true, (lessor_mode_t)7, &ticket));
	assert_status(LESSOR_INVALID, lessor_scope_remove_range(NULL, SUBNET, range, true, LESSOR_ASYNC, &ticket));
	assert_int_equal(77, ticket);
	assert_range(true, 1, 9);
}

/* Scopes of half the address space, with leases far apart. */
static void
test_vast_ranges(void **state) {
	(void)state;
	const lessor_range_t range = {UINT32_C(0x80000000), UINT32_MAX};
	lessor_scope_stats_t found;
	uint8_t id[6];
	assert_status(LESSOR_OK, lessor_scope_delete(engine, SUBNET, true, LESSOR_ASYNC, NULL));
	scratch_scope_add(engine, range.first, range.first, true);
	for (uint32_t i = 0; i < 32; i++) {
		const lessor_lease_t lease = scratch_lease_numbered(UINT32_MAX - (i << 26), i, id);
		assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	}
	assert_status(LESSOR_SCOPE_NOT_EMPTY,
		      lessor_scope_remove_range(engine, range.first, range, false, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope_remove_range(engine, range.first, range, true, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope_stats(engine, range.first, &found));
	assert_int_equal(0, found.leases);
	assert_int_equal(32, found.deletes);
}

/* ---- masks ------------------------------------------------------------------------------------------------------------- */

static lessor_status_t
set_mask(uint32_t mask) {
	const lessor_scope_t scope = {.subnet = SUBNET, .mask = mask};
	return lessor_scope_update(engine, &scope, LESSOR_SCOPE_FIELD_MASK, LESSOR_ASYNC, NULL);
}

static void
test_masks(void **state) {
	(void)state;
	lessor_scope_t scope;
	assert_status(LESSOR_OK, set_mask(MASK)); /* the one it has: whatever there is */
	assert_status(LESSOR_OK, create(200));
	assert_status(LESSOR_SCOPE_NOT_EMPTY, set_mask(0xFFFFFF80));
	assert_status(LESSOR_OK, set_mask(MASK));
	assert_status(LESSOR_OK, lessor_lease_delete(engine, SUBNET + 200, NULL, 0, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, resize(1, 9));
	assert_status(LESSOR_SCOPE_NOT_EMPTY, set_mask(0xFFFFFF80));
	assert_status(LESSOR_OK, remove_range(1, 9, false));
	const lessor_range_t exclusion = {SUBNET + 1, SUBNET + 1};
	assert_status(LESSOR_OK, lessor_scope_exclude(engine, SUBNET, exclusion, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_SCOPE_NOT_EMPTY, set_mask(0xFFFFFF80));
	assert_status(LESSOR_OK, lessor_scope_include(engine, SUBNET, exclusion, LESSOR_ASYNC, NULL));
	/* Narrower: what lies outside is nobody's. */
	assert_status(LESSOR_OK, set_mask(0xFFFFFF80));
	assert_status(LESSOR_OK, create(127));
	assert_status(LESSOR_NO_SCOPE, create(128));
	assert_status(LESSOR_NO_SCOPE, lessor_scope_find(engine, SUBNET + 128, &scope, NULL, 0));
	assert_int_equal(2, stats().creates);
	assert_int_equal(1, stats().deletes);
	assert_status(LESSOR_OK, lessor_lease_delete(engine, SUBNET + 127, NULL, 0, LESSOR_ASYNC, NULL));
	/* Wider, with a range at once. */
	const lessor_scope_t wide = {
		.subnet = SUBNET, .mask = 0xFFFFFE00, .has_range = true, .range = {SUBNET + 250, SUBNET + 300}};
	assert_status(LESSOR_OK, lessor_scope_update(engine, &wide, LESSOR_SCOPE_FIELD_MASK | LESSOR_SCOPE_FIELD_RANGE,
						     LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, create(511));
	assert_status(LESSOR_OK, create(255));
	assert_status(LESSOR_NO_SCOPE, create(512));
	assert_int_equal(1, stats().in_use);
	assert_int_equal(51, stats().pool);
	assert_int_equal(2, stats().deletes);
	assert_status(LESSOR_OK, lessor_scope_get(engine, SUBNET, &scope, NULL, 0));
	assert_int_equal(0xFFFFFE00, scope.mask);
}

static void
test_masks_are_refused(void **state) {
	(void)state;
	lessor_scope_t scope;
	const uint32_t bad[] = {0, 0xFF00FF00, 0xFFFFF000, UINT32_C(1)}; /* the third one does not fit the subnet */
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_status(LESSOR_INVALID, set_mask(bad[i]));
	}
	const lessor_scope_t outside = {
		.subnet = SUBNET, .mask = 0xFFFFFF80, .has_range = true, .range = {SUBNET + 100, SUBNET + 128}};
	assert_status(LESSOR_INVALID,
		      lessor_scope_update(engine, &outside, LESSOR_SCOPE_FIELD_MASK | LESSOR_SCOPE_FIELD_RANGE,
					  LESSOR_ASYNC, NULL));
	scratch_scope_add(engine, SUBNET + 512, MASK, false);
	assert_status(LESSOR_OK, set_mask(0xFFFFFE00));
	assert_status(LESSOR_SCOPE_EXISTS, set_mask(0xFFFFFC00));
	assert_status(LESSOR_OK, lessor_scope_get(engine, SUBNET, &scope, NULL, 0));
	assert_int_equal(0xFFFFFE00, scope.mask);
	assert_status(LESSOR_OK, create(1)); /* the gate is open again */
	assert_status(LESSOR_OK, lessor_lease_delete(engine, SUBNET + 1, NULL, 0, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope_delete(engine, SUBNET + 512, false, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, set_mask(0xFFFFFC00));
}

/* ---- reservations ----------------------------------------------------------------------------------------------------- */

/* Reserve the address of this number for a client of another. */
static void
reserve(uint32_t number, uint32_t client) {
	uint8_t id[6];
	(void)scratch_lease_numbered(SUBNET, client, id);
	const lessor_reservation_t reservation = {.address = SUBNET + number,
						  .client_id = id,
						  .client_id_bytes = sizeof(id),
						  .client_types = LESSOR_CLIENT_BOTH};
	assert_status(LESSOR_OK, lessor_reservation_create(engine, SUBNET, &reservation, LESSOR_ASYNC, NULL));
}

static void
assert_reserved(uint32_t number, bool has_lease, bool is_dormant) {
	lessor_reservation_t found;
	uint8_t buffer[LESSOR_CLIENT_ID_MAX_BYTES];
	assert_status(LESSOR_OK, lessor_reservation_get(engine, SUBNET + number, &found, buffer, sizeof(buffer)));
	assert_int_equal(has_lease, found.has_lease);
	assert_int_equal(is_dormant, found.is_dormant);
}

static void
test_reserved_leases_stay(void **state) {
	(void)state;
	assert_status(LESSOR_OK, resize(10, 99));
	create_from_to(5, 39);
	create_from_to(60, 120);
	reserve(20, 20);   /* a lease of this client */
	reserve(40, 1000); /* dormant */
	reserve(41, 7);    /* empty: the client has a lease outside of the range */
	assert_status(LESSOR_SCOPE_NOT_EMPTY, remove_range(10, 99, false));
	assert_status(LESSOR_OK, remove_range(10, 99, true));
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(5 + 21 + 2, stats().leases);
		assert_int_equal(29 + 40, stats().deletes);
		assert_reserved(20, true, false);
		assert_reserved(40, true, true);
		assert_reserved(41, false, false);
		assert_status(LESSOR_ADDRESS_TAKEN, create(41));
		reopen();
	}
	/* An empty one is no lease; a dormant one is. */
	assert_status(LESSOR_OK, resize(41, 59));
	assert_status(LESSOR_OK, remove_range(41, 59, false));
	assert_status(LESSOR_OK, resize(40, 59));
	assert_status(LESSOR_SCOPE_NOT_EMPTY, remove_range(40, 59, false));
	assert_status(LESSOR_OK, remove_range(40, 59, true));
	assert_reserved(40, true, true);
	assert_reserved(41, false, false);
}

static void
test_dormant_leases_hold_no_scope(void **state) {
	(void)state;
	lessor_scope_t scope;
	create_from_to(7, 7);
	reserve(40, 1000);
	reserve(41, 7);
	assert_status(LESSOR_SCOPE_NOT_EMPTY, lessor_scope_delete(engine, SUBNET, false, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_lease_delete(engine, SUBNET + 7, NULL, 0, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_SCOPE_NOT_EMPTY, set_mask(0xFFFFFF80));
	assert_status(LESSOR_OK, lessor_reservation_delete(engine, SUBNET, SUBNET + 40, NULL, 0, lessor_time_now(),
							   LESSOR_ASYNC, NULL));
	assert_int_equal(0, stats().leases);
	assert_status(LESSOR_SCOPE_NOT_EMPTY, set_mask(0xFFFFFF80)); /* one is empty */
	reserve(40, 1000);
	assert_status(LESSOR_OK, lessor_scope_delete(engine, SUBNET, false, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_NOT_FOUND, lessor_scope_get(engine, SUBNET, &scope, NULL, 0));
	scratch_scope_add(engine, SUBNET, MASK, false);
	create_from_to(40, 41);
}

/* ---- the disk ---------------------------------------------------------------------------------------------------------- */

/* What is known of the scope: the figures, and where there are leases. */
typedef struct {
	lessor_scope_stats_t stats;
	lessor_scope_t scope;
	bool there[1024];
} picture_t;

static picture_t
picture(void) {
	picture_t now;
	memset(&now, 0, sizeof(now));
	lessor_lease_t lease;
	char buffer[64];
	now.stats = stats();
	assert_status(LESSOR_OK, lessor_scope_get(engine, SUBNET, &now.scope, NULL, 0));
	for (uint32_t i = 0; i < COUNT(now.there); i++) {
		now.there[i] = lessor_lease_get(engine, SUBNET + i, &lease, buffer, sizeof(buffer)) == LESSOR_OK;
	}
	return now;
}

static void
assert_picture(const picture_t *expected) {
	const picture_t now = picture();
	assert_int_equal(expected->scope.mask, now.scope.mask);
	assert_int_equal(expected->scope.has_range, now.scope.has_range);
	assert_int_equal(expected->scope.offer_delay_ms, now.scope.offer_delay_ms);
	assert_int_equal(expected->scope.quarantine_on, now.scope.quarantine_on);
	assert_memory_equal(expected->there, now.there, sizeof(now.there));
	assert_int_equal(expected->stats.leases, now.stats.leases);
	assert_int_equal(expected->stats.deletes, now.stats.deletes);
	assert_int_equal(expected->stats.in_use, now.stats.in_use);
	assert_int_equal(expected->stats.in_use_high_water, now.stats.in_use_high_water);
}

static void
step(unsigned number) {
	const lessor_scope_t kept = {.subnet = SUBNET, .offer_delay_ms = 500, .quarantine_on = true};
	switch (number) {
	case 0:
		assert_status(LESSOR_OK, resize(10, 99));
		create_from_to(1, 120);
		break;
	case 1:
		assert_status(LESSOR_OK, remove_range(10, 99, true));
		break;
	case 2:
		create_from_to(50, 60);
		assert_status(LESSOR_OK, resize(55, 80));
		break;
	case 3:
		assert_status(LESSOR_OK, remove_range(55, 80, true));
		assert_status(LESSOR_OK,
			      lessor_scope_update(engine, &kept,
						  LESSOR_SCOPE_FIELD_OFFER_DELAY | LESSOR_SCOPE_FIELD_QUARANTINE,
						  LESSOR_ASYNC, NULL));
		break;
	case 4:
		assert_status(LESSOR_OK, resize(0, 255));
		assert_status(LESSOR_OK, remove_range(0, 255, true));
		break;
	case 5:
		assert_status(LESSOR_OK, set_mask(0xFFFFFC00));
		create_from_to(700, 710);
		break;
	default:
		assert_status(LESSOR_OK, resize(0, 1023));
		assert_status(LESSOR_OK, remove_range(0, 1023, true));
		assert_status(LESSOR_OK, set_mask(0xFFFFFF80));
		create_from_to(120, 127);
	}
}

static void
test_restarts(void **state) {
	for (unsigned snapshot_at = 0; snapshot_at <= 7; snapshot_at++) {
		for (unsigned restart_at = 0; restart_at <= 7; restart_at++) {
			for (unsigned number = 0; number < 7; number++) {
				if (number == snapshot_at) {
					assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
				}
				if (number == restart_at) {
					reopen();
				}
				step(number);
				const picture_t before = picture();
				if (number + 1 == restart_at) {
					reopen();
					assert_picture(&before);
				}
			}
			const picture_t before = picture();
			reopen();
			assert_picture(&before);
			(void)close_store(state);
			(void)open_store(state);
		}
	}
}

static uint64_t
records(void) {
	lessor_options_t options;
	lessor_report_t report;
	scratch_close(engine);
	scratch_options_log(&options);
	assert_status(LESSOR_OK, lessor_open(directory, &options, &engine, &report));
	return report.log_records;
}

/* So that no crash shows a part of one. */
static void
test_every_change_is_one_record(void **state) {
	(void)state;
	create_from_to(0, 200);
	uint64_t before = records();
	assert_status(LESSOR_OK, resize(0, 255));
	assert_int_equal(++before, records());
	assert_status(LESSOR_OK, remove_range(0, 255, true));
	assert_int_equal(++before, records());
	assert_status(LESSOR_OK, set_mask(0xFFFFFE00));
	assert_int_equal(++before, records());
}

static atomic_bool over;

static void *
take_snapshots(void *argument) {
	(void)argument;
	while (!atomic_load(&over)) {
		assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	}
	return NULL;
}

/* A snapshot shows what was there while it was written: not leases that are gone, nor their deletes twice. */
static void
test_beside_snapshots(void **state) {
	(void)state;
	scratch_random_t random = {.state = scratch_seed()};
	print_message("LESSOR_TEST_SEED=%" PRIu64 "\n", random.state);
	for (unsigned round = 0; round < (scratch_is_sanitized() ? 6u : 30u); round++) {
		pthread_t thread;
		atomic_store(&over, false);
		assert_int_equal(0, pthread_create(&thread, NULL, take_snapshots, NULL));
		for (unsigned i = 0; i < 100; i++) {
			const uint32_t number = scratch_below(&random, 100);
			if (scratch_percent(&random, 15)) {
				const lessor_status_t status = resize(number, number + 20);
				assert_true(status == LESSOR_OK || status == LESSOR_CONFLICT ||
					    status == LESSOR_EXISTS);
			} else if (scratch_percent(&random, 15)) {
				lessor_scope_t scope;
				assert_status(LESSOR_OK, lessor_scope_get(engine, SUBNET, &scope, NULL, 0));
				assert_status(scope.has_range ? LESSOR_OK : LESSOR_NOT_FOUND,
					      lessor_scope_remove_range(engine, SUBNET, scope.range, true, LESSOR_ASYNC,
									NULL));
				const lessor_status_t status = set_mask(UINT32_MAX << (7 + scratch_below(&random, 4)));
				assert_true(status == LESSOR_OK || status == LESSOR_SCOPE_NOT_EMPTY);
			} else if (scratch_percent(&random, 20)) {
				(void)lessor_lease_delete(engine, SUBNET + number, NULL, 0, LESSOR_ASYNC, NULL);
			} else {
				(void)create(number);
			}
			if (i == 50) { /* now and then it is empty */
				const lessor_range_t all = {SUBNET, SUBNET + 127};
				lessor_scope_t scope = {.subnet = SUBNET, .has_range = true, .range = all};
				assert_status(LESSOR_OK, lessor_scope_update(engine, &scope, LESSOR_SCOPE_FIELD_RANGE,
									     LESSOR_ASYNC, NULL));
				assert_status(LESSOR_OK, remove_range(0, 127, true));
				assert_status(LESSOR_OK, set_mask(UINT32_MAX << (7 + scratch_below(&random, 4))));
			}
		}
		atomic_store(&over, true);
		assert_int_equal(0, pthread_join(thread, NULL));
		/* But the greatest number in use, when the pool changed beside the snapshot, may be that of leases which were not there together. */
		picture_t before = picture();
		reopen();
		assert_true(stats().in_use_high_water >= before.stats.in_use);
		before.stats.in_use_high_water = stats().in_use_high_water;
		assert_picture(&before);
	}
}

/* Records that no engine writes. */
static void
test_damaged_records(void **state) {
	(void)state;
	char copy[SCRATCH_PATH_BYTES];
	lessor_options_t options;
	lessor_report_t report;
	lessor_engine_t *other;
	uint64_t lsn;
	static const uint32_t heads[][3] = {
		{1, SUBNET + 9, SUBNET + 8},
		{1, SUBNET - 1, SUBNET + 8},
		{1, SUBNET, SUBNET + 256},
		{2, SUBNET + 1, SUBNET + 8}, /* another uid */
	};
	uint8_t payload[256];
	size_t bytes = 0;
	scratch_make_fast(copy);
	for (size_t i = 0; i <= COUNT(heads) + 1; i++) {
		scratch_close(engine);
		scratch_copy(directory, copy);
		engine = scratch_open_log(directory);
		other = scratch_open_log(copy);
		const lsr_scope_t *scope = lsr_engine_find_scope_locked(other, SUBNET);
		assert_int_equal(1, scope->uid);
		const uint32_t good[3] = {1, SUBNET + 1, SUBNET + 8};
		memcpy(payload, i < COUNT(heads) ? heads[i] : good, 12);
		lsr_scope_image_put(payload + 12, scope, lsr_scope_config(scope), 5, 0);
		bytes = 12 + lsr_scope_image_bytes(lsr_scope_config(scope)) - (i == COUNT(heads) ? 1 : 0);
		assert_status(LESSOR_OK, lsr_engine_log(other, LSR_LOG_CLEAR, payload, bytes, &lsn));
		scratch_close(other);
		scratch_options_log(&options);
		const bool is_good = i == COUNT(heads) + 1;
		assert_status(is_good ? LESSOR_OK : LESSOR_DAMAGED, lessor_open(copy, &options, &other, &report));
		if (is_good) {
			lessor_scope_stats_t found;
			assert_status(LESSOR_OK, lessor_scope_stats(other, SUBNET, &found));
			assert_int_equal(5, found.deletes);
			scratch_close(other);
		} else {
			assert_non_null(strstr(report.sentence, "makes no sense"));
		}
	}
	scratch_remove(copy);
}

/* ---- others beside it ------------------------------------------------------------------------------------------------- */

static atomic_uint changes;

/* Creates and deletes all over the subnet; the other half of them in a scope that nobody touches. */
static void *
run_creator(void *argument) {
	const uint32_t creator = *(const uint32_t *)argument;
	scratch_random_t random = {.state = creator};
	while (!atomic_load(&over)) {
		uint8_t id[6];
		const uint32_t number = creator + 2 * scratch_below(&random, 120);
		const uint32_t subnet = scratch_percent(&random, 50) ? SUBNET : SUBNET - 256;
		const lessor_lease_t lease = scratch_lease_numbered(subnet + number, number, id);
		const lessor_status_t status =
			scratch_percent(&random, 60)
				? lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL)
				: lessor_lease_delete(engine, lease.address, id, sizeof(id), LESSOR_ASYNC, NULL);
		assert_true(status == LESSOR_OK || status == LESSOR_ADDRESS_TAKEN || status == LESSOR_NOT_FOUND);
		atomic_fetch_add(&changes, 1);
	}
	return NULL;
}

static void *
run_reader(void *argument) {
	(void)argument;
	while (!atomic_load(&over)) {
		for (uint32_t number = 0; number < 240; number++) {
			lessor_lease_t lease;
			char buffer[64];
			if (lessor_lease_get(engine, SUBNET + number, &lease, buffer, sizeof(buffer)) == LESSOR_OK) {
				assert_int_equal(SUBNET + number, lease.address);
				assert_int_equal(6, lease.client_id_bytes);
			}
		}
	}
	return NULL;
}

static void
test_beside_others(void **state) {
	(void)state;
	pthread_t threads[3];
	uint32_t numbers[2] = {0, 1};
	atomic_store(&over, false);
	scratch_scope_add(engine, SUBNET - 256, MASK, true);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(0, pthread_create(&threads[i], NULL, run_creator, &numbers[i]));
	}
	assert_int_equal(0, pthread_create(&threads[2], NULL, run_reader, NULL));
	uint64_t deletes = 0;
	for (uint32_t i = 0; i < (scratch_is_sanitized() ? 50u : 300u) || atomic_load(&changes) < 1000; i++) {
		assert_status(LESSOR_OK, resize(10, 100 + i % 100));
		assert_status(LESSOR_OK, remove_range(10, 100 + i % 100, true));
		assert_true(stats().deletes >= deletes);
		deletes = stats().deletes;
	}
	atomic_store(&over, true);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(0, pthread_join(threads[i], NULL));
	}
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
	const picture_t before = picture();
	reopen();
	assert_picture(&before);
}

static void
test_tickets(void **state) {
	(void)state;
	const lessor_range_t range = {SUBNET + 1, SUBNET + 9};
	const lessor_scope_t scope = {.subnet = SUBNET, .mask = 0xFFFFFF80};
	lessor_ticket_t tickets[3];
	assert_status(LESSOR_OK, lessor_scope_resize(engine, SUBNET, range, LESSOR_SYNC, &tickets[0]));
	assert_status(LESSOR_OK, create(3));
	assert_status(LESSOR_OK, lessor_scope_remove_range(engine, SUBNET, range, true, LESSOR_SYNC, &tickets[1]));
	assert_status(LESSOR_OK,
		      lessor_scope_update(engine, &scope, LESSOR_SCOPE_FIELD_MASK, LESSOR_SYNC, &tickets[2]));
	for (size_t i = 0; i < COUNT(tickets); i++) {
		assert_status(LESSOR_OK, lessor_ticket_poll(engine, tickets[i]));
		assert_true(i == 0 || tickets[i] > tickets[i - 1]);
	}
}

#define MEMORY(function) cmocka_unit_test_setup_teardown(function, open_memory, close_memory)
#define STORE(function)  cmocka_unit_test_setup_teardown(function, open_store, close_store)

int
main(void) {
	const struct CMUnitTest tests[] = {
		MEMORY(test_resizing),
		MEMORY(test_resizing_refuses),
		MEMORY(test_removing_by_force),
		MEMORY(test_removing_what_is_empty),
		MEMORY(test_removing_refuses),
		MEMORY(test_vast_ranges),
		MEMORY(test_masks),
		MEMORY(test_masks_are_refused),
		STORE(test_reserved_leases_stay),
		STORE(test_dormant_leases_hold_no_scope),
		STORE(test_restarts),
		STORE(test_beside_snapshots),
		STORE(test_every_change_is_one_record),
		STORE(test_damaged_records),
		STORE(test_beside_others),
		STORE(test_tickets),
	};
	return cmocka_run_group_tests_name("range", tests, NULL, NULL);
}
