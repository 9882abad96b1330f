/* SPDX-License-Identifier: Apache-2.0 */
#include "trie_load.h"

#include <stdlib.h>

#include "base/rcu.h"
#include "bench.h"
#include "scope/trie.h"

#define SCOPE_BITS 17u /* 131072 subnets of 256 addresses: 10.0.0.0/7 */
#define ADDRESSES  65536u
#define BASE       UINT32_C(0x0A000000)

typedef struct {
	uint32_t subnet;
	uint32_t number;
} bench_scope_t;

struct bench_trie {
	lsr_trie_t trie;
	uint32_t scopes;
	bench_scope_t *scope;  /* by number */
	bench_scope_t *sorted; /* by subnet */
	uint32_t *address;     /* ADDRESSES random ones of the scopes */
};

static int
by_subnet(const void *a, const void *b) {
	const bench_scope_t *left = a;
	const bench_scope_t *right = b;
	return left->subnet < right->subnet ? -1 : left->subnet > right->subnet;
}

static int
insert(bench_trie_t *load, uint32_t subnet, bench_scope_t *scope) {
	lsr_trie_change_t change;
	if (lsr_trie_stage_insert(&load->trie, lsr_key_ipv4(subnet), 24, scope, &change) != LESSOR_OK) {
		return -1;
	}
	lsr_trie_publish(&load->trie, &change);
	lsr_rcu_brake();
	return 0;
}

bench_trie_t *
bench_trie_new(uint32_t scopes) {
	bench_trie_t *load = calloc(1, sizeof(*load));
	if (load == NULL || lsr_trie_init(&load->trie) != LESSOR_OK) {
		return NULL;
	}
	load->scopes = scopes;
	load->scope = calloc(scopes, sizeof(load->scope[0]));
	load->sorted = calloc(scopes, sizeof(load->sorted[0]));
	load->address = calloc(ADDRESSES, sizeof(load->address[0]));
	if (load->scope == NULL || load->sorted == NULL || load->address == NULL) {
		return NULL;
	}
	for (uint32_t i = 0; i < scopes; i++) {
		load->scope[i] = (bench_scope_t){.subnet = BASE + (bench_shuffle(i, SCOPE_BITS) << 8), .number = i};
		load->sorted[i] = load->scope[i];
		if (insert(load, load->scope[i].subnet, &load->scope[i]) != 0) {
			return NULL;
		}
	}
	qsort(load->sorted, scopes, sizeof(load->sorted[0]), by_subnet);
	for (uint32_t i = 0; i < ADDRESSES; i++) {
		const uint64_t random = bench_mix(i);
		load->address[i] = load->scope[(random >> 32) % scopes].subnet + (uint32_t)(random % 256);
	}
	return load;
}

void
bench_trie_free(bench_trie_t *load) {
	lsr_rcu_drain();
	lsr_trie_destroy(&load->trie);
	free(load->scope);
	free(load->sorted);
	free(load->address);
	free(load);
}

uint64_t
bench_trie_find(const bench_trie_t *load, uint32_t from) {
	uint64_t sum = 0;
	lsr_rcu_enter();
	for (uint32_t i = 0; i < BENCH_BLOCK; i++) {
		const uint32_t address = load->address[(from + i) % ADDRESSES];
		const bench_scope_t *found = lsr_trie_find(&load->trie, lsr_key_ipv4(address));
		sum += found->number;
	}
	lsr_rcu_leave();
	return sum;
}

uint64_t
bench_trie_chase(const bench_trie_t *load, uint32_t from) {
	uint32_t at = from;
	lsr_rcu_enter();
	for (uint32_t i = 0; i < BENCH_BLOCK; i++) {
		const uint32_t address = load->address[at % ADDRESSES];
		const bench_scope_t *found = lsr_trie_find(&load->trie, lsr_key_ipv4(address));
		at = at * 5 + found->number + 1;
	}
	lsr_rcu_leave();
	return at;
}

uint64_t
bench_trie_sorted_find(const bench_trie_t *load, uint32_t from) {
	uint64_t sum = 0;
	for (uint32_t i = 0; i < BENCH_BLOCK; i++) {
		const uint32_t address = load->address[(from + i) % ADDRESSES];
		uint32_t low = 0;
		for (uint32_t count = load->scopes; count > 1;) {
			const uint32_t half = count / 2;
			low = load->sorted[low + half].subnet <= address ? low + half : low;
			count -= half;
		}
		sum += load->sorted[low].number;
	}
	return sum;
}

void
bench_trie_change(bench_trie_t *load, uint32_t from) {
	static bench_scope_t extra;
	lsr_trie_change_t change;
	/* Beside the scopes that exist: the same path as theirs has to be copied. */
	const uint32_t subnet = BASE + (bench_shuffle(load->scopes + from % 1024, SCOPE_BITS) << 8);
	if (insert(load, subnet, &extra) == 0 &&
	    lsr_trie_stage_remove(&load->trie, lsr_key_ipv4(subnet), 24, &change) == LESSOR_OK) {
		lsr_trie_publish(&load->trie, &change);
		lsr_rcu_brake();
	}
}
