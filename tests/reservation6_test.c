/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPv6 reservations: what each call answers, what becomes of the leases in the way, and what is there after the store was opened again, from its log and from a snapshot.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "scratch.h"

#define PREFIX  UINT64_C(0x20010DB800000000)
#define LEASE_S 3600u
#define NOW     (UINT64_C(1000000) * LESSOR_TICKS_PER_SECOND)

static const uint8_t duid[14] = {0, 1, 0, 1, 0x2A, 0x11, 0x22, 0x33, 2, 0, 0x5E, 0x10, 0, 1};
static char buffer[LESSOR_LEASE_BUFFER_BYTES];
static char path[SCRATCH_PATH_BYTES];
static lessor_engine_t *engine;

static void
add_scope(void) {
	const lessor_scope6_t scope = {.prefix = PREFIX, .lease_s = LEASE_S};
	assert_status(LESSOR_OK, lessor_scope6_create(engine, &scope, LESSOR_ASYNC, NULL));
}

static int
begin(void **state) {
	(void)state;
	scratch_make_fast(path);
	engine = scratch_open_log(path);
	add_scope();
	return 0;
}

static void
check(void) {
	scratch_check(engine);
}

static int
end(void **state) {
	(void)state;
	scratch_close_store(engine, path);
	return 0;
}

static lessor_address6_t
at(uint64_t low) {
	return (lessor_address6_t){PREFIX, low};
}

static lessor_lease6_t
make(uint64_t low, uint32_t iaid) {
	lessor_lease6_t lease;
	lessor_lease6_init(&lease);
	lease.address = at(low);
	lease.duid = duid;
	lease.duid_bytes = sizeof(duid);
	lease.iaid = iaid;
	lease.name = "a name that needs more room than there is";
	lease.expires_at = NOW + 100;
	lease.preferred_expires_at = NOW + 50;
	return lease;
}

static lessor_status_t
create(uint64_t low, uint32_t iaid) {
	const lessor_lease6_t lease = make(low, iaid);
	return lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL);
}

static lessor_status_t
reserve(uint64_t low, uint32_t iaid) {
	const lessor_reservation6_t reservation = {
		.address = at(low), .duid = duid, .duid_bytes = sizeof(duid), .iaid = iaid};
	return lessor_reservation6_create(engine, PREFIX, &reservation, LESSOR_ASYNC, NULL);
}

static lessor_status_t
release(uint64_t low) {
	return lessor_reservation6_delete(engine, PREFIX, at(low), NOW, LESSOR_ASYNC, NULL);
}

static lessor_status_t
get(uint64_t low, lessor_lease6_t *lease) {
	return lessor_lease6_get(engine, at(low), lease, buffer, sizeof(buffer));
}

/* Where the client's lease is; 0: nowhere. */
static uint64_t
home_of(uint32_t iaid) {
	lessor_lease6_t lease;
	return lessor_lease6_get_client(engine, PREFIX, duid, sizeof(duid), iaid, &lease, buffer, sizeof(buffer)) ==
			       LESSOR_OK
		       ? lease.address.low
		       : 0;
}

static lessor_scope6_stats_t
figures(void) {
	lessor_scope6_stats_t stats;
	assert_status(LESSOR_OK, lessor_scope6_stats(engine, PREFIX, &stats));
	return stats;
}

static uint64_t
count(void) {
	uint64_t leases;
	assert_status(LESSOR_OK, lessor_lease6_count(engine, at(0), at(UINT64_MAX), &leases));
	return leases;
}

/* The next reservation is this one. */
static void
expect_next(uint64_t from, uint64_t low, uint32_t iaid, bool has_lease, bool is_dormant) {
	lessor_reservation6_t got;
	assert_status(LESSOR_OK, lessor_reservation6_next(engine, PREFIX, at(from), &got, buffer, sizeof(buffer)));
	assert_true(got.address.high == PREFIX && got.address.low == low);
	assert_int_equal(got.duid_bytes, sizeof(duid));
	assert_memory_equal(got.duid, duid, sizeof(duid));
	assert_int_equal(got.iaid, iaid);
	assert_int_equal(got.has_lease, has_lease);
	assert_int_equal(got.is_dormant, is_dormant);
}

static void
expect_no_more(uint64_t from) {
	lessor_reservation6_t got;
	assert_status(LESSOR_END, lessor_reservation6_next(engine, PREFIX, at(from), &got, buffer, sizeof(buffer)));
}

/* ---- what calls answer ----------------------------------------------------------------------------------------------- */

static void
what_is_refused(void **state) {
	static const uint8_t longest[LESSOR_DUID_MAX_BYTES + 1];
	lessor_reservation6_t reservation = {.address = at(1), .duid = duid, .duid_bytes = sizeof(duid)};
	(void)state;
	assert_status(LESSOR_INVALID, lessor_reservation6_create(engine, PREFIX, NULL, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_NO_SCOPE,
		      lessor_reservation6_create(engine, PREFIX + 1, &reservation, LESSOR_ASYNC, NULL));
	reservation.duid = NULL;
	assert_status(LESSOR_INVALID, lessor_reservation6_create(engine, PREFIX, &reservation, LESSOR_ASYNC, NULL));
	reservation.duid = longest;
	reservation.duid_bytes = 0;
	assert_status(LESSOR_INVALID, lessor_reservation6_create(engine, PREFIX, &reservation, LESSOR_ASYNC, NULL));
	reservation.duid_bytes = LESSOR_DUID_MAX_BYTES + 1;
	assert_status(LESSOR_INVALID, lessor_reservation6_create(engine, PREFIX, &reservation, LESSOR_ASYNC, NULL));
	reservation.duid_bytes = LESSOR_DUID_MAX_BYTES;
	assert_status(LESSOR_OK, lessor_reservation6_create(engine, PREFIX, &reservation, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, release(1));
	assert_status(LESSOR_NOT_FOUND, release(1));
	assert_status(LESSOR_OK, create(1, 1));
	assert_status(LESSOR_NOT_FOUND, release(1));
	assert_status(LESSOR_NO_SCOPE, lessor_reservation6_delete(engine, PREFIX + 1, at(1), NOW, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_INVALID,
		      lessor_reservation6_delete(engine, PREFIX, at(1), LESSOR_TIME_NONE, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_NO_SCOPE, lessor_reservation6_next(engine, PREFIX + 1, at(0), &reservation, NULL, 0));
	expect_no_more(0);
}

static void
both_are_unique(void **state) {
	(void)state;
	assert_status(LESSOR_OK, reserve(1, 1));
	assert_status(LESSOR_RESERVED, reserve(1, 1));
	assert_status(LESSOR_RESERVED, reserve(1, 2));
	assert_status(LESSOR_RESERVED, reserve(2, 1));
	check();
	assert_status(LESSOR_OK, create(3, 3));
	assert_status(LESSOR_RESERVED, reserve(3, 1));
	assert_status(LESSOR_RESERVED, reserve(1, 3));
	assert_int_equal(home_of(3), 3);
	assert_int_equal(home_of(1), 1);
	assert_status(LESSOR_OK, reserve(2, 2));
	expect_next(0, 1, 1, true, true);
	expect_next(2, 2, 2, true, true);
	expect_no_more(3);
	assert_int_equal(count(), 3);
}

static void
nothing_in_the_way(void **state) {
	lessor_lease6_t lease;
	uint64_t free_low[2];
	uint32_t found;
	(void)state;
	assert_status(LESSOR_OK, reserve(1, 1));
	assert_status(LESSOR_OK, get(1, &lease));
	assert_true(lease.is_reserved && lease.expires_at == LESSOR_TIME_NONE && lease.iaid == 1);
	assert_true(lease.preferred_expires_at == LESSOR_TIME_NONE && lease.name == NULL);
	assert_true(lease.owner_address.high == 0 && lease.owner_address.low == 0);
	assert_int_equal(lease.address_state, LESSOR_STATE_ACTIVE);
	assert_status(LESSOR_RESERVED, lessor_lease6_delete(engine, at(1), LESSOR_ASYNC, NULL));
	assert_status(LESSOR_ADDRESS_TAKEN, create(1, 2));
	assert_status(LESSOR_CLIENT_TAKEN, create(2, 1));
	assert_status(LESSOR_OK, lessor_scope6_free_addresses(engine, PREFIX, 1, 9, 2, free_low, &found));
	assert_true(found == 2 && free_low[0] == 2 && free_low[1] == 3);
	assert_int_equal(figures().in_use, 1);
	assert_status(LESSOR_OK, release(1));
	assert_status(LESSOR_NOT_FOUND, get(1, &lease));
	assert_int_equal(home_of(1), 0);
	assert_int_equal(figures().in_use, 0);
}

static void
the_client_is_there_already(void **state) {
	lessor_lease6_t lease;
	(void)state;
	assert_status(LESSOR_OK, create(1, 1));
	assert_status(LESSOR_OK, reserve(1, 1));
	assert_status(LESSOR_OK, get(1, &lease));
	assert_true(lease.is_reserved && lease.expires_at == NOW + 100 && lease.preferred_expires_at == NOW + 50);
	assert_string_equal(lease.name, make(1, 1).name);
	expect_next(0, 1, 1, true, false);
	assert_int_equal(figures().deletes, 0);
}

static void
expiries_while_it_stands(void **state) {
	lessor_lease6_t lease;
	lessor_cursor6_t cursor;
	lessor_expire_report_t report;
	(void)state;
	assert_status(LESSOR_OK, create(1, 1));
	assert_status(LESSOR_OK, create(2, 2));
	assert_status(LESSOR_OK, reserve(1, 1));
	lease = make(1, 1);
	lease.expires_at = NOW + 999;
	lease.preferred_expires_at = NOW + 888;
	lease.name = "other";
	assert_status(LESSOR_OK, lessor_lease6_update(engine, &lease, LESSOR_FIELD_EXPIRES | LESSOR_FIELD_NAME,
						      LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, get(1, &lease));
	assert_true(lease.expires_at == NOW + 100 && lease.preferred_expires_at == NOW + 50 && lease.is_reserved);
	assert_string_equal(lease.name, "other");
	lease = make(1, 1);
	lease.expires_at = NOW + 90;
	lease.preferred_expires_at = NOW + 80;
	assert_status(LESSOR_OK, lessor_lease6_update(engine, &lease, LESSOR_FIELD_EXPIRES | LESSOR_IF_RESERVED,
						      LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, get(1, &lease));
	assert_true(lease.expires_at == NOW + 90 && lease.preferred_expires_at == NOW + 80 && lease.is_reserved);
	lessor_cursor6_init(&cursor, at(0), at(UINT64_MAX));
	assert_status(LESSOR_OK,
		      lessor_expire6(engine, LESSOR_TIME_INFINITE - 1, NULL, &cursor, &report, LESSOR_ASYNC, NULL));
	assert_int_equal(report.removed, 1);
	assert_int_equal(home_of(1), 1);
	assert_int_equal(home_of(2), 0);
	assert_status(LESSOR_OK, release(1));
	assert_status(LESSOR_OK, get(1, &lease));
	assert_false(lease.is_reserved);
	assert_true(lease.expires_at == NOW + LEASE_S * LESSOR_TICKS_PER_SECOND);
	assert_true(lease.preferred_expires_at == lease.expires_at);
	assert_string_equal(lease.name, "other");
	assert_status(LESSOR_OK, reserve(2, 1));
	assert_int_equal(home_of(1), 2);
}

/* ---- leases in the way ----------------------------------------------------------------------------------------------- */

static void
another_client_has_to_go(void **state) {
	lessor_lease6_t lease;
	(void)state;
	assert_status(LESSOR_OK, create(1, 2));
	assert_status(LESSOR_OK, reserve(1, 1));
	assert_int_equal(home_of(2), 0);
	assert_int_equal(home_of(1), 1);
	assert_status(LESSOR_OK, get(1, &lease));
	assert_true(lease.is_reserved && lease.expires_at == LESSOR_TIME_NONE && lease.name == NULL);
	assert_int_equal(figures().deletes, 1);
	assert_int_equal(figures().creates, 2);
	assert_int_equal(figures().in_use_high_water, 1);
	assert_status(LESSOR_OK, create(2, 2));
}

static void
the_client_moves(void **state) {
	lessor_lease6_t lease;
	(void)state;
	assert_status(LESSOR_OK, create(5, 1));
	assert_status(LESSOR_OK, reserve(1, 1));
	assert_status(LESSOR_NOT_FOUND, get(5, &lease));
	assert_int_equal(home_of(1), 1);
	assert_status(LESSOR_OK, get(1, &lease));
	assert_true(lease.is_reserved && lease.expires_at == NOW + 100 && lease.preferred_expires_at == NOW + 50);
	assert_string_equal(lease.name, make(1, 1).name);
	assert_int_equal(count(), 1);
	assert_int_equal(figures().deletes, 1);
	assert_int_equal(figures().in_use_high_water, 1);
	assert_status(LESSOR_OK, create(5, 5));
}

static void
one_goes_and_the_client_moves(void **state) {
	(void)state;
	assert_status(LESSOR_OK, create(1, 2));
	assert_status(LESSOR_OK, create(5, 1));
	assert_status(LESSOR_OK, reserve(1, 1));
	assert_int_equal(home_of(1), 1);
	assert_int_equal(home_of(2), 0);
	assert_int_equal(count(), 1);
	assert_int_equal(figures().deletes, 2);
	assert_int_equal(figures().in_use_high_water, 2);
	expect_next(0, 1, 1, true, false);
}

/* Client 1 has the lease at 7, which is reserved for 7, and the reservation of 1, which is empty. */
static void
make_empty(void) {
	lessor_lease6_t lease = make(7, 1);
	assert_status(LESSOR_OK, create(7, 7));
	assert_status(LESSOR_OK, reserve(7, 7));
	assert_status(LESSOR_OK, lessor_lease6_update(engine, &lease, LESSOR_FIELD_CLIENT_ID, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, create(1, 2));
	assert_status(LESSOR_OK, reserve(1, 1));
}

static void
expect_empty(void) {
	lessor_lease6_t lease;
	expect_next(0, 1, 1, false, false);
	expect_next(2, 7, 7, true, false);
	assert_int_equal(home_of(1), 7);
	assert_int_equal(home_of(2), 0);
	assert_int_equal(home_of(7), 0);
	assert_status(LESSOR_NOT_FOUND, get(1, &lease));
	assert_int_equal(count(), 1);
	assert_int_equal(figures().in_use, 2);
	check();
}

static void
an_empty_one_is_taken(void **state) {
	lessor_lease6_t lease = make(0, 1);
	lessor_cursor6_t cursor;
	(void)state;
	make_empty();
	expect_empty();
	lessor_cursor6_init(&cursor, at(0), at(UINT64_MAX));
	assert_status(LESSOR_OK, lessor_lease6_next(engine, &cursor, &lease, buffer, sizeof(buffer)));
	assert_int_equal(lease.address.low, 7);
	assert_status(LESSOR_NOT_FOUND, lessor_lease6_delete(engine, at(1), LESSOR_ASYNC, NULL));
	assert_status(LESSOR_ADDRESS_TAKEN, create(1, 2));
	assert_status(LESSOR_CLIENT_TAKEN, create(1, 1));
	lease = make(7, 7);
	assert_status(LESSOR_OK, lessor_lease6_update(engine, &lease, LESSOR_FIELD_CLIENT_ID, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, create(1, 1));
	assert_int_equal(home_of(1), 1);
	assert_int_equal(count(), 2);
	expect_next(0, 1, 1, true, false);
}

static void
allocate_gives_it_first(void **state) {
	lessor_lease6_t lease = make(7, 7);
	(void)state;
	make_empty();
	assert_status(LESSOR_OK, lessor_lease6_update(engine, &lease, LESSOR_FIELD_CLIENT_ID, LESSOR_ASYNC, NULL));
	lease = make(0, 1);
	assert_status(LESSOR_OK, lessor_lease6_allocate(engine, PREFIX, 33, &lease, LESSOR_ASYNC, NULL));
	assert_int_equal(lease.address.low, 1);
	lease = make(0, 2);
	assert_status(LESSOR_OK, lessor_lease6_allocate(engine, PREFIX, 33, &lease, LESSOR_ASYNC, NULL));
	assert_int_equal(lease.address.low, 33);
	assert_status(LESSOR_OK, release(7));
}

static void
an_empty_one_is_given_up(void **state) {
	(void)state;
	make_empty();
	const uint64_t deletes = figures().deletes;
	assert_status(LESSOR_OK, release(1));
	assert_int_equal(figures().deletes, deletes);
	assert_status(LESSOR_OK, create(1, 2));
	assert_status(LESSOR_OK, release(7));
	expect_no_more(0);
}

/* ---- what is there afterwards ---------------------------------------------------------------------------------------- */

static void
reopen(void) {
	const lessor_scope6_stats_t before = figures();
	scratch_close(engine);
	engine = scratch_open_log(path);
	const lessor_scope6_stats_t after = figures();
	assert_memory_equal(&before, &after, sizeof(before));
	check();
}

static void
everything_comes_back(void **state) {
	const bool snapshot = *state != NULL;
	lessor_lease6_t lease;
	make_empty();
	assert_status(LESSOR_OK, create(10, 11));
	assert_status(LESSOR_OK, create(12, 10));
	assert_status(LESSOR_OK, reserve(10, 10)); /* 11 goes, 10 moves */
	assert_status(LESSOR_OK, reserve(20, 20));
	assert_status(LESSOR_OK, create(30, 30));
	assert_status(LESSOR_OK, reserve(30, 30));
	assert_status(LESSOR_OK, release(30));
	assert_status(LESSOR_OK, reserve(40, 40));
	assert_status(LESSOR_OK, release(40));
	for (unsigned i = 0; i < 2; i++) {
		if (snapshot) {
			assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
		}
		reopen();
		expect_next(0, 1, 1, false, false);
		expect_next(2, 7, 7, true, false);
		expect_next(8, 10, 10, true, false);
		expect_next(11, 20, 20, true, true);
		expect_no_more(21);
		assert_int_equal(home_of(1), 7);
		assert_int_equal(home_of(10), 10);
		assert_int_equal(home_of(11), 0);
		assert_int_equal(home_of(20), 20);
		assert_int_equal(home_of(40), 0);
		assert_status(LESSOR_NOT_FOUND, get(12, &lease));
		assert_status(LESSOR_OK, get(10, &lease));
		assert_true(lease.is_reserved && lease.preferred_expires_at == NOW + 50);
		assert_status(LESSOR_OK, get(30, &lease));
		assert_true(!lease.is_reserved && lease.expires_at == NOW + LEASE_S * LESSOR_TICKS_PER_SECOND);
		assert_int_equal(count(), 4);
	}
	assert_status(LESSOR_OK, release(1));
	reopen();
	expect_next(0, 7, 7, true, false);
}

/* Changes of two and three leases, many of them. */
static void
changes_of_several_leases(void **state) {
	(void)state;
	for (uint32_t i = 1; i <= 40; i++) {
		assert_status(LESSOR_OK, create(i, 100 + i));
		assert_status(LESSOR_OK, create(1000 + i, i));
		assert_status(LESSOR_OK, reserve(i, i));
	}
	reopen();
	for (uint32_t i = 1; i <= 40; i++) {
		assert_int_equal(home_of(i), i);
		assert_int_equal(home_of(100 + i), 0);
		expect_next(i, i, i, true, false);
	}
	assert_int_equal(count(), 40);
}

/* ---- addresses of other prefixes ------------------------------------------------------------------------------------- */

static lessor_reservation6_t
outside(uint64_t high, uint64_t low, uint32_t iaid) {
	return (lessor_reservation6_t){.address = {high, low}, .duid = duid, .duid_bytes = sizeof(duid), .iaid = iaid};
}

static lessor_status_t
reserve_outside(uint64_t high, uint64_t low, uint32_t iaid) {
	const lessor_reservation6_t reservation = outside(high, low, iaid);
	return lessor_reservation6_create(engine, PREFIX, &reservation, LESSOR_ASYNC, NULL);
}

static lessor_status_t
release_outside(uint64_t high, uint64_t low) {
	return lessor_reservation6_delete(engine, PREFIX, (lessor_address6_t){high, low}, NOW, LESSOR_ASYNC, NULL);
}

/* The reservations are these, from the first to the last one. */
static void
expect_all(const lessor_reservation6_t *wanted, size_t wanted_count) {
	lessor_address6_t from = {0};
	lessor_reservation6_t got;
	for (size_t i = 0; i < wanted_count; i++) {
		assert_status(LESSOR_OK, lessor_reservation6_next(engine, PREFIX, from, &got, buffer, sizeof(buffer)));
		assert_memory_equal(&got.address, &wanted[i].address, sizeof(got.address));
		assert_int_equal(got.duid_bytes, sizeof(duid));
		assert_memory_equal(got.duid, duid, sizeof(duid));
		assert_int_equal(got.iaid, wanted[i].iaid);
		assert_int_equal(got.has_lease, got.address.high == PREFIX);
		from = got.address;
		from.high += ++from.low == 0;
	}
	if (wanted_count == 0 || from.high != 0) { /* not around the end */
		assert_status(LESSOR_END, lessor_reservation6_next(engine, PREFIX, from, &got, buffer, sizeof(buffer)));
	}
}

static void
outside_they_are_only_noted(void **state) {
	const bool snapshot = *state != NULL;
	const lessor_reservation6_t all[] = {outside(1, UINT64_MAX, 1), outside(PREFIX - 1, 5, 2),
					     outside(PREFIX, 9, 9), outside(PREFIX + 1, 0, 3),
					     outside(UINT64_MAX, UINT64_MAX, 4)};
	static const size_t order[] = {3, 0, 4, 2, 1};
	const lessor_scope6_t renamed = {.prefix = PREFIX, .name = "renamed"};
	lessor_lease6_t lease;
	lessor_reservation6_t got;
	for (size_t i = 0; i < 5; i++) {
		const lessor_address6_t address = all[order[i]].address;
		assert_status(LESSOR_OK, reserve_outside(address.high, address.low, all[order[i]].iaid));
	}
	assert_int_equal(count(), 1);
	assert_int_equal(figures().in_use, 1);
	assert_status(LESSOR_NOT_FOUND, lessor_lease6_get(engine, all[1].address, &lease, buffer, sizeof(buffer)));
	/* Both are unique, inside and outside. */
	assert_status(LESSOR_RESERVED, reserve_outside(PREFIX + 1, 0, 77));
	assert_status(LESSOR_RESERVED, reserve_outside(7, 7, 3));
	assert_status(LESSOR_RESERVED, reserve_outside(7, 7, 9));
	assert_status(LESSOR_RESERVED, reserve(50, 3));
	/* Such a client leases like any other. */
	assert_status(LESSOR_OK, create(50, 3));
	assert_status(LESSOR_OK, lessor_lease6_delete(engine, at(50), LESSOR_ASYNC, NULL));
	/* Other changes of the scope do not touch them. */
	assert_status(LESSOR_OK, lessor_scope6_update(engine, &renamed, LESSOR_SCOPE_FIELD_NAME, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK,
		      lessor_scope6_exclude(engine, PREFIX, (lessor_range6_t){100, 200}, LESSOR_ASYNC, NULL));
	expect_all(all, 5);
	for (unsigned i = 0; i < 2; i++) {
		if (snapshot) {
			assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
		}
		reopen();
		expect_all(all, 5);
	}
	assert_status(LESSOR_NOT_FOUND, release_outside(PREFIX + 1, 1));
	assert_status(LESSOR_NO_SCOPE, lessor_reservation6_delete(engine, PREFIX + 1, at(1), NOW, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_BUFFER_TOO_SMALL,
		      lessor_reservation6_next(engine, PREFIX, all[0].address, &got, buffer, sizeof(duid) - 1));
	for (size_t i = 0; i < 5; i++) {
		assert_status(LESSOR_OK, release_outside(all[order[i]].address.high, all[order[i]].address.low));
	}
	reopen();
	expect_all(NULL, 0);
	assert_status(LESSOR_OK, reserve(50, 3));
}

static void
outside_there_are_so_many(void **state) {
	(void)state;
	for (uint32_t i = 0; i < LESSOR_RESERVATIONS6_OUTSIDE_MAX; i++) {
		assert_status(LESSOR_OK, reserve_outside(i + 1, i * UINT64_C(7919) % 1024, i));
	}
	assert_status(LESSOR_LIMIT, reserve_outside(5000, 5000, 5000));
	reopen();
	assert_status(LESSOR_RESERVED, reserve(9, 1023));
	assert_status(LESSOR_LIMIT, reserve_outside(5000, 5000, 5000));
	assert_status(LESSOR_OK, release_outside(1, 0));
	assert_status(LESSOR_OK, reserve_outside(5000, 5000, 5000));
}

/* ---- all at once ----------------------------------------------------------------------------------------------------- */

#define ADDRESSES 16u
#define ROUNDS    3000u

static atomic_uint odd_answers;

/* An answer that no order of changes explains. */
static void
judge(lessor_status_t status, const lessor_status_t *possible, size_t possibilities) {
	size_t i = 0;
	while (i < possibilities && possible[i] != status) {
		i++;
	}
	if (i == possibilities) {
		(void)fprintf(stderr, "answer %s\n", lessor_status_name(status));
		(void)atomic_fetch_add(&odd_answers, 1);
	}
}

#define JUDGE(status, ...)                                                                                             \
	judge(status, (const lessor_status_t[]){__VA_ARGS__},                                                          \
	      sizeof((lessor_status_t[]){__VA_ARGS__}) / sizeof(lessor_status_t))

static void *
lease_and_reserve(void *argument) {
	uint32_t random = (uint32_t)(uintptr_t)argument * UINT32_C(2654435761) + 1;
	for (unsigned i = 0; i < ROUNDS; i++) {
		random = random * UINT32_C(1664525) + UINT32_C(1013904223);
		const uint64_t low = 1 + (random >> 8) % ADDRESSES;
		const uint32_t iaid = 1 + (random >> 16) % ADDRESSES;
		lessor_lease6_t lease = make(low, iaid);
		switch ((random >> 24) % 8) {
		case 0:
		case 1:
			JUDGE(lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL), LESSOR_OK, LESSOR_ADDRESS_TAKEN,
			      LESSOR_CLIENT_TAKEN);
			break;
		case 2:
			JUDGE(lessor_lease6_delete(engine, at(low), LESSOR_ASYNC, NULL), LESSOR_OK, LESSOR_NOT_FOUND,
			      LESSOR_RESERVED);
			break;
		case 3:
			JUDGE(reserve(low, iaid), LESSOR_OK, LESSOR_RESERVED);
			break;
		case 4:
		case 5:
			JUDGE(release(low), LESSOR_OK, LESSOR_NOT_FOUND);
			break;
		case 6:
			JUDGE(lessor_lease6_allocate(engine, PREFIX, low, &lease, LESSOR_ASYNC, NULL), LESSOR_OK,
			      LESSOR_CLIENT_TAKEN);
			break;
		default:
			JUDGE(lessor_lease6_update(engine, &lease, LESSOR_FIELD_CLIENT_ID, LESSOR_ASYNC, NULL),
			      LESSOR_OK, LESSOR_NOT_FOUND, LESSOR_CLIENT_TAKEN, LESSOR_RESERVED);
			break;
		}
	}
	return NULL;
}

static void
many_threads(void **state) {
	pthread_t threads[4];
	(void)state;
	for (uintptr_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, lease_and_reserve, (void *)(i + 1)), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	assert_int_equal(atomic_load(&odd_answers), 0);
	check();
	const uint64_t leases = count();
	reopen();
	assert_int_equal(count(), leases);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void) {
	static char with_snapshot[] = "snapshot";
	const struct CMUnitTest tests[] = {
		CASE(what_is_refused),
		CASE(both_are_unique),
		CASE(nothing_in_the_way),
		CASE(the_client_is_there_already),
		CASE(expiries_while_it_stands),
		CASE(another_client_has_to_go),
		CASE(the_client_moves),
		CASE(one_goes_and_the_client_moves),
		CASE(an_empty_one_is_taken),
		CASE(allocate_gives_it_first),
		CASE(an_empty_one_is_given_up),
		CASE(everything_comes_back),
		cmocka_unit_test_prestate_setup_teardown(everything_comes_back, begin, end, with_snapshot),
		CASE(changes_of_several_leases),
		CASE(outside_they_are_only_noted),
		cmocka_unit_test_prestate_setup_teardown(outside_they_are_only_noted, begin, end, with_snapshot),
		CASE(outside_there_are_so_many),
		CASE(many_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
