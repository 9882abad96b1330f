/* SPDX-License-Identifier: Apache-2.0 */
/* Link-layer filters: entries, the two switches, the lists. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <lessor/dhcpsapi.h>
#include <lessor/filter.h>

#include "dhcpsapi/binding.h"
#include "dhcpsapi/block.h"
#include "dhcpsapi/call.h"
#include "dhcpsapi/page.h"
#include "dhcpsapi/utf16.h"

#define LSR_FILTER_COMMENT_MAX_UNITS 127u

_Static_assert(LSR_UTF8_BYTES(LSR_FILTER_COMMENT_MAX_UNITS) - 1 <= LESSOR_FILTER_COMMENT_MAX_BYTES,
	       "a comment fits the engine");
_Static_assert(LESSOR_FILTER_PATTERN_MAX_BYTES <= MAX_PATTERN_LENGTH, "a pattern fits the structure");
_Static_assert((int)LESSOR_FILTER_DENY == (int)Deny && (int)LESSOR_FILTER_ALLOW == (int)Allow, "the same numbers");

/*
 * Patterns. Which lengths go with which type and list the engine knows.
 */

static bool
pattern_from(const DHCP_ADDR_PATTERN *pattern, lessor_filter_t *filter) {
	if (pattern->MatchHWType == FALSE || pattern->Length > LESSOR_FILTER_PATTERN_MAX_BYTES) {
		return false;
	}
	*filter = (lessor_filter_t){.hardware_type = pattern->HWType,
				    .is_wildcard = pattern->IsWildcard != FALSE,
				    .pattern_bytes = pattern->Length,
				    .list = LESSOR_FILTER_ALLOW};
	memcpy(filter->pattern, pattern->Pattern, pattern->Length);
	return true;
}

static DHCP_ADDR_PATTERN
pattern_of(const lessor_filter_t *filter) {
	DHCP_ADDR_PATTERN pattern = {.MatchHWType = TRUE,
				     .HWType = filter->hardware_type,
				     .IsWildcard = filter->is_wildcard ? TRUE : FALSE,
				     .Length = filter->pattern_bytes};
	memcpy(pattern.Pattern, filter->pattern, filter->pattern_bytes);
	return pattern;
}

/* Is this the handle of an enumeration that begins? No pattern is all zero, as MatchHWType is TRUE in each. */
static bool
is_start(const DHCP_ADDR_PATTERN *handle) {
	return handle->MatchHWType == FALSE && handle->HWType == 0 && handle->IsWildcard == FALSE &&
	       handle->Length == 0;
}

/*
 * Entries.
 */

static lessor_status_t
add(const lsr_binding_t *binding, const DHCP_FILTER_ADD_INFO *info, bool replace) {
	lessor_filter_t filter;
	char comment[LSR_UTF8_BYTES(LSR_FILTER_COMMENT_MAX_UNITS)];
	/* An enumeration, but the caller's number may be any. */
	const uint32_t list = (uint32_t)info->ListType;
	if (!pattern_from(&info->AddrPatt, &filter) || list > Allow ||
	    (info->Comment != NULL && !lsr_utf16_to_utf8(info->Comment, LSR_FILTER_COMMENT_MAX_UNITS, comment))) {
		return LESSOR_INVALID;
	}
	filter.list = (lessor_filter_list_t)list;
	filter.comment = info->Comment != NULL ? comment : NULL;
	return lessor_filter_add(binding->engine, &filter, replace, binding->mode, NULL);
}

static bool
is_ethernet(const DHCP_ADDR_PATTERN *pattern) {
	return pattern->HWType == HWTYPE_ETHERNET_10MB;
}

DWORD DHCP_API_FUNCTION
DhcpAddFilterV4(const WCHAR *ServerIpAddress, DHCP_FILTER_ADD_INFO *AddFilterInfo, BOOL ForceFlag) {
	lsr_binding_t *binding;
	if (AddFilterInfo == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READWRITE, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	const lsr_codes_t codes = {.exists = is_ethernet(&AddFilterInfo->AddrPatt)
						     ? ERROR_DHCP_LINKLAYER_ADDRESS_EXISTS
						     : ERROR_DHCP_HARDWARE_ADDRESS_TYPE_ALREADY_EXEMPT};
	return lsr_call_end(binding, add(binding, AddFilterInfo, ForceFlag != FALSE), &codes);
}

DWORD DHCP_API_FUNCTION
DhcpDeleteFilterV4(const WCHAR *ServerIpAddress, DHCP_ADDR_PATTERN *DeleteFilterInfo) {
	lsr_binding_t *binding;
	lessor_filter_t filter;
	if (DeleteFilterInfo == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READWRITE, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	const lsr_codes_t codes = {.missing = is_ethernet(DeleteFilterInfo)
						      ? ERROR_DHCP_LINKLAYER_ADDRESS_DOES_NOT_EXIST
						      : ERROR_DHCP_UNDEFINED_HARDWARE_ADDRESS_TYPE};
	const lessor_status_t status = pattern_from(DeleteFilterInfo, &filter)
					       ? lessor_filter_remove(binding->engine, &filter, binding->mode, NULL)
					       : LESSOR_INVALID;
	return lsr_call_end(binding, status, &codes);
}

/*
 * Switches.
 */

DWORD DHCP_API_FUNCTION
DhcpSetFilterV4(const WCHAR *ServerIpAddress, DHCP_FILTER_GLOBAL_INFO *GlobalFilterInfo) {
	static const lsr_codes_t codes = {0};
	lsr_binding_t *binding;
	if (GlobalFilterInfo == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READWRITE, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	return lsr_call_end(binding,
			    lessor_filter_set_enforcement(binding->engine, GlobalFilterInfo->EnforceAllowList != FALSE,
							  GlobalFilterInfo->EnforceDenyList != FALSE, binding->mode,
							  NULL),
			    &codes);
}

DWORD DHCP_API_FUNCTION
DhcpGetFilterV4(const WCHAR *ServerIpAddress, DHCP_FILTER_GLOBAL_INFO *GlobalFilterInfo) {
	static const lsr_codes_t codes = {0};
	lsr_binding_t *binding;
	bool allow = false;
	bool deny = false;
	if (GlobalFilterInfo == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	*GlobalFilterInfo = (DHCP_FILTER_GLOBAL_INFO){0};
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READ, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	const lessor_status_t status = lessor_filter_enforcement(binding->engine, &allow, &deny);
	*GlobalFilterInfo = (DHCP_FILTER_GLOBAL_INFO){.EnforceAllowList = allow ? TRUE : FALSE,
						      .EnforceDenyList = deny ? TRUE : FALSE};
	return lsr_call_end(binding, status, &codes);
}

/*
 * Lists.
 */

/* The order of lessor_filter_next(). */
static bool
lies_behind(const lessor_filter_t *filter, const lessor_filter_t *other) {
	/* What is behind the end of a pattern is zero in both. */
	const int patterns = memcmp(filter->pattern, other->pattern, sizeof(filter->pattern));
	if (filter->hardware_type != other->hardware_type) {
		return filter->hardware_type > other->hardware_type;
	}
	return patterns != 0 ? patterns > 0 : filter->pattern_bytes > other->pattern_bytes;
}

static void
add_record(lsr_page_t *page, const lessor_filter_t *filter) {
	if (lsr_page_fits(page, sizeof(DHCP_FILTER_RECORD) + lsr_utf16_bytes(filter->comment))) {
		const DHCP_FILTER_RECORD record = {.AddrPatt = pattern_of(filter),
						   .Comment = lsr_block_text(&page->block, filter->comment)};
		lsr_page_add(page, &record);
	}
}

/* Read the list from its beginning: what is behind 'from' goes into the page, or is counted. */
static lessor_status_t
fill_page(lessor_engine_t *engine, lessor_filter_list_t list, const lessor_filter_t *from, lsr_page_t *page) {
	char comment[LESSOR_FILTER_COMMENT_MAX_BYTES + 1];
	lessor_filter_t filter;
	uint32_t position = 0;
	lessor_status_t status;
	while ((status = lessor_filter_next(engine, list, &position, &filter, comment, sizeof(comment))) == LESSOR_OK) {
		if (from == NULL || lies_behind(&filter, from)) {
			add_record(page, &filter);
		}
	}
	return status == LESSOR_END ? lsr_page_outcome(page) : status;
}

static lessor_status_t
give_page(lsr_page_t *page, DHCP_ADDR_PATTERN *handle, const lsr_page_out_t *out) {
	DHCP_FILTER_RECORD last;
	memcpy(&last, page->items + (page->count - 1) * sizeof(last), sizeof(last));
	const lessor_status_t status = lsr_page_give(page, out, page->rest > 0 ? page->rest : page->count);
	if (status == LESSOR_OK) {
		*handle = last.AddrPatt;
	}
	return status;
}

static DWORD
enumerate(lessor_engine_t *engine, DHCP_ADDR_PATTERN *handle, DWORD preferred, uint32_t list,
	  const lsr_page_out_t *out) {
	static const lsr_codes_t codes = {0};
	lsr_page_t page;
	lessor_filter_t from;
	const bool resumes = !is_start(handle);
	if (list > Allow || (resumes && !pattern_from(handle, &from))) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	lsr_page_begin(&page, sizeof(DHCP_FILTER_RECORD), lsr_page_clamp(preferred));
	lessor_status_t status = fill_page(engine, (lessor_filter_list_t)list, resumes ? &from : NULL, &page);
	if (status == LESSOR_OK) {
		status = give_page(&page, handle, out);
	} else {
		lsr_page_discard(&page);
	}
	const DWORD code = lsr_call_answer(status, &codes);
	return code == ERROR_SUCCESS && page.rest > 0 ? ERROR_MORE_DATA : code;
}

DWORD DHCP_API_FUNCTION
DhcpEnumFilterV4(const WCHAR *ServerIpAddress, LPDHCP_ADDR_PATTERN ResumeHandle, DWORD PreferredMaximum,
		 DHCP_FILTER_LIST_TYPE ListType, LPDHCP_FILTER_ENUM_INFO *EnumFilterInfo, DWORD *ElementsRead,
		 DWORD *ElementsTotal) {
	const lsr_page_out_t out = {.array = EnumFilterInfo, .read = ElementsRead, .total = ElementsTotal};
	lsr_binding_t *binding;
	if (!lsr_page_out_clear(&out) || ResumeHandle == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READ, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	return lsr_call_leave(binding,
			      enumerate(binding->engine, ResumeHandle, PreferredMaximum, (uint32_t)ListType, &out));
}
