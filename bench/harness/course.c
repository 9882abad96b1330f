/* SPDX-License-Identifier: Apache-2.0 */
/* The workloads that are more than steps: restart, snapshot and expire. */
#include "run.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* ---- restart ------------------------------------------------------------------------------------------------------------ */

/* Close, then the time until a lease can be read again. */
static bool
reopen(bench_run_t *run, double *seconds) {
	if (!bench_run_close(run)) {
		return false;
	}
	const uint64_t before = bench_clock_ns();
	const bool good = bench_run_open(run) && bench_run_first_answer(run);
	*seconds = (double)(bench_clock_ns() - before) / 1e9;
	return good;
}

bool
bench_course_restart(bench_run_t *run) {
	bench_results_t *results = &run->results;
	const double cpu_seconds = bench_probe_cpu_seconds();
	if (!reopen(run, &results->open_seconds_log)) {
		return false;
	}
	results->seconds = results->open_seconds_log;
	results->ops = run->space.leases;
	results->cpu_seconds = bench_probe_cpu_seconds() - cpu_seconds;
	if (run->options->store->snapshot == NULL) {
		return true;
	}
	if (!run->options->store->snapshot(run->store) || !reopen(run, &results->open_seconds_snapshot)) {
		return false;
	}
	results->seconds += results->open_seconds_snapshot;
	results->ops += run->space.leases;
	return true;
}

/* ---- snapshot ----------------------------------------------------------------------------------------------------------- */

typedef struct {
	const bench_store_class_t *store;
	void *opened;
	_Atomic bool stop;
	bool good;
	unsigned taken;
	double seconds;
} photographer_t;

/* One after the other, until told to stop; at least one. */
static void *
take_snapshots(void *argument) {
	photographer_t *photographer = argument;
	do {
		const uint64_t before = bench_clock_ns();
		photographer->good = photographer->store->snapshot(photographer->opened);
		photographer->seconds += (double)(bench_clock_ns() - before) / 1e9;
		photographer->taken++;
	} while (photographer->good && !atomic_load(&photographer->stop));
	return NULL;
}

static bool
work_beside_snapshots(bench_run_t *run) {
	photographer_t photographer = {.store = run->options->store, .opened = run->store, .good = true};
	pthread_t thread;
	const int error = pthread_create(&thread, NULL, take_snapshots, &photographer);
	if (error != 0) {
		return bench_fail("cannot start a thread: %s.", strerror(error));
	}
	const bool good = bench_run_phase(run, run->options->workload->step, run->options->seconds / 2);
	atomic_store(&photographer.stop, true);
	(void)pthread_join(thread, NULL);
	run->results.snapshots = photographer.taken;
	run->results.snapshot_seconds = photographer.seconds / photographer.taken;
	return good && photographer.good;
}

bool
bench_course_snapshot(bench_run_t *run) {
	bench_results_t *results = &run->results;
	if (!bench_run_phase(run, run->options->workload->step, run->options->seconds / 2)) {
		return false;
	}
	results->quiet_ops_per_s = (double)results->ops / results->seconds;
	results->quiet_p99_ns = (double)bench_histogram_at(&results->calls, 0.99) * results->ns_per_tick;
	return work_beside_snapshots(run);
}

/* ---- expire ------------------------------------------------------------------------------------------------------------- */

/* What the readers did, the threads but the first. */
static void
sum_readers(const bench_run_t *run, double *ops_per_s, double *p99_ns) {
	bench_histogram_t *calls = calloc(1, sizeof(*calls));
	const double ns_per_tick = run->results.ns_per_tick;
	*ops_per_s = 0;
	for (unsigned i = 1; i < run->options->threads && calls != NULL; i++) {
		const bench_worker_t *reader = &run->workers[i];
		*ops_per_s += (double)reader->ops * 1e9 / ((double)(reader->ended - reader->begun) * ns_per_tick);
		bench_histogram_merge(calls, &reader->calls);
	}
	*p99_ns = calls != NULL ? (double)bench_histogram_at(calls, 0.99) * ns_per_tick : 0;
	free(calls);
}

/* The figures of a run are those of the thread that ends leases. */
static void
take_sweeper(bench_run_t *run) {
	const bench_worker_t *sweeper = &run->workers[0];
	run->results.ops = sweeper->ops;
	run->results.seconds = (double)(sweeper->ended - sweeper->begun) * run->results.ns_per_tick / 1e9;
	run->results.calls = sweeper->calls;
}

bool
bench_course_expire(bench_run_t *run) {
	bench_results_t *results = &run->results;
	const bool readers = run->options->threads > 1;
	uint64_t expired = 0;
	for (unsigned i = 0; i < run->options->threads; i++) {
		run->workers[i].done = i > 0 ? &run->swept : NULL;
		expired += run->workers[i].leases / 2;
	}
	if (readers) {
		if (!bench_run_phase(run, bench_step_read_living, 0)) {
			return false;
		}
		sum_readers(run, &results->quiet_ops_per_s, &results->quiet_p99_ns);
	}
	run->workers[0].done = &run->swept;
	if (!bench_run_phase(run, run->options->workload->step, 0)) {
		return false;
	}
	if (readers) {
		sum_readers(run, &results->beside_ops_per_s, &results->beside_p99_ns);
	}
	take_sweeper(run);
	return results->ops == expired ||
	       bench_fail("%" PRIu64 " leases had expired, but %" PRIu64 " were ended.", expired, results->ops);
}
