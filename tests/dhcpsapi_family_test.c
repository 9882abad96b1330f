/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls on IPv4 leases that are versions of others: creates, changes, reads and enumerations. Where all versions do
 * the same, the test says it once and runs for each of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include <lessor/dhcpsapi.h>
#include <lessor/lessor.h>

#include "dhcpsapi_setup.h"

#define NO_SCOPE  0x0A000001u
#define SUBNET_2  0xC0A80200u
#define EXPIRY    ((DATE_TIME){.dwLowDateTime = 0x12345678, .dwHighDateTime = 0x01DC0000})
#define LAST_PAGE ERROR_SUCCESS

/* What the identifier and the owner's name of a lease cost in a page. */
#define TEXTS_BYTES (MAC_ADDRESS_LENGTH + sizeof(WCHAR) * sizeof(SERVER_NAME))

static WCHAR pc[] = u"pc";
static WCHAR other[] = u"\u00e9\U0001F600"; /* two bytes and four in UTF-8, one unit and two */

static void
reserve(lessor_engine_t *engine, DHCP_IP_ADDRESS address, BYTE *mac) {
	const lessor_reservation_t reservation = {.address = address,
						  .client_id_bytes = MAC_ADDRESS_LENGTH,
						  .client_types = LESSOR_CLIENT_BOTH,
						  .client_id = mac};
	assert_int_equal(lessor_reservation_create(engine, SUBNET, &reservation, LESSOR_ASYNC, NULL), LESSOR_OK);
}

/* A lease through the newest structure, to be freed. */
static LPDHCP_CLIENT_INFO_EX
get_ex(DHCP_IP_ADDRESS address) {
	LPDHCP_CLIENT_INFO_EX info = NULL;
	const DHCP_SEARCH_INFO search = by_address(address);
	assert_int_equal(DhcpV4GetClientInfoEx(NULL, &search, &info), ERROR_SUCCESS);
	return info;
}

/*
 * The older creates.
 */

/* Every member filled, most of them with what must not be used. */
static DHCP_CLIENT_INFO_VQ
full_lease(DHCP_IP_ADDRESS address, BYTE *mac) {
	return (DHCP_CLIENT_INFO_VQ){
		.ClientIpAddress = address,
		.SubnetMask = 0xFF000000u,
		.ClientHardwareAddress = {.DataLength = MAC_ADDRESS_LENGTH, .Data = mac},
		.ClientName = pc,
		.ClientComment = other,
		.ClientLeaseExpires = EXPIRY,
		.OwnerHost = {.IpAddress = 0x01020304, .NetBiosName = other, .HostName = other},
		.bClientType = 0xFF,
		.AddressState = ADDRESS_STATE_DOOM | ADDRESS_BIT_CLEANUP,
		.Status = (QuarantineStatus)99,
		.ProbationEnds = EXPIRY,
		.QuarantineCapable = TRUE,
	};
}

/* The older structures have the same beginning. */
typedef DWORD (*use_lease_t)(const DHCP_CLIENT_INFO_VQ *info);

#define AS_VQ(name, type)                                                                                              \
	static DWORD as_vq_##name(const DHCP_CLIENT_INFO_VQ *info) {                                                   \
		type copy;                                                                                             \
		if (info == NULL) {                                                                                    \
			return name(NULL, NULL);                                                                       \
		}                                                                                                      \
		memcpy(&copy, info, sizeof(copy));                                                                     \
		return name(NULL, &copy);                                                                              \
	}
AS_VQ(DhcpCreateClientInfo, DHCP_CLIENT_INFO)
AS_VQ(DhcpCreateClientInfoV4, DHCP_CLIENT_INFO_V4)
AS_VQ(DhcpCreateClientInfoVQ, DHCP_CLIENT_INFO_VQ)
AS_VQ(DhcpSetClientInfo, DHCP_CLIENT_INFO)
AS_VQ(DhcpSetClientInfoV4, DHCP_CLIENT_INFO_V4)
AS_VQ(DhcpSetClientInfoVQ, DHCP_CLIENT_INFO_VQ)

static const use_lease_t creates[] = {as_vq_DhcpCreateClientInfo, as_vq_DhcpCreateClientInfoV4,
				      as_vq_DhcpCreateClientInfoVQ};
static const use_lease_t sets[] = {as_vq_DhcpSetClientInfo, as_vq_DhcpSetClientInfoV4, as_vq_DhcpSetClientInfoVQ};

static void
older_creates_use_six_members(void **state) {
	for (size_t i = 0; i < COUNT(creates); i++) {
		const DHCP_CLIENT_INFO_VQ lease = full_lease(HOST(10), m1);
		assert_int_equal(creates[i](&lease), ERROR_SUCCESS);
		assert_stats(*state, SUBNET, 1, POOL - 1);
		LPDHCP_CLIENT_INFO_PB found = get_found(by_address(HOST(10)));
		assert_int_equal(found->SubnetMask, 0xFFFFFF00u);
		assert_int_equal(found->ClientHardwareAddress.DataLength, MAC_ADDRESS_LENGTH);
		assert_memory_equal(found->ClientHardwareAddress.Data, m1, MAC_ADDRESS_LENGTH);
		assert_same_text(found->ClientName, pc);
		assert_same_text(found->ClientComment, other);
		assert_same_time(found->ClientLeaseExpires, EXPIRY);
		assert_int_equal(found->OwnerHost.IpAddress, SERVER_IP);
		assert_same_text(found->OwnerHost.NetBiosName, TEXT(SERVER_NAME));
		assert_null(found->OwnerHost.HostName);
		assert_int_equal(found->bClientType, CLIENT_TYPE_NONE);
		assert_int_equal(found->AddressState, ADDRESS_STATE_ACTIVE);
		assert_int_equal(found->Status, NOQUARANTINE);
		assert_same_time(found->ProbationEnds, (DATE_TIME){0});
		assert_false(found->QuarantineCapable);
		assert_null(found->PolicyName);
		DhcpRpcFreeMemory(found);
		assert_int_equal(delete_found(by_address(HOST(10))), ERROR_SUCCESS);
	}
}

static void
older_creates_have_their_codes(void **state) {
	(void)state;
	assert_int_equal(create(HOST(10), m1), ERROR_SUCCESS);
	for (size_t i = 0; i < COUNT(creates); i++) {
		DHCP_CLIENT_INFO_VQ lease = full_lease(HOST(10), m2);
		assert_int_equal(creates[i](NULL), ERROR_INVALID_PARAMETER);
		assert_int_equal(creates[i](&lease), ERROR_DHCP_JET_ERROR);
		assert_int_equal(lessor_dhcpsapi_last_status(), LESSOR_ADDRESS_TAKEN);
		lease = full_lease(HOST(11), m1);
		assert_int_equal(creates[i](&lease), ERROR_DHCP_JET_ERROR);
		assert_int_equal(lessor_dhcpsapi_last_status(), LESSOR_CLIENT_TAKEN);
		lease.ClientIpAddress = NO_SCOPE;
		assert_int_equal(creates[i](&lease), ERROR_INVALID_PARAMETER);
		assert_int_equal(lessor_dhcpsapi_last_status(), LESSOR_NO_SCOPE);
		lease.ClientIpAddress = 0;
		assert_int_equal(creates[i](&lease), ERROR_INVALID_PARAMETER);
		lease = full_lease(HOST(12), m2);
		lease.ClientHardwareAddress.DataLength = 256;
		assert_int_equal(creates[i](&lease), ERROR_INVALID_PARAMETER);
		lease.ClientHardwareAddress.DataLength = 0;
		assert_int_equal(creates[i](&lease), ERROR_INVALID_PARAMETER);
		assert_int_equal(lessor_dhcpsapi_set_options(NULL, LESSOR_DHCPSAPI_TAKEN_IS_EXISTS), LESSOR_OK);
		lease = full_lease(HOST(10), m2);
		assert_int_equal(creates[i](&lease), ERROR_DHCP_CLIENT_EXISTS);
		assert_int_equal(lessor_dhcpsapi_set_options(NULL, 0), LESSOR_OK);
	}
}

static void
writers_are_asked_for_access_before_content(void **state) {
	DHCP_CLIENT_INFO_EX ex = {.ClientIpAddress = HOST(10)};
	const DHCP_CLIENT_INFO_VQ lease = {.ClientIpAddress = HOST(10)};
	bind_default(*state, LESSOR_ACCESS_READ);
	for (size_t i = 0; i < COUNT(creates); i++) {
		assert_int_equal(creates[i](&lease), ERROR_ACCESS_DENIED);
		assert_int_equal(sets[i](&lease), ERROR_ACCESS_DENIED);
		assert_int_equal(creates[i](NULL), ERROR_INVALID_PARAMETER);
		assert_int_equal(sets[i](NULL), ERROR_INVALID_PARAMETER);
	}
	assert_int_equal(DhcpV4CreateClientInfoEx(NULL, &ex), ERROR_ACCESS_DENIED);
	assert_int_equal(DhcpV4CreateClientInfoEx(NULL, NULL), ERROR_INVALID_PARAMETER);
}

static void
older_comments_may_be_long(void **state) {
	(void)state;
	for (size_t i = 0; i < COUNT(creates); i++) {
		DHCP_CLIENT_INFO_VQ lease = full_lease(HOST(10), m1);
		lease.ClientComment = long_text(1025);
		assert_int_equal(creates[i](&lease), ERROR_INVALID_PARAMETER);
		lease.ClientComment = long_text(1024);
		assert_int_equal(creates[i](&lease), ERROR_SUCCESS);
		LPDHCP_CLIENT_INFO_PB found = get_found(by_address(HOST(10)));
		assert_same_text(found->ClientComment, lease.ClientComment);
		DhcpRpcFreeMemory(found);
		assert_int_equal(delete_found(by_address(HOST(10))), ERROR_SUCCESS);
	}
}

/*
 * Properties.
 */

static DWORD
create_with(DHCP_PROPERTY *properties, DWORD count) {
	DHCP_CLIENT_INFO_EX info = {.Properties = NULL};
	DHCP_PROPERTY_ARRAY array = {.NumElements = count, .Elements = properties};
	const DHCP_CLIENT_INFO_PB plain = lease_of(HOST(10), m1);
	memcpy(&info, &plain, sizeof(plain));
	info.Properties = &array;
	return DhcpV4CreateClientInfoEx(NULL, &info);
}

/* The extended state that is stored. */
static DWORD
stored_state_ex(void) {
	LPDHCP_CLIENT_INFO_EX found = get_ex(HOST(10));
	assert_int_equal(found->Properties->NumElements, 1);
	assert_int_equal(found->Properties->Elements[0].ID, DhcpPropIdClientAddressStateEx);
	assert_int_equal(found->Properties->Elements[0].Type, DhcpPropTypeDword);
	const DWORD value = found->Properties->Elements[0].Value.DWordValue;
	DhcpRpcFreeMemory(found);
	assert_int_equal(delete_found(by_address(HOST(10))), ERROR_SUCCESS);
	return value;
}

static DHCP_PROPERTY
state_ex(DWORD value) {
	return (DHCP_PROPERTY){
		.ID = DhcpPropIdClientAddressStateEx, .Type = DhcpPropTypeDword, .Value = {.DWordValue = value}};
}

static void
the_last_property_counts(void **state) {
	(void)state;
	DHCP_PROPERTY list[] = {state_ex(0), state_ex(1), state_ex(7), state_ex(7)};
	list[2].ID = DhcpPropIdPolicyDnsSuffix;
	list[3].Type = DhcpPropTypeWord;
	assert_int_equal(create_with(list, COUNT(list)), ERROR_SUCCESS);
	assert_int_equal(stored_state_ex(), V5_ADDRESS_EX_BIT_DISABLE_PTR_RR);
	list[2] = state_ex(0);
	assert_int_equal(create_with(list, COUNT(list)), ERROR_SUCCESS);
	assert_int_equal(stored_state_ex(), 0);
	assert_int_equal(create_with(NULL, 0), ERROR_SUCCESS);
	assert_int_equal(stored_state_ex(), 0);
}

static void
bad_properties_are_refused(void **state) {
	DHCP_PROPERTY list[] = {state_ex(2), state_ex(0)};
	assert_int_equal(create_with(list, COUNT(list)), ERROR_INVALID_PARAMETER);
	list[0] = state_ex(0x80000001);
	assert_int_equal(create_with(list, 1), ERROR_INVALID_PARAMETER);
	list[0] = state_ex(1);
	assert_int_equal(create_with(NULL, 1), ERROR_INVALID_PARAMETER);
	assert_int_equal(create_with(list, LESSOR_DHCPSAPI_PROPERTIES_MAX + 1), ERROR_INVALID_PARAMETER);
	assert_int_equal(create_with(list, UINT32_MAX), ERROR_INVALID_PARAMETER);
	assert_stats(*state, SUBNET, 0, POOL);
}

static void
quarantine_can_be_removed(void **state) {
	(void)state;
	DHCP_CLIENT_INFO_PB info = lease_of(HOST(10), m1);
	info.Status = PROBATION;
	info.ProbationEnds = EXPIRY;
	info.QuarantineCapable = TRUE;
	assert_int_equal(lessor_dhcpsapi_set_options(NULL, LESSOR_DHCPSAPI_NAP_REMOVED), LESSOR_OK);
	assert_int_equal(DhcpV4CreateClientInfo(NULL, &info), ERROR_SUCCESS);
	for (int i = 0; i < 2; i++) {
		LPDHCP_CLIENT_INFO_PB found = get_found(by_address(HOST(10)));
		assert_int_equal(found->Status, NOQUARANTINE);
		assert_same_time(found->ProbationEnds, (DATE_TIME){0});
		assert_false(found->QuarantineCapable);
		DhcpRpcFreeMemory(found);
		DHCP_CLIENT_INFO_VQ change = full_lease(HOST(10), m1);
		change.Status = PROBATION;
		assert_int_equal(DhcpSetClientInfoVQ(NULL, &change), ERROR_SUCCESS);
	}
}

static void
options_belong_to_a_binding(void **state) {
	assert_int_equal(lessor_dhcpsapi_set_options(NULL, 1u << 4), LESSOR_INVALID);
	assert_int_equal(lessor_dhcpsapi_set_options(u"none-such", 0), LESSOR_NOT_FOUND);
	assert_int_equal(lessor_dhcpsapi_set_options(long_text(256), 0), LESSOR_INVALID);
	assert_int_equal(lessor_dhcpsapi_bind(u"b", *state, LESSOR_ACCESS_READWRITE, LESSOR_SYNC), LESSOR_OK);
	assert_int_equal(lessor_dhcpsapi_set_options(u"B", LESSOR_DHCPSAPI_TAKEN_IS_EXISTS), LESSOR_OK);
	assert_int_equal(create(HOST(10), m1), ERROR_SUCCESS);
	const DHCP_CLIENT_INFO info = {.ClientIpAddress = HOST(10),
				       .ClientHardwareAddress = {.DataLength = sizeof(m1), .Data = m1}};
	assert_int_equal(DhcpCreateClientInfo(u"b", &info), ERROR_DHCP_CLIENT_EXISTS);
	assert_int_equal(DhcpCreateClientInfo(NULL, &info), ERROR_DHCP_JET_ERROR);
	assert_int_equal(lessor_dhcpsapi_bind(u"b", *state, LESSOR_ACCESS_READWRITE, LESSOR_SYNC), LESSOR_OK);
	assert_int_equal(DhcpCreateClientInfo(u"b", &info), ERROR_DHCP_JET_ERROR);
	assert_int_equal(lessor_dhcpsapi_bind(u"b", NULL, LESSOR_ACCESS_NONE, LESSOR_ASYNC), LESSOR_OK);
}

/*
 * Changes.
 */

/* A lease in which everything is something. */
static void
create_rich(DHCP_IP_ADDRESS address, BYTE *mac) {
	DHCP_CLIENT_INFO_EX info = {.PolicyName = NULL};
	DHCP_PROPERTY property = state_ex(1);
	DHCP_PROPERTY_ARRAY properties = {.NumElements = 1, .Elements = &property};
	const DHCP_CLIENT_INFO_VQ full = full_lease(address, mac);
	memcpy(&info, &full, sizeof(full));
	info.bClientType = CLIENT_TYPE_BOOTP;
	info.Status = EXEMPT;
	info.PolicyName = pc;
	info.Properties = &properties;
	assert_int_equal(DhcpV4CreateClientInfoEx(NULL, &info), ERROR_SUCCESS);
}

static DHCP_CLIENT_INFO_VQ
change_of(DHCP_IP_ADDRESS address, BYTE *mac) {
	return (DHCP_CLIENT_INFO_VQ){.ClientIpAddress = address,
				     .ClientHardwareAddress = {.DataLength = MAC_ADDRESS_LENGTH, .Data = mac},
				     .ClientLeaseExpires = {.dwLowDateTime = 7},
				     .OwnerHost = {.IpAddress = 0x05060708, .NetBiosName = other},
				     .bClientType = CLIENT_TYPE_DHCP,
				     .AddressState = ADDRESS_STATE_DECLINED,
				     .Status = RESTRICTEDACCESS};
}

static void
sets_replace_what_they_name(void **state) {
	for (size_t i = 0; i < COUNT(sets); i++) {
		const bool is_vq = i == 2;
		create_rich(HOST(10), m1);
		assert_stats(*state, SUBNET, 0, POOL);
		const DHCP_CLIENT_INFO_VQ change = change_of(HOST(10), m2);
		assert_int_equal(sets[i](&change), ERROR_SUCCESS);
		assert_stats(*state, SUBNET, 1, POOL - 1);
		LPDHCP_CLIENT_INFO_EX found = get_ex(HOST(10));
		assert_memory_equal(found->ClientHardwareAddress.Data, m2, MAC_ADDRESS_LENGTH);
		assert_same_text(found->ClientName, pc);
		assert_same_text(found->ClientComment, other);
		assert_same_time(found->ClientLeaseExpires, (DATE_TIME){.dwLowDateTime = 7});
		assert_int_equal(found->OwnerHost.IpAddress, 0x05060708);
		assert_same_text(found->OwnerHost.NetBiosName, TEXT(SERVER_NAME));
		assert_int_equal(found->bClientType, CLIENT_TYPE_BOOTP);
		assert_int_equal(found->AddressState, ADDRESS_STATE_ACTIVE);
		assert_int_equal(found->Status, is_vq ? RESTRICTEDACCESS : EXEMPT);
		assert_same_time(found->ProbationEnds, is_vq ? (DATE_TIME){0} : EXPIRY);
		assert_int_equal(found->QuarantineCapable, is_vq ? FALSE : TRUE);
		assert_same_text(found->PolicyName, pc);
		assert_int_equal(found->Properties->Elements[0].Value.DWordValue, 1);
		DhcpRpcFreeMemory(found);
		assert_int_equal(create(HOST(11), m2), ERROR_DHCP_CLIENT_EXISTS);
		assert_int_equal(delete_found(by_address(HOST(10))), ERROR_SUCCESS);
	}
}

static void
sets_replace_texts_that_are_given(void **state) {
	(void)state;
	static WCHAR empty[] = u"";
	assert_int_equal(create_named(HOST(10), m1, pc), ERROR_SUCCESS);
	for (size_t i = 0; i < COUNT(sets); i++) {
		DHCP_CLIENT_INFO_VQ change = change_of(HOST(10), m1);
		change.ClientName = empty;
		change.ClientComment = long_text(1024);
		assert_int_equal(sets[i](&change), ERROR_SUCCESS);
		LPDHCP_CLIENT_INFO_EX found = get_ex(HOST(10));
		assert_same_text(found->ClientName, empty);
		assert_same_text(found->ClientComment, change.ClientComment);
		DhcpRpcFreeMemory(found);
	}
}

static void
sets_have_their_codes(void **state) {
	(void)state;
	assert_int_equal(create(HOST(10), m1), ERROR_SUCCESS);
	assert_int_equal(create(HOST(11), m2), ERROR_SUCCESS);
	for (size_t i = 0; i < COUNT(sets); i++) {
		DHCP_CLIENT_INFO_VQ change = change_of(HOST(12), client(3));
		assert_int_equal(sets[i](NULL), ERROR_INVALID_PARAMETER);
		assert_int_equal(sets[i](&change), ERROR_DHCP_JET_ERROR);
		assert_int_equal(lessor_dhcpsapi_last_status(), LESSOR_NOT_FOUND);
		change.ClientIpAddress = NO_SCOPE;
		assert_int_equal(sets[i](&change), ERROR_DHCP_JET_ERROR);
		change = change_of(HOST(10), m2);
		assert_int_equal(sets[i](&change), ERROR_DHCP_JET_ERROR);
		assert_int_equal(lessor_dhcpsapi_last_status(), LESSOR_CLIENT_TAKEN);
		change = change_of(HOST(10), m1);
		change.ClientHardwareAddress.DataLength = 0;
		assert_int_equal(sets[i](&change), ERROR_INVALID_PARAMETER);
		change.ClientHardwareAddress.DataLength = 256;
		assert_int_equal(sets[i](&change), ERROR_INVALID_PARAMETER);
		change = change_of(HOST(10), m1);
		change.ClientName = long_text(1025);
		assert_int_equal(sets[i](&change), ERROR_INVALID_PARAMETER);
		change.ClientName = NULL;
		change.Status = (QuarantineStatus)7;
		assert_int_equal(sets[i](&change), i == 2 ? ERROR_INVALID_PARAMETER : ERROR_SUCCESS);
	}
	LPDHCP_CLIENT_INFO_PB found = get_found(by_address(HOST(11)));
	assert_memory_equal(found->ClientHardwareAddress.Data, m2, MAC_ADDRESS_LENGTH);
	DhcpRpcFreeMemory(found);
}

/* A reservation's lease keeps its expiry, cannot be deleted, and is in the way of creates. */
static void
reserved_leases_stay(void **state) {
	reserve(*state, HOST(50), m1);
	assert_stats(*state, SUBNET, 1, POOL - 1);
	assert_int_equal(create(HOST(50), m1), ERROR_DHCP_CLIENT_EXISTS);
	assert_int_equal(create(HOST(50), m2), ERROR_DHCP_CLIENT_EXISTS);
	assert_int_equal(create(HOST(60), m1), ERROR_DHCP_CLIENT_EXISTS);
	assert_int_equal(delete_found(by_address(HOST(50))), ERROR_DHCP_RESERVED_CLIENT);
	for (size_t i = 0; i < COUNT(sets); i++) {
		DHCP_CLIENT_INFO_VQ change = change_of(HOST(50), m1);
		change.ClientName = pc;
		assert_int_equal(sets[i](&change), ERROR_SUCCESS);
		LPDHCP_CLIENT_INFO_EX found = get_ex(HOST(50));
		assert_same_time(found->ClientLeaseExpires, (DATE_TIME){0});
		assert_same_text(found->ClientName, pc);
		assert_int_equal(found->bClientType, CLIENT_TYPE_NONE);
		DhcpRpcFreeMemory(found);
	}
}

/* The reserved address is empty, as its client has its lease elsewhere. Others may not have it, in either family. */
static void
empty_reserved_addresses_are_taken(void **state) {
	assert_int_equal(create(HOST(60), m1), ERROR_SUCCESS);
	reserve(*state, HOST(50), m1);
	const DHCP_CLIENT_INFO_VQ lease = full_lease(HOST(50), m2);
	assert_int_equal(create(HOST(50), m2), ERROR_DHCP_CLIENT_EXISTS);
	assert_int_equal(DhcpCreateClientInfoVQ(NULL, &lease), ERROR_DHCP_JET_ERROR);
	assert_int_equal(delete_found(by_address(HOST(60))), ERROR_SUCCESS);
	assert_int_equal(create(HOST(50), m1), ERROR_SUCCESS);
}

/*
 * Reads.
 */

static void
reads_give_what_their_structure_has(void **state) {
	(void)state;
	LPDHCP_CLIENT_INFO plain;
	LPDHCP_CLIENT_INFO_V4 v4;
	LPDHCP_CLIENT_INFO_VQ vq;
	const DHCP_SEARCH_INFO search = by_name(pc);
	create_rich(HOST(10), m1);
	assert_int_equal(DhcpGetClientInfo(NULL, &search, &plain), ERROR_SUCCESS);
	assert_int_equal(DhcpGetClientInfoV4(NULL, &search, &v4), ERROR_SUCCESS);
	assert_int_equal(DhcpGetClientInfoVQ(NULL, &search, &vq), ERROR_SUCCESS);
	LPDHCP_CLIENT_INFO_EX ex = get_ex(HOST(10));
	assert_int_equal(plain->ClientIpAddress, HOST(10));
	assert_memory_equal(plain->ClientHardwareAddress.Data, m1, MAC_ADDRESS_LENGTH);
	assert_same_text(plain->OwnerHost.NetBiosName, TEXT(SERVER_NAME));
	assert_null(plain->OwnerHost.HostName);
	assert_same_time(v4->ClientLeaseExpires, EXPIRY);
	assert_int_equal(v4->bClientType, CLIENT_TYPE_BOOTP);
	assert_int_equal(vq->AddressState, ADDRESS_STATE_DOOM | ADDRESS_BIT_CLEANUP);
	assert_int_equal(vq->Status, EXEMPT);
	assert_same_time(vq->ProbationEnds, EXPIRY);
	assert_true(vq->QuarantineCapable);
	assert_int_equal(ex->FilterStatus, FILTER_STATUS_NONE);
	assert_same_text(ex->PolicyName, pc);
	DhcpRpcFreeMemory(ex);
	DhcpRpcFreeMemory(vq);
	DhcpRpcFreeMemory(v4);
	DhcpRpcFreeMemory(plain);
}

/* What the five reads answer; the out-pointer must be NULL afterwards, unless they answer ERROR_SUCCESS. */
static void
assert_reads(const DHCP_SEARCH_INFO *search, DWORD older, DWORD newer) {
	LPDHCP_CLIENT_INFO plain = (LPDHCP_CLIENT_INFO)(void *)m1;
	LPDHCP_CLIENT_INFO_V4 v4 = (LPDHCP_CLIENT_INFO_V4)(void *)m1;
	LPDHCP_CLIENT_INFO_VQ vq = (LPDHCP_CLIENT_INFO_VQ)(void *)m1;
	LPDHCP_CLIENT_INFO_PB pb = (LPDHCP_CLIENT_INFO_PB)(void *)m1;
	LPDHCP_CLIENT_INFO_EX ex = (LPDHCP_CLIENT_INFO_EX)(void *)m1;
	assert_int_equal(DhcpGetClientInfo(NULL, search, &plain), older);
	assert_int_equal(DhcpGetClientInfoV4(NULL, search, &v4), older);
	assert_int_equal(DhcpGetClientInfoVQ(NULL, search, &vq), older);
	assert_int_equal(DhcpV4GetClientInfo(NULL, search, &pb), newer);
	assert_int_equal(DhcpV4GetClientInfoEx(NULL, search, &ex), newer);
	assert_null(plain);
	assert_null(v4);
	assert_null(vq);
	assert_null(pb);
	assert_null(ex);
}

static void
reads_have_their_codes(void **state) {
	const DHCP_SEARCH_INFO absent = by_address(HOST(10));
	const DHCP_SEARCH_INFO nameless = by_name(NULL);
	const DHCP_SEARCH_INFO bare = by_bytes(m1, sizeof(m1));
	const DHCP_SEARCH_INFO unknown = {.SearchType = (DHCP_SEARCH_INFO_TYPE)3};
	assert_reads(&absent, ERROR_DHCP_JET_ERROR, ERROR_DHCP_INVALID_DHCP_CLIENT);
	assert_reads(&bare, ERROR_DHCP_JET_ERROR, ERROR_DHCP_INVALID_DHCP_CLIENT);
	assert_reads(&nameless, ERROR_INVALID_PARAMETER, ERROR_INVALID_PARAMETER);
	assert_reads(&unknown, ERROR_INVALID_PARAMETER, ERROR_INVALID_PARAMETER);
	assert_reads(NULL, ERROR_INVALID_PARAMETER, ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpGetClientInfo(NULL, &absent, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpV4GetClientInfoEx(NULL, &absent, NULL), ERROR_INVALID_PARAMETER);
	bind_default(*state, LESSOR_ACCESS_NONE);
	assert_reads(&absent, ERROR_ACCESS_DENIED, ERROR_ACCESS_DENIED);
	assert_reads(&nameless, ERROR_ACCESS_DENIED, ERROR_INVALID_PARAMETER);
}

static void
filters_show_in_reads(void **state) {
	lessor_filter_t filter = {.hardware_type = 1, .pattern_bytes = MAC_ADDRESS_LENGTH, .list = LESSOR_FILTER_DENY};
	memcpy(filter.pattern, m1, MAC_ADDRESS_LENGTH);
	assert_int_equal(lessor_filter_add(*state, &filter, false, LESSOR_ASYNC, NULL), LESSOR_OK);
	filter = (lessor_filter_t){
		.hardware_type = 1, .is_wildcard = true, .pattern_bytes = 3, .list = LESSOR_FILTER_ALLOW};
	memcpy(filter.pattern, m1, 3);
	assert_int_equal(lessor_filter_add(*state, &filter, false, LESSOR_ASYNC, NULL), LESSOR_OK);
	assert_int_equal(create(HOST(10), m1), ERROR_SUCCESS);
	assert_int_equal(create(HOST(11), m2), ERROR_SUCCESS);
	assert_int_equal(create(HOST(12), client(1)), ERROR_SUCCESS);
	static const DWORD expected[] = {FILTER_STATUS_FULL_MATCH_IN_DENY_LIST,
					 FILTER_STATUS_WILDCARD_MATCH_IN_ALLOW_LIST, FILTER_STATUS_NONE};
	LPDHCP_CLIENT_FILTER_STATUS_INFO_ARRAY array;
	DHCP_RESUME_HANDLE handle = 0;
	DWORD read;
	DWORD total;
	assert_int_equal(DhcpEnumSubnetClientsFilterStatusInfo(NULL, SUBNET, &handle, 0, &array, &read, &total),
			 LAST_PAGE);
	assert_int_equal(read, COUNT(expected));
	for (DWORD i = 0; i < COUNT(expected); i++) {
		LPDHCP_CLIENT_INFO_PB found = get_found(by_address(HOST(10 + i)));
		assert_int_equal(found->FilterStatus, expected[i]);
		assert_int_equal(array->Clients[i]->FilterStatus, expected[i]);
		DhcpRpcFreeMemory(found);
	}
	DhcpRpcFreeMemory(array);
}

/*
 * Enumerations.
 */

/* What a call gave: its answer, and of the leases their addresses. */
typedef struct page {
	DWORD code;
	DWORD read;
	DWORD total;
	bool has_array;
	DWORD count;
	DHCP_IP_ADDRESS addresses[256];
} page_t;

typedef page_t (*enumerate_t)(DHCP_IP_ADDRESS subnet, DHCP_RESUME_HANDLE *handle, DWORD most);

#define AS_PAGE(name, array_t)                                                                                         \
	static page_t as_page_##name(DHCP_IP_ADDRESS subnet, DHCP_RESUME_HANDLE *handle, DWORD most) {                 \
		page_t page = {.read = 77, .total = 77};                                                               \
		array_t array = (array_t)(void *)m1;                                                                   \
		page.code = name(NULL, subnet, handle, most, &array, &page.read, &page.total);                         \
		page.has_array = array != NULL;                                                                        \
		page.count = array == NULL ? 0 : array->NumElements;                                                   \
		assert_true(page.count <= COUNT(page.addresses));                                                      \
		for (DWORD i = 0; i < page.count; i++) {                                                               \
			page.addresses[i] = array->Clients[i]->ClientIpAddress;                                        \
		}                                                                                                      \
		DhcpRpcFreeMemory(array);                                                                              \
		return page;                                                                                           \
	}
AS_PAGE(DhcpEnumSubnetClients, LPDHCP_CLIENT_INFO_ARRAY)
AS_PAGE(DhcpEnumSubnetClientsV4, LPDHCP_CLIENT_INFO_ARRAY_V4)
AS_PAGE(DhcpEnumSubnetClientsV5, LPDHCP_CLIENT_INFO_ARRAY_V5)
AS_PAGE(DhcpEnumSubnetClientsVQ, LPDHCP_CLIENT_INFO_ARRAY_VQ)
AS_PAGE(DhcpEnumSubnetClientsFilterStatusInfo, LPDHCP_CLIENT_FILTER_STATUS_INFO_ARRAY)
AS_PAGE(DhcpV4EnumSubnetClients, LPDHCP_CLIENT_INFO_PB_ARRAY)
AS_PAGE(DhcpV4EnumSubnetClientsEx, LPDHCP_CLIENT_INFO_EX_ARRAY)

static const struct {
	enumerate_t call;
	bool may_be_empty;  /* a scope without leases is an array of none, if there are leases elsewhere */
	size_t lease_bytes; /* what a lease costs in a page, without identifier and texts */
} enums[] = {
	{as_page_DhcpEnumSubnetClients, true, sizeof(DHCP_CLIENT_INFO) + sizeof(void *)},
	{as_page_DhcpEnumSubnetClientsV4, true, sizeof(DHCP_CLIENT_INFO_V4) + sizeof(void *)},
	{as_page_DhcpEnumSubnetClientsV5, false, sizeof(DHCP_CLIENT_INFO_V5) + sizeof(void *)},
	{as_page_DhcpEnumSubnetClientsVQ, true, sizeof(DHCP_CLIENT_INFO_VQ) + sizeof(void *)},
	{as_page_DhcpEnumSubnetClientsFilterStatusInfo, true, sizeof(DHCP_CLIENT_FILTER_STATUS_INFO) + sizeof(void *)},
	{as_page_DhcpV4EnumSubnetClients, false, sizeof(DHCP_CLIENT_INFO_PB) + sizeof(void *)},
	{as_page_DhcpV4EnumSubnetClientsEx, false,
	 sizeof(DHCP_CLIENT_INFO_EX) + sizeof(void *) + sizeof(DHCP_PROPERTY_ARRAY) + sizeof(DHCP_PROPERTY)},
};

static void
assert_nothing(const page_t *page, DWORD code) {
	assert_int_equal(page->code, code);
	assert_int_equal(page->read, 0);
	assert_int_equal(page->total, 0);
	assert_false(page->has_array);
}

/* Leases at .1 to .count, in an order that is not theirs. */
static void
create_many(DHCP_IP_ADDRESS subnet, unsigned count) {
	for (unsigned i = 0; i < count; i++) {
		const unsigned host = 1 + i * 7 % count; /* 7 divides no count here */
		assert_int_equal(create(subnet + host, client(host)), ERROR_SUCCESS);
	}
}

static void
everything_fits_one_page(void **state) {
	(void)state;
	create_many(SUBNET, 80);
	for (size_t i = 0; i < COUNT(enums); i++) {
		DHCP_RESUME_HANDLE handle = 0;
		const page_t page = enums[i].call(SUBNET, &handle, 0xFFFFFFFFu);
		assert_int_equal(page.code, LAST_PAGE);
		assert_int_equal(page.read, 80);
		assert_int_equal(page.total, 80);
		assert_int_equal(page.count, 80);
		assert_int_equal(handle, 0);
		for (unsigned at = 0; at < 80; at++) {
			assert_int_equal(page.addresses[at], HOST(1 + at));
		}
	}
}

/* Every lease once, ascending; as many in a page as its bytes permit; the total is what is left. */
static void
pages_are_as_large_as_wanted(void **state) {
	(void)state;
	create_many(SUBNET, 200);
	for (size_t i = 0; i < COUNT(enums); i++) {
		DHCP_RESUME_HANDLE handle = 0;
		const DWORD in_page = (DWORD)(2000 / (enums[i].lease_bytes + TEXTS_BYTES));
		DWORD seen = 0;
		page_t page;
		do {
			page = enums[i].call(SUBNET, &handle, 2000);
			assert_int_equal(page.code, seen + page.read < 200 ? ERROR_MORE_DATA : LAST_PAGE);
			assert_int_equal(page.read, 200 - seen < in_page ? 200 - seen : in_page);
			assert_int_equal(page.count, page.read);
			for (DWORD at = 0; at < page.count; at++) {
				assert_int_equal(page.addresses[at], HOST(1 + seen + at));
			}
			seen += page.read;
			assert_int_equal(page.total, page.code == ERROR_MORE_DATA ? 200 - seen : page.read);
			assert_int_equal(handle, page.code == ERROR_MORE_DATA ? HOST(seen) : 0);
		} while (page.code == ERROR_MORE_DATA);
		assert_int_equal(seen, 200);
	}
}

/* The bounds of a page, and the cost of texts: units, not bytes of UTF-8. */
static void
pages_have_bounds(void **state) {
	(void)state;
	DHCP_RESUME_HANDLE handle = 0;
	create_many(SUBNET, 40);
	for (size_t i = 0; i < COUNT(enums); i++) {
		const DWORD smallest = enums[i].call(SUBNET, &handle, 1024).read;
		handle = 0;
		assert_int_equal(enums[i].call(SUBNET, &handle, 0).read, smallest);
		handle = 0;
		assert_int_equal(enums[i].call(SUBNET, &handle, 1).read, smallest);
		handle = 0;
	}
	for (unsigned host = 1; host <= 40; host++) {
		DHCP_CLIENT_INFO_VQ change = change_of(HOST(host), client(host));
		change.ClientName = long_text(1000);
		assert_int_equal(DhcpSetClientInfo(NULL, (const DHCP_CLIENT_INFO *)(void *)&change), ERROR_SUCCESS);
	}
	/* Each is greater than the smallest page; the greatest has 65536 bytes, whatever is asked for. */
	for (size_t i = 0; i < COUNT(enums); i++) {
		handle = 0;
		assert_int_equal(enums[i].call(SUBNET, &handle, 1024).read, 1);
		handle = 0;
		const DWORD most = (DWORD)(65536 / (enums[i].lease_bytes + TEXTS_BYTES + sizeof(WCHAR) * 1001));
		assert_int_equal(enums[i].call(SUBNET, &handle, 0xFFFFFFFEu).read, most);
		handle = 0;
		assert_int_equal(enums[i].call(SUBNET, &handle, 80000).read, most);
		handle = 0;
	}
}

static void
texts_cost_what_they_are_in_utf16(void **state) {
	(void)state;
	WCHAR name[101] = {0};
	for (size_t i = 0; i < 100; i += 2) {
		name[i] = 0xD83D; /* U+1F600, four bytes in UTF-8 */
		name[i + 1] = 0xDE00;
	}
	DWORD read[2];
	for (int wide = 0; wide < 2; wide++) {
		for (unsigned host = 1; host <= 40; host++) {
			assert_int_equal(create_named(HOST(host), client(host), wide ? name : long_text(100)),
					 ERROR_SUCCESS);
		}
		DHCP_RESUME_HANDLE handle = 0;
		read[wide] = as_page_DhcpV4EnumSubnetClients(SUBNET, &handle, 4096).read;
		for (unsigned host = 1; host <= 40; host++) {
			assert_int_equal(delete_found(by_address(HOST(host))), ERROR_SUCCESS);
		}
	}
	assert_int_equal(read[0], read[1]);
	assert_true(read[0] > 4 && read[0] < 40);
}

static void
all_scopes_are_one_enumeration(void **state) {
	add_scope(*state, SUBNET_2, LESSOR_SCOPE_DISABLED);
	create_many(SUBNET, 20);
	create_many(SUBNET_2, 20);
	for (size_t i = 0; i < COUNT(enums); i++) {
		DHCP_RESUME_HANDLE handle = 0;
		DWORD seen = 0;
		page_t page;
		do {
			page = enums[i].call(0, &handle, 1024);
			for (DWORD at = 0; at < page.count; at++, seen++) {
				assert_int_equal(page.addresses[at], seen < 20 ? HOST(1 + seen) : SUBNET_2 + seen - 19);
			}
		} while (page.code == ERROR_MORE_DATA);
		assert_int_equal(seen, 40);
		/* One scope is seen alone, and goes on from a handle in front of it, but not from behind it. */
		handle = HOST(3);
		page = enums[i].call(SUBNET_2, &handle, 0xFFFFFFFFu);
		assert_int_equal(page.read, 20);
		assert_int_equal(page.addresses[0], SUBNET_2 + 1);
		handle = SUBNET_2 + 3;
		page = enums[i].call(SUBNET, &handle, 0xFFFFFFFFu);
		assert_nothing(&page, ERROR_NO_MORE_ITEMS);
		assert_int_equal(handle, SUBNET_2 + 3);
	}
}

static void
scopes_without_leases(void **state) {
	for (size_t i = 0; i < COUNT(enums); i++) {
		DHCP_RESUME_HANDLE handle = 0;
		page_t page = enums[i].call(SUBNET, &handle, 0xFFFFFFFFu);
		assert_nothing(&page, ERROR_NO_MORE_ITEMS);
		page = enums[i].call(0, &handle, 0xFFFFFFFFu);
		assert_nothing(&page, ERROR_NO_MORE_ITEMS);
	}
	add_scope(*state, SUBNET_2, LESSOR_SCOPE_ENABLED);
	assert_int_equal(create(SUBNET_2 + 1, m1), ERROR_SUCCESS);
	for (size_t i = 0; i < 2 * COUNT(enums); i++) {
		DHCP_RESUME_HANDLE handle = 0;
		const page_t page = enums[i / 2].call(i % 2 == 0 ? SUBNET : NO_SCOPE, &handle, 0xFFFFFFFFu);
		if (!enums[i / 2].may_be_empty) {
			assert_nothing(&page, ERROR_NO_MORE_ITEMS);
			continue;
		}
		assert_int_equal(page.code, ERROR_SUCCESS);
		assert_true(page.has_array);
		assert_int_equal(page.count + page.read + page.total + handle, 0);
	}
}

static void
handles_are_leases(void **state) {
	(void)state;
	create_many(SUBNET, 20);
	assert_int_equal(delete_found(by_address(HOST(5))), ERROR_SUCCESS);
	for (size_t i = 0; i < COUNT(enums); i++) {
		DHCP_RESUME_HANDLE handle = HOST(5);
		page_t page = enums[i].call(SUBNET, &handle, 0xFFFFFFFFu);
		assert_nothing(&page, ERROR_DHCP_JET_ERROR);
		assert_int_equal(handle, HOST(5));
		assert_int_equal(lessor_dhcpsapi_set_options(NULL, LESSOR_DHCPSAPI_RELAXED_RESUME), LESSOR_OK);
		page = enums[i].call(SUBNET, &handle, 0xFFFFFFFFu);
		assert_int_equal(page.code, LAST_PAGE);
		assert_int_equal(page.addresses[0], HOST(6));
		handle = UINT32_MAX;
		page = enums[i].call(0, &handle, 0xFFFFFFFFu);
		assert_nothing(&page, ERROR_NO_MORE_ITEMS);
		assert_int_equal(lessor_dhcpsapi_set_options(NULL, 0), LESSOR_OK);
		handle = HOST(20);
		page = enums[i].call(SUBNET, &handle, 0xFFFFFFFFu);
		assert_nothing(&page, ERROR_NO_MORE_ITEMS);
	}
}

static void
enumerations_give_whole_leases(void **state) {
	(void)state;
	LPDHCP_CLIENT_INFO_EX_ARRAY array;
	DHCP_RESUME_HANDLE handle = 0;
	DWORD read;
	DWORD total;
	create_rich(HOST(10), m1);
	reserve(*state, HOST(50), m2);
	assert_int_equal(DhcpV4EnumSubnetClientsEx(NULL, SUBNET, &handle, 0xFFFFFFFFu, &array, &read, &total),
			 LAST_PAGE);
	assert_int_equal(array->NumElements, 2);
	const DHCP_CLIENT_INFO_EX *info = array->Clients[0];
	assert_int_equal(info->SubnetMask, 0xFFFFFF00u);
	assert_memory_equal(info->ClientHardwareAddress.Data, m1, MAC_ADDRESS_LENGTH);
	assert_same_text(info->ClientName, pc);
	assert_same_text(info->ClientComment, other);
	assert_same_text(info->OwnerHost.NetBiosName, TEXT(SERVER_NAME));
	assert_int_equal(info->AddressState, ADDRESS_STATE_DOOM | ADDRESS_BIT_CLEANUP);
	assert_same_text(info->PolicyName, pc);
	assert_int_equal(info->Properties->Elements[0].Value.DWordValue, 1);
	info = array->Clients[1];
	assert_int_equal(info->ClientIpAddress, HOST(50));
	assert_null(info->ClientName);
	assert_same_time(info->ClientLeaseExpires, (DATE_TIME){0});
	assert_int_equal(info->bClientType, CLIENT_TYPE_NONE);
	assert_int_equal(info->OwnerHost.IpAddress, UINT32_MAX);
	/* Members are freed with it, whatever a program tries before. */
	DhcpRpcFreeMemory(array->Clients[0]->ClientName);
	DhcpRpcFreeMemory(array->Clients[1]);
	DhcpRpcFreeMemory(array->Clients);
	DhcpRpcFreeMemory(array);
}

/* The last member of each structure. */
static void
enumerations_give_what_their_structure_has(void **state) {
	(void)state;
	LPDHCP_CLIENT_INFO_ARRAY plain;
	LPDHCP_CLIENT_INFO_ARRAY_V4 v4;
	LPDHCP_CLIENT_INFO_ARRAY_V5 v5;
	LPDHCP_CLIENT_INFO_ARRAY_VQ vq;
	LPDHCP_CLIENT_INFO_PB_ARRAY pb;
	DHCP_RESUME_HANDLE handle = 0;
	DWORD read;
	DWORD total;
	create_rich(HOST(10), m1);
	assert_int_equal(DhcpEnumSubnetClients(NULL, 0, &handle, 0, &plain, &read, &total), LAST_PAGE);
	assert_int_equal(DhcpEnumSubnetClientsV4(NULL, 0, &handle, 0, &v4, &read, &total), LAST_PAGE);
	assert_int_equal(DhcpEnumSubnetClientsV5(NULL, 0, &handle, 0, &v5, &read, &total), LAST_PAGE);
	assert_int_equal(DhcpEnumSubnetClientsVQ(NULL, 0, &handle, 0, &vq, &read, &total), LAST_PAGE);
	assert_int_equal(DhcpV4EnumSubnetClients(NULL, 0, &handle, 0, &pb, &read, &total), LAST_PAGE);
	assert_same_text(plain->Clients[0]->OwnerHost.NetBiosName, TEXT(SERVER_NAME));
	assert_int_equal(v4->Clients[0]->bClientType, CLIENT_TYPE_BOOTP);
	assert_int_equal(v5->Clients[0]->AddressState, ADDRESS_STATE_DOOM | ADDRESS_BIT_CLEANUP);
	assert_true(vq->Clients[0]->QuarantineCapable);
	assert_same_text(pb->Clients[0]->PolicyName, pc);
	DhcpRpcFreeMemory(plain);
	DhcpRpcFreeMemory(v4);
	DhcpRpcFreeMemory(v5);
	DhcpRpcFreeMemory(vq);
	DhcpRpcFreeMemory(pb);
}

static atomic_bool churn_is_over;

/* Leases at even addresses come and go. */
static void *
churn(void *unused) {
	(void)unused;
	BYTE mac[MAC_ADDRESS_LENGTH] = {1};
	for (unsigned i = 0; !atomic_load(&churn_is_over); i++) {
		mac[5] = (BYTE)(2 * (i % 100));
		(void)create(HOST(2 * (i % 100)), mac);
		(void)delete_found(by_address(HOST(2 * ((i + 50) % 100))));
	}
	return NULL;
}

/* Leases at odd addresses stay, and each enumeration sees each of them once, whatever comes and goes between them. */
static void
what_stays_is_seen_once(void **state) {
	(void)state;
	pthread_t thread;
	for (unsigned host = 1; host < 200; host += 2) {
		assert_int_equal(create(HOST(host), client(host)), ERROR_SUCCESS);
	}
	atomic_store(&churn_is_over, false);
	assert_int_equal(lessor_dhcpsapi_set_options(NULL, LESSOR_DHCPSAPI_RELAXED_RESUME), LESSOR_OK);
	assert_int_equal(pthread_create(&thread, NULL, churn, NULL), 0);
	for (unsigned round = 0; round < 20 * COUNT(enums); round++) {
		DHCP_RESUME_HANDLE handle = 0;
		DHCP_IP_ADDRESS last = 0;
		unsigned odd = 0;
		page_t page;
		do {
			page = enums[round % COUNT(enums)].call(SUBNET, &handle, 1024);
			for (DWORD i = 0; i < page.count; i++) {
				assert_true(page.addresses[i] > last);
				last = page.addresses[i];
				odd += last % 2;
			}
		} while (page.code == ERROR_MORE_DATA);
		assert_int_equal(page.code, LAST_PAGE);
		assert_int_equal(odd, 100);
	}
	atomic_store(&churn_is_over, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void
enumerations_check_their_arguments(void **state) {
	LPDHCP_CLIENT_INFO_PB_ARRAY array = (LPDHCP_CLIENT_INFO_PB_ARRAY)(void *)m1;
	DHCP_RESUME_HANDLE handle = 0;
	DWORD read = 77;
	DWORD total = 77;
	assert_int_equal(create(HOST(10), m1), ERROR_SUCCESS);
	assert_int_equal(DhcpV4EnumSubnetClients(NULL, SUBNET, NULL, 0, &array, &read, &total),
			 ERROR_INVALID_PARAMETER);
	assert_null(array);
	assert_int_equal(read + total, 0);
	assert_int_equal(DhcpV4EnumSubnetClients(NULL, SUBNET, &handle, 0, NULL, &read, &total),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpV4EnumSubnetClients(NULL, SUBNET, &handle, 0, &array, NULL, &total),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpV4EnumSubnetClients(NULL, SUBNET, &handle, 0, &array, &read, NULL),
			 ERROR_INVALID_PARAMETER);
	bind_default(*state, LESSOR_ACCESS_NONE);
	for (size_t i = 0; i < COUNT(enums); i++) {
		const page_t page = enums[i].call(SUBNET, &handle, 0);
		assert_nothing(&page, ERROR_ACCESS_DENIED);
	}
}

int
main(void) {
#define WITH_SCOPE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_SCOPE(older_creates_use_six_members),
		WITH_SCOPE(older_creates_have_their_codes),
		WITH_SCOPE(writers_are_asked_for_access_before_content),
		WITH_SCOPE(older_comments_may_be_long),
		WITH_SCOPE(the_last_property_counts),
		WITH_SCOPE(bad_properties_are_refused),
		WITH_SCOPE(quarantine_can_be_removed),
		WITH_SCOPE(options_belong_to_a_binding),
		WITH_SCOPE(sets_replace_what_they_name),
		WITH_SCOPE(sets_replace_texts_that_are_given),
		WITH_SCOPE(sets_have_their_codes),
		WITH_SCOPE(reserved_leases_stay),
		WITH_SCOPE(empty_reserved_addresses_are_taken),
		WITH_SCOPE(reads_give_what_their_structure_has),
		WITH_SCOPE(reads_have_their_codes),
		WITH_SCOPE(filters_show_in_reads),
		WITH_SCOPE(everything_fits_one_page),
		WITH_SCOPE(pages_are_as_large_as_wanted),
		WITH_SCOPE(pages_have_bounds),
		WITH_SCOPE(texts_cost_what_they_are_in_utf16),
		WITH_SCOPE(all_scopes_are_one_enumeration),
		WITH_SCOPE(scopes_without_leases),
		WITH_SCOPE(handles_are_leases),
		WITH_SCOPE(enumerations_give_whole_leases),
		WITH_SCOPE(enumerations_give_what_their_structure_has),
		WITH_SCOPE(what_stays_is_seen_once),
		WITH_SCOPE(enumerations_check_their_arguments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
