/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks: monotonic for waiting, wall for leases (lessor_time_now() in <lessor/time.h>). */
#ifndef LSR_CLOCK_H
#define LSR_CLOCK_H

#include <stdint.h>

/* Nanoseconds of the monotonic clock. */
uint64_t lsr_clock_ns(void);

/* Unix seconds of the wall clock, as the log notes them: 32 bits, 0 only if the clock says nothing that fits. */
uint32_t lsr_clock_unix_s(void);

#endif
