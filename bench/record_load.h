/* SPDX-License-Identifier: Apache-2.0 */
/* Records of leases, read and changed by the protocol of lease/record.h; and 56 bytes under a mutex beside them. */
#ifndef LESSOR_RECORD_LOAD_H
#define LESSOR_RECORD_LOAD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bench_records bench_records_t;

/* 2^bits records, all of them leases. */
bench_records_t *bench_records_new(unsigned bits);
void bench_records_free(bench_records_t *load);

/* BENCH_BLOCK operations on shuffled records from number 'from' on; how many went as they had to. */
uint64_t bench_records_read(bench_records_t *load, uint32_t from);
uint64_t bench_records_replace(bench_records_t *load, uint32_t from);     /* claim, overwrite */
uint64_t bench_records_recreate(bench_records_t *load, uint32_t from);    /* claim, hide, vacate; claim, publish */
uint64_t bench_records_read_locked(bench_records_t *load, uint32_t from); /* baseline: a mutex per record */

#ifdef __cplusplus
}
#endif

#endif
