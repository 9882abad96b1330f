/* SPDX-License-Identifier: Apache-2.0 */
/* IPv6 scopes: each is a /64, known by the upper half of its address. The lower half of what callers give is not looked at. */
#include <stdbool.h>
#include <stdint.h>

#include <lessor/dhcpsapi.h>
#include <lessor/scope6.h>

#include "dhcpsapi/binding.h"
#include "dhcpsapi/block.h"
#include "dhcpsapi/call.h"
#include "dhcpsapi/page.h"
#include "dhcpsapi/utf16.h"

#define LSR_PREFIX_BITS 64u

_Static_assert(LSR_UTF8_BYTES(LSR_SUBNET_COMMENT_MAX_UNITS) - 1 <= LESSOR_SCOPE_NAME_MAX_BYTES,
	       "a comment fits the engine");

/* A native scope and the texts it points to. Not to be copied. */
typedef struct lsr_scope6_record {
	lessor_scope6_t scope;
	char name[LSR_UTF8_BYTES(LSR_SUBNET_NAME_MAX_UNITS)];
	char comment[LSR_UTF8_BYTES(LSR_SUBNET_COMMENT_MAX_UNITS)];
} lsr_scope6_record_t;

/*
 * Create and change.
 */

static bool
from_info(lsr_scope6_record_t *record, DHCP_IPV6_ADDRESS subnet, const DHCP_SUBNET_INFO_V6 *info) {
	record->scope =
		(lessor_scope6_t){.prefix = subnet.HighOrderBits, .state = info->State, .preference = info->Preference};
	return lsr_utf16_take(info->SubnetName, LSR_SUBNET_NAME_MAX_UNITS, record->name, &record->scope.name) &&
	       lsr_utf16_take(info->SubnetComment, LSR_SUBNET_COMMENT_MAX_UNITS, record->comment,
			      &record->scope.comment);
}

static lessor_status_t
create(const lsr_binding_t *binding, DHCP_IPV6_ADDRESS subnet, const DHCP_SUBNET_INFO_V6 *info) {
	lsr_scope6_record_t record;
	return from_info(&record, subnet, info)
		       ? lessor_scope6_create(binding->engine, &record.scope, binding->mode, NULL)
		       : LESSOR_INVALID;
}

static lessor_status_t
set(const lsr_binding_t *binding, DHCP_IPV6_ADDRESS subnet, const DHCP_SUBNET_INFO_V6 *info) {
	const uint32_t fields = LESSOR_SCOPE_FIELD_STATE | LESSOR_SCOPE_FIELD_NAME | LESSOR_SCOPE_FIELD_COMMENT |
				LESSOR_SCOPE6_FIELD_PREFERENCE;
	lsr_scope6_record_t record;
	return from_info(&record, subnet, info)
		       ? lessor_scope6_update(binding->engine, &record.scope, fields, binding->mode, NULL)
		       : LESSOR_INVALID;
}

DWORD DHCP_API_FUNCTION
DhcpCreateSubnetV6(LPWSTR ServerIpAddress, DHCP_IPV6_ADDRESS SubnetAddress, LPDHCP_SUBNET_INFO_V6 SubnetInfo) {
	static const lsr_codes_t codes = {.exists = ERROR_DUPLICATE_TAG, .outside = ERROR_DHCP_INVALID_SUBNET_PREFIX};
	lsr_binding_t *binding;
	if (SubnetInfo == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READWRITE, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	if (!lsr_utf16_fits(SubnetInfo->SubnetName, LSR_SUBNET_NAME_MAX_UNITS)) {
		return lsr_call_leave(binding, lsr_call_refuse(ERROR_DHCP_SCOPE_NAME_TOO_LONG));
	}
	return lsr_call_end(binding, create(binding, SubnetAddress, SubnetInfo), &codes);
}

DWORD DHCP_API_FUNCTION
DhcpSetSubnetInfoV6(LPWSTR ServerIpAddress, DHCP_IPV6_ADDRESS SubnetAddress, LPDHCP_SUBNET_INFO_V6 SubnetInfo) {
	static const lsr_codes_t codes = {.missing = ERROR_DHCP_SUBNET_NOT_PRESENT,
					  .no_scope = ERROR_DHCP_SUBNET_NOT_PRESENT};
	lsr_binding_t *binding;
	if (SubnetInfo == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READWRITE, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	if (!lsr_utf16_fits(SubnetInfo->SubnetName, LSR_SUBNET_NAME_MAX_UNITS)) {
		return lsr_call_leave(binding, lsr_call_refuse(ERROR_DHCP_SCOPE_NAME_TOO_LONG));
	}
	return lsr_call_end(binding, set(binding, SubnetAddress, SubnetInfo), &codes);
}

/*
 * Read.
 */

static lessor_status_t
build_info(const lessor_scope6_t *scope, void **result) {
	lsr_block_t block = lsr_block_make(lsr_block_part_bytes(sizeof(DHCP_SUBNET_INFO_V6)) +
					   lsr_block_text_bytes(scope->name) + lsr_block_text_bytes(scope->comment));
	DHCP_SUBNET_INFO_V6 *info = lsr_block_take(&block, sizeof(*info));
	if (info != NULL) {
		*info = (DHCP_SUBNET_INFO_V6){.SubnetAddress = {.HighOrderBits = scope->prefix},
					      .Prefix = LSR_PREFIX_BITS,
					      .Preference = scope->preference,
					      .SubnetName = lsr_block_text(&block, scope->name),
					      .SubnetComment = lsr_block_text(&block, scope->comment),
					      .State = scope->state,
					      .ScopeId = scope->number};
	}
	return lsr_block_finish(&block, result);
}

static lessor_status_t
get(lessor_engine_t *engine, DHCP_IPV6_ADDRESS subnet, LPDHCP_SUBNET_INFO_V6 *info) {
	char texts[LESSOR_SCOPE_BUFFER_BYTES];
	lessor_scope6_t scope;
	void *result;
	lessor_status_t status = lessor_scope6_get(engine, subnet.HighOrderBits, &scope, texts, sizeof(texts));
	if (status == LESSOR_OK) {
		status = build_info(&scope, &result);
	}
	if (status == LESSOR_OK) {
		*info = result;
	}
	return status;
}

DWORD DHCP_API_FUNCTION
DhcpGetSubnetInfoV6(LPWSTR ServerIpAddress, DHCP_IPV6_ADDRESS SubnetAddress, LPDHCP_SUBNET_INFO_V6 *SubnetInfo) {
	static const lsr_codes_t codes = {.missing = ERROR_DHCP_SUBNET_NOT_PRESENT,
					  .no_scope = ERROR_DHCP_SUBNET_NOT_PRESENT};
	lsr_binding_t *binding;
	if (SubnetInfo == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	*SubnetInfo = NULL;
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READ, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	return lsr_call_end(binding, get(binding->engine, SubnetAddress, SubnetInfo), &codes);
}

/*
 * Delete.
 */

DWORD DHCP_API_FUNCTION
DhcpDeleteSubnetV6(LPWSTR ServerIpAddress, DHCP_IPV6_ADDRESS SubnetAddress, DHCP_FORCE_FLAG ForceFlag) {
	static const lsr_codes_t codes = {.missing = ERROR_FILE_NOT_FOUND,
					  .no_scope = ERROR_FILE_NOT_FOUND,
					  .not_empty = ERROR_DHCP_ELEMENT_CANT_REMOVE};
	lsr_binding_t *binding;
	/* An enumeration, but the caller's number may be any. */
	const uint32_t force = (uint32_t)ForceFlag;
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READWRITE, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	const lessor_status_t status = force <= DhcpFailoverForce
					       ? lessor_scope6_delete(binding->engine, SubnetAddress.HighOrderBits,
								      force != DhcpNoForce, binding->mode, NULL)
					       : LESSOR_INVALID;
	return lsr_call_end(binding, status, &codes);
}

/*
 * Enumerate.
 */

/* Gather the addresses of the scopes, each costing one of what the page may hold. */
static lessor_status_t
fill_page(lessor_engine_t *engine, lsr_page_t *page) {
	lessor_scope6_t scope = {.prefix = 0};
	lessor_status_t status = LESSOR_OK;
	while (status == LESSOR_OK && scope.prefix < UINT64_MAX) {
		status = lessor_scope6_next(engine, scope.prefix + 1, &scope, NULL, 0);
		if (status == LESSOR_OK && lsr_page_reaches(page) && lsr_page_fits(page, 1)) {
			const DHCP_IPV6_ADDRESS address = {.HighOrderBits = scope.prefix};
			lsr_page_add(page, &address);
		}
	}
	return status == LESSOR_OK || status == LESSOR_END ? lsr_page_outcome(page) : status;
}

static lessor_status_t
enumerate(lessor_engine_t *engine, DWORD most, const lsr_page_out_t *out, DHCP_RESUME_HANDLE *resume) {
	lsr_page_t page;
	lsr_page_begin(&page, sizeof(DHCP_IPV6_ADDRESS), most);
	page.skip = *resume;
	lessor_status_t status = most == 0 ? LESSOR_END : fill_page(engine, &page);
	if (status != LESSOR_OK) {
		lsr_page_discard(&page);
		return status;
	}
	status = lsr_page_give(&page, out, page.rest);
	if (status == LESSOR_OK) {
		*resume += (DHCP_RESUME_HANDLE)page.count;
	}
	return status;
}

DWORD DHCP_API_FUNCTION
DhcpEnumSubnetsV6(const WCHAR *ServerIpAddress, DHCP_RESUME_HANDLE *ResumeHandle, DWORD PreferredMaximum,
		  LPDHCPV6_IP_ARRAY *EnumInfo, DWORD *ElementsRead, DWORD *ElementsTotal) {
	static const lsr_codes_t codes = {0};
	const lsr_page_out_t out = {.array = EnumInfo, .read = ElementsRead, .total = ElementsTotal};
	lsr_binding_t *binding;
	if (!lsr_page_out_clear(&out) || ResumeHandle == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READ, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	return lsr_call_end(binding, enumerate(binding->engine, PreferredMaximum, &out, ResumeHandle), &codes);
}
