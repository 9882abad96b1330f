/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which places of a scope are taken: one bit for each, and above them summaries, so that a free place is found by looking at a few words
 * however full the scope is.
 *
 * Level 0 has one word for 64 places. A bit of a higher level says that the word below it is all ones; the topmost level is one word.
 * Memory that is all zero is a map of free places, so what was never touched costs nothing.
 *
 *   Writers: lsr_map_take() and lsr_map_free() from any thread, for any one place only one at a time (whoever holds the claim of its
 *            record). One locked operation; more only when a word becomes full or stops being full.
 *   Readers: anybody, lock-free.
 *   Promise: when lsr_map_free() has returned, every search finds the place until it is taken again, whatever other threads are in the
 *            middle of. When nobody is under way, each summary bit says exactly whether the word below is full.
 *
 * How the promise is kept. 'told' is what the level above has been told about this word, and a lock for whoever is telling it. To tell means: lock,
 * then look at the bits, then change the bit above, then unlock.
 *   F1 clear the bit, then load 'told' (freeing)   <->   F2 lock 'told', then load the bits (telling)
 * All four are sequentially consistent: either the one who frees sees that somebody tells, or has told, that the word is full, and then tells
 * the contrary before he returns; or whoever tells sees the cleared bit. The lock is held for a few instructions, is taken upwards only, and
 * nothing else is taken under it.
 */
#ifndef LSR_FREE_MAP_H
#define LSR_FREE_MAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

#define LSR_MAP_LEVELS 6 /* 64^6 places are more than there are addresses */
#define LSR_MAP_NONE   UINT32_MAX

/* lsr_map_word_t.told */
enum { LSR_MAP_TOLD_OPEN = 0, LSR_MAP_TOLD_FULL = 1, LSR_MAP_TELLING = 2 };

typedef struct lsr_map_word {
	_Atomic uint64_t taken;
	_Atomic uint32_t told;
	_Atomic uint32_t
		page; /* on level 0 only, and not this file's: see table.h. It shares the line that a create needs anyway */
} lsr_map_word_t;

typedef struct lsr_free_map {
	lsr_map_word_t *level[LSR_MAP_LEVELS]; /* one block of memory */
	uint32_t words;                        /* of level 0 */
	uint32_t levels;
} lsr_free_map_t;

/* All places free. False: no memory. */
bool lsr_map_init(lsr_free_map_t *map, uint32_t words);
void lsr_map_destroy(lsr_free_map_t *map);
uint64_t lsr_map_bytes(const lsr_free_map_t *map);

/* Tell the level above about a word that became full or may have stopped being full. */
void lsr_map_tell(lsr_free_map_t *map, unsigned level, uint32_t index);

/* The first free place from 'from' to 'last', both inclusive; LSR_MAP_NONE. 'last' is a place of the map. */
uint32_t lsr_map_find(const lsr_free_map_t *map, uint32_t from, uint32_t last);

/* Does every summary bit say what is below it? Only while nobody changes the map. */
bool lsr_map_is_sound(const lsr_free_map_t *map);

static inline bool
lsr_map_is_taken(const lsr_free_map_t *map, uint32_t place) {
	return (atomic_load_explicit(&map->level[0][place / 64].taken, memory_order_acquire) >> place % 64 & 1) != 0;
}

/* Set bits of one word of a level. */
static inline void
lsr_map_set(lsr_free_map_t *map, unsigned level, uint32_t index, uint64_t bits) {
	const uint64_t before = atomic_fetch_or_explicit(&map->level[level][index].taken, bits, memory_order_seq_cst);
	if (LSR_UNLIKELY((before | bits) == UINT64_MAX)) {
		lsr_map_tell(map, level, index);
	}
}

/* Clear bits of one word of a level. */
static inline void
lsr_map_clear(lsr_free_map_t *map, unsigned level, uint32_t index, uint64_t bits) {
	lsr_map_word_t *word = &map->level[level][index];
	(void)atomic_fetch_and_explicit(&word->taken, ~bits, memory_order_seq_cst);                       /* F1 */
	if (LSR_UNLIKELY(atomic_load_explicit(&word->told, memory_order_seq_cst) != LSR_MAP_TOLD_OPEN)) { /* F1 */
		lsr_map_tell(map, level, index);
	}
}

static inline void
lsr_map_take(lsr_free_map_t *map, uint32_t place) {
	lsr_map_set(map, 0, place / 64, UINT64_C(1) << place % 64);
}

static inline void
lsr_map_free(lsr_free_map_t *map, uint32_t place) {
	lsr_map_clear(map, 0, place / 64, UINT64_C(1) << place % 64);
}

#endif
