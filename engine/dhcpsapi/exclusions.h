/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of a scope's exclusions. */
#ifndef LSR_DHCPSAPI_EXCLUSIONS_H
#define LSR_DHCPSAPI_EXCLUSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lessor/scope.h>

typedef struct lsr_exclusions {
	lessor_range_t *ranges; /* ascending */
	size_t count;
} lsr_exclusions_t;

/* Returns: LESSOR_OK; LESSOR_NOT_FOUND; LESSOR_NO_MEMORY; LESSOR_FORKED. Free it in any case. */
lessor_status_t lsr_exclusions_read(lessor_engine_t *engine, uint32_t subnet, lsr_exclusions_t *exclusions);

void lsr_exclusions_free(lsr_exclusions_t *exclusions);

bool lsr_exclusions_contain(const lsr_exclusions_t *exclusions, uint32_t address);

#endif
