/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store on disk: who may open it, what an open answers when it cannot be, what a damaged one still gives away.
 *
 * A damaged store may be refused, or opened with what was in it; never with anything else. The only exception is the
 * very last write: it looks like one that a crash tore, and may be missing.
 *   LESSOR_TEST_DAMAGE  tries as many times as this at each place, with other bits, and salvages after each of them
 *   LESSOR_TEST_SEED  which places are tried where not all can be
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contents.h"
#include "scratch.h"

#define SUBNET IP(10, 0, 0, 0)
#define MASK   UINT32_C(0xFFFFFF00)

static char directory[SCRATCH_PATH_BYTES];

static void
limit_files(rlim_t bytes) {
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int
make_directory(void **state) {
	(void)state;
	scratch_make(directory);
	return 0;
}

static int
remove_directory(void **state) {
	(void)state;
	limit_files(RLIM_INFINITY); /* whatever the test did, and wherever it failed */
	scratch_remove(directory);
	return 0;
}

static lessor_engine_t *const untouched = (lessor_engine_t *)&directory;

/* Open and look at what every failure has to leave alone. */
static lessor_status_t
open_with(const char *path, const lessor_options_t *options, lessor_engine_t **engine, lessor_report_t *report) {
	lessor_report_t own;
	lessor_status_t status;
	report = report != NULL ? report : &own;
	memset(report, SCRATCH_POISON, sizeof(*report));
	*engine = untouched;
	status = lessor_open(path, options, engine, report);
	assert_non_null(memchr(report->sentence, 0, sizeof(report->sentence)));
	if (status != LESSOR_OK) {
		assert_ptr_equal(*engine, untouched);
		assert_true(report->sentence[0] != '\0');
		*engine = NULL;
	}
	return status;
}

static lessor_status_t
try_open(const char *path, bool read_only, bool create, lessor_engine_t **engine, lessor_report_t *report) {
	lessor_options_t options;
	scratch_options_log(&options);
	options.read_only = read_only;
	options.create_if_missing = create;
	return open_with(path, &options, engine, report);
}

/* Open, close, tell. */
static lessor_status_t
opens(const char *path, bool read_only, bool create) {
	lessor_engine_t *engine;
	lessor_status_t status = try_open(path, read_only, create, &engine, NULL);
	if (status == LESSOR_OK) {
		scratch_close(engine);
	}
	return status;
}

static lessor_status_t
add_lease(lessor_engine_t *engine, uint32_t number, lessor_mode_t mode) {
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(SUBNET + number, number, id);
	return lessor_lease_create(engine, &lease, mode, NULL);
}

/*
 * All that a store holds, as one text; free() it.
 */

static void
put_text(FILE *out, const char *name, const char *text) {
	if (text != NULL) {
		fprintf(out, " %s=\"%s\"", name, text);
	}
}

static void
put_bytes(FILE *out, const char *name, const uint8_t *bytes, size_t count) {
	fprintf(out, " %s=", name);
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "%02X", bytes[i]);
	}
}

static void
put_scope(FILE *out, lessor_engine_t *engine, const lessor_scope_t *scope) {
	lessor_range_t exclusions[16];
	lessor_scope_stats_t stats;
	size_t count = 0;
	fprintf(out, "scope %08X mask=%08X id=%u state=%u lease_s=%u", scope->subnet, scope->mask, scope->id,
		scope->state, scope->lease_s);
	if (scope->has_range) {
		fprintf(out, " range=%08X-%08X", scope->range.first, scope->range.last);
	}
	put_text(out, "name", scope->name);
	put_text(out, "comment", scope->comment);
	assert_status(LESSOR_OK, lessor_scope_exclusions(engine, scope->subnet, exclusions, COUNT(exclusions), &count));
	for (size_t i = 0; i < count; i++) {
		fprintf(out, " exclusion=%08X-%08X", exclusions[i].first, exclusions[i].last);
	}
	assert_status(LESSOR_OK, lessor_scope_stats(engine, scope->subnet, &stats));
	fprintf(out, " in_use=%" PRIu64 " creates=%" PRIu64 " deletes=%" PRIu64 "\n", stats.in_use, stats.creates,
		stats.deletes);
}

static void
put_lease(FILE *out, const lessor_lease_t *lease) {
	fprintf(out, "lease %08X mask=%08X type=%u state=%u quarantine=%u,%d made_up=%d dns=%d,%d hardware=%u",
		lease->address, lease->subnet_mask, lease->client_type, lease->address_state, lease->quarantine_status,
		lease->quarantine_capable, lease->client_id_made_up, lease->dns_forward, lease->dns_reverse,
		lease->hardware_type);
	fprintf(out, " last=%u expires=%" PRIu64 " probation=%" PRIu64 " owner=%08X", lease->last_transaction_s,
		lease->expires_at, lease->probation_ends_at, lease->owner_address);
	put_bytes(out, "client", lease->client_id, lease->client_id_bytes);
	put_bytes(out, "link", lease->hardware, lease->hardware_bytes);
	put_text(out, "name", lease->name);
	put_text(out, "comment", lease->comment);
	put_text(out, "policy", lease->policy_name);
	put_text(out, "owner", lease->owner_name);
	put_text(out, "context", lease->user_context);
	fputc('\n', out);
}

static char *
dump(lessor_engine_t *engine) {
	static char buffer[LESSOR_LEASE_BUFFER_BYTES];
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);
	lessor_scope_t scope;
	lessor_lease_t lease;
	lessor_cursor_t cursor;
	uint32_t from = 0;
	assert_non_null(out);
	while (lessor_scope_next(engine, from, &scope, buffer, sizeof(buffer)) == LESSOR_OK) {
		put_scope(out, engine, &scope);
		from = scope.subnet + 1;
	}
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	while (lessor_lease_next(engine, &cursor, &lease, buffer, sizeof(buffer)) == LESSOR_OK) {
		put_lease(out, &lease);
	}
	contents_print(out, engine);
	assert_int_equal(fclose(out), 0);
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
	return text;
}

static char *
dump_store(const char *path) {
	lessor_engine_t *engine = NULL;
	char *text;
	assert_status(LESSOR_OK, try_open(path, true, false, &engine, NULL));
	text = dump(engine);
	scratch_close(engine);
	return text;
}

/*
 * A child process that must not come back into the tests.
 */

/* In a child: leave it with the number of the line that went wrong. */
#define CHILD_CHECK(condition)                                                                                         \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "child: line %d: %s\n", __LINE__, #condition);                                 \
			_exit(1);                                                                                      \
		}                                                                                                      \
	} while (0)

#define CHILD_SKIPPED 77

/* Its exit status; -1 if a signal ended it. */
static int
run_in_child(void (*function)(void)) {
	int status = 0;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		function();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* This program once more, as "<program> --open <directory>": its exit status is what the open answers. */
static lessor_status_t
opens_elsewhere(const char *path) {
	int status = 0;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		execl("/proc/self/exe", "store_test", "--open", path, (char *)NULL);
		_exit(255);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return (lessor_status_t)WEXITSTATUS(status);
}

static int
open_for_parent(const char *path) {
	lessor_engine_t *engine = NULL;
	lessor_options_t options;
	lessor_status_t status;
	scratch_options_log(&options);
	status = lessor_open(path, &options, &engine, NULL);
	if (status == LESSOR_OK) {
		(void)lessor_close(&engine);
	}
	return (int)status;
}

/*
 * Opening.
 */

static void
test_options_init(void **state) {
	lessor_options_t options;
	(void)state;
	memset(&options, SCRATCH_POISON, sizeof(options));
	lessor_options_init(&options);
	assert_int_equal(options.size_bytes, sizeof(options));
	assert_true(options.create_if_missing);
	assert_false(options.read_only);
	assert_true(options.log);
	assert_false(options.strict_address_state);
	lessor_options_init(NULL);
}

static void
test_a_missing_store_is_made(void **state) {
	char path[SCRATCH_FILE_BYTES];
	lessor_engine_t *engine;
	lessor_report_t report;
	(void)state;
	scratch_join(path, directory, "new");
	assert_status(LESSOR_OK, try_open(path, false, true, &engine, &report));
	assert_int_equal(report.leases, 0);
	assert_int_equal(report.scopes, 0);
	assert_int_equal(report.log_records, 0);
	assert_int_equal(report.snapshot_leases, 0);
	assert_int_equal(report.cut_bytes, 0);
	assert_true(report.seconds >= 0 && report.seconds < 600);
	scratch_close(engine);
	assert_status(LESSOR_OK, opens(path, false, false));
	assert_status(LESSOR_OK, opens(path, true, false));
}

static void
test_a_missing_store_is_not_made(void **state) {
	char path[SCRATCH_FILE_BYTES];
	lessor_report_t report;
	(void)state;
	scratch_join(path, directory, "new");
	assert_status(LESSOR_NO_STORE, opens(path, false, false));
	assert_int_equal(access(path, F_OK), -1);
	assert_status(LESSOR_NO_STORE, opens(path, true, false));
	assert_status(LESSOR_NO_STORE, opens(path, true, true));
	assert_status(LESSOR_NO_STORE, lessor_verify(path, &report));
	assert_true(report.sentence[0] != '\0');
	assert_int_equal(access(path, F_OK), -1);
	/* Nor in a directory that is there, but empty. */
	assert_int_equal(mkdir(path, 0700), 0);
	assert_status(LESSOR_NO_STORE, opens(path, false, false));
	assert_status(LESSOR_NO_STORE, opens(path, true, false));
	assert_status(LESSOR_NO_STORE, lessor_verify(path, NULL));
	assert_int_equal(rmdir(path), 0);
}

static void
test_places_where_no_store_can_be(void **state) {
	char path[SCRATCH_FILE_BYTES];
	lessor_status_t status;
	(void)state;
	scratch_join(path, directory, "file");
	scratch_write(path, (const uint8_t *)"not a store", 11);
	for (int read_only = 0; read_only < 2; read_only++) {
		status = opens(path, read_only, true);
		assert_true(status == LESSOR_IO || status == LESSOR_NO_STORE);
		status = opens("", read_only, true);
		assert_true(status == LESSOR_IO || status == LESSOR_NO_STORE || status == LESSOR_INVALID);
	}
	status = lessor_verify(path, NULL);
	assert_true(status == LESSOR_IO || status == LESSOR_NO_STORE);
	scratch_join(path, directory, "file/store");
	assert_status(LESSOR_IO, opens(path, false, true));
	scratch_join(path, directory, "no/such/parent");
	assert_status(LESSOR_IO, opens(path, false, true));
	scratch_join(path, directory, "no");
	assert_int_equal(access(path, F_OK), -1);
}

static void
test_arguments(void **state) {
	lessor_engine_t *engine = untouched;
	lessor_options_t options;
	(void)state;
	scratch_options_log(&options);
	assert_status(LESSOR_INVALID, lessor_open(directory, &options, NULL, NULL));
	assert_status(LESSOR_INVALID, lessor_open(NULL, &options, &engine, NULL));
	assert_status(LESSOR_INVALID, lessor_open(NULL, NULL, &engine, NULL));
	assert_status(LESSOR_INVALID, lessor_verify(NULL, NULL));
	assert_status(LESSOR_INVALID, lessor_close(NULL));
	assert_ptr_equal(engine, untouched);
	engine = NULL;
	assert_status(LESSOR_INVALID, lessor_close(&engine));
	assert_status(LESSOR_INVALID, lessor_snapshot(NULL, NULL));
	assert_status(LESSOR_OK, lessor_open(directory, NULL, &engine, NULL));
	scratch_close(engine);
}

typedef struct option_case {
	size_t offset;
	size_t bytes;
	uint64_t value;
	lessor_status_t expected;
} option_case_t;

#define OPTION(member, value, expected)                                                                                \
	{ offsetof(lessor_options_t, member), sizeof(((lessor_options_t *)NULL)->member), (value), (expected) }

static void
test_option_values(void **state) {
	static const option_case_t cases[] = {
		OPTION(segment_size_bytes, 0, LESSOR_OK),
		OPTION(segment_size_bytes, 1u << 20, LESSOR_OK),
		OPTION(segment_size_bytes, 3u << 20, LESSOR_OK),
		OPTION(segment_size_bytes, 1, LESSOR_INVALID),
		OPTION(segment_size_bytes, (1u << 20) - 1, LESSOR_INVALID),
		OPTION(segment_size_bytes, (1u << 20) + 4096, LESSOR_INVALID),
		OPTION(ring_size_bytes, 0, LESSOR_OK),
		OPTION(ring_size_bytes, 1u << 20, LESSOR_OK),
		OPTION(ring_size_bytes, 1u << 21, LESSOR_OK),
		OPTION(ring_size_bytes, 1u << 19, LESSOR_INVALID),
		OPTION(ring_size_bytes, 1, LESSOR_INVALID),
		OPTION(ring_size_bytes, 3u << 20, LESSOR_INVALID),
		OPTION(ring_size_bytes, (1u << 20) + 1, LESSOR_INVALID),
		OPTION(flush_gather_us, 0, LESSOR_OK),
		OPTION(flush_gather_us, 1, LESSOR_OK),
		OPTION(flush_gather_us, 1000000, LESSOR_OK),
		OPTION(flush_gather_us, 1000001, LESSOR_INVALID),
		OPTION(flush_gather_us, UINT32_MAX, LESSOR_INVALID),
		OPTION(snapshot_after_bytes, 0, LESSOR_OK),
		OPTION(snapshot_after_bytes, 1, LESSOR_OK),
		OPTION(snapshot_after_bytes, UINT64_MAX, LESSOR_OK),
		OPTION(max_leases, 0, LESSOR_OK),
		OPTION(max_leases, 1, LESSOR_OK),
		OPTION(size_bytes, 0, LESSOR_INVALID),
		OPTION(size_bytes, 3, LESSOR_INVALID),
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		lessor_engine_t *engine;
		lessor_options_t options;
		lessor_status_t status;
		uint32_t narrow = (uint32_t)cases[i].value;
		scratch_options_log(&options);
		memcpy((char *)&options + cases[i].offset,
		       cases[i].bytes == sizeof(narrow) ? (const void *)&narrow : (const void *)&cases[i].value,
		       cases[i].bytes);
		status = open_with(directory, &options, &engine, NULL);
		if (status != cases[i].expected) {
			print_error("case %zu\n", i);
		}
		assert_status(cases[i].expected, status);
		if (status == LESSOR_OK) {
			scratch_close(engine);
		}
	}
}

/* A program that was compiled when the options had fewer members. */
static void
test_shorter_options(void **state) {
	lessor_engine_t *engine;
	lessor_options_t options;
	char name[256];
	uint32_t address = 9;
	(void)state;
	scratch_options_log(&options);
	options.size_bytes = offsetof(lessor_options_t, server_name);
	memset((char *)&options + options.size_bytes, SCRATCH_POISON, sizeof(options) - options.size_bytes);
	assert_status(LESSOR_OK, open_with(directory, &options, &engine, NULL));
	assert_status(LESSOR_OK, lessor_engine_server(engine, name, sizeof(name), &address));
	assert_int_equal(address, 0);
	scratch_close(engine);
}

static void
test_server_names(void **state) {
	char longest[257];
	char name[257];
	uint32_t address = 9;
	lessor_engine_t *engine;
	lessor_options_t options;
	(void)state;
	memset(longest, 's', sizeof(longest));
	longest[255] = '\0';
	scratch_options_memory(&options);
	options.server_name = longest;
	options.server_address = IP(192, 0, 2, 1);
	assert_status(LESSOR_OK, open_with(NULL, &options, &engine, NULL));
	memset(name, SCRATCH_POISON, sizeof(name));
	assert_status(LESSOR_BUFFER_TOO_SMALL, lessor_engine_server(engine, name, 255, &address));
	assert_int_equal(address, 9);
	assert_int_equal((uint8_t)name[0], SCRATCH_POISON);
	assert_status(LESSOR_OK, lessor_engine_server(engine, name, 256, &address));
	assert_string_equal(name, longest);
	assert_int_equal(address, IP(192, 0, 2, 1));
	assert_int_equal((uint8_t)name[256], SCRATCH_POISON);
	assert_status(LESSOR_INVALID, lessor_engine_server(NULL, name, 256, &address));
	assert_status(LESSOR_INVALID, lessor_engine_server(engine, NULL, 256, &address));
	scratch_close(engine);
	longest[255] = 's';
	longest[256] = '\0';
	assert_status(LESSOR_INVALID, open_with(NULL, &options, &engine, NULL));
	options.server_name = "\xC3";
	assert_status(LESSOR_INVALID, open_with(NULL, &options, &engine, NULL));
	options.server_name = NULL;
	assert_status(LESSOR_OK, open_with(NULL, &options, &engine, NULL));
	assert_status(LESSOR_OK, lessor_engine_server(engine, name, sizeof(name), &address));
	assert_true(name[0] != '\0');
	scratch_close(engine);
}

static void
test_memory_only_needs_no_directory(void **state) {
	char path[SCRATCH_FILE_BYTES];
	lessor_engine_t *engine;
	lessor_options_t options;
	lessor_report_t report;
	(void)state;
	scratch_join(path, directory, "ignored");
	scratch_options_memory(&options);
	assert_status(LESSOR_OK, open_with(path, &options, &engine, NULL));
	scratch_scope_add(engine, SUBNET, MASK, true);
	assert_status(LESSOR_OK, add_lease(engine, 1, LESSOR_SYNC));
	assert_status(LESSOR_READ_ONLY, lessor_snapshot(engine, &report));
	scratch_close(engine);
	assert_int_equal(access(path, F_OK), -1);
}

static void
test_foreign_files_are_left_alone(void **state) {
	char path[SCRATCH_FILE_BYTES];
	lessor_engine_t *engine;
	uint8_t *content;
	size_t bytes;
	(void)state;
	scratch_join(path, directory, "notes.txt");
	scratch_write(path, (const uint8_t *)"keep me", 7);
	engine = scratch_open_log(directory);
	scratch_scope_add(engine, SUBNET, MASK, true);
	assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	scratch_close(engine);
	engine = scratch_open_log(directory);
	scratch_close(engine);
	content = scratch_read(path, &bytes);
	assert_int_equal(bytes, 7);
	assert_memory_equal(content, "keep me", 7);
	free(content);
}

/*
 * One at a time.
 */

static void
test_a_second_open_is_refused(void **state) {
	lessor_engine_t *engine = scratch_open_log(directory);
	(void)state;
	assert_status(LESSOR_LOCKED, opens(directory, false, true));
	assert_status(LESSOR_LOCKED, opens(directory, false, false));
	assert_status(LESSOR_LOCKED, opens(directory, true, false));
	assert_status(LESSOR_LOCKED, lessor_verify(directory, NULL));
	assert_status(LESSOR_LOCKED, opens_elsewhere(directory));
	/* The refused ones did not take the lock away. */
	assert_status(LESSOR_LOCKED, opens(directory, false, true));
	assert_status(LESSOR_LOCKED, opens_elsewhere(directory));
	scratch_scope_add(engine, SUBNET, MASK, true);
	assert_status(LESSOR_OK, add_lease(engine, 1, LESSOR_SYNC));
	scratch_close(engine);
	assert_status(LESSOR_OK, opens_elsewhere(directory));
	assert_status(LESSOR_OK, opens(directory, false, false));
}

static void
test_the_path_does_not_matter(void **state) {
	lessor_engine_t *engine = scratch_open_log(directory);
	char path[SCRATCH_FILE_BYTES];
	(void)state;
	scratch_join(path, directory, ".");
	assert_status(LESSOR_LOCKED, opens(path, false, true));
	scratch_join(path, directory, "/");
	assert_status(LESSOR_LOCKED, opens(path, false, true));
	scratch_close(engine);
	assert_status(LESSOR_OK, opens(path, false, false));
}

static void
test_a_reader_keeps_writers_out(void **state) {
	lessor_engine_t *reader;
	(void)state;
	assert_status(LESSOR_OK, opens(directory, false, true));
	assert_status(LESSOR_OK, try_open(directory, true, false, &reader, NULL));
	assert_status(LESSOR_LOCKED, opens(directory, false, false));
	assert_status(LESSOR_LOCKED, opens_elsewhere(directory));
	scratch_close(reader);
	assert_status(LESSOR_OK, opens(directory, false, false));
}

/* Opens, makes leases that are acknowledged, and is killed in the middle of the rest. */
static void
die_while_creating(void) {
	lessor_engine_t *engine = NULL;
	lessor_options_t options;
	lessor_scope_t scope = scratch_scope(SUBNET, MASK);
	scratch_options_log(&options);
	CHILD_CHECK(lessor_open(directory, &options, &engine, NULL) == LESSOR_OK);
	CHILD_CHECK(lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL) == LESSOR_OK);
	for (uint32_t i = 1; i <= 20; i++) {
		CHILD_CHECK(add_lease(engine, i, LESSOR_SYNC) == LESSOR_OK);
	}
	for (uint32_t i = 21; i <= 200; i++) {
		CHILD_CHECK(add_lease(engine, i, LESSOR_ASYNC) == LESSOR_OK);
	}
	raise(SIGKILL);
}

static void
test_a_killed_process_leaves_what_it_acknowledged(void **state) {
	lessor_engine_t *engine;
	lessor_report_t report;
	char buffer[256];
	uint32_t found = 0;
	(void)state;
	for (uint32_t i = 0; i < 10; i++) {
		assert_int_equal(run_in_child(die_while_creating), -1);
		assert_status(LESSOR_OK, try_open(directory, false, false, &engine, &report));
		assert_true(report.leases >= 20 && report.leases <= 200);
		/* A prefix of what was done: without a gap. */
		for (found = 0; found < 200; found++) {
			lessor_lease_t lease;
			if (lessor_lease_get(engine, SUBNET + found + 1, &lease, buffer, sizeof(buffer)) != LESSOR_OK) {
				break;
			}
		}
		assert_int_equal(found, report.leases);
		assert_status(LESSOR_OK, lessor_check(engine, NULL));
		assert_status(LESSOR_OK, lessor_scope_delete(engine, SUBNET, true, LESSOR_SYNC, NULL));
		scratch_close(engine);
	}
}

/*
 * Reports.
 */

static void
test_reports_count(void **state) {
	lessor_engine_t *engine = scratch_open_log(directory);
	lessor_ticket_t last;
	lessor_report_t report;
	(void)state;
	scratch_scope_add(engine, SUBNET, MASK, true);
	for (uint32_t i = 1; i <= 10; i++) {
		assert_status(LESSOR_OK, add_lease(engine, i, LESSOR_SYNC));
	}
	last = lessor_last_ticket(engine);
	scratch_close(engine);
	assert_status(LESSOR_OK, try_open(directory, false, false, &engine, &report));
	assert_int_equal(report.snapshot_leases, 0);
	assert_int_equal(report.log_records, 11);
	assert_int_equal(report.leases, 10);
	assert_int_equal(report.scopes, 1);
	assert_int_equal(report.cut_bytes, 0);
	assert_true(report.last_ticket >= last);
	memset(&report, SCRATCH_POISON, sizeof(report));
	assert_status(LESSOR_OK, lessor_snapshot(engine, &report));
	assert_int_equal(report.leases, 10);
	assert_int_equal(report.scopes, 1);
	assert_int_equal(report.snapshot_leases, 10);
	assert_true(report.snapshot_bytes > 0);
	memset(&report, SCRATCH_POISON, sizeof(report));
	assert_status(LESSOR_OK, lessor_check(engine, &report));
	assert_int_equal(report.leases, 10);
	assert_int_equal(report.scopes, 1);
	assert_status(LESSOR_OK, add_lease(engine, 11, LESSOR_SYNC));
	scratch_close(engine);
	for (int verify = 0; verify < 2; verify++) {
		if (verify) {
			memset(&report, SCRATCH_POISON, sizeof(report));
			assert_status(LESSOR_OK, lessor_verify(directory, &report));
		} else {
			assert_status(LESSOR_OK, try_open(directory, true, false, &engine, &report));
			scratch_close(engine);
		}
		assert_int_equal(report.snapshot_leases, 10);
		assert_true(report.snapshot_bytes > 0);
		assert_true(report.log_records >= 1);
		assert_int_equal(report.leases, 11);
		assert_int_equal(report.scopes, 1);
		assert_int_equal(report.cut_bytes, 0);
		assert_true(report.last_ticket > last);
	}
}

/* Small scopes side by side, most of them empty: what is rebuilt at an open misses no lease in between. */
static void
test_clients_are_found_after_a_restart(void **state) {
	char buffer[256];
	lessor_lease_t lease;
	uint8_t id[6];
	(void)state;
	for (int snapshot = 0; snapshot < 2; snapshot++) {
		lessor_engine_t *engine = scratch_open_log(directory);
		for (uint32_t i = 0; i < 64 && snapshot == 0; i++) {
			scratch_scope_add(engine, SUBNET + i * 4, UINT32_C(0xFFFFFFFC), true);
			if (i % 5 == 3) {
				assert_status(LESSOR_OK, add_lease(engine, i * 4 + i % 4, LESSOR_ASYNC));
			}
		}
		if (snapshot) {
			assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
		}
		scratch_close(engine);
		engine = scratch_open_log(directory);
		for (uint32_t i = 3; i < 64; i += 5) {
			uint32_t number = i * 4 + i % 4;
			/* One further in the same scope: it is the client that is in the way. */
			lease = scratch_lease_numbered(SUBNET + i * 4 + (i + 1) % 4, number, id);
			assert_status(LESSOR_CLIENT_TAKEN, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
			assert_status(LESSOR_OK, lessor_lease_get_client(engine, SUBNET + i * 4, id, 6, &lease, buffer,
									 sizeof(buffer)));
			assert_int_equal(lease.address, SUBNET + number);
		}
		assert_status(LESSOR_OK, lessor_check(engine, NULL));
		scratch_close(engine);
	}
}

/*
 * Read-only.
 */

static void
assert_changes_refused(lessor_engine_t *engine) {
	const lessor_ticket_t before = 99;
	lessor_scope_t scope = scratch_scope(IP(11, 0, 0, 0), MASK);
	lessor_range_t range = {SUBNET, SUBNET};
	lessor_ticket_t ticket = before;
	lessor_status_t statuses[1] = {LESSOR_TIMEOUT};
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(SUBNET + 77, 77, id);
	assert_status(LESSOR_READ_ONLY, lessor_lease_create(engine, &lease, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_READ_ONLY, lessor_lease_create(engine, &lease, LESSOR_SYNC, &ticket));
	assert_status(LESSOR_READ_ONLY, lessor_lease_create_batch(engine, &lease, 1, statuses, LESSOR_ASYNC, &ticket));
	assert_int_equal(statuses[0], LESSOR_TIMEOUT);
	lease = scratch_lease_numbered(SUBNET + 1, 1, id);
	assert_status(LESSOR_READ_ONLY,
		      lessor_lease_update(engine, &lease, LESSOR_FIELD_EXPIRES, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_READ_ONLY, lessor_lease_delete(engine, SUBNET + 1, NULL, 0, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_READ_ONLY, lessor_scope_create(engine, &scope, LESSOR_ASYNC, &ticket));
	scope.subnet = SUBNET;
	assert_status(LESSOR_READ_ONLY,
		      lessor_scope_update(engine, &scope, LESSOR_SCOPE_FIELD_NAME, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_READ_ONLY, lessor_scope_exclude(engine, SUBNET, range, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_READ_ONLY, lessor_scope_include(engine, SUBNET, range, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_READ_ONLY, lessor_scope_delete(engine, SUBNET, true, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_READ_ONLY, lessor_snapshot(engine, NULL));
	assert_int_equal(ticket, before);
}

/* The scopes, leases and changes that the tests of damage use, too: everything that a store can hold. */
#define FIRST_HALF 3

static void
make_first(lessor_engine_t *engine, int number) {
	lessor_scope_t scope = scratch_scope(SUBNET, MASK);
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(SUBNET + 2, 2, id);
	switch (number) {
	case 0:
		scope.has_range = true;
		scope.range = (lessor_range_t){SUBNET + 1, SUBNET + 99};
		scope.name = "first";
		assert_status(LESSOR_OK, lessor_scope_create(engine, &scope, LESSOR_SYNC, NULL));
		break;
	case 1:
		assert_status(LESSOR_OK, add_lease(engine, 1, LESSOR_SYNC));
		break;
	default:
		lease.name = "a name that is longer than what a record holds by itself";
		lease.hardware = id;
		lease.hardware_bytes = 6;
		lease.hardware_type = 1;
		assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_SYNC, NULL));
	}
}

static void
make_first_half(lessor_engine_t *engine) {
	for (int i = 0; i < FIRST_HALF; i++) {
		make_first(engine, i);
	}
}

#define SECOND_HALF 6

/* One durable change after the other; each alone in its write. */
static void
make_change(lessor_engine_t *engine, int number) {
	lessor_scope_t scope = scratch_scope(IP(10, 0, 1, 0), MASK);
	lessor_range_t range = {SUBNET + 50, SUBNET + 59};
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(SUBNET + 3, 3, id);
	switch (number) {
	case 0:
		assert_status(LESSOR_OK, lessor_scope_create(engine, &scope, LESSOR_SYNC, NULL));
		break;
	case 1:
		lease.name = "M\xC3\xBCller";
		assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_SYNC, NULL));
		break;
	case 2:
		assert_status(LESSOR_OK, lessor_scope_exclude(engine, SUBNET, range, LESSOR_SYNC, NULL));
		break;
	case 3:
		lease.address = SUBNET + 1;
		lease.comment = "changed";
		lease.address_state = LESSOR_STATE_DECLINED;
		assert_status(LESSOR_OK,
			      lessor_lease_update(engine, &lease, LESSOR_FIELD_COMMENT | LESSOR_FIELD_ADDRESS_STATE,
						  LESSOR_SYNC, NULL));
		break;
	case 4:
		assert_status(LESSOR_OK, lessor_lease_delete(engine, SUBNET + 2, NULL, 0, LESSOR_SYNC, NULL));
		break;
	default:
		lease.address = IP(10, 0, 1, 9);
		assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_SYNC, NULL));
	}
}

static void
test_read_only(void **state) {
	lessor_engine_t *engine = scratch_open_log(directory);
	lessor_engine_stats_t stats;
	uint64_t digest;
	char *before;
	char *after;
	(void)state;
	make_first_half(engine);
	assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	for (int i = 0; i < SECOND_HALF; i++) {
		make_change(engine, i);
	}
	before = dump(engine);
	scratch_close(engine);
	digest = scratch_digest(directory);
	assert_status(LESSOR_OK, try_open(directory, true, false, &engine, NULL));
	assert_changes_refused(engine);
	after = dump(engine);
	assert_string_equal(before, after);
	assert_status(LESSOR_OK, lessor_engine_stats(engine, &stats));
	assert_int_equal(stats.scopes, 2);
	assert_status(LESSOR_OK, lessor_ticket_wait(engine, lessor_last_ticket(engine), -1));
	scratch_close(engine);
	assert_status(LESSOR_OK, lessor_verify(directory, NULL));
	assert_true(digest == scratch_digest(directory));
	free(before);
	free(after);
}

/* In a mount namespace of its own: the store's file system cannot be written. */
static void
open_on_a_read_only_file_system(void) {
	lessor_engine_t *engine = NULL;
	lessor_options_t options;
	lessor_report_t report;
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount(directory, directory, NULL, MS_BIND, NULL) != 0 ||
	    mount(NULL, directory, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) != 0) {
		_exit(CHILD_SKIPPED);
	}
	scratch_options_log(&options);
	CHILD_CHECK(lessor_open(directory, &options, &engine, &report) == LESSOR_IO);
	CHILD_CHECK(engine == NULL && report.sentence[0] != '\0');
	options.read_only = true;
	CHILD_CHECK(lessor_open(directory, &options, &engine, &report) == LESSOR_OK);
	CHILD_CHECK(report.leases == 1);
	CHILD_CHECK(lessor_close(&engine) == LESSOR_OK);
	CHILD_CHECK(lessor_verify(directory, &report) == LESSOR_OK);
}

static void
test_a_read_only_file_system(void **state) {
	lessor_engine_t *engine = scratch_open_log(directory);
	int result;
	(void)state;
	scratch_scope_add(engine, SUBNET, MASK, true);
	assert_status(LESSOR_OK, add_lease(engine, 1, LESSOR_SYNC));
	scratch_close(engine);
	result = run_in_child(open_on_a_read_only_file_system);
	if (result == CHILD_SKIPPED) {
		print_message("cannot mount here\n");
		skip();
	}
	assert_int_equal(result, 0);
}

/*
 * After fork().
 */

static lessor_engine_t *parents;

static void
ask_the_parents_engine(void) {
	static char buffer[LESSOR_LEASE_BUFFER_BYTES];
	lessor_engine_t *engine = parents;
	lessor_scope_t scope = scratch_scope(IP(11, 0, 0, 0), MASK);
	lessor_range_t range = {SUBNET, SUBNET};
	lessor_scope_stats_t stats;
	lessor_engine_stats_t all;
	lessor_status_t statuses[1] = {LESSOR_TIMEOUT};
	lessor_ticket_t ticket = 99;
	lessor_cursor_t cursor;
	lessor_report_t report;
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(SUBNET + 2, 2, id);
	uint32_t address = 0;
	size_t count = 0;
	int fd = -1;
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	CHILD_CHECK(lessor_lease_create(engine, &lease, LESSOR_SYNC, &ticket) == LESSOR_FORKED);
	CHILD_CHECK(lessor_lease_create_batch(engine, &lease, 1, statuses, LESSOR_ASYNC, &ticket) == LESSOR_FORKED);
	CHILD_CHECK(lessor_lease_update(engine, &lease, LESSOR_FIELD_ALL, LESSOR_ASYNC, &ticket) == LESSOR_FORKED);
	CHILD_CHECK(lessor_lease_delete(engine, SUBNET + 1, NULL, 0, LESSOR_ASYNC, &ticket) == LESSOR_FORKED);
	CHILD_CHECK(lessor_lease_get(engine, SUBNET + 1, &lease, buffer, sizeof(buffer)) == LESSOR_FORKED);
	CHILD_CHECK(lessor_lease_get_client(engine, SUBNET, id, 6, &lease, buffer, sizeof(buffer)) == LESSOR_FORKED);
	CHILD_CHECK(lessor_lease_next(engine, &cursor, &lease, buffer, sizeof(buffer)) == LESSOR_FORKED);
	CHILD_CHECK(lessor_scope_create(engine, &scope, LESSOR_ASYNC, &ticket) == LESSOR_FORKED);
	CHILD_CHECK(lessor_scope_update(engine, &scope, LESSOR_SCOPE_FIELD_ID, LESSOR_ASYNC, &ticket) == LESSOR_FORKED);
	CHILD_CHECK(lessor_scope_delete(engine, SUBNET, true, LESSOR_ASYNC, &ticket) == LESSOR_FORKED);
	CHILD_CHECK(lessor_scope_exclude(engine, SUBNET, range, LESSOR_ASYNC, &ticket) == LESSOR_FORKED);
	CHILD_CHECK(lessor_scope_include(engine, SUBNET, range, LESSOR_ASYNC, &ticket) == LESSOR_FORKED);
	CHILD_CHECK(lessor_scope_exclusions(engine, SUBNET, &range, 1, &count) == LESSOR_FORKED);
	CHILD_CHECK(lessor_scope_get(engine, SUBNET, &scope, NULL, 0) == LESSOR_FORKED);
	CHILD_CHECK(lessor_scope_find(engine, SUBNET, &scope, NULL, 0) == LESSOR_FORKED);
	CHILD_CHECK(lessor_scope_next(engine, SUBNET, &scope, NULL, 0) == LESSOR_FORKED);
	CHILD_CHECK(lessor_scope_stats(engine, SUBNET, &stats) == LESSOR_FORKED);
	CHILD_CHECK(lessor_scope_recount(engine, SUBNET, &stats) == LESSOR_FORKED);
	CHILD_CHECK(lessor_engine_stats(engine, &all) == LESSOR_FORKED);
	CHILD_CHECK(lessor_engine_server(engine, buffer, sizeof(buffer), &address) == LESSOR_FORKED);
	CHILD_CHECK(lessor_ticket_wait(engine, 0, -1) == LESSOR_FORKED);
	CHILD_CHECK(lessor_ticket_poll(engine, 0) == LESSOR_FORKED);
	CHILD_CHECK(lessor_notifier_open(engine, &fd) == LESSOR_FORKED);
	CHILD_CHECK(lessor_notifier_close(engine, 0) == LESSOR_FORKED);
	CHILD_CHECK(lessor_snapshot(engine, &report) == LESSOR_FORKED);
	CHILD_CHECK(lessor_check(engine, &report) == LESSOR_FORKED);
	(void)lessor_durable_ticket(engine);
	(void)lessor_last_ticket(engine);
	CHILD_CHECK(lessor_close(&engine) == LESSOR_FORKED);
	CHILD_CHECK(engine == parents && ticket == 99 && statuses[0] == LESSOR_TIMEOUT && fd == -1);
}

static void
open_a_store_of_its_own(void) {
	char path[SCRATCH_FILE_BYTES];
	lessor_engine_t *engine = NULL;
	lessor_options_t options;
	lessor_scope_t scope = scratch_scope(SUBNET, MASK);
	scratch_options_log(&options);
	CHILD_CHECK(lessor_open(directory, &options, &engine, NULL) == LESSOR_LOCKED);
	CHILD_CHECK(snprintf(path, sizeof(path), "%s/child", directory) > 0);
	CHILD_CHECK(lessor_open(path, &options, &engine, NULL) == LESSOR_OK);
	CHILD_CHECK(lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL) == LESSOR_OK);
	CHILD_CHECK(add_lease(engine, 1, LESSOR_SYNC) == LESSOR_OK);
	CHILD_CHECK(lessor_scope_delete(engine, SUBNET, true, LESSOR_SYNC, NULL) == LESSOR_OK);
	CHILD_CHECK(lessor_close(&engine) == LESSOR_OK);
}

static void
test_a_forked_child_is_refused(void **state) {
	(void)state;
	for (int log = 0; log < 2; log++) {
		parents = log ? scratch_open_log(directory) : scratch_open_memory();
		scratch_scope_add(parents, SUBNET, MASK, true);
		assert_status(LESSOR_OK, add_lease(parents, 1, LESSOR_ASYNC));
		assert_int_equal(run_in_child(ask_the_parents_engine), 0);
		assert_status(LESSOR_OK, add_lease(parents, 2, LESSOR_SYNC));
		if (log) {
			assert_status(LESSOR_LOCKED, opens_elsewhere(directory));
			assert_int_equal(run_in_child(open_a_store_of_its_own), 0);
			assert_status(LESSOR_OK, add_lease(parents, 3, LESSOR_SYNC));
		}
		assert_status(LESSOR_OK, lessor_check(parents, NULL));
		scratch_close(parents);
	}
}

/*
 * A disk that fails, and memory that is not there.
 */

/* A write that is refused ends all changes, but not the reads; what was acknowledged before is there afterwards. */
static void
test_a_failed_write_is_final(void **state) {
	lessor_engine_t *engine = scratch_open_log(directory);
	lessor_status_t status;
	lessor_ticket_t ticket = 0;
	lessor_lease_t lease;
	uint8_t id[6];
	char buffer[256];
	int fd = -1;
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	scratch_scope_add(engine, SUBNET, MASK, true);
	assert_status(LESSOR_OK, add_lease(engine, 1, LESSOR_SYNC));
	assert_status(LESSOR_OK, lessor_notifier_open(engine, &fd));
	limit_files(512);
	status = add_lease(engine, 2, LESSOR_SYNC);
	assert_status(LESSOR_LOG_FAILED, status);
	lease = scratch_lease_numbered(SUBNET + 3, 3, id);
	assert_status(LESSOR_LOG_FAILED, lessor_lease_create(engine, &lease, LESSOR_ASYNC, &ticket));
	lease.address = SUBNET + 1;
	assert_status(LESSOR_LOG_FAILED, lessor_lease_update(engine, &lease, LESSOR_FIELD_NAME, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_LOG_FAILED, lessor_lease_delete(engine, SUBNET + 1, NULL, 0, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_LOG_FAILED, lessor_scope_delete(engine, SUBNET, true, LESSOR_ASYNC, &ticket));
	status = lessor_snapshot(engine, NULL);
	assert_true(status == LESSOR_LOG_FAILED || status == LESSOR_IO);
	assert_int_equal(ticket, 0);
	assert_status(LESSOR_OK, lessor_lease_get(engine, SUBNET + 1, &lease, buffer, sizeof(buffer)));
	assert_status(LESSOR_OK, lessor_ticket_poll(engine, lease.ticket));
	assert_status(LESSOR_NOT_FOUND, lessor_lease_get(engine, SUBNET + 3, &lease, buffer, sizeof(buffer)));
	assert_status(LESSOR_LOG_FAILED, lessor_ticket_wait(engine, lessor_last_ticket(engine), -1));
	assert_status(LESSOR_LOG_FAILED, lessor_ticket_poll(engine, lessor_last_ticket(engine)));
	limit_files(RLIM_INFINITY);
	assert_status(LESSOR_LOG_FAILED, lessor_lease_create(engine, &lease, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_LOG_FAILED, lessor_close(&engine));
	assert_null(engine);
	engine = scratch_open_log(directory);
	assert_status(LESSOR_OK, lessor_lease_get(engine, SUBNET + 1, &lease, buffer, sizeof(buffer)));
	assert_status(LESSOR_NOT_FOUND, lessor_lease_get(engine, SUBNET + 3, &lease, buffer, sizeof(buffer)));
	assert_status(LESSOR_OK, add_lease(engine, 3, LESSOR_SYNC));
	scratch_close(engine);
}

/* However small the limit: opened or refused, and after it is lifted as good as new. */
static void
test_no_room_for_the_first_segment(void **state) {
	char path[SCRATCH_FILE_BYTES];
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	scratch_join(path, directory, "new");
	for (rlim_t bytes = 0; bytes < (1u << 20); bytes = bytes * 4 + 16) {
		lessor_engine_t *engine;
		lessor_status_t status;
		limit_files(bytes);
		status = try_open(path, false, true, &engine, NULL);
		if (status == LESSOR_OK) {
			status = lessor_close(&engine);
			assert_true(bytes >= 4096);
			assert_true(status == LESSOR_OK || status == LESSOR_LOG_FAILED);
		} else {
			/* The log's memory may count as a file. */
			assert_true(status == LESSOR_DISK_FULL || status == LESSOR_IO || status == LESSOR_NO_MEMORY);
		}
		limit_files(RLIM_INFINITY);
	}
	assert_status(LESSOR_OK, opens(path, false, true));
}

/* In a mount namespace of its own, with a small disk. */
static void
fill_a_disk(void) {
	lessor_engine_t *engine = NULL;
	lessor_options_t options;
	lessor_scope_t scope = scratch_scope(SUBNET, UINT32_C(0xFF000000));
	static char context[16000];
	char buffer[256];
	uint32_t made = 0;
	lessor_status_t status;
	uint8_t id[6];
	lessor_lease_t lease;
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", directory, "tmpfs", 0, "size=6m") != 0) {
		_exit(CHILD_SKIPPED);
	}
	memset(context, ' ', sizeof(context) - 1);
	scratch_options_log(&options);
	status = lessor_open(directory, &options, &engine, NULL);
	if (status == LESSOR_IO) {
		_exit(CHILD_SKIPPED); /* a file system in memory may not take direct writes */
	}
	CHILD_CHECK(status == LESSOR_OK);
	CHILD_CHECK(lessor_scope_create(engine, &scope, LESSOR_SYNC, NULL) == LESSOR_OK);
	do {
		lease = scratch_lease_numbered(SUBNET + 1 + made, made, id);
		lease.user_context = context;
		status = lessor_lease_create(engine, &lease, LESSOR_SYNC, NULL);
		made += status == LESSOR_OK;
	} while (status == LESSOR_OK && made < 10000);
	CHILD_CHECK(status == LESSOR_DISK_FULL);
	CHILD_CHECK(lessor_lease_get(engine, SUBNET + 1 + made, &lease, buffer, sizeof(buffer)) == LESSOR_NOT_FOUND);
	CHILD_CHECK(lessor_lease_get_client(engine, SUBNET, id, 6, &lease, buffer, sizeof(buffer)) == LESSOR_NOT_FOUND);
	CHILD_CHECK(lessor_check(engine, NULL) == LESSOR_OK);
	CHILD_CHECK(lessor_close(&engine) == LESSOR_OK);
	options.read_only = true;
	CHILD_CHECK(lessor_open(directory, &options, &engine, NULL) == LESSOR_OK);
	for (uint32_t i = 0; i < made; i++) {
		static char large[LESSOR_LEASE_BUFFER_BYTES];
		CHILD_CHECK(lessor_lease_get(engine, SUBNET + 1 + i, &lease, large, sizeof(large)) == LESSOR_OK);
	}
	CHILD_CHECK(lessor_close(&engine) == LESSOR_OK);
}

static void
test_a_full_disk_refuses(void **state) {
	int result;
	(void)state;
	result = run_in_child(fill_a_disk);
	if (result == CHILD_SKIPPED) {
		print_message("cannot mount a small file system here\n");
		skip();
	}
	assert_int_equal(result, 0);
}

static rlim_t memory_allowed;

static void
open_with_little_memory(void) {
	struct rlimit limit = {memory_allowed, RLIM_INFINITY};
	lessor_engine_t *engine = NULL;
	lessor_options_t options;
	lessor_scope_t scope = scratch_scope(SUBNET, MASK);
	lessor_status_t status;
	scratch_options_memory(&options);
	options.max_leases = 1000;
	CHILD_CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
	status = lessor_open(NULL, &options, &engine, NULL);
	CHILD_CHECK(status == LESSOR_OK || status == LESSOR_NO_MEMORY);
	if (status == LESSOR_OK) {
		status = lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL);
		CHILD_CHECK(status == LESSOR_OK || status == LESSOR_NO_MEMORY);
		CHILD_CHECK(lessor_close(&engine) == LESSOR_OK);
	}
	_exit(status == LESSOR_OK ? 0 : 2);
}

static rlim_t
memory_in_use(void) {
	unsigned long pages = 0;
	FILE *statm = fopen("/proc/self/statm", "r");
	assert_non_null(statm);
	assert_int_equal(fscanf(statm, "%lu", &pages), 1);
	fclose(statm);
	return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

static void
test_memory_that_is_not_there(void **state) {
	bool refused = false;
	bool opened = false;
	(void)state;
	if (scratch_is_sanitized()) {
		print_message("a sanitizer needs all the address space\n");
		skip();
	}
	for (rlim_t more = 0; more < (UINT64_C(1) << 31); more += 1 + more / 3 + (64u << 10)) {
		int result;
		memory_allowed = memory_in_use() + more;
		result = run_in_child(open_with_little_memory);
		assert_true(result == 0 || result == 2);
		refused = refused || result == 2;
		opened = opened || result == 0;
	}
	assert_true(refused);
	assert_true(opened);
}

/*
 * Damage. A small store, every state that it went through, and where its last write lies.
 */

#define STATES 48

typedef struct image {
	char path[SCRATCH_PATH_BYTES]; /* of a copy that is being damaged */
	scratch_files_t files;
	uint8_t *contents[16];
	size_t bytes[16];
	char *states[STATES]; /* what was in it after each change */
	size_t state_count;
	size_t tail_file; /* where the last write is */
	size_t tail_first;
	size_t tail_last;
} image_t;

/* A segment that is being prepared comes and goes as it likes, and nothing depends on it. */
static void
forget_prepared(scratch_files_t *files) {
	size_t kept = 0;
	for (size_t i = 0; i < files->count; i++) {
		if (strncmp(files->names[i], "next-", 5) != 0) {
			memmove(files->names[kept++], files->names[i], sizeof(*files->names));
		}
	}
	files->count = kept;
}

static void
load_image(image_t *image, const char *from) {
	scratch_files_list(from, &image->files);
	forget_prepared(&image->files);
	assert_true(image->files.count <= COUNT(image->contents));
	for (size_t i = 0; i < image->files.count; i++) {
		char path[SCRATCH_FILE_BYTES];
		scratch_join(path, from, image->files.names[i]);
		image->contents[i] = scratch_read(path, &image->bytes[i]);
	}
}

static void
free_image(image_t *image) {
	for (size_t i = 0; i < image->files.count; i++) {
		free(image->contents[i]);
	}
	scratch_files_free(&image->files);
	for (size_t i = 0; i < image->state_count; i++) {
		free(image->states[i]);
	}
}

/* What is written is whole blocks. */
#define BLOCK_BYTES 4096

/* The one file in which two images of a store differ, and from where to where. */
static void
find_tail(image_t *image, const image_t *earlier) {
	size_t found = 0;
	assert_int_equal(image->files.count, earlier->files.count);
	for (size_t i = 0; i < image->files.count; i++) {
		size_t shorter = image->bytes[i] < earlier->bytes[i] ? image->bytes[i] : earlier->bytes[i];
		size_t first = 0;
		size_t last = image->bytes[i];
		assert_string_equal(image->files.names[i], earlier->files.names[i]);
		while (first < shorter && image->contents[i][first] == earlier->contents[i][first]) {
			first++;
		}
		if (first == image->bytes[i] && image->bytes[i] == earlier->bytes[i]) {
			continue;
		}
		while (last > shorter && image->contents[i][last - 1] == 0) {
			last--;
		}
		while (last <= shorter && last > first &&
		       image->contents[i][last - 1] == earlier->contents[i][last - 1]) {
			last--;
		}
		image->tail_file = i;
		image->tail_first = first;
		image->tail_last = (last + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
		found++;
	}
	assert_int_equal(found, 1);
}

static void
restore_file(const image_t *image, size_t file) {
	char path[SCRATCH_FILE_BYTES];
	scratch_join(path, image->path, image->files.names[file]);
	scratch_write(path, image->contents[file], image->bytes[file]);
}

/* As the image says, and nothing besides. */
static void
restore_all(const image_t *image) {
	scratch_remove(image->path);
	assert_int_equal(mkdir(image->path, 0700), 0);
	for (size_t i = 0; i < image->files.count; i++) {
		restore_file(image, i);
	}
}

static void
note_state(image_t *image, lessor_engine_t *engine) {
	assert_true(image->state_count < STATES);
	image->states[image->state_count++] = dump(engine);
}

/* How a store came to be. */
enum {
	WITH_SNAPSHOT = 1, /* in the middle; else all is log */
	CLOSED = 2,        /* in order; else it is as a crash leaves it */
	TWO_SNAPSHOTS = 4, /* as a crash leaves it that came between making the second and removing what it replaces */
	MANY_SEGMENTS = 8  /* it was closed and opened several times */
};

#define CHANGES ((int)CONTENTS_CHANGES + SECOND_HALF)

static void
change(lessor_engine_t *engine, int number) {
	if (number < (int)CONTENTS_CHANGES) {
		contents_change(engine, (unsigned)number);
	} else {
		make_change(engine, number - (int)CONTENTS_CHANGES);
	}
}

/* Those of 'copy' that 'store' has no more. */
static void
bring_back(const char *copy, const char *store) {
	scratch_files_t files;
	scratch_files_list(copy, &files);
	for (size_t i = 0; i < files.count; i++) {
		char from[SCRATCH_FILE_BYTES];
		char to[SCRATCH_FILE_BYTES];
		scratch_join(from, copy, files.names[i]);
		scratch_join(to, store, files.names[i]);
		if (access(to, F_OK) != 0) {
			assert_int_equal(rename(from, to), 0);
		}
	}
	scratch_files_free(&files);
}

static void
take_image_snapshot(int kind, lessor_engine_t **engine, const char *store, const char *copy, int number) {
	const bool second = number == CHANGES - 3;
	if (number == (int)CONTENTS_CHANGES / 2 ? (kind & (WITH_SNAPSHOT | TWO_SNAPSHOTS)) != 0
						: second && (kind & TWO_SNAPSHOTS) != 0) {
		scratch_copy(store, copy);
		assert_status(LESSOR_OK, lessor_snapshot(*engine, NULL));
		if (second) {
			bring_back(copy, store);
		}
		scratch_remove(copy);
	}
	if ((kind & MANY_SEGMENTS) != 0 && number % 9 == 4) {
		scratch_close(*engine);
		*engine = scratch_open_log(store);
	}
}

static void
make_image(image_t *image, int kind) {
	char store[SCRATCH_FILE_BYTES];
	char copy[SCRATCH_FILE_BYTES];
	lessor_engine_t *engine;
	image_t earlier;
	memset(image, 0, sizeof(*image));
	memset(&earlier, 0, sizeof(earlier));
	scratch_join(store, directory, "store");
	scratch_join(copy, directory, "copy");
	scratch_make_fast(image->path);
	engine = scratch_open_log(store);
	note_state(image, engine);
	for (int i = 0; i < FIRST_HALF; i++) {
		make_first(engine, i);
		note_state(image, engine);
	}
	for (int i = 0; i < CHANGES; i++) {
		if (i == CHANGES - 1) {
			scratch_copy(store, copy);
			load_image(&earlier, copy);
		}
		change(engine, i);
		note_state(image, engine);
		take_image_snapshot(kind, &engine, store, copy, i);
	}
	scratch_copy(store, copy);
	load_image(image, copy);
	find_tail(image, &earlier);
	scratch_close(engine);
	if (kind & CLOSED) {
		for (size_t i = 0; i < image->files.count; i++) {
			free(image->contents[i]);
		}
		scratch_files_free(&image->files);
		load_image(image, store);
	}
	scratch_remove(store);
	scratch_remove(copy);
	free_image(&earlier);
	restore_all(image);
}

/* The first ones always. */
static const int kinds[] = {0, WITH_SNAPSHOT | CLOSED | MANY_SEGMENTS, TWO_SNAPSHOTS | MANY_SEGMENTS, WITH_SNAPSHOT,
			    CLOSED | MANY_SEGMENTS};
#define KINDS_ALWAYS 3

static void
discard_image(image_t *image) {
	scratch_remove(image->path);
	free_image(image);
}

static bool
names_a_file(const image_t *image, const char *sentence) {
	for (size_t i = 0; i < image->files.count; i++) {
		if (strstr(sentence, image->files.names[i]) != NULL) {
			return true;
		}
	}
	return false;
}

/* So it was so many changes before the last one. */
static bool
is_state(const image_t *image, size_t back, const char *text) {
	return back < image->state_count && strcmp(text, image->states[image->state_count - 1 - back]) == 0;
}

typedef struct tally {
	unsigned long whole;
	unsigned long shorter;
	unsigned long refused;
	unsigned long salvaged;
	unsigned long tried;
} tally_t;

/* How often each place is tried; 0: once, and not all of the stores, and only some of what is refused is salvaged. */
static unsigned long
thoroughness(void) {
	return scratch_number("LESSOR_TEST_DAMAGE", 0);
}

/*
 * Salvage. Whatever the damage: what comes out opens, agrees with itself, holds no lease that never was; and what is said to be damaged is the file that is.
 */

/* Every lease in it was there, with the same contents, in some state. */
static void
assert_leases_were(const image_t *image, const char *text) {
	for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
		bool was = strncmp(line, "lease", 5) != 0;
		const size_t bytes = (size_t)(strchr(line, '\n') - line) + 1;
		char *one = strndup(line, bytes);
		for (size_t i = 0; i < image->state_count && !was; i++) {
			was = strstr(image->states[i], one) != NULL;
		}
		if (!was) {
			print_error("was never: %s", one);
		}
		assert_true(was);
		free(one);
	}
}

typedef struct findings {
	const char *file; /* that is damaged */
	size_t count;
	size_t there; /* in that file */
	size_t snapshots;
	bool loses;
} findings_t;

static void
note_finding(void *context, const lessor_finding_t *finding) {
	findings_t *findings = context;
	assert_true(finding->what[0] != '\0');
	assert_true(finding->after <= finding->upto);
	findings->count++;
	findings->there += strcmp(finding->file, findings->file) == 0;
	findings->snapshots += strncmp(finding->file, "snapshot", 8) == 0;
	findings->loses = findings->loses || (finding->kind == LESSOR_FINDING_DAMAGE && finding->upto > finding->after);
}

static bool
was_a_state(const image_t *image, const char *text) {
	bool was = false;
	for (size_t i = 0; i < image->state_count; i++) {
		was = was || is_state(image, i, text);
	}
	return was;
}

static void
assert_salvages(const image_t *image, size_t file, lessor_salvage_mode_t mode, lessor_status_t opened) {
	char to[SCRATCH_FILE_BYTES];
	findings_t findings = {.file = image->files.names[file]};
	const uint64_t digest = scratch_digest(image->path);
	lessor_report_t report;
	(void)snprintf(to, sizeof(to), "%s-salvaged", image->path);
	lessor_status_t status = lessor_salvage(image->path, to, mode, &report, note_finding, &findings);
	assert_true(digest == scratch_digest(image->path));
	if (opened == LESSOR_OK || status == LESSOR_NO_STORE) {
		assert_status(opened == LESSOR_OK ? LESSOR_OK : LESSOR_NO_STORE, status);
		assert_int_equal(findings.count, 0);
	} else {
		assert_status(LESSOR_DAMAGED, status);
		assert_true(findings.count > 0);
	}
	if (status != LESSOR_NO_STORE) {
		char *text = dump_store(to);
		assert_leases_were(image, text);
		if (image->state_count > 1 &&
		    (mode == LESSOR_SALVAGE_EXACT ? findings.snapshots == 0 : !findings.loses)) {
			assert_true(was_a_state(image, text));
		}
		if (!findings.loses) {
			assert_true(is_state(image, 0, text) || is_state(image, 1, text));
		}
		free(text);
	}
	scratch_remove(to);
}

static void
assert_verify_tells(const image_t *image, size_t file, lessor_status_t opened) {
	findings_t findings = {.file = image->files.names[file]};
	lessor_report_t report;
	assert_status(opened, lessor_verify_all(image->path, &report, note_finding, &findings));
	if (opened == LESSOR_DAMAGED) {
		char path[SCRATCH_FILE_BYTES];
		scratch_join(path, image->path, findings.file);
		const bool is_missing = access(path, F_OK) != 0;
		if (findings.there == 0 && !is_missing) {
			print_error("%s; %zu findings in other files than %s\n", report.sentence, findings.count,
				    findings.file);
		}
		assert_true(findings.there > 0 || (is_missing && findings.count > 0));
	} else {
		assert_int_equal(findings.count, 0);
	}
}

static void
salvage_too(const image_t *image, size_t file, lessor_status_t opened, tally_t *tally) {
	if (opened == LESSOR_OK || opened == LESSOR_DAMAGED) {
		assert_verify_tells(image, file, opened);
		assert_salvages(image, file, LESSOR_SALVAGE_EXACT, opened);
		assert_salvages(image, file, LESSOR_SALVAGE_NEWEST, opened);
		tally->salvaged++;
	}
}

/* Of a segment without a change, which a session that only looked leaves: nothing is lost, but no open takes it. */
static void
test_a_cut_empty_segment_is_a_finding(void **state) {
	char path[SCRATCH_FILE_BYTES];
	lessor_report_t report;
	findings_t findings = {.file = "log-0000000000000002.seg"};
	(void)state;
	for (uint32_t session = 0; session < 3; session++) {
		lessor_engine_t *engine = scratch_open_log(directory);
		if (session == 0) {
			scratch_scope_add(engine, IP(10, 0, 0, 0), IP(255, 255, 255, 0), true);
		}
		if (session != 1) {
			const lessor_lease_t lease =
				scratch_lease(IP(10, 0, 0, 1) + session, session == 0 ? "a" : "b", 1);
			assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_SYNC, NULL));
		}
		scratch_close(engine);
	}
	scratch_join(path, directory, findings.file);
	assert_int_equal(0, truncate(path, 64));
	assert_status(LESSOR_DAMAGED, lessor_verify(directory, NULL));
	(void)snprintf(path, sizeof(path), "%s-salvaged", directory);
	assert_status(LESSOR_DAMAGED,
		      lessor_salvage(directory, path, LESSOR_SALVAGE_EXACT, &report, note_finding, &findings));
	assert_int_equal(1, findings.there);
	assert_int_equal(1, findings.count);
	assert_false(findings.loses);
	assert_int_equal(2, report.leases);
	scratch_remove(path);
}

/* What the store may be after this damage; 'tail': in its last write, and only there. */
static void
assert_right_or_refused(const image_t *image, bool read_only, bool tail, const char *what, size_t file, size_t at,
			tally_t *tally) {
	lessor_engine_t *engine;
	lessor_report_t report;
	lessor_status_t status = try_open(image->path, read_only, false, &engine, &report);
	bool right;
	if (status == LESSOR_OK) {
		char *text = dump(engine);
		bool whole = is_state(image, 0, text);
		right = whole || (tail && is_state(image, 1, text));
		*(whole ? &tally->whole : &tally->shorter) += 1;
		if (!right) {
			print_error("%s", text);
		}
		free(text);
		scratch_close(engine);
	} else {
		right = (status == LESSOR_DAMAGED || status == LESSOR_UNSUPPORTED || status == LESSOR_IO ||
			 status == LESSOR_NO_STORE) &&
			(names_a_file(image, report.sentence) || strcmp(what, "absence") == 0);
		tally->refused++;
	}
	if (right && read_only && strcmp(what, "exchange") != 0 && (thoroughness() != 0 || tally->tried++ % 64 == 0)) {
		salvage_too(image, file, status, tally);
	}
	if (!right) {
		print_error("%s in %s at %zu of %zu (last write: %s %zu to %zu): %s: %s\n", what,
			    image->files.names[file], at, image->bytes[file], image->files.names[image->tail_file],
			    image->tail_first, image->tail_last, lessor_status_name(status), report.sentence);
		fail();
	}
}

static void
write_byte(const image_t *image, size_t file, size_t at, uint8_t byte) {
	char path[SCRATCH_FILE_BYTES];
	int fd;
	scratch_join(path, image->path, image->files.names[file]);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
	close(fd);
}

static void
flip(const image_t *image, size_t file, size_t at, uint8_t bits, bool read_only, tally_t *tally) {
	bool tail = file == image->tail_file && at >= image->tail_first && at < image->tail_last;
	uint8_t byte = image->contents[file][at];
	write_byte(image, file, at, byte ^ bits);
	assert_right_or_refused(image, read_only, tail, "flip", file, at, tally);
	if (read_only) {
		write_byte(image, file, at, byte);
	} else {
		restore_all(image);
	}
}

static size_t
used_bytes(const image_t *image, size_t file) {
	size_t used = image->bytes[file];
	while (used > 0 && image->contents[file][used - 1] == 0) {
		used--;
	}
	return used;
}

/* Something is written here or next to it: not in the middle of what pads a write. */
static bool
is_near_content(const image_t *image, size_t file, size_t at) {
	size_t first = at < 4 ? 0 : at - 4;
	size_t last = at + 4 < image->bytes[file] ? at + 4 : image->bytes[file];
	for (size_t i = first; i < last; i++) {
		if (image->contents[file][i] != 0) {
			return true;
		}
	}
	return false;
}

/*
 * An open and a close wait more than they work, so several processes share the tries.
 */

#define WORKERS 16

typedef struct worker {
	image_t image; /* with a place of its own */
	scratch_random_t random;
	size_t number;
	size_t turn;
	tally_t tally;
} worker_t;

/* Each try belongs to one of the workers. */
static bool
is_mine(worker_t *worker) {
	return worker->turn++ % WORKERS == worker->number;
}

static void
work(worker_t *worker, void (*function)(worker_t *worker)) {
	assert_int_equal(setenv("CMOCKA_TEST_ABORT", "1", 1), 0); /* a failure must not run the parent's tests */
	(void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* a huge page to clear for every open is what takes longest */
	scratch_make_fast(worker->image.path);
	restore_all(&worker->image);
	function(worker);
	scratch_remove(worker->image.path);
}

static void
share(const image_t *image, uint64_t seed, void (*function)(worker_t *worker), tally_t *tally) {
	worker_t *workers =
		mmap(NULL, WORKERS * sizeof(*workers), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t children[WORKERS];
	bool right = true;
	assert_true(workers != MAP_FAILED);
	for (size_t i = 0; i < WORKERS; i++) {
		workers[i].image = *image;
		workers[i].random.state = seed + i;
		workers[i].number = i;
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] == 0) {
			work(&workers[i], function);
			_exit(0);
		}
	}
	for (size_t i = 0; i < WORKERS; i++) {
		int status = 0;
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		right = right && WIFEXITED(status) && WEXITSTATUS(status) == 0;
		tally->whole += workers[i].tally.whole;
		tally->shorter += workers[i].tally.shorter;
		tally->refused += workers[i].tally.refused;
		tally->salvaged += workers[i].tally.salvaged;
	}
	assert_true(right);
	assert_int_equal(munmap(workers, WORKERS * sizeof(*workers)), 0);
}

/* Under a sanitizer, which is slow, only every so many-th place. */
static size_t
step_bytes(void) {
	return scratch_is_sanitized() ? 23 : 1;
}

static void
flip_some(worker_t *worker, size_t file) {
	const image_t *image = &worker->image;
	size_t used = used_bytes(image, file);
	for (int i = 0; i < 30 && used > 0; i++) {
		size_t at = scratch_below(&worker->random, (uint32_t)image->bytes[file]);
		if (is_mine(worker)) {
			flip(image, file, at, (uint8_t)(1 + scratch_below(&worker->random, 255)), true, &worker->tally);
			at = scratch_below(&worker->random, (uint32_t)used);
			flip(image, file, at, (uint8_t)(1 + scratch_below(&worker->random, 255)), false,
			     &worker->tally);
		}
	}
}

/* One bit; or several after each other, then all of them. */
static void
flip_bits(worker_t *worker, size_t file, size_t at) {
	flip(&worker->image, file, at, (uint8_t)(1u << at % 8), true, &worker->tally);
	for (size_t i = 1; i < thoroughness(); i++) {
		flip(&worker->image, file, at, (uint8_t)(i < 8 ? 1u << (at + i) % 8 : 0xFFu), true, &worker->tally);
	}
}

/* Every byte, but not all of the padding; some of them with a store that may be written. */
static void
flip_all(worker_t *worker) {
	const image_t *image = &worker->image;
	for (size_t file = 0; file < image->files.count; file++) {
		size_t used = used_bytes(image, file);
		for (size_t at = 0; at < used; at += step_bytes()) {
			if ((at % 211 == 0 || is_near_content(image, file, at)) && is_mine(worker)) {
				flip_bits(worker, file, at);
			}
		}
		for (size_t at = used; at < image->bytes[file] && at < used + 16; at++) {
			if (is_mine(worker)) {
				flip(image, file, at, 0x80, true, &worker->tally);
			}
		}
		flip_some(worker, file);
	}
}

static void
print_tally(const image_t *image, const tally_t *tally) {
	for (size_t i = 0; i < image->files.count; i++) {
		print_message("%s: %zu bytes, %zu used\n", image->files.names[i], image->bytes[i],
			      used_bytes(image, i));
	}
	print_message(
		"last write: %s %zu to %zu; damages %lu: whole %lu, one write short %lu, refused %lu; salvaged %lu\n",
		image->files.names[image->tail_file], image->tail_first, image->tail_last,
		tally->whole + tally->shorter + tally->refused, tally->whole, tally->shorter, tally->refused,
		tally->salvaged);
}

static void
share_all_kinds(void (*function)(worker_t *worker)) {
	uint64_t seed = scratch_seed();
	print_message("LESSOR_TEST_SEED=%" PRIu64 "\n", seed);
	for (size_t kind = 0; kind < (thoroughness() != 0 ? COUNT(kinds) : KINDS_ALWAYS); kind++) {
		tally_t tally = {0};
		image_t image;
		make_image(&image, kinds[kind]);
		share(&image, seed, function, &tally);
		print_tally(&image, &tally);
		assert_true(tally.refused > 0);
		discard_image(&image);
	}
}

static void
test_flipped_bytes(void **state) {
	(void)state;
	share_all_kinds(flip_all);
}

static void
truncate_to(const image_t *image, size_t file, size_t length, bool read_only, tally_t *tally) {
	char path[SCRATCH_FILE_BYTES];
	bool tail = file == image->tail_file && length >= image->tail_first;
	scratch_join(path, image->path, image->files.names[file]);
	assert_int_equal(truncate(path, (off_t)length), 0);
	assert_right_or_refused(image, read_only, tail, "truncation", file, length, tally);
	if (read_only) {
		restore_file(image, file);
	} else {
		restore_all(image);
	}
}

static void
truncate_all(worker_t *worker) {
	const image_t *image = &worker->image;
	for (size_t file = 0; file < image->files.count; file++) {
		size_t used = used_bytes(image, file);
		const size_t step = step_bytes() * (thoroughness() != 0 ? 1 : 3);
		for (size_t length = 0; length <= used && length < image->bytes[file]; length += step) {
			if ((length % 211 == 0 || is_near_content(image, file, length)) && is_mine(worker)) {
				truncate_to(image, file, length, length % 16 != 0, &worker->tally);
			}
		}
		for (size_t length = BLOCK_BYTES; length < image->bytes[file]; length += 5 * BLOCK_BYTES) {
			if (is_mine(worker)) {
				truncate_to(image, file, length - 1, true, &worker->tally);
				truncate_to(image, file, length, true, &worker->tally);
			}
		}
	}
}

static void
test_truncated_files(void **state) {
	(void)state;
	share_all_kinds(truncate_all);
}

/* A file that is missing altogether, or empty. The lock's file holds nothing. */
static void
test_missing_files(void **state) {
	(void)state;
	for (size_t kind = 0; kind < COUNT(kinds); kind++) {
		tally_t tally = {0};
		image_t image;
		make_image(&image, kinds[kind]);
		for (size_t file = 0; file < image.files.count; file++) {
			char path[SCRATCH_FILE_BYTES];
			scratch_join(path, image.path, image.files.names[file]);
			assert_int_equal(unlink(path), 0);
			assert_right_or_refused(&image, kind % 2 != 0, false, "absence", file, 0, &tally);
			restore_all(&image);
		}
		discard_image(&image);
	}
}

/* A segment that was being prepared holds nothing yet: whatever is in it, or is not, makes no difference. */
static void
test_an_unfinished_segment(void **state) {
	static const char *const names[] = {"next-0000000000000002.seg", "next-0000000000000001.seg",
					    "next-00000000000000FF.seg"};
	scratch_random_t random = {scratch_seed()};
	static uint8_t rubbish[8192];
	image_t image;
	(void)state;
	print_message("LESSOR_TEST_SEED=%" PRIu64 "\n", random.state);
	make_image(&image, WITH_SNAPSHOT);
	for (size_t i = 0; i < 4 * COUNT(names); i++) {
		static const size_t lengths[] = {0, 1, 4096, sizeof(rubbish)};
		char path[SCRATCH_FILE_BYTES];
		lessor_engine_t *engine;
		char *text;
		for (size_t j = 0; j < sizeof(rubbish); j++) {
			rubbish[j] = (uint8_t)scratch_next(&random);
		}
		scratch_join(path, image.path, names[i / 4]);
		scratch_write(path, rubbish, lengths[i % 4]);
		assert_status(LESSOR_OK, try_open(image.path, i & 1, false, &engine, NULL));
		text = dump(engine);
		assert_true(is_state(&image, 0, text));
		free(text);
		scratch_close(engine);
		restore_all(&image);
	}
	discard_image(&image);
}

/* After a torn tail was cut the store goes on as if that write had never been. */
static void
test_a_torn_tail_is_cut(void **state) {
	lessor_engine_t *engine;
	lessor_report_t report;
	image_t image;
	char *text;
	(void)state;
	make_image(&image, WITH_SNAPSHOT);
	for (size_t at = image.tail_first; at < used_bytes(&image, image.tail_file); at += 7) {
		write_byte(&image, image.tail_file, at, image.contents[image.tail_file][at] ^ 0xFF);
		if (try_open(image.path, false, false, &engine, &report) == LESSOR_OK) {
			text = dump(engine);
			if (is_state(&image, 1, text)) {
				assert_true(report.cut_bytes > 0);
				free(text);
				assert_status(LESSOR_OK, add_lease(engine, 200, LESSOR_SYNC));
				make_change(engine, SECOND_HALF - 1);
				text = dump(engine);
			}
			scratch_close(engine);
			{
				char *again = dump_store(image.path);
				assert_string_equal(text, again);
				free(again);
			}
			assert_status(LESSOR_OK, lessor_verify(image.path, &report));
			assert_int_equal(report.cut_bytes, 0);
			free(text);
		}
		restore_all(&image);
	}
	discard_image(&image);
}

/* lessor_verify() and a read-only open answer alike. */
static void
test_verify_answers_as_open(void **state) {
	scratch_random_t random = {scratch_seed()};
	image_t image;
	(void)state;
	print_message("LESSOR_TEST_SEED=%" PRIu64 "\n", random.state);
	make_image(&image, WITH_SNAPSHOT);
	for (int i = 0; i < 300; i++) {
		size_t file = scratch_below(&random, (uint32_t)image.files.count);
		size_t used = used_bytes(&image, file);
		lessor_engine_t *engine;
		lessor_report_t opened;
		lessor_report_t verified;
		lessor_status_t status;
		size_t at;
		if (used == 0) {
			continue;
		}
		at = scratch_below(&random, (uint32_t)used);
		write_byte(&image, file, at, (uint8_t)scratch_next(&random));
		status = try_open(image.path, true, false, &engine, &opened);
		if (status == LESSOR_OK) {
			scratch_close(engine);
		}
		memset(&verified, SCRATCH_POISON, sizeof(verified));
		assert_status(status, lessor_verify(image.path, &verified));
		if (status == LESSOR_OK) {
			assert_int_equal(opened.leases, verified.leases);
			assert_int_equal(opened.cut_bytes, verified.cut_bytes);
		} else {
			assert_true(names_a_file(&image, verified.sentence));
		}
		write_byte(&image, file, at, image.contents[file][at]);
	}
	discard_image(&image);
}

/*
 * Several segments: damage at the end of one that is not the last is damage.
 */

static void
make_long_store(const char *store) {
	static char context[LESSOR_USER_CONTEXT_MAX_BYTES];
	lessor_engine_t *engine = scratch_open_log(store);
	uint8_t id[6];
	scratch_scope_add(engine, SUBNET, MASK, true);
	for (uint32_t i = 1; i <= 250; i++) {
		lessor_lease_t lease = scratch_lease_numbered(SUBNET + i, i, id);
		memset(context, 'a' + (int)(i % 26), sizeof(context) - 1);
		lease.user_context = context;
		assert_status(LESSOR_OK,
			      lessor_lease_create(engine, &lease, i % 10 == 0 ? LESSOR_SYNC : LESSOR_ASYNC, NULL));
	}
	scratch_close(engine);
}

/* Which of the files are large: segments of a log without a snapshot. */
static size_t
list_segments(const image_t *image, size_t segments[16]) {
	size_t count = 0;
	for (size_t i = 0; i < image->files.count; i++) {
		if (image->bytes[i] > 100000) {
			segments[count++] = i;
		}
	}
	return count;
}

static void
assert_only_whole_or_refused(const image_t *image, const char *what, size_t file, size_t at) {
	static tally_t tally; /* salvages some of all that are tried */
	assert_right_or_refused(image, true, false, what, file, at, &tally);
}

static void
test_damage_between_segments(void **state) {
	scratch_random_t random = {scratch_seed()};
	char store[SCRATCH_FILE_BYTES];
	char path[SCRATCH_FILE_BYTES];
	size_t segments[16];
	image_t image;
	size_t count;
	(void)state;
	print_message("LESSOR_TEST_SEED=%" PRIu64 "\n", random.state);
	memset(&image, 0, sizeof(image));
	scratch_join(store, directory, "store");
	scratch_make_fast(image.path);
	make_long_store(store);
	image.states[image.state_count++] = dump_store(store);
	load_image(&image, store);
	restore_all(&image);
	count = list_segments(&image, segments);
	assert_true(count >= 3);
	for (size_t i = 0; i < count - 1; i++) {
		size_t file = segments[i];
		size_t used = used_bytes(&image, file);
		scratch_join(path, image.path, image.files.names[file]);
		for (size_t back = 1; back <= 40; back++) {
			size_t at = back <= 20 ? used - back : scratch_below(&random, (uint32_t)used);
			write_byte(&image, file, at, image.contents[file][at] ^ 0x10);
			assert_only_whole_or_refused(&image, "flip", file, at);
			write_byte(&image, file, at, image.contents[file][at]);
			assert_int_equal(truncate(path, (off_t)at), 0);
			assert_only_whole_or_refused(&image, "truncation", file, at);
			restore_file(&image, file);
		}
		assert_int_equal(unlink(path), 0);
		assert_only_whole_or_refused(&image, "absence", file, 0);
		restore_file(&image, file);
		/* The next segment's content under this one's name. */
		scratch_write(path, image.contents[segments[i + 1]], image.bytes[segments[i + 1]]);
		assert_only_whole_or_refused(&image, "exchange", file, 0);
		restore_file(&image, file);
	}
	assert_only_whole_or_refused(&image, "nothing", 0, 0);
	discard_image(&image);
}

/* A file of another store under the right name: same size, right checksums, wrong leases. */
static void
test_files_of_another_store(void **state) {
	char mine[SCRATCH_FILE_BYTES];
	char other[SCRATCH_FILE_BYTES];
	image_t images[2];
	(void)state;
	scratch_join(mine, directory, "mine");
	scratch_join(other, directory, "other");
	memset(images, 0, sizeof(images));
	for (int i = 0; i < 2; i++) {
		lessor_engine_t *engine = scratch_open_log(i == 0 ? mine : other);
		make_first_half(engine);
		assert_status(LESSOR_OK, add_lease(engine, 100 + (uint32_t)i, LESSOR_SYNC));
		assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
		assert_status(LESSOR_OK, add_lease(engine, 110 + (uint32_t)i, LESSOR_SYNC));
		scratch_close(engine);
		images[i].states[images[i].state_count++] = dump_store(i == 0 ? mine : other);
		load_image(&images[i], i == 0 ? mine : other);
	}
	scratch_make_fast(images[0].path);
	assert_int_equal(images[0].files.count, images[1].files.count);
	restore_all(&images[0]);
	for (size_t i = 0; i < images[0].files.count; i++) {
		assert_string_equal(images[0].files.names[i], images[1].files.names[i]);
		restore_file(&images[1], i);
		assert_only_whole_or_refused(&images[0], "exchange", i, 0);
		restore_file(&images[0], i);
	}
	scratch_remove(images[0].path);
	free_image(&images[0]);
	free_image(&images[1]);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_directory, remove_directory)

int
main(int count, char **arguments) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options_init),
		TEST(test_a_cut_empty_segment_is_a_finding),
		TEST(test_a_missing_store_is_made),
		TEST(test_a_missing_store_is_not_made),
		TEST(test_places_where_no_store_can_be),
		TEST(test_arguments),
		TEST(test_option_values),
		TEST(test_shorter_options),
		TEST(test_server_names),
		TEST(test_memory_only_needs_no_directory),
		TEST(test_foreign_files_are_left_alone),
		TEST(test_a_second_open_is_refused),
		TEST(test_the_path_does_not_matter),
		TEST(test_a_reader_keeps_writers_out),
		TEST(test_a_killed_process_leaves_what_it_acknowledged),
		TEST(test_reports_count),
		TEST(test_clients_are_found_after_a_restart),
		TEST(test_read_only),
		TEST(test_a_read_only_file_system),
		TEST(test_a_forked_child_is_refused),
		TEST(test_a_failed_write_is_final),
		TEST(test_no_room_for_the_first_segment),
		TEST(test_a_full_disk_refuses),
		TEST(test_memory_that_is_not_there),
		TEST(test_flipped_bytes),
		TEST(test_truncated_files),
		TEST(test_missing_files),
		TEST(test_an_unfinished_segment),
		TEST(test_a_torn_tail_is_cut),
		TEST(test_verify_answers_as_open),
		TEST(test_damage_between_segments),
		TEST(test_files_of_another_store),
	};
	if (count == 3 && strcmp(arguments[1], "--open") == 0) {
		return open_for_parent(arguments[2]);
	}
	if (count == 2) {
		cmocka_set_test_filter(arguments[1]); /* only those, for whoever looks for a mistake */
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
