/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of a scope's exclusions. */
#include "dhcpsapi/exclusions.h"

#include <stdlib.h>

lessor_status_t
lsr_exclusions_read(lessor_engine_t *engine, uint32_t subnet, lsr_exclusions_t *exclusions) {
	exclusions->count = 0;
	exclusions->ranges = malloc(LESSOR_SCOPE_MAX_EXCLUSIONS * sizeof(exclusions->ranges[0]));
	if (exclusions->ranges == NULL) {
		return LESSOR_NO_MEMORY;
	}
	return lessor_scope_exclusions(engine, subnet, exclusions->ranges, LESSOR_SCOPE_MAX_EXCLUSIONS,
				       &exclusions->count);
}

void
lsr_exclusions_free(lsr_exclusions_t *exclusions) {
	free(exclusions->ranges);
	exclusions->ranges = NULL;
}

bool
lsr_exclusions_contain(const lsr_exclusions_t *exclusions, uint32_t address) {
	for (size_t i = 0; i < exclusions->count && exclusions->ranges[i].first <= address; i++) {
		if (exclusions->ranges[i].last >= address) {
			return true;
		}
	}
	return false;
}
