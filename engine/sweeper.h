/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's own sweep: a thread that removes the leases whose time is over, once in each interval. */
#ifndef LSR_SWEEPER_H
#define LSR_SWEEPER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <lessor/engine.h>
#include <lessor/expire.h>

typedef struct lsr_sweeper {
	lessor_engine_t *engine;
	uint32_t interval_s;
	lessor_expire_options_t options;
	pthread_mutex_t lock;
	pthread_cond_t wakes; /* by the monotonic clock */
	pthread_t thread;
	bool runs;
	bool stops; /* lock */
	/* Of its last round, to tell when the wall clock jumps. */
	lessor_filetime_t wall;
	uint64_t monotonic_ns;
} lsr_sweeper_t;

/* False: no thread is to be had. */
bool lsr_sweeper_start(lsr_sweeper_t *sweeper, lessor_engine_t *engine, const lessor_options_t *options);

/* While the log still takes records. All zero is one that never ran. */
void lsr_sweeper_stop(lsr_sweeper_t *sweeper);

/* Has the wall clock, at these times, gone on as the monotonic one since the last call? What is remembered moves on. */
bool lsr_sweeper_is_steady(lsr_sweeper_t *sweeper, lessor_filetime_t wall, uint64_t monotonic_ns);

#endif
