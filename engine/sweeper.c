/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases end by the wall clock, so a clock that is wrong for a moment would remove them all. The thread compares the two clocks and leaves out the round in which they have
 * gone apart: a jump that lasts takes effect one interval later.
 *
 * Between two slices it rests, so that it takes no more than about half of a processor however much there is to remove.
 */
#include "sweeper.h"

#include <time.h>

#include "base/clock.h"
#include "base/thread.h"

#define SLICE   1024u
#define REST_NS 100000L

bool
lsr_sweeper_is_steady(lsr_sweeper_t *sweeper, lessor_filetime_t wall, uint64_t monotonic_ns) {
	const uint64_t expected = sweeper->wall + (monotonic_ns - sweeper->monotonic_ns) / 100;
	const uint64_t apart = wall > expected ? wall - expected : expected - wall;
	sweeper->wall = wall;
	sweeper->monotonic_ns = monotonic_ns;
	return apart <= LESSOR_TICKS_PER_SECOND;
}

static bool
is_to_stop(lsr_sweeper_t *sweeper) {
	(void)pthread_mutex_lock(&sweeper->lock);
	const bool stops = sweeper->stops;
	(void)pthread_mutex_unlock(&sweeper->lock);
	return stops;
}

static void
rest(void) {
	const struct timespec pause = {.tv_nsec = REST_NS};
	(void)nanosleep(&pause, NULL);
}

/* Everything once. A failure is told to whoever changes something next; the sweep tries again in the next round. */
static void
sweep_all(lsr_sweeper_t *sweeper) {
	lessor_cursor_t cursor;
	lessor_cursor6_t cursor6;
	lessor_engine_t *engine = sweeper->engine;
	const lessor_filetime_t now = sweeper->wall;
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	while (!is_to_stop(sweeper) &&
	       lessor_expire(engine, now, &sweeper->options, &cursor, NULL, LESSOR_ASYNC, NULL) == LESSOR_OK) {
		rest();
	}
	lessor_cursor6_init(&cursor6, (lessor_address6_t){0, 0}, (lessor_address6_t){UINT64_MAX, UINT64_MAX});
	while (!is_to_stop(sweeper) &&
	       lessor_expire6(engine, now, &sweeper->options, &cursor6, NULL, LESSOR_ASYNC, NULL) == LESSOR_OK) {
		rest();
	}
}

/* Sleep for an interval. False: it is to stop. */
static bool
sleep_on(lsr_sweeper_t *sweeper) {
	struct timespec until;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)sweeper->interval_s;
	int result = 0;
	(void)pthread_mutex_lock(&sweeper->lock);
	while (!sweeper->stops && result == 0) {
		result = pthread_cond_timedwait(&sweeper->wakes, &sweeper->lock, &until);
	}
	const bool goes_on = !sweeper->stops;
	(void)pthread_mutex_unlock(&sweeper->lock);
	return goes_on;
}

static void *
run(void *argument) {
	lsr_sweeper_t *sweeper = argument;
	while (sleep_on(sweeper)) {
		if (lsr_sweeper_is_steady(sweeper, lessor_time_now(), lsr_clock_ns())) {
			sweep_all(sweeper);
		}
	}
	return NULL;
}

bool
lsr_sweeper_start(lsr_sweeper_t *sweeper, lessor_engine_t *engine, const lessor_options_t *options) {
	pthread_condattr_t attributes;
	sweeper->engine = engine;
	sweeper->interval_s = options->sweep_interval_s;
	lessor_expire_options_init(&sweeper->options);
	sweeper->options.limit = SLICE;
	sweeper->options.grace_s = options->sweep_grace_s;
	sweeper->options.doom_s = options->sweep_doom_s != 0 ? options->sweep_doom_s : LESSOR_DEFAULT_DOOM_S;
	sweeper->wall = lessor_time_now();
	sweeper->monotonic_ns = lsr_clock_ns();
	(void)pthread_mutex_init(&sweeper->lock, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&sweeper->wakes, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	sweeper->runs = lsr_thread_start(&sweeper->thread, run, sweeper);
	if (!sweeper->runs) {
		(void)pthread_cond_destroy(&sweeper->wakes);
		(void)pthread_mutex_destroy(&sweeper->lock);
	}
	return sweeper->runs;
}

void
lsr_sweeper_stop(lsr_sweeper_t *sweeper) {
	if (!sweeper->runs) {
		return;
	}
	(void)pthread_mutex_lock(&sweeper->lock);
	sweeper->stops = true;
	(void)pthread_cond_signal(&sweeper->wakes);
	(void)pthread_mutex_unlock(&sweeper->lock);
	(void)pthread_join(sweeper->thread, NULL);
	(void)pthread_cond_destroy(&sweeper->wakes);
	(void)pthread_mutex_destroy(&sweeper->lock);
	sweeper->runs = false;
}
