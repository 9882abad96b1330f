/* SPDX-License-Identifier: Apache-2.0 */
/* The calls on one IPv6 lease: create, change, read, delete. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <lessor/dhcpsapi.h>
#include <lessor/lease6.h>

#include "dhcpsapi/binding.h"
#include "dhcpsapi/call.h"
#include "dhcpsapi/record6.h"

static bool
has_duid(const DHCP_CLIENT_UID *duid) {
	return duid->Data != NULL && duid->DataLength > 0;
}

/*
 * Create and change.
 */

static lessor_status_t
create(const lsr_binding_t *binding, LPCWSTR server, const DHCP_CLIENT_INFO_V6 *info) {
	lsr_client6_record_t record;
	const lessor_status_t status = lsr_client6_record_from_info(&record, info);
	if (status != LESSOR_OK) {
		return status;
	}
	lsr_client6_record_own(&record, server);
	return lessor_lease6_create(binding->engine, &record.lease, binding->mode, NULL);
}

DWORD DHCP_API_FUNCTION
DhcpV6CreateClientInfo(const WCHAR *ServerIpAddress, const LPDHCP_CLIENT_INFO_V6 ClientInfo) {
	static const lsr_codes_t codes = {.no_scope = ERROR_DHCP_SUBNET_NOT_PRESENT, .taken = ERROR_DHCP_CLIENT_EXISTS};
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

static lessor_status_t
set(const lsr_binding_t *binding, const DHCP_CLIENT_INFO_V6 *info) {
	lsr_client6_record_t record;
	const lessor_status_t status = lsr_client6_record_from_info(&record, info);
	const uint32_t fields = LESSOR_FIELD_CLIENT_ID | LESSOR_FIELD_NAME | LESSOR_FIELD_COMMENT;
	return status == LESSOR_OK ? lessor_lease6_update(binding->engine, &record.lease, fields, binding->mode, NULL)
				   : status;
}

DWORD DHCP_API_FUNCTION
DhcpSetClientInfoV6(const WCHAR *ServerIpAddress, const DHCP_CLIENT_INFO_V6 *ClientInfo) {
	static const lsr_codes_t codes = {
		.no_scope = ERROR_FILE_NOT_FOUND, .missing = ERROR_FILE_NOT_FOUND, .taken = ERROR_DHCP_JET_ERROR};
	lsr_binding_t *binding;
	if (ClientInfo == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READWRITE, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	if (has_duid(&ClientInfo->ClientDUID) && ClientInfo->ClientDUID.DataLength > LESSOR_DUID_MAX_BYTES) {
		return lsr_call_leave(binding, lsr_call_refuse(ERROR_BUFFER_OVERFLOW));
	}
	return lsr_call_end(binding, set(binding, ClientInfo), &codes);
}

/*
 * Read.
 */

static lessor_status_t
find(lessor_engine_t *engine, const DHCP_SEARCH_INFO_V6 *search, LPDHCP_CLIENT_INFO_V6 *info) {
	lessor_lease6_t lease;
	void *result;
	if (search->SearchType != Dhcpv6ClientIpAddress) {
		return LESSOR_INVALID;
	}
	void *buffer = malloc(LESSOR_LEASE_BUFFER_BYTES);
	if (buffer == NULL) {
		return LESSOR_NO_MEMORY;
	}
	lessor_status_t status = lessor_lease6_get(engine, lsr_address6_from(search->SearchInfo.ClientIpAddress),
						   &lease, buffer, LESSOR_LEASE_BUFFER_BYTES);
	if (status == LESSOR_OK) {
		status = lsr_client6_record_to_info(&lease, &result);
	}
	if (status == LESSOR_OK) {
		*info = result;
	}
	free(buffer);
	return status;
}

DWORD DHCP_API_FUNCTION
DhcpGetClientInfoV6(const WCHAR *ServerIpAddress, const DHCP_SEARCH_INFO_V6 *SearchInfo,
		    LPDHCP_CLIENT_INFO_V6 *ClientInfo) {
	static const lsr_codes_t codes = {0};
	lsr_binding_t *binding;
	if (ClientInfo == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	*ClientInfo = NULL;
	if (SearchInfo == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READ, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	return lsr_call_end(binding, find(binding->engine, SearchInfo, ClientInfo), &codes);
}

/*
 * Delete.
 */

DWORD DHCP_API_FUNCTION
DhcpDeleteClientInfoV6(const WCHAR *ServerIpAddress, const DHCP_SEARCH_INFO_V6 *ClientInfo) {
	static const lsr_codes_t codes = {.reserved = ERROR_DHCP_RESERVED_CLIENT};
	lsr_binding_t *binding;
	if (ClientInfo == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READWRITE, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	const lessor_status_t status =
		ClientInfo->SearchType == Dhcpv6ClientIpAddress
			? lessor_lease6_delete(binding->engine,
					       lsr_address6_from(ClientInfo->SearchInfo.ClientIpAddress), binding->mode,
					       NULL)
			: LESSOR_INVALID;
	return lsr_call_end(binding, status, &codes);
}
