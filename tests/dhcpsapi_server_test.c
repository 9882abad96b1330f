/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Windows calls that concern the whole server: statistics, version, superscopes, link-layer filters, the self-check.
 *
 * The scopes are 192.168.1.0/24 (range .10 to .99, excluded .20 to .29: a pool of 80), 192.168.2.0/24 and so on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <lessor/dhcpsapi.h>
#include <lessor/lessor.h>

#include "dhcpsapi_text.h"
#include "engine_p.h"
#include "scratch.h"

#define SUBNET(n)     IP(192, 168, n, 0)
#define HOST(n, host) (SUBNET(n) + (host))
#define POOL          80u

#if UINTPTR_MAX == UINT64_MAX
_Static_assert(sizeof(SCOPE_MIB_INFO) == 16 && sizeof(SCOPE_MIB_INFO_V5) == 16, "SCOPE_MIB_INFO");
_Static_assert(sizeof(SCOPE_MIB_INFO_V6) == 40 && offsetof(SCOPE_MIB_INFO_V6, NumAddressesFree) == 24, "the V6 one");
_Static_assert(offsetof(DHCP_MIB_INFO, ServerStartTime) == 28 && offsetof(DHCP_MIB_INFO, Scopes) == 36,
	       "DHCP_MIB_INFO");
_Static_assert(offsetof(DHCP_MIB_INFO, ScopeInfo) == 40, "DHCP_MIB_INFO");
_Static_assert(offsetof(DHCP_MIB_INFO_V5, QtnNumLeases) == 36, "DHCP_MIB_INFO_V5");
_Static_assert(offsetof(DHCP_MIB_INFO_V5, ScopesWithDelayedOffers) == 68, "DHCP_MIB_INFO_V5");
_Static_assert(offsetof(DHCP_MIB_INFO_V5, ScopeInfo) == 80, "DHCP_MIB_INFO_V5");
_Static_assert(offsetof(DHCP_MIB_INFO_V6, ServerStartTime) == 40 && offsetof(DHCP_MIB_INFO_V6, ScopeInfo) == 56, "V6");
_Static_assert(offsetof(DHCP_SUPER_SCOPE_TABLE_ENTRY, SuperScopeName) == 16, "DHCP_SUPER_SCOPE_TABLE_ENTRY");
_Static_assert(offsetof(DHCP_ADDR_PATTERN, HWType) == 4 && offsetof(DHCP_ADDR_PATTERN, IsWildcard) == 8, "pattern");
_Static_assert(offsetof(DHCP_ADDR_PATTERN, Length) == 12 && offsetof(DHCP_ADDR_PATTERN, Pattern) == 13, "pattern");
_Static_assert(sizeof(DHCP_ADDR_PATTERN) == 268, "pattern");
#endif
_Static_assert(DhcpRegistryFix == 0 && DhcpDatabaseFix == 1 && Deny == 0 && Allow == 1, "enumerations");

static lessor_engine_t *engine;

static void
bind_default(lessor_access_t access) {
	assert_status(LESSOR_OK, lessor_dhcpsapi_bind(NULL, engine, access, LESSOR_SYNC));
}

static int
set_up(void **state) {
	(void)state;
	engine = scratch_open_memory();
	bind_default(LESSOR_ACCESS_READWRITE);
	return 0;
}

static int
tear_down(void **state) {
	(void)state;
	(void)lessor_dhcpsapi_bind(NULL, NULL, LESSOR_ACCESS_NONE, LESSOR_ASYNC);
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
	scratch_close(engine);
	return 0;
}

static void
add_scope(uint32_t subnet) {
	lessor_scope_t scope = scratch_scope(subnet, UINT32_C(0xFFFFFF00));
	scope.has_range = true;
	scope.range = (lessor_range_t){subnet + 10, subnet + 99};
	assert_status(LESSOR_OK, lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope_exclude(engine, subnet, (lessor_range_t){subnet + 20, subnet + 29},
						      LESSOR_ASYNC, NULL));
}

static void
add_lease(uint32_t address) {
	uint8_t id[6];
	const lessor_lease_t lease = scratch_lease_numbered(address, address, id);
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
}

static WCHAR empty[] = u"";

/*
 * Version and statistics.
 */

static void
version_is_told_to_anybody_who_is_bound(void **state) {
	(void)state;
	DWORD major = 77, minor = 77;
	bind_default(LESSOR_ACCESS_NONE);
	assert_int_equal(DhcpGetVersion(NULL, &major, &minor), ERROR_SUCCESS);
	assert_int_equal(major, 6);
	assert_int_equal(minor, 3);
	assert_int_equal(DhcpGetVersion(NULL, NULL, &minor), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpGetVersion(NULL, &major, NULL), ERROR_INVALID_PARAMETER);
	assert_status(LESSOR_OK, lessor_dhcpsapi_bind(NULL, NULL, LESSOR_ACCESS_NONE, LESSOR_ASYNC));
	assert_int_equal(DhcpGetVersion(NULL, &major, &minor), ERROR_DHCP_SERVER_NOT_REACHABLE);
	assert_int_equal(major, 0);
}

static void
assert_started_when_opened(DATE_TIME started) {
	lessor_engine_stats_t stats;
	assert_status(LESSOR_OK, lessor_engine_stats(engine, &stats));
	assert_int_equal((uint64_t)started.dwHighDateTime << 32 | started.dwLowDateTime, stats.opened_at);
}

static void
statistics_without_scopes_are_empty(void **state) {
	(void)state;
	LPDHCP_MIB_INFO info = NULL;
	LPDHCP_MIB_INFO_V5 info5 = NULL;
	assert_int_equal(DhcpGetMibInfo(NULL, &info), ERROR_SUCCESS);
	assert_int_equal(DhcpGetMibInfoV5(NULL, &info5), ERROR_SUCCESS);
	assert_int_equal(info->Scopes, 0);
	assert_null(info->ScopeInfo);
	assert_int_equal(info5->Scopes, 0);
	assert_null(info5->ScopeInfo);
	assert_started_when_opened(info->ServerStartTime);
	assert_started_when_opened(info5->ServerStartTime);
	DhcpRpcFreeMemory(info);
	DhcpRpcFreeMemory(info5);
}

static void
assert_entry(const SCOPE_MIB_INFO_V5 *entry, uint32_t subnet, DWORD in_use, DWORD free_count) {
	assert_int_equal(entry->Subnet, subnet);
	assert_int_equal(entry->NumAddressesInuse, in_use);
	assert_int_equal(entry->NumAddressesFree, free_count);
	assert_int_equal(entry->NumPendingOffers, 0);
}

static void
assert_counters_are_zero(const DHCP_MIB_INFO_V5 *info) {
	const DWORD counters[] = {info->Discovers,
				  info->Offers,
				  info->Requests,
				  info->Acks,
				  info->Naks,
				  info->Declines,
				  info->Releases,
				  info->QtnNumLeases,
				  info->QtnPctQtnLeases,
				  info->QtnProbationLeases,
				  info->QtnNonQtnLeases,
				  info->QtnExemptLeases,
				  info->QtnCapableClients,
				  info->QtnIASErrors,
				  info->DelayedOffers};
	for (size_t i = 0; i < COUNT(counters); i++) {
		assert_int_equal(counters[i], 0);
	}
}

static void
statistics_have_an_entry_for_each_scope(void **state) {
	(void)state;
	LPDHCP_MIB_INFO info = NULL;
	LPDHCP_MIB_INFO_V5 info5 = NULL;
	lessor_scope_t delayed = scratch_scope(SUBNET(3), 0);
	add_scope(SUBNET(2));
	add_scope(SUBNET(1));
	add_scope(SUBNET(3));
	delayed.offer_delay_ms = 500;
	assert_status(LESSOR_OK,
		      lessor_scope_update(engine, &delayed, LESSOR_SCOPE_FIELD_OFFER_DELAY, LESSOR_ASYNC, NULL));
	add_lease(HOST(1, 10));
	add_lease(HOST(1, 200)); /* outside of the pool */
	add_lease(HOST(2, 10));
	add_lease(HOST(2, 11));
	assert_int_equal(DhcpGetMibInfo(NULL, &info), ERROR_SUCCESS);
	assert_int_equal(DhcpGetMibInfoV5(NULL, &info5), ERROR_SUCCESS);
	assert_int_equal(info->Scopes, 3);
	assert_memory_equal(info->ScopeInfo, info5->ScopeInfo, 3 * sizeof(*info->ScopeInfo));
	assert_int_equal(info5->Scopes, 3);
	assert_entry(&info5->ScopeInfo[0], SUBNET(1), 1, POOL - 1);
	assert_entry(&info5->ScopeInfo[1], SUBNET(2), 2, POOL - 2);
	assert_entry(&info5->ScopeInfo[2], SUBNET(3), 0, POOL);
	assert_int_equal(info5->ScopesWithDelayedOffers, 1);
	assert_counters_are_zero(info5);
	DhcpRpcFreeMemory(info->ScopeInfo); /* as the reference pages ask; nothing happens */
	DhcpRpcFreeMemory(info);
	DhcpRpcFreeMemory(info5);
}

static void
statistics_reach_the_last_scope_there_can_be(void **state) {
	(void)state;
	LPDHCP_MIB_INFO info = NULL;
	lessor_scope_t scope = scratch_scope(UINT32_MAX, UINT32_MAX);
	assert_status(LESSOR_OK, lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL));
	assert_int_equal(DhcpGetMibInfo(NULL, &info), ERROR_SUCCESS);
	assert_int_equal(info->Scopes, 1);
	assert_int_equal(info->ScopeInfo[0].Subnet, UINT32_MAX);
	DhcpRpcFreeMemory(info);
}

static void
statistics_need_read_access_and_a_pointer(void **state) {
	(void)state;
	static DHCP_MIB_INFO untouched;
	LPDHCP_MIB_INFO info = &untouched;
	assert_int_equal(DhcpGetMibInfo(NULL, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpGetMibInfoV5(NULL, NULL), ERROR_INVALID_PARAMETER);
	bind_default(LESSOR_ACCESS_NONE);
	assert_int_equal(DhcpGetMibInfo(NULL, &info), ERROR_ACCESS_DENIED);
	assert_null(info);
	bind_default(LESSOR_ACCESS_READ);
	assert_int_equal(DhcpGetMibInfo(NULL, &info), ERROR_SUCCESS);
	DhcpRpcFreeMemory(info);
}

/*
 * Superscopes.
 */

static WCHAR name_a[] = u"A";
static WCHAR name_b[] = u"B";

static DWORD
join(uint32_t subnet, WCHAR *name, BOOL change) {
	return DhcpSetSuperScopeV4(NULL, subnet, name, change);
}

static LPDHCP_SUPER_SCOPE_TABLE
get_table(DWORD entries) {
	LPDHCP_SUPER_SCOPE_TABLE table = NULL;
	assert_int_equal(DhcpGetSuperScopeInfoV4(NULL, &table), ERROR_SUCCESS);
	assert_non_null(table);
	assert_int_equal(table->cEntries, entries);
	assert_true((entries > 0) == (table->pEntries != NULL));
	return table;
}

static void
assert_member(const DHCP_SUPER_SCOPE_TABLE *table, DWORD index, uint32_t subnet, DWORD next, LPCWSTR name) {
	const DHCP_SUPER_SCOPE_TABLE_ENTRY *entry = &table->pEntries[index];
	assert_int_equal(entry->SubnetAddress, subnet);
	assert_int_equal(entry->NextInSuperScope, next);
	assert_true((entry->SuperScopeNumber != 0) == (name != NULL));
	if (name != NULL) {
		assert_same_text(entry->SuperScopeName, name);
	} else {
		assert_null(entry->SuperScopeName);
	}
}

static void
superscope_table_links_the_scopes_of_each(void **state) {
	(void)state;
	LPDHCP_SUPER_SCOPE_TABLE table = get_table(0);
	DhcpRpcFreeMemory(table);
	for (uint32_t n = 1; n <= 6; n++) {
		add_scope(SUBNET(n));
	}
	assert_int_equal(join(SUBNET(2), name_b, FALSE), ERROR_SUCCESS);
	assert_int_equal(join(SUBNET(1), name_a, FALSE), ERROR_SUCCESS);
	assert_int_equal(join(SUBNET(4), name_b, FALSE), ERROR_SUCCESS);
	assert_int_equal(join(SUBNET(6), name_b, FALSE), ERROR_SUCCESS);
	table = get_table(6);
	assert_member(table, 0, SUBNET(1), 0, name_a);
	assert_member(table, 1, SUBNET(2), 3, name_b);
	assert_member(table, 2, SUBNET(3), 2, NULL);
	assert_member(table, 3, SUBNET(4), 5, name_b);
	assert_member(table, 4, SUBNET(5), 4, NULL);
	assert_member(table, 5, SUBNET(6), 1, name_b);
	assert_int_equal(table->pEntries[1].SuperScopeNumber, table->pEntries[3].SuperScopeNumber);
	assert_int_equal(table->pEntries[1].SuperScopeNumber, table->pEntries[5].SuperScopeNumber);
	assert_int_not_equal(table->pEntries[1].SuperScopeNumber, table->pEntries[0].SuperScopeNumber);
	DhcpRpcFreeMemory(table->pEntries[1].SuperScopeName);
	DhcpRpcFreeMemory(table->pEntries);
	DhcpRpcFreeMemory(table);
}

static void
scopes_join_move_and_leave(void **state) {
	(void)state;
	add_scope(SUBNET(1));
	assert_int_equal(join(SUBNET(9), name_a, FALSE), ERROR_DHCP_SUBNET_NOT_PRESENT);
	assert_int_equal(join(HOST(1, 1), name_a, FALSE), ERROR_DHCP_SUBNET_NOT_PRESENT);
	assert_int_equal(join(SUBNET(1), name_a, FALSE), ERROR_SUCCESS);
	assert_int_equal(join(SUBNET(1), name_b, FALSE), ERROR_DHCP_SUBNET_EXITS);
	assert_int_equal(lessor_dhcpsapi_last_status(), LESSOR_MEMBER);
	assert_int_equal(join(SUBNET(1), name_b, 2), ERROR_SUCCESS); /* any value but 0 is TRUE */
	LPDHCP_SUPER_SCOPE_TABLE table = get_table(1);
	assert_member(table, 0, SUBNET(1), 0, name_b);
	DhcpRpcFreeMemory(table);
	assert_int_equal(join(SUBNET(1), NULL, FALSE), ERROR_SUCCESS);
	table = get_table(1);
	assert_member(table, 0, SUBNET(1), 0, NULL);
	DhcpRpcFreeMemory(table);
}

static void
deleting_a_superscope_keeps_its_scopes_and_leases(void **state) {
	(void)state;
	lessor_scope_stats_t stats;
	add_scope(SUBNET(1));
	add_scope(SUBNET(2));
	add_lease(HOST(1, 10));
	assert_int_equal(join(SUBNET(1), name_a, FALSE), ERROR_SUCCESS);
	assert_int_equal(join(SUBNET(2), name_a, FALSE), ERROR_SUCCESS);
	assert_int_equal(DhcpDeleteSuperScopeV4(NULL, name_b), ERROR_DHCP_SUBNET_NOT_PRESENT);
	assert_int_equal(DhcpDeleteSuperScopeV4(NULL, name_a), ERROR_SUCCESS);
	assert_int_equal(DhcpDeleteSuperScopeV4(NULL, name_a), ERROR_DHCP_SUBNET_NOT_PRESENT);
	LPDHCP_SUPER_SCOPE_TABLE table = get_table(2);
	assert_member(table, 0, SUBNET(1), 0, NULL);
	assert_member(table, 1, SUBNET(2), 1, NULL);
	DhcpRpcFreeMemory(table);
	assert_status(LESSOR_OK, lessor_scope_stats(engine, SUBNET(1), &stats));
	assert_int_equal(stats.in_use, 1);
}

static void
superscope_names_have_limits(void **state) {
	(void)state;
	const guarded_t longest = make_guarded(256, true);
	const guarded_t too_long = make_guarded(257, false);
	add_scope(SUBNET(1));
	assert_int_equal(join(SUBNET(1), too_long.text, FALSE), ERROR_DHCP_SUPER_SCOPE_NAME_TOO_LONG);
	assert_int_equal(join(SUBNET(1), half_a_pair, FALSE), ERROR_INVALID_PARAMETER);
	assert_int_equal(join(SUBNET(1), empty, FALSE), ERROR_INVALID_PARAMETER);
	LPDHCP_SUPER_SCOPE_TABLE table = get_table(1);
	assert_member(table, 0, SUBNET(1), 0, NULL);
	DhcpRpcFreeMemory(table);
	assert_int_equal(join(SUBNET(1), longest.text, FALSE), ERROR_SUCCESS);
	table = get_table(1);
	assert_member(table, 0, SUBNET(1), 0, longest.text);
	DhcpRpcFreeMemory(table);
	assert_int_equal(DhcpDeleteSuperScopeV4(NULL, too_long.text), ERROR_DHCP_SUBNET_NOT_PRESENT);
	assert_int_equal(DhcpDeleteSuperScopeV4(NULL, half_a_pair), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpDeleteSuperScopeV4(NULL, empty), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpDeleteSuperScopeV4(NULL, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpDeleteSuperScopeV4(NULL, longest.text), ERROR_SUCCESS);
	drop_guarded(longest);
	drop_guarded(too_long);
}

static void
superscopes_need_access(void **state) {
	(void)state;
	static DHCP_SUPER_SCOPE_TABLE untouched;
	LPDHCP_SUPER_SCOPE_TABLE table = &untouched;
	add_scope(SUBNET(1));
	assert_int_equal(DhcpGetSuperScopeInfoV4(NULL, NULL), ERROR_INVALID_PARAMETER);
	bind_default(LESSOR_ACCESS_READ);
	assert_int_equal(join(SUBNET(1), name_a, FALSE), ERROR_ACCESS_DENIED);
	assert_int_equal(DhcpDeleteSuperScopeV4(NULL, name_a), ERROR_ACCESS_DENIED);
	table = get_table(1);
	assert_member(table, 0, SUBNET(1), 0, NULL);
	DhcpRpcFreeMemory(table);
	bind_default(LESSOR_ACCESS_NONE);
	table = &untouched;
	assert_int_equal(DhcpGetSuperScopeInfoV4(NULL, &table), ERROR_ACCESS_DENIED);
	assert_null(table);
}

/*
 * Filters.
 */

static DHCP_ADDR_PATTERN
pattern(BYTE type, BOOL is_wildcard, BYTE length, BYTE first, BYTE last) {
	DHCP_ADDR_PATTERN made = {.MatchHWType = TRUE, .HWType = type, .IsWildcard = is_wildcard, .Length = length};
	if (length > 0) {
		made.Pattern[0] = first;
		made.Pattern[length - 1] = last;
	}
	return made;
}

static DWORD
add_filter(DHCP_ADDR_PATTERN what, DHCP_FILTER_LIST_TYPE list, WCHAR *comment, BOOL force) {
	DHCP_FILTER_ADD_INFO info = {.AddrPatt = what, .Comment = comment, .ListType = list};
	DHCP_FILTER_ADD_INFO before;
	memcpy(&before, &info, sizeof(info));
	const DWORD code = DhcpAddFilterV4(NULL, &info, force);
	assert_memory_equal(&info, &before, sizeof(info));
	return code;
}

static DWORD
delete_filter(DHCP_ADDR_PATTERN what) {
	return DhcpDeleteFilterV4(NULL, &what);
}

/* Read a list in pages; returns how many there are in all, of which the first are copied to 'patterns'. */
static size_t
read_filters(DHCP_FILTER_LIST_TYPE list, DWORD preferred, DHCP_ADDR_PATTERN *patterns, size_t room, size_t *pages) {
	DHCP_ADDR_PATTERN handle = {0};
	size_t count = 0;
	DWORD code = ERROR_MORE_DATA;
	*pages = 0;
	while (code == ERROR_MORE_DATA) {
		LPDHCP_FILTER_ENUM_INFO info = NULL;
		DWORD read = 77, total = 77;
		code = DhcpEnumFilterV4(NULL, &handle, preferred, list, &info, &read, &total);
		if (code == ERROR_NO_MORE_ITEMS) {
			assert_int_equal(count, 0);
			assert_null(info);
			assert_int_equal(read, 0);
			assert_int_equal(total, 0);
			return 0;
		}
		assert_int_equal(info->NumElements, read);
		assert_true(read > 0 && (code == ERROR_MORE_DATA || total == read));
		for (DWORD i = 0; i < read && count + i < room; i++) {
			patterns[count + i] = info->pEnumRecords[i].AddrPatt;
		}
		count += read;
		(*pages)++;
		DhcpRpcFreeMemory(info);
	}
	assert_int_equal(code, ERROR_SUCCESS);
	return count;
}

static void
filters_are_added_once_unless_forced(void **state) {
	(void)state;
	const DHCP_ADDR_PATTERN mac = pattern(1, FALSE, 6, 0x10, 0x20);
	const DHCP_ADDR_PATTERN vendor = pattern(1, TRUE, 3, 0x10, 0x20);
	const DHCP_ADDR_PATTERN infiniband = pattern(32, TRUE, 0, 0, 0);
	DHCP_ADDR_PATTERN found[4];
	size_t pages;
	assert_int_equal(add_filter(mac, Allow, NULL, FALSE), ERROR_SUCCESS);
	assert_int_equal(add_filter(mac, Allow, NULL, FALSE), ERROR_DHCP_LINKLAYER_ADDRESS_EXISTS);
	assert_int_equal(add_filter(mac, Deny, NULL, FALSE), ERROR_DHCP_LINKLAYER_ADDRESS_EXISTS);
	assert_int_equal(add_filter(vendor, Allow, NULL, FALSE), ERROR_SUCCESS);
	assert_int_equal(add_filter(infiniband, Allow, NULL, FALSE), ERROR_SUCCESS);
	assert_int_equal(add_filter(infiniband, Allow, NULL, FALSE), ERROR_DHCP_HARDWARE_ADDRESS_TYPE_ALREADY_EXEMPT);
	assert_int_equal(add_filter(mac, Deny, NULL, TRUE), ERROR_SUCCESS);
	assert_int_equal(read_filters(Deny, 0, found, COUNT(found), &pages), 1);
	assert_memory_equal(&found[0], &mac, sizeof(mac));
	assert_int_equal(read_filters(Allow, 0, found, COUNT(found), &pages), 2);
	assert_memory_equal(&found[0], &vendor, sizeof(vendor));
	assert_memory_equal(&found[1], &infiniband, sizeof(infiniband));
}

static void
filters_are_deleted_once(void **state) {
	(void)state;
	const DHCP_ADDR_PATTERN mac = pattern(1, FALSE, 6, 0x10, 0x20);
	const DHCP_ADDR_PATTERN infiniband = pattern(32, TRUE, 0, 0, 0);
	DHCP_ADDR_PATTERN nobody = mac;
	nobody.MatchHWType = FALSE;
	assert_int_equal(delete_filter(mac), ERROR_DHCP_LINKLAYER_ADDRESS_DOES_NOT_EXIST);
	assert_int_equal(delete_filter(infiniband), ERROR_DHCP_UNDEFINED_HARDWARE_ADDRESS_TYPE);
	assert_int_equal(add_filter(mac, Deny, NULL, FALSE), ERROR_SUCCESS);
	assert_int_equal(add_filter(infiniband, Allow, NULL, FALSE), ERROR_SUCCESS);
	assert_int_equal(delete_filter(nobody), ERROR_INVALID_PARAMETER);
	assert_int_equal(delete_filter(mac), ERROR_SUCCESS);
	assert_int_equal(delete_filter(infiniband), ERROR_SUCCESS);
	assert_int_equal(delete_filter(mac), ERROR_DHCP_LINKLAYER_ADDRESS_DOES_NOT_EXIST);
	assert_int_equal(delete_filter(infiniband), ERROR_DHCP_UNDEFINED_HARDWARE_ADDRESS_TYPE);
}

static void
patterns_that_are_none_are_refused(void **state) {
	(void)state;
	const DHCP_ADDR_PATTERN good = pattern(1, FALSE, 6, 1, 2);
	DHCP_ADDR_PATTERN without_type = good;
	DHCP_ADDR_PATTERN bad[] = {
		pattern(1, FALSE, 5, 1, 2),  pattern(1, FALSE, 7, 1, 2),  pattern(1, FALSE, 255, 1, 2),
		pattern(1, FALSE, 0, 0, 0),  pattern(1, TRUE, 0, 0, 0),   pattern(1, TRUE, 6, 1, 2),
		pattern(1, TRUE, 255, 1, 2), pattern(32, FALSE, 6, 1, 2), pattern(32, TRUE, 1, 1, 1),
		pattern(32, FALSE, 0, 0, 0), pattern(0, FALSE, 0, 0, 0),
	};
	DHCP_ADDR_PATTERN found[1];
	size_t pages;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(add_filter(bad[i], Allow, NULL, TRUE), ERROR_INVALID_PARAMETER);
		assert_int_equal(delete_filter(bad[i]), ERROR_INVALID_PARAMETER);
	}
	without_type.MatchHWType = FALSE;
	assert_int_equal(add_filter(without_type, Allow, NULL, FALSE), ERROR_INVALID_PARAMETER);
	assert_int_equal(add_filter(pattern(32, TRUE, 0, 0, 0), Deny, NULL, FALSE), ERROR_INVALID_PARAMETER);
	assert_int_equal(add_filter(good, (DHCP_FILTER_LIST_TYPE)2, NULL, FALSE), ERROR_INVALID_PARAMETER);
	assert_int_equal(add_filter(good, (DHCP_FILTER_LIST_TYPE)0xFFFFFFFFu, NULL, FALSE), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpAddFilterV4(NULL, NULL, FALSE), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpDeleteFilterV4(NULL, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(read_filters(Allow, 0, found, COUNT(found), &pages), 0);
	assert_int_equal(read_filters(Deny, 0, found, COUNT(found), &pages), 0);
}

static void
filter_comments_come_back_and_have_a_limit(void **state) {
	(void)state;
	static WCHAR comment[] = u"print\u00E9r \U0001F5A8";
	const guarded_t longest = make_guarded(127, true);
	const guarded_t too_long = make_guarded(128, false);
	DHCP_ADDR_PATTERN handle = {0};
	LPDHCP_FILTER_ENUM_INFO info = NULL;
	DWORD read, total;
	assert_int_equal(add_filter(pattern(1, FALSE, 6, 1, 1), Allow, comment, FALSE), ERROR_SUCCESS);
	assert_int_equal(add_filter(pattern(1, FALSE, 6, 2, 2), Allow, longest.text, FALSE), ERROR_SUCCESS);
	assert_int_equal(add_filter(pattern(1, FALSE, 6, 3, 3), Allow, NULL, FALSE), ERROR_SUCCESS);
	assert_int_equal(add_filter(pattern(1, FALSE, 6, 4, 4), Allow, too_long.text, FALSE), ERROR_INVALID_PARAMETER);
	assert_int_equal(add_filter(pattern(1, FALSE, 6, 4, 4), Allow, half_a_pair, FALSE), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpEnumFilterV4(NULL, &handle, 0xFFFFFFFFu, Allow, &info, &read, &total), ERROR_SUCCESS);
	assert_int_equal(read, 3);
	assert_same_text(info->pEnumRecords[0].Comment, comment);
	assert_same_text(info->pEnumRecords[1].Comment, longest.text);
	assert_null(info->pEnumRecords[2].Comment);
	DhcpRpcFreeMemory(info);
	drop_guarded(longest);
	drop_guarded(too_long);
}

static void
filter_lists_are_read_in_pages(void **state) {
	(void)state;
	DHCP_ADDR_PATTERN in_pages[40], at_once[40];
	size_t pages;
	for (BYTE i = 0; i < 40; i++) {
		/* Added in no order, to both lists. */
		const BYTE number = (BYTE)(i * 7 % 40);
		assert_int_equal(add_filter(pattern(1, FALSE, 6, number, 1), Allow, NULL, FALSE), ERROR_SUCCESS);
		assert_int_equal(add_filter(pattern(1, TRUE, 2, number, 1), Deny, NULL, FALSE), ERROR_SUCCESS);
	}
	assert_int_equal(read_filters(Allow, 0xFFFFFFFFu, at_once, 40, &pages), 40);
	assert_int_equal(pages, 1);
	assert_int_equal(read_filters(Allow, 1, in_pages, 40, &pages), 40);
	assert_int_equal(pages, 14); /* 1024 bytes hold three records and no text */
	assert_memory_equal(in_pages, at_once, sizeof(at_once));
	for (BYTE i = 0; i < 40; i++) {
		assert_int_equal(at_once[i].Pattern[0], i);
	}
}

static void
a_filter_that_does_not_fit_ends_the_page(void **state) {
	(void)state;
	const guarded_t longest = make_guarded(127, true);
	DHCP_ADDR_PATTERN found[4];
	size_t pages;
	for (BYTE i = 0; i < 4; i++) {
		/* Two short ones, then a long one that does not fit; a short one behind it would. */
		assert_int_equal(add_filter(pattern(1, TRUE, 1, i, i), Deny, i == 2 ? longest.text : NULL, FALSE),
				 ERROR_SUCCESS);
	}
	const DWORD room = 3 * sizeof(DHCP_FILTER_RECORD) + 250;
	assert_in_range(room, 1024, 65536);
	assert_int_equal(read_filters(Deny, room, found, COUNT(found), &pages), 4);
	assert_int_equal(pages, 2);
	for (BYTE i = 0; i < 4; i++) {
		assert_int_equal(found[i].Pattern[0], i);
	}
	drop_guarded(longest);
}

static void
reading_filters_goes_on_behind_the_handle(void **state) {
	(void)state;
	LPDHCP_FILTER_ENUM_INFO info = NULL;
	DHCP_ADDR_PATTERN handle = {0};
	DWORD read, total;
	for (BYTE i = 0; i < 10; i++) {
		assert_int_equal(add_filter(pattern(1, TRUE, 2, i, 1), Deny, NULL, FALSE), ERROR_SUCCESS);
	}
	assert_int_equal(DhcpEnumFilterV4(NULL, &handle, 1024, Deny, &info, &read, &total), ERROR_MORE_DATA);
	assert_int_equal(read, 3);
	assert_int_equal(total, 7);
	assert_int_equal(handle.Pattern[0], 2);
	DhcpRpcFreeMemory(info);
	assert_int_equal(delete_filter(handle), ERROR_SUCCESS);
	assert_int_equal(DhcpEnumFilterV4(NULL, &handle, 65536, Deny, &info, &read, &total), ERROR_SUCCESS);
	assert_int_equal(read, 7);
	assert_int_equal(total, 7);
	assert_int_equal(info->pEnumRecords[0].AddrPatt.Pattern[0], 3);
	DhcpRpcFreeMemory(info);
	/* A wildcard in front of longer patterns that begin with it. */
	handle = pattern(1, TRUE, 1, 3, 3);
	assert_int_equal(DhcpEnumFilterV4(NULL, &handle, 65536, Deny, &info, &read, &total), ERROR_SUCCESS);
	assert_int_equal(read, 7);
	DhcpRpcFreeMemory(info);
	/* Now the handle is the last one. */
	assert_int_equal(DhcpEnumFilterV4(NULL, &handle, 65536, Deny, &info, &read, &total), ERROR_NO_MORE_ITEMS);
	assert_null(info);
	assert_int_equal(read, 0);
	assert_int_equal(total, 0);
}

static void
reading_filters_checks_its_arguments(void **state) {
	(void)state;
	static DHCP_FILTER_ENUM_INFO untouched;
	LPDHCP_FILTER_ENUM_INFO info = &untouched;
	DHCP_ADDR_PATTERN start = {0};
	DHCP_ADDR_PATTERN nonsense = {.Length = 200};
	DWORD read = 77, total = 77;
	assert_int_equal(DhcpEnumFilterV4(NULL, NULL, 0, Allow, &info, &read, &total), ERROR_INVALID_PARAMETER);
	assert_null(info);
	assert_int_equal(read, 0);
	assert_int_equal(total, 0);
	assert_int_equal(DhcpEnumFilterV4(NULL, &start, 0, Allow, NULL, &read, &total), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpEnumFilterV4(NULL, &start, 0, Allow, &info, NULL, &total), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpEnumFilterV4(NULL, &start, 0, Allow, &info, &read, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpEnumFilterV4(NULL, &nonsense, 0, Allow, &info, &read, &total), ERROR_INVALID_PARAMETER);
	nonsense = (DHCP_ADDR_PATTERN){.MatchHWType = TRUE, .HWType = 1, .Length = 255};
	assert_int_equal(DhcpEnumFilterV4(NULL, &nonsense, 0, Allow, &info, &read, &total), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpEnumFilterV4(NULL, &start, 0, (DHCP_FILTER_LIST_TYPE)2, &info, &read, &total),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpEnumFilterV4(NULL, &start, 0, Allow, &info, &read, &total), ERROR_NO_MORE_ITEMS);
}

static void
the_two_switches_are_kept(void **state) {
	(void)state;
	DHCP_FILTER_GLOBAL_INFO info = {.EnforceAllowList = 77, .EnforceDenyList = 77};
	assert_int_equal(DhcpGetFilterV4(NULL, &info), ERROR_SUCCESS);
	assert_int_equal(info.EnforceAllowList, FALSE);
	assert_int_equal(info.EnforceDenyList, FALSE);
	info = (DHCP_FILTER_GLOBAL_INFO){.EnforceAllowList = 0, .EnforceDenyList = -5};
	assert_int_equal(DhcpSetFilterV4(NULL, &info), ERROR_SUCCESS);
	assert_int_equal(DhcpGetFilterV4(NULL, &info), ERROR_SUCCESS);
	assert_int_equal(info.EnforceAllowList, FALSE);
	assert_int_equal(info.EnforceDenyList, TRUE);
	assert_int_equal(DhcpSetFilterV4(NULL, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpGetFilterV4(NULL, NULL), ERROR_INVALID_PARAMETER);
}

static void
filters_need_access(void **state) {
	(void)state;
	DHCP_ADDR_PATTERN start = {0};
	DHCP_FILTER_GLOBAL_INFO switches = {0};
	LPDHCP_FILTER_ENUM_INFO info;
	DWORD read, total;
	bind_default(LESSOR_ACCESS_READ);
	assert_int_equal(add_filter(pattern(1, FALSE, 3, 1, 1), Allow, NULL, FALSE), ERROR_ACCESS_DENIED);
	assert_int_equal(delete_filter(pattern(1, FALSE, 6, 1, 1)), ERROR_ACCESS_DENIED);
	assert_int_equal(DhcpSetFilterV4(NULL, &switches), ERROR_ACCESS_DENIED);
	assert_int_equal(DhcpGetFilterV4(NULL, &switches), ERROR_SUCCESS);
	assert_int_equal(DhcpEnumFilterV4(NULL, &start, 0, Allow, &info, &read, &total), ERROR_NO_MORE_ITEMS);
	bind_default(LESSOR_ACCESS_NONE);
	assert_int_equal(DhcpGetFilterV4(NULL, &switches), ERROR_ACCESS_DENIED);
	assert_int_equal(DhcpEnumFilterV4(NULL, &start, 0, Allow, &info, &read, &total), ERROR_ACCESS_DENIED);
}

/*
 * The self-check.
 */

static LPDHCP_SCAN_LIST
scan(DWORD fix, DWORD items) {
	LPDHCP_SCAN_LIST list = NULL;
	assert_int_equal(DhcpScanDatabase(NULL, SUBNET(1), fix, &list), ERROR_SUCCESS);
	assert_non_null(list);
	assert_int_equal(list->NumScanItems, items);
	assert_true((items > 0) == (list->ScanItems != NULL));
	return list;
}

/* Turn the bit of an address over. */
static void
spoil(uint32_t address) {
	lsr_rcu_enter();
	lsr_scope_t *scope = lsr_engine_scope_of(engine, address);
	if (lsr_table_is_taken(&scope->table, address)) {
		lsr_table_free(&scope->table, address);
	} else {
		lsr_table_take(&scope->table, address, LESSOR_TIME_NONE);
	}
	lsr_rcu_leave();
}

static void
a_sound_scope_has_nothing_to_list(void **state) {
	(void)state;
	add_scope(SUBNET(1));
	add_lease(HOST(1, 10));
	add_lease(HOST(1, 200));
	DhcpRpcFreeMemory(scan(0, 0));
	DhcpRpcFreeMemory(scan(1, 0));
}

static void
faults_are_listed_and_mended(void **state) {
	(void)state;
	add_scope(SUBNET(1));
	add_lease(HOST(1, 10));
	spoil(HOST(1, 9));
	spoil(HOST(1, 10));
	for (DWORD fix = 0; fix <= 1; fix++) {
		LPDHCP_SCAN_LIST list = scan(fix, 2);
		assert_int_equal(list->ScanItems[0].IpAddress, HOST(1, 9));
		assert_int_equal(list->ScanItems[0].ScanFlag, DhcpDatabaseFix);
		assert_int_equal(list->ScanItems[1].IpAddress, HOST(1, 10));
		assert_int_equal(list->ScanItems[1].ScanFlag, DhcpRegistryFix);
		DhcpRpcFreeMemory(list);
	}
	DhcpRpcFreeMemory(scan(0, 0));
}

static void
long_lists_are_complete(void **state) {
	(void)state;
	lessor_scope_t scope = scratch_scope(SUBNET(0), UINT32_C(0xFFFF0000));
	LPDHCP_SCAN_LIST list = NULL;
	assert_status(LESSOR_OK, lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL));
	for (uint32_t i = 0; i < 600; i++) {
		spoil(SUBNET(0) + 3 * i);
	}
	for (DWORD fix = 0; fix <= 1; fix++) {
		assert_int_equal(DhcpScanDatabase(NULL, SUBNET(0), fix, &list), ERROR_SUCCESS);
		assert_int_equal(list->NumScanItems, 600);
		for (uint32_t i = 0; i < 600; i++) {
			assert_int_equal(list->ScanItems[i].IpAddress, SUBNET(0) + 3 * i);
		}
		DhcpRpcFreeMemory(list);
	}
}

static void
reserved_addresses_without_a_lease_are_listed(void **state) {
	(void)state;
	static const uint8_t client[] = {1, 2, 3, 4, 5, 6};
	const lessor_lease_t lease = scratch_lease(HOST(1, 10), client, sizeof(client));
	const lessor_reservation_t reservation = {.address = HOST(1, 50),
						  .client_id = client,
						  .client_id_bytes = sizeof(client),
						  .client_types = LESSOR_CLIENT_BOTH};
	add_scope(SUBNET(1));
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_reservation_create(engine, SUBNET(1), &reservation, LESSOR_ASYNC, NULL));
	spoil(HOST(1, 60));
	LPDHCP_SCAN_LIST list = scan(1, 2);
	assert_int_equal(list->ScanItems[0].IpAddress, HOST(1, 50));
	assert_int_equal(list->ScanItems[0].ScanFlag, DhcpDatabaseFix);
	assert_int_equal(list->ScanItems[1].IpAddress, HOST(1, 60));
	DhcpRpcFreeMemory(list);
	list = scan(1, 1); /* that one cannot be mended: a client has one lease */
	assert_int_equal(list->ScanItems[0].IpAddress, HOST(1, 50));
	DhcpRpcFreeMemory(list);
	assert_status(LESSOR_OK, lessor_lease_delete(engine, HOST(1, 10), NULL, 0, LESSOR_ASYNC, NULL));
}

static void
the_self_check_checks_its_arguments_and_access(void **state) {
	(void)state;
	static DHCP_SCAN_LIST untouched;
	LPDHCP_SCAN_LIST list = &untouched;
	add_scope(SUBNET(1));
	assert_int_equal(DhcpScanDatabase(NULL, SUBNET(1), 0, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpScanDatabase(NULL, SUBNET(2), 0, &list), ERROR_DHCP_SUBNET_NOT_PRESENT);
	assert_null(list);
	list = &untouched;
	bind_default(LESSOR_ACCESS_READ);
	assert_int_equal(DhcpScanDatabase(NULL, SUBNET(1), 0, &list), ERROR_ACCESS_DENIED);
	assert_null(list);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void) {
	const struct CMUnitTest tests[] = {
		TEST(version_is_told_to_anybody_who_is_bound),
		TEST(statistics_without_scopes_are_empty),
		TEST(statistics_have_an_entry_for_each_scope),
		TEST(statistics_reach_the_last_scope_there_can_be),
		TEST(statistics_need_read_access_and_a_pointer),
		TEST(superscope_table_links_the_scopes_of_each),
		TEST(scopes_join_move_and_leave),
		TEST(deleting_a_superscope_keeps_its_scopes_and_leases),
		TEST(superscope_names_have_limits),
		TEST(superscopes_need_access),
		TEST(filters_are_added_once_unless_forced),
		TEST(filters_are_deleted_once),
		TEST(patterns_that_are_none_are_refused),
		TEST(filter_comments_come_back_and_have_a_limit),
		TEST(filter_lists_are_read_in_pages),
		TEST(a_filter_that_does_not_fit_ends_the_page),
		TEST(reading_filters_goes_on_behind_the_handle),
		TEST(reading_filters_checks_its_arguments),
		TEST(the_two_switches_are_kept),
		TEST(filters_need_access),
		TEST(a_sound_scope_has_nothing_to_list),
		TEST(faults_are_listed_and_mended),
		TEST(long_lists_are_complete),
		TEST(reserved_addresses_without_a_lease_are_listed),
		TEST(the_self_check_checks_its_arguments_and_access),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
