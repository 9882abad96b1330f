/* SPDX-License-Identifier: Apache-2.0 */
/* Look after reservations: make them, name them, list them, give them up. */
#include <stdio.h>
#include <string.h>

#include "host.h"

#define SUBNET 0xC0A80100u

static BYTE Printer[] = {0x00, 0x80, 0x77, 0x31, 0x01, 0x01};
static BYTE Camera[] = {0x00, 0x80, 0x77, 0x31, 0x01, 0x02};

/* The element that stands for the reservation of an address for a client. */
static void
fill_element(DHCP_SUBNET_ELEMENT_DATA_V5 *element, DHCP_IP_RESERVATION_V4 *reservation, DHCP_CLIENT_UID *uid,
	     DHCP_IP_ADDRESS address, BYTE *mac) {
	uid->DataLength = MAC_ADDRESS_LENGTH;
	uid->Data = mac;
	reservation->ReservedIpAddress = address;
	reservation->ReservedForClient = uid;
	reservation->bAllowedClientTypes = CLIENT_TYPE_BOTH;
	element->ElementType = DhcpReservedIps;
	element->Element.ReservedIp = reservation;
}

static DWORD
add_reservation(DHCP_IP_ADDRESS address, BYTE *mac, LPWSTR name, LPWSTR description) {
	DHCP_SUBNET_ELEMENT_DATA_V5 element;
	DHCP_IP_RESERVATION_V4 reservation;
	DHCP_CLIENT_UID uid;
	DHCP_CLIENT_INFO_V4 client;
	DWORD status;

	fill_element(&element, &reservation, &uid, address, mac);
	status = DhcpAddSubnetElementV5(NULL, SUBNET, &element);
	if (status != ERROR_SUCCESS) {
		return status;
	}
	/* The name of a reservation is that of the lease which came with it. */
	memset(&client, 0, sizeof(client));
	client.ClientIpAddress = address;
	client.ClientHardwareAddress = uid;
	client.ClientName = name;
	client.ClientComment = description;
	return DhcpSetClientInfoV4(NULL, &client);
}

static DWORD
remove_reservation(DHCP_IP_ADDRESS address, BYTE *mac) {
	DHCP_SUBNET_ELEMENT_DATA_V5 element;
	DHCP_IP_RESERVATION_V4 reservation;
	DHCP_CLIENT_UID uid;

	fill_element(&element, &reservation, &uid, address, mac);
	return DhcpRemoveSubnetElementV5(NULL, SUBNET, &element, DhcpFullForce);
}

static DWORD
list_reservations(void) {
	DHCP_RESUME_HANDLE resume = 0;
	LPDHCP_RESERVATION_INFO_ARRAY list = NULL;
	DWORD read = 0;
	DWORD total = 0;
	DWORD i;
	DWORD status = DhcpV4EnumSubnetReservations(NULL, SUBNET, &resume, 0xFFFFFFFFu, &list, &read, &total);

	if (status == ERROR_NO_MORE_ITEMS) {
		printf("no reservations\n");
		return ERROR_SUCCESS;
	}
	for (i = 0; status == ERROR_SUCCESS && i < list->NumElements; i++) {
		host_print_address(list->Elements[i]->ReservedIpAddress);
		printf("  ");
		host_print(list->Elements[i]->ReservedClientName);
		printf(" (");
		host_print(list->Elements[i]->ReservedClientDesc);
		printf(")\n");
	}
	DhcpRpcFreeMemory(list);
	return status;
}

int
main(void) {
	WCHAR printer[] = u"printer";
	WCHAR floor[] = u"2nd floor";
	WCHAR camera[] = u"camera";
	DHCP_SEARCH_INFO search;
	DWORD status;

	host_begin(0);
	status = list_reservations();
	printf("add: %u", add_reservation(0xC0A80132u, Printer, printer, floor));
	printf(" %u\n", add_reservation(0xC0A80133u, Camera, camera, NULL));
	printf("add once more: %u\n", add_reservation(0xC0A80132u, Camera, camera, NULL));
	status += list_reservations();

	/* Nobody else gets the address, and the lease cannot be deleted while the reservation stands. */
	search.SearchType = DhcpClientIpAddress;
	search.SearchInfo.ClientIpAddress = 0xC0A80132u;
	printf("delete its lease: %u\n", DhcpDeleteClientInfo(NULL, &search));
	printf("remove: %u", remove_reservation(0xC0A80132u, Printer));
	printf(" %u\n", remove_reservation(0xC0A80133u, Camera));
	status += list_reservations();
	return host_end(status == ERROR_SUCCESS ? 0 : 1);
}
