/* SPDX-License-Identifier: Apache-2.0 */
/* IPv6: a scope, free addresses, leases at them, and the list of what came out. */
#include <stdio.h>
#include <string.h>

#include "host.h"

static const DHCP_IPV6_ADDRESS Prefix = {0x20010DB800000000u, 0}; /* 2001:db8::/64 */

static void
print_address6(DHCP_IPV6_ADDRESS address) {
	printf("%x:%x::%x", (unsigned)(address.HighOrderBits >> 48), (unsigned)(address.HighOrderBits >> 32 & 0xFFFF),
	       (unsigned)address.LowOrderBits);
}

static DWORD
create_scope(void) {
	WCHAR name[] = u"office";
	DHCP_SUBNET_INFO_V6 info;
	DHCP_IP_RANGE_V6 range;
	DHCP_SUBNET_ELEMENT_DATA_V6 element;
	DWORD status;

	memset(&info, 0, sizeof(info));
	info.SubnetAddress = Prefix;
	info.Prefix = 64;
	info.SubnetName = name;
	status = DhcpCreateSubnetV6(NULL, Prefix, &info);
	if (status != ERROR_SUCCESS) {
		return status;
	}
	/* The routers have the first sixteen addresses. */
	range.StartAddress = Prefix;
	range.EndAddress = Prefix;
	range.EndAddress.LowOrderBits = 0xF;
	element.ElementType = Dhcpv6ExcludedIpRanges;
	element.Element.ExcludeIpRange = &range;
	return DhcpAddSubnetElementV6(NULL, Prefix, &element);
}

static DWORD
create_lease(DHCP_IPV6_ADDRESS address, BYTE number) {
	BYTE duid[] = {0x00, 0x03, 0x00, 0x01, 0x00, 0x1C, 0x25, 0x80, 0xA0, 0x00};
	DHCP_CLIENT_INFO_V6 info;

	duid[sizeof(duid) - 1] = number;
	memset(&info, 0, sizeof(info));
	info.ClientIpAddress = address;
	info.ClientDUID.DataLength = sizeof(duid);
	info.ClientDUID.Data = duid;
	info.IAID = 0;
	return DhcpV6CreateClientInfo(NULL, &info);
}

static DWORD
fill(void) {
	const DHCP_IPV6_ADDRESS anywhere = {0, 0};
	LPDHCPV6_IP_ARRAY list = NULL;
	DWORD i;
	DWORD status = DhcpV6GetFreeIPAddress(NULL, Prefix, anywhere, anywhere, 3, &list);

	for (i = 0; status == ERROR_SUCCESS && i < list->NumElements; i++) {
		print_address6(list->Elements[i]);
		printf(": %u\n", create_lease(list->Elements[i], (BYTE)i));
	}
	DhcpRpcFreeMemory(list);
	return status;
}

static DWORD
list_leases(void) {
	DHCP_RESUME_IPV6_HANDLE resume = {0, 0};
	LPDHCP_CLIENT_INFO_ARRAY_V6 clients = NULL;
	DWORD read = 0;
	DWORD total = 0;
	DWORD i;
	DWORD status = DhcpEnumSubnetClientsV6(NULL, Prefix, &resume, 65536, &clients, &read, &total);

	for (i = 0; status == ERROR_SUCCESS && i < clients->NumElements; i++) {
		print_address6(clients->Clients[i]->ClientIpAddress);
		printf(" has a DUID of %u bytes\n", clients->Clients[i]->ClientDUID.DataLength);
	}
	DhcpRpcFreeMemory(clients);
	return status;
}

int
main(void) {
	DHCP_SEARCH_INFO_V6 search;
	DWORD status;

	host_begin(0);
	status = create_scope();
	status += fill();
	status += list_leases();

	search.SearchType = Dhcpv6ClientIpAddress;
	search.SearchInfo.ClientIpAddress = Prefix;
	search.SearchInfo.ClientIpAddress.LowOrderBits = 0x11;
	printf("delete: %u", DhcpDeleteClientInfoV6(NULL, &search));
	printf(", once more: %u\n", DhcpDeleteClientInfoV6(NULL, &search));
	status += list_leases();
	return host_end(status == ERROR_SUCCESS ? 0 : 1);
}
