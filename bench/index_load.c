/* SPDX-License-Identifier: Apache-2.0 */
#include "index_load.h"

#include <stdlib.h>

#include "base/rcu.h"
#include "bench.h"
#include "lease/index.h"

#define AHEAD  32u
#define COPIED 256u

struct bench_index {
	lsr_index_t index;
	bench_index_keys_t keys;
	uint32_t count;
	uint32_t *number; /* of the key in each place of the walk; churn changes it */
	uint32_t next_number;
};

uint64_t
bench_index_key(bench_index_keys_t keys, uint32_t number) {
	return keys == BENCH_INDEX_RANDOM ? bench_mix(number) : number;
}

static uint64_t
key_of(const bench_index_t *load, uint32_t number) {
	return bench_index_key(load->keys, number);
}

bench_index_t *
bench_index_new(bench_index_keys_t keys, uint32_t count) {
	bench_index_t *load = malloc(sizeof(*load));
	uint32_t *number = malloc(count * sizeof(number[0]));
	if (load == NULL || number == NULL) {
		free(number);
		free(load);
		return NULL;
	}
	*load = (bench_index_t){.keys = keys, .count = count, .number = number, .next_number = count + 1};
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t other = (uint32_t)(bench_mix(i) % (i + 1));
		number[i] = number[other];
		number[other] = i + 1;
	}
	return load;
}

void
bench_index_free(bench_index_t *load) {
	lsr_index_destroy(&load->index);
	lsr_rcu_drain();
	free(load->number);
	free(load);
}

static uint64_t
insert(bench_index_t *load, uint32_t number) {
	uint32_t present;
	lsr_rcu_enter();
	const lsr_index_insert_t result = lsr_index_insert(&load->index, key_of(load, number), number, &present);
	lsr_rcu_leave();
	lsr_rcu_brake();
	return result == LSR_INDEX_DONE;
}

static uint64_t
take_out(bench_index_t *load, uint32_t number) {
	lsr_rcu_enter();
	const bool found = lsr_index_remove(&load->index, key_of(load, number), number);
	lsr_rcu_leave();
	return found;
}

uint64_t
bench_index_fill(bench_index_t *load, uint32_t first, uint32_t last) {
	uint64_t good = 0;
	for (uint32_t number = first; number <= last; number++) {
		good += insert(load, number);
	}
	return good;
}

static uint32_t *
place(const bench_index_t *load, uint32_t i) {
	return &load->number[i % load->count];
}

uint64_t
bench_index_find(const bench_index_t *load, uint32_t from) {
	uint64_t good = 0;
	for (uint32_t i = 0; i < BENCH_BLOCK; i++) {
		const uint32_t number = *place(load, from + i);
		lsr_rcu_enter();
		good += lsr_index_find(&load->index, key_of(load, number)) == number;
		lsr_rcu_leave();
	}
	return good;
}

uint64_t
bench_index_find_batch(bench_index_t *load, uint32_t from) {
	uint64_t good = 0;
	for (uint32_t first = 0; first < BENCH_BLOCK; first += AHEAD) {
		lsr_index_probe_t probes[AHEAD];
		for (uint32_t i = 0; i < AHEAD; i++) {
			probes[i] = (lsr_index_probe_t){.index = &load->index,
							.key = key_of(load, *place(load, from + first + i))};
		}
		lsr_rcu_enter();
		lsr_index_approach(probes, AHEAD);
		for (uint32_t i = 0; i < AHEAD; i++) {
			good += lsr_index_find_near(&probes[i]) == *place(load, from + first + i);
		}
		lsr_rcu_leave();
	}
	return good;
}

uint64_t
bench_index_miss(const bench_index_t *load, uint32_t from) {
	uint64_t good = 0;
	for (uint32_t i = 0; i < BENCH_BLOCK; i++) {
		const uint64_t absent = bench_mix(UINT64_C(1) << 40 | *place(load, from + i));
		lsr_rcu_enter();
		good += lsr_index_find(&load->index, absent) == 0;
		lsr_rcu_leave();
	}
	return good;
}

uint64_t
bench_index_replace(bench_index_t *load, uint32_t from) {
	uint64_t good = 0;
	for (uint32_t i = 0; i < BENCH_BLOCK; i++) {
		const uint32_t number = *place(load, from + i);
		good += take_out(load, number) & insert(load, number);
	}
	return good;
}

uint64_t
bench_index_churn(bench_index_t *load, uint32_t from) {
	uint64_t good = 0;
	for (uint32_t i = 0; i < BENCH_BLOCK; i++) {
		uint32_t *number = place(load, from + i);
		const uint64_t removed = take_out(load, *number);
		*number = load->next_number++;
		good += removed & insert(load, *number);
	}
	return good;
}

uint64_t
bench_index_scan(const bench_index_t *load) {
	uint64_t keys[COPIED];
	uint32_t values[COPIED];
	uint64_t total = 0;
	uint64_t first = 0;
	for (uint32_t copied = COPIED; copied == COPIED;) {
		lsr_rcu_enter();
		copied = lsr_index_scan(&load->index, first, UINT64_MAX, keys, values, COPIED);
		lsr_rcu_leave();
		total += copied;
		first = copied > 0 ? keys[copied - 1] + 1 : 0;
	}
	return total;
}

uint64_t
bench_index_count(const bench_index_t *load) {
	lsr_rcu_enter();
	const uint64_t count = lsr_index_count(&load->index, 0, UINT64_MAX);
	lsr_rcu_leave();
	return count;
}

uint64_t
bench_index_bytes(const bench_index_t *load) {
	return lsr_index_bytes(&load->index);
}
