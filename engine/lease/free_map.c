/* SPDX-License-Identifier: Apache-2.0 */
#include "lease/free_map.h"

#include <stdlib.h>

static uint32_t
words_above(uint32_t words) {
	return words / 64 + (words % 64 != 0);
}

/* Words of all levels above the lowest. */
static size_t
all_words_above(uint32_t words) {
	size_t total = 0;
	while (words > 1) {
		words = words_above(words);
		total += words;
	}
	return total;
}

uint64_t
lsr_map_bytes(const lsr_free_map_t *map) {
	return lsr_round_up((uint64_t)map->words * sizeof(map->taken[0]), sizeof(lsr_map_word_t)) +
	       all_words_above(map->words) * sizeof(lsr_map_word_t);
}

bool
lsr_map_init(lsr_free_map_t *map, uint32_t words) {
	*map = (lsr_free_map_t){.words = words, .levels = 1};
	/* calloc takes large maps straight from the kernel: a /8's 2 MiB cost memory only where they are touched. */
	const size_t size_bytes = lsr_map_bytes(map);
	unsigned char *memory = calloc(1, size_bytes);
	if (memory == NULL) {
		return false;
	}
	map->taken = (_Atomic uint64_t *)(void *)memory;
	lsr_map_word_t *at = (lsr_map_word_t *)(void *)(memory + size_bytes) - all_words_above(words);
	for (uint32_t above = words; above > 1; map->levels++) {
		above = words_above(above);
		map->above[map->levels] = at;
		at += above;
	}
	return true;
}

void
lsr_map_destroy(lsr_free_map_t *map) {
	free(map->taken);
	*map = (lsr_free_map_t){0};
}

static _Atomic uint64_t *
word_of(const lsr_free_map_t *map, unsigned level, uint32_t index) {
	return level == 0 ? &map->taken[index] : &map->above[level][index].full;
}

static void
lock(_Atomic uint32_t *telling) {
	unsigned round = 0;
	while (atomic_load_explicit(telling, memory_order_relaxed) != 0 ||
	       atomic_exchange_explicit(telling, 1, memory_order_seq_cst) != 0) { /* F2 */
		lsr_relax(&round);
	}
}

void
lsr_map_tell(lsr_free_map_t *map, unsigned level, uint32_t index) {
	if (level + 1 == map->levels) {
		return; /* nobody is above */
	}
	lsr_map_word_t *above = &map->above[level + 1][index / 64];
	const uint64_t bit = UINT64_C(1) << index % 64;
	bool tell_on = false;
	lock(&above->telling);
	const bool full = atomic_load_explicit(word_of(map, level, index), memory_order_seq_cst) == UINT64_MAX; /* F2 */
	const uint64_t before =
		atomic_load_explicit(&above->full, memory_order_relaxed); /* changes under the lock only */
	if (full && (before & bit) == 0) {
		atomic_store_explicit(&above->full, before | bit, memory_order_seq_cst);
		tell_on = (before | bit) == UINT64_MAX;
	} else if (!full && (before & bit) != 0) {
		atomic_store_explicit(&above->full, before & ~bit, memory_order_seq_cst); /* F1 */
		tell_on = lsr_map_must_tell(map, level + 1, index / 64);
	}
	if (tell_on) {
		lsr_map_tell(map, level + 1, index / 64);
	}
	atomic_store_explicit(&above->telling, 0, memory_order_seq_cst);
}

uint32_t
lsr_map_find(const lsr_free_map_t *map, uint32_t from, uint32_t last) {
	unsigned level = 0;
	uint32_t at = from; /* counted in bits of the level */
	while (at <= last >> 6 * level) {
		const uint64_t taken = atomic_load_explicit(word_of(map, level, at / 64), memory_order_acquire);
		const uint64_t open = ~taken & UINT64_MAX << at % 64;
		if (open == 0) {
			if (++level == map->levels) {
				return LSR_MAP_NONE;
			}
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

bool
lsr_map_is_sound(const lsr_free_map_t *map) {
	uint32_t words = map->words;
	for (unsigned level = 0; level + 1 < map->levels; level++) {
		for (uint32_t index = 0; index < words; index++) {
			const lsr_map_word_t *above = &map->above[level + 1][index / 64];
			const uint64_t full = atomic_load_explicit(&above->full, memory_order_relaxed);
			const bool is_full =
				atomic_load_explicit(word_of(map, level, index), memory_order_relaxed) == UINT64_MAX;
			if ((full >> index % 64 & 1) != is_full ||
			    atomic_load_explicit(&above->telling, memory_order_relaxed) != 0) {
				return false;
			}
		}
		words = words_above(words);
	}
	return true;
}
