/* SPDX-License-Identifier: Apache-2.0 */
/* What a run does to its store. */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include "worker.h"

typedef struct bench_run bench_run_t;

struct bench_workload {
	const char *name;
	double fill_percent; /* unless asked otherwise */
	bool prefills;       /* begins with a full set of leases */
	bool allocates;
	bool half_expired;
	bool lone;              /* one thread does what is measured, whatever the others do */
	bool prepares_ahead;    /* single calls */
	bool grows;             /* holds more leases than it began with, for a time */
	uint64_t ops_per_lease; /* without a time limit; 0: the step says when it is done */
	bench_step_t step;
	bool (*course)(bench_run_t *run); /* NULL: all threads take steps */
	/* Why this cannot be done with these options and this store; NULL: it can. */
	const char *(*refusal)(const bench_options_t *options);
};

extern const bench_workload_t *const bench_workloads[];

/* For readers beside the expiry: as many reads of living leases as there are. */
size_t bench_step_read_living(bench_worker_t *worker);

/* Putting in what there is at the beginning. */
size_t bench_step_fill(bench_worker_t *worker);

#endif
