/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reservations: what they promise, one rule after the other; and that they come back.
 *
 * The scope is 192.168.1.0/24 with the range .10 to .99 and the exclusion .20 to .29: a pool of 80.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"

#define SUBNET IP(192, 168, 1, 0)
#define MASK   UINT32_C(0xFFFFFF00)
#define NOW    UINT64_C(133500000000000000)
#define LATER  (NOW + LESSOR_DEFAULT_LEASE_S * LESSOR_TICKS_PER_SECOND)

static lessor_engine_t *engine;
static char directory[SCRATCH_PATH_BYTES];

static void
assert_sound(void) {
	lessor_report_t report;
	const lessor_status_t status = lessor_check(engine, &report);
	if (status != LESSOR_OK) {
		print_error("check: %s\n", report.sentence);
	}
	assert_status(LESSOR_OK, status);
}

static void
add_scope(void) {
	lessor_scope_t scope = scratch_scope(SUBNET, MASK);
	lessor_range_t excluded = {SUBNET + 20, SUBNET + 29};
	scope.has_range = true;
	scope.range = (lessor_range_t){SUBNET + 10, SUBNET + 99};
	scope.lease_s = LESSOR_DEFAULT_LEASE_S;
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
	assert_sound();
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

/* ---- short words ------------------------------------------------------------------------------------------------------ */

/* Clients: of six bytes, and every fifth of a hundred. */
typedef struct client {
	uint8_t id[100];
	uint8_t bytes;
} client_t;

static client_t
client(uint32_t number) {
	client_t made;
	memset(&made, 0x5A, sizeof(made));
	memcpy(made.id, &number, sizeof(number));
	made.bytes = number % 5 == 0 ? 100 : 6;
	return made;
}

static lessor_lease_t
lease_of(uint32_t host, const client_t *of) {
	return scratch_lease(SUBNET + host, of->id, of->bytes);
}

static lessor_status_t
create(uint32_t host, uint32_t number) {
	const client_t of = client(number);
	const lessor_lease_t lease = lease_of(host, &of);
	return lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL);
}

static lessor_status_t
create_state(uint32_t host, uint32_t number, uint8_t address_state) {
	const client_t of = client(number);
	lessor_lease_t lease = lease_of(host, &of);
	lease.address_state = address_state;
	return lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL);
}

static lessor_status_t
end(uint32_t host) {
	return lessor_lease_delete(engine, SUBNET + host, NULL, 0, LESSOR_ASYNC, NULL);
}

static lessor_status_t
reserve(uint32_t host, uint32_t number) {
	const client_t of = client(number);
	const lessor_reservation_t reservation = {.address = SUBNET + host,
						  .client_id = of.id,
						  .client_id_bytes = of.bytes,
						  .client_types = (uint8_t)(1 + host % 3)};
	return lessor_reservation_create(engine, SUBNET, &reservation, LESSOR_ASYNC, NULL);
}

static lessor_status_t
release(uint32_t host) {
	return lessor_reservation_delete(engine, SUBNET, SUBNET + host, NULL, 0, NOW, LESSOR_ASYNC, NULL);
}

static lessor_status_t
release_of(uint32_t host, uint32_t number) {
	const client_t of = client(number);
	return lessor_reservation_delete(engine, SUBNET, SUBNET + host, of.id, of.bytes, NOW, LESSOR_ASYNC, NULL);
}

static lessor_status_t
set_expiry(uint32_t host, lessor_filetime_t expires_at, uint32_t how) {
	lessor_lease_t lease;
	lessor_lease_init(&lease);
	lease.address = SUBNET + host;
	lease.expires_at = expires_at;
	return lessor_lease_update(engine, &lease, LESSOR_FIELD_EXPIRES | how, LESSOR_ASYNC, NULL);
}

static lessor_status_t
set_client(uint32_t host, uint32_t number) {
	const client_t of = client(number);
	const lessor_lease_t lease = lease_of(host, &of);
	return lessor_lease_update(engine, &lease, LESSOR_FIELD_CLIENT_ID, LESSOR_ASYNC, NULL);
}

static char texts[LESSOR_LEASE_BUFFER_BYTES];

/* The lease there. */
static lessor_lease_t
lease_at(uint32_t host) {
	lessor_lease_t lease;
	assert_status(LESSOR_OK, lessor_lease_get(engine, SUBNET + host, &lease, texts, sizeof(texts)));
	return lease;
}

static bool
has_lease(uint32_t host) {
	lessor_lease_t lease;
	const lessor_status_t status = lessor_lease_get(engine, SUBNET + host, &lease, texts, sizeof(texts));
	assert_true(status == LESSOR_OK || status == LESSOR_NOT_FOUND);
	return status == LESSOR_OK;
}

/* Where the client's lease is; 0: nowhere. */
static uint32_t
host_of(uint32_t number) {
	const client_t of = client(number);
	lessor_lease_t lease;
	const lessor_status_t status =
		lessor_lease_get_client(engine, SUBNET, of.id, of.bytes, &lease, texts, sizeof(texts));
	assert_true(status == LESSOR_OK || status == LESSOR_NOT_FOUND);
	return status == LESSOR_OK ? lease.address - SUBNET : 0;
}

/* Where the client's reservation is; 0: nowhere. */
static uint32_t
reserved_host_of(uint32_t number) {
	const client_t of = client(number);
	lessor_reservation_t reservation;
	const lessor_status_t status =
		lessor_reservation_get_client(engine, SUBNET, of.id, of.bytes, &reservation, texts, sizeof(texts));
	assert_true(status == LESSOR_OK || status == LESSOR_NOT_FOUND);
	return status == LESSOR_OK ? reservation.address - SUBNET : 0;
}

enum { EMPTY, DORMANT, LEASED };

/* Reserved for this client, in this way, by every way to ask. */
static void
assert_reserved(uint32_t host, uint32_t number, int how) {
	const client_t of = client(number);
	uint8_t buffer[LESSOR_CLIENT_ID_MAX_BYTES];
	lessor_reservation_t got;
	assert_status(LESSOR_OK, lessor_reservation_get(engine, SUBNET + host, &got, buffer, sizeof(buffer)));
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(got.address, SUBNET + host);
		assert_int_equal(got.client_types, 1 + host % 3);
		assert_int_equal(got.client_id_bytes, of.bytes);
		assert_memory_equal(got.client_id, of.id, of.bytes);
		assert_int_equal(got.has_lease, how != EMPTY);
		assert_int_equal(got.is_dormant, how == DORMANT);
		assert_status(LESSOR_OK,
			      lessor_reservation_next(engine, SUBNET, SUBNET + host, &got, buffer, sizeof(buffer)));
	}
	assert_int_equal(reserved_host_of(number), host);
	assert_int_equal(has_lease(host), how != EMPTY);
	assert_true(how == EMPTY || lease_at(host).is_reserved);
	assert_sound();
}

static void
assert_not_reserved(uint32_t host) {
	uint8_t buffer[LESSOR_CLIENT_ID_MAX_BYTES];
	lessor_reservation_t got;
	assert_status(LESSOR_NOT_FOUND, lessor_reservation_get(engine, SUBNET + host, &got, buffer, sizeof(buffer)));
	assert_true(!has_lease(host) || !lease_at(host).is_reserved);
	assert_sound();
}

static lessor_scope_stats_t
stats_now(void) {
	lessor_scope_stats_t stats;
	lessor_scope_stats_t recount;
	assert_status(LESSOR_OK, lessor_scope_stats(engine, SUBNET, &stats));
	assert_status(LESSOR_OK, lessor_scope_recount(engine, SUBNET, &recount));
	assert_int_equal(stats.in_use, recount.in_use);
	assert_int_equal(stats.leases, recount.leases);
	assert_int_equal(stats.leases_doomed, recount.leases_doomed);
	assert_int_equal(stats.free, stats.pool - stats.in_use);
	assert_int_equal(stats.creates, stats.leases + stats.deletes);
	return stats;
}

static void
assert_use(uint64_t in_use, uint64_t leases) {
	const lessor_scope_stats_t stats = stats_now();
	uint64_t count = UINT64_MAX;
	assert_int_equal(stats.in_use, in_use);
	assert_int_equal(stats.leases, leases);
	assert_status(LESSOR_OK, lessor_lease_count(engine, SUBNET, SUBNET + 255, &count));
	assert_int_equal(count, leases);
}

/* ---- the dormant lease ------------------------------------------------------------------------------------------------- */

static void
a_client_without_a_lease_gets_a_dormant_one(void **state) {
	(void)state;
	assert_status(LESSOR_OK, reserve(50, 1));
	assert_reserved(50, 1, DORMANT);
	assert_use(1, 1);
	assert_int_equal(stats_now().creates, 1);
	const lessor_lease_t lease = lease_at(50);
	assert_int_equal(lease.client_id_bytes, 6);
	assert_memory_equal(lease.client_id, client(1).id, 6);
	assert_int_equal(lease.subnet_mask, MASK);
	assert_int_equal(lease.expires_at, LESSOR_TIME_NONE);
	assert_int_equal(lease.client_type, LESSOR_CLIENT_NONE);
	assert_int_equal(lease.address_state, LESSOR_STATE_ACTIVE);
	assert_int_equal(lease.owner_address, UINT32_MAX);
	assert_null(lease.owner_name);
	assert_null(lease.name);
	assert_null(lease.comment);
	assert_null(lease.policy_name);
	assert_int_equal(lease.quarantine_status, LESSOR_NO_QUARANTINE);
	assert_int_equal(lease.hardware_bytes, 0);
	assert_int_equal(host_of(1), 50);
}

static void
it_keeps_address_and_client_from_others(void **state) {
	(void)state;
	assert_status(LESSOR_OK, reserve(50, 1));
	assert_status(LESSOR_ADDRESS_TAKEN, create(50, 1));
	assert_status(LESSOR_ADDRESS_TAKEN, create(50, 2));
	assert_status(LESSOR_CLIENT_TAKEN, create(60, 1));
	assert_status(LESSOR_RESERVED, reserve(50, 2));
	assert_status(LESSOR_RESERVED, reserve(51, 1));
	assert_status(LESSOR_RESERVED, reserve(50, 1));
	assert_reserved(50, 1, DORMANT);
	assert_use(1, 1);
}

static void
it_goes_with_its_reservation(void **state) {
	(void)state;
	assert_status(LESSOR_OK, reserve(50, 1));
	assert_status(LESSOR_OK, release(50));
	assert_not_reserved(50);
	assert_false(has_lease(50));
	assert_int_equal(host_of(1), 0);
	assert_int_equal(reserved_host_of(1), 0);
	assert_use(0, 0);
	assert_int_equal(stats_now().deletes, 1);
	assert_status(LESSOR_NOT_FOUND, release(50));
	assert_status(LESSOR_OK, create(50, 2));
	assert_status(LESSOR_OK, create(51, 1));
}

/* ---- the client has a lease -------------------------------------------------------------------------------------------- */

static void
a_lease_becomes_reserved_as_it_is(void **state) {
	(void)state;
	const client_t of = client(1);
	lessor_lease_t lease = lease_of(50, &of);
	lessor_ticket_t ticket;
	lease.name = "a name that does not fit into the record itself";
	lease.comment = "a comment";
	lease.expires_at = NOW;
	lease.client_type = LESSOR_CLIENT_BOOTP;
	lease.address_state = 0xA1;
	lease.quarantine_status = LESSOR_PROBATION;
	lease.quarantine_capable = true;
	lease.state_ex = true;
	lease.owner_name = "owner";
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_OK, reserve(50, 1));
	assert_reserved(50, 1, LEASED);
	for (unsigned i = 0; i < 2; i++) {
		const lessor_lease_t got = lease_at(50);
		assert_string_equal(got.name, lease.name);
		assert_string_equal(got.comment, lease.comment);
		assert_string_equal(got.owner_name, lease.owner_name);
		assert_int_equal(got.expires_at, i == 0 ? NOW : LATER);
		assert_int_equal(got.client_type, lease.client_type);
		assert_int_equal(got.address_state, lease.address_state);
		assert_int_equal(got.quarantine_status, lease.quarantine_status);
		assert_true(got.quarantine_capable);
		assert_true(got.state_ex);
		assert_int_equal(got.is_reserved, i == 0);
		assert_int_equal(host_of(1), 50);
		assert_use(1, 1);
		assert_status(i == 0 ? LESSOR_OK : LESSOR_NOT_FOUND, release(50));
	}
	assert_not_reserved(50);
	assert_int_equal(reserved_host_of(1), 0);
	assert_int_equal(stats_now().deletes, 0);
	assert_status(LESSOR_OK, end(50));
}

static void
a_lease_elsewhere_stays_and_the_address_is_empty(void **state) {
	(void)state;
	assert_status(LESSOR_OK, create(60, 1));
	assert_status(LESSOR_OK, reserve(50, 1));
	assert_reserved(50, 1, EMPTY);
	assert_false(lease_at(60).is_reserved);
	assert_int_equal(host_of(1), 60);
	assert_use(2, 1);
	assert_int_equal(stats_now().creates, 1);
	assert_status(LESSOR_NOT_FOUND, end(50));
	assert_status(LESSOR_NOT_FOUND, lessor_lease_delete(engine, SUBNET + 50, client(1).id, 6, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_NOT_FOUND, lessor_lease_delete(engine, SUBNET + 50, client(2).id, 6, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_NOT_FOUND, set_expiry(50, NOW, LESSOR_IF_RESERVED));
	assert_status(LESSOR_NOT_FOUND, set_client(50, 2));
	assert_status(LESSOR_ADDRESS_TAKEN, create(50, 2));
	assert_status(LESSOR_CLIENT_TAKEN, create(50, 1));
	assert_status(LESSOR_RESERVED, reserve(50, 2));
	assert_status(LESSOR_RESERVED, reserve(51, 1));
	assert_status(LESSOR_RESERVED, reserve(60, 1));
	assert_reserved(50, 1, EMPTY);
	assert_use(2, 1);
}

static void
an_empty_one_is_no_lease_for_iterations_and_batches(void **state) {
	(void)state;
	const uint32_t addresses[] = {SUBNET + 50, SUBNET + 60};
	const client_t of = client(1);
	const lessor_client_t asked = {.subnet = SUBNET, .client_id = of.id, .client_id_bytes = of.bytes};
	lessor_lease_t leases[2];
	lessor_status_t statuses[2];
	lessor_cursor_t cursor;
	lessor_report_t report;
	lessor_engine_stats_t stats;
	assert_status(LESSOR_OK, create(60, 1));
	assert_status(LESSOR_OK, reserve(50, 1));
	assert_status(LESSOR_OK, lessor_lease_get_batch(engine, addresses, 2, leases, texts, sizeof(texts), statuses));
	assert_status(LESSOR_NOT_FOUND, statuses[0]);
	assert_status(LESSOR_OK, statuses[1]);
	assert_status(LESSOR_OK,
		      lessor_lease_get_client_batch(engine, &asked, 1, leases, texts, sizeof(texts), statuses));
	assert_int_equal(leases[0].address, SUBNET + 60);
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	assert_status(LESSOR_OK, lessor_lease_next(engine, &cursor, leases, texts, sizeof(texts)));
	assert_int_equal(leases[0].address, SUBNET + 60);
	assert_status(LESSOR_END, lessor_lease_next(engine, &cursor, leases, texts, sizeof(texts)));
	assert_status(LESSOR_OK, lessor_engine_stats(engine, &stats));
	assert_int_equal(stats.leases, 1);
	assert_status(LESSOR_OK, lessor_check(engine, &report));
	assert_int_equal(report.leases, 1);
	assert_status(LESSOR_OK, lessor_lease_delete_batch(engine, addresses, 2, statuses, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_NOT_FOUND, statuses[0]);
	assert_status(LESSOR_OK, statuses[1]);
	assert_reserved(50, 1, EMPTY);
}

static void
an_empty_one_stays_empty_until_its_client_comes(void **state) {
	(void)state;
	const client_t of = client(5);
	lessor_lease_t lease = lease_of(50, &of);
	assert_status(LESSOR_OK, create(60, 5));
	assert_status(LESSOR_OK, reserve(50, 5));
	assert_status(LESSOR_OK, end(60));
	assert_reserved(50, 5, EMPTY);
	assert_int_equal(host_of(5), 0);
	assert_use(1, 0);
	assert_status(LESSOR_ADDRESS_TAKEN, create(50, 2));
	lease.name = "a name of some length, behind a client id that is longer still";
	lease.expires_at = NOW;
	lease.state_ex = true;
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	assert_reserved(50, 5, LEASED);
	assert_string_equal(lease_at(50).name, lease.name);
	assert_int_equal(lease_at(50).expires_at, NOW);
	assert_true(lease_at(50).state_ex);
	assert_int_equal(host_of(5), 50);
	assert_use(1, 1);
	assert_int_equal(stats_now().creates, 2);
	assert_status(LESSOR_RESERVED, end(50));
	assert_status(LESSOR_OK, release(50));
	assert_int_equal(lease_at(50).expires_at, LATER);
}

static void
an_empty_one_goes_without_a_trace(void **state) {
	(void)state;
	assert_status(LESSOR_OK, create(60, 1));
	assert_status(LESSOR_OK, reserve(50, 1));
	assert_status(LESSOR_OK, release(50));
	assert_not_reserved(50);
	assert_use(1, 1);
	assert_int_equal(stats_now().deletes, 0);
	assert_int_equal(stats_now().in_use_high_water, 2);
	assert_int_equal(host_of(1), 60);
	assert_status(LESSOR_OK, create(50, 2));
	assert_status(LESSOR_OK, reserve(60, 1));
	assert_reserved(60, 1, LEASED);
}

/* A client may have its lease elsewhere although an address is kept for it. */
static void
the_client_may_go_elsewhere(void **state) {
	(void)state;
	assert_status(LESSOR_OK, create(60, 1));
	assert_status(LESSOR_OK, reserve(50, 1));
	assert_status(LESSOR_OK, end(60));
	assert_status(LESSOR_OK, create(61, 1));
	assert_reserved(50, 1, EMPTY);
	assert_status(LESSOR_CLIENT_TAKEN, create(50, 1));
}

/* ---- deletes, updates, sweeps ------------------------------------------------------------------------------------------ */

static void
a_reserved_lease_is_not_deleted(void **state) {
	(void)state;
	const client_t own = client(1);
	const client_t other = client(2);
	const uint32_t addresses[] = {SUBNET + 50, SUBNET + 51};
	lessor_status_t statuses[2];
	lessor_ticket_t ticket = 4711;
	assert_status(LESSOR_OK, reserve(50, 1));
	assert_status(LESSOR_OK, create(51, 2));
	assert_status(LESSOR_RESERVED, lessor_lease_delete(engine, SUBNET + 50, NULL, 0, LESSOR_SYNC, &ticket));
	assert_int_equal(ticket, 4711);
	assert_status(LESSOR_RESERVED, lessor_lease_delete(engine, SUBNET + 50, own.id, own.bytes, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OTHER_CLIENT,
		      lessor_lease_delete(engine, SUBNET + 50, other.id, other.bytes, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_lease_delete_batch(engine, addresses, 2, statuses, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_RESERVED, statuses[0]);
	assert_status(LESSOR_OK, statuses[1]);
	assert_reserved(50, 1, DORMANT);
}

static void
a_reserved_lease_keeps_its_expiry_unless_told(void **state) {
	(void)state;
	lessor_lease_t lease;
	lessor_status_t status;
	assert_status(LESSOR_OK, reserve(50, 1));
	assert_status(LESSOR_OK, set_expiry(50, NOW, 0));
	assert_reserved(50, 1, DORMANT);
	lessor_lease_init(&lease);
	lease.address = SUBNET + 50;
	lease.expires_at = NOW;
	lease.name = "named";
	lease.last_transaction_s = 77;
	assert_status(LESSOR_OK,
		      lessor_lease_update(engine, &lease,
					  LESSOR_FIELD_EXPIRES | LESSOR_FIELD_NAME | LESSOR_FIELD_LAST_TRANSACTION,
					  LESSOR_ASYNC, NULL));
	assert_reserved(50, 1, DORMANT);
	assert_string_equal(lease_at(50).name, "named");
	assert_int_equal(lease_at(50).last_transaction_s, 77);
	assert_status(LESSOR_OK, set_expiry(50, NOW, LESSOR_IF_RESERVED));
	assert_reserved(50, 1, LEASED);
	assert_int_equal(lease_at(50).expires_at, NOW);
	assert_string_equal(lease_at(50).name, "named");
	lease.expires_at = NOW + 5;
	assert_status(LESSOR_OK,
		      lessor_lease_update_batch(engine, &lease, 1, LESSOR_FIELD_EXPIRES, &status, LESSOR_ASYNC, NULL));
	assert_int_equal(lease_at(50).expires_at, NOW);
	assert_status(LESSOR_OK, lessor_lease_update_batch(engine, &lease, 1, LESSOR_FIELD_EXPIRES | LESSOR_IF_RESERVED,
							   &status, LESSOR_ASYNC, NULL));
	assert_int_equal(lease_at(50).expires_at, NOW + 5);
	/* Of others it changes nothing. */
	assert_status(LESSOR_OK, create(51, 2));
	assert_status(LESSOR_OK, set_expiry(51, NOW, LESSOR_IF_RESERVED));
	assert_int_equal(lease_at(51).expires_at, NOW);
	assert_status(LESSOR_OK, set_expiry(51, NOW + 1, 0));
	assert_int_equal(lease_at(51).expires_at, NOW + 1);
}

/* The reservation is for whom it was made for, whoever has the lease. */
static void
the_lease_may_change_its_client(void **state) {
	(void)state;
	assert_status(LESSOR_OK, reserve(50, 1));
	assert_status(LESSOR_OK, create(70, 3));
	assert_status(LESSOR_CLIENT_TAKEN, set_client(50, 3));
	assert_status(LESSOR_OK, set_client(50, 5));
	assert_reserved(50, 1, DORMANT);
	assert_int_equal(host_of(5), 50);
	assert_int_equal(host_of(1), 0);
	assert_status(LESSOR_RESERVED, reserve(51, 1));
	assert_status(LESSOR_CLIENT_TAKEN, create(51, 5));
	assert_status(LESSOR_OK, create(60, 1));
	assert_status(LESSOR_OK, reserve(51, 5));
	assert_reserved(51, 5, EMPTY);
	assert_status(LESSOR_CLIENT_TAKEN, set_client(50, 1));
	assert_status(LESSOR_OK, end(60));
	assert_status(LESSOR_OK, set_client(50, 1));
	assert_reserved(50, 1, DORMANT);
	assert_status(LESSOR_OK, create(51, 5));
	assert_reserved(51, 5, LEASED);
	/* Once more, and then it is released while another client has the lease. */
	assert_status(LESSOR_OK, set_client(50, 6));
	assert_status(LESSOR_NOT_FOUND, release_of(50, 6));
	assert_status(LESSOR_OK, set_expiry(50, 5, LESSOR_IF_RESERVED));
	assert_status(LESSOR_OK, release_of(50, 1));
	assert_not_reserved(50);
	assert_int_equal(host_of(6), 50);
	assert_int_equal(reserved_host_of(1), 0);
	assert_status(LESSOR_OK, reserve(52, 1));
	assert_reserved(52, 1, DORMANT);
	assert_status(LESSOR_OK, reserve(50, 6));
	assert_reserved(50, 6, LEASED);
}

/* A dormant lease that changed its client goes with the reservation, and both clients are free. */
static void
a_dormant_lease_of_another_client_goes(void **state) {
	(void)state;
	assert_status(LESSOR_OK, reserve(50, 1));
	assert_status(LESSOR_OK, set_client(50, 5));
	assert_status(LESSOR_OK, release(50));
	assert_false(has_lease(50));
	assert_status(LESSOR_OK, create(51, 5));
	assert_status(LESSOR_OK, create(50, 1));
	assert_not_reserved(50);
}

static uint64_t
sweep(lessor_filetime_t now, uint64_t *looked) {
	lessor_expire_options_t options;
	lessor_expire_report_t report;
	lessor_cursor_t cursor;
	uint64_t removed = 0;
	lessor_expire_options_init(&options);
	options.doom_s = 0;
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	*looked = 0;
	while (lessor_expire(engine, now, &options, &cursor, &report, LESSOR_ASYNC, NULL) == LESSOR_OK) {
		removed += report.removed;
		*looked += report.looked;
	}
	return removed;
}

static void
a_reserved_lease_is_not_swept(void **state) {
	(void)state;
	uint64_t looked;
	for (uint8_t i = 0; i < 3; i++) {
		assert_status(LESSOR_OK, create_state(50u + i, 10u + i, (uint8_t)(1 + i)));
		assert_status(LESSOR_OK, reserve(50u + i, 10u + i));
		assert_status(LESSOR_OK, set_expiry(50u + i, 100, LESSOR_IF_RESERVED));
	}
	assert_status(LESSOR_OK, create(60, 1));
	assert_status(LESSOR_OK, set_expiry(60, 100, 0));
	assert_status(LESSOR_OK, reserve(55, 1));
	assert_int_equal(sweep(NOW, &looked), 1);
	assert_int_equal(looked, 4);
	assert_use(4, 3);
	assert_reserved(55, 1, EMPTY);
	/* Now the page is known to have nothing that ends; a release tells it again. */
	assert_int_equal(sweep(NOW, &looked), 0);
	assert_int_equal(looked, 0);
	assert_status(LESSOR_OK, release(51));
	assert_int_equal(lease_at(51).expires_at, LATER);
	assert_int_equal(sweep(LATER - 1, &looked), 0);
	assert_int_equal(sweep(LATER, &looked), 1);
	assert_false(has_lease(51));
	assert_true(has_lease(50) && has_lease(52));
	assert_status(LESSOR_OK, release(52));
	assert_int_equal(sweep(LATER, &looked), 1);
	assert_use(2, 1);
}

/* ---- refusals ---------------------------------------------------------------------------------------------------------- */

static lessor_status_t
reserve_as(uint32_t subnet, uint32_t address, const void *client_id, uint8_t bytes, uint8_t types) {
	const lessor_reservation_t reservation = {
		.address = address, .client_id = client_id, .client_id_bytes = bytes, .client_types = types};
	lessor_ticket_t ticket = 4711;
	const lessor_status_t status = lessor_reservation_create(engine, subnet, &reservation, LESSOR_ASYNC, &ticket);
	assert_true(status == LESSOR_OK || ticket == 4711);
	return status;
}

static void
what_cannot_be_reserved(void **state) {
	(void)state;
	static const uint8_t id[255] = {1, 2, 3, 4};
	const uint32_t spot = SUBNET + 50;
	lessor_reservation_t reservation = {.address = spot, .client_id = id, .client_id_bytes = 4, .client_types = 1};
	assert_status(LESSOR_INVALID, lessor_reservation_create(engine, SUBNET, NULL, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_INVALID, lessor_reservation_create(NULL, SUBNET, &reservation, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_INVALID, lessor_reservation_create(engine, SUBNET, &reservation, (lessor_mode_t)7, NULL));
	assert_status(LESSOR_INVALID, reserve_as(SUBNET, spot, NULL, 4, 1));
	assert_status(LESSOR_INVALID, reserve_as(SUBNET, spot, id, 0, 1));
	assert_status(LESSOR_INVALID, reserve_as(SUBNET, spot, id, 4, 0));
	assert_status(LESSOR_INVALID, reserve_as(SUBNET, spot, id, 4, 4));
	assert_status(LESSOR_NO_SCOPE, reserve_as(SUBNET + 256, spot, id, 4, 1));
	assert_status(LESSOR_NO_SCOPE, reserve_as(SUBNET + 16, spot, id, 4, 1));
	assert_status(LESSOR_OUTSIDE, reserve_as(SUBNET, SUBNET + 256, id, 4, 1));
	assert_status(LESSOR_OUTSIDE, reserve_as(SUBNET, SUBNET - 1, id, 4, 1));
	assert_status(LESSOR_OUTSIDE, reserve_as(SUBNET, 0, id, 4, 1));
	assert_status(LESSOR_OK, create(50, 1));
	assert_status(LESSOR_ADDRESS_TAKEN, reserve_as(SUBNET, spot, id, 4, 1));
	assert_not_reserved(50);
	assert_use(1, 1);
	/* Every type, the first and the last address, the longest id. */
	assert_status(LESSOR_OK, reserve_as(SUBNET, SUBNET, id, 255, LESSOR_CLIENT_DHCP));
	assert_status(LESSOR_OK, reserve_as(SUBNET, SUBNET + 255, id, 254, LESSOR_CLIENT_BOOTP));
	assert_status(LESSOR_OK, reserve_as(SUBNET, SUBNET + 52, id, 1, LESSOR_CLIENT_BOTH));
	/* A client that has a reservation is refused for that, whatever is at the address. */
	assert_status(LESSOR_RESERVED, reserve_as(SUBNET, spot, id, 255, 1));
	assert_use(2, 4);
}

static void
what_cannot_be_released(void **state) {
	(void)state;
	const client_t of = client(1);
	const uint32_t spot = SUBNET + 50;
	assert_status(LESSOR_OK, reserve(50, 1));
	assert_status(LESSOR_OK, create(51, 2));
	assert_status(LESSOR_NOT_FOUND, release(51));
	assert_status(LESSOR_NOT_FOUND, release(52));
	assert_status(LESSOR_NOT_FOUND, release(200));
	assert_status(LESSOR_NOT_FOUND, release_of(50, 2));
	assert_status(LESSOR_NOT_FOUND, release(256));
	assert_status(LESSOR_NO_SCOPE,
		      lessor_reservation_delete(engine, SUBNET + 1, spot, NULL, 0, NOW, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_INVALID,
		      lessor_reservation_delete(engine, SUBNET, spot, of.id, 0, NOW, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_INVALID,
		      lessor_reservation_delete(engine, SUBNET, spot, of.id, 256, NOW, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_INVALID,
		      lessor_reservation_delete(engine, SUBNET, spot, NULL, 0, LESSOR_TIME_NONE, LESSOR_ASYNC, NULL));
	assert_reserved(50, 1, DORMANT);
	assert_status(LESSOR_OK, release_of(50, 1));
	/* The end of time. */
	assert_status(LESSOR_OK, reserve(51, 2));
	assert_status(LESSOR_OK, lessor_reservation_delete(engine, SUBNET, SUBNET + 51, NULL, 0,
							   LESSOR_TIME_INFINITE - 5, LESSOR_ASYNC, NULL));
	assert_int_equal(lease_at(51).expires_at, LESSOR_TIME_INFINITE);
}

static void
reading_refuses(void **state) {
	(void)state;
	const client_t of = client(5);
	uint8_t buffer[LESSOR_CLIENT_ID_MAX_BYTES];
	lessor_reservation_t untouched;
	lessor_reservation_t got;
	memset(&got, SCRATCH_POISON, sizeof(got));
	memcpy(&untouched, &got, sizeof(got));
	assert_status(LESSOR_OK, reserve(50, 5));
	assert_status(LESSOR_OK, reserve(90, 1));
	assert_status(LESSOR_INVALID, lessor_reservation_get(engine, SUBNET + 50, NULL, buffer, sizeof(buffer)));
	assert_status(LESSOR_INVALID, lessor_reservation_get(engine, SUBNET + 50, &got, NULL, 5));
	assert_status(LESSOR_BUFFER_TOO_SMALL, lessor_reservation_get(engine, SUBNET + 50, &got, buffer, 99));
	assert_status(LESSOR_BUFFER_TOO_SMALL, lessor_reservation_get(engine, SUBNET + 50, &got, NULL, 0));
	assert_status(LESSOR_NOT_FOUND, lessor_reservation_get(engine, SUBNET + 51, &got, buffer, sizeof(buffer)));
	assert_status(LESSOR_NOT_FOUND, lessor_reservation_get(engine, 1, &got, buffer, sizeof(buffer)));
	assert_status(LESSOR_INVALID,
		      lessor_reservation_get_client(engine, SUBNET, NULL, 5, &got, buffer, sizeof(buffer)));
	assert_status(LESSOR_INVALID,
		      lessor_reservation_get_client(engine, SUBNET, of.id, 0, &got, buffer, sizeof(buffer)));
	assert_status(LESSOR_INVALID,
		      lessor_reservation_get_client(engine, SUBNET, of.id, 256, &got, buffer, sizeof(buffer)));
	assert_status(LESSOR_NO_SCOPE,
		      lessor_reservation_get_client(engine, SUBNET + 5, of.id, of.bytes, &got, buffer, sizeof(buffer)));
	assert_status(LESSOR_NOT_FOUND, lessor_reservation_get_client(engine, SUBNET, of.id, of.bytes - 1u, &got,
								      buffer, sizeof(buffer)));
	assert_status(LESSOR_BUFFER_TOO_SMALL,
		      lessor_reservation_get_client(engine, SUBNET, of.id, of.bytes, &got, buffer, 99));
	assert_status(LESSOR_NO_SCOPE, lessor_reservation_next(engine, SUBNET + 5, 0, &got, buffer, sizeof(buffer)));
	assert_status(LESSOR_INVALID, lessor_reservation_next(engine, SUBNET, 0, NULL, buffer, sizeof(buffer)));
	assert_status(LESSOR_BUFFER_TOO_SMALL, lessor_reservation_next(engine, SUBNET, 0, &got, buffer, 99));
	assert_status(LESSOR_END, lessor_reservation_next(engine, SUBNET, SUBNET + 91, &got, buffer, sizeof(buffer)));
	assert_status(LESSOR_END, lessor_reservation_next(engine, SUBNET, UINT32_MAX, &got, buffer, sizeof(buffer)));
	assert_memory_equal(&got, &untouched, sizeof(got));
	assert_status(LESSOR_OK, lessor_reservation_get(engine, SUBNET + 50, &got, buffer, 100));
	assert_status(LESSOR_OK, lessor_reservation_next(engine, SUBNET, 0, &got, buffer, 100));
	assert_int_equal(got.address, SUBNET + 50);
	assert_status(LESSOR_OK, lessor_reservation_next(engine, SUBNET, SUBNET + 51, &got, buffer, 6));
	assert_int_equal(got.address, SUBNET + 90);
}

/* ---- finding addresses ------------------------------------------------------------------------------------------------- */

static lessor_status_t
allocate(uint32_t number, uint32_t hint, uint32_t *host) {
	const client_t of = client(number);
	lessor_lease_t lease = lease_of(0, &of);
	const lessor_status_t status =
		lessor_lease_allocate(engine, SUBNET, hint == 0 ? 0 : SUBNET + hint, &lease, LESSOR_ASYNC, NULL);
	*host = lease.address - SUBNET;
	return status;
}

static void
an_allocation_gets_what_is_reserved(void **state) {
	(void)state;
	uint32_t host;
	assert_status(LESSOR_OK, create(60, 1));
	assert_status(LESSOR_OK, reserve(50, 1));
	assert_status(LESSOR_CLIENT_TAKEN, allocate(1, 0, &host));
	assert_status(LESSOR_OK, end(60));
	assert_status(LESSOR_OK, allocate(1, 61, &host));
	assert_int_equal(host, 50);
	assert_reserved(50, 1, LEASED);
	assert_status(LESSOR_CLIENT_TAKEN, allocate(1, 0, &host));
	/* Outside of the range, and excluded, too. */
	assert_status(LESSOR_OK, create(61, 2));
	assert_status(LESSOR_OK, reserve(200, 2));
	assert_status(LESSOR_OK, end(61));
	assert_status(LESSOR_OK, create(62, 3));
	assert_status(LESSOR_OK, reserve(25, 3));
	assert_status(LESSOR_OK, end(62));
	assert_status(LESSOR_OK, allocate(2, 0, &host));
	assert_int_equal(host, 200);
	assert_status(LESSOR_OK, allocate(3, 70, &host));
	assert_int_equal(host, 25);
	assert_use(1, 3);
}

static void
nobody_else_gets_it(void **state) {
	(void)state;
	uint32_t host;
	uint32_t addresses[100];
	uint32_t found;
	for (uint32_t i = 0; i < 10; i++) {
		assert_status(LESSOR_OK, create(200 + i, 100 + i));
		assert_status(LESSOR_OK, reserve(40 + i, 100 + i)); /* empty */
		assert_status(LESSOR_OK, reserve(60 + i, 200 + i)); /* dormant */
	}
	assert_status(LESSOR_OK, lessor_scope_free_addresses(engine, SUBNET, 0, UINT32_MAX, 100, addresses, &found));
	assert_int_equal(found, 60);
	for (uint32_t i = 0; i < found; i++) {
		host = addresses[i] - SUBNET;
		assert_true(!(host >= 40 && host < 50) && !(host >= 60 && host < 70));
	}
	for (uint32_t i = 0; i < 60; i++) {
		assert_status(LESSOR_OK, allocate(300 + i, 40 + i % 10, &host));
		assert_true(host >= 10 && host <= 99 && !(host >= 20 && host < 30));
	}
	assert_status(LESSOR_EXHAUSTED, allocate(400, 0, &host));
	assert_use(80, 80);
	assert_int_equal(stats_now().free, 0);
	/* What is given up is free again. */
	assert_status(LESSOR_OK, release(45));
	assert_status(LESSOR_OK, allocate(400, 0, &host));
	assert_int_equal(host, 45);
	assert_status(LESSOR_EXHAUSTED, allocate(401, 0, &host));
	assert_status(LESSOR_OK, release(65));
	assert_status(LESSOR_OK, allocate(401, 0, &host));
	assert_int_equal(host, 65);
	/* Though it is exhausted for others, not for the client of an empty one. */
	assert_status(LESSOR_OK, end(203));
	assert_status(LESSOR_EXHAUSTED, allocate(402, 0, &host));
	assert_status(LESSOR_OK, allocate(103, 0, &host));
	assert_int_equal(host, 43);
}

/* As if one after another: an empty one is taken in the middle, and then is no longer free. */
static void
a_batch_takes_an_empty_one_in_its_turn(void **state) {
	(void)state;
	const uint32_t hosts[] = {70, 50, 50, 71, 50, 72, 51, 73};
	const uint32_t clients[] = {21, 2, 1, 1, 1, 22, 3, 3};
	const lessor_status_t want[] = {LESSOR_OK,           LESSOR_ADDRESS_TAKEN, LESSOR_OK,
					LESSOR_CLIENT_TAKEN, LESSOR_ADDRESS_TAKEN, LESSOR_OK,
					LESSOR_OK,           LESSOR_CLIENT_TAKEN};
	client_t of[COUNT(hosts)];
	lessor_lease_t leases[COUNT(hosts)];
	lessor_status_t got[COUNT(hosts)];
	lessor_ticket_t ticket;
	assert_status(LESSOR_OK, create(60, 1));
	assert_status(LESSOR_OK, create(61, 3));
	assert_status(LESSOR_OK, reserve(50, 1));
	assert_status(LESSOR_OK, reserve(51, 3));
	assert_status(LESSOR_OK, end(60));
	assert_status(LESSOR_OK, end(61));
	for (size_t i = 0; i < COUNT(hosts); i++) {
		of[i] = client(clients[i]);
		leases[i] = lease_of(hosts[i], &of[i]);
	}
	assert_status(LESSOR_OK, lessor_lease_create_batch(engine, leases, COUNT(hosts), got, LESSOR_SYNC, &ticket));
	for (size_t i = 0; i < COUNT(hosts); i++) {
		assert_status(want[i], got[i]);
	}
	assert_reserved(50, 1, LEASED);
	assert_reserved(51, 3, LEASED);
	assert_use(4, 4);
}

/* ---- statistics -------------------------------------------------------------------------------------------------------- */

/* A reserved address of the pool is in use, whatever is there; one that is not in the pool counts nowhere. */
static void
every_transition_is_counted(void **state) {
	(void)state;
	static const uint32_t hosts[] = {50, 25, 200};
	for (size_t i = 0; i < COUNT(hosts); i++) {
		const uint32_t host = hosts[i];
		const uint64_t one = host == 50;
		for (uint8_t address_state = 1; address_state <= 3; address_state++) {
			const uint64_t usual = address_state == LESSOR_STATE_DOOM ? 0 : one;
			lessor_lease_t lease;
			assert_status(LESSOR_OK, create_state(host, 1, address_state));
			assert_use(usual, 1);
			assert_status(LESSOR_OK, reserve(host, 1));
			assert_use(one, 1);
			assert_int_equal(stats_now().leases_doomed, address_state == LESSOR_STATE_DOOM);
			for (uint8_t next = 1; next <= 3; next++) {
				lessor_lease_init(&lease);
				lease.address = SUBNET + host;
				lease.address_state = next;
				assert_status(LESSOR_OK, lessor_lease_update(engine, &lease, LESSOR_FIELD_ADDRESS_STATE,
									     LESSOR_ASYNC, NULL));
				assert_use(one, 1);
				assert_int_equal(stats_now().leases_doomed, next == LESSOR_STATE_DOOM);
				assert_sound();
			}
			lease.address_state = address_state;
			assert_status(LESSOR_OK, lessor_lease_update(engine, &lease, LESSOR_FIELD_ADDRESS_STATE,
								     LESSOR_ASYNC, NULL));
			assert_status(LESSOR_OK, release(host));
			assert_use(usual, 1);
			assert_status(LESSOR_OK, end(host));
			assert_use(0, 0);
			/* Empty, then taken in this state. */
			assert_status(LESSOR_OK, create(220, 1));
			assert_status(LESSOR_OK, reserve(host, 1));
			assert_use(one, 1);
			assert_status(LESSOR_OK, end(220));
			assert_use(one, 0);
			assert_status(LESSOR_OK, create_state(host, 1, address_state));
			assert_use(one, 1);
			assert_status(LESSOR_OK, set_expiry(host, LESSOR_TIME_NONE, LESSOR_IF_RESERVED));
			assert_reserved(host, 1, DORMANT);
			assert_status(LESSOR_OK, release(host));
			assert_use(0, 0);
			assert_sound();
		}
	}
	assert_int_equal(stats_now().in_use_high_water, 1);
}

/* A new range counts anew. */
static void
the_pool_changes_under_them(void **state) {
	(void)state;
	const lessor_range_t excluded = {SUBNET + 50, SUBNET + 51};
	lessor_scope_t scope = scratch_scope(SUBNET, MASK);
	assert_status(LESSOR_OK, create(60, 1));
	assert_status(LESSOR_OK, reserve(50, 1));
	assert_status(LESSOR_OK, create_state(51, 2, LESSOR_STATE_DOOM));
	assert_status(LESSOR_OK, reserve(51, 2));
	assert_use(3, 2);
	assert_status(LESSOR_OK, lessor_scope_exclude(engine, SUBNET, excluded, LESSOR_ASYNC, NULL));
	assert_use(1, 2);
	assert_sound();
	assert_status(LESSOR_OK, lessor_scope_include(engine, SUBNET, excluded, LESSOR_ASYNC, NULL));
	assert_use(3, 2);
	scope.has_range = true;
	scope.range = (lessor_range_t){SUBNET + 51, SUBNET + 51};
	assert_status(LESSOR_OK, lessor_scope_update(engine, &scope, LESSOR_SCOPE_FIELD_RANGE, LESSOR_ASYNC, NULL));
	assert_use(1, 2);
	assert_int_equal(stats_now().free, 0);
	assert_sound();
}

static void
they_go_with_their_scope(void **state) {
	(void)state;
	assert_status(LESSOR_OK, create(60, 1));
	assert_status(LESSOR_OK, reserve(50, 1));
	assert_status(LESSOR_OK, reserve(51, 5));
	assert_status(LESSOR_OK, reserve(52, 6));
	assert_status(LESSOR_OK, set_client(52, 10));
	assert_status(LESSOR_OK, lessor_scope_delete(engine, SUBNET, true, LESSOR_ASYNC, NULL));
	add_scope();
	assert_use(0, 0);
	assert_not_reserved(50);
	assert_int_equal(reserved_host_of(5), 0);
	assert_status(LESSOR_OK, reserve(52, 1));
	assert_status(LESSOR_OK, reserve(51, 6));
	assert_reserved(52, 1, DORMANT);
}

/* ---- names and numbers ------------------------------------------------------------------------------------------------- */

static lessor_status_t
create_named(uint32_t host, uint32_t number, const char *name) {
	const client_t of = client(number);
	lessor_lease_t lease = lease_of(host, &of);
	lease.name = name;
	return lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL);
}

/* 0: nobody has it. */
static uint32_t
host_named(const char *name) {
	lessor_lease_t lease;
	const lessor_status_t status = lessor_lease_find_name(engine, name, &lease, texts, sizeof(texts));
	assert_true(status == LESSOR_OK || status == LESSOR_NOT_FOUND);
	return status == LESSOR_OK ? lease.address - SUBNET : 0;
}

static void
names_are_found(void **state) {
	(void)state;
	static const char longest[] = "A.name-that.is-longer-than-what.fits.into-a-record.example.org";
	lessor_lease_t lease;
	assert_status(LESSOR_OK, create_named(60, 1, "Printer"));
	assert_status(LESSOR_OK, create_named(40, 2, "pRINTER"));
	assert_status(LESSOR_OK, create_named(50, 5, "printer1"));
	assert_status(LESSOR_OK, create_named(51, 10, longest));
	assert_status(LESSOR_OK, create_named(52, 3, "M\xC3\xBCller[@]"));
	assert_status(LESSOR_OK, create_named(53, 4, ""));
	assert_status(LESSOR_OK, create(54, 15));
	assert_int_equal(host_named("PRINTER"), 40);
	assert_status(LESSOR_OK, end(40));
	assert_int_equal(host_named("printer"), 60);
	assert_int_equal(host_named("printer1"), 50);
	assert_int_equal(host_named("printe"), 0);
	assert_int_equal(host_named("a.NAME-that.is-longer-than-what.fits.into-a-record.example.ORG"), 51);
	assert_int_equal(host_named("m\xC3\xBCLLER[@]"), 52);
	assert_int_equal(host_named("m\xC3\x9CLLER[@]"), 0);
	assert_int_equal(host_named("M\xC3\xBCller{@}"), 0);
	assert_int_equal(host_named("M\xC3\xBCller[`]"), 0);
	assert_int_equal(host_named(""), 53);
	assert_status(LESSOR_INVALID, lessor_lease_find_name(engine, NULL, &lease, texts, sizeof(texts)));
	assert_status(LESSOR_INVALID, lessor_lease_find_name(engine, "", NULL, texts, sizeof(texts)));
	assert_status(LESSOR_BUFFER_TOO_SMALL, lessor_lease_find_name(engine, longest, &lease, texts, 40));
}

static uint64_t
count(uint32_t first, uint32_t last) {
	uint64_t counted = UINT64_MAX;
	assert_status(LESSOR_OK, lessor_lease_count(engine, first, last, &counted));
	return counted;
}

/* Over page ends, scopes and nothing; with and without empty reservations. */
static void
leases_are_counted(void **state) {
	(void)state;
	uint64_t counted = 4711;
	scratch_scope_add(engine, SUBNET + 512, 0xFFFFFF80u, false);
	for (uint32_t host = 0; host < 256; host += 3) {
		assert_status(LESSOR_OK, create(host, 1000 + host));
	}
	for (unsigned round = 0; round < 2; round++) {
		for (uint32_t first = 0; first < 256; first += 7) {
			for (uint32_t last = first; last < 256; last += 5) {
				const uint32_t want = last / 3 - (first + 2) / 3 + 1;
				assert_int_equal(count(SUBNET + first, SUBNET + last), want);
			}
		}
		assert_int_equal(count(0, UINT32_MAX), 86);
		assert_int_equal(count(SUBNET + 255, SUBNET + 511), 1);
		assert_int_equal(count(SUBNET + 256, SUBNET + 4096), 0);
		assert_int_equal(count(0, SUBNET - 1), 0);
		for (uint32_t host = 1; round == 0 && host < 256; host += 3) {
			assert_status(LESSOR_OK, reserve(host, 1000 + host - 1));
		}
	}
	assert_status(LESSOR_INVALID, lessor_lease_count(engine, 2, 1, &counted));
	assert_status(LESSOR_INVALID, lessor_lease_count(engine, 1, 2, NULL));
	assert_status(LESSOR_INVALID, lessor_lease_count(NULL, 1, 2, &counted));
	assert_int_equal(counted, 4711);
}

/* ---- stores ------------------------------------------------------------------------------------------------------------ */

/* One of everything. */
static void
fill(void) {
	assert_status(LESSOR_OK, reserve(50, 1));
	assert_status(LESSOR_OK, create(51, 5));
	assert_status(LESSOR_OK, reserve(51, 5));
	assert_status(LESSOR_OK, create(60, 2));
	assert_status(LESSOR_OK, reserve(52, 2));
	assert_status(LESSOR_OK, reserve(53, 3));
	assert_status(LESSOR_OK, set_client(53, 10));
	assert_status(LESSOR_OK, create_state(54, 4, LESSOR_STATE_DOOM));
	assert_status(LESSOR_OK, reserve(54, 4));
	assert_status(LESSOR_OK, create(61, 6));
	assert_status(LESSOR_OK, reserve(55, 6));
	assert_status(LESSOR_OK, end(61));
	assert_status(LESSOR_OK, create(55, 6));
	/* What went again. */
	assert_status(LESSOR_OK, reserve(70, 7));
	assert_status(LESSOR_OK, release(70));
	assert_status(LESSOR_OK, create(71, 8));
	assert_status(LESSOR_OK, reserve(72, 8));
	assert_status(LESSOR_OK, release(72));
	assert_status(LESSOR_OK, create(73, 9));
	assert_status(LESSOR_OK, reserve(73, 9));
	assert_status(LESSOR_OK, release(73));
}

static void
assert_filled(void) {
	const lessor_scope_stats_t stats = stats_now();
	assert_reserved(50, 1, DORMANT);
	assert_reserved(51, 5, LEASED);
	assert_reserved(52, 2, EMPTY);
	assert_reserved(53, 3, DORMANT);
	assert_reserved(54, 4, LEASED);
	assert_reserved(55, 6, LEASED);
	assert_int_equal(host_of(10), 53);
	assert_int_equal(host_of(2), 60);
	assert_not_reserved(70);
	assert_not_reserved(71);
	assert_not_reserved(72);
	assert_not_reserved(73);
	assert_int_equal(lease_at(73).expires_at, LATER);
	assert_use(9, 8);
	assert_int_equal(stats.in_use_high_water, 9);
	assert_int_equal(stats.creates, 10);
	assert_int_equal(stats.deletes, 2);
	assert_status(LESSOR_RESERVED, reserve(80, 3));
	assert_status(LESSOR_RESERVED, reserve(80, 2));
	assert_status(LESSOR_ADDRESS_TAKEN, create(52, 7));
	assert_status(LESSOR_CLIENT_TAKEN, create(52, 2));
}

static void
reopen(void) {
	scratch_close(engine);
	engine = scratch_open_log(directory);
}

static void
they_come_back_with_the_log(void **state) {
	(void)state;
	fill();
	assert_filled();
	for (unsigned i = 0; i < 2; i++) {
		reopen();
		assert_filled();
	}
}

static void
they_come_back_with_a_snapshot(void **state) {
	(void)state;
	lessor_report_t report;
	fill();
	assert_status(LESSOR_OK, lessor_snapshot(engine, &report));
	assert_filled();
	reopen();
	assert_filled();
	/* And what the log says behind it. */
	assert_status(LESSOR_OK, release(52));
	assert_status(LESSOR_OK, release(50));
	assert_status(LESSOR_OK, reserve(52, 7));
	assert_status(LESSOR_OK, lessor_snapshot(engine, &report));
	assert_int_equal(report.leases, 8);
	assert_status(LESSOR_OK, release(52));
	assert_status(LESSOR_OK, reserve(52, 2));
	assert_status(LESSOR_OK, reserve(50, 1));
	reopen();
	assert_reserved(52, 2, EMPTY);
	assert_reserved(50, 1, DORMANT);
	assert_use(9, 8);
	assert_int_equal(stats_now().deletes, 4);
}

/* The files as a crash leaves them. */
static void
they_come_back_after_a_crash(void **state) {
	(void)state;
	char image[SCRATCH_FILE_BYTES];
	lessor_engine_t *original = engine;
	fill();
	assert_status(LESSOR_OK, lessor_ticket_wait(engine, lessor_last_ticket(engine), -1));
	assert_true(snprintf(image, sizeof(image), "%s-image", directory) < (int)sizeof(image));
	scratch_copy(directory, image);
	engine = scratch_open_log(image);
	assert_filled();
	scratch_close(engine);
	scratch_remove(image);
	engine = original;
}

static void
a_reader_changes_nothing(void **state) {
	(void)state;
	lessor_options_t options;
	fill();
	scratch_close(engine);
	scratch_options_log(&options);
	options.read_only = true;
	assert_status(LESSOR_OK, lessor_open(directory, &options, &engine, NULL));
	assert_reserved(52, 2, EMPTY);
	assert_status(LESSOR_READ_ONLY, reserve(80, 80));
	assert_status(LESSOR_READ_ONLY, release(52));
}

/* Tickets of reservations are durable when they say so. */
static void
they_have_tickets(void **state) {
	(void)state;
	const client_t of = client(1);
	const lessor_reservation_t reservation = {
		.address = SUBNET + 50, .client_id = of.id, .client_id_bytes = of.bytes, .client_types = 1};
	lessor_ticket_t first = 0;
	lessor_ticket_t second = 0;
	assert_status(LESSOR_OK, lessor_reservation_create(engine, SUBNET, &reservation, LESSOR_SYNC, &first));
	assert_true(first != 0);
	assert_true(lessor_durable_ticket(engine) >= first);
	assert_int_equal(lease_at(50).ticket, first);
	assert_status(LESSOR_OK,
		      lessor_reservation_delete(engine, SUBNET, SUBNET + 50, NULL, 0, NOW, LESSOR_SYNC, &second));
	assert_true(second > first);
	assert_true(lessor_durable_ticket(engine) >= second);
}

/* Many, in many pages, made again by several threads' worth of windows. */
static void
many_come_back(void **state) {
	(void)state;
	enum { MANY = 6000 };
	const uint32_t subnet = IP(10, 1, 0, 0);
	uint8_t buffer[LESSOR_CLIENT_ID_MAX_BYTES];
	lessor_reservation_t got;
	scratch_scope_add(engine, subnet, 0xFFFF0000u, true);
	for (uint32_t i = 0; i < MANY; i++) {
		const client_t of = client(i + 1);
		const lessor_reservation_t reservation = {.address = subnet + i * 7 % 65536,
							  .client_id = of.id,
							  .client_id_bytes = of.bytes,
							  .client_types = 3};
		if (i % 3 == 0) {
			const lessor_lease_t lease = scratch_lease(subnet + 60000 + i / 3, of.id, of.bytes);
			assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
		}
		assert_status(LESSOR_OK, lessor_reservation_create(engine, subnet, &reservation, LESSOR_ASYNC, NULL));
	}
	for (unsigned round = 0; round < 3; round++) {
		uint32_t seen = 0;
		for (uint32_t from = subnet;
		     lessor_reservation_next(engine, subnet, from, &got, buffer, sizeof(buffer)) == LESSOR_OK;
		     from = got.address + 1) {
			const client_t of = client((got.address - subnet) / 7 + 1);
			assert_memory_equal(got.client_id, of.id, of.bytes);
			assert_int_equal(got.has_lease, (got.address - subnet) / 7 % 3 != 0);
			seen++;
		}
		assert_int_equal(seen, MANY);
		assert_int_equal(count(subnet, subnet + 65535), MANY);
		assert_sound();
		if (round == 1) {
			assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
		}
		reopen();
	}
}

#define MEMORY(test) cmocka_unit_test_setup_teardown(test, open_engine, close_engine)
#define STORE(test)  cmocka_unit_test_setup_teardown(test, open_store, close_store)

int
main(void) {
	const struct CMUnitTest tests[] = {
		MEMORY(a_client_without_a_lease_gets_a_dormant_one),
		MEMORY(it_keeps_address_and_client_from_others),
		MEMORY(it_goes_with_its_reservation),
		MEMORY(a_lease_becomes_reserved_as_it_is),
		MEMORY(a_lease_elsewhere_stays_and_the_address_is_empty),
		MEMORY(an_empty_one_is_no_lease_for_iterations_and_batches),
		MEMORY(an_empty_one_stays_empty_until_its_client_comes),
		MEMORY(an_empty_one_goes_without_a_trace),
		MEMORY(the_client_may_go_elsewhere),
		MEMORY(a_reserved_lease_is_not_deleted),
		MEMORY(a_reserved_lease_keeps_its_expiry_unless_told),
		MEMORY(the_lease_may_change_its_client),
		MEMORY(a_dormant_lease_of_another_client_goes),
		MEMORY(a_reserved_lease_is_not_swept),
		MEMORY(what_cannot_be_reserved),
		MEMORY(what_cannot_be_released),
		MEMORY(reading_refuses),
		MEMORY(an_allocation_gets_what_is_reserved),
		MEMORY(nobody_else_gets_it),
		MEMORY(a_batch_takes_an_empty_one_in_its_turn),
		MEMORY(every_transition_is_counted),
		MEMORY(the_pool_changes_under_them),
		MEMORY(they_go_with_their_scope),
		MEMORY(names_are_found),
		MEMORY(leases_are_counted),
		STORE(it_keeps_address_and_client_from_others),
		STORE(a_lease_becomes_reserved_as_it_is),
		STORE(nobody_else_gets_it),
		STORE(a_batch_takes_an_empty_one_in_its_turn),
		STORE(they_come_back_with_the_log),
		STORE(they_come_back_with_a_snapshot),
		STORE(they_come_back_after_a_crash),
		STORE(a_reader_changes_nothing),
		STORE(they_have_tickets),
		STORE(many_come_back),
	};
	return cmocka_run_group_tests_name("reservation", tests, NULL, NULL);
}
