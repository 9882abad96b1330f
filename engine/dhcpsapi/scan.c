/* SPDX-License-Identifier: Apache-2.0 */
/* The self-check of one scope (MS-DHCPM 3.1.4.28): leases against the map of taken addresses, and against reservations. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <lessor/dhcpsapi.h>
#include <lessor/reservation.h>
#include <lessor/stats.h>

#include "dhcpsapi/binding.h"
#include "dhcpsapi/call.h"
#include "dhcpsapi/page.h"

/* How many discrepancies are asked for at a time. A sound scope has none. */
#define LSR_SCAN_AT_ONCE 256u

static void
add_item(lsr_page_t *page, uint32_t address, DHCP_SCAN_FLAG flag) {
	const DHCP_SCAN_ITEM item = {.IpAddress = address, .ScanFlag = flag};
	lsr_page_add(page, &item);
}

static lessor_status_t
gather_discrepancies(const lsr_binding_t *binding, uint32_t subnet, bool repair, lsr_page_t *page) {
	lessor_discrepancy_t found[LSR_SCAN_AT_ONCE];
	size_t count = LSR_SCAN_AT_ONCE;
	for (uint64_t from = 0; count == LSR_SCAN_AT_ONCE && from <= UINT32_MAX;) {
		const lessor_status_t status = lessor_scope_scan(binding->engine, subnet, (uint32_t)from, repair, found,
								 LSR_SCAN_AT_ONCE, &count);
		if (status != LESSOR_OK) {
			return status;
		}
		for (size_t i = 0; i < count; i++) {
			add_item(page, found[i].address, found[i].has_lease ? DhcpRegistryFix : DhcpDatabaseFix);
			from = (uint64_t)found[i].address + 1;
		}
	}
	return LESSOR_OK;
}

static lessor_status_t
gather_reservations(const lsr_binding_t *binding, uint32_t subnet, lsr_page_t *page) {
	uint8_t client_id[LESSOR_CLIENT_ID_MAX_BYTES];
	lessor_reservation_t reservation;
	lessor_status_t status = LESSOR_OK;
	for (uint64_t from = 0; status == LESSOR_OK && from <= UINT32_MAX; from = (uint64_t)reservation.address + 1) {
		status = lessor_reservation_next(binding->engine, subnet, (uint32_t)from, &reservation, client_id,
						 sizeof(client_id));
		if (status == LESSOR_OK && !reservation.has_lease) {
			add_item(page, reservation.address, DhcpDatabaseFix);
		}
	}
	/* Without its scope there is nothing to say: it was deleted in between. */
	return status == LESSOR_END || status == LESSOR_NO_SCOPE ? LESSOR_OK : status;
}

static int
by_address(const void *a, const void *b) {
	const DHCP_SCAN_ITEM *left = a;
	const DHCP_SCAN_ITEM *right = b;
	return (left->IpAddress > right->IpAddress) - (left->IpAddress < right->IpAddress);
}

static lessor_status_t
scan(const lsr_binding_t *binding, uint32_t subnet, bool repair, LPDHCP_SCAN_LIST *list) {
	lsr_page_t page;
	void *result;
	lsr_page_begin(&page, sizeof(DHCP_SCAN_ITEM), LSR_PAGE_EVERYTHING);
	lessor_status_t status = gather_discrepancies(binding, subnet, repair, &page);
	if (status == LESSOR_OK) {
		status = gather_reservations(binding, subnet, &page);
	}
	if (status != LESSOR_OK) {
		lsr_page_discard(&page);
		return status;
	}
	if (page.count > 1) {
		qsort(page.items, page.count, page.item_bytes, by_address);
	}
	status = lsr_page_finish(&page, &result);
	if (status == LESSOR_OK) {
		*list = result;
	}
	return status;
}

DWORD DHCP_API_FUNCTION
DhcpScanDatabase(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress, DWORD FixFlag,
		 LPDHCP_SCAN_LIST *ScanList) {
	static const lsr_codes_t codes = {.missing = ERROR_DHCP_SUBNET_NOT_PRESENT};
	lsr_binding_t *binding;
	if (ScanList == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	*ScanList = NULL;
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READWRITE, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	return lsr_call_end(binding, scan(binding, SubnetAddress, FixFlag != 0, ScanList), &codes);
}
