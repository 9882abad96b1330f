/* SPDX-License-Identifier: Apache-2.0 */
/* Looking for free IPv4 addresses. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <lessor/dhcpsapi.h>
#include <lessor/lease.h>
#include <lessor/scope.h>

#include "dhcpsapi/call.h"
#include "dhcpsapi/exclusions.h"
#include "dhcpsapi/page.h"

_Static_assert(DHCP_MAX_FREE_ADDRESSES_REQUESTED <= LESSOR_FREE_ADDRESSES_MAX, "one native call finds them all");

/* A call, but for the server; the window is filled in when the range is known. */
typedef struct lsr_free_query {
	DHCP_IP_ADDRESS subnet;
	lessor_range_t window; /* 0: an end of the range */
	DWORD wanted;
	uint32_t found;
	uint32_t addresses[DHCP_MAX_FREE_ADDRESSES_REQUESTED];
} lsr_free_query_t;

static bool
is_well_formed(const lsr_free_query_t *query) {
	const lessor_range_t window = query->window;
	if (query->subnet == 0 || query->wanted > DHCP_MAX_FREE_ADDRESSES_REQUESTED) {
		return false;
	}
	return window.first == 0 || window.last == 0 ||
	       (window.first <= window.last && (uint64_t)window.last - window.first + 1 >= query->wanted);
}

static bool
is_end_in(uint32_t end, lessor_range_t range) {
	return end == 0 || (end >= range.first && end <= range.last);
}

/*
 * Add the doomed addresses of the window, ascending, until there are enough. Somebody may have doomed one since it was
 * found free: it is not to be there twice.
 */
static lessor_status_t
add_doomed(lessor_engine_t *engine, lsr_free_query_t *query, const lsr_exclusions_t *exclusions, void *texts) {
	const uint32_t free_ones = query->found;
	uint32_t passed = 0;
	lessor_cursor_t cursor;
	lessor_lease_t lease;
	lessor_status_t status = LESSOR_OK;
	lessor_cursor_init(&cursor, query->window.first, query->window.last);
	while (query->found < query->wanted && status == LESSOR_OK) {
		status = lessor_lease_next(engine, &cursor, &lease, texts, LESSOR_LEASE_BUFFER_BYTES);
		if (status != LESSOR_OK || (lease.address_state & LESSOR_STATE_MASK) != LESSOR_STATE_DOOM ||
		    lease.is_reserved || lsr_exclusions_contain(exclusions, lease.address)) {
			continue;
		}
		while (passed < free_ones && query->addresses[passed] < lease.address) {
			passed++;
		}
		if (passed == free_ones || query->addresses[passed] != lease.address) {
			query->addresses[query->found++] = lease.address;
		}
	}
	return status == LESSOR_END ? LESSOR_OK : status;
}

static lessor_status_t
find_doomed(lessor_engine_t *engine, lsr_free_query_t *query) {
	lsr_exclusions_t exclusions;
	void *texts = malloc(LESSOR_LEASE_BUFFER_BYTES);
	lessor_status_t status = lsr_exclusions_read(engine, query->subnet, &exclusions);
	if (status == LESSOR_OK) {
		status = texts == NULL ? LESSOR_NO_MEMORY : add_doomed(engine, query, &exclusions, texts);
	}
	lsr_exclusions_free(&exclusions);
	free(texts);
	return status;
}

static lessor_status_t
give(const lsr_free_query_t *query, void *out) {
	lsr_page_t page;
	void *result;
	lsr_page_begin(&page, sizeof(query->addresses[0]), LSR_PAGE_EVERYTHING);
	for (uint32_t i = 0; i < query->found; i++) {
		lsr_page_add(&page, &query->addresses[i]);
	}
	const lessor_status_t status = lsr_page_finish(&page, &result);
	if (status != LESSOR_OK) {
		return status;
	}
	lsr_out_set(out, result);
	return query->found < query->wanted ? LESSOR_EXHAUSTED : LESSOR_OK;
}

static DWORD
find_free(lessor_engine_t *engine, lsr_free_query_t *query, void *out) {
	static const lsr_codes_t codes = {.missing = ERROR_INVALID_PARAMETER};
	lessor_scope_t scope;
	lessor_status_t status = lessor_scope_get(engine, query->subnet, &scope, NULL, 0);
	if (status != LESSOR_OK) {
		return lsr_call_answer(status, &codes);
	}
	if (!scope.has_range) {
		return lsr_call_refuse(ERROR_FILE_NOT_FOUND);
	}
	if (!is_end_in(query->window.first, scope.range) || !is_end_in(query->window.last, scope.range)) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	query->window.first = query->window.first == 0 ? scope.range.first : query->window.first;
	query->window.last = query->window.last == 0 ? scope.range.last : query->window.last;
	query->wanted = query->wanted == 0 ? 1 : query->wanted;
	status = lessor_scope_free_addresses(engine, query->subnet, query->window.first, query->window.last,
					     query->wanted, query->addresses, &query->found);
	if (status == LESSOR_OK && query->found < query->wanted) {
		status = find_doomed(engine, query);
	}
	return lsr_call_answer(status == LESSOR_OK ? give(query, out) : status, &codes);
}

DWORD DHCP_API_FUNCTION
DhcpV4GetFreeIPAddress(LPWSTR ServerIpAddress, DHCP_IP_ADDRESS ScopeId, DHCP_IP_ADDRESS StartIP, DHCP_IP_ADDRESS EndIP,
		       DWORD NumFreeAddrReq, LPDHCP_IP_ARRAY *IPAddrList) {
	lsr_free_query_t query = {.subnet = ScopeId, .window = {StartIP, EndIP}, .wanted = NumFreeAddrReq};
	lsr_binding_t *binding;
	if (!lsr_out_clear(IPAddrList) || !is_well_formed(&query)) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READ, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	return lsr_call_leave(binding, find_free(binding->engine, &query, IPAddrList));
}
