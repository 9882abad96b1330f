/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches of leases: what each member answers and stores is what a single call would have, whatever its neighbours are.
 *
 * Most tests start from an engine in memory with the scopes 10.1.0.0/16 and 10.2.0.0/24. Their leases are samples: number i has everything of i, from
 * a plain six-byte id to the longest of all texts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.h"
#include "test_disk.h"
#include "torture.h"

#define SUBNET      IP(10, 1, 0, 0)
#define MASK        UINT32_C(0xFFFF0000)
#define SUBNET2     IP(10, 2, 0, 0)
#define MASK2       UINT32_C(0xFFFFFF00)
#define NOWHERE     IP(10, 9, 0, 1)
#define MOST        1000u
#define UNTOUCHED   ((lessor_status_t)0x25252525)
#define UNTOUCHED_T UINT64_C(0x2525252525252525)

static lessor_engine_t *engine;

static void
add_scopes(lessor_engine_t *to) {
	scratch_scope_add(to, SUBNET, MASK, true);
	scratch_scope_add(to, SUBNET2, MASK2, false);
}

static int
open_engine(void **state) {
	(void)state;
	engine = scratch_open_memory();
	add_scopes(engine);
	return 0;
}

static int
close_engine(void **state) {
	const lessor_status_t check = lessor_check(engine, NULL);
	(void)state;
	return lessor_close(&engine) == LESSOR_OK && check == LESSOR_OK ? 0 : -1;
}

/* ---- samples ----------------------------------------------------------------------------------------------------------- */

static char text_3072[LESSOR_NAME_MAX_BYTES + 1];
static char text_252[LESSOR_POLICY_MAX_BYTES + 1];
static char text_16384[LESSOR_USER_CONTEXT_MAX_BYTES + 1];

static void
fill_text(char *text, size_t bytes) {
	memset(text, 'x', bytes - 3);
	memcpy(text + bytes - 3, "\xE7\xAB\x99", 4);
}

typedef struct sample {
	uint8_t client_id[LESSOR_CLIENT_ID_MAX_BYTES];
	uint8_t hardware[LESSOR_HARDWARE_MAX_BYTES];
} sample_t;

/* What the calls get and give; one more than is used, to be left alone. */
static sample_t samples[MOST + 1];
static lessor_lease_t leases[MOST + 1];
static uint32_t addresses[MOST + 1];
static lessor_client_t clients[MOST + 1];
static lessor_lease_t got[MOST + 1];
static lessor_status_t statuses[MOST + 1];
static uint8_t texts[16u << 20];

static void
make_client_id(uint32_t i, sample_t *sample, lessor_lease_t *lease) {
	static const uint8_t lengths[] = {6, 7, 20, 21, 255, 6, 8, 6, 1, 7, 6, 19};
	const uint8_t bytes = lengths[i % COUNT(lengths)];
	memset(sample->client_id, 0x40, sizeof(sample->client_id));
	if (bytes == 1) {
		sample->client_id[0] = (uint8_t)(i / COUNT(lengths));
	} else {
		sample->client_id[bytes - 2] = (uint8_t)(i >> 8);
		sample->client_id[bytes - 1] = (uint8_t)i;
	}
	lease->client_id = sample->client_id;
	lease->client_id_bytes = bytes;
}

/* None, the client id itself, what stands behind the type in the client id, another of 6 and another of 20 bytes. */
static void
make_hardware(uint32_t i, sample_t *sample, lessor_lease_t *lease) {
	const uint8_t id_bytes = lease->client_id_bytes;
	uint8_t bytes = 0;
	memset(sample->hardware, (int)(0x80 + i % 100), sizeof(sample->hardware));
	if (i / 3 % 5 == 1 && id_bytes <= LESSOR_HARDWARE_MAX_BYTES) {
		bytes = id_bytes;
		memcpy(sample->hardware, sample->client_id, bytes);
	} else if (i / 3 % 5 == 2 && id_bytes > 1 && id_bytes <= LESSOR_HARDWARE_MAX_BYTES + 1) {
		bytes = (uint8_t)(id_bytes - 1);
		sample->client_id[0] = 1;
		memcpy(sample->hardware, sample->client_id + 1, bytes);
	} else if (i / 3 % 5 >= 3) {
		bytes = i / 3 % 5 == 3 ? 6 : LESSOR_HARDWARE_MAX_BYTES;
	}
	lease->hardware = bytes > 0 ? sample->hardware : NULL;
	lease->hardware_bytes = bytes;
	lease->hardware_type = bytes > 0 ? (uint8_t)(1 + i % 2 * 5) : 0;
}

static void
make_texts(uint32_t i, lessor_lease_t *lease) {
	static const char *const names[] = {
		NULL,
		"",
		"pc",
		"host-0123456",
		"M\xC3\xBCller-\xE7\xAB\x99",
		"a-name-that-is-longer-than-a-cache-line.of.an.office.in.a.building.of.a.campus",
		text_3072,
		"fourteen-chars",
		"\xF0\x9F\x96\xA8",
	};
	static const char *const others[] = {NULL, "", "k\xC3\xBCrz", "{\"a\": 1}"};
	lease->name = names[i % COUNT(names)];
	if (i % 4 == 3) {
		lease->comment = i % 64 == 3 ? text_3072 : others[i / 4 % COUNT(others)];
		lease->owner_name = others[i / 16 % COUNT(others)];
		lease->owner_address = i;
		lease->policy_name = i % 64 == 7 ? text_252 : others[i / 8 % COUNT(others)];
		lease->user_context = i % 128 == 11 ? text_16384 : others[i / 32 % COUNT(others)];
	}
}

static void
make_sample(uint32_t i, sample_t *sample, lessor_lease_t *lease) {
	static const uint8_t states[] = {1, 1, 2, 3, 0x71, 0, 1};
	lessor_lease_init(lease);
	lease->address = SUBNET + 1 + i;
	lease->client_type = (uint8_t)(i % 9 == 8 ? LESSOR_CLIENT_NONE : i % 9 % 8);
	lease->address_state = states[i % COUNT(states)];
	lease->quarantine_status = (uint8_t)(i % 7);
	lease->quarantine_capable = i % 2 != 0;
	lease->client_id_made_up = i % 5 == 0;
	lease->dns_forward = i % 3 == 0;
	lease->dns_reverse = i % 4 == 0;
	lease->last_transaction_s = i % 2 != 0 ? i * 977 : 0;
	lease->expires_at = i % 4 == 0 ? LESSOR_TIME_INFINITE : (lessor_filetime_t)i * LESSOR_TICKS_PER_SECOND + i;
	lease->probation_ends_at = i % 6 == 0 ? i : 0;
	make_client_id(i, sample, lease);
	make_hardware(i, sample, lease);
	make_texts(i, lease);
}

static void
reset_outputs(void) {
	memset(statuses, 0x25, sizeof(statuses));
	memset(got, SCRATCH_POISON, sizeof(got));
}

static void
make_samples(uint32_t count) {
	for (uint32_t i = 0; i < count; i++) {
		make_sample(i, &samples[i], &leases[i]);
		addresses[i] = leases[i].address;
		clients[i] = (lessor_client_t){.subnet = SUBNET,
					       .client_id_bytes = leases[i].client_id_bytes,
					       .client_id = leases[i].client_id};
	}
	reset_outputs();
}

static void
assert_untouched(const void *memory, size_t bytes, uint8_t value) {
	const uint8_t *next = memory;
	for (size_t i = 0; i < bytes; i++) {
		assert_int_equal(next[i], value);
	}
}

static void
assert_same_text(const char *want, const char *is) {
	assert_true((want == NULL) == (is == NULL));
	if (want != NULL) {
		assert_string_equal(want, is);
	}
}

static void
assert_same_bytes(const uint8_t *want, size_t want_bytes, const uint8_t *is, size_t bytes) {
	assert_int_equal(want_bytes, bytes);
	if (bytes > 0) {
		assert_memory_equal(want, is, bytes);
	}
}

/* Every member that a caller sets. */
static void
assert_kept(const lessor_lease_t *want, const lessor_lease_t *is) {
	assert_int_equal(want->address, is->address);
	assert_same_bytes(want->client_id, want->client_id_bytes, is->client_id, is->client_id_bytes);
	assert_int_equal(want->client_type, is->client_type);
	assert_int_equal(want->address_state == 0 ? LESSOR_STATE_ACTIVE : want->address_state, is->address_state);
	assert_int_equal(want->quarantine_status, is->quarantine_status);
	assert_int_equal(want->quarantine_capable, is->quarantine_capable);
	assert_int_equal(want->client_id_made_up, is->client_id_made_up);
	assert_int_equal(want->dns_forward, is->dns_forward);
	assert_int_equal(want->dns_reverse, is->dns_reverse);
	assert_int_equal(want->hardware_type, is->hardware_type);
	assert_same_bytes(want->hardware, want->hardware_bytes, is->hardware, is->hardware_bytes);
	assert_int_equal(want->last_transaction_s, is->last_transaction_s);
	assert_int_equal(want->expires_at, is->expires_at);
	assert_int_equal(want->probation_ends_at, is->probation_ends_at);
	assert_same_text(want->name, is->name);
	assert_same_text(want->comment, is->comment);
	assert_same_text(want->policy_name, is->policy_name);
	assert_same_text(want->owner_name, is->owner_name);
	assert_int_equal(want->owner_address, is->owner_address);
	assert_same_text(want->user_context, is->user_context);
}

/* Also what the engine adds. */
static void
assert_as_single(const lessor_lease_t *is) {
	static uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
	lessor_lease_t single;
	assert_status(LESSOR_OK, lessor_lease_get(engine, is->address, &single, buffer, sizeof(buffer)));
	assert_kept(&single, is);
	assert_int_equal(single.subnet_mask, is->subnet_mask);
	assert_int_equal(single.ticket, is->ticket);
}

static void
assert_all(lessor_status_t want, size_t count) {
	for (size_t i = 0; i < count; i++) {
		assert_status(want, statuses[i]);
	}
	assert_int_equal(statuses[count], UNTOUCHED);
}

static void
get_all(size_t count) {
	reset_outputs();
	assert_status(LESSOR_OK, lessor_lease_get_batch(engine, addresses, count, got, texts, sizeof(texts), statuses));
}

/* Found by address and by client, as they went in and as a single call gives them. */
static void
assert_found(size_t count) {
	get_all(count);
	assert_all(LESSOR_OK, count);
	for (size_t i = 0; i < count; i++) {
		assert_kept(&leases[i], &got[i]);
		assert_int_equal(got[i].subnet_mask, MASK);
		assert_as_single(&got[i]);
	}
	assert_untouched(&got[count], sizeof(got[0]), SCRATCH_POISON);
	reset_outputs();
	assert_status(LESSOR_OK,
		      lessor_lease_get_client_batch(engine, clients, count, got, texts, sizeof(texts), statuses));
	assert_all(LESSOR_OK, count);
	for (size_t i = 0; i < count; i++) {
		assert_kept(&leases[i], &got[i]);
		assert_as_single(&got[i]);
	}
	assert_untouched(&got[count], sizeof(got[0]), SCRATCH_POISON);
}

static void
assert_gone(size_t count) {
	get_all(count);
	assert_all(LESSOR_NOT_FOUND, count);
	reset_outputs();
	assert_status(LESSOR_OK,
		      lessor_lease_get_client_batch(engine, clients, count, got, texts, sizeof(texts), statuses));
	assert_all(LESSOR_NOT_FOUND, count);
	assert_untouched(got, sizeof(got), SCRATCH_POISON);
}

static lessor_ticket_t
create_all(size_t count, lessor_mode_t mode) {
	lessor_ticket_t ticket = UNTOUCHED_T;
	reset_outputs();
	assert_status(LESSOR_OK, lessor_lease_create_batch(engine, leases, count, statuses, mode, &ticket));
	return ticket;
}

static lessor_ticket_t
update_all(size_t count, uint32_t fields, lessor_mode_t mode) {
	lessor_ticket_t ticket = UNTOUCHED_T;
	reset_outputs();
	assert_status(LESSOR_OK, lessor_lease_update_batch(engine, leases, count, fields, statuses, mode, &ticket));
	return ticket;
}

static lessor_ticket_t
delete_all(size_t count, lessor_mode_t mode) {
	lessor_ticket_t ticket = UNTOUCHED_T;
	reset_outputs();
	assert_status(LESSOR_OK, lessor_lease_delete_batch(engine, addresses, count, statuses, mode, &ticket));
	return ticket;
}

static uint64_t
count_leases(void) {
	lessor_engine_stats_t stats;
	assert_status(LESSOR_OK, lessor_engine_stats(engine, &stats));
	return stats.leases;
}

/* Give each sample what the one 'by' further on has, but its address and client. */
static void
exchange_members(uint32_t count, uint32_t by) {
	for (uint32_t i = 0; i < count; i++) {
		static sample_t other[MOST];
		const lessor_lease_t mine = leases[i];
		make_sample(i + by, &other[i], &leases[i]);
		leases[i].address = mine.address;
		leases[i].client_id = mine.client_id;
		leases[i].client_id_bytes = mine.client_id_bytes;
		leases[i].address_state = (uint8_t)(leases[i].address_state == 0 ? 1 : leases[i].address_state);
	}
}

/* ---- sizes ------------------------------------------------------------------------------------------------------------- */

static void
test_sizes(void **state) {
	static const uint32_t sizes[] = {0, 1, 2, 31, 32, 33, 63, 64, 65, 127, MOST};
	(void)state;
	for (size_t s = 0; s < COUNT(sizes); s++) {
		const uint32_t count = sizes[s];
		make_samples(count);
		assert_gone(count);
		(void)create_all(count, LESSOR_ASYNC);
		assert_all(LESSOR_OK, count);
		assert_int_equal(count_leases(), count);
		assert_found(count);
		exchange_members(count, 5);
		(void)update_all(count, LESSOR_FIELD_ALL & ~(uint32_t)LESSOR_FIELD_CLIENT_ID, LESSOR_ASYNC);
		assert_all(LESSOR_OK, count);
		for (uint32_t i = 0; i < count; i++) {
			leases[i].client_id_made_up = i % 5 == 0; /* it belongs to the client id, which stayed */
		}
		assert_found(count);
		assert_status(LESSOR_OK, lessor_check(engine, NULL));
		(void)delete_all(count, LESSOR_ASYNC);
		assert_all(LESSOR_OK, count);
		assert_gone(count);
		assert_int_equal(count_leases(), 0);
	}
}

/* Without texts nothing is large about so many. */
static void
test_as_many_as_there_may_be(void **state) {
	uint32_t *many = calloc(LESSOR_BATCH_MAX, sizeof(*many));
	lessor_status_t *answers = calloc(LESSOR_BATCH_MAX, sizeof(*answers));
	(void)state;
	assert_true(many != NULL && answers != NULL);
	make_samples(1);
	(void)create_all(1, LESSOR_ASYNC);
	for (uint32_t i = 0; i < LESSOR_BATCH_MAX; i++) {
		many[i] = NOWHERE + i;
	}
	many[LESSOR_BATCH_MAX - 1] = addresses[0];
	assert_status(LESSOR_OK,
		      lessor_lease_delete_batch(engine, many, LESSOR_BATCH_MAX, answers, LESSOR_ASYNC, NULL));
	for (uint32_t i = 0; i < LESSOR_BATCH_MAX - 1; i++) {
		assert_int_equal(answers[i], LESSOR_NOT_FOUND);
	}
	assert_status(LESSOR_OK, answers[LESSOR_BATCH_MAX - 1]);
	assert_int_equal(count_leases(), 0);
	free(answers);
	free(many);
}

/* ---- refused as a whole ---------------------------------------------------------------------------------------------------- */

static lessor_ticket_t ticket_out;

static void
assert_nothing_done(lessor_status_t want, lessor_status_t is) {
	assert_status(want, is);
	assert_untouched(statuses, sizeof(statuses), 0x25);
	assert_untouched(got, sizeof(got), SCRATCH_POISON);
	assert_int_equal(ticket_out, UNTOUCHED_T);
}

/* The three that change something, refused alike. */
static void
assert_changes_refused(lessor_status_t want, size_t count, lessor_mode_t mode) {
	const uint32_t fields = LESSOR_FIELD_NAME;
	assert_nothing_done(want, lessor_lease_create_batch(engine, leases, count, statuses, mode, &ticket_out));
	assert_nothing_done(want,
			    lessor_lease_update_batch(engine, leases, count, fields, statuses, mode, &ticket_out));
	assert_nothing_done(want, lessor_lease_delete_batch(engine, addresses, count, statuses, mode, &ticket_out));
}

static void
assert_reads_refused(lessor_status_t want, size_t count) {
	assert_nothing_done(want,
			    lessor_lease_get_batch(engine, addresses, count, got, texts, sizeof(texts), statuses));
	assert_nothing_done(want,
			    lessor_lease_get_client_batch(engine, clients, count, got, texts, sizeof(texts), statuses));
}

static void
prepare_refusals(void) {
	make_samples(4);
	(void)create_all(2, LESSOR_ASYNC);
	reset_outputs();
	ticket_out = UNTOUCHED_T;
}

static void
test_nulls(void **state) {
	lessor_engine_t *none = NULL;
	lessor_ticket_t *t = &ticket_out;
	const lessor_status_t want = LESSOR_INVALID;
	const uint32_t name = LESSOR_FIELD_NAME;
	const size_t bytes = sizeof(texts);
	(void)state;
	prepare_refusals();
	assert_nothing_done(want, lessor_lease_create_batch(none, leases, 3, statuses, LESSOR_ASYNC, t));
	assert_nothing_done(want, lessor_lease_create_batch(engine, NULL, 3, statuses, LESSOR_ASYNC, t));
	assert_nothing_done(want, lessor_lease_create_batch(engine, leases, 3, NULL, LESSOR_ASYNC, t));
	assert_nothing_done(want, lessor_lease_update_batch(none, leases, 3, name, statuses, LESSOR_ASYNC, t));
	assert_nothing_done(want, lessor_lease_update_batch(engine, NULL, 3, name, statuses, LESSOR_ASYNC, t));
	assert_nothing_done(want, lessor_lease_update_batch(engine, leases, 3, name, NULL, LESSOR_ASYNC, t));
	assert_nothing_done(want, lessor_lease_delete_batch(none, addresses, 3, statuses, LESSOR_ASYNC, t));
	assert_nothing_done(want, lessor_lease_delete_batch(engine, NULL, 3, statuses, LESSOR_ASYNC, t));
	assert_nothing_done(want, lessor_lease_delete_batch(engine, addresses, 3, NULL, LESSOR_ASYNC, t));
	assert_nothing_done(want, lessor_lease_get_batch(none, addresses, 3, got, texts, bytes, statuses));
	assert_nothing_done(want, lessor_lease_get_batch(engine, NULL, 3, got, texts, bytes, statuses));
	assert_nothing_done(want, lessor_lease_get_batch(engine, addresses, 3, NULL, texts, bytes, statuses));
	assert_nothing_done(want, lessor_lease_get_batch(engine, addresses, 3, got, NULL, bytes, statuses));
	assert_nothing_done(want, lessor_lease_get_batch(engine, addresses, 3, got, texts, bytes, NULL));
	assert_nothing_done(want, lessor_lease_get_client_batch(none, clients, 3, got, texts, bytes, statuses));
	assert_nothing_done(want, lessor_lease_get_client_batch(engine, NULL, 3, got, texts, bytes, statuses));
	assert_nothing_done(want, lessor_lease_get_client_batch(engine, clients, 3, NULL, texts, bytes, statuses));
	assert_nothing_done(want, lessor_lease_get_client_batch(engine, clients, 3, got, NULL, bytes, statuses));
	assert_nothing_done(want, lessor_lease_get_client_batch(engine, clients, 3, got, texts, bytes, NULL));
	assert_int_equal(count_leases(), 2);
}

static void
test_too_many_and_unknown_modes(void **state) {
	(void)state;
	prepare_refusals();
	assert_changes_refused(LESSOR_INVALID, LESSOR_BATCH_MAX + 1, LESSOR_ASYNC);
	assert_changes_refused(LESSOR_INVALID, SIZE_MAX, LESSOR_SYNC);
	assert_reads_refused(LESSOR_INVALID, LESSOR_BATCH_MAX + 1);
	assert_reads_refused(LESSOR_INVALID, SIZE_MAX);
	assert_changes_refused(LESSOR_INVALID, 3, (lessor_mode_t)2);
	assert_changes_refused(LESSOR_INVALID, 3, (lessor_mode_t)7);
	assert_int_equal(count_leases(), 2);
}

static void
test_forked(void **state) {
	int status = 0;
	pid_t child;
	(void)state;
	prepare_refusals();
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		const lessor_status_t answers[] = {
			lessor_lease_create_batch(engine, leases, 3, statuses, LESSOR_ASYNC, &ticket_out),
			lessor_lease_update_batch(engine, leases, 3, LESSOR_FIELD_NAME, statuses, LESSOR_ASYNC,
						  &ticket_out),
			lessor_lease_delete_batch(engine, addresses, 3, statuses, LESSOR_ASYNC, &ticket_out),
			lessor_lease_get_batch(engine, addresses, 3, got, texts, sizeof(texts), statuses),
			lessor_lease_get_client_batch(engine, clients, 3, got, texts, sizeof(texts), statuses),
		};
		unsigned wrong = ticket_out != UNTOUCHED_T || statuses[0] != UNTOUCHED || statuses[2] != UNTOUCHED;
		for (size_t i = 0; i < COUNT(answers); i++) {
			wrong |= (unsigned)(answers[i] != LESSOR_FORKED) << (i + 1);
		}
		_exit((int)wrong);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_found(2);
}

/* ---- member by member ---------------------------------------------------------------------------------------------------- */

/* The same leases one by one in another engine: the same answers, and the same store in the end. */
static void
assert_creates_as_singles(size_t count) {
	lessor_engine_t *singly = scratch_open_memory();
	torture_dump_t want;
	torture_dump_t is;
	add_scopes(singly);
	(void)create_all(count, LESSOR_ASYNC);
	for (size_t i = 0; i < count; i++) {
		assert_status(lessor_lease_create(singly, &leases[i], LESSOR_ASYNC, NULL), statuses[i]);
	}
	want = torture_dump(singly);
	is = torture_dump(engine);
	torture_require_equal(&want, &is);
	torture_dump_free(&want);
	torture_dump_free(&is);
	scratch_close(singly);
}

/* Break sample i in one of all the ways there are. Returns what it has to answer, if nothing else is wrong. */
static lessor_status_t
spoil(uint32_t i, unsigned how) {
	static char too_long[LESSOR_NAME_MAX_BYTES + 2];
	lessor_lease_t *lease = &leases[i];
	memset(too_long, 'l', sizeof(too_long) - 1);
	switch (how) {
	case 0:
		lease->address = 0;
		return LESSOR_INVALID;
	case 1:
		lease->client_id = NULL;
		return LESSOR_INVALID;
	case 2:
		lease->client_id_bytes = 0;
		return LESSOR_INVALID;
	case 3:
		lease->name = "\xC3";
		return LESSOR_INVALID;
	case 4:
		lease->comment = too_long;
		return LESSOR_INVALID;
	case 5:
		lease->address_state = 0x40; /* offered */
		return LESSOR_INVALID;
	case 6:
		lease->client_type = 8;
		return LESSOR_INVALID;
	case 7:
		lease->quarantine_status = 7;
		return LESSOR_INVALID;
	case 8:
		lease->hardware_bytes = LESSOR_HARDWARE_MAX_BYTES + 1;
		return LESSOR_INVALID;
	case 9:
		lease->address = NOWHERE + i;
		return LESSOR_NO_SCOPE;
	case 10:
		lease->address = leases[i - 1].address;
		return LESSOR_ADDRESS_TAKEN;
	case 11:
		lease->client_id = leases[i - 1].client_id;
		lease->client_id_bytes = leases[i - 1].client_id_bytes;
		return LESSOR_CLIENT_TAKEN;
	case 12:
		lease->hardware = NULL;
		lease->hardware_bytes = 6;
		return LESSOR_INVALID;
	default:
		lease->address = SUBNET2 + i % 256;
		return LESSOR_OK;
	}
}

static void
test_good_and_bad_creates(void **state) {
	static lessor_status_t want[MOST];
	const uint32_t count = 200;
	(void)state;
	for (unsigned density = 2; density < 6; density++) {
		make_samples(count);
		for (uint32_t i = 0; i < count; i++) {
			want[i] = i % density == 1 ? spoil(i, i / density % 14) : LESSOR_OK;
		}
		assert_creates_as_singles(count);
		for (uint32_t i = 0; i < count; i++) {
			assert_status(want[i], statuses[i]);
		}
		for (uint32_t i = 0; i < count; i++) {
			addresses[i] = leases[i].address;
		}
		(void)delete_all(count, LESSOR_ASYNC);
		assert_int_equal(count_leases(), 0);
		assert_status(LESSOR_OK, lessor_scope_delete(engine, SUBNET, true, LESSOR_ASYNC, NULL));
		assert_status(LESSOR_OK, lessor_scope_delete(engine, SUBNET2, true, LESSOR_ASYNC, NULL));
		add_scopes(engine);
	}
}

static void
test_good_and_bad_updates(void **state) {
	static lessor_status_t want[MOST];
	const uint32_t count = 150;
	lessor_engine_t *singly = scratch_open_memory();
	torture_dump_t batched;
	torture_dump_t single;
	(void)state;
	add_scopes(singly);
	make_samples(count);
	(void)create_all(count, LESSOR_ASYNC);
	for (uint32_t i = 0; i < count; i++) {
		assert_status(LESSOR_OK, lessor_lease_create(singly, &leases[i], LESSOR_ASYNC, NULL));
	}
	exchange_members(count, 7);
	for (uint32_t i = 0; i < count; i++) {
		const unsigned how = i % 3 == 1 ? i / 3 % 13 : 13;
		want[i] = how < 13 ? spoil(i, how) : LESSOR_OK;
		want[i] = how == 9 ? LESSOR_NOT_FOUND : how == 10 ? LESSOR_CLIENT_TAKEN : want[i];
	}
	(void)update_all(count, LESSOR_FIELD_ALL, LESSOR_ASYNC);
	for (uint32_t i = 0; i < count; i++) {
		assert_status(want[i], statuses[i]);
		assert_status(want[i], lessor_lease_update(singly, &leases[i], LESSOR_FIELD_ALL, LESSOR_ASYNC, NULL));
	}
	batched = torture_dump(engine);
	single = torture_dump(singly);
	torture_require_equal(&single, &batched);
	torture_dump_free(&batched);
	torture_dump_free(&single);
	scratch_close(singly);
}

/* LESSOR_IF_CLIENT, and fields that make the whole batch wrong, lease by lease. */
static void
test_update_fields(void **state) {
	static const uint32_t wrong[] = {
		1u << 18,
		1u << 31,
		LESSOR_IF_CLIENT | LESSOR_FIELD_CLIENT_ID,
		LESSOR_FIELD_NAME | 1u << 18,
	};
	const uint32_t count = 40;
	(void)state;
	make_samples(count);
	(void)create_all(count, LESSOR_ASYNC);
	for (uint32_t i = 0; i < count; i++) {
		leases[i].expires_at = 1000 + i;
		leases[i].client_id_bytes = (uint8_t)(i % 4 == 2 ? 3 : leases[i].client_id_bytes);
	}
	(void)update_all(count, LESSOR_FIELD_EXPIRES | LESSOR_IF_CLIENT, LESSOR_ASYNC);
	for (uint32_t i = 0; i < count; i++) {
		assert_status(i % 4 == 2 ? LESSOR_OTHER_CLIENT : LESSOR_OK, statuses[i]);
	}
	make_samples(count);
	for (uint32_t i = 0; i < count; i++) {
		leases[i].expires_at = i % 4 == 2 ? leases[i].expires_at : 1000 + i;
	}
	for (size_t i = 0; i < COUNT(wrong); i++) {
		static uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
		const lessor_status_t whole =
			lessor_lease_update_batch(engine, leases, count, wrong[i], statuses, LESSOR_ASYNC, NULL);
		lessor_lease_t lease;
		assert_status(LESSOR_OK, whole);
		for (uint32_t j = 0; j < count; j++) {
			assert_status(LESSOR_INVALID, statuses[j]);
		}
		assert_status(LESSOR_OK, lessor_lease_get(engine, addresses[1], &lease, buffer, sizeof(buffer)));
		assert_kept(&leases[1], &lease);
	}
	assert_found(count);
}

/* Every answer that a look-up has, next to good ones, as the single call has it. */
static void
test_good_and_bad_looks(void **state) {
	static uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
	static const uint8_t stranger[] = {9, 9, 9};
	const uint32_t count = 100;
	lessor_lease_t lease;
	(void)state;
	make_samples(count);
	(void)create_all(count, LESSOR_ASYNC);
	for (uint32_t i = 0; i < count; i += 3) {
		static const uint32_t absent[] = {NOWHERE, SUBNET + 5000, SUBNET2, SUBNET, UINT32_MAX, 1};
		static const lessor_client_t strangers[] = {
			{.subnet = NOWHERE, .client_id = stranger, .client_id_bytes = 3},
			{.subnet = SUBNET, .client_id = stranger, .client_id_bytes = 3},
			{.subnet = SUBNET + 1, .client_id = stranger, .client_id_bytes = 3},
			{.subnet = SUBNET, .client_id = NULL, .client_id_bytes = 3},
			{.subnet = SUBNET, .client_id = stranger, .client_id_bytes = 0},
			{.subnet = 0, .client_id = stranger, .client_id_bytes = 3},
		};
		addresses[i] = absent[i / 3 % COUNT(absent)];
		clients[i] = strangers[i / 3 % COUNT(strangers)];
	}
	clients[1].subnet = SUBNET2; /* this client has its lease elsewhere */
	addresses[count - 1] = 0;
	get_all(count);
	for (uint32_t i = 0; i < count; i++) {
		assert_status(lessor_lease_get(engine, addresses[i], &lease, buffer, sizeof(buffer)), statuses[i]);
		if (i % 3 == 0) {
			assert_true(addresses[i] == 0 || statuses[i] == LESSOR_NOT_FOUND);
			assert_untouched(&got[i], sizeof(got[i]), SCRATCH_POISON);
		} else if (addresses[i] != 0) {
			assert_kept(&leases[i], &got[i]);
			assert_as_single(&got[i]);
		}
	}
	reset_outputs();
	assert_status(LESSOR_OK,
		      lessor_lease_get_client_batch(engine, clients, count, got, texts, sizeof(texts), statuses));
	for (uint32_t i = 0; i < count; i++) {
		static const lessor_status_t want[] = {LESSOR_NO_SCOPE, LESSOR_NOT_FOUND, LESSOR_NO_SCOPE,
						       LESSOR_INVALID,  LESSOR_INVALID,   LESSOR_NO_SCOPE};
		assert_status(lessor_lease_get_client(engine, clients[i].subnet, clients[i].client_id,
						      clients[i].client_id_bytes, &lease, buffer, sizeof(buffer)),
			      statuses[i]);
		if (i % 3 == 0 || i == 1) {
			assert_status(i == 1 ? LESSOR_NOT_FOUND : want[i / 3 % COUNT(want)], statuses[i]);
			assert_untouched(&got[i], sizeof(got[i]), SCRATCH_POISON);
		} else {
			assert_kept(&leases[i], &got[i]);
			assert_as_single(&got[i]);
		}
	}
}

static void
test_good_and_bad_deletes(void **state) {
	const uint32_t count = 97;
	(void)state;
	make_samples(count);
	(void)create_all(count, LESSOR_ASYNC);
	for (uint32_t i = 0; i < count; i++) {
		addresses[i] = i % 5 == 3 ? NOWHERE : i % 5 == 4 ? addresses[i - (i > 40 ? 39 : 4)] : addresses[i];
	}
	(void)delete_all(count, LESSOR_ASYNC);
	for (uint32_t i = 0; i < count; i++) {
		const bool repeated = i % 5 == 4;
		assert_status(i % 5 == 3 || repeated ? LESSOR_NOT_FOUND : LESSOR_OK, statuses[i]);
	}
	/* Of five, three are gone. */
	assert_int_equal(count_leases(), count / 5 * 2);
}

/* ---- duplicates: as if in order ------------------------------------------------------------------------------------------ */

static void
test_one_address_many_times(void **state) {
	const uint32_t count = 100;
	(void)state;
	make_samples(count);
	for (uint32_t i = 0; i < count; i++) {
		leases[i].address = addresses[i] = SUBNET + 77;
	}
	(void)create_all(count, LESSOR_ASYNC);
	for (uint32_t i = 0; i < count; i++) {
		assert_status(i == 0 ? LESSOR_OK : LESSOR_ADDRESS_TAKEN, statuses[i]);
	}
	(void)update_all(count, LESSOR_FIELD_ALL, LESSOR_ASYNC);
	for (uint32_t i = 0; i < count; i++) {
		assert_status(leases[i].address_state == 0 ? LESSOR_INVALID : LESSOR_OK, statuses[i]);
	}
	get_all(count);
	assert_all(LESSOR_OK, count);
	for (uint32_t i = 0; i < count; i++) {
		assert_kept(&leases[count - 1], &got[i]); /* the last one stays */
	}
	(void)delete_all(count, LESSOR_ASYNC);
	for (uint32_t i = 0; i < count; i++) {
		assert_status(i == 0 ? LESSOR_OK : LESSOR_NOT_FOUND, statuses[i]);
	}
	get_all(count);
	assert_all(LESSOR_NOT_FOUND, count);
	/* And again: nothing of it is left. */
	(void)create_all(1, LESSOR_ASYNC);
	assert_all(LESSOR_OK, 1);
}

static void
test_one_client_many_times(void **state) {
	const uint32_t count = 70;
	(void)state;
	make_samples(count);
	for (uint32_t i = 0; i < count; i++) {
		clients[i] = clients[4];
		leases[i].client_id = leases[4].client_id;
		leases[i].client_id_bytes = leases[4].client_id_bytes;
	}
	leases[3].address = SUBNET2 + 3; /* in another scope it may have one too */
	(void)create_all(count, LESSOR_ASYNC);
	for (uint32_t i = 0; i < count; i++) {
		assert_status(i == 0 || i == 3 ? LESSOR_OK : LESSOR_CLIENT_TAKEN, statuses[i]);
	}
	reset_outputs();
	assert_status(LESSOR_OK,
		      lessor_lease_get_client_batch(engine, clients, count, got, texts, sizeof(texts), statuses));
	assert_all(LESSOR_OK, count);
	for (uint32_t i = 0; i < count; i++) {
		assert_kept(&leases[0], &got[i]);
	}
}

/* Clients move round: each may only have what the one before has left. */
static void
test_clients_change_places(void **state) {
	static lessor_lease_t moves[MOST];
	const uint32_t count = 66;
	(void)state;
	make_samples(count + 1);
	(void)create_all(count, LESSOR_ASYNC);
	/* Lease 0 becomes the extra client's, lease 1 client 0's, and so on, all in one batch. */
	for (uint32_t i = 0; i < count; i++) {
		const lessor_lease_t *from = &leases[i == 0 ? count : i - 1];
		moves[i] = leases[i];
		moves[i].client_id = from->client_id;
		moves[i].client_id_bytes = from->client_id_bytes;
		moves[i].client_id_made_up = from->client_id_made_up;
	}
	reset_outputs();
	assert_status(LESSOR_OK, lessor_lease_update_batch(engine, moves, count, LESSOR_FIELD_CLIENT_ID, statuses,
							   LESSOR_ASYNC, NULL));
	assert_all(LESSOR_OK, count);
	get_all(count);
	for (uint32_t i = 0; i < count; i++) {
		assert_same_bytes(moves[i].client_id, moves[i].client_id_bytes, got[i].client_id,
				  got[i].client_id_bytes);
		assert_int_equal(moves[i].client_id_made_up, got[i].client_id_made_up);
	}
	/* In the same order back: each client is still where it is, but for the first one's, which is free. */
	reset_outputs();
	assert_status(LESSOR_OK, lessor_lease_update_batch(engine, leases, count, LESSOR_FIELD_CLIENT_ID, statuses,
							   LESSOR_ASYNC, NULL));
	for (uint32_t i = 0; i < count; i++) {
		assert_status(i < count - 1 ? LESSOR_CLIENT_TAKEN : LESSOR_OK, statuses[i]);
	}
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
}

/* ---- buffers ----------------------------------------------------------------------------------------------------------- */

static uint8_t *
try_buffer(bool by_client, size_t count, size_t bytes) {
	uint8_t *buffer = malloc(bytes + 1); /* as large as said, for tools that watch */
	assert_non_null(buffer);
	buffer[bytes] = SCRATCH_POISON;
	reset_outputs();
	assert_status(LESSOR_OK,
		      by_client ? lessor_lease_get_client_batch(engine, clients, count, got, buffer, bytes, statuses)
				: lessor_lease_get_batch(engine, addresses, count, got, buffer, bytes, statuses));
	assert_int_equal(buffer[bytes], SCRATCH_POISON);
	return buffer;
}

static bool
is_within(const void *pointer, size_t length, const uint8_t *buffer, size_t bytes) {
	const uintptr_t at = (uintptr_t)pointer;
	return length == 0 || (at >= (uintptr_t)buffer && at + length <= (uintptr_t)buffer + bytes);
}

static bool
is_text_within(const char *text, const uint8_t *buffer, size_t bytes) {
	return text == NULL || is_within(text, strlen(text) + 1, buffer, bytes);
}

/* What fits is complete and lies in the buffer, what does not is untouched. Returns how many fit. */
static size_t
assert_fitting(const uint8_t *buffer, size_t count, size_t bytes) {
	size_t fitting = 0;
	for (size_t i = 0; i < count; i++) {
		if (statuses[i] != LESSOR_OK) {
			assert_status(LESSOR_BUFFER_TOO_SMALL, statuses[i]);
			assert_untouched(&got[i], sizeof(got[i]), SCRATCH_POISON);
			continue;
		}
		fitting++;
		assert_kept(&leases[i], &got[i]);
		assert_true(is_within(got[i].client_id, got[i].client_id_bytes, buffer, bytes));
		assert_true(is_within(got[i].hardware, got[i].hardware_bytes, buffer, bytes));
		assert_true(is_text_within(got[i].name, buffer, bytes));
		assert_true(is_text_within(got[i].comment, buffer, bytes));
		assert_true(is_text_within(got[i].policy_name, buffer, bytes));
		assert_true(is_text_within(got[i].owner_name, buffer, bytes));
		assert_true(is_text_within(got[i].user_context, buffer, bytes));
	}
	assert_int_equal(statuses[count], UNTOUCHED);
	return fitting;
}

static void
test_buffers_of_all_sizes(void **state) {
	const size_t count = 36;
	(void)state;
	make_samples((uint32_t)count);
	(void)create_all(count, LESSOR_ASYNC);
	for (int by_client = 0; by_client < 2; by_client++) {
		size_t bytes = 0;
		size_t fitting = 0;
		while (fitting < count) {
			uint8_t *buffer = try_buffer(by_client != 0, count, bytes);
			fitting = assert_fitting(buffer, count, bytes);
			assert_true(bytes > 0 || fitting == 0);
			assert_true(fitting == count || bytes < count * LESSOR_LEASE_BUFFER_BYTES);
			free(buffer);
			bytes += bytes < 2000 ? 1 : bytes / 16;
		}
	}
}

static void
test_shorter_ones_behind_fit(void **state) {
	(void)state;
	make_samples(3);
	for (unsigned i = 0; i < 3; i++) {
		samples[i].client_id[0] = (uint8_t)(200 + i);
		leases[i] = scratch_lease(addresses[i], samples[i].client_id, 6);
		clients[i].client_id_bytes = 6;
	}
	leases[1].name = text_3072;
	(void)create_all(3, LESSOR_ASYNC);
	assert_all(LESSOR_OK, 3);
	for (int by_client = 0; by_client < 2; by_client++) {
		uint8_t *buffer = try_buffer(by_client != 0, 3, 500);
		assert_int_equal(assert_fitting(buffer, 3, 500), 2);
		assert_status(LESSOR_BUFFER_TOO_SMALL, statuses[1]);
		free(buffer);
	}
}

/* Client id and name of 20 bytes in all: 32 bytes for each. */
static void
test_common_leases_need_32_bytes(void **state) {
	static const char letters[] = "abcdefghijklmnopqrst";
	const uint32_t count = 200;
	(void)state;
	make_samples(count);
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t bytes = (uint8_t)(i < 2 ? 1 : 4 + i % 17);
		samples[i].client_id[bytes - 1] = (uint8_t)i;
		leases[i] = scratch_lease(addresses[i], samples[i].client_id, bytes);
		leases[i].name = bytes == 20 ? i % 2 != 0 ? "" : NULL : letters + bytes;
		clients[i].client_id_bytes = bytes;
		if (i % 3 == 1 && bytes <= 8) {
			leases[i].hardware_type = 1;
			leases[i].hardware_bytes = bytes;
			leases[i].hardware = samples[i].client_id;
		}
	}
	(void)create_all(count, LESSOR_ASYNC);
	assert_all(LESSOR_OK, count);
	for (int by_client = 0; by_client < 2; by_client++) {
		uint8_t *buffer = try_buffer(by_client != 0, count, (size_t)count * 32);
		assert_int_equal(assert_fitting(buffer, count, (size_t)count * 32), count);
		free(buffer);
	}
}

/* ---- with a log -------------------------------------------------------------------------------------------------------- */

static char directory[SCRATCH_PATH_BYTES];

static int
open_logged(void **state) {
	(void)state;
	scratch_make_fast(directory);
	engine = scratch_open_log(directory);
	add_scopes(engine);
	return 0;
}

static int
close_logged(void **state) {
	const int result = close_engine(state);
	scratch_remove(directory);
	return result;
}

static void
reopen(void) {
	lessor_engine_t *closing = engine;
	engine = NULL;
	scratch_close(closing);
	engine = scratch_open_log(directory);
}

/* One ticket stands for all: above what was, not below any lease's own, and durable if that was asked for. */
static void
assert_one_ticket(lessor_ticket_t before, lessor_ticket_t ticket, size_t count, lessor_mode_t mode) {
	assert_true(ticket > before);
	assert_true(ticket <= lessor_last_ticket(engine));
	get_all(count);
	for (size_t i = 0; i < count; i++) {
		if (statuses[i] == LESSOR_OK) {
			assert_in_range(got[i].ticket, before + 1, ticket);
		}
	}
	if (mode == LESSOR_SYNC) {
		assert_status(LESSOR_OK, lessor_ticket_poll(engine, ticket));
	}
	assert_status(LESSOR_OK, lessor_ticket_wait(engine, ticket, -1));
}

static void
test_logged(void **state) {
	static const uint32_t sizes[] = {1, 32, 33, 200, MOST};
	(void)state;
	for (size_t s = 0; s < COUNT(sizes); s++) {
		const uint32_t count = sizes[s];
		const lessor_mode_t mode = s % 2 != 0 ? LESSOR_SYNC : LESSOR_ASYNC;
		lessor_ticket_t before = lessor_last_ticket(engine);
		make_samples(count);
		assert_one_ticket(before, create_all(count, mode), count, mode);
		reopen();
		assert_int_equal(count_leases(), count);
		assert_found(count);
		before = lessor_last_ticket(engine);
		exchange_members(count, 5);
		assert_one_ticket(before, update_all(count, LESSOR_FIELD_ALL & ~(uint32_t)LESSOR_FIELD_CLIENT_ID, mode),
				  count, mode);
		for (uint32_t i = 0; i < count; i++) {
			leases[i].client_id_made_up = i % 5 == 0;
		}
		reopen();
		assert_found(count);
		before = lessor_last_ticket(engine);
		assert_one_ticket(before, delete_all(count, mode), count, mode);
		reopen();
		assert_gone(count);
	}
}

/* Each as large as can be, through the smallest ring and files. */
static void
test_logged_giants(void **state) {
	const uint32_t count = 100;
	(void)state;
	make_samples(count);
	for (uint32_t i = 0; i < count; i++) {
		memset(samples[i].client_id, 0x42, sizeof(samples[i].client_id));
		samples[i].client_id[200] = (uint8_t)i;
		leases[i].client_id_bytes = clients[i].client_id_bytes = LESSOR_CLIENT_ID_MAX_BYTES;
		leases[i].name = leases[i].comment = leases[i].owner_name = text_3072;
		leases[i].policy_name = text_252;
		leases[i].user_context = text_16384;
	}
	(void)create_all(count, LESSOR_SYNC);
	assert_all(LESSOR_OK, count);
	assert_found(count);
	for (uint32_t i = 0; i < count; i++) {
		leases[i].comment = i % 2 != 0 ? NULL : "";
		leases[i].address_state = 1;
	}
	(void)update_all(count, LESSOR_FIELD_ALL, LESSOR_ASYNC);
	assert_all(LESSOR_OK, count);
	reopen();
	assert_found(count);
}

static void
test_read_only(void **state) {
	lessor_options_t options;
	(void)state;
	make_samples(40);
	(void)create_all(40, LESSOR_ASYNC);
	scratch_close(engine);
	scratch_options_log(&options);
	options.read_only = true;
	assert_status(LESSOR_OK, lessor_open(directory, &options, &engine, NULL));
	reset_outputs();
	ticket_out = UNTOUCHED_T;
	assert_changes_refused(LESSOR_READ_ONLY, 40, LESSOR_ASYNC);
	assert_changes_refused(LESSOR_READ_ONLY, 40, LESSOR_SYNC);
	assert_found(40);
}

/* ---- disks that are full, and that fail ---------------------------------------------------------------------------------- */

static int
open_on_bad_disk(void **state) {
	lsr_disk_use();
	return open_logged(state);
}

static int
close_on_bad_disk(void **state) {
	int result;
	lsr_disk_heal();
	result = close_logged(state);
	lsr_io = &lsr_io_system;
	return result;
}

/* Each lease that was answered LESSOR_OK is there as a whole, and there is no trace of one that was refused. Returns how many are there. */
static size_t
assert_as_answered(size_t count) {
	static lessor_status_t answers[MOST + 1];
	size_t good = 0;
	memcpy(answers, statuses, sizeof(answers));
	get_all(count);
	for (size_t i = 0; i < count; i++) {
		assert_status(answers[i] == LESSOR_OK ? LESSOR_OK : LESSOR_NOT_FOUND, statuses[i]);
		if (answers[i] == LESSOR_OK) {
			assert_kept(&leases[i], &got[i]);
			good++;
		} else {
			assert_status(LESSOR_DISK_FULL, answers[i]);
		}
	}
	reset_outputs();
	assert_status(LESSOR_OK,
		      lessor_lease_get_client_batch(engine, clients, count, got, texts, sizeof(texts), statuses));
	for (size_t i = 0; i < count; i++) {
		assert_status(answers[i] == LESSOR_OK ? LESSOR_OK : LESSOR_NOT_FOUND, statuses[i]);
	}
	return good;
}

/* The same samples at other addresses, for other clients. */
static void
shift_samples(uint32_t count, uint32_t by) {
	make_samples(count);
	for (uint32_t i = 0; i < count; i++) {
		memset(samples[i].client_id, 0x42, sizeof(samples[i].client_id));
		memcpy(samples[i].client_id, &by, sizeof(by));
		memcpy(samples[i].client_id + sizeof(by), &i, sizeof(i));
		leases[i].client_id_bytes = clients[i].client_id_bytes = 10;
		addresses[i] = leases[i].address += by;
	}
}

static void
test_full_disk(void **state) {
	const uint32_t count = 128;
	uint32_t shift = 0;
	size_t all = 0;
	size_t good;
	lessor_status_t first;
	torture_dump_t before;
	torture_dump_t after;
	(void)state;
	lsr_disk_fail(LSR_FAULT_ALLOCATE, 0, ENOSPC);
	/* Giants among dwarfs, until not even a dwarf fits. */
	do {
		shift_samples(count, shift);
		for (uint32_t i = 0; i < count; i++) {
			leases[i].user_context = i % 3 == 1 ? text_16384 : NULL;
		}
		(void)create_all(count, shift / count % 2 != 0 ? LESSOR_SYNC : LESSOR_ASYNC);
		first = statuses[0];
		good = assert_as_answered(count);
		/* What is on its way is counted with a margin: full is what is full when all is written. */
		assert_status(LESSOR_OK, lessor_ticket_wait(engine, lessor_last_ticket(engine), -1));
		all += good;
		if (first == LESSOR_DISK_FULL) {
			/* Not for its neighbours' sake: alone it has no room either. */
			assert_status(LESSOR_DISK_FULL, lessor_lease_create(engine, &leases[0], LESSOR_ASYNC, NULL));
		}
		shift += count;
		assert_true(shift < 40000);
	} while (good > 0);
	assert_true(all > 20);
	assert_int_equal(count_leases(), all);
	/* Everything else is refused one by one as well. */
	make_samples(count);
	for (uint32_t i = 0; i < count; i++) {
		leases[i].user_context = text_16384;
	}
	(void)update_all(count, LESSOR_FIELD_USER_CONTEXT, LESSOR_ASYNC);
	for (uint32_t i = 0; i < count; i++) {
		assert_true(statuses[i] == LESSOR_DISK_FULL || statuses[i] == LESSOR_NOT_FOUND);
	}
	before = torture_dump(engine);
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
	lsr_disk_heal();
	reopen();
	after = torture_dump(engine);
	torture_require_equal(&before, &after);
	torture_dump_free(&before);
	torture_dump_free(&after);
}

/* After room was made the very same batch goes through. */
static void
test_disk_full_no_more(void **state) {
	const uint32_t count = MOST;
	size_t good;
	(void)state;
	lsr_disk_fail(LSR_FAULT_ALLOCATE, 0, ENOSPC);
	make_samples(count);
	for (uint32_t i = 0; i < count; i++) {
		leases[i].comment = text_3072;
	}
	(void)create_all(count, LESSOR_ASYNC);
	good = assert_as_answered(count);
	assert_true(good > 0 && good < count);
	lsr_disk_heal();
	reopen();
	(void)create_all(count, LESSOR_SYNC);
	for (uint32_t i = 0; i < count; i++) {
		assert_true(statuses[i] == LESSOR_OK || statuses[i] == LESSOR_ADDRESS_TAKEN);
	}
	assert_found(count);
}

static void
test_failed_log(void **state) {
	const uint32_t count = 64;
	lessor_ticket_t ticket = UNTOUCHED_T;
	(void)state;
	make_samples(count);
	(void)create_all(count / 2, LESSOR_SYNC);
	lsr_disk_fail(LSR_FAULT_FRAME, 0, EIO);
	reset_outputs();
	assert_status(LESSOR_LOG_FAILED, lessor_lease_update_batch(engine, leases, count / 2, LESSOR_FIELD_NAME,
								   statuses, LESSOR_SYNC, &ticket));
	/* Those decided before the writer met its error are not known to last; it may have met it halfway. */
	assert_status(LESSOR_OK, statuses[0]);
	for (uint32_t i = 1; i < count / 2; i++) {
		assert_true(statuses[i] == LESSOR_LOG_FAILED ||
			    (statuses[i] == LESSOR_OK && statuses[i - 1] == LESSOR_OK));
	}
	/* From now on nothing changes any more. */
	(void)create_all(count, LESSOR_ASYNC);
	for (uint32_t i = 0; i < count; i++) {
		assert_status(LESSOR_LOG_FAILED, statuses[i]);
	}
	(void)update_all(count / 2, LESSOR_FIELD_NAME, LESSOR_ASYNC);
	assert_all(LESSOR_LOG_FAILED, count / 2);
	(void)delete_all(count / 2, LESSOR_ASYNC);
	assert_all(LESSOR_LOG_FAILED, count / 2);
	assert_found(count / 2);
	assert_int_equal(count_leases(), count / 2);
	lsr_disk_heal();
	assert_status(LESSOR_LOG_FAILED, lessor_close(&engine));
	engine = scratch_open_log(directory);
	assert_found(count / 2);
}

/* ---- all at once ------------------------------------------------------------------------------------------------------- */

#define CROWD 96u

typedef struct crowd {
	pthread_t thread;
	atomic_bool *stop;
	_Atomic uint64_t *rounds;
	unsigned number;
} crowd_t;

/* Whatever a batch gives is one lease as a whole. */
static void *
read_batches(void *argument) {
	crowd_t *me = argument;
	static _Thread_local uint8_t ids[CROWD][LESSOR_CLIENT_ID_MAX_BYTES];
	static _Thread_local uint8_t buffer[CROWD * 4096];
	uint32_t wanted[CROWD];
	lessor_client_t who[CROWD];
	lessor_lease_t found[CROWD];
	lessor_status_t answers[CROWD];
	for (uint32_t i = 0; i < CROWD; i++) {
		wanted[i] = SUBNET + 1 + i;
		who[i].subnet = SUBNET;
		who[i].client_id = ids[i];
		torture_client(i, ids[i], &who[i].client_id_bytes);
	}
	while (!atomic_load(me->stop)) {
		if (me->number % 2 == 0) {
			REQUIRE_STATUS(
				lessor_lease_get_batch(engine, wanted, CROWD, found, buffer, sizeof(buffer), answers),
				LESSOR_OK);
		} else {
			REQUIRE_STATUS(lessor_lease_get_client_batch(engine, who, CROWD, found, buffer, sizeof(buffer),
								     answers),
				       LESSOR_OK);
		}
		for (uint32_t i = 0; i < CROWD; i++) {
			REQUIRE(answers[i] == LESSOR_OK || (answers[i] == LESSOR_NOT_FOUND && i % 2 != 0));
			REQUIRE(answers[i] != LESSOR_OK ||
				(torture_proves(&found[i]) && found[i].address == wanted[i] &&
				 torture_client_of(torture_number_of(&found[i])) == i));
		}
		atomic_fetch_add(me->rounds, 1);
	}
	return NULL;
}

/* All are updated again and again, every second one is deleted and made anew. */
static void
write_batches(uint32_t rounds) {
	static torture_texts_t own[CROWD];
	static lessor_lease_t mine[CROWD];
	static uint32_t second[CROWD / 2];
	lessor_status_t answers[CROWD];
	for (uint32_t round = 0; round < rounds; round++) {
		for (uint32_t i = 0; i < CROWD; i++) {
			torture_lease(SUBNET + 1 + i, torture_number(round + 1, i, round), &mine[i], &own[i]);
			second[i / 2] = SUBNET + 1 + (i | 1u);
		}
		REQUIRE_STATUS(lessor_lease_update_batch(engine, mine, CROWD, TORTURE_FIELDS_GENERATION, answers,
							 LESSOR_ASYNC, NULL),
			       LESSOR_OK);
		for (uint32_t i = 0; i < CROWD; i++) {
			REQUIRE_STATUS(answers[i], LESSOR_OK);
		}
		if (round % 2 != 0) {
			REQUIRE_STATUS(
				lessor_lease_delete_batch(engine, second, CROWD / 2, answers, LESSOR_ASYNC, NULL),
				LESSOR_OK);
			REQUIRE_STATUS(lessor_lease_create_batch(engine, mine, CROWD, answers, LESSOR_ASYNC, NULL),
				       LESSOR_OK);
			for (uint32_t i = 0; i < CROWD; i++) {
				REQUIRE_STATUS(answers[i], i % 2 != 0 ? LESSOR_OK : LESSOR_ADDRESS_TAKEN);
			}
		}
	}
}

static void
test_readers_and_a_writer(void **state) {
	enum { READERS = 2 };
	static torture_texts_t own[CROWD];
	atomic_bool stop = false;
	_Atomic uint64_t rounds = 0;
	crowd_t readers[READERS];
	(void)state;
	for (uint32_t i = 0; i < CROWD; i++) {
		torture_lease(SUBNET + 1 + i, torture_number(0, i, 0), &leases[i], &own[i]);
	}
	(void)create_all(CROWD, LESSOR_ASYNC);
	assert_all(LESSOR_OK, CROWD);
	for (unsigned i = 0; i < READERS; i++) {
		readers[i] = (crowd_t){.stop = &stop, .rounds = &rounds, .number = i};
		assert_int_equal(pthread_create(&readers[i].thread, NULL, read_batches, &readers[i]), 0);
	}
	write_batches(scratch_is_sanitized() ? 300 : 3000);
	while (atomic_load(&rounds) < 20) {
		(void)sched_yield();
	}
	atomic_store(&stop, true);
	for (unsigned i = 0; i < READERS; i++) {
		assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
	}
}

#define IN_MEMORY(test) cmocka_unit_test_setup_teardown(test, open_engine, close_engine)
#define LOGGED(test)    cmocka_unit_test_setup_teardown(test, open_logged, close_logged)
#define BAD_DISK(test)  cmocka_unit_test_setup_teardown(test, open_on_bad_disk, close_on_bad_disk)

int
main(void) {
	const struct CMUnitTest tests[] = {
		IN_MEMORY(test_sizes),
		IN_MEMORY(test_as_many_as_there_may_be),
		IN_MEMORY(test_nulls),
		IN_MEMORY(test_too_many_and_unknown_modes),
		IN_MEMORY(test_forked),
		IN_MEMORY(test_good_and_bad_creates),
		IN_MEMORY(test_good_and_bad_updates),
		IN_MEMORY(test_update_fields),
		IN_MEMORY(test_good_and_bad_looks),
		IN_MEMORY(test_good_and_bad_deletes),
		IN_MEMORY(test_one_address_many_times),
		IN_MEMORY(test_one_client_many_times),
		IN_MEMORY(test_clients_change_places),
		IN_MEMORY(test_buffers_of_all_sizes),
		IN_MEMORY(test_shorter_ones_behind_fit),
		IN_MEMORY(test_common_leases_need_32_bytes),
		LOGGED(test_logged),
		LOGGED(test_logged_giants),
		LOGGED(test_read_only),
		BAD_DISK(test_full_disk),
		BAD_DISK(test_disk_full_no_more),
		BAD_DISK(test_failed_log),
		IN_MEMORY(test_readers_and_a_writer),
	};
	fill_text(text_3072, sizeof(text_3072) - 1);
	fill_text(text_252, sizeof(text_252) - 1);
	fill_text(text_16384, sizeof(text_16384) - 1);
	cmocka_set_test_filter(getenv("LESSOR_TEST_FILTER"));
	return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
