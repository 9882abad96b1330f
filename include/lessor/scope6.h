/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPv6 scopes: the /64 prefixes that IPv6 leases live in.
 *
 * What <lessor/scope.h> says of scopes holds here, with these differences: every scope is a /64 (MS-DHCPM 1.1), known by its prefix, the upper 64 bits of
 * its addresses; there is no range: all of the /64 but the exclusions is the pool.
 * An address is two integers: 2001:db8::1 is {0x20010DB800000000, 1}.
 */
#ifndef LESSOR_SCOPE6_H
#define LESSOR_SCOPE6_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lessor/engine.h>
#include <lessor/scope.h>
#include <lessor/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lessor_address6 {
	uint64_t high;
	uint64_t low;
} lessor_address6_t;

/* Lower halves of addresses of one scope, both ends inclusive. */
typedef struct lessor_range6 {
	uint64_t first;
	uint64_t last;
} lessor_range6_t;

typedef struct lessor_scope6 {
	uint64_t prefix;     /* upper half of its addresses, not 0 */
	uint32_t number;     /* out only: given by the engine, never used again. MS-DHCPM 2.2.1.2.56, ScopeId */
	uint32_t id;         /* the caller's own number for it; 0 none; not unique, not interpreted */
	uint32_t state;      /* lessor_scope_state_t */
	uint32_t lease_s;    /* default valid lifetime in seconds; 0 on create: LESSOR_DEFAULT_LEASE_S */
	uint16_t preference; /* kept, not interpreted */
	const char *name;    /* UTF-8 or NULL */
	const char *comment; /* UTF-8 or NULL */
	uint32_t max_leases; /* as in lessor_scope_t */
} lessor_scope6_t;

/* Besides LESSOR_SCOPE_FIELD_ID, _STATE, _LEASE_S, _NAME, _COMMENT and _MAX_LEASES. */
enum { LESSOR_SCOPE6_FIELD_PREFERENCE = 1u << 16 };

/*
 * As the functions of the same name in <lessor/scope.h>.
 * create: LESSOR_OUTSIDE for a prefix that is unspecified, loopback, link-local (fe80::/10) or multicast (ff00::/8). LESSOR_SCOPE_EXISTS: it is there.
 * next:   the first scope whose prefix is not below 'from'.
 * exclude: LESSOR_CONFLICT if it overlaps an exclusion of the scope without being equal to it; equal: LESSOR_EXISTS.
 * Source: MS-DHCPM 3.2.4.58 to 3.2.4.64, 3.2.4.68.
 */
lessor_status_t lessor_scope6_create(lessor_engine_t *engine, const lessor_scope6_t *scope, lessor_mode_t mode,
				     lessor_ticket_t *ticket);
lessor_status_t lessor_scope6_update(lessor_engine_t *engine, const lessor_scope6_t *scope, uint32_t fields,
				     lessor_mode_t mode, lessor_ticket_t *ticket);
lessor_status_t lessor_scope6_delete(lessor_engine_t *engine, uint64_t prefix, bool force, lessor_mode_t mode,
				     lessor_ticket_t *ticket);
lessor_status_t lessor_scope6_get(lessor_engine_t *engine, uint64_t prefix, lessor_scope6_t *scope, void *buffer,
				  size_t buffer_bytes);
lessor_status_t lessor_scope6_next(lessor_engine_t *engine, uint64_t from, lessor_scope6_t *scope, void *buffer,
				   size_t buffer_bytes);
lessor_status_t lessor_scope6_exclude(lessor_engine_t *engine, uint64_t prefix, lessor_range6_t range,
				      lessor_mode_t mode, lessor_ticket_t *ticket);
lessor_status_t lessor_scope6_include(lessor_engine_t *engine, uint64_t prefix, lessor_range6_t range,
				      lessor_mode_t mode, lessor_ticket_t *ticket);
lessor_status_t lessor_scope6_exclusions(lessor_engine_t *engine, uint64_t prefix, lessor_range6_t *ranges,
					 size_t capacity, size_t *count);

/* As lessor_scope_free_addresses(), on lower halves; 0, the subnet-router anycast address, is never among them. MS-DHCPM 3.2.4.122. */
lessor_status_t lessor_scope6_free_addresses(lessor_engine_t *engine, uint64_t prefix, uint64_t first, uint64_t last,
					     uint32_t count, uint64_t *addresses, uint32_t *found);

/*
 * The figures of one scope: as <lessor/stats.h> says; in_use counts leases in state ACTIVE or DECLINED outside of the exclusions.
 * pending counts addresses outside of the exclusions that are offered (lessor/server.h). free is UINT64_MAX when it is 2^64.
 */
typedef struct lessor_scope6_stats_s {
	uint64_t prefix;
	uint64_t in_use;
	uint64_t free;
	uint64_t pending;
	uint64_t leases;
	uint64_t leases_active;
	uint64_t leases_declined;
	uint64_t leases_doomed;
	uint64_t in_use_high_water;
	uint64_t creates;
	uint64_t deletes;
	uint64_t expires;
} lessor_scope6_stats_t;

lessor_status_t lessor_scope6_stats(lessor_engine_t *engine, uint64_t prefix, lessor_scope6_stats_t *stats);
lessor_status_t lessor_scope6_recount(lessor_engine_t *engine, uint64_t prefix, lessor_scope6_stats_t *stats);

#ifdef __cplusplus
}
#endif

#endif
