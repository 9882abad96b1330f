/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Damaged lease files of every format: each sample cut off at many places, and with bits and pieces of it changed. Nothing may crash, and
 * what is read is the same each time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format_walk.h"
#include "test_random.h"

enum { SAMPLE_MAX_BYTES = 64 * 1024, CUTS = 200, CHANGES = 200, CHANGED_OCTETS_MAX = 4 };

typedef struct sample {
	const format_t *format;
	char path[600];
	uint8_t octets[SAMPLE_MAX_BYTES];
	size_t bytes;
} sample_t;

/* ---- samples ----------------------------------------------------------------------------------------------------- */

static void
load(sample_t *sample) {
	FILE *file = fopen(sample->path, "rb");
	assert_non_null(file);
	sample->bytes = fread(sample->octets, 1, sizeof(sample->octets), file);
	assert_int_equal(fclose(file), 0);
	assert_true(sample->bytes < sizeof(sample->octets));
}

static bool
is_expectation(const char *name) {
	const char *dot = strrchr(name, '.');
	return name[0] == '.' || dot == NULL || strcmp(dot, ".report") == 0 || strcmp(dot, ".options") == 0 ||
	       strcmp(dot, ".leases") == 0;
}

/* Hand every sample of a format to 'use'; returns how many there are. */
static size_t
with_samples(const format_t *format, sample_t *sample, void (*use)(sample_t *sample, lsr_random_t *random),
	     lsr_random_t *random) {
	char directory[256];
	size_t count = 0;
	struct dirent *entry;
	(void)snprintf(directory, sizeof(directory), "%s/formats/%s", LESSOR_TEST_DATA, format->name);
	DIR *names = opendir(directory);
	assert_non_null(names);
	while ((entry = readdir(names)) != NULL) {
		if (!is_expectation(entry->d_name)) {
			sample->format = format;
			(void)snprintf(sample->path, sizeof(sample->path), "%s/%s", directory, entry->d_name);
			load(sample);
			use(sample, random);
			count++;
		}
	}
	assert_int_equal(closedir(names), 0);
	return count;
}

static void
with_all_samples(void (*use)(sample_t *sample, lsr_random_t *random), uint64_t number) {
	lsr_random_t random = lsr_random_stream(number);
	sample_t *sample = malloc(sizeof(*sample));
	assert_non_null(sample);
	for (size_t i = 0; formats[i] != NULL; i++) {
		assert_true(with_samples(formats[i], sample, use, &random) > 0);
	}
	free(sample);
}

/* ---- what is done to them ---------------------------------------------------------------------------------------- */

/* In memory of its own, so that a look beyond its end is seen. */
static format_walk_t
walk_of(const format_t *format, const uint8_t *octets, size_t bytes) {
	uint8_t *copy = malloc(bytes + 1);
	assert_non_null(copy);
	memcpy(copy, octets, bytes);
	format_walk_t first = format_walk(format, copy, bytes);
	format_walk_t second = format_walk(format, copy, bytes);
	assert_int_equal(first.records, second.records);
	assert_true(first.fingerprint == second.fingerprint);
	free(copy);
	return first;
}

static void
cut(sample_t *sample, lsr_random_t *random) {
	(void)random;
	size_t cuts = LSR_TEST_ROUNDS(CUTS);
	size_t step = sample->bytes / cuts + 1;
	uint64_t whole = walk_of(sample->format, sample->octets, sample->bytes).leases;
	for (size_t bytes = 0; bytes < sample->bytes; bytes += step) {
		/* One more than in the whole file: what a later octet would have spoilt. */
		assert_true(walk_of(sample->format, sample->octets, bytes).leases <= whole + 1);
	}
}

/* An octet that means something to somebody, more often than not. */
static uint8_t
odd_octet(lsr_random_t *random) {
	static const char odd[] = "\0\n\r\t \"'\\{}[]()<>&;:,.*#-/0129afxXzZ\x7f\x80\xc3\xff";
	uint64_t which = lsr_random_below(random, 2 * sizeof(odd));
	return which < sizeof(odd) ? (uint8_t)odd[which] : (uint8_t)lsr_random_u64(random);
}

static void
change(sample_t *sample, lsr_random_t *random) {
	uint8_t octets[SAMPLE_MAX_BYTES];
	for (int round = 0; round < LSR_TEST_ROUNDS(CHANGES) && sample->bytes > 0; round++) {
		memcpy(octets, sample->octets, sample->bytes);
		for (uint64_t n = 1 + lsr_random_below(random, CHANGED_OCTETS_MAX); n > 0; n--) {
			size_t at = (size_t)lsr_random_below(random, sample->bytes);
			if (lsr_random_below(random, 2) == 0) {
				octets[at] ^= (uint8_t)(1u << lsr_random_below(random, 8));
			} else {
				octets[at] = odd_octet(random);
			}
		}
		(void)walk_of(sample->format, octets, sample->bytes);
	}
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void
files_that_are_cut(void **state) {
	(void)state;
	with_all_samples(cut, 1);
}

static void
files_that_are_changed(void **state) {
	(void)state;
	with_all_samples(change, 2);
}

/* A file of one format taken for another one. */
static void
take_for_all(sample_t *sample, lsr_random_t *random) {
	(void)random;
	for (size_t i = 0; formats[i] != NULL; i++) {
		(void)walk_of(formats[i], sample->octets, sample->bytes);
	}
}

static void
files_of_other_formats(void **state) {
	(void)state;
	with_all_samples(take_for_all, 3);
}

/* ---- Kea's configuration ----------------------------------------------------------------------------------------- */

static void
load_config(sample_t *sample) {
	(void)snprintf(sample->path, sizeof(sample->path), "%s/kea/kea-dhcp4.conf", LESSOR_TEST_DATA);
	load(sample);
	assert_true(config_walk(sample->octets, sample->bytes) > 0);
}

static void
configurations_that_are_damaged(void **state) {
	(void)state;
	lsr_random_t random = lsr_random_stream(4);
	sample_t *sample = malloc(sizeof(*sample));
	uint8_t octets[SAMPLE_MAX_BYTES];
	assert_non_null(sample);
	load_config(sample);
	size_t step = sample->bytes / (size_t)LSR_TEST_ROUNDS(CUTS) + 1;
	for (size_t bytes = 0; bytes < sample->bytes; bytes += step) {
		(void)config_walk(sample->octets, bytes);
	}
	for (int round = 0; round < LSR_TEST_ROUNDS(4 * CHANGES); round++) {
		memcpy(octets, sample->octets, sample->bytes);
		for (uint64_t n = 1 + lsr_random_below(&random, CHANGED_OCTETS_MAX); n > 0; n--) {
			octets[lsr_random_below(&random, sample->bytes)] = odd_octet(&random);
		}
		(void)config_walk(octets, sample->bytes);
	}
	free(sample);
}

int
main(void) {
	(void)lsr_test_seed();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_that_are_cut),
		cmocka_unit_test(files_that_are_changed),
		cmocka_unit_test(files_of_other_formats),
		cmocka_unit_test(configurations_that_are_damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
