/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is different about IPv6 scopes: a configuration without a range, whose pool is all of the /64 but the exclusions, and places that are slots (lease/sparse.h).
 * Everything else is scope/scope.h.
 *
 * Image (log and snapshot):
 *    0 u64 prefix   8 u32 uid   12 u32 id   16 u32 state   20 u32 lease_s   24 u32 flags (2 name, 4 comment, 8 most leases)   28 u16 preference   30 u16 zero
 *   32 u32 exclusions   36 u16 name bytes   38 u16 comment bytes   40 u64 deletes   48 u64 high water
 *   56 u32 most leases, with flag 8
 *   56 or 60 exclusions (u64 first, u64 last), name, comment, and up to the end
 *      reservations of addresses outside of the prefix, ascending: u64 high, u64 low, u16 client bytes, client (codec6.h)
 */
#ifndef LSR_SCOPE_SCOPE6_H
#define LSR_SCOPE_SCOPE6_H

#include <lessor/lease6.h>
#include <lessor/scope6.h>

#include "lease/codec.h"
#include "scope/scope.h"

#define LSR_SCOPE6_BITS 64u

/* Is this a scope that can be created, but for its prefix; and may a scope have this prefix? */
bool lsr_scope6_check(const lessor_scope6_t *scope);
bool lsr_scope6_check_prefix(uint64_t prefix);

/* What a configuration has beside the scope's own members. */
typedef struct lsr_scope6_parts {
	const lessor_range6_t *exclusion; /* disjoint, in any order */
	uint32_t exclusions;
	const uint8_t *outside; /* as in the image */
	uint32_t outside_bytes;
} lsr_scope6_parts_t;

/* NULL: no memory. Ends as those of scope.h do. */
lsr_scope_config_t *lsr_scope6_config_new(const lessor_scope6_t *scope, const lsr_scope6_parts_t *parts);

static inline lsr_scope6_parts_t
lsr_scope6_parts(const lsr_scope_config_t *config) {
	return (lsr_scope6_parts_t){.exclusion = config->exclusion6,
				    .exclusions = config->exclusions,
				    .outside = config->outside,
				    .outside_bytes = config->outside_bytes};
}

/* A reservation of an address outside of the prefix: it keeps nothing from anybody, but is there to be found. */
typedef struct lsr_outside {
	lessor_address6_t address;
	const uint8_t *client;
	uint16_t client_bytes;
} lsr_outside_t;

#define LSR_OUTSIDE_HEAD_BYTES 18u
#define LSR_OUTSIDE_MAX_BYTES  (LESSOR_RESERVATIONS6_OUTSIDE_MAX * (LSR_OUTSIDE_HEAD_BYTES + LSR_CLIENT6_MAX_BYTES))

/* The one at *at, which moves on; *at = 0 begins. False: none is left. */
bool lsr_scope6_outside(const lsr_scope_config_t *config, uint32_t *at, lsr_outside_t *outside);

/* Write one. Returns where the next one goes. */
uint8_t *lsr_scope6_outside_put(uint8_t *at, const lsr_outside_t *outside);

/* What lessor_scope6_get() answers, texts pointing into the configuration. */
lessor_scope6_t lsr_scope6_describe(uint64_t prefix, uint32_t uid, const lsr_scope_config_t *config);

/* As lsr_scope_new(). */
lsr_scope_t *lsr_scope6_new(uint64_t prefix, uint32_t uid, lsr_scope_config_t *config);

/* How many exclusions begin at or before a lower half. */
uint32_t lsr_scope6_exclusions_until(const lsr_scope_config_t *config, uint64_t low);

static inline bool
lsr_scope6_in_pool(const lsr_scope_config_t *config, uint64_t low) {
	if (LSR_LIKELY(config->exclusions == 0)) {
		return true;
	}
	const uint32_t before = lsr_scope6_exclusions_until(config, low);
	return before == 0 || low > config->exclusion6[before - 1].last;
}

/* For who is inside an open gate or alone. */
static inline bool
lsr_scope6_pools(const lsr_scope_t *scope, uint64_t low) {
	return LSR_LIKELY(!atomic_load_explicit(&scope->pool_has_holes, memory_order_relaxed)) ||
	       lsr_scope6_in_pool(lsr_scope_config(scope), low);
}

/*
 * The first stretch of the pool at or behind a lower half. False: there is none.
 */
bool lsr_scope6_pool_piece(const lsr_scope_config_t *config, uint64_t from, lessor_range6_t *piece);

size_t lsr_scope6_image_bytes(const lsr_scope_config_t *config);
void lsr_scope6_image_put(uint8_t *image, const lsr_scope_t *scope, const lsr_scope_config_t *config, uint64_t deletes,
			  uint64_t high_water);

typedef struct lsr_scope6_image {
	uint64_t prefix;
	uint32_t uid;
	uint64_t deletes, high_water;
	lsr_scope_config_t *config; /* new, the caller's */
} lsr_scope6_image_t;

/* LESSOR_OK; LESSOR_DAMAGED; LESSOR_NO_MEMORY. */
lessor_status_t lsr_scope6_image_get(const uint8_t *image, size_t size_bytes, lsr_scope6_image_t *out);

#endif
