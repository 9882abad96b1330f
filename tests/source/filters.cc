/* SPDX-License-Identifier: Apache-2.0 */
/* C++: deny a stolen laptop and a whole vendor, and find the leases that this concerns. */
#include <cstdio>
#include <memory>
#include <vector>

#include "host.h"

namespace {

struct rpc_free {
	void
	operator()(void *memory) const {
		DhcpRpcFreeMemory(memory);
	}
};

DHCP_ADDR_PATTERN
pattern(const std::vector<BYTE> &bytes) {
	DHCP_ADDR_PATTERN made{};
	made.MatchHWType = TRUE;
	made.HWType = HWTYPE_ETHERNET_10MB;
	made.IsWildcard = bytes.size() < MAC_ADDRESS_LENGTH;
	made.Length = static_cast<BYTE>(bytes.size());
	for (size_t i = 0; i < bytes.size(); i++) {
		made.Pattern[i] = bytes[i];
	}
	return made;
}

DWORD
add(DHCP_FILTER_LIST_TYPE list, const std::vector<BYTE> &bytes, BOOL force) {
	DHCP_FILTER_ADD_INFO info{};
	info.AddrPatt = pattern(bytes);
	info.ListType = list;
	return DhcpAddFilterV4(nullptr, &info, force);
}

const char *
meaning(DWORD status) {
	switch (status) {
	case FILTER_STATUS_FULL_MATCH_IN_ALLOW_LIST:
		return "allowed";
	case FILTER_STATUS_FULL_MATCH_IN_DENY_LIST:
		return "denied";
	case FILTER_STATUS_WILDCARD_MATCH_IN_ALLOW_LIST:
		return "allowed by its vendor";
	case FILTER_STATUS_WILDCARD_MATCH_IN_DENY_LIST:
		return "denied by its vendor";
	default:
		return "no filter";
	}
}

DWORD
list_leases() {
	DHCP_RESUME_HANDLE resume = 0;
	DWORD read = 0;
	DWORD total = 0;
	LPDHCP_CLIENT_FILTER_STATUS_INFO_ARRAY raw = nullptr;
	const DWORD code = DhcpEnumSubnetClientsFilterStatusInfo(nullptr, 0, &resume, 0xFFFFFFFF, &raw, &read, &total);
	const std::unique_ptr<DHCP_CLIENT_FILTER_STATUS_INFO_ARRAY, rpc_free> list(raw);
	for (DWORD i = 0; code == ERROR_SUCCESS && i < list->NumElements; i++) {
		host_print(list->Clients[i]->ClientName);
		std::printf(": %s\n", meaning(list->Clients[i]->FilterStatus));
	}
	return code;
}

DWORD
count(DHCP_FILTER_LIST_TYPE type) {
	DHCP_ADDR_PATTERN resume{};
	DWORD read = 0;
	DWORD total = 0;
	LPDHCP_FILTER_ENUM_INFO raw = nullptr;
	const DWORD code = DhcpEnumFilterV4(nullptr, &resume, 0xFFFFFFFF, type, &raw, &read, &total);
	DhcpRpcFreeMemory(raw);
	return code == ERROR_SUCCESS ? read : 0;
}

} // namespace

int
main() {
	const std::vector<BYTE> stolen = {0x00, 0x1C, 0x25, 0x80, 0xA0, 0x02};
	const std::vector<BYTE> vendor = {0x00, 0x1C, 0x25};
	DHCP_FILTER_GLOBAL_INFO global = {FALSE, TRUE};

	host_begin(3);
	std::printf("deny: %u\n", add(Deny, stolen, FALSE));
	std::printf("once more: %u\n", add(Deny, stolen, FALSE));
	std::printf("now allow: %u\n", add(Allow, stolen, FALSE));
	std::printf("by force: %u\n", add(Allow, stolen, TRUE));
	std::printf("deny the vendor: %u\n", add(Deny, vendor, FALSE));
	std::printf("obey: %u\n", DhcpSetFilterV4(nullptr, &global));
	DWORD code = list_leases();
	std::printf("%u allowed\n", count(Allow));
	std::printf("%u denied\n", count(Deny));

	DHCP_ADDR_PATTERN gone = pattern(vendor);
	std::printf("drop: %u\n", DhcpDeleteFilterV4(nullptr, &gone));
	std::printf("once more: %u\n", DhcpDeleteFilterV4(nullptr, &gone));
	code += list_leases();
	code += DhcpGetFilterV4(nullptr, &global);
	std::printf("deny list obeyed: %d\n", global.EnforceDenyList);
	return host_end(code == ERROR_SUCCESS ? 0 : 1);
}
