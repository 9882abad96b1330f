/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocating: free addresses are found, each once, to the very last; and "exhausted" is never said of a pool that was not.
 *
 * Most tests start from an engine in memory with the scope 10.1.0.0/22: range .0.10 to .3.200, five stretches excluded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine_p.h"
#include "scratch.h"
#include "torture.h"

#define SUBNET IP(10, 1, 0, 0)
#define MASK   UINT32_C(0xFFFFFC00)
#define FIRST  (SUBNET + 10)
#define LAST   (SUBNET + 3 * 256 + 200)

/* The first address of the range, neighbours, overlapping ones, several whole words, the last address. */
static const lessor_range_t excluded[] = {
	{FIRST, FIRST},
	{SUBNET + 70, SUBNET + 79},
	{SUBNET + 80, SUBNET + 90},
	{SUBNET + 128, SUBNET + 400},
	{SUBNET + 390, SUBNET + 410},
	{LAST - 3, LAST},
};

static lessor_engine_t *engine;

static void
add_scope(lessor_engine_t *to) {
	lessor_scope_t scope = scratch_scope(SUBNET, MASK);
	scope.has_range = true;
	scope.range = (lessor_range_t){FIRST, LAST};
	assert_status(LESSOR_OK, lessor_scope_create(to, &scope, LESSOR_ASYNC, NULL));
	for (size_t i = 0; i < COUNT(excluded); i++) {
		assert_status(LESSOR_OK, lessor_scope_exclude(to, SUBNET, excluded[i], LESSOR_ASYNC, NULL));
	}
}

static bool
in_pool(uint32_t address) {
	bool in = address >= FIRST && address <= LAST;
	for (size_t i = 0; i < COUNT(excluded); i++) {
		in = in && (address < excluded[i].first || address > excluded[i].last);
	}
	return in;
}

static uint32_t
pool_size(void) {
	uint32_t size = 0;
	for (uint32_t address = FIRST; address <= LAST; address++) {
		size += in_pool(address);
	}
	return size;
}

static int
open_engine(void **state) {
	(void)state;
	engine = scratch_open_memory();
	add_scope(engine);
	return 0;
}

static int
close_engine(void **state) {
	lessor_status_t check = lessor_check(engine, NULL);
	(void)state;
	return lessor_close(&engine) == LESSOR_OK && check == LESSOR_OK ? 0 : -1;
}

/* Allocate for client 'number'; the address into *address, which stays what it was on any other status. */
static lessor_status_t
allocate(uint32_t subnet, uint32_t hint, uint32_t number, uint32_t *address) {
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(*address, number, id);
	lessor_status_t status = lessor_lease_allocate(engine, subnet, hint, &lease, LESSOR_ASYNC, NULL);
	*address = lease.address;
	return status;
}

static uint32_t
allocate_one(uint32_t hint, uint32_t number) {
	uint32_t address = 0;
	assert_status(LESSOR_OK, allocate(SUBNET, hint, number, &address));
	return address;
}

static void
assert_refused(lessor_status_t expected, uint32_t subnet, uint32_t number) {
	uint32_t address = 12345;
	assert_status(expected, allocate(subnet, 0, number, &address));
	assert_int_equal(address, 12345);
}

static void
delete_lease(uint32_t address) {
	assert_status(LESSOR_OK, lessor_lease_delete(engine, address, NULL, 0, LESSOR_ASYNC, NULL));
}

/* Allocate until it is refused; how many there were. */
static uint32_t
fill(uint32_t first_number) {
	uint32_t address = 0;
	uint32_t count = 0;
	lessor_status_t status;
	while ((status = allocate(SUBNET, 0, first_number + count, &address)) == LESSOR_OK) {
		count++;
	}
	assert_status(LESSOR_EXHAUSTED, status);
	return count;
}

static uint64_t
free_in_stats(void) {
	lessor_scope_stats_t stats;
	assert_status(LESSOR_OK, lessor_scope_stats(engine, SUBNET, &stats));
	return stats.free;
}

/* ---- one thread ------------------------------------------------------------------------------------------------------ */

static void
every_address_of_the_pool_once(void **state) {
	static bool seen[1024];
	(void)state;
	memset(seen, 0, sizeof(seen));
	for (uint32_t number = 0; number < pool_size(); number++) {
		const uint32_t address = allocate_one(0, number);
		uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
		uint8_t id[6];
		lessor_lease_t want = scratch_lease_numbered(address, number, id);
		lessor_lease_t got;
		assert_true(in_pool(address));
		assert_false(seen[address - SUBNET]);
		seen[address - SUBNET] = true;
		assert_status(LESSOR_OK, lessor_lease_get(engine, address, &got, buffer, sizeof(buffer)));
		assert_int_equal(got.client_id_bytes, want.client_id_bytes);
		assert_memory_equal(got.client_id, want.client_id, want.client_id_bytes);
		assert_int_equal(free_in_stats(), pool_size() - number - 1);
	}
	assert_refused(LESSOR_EXHAUSTED, SUBNET, 5000);
	assert_refused(LESSOR_CLIENT_TAKEN, SUBNET, 17);
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
}

static void
what_is_given_up_is_found_again(void **state) {
	torture_random_t random = torture_random(1);
	(void)state;
	const uint32_t count = fill(0);
	assert_int_equal(count, pool_size());
	for (uint32_t number = 5000; number < 5300; number++) {
		uint32_t address;
		do {
			address = FIRST + torture_below(&random, LAST - FIRST + 1);
		} while (!in_pool(address));
		delete_lease(address);
		assert_int_equal(allocate_one(0, number), address);
		assert_refused(LESSOR_EXHAUSTED, SUBNET, 9000);
	}
}

/* Leases of any origin and state count; those outside of the pool do not. */
static void
other_leases_are_in_the_way(void **state) {
	(void)state;
	for (uint32_t address = SUBNET; address <= SUBNET + 1023; address += 2) {
		uint8_t id[6];
		lessor_lease_t lease = scratch_lease_numbered(address, address, id);
		lease.address_state = (uint8_t)(1 + address / 2 % 3);
		lease.expires_at = 1; /* long ago */
		assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	}
	uint32_t odd = 0;
	for (uint32_t address = FIRST; address <= LAST; address++) {
		odd += address % 2 == 1 && in_pool(address);
	}
	assert_int_equal(fill(0), odd);
}

static void
a_hint_is_taken_if_it_is_good(void **state) {
	(void)state;
	const uint32_t wish = SUBNET + 500;
	assert_int_equal(allocate_one(wish, 1), wish);
	const uint32_t bad[] = {wish,          excluded[3].first + 5, FIRST - 1,  LAST + 1,
				SUBNET + 1024, IP(192, 0, 2, 1),      UINT32_MAX, 1};
	for (uint32_t i = 0; i < COUNT(bad); i++) {
		const uint32_t address = allocate_one(bad[i], 2 + i);
		assert_int_not_equal(address, bad[i]);
		assert_true(in_pool(address));
	}
	delete_lease(wish);
	assert_int_equal(allocate_one(wish, 100), wish);
	(void)fill(1000);
	uint32_t address = 7;
	assert_status(LESSOR_EXHAUSTED, allocate(SUBNET, wish, 999, &address));
	assert_status(LESSOR_CLIENT_TAKEN, allocate(SUBNET, wish, 100, &address));
	assert_int_equal(address, 7);
}

static void
refusals(void **state) {
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(4711, 1, id);
	(void)state;
	scratch_scope_add(engine, IP(10, 2, 0, 0), MASK, false);
	assert_refused(LESSOR_EXHAUSTED, IP(10, 2, 0, 0), 1);
	assert_refused(LESSOR_NO_SCOPE, SUBNET + 256, 1); /* in the scope, but not its name */
	assert_refused(LESSOR_NO_SCOPE, IP(10, 3, 0, 0), 1);
	assert_refused(LESSOR_NO_SCOPE, 0, 1);
	assert_status(LESSOR_INVALID, lessor_lease_allocate(engine, SUBNET, 0, NULL, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_INVALID, lessor_lease_allocate(NULL, SUBNET, 0, &lease, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_INVALID, lessor_lease_allocate(engine, SUBNET, 0, &lease, (lessor_mode_t)77, NULL));
	lease.quarantine_status = 9;
	assert_status(LESSOR_INVALID, lessor_lease_allocate(engine, SUBNET, 0, &lease, LESSOR_ASYNC, NULL));
	lease.quarantine_status = 0;
	lease.client_id = NULL;
	assert_status(LESSOR_INVALID, lessor_lease_allocate(engine, SUBNET, 0, &lease, LESSOR_ASYNC, NULL));
	assert_int_equal(lease.address, 4711);
	assert_int_equal(free_in_stats(), pool_size());
	(void)allocate_one(0, 1);
	assert_refused(LESSOR_CLIENT_TAKEN, SUBNET, 1);
}

/* Long texts are freed when the lease is refused, and kept when it is not. */
static void
long_texts_are_no_trouble(void **state) {
	char name[400];
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(0, 1, id);
	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	lease.name = name;
	assert_status(LESSOR_OK, lessor_lease_allocate(engine, SUBNET, 0, &lease, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_CLIENT_TAKEN, lessor_lease_allocate(engine, SUBNET, 0, &lease, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_NO_SCOPE, lessor_lease_allocate(engine, SUBNET + 1, 0, &lease, LESSOR_ASYNC, NULL));
	(void)fill(10);
	lease = scratch_lease_numbered(0, 2, id);
	lease.name = name;
	assert_status(LESSOR_EXHAUSTED, lessor_lease_allocate(engine, SUBNET, 0, &lease, LESSOR_ASYNC, NULL));
}

static void
the_pool_changes_under_it(void **state) {
	(void)state;
	uint32_t count = fill(0);
	assert_status(LESSOR_OK, lessor_scope_include(engine, SUBNET, excluded[0], LESSOR_ASYNC, NULL));
	assert_int_equal(allocate_one(0, count++), excluded[0].first);
	assert_status(LESSOR_OK, lessor_scope_include(engine, SUBNET, excluded[3], LESSOR_ASYNC, NULL));
	const uint32_t more = fill(count);
	assert_int_equal(more, excluded[4].first - excluded[3].first);
	lessor_scope_t scope = {.subnet = SUBNET, .has_range = true, .range = {LAST + 1, LAST + 1}};
	assert_status(LESSOR_OK, lessor_scope_update(engine, &scope, LESSOR_SCOPE_FIELD_RANGE, LESSOR_ASYNC, NULL));
	assert_int_equal(allocate_one(0, 6000), LAST + 1);
	assert_refused(LESSOR_EXHAUSTED, SUBNET, 6001);
	/* A scope that comes again is empty, whatever its pages held. */
	assert_status(LESSOR_OK, lessor_scope_delete(engine, SUBNET, true, LESSOR_ASYNC, NULL));
	assert_refused(LESSOR_NO_SCOPE, SUBNET, 1);
	add_scope(engine);
	assert_int_equal(fill(0), pool_size());
}

static void
ranges_at_the_ends_of_the_address_space(void **state) {
	(void)state;
	const lessor_scope_t top = {.subnet = IP(255, 255, 255, 192),
				    .mask = 0xFFFFFFC0u,
				    .has_range = true,
				    .range = {UINT32_MAX - 2, UINT32_MAX}};
	const lessor_scope_t bottom = {
		.subnet = IP(0, 0, 0, 4), .mask = 0xFFFFFFFCu, .has_range = true, .range = {4, 7}};
	const lessor_scope_t half = {.subnet = IP(128, 0, 0, 0),
				     .mask = 0xC0000000u,
				     .has_range = true,
				     .range = {IP(191, 255, 255, 255), IP(191, 255, 255, 255)}};
	const lessor_range_t upper = {UINT32_MAX - 1, UINT32_MAX};
	uint32_t address = 0;
	assert_status(LESSOR_OK, lessor_scope_create(engine, &top, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope_create(engine, &bottom, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope_create(engine, &half, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope_exclude(engine, top.subnet, upper, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, allocate(top.subnet, 0, 1, &address));
	assert_int_equal(address, UINT32_MAX - 2);
	assert_refused(LESSOR_EXHAUSTED, top.subnet, 2);
	assert_status(LESSOR_OK, lessor_scope_include(engine, top.subnet, upper, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, allocate(top.subnet, 0, 2, &address));
	assert_status(LESSOR_OK, allocate(top.subnet, 0, 3, &address));
	assert_refused(LESSOR_EXHAUSTED, top.subnet, 4);
	for (uint32_t number = 0; number < 4; number++) {
		assert_status(LESSOR_OK, allocate(bottom.subnet, 0, number, &address));
		assert_in_range(address, 4, 7);
	}
	assert_refused(LESSOR_EXHAUSTED, bottom.subnet, 4);
	assert_status(LESSOR_OK, allocate(half.subnet, 0, 1, &address));
	assert_refused(LESSOR_EXHAUSTED, half.subnet, 2);
}

static void
free_addresses_are_listed(void **state) {
	uint32_t list[LESSOR_FREE_ADDRESSES_MAX + 1];
	uint32_t found = 77;
	uint32_t expected = 0;
	(void)state;
	for (uint32_t number = 0; number < 300; number++) {
		(void)allocate_one(0, number);
	}
	delete_lease(FIRST + 1);
	assert_status(LESSOR_OK, lessor_scope_free_addresses(engine, SUBNET, 0, UINT32_MAX, 4096, list, &found));
	for (uint32_t address = FIRST; address <= LAST; address++) {
		uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
		lessor_lease_t lease;
		if (in_pool(address) &&
		    lessor_lease_get(engine, address, &lease, buffer, sizeof(buffer)) == LESSOR_NOT_FOUND) {
			assert_true(expected < found);
			assert_int_equal(list[expected++], address);
		}
	}
	assert_int_equal(found, expected);
	/* A part of them: both ends belong to it. */
	const uint32_t from = list[5];
	const uint32_t to = list[9];
	list[5] = 1;
	assert_status(LESSOR_OK, lessor_scope_free_addresses(engine, SUBNET, from, to, 100, list, &found));
	assert_int_equal(found, 5);
	assert_int_equal(list[0], from);
	assert_int_equal(list[4], to);
	assert_int_equal(list[5], 1);
	assert_status(LESSOR_OK, lessor_scope_free_addresses(engine, SUBNET, from, to, 2, list, &found));
	assert_int_equal(found, 2);
	assert_status(LESSOR_OK, lessor_scope_free_addresses(engine, SUBNET, 0, FIRST, 2, list, &found));
	assert_int_equal(found, 0);
	assert_status(LESSOR_OK, lessor_scope_free_addresses(engine, SUBNET, 0, UINT32_MAX, 0, NULL, &found));
	assert_int_equal(found, 0);
	found = 55;
	assert_status(LESSOR_NOT_FOUND, lessor_scope_free_addresses(engine, SUBNET + 256, 0, 1, 1, list, &found));
	assert_status(LESSOR_INVALID, lessor_scope_free_addresses(engine, SUBNET, 2, 1, 1, list, &found));
	assert_status(LESSOR_INVALID, lessor_scope_free_addresses(engine, SUBNET, 0, 1, 4097, list, &found));
	assert_status(LESSOR_INVALID, lessor_scope_free_addresses(engine, SUBNET, 0, 1, 1, NULL, &found));
	assert_status(LESSOR_INVALID, lessor_scope_free_addresses(engine, SUBNET, 0, 1, 1, list, NULL));
	assert_status(LESSOR_INVALID, lessor_scope_free_addresses(NULL, SUBNET, 0, 1, 1, list, &found));
	assert_int_equal(found, 55);
}

/* Once round the pool before an address comes back. */
static void
what_was_given_up_comes_back_late(void **state) {
	(void)state;
	const uint32_t given_up = allocate_one(0, 1);
	delete_lease(given_up);
	for (uint32_t number = 2; number <= pool_size(); number++) {
		assert_int_not_equal(allocate_one(0, number), given_up);
	}
	assert_int_equal(allocate_one(0, 9999), given_up);
}

static void
a_wrong_bit_is_a_contradiction(void **state) {
	lessor_report_t report;
	(void)state;
	lsr_rcu_enter();
	lsr_scope_t *scope = lsr_engine_scope_of(engine, SUBNET);
	lsr_rcu_leave();
	(void)allocate_one(SUBNET + 100, 1);
	lsr_table_free(&scope->table, SUBNET + 100);
	assert_status(LESSOR_DAMAGED, lessor_check(engine, &report));
	assert_non_null(strstr(report.sentence, "10.1.0.100"));
	lsr_table_take(&scope->table, SUBNET + 100, LESSOR_TIME_NONE);
	lsr_table_take(&scope->table, SUBNET + 101, LESSOR_TIME_NONE);
	assert_status(LESSOR_DAMAGED, lessor_check(engine, &report));
	assert_non_null(strstr(report.sentence, "10.1.0.101"));
	lsr_table_free(&scope->table, SUBNET + 101);
}

/* ---- a store --------------------------------------------------------------------------------------------------------- */

static void
the_map_comes_back_with_the_store(void **state) {
	char directory[SCRATCH_PATH_BYTES];
	(void)state;
	scratch_make(directory);
	engine = scratch_open_log(directory);
	add_scope(engine);
	uint32_t count = fill(0);
	for (uint32_t round = 0; round < 3; round++) {
		if (round == 1) {
			assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
		}
		delete_lease(SUBNET + 500 + round);
		scratch_close(engine);
		engine = scratch_open_log(directory);
		assert_status(LESSOR_OK, lessor_check(engine, NULL));
		assert_int_equal(allocate_one(0, count++), SUBNET + 500 + round);
		assert_refused(LESSOR_EXHAUSTED, SUBNET, 9000);
	}
	delete_lease(SUBNET + 600);
	uint8_t id[6];
	lessor_ticket_t ticket = 0;
	lessor_lease_t lease = scratch_lease_numbered(0, count, id);
	assert_status(LESSOR_OK, lessor_lease_allocate(engine, SUBNET, 0, &lease, LESSOR_SYNC, &ticket));
	assert_int_equal(lease.address, SUBNET + 600);
	assert_true(ticket != 0 && lessor_durable_ticket(engine) >= ticket);
	scratch_close(engine);
	lessor_options_t options;
	scratch_options_log(&options);
	options.read_only = true;
	assert_status(LESSOR_OK, lessor_open(directory, &options, &engine, NULL));
	assert_refused(LESSOR_READ_ONLY, SUBNET, 9000);
	uint32_t found = 1;
	uint32_t address;
	assert_status(LESSOR_OK, lessor_scope_free_addresses(engine, SUBNET, 0, UINT32_MAX, 1, &address, &found));
	assert_int_equal(found, 0);
	scratch_close(engine);
	scratch_remove(directory);
}

/* ---- many threads ------------------------------------------------------------------------------------------------------ */

#define THREADS 4u
#define HELD    256u

typedef struct {
	pthread_t thread;
	pthread_barrier_t *start;
	_Atomic uint32_t *owner; /* of each address of the subnet: thread number, or 0 */
	uint32_t number;         /* 1 to THREADS */
	uint32_t held_max;
	unsigned rounds;
	bool may_exhaust;
	uint32_t exhausted;
	uint32_t held[HELD];
	uint32_t held_count;
} lsr_tenant_t;

static void
give_up_one(lsr_tenant_t *tenant, uint32_t at) {
	const uint32_t address = tenant->held[at];
	tenant->held[at] = tenant->held[--tenant->held_count];
	REQUIRE(atomic_exchange(&tenant->owner[address - SUBNET], 0) == tenant->number);
	REQUIRE_STATUS(lessor_lease_delete(engine, address, NULL, 0, LESSOR_ASYNC, NULL), LESSOR_OK);
}

/* Take and give up addresses at random, at most held_max at a time; nobody else may have what one is given. */
static void *
live(void *argument) {
	lsr_tenant_t *tenant = argument;
	torture_random_t random = torture_random(tenant->number);
	(void)pthread_barrier_wait(tenant->start);
	for (unsigned round = 0; round < tenant->rounds; round++) {
		uint32_t address = 0;
		if (tenant->held_count > 0 &&
		    (tenant->held_count == tenant->held_max || torture_below(&random, 100) < 30)) {
			give_up_one(tenant, torture_below(&random, tenant->held_count));
			continue;
		}
		const uint32_t hint = torture_below(&random, 4) == 0 ? SUBNET + torture_below(&random, 1024) : 0;
		const lessor_status_t status = allocate(SUBNET, hint, tenant->number << 24 | round, &address);
		if (status == LESSOR_EXHAUSTED && tenant->may_exhaust) {
			tenant->exhausted++;
			continue;
		}
		REQUIRE_STATUS(status, LESSOR_OK);
		REQUIRE(in_pool(address));
		REQUIRE(atomic_exchange(&tenant->owner[address - SUBNET], tenant->number) == 0);
		tenant->held[tenant->held_count++] = address;
	}
	return NULL;
}

static lsr_tenant_t tenants[THREADS];

/* All but 'left' addresses of the pool taken for good; then the threads. How often it was exhausted. */
static uint32_t
run_tenants(uint32_t left, uint32_t held_max, bool may_exhaust, unsigned rounds) {
	static _Atomic uint32_t owner[1024];
	pthread_barrier_t start;
	uint32_t exhausted = 0;
	uint32_t held = 0;
	for (uint32_t i = 0; i < 1024; i++) {
		atomic_store(&owner[i], 0);
	}
	for (uint32_t number = 0; number < pool_size() - left; number++) {
		atomic_store(&owner[allocate_one(0, UINT32_C(0xFF000000) | number) - SUBNET], THREADS + 1);
	}
	assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
	for (uint32_t i = 0; i < THREADS; i++) {
		tenants[i] = (lsr_tenant_t){.start = &start,
					    .owner = owner,
					    .number = i + 1,
					    .held_max = held_max,
					    .rounds = rounds,
					    .may_exhaust = may_exhaust};
		assert_int_equal(pthread_create(&tenants[i].thread, NULL, live, &tenants[i]), 0);
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(tenants[i].thread, NULL), 0);
		exhausted += tenants[i].exhausted;
		held += tenants[i].held_count;
	}
	(void)pthread_barrier_destroy(&start);
	torture_require_sound(engine);
	assert_int_equal(free_in_stats(), left - held);
	assert_int_equal(fill(UINT32_C(0xFE000000)), left - held);
	return exhausted;
}

static unsigned
rounds_of(unsigned rounds) {
	return scratch_is_sanitized() ? rounds / 10 : rounds;
}

static void
threads_share_a_pool(void **state) {
	(void)state;
	(void)run_tenants(pool_size(), HELD, true, rounds_of(100000));
}

/* One address fewer than they could hold together. */
static void
threads_compete_for_the_last_ones(void **state) {
	(void)state;
	(void)run_tenants(THREADS * 2 - 1, 2, true, rounds_of(100000));
}

/* Together they hold all but one at most. */
static void
one_is_left_for_everybody(void **state) {
	(void)state;
	(void)run_tenants(THREADS + 1, 1, false, rounds_of(200000));
}

static void
few_words_for_many(void **state) {
	(void)state;
	(void)run_tenants(THREADS * 3 + 1, 3, false, rounds_of(100000));
}

#define ROAD       IP(10, 64, 0, 0)
#define ROAD_SIZE  UINT32_C(0x2000)
#define ROAD_HOLES 512u

static _Atomic bool mover_stops;

/* One lease that is now at one end of a long pool, now at the other. */
static void *
move_to_and_fro(void *argument) {
	const uint32_t end[2] = {ROAD, ROAD + ROAD_SIZE - 2};
	unsigned at = 0;
	(void)argument;
	while (!atomic_load(&mover_stops)) {
		REQUIRE_STATUS(lessor_lease_delete(engine, end[at], NULL, 0, LESSOR_ASYNC, NULL), LESSOR_OK);
		lessor_status_t status = LESSOR_ADDRESS_TAKEN;
		while (status == LESSOR_ADDRESS_TAKEN) {
			uint8_t id[6];
			at = 1 - at;
			const lessor_lease_t lease = scratch_lease_numbered(end[at], 1u << 30, id);
			status = lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL);
		}
		REQUIRE_STATUS(status, LESSOR_OK);
	}
	return NULL;
}

/*
 * At every moment one end is free; but who looks at both, one after the other, can see both taken. The exclusions in between make the way long.
 */
static void
a_hole_that_moves_is_found(void **state) {
	(void)state;
	pthread_t mover;
	uint8_t id[6];
	scratch_scope_add(engine, ROAD, ~(ROAD_SIZE - 1), true);
	for (uint32_t i = 0; i < ROAD_HOLES; i++) {
		const uint32_t hole = ROAD + i * (ROAD_SIZE / ROAD_HOLES) + ROAD_SIZE / ROAD_HOLES - 1;
		const lessor_range_t range = {hole, hole};
		assert_status(LESSOR_OK, lessor_scope_exclude(engine, ROAD, range, LESSOR_ASYNC, NULL));
	}
	for (uint32_t i = 1; i < ROAD_SIZE - 2; i++) {
		const lessor_lease_t lease = scratch_lease_numbered(ROAD + i, i, id);
		if (i % (ROAD_SIZE / ROAD_HOLES) != ROAD_SIZE / ROAD_HOLES - 1) {
			assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
		}
	}
	const lessor_lease_t lease = scratch_lease_numbered(ROAD, 1u << 30, id);
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	atomic_store(&mover_stops, false);
	assert_int_equal(pthread_create(&mover, NULL, move_to_and_fro, NULL), 0);
	for (uint32_t round = 0; round < rounds_of(2000); round++) {
		uint32_t address = 0;
		assert_status(LESSOR_OK, allocate(ROAD, 0, 1u << 31 | round, &address));
		assert_true(address == ROAD || address == ROAD + ROAD_SIZE - 2);
		delete_lease(address);
	}
	atomic_store(&mover_stops, true);
	assert_int_equal(pthread_join(mover, NULL), 0);
}

typedef struct {
	uint32_t address;
	_Atomic bool stop;
	uint32_t refused;
} lsr_failing_t;

/* Creates that never come true, for a client that has a lease already: they claim the address and give it back. */
static void *
create_in_vain(void *argument) {
	lsr_failing_t *failing = argument;
	while (!atomic_load(&failing->stop)) {
		uint8_t id[6];
		lessor_lease_t lease = scratch_lease_numbered(failing->address, 0, id);
		const lessor_status_t status = lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL);
		REQUIRE(status == LESSOR_CLIENT_TAKEN || status == LESSOR_ADDRESS_TAKEN);
		failing->refused += status == LESSOR_CLIENT_TAKEN;
	}
	return NULL;
}

static void
a_create_that_is_undone_is_no_lease(void **state) {
	(void)state;
	static lsr_failing_t failing;
	pthread_t thread;
	(void)fill(0);
	uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
	uint8_t id[6];
	lessor_lease_t client = scratch_lease_numbered(0, 0, id);
	assert_status(LESSOR_OK, lessor_lease_get_client(engine, SUBNET, id, 6, &client, buffer, sizeof(buffer)));
	failing.address = SUBNET + 600 + (client.address == SUBNET + 600);
	failing.refused = 0;
	atomic_store(&failing.stop, false);
	delete_lease(failing.address);
	assert_int_equal(pthread_create(&thread, NULL, create_in_vain, &failing), 0);
	for (uint32_t round = 0; round < rounds_of(100000); round++) {
		assert_int_equal(allocate_one(round % 2 == 0 ? failing.address : 0, 100000 + round), failing.address);
		delete_lease(failing.address);
	}
	atomic_store(&failing.stop, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(failing.refused > 0);
}

typedef struct {
	uint32_t hint;
	uint32_t address;
	lessor_status_t status;
} lsr_patient_t;

static void *
allocate_patiently(void *argument) {
	lsr_patient_t *patient = argument;
	patient->status = allocate(SUBNET, patient->hint, 77777, &patient->address);
	return NULL;
}

/* Allocate while somebody else is in the middle of deciding about 'address', and in the end leaves it alone. */
static lsr_patient_t
allocate_in_doubt(uint32_t address, uint32_t hint) {
	const struct timespec a_while = {.tv_nsec = 30000000};
	lsr_patient_t patient = {.hint = hint};
	pthread_t thread;
	uint64_t word;
	lsr_rcu_enter();
	lsr_scope_t *scope = lsr_engine_scope_of(engine, SUBNET);
	lsr_rcu_leave();
	lsr_record_t *record =
		lsr_pages_record(&engine->pages, lsr_table_touch(&scope->table, &engine->pages, address));
	assert_true(lsr_record_claim(record, &word));
	assert_int_equal(pthread_create(&thread, NULL, allocate_patiently, &patient), 0);
	(void)nanosleep(&a_while, NULL);
	lsr_record_unclaim(record, word);
	assert_int_equal(pthread_join(thread, NULL), 0);
	return patient;
}

static void
doubt_is_waited_for_if_nothing_else_is_left(void **state) {
	(void)state;
	(void)fill(0);
	delete_lease(SUBNET + 600);
	lsr_patient_t patient = allocate_in_doubt(SUBNET + 600, 0);
	assert_status(LESSOR_OK, patient.status);
	assert_int_equal(patient.address, SUBNET + 600);
}

static void
doubt_about_a_hint_is_waited_for(void **state) {
	(void)state;
	lsr_patient_t patient = allocate_in_doubt(SUBNET + 600, SUBNET + 600);
	assert_status(LESSOR_OK, patient.status);
	assert_int_equal(patient.address, SUBNET + 600);
}

typedef struct {
	pthread_barrier_t *start;
	lessor_status_t status;
	uint32_t number;
} lsr_twin_client_t;

static void *
allocate_for_one_client(void *argument) {
	lsr_twin_client_t *twin = argument;
	uint32_t address = 0;
	(void)pthread_barrier_wait(twin->start);
	twin->status = allocate(SUBNET, 0, twin->number, &address);
	return NULL;
}

static void
a_client_gets_one_address(void **state) {
	(void)state;
	for (uint32_t round = 0; round < rounds_of(500); round++) {
		pthread_t threads[THREADS];
		lsr_twin_client_t twins[THREADS];
		pthread_barrier_t start;
		unsigned good = 0;
		assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
		for (size_t i = 0; i < THREADS; i++) {
			twins[i] = (lsr_twin_client_t){.start = &start, .number = round};
			assert_int_equal(pthread_create(&threads[i], NULL, allocate_for_one_client, &twins[i]), 0);
		}
		for (size_t i = 0; i < THREADS; i++) {
			assert_int_equal(pthread_join(threads[i], NULL), 0);
			assert_true(twins[i].status == LESSOR_OK || twins[i].status == LESSOR_CLIENT_TAKEN);
			good += twins[i].status == LESSOR_OK;
		}
		assert_int_equal(good, 1);
		assert_int_equal(free_in_stats(), pool_size() - round - 1);
		(void)pthread_barrier_destroy(&start);
	}
}

int
main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_engine, close_engine)
	const struct CMUnitTest tests[] = {
		TEST(every_address_of_the_pool_once),
		TEST(what_is_given_up_is_found_again),
		TEST(other_leases_are_in_the_way),
		TEST(a_hint_is_taken_if_it_is_good),
		TEST(refusals),
		TEST(long_texts_are_no_trouble),
		TEST(the_pool_changes_under_it),
		TEST(ranges_at_the_ends_of_the_address_space),
		TEST(free_addresses_are_listed),
		TEST(what_was_given_up_comes_back_late),
		TEST(a_wrong_bit_is_a_contradiction),
		cmocka_unit_test(the_map_comes_back_with_the_store),
		TEST(threads_share_a_pool),
		TEST(threads_compete_for_the_last_ones),
		TEST(one_is_left_for_everybody),
		TEST(few_words_for_many),
		TEST(a_hole_that_moves_is_found),
		TEST(a_create_that_is_undone_is_no_lease),
		TEST(doubt_is_waited_for_if_nothing_else_is_left),
		TEST(doubt_about_a_hint_is_waited_for),
		TEST(a_client_gets_one_address),
	};
	(void)torture_seed();
	return cmocka_run_group_tests_name("allocate", tests, NULL, NULL);
}
