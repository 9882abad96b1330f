/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: one store of scopes and leases, in one directory, opened by one process.
 *
 * All data lives in memory; the directory holds a write-ahead log and snapshots, from which an open rebuilds it.
 *
 * Threads. Any number of threads may call any function at any time. Threads need no registration, may come and go, and
 * may exit at any moment outside a call. Exceptions are said where they exist (lessor_close).
 *
 * Progress. Reads (get, find, next, stats) are lock-free: they never wait for a writer, a disk or a lock. Changes are
 * lock-free against changes of other leases; two changes of one lease exclude each other for the length of one
 * in-memory change. A change waits for the disk only if it asks to (LESSOR_SYNC), or if the log's memory is full because
 * the disk cannot follow.
 *
 * Durability. Every change answers with a ticket, a position in the log. lessor_ticket_wait() returns when everything up
 * to it is on stable storage. Tickets are totally ordered: if a change depends on another, its ticket is larger, and what
 * survives a crash is always a prefix of that order. Readers may see a change before it is durable; a caller that must
 * not answer its client on the strength of it waits for the lease's own ticket (lessor_lease_t.ticket).
 *
 * Limits. One engine per directory at a time, in one process. After fork() the child must not use it: every call answers
 * LESSOR_FORKED there; the child may open stores of its own. The library takes care of liburcu-bp around fork(); a host that uses
 * liburcu-bp itself leaves that to it.
 */
#ifndef LESSOR_ENGINE_H
#define LESSOR_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lessor/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lessor_engine lessor_engine_t;

/* A position in the log. 0 stands for "already as durable as it will ever be" (always so without a log). */
typedef uint64_t lessor_ticket_t;

/* When a change returns. */
typedef enum lessor_mode {
	LESSOR_ASYNC = 0, /* as soon as it is visible; its ticket tells when it is durable */
	LESSOR_SYNC = 1   /* when it is durable (same as LESSOR_ASYNC when the engine has no log) */
} lessor_mode_t;

/*
 * How to open. Fill with lessor_options_init(), then change what you need; a size or count of 0 means "the default".
 */
typedef struct lessor_options {
	uint32_t size_bytes;    /* set by lessor_options_init(); tells which fields the caller knows */
	bool create_if_missing; /* make the directory and an empty store; default true */
	bool read_only;         /* load and answer, change nothing on disk or in memory; default false */
	bool log;               /* keep a log and snapshots; default true. false: memory only, no directory needed */
	bool strict_address_state; /* reject address_state 0 instead of storing ACTIVE (MS-DHCPM 3.2.4.123); default false */
	uint64_t max_leases;       /* room for at least this many leases, wherever they lie (reserves address space,
	                             * takes no memory); at most 4294967295; default: what the machine's memory could hold */
	uint64_t segment_size_bytes; /* of one log file; a multiple of 1 MiB; default 64 MiB */
	uint64_t ring_size_bytes;    /* of the log's memory ring; a power of two >= 1 MiB; default 32 MiB */
	uint64_t
		snapshot_after_bytes; /* take a snapshot by itself after this much log; default 1 GiB; UINT64_MAX: never */
	uint32_t flush_gather_us; /* with nobody waiting, how long a flush may gather; default 1000, at most 1000000 */
	const char *server_name;  /* UTF-8, owner name of leases made through dhcpsapi.h; default: the host name */
	uint32_t server_address;  /* IPv4, host byte order, owner address of such leases; default 0 */
	uint64_t expected_leases; /* take the memory of this many leases while opening, so that no create waits for the
	                             * kernel to find it; some 85 bytes each; not more than max_leases, if that is given;
	                             * LESSOR_NO_MEMORY if the machine has not so much; default 0: it comes as leases do */
	uint64_t
		retain_log_bytes; /* keep this much of the log that snapshots have made unnecessary, for <lessor/stream.h>; default 0 */
	uint32_t
		retain_log_s; /* and what of it is not older than this, in seconds by the machine's clock; default 0. Whole segments go. Each
	                        * of the two keeps, whatever the other says, as long as disk_limit_bytes has room;
	                        * nobody who reads the log keeps anything */
	uint32_t max_offers; /* offers at a time (lessor/server.h); default LESSOR_DEFAULT_MAX_OFFERS, at most 2^24 */
	uint32_t sweep_interval_s;   /* sweep by itself (lessor/expire.h) so often; default 0: never */
	uint32_t sweep_grace_s;      /* grace_s of these sweeps; default 0 */
	uint32_t sweep_doom_s;       /* doom_s of these sweeps; default 0: LESSOR_DEFAULT_DOOM_S */
	uint64_t memory_limit_bytes; /* default 0: none. See below */
	uint64_t disk_limit_bytes;   /* default 0: none. See below */
} lessor_options_t;

/*
 * memory_limit_bytes: what records, the index of clients and the log's buffers may take; a size below what an empty engine needs makes the open fail with
 * LESSOR_NO_MEMORY. Memory is charged in steps of 2 MiB for each of up to five areas, when it is taken, and is not given back before the engine is
 * closed. Texts that do not fit a record, scopes with their maps, and the index of IPv6 addresses are not counted: leave room for them.
 * At the limit a create that needs another step is refused with LESSOR_NO_MEMORY, and nothing has changed; creates that find room in what there is, updates,
 * deletes, reads and snapshots go on. The index of clients then grows no further and becomes slower. An open of a store that
 * does not fit is refused with LESSOR_NO_MEMORY.
 *
 * disk_limit_bytes: what the log's segments, prepared ones included, and the newest snapshot may take together; at least 4 MiB. When the next segment does not fit, changes that need it are
 * refused with LESSOR_DISK_FULL before they show anywhere, as on a full disk; reads, waiting and snapshots go on. A snapshot is then taken by itself, within a second or so,
 * unless snapshot_after_bytes is UINT64_MAX; what log it makes unnecessary is room again. The limit goes before
 * retain_log_bytes and retain_log_s: what is only retained is dropped, the oldest first, where the limit needs the room. A snapshot is never refused by the limit: while
 * it is written, and if it is itself larger, more is on disk than the limit says. Nor is an opening, which may take 1 MiB more.
 * Deletes need log as well: where snapshot and segments do not fit together, nothing can be deleted either, until the store is opened with a higher limit.
 */

/* Fill with the defaults. Callable from anywhere. */
void lessor_options_init(lessor_options_t *options);

/* What opening (or verifying, or a snapshot) found and did. Everything is filled, also on failure. */
typedef struct lessor_report {
	char sentence
		[512]; /* what happened, in one sentence with file and offset where that applies; "" if nothing to say */
	uint64_t snapshot_leases; /* leases in the snapshot that was loaded, or written */
	uint64_t snapshot_bytes;  /* size of its file; 0: there is none */
	uint64_t log_records;     /* records replayed from the log */
	uint64_t leases;          /* leases there in the end */
	uint64_t scopes;          /* scopes there in the end */
	uint64_t cut_bytes; /* bytes cut off the end of the log: a write that the last crash tore, never acknowledged */
	lessor_ticket_t last_ticket; /* the newest durable position */
	double seconds;
} lessor_report_t;

/*
 * Open the store in 'directory' and take it for this process alone.
 *
 * Requires:  engine not NULL; directory not NULL unless options->log is false (it is ignored then). options and report
 *            may be NULL.
 * Ensures:   on LESSOR_OK *engine is open and holds everything that was ever reported durable; close it with
 *            lessor_close().
 * Cost:      reads the newest snapshot and the log behind it.
 * Returns:   LESSOR_OK; LESSOR_INVALID; LESSOR_LOCKED at once if another engine has it; LESSOR_NO_STORE;
 *            LESSOR_DAMAGED (damage before the end of the log, or in the snapshot); LESSOR_UNSUPPORTED; LESSOR_NO_MEMORY;
 *            LESSOR_DISK_FULL (no room for the first log segment); LESSOR_IO. The report says file and offset.
 */
lessor_status_t lessor_open(const char *directory, const lessor_options_t *options, lessor_engine_t **engine,
			    lessor_report_t *report);

/*
 * Flush, release the directory, free everything; *engine becomes NULL.
 *
 * Call with:  no other call on this engine running or beginning, except lessor_ticket_wait(): that one is let out first, with
 *             LESSOR_CLOSED unless its ticket is durable by then.
 * Returns:    LESSOR_OK; LESSOR_INVALID (NULL); LESSOR_FORKED (nothing done); LESSOR_LOG_FAILED: the engine is closed and
 *             freed, but not everything could be made durable.
 */
lessor_status_t lessor_close(lessor_engine_t **engine);

/*
 * Wait until 'ticket' is durable. timeout_ms < 0 waits for as long as it takes.
 * Returns: LESSOR_OK; LESSOR_TIMEOUT; LESSOR_LOG_FAILED (unknown outcome); LESSOR_CLOSED; LESSOR_FORKED;
 *          LESSOR_INVALID (a ticket that was never handed out).
 */
lessor_status_t lessor_ticket_wait(lessor_engine_t *engine, lessor_ticket_t ticket, int64_t timeout_ms);

/* Is it durable now? LESSOR_OK yes, LESSOR_TIMEOUT not yet, otherwise as lessor_ticket_wait(). Wait-free. */
lessor_status_t lessor_ticket_poll(lessor_engine_t *engine, lessor_ticket_t ticket);

/*
 * The names that the engine goes by as a server (options server_name and server_address): what dhcpsapi.h stores as owner.
 * Requires: name has room for 256 bytes, or LESSOR_BUFFER_TOO_SMALL may be the answer. UTF-8, NUL-terminated.
 */
lessor_status_t lessor_engine_server(lessor_engine_t *engine, char *name, size_t name_bytes, uint32_t *address);

/* Everything up to and including this ticket is durable. Wait-free; only grows. */
lessor_ticket_t lessor_durable_ticket(lessor_engine_t *engine);

/* At least the newest ticket handed out so far. Wait for it to make "everything until now" durable. Wait-free. */
lessor_ticket_t lessor_last_ticket(lessor_engine_t *engine);

/*
 * An eventfd (non-blocking, close-on-exec) that becomes readable whenever the durable position has moved or the log has
 * failed: for an event loop, which then asks lessor_ticket_poll() or lessor_durable_ticket(). Each call makes another
 * one, at most 64 at a time. While it exists, the log flushes as if somebody waited.
 * Ensures: on LESSOR_OK *fd is to be given back with lessor_notifier_close(), not close().
 * Returns: LESSOR_OK; LESSOR_INVALID; LESSOR_LIMIT; LESSOR_IO; LESSOR_FORKED. Without a log: LESSOR_OK, never readable.
 */
lessor_status_t lessor_notifier_open(lessor_engine_t *engine, int *fd);
lessor_status_t lessor_notifier_close(lessor_engine_t *engine, int fd);

/*
 * Write a snapshot of everything and drop the log segments that it makes unnecessary. Writers and readers go on
 * meanwhile. One at a time: a second caller waits for the first, then takes its own.
 * Ensures: on LESSOR_OK the next open starts from it. On failure the former snapshot and the log are as good as before.
 * Returns: LESSOR_OK; LESSOR_INVALID; LESSOR_READ_ONLY (also without a log); LESSOR_DISK_FULL; LESSOR_IO; LESSOR_LOG_FAILED;
 *          LESSOR_CLOSED; LESSOR_FORKED; LESSOR_NO_MEMORY.
 * report may be NULL.
 */
lessor_status_t lessor_snapshot(lessor_engine_t *engine, lessor_report_t *report);

/*
 * Check the engine in memory against itself: every lease is found by address and by client, no client has two leases in
 * one scope, statistics and the map of free addresses equal a recount. For tests and operators; exact only while nobody changes anything.
 * Cost: touches every lease.
 * Returns: LESSOR_OK; LESSOR_DAMAGED with the first contradiction in the report; LESSOR_INVALID; LESSOR_NO_MEMORY.
 */
lessor_status_t lessor_check(lessor_engine_t *engine, lessor_report_t *report);

/*
 * Read a store without opening it for change: snapshots and log checksums, order, and then what lessor_check() does.
 * Returns: as lessor_open() with read_only, plus LESSOR_DAMAGED as lessor_check(). A torn tail is not damage: cut_bytes.
 */
lessor_status_t lessor_verify(const char *directory, lessor_report_t *report);

#ifdef __cplusplus
}
#endif

#endif
