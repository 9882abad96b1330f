/* SPDX-License-Identifier: Apache-2.0 */
/* Adding and removing the elements of IPv4 scopes: ranges, exclusions and reservations. */
#include "dhcpsapi/element.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <lessor/dhcpsapi.h>
#include <lessor/lease.h>
#include <lessor/reservation.h>
#include <lessor/scope.h>

#include "dhcpsapi/call.h"
#include "dhcpsapi/exclusions.h"
#include "dhcpsapi/record.h"

_Static_assert(sizeof(lsr_element_t) == sizeof(DHCP_SUBNET_ELEMENT_DATA) &&
		       sizeof(lsr_element_t) == sizeof(DHCP_SUBNET_ELEMENT_DATA_V4) &&
		       sizeof(lsr_element_t) == sizeof(DHCP_SUBNET_ELEMENT_DATA_V5) &&
		       offsetof(lsr_element_t, arm) == offsetof(DHCP_SUBNET_ELEMENT_DATA, Element),
	       "elements are alike");

/* The newer structures begin with the older ones. */
_Static_assert(offsetof(DHCP_BOOTP_IP_RANGE, EndAddress) == offsetof(DHCP_IP_RANGE, EndAddress) &&
		       offsetof(DHCP_IP_RESERVATION_V4, ReservedForClient) ==
			       offsetof(DHCP_IP_RESERVATION, ReservedForClient),
	       "arms begin alike");

/* The kinds that can be edited, and those that are only names. */
typedef enum lsr_kind { LSR_RANGE, LSR_EXCLUSION, LSR_RESERVATION, LSR_KINDS, LSR_HOST, LSR_NO_KIND } lsr_kind_t;

static lsr_kind_t
kind_of(DHCP_SUBNET_ELEMENT_TYPE type) {
	switch (type) {
	case DhcpIpRanges:
	case DhcpIpRangesDhcpOnly:
	case DhcpIpRangesDhcpBootp:
	case DhcpIpRangesBootpOnly:
		return LSR_RANGE;
	case DhcpExcludedIpRanges:
		return LSR_EXCLUSION;
	case DhcpReservedIps:
		return LSR_RESERVATION;
	case DhcpSecondaryHosts:
		return LSR_HOST;
	default:
		return LSR_NO_KIND;
	}
}

static lessor_range_t
range_of(const void *arm) {
	DHCP_IP_RANGE range;
	memcpy(&range, arm, sizeof(range));
	return (lessor_range_t){range.StartAddress, range.EndAddress};
}

/*
 * What adding and removing have in common.
 */

/* A call in work. When it comes to a function for its kind, scope, type and arm have been looked at. */
typedef struct lsr_edit {
	lsr_binding_t *binding;
	lessor_scope_t scope;
	lsr_version_t version;
	lsr_element_t element;
	lsr_kind_t kind;
	bool is_force_known; /* the flag is one that the call has */
	bool force;
} lsr_edit_t;

/* Find the scope and look at the element. Answers ERROR_SUCCESS or the code of the call. */
static DWORD
prepare(lsr_edit_t *edit, DHCP_IP_ADDRESS subnet, const void *element) {
	static const lsr_codes_t codes = {.missing = ERROR_DHCP_SUBNET_NOT_PRESENT};
	if (!edit->is_force_known) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const lessor_status_t status = lessor_scope_get(edit->binding->engine, subnet, &edit->scope, NULL, 0);
	if (status != LESSOR_OK) {
		return lsr_call_answer(status, &codes);
	}
	memcpy(&edit->element, element, sizeof(edit->element));
	edit->kind = kind_of(edit->element.type);
	if (edit->kind == LSR_HOST) {
		return lsr_call_refuse(ERROR_CALL_NOT_IMPLEMENTED);
	}
	if (edit->kind == LSR_NO_KIND || edit->element.arm == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	return ERROR_SUCCESS;
}

/* What to do, by kind. */
typedef DWORD (*const lsr_editors_t[LSR_KINDS])(const lsr_edit_t *edit);

static DWORD
edit(LPCWSTR server, DHCP_IP_ADDRESS subnet, const void *element, lsr_edit_t *call, lsr_editors_t editors) {
	if (element == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	DWORD code = lsr_call_begin(server, LESSOR_ACCESS_READWRITE, &call->binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	code = prepare(call, subnet, element);
	if (code == ERROR_SUCCESS) {
		code = editors[call->kind](call);
	}
	return lsr_call_leave(call->binding, code);
}

/*
 * Add.
 */

/* Which clients the range is for is not kept. Only the leases that there are may contradict it. */
static lessor_status_t
look_for_clients(lessor_engine_t *engine, const lessor_scope_t *scope, uint8_t client_type, bool *found) {
	lessor_cursor_t cursor;
	lessor_lease_t lease;
	lessor_status_t status = LESSOR_OK;
	void *texts = malloc(LESSOR_LEASE_BUFFER_BYTES);
	*found = false;
	if (texts == NULL) {
		return LESSOR_NO_MEMORY;
	}
	lessor_cursor_init(&cursor, scope->subnet, scope->subnet | ~scope->mask);
	while (!*found && status == LESSOR_OK) {
		status = lessor_lease_next(engine, &cursor, &lease, texts, LESSOR_LEASE_BUFFER_BYTES);
		*found = status == LESSOR_OK &&
			 (lease.client_type & ~(unsigned)LESSOR_CLIENT_RESERVATION_FLAG) == client_type;
	}
	free(texts);
	return status == LESSOR_END ? LESSOR_OK : status;
}

/* The type of client that a range of this kind does not go together with; LESSOR_CLIENT_UNSPECIFIED: none. */
static uint8_t
unwanted_clients(const lsr_edit_t *edit) {
	if (edit->version != LSR_ELEMENT_V5 || edit->element.type == DhcpIpRanges ||
	    edit->element.type == DhcpIpRangesDhcpOnly) {
		return LESSOR_CLIENT_BOOTP;
	}
	return edit->element.type == DhcpIpRangesBootpOnly ? LESSOR_CLIENT_DHCP : LESSOR_CLIENT_UNSPECIFIED;
}

static DWORD
add_range(const lsr_edit_t *edit) {
	static const lsr_codes_t codes = {.no_scope = ERROR_DHCP_SUBNET_NOT_PRESENT,
					  .exists = ERROR_DHCP_IPRANGE_EXITS,
					  .outside = ERROR_DHCP_INVALID_RANGE,
					  .conflict = ERROR_DHCP_INVALID_RANGE};
	lessor_engine_t *engine = edit->binding->engine;
	const lessor_range_t range = range_of(edit->element.arm);
	const bool is_there =
		edit->scope.has_range && range.first == edit->scope.range.first && range.last == edit->scope.range.last;
	const bool may_be_there = edit->version == LSR_ELEMENT_V5 || edit->element.type != DhcpIpRanges;
	const uint8_t unwanted = unwanted_clients(edit);
	bool conflicts = false;
	if (range.first > range.last) {
		return lsr_call_refuse(ERROR_DHCP_INVALID_RANGE);
	}
	lessor_status_t status = is_there && !may_be_there ? LESSOR_EXISTS : LESSOR_OK;
	if (status == LESSOR_OK && unwanted != LESSOR_CLIENT_UNSPECIFIED) {
		status = look_for_clients(engine, &edit->scope, unwanted, &conflicts);
	}
	if (conflicts) {
		return lsr_call_refuse(ERROR_DHCP_IPRANGE_CONV_ILLEGAL);
	}
	if (status == LESSOR_OK) {
		status = lessor_scope_resize(engine, edit->scope.subnet, range, edit->binding->mode, NULL);
	}
	return lsr_call_answer(status == LESSOR_EXISTS && may_be_there ? LESSOR_OK : status, &codes);
}

static DWORD
add_exclusion(const lsr_edit_t *edit) {
	static const lsr_codes_t codes = {.missing = ERROR_DHCP_SUBNET_NOT_PRESENT,
					  .outside = ERROR_DHCP_INVALID_RANGE};
	const lessor_status_t status = lessor_scope_exclude(edit->binding->engine, edit->scope.subnet,
							    range_of(edit->element.arm), edit->binding->mode, NULL);
	/* Nothing but the range can be wrong. */
	return lsr_call_answer(status == LESSOR_INVALID ? LESSOR_OUTSIDE : status, &codes);
}

static DWORD
add_reservation(const lsr_edit_t *edit) {
	static const lsr_codes_t codes = {.no_scope = ERROR_DHCP_SUBNET_NOT_PRESENT,
					  .outside = ERROR_DHCP_NOT_RESERVED_CLIENT,
					  .reserved = ERROR_DHCP_RESERVEDIP_EXITS,
					  .taken = ERROR_DHCP_RESERVEDIP_EXITS};
	DHCP_IP_RESERVATION_V4 arm = {.bAllowedClientTypes = CLIENT_TYPE_BOTH};
	memcpy(&arm, edit->element.arm,
	       edit->version == LSR_ELEMENT_V1 ? offsetof(DHCP_IP_RESERVATION_V4, bAllowedClientTypes) : sizeof(arm));
	if (arm.ReservedForClient == NULL || !lsr_client_record_id_ok(arm.ReservedForClient)) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const lessor_reservation_t reservation = {.address = arm.ReservedIpAddress,
						  .client_id_bytes = (uint8_t)arm.ReservedForClient->DataLength,
						  .client_types = arm.bAllowedClientTypes,
						  .client_id = arm.ReservedForClient->Data};
	return lsr_call_answer(lessor_reservation_create(edit->binding->engine, edit->scope.subnet, &reservation,
							 edit->binding->mode, NULL),
			       &codes);
}

static const lsr_editors_t adders = {
	[LSR_RANGE] = add_range, [LSR_EXCLUSION] = add_exclusion, [LSR_RESERVATION] = add_reservation};

static DWORD
add(LPCWSTR server, DHCP_IP_ADDRESS subnet, const void *element, lsr_version_t version) {
	lsr_edit_t call = {.version = version, .is_force_known = true};
	return edit(server, subnet, element, &call, adders);
}

DWORD DHCP_API_FUNCTION
DhcpAddSubnetElement(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
		     const DHCP_SUBNET_ELEMENT_DATA *AddElementInfo) {
	return add(ServerIpAddress, SubnetAddress, AddElementInfo, LSR_ELEMENT_V1);
}

DWORD DHCP_API_FUNCTION
DhcpAddSubnetElementV4(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
		       const DHCP_SUBNET_ELEMENT_DATA_V4 *AddElementInfo) {
	return add(ServerIpAddress, SubnetAddress, AddElementInfo, LSR_ELEMENT_V4);
}

DWORD DHCP_API_FUNCTION
DhcpAddSubnetElementV5(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
		       const DHCP_SUBNET_ELEMENT_DATA_V5 *AddElementInfo) {
	return add(ServerIpAddress, SubnetAddress, AddElementInfo, LSR_ELEMENT_V5);
}

/*
 * Remove.
 */

static DWORD
remove_range(const lsr_edit_t *edit) {
	static const lsr_codes_t codes = {.no_scope = ERROR_DHCP_SUBNET_NOT_PRESENT,
					  .missing = ERROR_DHCP_INVALID_RANGE,
					  .not_empty = ERROR_DHCP_ELEMENT_CANT_REMOVE};
	return lsr_call_answer(lessor_scope_remove_range(edit->binding->engine, edit->scope.subnet,
							 range_of(edit->element.arm), edit->force, edit->binding->mode,
							 NULL),
			       &codes);
}

static bool
is_among(const lsr_exclusions_t *exclusions, lessor_range_t range) {
	for (size_t i = 0; i < exclusions->count; i++) {
		if (exclusions->ranges[i].first == range.first && exclusions->ranges[i].last == range.last) {
			return true;
		}
	}
	return false;
}

static DWORD
remove_exclusion(const lsr_edit_t *edit) {
	static const lsr_codes_t codes = {.missing = ERROR_DHCP_ELEMENT_CANT_REMOVE};
	lessor_engine_t *engine = edit->binding->engine;
	const lessor_range_t range = range_of(edit->element.arm);
	lsr_exclusions_t exclusions;
	lessor_status_t status = lsr_exclusions_read(engine, edit->scope.subnet, &exclusions);
	if (status == LESSOR_OK && is_among(&exclusions, range)) {
		status = lessor_scope_include(engine, edit->scope.subnet, range, edit->binding->mode, NULL);
	} else if (status == LESSOR_OK) {
		status = lsr_exclusions_contain(&exclusions, range.first) ? LESSOR_INVALID : LESSOR_NOT_FOUND;
	}
	lsr_exclusions_free(&exclusions);
	return lsr_call_answer(status, &codes);
}

static DWORD
remove_reservation(const lsr_edit_t *edit) {
	static const lsr_codes_t codes = {.no_scope = ERROR_DHCP_SUBNET_NOT_PRESENT,
					  .reserved = ERROR_DHCP_RESERVED_CLIENT};
	static const DHCP_CLIENT_UID anybody = {.DataLength = 0};
	const lsr_binding_t *binding = edit->binding;
	DHCP_IP_RESERVATION arm;
	memcpy(&arm, edit->element.arm, sizeof(arm));
	const DHCP_CLIENT_UID *client = arm.ReservedForClient == NULL ? &anybody : arm.ReservedForClient;
	const bool is_anybody = client->Data == NULL || client->DataLength == 0;
	if (!is_anybody && !lsr_client_record_id_ok(client)) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	lessor_status_t status = lessor_reservation_delete(
		binding->engine, edit->scope.subnet, arm.ReservedIpAddress, is_anybody ? NULL : client->Data,
		is_anybody ? 0 : client->DataLength, lessor_time_now(), binding->mode, NULL);
	if (status == LESSOR_NOT_FOUND) {
		status = lessor_lease_delete(binding->engine, arm.ReservedIpAddress, NULL, 0, binding->mode, NULL);
	}
	return lsr_call_answer(status, &codes);
}

static const lsr_editors_t removers = {
	[LSR_RANGE] = remove_range, [LSR_EXCLUSION] = remove_exclusion, [LSR_RESERVATION] = remove_reservation};

static DWORD
take_away(LPCWSTR server, DHCP_IP_ADDRESS subnet, const void *element, DHCP_FORCE_FLAG force) {
	lsr_edit_t call = {.force = force == DhcpFullForce,
			   .is_force_known = force == DhcpFullForce || force == DhcpNoForce};
	return edit(server, subnet, element, &call, removers);
}

DWORD DHCP_API_FUNCTION
DhcpRemoveSubnetElement(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
			const DHCP_SUBNET_ELEMENT_DATA *RemoveElementInfo, DHCP_FORCE_FLAG ForceFlag) {
	return take_away(ServerIpAddress, SubnetAddress, RemoveElementInfo, ForceFlag);
}

DWORD DHCP_API_FUNCTION
DhcpRemoveSubnetElementV4(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
			  const DHCP_SUBNET_ELEMENT_DATA_V4 *RemoveElementInfo, DHCP_FORCE_FLAG ForceFlag) {
	return take_away(ServerIpAddress, SubnetAddress, RemoveElementInfo, ForceFlag);
}

DWORD DHCP_API_FUNCTION
DhcpRemoveSubnetElementV5(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
			  const DHCP_SUBNET_ELEMENT_DATA_V5 *RemoveElementInfo, DHCP_FORCE_FLAG ForceFlag) {
	return take_away(ServerIpAddress, SubnetAddress, RemoveElementInfo, ForceFlag);
}
