/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scope: identity, configuration, addresses, counters.
 *
 *   Found by: the trie (scope/trie.h). Freed after a grace period behind its removal from the trie.
 *   Configuration: immutable; replaced as a whole under the engine's scope lock, freed after a grace period. C1 publish (release) -> C2
 *   load (acquire).
 *   Gate: changes of leases go through only while it is open. Whoever closes it (scope lock held) waits a grace period: then no change is under
 *   way in this scope and none begins, so leases can be recounted or the scope taken away. A change that finds it closed leaves its section, waits for the
 *   scope lock, and starts over. Reads do not look at it.
 *
 * Scope image (log and snapshot):
 *    0 u32 subnet   4 u32 mask   8 u32 uid   12 u32 id   16 u32 state   20 u32 lease_s   24 u32 flags (1 range, 2 name, 4 comment, 8 quarantine, 16 always, 32 most leases)
 *   28 u32 first   32 u32 last   36 u32 exclusions   40 u64 deletes   48 u64 high water   56 u16 name bytes   58 u16 comment bytes
 *   60 u32 superscope   64 u32 offer delay   68 u32 most leases, with flag 32
 *   68 or 72 exclusions (u32 first, u32 last), name, comment
 * deletes and high water count in snapshots only. Images of format version 1 have neither flag 16 nor the line at 60.
 */
#ifndef LSR_SCOPE_SCOPE_H
#define LSR_SCOPE_SCOPE_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <lessor/scope.h>
#include <lessor/scope6.h>

#include "base/rcu.h"
#include "lease/sparse.h"
#include "lease/table.h"
#include "scope/trie.h"
#include "stats/counters.h"

typedef struct lsr_scope_config {
	lsr_rcu_head_t retired;
	uint32_t id;
	uint32_t state;
	uint32_t lease_s;
	uint32_t superscope; /* its number; 0, or one that is no superscope's any more: it is in none */
	uint32_t max_leases; /* 0: no limit */
	uint16_t offer_delay_ms;
	bool quarantine_on;
	bool has_range;
	bool has_name;
	bool has_comment;
	lessor_range_t range;
	uint64_t pool; /* addresses in the range and in no exclusion */
	uint32_t exclusions;
	uint32_t holes;
	uint16_t name_bytes;
	uint16_t comment_bytes;
	lessor_range_t *exclusion; /* ascending, as given */
	lessor_range_t *hole;      /* the same, merged and disjoint, inside the range */
	char *name;                /* NUL-terminated */
	char *comment;
	/* Of an IPv6 scope (scope/scope6.h), which has no range: 'holes' counts these, 'exclusion' and 'hole' are nothing. */
	lessor_range6_t *exclusion6; /* ascending, disjoint */
	uint8_t *outside;            /* reservations of addresses with another prefix: lsr_scope6_outside() */
	uint32_t outside_bytes;
	uint16_t preference;
} lsr_scope_config_t; /* one malloc'ed block */

enum { LSR_GATE_OPEN = 0, LSR_GATE_CLOSED = 1 };

/*
 * What every change and look-up needs of a scope lies in its first line, the counters in another. The pool is a copy of what the configuration says, moved with it
 * while the gate is closed: within an open gate the two agree.
 */
typedef struct lsr_scope {
	LSR_APART uint32_t subnet;
	uint32_t mask;
	uint32_t uid; /* never used again, so that keys of a deleted scope's clients mean nothing */
	_Atomic uint32_t gate;
	lsr_table_t table;
	_Atomic(lsr_scope_config_t *) config;
	_Atomic uint32_t pool_first; /* of the range; pool_last < pool_first: there is none */
	_Atomic uint32_t pool_last;
	_Atomic bool pool_has_holes;
	_Atomic bool is_limited; /* counters.max is not 0. Changes while the gate is closed */
	bool is_sparse;          /* an IPv6 scope: subnet and mask are 0, and the table has no places */
	lsr_sparse_t *sparse;    /* of an IPv6 scope: its prefix and places */
	lsr_counters_t counters;
} lsr_scope_t;

static_assert(offsetof(lsr_scope_t, is_sparse) < LSR_CACHE_LINE_BYTES, "the first line");

static inline unsigned
lsr_mask_bits(uint32_t mask) {
	return (unsigned)__builtin_popcount(mask);
}

/* A record's place in its scope is its address (IPv4) or its slot (IPv6). The table that has this place, which is there. */
static inline lsr_table_t *
lsr_scope_table(lsr_scope_t *scope, uint32_t place) {
	return LSR_LIKELY(!scope->is_sparse) ? &scope->table : lsr_sparse_table(scope->sparse, place);
}

/* All tables of a scope, by number from 0; NULL: there are no more. */
static inline const lsr_table_t *
lsr_scope_table_at(const lsr_scope_t *scope, uint32_t number) {
	if (!scope->is_sparse) {
		return number == 0 ? &scope->table : NULL;
	}
	return number < lsr_sparse_chunks(scope->sparse) ? lsr_sparse_chunk(scope->sparse, number) : NULL;
}

static inline const lsr_scope_config_t *
lsr_scope_config(const lsr_scope_t *scope) {
	return atomic_load_explicit(&scope->config, memory_order_acquire); /* C2 */
}

/* The slow path of lsr_scope_in_pool(). */
bool lsr_scope_in_hole(const lsr_scope_config_t *config, uint32_t address);

static inline bool
lsr_scope_in_pool(const lsr_scope_config_t *config, uint32_t address) {
	return config->has_range && address >= config->range.first && address <= config->range.last &&
	       (LSR_LIKELY(config->holes == 0) || !lsr_scope_in_hole(config, address));
}

/*
 * The first stretch of the pool at or behind an address, up to the next address that is barred. False: there is none. Whoever hands out addresses asks
 * here and nowhere else; what bars an address besides exclusions belongs here and into lsr_scope_in_pool().
 */
bool lsr_scope_pool_piece(const lsr_scope_config_t *config, uint64_t from, lessor_range_t *piece);

/* The same by the scope's copy, for who is inside an open gate or alone. */
static inline bool
lsr_scope_pools(const lsr_scope_t *scope, uint32_t address) {
	return address >= atomic_load_explicit(&scope->pool_first, memory_order_relaxed) &&
	       address <= atomic_load_explicit(&scope->pool_last, memory_order_relaxed) &&
	       (LSR_LIKELY(!atomic_load_explicit(&scope->pool_has_holes, memory_order_relaxed)) ||
		!lsr_scope_in_hole(lsr_scope_config(scope), address));
}

/* Make this the scope's configuration. Returns the one it had. If the pool changes, the gate is closed or nobody else is there. */
lsr_scope_config_t *lsr_scope_install(lsr_scope_t *scope, lsr_scope_config_t *config);

/* Is this a scope that can be created? */
bool lsr_scope_check(const lessor_scope_t *scope);

/* A configuration with these exclusions (any order, may overlap; sorted and merged in the copy). NULL: no memory. */
lsr_scope_config_t *lsr_scope_config_new(const lessor_scope_t *scope, uint32_t superscope,
					 const lessor_range_t *exclusions, uint32_t count);
void lsr_scope_config_retire(lsr_scope_config_t *config);
void lsr_scope_config_free(lsr_scope_config_t *config);

/* What lessor_scope_get() answers, texts pointing into the configuration. */
lessor_scope_t lsr_scope_describe(const lsr_scope_t *scope, const lsr_scope_config_t *config);

/* A scope around a configuration, which it takes over. NULL: no memory (the configuration is still the caller's). */
lsr_scope_t *lsr_scope_new(uint32_t subnet, uint32_t mask, uint32_t uid, lsr_scope_config_t *config);

/*
 * A scope with another mask that takes the place of an empty one whose gate is closed: the same scope for everybody, with its uid and its deletes. Then the change of
 * the trie. As lsr_scope_new(), and lsr_trie_stage_move().
 */
lsr_scope_t *lsr_scope_new_masked(const lsr_scope_t *old, uint32_t mask, lsr_scope_config_t *config);
lessor_status_t lsr_scope_stage_move(const lsr_trie_t *trie, const lsr_scope_t *old, lsr_scope_t *successor,
				     lsr_trie_move_t *move);

/* Free at once; its records are empty and nobody can reach it. */
void lsr_scope_free(lsr_scope_t *scope, lsr_pages_t *pages);

size_t lsr_scope_image_bytes(const lsr_scope_config_t *config);
void lsr_scope_image_put(uint8_t *image, const lsr_scope_t *scope, const lsr_scope_config_t *config, uint64_t deletes,
			 uint64_t high_water);

typedef struct lsr_scope_image {
	uint32_t subnet, mask, uid;
	uint64_t deletes, high_water;
	lsr_scope_config_t *config; /* new, the caller's */
} lsr_scope_image_t;

/* LESSOR_OK; LESSOR_DAMAGED; LESSOR_NO_MEMORY. */
lessor_status_t lsr_scope_image_get(const uint8_t *image, size_t size_bytes, lsr_scope_image_t *out);

#endif
