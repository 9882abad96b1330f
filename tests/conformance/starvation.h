/* SPDX-License-Identifier: Apache-2.0 */
/* Let this thread's allocations fail after so many of them. */
#ifndef LESSOR_CONFORMANCE_STARVATION_H
#define LESSOR_CONFORMANCE_STARVATION_H

#ifdef __cplusplus
extern "C" {
#endif

#define STARVE_NEVER (-1)

void starve(int allocations);

#ifdef __cplusplus
}
#endif

#endif
