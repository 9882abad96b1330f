/* SPDX-License-Identifier: Apache-2.0 */
/* The log alone: appending records of one size, on a store of its own in LESSOR_BENCH_DIR (or the current directory). */
#ifndef LESSOR_LOG_LOAD_H
#define LESSOR_LOG_LOAD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bench_log bench_log_t;

/* payload_bytes per record; a common lease's image has 46 to 48. */
bench_log_t *bench_log_new(uint32_t payload_bytes);
void bench_log_free(bench_log_t *load);

/* Append 'count' records, 'batch' per reservation; returns where the last one ends. Any thread. */
uint64_t bench_log_append(bench_log_t *load, uint32_t count, uint32_t batch);
/* Wait until that is durable. */
int bench_log_wait(bench_log_t *load, uint64_t lsn);
/* Bytes on disk, and flushes, so far. */
void bench_log_figures(bench_log_t *load, uint64_t *bytes, uint64_t *flushes);

/* A checksum of so many bytes. */
uint32_t bench_log_crc(const void *data, size_t size_bytes);

#ifdef __cplusplus
}
#endif

#endif
