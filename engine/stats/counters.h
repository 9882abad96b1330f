/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counters of one scope: always what a recount would give, off by no more than the changes in flight.
 *
 *   Writers: whoever changes a lease, while holding its claim; relaxed adds, wait-free. A create costs one.
 *   Readers: anybody, relaxed; figures of one moment need not belong together while changes run.
 *
 * Each word of by_state counts leases of that state (low two bits of address_state): in bits 0-31 all of them, in bits 32-63 those whose
 * address lies in the pool. A create touches one word. A reserved address is in use whatever its state, so there is a word for reservations without a lease (in the place of
 * OFFERED, which no lease is) and one for doomed leases that are reserved.
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

/* Indices of by_state; see lsr_body_counter(). */
enum {
	LSR_COUNTER_EMPTY = 0,
	LSR_COUNTER_ACTIVE = 1,
	LSR_COUNTER_DECLINED = 2,
	LSR_COUNTER_DOOM = 3,
	LSR_COUNTER_RESERVED_DOOM = 4,
	LSR_COUNTERS = 5
};

typedef struct lsr_counters {
	LSR_APART _Atomic uint64_t by_state[LSR_COUNTERS];
	_Atomic uint64_t deletes[2];
	_Atomic uint64_t high_water; /* raised before in_use falls, and when read */
	/* Seldom wanted, in a line of their own. */
	uint64_t deletes_saved;    /* scope lock: deletes of the other half when the epoch moved */
	_Atomic uint64_t releases; /* addresses freed without a delete; since the start, for searches (allocate.c) */
	_Atomic uint64_t offered;  /* addresses that are offered, in units as by_state */
	_Atomic uint64_t expires;  /* of the deletes, those of sweeps; since the start */
	/* Of a scope that limits its leases, see limit.h. */
	_Atomic uint64_t held;
	_Atomic(const struct lsr_record *) last_held;
	_Atomic uint32_t max; /* 0: no limit */
} lsr_counters_t;

static inline uint64_t
lsr_counters_unit(bool in_pool) {
	return UINT64_C(1) | (uint64_t)in_pool << 32;
}

static inline void
lsr_counters_add(lsr_counters_t *counters, unsigned counter, uint64_t units) {
	(void)atomic_fetch_add_explicit(&counters->by_state[counter], units, memory_order_relaxed);
}

static inline uint64_t
lsr_counters_load(const lsr_counters_t *counters, unsigned counter) {
	return atomic_load_explicit(&counters->by_state[counter], memory_order_relaxed);
}

/* What the words of by_state say. */
typedef struct lsr_tally {
	uint64_t in_use;
	uint64_t leases; /* the sum of the three */
	uint64_t active;
	uint64_t declined;
	uint64_t doomed;
} lsr_tally_t;

static inline lsr_tally_t
lsr_tally_of(const uint64_t by_state[LSR_COUNTERS]) {
	lsr_tally_t tally = {.in_use = (by_state[LSR_COUNTER_EMPTY] >> 32) + (by_state[LSR_COUNTER_ACTIVE] >> 32) +
				       (by_state[LSR_COUNTER_DECLINED] >> 32) +
				       (by_state[LSR_COUNTER_RESERVED_DOOM] >> 32),
			     .active = (uint32_t)by_state[LSR_COUNTER_ACTIVE],
			     .declined = (uint32_t)by_state[LSR_COUNTER_DECLINED],
			     .doomed = (uint64_t)(uint32_t)by_state[LSR_COUNTER_DOOM] +
				       (uint32_t)by_state[LSR_COUNTER_RESERVED_DOOM]};
	tally.leases = tally.active + tally.declined + tally.doomed;
	return tally;
}

static inline lsr_tally_t
lsr_counters_tally(const lsr_counters_t *counters) {
	uint64_t by_state[LSR_COUNTERS];
	for (unsigned counter = 0; counter < LSR_COUNTERS; counter++) {
		by_state[counter] = lsr_counters_load(counters, counter);
	}
	return lsr_tally_of(by_state);
}

/* The same figure alone, for who asks often. */
static inline uint64_t
lsr_counters_in_use(const lsr_counters_t *counters) {
	const uint64_t by_state[LSR_COUNTERS] = {
		[LSR_COUNTER_EMPTY] = lsr_counters_load(counters, LSR_COUNTER_EMPTY),
		[LSR_COUNTER_ACTIVE] = lsr_counters_load(counters, LSR_COUNTER_ACTIVE),
		[LSR_COUNTER_DECLINED] = lsr_counters_load(counters, LSR_COUNTER_DECLINED),
		[LSR_COUNTER_RESERVED_DOOM] = lsr_counters_load(counters, LSR_COUNTER_RESERVED_DOOM)};
	return lsr_tally_of(by_state).in_use;
}

static inline uint64_t
lsr_counters_deletes(const lsr_counters_t *counters) {
	return atomic_load_explicit(&counters->deletes[0], memory_order_relaxed) +
	       atomic_load_explicit(&counters->deletes[1], memory_order_relaxed);
}

/* Addresses of the pool that are offered. */
static inline uint32_t
lsr_counters_pending(const lsr_counters_t *counters) {
	return (uint32_t)(atomic_load_explicit(&counters->offered, memory_order_relaxed) >> 32);
}

/* Reservations without a lease. */
static inline uint32_t
lsr_counters_empty(const lsr_counters_t *counters) {
	return (uint32_t)lsr_counters_load(counters, LSR_COUNTER_EMPTY);
}

static inline uint64_t
lsr_counters_leases(const lsr_counters_t *counters) {
	return lsr_counters_tally(counters).leases;
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
lsr_counters_take_back(lsr_counters_t *counters, unsigned counter, uint64_t units) {
	(void)atomic_fetch_sub_explicit(&counters->by_state[counter], units, memory_order_relaxed);
}

static inline void
lsr_counters_subtract(lsr_counters_t *counters, unsigned counter, uint64_t units) {
	(void)lsr_counters_mark(counters);
	lsr_counters_take_back(counters, counter, units);
}

#endif
