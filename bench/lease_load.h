/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases through the public API: 2^22 of them in 1024 scopes of 4096 addresses, each with a MAC as client id and hardware address and a
 * name of 12 characters, met in shuffled order.
 *
 * Beside it the store one would build of parts at hand: one object per lease, in two tables of liburcu with a bucket for every lease.
 *
 * All operations work on leases number 'first' to 'first + count - 1' of an order: 0 and 1 are two different shuffles. They return how many
 * went as they had to.
 */
#ifndef LESSOR_LEASE_LOAD_H
#define LESSOR_LEASE_LOAD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BENCH_LEASE_BITS 22u
#define BENCH_LEASES     (UINT32_C(1) << BENCH_LEASE_BITS)

/* What preparing the arguments costs, which is part of all the others. */
uint64_t bench_lease_arguments(unsigned order, uint32_t first, uint32_t count);

typedef struct bench_leases bench_leases_t;

/* An engine with its scopes and no leases; with a log: in a directory of its own in LESSOR_BENCH_DIR, or the current one. */
bench_leases_t *bench_leases_new(int log);
void bench_leases_free(bench_leases_t *load);

uint64_t bench_lease_create(bench_leases_t *load, unsigned order, uint32_t first, uint32_t count);
uint64_t bench_lease_create_batch(bench_leases_t *load, unsigned order, uint32_t first, uint32_t count);
uint64_t bench_lease_get(bench_leases_t *load, unsigned order, uint32_t first, uint32_t count);
uint64_t bench_lease_get_client(bench_leases_t *load, unsigned order, uint32_t first, uint32_t count);
uint64_t bench_lease_renew(bench_leases_t *load, unsigned order, uint32_t first, uint32_t count);
uint64_t bench_lease_delete(bench_leases_t *load, unsigned order, uint32_t first, uint32_t count);
/* Until everything is durable. */
int bench_lease_wait(bench_leases_t *load);
/* Bytes of memory that the engine has taken. */
uint64_t bench_lease_memory(bench_leases_t *load);

typedef struct bench_tables bench_tables_t;

bench_tables_t *bench_tables_new(void);
void bench_tables_free(bench_tables_t *load);
uint64_t bench_tables_create(bench_tables_t *load, unsigned order, uint32_t first, uint32_t count);
uint64_t bench_tables_get(bench_tables_t *load, unsigned order, uint32_t first, uint32_t count);
uint64_t bench_tables_get_client(bench_tables_t *load, unsigned order, uint32_t first, uint32_t count);
uint64_t bench_tables_delete(bench_tables_t *load, unsigned order, uint32_t first, uint32_t count);

#ifdef __cplusplus
}
#endif

#endif
