/* SPDX-License-Identifier: Apache-2.0 */
/* Bitmaps of free addresses. See free_map.h. */
#include "free_map.h"

#include <stdatomic.h>
#include <stdlib.h>

struct bench_free_map {
	const bench_space_t *space;
	uint32_t scope_words;
	_Atomic uint64_t words[]; /* a bit is set while its address is free */
};

static uint64_t
word_of_pool(const bench_space_t *space, uint32_t word) {
	const uint32_t left = space->pool - word * 64;
	return left >= 64 ? UINT64_MAX : (UINT64_C(1) << left) - 1;
}

bench_free_map_t *
bench_free_map_new(const bench_space_t *space) {
	const uint32_t scope_words = (space->pool + 63) / 64;
	const size_t words = (size_t)space->scopes * scope_words;
	bench_free_map_t *map = malloc(sizeof(*map) + words * sizeof(map->words[0]));
	if (map == NULL) {
		return NULL;
	}
	map->space = space;
	map->scope_words = scope_words;
	for (size_t i = 0; i < words; i++) {
		atomic_init(&map->words[i], word_of_pool(space, (uint32_t)(i % scope_words)));
	}
	return map;
}

void
bench_free_map_free(bench_free_map_t *map) {
	free(map);
}

static _Atomic uint64_t *
words_of(bench_free_map_t *map, uint32_t address, uint32_t *offset) {
	const uint32_t from_base = address - map->space->base;
	const uint32_t scope = from_base >> map->space->scope_bits;
	*offset = from_base - (scope << map->space->scope_bits);
	return &map->words[(size_t)scope * map->scope_words];
}

void
bench_free_map_take(bench_free_map_t *map, uint32_t address) {
	uint32_t offset;
	_Atomic uint64_t *words = words_of(map, address, &offset);
	(void)atomic_fetch_and_explicit(&words[offset / 64], ~(UINT64_C(1) << offset % 64), memory_order_relaxed);
}

void
bench_free_map_give(bench_free_map_t *map, uint32_t address) {
	uint32_t offset;
	_Atomic uint64_t *words = words_of(map, address, &offset);
	(void)atomic_fetch_or_explicit(&words[offset / 64], UINT64_C(1) << offset % 64, memory_order_release);
}

/* Take one bit of a word: its number, or 64. */
static unsigned
take_any(_Atomic uint64_t *word) {
	uint64_t bits = atomic_load_explicit(word, memory_order_relaxed);
	while (bits != 0) {
		if (atomic_compare_exchange_weak_explicit(word, &bits, bits & (bits - 1), memory_order_acquire,
							  memory_order_relaxed)) {
			return (unsigned)__builtin_ctzll(bits);
		}
	}
	return 64;
}

bool
bench_free_map_find(bench_free_map_t *map, uint32_t subnet, uint64_t hint, uint32_t *address) {
	uint32_t offset;
	_Atomic uint64_t *words = words_of(map, subnet, &offset);
	uint32_t word = (uint32_t)((hint & UINT32_MAX) * map->scope_words >> 32);
	for (uint32_t tries = 0; tries < map->scope_words; tries++) {
		const unsigned bit = take_any(&words[word]);
		if (bit < 64) {
			*address = subnet + word * 64 + bit;
			return true;
		}
		word = word + 1 < map->scope_words ? word + 1 : 0;
	}
	return false;
}
