/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts per scope: what is in use, what is free, what is neither; what was and what was done, over restarts too.
 *
 * The scope is 192.168.1.0/24 with the range .10 to .99 and the exclusion .20 to .29: a pool of 80.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "scratch.h"

#define SUBNET IP(192, 168, 1, 0)
#define MASK   UINT32_C(0xFFFFFF00)
#define POOL   80u

static lessor_engine_t *engine;
static char directory[SCRATCH_PATH_BYTES];

static void
add_scope(void) {
	lessor_scope_t scope = scratch_scope(SUBNET, MASK);
	lessor_range_t excluded = {SUBNET + 20, SUBNET + 29};
	scope.has_range = true;
	scope.range = (lessor_range_t){SUBNET + 10, SUBNET + 99};
	assert_status(LESSOR_OK, lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope_exclude(engine, SUBNET, excluded, LESSOR_ASYNC, NULL));
}

static int
open_engine(void **state) {
	(void)state;
	engine = scratch_open_memory();
	add_scope();
	return 0;
}

static int
close_engine(void **state) {
	(void)state;
	return lessor_close(&engine) == LESSOR_OK ? 0 : -1;
}

static int
open_store(void **state) {
	(void)state;
	scratch_make(directory);
	engine = scratch_open_log(directory);
	add_scope();
	return 0;
}

static int
close_store(void **state) {
	int result = close_engine(state);
	scratch_remove(directory);
	return result;
}

static void
reopen(void) {
	scratch_close(engine);
	engine = scratch_open_log(directory);
}

static void
assert_same(const lessor_scope_stats_t *want, const lessor_scope_stats_t *got) {
	assert_int_equal(want->subnet, got->subnet);
	assert_int_equal(want->pool, got->pool);
	assert_int_equal(want->in_use, got->in_use);
	assert_int_equal(want->free, got->free);
	assert_int_equal(want->pending, got->pending);
	assert_int_equal(want->leases, got->leases);
	assert_int_equal(want->leases_active, got->leases_active);
	assert_int_equal(want->leases_declined, got->leases_declined);
	assert_int_equal(want->leases_doomed, got->leases_doomed);
	assert_int_equal(want->in_use_high_water, got->in_use_high_water);
	assert_int_equal(want->creates, got->creates);
	assert_int_equal(want->deletes, got->deletes);
}

static lessor_scope_stats_t
stats_of(uint32_t subnet) {
	lessor_scope_stats_t stats;
	lessor_scope_stats_t recount;
	memset(&stats, SCRATCH_POISON, sizeof(stats));
	memset(&recount, SCRATCH_POISON, sizeof(recount));
	assert_status(LESSOR_OK, lessor_scope_stats(engine, subnet, &stats));
	assert_status(LESSOR_OK, lessor_scope_recount(engine, subnet, &recount));
	assert_int_equal(recount.in_use_high_water, 0);
	assert_int_equal(recount.creates, 0);
	assert_int_equal(recount.deletes, 0);
	recount.in_use_high_water = stats.in_use_high_water;
	recount.creates = stats.creates;
	recount.deletes = stats.deletes;
	assert_same(&stats, &recount);
	assert_int_equal(stats.subnet, subnet);
	assert_int_equal(stats.pending, 0);
	assert_int_equal(stats.free, stats.pool - stats.in_use);
	assert_int_equal(stats.leases, stats.leases_active + stats.leases_declined + stats.leases_doomed);
	assert_true(stats.in_use_high_water >= stats.in_use);
	return stats;
}

static void
create(uint32_t host, uint8_t address_state) {
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(SUBNET + host, host, id);
	lease.address_state = address_state;
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
}

static void
end(uint32_t host) {
	assert_status(LESSOR_OK, lessor_lease_delete(engine, SUBNET + host, NULL, 0, LESSOR_ASYNC, NULL));
}

static void
set_state(uint32_t host, uint8_t address_state) {
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(SUBNET + host, host, id);
	lease.address_state = address_state;
	assert_status(LESSOR_OK, lessor_lease_update(engine, &lease, LESSOR_FIELD_ADDRESS_STATE, LESSOR_ASYNC, NULL));
}

static void
set_range(bool has_range, uint32_t first, uint32_t last) {
	lessor_scope_t scope = scratch_scope(SUBNET, MASK);
	scope.has_range = has_range;
	scope.range = (lessor_range_t){SUBNET + first, SUBNET + last};
	assert_status(LESSOR_OK, lessor_scope_update(engine, &scope, LESSOR_SCOPE_FIELD_RANGE, LESSOR_ASYNC, NULL));
}

static void
exclude(uint32_t first, uint32_t last) {
	lessor_range_t range = {SUBNET + first, SUBNET + last};
	assert_status(LESSOR_OK, lessor_scope_exclude(engine, SUBNET, range, LESSOR_ASYNC, NULL));
}

static void
include(uint32_t first, uint32_t last) {
	lessor_range_t range = {SUBNET + first, SUBNET + last};
	assert_status(LESSOR_OK, lessor_scope_include(engine, SUBNET, range, LESSOR_ASYNC, NULL));
}

static void
assert_pool(uint64_t pool, uint64_t in_use) {
	lessor_scope_stats_t stats = stats_of(SUBNET);
	assert_int_equal(stats.pool, pool);
	assert_int_equal(stats.in_use, in_use);
}

/*
 * What counts as what, line by line.
 */

static void
test_nothing_leased(void **state) {
	lessor_scope_stats_t stats = stats_of(SUBNET);
	(void)state;
	assert_int_equal(stats.pool, POOL);
	assert_int_equal(stats.free, POOL);
	assert_int_equal(stats.leases, 0);
	assert_int_equal(stats.in_use_high_water, 0);
	assert_int_equal(stats.creates, 0);
	assert_int_equal(stats.deletes, 0);
}

/* In use whatever the expiry: in the future, never, unknown, passed. */
static void
test_active_in_the_pool_is_in_use(void **state) {
	static const lessor_filetime_t times[] = {UINT64_C(200000000000000000), LESSOR_TIME_INFINITE, LESSOR_TIME_NONE,
						  1};
	(void)state;
	for (uint32_t i = 0; i < COUNT(times); i++) {
		uint8_t id[6];
		lessor_lease_t lease = scratch_lease_numbered(SUBNET + 10 + i, i, id);
		lease.expires_at = times[i];
		assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
		assert_pool(POOL, i + 1);
	}
	assert_int_equal(stats_of(SUBNET).leases_active, COUNT(times));
}

static void
test_declined_in_the_pool_is_in_use(void **state) {
	(void)state;
	create(10, LESSOR_STATE_DECLINED);
	assert_pool(POOL, 1);
	assert_int_equal(stats_of(SUBNET).leases_declined, 1);
	assert_int_equal(stats_of(SUBNET).leases, 1);
}

static void
test_doomed_is_not_in_use(void **state) {
	(void)state;
	create(10, LESSOR_STATE_DOOM);
	assert_pool(POOL, 0);
	assert_int_equal(stats_of(SUBNET).leases_doomed, 1);
	assert_int_equal(stats_of(SUBNET).leases, 1);
	assert_int_equal(stats_of(SUBNET).in_use_high_water, 0);
	assert_int_equal(stats_of(SUBNET).creates, 1);
}

/* Only the low two bits of the state count. */
static void
test_upper_bits_do_not_count(void **state) {
	(void)state;
	create(10, 0x71);
	create(11, 0xFE);
	create(12, 0xFF);
	assert_pool(POOL, 2);
	assert_int_equal(stats_of(SUBNET).leases_active, 1);
	assert_int_equal(stats_of(SUBNET).leases_declined, 1);
	assert_int_equal(stats_of(SUBNET).leases_doomed, 1);
}

static void
test_outside_the_pool_is_not_counted(void **state) {
	static const uint32_t hosts[] = {0, 1, 9, 20, 25, 29, 100, 200, 255};
	(void)state;
	for (uint32_t i = 0; i < COUNT(hosts); i++) {
		create(hosts[i], (uint8_t)(1 + i % 3));
		assert_pool(POOL, 0);
		assert_int_equal(stats_of(SUBNET).leases, i + 1);
	}
	assert_int_equal(stats_of(SUBNET).in_use_high_water, 0);
	assert_int_equal(stats_of(SUBNET).creates, COUNT(hosts));
}

static void
test_an_excluded_address_is_neither_free_nor_in_use(void **state) {
	(void)state;
	create(50, LESSOR_STATE_ACTIVE);
	exclude(50, 50);
	assert_pool(POOL - 1, 0);
	exclude(45, 54);
	assert_pool(POOL - 10, 0);
	include(50, 50);
	assert_pool(POOL - 10, 0); /* still in the other one */
	include(45, 54);
	assert_pool(POOL, 1);
	exclude(0, 9); /* outside the range: of no consequence */
	exclude(100, 255);
	assert_pool(POOL, 1);
	exclude(0, 255);
	assert_pool(0, 0);
}

static void
test_without_a_range_there_is_no_pool(void **state) {
	(void)state;
	create(10, LESSOR_STATE_ACTIVE);
	set_range(false, 0, 0);
	assert_pool(0, 0);
	assert_int_equal(stats_of(SUBNET).leases, 1);
	create(11, LESSOR_STATE_ACTIVE);
	assert_pool(0, 0);
	set_range(true, 10, 99);
	assert_pool(POOL, 2);
}

static void
test_a_disabled_scope_counts_like_any(void **state) {
	lessor_scope_t scope = scratch_scope(SUBNET, MASK);
	(void)state;
	scope.state = LESSOR_SCOPE_DISABLED;
	create(10, LESSOR_STATE_ACTIVE);
	assert_status(LESSOR_OK, lessor_scope_update(engine, &scope, LESSOR_SCOPE_FIELD_STATE, LESSOR_ASYNC, NULL));
	create(11, LESSOR_STATE_ACTIVE);
	assert_pool(POOL, 2);
}

static void
test_a_new_range_recounts(void **state) {
	(void)state;
	create(10, LESSOR_STATE_ACTIVE);
	create(60, LESSOR_STATE_DECLINED);
	create(150, LESSOR_STATE_ACTIVE);
	assert_pool(POOL, 2);
	set_range(true, 60, 60);
	assert_pool(1, 1);
	set_range(true, 100, 199);
	assert_pool(100, 1);
	set_range(true, 0, 255);
	assert_pool(246, 3);
	set_range(true, 20, 29);
	assert_pool(0, 0);
}

static void
test_a_change_of_state_counts(void **state) {
	(void)state;
	create(10, LESSOR_STATE_ACTIVE);
	set_state(10, LESSOR_STATE_DECLINED);
	assert_pool(POOL, 1);
	assert_int_equal(stats_of(SUBNET).leases_active, 0);
	assert_int_equal(stats_of(SUBNET).leases_declined, 1);
	set_state(10, LESSOR_STATE_DOOM);
	assert_pool(POOL, 0);
	assert_int_equal(stats_of(SUBNET).leases_doomed, 1);
	set_state(10, LESSOR_STATE_ACTIVE);
	assert_pool(POOL, 1);
	set_state(10, 0xF1);
	assert_pool(POOL, 1);
	assert_int_equal(stats_of(SUBNET).creates, 1);
	assert_int_equal(stats_of(SUBNET).deletes, 0);
	set_state(10, LESSOR_STATE_DOOM);
	end(10);
	assert_pool(POOL, 0);
	assert_int_equal(stats_of(SUBNET).leases, 0);
	assert_int_equal(stats_of(SUBNET).deletes, 1);
}

static void
test_a_full_pool(void **state) {
	(void)state;
	for (uint32_t host = 10; host < 100; host++) {
		create(host, LESSOR_STATE_ACTIVE);
	}
	assert_pool(POOL, POOL);
	assert_int_equal(stats_of(SUBNET).free, 0);
	assert_int_equal(stats_of(SUBNET).leases, 90);
	for (uint32_t host = 10; host < 100; host++) {
		end(host);
	}
	assert_pool(POOL, 0);
	assert_int_equal(stats_of(SUBNET).in_use_high_water, POOL);
	assert_int_equal(stats_of(SUBNET).creates, 90);
	assert_int_equal(stats_of(SUBNET).deletes, 90);
}

/* What was refused was not done. */
static void
test_refusals_do_not_count(void **state) {
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(SUBNET + 10, 10, id);
	lessor_status_t statuses[2];
	lessor_lease_t twice[2] = {lease, lease};
	lessor_scope_stats_t before;
	lessor_scope_stats_t after;
	(void)state;
	create(10, LESSOR_STATE_ACTIVE);
	before = stats_of(SUBNET);
	assert_status(LESSOR_ADDRESS_TAKEN, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_lease_create_batch(engine, twice, 2, statuses, LESSOR_ASYNC, NULL));
	lease.address++;
	assert_status(LESSOR_CLIENT_TAKEN, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_NOT_FOUND, lessor_lease_delete(engine, lease.address, NULL, 0, LESSOR_ASYNC, NULL));
	id[0] ^= 1;
	assert_status(LESSOR_OTHER_CLIENT, lessor_lease_delete(engine, SUBNET + 10, id, 6, LESSOR_ASYNC, NULL));
	after = stats_of(SUBNET);
	assert_same(&before, &after);
}

static void
test_batches_count_like_singles(void **state) {
	lessor_lease_t leases[100];
	lessor_status_t statuses[100];
	uint8_t ids[100][6];
	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		leases[i] = scratch_lease_numbered(SUBNET + 5 + i, i, ids[i]);
		leases[i].address_state = (uint8_t)(1 + i % 3);
	}
	assert_status(LESSOR_OK, lessor_lease_create_batch(engine, leases, 100, statuses, LESSOR_ASYNC, NULL));
	assert_int_equal(stats_of(SUBNET).leases, 100);
	assert_int_equal(stats_of(SUBNET).leases_active, 34);
	assert_int_equal(stats_of(SUBNET).leases_declined, 33);
	assert_int_equal(stats_of(SUBNET).leases_doomed, 33);
	assert_int_equal(stats_of(SUBNET).creates, 100);
	/* Of .10 to .99 without .20 to .29, those whose number from .5 on is not two more than a multiple of three. */
	assert_pool(POOL, 53);
	assert_int_equal(stats_of(SUBNET).in_use_high_water, 53);
}

static void
test_scopes_count_for_themselves(void **state) {
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(IP(10, 0, 0, 1), 1, id);
	lessor_engine_stats_t all;
	(void)state;
	scratch_scope_add(engine, IP(10, 0, 0, 0), MASK, true);
	create(10, LESSOR_STATE_ACTIVE);
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	assert_pool(POOL, 1);
	assert_int_equal(stats_of(IP(10, 0, 0, 0)).pool, 256);
	assert_int_equal(stats_of(IP(10, 0, 0, 0)).in_use, 1);
	assert_status(LESSOR_OK, lessor_engine_stats(engine, &all));
	assert_int_equal(all.scopes, 2);
	assert_int_equal(all.leases, 2);
	assert_int_equal(all.last_ticket, 0);
	assert_int_equal(all.durable_ticket, 0);
	assert_int_equal(all.log_bytes, 0);
	assert_true(all.memory_bytes > 0);
}

static void
test_refused_questions(void **state) {
	lessor_scope_stats_t stats;
	lessor_scope_stats_t poison;
	lessor_engine_stats_t all;
	(void)state;
	memset(&poison, SCRATCH_POISON, sizeof(poison));
	memset(&stats, SCRATCH_POISON, sizeof(stats));
	assert_status(LESSOR_NOT_FOUND, lessor_scope_stats(engine, SUBNET + 1, &stats));
	assert_status(LESSOR_NOT_FOUND, lessor_scope_stats(engine, SUBNET + 256, &stats));
	assert_status(LESSOR_NOT_FOUND, lessor_scope_recount(engine, SUBNET + 1, &stats));
	assert_status(LESSOR_INVALID, lessor_scope_stats(NULL, SUBNET, &stats));
	assert_status(LESSOR_INVALID, lessor_scope_stats(engine, SUBNET, NULL));
	assert_status(LESSOR_INVALID, lessor_scope_recount(NULL, SUBNET, &stats));
	assert_status(LESSOR_INVALID, lessor_scope_recount(engine, SUBNET, NULL));
	assert_status(LESSOR_INVALID, lessor_engine_stats(NULL, &all));
	assert_status(LESSOR_INVALID, lessor_engine_stats(engine, NULL));
	assert_status(LESSOR_INVALID, lessor_check(NULL, NULL));
	assert_memory_equal(&stats, &poison, sizeof(stats));
}

/*
 * The greatest number in use.
 */

static void
test_high_water(void **state) {
	(void)state;
	create(10, LESSOR_STATE_ACTIVE);
	create(11, LESSOR_STATE_DECLINED);
	create(12, LESSOR_STATE_DOOM);
	assert_int_equal(stats_of(SUBNET).in_use_high_water, 2);
	end(10);
	assert_int_equal(stats_of(SUBNET).in_use_high_water, 2);
	set_state(12, LESSOR_STATE_ACTIVE);
	assert_int_equal(stats_of(SUBNET).in_use_high_water, 2);
	create(13, LESSOR_STATE_ACTIVE);
	assert_int_equal(stats_of(SUBNET).in_use_high_water, 3);
	set_state(13, LESSOR_STATE_DOOM);
	end(12);
	assert_int_equal(stats_of(SUBNET).in_use_high_water, 3);
	create(14, LESSOR_STATE_ACTIVE);
	assert_int_equal(stats_of(SUBNET).in_use_high_water, 3);
	set_range(true, 0, 99);
	assert_int_equal(stats_of(SUBNET).in_use_high_water, 2);
	set_range(true, 14, 14);
	assert_int_equal(stats_of(SUBNET).in_use_high_water, 1);
	set_range(false, 0, 0);
	assert_int_equal(stats_of(SUBNET).in_use_high_water, 0);
}

/* It counts anew when the pool becomes another one; an exclusion that takes nothing from it makes no difference. */
static void
test_high_water_and_exclusions(void **state) {
	(void)state;
	create(10, LESSOR_STATE_ACTIVE);
	create(11, LESSOR_STATE_ACTIVE);
	create(50, LESSOR_STATE_ACTIVE);
	end(10);
	exclude(0, 9);
	exclude(22, 25);
	include(22, 25);
	assert_int_equal(stats_of(SUBNET).in_use_high_water, 3);
	exclude(50, 59);
	assert_int_equal(stats_of(SUBNET).in_use_high_water, 1);
	include(50, 59);
	assert_int_equal(stats_of(SUBNET).in_use_high_water, 2);
}

/*
 * Over restarts.
 */

static void
test_high_water_survives(void **state) {
	(void)state;
	for (uint32_t host = 30; host < 40; host++) {
		create(host, LESSOR_STATE_ACTIVE);
	}
	for (uint32_t host = 31; host < 40; host++) {
		end(host);
	}
	reopen();
	assert_int_equal(stats_of(SUBNET).in_use_high_water, 10);
	assert_int_equal(stats_of(SUBNET).in_use, 1);
	assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	reopen();
	assert_int_equal(stats_of(SUBNET).in_use_high_water, 10);
	set_range(true, 30, 99);
	reopen();
	assert_int_equal(stats_of(SUBNET).in_use_high_water, 1);
	create(31, LESSOR_STATE_DECLINED);
	end(31);
	assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	exclude(30, 39);
	reopen();
	assert_int_equal(stats_of(SUBNET).in_use_high_water, 0);
	include(30, 39);
	reopen();
	assert_int_equal(stats_of(SUBNET).in_use_high_water, 1);
}

/* Which leases are made and ended before, between and after restarts and snapshots. */
static void
make_history(uint32_t from) {
	create(from, LESSOR_STATE_ACTIVE);
	create(from + 1, LESSOR_STATE_DECLINED);
	create(from + 2, LESSOR_STATE_DOOM);
	end(from);
	create(from, LESSOR_STATE_ACTIVE);
	end(from + 2);
}

static void
assert_history(uint64_t times) {
	lessor_scope_stats_t stats = stats_of(SUBNET);
	assert_int_equal(stats.creates, 4 * times);
	assert_int_equal(stats.deletes, 2 * times);
	assert_int_equal(stats.leases, 2 * times);
	assert_int_equal(stats.in_use, 2 * times);
}

static void
test_figures_survive_a_restart(void **state) {
	(void)state;
	make_history(30);
	reopen();
	assert_history(1);
	make_history(40);
	assert_history(2);
	reopen();
	reopen();
	assert_history(2);
}

static void
test_figures_survive_snapshots(void **state) {
	(void)state;
	make_history(30);
	assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	assert_history(1);
	reopen();
	assert_history(1);
	make_history(40);
	reopen(); /* a snapshot and a log behind it */
	assert_history(2);
	assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	make_history(50);
	assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	reopen();
	assert_history(3);
}

/* A scope that was deleted and made anew counts from the beginning. */
static void
test_a_new_scope_counts_anew(void **state) {
	(void)state;
	make_history(30);
	assert_status(LESSOR_OK, lessor_scope_delete(engine, SUBNET, true, LESSOR_ASYNC, NULL));
	add_scope();
	assert_history(0);
	create(10, LESSOR_STATE_ACTIVE);
	assert_int_equal(stats_of(SUBNET).creates, 1);
	assert_int_equal(stats_of(SUBNET).in_use_high_water, 1);
	reopen();
	assert_int_equal(stats_of(SUBNET).creates, 1);
	assert_int_equal(stats_of(SUBNET).deletes, 0);
	assert_int_equal(stats_of(SUBNET).leases, 1);
	assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	reopen();
	assert_int_equal(stats_of(SUBNET).creates, 1);
	assert_int_equal(stats_of(SUBNET).deletes, 0);
}

static void
test_range_and_exclusions_survive(void **state) {
	(void)state;
	create(60, LESSOR_STATE_ACTIVE);
	set_range(true, 50, 149);
	exclude(140, 200);
	exclude(50, 54);
	include(140, 200);
	reopen();
	assert_pool(95, 1);
	assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	reopen();
	assert_pool(95, 1);
	include(50, 54);
	reopen();
	assert_pool(100, 1);
}

static void
test_engine_figures(void **state) {
	lessor_engine_stats_t before;
	lessor_engine_stats_t after;
	lessor_ticket_t ticket;
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(SUBNET + 10, 1, id);
	(void)state;
	assert_status(LESSOR_OK, lessor_engine_stats(engine, &before));
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_SYNC, &ticket));
	assert_status(LESSOR_OK, lessor_engine_stats(engine, &after));
	assert_int_equal(after.scopes, 1);
	assert_int_equal(after.leases, 1);
	assert_true(after.flushes > before.flushes);
	assert_true(after.flushed_bytes > before.flushed_bytes);
	assert_true(after.durable_ticket >= ticket);
	assert_true(after.last_ticket >= ticket);
	assert_true(after.last_ticket >= after.durable_ticket);
	assert_true(after.log_bytes >= after.flushed_bytes - before.flushed_bytes);
}

#define TEST(function)       cmocka_unit_test_setup_teardown(function, open_engine, close_engine)
#define STORE_TEST(function) cmocka_unit_test_setup_teardown(function, open_store, close_store)

int
main(void) {
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_leased),
		TEST(test_active_in_the_pool_is_in_use),
		TEST(test_declined_in_the_pool_is_in_use),
		TEST(test_doomed_is_not_in_use),
		TEST(test_upper_bits_do_not_count),
		TEST(test_outside_the_pool_is_not_counted),
		TEST(test_an_excluded_address_is_neither_free_nor_in_use),
		TEST(test_without_a_range_there_is_no_pool),
		TEST(test_a_disabled_scope_counts_like_any),
		TEST(test_a_new_range_recounts),
		TEST(test_a_change_of_state_counts),
		TEST(test_a_full_pool),
		TEST(test_refusals_do_not_count),
		TEST(test_batches_count_like_singles),
		TEST(test_scopes_count_for_themselves),
		TEST(test_refused_questions),
		TEST(test_high_water),
		TEST(test_high_water_and_exclusions),
		STORE_TEST(test_high_water_survives),
		STORE_TEST(test_figures_survive_a_restart),
		STORE_TEST(test_figures_survive_snapshots),
		STORE_TEST(test_a_new_scope_counts_anew),
		STORE_TEST(test_range_and_exclusions_survive),
		STORE_TEST(test_engine_figures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
