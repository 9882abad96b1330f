/* SPDX-License-Identifier: Apache-2.0 */
#include "lease/free_map.h"

#include <stdlib.h>

static uint32_t
words_above(uint32_t words) {
	return (words + 63) / 64;
}

bool
lsr_map_init(lsr_free_map_t *map, uint32_t words) {
	size_t total = words;
	*map = (lsr_free_map_t){.words = words, .levels = 1};
	for (uint32_t above = words; above > 1; map->levels++) {
		above = words_above(above);
		total += above;
	}
	/* calloc takes large maps straight from the kernel: a /8's 4 MiB cost memory only where they are touched. */
	map->level[0] = calloc(total, sizeof(lsr_map_word_t));
	for (unsigned level = 1; map->level[0] != NULL && level < map->levels; level++) {
		map->level[level] = map->level[level - 1] + words;
		words = words_above(words);
	}
	return map->level[0] != NULL;
}

void
lsr_map_destroy(lsr_free_map_t *map) {
	free(map->level[0]);
	*map = (lsr_free_map_t){0};
}

uint64_t
lsr_map_bytes(const lsr_free_map_t *map) {
	uint64_t total = map->words;
	for (uint32_t words = map->words; words > 1;) {
		words = words_above(words);
		total += words;
	}
	return total * sizeof(lsr_map_word_t);
}

/* Wait for the lock of a word; returns what the level above has been told. */
static uint32_t
begin_telling(lsr_map_word_t *word) {
	unsigned round = 0;
	for (;;) {
		uint32_t told = atomic_load_explicit(&word->told, memory_order_relaxed);
		if (told != LSR_MAP_TELLING &&
		    atomic_compare_exchange_weak_explicit(&word->told, &told, LSR_MAP_TELLING, memory_order_seq_cst,
							  memory_order_relaxed)) { /* F2 */
			return told;
		}
		lsr_relax(&round);
	}
}

void
lsr_map_tell(lsr_free_map_t *map, unsigned level, uint32_t index) {
	if (level + 1 == map->levels) {
		return; /* nobody is above */
	}
	lsr_map_word_t *word = &map->level[level][index];
	const uint32_t told = begin_telling(word);
	const bool full = atomic_load_explicit(&word->taken, memory_order_seq_cst) == UINT64_MAX; /* F2 */
	const uint64_t bit = UINT64_C(1) << index % 64;
	if (full && told == LSR_MAP_TOLD_OPEN) {
		lsr_map_set(map, level + 1, index / 64, bit);
	} else if (!full && told == LSR_MAP_TOLD_FULL) {
		lsr_map_clear(map, level + 1, index / 64, bit);
	}
	atomic_store_explicit(&word->told, full ? LSR_MAP_TOLD_FULL : LSR_MAP_TOLD_OPEN, memory_order_seq_cst);
}

uint32_t
lsr_map_find(const lsr_free_map_t *map, uint32_t from, uint32_t last) {
	unsigned level = 0;
	uint32_t at = from; /* counted in bits of the level */
	while (at <= last >> 6 * level) {
		const uint64_t taken = atomic_load_explicit(&map->level[level][at / 64].taken, memory_order_acquire);
		const uint64_t open = ~taken & UINT64_MAX << at % 64;
		if (open != 0) {
			at = at / 64 * 64 + (uint32_t)__builtin_ctzll(open);
			if (level == 0) {
				return at <= last ? at : LSR_MAP_NONE;
			}
			if (at > last >> 6 * level) {
				return LSR_MAP_NONE;
			}
			level--;
			at *= 64;
		} else if (++level < map->levels) {
			at = at / 64 + 1;
		} else {
			return LSR_MAP_NONE;
		}
	}
	return LSR_MAP_NONE;
}

bool
lsr_map_is_sound(const lsr_free_map_t *map) {
	uint32_t words = map->words;
	for (unsigned level = 0; level + 1 < map->levels; level++) {
		for (uint32_t index = 0; index < words; index++) {
			const lsr_map_word_t *word = &map->level[level][index];
			const uint64_t above =
				atomic_load_explicit(&map->level[level + 1][index / 64].taken, memory_order_relaxed);
			const bool full = atomic_load_explicit(&word->taken, memory_order_relaxed) == UINT64_MAX;
			if (full != ((above >> index % 64 & 1) != 0) ||
			    atomic_load_explicit(&word->told, memory_order_relaxed) !=
				    (full ? LSR_MAP_TOLD_FULL : LSR_MAP_TOLD_OPEN)) {
				return false;
			}
		}
		words = words_above(words);
	}
	return true;
}
