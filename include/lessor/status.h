/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a call of lessor answers.
 *
 * Every function that can fail returns a lessor_status_t. On any status other than LESSOR_OK the outputs of the call
 * are untouched and nothing has changed in the store, unless the status says otherwise (LESSOR_LOG_FAILED,
 * LESSOR_TIMEOUT and LESSOR_CLOSED of a call that was waiting for durability). The numbers are part of the ABI: they are never reused for another meaning.
 */
#ifndef LESSOR_STATUS_H
#define LESSOR_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum lessor_status {
	LESSOR_OK = 0,

	/* The caller's mistake. */
	LESSOR_INVALID = 1,          /* an argument breaks its contract: NULL, a length, a range, an unknown value */
	LESSOR_CLOSED = 2,           /* the engine is being closed */
	LESSOR_FORKED = 3,           /* the engine belongs to the parent process; a forked child must not use it */
	LESSOR_READ_ONLY = 4,        /* the engine was opened read-only */
	LESSOR_BUFFER_TOO_SMALL = 5, /* the answer does not fit the buffer that was given */

	/* What the store holds. */
	LESSOR_NO_SCOPE = 10,        /* no scope owns this address */
	LESSOR_SCOPE_EXISTS = 11,    /* the new scope overlaps one that exists */
	LESSOR_SCOPE_NOT_EMPTY = 12, /* the scope still holds leases */
	LESSOR_ADDRESS_TAKEN = 13,   /* a lease with this address exists */
	LESSOR_CLIENT_TAKEN = 14,    /* this client already has a lease in this scope, at another address */
	LESSOR_NOT_FOUND = 15,       /* no such lease, reservation, scope or exclusion */
	LESSOR_OTHER_CLIENT = 16,    /* the lease belongs to another client than the call demanded */
	LESSOR_END = 17,             /* nothing (more) to iterate */
	LESSOR_EXHAUSTED = 18,       /* no address of the scope's pool is free */
	LESSOR_RESERVED = 19,        /* refused because of a reservation */
	LESSOR_OUTSIDE = 20,         /* not inside the scope's subnet */
	LESSOR_EXISTS = 21,          /* exactly this is there already */
	LESSOR_CONFLICT = 22,        /* it does not go together with what is there */
	LESSOR_MEMBER = 23,          /* the scope is in a superscope already */
	LESSOR_QUOTA = 24,        /* there are as many leases already as the scope, or a key of the lease, may have */
	LESSOR_NOT_RETAINED = 29, /* the log does not reach back so far any more; begin from a snapshot */

	/* The world's failures. */
	LESSOR_NO_MEMORY = 30,   /* memory, or a memory limit, is exhausted */
	LESSOR_DISK_FULL = 31,   /* the log has no room for this change; it was refused before it showed anywhere */
	LESSOR_LOG_FAILED = 32,  /* a write or flush failed: no changes any more, reads go on; a change that was waiting
	                          * for durability has an unknown outcome until the store is opened again */
	LESSOR_TIMEOUT = 33,     /* the time to wait is over; the change itself stands */
	LESSOR_LOCKED = 34,      /* another process (or engine) has this store open */
	LESSOR_NO_STORE = 35,    /* the directory holds no store and none was to be created */
	LESSOR_IO = 36,          /* the operating system refused a file operation; see the report for which */
	LESSOR_DAMAGED = 37,     /* a file of the store is damaged; see the report for file and offset */
	LESSOR_UNSUPPORTED = 38, /* the store was written by a format version this library does not know */
	LESSOR_LIMIT = 39        /* an engine limit is reached (number of leases, scopes, notifiers) */
} lessor_status_t;

/*
 * One English sentence for a status, without a final full stop; static, never NULL, also for unknown numbers.
 * Callable from: anywhere. Cost: a table look-up.
 */
const char *lessor_status_text(lessor_status_t status);

/* The enumerator's name, for example "LESSOR_DISK_FULL"; "LESSOR_UNKNOWN" for unknown numbers. As above. */
const char *lessor_status_name(lessor_status_t status);

#ifdef __cplusplus
}
#endif

#endif
