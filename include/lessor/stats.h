/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts per scope.
 *
 * Let R be the scope's range, X the union of its exclusions and P = R - X its pool. Then, whenever no change is under way,
 *
 *     in_use  = addresses of P that hold a lease in state ACTIVE or DECLINED, or are reserved
 *     pending = addresses of P that are offered and hold no such lease (always 0 until an offer call exists)
 *     free    = |P| - in_use - pending
 *
 * exactly. While changes run, each figure is off by no more than the changes in flight. A DOOM lease is not in use, although its
 * address is taken, unless that is reserved; a lease outside P is counted by state only. Source: MS-DHCPM 2.2.1.2.95.
 */
#ifndef LESSOR_STATS_H
#define LESSOR_STATS_H

#include <stdint.h>

#include <lessor/engine.h>
#include <lessor/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lessor_scope_stats_s {
	uint32_t subnet;
	uint64_t pool; /* |P| */
	uint64_t in_use;
	uint64_t free;
	uint64_t pending;
	uint64_t leases;        /* leases in the scope, inside or outside the pool, in any state */
	uint64_t leases_active; /* of these, by the low two bits of the address state */
	uint64_t leases_declined;
	uint64_t leases_doomed;
	uint64_t in_use_high_water; /* the greatest in_use since the scope was created or its pool last changed */
	uint64_t creates;           /* since the scope was created, across restarts */
	uint64_t deletes;
} lessor_scope_stats_t;

typedef struct lessor_engine_stats_s {
	uint64_t scopes;
	uint64_t leases;
	uint64_t memory_bytes;  /* memory taken for records, indexes and the ring, without long texts */
	uint64_t log_bytes;     /* bytes of log files on disk */
	uint64_t flushes;       /* device flushes so far */
	uint64_t flushed_bytes; /* of these, bytes written */
	lessor_ticket_t last_ticket;
	lessor_ticket_t durable_ticket;
} lessor_engine_stats_t;

/* The figures of one scope. Progress: wait-free. Returns: LESSOR_OK; LESSOR_NOT_FOUND; LESSOR_INVALID; LESSOR_FORKED. */
lessor_status_t lessor_scope_stats(lessor_engine_t *engine, uint32_t subnet, lessor_scope_stats_t *stats);

/*
 * The same figures by visiting every lease of the scope; in_use_high_water, creates and deletes are 0. For tests and
 * operators. Exact only while nobody changes the scope. Cost: grows with the leases.
 */
lessor_status_t lessor_scope_recount(lessor_engine_t *engine, uint32_t subnet, lessor_scope_stats_t *stats);

/* The whole engine. Cost: grows with the number of scopes. Returns: LESSOR_OK; LESSOR_INVALID; LESSOR_FORKED. */
lessor_status_t lessor_engine_stats(lessor_engine_t *engine, lessor_engine_stats_t *stats);

#ifdef __cplusplus
}
#endif

#endif
