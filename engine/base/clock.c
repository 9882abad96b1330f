/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <lessor/time.h>

#include <time.h>

uint64_t
lsr_clock_ns(void) {
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

uint32_t
lsr_clock_unix_s(void) {
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec > 0 && now.tv_sec <= (time_t)UINT32_MAX ? (uint32_t)now.tv_sec : 0;
}

lessor_filetime_t
lessor_time_now(void) {
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return lessor_time_from_unix_s(now.tv_sec) + (uint64_t)now.tv_nsec / 100;
}
