/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expiry: removing the leases whose time is over.
 *
 * A lease whose time is over is still a lease: it is found, and it keeps its address and its client from others, until it is deleted or
 * a sweep removes it. Nothing is swept behind the caller's back, unless lessor_options_t.sweep_interval_s says so: a thread of the engine's then sweeps everything, slice after
 * slice, once in each interval. By the wall clock; if that has jumped by more than a second since its last round, in either direction, it waits for another round, so that a
 * jump that is taken back within the interval does no harm.
 *
 * Which leases a sweep at the time 'now' removes, by the low two bits of their address state:
 *
 *     expires_at is LESSOR_TIME_NONE, or LESSOR_TIME_INFINITE or later   none, whatever the state
 *     ACTIVE      those with now >= expires_at + grace_s
 *     DECLINED    those with now >= expires_at: that is the end of the address's quarantine
 *     DOOM        those with now >= doom_s + the later one of expires_at and last_transaction_s
 *
 * A lease whose address is offered to its client (lessor/server.h) stays as long as that.
 *
 * When a lease became DOOM is not recorded in it; the change stream (lessor/stream.h) has the time of that change, and of the removal. Who dooms one whose expiry has passed and wants it to stay for a while sets its
 * last_transaction_s, or another expiry, in the same update.
 *
 * A renewal and a sweep that meet have one winner: either the lease is renewed and stays, or it is gone and the renewal answers
 * LESSOR_NOT_FOUND.
 */
#ifndef LESSOR_EXPIRE_H
#define LESSOR_EXPIRE_H

#include <stddef.h>
#include <stdint.h>

#include <lessor/engine.h>
#include <lessor/lease.h>
#include <lessor/lease6.h>
#include <lessor/status.h>
#include <lessor/time.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LESSOR_DEFAULT_DOOM_S       UINT32_C(10800) /* 3 hours. MS-DHCPM 2.2.1.1.28 */
#define LESSOR_DEFAULT_EXPIRE_LIMIT 4096u

/* How to sweep. Fill with lessor_expire_options_init(), then change what you need. */
typedef struct lessor_expire_options {
	uint32_t size_bytes; /* set by lessor_expire_options_init(); tells which fields the caller knows */
	uint32_t grace_s;    /* how long an ACTIVE lease stays beyond its expiry; default 0 */
	uint32_t doom_s;     /* how long a DOOM lease stays; default LESSOR_DEFAULT_DOOM_S */
	size_t limit;        /* leases that one call looks at, at most; 0: LESSOR_DEFAULT_EXPIRE_LIMIT */
} lessor_expire_options_t;

/* Fill with the defaults. Callable from anywhere. */
void lessor_expire_options_init(lessor_expire_options_t *options);

typedef struct lessor_expire_report {
	uint64_t looked;  /* leases that one had to look at */
	uint64_t removed; /* of these */
} lessor_expire_report_t;

/*
 * Sweep on from the cursor, which lessor_cursor_init() has set to what is to be swept, for one slice: until 'limit' leases have been looked at, or to the
 * cursor's end. To sweep all of it, call until it answers LESSOR_END:
 *
 *     lessor_cursor_init(&cursor, 0, UINT32_MAX);
 *     while ((status = lessor_expire(engine, now, &options, &cursor, &report, LESSOR_ASYNC, &ticket)) == LESSOR_OK) {
 *     }
 *
 * Requires:  cursor not NULL. options, report and ticket may be NULL.
 * Ensures:   on LESSOR_OK the removed leases are gone as if deleted, with one ticket for all of them (that of the last one; 0 if there is none), and
 *            the cursor has moved. A lease that was over when the sweep began and that nobody changes meanwhile is removed, unless another sweep has
 *            the same 64 addresses in work: then by that one.
 * Returns:   LESSOR_OK; LESSOR_END: nothing was left to look at; LESSOR_INVALID; and the failures every change has.
 *            A failure that stops a call which has removed leases already is told by the next call.
 * Progress:  as deletes. Any number of sweeps may run; each one's read-side sections are short, so no other call waits for more than a few dozen removals.
 * Cost:      as a batch of deletes for what is removed; 64 addresses of which no lease is over cost a nanosecond or two.
 * Source:    the sweep of a DHCP server's database, MS-DHCPM 3.2.4.121 and 2.2.1.1.28.
 */
lessor_status_t lessor_expire(lessor_engine_t *engine, lessor_filetime_t now, const lessor_expire_options_t *options,
			      lessor_cursor_t *cursor, lessor_expire_report_t *report, lessor_mode_t mode,
			      lessor_ticket_t *ticket);

/*
 * The same for IPv6 leases. Whole scopes are swept, from the one with the prefix that the cursor begins at to the one that it ends at, whatever the lower halves
 * of these addresses; a cursor that has been used for this serves for nothing else. The order is not that of addresses.
 */
lessor_status_t lessor_expire6(lessor_engine_t *engine, lessor_filetime_t now, const lessor_expire_options_t *options,
			       lessor_cursor6_t *cursor, lessor_expire_report_t *report, lessor_mode_t mode,
			       lessor_ticket_t *ticket);

#ifdef __cplusplus
}
#endif

#endif
