/* SPDX-License-Identifier: Apache-2.0 */
/* One lease in its two shapes. */
#include "dhcpsapi/record.h"

#include <stdint.h>

#include "dhcpsapi/block.h"

_Static_assert(LSR_UTF8_BYTES(LSR_NAME_MAX_UNITS) - 1 <= LESSOR_NAME_MAX_BYTES, "a name fits the engine");
_Static_assert(LSR_UTF8_BYTES(LSR_COMMENT_MAX_UNITS) - 1 <= LESSOR_NAME_MAX_BYTES, "a comment fits the engine");
_Static_assert(LSR_UTF8_BYTES(LSR_POLICY_MAX_UNITS) - 1 <= LESSOR_POLICY_MAX_BYTES, "a policy name fits the engine");

static lessor_filetime_t
time_of(DATE_TIME time) {
	return (lessor_filetime_t)time.dwHighDateTime << 32 | time.dwLowDateTime;
}

static DATE_TIME
date_time_of(lessor_filetime_t time) {
	return (DATE_TIME){.dwLowDateTime = (DWORD)time, .dwHighDateTime = (DWORD)(time >> 32)};
}

void
lessor_dhcpsapi_client_info_init(DHCP_CLIENT_INFO_PB *ClientInfo) {
	if (ClientInfo != NULL) {
		*ClientInfo = (DHCP_CLIENT_INFO_PB){.bClientType = CLIENT_TYPE_DHCP,
						    .AddressState = ADDRESS_STATE_ACTIVE,
						    .ClientLeaseExpires = date_time_of(LESSOR_TIME_INFINITE)};
	}
}

bool
lsr_client_record_id_ok(const DHCP_CLIENT_UID *id) {
	return id->Data != NULL && id->DataLength > 0 && id->DataLength <= LESSOR_CLIENT_ID_MAX_BYTES;
}

/* Translate a text into 'utf8', and let *member point to it; NULL stays NULL. */
static bool
take_text(LPCWSTR text, size_t max_units, char *utf8, const char **member) {
	*member = text == NULL ? NULL : utf8;
	return text == NULL || lsr_utf16_to_utf8(text, max_units, utf8);
}

static bool
take_texts(lsr_client_record_t *record, const DHCP_CLIENT_INFO_PB *info) {
	lessor_lease_t *lease = &record->lease;
	return take_text(info->ClientName, LSR_NAME_MAX_UNITS, record->name, &lease->name) &&
	       take_text(info->ClientComment, LSR_COMMENT_MAX_UNITS, record->comment, &lease->comment) &&
	       take_text(info->PolicyName, LSR_POLICY_MAX_UNITS, record->policy_name, &lease->policy_name);
}

lessor_status_t
lsr_client_record_from_info(lsr_client_record_t *record, const DHCP_CLIENT_INFO_PB *info) {
	lessor_lease_t *lease = &record->lease;
	/* An enumeration, but the caller's number may be any; a byte must not make a known one of it. */
	const uint32_t quarantine_status = (uint32_t)info->Status;
	if (!lsr_client_record_id_ok(&info->ClientHardwareAddress) || quarantine_status > NOQUARINFO) {
		return LESSOR_INVALID;
	}
	lessor_lease_init(lease);
	lease->address = info->ClientIpAddress;
	lease->client_id = info->ClientHardwareAddress.Data;
	lease->client_id_bytes = (uint8_t)info->ClientHardwareAddress.DataLength;
	lease->client_type = info->bClientType;
	lease->address_state = info->AddressState;
	lease->quarantine_status = (uint8_t)quarantine_status;
	lease->quarantine_capable = info->QuarantineCapable != FALSE;
	lease->expires_at = time_of(info->ClientLeaseExpires);
	lease->probation_ends_at = time_of(info->ProbationEnds);
	return take_texts(record, info) ? LESSOR_OK : LESSOR_INVALID;
}

void
lsr_client_record_own(lsr_client_record_t *record, const lsr_binding_t *binding, LPCWSTR server) {
	record->lease.owner_name = binding->server_name;
	record->lease.owner_address = binding->server_address;
	if (server != NULL) {
		(void)lsr_utf16_parse_address(server, &record->lease.owner_address);
	}
}

static size_t
block_bytes(const lessor_lease_t *lease) {
	return lsr_block_part_bytes(sizeof(DHCP_CLIENT_INFO_PB)) + lsr_block_part_bytes(lease->client_id_bytes) +
	       lsr_block_text_bytes(lease->name) + lsr_block_text_bytes(lease->comment) +
	       lsr_block_text_bytes(lease->owner_name) + lsr_block_text_bytes(lease->policy_name);
}

/* Fill a record whose texts come out of the block. What an array of records will be made of. */
static void
fill_info(lsr_block_t *block, const lessor_lease_t *lease, DHCP_CLIENT_INFO_PB *info) {
	*info = (DHCP_CLIENT_INFO_PB){
		.ClientIpAddress = lease->address,
		.SubnetMask = lease->subnet_mask,
		.ClientHardwareAddress = {.DataLength = lease->client_id_bytes,
					  .Data = lsr_block_bytes(block, lease->client_id, lease->client_id_bytes)},
		.ClientName = lsr_block_text(block, lease->name),
		.ClientComment = lsr_block_text(block, lease->comment),
		.ClientLeaseExpires = date_time_of(lease->expires_at),
		.OwnerHost = {.IpAddress = lease->owner_address,
			      .NetBiosName = lsr_block_text(block, lease->owner_name)},
		.bClientType = lease->client_type,
		.AddressState = lease->address_state,
		.Status = (QuarantineStatus)lease->quarantine_status,
		.ProbationEnds = date_time_of(lease->probation_ends_at),
		.QuarantineCapable = lease->quarantine_capable ? TRUE : FALSE,
		.FilterStatus = FILTER_STATUS_NONE,
		.PolicyName = lsr_block_text(block, lease->policy_name),
	};
}

lessor_status_t
lsr_client_record_to_info(const lessor_lease_t *lease, LPDHCP_CLIENT_INFO_PB *info) {
	lsr_block_t block = lsr_block_make(block_bytes(lease));
	void *result;
	DHCP_CLIENT_INFO_PB *filled = lsr_block_take(&block, sizeof(*filled));
	if (filled != NULL) {
		fill_info(&block, lease, filled);
	}
	const lessor_status_t status = lsr_block_finish(&block, &result);
	if (status == LESSOR_OK) {
		*info = result;
	}
	return status;
}
