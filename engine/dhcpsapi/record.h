/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between a native lease and the Windows structures of the IPv4 lease family.
 *
 * DHCP_CLIENT_INFO_PB is the one that is translated: every older structure of the family has the same members in the
 * same order and only ends earlier, so that it can be read into one, or be cut out of one.
 */
#ifndef LSR_DHCPSAPI_RECORD_H
#define LSR_DHCPSAPI_RECORD_H

#include <stdbool.h>

#include <lessor/dhcpsapi.h>
#include <lessor/lease.h>

#include "dhcpsapi/binding.h"
#include "dhcpsapi/utf16.h"

/* The sources set no limit for names; this is ours. The other two have one of 128 and 64 units with the NUL. */
#define LSR_NAME_MAX_UNITS    1024u
#define LSR_COMMENT_MAX_UNITS 127u
#define LSR_POLICY_MAX_UNITS  63u

/* A native lease and the texts it points to. Not to be copied. */
typedef struct lsr_client_record {
	lessor_lease_t lease;
	char name[LSR_UTF8_BYTES(LSR_NAME_MAX_UNITS)];
	char comment[LSR_UTF8_BYTES(LSR_COMMENT_MAX_UNITS)];
	char policy_name[LSR_UTF8_BYTES(LSR_POLICY_MAX_UNITS)];
} lsr_client_record_t;

/* Has it 1 to 255 bytes? Does not look at them. */
bool lsr_client_record_id_ok(const DHCP_CLIENT_UID *id);

/*
 * Translate what a caller gave. The client id stays the caller's memory. Members whose meaning the engine checks itself
 * (address, type, state) are passed on as they are; those that would not survive the translation are refused.
 * Returns: LESSOR_OK; LESSOR_INVALID.
 */
lessor_status_t lsr_client_record_from_info(lsr_client_record_t *record, const DHCP_CLIENT_INFO_PB *info);

/* Make the server its owner: the binding's name, and the address that 'server' spells, or else the binding's. */
void lsr_client_record_own(lsr_client_record_t *record, const lsr_binding_t *binding, LPCWSTR server);

/* Translate a lease into a result of one block. Returns: LESSOR_OK; LESSOR_NO_MEMORY; LESSOR_DAMAGED. */
lessor_status_t lsr_client_record_to_info(const lessor_lease_t *lease, LPDHCP_CLIENT_INFO_PB *info);

#endif
