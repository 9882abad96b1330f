/* SPDX-License-Identifier: Apache-2.0 */
/* The calls on IPv4 scopes, their elements and their free addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include <lessor/dhcpsapi.h>
#include <lessor/lessor.h>

#include "dhcpsapi_setup.h"

#define SUBNET_2 0xC0A80200u
#define NO_SCOPE 0x0A000000u
#define MASK_24  0xFFFFFF00u
#define ALL      0xFFFFFFFFu

static WCHAR name_a[] = u"first floor";
static WCHAR name_b[] = u"\u00e9\U0001F600";

/*
 * Scopes.
 */

static DHCP_SUBNET_INFO
subnet_of(DHCP_IP_ADDRESS subnet, DHCP_IP_MASK mask) {
	return (DHCP_SUBNET_INFO){.SubnetAddress = subnet, .SubnetMask = mask, .SubnetName = name_a};
}

static DWORD
create_subnet(DHCP_IP_ADDRESS subnet, DHCP_IP_MASK mask) {
	const DHCP_SUBNET_INFO info = subnet_of(subnet, mask);
	return DhcpCreateSubnet(NULL, subnet, &info);
}

static DWORD
set_subnet(DHCP_IP_ADDRESS subnet, DHCP_IP_MASK mask) {
	const DHCP_SUBNET_INFO info = subnet_of(subnet, mask);
	return DhcpSetSubnetInfo(NULL, subnet, &info);
}

/* To be freed. */
static LPDHCP_SUBNET_INFO_VQ
get_subnet(DHCP_IP_ADDRESS subnet) {
	LPDHCP_SUBNET_INFO_VQ info = NULL;
	assert_int_equal(DhcpGetSubnetInfoVQ(NULL, subnet, &info), ERROR_SUCCESS);
	return info;
}

static void
scopes_come_back(void **state) {
	(void)state;
	LPDHCP_SUBNET_INFO plain;
	const DHCP_SUBNET_INFO_VQ given = {.SubnetAddress = SUBNET_2,
					   .SubnetMask = MASK_24,
					   .SubnetName = name_a,
					   .SubnetComment = name_b,
					   .PrimaryHost = {.IpAddress = 7, .NetBiosName = name_a, .HostName = name_a},
					   .SubnetState = DhcpSubnetDisabledSwitched,
					   .QuarantineOn = 3,
					   .Reserved1 = 1,
					   .Reserved2 = 2,
					   .Reserved3 = 3,
					   .Reserved4 = 4};
	assert_int_equal(DhcpCreateSubnetVQ(NULL, SUBNET_2, &given), ERROR_SUCCESS);
	LPDHCP_SUBNET_INFO_VQ vq = get_subnet(SUBNET_2);
	assert_int_equal(DhcpGetSubnetInfo(NULL, SUBNET_2, &plain), ERROR_SUCCESS);
	assert_int_equal(plain->SubnetAddress, SUBNET_2);
	assert_int_equal(plain->SubnetMask, MASK_24);
	assert_same_text(plain->SubnetName, name_a);
	assert_same_text(plain->SubnetComment, name_b);
	assert_int_equal(plain->PrimaryHost.IpAddress, 0x7F000001);
	assert_same_text(plain->PrimaryHost.NetBiosName, u"");
	assert_null(plain->PrimaryHost.HostName);
	assert_int_equal(plain->SubnetState, DhcpSubnetDisabledSwitched);
	assert_int_equal(vq->SubnetState, DhcpSubnetDisabledSwitched);
	assert_same_text(vq->SubnetComment, name_b);
	assert_int_equal(vq->QuarantineOn, DHCP_SUBNET_INFO_VQ_FLAG_QUARANTINE);
	assert_true(vq->Reserved1 == 0 && vq->Reserved2 == 0 && vq->Reserved3 == 0 && vq->Reserved4 == 0);
	DhcpRpcFreeMemory(plain);
	DhcpRpcFreeMemory(vq);
}

static void
new_scopes_are_empty(void **state) {
	lessor_scope_t scope;
	assert_int_equal(create_subnet(SUBNET_2, MASK_24), ERROR_SUCCESS);
	assert_int_equal(lessor_scope_get(*state, SUBNET_2, &scope, NULL, 0), LESSOR_OK);
	assert_false(scope.has_range);
	assert_false(scope.quarantine_on);
	assert_int_equal(scope.offer_delay_ms, 0);
	assert_int_equal(scope.lease_s, LESSOR_DEFAULT_LEASE_S);
}

static void
scopes_are_checked(void **state) {
	(void)state;
	static WCHAR half_pair[] = {0xD800, 0};
	DHCP_SUBNET_INFO info = subnet_of(SUBNET_2, MASK_24);
	assert_int_equal(DhcpCreateSubnet(NULL, SUBNET_2, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpCreateSubnet(NULL, SUBNET_2 + 256, &info), ERROR_INVALID_PARAMETER);
	assert_int_equal(create_subnet(0, MASK_24), ERROR_INVALID_PARAMETER);
	assert_int_equal(create_subnet(0, 0), ERROR_INVALID_PARAMETER);
	assert_int_equal(create_subnet(SUBNET_2 + 1, MASK_24), ERROR_INVALID_PARAMETER);
	assert_int_equal(create_subnet(SUBNET_2, 0xFFFFFFFFu), ERROR_SUCCESS);
	assert_int_equal(create_subnet(0x0A010000u, 0xFFFF00FFu), ERROR_INVALID_PARAMETER);
	assert_int_equal(create_subnet(SUBNET, MASK_24), ERROR_DHCP_SUBNET_EXISTS);
	assert_int_equal(create_subnet(SUBNET + 128, 0xFFFFFF80u), ERROR_DHCP_SUBNET_EXISTS);
	assert_int_equal(create_subnet(0xC0A80000u, 0xFFFF0000u), ERROR_DHCP_SUBNET_EXISTS);
	info = subnet_of(NO_SCOPE, MASK_24);
	info.SubnetState = (DHCP_SUBNET_STATE)5;
	assert_int_equal(DhcpCreateSubnet(NULL, NO_SCOPE, &info), ERROR_INVALID_PARAMETER);
	info = subnet_of(NO_SCOPE, MASK_24);
	info.SubnetName = long_text(257);
	assert_int_equal(DhcpCreateSubnet(NULL, NO_SCOPE, &info), ERROR_DHCP_SCOPE_NAME_TOO_LONG);
	info.SubnetName = half_pair;
	assert_int_equal(DhcpCreateSubnet(NULL, NO_SCOPE, &info), ERROR_INVALID_PARAMETER);
	info.SubnetName = NULL;
	info.SubnetComment = long_text(1025);
	assert_int_equal(DhcpCreateSubnet(NULL, NO_SCOPE, &info), ERROR_INVALID_PARAMETER);
	info.SubnetComment = long_text(1024);
	assert_int_equal(DhcpCreateSubnet(NULL, NO_SCOPE, &info), ERROR_SUCCESS);
	info.SubnetName = long_text(256);
	info.SubnetComment = NULL;
	assert_int_equal(DhcpSetSubnetInfo(NULL, NO_SCOPE, &info), ERROR_SUCCESS);
	LPDHCP_SUBNET_INFO_VQ found = get_subnet(NO_SCOPE);
	assert_same_text(found->SubnetName, long_text(256));
	assert_null(found->SubnetComment);
	DhcpRpcFreeMemory(found);
}

static void
scopes_change(void **state) {
	(void)state;
	DHCP_SUBNET_INFO_VQ info = {.SubnetAddress = SUBNET, .SubnetMask = MASK_24, .SubnetName = name_b};
	assert_int_equal(set_subnet(NO_SCOPE, MASK_24), ERROR_DHCP_SUBNET_NOT_PRESENT);
	assert_int_equal(DhcpSetSubnetInfo(NULL, SUBNET, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(set_subnet(SUBNET, 0xFFFFFF80u), ERROR_INVALID_PARAMETER);
	assert_int_equal(lessor_dhcpsapi_last_status(), LESSOR_SCOPE_NOT_EMPTY);
	info.SubnetState = DhcpSubnetDisabled;
	info.QuarantineOn = 1;
	assert_int_equal(DhcpSetSubnetInfoVQ(NULL, SUBNET, &info), ERROR_SUCCESS);
	assert_int_equal(set_subnet(SUBNET, MASK_24), ERROR_SUCCESS);
	LPDHCP_SUBNET_INFO_VQ found = get_subnet(SUBNET);
	assert_same_text(found->SubnetName, name_a);
	assert_int_equal(found->SubnetState, DhcpSubnetEnabled);
	assert_int_equal(found->QuarantineOn, 1);
	DhcpRpcFreeMemory(found);
	/* An empty scope may get another mask. */
	assert_int_equal(create_subnet(SUBNET_2, 0xFFFFFF80u), ERROR_SUCCESS);
	assert_int_equal(set_subnet(SUBNET_2, MASK_24), ERROR_SUCCESS);
	assert_int_equal(set_subnet(SUBNET_2, 0xFFFF0000u), ERROR_INVALID_PARAMETER);
	assert_int_equal(create_subnet(0xC0A80000u, MASK_24), ERROR_SUCCESS);
	assert_int_equal(set_subnet(0xC0A80000u, 0xFFFF0000u), ERROR_DHCP_SUBNET_EXISTS);
	found = get_subnet(SUBNET_2);
	assert_int_equal(found->SubnetMask, MASK_24);
	DhcpRpcFreeMemory(found);
}

static void
quarantine_is_refused_when_removed(void **state) {
	(void)state;
	DHCP_SUBNET_INFO_VQ info = {.SubnetAddress = SUBNET, .SubnetMask = MASK_24, .QuarantineOn = 1};
	assert_int_equal(lessor_dhcpsapi_set_options(NULL, LESSOR_DHCPSAPI_NAP_REMOVED), LESSOR_OK);
	assert_int_equal(DhcpSetSubnetInfoVQ(NULL, SUBNET, &info), ERROR_DHCP_NAP_NOT_SUPPORTED);
	info.SubnetAddress = NO_SCOPE;
	assert_int_equal(DhcpSetSubnetInfoVQ(NULL, NO_SCOPE, &info), ERROR_DHCP_SUBNET_NOT_PRESENT);
	info.SubnetAddress = SUBNET;
	info.QuarantineOn = 0;
	assert_int_equal(DhcpSetSubnetInfoVQ(NULL, SUBNET, &info), ERROR_SUCCESS);
}

static void
scopes_are_enumerated_by_number(void **state) {
	(void)state;
	LPDHCP_IP_ARRAY array;
	DHCP_RESUME_HANDLE handle = 0;
	DWORD read;
	DWORD total;
	for (DWORD i = 5; i > 0; i--) {
		assert_int_equal(create_subnet(NO_SCOPE + (i << 8), MASK_24), ERROR_SUCCESS);
	}
	assert_int_equal(DhcpEnumSubnets(NULL, &handle, 4, &array, &read, &total), ERROR_SUCCESS);
	assert_int_equal(array->NumElements, 4);
	assert_int_equal(read, 4);
	assert_int_equal(total, 2);
	assert_int_equal(handle, 4);
	for (DWORD i = 0; i < 4; i++) {
		assert_int_equal(array->Elements[i], NO_SCOPE + ((i + 1) << 8));
	}
	DhcpRpcFreeMemory(array);
	assert_int_equal(DhcpEnumSubnets(NULL, &handle, ALL, &array, &read, &total), ERROR_SUCCESS);
	assert_int_equal(array->NumElements, 2);
	assert_int_equal(array->Elements[1], SUBNET);
	assert_int_equal(total, 0);
	assert_int_equal(handle, 6);
	DhcpRpcFreeMemory(array);
	assert_int_equal(DhcpEnumSubnets(NULL, &handle, ALL, &array, &read, &total), ERROR_NO_MORE_ITEMS);
	assert_null(array);
	assert_int_equal(read + total, 0);
	assert_int_equal(handle, 6);
	handle = 0;
	assert_int_equal(DhcpEnumSubnets(NULL, &handle, 0, &array, &read, &total), ERROR_NO_MORE_ITEMS);
	assert_int_equal(DhcpEnumSubnets(NULL, NULL, 1, &array, &read, &total), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpEnumSubnets(NULL, &handle, 1, NULL, &read, &total), ERROR_INVALID_PARAMETER);
}

static void
scopes_are_deleted(void **state) {
	assert_int_equal(DhcpDeleteSubnet(NULL, NO_SCOPE, DhcpFullForce), ERROR_DHCP_SUBNET_NOT_PRESENT);
	assert_int_equal(DhcpDeleteSubnet(NULL, SUBNET, (DHCP_FORCE_FLAG)3), ERROR_INVALID_PARAMETER);
	assert_int_equal(create(HOST(10), m1), ERROR_SUCCESS);
	assert_int_equal(DhcpDeleteSubnet(NULL, SUBNET, DhcpNoForce), ERROR_DHCP_ELEMENT_CANT_REMOVE);
	assert_int_equal(DhcpDeleteSubnet(NULL, SUBNET, DhcpFullForce), ERROR_SUCCESS);
	assert_int_equal(get_code(by_address(HOST(10))), ERROR_DHCP_INVALID_DHCP_CLIENT);
	add_scope(*state, SUBNET, LESSOR_SCOPE_ENABLED);
	assert_int_equal(DhcpDeleteSubnet(NULL, SUBNET, DhcpFailoverForce), ERROR_SUCCESS);
	add_scope(*state, SUBNET, LESSOR_SCOPE_ENABLED);
}

static void
offers_can_be_delayed(void **state) {
	(void)state;
	USHORT delay = 7;
	assert_int_equal(DhcpSetSubnetDelayOffer(NULL, SUBNET, 1000), ERROR_SUCCESS);
	assert_int_equal(DhcpGetSubnetDelayOffer(NULL, SUBNET, &delay), ERROR_SUCCESS);
	assert_int_equal(delay, 1000);
	assert_int_equal(DhcpSetSubnetDelayOffer(NULL, SUBNET, 1001), ERROR_DHCP_INVALID_DELAY);
	assert_int_equal(DhcpSetSubnetDelayOffer(NULL, NO_SCOPE, 1001), ERROR_DHCP_INVALID_DELAY);
	assert_int_equal(DhcpSetSubnetDelayOffer(NULL, NO_SCOPE, 1), ERROR_DHCP_SUBNET_NOT_PRESENT);
	assert_int_equal(DhcpGetSubnetDelayOffer(NULL, NO_SCOPE, &delay), ERROR_DHCP_SUBNET_NOT_PRESENT);
	assert_int_equal(DhcpGetSubnetDelayOffer(NULL, SUBNET, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(delay, 1000);
}

/*
 * Elements: each version as the newest, so that a test can ask all three.
 */

typedef enum version { V1, V4, V5, VERSIONS } version_t;

static DWORD
add(version_t version, DHCP_IP_ADDRESS subnet, const DHCP_SUBNET_ELEMENT_DATA_V5 *element) {
	DHCP_SUBNET_ELEMENT_DATA plain;
	DHCP_SUBNET_ELEMENT_DATA_V4 v4;
	memcpy(&plain, element, sizeof(plain));
	memcpy(&v4, element, sizeof(v4));
	return version == V1   ? DhcpAddSubnetElement(NULL, subnet, &plain)
	       : version == V4 ? DhcpAddSubnetElementV4(NULL, subnet, &v4)
			       : DhcpAddSubnetElementV5(NULL, subnet, element);
}

static DWORD
take(version_t version, DHCP_IP_ADDRESS subnet, const DHCP_SUBNET_ELEMENT_DATA_V5 *element, DHCP_FORCE_FLAG force) {
	DHCP_SUBNET_ELEMENT_DATA plain;
	DHCP_SUBNET_ELEMENT_DATA_V4 v4;
	memcpy(&plain, element, sizeof(plain));
	memcpy(&v4, element, sizeof(v4));
	return version == V1   ? DhcpRemoveSubnetElement(NULL, subnet, &plain, force)
	       : version == V4 ? DhcpRemoveSubnetElementV4(NULL, subnet, &v4, force)
			       : DhcpRemoveSubnetElementV5(NULL, subnet, element, force);
}

static DWORD
add_range(version_t version, DHCP_SUBNET_ELEMENT_TYPE type, DWORD first, DWORD last) {
	DHCP_BOOTP_IP_RANGE range = {.StartAddress = HOST(first), .EndAddress = HOST(last), .BootpAllocated = 9};
	return add(version, SUBNET,
		   &(DHCP_SUBNET_ELEMENT_DATA_V5){.ElementType = type, .Element = {.IpRange = &range}});
}

static DWORD
take_range(version_t version, DHCP_SUBNET_ELEMENT_TYPE type, DWORD first, DWORD last, DHCP_FORCE_FLAG force) {
	DHCP_BOOTP_IP_RANGE range = {.StartAddress = HOST(first), .EndAddress = HOST(last)};
	return take(version, SUBNET,
		    &(DHCP_SUBNET_ELEMENT_DATA_V5){.ElementType = type, .Element = {.IpRange = &range}}, force);
}

static DWORD
add_reservation(version_t version, DHCP_IP_ADDRESS address, BYTE *mac) {
	DHCP_CLIENT_UID uid = {.DataLength = MAC_ADDRESS_LENGTH, .Data = mac};
	DHCP_IP_RESERVATION_V4 reservation = {
		.ReservedIpAddress = address, .ReservedForClient = &uid, .bAllowedClientTypes = CLIENT_TYPE_DHCP};
	return add(version, SUBNET,
		   &(DHCP_SUBNET_ELEMENT_DATA_V5){.ElementType = DhcpReservedIps,
						  .Element = {.ReservedIp = &reservation}});
}

static DWORD
take_reservation(version_t version, DHCP_IP_ADDRESS address, DHCP_CLIENT_UID *uid) {
	DHCP_IP_RESERVATION_V4 reservation = {.ReservedIpAddress = address, .ReservedForClient = uid};
	return take(
		version, SUBNET,
		&(DHCP_SUBNET_ELEMENT_DATA_V5){.ElementType = DhcpReservedIps, .Element = {.ReservedIp = &reservation}},
		DhcpFullForce);
}

static const DHCP_SUBNET_ELEMENT_TYPE ranges[] = {DhcpIpRanges, DhcpIpRangesDhcpOnly, DhcpIpRangesDhcpBootp,
						  DhcpIpRangesBootpOnly};

static void
ranges_grow_and_shrink(void **state) {
	for (version_t version = V1; version < VERSIONS; version++) {
		for (size_t i = 0; i < COUNT(ranges); i++) {
			assert_int_equal(add_range(version, ranges[i], 5, 120), ERROR_SUCCESS);
			assert_stats(*state, SUBNET, 0, 106);
			assert_int_equal(add_range(version, ranges[i], 200, 210), ERROR_DHCP_INVALID_RANGE);
			assert_int_equal(add_range(version, ranges[i], 100, 130), ERROR_DHCP_INVALID_RANGE);
			assert_int_equal(add_range(version, ranges[i], 99, 10), ERROR_DHCP_INVALID_RANGE);
			assert_int_equal(add_range(version, ranges[i], 1, 256), ERROR_DHCP_INVALID_RANGE);
			assert_int_equal(add_range(version, ranges[i], 10, 99), ERROR_SUCCESS);
			assert_stats(*state, SUBNET, 0, POOL);
		}
	}
}

static void
the_same_range_again(void **state) {
	(void)state;
	for (version_t version = V1; version < VERSIONS; version++) {
		for (size_t i = 0; i < COUNT(ranges); i++) {
			const bool is_refused = version != V5 && ranges[i] == DhcpIpRanges;
			assert_int_equal(add_range(version, ranges[i], 10, 99),
					 is_refused ? ERROR_DHCP_IPRANGE_EXITS : ERROR_SUCCESS);
		}
	}
}

/* With a BOOTP client, then with a DHCP client in the scope: which types of range are refused. */
static void
clients_may_contradict_ranges(void **state) {
	(void)state;
	static const bool bootp[VERSIONS][COUNT(ranges)] = {
		{true, true, true, true}, {true, true, true, true}, {true, true, false, false}};
	static const bool dhcp[VERSIONS][COUNT(ranges)] = {
		{false, false, false, false}, {false, false, false, false}, {false, false, false, true}};
	for (int is_bootp = 0; is_bootp < 2; is_bootp++) {
		DHCP_CLIENT_INFO_PB info = lease_of(HOST(200), m1);
		info.bClientType =
			(BYTE)((is_bootp ? CLIENT_TYPE_BOOTP : CLIENT_TYPE_DHCP) | CLIENT_TYPE_RESERVATION_FLAG);
		assert_int_equal(DhcpV4CreateClientInfo(NULL, &info), ERROR_SUCCESS);
		for (size_t i = 0; i < VERSIONS * COUNT(ranges); i++) {
			const size_t version = i / COUNT(ranges);
			const size_t type = i % COUNT(ranges);
			const bool is_refused = (is_bootp ? bootp : dhcp)[version][type];
			assert_int_equal(add_range((version_t)version, ranges[type], 10, 100),
					 is_refused ? ERROR_DHCP_IPRANGE_CONV_ILLEGAL : ERROR_SUCCESS);
			if (!is_refused) {
				assert_int_equal(add_range((version_t)version, ranges[type], 10, 99), ERROR_SUCCESS);
			}
		}
		assert_int_equal(delete_found(by_address(HOST(200))), ERROR_SUCCESS);
	}
	DHCP_CLIENT_INFO_PB both = lease_of(HOST(200), m1);
	both.bClientType = CLIENT_TYPE_BOTH;
	assert_int_equal(DhcpV4CreateClientInfo(NULL, &both), ERROR_SUCCESS);
	assert_int_equal(add_range(V1, DhcpIpRanges, 10, 100), ERROR_SUCCESS);
}

static void
ranges_are_removed(void **state) {
	for (version_t version = V1; version < VERSIONS; version++) {
		const DHCP_SUBNET_ELEMENT_TYPE type = ranges[version];
		assert_int_equal(create(HOST(10), m1), ERROR_SUCCESS);
		assert_int_equal(create(HOST(200), m2), ERROR_SUCCESS);
		assert_int_equal(take_range(version, type, 10, 98, DhcpFullForce), ERROR_DHCP_INVALID_RANGE);
		assert_int_equal(take_range(version, type, 10, 99, DhcpNoForce), ERROR_DHCP_ELEMENT_CANT_REMOVE);
		assert_int_equal(take_range(version, type, 10, 99, DhcpFailoverForce), ERROR_INVALID_PARAMETER);
		assert_int_equal(take_range(version, type, 10, 99, (DHCP_FORCE_FLAG)-1), ERROR_INVALID_PARAMETER);
		assert_int_equal(get_code(by_address(HOST(10))), ERROR_SUCCESS);
		assert_int_equal(take_range(version, type, 10, 99, DhcpFullForce), ERROR_SUCCESS);
		assert_int_equal(get_code(by_address(HOST(10))), ERROR_DHCP_INVALID_DHCP_CLIENT);
		assert_int_equal(get_code(by_address(HOST(200))), ERROR_SUCCESS);
		assert_stats(*state, SUBNET, 0, 0);
		assert_int_equal(take_range(version, type, 10, 99, DhcpFullForce), ERROR_DHCP_INVALID_RANGE);
		assert_int_equal(add_range(version, type, 10, 99), ERROR_SUCCESS);
		assert_int_equal(take_range(version, type, 10, 99, DhcpNoForce), ERROR_SUCCESS);
		assert_int_equal(add_range(version, type, 10, 99), ERROR_SUCCESS);
		assert_int_equal(delete_found(by_address(HOST(200))), ERROR_SUCCESS);
	}
}

static void
exclusions_come_and_go(void **state) {
	for (version_t version = V1; version < VERSIONS; version++) {
		assert_int_equal(add_range(version, DhcpExcludedIpRanges, 25, 39), ERROR_SUCCESS);
		assert_stats(*state, SUBNET, 0, POOL - 10);
		assert_int_equal(add_range(version, DhcpExcludedIpRanges, 25, 39), ERROR_SUCCESS);
		assert_int_equal(add_range(version, DhcpExcludedIpRanges, 39, 25), ERROR_DHCP_INVALID_RANGE);
		assert_int_equal(add_range(version, DhcpExcludedIpRanges, 250, 256), ERROR_DHCP_INVALID_RANGE);
		assert_int_equal(take_range(version, DhcpExcludedIpRanges, 40, 41, DhcpNoForce),
				 ERROR_DHCP_ELEMENT_CANT_REMOVE);
		assert_int_equal(take_range(version, DhcpExcludedIpRanges, 30, 39, DhcpNoForce),
				 ERROR_INVALID_PARAMETER);
		assert_int_equal(take_range(version, DhcpExcludedIpRanges, 39, 25, DhcpNoForce),
				 ERROR_INVALID_PARAMETER);
		assert_int_equal(take_range(version, DhcpExcludedIpRanges, 25, 39, DhcpNoForce), ERROR_SUCCESS);
		assert_stats(*state, SUBNET, 0, POOL);
	}
}

static void
reservations_are_made(void **state) {
	for (version_t version = V1; version < VERSIONS; version++) {
		lessor_reservation_t kept;
		BYTE id[LESSOR_CLIENT_ID_MAX_BYTES];
		DHCP_CLIENT_UID uid = {.DataLength = sizeof(m1), .Data = m1};
		assert_int_equal(add_reservation(version, HOST(50), m1), ERROR_SUCCESS);
		assert_stats(*state, SUBNET, 1, POOL - 1);
		assert_int_equal(lessor_reservation_get(*state, HOST(50), &kept, id, sizeof(id)), LESSOR_OK);
		assert_int_equal(kept.client_types, version == V1 ? CLIENT_TYPE_BOTH : CLIENT_TYPE_DHCP);
		assert_int_equal(add_reservation(version, HOST(50), m2), ERROR_DHCP_RESERVEDIP_EXITS);
		assert_int_equal(add_reservation(version, HOST(51), m1), ERROR_DHCP_RESERVEDIP_EXITS);
		assert_int_equal(add_reservation(version, SUBNET_2 + 50, m2), ERROR_DHCP_NOT_RESERVED_CLIENT);
		assert_int_equal(add_reservation(version, HOST(200), m2), ERROR_SUCCESS);
		assert_stats(*state, SUBNET, 1, POOL - 1);
		assert_int_equal(create(HOST(60), client(1)), ERROR_SUCCESS);
		assert_int_equal(add_reservation(version, HOST(60), client(2)), ERROR_DHCP_RESERVEDIP_EXITS);
		assert_int_equal(take_reservation(version, HOST(50), &uid), ERROR_SUCCESS);
		assert_int_equal(get_code(by_address(HOST(50))), ERROR_DHCP_INVALID_DHCP_CLIENT);
		assert_int_equal(take_reservation(version, HOST(200), NULL), ERROR_SUCCESS);
		assert_int_equal(delete_found(by_address(HOST(60))), ERROR_SUCCESS);
		assert_stats(*state, SUBNET, 0, POOL);
	}
}

static void
reservations_are_checked(void **state) {
	(void)state;
	DHCP_CLIENT_UID uid = {.DataLength = 256, .Data = m1};
	DHCP_IP_RESERVATION_V4 reservation = {.ReservedIpAddress = HOST(50), .bAllowedClientTypes = CLIENT_TYPE_BOTH};
	const DHCP_SUBNET_ELEMENT_DATA_V5 element = {.ElementType = DhcpReservedIps,
						     .Element = {.ReservedIp = &reservation}};
	for (version_t version = V1; version < VERSIONS; version++) {
		reservation.ReservedForClient = NULL;
		assert_int_equal(add(version, SUBNET, &element), ERROR_INVALID_PARAMETER);
		reservation.ReservedForClient = &uid;
		assert_int_equal(add(version, SUBNET, &element), ERROR_INVALID_PARAMETER);
		assert_int_equal(take(version, SUBNET, &element, DhcpFullForce), ERROR_INVALID_PARAMETER);
	}
	uid.DataLength = sizeof(m1);
	reservation.bAllowedClientTypes = 0;
	assert_int_equal(add(V5, SUBNET, &element), ERROR_INVALID_PARAMETER);
	reservation.bAllowedClientTypes = 4;
	assert_int_equal(add(V4, SUBNET, &element), ERROR_INVALID_PARAMETER);
	assert_int_equal(add(V1, SUBNET, &element), ERROR_SUCCESS);
}

/* What is left of the lease, and what happens if there is no such reservation. */
static void
reservations_are_given_up(void **state) {
	const lessor_filetime_t before = lessor_time_now();
	DHCP_CLIENT_UID other = {.DataLength = sizeof(m2), .Data = m2};
	DHCP_CLIENT_UID empty = {.DataLength = 0, .Data = m2};
	lessor_lease_t lease;
	unsigned char texts[512];
	assert_int_equal(create(HOST(50), m1), ERROR_SUCCESS);
	assert_int_equal(add_reservation(V5, HOST(50), m1), ERROR_SUCCESS);
	assert_int_equal(take_reservation(V5, HOST(50), &other), ERROR_DHCP_RESERVED_CLIENT);
	assert_int_equal(take_reservation(V4, HOST(50), &empty), ERROR_SUCCESS);
	assert_int_equal(lessor_lease_get(*state, HOST(50), &lease, texts, sizeof(texts)), LESSOR_OK);
	assert_true(lease.expires_at >= before + LESSOR_DEFAULT_LEASE_S * LESSOR_TICKS_PER_SECOND);
	assert_true(lease.expires_at <= lessor_time_now() + LESSOR_DEFAULT_LEASE_S * LESSOR_TICKS_PER_SECOND);
	assert_stats(*state, SUBNET, 1, POOL - 1);
	assert_int_equal(take_reservation(V1, HOST(50), NULL), ERROR_SUCCESS);
	assert_stats(*state, SUBNET, 0, POOL);
	assert_int_equal(take_reservation(V1, HOST(50), NULL), ERROR_DHCP_JET_ERROR);
	/* A reservation without a lease. */
	assert_int_equal(create(HOST(60), m1), ERROR_SUCCESS);
	assert_int_equal(add_reservation(V5, HOST(50), m1), ERROR_SUCCESS);
	assert_int_equal(take_reservation(V5, HOST(50), NULL), ERROR_SUCCESS);
	assert_int_equal(get_code(by_address(HOST(60))), ERROR_SUCCESS);
}

static void
elements_are_checked_in_order(void **state) {
	DHCP_SUBNET_ELEMENT_DATA_V5 element = {.ElementType = DhcpIpRanges};
	assert_int_equal(DhcpAddSubnetElement(NULL, SUBNET, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpRemoveSubnetElementV5(NULL, SUBNET, NULL, DhcpNoForce), ERROR_INVALID_PARAMETER);
	for (version_t version = V1; version < VERSIONS; version++) {
		element.ElementType = DhcpSecondaryHosts;
		assert_int_equal(add(version, NO_SCOPE, &element), ERROR_DHCP_SUBNET_NOT_PRESENT);
		assert_int_equal(take(version, NO_SCOPE, &element, DhcpNoForce), ERROR_DHCP_SUBNET_NOT_PRESENT);
		assert_int_equal(add(version, SUBNET, &element), ERROR_CALL_NOT_IMPLEMENTED);
		assert_int_equal(take(version, SUBNET, &element, DhcpNoForce), ERROR_CALL_NOT_IMPLEMENTED);
		for (int type = -1; type <= 8; type++) {
			element.ElementType = (DHCP_SUBNET_ELEMENT_TYPE)type;
			if (type != DhcpSecondaryHosts) {
				assert_int_equal(add(version, SUBNET, &element), ERROR_INVALID_PARAMETER);
				assert_int_equal(take(version, SUBNET, &element, DhcpNoForce), ERROR_INVALID_PARAMETER);
			}
		}
	}
	bind_default(*state, LESSOR_ACCESS_READ);
	element.ElementType = DhcpIpUsedClusters;
	for (version_t version = V1; version < VERSIONS; version++) {
		assert_int_equal(add(version, NO_SCOPE, &element), ERROR_ACCESS_DENIED);
		assert_int_equal(take(version, NO_SCOPE, &element, (DHCP_FORCE_FLAG)9), ERROR_ACCESS_DENIED);
	}
	assert_int_equal(create_subnet(SUBNET_2, MASK_24), ERROR_ACCESS_DENIED);
	assert_int_equal(set_subnet(SUBNET, 0), ERROR_ACCESS_DENIED);
	assert_int_equal(DhcpDeleteSubnet(NULL, SUBNET, (DHCP_FORCE_FLAG)9), ERROR_ACCESS_DENIED);
	assert_int_equal(DhcpSetSubnetDelayOffer(NULL, SUBNET, 9999), ERROR_ACCESS_DENIED);
}

/*
 * Elements, read.
 */

typedef struct listing {
	DWORD code;
	DWORD read;
	DWORD total;
	LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V5 array;
} listing_t;

/* All versions of the array are alike but for what the arms point to. */
static listing_t
list(version_t version, DHCP_IP_ADDRESS subnet, DHCP_SUBNET_ELEMENT_TYPE type, DHCP_RESUME_HANDLE *handle, DWORD most) {
	listing_t got = {.read = 77, .total = 77, .array = (LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V5)(void *)m1};
	LPDHCP_SUBNET_ELEMENT_INFO_ARRAY plain;
	LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V4 v4;
	switch (version) {
	case V1:
		got.code = DhcpEnumSubnetElements(NULL, subnet, type, handle, most, &plain, &got.read, &got.total);
		got.array = (void *)plain;
		break;
	case V4:
		got.code = DhcpEnumSubnetElementsV4(NULL, subnet, type, handle, most, &v4, &got.read, &got.total);
		got.array = (void *)v4;
		break;
	default:
		got.code =
			DhcpEnumSubnetElementsV5(NULL, subnet, type, handle, most, &got.array, &got.read, &got.total);
	}
	assert_int_equal(got.read, got.array == NULL ? 0 : got.array->NumElements);
	return got;
}

static void
assert_listing(listing_t got, DWORD code, DWORD read, DWORD total) {
	assert_int_equal(got.code, code);
	assert_int_equal(got.read, read);
	assert_int_equal(got.total, total);
	assert_true((got.array != NULL) == (code == ERROR_SUCCESS || code == ERROR_MORE_DATA));
	DhcpRpcFreeMemory(got.array);
}

static void
the_range_is_listed(void **state) {
	(void)state;
	for (version_t version = V1; version < VERSIONS; version++) {
		DHCP_RESUME_HANDLE handle = 0;
		listing_t got = list(version, SUBNET, DhcpIpRanges, &handle, 1);
		assert_int_equal(handle, 1);
		assert_int_equal(got.array->Elements[0].ElementType, DhcpIpRanges);
		DHCP_BOOTP_IP_RANGE range = {0};
		memcpy(&range, got.array->Elements[0].Element.IpRange,
		       version == V5 ? sizeof(DHCP_BOOTP_IP_RANGE) : sizeof(DHCP_IP_RANGE));
		assert_int_equal(range.StartAddress, HOST(10));
		assert_int_equal(range.EndAddress, HOST(99));
		assert_int_equal(range.BootpAllocated, 0);
		assert_int_equal(range.MaxBootpAllowed, version == V5 ? UINT32_MAX : 0);
		assert_listing(got, ERROR_SUCCESS, 1, 1);
		assert_listing(list(version, SUBNET, DhcpIpRanges, &handle, ALL), ERROR_NO_MORE_ITEMS, 0, 0);
		handle = 0;
		assert_listing(list(version, SUBNET, DhcpIpRanges, &handle, 0), ERROR_NO_MORE_ITEMS, 0, 0);
		assert_listing(list(version, SUBNET, DhcpIpRangesDhcpBootp, &handle, ALL),
			       version == V5 ? ERROR_SUCCESS : ERROR_INVALID_PARAMETER, version == V5, version == V5);
	}
}

static void
exclusions_are_listed_page_by_page(void **state) {
	(void)state;
	assert_int_equal(add_range(V5, DhcpExcludedIpRanges, 15, 16), ERROR_SUCCESS);
	assert_int_equal(add_range(V5, DhcpExcludedIpRanges, 200, 201), ERROR_SUCCESS);
	assert_int_equal(add_range(V5, DhcpExcludedIpRanges, 1, 3), ERROR_SUCCESS);
	static const DWORD firsts[] = {1, 15, 20, 200};
	const DWORD two = 2 * (sizeof(DHCP_SUBNET_ELEMENT_DATA) + sizeof(DHCP_IP_RANGE));
	for (version_t version = V1; version < VERSIONS; version++) {
		DHCP_RESUME_HANDLE handle = 0;
		assert_listing(list(version, SUBNET, DhcpExcludedIpRanges, &handle, 0), ERROR_MORE_DATA, 0, 4);
		assert_int_equal(handle, 0);
		assert_listing(list(version, SUBNET, DhcpExcludedIpRanges, &handle, 1), ERROR_MORE_DATA, 1, 3);
		listing_t got = list(version, SUBNET, DhcpExcludedIpRanges, &handle, two + 1);
		assert_int_equal(got.array->Elements[1].Element.ExcludeIpRange->StartAddress, HOST(20));
		assert_listing(got, ERROR_MORE_DATA, 2, 1);
		assert_int_equal(handle, 3);
		assert_listing(list(version, SUBNET, DhcpExcludedIpRanges, &handle, two), ERROR_SUCCESS, 1, 1);
		assert_listing(list(version, SUBNET, DhcpExcludedIpRanges, &handle, ALL), ERROR_NO_MORE_ITEMS, 0, 0);
		handle = 0;
		got = list(version, SUBNET, DhcpExcludedIpRanges, &handle, ALL);
		for (DWORD i = 0; i < COUNT(firsts); i++) {
			assert_int_equal(got.array->Elements[i].ElementType, DhcpExcludedIpRanges);
			assert_int_equal(got.array->Elements[i].Element.ExcludeIpRange->StartAddress, HOST(firsts[i]));
		}
		assert_listing(got, ERROR_SUCCESS, 4, 4);
	}
}

static const BYTE unique_m1[] = {0x00, 0x01, 0xA8, 0xC0, 0x01, 0x00, 0x1C, 0x25, 0x80, 0xA0, 0x43};

static void
reservations_are_listed(void **state) {
	(void)state;
	assert_int_equal(add_reservation(V5, HOST(60), m2), ERROR_SUCCESS);
	assert_int_equal(add_reservation(V1, HOST(50), m1), ERROR_SUCCESS);
	assert_int_equal(create(HOST(55), client(1)), ERROR_SUCCESS);
	for (version_t version = V1; version < VERSIONS; version++) {
		DHCP_RESUME_HANDLE handle = 0;
		listing_t got = list(version, SUBNET, DhcpReservedIps, &handle, ALL);
		const DHCP_IP_RESERVATION_V4 *second = got.array->Elements[1].Element.ReservedIp;
		DHCP_IP_RESERVATION first;
		memcpy(&first, got.array->Elements[0].Element.ReservedIp, sizeof(first));
		assert_int_equal(got.array->Elements[0].ElementType, DhcpReservedIps);
		assert_int_equal(first.ReservedIpAddress, HOST(50));
		assert_int_equal(first.ReservedForClient->DataLength, MAC_ADDRESS_LENGTH);
		assert_memory_equal(first.ReservedForClient->Data, m1, MAC_ADDRESS_LENGTH);
		assert_int_equal(second->ReservedIpAddress, HOST(60));
		if (version != V1) {
			assert_int_equal(second->bAllowedClientTypes, CLIENT_TYPE_DHCP);
		}
		assert_listing(got, ERROR_SUCCESS, 2, 2);
		handle = 0;
		assert_listing(list(version, SUBNET, DhcpReservedIps, &handle, 0), ERROR_MORE_DATA, 0, 2);
		assert_int_equal(lessor_dhcpsapi_set_options(NULL, LESSOR_DHCPSAPI_RESERVED_UNIQUE_ID), LESSOR_OK);
		got = list(version, SUBNET, DhcpReservedIps, &handle, 1);
		memcpy(&first, got.array->Elements[0].Element.ReservedIp, sizeof(first));
		assert_int_equal(first.ReservedForClient->DataLength, sizeof(unique_m1));
		assert_memory_equal(first.ReservedForClient->Data, unique_m1, sizeof(unique_m1));
		assert_listing(got, ERROR_MORE_DATA, 1, 1);
		assert_listing(list(version, SUBNET, DhcpReservedIps, &handle, 1), ERROR_SUCCESS, 1, 1);
		assert_int_equal(lessor_dhcpsapi_set_options(NULL, 0), LESSOR_OK);
	}
}

static void
listings_have_their_codes(void **state) {
	LPDHCP_SUBNET_ELEMENT_INFO_ARRAY array;
	DWORD number = 0;
	for (version_t version = V1; version < VERSIONS; version++) {
		DHCP_RESUME_HANDLE handle = 0;
		assert_listing(list(version, NO_SCOPE, DhcpSecondaryHosts, &handle, ALL), ERROR_NOT_SUPPORTED, 0, 0);
		assert_listing(list(version, NO_SCOPE, DhcpIpRanges, &handle, ALL), ERROR_DHCP_SUBNET_NOT_PRESENT, 0,
			       0);
		assert_listing(list(version, SUBNET, DhcpReservedIps, &handle, ALL), ERROR_NO_MORE_ITEMS, 0, 0);
		assert_listing(list(version, SUBNET, DhcpReservedIps, &handle, 0), ERROR_NO_MORE_ITEMS, 0, 0);
		static const int bad[] = {DhcpIpUsedClusters, DhcpIpRangesDhcpOnly, DhcpIpRangesBootpOnly, 8, -1};
		for (size_t i = 0; i < COUNT(bad); i++) {
			assert_listing(list(version, SUBNET, (DHCP_SUBNET_ELEMENT_TYPE)bad[i], &handle, ALL),
				       ERROR_INVALID_PARAMETER, 0, 0);
		}
	}
	assert_int_equal(DhcpEnumSubnetElements(NULL, SUBNET, DhcpIpRanges, NULL, 1, &array, &number, &number),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpEnumSubnetElements(NULL, SUBNET, DhcpIpRanges, &number, 1, &array, NULL, &number),
			 ERROR_INVALID_PARAMETER);
	bind_default(*state, LESSOR_ACCESS_NONE);
	DHCP_RESUME_HANDLE handle = 0;
	assert_listing(list(V4, SUBNET, DhcpSecondaryHosts, &handle, ALL), ERROR_ACCESS_DENIED, 0, 0);
}

static void
reservations_are_listed_with_their_clients(void **state) {
	LPDHCP_RESERVATION_INFO_ARRAY array;
	DHCP_RESUME_HANDLE handle = 0;
	DWORD read;
	DWORD total;
	assert_int_equal(DhcpV4EnumSubnetReservations(NULL, SUBNET, &handle, ALL, &array, &read, &total),
			 ERROR_NO_MORE_ITEMS);
	assert_int_equal(create_named(HOST(60), m2, name_b), ERROR_SUCCESS);
	assert_int_equal(add_reservation(V5, HOST(60), m2), ERROR_SUCCESS);
	assert_int_equal(add_reservation(V1, HOST(50), m1), ERROR_SUCCESS);
	assert_int_equal(DhcpV4EnumSubnetReservations(NULL, SUBNET, &handle, 0, &array, &read, &total),
			 ERROR_MORE_DATA);
	assert_int_equal(array->NumElements, 1);
	assert_int_equal(total, 1);
	assert_int_equal(handle, 1);
	assert_int_equal(array->Elements[0]->ReservedIpAddress, HOST(50));
	assert_int_equal(array->Elements[0]->bAllowedClientTypes, CLIENT_TYPE_BOTH);
	assert_null(array->Elements[0]->ReservedClientName);
	DhcpRpcFreeMemory(array);
	assert_int_equal(DhcpV4EnumSubnetReservations(NULL, SUBNET, &handle, ALL, &array, &read, &total),
			 ERROR_SUCCESS);
	assert_int_equal(read, 1);
	assert_int_equal(total, 1);
	assert_int_equal(handle, 2);
	assert_int_equal(array->Elements[0]->ReservedIpAddress, HOST(60));
	assert_memory_equal(array->Elements[0]->ReservedForClient.Data, m2, MAC_ADDRESS_LENGTH);
	assert_same_text(array->Elements[0]->ReservedClientName, name_b);
	assert_null(array->Elements[0]->ReservedClientDesc);
	assert_int_equal(array->Elements[0]->bAllowedClientTypes, CLIENT_TYPE_DHCP);
	assert_int_equal(array->Elements[0]->fOptionsPresent, 0);
	DhcpRpcFreeMemory(array);
	assert_int_equal(DhcpV4EnumSubnetReservations(NULL, SUBNET, &handle, ALL, &array, &read, &total),
			 ERROR_NO_MORE_ITEMS);
	assert_null(array);
	handle = 0;
	assert_int_equal(DhcpV4EnumSubnetReservations(NULL, NO_SCOPE, &handle, ALL, &array, &read, &total),
			 ERROR_DHCP_SUBNET_NOT_PRESENT);
	bind_default(*state, LESSOR_ACCESS_NONE);
	assert_int_equal(DhcpV4EnumSubnetReservations(NULL, 0, &handle, ALL, &array, &read, &total),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpV4EnumSubnetReservations(NULL, SUBNET, &handle, ALL, &array, &read, &total),
			 ERROR_ACCESS_DENIED);
}

/*
 * Free addresses.
 */

/* Ask, and compare with hosts from lists that end with 0. */
static void
assert_free(DWORD first, DWORD last, DWORD wanted, DWORD code, const DWORD *hosts) {
	LPDHCP_IP_ARRAY array = (LPDHCP_IP_ARRAY)(void *)m1;
	assert_int_equal(DhcpV4GetFreeIPAddress(NULL, SUBNET, first == 0 ? 0 : HOST(first), last == 0 ? 0 : HOST(last),
						wanted, &array),
			 code);
	if (hosts == NULL) {
		assert_null(array);
		return;
	}
	DWORD count = 0;
	for (; hosts[count] != 0; count++) {
		assert_true(count < array->NumElements);
		assert_int_equal(array->Elements[count], HOST(hosts[count]));
	}
	assert_int_equal(array->NumElements, count);
	DhcpRpcFreeMemory(array);
}

static void
free_addresses_are_found(void **state) {
	(void)state;
	static const DWORD twelve[] = {10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 30, 31, 0};
	static const DWORD one[] = {10, 0};
	static const DWORD window[] = {30, 31, 0};
	static const DWORD end[] = {98, 99, 0};
	static const DWORD none[] = {0};
	assert_free(0, 0, 12, ERROR_SUCCESS, twelve);
	assert_free(0, 0, 0, ERROR_SUCCESS, one);
	assert_free(20, 31, 2, ERROR_SUCCESS, window);
	assert_free(98, 0, 3, ERROR_DHCP_REACHED_END_OF_SELECTION, end);
	assert_free(0, 10, 2, ERROR_DHCP_REACHED_END_OF_SELECTION, one);
	assert_free(20, 29, 1, ERROR_DHCP_REACHED_END_OF_SELECTION, none);
	LPDHCP_IP_ARRAY array;
	assert_int_equal(DhcpV4GetFreeIPAddress(NULL, SUBNET, 0, 0, 81, &array), ERROR_DHCP_REACHED_END_OF_SELECTION);
	assert_int_equal(array->NumElements, 80);
	DhcpRpcFreeMemory(array);
	assert_int_equal(DhcpV4GetFreeIPAddress(NULL, SUBNET, 0, 0, 1024, &array), ERROR_DHCP_REACHED_END_OF_SELECTION);
	DhcpRpcFreeMemory(array);
}

static void
free_queries_are_checked(void **state) {
	LPDHCP_IP_ARRAY array;
	assert_free(0, 0, 1025, ERROR_INVALID_PARAMETER, NULL);
	assert_free(200, 0, 1, ERROR_INVALID_PARAMETER, NULL);
	assert_free(0, 9, 1, ERROR_INVALID_PARAMETER, NULL);
	assert_free(15, 12, 1, ERROR_INVALID_PARAMETER, NULL);
	assert_free(15, 16, 3, ERROR_INVALID_PARAMETER, NULL);
	assert_int_equal(DhcpV4GetFreeIPAddress(NULL, SUBNET, 0, 0, 1, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpV4GetFreeIPAddress(NULL, 0, 0, 0, 1, &array), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpV4GetFreeIPAddress(NULL, NO_SCOPE, 0, 0, 1, &array), ERROR_INVALID_PARAMETER);
	assert_int_equal(create_subnet(SUBNET_2, MASK_24), ERROR_SUCCESS);
	assert_int_equal(DhcpV4GetFreeIPAddress(NULL, SUBNET_2, 0, 0, 1, &array), ERROR_FILE_NOT_FOUND);
	assert_null(array);
	bind_default(*state, LESSOR_ACCESS_NONE);
	assert_free(0, 0, 1, ERROR_ACCESS_DENIED, NULL);
	assert_free(15, 12, 1, ERROR_INVALID_PARAMETER, NULL);
	assert_free(200, 0, 1, ERROR_ACCESS_DENIED, NULL);
}

static DWORD
create_state(DWORD host, BYTE state) {
	DHCP_CLIENT_INFO_PB info = lease_of(HOST(host), client(host));
	info.AddressState = state;
	return DhcpV4CreateClientInfo(NULL, &info);
}

/* Free ones first; then doomed ones, but not excluded, reserved or outside the window. */
static void
doomed_addresses_are_the_last_resort(void **state) {
	(void)state;
	static const DWORD first[] = {40, 0};
	static const DWORD all[] = {40, 10, 12, 0};
	static const DWORD upper[] = {40, 12, 0};
	for (DWORD host = 10; host <= 99; host++) {
		const bool is_doomed = host == 10 || host == 12 || host == 14 || host == 25;
		if (host != 40) {
			assert_int_equal(create_state(host, is_doomed ? ADDRESS_STATE_DOOM : ADDRESS_STATE_ACTIVE),
					 ERROR_SUCCESS);
		}
	}
	assert_int_equal(create_state(200, ADDRESS_STATE_DOOM), ERROR_SUCCESS);
	assert_int_equal(add_reservation(V5, HOST(14), client(14)), ERROR_SUCCESS);
	assert_free(0, 0, 1, ERROR_SUCCESS, first);
	assert_free(0, 0, 3, ERROR_SUCCESS, all);
	assert_free(0, 0, 4, ERROR_DHCP_REACHED_END_OF_SELECTION, all);
	assert_free(11, 0, 9, ERROR_DHCP_REACHED_END_OF_SELECTION, upper);
}

/* Its client has its lease elsewhere, so the address holds none; but it is not free. */
static void
reserved_addresses_are_not_free(void **state) {
	(void)state;
	static const DWORD expected[] = {12, 0};
	assert_int_equal(create(HOST(60), m1), ERROR_SUCCESS);
	assert_int_equal(add_reservation(V5, HOST(10), m1), ERROR_SUCCESS);
	assert_int_equal(add_reservation(V5, HOST(11), m2), ERROR_SUCCESS);
	assert_free(0, 0, 1, ERROR_SUCCESS, expected);
}

int
main(void) {
#define WITH_SCOPE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_SCOPE(scopes_come_back),
		WITH_SCOPE(new_scopes_are_empty),
		WITH_SCOPE(scopes_are_checked),
		WITH_SCOPE(scopes_change),
		WITH_SCOPE(quarantine_is_refused_when_removed),
		WITH_SCOPE(scopes_are_enumerated_by_number),
		WITH_SCOPE(scopes_are_deleted),
		WITH_SCOPE(offers_can_be_delayed),
		WITH_SCOPE(ranges_grow_and_shrink),
		WITH_SCOPE(the_same_range_again),
		WITH_SCOPE(clients_may_contradict_ranges),
		WITH_SCOPE(ranges_are_removed),
		WITH_SCOPE(exclusions_come_and_go),
		WITH_SCOPE(reservations_are_made),
		WITH_SCOPE(reservations_are_checked),
		WITH_SCOPE(reservations_are_given_up),
		WITH_SCOPE(elements_are_checked_in_order),
		WITH_SCOPE(the_range_is_listed),
		WITH_SCOPE(exclusions_are_listed_page_by_page),
		WITH_SCOPE(reservations_are_listed),
		WITH_SCOPE(listings_have_their_codes),
		WITH_SCOPE(reservations_are_listed_with_their_clients),
		WITH_SCOPE(free_addresses_are_found),
		WITH_SCOPE(free_queries_are_checked),
		WITH_SCOPE(doomed_addresses_are_the_last_resort),
		WITH_SCOPE(reserved_addresses_are_not_free),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
