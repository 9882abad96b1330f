/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests with small limits share. See tiny.h. */
#define TINY_TEST
#include "tiny.h"
#undef lessor_open

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

lessor_status_t
tiny_open(const char *directory, const lessor_options_t *options, lessor_engine_t **engine, lessor_report_t *report) {
	lessor_options_t small;
	lessor_options_init(&small);
	if (options != NULL) {
		memcpy(&small, options, options->size_bytes);
	}
	small.ring_size_bytes = LSR_RING_MIN_BYTES;
	small.segment_size_bytes = 2 * LSR_SEGMENT_FIRST_BYTES;
	return lessor_open(directory, &small, engine, report);
}

int
tiny_repeat(int (*test)(void)) {
	const char *given = getenv("LESSOR_TEST_SECONDS");
	const time_t until = time(NULL) + (given != NULL ? strtol(given, NULL, 10) : 0);
	unsigned long rounds = 0;
	int outcome = 0;
	if (given == NULL) {
		return test();
	}
	while (outcome == 0 && time(NULL) < until) {
		(void)fflush(NULL);
		const pid_t child = fork();
		if (child == 0) {
			exit(test());
		}
		if (child < 0 || waitpid(child, &outcome, 0) != child) {
			return 1;
		}
		rounds++;
	}
	(void)printf("%lu rounds, %s\n", rounds, outcome == 0 ? "all well" : "the last one failed");
	return outcome != 0;
}
