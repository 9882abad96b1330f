/* SPDX-License-Identifier: Apache-2.0 */
/* C++: results that free themselves, and a new address for each of several clients. */
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "host.h"

namespace {

/* What a call gives out, freed at the end of its life. */
struct rpc_free {
	void
	operator()(void *memory) const {
		DhcpRpcFreeMemory(memory);
	}
};
template <class T> using rpc_ptr = std::unique_ptr<T, rpc_free>;

class dhcp_error : public std::runtime_error {
      public:
	dhcp_error(const std::string &call, DWORD code) : std::runtime_error(call + ": " + std::to_string(code)) {
	}
};

constexpr DHCP_IP_ADDRESS subnet = 0xC0A80100;

std::vector<DHCP_IP_ADDRESS>
free_addresses(DWORD wanted) {
	LPDHCP_IP_ARRAY raw = nullptr;
	const DWORD code = DhcpV4GetFreeIPAddress(nullptr, subnet, 0, 0, wanted, &raw);
	const rpc_ptr<DHCP_IP_ARRAY> list(raw);
	if (code != ERROR_SUCCESS && code != ERROR_DHCP_REACHED_END_OF_SELECTION) {
		throw dhcp_error("DhcpV4GetFreeIPAddress", code);
	}
	return {list->Elements, list->Elements + list->NumElements};
}

/* A lease at some free address. Another program may be faster than this one: then the next address. */
DHCP_IP_ADDRESS
give_address(std::vector<BYTE> mac, std::u16string name) {
	for (const DHCP_IP_ADDRESS address : free_addresses(16)) {
		DHCP_CLIENT_INFO_PB info{};
		info.ClientIpAddress = address;
		info.ClientHardwareAddress.DataLength = static_cast<DWORD>(mac.size());
		info.ClientHardwareAddress.Data = mac.data();
		info.ClientName = name.data();
		const DWORD code = DhcpV4CreateClientInfo(nullptr, &info);
		if (code == ERROR_SUCCESS) {
			return address;
		}
		if (code != ERROR_DHCP_CLIENT_EXISTS) {
			throw dhcp_error("DhcpV4CreateClientInfo", code);
		}
	}
	throw std::runtime_error("the scope is full");
}

std::u16string
name_at(DHCP_IP_ADDRESS address) {
	DHCP_SEARCH_INFO search{};
	search.SearchType = DhcpClientIpAddress;
	search.SearchInfo.ClientIpAddress = address;
	LPDHCP_CLIENT_INFO_PB raw = nullptr;
	const DWORD code = DhcpV4GetClientInfo(nullptr, &search, &raw);
	const rpc_ptr<DHCP_CLIENT_INFO_PB> info(raw);
	if (code != ERROR_SUCCESS) {
		throw dhcp_error("DhcpV4GetClientInfo", code);
	}
	return info->ClientName == nullptr ? std::u16string() : info->ClientName;
}

int
run() {
	try {
		std::printf("%zu free\n", free_addresses(1024).size());
		for (BYTE number = 1; number <= 3; number++) {
			const DHCP_IP_ADDRESS address = give_address({0, 0x1C, 0x25, 0x80, 0xC0, number},
								     u"guest-" + std::u16string(1, u'0' + number));
			host_print_address(address);
			std::printf(" ");
			host_print(name_at(address).c_str());
			std::printf("\n");
		}
		std::printf("%zu free\n", free_addresses(1024).size());
		(void)name_at(subnet + 200); /* nobody has it */
	} catch (const std::exception &problem) {
		std::printf("%s\n", problem.what());
		return 0;
	}
	return 1;
}

} // namespace

int
main() {
	host_begin(70);
	return host_end(run());
}
