/* SPDX-License-Identifier: Apache-2.0 */
/* C as it is written for Windows: the only line that knows where it is compiled is the include. */
#ifdef _WIN32
#include <windows.h>

#include <dhcpsapi.h>
#else
#include <lessor/dhcpsapi.h>
#endif

#include <string.h>

#include "dhcpsapi_windows_style.h"

DWORD
c_add_lease(LPWSTR server, DHCP_IP_ADDRESS address, LPBYTE mac, LPWSTR name) {
	DHCP_CLIENT_INFO_PB info;
	static WCHAR comment[] = TEXT("added in C");

	memset(&info, 0, sizeof(info));
	info.ClientIpAddress = address;
	info.ClientHardwareAddress.DataLength = MAC_ADDRESS_LENGTH;
	info.ClientHardwareAddress.Data = mac;
	info.ClientName = name;
	info.ClientComment = comment;
	info.ClientLeaseExpires.dwHighDateTime = DHCP_DATE_TIME_INFINIT_HIGH;
	info.ClientLeaseExpires.dwLowDateTime = DHCP_DATE_TIME_INFINIT_LOW;
	info.bClientType = CLIENT_TYPE_DHCP;
	info.AddressState = ADDRESS_STATE_ACTIVE | ADDRESS_BIT_UNREGISTERED;
	info.Status = NOQUARANTINE;
	info.QuarantineCapable = FALSE;
	return DhcpV4CreateClientInfo(server, &info);
}

static size_t
length_of(LPCWSTR text) {
	size_t units = 0;
	while (text[units] != 0) {
		units++;
	}
	return units;
}

static BOOL
same_text(LPCWSTR a, LPCWSTR b) {
	return length_of(a) == length_of(b) && memcmp(a, b, length_of(a) * sizeof(WCHAR)) == 0;
}

BOOL
c_has_lease(LPWSTR server, DHCP_IP_ADDRESS address, LPBYTE mac, LPCWSTR name) {
	DHCP_SEARCH_INFO search;
	LPDHCP_CLIENT_INFO_PB info = NULL;
	BOOL same;

	search.SearchType = DhcpClientIpAddress;
	search.SearchInfo.ClientIpAddress = address;
	if (DhcpV4GetClientInfo(server, &search, &info) != ERROR_SUCCESS) {
		return FALSE;
	}
	same = info->ClientHardwareAddress.DataLength == MAC_ADDRESS_LENGTH &&
	       memcmp(info->ClientHardwareAddress.Data, mac, MAC_ADDRESS_LENGTH) == 0 &&
	       same_text(info->ClientName, name);
	DhcpRpcFreeMemory(info->ClientHardwareAddress.Data);
	DhcpRpcFreeMemory(info->ClientName);
	DhcpRpcFreeMemory(info->ClientComment);
	DhcpRpcFreeMemory(info->OwnerHost.NetBiosName);
	DhcpRpcFreeMemory(info->OwnerHost.HostName);
	DhcpRpcFreeMemory(info->PolicyName);
	DhcpRpcFreeMemory(info);
	return same;
}

DWORD
c_remove_lease(LPWSTR server, DHCP_IP_ADDRESS subnet, LPBYTE mac) {
	BYTE id[sizeof(DWORD) + 1 + MAC_ADDRESS_LENGTH];
	DHCP_SEARCH_INFO search;

	memcpy(id, &subnet, sizeof(subnet));
	id[sizeof(DWORD)] = HWTYPE_ETHERNET_10MB;
	memcpy(id + sizeof(DWORD) + 1, mac, MAC_ADDRESS_LENGTH);
	search.SearchType = DhcpClientHardwareAddress;
	search.SearchInfo.ClientHardwareAddress.DataLength = sizeof(id);
	search.SearchInfo.ClientHardwareAddress.Data = id;
	return DhcpDeleteClientInfo(server, &search);
}
