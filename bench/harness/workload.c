/* SPDX-License-Identifier: Apache-2.0 */
/* The workloads: what one call of each is. See workload.h and README.md. */
#include "workload.h"

#include "run.h"

#define NEVER_SEEN 0x7FFF /* a generation of clients that no run reaches */

static uint64_t
least(uint64_t a, uint64_t b) {
	return a < b ? a : b;
}

/* ---- filling ------------------------------------------------------------------------------------------------------------ */

static void
prepare_fill(bench_worker_t *worker, size_t n) {
	for (size_t i = 0; i < n; i++) {
		bench_worker_lease(worker, worker->window_end + i, &worker->places[i]);
		worker->places[i].expires_at =
			bench_worker_expired(worker, worker->window_end + i) ? BENCH_EXPIRED : worker->expires_at;
	}
}

size_t
bench_step_fill(bench_worker_t *worker) {
	const size_t n = bench_worker_next(worker);
	bench_worker_room(worker, n);
	bench_worker_prepare(worker, n, prepare_fill);
	if (bench_worker_create(worker, n, BENCH_OK)) {
		worker->window_end += n;
	}
	return n;
}

/* ---- reading and renewing ----------------------------------------------------------------------------------------------- */

static void
visit(bench_worker_t *worker, size_t n, uint64_t expires_at) {
	for (size_t i = 0; i < n; i++) {
		const uint32_t at = bench_order_at(&worker->order, (uint32_t)worker->visited, 0);
		worker->visited = worker->visited + 1 < worker->leases ? worker->visited + 1 : 0;
		bench_worker_lease(worker, at, &worker->places[i]);
		worker->places[i].expires_at = expires_at;
	}
}

static void
prepare_reads(bench_worker_t *worker, size_t n) {
	visit(worker, n, 0);
}

static void
prepare_renewals(bench_worker_t *worker, size_t n) {
	visit(worker, n, ++worker->expires_at);
}

static size_t
step_get_address(bench_worker_t *worker) {
	const size_t n = bench_worker_next(worker);
	bench_worker_prepare(worker, n, prepare_reads);
	(void)bench_worker_get(worker, n, false);
	return n;
}

static size_t
step_get_client(bench_worker_t *worker) {
	const size_t n = bench_worker_next(worker);
	bench_worker_prepare(worker, n, prepare_reads);
	(void)bench_worker_get(worker, n, true);
	return n;
}

static size_t
step_renew(bench_worker_t *worker) {
	const size_t n = bench_worker_next(worker);
	bench_worker_room(worker, n);
	bench_worker_prepare(worker, n, prepare_renewals);
	(void)bench_worker_renew(worker, n);
	return n;
}

/* ---- churn -------------------------------------------------------------------------------------------------------------- */

static size_t
step_churn(bench_worker_t *worker) {
	const size_t n = bench_worker_next(worker);
	bench_worker_room(worker, n);
	const uint64_t from = worker->releasing ? worker->window_begin : worker->window_end;
	for (size_t i = 0; i < n; i++) {
		bench_worker_lease(worker, from + i, &worker->requests[i]);
		worker->requests[i].expires_at = worker->expires_at;
	}
	if (worker->releasing) {
		worker->window_begin += bench_worker_release(worker, n) ? n : 0;
	} else {
		worker->window_end += bench_worker_create(worker, n, BENCH_OK) ? n : 0;
	}
	worker->releasing = !worker->releasing;
	return n;
}

/* ---- allocating --------------------------------------------------------------------------------------------------------- */

static uint64_t
guests(const bench_worker_t *worker) {
	return worker->guests_end - worker->guests_begin;
}

/* Prepare the oldest guests for their release. */
static void
prepare_leaving(bench_worker_t *worker, size_t n) {
	for (size_t i = 0; i < n; i++) {
		const bench_guest_t *guest = &worker->guests[(worker->guests_begin + i) % worker->guests_max];
		worker->requests[i].address = guest->address;
		worker->requests[i].subnet = guest->subnet;
		bench_space_client(guest->client, &worker->requests[i]);
	}
}

/* New clients, in the scopes that the requests name. */
static void
prepare_arriving(bench_worker_t *worker, size_t n) {
	for (size_t i = 0; i < n; i++) {
		worker->requests[i].address = 0;
		worker->requests[i].expires_at = worker->expires_at;
		bench_space_client(bench_client_of(worker->number, worker->guests_ever + i), &worker->requests[i]);
	}
}

static void
welcome(bench_worker_t *worker, size_t n) {
	for (size_t i = 0; i < n; i++) {
		worker->guests[worker->guests_end++ % worker->guests_max] =
			(bench_guest_t){.client = bench_client_of(worker->number, worker->guests_ever++),
					.address = worker->requests[i].address,
					.subnet = worker->requests[i].subnet};
	}
}

/* The youngest leases of the window become guests, so that there is somebody to take an address from. */
static void
adopt(bench_worker_t *worker) {
	const uint64_t count = least(worker->guests_max, worker->window_end - worker->window_begin);
	worker->window_end -= count;
	for (uint64_t i = 0; i < count; i++) {
		bench_lease_t lease;
		const uint64_t at = worker->window_end + i;
		bench_worker_lease(worker, at, &lease);
		worker->guests[worker->guests_end++ % worker->guests_max] =
			(bench_guest_t){.client = bench_client_at(worker->first + (uint32_t)at, 0),
					.address = lease.address,
					.subnet = lease.subnet};
	}
}

/* Fill stays as it is: as many leave before, in the same scopes, which is not timed. */
static size_t
step_allocate(bench_worker_t *worker) {
	if (worker->guests_ever == 0 && guests(worker) == 0) {
		adopt(worker);
	}
	const size_t n = (size_t)least(bench_worker_next(worker), guests(worker));
	bench_worker_room(worker, n);
	prepare_leaving(worker, n);
	if (!bench_worker_vacate(worker, n)) {
		return n;
	}
	worker->guests_begin += n;
	bench_worker_leave_out(worker);
	prepare_arriving(worker, n);
	if (bench_worker_allocate(worker, n)) {
		welcome(worker, n);
	}
	return n;
}

/* ---- a day -------------------------------------------------------------------------------------------------------------- */

/* Any leases that were there from the beginning. */
static void
prepare_regulars(bench_worker_t *worker, size_t n, uint64_t expires_at) {
	for (size_t i = 0; i < n; i++) {
		const uint64_t at = (bench_random(&worker->random) >> 32) * worker->leases >> 32;
		bench_worker_lease(worker, at, &worker->requests[i]);
		worker->requests[i].expires_at = expires_at;
	}
}

static size_t
mixed_arrive(bench_worker_t *worker, size_t n) {
	bench_worker_room(worker, n);
	for (size_t i = 0; i < n; i++) {
		const uint32_t scope = (uint32_t)((worker->guests_ever + i) % worker->space->scopes);
		worker->requests[i].subnet =
			bench_space_subnet(worker->space, bench_order_at(&worker->space->scope_order, scope, 0));
	}
	prepare_arriving(worker, n);
	if (bench_worker_allocate(worker, n)) {
		welcome(worker, n);
	}
	return n;
}

static size_t
mixed_leave(bench_worker_t *worker, size_t n) {
	bench_worker_room(worker, n);
	prepare_leaving(worker, n);
	if (bench_worker_release(worker, n)) {
		worker->guests_begin += n;
	}
	return n;
}

/* Mornings end when there is no room for more guests, evenings when there are no guests. */
static size_t
mixed_come_or_go(bench_worker_t *worker, size_t n, bool often) {
	if (guests(worker) < n) {
		worker->shrinking = false;
	} else if (guests(worker) + n > worker->guests_max) {
		worker->shrinking = true;
	}
	const bool arrive = often != worker->shrinking ? guests(worker) + n <= worker->guests_max : guests(worker) < n;
	return arrive ? mixed_arrive(worker, n) : mixed_leave(worker, n);
}

static size_t
step_mixed(bench_worker_t *worker) {
	const size_t n = bench_worker_next(worker);
	const uint64_t percent = (bench_random(&worker->random) >> 32) * 100 >> 32;
	if (percent < 70) {
		bench_worker_room(worker, n);
		prepare_regulars(worker, n, ++worker->expires_at);
		(void)bench_worker_renew(worker, n);
	} else if (percent < 85) {
		prepare_regulars(worker, n, 0);
		(void)bench_worker_get(worker, n, percent & 1);
	} else {
		return mixed_come_or_go(worker, n, percent < 95);
	}
	return n;
}

/* ---- losing ------------------------------------------------------------------------------------------------------------- */

/* A new client wants an address that somebody has. */
static void
prepare_taken_addresses(bench_worker_t *worker, size_t n) {
	visit(worker, n, worker->expires_at);
	for (size_t i = 0; i < n; i++) {
		bench_space_client(bench_client_of(worker->number, bench_random(&worker->random)),
				   &worker->requests[i]);
	}
}

/* Somebody who has a lease wants a second one, at a free address of the same scope: positions of one scope are 'scopes' apart. */
static void
prepare_taken_clients(bench_worker_t *worker, size_t n) {
	const uint32_t scopes = worker->space->scopes;
	for (size_t i = 0; i < n; i++) {
		const uint64_t random = bench_random(&worker->random);
		const uint32_t free_at = worker->leases + (uint32_t)(random % (worker->slots - worker->leases));
		const uint32_t rest = free_at % scopes;
		const uint32_t choices = (worker->leases - 1 - rest) / scopes + 1;
		const uint32_t at = rest + (uint32_t)(random >> 32) % choices * scopes;
		bench_worker_lease(worker, free_at, &worker->requests[i]);
		bench_space_client(bench_client_at(worker->first + at, 0), &worker->requests[i]);
		worker->requests[i].expires_at = worker->expires_at;
	}
}

static size_t
step_conflict(bench_worker_t *worker) {
	const size_t n = bench_worker_next(worker);
	const bool by_client =
		worker->releasing && worker->slots > worker->leases && worker->leases >= worker->space->scopes;
	worker->releasing = !worker->releasing;
	if (by_client) {
		prepare_taken_clients(worker, n);
	} else {
		prepare_taken_addresses(worker, n);
	}
	(void)bench_worker_create(worker, n, by_client ? BENCH_CLIENT_TAKEN : BENCH_ADDRESS_TAKEN);
	return n;
}

/* ---- expiry ------------------------------------------------------------------------------------------------------------- */

static size_t
read_living(bench_worker_t *worker) {
	const size_t n = bench_worker_next(worker);
	for (size_t i = 0; i < n; i++) {
		const uint64_t at = (bench_random(&worker->random) >> 32) * worker->leases >> 32;
		bench_worker_lease(worker, at & ~UINT64_C(1), &worker->requests[i]);
		worker->requests[i].expires_at = 0;
	}
	(void)bench_worker_get(worker, n, false);
	return n;
}

static size_t
finish_expiry(bench_worker_t *worker) {
	worker->target = worker->ops;
	return 0;
}

size_t
bench_step_read_living(bench_worker_t *worker) {
	const bool more = worker->done != NULL && worker->ops < worker->leases;
	return more ? read_living(worker) : finish_expiry(worker);
}

/* A batch of addresses; when there are no more, all are done. */
static size_t
sweep(bench_worker_t *worker) {
	const bench_space_t *space = worker->space;
	size_t ended = 0;
	if (worker->swept >= space->slots) {
		return finish_expiry(worker);
	}
	bench_worker_room(worker, worker->batch);
	const uint32_t offset = (uint32_t)(worker->swept % space->pool);
	const uint32_t count = (uint32_t)least(worker->batch, space->pool - offset);
	const uint32_t first = bench_space_subnet(space, (uint32_t)(worker->swept / space->pool)) + offset;
	worker->swept += count;
	(void)bench_worker_expire(worker, first, first + (count - 1), &ended);
	return ended;
}

/* The first thread sweeps, the others read until it has finished, or failed. */
static size_t
step_expire(bench_worker_t *worker) {
	if (worker->number == 0) {
		const size_t ended = sweep(worker);
		if (worker->done != NULL && (!worker->good || worker->target == worker->ops)) {
			atomic_store_explicit(worker->done, true, memory_order_relaxed);
		}
		return ended;
	}
	/* At least once, or there is nothing to report. */
	const bool more =
		worker->done != NULL && (worker->ops == 0 || !atomic_load_explicit(worker->done, memory_order_relaxed));
	return more ? read_living(worker) : finish_expiry(worker);
}

/* ---- what there is ------------------------------------------------------------------------------------------------------ */

static const char *
refuse_expire(const bench_options_t *options) {
	return options->store->expire == NULL ? "cannot end what has expired" : NULL;
}

static const char *
refuse_restart(const bench_options_t *options) {
	if (!options->store->has_log) {
		return "has nothing to restart from";
	}
	return options->durability == BENCH_NONE ? "has nothing to restart from without durability" : NULL;
}

static const char *
refuse_snapshot(const bench_options_t *options) {
	if (options->store->snapshot == NULL) {
		return "cannot take a snapshot";
	}
	return options->durability == BENCH_NONE ? "takes no snapshot without durability" : NULL;
}

static const bench_workload_t create = {
	.name = "create", .fill_percent = 100, .prepares_ahead = true, .ops_per_lease = 1, .step = bench_step_fill};
static const bench_workload_t get_address = {.name = "get-address",
					     .fill_percent = 100,
					     .prefills = true,
					     .prepares_ahead = true,
					     .ops_per_lease = 1,
					     .step = step_get_address};
static const bench_workload_t get_client = {.name = "get-client",
					    .fill_percent = 100,
					    .prefills = true,
					    .prepares_ahead = true,
					    .ops_per_lease = 1,
					    .step = step_get_client};
static const bench_workload_t renew = {.name = "renew",
				       .fill_percent = 100,
				       .prefills = true,
				       .prepares_ahead = true,
				       .ops_per_lease = 1,
				       .step = step_renew};
static const bench_workload_t churn = {
	.name = "churn", .fill_percent = 90, .prefills = true, .ops_per_lease = 2, .step = step_churn};
static const bench_workload_t allocate = {.name = "allocate",
					  .fill_percent = 90,
					  .prefills = true,
					  .allocates = true,
					  .ops_per_lease = 1,
					  .step = step_allocate};
static const bench_workload_t mixed = {.name = "mixed",
				       .fill_percent = 80,
				       .prefills = true,
				       .allocates = true,
				       .grows = true,
				       .ops_per_lease = 1,
				       .step = step_mixed};
static const bench_workload_t conflict = {
	.name = "conflict", .fill_percent = 90, .prefills = true, .ops_per_lease = 1, .step = step_conflict};
static const bench_workload_t expire = {.name = "expire",
					.fill_percent = 100,
					.prefills = true,
					.half_expired = true,
					.lone = true,
					.step = step_expire,
					.course = bench_course_expire,
					.refusal = refuse_expire};
static const bench_workload_t restart = {.name = "restart",
					 .fill_percent = 100,
					 .lone = true,
					 .prefills = true,
					 .course = bench_course_restart,
					 .refusal = refuse_restart};
static const bench_workload_t snapshot = {.name = "snapshot",
					  .fill_percent = 80,
					  .prefills = true,
					  .allocates = true,
					  .grows = true,
					  .ops_per_lease = 1,
					  .step = step_mixed,
					  .course = bench_course_snapshot,
					  .refusal = refuse_snapshot};

const bench_workload_t *const bench_workloads[] = {&create, &get_address, &get_client, &renew,   &churn,    &allocate,
						   &mixed,  &conflict,    &expire,     &restart, &snapshot, NULL};
