/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a DHCP server does: offers that hold and vanish, binds, releases, declines; against a naive model; by many threads; across a restart.
 *
 * Most tests start from an engine in memory with the scope 10.1.0.0/26: range .10 to .29, .20 excluded.
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
#include "engine_p.h"
#include "scratch.h"
#include "torture.h"

#define SUBNET  IP(10, 1, 0, 0)
#define MASK    IP(255, 255, 255, 192)
#define FIRST   (SUBNET + 10)
#define LAST    (SUBNET + 29)
#define BARRED  (SUBNET + 20)
#define POOL    19u
#define OTHER   IP(10, 2, 0, 0)
#define SECONDS LESSOR_TICKS_PER_SECOND
#define NOW     (UINT64_C(13350000000) * SECONDS)
#define HOUR_MS LESSOR_HOLD_MAX_MS

static lessor_engine_t *engine;

static void
add_scope(uint32_t subnet) {
	lessor_scope_t scope = scratch_scope(subnet, MASK);
	scope.has_range = true;
	scope.range = (lessor_range_t){subnet + 10, subnet + 29};
	assert_status(LESSOR_OK, lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope_exclude(engine, subnet, (lessor_range_t){subnet + 20, subnet + 20},
						      LESSOR_ASYNC, NULL));
}

static int
open_engine(void **state) {
	(void)state;
	engine = scratch_open_memory();
	add_scope(SUBNET);
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

static lessor_status_t
ask(uint32_t subnet, uint32_t client, uint32_t hint, uint32_t hold_ms, uint32_t flags, lessor_filetime_t now,
    lessor_offer_t *offer) {
	uint8_t id[6];
	const lessor_lease_t lease = scratch_lease_numbered(1, client, id);
	const lessor_offer_request_t request = {.subnet = subnet,
						.client_id = lease.client_id,
						.client_id_bytes = lease.client_id_bytes,
						.hint = hint,
						.hold_ms = hold_ms,
						.flags = flags,
						.now = now};
	return lessor_offer_make(engine, &request, offer);
}

static lessor_status_t
offer_to(uint32_t client, uint32_t hint, uint32_t *address) {
	lessor_offer_t offer = {.address = *address};
	const lessor_status_t status = ask(SUBNET, client, hint, HOUR_MS, 0, NOW, &offer);
	*address = offer.address;
	return status;
}

static uint32_t
offered(uint32_t client, uint32_t hint) {
	uint32_t address = 0;
	assert_status(LESSOR_OK, offer_to(client, hint, &address));
	return address;
}

static lessor_status_t
bind_until(uint32_t client, uint32_t address, lessor_filetime_t expires_at, lessor_filetime_t now) {
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(address, client, id);
	lease.expires_at = expires_at;
	return lessor_lease_bind(engine, &lease, now, LESSOR_ASYNC, NULL);
}

static lessor_status_t
bind_to(uint32_t client, uint32_t address) {
	return bind_until(client, address, NOW + 100 * SECONDS, NOW);
}

static lessor_status_t
withdraw(uint32_t client) {
	uint8_t id[6];
	const lessor_lease_t lease = scratch_lease_numbered(1, client, id);
	return lessor_offer_withdraw(engine, SUBNET, lease.client_id, lease.client_id_bytes);
}

static lessor_status_t
release(uint32_t client, uint32_t address, lessor_filetime_t now) {
	uint8_t id[6];
	const lessor_lease_t lease = scratch_lease_numbered(1, client, id);
	return lessor_lease_release(engine, address, lease.client_id, lease.client_id_bytes, now, LESSOR_ASYNC, NULL);
}

static lessor_status_t
decline(uint32_t client, uint32_t address, lessor_filetime_t now, uint32_t hold_s) {
	uint8_t id[6];
	const lessor_lease_t lease = scratch_lease_numbered(1, client, id);
	return lessor_lease_decline(engine, address, lease.client_id, lease.client_id_bytes, now, hold_s, LESSOR_ASYNC,
				    NULL);
}

static void
sweep(lessor_filetime_t now) {
	lessor_cursor_t cursor;
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	while (lessor_expire(engine, now, NULL, &cursor, NULL, LESSOR_ASYNC, NULL) == LESSOR_OK) {
	}
}

static void
reserve(uint32_t client, uint32_t address) {
	uint8_t id[6];
	const lessor_lease_t lease = scratch_lease_numbered(1, client, id);
	const lessor_reservation_t reservation = {.address = address,
						  .client_id = lease.client_id,
						  .client_id_bytes = lease.client_id_bytes,
						  .client_types = LESSOR_CLIENT_DHCP};
	assert_status(LESSOR_OK, lessor_reservation_create(engine, SUBNET, &reservation, LESSOR_ASYNC, NULL));
}

static lessor_lease_t
lease_at(uint32_t address) {
	static uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
	lessor_lease_t lease;
	assert_status(LESSOR_OK, lessor_lease_get(engine, address, &lease, buffer, sizeof(buffer)));
	return lease;
}

static void
assert_no_lease(uint32_t address) {
	uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
	lessor_lease_t lease;
	assert_status(LESSOR_NOT_FOUND, lessor_lease_get(engine, address, &lease, buffer, sizeof(buffer)));
}

static void
assert_figures(uint64_t in_use, uint64_t pending) {
	lessor_scope_stats_t stats;
	lessor_scope_stats_t recount;
	assert_status(LESSOR_OK, lessor_scope_stats(engine, SUBNET, &stats));
	assert_status(LESSOR_OK, lessor_scope_recount(engine, SUBNET, &recount));
	assert_int_equal(stats.in_use, in_use);
	assert_int_equal(stats.pending, pending);
	assert_int_equal(stats.free, stats.pool - in_use - pending);
	assert_int_equal(recount.pending, pending);
	assert_int_equal(recount.free, stats.free);
}

/* ---- offers ---------------------------------------------------------------------------------------------------------- */

static void
an_offer_holds_and_is_no_lease(void **state) {
	uint64_t count;
	uint32_t found;
	uint32_t addresses[64];
	(void)state;
	const uint32_t address = offered(1, SUBNET + 15);
	assert_int_equal(address, SUBNET + 15);
	assert_no_lease(address);
	assert_status(LESSOR_OK, lessor_lease_count(engine, 0, UINT32_MAX, &count));
	assert_int_equal(count, 0);
	assert_figures(0, 1);
	assert_int_equal(offered(1, SUBNET + 16), address); /* the same again */
	assert_int_not_equal(offered(2, address), address);
	assert_status(LESSOR_ADDRESS_TAKEN, bind_to(3, address));
	assert_status(LESSOR_OK, lessor_scope_free_addresses(engine, SUBNET, 0, UINT32_MAX, 64, addresses, &found));
	assert_int_equal(found, POOL - 2);
	for (uint32_t i = 0; i < POOL - 2; i++) {
		uint8_t id[6];
		lessor_lease_t lease = scratch_lease_numbered(0, 100 + i, id);
		assert_status(LESSOR_OK, lessor_lease_allocate(engine, SUBNET, address, &lease, LESSOR_ASYNC, NULL));
		assert_int_not_equal(lease.address, address);
	}
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(0, 99, id);
	assert_status(LESSOR_EXHAUSTED, lessor_lease_allocate(engine, SUBNET, 0, &lease, LESSOR_ASYNC, NULL));
	assert_figures(POOL - 2, 2);
	assert_status(LESSOR_OK, bind_to(1, address));
	assert_figures(POOL - 1, 1);
	assert_status(LESSOR_OK, withdraw(2));
	assert_status(LESSOR_NOT_FOUND, withdraw(2));
	assert_status(LESSOR_NOT_FOUND, withdraw(1)); /* consumed */
	assert_figures(POOL - 1, 0);
}

static void
an_offer_vanishes_by_itself(void **state) {
	lessor_offer_t offer;
	(void)state;
	for (uint32_t client = 0; client < POOL; client++) {
		assert_status(LESSOR_OK, ask(SUBNET, client, 0, client % 2 == 0 ? 1 : HOUR_MS, 0, NOW, &offer));
	}
	sleep_ms(3);
	assert_figures(0, POOL / 2);
	for (uint32_t client = 0; client < POOL; client += 2) {
		uint8_t id[6];
		lessor_lease_t lease = scratch_lease_numbered(0, 100 + client, id);
		assert_status(LESSOR_OK, ask(SUBNET, 200 + client, 0, 1, 0, NOW, &offer));
		sleep_ms(2);
		/* Nothing else is free. */
		assert_status(LESSOR_OK, lessor_lease_allocate(engine, SUBNET, 0, &lease, LESSOR_ASYNC, NULL));
	}
	uint32_t address = 0;
	assert_status(LESSOR_EXHAUSTED, offer_to(300, 0, &address));
	assert_figures(POOL - POOL / 2, POOL / 2);
}

static void
an_offer_again_stands_longer(void **state) {
	lessor_offer_t offer;
	(void)state;
	assert_status(LESSOR_OK, ask(SUBNET, 1, 0, 1, 0, NOW, &offer));
	for (uint32_t client = 2; client < 10; client++) {
		(void)offered(client, 0);
	}
	assert_status(LESSOR_OK, ask(SUBNET, 1, 0, HOUR_MS, 0, NOW, &offer));
	sleep_ms(3);
	assert_figures(0, 9);
	assert_status(LESSOR_OK, ask(SUBNET, 1, 0, 1, 0, NOW, &offer));
	sleep_ms(3);
	assert_figures(0, 8);
}

static void
bad_questions_are_refused(void **state) {
	lessor_offer_t offer = {.address = 12345};
	lessor_offer_request_t request = {.subnet = SUBNET};
	(void)state;
	assert_status(LESSOR_INVALID, lessor_offer_make(engine, &request, &offer));
	assert_status(LESSOR_INVALID, lessor_offer_make(engine, NULL, &offer));
	assert_status(LESSOR_INVALID, ask(SUBNET, 1, 0, HOUR_MS + 1, 0, NOW, &offer));
	assert_status(LESSOR_INVALID, ask(SUBNET, 1, 0, 0, 4, NOW, &offer));
	assert_status(LESSOR_NO_SCOPE, ask(SUBNET + 1, 1, 0, 0, 0, NOW, &offer));
	assert_status(LESSOR_INVALID, lessor_offer_withdraw(engine, SUBNET, NULL, 0));
	assert_status(LESSOR_INVALID, lessor_lease_bind(engine, NULL, NOW, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_NO_SCOPE, bind_to(1, OTHER + 12));
	assert_status(LESSOR_OUTSIDE, bind_to(1, BARRED));
	assert_status(LESSOR_INVALID, release(1, FIRST, LESSOR_TIME_NONE));
	assert_status(LESSOR_NOT_FOUND, release(1, FIRST, NOW));
	assert_status(LESSOR_NO_SCOPE, decline(1, OTHER + 12, NOW, 0));
	assert_status(LESSOR_NOT_FOUND, decline(1, FIRST, NOW, 0));
	assert_int_equal(offer.address, 12345);
	assert_int_not_equal(offered(1, BARRED), BARRED);
	assert_int_not_equal(offered(2, OTHER + 12), OTHER + 12);
}

/* Whatever is at the address, and whatever the client has. */
static void
a_bad_lease_is_refused_first(void **state) {
	uint8_t id[6];
	(void)state;
	assert_status(LESSOR_OK, bind_to(1, FIRST));
	assert_status(LESSOR_OK, bind_to(2, LAST));
	for (uint32_t address = FIRST; address <= LAST; address++) {
		lessor_lease_t lease = scratch_lease_numbered(address, 1, id);
		lease.name = "\xFF";
		assert_status(LESSOR_INVALID, lessor_lease_bind(engine, &lease, NOW, LESSOR_ASYNC, NULL));
		lease.name = NULL;
		lease.comment = "\xFF";
		assert_status(LESSOR_INVALID, lessor_lease_bind(engine, &lease, NOW, LESSOR_ASYNC, NULL));
	}
	lessor_lease_t lease = scratch_lease_numbered(FIRST, 1, id);
	lease.client_id = NULL;
	assert_status(LESSOR_INVALID, lessor_lease_bind(engine, &lease, NOW, LESSOR_ASYNC, NULL));
	lease.client_id = id;
	lease.client_id_bytes = 0;
	assert_status(LESSOR_INVALID, lessor_lease_bind(engine, &lease, NOW, LESSOR_ASYNC, NULL));
}

static void
too_many_clients_are_refused(void **state) {
	lessor_options_t options;
	lessor_offer_t offer;
	(void)state;
	assert_status(LESSOR_OK, lessor_close(&engine));
	scratch_options_memory(&options);
	options.max_offers = 5;
	assert_status(LESSOR_OK, lessor_open(NULL, &options, &engine, NULL));
	add_scope(SUBNET);
	const uint64_t begun = lsr_clock_ns();
	for (uint32_t client = 0; client < 5; client++) {
		assert_status(LESSOR_OK, ask(SUBNET, client, 0, client == 3 ? 50 : HOUR_MS, 0, NOW, &offer));
	}
	const lessor_status_t status = ask(SUBNET, 5, 0, HOUR_MS, 0, NOW, &offer);
	assert_true(status == LESSOR_LIMIT || lsr_clock_ns() - begun > 40000000);
	assert_status(LESSOR_OK, ask(SUBNET, 1, 0, HOUR_MS, 0, NOW, &offer)); /* it has one */
	sleep_ms(60);
	assert_status(LESSOR_OK, ask(SUBNET, 5, 0, HOUR_MS, 0, NOW, &offer));
	assert_status(LESSOR_LIMIT, ask(SUBNET, 6, 0, HOUR_MS, 0, NOW, &offer));
	assert_figures(0, 5);
	/* With their scope they are gone; those of another one are not. */
	add_scope(OTHER);
	assert_status(LESSOR_OK, withdraw(5));
	assert_status(LESSOR_OK, ask(OTHER, 7, 0, HOUR_MS, 0, NOW, &offer));
	assert_status(LESSOR_OK, lessor_scope_delete(engine, SUBNET, false, LESSOR_ASYNC, NULL));
	for (uint32_t client = 8; client < 12; client++) {
		assert_status(LESSOR_OK, ask(OTHER, client, 0, HOUR_MS, 0, NOW, &offer));
	}
	assert_status(LESSOR_LIMIT, ask(OTHER, 12, 0, HOUR_MS, 0, NOW, &offer));
}

static void
a_lease_or_reservation_ends_an_offer(void **state) {
	uint8_t id[6];
	(void)state;
	const uint32_t address = offered(1, 0);
	const lessor_lease_t lease = scratch_lease_numbered(address, 2, id);
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	assert_figures(1, 0);
	assert_status(LESSOR_ADDRESS_TAKEN, bind_to(1, address));
	const uint32_t second = offered(1, address);
	assert_int_not_equal(second, address);
	reserve(3, second);
	assert_figures(2, 0);
	assert_int_not_equal(offered(1, second), second);
	assert_figures(2, 1);
}

static void
offers_follow_the_changes_of_their_scope(void **state) {
	(void)state;
	const uint32_t address = offered(1, SUBNET + 15);
	(void)offered(2, SUBNET + 25);
	assert_status(LESSOR_OK,
		      lessor_scope_exclude(engine, SUBNET, (lessor_range_t){address, address}, LESSOR_ASYNC, NULL));
	assert_figures(0, 1);
	assert_status(LESSOR_OUTSIDE, bind_to(1, address));
	assert_int_not_equal(offered(1, address), address);
	assert_figures(0, 2);
	assert_status(LESSOR_OK, lessor_scope_remove_range(engine, SUBNET, (lessor_range_t){FIRST, LAST}, false,
							   LESSOR_ASYNC, NULL));
	assert_figures(0, 0);
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
	assert_status(LESSOR_OK, lessor_scope_delete(engine, SUBNET, false, LESSOR_ASYNC, NULL));
	add_scope(SUBNET);
	assert_figures(0, 0);
	assert_status(LESSOR_NOT_FOUND, withdraw(2));
	assert_int_equal(offered(3, SUBNET + 25), SUBNET + 25);
}

/* The scope gets another mask while an address of it is offered: other records, and a lease at the same address. */
static void
an_offer_does_not_outlive_its_scope(void **state) {
	lessor_offer_t offer;
	uint8_t id[6];
	(void)state;
	assert_status(LESSOR_OK, ask(SUBNET, 1, SUBNET + 15, 300, 0, NOW, &offer));
	assert_status(LESSOR_OK, lessor_scope_remove_range(engine, SUBNET, (lessor_range_t){FIRST, LAST}, false,
							   LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK,
		      lessor_scope_include(engine, SUBNET, (lessor_range_t){BARRED, BARRED}, LESSOR_ASYNC, NULL));
	lessor_scope_t scope = scratch_scope(SUBNET, IP(255, 255, 255, 128));
	scope.has_range = true;
	scope.range = (lessor_range_t){FIRST, LAST};
	assert_status(LESSOR_OK, lessor_scope_update(engine, &scope, LESSOR_SCOPE_FIELD_MASK, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope_update(engine, &scope, LESSOR_SCOPE_FIELD_RANGE, LESSOR_ASYNC, NULL));
	const lessor_lease_t lease = scratch_lease_numbered(SUBNET + 15, 2, id);
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	sleep_ms(310);
	assert_figures(1, 0);
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
	assert_int_not_equal(offered(1, 0), SUBNET + 15);
}

/* ---- the life of a lease --------------------------------------------------------------------------------------------- */

static void
a_lease_is_bound_and_goes_on(void **state) {
	(void)state;
	const uint32_t address = offered(1, 0);
	assert_status(LESSOR_OK, bind_to(1, address));
	assert_int_equal(lease_at(address).expires_at, NOW + 100 * SECONDS);
	assert_status(LESSOR_OK, bind_until(1, address, NOW + 200 * SECONDS, NOW));
	assert_int_equal(lease_at(address).expires_at, NOW + 200 * SECONDS);
	assert_status(LESSOR_CLIENT_TAKEN, bind_to(1, address == LAST ? FIRST : LAST));
	assert_status(LESSOR_ADDRESS_TAKEN, bind_to(2, address));
	assert_int_equal(offered(1, LAST), address);                          /* its lease, before any hint */
	assert_status(LESSOR_OK, bind_to(2, address == LAST ? FIRST : LAST)); /* never offered, but free */
	assert_figures(2, 0);
}

static void
a_released_address_waits_for_its_client(void **state) {
	lessor_scope_stats_t stats;
	(void)state;
	const uint32_t address = offered(1, 0);
	assert_status(LESSOR_OK, bind_to(1, address));
	assert_status(LESSOR_OTHER_CLIENT, release(2, address, NOW));
	assert_status(LESSOR_OK, release(1, address, NOW));
	assert_status(LESSOR_OK, release(1, address, NOW + 5 * SECONDS)); /* it was over already */
	assert_int_equal(lease_at(address).expires_at, NOW);
	assert_status(LESSOR_ADDRESS_TAKEN, bind_to(2, address));
	assert_int_equal(offered(1, 0), address);
	assert_status(LESSOR_OK, bind_to(1, address));
	assert_status(LESSOR_OK, lessor_lease_release(engine, address, NULL, 0, NOW, LESSOR_ASYNC, NULL));
	sweep(NOW);
	assert_no_lease(address);
	assert_status(LESSOR_OK, lessor_scope_stats(engine, SUBNET, &stats));
	assert_int_equal(stats.expires, 1);
	assert_int_equal(offered(2, address), address);
}

/* Its client is offered the address of a lease that is over: neither a sweep nor who takes what is over gives it to somebody else. */
static void
an_offer_keeps_what_is_over(void **state) {
	lessor_offer_t offer;
	const uint32_t only = FIRST + 3;
	(void)state;
	assert_status(LESSOR_OK, bind_until(1, only, NOW + SECONDS, NOW));
	assert_int_equal(offered(1, 0), only);
	assert_figures(1, 0);
	sweep(NOW + 1000 * SECONDS);
	assert_int_equal(lease_at(only).expires_at, NOW + SECONDS);
	for (uint32_t client = 2; client <= POOL; client++) {
		assert_status(LESSOR_OK, bind_to(client, offered(client, 0)));
	}
	assert_status(LESSOR_EXHAUSTED, ask(SUBNET, 50, 0, HOUR_MS, LESSOR_OFFER_RECLAIM, NOW + 10 * SECONDS, &offer));
	assert_status(LESSOR_OK, bind_to(1, only));
	assert_status(LESSOR_NOT_FOUND, withdraw(1));
	assert_status(LESSOR_OK, release(1, only, NOW));
	assert_int_equal(offered(1, 0), only);
	assert_status(LESSOR_OK, withdraw(1));
	sweep(NOW);
	assert_no_lease(only);
	assert_figures(POOL - 1, 0);
}

/* Until its time is over, or the lease changes. One whose lease stands longer than the offer needs none. */
static void
what_is_kept_is_swept_behind_the_offer(void **state) {
	lessor_offer_t offer;
	(void)state;
	assert_status(LESSOR_OK, bind_until(1, FIRST, NOW, NOW));
	assert_status(LESSOR_OK, ask(SUBNET, 1, 0, 1, 0, NOW, &offer));
	assert_status(LESSOR_OK, bind_until(2, LAST, NOW + 11 * SECONDS, NOW));
	assert_status(LESSOR_OK, ask(SUBNET, 2, 0, 10000, 0, NOW, &offer));
	assert_int_equal(offer.address, LAST);
	assert_status(LESSOR_NOT_FOUND, withdraw(2));
	sleep_ms(2);
	sweep(NOW);
	assert_no_lease(FIRST);
	assert_status(LESSOR_OK, bind_until(1, FIRST, NOW, NOW));
	assert_int_equal(offered(1, 0), FIRST);
	assert_status(LESSOR_OK, bind_until(1, FIRST, NOW, NOW)); /* changed */
	sweep(NOW);
	assert_no_lease(FIRST);
	assert_int_equal(offered(1, FIRST), FIRST);
	assert_figures(1, 1);
}

static void
a_declined_address_is_kept_away(void **state) {
	(void)state;
	const uint32_t address = offered(1, 0);
	assert_status(LESSOR_OK, bind_to(1, address));
	assert_status(LESSOR_OTHER_CLIENT, decline(2, address, NOW, 60));
	assert_status(LESSOR_OK, decline(1, address, NOW, 60));
	const lessor_lease_t lease = lease_at(address);
	assert_int_equal(lease.address_state, LESSOR_STATE_DECLINED);
	assert_int_equal(lease.expires_at, NOW + 60 * SECONDS);
	assert_string_equal(lease.name, "BAD_ADDRESS");
	assert_true(lease.client_id_made_up);
	assert_figures(1, 0);
	const uint32_t second = offered(1, address);
	assert_int_not_equal(second, address);
	assert_status(LESSOR_OK, decline(1, second, NOW, 0)); /* offered only */
	assert_int_equal(lease_at(second).expires_at, NOW + (uint64_t)LESSOR_DEFAULT_LEASE_S * SECONDS);
	assert_figures(2, 0);
	assert_status(LESSOR_OK, lessor_lease_decline(engine, BARRED, NULL, 0, NOW, 10, LESSOR_ASYNC, NULL));
	assert_int_equal(lease_at(BARRED).address_state, LESSOR_STATE_DECLINED);
	sweep(NOW + 60 * SECONDS - 1);
	(void)lease_at(address);
	sweep(NOW + 60 * SECONDS);
	assert_no_lease(address);
	assert_no_lease(BARRED);
	assert_int_equal(offered(3, address), address);
}

static void
a_decline_leaves_an_offer_elsewhere(void **state) {
	uint8_t id[6];
	const uint32_t address = offered(1, FIRST + 1);
	const lessor_lease_t lease = scratch_lease_numbered(FIRST + 5, 1, id);
	(void)state;
	assert_int_equal(address, FIRST + 1);
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, decline(1, FIRST + 5, NOW, 60));
	assert_figures(1, 1);
	assert_status(LESSOR_OK, decline(1, address, NOW, 60));
	assert_figures(2, 0);
}

static void
a_reservation_comes_first(void **state) {
	const uint32_t mine = SUBNET + 5; /* outside of the range */
	(void)state;
	reserve(1, mine);
	assert_int_equal(offered(1, LAST), mine);
	assert_status(LESSOR_CLIENT_TAKEN, bind_to(1, LAST)); /* the dormant lease is its lease */
	assert_status(LESSOR_OTHER_CLIENT, decline(2, mine, NOW, 10));
	assert_status(LESSOR_OK, bind_to(1, mine));
	assert_int_equal(lease_at(mine).client_type, LESSOR_CLIENT_DHCP);
	assert_int_equal(lease_at(mine).owner_address, 0);
	assert_status(LESSOR_OK, decline(1, mine, NOW, 10));
	uint32_t address = 0;
	assert_status(LESSOR_CONFLICT, offer_to(1, 0, &address));
	assert_status(LESSOR_CONFLICT, bind_to(1, mine));
	sweep(NOW + 100 * SECONDS);
	assert_status(LESSOR_OK, bind_until(1, mine, NOW + 50 * SECONDS, NOW + 10 * SECONDS));
	assert_int_equal(lease_at(mine).address_state, LESSOR_STATE_ACTIVE);
	/* A client that has a lease elsewhere when an address is reserved for it. */
	assert_status(LESSOR_OK, bind_to(2, LAST));
	reserve(2, FIRST);
	assert_int_equal(offered(2, 0), LAST);
	assert_status(LESSOR_OK, release(2, LAST, NOW));
	sweep(NOW);
	assert_int_equal(offered(2, LAST), FIRST);
	assert_status(LESSOR_RESERVED, bind_to(2, LAST));
	assert_status(LESSOR_ADDRESS_TAKEN, bind_to(3, FIRST));
	assert_status(LESSOR_OK, bind_to(2, FIRST));
}

static void
an_exhausted_scope_has_more(void **state) {
	lessor_offer_t offer = {.address = 12345};
	(void)state;
	add_scope(OTHER);
	assert_status(LESSOR_OK, lessor_superscope_join(engine, SUBNET, "wire", false, LESSOR_ASYNC, NULL));
	for (uint32_t i = 0; i < POOL; i++) {
		assert_status(LESSOR_OK, bind_until(i, offered(i, 0), i == 7 ? NOW : NOW + 1, NOW));
	}
	assert_status(LESSOR_EXHAUSTED, ask(SUBNET, 100, 0, 0, 0, NOW, &offer));
	assert_status(LESSOR_EXHAUSTED, ask(SUBNET, 100, 0, 0, LESSOR_OFFER_SUPERSCOPE, NOW, &offer));
	assert_int_equal(offer.address, 12345);
	assert_status(LESSOR_OK, lessor_superscope_join(engine, OTHER, "wire", false, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, ask(SUBNET, 100, 0, 0, LESSOR_OFFER_SUPERSCOPE, NOW, &offer));
	assert_int_equal(offer.subnet, OTHER);
	assert_status(LESSOR_OK, bind_to(100, offer.address));
	assert_status(LESSOR_OK, ask(SUBNET, 101, 0, HOUR_MS, LESSOR_OFFER_RECLAIM, NOW, &offer)); /* client 7's */
	assert_int_equal(offer.subnet, SUBNET);
	assert_status(LESSOR_EXHAUSTED, ask(SUBNET, 102, 0, 0, LESSOR_OFFER_RECLAIM, NOW, &offer));
	assert_figures(POOL - 1, 1);
}

/* ---- the model ------------------------------------------------------------------------------------------------------- */

#define CLIENTS   26u
#define NOBODY    UINT32_MAX
#define STRANGER  (UINT32_MAX - 1) /* who has what is declined */
#define LUCKY     0u               /* the client with a reservation, */
#define RESERVED  (SUBNET + 12)    /* of this address */
#define ADDRESSES 64u

typedef struct {
	uint32_t client; /* of the lease, or NOBODY */
	uint32_t offered_to;
	bool is_declined;
	bool is_kept; /* offered to its client */
	lessor_filetime_t expires_at;
} model_t;

static model_t model[ADDRESSES];
static lessor_filetime_t model_now;

static bool
in_pool(uint32_t address) {
	return address >= FIRST && address <= LAST && address != BARRED;
}

static bool
is_free(uint32_t address) {
	const model_t *at = &model[address - SUBNET];
	return in_pool(address) && at->client == NOBODY && at->offered_to == NOBODY && address != RESERVED;
}

/* Where the client has its lease, or offer; 0. */
static uint32_t
model_find(uint32_t client, bool offer) {
	for (uint32_t i = 0; i < ADDRESSES; i++) {
		if ((offer ? model[i].offered_to : model[i].client) == client) {
			return SUBNET + i;
		}
	}
	return 0;
}

static bool
is_held_back(const model_t *at) {
	return at->is_declined && at->expires_at > model_now;
}

static void
model_end_offer(uint32_t client) {
	const uint32_t address = model_find(client, true);
	if (address != 0) {
		model[address - SUBNET].offered_to = NOBODY;
	}
}

static bool
any_is_free(void) {
	for (uint32_t address = SUBNET; address < SUBNET + ADDRESSES; address++) {
		if (is_free(address)) {
			return true;
		}
	}
	return false;
}

/* A lease that may be over before the offer is: that keeps it from sweeps, and is the client's offer instead of another. */
static void
model_keep(uint32_t client, uint32_t own, bool is_short) {
	model_t *at = &model[own - SUBNET];
	if (own != RESERVED && !at->is_declined &&
	    at->expires_at <= model_now + (is_short ? SECONDS / 1000 : 3600 * SECONDS)) {
		model_end_offer(client);
		at->is_kept = !is_short;
	}
}

static void
check_offer(uint32_t client, uint32_t hint, bool is_short) {
	lessor_offer_t offer = {0};
	const lessor_status_t status = ask(SUBNET, client, hint, is_short ? 1 : HOUR_MS, 0, model_now, &offer);
	const uint32_t own = model_find(client, false);
	const uint32_t before = model_find(client, true);
	if (own != 0) {
		assert_status(is_held_back(&model[own - SUBNET]) ? LESSOR_CONFLICT : LESSOR_OK, status);
		assert_int_equal(offer.address, status == LESSOR_OK ? own : 0);
		model_keep(client, own, is_short);
	} else if (client == LUCKY) {
		assert_status(LESSOR_OK, status);
		assert_int_equal(offer.address, RESERVED);
	} else if (before != 0) {
		assert_status(LESSOR_OK, status);
		assert_int_equal(offer.address, before);
	} else if (!any_is_free()) {
		assert_status(LESSOR_EXHAUSTED, status);
	} else {
		assert_status(LESSOR_OK, status);
		assert_true(is_free(offer.address));
		assert_int_equal(offer.address, hint != 0 && is_free(hint) ? hint : offer.address);
		model[offer.address - SUBNET].offered_to = client;
	}
	if (is_short) {
		sleep_ms(2);
		if (own == 0 && client != LUCKY) {
			model_end_offer(client);
		}
	}
}

static lessor_status_t
model_bind(uint32_t client, uint32_t address) {
	const uint32_t own = model_find(client, false);
	const model_t *at = &model[address - SUBNET];
	if (own != 0) {
		return own != address ? LESSOR_CLIENT_TAKEN : is_held_back(at) ? LESSOR_CONFLICT : LESSOR_OK;
	}
	if (client == LUCKY) {
		return address == RESERVED ? LESSOR_OK : LESSOR_RESERVED;
	}
	if (!in_pool(address)) {
		return LESSOR_OUTSIDE;
	}
	return at->offered_to == client || is_free(address) ? LESSOR_OK : LESSOR_ADDRESS_TAKEN;
}

static void
check_bind(uint32_t client, uint32_t address) {
	const lessor_status_t expected = model_bind(client, address);
	const lessor_filetime_t expires_at = model_now + 20 * SECONDS;
	assert_status(expected, bind_until(client, address, expires_at, model_now));
	if (expected == LESSOR_OK) {
		model_end_offer(client);
		model[address - SUBNET] = (model_t){.client = client, .offered_to = NOBODY, .expires_at = expires_at};
	}
}

static void
check_release(uint32_t client, uint32_t address) {
	model_t *at = &model[address - SUBNET];
	assert_status(at->client == NOBODY   ? LESSOR_NOT_FOUND
		      : at->client != client ? LESSOR_OTHER_CLIENT
					     : LESSOR_OK,
		      release(client, address, model_now));
	if (at->client == client && at->expires_at > model_now) {
		at->expires_at = model_now;
	}
	at->is_kept = at->is_kept && at->client != client;
}

static void
check_decline(uint32_t client, uint32_t address) {
	model_t *at = &model[address - SUBNET];
	const bool is_offered = at->client == NOBODY && at->offered_to == client;
	assert_status(at->client == client || is_offered ? LESSOR_OK
		      : at->client != NOBODY             ? LESSOR_OTHER_CLIENT
							 : LESSOR_NOT_FOUND,
		      decline(client, address, model_now, 30));
	if (at->client == client || is_offered) {
		*at = (model_t){.client = address == RESERVED ? client : STRANGER,
				.offered_to = NOBODY,
				.is_declined = true,
				.expires_at = model_now + 30 * SECONDS};
	}
}

static void
check_create(uint32_t client, uint32_t address) {
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(address, client, id);
	model_t *at = &model[address - SUBNET];
	lease.expires_at = model_now + 20 * SECONDS;
	const bool is_others = at->client != NOBODY || (address == RESERVED && client != LUCKY);
	const lessor_status_t expected = is_others                        ? LESSOR_ADDRESS_TAKEN
					 : model_find(client, false) != 0 ? LESSOR_CLIENT_TAKEN
									  : LESSOR_OK;
	assert_status(expected, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	if (expected == LESSOR_OK) {
		*at = (model_t){.client = client, .offered_to = NOBODY, .expires_at = lease.expires_at};
	}
}

static void
check_sweep(uint32_t seconds) {
	model_now += seconds * SECONDS;
	sweep(model_now);
	for (uint32_t i = 0; i < ADDRESSES; i++) {
		if (model[i].client != NOBODY && model[i].expires_at <= model_now && SUBNET + i != RESERVED &&
		    !model[i].is_kept) {
			model[i].client = NOBODY;
			model[i].is_declined = false;
		}
	}
}

static void
check_withdraw(uint32_t client) {
	const uint32_t own = model_find(client, false);
	const bool is_kept = own != 0 && model[own - SUBNET].is_kept;
	assert_status(model_find(client, true) != 0 || is_kept ? LESSOR_OK : LESSOR_NOT_FOUND, withdraw(client));
	model_end_offer(client);
	if (is_kept) {
		model[own - SUBNET].is_kept = false;
	}
}

static void
check_all(void) {
	uint64_t in_use = 0;
	uint64_t pending = 0;
	for (uint32_t i = 0; i < ADDRESSES; i++) {
		const bool is_used = model[i].client != NOBODY || SUBNET + i == RESERVED;
		in_use += in_pool(SUBNET + i) && is_used;
		pending += in_pool(SUBNET + i) && model[i].client == NOBODY && model[i].offered_to != NOBODY;
		if (model[i].client != NOBODY) {
			assert_int_equal(lease_at(SUBNET + i).expires_at, model[i].expires_at);
		} else {
			assert_no_lease(SUBNET + i);
		}
	}
	assert_figures(in_use, pending);
}

static void
one_step(torture_random_t *random) {
	const uint32_t client = torture_below(random, CLIENTS);
	const uint32_t before = model_find(client, torture_below(random, 2) == 0);
	const bool is_any = before == 0 || torture_below(random, 3) == 0;
	const uint32_t address = is_any ? SUBNET + 8 + torture_below(random, 24) : before;
	const uint32_t what = torture_below(random, 100);
	if (what < 35) {
		check_offer(client, torture_below(random, 2) == 0 ? address : 0, torture_below(random, 50) == 0);
	} else if (what < 65) {
		check_bind(client, address);
	} else if (what < 75) {
		check_release(client, address);
	} else if (what < 80) {
		check_decline(client, address);
	} else if (what < 87) {
		check_withdraw(client);
	} else if (what < 92) {
		check_create(client, address);
	} else {
		check_sweep(torture_below(random, 10));
	}
}

static void
it_answers_as_a_naive_model(void **state) {
	torture_random_t random = torture_random(1);
	const unsigned long steps = scratch_number("LESSOR_TEST_STEPS", scratch_is_sanitized() ? 3000 : 20000);
	(void)state;
	for (uint32_t i = 0; i < ADDRESSES; i++) {
		model[i] = (model_t){.client = NOBODY, .offered_to = NOBODY};
	}
	model_now = NOW;
	check_bind(LUCKY + 1, LAST); /* so that the reservation is not the only thing there */
	assert_status(LESSOR_OK, bind_until(LUCKY, FIRST, NOW, NOW));
	reserve(LUCKY, RESERVED);
	sweep(NOW);
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
#define BIG       IP(10, 3, 0, 0)
#define BIG_SIZE  4096u
#define BIG_FIRST (BIG + 1)
#define BIG_LAST  (BIG + BIG_SIZE - 2)
#define LEFT      6u /* addresses that are free at first */

static _Atomic uint32_t owner[BIG_SIZE];
static unsigned thread_rounds;

static lessor_status_t
end_lease_of(uint32_t address) {
	return lessor_lease_delete(engine, address, NULL, 0, LESSOR_ASYNC, NULL);
}

/* One whole exchange with a client, sometimes broken off. An address that one was offered is nobody else's until one gives it up. */
static void
serve(torture_random_t *random, uint32_t number, uint32_t client) {
	uint8_t id[6];
	lessor_offer_t offer;
	lessor_lease_t lease = scratch_lease_numbered(1, client, id);
	const uint32_t hint = torture_below(random, 3) == 0 ? BIG + torture_below(random, BIG_SIZE) : 0;
	const lessor_status_t status = ask(BIG, client, hint, HOUR_MS, 0, NOW, &offer);
	if (status == LESSOR_EXHAUSTED) {
		return;
	}
	REQUIRE_STATUS(status, LESSOR_OK);
	REQUIRE(offer.address >= BIG_FIRST && offer.address <= BIG_LAST);
	REQUIRE(atomic_exchange(&owner[offer.address - BIG], number) == 0);
	if (torture_below(random, 3) == 0) {
		REQUIRE(atomic_exchange(&owner[offer.address - BIG], 0) == number);
		REQUIRE_STATUS(lessor_offer_withdraw(engine, BIG, id, sizeof(id)), LESSOR_OK);
		return;
	}
	lease.address = offer.address;
	REQUIRE_STATUS(lessor_lease_bind(engine, &lease, NOW, LESSOR_ASYNC, NULL), LESSOR_OK);
	if (torture_below(random, 2) == 0) {
		REQUIRE_STATUS(lessor_lease_bind(engine, &lease, NOW, LESSOR_ASYNC, NULL), LESSOR_OK);
	}
	REQUIRE(atomic_exchange(&owner[offer.address - BIG], 0) == number);
	REQUIRE_STATUS(end_lease_of(offer.address), LESSOR_OK);
}

static void *
serve_many(void *argument) {
	const uint32_t number = *(uint32_t *)argument;
	torture_random_t random = torture_random(100 + number);
	for (unsigned round = 0; round < thread_rounds; round++) {
		const uint32_t client = number << 24 | round % 64;
		if (number ==
		    1) { /* what vanishes by itself, and is anybody's afterwards; and who asks for no offers */
			uint8_t id[6];
			lessor_offer_t offer;
			lessor_lease_t lease = scratch_lease_numbered(1, client | 1u << 16, id);
			(void)ask(BIG, client, 0, 1, 0, NOW, &offer);
			if (lessor_lease_allocate(engine, BIG, 0, &lease, LESSOR_ASYNC, NULL) == LESSOR_OK) {
				REQUIRE(atomic_exchange(&owner[lease.address - BIG], number) == 0);
				REQUIRE(atomic_exchange(&owner[lease.address - BIG], 0) == number);
				REQUIRE_STATUS(end_lease_of(lease.address), LESSOR_OK);
			}
		} else {
			serve(&random, number, client);
		}
	}
	return NULL;
}

static void
threads_compete_for_the_last_addresses(void **state) {
	pthread_t threads[THREADS];
	uint32_t numbers[THREADS];
	lessor_offer_t offer;
	lessor_scope_t scope = scratch_scope(BIG, ~(BIG_SIZE - 1));
	(void)state;
	scope.has_range = true;
	scope.range = (lessor_range_t){BIG_FIRST, BIG_LAST};
	assert_status(LESSOR_OK, lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL));
	for (uint32_t i = 0; i < BIG_SIZE - 2 - LEFT; i++) {
		uint8_t id[6];
		lessor_lease_t lease = scratch_lease_numbered(0, UINT32_C(0x7F000000) | i, id);
		assert_status(LESSOR_OK, lessor_lease_allocate(engine, BIG, 0, &lease, LESSOR_ASYNC, NULL));
		atomic_store(&owner[lease.address - BIG], THREADS + 1);
	}
	thread_rounds = scratch_is_sanitized() ? 5000 : 50000;
	for (uint32_t i = 0; i < THREADS; i++) {
		numbers[i] = i + 1;
		assert_int_equal(pthread_create(&threads[i], NULL, serve_many, &numbers[i]), 0);
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	sleep_ms(3);
	lessor_scope_stats_t stats;
	assert_status(LESSOR_OK, lessor_scope_stats(engine, BIG, &stats));
	assert_int_equal(stats.pending, 0);
	assert_int_equal(stats.free, LEFT);
	torture_require_sound(engine);
	for (uint32_t i = 0; i < LEFT; i++) {
		assert_status(LESSOR_OK, ask(BIG, 1000 + i, 0, HOUR_MS, 0, NOW, &offer));
		assert_int_equal(atomic_exchange(&owner[offer.address - BIG], 1), 0);
	}
	assert_status(LESSOR_EXHAUSTED, ask(BIG, 2000, 0, HOUR_MS, 0, NOW, &offer));
}

#define RACE_ADDRESS (SUBNET + 20)
#define RACE_ROUND   ((lessor_filetime_t)20 * SECONDS)
#define RACE_ROUNDS  (scratch_is_sanitized() ? 2000u : 20000u)

static pthread_barrier_t race_barrier;

/* Before a round begins and when it has ended. */
static void
meet(void) {
	(void)pthread_barrier_wait(&race_barrier);
}

static void *
renew_again_and_again(void *argument) {
	(void)argument;
	for (uint32_t i = 0; i < RACE_ROUNDS; i++) {
		const lessor_filetime_t now = NOW + i * RACE_ROUND;
		meet();
		const lessor_status_t status = bind_until(1, RACE_ADDRESS, now + RACE_ROUND, now);
		REQUIRE(status == LESSOR_OK || status == LESSOR_CONFLICT);
		meet();
	}
	return NULL;
}

/* The reservation leaves the address its client's, so that the renewal could go on what it had seen before. */
static void
no_renewal_takes_a_decline_back(void **state) {
	pthread_t thread;
	(void)state;
	reserve(1, RACE_ADDRESS);
	assert_int_equal(pthread_barrier_init(&race_barrier, NULL, 2), 0);
	assert_int_equal(pthread_create(&thread, NULL, renew_again_and_again, NULL), 0);
	for (uint32_t i = 0; i < RACE_ROUNDS; i++) {
		const lessor_filetime_t now = NOW + i * RACE_ROUND;
		REQUIRE_STATUS(bind_until(1, RACE_ADDRESS, now + RACE_ROUND, now), LESSOR_OK);
		meet();
		REQUIRE_STATUS(decline(1, RACE_ADDRESS, now, 10), LESSOR_OK);
		meet();
		REQUIRE((lease_at(RACE_ADDRESS).address_state & LESSOR_STATE_MASK) == LESSOR_STATE_DECLINED);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(pthread_barrier_destroy(&race_barrier), 0);
}

/* ---- restarts and sweeps --------------------------------------------------------------------------------------------- */

static void
offers_vanish_and_leases_stay(void **state) {
	char directory[SCRATCH_PATH_BYTES];
	char copy[SCRATCH_PATH_BYTES];
	lessor_ticket_t ticket = 0;
	(void)state;
	assert_status(LESSOR_OK, lessor_close(&engine));
	scratch_make_fast(directory);
	scratch_make_fast(copy);
	engine = scratch_open_log(directory);
	add_scope(SUBNET);
	const uint32_t bound = offered(1, 0);
	const uint32_t declined = offered(2, 0);
	const uint32_t released = offered(3, 0);
	(void)offered(4, 0);
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(bound, 1, id);
	assert_status(LESSOR_OK, lessor_lease_bind(engine, &lease, NOW, LESSOR_SYNC, &ticket));
	assert_int_not_equal(ticket, 0);
	assert_status(LESSOR_OK, decline(2, declined, NOW, 60));
	assert_status(LESSOR_OK, bind_to(3, released));
	assert_status(LESSOR_OK, release(3, released, NOW));
	assert_status(LESSOR_OK, lessor_ticket_wait(engine, lessor_last_ticket(engine), -1));
	assert_figures(3, 1);
	scratch_copy(directory, copy); /* as a crash leaves it */
	scratch_close(engine);
	engine = scratch_open_log(copy);
	assert_figures(3, 0);
	assert_int_equal(lease_at(bound).expires_at, LESSOR_TIME_INFINITE);
	assert_int_equal(lease_at(declined).address_state, LESSOR_STATE_DECLINED);
	assert_int_equal(offered(3, 0), released);
	scratch_remove(directory);
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
	scratch_close(engine);
	scratch_remove(copy);
	(void)open_engine(NULL);
}

static void
the_engine_sweeps_by_itself(void **state) {
	lessor_options_t options;
	lessor_scope_stats_t stats;
	(void)state;
	assert_status(LESSOR_OK, lessor_close(&engine));
	scratch_options_memory(&options);
	options.sweep_interval_s = 1;
	options.sweep_grace_s = 3600;
	assert_status(LESSOR_OK, lessor_open(NULL, &options, &engine, NULL));
	add_scope(SUBNET);
	const lessor_filetime_t now = lessor_time_now();
	assert_status(LESSOR_OK, bind_until(1, FIRST, now - 7200 * SECONDS, now));
	assert_status(LESSOR_OK, bind_until(2, FIRST + 1, now - 1800 * SECONDS, now)); /* in grace */
	assert_status(LESSOR_OK, bind_until(3, FIRST + 2, LESSOR_TIME_INFINITE, now));
	for (unsigned i = 0; i < 300; i++) {
		assert_status(LESSOR_OK, lessor_scope_stats(engine, SUBNET, &stats));
		if (stats.expires != 0) {
			break;
		}
		sleep_ms(100);
	}
	assert_int_equal(stats.expires, 1);
	assert_no_lease(FIRST);
	assert_figures(2, 0);
}

static void
a_jump_of_the_clock_is_waited_out(void **state) {
	lsr_sweeper_t sweeper = {.wall = NOW, .monotonic_ns = 1000};
	const uint64_t second_ns = UINT64_C(1000000000);
	(void)state;
	assert_true(lsr_sweeper_is_steady(&sweeper, NOW + 60 * SECONDS, 1000 + 60 * second_ns));
	assert_false(lsr_sweeper_is_steady(&sweeper, NOW + 100000 * SECONDS, 1000 + 120 * second_ns));
	assert_true(lsr_sweeper_is_steady(&sweeper, NOW + 100060 * SECONDS, 1000 + 180 * second_ns)); /* it lasts */
	assert_false(lsr_sweeper_is_steady(&sweeper, NOW + 240 * SECONDS, 1000 + 240 * second_ns));   /* back again */
	assert_true(lsr_sweeper_is_steady(&sweeper, NOW + 300 * SECONDS, 1000 + 300 * second_ns));
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_offer_holds_and_is_no_lease, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(an_offer_vanishes_by_itself, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(an_offer_again_stands_longer, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(bad_questions_are_refused, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(a_bad_lease_is_refused_first, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(too_many_clients_are_refused, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(a_lease_or_reservation_ends_an_offer, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(offers_follow_the_changes_of_their_scope, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(an_offer_does_not_outlive_its_scope, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(a_lease_is_bound_and_goes_on, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(a_released_address_waits_for_its_client, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(an_offer_keeps_what_is_over, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(what_is_kept_is_swept_behind_the_offer, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(a_declined_address_is_kept_away, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(a_decline_leaves_an_offer_elsewhere, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(a_reservation_comes_first, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(an_exhausted_scope_has_more, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(it_answers_as_a_naive_model, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(threads_compete_for_the_last_addresses, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(no_renewal_takes_a_decline_back, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(offers_vanish_and_leases_stay, open_engine, close_engine),
		cmocka_unit_test_setup_teardown(the_engine_sweeps_by_itself, open_engine, close_engine),
		cmocka_unit_test(a_jump_of_the_clock_is_waited_out),
	};
	(void)torture_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
