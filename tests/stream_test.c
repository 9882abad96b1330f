/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading ahead: every byte of a file is seen once, in order, whatever the views; an error stands where it happened, behind what was read
 * before it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/io.h"
#include "base/stream.h"
#include "test_disk.h"
#include "test_random.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NAME         "file"
#define FILE_BYTES   ((size_t)14 << 20)
/* How much is read at a time. */
#define STEP_BYTES ((size_t)4 << 20)

static char path[256];
static int directory;
static uint8_t *content;

static int
make_file(void **state) {
	(void)state;
	lsr_random_t random = lsr_random_stream(1);
	directory = lsr_directory_make(path, "stream");
	assert_true(directory >= 0);
	content = malloc(FILE_BYTES);
	assert_non_null(content);
	for (size_t i = 0; i < FILE_BYTES; i += sizeof(uint64_t)) {
		const uint64_t word = lsr_random_u64(&random);
		memcpy(content + i, &word, sizeof(word));
	}
	const int file = lsr_io->open(directory, NAME, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(lsr_io_write_all(file, content, FILE_BYTES, 0), 0);
	assert_int_equal(lsr_io->close(file), 0);
	return 0;
}

static int
remove_file(void **state) {
	(void)state;
	lsr_directory_remove(directory, path);
	free(content);
	return 0;
}

/* ---- a disk that is not simple -------------------------------------------------------------------------------------------- */

static atomic_uint preads;
static atomic_bool hesitates;       /* short transfers, interruptions */
static atomic_bool refuses_direct;  /* at the open */
static atomic_bool cannot_direct;   /* at the read */
static _Atomic uint64_t fails_from; /* this offset on */

static int
odd_open(int where, const char *name, int flags, mode_t mode) {
	return (flags & O_DIRECT) != 0 && atomic_load(&refuses_direct) ? -EINVAL
								       : lsr_io_system.open(where, name, flags, mode);
}

static ssize_t
odd_pread(int file, void *data, size_t size_bytes, uint64_t offset) {
	const unsigned number = atomic_fetch_add(&preads, 1);
	if (offset + size_bytes > atomic_load(&fails_from)) {
		if (offset >= atomic_load(&fails_from)) {
			return -EIO;
		}
		size_bytes = atomic_load(&fails_from) - offset;
	}
	if (atomic_load(&cannot_direct) && (fcntl(file, F_GETFL) & O_DIRECT) != 0) {
		return -EINVAL;
	}
	if (atomic_load(&hesitates) && number % 3 == 1) {
		return -EINTR;
	}
	if (atomic_load(&hesitates) && number % 3 == 2 && size_bytes > 100000) {
		size_bytes /= 3; /* no multiple of a block: direct reading is over then */
	}
	return lsr_io_system.pread(file, data, size_bytes, offset);
}

static int
use_odd_disk(void **state) {
	static lsr_io_ops_t odd;
	(void)state;
	odd = lsr_io_system;
	odd.open = odd_open;
	odd.pread = odd_pread;
	atomic_store(&hesitates, false);
	atomic_store(&refuses_direct, false);
	atomic_store(&cannot_direct, false);
	atomic_store(&fails_from, UINT64_MAX);
	lsr_io = &odd;
	return 0;
}

static int
use_system(void **state) {
	(void)state;
	lsr_io = &lsr_io_system;
	return 0;
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------ */

/* Read up to 'end' in views of at most 'longest' bytes, some of them looked at twice. */
static void
assert_reads(lsr_stream_t *stream, lsr_random_t *random, size_t end, size_t longest) {
	size_t at = 0;
	while (at < end) {
		int error = 1;
		const size_t size_bytes = lsr_min_u64(lsr_random_below(random, longest) + 1, end - at);
		const uint8_t *seen = lsr_stream_view(stream, size_bytes / 2, &error);
		assert_non_null(seen);
		seen = lsr_stream_view(stream, size_bytes, &error);
		assert_int_equal(error, 0);
		assert_true(memcmp(seen, content + at, size_bytes) == 0);
		const size_t skipped = lsr_random_below(random, 4) == 0 ? size_bytes / 2 : size_bytes;
		lsr_stream_skip(stream, skipped);
		at += skipped;
	}
}

static void
assert_ends(lsr_stream_t *stream, int expected) {
	for (unsigned i = 0; i < 2; i++) {
		int error = 0;
		assert_null(lsr_stream_view(stream, 1, &error));
		assert_int_equal(error, expected);
		assert_non_null(lsr_stream_view(stream, 0, &error)); /* nothing is always there */
	}
}

static void
read_in_all_sizes(void) {
	const size_t sizes[] = {0,
				1,
				4096,
				100000,
				STEP_BYTES - 1,
				STEP_BYTES,
				STEP_BYTES + 1,
				2 * STEP_BYTES,
				2 * STEP_BYTES + 4097,
				FILE_BYTES};
	const size_t longest[] = {5000, LSR_STREAM_VIEW_BYTES};
	lsr_random_t random = lsr_random_stream(2);
	lsr_stream_t stream;
	lsr_stream_init(&stream);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		for (size_t j = 0; j < COUNT(longest); j++) {
			assert_int_equal(lsr_stream_open(&stream, directory, NAME, sizes[i]), 0);
			assert_reads(&stream, &random, sizes[i], longest[j]);
			assert_ends(&stream, -ENODATA);
			lsr_stream_close(&stream);
		}
	}
	lsr_stream_destroy(&stream);
}

static void
every_byte_is_seen_in_order(void **state) {
	(void)state;
	read_in_all_sizes();
	atomic_store(&hesitates, true);
	read_in_all_sizes();
	atomic_store(&cannot_direct, true);
	read_in_all_sizes();
	atomic_store(&refuses_direct, true);
	read_in_all_sizes();
}

static void
errors_stand_where_they_happened(void **state) {
	(void)state;
	const size_t places[] = {0, 5000, STEP_BYTES, STEP_BYTES + 12345, 3 * STEP_BYTES - 1};
	lsr_random_t random = lsr_random_stream(3);
	lsr_stream_t stream;
	lsr_stream_init(&stream);
	atomic_store(&refuses_direct, true);
	for (size_t i = 0; i < COUNT(places); i++) {
		atomic_store(&fails_from, places[i]);
		assert_int_equal(lsr_stream_open(&stream, directory, NAME, FILE_BYTES), 0);
		assert_reads(&stream, &random, places[i], 50000);
		assert_ends(&stream, -EIO);
		lsr_stream_close(&stream);
	}
	atomic_store(&fails_from, UINT64_MAX);
	/* The file is shorter than was said. */
	const int file = lsr_io->open(directory, NAME, O_WRONLY, 0);
	assert_int_equal(lsr_io->truncate(file, STEP_BYTES + 100), 0);
	assert_int_equal(lsr_io->close(file), 0);
	assert_int_equal(lsr_stream_open(&stream, directory, NAME, FILE_BYTES), 0);
	assert_reads(&stream, &random, STEP_BYTES + 100, 50000);
	assert_ends(&stream, -ENODATA);
	lsr_stream_destroy(&stream);
}

static void
it_can_be_left_at_any_time(void **state) {
	(void)state;
	lsr_random_t random = lsr_random_stream(4);
	lsr_stream_t stream;
	int error;
	lsr_stream_init(&stream);
	assert_int_equal(lsr_stream_open(&stream, directory, "none", 10), -ENOENT);
	lsr_stream_close(&stream);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(lsr_stream_open(&stream, directory, NAME, FILE_BYTES), 0);
		assert_reads(&stream, &random, lsr_random_below(&random, FILE_BYTES / 2), LSR_STREAM_VIEW_BYTES);
		assert_null(lsr_stream_view(&stream, LSR_STREAM_VIEW_BYTES + 1, &error));
		assert_int_equal(error, -EINVAL);
		lsr_stream_close(&stream);
		lsr_stream_close(&stream); /* twice is harmless */
	}
	assert_int_equal(lsr_stream_open(&stream, directory, NAME, FILE_BYTES), 0);
	lsr_stream_destroy(&stream);
}

#define WITH_ODD_DISK(function) cmocka_unit_test_setup_teardown(function, use_odd_disk, use_system)

int
main(void) {
	const struct CMUnitTest tests[] = {
		WITH_ODD_DISK(every_byte_is_seen_in_order), WITH_ODD_DISK(it_can_be_left_at_any_time),
		WITH_ODD_DISK(errors_stand_where_they_happened), /* the last: it shortens the file */
	};
	(void)lsr_test_seed();
	return cmocka_run_group_tests_name("stream", tests, make_file, remove_file);
}
