/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the Windows calls have in common: an engine in memory, bound as the default, and words for calls.
 *
 * Most tests start from the same scope: 192.168.1.0/24, range .10 to .99, excluded .20 to .29; a pool of 80
 * addresses, all free.
 */
#ifndef DHCPSAPI_SETUP_H
#define DHCPSAPI_SETUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lessor/dhcpsapi.h>
#include <lessor/lessor.h>

#include "dhcpsapi_text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define SUBNET      0xC0A80100u
#define HOST(n)     (SUBNET + (n))
#define POOL        80u
#define SERVER_NAME "lessor-test"
#define SERVER_IP   0x0A090807u

/* Two clients. */
extern BYTE m1[MAC_ADDRESS_LENGTH];
extern BYTE m2[MAC_ADDRESS_LENGTH];

/* The client with this number, and a text of so many units: until the next one is asked for. */
#define LONG_TEXT_MAX 2000u
BYTE *client(unsigned number);
LPWSTR long_text(size_t units);

/* Not bound yet. */
lessor_engine_t *open_engine(bool strict);
void add_scope(lessor_engine_t *engine, uint32_t subnet, lessor_scope_state_t state);
void bind_default(lessor_engine_t *engine, lessor_access_t access);
int set_up_with(void **state, bool strict, lessor_scope_state_t scope_state);

/* For cmocka; *state is the engine. The tear-down has it checked. */
int set_up(void **state);
int tear_down(void **state);

/* A lease as one would fill it, and a create of it. */
DHCP_CLIENT_INFO_PB lease_of(DHCP_IP_ADDRESS address, BYTE *mac);
DWORD create(DHCP_IP_ADDRESS address, BYTE *mac);
DWORD create_named(DHCP_IP_ADDRESS address, BYTE *mac, WCHAR *name);

/* Searches. */
DHCP_SEARCH_INFO by_address(DHCP_IP_ADDRESS address);
DHCP_SEARCH_INFO by_name(WCHAR *name);
DHCP_SEARCH_INFO by_bytes(BYTE *data, DWORD length);

/* Read a lease that is known to exist. */
LPDHCP_CLIENT_INFO_PB get_found(DHCP_SEARCH_INFO search);

/* What a search answers, the result being of no interest; and that it is NULL if there is none. */
DWORD get_code(DHCP_SEARCH_INFO search);
DWORD delete_found(DHCP_SEARCH_INFO search);
void assert_stats(lessor_engine_t *engine, uint32_t subnet, uint64_t in_use, uint64_t free_count);

#endif
