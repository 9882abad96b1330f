/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between a native lease and the Windows structures of the IPv4 lease family.
 *
 * DHCP_CLIENT_INFO_EX is the one that is translated: every older structure of the family has the same members at the
 * same places and only ends earlier, so that it can be read into one, or be cut out of one.
 */
#ifndef LSR_DHCPSAPI_RECORD_H
#define LSR_DHCPSAPI_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include <lessor/dhcpsapi.h>
#include <lessor/lease.h>

#include "dhcpsapi/binding.h"
#include "dhcpsapi/block.h"
#include "dhcpsapi/utf16.h"

/* The structures of the family, in the order in which they grow. */
typedef enum lsr_client_kind {
	LSR_CLIENT_INFO,
	LSR_CLIENT_V4,
	LSR_CLIENT_V5,
	LSR_CLIENT_VQ,
	LSR_CLIENT_FILTER_STATUS,
	LSR_CLIENT_PB,
	LSR_CLIENT_EX
} lsr_client_kind_t;

/*
 * The sources set no limit for names, nor for comments before PB; these are ours. The others have one of 128 and 64
 * units with the NUL.
 */
#define LSR_NAME_MAX_UNITS       1024u
#define LSR_COMMENT_MAX_UNITS    1024u
#define LSR_COMMENT_PB_MAX_UNITS 127u
#define LSR_POLICY_MAX_UNITS     63u

/* A native lease and the texts it points to. Not to be copied. */
typedef struct lsr_client_record {
	lessor_lease_t lease;
	char name[LSR_UTF8_BYTES(LSR_NAME_MAX_UNITS)];
	char comment[LSR_UTF8_BYTES(LSR_COMMENT_MAX_UNITS)];
	char policy_name[LSR_UTF8_BYTES(LSR_POLICY_MAX_UNITS)];
} lsr_client_record_t;

/* Has it 1 to 255 bytes? Does not look at them. */
bool lsr_client_record_id_ok(const DHCP_CLIENT_UID *id);

/* Between the two forms of time. */
lessor_filetime_t lsr_time_of(DATE_TIME time);
DATE_TIME lsr_date_time_of(lessor_filetime_t time);

/*
 * Translate the structure of this kind that a caller gave; members that it has not are as lessor_lease_init() leaves
 * them. The client id stays the caller's memory. Members whose meaning the engine checks itself (address, type, state)
 * are passed on as they are; those that would not survive the translation are refused.
 * Returns: LESSOR_OK; LESSOR_INVALID.
 */
lessor_status_t lsr_client_record_from_info(lsr_client_record_t *record, const void *info, lsr_client_kind_t kind);

/* Make the server its owner: the binding's name, and the address that 'server' spells, or else the binding's. */
void lsr_client_record_own(lsr_client_record_t *record, const lsr_binding_t *binding, LPCWSTR server);

/* Translate a lease into a result of one piece. Returns: LESSOR_OK; LESSOR_NO_MEMORY; LESSOR_DAMAGED. */
lessor_status_t lsr_client_record_to_info(lessor_engine_t *engine, const lessor_lease_t *lease, lsr_client_kind_t kind,
					  void **info);

/* For arrays: what a lease costs in a page, and the structure as a part of a block. */
size_t lsr_client_record_page_bytes(const lessor_lease_t *lease, lsr_client_kind_t kind);
void *lsr_client_record_part(lsr_block_t *block, lessor_engine_t *engine, const lessor_lease_t *lease,
			     lsr_client_kind_t kind);

#endif
