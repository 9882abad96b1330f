/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases, call by call: every status that is promised, every limit at its edge and one beyond, every member kept.
 *
 * Most tests start from an engine in memory with the scopes 192.168.1.0/24 (range .10 to .99, excluded .20 to .29) and
 * 192.168.2.0/24.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"

#define SUBNET  IP(192, 168, 1, 0)
#define SUBNET2 IP(192, 168, 2, 0)
#define MASK    UINT32_C(0xFFFFFF00)

static const uint8_t m1[] = {0x00, 0x1C, 0x25, 0x80, 0xA0, 0x43};
static const uint8_t m2[] = {0x00, 0x1C, 0x25, 0x80, 0xA0, 0x44};

static lessor_engine_t *engine;

static void
add_scopes(void) {
	lessor_scope_t scope = scratch_scope(SUBNET, MASK);
	lessor_range_t excluded = {SUBNET + 20, SUBNET + 29};
	scope.has_range = true;
	scope.range = (lessor_range_t){SUBNET + 10, SUBNET + 99};
	assert_status(LESSOR_OK, lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope_exclude(engine, SUBNET, excluded, LESSOR_ASYNC, NULL));
	scratch_scope_add(engine, SUBNET2, MASK, false);
}

static int
open_engine(void **state) {
	(void)state;
	engine = scratch_open_memory();
	add_scopes();
	return 0;
}

static int
close_engine(void **state) {
	lessor_status_t check = lessor_check(engine, NULL);
	(void)state;
	return lessor_close(&engine) == LESSOR_OK && check == LESSOR_OK ? 0 : -1;
}

static lessor_lease_t
lease_of(uint32_t address, const uint8_t client_id[6]) {
	return scratch_lease(address, client_id, 6);
}

/* Create it, and see that a refusal leaves the ticket alone. */
static lessor_status_t
create(const lessor_lease_t *lease) {
	const lessor_ticket_t untouched = UINT64_C(0xABCDEF);
	lessor_ticket_t ticket = untouched;
	lessor_status_t status = lessor_lease_create(engine, lease, LESSOR_ASYNC, &ticket);
	if (status == LESSOR_OK) {
		assert_int_equal(ticket, 0);
	} else {
		assert_int_equal(ticket, untouched);
	}
	return status;
}

static lessor_status_t
update(const lessor_lease_t *lease, uint32_t fields) {
	const lessor_ticket_t untouched = UINT64_C(0xABCDEF);
	lessor_ticket_t ticket = untouched;
	lessor_status_t status = lessor_lease_update(engine, lease, fields, LESSOR_ASYNC, &ticket);
	if (status != LESSOR_OK) {
		assert_int_equal(ticket, untouched);
	}
	return status;
}

static lessor_status_t delete (uint32_t address, const uint8_t *client_id, size_t bytes) {
	const lessor_ticket_t untouched = UINT64_C(0xABCDEF);
	lessor_ticket_t ticket = untouched;
	lessor_status_t status = lessor_lease_delete(engine, address, client_id, bytes, LESSOR_ASYNC, &ticket);
	if (status != LESSOR_OK) {
		assert_int_equal(ticket, untouched);
	}
	return status;
}

static uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];

static lessor_lease_t
get(uint32_t address) {
	lessor_lease_t lease;
	memset(&lease, SCRATCH_POISON, sizeof(lease));
	assert_status(LESSOR_OK, lessor_lease_get(engine, address, &lease, buffer, sizeof(buffer)));
	return lease;
}

static uint64_t
count_leases(void) {
	lessor_engine_stats_t stats;
	assert_status(LESSOR_OK, lessor_engine_stats(engine, &stats));
	return stats.leases;
}

static void
assert_use(uint64_t in_use, uint64_t unused) {
	lessor_scope_stats_t stats;
	assert_status(LESSOR_OK, lessor_scope_stats(engine, SUBNET, &stats));
	assert_int_equal(stats.in_use, in_use);
	assert_int_equal(stats.free, unused);
	assert_int_equal(stats.pending, 0);
}

static char *
text_of(size_t bytes) {
	char *text = malloc(bytes + 1);
	assert_non_null(text);
	memset(text, 't', bytes);
	text[bytes] = '\0';
	return text;
}

/* The text members of a lease, as if they were an array. */
static const struct {
	const char *name;
	size_t offset;
	size_t max_bytes;
	uint32_t field;
} texts[] = {
	{"name", offsetof(lessor_lease_t, name), LESSOR_NAME_MAX_BYTES, LESSOR_FIELD_NAME},
	{"comment", offsetof(lessor_lease_t, comment), LESSOR_NAME_MAX_BYTES, LESSOR_FIELD_COMMENT},
	{"policy_name", offsetof(lessor_lease_t, policy_name), LESSOR_POLICY_MAX_BYTES, LESSOR_FIELD_POLICY},
	{"owner_name", offsetof(lessor_lease_t, owner_name), LESSOR_NAME_MAX_BYTES, LESSOR_FIELD_OWNER},
	{"user_context", offsetof(lessor_lease_t, user_context), LESSOR_USER_CONTEXT_MAX_BYTES,
	 LESSOR_FIELD_USER_CONTEXT},
};

static void
set_text(lessor_lease_t *lease, size_t which, const char *text) {
	memcpy((char *)lease + texts[which].offset, &text, sizeof(text));
}

static const char *
text_in(const lessor_lease_t *lease, size_t which) {
	const char *text;
	memcpy(&text, (const char *)lease + texts[which].offset, sizeof(text));
	return text;
}

static void
assert_same_text(const char *want, const char *got) {
	assert_true((want == NULL) == (got == NULL));
	if (want != NULL) {
		assert_string_equal(want, got);
	}
}

static void
assert_same_bytes(const uint8_t *want, size_t want_bytes, const uint8_t *got, size_t got_bytes) {
	assert_int_equal(want_bytes, got_bytes);
	if (want_bytes > 0) {
		assert_non_null(got);
		assert_memory_equal(want, got, want_bytes);
	}
}

static void
assert_same(const lessor_lease_t *want, const lessor_lease_t *got) {
	assert_int_equal(want->address, got->address);
	assert_int_equal(got->subnet_mask, MASK);
	assert_same_bytes(want->client_id, want->client_id_bytes, got->client_id, got->client_id_bytes);
	assert_int_equal(want->client_type, got->client_type);
	assert_int_equal(want->address_state, got->address_state);
	assert_int_equal(want->quarantine_status, got->quarantine_status);
	assert_int_equal(want->quarantine_capable, got->quarantine_capable);
	assert_int_equal(want->client_id_made_up, got->client_id_made_up);
	assert_int_equal(want->dns_forward, got->dns_forward);
	assert_int_equal(want->dns_reverse, got->dns_reverse);
	assert_int_equal(want->hardware_type, got->hardware_type);
	assert_same_bytes(want->hardware, want->hardware_bytes, got->hardware, got->hardware_bytes);
	assert_int_equal(want->last_transaction_s, got->last_transaction_s);
	assert_int_equal(want->expires_at, got->expires_at);
	assert_int_equal(want->probation_ends_at, got->probation_ends_at);
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_same_text(text_in(want, i), text_in(got, i));
	}
	assert_int_equal(want->owner_address, got->owner_address);
	assert_int_equal(want->state_ex, got->state_ex);
	assert_same_bytes((const uint8_t *)want->limit_key, want->limit_keys * sizeof(want->limit_key[0]),
			  (const uint8_t *)got->limit_key, got->limit_keys * sizeof(got->limit_key[0]));
	assert_false(got->is_reserved);
}

/* By address, by client and by iteration. */
static void
assert_stored(const lessor_lease_t *want) {
	uint32_t subnet = want->address & MASK;
	lessor_cursor_t cursor;
	lessor_lease_t got = get(want->address);
	assert_same(want, &got);
	memset(&got, SCRATCH_POISON, sizeof(got));
	assert_status(LESSOR_OK, lessor_lease_get_client(engine, subnet, want->client_id, want->client_id_bytes, &got,
							 buffer, sizeof(buffer)));
	assert_same(want, &got);
	lessor_cursor_init(&cursor, want->address, want->address);
	memset(&got, SCRATCH_POISON, sizeof(got));
	assert_status(LESSOR_OK, lessor_lease_next(engine, &cursor, &got, buffer, sizeof(buffer)));
	assert_same(want, &got);
	assert_status(LESSOR_END, lessor_lease_next(engine, &cursor, &got, buffer, sizeof(buffer)));
}

/*
 * Create: what is asked of each member.
 */

static void
test_init(void **state) {
	lessor_lease_t lease;
	(void)state;
	memset(&lease, SCRATCH_POISON, sizeof(lease));
	lessor_lease_init(&lease);
	assert_int_equal(lease.client_type, LESSOR_CLIENT_DHCP);
	assert_int_equal(lease.address_state, LESSOR_STATE_ACTIVE);
	assert_int_equal(lease.expires_at, LESSOR_TIME_INFINITE);
	assert_int_equal(lease.address, 0);
	assert_null(lease.client_id);
	assert_null(lease.hardware);
	assert_int_equal(lease.probation_ends_at, LESSOR_TIME_NONE);
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_null(text_in(&lease, i));
	}
	lessor_lease_init(NULL);
}

static void
test_minimal_lease(void **state) {
	lessor_lease_t lease;
	(void)state;
	memset(&lease, 0, sizeof(lease));
	lease.address = SUBNET + 10;
	lease.client_id = m1;
	lease.client_id_bytes = 1;
	lease.subnet_mask = UINT32_C(0xFF000000);
	lease.ticket = 12345;
	assert_status(LESSOR_OK, create(&lease));
	lease.address_state = LESSOR_STATE_ACTIVE;
	assert_stored(&lease);
	assert_int_equal(get(SUBNET + 10).ticket, 0);
	assert_use(1, 79);
}

static void
test_null_arguments(void **state) {
	lessor_lease_t lease = lease_of(SUBNET + 10, m1);
	lessor_status_t statuses[1] = {LESSOR_TIMEOUT};
	lessor_cursor_t cursor;
	lessor_ticket_t ticket = 5;
	(void)state;
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	lessor_cursor_init(NULL, 0, 1);
	assert_status(LESSOR_INVALID, lessor_lease_create(NULL, &lease, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_INVALID, lessor_lease_create(engine, NULL, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_INVALID, lessor_lease_create_batch(NULL, &lease, 1, statuses, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_INVALID, lessor_lease_create_batch(engine, NULL, 1, statuses, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_INVALID, lessor_lease_create_batch(engine, &lease, 1, NULL, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_INVALID, lessor_lease_update(NULL, &lease, LESSOR_FIELD_NAME, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_INVALID, lessor_lease_update(engine, NULL, LESSOR_FIELD_NAME, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_INVALID, lessor_lease_delete(NULL, SUBNET + 10, NULL, 0, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_INVALID, lessor_lease_get(NULL, SUBNET + 10, &lease, buffer, sizeof(buffer)));
	assert_status(LESSOR_INVALID, lessor_lease_get_client(NULL, SUBNET, m1, 6, &lease, buffer, sizeof(buffer)));
	assert_status(LESSOR_INVALID, lessor_lease_next(NULL, &cursor, &lease, buffer, sizeof(buffer)));
	assert_int_equal(count_leases(), 0);
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_INVALID, lessor_lease_get(engine, SUBNET + 10, NULL, buffer, sizeof(buffer)));
	assert_status(LESSOR_INVALID, lessor_lease_get(engine, SUBNET + 10, &lease, NULL, sizeof(buffer)));
	assert_status(LESSOR_INVALID, lessor_lease_get_client(engine, SUBNET, m1, 6, NULL, buffer, sizeof(buffer)));
	assert_status(LESSOR_INVALID, lessor_lease_get_client(engine, SUBNET, NULL, 6, &lease, buffer, sizeof(buffer)));
	assert_status(LESSOR_INVALID, lessor_lease_get_client(engine, SUBNET, m1, 0, &lease, buffer, sizeof(buffer)));
	assert_status(LESSOR_INVALID, lessor_lease_get_client(engine, SUBNET, m1, 6, &lease, NULL, sizeof(buffer)));
	assert_status(LESSOR_INVALID, lessor_lease_next(engine, NULL, &lease, buffer, sizeof(buffer)));
	assert_status(LESSOR_INVALID, lessor_lease_next(engine, &cursor, NULL, buffer, sizeof(buffer)));
	assert_status(LESSOR_INVALID, lessor_lease_next(engine, &cursor, &lease, NULL, sizeof(buffer)));
	assert_status(LESSOR_OK, lessor_lease_next(engine, &cursor, &lease, buffer, sizeof(buffer)));
	assert_int_equal(ticket, 5);
	assert_int_equal(statuses[0], LESSOR_TIMEOUT);
}

static void
test_unknown_modes(void **state) {
	lessor_lease_t lease = lease_of(SUBNET + 10, m1);
	lessor_status_t statuses[1];
	(void)state;
	for (int mode = 2; mode < 8; mode++) {
		lessor_mode_t unknown = (lessor_mode_t)mode;
		assert_status(LESSOR_INVALID, lessor_lease_create(engine, &lease, unknown, NULL));
		assert_status(LESSOR_INVALID, lessor_lease_create_batch(engine, &lease, 1, statuses, unknown, NULL));
		assert_int_equal(count_leases(), 0);
		assert_status(LESSOR_OK, create(&lease));
		assert_status(LESSOR_INVALID, lessor_lease_update(engine, &lease, LESSOR_FIELD_NAME, unknown, NULL));
		assert_status(LESSOR_INVALID, lessor_lease_delete(engine, SUBNET + 10, NULL, 0, unknown, NULL));
		assert_status(LESSOR_OK, delete (SUBNET + 10, NULL, 0));
	}
}

static void
test_addresses(void **state) {
	static const struct {
		uint32_t address;
		lessor_status_t expected;
		uint64_t in_use;
	} cases[] = {
		{0, LESSOR_INVALID, 0},
		{1, LESSOR_NO_SCOPE, 0},
		{IP(10, 0, 0, 1), LESSOR_NO_SCOPE, 0},
		{SUBNET - 1, LESSOR_NO_SCOPE, 0},
		{SUBNET, LESSOR_OK, 0}, /* the network address */
		{SUBNET + 1, LESSOR_OK, 0},
		{SUBNET + 9, LESSOR_OK, 0},
		{SUBNET + 10, LESSOR_OK, 1},
		{SUBNET + 19, LESSOR_OK, 1},
		{SUBNET + 20, LESSOR_OK, 0}, /* excluded */
		{SUBNET + 25, LESSOR_OK, 0},
		{SUBNET + 29, LESSOR_OK, 0},
		{SUBNET + 30, LESSOR_OK, 1},
		{SUBNET + 99, LESSOR_OK, 1},
		{SUBNET + 100, LESSOR_OK, 0},
		{SUBNET + 200, LESSOR_OK, 0}, /* outside the range */
		{SUBNET + 255, LESSOR_OK, 0}, /* the broadcast address */
		{SUBNET2, LESSOR_OK, 0},
		{SUBNET2 + 256, LESSOR_NO_SCOPE, 0},
		{UINT32_MAX, LESSOR_NO_SCOPE, 0},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		lessor_lease_t lease = lease_of(cases[i].address, m1);
		assert_status(cases[i].expected, create(&lease));
		assert_use(cases[i].in_use, 80 - cases[i].in_use);
		if (cases[i].expected == LESSOR_OK) {
			assert_stored(&lease);
			assert_status(LESSOR_OK, delete (cases[i].address, NULL, 0));
		}
		assert_use(0, 80);
	}
	scratch_scope_add(engine, UINT32_MAX - 255, MASK, true);
	{
		lessor_lease_t lease = lease_of(UINT32_MAX, m1);
		assert_status(LESSOR_OK, create(&lease));
		assert_stored(&lease);
		assert_status(LESSOR_OK, delete (UINT32_MAX, m1, 6));
	}
}

static void
test_address_states(void **state) {
	(void)state;
	for (unsigned value = 0; value <= 255; value++) {
		lessor_lease_t lease = lease_of(SUBNET + 10, m1);
		bool refused = value != 0 && (value & LESSOR_STATE_MASK) == LESSOR_STATE_OFFERED;
		bool in_use = value == 0 || (value & LESSOR_STATE_MASK) == LESSOR_STATE_ACTIVE ||
			      (value & LESSOR_STATE_MASK) == LESSOR_STATE_DECLINED;
		lease.address_state = (uint8_t)value;
		assert_status(refused ? LESSOR_INVALID : LESSOR_OK, create(&lease));
		if (refused) {
			assert_int_equal(count_leases(), 0);
		} else {
			lease.address_state = value == 0 ? LESSOR_STATE_ACTIVE : (uint8_t)value;
			assert_stored(&lease);
			assert_use(in_use, 80u - in_use);
			assert_status(LESSOR_OK, delete (SUBNET + 10, NULL, 0));
		}
		assert_use(0, 80);
	}
}

static void
test_strict_address_states(void **state) {
	lessor_engine_t *lenient = engine;
	lessor_options_t options;
	(void)state;
	scratch_options_memory(&options);
	options.strict_address_state = true;
	engine = NULL;
	assert_status(LESSOR_OK, lessor_open(NULL, &options, &engine, NULL));
	add_scopes();
	for (unsigned value = 0; value <= 255; value++) {
		lessor_lease_t lease = lease_of(SUBNET + 10, m1);
		lessor_status_t batched = LESSOR_TIMEOUT;
		bool refused = (value & LESSOR_STATE_MASK) == LESSOR_STATE_OFFERED;
		lease.address_state = (uint8_t)value;
		assert_status(refused ? LESSOR_INVALID : LESSOR_OK, create(&lease));
		(void)delete (SUBNET + 10, NULL, 0);
		assert_status(LESSOR_OK, lessor_lease_create_batch(engine, &lease, 1, &batched, LESSOR_ASYNC, NULL));
		assert_status(refused ? LESSOR_INVALID : LESSOR_OK, batched);
		(void)delete (SUBNET + 10, NULL, 0);
	}
	scratch_close(engine);
	engine = lenient;
}

static void
test_client_types_and_quarantine(void **state) {
	(void)state;
	for (unsigned value = 0; value <= 255; value++) {
		lessor_lease_t lease = lease_of(SUBNET + 10, m1);
		bool known = value <= 7 || value == LESSOR_CLIENT_NONE;
		lease.client_type = (uint8_t)value;
		assert_status(known ? LESSOR_OK : LESSOR_INVALID, create(&lease));
		if (known) {
			assert_stored(&lease);
			assert_status(LESSOR_OK, delete (SUBNET + 10, NULL, 0));
		}
		lease.client_type = LESSOR_CLIENT_BOOTP;
		lease.quarantine_status = (uint8_t)value;
		lease.quarantine_capable = value & 1;
		known = value <= LESSOR_NO_QUARANTINE_INFO;
		assert_status(known ? LESSOR_OK : LESSOR_INVALID, create(&lease));
		if (known) {
			assert_stored(&lease);
			assert_status(LESSOR_OK, delete (SUBNET + 10, NULL, 0));
		}
		assert_int_equal(count_leases(), 0);
	}
}

static void
test_times(void **state) {
	static const lessor_filetime_t times[] = {
		LESSOR_TIME_NONE,
		1,
		UINT32_MAX,
		(lessor_filetime_t)UINT32_MAX + 1,
		9999999,
		LESSOR_TICKS_PER_SECOND,
		10000001,
		116444736000000000,
		116444736000000001,
		133444736009999999,
		LESSOR_TIME_INFINITE - LESSOR_TICKS_PER_SECOND,
		LESSOR_TIME_INFINITE - 1,
		LESSOR_TIME_INFINITE,
		LESSOR_TIME_INFINITE + 1,
		UINT64_MAX - 1,
		UINT64_MAX,
	};
	static const uint32_t seconds[] = {0, 1, INT32_MAX, UINT32_C(0x80000000), UINT32_MAX};
	(void)state;
	for (size_t i = 0; i < COUNT(times); i++) {
		lessor_lease_t lease = lease_of(SUBNET + 10, m1);
		lease.expires_at = times[i];
		lease.probation_ends_at = times[COUNT(times) - 1 - i];
		lease.last_transaction_s = seconds[i % COUNT(seconds)];
		assert_status(LESSOR_OK, create(&lease));
		assert_stored(&lease);
		lease.expires_at = lease.probation_ends_at;
		assert_status(LESSOR_OK, update(&lease, LESSOR_FIELD_EXPIRES));
		assert_stored(&lease);
		assert_status(LESSOR_OK, delete (SUBNET + 10, NULL, 0));
	}
}

static void
test_client_ids(void **state) {
	uint8_t id[LESSOR_CLIENT_ID_MAX_BYTES + 1] = {0};
	lessor_lease_t lease = lease_of(SUBNET + 10, id);
	(void)state;
	for (size_t i = 0; i < sizeof(id); i++) {
		id[i] = (uint8_t)(7 * i);
	}
	lease.client_id_bytes = 0;
	assert_status(LESSOR_INVALID, create(&lease));
	lease.client_id = NULL;
	assert_status(LESSOR_INVALID, create(&lease));
	lease.client_id_bytes = 6;
	assert_status(LESSOR_INVALID, create(&lease));
	lease.client_id = id;
	for (unsigned bytes = 1; bytes <= LESSOR_CLIENT_ID_MAX_BYTES; bytes++) {
		lease.client_id_bytes = (uint8_t)bytes;
		lease.client_id_made_up = bytes & 1;
		lease.address = SUBNET + bytes % 255;
		assert_status(LESSOR_OK, create(&lease));
		assert_stored(&lease);
	}
	/* 255 clients, each the beginning of the next: all there, and none mistaken for another. */
	for (unsigned bytes = 1; bytes <= LESSOR_CLIENT_ID_MAX_BYTES; bytes++) {
		lessor_lease_t got;
		assert_status(LESSOR_OK,
			      lessor_lease_get_client(engine, SUBNET, id, bytes, &got, buffer, sizeof(buffer)));
		assert_int_equal(got.address, SUBNET + bytes % 255);
		assert_int_equal(got.client_id_bytes, bytes);
		lease.client_id_bytes = (uint8_t)bytes;
		lease.address = SUBNET + 255;
		assert_status(LESSOR_CLIENT_TAKEN, create(&lease));
		id[bytes - 1] ^= 1;
		assert_status(LESSOR_NOT_FOUND,
			      lessor_lease_get_client(engine, SUBNET, id, bytes, &got, buffer, sizeof(buffer)));
		id[bytes - 1] ^= 1;
		assert_status(LESSOR_NOT_FOUND,
			      lessor_lease_get_client(engine, SUBNET2, id, bytes, &got, buffer, sizeof(buffer)));
	}
}

static void
test_hardware_addresses(void **state) {
	uint8_t hardware[LESSOR_HARDWARE_MAX_BYTES + 1];
	(void)state;
	for (size_t i = 0; i < sizeof(hardware); i++) {
		hardware[i] = (uint8_t)(0xF0 - i);
	}
	for (unsigned bytes = 0; bytes <= 255; bytes++) {
		lessor_lease_t lease = lease_of(SUBNET + 10, m1);
		bool fits = bytes <= LESSOR_HARDWARE_MAX_BYTES;
		lease.hardware = hardware;
		lease.hardware_bytes = (uint8_t)bytes;
		lease.hardware_type = bytes == 0 ? 0 : (uint8_t)(255 - bytes);
		assert_status(fits ? LESSOR_OK : LESSOR_INVALID, create(&lease));
		if (fits) {
			assert_stored(&lease);
			assert_status(LESSOR_OK, delete (SUBNET + 10, NULL, 0));
		}
		lease.hardware = NULL;
		assert_status(bytes == 0 ? LESSOR_OK : LESSOR_INVALID, create(&lease));
		(void)delete (SUBNET + 10, NULL, 0);
	}
}

/* The usual: the link-layer address is the client id, whole or behind its type. Both must come back as they went in. */
static void
test_hardware_that_repeats_the_client(void **state) {
	static const uint8_t typed[] = {1, 2, 3, 4, 5, 6, 7};
	static const uint8_t other[] = {9, 3, 4, 5, 6, 7};
	(void)state;
	for (unsigned type = 0; type <= 7; type++) {
		for (uint8_t bytes = 1; bytes <= 7; bytes++) {
			for (uint8_t from = 0; from < 2; from++) {
				lessor_lease_t lease = scratch_lease(SUBNET + 10, typed, bytes);
				lease.hardware = typed + from;
				lease.hardware_bytes = (uint8_t)(bytes - from);
				lease.hardware_type = lease.hardware_bytes == 0 ? 0 : (uint8_t)type;
				assert_status(LESSOR_OK, create(&lease));
				assert_stored(&lease);
				lease.hardware = other;
				lease.hardware_bytes = sizeof(other);
				lease.hardware_type = (uint8_t)type;
				assert_status(LESSOR_OK, update(&lease, LESSOR_FIELD_HARDWARE));
				assert_stored(&lease);
				lease.client_id = m1;
				lease.client_id_bytes = sizeof(m1);
				assert_status(LESSOR_OK, update(&lease, LESSOR_FIELD_CLIENT_ID));
				assert_stored(&lease);
				assert_status(LESSOR_OK, delete (SUBNET + 10, NULL, 0));
			}
		}
	}
}

static void
test_hardware_survives_another_client_id(void **state) {
	lessor_lease_t lease = lease_of(SUBNET + 10, m1);
	(void)state;
	lease.hardware = m1;
	lease.hardware_bytes = sizeof(m1);
	lease.hardware_type = 1;
	assert_status(LESSOR_OK, create(&lease));
	lease.client_id = m2;
	assert_status(LESSOR_OK, update(&lease, LESSOR_FIELD_CLIENT_ID));
	assert_stored(&lease);
	lease.client_id = m1;
	assert_status(LESSOR_OK, update(&lease, LESSOR_FIELD_CLIENT_ID));
	assert_stored(&lease);
}

static void
test_texts_up_to_the_limit(void **state) {
	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		size_t lengths[] = {0, 1, 19, 20, 21, 63, 64, 255, texts[i].max_bytes - 1, texts[i].max_bytes};
		lessor_lease_t lease = lease_of(SUBNET + 10, m1);
		char *text;
		for (size_t j = 0; j < COUNT(lengths); j++) {
			text = text_of(lengths[j] < texts[i].max_bytes ? lengths[j] : texts[i].max_bytes);
			set_text(&lease, i, text);
			assert_status(LESSOR_OK, create(&lease));
			assert_stored(&lease);
			assert_status(LESSOR_OK, update(&lease, texts[i].field));
			assert_stored(&lease);
			assert_status(LESSOR_OK, delete (SUBNET + 10, NULL, 0));
			free(text);
		}
		text = text_of(texts[i].max_bytes + 1);
		set_text(&lease, i, text);
		assert_status(LESSOR_INVALID, create(&lease));
		set_text(&lease, i, NULL);
		assert_status(LESSOR_OK, create(&lease));
		set_text(&lease, i, text);
		assert_status(LESSOR_INVALID, update(&lease, texts[i].field));
		free(text);
		set_text(&lease, i, NULL);
		assert_stored(&lease);
		assert_status(LESSOR_OK, delete (SUBNET + 10, NULL, 0));
	}
}

static void
test_everything_at_its_limit_together(void **state) {
	uint8_t id[LESSOR_CLIENT_ID_MAX_BYTES] = {0};
	uint8_t hardware[LESSOR_HARDWARE_MAX_BYTES];
	lessor_lease_t lease = scratch_lease(SUBNET + 10, id, sizeof(id));
	char *owned[COUNT(texts)];
	(void)state;
	memset(id, 0xFF, sizeof(id));
	memset(hardware, 0xEE, sizeof(hardware));
	lease.hardware = hardware;
	lease.hardware_bytes = sizeof(hardware);
	lease.hardware_type = 255;
	for (size_t i = 0; i < COUNT(texts); i++) {
		owned[i] = text_of(texts[i].max_bytes);
		set_text(&lease, i, owned[i]);
	}
	assert_status(LESSOR_OK, create(&lease));
	assert_stored(&lease);
	assert_status(LESSOR_OK, update(&lease, LESSOR_FIELD_ALL));
	assert_stored(&lease);
	for (size_t i = 0; i < COUNT(texts); i++) {
		free(owned[i]);
	}
}

static void
test_malformed_texts(void **state) {
	static const char *const malformed[] = {
		"\x80",
		"\xBF",
		"\xC3",
		"\xC3(",
		"\xC0\x80",
		"\xC1\xBF",
		"\xE0\x9F\xBF",
		"\xED\xA0\x80",
		"\xED\xBF\xBF",
		"\xE7\xAB",
		"\xF0\x8F\xBF\xBF",
		"\xF4\x90\x80\x80",
		"\xF5\x80\x80\x80",
		"\xF8\x88\x80\x80\x80",
		"\xFE",
		"\xFF",
		"good until \xE7",
		"twenty-and-more-bytes-before-the-bad-one-\xF0\x9F\x96",
	};
	static const char *const wellformed[] = {
		"\x01",
		"\x7F",
		"\xC2\x80",
		"\xDF\xBF",
		"\xE0\xA0\x80",
		"\xED\x9F\xBF",
		"\xEE\x80\x80",
		"\xEF\xBF\xBF",
		"\xF0\x90\x80\x80",
		"\xF4\x8F\xBF\xBF",
		"a\nb\"c\\",
		"{\"ISC\": {\"x\": \"\xC3\xBC\"}}",
	};
	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		lessor_lease_t lease = lease_of(SUBNET + 10, m1);
		lessor_lease_t other = lease_of(SUBNET + 11, m2);
		assert_status(LESSOR_OK, create(&lease));
		for (size_t j = 0; j < COUNT(malformed); j++) {
			lessor_lease_t changed = lease;
			set_text(&other, i, malformed[j]);
			assert_status(LESSOR_INVALID, create(&other));
			set_text(&changed, i, malformed[j]);
			assert_status(LESSOR_INVALID, update(&changed, texts[i].field));
		}
		assert_stored(&lease);
		for (size_t j = 0; j < COUNT(wellformed); j++) {
			set_text(&lease, i, wellformed[j]);
			assert_status(LESSOR_OK, update(&lease, texts[i].field));
			assert_stored(&lease);
		}
		assert_status(LESSOR_OK, delete (SUBNET + 10, NULL, 0));
		assert_int_equal(count_leases(), 0);
	}
}

/* Short ids and names lie in the record, longer ones elsewhere: no border between the two may show. */
static void
test_lengths_around_the_inline_border(void **state) {
	const uint32_t subnet = IP(10, 0, 0, 0);
	char *text = text_of(40);
	uint8_t id[40] = {0};
	(void)state;
	scratch_scope_add(engine, subnet, MASK, true);
	for (uint8_t id_bytes = 1; id_bytes <= 34; id_bytes++) {
		for (size_t name_bytes = 0; name_bytes <= 34; name_bytes++) {
			lessor_lease_t lease = scratch_lease(subnet + 1, id, id_bytes);
			memset(id, id_bytes, sizeof(id));
			lease.name = name_bytes == 34 ? NULL : text + 40 - name_bytes;
			assert_status(LESSOR_OK, create(&lease));
			assert_stored(&lease);
			lease.name = name_bytes == 0 ? NULL : text + 39 - name_bytes;
			assert_status(LESSOR_OK, update(&lease, LESSOR_FIELD_NAME));
			assert_stored(&lease);
			lease.hardware = id;
			lease.hardware_bytes = id_bytes < 20 ? id_bytes : 20;
			lease.hardware_type = 1;
			assert_status(LESSOR_OK, update(&lease, LESSOR_FIELD_HARDWARE));
			assert_stored(&lease);
			assert_status(LESSOR_OK, delete (subnet + 1, id, id_bytes));
		}
	}
	free(text);
}

static void
test_disabled_scopes_take_leases(void **state) {
	lessor_scope_t scope = scratch_scope(SUBNET, MASK);
	lessor_lease_t lease = lease_of(SUBNET + 10, m1);
	(void)state;
	for (uint32_t value = 0; value <= LESSOR_SCOPE_INVALID_STATE; value++) {
		scope.state = value;
		assert_status(LESSOR_OK,
			      lessor_scope_update(engine, &scope, LESSOR_SCOPE_FIELD_STATE, LESSOR_ASYNC, NULL));
		assert_status(LESSOR_OK, create(&lease));
		assert_use(1, 79);
		assert_status(LESSOR_OK, delete (SUBNET + 10, m1, 6));
	}
}

/*
 * Create: who is first.
 */

static void
test_address_and_client_are_unique(void **state) {
	lessor_lease_t lease = lease_of(SUBNET + 10, m1);
	lessor_lease_t same_client = lease_of(SUBNET + 11, m1);
	lessor_lease_t same_address = lease_of(SUBNET + 10, m2);
	lessor_lease_t other_scope = lease_of(SUBNET2 + 10, m1);
	(void)state;
	lease.name = "first";
	assert_status(LESSOR_OK, create(&lease));
	assert_status(LESSOR_CLIENT_TAKEN, create(&same_client));
	assert_status(LESSOR_ADDRESS_TAKEN, create(&same_address));
	assert_status(LESSOR_ADDRESS_TAKEN, create(&lease));
	assert_stored(&lease);
	assert_use(1, 79);
	assert_status(LESSOR_OK, create(&other_scope));
	assert_stored(&other_scope);
	assert_stored(&lease);
	/* Address and client are both taken, by two leases. */
	same_address = lease_of(SUBNET + 12, m2);
	assert_status(LESSOR_OK, create(&same_address));
	same_address.client_id = m1;
	assert_status(LESSOR_ADDRESS_TAKEN, create(&same_address));
	assert_int_equal(count_leases(), 3);
}

/* What is over is not gone: neither expiry nor DECLINED nor DOOM frees anything. */
static void
test_only_deletion_frees(void **state) {
	static const uint8_t states[] = {LESSOR_STATE_ACTIVE, LESSOR_STATE_DECLINED, LESSOR_STATE_DOOM, 0x81};
	(void)state;
	for (size_t i = 0; i < COUNT(states); i++) {
		lessor_lease_t lease = lease_of(SUBNET + 10, m1);
		lessor_lease_t same_address = lease_of(SUBNET + 10, m2);
		lessor_lease_t same_client = lease_of(SUBNET + 11, m1);
		lease.address_state = states[i];
		lease.expires_at = 1;
		assert_status(LESSOR_OK, create(&lease));
		assert_status(LESSOR_ADDRESS_TAKEN, create(&same_address));
		assert_status(LESSOR_CLIENT_TAKEN, create(&same_client));
		assert_status(LESSOR_OK, delete (SUBNET + 10, NULL, 0));
		assert_status(LESSOR_OK, create(&same_address));
		assert_status(LESSOR_OK, create(&same_client));
		assert_status(LESSOR_OK, delete (SUBNET + 10, NULL, 0));
		assert_status(LESSOR_OK, delete (SUBNET + 11, NULL, 0));
	}
}

/* A refused create claims neither the address nor the client. */
static void
test_a_refusal_leaves_no_claim(void **state) {
	lessor_lease_t lease = lease_of(SUBNET + 10, m1);
	lessor_lease_t refused = lease_of(SUBNET + 11, m1);
	lessor_lease_t free_client = lease_of(SUBNET + 10, m2);
	(void)state;
	assert_status(LESSOR_OK, create(&lease));
	assert_status(LESSOR_CLIENT_TAKEN, create(&refused));
	assert_status(LESSOR_ADDRESS_TAKEN, create(&free_client));
	refused.client_id = m2;
	assert_status(LESSOR_OK, create(&refused));
	assert_stored(&refused);
}

static void
test_leases_end_at_the_limit(void **state) {
	lessor_engine_t *usual = engine;
	lessor_options_t options;
	lessor_status_t status = LESSOR_OK;
	uint32_t made = 0;
	uint8_t id[6];
	lessor_lease_t lease;
	lessor_lease_t got;
	(void)state;
	scratch_options_memory(&options);
	options.max_leases = 1000;
	engine = NULL;
	assert_status(LESSOR_OK, lessor_open(NULL, &options, &engine, NULL));
	scratch_scope_add(engine, IP(10, 0, 0, 0), UINT32_C(0xFF000000), true);
	while (status == LESSOR_OK && made < 1000000) {
		/* Far from each other, so that each takes room of its own. */
		lease = scratch_lease_numbered(IP(10, 0, 0, 0) + made * 16, made, id);
		status = create(&lease);
		made += status == LESSOR_OK;
	}
	assert_status(LESSOR_LIMIT, status);
	assert_status(LESSOR_LIMIT, create(&lease));
	assert_int_equal(count_leases(), made);
	assert_status(LESSOR_NOT_FOUND, lessor_lease_get(engine, lease.address, &got, buffer, sizeof(buffer)));
	assert_status(LESSOR_NOT_FOUND,
		      lessor_lease_get_client(engine, IP(10, 0, 0, 0), id, 6, &got, buffer, sizeof(buffer)));
	lease.address = IP(10, 0, 0, 0);
	assert_status(LESSOR_OK, delete (lease.address, NULL, 0));
	assert_status(LESSOR_OK, create(&lease));
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
	scratch_close(engine);
	engine = usual;
}

/*
 * Batches.
 */

static void
test_batch_answers_as_singles_would(void **state) {
	lessor_lease_t leases[] = {
		lease_of(SUBNET + 10, m1),
		lease_of(SUBNET + 10, m2),
		lease_of(SUBNET + 11, m1),
		lease_of(SUBNET + 10, m1),
		lease_of(0, m2),
		lease_of(IP(10, 0, 0, 1), m2),
		lease_of(SUBNET2 + 10, m1),
		scratch_lease(SUBNET + 12, m2, 5),
		lease_of(SUBNET + 12, m2),
		lease_of(SUBNET + 13, m2),
		scratch_lease(SUBNET + 14, NULL, 6),
	};
	static const lessor_status_t expected[] = {
		LESSOR_OK,
		LESSOR_ADDRESS_TAKEN,
		LESSOR_CLIENT_TAKEN,
		LESSOR_ADDRESS_TAKEN,
		LESSOR_INVALID,
		LESSOR_NO_SCOPE,
		LESSOR_OK,
		LESSOR_OK,
		LESSOR_ADDRESS_TAKEN,
		LESSOR_OK,
		LESSOR_INVALID,
	};
	lessor_status_t statuses[COUNT(leases)];
	(void)state;
	memset(statuses, SCRATCH_POISON, sizeof(statuses));
	assert_status(LESSOR_OK,
		      lessor_lease_create_batch(engine, leases, COUNT(leases), statuses, LESSOR_ASYNC, NULL));
	for (size_t i = 0; i < COUNT(leases); i++) {
		assert_status(expected[i], statuses[i]);
		if (expected[i] == LESSOR_OK) {
			assert_stored(&leases[i]);
		}
	}
	assert_int_equal(count_leases(), 4);
}

#define BATCH_LARGEST 20000u

/* Every tenth lease repeats the client of the one before, every eleventh its address. */
static uint32_t
batch_address(uint32_t i) {
	return i - (i % 11 == 10);
}

static uint32_t
batch_client(uint32_t i) {
	return i - (i % 10 == 9);
}

static void
assert_batch(const lessor_status_t *statuses, size_t count) {
	bool *addresses = calloc(BATCH_LARGEST, sizeof(*addresses));
	bool *clients = calloc(BATCH_LARGEST, sizeof(*clients));
	assert_true(addresses != NULL && clients != NULL);
	for (uint32_t i = 0; i < count; i++) {
		bool *address = &addresses[batch_address(i)];
		bool *client = &clients[batch_client(i)];
		assert_status(*address ? LESSOR_ADDRESS_TAKEN : *client ? LESSOR_CLIENT_TAKEN : LESSOR_OK, statuses[i]);
		if (statuses[i] == LESSOR_OK) {
			*address = *client = true;
		}
	}
	free(addresses);
	free(clients);
}

static void
test_batch_of_any_size(void **state) {
	static const size_t sizes[] = {0, 1, 2, 3, 31, 32, 33, 63, 64, 65, 100, 1000, BATCH_LARGEST};
	lessor_lease_t *leases = calloc(BATCH_LARGEST, sizeof(*leases));
	lessor_status_t *statuses = calloc(BATCH_LARGEST + 1, sizeof(*statuses));
	uint8_t(*ids)[6] = calloc(BATCH_LARGEST, sizeof(*ids));
	(void)state;
	assert_true(leases != NULL && statuses != NULL && ids != NULL);
	for (uint32_t i = 0; i < BATCH_LARGEST; i++) {
		leases[i] = scratch_lease_numbered(IP(10, 0, 0, 0) + batch_address(i), batch_client(i), ids[i]);
	}
	for (size_t i = 0; i < COUNT(sizes); i++) {
		scratch_scope_add(engine, IP(10, 0, 0, 0), UINT32_C(0xFFFF0000), true);
		memset(statuses, SCRATCH_POISON, (BATCH_LARGEST + 1) * sizeof(*statuses));
		assert_status(LESSOR_OK,
			      lessor_lease_create_batch(engine, leases, sizes[i], statuses, LESSOR_ASYNC, NULL));
		assert_batch(statuses, sizes[i]);
		assert_int_not_equal(statuses[sizes[i]], LESSOR_OK);
		assert_status(LESSOR_OK, lessor_check(engine, NULL));
		assert_status(LESSOR_OK, lessor_scope_delete(engine, IP(10, 0, 0, 0), true, LESSOR_ASYNC, NULL));
	}
	free(ids);
	free(statuses);
	free(leases);
}

static void
test_batch_too_large(void **state) {
	lessor_lease_t lease = lease_of(SUBNET + 10, m1);
	lessor_status_t status = LESSOR_TIMEOUT;
	lessor_ticket_t ticket = 9;
	(void)state;
	assert_status(LESSOR_INVALID,
		      lessor_lease_create_batch(engine, &lease, LESSOR_BATCH_MAX + 1, &status, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_INVALID,
		      lessor_lease_create_batch(engine, &lease, SIZE_MAX, &status, LESSOR_ASYNC, &ticket));
	assert_int_equal(status, LESSOR_TIMEOUT);
	assert_int_equal(ticket, 9);
	assert_int_equal(count_leases(), 0);
}

/*
 * Get.
 */

static void
assert_untouched(const void *memory, size_t bytes) {
	const uint8_t *next = memory;
	for (size_t i = 0; i < bytes; i++) {
		assert_int_equal(next[i], SCRATCH_POISON);
	}
}

static void
test_get_refuses(void **state) {
	lessor_lease_t lease = lease_of(SUBNET + 10, m1);
	uint8_t small[64];
	lessor_lease_t got;
	(void)state;
	assert_status(LESSOR_OK, create(&lease));
	memset(&got, SCRATCH_POISON, sizeof(got));
	memset(small, SCRATCH_POISON, sizeof(small));
	assert_status(LESSOR_NOT_FOUND, lessor_lease_get(engine, SUBNET + 11, &got, small, sizeof(small)));
	assert_status(LESSOR_NOT_FOUND, lessor_lease_get(engine, SUBNET + 11, &got, small, 0));
	assert_status(LESSOR_NOT_FOUND, lessor_lease_get(engine, IP(10, 0, 0, 1), &got, small, sizeof(small)));
	assert_status(LESSOR_NOT_FOUND, lessor_lease_get(engine, UINT32_MAX, &got, small, sizeof(small)));
	assert_status(LESSOR_NOT_FOUND, lessor_lease_get_client(engine, SUBNET, m2, 6, &got, small, sizeof(small)));
	assert_status(LESSOR_NOT_FOUND, lessor_lease_get_client(engine, SUBNET, m1, 5, &got, small, sizeof(small)));
	assert_status(LESSOR_NOT_FOUND, lessor_lease_get_client(engine, SUBNET2, m1, 6, &got, small, sizeof(small)));
	assert_status(LESSOR_NO_SCOPE, lessor_lease_get_client(engine, SUBNET + 1, m1, 6, &got, small, sizeof(small)));
	assert_status(LESSOR_NO_SCOPE,
		      lessor_lease_get_client(engine, IP(10, 0, 0, 0), m1, 6, &got, small, sizeof(small)));
	assert_status(LESSOR_NO_SCOPE, lessor_lease_get_client(engine, 0, m1, 6, &got, small, sizeof(small)));
	assert_untouched(&got, sizeof(got));
	assert_untouched(small, sizeof(small));
}

static void
make_leases_of_all_kinds(void) {
	static char long_name[301];
	lessor_lease_t lease = lease_of(SUBNET + 10, m1);
	memset(long_name, 'l', sizeof(long_name) - 1);
	assert_status(LESSOR_OK, create(&lease)); /* nothing but a client id */
	lease = lease_of(SUBNET + 11, m2);
	lease.name = "host-0123456"; /* inline */
	assert_status(LESSOR_OK, create(&lease));
	lease = scratch_lease(SUBNET + 12, m2, 3);
	lease.name = "";
	lease.comment = "";
	lease.owner_name = "owner";
	lease.policy_name = "policy";
	lease.user_context = "{}";
	lease.hardware = m1;
	lease.hardware_bytes = 6;
	lease.hardware_type = 1;
	assert_status(LESSOR_OK, create(&lease));
	lease = scratch_lease(SUBNET + 13, long_name, 200);
	lease.name = long_name;
	assert_status(LESSOR_OK, create(&lease));
}

/* One of the three ways to read the lease at this address. */
static lessor_status_t
read_somehow(int how, uint32_t address, const lessor_lease_t *known, lessor_lease_t *got, void *room, size_t bytes) {
	lessor_cursor_t cursor;
	if (how == 0) {
		return lessor_lease_get(engine, address, got, room, bytes);
	}
	if (how == 1) {
		return lessor_lease_get_client(engine, SUBNET, known->client_id, known->client_id_bytes, got, room,
					       bytes);
	}
	lessor_cursor_init(&cursor, address, UINT32_MAX);
	return lessor_lease_next(engine, &cursor, got, room, bytes);
}

/* Below the first size that suffices every size is refused, above none; and never a byte behind the end. */
static void
test_buffers_of_every_size(void **state) {
	uint8_t small[1024];
	(void)state;
	make_leases_of_all_kinds();
	for (uint32_t address = SUBNET + 10; address < SUBNET + 14; address++) {
		lessor_lease_t known = get(address);
		for (int how = 0; how < 3; how++) {
			bool suffices = false;
			size_t needed = 0;
			for (size_t bytes = 0; bytes < sizeof(small); bytes++) {
				lessor_status_t status;
				lessor_lease_t got;
				memset(small, SCRATCH_POISON, sizeof(small));
				memset(&got, SCRATCH_POISON, sizeof(got));
				status = read_somehow(how, address, &known, &got, small, bytes);
				assert_untouched(small + bytes, sizeof(small) - bytes);
				if (status == LESSOR_OK) {
					needed = suffices ? needed : bytes;
					suffices = true;
					assert_same(&known, &got);
				} else {
					assert_status(LESSOR_BUFFER_TOO_SMALL, status);
					assert_false(suffices);
					assert_untouched(&got, sizeof(got));
					assert_untouched(small, bytes);
				}
			}
			assert_true(suffices);
			assert_true(needed >= known.client_id_bytes);
			assert_true(address == SUBNET + 13 || needed <= 256);
		}
	}
}

/*
 * Update.
 */

static const uint8_t old_hardware[] = {1, 2, 3, 4, 5, 6, 7, 8};
static const uint8_t new_hardware[] = {9, 8, 7};

static const lessor_limit_key_t old_keys[] = {{LESSOR_LIMIT_TAG, 3, "old"}, {LESSOR_LIMIT_CLASS, 4, "both"}};
static const lessor_limit_key_t new_keys[] = {{LESSOR_LIMIT_CLASS, 4, "both"}};

static lessor_lease_t
old_lease(void) {
	lessor_lease_t lease = lease_of(SUBNET + 10, m1);
	lease.client_type = LESSOR_CLIENT_BOOTP;
	lease.address_state = 0x71;
	lease.quarantine_status = LESSOR_PROBATION;
	lease.quarantine_capable = true;
	lease.client_id_made_up = true;
	lease.dns_forward = true;
	lease.dns_reverse = false;
	lease.hardware_type = 6;
	lease.hardware = old_hardware;
	lease.hardware_bytes = sizeof(old_hardware);
	lease.last_transaction_s = 1111;
	lease.expires_at = 2222;
	lease.probation_ends_at = 3333;
	lease.name = "old name";
	lease.comment = "old comment, which is longer than what fits in a record";
	lease.policy_name = "old policy";
	lease.owner_name = "old owner";
	lease.owner_address = 4444;
	lease.user_context = "{\"old\": true}";
	lease.state_ex = true;
	lease.limit_key = old_keys;
	lease.limit_keys = COUNT(old_keys);
	return lease;
}

static lessor_lease_t
new_lease(void) {
	lessor_lease_t lease = lease_of(SUBNET + 10, m2);
	lease.client_type = LESSOR_CLIENT_NONE;
	lease.address_state = 0x82;
	lease.quarantine_status = LESSOR_EXEMPT;
	lease.quarantine_capable = false;
	lease.dns_forward = false;
	lease.dns_reverse = true;
	lease.hardware_type = 7;
	lease.hardware = new_hardware;
	lease.hardware_bytes = sizeof(new_hardware);
	lease.last_transaction_s = 5555;
	lease.expires_at = LESSOR_TIME_INFINITE;
	lease.probation_ends_at = 0;
	lease.name = "a new name, which is also longer than what fits";
	lease.comment = "";
	lease.policy_name = NULL;
	lease.owner_name = "new owner";
	lease.owner_address = 6666;
	lease.user_context = NULL;
	lease.limit_key = new_keys;
	lease.limit_keys = COUNT(new_keys);
	return lease;
}

/* What the header says, member by member. */
static lessor_lease_t
updated(lessor_lease_t old, const lessor_lease_t *lease, uint32_t fields) {
	if (fields & LESSOR_FIELD_CLIENT_ID) {
		old.client_id = lease->client_id;
		old.client_id_bytes = lease->client_id_bytes;
		old.client_id_made_up = lease->client_id_made_up;
	}
	if (fields & LESSOR_FIELD_QUARANTINE) {
		old.quarantine_status = lease->quarantine_status;
		old.quarantine_capable = lease->quarantine_capable;
		old.probation_ends_at = lease->probation_ends_at;
	}
	if (fields & LESSOR_FIELD_HARDWARE) {
		old.hardware_type = lease->hardware_type;
		old.hardware = lease->hardware;
		old.hardware_bytes = lease->hardware_bytes;
	}
	if (fields & LESSOR_FIELD_DNS) {
		old.dns_forward = lease->dns_forward;
		old.dns_reverse = lease->dns_reverse;
	}
	for (size_t i = 0; i < COUNT(texts); i++) {
		if (fields & texts[i].field) {
			set_text(&old, i, text_in(lease, i));
		}
	}
	old.owner_address =
		(fields & (LESSOR_FIELD_OWNER | LESSOR_FIELD_OWNER_ADDRESS)) ? lease->owner_address : old.owner_address;
	old.expires_at = (fields & LESSOR_FIELD_EXPIRES) ? lease->expires_at : old.expires_at;
	old.client_type = (fields & LESSOR_FIELD_CLIENT_TYPE) ? lease->client_type : old.client_type;
	old.address_state = (fields & LESSOR_FIELD_ADDRESS_STATE) ? lease->address_state : old.address_state;
	old.state_ex = (fields & LESSOR_FIELD_STATE_EX) ? lease->state_ex : old.state_ex;
	old.limit_keys = (fields & LESSOR_FIELD_LIMIT_KEYS) ? lease->limit_keys : old.limit_keys;
	old.limit_key = (fields & LESSOR_FIELD_LIMIT_KEYS) ? lease->limit_key : old.limit_key;
	old.last_transaction_s =
		(fields & LESSOR_FIELD_LAST_TRANSACTION) ? lease->last_transaction_s : old.last_transaction_s;
	return old;
}

static void
test_update_replaces_what_is_named(void **state) {
	lessor_lease_t old = old_lease();
	lessor_lease_t lease = new_lease();
	(void)state;
	assert_int_equal(LESSOR_FIELD_ALL, (1 << 16) - 1);
	assert_status(LESSOR_OK, create(&old));
	for (uint32_t fields = 1; fields <= LESSOR_FIELD_ALL; fields++) {
		lessor_lease_t want = updated(old, &lease, fields);
		assert_status(LESSOR_OK, update(&lease, fields));
		if ((fields & (fields - 1)) == 0 || fields % 16 == 15) {
			assert_stored(&want);
		} else {
			lessor_lease_t got = get(SUBNET + 10);
			assert_same(&want, &got);
		}
		assert_status(LESSOR_OK, update(&old, LESSOR_FIELD_ALL));
	}
	assert_stored(&old);
	assert_use(1, 79);
}

/* Members that are not named may be anything, pointers to nowhere among it. */
static void
test_update_ignores_what_is_not_named(void **state) {
	lessor_lease_t old = old_lease();
	(void)state;
	assert_status(LESSOR_OK, create(&old));
	for (uint32_t bit = 1; bit < LESSOR_FIELD_ALL; bit <<= 1) {
		lessor_lease_t lease;
		lessor_lease_t named = new_lease();
		lessor_lease_t want = updated(old, &named, bit);
		memset(&lease, 1, sizeof(lease));
		memset(&lease.client_type, 0xEE, 3); /* client_type, address_state, quarantine_status */
		lease.hardware_bytes = 0xEE;
		lease.address = SUBNET + 10;
		lease = updated(lease, &named, bit);
		assert_status(LESSOR_OK, update(&lease, bit));
		assert_stored(&want);
		assert_status(LESSOR_OK, update(&old, LESSOR_FIELD_ALL));
	}
}

static void
test_update_of_nothing(void **state) {
	lessor_lease_t old = old_lease();
	lessor_lease_t lease = new_lease();
	(void)state;
	assert_status(LESSOR_NOT_FOUND, update(&lease, 0));
	assert_status(LESSOR_OK, create(&old));
	assert_status(LESSOR_OK, update(&lease, 0));
	assert_status(LESSOR_OTHER_CLIENT, update(&lease, LESSOR_IF_CLIENT));
	lease.client_id = m1;
	assert_status(LESSOR_OK, update(&lease, LESSOR_IF_CLIENT));
	assert_stored(&old);
}

static void
test_update_of_the_owner_only(void **state) {
	lessor_lease_t old = old_lease();
	lessor_lease_t lease = new_lease();
	const uint32_t renewal = LESSOR_FIELD_EXPIRES | LESSOR_IF_CLIENT;
	(void)state;
	assert_status(LESSOR_NOT_FOUND, update(&lease, renewal));
	assert_status(LESSOR_OK, create(&old));
	assert_status(LESSOR_OTHER_CLIENT, update(&lease, renewal));
	lease.client_id = m1;
	lease.client_id_bytes = 5;
	assert_status(LESSOR_OTHER_CLIENT, update(&lease, renewal));
	lease.client_id_bytes = 0;
	assert_status(LESSOR_INVALID, update(&lease, renewal));
	lease.client_id_bytes = 6;
	lease.client_id = NULL;
	assert_status(LESSOR_INVALID, update(&lease, renewal));
	assert_stored(&old);
	lease.client_id = m1;
	assert_status(LESSOR_INVALID, update(&lease, renewal | LESSOR_FIELD_CLIENT_ID));
	assert_stored(&old);
	assert_status(LESSOR_OK, update(&lease, renewal));
	old.expires_at = lease.expires_at;
	assert_stored(&old);
}

static void
test_update_refuses(void **state) {
	lessor_lease_t old = old_lease();
	lessor_lease_t lease = old_lease();
	uint32_t known = LESSOR_FIELD_ALL | LESSOR_IF_CLIENT | LESSOR_IF_RESERVED;
	(void)state;
	assert_status(LESSOR_NOT_FOUND, update(&lease, LESSOR_FIELD_ALL));
	lease.address = IP(10, 0, 0, 1);
	assert_status(LESSOR_NOT_FOUND, update(&lease, LESSOR_FIELD_ALL));
	lease.address = SUBNET + 10;
	assert_status(LESSOR_OK, create(&old));
	lease.expires_at = 1;
	for (unsigned bit = 0; bit < 32; bit++) {
		if (!(known & UINT32_C(1) << bit)) {
			assert_status(LESSOR_INVALID, update(&lease, LESSOR_FIELD_EXPIRES | UINT32_C(1) << bit));
		}
	}
	for (unsigned value = 0; value <= 255; value += 4) {
		lease.address_state = (uint8_t)value;
		assert_status(LESSOR_INVALID, update(&lease, LESSOR_FIELD_ADDRESS_STATE));
		assert_status(LESSOR_INVALID, update(&lease, LESSOR_FIELD_ALL));
	}
	lease = old;
	lease.client_type = 8;
	assert_status(LESSOR_INVALID, update(&lease, LESSOR_FIELD_CLIENT_TYPE));
	lease = old;
	lease.quarantine_status = 7;
	assert_status(LESSOR_INVALID, update(&lease, LESSOR_FIELD_QUARANTINE));
	lease = old;
	lease.hardware_bytes = 21;
	assert_status(LESSOR_INVALID, update(&lease, LESSOR_FIELD_HARDWARE));
	lease = old;
	lease.hardware = NULL;
	assert_status(LESSOR_INVALID, update(&lease, LESSOR_FIELD_HARDWARE));
	lease = old;
	lease.client_id_bytes = 0;
	assert_status(LESSOR_INVALID, update(&lease, LESSOR_FIELD_CLIENT_ID));
	lease = old;
	lease.client_id = NULL;
	assert_status(LESSOR_INVALID, update(&lease, LESSOR_FIELD_CLIENT_ID));
	assert_stored(&old);
	assert_use(1, 79);
}

static void
test_update_of_the_client(void **state) {
	lessor_lease_t lease = lease_of(SUBNET + 10, m1);
	lessor_lease_t other = lease_of(SUBNET + 11, m2);
	lessor_lease_t elsewhere = lease_of(SUBNET2 + 10, m2);
	lessor_lease_t got;
	(void)state;
	assert_status(LESSOR_OK, create(&lease));
	assert_status(LESSOR_OK, create(&other));
	assert_status(LESSOR_OK, create(&elsewhere));
	assert_status(LESSOR_OK, update(&lease, LESSOR_FIELD_CLIENT_ID)); /* its own */
	lease.client_id = m2;
	lease.name = "not to be seen";
	assert_status(LESSOR_CLIENT_TAKEN, update(&lease, LESSOR_FIELD_CLIENT_ID | LESSOR_FIELD_NAME));
	lease.client_id = m1;
	lease.name = NULL;
	assert_stored(&lease);
	assert_status(LESSOR_OK, delete (SUBNET + 11, m2, 6));
	lease.client_id = m2;
	assert_status(LESSOR_OK, update(&lease, LESSOR_FIELD_CLIENT_ID));
	assert_stored(&lease);
	assert_stored(&elsewhere);
	assert_status(LESSOR_NOT_FOUND, lessor_lease_get_client(engine, SUBNET, m1, 6, &got, buffer, sizeof(buffer)));
	other.client_id = m2;
	assert_status(LESSOR_CLIENT_TAKEN, create(&other));
	other.client_id = m1;
	assert_status(LESSOR_OK, create(&other));
	assert_stored(&other);
}

static void
test_update_of_the_state_counts(void **state) {
	lessor_lease_t lease = lease_of(SUBNET + 10, m1);
	(void)state;
	assert_status(LESSOR_OK, create(&lease));
	for (unsigned from = 1; from <= 3; from++) {
		for (unsigned to = 1; to <= 3; to++) {
			lease.address_state = (uint8_t)from;
			assert_status(LESSOR_OK, update(&lease, LESSOR_FIELD_ADDRESS_STATE));
			assert_use(from != LESSOR_STATE_DOOM, 80 - (from != LESSOR_STATE_DOOM));
			lease.address_state = (uint8_t)(to | 0xF0);
			assert_status(LESSOR_OK, update(&lease, LESSOR_FIELD_ADDRESS_STATE));
			assert_use(to != LESSOR_STATE_DOOM, 80 - (to != LESSOR_STATE_DOOM));
			assert_stored(&lease);
		}
	}
}

/*
 * Delete.
 */

static void
test_delete(void **state) {
	lessor_lease_t lease = lease_of(SUBNET + 10, m1);
	lessor_lease_t got;
	(void)state;
	assert_status(LESSOR_NOT_FOUND, delete (SUBNET + 10, NULL, 0));
	assert_status(LESSOR_NOT_FOUND, delete (SUBNET + 10, m1, 6));
	assert_status(LESSOR_NOT_FOUND, delete (IP(10, 0, 0, 1), NULL, 0));
	assert_status(LESSOR_NOT_FOUND, delete (UINT32_MAX, m1, 6));
	assert_status(LESSOR_OK, create(&lease));
	assert_status(LESSOR_OTHER_CLIENT, delete (SUBNET + 10, m2, 6));
	assert_status(LESSOR_OTHER_CLIENT, delete (SUBNET + 10, m1, 5));
	assert_status(LESSOR_INVALID, delete (SUBNET + 10, m1, 0));
	assert_stored(&lease);
	assert_status(LESSOR_OK, delete (SUBNET + 10, m1, 6));
	assert_status(LESSOR_NOT_FOUND, lessor_lease_get(engine, SUBNET + 10, &got, buffer, sizeof(buffer)));
	assert_status(LESSOR_NOT_FOUND, lessor_lease_get_client(engine, SUBNET, m1, 6, &got, buffer, sizeof(buffer)));
	assert_status(LESSOR_NOT_FOUND, delete (SUBNET + 10, m1, 6));
	assert_use(0, 80);
	assert_status(LESSOR_OK, create(&lease));
	assert_status(LESSOR_OK, delete (SUBNET + 10, NULL, 0));
	assert_int_equal(count_leases(), 0);
}

/*
 * Iteration.
 */

static uint32_t
next_address(lessor_cursor_t *cursor) {
	lessor_lease_t got;
	lessor_status_t status = lessor_lease_next(engine, cursor, &got, buffer, sizeof(buffer));
	if (status == LESSOR_END) {
		return 0;
	}
	assert_status(LESSOR_OK, status);
	return got.address;
}

static void
test_iteration_over_stretches(void **state) {
	static const uint32_t addresses[] = {SUBNET,       SUBNET + 1,   SUBNET + 63, SUBNET + 64,
					     SUBNET + 127, SUBNET + 255, SUBNET2,     SUBNET2 + 255};
	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++) {
		uint8_t id[6];
		lessor_lease_t lease = scratch_lease_numbered(addresses[i], (uint32_t)i, id);
		assert_status(LESSOR_OK, create(&lease));
	}
	for (size_t i = 0; i < COUNT(addresses); i++) {
		for (size_t j = 0; j < COUNT(addresses); j++) {
			lessor_cursor_t cursor;
			lessor_cursor_init(&cursor, addresses[i], addresses[j]);
			for (size_t k = i; k <= j; k++) {
				assert_int_equal(next_address(&cursor), addresses[k]);
			}
			assert_int_equal(next_address(&cursor), 0);
			assert_int_equal(next_address(&cursor), 0);
		}
	}
}

/* Small scopes side by side, some without a lease: each lease is seen, once, in order. */
static void
test_iteration_over_small_scopes(void **state) {
	const uint32_t base = IP(10, 0, 0, 0);
	(void)state;
	for (unsigned bits = 26; bits <= 32; bits++) {
		uint32_t size = UINT32_C(1) << (32 - bits);
		for (uint32_t skip = 1; skip <= 5; skip++) {
			lessor_cursor_t cursor;
			for (uint32_t i = 0; i < 40; i++) {
				scratch_scope_add(engine, base + i * size, UINT32_MAX << (32 - bits), true);
				if (i % skip == skip - 1) {
					uint8_t id[6];
					lessor_lease_t lease = scratch_lease_numbered(base + i * size, i, id);
					assert_status(LESSOR_OK, create(&lease));
				}
			}
			lessor_cursor_init(&cursor, 0, UINT32_MAX);
			for (uint32_t i = skip - 1; i < 40; i += skip) {
				assert_int_equal(next_address(&cursor), base + i * size);
			}
			assert_int_equal(next_address(&cursor), 0);
			for (uint32_t i = 0; i < 40; i++) {
				assert_status(LESSOR_OK,
					      lessor_scope_delete(engine, base + i * size, true, LESSOR_ASYNC, NULL));
			}
		}
	}
}

static void
test_iteration_goes_on_over_changes(void **state) {
	uint8_t id[6];
	lessor_cursor_t cursor;
	lessor_cursor_t copy;
	lessor_lease_t lease;
	(void)state;
	for (uint32_t i = 10; i < 20; i++) {
		lease = scratch_lease_numbered(SUBNET + i, i, id);
		assert_status(LESSOR_OK, create(&lease));
	}
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	assert_int_equal(next_address(&cursor), SUBNET + 10);
	copy = cursor;
	assert_int_equal(next_address(&cursor), SUBNET + 11);
	assert_int_equal(next_address(&copy), SUBNET + 11);
	assert_status(LESSOR_OK, delete (SUBNET + 11, NULL, 0)); /* where it stands */
	assert_status(LESSOR_OK, delete (SUBNET + 12, NULL, 0)); /* where it would go */
	lease = scratch_lease_numbered(SUBNET + 5, 5, id);
	assert_status(LESSOR_OK, create(&lease)); /* behind it */
	assert_int_equal(next_address(&cursor), SUBNET + 13);
	lease = scratch_lease_numbered(SUBNET + 14, 99, id);
	assert_status(LESSOR_OK, update(&lease, LESSOR_FIELD_CLIENT_ID));
	assert_int_equal(next_address(&cursor), SUBNET + 14);
	assert_status(LESSOR_OK, lessor_scope_delete(engine, SUBNET, true, LESSOR_ASYNC, NULL));
	lease = scratch_lease_numbered(SUBNET2 + 1, 1, id);
	assert_status(LESSOR_OK, create(&lease));
	assert_int_equal(next_address(&cursor), SUBNET2 + 1);
	assert_int_equal(next_address(&cursor), 0);
}

static void
test_iteration_of_nothing(void **state) {
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(SUBNET + 10, 1, id);
	lessor_cursor_t cursor;
	(void)state;
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	assert_int_equal(next_address(&cursor), 0);
	assert_status(LESSOR_OK, create(&lease));
	lessor_cursor_init(&cursor, SUBNET + 20, SUBNET + 5); /* backwards */
	assert_int_equal(next_address(&cursor), 0);
	lessor_cursor_init(&cursor, SUBNET + 11, UINT32_MAX);
	assert_int_equal(next_address(&cursor), 0);
	lessor_cursor_init(&cursor, 0, SUBNET + 9);
	assert_int_equal(next_address(&cursor), 0);
	lessor_cursor_init(&cursor, UINT32_MAX, UINT32_MAX);
	assert_int_equal(next_address(&cursor), 0);
	assert_int_equal(next_address(&cursor), 0);
	/* None that lessor_cursor_init() makes looks like that, but it lies in the caller's memory. */
	cursor.next = UINT64_MAX;
	cursor.last = UINT64_MAX;
	assert_int_not_equal(LESSOR_OK, lessor_lease_next(engine, &cursor, &lease, buffer, sizeof(buffer)));
}

static void
test_iteration_waits_for_a_larger_buffer(void **state) {
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(SUBNET + 10, 1, id);
	lessor_cursor_t cursor;
	uint8_t small[4];
	lessor_lease_t got;
	(void)state;
	assert_status(LESSOR_OK, create(&lease));
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	for (int i = 0; i < 3; i++) {
		assert_status(LESSOR_BUFFER_TOO_SMALL, lessor_lease_next(engine, &cursor, &got, small, sizeof(small)));
	}
	assert_int_equal(next_address(&cursor), SUBNET + 10);
}

/*
 * Many at once: of n creates of one address, or one client, exactly one succeeds.
 */

#define RACERS 8

typedef struct racer {
	pthread_barrier_t *start;
	uint32_t number;
	bool same_address;
	lessor_status_t status;
} racer_t;

static void *
race(void *argument) {
	racer_t *racer = argument;
	uint8_t id[6];
	uint32_t number = racer->number;
	lessor_lease_t lease = racer->same_address ? scratch_lease_numbered(SUBNET + 10, number, id)
						   : scratch_lease_numbered(SUBNET + 10 + number, 1, id);
	pthread_barrier_wait(racer->start);
	racer->status = lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL);
	return NULL;
}

static void
run_race(bool same_address) {
	pthread_t threads[RACERS];
	racer_t racers[RACERS];
	pthread_barrier_t start;
	unsigned won = 0;
	assert_int_equal(pthread_barrier_init(&start, NULL, RACERS), 0);
	for (uint32_t i = 0; i < RACERS; i++) {
		racers[i] = (racer_t){&start, i, same_address, LESSOR_TIMEOUT};
		assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	}
	for (size_t i = 0; i < RACERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		won += racers[i].status == LESSOR_OK;
		if (racers[i].status != LESSOR_OK) {
			assert_status(same_address ? LESSOR_ADDRESS_TAKEN : LESSOR_CLIENT_TAKEN, racers[i].status);
		}
	}
	pthread_barrier_destroy(&start);
	assert_int_equal(won, 1);
	assert_int_equal(count_leases(), 1);
	assert_use(1, 79);
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
	for (uint32_t i = 0; i < RACERS; i++) {
		(void)delete (SUBNET + 10 + i, NULL, 0);
	}
	assert_int_equal(count_leases(), 0);
}

static void
test_of_many_creates_one_succeeds(void **state) {
	(void)state;
	for (int round = 0; round < (scratch_is_sanitized() ? 50 : 200); round++) {
		run_race(round & 1);
	}
}

/*
 * <lessor/time.h>
 */

static void
test_unix_time(void **state) {
	static const struct {
		int64_t unix_s;
		lessor_filetime_t filetime;
	} cases[] = {
		{0, UINT64_C(116444736000000000)},
		{1, UINT64_C(116444736010000000)},
		{-1, UINT64_C(116444735990000000)},
		{-11644473599, LESSOR_TICKS_PER_SECOND},
		{-11644473600, 1},
		{-11644473601, 1},
		{INT64_MIN, 1},
		{910692730084, UINT64_C(9223372036840000000)},
		{910692730085, UINT64_C(9223372036850000000)},
		{910692730086, LESSOR_TIME_INFINITE},
		{INT64_MAX, LESSOR_TIME_INFINITE},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(lessor_time_from_unix_s(cases[i].unix_s), cases[i].filetime);
	}
	for (int64_t unix_s = -11644473599; unix_s < 910692730085; unix_s += 7777777777) {
		assert_int_equal(lessor_time_to_unix_s(lessor_time_from_unix_s(unix_s)), unix_s);
		assert_int_equal(lessor_time_to_unix_s(lessor_time_from_unix_s(unix_s) + 9999999), unix_s);
	}
	assert_int_equal(lessor_time_to_unix_s(0), -11644473600);
	assert_true(lessor_time_now() > lessor_time_from_unix_s(1700000000));
	assert_true(lessor_time_now() < LESSOR_TIME_INFINITE);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_engine, close_engine)

int
main(void) {
	const struct CMUnitTest tests[] = {
		TEST(test_init),
		TEST(test_minimal_lease),
		TEST(test_null_arguments),
		TEST(test_unknown_modes),
		TEST(test_addresses),
		TEST(test_address_states),
		TEST(test_strict_address_states),
		TEST(test_client_types_and_quarantine),
		TEST(test_times),
		TEST(test_client_ids),
		TEST(test_hardware_addresses),
		TEST(test_hardware_that_repeats_the_client),
		TEST(test_hardware_survives_another_client_id),
		TEST(test_texts_up_to_the_limit),
		TEST(test_everything_at_its_limit_together),
		TEST(test_malformed_texts),
		TEST(test_lengths_around_the_inline_border),
		TEST(test_disabled_scopes_take_leases),
		TEST(test_address_and_client_are_unique),
		TEST(test_only_deletion_frees),
		TEST(test_a_refusal_leaves_no_claim),
		TEST(test_leases_end_at_the_limit),
		TEST(test_batch_answers_as_singles_would),
		TEST(test_batch_of_any_size),
		TEST(test_batch_too_large),
		TEST(test_get_refuses),
		TEST(test_buffers_of_every_size),
		TEST(test_update_replaces_what_is_named),
		TEST(test_update_ignores_what_is_not_named),
		TEST(test_update_of_nothing),
		TEST(test_update_of_the_owner_only),
		TEST(test_update_refuses),
		TEST(test_update_of_the_client),
		TEST(test_update_of_the_state_counts),
		TEST(test_delete),
		TEST(test_iteration_over_stretches),
		TEST(test_iteration_over_small_scopes),
		TEST(test_iteration_goes_on_over_changes),
		TEST(test_iteration_of_nothing),
		TEST(test_iteration_waits_for_a_larger_buffer),
		TEST(test_of_many_creates_one_succeeds),
		cmocka_unit_test(test_unix_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
