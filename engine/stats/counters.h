/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counters of one scope: always what a recount would give, off by no more than the changes in flight.
 *
 *   Writers: whoever changes a lease, while holding its claim; relaxed adds, wait-free. A create costs one.
 *   Readers: anybody, relaxed; figures of one moment need not belong together while changes run.
 *
 * Each word of by_state counts leases of that state (low two bits of address_state): in bits 0-31 all of them, in bits 32-63 those whose
 * address lies in the pool. A create touches one word.
 *
 * Deletes are counted for ever, across restarts, hence the two halves: a delete counts into half[epoch % 2], and its log record carries the epoch. A snapshot moves the
 * epoch on and waits a grace period: then the old half stands still, is saved, and replay counts only the deletes of later epochs
 * (engine_p.h). Creates need no counter: creates = leases + deletes.
 */
#ifndef LSR_COUNTERS_H
#define LSR_COUNTERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

typedef struct lsr_counters {
	LSR_APART _Atomic uint64_t by_state[4];
	_Atomic uint64_t deletes[2];
	_Atomic uint64_t high_water; /* raised before in_use falls, and when read */
	uint64_t deletes_saved;      /* scope lock: deletes of the other half when the epoch moved */
} lsr_counters_t;

static inline uint64_t
lsr_counters_unit(bool in_pool) {
	return UINT64_C(1) | (uint64_t)in_pool << 32;
}

static inline void
lsr_counters_add(lsr_counters_t *counters, unsigned state, uint64_t units) {
	(void)atomic_fetch_add_explicit(&counters->by_state[state & 3], units, memory_order_relaxed);
}

static inline uint64_t
lsr_counters_in_use(const lsr_counters_t *counters) {
	return (atomic_load_explicit(&counters->by_state[1], memory_order_relaxed) >> 32) +
	       (atomic_load_explicit(&counters->by_state[2], memory_order_relaxed) >> 32);
}

static inline uint64_t
lsr_counters_leases(const lsr_counters_t *counters) {
	uint64_t leases = 0;
	for (unsigned state = 0; state < 4; state++) {
		leases += (uint32_t)atomic_load_explicit(&counters->by_state[state], memory_order_relaxed);
	}
	return leases;
}

/* The greatest in_use so far; lock-free (repeats only if somebody else raised it). */
static inline uint64_t
lsr_counters_mark(lsr_counters_t *counters) {
	const uint64_t in_use = lsr_counters_in_use(counters);
	uint64_t mark = atomic_load_explicit(&counters->high_water, memory_order_relaxed);
	while (mark < in_use && !atomic_compare_exchange_weak_explicit(&counters->high_water, &mark, in_use,
								       memory_order_relaxed, memory_order_relaxed)) {
	}
	return mark < in_use ? in_use : mark;
}

/* Without raising the mark first: for who knows that the count is too high for the moment. */
static inline void
lsr_counters_take_back(lsr_counters_t *counters, unsigned state, uint64_t units) {
	(void)atomic_fetch_sub_explicit(&counters->by_state[state & 3], units, memory_order_relaxed);
}

static inline void
lsr_counters_subtract(lsr_counters_t *counters, unsigned state, uint64_t units) {
	(void)lsr_counters_mark(counters);
	lsr_counters_take_back(counters, state, units);
}

#endif
