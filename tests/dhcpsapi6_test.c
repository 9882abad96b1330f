/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Windows calls on IPv6 scopes, what is in them, and IPv6 leases.
 *
 * The scope is 2001:db8::/64, where nothing else is said. Numbers in comments are sections of [MS-DHCPM].
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <lessor/dhcpsapi.h>
#include <lessor/lessor.h>

#include "dhcpsapi_text.h"
#include "scratch.h"

#define PREFIX UINT64_C(0x20010DB800000000)
#define OTHER  UINT64_C(0x20010DB800000001)

#define EVERYTHING 0xFFFFFFFFu

#if UINTPTR_MAX == UINT64_MAX
_Static_assert(sizeof(DHCP_IPV6_ADDRESS) == 16 && offsetof(DHCP_IPV6_ADDRESS, LowOrderBits) == 8, "addresses");
_Static_assert(sizeof(DHCP_HOST_INFO_V6) == 32 && offsetof(DHCP_HOST_INFO_V6, NetBiosName) == 16, "host");
_Static_assert(offsetof(DHCP_CLIENT_INFO_V6, ClientDUID) == 16, "DHCP_CLIENT_INFO_V6");
_Static_assert(offsetof(DHCP_CLIENT_INFO_V6, AddressType) == 32, "DHCP_CLIENT_INFO_V6");
_Static_assert(offsetof(DHCP_CLIENT_INFO_V6, IAID) == 36, "DHCP_CLIENT_INFO_V6");
_Static_assert(offsetof(DHCP_CLIENT_INFO_V6, ClientName) == 40, "DHCP_CLIENT_INFO_V6");
_Static_assert(offsetof(DHCP_CLIENT_INFO_V6, ClientValidLeaseExpires) == 56, "DHCP_CLIENT_INFO_V6");
_Static_assert(offsetof(DHCP_CLIENT_INFO_V6, ClientPrefLeaseExpires) == 64, "DHCP_CLIENT_INFO_V6");
_Static_assert(offsetof(DHCP_CLIENT_INFO_V6, OwnerHost) == 72 && sizeof(DHCP_CLIENT_INFO_V6) == 104, "the same");
_Static_assert(offsetof(DHCP_SUBNET_INFO_V6, Preference) == 20, "DHCP_SUBNET_INFO_V6");
_Static_assert(offsetof(DHCP_SUBNET_INFO_V6, SubnetName) == 24, "DHCP_SUBNET_INFO_V6");
_Static_assert(offsetof(DHCP_SUBNET_INFO_V6, ScopeId) == 44, "DHCP_SUBNET_INFO_V6");
_Static_assert(offsetof(DHCP_IP_RESERVATION_V6, InterfaceId) == 24, "DHCP_IP_RESERVATION_V6");
#endif
_Static_assert(Dhcpv6IpRanges == 0 && Dhcpv6ReservedIps == 1 && Dhcpv6ExcludedIpRanges == 2, "element types");
_Static_assert(Dhcpv6ClientIpAddress == 0 && Dhcpv6ClientDUID == 1 && Dhcpv6ClientName == 2, "search types");
_Static_assert(ADDRESS_TYPE_IANA == 0 && ADDRESS_TYPE_IATA == 1, "address types");

static lessor_engine_t *engine;

static const DATE_TIME no_time;
static const DATE_TIME never = {.dwLowDateTime = DHCP_DATE_TIME_INFINIT_LOW,
				.dwHighDateTime = DHCP_DATE_TIME_INFINIT_HIGH};

static BYTE duid_1[] = {0, 1, 0, 1, 0x2A, 0x5B, 0, 0, 0x00, 0x1C, 0x25, 0x80, 0xA0, 0x43};
static BYTE duid_2[] = {0, 1, 0, 1, 0x2A, 0x5B, 0, 0, 0x00, 0x1C, 0x25, 0x80, 0xA0, 0x44};

static DHCP_CLIENT_UID d1 = {.DataLength = sizeof(duid_1), .Data = duid_1};
static DHCP_CLIENT_UID d2 = {.DataLength = sizeof(duid_2), .Data = duid_2};

/*
 * Words of the tests.
 */

static DHCP_IPV6_ADDRESS
at(uint64_t high, uint64_t low) {
	return (DHCP_IPV6_ADDRESS){.HighOrderBits = high, .LowOrderBits = low};
}

static DHCP_IPV6_ADDRESS
here(uint64_t low) {
	return at(PREFIX, low);
}

static void
bind_default(lessor_access_t access) {
	assert_status(LESSOR_OK, lessor_dhcpsapi_bind(NULL, engine, access, LESSOR_SYNC));
}

static DWORD
create_scope(uint64_t prefix) {
	DHCP_SUBNET_INFO_V6 info = {.SubnetAddress = at(prefix, 0), .Prefix = 64};
	return DhcpCreateSubnetV6(NULL, at(prefix, 0), &info);
}

static int
set_up_empty(void **state) {
	(void)state;
	engine = scratch_open_memory();
	bind_default(LESSOR_ACCESS_READWRITE);
	return 0;
}

static int
set_up(void **state) {
	(void)set_up_empty(state);
	assert_int_equal(create_scope(PREFIX), ERROR_SUCCESS);
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

static DHCP_CLIENT_INFO_V6
lease_of(DHCP_IPV6_ADDRESS address, DHCP_CLIENT_UID duid, DWORD iaid) {
	return (DHCP_CLIENT_INFO_V6){
		.ClientIpAddress = address, .ClientDUID = duid, .IAID = iaid, .ClientValidLeaseExpires = never};
}

static DWORD
create_info(DHCP_CLIENT_INFO_V6 info) {
	DHCP_CLIENT_INFO_V6 before;
	memcpy(&before, &info, sizeof(info));
	const DWORD code = DhcpV6CreateClientInfo(NULL, &info);
	assert_memory_equal(&info, &before, sizeof(info)); /* input stays as it was */
	return code;
}

static DWORD
create(uint64_t low, DHCP_CLIENT_UID duid, DWORD iaid) {
	return create_info(lease_of(here(low), duid, iaid));
}

/* A client for each number, for tests with many. */
static DWORD
create_numbered(uint64_t prefix, uint64_t low, DWORD number) {
	BYTE duid[8] = {0, 3, 0, 1};
	memcpy(duid + 4, &number, sizeof(number));
	return create_info(lease_of(at(prefix, low), (DHCP_CLIENT_UID){sizeof(duid), duid}, 0));
}

static DHCP_SEARCH_INFO_V6
by_address(DHCP_IPV6_ADDRESS address) {
	return (DHCP_SEARCH_INFO_V6){.SearchType = Dhcpv6ClientIpAddress, .SearchInfo = {.ClientIpAddress = address}};
}

static DWORD
get_code(DHCP_SEARCH_INFO_V6 search) {
	static DHCP_CLIENT_INFO_V6 untouched;
	LPDHCP_CLIENT_INFO_V6 info = &untouched;
	const DWORD code = DhcpGetClientInfoV6(NULL, &search, &info);
	assert_ptr_not_equal(info, &untouched);
	assert_true((code == ERROR_SUCCESS) == (info != NULL));
	DhcpRpcFreeMemory(info);
	return code;
}

static LPDHCP_CLIENT_INFO_V6
get_found(uint64_t low) {
	const DHCP_SEARCH_INFO_V6 search = by_address(here(low));
	LPDHCP_CLIENT_INFO_V6 info = NULL;
	assert_int_equal(DhcpGetClientInfoV6(NULL, &search, &info), ERROR_SUCCESS);
	assert_non_null(info);
	return info;
}

static DWORD
delete_at(uint64_t low) {
	const DHCP_SEARCH_INFO_V6 search = by_address(here(low));
	return DhcpDeleteClientInfoV6(NULL, &search);
}

static void
assert_same_address(DHCP_IPV6_ADDRESS a, DHCP_IPV6_ADDRESS b) {
	assert_int_equal(a.HighOrderBits, b.HighOrderBits);
	assert_int_equal(a.LowOrderBits, b.LowOrderBits);
}

static void
assert_same_bytes(DHCP_CLIENT_UID a, DHCP_CLIENT_UID b) {
	assert_int_equal(a.DataLength, b.DataLength);
	assert_memory_equal(a.Data, b.Data, a.DataLength);
}

/* In use of a scope's pool of 2^64 addresses; with nothing in use, free is one too many for its type. */
static void
assert_stats(uint64_t prefix, uint64_t in_use, uint64_t free_count) {
	LPDHCP_MIB_INFO_V6 info = NULL;
	assert_int_equal(DhcpGetMibInfoV6(NULL, &info), ERROR_SUCCESS);
	bool found = false;
	for (DWORD i = 0; i < info->Scopes; i++) {
		if (info->ScopeInfo[i].Subnet.HighOrderBits == prefix) {
			found = true;
			assert_int_equal(info->ScopeInfo[i].Subnet.LowOrderBits, 0);
			assert_int_equal(info->ScopeInfo[i].NumAddressesInuse, in_use);
			assert_int_equal(info->ScopeInfo[i].NumAddressesFree, free_count);
			assert_int_equal(info->ScopeInfo[i].NumPendingAdvertises, 0);
		}
	}
	assert_true(found);
	DhcpRpcFreeMemory(info);
}

/*
 * Scopes.
 */

static void
a_scope_is_created_read_changed_and_deleted(void **state) {
	(void)state;
	static WCHAR name[] = u"lab \u00E4";
	static WCHAR comment[] = u"third floor";
	DHCP_SUBNET_INFO_V6 given = {.Prefix = 48,
				     .Preference = 7,
				     .SubnetName = name,
				     .SubnetComment = comment,
				     .State = DhcpSubnetDisabled,
				     .ScopeId = 4711};
	LPDHCP_SUBNET_INFO_V6 info = NULL;
	/* Of the address only the upper half counts. */
	assert_int_equal(DhcpCreateSubnetV6(NULL, here(99), &given), ERROR_SUCCESS);
	assert_int_equal(DhcpCreateSubnetV6(NULL, here(0), &given), ERROR_DUPLICATE_TAG);
	assert_int_equal(DhcpGetSubnetInfoV6(NULL, here(5), &info), ERROR_SUCCESS);
	assert_same_address(info->SubnetAddress, here(0));
	assert_int_equal(info->Prefix, 64);
	assert_int_equal(info->Preference, 7);
	assert_same_text(info->SubnetName, name);
	assert_same_text(info->SubnetComment, comment);
	assert_int_equal(info->State, DhcpSubnetDisabled);
	const DWORD number = info->ScopeId;
	assert_int_not_equal(number, 0);
	DhcpRpcFreeMemory(info->SubnetName);
	DhcpRpcFreeMemory(info);

	given = (DHCP_SUBNET_INFO_V6){.Preference = 9, .SubnetComment = name, .State = DhcpSubnetEnabledSwitched};
	assert_int_equal(DhcpSetSubnetInfoV6(NULL, here(0), &given), ERROR_SUCCESS);
	assert_int_equal(DhcpGetSubnetInfoV6(NULL, here(0), &info), ERROR_SUCCESS);
	assert_int_equal(info->Preference, 9);
	assert_null(info->SubnetName);
	assert_same_text(info->SubnetComment, name);
	assert_int_equal(info->State, DhcpSubnetEnabledSwitched);
	assert_int_equal(info->ScopeId, number);
	DhcpRpcFreeMemory(info);

	assert_int_equal(DhcpDeleteSubnetV6(NULL, here(0), DhcpNoForce), ERROR_SUCCESS);
	assert_int_equal(DhcpDeleteSubnetV6(NULL, here(0), DhcpNoForce), ERROR_FILE_NOT_FOUND);
	assert_int_equal(DhcpGetSubnetInfoV6(NULL, here(0), &info), ERROR_DHCP_SUBNET_NOT_PRESENT);
	assert_null(info);
	assert_int_equal(DhcpSetSubnetInfoV6(NULL, here(0), &given), ERROR_DHCP_SUBNET_NOT_PRESENT);
}

static void
prefixes_that_are_no_networks_are_refused(void **state) {
	(void)state;
	static const uint64_t bad[] = {0,
				       UINT64_C(0xFE80000000000000),
				       UINT64_C(0xFEBFFFFFFFFFFFFF),
				       UINT64_C(0xFF00000000000000),
				       UINT64_C(0xFF020000000000FB),
				       UINT64_C(0xFFFFFFFFFFFFFFFF)};
	static const uint64_t good[] = {1, UINT64_C(0xFE7FFFFFFFFFFFFF), UINT64_C(0xFEC0000000000000),
					UINT64_C(0xFD00000000000001), UINT64_C(0xFEFFFFFFFFFFFFFF)};
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(create_scope(bad[i]), ERROR_DHCP_INVALID_SUBNET_PREFIX);
	}
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(create_scope(good[i]), ERROR_SUCCESS);
	}
}

static void
scope_texts_and_states_have_limits(void **state) {
	(void)state;
	const guarded_t longest = make_guarded(256, true);
	const guarded_t too_long = make_guarded(257, false);
	const guarded_t comment_too_long = make_guarded(1025, false);
	LPDHCP_SUBNET_INFO_V6 info = NULL;
	const struct {
		DHCP_SUBNET_INFO_V6 info;
		DWORD code;
	} refused[] = {
		{{.SubnetName = too_long.text}, ERROR_DHCP_SCOPE_NAME_TOO_LONG},
		{{.SubnetName = half_a_pair}, ERROR_INVALID_PARAMETER},
		{{.SubnetComment = comment_too_long.text}, ERROR_INVALID_PARAMETER},
		{{.SubnetComment = half_a_pair}, ERROR_INVALID_PARAMETER},
		{{.State = 5}, ERROR_INVALID_PARAMETER},
		{{.State = 0x80000001u}, ERROR_INVALID_PARAMETER},
	};
	for (size_t i = 0; i < COUNT(refused); i++) {
		DHCP_SUBNET_INFO_V6 given = refused[i].info;
		assert_int_equal(DhcpCreateSubnetV6(NULL, at(OTHER, 0), &given), refused[i].code);
		assert_int_equal(DhcpGetSubnetInfoV6(NULL, at(OTHER, 0), &info), ERROR_DHCP_SUBNET_NOT_PRESENT);
		assert_int_equal(DhcpSetSubnetInfoV6(NULL, here(0), &given), refused[i].code);
	}
	DHCP_SUBNET_INFO_V6 given = {.SubnetName = longest.text};
	assert_int_equal(DhcpSetSubnetInfoV6(NULL, here(0), &given), ERROR_SUCCESS);
	assert_int_equal(DhcpGetSubnetInfoV6(NULL, here(0), &info), ERROR_SUCCESS);
	assert_same_text(info->SubnetName, longest.text);
	DhcpRpcFreeMemory(info);
	drop_guarded(longest);
	drop_guarded(too_long);
	drop_guarded(comment_too_long);
}

static void
a_scope_with_leases_is_deleted_by_force(void **state) {
	(void)state;
	assert_int_equal(create(1, d1, 0), ERROR_SUCCESS);
	assert_int_equal(DhcpDeleteSubnetV6(NULL, here(0), (DHCP_FORCE_FLAG)3), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpDeleteSubnetV6(NULL, here(0), (DHCP_FORCE_FLAG)0xFFFFFFFFu), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpDeleteSubnetV6(NULL, here(0), DhcpNoForce), ERROR_DHCP_ELEMENT_CANT_REMOVE);
	assert_int_equal(get_code(by_address(here(1))), ERROR_SUCCESS);
	assert_int_equal(DhcpDeleteSubnetV6(NULL, here(0), DhcpFullForce), ERROR_SUCCESS);
	assert_int_equal(get_code(by_address(here(1))), ERROR_DHCP_JET_ERROR);
	assert_int_equal(create_scope(PREFIX), ERROR_SUCCESS);
	assert_int_equal(create(1, d1, 0), ERROR_SUCCESS);
	assert_int_equal(DhcpDeleteSubnetV6(NULL, here(0), DhcpFailoverForce), ERROR_SUCCESS);
}

static void
scopes_are_read_so_many_at_a_time(void **state) {
	(void)state;
	DHCP_RESUME_HANDLE handle = 0;
	LPDHCPV6_IP_ARRAY array = NULL;
	DWORD read, total;
	for (uint64_t i = 0; i < 7; i++) {
		assert_int_equal(create_scope(PREFIX + 1 + i * 5 % 7), ERROR_SUCCESS); /* in no order */
	}
	for (DWORD page = 0; page < 3; page++) {
		static const DWORD expected[][2] = {{3, 5}, {3, 2}, {2, 0}};
		assert_int_equal(DhcpEnumSubnetsV6(NULL, &handle, 3, &array, &read, &total), ERROR_SUCCESS);
		assert_int_equal(read, expected[page][0]);
		assert_int_equal(total, expected[page][1]);
		assert_int_equal(array->NumElements, read);
		for (DWORD i = 0; i < read; i++) {
			assert_same_address(array->Elements[i], at(PREFIX + 3 * page + i, 0));
		}
		DhcpRpcFreeMemory(array);
	}
	assert_int_equal(handle, 8);
	assert_int_equal(DhcpEnumSubnetsV6(NULL, &handle, 3, &array, &read, &total), ERROR_NO_MORE_ITEMS);
	assert_null(array);
	assert_int_equal(read, 0);
	assert_int_equal(total, 0);
	assert_int_equal(handle, 8);
	handle = 0;
	assert_int_equal(DhcpEnumSubnetsV6(NULL, &handle, 0, &array, &read, &total), ERROR_NO_MORE_ITEMS);
	assert_int_equal(DhcpEnumSubnetsV6(NULL, &handle, EVERYTHING, &array, &read, &total), ERROR_SUCCESS);
	assert_int_equal(read, 8);
	DhcpRpcFreeMemory(array);
	handle = 0xFFFFFFFFu;
	assert_int_equal(DhcpEnumSubnetsV6(NULL, &handle, EVERYTHING, &array, &read, &total), ERROR_NO_MORE_ITEMS);
}

/*
 * Leases.
 */

/* 3.2.4.125: a client is a pair of DUID and IAID; addresses and pairs are unique. */
static void
a_client_is_a_duid_with_an_iaid(void **state) {
	(void)state;
	assert_int_equal(create(1, d1, 0), ERROR_SUCCESS);
	assert_int_equal(create(2, d1, 0), ERROR_DHCP_CLIENT_EXISTS);
	assert_int_equal(lessor_dhcpsapi_last_status(), LESSOR_CLIENT_TAKEN);
	assert_int_equal(create(1, d2, 0), ERROR_DHCP_CLIENT_EXISTS);
	assert_int_equal(lessor_dhcpsapi_last_status(), LESSOR_ADDRESS_TAKEN);
	assert_int_equal(create(1, d1, 0), ERROR_DHCP_CLIENT_EXISTS);
	assert_int_equal(create(2, d1, 1), ERROR_SUCCESS);
	assert_int_equal(create(3, d2, 0), ERROR_SUCCESS);
	assert_stats(PREFIX, 3, UINT64_MAX - 2);
	/* In another scope it is free. */
	assert_int_equal(create_info(lease_of(at(OTHER, 1), d1, 0)), ERROR_DHCP_SUBNET_NOT_PRESENT);
	assert_int_equal(create_scope(OTHER), ERROR_SUCCESS);
	assert_int_equal(create_info(lease_of(at(OTHER, 1), d1, 0)), ERROR_SUCCESS);
	assert_stats(OTHER, 1, UINT64_MAX);
}

static void
a_lease_comes_back_as_it_was_given(void **state) {
	(void)state;
	static WCHAR name[] = u"h\u00F6st \U0001F5A8";
	static WCHAR comment[] = u"";
	static WCHAR server[] = u"2001:db8::53";
	DHCP_CLIENT_INFO_V6 given = lease_of(here(UINT64_MAX), d1, 0xFFFFFFFFu);
	given.AddressType = 4711;
	given.ClientName = name;
	given.ClientComment = comment;
	given.ClientValidLeaseExpires = (DATE_TIME){.dwLowDateTime = 5, .dwHighDateTime = 31000000};
	given.ClientPrefLeaseExpires = (DATE_TIME){.dwLowDateTime = 4, .dwHighDateTime = 31000000};
	given.OwnerHost.IpAddress = here(4711);
	given.OwnerHost.NetBiosName = name;
	given.OwnerHost.HostName = name;
	assert_int_equal(DhcpV6CreateClientInfo(server, &given), ERROR_SUCCESS);
	LPDHCP_CLIENT_INFO_V6 found = get_found(UINT64_MAX);
	assert_same_address(found->ClientIpAddress, here(UINT64_MAX));
	assert_same_bytes(found->ClientDUID, d1);
	assert_int_equal(found->AddressType, ADDRESS_TYPE_IANA);
	assert_int_equal(found->IAID, 0xFFFFFFFFu);
	assert_same_text(found->ClientName, name);
	assert_same_text(found->ClientComment, comment);
	assert_same_time(found->ClientValidLeaseExpires, given.ClientValidLeaseExpires);
	assert_same_time(found->ClientPrefLeaseExpires, given.ClientPrefLeaseExpires);
	assert_same_address(found->OwnerHost.IpAddress, at(PREFIX, 0x53));
	assert_null(found->OwnerHost.NetBiosName);
	assert_null(found->OwnerHost.HostName);
	DhcpRpcFreeMemory(found->ClientDUID.Data);
	DhcpRpcFreeMemory(found->ClientName);
	DhcpRpcFreeMemory(found->ClientComment);
	DhcpRpcFreeMemory(found);
}

static void
members_that_are_not_given_have_their_meaning(void **state) {
	(void)state;
	static WCHAR server_names[][20] = {u"dhcp.example", u"10.1.2.3", u"2001:db8::53 ", u"::1%eth0", u""};
	DHCP_CLIENT_INFO_V6 given = {.ClientIpAddress = here(1), .ClientDUID = d1};
	assert_int_equal(create_info(given), ERROR_SUCCESS);
	LPDHCP_CLIENT_INFO_V6 found = get_found(1);
	assert_null(found->ClientName);
	assert_null(found->ClientComment);
	assert_same_time(found->ClientValidLeaseExpires, no_time);
	assert_same_time(found->ClientPrefLeaseExpires, no_time);
	assert_same_address(found->OwnerHost.IpAddress, at(0, 0));
	DhcpRpcFreeMemory(found);
	/* A preferred lifetime that is missing, or longer than the valid one, is that one. */
	given = lease_of(here(2), d2, 0);
	given.ClientValidLeaseExpires = (DATE_TIME){.dwHighDateTime = 30000000};
	given.ClientPrefLeaseExpires = (DATE_TIME){.dwLowDateTime = 1, .dwHighDateTime = 30000000};
	assert_int_equal(create_info(given), ERROR_SUCCESS);
	found = get_found(2);
	assert_same_time(found->ClientPrefLeaseExpires, given.ClientValidLeaseExpires);
	DhcpRpcFreeMemory(found);
	for (DWORD i = 0; i < COUNT(server_names); i++) {
		given = lease_of(here(10 + i), d1, 10 + i);
		assert_int_equal(DhcpV6CreateClientInfo(server_names[i], &given), ERROR_SUCCESS);
		found = get_found(10 + i);
		assert_same_address(found->OwnerHost.IpAddress, at(0, 0));
		assert_same_time(found->ClientPrefLeaseExpires, never);
		DhcpRpcFreeMemory(found);
	}
}

static void
creates_check_the_client_and_the_texts(void **state) {
	(void)state;
	BYTE bytes[257];
	const guarded_t too_long = make_guarded(1025, false);
	memset(bytes, 0x5A, sizeof(bytes));
	assert_int_equal(DhcpV6CreateClientInfo(NULL, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(create(1, (DHCP_CLIENT_UID){0, bytes}, 0), ERROR_INVALID_PARAMETER);
	assert_int_equal(create(1, (DHCP_CLIENT_UID){5, NULL}, 0), ERROR_INVALID_PARAMETER);
	assert_int_equal(create(1, (DHCP_CLIENT_UID){257, bytes}, 0), ERROR_INVALID_PARAMETER);
	assert_int_equal(create(1, (DHCP_CLIENT_UID){0xFFFFFFFFu, bytes}, 0), ERROR_INVALID_PARAMETER);
	DHCP_CLIENT_INFO_V6 given = lease_of(here(1), d1, 0);
	given.ClientName = too_long.text;
	assert_int_equal(create_info(given), ERROR_INVALID_PARAMETER);
	given.ClientName = half_a_pair;
	assert_int_equal(create_info(given), ERROR_INVALID_PARAMETER);
	given.ClientName = NULL;
	given.ClientComment = too_long.text;
	assert_int_equal(create_info(given), ERROR_INVALID_PARAMETER);
	given.ClientComment = half_a_pair;
	assert_int_equal(create_info(given), ERROR_INVALID_PARAMETER);
	assert_stats(PREFIX, 0, UINT64_MAX);
	for (DWORD length = 1; length <= 256; length += 51) {
		assert_int_equal(create(length, (DHCP_CLIENT_UID){length, bytes}, 0), ERROR_SUCCESS);
		LPDHCP_CLIENT_INFO_V6 found = get_found(length);
		assert_same_bytes(found->ClientDUID, (DHCP_CLIENT_UID){length, bytes});
		DhcpRpcFreeMemory(found);
	}
	drop_guarded(too_long);
}

static void
the_longest_lease_comes_back(void **state) {
	(void)state;
	static WCHAR longest[1025];
	BYTE bytes[256];
	for (size_t i = 0; i < 1024; i++) {
		longest[i] = 0x20AC; /* three bytes each, inside */
	}
	memset(bytes, 0xA5, sizeof(bytes));
	DHCP_CLIENT_INFO_V6 given = lease_of(here(1), (DHCP_CLIENT_UID){sizeof(bytes), bytes}, 1);
	given.ClientName = longest;
	given.ClientComment = longest;
	assert_int_equal(create_info(given), ERROR_SUCCESS);
	LPDHCP_CLIENT_INFO_V6 found = get_found(1);
	assert_same_bytes(found->ClientDUID, given.ClientDUID);
	assert_same_text(found->ClientName, longest);
	assert_same_text(found->ClientComment, longest);
	DhcpRpcFreeMemory(found);
}

/* 3.2.4.72. */
static void
a_change_replaces_client_and_texts_only(void **state) {
	(void)state;
	static WCHAR name[] = u"one";
	static WCHAR other_name[] = u"two";
	DHCP_CLIENT_INFO_V6 given = lease_of(here(1), d1, 1);
	given.ClientName = name;
	given.ClientComment = name;
	assert_int_equal(create_info(given), ERROR_SUCCESS);
	DHCP_CLIENT_INFO_V6 changed = {.ClientIpAddress = here(1),
				       .ClientDUID = d2,
				       .IAID = 2,
				       .ClientName = other_name,
				       .ClientValidLeaseExpires = {.dwLowDateTime = 1},
				       .OwnerHost = {.IpAddress = here(9)}};
	assert_int_equal(DhcpSetClientInfoV6(NULL, &changed), ERROR_SUCCESS);
	LPDHCP_CLIENT_INFO_V6 found = get_found(1);
	assert_same_bytes(found->ClientDUID, d2);
	assert_int_equal(found->IAID, 2);
	assert_same_text(found->ClientName, other_name);
	assert_null(found->ClientComment);
	assert_same_time(found->ClientValidLeaseExpires, never);
	assert_same_time(found->ClientPrefLeaseExpires, never);
	assert_same_address(found->OwnerHost.IpAddress, at(0, 0));
	DhcpRpcFreeMemory(found);
	assert_int_equal(create(2, d1, 1), ERROR_SUCCESS); /* that client is free again */
	assert_int_equal(create(3, d2, 2), ERROR_DHCP_CLIENT_EXISTS);
	assert_stats(PREFIX, 2, UINT64_MAX - 1);
}

static void
changes_check_their_arguments(void **state) {
	(void)state;
	BYTE bytes[257];
	memset(bytes, 0x5A, sizeof(bytes));
	assert_int_equal(create(1, d1, 1), ERROR_SUCCESS);
	assert_int_equal(create(2, d2, 2), ERROR_SUCCESS);
	const struct {
		DHCP_CLIENT_INFO_V6 info;
		DWORD code;
	} refused[] = {
		{lease_of(here(1), (DHCP_CLIENT_UID){0, bytes}, 1), ERROR_INVALID_PARAMETER},
		{lease_of(here(1), (DHCP_CLIENT_UID){257, NULL}, 1), ERROR_INVALID_PARAMETER},
		{lease_of(here(1), (DHCP_CLIENT_UID){257, bytes}, 1), ERROR_BUFFER_OVERFLOW},
		{lease_of(here(1), (DHCP_CLIENT_UID){0xFFFFFFFFu, bytes}, 1), ERROR_BUFFER_OVERFLOW},
		{lease_of(here(3), d1, 1), ERROR_FILE_NOT_FOUND},
		{lease_of(at(OTHER, 1), d1, 1), ERROR_FILE_NOT_FOUND},
		{lease_of(here(1), d2, 2), ERROR_DHCP_JET_ERROR}, /* has another lease */
		{{.ClientIpAddress = here(1), .ClientDUID = d1, .ClientName = half_a_pair}, ERROR_INVALID_PARAMETER},
	};
	for (size_t i = 0; i < COUNT(refused); i++) {
		assert_int_equal(DhcpSetClientInfoV6(NULL, &refused[i].info), refused[i].code);
	}
	assert_int_equal(DhcpSetClientInfoV6(NULL, NULL), ERROR_INVALID_PARAMETER);
	LPDHCP_CLIENT_INFO_V6 found = get_found(1);
	assert_same_bytes(found->ClientDUID, d1);
	assert_int_equal(found->IAID, 1);
	DhcpRpcFreeMemory(found);
}

static void
searches_are_by_address_only(void **state) {
	(void)state;
	static WCHAR name[] = u"pc";
	assert_int_equal(create(1, d1, 0), ERROR_SUCCESS);
	DHCP_SEARCH_INFO_V6 searches[] = {
		{.SearchType = Dhcpv6ClientDUID, .SearchInfo = {.ClientDUID = d1}},
		{.SearchType = Dhcpv6ClientName, .SearchInfo = {.ClientName = name}},
		{.SearchType = Dhcpv6ClientName},
		{.SearchType = (DHCP_SEARCH_INFO_TYPE_V6)3, .SearchInfo = {.ClientIpAddress = here(1)}},
		{.SearchType = (DHCP_SEARCH_INFO_TYPE_V6)0xFFFFFFFFu, .SearchInfo = {.ClientIpAddress = here(1)}},
	};
	for (size_t i = 0; i < COUNT(searches); i++) {
		assert_int_equal(get_code(searches[i]), ERROR_INVALID_PARAMETER);
		assert_int_equal(DhcpDeleteClientInfoV6(NULL, &searches[i]), ERROR_INVALID_PARAMETER);
	}
	LPDHCP_CLIENT_INFO_V6 info = NULL;
	assert_int_equal(DhcpGetClientInfoV6(NULL, NULL, &info), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpGetClientInfoV6(NULL, &searches[0], NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpDeleteClientInfoV6(NULL, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(get_code(by_address(here(1))), ERROR_SUCCESS);
}

static void
a_lease_is_deleted_once(void **state) {
	(void)state;
	assert_int_equal(create(1, d1, 0), ERROR_SUCCESS);
	assert_int_equal(delete_at(2), ERROR_DHCP_JET_ERROR);
	assert_int_equal(delete_at(1), ERROR_SUCCESS);
	assert_stats(PREFIX, 0, UINT64_MAX);
	assert_int_equal(delete_at(1), ERROR_DHCP_JET_ERROR);
	assert_int_equal(lessor_dhcpsapi_last_status(), LESSOR_NOT_FOUND);
	assert_int_equal(create(2, d1, 0), ERROR_SUCCESS);
	assert_int_equal(create(1, d2, 0), ERROR_SUCCESS);
}

/*
 * Elements.
 */

static DWORD
add_element(DHCP_SUBNET_ELEMENT_DATA_V6 element) {
	return DhcpAddSubnetElementV6(NULL, here(0), &element);
}

static DWORD
remove_element(DHCP_SUBNET_ELEMENT_DATA_V6 element) {
	return DhcpRemoveSubnetElementV6(NULL, here(0), &element, DhcpNoForce);
}

static DHCP_SUBNET_ELEMENT_DATA_V6
excluding(DHCP_IP_RANGE_V6 *range) {
	return (DHCP_SUBNET_ELEMENT_DATA_V6){.ElementType = Dhcpv6ExcludedIpRanges,
					     .Element = {.ExcludeIpRange = range}};
}

static DWORD
exclude(DHCP_IPV6_ADDRESS first, DHCP_IPV6_ADDRESS last) {
	DHCP_IP_RANGE_V6 range = {.StartAddress = first, .EndAddress = last};
	return add_element(excluding(&range));
}

static DWORD
include(DHCP_IPV6_ADDRESS first, DHCP_IPV6_ADDRESS last) {
	DHCP_IP_RANGE_V6 range = {.StartAddress = first, .EndAddress = last};
	return remove_element(excluding(&range));
}

static DWORD
reserve(DHCP_IPV6_ADDRESS address, DHCP_CLIENT_UID *duid, DWORD iaid) {
	DHCP_IP_RESERVATION_V6 reservation = {
		.ReservedIpAddress = address, .ReservedForClient = duid, .InterfaceId = iaid};
	return add_element((DHCP_SUBNET_ELEMENT_DATA_V6){.ElementType = Dhcpv6ReservedIps,
							 .Element = {.ReservedIp = &reservation}});
}

static DWORD
unreserve(DHCP_IPV6_ADDRESS address) {
	DHCP_IP_RESERVATION_V6 reservation = {.ReservedIpAddress = address};
	return remove_element((DHCP_SUBNET_ELEMENT_DATA_V6){.ElementType = Dhcpv6ReservedIps,
							    .Element = {.ReservedIp = &reservation}});
}

/* One page of elements; NULL and no count if there are none. */
static DWORD
read_elements(DHCP_SUBNET_ELEMENT_TYPE_V6 type, DHCP_RESUME_HANDLE *handle, DWORD preferred,
	      LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V6 *array, DWORD *total) {
	DWORD read = 77;
	*total = 77;
	const DWORD code = DhcpEnumSubnetElementsV6(NULL, here(0), type, handle, preferred, array, &read, total);
	assert_true((code == ERROR_SUCCESS || code == ERROR_MORE_DATA) == (*array != NULL));
	assert_int_equal(read, *array != NULL ? (*array)->NumElements : 0);
	return code;
}

static void
exclusions_take_addresses_out_of_the_pool(void **state) {
	(void)state;
	assert_int_equal(exclude(here(0), here(0xFF)), ERROR_SUCCESS);
	assert_stats(PREFIX, 0, UINT64_MAX - 0xFF);
	assert_int_equal(exclude(here(0), here(0xFF)), ERROR_DUPLICATE_TAG);
	assert_int_equal(exclude(here(0xFF), here(0x1FF)), ERROR_DUPLICATE_TAG);
	assert_int_equal(exclude(here(0x10), here(0x20)), ERROR_DUPLICATE_TAG);
	assert_int_equal(exclude(here(0x100), here(0x1FF)), ERROR_SUCCESS);
	assert_stats(PREFIX, 0, UINT64_MAX - 0x1FF);
	assert_int_equal(include(here(0), here(0x1FF)), ERROR_FILE_NOT_FOUND);
	assert_int_equal(include(here(0x100), here(0x1FF)), ERROR_SUCCESS);
	assert_int_equal(include(here(0x100), here(0x1FF)), ERROR_FILE_NOT_FOUND);
	assert_stats(PREFIX, 0, UINT64_MAX - 0xFF);
}

static void
exclusions_that_exclude_nothing_are_not_kept(void **state) {
	(void)state;
	LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V6 array;
	DHCP_RESUME_HANDLE handle = 0;
	DWORD total;
	assert_int_equal(exclude(here(9), here(8)), ERROR_SUCCESS);
	assert_int_equal(exclude(at(OTHER, 0), at(OTHER, 9)), ERROR_SUCCESS);
	assert_int_equal(exclude(at(1, 0), at(2, 0)), ERROR_SUCCESS);
	assert_int_equal(exclude(at(OTHER, 0), here(0)), ERROR_SUCCESS);
	assert_int_equal(read_elements(Dhcpv6ExcludedIpRanges, &handle, EVERYTHING, &array, &total),
			 ERROR_NO_MORE_ITEMS);
	assert_stats(PREFIX, 0, UINT64_MAX);
	assert_int_equal(include(here(9), here(8)), ERROR_FILE_NOT_FOUND);
	/* Of one that goes beyond the prefix, the part inside counts. */
	assert_int_equal(exclude(here(UINT64_MAX - 1), at(OTHER, 5)), ERROR_SUCCESS);
	assert_stats(PREFIX, 0, UINT64_MAX - 1);
	assert_int_equal(read_elements(Dhcpv6ExcludedIpRanges, &handle, EVERYTHING, &array, &total), ERROR_SUCCESS);
	assert_int_equal(total, 1);
	assert_same_address(array->Elements[0].Element.ExcludeIpRange->StartAddress, here(UINT64_MAX - 1));
	assert_same_address(array->Elements[0].Element.ExcludeIpRange->EndAddress, here(UINT64_MAX));
	DhcpRpcFreeMemory(array);
	assert_int_equal(include(here(UINT64_MAX - 1), at(OTHER, 5)), ERROR_SUCCESS);
	assert_int_equal(exclude(at(PREFIX - 1, 77), at(PREFIX + 1, 5)), ERROR_SUCCESS);
	assert_stats(PREFIX, 0, 0);
}

/* 3.2.4.60. */
static void
a_reservation_keeps_an_address_for_a_client(void **state) {
	(void)state;
	assert_int_equal(reserve(here(1), &d1, 7), ERROR_SUCCESS);
	assert_stats(PREFIX, 1, UINT64_MAX);
	LPDHCP_CLIENT_INFO_V6 found = get_found(1); /* the dormant lease */
	assert_same_bytes(found->ClientDUID, d1);
	assert_int_equal(found->IAID, 7);
	assert_same_time(found->ClientValidLeaseExpires, no_time);
	DhcpRpcFreeMemory(found);
	assert_int_equal(reserve(here(1), &d2, 7), ERROR_DHCP_RESERVEDIP_EXITS);
	assert_int_equal(reserve(here(2), &d1, 7), ERROR_DHCP_RESERVEDIP_EXITS);
	assert_int_equal(reserve(here(2), &d1, 8), ERROR_SUCCESS);
	assert_int_equal(create(1, d2, 0), ERROR_DHCP_CLIENT_EXISTS);
	assert_int_equal(create(1, d1, 7), ERROR_DHCP_CLIENT_EXISTS);
	assert_int_equal(delete_at(1), ERROR_DHCP_RESERVED_CLIENT);
	assert_int_equal(unreserve(here(1)), ERROR_SUCCESS);
	assert_int_equal(get_code(by_address(here(1))), ERROR_DHCP_JET_ERROR);
	assert_int_equal(unreserve(here(1)), ERROR_FILE_NOT_FOUND);
	assert_int_equal(unreserve(here(3)), ERROR_FILE_NOT_FOUND);
	assert_int_equal(create(1, d2, 0), ERROR_SUCCESS);
}

static void
a_reservation_pushes_leases_out_of_the_way(void **state) {
	(void)state;
	assert_int_equal(create(1, d1, 0), ERROR_SUCCESS);
	assert_int_equal(create(2, d2, 0), ERROR_SUCCESS);
	assert_int_equal(reserve(here(2), &d1, 0), ERROR_SUCCESS);
	assert_int_equal(get_code(by_address(here(1))), ERROR_DHCP_JET_ERROR);
	LPDHCP_CLIENT_INFO_V6 found = get_found(2);
	assert_same_bytes(found->ClientDUID, d1);
	DhcpRpcFreeMemory(found);
	assert_int_equal(create(3, d2, 0), ERROR_SUCCESS);
	assert_stats(PREFIX, 2, UINT64_MAX - 1);
}

static void
elements_are_read_in_pages(void **state) {
	(void)state;
	LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V6 array;
	DHCP_RESUME_HANDLE handle = 0;
	DWORD total;
	/* Two exclusions, and a bit, fit. */
	const DWORD room = 5 * (sizeof(DHCP_SUBNET_ELEMENT_DATA_V6) + sizeof(DHCP_IP_RANGE_V6)) / 2;
	assert_int_equal(read_elements(Dhcpv6ExcludedIpRanges, &handle, 0, &array, &total), ERROR_NO_MORE_ITEMS);
	for (uint64_t i = 0; i < 5; i++) {
		const uint64_t first = 10 * (i * 3 % 5);
		assert_int_equal(exclude(here(first), here(first + 9)), ERROR_SUCCESS);
	}
	for (DWORD page = 0; page < 3; page++) {
		static const struct {
			DWORD code, read, total;
		} expected[] = {{ERROR_MORE_DATA, 2, 3}, {ERROR_MORE_DATA, 2, 1}, {ERROR_SUCCESS, 1, 1}};
		assert_int_equal(read_elements(Dhcpv6ExcludedIpRanges, &handle, room, &array, &total),
				 expected[page].code);
		assert_int_equal(array->NumElements, expected[page].read);
		assert_int_equal(total, expected[page].total);
		for (DWORD i = 0; i < array->NumElements; i++) {
			const DHCP_SUBNET_ELEMENT_DATA_V6 *element = &array->Elements[i];
			assert_int_equal(element->ElementType, Dhcpv6ExcludedIpRanges);
			assert_same_address(element->Element.ExcludeIpRange->StartAddress, here(10 * (2 * page + i)));
			assert_same_address(element->Element.ExcludeIpRange->EndAddress, here(10 * (2 * page + i) + 9));
		}
		DhcpRpcFreeMemory(array);
	}
	assert_int_equal(handle, 5);
	assert_int_equal(read_elements(Dhcpv6ExcludedIpRanges, &handle, EVERYTHING, &array, &total),
			 ERROR_NO_MORE_ITEMS);
	assert_int_equal(handle, 5);
	handle = 1;
	assert_int_equal(read_elements(Dhcpv6ExcludedIpRanges, &handle, 0, &array, &total), ERROR_MORE_DATA);
	assert_int_equal(array->NumElements, 0);
	assert_int_equal(total, 4);
	assert_int_equal(handle, 1);
	DhcpRpcFreeMemory(array);
}

static void
reservations_are_read_with_their_clients(void **state) {
	(void)state;
	LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V6 array;
	DHCP_RESUME_HANDLE handle = 0;
	DWORD total;
	assert_int_equal(reserve(here(UINT64_MAX), &d2, 3), ERROR_SUCCESS);
	assert_int_equal(reserve(here(5), &d1, 2), ERROR_SUCCESS);
	assert_int_equal(read_elements(Dhcpv6ReservedIps, &handle, 1, &array, &total), ERROR_MORE_DATA);
	assert_int_equal(array->NumElements, 1);
	assert_int_equal(total, 1);
	assert_int_equal(array->Elements[0].ElementType, Dhcpv6ReservedIps);
	assert_same_address(array->Elements[0].Element.ReservedIp->ReservedIpAddress, here(5));
	assert_same_bytes(*array->Elements[0].Element.ReservedIp->ReservedForClient, d1);
	assert_int_equal(array->Elements[0].Element.ReservedIp->InterfaceId, 2);
	DhcpRpcFreeMemory(array);
	assert_int_equal(read_elements(Dhcpv6ReservedIps, &handle, 1, &array, &total), ERROR_SUCCESS);
	assert_same_address(array->Elements[0].Element.ReservedIp->ReservedIpAddress, here(UINT64_MAX));
	assert_same_bytes(*array->Elements[0].Element.ReservedIp->ReservedForClient, d2);
	DhcpRpcFreeMemory(array);
	assert_int_equal(handle, 2);
}

static void
reservations_outside_of_the_prefix_are_kept(void **state) {
	(void)state;
	LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V6 array;
	DHCP_RESUME_HANDLE handle = 0;
	DWORD total;
	assert_int_equal(reserve(at(OTHER, 5), &d1, 2), ERROR_SUCCESS);
	assert_int_equal(reserve(at(OTHER, 5), &d2, 2), ERROR_DHCP_RESERVEDIP_EXITS);
	assert_int_equal(get_code(by_address(at(OTHER, 5))), ERROR_DHCP_JET_ERROR);
	assert_int_equal(read_elements(Dhcpv6ReservedIps, &handle, EVERYTHING, &array, &total), ERROR_SUCCESS);
	assert_int_equal(total, 1);
	assert_same_address(array->Elements[0].Element.ReservedIp->ReservedIpAddress, at(OTHER, 5));
	DhcpRpcFreeMemory(array);
	assert_int_equal(unreserve(at(OTHER, 5)), ERROR_SUCCESS);
	assert_int_equal(unreserve(at(OTHER, 5)), ERROR_FILE_NOT_FOUND);
}

static void
elements_check_their_arguments(void **state) {
	(void)state;
	BYTE bytes[257] = {0};
	DHCP_CLIENT_UID too_long = {sizeof(bytes), bytes};
	DHCP_CLIENT_UID nobody = {0, bytes};
	DHCP_CLIENT_UID nowhere = {5, NULL};
	LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V6 array;
	DHCP_RESUME_HANDLE handle = 0;
	DWORD total, read;
	const DHCP_SUBNET_ELEMENT_DATA_V6 range = {.ElementType = Dhcpv6IpRanges};
	const DHCP_SUBNET_ELEMENT_DATA_V6 bad[] = {
		{.ElementType = Dhcpv6ReservedIps},
		{.ElementType = Dhcpv6ExcludedIpRanges},
		{.ElementType = (DHCP_SUBNET_ELEMENT_TYPE_V6)3},
		{.ElementType = (DHCP_SUBNET_ELEMENT_TYPE_V6)0xFFFFFFFFu},
	};
	assert_int_equal(add_element(range), ERROR_SUCCESS);
	assert_int_equal(remove_element(range), ERROR_SUCCESS);
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(add_element(bad[i]), ERROR_INVALID_PARAMETER);
		assert_int_equal(remove_element(bad[i]), ERROR_INVALID_PARAMETER);
	}
	assert_int_equal(reserve(here(1), NULL, 0), ERROR_INVALID_PARAMETER);
	assert_int_equal(reserve(here(1), &nobody, 0), ERROR_INVALID_PARAMETER);
	assert_int_equal(reserve(here(1), &nowhere, 0), ERROR_INVALID_PARAMETER);
	assert_int_equal(reserve(here(1), &too_long, 0), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpAddSubnetElementV6(NULL, here(0), NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpRemoveSubnetElementV6(NULL, here(0), NULL, DhcpFullForce), ERROR_INVALID_PARAMETER);
	assert_int_equal(read_elements(Dhcpv6IpRanges, &handle, 1, &array, &total), ERROR_INVALID_PARAMETER);
	assert_int_equal(read_elements((DHCP_SUBNET_ELEMENT_TYPE_V6)3, &handle, 1, &array, &total),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(read_elements(Dhcpv6ReservedIps, NULL, 1, &array, &total), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpEnumSubnetElementsV6(NULL, here(0), Dhcpv6ReservedIps, &handle, 1, NULL, &read, &total),
			 ERROR_INVALID_PARAMETER);
	/* No scope. */
	DHCP_SUBNET_ELEMENT_DATA_V6 element = range;
	assert_int_equal(DhcpAddSubnetElementV6(NULL, at(OTHER, 0), &element), ERROR_FILE_NOT_FOUND);
	assert_int_equal(DhcpRemoveSubnetElementV6(NULL, at(OTHER, 0), &element, DhcpNoForce), ERROR_FILE_NOT_FOUND);
	for (unsigned type = Dhcpv6ReservedIps; type <= Dhcpv6ExcludedIpRanges; type++) {
		assert_int_equal(DhcpEnumSubnetElementsV6(NULL, at(OTHER, 0), (DHCP_SUBNET_ELEMENT_TYPE_V6)type,
							  &handle, 1, &array, &read, &total),
				 ERROR_FILE_NOT_FOUND);
		assert_null(array);
	}
}

/*
 * Enumeration.
 */

static DWORD
read_page(uint64_t prefix, DHCP_RESUME_IPV6_HANDLE *handle, DWORD preferred, LPDHCP_CLIENT_INFO_ARRAY_V6 *array,
	  DWORD *total) {
	DWORD read = 77;
	*total = 77;
	const DWORD code = DhcpEnumSubnetClientsV6(NULL, at(prefix, 0), handle, preferred, array, &read, total);
	assert_true((code == ERROR_SUCCESS || code == ERROR_MORE_DATA) == (*array != NULL));
	assert_int_equal(read, *array != NULL ? (*array)->NumElements : 0);
	return code;
}

static void
leases_are_read_in_pages(void **state) {
	(void)state;
	LPDHCP_CLIENT_INFO_ARRAY_V6 array;
	DHCP_RESUME_IPV6_HANDLE handle = at(0, 0);
	DWORD total, code, count = 0, pages = 0;
	for (DWORD i = 0; i < 80; i++) {
		assert_int_equal(create_numbered(PREFIX, 1 + i * 37 % 80, i), ERROR_SUCCESS);
	}
	do {
		code = read_page(PREFIX, &handle, 1, &array, &total); /* that is 1024 bytes */
		assert_true(code == ERROR_MORE_DATA || code == ERROR_SUCCESS);
		for (DWORD i = 0; i < array->NumElements; i++) {
			assert_same_address(array->Clients[i]->ClientIpAddress, here(1 + count));
			count++;
		}
		pages++;
		assert_int_equal(total, code == ERROR_MORE_DATA ? 80 - count : array->NumElements);
		if (code == ERROR_MORE_DATA) {
			assert_same_address(handle, here(count));
		}
		DhcpRpcFreeMemory(array);
	} while (code == ERROR_MORE_DATA);
	assert_int_equal(count, 80);
	/* A structure of 104 bytes, a pointer and 8 bytes of DUID: 8 in a page. */
	assert_int_equal(pages, 10);
	assert_same_address(handle, at(0, 0));
	assert_int_equal(read_page(PREFIX, &handle, EVERYTHING, &array, &total), ERROR_SUCCESS);
	assert_int_equal(array->NumElements, 80);
	assert_int_equal(total, 80);
	DhcpRpcFreeMemory(array->Clients[0]->ClientDUID.Data);
	DhcpRpcFreeMemory(array->Clients[0]);
	DhcpRpcFreeMemory(array->Clients);
	DhcpRpcFreeMemory(array);
}

static void
pages_hold_what_their_bytes_permit(void **state) {
	(void)state;
	static WCHAR longest[1025];
	LPDHCP_CLIENT_INFO_ARRAY_V6 array;
	DHCP_RESUME_IPV6_HANDLE handle = at(0, 0);
	DWORD total;
	for (size_t i = 0; i < 1024; i++) {
		longest[i] = u'x';
	}
	for (DWORD i = 0; i < 100; i++) {
		DHCP_CLIENT_INFO_V6 given = lease_of(here(1 + i), d1, i);
		given.ClientName = longest;
		assert_int_equal(create_info(given), ERROR_SUCCESS);
	}
	/* One that is greater than a page comes alone. */
	assert_int_equal(read_page(PREFIX, &handle, 0, &array, &total), ERROR_MORE_DATA);
	assert_int_equal(array->NumElements, 1);
	assert_int_equal(total, 99);
	DhcpRpcFreeMemory(array);
	/* The greatest page: 2050 bytes of name, 104, 8, 14. */
	assert_int_equal(read_page(PREFIX, &handle, EVERYTHING - 1, &array, &total), ERROR_MORE_DATA);
	assert_int_equal(array->NumElements, 65536 / 2176);
	DhcpRpcFreeMemory(array);
	assert_int_equal(read_page(PREFIX, &handle, EVERYTHING, &array, &total), ERROR_SUCCESS);
	assert_int_equal(array->NumElements, 99 - 65536 / 2176);
	DhcpRpcFreeMemory(array);
}

static void
an_enumeration_covers_one_scope_or_all(void **state) {
	(void)state;
	LPDHCP_CLIENT_INFO_ARRAY_V6 array;
	DHCP_RESUME_IPV6_HANDLE handle = at(0, 0);
	DWORD total;
	assert_int_equal(read_page(0, &handle, EVERYTHING, &array, &total), ERROR_NO_MORE_ITEMS);
	assert_int_equal(read_page(PREFIX, &handle, EVERYTHING, &array, &total), ERROR_NO_MORE_ITEMS);
	assert_int_equal(total, 0);
	assert_int_equal(create_scope(OTHER), ERROR_SUCCESS);
	assert_int_equal(create_numbered(PREFIX, 0, 1), ERROR_SUCCESS);
	assert_int_equal(create_numbered(PREFIX, UINT64_MAX, 2), ERROR_SUCCESS);
	assert_int_equal(create_numbered(OTHER, 0, 3), ERROR_SUCCESS);
	assert_int_equal(read_page(0, &handle, EVERYTHING, &array, &total), ERROR_SUCCESS);
	assert_int_equal(array->NumElements, 3);
	assert_same_address(array->Clients[2]->ClientIpAddress, at(OTHER, 0));
	DhcpRpcFreeMemory(array);
	assert_int_equal(read_page(PREFIX, &handle, EVERYTHING, &array, &total), ERROR_SUCCESS);
	assert_int_equal(array->NumElements, 2);
	assert_same_address(array->Clients[0]->ClientIpAddress, here(0));
	assert_same_address(array->Clients[1]->ClientIpAddress, here(UINT64_MAX));
	DhcpRpcFreeMemory(array);
	assert_int_equal(read_page(OTHER, &handle, EVERYTHING, &array, &total), ERROR_SUCCESS);
	assert_int_equal(array->NumElements, 1);
	DhcpRpcFreeMemory(array);
	assert_int_equal(read_page(OTHER + 1, &handle, EVERYTHING, &array, &total), ERROR_NO_MORE_ITEMS);
	/* A handle in front of the scope. */
	handle = here(0);
	assert_int_equal(read_page(OTHER, &handle, EVERYTHING, &array, &total), ERROR_SUCCESS);
	assert_int_equal(array->NumElements, 1);
	DhcpRpcFreeMemory(array);
	/* Behind the last one. */
	handle = here(UINT64_MAX);
	assert_int_equal(read_page(PREFIX, &handle, EVERYTHING, &array, &total), ERROR_NO_MORE_ITEMS);
	assert_same_address(handle, here(UINT64_MAX));
	assert_int_equal(read_page(0, &handle, EVERYTHING, &array, &total), ERROR_SUCCESS);
	assert_int_equal(array->NumElements, 1);
	DhcpRpcFreeMemory(array);
}

/* 3.2.4.65. */
static void
a_handle_without_a_lease_is_not_found(void **state) {
	(void)state;
	LPDHCP_CLIENT_INFO_ARRAY_V6 array;
	DHCP_RESUME_IPV6_HANDLE handle = here(5);
	DWORD total;
	for (DWORD i = 0; i < 10; i++) {
		assert_int_equal(create_numbered(PREFIX, i, i), ERROR_SUCCESS);
	}
	assert_int_equal(delete_at(5), ERROR_SUCCESS);
	assert_int_equal(read_page(PREFIX, &handle, EVERYTHING, &array, &total), ERROR_FILE_NOT_FOUND);
	assert_same_address(handle, here(5));
	handle = at(OTHER, 5);
	assert_int_equal(read_page(0, &handle, EVERYTHING, &array, &total), ERROR_FILE_NOT_FOUND);
	assert_status(LESSOR_OK, lessor_dhcpsapi_set_options(NULL, LESSOR_DHCPSAPI_RELAXED_RESUME));
	handle = here(5);
	assert_int_equal(read_page(PREFIX, &handle, EVERYTHING, &array, &total), ERROR_SUCCESS);
	assert_int_equal(array->NumElements, 4);
	assert_same_address(array->Clients[0]->ClientIpAddress, here(6));
	DhcpRpcFreeMemory(array);
	handle = at(UINT64_MAX, UINT64_MAX);
	assert_int_equal(read_page(0, &handle, EVERYTHING, &array, &total), ERROR_NO_MORE_ITEMS);
}

static void
enumerations_check_their_pointers(void **state) {
	(void)state;
	static DHCP_CLIENT_INFO_ARRAY_V6 untouched;
	LPDHCP_CLIENT_INFO_ARRAY_V6 array = &untouched;
	LPDHCPV6_IP_ARRAY addresses;
	DHCP_RESUME_IPV6_HANDLE handle = at(0, 0);
	DHCP_RESUME_HANDLE number = 0;
	DWORD read = 77, total = 77;
	assert_int_equal(DhcpEnumSubnetClientsV6(NULL, here(0), NULL, 0, &array, &read, &total),
			 ERROR_INVALID_PARAMETER);
	assert_null(array);
	assert_int_equal(read, 0);
	assert_int_equal(total, 0);
	assert_int_equal(DhcpEnumSubnetClientsV6(NULL, here(0), &handle, 0, NULL, &read, &total),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpEnumSubnetClientsV6(NULL, here(0), &handle, 0, &array, NULL, &total),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpEnumSubnetClientsV6(NULL, here(0), &handle, 0, &array, &read, NULL),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpEnumSubnetsV6(NULL, NULL, 1, &addresses, &read, &total), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpEnumSubnetsV6(NULL, &number, 1, NULL, &read, &total), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpEnumSubnetsV6(NULL, &number, 1, &addresses, NULL, &total), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpEnumSubnetsV6(NULL, &number, 1, &addresses, &read, NULL), ERROR_INVALID_PARAMETER);
}

/*
 * Free addresses.
 */

static DWORD
find_free(DHCP_IPV6_ADDRESS start, DHCP_IPV6_ADDRESS end, DWORD wanted, LPDHCPV6_IP_ARRAY *list) {
	static DHCPV6_IP_ARRAY untouched;
	*list = &untouched;
	const DWORD code = DhcpV6GetFreeIPAddress(NULL, here(0), start, end, wanted, list);
	assert_ptr_not_equal(*list, &untouched);
	assert_true((code == ERROR_SUCCESS || code == ERROR_DHCP_REACHED_END_OF_SELECTION) == (*list != NULL));
	return code;
}

static void
assert_addresses(LPDHCPV6_IP_ARRAY list, const uint64_t *expected, DWORD count) {
	assert_int_equal(list->NumElements, count);
	for (DWORD i = 0; i < count; i++) {
		assert_same_address(list->Elements[i], here(expected[i]));
	}
	DhcpRpcFreeMemory(list);
}

static void
free_addresses_have_no_lease_and_no_exclusion(void **state) {
	(void)state;
	const DHCP_IPV6_ADDRESS any = at(0, 0);
	LPDHCPV6_IP_ARRAY list;
	assert_int_equal(find_free(any, any, 3, &list), ERROR_SUCCESS);
	assert_addresses(list, (const uint64_t[]){1, 2, 3}, 3); /* 0 is the routers' */
	assert_int_equal(create(2, d1, 0), ERROR_SUCCESS);
	assert_int_equal(exclude(here(4), here(9)), ERROR_SUCCESS);
	assert_int_equal(reserve(here(11), &d2, 0), ERROR_SUCCESS);
	assert_int_equal(find_free(any, any, 4, &list), ERROR_SUCCESS);
	assert_addresses(list, (const uint64_t[]){1, 3, 10, 12}, 4);
	assert_int_equal(find_free(any, any, 0, &list), ERROR_SUCCESS);
	assert_addresses(list, (const uint64_t[]){1}, 1);
	assert_int_equal(find_free(here(3), here(12), 3, &list), ERROR_SUCCESS);
	assert_addresses(list, (const uint64_t[]){3, 10, 12}, 3);
	assert_int_equal(find_free(here(3), here(12), 4, &list), ERROR_DHCP_REACHED_END_OF_SELECTION);
	assert_addresses(list, (const uint64_t[]){3, 10, 12}, 3);
	assert_int_equal(find_free(here(4), here(9), 1, &list), ERROR_DHCP_REACHED_END_OF_SELECTION);
	assert_addresses(list, NULL, 0);
	assert_int_equal(find_free(here(UINT64_MAX), any, 2, &list), ERROR_DHCP_REACHED_END_OF_SELECTION);
	assert_addresses(list, (const uint64_t[]){UINT64_MAX}, 1);
	assert_int_equal(find_free(any, here(1), 1, &list), ERROR_SUCCESS);
	assert_addresses(list, (const uint64_t[]){1}, 1);
	assert_int_equal(find_free(any, any, 1024, &list), ERROR_SUCCESS);
	assert_int_equal(list->NumElements, 1024);
	assert_same_address(list->Elements[1023], here(1024 + 8));
	DhcpRpcFreeMemory(list);
}

static void
searches_for_free_addresses_check_their_arguments(void **state) {
	(void)state;
	const DHCP_IPV6_ADDRESS any = at(0, 0);
	LPDHCPV6_IP_ARRAY list;
	assert_int_equal(find_free(any, any, 1025, &list), ERROR_INVALID_PARAMETER);
	assert_int_equal(find_free(here(5), here(4), 1, &list), ERROR_INVALID_PARAMETER);
	assert_int_equal(find_free(here(5), here(6), 3, &list), ERROR_INVALID_PARAMETER);
	assert_int_equal(find_free(here(5), here(6), 2, &list), ERROR_SUCCESS);
	DhcpRpcFreeMemory(list);
	assert_int_equal(find_free(here(0), here(UINT64_MAX), 1024, &list), ERROR_SUCCESS);
	DhcpRpcFreeMemory(list);
	assert_int_equal(find_free(at(OTHER, 5), any, 1, &list), ERROR_INVALID_PARAMETER);
	assert_int_equal(find_free(any, at(OTHER, 5), 1, &list), ERROR_INVALID_PARAMETER);
	assert_int_equal(find_free(here(UINT64_MAX), at(OTHER, 0), 3, &list), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpV6GetFreeIPAddress(NULL, any, any, any, 1, &list), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpV6GetFreeIPAddress(NULL, here(0), any, any, 1, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpV6GetFreeIPAddress(NULL, at(OTHER, 0), any, any, 1, &list), ERROR_DHCP_SUBNET_NOT_PRESENT);
	assert_null(list);
	/* What is looked at before access. */
	bind_default(LESSOR_ACCESS_NONE);
	assert_int_equal(find_free(here(5), here(6), 3, &list), ERROR_INVALID_PARAMETER);
	assert_int_equal(find_free(here(5), here(6), 2, &list), ERROR_ACCESS_DENIED);
	assert_int_equal(find_free(at(OTHER, 5), any, 1, &list), ERROR_ACCESS_DENIED);
	assert_int_equal(find_free(here(5), at(OTHER, 5), 3, &list), ERROR_ACCESS_DENIED); /* 2^64 + 1 addresses */
	assert_int_equal(find_free(here(UINT64_MAX), at(OTHER, 0), 3, &list), ERROR_INVALID_PARAMETER); /* 2 */
	assert_int_equal(find_free(here(UINT64_MAX), at(OTHER, 0), 2, &list), ERROR_ACCESS_DENIED);
}

/*
 * Access, stores, threads.
 */

static void
each_call_needs_its_access(void **state) {
	(void)state;
	DHCP_SUBNET_INFO_V6 info = {.Preference = 1};
	DHCP_SUBNET_ELEMENT_DATA_V6 element = {.ElementType = Dhcpv6IpRanges};
	DHCP_CLIENT_INFO_V6 lease = {0};
	LPDHCP_SUBNET_INFO_V6 scope;
	LPDHCP_CLIENT_INFO_ARRAY_V6 clients;
	LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V6 elements;
	LPDHCPV6_IP_ARRAY addresses;
	LPDHCP_MIB_INFO_V6 mib;
	DHCP_RESUME_IPV6_HANDLE handle = at(0, 0);
	DHCP_RESUME_HANDLE number = 0;
	DWORD read, total;
	assert_int_equal(create(1, d1, 0), ERROR_SUCCESS);
	bind_default(LESSOR_ACCESS_READ);
	/* Pointers come before access, everything else behind it. */
	assert_int_equal(DhcpV6CreateClientInfo(NULL, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpV6CreateClientInfo(NULL, &lease), ERROR_ACCESS_DENIED);
	assert_int_equal(DhcpSetClientInfoV6(NULL, &lease), ERROR_ACCESS_DENIED);
	assert_int_equal(delete_at(1), ERROR_ACCESS_DENIED);
	assert_int_equal(DhcpCreateSubnetV6(NULL, at(OTHER, 0), &info), ERROR_ACCESS_DENIED);
	assert_int_equal(DhcpSetSubnetInfoV6(NULL, here(0), &info), ERROR_ACCESS_DENIED);
	assert_int_equal(DhcpDeleteSubnetV6(NULL, here(0), (DHCP_FORCE_FLAG)77), ERROR_ACCESS_DENIED);
	assert_int_equal(DhcpAddSubnetElementV6(NULL, here(0), &element), ERROR_ACCESS_DENIED);
	assert_int_equal(DhcpRemoveSubnetElementV6(NULL, here(0), &element, DhcpNoForce), ERROR_ACCESS_DENIED);
	assert_int_equal(get_code(by_address(here(1))), ERROR_SUCCESS);
	bind_default(LESSOR_ACCESS_NONE);
	assert_int_equal(get_code(by_address(here(1))), ERROR_ACCESS_DENIED);
	assert_int_equal(DhcpGetSubnetInfoV6(NULL, here(0), &scope), ERROR_ACCESS_DENIED);
	assert_int_equal(DhcpEnumSubnetsV6(NULL, &number, 1, &addresses, &read, &total), ERROR_ACCESS_DENIED);
	assert_int_equal(DhcpEnumSubnetElementsV6(NULL, here(0), Dhcpv6IpRanges, &number, 1, &elements, &read, &total),
			 ERROR_ACCESS_DENIED);
	assert_int_equal(read_page(0, &handle, 1, &clients, &total), ERROR_ACCESS_DENIED);
	assert_int_equal(DhcpGetMibInfoV6(NULL, &mib), ERROR_ACCESS_DENIED);
	bind_default(LESSOR_ACCESS_READ);
	assert_int_equal(DhcpGetSubnetInfoV6(NULL, here(0), &scope), ERROR_SUCCESS);
	assert_int_equal(scope->Preference, 0);
	DhcpRpcFreeMemory(scope);
}

static void
everything_survives_in_a_store(void **state) {
	(void)state;
	static WCHAR name[] = u"kept";
	char directory[SCRATCH_PATH_BYTES];
	DHCP_CLIENT_INFO_V6 given = lease_of(here(1), d1, 5);
	given.ClientName = name;
	given.ClientPrefLeaseExpires = (DATE_TIME){.dwHighDateTime = 31000000};
	scratch_make(directory);
	engine = scratch_open_log(directory);
	bind_default(LESSOR_ACCESS_READWRITE);
	assert_int_equal(create_scope(PREFIX), ERROR_SUCCESS);
	assert_int_equal(create_info(given), ERROR_SUCCESS);
	assert_int_equal(exclude(here(7), here(8)), ERROR_SUCCESS);
	assert_int_equal(reserve(here(9), &d2, 6), ERROR_SUCCESS);
	assert_status(LESSOR_OK, lessor_dhcpsapi_bind(NULL, NULL, LESSOR_ACCESS_NONE, LESSOR_ASYNC));
	scratch_close(engine);

	engine = scratch_open_log(directory);
	bind_default(LESSOR_ACCESS_READWRITE);
	LPDHCP_CLIENT_INFO_V6 found = get_found(1);
	assert_same_bytes(found->ClientDUID, d1);
	assert_same_text(found->ClientName, name);
	assert_same_time(found->ClientPrefLeaseExpires, given.ClientPrefLeaseExpires);
	DhcpRpcFreeMemory(found);
	assert_stats(PREFIX, 2, UINT64_MAX - 3);
	assert_int_equal(exclude(here(8), here(9)), ERROR_DUPLICATE_TAG);
	assert_int_equal(reserve(here(9), &d1, 5), ERROR_DHCP_RESERVEDIP_EXITS);
	(void)tear_down(state);
	scratch_remove(directory);
}

#define RACERS 16

typedef struct racer {
	pthread_t thread;
	pthread_barrier_t *start;
	uint64_t low;
	DWORD iaid;
	DWORD code;
} racer_t;

static void *
race(void *argument) {
	racer_t *racer = argument;
	(void)pthread_barrier_wait(racer->start);
	racer->code = create(racer->low, d1, racer->iaid);
	return NULL;
}

static void
assert_one_wins(bool same_address) {
	racer_t racers[RACERS];
	pthread_barrier_t start;
	unsigned winners = 0;
	assert_int_equal(pthread_barrier_init(&start, NULL, RACERS), 0);
	for (DWORD i = 0; i < RACERS; i++) {
		racers[i] = (racer_t){
			.start = &start, .low = same_address ? 100 : 200 + i, .iaid = same_address ? i : 4711};
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	}
	for (DWORD i = 0; i < RACERS; i++) {
		assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
		winners += racers[i].code == ERROR_SUCCESS;
		assert_true(racers[i].code == ERROR_SUCCESS || racers[i].code == ERROR_DHCP_CLIENT_EXISTS);
	}
	assert_int_equal(winners, 1);
	assert_int_equal(pthread_barrier_destroy(&start), 0);
}

static void
of_many_creates_one_wins(void **state) {
	(void)state;
	assert_one_wins(true);
	assert_one_wins(false);
	assert_stats(PREFIX, 2, UINT64_MAX - 1);
}

#define TEST(function)          cmocka_unit_test_setup_teardown(function, set_up, tear_down)
#define TEST_IN_EMPTY(function) cmocka_unit_test_setup_teardown(function, set_up_empty, tear_down)

int
main(void) {
	const struct CMUnitTest tests[] = {
		TEST_IN_EMPTY(a_scope_is_created_read_changed_and_deleted),
		TEST_IN_EMPTY(prefixes_that_are_no_networks_are_refused),
		TEST(scope_texts_and_states_have_limits),
		TEST(a_scope_with_leases_is_deleted_by_force),
		TEST(scopes_are_read_so_many_at_a_time),
		TEST(a_client_is_a_duid_with_an_iaid),
		TEST(a_lease_comes_back_as_it_was_given),
		TEST(members_that_are_not_given_have_their_meaning),
		TEST(creates_check_the_client_and_the_texts),
		TEST(the_longest_lease_comes_back),
		TEST(a_change_replaces_client_and_texts_only),
		TEST(changes_check_their_arguments),
		TEST(searches_are_by_address_only),
		TEST(a_lease_is_deleted_once),
		TEST(exclusions_take_addresses_out_of_the_pool),
		TEST(exclusions_that_exclude_nothing_are_not_kept),
		TEST(a_reservation_keeps_an_address_for_a_client),
		TEST(a_reservation_pushes_leases_out_of_the_way),
		TEST(elements_are_read_in_pages),
		TEST(reservations_are_read_with_their_clients),
		TEST(reservations_outside_of_the_prefix_are_kept),
		TEST(elements_check_their_arguments),
		TEST(leases_are_read_in_pages),
		TEST(pages_hold_what_their_bytes_permit),
		TEST(an_enumeration_covers_one_scope_or_all),
		TEST(a_handle_without_a_lease_is_not_found),
		TEST(enumerations_check_their_pointers),
		TEST(free_addresses_have_no_lease_and_no_exclusion),
		TEST(searches_for_free_addresses_check_their_arguments),
		TEST(each_call_needs_its_access),
		cmocka_unit_test(everything_survives_in_a_store),
		TEST(of_many_creates_one_wins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
