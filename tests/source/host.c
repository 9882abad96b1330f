/* SPDX-License-Identifier: Apache-2.0 */
/* The server around the programs; host.h says what it has. */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>

#include <lessor/lessor.h>

static lessor_engine_t *engine;

static void
require(lessor_status_t status, const char *what) {
	if (status != LESSOR_OK) {
		(void)fprintf(stderr, "%s: %s\n", what, lessor_status_text(status));
		exit(1);
	}
}

static void
add_lease(unsigned number) {
	const uint8_t mac[6] = {0x00, 0x1C, 0x25, 0x80, 0xA0, (uint8_t)number};
	char name[32];
	(void)snprintf(name, sizeof(name), "pc-%u", number);
	lessor_lease_t lease;
	lessor_lease_init(&lease);
	lease.address = 0xC0A8011Du + number; /* the first one is 192.168.1.30 */
	lease.client_id = mac;
	lease.client_id_bytes = sizeof(mac);
	lease.name = name;
	require(lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL), "create a lease");
}

int
host_begin(unsigned leases) {
	lessor_options_t options;
	lessor_options_init(&options);
	options.log = false; /* with a log: also a directory, as the first argument of lessor_open() */
	options.server_name = "SERVER";
	require(lessor_open(NULL, &options, &engine, NULL), "open");
	require(lessor_dhcpsapi_bind(NULL, engine, LESSOR_ACCESS_READWRITE, LESSOR_SYNC), "bind");

	const lessor_scope_t scope = {.subnet = 0xC0A80100u,
				      .mask = 0xFFFFFF00u,
				      .has_range = true,
				      .range = {0xC0A8010Au, 0xC0A80163u},
				      .name = "office"};
	const lessor_range_t printers = {0xC0A80114u, 0xC0A8011Du};
	require(lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL), "create the scope");
	require(lessor_scope_exclude(engine, scope.subnet, printers, LESSOR_ASYNC, NULL), "exclude");
	for (unsigned number = 1; number <= leases; number++) {
		add_lease(number);
	}
	return 0;
}

int
host_end(int result) {
	require(lessor_check(engine, NULL), "check");
	require(lessor_dhcpsapi_bind(NULL, NULL, LESSOR_ACCESS_NONE, LESSOR_SYNC), "unbind");
	require(lessor_close(&engine), "close");
	return result;
}

/* One character, whose second half is used if it has one. Gives how many units it took. */
static unsigned
print_character(LPCWSTR text) {
	uint32_t c = text[0];
	const unsigned units = c >= 0xD800u && c < 0xDC00u ? 2 : 1;
	if (units == 2) {
		c = 0x10000u + ((c - 0xD800u) << 10) + (text[1] - 0xDC00u);
	}
	if (c < 0x80) {
		(void)printf("%c", (int)c);
	} else if (c < 0x800) {
		(void)printf("%c%c", (int)(0xC0 | c >> 6), (int)(0x80 | (c & 0x3F)));
	} else if (c < 0x10000) {
		(void)printf("%c%c%c", (int)(0xE0 | c >> 12), (int)(0x80 | (c >> 6 & 0x3F)), (int)(0x80 | (c & 0x3F)));
	} else {
		(void)printf("%c%c%c%c", (int)(0xF0 | c >> 18), (int)(0x80 | (c >> 12 & 0x3F)),
			     (int)(0x80 | (c >> 6 & 0x3F)), (int)(0x80 | (c & 0x3F)));
	}
	return units;
}

void
host_print(LPCWSTR text) {
	if (text == NULL) {
		(void)printf("-");
		return;
	}
	while (*text != 0) {
		text += print_character(text);
	}
}

void
host_print_address(DHCP_IP_ADDRESS address) {
	(void)printf("%u.%u.%u.%u", address >> 24, address >> 16 & 0xFF, address >> 8 & 0xFF, address & 0xFF);
}
