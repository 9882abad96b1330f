/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points in time.
 *
 * A lease's times are kept exactly as Windows keeps them: an unsigned 64-bit count of 100-nanosecond ticks since
 * 1601-01-01 00:00 UTC (FILETIME; MS-DHCPM 2.2.1.2.11). Two values are special:
 *   LESSOR_TIME_NONE      no time was recorded. Not an error and not "expired".
 *   LESSOR_TIME_INFINITE  never.
 */
#ifndef LESSOR_TIME_H
#define LESSOR_TIME_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t lessor_filetime_t;

#define LESSOR_TIME_NONE             UINT64_C(0)
#define LESSOR_TIME_INFINITE         UINT64_C(0x7FFFFFFFFFFFFFFF)
#define LESSOR_TICKS_PER_SECOND      UINT64_C(10000000)
#define LESSOR_UNIX_EPOCH_FILETIME_S UINT64_C(11644473600) /* seconds from 1601 to 1970 */

/* Unix seconds to FILETIME ticks. Seconds before 1601 become 1 tick; beyond the range: LESSOR_TIME_INFINITE. Pure. */
static inline lessor_filetime_t
lessor_time_from_unix_s(int64_t unix_s) {
	int64_t since_1601_s;
	if (unix_s <= -(int64_t)LESSOR_UNIX_EPOCH_FILETIME_S) {
		return 1;
	}
	if (unix_s > INT64_C(910692730085)) {
		return LESSOR_TIME_INFINITE;
	}
	since_1601_s = unix_s + (int64_t)LESSOR_UNIX_EPOCH_FILETIME_S;
	return (lessor_filetime_t)since_1601_s * LESSOR_TICKS_PER_SECOND;
}

/* FILETIME ticks to Unix seconds, rounded down. Pure. */
static inline int64_t
lessor_time_to_unix_s(lessor_filetime_t filetime) {
	return (int64_t)(filetime / LESSOR_TICKS_PER_SECOND) - (int64_t)LESSOR_UNIX_EPOCH_FILETIME_S;
}

/* The wall clock now, as FILETIME. Callable from anywhere. Cost: one clock_gettime. */
lessor_filetime_t lessor_time_now(void);

#ifdef __cplusplus
}
#endif

#endif
