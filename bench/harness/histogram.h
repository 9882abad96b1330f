/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A histogram of durations at constant cost: 64 equal buckets for each power of two, so that a bucket is never wider than 1/64 of what it
 * holds. One per thread; merged at the end.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define BENCH_HISTOGRAM_BITS    6u
#define BENCH_HISTOGRAM_BUCKETS ((64u - BENCH_HISTOGRAM_BITS + 1u) << BENCH_HISTOGRAM_BITS)

typedef struct bench_histogram {
	uint64_t count;
	uint64_t max;
	uint64_t buckets[BENCH_HISTOGRAM_BUCKETS];
} bench_histogram_t;

static inline unsigned
bench_histogram_bucket(uint64_t value) {
	if (value >> BENCH_HISTOGRAM_BITS == 0) {
		return (unsigned)value;
	}
	const unsigned shift = 63u - (unsigned)__builtin_clzll(value) - BENCH_HISTOGRAM_BITS;
	return (shift << BENCH_HISTOGRAM_BITS) + (unsigned)(value >> shift);
}

/* 'count' durations of the same length. */
static inline void
bench_histogram_add(bench_histogram_t *histogram, uint64_t value, uint64_t count) {
	histogram->count += count;
	histogram->max = value > histogram->max ? value : histogram->max;
	histogram->buckets[bench_histogram_bucket(value)] += count;
}

void bench_histogram_merge(bench_histogram_t *into, const bench_histogram_t *from);

/* The smallest value, rounded up to its bucket's end, that 'share' of all do not exceed. 0 if there are none. */
uint64_t bench_histogram_at(const bench_histogram_t *histogram, double share);

#endif
