/* SPDX-License-Identifier: Apache-2.0 */
/* A run: store, workers, course, results. */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include "options.h"
#include "probe.h"
#include "workload.h"

/* A figure that does not apply is NaN, and null in the output. */
typedef struct bench_results {
	uint64_t ops;
	double seconds;
	double cpu_seconds;
	double harness_ns_per_op;
	double first_fifth_ops_per_s;
	double last_fifth_ops_per_s;
	double bytes_per_lease;
	double rss_bytes;
	double open_seconds_log;
	double open_seconds_snapshot;
	double quiet_ops_per_s; /* snapshot, expire: without */
	double quiet_p99_ns;
	double beside_ops_per_s; /* expire: of the readers */
	double beside_p99_ns;
	double snapshot_seconds;
	double snapshots;
	bench_flush_times_t flush;
	double ns_per_tick;      /* one value for all figures of a phase, or they would not fit together */
	bench_histogram_t calls; /* ticks */
	bench_histogram_t acks;
} bench_results_t;

struct bench_run {
	const bench_options_t *options;
	bench_space_t space;
	bench_config_t config;
	const char *directory; /* NULL: none */
	void *store;
	bench_worker_t *workers;
	bench_free_map_t *map;
	uint64_t rss_before;
	_Atomic bool swept; /* expire: nothing is left */
	bench_results_t results;
};

/* The exit status of the process. */
int bench_run(const bench_options_t *options);

bool bench_course_restart(bench_run_t *run);
bool bench_course_snapshot(bench_run_t *run);
bool bench_course_expire(bench_run_t *run);

/* All workers take steps, together; afterwards results has the times and counts of this phase. */
bool bench_run_phase(bench_run_t *run, bench_step_t step, double seconds);

/* How many threads do what is measured. */
unsigned bench_run_threads(const bench_options_t *options);

/* Store open and close. */
bool bench_run_open(bench_run_t *run);
bool bench_run_close(bench_run_t *run);

/* The first lease that a worker has, read once: a store that is open answers. */
bool bench_run_first_answer(bench_run_t *run);

#endif
