/* SPDX-License-Identifier: Apache-2.0 */
#include "lease/free_map.h"

#include <stdlib.h>

/* Words of all levels above the lowest. */
static size_t
all_words_above(uint32_t words) {
	size_t total = 0;
	while (words > 1) {
		words = lsr_map_words_above(words);
		total += words;
	}
	return total;
}

uint64_t
lsr_map_bytes(const lsr_free_map_t *map) {
	return all_words_above(map->words) * sizeof(lsr_map_word_t) + map->words * sizeof(lsr_map_leaf_t);
}

bool
lsr_map_init(lsr_free_map_t *map, uint32_t words, size_t owner_bytes) {
	*map = (lsr_free_map_t){.words = words};
	/* calloc takes large maps straight from the kernel: a /8's 2 MiB cost memory only where they are touched. */
	lsr_map_word_t *memory = calloc(1, lsr_map_bytes(map) + owner_bytes);
	if (memory == NULL) {
		return false;
	}
	map->base = memory + all_words_above(words);
	return true;
}

void
lsr_map_destroy(lsr_free_map_t *map) {
	if (map->base != NULL) {
		free(map->base - all_words_above(map->words));
	}
	*map = (lsr_free_map_t){0};
}

static void
lock(_Atomic uint32_t *telling) {
	unsigned round = 0;
	while (atomic_load_explicit(telling, memory_order_relaxed) != 0 ||
	       atomic_exchange_explicit(telling, 1, memory_order_seq_cst) != 0) { /* F2 */
		lsr_relax(&round);
	}
}

/* Tell a level of so many words, which begins at 'level', about word 'index' of the level below it. */
static void
tell(lsr_map_word_t *level, uint32_t words, const _Atomic uint64_t *word, uint32_t index) {
	lsr_map_word_t *above = &level[index / 64];
	const uint64_t bit = UINT64_C(1) << index % 64;
	const uint32_t words_further = lsr_map_words_above(words);
	lsr_map_word_t *further = level - words_further;
	bool tell_further = false;
	lock(&above->telling);
	const bool full = atomic_load_explicit(word, memory_order_seq_cst) == UINT64_MAX; /* F2 */
	const uint64_t before =
		atomic_load_explicit(&above->full, memory_order_relaxed); /* it changes under the lock only */
	if (full && (before & bit) == 0) {
		atomic_store_explicit(&above->full, before | bit, memory_order_seq_cst);
		tell_further = words > 1 && (before | bit) == UINT64_MAX;
	} else if (!full && (before & bit) != 0) {
		atomic_store_explicit(&above->full, before & ~bit, memory_order_seq_cst); /* F1 */
		tell_further = words > 1 && lsr_map_must_tell(&further[index / 4096], index / 64);
	}
	if (tell_further) {
		tell(further, words_further, &above->full, index / 64);
	}
	atomic_store_explicit(&above->telling, 0, memory_order_seq_cst);
}

void
lsr_map_tell(const lsr_free_map_t *map, uint32_t index) {
	if (map->words > 1) {
		tell(lsr_map_level_1(map), lsr_map_words_above(map->words), &lsr_map_level_0(map)[index].taken, index);
	}
}

uint32_t
lsr_map_find(const lsr_free_map_t *map, uint32_t from, uint32_t last) {
	const lsr_map_word_t *levels[LSR_MAP_LEVELS];
	uint32_t words[LSR_MAP_LEVELS] = {map->words};
	unsigned level = 0;
	uint32_t at = from; /* counted in bits of the level */
	while (at <= last >> 6 * level) {
		const uint64_t taken = atomic_load_explicit(level == 0 ? &lsr_map_level_0(map)[at / 64].taken
								       : &levels[level][at / 64].full,
							    memory_order_acquire);
		const uint64_t open = ~taken & UINT64_MAX << at % 64;
		if (open == 0) {
			if (words[level] == 1) {
				return LSR_MAP_NONE;
			}
			words[level + 1] = lsr_map_words_above(words[level]);
			levels[level + 1] = level == 0 ? lsr_map_level_1(map) : levels[level] - words[level + 1];
			level++;
			at = at / 64 + 1;
			continue;
		}
		at = at / 64 * 64 + (uint32_t)__builtin_ctzll(open);
		if (at > last >> 6 * level) {
			return LSR_MAP_NONE;
		}
		if (level == 0) {
			return at;
		}
		level--;
		at *= 64;
	}
	return LSR_MAP_NONE;
}

/* Does this level say what the one below it says, and are all above it sound? */
static bool
is_sound_from(const lsr_map_word_t *level, uint32_t words) {
	const uint32_t words_above = lsr_map_words_above(words);
	const lsr_map_word_t *above = level - words_above;
	for (uint32_t index = 0; index < words; index++) {
		const bool full = atomic_load_explicit(&level[index].full, memory_order_relaxed) == UINT64_MAX;
		if (atomic_load_explicit(&level[index].telling, memory_order_relaxed) != 0 ||
		    (words > 1 &&
		     (atomic_load_explicit(&above[index / 64].full, memory_order_relaxed) >> index % 64 & 1) != full)) {
			return false;
		}
	}
	return words == 1 || is_sound_from(above, words_above);
}

bool
lsr_map_is_sound(const lsr_free_map_t *map) {
	const lsr_map_word_t *above = lsr_map_level_1(map);
	for (uint32_t index = 0; map->words > 1 && index < map->words; index++) {
		const bool full = lsr_map_word(map, index) == UINT64_MAX;
		if ((atomic_load_explicit(&above[index / 64].full, memory_order_relaxed) >> index % 64 & 1) != full) {
			return false;
		}
	}
	return map->words == 1 || is_sound_from(above, lsr_map_words_above(map->words));
}
