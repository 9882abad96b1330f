/* SPDX-License-Identifier: Apache-2.0 */
/* The engine, the clients and the questions of the conformance rows; world.h says what they are. */
#include "world.h"

#include <cstdlib>
#include <cstring>

/* Of a C source; what it includes in turn is there already. */
extern "C" {
#include "scratch.h"
}

namespace conformance {

namespace {

/* A binding that may read, whatever the row makes of the default one. */
constexpr const WCHAR *AUDITOR = u"auditor";

lessor_engine_t *the_engine;
bool with_log;
bool is_strict;
char directory[SCRATCH_PATH_BYTES];

lessor_options_t
options() {
	lessor_options_t chosen;
	lessor_options_init(&chosen);
	chosen.log = with_log;
	chosen.segment_size_bytes = 1u << 20;
	chosen.ring_size_bytes = 1u << 20;
	chosen.strict_address_state = is_strict;
	chosen.server_name = "DHCP1";
	chosen.server_address = ip(10, 0, 0, 1);
	return chosen;
}

void
open_engine() {
	const lessor_options_t chosen = options();
	lessor_report_t report;
	const lessor_status_t status = lessor_open(with_log ? directory : nullptr, &chosen, &the_engine, &report);
	if (status != LESSOR_OK) {
		(void)std::printf("The engine does not open: %s %s\n", lessor_status_name(status), report.sentence);
		std::exit(2);
	}
	bind(LESSOR_ACCESS_READWRITE);
	CHECK_EQUAL(LESSOR_OK, lessor_dhcpsapi_bind(AUDITOR, the_engine, LESSOR_ACCESS_READ, LESSOR_ASYNC));
}

void
close_engine() {
	CHECK_EQUAL(LESSOR_OK, lessor_dhcpsapi_bind(AUDITOR, nullptr, LESSOR_ACCESS_NONE, LESSOR_ASYNC));
	CHECK_EQUAL(LESSOR_OK, lessor_dhcpsapi_bind(nullptr, nullptr, LESSOR_ACCESS_NONE, LESSOR_ASYNC));
	CHECK_EQUAL(LESSOR_OK, lessor_check(the_engine, nullptr));
	CHECK_EQUAL(LESSOR_OK, lessor_close(&the_engine));
}

} // namespace

/* ---- the engine ---- */

void
use_log(bool log) {
	with_log = log;
}

lessor_engine_t *
engine() {
	return the_engine;
}

void
bind(lessor_access_t access) {
	CHECK_EQUAL(LESSOR_OK, lessor_dhcpsapi_bind(nullptr, the_engine, access, LESSOR_ASYNC));
}

void
begin(bool strict_address_state) {
	is_strict = strict_address_state;
	if (with_log) {
		scratch_make_fast(directory);
	}
	open_engine();
}

void
end() {
	if (the_engine != nullptr) {
		close_engine();
		if (with_log) {
			scratch_remove(directory);
		}
	}
}

void
reopen(bool by_snapshot) {
	if (with_log) {
		if (by_snapshot) {
			CHECK_EQUAL(LESSOR_OK, lessor_snapshot(the_engine, nullptr));
		}
		close_engine();
		open_engine();
	} else {
		bind(LESSOR_ACCESS_READWRITE);
	}
}

void
no_scopes() {
	begin();
}

/* By the native calls, so that the rows of leases stand without those of scopes. */
void
standard() {
	begin();
	lessor_scope_t scope = {};
	scope.subnet = S;
	scope.mask = MASK24;
	scope.has_range = true;
	scope.range = {host(10), host(99)};
	CHECK_EQUAL(LESSOR_OK, lessor_scope_create(the_engine, &scope, LESSOR_ASYNC, nullptr));
	CHECK_EQUAL(LESSOR_OK, lessor_scope_exclude(the_engine, S, {host(20), host(29)}, LESSOR_ASYNC, nullptr));
}

void
leased() {
	standard();
	must(create(10, 1));
}

/* ---- numbers and texts ---- */

bool
same(const char16_t *a, const char16_t *b) {
	if (a == nullptr || b == nullptr) {
		return a == b;
	}
	return std::u16string(a) == b;
}

std::u16string
repeated(char16_t unit, size_t count) {
	return std::u16string(count, unit);
}

DATE_TIME
date(unsigned long long ticks) {
	return {static_cast<DWORD>(ticks & 0xFFFFFFFFu), static_cast<DWORD>(ticks >> 32)};
}

unsigned long long
ticks(const DATE_TIME &date) {
	return static_cast<unsigned long long>(date.dwHighDateTime) << 32 | date.dwLowDateTime;
}

/* ---- clients ---- */

namespace {

struct macs_t {
	BYTE macs[256][6];

	macs_t() : macs() {
		for (unsigned n = 0; n < 256; n++) {
			const unsigned tail = 0xA042u + n;
			const BYTE mac[6] = {
				0x00, 0x1C, 0x25, 0x80, static_cast<BYTE>(tail >> 8), static_cast<BYTE>(tail)};
			std::memcpy(macs[n], mac, sizeof(mac));
		}
	}
};

} // namespace

DHCP_CLIENT_UID
client(unsigned n) {
	static macs_t all;
	return {sizeof(all.macs[n]), all.macs[n]};
}

bool
is_client(const DHCP_CLIENT_UID &uid, unsigned n) {
	const DHCP_CLIENT_UID wanted = client(n);
	return uid.DataLength == wanted.DataLength && std::memcmp(uid.Data, wanted.Data, wanted.DataLength) == 0;
}

DHCP_CLIENT_UID
unique_id(DHCP_IP_ADDRESS subnet, unsigned n) {
	static BYTE key[11];
	for (unsigned i = 0; i < 4; i++) {
		key[i] = static_cast<BYTE>(subnet >> (8 * i));
	}
	key[4] = 1;
	std::memcpy(key + 5, client(n).Data, 6);
	return {sizeof(key), key};
}

bool
is_unique_id(const DHCP_CLIENT_UID &uid, DHCP_IP_ADDRESS subnet, unsigned n) {
	const DHCP_CLIENT_UID wanted = unique_id(subnet, n);
	return uid.DataLength == wanted.DataLength && std::memcmp(uid.Data, wanted.Data, wanted.DataLength) == 0;
}

/* ---- leases ---- */

DHCP_CLIENT_INFO_PB
lease(unsigned last, unsigned who) {
	DHCP_CLIENT_INFO_PB info = basic<DHCP_CLIENT_INFO_PB>(last, who);
	info.bClientType = CLIENT_TYPE_DHCP;
	info.AddressState = ADDRESS_STATE_ACTIVE;
	return info;
}

DWORD
create(unsigned last, unsigned who) {
	DHCP_CLIENT_INFO_PB info = lease(last, who);
	return RUN(DhcpV4CreateClientInfo, nullptr, &info);
}

DWORD
create_with(unsigned last, unsigned who, const std::function<void(DHCP_CLIENT_INFO_PB &)> &change) {
	DHCP_CLIENT_INFO_PB info = lease(last, who);
	change(info);
	return RUN(DhcpV4CreateClientInfo, nullptr, &info);
}

void
must(DWORD code) {
	CHECK_EQUAL(ERROR_SUCCESS, code);
}

DHCP_SEARCH_INFO
at_address(DHCP_IP_ADDRESS address) {
	DHCP_SEARCH_INFO search{};
	search.SearchType = DhcpClientIpAddress;
	search.SearchInfo.ClientIpAddress = address;
	return search;
}

DHCP_SEARCH_INFO
at(unsigned last) {
	return at_address(host(last));
}

DHCP_SEARCH_INFO
named(const char16_t *name) {
	DHCP_SEARCH_INFO search{};
	search.SearchType = DhcpClientName;
	search.SearchInfo.ClientName = text(name);
	return search;
}

DHCP_SEARCH_INFO
identified(const DHCP_CLIENT_UID &key) {
	DHCP_SEARCH_INFO search{};
	search.SearchType = DhcpClientHardwareAddress;
	search.SearchInfo.ClientHardwareAddress = key;
	return search;
}

DWORD
look(const DHCP_SEARCH_INFO &search) {
	result<DHCP_CLIENT_INFO_PB> found;
	const DWORD code = RUN(DhcpV4GetClientInfo, nullptr, &search, found.out());
	check_given(code, found);
	return code;
}

DWORD
remove(const DHCP_SEARCH_INFO &search) {
	return RUN(DhcpDeleteClientInfo, nullptr, &search);
}

void
with_lease(unsigned last, const std::function<void(const DHCP_CLIENT_INFO_PB &)> &check) {
	const DHCP_SEARCH_INFO search = at(last);
	result<DHCP_CLIENT_INFO_PB> found;
	const DWORD code = DhcpV4GetClientInfo(nullptr, &search, found.out());
	CHECK_EQUAL(ERROR_SUCCESS, code);
	if (code == ERROR_SUCCESS) {
		CHECK_EQUAL(host(last), found->ClientIpAddress);
		check(*found);
	}
}

void
no_lease(unsigned last) {
	CHECK_EQUAL(ERROR_DHCP_INVALID_DHCP_CLIENT, look(at(last)));
}

std::vector<DHCP_IP_ADDRESS>
all_leases(DHCP_IP_ADDRESS subnet) {
	std::vector<DHCP_IP_ADDRESS> addresses;
	DHCP_RESUME_HANDLE handle = 0;
	result<DHCP_CLIENT_INFO_PB_ARRAY> page;
	DWORD read = 0;
	DWORD total = 0;
	const DWORD code = DhcpV4EnumSubnetClients(nullptr, subnet, &handle, EVERYTHING, page.out(), &read, &total);
	for (DWORD i = 0; code == ERROR_SUCCESS && i < page->NumElements; i++) {
		addresses.push_back(page->Clients[i]->ClientIpAddress);
	}
	return addresses;
}

/* ---- scopes ---- */

DHCP_SUBNET_INFO
scope_info(DHCP_IP_ADDRESS subnet, DHCP_IP_MASK mask) {
	DHCP_SUBNET_INFO info{};
	info.SubnetAddress = subnet;
	info.SubnetMask = mask;
	info.SubnetState = DhcpSubnetEnabled;
	return info;
}

DWORD
create_scope(DHCP_IP_ADDRESS subnet, DHCP_IP_MASK mask) {
	const DHCP_SUBNET_INFO info = scope_info(subnet, mask);
	return RUN(DhcpCreateSubnet, nullptr, subnet, &info);
}

namespace {

/* An element whose arm is a range, with the structure that it points to. */
struct range_element {
	DHCP_BOOTP_IP_RANGE range{};
	DHCP_IP_RANGE excluded{};
	DHCP_SUBNET_ELEMENT_DATA_V5 data{};

	range_element(DHCP_SUBNET_ELEMENT_TYPE type, DHCP_IP_ADDRESS first, DHCP_IP_ADDRESS last) {
		range.StartAddress = first;
		range.EndAddress = last;
		range.MaxBootpAllowed = EVERYTHING;
		excluded = {first, last};
		data.ElementType = type;
		if (type == DhcpExcludedIpRanges) {
			data.Element.ExcludeIpRange = &excluded;
		} else {
			data.Element.IpRange = &range;
		}
	}
	range_element(const range_element &) = delete;
	range_element &operator=(const range_element &) = delete;
};

struct reserved_element {
	DHCP_CLIENT_UID uid{};
	DHCP_IP_RESERVATION_V4 reservation{};
	DHCP_SUBNET_ELEMENT_DATA_V5 data{};

	reserved_element(unsigned last, unsigned who) : uid(client(who)) {
		reservation.ReservedIpAddress = host(last);
		reservation.ReservedForClient = &uid;
		reservation.bAllowedClientTypes = CLIENT_TYPE_BOTH;
		data.ElementType = DhcpReservedIps;
		data.Element.ReservedIp = &reservation;
	}
	reserved_element(const reserved_element &) = delete;
	reserved_element &operator=(const reserved_element &) = delete;
};

} // namespace

DWORD
add_range(DHCP_SUBNET_ELEMENT_TYPE type, DHCP_IP_ADDRESS first, DHCP_IP_ADDRESS last) {
	range_element element(type, first, last);
	return RUN(DhcpAddSubnetElementV5, nullptr, S, &element.data);
}

DWORD
remove_range(DHCP_SUBNET_ELEMENT_TYPE type, DHCP_IP_ADDRESS first, DHCP_IP_ADDRESS last, DHCP_FORCE_FLAG force) {
	range_element element(type, first, last);
	return RUN(DhcpRemoveSubnetElementV5, nullptr, S, &element.data, force);
}

DWORD
reserve(unsigned last, unsigned who) {
	reserved_element element(last, who);
	return RUN(DhcpAddSubnetElementV5, nullptr, S, &element.data);
}

DWORD
unreserve(unsigned last, unsigned who) {
	reserved_element element(last, who);
	return RUN(DhcpRemoveSubnetElementV5, nullptr, S, &element.data, DhcpFullForce);
}

figures_t
figures(DHCP_IP_ADDRESS subnet, const WCHAR *server) {
	result<DHCP_MIB_INFO_V5> mib;
	figures_t found = {EVERYTHING, EVERYTHING, EVERYTHING};
	const DWORD code = DhcpGetMibInfoV5(server, mib.out());
	CHECK_EQUAL(ERROR_SUCCESS, code);
	for (DWORD i = 0; code == ERROR_SUCCESS && i < mib->Scopes; i++) {
		const SCOPE_MIB_INFO_V5 &scope = mib->ScopeInfo[i];
		if (scope.Subnet == subnet) {
			found = {scope.NumAddressesInuse, scope.NumAddressesFree, scope.NumPendingOffers};
		}
	}
	return found;
}

void
check_figures(DWORD in_use, DWORD free, DHCP_IP_ADDRESS subnet) {
	const figures_t found = figures(subnet);
	CHECK_EQUAL(in_use, found.in_use);
	CHECK_EQUAL(free, found.free);
	CHECK_EQUAL(0, found.pending);
}

/* ---- everything ---- */

namespace {

void
put(std::string &dump, unsigned long long number) {
	dump += std::to_string(number) + ' ';
}

void
put(std::string &dump, const WCHAR *string) {
	dump += string == nullptr ? "-" : "\"";
	for (; string != nullptr && *string != 0; string++) {
		put(dump, *string);
	}
	dump += ' ';
}

void
put(std::string &dump, const DHCP_BINARY_DATA &data) {
	for (DWORD i = 0; i < data.DataLength; i++) {
		put(dump, data.Data[i]);
	}
	dump += "; ";
}

void
put_lease(std::string &dump, const DHCP_CLIENT_INFO_EX &lease) {
	put(dump, lease.ClientIpAddress);
	put(dump, lease.SubnetMask);
	put(dump, lease.ClientHardwareAddress);
	put(dump, lease.ClientName);
	put(dump, lease.ClientComment);
	put(dump, ticks(lease.ClientLeaseExpires));
	put(dump, lease.OwnerHost.IpAddress);
	put(dump, lease.OwnerHost.NetBiosName);
	put(dump, lease.bClientType);
	put(dump, lease.AddressState);
	put(dump, static_cast<unsigned>(lease.Status));
	put(dump, ticks(lease.ProbationEnds));
	put(dump, static_cast<unsigned>(lease.QuarantineCapable));
	put(dump, lease.FilterStatus);
	put(dump, lease.PolicyName);
	put(dump, lease.Properties == nullptr ? 0 : lease.Properties->Elements[0].Value.DWordValue);
	dump += '\n';
}

void
put_leases(std::string &dump) {
	DHCP_RESUME_HANDLE handle = 0;
	result<DHCP_CLIENT_INFO_EX_ARRAY> page;
	DWORD read = 0;
	DWORD total = 0;
	if (DhcpV4EnumSubnetClientsEx(AUDITOR, 0, &handle, EVERYTHING, page.out(), &read, &total) == ERROR_SUCCESS) {
		for (DWORD i = 0; i < page->NumElements; i++) {
			put_lease(dump, *page->Clients[i]);
		}
	}
}

void
put_element(std::string &dump, const DHCP_SUBNET_ELEMENT_DATA_V5 &element) {
	if (element.ElementType == DhcpReservedIps) {
		put(dump, element.Element.ReservedIp->ReservedIpAddress);
		put(dump, *element.Element.ReservedIp->ReservedForClient);
		put(dump, element.Element.ReservedIp->bAllowedClientTypes);
	} else if (element.ElementType == DhcpExcludedIpRanges) {
		put(dump, element.Element.ExcludeIpRange->StartAddress);
		put(dump, element.Element.ExcludeIpRange->EndAddress);
	} else {
		put(dump, element.Element.IpRange->StartAddress);
		put(dump, element.Element.IpRange->EndAddress);
	}
	dump += ", ";
}

void
put_elements(std::string &dump, DHCP_IP_ADDRESS subnet, DHCP_SUBNET_ELEMENT_TYPE type) {
	DHCP_RESUME_HANDLE handle = 0;
	result<DHCP_SUBNET_ELEMENT_INFO_ARRAY_V5> page;
	DWORD read = 0;
	DWORD total = 0;
	if (DhcpEnumSubnetElementsV5(AUDITOR, subnet, type, &handle, EVERYTHING, page.out(), &read, &total) ==
	    ERROR_SUCCESS) {
		for (DWORD i = 0; i < page->NumElements; i++) {
			put_element(dump, page->Elements[i]);
		}
	}
}

void
put_scope(std::string &dump, DHCP_IP_ADDRESS subnet) {
	result<DHCP_SUBNET_INFO_VQ> info;
	USHORT delay = 0;
	if (DhcpGetSubnetInfoVQ(AUDITOR, subnet, info.out()) == ERROR_SUCCESS) {
		put(dump, info->SubnetAddress);
		put(dump, info->SubnetMask);
		put(dump, info->SubnetName);
		put(dump, info->SubnetComment);
		put(dump, static_cast<unsigned>(info->SubnetState));
		put(dump, info->QuarantineOn);
	}
	(void)DhcpGetSubnetDelayOffer(text(AUDITOR), subnet, &delay);
	put(dump, delay);
	put_elements(dump, subnet, DhcpIpRanges);
	put_elements(dump, subnet, DhcpReservedIps);
	put_elements(dump, subnet, DhcpExcludedIpRanges);
	const figures_t found = figures(subnet, AUDITOR);
	put(dump, found.in_use);
	put(dump, found.free);
	put(dump, found.pending);
	dump += '\n';
}

void
put_scopes(std::string &dump) {
	DHCP_RESUME_HANDLE handle = 0;
	result<DHCP_IP_ARRAY> page;
	DWORD read = 0;
	DWORD total = 0;
	if (DhcpEnumSubnets(AUDITOR, &handle, EVERYTHING, page.out(), &read, &total) == ERROR_SUCCESS) {
		for (DWORD i = 0; i < page->NumElements; i++) {
			put_scope(dump, page->Elements[i]);
		}
	}
	result<DHCP_SUPER_SCOPE_TABLE> table;
	if (DhcpGetSuperScopeInfoV4(AUDITOR, table.out()) == ERROR_SUCCESS) {
		for (DWORD i = 0; i < table->cEntries; i++) {
			put(dump, table->pEntries[i].SubnetAddress);
			put(dump, table->pEntries[i].SuperScopeNumber);
			put(dump, table->pEntries[i].NextInSuperScope);
			put(dump, table->pEntries[i].SuperScopeName);
		}
	}
	dump += '\n';
}

void
put_filters(std::string &dump, DHCP_FILTER_LIST_TYPE list) {
	DHCP_ADDR_PATTERN handle{};
	result<DHCP_FILTER_ENUM_INFO> page;
	DWORD read = 0;
	DWORD total = 0;
	if (DhcpEnumFilterV4(AUDITOR, &handle, EVERYTHING, list, page.out(), &read, &total) == ERROR_SUCCESS) {
		for (DWORD i = 0; i < page->NumElements; i++) {
			const DHCP_ADDR_PATTERN &pattern = page->pEnumRecords[i].AddrPatt;
			put(dump, pattern.HWType);
			put(dump, static_cast<unsigned>(pattern.IsWildcard));
			for (unsigned k = 0; k < pattern.Length; k++) {
				put(dump, pattern.Pattern[k]);
			}
			put(dump, page->pEnumRecords[i].Comment);
		}
	}
	dump += '\n';
}

void
put(std::string &dump, const DHCP_IPV6_ADDRESS &address) {
	put(dump, address.HighOrderBits);
	put(dump, address.LowOrderBits);
}

void
put_leases6(std::string &dump) {
	DHCP_RESUME_IPV6_HANDLE handle{};
	result<DHCP_CLIENT_INFO_ARRAY_V6> page;
	DWORD read = 0;
	DWORD total = 0;
	if (DhcpEnumSubnetClientsV6(AUDITOR, DHCP_IPV6_ADDRESS{}, &handle, EVERYTHING, page.out(), &read, &total) !=
	    ERROR_SUCCESS) {
		return;
	}
	for (DWORD i = 0; i < page->NumElements; i++) {
		const DHCP_CLIENT_INFO_V6 &lease = *page->Clients[i];
		put(dump, lease.ClientIpAddress);
		put(dump, lease.ClientDUID);
		put(dump, lease.AddressType);
		put(dump, lease.IAID);
		put(dump, lease.ClientName);
		put(dump, lease.ClientComment);
		put(dump, ticks(lease.ClientValidLeaseExpires));
		put(dump, ticks(lease.ClientPrefLeaseExpires));
		dump += '\n';
	}
}

void
put_elements6(std::string &dump, const DHCP_IPV6_ADDRESS &subnet, DHCP_SUBNET_ELEMENT_TYPE_V6 type) {
	DHCP_RESUME_HANDLE handle = 0;
	result<DHCP_SUBNET_ELEMENT_INFO_ARRAY_V6> page;
	DWORD read = 0;
	DWORD total = 0;
	if (DhcpEnumSubnetElementsV6(text(AUDITOR), subnet, type, &handle, EVERYTHING, page.out(), &read, &total) !=
	    ERROR_SUCCESS) {
		return;
	}
	for (DWORD i = 0; i < page->NumElements; i++) {
		const DHCP_SUBNET_ELEMENT_DATA_V6 &element = page->Elements[i];
		if (type == Dhcpv6ReservedIps) {
			put(dump, element.Element.ReservedIp->ReservedIpAddress);
			put(dump, *element.Element.ReservedIp->ReservedForClient);
			put(dump, element.Element.ReservedIp->InterfaceId);
		} else {
			put(dump, element.Element.ExcludeIpRange->StartAddress);
			put(dump, element.Element.ExcludeIpRange->EndAddress);
		}
	}
	dump += '\n';
}

void
put_scopes6(std::string &dump) {
	DHCP_RESUME_HANDLE handle = 0;
	result<DHCPV6_IP_ARRAY> page;
	DWORD read = 0;
	DWORD total = 0;
	if (DhcpEnumSubnetsV6(AUDITOR, &handle, EVERYTHING, page.out(), &read, &total) != ERROR_SUCCESS) {
		return;
	}
	for (DWORD i = 0; i < page->NumElements; i++) {
		result<DHCP_SUBNET_INFO_V6> info;
		if (DhcpGetSubnetInfoV6(text(AUDITOR), page->Elements[i], info.out()) == ERROR_SUCCESS) {
			put(dump, info->SubnetAddress);
			put(dump, info->Preference);
			put(dump, info->SubnetName);
			put(dump, info->SubnetComment);
			put(dump, info->State);
			put(dump, info->ScopeId);
		}
		put_elements6(dump, page->Elements[i], Dhcpv6ReservedIps);
		put_elements6(dump, page->Elements[i], Dhcpv6ExcludedIpRanges);
	}
}

} // namespace

std::string
everything() {
	std::string dump;
	put_leases(dump);
	put_scopes(dump);
	put_filters(dump, Deny);
	put_filters(dump, Allow);
	put_leases6(dump);
	put_scopes6(dump);
	DHCP_FILTER_GLOBAL_INFO global{};
	if (DhcpGetFilterV4(AUDITOR, &global) == ERROR_SUCCESS) {
		put(dump, static_cast<unsigned>(global.EnforceAllowList));
		put(dump, static_cast<unsigned>(global.EnforceDenyList));
	}
	return dump;
}

} // namespace conformance
