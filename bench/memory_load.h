/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the machine itself gives: random lines of a large stretch of memory, and a create without everything that makes it one. lessor's figures are to
 * be read as multiples of these.
 */
#ifndef LESSOR_MEMORY_LOAD_H
#define LESSOR_MEMORY_LOAD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bench_memory bench_memory_t;

/* Memory for 2^bits records of a line each, a quarter as many buckets of a line each, and a ring of 32 MiB; all of it touched. */
bench_memory_t *bench_memory_new(unsigned bits);
void bench_memory_free(bench_memory_t *memory);

/* BENCH_BLOCK records met at random: loads that know nothing of each other; loads of which each says where the next one is; atomic adds. */
uint64_t bench_memory_load(bench_memory_t *memory);
uint64_t bench_memory_chase(bench_memory_t *memory);
void bench_memory_add(bench_memory_t *memory);

/*
 * BENCH_BLOCK bare creates, 'batch' (1 to 32) at a time: prefetch a record and a bucket, claim the one and lock the other by compare-and-swap, look through the bucket and
 * enter a word, take 64 bytes of the ring by an atomic add and fill them, fill the record, publish it. No scope, no texts, no checks, no counters.
 */
void bench_memory_create(bench_memory_t *memory, unsigned batch);

#ifdef __cplusplus
}
#endif

#endif
