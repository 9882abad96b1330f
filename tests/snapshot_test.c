/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshot files: what goes in comes out, in order and with its LSNs; a file that is not exactly what was written is refused; an
 * unfinished one counts for nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "snapshot/snapshot.h"
#include "test_disk.h"
#include "test_random.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const uint8_t store_id[LSR_STORE_ID_BYTES] = "sixteen bytes it";
static const uint8_t other_id[LSR_STORE_ID_BYTES] = "of another store";

/* ---- entries that prove themselves --------------------------------------------------------------------------------------- */

/* Entry n: type, LSN, size and contents follow from n and the run. */
typedef struct {
	lsr_record_type_t type;
	uint64_t lsn;
	size_t size_bytes;
	uint8_t bytes[40000];
} lsr_entry_t;

static void
make_entry(uint64_t run, uint64_t n, size_t max_bytes, lsr_entry_t *entry) {
	lsr_random_t random = {.state = lsr_scramble(run * UINT64_C(1000003) + n)};
	entry->type = lsr_random_below(&random, 4) == 0 ? LSR_LOG_SCOPE : LSR_LOG_LEASE;
	entry->lsn = lsr_random_u64(&random);
	entry->size_bytes = lsr_random_below(&random, max_bytes + 1);
	lsr_random_fill(&random, entry->bytes, entry->size_bytes);
}

typedef struct {
	uint64_t run;
	size_t max_bytes;
	uint64_t next;
	uint64_t wrong;
	uint64_t leases;
	uint64_t answer_at; /* entry at which the function answers ... */
	lessor_status_t answer;
} lsr_reader_t;

static lessor_status_t
take_entry(void *context, uint32_t header, const uint8_t *payload, uint64_t lsn) {
	static lsr_entry_t expected;
	lsr_reader_t *reader = context;
	make_entry(reader->run, reader->next, reader->max_bytes, &expected);
	const bool good = lsr_header_type(header) == expected.type && lsn == expected.lsn &&
			  lsr_header_payload_bytes(header) == expected.size_bytes &&
			  memcmp(payload, expected.bytes, expected.size_bytes) == 0;
	reader->wrong += !good;
	reader->leases += expected.type == LSR_LOG_LEASE;
	return ++reader->next == reader->answer_at ? reader->answer : LESSOR_OK;
}

/* ---- a directory ------------------------------------------------------------------------------------------------------------ */

typedef struct {
	char path[256];
	int directory;
} lsr_store_t;

static int
make_store(void **state) {
	lsr_store_t *store = calloc(1, sizeof(*store));
	assert_non_null(store);
	lsr_disk_use();
	store->directory = lsr_directory_make(store->path, "snapshot");
	assert_true(store->directory >= 0);
	*state = store;
	return 0;
}

static int
drop_store(void **state) {
	lsr_store_t *store = *state;
	lsr_io = &lsr_io_system;
	lsr_directory_remove(store->directory, store->path);
	free(store);
	return 0;
}

/* Write a whole one; the first error, or 0. Aborted after a failure, as it has to be. */
static int
try_write(const lsr_store_t *store, uint64_t from_lsn, uint64_t run, uint64_t entries, size_t max_bytes) {
	static lsr_entry_t entry;
	lsr_snapshot_writer_t writer;
	int result = lsr_snapshot_begin(&writer, store->directory, store_id, from_lsn);
	for (uint64_t n = 0; n < entries && result == 0; n++) {
		make_entry(run, n, max_bytes, &entry);
		result = lsr_snapshot_add(&writer, entry.lsn, lsr_record_header(entry.type, entry.size_bytes),
					  entry.bytes);
	}
	if (result == 0) {
		result = lsr_snapshot_finish(&writer, from_lsn + 1000, run);
	}
	if (result != 0) {
		lsr_snapshot_abort(&writer);
		lsr_snapshot_abort(&writer); /* twice is harmless */
	}
	return result;
}

static void
write_snapshot(const lsr_store_t *store, uint64_t from_lsn, uint64_t run, uint64_t entries, size_t max_bytes) {
	assert_int_equal(try_write(store, from_lsn, run, entries, max_bytes), 0);
}

/* The newest one is this, complete. */
static void
assert_is(const lsr_store_t *store, uint64_t from_lsn, uint64_t run, uint64_t entries, size_t max_bytes) {
	lsr_reader_t reader = {.run = run, .max_bytes = max_bytes};
	lsr_snapshot_info_t info;
	assert_int_equal(lsr_snapshot_read(store->directory, store_id, take_entry, &reader, &info), LESSOR_OK);
	assert_int_equal(reader.wrong, 0);
	assert_int_equal(reader.next, entries);
	assert_int_equal(info.from_lsn, from_lsn);
	assert_int_equal(info.end_lsn, from_lsn + 1000);
	assert_int_equal(info.epoch, run);
	assert_int_equal(info.entries, entries);
	assert_int_equal(info.leases, reader.leases);
	assert_string_equal(info.sentence, "");
	assert_int_equal(info.size_bytes % LSR_BLOCK_BYTES, 0);
}

static void
assert_none(const lsr_store_t *store) {
	lsr_reader_t reader = {0};
	lsr_snapshot_info_t info;
	assert_int_equal(lsr_snapshot_read(store->directory, store_id, take_entry, &reader, &info), LESSOR_OK);
	assert_int_equal(reader.next, 0);
	assert_int_equal(info.from_lsn, 0);
	assert_int_equal(info.entries, 0);
}

/* Refused; the sentence names the file and a place in it. */
static void
assert_refused(const lsr_store_t *store, lessor_status_t expected, const char *name) {
	lsr_reader_t reader = {.run = 1, .max_bytes = 100};
	lsr_snapshot_info_t info;
	assert_int_equal(lsr_snapshot_read(store->directory, store_id, take_entry, &reader, &info), expected);
	assert_int_equal(reader.wrong, 0); /* nothing damaged was handed out on the way */
	if (strstr(info.sentence, name) == NULL ||
	    (expected == LESSOR_DAMAGED && strstr(info.sentence, "offset") == NULL)) {
		fail_msg("\"%s\" does not say where", info.sentence);
	}
	assert_int_equal(lsr_snapshot_read(store->directory, store_id, NULL, NULL, &info), expected);
}

/* ---- round trips -------------------------------------------------------------------------------------------------------------- */

static void
nothing_is_no_snapshot(void **state) {
	assert_none(*state);
	lsr_snapshot_info_t info;
	assert_int_equal(lsr_snapshot_read(-1, store_id, NULL, NULL, &info), LESSOR_IO);
	assert_string_not_equal(info.sentence, "");
}

static void
what_goes_in_comes_out(void **state) {
	const lsr_store_t *store = *state;
	/* None, few, several chunks of small ones, several chunks of large ones. */
	const struct {
		uint64_t entries;
		size_t max_bytes;
	} runs[] = {{0, 10}, {1, 0}, {7, 100}, {LSR_TEST_ROUNDS(60000), 100}, {200, sizeof(((lsr_entry_t *)0)->bytes)}};
	for (uint64_t run = 0; run < COUNT(runs); run++) {
		write_snapshot(store, 64 + run * 8, run, runs[run].entries, runs[run].max_bytes);
		assert_is(store, 64 + run * 8, run, runs[run].entries, runs[run].max_bytes);
	}
	assert_int_equal(lsr_directory_count(store->directory, "snapshot-"), COUNT(runs));
	assert_int_equal(lsr_directory_count(store->directory, "snapshot.tmp"), 0);
}

/* Entries that just fill a chunk, and just do not. */
static void
chunks_end_where_they_must(void **state) {
	const lsr_store_t *store = *state;
	static const uint8_t zeros[LSR_RECORD_MAX_BYTES];
	const size_t chunk_bytes = LSR_SNAPSHOT_CHUNK_BYTES - 64;
	const size_t half = 400000;
	for (size_t rest = 0; rest <= 64; rest += 8) {
		lsr_snapshot_writer_t writer;
		lsr_snapshot_info_t info;
		const size_t used = 2 * (8 + lsr_record_bytes(half));
		const size_t last =
			chunk_bytes - used - 8 - 4 - 32 + rest; /* from well inside to well behind the end */
		assert_true(used < chunk_bytes && last < chunk_bytes);
		assert_int_equal(lsr_snapshot_begin(&writer, store->directory, store_id, 64 + rest), 0);
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(lsr_snapshot_add(&writer, 1, lsr_record_header(LSR_LOG_LEASE, half), zeros),
					 0);
		}
		assert_int_equal(lsr_snapshot_add(&writer, 1, lsr_record_header(LSR_LOG_LEASE, last), zeros), 0);
		assert_int_equal(lsr_snapshot_add(&writer, 1, lsr_record_header(LSR_LOG_LEASE, 0), zeros), 0);
		assert_int_equal(lsr_snapshot_finish(&writer, 1, 1), 0);
		assert_int_equal(lsr_snapshot_read(store->directory, store_id, NULL, NULL, &info), LESSOR_OK);
		assert_int_equal(info.entries, 4);
		assert_int_equal(info.leases, 4);
	}
}

/* ---- which one counts ------------------------------------------------------------------------------------------------------------ */

static void
the_newest_counts_and_the_others_go(void **state) {
	const lsr_store_t *store = *state;
	write_snapshot(store, 0x1000, 2, 10, 100);
	write_snapshot(store, 0x200, 1, 20, 100);
	assert_is(store, 0x1000, 2, 10, 100);
	write_snapshot(store, 0x10000, 3, 5, 100);
	assert_is(store, 0x10000, 3, 5, 100);
	/* An unfinished one is never looked at, whatever is in it. */
	const int file = openat(store->directory, "snapshot.tmp", O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(file, "LSRSNP01", 8), 8);
	assert_int_equal(close(file), 0);
	assert_is(store, 0x10000, 3, 5, 100);
	/* Foreign names are neither read nor removed. */
	static const char *const foreign[] = {"snapshot-zzzz.lsr", "snapshot-0000000000ffffff.lsr~", "snapshot.old"};
	for (size_t i = 0; i < COUNT(foreign); i++) {
		assert_int_equal(close(openat(store->directory, foreign[i], O_WRONLY | O_CREAT, 0600)), 0);
	}
	assert_is(store, 0x10000, 3, 5, 100);
	assert_int_equal(lsr_snapshot_remove_others(store->directory, 0x10000), 0);
	assert_is(store, 0x10000, 3, 5, 100);
	assert_int_equal(lsr_directory_count(store->directory, "snapshot"), 1 + COUNT(foreign));
	assert_int_equal(lsr_directory_count(store->directory, "snapshot.tmp"), 0);
	assert_int_equal(lsr_snapshot_remove_others(store->directory, 0), 0);
	assert_none(store);
	/* A second one from the same position takes the place of the first. */
	write_snapshot(store, 0x3000, 4, 11, 100);
	write_snapshot(store, 0x3000, 5, 12, 100);
	assert_is(store, 0x3000, 5, 12, 100);
	assert_int_equal(lsr_snapshot_remove_others(-1, 0) < 0, 1);
}

static void
what_the_function_answers_is_handed_on(void **state) {
	const lsr_store_t *store = *state;
	write_snapshot(store, 64, 1, 10, 100);
	const lessor_status_t answers[] = {LESSOR_NO_MEMORY, LESSOR_DAMAGED, LESSOR_LIMIT};
	for (size_t i = 0; i < COUNT(answers); i++) {
		lsr_reader_t reader = {.run = 1, .max_bytes = 100, .answer_at = 4, .answer = answers[i]};
		lsr_snapshot_info_t info;
		assert_int_equal(lsr_snapshot_read(store->directory, store_id, take_entry, &reader, &info), answers[i]);
		assert_int_equal(reader.next, 4);
		assert_non_null(strstr(info.sentence, "snapshot-0000000000000040.lsr"));
	}
}

/* ---- damage ------------------------------------------------------------------------------------------------------------------------ */

#define NAME "snapshot-0000000000000040.lsr"

static uint8_t whole[16 * LSR_BLOCK_BYTES];
static size_t whole_bytes;

static void
load_whole(const lsr_store_t *store) {
	const int file = openat(store->directory, NAME, O_RDONLY);
	const ssize_t got = read(file, whole, sizeof(whole));
	assert_true(got > 0 && (size_t)got < sizeof(whole));
	whole_bytes = (size_t)got;
	assert_int_equal(close(file), 0);
}

static void
store_bytes(const lsr_store_t *store, const uint8_t *bytes, size_t size_bytes) {
	const int file = openat(store->directory, NAME, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(file, bytes, size_bytes), (ssize_t)size_bytes);
	assert_int_equal(close(file), 0);
}

/* Headers and payloads are covered by a checksum; the zeros behind them up to the next block are nobody's. */
static bool
is_covered(size_t at, const size_t payload_bytes[2]) {
	const size_t place = at % LSR_BLOCK_BYTES;
	const size_t block = at / LSR_BLOCK_BYTES;
	return place < 64 + (block == 0 ? 0 : payload_bytes[block - 1]);
}

static void
every_flipped_byte_is_found(void **state) {
	const lsr_store_t *store = *state;
	write_snapshot(store, 64, 1, 20, 100);
	load_whole(store);
	assert_int_equal(whole_bytes, 3 * LSR_BLOCK_BYTES); /* header, one chunk, footer */
	uint32_t payload_bytes;
	memcpy(&payload_bytes, whole + LSR_BLOCK_BYTES + 4, sizeof(payload_bytes));
	const size_t payloads[2] = {payload_bytes, 32};
	static uint8_t spoilt[sizeof(whole)];
	for (size_t at = 0; at < whole_bytes; at++) {
		memcpy(spoilt, whole, whole_bytes);
		spoilt[at] ^= (uint8_t)(1u << at % 8);
		store_bytes(store, spoilt, whole_bytes);
		if (is_covered(at, payloads)) {
			assert_refused(store, LESSOR_DAMAGED, NAME);
		} else if (at % 16 == 0) {
			assert_is(store, 64, 1, 20, 100);
		}
	}
}

static void
every_truncation_is_found(void **state) {
	const lsr_store_t *store = *state;
	write_snapshot(store, 64, 1, 20, 100);
	load_whole(store);
	const size_t needed = 2 * LSR_BLOCK_BYTES + 64 + 32; /* the footer's last byte */
	for (size_t length = 0; length < whole_bytes; length += length % LSR_BLOCK_BYTES < 200 ? 1 : 61) {
		store_bytes(store, whole, length);
		if (length < needed) {
			assert_refused(store, LESSOR_DAMAGED, NAME);
		} else {
			lsr_snapshot_info_t info;
			assert_int_equal(lsr_snapshot_read(store->directory, store_id, NULL, NULL, &info), LESSOR_OK);
		}
	}
	/* Without its footer it is not finished; a chunk twice, or out of its place, is not a snapshot. */
	store_bytes(store, whole, 2 * LSR_BLOCK_BYTES);
	assert_refused(store, LESSOR_DAMAGED, NAME);
	static uint8_t shuffled[sizeof(whole)];
	memcpy(shuffled, whole, whole_bytes);
	memcpy(shuffled + 2 * LSR_BLOCK_BYTES, whole + LSR_BLOCK_BYTES, LSR_BLOCK_BYTES);
	memcpy(shuffled + 3 * LSR_BLOCK_BYTES, whole + 2 * LSR_BLOCK_BYTES, LSR_BLOCK_BYTES);
	store_bytes(store, shuffled, whole_bytes + LSR_BLOCK_BYTES);
	assert_refused(store, LESSOR_DAMAGED, NAME);
	memcpy(shuffled + LSR_BLOCK_BYTES, whole + 2 * LSR_BLOCK_BYTES, LSR_BLOCK_BYTES);
	store_bytes(store, shuffled, 2 * LSR_BLOCK_BYTES);
	assert_refused(store, LESSOR_DAMAGED, NAME);
}

static void
other_stores_and_names_are_told_apart(void **state) {
	const lsr_store_t *store = *state;
	lsr_snapshot_info_t info;
	write_snapshot(store, 64, 1, 20, 100);
	assert_int_equal(lsr_snapshot_read(store->directory, other_id, NULL, NULL, &info), LESSOR_DAMAGED);
	assert_non_null(strstr(info.sentence, NAME));
	assert_int_equal(renameat(store->directory, NAME, store->directory, "snapshot-0000000000000048.lsr"), 0);
	assert_refused(store, LESSOR_DAMAGED, "snapshot-0000000000000048.lsr");
}

/* A damaged newest one is not passed over for an older one, whose log is gone. */
static void
a_damaged_newest_one_is_not_passed_over(void **state) {
	const lsr_store_t *store = *state;
	write_snapshot(store, 8, 1, 20, 100);
	write_snapshot(store, 64, 1, 20, 100);
	load_whole(store);
	whole[LSR_BLOCK_BYTES + 70] ^= 1;
	store_bytes(store, whole, whole_bytes);
	assert_refused(store, LESSOR_DAMAGED, NAME);
}

/* ---- a disk that fails ---------------------------------------------------------------------------------------------------------------- */

/* Wherever it fails: the error comes out, nothing is left over, and the former snapshot is as good as before. */
static void
a_failed_write_leaves_the_former_one(void **state) {
	const lsr_store_t *store = *state;
	const struct {
		lsr_fault_t fault;
		int tries; /* places where it can fail */
	} faults[] = {
		{LSR_FAULT_OPEN, 1},
		{LSR_FAULT_WRITE, 4},
		{LSR_FAULT_DATASYNC, 1},
		{LSR_FAULT_RENAME, 1},
	};
	write_snapshot(store, 64, 1, 50, 100);
	for (size_t i = 0; i < COUNT(faults); i++) {
		for (int countdown = 0; countdown < faults[i].tries; countdown++) {
			lsr_disk_fail(faults[i].fault, countdown, EIO);
			/* 2 MiB: the header, two chunks or more, the footer. */
			assert_int_equal(try_write(store, 128, 2, 100, 40000), -EIO);
			lsr_disk_heal();
			assert_is(store, 64, 1, 50, 100);
			assert_int_equal(lsr_directory_count(store->directory, "snapshot"), 1);
		}
	}
	/* The name may be durable or not when the directory cannot be synced: then it is told as a failure. */
	lsr_disk_fail(LSR_FAULT_SYNC_DIRECTORY, 0, EIO);
	assert_int_equal(try_write(store, 128, 2, 100, 40000), -EIO);
	lsr_disk_heal();
	write_snapshot(store, 256, 3, 100, 40000);
	assert_is(store, 256, 3, 100, 40000);
}

static void
a_hesitant_disk_changes_nothing(void **state) {
	const lsr_store_t *store = *state;
	atomic_store(&lsr_disk.hesitates, true);
	write_snapshot(store, 64, 1, 300, 40000);
	assert_is(store, 64, 1, 300, 40000);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, make_store, drop_store)

int
main(void) {
	const struct CMUnitTest tests[] = {
		WITH_STORE(nothing_is_no_snapshot),
		WITH_STORE(what_goes_in_comes_out),
		WITH_STORE(chunks_end_where_they_must),
		WITH_STORE(the_newest_counts_and_the_others_go),
		WITH_STORE(what_the_function_answers_is_handed_on),
		WITH_STORE(every_flipped_byte_is_found),
		WITH_STORE(every_truncation_is_found),
		WITH_STORE(other_stores_and_names_are_told_apart),
		WITH_STORE(a_damaged_newest_one_is_not_passed_over),
		WITH_STORE(a_failed_write_leaves_the_former_one),
		WITH_STORE(a_hesitant_disk_changes_nothing),
	};
	(void)lsr_test_seed();
	return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
