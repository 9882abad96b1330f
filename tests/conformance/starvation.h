/* SPDX-License-Identifier: Apache-2.0 */
/* Let this thread's allocations fail, or work again. */
#ifndef LESSOR_CONFORMANCE_STARVATION_H
#define LESSOR_CONFORMANCE_STARVATION_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

void starve(bool wanted);

#ifdef __cplusplus
}
#endif

#endif
