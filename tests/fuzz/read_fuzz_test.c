/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read_fuzz_test LOGS SNAPSHOTS: the files of two folders through read_fuzz.h, as they are and changed. No fuzzer is needed.
 *
 * LESSOR_TEST_SEED decides the changes.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "read_fuzz.h"
#include "test_random.h"

#define INPUT_BYTES (128u << 10)

typedef void (*target_t)(const uint8_t *data, size_t size);

/* Octets that change, mostly in what is no padding: there the others are. */
static void
change(uint8_t *data, size_t size, lsr_random_t *random) {
	for (uint64_t n = 1 + lsr_random_below(random, 4); n > 0; n--) {
		size_t at = (size_t)lsr_random_below(random, size);
		for (unsigned tries = 0; tries < 50 && data[at] == 0; tries++) {
			at = (size_t)lsr_random_below(random, size);
		}
		switch (lsr_random_below(random, 4)) {
		case 0:
			data[at] = 0;
			break;
		case 1:
			data[at] = (uint8_t)lsr_random_u64(random);
			break;
		default:
			data[at] = (uint8_t)(data[at] ^ (1u << lsr_random_below(random, 8)));
			break;
		}
	}
}

static void
run_file(const char *path, target_t target, unsigned rounds, lsr_random_t *random) {
	static uint8_t data[INPUT_BYTES];
	static uint8_t changed[INPUT_BYTES];
	FILE *file = fopen(path, "rb");
	if (file == NULL) {
		(void)printf("%s: cannot be read\n", path);
		exit(1);
	}
	const size_t size = fread(data, 1, sizeof(data), file);
	(void)fclose(file);
	target(data, size);
	for (unsigned i = 0; i < rounds && size != 0; i++) {
		memcpy(changed, data, size);
		change(changed, size, random);
		target(changed, lsr_random_below(random, 8) == 0 ? (size_t)lsr_random_below(random, size) : size);
	}
}

/* The number of files. */
static unsigned
run_folder(const char *path, target_t target, unsigned rounds, lsr_random_t *random) {
	char name[1024];
	unsigned count = 0;
	DIR *folder = opendir(path);
	for (const struct dirent *entry = NULL; folder != NULL && (entry = readdir(folder)) != NULL;) {
		if (entry->d_name[0] != '.') {
			(void)snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
			run_file(name, target, rounds, random);
			count++;
		}
	}
	if (folder != NULL) {
		(void)closedir(folder);
	}
	return count;
}

int
main(int argc, char **argv) {
	if (argc != 3) {
		(void)printf("usage: read_fuzz_test LOGS SNAPSHOTS\n");
		return 2;
	}
	const unsigned rounds = LSR_TEST_ROUNDS(2000);
	lsr_random_t random = lsr_random_stream(0);
	const unsigned logs = run_folder(argv[1], read_fuzz_log, rounds, &random);
	const unsigned snapshots = run_folder(argv[2], read_fuzz_snapshot, rounds, &random);
	(void)printf("%u logs, %u snapshots, each changed %u times\n", logs, snapshots, rounds);
	return logs == 0 || snapshots == 0 ? 1 : 0;
}
