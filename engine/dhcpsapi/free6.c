/* SPDX-License-Identifier: Apache-2.0 */
/* Looking for free IPv6 addresses (MS-DHCPM 3.2.4.122). */
#include <stdbool.h>
#include <stdint.h>

#include <lessor/dhcpsapi.h>
#include <lessor/scope6.h>

#include "dhcpsapi/binding.h"
#include "dhcpsapi/call.h"
#include "dhcpsapi/page.h"
#include "dhcpsapi/record6.h"

typedef struct lsr_free6 {
	uint64_t prefix;
	DHCP_IPV6_ADDRESS start;
	DHCP_IPV6_ADDRESS end;
	DWORD wanted;
} lsr_free6_t;

/* What is checked before access: both ends given, and not so many addresses between them. */
static bool
window_is_too_small(const lsr_free6_t *asked) {
	if (lsr_ipv6_is_zero(asked->start) || lsr_ipv6_is_zero(asked->end)) {
		return false;
	}
	if (lsr_address6_is_below(lsr_address6_from(asked->end), lsr_address6_from(asked->start))) {
		return true;
	}
	const uint64_t low = asked->end.LowOrderBits - asked->start.LowOrderBits;
	const uint64_t borrow = asked->end.LowOrderBits < asked->start.LowOrderBits;
	const uint64_t high = asked->end.HighOrderBits - asked->start.HighOrderBits - borrow;
	return high == 0 && low < UINT64_MAX && low + 1 < asked->wanted;
}

/* Is this end not given, or inside the prefix? */
static bool
end_is_inside(DHCP_IPV6_ADDRESS end, uint64_t prefix) {
	return lsr_ipv6_is_zero(end) || end.HighOrderBits == prefix;
}

static lessor_status_t
find_free(lessor_engine_t *engine, const lsr_free6_t *asked, uint64_t *addresses, uint32_t *found) {
	lessor_scope6_t scope;
	const lessor_status_t status = lessor_scope6_get(engine, asked->prefix, &scope, NULL, 0);
	if (status != LESSOR_OK) {
		return status;
	}
	if (!end_is_inside(asked->start, asked->prefix) || !end_is_inside(asked->end, asked->prefix)) {
		return LESSOR_INVALID;
	}
	return lessor_scope6_free_addresses(engine, asked->prefix, asked->start.LowOrderBits,
					    lsr_ipv6_is_zero(asked->end) ? UINT64_MAX : asked->end.LowOrderBits,
					    asked->wanted, addresses, found);
}

static lessor_status_t
build_free(uint64_t prefix, const uint64_t *addresses, uint32_t count, LPDHCPV6_IP_ARRAY *list) {
	lsr_page_t page;
	void *result;
	lsr_page_begin(&page, sizeof(DHCP_IPV6_ADDRESS), LSR_PAGE_EVERYTHING);
	for (uint32_t i = 0; i < count; i++) {
		const DHCP_IPV6_ADDRESS address = {.HighOrderBits = prefix, .LowOrderBits = addresses[i]};
		lsr_page_add(&page, &address);
	}
	const lessor_status_t status = lsr_page_finish(&page, &result);
	if (status == LESSOR_OK) {
		*list = result;
	}
	return status;
}

static DWORD
give_free(lessor_engine_t *engine, const lsr_free6_t *asked, LPDHCPV6_IP_ARRAY *list) {
	static const lsr_codes_t codes = {.no_scope = ERROR_DHCP_SUBNET_NOT_PRESENT,
					  .missing = ERROR_DHCP_SUBNET_NOT_PRESENT};
	uint64_t addresses[DHCP_MAX_FREE_ADDRESSES_REQUESTED];
	uint32_t found = 0;
	lessor_status_t status = find_free(engine, asked, addresses, &found);
	if (status == LESSOR_OK) {
		status = build_free(asked->prefix, addresses, found, list);
	}
	return lsr_call_answer(status == LESSOR_OK && found < asked->wanted ? LESSOR_EXHAUSTED : status, &codes);
}

DWORD DHCP_API_FUNCTION
DhcpV6GetFreeIPAddress(LPWSTR ServerIpAddress, DHCP_IPV6_ADDRESS ScopeId, DHCP_IPV6_ADDRESS StartIP,
		       DHCP_IPV6_ADDRESS EndIP, DWORD NumFreeAddrReq, LPDHCPV6_IP_ARRAY *IPAddrList) {
	lsr_binding_t *binding;
	const lsr_free6_t asked = {.prefix = ScopeId.HighOrderBits,
				   .start = StartIP,
				   .end = EndIP,
				   .wanted = NumFreeAddrReq == 0 ? 1 : NumFreeAddrReq};
	if (IPAddrList == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	*IPAddrList = NULL;
	if (lsr_ipv6_is_zero(ScopeId) || NumFreeAddrReq > DHCP_MAX_FREE_ADDRESSES_REQUESTED ||
	    window_is_too_small(&asked)) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READ, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	return lsr_call_leave(binding, give_free(binding->engine, &asked, IPAddrList));
}
