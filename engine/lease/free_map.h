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
 * How the promise is kept. To tell the level above about a word means: lock 'telling' of the word above, then look at the word, then change the
 * bit above, then unlock.
 *   F1 clear the bit, then load 'telling', the bit above, 'telling' (freeing)   <->   F2 lock 'telling', then load the word (telling)
 * All are sequentially consistent: either the one who frees sees that somebody tells, or has told, that the word is full, and then tells the
 * contrary before he returns; or whoever tells sees the cleared bit. The lock is held for a few instructions, is taken upwards only, and nothing
 * else is taken under it.
 */
#ifndef LSR_FREE_MAP_H
#define LSR_FREE_MAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

#define LSR_MAP_LEVELS 6 /* 64^6 places are more than there are addresses */
#define LSR_MAP_NONE   UINT32_MAX

/* A word of level 0, and beside it one for whatever the map's owner wants to know of these places: who changes a bit has the line anyway. */
typedef struct lsr_map_leaf {
	_Atomic uint64_t taken;
	_Atomic uint64_t beside; /* zero at first */
} lsr_map_leaf_t;

/* A word of a higher level. */
typedef struct lsr_map_word {
	_Atomic uint64_t full;    /* one bit for each of 64 words of the level below */
	_Atomic uint32_t telling; /* 1: somebody changes one of them */
} lsr_map_word_t;

/*
 * A map is known by its lowest level alone, so that it takes little room in what holds it. The higher levels lie in front of that, each in front of the one below
 * it; behind it is room for whatever its owner wants to have beside it.
 */
typedef struct lsr_free_map {
	lsr_map_word_t *base; /* the end of level 1, the beginning of level 0 */
	uint32_t words;       /* of level 0; 1: there is no other level */
} lsr_free_map_t;

/* All places free, and owner_bytes of zeros behind the lowest level. False: no memory. */
bool lsr_map_init(lsr_free_map_t *map, uint32_t words, size_t owner_bytes);
void lsr_map_destroy(lsr_free_map_t *map);
uint64_t lsr_map_bytes(const lsr_free_map_t *map);

static inline uint32_t
lsr_map_words_above(uint32_t words) {
	return words / 64 + (words % 64 != 0);
}

/* Level 1; only if there is one. */
static inline lsr_map_word_t *
lsr_map_level_1(const lsr_free_map_t *map) {
	return map->base - lsr_map_words_above(map->words);
}

static inline lsr_map_leaf_t *
lsr_map_level_0(const lsr_free_map_t *map) {
	return (lsr_map_leaf_t *)(void *)map->base;
}

/* Tell the level above about a word of level 0 that became full or may have stopped being full. */
void lsr_map_tell(const lsr_free_map_t *map, uint32_t index);

/* The first free place from 'from' to 'last', both inclusive; LSR_MAP_NONE. 'last' is a place of the map. */
uint32_t lsr_map_find(const lsr_free_map_t *map, uint32_t from, uint32_t last);

/* Does every summary bit say what is below it? Only while nobody changes the map. */
bool lsr_map_is_sound(const lsr_free_map_t *map);

static inline uint64_t
lsr_map_word(const lsr_free_map_t *map, uint32_t index) {
	return atomic_load_explicit(&lsr_map_level_0(map)[index].taken, memory_order_acquire);
}

static inline bool
lsr_map_is_taken(const lsr_free_map_t *map, uint32_t place) {
	return (lsr_map_word(map, place / 64) >> place % 64 & 1) != 0;
}

/* A hint: the place is going to be taken. */
static inline void
lsr_map_prefetch(const lsr_free_map_t *map, uint32_t place) {
	lsr_prefetch_write(&lsr_map_level_0(map)[place / 64]);
}

static inline void
lsr_map_take(const lsr_free_map_t *map, uint32_t place) {
	const uint64_t bit = UINT64_C(1) << place % 64;
	const uint64_t before =
		atomic_fetch_or_explicit(&lsr_map_level_0(map)[place / 64].taken, bit, memory_order_seq_cst);
	if (LSR_UNLIKELY((before | bit) == UINT64_MAX)) {
		lsr_map_tell(map, place / 64);
	}
}

/*
 * May the level above, of which this is the word, think that a word is full? After a bit of it was cleared: F1. 'telling' is looked at before the bit, for one that is about to set it
 * by what it saw earlier, and behind it, for one that has cleared it and has yet to tell the level above that.
 */
static inline bool
lsr_map_must_tell(const lsr_map_word_t *above, uint32_t index) {
	return atomic_load_explicit(&above->telling, memory_order_seq_cst) != 0 ||
	       (atomic_load_explicit(&above->full, memory_order_seq_cst) >> index % 64 & 1) != 0 ||
	       atomic_load_explicit(&above->telling, memory_order_seq_cst) != 0;
}

/* Free some places of one word. */
static inline void
lsr_map_free_bits(const lsr_free_map_t *map, uint32_t index, uint64_t bits) {
	(void)atomic_fetch_and_explicit(&lsr_map_level_0(map)[index].taken, ~bits, memory_order_seq_cst); /* F1 */
	if (map->words > 1 && LSR_UNLIKELY(lsr_map_must_tell(&lsr_map_level_1(map)[index / 64], index))) {
		lsr_map_tell(map, index);
	}
}

static inline void
lsr_map_free(const lsr_free_map_t *map, uint32_t place) {
	lsr_map_free_bits(map, place / 64, UINT64_C(1) << place % 64);
}

#endif
