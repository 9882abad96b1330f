/* SPDX-License-Identifier: Apache-2.0 */
/* The counters of scopes, counted up and down by several threads; and a mutex around plain ones. */
#ifndef LESSOR_COUNTERS_LOAD_H
#define LESSOR_COUNTERS_LOAD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bench_counters bench_counters_t;

bench_counters_t *bench_counters_new(unsigned scopes);
void bench_counters_free(bench_counters_t *load);

/* BENCH_BLOCK leases come and go in one scope: an add and a subtract each. */
void bench_counters_count(bench_counters_t *load, unsigned scope);
void bench_counters_count_locked(bench_counters_t *load, unsigned scope);
/* BENCH_BLOCK leases come and go in batches of 32: one add and one subtract per batch. */
void bench_counters_count_batch(bench_counters_t *load, unsigned scope);
/* BENCH_BLOCK readings of in_use, spread over the scopes. */
uint64_t bench_counters_read(const bench_counters_t *load);

#ifdef __cplusplus
}
#endif

#endif
