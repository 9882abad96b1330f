/* SPDX-License-Identifier: Apache-2.0 */
/* lessor-bench: lessor and other stores, measured with the same leases, the same calls and the same clock. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "run.h"
#include "scratch.h"
#include "store.h"

static const char usage[] = "usage: lessor-bench run --store STORE --workload WORKLOAD [OPTION...]\n"
			    "       lessor-bench compare [OPTION...]\n"
			    "       lessor-bench run|compare --help\n";

/* Comparing is a script's work; it lies beside this program and is called like it. */
static int
compare_instead(char **argv) {
	char path[PATH_MAX + sizeof("-compare")] = "";
	const ssize_t bytes = readlink("/proc/self/exe", path, PATH_MAX);
	if (bytes > 0 && bytes < PATH_MAX) {
		memcpy(path + bytes, "-compare", sizeof("-compare"));
		(void)execv(path, argv);
	}
	(void)bench_fail("cannot run %s: %s.", path, strerror(errno));
	return 1;
}

int
main(int argc, char **argv) {
	bench_options_t options;
	if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
		(void)fputs(usage, stdout);
		return 0;
	}
	if (argc >= 2 && strcmp(argv[1], "compare") == 0) {
		return compare_instead(argv + 1);
	}
	if (argc < 2 || strcmp(argv[1], "run") != 0) {
		(void)fputs(usage, stderr);
		return 2;
	}
	const int status = bench_options_parse(&options, argc - 1, argv + 1);
	if (status >= 0) {
		return status;
	}
	if (!bench_scratch_begin()) {
		return 1;
	}
	bench_clock_begin();
	return bench_run(&options);
}
