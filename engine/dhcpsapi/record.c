/* SPDX-License-Identifier: Apache-2.0 */
/* One lease in its two shapes. */
#include "dhcpsapi/record.h"

#include <stdint.h>
#include <string.h>

#include <lessor/filter.h>

_Static_assert(LSR_UTF8_BYTES(LSR_NAME_MAX_UNITS) - 1 <= LESSOR_NAME_MAX_BYTES, "a name fits the engine");
_Static_assert(LSR_UTF8_BYTES(LSR_COMMENT_MAX_UNITS) - 1 <= LESSOR_NAME_MAX_BYTES, "a comment fits the engine");
_Static_assert(LSR_UTF8_BYTES(LSR_POLICY_MAX_UNITS) - 1 <= LESSOR_POLICY_MAX_BYTES, "a policy name fits the engine");

/* How far the members of each structure go; what is behind them is padding. */
#define LSR_BEFORE(member) offsetof(DHCP_CLIENT_INFO_EX, member)

static const struct {
	size_t struct_bytes;
	size_t member_bytes;
} kinds[] = {
	[LSR_CLIENT_INFO] = {sizeof(DHCP_CLIENT_INFO), LSR_BEFORE(bClientType)},
	[LSR_CLIENT_V4] = {sizeof(DHCP_CLIENT_INFO_V4), LSR_BEFORE(AddressState)},
	[LSR_CLIENT_V5] = {sizeof(DHCP_CLIENT_INFO_V5), LSR_BEFORE(AddressState) + sizeof(BYTE)},
	[LSR_CLIENT_VQ] = {sizeof(DHCP_CLIENT_INFO_VQ), LSR_BEFORE(FilterStatus)},
	[LSR_CLIENT_FILTER_STATUS] = {sizeof(DHCP_CLIENT_FILTER_STATUS_INFO), LSR_BEFORE(PolicyName)},
	[LSR_CLIENT_PB] = {sizeof(DHCP_CLIENT_INFO_PB), LSR_BEFORE(Properties)},
	[LSR_CLIENT_EX] = {sizeof(DHCP_CLIENT_INFO_EX), sizeof(DHCP_CLIENT_INFO_EX)},
};

/* The last member of each older structure stands where it stands in the newest; so do those before it. */
#define LSR_SAME_PLACE(type, member)                                                                                   \
	_Static_assert(offsetof(type, member) == offsetof(DHCP_CLIENT_INFO_EX, member), #type " is the beginning")
LSR_SAME_PLACE(DHCP_CLIENT_INFO, OwnerHost);
LSR_SAME_PLACE(DHCP_CLIENT_INFO_V4, bClientType);
LSR_SAME_PLACE(DHCP_CLIENT_INFO_V5, AddressState);
LSR_SAME_PLACE(DHCP_CLIENT_INFO_VQ, QuarantineCapable);
LSR_SAME_PLACE(DHCP_CLIENT_FILTER_STATUS_INFO, FilterStatus);
LSR_SAME_PLACE(DHCP_CLIENT_INFO_PB, PolicyName);

lessor_filetime_t
lsr_time_of(DATE_TIME time) {
	return (lessor_filetime_t)time.dwHighDateTime << 32 | time.dwLowDateTime;
}

DATE_TIME
lsr_date_time_of(lessor_filetime_t time) {
	return (DATE_TIME){.dwLowDateTime = (DWORD)time, .dwHighDateTime = (DWORD)(time >> 32)};
}

void
lessor_dhcpsapi_client_info_init(DHCP_CLIENT_INFO_PB *ClientInfo) {
	if (ClientInfo != NULL) {
		*ClientInfo = (DHCP_CLIENT_INFO_PB){.bClientType = CLIENT_TYPE_DHCP,
						    .AddressState = ADDRESS_STATE_ACTIVE,
						    .ClientLeaseExpires = lsr_date_time_of(LESSOR_TIME_INFINITE)};
	}
}

bool
lsr_client_record_id_ok(const DHCP_CLIENT_UID *id) {
	return id->Data != NULL && id->DataLength > 0 && id->DataLength <= LESSOR_CLIENT_ID_MAX_BYTES;
}

/*
 * In.
 */

static bool
take_texts(lsr_client_record_t *record, const DHCP_CLIENT_INFO_EX *info, lsr_client_kind_t kind) {
	lessor_lease_t *lease = &record->lease;
	const size_t comment_max_units = kind < LSR_CLIENT_PB ? LSR_COMMENT_MAX_UNITS : LSR_COMMENT_PB_MAX_UNITS;
	return lsr_utf16_take(info->ClientName, LSR_NAME_MAX_UNITS, record->name, &lease->name) &&
	       lsr_utf16_take(info->ClientComment, comment_max_units, record->comment, &lease->comment) &&
	       lsr_utf16_take(info->PolicyName, LSR_POLICY_MAX_UNITS, record->policy_name, &lease->policy_name);
}

/* The newest structures alone have members that a create uses beyond the first six. */
static bool
take_state(lessor_lease_t *lease, const DHCP_CLIENT_INFO_EX *info) {
	/* An enumeration, but the caller's number may be any; a byte must not make a known one of it. */
	const uint32_t quarantine_status = (uint32_t)info->Status;
	lease->client_type = info->bClientType;
	lease->address_state = info->AddressState;
	lease->quarantine_status = (uint8_t)quarantine_status;
	lease->quarantine_capable = info->QuarantineCapable != FALSE;
	lease->probation_ends_at = lsr_time_of(info->ProbationEnds);
	return quarantine_status <= NOQUARINFO;
}

static bool
take_properties(lessor_lease_t *lease, const DHCP_PROPERTY_ARRAY *properties) {
	if (properties == NULL || properties->NumElements == 0) {
		return true;
	}
	if (properties->Elements == NULL || properties->NumElements > LESSOR_DHCPSAPI_PROPERTIES_MAX) {
		return false;
	}
	for (DWORD i = 0; i < properties->NumElements; i++) {
		const DHCP_PROPERTY *property = &properties->Elements[i];
		if (property->ID != DhcpPropIdClientAddressStateEx || property->Type != DhcpPropTypeDword) {
			continue;
		}
		if ((property->Value.DWordValue & ~(DWORD)V5_ADDRESS_EX_BIT_DISABLE_PTR_RR) != 0) {
			return false;
		}
		lease->state_ex = property->Value.DWordValue != 0;
	}
	return true;
}

lessor_status_t
lsr_client_record_from_info(lsr_client_record_t *record, const void *info, lsr_client_kind_t kind) {
	lessor_lease_t *lease = &record->lease;
	DHCP_CLIENT_INFO_EX wide = {.ClientIpAddress = 0};
	memcpy(&wide, info, kinds[kind].member_bytes);
	if (!lsr_client_record_id_ok(&wide.ClientHardwareAddress)) {
		return LESSOR_INVALID;
	}
	lessor_lease_init(lease);
	lease->address = wide.ClientIpAddress;
	lease->client_id = wide.ClientHardwareAddress.Data;
	lease->client_id_bytes = (uint8_t)wide.ClientHardwareAddress.DataLength;
	lease->expires_at = lsr_time_of(wide.ClientLeaseExpires);
	lease->owner_address = wide.OwnerHost.IpAddress;
	if (kind >= LSR_CLIENT_VQ && !take_state(lease, &wide)) {
		return LESSOR_INVALID;
	}
	return take_properties(lease, wide.Properties) && take_texts(record, &wide, kind) ? LESSOR_OK : LESSOR_INVALID;
}

void
lsr_client_record_own(lsr_client_record_t *record, const lsr_binding_t *binding, LPCWSTR server) {
	record->lease.owner_name = binding->server_name;
	record->lease.owner_address = binding->server_address;
	if (server != NULL) {
		(void)lsr_utf16_parse_address(server, &record->lease.owner_address);
	}
}

/*
 * Out.
 */

/* The one property of a lease, and its array. */
#define LSR_PROPERTIES_BYTES (sizeof(DHCP_PROPERTY_ARRAY) + sizeof(DHCP_PROPERTY))

static size_t
block_bytes(const lessor_lease_t *lease, lsr_client_kind_t kind) {
	size_t bytes = lsr_block_part_bytes(kinds[kind].struct_bytes) + lsr_block_part_bytes(lease->client_id_bytes) +
		       lsr_block_text_bytes(lease->name) + lsr_block_text_bytes(lease->comment) +
		       lsr_block_text_bytes(lease->owner_name);
	if (kind >= LSR_CLIENT_PB) {
		bytes += lsr_block_text_bytes(lease->policy_name);
	}
	if (kind >= LSR_CLIENT_EX) {
		bytes +=
			lsr_block_part_bytes(sizeof(DHCP_PROPERTY_ARRAY)) + lsr_block_part_bytes(sizeof(DHCP_PROPERTY));
	}
	return bytes;
}

size_t
lsr_client_record_page_bytes(const lessor_lease_t *lease, lsr_client_kind_t kind) {
	return kinds[kind].struct_bytes + sizeof(void *) + lease->client_id_bytes + lsr_utf16_bytes(lease->name) +
	       lsr_utf16_bytes(lease->comment) + lsr_utf16_bytes(lease->owner_name) +
	       (kind >= LSR_CLIENT_PB ? lsr_utf16_bytes(lease->policy_name) : 0) +
	       (kind >= LSR_CLIENT_EX ? LSR_PROPERTIES_BYTES : 0);
}

_Static_assert(FILTER_STATUS_NONE == (int)LESSOR_FILTER_NO_MATCH &&
		       FILTER_STATUS_FULL_MATCH_IN_ALLOW_LIST == (int)LESSOR_FILTER_ALLOWED &&
		       FILTER_STATUS_FULL_MATCH_IN_DENY_LIST == (int)LESSOR_FILTER_DENIED &&
		       FILTER_STATUS_WILDCARD_MATCH_IN_ALLOW_LIST == (int)LESSOR_FILTER_ALLOWED_BY_WILDCARD &&
		       FILTER_STATUS_WILDCARD_MATCH_IN_DENY_LIST == (int)LESSOR_FILTER_DENIED_BY_WILDCARD,
	       "matches have one number");

/* The hardware address of a client is its identifier here, as it is in a unique ID. */
static DWORD
filter_status(lessor_engine_t *engine, const lessor_lease_t *lease) {
	lessor_filter_match_t match;
	const lessor_status_t status =
		lessor_filter_match(engine, HWTYPE_ETHERNET_10MB, lease->client_id, lease->client_id_bytes, &match);
	return status == LESSOR_OK ? (DWORD)match : FILTER_STATUS_NONE;
}

static LPDHCP_PROPERTY_ARRAY
properties_part(lsr_block_t *block, const lessor_lease_t *lease) {
	DHCP_PROPERTY_ARRAY *array = lsr_block_take(block, sizeof(*array));
	DHCP_PROPERTY *property = lsr_block_take(block, sizeof(*property));
	if (array != NULL && property != NULL) {
		property->ID = DhcpPropIdClientAddressStateEx;
		property->Type = DhcpPropTypeDword;
		property->Value.DWordValue = lease->state_ex ? V5_ADDRESS_EX_BIT_DISABLE_PTR_RR : 0;
		array->NumElements = 1;
		array->Elements = property;
	}
	return array;
}

void *
lsr_client_record_part(lsr_block_t *block, lessor_engine_t *engine, const lessor_lease_t *lease,
		       lsr_client_kind_t kind) {
	void *part = lsr_block_take(block, kinds[kind].struct_bytes);
	const DHCP_CLIENT_INFO_EX wide = {
		.ClientIpAddress = lease->address,
		.SubnetMask = lease->subnet_mask,
		.ClientHardwareAddress = {.DataLength = lease->client_id_bytes,
					  .Data = lsr_block_bytes(block, lease->client_id, lease->client_id_bytes)},
		.ClientName = lsr_block_text(block, lease->name),
		.ClientComment = lsr_block_text(block, lease->comment),
		.ClientLeaseExpires = lsr_date_time_of(lease->expires_at),
		.OwnerHost = {.IpAddress = lease->owner_address,
			      .NetBiosName = lsr_block_text(block, lease->owner_name)},
		.bClientType = lease->client_type,
		.AddressState = lease->address_state,
		.Status = (QuarantineStatus)lease->quarantine_status,
		.ProbationEnds = lsr_date_time_of(lease->probation_ends_at),
		.QuarantineCapable = lease->quarantine_capable ? TRUE : FALSE,
		.FilterStatus = kind >= LSR_CLIENT_FILTER_STATUS ? filter_status(engine, lease) : FILTER_STATUS_NONE,
		.PolicyName = kind >= LSR_CLIENT_PB ? lsr_block_text(block, lease->policy_name) : NULL,
		.Properties = kind >= LSR_CLIENT_EX ? properties_part(block, lease) : NULL,
	};
	if (part != NULL) {
		memcpy(part, &wide, kinds[kind].member_bytes);
	}
	return part;
}

lessor_status_t
lsr_client_record_to_info(lessor_engine_t *engine, const lessor_lease_t *lease, lsr_client_kind_t kind, void **info) {
	lsr_block_t block = lsr_block_make(block_bytes(lease, kind));
	(void)lsr_client_record_part(&block, engine, lease, kind);
	return lsr_block_finish(&block, info);
}
