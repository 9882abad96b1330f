/* SPDX-License-Identifier: Apache-2.0 */
/* Reading IPv6 leases page by page (MS-DHCPM 3.2.4.65). The place in the enumeration is the last address that was read. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <lessor/dhcpsapi.h>
#include <lessor/lease6.h>

#include "dhcpsapi/binding.h"
#include "dhcpsapi/call.h"
#include "dhcpsapi/page.h"
#include "dhcpsapi/record6.h"

typedef struct lsr_walk6 {
	lsr_binding_t *binding;
	lessor_address6_t first;
	lessor_address6_t last;
	DHCP_RESUME_IPV6_HANDLE *handle;
	void *buffer; /* for the texts of one lease */
	lsr_page_t page;
	lessor_address6_t reached; /* the last in the page */
	uint64_t left;             /* behind it */
} lsr_walk6_t;

/* Is there a lease at the handle, so that the enumeration can go on behind it? */
static lessor_status_t
check_handle(lsr_walk6_t *walk) {
	const lessor_address6_t at = lsr_address6_from(*walk->handle);
	uint64_t count;
	if (lsr_binding_has_option(walk->binding, LESSOR_DHCPSAPI_RELAXED_RESUME)) {
		return LESSOR_OK;
	}
	const lessor_status_t status = lessor_lease6_count(walk->binding->engine, at, at, &count);
	return status == LESSOR_OK && count == 0 ? LESSOR_NOT_FOUND : status;
}

/* Begin behind the handle. LESSOR_END: there is nothing behind it. */
static lessor_status_t
resume(lsr_walk6_t *walk) {
	lessor_address6_t from = lsr_address6_from(*walk->handle);
	if (lsr_ipv6_is_zero(*walk->handle)) {
		return LESSOR_OK;
	}
	const lessor_status_t status = check_handle(walk);
	if (status != LESSOR_OK) {
		return status;
	}
	if (!lsr_address6_step(&from) || lsr_address6_is_below(walk->last, from)) {
		return LESSOR_END;
	}
	walk->first = lsr_address6_is_below(walk->first, from) ? from : walk->first;
	return LESSOR_OK;
}

/* LESSOR_OK: the page is full. LESSOR_END: that was all. */
static lessor_status_t
fill_page(lsr_walk6_t *walk) {
	lessor_cursor6_t cursor;
	lessor_lease6_t lease;
	lessor_status_t status;
	lessor_cursor6_init(&cursor, walk->first, walk->last);
	while ((status = lessor_lease6_next(walk->binding->engine, &cursor, &lease, walk->buffer,
					    LESSOR_LEASE_BUFFER_BYTES)) == LESSOR_OK &&
	       lsr_page_fits(&walk->page, lsr_client6_record_page_bytes(&lease))) {
		const DHCP_CLIENT_INFO_V6 *info = lsr_client6_record_part(&walk->page.block, &lease);
		lsr_page_add(&walk->page, &info);
		walk->reached = lease.address;
	}
	return status;
}

static lessor_status_t
count_left(lsr_walk6_t *walk) {
	lessor_address6_t from = walk->reached;
	return lsr_address6_step(&from) && !lsr_address6_is_below(walk->last, from)
		       ? lessor_lease6_count(walk->binding->engine, from, walk->last, &walk->left)
		       : LESSOR_OK;
}

static lessor_status_t
gather(lsr_walk6_t *walk) {
	lessor_status_t status = resume(walk);
	if (status == LESSOR_OK) {
		status = fill_page(walk);
		if (status == LESSOR_OK) {
			status = count_left(walk);
		} else if (status == LESSOR_END) {
			status = lsr_page_outcome(&walk->page);
		}
	}
	return status;
}

static lessor_status_t
give(lsr_walk6_t *walk, const lsr_page_out_t *out) {
	const lessor_status_t status = lsr_page_give(&walk->page, out, walk->left > 0 ? walk->left : walk->page.count);
	if (status == LESSOR_OK) {
		*walk->handle = walk->left > 0 ? lsr_address6_to(walk->reached) : (DHCP_RESUME_IPV6_HANDLE){0};
	}
	return status;
}

static DWORD
enumerate(lsr_walk6_t *walk, DWORD preferred, const lsr_page_out_t *out) {
	static const lsr_codes_t codes = {.no_scope = ERROR_FILE_NOT_FOUND, .missing = ERROR_FILE_NOT_FOUND};
	walk->buffer = malloc(LESSOR_LEASE_BUFFER_BYTES);
	if (walk->buffer == NULL) {
		return lsr_call_answer(LESSOR_NO_MEMORY, &codes);
	}
	lsr_page_begin(&walk->page, sizeof(LPDHCP_CLIENT_INFO_V6), lsr_page_clamp(preferred));
	lessor_status_t status = gather(walk);
	if (status == LESSOR_OK) {
		status = give(walk, out);
	} else {
		lsr_page_discard(&walk->page);
	}
	free(walk->buffer);
	const DWORD code = lsr_call_answer(status, &codes);
	return code == ERROR_SUCCESS && walk->left > 0 ? ERROR_MORE_DATA : code;
}

DWORD DHCP_API_FUNCTION
DhcpEnumSubnetClientsV6(const WCHAR *ServerIpAddress, DHCP_IPV6_ADDRESS SubnetAddress,
			DHCP_RESUME_IPV6_HANDLE *ResumeHandle, DWORD PreferredMaximum,
			LPDHCP_CLIENT_INFO_ARRAY_V6 *ClientInfo, DWORD *ClientsRead, DWORD *ClientsTotal) {
	const lsr_page_out_t out = {.array = ClientInfo, .read = ClientsRead, .total = ClientsTotal};
	lsr_binding_t *binding;
	if (!lsr_page_out_clear(&out) || ResumeHandle == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READ, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	const uint64_t high = SubnetAddress.HighOrderBits;
	lsr_walk6_t walk = {.binding = binding,
			    .first = {.high = high},
			    .last = {.high = lsr_ipv6_is_zero(SubnetAddress) ? UINT64_MAX : high, .low = UINT64_MAX},
			    .handle = ResumeHandle};
	return lsr_call_leave(binding, enumerate(&walk, PreferredMaximum, &out));
}
