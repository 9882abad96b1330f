/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks: monotonic for waiting, wall for leases (lessor_time_now() in <lessor/time.h>). */
#ifndef LSR_CLOCK_H
#define LSR_CLOCK_H

#include <stdint.h>

/* Nanoseconds of the monotonic clock. */
uint64_t lsr_clock_ns(void);

#endif
