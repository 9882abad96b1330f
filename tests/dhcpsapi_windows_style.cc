/* SPDX-License-Identifier: Apache-2.0 */
/* C++ as it is written for Windows: the only line that knows where it is compiled is the include. */
#ifdef _WIN32
#include <windows.h>

#include <dhcpsapi.h>
#else
#include <lessor/dhcpsapi.h>
#endif

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "dhcpsapi_windows_style.h"

namespace {

struct RpcFree {
	void
	operator()(PVOID memory) const {
		DhcpRpcFreeMemory(memory);
	}
};

using ClientInfo = std::unique_ptr<DHCP_CLIENT_INFO_PB, RpcFree>;

ClientInfo
get(LPWSTR server, DHCP_IP_ADDRESS address) {
	DHCP_SEARCH_INFO search = {};
	search.SearchType = DhcpClientIpAddress;
	search.SearchInfo.ClientIpAddress = address;
	LPDHCP_CLIENT_INFO_PB info = nullptr;
	const DWORD code = DhcpV4GetClientInfo(server, &search, &info);
	return ClientInfo(code == ERROR_SUCCESS ? info : nullptr);
}

} // namespace

DWORD
cpp_add_lease(LPWSTR server, DHCP_IP_ADDRESS address, LPBYTE mac, LPWSTR name) {
	std::basic_string<WCHAR> comment = TEXT("added in C++");
	DHCP_CLIENT_INFO_PB info = {};
	info.ClientIpAddress = address;
	info.ClientHardwareAddress = {MAC_ADDRESS_LENGTH, mac};
	info.ClientName = name;
	info.ClientComment = &comment[0];
	info.bClientType = CLIENT_TYPE_DHCP;
	info.AddressState = ADDRESS_STATE_ACTIVE;
	info.Status = NOQUARANTINE;
	return DhcpV4CreateClientInfo(server, &info);
}

BOOL
cpp_has_lease(LPWSTR server, DHCP_IP_ADDRESS address, LPBYTE mac, LPCWSTR name) {
	const ClientInfo info = get(server, address);
	if (!info || info->ClientHardwareAddress.DataLength != MAC_ADDRESS_LENGTH) {
		return FALSE;
	}
	const BYTE *stored = info->ClientHardwareAddress.Data;
	return std::equal(stored, stored + MAC_ADDRESS_LENGTH, mac) &&
			       std::basic_string<WCHAR>(info->ClientName) == name
		       ? TRUE
		       : FALSE;
}

DWORD
cpp_remove_lease(LPWSTR server, DHCP_IP_ADDRESS subnet, LPBYTE mac) {
	std::array<BYTE, 5 + MAC_ADDRESS_LENGTH> id = {};
	for (unsigned i = 0; i < 4; i++) {
		id[i] = static_cast<BYTE>(subnet >> 8 * i);
	}
	id[4] = HWTYPE_ETHERNET_10MB;
	std::copy(mac, mac + MAC_ADDRESS_LENGTH, id.begin() + 5);
	DHCP_SEARCH_INFO search = {};
	search.SearchType = DhcpClientHardwareAddress;
	search.SearchInfo.ClientHardwareAddress = {static_cast<DWORD>(id.size()), id.data()};
	return DhcpDeleteClientInfo(server, &search);
}
