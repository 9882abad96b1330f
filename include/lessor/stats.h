/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts per scope.
 *
 * Let R be the scope's range, X the union of its exclusions and P = R - X its pool. Then, whenever no change is under way,
 *
 *     in_use  = addresses of P that hold a lease in state ACTIVE or DECLINED, or are reserved
 *     pending = addresses of P that are offered (lessor/server.h) and hold no lease
 *     free    = |P| - in_use - pending
 *
 * exactly. While changes run, each figure is off by no more than the changes in flight. A DOOM lease is not in use, although its
 * address is taken, unless that is reserved; a lease outside P is counted by state only. Source: MS-DHCPM 2.2.1.2.95.
 */
#ifndef LESSOR_STATS_H
#define LESSOR_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lessor/engine.h>
#include <lessor/status.h>
#include <lessor/time.h>

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
	uint64_t expires; /* of these, by sweeps, since the engine was opened */
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
	lessor_filetime_t opened_at; /* when lessor_open() began */
} lessor_engine_stats_t;

/* The figures of one scope. Progress: wait-free, unless offers are over since: these are ended first. Returns: LESSOR_OK; LESSOR_NOT_FOUND; LESSOR_INVALID; LESSOR_FORKED. */
lessor_status_t lessor_scope_stats(lessor_engine_t *engine, uint32_t subnet, lessor_scope_stats_t *stats);

/*
 * The same figures by visiting every lease of the scope; in_use_high_water, creates, deletes and expires are 0. For tests and
 * operators. Exact only while nobody changes the scope. Cost: grows with the leases.
 */
lessor_status_t lessor_scope_recount(lessor_engine_t *engine, uint32_t subnet, lessor_scope_stats_t *stats);

/* An address at which a scope's leases and its map of taken addresses, by which free ones are found, contradict each other. */
typedef struct lessor_discrepancy {
	uint32_t address;
	bool has_lease; /* a lease is there and the map says free; otherwise nothing is there and the map says taken */
} lessor_discrepancy_t;

/*
 * Compare the leases of a scope with its map of taken addresses: a self-check, which finds something only after a fault of memory or of this library. 'found'
 * receives the first 'capacity' discrepancies at or behind 'from', ascending; fewer (*count) means that there are no more. repair: correct
 * the map by the leases, which are never touched.
 * Returns:  LESSOR_OK; LESSOR_NOT_FOUND (no such scope); LESSOR_INVALID (NULL, capacity 0); LESSOR_FORKED; with repair also LESSOR_READ_ONLY, LESSOR_CLOSED,
 *           LESSOR_NO_MEMORY (what was corrected until then stays so).
 * Progress: exact while leases change, and holds nobody up: an address that is being changed at this moment is no discrepancy.
 * Cost:     a look at each place of the scope's pages.
 */
lessor_status_t lessor_scope_scan(lessor_engine_t *engine, uint32_t subnet, uint32_t from, bool repair,
				  lessor_discrepancy_t *found, size_t capacity, size_t *count);

/* The whole engine. Cost: grows with the number of scopes. Returns: LESSOR_OK; LESSOR_INVALID; LESSOR_FORKED. */
lessor_status_t lessor_engine_stats(lessor_engine_t *engine, lessor_engine_stats_t *stats);

/* Takes a piece of text, not NUL-terminated; false: no more is wanted. */
typedef bool lessor_write_t(void *context, const char *text, size_t bytes);

/* Besides the library's own names also those that exporters for Kea use, as far as there are figures for them. */
enum { LESSOR_METRICS_KEA_NAMES = 1u << 0 };

/*
 * All figures, of IPv4 and IPv6 scopes and of the engine, as OpenMetrics text up to and including "# EOF": what a scraper is to get as
 * "application/openmetrics-text; version=1.0.0; charset=utf-8". 'write' gets it in pieces of at most 4 KiB, is called by this thread, and may call any function
 * on the engine but lessor_close().
 * Ensures: on any failure the text is incomplete, and has no "# EOF".
 * Returns: LESSOR_OK; LESSOR_IO ('write' answered false); LESSOR_NO_MEMORY; LESSOR_INVALID (write NULL, unknown flags); LESSOR_FORKED.
 * Cost:    a microsecond or two for each scope. Source: https://prometheus.io/docs/specs/om/open_metrics_spec/
 */
lessor_status_t lessor_stats_openmetrics(lessor_engine_t *engine, uint32_t flags, lessor_write_t *write, void *context);

/*
 * Let other processes of this machine see the figures, as 'lessor stats' does: until lessor_close() a thread answers whoever connects to the socket lessor.stats in
 * the store's directory with this text (with the names of Kea), and closes the connection. Who may open the socket for writing, may connect. Who does not read for
 * a second, or has not read all of it within five, gets an incomplete text, without "# EOF". Closing does not wait for readers.
 * Returns: LESSOR_OK (also if it does so already); LESSOR_READ_ONLY (also without a log); LESSOR_IO; LESSOR_NO_MEMORY; LESSOR_INVALID; LESSOR_FORKED.
 */
lessor_status_t lessor_stats_serve(lessor_engine_t *engine);

#ifdef __cplusplus
}
#endif

#endif
