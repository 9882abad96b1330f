/* SPDX-License-Identifier: Apache-2.0 */
/* A scope with a million leases goes, while somebody reads or writes leases of another one. */
#ifndef LESSOR_BENCH_SCOPE_LOAD_H
#define LESSOR_BENCH_SCOPE_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bench_scope bench_scope_t;

/* What somebody beside it met with. */
typedef struct bench_stall {
	double seconds; /* that the scope's end took, or would have */
	double longest_us;
	uint64_t calls;
	uint64_t long_calls; /* longer than a millisecond */
	uint64_t
		preempted_calls; /* of these, those that lost the processor meanwhile: there were others who wanted it */
} bench_stall_t;

bench_scope_t *bench_scope_new(void);
void bench_scope_free(bench_scope_t *scope);

/* Make the scope and its leases. */
bool bench_scope_fill(bench_scope_t *scope, uint32_t leases);

/* Delete it, or (ends false) let 'seconds' pass, while somebody creates and deletes leases (writes), or reads them. */
bench_stall_t bench_scope_watch(bench_scope_t *scope, bool writes, bool ends, double seconds);

#ifdef __cplusplus
}
#endif

#endif
