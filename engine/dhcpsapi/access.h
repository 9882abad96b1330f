/* SPDX-License-Identifier: Apache-2.0 */
/* What this process may do, by its Unix groups. */
#ifndef LSR_DHCPSAPI_ACCESS_H
#define LSR_DHCPSAPI_ACCESS_H

#include <lessor/dhcpsapi.h>

/*
 * Replace LESSOR_ACCESS_BY_GROUP by what it comes to now; leave the other levels as they are.
 * Returns: LESSOR_OK; LESSOR_NO_MEMORY; LESSOR_IO (the group database cannot be read). *access is untouched then.
 */
lessor_status_t lsr_access_resolve(lessor_access_t *access);

#endif
