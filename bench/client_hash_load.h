/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client hash alone, and the table of liburcu beside it: keys of 64 bits, which lie in records of one cache line as the clients of
 * leases do, so that a hit reads the bucket and the record.
 */
#ifndef LESSOR_CLIENT_HASH_LOAD_H
#define LESSOR_CLIENT_HASH_LOAD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bench_hash bench_hash_t;

/* Records for 2^bits keys; nothing is entered yet. */
bench_hash_t *bench_hash_new(unsigned bits);
void bench_hash_free(bench_hash_t *load);

/* Enter all keys in shuffled order; returns how many were entered. */
uint64_t bench_hash_fill(bench_hash_t *load);

/* BENCH_BLOCK operations on shuffled keys from number 'from' on; each returns how many went as they had to. */
uint64_t bench_hash_hit(const bench_hash_t *load, uint32_t from);
uint64_t bench_hash_hit_batch(const bench_hash_t *load, uint32_t from); /* prefetching buckets and records 32 ahead */
uint64_t bench_hash_miss(const bench_hash_t *load, uint32_t from);
uint64_t bench_hash_replace(bench_hash_t *load, uint32_t from); /* remove one, insert it again */

/* Bytes of the index by itself. */
uint64_t bench_hash_bytes(bench_hash_t *load);

/* Baseline: cds_lfht, made with as many buckets as there will be keys. */
typedef struct bench_lfht bench_lfht_t;
bench_lfht_t *bench_lfht_new(unsigned bits);
void bench_lfht_free(bench_lfht_t *load);
uint64_t bench_lfht_fill(bench_lfht_t *load);
uint64_t bench_lfht_hit(const bench_lfht_t *load, uint32_t from);
uint64_t bench_lfht_miss(const bench_lfht_t *load, uint32_t from);

#ifdef __cplusplus
}
#endif

#endif
