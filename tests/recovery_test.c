/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a store: whatever the number of threads and the size of their windows, the result is the one of a replay record by record, in
 * log order; what cannot be is reported with the place of the first record that cannot be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log/format.h"
#include "replay.h"
#include "scratch.h"

/* The first one is the replay that the others have to equal: one thread, one record at a time. */
static const lsr_replay_tuning_t tunings[] = {
	{.threads = 1, .items = 1},
	{.threads = 1},
	{.threads = 2, .items = 3},
	{.threads = 3, .items = 64},
	{.threads = 8, .items = 9},
	{.threads = 2},
	{.threads = 8},
};

static char directory[SCRATCH_PATH_BYTES];
static char copied[SCRATCH_PATH_BYTES];
static uint64_t seed;

static int
make_directories(void **state) {
	(void)state;
	scratch_make_fast(directory);
	scratch_make_fast(copied);
	return 0;
}

static int
remove_directories(void **state) {
	(void)state;
	lsr_replay_tuning = (lsr_replay_tuning_t){0};
	scratch_remove(directory);
	scratch_remove(copied);
	return 0;
}

/* ---- pictures: everything an engine answers, as a text ----------------------------------------------------------------- */

static void
print_lease(FILE *out, lessor_engine_t *engine, uint32_t subnet, const lessor_lease_t *lease) {
	static uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
	lessor_lease_t same;
	(void)fprintf(out,
		      "%08" PRIx32 " %u %u %u %u %u %u %" PRIu32 " %" PRIu64 " %" PRIu64 " %s %s %s %s %08" PRIx32
		      " %s %" PRIu64 " ",
		      lease->address, lease->client_type, lease->address_state, lease->quarantine_status,
		      lease->dns_forward, lease->hardware_type, lease->hardware_bytes, lease->last_transaction_s,
		      lease->expires_at, lease->probation_ends_at, lease->name != NULL ? lease->name : "-",
		      lease->comment != NULL ? lease->comment : "-",
		      lease->policy_name != NULL ? lease->policy_name : "-",
		      lease->owner_name != NULL ? lease->owner_name : "-", lease->owner_address,
		      lease->user_context != NULL ? lease->user_context : "-", lease->ticket);
	for (unsigned i = 0; i < lease->client_id_bytes; i++) {
		(void)fprintf(out, "%02x", lease->client_id[i]);
	}
	assert_status(LESSOR_OK, lessor_lease_get_client(engine, subnet, lease->client_id, lease->client_id_bytes,
							 &same, buffer, sizeof(buffer)));
	assert_int_equal(same.address, lease->address);
	(void)fprintf(out, "\n");
}

static void
print_leases(FILE *out, lessor_engine_t *engine, const lessor_scope_t *scope) {
	static uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
	lessor_cursor_t cursor;
	lessor_lease_t lease;
	lessor_cursor_init(&cursor, scope->subnet, scope->subnet | ~scope->mask);
	while (lessor_lease_next(engine, &cursor, &lease, buffer, sizeof(buffer)) == LESSOR_OK) {
		print_lease(out, engine, scope->subnet, &lease);
	}
}

static void
print_scope(FILE *out, lessor_engine_t *engine, const lessor_scope_t *scope) {
	static lessor_range_t ranges[LESSOR_SCOPE_MAX_EXCLUSIONS];
	size_t count = 0;
	lessor_scope_stats_t stats;
	assert_status(LESSOR_OK, lessor_scope_stats(engine, scope->subnet, &stats));
	(void)fprintf(out,
		      "scope %08" PRIx32 "/%08" PRIx32 " %" PRIu32 " %" PRIu32 " %" PRIu32 " %d %08" PRIx32
		      "-%08" PRIx32 " %s: pool %" PRIu64 " in use %" PRIu64 " leases %" PRIu64 " %" PRIu64 " %" PRIu64
		      " %" PRIu64 " mark %" PRIu64 " creates %" PRIu64 " deletes %" PRIu64 "\n",
		      scope->subnet, scope->mask, scope->id, scope->state, scope->lease_s, scope->has_range,
		      scope->range.first, scope->range.last, scope->name != NULL ? scope->name : "-", stats.pool,
		      stats.in_use, stats.leases, stats.leases_active, stats.leases_declined, stats.leases_doomed,
		      stats.in_use_high_water, stats.creates, stats.deletes);
	assert_status(LESSOR_OK, lessor_scope_exclusions(engine, scope->subnet, ranges, COUNT(ranges), &count));
	for (size_t i = 0; i < count; i++) {
		(void)fprintf(out, "without %08" PRIx32 "-%08" PRIx32 "\n", ranges[i].first, ranges[i].last);
	}
}

static char *
picture_of(lessor_engine_t *engine) {
	static char buffer[LESSOR_SCOPE_BUFFER_BYTES];
	char *text = NULL;
	size_t bytes = 0;
	lessor_scope_t scope;
	FILE *out = open_memstream(&text, &bytes);
	assert_non_null(out);
	for (uint32_t from = 0; lessor_scope_next(engine, from, &scope, buffer, sizeof(buffer)) == LESSOR_OK;
	     from = scope.subnet + 1) {
		print_scope(out, engine, &scope);
		print_leases(out, engine, &scope);
	}
	assert_int_equal(fclose(out), 0);
	return text;
}

static lessor_status_t
open_with(const char *path, const lsr_replay_tuning_t *tuning, lessor_engine_t **engine, lessor_report_t *report) {
	lessor_options_t options;
	scratch_options_log(&options);
	options.read_only = true;
	lsr_replay_tuning = *tuning;
	*engine = NULL;
	const lessor_status_t status = lessor_open(path, &options, engine, report);
	lsr_replay_tuning = (lsr_replay_tuning_t){0};
	report->seconds = 0;
	return status;
}

/* What a store holds, opened with this tuning. */
static char *
picture_with(const char *path, const lsr_replay_tuning_t *tuning, lessor_report_t *report) {
	lessor_engine_t *engine;
	lessor_report_t checked;
	const lessor_status_t status = open_with(path, tuning, &engine, report);
	if (status != LESSOR_OK) {
		fail_msg("seed %" PRIu64 ": %s: %s", seed, lessor_status_name(status), report->sentence);
	}
	if (lessor_check(engine, &checked) != LESSOR_OK) {
		fail_msg("seed %" PRIu64 ": %s", seed, checked.sentence);
	}
	assert_int_equal(checked.leases, report->leases);
	assert_int_equal(checked.scopes, report->scopes);
	char *picture = picture_of(engine);
	scratch_close(engine);
	return picture;
}

static void
assert_same_picture(const char *expected, const char *picture, const char *what) {
	if (strcmp(expected, picture) == 0) {
		return;
	}
	size_t at = 0;
	while (expected[at] == picture[at]) {
		at++;
	}
	while (at > 0 && expected[at - 1] != '\n') {
		at--;
	}
	fail_msg("seed %" PRIu64 ", %s: \"%.300s\" instead of \"%.300s\"", seed, what, picture + at, expected + at);
}

/* All tunings find the same; what the first one finds is returned. */
static char *
assert_all_same(const char *path) {
	lessor_report_t first;
	char *expected = picture_with(path, &tunings[0], &first);
	for (size_t i = 1; i < COUNT(tunings); i++) {
		char what[64];
		lessor_report_t report;
		char *picture = picture_with(path, &tunings[i], &report);
		(void)snprintf(what, sizeof(what), "%u threads, %u items", tunings[i].threads, tunings[i].items);
		assert_same_picture(expected, picture, what);
		assert_memory_equal(&report, &first, sizeof(report));
		free(picture);
	}
	return expected;
}

/* ---- histories -------------------------------------------------------------------------------------------------------------- */

#define SCOPES        6u
#define SCOPE_SUBNETS 256u /* addresses of one */

/* Two masks take turns in each place, so that a scope may come back larger or smaller. */
static uint32_t
subnet_of(uint32_t number) {
	return IP(10, 0, 0, 0) + number * SCOPE_SUBNETS;
}

static uint32_t
random_address(scratch_random_t *random) {
	return subnet_of(scratch_below(random, SCOPES)) + scratch_below(random, SCOPE_SUBNETS);
}

static const char *
some_text(scratch_random_t *random, char text[64], uint32_t longest) {
	const uint32_t length = scratch_below(random, longest + 1);
	for (uint32_t i = 0; i < length; i++) {
		text[i] = (char)('a' + scratch_below(random, 26));
	}
	text[length] = '\0';
	return scratch_percent(random, 30) ? NULL : text;
}

static void
change_lease(lessor_engine_t *engine, scratch_random_t *random) {
	static const uint8_t states[] = {LESSOR_STATE_ACTIVE, LESSOR_STATE_ACTIVE, LESSOR_STATE_DECLINED,
					 LESSOR_STATE_DOOM};
	uint8_t id[6];
	char name[64], comment[64], owner[64], policy[64];
	lessor_lease_t lease = scratch_lease_numbered(random_address(random), scratch_below(random, 3000), id);
	lease.address_state = states[scratch_below(random, COUNT(states))];
	lease.expires_at = scratch_next(random);
	lease.name = some_text(random, name, 20);
	lease.comment = scratch_percent(random, 10) ? some_text(random, comment, 40) : NULL;
	if (scratch_percent(random, 20)) {
		lease.owner_name = some_text(random, owner, 1);
		lease.policy_name = some_text(random, policy, 1);
		lease.owner_address = scratch_below(random, 3);
	}
	const uint32_t dice = scratch_below(random, 100);
	if (dice < 45) {
		(void)lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL);
	} else if (dice < 60) {
		(void)lessor_lease_update(engine, &lease, LESSOR_FIELD_EXPIRES, LESSOR_ASYNC, NULL);
	} else if (dice < 75) {
		(void)lessor_lease_update(engine, &lease, LESSOR_FIELD_ALL, LESSOR_ASYNC, NULL);
	} else {
		(void)lessor_lease_delete(engine, lease.address, NULL, 0, LESSOR_ASYNC, NULL);
	}
}

static void
change_scope(lessor_engine_t *engine, scratch_random_t *random) {
	const uint32_t subnet = subnet_of(scratch_below(random, SCOPES));
	lessor_scope_t scope = scratch_scope(subnet, scratch_percent(random, 50) ? 0xFFFFFF00 : 0xFFFFFF80);
	lessor_range_t range = {.first = subnet + scratch_below(random, 64)};
	range.last = range.first + scratch_below(random, 63);
	scope.id = scratch_below(random, 1000);
	scope.has_range = scratch_percent(random, 90);
	scope.range = range;
	switch (scratch_below(random, 8)) {
	case 0:
		(void)lessor_scope_delete(engine, subnet, true, LESSOR_ASYNC, NULL);
		break;
	case 1:
		(void)lessor_scope_update(engine, &scope, LESSOR_SCOPE_FIELD_RANGE, LESSOR_ASYNC, NULL);
		break;
	case 2:
		(void)lessor_scope_exclude(engine, subnet, range, LESSOR_ASYNC, NULL);
		break;
	case 3:
		(void)lessor_scope_update(engine, &scope, LESSOR_SCOPE_FIELD_ID, LESSOR_ASYNC, NULL);
		break;
	default:
		(void)lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL);
		break;
	}
}

static void
live(lessor_engine_t *engine, scratch_random_t *random, unsigned changes) {
	for (unsigned i = 0; i < changes; i++) {
		if (scratch_below(random, 60) == 0) {
			change_scope(engine, random);
		} else {
			change_lease(engine, random);
		}
	}
}

/* One thread lives; what a restart finds is what it left, marks and counts included, with and without snapshots. */
static void
any_number_of_threads_finds_what_was_left(void **state) {
	(void)state;
	const unsigned rounds = scratch_is_sanitized() ? 3 : 8;
	scratch_random_t random = {.state = seed};
	for (unsigned round = 0; round < rounds; round++) {
		lessor_engine_t *engine = scratch_open_log(directory);
		live(engine, &random, 1 + scratch_below(&random, 4000));
		for (uint32_t snapshots = scratch_below(&random, 3); snapshots > 0; snapshots--) {
			assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
			live(engine, &random, 1 + scratch_below(&random, 1000));
		}
		char *left = picture_of(engine);
		scratch_close(engine);
		char *found = assert_all_same(directory);
		assert_same_picture(left, found, "after the restart");
		free(left);
		free(found);
	}
}

typedef struct {
	lessor_engine_t *engine;
	uint64_t seed;
	atomic_bool *stop;
} writer_t;

static void *
run_writer(void *argument) {
	const writer_t *writer = argument;
	scratch_random_t random = {.state = writer->seed};
	while (!atomic_load(writer->stop)) {
		live(writer->engine, &random, 50);
	}
	return NULL;
}

/* Snapshots that are taken while leases and scopes change: what they show early, the log has again. */
static void
snapshots_of_busy_stores_are_read_alike(void **state) {
	(void)state;
	const unsigned rounds = scratch_is_sanitized() ? 2 : 5;
	for (unsigned round = 0; round < rounds; round++) {
		atomic_bool stop = false;
		pthread_t thread[2];
		writer_t writer[2];
		lessor_engine_t *engine = scratch_open_log(directory);
		for (size_t i = 0; i < COUNT(thread); i++) {
			writer[i] = (writer_t){engine, seed + 10 * round + i, &stop};
			assert_int_equal(pthread_create(&thread[i], NULL, run_writer, &writer[i]), 0);
		}
		for (unsigned i = 0; i < 4; i++) {
			assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
		}
		assert_status(LESSOR_OK, lessor_ticket_wait(engine, lessor_last_ticket(engine), -1));
		scratch_copy(directory, copied); /* as after a crash */
		atomic_store(&stop, true);
		for (size_t i = 0; i < COUNT(thread); i++) {
			assert_int_equal(pthread_join(thread[i], NULL), 0);
		}
		scratch_close(engine);
		free(assert_all_same(copied));
		free(assert_all_same(directory));
	}
}

/* Enough of them that the windows are what they are in earnest. */
static void
many_leases_are_found(void **state) {
	(void)state;
	const uint32_t many = scratch_is_sanitized() ? 30000 : 100000;
	uint8_t id[6];
	lessor_engine_t *engine = scratch_open_log(directory);
	scratch_scope_add(engine, IP(10, 0, 0, 0), 0xFFFE0000, true);
	for (uint32_t i = 0; i < many; i++) {
		lessor_lease_t lease = scratch_lease_numbered(IP(10, 0, 0, 0) + i, i, id);
		assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
		if (i % 7 == 0) {
			assert_status(LESSOR_OK,
				      lessor_lease_delete(engine, lease.address, NULL, 0, LESSOR_ASYNC, NULL));
		}
	}
	char *left = picture_of(engine);
	scratch_close(engine);
	for (unsigned round = 0; round < 2; round++) {
		lessor_report_t report;
		char *found = picture_with(directory, &(lsr_replay_tuning_t){0}, &report);
		assert_same_picture(left, found, "all processors");
		assert_int_equal(report.log_records, round == 0 ? many + (many + 6) / 7 + 1 : 0);
		free(found);
		engine = scratch_open_log(directory);
		assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
		scratch_close(engine);
	}
	free(left);
}

/* ---- logs that cannot be ---------------------------------------------------------------------------------------------------- */

#define LEASES 200u

/* A store with one scope and LEASES leases in it, one per frame, as a crash leaves it: in 'copied'. */
static void
make_crashed_store(void) {
	lessor_engine_t *engine = scratch_open_log(directory);
	uint8_t id[6];
	scratch_scope_add(engine, IP(10, 0, 0, 0), 0xFFFF0000, true);
	for (uint32_t i = 0; i < LEASES; i++) {
		lessor_lease_t lease = scratch_lease_numbered(IP(10, 0, 0, 0) + 64 * i, i, id);
		assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_SYNC, NULL));
	}
	scratch_copy(directory, copied);
	scratch_close(engine);
}

/* The log of that store, in memory, to be spoilt: each frame is sealed again when it is put back. */
static uint8_t *log_bytes;
static size_t log_size_bytes;
static char log_path[SCRATCH_FILE_BYTES];

static void
take_log(void) {
	char name[LSR_SEGMENT_NAME_BYTES];
	lsr_segment_name(1, name);
	scratch_join(log_path, copied, name);
	log_bytes = scratch_read(log_path, &log_size_bytes);
}

static size_t
next_frame(size_t offset) {
	const lsr_frame_header_t *frame = (const lsr_frame_header_t *)(const void *)(log_bytes + offset);
	return offset + lsr_frame_disk_bytes(frame->payload_bytes);
}

static bool
is_frame(size_t offset) {
	const lsr_frame_header_t *frame = (const lsr_frame_header_t *)(const void *)(log_bytes + offset);
	return offset < log_size_bytes && frame->magic == LSR_FRAME_MAGIC;
}

static void
put_log(void) {
	uint32_t last_crc = 0;
	for (size_t at = LSR_BLOCK_BYTES; is_frame(at); at = next_frame(at)) {
		lsr_frame_header_t *frame = (lsr_frame_header_t *)(void *)(log_bytes + at);
		frame->previous_crc = last_crc;
		lsr_frame_seal(frame);
		last_crc = frame->crc;
	}
	scratch_write(log_path, log_bytes, log_size_bytes);
	free(log_bytes);
}

/* The image of the lease of this number; the offset of its frame. */
static uint8_t *
image_of_lease(uint32_t number, size_t *offset) {
	for (size_t at = LSR_BLOCK_BYTES; is_frame(at); at = next_frame(at)) {
		const lsr_frame_header_t *frame = (const lsr_frame_header_t *)(const void *)(log_bytes + at);
		uint8_t *payload = log_bytes + at + LSR_FRAME_HEADER_BYTES;
		for (uint32_t done = 0; done < frame->payload_bytes;) {
			uint32_t header;
			memcpy(&header, payload + done, sizeof(header));
			if (lsr_header_type(header) == LSR_LOG_LEASE && number-- == 0) {
				*offset = at;
				return payload + done + sizeof(header);
			}
			done += lsr_header_bytes(header);
		}
	}
	fail();
	return NULL;
}

static void
move_lease(uint32_t number, uint32_t address, size_t *offset) {
	memcpy(image_of_lease(number, offset), &address, sizeof(address));
}

/* The first one is named, however far the reader was ahead of it. */
static void
a_lease_without_a_scope_is_damage(void **state) {
	(void)state;
	size_t first;
	size_t second;
	make_crashed_store();
	take_log();
	move_lease(150, IP(10, 1, 0, 0), &second);
	move_lease(20, IP(10, 1, 64, 0), &first);
	put_log();
	for (size_t i = 0; i < COUNT(tunings); i++) {
		char place[64];
		lessor_engine_t *engine;
		lessor_report_t report;
		assert_status(LESSOR_DAMAGED, open_with(copied, &tunings[i], &engine, &report));
		(void)snprintf(place, sizeof(place), "in the frame at offset %zu,", first);
		if (strstr(report.sentence, place) == NULL ||
		    strstr(report.sentence, "log-0000000000000001.seg") == NULL) {
			fail_msg("\"%s\" does not say \"%s\"", report.sentence, place);
		}
		/* Everything is filled, also on failure. */
		assert_int_equal(report.scopes, 1);
		assert_true(report.leases >= 20 && report.leases < LEASES);
		assert_true(report.log_records >= 20 && report.log_records < LEASES);
	}
}

static void
copy_client(uint32_t from, uint32_t to) {
	size_t ignored;
	uint8_t id[6];
	memcpy(id, image_of_lease(from, &ignored) + 28, sizeof(id));
	memcpy(image_of_lease(to, &ignored) + 28, id, sizeof(id));
}

static void
of_two_leases_of_a_client_the_newer_stays(void **state) {
	(void)state;
	make_crashed_store();
	take_log();
	copy_client(10, 100);
	copy_client(10, 30);
	for (uint32_t i = 120; i < 140; i++) {
		copy_client(119, i);
	}
	put_log();
	char *found = assert_all_same(copied);
	assert_null(strstr(found, "\n0a000280 "));     /* 10 */
	assert_null(strstr(found, "\n0a000780 "));     /* 30 */
	assert_non_null(strstr(found, "\n0a001900 ")); /* 100 */
	assert_null(strstr(found, "\n0a001dc0 "));     /* 119 */
	assert_non_null(strstr(found, "\n0a0022c0 ")); /* 139 */
	free(found);
	lessor_engine_t *engine;
	lessor_report_t report;
	assert_status(LESSOR_OK, open_with(copied, &tunings[0], &engine, &report));
	assert_int_equal(report.leases, LEASES - 22);
	assert_non_null(strstr(report.sentence, "22 clients had two leases in one scope"));
	scratch_close(engine);
}

/* Who only reads cuts nothing, and does not say so. */
static void
a_torn_tail_is_cut_by_who_may(void **state) {
	(void)state;
	make_crashed_store();
	take_log();
	size_t offset;
	(void)image_of_lease(LEASES - 1, &offset);
	offset = next_frame(offset);
	memset(log_bytes + offset, 0xEE, 100);
	put_log();
	const uint64_t before = scratch_digest(copied);
	lessor_engine_t *engine;
	lessor_report_t report;
	assert_status(LESSOR_OK, open_with(copied, &tunings[0], &engine, &report));
	assert_int_equal(report.cut_bytes, 100);
	assert_non_null(strstr(report.sentence, "never acknowledged"));
	assert_null(strstr(report.sentence, "cut"));
	scratch_close(engine);
	assert_int_equal(scratch_digest(copied), before);
	assert_status(LESSOR_OK, lessor_open(copied, NULL, &engine, &report));
	assert_int_equal(report.cut_bytes, 100);
	assert_non_null(strstr(report.sentence, "was cut off the end"));
	scratch_close(engine);
}

/* ---- a snapshot that shows what never was at once ------------------------------------------------------------------------- */

/* The image of the first record of a type, and its payload bytes. */
static uint8_t *
image_of_first(lsr_record_type_t type, size_t *payload_bytes) {
	for (size_t at = LSR_BLOCK_BYTES; is_frame(at); at = next_frame(at)) {
		uint32_t header;
		memcpy(&header, log_bytes + at + LSR_FRAME_HEADER_BYTES, sizeof(header));
		if (lsr_header_type(header) == type) {
			*payload_bytes = lsr_header_payload_bytes(header);
			return log_bytes + at + LSR_FRAME_HEADER_BYTES + sizeof(header);
		}
	}
	fail();
	return NULL;
}

static void
add_entry(lsr_snapshot_writer_t *writer, uint64_t lsn, lsr_record_type_t type, const uint8_t *image,
	  size_t image_bytes) {
	assert_int_equal(lsr_snapshot_add(writer, lsn, lsr_record_header(type, image_bytes), image), 0);
}

/*
 * One lease ends, then another begins; a snapshot that was written meanwhile shows both, the first as it was before, the second as it was after. They were
 * never there together, and the mark says so.
 */
static void
marks_know_what_was_never_there(void **state) {
	(void)state;
	uint8_t id[6];
	lessor_ticket_t from;
	lessor_ticket_t end;
	lessor_engine_t *engine = scratch_open_log(directory);
	lessor_lease_t lease = scratch_lease_numbered(IP(10, 0, 0, 1), 1, id);
	scratch_scope_add(engine, IP(10, 0, 0, 0), 0xFFFFFF00, true);
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_SYNC, &from));
	assert_status(LESSOR_OK, lessor_lease_delete(engine, lease.address, NULL, 0, LESSOR_SYNC, NULL));
	lease = scratch_lease_numbered(IP(10, 0, 0, 200), 2, id);
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_SYNC, &end));
	scratch_copy(directory, copied);
	scratch_close(engine);
	take_log();

	lsr_snapshot_writer_t writer;
	size_t image_bytes;
	size_t ignored;
	const uint64_t one = 1;
	const lsr_frame_header_t *frame = (const lsr_frame_header_t *)(const void *)(log_bytes + LSR_BLOCK_BYTES);
	const int file = open(copied, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(lsr_snapshot_begin(&writer, file, frame->store_id, from), 0);
	uint8_t *scope = image_of_first(LSR_LOG_SCOPE, &image_bytes);
	memcpy(scope + 48, &one, sizeof(one)); /* the mark at 'from' */
	add_entry(&writer, from, LSR_LOG_SCOPE, scope, image_bytes);
	(void)image_of_first(LSR_LOG_LEASE, &image_bytes);
	add_entry(&writer, from, LSR_LOG_LEASE, image_of_lease(0, &ignored), image_bytes);
	add_entry(&writer, end, LSR_LOG_LEASE, image_of_lease(1, &ignored), image_bytes);
	assert_int_equal(lsr_snapshot_finish(&writer, end, 0), 0);
	assert_int_equal(close(file), 0);
	free(log_bytes);

	char *found = assert_all_same(copied);
	assert_non_null(strstr(found, "leases 1 1 0 0 mark 1 creates 2 deletes 1"));
	free(found);
}

/* ---- the program -------------------------------------------------------------------------------------------------------------- */

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_directories, remove_directories)

int
main(void) {
	const struct CMUnitTest tests[] = {
		TEST(any_number_of_threads_finds_what_was_left),
		TEST(snapshots_of_busy_stores_are_read_alike),
		TEST(many_leases_are_found),
		TEST(a_lease_without_a_scope_is_damage),
		TEST(of_two_leases_of_a_client_the_newer_stays),
		TEST(a_torn_tail_is_cut_by_who_may),
		TEST(marks_know_what_was_never_there),
	};
	seed = scratch_seed();
	print_message("LESSOR_TEST_SEED=%" PRIu64 "\n", seed);
	return cmocka_run_group_tests_name("recovery", tests, NULL, NULL);
}
