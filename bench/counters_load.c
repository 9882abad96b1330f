/* SPDX-License-Identifier: Apache-2.0 */
#include "counters_load.h"

#include <pthread.h>
#include <stdlib.h>

#include "bench.h"
#include "stats/counters.h"

#define BATCH 32u

typedef struct {
	LSR_APART pthread_mutex_t mutex;
	uint64_t by_state[4];
	uint64_t high_water;
} bench_locked_t;

struct bench_counters {
	unsigned scopes;
	lsr_counters_t *counters;
	bench_locked_t *locked;
};

bench_counters_t *
bench_counters_new(unsigned scopes) {
	bench_counters_t *load = calloc(1, sizeof(*load));
	if (load == NULL) {
		return NULL;
	}
	load->scopes = scopes;
	load->counters = aligned_alloc(_Alignof(lsr_counters_t), scopes * sizeof(load->counters[0]));
	load->locked = aligned_alloc(_Alignof(bench_locked_t), scopes * sizeof(load->locked[0]));
	if (load->counters == NULL || load->locked == NULL) {
		return NULL;
	}
	memset(load->counters, 0, scopes * sizeof(load->counters[0]));
	memset(load->locked, 0, scopes * sizeof(load->locked[0]));
	for (unsigned i = 0; i < scopes; i++) {
		(void)pthread_mutex_init(&load->locked[i].mutex, NULL);
	}
	return load;
}

void
bench_counters_free(bench_counters_t *load) {
	free(load->counters);
	free(load->locked);
	free(load);
}

void
bench_counters_count(bench_counters_t *load, unsigned scope) {
	lsr_counters_t *counters = &load->counters[scope];
	for (unsigned i = 0; i < BENCH_BLOCK; i++) {
		lsr_counters_add(counters, 1, lsr_counters_unit(true));
		lsr_counters_subtract(counters, 1, lsr_counters_unit(true));
	}
}

void
bench_counters_count_batch(bench_counters_t *load, unsigned scope) {
	lsr_counters_t *counters = &load->counters[scope];
	for (unsigned i = 0; i < BENCH_BLOCK; i += BATCH) {
		lsr_counters_add(counters, 1, BATCH * lsr_counters_unit(true));
		lsr_counters_subtract(counters, 1, BATCH * lsr_counters_unit(true));
	}
}

static void
change_locked(bench_locked_t *locked, uint64_t units) {
	(void)pthread_mutex_lock(&locked->mutex);
	const uint64_t in_use = locked->by_state[1] >> 32;
	locked->high_water = in_use > locked->high_water ? in_use : locked->high_water;
	locked->by_state[1] += units;
	(void)pthread_mutex_unlock(&locked->mutex);
}

void
bench_counters_count_locked(bench_counters_t *load, unsigned scope) {
	for (unsigned i = 0; i < BENCH_BLOCK; i++) {
		change_locked(&load->locked[scope], lsr_counters_unit(true));
		change_locked(&load->locked[scope], UINT64_C(0) - lsr_counters_unit(true));
	}
}

uint64_t
bench_counters_read(const bench_counters_t *load) {
	uint64_t sum = 0;
	for (unsigned i = 0; i < BENCH_BLOCK; i++) {
		sum += lsr_counters_in_use(&load->counters[i % load->scopes]);
	}
	return sum;
}
