/* SPDX-License-Identifier: Apache-2.0 */
/* Searches by address, unique ID and name (MS-DHCPM 2.2.1.2.18), and the building of unique IDs (2.2.1.2.5.2). */
#include "dhcpsapi/search.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dhcpsapi/record.h"
#include "dhcpsapi/utf16.h"

/* A unique ID: subnet address, little-endian; hardware type; client identifier. */
#define LSR_UNIQUE_ID_TYPE_AT   4u
#define LSR_UNIQUE_ID_CLIENT_AT 5u

_Static_assert(LESSOR_DHCPSAPI_UNIQUE_ID_MAX_BYTES == LSR_UNIQUE_ID_CLIENT_AT + LESSOR_CLIENT_ID_MAX_BYTES,
	       "the longest unique ID");

bool
lsr_search_lacks_name(const DHCP_SEARCH_INFO *search) {
	return search->SearchType == DhcpClientName && search->SearchInfo.ClientName == NULL;
}

/* The searches as the engine answers them. */
typedef struct lsr_key {
	DHCP_SEARCH_INFO_TYPE type;
	uint32_t address; /* by client, the subnet's */
	const uint8_t *client_id;
	size_t client_id_bytes;
	const char *name;
} lsr_key_t;

static lessor_status_t
read_key(lessor_engine_t *engine, const lsr_key_t *key, lessor_lease_t *lease, void *buffer, size_t buffer_bytes) {
	switch (key->type) {
	case DhcpClientHardwareAddress:
		return lessor_lease_get_client(engine, key->address, key->client_id, key->client_id_bytes, lease,
					       buffer, buffer_bytes);
	case DhcpClientName:
		return lessor_lease_find_name(engine, key->name, lease, buffer, buffer_bytes);
	default:
		return lessor_lease_get(engine, key->address, lease, buffer, buffer_bytes);
	}
}

static lessor_status_t
find_key(lessor_engine_t *engine, const lsr_key_t *key, lsr_search_hit_t *found) {
	lessor_status_t status = read_key(engine, key, &found->lease, found->texts, sizeof(found->texts));
	found->long_texts = NULL;
	if (status == LESSOR_BUFFER_TOO_SMALL) {
		found->long_texts = malloc(LESSOR_LEASE_BUFFER_BYTES);
		if (found->long_texts == NULL) {
			return LESSOR_NO_MEMORY;
		}
		status = read_key(engine, key, &found->lease, found->long_texts, LESSOR_LEASE_BUFFER_BYTES);
	}
	if (status != LESSOR_OK) {
		lsr_search_release(found);
	}
	return status;
}

static uint32_t
read_little_endian(const BYTE *bytes) {
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static lessor_status_t
find_unique_id(lessor_engine_t *engine, const DHCP_CLIENT_UID *id, lsr_search_hit_t *found) {
	if (id->Data == NULL || id->DataLength == 0 || id->DataLength > LESSOR_DHCPSAPI_UNIQUE_ID_MAX_BYTES) {
		return LESSOR_INVALID;
	}
	if (id->DataLength <= LSR_UNIQUE_ID_CLIENT_AT || id->Data[LSR_UNIQUE_ID_TYPE_AT] != HWTYPE_ETHERNET_10MB) {
		return LESSOR_NOT_FOUND;
	}
	const lsr_key_t key = {.type = DhcpClientHardwareAddress,
			       .address = read_little_endian(id->Data),
			       .client_id = id->Data + LSR_UNIQUE_ID_CLIENT_AT,
			       .client_id_bytes = id->DataLength - LSR_UNIQUE_ID_CLIENT_AT};
	return find_key(engine, &key, found);
}

static lessor_status_t
find_name(lessor_engine_t *engine, LPCWSTR name, lsr_search_hit_t *found) {
	char utf8[LSR_UTF8_BYTES(LSR_NAME_MAX_UNITS)];
	if (name == NULL || !lsr_utf16_to_utf8(name, LSR_NAME_MAX_UNITS, utf8)) {
		return LESSOR_INVALID;
	}
	return find_key(engine, &(lsr_key_t){.type = DhcpClientName, .name = utf8}, found);
}

lessor_status_t
lsr_search_find(lessor_engine_t *engine, const DHCP_SEARCH_INFO *search, lsr_search_hit_t *found) {
	switch (search->SearchType) {
	case DhcpClientIpAddress:
		return find_key(engine, &(lsr_key_t){.address = search->SearchInfo.ClientIpAddress}, found);
	case DhcpClientHardwareAddress:
		return find_unique_id(engine, &search->SearchInfo.ClientHardwareAddress, found);
	case DhcpClientName:
		return find_name(engine, search->SearchInfo.ClientName, found);
	default:
		return LESSOR_INVALID;
	}
}

void
lsr_search_release(lsr_search_hit_t *found) {
	free(found->long_texts);
	found->long_texts = NULL;
}

size_t
lsr_unique_id_write(uint32_t subnet, const uint8_t *client_id, size_t client_id_bytes, BYTE *buffer) {
	memmove(buffer + LSR_UNIQUE_ID_CLIENT_AT, client_id, client_id_bytes);
	for (unsigned i = 0; i < LSR_UNIQUE_ID_TYPE_AT; i++) {
		buffer[i] = (BYTE)(subnet >> 8 * i);
	}
	buffer[LSR_UNIQUE_ID_TYPE_AT] = HWTYPE_ETHERNET_10MB;
	return LSR_UNIQUE_ID_CLIENT_AT + client_id_bytes;
}

DWORD
lessor_dhcpsapi_unique_id(DHCP_IP_ADDRESS SubnetAddress, const DHCP_CLIENT_UID *ClientId, BYTE *Buffer, DWORD *Length) {
	if (Length == NULL || ClientId == NULL || !lsr_client_record_id_ok(ClientId)) {
		return ERROR_INVALID_PARAMETER;
	}
	const DWORD room = Buffer == NULL ? 0 : *Length;
	*Length = LSR_UNIQUE_ID_CLIENT_AT + ClientId->DataLength;
	if (room < *Length) {
		return ERROR_MORE_DATA;
	}
	(void)lsr_unique_id_write(SubnetAddress, ClientId->Data, ClientId->DataLength, Buffer);
	return ERROR_SUCCESS;
}
