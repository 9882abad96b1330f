/* SPDX-License-Identifier: Apache-2.0 */
/* How long a tick is. See clock.h. */
#include "clock.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define SHORTEST_NS UINT64_C(20000000)

bool bench_clock_counts;

static uint64_t first_ticks;
static uint64_t first_ns;

/* The counter runs at one speed, whatever the processor does, and does not stop in idle states. */
static bool
counter_is_even(void) {
#if defined(__x86_64__)
	unsigned a;
	unsigned b;
	unsigned c;
	unsigned d;
	return __get_cpuid(0x80000007, &a, &b, &c, &d) == 1 && (d & (1u << 8)) != 0;
#else
	return false;
#endif
}

void
bench_clock_begin(void) {
	bench_clock_counts = counter_is_even();
	first_ns = bench_clock_ns();
	first_ticks = bench_ticks();
	if (bench_clock_counts) {
		const struct timespec pause = {.tv_nsec = (long)SHORTEST_NS};
		(void)nanosleep(&pause, NULL);
	}
}

double
bench_clock_ns_per_tick(void) {
	if (!bench_clock_counts) {
		return 1.0;
	}
	const uint64_t ns = bench_clock_ns() - first_ns;
	return (double)ns / (double)(bench_ticks() - first_ticks);
}
