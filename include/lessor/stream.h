/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The change stream: every change of a store in the order of its log; what an address has been through; and a second store that follows.
 *
 * A stream reads the log's files. So it sees exactly what is durable, in the order of the tickets, may be read in the engine's process or in another one, and
 * costs writers nothing: nobody waits for a reader. What is retained of the log for readers is set when the engine is opened (retain_log_bytes, retain_log_s); without that, it is what
 * the next open needs.
 *
 * A change says how something is after it. Applying one twice, or once more from an earlier position on, ends at the same state.
 *
 * Time that passes is no change: that a lease expires, a quarantine ends, or the time of a doomed lease is over, nobody writes down. What these times are, is said by the change that set
 * them; a release says its own as the new expiry. What follows is the end of the lease, with the time at which a sweep wrote it, and not to be told from a delete. grace_s and doom_s
 * are the sweep's (lessor/expire.h), and not in the log.
 *
 * Threads. A stream or follower is used by one thread at a time.
 */
#ifndef LESSOR_STREAM_H
#define LESSOR_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lessor/engine.h>
#include <lessor/filter.h>
#include <lessor/lease.h>
#include <lessor/lease6.h>
#include <lessor/limit.h>
#include <lessor/reservation.h>
#include <lessor/scope.h>
#include <lessor/scope6.h>
#include <lessor/status.h>
#include <lessor/time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Positions to begin at. */
#define LESSOR_STREAM_OLDEST UINT64_C(0)  /* whatever is retained */
#define LESSOR_STREAM_FIRST  UINT64_C(64) /* the beginning of the store */

/*
 * What became of what. An address has one state: nothing; a lease; a reservation without a lease. With _LEASE and _RESERVATION the others are over.
 * The numbers are those of the records in the log (docs/store-format.md), plus 64 for what is a reservation only.
 */
typedef enum lessor_change_kind {
	LESSOR_CHANGE_LEASE = 1,     /* lease; and reservation, if lease.is_reserved */
	LESSOR_CHANGE_LEASE_END = 2, /* address: its lease, and its reservation if any, are gone */
	LESSOR_CHANGE_SCOPE =
		4, /* scope, scope_uid, superscope, exclusions. A scope of this uid and another mask was moved: it had no leases */
	LESSOR_CHANGE_SCOPE_END =
		5, /* scope.subnet, scope.mask, scope_uid: it is gone with all its leases and reservations */
	LESSOR_CHANGE_SUPERSCOPE = 6,          /* superscope, name */
	LESSOR_CHANGE_SUPERSCOPE_END = 7,      /* superscope: its scopes are in none now */
	LESSOR_CHANGE_FILTER = 8,              /* filter */
	LESSOR_CHANGE_FILTER_END = 9,          /* filter without list and comment */
	LESSOR_CHANGE_FILTER_ENFORCEMENT = 10, /* allow, deny */
	LESSOR_CHANGE_LEASE6 = 11,             /* lease6; and reservation6, if lease6.is_reserved */
	LESSOR_CHANGE_LEASE6_END = 12,         /* address6 */
	LESSOR_CHANGE_SCOPE6 =
		13, /* scope6, exclusions6; the reservations of addresses outside of the prefix are in 'record' only */
	LESSOR_CHANGE_SCOPE6_END = 14,       /* scope6.prefix, scope6.number: it is gone with all its leases */
	LESSOR_CHANGE_CLEAR = 16,            /* as SCOPE; and the leases of 'range' that are not reserved are gone */
	LESSOR_CHANGE_LIMIT = 17,            /* limit, without 'leases' */
	LESSOR_CHANGE_LIMIT_END = 18,        /* limit.key: it has none now */
	LESSOR_CHANGE_RESERVATION = 65,      /* reservation: there is no lease at its address */
	LESSOR_CHANGE_RESERVATION_END = 66,  /* address: such a reservation is gone */
	LESSOR_CHANGE_RESERVATION6 = 75,     /* reservation6: likewise */
	LESSOR_CHANGE_RESERVATION6_END = 76, /* address6 */
} lessor_change_kind_t;

/* One change. What its kind does not name is zero. Pointers are valid until the next call on the stream. */
typedef struct lessor_change {
	lessor_change_kind_t kind; /* others may come with later versions: look at 'record', or leave it */
	bool continues;            /* the next change has the same lsn: the two are one change, for all or nothing */
	lessor_ticket_t lsn;       /* its position: the ticket that it answered with */
	lessor_filetime_t
		time; /* when it was written, to the second, by the machine's clock, which may have been set; LESSOR_TIME_NONE: not known */
	uint32_t address;
	lessor_address6_t address6;
	lessor_lease_t lease; /* subnet_mask is 0 */
	lessor_lease6_t lease6;
	lessor_reservation_t reservation;
	lessor_reservation6_t reservation6;
	lessor_scope_t scope;
	uint32_t scope_uid; /* never used for another scope */
	const lessor_range_t *exclusions;
	size_t exclusion_count;
	lessor_range_t range;
	lessor_scope6_t scope6;
	const lessor_range6_t *exclusions6;
	size_t exclusion6_count;
	uint32_t superscope; /* number; of a scope: the one it is in, if there is one of this number */
	const char *name;
	lessor_filter_t filter;
	bool allow;
	bool deny;
	lessor_limit_t limit;
	const uint8_t *record; /* the record's payload as docs/store-format.md gives it */
	size_t record_bytes;
} lessor_change_t;

typedef struct lessor_stream lessor_stream_t;

/*
 * Begin a stream behind the position 'from', which is the lsn of a change that was delivered, or one of the constants above.
 *
 * engine:     one with a log, in this process; it must not be closed before the stream is.
 * directory:  of a store that anybody may have open, or nobody. Nothing is changed there, but files are synced, so that what is delivered is durable.
 * report:     may be NULL; says in a sentence what is wrong.
 * Returns:    LESSOR_OK; LESSOR_NOT_RETAINED: the log does not reach back to 'from'; LESSOR_NO_STORE; LESSOR_INVALID (NULL; an engine without a log, or that only reads); LESSOR_DAMAGED;
 *             LESSOR_UNSUPPORTED; LESSOR_IO; LESSOR_NO_MEMORY; LESSOR_FORKED; LESSOR_CLOSED.
 */
lessor_status_t lessor_stream_open(lessor_engine_t *engine, lessor_ticket_t from, lessor_stream_t **stream,
				   lessor_report_t *report);
lessor_status_t lessor_stream_open_directory(const char *directory, lessor_ticket_t from, lessor_stream_t **stream,
					     lessor_report_t *report);

/* NULL is accepted. *stream becomes NULL. */
void lessor_stream_close(lessor_stream_t **stream);

/*
 * The next change. timeout_ms: how long to wait for one, 0 not at all, < 0 for as long as it takes.
 *
 * Ensures:   only what is durable is delivered; every change behind 'from' once, in order. Origins of leases, which the log keeps as records of their own, are resolved.
 * Returns:   LESSOR_OK; LESSOR_TIMEOUT: there is none yet; LESSOR_NOT_RETAINED: the log was dropped faster than it was read, begin again from a snapshot;
 *            LESSOR_DAMAGED (lessor_stream_sentence() says file and offset); LESSOR_CONFLICT: 'from' is no position between two changes of this log;
 *            LESSOR_UNSUPPORTED; LESSOR_IO; LESSOR_NO_MEMORY; of an engine LESSOR_CLOSED and LESSOR_LOG_FAILED (nothing will come any more); LESSOR_FORKED; LESSOR_INVALID.
 * Cost:      reading. Of a directory, one sync for each flush of the writer that is met while it is the newest; the first lease that has an owner or policy name reads the
 *            newest snapshot once, to learn them.
 */
lessor_status_t lessor_stream_next(lessor_stream_t *stream, int64_t timeout_ms, lessor_change_t *change);

/* Call 'function' with each change until none came for timeout_ms (LESSOR_TIMEOUT), something failed, or it answered another thing than LESSOR_OK: that is returned. */
typedef lessor_status_t (*lessor_change_function)(void *context, const lessor_change_t *change);
lessor_status_t lessor_stream_run(lessor_stream_t *stream, int64_t timeout_ms, lessor_change_function function,
				  void *context);

/* What the last failure was, with file and offset; "" if there is nothing to say. Valid until the next call. */
const char *lessor_stream_sentence(const lessor_stream_t *stream);

/* ---- the history of one address ---------------------------------------------------------------------------------- */

typedef struct lessor_history_query {
	bool is_six;
	uint32_t address;           /* IPv4 */
	lessor_address6_t address6; /* IPv6 */
	lessor_filetime_t from;     /* LESSOR_TIME_NONE: as far back as the log is retained */
	lessor_filetime_t to;       /* not before 'from'; LESSOR_TIME_INFINITE: until now */
} lessor_history_query_t;

/*
 * What an address was, from 'from' to 'to': 'function' gets each change that ended or began a state of that time, in log order, beginning with the one whose state
 * was there at 'from'. With from equal to to it is the answer to "who had it then". A scope that ends, or a range that is cleared, is a change of its addresses.
 *
 * A first change whose time is LESSOR_TIME_NONE was made before the retained log begins. None at all: nothing is known but that no lease was there since the log begins.
 * A lease that expired, is no longer declined, or has been doomed for long, is a lease until its end is recorded: compare lease.expires_at.
 * Returns:   LESSOR_OK; what the function returned; LESSOR_INVALID; otherwise as lessor_stream_next().
 * Cost:      reads the whole retained log, and the newest snapshot if the log says nothing of the address at 'from'.
 */
lessor_status_t lessor_history(lessor_engine_t *engine, const lessor_history_query_t *query,
			       lessor_change_function function, void *context, lessor_report_t *report);
lessor_status_t lessor_history_directory(const char *directory, const lessor_history_query_t *query,
					 lessor_change_function function, void *context, lessor_report_t *report);

/* ---- following ------------------------------------------------------------------------------------------------------ */

typedef struct lessor_follower lessor_follower_t;

/*
 * Keep a second store equal to a first one, the leader, that another process (or this one) has open and changes. The follower's directory is a store of its own, made of
 * a copy of the leader's newest snapshot and of the log from there on, frame by frame; so where its log ends is, durably and by itself, how far it has followed, whenever it is killed.
 * Opened with lessor_open() when following has stopped, it holds what the leader held at that position, and can take over. Having taken over it has a history of its own, and follows no more.
 *
 * Open:      a directory that is missing or empty, or was not finished, begins with the snapshot. Otherwise it goes on where it stopped.
 * Ensures:   on LESSOR_OK the directory holds a store that can be opened. It is locked until lessor_follower_close().
 * Returns:   LESSOR_OK; LESSOR_INVALID (NULL; one directory for both); LESSOR_NO_STORE: the leader's directory holds none; LESSOR_LOCKED: the follower's directory is in use;
 *            LESSOR_CONFLICT: it holds another store, or files of one, or a store that took over; LESSOR_NOT_RETAINED: it stopped too long ago: empty it and begin again; LESSOR_DAMAGED; LESSOR_UNSUPPORTED; LESSOR_DISK_FULL; LESSOR_IO; LESSOR_NO_MEMORY.
 */
lessor_status_t lessor_follower_open(const char *leader, const char *directory, lessor_follower_t **follower,
				     lessor_report_t *report);
void lessor_follower_close(lessor_follower_t **follower);

/*
 * Take over what the leader's log has beyond what is here, at most one flush of it, waiting timeout_ms for it (as lessor_stream_next()). *applied, if not NULL, is the position up
 * to which the follower is durable then. When the leader has a newer snapshot, it is copied too, and the log that it makes unnecessary is dropped here.
 * Returns:   LESSOR_OK: there may be more; LESSOR_TIMEOUT: there is nothing new; LESSOR_NOT_RETAINED; LESSOR_DAMAGED: the log, or the newer snapshot, of the leader is; LESSOR_DISK_FULL;
 *            LESSOR_IO; LESSOR_NO_MEMORY; LESSOR_FORKED; LESSOR_INVALID. After a failure, close it; what it has stays sound, and nothing is written behind what could not be.
 */
lessor_status_t lessor_follower_next(lessor_follower_t *follower, int64_t timeout_ms, lessor_ticket_t *applied);
const char *lessor_follower_sentence(const lessor_follower_t *follower);

#ifdef __cplusplus
}
#endif

#endif
