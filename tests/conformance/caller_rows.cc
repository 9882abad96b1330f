/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds for every call, whatever it does: who may make it, what it answers when nothing is bound, when there is no
 * memory, and in a forked child. One legal use of each call is enough for that.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "table.h"
#include "world.h"

namespace conformance {

namespace {

constexpr DHCP_IPV6_ADDRESS PREFIX = {0x20010DB800000000ull, 0};
constexpr DHCP_IPV6_ADDRESS NONE6 = {0, 0};

constexpr DHCP_IPV6_ADDRESS
a6(unsigned long long low) {
	return {PREFIX.HighOrderBits, low};
}

DWORD
create_lease6(unsigned long long low, BYTE who, const char16_t *name = nullptr) {
	BYTE duid[] = {0, 3, 0, 1, who};
	DHCP_CLIENT_INFO_V6 info{};
	info.ClientIpAddress = a6(low);
	info.ClientDUID = {sizeof(duid), duid};
	info.ClientName = text(name);
	return RUN(DhcpV6CreateClientInfo, nullptr, &info);
}

DWORD
add_pattern(BYTE last) {
	DHCP_FILTER_ADD_INFO info{};
	info.AddrPatt = {TRUE, HWTYPE_ETHERNET_10MB, FALSE, 6, {0, 1, 2, 3, 4, last}};
	return RUN(DhcpAddFilterV4, nullptr, &info, FALSE);
}

DWORD
exclude_v6(unsigned long long first, bool add) {
	DHCP_IP_RANGE_V6 range = {a6(first), a6(first + 1)};
	DHCP_SUBNET_ELEMENT_DATA_V6 element{};
	element.ElementType = Dhcpv6ExcludedIpRanges;
	element.Element.ExcludeIpRange = &range;
	return add ? RUN(DhcpAddSubnetElementV6, nullptr, PREFIX, &element)
		   : RUN(DhcpRemoveSubnetElementV6, nullptr, PREFIX, &element, DhcpFullForce);
}

/* Something of everything, so that every call finds what it asks for. */
void
furnished() {
	leased();
	must(create_scope(S2, MASK24));
	must(reserve(50, 2));
	must(RUN(DhcpSetSuperScopeV4, nullptr, S, text(u"A"), FALSE));
	must(add_pattern(5));
	DHCP_SUBNET_INFO_V6 info{};
	info.SubnetAddress = PREFIX;
	must(RUN(DhcpCreateSubnetV6, nullptr, PREFIX, &info));
	must(create_lease6(1, 1));
	must(exclude_v6(0x100, true));
}

/* One legal use of a call. */
struct use_t {
	const char *call;
	bool writes;
	bool gives_out; /* memory that the caller frees */
	std::function<DWORD()> make;
};

/* The name is long enough not to fit where short ones do. */
const std::u16string &
long_name() {
	static const std::u16string name = repeated(u'n', 1024);
	return name;
}

#define READS(call, ARRAY, ...)                                                                                        \
	{                                                                                                              \
#call, false, true, [] {                                                                                      \
		 result<ARRAY> given;                                                                                  \
		 const DWORD code = RUN(call, nullptr, __VA_ARGS__);                                                   \
		 check_given(code, given);                                                                             \
		 return code;                                                                                          \
	 }        \
	}

#define PAGES(call, ARRAY, subnet)                                                                                     \
	{                                                                                                              \
#call, false, true, [] {                                                                                      \
		 DHCP_RESUME_HANDLE handle = 0;                                                                        \
		 DWORD read = 77;                                                                                      \
		 DWORD total = 77;                                                                                     \
		 result<ARRAY> given;                                                                                  \
		 const DWORD code = RUN(call, nullptr, subnet, &handle, EVERYTHING, given.out(), &read, &total);       \
		 check_given(code, given);                                                                             \
		 CHECK(code == ERROR_SUCCESS || (read == 0 && total == 0));                                            \
		 return code;                                                                                          \
	 }        \
	}

#define ELEMENTS(call, ARRAY, subnet, type)                                                                            \
	{                                                                                                              \
#call, false, true, [] {                                                                                      \
		 DHCP_RESUME_HANDLE handle = 0;                                                                        \
		 DWORD read = 77;                                                                                      \
		 DWORD total = 77;                                                                                     \
		 result<ARRAY> given;                                                                                  \
		 const DWORD code = RUN(call, nullptr, subnet, type, &handle, EVERYTHING, given.out(), &read, &total); \
		 check_given(code, given);                                                                             \
		 CHECK(code == ERROR_SUCCESS || (read == 0 && total == 0));                                            \
		 return code;                                                                                          \
	 }        \
	}

#define LISTS(call, ARRAY)                                                                                             \
	{                                                                                                              \
#call, false, true, [] {                                                                                      \
		 DHCP_RESUME_HANDLE handle = 0;                                                                        \
		 DWORD read = 77;                                                                                      \
		 DWORD total = 77;                                                                                     \
		 result<ARRAY> given;                                                                                  \
		 const DWORD code = RUN(call, nullptr, &handle, EVERYTHING, given.out(), &read, &total);               \
		 check_given(code, given);                                                                             \
		 CHECK(code == ERROR_SUCCESS || (read == 0 && total == 0));                                            \
		 return code;                                                                                          \
	 }        \
	}

template <class INFO>
std::function<DWORD()>
put(const char *call, DWORD (*function)(const WCHAR *, const INFO *), unsigned last, unsigned who) {
	return [=] {
		INFO info = basic<INFO>(last, who);
		info.ClientName = text(long_name().c_str());
		starve_if_wanted();
		return note(call, function(nullptr, &info));
	};
}

template <class DATA>
std::function<DWORD()>
exclude(const char *call, DWORD (*function)(const WCHAR *, DHCP_IP_ADDRESS, const DATA *)) {
	return [=] {
		DHCP_IP_RANGE range = {host(60), host(61)};
		DATA data{};
		data.ElementType = DhcpExcludedIpRanges;
		data.Element.ExcludeIpRange = &range;
		starve_if_wanted();
		return note(call, function(nullptr, S, &data));
	};
}

template <class DATA>
std::function<DWORD()>
include(const char *call, DWORD (*function)(const WCHAR *, DHCP_IP_ADDRESS, const DATA *, DHCP_FORCE_FLAG)) {
	return [=] {
		DHCP_IP_RANGE range = {host(20), host(29)};
		DATA data{};
		data.ElementType = DhcpExcludedIpRanges;
		data.Element.ExcludeIpRange = &range;
		starve_if_wanted();
		return note(call, function(nullptr, S, &data, DhcpNoForce));
	};
}

template <class INFO>
std::function<DWORD()>
subnet(const char *call, DWORD (*function)(const WCHAR *, DHCP_IP_ADDRESS, const INFO *), DHCP_IP_ADDRESS address) {
	return [=] {
		INFO info{};
		info.SubnetAddress = address;
		info.SubnetMask = MASK24;
		starve_if_wanted();
		return note(call, function(nullptr, address, &info));
	};
}

#define PUT(call, last, who)                                                                                           \
	{ #call, true, false, put(#call, call, last, who) }

std::vector<use_t>
lease_uses() {
	static const DHCP_SEARCH_INFO search = at(10);
	return {
		{"DhcpV4CreateClientInfo", true, false,
		 [] { return create_with(30, 3, [](auto &l) { l.ClientName = text(long_name().c_str()); }); }},
		{"DhcpV4CreateClientInfoEx", true, false,
		 [] {
			 DHCP_CLIENT_INFO_EX info = basic<DHCP_CLIENT_INFO_EX>(30, 3);
			 info.ClientName = text(long_name().c_str());
			 return RUN(DhcpV4CreateClientInfoEx, nullptr, &info);
		 }},
		PUT(DhcpCreateClientInfo, 30, 3),
		PUT(DhcpCreateClientInfoV4, 30, 3),
		PUT(DhcpCreateClientInfoVQ, 30, 3),
		PUT(DhcpSetClientInfo, 10, 1),
		PUT(DhcpSetClientInfoV4, 10, 1),
		PUT(DhcpSetClientInfoVQ, 10, 1),
		{"DhcpDeleteClientInfo", true, false, [] { return remove(at(10)); }},
		READS(DhcpGetClientInfo, DHCP_CLIENT_INFO, &search, given.out()),
		READS(DhcpGetClientInfoV4, DHCP_CLIENT_INFO_V4, &search, given.out()),
		READS(DhcpGetClientInfoVQ, DHCP_CLIENT_INFO_VQ, &search, given.out()),
		READS(DhcpV4GetClientInfo, DHCP_CLIENT_INFO_PB, &search, given.out()),
		READS(DhcpV4GetClientInfoEx, DHCP_CLIENT_INFO_EX, &search, given.out()),
		PAGES(DhcpEnumSubnetClients, DHCP_CLIENT_INFO_ARRAY, S),
		PAGES(DhcpEnumSubnetClientsV4, DHCP_CLIENT_INFO_ARRAY_V4, S),
		PAGES(DhcpEnumSubnetClientsVQ, DHCP_CLIENT_INFO_ARRAY_VQ, S),
		PAGES(DhcpEnumSubnetClientsV5, DHCP_CLIENT_INFO_ARRAY_V5, S),
		PAGES(DhcpEnumSubnetClientsFilterStatusInfo, DHCP_CLIENT_FILTER_STATUS_INFO_ARRAY, S),
		PAGES(DhcpV4EnumSubnetClients, DHCP_CLIENT_INFO_PB_ARRAY, S),
		PAGES(DhcpV4EnumSubnetClientsEx, DHCP_CLIENT_INFO_EX_ARRAY, S),
		PAGES(DhcpV4EnumSubnetReservations, DHCP_RESERVATION_INFO_ARRAY, S),
		READS(DhcpV4GetFreeIPAddress, DHCP_IP_ARRAY, S, 0, 0, 1, given.out()),
		{"DhcpScanDatabase", true, true,
		 [] {
			 result<DHCP_SCAN_LIST> given;
			 return RUN(DhcpScanDatabase, nullptr, S, 0, given.out());
		 }},
	};
}

std::vector<use_t>
scope_uses() {
	return {
		{"DhcpCreateSubnet", true, false, subnet("DhcpCreateSubnet", DhcpCreateSubnet, ip(10, 0, 0, 0))},
		{"DhcpCreateSubnetVQ", true, false, subnet("DhcpCreateSubnetVQ", DhcpCreateSubnetVQ, ip(10, 0, 0, 0))},
		{"DhcpSetSubnetInfo", true, false, subnet("DhcpSetSubnetInfo", DhcpSetSubnetInfo, S)},
		{"DhcpSetSubnetInfoVQ", true, false, subnet("DhcpSetSubnetInfoVQ", DhcpSetSubnetInfoVQ, S)},
		READS(DhcpGetSubnetInfo, DHCP_SUBNET_INFO, S, given.out()),
		READS(DhcpGetSubnetInfoVQ, DHCP_SUBNET_INFO_VQ, S, given.out()),
		LISTS(DhcpEnumSubnets, DHCP_IP_ARRAY),
		{"DhcpDeleteSubnet", true, false, [] { return RUN(DhcpDeleteSubnet, nullptr, S2, DhcpNoForce); }},
		{"DhcpAddSubnetElement", true, false, exclude("DhcpAddSubnetElement", DhcpAddSubnetElement)},
		{"DhcpAddSubnetElementV4", true, false, exclude("DhcpAddSubnetElementV4", DhcpAddSubnetElementV4)},
		{"DhcpAddSubnetElementV5", true, false, exclude("DhcpAddSubnetElementV5", DhcpAddSubnetElementV5)},
		{"DhcpRemoveSubnetElement", true, false, include("DhcpRemoveSubnetElement", DhcpRemoveSubnetElement)},
		{"DhcpRemoveSubnetElementV4", true, false,
		 include("DhcpRemoveSubnetElementV4", DhcpRemoveSubnetElementV4)},
		{"DhcpRemoveSubnetElementV5", true, false,
		 include("DhcpRemoveSubnetElementV5", DhcpRemoveSubnetElementV5)},
		ELEMENTS(DhcpEnumSubnetElements, DHCP_SUBNET_ELEMENT_INFO_ARRAY, S, DhcpReservedIps),
		ELEMENTS(DhcpEnumSubnetElementsV4, DHCP_SUBNET_ELEMENT_INFO_ARRAY_V4, S, DhcpReservedIps),
		ELEMENTS(DhcpEnumSubnetElementsV5, DHCP_SUBNET_ELEMENT_INFO_ARRAY_V5, S, DhcpReservedIps),
		{"DhcpSetSubnetDelayOffer", true, false, [] { return RUN(DhcpSetSubnetDelayOffer, nullptr, S, 5); }},
		{"DhcpGetSubnetDelayOffer", false, false,
		 [] {
			 USHORT delay = 0;
			 return RUN(DhcpGetSubnetDelayOffer, nullptr, S, &delay);
		 }},
		{"DhcpSetSuperScopeV4", true, false,
		 [] { return RUN(DhcpSetSuperScopeV4, nullptr, S2, text(u"A"), FALSE); }},
		READS(DhcpGetSuperScopeInfoV4, DHCP_SUPER_SCOPE_TABLE, given.out()),
		{"DhcpDeleteSuperScopeV4", true, false,
		 [] { return RUN(DhcpDeleteSuperScopeV4, nullptr, text(u"A")); }},
		READS(DhcpGetMibInfo, DHCP_MIB_INFO, given.out()),
		READS(DhcpGetMibInfoV5, DHCP_MIB_INFO_V5, given.out()),
		READS(DhcpGetMibInfoV6, DHCP_MIB_INFO_V6, given.out()),
		{"DhcpAddFilterV4", true, false, [] { return add_pattern(6); }},
		{"DhcpDeleteFilterV4", true, false,
		 [] {
			 DHCP_ADDR_PATTERN pattern = {TRUE, HWTYPE_ETHERNET_10MB, FALSE, 6, {0, 1, 2, 3, 4, 5}};
			 return RUN(DhcpDeleteFilterV4, nullptr, &pattern);
		 }},
		{"DhcpSetFilterV4", true, false,
		 [] {
			 DHCP_FILTER_GLOBAL_INFO global = {TRUE, TRUE};
			 return RUN(DhcpSetFilterV4, nullptr, &global);
		 }},
		{"DhcpGetFilterV4", false, false,
		 [] {
			 DHCP_FILTER_GLOBAL_INFO global = {};
			 return RUN(DhcpGetFilterV4, nullptr, &global);
		 }},
		{"DhcpEnumFilterV4", false, true,
		 [] {
			 DHCP_ADDR_PATTERN handle{};
			 DWORD read = 0;
			 DWORD total = 0;
			 result<DHCP_FILTER_ENUM_INFO> given;
			 return RUN(DhcpEnumFilterV4, nullptr, &handle, EVERYTHING, Deny, given.out(), &read, &total);
		 }},
	};
}

DHCP_SEARCH_INFO_V6
search6() {
	DHCP_SEARCH_INFO_V6 search{};
	search.SearchType = Dhcpv6ClientIpAddress;
	search.SearchInfo.ClientIpAddress = a6(1);
	return search;
}

std::vector<use_t>
ipv6_uses() {
	static const DHCP_SEARCH_INFO_V6 search = search6();
	return {
		{"DhcpCreateSubnetV6", true, false,
		 [] {
			 const DHCP_IPV6_ADDRESS other = {0x20010DB8FFFF0000ull, 0};
			 DHCP_SUBNET_INFO_V6 info{};
			 info.SubnetAddress = other;
			 return RUN(DhcpCreateSubnetV6, nullptr, other, &info);
		 }},
		{"DhcpSetSubnetInfoV6", true, false,
		 [] {
			 DHCP_SUBNET_INFO_V6 info{};
			 info.SubnetAddress = PREFIX;
			 return RUN(DhcpSetSubnetInfoV6, nullptr, PREFIX, &info);
		 }},
		READS(DhcpGetSubnetInfoV6, DHCP_SUBNET_INFO_V6, PREFIX, given.out()),
		LISTS(DhcpEnumSubnetsV6, DHCPV6_IP_ARRAY),
		{"DhcpDeleteSubnetV6", true, false,
		 [] { return RUN(DhcpDeleteSubnetV6, nullptr, PREFIX, DhcpFullForce); }},
		{"DhcpAddSubnetElementV6", true, false, [] { return exclude_v6(0x200, true); }},
		{"DhcpRemoveSubnetElementV6", true, false, [] { return exclude_v6(0x100, false); }},
		ELEMENTS(DhcpEnumSubnetElementsV6, DHCP_SUBNET_ELEMENT_INFO_ARRAY_V6, PREFIX, Dhcpv6ExcludedIpRanges),
		{"DhcpV6CreateClientInfo", true, false, [] { return create_lease6(2, 2, long_name().c_str()); }},
		{"DhcpSetClientInfoV6", true, false,
		 [] {
			 BYTE duid[] = {0, 3, 0, 1, 9};
			 DHCP_CLIENT_INFO_V6 info{};
			 info.ClientIpAddress = a6(1);
			 info.ClientDUID = {sizeof(duid), duid};
			 info.ClientName = text(long_name().c_str());
			 return RUN(DhcpSetClientInfoV6, nullptr, &info);
		 }},
		READS(DhcpGetClientInfoV6, DHCP_CLIENT_INFO_V6, &search, given.out()),
		{"DhcpDeleteClientInfoV6", true, false, [] { return RUN(DhcpDeleteClientInfoV6, nullptr, &search); }},
		{"DhcpEnumSubnetClientsV6", false, true,
		 [] {
			 DHCP_RESUME_IPV6_HANDLE handle{};
			 DWORD read = 0;
			 DWORD total = 0;
			 result<DHCP_CLIENT_INFO_ARRAY_V6> given;
			 return RUN(DhcpEnumSubnetClientsV6, nullptr, PREFIX, &handle, EVERYTHING, given.out(), &read,
				    &total);
		 }},
		READS(DhcpV6GetFreeIPAddress, DHCPV6_IP_ARRAY, PREFIX, NONE6, NONE6, 1, given.out()),
	};
}

/* The code of a call in a forked child. */
DWORD
in_child(const std::function<DWORD()> &make) {
	int ends[2];
	DWORD code = 0;
	CHECK_EQUAL(0, pipe(ends));
	const pid_t child = fork();
	if (child == 0) {
		code = make();
		_exit(write(ends[1], &code, sizeof(code)) == static_cast<ssize_t>(sizeof(code)) ? 0 : 1);
	}
	CHECK(child > 0);
	CHECK(read(ends[0], &code, sizeof(code)) == static_cast<ssize_t>(sizeof(code)));
	int status = 0;
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	(void)close(ends[0]);
	(void)close(ends[1]);
	return code;
}

/* Let the call find memory no times, once, twice and so on, until it has enough. What it cannot do it must not begin. */
DWORD
starved(const use_t &use) {
	const std::string before = everything();
	DWORD code = ERROR_NOT_ENOUGH_MEMORY;
	int allocations = 0;
	for (; code == ERROR_NOT_ENOUGH_MEMORY && allocations < 1000; allocations++) {
		want_starvation(allocations);
		code = use.make();
		want_starvation(-1);
		CHECK(code != ERROR_NOT_ENOUGH_MEMORY || everything() == before);
	}
	if (code != ERROR_SUCCESS) {
		complain(__FILE__, __LINE__,
			 "with memory for " + std::to_string(allocations - 1) + " allocations it answers " +
				 std::to_string(code));
	}
	CHECK(allocations > 1 || !use.gives_out);
	return code;
}

std::function<void()>
furnished_for(lessor_access_t access) {
	return [access] {
		furnished();
		bind(access);
	};
}

void
add_uses(table_t &table, const std::vector<use_t> &uses) {
	for (const use_t &use : uses) {
		const std::string name = use.call;
		const auto make = use.make;
		const std::string section = use.writes ? "MS-DHCPM 3.5.5 " : "MS-DHCPM 3.5.4 ";
		table.push_back({"U1-" + name, section + name + ": one who may read and write", furnished, make,
				 ERROR_SUCCESS});
		table.push_back({"U2-" + name, section + name + ": one who may nothing",
				 furnished_for(LESSOR_ACCESS_NONE), make, ERROR_ACCESS_DENIED});
		table.push_back({"U3-" + name, section + name + ": one who may read", furnished_for(LESSOR_ACCESS_READ),
				 make, use.writes ? ERROR_ACCESS_DENIED : ERROR_SUCCESS});
		table.push_back({"U4-" + name, "this library, " + name + ": nothing is bound", furnished,
				 [make] {
					 must(lessor_dhcpsapi_bind(nullptr, nullptr, LESSOR_ACCESS_NONE, LESSOR_ASYNC));
					 const DWORD code = make();
					 bind(LESSOR_ACCESS_READWRITE);
					 return code;
				 },
				 ERROR_DHCP_SERVER_NOT_REACHABLE});
		if (use.writes) {
			table.push_back({"U5-" + name, "this library, " + name + ": a forked child", furnished,
					 [make, name] { return note(name.c_str(), in_child(make)); },
					 ERROR_DHCP_JET_ERROR});
		}
		table.push_back({"U6-" + name, "this library, " + name + ": no memory, then a little more", furnished,
				 [use] { return starved(use); }, ERROR_SUCCESS});
	}
}

} // namespace

void
add_caller_rows(table_t &table) {
	add_uses(table, lease_uses());
	add_uses(table, scope_uses());
	add_uses(table, ipv6_uses());
	table.insert(table.end(),
		     {{"U7", "MS-DHCPM 3.5.6 DhcpGetVersion: anyone may ask", furnished_for(LESSOR_ACCESS_NONE),
		       [] {
			       DWORD major = 0;
			       DWORD minor = 0;
			       const DWORD code = RUN(DhcpGetVersion, nullptr, &major, &minor);
			       CHECK(major > 0);
			       return code;
		       },
		       ERROR_SUCCESS},
		      {"U8", "page DhcpRpcFreeMemory: NULL, and members before the whole", furnished,
		       [] {
			       const DHCP_SEARCH_INFO search = at(10);
			       LPDHCP_CLIENT_INFO_PB found = nullptr;
			       must(RUN(DhcpV4GetClientInfo, nullptr, &search, &found));
			       DhcpRpcFreeMemory(nullptr);
			       DhcpRpcFreeMemory(found->ClientHardwareAddress.Data);
			       CHECK(is_client(found->ClientHardwareAddress, 1));
			       DhcpRpcFreeMemory(found);
			       return ERROR_SUCCESS;
		       },
		       ERROR_SUCCESS}});
}

} // namespace conformance
