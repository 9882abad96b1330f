/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thousands of operations drawn by lot, each done to an engine and to its twin: every answer must be the same, and after
 * each few dozen so must be everything that can be asked.
 *
 * A round is the life of one store, from empty. Addresses and clients are few, so that they collide all the time.
 *   LESSOR_TEST_SEED    the seed of the first round; the ones after it count up. A failure prints the seed of its round.
 *   LESSOR_TEST_ROUNDS  how many rounds
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"
#include "twin.h"

#define ROUNDS           60ul
#define ROUNDS_SANITIZED 5ul
#define BATCHES          12u
#define BATCH_OPERATIONS 120u
#define CLIENTS          48u
#define BATCH_MAX        70u
#define CURSORS          4u
#define TRACE_LINES      60u

typedef struct twin_cursor {
	uint64_t next;
	uint64_t last;
	bool at_end; /* once said is for good: what appears later may be seen or not */
} twin_cursor_t;

typedef struct world {
	scratch_random_t random;
	uint64_t seed;
	lessor_engine_t *engine;
	lessor_options_t options;
	char directory[SCRATCH_PATH_BYTES];
	twin_t twin;
	lessor_ticket_t last_ticket;
	lessor_cursor_t cursors[CURSORS];
	twin_cursor_t twin_cursors[CURSORS];
	char trace[TRACE_LINES][160];
	unsigned long operations;
	bool vast; /* scopes of half the address space too: every walk through one takes its time */
} world_t;

static world_t world;

/* The texts that leases and scopes get, from usual to unacceptable. */
static char text_3072[LESSOR_NAME_MAX_BYTES + 1];
static char text_3073[LESSOR_NAME_MAX_BYTES + 2];
static char text_252[LESSOR_POLICY_MAX_BYTES + 1];
static char text_253[LESSOR_POLICY_MAX_BYTES + 2];
static char text_16384[LESSOR_USER_CONTEXT_MAX_BYTES + 1];
static char text_16385[LESSOR_USER_CONTEXT_MAX_BYTES + 2];

static const char *const short_texts[] = {
	"",
	"a",
	"pc",
	"host-0123456",
	"thirteen-char",
	"nineteen-characters",
	"twenty-characters-it",
	"a host name of some thirty bytes",
	"M\xC3\xBCller",
	"\xE7\xAB\x99-7",
	"\xF0\x9F\x96\xA8 printer",
	"sixty-three-bytes-are-what-one-label-of-a-domain-name-can-hold-",
	"a-name-that-is-longer-than-a-cache-line.of.an.office.in.a.building.of.a.campus.example.org",
};

static const char *const bad_texts[] = {
	"\x80",         "\xC3",
	"\xC0\x80",     "\xE7\xAB",
	"\xED\xA0\x80", "\xF4\x90\x80\x80",
	"\xFF\xFE",     "\xF8\x88\x80\x80\x80",
	"ok\xC1\xBF",
};

static void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void
trace(const char *format, ...) {
	char *line = world.trace[world.operations++ % TRACE_LINES];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(line, sizeof(*world.trace), format, arguments);
	va_end(arguments);
}

static void
print_trace(void) {
	unsigned long first = world.operations > TRACE_LINES ? world.operations - TRACE_LINES : 0;
	for (unsigned long i = first; i < world.operations; i++) {
		print_error("%6lu %s\n", i, world.trace[i % TRACE_LINES]);
	}
	print_error("repeat with LESSOR_TEST_SEED=%" PRIu64 " LESSOR_TEST_ROUNDS=1\n", world.seed);
}

static uint32_t
below(uint32_t limit) {
	return scratch_below(&world.random, limit);
}

static bool
percent(uint32_t chance) {
	return scratch_percent(&world.random, chance);
}

/*
 * Drawing the parts.
 */

static const char *
random_text(uint32_t max_bytes) {
	uint32_t draw = below(1000);
	if (draw < 350) {
		return NULL;
	}
	if (draw < 970) {
		return short_texts[below(COUNT(short_texts))];
	}
	if (draw < 980) {
		return bad_texts[below(COUNT(bad_texts))];
	}
	if (draw < 983) {
		return max_bytes == LESSOR_POLICY_MAX_BYTES         ? text_253
		       : max_bytes == LESSOR_USER_CONTEXT_MAX_BYTES ? text_16385
								    : text_3073;
	}
	return max_bytes == LESSOR_POLICY_MAX_BYTES         ? text_252
	       : max_bytes == LESSOR_USER_CONTEXT_MAX_BYTES ? text_16384
							    : text_3072;
}

/* Clients differ in length, or in their first byte only, or in their last byte only. */
static uint8_t
client_of(uint32_t number, uint8_t id[LESSOR_CLIENT_ID_MAX_BYTES]) {
	static const uint8_t lengths[] = {6, 6, 6, 7, 1, 8, 12, 19, 20, 21, 22, 23, 64, 254, 255, 6};
	uint8_t bytes = lengths[number % COUNT(lengths)];
	memset(id, 0x5A, LESSOR_CLIENT_ID_MAX_BYTES);
	if (number & 16) {
		id[0] = (uint8_t)number;
	} else {
		id[bytes - 1] = (uint8_t)number;
	}
	return bytes;
}

static uint32_t
random_address(void) {
	static const struct {
		uint32_t first;
		uint32_t count;
	} blocks[] = {
		{IP(10, 0, 0, 0), 64},         {IP(10, 0, 0, 0), 16},        {IP(10, 0, 1, 0), 16},
		{IP(10, 0, 2, 0), 256},        {IP(10, 7, 7, 0), 4},         {IP(10, 255, 255, 252), 8},
		{IP(127, 255, 255, 246), 20},  {IP(255, 255, 255, 238), 18}, {IP(192, 168, 0, 0), 8},
		{IP(172, 16, 0, 0), 1u << 17}, {IP(0, 0, 0, 1), 2},
	};
	size_t block = below(COUNT(blocks));
	return blocks[block].first + below(blocks[block].count);
}

/* Mostly one that has a lease, if 'likely'. */
static uint32_t
random_lease_address(uint32_t likely) {
	if (world.twin.lease_count > 0 && percent(likely)) {
		return world.twin.leases[below((uint32_t)world.twin.lease_count)].lease.address;
	}
	return random_address();
}

static lessor_filetime_t
random_time(void) {
	static const lessor_filetime_t times[] = {
		LESSOR_TIME_NONE,
		1,
		LESSOR_TIME_INFINITE,
		LESSOR_TIME_INFINITE - 1,
		LESSOR_TICKS_PER_SECOND,
		UINT32_MAX,
		133500000000000000,
		116444736000000000,
		(uint64_t)UINT32_MAX + 1,
		99999999999,
		999999999,
	};
	return percent(50) ? times[below(COUNT(times))] : scratch_next(&world.random);
}

static uint8_t
random_state(void) {
	static const uint8_t usual[] = {1, 1, 1, 1, 2, 3, 0, 0x71, 0xFE, 0xFF};
	return percent(95) ? usual[below(COUNT(usual))] : (uint8_t)below(256);
}

static uint8_t
random_client_type(void) {
	return percent(98) ? (uint8_t)(percent(20) ? LESSOR_CLIENT_NONE : below(8)) : (uint8_t)below(256);
}

/* A lease and what it points to. */
typedef struct drawn {
	lessor_lease_t lease;
	uint8_t client_id[LESSOR_CLIENT_ID_MAX_BYTES];
	uint8_t hardware[LESSOR_HARDWARE_MAX_BYTES + 2];
} drawn_t;

static void
draw_hardware(drawn_t *drawn) {
	static const uint8_t lengths[] = {0, 0, 6, 6, 6, 8, 19, 20};
	for (size_t i = 0; i < sizeof(drawn->hardware); i++) {
		drawn->hardware[i] = (uint8_t)below(256);
	}
	drawn->lease.hardware_bytes = percent(99) ? lengths[below(COUNT(lengths))] : 21;
	drawn->lease.hardware_type = (uint8_t)below(256);
	drawn->lease.hardware = percent(1) ? NULL : drawn->hardware;
	if (drawn->lease.hardware_bytes == 0) {
		drawn->lease.hardware_type = 0;
	}
	if (percent(40)) {
		/* As most clients do: the client id is the link-layer address, or its type and it. */
		drawn->lease.hardware_type = 1;
		drawn->lease.hardware_bytes = 6;
		memcpy(drawn->hardware, drawn->client_id + (drawn->lease.client_id_bytes == 7), 6);
	}
}

static void
draw_rest(lessor_lease_t *lease) {
	lease->client_type = random_client_type();
	lease->address_state = random_state();
	lease->quarantine_status = (uint8_t)(percent(99) ? below(7) : below(256));
	lease->quarantine_capable = percent(20);
	lease->client_id_made_up = percent(10);
	lease->dns_forward = percent(30);
	lease->dns_reverse = percent(30);
	lease->last_transaction_s = percent(50) ? 0 : (uint32_t)scratch_next(&world.random);
	lease->expires_at = random_time();
	lease->probation_ends_at = percent(70) ? 0 : random_time();
	lease->comment = percent(80) ? NULL : random_text(LESSOR_NAME_MAX_BYTES);
	lease->policy_name = percent(70) ? NULL : random_text(LESSOR_POLICY_MAX_BYTES);
	lease->owner_name = percent(50) ? "server.example" : random_text(LESSOR_NAME_MAX_BYTES);
	lease->owner_address = percent(50) ? 0 : (uint32_t)scratch_next(&world.random);
	lease->user_context = percent(90) ? NULL : random_text(LESSOR_USER_CONTEXT_MAX_BYTES);
	lease->state_ex = percent(20);
}

static void
draw_lease(drawn_t *drawn, uint32_t address) {
	lessor_lease_t *lease = &drawn->lease;
	lessor_lease_init(lease);
	lease->address = percent(1) ? 0 : address;
	lease->client_id_bytes = client_of(below(CLIENTS), drawn->client_id);
	lease->client_id = drawn->client_id;
	if (percent(1)) {
		lease->client_id_bytes = 0;
	} else if (percent(1)) {
		lease->client_id = NULL;
	}
	lease->name = random_text(LESSOR_NAME_MAX_BYTES);
	lease->subnet_mask = (uint32_t)scratch_next(&world.random);
	lease->is_reserved = percent(50); /* not looked at */
	lease->ticket = scratch_next(&world.random);
	if (percent(60)) {
		draw_rest(lease);
	}
	draw_hardware(drawn);
}

/* Now and then at an address that is reserved for just this client. */
static void
draw_reserved(drawn_t *drawn, uint32_t likely) {
	if (world.twin.reservation_count > 0 && percent(likely)) {
		const twin_reservation_t *reservation =
			&world.twin.reservations[below((uint32_t)world.twin.reservation_count)];
		drawn->lease.address = reservation->address;
		memcpy(drawn->client_id, reservation->client_id, sizeof(drawn->client_id));
		drawn->lease.client_id = drawn->client_id;
		drawn->lease.client_id_bytes = reservation->client_id_bytes;
	}
}

static lessor_mode_t
random_mode(void) {
	return percent(2) ? LESSOR_SYNC : LESSOR_ASYNC;
}

/*
 * Tickets.
 */

static const lessor_ticket_t no_ticket = UINT64_C(0xA5A5A5A5A5A5A5A5);

/* After a single change: a new one, the newest (the log's own marks may follow it); none without a log. */
static void
assert_ticket(lessor_status_t status, lessor_mode_t mode, lessor_ticket_t ticket) {
	if (status != LESSOR_OK) {
		assert_int_equal(ticket, no_ticket);
		return;
	}
	if (!world.options.log) {
		assert_int_equal(ticket, 0);
		return;
	}
	assert_true(ticket > world.last_ticket);
	assert_true(ticket <= lessor_last_ticket(world.engine));
	world.last_ticket = ticket;
	if (mode == LESSOR_SYNC) {
		assert_status(LESSOR_OK, lessor_ticket_poll(world.engine, ticket));
		assert_true(lessor_durable_ticket(world.engine) >= ticket);
	}
}

static void
note_ticket(uint32_t address, lessor_ticket_t before, lessor_ticket_t ticket) {
	twin_lease_ticket(&world.twin, address, world.options.log ? before : 0, ticket);
}

/*
 * Leases.
 */

static void
do_create(void) {
	drawn_t drawn;
	lessor_ticket_t ticket = no_ticket;
	lessor_ticket_t before = world.last_ticket;
	lessor_mode_t mode = random_mode();
	lessor_status_t want;
	draw_lease(&drawn, random_address());
	draw_reserved(&drawn, 15);
	want = twin_lease_create(&world.twin, &drawn.lease);
	trace("create %08X id %u bytes: %s", drawn.lease.address, drawn.lease.client_id_bytes,
	      lessor_status_name(want));
	assert_status(want, lessor_lease_create(world.engine, &drawn.lease, mode, &ticket));
	assert_ticket(want, mode, ticket);
	if (want == LESSOR_OK) {
		note_ticket(drawn.lease.address, ticket - (before < ticket), ticket);
	}
}

static uint32_t
random_subnet(uint32_t likely) {
	if (world.twin.scope_count > 0 && percent(likely)) {
		return world.twin.scopes[below((uint32_t)world.twin.scope_count)].scope.subnet;
	}
	return random_address();
}

static uint32_t
random_hint(void) {
	return percent(50) ? 0 : random_lease_address(20);
}

static void
do_allocate(void) {
	drawn_t drawn;
	lessor_ticket_t ticket = no_ticket;
	lessor_ticket_t before = world.last_ticket;
	lessor_mode_t mode = random_mode();
	uint32_t subnet = random_subnet(95);
	uint32_t hint = random_hint();
	lessor_lease_t lease;
	lessor_status_t got;
	draw_lease(&drawn, random_address());
	draw_reserved(&drawn, 15);
	if (twin_scope_find(&world.twin, drawn.lease.address) != NULL && percent(70)) {
		subnet = twin_scope_find(&world.twin, drawn.lease.address)->scope.subnet;
	}
	lease = drawn.lease;
	got = lessor_lease_allocate(world.engine, subnet, hint, &lease, mode, &ticket);
	trace("allocate in %08X hint %08X: %s %08X", subnet, hint, lessor_status_name(got), lease.address);
	assert_status(twin_lease_allocate(&world.twin, subnet, hint, &drawn.lease, lease.address), got);
	assert_ticket(got, mode, ticket);
	if (got == LESSOR_OK) {
		note_ticket(lease.address, ticket - (before < ticket), ticket);
	} else {
		assert_int_equal(lease.address, drawn.lease.address);
	}
}

static void
do_free_addresses(void) {
	enum { ASKED_MAX = 40 };
	const twin_scope_t *scope;
	uint32_t want[ASKED_MAX];
	uint32_t got[ASKED_MAX];
	uint32_t found = 4711;
	uint32_t subnet = random_subnet(95);
	uint32_t first = percent(50) ? 0 : random_lease_address(50);
	uint32_t last = percent(50) ? UINT32_MAX : first + below(1000);
	uint32_t count = below(ASKED_MAX + 1);
	lessor_status_t status = lessor_scope_free_addresses(world.engine, subnet, first, last, count, got, &found);
	trace("free addresses of %08X from %08X to %08X", subnet, first, last);
	scope = twin_scope_get(&world.twin, subnet);
	if (first > last || scope == NULL) {
		assert_status(first > last ? LESSOR_INVALID : LESSOR_NOT_FOUND, status);
		assert_int_equal(found, 4711);
		return;
	}
	assert_status(LESSOR_OK, status);
	assert_int_equal(found, twin_free_addresses(&world.twin, scope, first, last, count, want));
	assert_memory_equal(got, want, found * sizeof(got[0]));
}

/* Every ticket of the batch lies between the last one before it and the one it answered. */
static void
note_batch(const lessor_lease_t *leases, const lessor_status_t *want, size_t count, lessor_ticket_t before,
	   lessor_ticket_t ticket) {
	for (size_t i = 0; i < count; i++) {
		if (want[i] == LESSOR_OK) {
			note_ticket(leases[i].address, before, ticket);
		}
	}
}

/* As of a single change, if anything was changed. */
static void
assert_batch_ticket(size_t made, lessor_mode_t mode, lessor_ticket_t ticket) {
	if (made > 0) {
		assert_ticket(LESSOR_OK, mode, ticket);
	} else {
		assert_int_not_equal(LESSOR_INVALID, lessor_ticket_poll(world.engine, ticket));
	}
}

static void
assert_statuses(const lessor_status_t *want, const lessor_status_t *got, size_t count) {
	for (size_t i = 0; i < count; i++) {
		assert_status(want[i], got[i]);
	}
}

static void
do_create_batch(void) {
	static drawn_t drawn[BATCH_MAX];
	lessor_lease_t leases[BATCH_MAX];
	lessor_status_t want[BATCH_MAX];
	lessor_status_t got[BATCH_MAX];
	lessor_ticket_t ticket = no_ticket;
	lessor_ticket_t before = world.last_ticket;
	lessor_mode_t mode = random_mode();
	size_t count = below(BATCH_MAX + 1);
	uint32_t first = random_address();
	size_t made = 0;
	for (size_t i = 0; i < count; i++) {
		draw_lease(&drawn[i], percent(50) ? random_address() : first + below(8));
		draw_reserved(&drawn[i], 10);
		leases[i] = drawn[i].lease;
		if (i > 0 && percent(10)) {
			leases[i].address = leases[i - 1].address;
		}
		want[i] = twin_lease_create(&world.twin, &leases[i]);
		made += want[i] == LESSOR_OK;
	}
	trace("create_batch %zu from %08X, %zu of them good", count, first, made);
	memset(got, SCRATCH_POISON, sizeof(got));
	assert_status(LESSOR_OK, lessor_lease_create_batch(world.engine, leases, count, got, mode, &ticket));
	assert_statuses(want, got, count);
	assert_batch_ticket(made, mode, ticket);
	note_batch(leases, want, count, before, world.last_ticket);
}

static uint32_t
random_fields(void) {
	uint32_t fields = 1u << below(15);
	while (percent(50)) {
		fields |= 1u << below(15);
	}
	if (percent(5)) {
		fields = LESSOR_FIELD_ALL;
	}
	if (percent(30)) {
		fields |= LESSOR_IF_CLIENT;
		fields &= percent(95) ? ~(uint32_t)LESSOR_FIELD_CLIENT_ID : UINT32_MAX;
	}
	if (percent(1)) {
		fields &= LESSOR_IF_CLIENT; /* a change of nothing is a change */
	}
	if (percent(30)) {
		fields |= LESSOR_IF_RESERVED;
	}
	return percent(1) ? fields | 1u << 15 : fields;
}

/* The client that has the lease, mostly. */
static void
draw_owner(drawn_t *drawn, uint32_t likely) {
	const twin_lease_t *lease = twin_lease_get(&world.twin, drawn->lease.address);
	if (lease != NULL && percent(likely)) {
		memcpy(drawn->client_id, lease->lease.client_id, lease->lease.client_id_bytes);
		drawn->lease.client_id = drawn->client_id;
		drawn->lease.client_id_bytes = lease->lease.client_id_bytes;
	}
}

static void
do_update(void) {
	drawn_t drawn;
	lessor_ticket_t ticket = no_ticket;
	lessor_ticket_t before = world.last_ticket;
	lessor_mode_t mode = random_mode();
	uint32_t fields = random_fields();
	lessor_status_t want;
	draw_lease(&drawn, random_lease_address(95));
	drawn.lease.address += drawn.lease.address == 0;
	if (fields & LESSOR_IF_CLIENT) {
		draw_owner(&drawn, 70);
	} else {
		draw_owner(&drawn, 10);
	}
	want = twin_lease_update(&world.twin, &drawn.lease, fields);
	trace("update %08X fields %05X state %02X id %u bytes: %s", drawn.lease.address, fields,
	      drawn.lease.address_state, drawn.lease.client_id_bytes, lessor_status_name(want));
	assert_status(want, lessor_lease_update(world.engine, &drawn.lease, fields, mode, &ticket));
	assert_ticket(want, mode, ticket);
	if (want == LESSOR_OK) {
		note_ticket(drawn.lease.address, ticket - (before < ticket), ticket);
	}
}

/* Some of them more than once. */
static void
do_update_batch(void) {
	static drawn_t drawn[BATCH_MAX];
	lessor_lease_t leases[BATCH_MAX];
	lessor_status_t want[BATCH_MAX];
	lessor_status_t got[BATCH_MAX];
	lessor_ticket_t ticket = no_ticket;
	lessor_ticket_t before = world.last_ticket;
	lessor_mode_t mode = random_mode();
	uint32_t fields = random_fields();
	size_t count = below(BATCH_MAX + 1);
	size_t made = 0;
	for (size_t i = 0; i < count; i++) {
		draw_lease(&drawn[i], random_lease_address(95));
		draw_owner(&drawn[i], fields & LESSOR_IF_CLIENT ? 70 : 10);
		leases[i] = drawn[i].lease;
		want[i] = twin_lease_update(&world.twin, &leases[i], fields);
		made += want[i] == LESSOR_OK;
	}
	trace("update_batch %zu fields %05X, %zu of them good", count, fields, made);
	memset(got, SCRATCH_POISON, sizeof(got));
	assert_status(LESSOR_OK, lessor_lease_update_batch(world.engine, leases, count, fields, got, mode, &ticket));
	assert_statuses(want, got, count);
	assert_batch_ticket(made, mode, ticket);
	note_batch(leases, want, count, before, world.last_ticket);
}

static void
do_delete(void) {
	drawn_t drawn;
	lessor_ticket_t ticket = no_ticket;
	lessor_mode_t mode = random_mode();
	const uint8_t *client_id = NULL;
	size_t bytes = 0;
	lessor_status_t want;
	draw_lease(&drawn, 0);
	drawn.lease.address = random_lease_address(90);
	if (percent(50)) {
		draw_owner(&drawn, 70);
		client_id = drawn.lease.client_id;
		bytes = client_id == NULL ? 0 : drawn.lease.client_id_bytes;
	}
	want = twin_lease_delete(&world.twin, drawn.lease.address, client_id, bytes);
	trace("delete %08X %s: %s", drawn.lease.address, client_id == NULL ? "whoever" : "if client",
	      lessor_status_name(want));
	assert_status(want, lessor_lease_delete(world.engine, drawn.lease.address, client_id, bytes, mode, &ticket));
	assert_ticket(want, mode, ticket);
}

/* From one address to another, in slices of any size; all that is removed is one change after the other. */
static void
do_expire(void) {
	lessor_expire_options_t options;
	lessor_cursor_t cursor;
	lessor_expire_report_t report;
	lessor_status_t status;
	const lessor_filetime_t now = random_time();
	const uint32_t first = percent(70) ? 0 : random_lease_address(50);
	const uint32_t last = percent(70) ? UINT32_MAX : random_lease_address(50);
	const lessor_mode_t mode = random_mode();
	uint64_t removed = 0;
	uint64_t looked = UINT64_MAX;
	lessor_expire_options_init(&options);
	options.grace_s = percent(50) ? 0 : (uint32_t)scratch_next(&world.random);
	options.doom_s = percent(50) ? options.doom_s : (uint32_t)scratch_next(&world.random);
	options.limit = 1 + below(200);
	trace("expire at %016" PRIX64 " from %08X to %08X by %zu", now, first, last, options.limit);
	lessor_cursor_init(&cursor, first, last);
	do {
		lessor_ticket_t ticket = no_ticket;
		assert_int_not_equal(looked, 0);
		status = lessor_expire(world.engine, now, &options, &cursor, &report, mode, &ticket);
		if (status == LESSOR_OK) {
			assert_true(report.looked <= options.limit && report.removed <= report.looked);
			assert_ticket(report.removed > 0 ? LESSOR_OK : LESSOR_END, mode,
				      report.removed > 0 ? ticket : no_ticket);
			looked = report.looked;
			removed += report.removed;
		}
	} while (status == LESSOR_OK);
	assert_status(LESSOR_END, status);
	assert_int_equal(removed, twin_expire(&world.twin, now, &options, first, last));
}

static void
do_delete_batch(void) {
	uint32_t addresses[BATCH_MAX];
	lessor_status_t want[BATCH_MAX];
	lessor_status_t got[BATCH_MAX];
	lessor_ticket_t ticket = no_ticket;
	lessor_mode_t mode = random_mode();
	size_t count = below(percent(20) ? BATCH_MAX + 1 : 8);
	size_t made = 0;
	for (size_t i = 0; i < count; i++) {
		addresses[i] = i > 0 && percent(10) ? addresses[below((uint32_t)i)] : random_lease_address(70);
		want[i] = twin_lease_delete(&world.twin, addresses[i], NULL, 0);
		made += want[i] == LESSOR_OK;
	}
	trace("delete_batch %zu, %zu of them good", count, made);
	memset(got, SCRATCH_POISON, sizeof(got));
	assert_status(LESSOR_OK, lessor_lease_delete_batch(world.engine, addresses, count, got, mode, &ticket));
	assert_statuses(want, got, count);
	assert_batch_ticket(made, mode, ticket);
}

static bool
is_poison(const void *memory, size_t bytes) {
	const uint8_t *next = memory;
	for (size_t i = 0; i < bytes; i++) {
		if (next[i] != SCRATCH_POISON) {
			return false;
		}
	}
	return true;
}

/* 'want' NULL: there is none, for the reason 'otherwise'. */
static void
assert_got(const twin_lease_t *want, lessor_status_t otherwise, lessor_status_t status, const lessor_lease_t *got,
	   size_t buffer_bytes) {
	if (want != NULL && status == LESSOR_BUFFER_TOO_SMALL && buffer_bytes < LESSOR_LEASE_BUFFER_BYTES) {
		assert_true(is_poison(got, sizeof(*got)));
		return;
	}
	assert_status(want != NULL ? LESSOR_OK : otherwise, status);
	if (want != NULL) {
		twin_assert_lease(&world.twin, want, got);
	} else {
		assert_true(is_poison(got, sizeof(*got)));
	}
}

static size_t
random_buffer_bytes(void) {
	return percent(80) ? LESSOR_LEASE_BUFFER_BYTES : below(600);
}

static void
do_get(void) {
	static char buffer[LESSOR_LEASE_BUFFER_BYTES];
	size_t bytes = random_buffer_bytes();
	uint32_t address = random_lease_address(60);
	const twin_lease_t *want;
	lessor_status_t status;
	lessor_lease_t got;
	if (address == 0) {
		return;
	}
	want = twin_lease_get(&world.twin, address);
	trace("get %08X, %zu bytes", address, bytes);
	memset(&got, SCRATCH_POISON, sizeof(got));
	status = lessor_lease_get(world.engine, address, &got, buffer, bytes);
	assert_got(want, LESSOR_NOT_FOUND, status, &got, bytes);
}

static void
do_get_client(void) {
	static char buffer[LESSOR_LEASE_BUFFER_BYTES];
	uint8_t client_id[LESSOR_CLIENT_ID_MAX_BYTES];
	uint8_t id_bytes = client_of(below(CLIENTS), client_id);
	size_t bytes = random_buffer_bytes();
	uint32_t subnet = random_subnet(90);
	const twin_lease_t *want = twin_lease_get_client(&world.twin, subnet, client_id, id_bytes);
	bool exists = twin_scope_get(&world.twin, subnet) != NULL;
	lessor_status_t status;
	lessor_lease_t got;
	trace("get_client %08X, %zu bytes", subnet, bytes);
	memset(&got, SCRATCH_POISON, sizeof(got));
	status = lessor_lease_get_client(world.engine, subnet, client_id, id_bytes, &got, buffer, bytes);
	assert_got(want, exists ? LESSOR_NOT_FOUND : LESSOR_NO_SCOPE, status, &got, bytes);
}

static char batch_buffer[BATCH_MAX * LESSOR_LEASE_BUFFER_BYTES];

static size_t
random_batch_buffer_bytes(void) {
	return percent(70) ? sizeof(batch_buffer) : below(percent(50) ? 1000 : 20000);
}

/* Nobody is refused for want of room where there is room for everybody. */
static void
assert_got_of_many(const twin_lease_t *want, lessor_status_t otherwise, lessor_status_t status,
		   const lessor_lease_t *got, size_t buffer_bytes) {
	assert_got(want, otherwise, status, got, buffer_bytes < sizeof(batch_buffer) ? 0 : LESSOR_LEASE_BUFFER_BYTES);
}

static void
do_get_batch(void) {
	uint32_t addresses[BATCH_MAX];
	lessor_lease_t got[BATCH_MAX];
	lessor_status_t statuses[BATCH_MAX];
	size_t count = below(BATCH_MAX + 1);
	size_t bytes = random_batch_buffer_bytes();
	for (size_t i = 0; i < count; i++) {
		addresses[i] = random_lease_address(80);
	}
	trace("get_batch %zu, %zu bytes", count, bytes);
	memset(got, SCRATCH_POISON, sizeof(got));
	assert_status(LESSOR_OK,
		      lessor_lease_get_batch(world.engine, addresses, count, got, batch_buffer, bytes, statuses));
	for (size_t i = 0; i < count; i++) {
		assert_got_of_many(twin_lease_get(&world.twin, addresses[i]), LESSOR_NOT_FOUND, statuses[i], &got[i],
				   bytes);
	}
}

static void
do_get_client_batch(void) {
	static uint8_t ids[BATCH_MAX][LESSOR_CLIENT_ID_MAX_BYTES];
	lessor_client_t clients[BATCH_MAX];
	lessor_lease_t got[BATCH_MAX];
	lessor_status_t statuses[BATCH_MAX];
	size_t count = below(BATCH_MAX + 1);
	size_t bytes = random_batch_buffer_bytes();
	for (size_t i = 0; i < count; i++) {
		clients[i].client_id = ids[i];
		clients[i].client_id_bytes = client_of(below(CLIENTS), ids[i]);
		clients[i].subnet = random_subnet(90);
	}
	trace("get_client_batch %zu, %zu bytes", count, bytes);
	memset(got, SCRATCH_POISON, sizeof(got));
	assert_status(LESSOR_OK,
		      lessor_lease_get_client_batch(world.engine, clients, count, got, batch_buffer, bytes, statuses));
	for (size_t i = 0; i < count; i++) {
		bool exists = twin_scope_get(&world.twin, clients[i].subnet) != NULL;
		assert_got_of_many(
			twin_lease_get_client(&world.twin, clients[i].subnet, ids[i], clients[i].client_id_bytes),
			exists ? LESSOR_NOT_FOUND : LESSOR_NO_SCOPE, statuses[i], &got[i], bytes);
	}
}

static void
do_next(void) {
	static char buffer[LESSOR_LEASE_BUFFER_BYTES];
	size_t slot = below(CURSORS);
	twin_cursor_t *mine = &world.twin_cursors[slot];
	size_t bytes = random_buffer_bytes();
	const twin_lease_t *want;
	lessor_status_t status;
	lessor_lease_t got;
	if (mine->at_end || percent(5)) {
		mine->at_end = false;
		mine->next = percent(50) ? 0 : random_address();
		mine->last = percent(50) ? UINT32_MAX : random_address();
		lessor_cursor_init(&world.cursors[slot], (uint32_t)mine->next, (uint32_t)mine->last);
	}
	want = twin_lease_next(&world.twin, mine->next, mine->last);
	trace("next from %08" PRIX64 " to %08" PRIX64 ", %zu bytes", mine->next, mine->last, bytes);
	memset(&got, SCRATCH_POISON, sizeof(got));
	status = lessor_lease_next(world.engine, &world.cursors[slot], &got, buffer, bytes);
	assert_got(want, LESSOR_END, status, &got, bytes);
	mine->at_end = status == LESSOR_END;
	if (status == LESSOR_OK) {
		mine->next = (uint64_t)got.address + 1;
	}
}

/*
 * Reservations.
 */

/* Mostly one that is reserved, if 'likely'. */
static uint32_t
random_reserved_address(uint32_t likely) {
	if (world.twin.reservation_count > 0 && percent(likely)) {
		return world.twin.reservations[below((uint32_t)world.twin.reservation_count)].address;
	}
	return random_lease_address(50);
}

/* Mostly the one that the address lies in. */
static uint32_t
random_subnet_of(uint32_t address) {
	const twin_scope_t *scope = twin_scope_find(&world.twin, address);
	return scope != NULL && percent(97) ? scope->scope.subnet : random_subnet(50);
}

/* What a change of the reservation did to the lease at its address, if there is one. */
static void
note_reserved_ticket(lessor_status_t status, uint32_t address, lessor_ticket_t before, lessor_ticket_t ticket) {
	if (status == LESSOR_OK && twin_lease_get(&world.twin, address) != NULL) {
		note_ticket(address, ticket - (before < ticket), ticket);
	}
}

static void
do_reserve(void) {
	drawn_t drawn;
	lessor_ticket_t ticket = no_ticket;
	lessor_ticket_t before = world.last_ticket;
	lessor_mode_t mode = random_mode();
	lessor_status_t want;
	draw_lease(&drawn, random_reserved_address(10));
	draw_owner(&drawn, 60);
	if (percent(40) && twin_scope_find(&world.twin, drawn.lease.address) != NULL) {
		/* The client has a lease somewhere in the scope: perhaps elsewhere. */
		const lessor_scope_t *scope = &twin_scope_find(&world.twin, drawn.lease.address)->scope;
		drawn.lease.address = scope->subnet + below((~scope->mask & 63) + 1);
	}
	const uint32_t subnet = random_subnet_of(drawn.lease.address);
	const lessor_reservation_t reservation = {.address = drawn.lease.address,
						  .client_id = drawn.lease.client_id,
						  .client_id_bytes = drawn.lease.client_id_bytes,
						  .client_types = (uint8_t)(percent(98) ? 1 + below(3) : below(256))};
	want = twin_reservation_create(&world.twin, subnet, &reservation);
	trace("reserve %08X in %08X id %u bytes: %s", reservation.address, subnet, reservation.client_id_bytes,
	      lessor_status_name(want));
	assert_status(want, lessor_reservation_create(world.engine, subnet, &reservation, mode, &ticket));
	assert_ticket(want, mode, ticket);
	note_reserved_ticket(want, reservation.address, before, ticket);
}

static void
do_unreserve(void) {
	drawn_t drawn;
	lessor_ticket_t ticket = no_ticket;
	lessor_ticket_t before = world.last_ticket;
	lessor_mode_t mode = random_mode();
	lessor_filetime_t now = random_time();
	uint32_t address = random_reserved_address(90);
	uint32_t subnet = random_subnet_of(address);
	const twin_reservation_t *reservation = twin_reservation_get(&world.twin, address);
	const uint8_t *client_id = NULL;
	size_t bytes = 0;
	lessor_status_t want;
	draw_lease(&drawn, address);
	if (percent(50)) {
		client_id = drawn.lease.client_id;
		bytes = drawn.lease.client_id_bytes;
		if (reservation != NULL && percent(80)) {
			memcpy(drawn.client_id, reservation->client_id, sizeof(drawn.client_id));
			client_id = drawn.client_id;
			bytes = reservation->client_id_bytes;
		}
	}
	want = twin_reservation_delete(&world.twin, subnet, address, client_id, bytes, now);
	trace("unreserve %08X in %08X at %016" PRIX64 " %s: %s", address, subnet, now,
	      client_id == NULL ? "whoever" : "if client", lessor_status_name(want));
	assert_status(want,
		      lessor_reservation_delete(world.engine, subnet, address, client_id, bytes, now, mode, &ticket));
	assert_ticket(want, mode, ticket);
	note_reserved_ticket(want, address, before, ticket);
}

static void
do_count(void) {
	uint32_t first = random_reserved_address(50);
	uint32_t last = random_reserved_address(50);
	uint64_t count = 4711;
	lessor_status_t status = lessor_lease_count(world.engine, first, last, &count);
	trace("count from %08X to %08X", first, last);
	assert_status(first <= last ? LESSOR_OK : LESSOR_INVALID, status);
	assert_int_equal(count, first <= last ? twin_lease_count(&world.twin, first, last) : 4711);
}

static void
do_find_name(void) {
	static char buffer[LESSOR_LEASE_BUFFER_BYTES];
	char name[128];
	const twin_lease_t *want;
	lessor_lease_t got;
	snprintf(name, sizeof(name), "%s", short_texts[below(COUNT(short_texts))]);
	for (char *at = name; *at != '\0'; at++) {
		if (*at >= 'a' && *at <= 'z' && percent(50)) {
			*at = (char)(*at - 'a' + 'A');
		}
	}
	want = twin_lease_find_name(&world.twin, name);
	trace("find %s", name);
	assert_status(want != NULL ? LESSOR_OK : LESSOR_NOT_FOUND,
		      lessor_lease_find_name(world.engine, name, &got, buffer, sizeof(buffer)));
	if (want != NULL) {
		twin_assert_lease(&world.twin, want, &got);
	}
}

/*
 * Scopes.
 */

typedef struct subnet {
	uint32_t subnet;
	uint32_t mask;
} subnet_t;

static subnet_t
random_new_subnet(void) {
	static const subnet_t good[] = {
		{IP(10, 0, 0, 0), 0xFFFFFFF0},        {IP(10, 0, 0, 16), 0xFFFFFFF0},
		{IP(10, 0, 0, 0), 0xFFFFFFE0},        {IP(10, 0, 0, 32), 0xFFFFFFE0},
		{IP(10, 0, 0, 0), 0xFFFFFFC0},        {IP(10, 0, 0, 48), 0xFFFFFFF0},
		{IP(10, 0, 1, 0), 0xFFFFFFFC},        {IP(10, 0, 1, 4), 0xFFFFFFFE},
		{IP(10, 0, 1, 6), 0xFFFFFFFF},        {IP(10, 0, 1, 8), 0xFFFFFFF8},
		{IP(10, 0, 2, 0), 0xFFFFFF00},        {IP(10, 0, 2, 0), 0xFFFFFF80},
		{IP(10, 0, 2, 128), 0xFFFFFF80},      {IP(10, 0, 3, 0), 0xFFFFFFC0},
		{IP(192, 168, 0, 0), 0xFFFFFFFE},     {IP(172, 16, 0, 0), 0xFFFE0000},
		{IP(172, 16, 0, 0), 0xFFFF0000},      {IP(172, 17, 0, 0), 0xFFFFF000},
		{IP(255, 255, 255, 240), 0xFFFFFFF0}, {IP(255, 255, 255, 255), UINT32_MAX},
		{IP(127, 255, 255, 248), 0xFFFFFFF8}, {IP(128, 0, 0, 0), 0xFF000000},
		{IP(0, 0, 0, 1), UINT32_MAX},         {IP(0, 0, 0, 2), UINT32_MAX},
	};
	static const subnet_t vast[] = {
		{IP(10, 0, 0, 0), 0xFF000000},
		{IP(10, 0, 0, 0), 0xFFFF0000},
		{IP(128, 0, 0, 0), 0x80000000},
		{IP(64, 0, 0, 0), 0xC0000000},
	};
	static const subnet_t bad[] = {
		{IP(10, 0, 0, 1), 0xFFFFFFF0}, {IP(10, 0, 0, 0), 0},
		{IP(10, 0, 0, 0), 0xFF00FF00}, {IP(10, 0, 0, 0), 0x00FFFFFF},
		{IP(0, 0, 0, 0), 0xFF000000},  {IP(0, 0, 0, 0), 0x80000000},
		{IP(10, 0, 0, 0), 1},          {IP(10, 128, 0, 0), 0xFF000000},
		{IP(10, 0, 0, 0), 0xFFFFFFFD},
	};
	uint32_t draw = below(100);
	if (draw >= 97) {
		return bad[below(COUNT(bad))];
	}
	return draw >= 92 && world.vast ? vast[below(COUNT(vast))] : good[below(COUNT(good))];
}

/* Somewhere in the subnet; now and then with its ends exchanged or a little outside. */
static lessor_range_t
random_range(uint32_t subnet, uint32_t mask) {
	lessor_range_t range;
	uint32_t span = ~mask;
	uint32_t a = subnet + (span == 0 ? 0 : (uint32_t)(scratch_next(&world.random) % ((uint64_t)span + 1)));
	uint32_t b = subnet + (span == 0 ? 0 : (uint32_t)(scratch_next(&world.random) % ((uint64_t)span + 1)));
	range.first = a < b ? a : b;
	range.last = a < b ? b : a;
	if (percent(20)) {
		range.first = subnet;
	}
	if (percent(20)) {
		range.last = subnet | span;
	}
	if (percent(3)) {
		uint32_t first = range.first;
		range.first = range.last;
		range.last = first;
	} else if (percent(2)) {
		range.first--;
	} else if (percent(2)) {
		range.last++;
	}
	return range;
}

static void
draw_scope(lessor_scope_t *scope, uint32_t subnet, uint32_t mask) {
	*scope = scratch_scope(subnet, mask);
	scope->id = percent(50) ? 0 : (uint32_t)scratch_next(&world.random);
	scope->state = percent(98) ? below(5) : below(100);
	scope->lease_s = percent(50) ? 3600 : (uint32_t)scratch_next(&world.random) | 1u;
	scope->has_range = percent(80);
	scope->range = random_range(subnet, mask);
	scope->name = random_text(LESSOR_SCOPE_NAME_MAX_BYTES);
	scope->comment = random_text(LESSOR_SCOPE_NAME_MAX_BYTES);
	scope->offer_delay_ms = percent(95) ? (uint16_t)below(LESSOR_OFFER_DELAY_MAX_MS + 1) : (uint16_t)below(65536);
	scope->quarantine_on = percent(50);
}

static void
do_scope_create(void) {
	subnet_t drawn = random_new_subnet();
	lessor_ticket_t ticket = no_ticket;
	lessor_mode_t mode = random_mode();
	lessor_scope_t scope;
	lessor_status_t want;
	draw_scope(&scope, drawn.subnet, drawn.mask);
	if (percent(20)) {
		scope.lease_s = 0;
	}
	want = twin_scope_create(&world.twin, &scope);
	trace("scope_create %08X mask %08X range %d %08X-%08X: %s", scope.subnet, scope.mask, scope.has_range,
	      scope.range.first, scope.range.last, lessor_status_name(want));
	assert_status(want, lessor_scope_create(world.engine, &scope, mode, &ticket));
	assert_ticket(want, mode, ticket);
}

static void
do_scope_update(void) {
	uint32_t subnet = random_subnet(95);
	const twin_scope_t *old = twin_scope_get(&world.twin, subnet);
	uint32_t fields = 1u + below(LESSOR_SCOPE_FIELD_MASK - 1);
	lessor_ticket_t ticket = no_ticket;
	lessor_mode_t mode = random_mode();
	lessor_scope_t scope;
	lessor_status_t want;
	draw_scope(&scope, subnet, old != NULL ? old->scope.mask : UINT32_MAX);
	if (old != NULL && percent(50)) {
		scope.mask = (uint32_t)scratch_next(&world.random); /* not looked at */
	}
	if (old == NULL) {
		/* Which of two mistakes is named first is left open. */
		scope = scratch_scope(subnet, UINT32_MAX);
	}
	fields |= old != NULL && percent(1) ? 1u << (10 + below(22)) : 0;
	want = twin_scope_update(&world.twin, &scope, fields);
	if (fields == 0) {
		return;
	}
	trace("scope_update %08X fields %X range %d %08X-%08X: %s", subnet, fields, scope.has_range, scope.range.first,
	      scope.range.last, lessor_status_name(want));
	assert_status(want, lessor_scope_update(world.engine, &scope, fields, mode, &ticket));
	assert_ticket(want, mode, ticket);
}

/* A scope without range, exclusion or lease, if there is one. */
static uint32_t
random_empty_subnet(void) {
	for (size_t i = 0; i < world.twin.scope_count; i++) {
		const twin_scope_t *scope = &world.twin.scopes[i];
		lessor_scope_stats_t stats;
		twin_scope_stats(&world.twin, scope, &stats);
		if (!scope->scope.has_range && scope->exclusion_count == 0 && stats.leases == 0 && percent(70)) {
			return scope->scope.subnet;
		}
	}
	return random_subnet(98);
}

static void
do_scope_mask(void) {
	lessor_ticket_t ticket = no_ticket;
	lessor_mode_t mode = random_mode();
	lessor_scope_t scope;
	const uint32_t subnet = random_empty_subnet();
	const uint32_t zeros = subnet != 0 ? (uint32_t)__builtin_ctz(subnet) : 0;
	const uint32_t host_bits = below(zeros < 10 ? zeros + 2 : 12); /* one too many now and then */
	uint32_t fields = LESSOR_SCOPE_FIELD_MASK | (percent(30) ? LESSOR_SCOPE_FIELD_RANGE : 0);
	draw_scope(&scope, subnet, UINT32_MAX << host_bits);
	if (twin_scope_get(&world.twin, subnet) == NULL) {
		scope = scratch_scope(subnet, UINT32_MAX);
		fields = LESSOR_SCOPE_FIELD_MASK;
	}
	const lessor_status_t want = twin_scope_update(&world.twin, &scope, fields);
	trace("scope_update %08X fields %X mask %08X: %s", subnet, fields, scope.mask, lessor_status_name(want));
	assert_status(want, lessor_scope_update(world.engine, &scope, fields, mode, &ticket));
	assert_ticket(want, mode, ticket);
}

/* A range that a scope has or could have. */
static lessor_range_t
random_pool(const twin_scope_t *scope) {
	lessor_range_t range = scope->scope.range;
	if (!scope->scope.has_range || percent(10)) {
		range = random_range(scope->scope.subnet, scope->scope.mask);
	} else if (percent(30)) {
		range.first -= below(3);
		range.last += below(3);
	} else if (percent(30)) {
		range.first += below(3);
		range.last -= below(3);
	}
	return range;
}

static void
do_scope_pool(void) {
	const uint32_t subnet = random_subnet(98);
	const twin_scope_t *scope = twin_scope_get(&world.twin, subnet);
	const lessor_range_t range = scope != NULL ? random_pool(scope) : (lessor_range_t){subnet, subnet};
	const bool force = percent(50);
	lessor_ticket_t ticket = no_ticket;
	lessor_mode_t mode = random_mode();
	lessor_status_t want;
	if (percent(30)) {
		want = twin_scope_remove_range(&world.twin, subnet, range, force);
		trace("remove_range %08X %08X-%08X %s: %s", subnet, range.first, range.last,
		      force ? "by force" : "if empty", lessor_status_name(want));
		assert_status(want, lessor_scope_remove_range(world.engine, subnet, range, force, mode, &ticket));
	} else {
		want = twin_scope_resize(&world.twin, subnet, range);
		trace("resize %08X %08X-%08X: %s", subnet, range.first, range.last, lessor_status_name(want));
		assert_status(want, lessor_scope_resize(world.engine, subnet, range, mode, &ticket));
	}
	assert_ticket(want, mode, ticket);
}

static void
do_scope_delete(void) {
	uint32_t subnet = random_subnet(95);
	bool force = percent(50);
	lessor_ticket_t ticket = no_ticket;
	lessor_mode_t mode = random_mode();
	lessor_status_t want = twin_scope_delete(&world.twin, subnet, force);
	trace("scope_delete %08X %s: %s", subnet, force ? "by force" : "if empty", lessor_status_name(want));
	assert_status(want, lessor_scope_delete(world.engine, subnet, force, mode, &ticket));
	assert_ticket(want, mode, ticket);
}

/* An excluded range for an existing scope, often one that it has. */
static lessor_range_t
random_exclusion(const twin_scope_t *scope) {
	if (scope->exclusion_count > 0 && percent(60)) {
		return scope->exclusions[below((uint32_t)scope->exclusion_count)];
	}
	return random_range(scope->scope.subnet, scope->scope.mask);
}

/* That which excluded already is excluded once more may have no ticket of its own. */
static void
assert_exclusion_ticket(lessor_status_t status, lessor_mode_t mode, lessor_ticket_t ticket, bool repeated) {
	if (status == LESSOR_OK && repeated) {
		assert_int_not_equal(LESSOR_INVALID, lessor_ticket_poll(world.engine, ticket));
		world.last_ticket = lessor_last_ticket(world.engine);
	} else {
		assert_ticket(status, mode, ticket);
	}
}

static void
do_exclusion(void) {
	uint32_t subnet = random_subnet(98);
	const twin_scope_t *scope = twin_scope_get(&world.twin, subnet);
	lessor_range_t range = {subnet, subnet};
	bool exclude = percent(60);
	size_t before = scope == NULL ? 0 : scope->exclusion_count;
	lessor_ticket_t ticket = no_ticket;
	lessor_mode_t mode = random_mode();
	lessor_status_t want;
	if (scope != NULL) {
		range = random_exclusion(scope);
	}
	want = exclude ? twin_scope_exclude(&world.twin, subnet, range)
		       : twin_scope_include(&world.twin, subnet, range);
	trace("%s %08X %08X-%08X: %s", exclude ? "exclude" : "include", subnet, range.first, range.last,
	      lessor_status_name(want));
	if (exclude) {
		assert_status(want, lessor_scope_exclude(world.engine, subnet, range, mode, &ticket));
	} else {
		assert_status(want, lessor_scope_include(world.engine, subnet, range, mode, &ticket));
	}
	assert_exclusion_ticket(want, mode, ticket, scope != NULL && scope->exclusion_count == before);
}

/* Few names, so that scopes meet; and one that is none. */
static void
do_superscope(void) {
	static const char *const names[] = {"a", "b", "c", "a longer one", "\xC3\xA4", "\xFF"};
	const char *name = names[below(COUNT(names))];
	const uint32_t subnet = random_subnet(95);
	const twin_scope_t *scope = twin_scope_get(&world.twin, subnet);
	const uint32_t before = scope != NULL ? scope->superscope : 0;
	const lessor_mode_t mode = random_mode();
	lessor_ticket_t ticket = no_ticket;
	lessor_status_t want;
	bool repeated = false;
	if (percent(20)) {
		want = twin_superscope_delete(&world.twin, name);
		trace("superscope_delete %s: %s", name, lessor_status_name(want));
		assert_status(want, lessor_superscope_delete(world.engine, name, mode, &ticket));
	} else {
		const bool move = percent(50);
		name = percent(20) ? NULL : name;
		want = twin_superscope_join(&world.twin, subnet, name, move);
		repeated = scope != NULL && scope->superscope == before;
		trace("superscope_join %08X %s: %s", subnet, name != NULL ? name : "none", lessor_status_name(want));
		assert_status(want, lessor_superscope_join(world.engine, subnet, name, move, mode, &ticket));
	}
	assert_exclusion_ticket(want, mode, ticket, repeated);
}

static void
do_scope_get(void) {
	char buffer[LESSOR_SCOPE_BUFFER_BYTES];
	uint32_t address = random_address();
	const twin_scope_t *want = twin_scope_find(&world.twin, address);
	lessor_scope_t got;
	trace("scope find, get, next %08X", address);
	memset(&got, SCRATCH_POISON, sizeof(got));
	assert_status(want != NULL ? LESSOR_OK : LESSOR_NO_SCOPE,
		      lessor_scope_find(world.engine, address, &got, buffer, sizeof(buffer)));
	if (want != NULL) {
		twin_assert_scope(want, &got);
	}
	want = twin_scope_get(&world.twin, address);
	assert_status(want != NULL ? LESSOR_OK : LESSOR_NOT_FOUND,
		      lessor_scope_get(world.engine, address, &got, buffer, sizeof(buffer)));
	if (want != NULL) {
		twin_assert_scope(want, &got);
	}
	want = twin_scope_next(&world.twin, address);
	assert_status(want != NULL ? LESSOR_OK : LESSOR_END,
		      lessor_scope_next(world.engine, address, &got, buffer, sizeof(buffer)));
	if (want != NULL) {
		twin_assert_scope(want, &got);
	}
}

/*
 * The store as a whole.
 */

static void
open_engine(lessor_engine_t **engine, const char *directory, bool read_only) {
	lessor_options_t options = world.options;
	lessor_report_t report;
	lessor_status_t status;
	options.read_only = read_only;
	status = lessor_open(directory, &options, engine, &report);
	if (status != LESSOR_OK) {
		print_error("open %s: %s\n", directory, report.sentence);
	}
	assert_status(LESSOR_OK, status);
	assert_int_equal(report.leases, world.twin.lease_count);
	assert_int_equal(report.scopes, world.twin.scope_count);
}

static void
do_snapshot(void) {
	lessor_report_t report;
	lessor_status_t want = world.options.log ? LESSOR_OK : LESSOR_READ_ONLY;
	trace("snapshot");
	assert_status(want, lessor_snapshot(world.engine, &report));
	world.last_ticket = lessor_last_ticket(world.engine);
}

static void
do_reopen(void) {
	trace("reopen");
	scratch_close(world.engine);
	world.engine = NULL;
	twin_restarted(&world.twin, world.last_ticket);
	if (percent(30)) {
		lessor_engine_t *reader = NULL;
		open_engine(&reader, world.directory, true);
		twin_assert_equal(&world.twin, reader);
		scratch_close(reader);
	}
	open_engine(&world.engine, world.directory, false);
	assert_true(lessor_last_ticket(world.engine) >= world.last_ticket);
	world.last_ticket = lessor_last_ticket(world.engine);
	assert_status(LESSOR_OK, lessor_ticket_poll(world.engine, world.last_ticket));
	twin_assert_equal(&world.twin, world.engine);
}

/* What the disk holds at this moment is what a power cut would leave. */
static void
do_crash(void) {
	char image[SCRATCH_FILE_BYTES];
	lessor_engine_t *engine = NULL;
	trace("crash");
	assert_status(LESSOR_OK, lessor_ticket_wait(world.engine, lessor_last_ticket(world.engine), -1));
	assert_true(snprintf(image, sizeof(image), "%s-image", world.directory) < (int)sizeof(image));
	scratch_copy(world.directory, image);
	twin_restarted(&world.twin, world.last_ticket);
	open_engine(&engine, image, false);
	twin_assert_equal(&world.twin, engine);
	scratch_close(engine);
	scratch_remove(image);
}

static void
do_store(void) {
	uint32_t draw = below(4);
	if (draw < 2 || !world.options.log) {
		do_snapshot();
	} else {
		do_reopen();
	}
}

static void
do_something(void) {
	uint32_t draw = below(1000);
	if (draw < 50) {
		do_reserve();
	} else if (draw < 80) {
		do_unreserve();
	} else if (draw < 85) {
		do_count();
	} else if (draw < 90) {
		do_find_name();
	} else if (draw < 240) {
		do_create();
	} else if (draw < 280) {
		do_allocate();
	} else if (draw < 300) {
		do_free_addresses();
	} else if (draw < 350) {
		do_create_batch();
	} else if (draw < 500) {
		do_update();
	} else if (draw < 530) {
		do_update_batch();
	} else if (draw < 640) {
		do_delete();
	} else if (draw < 665) {
		do_delete_batch();
	} else if (draw < 670) {
		do_expire();
	} else if (draw < 700) {
		do_get();
	} else if (draw < 720) {
		do_get_batch();
	} else if (draw < 750) {
		do_get_client();
	} else if (draw < 770) {
		do_get_client_batch();
	} else if (draw < 870) {
		do_next();
	} else if (draw < 900) {
		do_scope_create();
	} else if (draw < 915) {
		do_scope_update();
	} else if (draw < 920) {
		do_scope_mask();
	} else if (draw < 927) {
		do_scope_pool();
	} else if (draw < 935) {
		do_scope_delete();
	} else if (draw < 960) {
		do_exclusion();
	} else if (draw < 975) {
		do_superscope();
	} else if (draw < 995) {
		do_scope_get();
	} else {
		do_store();
	}
}

/*
 * Rounds.
 */

static void
draw_options(void) {
	static const uint32_t gathers_us[] = {0, 1, 200, 5000};
	static const uint64_t snapshots[] = {0, 1u << 18, 1u << 21, UINT64_MAX};
	scratch_options_log(&world.options);
	world.vast = percent(10);
	world.options.log = percent(75);
	world.options.strict_address_state = percent(25);
	world.options.flush_gather_us = gathers_us[below(COUNT(gathers_us))];
	world.options.snapshot_after_bytes = snapshots[below(COUNT(snapshots))];
}

/* A few scopes to begin with; more come and go. */
static void
begin_round(uint64_t seed) {
	memset(&world, 0, sizeof(world));
	world.seed = seed;
	world.random.state = seed;
	draw_options();
	scratch_make(world.directory);
	twin_init(&world.twin, world.options.strict_address_state);
	open_engine(&world.engine, world.options.log ? world.directory : NULL, false);
	for (size_t i = 0; i < CURSORS; i++) {
		lessor_cursor_init(&world.cursors[i], 0, UINT32_MAX);
		world.twin_cursors[i].last = UINT32_MAX;
	}
	for (int i = 0; i < 6; i++) {
		do_scope_create();
	}
}

static void
end_round(void) {
	if (world.options.log) {
		if (world.options.snapshot_after_bytes == UINT64_MAX) {
			do_crash(); /* else the files may change while they are copied */
		}
		do_reopen();
	}
	scratch_close(world.engine);
	world.engine = NULL;
	twin_free(&world.twin);
	scratch_remove(world.directory);
}

static void
run_round(uint64_t seed) {
	begin_round(seed);
	for (unsigned batch = 0; batch < BATCHES; batch++) {
		for (unsigned i = 0; i < BATCH_OPERATIONS; i++) {
			do_something();
		}
		trace("compare");
		twin_assert_equal(&world.twin, world.engine);
	}
	end_round();
}

static bool all_rounds_done;

static void
test_engine_and_twin_agree(void **state) {
	unsigned long rounds = scratch_number("LESSOR_TEST_ROUNDS", scratch_is_sanitized() ? ROUNDS_SANITIZED : ROUNDS);
	uint64_t seed = scratch_seed();
	(void)state;
	print_message("LESSOR_TEST_SEED=%" PRIu64 " LESSOR_TEST_ROUNDS=%lu\n", seed, rounds);
	for (unsigned long round = 0; round < rounds; round++) {
		run_round(seed + round);
	}
	all_rounds_done = true;
}

static int
report_failure(void **state) {
	(void)state;
	if (!all_rounds_done) {
		print_trace();
	}
	return 0;
}

static void
fill_text(char *text, size_t bytes, const char *end) {
	memset(text, 'x', bytes);
	memcpy(text + bytes - strlen(end), end, strlen(end));
	text[bytes] = '\0';
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_engine_and_twin_agree, report_failure),
	};
	fill_text(text_3072, sizeof(text_3072) - 1, "\xE7\xAB\x99");
	fill_text(text_3073, sizeof(text_3073) - 1, "");
	fill_text(text_252, sizeof(text_252) - 1, "\xC3\xBC");
	fill_text(text_253, sizeof(text_253) - 1, "");
	fill_text(text_16384, sizeof(text_16384) - 1, "\"}");
	fill_text(text_16385, sizeof(text_16385) - 1, "");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
