/* SPDX-License-Identifier: Apache-2.0 */
#include "memory_load.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/base.h"
#include "bench.h"

#define BATCH_MAX  32u
#define RING_BYTES ((uint64_t)32 << 20)
#define LINE_WORDS 8u

typedef struct {
	LSR_APART _Atomic uint64_t word[LINE_WORDS];
} bench_apart_t;

typedef struct {
	_Atomic uint64_t word[LINE_WORDS];
} bench_line_t;

struct bench_memory {
	uint64_t records;
	uint64_t buckets;
	lsr_arena_t arena;
	bench_line_t *record;
	bench_line_t *bucket;
	bench_line_t *ring;
	uint64_t next;
	bench_apart_t tail;
};

bench_memory_t *
bench_memory_new(unsigned bits) {
	bench_memory_t *memory = aligned_alloc(_Alignof(bench_memory_t), sizeof(*memory));
	if (memory == NULL) {
		return NULL;
	}
	memset(memory, 0, sizeof(*memory));
	memory->records = UINT64_C(1) << bits;
	memory->buckets = memory->records / 4;
	const uint64_t bytes = (memory->records + memory->buckets) * sizeof(bench_line_t) + RING_BYTES;
	if (!lsr_arena_init(&memory->arena, bytes) || !lsr_arena_touch(&memory->arena, bytes)) {
		bench_memory_free(memory);
		return NULL;
	}
	memory->record = (bench_line_t *)(void *)memory->arena.base;
	memory->bucket = memory->record + memory->records;
	memory->ring = memory->bucket + memory->buckets;
	return memory;
}

void
bench_memory_free(bench_memory_t *memory) {
	lsr_arena_destroy(&memory->arena);
	free(memory);
}

static bench_line_t *
some_record(bench_memory_t *memory, uint64_t number) {
	return &memory->record[bench_mix(number) & (memory->records - 1)];
}

uint64_t
bench_memory_load(bench_memory_t *memory) {
	uint64_t sum = 0;
	for (unsigned i = 0; i < BENCH_BLOCK; i++) {
		sum += atomic_load_explicit(&some_record(memory, memory->next++)->word[0], memory_order_relaxed);
	}
	return sum;
}

uint64_t
bench_memory_chase(bench_memory_t *memory) {
	uint64_t hop = 0;
	for (unsigned i = 0; i < BENCH_BLOCK; i++) {
		/* What is loaded does not matter, only that it has to be there. */
		hop = atomic_load_explicit(&some_record(memory, memory->next++ + (hop & 1))->word[1],
					   memory_order_relaxed);
	}
	return hop;
}

void
bench_memory_add(bench_memory_t *memory) {
	for (unsigned i = 0; i < BENCH_BLOCK; i++) {
		(void)atomic_fetch_add_explicit(&some_record(memory, memory->next++)->word[0], 1, memory_order_relaxed);
	}
}

static bool
swap(_Atomic uint64_t *word, uint64_t set) {
	uint64_t old = atomic_load_explicit(word, memory_order_relaxed);
	return atomic_compare_exchange_strong_explicit(word, &old, old | set, memory_order_acquire,
						       memory_order_relaxed);
}

static void
fill(bench_line_t *line, uint64_t value) {
	for (unsigned i = 1; i < LINE_WORDS; i++) {
		atomic_store_explicit(&line->word[i], value + i, memory_order_relaxed);
	}
	atomic_store_explicit(&line->word[0], value << 8, memory_order_release);
}

static void
create(bench_memory_t *memory, bench_line_t *record, bench_line_t *bucket, uint64_t value) {
	unsigned at = 1;
	(void)swap(&record->word[0], 1);
	(void)swap(&bucket->word[0], 1);
	for (unsigned i = 1; i < LINE_WORDS; i++) {
		at += atomic_load_explicit(&bucket->word[i], memory_order_relaxed) == value;
	}
	atomic_store_explicit(&bucket->word[at % LINE_WORDS], value, memory_order_relaxed);
	atomic_store_explicit(&bucket->word[0], value << 8, memory_order_release);
	const uint64_t position =
		atomic_fetch_add_explicit(&memory->tail.word[0], sizeof(bench_line_t), memory_order_seq_cst);
	fill(&memory->ring[position % RING_BYTES / sizeof(bench_line_t)], value);
	fill(record, value);
}

void
bench_memory_create(bench_memory_t *memory, unsigned batch) {
	bench_line_t *record[BATCH_MAX];
	bench_line_t *bucket[BATCH_MAX];
	for (unsigned done = 0; done < BENCH_BLOCK; done += batch) {
		for (unsigned i = 0; i < batch; i++) {
			const uint64_t mixed = bench_mix(memory->next++);
			record[i] = &memory->record[mixed & (memory->records - 1)];
			bucket[i] = &memory->bucket[mixed >> 32 & (memory->buckets - 1)];
			lsr_prefetch_write(record[i]);
			lsr_prefetch_write(bucket[i]);
		}
		for (unsigned i = 0; i < batch; i++) {
			create(memory, record[i], bucket[i], memory->next + i);
		}
	}
}
