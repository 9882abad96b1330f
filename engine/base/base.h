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
#define LSR_APART       __attribute__((aligned(2 * LSR_CACHE_LINE_BYTES)))
#define LSR_LIKELY(x)   __builtin_expect(!!(x), 1)
#define LSR_UNLIKELY(x) __builtin_expect(!!(x), 0)
/* For what is written once and compiled twice: for one and for many. */
#define LSR_INLINE                           static inline __attribute__((always_inline))
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

/* Copy up to 32 bytes without a call: two pieces that may overlap. */
static inline void
lsr_copy_short(void *to, const void *from, size_t size_bytes) {
	uint8_t *t = (uint8_t *)to;
	const uint8_t *f = (const uint8_t *)from;
	if (size_bytes >= 16) {
		uint64_t a[2];
		uint64_t b[2];
		memcpy(a, f, 16);
		memcpy(b, f + size_bytes - 16, 16);
		memcpy(t, a, 16);
		memcpy(t + size_bytes - 16, b, 16);
	} else if (size_bytes >= 8) {
		uint64_t a;
		uint64_t b;
		memcpy(&a, f, 8);
		memcpy(&b, f + size_bytes - 8, 8);
		memcpy(t, &a, 8);
		memcpy(t + size_bytes - 8, &b, 8);
	} else if (size_bytes >= 4) {
		uint32_t a;
		uint32_t b;
		memcpy(&a, f, 4);
		memcpy(&b, f + size_bytes - 4, 4);
		memcpy(t, &a, 4);
		memcpy(t + size_bytes - 4, &b, 4);
	} else {
		for (size_t i = 0; i < size_bytes; i++) {
			t[i] = f[i];
		}
	}
}

/* Compare up to 32 bytes likewise. */
static inline bool
lsr_equal_short(const void *one, const void *other, size_t size_bytes) {
	const uint8_t *a = (const uint8_t *)one;
	const uint8_t *b = (const uint8_t *)other;
	if (size_bytes >= 8) {
		uint64_t differs = 0;
		for (size_t i = 0; i + 8 < size_bytes; i += 8) {
			uint64_t x;
			uint64_t y;
			memcpy(&x, a + i, 8);
			memcpy(&y, b + i, 8);
			differs |= x ^ y;
		}
		uint64_t x;
		uint64_t y;
		memcpy(&x, a + size_bytes - 8, 8);
		memcpy(&y, b + size_bytes - 8, 8);
		return (differs | (x ^ y)) == 0;
	}
	if (size_bytes >= 4) {
		uint32_t x[2];
		uint32_t y[2];
		memcpy(&x[0], a, 4);
		memcpy(&y[0], b, 4);
		memcpy(&x[1], a + size_bytes - 4, 4);
		memcpy(&y[1], b + size_bytes - 4, 4);
		return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
	}
	for (size_t i = 0; i < size_bytes; i++) {
		if (a[i] != b[i]) {
			return false;
		}
	}
	return true;
}

/*
 * Wait a moment for another thread inside a short critical section: pause some rounds, then give up the processor, because its
 * owner may be preempted. 'round' counts the caller's attempts.
 */
void lsr_relax(unsigned *round);

/*
 * Faults that are built in on purpose, to show that the tests notice them: a test compiles the files they are in once more, with LSR_PLANT. In the library there is nothing of it.
 */
enum {
	LSR_PLANT_PUBLISH_EARLY = 1, /* a flush is reported before it was written */
	LSR_PLANT_TORN_FRAME,        /* checksums of frames are not looked at */
	LSR_PLANT_RETRY_FLUSH,       /* a write that failed is made again */
	LSR_PLANT_DROP_EARLY,        /* of the log, one segment too many goes */
	LSR_PLANT_FROM_LATE,         /* a snapshot's position is taken behind the grace period */
	LSR_PLANT_NO_GRACE,          /* a snapshot does not wait for changes that have their positions */
	LSR_PLANT_NO_WAIT            /* a snapshot counts although the log does not yet hold all that it shows */
};
#ifdef LSR_PLANT
extern int lsr_planted;
#define LSR_PLANTED(fault) (lsr_planted == (fault))
#else
#define LSR_PLANTED(fault) false
#endif

#endif
