/* SPDX-License-Identifier: Apache-2.0 */
#include "scope_load.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <lessor/lessor.h>

#include "base/clock.h"
#include "bench.h"

#define ENDING_SUBNET UINT32_C(0x0A000000)
#define ENDING_MASK   UINT32_C(0xFFE00000)
#define OTHER_SUBNET  UINT32_C(0xC0A80000)
#define OTHER_MASK    UINT32_C(0xFFFF0000)
#define OTHER_LEASES  UINT32_C(32768)
#define LONG_US       1000.0

struct bench_scope {
	lessor_engine_t *engine;
	atomic_bool over;
	bool writes;
	bench_stall_t stall;
};

static bool
add_scope(lessor_engine_t *engine, uint32_t subnet, uint32_t mask) {
	const lessor_scope_t scope = {
		.subnet = subnet, .mask = mask, .has_range = true, .range = {subnet, subnet | ~mask}};
	return lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL) == LESSOR_OK;
}

static lessor_status_t
add_lease(lessor_engine_t *engine, uint32_t subnet, uint32_t number) {
	lessor_lease_t lease;
	lessor_lease_init(&lease);
	const uint64_t id = bench_mix(number);
	lease.address = subnet + number;
	lease.client_id = (const uint8_t *)&id;
	lease.client_id_bytes = sizeof(id);
	return lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL);
}

static bool
add_leases(lessor_engine_t *engine, uint32_t subnet, uint32_t leases) {
	lessor_status_t status = LESSOR_OK;
	for (uint32_t number = 0; number < leases && status == LESSOR_OK; number++) {
		status = add_lease(engine, subnet, number);
	}
	return status == LESSOR_OK;
}

bench_scope_t *
bench_scope_new(void) {
	lessor_options_t options;
	bench_scope_t *scope = calloc(1, sizeof(*scope));
	lessor_options_init(&options);
	options.log = false;
	if (scope == NULL || lessor_open(NULL, &options, &scope->engine, NULL) != LESSOR_OK ||
	    !add_scope(scope->engine, OTHER_SUBNET, OTHER_MASK) ||
	    !add_leases(scope->engine, OTHER_SUBNET, OTHER_LEASES)) {
		bench_scope_free(scope);
		return NULL;
	}
	return scope;
}

void
bench_scope_free(bench_scope_t *scope) {
	if (scope != NULL && scope->engine != NULL) {
		(void)lessor_close(&scope->engine);
	}
	free(scope);
}

bool
bench_scope_fill(bench_scope_t *scope, uint32_t leases) {
	return add_scope(scope->engine, ENDING_SUBNET, ENDING_MASK) && add_leases(scope->engine, ENDING_SUBNET, leases);
}

static long
preemptions(void) {
	struct rusage usage;
	return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nivcsw : 0;
}

/* One call in the other scope. */
static void
call(const bench_scope_t *scope, uint64_t number) {
	lessor_lease_t lease;
	uint8_t buffer[64];
	const uint32_t spot = (uint32_t)bench_mix(number) % OTHER_LEASES;
	if (!scope->writes) {
		(void)lessor_lease_get(scope->engine, OTHER_SUBNET + spot, &lease, buffer, sizeof(buffer));
	} else if (add_lease(scope->engine, OTHER_SUBNET, OTHER_LEASES + spot) != LESSOR_OK) {
		(void)lessor_lease_delete(scope->engine, OTHER_SUBNET + OTHER_LEASES + spot, NULL, 0, LESSOR_ASYNC,
					  NULL);
	}
}

static void *
watch(void *argument) {
	bench_scope_t *scope = argument;
	bench_stall_t *stall = &scope->stall;
	while (!atomic_load_explicit(&scope->over, memory_order_relaxed)) {
		const long before = preemptions();
		const uint64_t began_ns = lsr_clock_ns();
		call(scope, stall->calls++);
		const double us = (double)(lsr_clock_ns() - began_ns) / 1e3;
		stall->longest_us = us > stall->longest_us ? us : stall->longest_us;
		if (us > LONG_US) {
			stall->long_calls++;
			stall->preempted_calls += preemptions() != before;
		}
	}
	return NULL;
}

bench_stall_t
bench_scope_watch(bench_scope_t *scope, bool writes, bool ends, double seconds) {
	pthread_t thread;
	scope->writes = writes;
	scope->stall = (bench_stall_t){0};
	atomic_store(&scope->over, false);
	if (pthread_create(&thread, NULL, watch, scope) != 0) {
		abort();
	}
	const uint64_t began_ns = lsr_clock_ns();
	if (ends) {
		(void)lessor_scope_delete(scope->engine, ENDING_SUBNET, true, LESSOR_ASYNC, NULL);
	} else {
		const struct timespec pause = {.tv_sec = (time_t)seconds,
					       .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
		(void)nanosleep(&pause, NULL);
	}
	scope->stall.seconds = (double)(lsr_clock_ns() - began_ns) / 1e9;
	atomic_store(&scope->over, true);
	(void)pthread_join(thread, NULL);
	return scope->stall;
}
