/* SPDX-License-Identifier: Apache-2.0 */
#include "record_load.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "bench.h"
#include "lease/record.h"

/* Mutex and body, as they would lie side by side: two lines. */
typedef struct {
	pthread_mutex_t mutex;
	lsr_body_t body;
} __attribute__((aligned(LSR_CACHE_LINE_BYTES))) bench_locked_t;

struct bench_records {
	unsigned bits;
	size_t count;
	lsr_record_t *record;
	bench_locked_t *locked;
	lsr_shadows_t *shadows;
};

static void *
allocate(size_t size_bytes) {
	void *memory = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		return NULL;
	}
	(void)madvise(memory, size_bytes, MADV_HUGEPAGE);
	return memory;
}

static uint32_t
shuffled(const bench_records_t *load, uint32_t i) {
	return bench_shuffle(i & (uint32_t)(load->count - 1), load->bits);
}

bench_records_t *
bench_records_new(unsigned bits) {
	bench_records_t *load = calloc(1, sizeof(*load));
	if (load == NULL) {
		return NULL;
	}
	load->bits = bits;
	load->count = (size_t)1 << bits;
	load->record = allocate(load->count * sizeof(load->record[0]));
	load->locked = allocate(load->count * sizeof(load->locked[0]));
	load->shadows = aligned_alloc(_Alignof(lsr_shadows_t), sizeof(*load->shadows));
	if (load->record == NULL || load->locked == NULL || load->shadows == NULL) {
		return NULL;
	}
	memset(load->shadows, 0, sizeof(*load->shadows));
	for (size_t i = 0; i < load->count; i++) {
		const lsr_body_t body = {.lsn = i + 1};
		uint64_t word;
		(void)lsr_record_claim(&load->record[i], &word);
		lsr_record_publish(&load->record[i], word, &body);
		(void)pthread_mutex_init(&load->locked[i].mutex, NULL);
		load->locked[i].body = body;
	}
	return load;
}

void
bench_records_free(bench_records_t *load) {
	(void)munmap(load->record, load->count * sizeof(load->record[0]));
	(void)munmap(load->locked, load->count * sizeof(load->locked[0]));
	free(load->shadows);
	free(load);
}

uint64_t
bench_records_read(bench_records_t *load, uint32_t from) {
	uint64_t good = 0;
	for (uint32_t i = 0; i < BENCH_BLOCK; i++) {
		lsr_body_t body;
		good += lsr_record_read(&load->record[shuffled(load, from + i)], load->shadows, &body) && body.lsn != 0;
	}
	return good;
}

uint64_t
bench_records_read_locked(bench_records_t *load, uint32_t from) {
	uint64_t good = 0;
	for (uint32_t i = 0; i < BENCH_BLOCK; i++) {
		bench_locked_t *locked = &load->locked[shuffled(load, from + i)];
		(void)pthread_mutex_lock(&locked->mutex);
		const lsr_body_t body = locked->body;
		(void)pthread_mutex_unlock(&locked->mutex);
		good += body.lsn != 0;
	}
	return good;
}

uint64_t
bench_records_replace(bench_records_t *load, uint32_t from) {
	uint64_t good = 0;
	for (uint32_t i = 0; i < BENCH_BLOCK; i++) {
		lsr_record_t *record = &load->record[shuffled(load, from + i)];
		lsr_body_t old;
		uint64_t word;
		if (lsr_record_claim(record, &word)) {
			lsr_body_load(record, &old);
			lsr_body_t fresh = old;
			fresh.expires_at++;
			lsr_record_replace(record, load->shadows, word, &old, &fresh);
			good++;
		}
	}
	return good;
}

uint64_t
bench_records_recreate(bench_records_t *load, uint32_t from) {
	uint64_t good = 0;
	for (uint32_t i = 0; i < BENCH_BLOCK; i++) {
		lsr_record_t *record = &load->record[shuffled(load, from + i)];
		const lsr_body_t body = {.lsn = from + i + 1};
		uint64_t word;
		if (lsr_record_claim(record, &word)) {
			lsr_record_vacate(record, lsr_record_hide(record, word));
			good += lsr_record_claim(record, &word);
			lsr_record_publish(record, word, &body);
		}
	}
	return good;
}
