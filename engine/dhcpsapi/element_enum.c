/* SPDX-License-Identifier: Apache-2.0 */
/* The enumerations of ranges, exclusions and reservations. Their handles count what was read. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <lessor/dhcpsapi.h>
#include <lessor/lease.h>
#include <lessor/reservation.h>
#include <lessor/scope.h>

#include "dhcpsapi/call.h"
#include "dhcpsapi/element.h"
#include "dhcpsapi/exclusions.h"
#include "dhcpsapi/page.h"
#include "dhcpsapi/search.h"
#include "dhcpsapi/utf16.h"

/* What MaxBootpAllowed says when there is no limit. */
#define LSR_NO_BOOTP_LIMIT 0xFFFFFFFFu

/* A call in work. */
typedef struct lsr_listing {
	lsr_binding_t *binding;
	lessor_scope_t scope;
	lsr_version_t version;
	lsr_page_t page;
	unsigned char *texts; /* of the leases at reserved addresses */
	lessor_status_t status;
} lsr_listing_t;

/*
 * Ranges and exclusions.
 */

static void
put_range(lsr_listing_t *listing, lessor_range_t range, DHCP_SUBNET_ELEMENT_TYPE type) {
	const bool is_bootp = type == DhcpIpRanges && listing->version == LSR_ELEMENT_V5;
	const DHCP_BOOTP_IP_RANGE wide = {
		.StartAddress = range.first, .EndAddress = range.last, .MaxBootpAllowed = LSR_NO_BOOTP_LIMIT};
	const size_t arm_bytes = is_bootp ? sizeof(DHCP_BOOTP_IP_RANGE) : sizeof(DHCP_IP_RANGE);
	if (lsr_page_reaches(&listing->page) && lsr_page_fits(&listing->page, sizeof(lsr_element_t) + arm_bytes)) {
		const lsr_element_t element = {.type = type,
					       .arm = lsr_block_bytes(&listing->page.block, &wide, arm_bytes)};
		lsr_page_add(&listing->page, &element);
	}
}

static lessor_status_t
list_exclusions(lsr_listing_t *listing) {
	lsr_exclusions_t exclusions;
	const lessor_status_t status =
		lsr_exclusions_read(listing->binding->engine, listing->scope.subnet, &exclusions);
	for (size_t i = 0; status == LESSOR_OK && i < exclusions.count; i++) {
		put_range(listing, exclusions.ranges[i], DhcpExcludedIpRanges);
	}
	lsr_exclusions_free(&exclusions);
	return status;
}

/*
 * Reservations, of which there are two shapes.
 */

typedef void (*lsr_put_t)(lsr_listing_t *listing, const lessor_reservation_t *reservation, DHCP_CLIENT_UID client);

static void
put_element(lsr_listing_t *listing, const lessor_reservation_t *reservation, DHCP_CLIENT_UID client) {
	lsr_block_t *block = &listing->page.block;
	const size_t arm_bytes =
		listing->version == LSR_ELEMENT_V1 ? sizeof(DHCP_IP_RESERVATION) : sizeof(DHCP_IP_RESERVATION_V4);
	if (!lsr_page_fits(&listing->page, sizeof(lsr_element_t) + arm_bytes + sizeof(client) + client.DataLength)) {
		return;
	}
	client.Data = lsr_block_bytes(block, client.Data, client.DataLength);
	const DHCP_IP_RESERVATION_V4 wide = {
		.ReservedIpAddress = reservation->address,
		.ReservedForClient = (DHCP_CLIENT_UID *)(void *)lsr_block_bytes(block, &client, sizeof(client)),
		.bAllowedClientTypes = reservation->client_types,
	};
	const lsr_element_t element = {.type = DhcpReservedIps, .arm = lsr_block_bytes(block, &wide, arm_bytes)};
	lsr_page_add(&listing->page, &element);
}

/* The lease at the address, if there is one, lends its name and comment. */
static void
put_info(lsr_listing_t *listing, const lessor_reservation_t *reservation, DHCP_CLIENT_UID client) {
	lsr_block_t *block = &listing->page.block;
	lessor_lease_t lease = {.name = NULL};
	const lessor_status_t status = lessor_lease_get(listing->binding->engine, reservation->address, &lease,
							listing->texts, LESSOR_LEASE_BUFFER_BYTES);
	if (status != LESSOR_OK && status != LESSOR_NOT_FOUND) {
		listing->status = status;
		return;
	}
	if (!lsr_page_fits(&listing->page, sizeof(DHCP_IP_RESERVATION_INFO) + sizeof(void *) + client.DataLength +
						   lsr_utf16_bytes(lease.name) + lsr_utf16_bytes(lease.comment))) {
		return;
	}
	const DHCP_IP_RESERVATION_INFO info = {
		.ReservedIpAddress = reservation->address,
		.ReservedForClient = {client.DataLength, lsr_block_bytes(block, client.Data, client.DataLength)},
		.ReservedClientName = lsr_block_text(block, lease.name),
		.ReservedClientDesc = lsr_block_text(block, lease.comment),
		.bAllowedClientTypes = reservation->client_types,
	};
	const void *part = lsr_block_bytes(block, &info, sizeof(info));
	lsr_page_add(&listing->page, &part);
}

static lessor_status_t
list_reservations(lsr_listing_t *listing, lsr_put_t put) {
	const uint32_t subnet = listing->scope.subnet;
	const bool is_unique_id = lsr_binding_has_option(listing->binding, LESSOR_DHCPSAPI_RESERVED_UNIQUE_ID);
	lessor_reservation_t reservation;
	BYTE id[LESSOR_DHCPSAPI_UNIQUE_ID_MAX_BYTES];
	listing->status = LESSOR_OK;
	for (uint64_t from = subnet; from <= UINT32_MAX && listing->status == LESSOR_OK;
	     from = (uint64_t)reservation.address + 1) {
		listing->status = lessor_reservation_next(listing->binding->engine, subnet, (uint32_t)from,
							  &reservation, id, sizeof(id));
		if (listing->status == LESSOR_OK && lsr_page_reaches(&listing->page)) {
			DHCP_CLIENT_UID client = {reservation.client_id_bytes, id};
			if (is_unique_id) {
				client.DataLength = (DWORD)lsr_unique_id_write(subnet, reservation.client_id,
									       reservation.client_id_bytes, id);
			}
			put(listing, &reservation, client);
		}
	}
	return listing->status == LESSOR_END ? LESSOR_OK : listing->status;
}

/*
 * The calls.
 */

/* A call, but for the server. */
typedef struct lsr_element_enum {
	lsr_version_t version;
	DHCP_IP_ADDRESS subnet;
	DHCP_SUBNET_ELEMENT_TYPE type;
	DHCP_RESUME_HANDLE *resume;
	DWORD preferred;
	lsr_page_out_t out;
} lsr_element_enum_t;

static DWORD
check_type(const lsr_element_enum_t *call) {
	switch (call->type) {
	case DhcpIpRanges:
	case DhcpReservedIps:
	case DhcpExcludedIpRanges:
		return ERROR_SUCCESS;
	case DhcpIpRangesDhcpBootp:
		return call->version == LSR_ELEMENT_V5 ? ERROR_SUCCESS : lsr_call_refuse(ERROR_INVALID_PARAMETER);
	case DhcpSecondaryHosts:
		return lsr_call_refuse(ERROR_NOT_SUPPORTED);
	default:
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
}

static lessor_status_t
list_infos(lsr_listing_t *listing) {
	listing->texts = malloc(LESSOR_LEASE_BUFFER_BYTES);
	const lessor_status_t status = listing->texts == NULL ? LESSOR_NO_MEMORY : list_reservations(listing, put_info);
	free(listing->texts);
	return status;
}

static lessor_status_t
list(lsr_listing_t *listing, const lsr_element_enum_t *call) {
	if (call->version == LSR_ELEMENT_INFO) {
		return list_infos(listing);
	}
	if (call->type == DhcpReservedIps) {
		return list_reservations(listing, put_element);
	}
	if (call->type == DhcpExcludedIpRanges) {
		return list_exclusions(listing);
	}
	if (listing->scope.has_range && call->preferred != 0) {
		put_range(listing, listing->scope.range, DhcpIpRanges);
	}
	return LESSOR_OK;
}

static lessor_status_t
enumerate(lsr_listing_t *listing, const lsr_element_enum_t *call) {
	lessor_status_t status = lessor_scope_get(listing->binding->engine, call->subnet, &listing->scope, NULL, 0);
	if (status != LESSOR_OK) {
		return status;
	}
	const bool is_info = call->version == LSR_ELEMENT_INFO;
	lsr_page_begin(&listing->page, is_info ? sizeof(void *) : sizeof(lsr_element_t), call->preferred);
	listing->page.skip = *call->resume;
	listing->page.is_full = !is_info && call->preferred == 0;
	status = list(listing, call);
	if (status != LESSOR_OK) {
		lsr_page_discard(&listing->page);
		return status;
	}
	return lsr_page_give_counted(&listing->page, &call->out, call->resume);
}

static DWORD
enum_elements(LPCWSTR server, const lsr_element_enum_t *call) {
	static const lsr_codes_t codes = {.no_scope = ERROR_DHCP_SUBNET_NOT_PRESENT,
					  .missing = ERROR_DHCP_SUBNET_NOT_PRESENT};
	lsr_listing_t listing = {.version = call->version};
	if (!lsr_page_out_clear(&call->out) || call->resume == NULL ||
	    (call->version == LSR_ELEMENT_INFO && call->subnet == 0)) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	DWORD code = lsr_call_begin(server, LESSOR_ACCESS_READ, &listing.binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	code = check_type(call);
	if (code == ERROR_SUCCESS) {
		code = lsr_call_answer(enumerate(&listing, call), &codes);
	}
	lsr_call_leave(listing.binding, code);
	return code == ERROR_SUCCESS && listing.page.rest > 0 ? ERROR_MORE_DATA : code;
}

/* The three of them take the same arguments; only the type of the array differs. */
#define LSR_ELEMENT_ENUM(name, of_version, array_t)                                                                    \
	DWORD DHCP_API_FUNCTION name(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,                      \
				     DHCP_SUBNET_ELEMENT_TYPE EnumElementType, DHCP_RESUME_HANDLE *ResumeHandle,       \
				     DWORD PreferredMaximum, array_t *EnumElementInfo, DWORD *ElementsRead,            \
				     DWORD *ElementsTotal) {                                                           \
		return enum_elements(ServerIpAddress,                                                                  \
				     &(lsr_element_enum_t){of_version,                                                 \
							   SubnetAddress,                                              \
							   EnumElementType,                                            \
							   ResumeHandle,                                               \
							   PreferredMaximum,                                           \
							   {EnumElementInfo, ElementsRead, ElementsTotal}});           \
	}

LSR_ELEMENT_ENUM(DhcpEnumSubnetElements, LSR_ELEMENT_V1, LPDHCP_SUBNET_ELEMENT_INFO_ARRAY)
LSR_ELEMENT_ENUM(DhcpEnumSubnetElementsV4, LSR_ELEMENT_V4, LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V4)
LSR_ELEMENT_ENUM(DhcpEnumSubnetElementsV5, LSR_ELEMENT_V5, LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V5)

DWORD DHCP_API_FUNCTION
DhcpV4EnumSubnetReservations(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
			     DHCP_RESUME_HANDLE *ResumeHandle, DWORD PreferredMaximum,
			     LPDHCP_RESERVATION_INFO_ARRAY *EnumElementInfo, DWORD *ElementsRead,
			     DWORD *ElementsTotal) {
	return enum_elements(ServerIpAddress, &(lsr_element_enum_t){LSR_ELEMENT_INFO,
								    SubnetAddress,
								    DhcpReservedIps,
								    ResumeHandle,
								    PreferredMaximum,
								    {EnumElementInfo, ElementsRead, ElementsTotal}});
}
