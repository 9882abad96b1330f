/* SPDX-License-Identifier: Apache-2.0 */
/* The calls on one IPv4 lease: create, read, delete. Each is a frame (call.h) around a translation and a native one. */
#include <stdbool.h>
#include <stddef.h>

#include <lessor/dhcpsapi.h>
#include <lessor/lease.h>

#include "dhcpsapi/binding.h"
#include "dhcpsapi/call.h"
#include "dhcpsapi/record.h"
#include "dhcpsapi/search.h"

/*
 * How often a delete searches again because the lease that it found went to another client before it could be
 * deleted. Each time another caller has succeeded in between; after so many the lease may as well be called gone.
 */
#define LSR_DELETE_ATTEMPTS 32

/*
 * Create.
 */

static lessor_status_t
create(const lsr_binding_t *binding, LPCWSTR server, const DHCP_CLIENT_INFO_PB *info) {
	lsr_client_record_t record;
	const lessor_status_t status = lsr_client_record_from_info(&record, info);
	if (status != LESSOR_OK) {
		return status;
	}
	lsr_client_record_own(&record, binding, server);
	return lessor_lease_create(binding->engine, &record.lease, binding->mode, NULL);
}

DWORD DHCP_API_FUNCTION
DhcpV4CreateClientInfo(const WCHAR *ServerIpAddress, const LPDHCP_CLIENT_INFO_PB ClientInfo) {
	static const lsr_codes_t codes = {.no_scope = ERROR_DHCP_SUBNET_NOT_PRESENT,
					  .taken = ERROR_DHCP_CLIENT_EXISTS,
					  .missing = ERROR_DHCP_JET_ERROR};
	lsr_binding_t *binding;
	if (ClientInfo == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READWRITE, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	return lsr_call_end(binding, create(binding, ServerIpAddress, ClientInfo), &codes);
}

/*
 * Read.
 */

static lessor_status_t
get(const lsr_binding_t *binding, const DHCP_SEARCH_INFO *search, LPDHCP_CLIENT_INFO_PB *info) {
	lsr_search_hit_t found;
	lessor_status_t status = lsr_search_find(binding->engine, search, &found);
	if (status == LESSOR_OK) {
		status = lsr_client_record_to_info(&found.lease, info);
		lsr_search_release(&found);
	}
	return status;
}

DWORD DHCP_API_FUNCTION
DhcpV4GetClientInfo(const WCHAR *ServerIpAddress, const DHCP_SEARCH_INFO *SearchInfo,
		    LPDHCP_CLIENT_INFO_PB *ClientInfo) {
	static const lsr_codes_t codes = {.no_scope = ERROR_DHCP_INVALID_DHCP_CLIENT,
					  .taken = ERROR_DHCP_JET_ERROR,
					  .missing = ERROR_DHCP_INVALID_DHCP_CLIENT};
	lsr_binding_t *binding;
	if (ClientInfo == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	*ClientInfo = NULL;
	if (SearchInfo == NULL || lsr_search_lacks_name(SearchInfo)) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READ, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	return lsr_call_end(binding, get(binding, SearchInfo, ClientInfo), &codes);
}

/*
 * Delete.
 */

/* One attempt. If *found_one, LESSOR_NOT_FOUND and LESSOR_OTHER_CLIENT say that somebody else was faster. */
static lessor_status_t
find_and_delete(const lsr_binding_t *binding, const DHCP_SEARCH_INFO *search, bool *found_one) {
	lsr_search_hit_t found;
	lessor_status_t status = lsr_search_find(binding->engine, search, &found);
	*found_one = status == LESSOR_OK;
	if (status == LESSOR_OK) {
		status = lessor_lease_delete(binding->engine, found.lease.address, found.lease.client_id,
					     found.lease.client_id_bytes, binding->mode, NULL);
		lsr_search_release(&found);
	}
	return status;
}

static lessor_status_t
delete_one(const lsr_binding_t *binding, const DHCP_SEARCH_INFO *search) {
	lessor_status_t status = LESSOR_NOT_FOUND;
	bool overtaken = true;
	if (search->SearchType == DhcpClientIpAddress) {
		/* Whose lease it is does not matter, so there is nothing to search for. */
		return lessor_lease_delete(binding->engine, search->SearchInfo.ClientIpAddress, NULL, 0, binding->mode,
					   NULL);
	}
	for (int attempt = 0; attempt < LSR_DELETE_ATTEMPTS && overtaken; attempt++) {
		bool found_one;
		status = find_and_delete(binding, search, &found_one);
		overtaken = found_one && (status == LESSOR_NOT_FOUND || status == LESSOR_OTHER_CLIENT);
	}
	return status;
}

DWORD DHCP_API_FUNCTION
DhcpDeleteClientInfo(const WCHAR *ServerIpAddress, const DHCP_SEARCH_INFO *ClientInfo) {
	static const lsr_codes_t codes = {
		.no_scope = ERROR_DHCP_JET_ERROR, .taken = ERROR_DHCP_JET_ERROR, .missing = ERROR_DHCP_JET_ERROR};
	lsr_binding_t *binding;
	if (ClientInfo == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READWRITE, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	return lsr_call_end(binding, delete_one(binding, ClientInfo), &codes);
}
