/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One stretch of address space that is reserved once and backed by memory step by step, from the front.
 *
 * Records, page descriptions and hash buckets live in arenas: they can be referred to by a small index for ever, growing never moves
 * or copies anything, and each step of 2 MiB can be one huge page (asked for, not required).
 */
#ifndef LSR_ARENA_H
#define LSR_ARENA_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

#define LSR_ARENA_STEP_BYTES ((size_t)2 << 20)

typedef struct lsr_arena {
	unsigned char *base;           /* aligned to LSR_ARENA_STEP_BYTES; fixed after init */
	size_t reserved_bytes;         /* fixed after init */
	atomic_size_t committed_bytes; /* usable from the front; only grows; written under 'lock' */
	pthread_mutex_t lock;
	void *mapping;
	size_t mapping_bytes;
} lsr_arena_t;

/* Reserve at least reserve_bytes. False if the address space is not to be had. */
bool lsr_arena_init(lsr_arena_t *arena, size_t reserve_bytes);

/* Give everything back. An arena that is all zero is left alone. */
void lsr_arena_destroy(lsr_arena_t *arena);

/* The slow path of lsr_arena_ensure(). */
bool lsr_arena_grow(lsr_arena_t *arena, size_t needed_bytes);

/* Make the first needed_bytes usable (zeroed when fresh). False: beyond the reservation, or no memory. Any thread. */
static inline bool
lsr_arena_ensure(lsr_arena_t *arena, size_t needed_bytes) {
	return LSR_LIKELY(needed_bytes <= atomic_load_explicit(&arena->committed_bytes, memory_order_acquire)) ||
	       lsr_arena_grow(arena, needed_bytes);
}

#endif
