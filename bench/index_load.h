/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ordered index of a sparse scope: keys of 64 bits, spread over all of them or one behind the other, each leading to the number it was made of. Beside it
 * a tree of single nodes under a mutex, as one has it at once.
 */
#ifndef LESSOR_INDEX_LOAD_H
#define LESSOR_INDEX_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The keys of a load: BENCH_INDEX_RANDOM ones, or 1, 2, 3 and so on. Both are entered in the order of their numbers. */
typedef enum { BENCH_INDEX_RANDOM, BENCH_INDEX_ASCENDING } bench_index_keys_t;

uint64_t bench_index_key(bench_index_keys_t keys, uint32_t number);

typedef struct bench_index bench_index_t;

/* For keys number 1 to count; nothing is entered yet. */
bench_index_t *bench_index_new(bench_index_keys_t keys, uint32_t count);
void bench_index_free(bench_index_t *load);

/* Enter keys number first to last; how many were entered. */
uint64_t bench_index_fill(bench_index_t *load, uint32_t first, uint32_t last);

/* BENCH_BLOCK operations on keys in an order without strides, from place 'from' of it on; each returns how many went as they had to. */
uint64_t bench_index_find(const bench_index_t *load, uint32_t from);
uint64_t bench_index_find_batch(bench_index_t *load, uint32_t from); /* 32 at a time */
uint64_t bench_index_miss(const bench_index_t *load, uint32_t from);
uint64_t bench_index_replace(bench_index_t *load, uint32_t from); /* remove one, insert it again */
uint64_t bench_index_churn(bench_index_t *load, uint32_t from);   /* remove one, insert a new one */

uint64_t bench_index_scan(const bench_index_t *load);  /* all, 256 at a time; how many */
uint64_t bench_index_count(const bench_index_t *load); /* all */
uint64_t bench_index_bytes(const bench_index_t *load);

#ifdef __cplusplus
}
#endif

#endif
