/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: what is appended comes back complete and in order; what was acknowledged survives; what is damaged is refused with the place
 * of the damage; a disk that fails, hesitates or is full.
 *
 * Each record says who wrote it, its number and its size, and fills up with bytes that follow from them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "log/log.h"
#include "test_disk.h"
#include "test_random.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIB          ((uint64_t)1 << 20)

static const uint8_t store_id[LSR_STORE_ID_BYTES] = "sixteen bytes it";
static const uint8_t other_id[LSR_STORE_ID_BYTES] = "of another store";

/* ---- records that prove themselves -------------------------------------------------------------------------------------- */

typedef struct {
	uint32_t writer;
	uint32_t number;
	uint32_t size_bytes;
} lsr_stamp_t;

#define STAMP_BYTES sizeof(lsr_stamp_t)

static uint8_t
filling(const lsr_stamp_t *stamp, size_t at) {
	return (uint8_t)(stamp->writer * 31 + stamp->number * 7 + at * 3);
}

static void
put_record(uint8_t *payload, const lsr_stamp_t *stamp) {
	memcpy(payload, stamp, STAMP_BYTES);
	for (size_t at = STAMP_BYTES; at < stamp->size_bytes; at++) {
		payload[at] = filling(stamp, at);
	}
}

static bool
get_record(const uint8_t *payload, uint32_t size_bytes, lsr_stamp_t *stamp) {
	if (size_bytes < STAMP_BYTES) {
		return false;
	}
	memcpy(stamp, payload, STAMP_BYTES);
	bool good = stamp->size_bytes == size_bytes;
	for (size_t at = STAMP_BYTES; good && at < size_bytes; at++) {
		good = payload[at] == filling(stamp, at);
	}
	return good;
}

/* Append and, with 'wait', wait for it. Returns its LSN, or 0 with *status. */
static uint64_t
try_append(lsr_log_t *log, const lsr_stamp_t *stamp, lessor_status_t *status) {
	const uint32_t size_bytes = lsr_record_bytes(stamp->size_bytes);
	uint64_t position = 0;
	do {
		*status = lsr_log_admit(log, size_bytes);
		if (*status != LESSOR_OK) {
			return 0;
		}
	} while (!lsr_log_reserve(log, size_bytes, &position));
	put_record(lsr_log_payload(log, position), stamp);
	const uint64_t lsn = lsr_log_complete(log, position, lsr_record_header(LSR_LOG_LEASE, stamp->size_bytes));
	lsr_log_announce(log, lsn);
	return lsn;
}

static uint64_t
append(lsr_log_t *log, uint32_t writer, uint32_t number, uint32_t size_bytes) {
	lessor_status_t status;
	const lsr_stamp_t stamp = {.writer = writer, .number = number, .size_bytes = size_bytes};
	const uint64_t lsn = try_append(log, &stamp, &status);
	assert_int_equal(status, LESSOR_OK);
	return lsn;
}

/* ---- what a reading found ------------------------------------------------------------------------------------------------ */

#define WRITERS_MAX 8

typedef struct {
	uint64_t records;
	uint64_t wrong;                 /* not what was written, or out of order */
	uint64_t last_lsn;              /* of the record before */
	uint32_t expected[WRITERS_MAX]; /* next number of each writer */
	lessor_status_t answer;         /* what the function is to return at record number 'at' */
	uint64_t at;
} lsr_found_t;

static lessor_status_t
take_record(void *context, uint32_t header, const uint8_t *payload, uint64_t lsn) {
	lsr_found_t *found = context;
	lsr_stamp_t stamp = {0};
	found->records++;
	const bool good = lsr_header_type(header) == LSR_LOG_LEASE &&
			  get_record(payload, lsr_header_payload_bytes(header), &stamp) && stamp.writer < WRITERS_MAX &&
			  lsn - lsr_header_bytes(header) >= found->last_lsn && lsn % LSR_RECORD_ALIGN == 0;
	found->wrong += !good || stamp.number != found->expected[stamp.writer];
	if (good) {
		found->expected[stamp.writer] = stamp.number + 1;
	}
	found->last_lsn = lsn;
	return found->records == found->at ? found->answer : LESSOR_OK;
}

/* ---- a store to write to --------------------------------------------------------------------------------------------------- */

typedef struct {
	char path[256];
	int directory;
	lsr_log_t *log;
	bool open;
	uint64_t tail; /* when the log was closed last */
} lsr_store_t;

static int
make_store(void **state) {
	lsr_store_t *store = calloc(1, sizeof(*store));
	assert_non_null(store);
	lsr_disk_use();
	store->directory = lsr_directory_make(store->path, "log");
	assert_true(store->directory >= 0);
	store->log = aligned_alloc(_Alignof(lsr_log_t), sizeof(*store->log));
	assert_non_null(store->log);
	*state = store;
	return 0;
}

static int
drop_store(void **state) {
	lsr_store_t *store = *state;
	if (store->open) {
		return 0; /* the test has failed; threads of this log still run: leave everything to them */
	}
	lsr_io = &lsr_io_system;
	lsr_directory_remove(store->directory, store->path);
	free(store->log);
	free(store);
	return 0;
}

static lessor_status_t
read_log(const lsr_store_t *store, uint64_t from_lsn, lsr_found_t *found, lsr_log_contents_t *contents) {
	const uint64_t at = found->at;
	const lessor_status_t answer = found->answer;
	*found = (lsr_found_t){.at = at, .answer = answer};
	return lsr_log_read(store->directory, store_id, from_lsn, take_record, found, contents);
}

/* Open behind whatever is there. */
static lessor_status_t
try_open(lsr_store_t *store, uint64_t ring_bytes, uint64_t segment_bytes, uint32_t gather_us) {
	const lsr_log_options_t options = {
		.ring_bytes = ring_bytes, .segment_bytes = segment_bytes, .gather_us = gather_us};
	lsr_found_t found = {0};
	lsr_log_contents_t contents;
	char sentence[512] = "";
	assert_int_equal(read_log(store, 0, &found, &contents), LESSOR_OK);
	lsr_log_init(store->log);
	const lessor_status_t status =
		lsr_log_open(store->log, store->directory, store_id, &options, &contents, sentence, sizeof(sentence));
	assert_int_equal(status == LESSOR_OK, sentence[0] == '\0');
	lsr_log_contents_free(&contents);
	store->open = status == LESSOR_OK;
	return status;
}

static lsr_log_t *
open_log(lsr_store_t *store, uint64_t ring_bytes, uint64_t segment_bytes, uint32_t gather_us) {
	assert_int_equal(try_open(store, ring_bytes, segment_bytes, gather_us), LESSOR_OK);
	return store->log;
}

static void
close_log(lsr_store_t *store, lessor_status_t expected) {
	const lessor_status_t status = lsr_log_close(store->log);
	store->tail = lsr_log_tail(store->log);
	store->open = false;
	lsr_log_destroy(store->log);
	assert_int_equal(status, expected);
}

/*
 * A closed store that must be in order; what the writers have written is the caller's to compare. The log may have put empty records of
 * its own behind the last one that was appended, at 'last'.
 */
static lsr_found_t
read_sound(const lsr_store_t *store, uint64_t last) {
	lsr_found_t found = {0};
	lsr_log_contents_t contents;
	assert_int_equal(read_log(store, 0, &found, &contents), LESSOR_OK);
	assert_string_equal(contents.sentence, "");
	assert_int_equal(found.wrong, 0);
	assert_int_equal(contents.records, found.records);
	assert_int_equal(contents.end_lsn, store->tail);
	assert_true(last <= store->tail);
	assert_int_equal(contents.cut_bytes, 0);
	assert_true(contents.closed);
	lsr_log_contents_free(&contents);
	return found;
}

/* ---- format ------------------------------------------------------------------------------------------------------------------ */

static void
record_headers_say_what_they_were_told(void **state) {
	(void)state;
	for (size_t payload_bytes = 0; payload_bytes <= LSR_RECORD_MAX_BYTES - 4; payload_bytes++) {
		const uint32_t header = lsr_record_header(LSR_LOG_SCOPE, payload_bytes);
		assert_true(header != 0);
		assert_int_equal(lsr_header_payload_bytes(header), payload_bytes);
		assert_int_equal(lsr_header_bytes(header), lsr_record_bytes(payload_bytes));
		assert_int_equal(lsr_header_bytes(header) % LSR_RECORD_ALIGN, 0);
		assert_int_equal(lsr_header_type(header), LSR_LOG_SCOPE);
	}
}

static void
headers_are_sealed_over_every_byte(void **state) {
	(void)state;
	lsr_segment_header_t segment = {.magic = LSR_SEGMENT_MAGIC, .version = 1, .index = 3, .first_lsn = 64};
	lsr_segment_header_seal(&segment);
	assert_true(lsr_segment_header_is_sound(&segment));
	for (size_t at = 0; at < sizeof(segment); at++) {
		((uint8_t *)&segment)[at] ^= 1;
		assert_false(lsr_segment_header_is_sound(&segment));
		((uint8_t *)&segment)[at] ^= 1;
	}
	struct {
		lsr_frame_header_t header;
		uint8_t payload[48];
	} frame = {.header = {.magic = LSR_FRAME_MAGIC, .version = LSR_FORMAT_VERSION, .payload_bytes = 48}};
	memcpy(frame.header.store_id, store_id, sizeof(store_id));
	lsr_frame_seal(&frame.header);
	assert_true(lsr_frame_is_sound(&frame.header, store_id, sizeof(frame)));
	assert_false(lsr_frame_is_sound(&frame.header, store_id, sizeof(frame) - 1));
	assert_false(lsr_frame_is_sound(&frame.header, other_id, sizeof(frame)));
	for (size_t at = 0; at < sizeof(frame); at++) {
		((uint8_t *)&frame)[at] ^= 0x80;
		assert_false(lsr_frame_is_sound(&frame.header, store_id, sizeof(frame)));
		((uint8_t *)&frame)[at] ^= 0x80;
	}
}

/* ---- appending --------------------------------------------------------------------------------------------------------------- */

static void
an_empty_log_opens_and_closes(void **state) {
	lsr_store_t *store = *state;
	for (unsigned round = 0; round < 3; round++) {
		lsr_log_t *log = open_log(store, MIB, MIB, 1000);
		assert_int_equal(lsr_log_tail(log), LSR_LSN_FIRST);
		assert_int_equal(lsr_log_durable(log), LSR_LSN_FIRST);
		close_log(store, LESSOR_OK);
		const lsr_found_t found = read_sound(store, LSR_LSN_FIRST);
		assert_int_equal(found.records, 0);
		/* One segment for each open; what was only prepared is gone. */
		assert_int_equal(lsr_directory_count(store->directory, "log-"), round + 1);
		assert_int_equal(lsr_directory_count(store->directory, ""), round + 1 + 3 /* . and .., and the note */);
	}
}

static void
records_come_back_in_order(void **state) {
	lsr_store_t *store = *state;
	lsr_log_t *log = open_log(store, MIB, 2 * MIB, 1000);
	lsr_random_t random = lsr_random_stream(1);
	uint64_t last = LSR_LSN_FIRST;
	for (uint32_t number = 0; number < 3000; number++) {
		const uint32_t size_bytes = (uint32_t)(STAMP_BYTES + lsr_random_below(&random, 200));
		const uint64_t lsn = append(log, 0, number, size_bytes);
		assert_true(lsn >= last + lsr_record_bytes(size_bytes)); /* the log may put in empty ones of its own */
		last = lsn;
		if (number % 500 == 0) {
			assert_int_equal(lsr_log_wait(log, lsn, -1), LESSOR_OK);
			assert_true(lsr_log_durable(log) >= lsn);
		}
	}
	assert_true(lsr_log_tail(log) >= last);
	close_log(store, LESSOR_OK);
	const lsr_found_t found = read_sound(store, last);
	assert_int_equal(found.records, 3000);
	assert_int_equal(found.last_lsn, last);
}

/* Several records of one reservation, as a batch does it. */
static void
a_reservation_may_hold_many_records(void **state) {
	lsr_store_t *store = *state;
	lsr_log_t *log = open_log(store, MIB, MIB, 1000);
	uint64_t position = 0;
	const lsr_stamp_t sizes[] = {{0, 0, 20}, {0, 1, 13}, {0, 2, 60}, {0, 3, 12}};
	uint64_t total = 0;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		total += lsr_record_bytes(sizes[i].size_bytes);
	}
	assert_true(lsr_log_reserve(log, total, &position));
	for (size_t i = 0; i < COUNT(sizes); i++) {
		put_record(lsr_log_payload(log, position), &sizes[i]);
		position = lsr_log_complete(log, position, lsr_record_header(LSR_LOG_LEASE, sizes[i].size_bytes));
	}
	lsr_log_announce(log, position);
	assert_int_equal(position, lsr_log_tail(log));
	assert_int_equal(lsr_log_wait(log, position, -1), LESSOR_OK);
	close_log(store, LESSOR_OK);
	assert_int_equal(read_sound(store, position).records, COUNT(sizes));
}

/* Records that begin with zeros and padding of all lengths: a header is never mistaken for "not complete", nor old bytes for new ones. */
static void
a_record_is_complete_when_its_header_is(void **state) {
	lsr_store_t *store = *state;
	lsr_log_t *log = open_log(store, MIB, MIB, 0);
	uint64_t first = 0;
	uint64_t second = 0;
	assert_true(lsr_log_reserve(log, lsr_record_bytes(40), &first));
	assert_true(lsr_log_reserve(log, lsr_record_bytes(40), &second));
	const lsr_stamp_t stamps[] = {{0, 0, 40}, {0, 1, 40}};
	/* The second is ready; the first is not, so neither is durable. */
	put_record(lsr_log_payload(log, second), &stamps[1]);
	const uint64_t end = lsr_log_complete(log, second, lsr_record_header(LSR_LOG_LEASE, 40));
	lsr_log_announce(log, end);
	assert_int_equal(lsr_log_wait(log, end, 30), LESSOR_TIMEOUT);
	assert_int_equal(lsr_log_durable(log), first);
	put_record(lsr_log_payload(log, first), &stamps[0]);
	(void)lsr_log_complete(log, first, lsr_record_header(LSR_LOG_LEASE, 40));
	assert_int_equal(lsr_log_wait(log, end, -1), LESSOR_OK);
	close_log(store, LESSOR_OK);
	assert_int_equal(read_sound(store, end).records, 2);
}

/* ---- many threads -------------------------------------------------------------------------------------------------------------- */

#define APPENDERS 4

typedef struct {
	lsr_log_t *log;
	uint32_t writer;
	uint64_t bytes;     /* to write */
	uint32_t max_bytes; /* per record */
	uint32_t wait_each; /* wait for every so-manieth; 0 never */
	uint32_t written;   /* records appended */
	uint32_t durable;   /* of these, told to be durable: all before it are */
	lessor_status_t status;
} lsr_appender_t;

static void *
run_appender(void *argument) {
	lsr_appender_t *appender = argument;
	lsr_random_t random = {.state = appender->writer};
	uint64_t bytes = 0;
	while (bytes < appender->bytes && appender->status == LESSOR_OK) {
		const lsr_stamp_t stamp = {
			.writer = appender->writer,
			.number = appender->written,
			.size_bytes = (uint32_t)(STAMP_BYTES + lsr_random_below(&random, appender->max_bytes))};
		const uint64_t lsn = try_append(appender->log, &stamp, &appender->status);
		if (appender->status != LESSOR_OK) {
			break;
		}
		appender->written++;
		bytes += stamp.size_bytes;
		if (appender->wait_each != 0 && appender->written % appender->wait_each == 0) {
			appender->status = lsr_log_wait(appender->log, lsn, -1);
			appender->durable = appender->status == LESSOR_OK ? appender->written : appender->durable;
		}
	}
	return NULL;
}

static void
run_appenders(lsr_log_t *log, lsr_appender_t appenders[APPENDERS], const lsr_appender_t *model) {
	pthread_t threads[APPENDERS];
	for (uint32_t i = 0; i < APPENDERS; i++) {
		appenders[i] = *model;
		appenders[i].log = log;
		appenders[i].writer = i;
		assert_int_equal(pthread_create(&threads[i], NULL, run_appender, &appenders[i]), 0);
	}
	for (uint32_t i = 0; i < APPENDERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
}

static void
check_all_there(const lsr_found_t *found, const lsr_appender_t appenders[APPENDERS]) {
	for (uint32_t i = 0; i < APPENDERS; i++) {
		assert_int_equal(appenders[i].status, LESSOR_OK);
		assert_int_equal(found->expected[i], appenders[i].written);
	}
}

static void
threads_append_around_the_ring(void **state) {
	lsr_store_t *store = *state;
	lsr_appender_t appenders[APPENDERS];
	lsr_log_t *log = open_log(store, MIB, 4 * MIB, 100);
	const lsr_appender_t model = {.bytes = LSR_TEST_ROUNDS(6 * MIB), .max_bytes = 500};
	run_appenders(log, appenders, &model);
	const uint64_t tail = lsr_log_tail(log);
	assert_int_equal(lsr_log_wait(log, tail, -1), LESSOR_OK);
	close_log(store, LESSOR_OK);
	const lsr_found_t found = read_sound(store, tail);
	check_all_there(&found, appenders);
}

/* Large records wrap at the ring's end and do not fit the rest of a segment. */
static void
large_records_cross_every_border(void **state) {
	lsr_store_t *store = *state;
	lsr_appender_t appenders[APPENDERS];
	lsr_log_t *log = open_log(store, MIB, MIB, 100);
	const lsr_appender_t model = {.bytes = 3 * MIB, .max_bytes = 40000, .wait_each = 7};
	run_appenders(log, appenders, &model);
	const uint64_t tail = lsr_log_tail(log);
	close_log(store, LESSOR_OK);
	const lsr_found_t found = read_sound(store, tail);
	check_all_there(&found, appenders);
	assert_true(lsr_directory_count(store->directory, "log-") >= 12);
}

static void
every_acknowledged_record_is_there(void **state) {
	lsr_store_t *store = *state;
	lsr_appender_t appenders[APPENDERS];
	lsr_log_t *log = open_log(store, MIB, MIB, 1000);
	const lsr_appender_t model = {.bytes = LSR_TEST_ROUNDS(100000), .max_bytes = 300, .wait_each = 1};
	run_appenders(log, appenders, &model);
	/* Nobody closes: what is in the files now must be all that was acknowledged. */
	lsr_found_t found = {0};
	lsr_log_contents_t contents;
	assert_int_equal(read_log(store, 0, &found, &contents), LESSOR_OK);
	lsr_log_contents_free(&contents);
	assert_int_equal(found.wrong, 0);
	check_all_there(&found, appenders);
	close_log(store, LESSOR_OK);
}

static void
a_hesitant_disk_changes_nothing(void **state) {
	lsr_store_t *store = *state;
	lsr_appender_t appenders[APPENDERS];
	atomic_store(&lsr_disk.hesitates, true);
	lsr_log_t *log = open_log(store, MIB, MIB, 100);
	const lsr_appender_t model = {.bytes = MIB / 2, .max_bytes = 3000, .wait_each = 100};
	run_appenders(log, appenders, &model);
	const uint64_t tail = lsr_log_tail(log);
	close_log(store, LESSOR_OK);
	const lsr_found_t found = read_sound(store, tail);
	check_all_there(&found, appenders);
}

/* ---- opening again ------------------------------------------------------------------------------------------------------------ */

static void
a_log_goes_on_where_it_ended(void **state) {
	lsr_store_t *store = *state;
	uint64_t last = LSR_LSN_FIRST;
	uint32_t number = 0;
	for (unsigned round = 0; round < 4; round++) {
		lsr_log_t *log = open_log(store, MIB, MIB, 1000);
		assert_int_equal(lsr_log_tail(log), last);
		assert_int_equal(lsr_log_durable(log), last);
		for (unsigned i = 0; i < 10; i++) {
			last = append(log, 0, number++, 100);
		}
		close_log(store, LESSOR_OK);
		assert_int_equal(read_sound(store, last).records, number);
	}
	/* From the middle: whatever ends behind that position, and nothing before. */
	for (uint32_t skipped = 0; skipped <= number; skipped++) {
		const uint64_t from = LSR_LSN_FIRST + (uint64_t)skipped * lsr_record_bytes(100);
		lsr_found_t found = {0};
		lsr_log_contents_t contents;
		assert_int_equal(read_log(store, from, &found, &contents), LESSOR_OK);
		assert_int_equal(found.records, number - skipped);
		assert_int_equal(contents.end_lsn, last);
		lsr_log_contents_free(&contents);
	}
	lsr_found_t found = {0};
	lsr_log_contents_t contents;
	assert_int_equal(read_log(store, last + 8, &found, &contents), LESSOR_DAMAGED);
	assert_string_not_equal(contents.sentence, "");
	lsr_log_contents_free(&contents);
}

static void
segments_roll_and_are_dropped(void **state) {
	lsr_store_t *store = *state;
	lsr_log_t *log = open_log(store, MIB, MIB, 100);
	uint64_t lsn = 0;
	uint64_t middle = 0;
	for (uint32_t number = 0; number < 5000; number++) {
		lsn = append(log, 0, number, 1000);
		middle = number == 2499 ? lsn : middle;
	}
	assert_int_equal(lsr_log_wait(log, lsn, -1), LESSOR_OK);
	const size_t before = lsr_directory_count(store->directory, "log-");
	assert_true(before >= 5);
	const uint64_t bytes_before = atomic_load(&log->segments.total_bytes);
	assert_int_equal(bytes_before, before * MIB);
	/* Nothing may go for a position in the first one. */
	assert_int_equal(lsr_log_drop(log, LSR_LSN_FIRST, UINT32_MAX), 0);
	assert_int_equal(lsr_directory_count(store->directory, "log-"), before);
	/* What lies behind the middle is still complete. */
	assert_int_equal(lsr_log_drop(log, middle, UINT32_MAX), 0);
	const size_t after = lsr_directory_count(store->directory, "log-");
	assert_true(after < before && after >= 2);
	assert_int_equal(atomic_load(&log->segments.total_bytes), after * MIB);
	lsr_found_t found = {.expected = {0}};
	lsr_log_contents_t contents;
	assert_int_equal(read_log(store, middle, &found, &contents), LESSOR_OK);
	lsr_log_contents_free(&contents);
	assert_int_equal(found.records, 2500);
	assert_int_equal(read_log(store, 0, &found, &contents), LESSOR_DAMAGED);
	assert_non_null(strstr(contents.sentence, "missing"));
	lsr_log_contents_free(&contents);
	/* The last one always stays. */
	assert_int_equal(lsr_log_drop(log, UINT64_MAX, UINT32_MAX), 0);
	assert_int_equal(lsr_directory_count(store->directory, "log-"), 1);
	lsn = append(log, 0, 5000, 1000);
	close_log(store, LESSOR_OK);
	assert_int_equal(read_log(store, lsn - 8, &found, &contents), LESSOR_OK);
	assert_int_equal(found.records, 1);
	lsr_log_contents_free(&contents);
}

/* ---- damage: files made by hand ------------------------------------------------------------------------------------------------- */

/* A segment file in memory. */
typedef struct {
	uint8_t bytes[24 * LSR_BLOCK_BYTES];
	size_t size_bytes; /* whole blocks so far */
	uint64_t index;
	uint64_t next_lsn;
	uint32_t number;   /* of the next record */
	uint32_t last_crc; /* of the frame before; 0: none */
} lsr_image_t;

static void
image_begin(lsr_image_t *image, uint64_t index, uint64_t first_lsn, uint32_t number) {
	lsr_segment_header_t header = {.magic = LSR_SEGMENT_MAGIC,
				       .version = LSR_FORMAT_VERSION,
				       .index = index,
				       .first_lsn = first_lsn,
				       .size_bytes = LSR_BLOCK_BYTES}; /* no file here is shorter than it was made */
	memset(image, 0, sizeof(*image));
	memcpy(header.store_id, store_id, sizeof(store_id));
	lsr_segment_header_seal(&header);
	memcpy(image->bytes, &header, sizeof(header));
	image->size_bytes = LSR_BLOCK_BYTES;
	image->index = index;
	image->next_lsn = first_lsn;
	image->number = number;
}

/* Add a frame with these records; 'change' may spoil the header before it is sealed. Returns its offset. */
static size_t
image_frame(lsr_image_t *image, unsigned records, uint32_t record_bytes, void (*change)(lsr_frame_header_t *header)) {
	const size_t offset = image->size_bytes;
	lsr_frame_header_t *frame = (lsr_frame_header_t *)(void *)(image->bytes + offset);
	*frame = (lsr_frame_header_t){.magic = LSR_FRAME_MAGIC,
				      .version = LSR_FORMAT_VERSION,
				      .first_lsn = image->next_lsn,
				      .durable_lsn = image->next_lsn,
				      .payload_bytes = records * lsr_record_bytes(record_bytes),
				      .previous_crc = image->last_crc,
				      .segment_index = image->index};
	memcpy(frame->store_id, store_id, sizeof(store_id));
	uint8_t *to = (uint8_t *)(frame + 1);
	for (unsigned i = 0; i < records; i++) {
		const lsr_stamp_t stamp = {.writer = 0, .number = image->number++, .size_bytes = record_bytes};
		const uint32_t header = lsr_record_header(LSR_LOG_LEASE, record_bytes);
		memcpy(to, &header, sizeof(header));
		put_record(to + 4, &stamp);
		to += lsr_record_bytes(record_bytes);
	}
	image->next_lsn += frame->payload_bytes;
	if (change != NULL) {
		change(frame);
	}
	lsr_frame_seal(frame);
	image->last_crc = frame->crc;
	image->size_bytes += lsr_frame_disk_bytes(records * (uint64_t)lsr_record_bytes(record_bytes));
	assert_true(image->size_bytes <= sizeof(image->bytes));
	return offset;
}

static void
write_file(const lsr_store_t *store, uint64_t index, const void *bytes, size_t size_bytes) {
	char name[32];
	(void)snprintf(name, sizeof(name), LSR_SEGMENT_NAME_FORMAT, (unsigned long long)index);
	const int file = openat(store->directory, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(file >= 0);
	assert_int_equal(pwrite(file, bytes, size_bytes, 0), (ssize_t)size_bytes);
	assert_int_equal(close(file), 0);
}

static void
write_image(const lsr_store_t *store, const lsr_image_t *image) {
	write_file(store, image->index, image->bytes, image->size_bytes);
}

/* The log ends in order behind 'records' records, with or without garbage. */
static void
assert_ends(const lsr_store_t *store, uint64_t records, uint64_t end_lsn, uint64_t cut_bytes) {
	lsr_found_t found = {0};
	lsr_log_contents_t contents;
	assert_int_equal(read_log(store, 0, &found, &contents), LESSOR_OK);
	assert_int_equal(found.wrong, 0);
	assert_int_equal(found.records, records);
	assert_int_equal(contents.records, records);
	assert_int_equal(contents.end_lsn, end_lsn);
	assert_int_equal(contents.cut_bytes, cut_bytes);
	lsr_log_contents_free(&contents);
}

/* Refused; the sentence names both. */
static void
assert_refused(const lsr_store_t *store, lessor_status_t expected, const char *first, const char *second) {
	lsr_found_t found = {0};
	lsr_log_contents_t contents;
	assert_int_equal(read_log(store, 0, &found, &contents), expected);
	assert_int_equal(found.wrong, 0);
	if (strstr(contents.sentence, first) == NULL || strstr(contents.sentence, second) == NULL) {
		fail_msg("\"%s\" does not say \"%s\" and \"%s\"", contents.sentence, first, second);
	}
	lsr_log_contents_free(&contents);
}

static uint64_t
bytes_to_last_nonzero(const uint8_t *bytes, size_t size_bytes) {
	while (size_bytes > 0 && bytes[size_bytes - 1] == 0) {
		size_bytes--;
	}
	return size_bytes;
}

/*
 * A crash in the middle of the last flush: its frame is there up to some byte, and zeros, nothing, or garbage follow. All of it goes,
 * nothing of what stands before.
 */
static void
a_torn_tail_is_cut_at_every_byte(void **state) {
	lsr_store_t *store = *state;
	static lsr_image_t image;
	image_begin(&image, 1, LSR_LSN_FIRST, 0);
	(void)image_frame(&image, 3, 60, NULL);
	(void)image_frame(&image, 2, 100, NULL);
	const uint64_t good_lsn = image.next_lsn;
	const size_t last = image_frame(&image, 2, 80, NULL);
	const uint64_t full_lsn = image.next_lsn;
	const size_t frame_bytes = LSR_FRAME_HEADER_BYTES + (size_t)(full_lsn - good_lsn);
	write_image(store, &image);
	assert_ends(store, 7, full_lsn, 0);
	static uint8_t torn[sizeof(image.bytes)];
	for (size_t kept = 0; kept < frame_bytes; kept++) {
		memcpy(torn, image.bytes, image.size_bytes);
		const bool complete = bytes_to_last_nonzero(image.bytes + last + kept, frame_bytes - kept) == 0;
		memset(torn + last + kept, 0, image.size_bytes - last - kept);
		write_file(store, 1, torn, image.size_bytes);
		if (complete) {
			assert_ends(store, 7, full_lsn, 0);
		} else {
			assert_ends(store, 5, good_lsn, bytes_to_last_nonzero(torn + last, kept));
		}
		write_file(store, 1, torn, last + kept); /* and if the file ends there */
		assert_ends(store, 5, good_lsn, bytes_to_last_nonzero(torn + last, kept));
		memset(torn + last + kept, 0xA5, image.size_bytes - last - kept);
		write_file(store, 1, torn, image.size_bytes);
		assert_ends(store, 5, good_lsn, image.size_bytes - last);
	}
	for (size_t at = 0; at < frame_bytes; at++) {
		memcpy(torn, image.bytes, image.size_bytes);
		torn[last + at] ^= 0x10;
		write_file(store, 1, torn, image.size_bytes);
		assert_ends(store, 5, good_lsn, bytes_to_last_nonzero(torn + last, image.size_bytes - last));
	}
}

/* A file that lost its end without a closing mark is damage, wherever it was cut; with the mark it ends in order. */
static void
a_file_that_became_shorter_is_damage(void **state) {
	lsr_store_t *store = *state;
	static uint8_t bytes[MIB];
	lsr_log_t *log = open_log(store, MIB, MIB, 1000);
	const uint64_t first = append(log, 0, 0, 50);
	assert_int_equal(lsr_log_wait(log, first, -1), LESSOR_OK); /* a frame of its own */
	const uint64_t lsn = append(log, 0, 1, 50);
	close_log(store, LESSOR_OK);
	char name[32];
	(void)snprintf(name, sizeof(name), LSR_SEGMENT_NAME_FORMAT, 1ULL);
	const int file = openat(store->directory, name, O_RDONLY);
	const ssize_t size = pread(file, bytes, sizeof(bytes), 0);
	assert_int_equal(close(file), 0);
	assert_int_equal(size, 4 * LSR_BLOCK_BYTES); /* header, two frames, the mark */
	assert_ends(store, 2, lsn, 0);
	for (size_t blocks = 1; blocks < 4; blocks++) {
		write_file(store, 1, bytes, blocks * LSR_BLOCK_BYTES);
		assert_refused(store, LESSOR_DAMAGED, name, "the file ends at offset");
	}
}

/* Behind a torn tail the log goes on in a new segment, and reads as one. */
static void
a_torn_tail_is_written_behind(void **state) {
	lsr_store_t *store = *state;
	static lsr_image_t image;
	image_begin(&image, 1, LSR_LSN_FIRST, 0);
	(void)image_frame(&image, 3, 60, NULL);
	const size_t last = image_frame(&image, 2, 80, NULL);
	memset(image.bytes + last + 70, 0xEE, 100);
	write_image(store, &image);
	lsr_log_t *log = open_log(store, MIB, MIB, 1000);
	const uint64_t lsn = append(log, 0, 3, 50);
	close_log(store, LESSOR_OK);
	assert_int_equal(read_sound(store, lsn).records, 4);
}

/* What stands before a valid frame was durable once: its loss is no torn tail. */
static void
damage_before_the_end_is_refused_at_every_byte(void **state) {
	lsr_store_t *store = *state;
	static lsr_image_t image;
	static uint8_t spoilt[sizeof(image.bytes)];
	image_begin(&image, 1, LSR_LSN_FIRST, 0);
	size_t frames[3];
	for (size_t i = 0; i < COUNT(frames); i++) {
		frames[i] = image_frame(&image, 2, 90, NULL);
	}
	const size_t frame_bytes = LSR_FRAME_HEADER_BYTES + (size_t)2 * lsr_record_bytes(90);
	for (size_t i = 0; i < 2; i++) {
		char place[32];
		(void)snprintf(place, sizeof(place), "offset %zu", frames[i]);
		for (size_t at = 0; at < frame_bytes; at++) {
			memcpy(spoilt, image.bytes, image.size_bytes);
			spoilt[frames[i] + at] ^= 0x01;
			write_file(store, 1, spoilt, image.size_bytes);
			assert_refused(store, LESSOR_DAMAGED, "log-0000000000000001.seg", place);
		}
		memcpy(spoilt, image.bytes, image.size_bytes);
		memset(spoilt + frames[i], 0, LSR_BLOCK_BYTES);
		write_file(store, 1, spoilt, image.size_bytes);
		assert_refused(store, LESSOR_DAMAGED, "log-0000000000000001.seg", place);
	}
	/* Zeros between the payload and the next block are nobody's. */
	memcpy(spoilt, image.bytes, image.size_bytes);
	spoilt[frames[0] + LSR_BLOCK_BYTES - 1] = 1;
	write_file(store, 1, spoilt, image.size_bytes);
	assert_ends(store, 6, image.next_lsn, 0);
}

/* Three segments: the one in the middle is cut, missing, emptied, wiped, or somebody else's. */
static void
damage_between_segments_is_refused(void **state) {
	lsr_store_t *store = *state;
	static lsr_image_t image[3];
	uint64_t lsn = LSR_LSN_FIRST;
	uint32_t number = 0;
	for (size_t i = 0; i < COUNT(image); i++) {
		image_begin(&image[i], i + 1, lsn, number);
		(void)image_frame(&image[i], 2, 90, NULL);
		(void)image_frame(&image[i], 2, 90, NULL);
		lsn = image[i].next_lsn;
		number = image[i].number;
		write_image(store, &image[i]);
	}
	assert_ends(store, 12, lsn, 0);
	static const char second[] = "log-0000000000000002.seg";
	/* The end of the second one is torn, but the third one follows. */
	write_file(store, 2, image[1].bytes, image[1].size_bytes - LSR_BLOCK_BYTES);
	assert_refused(store, LESSOR_DAMAGED, second, "offset 8192");
	write_file(store, 2, image[1].bytes, LSR_BLOCK_BYTES);
	assert_refused(store, LESSOR_DAMAGED, second, "offset 4096");
	write_file(store, 2, image[1].bytes, 100);
	assert_refused(store, LESSOR_DAMAGED, second, "offset");
	write_file(store, 2, image[1].bytes, 0);
	assert_refused(store, LESSOR_DAMAGED, second, "offset");
	static uint8_t spoilt[sizeof(image[1].bytes)];
	memcpy(spoilt, image[1].bytes, sizeof(spoilt));
	memset(spoilt, 0, LSR_BLOCK_BYTES);
	write_file(store, 2, spoilt, image[1].size_bytes);
	assert_refused(store, LESSOR_DAMAGED, second, "offset 0");
	for (size_t at = 0; at < sizeof(lsr_segment_header_t); at++) {
		memcpy(spoilt, image[1].bytes, LSR_BLOCK_BYTES);
		spoilt[at] ^= 0x20;
		write_file(store, 2, spoilt, image[1].size_bytes);
		assert_refused(store, LESSOR_DAMAGED, second, "offset 0");
	}
	/* Another segment's contents under this name. */
	write_file(store, 2, image[2].bytes, image[2].size_bytes);
	assert_refused(store, LESSOR_DAMAGED, second, "offset 0");
	assert_int_equal(unlinkat(store->directory, second, 0), 0);
	assert_refused(store, LESSOR_DAMAGED, "2", "");
	write_image(store, &image[1]);
	assert_ends(store, 12, lsn, 0);
	assert_int_equal(unlinkat(store->directory, "log-0000000000000001.seg", 0), 0);
	assert_refused(store, LESSOR_DAMAGED, "position 64", "missing");
}

/* The note which segment is the newest: a file that is lost is missed, a note that is lost or older is not, nor any other damage to it. */
static void
the_newest_segment_is_missed(void **state) {
	lsr_store_t *store = *state;
	uint8_t notes[3][2 * LSR_BLOCK_BYTES] = {{0}};
	for (unsigned round = 0; round < 3; round++) {
		(void)open_log(store, MIB, MIB, 1000);
		close_log(store, LESSOR_OK);
		const int file = openat(store->directory, LSR_NEWEST_NAME, O_RDONLY | O_CLOEXEC);
		assert_true(file >= 0);
		assert_true(pread(file, notes[round], sizeof(notes[round]), 0) > 0);
		(void)close(file);
		assert_int_equal(lsr_log_newest(store->directory, store_id), round + 1);
	}
	const int file = openat(store->directory, LSR_NEWEST_NAME, O_RDWR | O_CLOEXEC);
	for (size_t at = 0; at < sizeof(notes[0]); at += at % LSR_BLOCK_BYTES < 64 ? 1 : 77) {
		const uint8_t spoilt = notes[2][at] ^ 0x10;
		assert_int_equal(pwrite(file, &spoilt, 1, (off_t)at), 1);
		(void)read_sound(store, LSR_LSN_FIRST);
		assert_int_equal(pwrite(file, &notes[2][at], 1, (off_t)at), 1);
	}
	for (unsigned round = 0; round < 2; round++) { /* a crash before it was written */
		assert_int_equal(pwrite(file, notes[round], sizeof(notes[0]), 0), sizeof(notes[0]));
		(void)read_sound(store, LSR_LSN_FIRST);
	}
	assert_int_equal(unlinkat(store->directory, "log-0000000000000003.seg", 0), 0);
	(void)read_sound(store, LSR_LSN_FIRST); /* so says the note */
	assert_int_equal(pwrite(file, notes[2], sizeof(notes[0]), 0), sizeof(notes[0]));
	assert_refused(store, LESSOR_DAMAGED, "log-0000000000000003.seg", "missing");
	(void)close(file);
	assert_int_equal(unlinkat(store->directory, LSR_NEWEST_NAME, 0), 0);
	(void)read_sound(store, LSR_LSN_FIRST);
}

static void
make_another_store_s(lsr_frame_header_t *header) {
	memcpy(header->store_id, other_id, sizeof(other_id));
}

static void
make_another_segment_s(lsr_frame_header_t *header) {
	header->segment_index += 7;
}

static void
make_stale(lsr_frame_header_t *header) {
	header->first_lsn = LSR_LSN_FIRST;
}

static void
make_far_ahead(lsr_frame_header_t *header) {
	header->first_lsn += 1 << 20;
}

static void
make_of_the_future(lsr_frame_header_t *header) {
	header->version++;
}

/* Sound frames that do not belong where they are: leftovers are the end of the log, one that is ahead of it says that something is lost. */
static void
foreign_frames_do_not_count(void **state) {
	lsr_store_t *store = *state;
	static lsr_image_t image;
	void (*const leftovers[])(lsr_frame_header_t *) = {make_another_store_s, make_another_segment_s, make_stale,
							   make_of_the_future};
	for (size_t i = 0; i < COUNT(leftovers); i++) {
		image_begin(&image, 1, LSR_LSN_FIRST, 0);
		(void)image_frame(&image, 2, 90, NULL);
		const uint64_t end_lsn = image.next_lsn;
		const size_t offset = image_frame(&image, 2, 90, leftovers[i]);
		write_image(store, &image);
		assert_ends(store, 2, end_lsn, bytes_to_last_nonzero(image.bytes + offset, LSR_BLOCK_BYTES));
	}
	image_begin(&image, 1, LSR_LSN_FIRST, 0);
	(void)image_frame(&image, 2, 90, NULL);
	(void)image_frame(&image, 2, 90, make_far_ahead);
	write_image(store, &image);
	assert_refused(store, LESSOR_DAMAGED, "log-0000000000000001.seg", "offset 8192");
}

static void
make_another_history_s(lsr_frame_header_t *header) {
	header->previous_crc ^= 1;
}

static void
make_a_beginning(lsr_frame_header_t *header) {
	header->previous_crc = 0;
}

static void
make_a_mark(lsr_frame_header_t *header) {
	header->flags = LSR_FRAME_CLOSED;
	header->previous_crc = 0;
}

/* A frame names the one before it: logs that went on differently from one state are not mixed. */
static void
a_frame_follows_the_one_before(void **state) {
	lsr_store_t *store = *state;
	static lsr_image_t image[2];
	void (*const strangers[])(lsr_frame_header_t *) = {make_another_history_s, make_a_beginning};
	for (size_t i = 0; i < COUNT(strangers); i++) {
		image_begin(&image[0], 1, LSR_LSN_FIRST, 0);
		(void)image_frame(&image[0], 2, 90, NULL);
		(void)image_frame(&image[0], 2, 90, strangers[i]);
		(void)image_frame(&image[0], 2, 90, NULL);
		write_image(store, &image[0]);
		assert_refused(store, LESSOR_DAMAGED, "log-0000000000000001.seg", "offset 8192: the frame there");
	}
	/* From segment to segment too; but a process may begin there, and the mark behind a torn tail was not written by the one before. */
	image_begin(&image[0], 1, LSR_LSN_FIRST, 0);
	(void)image_frame(&image[0], 2, 90, NULL);
	(void)image_frame(&image[0], 0, 90, make_a_mark);
	write_image(store, &image[0]);
	void (*const firsts[])(lsr_frame_header_t *) = {NULL, make_a_beginning, make_another_history_s};
	for (size_t i = 0; i < COUNT(firsts); i++) {
		image_begin(&image[1], 2, image[0].next_lsn, image[0].number);
		image[1].last_crc = image[0].last_crc;
		(void)image_frame(&image[1], 2, 90, firsts[i]);
		write_image(store, &image[1]);
		if (firsts[i] != make_another_history_s) {
			assert_ends(store, 4, image[1].next_lsn, 0);
		} else {
			assert_refused(store, LESSOR_DAMAGED, "log-0000000000000002.seg",
				       "offset 4096: the frame there");
		}
	}
}

static void
other_versions_and_stores_are_told_apart(void **state) {
	lsr_store_t *store = *state;
	static lsr_image_t image;
	image_begin(&image, 1, LSR_LSN_FIRST, 0);
	(void)image_frame(&image, 2, 90, NULL);
	lsr_segment_header_t *header = (lsr_segment_header_t *)(void *)image.bytes;
	static const uint32_t unknown[] = {0, LSR_FORMAT_VERSION + 1};
	for (size_t i = 0; i < COUNT(unknown); i++) {
		char version[16];
		(void)snprintf(version, sizeof(version), "version %u", unknown[i]);
		header->version = unknown[i];
		lsr_segment_header_seal(header);
		write_image(store, &image);
		assert_refused(store, LESSOR_UNSUPPORTED, "log-0000000000000001.seg", version);
	}
	header->version = LSR_FORMAT_OLDEST;
	lsr_segment_header_seal(header);
	write_image(store, &image);
	assert_ends(store, 2, image.next_lsn, 0);
	memcpy(header->store_id, other_id, sizeof(other_id));
	lsr_segment_header_seal(header);
	write_image(store, &image);
	assert_refused(store, LESSOR_DAMAGED, "log-0000000000000001.seg", "offset 0");
	/* Names that are not quite a segment's mean nothing. */
	lsr_directory_empty(store->directory, "log-");
	const int file = openat(store->directory, "log-0000000000000001.seg~", O_WRONLY | O_CREAT, 0600);
	assert_int_equal(close(file), 0);
	assert_ends(store, 0, LSR_LSN_FIRST, 0);
}

/* A sealed frame whose records are nonsense: never trusted. */
static void
malformed_records_are_refused(void **state) {
	lsr_store_t *store = *state;
	static lsr_image_t image;
	const uint32_t headers[] = {
		0,                                             /* no size */
		lsr_record_header(LSR_LOG_LEASE, 90) + 1,      /* one unit longer than the frame */
		lsr_record_header(LSR_LOG_LEASE, 90) | 0xFFFF, /* much longer */
	};
	for (size_t i = 0; i < COUNT(headers); i++) {
		image_begin(&image, 1, LSR_LSN_FIRST, 0);
		const size_t offset = image_frame(&image, 2, 90, NULL);
		memcpy(image.bytes + offset + LSR_FRAME_HEADER_BYTES + lsr_record_bytes(90), &headers[i], 4);
		lsr_frame_seal((lsr_frame_header_t *)(void *)(image.bytes + offset));
		write_image(store, &image);
		assert_refused(store, LESSOR_DAMAGED, "log-0000000000000001.seg", "offset 4096");
	}
}

static void
what_the_function_answers_is_handed_on(void **state) {
	lsr_store_t *store = *state;
	static lsr_image_t image;
	image_begin(&image, 1, LSR_LSN_FIRST, 0);
	(void)image_frame(&image, 5, 90, NULL);
	write_image(store, &image);
	const lessor_status_t answers[] = {LESSOR_NO_MEMORY, LESSOR_DAMAGED};
	for (size_t i = 0; i < COUNT(answers); i++) {
		lsr_found_t found = {.answer = answers[i], .at = 3};
		lsr_log_contents_t contents;
		assert_int_equal(read_log(store, 0, &found, &contents), answers[i]);
		assert_int_equal(found.records, 3); /* and no more */
		assert_non_null(strstr(contents.sentence, "log-0000000000000001.seg"));
		assert_non_null(strstr(contents.sentence, "offset 4096"));
		lsr_log_contents_free(&contents);
	}
}

/* ---- room ------------------------------------------------------------------------------------------------------------------------ */

/* Cut 'payload' into full frames of records of one size, as the writer does. Does all of it fit behind 'offset'? */
static bool
fits(uint64_t size_bytes, uint64_t offset, uint64_t payload, uint64_t record_bytes) {
	while (payload > 0) {
		const uint64_t left = size_bytes - offset;
		if (left < 2 * LSR_BLOCK_BYTES) {
			return false;
		}
		uint64_t most = (left - LSR_BLOCK_BYTES) / LSR_BLOCK_BYTES * LSR_BLOCK_BYTES - LSR_FRAME_HEADER_BYTES;
		most = lsr_min_u64(most, LSR_FRAME_PAYLOAD_MAX);
		const uint64_t taken = lsr_min_u64(most / record_bytes * record_bytes, payload);
		if (taken == 0) {
			return false;
		}
		payload -= taken;
		offset += lsr_frame_disk_bytes(taken);
	}
	return true;
}

static void
promised_room_is_there(void **state) {
	(void)state;
	lsr_random_t random = lsr_random_stream(5);
	for (unsigned round = 0; round < 3000; round++) {
		const uint64_t size_bytes = MIB << lsr_random_below(&random, 7);
		const uint64_t offset = (1 + lsr_random_below(&random, size_bytes / LSR_BLOCK_BYTES)) * LSR_BLOCK_BYTES;
		const uint64_t record_bytes = 8 * (1 + lsr_random_below(&random, round % 2 == 0 ? 20 : 5200));
		const lsr_segments_t segments = {.current = {.file = 0, .size_bytes = size_bytes, .offset = offset}};
		const uint64_t room = lsr_segments_room(&segments, NULL);
		assert_true(room <= size_bytes - offset);
		assert_true(fits(size_bytes, offset, room / record_bytes * record_bytes, record_bytes));
	}
	const lsr_segments_t none = {.current = {.file = -1}};
	assert_int_equal(lsr_segments_room(&none, NULL), 0);
}

/* The ring is full because the disk stands still: a reservation is refused, and nothing has happened. */
static void
a_full_ring_is_a_refusal_without_effects(void **state) {
	lsr_store_t *store = *state;
	lsr_log_t *log = open_log(store, MIB, 8 * MIB, 0);
	const uint32_t record_bytes = lsr_record_bytes(1000);
	uint32_t number = 0;
	lsr_disk_hold();
	uint64_t position = 0;
	uint64_t last = append(log, 0, number++, 1000);
	assert_int_equal(lsr_log_poll(log, last), LESSOR_TIMEOUT);
	lsr_disk_await_writer();
	while (lsr_log_reserve(log, record_bytes, &position)) {
		const lsr_stamp_t stamp = {.writer = 0, .number = number++, .size_bytes = 1000};
		put_record(lsr_log_payload(log, position), &stamp);
		last = lsr_log_complete(log, position, lsr_record_header(LSR_LOG_LEASE, 1000));
		assert_int_equal(last, position + record_bytes);
		assert_true(number < 2000);
	}
	assert_true(number > 100);
	for (unsigned i = 0; i < 100; i++) {
		assert_false(lsr_log_reserve(log, record_bytes, &position));
	}
	assert_int_equal(lsr_log_tail(log), last);
	/* Something smaller may still fit; the sum never exceeds the limit. */
	assert_true(lsr_log_tail(log) <= atomic_load(&log->limit));
	/* What can never fit is told at once. */
	assert_int_equal(lsr_log_admit(log, MIB), LESSOR_LIMIT);
	lsr_disk_release();
	assert_int_equal(lsr_log_admit(log, record_bytes), LESSOR_OK);
	last = append(log, 0, number++, 1000);
	assert_int_equal(lsr_log_wait(log, last, -1), LESSOR_OK);
	close_log(store, LESSOR_OK);
	assert_int_equal(read_sound(store, last).records, number);
}

/* ---- waiting ---------------------------------------------------------------------------------------------------------------------- */

static void
waits_end_in_time(void **state) {
	lsr_store_t *store = *state;
	lsr_log_t *log = open_log(store, MIB, MIB, 1000);
	assert_int_equal(lsr_log_wait(log, LSR_LSN_FIRST, -1), LESSOR_OK); /* durable since the beginning */
	assert_int_equal(lsr_log_wait(log, 0, -1), LESSOR_OK);
	assert_int_equal(lsr_log_poll(log, LSR_LSN_FIRST + 1), LESSOR_INVALID); /* never handed out */
	assert_int_equal(lsr_log_wait(log, UINT64_MAX, -1), LESSOR_INVALID);
	lsr_disk_hold();
	const uint64_t lsn = append(log, 0, 0, 100);
	assert_int_equal(lsr_log_wait(log, lsn, 0), LESSOR_TIMEOUT);
	const uint64_t before_ns = lsr_clock_ns();
	assert_int_equal(lsr_log_wait(log, lsn, 30), LESSOR_TIMEOUT);
	assert_true(lsr_clock_ns() - before_ns >= UINT64_C(30000000));
	assert_int_equal(lsr_log_poll(log, lsn), LESSOR_TIMEOUT);
	lsr_disk_release();
	assert_int_equal(lsr_log_wait(log, lsn, INT64_MAX), LESSOR_OK);
	assert_int_equal(lsr_log_poll(log, lsn), LESSOR_OK);
	assert_int_equal(lsr_log_durable(log), lsn);
	close_log(store, LESSOR_OK);
}

typedef struct {
	lsr_log_t *log;
	uint64_t lsn;
	lessor_status_t status;
	atomic_bool begun;
} lsr_waiter_t;

static void *
run_waiter(void *argument) {
	lsr_waiter_t *waiter = argument;
	atomic_store(&waiter->begun, true);
	waiter->status = lsr_log_wait(waiter->log, waiter->lsn, -1);
	return NULL;
}

static void
start_waiter(pthread_t *thread, lsr_waiter_t *waiter, lsr_log_t *log, uint64_t lsn) {
	waiter->log = log;
	waiter->lsn = lsn;
	waiter->status = LESSOR_INVALID;
	atomic_store(&waiter->begun, false);
	assert_int_equal(pthread_create(thread, NULL, run_waiter, waiter), 0);
	while (!atomic_load(&waiter->begun)) {
		(void)sched_yield();
	}
}

static void
closing_lets_waiters_out(void **state) {
	lsr_store_t *store = *state;
	pthread_t threads[3];
	lsr_waiter_t waiters[3];
	lsr_log_t *log = open_log(store, MIB, MIB, 1000);
	const uint64_t first = append(log, 0, 0, 100);
	assert_int_equal(lsr_log_wait(log, first, -1), LESSOR_OK);
	lsr_disk_hold();
	const uint64_t second = append(log, 0, 1, 100);
	for (size_t i = 0; i < COUNT(waiters); i++) {
		start_waiter(&threads[i], &waiters[i], log, i == 0 ? first : second);
	}
	lsr_disk_await_writer();
	lsr_log_begin_close(log);
	for (size_t i = 0; i < COUNT(waiters); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(waiters[i].status, i == 0 ? LESSOR_OK : LESSOR_CLOSED);
	}
	assert_int_equal(lsr_log_poll(log, second), LESSOR_CLOSED);
	lsr_disk_release();
	close_log(store, LESSOR_OK); /* closing flushes what was pending all the same */
	assert_int_equal(read_sound(store, second).records, 2);
}

/* ---- notifiers --------------------------------------------------------------------------------------------------------------------- */

static bool
is_readable(int fd, int timeout_ms) {
	struct pollfd entry = {.fd = fd, .events = POLLIN};
	return poll(&entry, 1, timeout_ms) == 1 && (entry.revents & POLLIN) != 0;
}

static void
take_notice(int fd) {
	uint64_t count;
	assert_int_equal(read(fd, &count, sizeof(count)), sizeof(count));
	assert_true(count > 0);
}

static void
notifiers_tell_of_every_flush(void **state) {
	lsr_store_t *store = *state;
	/* Gathering for a second: a notifier makes the log flush as if somebody waited. */
	lsr_log_t *log = open_log(store, MIB, MIB, 1000000);
	int fds[2] = {-1, -1};
	assert_int_equal(lsr_log_notifier_open(log, &fds[0]), LESSOR_OK);
	assert_int_equal(lsr_log_notifier_open(log, &fds[1]), LESSOR_OK);
	assert_int_equal(fcntl(fds[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(fcntl(fds[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	assert_false(is_readable(fds[0], 0));
	for (uint32_t number = 0; number < 5; number++) {
		const uint64_t lsn = append(log, 0, number, 100);
		while (lsr_log_poll(log, lsn) != LESSOR_OK) {
			assert_true(is_readable(fds[0], 10000));
			take_notice(fds[0]);
		}
	}
	assert_true(is_readable(fds[1], 10000)); /* each has a counter of its own */
	assert_int_equal(lsr_log_notifier_close(log, fds[0]), LESSOR_OK);
	assert_int_equal(lsr_log_notifier_close(log, fds[0]), LESSOR_INVALID);
	assert_int_equal(lsr_log_notifier_close(log, -1), LESSOR_INVALID);
	assert_int_equal(lsr_log_notifier_close(log, 0), LESSOR_INVALID);
	assert_int_equal(lsr_log_notifier_close(log, fds[1]), LESSOR_OK);
	close_log(store, LESSOR_OK);
}

static void
notifiers_are_limited(void **state) {
	lsr_store_t *store = *state;
	lsr_log_t *log = open_log(store, MIB, MIB, 1000);
	int fds[LSR_NOTIFIERS_MAX];
	int none = -7;
	for (size_t i = 0; i < COUNT(fds); i++) {
		assert_int_equal(lsr_log_notifier_open(log, &fds[i]), LESSOR_OK);
	}
	assert_int_equal(lsr_log_notifier_open(log, &none), LESSOR_LIMIT);
	assert_int_equal(none, -7);
	assert_int_equal(lsr_log_notifier_close(log, fds[30]), LESSOR_OK);
	assert_int_equal(lsr_log_notifier_open(log, &fds[30]), LESSOR_OK);
	close_log(store, LESSOR_OK); /* closes those that are open */
	for (size_t i = 0; i < COUNT(fds); i++) {
		assert_int_equal(fcntl(fds[i], F_GETFD), -1);
	}
}

/* ---- failure ------------------------------------------------------------------------------------------------------------------------- */

static void
check_failed(lsr_store_t *store, const lsr_appender_t appenders[APPENDERS]) {
	lsr_log_t *log = store->log;
	uint64_t position = 0;
	const int frames = atomic_load(&lsr_disk.frames);
	const uint64_t durable = lsr_log_durable(log);
	assert_int_equal(lsr_log_admit(log, 64), LESSOR_LOG_FAILED);
	assert_false(lsr_log_reserve(log, 64, &position));
	assert_int_equal(lsr_log_poll(log, durable), LESSOR_OK);
	assert_int_equal(lsr_log_wait(log, lsr_log_tail(log), -1),
			 durable == lsr_log_tail(log) ? LESSOR_OK : LESSOR_LOG_FAILED);
	lsr_disk_heal();
	/* Final: a disk that would do again is not asked. */
	assert_int_equal(lsr_log_admit(log, 64), LESSOR_LOG_FAILED);
	close_log(store, LESSOR_LOG_FAILED);
	assert_int_equal(atomic_load(&lsr_disk.frames), frames);
	lsr_found_t found = {0};
	lsr_log_contents_t contents;
	assert_int_equal(read_log(store, 0, &found, &contents), LESSOR_OK);
	assert_int_equal(found.wrong, 0);
	assert_true(contents.end_lsn >= durable);
	lsr_log_contents_free(&contents);
	for (uint32_t i = 0; i < APPENDERS; i++) {
		assert_int_equal(appenders[i].status, LESSOR_LOG_FAILED);
		assert_true(found.expected[i] >= appenders[i].durable);
		assert_true(found.expected[i] <= appenders[i].written);
	}
}

static void
a_failed_flush_is_final(void **state) {
	lsr_store_t *store = *state;
	for (int countdown = 0; countdown < 6; countdown++) {
		lsr_appender_t appenders[APPENDERS];
		lsr_directory_empty(store->directory, "");
		lsr_disk_use();
		lsr_log_t *log = open_log(store, MIB, MIB, 100);
		int fd;
		assert_int_equal(lsr_log_notifier_open(log, &fd), LESSOR_OK);
		lsr_disk_fail(LSR_FAULT_FRAME, countdown, EIO);
		const lsr_appender_t model = {.bytes = 64 * MIB, .max_bytes = 300, .wait_each = 3};
		run_appenders(log, appenders, &model);
		assert_true(is_readable(fd, 10000));
		check_failed(store, appenders);
	}
}

/* Nobody waits: those who wait for room must hear of it. */
static void
a_failed_flush_lets_appenders_out(void **state) {
	lsr_store_t *store = *state;
	lsr_appender_t appenders[APPENDERS];
	lsr_log_t *log = open_log(store, MIB, 2 * MIB, 100);
	lsr_disk_fail(LSR_FAULT_FRAME, 3, ENOSPC);
	const lsr_appender_t model = {.bytes = 64 * MIB, .max_bytes = 3000};
	run_appenders(log, appenders, &model);
	check_failed(store, appenders);
}

/* A segment that cannot be begun, after some that could. */
static void
a_segment_that_cannot_begin_is_a_failure(void **state) {
	lsr_store_t *store = *state;
	const lsr_fault_t faults[] = {LSR_FAULT_RENAME, LSR_FAULT_SYNC_DIRECTORY};
	for (size_t i = 0; i < COUNT(faults); i++) {
		lsr_appender_t appenders[APPENDERS];
		lsr_directory_empty(store->directory, "");
		lsr_disk_use();
		lsr_log_t *log = open_log(store, MIB, MIB, 100);
		lsr_disk_fail(faults[i], 2, EIO);
		const lsr_appender_t model = {.bytes = 64 * MIB, .max_bytes = 3000, .wait_each = 50};
		run_appenders(log, appenders, &model);
		check_failed(store, appenders);
	}
}

/* An open that fails leaves no file and no thread behind, and says why. */
static void
an_open_that_fails_leaves_nothing(void **state) {
	lsr_store_t *store = *state;
	const struct {
		lsr_fault_t fault;
		int error;
		lessor_status_t status;
	} cases[] = {{LSR_FAULT_OPEN, EACCES, LESSOR_IO},
		     {LSR_FAULT_ALLOCATE, ENOSPC, LESSOR_DISK_FULL},
		     {LSR_FAULT_ALLOCATE, EDQUOT, LESSOR_DISK_FULL},
		     {LSR_FAULT_WRITE, EIO, LESSOR_IO},
		     {LSR_FAULT_WRITE, ENOSPC, LESSOR_DISK_FULL},
		     {LSR_FAULT_DATASYNC, EIO, LESSOR_IO},
		     {LSR_FAULT_RENAME, EIO, LESSOR_IO}};
	for (size_t i = 0; i < COUNT(cases); i++) {
		lsr_disk_fail(cases[i].fault, 0, cases[i].error);
		assert_int_equal(try_open(store, MIB, MIB, 1000), cases[i].status);
		lsr_log_destroy(store->log);
		assert_int_equal(lsr_directory_count(store->directory, "log-"), 0);
		assert_int_equal(lsr_directory_count(store->directory, "next-"), 0);
	}
	lsr_disk_heal();
	(void)open_log(store, MIB, MIB, 1000);
	close_log(store, LESSOR_OK);
}

/* ---- a full disk ----------------------------------------------------------------------------------------------------------------------- */

/* Fill up until it is refused; every record may be waited for, so that frames are small. Returns how many went in. */
static uint32_t
fill_up(lsr_log_t *log, uint32_t first, uint32_t size_bytes, bool wait_each, uint64_t *last) {
	for (uint32_t number = first;; number++) {
		lessor_status_t status;
		const lsr_stamp_t stamp = {.writer = 0, .number = number, .size_bytes = size_bytes};
		const uint64_t lsn = try_append(log, &stamp, &status);
		if (status != LESSOR_OK) {
			assert_int_equal(status, LESSOR_DISK_FULL);
			assert_int_equal(lsr_log_tail(log) >= *last, true);
			return number;
		}
		*last = lsn;
		if (wait_each) {
			assert_int_equal(lsr_log_wait(log, lsn, -1), LESSOR_OK);
		}
		assert_true(number < 1000000);
	}
}

/* A full disk refuses before anything has happened, keeps every promise, and takes more as soon as there is room. */
static void
run_full_disk(lsr_store_t *store, uint32_t size_bytes, bool wait_each, bool drop) {
	lsr_directory_empty(store->directory, "");
	lsr_disk_use();
	lsr_log_t *log = open_log(store, MIB, MIB, 100);
	lsr_disk_fail(LSR_FAULT_ALLOCATE, 1, ENOSPC);
	uint64_t last = 0;
	const uint32_t written = fill_up(log, 0, size_bytes, wait_each, &last);
	assert_int_equal(lsr_log_wait(log, last, -1), LESSOR_OK);
	assert_true(written > 10);
	lsr_disk_heal();
	if (drop) {
		assert_int_equal(lsr_log_drop(log, last, UINT32_MAX), 0);
	}
	/* A refusal is believed for a moment, unless segments were dropped. */
	lessor_status_t status = LESSOR_DISK_FULL;
	const uint64_t before_ns = lsr_clock_ns();
	const lsr_stamp_t stamp = {.writer = 0, .number = written, .size_bytes = size_bytes};
	uint64_t lsn = 0;
	while (status == LESSOR_DISK_FULL && lsr_clock_ns() - before_ns < UINT64_C(20000000000)) {
		lsn = try_append(log, &stamp, &status);
		assert_true(status == LESSOR_OK || (status == LESSOR_DISK_FULL && !drop));
	}
	assert_int_equal(status, LESSOR_OK);
	assert_int_equal(lsr_log_wait(log, lsn, -1), LESSOR_OK);
	close_log(store, LESSOR_OK);
	if (!drop) {
		assert_int_equal(read_sound(store, lsn).records, written + 1);
	}
}

static void
a_full_disk_refuses_and_recovers(void **state) {
	lsr_store_t *store = *state;
	run_full_disk(store, 1000, false, false);
	run_full_disk(store, 30000, false, true);
}

/* Small frames waste most of a block each: what was admitted must fit all the same. */
static void
a_full_disk_and_small_frames(void **state) {
	lsr_store_t *store = *state;
	run_full_disk(store, 50, true, false);
	run_full_disk(store, 3000, true, true);
}

/* Several threads run into the end together, some waiting for each record: nobody may be promised what is not there. */
static void
threads_meet_a_full_disk(void **state) {
	lsr_store_t *store = *state;
	for (uint32_t wait_each = 0; wait_each < 3; wait_each++) {
		lsr_appender_t appenders[APPENDERS];
		lsr_directory_empty(store->directory, "");
		lsr_disk_use();
		lsr_log_t *log = open_log(store, MIB, MIB, 100);
		lsr_disk_fail(LSR_FAULT_ALLOCATE, 1, ENOSPC);
		const lsr_appender_t model = {.bytes = 64 * MIB, .max_bytes = 2000, .wait_each = wait_each};
		run_appenders(log, appenders, &model);
		const uint64_t tail = lsr_log_tail(log);
		assert_int_equal(lsr_log_wait(log, tail, -1), LESSOR_OK);
		lsr_disk_heal();
		close_log(store, LESSOR_OK);
		const lsr_found_t found = read_sound(store, tail);
		for (uint32_t i = 0; i < APPENDERS; i++) {
			assert_int_equal(appenders[i].status, LESSOR_DISK_FULL);
			assert_int_equal(found.expected[i], appenders[i].written);
		}
	}
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, make_store, drop_store)

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_headers_say_what_they_were_told),
		cmocka_unit_test(headers_are_sealed_over_every_byte),
		WITH_STORE(an_empty_log_opens_and_closes),
		WITH_STORE(records_come_back_in_order),
		WITH_STORE(a_reservation_may_hold_many_records),
		WITH_STORE(a_record_is_complete_when_its_header_is),
		WITH_STORE(threads_append_around_the_ring),
		WITH_STORE(large_records_cross_every_border),
		WITH_STORE(every_acknowledged_record_is_there),
		WITH_STORE(a_hesitant_disk_changes_nothing),
		WITH_STORE(a_log_goes_on_where_it_ended),
		WITH_STORE(segments_roll_and_are_dropped),
		WITH_STORE(a_torn_tail_is_cut_at_every_byte),
		WITH_STORE(a_file_that_became_shorter_is_damage),
		WITH_STORE(a_torn_tail_is_written_behind),
		WITH_STORE(damage_before_the_end_is_refused_at_every_byte),
		WITH_STORE(damage_between_segments_is_refused),
		WITH_STORE(foreign_frames_do_not_count),
		WITH_STORE(a_frame_follows_the_one_before),
		WITH_STORE(the_newest_segment_is_missed),
		WITH_STORE(other_versions_and_stores_are_told_apart),
		WITH_STORE(malformed_records_are_refused),
		WITH_STORE(what_the_function_answers_is_handed_on),
		cmocka_unit_test(promised_room_is_there),
		WITH_STORE(a_full_ring_is_a_refusal_without_effects),
		WITH_STORE(waits_end_in_time),
		WITH_STORE(closing_lets_waiters_out),
		WITH_STORE(notifiers_tell_of_every_flush),
		WITH_STORE(notifiers_are_limited),
		WITH_STORE(a_failed_flush_is_final),
		WITH_STORE(a_failed_flush_lets_appenders_out),
		WITH_STORE(a_segment_that_cannot_begin_is_a_failure),
		WITH_STORE(an_open_that_fails_leaves_nothing),
		WITH_STORE(a_full_disk_refuses_and_recovers),
		WITH_STORE(a_full_disk_and_small_frames),
		WITH_STORE(threads_meet_a_full_disk),
	};
	(void)lsr_test_seed();
	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
