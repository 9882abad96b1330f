/* SPDX-License-Identifier: Apache-2.0 */
/* IPv6: scopes, exclusions, reservations, leases, free addresses, statistics. P is 2001:db8::/64. */
#include <algorithm>
#include <cstring>

#include "table.h"
#include "world.h"

namespace conformance {

namespace {

constexpr unsigned long long P = 0x20010DB800000000ull;
constexpr unsigned long long P2 = 0x20010DB800000001ull;

DHCP_IPV6_ADDRESS
a6(unsigned long long low, unsigned long long high = P) {
	return {high, low};
}

bool
operator==(const DHCP_IPV6_ADDRESS &a, const DHCP_IPV6_ADDRESS &b) {
	return a.HighOrderBits == b.HighOrderBits && a.LowOrderBits == b.LowOrderBits;
}

/* DUID number n: type 3 (link-layer), hardware 1, the MAC address of client n. */
DHCP_CLIENT_UID
duid(unsigned n) {
	static BYTE duids[256][10];
	const BYTE head[4] = {0, 3, 0, 1};
	std::memcpy(duids[n], head, 4);
	std::memcpy(duids[n] + 4, client(n).Data, 6);
	return {10, duids[n]};
}

DWORD
create_scope6(unsigned long long high) {
	DHCP_SUBNET_INFO_V6 info{};
	info.SubnetAddress = a6(0, high);
	info.Prefix = 64;
	return RUN(DhcpCreateSubnetV6, nullptr, a6(0, high), &info);
}

void
standard6() {
	begin();
	must(create_scope6(P));
}

DHCP_CLIENT_INFO_V6
lease6(unsigned long long low, unsigned who, DWORD iaid) {
	DHCP_CLIENT_INFO_V6 info{};
	info.ClientIpAddress = a6(low);
	info.ClientDUID = duid(who);
	info.IAID = iaid;
	info.ClientValidLeaseExpires = date(A_TIME);
	info.ClientPrefLeaseExpires = date(A_TIME - 5);
	return info;
}

DWORD
create6(
	unsigned long long low, unsigned who, DWORD iaid,
	const std::function<void(DHCP_CLIENT_INFO_V6 &)> &change = [](DHCP_CLIENT_INFO_V6 &) {}) {
	DHCP_CLIENT_INFO_V6 info = lease6(low, who, iaid);
	change(info);
	return RUN(DhcpV6CreateClientInfo, nullptr, &info);
}

void
leased6() {
	standard6();
	must(create6(1, 1, 0));
}

DHCP_SEARCH_INFO_V6
at6(const DHCP_IPV6_ADDRESS &address) {
	DHCP_SEARCH_INFO_V6 search{};
	search.SearchType = Dhcpv6ClientIpAddress;
	search.SearchInfo.ClientIpAddress = address;
	return search;
}

DHCP_SEARCH_INFO_V6
by_duid() {
	DHCP_SEARCH_INFO_V6 search{};
	search.SearchType = Dhcpv6ClientDUID;
	search.SearchInfo.ClientDUID = duid(1);
	return search;
}

DWORD
get6(const DHCP_SEARCH_INFO_V6 &search) {
	result<DHCP_CLIENT_INFO_V6> found;
	const DWORD code = RUN(DhcpGetClientInfoV6, nullptr, &search, found.out());
	check_given(code, found);
	return code;
}

DWORD
remove6(const DHCP_SEARCH_INFO_V6 &search) {
	return RUN(DhcpDeleteClientInfoV6, nullptr, &search);
}

void
with_lease6(unsigned long long low, const std::function<void(const DHCP_CLIENT_INFO_V6 &)> &check) {
	const DHCP_SEARCH_INFO_V6 search = at6(a6(low));
	result<DHCP_CLIENT_INFO_V6> found;
	const DWORD code = RUN(DhcpGetClientInfoV6, nullptr, &search, found.out());
	CHECK_EQUAL(ERROR_SUCCESS, code);
	if (code == ERROR_SUCCESS) {
		check(*found);
	}
}

void
no_lease6(unsigned long long low) {
	CHECK_EQUAL(ERROR_DHCP_JET_ERROR, get6(at6(a6(low))));
}

DWORD
exclude6(unsigned long long first, unsigned long long last, unsigned long long high = P) {
	DHCP_IP_RANGE_V6 range = {a6(first, high), a6(last, high)};
	DHCP_SUBNET_ELEMENT_DATA_V6 element{};
	element.ElementType = Dhcpv6ExcludedIpRanges;
	element.Element.ExcludeIpRange = &range;
	return RUN(DhcpAddSubnetElementV6, nullptr, a6(0), &element);
}

DWORD
include6(unsigned long long first, unsigned long long last) {
	DHCP_IP_RANGE_V6 range = {a6(first), a6(last)};
	DHCP_SUBNET_ELEMENT_DATA_V6 element{};
	element.ElementType = Dhcpv6ExcludedIpRanges;
	element.Element.ExcludeIpRange = &range;
	return RUN(DhcpRemoveSubnetElementV6, nullptr, a6(0), &element, DhcpFullForce);
}

struct reservation6 {
	DHCP_CLIENT_UID uid;
	DHCP_IP_RESERVATION_V6 reservation{};
	DHCP_SUBNET_ELEMENT_DATA_V6 element{};

	reservation6(const DHCP_IPV6_ADDRESS &address, unsigned who, DWORD iaid) : uid(duid(who)) {
		reservation.ReservedIpAddress = address;
		reservation.ReservedForClient = &uid;
		reservation.InterfaceId = iaid;
		element.ElementType = Dhcpv6ReservedIps;
		element.Element.ReservedIp = &reservation;
	}
	reservation6(const reservation6 &) = delete;
	reservation6 &operator=(const reservation6 &) = delete;
};

DWORD
reserve6(unsigned long long low, unsigned who, DWORD iaid, unsigned long long high = P) {
	reservation6 made(a6(low, high), who, iaid);
	return RUN(DhcpAddSubnetElementV6, nullptr, a6(0), &made.element);
}

DWORD
unreserve6(unsigned long long low, unsigned who, DWORD iaid) {
	reservation6 made(a6(low), who, iaid);
	return RUN(DhcpRemoveSubnetElementV6, nullptr, a6(0), &made.element, DhcpFullForce);
}

DWORD
add_nothing(DHCP_SUBNET_ELEMENT_TYPE_V6 type, unsigned long long high = P) {
	DHCP_SUBNET_ELEMENT_DATA_V6 element{};
	element.ElementType = type;
	return RUN(DhcpAddSubnetElementV6, nullptr, a6(0, high), &element);
}

DWORD
remove_nothing(DHCP_SUBNET_ELEMENT_TYPE_V6 type, unsigned long long high = P) {
	DHCP_SUBNET_ELEMENT_DATA_V6 element{};
	element.ElementType = type;
	return RUN(DhcpRemoveSubnetElementV6, nullptr, a6(0, high), &element, DhcpFullForce);
}

void
figures6(ULONGLONG in_use, ULONGLONG free) {
	result<DHCP_MIB_INFO_V6> mib;
	must(RUN(DhcpGetMibInfoV6, nullptr, mib.out()));
	CHECK(mib->Scopes >= 1 && mib->ScopeInfo[0].Subnet == a6(0));
	CHECK_EQUAL(in_use, mib->ScopeInfo[0].NumAddressesInuse);
	CHECK_EQUAL(free, mib->ScopeInfo[0].NumAddressesFree);
	CHECK_EQUAL(0, mib->ScopeInfo[0].NumPendingAdvertises);
}

void
add_scopes(table_t &table) {
	static const std::u16string name_257 = repeated(u'n', 257);
	const std::string create = "MS-DHCPM 3.2.4.58 DhcpCreateSubnetV6: ";
	const std::string set = "MS-DHCPM 3.2.4.68 DhcpSetSubnetInfoV6: ";
	const auto get_scope = [](unsigned long long high) {
		result<DHCP_SUBNET_INFO_V6> info;
		const DWORD code = RUN(DhcpGetSubnetInfoV6, nullptr, a6(0, high), info.out());
		check_given(code, info);
		return code;
	};
	const auto bad_prefix = [](unsigned long long high) { return [high] { return create_scope6(high); }; };
	const auto deleting = [](unsigned long long high, DHCP_FORCE_FLAG force) {
		return [high, force] { return RUN(DhcpDeleteSubnetV6, nullptr, a6(0, high), force); };
	};
	const auto setting = [](unsigned long long high, const std::function<void(DHCP_SUBNET_INFO_V6 &)> &change) {
		return [high, change] {
			DHCP_SUBNET_INFO_V6 info{};
			info.SubnetAddress = a6(0, high);
			change(info);
			return RUN(DhcpSetSubnetInfoV6, nullptr, a6(0, high), &info);
		};
	};
	const auto listing = [](DHCP_RESUME_HANDLE start, DWORD preferred, size_t expected) {
		return [=] {
			DHCP_RESUME_HANDLE handle = start;
			result<DHCPV6_IP_ARRAY> array;
			DWORD read = 77;
			DWORD total = 77;
			const DWORD code =
				RUN(DhcpEnumSubnetsV6, nullptr, &handle, preferred, array.out(), &read, &total);
			check_given(code, array);
			CHECK_EQUAL(expected, read);
			if (code == ERROR_SUCCESS && start == 0) {
				CHECK(array->Elements[0] == a6(0));
				CHECK_EQUAL(expected, handle);
			}
			return code;
		};
	};
	const auto two = [] {
		begin();
		must(create_scope6(P2));
		must(create_scope6(P));
	};
	table.insert(
		table.end(),
		{{"V6-1", create + "a scope with its members; the lower half is cleared", no_scopes,
		  [] {
			  DHCP_SUBNET_INFO_V6 info{};
			  info.SubnetAddress = a6(7);
			  info.Preference = 5;
			  info.SubnetName = text(u"office");
			  info.SubnetComment = text(u"1st floor");
			  return RUN(DhcpCreateSubnetV6, nullptr, a6(7), &info);
		  },
		  ERROR_SUCCESS,
		  [] {
			  result<DHCP_SUBNET_INFO_V6> info;
			  must(RUN(DhcpGetSubnetInfoV6, nullptr, a6(0), info.out()));
			  CHECK(info->SubnetAddress == a6(0));
			  CHECK_EQUAL(5, info->Preference);
			  CHECK(same(info->SubnetName, u"office") && same(info->SubnetComment, u"1st floor"));
		  }},
		 {"V6-2", create + "exists", standard6, [] { return create_scope6(P); }, ERROR_DUPLICATE_TAG},
		 {"V6-3", create + "multicast", no_scopes, bad_prefix(0xFF02000000000000ull),
		  ERROR_DHCP_INVALID_SUBNET_PREFIX},
		 {"V6-4", create + "link-local", no_scopes, bad_prefix(0xFE80000000000000ull),
		  ERROR_DHCP_INVALID_SUBNET_PREFIX},
		 {"V6-5", create + "unspecified and loopback", no_scopes, bad_prefix(0),
		  ERROR_DHCP_INVALID_SUBNET_PREFIX},
		 {"V6-6", create + "unique local addresses are unicast", no_scopes, bad_prefix(0xFD00000000000000ull),
		  ERROR_SUCCESS},
		 {"V6-7", create + "no information", no_scopes,
		  [] { return RUN(DhcpCreateSubnetV6, nullptr, a6(0), nullptr); }, ERROR_INVALID_PARAMETER},
		 {"V6-8", create + "scopes have numbers of their own", two,
		  [] {
			  result<DHCP_SUBNET_INFO_V6> one;
			  result<DHCP_SUBNET_INFO_V6> other;
			  must(RUN(DhcpGetSubnetInfoV6, nullptr, a6(0), one.out()));
			  const DWORD code = RUN(DhcpGetSubnetInfoV6, nullptr, a6(0, P2), other.out());
			  CHECK(one->ScopeId != other->ScopeId);
			  return code;
		  },
		  ERROR_SUCCESS},
		 {"V6-9", "error page, 20046: DhcpCreateSubnetV6, a name of 257 units", no_scopes,
		  [] {
			  DHCP_SUBNET_INFO_V6 info{};
			  info.SubnetAddress = a6(0);
			  info.SubnetName = text(name_257.c_str());
			  return RUN(DhcpCreateSubnetV6, nullptr, a6(0), &info);
		  },
		  ERROR_DHCP_SCOPE_NAME_TOO_LONG},
		 {"V6-10", "MS-DHCPM 3.2.4.64 DhcpGetSubnetInfoV6: no such scope", standard6,
		  [get_scope] { return get_scope(P2); }, ERROR_DHCP_SUBNET_NOT_PRESENT},
		 {"V6-11", "MS-DHCPM 3.2.4.64 DhcpGetSubnetInfoV6: no place for the answer", standard6,
		  [] { return RUN(DhcpGetSubnetInfoV6, nullptr, a6(0), nullptr); }, ERROR_INVALID_PARAMETER},
		 {"V6-12", set + "preference, names and state are replaced", standard6,
		  setting(P,
			  [](auto &info) {
				  info.Preference = 9;
				  info.SubnetName = text(u"lab");
				  info.State = DhcpSubnetDisabled;
			  }),
		  ERROR_SUCCESS,
		  [] {
			  result<DHCP_SUBNET_INFO_V6> info;
			  must(RUN(DhcpGetSubnetInfoV6, nullptr, a6(0), info.out()));
			  CHECK_EQUAL(9, info->Preference);
			  CHECK(same(info->SubnetName, u"lab"));
			  CHECK_EQUAL(DhcpSubnetDisabled, info->State);
		  }},
		 {"V6-13", set + "no such scope", standard6, setting(P2, [](auto &) {}), ERROR_DHCP_SUBNET_NOT_PRESENT},
		 {"V6-14", set + "no information", standard6,
		  [] { return RUN(DhcpSetSubnetInfoV6, nullptr, a6(0), nullptr); }, ERROR_INVALID_PARAMETER},
		 {"V6-15", "error page, 20046: DhcpSetSubnetInfoV6, a name of 257 units", standard6,
		  setting(P, [](auto &info) { info.SubnetName = text(name_257.c_str()); }),
		  ERROR_DHCP_SCOPE_NAME_TOO_LONG},
		 {"V6-16", "MS-DHCPM 3.2.4.59 DhcpEnumSubnetsV6: ascending", two, listing(0, EVERYTHING, 2),
		  ERROR_SUCCESS},
		 {"V6-17", "MS-DHCPM 3.2.4.59 DhcpEnumSubnetsV6: one of two, and yet success", two, listing(0, 1, 1),
		  ERROR_SUCCESS},
		 {"V6-18", "MS-DHCPM 3.2.4.59 DhcpEnumSubnetsV6: at the end", two, listing(2, 1, 0),
		  ERROR_NO_MORE_ITEMS},
		 {"V6-19", "MS-DHCPM 3.2.4.59 DhcpEnumSubnetsV6: none asked for", two, listing(0, 0, 0),
		  ERROR_NO_MORE_ITEMS},
		 {"V6-20", "MS-DHCPM 3.2.4.63 DhcpDeleteSubnetV6: leases, and no force", leased6,
		  deleting(P, DhcpNoForce), ERROR_DHCP_ELEMENT_CANT_REMOVE},
		 {"V6-21", "MS-DHCPM 3.2.4.63 DhcpDeleteSubnetV6: leases, and force", leased6,
		  deleting(P, DhcpFullForce), ERROR_SUCCESS,
		  [] {
			  no_lease6(1);
			  must(create_scope6(P));
			  must(create6(1, 1, 0));
		  }},
		 {"V6-22", "MS-DHCPM 3.2.4.63 DhcpDeleteSubnetV6: no such scope", standard6,
		  deleting(P2, DhcpFullForce), ERROR_FILE_NOT_FOUND}});
}

void
add_leases(table_t &table) {
	static BYTE long_duid[300] = {0, 1};
	const std::string create = "MS-DHCPM 3.2.4.125 DhcpV6CreateClientInfo: ";
	const std::string set = "MS-DHCPM 3.2.4.72 DhcpSetClientInfoV6: ";
	const auto setting = [](unsigned long long low, unsigned who, DWORD iaid,
				const std::function<void(DHCP_CLIENT_INFO_V6 &)> &change) {
		return [=] {
			DHCP_CLIENT_INFO_V6 info = lease6(low, who, iaid);
			change(info);
			return RUN(DhcpSetClientInfoV6, nullptr, &info);
		};
	};
	table.insert(
		table.end(),
		{{"61a", create + "a lease is created", standard6, [] { return create6(1, 1, 0); }, ERROR_SUCCESS,
		  [] {
			  with_lease6(1, [](const auto &l) {
				  CHECK(l.ClientDUID.DataLength == 10 &&
					std::memcmp(l.ClientDUID.Data, duid(1).Data, 10) == 0);
				  CHECK_EQUAL(0, l.IAID);
				  CHECK_EQUAL(ADDRESS_TYPE_IANA, l.AddressType);
				  CHECK_EQUAL(A_TIME, ticks(l.ClientValidLeaseExpires));
				  CHECK_EQUAL(A_TIME - 5, ticks(l.ClientPrefLeaseExpires));
				  CHECK(l.OwnerHost.NetBiosName == nullptr && l.OwnerHost.HostName == nullptr);
			  });
			  figures6(1, 0xFFFFFFFFFFFFFFFFull);
		  }},
		 {"61b", create + "one lease of a client", leased6, [] { return create6(2, 1, 0); },
		  ERROR_DHCP_CLIENT_EXISTS},
		 {"61c", create + "the same DUID with another IAID is another client", leased6,
		  [] { return create6(2, 1, 1); }, ERROR_SUCCESS},
		 {"61d", create + "another DUID with the same IAID is another client", leased6,
		  [] { return create6(3, 2, 0); }, ERROR_SUCCESS},
		 {"61e", create + "one lease at an address", leased6, [] { return create6(1, 2, 0); },
		  ERROR_DHCP_CLIENT_EXISTS},
		 {"62", create + "no scope", no_scopes, [] { return create6(1, 1, 0); }, ERROR_DHCP_SUBNET_NOT_PRESENT},
		 {"63", "MS-DHCPM 3.2.4.73 DhcpGetClientInfoV6: not by DUID", leased6, [] { return get6(by_duid()); },
		  ERROR_INVALID_PARAMETER},
		 {"V6-30", create + "no ClientInfo", standard6,
		  [] { return RUN(DhcpV6CreateClientInfo, nullptr, nullptr); }, ERROR_INVALID_PARAMETER},
		 {"V6-31", create + "an empty DUID", standard6,
		  [] { return create6(1, 1, 0, [](auto &l) { l.ClientDUID.DataLength = 0; }); },
		  ERROR_INVALID_PARAMETER},
		 {"V6-32", create + "no DUID", standard6,
		  [] { return create6(1, 1, 0, [](auto &l) { l.ClientDUID.Data = nullptr; }); },
		  ERROR_INVALID_PARAMETER},
		 {"V6-33", create + "a DUID of 256 bytes", standard6,
		  [] { return create6(1, 1, 0, [](auto &l) {
			       l.ClientDUID = {256, long_duid};
		       }); }, ERROR_SUCCESS,
		  [] { with_lease6(1, [](const auto &l) { CHECK_EQUAL(256, l.ClientDUID.DataLength); }); }},
		 {"V6-34", create + "a DUID of 257 bytes", standard6,
		  [] { return create6(1, 1, 0, [](auto &l) {
			       l.ClientDUID = {257, long_duid};
		       }); },
		  ERROR_INVALID_PARAMETER},
		 {"V6-35", create + "AddressType is not an input", standard6,
		  [] { return create6(1, 1, 0, [](auto &l) { l.AddressType = ADDRESS_TYPE_IATA; }); }, ERROR_SUCCESS,
		  [] { with_lease6(1, [](const auto &l) { CHECK_EQUAL(ADDRESS_TYPE_IANA, l.AddressType); }); }},
		 {"V6-36", create + "without preferred lifetime it is the valid one", standard6,
		  [] { return create6(1, 1, 0, [](auto &l) { l.ClientPrefLeaseExpires = date(0); }); }, ERROR_SUCCESS,
		  [] { with_lease6(1, [](const auto &l) { CHECK_EQUAL(A_TIME, ticks(l.ClientPrefLeaseExpires)); }); }},
		 {"V6-37", create + "a preferred lifetime beyond the valid one is cut", standard6,
		  [] { return create6(1, 1, 0, [](auto &l) { l.ClientPrefLeaseExpires = date(A_TIME + 1); }); },
		  ERROR_SUCCESS,
		  [] { with_lease6(1, [](const auto &l) { CHECK_EQUAL(A_TIME, ticks(l.ClientPrefLeaseExpires)); }); }},
		 {"V6-38", create + "a client may have a lease in each scope",
		  [] {
			  leased6();
			  must(create_scope6(P2));
		  },
		  [] { return create6(1, 1, 0, [](auto &l) { l.ClientIpAddress = a6(1, P2); }); }, ERROR_SUCCESS},
		 {"V6-39", create + "names and the owner", standard6,
		  [] {
			  return create6(1, 1, 0, [](auto &l) {
				  l.ClientName = text(u"pc");
				  l.ClientComment = text(u"");
				  l.OwnerHost.NetBiosName = text(u"liar");
			  });
		  },
		  ERROR_SUCCESS,
		  [] {
			  with_lease6(1, [](const auto &l) {
				  CHECK(same(l.ClientName, u"pc") && same(l.ClientComment, u""));
				  CHECK(l.OwnerHost.NetBiosName == nullptr);
			  });
		  }},
		 {"V6-40", "MS-DHCPM 3.2.4.73 DhcpGetClientInfoV6: no such lease", standard6,
		  [] { return get6(at6(a6(1))); }, ERROR_DHCP_JET_ERROR},
		 {"V6-41", "MS-DHCPM 3.2.4.73 DhcpGetClientInfoV6: by address", leased6,
		  [] { return get6(at6(a6(1))); }, ERROR_SUCCESS},
		 {"V6-42", "MS-DHCPM 3.2.4.73 DhcpGetClientInfoV6: no search", leased6,
		  [] {
			  result<DHCP_CLIENT_INFO_V6> found;
			  return RUN(DhcpGetClientInfoV6, nullptr, nullptr, found.out());
		  },
		  ERROR_INVALID_PARAMETER},
		 {"V6-43", "MS-DHCPM 3.2.4.74 DhcpDeleteClientInfoV6: address and client are free at once", leased6,
		  [] { return remove6(at6(a6(1))); }, ERROR_SUCCESS,
		  [] {
			  no_lease6(1);
			  figures6(0, 0xFFFFFFFFFFFFFFFFull);
			  must(create6(1, 2, 0));
			  must(create6(2, 1, 0));
		  }},
		 {"V6-44", "MS-DHCPM 3.2.4.74 DhcpDeleteClientInfoV6: no such lease", leased6,
		  [] { return remove6(at6(a6(2))); }, ERROR_DHCP_JET_ERROR},
		 {"V6-45", "MS-DHCPM 3.2.4.74 DhcpDeleteClientInfoV6: not by DUID", leased6,
		  [] { return remove6(by_duid()); }, ERROR_INVALID_PARAMETER},
		 {"V6-46", "MS-DHCPM 3.2.4.74 DhcpDeleteClientInfoV6: a reserved address",
		  [] {
			  standard6();
			  must(reserve6(5, 1, 0));
		  },
		  [] { return remove6(at6(a6(5))); }, ERROR_DHCP_RESERVED_CLIENT},
		 {"V6-47", set + "identifier and names are replaced, the lifetimes stay", leased6,
		  setting(1, 2, 7,
			  [](auto &l) {
				  l.ClientName = text(u"laptop");
				  l.ClientComment = text(u"lent");
				  l.ClientValidLeaseExpires = date(A_PAST_TIME);
			  }),
		  ERROR_SUCCESS,
		  [] {
			  with_lease6(1, [](const auto &l) {
				  CHECK(std::memcmp(l.ClientDUID.Data, duid(2).Data, 10) == 0);
				  CHECK_EQUAL(7, l.IAID);
				  CHECK(same(l.ClientName, u"laptop") && same(l.ClientComment, u"lent"));
				  CHECK_EQUAL(A_TIME, ticks(l.ClientValidLeaseExpires));
			  });
			  must(create6(2, 1, 0));
		  }},
		 {"V6-48", set + "no such lease", standard6, setting(1, 1, 0, [](auto &) {}), ERROR_FILE_NOT_FOUND},
		 {"V6-49", set + "no such scope", no_scopes, setting(1, 1, 0, [](auto &) {}), ERROR_FILE_NOT_FOUND},
		 {"V6-50", set + "an empty DUID", leased6,
		  setting(1, 1, 0, [](auto &l) { l.ClientDUID.DataLength = 0; }), ERROR_INVALID_PARAMETER},
		 {"V6-51", set + "no DUID", leased6, setting(1, 1, 0, [](auto &l) { l.ClientDUID.Data = nullptr; }),
		  ERROR_INVALID_PARAMETER},
		 {"V6-52", set + "a DUID of 257 bytes", leased6,
		  setting(1, 1, 0,
			  [](auto &l) {
				  l.ClientDUID = {257, long_duid};
			  }),
		  ERROR_BUFFER_OVERFLOW},
		 {"V6-53", set + "a DUID of 256 bytes", leased6,
		  setting(1, 1, 0,
			  [](auto &l) {
				  l.ClientDUID = {256, long_duid};
			  }),
		  ERROR_SUCCESS},
		 {"V6-54", set + "the name of a reservation's lease",
		  [] {
			  standard6();
			  must(reserve6(5, 1, 0));
		  },
		  setting(5, 1, 0, [](auto &l) { l.ClientName = text(u"printer"); }), ERROR_SUCCESS,
		  [] {
			  with_lease6(5, [](const auto &l) {
				  CHECK(same(l.ClientName, u"printer"));
				  CHECK_EQUAL(0, ticks(l.ClientValidLeaseExpires));
			  });
		  }}});
}

/* ---- elements ---- */

/* Elements of a type, as lower halves of their first addresses. */
std::function<DWORD()>
listing(DHCP_SUBNET_ELEMENT_TYPE_V6 type, DHCP_RESUME_HANDLE start, DWORD preferred,
	const std::vector<unsigned long long> &expected, unsigned long long high = P) {
	return [=] {
		DHCP_RESUME_HANDLE handle = start;
		DWORD read = 77;
		DWORD total = 77;
		result<DHCP_SUBNET_ELEMENT_INFO_ARRAY_V6> array;
		const DWORD code = RUN(DhcpEnumSubnetElementsV6, nullptr, a6(0, high), type, &handle, preferred,
				       array.out(), &read, &total);
		check_given(code, array);
		std::vector<unsigned long long> found;
		for (DWORD i = 0; array.get() != nullptr && i < array->NumElements; i++) {
			const DHCP_SUBNET_ELEMENT_DATA_V6 &e = array->Elements[i];
			found.push_back(type == Dhcpv6ReservedIps
						? e.Element.ReservedIp->ReservedIpAddress.LowOrderBits
						: e.Element.ExcludeIpRange->StartAddress.LowOrderBits);
		}
		CHECK(found == expected);
		CHECK_EQUAL(expected.size(), read);
		return code;
	};
}

void
excluded6() {
	standard6();
	must(exclude6(0x30, 0x3F));
	must(exclude6(0x10, 0x1F));
}

void
reserved6() {
	standard6();
	must(reserve6(5, 1, 0));
}

void
add_elements(table_t &table) {
	const std::string add = "MS-DHCPM 3.2.4.60 DhcpAddSubnetElementV6: ";
	const std::string list = "MS-DHCPM 3.2.4.61 DhcpEnumSubnetElementsV6: ";
	const std::string take = "MS-DHCPM 3.2.4.62 DhcpRemoveSubnetElementV6: ";
	table.insert(
		table.end(),
		{{"V6-60", add + "an exclusion", standard6, [] { return exclude6(1, 0x10); }, ERROR_SUCCESS,
		  [] { figures6(0, 0xFFFFFFFFFFFFFFF0ull); }},
		 {"V6-61", add + "the same exclusion", excluded6, [] { return exclude6(0x10, 0x1F); },
		  ERROR_DUPLICATE_TAG},
		 {"V6-62", add + "an overlapping exclusion", excluded6, [] { return exclude6(0x18, 0x28); },
		  ERROR_DUPLICATE_TAG},
		 {"V6-63", add + "an exclusion that contains another", excluded6, [] { return exclude6(0x08, 0x28); },
		  ERROR_DUPLICATE_TAG},
		 {"V6-64", add + "an inverted exclusion is accepted, without effect", standard6,
		  [] { return exclude6(0x20, 0x10); }, ERROR_SUCCESS, [] { figures6(0, 0xFFFFFFFFFFFFFFFFull); }},
		 {"V6-65", add + "an exclusion outside the prefix is accepted, without effect", standard6,
		  [] { return exclude6(0x10, 0x20, P2); }, ERROR_SUCCESS, [] { figures6(0, 0xFFFFFFFFFFFFFFFFull); }},
		 {"V6-66", add + "ranges are no matter", standard6, [] { return add_nothing(Dhcpv6IpRanges); },
		  ERROR_SUCCESS},
		 {"V6-67", add + "no such scope", standard6, [] { return add_nothing(Dhcpv6IpRanges, P2); },
		  ERROR_FILE_NOT_FOUND},
		 {"V6-68", add + "no element", standard6,
		  [] { return RUN(DhcpAddSubnetElementV6, nullptr, a6(0), nullptr); }, ERROR_INVALID_PARAMETER},
		 {"V6-69", add + "a reservation makes a dormant lease", standard6, [] { return reserve6(5, 1, 0); },
		  ERROR_SUCCESS,
		  [] {
			  with_lease6(5, [](const auto &l) { CHECK_EQUAL(0, ticks(l.ClientValidLeaseExpires)); });
			  figures6(1, 0xFFFFFFFFFFFFFFFFull);
		  }},
		 {"V6-70", add + "the address is reserved already", reserved6, [] { return reserve6(5, 2, 0); },
		  ERROR_DHCP_RESERVEDIP_EXITS},
		 {"V6-71", add + "the client has a reservation already", reserved6, [] { return reserve6(6, 1, 0); },
		  ERROR_DHCP_RESERVEDIP_EXITS},
		 {"V6-72", add + "the same DUID with another IAID is another client", reserved6,
		  [] { return reserve6(6, 1, 1); }, ERROR_SUCCESS},
		 {"V6-73", add + "the client's lease at the address stays", leased6, [] { return reserve6(1, 1, 0); },
		  ERROR_SUCCESS,
		  [] { with_lease6(1, [](const auto &l) { CHECK_EQUAL(A_TIME, ticks(l.ClientValidLeaseExpires)); }); }},
		 {"V6-74", add + "the client's lease elsewhere is replaced", leased6, [] { return reserve6(9, 1, 0); },
		  ERROR_SUCCESS,
		  [] {
			  no_lease6(1);
			  with_lease6(9, [](const auto &l) { CHECK(l.ClientDUID.DataLength == 10); });
			  figures6(1, 0xFFFFFFFFFFFFFFFFull);
		  }},
		 {"V6-75", add + "another client's lease at the address gives way", leased6,
		  [] { return reserve6(1, 2, 0); }, ERROR_SUCCESS,
		  [] {
			  with_lease6(1, [](const auto &l) {
				  CHECK(std::memcmp(l.ClientDUID.Data, duid(2).Data, 10) == 0);
			  });
			  must(create6(2, 1, 0));
		  }},
		 {"V6-76", add + "an address outside the prefix: a reservation without lease", standard6,
		  [] { return reserve6(5, 1, 0, P2); }, ERROR_SUCCESS,
		  [] {
			  CHECK_EQUAL(ERROR_DHCP_JET_ERROR, get6(at6(a6(5, P2))));
			  figures6(0, 0xFFFFFFFFFFFFFFFFull);
		  }},
		 {"V6-77", add + "an empty DUID", standard6,
		  [] {
			  reservation6 made(a6(5), 1, 0);
			  made.uid.DataLength = 0;
			  return RUN(DhcpAddSubnetElementV6, nullptr, a6(0), &made.element);
		  },
		  ERROR_INVALID_PARAMETER},
		 {"V6-80", list + "exclusions, ascending", excluded6,
		  listing(Dhcpv6ExcludedIpRanges, 0, EVERYTHING, {0x10, 0x30}), ERROR_SUCCESS},
		 {"V6-81", list + "reservations", reserved6, listing(Dhcpv6ReservedIps, 0, EVERYTHING, {5}),
		  ERROR_SUCCESS},
		 {"V6-82", list + "none", standard6, listing(Dhcpv6ReservedIps, 0, EVERYTHING, {}),
		  ERROR_NO_MORE_ITEMS},
		 {"V6-83", list + "a handle at the end", excluded6, listing(Dhcpv6ExcludedIpRanges, 2, EVERYTHING, {}),
		  ERROR_NO_MORE_ITEMS},
		 {"V6-84", list + "page size 0, and there are some", excluded6,
		  listing(Dhcpv6ExcludedIpRanges, 0, 0, {}), ERROR_MORE_DATA},
		 {"V6-85", list + "page size 0, and there are none", standard6,
		  listing(Dhcpv6ExcludedIpRanges, 0, 0, {}), ERROR_NO_MORE_ITEMS},
		 {"V6-86", list + "ranges", standard6, listing(Dhcpv6IpRanges, 0, EVERYTHING, {}),
		  ERROR_INVALID_PARAMETER},
		 {"V6-87", list + "no such scope", standard6, listing(Dhcpv6ExcludedIpRanges, 0, EVERYTHING, {}, P2),
		  ERROR_FILE_NOT_FOUND},
		 {"V6-90", take + "an exclusion", excluded6, [] { return include6(0x10, 0x1F); }, ERROR_SUCCESS,
		  [] { figures6(0, 0xFFFFFFFFFFFFFFF0ull); }},
		 {"V6-91", take + "an exclusion that is none", excluded6, [] { return include6(0x10, 0x1E); },
		  ERROR_FILE_NOT_FOUND},
		 {"V6-92", take + "a reservation, with its dormant lease", reserved6,
		  [] { return unreserve6(5, 1, 0); }, ERROR_SUCCESS,
		  [] {
			  no_lease6(5);
			  must(create6(5, 2, 0));
		  }},
		 {"V6-93", take + "a reservation that is none", standard6, [] { return unreserve6(5, 1, 0); },
		  ERROR_FILE_NOT_FOUND},
		 {"V6-94", take + "an active lease outlives its reservation",
		  [] {
			  leased6();
			  must(reserve6(1, 1, 0));
		  },
		  [] { return unreserve6(1, 1, 0); }, ERROR_SUCCESS,
		  [] {
			  with_lease6(1, [](const auto &) {});
			  must(remove6(at6(a6(1))));
		  }},
		 {"V6-95", take + "ranges are no matter", standard6, [] { return remove_nothing(Dhcpv6IpRanges); },
		  ERROR_SUCCESS},
		 {"V6-96", take + "no such scope", standard6, [] { return remove_nothing(Dhcpv6IpRanges, P2); },
		  ERROR_FILE_NOT_FOUND},
		 {"V6-97", take + "no element", standard6,
		  [] { return RUN(DhcpRemoveSubnetElementV6, nullptr, a6(0), nullptr, DhcpFullForce); },
		  ERROR_INVALID_PARAMETER}});
}

/* ---- enumeration, free addresses, statistics ---- */

void
many6() {
	standard6();
	must(create_scope6(P2));
	for (unsigned n = 0; n < 80; n++) {
		must(create6(0x1000000000000000ull + n * 0x0123456789ull, n, 0));
	}
	must(create6(7, 1, 0, [](auto &l) { l.ClientIpAddress = a6(7, P2); }));
}

struct page6_t {
	DWORD code = 0;
	DWORD read = 77;
	DWORD total = 77;
	std::vector<unsigned long long> lows;
};

page6_t
enumerate6(const DHCP_IPV6_ADDRESS &subnet, DHCP_RESUME_IPV6_HANDLE *handle, DWORD preferred) {
	page6_t page;
	result<DHCP_CLIENT_INFO_ARRAY_V6> array;
	page.code =
		RUN(DhcpEnumSubnetClientsV6, nullptr, subnet, handle, preferred, array.out(), &page.read, &page.total);
	check_given(page.code, array);
	for (DWORD i = 0; array.get() != nullptr && i < array->NumElements; i++) {
		page.lows.push_back(array->Clients[i]->ClientIpAddress.LowOrderBits);
	}
	CHECK_EQUAL(page.lows.size(), page.read);
	return page;
}

DWORD
read_all6() {
	DHCP_RESUME_IPV6_HANDLE handle{};
	std::vector<unsigned long long> seen;
	unsigned pages = 0;
	page6_t page;
	do {
		page = enumerate6(a6(0), &handle, 1024);
		seen.insert(seen.end(), page.lows.begin(), page.lows.end());
		if (page.code == ERROR_MORE_DATA) {
			CHECK_EQUAL(80 - seen.size(), page.total);
		}
		pages++;
	} while (page.code == ERROR_MORE_DATA && pages < 100);
	CHECK(pages > 2);
	CHECK_EQUAL(80, seen.size());
	CHECK(std::is_sorted(seen.begin(), seen.end()));
	CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
	CHECK(handle == DHCP_IPV6_ADDRESS{});
	return page.code;
}

void
add_enumerations(table_t &table) {
	const std::string list = "MS-DHCPM 3.2.4.65 DhcpEnumSubnetClientsV6: ";
	table.insert(table.end(),
		     {{"V6-100", list + "page by page, every lease once, ascending", many6, read_all6, ERROR_SUCCESS},
		      {"V6-101", list + "the first page", many6,
		       [] {
			       DHCP_RESUME_IPV6_HANDLE handle{};
			       const page6_t page = enumerate6(a6(0), &handle, 1024);
			       CHECK(!page.lows.empty() && handle == a6(page.lows.back()));
			       return page.code;
		       },
		       ERROR_MORE_DATA},
		      {"V6-102", list + "0xFFFFFFFF is everything; :: is every scope", many6,
		       [] {
			       DHCP_RESUME_IPV6_HANDLE handle{};
			       const page6_t page = enumerate6(DHCP_IPV6_ADDRESS{}, &handle, EVERYTHING);
			       CHECK_EQUAL(81, page.read);
			       CHECK_EQUAL(81, page.total);
			       return page.code;
		       },
		       ERROR_SUCCESS},
		      {"V6-103", list + "no lease", standard6,
		       [] {
			       DHCP_RESUME_IPV6_HANDLE handle{};
			       return enumerate6(a6(0), &handle, EVERYTHING).code;
		       },
		       ERROR_NO_MORE_ITEMS},
		      {"V6-104", list + "a handle that is no lease", leased6,
		       [] {
			       DHCP_RESUME_IPV6_HANDLE handle = a6(9);
			       return enumerate6(a6(0), &handle, EVERYTHING).code;
		       },
		       ERROR_FILE_NOT_FOUND},
		      {"V6-105", list + "behind the last lease", leased6,
		       [] {
			       DHCP_RESUME_IPV6_HANDLE handle = a6(1);
			       return enumerate6(a6(0), &handle, EVERYTHING).code;
		       },
		       ERROR_NO_MORE_ITEMS},
		      {"V6-106", list + "a pointer is NULL", leased6,
		       [] {
			       result<DHCP_CLIENT_INFO_ARRAY_V6> array;
			       DWORD read = 0;
			       DWORD total = 0;
			       return RUN(DhcpEnumSubnetClientsV6, nullptr, a6(0), nullptr, EVERYTHING, array.out(),
					  &read, &total);
		       },
		       ERROR_INVALID_PARAMETER}});
}

std::function<DWORD()>
asking(const DHCP_IPV6_ADDRESS &scope, const DHCP_IPV6_ADDRESS &start, const DHCP_IPV6_ADDRESS &end, DWORD wanted,
       const std::vector<unsigned long long> &expected = {}) {
	return [=] {
		result<DHCPV6_IP_ARRAY> array;
		const DWORD code = RUN(DhcpV6GetFreeIPAddress, nullptr, scope, start, end, wanted, array.out());
		check_given(code, array);
		std::vector<unsigned long long> found;
		for (DWORD i = 0; array.get() != nullptr && i < array->NumElements; i++) {
			found.push_back(array->Elements[i].LowOrderBits);
		}
		CHECK(found == expected);
		return code;
	};
}

void
add_queries(table_t &table) {
	const std::string query = "MS-DHCPM 3.2.4.122 DhcpV6GetFreeIPAddress: ";
	const DHCP_IPV6_ADDRESS none{};
	table.insert(
		table.end(),
		{{"V6-110", query + "ascending from the prefix's first, without the anycast address", standard6,
		  asking(a6(0), none, none, 3, {1, 2, 3}), ERROR_SUCCESS},
		 {"V6-111", query + "leases and exclusions are passed over",
		  [] {
			  leased6();
			  must(exclude6(3, 0x10));
		  },
		  asking(a6(0), none, none, 2, {2, 0x11}), ERROR_SUCCESS},
		 {"V6-112", query + "a window", standard6, asking(a6(0), a6(5), a6(7), 3, {5, 6, 7}), ERROR_SUCCESS},
		 {"V6-113", query + "too few in the window", leased6, asking(a6(0), a6(1), a6(2), 2, {2}),
		  ERROR_DHCP_REACHED_END_OF_SELECTION},
		 {"V6-114", query + "a window smaller than the number", standard6, asking(a6(0), a6(5), a6(7), 4),
		  ERROR_INVALID_PARAMETER},
		 {"V6-115", query + "an end before the start", standard6, asking(a6(0), a6(7), a6(5), 1),
		  ERROR_INVALID_PARAMETER},
		 {"V6-116", query + "more than 1024", standard6, asking(a6(0), none, none, 1025),
		  ERROR_INVALID_PARAMETER},
		 {"V6-117", query + "scope ::", standard6, asking(none, none, none, 1), ERROR_INVALID_PARAMETER},
		 {"V6-118", query + "no such scope", standard6, asking(a6(0, P2), none, none, 1),
		  ERROR_DHCP_SUBNET_NOT_PRESENT},
		 {"V6-119", query + "no place for the answer", standard6,
		  [] {
			  return RUN(DhcpV6GetFreeIPAddress, nullptr, a6(0), DHCP_IPV6_ADDRESS{}, DHCP_IPV6_ADDRESS{},
				     1, nullptr);
		  },
		  ERROR_INVALID_PARAMETER},
		 {"V6-120", query + "a reserved address is passed over", reserved6,
		  asking(a6(0), a6(4), a6(6), 2, {4, 6}), ERROR_SUCCESS},
		 {"V6-130", "MS-DHCPM 3.2.4.69 DhcpGetMibInfoV6: scopes and figures, no packets", leased6,
		  [] {
			  result<DHCP_MIB_INFO_V6> mib;
			  const DWORD code = RUN(DhcpGetMibInfoV6, nullptr, mib.out());
			  CHECK_EQUAL(1, mib->Scopes);
			  CHECK_EQUAL(0, mib->Solicits + mib->Advertises + mib->Requests + mib->Renews + mib->Rebinds +
						 mib->Replies + mib->Confirms + mib->Declines + mib->Releases +
						 mib->Informs);
			  CHECK(ticks(mib->ServerStartTime) <= lessor_time_now());
			  return code;
		  },
		  ERROR_SUCCESS, [] { figures6(1, 0xFFFFFFFFFFFFFFFFull); }},
		 {"V6-131", "MS-DHCPM 3.2.4.69 DhcpGetMibInfoV6: no scopes", no_scopes,
		  [] {
			  result<DHCP_MIB_INFO_V6> mib;
			  const DWORD code = RUN(DhcpGetMibInfoV6, nullptr, mib.out());
			  CHECK(mib->Scopes == 0 && mib->ScopeInfo == nullptr);
			  return code;
		  },
		  ERROR_SUCCESS},
		 {"V6-132", "MS-DHCPM 3.2.4.69 DhcpGetMibInfoV6: no place for the answer", leased6,
		  [] { return RUN(DhcpGetMibInfoV6, nullptr, nullptr); }, ERROR_INVALID_PARAMETER}});
}

} // namespace

void
add_ipv6_rows(table_t &table) {
	add_scopes(table);
	add_leases(table);
	add_elements(table);
	add_enumerations(table);
	add_queries(table);
}

} // namespace conformance
