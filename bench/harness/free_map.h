/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses of each range are free: what a server keeps beside a store that cannot say so itself. One bit per address, taken
 * and given back with atomic instructions; a search begins at a word of the caller's choice, so that threads do not meet.
 */
#ifndef BENCH_FREE_MAP_H
#define BENCH_FREE_MAP_H

#include "space.h"

typedef struct bench_free_map bench_free_map_t;

bench_free_map_t *bench_free_map_new(const bench_space_t *space);
void bench_free_map_free(bench_free_map_t *map);

/* The address is in use: for the leases that a run begins with. */
void bench_free_map_take(bench_free_map_t *map, uint32_t address);
void bench_free_map_give(bench_free_map_t *map, uint32_t address);

/* Take any free address of the scope. False: there is none. */
bool bench_free_map_find(bench_free_map_t *map, uint32_t subnet, uint64_t hint, uint32_t *address);

#endif
