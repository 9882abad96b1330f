/* SPDX-License-Identifier: Apache-2.0 */
/* Print every scope of a server with all that is in it; then take one apart. */
#include <stdio.h>
#include <string.h>

#include "host.h"

static void
print_element(const DHCP_SUBNET_ELEMENT_DATA_V5 *element) {
	switch (element->ElementType) {
	case DhcpIpRanges:
	case DhcpIpRangesDhcpBootp:
		printf("  range     ");
		host_print_address(element->Element.IpRange->StartAddress);
		printf(" - ");
		host_print_address(element->Element.IpRange->EndAddress);
		break;
	case DhcpExcludedIpRanges:
		printf("  excluded  ");
		host_print_address(element->Element.ExcludeIpRange->StartAddress);
		printf(" - ");
		host_print_address(element->Element.ExcludeIpRange->EndAddress);
		break;
	case DhcpReservedIps:
		printf("  reserved  ");
		host_print_address(element->Element.ReservedIp->ReservedIpAddress);
		break;
	case DhcpSecondaryHosts:
	case DhcpIpUsedClusters:
	case DhcpIpRangesDhcpOnly:
	case DhcpIpRangesBootpOnly:
	default:
		printf("  something else");
		break;
	}
	printf("\n");
}

static void
print_elements(DHCP_IP_ADDRESS subnet, DHCP_SUBNET_ELEMENT_TYPE type) {
	DHCP_RESUME_HANDLE resume = 0;
	DWORD status;

	do {
		LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V5 elements = NULL;
		DWORD read = 0;
		DWORD total = 0;
		DWORD i;

		status = DhcpEnumSubnetElementsV5(NULL, subnet, type, &resume, 0xFFFFFFFFu, &elements, &read, &total);
		if (status != ERROR_SUCCESS && status != ERROR_MORE_DATA) {
			break;
		}
		for (i = 0; i < elements->NumElements; i++) {
			print_element(&elements->Elements[i]);
		}
		DhcpRpcFreeMemory(elements);
	} while (status == ERROR_MORE_DATA);
}

static void
print_scope(DHCP_IP_ADDRESS subnet) {
	LPDHCP_SUBNET_INFO info = NULL;

	if (DhcpGetSubnetInfo(NULL, subnet, &info) != ERROR_SUCCESS) {
		return;
	}
	host_print_address(info->SubnetAddress);
	printf(" mask ");
	host_print_address(info->SubnetMask);
	printf(" \"");
	host_print(info->SubnetName);
	printf("\"%s\n", info->SubnetState == DhcpSubnetEnabled ? "" : " disabled");
	DhcpRpcFreeMemory(info);
	print_elements(subnet, DhcpIpRanges);
	print_elements(subnet, DhcpExcludedIpRanges);
	print_elements(subnet, DhcpReservedIps);
}

static void
print_all(void) {
	DHCP_RESUME_HANDLE resume = 0;
	LPDHCP_IP_ARRAY scopes = NULL;
	DWORD read = 0;
	DWORD total = 0;

	/* Of scopes the size is a number of them; the call answers ERROR_NO_MORE_ITEMS at the end. */
	while (DhcpEnumSubnets(NULL, &resume, 1, &scopes, &read, &total) == ERROR_SUCCESS) {
		print_scope(scopes->Elements[0]);
		DhcpRpcFreeMemory(scopes);
	}
}

int
main(void) {
	WCHAR lab[] = u"lab";
	DHCP_SUBNET_INFO info;
	DHCP_IP_RANGE range;
	DHCP_SUBNET_ELEMENT_DATA_V4 element;

	host_begin(1);
	memset(&info, 0, sizeof(info));
	info.SubnetAddress = 0x0A010000u; /* 10.1.0.0 */
	info.SubnetMask = 0xFFFF0000u;
	info.SubnetName = lab;
	info.SubnetState = DhcpSubnetDisabled;
	printf("create: %u\n", DhcpCreateSubnet(NULL, info.SubnetAddress, &info));

	range.StartAddress = 0x0A010100u;
	range.EndAddress = 0x0A0101FFu;
	element.ElementType = DhcpIpRanges;
	element.Element.IpRange = &range;
	printf("range: %u\n", DhcpAddSubnetElementV4(NULL, info.SubnetAddress, &element));
	range.EndAddress = 0x0A0102FFu;
	printf("a larger range: %u\n", DhcpAddSubnetElementV4(NULL, info.SubnetAddress, &element));

	info.SubnetState = DhcpSubnetEnabled;
	printf("enable: %u\n", DhcpSetSubnetInfo(NULL, info.SubnetAddress, &info));
	print_all();

	printf("delete the scope with a lease: %u", DhcpDeleteSubnet(NULL, 0xC0A80100u, DhcpNoForce));
	printf(", by force: %u\n", DhcpDeleteSubnet(NULL, 0xC0A80100u, DhcpFullForce));
	print_all();
	return host_end(0);
}
