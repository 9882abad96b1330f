/* SPDX-License-Identifier: Apache-2.0 */
/* One IPv6 lease in its two shapes. */
#include "dhcpsapi/record6.h"

#include <arpa/inet.h>
#include <stdint.h>

bool
lsr_client6_duid_ok(const DHCP_CLIENT_UID *duid) {
	return duid->Data != NULL && duid->DataLength > 0 && duid->DataLength <= LESSOR_DUID_MAX_BYTES;
}

lessor_status_t
lsr_client6_record_from_info(lsr_client6_record_t *record, const DHCP_CLIENT_INFO_V6 *info) {
	lessor_lease6_t *lease = &record->lease;
	if (!lsr_client6_duid_ok(&info->ClientDUID)) {
		return LESSOR_INVALID;
	}
	lessor_lease6_init(lease);
	lease->address = lsr_address6_from(info->ClientIpAddress);
	lease->duid = info->ClientDUID.Data;
	lease->duid_bytes = (uint16_t)info->ClientDUID.DataLength;
	lease->iaid = info->IAID;
	lease->expires_at = lsr_time_of(info->ClientValidLeaseExpires);
	lease->preferred_expires_at = lsr_time_of(info->ClientPrefLeaseExpires);
	return lsr_utf16_take(info->ClientName, LSR_NAME_MAX_UNITS, record->name, &lease->name) &&
			       lsr_utf16_take(info->ClientComment, LSR_NAME_MAX_UNITS, record->comment, &lease->comment)
		       ? LESSOR_OK
		       : LESSOR_INVALID;
}

static uint64_t
read_big_endian(const unsigned char *bytes) {
	uint64_t number = 0;
	for (unsigned i = 0; i < sizeof(number); i++) {
		number = number << 8 | bytes[i];
	}
	return number;
}

/* Is this text an IPv6 address? A longer text than any of these is none. */
static bool
parse_address6(LPCWSTR text, lessor_address6_t *address) {
	char ascii[LSR_UTF8_BYTES(INET6_ADDRSTRLEN)];
	struct in6_addr parsed;
	if (!lsr_utf16_to_utf8(text, INET6_ADDRSTRLEN, ascii) || inet_pton(AF_INET6, ascii, &parsed) != 1) {
		return false;
	}
	*address = (lessor_address6_t){.high = read_big_endian(parsed.s6_addr),
				       .low = read_big_endian(parsed.s6_addr + sizeof(uint64_t))};
	return true;
}

void
lsr_client6_record_own(lsr_client6_record_t *record, LPCWSTR server) {
	if (server != NULL) {
		(void)parse_address6(server, &record->lease.owner_address);
	}
}

size_t
lsr_client6_record_page_bytes(const lessor_lease6_t *lease) {
	return sizeof(DHCP_CLIENT_INFO_V6) + sizeof(void *) + lease->duid_bytes + lsr_utf16_bytes(lease->name) +
	       lsr_utf16_bytes(lease->comment);
}

DHCP_CLIENT_INFO_V6 *
lsr_client6_record_part(lsr_block_t *block, const lessor_lease6_t *lease) {
	DHCP_CLIENT_INFO_V6 *info = lsr_block_take(block, sizeof(*info));
	if (info != NULL) {
		*info = (DHCP_CLIENT_INFO_V6){
			.ClientIpAddress = lsr_address6_to(lease->address),
			.ClientDUID = {.DataLength = lease->duid_bytes,
				       .Data = lsr_block_bytes(block, lease->duid, lease->duid_bytes)},
			.AddressType = ADDRESS_TYPE_IANA,
			.IAID = lease->iaid,
			.ClientName = lsr_block_text(block, lease->name),
			.ClientComment = lsr_block_text(block, lease->comment),
			.ClientValidLeaseExpires = lsr_date_time_of(lease->expires_at),
			.ClientPrefLeaseExpires = lsr_date_time_of(lease->preferred_expires_at),
			.OwnerHost = {.IpAddress = lsr_address6_to(lease->owner_address)},
		};
	}
	return info;
}

lessor_status_t
lsr_client6_record_to_info(const lessor_lease6_t *lease, void **info) {
	lsr_block_t block = lsr_block_make(lsr_block_part_bytes(sizeof(DHCP_CLIENT_INFO_V6)) +
					   lsr_block_part_bytes(lease->duid_bytes) + lsr_block_text_bytes(lease->name) +
					   lsr_block_text_bytes(lease->comment));
	(void)lsr_client6_record_part(&block, lease);
	return lsr_block_finish(&block, info);
}
