/* SPDX-License-Identifier: Apache-2.0 */
/* What a run is asked to do. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define BENCH_LEASES_MAX  UINT64_C(4000000000)
#define BENCH_THREADS_MAX 256u
#define BENCH_BATCH_MAX   65536u
#define BENCH_FLUSHES_MAX 100000u
#define BENCH_FLIGHT_MAX  (UINT64_C(1) << 20)

typedef enum bench_durability {
	BENCH_NONE,  /* nothing outlives the process */
	BENCH_ASYNC, /* calls do not wait; everything is durable at the end of the measured time */
	BENCH_SYNC   /* an operation counts when it is durable */
} bench_durability_t;

/* How often the clock is read. */
typedef enum bench_clock {
	BENCH_CLOCK_CALL, /* after every call: each latency is known */
	BENCH_CLOCK_GROUP /* after some single calls: nothing keeps the processor from overlapping them */
} bench_clock_t;

typedef struct bench_store_class bench_store_class_t;
typedef struct bench_workload bench_workload_t;

typedef struct bench_options {
	const bench_store_class_t *store;
	const bench_workload_t *workload;
	uint64_t leases;
	uint64_t scopes;
	unsigned threads;
	unsigned batch;
	bench_durability_t durability;
	bench_clock_t clock;
	uint64_t in_flight;  /* operations of a thread that may be unacknowledged; 0: the store's own choice */
	double fill_percent; /* 0: the workload's own choice */
	uint64_t seed;
	double seconds; /* 0: a fixed number of operations */
	bool presize;
	unsigned family;  /* of the addresses: 4 or 6 */
	unsigned flushes; /* to measure the device with */
	const char *json;
	const char *directory;
} bench_options_t;

/* The words that the command line and the output share. */
extern const char *const bench_durability_names[3];
extern const char *const bench_clock_names[2];

/* -1 to go on, else the exit status of the process. */
int bench_options_parse(bench_options_t *options, int argc, char **argv);

#endif
