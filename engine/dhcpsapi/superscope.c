/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Superscopes: joining, the table, deleting.
 *
 * The table is read scope by scope: each entry is of one moment, the table is not.
 */
#include <stdint.h>
#include <stdlib.h>

#include <lessor/dhcpsapi.h>
#include <lessor/scope.h>
#include <lessor/superscope.h>

#include "dhcpsapi/binding.h"
#include "dhcpsapi/block.h"
#include "dhcpsapi/call.h"
#include "dhcpsapi/page.h"
#include "dhcpsapi/utf16.h"

/* The sources speak of a limit without a number; this is the one of scope names. */
#define LSR_SUPERSCOPE_NAME_MAX_UNITS 256u

_Static_assert(LSR_UTF8_BYTES(LSR_SUPERSCOPE_NAME_MAX_UNITS) - 1 <= LESSOR_SUPERSCOPE_NAME_MAX_BYTES,
	       "a name fits the engine");

/*
 * Set and delete.
 */

static lessor_status_t
join(const lsr_binding_t *binding, DHCP_IP_ADDRESS subnet, LPCWSTR name, bool move) {
	char utf8[LSR_UTF8_BYTES(LSR_SUPERSCOPE_NAME_MAX_UNITS)];
	const char *given;
	return lsr_utf16_take(name, LSR_SUPERSCOPE_NAME_MAX_UNITS, utf8, &given)
		       ? lessor_superscope_join(binding->engine, subnet, given, move, binding->mode, NULL)
		       : LESSOR_INVALID;
}

DWORD DHCP_API_FUNCTION
DhcpSetSuperScopeV4(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress, LPWSTR SuperScopeName,
		    BOOL ChangeExisting) {
	static const lsr_codes_t codes = {.no_scope = ERROR_DHCP_SUBNET_NOT_PRESENT, .member = ERROR_DHCP_SUBNET_EXITS};
	lsr_binding_t *binding;
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READWRITE, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	if (!lsr_utf16_fits(SuperScopeName, LSR_SUPERSCOPE_NAME_MAX_UNITS)) {
		return lsr_call_leave(binding, lsr_call_refuse(ERROR_DHCP_SUPER_SCOPE_NAME_TOO_LONG));
	}
	return lsr_call_end(binding, join(binding, SubnetAddress, SuperScopeName, ChangeExisting != FALSE), &codes);
}

static lessor_status_t
delete_named(const lsr_binding_t *binding, LPCWSTR name) {
	char utf8[LSR_UTF8_BYTES(LSR_SUPERSCOPE_NAME_MAX_UNITS)];
	if (!lsr_utf16_fits(name, LSR_SUPERSCOPE_NAME_MAX_UNITS)) {
		return LESSOR_NOT_FOUND; /* no superscope has such a name */
	}
	if (!lsr_utf16_to_utf8(name, LSR_SUPERSCOPE_NAME_MAX_UNITS, utf8)) {
		return LESSOR_INVALID;
	}
	return lessor_superscope_delete(binding->engine, utf8, binding->mode, NULL);
}

DWORD DHCP_API_FUNCTION
DhcpDeleteSuperScopeV4(const WCHAR *ServerIpAddress, LPWSTR SuperScopeName) {
	static const lsr_codes_t codes = {.missing = ERROR_DHCP_SUBNET_NOT_PRESENT};
	lsr_binding_t *binding;
	if (SuperScopeName == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READWRITE, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	return lsr_call_end(binding, delete_named(binding, SuperScopeName), &codes);
}

/*
 * The table.
 */

static lessor_status_t
add_scope(lsr_page_t *page, lessor_engine_t *engine, uint32_t subnet) {
	char name[LESSOR_SUPERSCOPE_NAME_MAX_BYTES + 1];
	uint32_t number;
	const lessor_status_t status = lessor_superscope_of(engine, subnet, &number, name, sizeof(name));
	if (status != LESSOR_OK) {
		return status == LESSOR_NO_SCOPE ? LESSOR_OK : status; /* deleted in between */
	}
	const DHCP_SUPER_SCOPE_TABLE_ENTRY entry = {.SubnetAddress = subnet,
						    .SuperScopeNumber = number,
						    .NextInSuperScope = (DWORD)page->count,
						    .SuperScopeName =
							    lsr_block_text(&page->block, number != 0 ? name : NULL)};
	lsr_page_add(page, &entry);
	return LESSOR_OK;
}

static lessor_status_t
gather(lsr_page_t *page, lessor_engine_t *engine) {
	lessor_scope_t scope;
	lessor_status_t status = LESSOR_OK;
	for (uint64_t from = 0; status == LESSOR_OK && from <= UINT32_MAX; from = (uint64_t)scope.subnet + 1) {
		status = lessor_scope_next(engine, (uint32_t)from, &scope, NULL, 0);
		if (status == LESSOR_OK) {
			status = add_scope(page, engine, scope.subnet);
		}
	}
	return status == LESSOR_END ? LESSOR_OK : status;
}

typedef struct lsr_member {
	DWORD number;
	DWORD index;
} lsr_member_t;

static int
by_number_then_index(const void *a, const void *b) {
	const lsr_member_t *left = a;
	const lsr_member_t *right = b;
	const int numbers = (left->number > right->number) - (left->number < right->number);
	return numbers != 0 ? numbers : (left->index > right->index) - (left->index < right->index);
}

/* Let each entry point to the next of its superscope, and the last of it to the first. */
static void
link_entries(const lsr_member_t *members, size_t count, DHCP_SUPER_SCOPE_TABLE_ENTRY *entries) {
	size_t first = 0;
	for (size_t i = 0; i < count; i++) {
		const bool is_last = i + 1 == count || members[i + 1].number != members[i].number;
		if (members[i].number != 0) {
			entries[members[i].index].NextInSuperScope = members[is_last ? first : i + 1].index;
		}
		first = is_last ? i + 1 : first;
	}
}

static lessor_status_t
link_table(lsr_page_t *page) {
	DHCP_SUPER_SCOPE_TABLE_ENTRY *entries = (void *)page->items;
	lsr_member_t *members = calloc(page->count + 1, sizeof(*members));
	if (members == NULL) {
		return LESSOR_NO_MEMORY;
	}
	for (size_t i = 0; i < page->count; i++) {
		members[i] = (lsr_member_t){.number = entries[i].SuperScopeNumber, .index = (DWORD)i};
	}
	qsort(members, page->count, sizeof(*members), by_number_then_index);
	link_entries(members, page->count, entries);
	free(members);
	return LESSOR_OK;
}

static lessor_status_t
get_table(lessor_engine_t *engine, LPDHCP_SUPER_SCOPE_TABLE *table) {
	lsr_page_t page;
	void *result;
	lsr_page_begin(&page, sizeof(DHCP_SUPER_SCOPE_TABLE_ENTRY), LSR_PAGE_EVERYTHING);
	lessor_status_t status = gather(&page, engine);
	if (status == LESSOR_OK) {
		status = link_table(&page);
	}
	if (status != LESSOR_OK) {
		lsr_page_discard(&page);
		return status;
	}
	status = lsr_page_finish(&page, &result);
	if (status == LESSOR_OK) {
		*table = result;
	}
	return status;
}

DWORD DHCP_API_FUNCTION
DhcpGetSuperScopeInfoV4(const WCHAR *ServerIpAddress, LPDHCP_SUPER_SCOPE_TABLE *SuperScopeTable) {
	static const lsr_codes_t codes = {0};
	lsr_binding_t *binding;
	if (SuperScopeTable == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	*SuperScopeTable = NULL;
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_READ, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	return lsr_call_end(binding, get_table(binding->engine, SuperScopeTable), &codes);
}
