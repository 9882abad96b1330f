/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The change stream, the history of an address, and a store that follows: every change is delivered once, in order, with what it left; a reader of the directory sees
 * what the engine's own sees, while segments come and go; a follower ends equal to its leader wherever the two were killed.
 *
 * LESSOR_TEST_CHANGES=1000000 makes the followed log as long as that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.h"
#include "test_disk.h"

#define SUBNET    IP(10, 0, 0, 0)
#define MASK      IP(255, 255, 0, 0)
#define ADDRESSES 65536u
#define WAIT_MS   20000

static char leader_path[SCRATCH_PATH_BYTES];
static char follower_path[SCRATCH_PATH_BYTES];

static int
make(void **state) {
	(void)state;
	scratch_make_fast(leader_path);
	scratch_make_fast(follower_path);
	return 0;
}

static int
drop(void **state) {
	(void)state;
	scratch_remove(leader_path);
	scratch_remove(follower_path);
	return 0;
}

static lessor_engine_t *
open_leader(uint64_t retain_bytes) {
	lessor_engine_t *engine;
	lessor_options_t options;
	scratch_options_log(&options);
	options.segment_size_bytes = UINT64_C(1) << 20;
	options.snapshot_after_bytes = UINT64_MAX;
	options.retain_log_bytes = retain_bytes;
	assert_status(LESSOR_OK, lessor_open(leader_path, &options, &engine, NULL));
	return engine;
}

static void
flush(lessor_engine_t *engine) {
	assert_status(LESSOR_OK, lessor_ticket_wait(engine, lessor_last_ticket(engine), -1));
}

static lessor_stream_t *
open_stream(lessor_engine_t *engine, lessor_ticket_t from) {
	lessor_stream_t *stream;
	assert_status(LESSOR_OK, engine != NULL ? lessor_stream_open(engine, from, &stream, NULL)
						: lessor_stream_open_directory(leader_path, from, &stream, NULL));
	return stream;
}

/* ---- what is delivered ------------------------------------------------------------------------------------------------------ */

static void
next(lessor_stream_t *stream, lessor_change_kind_t kind, lessor_change_t *change) {
	const lessor_status_t status = lessor_stream_next(stream, WAIT_MS, change);
	if (status != LESSOR_OK) {
		print_message("%s\n", lessor_stream_sentence(stream));
	}
	assert_status(LESSOR_OK, status);
	assert_int_equal(change->kind, kind);
}

static const lessor_limit_key_t limit_key = {LESSOR_LIMIT_TAG, 4, "line"};

static void
make_one_of_each(lessor_engine_t *engine) {
	lessor_lease_t lease = scratch_lease(SUBNET + 9, "\1\2\3", 3);
	const lessor_reservation_t reservation = {.address = SUBNET + 20,
						  .client_id_bytes = 3,
						  .client_types = 3,
						  .client_id = (const uint8_t *)"\1\2\3"};
	const lessor_filter_t filter = {.hardware_type = 1,
					.is_wildcard = true,
					.pattern_bytes = 2,
					.pattern = {0xAA, 0xBB},
					.list = LESSOR_FILTER_ALLOW,
					.comment = "ok"};
	lessor_scope6_t scope6 = {.prefix = UINT64_C(0x20010DB800000001), .lease_s = 7, .name = "six"};
	lessor_lease6_t lease6;
	const lessor_reservation6_t reservation6 = {
		.address = {scope6.prefix, 77}, .duid = (const uint8_t *)"duid", .duid_bytes = 4, .iaid = 5};
	lessor_lease6_init(&lease6);
	lease6.address = (lessor_address6_t){scope6.prefix, 77};
	lease6.duid = (const uint8_t *)"duid";
	lease6.duid_bytes = 4;
	lease6.iaid = 5;
	scope6.max_leases = 8;
	lease6.limit_key = &limit_key;
	lease6.limit_keys = 1;
	scratch_scope_add(engine, SUBNET, MASK, true);
	assert_status(LESSOR_OK, lessor_scope_exclude(engine, SUBNET, (lessor_range_t){SUBNET + 3, SUBNET + 4},
						      LESSOR_ASYNC, NULL));
	lease.name = "host";
	lease.owner_name = "owner";
	lease.policy_name = "policy";
	lease.expires_at = 123456789;
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_reservation_create(engine, SUBNET, &reservation, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_superscope_join(engine, SUBNET, "super", false, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_filter_add(engine, &filter, false, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_filter_set_enforcement(engine, true, false, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope6_create(engine, &scope6, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_lease6_create(engine, &lease6, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_reservation6_create(engine, scope6.prefix, &reservation6, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_reservation6_delete(engine, scope6.prefix, lease6.address, lessor_time_now(),
							    LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_lease6_delete(engine, lease6.address, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_filter_remove(engine, &filter, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_superscope_delete(engine, "super", LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_lease_delete(engine, SUBNET + 9, NULL, 0, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope6_delete(engine, scope6.prefix, true, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope_delete(engine, SUBNET, true, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_limit_set(engine, &limit_key, 3, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_limit_remove(engine, &limit_key, LESSOR_ASYNC, NULL));
}

static void
expect_first_half(lessor_stream_t *stream, lessor_filetime_t begun) {
	lessor_change_t change;
	next(stream, LESSOR_CHANGE_SCOPE, &change);
	assert_int_equal(change.scope.subnet, SUBNET);
	assert_int_equal(change.scope.mask, MASK);
	assert_true(change.scope.has_range);
	assert_true(change.time + LESSOR_TICKS_PER_SECOND > begun && change.time <= lessor_time_now());
	next(stream, LESSOR_CHANGE_SCOPE, &change);
	assert_int_equal(change.exclusion_count, 1);
	assert_int_equal(change.exclusions[0].first, SUBNET + 3);
	next(stream, LESSOR_CHANGE_LEASE, &change);
	assert_int_equal(change.lease.address, SUBNET + 9);
	assert_memory_equal(change.lease.client_id, "\1\2\3", 3);
	assert_string_equal(change.lease.name, "host");
	assert_string_equal(change.lease.owner_name, "owner");
	assert_string_equal(change.lease.policy_name, "policy");
	assert_true(change.lease.expires_at == 123456789 && change.lease.ticket == change.lsn);
	next(stream, LESSOR_CHANGE_RESERVATION, &change);
	assert_int_equal(change.reservation.address, SUBNET + 20);
	assert_memory_equal(change.reservation.client_id, "\1\2\3", 3);
	assert_false(change.reservation.has_lease);
	next(stream, LESSOR_CHANGE_SUPERSCOPE, &change);
	const lessor_ticket_t group = change.lsn;
	assert_string_equal(change.name, "super");
	assert_true(change.continues);
	next(stream, LESSOR_CHANGE_SCOPE, &change);
	assert_true(change.lsn == group && !change.continues && change.superscope == 1);
}

static void
expect_second_half(lessor_stream_t *stream) {
	lessor_change_t change;
	next(stream, LESSOR_CHANGE_FILTER, &change);
	assert_string_equal(change.filter.comment, "ok");
	assert_int_equal(change.filter.pattern[1], 0xBB);
	assert_int_equal(change.filter.list, LESSOR_FILTER_ALLOW);
	next(stream, LESSOR_CHANGE_FILTER_ENFORCEMENT, &change);
	assert_true(change.allow && !change.deny);
	next(stream, LESSOR_CHANGE_SCOPE6, &change);
	assert_string_equal(change.scope6.name, "six");
	assert_int_equal(change.scope6.max_leases, 8);
	next(stream, LESSOR_CHANGE_LEASE6, &change);
	assert_int_equal(change.lease6.iaid, 5);
	assert_memory_equal(change.lease6.duid, "duid", 4);
	assert_int_equal(change.lease6.address.low, 77);
	assert_false(change.lease6.is_reserved);
	assert_int_equal(change.lease6.limit_keys, 1);
	assert_memory_equal(change.lease6.limit_key, &limit_key, sizeof(limit_key));
	next(stream, LESSOR_CHANGE_LEASE6, &change);
	assert_true(change.lease6.is_reserved && change.reservation6.has_lease && !change.reservation6.is_dormant);
	assert_int_equal(change.reservation6.iaid, 5);
	assert_int_equal(change.reservation6.duid_bytes, 4);
	assert_memory_equal(change.reservation6.duid, "duid", 4);
	next(stream, LESSOR_CHANGE_LEASE6, &change);
	assert_false(change.lease6.is_reserved);
	next(stream, LESSOR_CHANGE_LEASE6_END, &change);
	assert_int_equal(change.address6.low, 77);
	next(stream, LESSOR_CHANGE_FILTER_END, &change);
	assert_int_equal(change.filter.pattern_bytes, 2);
	next(stream, LESSOR_CHANGE_SUPERSCOPE_END, &change);
	assert_int_equal(change.superscope, 1);
	next(stream, LESSOR_CHANGE_LEASE_END, &change);
	assert_int_equal(change.address, SUBNET + 9);
	next(stream, LESSOR_CHANGE_SCOPE6_END, &change);
	next(stream, LESSOR_CHANGE_SCOPE_END, &change);
	assert_int_equal(change.scope.subnet, SUBNET);
	next(stream, LESSOR_CHANGE_LIMIT, &change);
	assert_memory_equal(&change.limit.key, &limit_key, sizeof(limit_key));
	assert_int_equal(change.limit.max, 3);
	next(stream, LESSOR_CHANGE_LIMIT_END, &change);
	assert_memory_equal(&change.limit.key, &limit_key, sizeof(limit_key));
	assert_status(LESSOR_TIMEOUT, lessor_stream_next(stream, 0, &change));
}

static void
every_kind_is_delivered(void **state) {
	(void)state;
	const lessor_filetime_t begun = lessor_time_now();
	lessor_engine_t *engine = open_leader(0);
	lessor_stream_t *own = open_stream(engine, LESSOR_STREAM_FIRST);
	lessor_stream_t *other = open_stream(NULL, LESSOR_STREAM_OLDEST);
	make_one_of_each(engine);
	flush(engine);
	expect_first_half(own, begun);
	expect_second_half(own);
	expect_first_half(other, begun);
	expect_second_half(other);
	lessor_stream_close(&own);
	lessor_stream_close(&other);
	scratch_close(engine);
}

/* Names of owners lie in records of their own, before the snapshot. */
static void
a_stream_learns_origins_from_the_snapshot(void **state) {
	(void)state;
	lessor_change_t change;
	lessor_engine_t *engine = open_leader(0);
	lessor_lease_t lease = scratch_lease(SUBNET + 1, "a", 1);
	scratch_scope_add(engine, SUBNET, MASK, true);
	lease.owner_name = "first";
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_SYNC, NULL));
	assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	lease.owner_name = "second";
	assert_status(LESSOR_OK, lessor_lease_update(engine, &lease, LESSOR_FIELD_OWNER, LESSOR_SYNC, NULL));
	const lessor_ticket_t from = lessor_durable_ticket(engine);
	lease.owner_name = "first";
	assert_status(LESSOR_OK, lessor_lease_update(engine, &lease, LESSOR_FIELD_OWNER, LESSOR_SYNC, NULL));
	lease.owner_name = "second";
	assert_status(LESSOR_OK, lessor_lease_update(engine, &lease, LESSOR_FIELD_OWNER, LESSOR_SYNC, NULL));
	lessor_stream_t *stream = open_stream(NULL, from);
	next(stream, LESSOR_CHANGE_LEASE, &change);
	assert_string_equal(change.lease.owner_name, "first");
	next(stream, LESSOR_CHANGE_LEASE, &change);
	assert_string_equal(change.lease.owner_name, "second");
	lessor_stream_close(&stream);
	scratch_close(engine);
}

static lessor_ticket_t
sweep(lessor_engine_t *engine, lessor_filetime_t now) {
	lessor_cursor_t cursor;
	lessor_ticket_t ticket = 0;
	lessor_cursor_init(&cursor, SUBNET + 9, SUBNET + 9);
	assert_status(LESSOR_OK, lessor_expire(engine, now, NULL, &cursor, NULL, LESSOR_SYNC, &ticket));
	return ticket;
}

/* That a time has come is told by nobody but the sweep that removes the lease; what it was is told with the change that set it. */
static void
a_life_is_told_by_its_changes(void **state) {
	lessor_change_t change;
	lessor_engine_t *engine = open_leader(UINT64_MAX);
	const lessor_filetime_t now = lessor_time_now();
	const uint64_t second = LESSOR_TICKS_PER_SECOND;
	const lessor_filetime_t doomed_until = now + LESSOR_DEFAULT_DOOM_S * second;
	lessor_lease_t lease = scratch_lease(SUBNET + 9, "\1\2\3", 3);
	(void)state;
	scratch_scope_add(engine, SUBNET, MASK, true);
	lessor_stream_t *stream = open_stream(engine, lessor_last_ticket(engine));
	lease.expires_at = now + 100 * second;
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_lease_release(engine, SUBNET + 9, lease.client_id, 3, now, LESSOR_ASYNC, NULL));
	lease.address_state = LESSOR_STATE_DOOM;
	lease.last_transaction_s = 0;
	assert_status(LESSOR_OK,
		      lessor_lease_update(engine, &lease, LESSOR_FIELD_ADDRESS_STATE | LESSOR_FIELD_LAST_TRANSACTION,
					  LESSOR_ASYNC, NULL));
	assert_int_equal(sweep(engine, doomed_until - 1), 0);
	const lessor_ticket_t end = sweep(engine, doomed_until);
	next(stream, LESSOR_CHANGE_LEASE, &change);
	next(stream, LESSOR_CHANGE_LEASE, &change);
	assert_int_equal(change.lease.expires_at, now);
	assert_int_equal(change.lease.address_state, LESSOR_STATE_ACTIVE);
	next(stream, LESSOR_CHANGE_LEASE, &change);
	assert_int_equal(change.lease.address_state, LESSOR_STATE_DOOM);
	assert_true(change.time + second > now && change.time <= lessor_time_now());
	next(stream, LESSOR_CHANGE_LEASE_END, &change);
	assert_int_equal(change.lsn, end);
	assert_status(LESSOR_TIMEOUT, lessor_stream_next(stream, 0, &change));
	lessor_stream_close(&stream);
	scratch_close(engine);
}

static void
only_positions_between_changes_are_accepted(void **state) {
	(void)state;
	lessor_change_t change;
	lessor_stream_t *stream;
	lessor_engine_t *engine = open_leader(0);
	make_one_of_each(engine);
	flush(engine);
	const lessor_ticket_t end = lessor_durable_ticket(engine);
	stream = open_stream(engine, end);
	assert_status(LESSOR_TIMEOUT, lessor_stream_next(stream, 10, &change));
	lessor_stream_close(&stream);
	stream = open_stream(engine, end - 8);
	assert_status(LESSOR_CONFLICT, lessor_stream_next(stream, 10, &change));
	assert_status(LESSOR_CONFLICT, lessor_stream_next(stream, 10, &change));
	lessor_stream_close(&stream);
	stream = open_stream(NULL, end + 8);
	assert_status(LESSOR_CONFLICT, lessor_stream_next(stream, 10, &change));
	lessor_stream_close(&stream);
	assert_status(LESSOR_INVALID, lessor_stream_open(engine, 0, NULL, NULL));
	assert_status(LESSOR_NO_STORE, lessor_stream_open_directory(follower_path, 0, &stream, NULL));
	scratch_close(engine);
}

/* ---- many changes --------------------------------------------------------------------------------------------------------------- */

/* Creates, updates and deletes, so many, durable in the end. */
static void
change_much(lessor_engine_t *engine, scratch_random_t *random, unsigned long changes) {
	uint8_t id[6];
	for (unsigned long i = 0; i < changes; i++) {
		const uint32_t number = scratch_below(random, ADDRESSES);
		lessor_lease_t lease = scratch_lease_numbered(SUBNET + number, number, id);
		lease.expires_at = 1 + scratch_next(random) % 1000000;
		lease.name = scratch_percent(random, 10) ? "a name that does not fit into the record" : NULL;
		lessor_status_t status = lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL);
		if (status == LESSOR_ADDRESS_TAKEN) {
			status = scratch_percent(random, 50)
					 ? lessor_lease_delete(engine, lease.address, NULL, 0, LESSOR_ASYNC, NULL)
					 : lessor_lease_update(engine, &lease, LESSOR_FIELD_EXPIRES | LESSOR_FIELD_NAME,
							       LESSOR_ASYNC, NULL);
		}
		assert_status(LESSOR_OK, status);
	}
	flush(engine);
}

static unsigned long
changes_wanted(void) {
	return scratch_number("LESSOR_TEST_CHANGES", scratch_is_sanitized() ? 20000 : 200000);
}

/* What the stream says each address is. */
typedef struct {
	lessor_ticket_t at[ADDRESSES]; /* 0: no lease */
	lessor_filetime_t expires[ADDRESSES];
	lessor_ticket_t last;
	uint64_t changes;
} lsr_model_t;

static lessor_status_t
put_into_model(void *context, const lessor_change_t *change) {
	lsr_model_t *model = context;
	assert_true(change->lsn > model->last);
	model->last = change->lsn;
	if (change->kind == LESSOR_CHANGE_LEASE) {
		model->at[change->lease.address - SUBNET] = change->lease.ticket;
		model->expires[change->lease.address - SUBNET] = change->lease.expires_at;
		model->changes++;
	} else if (change->kind == LESSOR_CHANGE_LEASE_END) {
		assert_true(model->at[change->address - SUBNET] != 0);
		model->at[change->address - SUBNET] = 0;
		model->changes++;
	}
	return LESSOR_OK;
}

static void
compare_model(lessor_engine_t *engine, const lsr_model_t *model) {
	uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
	for (uint32_t i = 0; i < ADDRESSES; i++) {
		lessor_lease_t lease;
		const lessor_status_t status = lessor_lease_get(engine, SUBNET + i, &lease, buffer, sizeof(buffer));
		assert_status(model->at[i] != 0 ? LESSOR_OK : LESSOR_NOT_FOUND, status);
		if (status == LESSOR_OK) {
			assert_true(lease.ticket == model->at[i] && lease.expires_at == model->expires[i]);
		}
	}
}

/* Another process reads while this one writes, begins segments, and drops some that are retained long enough. */
static void
read_in_a_child(int ready, unsigned long changes) {
	lsr_model_t *model = calloc(1, sizeof(*model));
	lessor_stream_t *stream;
	char byte = 0;
	if (model == NULL ||
	    lessor_stream_open_directory(leader_path, LESSOR_STREAM_FIRST, &stream, NULL) != LESSOR_OK ||
	    write(ready, &byte, 1) != 1) {
		_exit(2);
	}
	while (model->changes < changes) {
		lessor_change_t change;
		const lessor_status_t status = lessor_stream_next(stream, WAIT_MS, &change);
		if (status != LESSOR_OK || change.lsn <= model->last) {
			_exit(3);
		}
		(void)put_into_model(model, &change);
	}
	_exit(0);
}

static void
another_process_reads_along(void **state) {
	(void)state;
	int ready[2];
	int ended;
	char byte;
	const unsigned long changes = changes_wanted() / 2;
	scratch_random_t random = {.state = scratch_seed()};
	lessor_engine_t *engine = open_leader(UINT64_C(1) << 40);
	scratch_scope_add(engine, SUBNET, MASK, true);
	flush(engine);
	assert_int_equal(pipe(ready), 0);
	const pid_t child = fork();
	if (child == 0) {
		read_in_a_child(ready[1], changes);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	for (unsigned i = 0; i < 5; i++) {
		change_much(engine, &random, changes / 5);
		assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	}
	if (changes % 5 != 0) {
		change_much(engine, &random, changes % 5);
	}
	assert_int_equal(waitpid(child, &ended, 0), child);
	assert_true(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
	lsr_model_t *model = calloc(1, sizeof(*model));
	flush(engine);
	lessor_stream_t *stream = open_stream(engine, LESSOR_STREAM_FIRST);
	assert_status(LESSOR_TIMEOUT, lessor_stream_run(stream, 0, put_into_model, model));
	assert_int_equal(model->changes, changes);
	compare_model(engine, model);
	free(model);
	lessor_stream_close(&stream);
	(void)close(ready[0]);
	(void)close(ready[1]);
	scratch_close(engine);
}

/* ---- retention ------------------------------------------------------------------------------------------------------------------- */

static size_t
segments(void) {
	size_t count = 0;
	scratch_files_t files;
	scratch_files_list(leader_path, &files);
	for (size_t i = 0; i < files.count; i++) {
		count += strncmp(files.names[i], "log-", 4) == 0;
	}
	scratch_files_free(&files);
	return count;
}

static void
the_log_is_dropped_without_retention(void **state) {
	(void)state;
	lessor_change_t change;
	lessor_stream_t *late;
	scratch_random_t random = {.state = scratch_seed()};
	lessor_engine_t *engine = open_leader(0);
	scratch_scope_add(engine, SUBNET, MASK, true);
	flush(engine);
	lessor_stream_t *slow = open_stream(NULL, LESSOR_STREAM_FIRST);
	change_much(engine, &random, 60000);
	assert_true(segments() > 2);
	assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	assert_int_equal(segments(), 1);
	assert_status(LESSOR_NOT_RETAINED, lessor_stream_open(engine, LESSOR_STREAM_FIRST, &late, NULL));
	/* It still has the segment that it holds open, and not the next one. */
	lessor_status_t status;
	while ((status = lessor_stream_next(slow, 0, &change)) == LESSOR_OK) {
	}
	assert_status(LESSOR_NOT_RETAINED, status);
	lessor_stream_close(&slow);
	scratch_close(engine);
}

static void
bytes_of_the_log_are_retained(void **state) {
	(void)state;
	lessor_stream_t *late;
	scratch_random_t random = {.state = scratch_seed()};
	lessor_engine_t *engine = open_leader(UINT64_C(3) << 20);
	scratch_scope_add(engine, SUBNET, MASK, true);
	change_much(engine, &random, 200000);
	const size_t before = segments();
	assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	const size_t after = segments();
	assert_in_range(after, 3, 6);
	assert_true(before > after);
	assert_status(LESSOR_NOT_RETAINED, lessor_stream_open(engine, LESSOR_STREAM_FIRST, &late, NULL));
	lessor_stream_t *stream = open_stream(engine, lessor_durable_ticket(engine) - (UINT64_C(3) << 20));
	lessor_stream_close(&stream);
	scratch_close(engine);
	engine = open_leader(0); /* the store opens with a log that is longer than needed */
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
	assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	assert_int_equal(segments(), 1);
	scratch_close(engine);
}

static void
recent_log_is_retained(void **state) {
	(void)state;
	lessor_options_t options;
	lessor_engine_t *engine;
	scratch_random_t random = {.state = scratch_seed()};
	scratch_options_log(&options);
	options.segment_size_bytes = UINT64_C(1) << 20;
	options.retain_log_s = 3600;
	assert_status(LESSOR_OK, lessor_open(leader_path, &options, &engine, NULL));
	scratch_scope_add(engine, SUBNET, MASK, true);
	change_much(engine, &random, 60000);
	const size_t before = segments();
	assert_true(before > 2);
	assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	assert_true(segments() >= before);
	lessor_stream_t *stream = open_stream(engine, LESSOR_STREAM_FIRST);
	lessor_stream_close(&stream);
	scratch_close(engine);
}

/* ---- damage --------------------------------------------------------------------------------------------------------------------- */

/* One byte of a file of the leader's. */
static void
spoil(const char *name, size_t offset) {
	size_t bytes;
	char path[SCRATCH_FILE_BYTES];
	scratch_join(path, leader_path, name);
	uint8_t *content = scratch_read(path, &bytes);
	content[offset] ^= 1;
	scratch_write(path, content, bytes);
	free(content);
}

/* Of the only one; "" if there is none. */
static void
name_of_snapshot(const char *directory, char name[256]) {
	scratch_files_t files;
	name[0] = '\0';
	scratch_files_list(directory, &files);
	for (size_t i = 0; i < files.count; i++) {
		if (strncmp(files.names[i], "snapshot-", 9) == 0) {
			memcpy(name, files.names[i], 256);
		}
	}
	scratch_files_free(&files);
}

/* Read from the directory until it ends, waiting for so long; what must end it is damage of this file. */
static unsigned
read_to_damage(int64_t timeout_ms, const char *file) {
	lessor_change_t change;
	lessor_status_t status;
	unsigned delivered = 0;
	lessor_stream_t *stream = open_stream(NULL, LESSOR_STREAM_OLDEST);
	while ((status = lessor_stream_next(stream, timeout_ms, &change)) == LESSOR_OK) {
		delivered++;
	}
	assert_status(LESSOR_DAMAGED, status);
	assert_non_null(strstr(lessor_stream_sentence(stream), file));
	lessor_stream_close(&stream);
	return delivered;
}

static void
damage_is_reported(void **state) {
	(void)state;
	scratch_random_t random = {.state = scratch_seed()};
	lessor_engine_t *engine = open_leader(0);
	scratch_scope_add(engine, SUBNET, MASK, true);
	for (unsigned i = 0; i < 5; i++) {
		change_much(engine, &random, 10);
		flush(engine);
	}
	scratch_close(engine);
	spoil("log-0000000000000001.seg", 8192 + 100);
	assert_true(read_to_damage(0, "log-0000000000000001.seg") < 51);
	/* Who waits for ever is told, too. */
	assert_true(read_to_damage(-1, "log-0000000000000001.seg") < 51);
}

/* A segment that others lie behind is no "not yet". */
static void
a_missing_segment_is_reported(void **state) {
	(void)state;
	char path[SCRATCH_FILE_BYTES];
	lessor_follower_t *follower;
	scratch_random_t random = {.state = scratch_seed()};
	lessor_engine_t *engine = open_leader(UINT64_C(1) << 40);
	scratch_scope_add(engine, SUBNET, MASK, true);
	change_much(engine, &random, 60000);
	scratch_close(engine);
	assert_true(segments() > 2);
	scratch_join(path, leader_path, "log-3.seg"); /* of somebody else */
	scratch_write(path, (const uint8_t *)"x", 1);
	assert_status(LESSOR_OK, lessor_verify(leader_path, NULL));
	scratch_join(path, leader_path, "log-0000000000000002.seg");
	assert_int_equal(unlink(path), 0);
	assert_true(read_to_damage(0, "log-0000000000000002.seg: missing") > 1000);
	assert_status(LESSOR_DAMAGED, lessor_follower_open(leader_path, follower_path, &follower, NULL));
}

/* ---- history --------------------------------------------------------------------------------------------------------------------- */

typedef struct {
	lessor_change_kind_t kind[16];
	uint8_t client[16];
	lessor_filetime_t time[16];
	size_t count;
} lsr_told_t;

static lessor_status_t
note(void *context, const lessor_change_t *change) {
	lsr_told_t *told = context;
	assert_in_range(told->count, 0, 15);
	told->kind[told->count] = change->kind;
	told->client[told->count] = change->kind == LESSOR_CHANGE_LEASE ? change->lease.client_id[0] : 0;
	told->time[told->count++] = change->time;
	return LESSOR_OK;
}

static void
lease_to(lessor_engine_t *engine, uint32_t address, const char *client) {
	const lessor_lease_t lease = scratch_lease(address, client, 1);
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_SYNC, NULL));
}

static void
end_of(lessor_engine_t *engine, uint32_t address) {
	assert_status(LESSOR_OK, lessor_lease_delete(engine, address, NULL, 0, LESSOR_SYNC, NULL));
}

static void
nap_a_second(void) {
	const int64_t second = lessor_time_to_unix_s(lessor_time_now());
	while (lessor_time_to_unix_s(lessor_time_now()) == second) {
		(void)usleep(10000);
	}
}

static void
history_tells_who_had_it(void **state) {
	(void)state;
	lsr_told_t told = {.count = 0};
	lessor_history_query_t query = {.address = SUBNET + 7, .to = LESSOR_TIME_INFINITE};
	lessor_engine_t *engine = open_leader(0);
	scratch_scope_add(engine, SUBNET, MASK, true);
	lease_to(engine, SUBNET + 7, "a");
	lease_to(engine, SUBNET + 8, "x");
	nap_a_second();
	end_of(engine, SUBNET + 7);
	lease_to(engine, SUBNET + 7, "b");
	nap_a_second();
	const lessor_filetime_t middle = lessor_time_now() - LESSOR_TICKS_PER_SECOND;
	end_of(engine, SUBNET + 7);
	lease_to(engine, SUBNET + 7, "c");
	assert_status(LESSOR_OK, lessor_scope_delete(engine, SUBNET, true, LESSOR_SYNC, NULL));
	assert_status(LESSOR_OK, lessor_history(engine, &query, note, &told, NULL));
	assert_int_equal(told.count, 6);
	assert_int_equal(told.client[0], 'a');
	assert_int_equal(told.kind[1], LESSOR_CHANGE_LEASE_END);
	assert_int_equal(told.client[2], 'b');
	assert_int_equal(told.client[4], 'c');
	assert_int_equal(told.kind[5], LESSOR_CHANGE_SCOPE_END);
	query.from = query.to = middle;
	told.count = 0;
	assert_status(LESSOR_OK, lessor_history_directory(leader_path, &query, note, &told, NULL));
	assert_int_equal(told.count, 1);
	assert_int_equal(told.client[0], 'b');
	query.to = 1;
	assert_status(LESSOR_INVALID, lessor_history(engine, &query, note, &told, NULL));
	scratch_close(engine);
}

/* What the log does not tell any more, the snapshot may. */
static void
history_begins_with_the_snapshot(void **state) {
	(void)state;
	lsr_told_t told = {.count = 0};
	lessor_history_query_t query = {.address = SUBNET + 7, .to = LESSOR_TIME_INFINITE};
	scratch_random_t random = {.state = scratch_seed()};
	lessor_engine_t *engine = open_leader(0);
	scratch_scope_add(engine, SUBNET, MASK, true);
	scratch_scope_add(engine, IP(10, 1, 0, 0), MASK, true);
	lease_to(engine, IP(10, 1, 0, 7), "a");
	change_much(engine, &random, 60000);
	assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	query.address = IP(10, 1, 0, 7);
	assert_status(LESSOR_OK, lessor_history(engine, &query, note, &told, NULL));
	assert_int_equal(told.count, 1);
	assert_int_equal(told.client[0], 'a');
	assert_true(told.time[0] == LESSOR_TIME_NONE);
	end_of(engine, IP(10, 1, 0, 7));
	told.count = 0;
	assert_status(LESSOR_OK, lessor_history_directory(leader_path, &query, note, &told, NULL));
	assert_int_equal(told.count, 2);
	assert_int_equal(told.client[0], 'a');
	assert_int_equal(told.kind[1], LESSOR_CHANGE_LEASE_END);
	scratch_close(engine);
}

/* The sentence says why, and about which file. */
static void
history_says_what_is_damaged(void **state) {
	(void)state;
	char name[256];
	lessor_report_t report;
	lsr_told_t told = {.count = 0};
	const lessor_history_query_t query = {.address = SUBNET + 7, .to = LESSOR_TIME_INFINITE};
	lessor_engine_t *engine = open_leader(0);
	scratch_scope_add(engine, SUBNET, MASK, true);
	lease_to(engine, SUBNET + 8, "a");
	assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	scratch_close(engine);
	name_of_snapshot(leader_path, name);
	spoil(name, 4096 + 70);
	assert_status(LESSOR_DAMAGED, lessor_history_directory(leader_path, &query, note, &told, &report));
	assert_non_null(strstr(report.sentence, name));
}

/* ---- following -------------------------------------------------------------------------------------------------------------------- */

static lessor_ticket_t
follow_all(lessor_follower_t *follower) {
	lessor_ticket_t applied = 0;
	lessor_status_t status;
	while ((status = lessor_follower_next(follower, 0, &applied)) == LESSOR_OK) {
	}
	if (status != LESSOR_TIMEOUT) {
		print_message("%s\n", lessor_follower_sentence(follower));
	}
	assert_status(LESSOR_TIMEOUT, status);
	return applied;
}

static lessor_follower_t *
open_follower(void) {
	lessor_report_t report;
	lessor_follower_t *follower;
	const lessor_status_t status = lessor_follower_open(leader_path, follower_path, &follower, &report);
	if (status != LESSOR_OK) {
		print_message("%s\n", report.sentence);
	}
	assert_status(LESSOR_OK, status);
	return follower;
}

static lessor_engine_t *
open_read_only(const char *path) {
	lessor_report_t report;
	lessor_engine_t *engine;
	lessor_options_t options;
	lessor_options_init(&options);
	options.read_only = true;
	const lessor_status_t status = lessor_open(path, &options, &engine, &report);
	if (status != LESSOR_OK) {
		print_message("%s\n", report.sentence);
	}
	assert_status(LESSOR_OK, status);
	return engine;
}

/* Leases with all that is in them, in the same order; figures; and each sound in itself. */
static void
assert_equal_stores(lessor_engine_t *one, lessor_engine_t *other) {
	uint8_t one_buffer[LESSOR_LEASE_BUFFER_BYTES];
	uint8_t other_buffer[LESSOR_LEASE_BUFFER_BYTES];
	lessor_lease_t a;
	lessor_lease_t b;
	lessor_cursor_t one_at;
	lessor_cursor_t other_at;
	lessor_status_t status;
	lessor_cursor_init(&one_at, 0, UINT32_MAX);
	lessor_cursor_init(&other_at, 0, UINT32_MAX);
	do {
		status = lessor_lease_next(one, &one_at, &a, one_buffer, sizeof(one_buffer));
		assert_status(status, lessor_lease_next(other, &other_at, &b, other_buffer, sizeof(other_buffer)));
		if (status == LESSOR_OK) {
			assert_true(a.address == b.address && a.expires_at == b.expires_at && a.ticket == b.ticket &&
				    a.client_id_bytes == b.client_id_bytes && (a.name == NULL) == (b.name == NULL));
			assert_memory_equal(a.client_id, b.client_id, a.client_id_bytes);
			assert_true(a.name == NULL || strcmp(a.name, b.name) == 0);
		}
	} while (status == LESSOR_OK);
	assert_status(LESSOR_END, status);
	lessor_scope_stats_t one_stats;
	lessor_scope_stats_t other_stats;
	memset(&one_stats, 0, sizeof(one_stats));
	memset(&other_stats, 0, sizeof(other_stats));
	assert_status(LESSOR_OK, lessor_scope_stats(one, SUBNET, &one_stats));
	assert_status(LESSOR_OK, lessor_scope_stats(other, SUBNET, &other_stats));
	assert_int_equal(one_stats.subnet, other_stats.subnet);
	/* Behind the subnet the structure has a gap. */
	assert_memory_equal(&one_stats.pool, &other_stats.pool,
			    sizeof(one_stats) - offsetof(lessor_scope_stats_t, pool));
	assert_status(LESSOR_OK, lessor_check(other, NULL));
}

static void
compare_with_follower(lessor_engine_t *leader) {
	lessor_engine_t *copy = open_read_only(follower_path);
	assert_equal_stores(leader, copy);
	scratch_close(copy);
}

static void
a_follower_has_the_limits(void **state) {
	(void)state;
	lessor_limit_t limit;
	lessor_scope6_t scope = {.prefix = UINT64_C(0x20010DB800000001), .max_leases = 8};
	const lessor_limit_key_t gone = {LESSOR_LIMIT_CLASS, 4, "gone"};
	lessor_lease6_t lease;
	lessor_lease6_init(&lease);
	lease.address = (lessor_address6_t){scope.prefix, 77};
	lease.duid = (const uint8_t *)"duid";
	lease.duid_bytes = 4;
	lease.limit_key = &limit_key;
	lease.limit_keys = 1;
	lessor_engine_t *leader = open_leader(0);
	assert_status(LESSOR_OK, lessor_limit_set(leader, &gone, 1, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_snapshot(leader, NULL));
	lessor_follower_t *follower = open_follower();
	assert_status(LESSOR_OK, lessor_scope6_create(leader, &scope, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_limit_set(leader, &limit_key, 3, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_limit_remove(leader, &gone, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_lease6_create(leader, &lease, LESSOR_ASYNC, NULL));
	flush(leader);
	follow_all(follower);
	lessor_follower_close(&follower);
	lessor_engine_t *copy = open_read_only(follower_path);
	assert_status(LESSOR_OK, lessor_limit_get(copy, &limit_key, &limit));
	assert_true(limit.max == 3 && limit.leases == 1);
	assert_status(LESSOR_NOT_FOUND, lessor_limit_get(copy, &gone, &limit));
	assert_status(LESSOR_OK, lessor_scope6_get(copy, scope.prefix, &scope, NULL, 0));
	assert_int_equal(scope.max_leases, 8);
	assert_status(LESSOR_OK, lessor_check(copy, NULL));
	scratch_close(copy);
	scratch_close(leader);
}

/* With restarts of both, snapshots, and a follower that lags behind by more than a segment. */
static void
a_follower_ends_equal(void **state) {
	(void)state;
	scratch_random_t random = {.state = scratch_seed()};
	const unsigned long part = changes_wanted() / 10;
	lessor_engine_t *leader = open_leader(UINT64_C(1) << 40);
	scratch_scope_add(leader, SUBNET, MASK, true);
	change_much(leader, &random, part);
	assert_status(LESSOR_OK, lessor_snapshot(leader, NULL));
	lessor_follower_t *follower = open_follower();
	for (unsigned round = 0; round < 9; round++) {
		change_much(leader, &random, part);
		flush(leader);
		if (round % 3 == 1) {
			assert_status(LESSOR_OK, lessor_snapshot(leader, NULL));
		}
		if (round == 2 || round == 6) {
			scratch_close(leader);
			leader = open_leader(UINT64_C(1) << 40);
		}
		if (round % 2 == 0) {
			assert_true(follow_all(follower) == lessor_durable_ticket(leader));
		}
		if (round == 3 || round == 4 || round == 6) {
			lessor_follower_close(&follower);
			if (round % 2 == 0) {
				compare_with_follower(leader);
			}
			follower = open_follower();
		}
	}
	(void)follow_all(follower);
	lessor_follower_close(&follower);
	compare_with_follower(leader);
	scratch_close(leader);
}

/* A process that follows and is killed; the last time it may come to the end. */
static void
follow_in_a_child(unsigned life_ms) {
	const pid_t child = fork();
	if (child == 0) {
		lessor_follower_t *follower;
		if (lessor_follower_open(leader_path, follower_path, &follower, NULL) != LESSOR_OK) {
			_exit(2);
		}
		while (lessor_follower_next(follower, 1000, NULL) == LESSOR_OK) {
		}
		_exit(0);
	}
	int ended;
	(void)usleep(life_ms * 1000);
	(void)kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &ended, 0), child);
	assert_true(WIFSIGNALED(ended) || WEXITSTATUS(ended) == 0);
}

/* The leader is a process that is killed too. */
static pid_t
lead_in_a_child(uint64_t seed) {
	const pid_t child = fork();
	if (child == 0) {
		scratch_random_t random = {.state = seed};
		lessor_engine_t *engine = open_leader(UINT64_C(1) << 40);
		for (;;) {
			change_much(engine, &random, 5000);
			flush(engine);
		}
	}
	return child;
}

static void
killed_followers_and_leaders_end_equal(void **state) {
	(void)state;
	const uint64_t seed = scratch_seed();
	scratch_random_t random = {.state = seed};
	lessor_engine_t *leader = open_leader(UINT64_C(1) << 40);
	scratch_scope_add(leader, SUBNET, MASK, true);
	change_much(leader, &random, 2000);
	scratch_close(leader);
	for (unsigned round = 0; round < 4; round++) {
		const pid_t leading = lead_in_a_child(seed + round);
		for (unsigned life = 0; life < 4; life++) {
			follow_in_a_child(20 + scratch_below(&random, 80));
		}
		assert_int_equal(kill(leading, SIGKILL), 0);
		assert_int_equal(waitpid(leading, NULL, 0), leading);
		leader = open_leader(UINT64_C(1) << 40);
		if (round % 2 == 0) {
			assert_status(LESSOR_OK, lessor_snapshot(leader, NULL));
		}
		scratch_close(leader);
	}
	lessor_follower_t *follower = open_follower();
	(void)follow_all(follower);
	lessor_follower_close(&follower);
	leader = open_read_only(leader_path);
	compare_with_follower(leader);
	scratch_close(leader);
}

static void
a_follower_knows_whom_it_follows(void **state) {
	(void)state;
	lessor_follower_t *follower;
	lessor_follower_t *second;
	scratch_random_t random = {.state = scratch_seed()};
	lessor_engine_t *leader = open_leader(0);
	scratch_scope_add(leader, SUBNET, MASK, true);
	change_much(leader, &random, 100);
	flush(leader);
	follower = open_follower();
	assert_status(LESSOR_LOCKED, lessor_follower_open(leader_path, follower_path, &second, NULL));
	(void)follow_all(follower);
	lessor_follower_close(&follower);
	/* It stopped, and the log went on without it. */
	change_much(leader, &random, 60000);
	assert_status(LESSOR_OK, lessor_snapshot(leader, NULL));
	assert_status(LESSOR_NOT_RETAINED, lessor_follower_open(leader_path, follower_path, &follower, NULL));
	/* It took over. */
	lessor_engine_t *engine = scratch_open_log(follower_path);
	lease_to(engine, SUBNET + 65000, "z");
	scratch_close(engine);
	assert_true(lessor_follower_open(leader_path, follower_path, &follower, NULL) != LESSOR_OK);
	scratch_close(leader);
	assert_status(LESSOR_INVALID, lessor_follower_open(NULL, follower_path, &follower, NULL));
}

/* ---- a follower in trouble ------------------------------------------------------------------------------------------------ */

static int unfound;         /* so many times the leader's snapshot is gone when it is opened */
static bool own_is_missing; /* and the follower's directory, when a file is made there */

static int
open_or_not(int directory, const char *name, int flags, mode_t mode) {
	if (strncmp(name, "snapshot-", 9) == 0 && (flags & O_CREAT) == 0 && unfound > 0) {
		unfound--;
		return -ENOENT;
	}
	if (strcmp(name, "follower.tmp") == 0 && own_is_missing) {
		return -ENOENT;
	}
	return lsr_io_system.open(directory, name, flags, mode);
}

static void
lead_with_snapshot(void) {
	scratch_random_t random = {.state = scratch_seed()};
	lessor_engine_t *leader = open_leader(0);
	scratch_scope_add(leader, SUBNET, MASK, true);
	change_much(leader, &random, 100);
	assert_status(LESSOR_OK, lessor_snapshot(leader, NULL));
	scratch_close(leader);
}

static void
a_follower_gives_up_in_time(void **state) {
	(void)state;
	lessor_follower_t *follower;
	lessor_report_t report;
	static lsr_io_ops_t ops;
	ops = lsr_io_system;
	ops.open = open_or_not;
	lead_with_snapshot();
	lsr_io = &ops;
	own_is_missing = true;
	assert_status(LESSOR_IO, lessor_follower_open(leader_path, follower_path, &follower, &report));
	assert_non_null(strstr(report.sentence, "the snapshot cannot be copied"));
	own_is_missing = false;
	unfound = 1000;
	assert_status(LESSOR_NOT_RETAINED, lessor_follower_open(leader_path, follower_path, &follower, &report));
	assert_non_null(strstr(report.sentence, "the leader replaced snapshot-"));
	unfound = 3;
	follower = open_follower();
	assert_int_equal(unfound, 0);
	lessor_follower_close(&follower);
	lsr_io = &lsr_io_system;
}

/* Nothing is written behind a gap, however often one tries. */
static void
a_follower_stops_where_it_could_not_write(void **state) {
	(void)state;
	scratch_random_t random = {.state = scratch_seed()};
	lessor_engine_t *leader = open_leader(0);
	scratch_scope_add(leader, SUBNET, MASK, true);
	flush(leader);
	lessor_follower_t *follower = open_follower();
	(void)follow_all(follower);
	for (unsigned i = 0; i < 3; i++) {
		change_much(leader, &random, 10);
	}
	lsr_disk_use();
	lsr_disk_fail(LSR_FAULT_FRAME, 1, ENOSPC);
	assert_status(LESSOR_OK, lessor_follower_next(follower, 0, NULL));
	assert_status(LESSOR_DISK_FULL, lessor_follower_next(follower, 0, NULL));
	lsr_disk_heal();
	assert_status(LESSOR_DISK_FULL, lessor_follower_next(follower, 0, NULL));
	assert_non_null(strstr(lessor_follower_sentence(follower), "cannot be written"));
	lessor_follower_close(&follower);
	follower = open_follower();
	(void)follow_all(follower);
	lessor_follower_close(&follower);
	lsr_io = &lsr_io_system;
	compare_with_follower(leader);
	scratch_close(leader);
}

static void
a_follower_belongs_to_its_process(void **state) {
	(void)state;
	int ended;
	lessor_follower_t *second;
	lead_with_snapshot();
	lessor_follower_t *follower = open_follower();
	const pid_t child = fork();
	if (child == 0) {
		const lessor_status_t status = lessor_follower_next(follower, 0, NULL);
		lessor_follower_close(&follower);
		_exit(status == LESSOR_FORKED ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &ended, 0), child);
	assert_true(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
	assert_status(LESSOR_LOCKED, lessor_follower_open(leader_path, follower_path, &second, NULL));
	(void)follow_all(follower);
	lessor_follower_close(&follower);
}

/* What has lost its identity may still be salvaged. */
static void
a_follower_empties_no_other_store(void **state) {
	(void)state;
	char path[SCRATCH_FILE_BYTES];
	lessor_follower_t *follower;
	lead_with_snapshot();
	lessor_engine_t *other = scratch_open_log(follower_path);
	scratch_scope_add(other, SUBNET, MASK, true);
	scratch_close(other);
	scratch_join(path, follower_path, "lessor.store");
	assert_int_equal(unlink(path), 0);
	assert_status(LESSOR_CONFLICT, lessor_follower_open(leader_path, follower_path, &follower, NULL));
	scratch_join(path, follower_path, "log-0000000000000001.seg");
	assert_int_equal(access(path, F_OK), 0);
	assert_status(LESSOR_INVALID, lessor_follower_open(leader_path, leader_path, &follower, NULL));
}

/* The follower's own is the only good one then. */
static void
a_follower_takes_no_damaged_snapshot(void **state) {
	(void)state;
	char name[256];
	char own[256];
	char still[256];
	lessor_status_t status;
	scratch_random_t random = {.state = scratch_seed()};
	lead_with_snapshot();
	lessor_follower_t *follower = open_follower();
	name_of_snapshot(follower_path, own);
	lessor_engine_t *leader = open_leader(UINT64_C(1) << 40);
	change_much(leader, &random, 60000);
	assert_status(LESSOR_OK, lessor_snapshot(leader, NULL));
	name_of_snapshot(leader_path, name);
	spoil(name, 4096 + 70);
	while ((status = lessor_follower_next(follower, 0, NULL)) == LESSOR_OK) {
	}
	assert_status(LESSOR_DAMAGED, status);
	assert_non_null(strstr(lessor_follower_sentence(follower), name));
	lessor_follower_close(&follower);
	name_of_snapshot(follower_path, still);
	assert_string_equal(own, still);
	assert_status(LESSOR_OK, lessor_verify(follower_path, NULL));
	scratch_close(leader);
}

/* The segment that it began is one that the leader has not come to yet: nothing was dropped, and beginning again would lose what is here. */
static void
one_that_took_over_follows_no_more(void **state) {
	(void)state;
	lessor_follower_t *follower;
	lessor_report_t report;
	lessor_engine_t *leader = open_leader(0);
	scratch_scope_add(leader, SUBNET, MASK, true);
	flush(leader);
	follower = open_follower();
	(void)follow_all(follower);
	lessor_follower_close(&follower);
	scratch_close(scratch_open_log(follower_path));
	assert_status(LESSOR_CONFLICT, lessor_follower_open(leader_path, follower_path, &follower, &report));
	assert_non_null(strstr(report.sentence, "took over"));
	scratch_close(leader);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_kind_is_delivered, make, drop),
		cmocka_unit_test_setup_teardown(a_stream_learns_origins_from_the_snapshot, make, drop),
		cmocka_unit_test_setup_teardown(a_life_is_told_by_its_changes, make, drop),
		cmocka_unit_test_setup_teardown(only_positions_between_changes_are_accepted, make, drop),
		cmocka_unit_test_setup_teardown(another_process_reads_along, make, drop),
		cmocka_unit_test_setup_teardown(the_log_is_dropped_without_retention, make, drop),
		cmocka_unit_test_setup_teardown(bytes_of_the_log_are_retained, make, drop),
		cmocka_unit_test_setup_teardown(recent_log_is_retained, make, drop),
		cmocka_unit_test_setup_teardown(damage_is_reported, make, drop),
		cmocka_unit_test_setup_teardown(a_missing_segment_is_reported, make, drop),
		cmocka_unit_test_setup_teardown(history_tells_who_had_it, make, drop),
		cmocka_unit_test_setup_teardown(history_begins_with_the_snapshot, make, drop),
		cmocka_unit_test_setup_teardown(history_says_what_is_damaged, make, drop),
		cmocka_unit_test_setup_teardown(a_follower_has_the_limits, make, drop),
		cmocka_unit_test_setup_teardown(a_follower_ends_equal, make, drop),
		cmocka_unit_test_setup_teardown(killed_followers_and_leaders_end_equal, make, drop),
		cmocka_unit_test_setup_teardown(a_follower_knows_whom_it_follows, make, drop),
		cmocka_unit_test_setup_teardown(a_follower_gives_up_in_time, make, drop),
		cmocka_unit_test_setup_teardown(a_follower_stops_where_it_could_not_write, make, drop),
		cmocka_unit_test_setup_teardown(a_follower_belongs_to_its_process, make, drop),
		cmocka_unit_test_setup_teardown(a_follower_empties_no_other_store, make, drop),
		cmocka_unit_test_setup_teardown(a_follower_takes_no_damaged_snapshot, make, drop),
		cmocka_unit_test_setup_teardown(one_that_took_over_follows_no_more, make, drop),
	};
	return cmocka_run_group_tests_name("change_stream", tests, NULL, NULL);
}
