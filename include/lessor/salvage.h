/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Damaged stores: finding all that is damaged, and bringing out what is good.
 *
 * What is good. A store is a snapshot and the log behind it, written in pieces (frames and chunks) with checksums and positions. A piece whose checksum
 * is right, at the place that it names, is as it was written. So:
 *
 *   1 The log up to its first damage, replayed over a snapshot without damage (or over nothing, where the log begins with the store), gives the store as it was at
 *     that position: exactly, and everything in it. LESSOR_SALVAGE_EXACT stops there. (A snapshot that was written while changes went on shows some changes that
 *     stand behind its beginning in the log. If the damage is among those, each thing is as it was at a position of its own.)
 *   2 A record behind the damage is what its address, scope or other thing was at its own position. LESSOR_SALVAGE_NEWEST goes on with all of them: each thing is
 *     then as the last change of it that is left says. It may have changed or ended by a change that is lost: that can be so for each lease whose ticket is less
 *     than the end of a lost range, and for no other. If two leases claim one client, the later one stands.
 *   3 Without any undamaged snapshot, where the log does not begin with the store, the good chunks of the newest one take its place, under either rule. What stood in
 *     the others and was not changed since is missing.
 *
 * Under each of these, every lease that comes out was a lease with exactly these contents. One that cannot be told whole is left out: its scope is lost, or
 * its owner and policy name are.
 *
 * The end of the log. A last write that is damaged looks like one that a crash tore, which nobody was told of; it is cut off and is no damage, here as in
 * lessor_open().
 */
#ifndef LESSOR_SALVAGE_H
#define LESSOR_SALVAGE_H

#include <stdbool.h>
#include <stdint.h>

#include <lessor/engine.h>
#include <lessor/lease6.h>
#include <lessor/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum lessor_finding_kind {
	LESSOR_FINDING_DAMAGE = 1,   /* a place of a file, or a file that is missing */
	LESSOR_FINDING_LEFT_OUT = 2, /* a record that is good and cannot be used, or a lease that is not whole */
	/* LESSOR_SALVAGE_EXACT: a record behind the damage, with a change that the result does not have */
	LESSOR_FINDING_LATER = 3
} lessor_finding_kind_t;

typedef struct lessor_finding {
	lessor_finding_kind_t kind;
	const char *file; /* its name in the store's directory; "" if no one file is meant */
	uint64_t offset;
	/* Changes that are lost with it: those behind 'after', up to and including 'upto'. Equal: none. upto UINT64_MAX: nobody knows how many. */
	lessor_ticket_t after;
	lessor_ticket_t upto;
	const char *what; /* in English, without a full stop */
	/* Of LEFT_OUT and LATER, where they are about an address; else 0. */
	bool has_address;
	bool is_six;
	uint32_t address;
	lessor_address6_t address6;
} lessor_finding_t;

/* Everything that a finding points to is valid during the call. It must not call lessor. */
typedef void (*lessor_finding_function)(void *context, const lessor_finding_t *finding);

/*
 * As lessor_verify(); and, if the store is damaged, hand all that is damaged to 'function', not only the first place: damage that an open would meet, not that
 * of files which the newest snapshot has made unnecessary. A place that the disk cannot read is damage. Opens nothing for writing, works on a
 * read-only directory. Not while an engine of any process has the store open for changes: LESSOR_LOCKED.
 * Returns: as lessor_verify(). After LESSOR_DAMAGED there was at least one finding; it stands for the report's sentence if that is the only one without a file.
 */
lessor_status_t lessor_verify_all(const char *directory, lessor_report_t *report, lessor_finding_function function,
				  void *context);

typedef enum lessor_salvage_mode {
	LESSOR_SALVAGE_EXACT = 0, /* a state that was, up to the first damage */
	LESSOR_SALVAGE_NEWEST = 1 /* of everything the newest that is left */
} lessor_salvage_mode_t;

/*
 * Bring what is good in the store 'from' into a new store in the directory 'to', which is made, or is empty. Findings go to 'function', which may be NULL.
 *
 * 'from' is only read. A lost lessor.store or lessor.lock does not matter.
 * The new store has another identity, the tickets of the old one, and is complete when this returns LESSOR_OK or LESSOR_DAMAGED; after any other answer, or
 * a crash, 'to' holds files that no lessor_open() takes for a store.
 * Of an undamaged store it is a copy.
 * Cost:    memory and time of an open and a snapshot.
 * Returns: LESSOR_OK: no damage; LESSOR_DAMAGED: there was, the findings tell where, and the new store is there; LESSOR_INVALID; LESSOR_EXISTS: 'to' is not empty;
 *          LESSOR_NO_STORE: nothing of a store in 'from'; LESSOR_LOCKED: it is open; LESSOR_UNSUPPORTED; LESSOR_NO_MEMORY; LESSOR_DISK_FULL; LESSOR_IO.
 *          The report (may be NULL) is about the new store.
 */
lessor_status_t lessor_salvage(const char *from, const char *to, lessor_salvage_mode_t mode, lessor_report_t *report,
			       lessor_finding_function function, void *context);

#ifdef __cplusplus
}
#endif

#endif
