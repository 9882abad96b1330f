/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the Windows calls have in common. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dhcpsapi_setup.h"

BYTE m1[] = {0x00, 0x1C, 0x25, 0x80, 0xA0, 0x43};
BYTE m2[] = {0x00, 0x1C, 0x25, 0x80, 0xA0, 0x44};

/*
 * Set-up.
 */

lessor_engine_t *
open_engine(bool strict) {
	lessor_engine_t *engine = NULL;
	lessor_options_t options;
	lessor_options_init(&options);
	options.log = false;
	options.max_leases = 4096;
	options.strict_address_state = strict;
	options.server_name = SERVER_NAME;
	options.server_address = SERVER_IP;
	assert_int_equal(lessor_open(NULL, &options, &engine, NULL), LESSOR_OK);
	return engine;
}

void
add_scope(lessor_engine_t *engine, uint32_t subnet, lessor_scope_state_t state) {
	const lessor_scope_t scope = {.subnet = subnet,
				      .mask = 0xFFFFFF00u,
				      .state = state,
				      .has_range = true,
				      .range = {.first = subnet + 10, .last = subnet + 99}};
	const lessor_range_t excluded = {.first = subnet + 20, .last = subnet + 29};
	assert_int_equal(lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL), LESSOR_OK);
	assert_int_equal(lessor_scope_exclude(engine, subnet, excluded, LESSOR_ASYNC, NULL), LESSOR_OK);
}

void
bind_default(lessor_engine_t *engine, lessor_access_t access) {
	assert_int_equal(lessor_dhcpsapi_bind(NULL, engine, access, LESSOR_SYNC), LESSOR_OK);
}

int
set_up_with(void **state, bool strict, lessor_scope_state_t scope_state) {
	lessor_engine_t *engine = open_engine(strict);
	add_scope(engine, SUBNET, scope_state);
	bind_default(engine, LESSOR_ACCESS_READWRITE);
	*state = engine;
	return 0;
}

int
set_up(void **state) {
	return set_up_with(state, false, LESSOR_SCOPE_ENABLED);
}

int
tear_down(void **state) {
	lessor_engine_t *engine = *state;
	(void)lessor_dhcpsapi_bind(NULL, NULL, LESSOR_ACCESS_NONE, LESSOR_ASYNC);
	assert_int_equal(lessor_check(engine, NULL), LESSOR_OK);
	assert_int_equal(lessor_close(&engine), LESSOR_OK);
	return 0;
}

/*
 * Words of the tests.
 */

DHCP_CLIENT_INFO_PB
lease_of(DHCP_IP_ADDRESS address, BYTE *mac) {
	DHCP_CLIENT_INFO_PB info;
	lessor_dhcpsapi_client_info_init(&info);
	info.ClientIpAddress = address;
	info.ClientHardwareAddress.DataLength = MAC_ADDRESS_LENGTH;
	info.ClientHardwareAddress.Data = mac;
	return info;
}

DWORD
create(DHCP_IP_ADDRESS address, BYTE *mac) {
	DHCP_CLIENT_INFO_PB info = lease_of(address, mac);
	return DhcpV4CreateClientInfo(NULL, &info);
}

DWORD
create_named(DHCP_IP_ADDRESS address, BYTE *mac, WCHAR *name) {
	DHCP_CLIENT_INFO_PB info = lease_of(address, mac);
	info.ClientName = name;
	return DhcpV4CreateClientInfo(NULL, &info);
}

DHCP_SEARCH_INFO
by_address(DHCP_IP_ADDRESS address) {
	return (DHCP_SEARCH_INFO){.SearchType = DhcpClientIpAddress, .SearchInfo = {.ClientIpAddress = address}};
}

DHCP_SEARCH_INFO
by_name(WCHAR *name) {
	return (DHCP_SEARCH_INFO){.SearchType = DhcpClientName, .SearchInfo = {.ClientName = name}};
}

DHCP_SEARCH_INFO
by_bytes(BYTE *data, DWORD length) {
	return (DHCP_SEARCH_INFO){.SearchType = DhcpClientHardwareAddress,
				  .SearchInfo = {.ClientHardwareAddress = {.DataLength = length, .Data = data}}};
}

LPDHCP_CLIENT_INFO_PB
get_found(DHCP_SEARCH_INFO search) {
	LPDHCP_CLIENT_INFO_PB info = NULL;
	assert_int_equal(DhcpV4GetClientInfo(NULL, &search, &info), ERROR_SUCCESS);
	assert_non_null(info);
	return info;
}

DWORD
get_code(DHCP_SEARCH_INFO search) {
	static DHCP_CLIENT_INFO_PB untouched;
	LPDHCP_CLIENT_INFO_PB info = &untouched;
	const DWORD code = DhcpV4GetClientInfo(NULL, &search, &info);
	assert_ptr_not_equal(info, &untouched);
	assert_true((code == ERROR_SUCCESS) == (info != NULL));
	DhcpRpcFreeMemory(info);
	return code;
}

DWORD
delete_found(DHCP_SEARCH_INFO search) {
	return DhcpDeleteClientInfo(NULL, &search);
}

void
assert_stats(lessor_engine_t *engine, uint32_t subnet, uint64_t in_use, uint64_t free_count) {
	lessor_scope_stats_t stats;
	assert_int_equal(lessor_scope_stats(engine, subnet, &stats), LESSOR_OK);
	assert_int_equal(stats.in_use, in_use);
	assert_int_equal(stats.free, free_count);
	assert_int_equal(stats.pending, 0);
}

BYTE *
client(unsigned number) {
	static BYTE mac[MAC_ADDRESS_LENGTH];
	mac[4] = (BYTE)(number >> 8);
	mac[5] = (BYTE)number;
	return mac;
}

LPWSTR
long_text(size_t units) {
	static WCHAR text[LONG_TEXT_MAX + 1];
	assert_true(units <= LONG_TEXT_MAX);
	for (size_t i = 0; i < units; i++) {
		text[i] = 'x';
	}
	text[units] = 0;
	return text;
}
