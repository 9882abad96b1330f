/* SPDX-License-Identifier: Apache-2.0 */
/* Create leases in bulk, from a list of machines that somebody kept by hand, and say what became of each. */
#include <stdio.h>
#include <string.h>

#include "host.h"

typedef struct _MACHINE {
	DHCP_IP_ADDRESS Address;
	BYTE Mac[MAC_ADDRESS_LENGTH];
	WCHAR Name[16];
} MACHINE;

static MACHINE Machines[] = {
	{0xC0A8010Au, {0x00, 0x1C, 0x25, 0x80, 0xB0, 0x01}, u"anna"},
	{0xC0A8010Bu, {0x00, 0x1C, 0x25, 0x80, 0xB0, 0x02}, u"bj\u00F6rn"},
	{0xC0A8010Bu, {0x00, 0x1C, 0x25, 0x80, 0xB0, 0x03}, u"carla"},  /* the address of another one */
	{0xC0A8010Cu, {0x00, 0x1C, 0x25, 0x80, 0xB0, 0x01}, u"anna-2"}, /* the machine of another one */
	{0xC0A8020Cu, {0x00, 0x1C, 0x25, 0x80, 0xB0, 0x04}, u"dave"},   /* no such scope */
	{0xC0A801C8u, {0x00, 0x1C, 0x25, 0x80, 0xB0, 0x05}, u"eve"},    /* outside the range: that is allowed */
};

static DWORD
create_lease(MACHINE *machine) {
	DHCP_CLIENT_INFO_PB info;

	memset(&info, 0, sizeof(info));
	info.ClientIpAddress = machine->Address;
	info.ClientHardwareAddress.DataLength = sizeof(machine->Mac);
	info.ClientHardwareAddress.Data = machine->Mac;
	info.ClientName = machine->Name;
	info.ClientLeaseExpires.dwLowDateTime = DHCP_DATE_TIME_INFINIT_LOW;
	info.ClientLeaseExpires.dwHighDateTime = DHCP_DATE_TIME_INFINIT_HIGH;
	info.bClientType = CLIENT_TYPE_DHCP;
	info.AddressState = ADDRESS_STATE_ACTIVE;
	return DhcpV4CreateClientInfo(NULL, &info);
}

static const char *
explain(DWORD status) {
	switch (status) {
	case ERROR_SUCCESS:
		return "created";
	case ERROR_DHCP_CLIENT_EXISTS:
		return "the address or the machine has a lease already";
	case ERROR_DHCP_SUBNET_NOT_PRESENT:
		return "there is no scope for this address";
	case ERROR_INVALID_PARAMETER:
		return "an entry that cannot be";
	case ERROR_ACCESS_DENIED:
		return "administrators only";
	default:
		return "the server failed";
	}
}

int
main(void) {
	DWORD created = 0;
	size_t i;

	host_begin(0);
	for (i = 0; i < sizeof(Machines) / sizeof(Machines[0]); i++) {
		DWORD status = create_lease(&Machines[i]);

		host_print_address(Machines[i].Address);
		printf(" ");
		host_print(Machines[i].Name);
		printf(": %s\n", explain(status));
		created += status == ERROR_SUCCESS;
	}
	printf("%u leases\n", created);
	return host_end(created == 3 ? 0 : 1);
}
