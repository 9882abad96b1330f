/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scopes: the subnets that leases live in.
 *
 * A scope is a subnet address and a contiguous mask; scopes never overlap (MS-DHCPM 3.1.4.1). Every lease belongs to the
 * one scope whose subnet contains its address. A scope has at most one range, out of which addresses are handed out, and
 * any number of exclusions; both only decide what counts as "free" and "in use": a lease may have any address of the
 * subnet.
 *
 * Addresses and masks are host-order integers: 192.0.2.10 is 0xC000020A.
 *
 * All changes here are logged, ticketed and durable like leases. They exclude each other (one lock), and a change of
 * range or exclusions makes creates and deletes *in that scope* wait while it recounts. Look-ups never wait.
 */
#ifndef LESSOR_SCOPE_H
#define LESSOR_SCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lessor/engine.h>
#include <lessor/status.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LESSOR_SCOPE_NAME_MAX_BYTES 3072u /* UTF-8, without the final NUL; comment too */
#define LESSOR_SCOPE_BUFFER_BYTES   (2u * (LESSOR_SCOPE_NAME_MAX_BYTES + 1u))
#define LESSOR_DEFAULT_LEASE_S      UINT32_C(691200) /* 8 days */
#define LESSOR_SCOPE_MAX_EXCLUSIONS 4096u
#define LESSOR_OFFER_DELAY_MAX_MS   1000u
#define LESSOR_FREE_ADDRESSES_MAX   4096u

/* MS-DHCPM 2.2.1.1.2. Governs packet service only: leases can be created in a disabled scope. */
typedef enum lessor_scope_state {
	LESSOR_SCOPE_ENABLED = 0,
	LESSOR_SCOPE_DISABLED = 1,
	LESSOR_SCOPE_ENABLED_SWITCHED = 2,
	LESSOR_SCOPE_DISABLED_SWITCHED = 3,
	LESSOR_SCOPE_INVALID_STATE = 4
} lessor_scope_state_t;

/* Both ends inclusive. */
typedef struct lessor_range {
	uint32_t first;
	uint32_t last;
} lessor_range_t;

typedef struct lessor_scope {
	uint32_t subnet;  /* address AND mask */
	uint32_t mask;    /* contiguous, not 0 */
	uint32_t id;      /* the caller's own number for it (Kea's subnet id); 0 none; not unique, not interpreted */
	uint32_t state;   /* lessor_scope_state_t */
	uint32_t lease_s; /* default lease duration in seconds; 0 on create: LESSOR_DEFAULT_LEASE_S */
	bool has_range;
	lessor_range_t range; /* inside the subnet; ignored unless has_range */
	const char *name;     /* UTF-8 or NULL */
	const char *comment;  /* UTF-8 or NULL */
	uint16_t
		offer_delay_ms; /* how long a server is to wait before it offers; 0 to LESSOR_OFFER_DELAY_MAX_MS; kept, not interpreted */
	bool quarantine_on;  /* kept, not interpreted. MS-DHCPM 2.2.1.2.45 */
	uint32_t max_leases; /* more are refused with LESSOR_QUOTA (lessor/limit.h); 0: no limit */
} lessor_scope_t;

/* Which members of lessor_scope_t an update replaces. */
enum {
	LESSOR_SCOPE_FIELD_ID = 1u << 0,
	LESSOR_SCOPE_FIELD_STATE = 1u << 1,
	LESSOR_SCOPE_FIELD_LEASE_S = 1u << 2,
	LESSOR_SCOPE_FIELD_RANGE = 1u << 3, /* has_range false removes it */
	LESSOR_SCOPE_FIELD_NAME = 1u << 4,
	LESSOR_SCOPE_FIELD_COMMENT = 1u << 5,
	LESSOR_SCOPE_FIELD_OFFER_DELAY = 1u << 6,
	LESSOR_SCOPE_FIELD_QUARANTINE = 1u << 7,
	LESSOR_SCOPE_FIELD_MASK =
		1u << 8, /* another mask: only if the scope has no range, exclusion, reservation or lease */
	LESSOR_SCOPE_FIELD_MAX_LEASES = 1u << 9
};

/*
 * Create a scope without leases or exclusions.
 * Returns: LESSOR_OK; LESSOR_INVALID (subnet 0 or outside its mask, mask 0 or not contiguous, range inverted or outside the
 *          subnet, unknown state, text too long or not UTF-8); LESSOR_SCOPE_EXISTS (overlap); LESSOR_NO_MEMORY; LESSOR_LIMIT;
 *          LESSOR_READ_ONLY; LESSOR_DISK_FULL; LESSOR_LOG_FAILED; LESSOR_CLOSED; LESSOR_FORKED.
 * ticket may be NULL, here and everywhere. Source: MS-DHCPM 3.1.4.1.
 */
lessor_status_t lessor_scope_create(lessor_engine_t *engine, const lessor_scope_t *scope, lessor_mode_t mode,
				    lessor_ticket_t *ticket);

/*
 * Replace the members of the scope 'scope->subnet' that 'fields' names.
 * Returns: as create, with LESSOR_NOT_FOUND instead of LESSOR_SCOPE_EXISTS. An unknown bit in fields is LESSOR_INVALID.
 *          LESSOR_SCOPE_NOT_EMPTY: another mask, and there is something in the scope. LESSOR_SCOPE_EXISTS: with the other mask it would overlap.
 * max_leases may be less than there are: nothing is removed, and nothing is added until there are fewer.
 * Cost: a new range recounts the scope's leases. A new max_leases makes creates and deletes in the scope wait for a moment.
 */
lessor_status_t lessor_scope_update(lessor_engine_t *engine, const lessor_scope_t *scope, uint32_t fields,
				    lessor_mode_t mode, lessor_ticket_t *ticket);

/*
 * Give a scope its range, or make the range that it has greater or smaller: the one must contain the other. Leases that are outside of it afterwards stay.
 * Returns: LESSOR_OK; LESSOR_NO_SCOPE; LESSOR_EXISTS: it is the scope's range already; LESSOR_OUTSIDE: inverted, or not inside the subnet;
 *          LESSOR_CONFLICT: the scope has a range that neither contains this one nor is contained in it; and the statuses every change has.
 * Source: MS-DHCPM 3.1.4.5.
 */
lessor_status_t lessor_scope_resize(lessor_engine_t *engine, uint32_t subnet, lessor_range_t range, lessor_mode_t mode,
				    lessor_ticket_t *ticket);

/*
 * Take a scope's range away, which must be exactly this one. force: delete the leases in it that are not reserved; otherwise there must be no lease in it.
 * One change, whatever it deletes.
 * Returns: LESSOR_OK; LESSOR_NO_SCOPE; LESSOR_NOT_FOUND: the range is not this one; LESSOR_SCOPE_NOT_EMPTY; and the statuses every change has.
 * Cost:    changes in this scope wait until its leases are deleted. Source: MS-DHCPM 3.1.4.7.
 */
lessor_status_t lessor_scope_remove_range(lessor_engine_t *engine, uint32_t subnet, lessor_range_t range, bool force,
					  lessor_mode_t mode, lessor_ticket_t *ticket);

/*
 * Delete a scope with everything in it. force false: only if it holds no lease but dormant ones (LESSOR_SCOPE_NOT_EMPTY otherwise).
 * Returns: LESSOR_OK; LESSOR_NOT_FOUND; LESSOR_SCOPE_NOT_EMPTY; and the statuses every change has.
 * Cost: one short pause for writers of this scope; the caller's own time grows with the number of leases.
 * Source: MS-DHCPM 3.1.4.8.
 */
lessor_status_t lessor_scope_delete(lessor_engine_t *engine, uint32_t subnet, bool force, lessor_mode_t mode,
				    lessor_ticket_t *ticket);

/*
 * Read the scope with this subnet address (get), the one that contains this address (find), or the first one whose subnet
 * address is greater than or equal to 'from' (next).
 *
 * Requires:  scope not NULL; buffer holds the texts, which scope->name and scope->comment then point into:
 *            LESSOR_SCOPE_BUFFER_BYTES always suffices; buffer may be NULL with size 0 if the texts are not wanted (both NULL then).
 * Returns:   LESSOR_OK; LESSOR_NOT_FOUND (get), LESSOR_NO_SCOPE (find), LESSOR_END (next); LESSOR_BUFFER_TOO_SMALL;
 *            LESSOR_INVALID; LESSOR_FORKED.
 * Progress:  wait-free against writers. To iterate: from = 0, then scope->subnet + 1, until LESSOR_END or a subnet of UINT32_MAX.
 */
lessor_status_t lessor_scope_get(lessor_engine_t *engine, uint32_t subnet, lessor_scope_t *scope, void *buffer,
				 size_t buffer_bytes);
lessor_status_t lessor_scope_find(lessor_engine_t *engine, uint32_t address, lessor_scope_t *scope, void *buffer,
				  size_t buffer_bytes);
lessor_status_t lessor_scope_next(lessor_engine_t *engine, uint32_t from, lessor_scope_t *scope, void *buffer,
				  size_t buffer_bytes);

/*
 * Exclude addresses from what counts as the scope's pool, or include them again. Leases inside live on.
 * exclude: overlapping exclusions are accepted, one that exists already succeeds without a duplicate.
 * include: the range must equal an exclusion exactly, else LESSOR_NOT_FOUND.
 * Returns: LESSOR_OK; LESSOR_INVALID (inverted, outside the subnet); LESSOR_NOT_FOUND; LESSOR_LIMIT; and what every change has.
 */
lessor_status_t lessor_scope_exclude(lessor_engine_t *engine, uint32_t subnet, lessor_range_t range, lessor_mode_t mode,
				     lessor_ticket_t *ticket);
lessor_status_t lessor_scope_include(lessor_engine_t *engine, uint32_t subnet, lessor_range_t range, lessor_mode_t mode,
				     lessor_ticket_t *ticket);

/*
 * Copy the exclusions, ascending by first then last address. *count becomes how many there are; at most 'capacity' of them
 * are written to 'ranges' (which may be NULL with capacity 0).
 * Returns: LESSOR_OK; LESSOR_BUFFER_TOO_SMALL (*count is set, ranges untouched, only when capacity > 0);
 *          LESSOR_NOT_FOUND; LESSOR_INVALID.
 */
lessor_status_t lessor_scope_exclusions(lessor_engine_t *engine, uint32_t subnet, lessor_range_t *ranges,
					size_t capacity, size_t *count);

/*
 * Look for addresses that could be allocated: those of the pool from 'first' to 'last' that hold no lease in any state and are not offered, ascending, the first 'count' of
 * them. *found becomes how many there are in 'addresses'; fewer than 'count' means that there are no more. Nothing is reserved: by the time the caller
 * creates a lease there, another may have been faster; lessor_lease_allocate() does both in one step.
 *
 * Requires:  room for count addresses, at most LESSOR_FREE_ADDRESSES_MAX. first and last may lie outside of range and subnet: 0 and UINT32_MAX
 *            for everything.
 * Returns:   LESSOR_OK, also if there is none; LESSOR_NOT_FOUND; LESSOR_INVALID (NULL, first > last, count); LESSOR_FORKED.
 * Progress:  lock-free. Cost: a few words for each address found, however full the scope is.
 * Source: MS-DHCPM 3.2.4.121.
 */
lessor_status_t lessor_scope_free_addresses(lessor_engine_t *engine, uint32_t subnet, uint32_t first, uint32_t last,
					    uint32_t count, uint32_t *addresses, uint32_t *found);

#ifdef __cplusplus
}
#endif

#endif
