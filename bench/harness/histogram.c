/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and merging histograms. See histogram.h. */
#include "histogram.h"

void
bench_histogram_merge(bench_histogram_t *into, const bench_histogram_t *from) {
	into->count += from->count;
	into->max = from->max > into->max ? from->max : into->max;
	for (unsigned i = 0; i < BENCH_HISTOGRAM_BUCKETS; i++) {
		into->buckets[i] += from->buckets[i];
	}
}

/* The greatest value that falls into a bucket. */
static uint64_t
end_of(unsigned bucket) {
	const unsigned group = bucket >> BENCH_HISTOGRAM_BITS;
	if (group == 0) {
		return bucket;
	}
	const unsigned shift = group - 1;
	const uint64_t top = bucket - (shift << BENCH_HISTOGRAM_BITS);
	return (top << shift) + ((UINT64_C(1) << shift) - 1);
}

uint64_t
bench_histogram_at(const bench_histogram_t *histogram, double share) {
	const double wanted = share * (double)histogram->count;
	uint64_t seen = 0;
	for (unsigned i = 0; i < BENCH_HISTOGRAM_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen > 0 && (double)seen >= wanted) {
			const uint64_t end = end_of(i);
			return end < histogram->max ? end : histogram->max;
		}
	}
	return histogram->max;
}
