/* SPDX-License-Identifier: Apache-2.0 */
/* What every file of the engine may use: attributes, small arithmetic, pauses. Includes nothing of the engine's. */
#ifndef LSR_BASE_H
#define LSR_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LSR_CACHE_LINE_BYTES 64
/* Adjacent lines are fetched in pairs, so what different threads write keeps two lines apart. */
#define LSR_APART                            __attribute__((aligned(2 * LSR_CACHE_LINE_BYTES)))
#define LSR_LIKELY(x)                        __builtin_expect(!!(x), 1)
#define LSR_UNLIKELY(x)                      __builtin_expect(!!(x), 0)
#define LSR_CONTAINER(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline uint64_t
lsr_round_up(uint64_t value, uint64_t power_of_two) {
	return (value + power_of_two - 1) & ~(power_of_two - 1);
}

static inline uint64_t
lsr_min_u64(uint64_t a, uint64_t b) {
	return a < b ? a : b;
}

static inline uint64_t
lsr_max_u64(uint64_t a, uint64_t b) {
	return a > b ? a : b;
}

static inline bool
lsr_is_power_of_two(uint64_t value) {
	return value != 0 && (value & (value - 1)) == 0;
}

/* Fetch a line that is about to be written. A hint only. */
static inline void
lsr_prefetch_write(const void *address) {
	__builtin_prefetch(address, 1, 3);
}

/*
 * Wait a moment for another thread inside a short critical section: pause some rounds, then give up the processor, because its
 * owner may be preempted. 'round' counts the caller's attempts.
 */
void lsr_relax(unsigned *round);

#endif
