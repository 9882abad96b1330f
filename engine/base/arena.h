/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One stretch of address space that is reserved once and backed by memory step by step, from the front.
 *
 * Records, page descriptions and hash buckets live in arenas: they can be referred to by a small index for ever, growing never moves
 * or copies anything, and each step of 2 MiB can be one huge page (asked for, not required).
 *
 * With somebody to look after it (base/provisioner.h), an arena whose use comes close to the end of what is committed is extended ahead: by one step and a
 * sixteenth of what it has, the latter at most 32 MiB. 'comfortable_bytes' is where that is asked for.
 */
#ifndef LSR_ARENA_H
#define LSR_ARENA_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

#ifndef LSR_ARENA_STEP_BYTES
#define LSR_ARENA_STEP_BYTES ((size_t)2 << 20)
#endif

/* A limit for several arenas together. 'used' is charged step by step, when memory is committed. */
typedef struct lsr_budget {
	uint64_t limit_bytes; /* fixed before other threads know it */
	_Atomic uint64_t used_bytes;
} lsr_budget_t;

/* False: it would be too much; nothing is charged. Any thread. */
bool lsr_budget_charge(lsr_budget_t *budget, uint64_t size_bytes);

typedef struct lsr_arena {
	unsigned char *base;           /* aligned to LSR_ARENA_STEP_BYTES; fixed after init */
	size_t reserved_bytes;         /* fixed after init */
	atomic_size_t committed_bytes; /* usable from the front; only grows; written under 'lock' */
	atomic_size_t
		comfortable_bytes; /* at most committed; written under 'lock', and once before other threads know the arena */
	atomic_size_t wanted_bytes; /* the most that was asked for beyond comfort; any thread */
	atomic_bool asked;          /* the provisioner knows; set by any thread, cleared by the provisioner's */
	lsr_budget_t *budget;       /* or NULL: no limit; written once, before other threads know the arena */
	struct lsr_provisioner *provisioner; /* or NULL; written once, before other threads know the arena */
	pthread_mutex_t lock;
	void *mapping;
	size_t mapping_bytes;
} lsr_arena_t;

/* Reserve at least reserve_bytes. False if the address space is not to be had. */
bool lsr_arena_init(lsr_arena_t *arena, size_t reserve_bytes);

/* From now on it is charged to this, what it has already included. False: that is too much. Nobody else knows the arena yet. */
bool lsr_arena_charge_to(lsr_arena_t *arena, lsr_budget_t *budget);

/* Give everything back. An arena that is all zero is left alone. */
void lsr_arena_destroy(lsr_arena_t *arena);

/* The slow path of lsr_arena_ensure(). */
bool lsr_arena_press(lsr_arena_t *arena, size_t needed_bytes);

/* Make the first needed_bytes usable (zeroed when fresh). False: beyond the reservation, or no memory. Any thread. */
static inline bool
lsr_arena_ensure(lsr_arena_t *arena, size_t needed_bytes) {
	return LSR_LIKELY(needed_bytes <= atomic_load_explicit(&arena->comfortable_bytes, memory_order_acquire)) ||
	       lsr_arena_press(arena, needed_bytes);
}

/* Commit the first size_bytes and have the kernel find and clear them now. False: no memory, or beyond the reservation. Blocks for as long as that takes. */
bool lsr_arena_touch(lsr_arena_t *arena, size_t size_bytes);

/* The provisioner's: from now on it is asked; and what it does then. */
void lsr_arena_look_after(lsr_arena_t *arena, struct lsr_provisioner *provisioner);
void lsr_arena_go_ahead(lsr_arena_t *arena);

#endif
