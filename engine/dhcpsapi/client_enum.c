/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The enumerations of IPv4 leases: seven calls that differ in the structure, and in what they answer when a scope has
 * no leases.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <lessor/dhcpsapi.h>
#include <lessor/lease.h>
#include <lessor/scope.h>

#include "dhcpsapi/call.h"
#include "dhcpsapi/page.h"
#include "dhcpsapi/record.h"

/* A call, but for the server. */
typedef struct lsr_client_enum {
	lsr_client_kind_t kind;
	DHCP_IP_ADDRESS subnet; /* 0: all scopes */
	DHCP_RESUME_HANDLE *resume;
	DWORD preferred;
	lsr_page_out_t out;
} lsr_client_enum_t;

/* Where it goes. */
typedef struct lsr_client_walk {
	lessor_cursor_t cursor;
	uint32_t last; /* the greatest address it may come to */
	uint32_t at;   /* the last lease in the page */
	bool more;     /* there are leases behind it */
	lessor_lease_t lease;
	void *texts;
} lsr_client_walk_t;

/* Is there a lease at the handle, so that the enumeration can go on behind it? */
static lessor_status_t
check_handle(lsr_binding_t *binding, DHCP_RESUME_HANDLE handle) {
	uint64_t count;
	if (handle == 0 || lsr_binding_has_option(binding, LESSOR_DHCPSAPI_RELAXED_RESUME)) {
		return LESSOR_OK;
	}
	const lessor_status_t status = lessor_lease_count(binding->engine, handle, handle, &count);
	return status == LESSOR_OK && count == 0 ? LESSOR_NOT_FOUND : status;
}

/* Set the cursor to the leases of the subnet behind the handle. LESSOR_END: there cannot be any. */
static lessor_status_t
find_way(lessor_engine_t *engine, DHCP_IP_ADDRESS subnet, DHCP_RESUME_HANDLE handle, lsr_client_walk_t *walk) {
	uint32_t first = 0;
	walk->last = UINT32_MAX;
	if (subnet != 0) {
		lessor_scope_t scope;
		const lessor_status_t status = lessor_scope_get(engine, subnet, &scope, NULL, 0);
		if (status != LESSOR_OK) {
			return status == LESSOR_NOT_FOUND ? LESSOR_END : status;
		}
		first = scope.subnet;
		walk->last = scope.subnet | ~scope.mask;
	}
	if (handle >= walk->last) {
		return LESSOR_END;
	}
	lessor_cursor_init(&walk->cursor, handle >= first && handle != 0 ? handle + 1 : first, walk->last);
	return LESSOR_OK;
}

/* Fill a page. Returns: LESSOR_OK; LESSOR_END: there was nothing; what lessor_lease_next() returns. */
static lessor_status_t
fill_page(lessor_engine_t *engine, lsr_client_walk_t *walk, lsr_client_kind_t kind, lsr_page_t *page) {
	lessor_status_t status;
	while ((status = lessor_lease_next(engine, &walk->cursor, &walk->lease, walk->texts,
					   LESSOR_LEASE_BUFFER_BYTES)) == LESSOR_OK) {
		if (!lsr_page_fits(page, lsr_client_record_page_bytes(&walk->lease, kind))) {
			walk->more = true;
			return LESSOR_OK;
		}
		void *part = lsr_client_record_part(&page->block, engine, &walk->lease, kind);
		lsr_page_add(page, &part);
		walk->at = walk->lease.address;
	}
	return status == LESSOR_END ? lsr_page_outcome(page) : status;
}

/* Give the page out, and say how to go on. */
static lessor_status_t
give_page(lessor_engine_t *engine, const lsr_client_walk_t *walk, const lsr_client_enum_t *call, lsr_page_t *page) {
	uint64_t total = page->count;
	lessor_status_t status = LESSOR_OK;
	if (walk->more) {
		status = lessor_lease_count(engine, walk->at + 1, walk->last, &total);
	}
	if (status != LESSOR_OK) {
		lsr_page_discard(page);
		return status;
	}
	status = lsr_page_give(page, &call->out, total);
	if (status == LESSOR_OK) {
		*call->resume = walk->more ? walk->at : 0;
	}
	return status;
}

/* What is to be said when the subnet has no leases: nothing, or an array of none if there are any elsewhere. */
static lessor_status_t
give_none(lessor_engine_t *engine, const lsr_client_enum_t *call, lsr_page_t *page) {
	const bool may_be_empty = call->kind != LSR_CLIENT_V5 && call->kind < LSR_CLIENT_PB;
	uint64_t count = 0;
	lessor_status_t status = LESSOR_OK;
	if (*call->resume == 0 && may_be_empty) {
		status = lessor_lease_count(engine, 0, UINT32_MAX, &count);
	}
	if (status != LESSOR_OK || count == 0) {
		lsr_page_discard(page);
		return status != LESSOR_OK ? status : LESSOR_END;
	}
	return lsr_page_give(page, &call->out, 0);
}

static lessor_status_t
enumerate(lsr_binding_t *binding, const lsr_client_enum_t *call, lsr_client_walk_t *walk) {
	lsr_page_t page;
	lessor_status_t status = check_handle(binding, *call->resume);
	if (status == LESSOR_OK) {
		status = find_way(binding->engine, call->subnet, *call->resume, walk);
	}
	if (status != LESSOR_OK && status != LESSOR_END) {
		return status;
	}
	lsr_page_begin(&page, sizeof(void *), lsr_page_clamp(call->preferred));
	if (status == LESSOR_OK) {
		status = fill_page(binding->engine, walk, call->kind, &page);
	}
	if (status == LESSOR_OK) {
		return give_page(binding->engine, walk, call, &page);
	}
	if (status == LESSOR_END) {
		return give_none(binding->engine, call, &page);
	}
	lsr_page_discard(&page);
	return status;
}

static DWORD
enum_clients(LPCWSTR server, const lsr_client_enum_t *call) {
	static const lsr_codes_t codes = {.missing = ERROR_DHCP_JET_ERROR};
	lsr_binding_t *binding;
	if (!lsr_page_out_clear(&call->out) || call->resume == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	DWORD code = lsr_call_begin(server, LESSOR_ACCESS_READ, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	lsr_client_walk_t walk = {.texts = malloc(LESSOR_LEASE_BUFFER_BYTES)};
	code = lsr_call_end(binding, walk.texts == NULL ? LESSOR_NO_MEMORY : enumerate(binding, call, &walk), &codes);
	free(walk.texts);
	return code == ERROR_SUCCESS && walk.more ? ERROR_MORE_DATA : code;
}

/* The seven of them take the same arguments; only the type of the array differs. */
#define LSR_CLIENT_ENUM(name, of_kind, array_t)                                                                        \
	DWORD DHCP_API_FUNCTION name(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,                      \
				     DHCP_RESUME_HANDLE *ResumeHandle, DWORD PreferredMaximum, array_t *ClientInfo,    \
				     DWORD *ClientsRead, DWORD *ClientsTotal) {                                        \
		return enum_clients(ServerIpAddress,                                                                   \
				    &(lsr_client_enum_t){.kind = of_kind,                                              \
							 .subnet = SubnetAddress,                                      \
							 .resume = ResumeHandle,                                       \
							 .preferred = PreferredMaximum,                                \
							 .out = {ClientInfo, ClientsRead, ClientsTotal}});             \
	}

LSR_CLIENT_ENUM(DhcpEnumSubnetClients, LSR_CLIENT_INFO, LPDHCP_CLIENT_INFO_ARRAY)
LSR_CLIENT_ENUM(DhcpEnumSubnetClientsV4, LSR_CLIENT_V4, LPDHCP_CLIENT_INFO_ARRAY_V4)
LSR_CLIENT_ENUM(DhcpEnumSubnetClientsV5, LSR_CLIENT_V5, LPDHCP_CLIENT_INFO_ARRAY_V5)
LSR_CLIENT_ENUM(DhcpEnumSubnetClientsVQ, LSR_CLIENT_VQ, LPDHCP_CLIENT_INFO_ARRAY_VQ)
LSR_CLIENT_ENUM(DhcpEnumSubnetClientsFilterStatusInfo, LSR_CLIENT_FILTER_STATUS, LPDHCP_CLIENT_FILTER_STATUS_INFO_ARRAY)
LSR_CLIENT_ENUM(DhcpV4EnumSubnetClients, LSR_CLIENT_PB, LPDHCP_CLIENT_INFO_PB_ARRAY)
LSR_CLIENT_ENUM(DhcpV4EnumSubnetClientsEx, LSR_CLIENT_EX, LPDHCP_CLIENT_INFO_EX_ARRAY)
