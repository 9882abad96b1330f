/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which leases there are: arithmetic instead of tables, so that preparing one costs a few nanoseconds and no memory.
 *
 * There are 'scopes' scopes of 2^scope_bits addresses; in each the first 'pool' addresses are its range. All places of all ranges are visited
 * in one fixed random order, and the number in that order is a place's *position*. A place becomes a lease by a *client* number: a bijection makes the
 * MAC address out of it, and the MAC in hexadecimal digits is the name. Successive positions lie in different scopes, so any stretch
 * of them fills all scopes evenly.
 */
#ifndef BENCH_SPACE_H
#define BENCH_SPACE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "../bench.h"

#define BENCH_MAC_BYTES  6u
#define BENCH_NAME_BYTES 12u

/* In units of 100 ns since 1601: what has expired, an hour in between, and what has not. */
#define BENCH_EXPIRED       UINT64_C(130000000000000000) /* 2012 */
#define BENCH_NOW           UINT64_C(134000000000000000) /* 2025 */
#define BENCH_EXPIRES_FIRST UINT64_C(140000000000000000) /* 2044 */

/* What a store is given, and must give back. */
typedef struct bench_lease {
	uint32_t address;
	uint32_t subnet; /* of its scope */
	uint8_t mac[8];  /* client id and hardware address; the last two bytes are 0 */
	char name[BENCH_NAME_BYTES + 4];
	uint64_t expires_at; /* 100 ns since 1601 */
} bench_lease_t;

/* A random order of the numbers below count: a bijection of the numbers of so many bits, again where it leads beyond. */
typedef struct bench_order {
	uint32_t count;
	uint32_t mask;
	unsigned half; /* of the bits */
	uint32_t key;
} bench_order_t;

bench_order_t bench_order_of(uint32_t count, uint64_t seed);

static inline uint32_t
bench_order_at(const bench_order_t *order, uint32_t number, uint32_t key) {
	const uint32_t flip = (order->key ^ key) & order->mask;
	do { /* less than two rounds on average */
		number ^= flip;
		number = (number ^ (number >> order->half)) * UINT32_C(0x9E3779B1) & order->mask;
		number = (number ^ (number >> order->half)) * UINT32_C(0x85EBCA6B) & order->mask;
		number ^= number >> order->half;
	} while (number >= order->count);
	return number;
}

/* Division by a number that is known only at run time. */
typedef struct bench_divisor {
	uint32_t divisor;
	uint64_t magic; /* 0: by 1 */
} bench_divisor_t;

static inline bench_divisor_t
bench_divisor_of(uint32_t divisor) {
	return (bench_divisor_t){.divisor = divisor, .magic = UINT64_MAX / divisor + 1};
}

static inline uint32_t
bench_divide(uint32_t number, const bench_divisor_t *by) {
	__extension__ typedef unsigned __int128 wide_t;
	return by->magic == 0 ? number : (uint32_t)((wide_t)by->magic * number >> 64);
}

typedef struct bench_space {
	uint32_t scopes;
	uint32_t pool;
	unsigned scope_bits;
	uint32_t base;   /* the first scope's subnet */
	uint32_t leases; /* how many are there at once */
	uint32_t slots;  /* scopes * pool */
	bench_divisor_t by_scopes;
	bench_order_t scope_order;
	bench_order_t pool_order;
} bench_space_t;

/* False: that many addresses do not exist. */
bool bench_space_make(bench_space_t *space, uint64_t leases, uint64_t scopes, double fill_percent, uint64_t seed);

static inline uint32_t
bench_space_subnet(const bench_space_t *space, uint32_t scope) {
	return space->base + (scope << space->scope_bits);
}

/* Set address and subnet. */
static inline void
bench_space_place(const bench_space_t *space, uint32_t position, bench_lease_t *lease) {
	const uint32_t round = bench_divide(position, &space->by_scopes);
	const uint32_t scope = bench_order_at(&space->scope_order, position - round * space->scopes, 0);
	lease->subnet = bench_space_subnet(space, scope);
	lease->address = lease->subnet + bench_order_at(&space->pool_order, round, scope);
}

extern char bench_hex[256][2];

/* Set MAC and name. Different numbers below 2^48 make different clients. */
static inline void
bench_space_client(uint64_t client, bench_lease_t *lease) {
	const uint64_t mask = (UINT64_C(1) << 48) - 1;
	uint64_t mac = (client * UINT64_C(0x9E3779B97F4A7C15)) & mask;
	mac = ((mac ^ (mac >> 24)) * UINT64_C(0xD6E8FEB86659FD93)) & mask;
	memcpy(lease->mac, &mac, sizeof(mac));
	for (unsigned i = 0; i < BENCH_MAC_BYTES; i++) {
		memcpy(lease->name + (size_t)2 * i, bench_hex[(mac >> 8 * i) & 0xFF], 2);
	}
}

/* The client that is at a position in the given generation of clients (below 2^15). */
static inline uint64_t
bench_client_at(uint32_t position, uint64_t generation) {
	return (generation & 0x7FFF) << 32 | position;
}

/* The number-th client that a thread (below 2^8) brings along by itself. */
static inline uint64_t
bench_client_of(unsigned thread, uint64_t number) {
	return UINT64_C(1) << 47 | (uint64_t)thread << 39 | (number & ((UINT64_C(1) << 39) - 1));
}

/* A fast source of numbers without order; any state does. */
static inline uint64_t
bench_random(uint64_t *state) {
	*state += UINT64_C(0x9E3779B97F4A7C15);
	return bench_mix(*state);
}

#endif
