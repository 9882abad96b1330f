/* SPDX-License-Identifier: Apache-2.0 */
/* What is in an IPv6 scope: exclusions and reservations. The range is the whole /64, so there is nothing to say of it. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <lessor/dhcpsapi.h>
#include <lessor/lease6.h>
#include <lessor/scope6.h>
#include <lessor/time.h>

#include "dhcpsapi/binding.h"
#include "dhcpsapi/block.h"
#include "dhcpsapi/call.h"
#include "dhcpsapi/page.h"
#include "dhcpsapi/record6.h"

/* In this family a missing scope is a missing file. */
static const lsr_codes_t codes = {.no_scope = ERROR_FILE_NOT_FOUND,
				  .missing = ERROR_FILE_NOT_FOUND,
				  .exists = ERROR_DUPLICATE_TAG,
				  .conflict = ERROR_DUPLICATE_TAG,
				  .reserved = ERROR_DHCP_RESERVEDIP_EXITS};

/*
 * The part of a range that lies inside a prefix. False: there is none, or it is inverted. Such an exclusion excludes nothing.
 */
static bool
range_inside(uint64_t prefix, const DHCP_IP_RANGE_V6 *range, lessor_range6_t *inside) {
	const uint64_t first = range->StartAddress.HighOrderBits;
	const uint64_t last = range->EndAddress.HighOrderBits;
	if (lsr_address6_is_below(lsr_address6_from(range->EndAddress), lsr_address6_from(range->StartAddress)) ||
	    first > prefix || last < prefix) {
		return false;
	}
	*inside = (lessor_range6_t){.first = first == prefix ? range->StartAddress.LowOrderBits : 0,
				    .last = last == prefix ? range->EndAddress.LowOrderBits : UINT64_MAX};
	return true;
}

/* The scope must be there, whatever is to be done in it. */
static lessor_status_t
require_scope(const lsr_binding_t *binding, uint64_t prefix) {
	lessor_scope6_t scope;
	return lessor_scope6_get(binding->engine, prefix, &scope, NULL, 0);
}

/*
 * Add.
 */

static lessor_status_t
exclude(const lsr_binding_t *binding, uint64_t prefix, const DHCP_IP_RANGE_V6 *range) {
	lessor_range6_t inside;
	if (range == NULL) {
		return LESSOR_INVALID;
	}
	return range_inside(prefix, range, &inside)
		       ? lessor_scope6_exclude(binding->engine, prefix, inside, binding->mode, NULL)
		       : LESSOR_OK;
}

static lessor_status_t
reserve(const lsr_binding_t *binding, uint64_t prefix, const DHCP_IP_RESERVATION_V6 *given) {
	if (given == NULL || given->ReservedForClient == NULL || !lsr_client6_duid_ok(given->ReservedForClient)) {
		return LESSOR_INVALID;
	}
	const lessor_reservation6_t reservation = {.address = lsr_address6_from(given->ReservedIpAddress),
						   .duid = given->ReservedForClient->Data,
						   .duid_bytes = (uint16_t)given->ReservedForClient->DataLength,
						   .iaid = given->InterfaceId};
	return lessor_reservation6_create(binding->engine, prefix, &reservation, binding->mode, NULL);
}

static lessor_status_t
add(const lsr_binding_t *binding, uint64_t prefix, const DHCP_SUBNET_ELEMENT_DATA_V6 *element) {
	const lessor_status_t status = require_scope(binding, prefix);
	if (status != LESSOR_OK) {
		return status;
	}
	switch (element->ElementType) {
	case Dhcpv6IpRanges:
		return LESSOR_OK;
	case Dhcpv6ReservedIps:
		return reserve(binding, prefix, element->Element.ReservedIp);
	case Dhcpv6ExcludedIpRanges:
		return exclude(binding, prefix, element->Element.ExcludeIpRange);
	default:
		return LESSOR_INVALID;
	}
}

DWORD DHCP_API_FUNCTION
DhcpAddSubnetElementV6(LPWSTR ServerIpAddress, DHCP_IPV6_ADDRESS SubnetAddress,
		       LPDHCP_SUBNET_ELEMENT_DATA_V6 AddElementInfo) {
	lsr_binding_t *binding;
	if (AddElementInfo == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READWRITE, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	return lsr_call_end(binding, add(binding, SubnetAddress.HighOrderBits, AddElementInfo), &codes);
}

/*
 * Remove.
 */

static lessor_status_t
include(const lsr_binding_t *binding, uint64_t prefix, const DHCP_IP_RANGE_V6 *range) {
	lessor_range6_t inside;
	if (range == NULL) {
		return LESSOR_INVALID;
	}
	return range_inside(prefix, range, &inside)
		       ? lessor_scope6_include(binding->engine, prefix, inside, binding->mode, NULL)
		       : LESSOR_NOT_FOUND;
}

static lessor_status_t
unreserve(const lsr_binding_t *binding, uint64_t prefix, const DHCP_IP_RESERVATION_V6 *given) {
	if (given == NULL) {
		return LESSOR_INVALID;
	}
	return lessor_reservation6_delete(binding->engine, prefix, lsr_address6_from(given->ReservedIpAddress),
					  lessor_time_now(), binding->mode, NULL);
}

static lessor_status_t
remove_element(const lsr_binding_t *binding, uint64_t prefix, const DHCP_SUBNET_ELEMENT_DATA_V6 *element) {
	const lessor_status_t status = require_scope(binding, prefix);
	if (status != LESSOR_OK) {
		return status;
	}
	switch (element->ElementType) {
	case Dhcpv6IpRanges:
		return LESSOR_OK;
	case Dhcpv6ReservedIps:
		return unreserve(binding, prefix, element->Element.ReservedIp);
	case Dhcpv6ExcludedIpRanges:
		return include(binding, prefix, element->Element.ExcludeIpRange);
	default:
		return LESSOR_INVALID;
	}
}

DWORD DHCP_API_FUNCTION
DhcpRemoveSubnetElementV6(LPWSTR ServerIpAddress, DHCP_IPV6_ADDRESS SubnetAddress,
			  LPDHCP_SUBNET_ELEMENT_DATA_V6 RemoveElementInfo, DHCP_FORCE_FLAG ForceFlag) {
	lsr_binding_t *binding;
	(void)ForceFlag;
	if (RemoveElementInfo == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READWRITE, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	return lsr_call_end(binding, remove_element(binding, SubnetAddress.HighOrderBits, RemoveElementInfo), &codes);
}

/*
 * Enumerate.
 */

static void
add_exclusion(lsr_page_t *page, uint64_t prefix, lessor_range6_t range) {
	DHCP_IP_RANGE_V6 *part;
	if (!lsr_page_reaches(page) || !lsr_page_fits(page, sizeof(DHCP_SUBNET_ELEMENT_DATA_V6) + sizeof(*part)) ||
	    (part = lsr_block_take(&page->block, sizeof(*part))) == NULL) {
		return;
	}
	part->StartAddress = (DHCP_IPV6_ADDRESS){.HighOrderBits = prefix, .LowOrderBits = range.first};
	part->EndAddress = (DHCP_IPV6_ADDRESS){.HighOrderBits = prefix, .LowOrderBits = range.last};
	const DHCP_SUBNET_ELEMENT_DATA_V6 element = {.ElementType = Dhcpv6ExcludedIpRanges,
						     .Element = {.ExcludeIpRange = part}};
	lsr_page_add(page, &element);
}

/* They may become more between asking how many there are and asking which. */
static lessor_status_t
fill_exclusions(lessor_engine_t *engine, uint64_t prefix, lsr_page_t *page) {
	size_t count = 0;
	lessor_range6_t *ranges = NULL;
	lessor_status_t status = lessor_scope6_exclusions(engine, prefix, NULL, 0, &count);
	while (status == LESSOR_BUFFER_TOO_SMALL || (status == LESSOR_OK && ranges == NULL && count > 0)) {
		const size_t capacity = count;
		free(ranges);
		ranges = calloc(capacity, sizeof(*ranges));
		status = ranges != NULL ? lessor_scope6_exclusions(engine, prefix, ranges, capacity, &count)
					: LESSOR_NO_MEMORY;
	}
	for (size_t i = 0; status == LESSOR_OK && i < count; i++) {
		add_exclusion(page, prefix, ranges[i]);
	}
	free(ranges);
	return status;
}

static void
add_reservation(lsr_page_t *page, const lessor_reservation6_t *reservation) {
	DHCP_IP_RESERVATION_V6 *part;
	DHCP_CLIENT_UID *duid;
	if (!lsr_page_reaches(page) ||
	    !lsr_page_fits(page, sizeof(DHCP_SUBNET_ELEMENT_DATA_V6) + sizeof(*part) + sizeof(*duid) +
					 reservation->duid_bytes) ||
	    (part = lsr_block_take(&page->block, sizeof(*part))) == NULL ||
	    (duid = lsr_block_take(&page->block, sizeof(*duid))) == NULL) {
		return;
	}
	duid->DataLength = reservation->duid_bytes;
	duid->Data = lsr_block_bytes(&page->block, reservation->duid, reservation->duid_bytes);
	*part = (DHCP_IP_RESERVATION_V6){.ReservedIpAddress = lsr_address6_to(reservation->address),
					 .ReservedForClient = duid,
					 .InterfaceId = reservation->iaid};
	const DHCP_SUBNET_ELEMENT_DATA_V6 element = {.ElementType = Dhcpv6ReservedIps, .Element = {.ReservedIp = part}};
	lsr_page_add(page, &element);
}

static lessor_status_t
fill_reservations(lessor_engine_t *engine, uint64_t prefix, lsr_page_t *page) {
	uint8_t duid[LESSOR_DUID_MAX_BYTES];
	lessor_reservation6_t reservation;
	lessor_address6_t from = {0};
	lessor_status_t status;
	do {
		status = lessor_reservation6_next(engine, prefix, from, &reservation, duid, sizeof(duid));
		if (status == LESSOR_OK) {
			add_reservation(page, &reservation);
			from = reservation.address;
		}
	} while (status == LESSOR_OK && lsr_address6_step(&from));
	return status == LESSOR_END ? LESSOR_OK : status;
}

static DWORD
enumerate(lessor_engine_t *engine, uint64_t prefix, uint32_t type, DWORD preferred, DHCP_RESUME_HANDLE *handle,
	  const lsr_page_out_t *out) {
	lsr_page_t page;
	if (type != Dhcpv6ReservedIps && type != Dhcpv6ExcludedIpRanges) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	lsr_page_begin(&page, sizeof(DHCP_SUBNET_ELEMENT_DATA_V6), preferred);
	page.skip = *handle;
	page.is_full = preferred == 0;
	lessor_status_t status = type == Dhcpv6ReservedIps ? fill_reservations(engine, prefix, &page)
							   : fill_exclusions(engine, prefix, &page);
	if (status == LESSOR_OK) {
		status = lsr_page_give_counted(&page, out, handle);
	} else {
		lsr_page_discard(&page);
	}
	const DWORD code = lsr_call_answer(status, &codes);
	return code == ERROR_SUCCESS && page.rest > 0 ? ERROR_MORE_DATA : code;
}

DWORD DHCP_API_FUNCTION
DhcpEnumSubnetElementsV6(LPWSTR ServerIpAddress, DHCP_IPV6_ADDRESS SubnetAddress,
			 DHCP_SUBNET_ELEMENT_TYPE_V6 EnumElementType, DHCP_RESUME_HANDLE *ResumeHandle,
			 DWORD PreferredMaximum, LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V6 *EnumElementInfo,
			 DWORD *ElementsRead, DWORD *ElementsTotal) {
	const lsr_page_out_t out = {.array = EnumElementInfo, .read = ElementsRead, .total = ElementsTotal};
	lsr_binding_t *binding;
	if (!lsr_page_out_clear(&out) || ResumeHandle == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READ, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	return lsr_call_leave(binding, enumerate(binding->engine, SubnetAddress.HighOrderBits,
						 (uint32_t)EnumElementType, PreferredMaximum, ResumeHandle, &out));
}
