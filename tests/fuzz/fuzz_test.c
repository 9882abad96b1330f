/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_test CORPUS [FILE]...: run the inputs of a folder, then random ones; or the given files alone. No fuzzer is needed.
 *
 * LESSOR_TEST_SEED decides the random ones. One that fails is left in the working directory as fuzz-failure.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "dhcpsapi_fuzz.h"
#include "test_random.h"

#define INPUT_BYTES 4096u

static bool
run_file(const char *path) {
	uint8_t data[INPUT_BYTES];
	FILE *file = fopen(path, "rb");
	if (file == NULL) {
		(void)printf("%s: cannot be read\n", path);
		return false;
	}
	const size_t size = fread(data, 1, sizeof(data), file);
	(void)fclose(file);
	(void)LLVMFuzzerTestOneInput(data, size);
	return true;
}

/* The number of inputs; 0 is wrong too. */
static unsigned
run_folder(const char *path) {
	char name[1024];
	unsigned count = 0;
	DIR *folder = opendir(path);
	for (const struct dirent *entry = NULL; folder != NULL && (entry = readdir(folder)) != NULL;) {
		if (entry->d_name[0] != '.') {
			(void)snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
			count += run_file(name);
		}
	}
	if (folder != NULL) {
		(void)closedir(folder);
	}
	return count;
}

/* Written before it runs: if it fails, there is nobody left to write it. */
static void
keep(const uint8_t *data, size_t size) {
	FILE *file = fopen("fuzz-failure", "wb");
	if (file != NULL) {
		(void)fwrite(data, 1, size, file);
		(void)fclose(file);
	}
}

static void
run_random(unsigned rounds) {
	uint8_t data[INPUT_BYTES];
	lsr_random_t random = lsr_random_stream(0);
	for (unsigned i = 0; i < rounds; i++) {
		const size_t size = 64 + lsr_random_below(&random, sizeof(data) - 64);
		lsr_random_fill(&random, data, size);
		keep(data, size);
		(void)LLVMFuzzerTestOneInput(data, size);
	}
	(void)remove("fuzz-failure");
}

int
main(int argc, char **argv) {
	if (argc < 2) {
		(void)printf("usage: fuzz_test CORPUS [FILE]...\n");
		return 2;
	}
	for (int i = 2; i < argc; i++) {
		if (!run_file(argv[i])) {
			return 1;
		}
	}
	if (argc > 2) {
		return 0;
	}
	const unsigned rounds = LSR_TEST_ROUNDS(400);
	const unsigned files = run_folder(argv[1]);
	run_random(rounds);
	(void)printf("%u inputs of the corpus, %u random ones\n", files, rounds);
	return files == 0 ? 1 : 0;
}
