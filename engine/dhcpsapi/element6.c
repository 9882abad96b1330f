/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in an IPv6 scope: exclusions. The range is the whole /64, so there is nothing to say of it; reservations of IPv6
 * addresses the engine does not have.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <lessor/dhcpsapi.h>
#include <lessor/scope6.h>

#include "dhcpsapi/binding.h"
#include "dhcpsapi/block.h"
#include "dhcpsapi/call.h"
#include "dhcpsapi/page.h"
#include "dhcpsapi/record6.h"

/* In this family a missing scope is a missing file. */
static const lsr_codes_t codes = {.no_scope = ERROR_FILE_NOT_FOUND,
				  .missing = ERROR_FILE_NOT_FOUND,
				  .exists = ERROR_DUPLICATE_TAG,
				  .conflict = ERROR_DUPLICATE_TAG};

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

/*
 * Add and remove.
 */

/* What the two differ in. */
typedef struct lsr_change6 {
	lessor_status_t (*apply)(lessor_engine_t *engine, uint64_t prefix, lessor_range6_t range, lessor_mode_t mode,
				 lessor_ticket_t *ticket);
	lessor_status_t nothing; /* the answer for a range without an address of the prefix */
} lsr_change6_t;

static lessor_status_t
change_exclusion(const lsr_binding_t *binding, uint64_t prefix, const DHCP_IP_RANGE_V6 *range,
		 const lsr_change6_t *change) {
	lessor_range6_t inside;
	if (range == NULL) {
		return LESSOR_INVALID;
	}
	return range_inside(prefix, range, &inside)
		       ? change->apply(binding->engine, prefix, inside, binding->mode, NULL)
		       : change->nothing;
}

static DWORD
change_element(const lsr_binding_t *binding, uint64_t prefix, const DHCP_SUBNET_ELEMENT_DATA_V6 *element,
	       const lsr_change6_t *change) {
	lessor_scope6_t scope;
	const lessor_status_t status = lessor_scope6_get(binding->engine, prefix, &scope, NULL, 0);
	if (status != LESSOR_OK) {
		return lsr_call_answer(status, &codes);
	}
	switch (element->ElementType) {
	case Dhcpv6IpRanges:
		return lsr_call_answer(LESSOR_OK, &codes);
	case Dhcpv6ReservedIps:
		return lsr_call_refuse(ERROR_CALL_NOT_IMPLEMENTED);
	case Dhcpv6ExcludedIpRanges:
		return lsr_call_answer(change_exclusion(binding, prefix, element->Element.ExcludeIpRange, change),
				       &codes);
	default:
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
}

/* The frame of both. */
static DWORD
call(LPCWSTR server, DHCP_IPV6_ADDRESS subnet, const DHCP_SUBNET_ELEMENT_DATA_V6 *element,
     const lsr_change6_t *change) {
	lsr_binding_t *binding;
	if (element == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(server, LESSOR_ACCESS_READWRITE, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	return lsr_call_leave(binding, change_element(binding, subnet.HighOrderBits, element, change));
}

DWORD DHCP_API_FUNCTION
DhcpAddSubnetElementV6(LPWSTR ServerIpAddress, DHCP_IPV6_ADDRESS SubnetAddress,
		       LPDHCP_SUBNET_ELEMENT_DATA_V6 AddElementInfo) {
	static const lsr_change6_t add = {.apply = lessor_scope6_exclude, .nothing = LESSOR_OK};
	return call(ServerIpAddress, SubnetAddress, AddElementInfo, &add);
}

DWORD DHCP_API_FUNCTION
DhcpRemoveSubnetElementV6(LPWSTR ServerIpAddress, DHCP_IPV6_ADDRESS SubnetAddress,
			  LPDHCP_SUBNET_ELEMENT_DATA_V6 RemoveElementInfo, DHCP_FORCE_FLAG ForceFlag) {
	static const lsr_change6_t take_away = {.apply = lessor_scope6_include, .nothing = LESSOR_NOT_FOUND};
	(void)ForceFlag;
	return call(ServerIpAddress, SubnetAddress, RemoveElementInfo, &take_away);
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

/* There are no reservations; but there must be a scope that they are not in. */
static lessor_status_t
fill_page(lessor_engine_t *engine, uint64_t prefix, uint32_t type, lsr_page_t *page) {
	lessor_scope6_t scope;
	return type == Dhcpv6ReservedIps ? lessor_scope6_get(engine, prefix, &scope, NULL, 0)
					 : fill_exclusions(engine, prefix, page);
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
	lessor_status_t status = fill_page(engine, prefix, type, &page);
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
