/* SPDX-License-Identifier: Apache-2.0 */
/* List the leases of a scope: page by page, with a resume handle, until there is no more data. */
#include <stdio.h>

#include "host.h"

#define SUBNET 0xC0A80100u /* 192.168.1.0 */

static void
print_client(const DHCP_CLIENT_INFO_PB *client) {
	DWORD i;

	host_print_address(client->ClientIpAddress);
	printf("  ");
	for (i = 0; i < client->ClientHardwareAddress.DataLength; i++) {
		printf("%s%02X", i == 0 ? "" : "-", client->ClientHardwareAddress.Data[i]);
	}
	printf("  ");
	host_print(client->ClientName);
	if (client->ClientLeaseExpires.dwHighDateTime == DHCP_DATE_TIME_INFINIT_HIGH) {
		printf("  never expires");
	}
	printf("\n");
}

static DWORD
list_leases(DHCP_IP_ADDRESS subnet) {
	DHCP_RESUME_HANDLE resume = 0;
	DWORD status;
	DWORD pages = 0;
	DWORD leases = 0;

	do {
		LPDHCP_CLIENT_INFO_PB_ARRAY clients = NULL;
		DWORD read = 0;
		DWORD total = 0;
		DWORD i;

		status = DhcpV4EnumSubnetClients(NULL, subnet, &resume, 1024, &clients, &read, &total);
		if (status != ERROR_SUCCESS && status != ERROR_MORE_DATA) {
			break;
		}
		for (i = 0; i < clients->NumElements; i++) {
			print_client(clients->Clients[i]);
		}
		leases += read;
		pages++;
		DhcpRpcFreeMemory(clients);
	} while (status == ERROR_MORE_DATA);

	if (status == ERROR_NO_MORE_ITEMS) {
		printf("no leases\n");
		return ERROR_SUCCESS;
	}
	printf("%u leases, %s\n", leases, pages > 1 ? "more than one page" : "one page");
	return status;
}

int
main(void) {
	DWORD status;

	host_begin(30);
	status = list_leases(SUBNET);
	printf("and elsewhere: ");
	if (status == ERROR_SUCCESS) {
		status = list_leases(0x0A000000u);
	}
	return host_end(status == ERROR_SUCCESS ? 0 : 1);
}
