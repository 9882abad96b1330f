/* SPDX-License-Identifier: Apache-2.0 */
/* The small things everything else stands on: texts, checksums, arithmetic, clocks, reading and writing whole pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <lessor/time.h>

#include "base/base.h"
#include "base/clock.h"
#include "base/crc.h"
#include "base/io.h"
#include "base/text.h"
#include "test_random.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- texts --------------------------------------------------------------------------------------------------------- */

static void
texts_are_measured(void **state) {
	(void)state;
	size_t size_bytes = 99;
	assert_true(lsr_text_measure(NULL, 10, &size_bytes));
	assert_int_equal(size_bytes, 0);
	assert_true(lsr_text_measure("", 0, &size_bytes));
	assert_int_equal(size_bytes, 0);
	assert_true(lsr_text_measure("abc", 3, &size_bytes));
	assert_int_equal(size_bytes, 3);
	assert_false(lsr_text_measure("abc", 2, &size_bytes));
	assert_false(lsr_text_measure("a", 0, &size_bytes));
	assert_true(lsr_text_measure("gr\xC3\xBC\xC3\x9F", 6, &size_bytes));
	assert_int_equal(size_bytes, 6);
}

static void
only_utf8_is_accepted(void **state) {
	(void)state;
	static const char *const good[] = {"\x7F",         "\xC2\x80",         "\xDF\xBF",         "\xE0\xA0\x80",
					   "\xED\x9F\xBF", "\xEE\x80\x80",     "\xEF\xBF\xBF",     "\xF0\x90\x80\x80",
					   "\x01",         "\xF4\x8F\xBF\xBF", "\xE2\x82\xAC euro"};
	static const char *const bad[] = {
		"\x80",             /* a continuation alone */
		"\xC0\x80",         /* NUL, overlong */
		"\xC1\xBF",         /* overlong */
		"\xE0\x9F\xBF",     /* overlong */
		"\xF0\x8F\xBF\xBF", /* overlong */
		"\xED\xA0\x80",     /* a surrogate */
		"\xED\xBF\xBF",     /* a surrogate */
		"\xF4\x90\x80\x80", /* behind U+10FFFF */
		"\xF5\x80\x80\x80",
		"\xFF",
		"\xFE",
		"\xC3",         /* cut off */
		"\xE2\x82",     /* cut off */
		"\xF0\x90\x80", /* cut off */
		"fine until here \xC3(",
	};
	size_t size_bytes;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_true(lsr_text_measure(good[i], 100, &size_bytes));
		assert_int_equal(size_bytes, strlen(good[i]));
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(lsr_text_measure(bad[i], 100, &size_bytes));
	}
}

/* A text without an end, right before memory that cannot be read: no more than max_bytes + 1 bytes may be looked at. */
static void
measuring_reads_no_further_than_said(void **state) {
	(void)state;
	const size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, 2 * page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(pages, MAP_FAILED);
	assert_int_equal(mprotect(pages + page_bytes, page_bytes, PROT_NONE), 0);
	memset(pages, 'x', page_bytes);
	size_t size_bytes;
	for (size_t max_bytes = 0; max_bytes < 64; max_bytes++) {
		const char *text = pages + page_bytes - max_bytes - 1;
		assert_false(lsr_text_measure(text, max_bytes, &size_bytes));
	}
	pages[page_bytes - 1] = '\0';
	for (size_t max_bytes = 0; max_bytes < 64; max_bytes++) {
		assert_true(lsr_text_measure(pages + page_bytes - max_bytes - 1, max_bytes, &size_bytes));
		assert_int_equal(size_bytes, max_bytes);
	}
	assert_int_equal(munmap(pages, 2 * page_bytes), 0);
}

/* ---- checksums ------------------------------------------------------------------------------------------------------ */

/* CRC32C bit by bit, from its definition: reflected polynomial 0x82F63B78. */
static uint32_t
slow_crc(const unsigned char *data, size_t size_bytes) {
	uint32_t crc = UINT32_MAX;
	for (size_t i = 0; i < size_bytes; i++) {
		crc ^= data[i];
		for (unsigned bit = 0; bit < 8; bit++) {
			crc = crc >> 1 ^ (crc % 2 != 0 ? UINT32_C(0x82F63B78) : 0);
		}
	}
	return ~crc;
}

/* The examples of RFC 3720, B.4, and the customary check value. */
static void
checksums_are_crc32c(void **state) {
	(void)state;
	unsigned char data[32];
	assert_int_equal(lsr_crc(LSR_CRC_SEED, "123456789", 9), UINT32_C(0xE3069283));
	memset(data, 0, sizeof(data));
	assert_int_equal(lsr_crc(LSR_CRC_SEED, data, sizeof(data)), UINT32_C(0x8A9136AA));
	memset(data, 0xFF, sizeof(data));
	assert_int_equal(lsr_crc(LSR_CRC_SEED, data, sizeof(data)), UINT32_C(0x62A8AB43));
	for (unsigned i = 0; i < sizeof(data); i++) {
		data[i] = (unsigned char)i;
	}
	assert_int_equal(lsr_crc(LSR_CRC_SEED, data, sizeof(data)), UINT32_C(0x46DD794E));
	assert_int_equal(lsr_crc(LSR_CRC_SEED, data, 0), LSR_CRC_SEED);
}

static void
checksums_can_be_continued(void **state) {
	(void)state;
	lsr_random_t random = lsr_random_stream(1);
	unsigned char data[301];
	lsr_random_fill(&random, data, sizeof(data));
	const uint32_t whole = slow_crc(data, sizeof(data));
	assert_int_equal(lsr_crc(LSR_CRC_SEED, data, sizeof(data)), whole);
	for (size_t cut = 0; cut <= sizeof(data); cut++) {
		const uint32_t front = lsr_crc(LSR_CRC_SEED, data, cut);
		assert_int_equal(front, slow_crc(data, cut));
		assert_int_equal(lsr_crc(front, data + cut, sizeof(data) - cut), whole);
	}
}

/* ---- arithmetic ------------------------------------------------------------------------------------------------------ */

static void
small_arithmetic(void **state) {
	(void)state;
	assert_int_equal(lsr_round_up(0, 8), 0);
	assert_int_equal(lsr_round_up(1, 8), 8);
	assert_int_equal(lsr_round_up(8, 8), 8);
	assert_int_equal(lsr_round_up(9, 8), 16);
	assert_int_equal(lsr_round_up(4097, 4096), 8192);
	assert_int_equal(lsr_min_u64(3, 4), 3);
	assert_int_equal(lsr_max_u64(3, 4), 4);
	assert_int_equal(lsr_min_u64(UINT64_MAX, 0), 0);
	assert_false(lsr_is_power_of_two(0));
	assert_true(lsr_is_power_of_two(1));
	assert_true(lsr_is_power_of_two(UINT64_C(1) << 63));
	assert_false(lsr_is_power_of_two(6));
	assert_false(lsr_is_power_of_two(UINT64_MAX));
}

/* ---- time ---------------------------------------------------------------------------------------------------------- */

static void
unix_time_and_filetime(void **state) {
	(void)state;
	/* 1970-01-01 is 11644473600 s, 2000-01-01 is 12591158400 s after 1601-01-01. */
	assert_int_equal(lessor_time_from_unix_s(0), UINT64_C(116444736000000000));
	assert_int_equal(lessor_time_from_unix_s(946684800), UINT64_C(125911584000000000));
	assert_int_equal(lessor_time_to_unix_s(UINT64_C(125911584009999999)), 946684800); /* rounded down */
	/* Neither end meets the special values. */
	assert_int_equal(lessor_time_from_unix_s(INT64_MIN), 1);
	assert_int_equal(lessor_time_from_unix_s(-INT64_C(11644473600)), 1);
	assert_int_equal(lessor_time_from_unix_s(-INT64_C(11644473599)), LESSOR_TICKS_PER_SECOND);
	assert_int_equal(lessor_time_from_unix_s(INT64_MAX), LESSOR_TIME_INFINITE);
	assert_true(lessor_time_from_unix_s(INT64_C(910692730084)) < LESSOR_TIME_INFINITE);
	assert_int_equal(lessor_time_from_unix_s(INT64_C(910692730086)), LESSOR_TIME_INFINITE);
	lsr_random_t random = lsr_random_stream(2);
	for (unsigned i = 0; i < 10000; i++) {
		const int64_t unix_s =
			(int64_t)lsr_random_below(&random, UINT64_C(900000000000)) - INT64_C(11644473599);
		assert_int_equal(lessor_time_to_unix_s(lessor_time_from_unix_s(unix_s)), unix_s);
	}
}

static void
clocks_go_forward(void **state) {
	(void)state;
	const uint64_t before_ns = lsr_clock_ns();
	const lessor_filetime_t now = lessor_time_now();
	struct timespec after; /* not time(), whose second begins some milliseconds late */
	assert_int_equal(clock_gettime(CLOCK_REALTIME, &after), 0);
	assert_true(lsr_clock_ns() >= before_ns);
	assert_in_range(lessor_time_to_unix_s(now), after.tv_sec - 60, after.tv_sec);
}

/* ---- whole pieces ----------------------------------------------------------------------------------------------------- */

/* A file in memory behind the table of operations, which interrupts, and transfers less than asked. */
static unsigned char disk[4096];
static size_t disk_bytes;
static unsigned calls;
static int failure; /* what every third call answers, 0: nothing */

static ssize_t
hesitant_pread(int file, void *data, size_t size_bytes, uint64_t offset) {
	(void)file;
	if (++calls % 2 == 0) {
		return -EINTR;
	}
	if (failure != 0 && calls % 3 == 0) {
		return failure;
	}
	size_t step = size_bytes < 7 ? size_bytes : 7;
	step = offset >= disk_bytes ? 0 : lsr_min_u64(step, disk_bytes - offset);
	memcpy(data, disk + offset, step);
	return (ssize_t)step;
}

static ssize_t
hesitant_pwrite(int file, const void *data, size_t size_bytes, uint64_t offset) {
	(void)file;
	if (++calls % 2 == 0) {
		return -EINTR;
	}
	if (failure != 0 && calls % 3 == 0) {
		return failure;
	}
	const size_t step = lsr_min_u64(size_bytes < 7 ? size_bytes : 7, sizeof(disk) - offset);
	memcpy(disk + offset, data, step);
	return (ssize_t)step;
}

static int
use_hesitant_disk(void **state) {
	(void)state;
	static lsr_io_ops_t hesitant;
	hesitant = lsr_io_system;
	hesitant.pread = hesitant_pread;
	hesitant.pwrite = hesitant_pwrite;
	lsr_io = &hesitant;
	memset(disk, 0, sizeof(disk));
	disk_bytes = sizeof(disk);
	calls = 0;
	failure = 0;
	return 0;
}

static int
use_system(void **state) {
	(void)state;
	lsr_io = &lsr_io_system;
	return 0;
}

static void
short_transfers_are_continued(void **state) {
	(void)state;
	lsr_random_t random = lsr_random_stream(3);
	unsigned char out[1000];
	unsigned char in[1000];
	lsr_random_fill(&random, out, sizeof(out));
	assert_int_equal(lsr_io_write_all(-1, out, sizeof(out), 123), 0);
	assert_memory_equal(disk + 123, out, sizeof(out));
	assert_int_equal(disk[122], 0);
	assert_int_equal(disk[1123], 0);
	assert_int_equal(lsr_io_read_all(-1, in, sizeof(in), 123), 0);
	assert_memory_equal(in, out, sizeof(out));
	assert_int_equal(lsr_io_read_all(-1, in, 0, 0), 0);
	assert_int_equal(lsr_io_write_all(-1, out, 0, 0), 0);
}

static void
a_premature_end_is_an_error(void **state) {
	(void)state;
	unsigned char in[100];
	disk_bytes = 50;
	assert_int_equal(lsr_io_read_all(-1, in, 50, 0), 0);
	assert_int_equal(lsr_io_read_all(-1, in, 51, 0), -ENODATA);
	assert_int_equal(lsr_io_read_all(-1, in, 1, 50), -ENODATA);
	/* A disk that takes nothing must not keep a writer for ever. */
	assert_int_equal(lsr_io_write_all(-1, in, 8, sizeof(disk) - 4), -EIO);
}

static void
errors_are_handed_on(void **state) {
	(void)state;
	unsigned char data[100] = {0};
	failure = -ENOSPC;
	assert_int_equal(lsr_io_write_all(-1, data, sizeof(data), 0), -ENOSPC);
	calls = 0;
	assert_int_equal(lsr_io_read_all(-1, data, sizeof(data), 0), -ENOSPC);
}

/* ---- the real file system ------------------------------------------------------------------------------------------------ */

static int
make_directory(void **state) {
	static char path[256];
	const char *base = getenv("TMPDIR");
	(void)snprintf(path, sizeof(path), "%s/base-XXXXXX", base != NULL ? base : "/tmp");
	assert_non_null(mkdtemp(path));
	*state = path;
	return 0;
}

static int
remove_directory(void **state) {
	return rmdir(*state);
}

static void
the_system_table_does_what_it_says(void **state) {
	const int directory = open(*state, O_RDONLY | O_DIRECTORY);
	assert_true(directory >= 0);
	assert_int_equal(lsr_io->open(directory, "none", O_RDONLY, 0), -ENOENT);
	const int file = lsr_io->open(directory, "b", O_RDWR | O_CREAT, 0600);
	assert_true(file >= 0);
	assert_int_equal(fcntl(file, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(lsr_io->allocate(file, 8192), 0);
	assert_int_equal(lsr_io->size(file), 8192);
	char data[5] = "";
	assert_int_equal(lsr_io_write_all(file, "hallo", 5, 100), 0);
	assert_int_equal(lsr_io_read_all(file, data, 5, 100), 0);
	assert_memory_equal(data, "hallo", 5);
	assert_int_equal(lsr_io->datasync(file), 0);
	assert_int_equal(lsr_io->sync_directory(directory), 0);
	assert_int_equal(lsr_io->truncate(file, 103), 0);
	assert_int_equal(lsr_io->size(file), 103);
	assert_int_equal(lsr_io_read_all(file, data, 5, 100), -ENODATA);
	assert_int_equal(lsr_io->close(file), 0);
	assert_int_equal(lsr_io->close(file), -EBADF);
	assert_int_equal(lsr_io->rename(directory, "b", "c"), 0);
	assert_int_equal(lsr_io->unlink(directory, "b"), -ENOENT);
	assert_int_equal(lsr_io->unlink(directory, "c"), 0);
	assert_int_equal(close(directory), 0);
}

static void
names_are_listed_in_order(void **state) {
	const int directory = open(*state, O_RDONLY | O_DIRECTORY);
	assert_true(directory >= 0);
	char **names = NULL;
	size_t count = 99;
	assert_int_equal(lsr_io_list(directory, "log-", &names, &count), 0);
	assert_int_equal(count, 0);
	free(names);
	char name[32];
	for (unsigned i = 0; i < 200; i++) {
		(void)snprintf(name, sizeof(name), "%s%03u", i % 2 == 0 ? "log-" : "lo-g", (i * 77) % 200);
		const int file = lsr_io->open(directory, name, O_RDWR | O_CREAT | O_EXCL, 0600);
		assert_true(file >= 0);
		assert_int_equal(lsr_io->close(file), 0);
	}
	assert_int_equal(lsr_io_list(directory, "log-", &names, &count), 0);
	assert_int_equal(count, 100);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(strncmp(names[i], "log-", 4), 0);
		assert_true(i == 0 || strcmp(names[i - 1], names[i]) < 0);
	}
	free(names);
	assert_int_equal(lsr_io_list(directory, "", &names, &count), 0);
	for (size_t i = 0; i < count; i++) {
		if (names[i][0] != '.') {
			assert_int_equal(lsr_io->unlink(directory, names[i]), 0);
		}
	}
	free(names);
	assert_true(lsr_io_list(-1, "", &names, &count) < 0);
	assert_int_equal(close(directory), 0);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_measured),
		cmocka_unit_test(only_utf8_is_accepted),
		cmocka_unit_test(measuring_reads_no_further_than_said),
		cmocka_unit_test(checksums_are_crc32c),
		cmocka_unit_test(checksums_can_be_continued),
		cmocka_unit_test(small_arithmetic),
		cmocka_unit_test(unix_time_and_filetime),
		cmocka_unit_test(clocks_go_forward),
		cmocka_unit_test_setup_teardown(short_transfers_are_continued, use_hesitant_disk, use_system),
		cmocka_unit_test_setup_teardown(a_premature_end_is_an_error, use_hesitant_disk, use_system),
		cmocka_unit_test_setup_teardown(errors_are_handed_on, use_hesitant_disk, use_system),
		cmocka_unit_test_setup_teardown(the_system_table_does_what_it_says, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(names_are_listed_in_order, make_directory, remove_directory),
	};
	(void)lsr_test_seed();
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
