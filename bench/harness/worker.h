/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread of a run: its share of the leases, its calls and their times.
 *
 * Shares. The positions of the space are split among the threads in one piece each. In its piece a worker keeps a *window* of
 * leases: those between window_begin and window_end, which count from the piece's start and wrap around at its end; each time
 * around is another generation of clients. *Guests* are leases that were allocated during the run, oldest first.
 *
 * Time. The end of one call is the beginning of the next: one reading of the clock per call. What passes between two calls (preparing
 * arguments, checking answers) is part of the second one's time, except waiting for durability, and except where arguments of
 * single calls are prepared *ahead*, some at a time: then that is not timed. Reading the clock may keep the processor from looking
 * ahead, and so may whatever else lies between two calls; who asks for it has the prepared calls made in a *group*, one right behind the other, the answers checked and the clock
 * read behind the last one, and gets no latencies.
 */
#ifndef BENCH_WORKER_H
#define BENCH_WORKER_H

#include <stdatomic.h>

#include "clock.h"
#include "free_map.h"
#include "histogram.h"
#include "store.h"

/* A change that is not known to be durable. */
typedef struct bench_flight {
	uint64_t ticket;
	uint64_t begun;
	uint64_t count;
} bench_flight_t;

typedef struct bench_guest {
	uint64_t client;
	uint32_t address;
	uint32_t subnet;
} bench_guest_t;

/* Where a worker was when a fifth, and when four fifths, of its time or of its operations had passed. */
typedef struct bench_mark {
	uint64_t ops;
	uint64_t ticks;
} bench_mark_t;

typedef struct bench_worker {
	/* Of the whole run. */
	const bench_store_class_t *store;
	const bench_space_t *space;
	bench_free_map_t *map; /* NULL: the store allocates */
	void *thread;          /* the store's */
	unsigned number;
	unsigned threads;
	unsigned batch;
	bool times_groups;      /* single calls: the clock is read once for all that were prepared together */
	bool unchecked;         /* the store does nothing: its answers mean nothing */
	uint64_t in_flight_max; /* 0: no waiting for durability */

	/* The share. */
	uint32_t first; /* position */
	uint32_t slots; /* positions */
	uint32_t leases;
	bench_order_t order; /* of the leases, to visit them */
	uint64_t window_begin;
	uint64_t window_end;
	bench_guest_t *guests;
	uint64_t guests_max;
	uint64_t guests_begin;
	uint64_t guests_end;
	uint64_t guests_ever;
	uint64_t random;
	uint64_t visited; /* reads and renewals so far */
	bool releasing;   /* churn: what comes next */
	bool shrinking;   /* mixed: guests become fewer */
	uint64_t expires_at;
	bool half_expired;   /* every second lease of the window has expired from the beginning */
	uint64_t swept;      /* expire: addresses of this thread's scopes so far */
	uint64_t ended_ever; /* expire: leases */
	_Atomic bool *done;  /* expire: nothing is left; NULL: this thread is no reader beside */

	/* The calls. */
	bench_lease_t *places;   /* of all requests */
	bench_lease_t *requests; /* of the next call */
	unsigned ahead;          /* single calls: prepared ones that follow it */
	bench_answer_t *answers;
	bench_flight_t *flights;
	uint64_t flights_mask;
	uint64_t flights_begin;
	uint64_t flights_end;
	uint64_t in_flight;
	uint64_t last_ticket;

	/* The course. */
	uint64_t target; /* operations; UINT64_MAX: until the deadline */
	uint64_t deadline;
	uint64_t ops;
	uint64_t now;
	uint64_t begun;
	uint64_t ended;
	uint64_t untimed;
	bool good;
	bench_mark_t marks[2];
	unsigned marks_set;
	uint64_t mark_ops;
	uint64_t mark_ticks;
	bench_histogram_t calls;
	bench_histogram_t acks;
} bench_worker_t;

/* One call: how many operations it was; sets good to false if something went wrong. */
typedef size_t (*bench_step_t)(bench_worker_t *worker);

/* False: no memory. */
bool bench_worker_init(bench_worker_t *worker, unsigned number, unsigned threads, const bench_space_t *space,
		       unsigned batch, uint64_t in_flight_max, uint64_t guests_max);
void bench_worker_free(bench_worker_t *worker);

/* Forget times and counts, keep the leases. */
void bench_worker_reset(bench_worker_t *worker);

/* Calls until there have been 'ops' operations or the seconds are over, whichever comes first (0 seconds: any time); then until all is durable. */
void bench_worker_loop(bench_worker_t *worker, bench_step_t step, uint64_t ops, double seconds);

/* Something is not as it should be. */
void bench_worker_fail(bench_worker_t *worker, const char *what, bench_answer_t answer);

/* So many single calls are prepared together. */
#define BENCH_AHEAD 32u

/* Are single calls made so many at a time? Filling is done in batches all the same. */
static inline bool
bench_worker_groups(const bench_worker_t *worker) {
	return worker->times_groups && worker->batch == 1;
}

/* How many operations the next call, or group of single calls, is to have. */
static inline size_t
bench_worker_next(const bench_worker_t *worker) {
	const uint64_t left = worker->target - worker->ops;
	const size_t most = bench_worker_groups(worker) ? BENCH_AHEAD : worker->batch;
	return left < most ? (size_t)left : most;
}

/* What has been done since the end of the last call is no part of any call, nor of the seconds. */
void bench_worker_leave_out(bench_worker_t *worker);

/* Set places[i] to the i-th of the requests that follow. */
typedef void (*bench_prepare_t)(bench_worker_t *worker, size_t n);

/*
 * Prepare the requests of the next call or group; of single calls a number of them at a time, outside of the time: a processor looks some hundred
 * instructions ahead, and calls overlap as far as what lies between them is short.
 */
void bench_worker_prepare(bench_worker_t *worker, size_t n, bench_prepare_t prepare);

/* Before a change of n operations is prepared: wait until it may be in flight. */
void bench_worker_wait_for_room(bench_worker_t *worker, size_t n);

static inline void
bench_worker_room(bench_worker_t *worker, size_t n) {
	if (__builtin_expect(worker->in_flight > 0 && worker->in_flight + n > worker->in_flight_max, 0)) {
		bench_worker_wait_for_room(worker, n);
	}
}

/* All n answers must be the expected one. */
static inline bool
bench_worker_check(bench_worker_t *worker, const char *what, size_t n, bench_answer_t expected) {
	for (size_t i = 0; i < n; i++) {
		if (__builtin_expect(worker->answers[i] != expected, 0) && !worker->unchecked) {
			bench_worker_fail(worker, what, worker->answers[i]);
			return false;
		}
	}
	return true;
}

/* The calls, of n prepared requests, with their checks. */
bool bench_worker_create(bench_worker_t *worker, size_t n, bench_answer_t expected);
bool bench_worker_renew(bench_worker_t *worker, size_t n);
bool bench_worker_release(bench_worker_t *worker, size_t n);
/* A release that is not timed and waits for nothing. */
bool bench_worker_vacate(bench_worker_t *worker, size_t n);
bool bench_worker_allocate(bench_worker_t *worker, size_t n);
bool bench_worker_get(bench_worker_t *worker, size_t n, bool by_client);

/* Prepare the lease at a place of the window, counted as window_begin is. */
static inline void
bench_worker_lease(const bench_worker_t *worker, uint64_t at, bench_lease_t *lease) {
	uint64_t generation = 0;
	if (at >= worker->slots) {
		generation = at / worker->slots;
		at %= worker->slots;
	}
	const uint32_t position = worker->first + (uint32_t)at;
	bench_space_place(worker->space, position, lease);
	bench_space_client(bench_client_at(position, generation), lease);
}

/* Has it expired from the beginning? */
static inline bool
bench_worker_expired(const bench_worker_t *worker, uint64_t at) {
	return worker->half_expired && (at & 1) != 0;
}

/* End what has expired from one address to another; how many there were. */
bool bench_worker_expire(bench_worker_t *worker, uint32_t first, uint32_t last, size_t *ended);

/* Read a sample of what must be there by address and by client, and of what must not. */
void bench_worker_verify(bench_worker_t *worker);

static inline uint64_t
bench_worker_leases(const bench_worker_t *worker) {
	return worker->window_end - worker->window_begin + (worker->guests_end - worker->guests_begin) -
	       worker->ended_ever;
}

#endif
