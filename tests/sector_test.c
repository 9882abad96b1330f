/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places of a store that the disk cannot read. Opening is refused with the file's name; verify and salvage name file and offset and go round it: everything comes out but what stood there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "scratch.h"

#define SUBNET     IP(10, 8, 0, 0)
#define MASK       0xFFFF0000u
#define LOGGED     400u   /* leases of the store whose log is read */
#define TOGETHER   10u    /* of these, in one flush */
#define SHOWN      60000u /* of the one whose snapshot is: several chunks */
#define BAD_BYTES  512u
#define BLOCK      4096u
#define FILES_MAX  256
#define NAME_BYTES 64u

/* ---- a disk with a bad place -------------------------------------------------------------------------------------- */

static char bad_name[NAME_BYTES];
static uint64_t bad_offset;
static bool is_bad[FILES_MAX]; /* descriptors of that file */

static int
open_file(int directory, const char *name, int flags, mode_t mode) {
	const int file = lsr_io_system.open(directory, name, flags, mode);
	if (file >= 0 && file < FILES_MAX) {
		is_bad[file] = strcmp(name, bad_name) == 0;
	}
	return file;
}

static ssize_t
read_file(int file, void *data, size_t size_bytes, uint64_t offset) {
	const bool meets = offset < bad_offset + BAD_BYTES && bad_offset < offset + size_bytes;
	return file < FILES_MAX && is_bad[file] && meets ? -EIO : lsr_io_system.pread(file, data, size_bytes, offset);
}

static void
use_bad_disk(const char *name, uint64_t offset) {
	static lsr_io_ops_t ops;
	ops = lsr_io_system;
	ops.open = open_file;
	ops.pread = read_file;
	(void)snprintf(bad_name, sizeof(bad_name), "%s", name);
	bad_offset = offset / BAD_BYTES * BAD_BYTES;
	memset(is_bad, 0, sizeof(is_bad));
	lsr_io = &ops;
}

/* ---- stores ---------------------------------------------------------------------------------------------------------- */

static char directory[SCRATCH_PATH_BYTES];
static lessor_ticket_t tickets[LOGGED];

static void
make_leases(lessor_engine_t *engine, uint32_t count, lessor_ticket_t *ticket) {
	for (uint32_t i = 0; i < count; i++) {
		uint8_t id[6];
		const lessor_lease_t lease = scratch_lease_numbered(SUBNET + 1 + i, i, id);
		const bool waits = ticket != NULL && i % TOGETHER == TOGETHER - 1;
		assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, waits ? LESSOR_SYNC : LESSOR_ASYNC,
							     ticket != NULL ? &ticket[i] : NULL));
	}
}

/* Which files it has: the first of these names. */
static void
first_of(const char *prefix, char name[NAME_BYTES], size_t *bytes) {
	char path[SCRATCH_FILE_BYTES];
	scratch_files_t files;
	name[0] = '\0';
	scratch_files_list(directory, &files);
	for (size_t i = 0; i < files.count && name[0] == '\0'; i++) {
		if (strncmp(files.names[i], prefix, strlen(prefix)) == 0) {
			(void)snprintf(name, NAME_BYTES, "%.60s", files.names[i]);
		}
	}
	scratch_files_free(&files);
	assert_true(name[0] != '\0');
	scratch_join(path, directory, name);
	free(scratch_read(path, bytes));
}

static lessor_engine_t *
open_salvaged(const char *to) {
	lessor_engine_t *engine = NULL;
	lessor_options_t options;
	scratch_options_log(&options);
	options.read_only = true;
	lsr_io = &lsr_io_system;
	assert_status(LESSOR_OK, lessor_open(to, &options, &engine, NULL));
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
	return engine;
}

/* Is this lease there? If so it is the one that was. */
static bool
has(lessor_engine_t *engine, uint32_t number) {
	uint8_t id[6];
	char buffer[LESSOR_LEASE_BUFFER_BYTES];
	lessor_lease_t found;
	const lessor_lease_t wanted = scratch_lease_numbered(SUBNET + 1 + number, number, id);
	const lessor_status_t status = lessor_lease_get(engine, wanted.address, &found, buffer, sizeof(buffer));
	if (status == LESSOR_NOT_FOUND) {
		return false;
	}
	assert_status(LESSOR_OK, status);
	assert_int_equal(found.client_id_bytes, sizeof(id));
	assert_memory_equal(found.client_id, id, sizeof(id));
	return true;
}

/* ---- findings -------------------------------------------------------------------------------------------------------- */

typedef struct {
	unsigned damages;
	char file[NAME_BYTES];
	uint64_t offset;
	lessor_ticket_t after;
	lessor_ticket_t upto;
} found_t;

static void
note(void *context, const lessor_finding_t *finding) {
	found_t *found = context;
	if (finding->kind == LESSOR_FINDING_DAMAGE) {
		found->damages++;
		(void)snprintf(found->file, sizeof(found->file), "%s", finding->file);
		found->offset = finding->offset;
		found->after = finding->after;
		found->upto = finding->upto;
	}
}

static void
assert_refused(void) {
	lessor_engine_t *engine = NULL;
	lessor_report_t report;
	assert_status(LESSOR_IO, lessor_open(directory, NULL, &engine, &report));
	assert_non_null(strstr(report.sentence, bad_name));
}

/* One damage, in that file, at the piece that the bad place is in. */
static void
assert_named(const found_t *found, uint64_t piece_bytes_max) {
	assert_int_equal(1, found->damages);
	assert_string_equal(bad_name, found->file);
	assert_true(found->offset <= bad_offset && bad_offset < found->offset + piece_bytes_max);
}

/* ---- the log -------------------------------------------------------------------------------------------------------- */

static void
salvage_log(lessor_salvage_mode_t mode) {
	char to[SCRATCH_FILE_BYTES];
	found_t verified = {0};
	found_t found = {0};
	(void)snprintf(to, sizeof(to), "%s-out", directory);
	assert_status(LESSOR_IO, lessor_verify_all(directory, NULL, note, &verified));
	assert_status(LESSOR_DAMAGED, lessor_salvage(directory, to, mode, NULL, note, &found));
	assert_named(&verified, BLOCK);
	assert_named(&found, BLOCK);
	assert_true(found.after < found.upto && found.after == verified.after && found.upto == verified.upto);
	lessor_engine_t *engine = open_salvaged(to);
	unsigned lost = 0;
	for (uint32_t i = 0; i < LOGGED; i++) {
		const bool is_lost =
			tickets[i] > found.after && (mode == LESSOR_SALVAGE_EXACT || tickets[i] <= found.upto);
		assert_true(has(engine, i) == !is_lost);
		lost += is_lost;
	}
	assert_true(mode == LESSOR_SALVAGE_EXACT ? lost >= TOGETHER : lost == TOGETHER);
	scratch_close(engine);
	scratch_remove(to);
}

static void
a_place_of_the_log(void **state) {
	char name[NAME_BYTES];
	size_t bytes;
	(void)state;
	scratch_make(directory);
	lessor_engine_t *engine = scratch_open_log(directory);
	scratch_scope_add(engine, SUBNET, MASK, true);
	assert_status(LESSOR_OK, lessor_ticket_wait(engine, lessor_last_ticket(engine), -1));
	make_leases(engine, LOGGED, tickets);
	scratch_close(engine);
	first_of("log-", name, &bytes);
	/* A block is a frame; the first ones hold the scope, the last one the closing mark. */
	for (uint64_t at = 5 * BLOCK; at < (LOGGED / TOGETHER - 2) * (uint64_t)BLOCK; at += 9 * BLOCK + BAD_BYTES) {
		use_bad_disk(name, at);
		assert_refused();
		salvage_log(LESSOR_SALVAGE_NEWEST);
		use_bad_disk(name, at);
		salvage_log(LESSOR_SALVAGE_EXACT);
	}
	scratch_remove(directory);
}

/* ---- the snapshot --------------------------------------------------------------------------------------------------- */

/* What is lost lies together: the leases of one chunk. */
static void
assert_one_gap(lessor_engine_t *engine) {
	unsigned lost = 0;
	unsigned gaps = 0;
	bool before = true;
	for (uint32_t i = 0; i < SHOWN; i++) {
		const bool there = has(engine, i);
		gaps += before && !there;
		lost += !there;
		before = there;
	}
	assert_int_equal(1, gaps);
	assert_true(lost < SHOWN * 2 / 3);
}

static void
a_place_of_the_snapshot(void **state) {
	char name[NAME_BYTES];
	char to[SCRATCH_FILE_BYTES];
	size_t bytes;
	(void)state;
	scratch_make(directory);
	lessor_engine_t *engine = scratch_open_log(directory);
	scratch_scope_add(engine, SUBNET, MASK, true);
	make_leases(engine, SHOWN, NULL);
	assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	scratch_close(engine);
	first_of("snapshot-", name, &bytes);
	(void)snprintf(to, sizeof(to), "%s-out", directory);
	assert_true(bytes > (2u << 20) + BLOCK);                                     /* two chunks and more */
	for (uint64_t at = 3u << 19; at < 2u << 20; at += 100 * BLOCK + BAD_BYTES) { /* in the second */
		found_t found = {0};
		use_bad_disk(name, at);
		assert_refused();
		assert_status(LESSOR_IO, lessor_verify_all(directory, NULL, note, &found));
		assert_named(&found, 1u << 20);
		found = (found_t){0};
		assert_status(LESSOR_DAMAGED, lessor_salvage(directory, to, LESSOR_SALVAGE_NEWEST, NULL, note, &found));
		assert_named(&found, 1u << 20);
		engine = open_salvaged(to);
		assert_one_gap(engine);
		scratch_close(engine);
		scratch_remove(to);
	}
	scratch_remove(directory);
}

/* ---- the small ones -------------------------------------------------------------------------------------------------- */

/* The identity and the note: everything comes out. */
static void
a_place_of_another_file(void **state) {
	static const char *const names[] = {"lessor.store", "lessor.newest"};
	char to[SCRATCH_FILE_BYTES];
	(void)state;
	scratch_make(directory);
	lessor_engine_t *engine = scratch_open_log(directory);
	scratch_scope_add(engine, SUBNET, MASK, true);
	make_leases(engine, LOGGED, tickets);
	scratch_close(engine);
	(void)snprintf(to, sizeof(to), "%s-out", directory);
	for (size_t i = 0; i < COUNT(names); i++) {
		found_t found = {0};
		use_bad_disk(names[i], 0);
		const lessor_status_t status = lessor_salvage(directory, to, LESSOR_SALVAGE_EXACT, NULL, note, &found);
		assert_true(status == (found.damages == 0 ? LESSOR_OK : LESSOR_DAMAGED));
		assert_true(found.damages == 0 || strcmp(found.file, names[i]) == 0);
		engine = open_salvaged(to);
		for (uint32_t number = 0; number < LOGGED; number++) {
			assert_true(has(engine, number));
		}
		scratch_close(engine);
		scratch_remove(to);
	}
	scratch_remove(directory);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_place_of_the_log),
		cmocka_unit_test(a_place_of_the_snapshot),
		cmocka_unit_test(a_place_of_another_file),
	};
	return cmocka_run_group_tests_name("sector", tests, NULL, NULL);
}
