/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting leases back where they were, on all processors: the part of recovery.c that has to be fast.
 *
 * One thread, the caller, hands over leases and their ends in log order. They are dealt out to lanes by address, so that what happens to
 * one address stays in order, and gathered in windows. Each lane has a thread that applies its share of window after window and notes
 * what each record changed. The caller takes finished windows back in order and applies the notes to the scopes' counters, record by
 * record in log order: so a high-water mark sees exactly the counts that it saw when the log was written.
 *
 * Whatever is no lease needs lsr_replay_drain() first: then the tables and counters are those of the log up to here, nothing is under
 * way, and the caller may change scopes.
 *
 * A window that is small and alone is applied by the caller, so a small store never starts a thread.
 *
 * Edges, all through the lock: a window and everything before it  ->  the lanes' threads; their notes and records  ->  the caller.
 */
#ifndef LSR_REPLAY_H
#define LSR_REPLAY_H

#include "engine_p.h"

typedef struct lsr_replay lsr_replay_t;

/* For tests; read when a store is opened. Zeros: one thread for each processor, windows of a good size. */
typedef struct lsr_replay_tuning {
	unsigned threads; /* 1: the caller does everything */
	unsigned items;   /* of one lane in one window */
} lsr_replay_tuning_t;

extern lsr_replay_tuning_t lsr_replay_tuning;

#define LSR_REPLAY_THREADS_MAX 8u
/* 1 to LSR_REPLAY_THREADS_MAX. */
unsigned lsr_replay_threads(void);

/* NULL: no memory. */
lsr_replay_t *lsr_replay_new(lessor_engine_t *engine);

/* Stop the threads; what was not drained is dropped. NULL is accepted. */
void lsr_replay_free(lsr_replay_t *replay);

/*
 * After a drain: what comes now is the log's, not the snapshot's. An address without a scope is damage from now on, if 'strict'. Up to settled_lsn the
 * tables may show states that were never there together, so falling counts tell nothing about high-water marks.
 */
void lsr_replay_begin_log(lsr_replay_t *replay, uint64_t settled_lsn, bool strict);

/*
 * A lease image, which is checked at once, and the end of a lease. LESSOR_OK; LESSOR_DAMAGED; LESSOR_NO_MEMORY; or what an earlier record
 * met with.
 */
lessor_status_t lsr_replay_lease(lsr_replay_t *replay, const uint8_t *image, size_t size_bytes, uint64_t lsn);
lessor_status_t lsr_replay_lease_end(lsr_replay_t *replay, uint32_t address, bool counts, uint64_t lsn);

lessor_status_t lsr_replay_lease6(lsr_replay_t *replay, const uint8_t *image, size_t size_bytes, uint64_t lsn);
lessor_status_t lsr_replay_lease6_end(lsr_replay_t *replay, lessor_address6_t address, bool counts, uint64_t lsn);

/* Apply everything. The same. */
lessor_status_t lsr_replay_drain(lsr_replay_t *replay);

/* The LSN of the first record that could not be applied; UINT64_MAX: none. After a drain. */
uint64_t lsr_replay_failed_lsn(const lsr_replay_t *replay);

/* Empty a slot that nobody else looks at. Its lease is for the caller to take out of the counters. */
void lsr_replay_vacate(lsr_record_t *record, const lsr_body_t *body);

/* The same for an IPv6 address, which the index forgets. Inside a read-side section. */
void lsr_replay_vacate6(lessor_engine_t *engine, lsr_scope_t *scope, uint32_t id, const lsr_body_t *body);

#endif
