/* SPDX-License-Identifier: Apache-2.0 */
/* From DHCP_SEARCH_INFO to the lease it means. */
#ifndef LSR_DHCPSAPI_SEARCH_H
#define LSR_DHCPSAPI_SEARCH_H

#include <stdbool.h>

#include <lessor/dhcpsapi.h>
#include <lessor/lease.h>

/* A lease and the memory its texts lie in: here for common ones, elsewhere for long ones. Not to be copied. */
typedef struct lsr_search_hit {
	lessor_lease_t lease;
	void *long_texts;
	unsigned char texts[512];
} lsr_search_hit_t;

/* A search by name that gives no name: the one mistake that some calls look for before they look at access. */
bool lsr_search_lacks_name(const DHCP_SEARCH_INFO *search);

/*
 * Find the lease.
 * Ensures: on LESSOR_OK 'found' holds it until lsr_search_release(); otherwise there is nothing to release.
 * Returns: LESSOR_OK; LESSOR_INVALID (the search is malformed); LESSOR_NOT_FOUND; LESSOR_NO_SCOPE (the subnet in a
 *          unique ID is none); LESSOR_NO_MEMORY; LESSOR_FORKED.
 */
lessor_status_t lsr_search_find(lessor_engine_t *engine, const DHCP_SEARCH_INFO *search, lsr_search_hit_t *found);

/*
 * Put the unique ID of a client of a scope into 'buffer', which has room for LESSOR_DHCPSAPI_UNIQUE_ID_MAX_BYTES and
 * may hold the client id. Returns its bytes.
 */
size_t lsr_unique_id_write(uint32_t subnet, const uint8_t *client_id, size_t client_id_bytes, BYTE *buffer);

void lsr_search_release(lsr_search_hit_t *found);

#endif
