/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One scope of 2^bits addresses, all of them in its pool, and all but 'holes' of them leased. Which ones are free looks random.
 *
 * The operations leave as many leases as there were. They return how many went as they had to.
 */
#ifndef LESSOR_ALLOCATE_LOAD_H
#define LESSOR_ALLOCATE_LOAD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bench_pool bench_pool_t;

bench_pool_t *bench_pool_new(unsigned bits, uint32_t holes);
void bench_pool_free(bench_pool_t *load);

/* 'count' times: delete a lease of this part of the clients, drawn by lot; allocate a new one for its client. */
uint64_t bench_pool_allocate(bench_pool_t *load, unsigned part, unsigned parts, uint32_t count);
/* The same, but create the new one where the old one was. */
uint64_t bench_pool_create(bench_pool_t *load, unsigned part, unsigned parts, uint32_t count);
/* The same, but the new one is offered first, then bound. */
uint64_t bench_pool_offer(bench_pool_t *load, unsigned part, unsigned parts, uint32_t count);
/* In a pool without holes: allocate, in vain. */
uint64_t bench_pool_exhausted(bench_pool_t *load, uint32_t count);

#ifdef __cplusplus
}
#endif

#endif
