/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers for tests: seeded, printed, and taken back.
 *
 * A test program asks once for its seed; LESSOR_TEST_SEED in the environment decides it, otherwise the clock does. Each test then
 * makes a generator of its own out of the seed and a number, so that one test can be run alone with the same numbers.
 */
#ifndef LESSOR_TEST_RANDOM_H
#define LESSOR_TEST_RANDOM_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Sanitizers cost a factor of ten; loops that only gain by repetition are divided by it. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define LSR_TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define LSR_TEST_SANITIZED 1
#endif
#endif
#ifdef LSR_TEST_SANITIZED
#define LSR_TEST_ROUNDS(n) (((n) + 9) / 10)
#else
#define LSR_TEST_ROUNDS(n) (n)
#endif

typedef struct lsr_random {
	uint64_t state;
} lsr_random_t;

/* The seed of this run, printed at the first call. Call it first from the main thread. */
static inline uint64_t
lsr_test_seed(void) {
	static uint64_t seed;
	if (seed == 0) {
		const char *given = getenv("LESSOR_TEST_SEED");
		struct timespec now;
		(void)clock_gettime(CLOCK_REALTIME, &now);
		seed = given != NULL ? strtoull(given, NULL, 0)
				     : (uint64_t)now.tv_sec * UINT64_C(1000003) + (uint64_t)now.tv_nsec;
		seed = seed == 0 ? 1 : seed;
		(void)printf("LESSOR_TEST_SEED=%llu\n", (unsigned long long)seed);
		(void)fflush(stdout);
	}
	return seed;
}

/* A bijection of 64-bit numbers whose output looks random: the finaliser of a multiply-xorshift generator. */
static inline uint64_t
lsr_scramble(uint64_t value) {
	value = (value ^ (value >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	value = (value ^ (value >> 27)) * UINT64_C(0x94D049BB133111EB);
	return value ^ (value >> 31);
}

/* Generator number 'stream' of this run. */
static inline lsr_random_t
lsr_random_stream(uint64_t stream) {
	return (lsr_random_t){.state = lsr_scramble(lsr_test_seed() ^ lsr_scramble(stream + 1))};
}

static inline uint64_t
lsr_random_u64(lsr_random_t *random) {
	random->state += UINT64_C(0x9E3779B97F4A7C15);
	return lsr_scramble(random->state);
}

/* 0 to n - 1; n > 0. */
static inline uint64_t
lsr_random_below(lsr_random_t *random, uint64_t n) {
	return lsr_random_u64(random) % n;
}

static inline void
lsr_random_fill(lsr_random_t *random, void *data, size_t size_bytes) {
	unsigned char *to = data;
	for (size_t i = 0; i < size_bytes; i++) {
		to[i] = (unsigned char)lsr_random_u64(random);
	}
}

#endif
