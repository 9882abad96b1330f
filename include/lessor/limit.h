/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits: how many leases there may be of one key, whichever scopes they are in.
 *
 * A lease names up to LESSOR_LIMIT_KEYS_MAX keys (lessor_lease_t.limit_key, lessor_lease6_t.limit_key): the class of its client, the circuit or remote id that the relay put in, or whatever else is to be
 * bounded. A limit says how many leases with a key there may be, of both families together. How many there may be in a scope says the scope itself (lessor_scope_t.max_leases,
 * lessor_scope6_t.max_leases).
 *
 * What counts. Every lease that is there, from its create to its end, in every state: an expired one until it is removed (lessor/expire.h), a dormant one of a reservation too. An
 * offer does not, nor does a reservation without a lease. That is lessor_scope_stats_t.leases.
 *
 * What is refused. A change that would bring one lease more to a scope or a key that is at its limit: creates, allocations, binds, an update that adds the key, a reservation that comes
 * with a dormant lease. It answers LESSOR_QUOTA and changes nothing. An update that leaves the lease's keys as they are, also one that gives the lease to another client, needs no room.
 * LESSOR_ADDRESS_TAKEN and LESSOR_CLIENT_TAKEN go before LESSOR_QUOTA.
 *
 * Exactness. With any number of threads there are never more leases than the limit allows, except that a limit may be set below what is there: then nothing is removed, and
 * nothing is added until there are fewer. LESSOR_QUOTA is answered only if at one moment during the call that many leases were there for everybody to see: a change
 * that is being decided is waited for. Leases of a scope that is being deleted count until that call returns.
 *
 * Limits are logged, durable and in snapshots; the counts are made anew from the leases when a store is opened. They cost a create without keys, in a scope without a limit, nothing that
 * can be measured; a key costs a lock and a look-up, whether it has a limit or not, and memory once for all leases that name it.
 */
#ifndef LESSOR_LIMIT_H
#define LESSOR_LIMIT_H

#include <stdint.h>

#include <lessor/engine.h>
#include <lessor/lease.h>
#include <lessor/status.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LESSOR_LIMITS_MAX 1048576u /* limits in one engine */

typedef struct lessor_limit {
	lessor_limit_key_t key;
	uint32_t max;    /* 0: none at all */
	uint32_t leases; /* that name the key now; out only */
} lessor_limit_t;

/*
 * Give a key its limit, or another one.
 *
 * Requires:  key of a known kind, with 1 to LESSOR_LIMIT_KEY_MAX_BYTES bytes; any max.
 * Ensures:   on LESSOR_OK changes that begin later see the new limit. Leases that are there already count and stay.
 * Returns:   LESSOR_OK; LESSOR_INVALID; LESSOR_LIMIT: LESSOR_LIMITS_MAX keys have one; LESSOR_NO_MEMORY; LESSOR_READ_ONLY; LESSOR_DISK_FULL; LESSOR_LOG_FAILED;
 *            LESSOR_CLOSED; LESSOR_FORKED. ticket may be NULL.
 * Callable:  from any thread; changes of limits exclude each other.
 */
lessor_status_t lessor_limit_set(lessor_engine_t *engine, const lessor_limit_key_t *key, uint32_t max,
				 lessor_mode_t mode, lessor_ticket_t *ticket);

/* Take a key's limit away. Returns: as lessor_limit_set(), and LESSOR_NOT_FOUND: it has none. */
lessor_status_t lessor_limit_remove(lessor_engine_t *engine, const lessor_limit_key_t *key, lessor_mode_t mode,
				    lessor_ticket_t *ticket);

/*
 * Read the limit of a key, and how many leases name the key; or the first limit behind 'key' in the order of kinds and then bytes (NULL: the first of all).
 * Returns: LESSOR_OK; LESSOR_NOT_FOUND: the key has no limit (get); LESSOR_END: there are no more (next); LESSOR_INVALID; LESSOR_FORKED.
 * Progress: may wait for a change of limits that is being logged (next). limit may be where 'key' points into.
 */
lessor_status_t lessor_limit_get(lessor_engine_t *engine, const lessor_limit_key_t *key, lessor_limit_t *limit);
lessor_status_t lessor_limit_next(lessor_engine_t *engine, const lessor_limit_key_t *key, lessor_limit_t *limit);

#ifdef __cplusplus
}
#endif

#endif
