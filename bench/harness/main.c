/* SPDX-License-Identifier: Apache-2.0 */
/* lessor-bench: lessor and other stores, measured with the same leases, the same calls and the same clock. */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "run.h"
#include "scratch.h"

static const char usage[] = "usage: lessor-bench run --store STORE --workload WORKLOAD [OPTION...]\n"
			    "       lessor-bench run --help\n";

int
main(int argc, char **argv) {
	bench_options_t options;
	if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
		(void)fputs(usage, stdout);
		return 0;
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
