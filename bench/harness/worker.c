/* SPDX-License-Identifier: Apache-2.0 */
/* Making calls and timing them. See worker.h. */
#include "worker.h"

#include <inttypes.h>
#include <stdlib.h>

#define SAMPLE      500u
#define GONE_SAMPLE 100u

static uint32_t
share(uint64_t of, unsigned number, unsigned threads) {
	return (uint32_t)(of * number / threads);
}

/* How many of the leases lie before a position. */
static uint32_t
leases_before(const bench_space_t *space, uint32_t position) {
	return (uint32_t)((uint64_t)space->leases * position / space->slots);
}

static void
take_share(bench_worker_t *worker, const bench_space_t *space, unsigned number, unsigned threads) {
	const uint32_t end = share(space->slots, number + 1, threads);
	worker->first = share(space->slots, number, threads);
	worker->slots = end - worker->first;
	worker->leases = leases_before(space, end) - leases_before(space, worker->first);
	worker->order = bench_order_of(worker->leases > 0 ? worker->leases : 1, space->pool_order.key + number);
	worker->random = space->scope_order.key + ((uint64_t)number << 32);
}

bool
bench_worker_init(bench_worker_t *worker, unsigned number, unsigned threads, const bench_space_t *space, unsigned batch,
		  uint64_t in_flight_max, uint64_t guests_max) {
	uint64_t flights = 1;
	while (flights < in_flight_max) {
		flights *= 2;
	}
	*worker = (bench_worker_t){.space = space,
				   .number = number,
				   .threads = threads,
				   .batch = batch,
				   .in_flight_max = in_flight_max,
				   .flights_mask = flights - 1,
				   .guests_max = guests_max,
				   .expires_at = BENCH_EXPIRES_FIRST,
				   .releasing = true,
				   .good = true};
	take_share(worker, space, number, threads);
	const size_t most = batch > BENCH_AHEAD ? batch : BENCH_AHEAD;
	worker->places = calloc(most, sizeof(*worker->places));
	worker->requests = worker->places;
	worker->answers = calloc(most, sizeof(*worker->answers));
	worker->flights = calloc(flights, sizeof(*worker->flights));
	worker->guests = calloc(guests_max + 1, sizeof(*worker->guests));
	return worker->requests != NULL && worker->answers != NULL && worker->flights != NULL && worker->guests != NULL;
}

void
bench_worker_free(bench_worker_t *worker) {
	free(worker->places);
	free(worker->answers);
	free(worker->flights);
	free(worker->guests);
}

void
bench_worker_reset(bench_worker_t *worker) {
	worker->ops = 0;
	worker->untimed = 0;
	worker->marks_set = 0;
	worker->last_ticket = 0;
	worker->calls = (bench_histogram_t){0};
	worker->acks = (bench_histogram_t){0};
}

void
bench_worker_fail(bench_worker_t *worker, const char *what, bench_answer_t answer) {
	static const char *const texts[] = {"success",       "\"address taken\"", "\"client taken\"",
					    "\"not found\"", "\"scope is full\"", "another lease"};
	worker->good = bench_fail("thread %u: %s answers %s after %" PRIu64 " operations.", worker->number, what,
				  texts[answer], worker->ops);
}

/* ---- durability --------------------------------------------------------------------------------------------------------- */

static void
acknowledge(bench_worker_t *worker, uint64_t durable) {
	while (worker->flights_begin != worker->flights_end) {
		const bench_flight_t *oldest = &worker->flights[worker->flights_begin & worker->flights_mask];
		if (oldest->ticket > durable) {
			return;
		}
		bench_histogram_add(&worker->acks, worker->now - oldest->begun, oldest->count);
		worker->in_flight -= oldest->count;
		worker->flights_begin++;
	}
}

static bool
wait_until(bench_worker_t *worker, uint64_t ticket) {
	if (!worker->store->wait(worker->thread, ticket)) {
		worker->good = false;
		return false;
	}
	worker->now = bench_ticks();
	const uint64_t durable = worker->store->durable(worker->thread);
	acknowledge(worker, durable > ticket ? durable : ticket);
	return true;
}

void
bench_worker_wait_for_room(bench_worker_t *worker, size_t n) {
	while (worker->in_flight > 0 && worker->in_flight + n > worker->in_flight_max) {
		if (!wait_until(worker, worker->flights[worker->flights_begin & worker->flights_mask].ticket)) {
			return;
		}
	}
}

static void
note_change(bench_worker_t *worker, size_t n, uint64_t ticket) {
	worker->last_ticket = ticket > worker->last_ticket ? ticket : worker->last_ticket;
	if (worker->in_flight_max > 0 && n > 0) {
		worker->flights[worker->flights_end++ & worker->flights_mask] =
			(bench_flight_t){.ticket = ticket, .begun = worker->now, .count = n};
		worker->in_flight += n;
	}
}

/* ---- the requests ------------------------------------------------------------------------------------------------------- */

void
bench_worker_leave_out(bench_worker_t *worker) {
	const uint64_t now = bench_ticks();
	const uint64_t ticks = now - worker->now;
	worker->untimed += ticks;
	worker->deadline += worker->deadline != UINT64_MAX ? ticks : 0;
	worker->mark_ticks += worker->mark_ticks != UINT64_MAX ? ticks : 0;
	worker->now = now;
}

void
bench_worker_prepare(bench_worker_t *worker, size_t n, bench_prepare_t prepare) {
	if (worker->batch > 1) {
		prepare(worker, n);
	} else if (bench_worker_groups(worker)) {
		prepare(worker, n);
		bench_worker_leave_out(worker);
	} else if (worker->ahead > 0) {
		worker->ahead--;
		worker->requests++;
	} else {
		const uint64_t left = worker->target - worker->ops;
		const unsigned count = left < BENCH_AHEAD ? (unsigned)left : BENCH_AHEAD;
		worker->requests = worker->places;
		worker->ahead = count - 1;
		prepare(worker, count);
		bench_worker_leave_out(worker);
	}
}

/* ---- the calls ---------------------------------------------------------------------------------------------------------- */

typedef bool (*bench_change_t)(void *thread, const bench_lease_t *leases, size_t n, bench_answer_t *answers,
			       uint64_t *ticket);

/* One call for all; or, of a group, a call for each, with as little as can be between them. */
static inline bool
change(bench_worker_t *worker, bench_change_t call, size_t n, uint64_t *ticket) {
	const size_t step = bench_worker_groups(worker) ? 1 : n;
	bool good = true;
	for (size_t i = 0; i < n && good; i += step) {
		good = call(worker->thread, &worker->requests[i], step, &worker->answers[i], ticket);
	}
	return good;
}

bool
bench_worker_create(bench_worker_t *worker, size_t n, bench_answer_t expected) {
	uint64_t ticket = 0;
	worker->good =
		change(worker, worker->store->create, n, &ticket) && bench_worker_check(worker, "create", n, expected);
	note_change(worker, n, ticket);
	if (worker->map != NULL && expected == BENCH_OK) {
		for (size_t i = 0; i < n; i++) {
			bench_free_map_take(worker->map, worker->requests[i].address);
		}
	}
	return worker->good;
}

bool
bench_worker_renew(bench_worker_t *worker, size_t n) {
	uint64_t ticket = 0;
	worker->good =
		change(worker, worker->store->renew, n, &ticket) && bench_worker_check(worker, "renew", n, BENCH_OK);
	note_change(worker, n, ticket);
	return worker->good;
}

/* Give back; the ticket of it, or 0. */
static bool
give_back(bench_worker_t *worker, size_t n, uint64_t *ticket) {
	worker->good = worker->store->release(worker->thread, worker->requests, n, worker->answers, ticket) &&
		       bench_worker_check(worker, "release", n, BENCH_OK);
	if (worker->map != NULL && worker->good) {
		for (size_t i = 0; i < n; i++) {
			bench_free_map_give(worker->map, worker->requests[i].address);
		}
	}
	return worker->good;
}

bool
bench_worker_release(bench_worker_t *worker, size_t n) {
	uint64_t ticket = 0;
	(void)give_back(worker, n, &ticket);
	note_change(worker, n, ticket);
	return worker->good;
}

bool
bench_worker_vacate(bench_worker_t *worker, size_t n) {
	uint64_t ticket = 0;
	return give_back(worker, n, &ticket);
}

static bool
find_free(bench_worker_t *worker, size_t n) {
	for (size_t i = 0; i < n; i++) {
		bench_lease_t *lease = &worker->requests[i];
		if (!bench_free_map_find(worker->map, lease->subnet, bench_random(&worker->random), &lease->address)) {
			bench_worker_fail(worker, "allocate", BENCH_SCOPE_FULL);
			return false;
		}
	}
	return true;
}

bool
bench_worker_allocate(bench_worker_t *worker, size_t n) {
	uint64_t ticket = 0;
	if (worker->map != NULL) {
		worker->good = find_free(worker, n) &&
			       worker->store->create(worker->thread, worker->requests, n, worker->answers, &ticket) &&
			       bench_worker_check(worker, "allocate", n, BENCH_OK);
	} else {
		worker->good = worker->store->allocate(worker->thread, worker->requests, n, worker->answers, &ticket) &&
			       bench_worker_check(worker, "allocate", n, BENCH_OK);
	}
	note_change(worker, n, ticket);
	return worker->good;
}

bool
bench_worker_get(bench_worker_t *worker, size_t n, bool by_client) {
	const bench_store_class_t *store = worker->store;
	bool (*const call)(void *, const bench_lease_t *, size_t, bench_answer_t *) =
		by_client ? store->get_client : store->get_address;
	const size_t step = bench_worker_groups(worker) ? 1 : n;
	bool good = true;
	for (size_t i = 0; i < n && good; i += step) {
		good = call(worker->thread, &worker->requests[i], step, &worker->answers[i]);
	}
	worker->good = good;
	return worker->good && bench_worker_check(worker, by_client ? "get by client" : "get by address", n, BENCH_OK);
}

bool
bench_worker_expire(bench_worker_t *worker, uint32_t first, uint32_t last, size_t *ended) {
	uint64_t ticket = 0;
	worker->good = worker->store->expire(worker->thread, first, last, BENCH_NOW, ended, &ticket);
	note_change(worker, *ended, ticket);
	worker->ended_ever += *ended;
	return worker->good;
}

/* ---- the loop ----------------------------------------------------------------------------------------------------------- */

static void
set_mark(bench_worker_t *worker, uint64_t ticks) {
	worker->marks[worker->marks_set++] = (bench_mark_t){.ops = worker->ops, .ticks = worker->now - worker->untimed};
	if (worker->marks_set == 2) {
		worker->mark_ops = UINT64_MAX;
		worker->mark_ticks = UINT64_MAX;
	} else if (ticks == 0) {
		worker->mark_ops = worker->target - worker->target / 5;
	} else {
		worker->mark_ticks = worker->begun + worker->untimed + ticks - ticks / 5;
	}
}

static void
begin_loop(bench_worker_t *worker, uint64_t ops, uint64_t ticks) {
	worker->target = ops;
	worker->requests = worker->places;
	worker->ahead = 0;
	worker->begun = bench_ticks();
	worker->now = worker->begun;
	worker->deadline = ticks == 0 ? UINT64_MAX : worker->begun + ticks;
	worker->mark_ops = ticks == 0 ? ops / 5 : UINT64_MAX;
	worker->mark_ticks = ticks == 0 ? UINT64_MAX : worker->begun + ticks / 5;
}

void
bench_worker_loop(bench_worker_t *worker, bench_step_t step, uint64_t ops, double seconds) {
	const uint64_t ticks = (uint64_t)(seconds * 1e9 / bench_clock_ns_per_tick());
	begin_loop(worker, ops, ticks);
	while (worker->ops < worker->target && worker->now < worker->deadline) {
		const size_t n = step(worker);
		if (!worker->good) {
			break;
		}
		worker->ops += n;
		const uint64_t now = bench_ticks();
		if (!worker->times_groups) {
			bench_histogram_add(&worker->calls, now - worker->now, 1);
		}
		worker->now = now;
		if (worker->in_flight > 0) {
			acknowledge(worker, worker->store->durable(worker->thread));
		}
		if (__builtin_expect(worker->ops >= worker->mark_ops || now >= worker->mark_ticks, 0)) {
			set_mark(worker, ticks);
		}
	}
	if (worker->good) {
		(void)wait_until(worker, worker->last_ticket);
	}
	worker->ended = bench_ticks();
}

/* ---- reading back ------------------------------------------------------------------------------------------------------- */

static bool
verify_request(bench_worker_t *worker) {
	worker->requests[0].expires_at = 0;
	return bench_worker_get(worker, 1, false) && bench_worker_get(worker, 1, true);
}

static void
verify_gone(bench_worker_t *worker, uint64_t at) {
	bench_worker_lease(worker, at, worker->requests);
	worker->good = worker->store->get_client(worker->thread, worker->requests, 1, worker->answers) &&
		       bench_worker_check(worker, "get of a client that is gone", 1, BENCH_NOT_FOUND);
}

void
bench_worker_verify(bench_worker_t *worker) {
	const uint64_t window = worker->window_end - worker->window_begin;
	const uint64_t guests = worker->guests_end - worker->guests_begin;
	for (unsigned i = 0; i < SAMPLE && window > 0 && worker->good; i++) {
		const uint64_t at = worker->window_begin + bench_random(&worker->random) % window;
		if (bench_worker_expired(worker, at)) {
			verify_gone(worker, at);
		} else {
			bench_worker_lease(worker, at, worker->requests);
			(void)verify_request(worker);
		}
	}
	for (unsigned i = 0; i < SAMPLE && guests > 0 && worker->good; i++) {
		const uint64_t at = worker->guests_begin + bench_random(&worker->random) % guests;
		const bench_guest_t *guest = &worker->guests[at % worker->guests_max];
		worker->requests[0].address = guest->address;
		worker->requests[0].subnet = guest->subnet;
		bench_space_client(guest->client, worker->requests);
		(void)verify_request(worker);
	}
	for (unsigned i = 1; i <= GONE_SAMPLE && i <= worker->window_begin && worker->good; i++) {
		verify_gone(worker, worker->window_begin - i);
	}
}
