/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls on one IPv4 lease: create, change, read, delete. Each is a frame (call.h) around a translation and a native
 * one; the versions of a call differ in the structure and in some codes.
 */
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

/* What every server since 2016 makes of the quarantine members. */
static void
forget_quarantine(lessor_lease_t *lease) {
	lease->quarantine_status = LESSOR_NO_QUARANTINE;
	lease->quarantine_capable = false;
	lease->probation_ends_at = LESSOR_TIME_NONE;
}

/*
 * Create.
 */

/* The structures before PB are read as the oldest: a create does not use what the others have more. */
static lessor_status_t
create_lease(lsr_binding_t *binding, LPCWSTR server, const void *info, lsr_client_kind_t kind) {
	lsr_client_record_t record;
	const lessor_status_t status = lsr_client_record_from_info(&record, info, kind);
	if (status != LESSOR_OK) {
		return status;
	}
	lsr_client_record_own(&record, binding, server);
	if (kind < LSR_CLIENT_PB) {
		record.lease.client_type = LESSOR_CLIENT_NONE;
	}
	if (lsr_binding_has_option(binding, LESSOR_DHCPSAPI_NAP_REMOVED)) {
		forget_quarantine(&record.lease);
	}
	return lessor_lease_create(binding->engine, &record.lease, binding->mode, NULL);
}

static DWORD
create(LPCWSTR server, const void *info, lsr_client_kind_t kind) {
	static const lsr_codes_t codes = {.no_scope = ERROR_DHCP_SUBNET_NOT_PRESENT,
					  .taken = ERROR_DHCP_CLIENT_EXISTS,
					  .reserved = ERROR_DHCP_CLIENT_EXISTS};
	static const lsr_codes_t old_codes = {.no_scope = ERROR_INVALID_PARAMETER};
	static const lsr_codes_t old_codes_exists = {.no_scope = ERROR_INVALID_PARAMETER,
						     .taken = ERROR_DHCP_CLIENT_EXISTS,
						     .reserved = ERROR_DHCP_CLIENT_EXISTS};
	lsr_binding_t *binding;
	if (info == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(server, LESSOR_ACCESS_READWRITE, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	const bool exists = lsr_binding_has_option(binding, LESSOR_DHCPSAPI_TAKEN_IS_EXISTS);
	const lsr_codes_t *older = exists ? &old_codes_exists : &old_codes;
	return lsr_call_end(binding, create_lease(binding, server, info, kind), kind >= LSR_CLIENT_PB ? &codes : older);
}

DWORD DHCP_API_FUNCTION
DhcpV4CreateClientInfo(const WCHAR *ServerIpAddress, const LPDHCP_CLIENT_INFO_PB ClientInfo) {
	return create(ServerIpAddress, ClientInfo, LSR_CLIENT_PB);
}

DWORD DHCP_API_FUNCTION
DhcpV4CreateClientInfoEx(const WCHAR *ServerIpAddress, const LPDHCP_CLIENT_INFO_EX ClientInfo) {
	return create(ServerIpAddress, ClientInfo, LSR_CLIENT_EX);
}

DWORD DHCP_API_FUNCTION
DhcpCreateClientInfo(const WCHAR *ServerIpAddress, const DHCP_CLIENT_INFO *ClientInfo) {
	return create(ServerIpAddress, ClientInfo, LSR_CLIENT_INFO);
}

DWORD DHCP_API_FUNCTION
DhcpCreateClientInfoV4(const WCHAR *ServerIpAddress, const DHCP_CLIENT_INFO_V4 *ClientInfo) {
	return create(ServerIpAddress, ClientInfo, LSR_CLIENT_INFO);
}

DWORD DHCP_API_FUNCTION
DhcpCreateClientInfoVQ(const WCHAR *ServerIpAddress, const DHCP_CLIENT_INFO_VQ *ClientInfo) {
	return create(ServerIpAddress, ClientInfo, LSR_CLIENT_INFO);
}

/*
 * Change.
 */

static lessor_status_t
set_lease(lsr_binding_t *binding, const void *info, lsr_client_kind_t kind) {
	lsr_client_record_t record;
	lessor_lease_t *lease = &record.lease;
	const lessor_status_t status = lsr_client_record_from_info(&record, info, kind);
	if (status != LESSOR_OK) {
		return status;
	}
	uint32_t fields =
		LESSOR_FIELD_CLIENT_ID | LESSOR_FIELD_EXPIRES | LESSOR_FIELD_OWNER_ADDRESS | LESSOR_FIELD_ADDRESS_STATE;
	fields |= lease->name != NULL ? LESSOR_FIELD_NAME : 0;
	fields |= lease->comment != NULL ? LESSOR_FIELD_COMMENT : 0;
	fields |= kind >= LSR_CLIENT_VQ ? LESSOR_FIELD_QUARANTINE : 0;
	lease->address_state = LESSOR_STATE_ACTIVE;
	if (lsr_binding_has_option(binding, LESSOR_DHCPSAPI_NAP_REMOVED)) {
		forget_quarantine(lease);
	}
	return lessor_lease_update(binding->engine, lease, fields, binding->mode, NULL);
}

static DWORD
set(LPCWSTR server, const void *info, lsr_client_kind_t kind) {
	static const lsr_codes_t codes = {.no_scope = ERROR_DHCP_JET_ERROR};
	lsr_binding_t *binding;
	if (info == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(server, LESSOR_ACCESS_READWRITE, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	return lsr_call_end(binding, set_lease(binding, info, kind), &codes);
}

DWORD DHCP_API_FUNCTION
DhcpSetClientInfo(const WCHAR *ServerIpAddress, const DHCP_CLIENT_INFO *ClientInfo) {
	return set(ServerIpAddress, ClientInfo, LSR_CLIENT_INFO);
}

DWORD DHCP_API_FUNCTION
DhcpSetClientInfoV4(const WCHAR *ServerIpAddress, const DHCP_CLIENT_INFO_V4 *ClientInfo) {
	return set(ServerIpAddress, ClientInfo, LSR_CLIENT_INFO);
}

DWORD DHCP_API_FUNCTION
DhcpSetClientInfoVQ(const WCHAR *ServerIpAddress, const DHCP_CLIENT_INFO_VQ *ClientInfo) {
	return set(ServerIpAddress, ClientInfo, LSR_CLIENT_VQ);
}

/*
 * Read.
 */

static lessor_status_t
get_lease(lessor_engine_t *engine, const DHCP_SEARCH_INFO *search, lsr_client_kind_t kind, void *out) {
	lsr_search_hit_t found;
	void *info;
	lessor_status_t status = lsr_search_find(engine, search, &found);
	if (status != LESSOR_OK) {
		return status;
	}
	status = lsr_client_record_to_info(engine, &found.lease, kind, &info);
	lsr_search_release(&found);
	if (status == LESSOR_OK) {
		lsr_out_set(out, info);
	}
	return status;
}

static DWORD
get(LPCWSTR server, const DHCP_SEARCH_INFO *search, lsr_client_kind_t kind, void *out) {
	static const lsr_codes_t codes = {.no_scope = ERROR_DHCP_INVALID_DHCP_CLIENT,
					  .missing = ERROR_DHCP_INVALID_DHCP_CLIENT};
	static const lsr_codes_t old_codes = {.missing = ERROR_DHCP_JET_ERROR};
	const bool is_new = kind >= LSR_CLIENT_PB;
	lsr_binding_t *binding;
	if (!lsr_out_clear(out) || search == NULL || (is_new && lsr_search_lacks_name(search))) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(server, LESSOR_ACCESS_READ, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	return lsr_call_end(binding, get_lease(binding->engine, search, kind, out), is_new ? &codes : &old_codes);
}

DWORD DHCP_API_FUNCTION
DhcpV4GetClientInfo(const WCHAR *ServerIpAddress, const DHCP_SEARCH_INFO *SearchInfo,
		    LPDHCP_CLIENT_INFO_PB *ClientInfo) {
	return get(ServerIpAddress, SearchInfo, LSR_CLIENT_PB, ClientInfo);
}

DWORD DHCP_API_FUNCTION
DhcpV4GetClientInfoEx(const WCHAR *ServerIpAddress, const DHCP_SEARCH_INFO *SearchInfo,
		      LPDHCP_CLIENT_INFO_EX *ClientInfo) {
	return get(ServerIpAddress, SearchInfo, LSR_CLIENT_EX, ClientInfo);
}

DWORD DHCP_API_FUNCTION
DhcpGetClientInfo(const WCHAR *ServerIpAddress, const DHCP_SEARCH_INFO *SearchInfo, LPDHCP_CLIENT_INFO *ClientInfo) {
	return get(ServerIpAddress, SearchInfo, LSR_CLIENT_INFO, ClientInfo);
}

DWORD DHCP_API_FUNCTION
DhcpGetClientInfoV4(const WCHAR *ServerIpAddress, const DHCP_SEARCH_INFO *SearchInfo,
		    LPDHCP_CLIENT_INFO_V4 *ClientInfo) {
	return get(ServerIpAddress, SearchInfo, LSR_CLIENT_V4, ClientInfo);
}

DWORD DHCP_API_FUNCTION
DhcpGetClientInfoVQ(const WCHAR *ServerIpAddress, const DHCP_SEARCH_INFO *SearchInfo,
		    LPDHCP_CLIENT_INFO_VQ *ClientInfo) {
	return get(ServerIpAddress, SearchInfo, LSR_CLIENT_VQ, ClientInfo);
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
	static const lsr_codes_t codes = {.missing = ERROR_DHCP_JET_ERROR, .reserved = ERROR_DHCP_RESERVED_CLIENT};
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
