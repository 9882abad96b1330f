/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine is and what its disk can do. */
#ifndef BENCH_PROBE_H
#define BENCH_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NaN: not measured. */
typedef struct bench_flush_times {
	double p50_us;
	double p99_us;
} bench_flush_times_t;

/* How long durable writes of 4 KiB take in a directory, one after the other, into blocks that exist already. */
bool bench_probe_flush(const char *directory, unsigned writes, bench_flush_times_t *times);

/* Of this process. */
uint64_t bench_probe_rss_bytes(void);
double bench_probe_cpu_seconds(void);

/* Processor, memory, kernel; and the file system if there is a directory. */
void bench_probe_machine(const char *directory, char *text, size_t bytes);

#endif
