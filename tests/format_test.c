/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions of the format on disk: stores of earlier ones are opened and go on, those of later ones are refused.
 *
 * The stores lie in tests/data/stores. "format_test make DIRECTORY" makes one of the version that the library writes: it is what fill() does to an empty store.
 */
#include "contents.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc.h"
#include "engine_p.h"

/* ---- what the store holds ------------------------------------------------------------------------------------------ */

#define LEASES 40u

static void
must(lessor_status_t status) {
	if (status != LESSOR_OK) {
		(void)fprintf(stderr, "%s\n", lessor_status_name(status));
		abort();
	}
}

static void
create(lessor_engine_t *engine, uint32_t address, uint32_t number) {
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(address, number, id);
	lease.expires_at = UINT64_C(133000000000000000) + number * UINT64_C(10000000);
	lease.address_state = number % 7 == 0 ? 0x83 : LESSOR_STATE_ACTIVE;
	lease.dns_forward = number % 2 != 0;
	must(lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
}

/* One with everything that a lease can have. */
static void
create_rich(lessor_engine_t *engine, uint32_t address) {
	static const uint8_t id[] = "a client identifier that is longer than a record";
	static const uint8_t hardware[] = {2, 0, 0, 0, 0, 1, 7, 8};
	lessor_lease_t lease = scratch_lease(address, id, sizeof(id));
	lease.quarantine_status = LESSOR_PROBATION;
	lease.quarantine_capable = true;
	lease.client_id_made_up = lease.dns_reverse = true;
	lease.hardware_type = 6;
	lease.hardware = hardware;
	lease.hardware_bytes = sizeof(hardware);
	lease.last_transaction_s = 1700000000;
	lease.probation_ends_at = UINT64_C(133000000000000001);
	lease.name = "a name that is longer than a record \xC3\xA4";
	lease.comment = "";
	lease.policy_name = "guests";
	lease.owner_name = "owner.example";
	lease.owner_address = IP(192, 0, 2, 1);
	lease.user_context = "{ \"a\": 1 }";
	must(lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
}

static void
fill_scopes(lessor_engine_t *engine) {
	lessor_scope_t scope = scratch_scope(IP(192, 0, 2, 0), 0xFFFFFF00);
	scope.has_range = true;
	scope.range = (lessor_range_t){IP(192, 0, 2, 10), IP(192, 0, 2, 200)};
	scope.id = 17;
	scope.state = LESSOR_SCOPE_DISABLED;
	scope.name = "first";
	scope.comment = "of two";
	must(lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL));
	must(lessor_scope_exclude(engine, scope.subnet, (lessor_range_t){IP(192, 0, 2, 20), IP(192, 0, 2, 22)},
				  LESSOR_ASYNC, NULL));
	scratch_scope_add(engine, IP(198, 51, 100, 0), 0xFFFFFF80, false);
	scratch_scope_add(engine, IP(203, 0, 113, 0), 0xFFFFFF00, true);
	create(engine, IP(203, 0, 113, 9), 1);
}

/* Some of it before the snapshot, if there is to be one, some behind it. */
static void
fill(lessor_engine_t *engine, bool with_snapshot) {
	fill_scopes(engine);
	for (uint32_t i = 0; i < LEASES; i++) {
		create(engine, IP(192, 0, 2, 8) + i, i);
	}
	create_rich(engine, IP(198, 51, 100, 5));
	must(lessor_lease_delete(engine, IP(192, 0, 2, 12), NULL, 0, LESSOR_ASYNC, NULL));
	if (with_snapshot) {
		must(lessor_snapshot(engine, NULL));
	}
	must(lessor_scope_delete(engine, IP(203, 0, 113, 0), true, LESSOR_ASYNC, NULL));
	must(lessor_scope_exclude(engine, IP(192, 0, 2, 0), (lessor_range_t){IP(192, 0, 2, 15), IP(192, 0, 2, 21)},
				  LESSOR_ASYNC, NULL));
	const lessor_scope_t renamed = {.subnet = IP(192, 0, 2, 0), .name = "renamed", .lease_s = 3600};
	must(lessor_scope_update(engine, &renamed, LESSOR_SCOPE_FIELD_NAME | LESSOR_SCOPE_FIELD_LEASE_S, LESSOR_ASYNC,
				 NULL));
	const lessor_lease_t update = {
		.address = IP(192, 0, 2, 30), .name = "host", .expires_at = LESSOR_TIME_INFINITE};
	must(lessor_lease_update(engine, &update, LESSOR_FIELD_NAME | LESSOR_FIELD_EXPIRES, LESSOR_ASYNC, NULL));
	must(lessor_lease_delete(engine, IP(192, 0, 2, 13), NULL, 0, LESSOR_ASYNC, NULL));
	create_rich(engine, IP(192, 0, 2, 250));
}

/* ---- what an engine holds, as a text ------------------------------------------------------------------------------- */

static void
print_bytes(FILE *out, const char *what, const uint8_t *bytes, size_t count) {
	(void)fprintf(out, " %s", what);
	for (size_t i = 0; i < count; i++) {
		(void)fprintf(out, "%02x", bytes[i]);
	}
}

static void
print_text(FILE *out, const char *what, const char *text) {
	(void)fprintf(out, text != NULL ? " %s\"%s\"" : " %s-", what, text);
}

static void
print_lease(FILE *out, const lessor_lease_t *lease) {
	(void)fprintf(out,
		      "lease %08x/%08x type %x state %x quarantine %u %d %d dns %d %d transaction %u until %" PRIu64
		      " %" PRIu64 " owner %08x",
		      lease->address, lease->subnet_mask, lease->client_type, lease->address_state,
		      lease->quarantine_status, lease->quarantine_capable, lease->client_id_made_up, lease->dns_forward,
		      lease->dns_reverse, lease->last_transaction_s, lease->expires_at, lease->probation_ends_at,
		      lease->owner_address);
	print_bytes(out, "client ", lease->client_id, lease->client_id_bytes);
	print_bytes(out, "hardware ", lease->hardware, lease->hardware_bytes);
	print_text(out, "name ", lease->name);
	print_text(out, "comment ", lease->comment);
	print_text(out, "policy ", lease->policy_name);
	print_text(out, "owner ", lease->owner_name);
	print_text(out, "context ", lease->user_context);
	(void)fputc('\n', out);
}

static void
print_scope(FILE *out, lessor_engine_t *engine, const lessor_scope_t *scope) {
	lessor_range_t exclusions[8];
	size_t count = 0;
	lessor_scope_stats_t stats;
	assert_status(LESSOR_OK, lessor_scope_exclusions(engine, scope->subnet, exclusions, COUNT(exclusions), &count));
	assert_status(LESSOR_OK, lessor_scope_stats(engine, scope->subnet, &stats));
	(void)fprintf(out, "scope %08x/%08x id %u state %u lease %u range %d %08x-%08x", scope->subnet, scope->mask,
		      scope->id, scope->state, scope->lease_s, scope->has_range, scope->range.first, scope->range.last);
	print_text(out, "name ", scope->name);
	print_text(out, "comment ", scope->comment);
	for (size_t i = 0; i < count; i++) {
		(void)fprintf(out, " excluded %08x-%08x", exclusions[i].first, exclusions[i].last);
	}
	(void)fprintf(out,
		      " pool %" PRIu64 " used %" PRIu64 " doomed %" PRIu64 " most %" PRIu64 " deletes %" PRIu64 "\n",
		      stats.pool, stats.in_use, stats.leases_doomed, stats.in_use_high_water, stats.deletes);
}

/* free() it. */
static char *
dump(lessor_engine_t *engine) {
	static uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);
	assert_non_null(out);
	lessor_scope_t scope = {0};
	for (uint32_t from = 0; lessor_scope_next(engine, from, &scope, buffer, sizeof(buffer)) == LESSOR_OK;
	     from = scope.subnet + 1) {
		print_scope(out, engine, &scope);
	}
	lessor_cursor_t cursor;
	lessor_lease_t lease;
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	while (lessor_lease_next(engine, &cursor, &lease, buffer, sizeof(buffer)) == LESSOR_OK) {
		print_lease(out, &lease);
	}
	contents_print(out, engine);
	(void)fclose(out);
	return text;
}

/* What a store of version 2 holds besides. */
static void
fill_more(lessor_engine_t *engine, bool with_snapshot) {
	for (unsigned i = 0; i < CONTENTS_CHANGES; i++) {
		contents_change(engine, i);
		if (with_snapshot && i == CONTENTS_CHANGES / 2) {
			must(lessor_snapshot(engine, NULL));
		}
	}
}

/* What fill() makes, without a disk. */
static char *
expected(unsigned version) {
	lessor_engine_t *engine = scratch_open_memory();
	fill(engine, false);
	if (version > 1) {
		fill_more(engine, false);
	}
	char *text = dump(engine);
	scratch_close(engine);
	return text;
}

/* ---- making one ------------------------------------------------------------------------------------------------------ */

static int
make_store(const char *directory) {
	lessor_options_t options;
	lessor_engine_t *engine = NULL;
	lessor_options_init(&options);
	options.segment_size_bytes = UINT64_C(1) << 20;
	must(lessor_open(directory, &options, &engine, NULL));
	fill(engine, true);
	fill_more(engine, true);
	must(lessor_close(&engine));
	return 0;
}

/* ---- tests ----------------------------------------------------------------------------------------------------------- */

static char old_store[SCRATCH_FILE_BYTES];     /* of version 1 */
static char present_store[SCRATCH_FILE_BYTES]; /* of version 2, as it was first */

static int
make_directory(void **state) {
	char *directory = malloc(SCRATCH_PATH_BYTES);
	assert_non_null(directory);
	scratch_make(directory);
	*state = directory;
	return 0;
}

static int
remove_directory(void **state) {
	scratch_remove(*state);
	free(*state);
	return 0;
}

static void
assert_holds(const char *directory, bool read_only, const char *text) {
	lessor_options_t options;
	lessor_engine_t *engine = NULL;
	scratch_options_log(&options);
	options.read_only = read_only;
	options.create_if_missing = false;
	assert_status(LESSOR_OK, lessor_open(directory, &options, &engine, NULL));
	char *got = dump(engine);
	assert_string_equal(text, got);
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
	free(got);
	scratch_close(engine);
}

/* Read only, then for writing, and again what the two versions hold together: log behind log, and a snapshot of the new one. */
static void
test_version_1_is_opened(void **state) {
	const char *directory = *state;
	scratch_copy(old_store, directory);
	char *text = expected(1);
	assert_holds(directory, true, text);
	assert_holds(directory, false, text);
	assert_holds(directory, false, text);

	lessor_engine_t *twin = scratch_open_memory();
	lessor_engine_t *engine = scratch_open_log(directory);
	fill(twin, false);
	create(twin, IP(198, 51, 100, 77), 1000);
	create(engine, IP(198, 51, 100, 77), 1000);
	free(text);
	text = dump(twin);
	scratch_close(engine);
	assert_holds(directory, true, text);
	engine = scratch_open_log(directory);
	assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	scratch_close(engine);
	assert_holds(directory, true, text);
	scratch_close(twin);
	free(text);
}

/* The store as fill() leaves it now is what the old one holds. */
static void
test_this_version_is_opened(void **state) {
	char *text = expected(LSR_FORMAT_VERSION);
	(void)make_store(*state);
	assert_holds(*state, true, text);
	assert_holds(*state, false, text);
	scratch_copy(present_store, *state);
	assert_holds(*state, true, text);
	assert_holds(*state, false, text);
	assert_holds(*state, false, text);
	free(text);
}

/* Give a header a later version and seal it again: the version is four bytes at 'version_at', the checksum of what stands before it at 60. */
static void
make_later(const char *directory, const char *prefix) {
	scratch_files_t files;
	scratch_files_list(directory, &files);
	for (size_t i = 0; i < files.count; i++) {
		if (strncmp(files.names[i], prefix, strlen(prefix)) == 0) {
			char path[SCRATCH_FILE_BYTES];
			size_t bytes;
			scratch_join(path, directory, files.names[i]);
			uint8_t *content = scratch_read(path, &bytes);
			const uint32_t version = LSR_FORMAT_VERSION + 1;
			memcpy(content + 8, &version, sizeof(version));
			const uint32_t crc = lsr_crc(LSR_CRC_SEED, content, 60);
			memcpy(content + 60, &crc, sizeof(crc));
			scratch_write(path, content, bytes);
			free(content);
		}
	}
	scratch_files_free(&files);
}

static void
assert_refused(const char *directory, const char *file) {
	lessor_options_t options;
	lessor_engine_t *engine = NULL;
	lessor_report_t report;
	scratch_options_log(&options);
	const uint64_t digest = scratch_digest(directory);
	assert_status(LESSOR_UNSUPPORTED, lessor_open(directory, &options, &engine, &report));
	assert_null(engine);
	assert_non_null(strstr(report.sentence, file));
	assert_non_null(strstr(report.sentence, "version 3, this library knows up to 2"));
	assert_true(digest == scratch_digest(directory));
}

static void
test_later_versions_are_refused(void **state) {
	static const char *const files[] = {"lessor.store", "log-", "snapshot-"};
	for (size_t i = 0; i < COUNT(files); i++) {
		scratch_copy(old_store, *state);
		make_later(*state, files[i]);
		assert_refused(*state, files[i]);
	}
}

/* ---- groups ------------------------------------------------------------------------------------------------------- */

static void
test_groups_are_taken_apart(void **state) {
	(void)state;
	static const char *const payloads[] = {"", "abc", "abcd", "abcde", "a longer one"};
	uint8_t group[128];
	uint8_t *end = group;
	memset(group, 0xA5, sizeof(group));
	for (size_t i = 0; i < COUNT(payloads); i++) {
		const size_t bytes = strlen(payloads[i]);
		uint8_t *next = lsr_group_put(end, (lsr_record_type_t)(i + 1), bytes);
		assert_int_equal(next - end, lsr_record_bytes(bytes));
		memcpy(end + 4, payloads[i], bytes);
		end = next;
	}
	const uint8_t *at = group;
	size_t left_bytes = (size_t)(end - group);
	uint32_t header;
	const uint8_t *payload;
	for (size_t i = 0; i < COUNT(payloads); i++) {
		const uint8_t *const before = at;
		assert_true(lsr_group_next(&at, &left_bytes, &header, &payload));
		assert_int_equal(i + 1, lsr_header_type(header));
		assert_int_equal(strlen(payloads[i]), lsr_header_payload_bytes(header));
		assert_memory_equal(payloads[i], payload, strlen(payloads[i]));
		for (const uint8_t *pad = payload + strlen(payloads[i]); pad < at; pad++) {
			assert_int_equal(0, *pad);
		}
		assert_int_equal(lsr_header_bytes(header), at - before);
	}
	assert_ptr_equal(end, at);
	assert_false(lsr_group_next(&at, &left_bytes, &header, &payload));
	assert_int_equal(0, left_bytes);
}

static void
test_groups_that_are_none(void **state) {
	(void)state;
	uint8_t group[16];
	const uint8_t *payload;
	uint32_t header;
	(void)lsr_group_put(group, LSR_LOG_SUPERSCOPE_END, 8); /* 16 bytes */
	for (size_t bytes = 1; bytes < sizeof(group); bytes++) {
		const uint8_t *at = group;
		size_t left_bytes = bytes;
		assert_false(lsr_group_next(&at, &left_bytes, &header, &payload));
		assert_int_equal(bytes, left_bytes);
		assert_ptr_equal(group, at);
	}
	static const uint32_t unsound[] = {0, 1u | 7u << 21}; /* no bytes; fewer than nothing as payload */
	for (size_t i = 0; i < COUNT(unsound); i++) {
		const uint8_t *at = group;
		size_t left_bytes = sizeof(group);
		memcpy(group, &unsound[i], sizeof(unsound[i]));
		assert_false(lsr_group_next(&at, &left_bytes, &header, &payload));
		assert_int_equal(sizeof(group), left_bytes);
	}
}

/* Write one record of this kind behind what is there, as the engine does. */
static lessor_status_t
open_with_record(const char *directory, lsr_record_type_t type, const uint8_t *payload, size_t bytes,
		 lessor_engine_t **engine, lessor_report_t *report) {
	uint64_t lsn;
	lessor_options_t options;
	scratch_options_log(&options);
	assert_status(LESSOR_OK, lessor_open(directory, &options, engine, NULL));
	assert_status(LESSOR_OK, lsr_engine_log(*engine, type, payload, bytes, &lsn));
	scratch_close(*engine);
	*engine = NULL;
	return lessor_open(directory, &options, engine, report);
}

static uint8_t *
put(uint8_t *at, lsr_record_type_t type, const void *payload, size_t bytes) {
	uint8_t *end = lsr_group_put(at, type, bytes);
	memcpy(at + 4, payload, bytes);
	return end;
}

/* Two ends of leases and a scope in one: all of it happens. */
static void
test_a_group_is_one_change(void **state) {
	scratch_copy(old_store, *state);
	lessor_engine_t *engine = NULL;
	uint8_t group[64];
	uint8_t *end = group;
	const uint32_t ends[2][2] = {{IP(192, 0, 2, 9), 1000}, {IP(198, 51, 100, 5), 1000}};
	const uint32_t gone[3] = {IP(198, 51, 100, 0), 0xFFFFFF80, 2};
	for (size_t i = 0; i < COUNT(ends); i++) {
		end = put(end, LSR_LOG_LEASE_END, ends[i], sizeof(ends[i]));
	}
	end = put(end, LSR_LOG_SCOPE_END, gone, sizeof(gone));
	assert_status(LESSOR_OK, open_with_record(*state, LSR_LOG_GROUP, group, (size_t)(end - group), &engine, NULL));
	lessor_lease_t lease;
	lessor_scope_t scope;
	assert_status(LESSOR_NOT_FOUND, lessor_lease_get(engine, ends[0][0], &lease, NULL, 0));
	assert_status(LESSOR_NOT_FOUND, lessor_scope_get(engine, gone[0], &scope, NULL, 0));
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
	scratch_close(engine);
}

static void
assert_group_is_damage(const char *directory, const uint8_t *group, size_t bytes) {
	lessor_report_t report;
	lessor_engine_t *engine = NULL;
	scratch_copy(old_store, directory);
	assert_status(LESSOR_DAMAGED, open_with_record(directory, LSR_LOG_GROUP, group, bytes, &engine, &report));
	assert_non_null(strstr(report.sentence, "makes no sense"));
}

static void
test_damaged_groups(void **state) {
	uint8_t group[64] = {0};
	const uint32_t ends[2] = {IP(192, 0, 2, 9), 1000};
	const uint8_t *end = put(group, LSR_LOG_LEASE_END, ends, sizeof(ends));
	const size_t bytes = (size_t)(end - group);
	assert_group_is_damage(*state, group, bytes - 8);
	assert_group_is_damage(*state, group, bytes + 8);
	/* A group in a group, and a type that nobody knows. */
	(void)put(group, LSR_LOG_GROUP, ends, sizeof(ends));
	assert_group_is_damage(*state, group, bytes);
	(void)put(group, (lsr_record_type_t)31, ends, sizeof(ends));
	assert_group_is_damage(*state, group, bytes);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_directory, remove_directory)

int
main(int count, char **arguments) {
	const struct CMUnitTest tests[] = {
		TEST(test_version_1_is_opened),
		TEST(test_this_version_is_opened),
		TEST(test_later_versions_are_refused),
		cmocka_unit_test(test_groups_are_taken_apart),
		cmocka_unit_test(test_groups_that_are_none),
		TEST(test_a_group_is_one_change),
		TEST(test_damaged_groups),
	};
	if (count == 3 && strcmp(arguments[1], "make") == 0) {
		return make_store(arguments[2]);
	}
	(void)snprintf(old_store, sizeof(old_store), "%s/stores/v1", LESSOR_TEST_DATA_DIR);
	(void)snprintf(present_store, sizeof(present_store), "%s/stores/v2", LESSOR_TEST_DATA_DIR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
