/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A clock that is cheap enough to be read around every call: the processor's time stamp counter where it runs evenly, else
 * CLOCK_MONOTONIC. Ticks are compared and subtracted first and turned into time afterwards.
 */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

/* Does the counter run evenly? Fixed by bench_clock_begin(). */
extern bool bench_clock_counts;

/* Before anything else. Takes some 20 ms. */
void bench_clock_begin(void);

/* The longer the process has run, the better it is known. */
double bench_clock_ns_per_tick(void);

static inline uint64_t
bench_clock_ns(void) {
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static inline uint64_t
bench_ticks(void) {
#if defined(__x86_64__)
	if (__builtin_expect(bench_clock_counts, 1)) {
		return __rdtsc();
	}
#endif
	return bench_clock_ns();
}

#endif
