/* SPDX-License-Identifier: Apache-2.0 */
/* Scopes of 256 addresses in a trie, and in a sorted array beside it; look-ups of random addresses. */
#ifndef LESSOR_TRIE_LOAD_H
#define LESSOR_TRIE_LOAD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bench_trie bench_trie_t;

bench_trie_t *bench_trie_new(uint32_t scopes);
void bench_trie_free(bench_trie_t *load);

/* BENCH_BLOCK look-ups from address number 'from' on, all of them hits; the sum of what was found. */
uint64_t bench_trie_find(const bench_trie_t *load, uint32_t from);
/* The same where each address depends on what the look-up before it found. */
uint64_t bench_trie_chase(const bench_trie_t *load, uint32_t from);
/* The same as find by binary search in a sorted array. */
uint64_t bench_trie_sorted_find(const bench_trie_t *load, uint32_t from);
/* Insert a scope and remove it again: two published versions. */
void bench_trie_change(bench_trie_t *load, uint32_t from);

#ifdef __cplusplus
}
#endif

#endif
