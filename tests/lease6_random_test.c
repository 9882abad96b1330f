/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPv6 leases and reservations beside a naive twin: a list that is searched from front to end. Few prefixes, addresses and clients, so that they meet; now and then the store is
 * closed and opened, with and without a snapshot.
 *   LESSOR_TEST_SEED    repeats a run
 *   LESSOR_TEST_ROUNDS  calls
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

#define PREFIX   UINT64_C(0x20010DB8AAAA0000)
#define PREFIXES 3u
#define LOWS     40u
#define CLIENTS  50u
#define LEASE_S  100u
#define LEASES   (PREFIXES * LOWS)

typedef struct {
	bool there;    /* a lease, or a reservation without one */
	bool is_empty; /* that */
	uint32_t client;
	uint32_t reserved_for; /* a client and 1; 0: not reserved */
	uint8_t address_state;
	lessor_address6_t address;
	lessor_address6_t owner;
	lessor_filetime_t expires_at;
	lessor_filetime_t preferred_expires_at;
	char name[40];
} twin_lease_t;

static scratch_random_t numbers;
static char directory[SCRATCH_PATH_BYTES];
static lessor_engine_t *engine;
static bool scope_there[PREFIXES];
static twin_lease_t twin[LEASES];

static uint32_t
below(uint32_t n) {
	return scratch_below(&numbers, n);
}

/* Around every boundary of how a client id can be stored: of 5 to 260 bytes with the IAID. */
static uint16_t
duid_of(uint32_t client, uint8_t duid[LESSOR_DUID_MAX_BYTES]) {
	static const uint16_t lengths[] = {1, 10, 14, 16, 17, 130, 250, 251, 252, 256};
	memset(duid, 'd', LESSOR_DUID_MAX_BYTES);
	duid[0] = (uint8_t)(client / 2); /* two clients share a DUID and differ in the IAID */
	return lengths[client / 2 % COUNT(lengths)];
}

static lessor_address6_t
any_address(void) {
	const uint64_t low = below(LOWS);
	return (lessor_address6_t){PREFIX + below(PREFIXES), low % 2 == 0 ? low : low << 56};
}

static twin_lease_t *
at(lessor_address6_t address) {
	for (size_t i = 0; i < LEASES; i++) {
		if (twin[i].there && twin[i].address.high == address.high && twin[i].address.low == address.low) {
			return &twin[i];
		}
	}
	return NULL;
}

static twin_lease_t *
of_client(uint64_t prefix, uint32_t client) {
	for (size_t i = 0; i < LEASES; i++) {
		if (twin[i].there && !twin[i].is_empty && twin[i].address.high == prefix && twin[i].client == client) {
			return &twin[i];
		}
	}
	return NULL;
}

static twin_lease_t *
reserved_for(uint64_t prefix, uint32_t client) {
	for (size_t i = 0; i < LEASES; i++) {
		if (twin[i].there && twin[i].address.high == prefix && twin[i].reserved_for == client + 1) {
			return &twin[i];
		}
	}
	return NULL;
}

/* The lease of an address, or nothing. */
static twin_lease_t *
lease_at(lessor_address6_t address) {
	twin_lease_t *found = at(address);
	return found != NULL && !found->is_empty ? found : NULL;
}

static twin_lease_t *
unused(void) {
	for (size_t i = 0; i < LEASES; i++) {
		if (!twin[i].there) {
			return &twin[i];
		}
	}
	return NULL;
}

/* Everything random; the DUID lies in 'duid', the name in the twin's. */
static lessor_lease6_t
any_lease(twin_lease_t *wanted, uint8_t duid[LESSOR_DUID_MAX_BYTES]) {
	lessor_lease6_t lease;
	lessor_lease6_init(&lease);
	*wanted = (twin_lease_t){.there = true, .client = below(CLIENTS), .address = any_address()};
	wanted->address_state = (uint8_t)(1 + below(3));
	wanted->expires_at = scratch_percent(&numbers, 20) ? LESSOR_TIME_INFINITE : 1000 + below(1000);
	lease.preferred_expires_at = scratch_percent(&numbers, 50) ? wanted->expires_at : below(2200);
	wanted->preferred_expires_at =
		lease.preferred_expires_at == 0 || lease.preferred_expires_at > wanted->expires_at
			? wanted->expires_at
			: lease.preferred_expires_at;
	if (scratch_percent(&numbers, 30)) {
		wanted->owner = (lessor_address6_t){1, below(5)};
	}
	(void)snprintf(wanted->name, sizeof(wanted->name), "%.*s", (int)below(30),
		       "abcdefghijklmnopqrstuvwxyzabcdefgh");
	lease.address = wanted->address;
	lease.duid = duid;
	lease.duid_bytes = duid_of(wanted->client, duid);
	lease.iaid = wanted->client;
	lease.address_state = wanted->address_state;
	lease.expires_at = wanted->expires_at;
	lease.owner_address = wanted->owner;
	lease.name = wanted->name;
	return lease;
}

static void
assert_same(const twin_lease_t *want, const lessor_lease6_t *got) {
	uint8_t duid[LESSOR_DUID_MAX_BYTES];
	assert_true(got->address.high == want->address.high && got->address.low == want->address.low);
	assert_int_equal(got->iaid, want->client);
	assert_int_equal(got->duid_bytes, duid_of(want->client, duid));
	assert_memory_equal(got->duid, duid, got->duid_bytes);
	assert_int_equal(got->address_state, want->address_state);
	assert_int_equal(got->expires_at, want->expires_at);
	assert_int_equal(got->preferred_expires_at, want->preferred_expires_at);
	assert_true(got->owner_address.high == want->owner.high && got->owner_address.low == want->owner.low);
	assert_string_equal(got->name != NULL ? got->name : "", want->name);
	assert_int_equal(got->is_reserved, want->reserved_for != 0);
}

static lessor_status_t
wanted_create(const twin_lease_t *wanted) {
	if (!scope_there[wanted->address.high - PREFIX]) {
		return LESSOR_NO_SCOPE;
	}
	const twin_lease_t *here = at(wanted->address);
	const bool takes = here != NULL && here->is_empty && here->reserved_for == wanted->client + 1;
	return here != NULL && !takes                                    ? LESSOR_ADDRESS_TAKEN
	       : of_client(wanted->address.high, wanted->client) != NULL ? LESSOR_CLIENT_TAKEN
									 : LESSOR_OK;
}

static void
create_some(void) {
	uint8_t duids[40][LESSOR_DUID_MAX_BYTES];
	twin_lease_t wanted[40];
	lessor_lease6_t leases[40];
	lessor_status_t statuses[40];
	const uint32_t count = scratch_percent(&numbers, 70) ? 1 : 1 + below(40);
	for (uint32_t i = 0; i < count; i++) {
		leases[i] = any_lease(&wanted[i], duids[i]);
	}
	if (count == 1) {
		statuses[0] = lessor_lease6_create(engine, &leases[0], LESSOR_ASYNC, NULL);
	} else {
		assert_status(LESSOR_OK,
			      lessor_lease6_create_batch(engine, leases, count, statuses, LESSOR_ASYNC, NULL));
	}
	for (uint32_t i = 0; i < count; i++) {
		assert_status(wanted_create(&wanted[i]), statuses[i]);
		if (statuses[i] == LESSOR_OK) {
			twin_lease_t *here = at(wanted[i].address);
			here = here != NULL ? here : unused();
			wanted[i].reserved_for = here->there ? here->reserved_for : 0;
			*here = wanted[i];
		}
	}
}

static void
update_one(void) {
	uint8_t duid[LESSOR_DUID_MAX_BYTES];
	twin_lease_t wanted;
	const lessor_lease6_t lease = any_lease(&wanted, duid);
	const bool if_client = scratch_percent(&numbers, 30);
	const uint32_t fields = below(LESSOR_FIELD_ALL + 1) &
				(LESSOR_FIELD_EXPIRES | LESSOR_FIELD_NAME | LESSOR_FIELD_OWNER |
				 LESSOR_FIELD_ADDRESS_STATE | (if_client ? 0u : (unsigned)LESSOR_FIELD_CLIENT_ID));
	const bool if_reserved = scratch_percent(&numbers, 50);
	twin_lease_t *old = lease_at(wanted.address);
	const twin_lease_t *other = of_client(wanted.address.high, wanted.client);
	lessor_status_t status = LESSOR_OK;
	if (old == NULL) {
		status = LESSOR_NOT_FOUND;
	} else if (if_client && old->client != wanted.client) {
		status = LESSOR_OTHER_CLIENT;
	} else if ((fields & LESSOR_FIELD_CLIENT_ID) != 0 && other != NULL && other != old) {
		status = LESSOR_CLIENT_TAKEN;
	}
	assert_status(status, lessor_lease6_update(engine, &lease,
						   fields | (if_client ? LESSOR_IF_CLIENT : 0u) |
							   (if_reserved ? LESSOR_IF_RESERVED : 0u),
						   LESSOR_ASYNC, NULL));
	if (status != LESSOR_OK) {
		return;
	}
	if ((fields & LESSOR_FIELD_CLIENT_ID) != 0) {
		old->client = wanted.client;
	}
	if ((fields & LESSOR_FIELD_EXPIRES) != 0 && (if_reserved || old->reserved_for == 0)) {
		old->expires_at = wanted.expires_at;
		old->preferred_expires_at = wanted.preferred_expires_at;
	}
	if ((fields & LESSOR_FIELD_NAME) != 0) {
		memcpy(old->name, wanted.name, sizeof(old->name));
	}
	if ((fields & LESSOR_FIELD_OWNER) != 0) {
		old->owner = wanted.owner;
	}
	if ((fields & LESSOR_FIELD_ADDRESS_STATE) != 0) {
		old->address_state = wanted.address_state;
	}
}

static void
delete_one(void) {
	const lessor_address6_t address = any_address();
	twin_lease_t *old = lease_at(address);
	const lessor_status_t status = old == NULL              ? LESSOR_NOT_FOUND
				       : old->reserved_for != 0 ? LESSOR_RESERVED
								: LESSOR_OK;
	assert_status(status, lessor_lease6_delete(engine, address, LESSOR_ASYNC, NULL));
	if (status == LESSOR_OK) {
		old->there = false;
	}
}

static void
reserve_one(void) {
	uint8_t duid[LESSOR_DUID_MAX_BYTES];
	const uint32_t client = below(CLIENTS);
	const lessor_address6_t address = any_address();
	const lessor_reservation6_t reservation = {
		.address = address, .duid = duid, .duid_bytes = duid_of(client, duid), .iaid = client};
	twin_lease_t *here = at(address);
	twin_lease_t *own = of_client(address.high, client);
	lessor_status_t status = LESSOR_OK;
	if (!scope_there[address.high - PREFIX]) {
		status = LESSOR_NO_SCOPE;
	} else if ((here != NULL && here->reserved_for != 0) || reserved_for(address.high, client) != NULL) {
		status = LESSOR_RESERVED;
	}
	assert_status(status, lessor_reservation6_create(engine, address.high, &reservation, LESSOR_ASYNC, NULL));
	if (status != LESSOR_OK) {
		return;
	}
	twin_lease_t fresh = {.client = client, .address_state = LESSOR_STATE_ACTIVE};
	if (own != NULL && own->reserved_for == 0) {
		fresh = *own;
		own->there = false;
	}
	fresh.there = true;
	fresh.is_empty = own != NULL && own->reserved_for != 0;
	fresh.address = address;
	fresh.reserved_for = client + 1;
	here = here != NULL ? here : unused();
	*here = fresh;
}

static void
release_one(void) {
	const lessor_filetime_t now = 1 + below(100);
	const lessor_address6_t address = any_address();
	twin_lease_t *here = at(address);
	const lessor_status_t absent = scope_there[address.high - PREFIX] ? LESSOR_NOT_FOUND : LESSOR_NO_SCOPE;
	const bool is_reserved = here != NULL && here->reserved_for != 0;
	assert_status(is_reserved ? LESSOR_OK : absent,
		      lessor_reservation6_delete(engine, address.high, address, now, LESSOR_ASYNC, NULL));
	if (is_reserved) {
		here->there = !here->is_empty && here->expires_at != LESSOR_TIME_NONE;
		here->reserved_for = 0;
		here->expires_at = here->preferred_expires_at = now + LEASE_S * LESSOR_TICKS_PER_SECOND;
	}
}

static void
read_some(void) {
	char buffer[512];
	uint8_t duid[LESSOR_DUID_MAX_BYTES];
	lessor_lease6_t got;
	const lessor_address6_t address = any_address();
	const twin_lease_t *want = lease_at(address);
	assert_status(want != NULL ? LESSOR_OK : LESSOR_NOT_FOUND,
		      lessor_lease6_get(engine, address, &got, buffer, sizeof(buffer)));
	if (want != NULL) {
		assert_same(want, &got);
	}
	const uint32_t client = below(CLIENTS);
	const uint16_t bytes = duid_of(client, duid);
	want = of_client(address.high, client);
	const lessor_status_t absent = scope_there[address.high - PREFIX] ? LESSOR_NOT_FOUND : LESSOR_NO_SCOPE;
	assert_status(
		want != NULL ? LESSOR_OK : absent,
		lessor_lease6_get_client(engine, address.high, duid, bytes, client, &got, buffer, sizeof(buffer)));
	if (want != NULL) {
		assert_same(want, &got);
	}
}

static void
expire_some(void) {
	const lessor_filetime_t now = 900 + below(400);
	lessor_cursor6_t cursor;
	lessor_status_t status;
	uint64_t removed = 0;
	uint64_t wanted = 0;
	const lessor_expire_options_t options = {.size_bytes = sizeof(options), .limit = 1 + below(20)};
	lessor_cursor6_init(&cursor, (lessor_address6_t){0, 0}, (lessor_address6_t){UINT64_MAX, UINT64_MAX});
	do {
		lessor_expire_report_t report = {0};
		status = lessor_expire6(engine, now, &options, &cursor, &report, LESSOR_ASYNC, NULL);
		removed += report.removed;
	} while (status == LESSOR_OK);
	assert_status(LESSOR_END, status);
	for (size_t i = 0; i < LEASES; i++) {
		/* To a DOOM lease a client has last spoken in 1970, which is later than all of this. */
		if (twin[i].there && twin[i].reserved_for == 0 && twin[i].expires_at < LESSOR_TIME_INFINITE &&
		    now >= twin[i].expires_at && twin[i].address_state != LESSOR_STATE_DOOM) {
			twin[i].there = false;
			wanted++;
		}
	}
	assert_int_equal(removed, wanted);
}

static void
change_scope(void) {
	const uint64_t number = below(PREFIXES);
	if (scope_there[number]) {
		assert_status(LESSOR_OK, lessor_scope6_delete(engine, PREFIX + number, true, LESSOR_ASYNC, NULL));
	} else {
		const lessor_scope6_t scope = {.prefix = PREFIX + number, .lease_s = LEASE_S};
		assert_status(LESSOR_OK, lessor_scope6_create(engine, &scope, LESSOR_ASYNC, NULL));
	}
	scope_there[number] = !scope_there[number];
	for (size_t i = 0; i < LEASES; i++) {
		twin[i].there = twin[i].there && twin[i].address.high != PREFIX + number;
	}
}

/* The next lease, or reservation, of the twin at or behind an address. */
static const twin_lease_t *
next(lessor_address6_t from, bool is_reservation) {
	const twin_lease_t *best = NULL;
	for (size_t i = 0; i < LEASES; i++) {
		const lessor_address6_t here = twin[i].address;
		if (twin[i].there && (is_reservation ? twin[i].reserved_for != 0 : !twin[i].is_empty) &&
		    (here.high > from.high || (here.high == from.high && here.low >= from.low)) &&
		    (best == NULL || here.high < best->address.high ||
		     (here.high == best->address.high && here.low < best->address.low))) {
			best = &twin[i];
		}
	}
	return best;
}

static void
compare_reservations(uint64_t prefix) {
	char buffer[LESSOR_DUID_MAX_BYTES];
	uint8_t duid[LESSOR_DUID_MAX_BYTES];
	lessor_reservation6_t got;
	lessor_address6_t from = {prefix, 0};
	for (const twin_lease_t *want; (want = next(from, true)) != NULL && want->address.high == prefix;) {
		assert_status(LESSOR_OK, lessor_reservation6_next(engine, prefix, from, &got, buffer, sizeof(buffer)));
		assert_true(got.address.high == prefix && got.address.low == want->address.low);
		assert_int_equal(got.iaid, want->reserved_for - 1);
		assert_int_equal(got.duid_bytes, duid_of(got.iaid, duid));
		assert_memory_equal(got.duid, duid, got.duid_bytes);
		assert_int_equal(got.has_lease, !want->is_empty);
		assert_int_equal(got.is_dormant, !want->is_empty && want->expires_at == LESSOR_TIME_NONE);
		from.low = want->address.low + 1;
	}
	assert_status(LESSOR_END, lessor_reservation6_next(engine, prefix, from, &got, buffer, sizeof(buffer)));
}

static void
compare_all(void) {
	char buffer[512];
	lessor_lease6_t got;
	lessor_cursor6_t cursor;
	lessor_report_t report;
	uint64_t count;
	uint64_t seen = 0;
	lessor_address6_t from = {0, 0};
	const lessor_address6_t last = {UINT64_MAX, UINT64_MAX};
	lessor_cursor6_init(&cursor, from, last);
	for (const twin_lease_t *want; (want = next(from, false)) != NULL; seen++) {
		assert_status(LESSOR_OK, lessor_lease6_next(engine, &cursor, &got, buffer, sizeof(buffer)));
		assert_same(want, &got);
		from = want->address;
		from.high += from.low == UINT64_MAX;
		from.low++;
	}
	assert_status(LESSOR_END, lessor_lease6_next(engine, &cursor, &got, buffer, sizeof(buffer)));
	assert_status(LESSOR_OK, lessor_lease6_count(engine, (lessor_address6_t){0, 0}, last, &count));
	assert_int_equal(count, seen);
	for (uint64_t number = 0; number < PREFIXES; number++) {
		if (scope_there[number]) {
			compare_reservations(PREFIX + number);
		}
	}
	const lessor_status_t status = lessor_check(engine, &report);
	if (status != LESSOR_OK) {
		print_error("check: %s\n", report.sentence);
	}
	assert_status(LESSOR_OK, status);
	assert_int_equal(report.leases, seen);
}

static void
reopen(void) {
	if (scratch_percent(&numbers, 50)) {
		assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	}
	lessor_scope6_stats_t before[PREFIXES];
	lessor_scope6_stats_t after;
	for (uint64_t number = 0; number < PREFIXES; number++) {
		(void)lessor_scope6_stats(engine, PREFIX + number, &before[number]);
		before[number].expires = 0; /* begins anew */
	}
	scratch_close(engine);
	engine = scratch_open_log(directory);
	for (uint64_t number = 0; number < PREFIXES; number++) {
		if (scope_there[number]) {
			assert_status(LESSOR_OK, lessor_scope6_stats(engine, PREFIX + number, &after));
			assert_memory_equal(&before[number], &after, sizeof(after));
		}
	}
	compare_all();
}

static void
engine_and_twin_agree(void **state) {
	const unsigned long rounds = scratch_number("LESSOR_TEST_ROUNDS", scratch_is_sanitized() ? 3000 : 20000);
	(void)state;
	numbers.state = scratch_seed();
	scratch_make_fast(directory);
	engine = scratch_open_log(directory);
	for (unsigned long i = 0; i < rounds; i++) {
		const uint32_t what = below(1000);
		if (what < 350) {
			create_some();
		} else if (what < 550) {
			update_one();
		} else if (what < 700) {
			delete_one();
		} else if (what < 750) {
			reserve_one();
		} else if (what < 800) {
			release_one();
		} else if (what < 980) {
			read_some();
		} else if (what < 985) {
			expire_some();
		} else if (what < 993) {
			change_scope();
		} else if (what < 998) {
			compare_all();
		} else {
			reopen();
		}
	}
	compare_all();
	scratch_close(engine);
	scratch_remove(directory);
}

int
main(void) {
	const struct CMUnitTest tests[] = {cmocka_unit_test(engine_and_twin_agree)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
