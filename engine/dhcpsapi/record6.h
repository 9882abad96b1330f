/* SPDX-License-Identifier: Apache-2.0 */
/* Between a native IPv6 lease and DHCP_CLIENT_INFO_V6. */
#ifndef LSR_DHCPSAPI_RECORD6_H
#define LSR_DHCPSAPI_RECORD6_H

#include <stdbool.h>

#include <lessor/dhcpsapi.h>
#include <lessor/lease6.h>

#include "dhcpsapi/block.h"
#include "dhcpsapi/record.h"
#include "dhcpsapi/utf16.h"

static inline lessor_address6_t
lsr_address6_from(DHCP_IPV6_ADDRESS address) {
	return (lessor_address6_t){.high = address.HighOrderBits, .low = address.LowOrderBits};
}

static inline DHCP_IPV6_ADDRESS
lsr_address6_to(lessor_address6_t address) {
	return (DHCP_IPV6_ADDRESS){.HighOrderBits = address.high, .LowOrderBits = address.low};
}

static inline bool
lsr_ipv6_is_zero(DHCP_IPV6_ADDRESS address) {
	return address.HighOrderBits == 0 && address.LowOrderBits == 0;
}

static inline bool
lsr_address6_is_below(lessor_address6_t a, lessor_address6_t b) {
	return a.high != b.high ? a.high < b.high : a.low < b.low;
}

/* To the next address. False: this is the last one there is. */
static inline bool
lsr_address6_step(lessor_address6_t *address) {
	address->low++;
	address->high += address->low == 0;
	return address->high != 0 || address->low != 0;
}

/* Has it 1 to 256 bytes? Does not look at them. */
bool lsr_client6_duid_ok(const DHCP_CLIENT_UID *duid);

/* A native lease and the texts it points to. Not to be copied. */
typedef struct lsr_client6_record {
	lessor_lease6_t lease;
	char name[LSR_UTF8_BYTES(LSR_NAME_MAX_UNITS)];
	char comment[LSR_UTF8_BYTES(LSR_NAME_MAX_UNITS)];
} lsr_client6_record_t;

/* Translate what a caller gave. The DUID stays the caller's memory. Returns: LESSOR_OK; LESSOR_INVALID. */
lessor_status_t lsr_client6_record_from_info(lsr_client6_record_t *record, const DHCP_CLIENT_INFO_V6 *info);

/* Make the server its owner: the IPv6 address that 'server' spells, or none. */
void lsr_client6_record_own(lsr_client6_record_t *record, LPCWSTR server);

/* Translate a lease into a result of one piece. Returns: LESSOR_OK; LESSOR_NO_MEMORY; LESSOR_DAMAGED. */
lessor_status_t lsr_client6_record_to_info(const lessor_lease6_t *lease, void **info);

/* For arrays: what a lease costs in a page, and the structure as a part of a block. */
size_t lsr_client6_record_page_bytes(const lessor_lease6_t *lease);
DHCP_CLIENT_INFO_V6 *lsr_client6_record_part(lsr_block_t *block, const lessor_lease6_t *lease);

#endif
