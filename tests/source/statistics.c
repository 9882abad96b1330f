/* SPDX-License-Identifier: Apache-2.0 */
/* Report how full the scopes are, grouped by superscope as an administrator sees them. */
#include <stdio.h>
#include <string.h>

#include "host.h"

static void
create_scope(DHCP_IP_ADDRESS subnet, DHCP_IP_ADDRESS first, DHCP_IP_ADDRESS last, LPWSTR superscope) {
	DHCP_SUBNET_INFO info;
	DHCP_IP_RANGE range;
	DHCP_SUBNET_ELEMENT_DATA element;

	memset(&info, 0, sizeof(info));
	info.SubnetAddress = subnet;
	info.SubnetMask = 0xFFFFFF00u;
	info.SubnetState = DhcpSubnetEnabled;
	printf("create: %u", DhcpCreateSubnet(NULL, subnet, &info));

	range.StartAddress = first;
	range.EndAddress = last;
	element.ElementType = DhcpIpRanges;
	element.Element.IpRange = &range;
	printf(" %u", DhcpAddSubnetElement(NULL, subnet, &element));
	printf(" %u\n", DhcpSetSuperScopeV4(NULL, subnet, superscope, FALSE));
}

/* The name of the superscope of a scope, which belongs to the table. */
static LPWSTR
superscope_of(const DHCP_SUPER_SCOPE_TABLE *table, DHCP_IP_ADDRESS subnet) {
	DWORD i;

	for (i = 0; i < table->cEntries; i++) {
		if (table->pEntries[i].SubnetAddress == subnet) {
			return table->pEntries[i].SuperScopeName;
		}
	}
	return NULL;
}

static void
print_scope(const SCOPE_MIB_INFO_V5 *scope, LPCWSTR superscope) {
	const DWORD all = scope->NumAddressesInuse + scope->NumAddressesFree + scope->NumPendingOffers;

	host_print_address(scope->Subnet);
	printf(" in ");
	host_print(superscope);
	printf(": %u in use, %u free, %u pending, %u%% full\n", scope->NumAddressesInuse, scope->NumAddressesFree,
	       scope->NumPendingOffers, all == 0 ? 0 : scope->NumAddressesInuse * 100 / all);
}

static DWORD
report(void) {
	LPDHCP_SUPER_SCOPE_TABLE table = NULL;
	LPDHCP_MIB_INFO_V5 mib = NULL;
	DWORD i;
	DWORD status = DhcpGetSuperScopeInfoV4(NULL, &table);

	if (status != ERROR_SUCCESS) {
		return status;
	}
	status = DhcpGetMibInfoV5(NULL, &mib);
	if (status == ERROR_SUCCESS) {
		printf("%u scopes, %u acks, %u scopes with delayed offers\n", mib->Scopes, mib->Acks,
		       mib->ScopesWithDelayedOffers);
		for (i = 0; i < mib->Scopes; i++) {
			print_scope(&mib->ScopeInfo[i], superscope_of(table, mib->ScopeInfo[i].Subnet));
		}
	}
	DhcpRpcFreeMemory(mib);
	DhcpRpcFreeMemory(table);
	return status;
}

int
main(void) {
	WCHAR campus[] = u"campus";
	DWORD status;

	host_begin(20);
	create_scope(0xC0A80200u, 0xC0A80201u, 0xC0A80264u, campus);
	create_scope(0xC0A80300u, 0xC0A80301u, 0xC0A80364u, campus);
	printf("delay: %u\n", DhcpSetSubnetDelayOffer(NULL, 0xC0A80200u, 250));
	status = report();
	printf("dissolve: %u\n", DhcpDeleteSuperScopeV4(NULL, campus));
	status += report();
	return host_end(status == ERROR_SUCCESS ? 0 : 1);
}
