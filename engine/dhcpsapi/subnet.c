/* SPDX-License-Identifier: Apache-2.0 */
/* The calls on IPv4 scopes as a whole: create, change, read, enumerate, delete, and the delay of offers. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <lessor/dhcpsapi.h>
#include <lessor/scope.h>

#include "dhcpsapi/block.h"
#include "dhcpsapi/call.h"
#include "dhcpsapi/page.h"
#include "dhcpsapi/utf16.h"

/* What PrimaryHost is, whatever was given. MS-DHCPM 3.1.4.3 */
#define LSR_LOOPBACK 0x7F000001u

_Static_assert(LSR_UTF8_BYTES(LSR_SUBNET_NAME_MAX_UNITS) - 1 <= LESSOR_SCOPE_NAME_MAX_BYTES, "a name fits the engine");
_Static_assert(LSR_UTF8_BYTES(LSR_SUBNET_COMMENT_MAX_UNITS) - 1 <= LESSOR_SCOPE_NAME_MAX_BYTES,
	       "a comment fits the engine");

/* DHCP_SUBNET_INFO_VQ begins with all that DHCP_SUBNET_INFO has; the latter ends before this. */
#define LSR_PLAIN_BYTES offsetof(DHCP_SUBNET_INFO_VQ, QuarantineOn)
_Static_assert(offsetof(DHCP_SUBNET_INFO, SubnetState) == offsetof(DHCP_SUBNET_INFO_VQ, SubnetState) &&
		       offsetof(DHCP_SUBNET_INFO, SubnetState) + sizeof(DHCP_SUBNET_STATE) == LSR_PLAIN_BYTES,
	       "the one structure begins with the other");

/* A native scope and the texts it points to. Not to be copied. */
typedef struct lsr_subnet_record {
	lessor_scope_t scope;
	char name[LSR_UTF8_BYTES(LSR_SUBNET_NAME_MAX_UNITS)];
	char comment[LSR_UTF8_BYTES(LSR_SUBNET_COMMENT_MAX_UNITS)];
} lsr_subnet_record_t;

/* Create or change: a call, but for the server. */
typedef struct lsr_subnet_change {
	DHCP_IP_ADDRESS subnet;
	const void *info;
	bool is_vq;
	DWORD (*change)(lsr_binding_t *binding, const lessor_scope_t *scope, bool is_vq);
} lsr_subnet_change_t;

/* Translate what a caller gave. Answers ERROR_SUCCESS or the code of the call. */
static DWORD
take_info(const lsr_subnet_change_t *call, lsr_subnet_record_t *record) {
	DHCP_SUBNET_INFO_VQ wide = {.SubnetAddress = 0};
	memcpy(&wide, call->info, call->is_vq ? sizeof(wide) : LSR_PLAIN_BYTES);
	if (call->subnet == 0 || wide.SubnetAddress != call->subnet || (call->subnet & ~wide.SubnetMask) != 0) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	if (!lsr_utf16_fits(wide.SubnetName, LSR_SUBNET_NAME_MAX_UNITS)) {
		return lsr_call_refuse(ERROR_DHCP_SCOPE_NAME_TOO_LONG);
	}
	record->scope = (lessor_scope_t){
		.subnet = call->subnet,
		.mask = wide.SubnetMask,
		.state = (uint32_t)wide.SubnetState,
		.quarantine_on = (wide.QuarantineOn & DHCP_SUBNET_INFO_VQ_FLAG_QUARANTINE) != 0,
	};
	if (!lsr_utf16_take(wide.SubnetName, LSR_SUBNET_NAME_MAX_UNITS, record->name, &record->scope.name) ||
	    !lsr_utf16_take(wide.SubnetComment, LSR_SUBNET_COMMENT_MAX_UNITS, record->comment,
			    &record->scope.comment)) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	return ERROR_SUCCESS;
}

static DWORD
change_subnet(LPCWSTR server, const lsr_subnet_change_t *call) {
	lsr_subnet_record_t record;
	lsr_binding_t *binding;
	if (call->info == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	DWORD code = lsr_call_begin(server, LESSOR_ACCESS_READWRITE, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	code = take_info(call, &record);
	if (code == ERROR_SUCCESS) {
		code = call->change(binding, &record.scope, call->is_vq);
	}
	return lsr_call_leave(binding, code);
}

/*
 * Create.
 */

static DWORD
create(lsr_binding_t *binding, const lessor_scope_t *scope, bool is_vq) {
	static const lsr_codes_t codes = {.exists = ERROR_DHCP_SUBNET_EXISTS};
	(void)is_vq;
	return lsr_call_answer(lessor_scope_create(binding->engine, scope, binding->mode, NULL), &codes);
}

DWORD DHCP_API_FUNCTION
DhcpCreateSubnet(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress, const DHCP_SUBNET_INFO *SubnetInfo) {
	return change_subnet(ServerIpAddress,
			     &(lsr_subnet_change_t){SubnetAddress, SubnetInfo, .is_vq = false, .change = create});
}

DWORD DHCP_API_FUNCTION
DhcpCreateSubnetVQ(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress, const DHCP_SUBNET_INFO_VQ *SubnetInfo) {
	return change_subnet(ServerIpAddress,
			     &(lsr_subnet_change_t){SubnetAddress, SubnetInfo, .is_vq = true, .change = create});
}

/*
 * Change.
 */

static DWORD
set(lsr_binding_t *binding, const lessor_scope_t *scope, bool is_vq) {
	static const lsr_codes_t codes = {.missing = ERROR_DHCP_SUBNET_NOT_PRESENT,
					  .not_empty = ERROR_INVALID_PARAMETER,
					  .exists = ERROR_DHCP_SUBNET_EXISTS};
	const uint32_t fields = LESSOR_SCOPE_FIELD_MASK | LESSOR_SCOPE_FIELD_NAME | LESSOR_SCOPE_FIELD_COMMENT |
				LESSOR_SCOPE_FIELD_STATE | (is_vq ? LESSOR_SCOPE_FIELD_QUARANTINE : 0u);
	if (is_vq && scope->quarantine_on && lsr_binding_has_option(binding, LESSOR_DHCPSAPI_NAP_REMOVED)) {
		lessor_scope_t old;
		const lessor_status_t status = lessor_scope_get(binding->engine, scope->subnet, &old, NULL, 0);
		return status == LESSOR_OK ? lsr_call_refuse(ERROR_DHCP_NAP_NOT_SUPPORTED)
					   : lsr_call_answer(status, &codes);
	}
	return lsr_call_answer(lessor_scope_update(binding->engine, scope, fields, binding->mode, NULL), &codes);
}

DWORD DHCP_API_FUNCTION
DhcpSetSubnetInfo(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress, const DHCP_SUBNET_INFO *SubnetInfo) {
	return change_subnet(ServerIpAddress,
			     &(lsr_subnet_change_t){SubnetAddress, SubnetInfo, .is_vq = false, .change = set});
}

DWORD DHCP_API_FUNCTION
DhcpSetSubnetInfoVQ(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
		    const DHCP_SUBNET_INFO_VQ *SubnetInfo) {
	return change_subnet(ServerIpAddress,
			     &(lsr_subnet_change_t){SubnetAddress, SubnetInfo, .is_vq = true, .change = set});
}

/*
 * Read.
 */

static lessor_status_t
give_info(const lessor_scope_t *scope, bool is_vq, void *out) {
	const size_t struct_bytes = is_vq ? sizeof(DHCP_SUBNET_INFO_VQ) : sizeof(DHCP_SUBNET_INFO);
	void *result;
	lsr_block_t block = lsr_block_make(lsr_block_part_bytes(struct_bytes) + lsr_block_text_bytes(scope->name) +
					   lsr_block_text_bytes(scope->comment) + lsr_block_text_bytes(""));
	void *part = lsr_block_take(&block, struct_bytes);
	const DHCP_SUBNET_INFO_VQ wide = {
		.SubnetAddress = scope->subnet,
		.SubnetMask = scope->mask,
		.SubnetName = lsr_block_text(&block, scope->name),
		.SubnetComment = lsr_block_text(&block, scope->comment),
		.PrimaryHost = {.IpAddress = LSR_LOOPBACK, .NetBiosName = lsr_block_text(&block, "")},
		.SubnetState = (DHCP_SUBNET_STATE)scope->state,
		.QuarantineOn = scope->quarantine_on ? DHCP_SUBNET_INFO_VQ_FLAG_QUARANTINE : 0,
	};
	if (part != NULL) {
		memcpy(part, &wide, is_vq ? sizeof(wide) : LSR_PLAIN_BYTES);
	}
	const lessor_status_t status = lsr_block_finish(&block, &result);
	if (status == LESSOR_OK) {
		lsr_out_set(out, result);
	}
	return status;
}

static DWORD
get(LPCWSTR server, DHCP_IP_ADDRESS subnet, bool is_vq, void *out) {
	static const lsr_codes_t codes = {.missing = ERROR_DHCP_SUBNET_NOT_PRESENT};
	char texts[LESSOR_SCOPE_BUFFER_BYTES];
	lessor_scope_t scope;
	lsr_binding_t *binding;
	if (!lsr_out_clear(out)) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(server, LESSOR_ACCESS_READ, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	lessor_status_t status = lessor_scope_get(binding->engine, subnet, &scope, texts, sizeof(texts));
	if (status == LESSOR_OK) {
		status = give_info(&scope, is_vq, out);
	}
	return lsr_call_end(binding, status, &codes);
}

DWORD DHCP_API_FUNCTION
DhcpGetSubnetInfo(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress, LPDHCP_SUBNET_INFO *SubnetInfo) {
	return get(ServerIpAddress, SubnetAddress, false, SubnetInfo);
}

DWORD DHCP_API_FUNCTION
DhcpGetSubnetInfoVQ(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress, LPDHCP_SUBNET_INFO_VQ *SubnetInfo) {
	return get(ServerIpAddress, SubnetAddress, true, SubnetInfo);
}

/* Gather the addresses of the scopes, each costing one of what the page may hold. */
static lessor_status_t
fill_page(lessor_engine_t *engine, lsr_page_t *page) {
	lessor_scope_t scope;
	lessor_status_t status = LESSOR_OK;
	for (uint64_t from = 0; from <= UINT32_MAX && status == LESSOR_OK; from = (uint64_t)scope.subnet + 1) {
		status = lessor_scope_next(engine, (uint32_t)from, &scope, NULL, 0);
		if (status == LESSOR_OK && lsr_page_reaches(page) && lsr_page_fits(page, 1)) {
			lsr_page_add(page, &scope.subnet);
		}
	}
	return status == LESSOR_END ? LESSOR_OK : status;
}

static lessor_status_t
enumerate(lessor_engine_t *engine, DWORD most, const lsr_page_out_t *out, DHCP_RESUME_HANDLE *resume) {
	lsr_page_t page;
	lsr_page_begin(&page, sizeof(DHCP_IP_ADDRESS), most);
	page.skip = *resume;
	lessor_status_t status = most == 0 ? LESSOR_END : fill_page(engine, &page);
	if (status == LESSOR_OK) {
		status = lsr_page_outcome(&page);
	}
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
DhcpEnumSubnets(const WCHAR *ServerIpAddress, DHCP_RESUME_HANDLE *ResumeHandle, DWORD PreferredMaximum,
		LPDHCP_IP_ARRAY *EnumInfo, DWORD *ElementsRead, DWORD *ElementsTotal) {
	static const lsr_codes_t codes = {.missing = ERROR_DHCP_JET_ERROR};
	const lsr_page_out_t out = {EnumInfo, ElementsRead, ElementsTotal};
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

/*
 * Delete.
 */

DWORD DHCP_API_FUNCTION
DhcpDeleteSubnet(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress, DHCP_FORCE_FLAG ForceFlag) {
	static const lsr_codes_t codes = {.missing = ERROR_DHCP_SUBNET_NOT_PRESENT,
					  .not_empty = ERROR_DHCP_ELEMENT_CANT_REMOVE};
	lsr_binding_t *binding;
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READWRITE, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	if ((uint32_t)ForceFlag > DhcpFailoverForce) {
		return lsr_call_leave(binding, lsr_call_refuse(ERROR_INVALID_PARAMETER));
	}
	return lsr_call_end(
		binding,
		lessor_scope_delete(binding->engine, SubnetAddress, ForceFlag != DhcpNoForce, binding->mode, NULL),
		&codes);
}

/*
 * The delay of offers.
 */

DWORD DHCP_API_FUNCTION
DhcpSetSubnetDelayOffer(LPWSTR ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress, USHORT DelayInMilliseconds) {
	static const lsr_codes_t codes = {.missing = ERROR_DHCP_SUBNET_NOT_PRESENT};
	const lessor_scope_t scope = {.subnet = SubnetAddress, .offer_delay_ms = DelayInMilliseconds};
	lsr_binding_t *binding;
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READWRITE, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	if (DelayInMilliseconds > DHCP_MAX_DELAY) {
		return lsr_call_leave(binding, lsr_call_refuse(ERROR_DHCP_INVALID_DELAY));
	}
	return lsr_call_end(
		binding,
		lessor_scope_update(binding->engine, &scope, LESSOR_SCOPE_FIELD_OFFER_DELAY, binding->mode, NULL),
		&codes);
}

DWORD DHCP_API_FUNCTION
DhcpGetSubnetDelayOffer(LPWSTR ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress, USHORT *DelayInMilliseconds) {
	static const lsr_codes_t codes = {.missing = ERROR_DHCP_SUBNET_NOT_PRESENT};
	lessor_scope_t scope;
	lsr_binding_t *binding;
	if (DelayInMilliseconds == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READ, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	const lessor_status_t status = lessor_scope_get(binding->engine, SubnetAddress, &scope, NULL, 0);
	if (status == LESSOR_OK) {
		*DelayInMilliseconds = scope.offer_delay_ms;
	}
	return lsr_call_end(binding, status, &codes);
}
