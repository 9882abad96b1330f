/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a DHCPv6 server does: offers that hold and vanish, binds, releases, declines; against a naive model; by many threads; across a restart.
 *
 * Most tests start from an engine in memory with one scope of which exclusions leave the lower halves 10 to 29, without 20.
 *   LESSOR_TEST_SEED   repeats a run
 *   LESSOR_TEST_STEPS  calls beside the model
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "scratch.h"
#include "torture.h"

#define PREFIX  UINT64_C(0x20010DB8BBBB0000)
#define OTHER   (PREFIX + 1)
#define FIRST   10u
#define LAST    29u
#define BARRED  20u
#define POOL    19u
#define LEASE_S 3600u
#define SECONDS LESSOR_TICKS_PER_SECOND
#define NOW     (UINT64_C(13350000000) * SECONDS)
#define HOUR_MS LESSOR_HOLD_MAX_MS

static lessor_engine_t *engine;

static void
exclude(uint64_t prefix, uint64_t first, uint64_t last) {
	assert_status(LESSOR_OK,
		      lessor_scope6_exclude(engine, prefix, (lessor_range6_t){first, last}, LESSOR_ASYNC, NULL));
}

static void
add_empty_scope(uint64_t prefix, uint64_t first, uint64_t last) {
	const lessor_scope6_t scope = {.prefix = prefix, .lease_s = LEASE_S};
	assert_status(LESSOR_OK, lessor_scope6_create(engine, &scope, LESSOR_ASYNC, NULL));
	exclude(prefix, 0, first - 1);
	exclude(prefix, last + 1, UINT64_MAX);
}

static void
add_scope(uint64_t prefix) {
	add_empty_scope(prefix, FIRST, LAST);
	exclude(prefix, BARRED, BARRED);
}

static int
open_engine(void **state) {
	(void)state;
	engine = scratch_open_memory();
	add_scope(PREFIX);
	return 0;
}

static int
close_engine(void **state) {
	lessor_report_t report;
	const lessor_status_t check = lessor_check(engine, &report);
	(void)state;
	if (check != LESSOR_OK) {
		print_error("%s\n", report.sentence);
	}
	return lessor_close(&engine) == LESSOR_OK && check == LESSOR_OK ? 0 : -1;
}

static void
sleep_ms(long ms) {
	const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	(void)nanosleep(&pause, NULL);
}

/* ---- asking ---------------------------------------------------------------------------------------------------------- */

/* Some fit into a record, some do not, and some are longer than any IPv4 client id. Clients share them. */
static uint16_t
duid_of(uint32_t client, uint8_t duid[LESSOR_DUID_MAX_BYTES]) {
	static const uint16_t lengths[] = {4, 16, 17, 130, 256};
	memset(duid, 'd', LESSOR_DUID_MAX_BYTES);
	return lengths[client % COUNT(lengths)];
}

static lessor_lease6_t
lease_of(uint32_t client, uint64_t low, uint8_t duid[LESSOR_DUID_MAX_BYTES]) {
	lessor_lease6_t lease;
	lessor_lease6_init(&lease);
	lease.address = (lessor_address6_t){PREFIX, low};
	lease.duid = duid;
	lease.duid_bytes = duid_of(client, duid);
	lease.iaid = client;
	return lease;
}

static lessor_status_t
ask(uint64_t prefix, uint32_t client, uint64_t hint, uint32_t hold_ms, uint32_t flags, lessor_filetime_t now,
    uint64_t *low) {
	uint8_t duid[LESSOR_DUID_MAX_BYTES];
	lessor_address6_t address = {prefix, *low};
	const lessor_offer6_request_t request = {.prefix = prefix,
						 .duid = duid,
						 .duid_bytes = duid_of(client, duid),
						 .iaid = client,
						 .hint = hint,
						 .hold_ms = hold_ms,
						 .flags = flags,
						 .now = now};
	const lessor_status_t status = lessor_offer6_make(engine, &request, &address);
	REQUIRE(address.high == prefix);
	*low = address.low;
	return status;
}

static uint64_t
offered(uint32_t client, uint64_t hint) {
	uint64_t low = 0;
	assert_status(LESSOR_OK, ask(PREFIX, client, hint, HOUR_MS, 0, NOW, &low));
	return low;
}

static lessor_status_t
bind_until(uint32_t client, uint64_t low, lessor_filetime_t expires_at, lessor_filetime_t now) {
	uint8_t duid[LESSOR_DUID_MAX_BYTES];
	lessor_lease6_t lease = lease_of(client, low, duid);
	lease.expires_at = expires_at;
	lease.preferred_expires_at = expires_at;
	return lessor_lease6_bind(engine, &lease, now, LESSOR_ASYNC, NULL);
}

static lessor_status_t
bind_to(uint32_t client, uint64_t low) {
	return bind_until(client, low, NOW + 100 * SECONDS, NOW);
}

static lessor_status_t
create(uint32_t client, uint64_t low, lessor_filetime_t expires_at) {
	uint8_t duid[LESSOR_DUID_MAX_BYTES];
	lessor_lease6_t lease = lease_of(client, low, duid);
	lease.expires_at = expires_at;
	return lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL);
}

static lessor_status_t
allocate(uint32_t client, uint64_t hint, uint64_t *low) {
	uint8_t duid[LESSOR_DUID_MAX_BYTES];
	lessor_lease6_t lease = lease_of(client, 0, duid);
	const lessor_status_t status = lessor_lease6_allocate(engine, PREFIX, hint, &lease, LESSOR_ASYNC, NULL);
	*low = lease.address.low;
	return status;
}

static lessor_status_t
withdraw(uint64_t prefix, uint32_t client) {
	uint8_t duid[LESSOR_DUID_MAX_BYTES];
	const uint16_t bytes = duid_of(client, duid);
	return lessor_offer6_withdraw(engine, prefix, duid, bytes, client);
}

static lessor_status_t
release(uint32_t client, uint64_t low, lessor_filetime_t now) {
	uint8_t duid[LESSOR_DUID_MAX_BYTES];
	const uint16_t bytes = duid_of(client, duid);
	return lessor_lease6_release(engine, (lessor_address6_t){PREFIX, low}, duid, bytes, client, now, LESSOR_ASYNC,
				     NULL);
}

static lessor_status_t
decline(uint32_t client, uint64_t low, lessor_filetime_t now, uint32_t hold_s) {
	uint8_t duid[LESSOR_DUID_MAX_BYTES];
	const uint16_t bytes = duid_of(client, duid);
	return lessor_lease6_decline(engine, (lessor_address6_t){PREFIX, low}, duid, bytes, client, now, hold_s,
				     LESSOR_ASYNC, NULL);
}

static void
sweep(lessor_filetime_t now) {
	lessor_cursor6_t cursor;
	lessor_cursor6_init(&cursor, (lessor_address6_t){0, 0}, (lessor_address6_t){UINT64_MAX, UINT64_MAX});
	while (lessor_expire6(engine, now, NULL, &cursor, NULL, LESSOR_ASYNC, NULL) == LESSOR_OK) {
	}
}

static lessor_status_t
reserve(uint32_t client, uint64_t low) {
	uint8_t duid[LESSOR_DUID_MAX_BYTES];
	const lessor_reservation6_t reservation = {
		.address = {PREFIX, low}, .duid = duid, .duid_bytes = duid_of(client, duid), .iaid = client};
	return lessor_reservation6_create(engine, PREFIX, &reservation, LESSOR_ASYNC, NULL);
}

static lessor_lease6_t
lease_at(uint64_t low) {
	static char buffer[LESSOR_LEASE_BUFFER_BYTES];
	lessor_lease6_t lease;
	assert_status(LESSOR_OK,
		      lessor_lease6_get(engine, (lessor_address6_t){PREFIX, low}, &lease, buffer, sizeof(buffer)));
	return lease;
}

static void
assert_no_lease(uint64_t low) {
	char buffer[LESSOR_LEASE_BUFFER_BYTES];
	lessor_lease6_t lease;
	assert_status(LESSOR_NOT_FOUND,
		      lessor_lease6_get(engine, (lessor_address6_t){PREFIX, low}, &lease, buffer, sizeof(buffer)));
}

static void
assert_figures(uint64_t in_use, uint64_t pending) {
	lessor_scope6_stats_t stats;
	lessor_scope6_stats_t recount;
	assert_status(LESSOR_OK, lessor_scope6_stats(engine, PREFIX, &stats));
	assert_status(LESSOR_OK, lessor_scope6_recount(engine, PREFIX, &recount));
	assert_int_equal(stats.in_use, in_use);
	assert_int_equal(stats.pending, pending);
	assert_int_equal(stats.free, POOL - in_use - pending);
	assert_int_equal(recount.pending, pending);
	assert_int_equal(recount.free, stats.free);
}

static uint64_t
count_leases(void) {
	uint64_t count;
	assert_status(LESSOR_OK, lessor_lease6_count(engine, (lessor_address6_t){0, 0},
						     (lessor_address6_t){UINT64_MAX, UINT64_MAX}, &count));
	return count;
}

/* ---- offers ---------------------------------------------------------------------------------------------------------- */

static void
an_offer_holds_and_is_no_lease(void **state) {
	uint32_t found;
	uint64_t low;
	uint64_t free_ones[64];
	lessor_cursor6_t cursor;
	lessor_lease6_t lease;
	char buffer[LESSOR_LEASE_BUFFER_BYTES];
	(void)state;
	const uint64_t held = offered(1, 15);
	assert_int_equal(held, 15);
	assert_no_lease(held);
	assert_int_equal(count_leases(), 0);
	lessor_cursor6_init(&cursor, (lessor_address6_t){0, 0}, (lessor_address6_t){UINT64_MAX, UINT64_MAX});
	assert_status(LESSOR_END, lessor_lease6_next(engine, &cursor, &lease, buffer, sizeof(buffer)));
	assert_status(LESSOR_NOT_FOUND,
		      lessor_lease6_delete(engine, (lessor_address6_t){PREFIX, held}, LESSOR_ASYNC, NULL));
	sweep(LESSOR_TIME_INFINITE - 1);
	assert_figures(0, 1);
	assert_int_equal(offered(1, 16), held); /* the same again */
	assert_int_not_equal(offered(2, held), held);
	assert_status(LESSOR_ADDRESS_TAKEN, bind_to(3, held));
	assert_status(LESSOR_OK, lessor_scope6_free_addresses(engine, PREFIX, 0, UINT64_MAX, 64, free_ones, &found));
	assert_int_equal(found, POOL - 2);
	for (uint32_t i = 0; i < POOL - 2; i++) {
		assert_int_not_equal(free_ones[i], held);
		assert_status(LESSOR_OK, allocate(100 + i, held, &low));
		assert_int_not_equal(low, held);
	}
	assert_status(LESSOR_EXHAUSTED, allocate(99, 0, &low));
	assert_status(LESSOR_EXHAUSTED, ask(PREFIX, 98, 0, 0, 0, NOW, &low));
	assert_figures(POOL - 2, 2);
	assert_int_equal(count_leases(), POOL - 2);
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
	assert_status(LESSOR_OK, bind_to(1, held));
	assert_figures(POOL - 1, 1);
	assert_status(LESSOR_OK, withdraw(PREFIX, 2));
	assert_status(LESSOR_NOT_FOUND, withdraw(PREFIX, 2));
	assert_status(LESSOR_NOT_FOUND, withdraw(PREFIX, 1));
	assert_figures(POOL - 1, 0);
	assert_int_equal(count_leases(), POOL - 1);
}

static void
an_offer_vanishes_by_itself(void **state) {
	uint64_t low = 0;
	uint32_t found;
	uint64_t free_ones[64];
	(void)state;
	for (uint32_t client = 0; client < POOL; client++) {
		assert_status(LESSOR_OK, ask(PREFIX, client, 0, client % 2 == 0 ? 1 : HOUR_MS, 0, NOW, &low));
	}
	sleep_ms(3);
	assert_status(LESSOR_OK, lessor_scope6_free_addresses(engine, PREFIX, 0, UINT64_MAX, 64, free_ones, &found));
	assert_int_equal(found, POOL - POOL / 2);
	assert_figures(0, POOL / 2);
	for (uint32_t client = 0; client < POOL; client += 2) {
		assert_status(LESSOR_OK, ask(PREFIX, 200 + client, 0, 1, 0, NOW, &low));
		sleep_ms(2);
		assert_status(LESSOR_OK, allocate(100 + client, 0, &low)); /* nothing else is free in the end */
	}
	assert_status(LESSOR_EXHAUSTED, ask(PREFIX, 300, 0, 1, 0, NOW, &low));
	assert_figures(POOL - POOL / 2, POOL / 2);
}

/* Of all that do not say so, a recount alone ends what is over. */
static void
a_recount_ends_what_is_over(void **state) {
	uint64_t low = 0;
	lessor_scope6_stats_t recount;
	(void)state;
	assert_status(LESSOR_OK, ask(PREFIX, 1, 0, 1, 0, NOW, &low));
	sleep_ms(3);
	assert_status(LESSOR_OK, lessor_scope6_recount(engine, PREFIX, &recount));
	assert_int_equal(recount.pending, 0);
	assert_int_equal(recount.free, POOL);
}

static void
an_offer_again_stands_longer(void **state) {
	uint64_t low = 0;
	(void)state;
	assert_status(LESSOR_OK, ask(PREFIX, 1, 0, 1, 0, NOW, &low));
	for (uint32_t client = 2; client < 10; client++) {
		(void)offered(client, 0);
	}
	assert_status(LESSOR_OK, ask(PREFIX, 1, 0, HOUR_MS, 0, NOW, &low));
	sleep_ms(3);
	assert_figures(0, 9);
	assert_status(LESSOR_OK, ask(PREFIX, 1, 0, 1, 0, NOW, &low));
	sleep_ms(3);
	assert_figures(0, 8);
}

static void
bad_questions_are_refused(void **state) {
	uint64_t low = 12345;
	uint8_t duid[LESSOR_DUID_MAX_BYTES + 1] = {0};
	lessor_address6_t address = {PREFIX, 12345};
	lessor_offer6_request_t request = {.prefix = PREFIX};
	const lessor_address6_t nowhere = {OTHER, 12};
	const lessor_address6_t none = {0, 0};
	(void)state;
	assert_status(LESSOR_INVALID, lessor_offer6_make(engine, &request, &address)); /* no DUID */
	request.duid = duid;
	assert_status(LESSOR_INVALID, lessor_offer6_make(engine, &request, &address));
	request.duid_bytes = LESSOR_DUID_MAX_BYTES + 1;
	assert_status(LESSOR_INVALID, lessor_offer6_make(engine, &request, &address));
	request.duid_bytes = LESSOR_DUID_MAX_BYTES;
	assert_status(LESSOR_INVALID, lessor_offer6_make(engine, &request, NULL));
	assert_status(LESSOR_INVALID, lessor_offer6_make(engine, NULL, &address));
	assert_status(LESSOR_INVALID, lessor_offer6_make(NULL, &request, &address));
	assert_status(LESSOR_INVALID, ask(PREFIX, 1, 0, HOUR_MS + 1, 0, NOW, &low));
	assert_status(LESSOR_INVALID, ask(PREFIX, 1, 0, 0, LESSOR_OFFER_SUPERSCOPE, NOW, &low));
	assert_status(LESSOR_NO_SCOPE, ask(OTHER, 1, 0, 0, 0, NOW, &low));
	assert_status(LESSOR_INVALID, lessor_offer6_withdraw(engine, PREFIX, NULL, 0, 1));
	assert_status(LESSOR_NO_SCOPE, withdraw(OTHER, 1));
	assert_status(LESSOR_INVALID, lessor_lease6_bind(engine, NULL, NOW, LESSOR_ASYNC, NULL));
	lessor_lease6_t lease = lease_of(1, 12, duid);
	lease.name = "\xFF";
	assert_status(LESSOR_INVALID, lessor_lease6_bind(engine, &lease, NOW, LESSOR_ASYNC, NULL));
	lease.name = NULL;
	lease.address = nowhere;
	assert_status(LESSOR_NO_SCOPE, lessor_lease6_bind(engine, &lease, NOW, LESSOR_ASYNC, NULL));
	lease.address = none;
	assert_status(LESSOR_INVALID, lessor_lease6_bind(engine, &lease, NOW, LESSOR_ASYNC, NULL));
	lease.address = (lessor_address6_t){PREFIX, 12};
	lease.duid_bytes = 0;
	assert_status(LESSOR_INVALID, lessor_lease6_bind(engine, &lease, NOW, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OUTSIDE, bind_to(1, BARRED));
	assert_status(LESSOR_OUTSIDE, bind_to(1, 0));
	assert_status(LESSOR_INVALID, release(1, FIRST, LESSOR_TIME_NONE));
	assert_status(LESSOR_INVALID, release(1, FIRST, LESSOR_TIME_INFINITE));
	assert_status(LESSOR_INVALID, lessor_lease6_release(engine, none, NULL, 0, 0, NOW, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_INVALID, lessor_lease6_release(engine, nowhere, duid, 0, 0, NOW, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_NOT_FOUND, release(1, FIRST, NOW));
	assert_status(LESSOR_NOT_FOUND, lessor_lease6_release(engine, nowhere, NULL, 0, 0, NOW, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_NO_SCOPE, lessor_lease6_decline(engine, nowhere, NULL, 0, 0, NOW, 0, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_INVALID, decline(1, FIRST, LESSOR_TIME_NONE, 0));
	assert_status(LESSOR_NOT_FOUND, decline(1, FIRST, NOW, 0));
	assert_int_equal(low, 12345);
	assert_int_equal(address.low, 12345);
	assert_int_not_equal(offered(1, BARRED), BARRED);
	assert_int_not_equal(offered(2, 12345), 12345);
}

static void
too_many_clients_are_refused(void **state) {
	lessor_options_t options;
	uint64_t low = 0;
	(void)state;
	assert_status(LESSOR_OK, lessor_close(&engine));
	scratch_options_memory(&options);
	options.max_offers = 5;
	assert_status(LESSOR_OK, lessor_open(NULL, &options, &engine, NULL));
	add_scope(PREFIX);
	for (uint32_t client = 0; client < 5; client++) {
		assert_status(LESSOR_OK, ask(PREFIX, client, 0, HOUR_MS, 0, NOW, &low));
	}
	assert_status(LESSOR_LIMIT, ask(PREFIX, 5, 0, HOUR_MS, 0, NOW, &low));
	assert_figures(0, 5); /* nothing is left of the one that was refused */
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
	assert_status(LESSOR_OK, ask(PREFIX, 1, 0, HOUR_MS, 0, NOW, &low)); /* it has one */
	assert_status(LESSOR_OK, ask(PREFIX, 3, 0, 1, 0, NOW, &low));
	sleep_ms(3);
	assert_status(LESSOR_OK, ask(PREFIX, 5, 0, HOUR_MS, 0, NOW, &low));
	assert_status(LESSOR_LIMIT, ask(PREFIX, 6, 0, HOUR_MS, 0, NOW, &low));
	assert_figures(0, 5);
	/* With their scope they are gone; those of another one are not. */
	add_scope(OTHER);
	assert_status(LESSOR_OK, withdraw(PREFIX, 5));
	assert_status(LESSOR_OK, ask(OTHER, 7, 0, HOUR_MS, 0, NOW, &low));
	assert_status(LESSOR_OK, lessor_scope6_delete(engine, PREFIX, false, LESSOR_ASYNC, NULL));
	for (uint32_t client = 8; client < 12; client++) {
		assert_status(LESSOR_OK, ask(OTHER, client, 0, HOUR_MS, 0, NOW, &low));
	}
	assert_status(LESSOR_LIMIT, ask(OTHER, 12, 0, HOUR_MS, 0, NOW, &low));
}

static void
a_lease_or_reservation_ends_an_offer(void **state) {
	uint8_t duid[3][LESSOR_DUID_MAX_BYTES];
	lessor_status_t statuses[3];
	(void)state;
	const uint64_t low = offered(1, 0);
	assert_status(LESSOR_OK, create(2, low, LESSOR_TIME_INFINITE));
	assert_figures(1, 0);
	assert_status(LESSOR_ADDRESS_TAKEN, bind_to(1, low));
	const uint64_t second = offered(1, low);
	assert_int_not_equal(second, low);
	assert_status(LESSOR_OK, reserve(3, second));
	assert_figures(2, 0);
	const uint64_t third = offered(1, second);
	assert_int_not_equal(third, second);
	assert_figures(2, 1);
	assert_status(LESSOR_CLIENT_TAKEN, create(2, third, LESSOR_TIME_INFINITE)); /* the offer stays */
	assert_status(LESSOR_RESERVED, reserve(3, third));
	assert_figures(2, 1);
	assert_int_equal(offered(1, 0), third);
	const lessor_lease6_t batch[3] = {lease_of(4, third, duid[0]), lease_of(5, third, duid[1]),
					  lease_of(6, offered(7, 0), duid[2])};
	assert_status(LESSOR_OK, lessor_lease6_create_batch(engine, batch, 3, statuses, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, statuses[0]);
	assert_status(LESSOR_ADDRESS_TAKEN, statuses[1]);
	assert_status(LESSOR_OK, statuses[2]);
	assert_figures(4, 0);
	/* A lease that moves to its client's reservation, at an address that was offered. */
	const uint64_t fourth = offered(1, 0);
	assert_status(LESSOR_OK, reserve(4, fourth));
	assert_int_equal(lease_at(fourth).iaid, 4);
	assert_figures(4, 0);
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
}

static void
offers_follow_the_changes_of_their_scope(void **state) {
	(void)state;
	const uint64_t low = offered(1, 15);
	(void)offered(2, 25);
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
	exclude(PREFIX, low, low);
	lessor_scope6_stats_t stats;
	assert_status(LESSOR_OK, lessor_scope6_stats(engine, PREFIX, &stats));
	assert_int_equal(stats.pending, 1);
	assert_int_equal(stats.free, POOL - 2);
	assert_status(LESSOR_OUTSIDE, bind_to(1, low));
	assert_int_not_equal(offered(1, low), low);
	assert_status(LESSOR_OK,
		      lessor_scope6_include(engine, PREFIX, (lessor_range6_t){low, low}, LESSOR_ASYNC, NULL));
	assert_figures(0, 2);
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
	assert_status(LESSOR_OK, lessor_scope6_delete(engine, PREFIX, false, LESSOR_ASYNC, NULL));
	add_scope(PREFIX);
	assert_figures(0, 0);
	assert_status(LESSOR_NOT_FOUND, withdraw(PREFIX, 2));
	assert_int_equal(offered(3, 25), 25);
}

/* ---- the life of a lease --------------------------------------------------------------------------------------------- */

static void
a_lease_is_bound_and_goes_on(void **state) {
	uint8_t duid[LESSOR_DUID_MAX_BYTES];
	(void)state;
	const uint64_t low = offered(1, 0);
	assert_status(LESSOR_OK, bind_to(1, low));
	assert_int_equal(lease_at(low).expires_at, NOW + 100 * SECONDS);
	lessor_lease6_t lease = lease_of(1, low, duid);
	lease.expires_at = NOW + 200 * SECONDS;
	lease.preferred_expires_at = NOW + 150 * SECONDS;
	lease.name = "printer";
	lease.address_state = LESSOR_STATE_DOOM;
	assert_status(LESSOR_OK, lessor_lease6_bind(engine, &lease, NOW, LESSOR_ASYNC, NULL));
	assert_int_equal(lease_at(low).expires_at, NOW + 200 * SECONDS);
	assert_int_equal(lease_at(low).preferred_expires_at, NOW + 150 * SECONDS);
	assert_int_equal(lease_at(low).address_state, LESSOR_STATE_ACTIVE);
	assert_string_equal(lease_at(low).name, "printer");
	assert_status(LESSOR_OK, bind_until(1, low, NOW + 300 * SECONDS, NOW)); /* which gives no name */
	assert_int_equal(lease_at(low).preferred_expires_at, NOW + 300 * SECONDS);
	assert_string_equal(lease_at(low).name, "printer");
	assert_status(LESSOR_CLIENT_TAKEN, bind_to(1, low == LAST ? FIRST : LAST));
	assert_status(LESSOR_ADDRESS_TAKEN, bind_to(2, low));
	assert_int_equal(offered(1, LAST), low);                          /* its lease, before any hint */
	assert_status(LESSOR_OK, bind_to(2, low == LAST ? FIRST : LAST)); /* never offered, but free */
	assert_figures(2, 0);
}

static void
a_released_address_waits_for_its_client(void **state) {
	lessor_scope6_stats_t stats;
	(void)state;
	const uint64_t low = offered(1, 0);
	const lessor_address6_t address = {PREFIX, low};
	assert_status(LESSOR_OK, bind_to(1, low));
	assert_status(LESSOR_OTHER_CLIENT, release(2, low, NOW));
	assert_status(LESSOR_OK, release(1, low, NOW));
	assert_status(LESSOR_OK, release(1, low, NOW + 5 * SECONDS)); /* it was over already */
	assert_int_equal(lease_at(low).expires_at, NOW);
	assert_int_equal(lease_at(low).preferred_expires_at, NOW);
	assert_status(LESSOR_ADDRESS_TAKEN, bind_to(2, low));
	assert_int_equal(offered(1, 0), low);
	assert_status(LESSOR_OK, bind_to(1, low));
	assert_status(LESSOR_OK, lessor_lease6_release(engine, address, NULL, 0, 77, NOW, LESSOR_ASYNC, NULL));
	sweep(NOW);
	assert_no_lease(low);
	assert_status(LESSOR_OK, lessor_scope6_stats(engine, PREFIX, &stats));
	assert_int_equal(stats.expires, 1);
	assert_int_equal(offered(2, low), low);
}

/* Its client is offered the address of a lease that is over: neither a sweep nor who takes what is over gives it to somebody else. */
static void
an_offer_keeps_what_is_over(void **state) {
	uint64_t low = 0;
	const uint64_t only = FIRST + 3;
	(void)state;
	assert_status(LESSOR_OK, bind_until(1, only, NOW + SECONDS, NOW));
	assert_int_equal(offered(1, 0), only);
	assert_int_equal(offered(1, 0), only);
	assert_figures(1, 0);
	sweep(NOW + 1000 * SECONDS);
	assert_int_equal(lease_at(only).expires_at, NOW + SECONDS);
	for (uint32_t client = 2; client <= POOL; client++) {
		assert_status(LESSOR_OK, bind_to(client, offered(client, 0)));
	}
	assert_status(LESSOR_EXHAUSTED, ask(PREFIX, 50, 0, HOUR_MS, LESSOR_OFFER_RECLAIM, NOW + 10 * SECONDS, &low));
	assert_status(LESSOR_OK, bind_to(1, only));
	assert_status(LESSOR_NOT_FOUND, withdraw(PREFIX, 1));
	assert_status(LESSOR_OK, release(1, only, NOW));
	assert_int_equal(offered(1, 0), only);
	assert_status(LESSOR_OK, withdraw(PREFIX, 1));
	sweep(NOW);
	assert_no_lease(only);
	assert_status(LESSOR_OK, bind_until(1, only, NOW, NOW));
	assert_status(LESSOR_OK, ask(PREFIX, 1, 0, 1, 0, NOW, &low));
	sleep_ms(2);
	sweep(NOW); /* which ends the offer first */
	assert_no_lease(only);
	assert_figures(POOL - 1, 0);
}

static void
a_full_scope_reclaims_if_asked(void **state) {
	uint64_t low = 0;
	(void)state;
	for (uint32_t client = 1; client <= POOL; client++) {
		assert_status(LESSOR_OK, bind_to(client, offered(client, 0)));
	}
	const uint64_t over = 17;
	const uint32_t client = lease_at(over).iaid;
	assert_status(LESSOR_OK, release(client, over, NOW - SECONDS));
	assert_status(LESSOR_EXHAUSTED, ask(PREFIX, 50, 0, HOUR_MS, 0, NOW, &low));
	assert_status(LESSOR_EXHAUSTED, ask(PREFIX, 50, 0, HOUR_MS, LESSOR_OFFER_RECLAIM, NOW - 2 * SECONDS, &low));
	assert_status(LESSOR_OK, ask(PREFIX, 50, 0, HOUR_MS, LESSOR_OFFER_RECLAIM, NOW, &low));
	assert_int_equal(low, over);
	assert_figures(POOL - 1, 1);
	assert_status(LESSOR_EXHAUSTED, ask(PREFIX, client, 0, HOUR_MS, LESSOR_OFFER_RECLAIM, NOW, &low));
}

static void
a_declined_address_is_kept_away(void **state) {
	(void)state;
	const uint64_t low = offered(1, 12);
	assert_status(LESSOR_OK, bind_to(1, low));
	assert_status(LESSOR_OTHER_CLIENT, decline(2, low, NOW, 60));
	assert_status(LESSOR_OK, decline(1, low, NOW, 60));
	const lessor_lease6_t lease = lease_at(low);
	assert_int_equal(lease.address_state, LESSOR_STATE_DECLINED);
	assert_int_equal(lease.expires_at, NOW + 60 * SECONDS);
	assert_int_equal(lease.preferred_expires_at, NOW + 60 * SECONDS);
	assert_int_equal(lease.iaid, 0x00424144);
	assert_int_equal(lease.duid_bytes, 16);
	assert_int_equal(lease.duid[15], low);
	assert_string_equal(lease.name, "BAD_ADDRESS");
	assert_figures(1, 0);
	assert_int_not_equal(offered(1, low), low);
	assert_status(LESSOR_OK, withdraw(PREFIX, 1));
	const uint64_t second = offered(1, 13);
	assert_int_equal(second, 13);
	assert_status(LESSOR_NOT_FOUND, decline(2, second, NOW, 0)); /* offered to another */
	assert_status(LESSOR_OK, decline(1, second, NOW, 0));        /* offered only */
	assert_int_equal(lease_at(second).expires_at, NOW + (uint64_t)LEASE_S * SECONDS);
	assert_figures(2, 0);
	const lessor_address6_t barred = {PREFIX, BARRED};
	assert_status(LESSOR_OK, lessor_lease6_decline(engine, barred, NULL, 0, 0, NOW, 10, LESSOR_ASYNC, NULL));
	assert_int_equal(lease_at(BARRED).address_state, LESSOR_STATE_DECLINED);
	/* An offer elsewhere is left alone. */
	assert_int_equal(offered(1, 14), 14);
	assert_status(LESSOR_OK, create(1, LAST, LESSOR_TIME_INFINITE));
	assert_status(LESSOR_OK, decline(1, LAST, NOW, 60));
	assert_figures(3, 1);
	sweep(NOW + 60 * SECONDS - 1);
	(void)lease_at(low);
	sweep(NOW + 60 * SECONDS);
	assert_no_lease(low);
	assert_no_lease(BARRED);
	assert_int_equal(offered(3, low), low);
}

static void
a_reservation_comes_first(void **state) {
	uint64_t low = 0;
	const lessor_address6_t address = {PREFIX, 12};
	(void)state;
	assert_status(LESSOR_OK, reserve(1, 12)); /* with a dormant lease */
	assert_int_equal(offered(1, 15), 12);
	assert_status(LESSOR_ADDRESS_TAKEN, bind_to(2, 12));
	assert_status(LESSOR_CLIENT_TAKEN, bind_to(1, 15));
	assert_status(LESSOR_OK, release(1, 12, NOW));
	assert_int_equal(lease_at(12).expires_at, LESSOR_TIME_NONE);
	assert_status(LESSOR_OK, bind_to(1, 12));
	assert_int_equal(lease_at(12).expires_at, NOW + 100 * SECONDS);
	assert_true(lease_at(12).is_reserved);
	assert_status(LESSOR_OK, decline(1, 12, NOW, 60)); /* it stays its client's */
	assert_int_equal(lease_at(12).iaid, 1);
	assert_status(LESSOR_CONFLICT, ask(PREFIX, 1, 0, 0, 0, NOW, &low));
	assert_status(LESSOR_CONFLICT, bind_to(1, 12));
	assert_status(LESSOR_OK, bind_until(1, 12, NOW + 200 * SECONDS, NOW + 60 * SECONDS));
	assert_int_equal(lease_at(12).address_state, LESSOR_STATE_ACTIVE);
	/* One without a lease: the client has a reserved lease elsewhere, which another's reservation leaves it. */
	assert_status(LESSOR_OK, bind_to(2, 14));
	assert_status(LESSOR_OK, reserve(2, 14));
	assert_status(LESSOR_OK, lessor_reservation6_delete(engine, PREFIX, address, NOW, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_lease6_delete(engine, address, LESSOR_ASYNC, NULL));
	assert_figures(1, 0);
	/* The client of a lease becomes another: then its reservation is empty, and it comes first. */
	uint8_t duid[LESSOR_DUID_MAX_BYTES];
	const lessor_lease6_t moved = lease_of(9, 14, duid);
	assert_status(LESSOR_OK, lessor_lease6_update(engine, &moved, LESSOR_FIELD_CLIENT_ID, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, reserve(7, 22));
	assert_status(LESSOR_OK, reserve(9, 23)); /* client 9 has the lease at 14, reserved for another: empty */
	assert_no_lease(23);
	assert_status(LESSOR_ADDRESS_TAKEN, bind_to(3, 23));
	assert_int_equal(offered(9, 0), 14);
	assert_status(LESSOR_CLIENT_TAKEN, bind_to(9, 23));
	const lessor_lease6_t back = lease_of(2, 14, duid);
	assert_status(LESSOR_OK, lessor_lease6_update(engine, &back, LESSOR_FIELD_CLIENT_ID, LESSOR_ASYNC, NULL));
	assert_int_equal(offered(9, 15), 23);
	assert_status(LESSOR_RESERVED, bind_to(9, 15));
	assert_status(LESSOR_OK, bind_to(9, 23));
	assert_int_equal(lease_at(23).iaid, 9);
	assert_figures(3, 0);
}

/* ---- against a model ------------------------------------------------------------------------------------------------- */

#define LOWS     40u
#define CLIENTS  30u
#define LUCKY    0u /* has the reservation, and always its lease */
#define RESERVED 24u
#define NOBODY   UINT32_MAX
#define STRANGER (UINT32_MAX - 1)

typedef struct {
	uint32_t client;
	uint32_t offered_to;
	bool is_declined;
	lessor_filetime_t expires_at;
} model_t;

static model_t model[LOWS];
static lessor_filetime_t model_now;

static bool
in_pool(uint64_t low) {
	return low >= FIRST && low <= LAST && low != BARRED;
}

static bool
is_free(uint64_t low) {
	return in_pool(low) && model[low].client == NOBODY && model[low].offered_to == NOBODY;
}

static bool
is_held_back(const model_t *at) {
	return at->is_declined && at->expires_at > model_now;
}

/* Where the client's lease, or its offer, is; 0. */
static uint64_t
model_find(uint32_t client, bool is_offer) {
	for (uint64_t low = 1; low < LOWS; low++) {
		const model_t *at = &model[low];
		if (is_offer ? at->client == NOBODY && at->offered_to == client : at->client == client) {
			return low;
		}
	}
	return 0;
}

static void
model_end_offer(uint32_t client) {
	const uint64_t low = model_find(client, true);
	if (low != 0) {
		model[low].offered_to = NOBODY;
	}
}

static bool
any_is_free(void) {
	for (uint64_t low = 1; low < LOWS; low++) {
		if (is_free(low)) {
			return true;
		}
	}
	return false;
}

static void
check_offer(uint32_t client, uint64_t hint, bool is_short) {
	uint64_t low = 0;
	const lessor_status_t status = ask(PREFIX, client, hint, is_short ? 1 : 5000, 0, model_now, &low);
	const uint64_t own = model_find(client, false);
	const uint64_t before = model_find(client, true);
	if (own != 0) {
		assert_status(is_held_back(&model[own]) ? LESSOR_CONFLICT : LESSOR_OK, status);
		assert_int_equal(low, status == LESSOR_OK ? own : 0);
		if (status == LESSOR_OK) {
			(void)withdraw(PREFIX, client); /* it may keep the lease from the next sweep */
			model_end_offer(client);
		}
	} else if (before != 0) {
		assert_status(LESSOR_OK, status);
		assert_int_equal(low, before);
	} else if (!any_is_free()) {
		assert_status(LESSOR_EXHAUSTED, status);
	} else {
		assert_status(LESSOR_OK, status);
		assert_true(is_free(low));
		assert_int_equal(low, hint != 0 && hint < LOWS && is_free(hint) ? hint : low);
		model[low].offered_to = client;
	}
	if (is_short) {
		sleep_ms(2);
		if (own == 0) {
			model_end_offer(client);
		}
	}
}

static lessor_status_t
model_bind(uint32_t client, uint64_t low) {
	const uint64_t own = model_find(client, false);
	const model_t *at = &model[low];
	if (own != 0) {
		return is_held_back(&model[own]) && own == low ? LESSOR_CONFLICT
		       : own != low                            ? LESSOR_CLIENT_TAKEN
							       : LESSOR_OK;
	}
	if (!in_pool(low)) {
		return LESSOR_OUTSIDE;
	}
	return at->offered_to == client || is_free(low) ? LESSOR_OK : LESSOR_ADDRESS_TAKEN;
}

static void
check_bind(uint32_t client, uint64_t low) {
	const lessor_status_t expected = model_bind(client, low);
	const lessor_filetime_t expires_at = model_now + 20 * SECONDS;
	assert_status(expected, bind_until(client, low, expires_at, model_now));
	if (expected == LESSOR_OK) {
		model_end_offer(client);
		model[low] = (model_t){.client = client, .offered_to = NOBODY, .expires_at = expires_at};
	}
}

static void
check_release(uint32_t client, uint64_t low) {
	model_t *at = &model[low];
	assert_status(at->client == NOBODY   ? LESSOR_NOT_FOUND
		      : at->client != client ? LESSOR_OTHER_CLIENT
					     : LESSOR_OK,
		      release(client, low, model_now));
	if (at->client == client && at->expires_at > model_now) {
		at->expires_at = model_now;
	}
}

static void
check_decline(uint32_t client, uint64_t low) {
	model_t *at = &model[low];
	const bool is_offered = at->client == NOBODY && at->offered_to == client;
	assert_status(at->client == client || is_offered ? LESSOR_OK
		      : at->client != NOBODY             ? LESSOR_OTHER_CLIENT
							 : LESSOR_NOT_FOUND,
		      decline(client, low, model_now, 30));
	if (at->client == client || is_offered) {
		*at = (model_t){.client = low == RESERVED ? client : STRANGER,
				.offered_to = NOBODY,
				.is_declined = true,
				.expires_at = model_now + 30 * SECONDS};
	}
}

static void
check_create(uint32_t client, uint64_t low) {
	model_t *at = &model[low];
	const lessor_filetime_t expires_at = model_now + 20 * SECONDS;
	const lessor_status_t expected = at->client != NOBODY             ? LESSOR_ADDRESS_TAKEN
					 : model_find(client, false) != 0 ? LESSOR_CLIENT_TAKEN
									  : LESSOR_OK;
	assert_status(expected, create(client, low, expires_at));
	if (expected == LESSOR_OK) {
		*at = (model_t){.client = client, .offered_to = NOBODY, .expires_at = expires_at};
	}
}

static void
check_allocate(uint32_t client) {
	uint64_t low;
	const lessor_status_t status = allocate(client, 0, &low);
	if (model_find(client, false) != 0) {
		assert_status(LESSOR_CLIENT_TAKEN, status);
	} else if (!any_is_free()) {
		assert_status(LESSOR_EXHAUSTED, status);
	} else {
		assert_status(LESSOR_OK, status);
		assert_true(is_free(low));
		model[low] = (model_t){.client = client, .offered_to = NOBODY, .expires_at = LESSOR_TIME_INFINITE};
		assert_status(LESSOR_OK, release(client, low, model_now + 20 * SECONDS));
		model[low].expires_at = model_now + 20 * SECONDS;
	}
}

static void
check_delete(uint64_t low) {
	const bool is_there = model[low].client != NOBODY;
	assert_status(!is_there         ? LESSOR_NOT_FOUND
		      : low == RESERVED ? LESSOR_RESERVED
					: LESSOR_OK,
		      lessor_lease6_delete(engine, (lessor_address6_t){PREFIX, low}, LESSOR_ASYNC, NULL));
	if (is_there && low != RESERVED) {
		model[low] = (model_t){.client = NOBODY, .offered_to = NOBODY};
	}
}

static void
check_sweep(uint32_t seconds) {
	model_now += seconds * SECONDS;
	sweep(model_now);
	for (uint64_t low = 1; low < LOWS; low++) {
		if (model[low].client != NOBODY && model[low].expires_at <= model_now && low != RESERVED) {
			model[low].client = NOBODY;
			model[low].is_declined = false;
		}
	}
}

static void
check_withdraw(uint32_t client) {
	assert_status(model_find(client, true) != 0 ? LESSOR_OK : LESSOR_NOT_FOUND, withdraw(PREFIX, client));
	model_end_offer(client);
}

static void
check_all(void) {
	uint64_t in_use = 0;
	uint64_t pending = 0;
	uint64_t leases = 0;
	for (uint64_t low = 1; low < LOWS; low++) {
		in_use += in_pool(low) && model[low].client != NOBODY;
		pending += in_pool(low) && model[low].client == NOBODY && model[low].offered_to != NOBODY;
		leases += model[low].client != NOBODY;
		if (model[low].client != NOBODY) {
			assert_int_equal(lease_at(low).expires_at, model[low].expires_at);
		} else {
			assert_no_lease(low);
		}
	}
	assert_figures(in_use, pending);
	assert_int_equal(count_leases(), leases);
}

static void
one_step(torture_random_t *random) {
	const uint32_t client = torture_below(random, CLIENTS);
	const uint64_t before = model_find(client, torture_below(random, 2) == 0);
	const bool is_any = before == 0 || torture_below(random, 3) == 0;
	const uint64_t low = is_any ? 8 + torture_below(random, 24) : before;
	const uint32_t what = torture_below(random, 100);
	if (what < 35) {
		check_offer(client, torture_below(random, 2) == 0 ? low : 0, torture_below(random, 50) == 0);
	} else if (what < 60) {
		check_bind(client, low);
	} else if (what < 70) {
		check_release(client, low);
	} else if (what < 75) {
		check_decline(client, low);
	} else if (what < 82) {
		check_withdraw(client);
	} else if (what < 86) {
		check_create(client, low);
	} else if (what < 89) {
		check_allocate(client);
	} else if (what < 92) {
		check_delete(low);
	} else {
		check_sweep(torture_below(random, 10));
	}
}

static void
it_answers_as_a_naive_model(void **state) {
	torture_random_t random = torture_random(1);
	const unsigned long steps = scratch_number("LESSOR_TEST_STEPS", scratch_is_sanitized() ? 3000 : 20000);
	(void)state;
	for (uint32_t i = 0; i < LOWS; i++) {
		model[i] = (model_t){.client = NOBODY, .offered_to = NOBODY};
	}
	model_now = NOW;
	assert_status(LESSOR_OK, reserve(LUCKY, RESERVED));
	model[RESERVED].client = LUCKY; /* it is dormant */
	model[RESERVED].expires_at = LESSOR_TIME_NONE;
	for (unsigned long step = 0; step < steps; step++) {
		one_step(&random);
		if (step % 50 == 0) {
			check_all();
			assert_status(LESSOR_OK, lessor_check(engine, NULL));
		}
	}
	check_all();
}

/* ---- many threads ---------------------------------------------------------------------------------------------------- */

#define THREADS   4u
#define BIG       (PREFIX + 3)
#define BIG_SIZE  512u
#define BIG_FIRST 1u
#define BIG_LAST  BIG_SIZE
#define LEFT      6u /* addresses that are free at first */

static _Atomic uint32_t owner[BIG_SIZE + 1];
static unsigned thread_rounds;

static lessor_status_t
end_lease_of(uint64_t low) {
	return lessor_lease6_delete(engine, (lessor_address6_t){BIG, low}, LESSOR_ASYNC, NULL);
}

/* One whole exchange with a client, sometimes broken off. An address that one was offered is nobody else's until one gives it up. */
static void
serve(torture_random_t *random, uint32_t number, uint32_t client) {
	uint8_t duid[LESSOR_DUID_MAX_BYTES];
	uint64_t low = 0;
	lessor_lease6_t lease = lease_of(client, 0, duid);
	const uint64_t hint = torture_below(random, 3) == 0 ? 1 + torture_below(random, BIG_SIZE) : 0;
	const lessor_status_t status = ask(BIG, client, hint, HOUR_MS, 0, NOW, &low);
	if (status == LESSOR_EXHAUSTED) {
		return;
	}
	REQUIRE_STATUS(status, LESSOR_OK);
	REQUIRE(low >= BIG_FIRST && low <= BIG_LAST);
	REQUIRE(atomic_exchange(&owner[low], number) == 0);
	if (torture_below(random, 3) == 0) {
		REQUIRE(atomic_exchange(&owner[low], 0) == number);
		REQUIRE_STATUS(withdraw(BIG, client), LESSOR_OK);
		return;
	}
	lease.address = (lessor_address6_t){BIG, low};
	REQUIRE_STATUS(lessor_lease6_bind(engine, &lease, NOW, LESSOR_ASYNC, NULL), LESSOR_OK);
	if (torture_below(random, 2) == 0) {
		REQUIRE_STATUS(lessor_lease6_bind(engine, &lease, NOW, LESSOR_ASYNC, NULL), LESSOR_OK);
	}
	REQUIRE(atomic_exchange(&owner[low], 0) == number);
	REQUIRE_STATUS(end_lease_of(low), LESSOR_OK);
}

static void *
serve_many(void *argument) {
	const uint32_t number = *(uint32_t *)argument;
	torture_random_t random = torture_random(100 + number);
	for (unsigned round = 0; round < thread_rounds; round++) {
		uint8_t duid[LESSOR_DUID_MAX_BYTES];
		if (number != 1) {
			serve(&random, number, number << 24 | round % 64);
			continue;
		}
		/* What vanishes by itself, and is anybody's afterwards; and who asks for no offers. */
		uint64_t low = 0;
		lessor_lease6_t lease = lease_of(number << 24 | 1u << 16, 0, duid);
		(void)ask(BIG, number << 24 | round % 64, 0, 1, 0, NOW, &low);
		if (lessor_lease6_allocate(engine, BIG, 0, &lease, LESSOR_ASYNC, NULL) == LESSOR_OK) {
			REQUIRE(atomic_exchange(&owner[lease.address.low], number) == 0);
			REQUIRE(atomic_exchange(&owner[lease.address.low], 0) == number);
			REQUIRE_STATUS(end_lease_of(lease.address.low), LESSOR_OK);
		}
	}
	return NULL;
}

static void
run_threads(void *(*body)(void *)) {
	pthread_t threads[THREADS];
	uint32_t numbers[THREADS];
	for (uint32_t i = 0; i < THREADS; i++) {
		numbers[i] = i + 1;
		assert_int_equal(pthread_create(&threads[i], NULL, body, &numbers[i]), 0);
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
}

static void
threads_compete_for_the_last_addresses(void **state) {
	uint64_t low = 0;
	(void)state;
	add_empty_scope(BIG, BIG_FIRST, BIG_LAST);
	for (uint32_t i = 0; i < BIG_SIZE - LEFT; i++) {
		uint8_t duid[LESSOR_DUID_MAX_BYTES];
		lessor_lease6_t lease = lease_of(UINT32_C(0x7F000000) | i, 0, duid);
		assert_status(LESSOR_OK, lessor_lease6_allocate(engine, BIG, 0, &lease, LESSOR_ASYNC, NULL));
		atomic_store(&owner[lease.address.low], THREADS + 1);
	}
	thread_rounds = scratch_is_sanitized() ? 2000 : 20000;
	run_threads(serve_many);
	sleep_ms(3);
	lessor_scope6_stats_t stats;
	assert_status(LESSOR_OK, lessor_scope6_stats(engine, BIG, &stats));
	assert_int_equal(stats.pending, 0);
	assert_int_equal(stats.free, LEFT);
	torture_require_sound(engine);
	for (uint32_t i = 0; i < LEFT; i++) {
		assert_status(LESSOR_OK, ask(BIG, 1000 + i, 0, HOUR_MS, 0, NOW, &low));
		assert_int_equal(atomic_exchange(&owner[low], 1), 0);
	}
	assert_status(LESSOR_EXHAUSTED, ask(BIG, 2000, 0, HOUR_MS, 0, NOW, &low));
}

/* Everything that can meet an offer, on as many addresses as threads, while the scope comes and goes, and leases end. */
static void *
collide(void *argument) {
	const uint32_t number = *(uint32_t *)argument;
	torture_random_t random = torture_random(200 + number);
	for (unsigned round = 0; round < thread_rounds; round++) {
		const uint32_t client = torture_below(&random, 6);
		const uint64_t at = FIRST + torture_below(&random, 3);
		uint64_t low = 0;
		switch (torture_below(&random, number == 1 ? 12 : 10)) {
		case 0:
		case 1:
		case 2:
			(void)ask(PREFIX, client, at, torture_below(&random, 2) == 0 ? 1 : HOUR_MS,
				  LESSOR_OFFER_RECLAIM, NOW, &low);
			break;
		case 3:
			(void)bind_until(client, at, NOW + torture_below(&random, 2) * SECONDS, NOW);
			break;
		case 4:
			(void)create(client, at, NOW);
			break;
		case 5:
			(void)lessor_lease6_delete(engine, (lessor_address6_t){PREFIX, at}, LESSOR_ASYNC, NULL);
			break;
		case 6:
			(void)withdraw(PREFIX, client);
			break;
		case 7:
			sweep(NOW + torture_below(&random, 2) * SECONDS);
			break;
		case 8:
			(void)decline(client, at, NOW, 1);
			break;
		case 9:
			if (allocate(client, at, &low) == LESSOR_OK) {
				(void)release(client, low, NOW);
			}
			break;
		case 10:
			if (reserve(client, at) == LESSOR_OK) {
				REQUIRE_STATUS(lessor_reservation6_delete(engine, PREFIX,
									  (lessor_address6_t){PREFIX, at}, NOW,
									  LESSOR_ASYNC, NULL),
					       LESSOR_OK);
			}
			break;
		default:
			if (torture_below(&random, 8) == 0) {
				REQUIRE_STATUS(lessor_scope6_delete(engine, PREFIX, true, LESSOR_ASYNC, NULL),
					       LESSOR_OK);
				add_empty_scope(PREFIX, FIRST, FIRST + 2);
			}
			break;
		}
	}
	return NULL;
}

static void
offers_meet_everything(void **state) {
	uint64_t low = 0;
	lessor_scope6_stats_t stats;
	lessor_scope6_stats_t recount;
	(void)state;
	assert_status(LESSOR_OK, lessor_scope6_delete(engine, PREFIX, true, LESSOR_ASYNC, NULL));
	add_empty_scope(PREFIX, FIRST, FIRST + 2);
	thread_rounds = scratch_is_sanitized() ? 4000 : 40000;
	run_threads(collide);
	sleep_ms(3);
	assert_status(LESSOR_OK, lessor_scope6_stats(engine, PREFIX, &stats));
	assert_status(LESSOR_OK, lessor_scope6_recount(engine, PREFIX, &recount));
	assert_int_equal(stats.in_use, recount.in_use);
	assert_int_equal(stats.pending, recount.pending);
	assert_int_equal(stats.leases, count_leases());
	torture_require_sound(engine);
	for (uint32_t client = 0; client < 6; client++) {
		(void)withdraw(PREFIX, client);
	}
	sweep(NOW + 2 * LEASE_S * SECONDS);
	assert_status(LESSOR_OK, lessor_scope6_stats(engine, PREFIX, &stats));
	assert_int_equal(stats.pending, 0);
	assert_int_equal(stats.leases, 0);
	assert_int_equal(stats.free, 3);
	for (uint32_t client = 100; client < 103; client++) {
		assert_status(LESSOR_OK, ask(PREFIX, client, 0, HOUR_MS, 0, NOW, &low));
	}
	assert_status(LESSOR_EXHAUSTED, ask(PREFIX, 103, 0, HOUR_MS, 0, NOW, &low));
}

/* ---- restarts -------------------------------------------------------------------------------------------------------- */

static void
offers_vanish_and_leases_stay(void **state) {
	char directory[SCRATCH_PATH_BYTES];
	char copy[SCRATCH_PATH_BYTES];
	(void)state;
	assert_status(LESSOR_OK, lessor_close(&engine));
	scratch_make_fast(directory);
	scratch_make_fast(copy);
	engine = scratch_open_log(directory);
	add_scope(PREFIX);
	const uint64_t bound = offered(1, 0);
	const uint64_t declined = offered(2, 0);
	const uint64_t released = offered(3, 0);
	const uint64_t taken = offered(4, 0);
	(void)offered(5, 0);
	assert_status(LESSOR_OK, bind_to(1, bound));
	assert_status(LESSOR_OK, decline(2, declined, NOW, 60));
	assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	assert_status(LESSOR_OK, bind_to(3, released));
	assert_status(LESSOR_OK, release(3, released, NOW));
	assert_status(LESSOR_OK, create(6, taken, LESSOR_TIME_INFINITE));
	assert_status(LESSOR_OK, lessor_ticket_wait(engine, lessor_last_ticket(engine), -1));
	assert_figures(4, 1);
	scratch_copy(directory, copy); /* as a crash leaves it */
	scratch_close(engine);
	engine = scratch_open_log(copy);
	assert_figures(4, 0);
	assert_int_equal(lease_at(bound).expires_at, NOW + 100 * SECONDS);
	assert_int_equal(lease_at(declined).address_state, LESSOR_STATE_DECLINED);
	assert_int_equal(lease_at(taken).iaid, 6);
	assert_int_equal(offered(3, 0), released);
	scratch_remove(directory);
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
	scratch_close(engine);
	scratch_remove(copy);
	(void)open_engine(NULL);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_offer_holds_and_is_no_lease, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(an_offer_vanishes_by_itself, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(a_recount_ends_what_is_over, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(an_offer_again_stands_longer, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(bad_questions_are_refused, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(too_many_clients_are_refused, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(a_lease_or_reservation_ends_an_offer, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(offers_follow_the_changes_of_their_scope, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(a_lease_is_bound_and_goes_on, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(a_released_address_waits_for_its_client, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(an_offer_keeps_what_is_over, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(a_full_scope_reclaims_if_asked, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(a_declined_address_is_kept_away, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(a_reservation_comes_first, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(it_answers_as_a_naive_model, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(threads_compete_for_the_last_addresses, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(offers_meet_everything, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(offers_vanish_and_leases_stay, open_engine, close_engine),
	};
	(void)torture_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
