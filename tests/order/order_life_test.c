/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a DHCP server does, in every order of two threads' steps with a few preemptions: offers that end while others look for an address; what is decided under the claim;
 * and changes that have claimed all they need when there is no room in the log any more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <lessor/lessor.h>

#include "engine_p.h"
#include "lease_history.h"
#include "memory_disk.h"
#include "order.h"
#include "torture.h"

#define SUBNET  UINT32_C(0x0A200000)
#define OTHER   UINT32_C(0x0A210000)
#define CLIENTS 8u
#define FIRST   (SUBNET + 1)
#define SECOND  (SUBNET + 2)
#define NOW     (UINT64_C(13350000000) * LESSOR_TICKS_PER_SECOND)
#define SOON    (NOW + LESSOR_TICKS_PER_SECOND)
#define LATER   (NOW + 100 * LESSOR_TICKS_PER_SECOND)

static lessor_engine_t *engine;

/* What the bodies were answered. */
static struct {
	lessor_status_t status;
	uint32_t address;
	uint32_t other;
	uint64_t pending;
} answers[ORDER_BODIES_MAX];

/* ---- calls ------------------------------------------------------------------------------------------------------------ */

static uint8_t
id_of(uint32_t client, uint8_t id[6]) {
	const uint8_t bytes[6] = {2, 0, 0, 0, 0, (uint8_t)client};
	memcpy(id, bytes, sizeof(bytes));
	return sizeof(bytes);
}

static lessor_status_t
ask(uint32_t subnet, uint32_t client, uint32_t hold_ms, uint32_t flags, uint32_t *address) {
	uint8_t id[6];
	const lessor_offer_request_t request = {.flags = flags,
						.subnet = subnet,
						.client_id_bytes = id_of(client, id),
						.client_id = id,
						.hold_ms = hold_ms,
						.now = NOW};
	lessor_offer_t made = {0};
	const lessor_status_t status = lessor_offer_make(engine, &request, &made);
	*address = made.address;
	return status;
}

static lessor_status_t
offer(uint32_t subnet, uint32_t client, uint32_t hold_ms, uint32_t *address) {
	return ask(subnet, client, hold_ms, 0, address);
}

static void
offered(uint32_t subnet, uint32_t client, uint32_t hold_ms) {
	uint32_t address;
	REQUIRE_STATUS(offer(subnet, client, hold_ms, &address), LESSOR_OK);
}

static lessor_lease_t
lease_of(uint32_t address, uint32_t client, uint8_t id[6]) {
	lessor_lease_t lease;
	lessor_lease_init(&lease);
	lease.address = address;
	lease.client_id_bytes = id_of(client, id);
	lease.client_id = id;
	lease.expires_at = LATER;
	return lease;
}

static lessor_status_t
allocate(uint32_t client, uint32_t *address) {
	uint8_t id[6];
	lessor_lease_t lease = lease_of(0, client, id);
	const lessor_status_t status = lessor_lease_allocate(engine, SUBNET, 0, &lease, LESSOR_ASYNC, NULL);
	*address = lease.address;
	return status;
}

static void
offer_in_body(void *context) {
	const unsigned body = order_body();
	(void)context;
	answers[body].status = offer(SUBNET, body, 1000, &answers[body].address);
}

static void
offer_what_is_over_in_body(void *context) {
	const unsigned body = order_body();
	(void)context;
	answers[body].status = ask(SUBNET, body, 1000, LESSOR_OFFER_RECLAIM, &answers[body].address);
}

static void
allocate_in_body(void *context) {
	const unsigned body = order_body();
	(void)context;
	answers[body].status = allocate(body, &answers[body].address);
}

static void
offer_elsewhere_in_body(void *context) {
	const unsigned body = order_body();
	(void)context;
	answers[body].status = offer(OTHER, body, 1000, &answers[body].address);
}

static void
sweep_and_allocate_in_body(void *context) {
	const unsigned body = order_body();
	lessor_cursor_t cursor;
	(void)context;
	lessor_cursor_init(&cursor, SUBNET, SUBNET + 255);
	answers[body].status = lessor_expire(engine, NOW, NULL, &cursor, NULL, LESSOR_ASYNC, NULL);
	(void)allocate(6, &answers[body].address);
	(void)allocate(7, &answers[body].other);
}

static void
count_in_body(void *context) {
	const unsigned body = order_body();
	lessor_scope_stats_t stats;
	(void)context;
	answers[body].status = lessor_scope_stats(engine, SUBNET, &stats);
	answers[body].pending = stats.pending;
}

static void
renew_in_body(void *context) {
	uint8_t id[6];
	const lessor_lease_t lease = lease_of(FIRST, 0, id);
	(void)context;
	answers[order_body()].status = lessor_lease_bind(engine, &lease, NOW, LESSOR_ASYNC, NULL);
}

static void
release_in_body(void *context) {
	uint8_t id[6];
	const uint8_t id_bytes = id_of(0, id);
	(void)context;
	answers[order_body()].status = lessor_lease_release(engine, FIRST, id, id_bytes, NOW, LESSOR_ASYNC, NULL);
}

static void
force_earlier_in_body(void *context) {
	(void)context;
	answers[order_body()].status = lessor_lease_release(engine, FIRST, NULL, 0, NOW - 1, LESSOR_ASYNC, NULL);
}

static void
decline_in_body(void *context) {
	(void)context;
	answers[order_body()].status = lessor_lease_decline(engine, FIRST, NULL, 0, NOW, 60, LESSOR_ASYNC, NULL);
}

static void
reserve_in_body(void *context) {
	uint8_t id[6];
	const lessor_reservation_t reservation = {
		.address = FIRST, .client_id_bytes = id_of(0, id), .client_id = id, .client_types = LESSOR_CLIENT_DHCP};
	(void)context;
	answers[order_body()].status = lessor_reservation_create(engine, SUBNET, &reservation, LESSOR_ASYNC, NULL);
}

/* ---- scenes ----------------------------------------------------------------------------------------------------------- */

static void
add_scope(uint32_t subnet) {
	const lessor_scope_t scope = {
		.subnet = subnet, .mask = 0xFFFFFF00u, .has_range = true, .range = {subnet + 1, subnet + 2}};
	REQUIRE_STATUS(lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL), LESSOR_OK);
}

/* As in the beginning. */
static void
clear(void) {
	for (uint32_t client = 0; client < CLIENTS; client++) {
		uint8_t id[6];
		const uint8_t id_bytes = id_of(client, id);
		(void)lessor_offer_withdraw(engine, SUBNET, id, id_bytes);
		(void)lessor_offer_withdraw(engine, OTHER, id, id_bytes);
	}
	for (uint32_t address = FIRST; address <= SECOND; address++) {
		(void)lessor_reservation_delete(engine, SUBNET, address, NULL, 0, 1000, LESSOR_ASYNC, NULL);
		(void)lessor_lease_delete(engine, address, NULL, 0, LESSOR_ASYNC, NULL);
		(void)lessor_lease_delete(engine, address - SUBNET + OTHER, NULL, 0, LESSOR_ASYNC, NULL);
	}
	torture_require_sound(engine);
	REQUIRE(atomic_load(&engine->offers.count) == 0);
}

/* What comes once - pages, the offers' tables - is there before the first run. */
static void
warm_up(void) {
	for (uint32_t client = 0; client < CLIENTS; client++) {
		uint32_t address;
		offered(SUBNET, client, 1000);
		clear();
		offered(OTHER, client, 1000);
		clear();
		REQUIRE_STATUS(allocate(client, &address), LESSOR_OK);
		clear();
	}
}

static void
run(const char *name, unsigned preemptions, uint32_t max_offers, void (*begin)(void *), void (*first)(void *),
    void (*second)(void *), void (*end)(void *)) {
	lessor_options_t options;
	lessor_options_init(&options);
	options.log = false;
	options.max_leases = 1u << 16;
	options.max_offers = max_offers;
	REQUIRE_STATUS(lessor_open(NULL, &options, &engine, NULL), LESSOR_OK);
	add_scope(SUBNET);
	add_scope(OTHER);
	const order_scene_t scene = {.name = name,
				     .bodies = 2,
				     .preemptions = preemptions,
				     .begin = begin,
				     .body = {first, second},
				     .end = end};
	warm_up();
	REQUIRE(order_run(&scene) > 1);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
}

/* ---- offers that are over ----------------------------------------------------------------------------------------------- */

static void
pool_of_old_offers(void *context) {
	(void)context;
	offered(SUBNET, 5, 1);
	offered(SUBNET, 6, 1);
	order_pass_ms(10);
}

static void
both_have_one(void *context) {
	(void)context;
	REQUIRE_STATUS(answers[0].status, LESSOR_OK);
	REQUIRE_STATUS(answers[1].status, LESSOR_OK);
	REQUIRE(answers[0].address != answers[1].address);
	clear();
}

static void
nothing_is_pending(void *context) {
	(void)context;
	for (unsigned body = 0; body < 2; body++) {
		REQUIRE_STATUS(answers[body].status, LESSOR_OK);
		REQUIRE(answers[body].pending == 0);
	}
	clear();
}

static void
what_is_over_is_in_nobodys_way(void **state) {
	(void)state;
	run("offer | offer: all is over", 2, 8, pool_of_old_offers, offer_in_body, offer_in_body, both_have_one);
	run("offer | allocate: all is over", 2, 8, pool_of_old_offers, offer_in_body, allocate_in_body, both_have_one);
	run("allocate | allocate: all is over", 2, 8, pool_of_old_offers, allocate_in_body, allocate_in_body,
	    both_have_one);
	run("count | count: all is over", 2, 8, pool_of_old_offers, count_in_body, count_in_body, nothing_is_pending);
	run("offer | offer: as many as there may be", 2, 2, pool_of_old_offers, offer_in_body, offer_elsewhere_in_body,
	    both_have_one);
}

/* Both addresses are leased; there may be one offer. */
static void
full_scope(void *context) {
	uint32_t address;
	(void)context;
	REQUIRE_STATUS(allocate(5, &address), LESSOR_OK);
	REQUIRE_STATUS(allocate(6, &address), LESSOR_OK);
}

static void
one_is_exhausted(void *context) {
	(void)context;
	REQUIRE_STATUS(answers[0].status, LESSOR_EXHAUSTED);
	REQUIRE_STATUS(answers[1].status, LESSOR_OK);
	clear();
}

static void
what_never_was_counts_against_nobody(void **state) {
	(void)state;
	run("offer in vain | offer: one there may be", 2, 1, full_scope, offer_in_body, offer_elsewhere_in_body,
	    one_is_exhausted);
}

/* ---- offers of what is over ---------------------------------------------------------------------------------------------- */

static void
old_lease(void *context) {
	uint8_t id[6];
	lessor_lease_t lease = lease_of(FIRST, 0, id);
	(void)context;
	lease.expires_at = NOW;
	REQUIRE_STATUS(lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL), LESSOR_OK);
}

/* It is the client's, whether the sweep or the offer was first. */
static void
nobody_else_has_it(void *context) {
	uint8_t id[6];
	const uint32_t address = answers[0].address;
	const lessor_lease_t lease = lease_of(address, 0, id);
	(void)context;
	REQUIRE(answers[1].status == LESSOR_OK || answers[1].status == LESSOR_END);
	if (answers[0].status == LESSOR_OK) {
		REQUIRE(answers[1].address != address && answers[1].other != address);
		REQUIRE_STATUS(lessor_lease_bind(engine, &lease, NOW, LESSOR_ASYNC, NULL), LESSOR_OK);
	} else {
		REQUIRE_STATUS(answers[0].status, LESSOR_EXHAUSTED);
		REQUIRE(answers[1].address != 0 && answers[1].other != 0);
	}
	clear();
}

static void
pool_of_old_leases(void *context) {
	(void)context;
	for (uint32_t address = FIRST; address <= SECOND; address++) {
		uint8_t id[6];
		lessor_lease_t lease = lease_of(address, address - SUBNET + 4, id);
		lease.expires_at = NOW;
		REQUIRE_STATUS(lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL), LESSOR_OK);
	}
}

static void
what_is_over_is_there_for_all(void **state) {
	(void)state;
	run("offer | offer: all leases are over", 2, 8, pool_of_old_leases, offer_what_is_over_in_body,
	    offer_what_is_over_in_body, both_have_one);
}

static void
what_is_offered_is_held(void **state) {
	(void)state;
	run("offer | sweep, allocate: a lease that is over", 2, 8, old_lease, offer_in_body, sweep_and_allocate_in_body,
	    nobody_else_has_it);
}

/* ---- what is decided under the claim ------------------------------------------------------------------------------------- */

static void
lease(void *context) {
	uint8_t id[6];
	lessor_lease_t made = lease_of(FIRST, 0, id);
	(void)context;
	made.expires_at = SOON;
	made.name = "printer";
	REQUIRE_STATUS(lessor_lease_create(engine, &made, LESSOR_ASYNC, NULL), LESSOR_OK);
}

static lessor_lease_t
lease_there(void) {
	static uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
	lessor_lease_t there;
	REQUIRE_STATUS(lessor_lease_get(engine, FIRST, &there, buffer, sizeof(buffer)), LESSOR_OK);
	return there;
}

static void
the_last_one_counts(void *context) {
	const lessor_filetime_t expires_at = lease_there().expires_at;
	(void)context;
	REQUIRE_STATUS(answers[0].status, LESSOR_OK);
	REQUIRE_STATUS(answers[1].status, LESSOR_OK);
	REQUIRE(expires_at == NOW || expires_at == LATER);
	clear();
}

static void
the_earlier_end_counts(void *context) {
	(void)context;
	REQUIRE_STATUS(answers[0].status, LESSOR_OK);
	REQUIRE_STATUS(answers[1].status, LESSOR_OK);
	REQUIRE(lease_there().expires_at == NOW - 1);
	clear();
}

static void
renew_and_release_in_body(void *context) {
	renew_in_body(context);
	REQUIRE_STATUS(answers[order_body()].status, LESSOR_OK);
	release_in_body(context);
}

static void
it_is_over(void *context) {
	(void)context;
	REQUIRE_STATUS(answers[0].status, LESSOR_OK);
	REQUIRE_STATUS(answers[1].status, LESSOR_OK);
	REQUIRE(lease_there().expires_at == NOW);
	clear();
}

static void
a_release_ends_what_is_there(void **state) {
	(void)state;
	run("release | renew", 2, 8, lease, release_in_body, renew_in_body, the_last_one_counts);
	run("release | renew, release", 2, 8, lease, release_in_body, renew_and_release_in_body, it_is_over);
	run("release | release: the earlier one", 2, 8, lease, release_in_body, force_earlier_in_body,
	    the_earlier_end_counts);
	run("release | renew, release: over already", 2, 8, old_lease, release_in_body, renew_and_release_in_body,
	    it_is_over);
}

/* Reserved or not, never half: a reservation that was first keeps client and name, one that was late finds somebody else's lease. */
static void
it_is_declined(void *context) {
	uint8_t id[6];
	const uint8_t id_bytes = id_of(0, id);
	const lessor_lease_t there = lease_there();
	const bool is_reserved = answers[1].status == LESSOR_OK;
	(void)context;
	REQUIRE_STATUS(answers[0].status, LESSOR_OK);
	REQUIRE(is_reserved || answers[1].status == LESSOR_ADDRESS_TAKEN);
	REQUIRE((there.address_state & LESSOR_STATE_MASK) == LESSOR_STATE_DECLINED);
	REQUIRE(there.is_reserved == is_reserved);
	REQUIRE(is_reserved == (there.client_id_bytes == id_bytes && memcmp(there.client_id, id, id_bytes) == 0));
	REQUIRE(is_reserved == (there.name == NULL || strcmp(there.name, "BAD_ADDRESS") != 0));
	clear();
}

static void
nothing(void *context) {
	(void)context;
}

static void
a_decline_leaves_a_reservation_whole(void **state) {
	(void)state;
	run("decline | reserve: the client's lease", 2, 8, lease, decline_in_body, reserve_in_body, it_is_declined);
	run("decline | reserve: nothing there", 2, 8, nothing, decline_in_body, reserve_in_body, it_is_declined);
}

/* ---- no room in the log --------------------------------------------------------------------------------------------------- */

static char directory[256]; /* only to be locked */
static memory_image_t *empty_store;
static memory_image_t *store;
static uint64_t log_room;
static void (*prepare)(void *context);

static void
open_store(void) {
	lessor_options_t options;
	lessor_options_init(&options);
	options.max_leases = 1u << 16;
	options.ring_size_bytes = options.segment_size_bytes = LSR_RING_MIN_BYTES;
	options.snapshot_after_bytes = UINT64_MAX;
	REQUIRE_STATUS(lessor_open(directory, &options, &engine, NULL), LESSOR_OK);
}

/* The writer does not go on, and with it the limit, before both bodies wait. */
static void
open_with_little_room(void *context) {
	memory_disk_load(empty_store);
	open_store();
	warm_up();
	prepare(context);
	order_settle();
	atomic_store(&engine->log.limit, lsr_log_tail(&engine->log) + log_room);
}

static void
create_in_body(void *context) {
	uint8_t id[6];
	const lessor_lease_t lease = lease_of(SECOND, 5, id);
	(void)context;
	answers[order_body()].status = lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL);
}

static void
create_first_in_body(void *context) {
	uint8_t id[6];
	const lessor_lease_t lease = lease_of(FIRST, 6, id);
	(void)context;
	answers[order_body()].status = lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL);
}

static void
create_twice_in_body(void *context) {
	uint8_t id[6];
	const lessor_lease_t lease = lease_of(FIRST, 5, id);
	(void)context;
	answers[order_body()].status = lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL);
}

static void
create_second_in_body(void *context) {
	uint8_t id[6];
	const lessor_lease_t lease = lease_of(SECOND, 6, id);
	(void)context;
	answers[order_body()].status = lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL);
}

static void
batch_in_body(void *context) {
	uint8_t id[6];
	const lessor_lease_t lease = lease_of(FIRST, 6, id);
	lessor_status_t *status = &answers[order_body()].status;
	(void)context;
	REQUIRE_STATUS(lessor_lease_create_batch(engine, &lease, 1, status, LESSOR_ASYNC, NULL), LESSOR_OK);
}

static void
delete_in_body(void *context) {
	(void)context;
	answers[order_body()].status = lessor_lease_delete(engine, FIRST, NULL, 0, LESSOR_ASYNC, NULL);
}

static void
sweep_in_body(void *context) {
	lessor_cursor_t cursor;
	lessor_expire_report_t report;
	(void)context;
	lessor_cursor_init(&cursor, FIRST, FIRST);
	answers[order_body()].status = lessor_expire(engine, NOW, NULL, &cursor, &report, LESSOR_ASYNC, NULL);
	REQUIRE(report.removed == 1);
}

static unsigned
leases_there(void) {
	uint64_t count;
	REQUIRE_STATUS(lessor_lease_count(engine, SUBNET, SUBNET + 255, &count), LESSOR_OK);
	return (unsigned)count;
}

/* Whoever came late has waited: nobody was refused, or half done; and so it is on the disk. */
static void
close_and_look(unsigned leases, unsigned entries) {
	for (unsigned look = 0; look < 2; look++) {
		REQUIRE(leases_there() == leases);
		REQUIRE(lease_history_entries(engine) == entries);
		torture_require_sound(engine);
		REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
		if (look == 0) {
			memory_disk_keep(&store);
			memory_disk_load(store);
			open_store();
		}
	}
}

static void
both_are_there(void *context) {
	(void)context;
	REQUIRE_STATUS(answers[0].status, LESSOR_OK);
	REQUIRE_STATUS(answers[1].status, LESSOR_OK);
	close_and_look(2, 2);
}

static void
both_are_there_and_reserved(void *context) {
	(void)context;
	REQUIRE_STATUS(answers[0].status, LESSOR_OK);
	REQUIRE_STATUS(answers[1].status, LESSOR_OK);
	close_and_look(2, 3);
}

static void
one_is_there(void *context) {
	(void)context;
	REQUIRE_STATUS(answers[0].status, LESSOR_OK);
	REQUIRE_STATUS(answers[1].status, LESSOR_OK);
	close_and_look(1, 1);
}

static void
one_of_them_is_there(void *context) {
	(void)context;
	REQUIRE((answers[0].status == LESSOR_OK) != (answers[1].status == LESSOR_OK));
	REQUIRE(answers[0].status == LESSOR_CLIENT_TAKEN || answers[1].status == LESSOR_CLIENT_TAKEN);
	close_and_look(1, 1);
}

static void
one_has_won(void *context) {
	const unsigned loser = answers[0].status == LESSOR_OK;
	(void)context;
	REQUIRE_STATUS(answers[1 - loser].status, LESSOR_OK);
	REQUIRE(answers[loser].status == LESSOR_CLIENT_TAKEN || answers[loser].status == LESSOR_ADDRESS_TAKEN);
	REQUIRE(leases_there() == 1);
	REQUIRE(lease_history_entries(engine) == 1);
	clear();
}

/* Both go straight through the steps, as most creates do. */
static void
two_plain_creates_have_one_winner(void **state) {
	(void)state;
	run("plain create | plain create: one address", 3, 8, nothing, create_in_body, create_second_in_body,
	    one_has_won);
	run("plain create | plain create: one client", 2, 8, nothing, create_in_body, create_twice_in_body,
	    one_has_won);
}

static void
run_with_room(const char *name, unsigned preemptions, uint64_t room, void (*begin)(void *), void (*other)(void *),
	      void (*end)(void *)) {
	const order_scene_t scene = {.name = name,
				     .bodies = 2,
				     .preemptions = preemptions,
				     .bodies_first = true,
				     .begin = open_with_little_room,
				     .body = {create_in_body, other},
				     .end = end};
	prepare = begin;
	log_room = room;
	REQUIRE(order_run(&scene) > 1);
}

static void
what_finds_no_room_gives_back_all(void **state) {
	(void)state;
	torture_make_directory(directory);
	memory_disk_use(NULL);
	open_store();
	add_scope(SUBNET);
	add_scope(OTHER);
	const uint64_t before = lsr_log_tail(&engine->log);
	uint32_t address;
	REQUIRE_STATUS(allocate(5, &address), LESSOR_OK);
	const uint64_t plain_bytes = lsr_log_tail(&engine->log) - before;
	clear();
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	memory_disk_keep(&empty_store);
	run_with_room("create | create: room for one", 2, plain_bytes, nothing, create_first_in_body, both_are_there);
	run_with_room("create | create: one client, room for one", 2, plain_bytes, nothing, create_twice_in_body,
		      one_of_them_is_there);
	run_with_room("create | batch: room for one", 1, plain_bytes, nothing, batch_in_body, both_are_there);
	run_with_room("create | delete: room for one", 1, plain_bytes, lease, delete_in_body, one_is_there);
	run_with_room("create | sweep: room for one", 1, plain_bytes, old_lease, sweep_in_body, one_is_there);
	run_with_room("create | renew: room for one", 1, plain_bytes + 16, lease, renew_in_body, both_are_there);
	run_with_room("create | reserve: room for one", 1, plain_bytes + 32, nothing, reserve_in_body,
		      both_are_there_and_reserved);
	run_with_room("create | reserve a lease: room for one", 1, plain_bytes + 32, lease, reserve_in_body,
		      both_are_there_and_reserved);
	torture_remove_directory(directory);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_over_is_in_nobodys_way),
		cmocka_unit_test(what_is_offered_is_held),
		cmocka_unit_test(what_is_over_is_there_for_all),
		cmocka_unit_test(a_release_ends_what_is_there),
		cmocka_unit_test(a_decline_leaves_a_reservation_whole),
		cmocka_unit_test(two_plain_creates_have_one_winner),
		cmocka_unit_test(what_finds_no_room_gives_back_all),
		cmocka_unit_test(what_never_was_counts_against_nobody),
	};
	return cmocka_run_group_tests_name("order_life", tests, NULL, NULL);
}
