/* SPDX-License-Identifier: Apache-2.0 */
/* Reservations; and what the three generations of the element calls have in common. */
#include "table.h"
#include "world.h"

namespace conformance {

namespace {

void
reserved() {
	standard();
	must(reserve(50, 1));
}

void
check_dormant() {
	with_lease(50, [](const auto &l) {
		CHECK(is_client(l.ClientHardwareAddress, 1));
		CHECK(l.ClientName == nullptr && l.ClientComment == nullptr && l.PolicyName == nullptr);
		CHECK_EQUAL(0, ticks(l.ClientLeaseExpires));
		CHECK_EQUAL(CLIENT_TYPE_NONE, l.bClientType);
		CHECK_EQUAL(ADDRESS_STATE_ACTIVE, l.AddressState);
		CHECK_EQUAL(0xFFFFFFFFu, l.OwnerHost.IpAddress);
		CHECK(l.OwnerHost.NetBiosName == nullptr && l.OwnerHost.HostName == nullptr);
		CHECK_EQUAL(MASK24, l.SubnetMask);
		CHECK_EQUAL(NOQUARANTINE, l.Status);
	});
}

DWORD
set_expiry(unsigned last, unsigned who) {
	DHCP_CLIENT_INFO info = basic<DHCP_CLIENT_INFO>(last, who);
	info.ClientLeaseExpires = date(A_TIME);
	return RUN(DhcpSetClientInfo, nullptr, &info);
}

/* The expiry of a lease lies a scope's lease duration after now. */
void
check_converted(unsigned last) {
	with_lease(last, [](const auto &l) {
		const unsigned long long now = lessor_time_now();
		const unsigned long long duration = 691200ull * 10000000ull;
		const unsigned long long minute = 60ull * 10000000ull;
		CHECK(ticks(l.ClientLeaseExpires) <= now + duration);
		CHECK(ticks(l.ClientLeaseExpires) >= now + duration - minute);
	});
	check_figures(1, 79);
}

void
add_vectors(table_t &table) {
	table.insert(table.end(),
		     {{"30", "MS-DHCPM 3.2.4.38: a reservation, its dormant lease, and the figures", standard,
		       [] { return reserve(50, 1); }, ERROR_SUCCESS,
		       [] {
			       check_figures(1, 79);
			       check_dormant();
			       CHECK_EQUAL(1, all_leases(S).size());
		       }},
		      {"31a", "MS-DHCPM 3.2.4.123 step 9: a create by the client of the reservation", reserved,
		       [] { return create(50, 1); }, ERROR_DHCP_CLIENT_EXISTS, check_dormant},
		      {"31b", "MS-DHCPM 3.2.4.123 step 9: a create by another client", reserved,
		       [] { return create(50, 2); }, ERROR_DHCP_CLIENT_EXISTS, check_dormant},
		      {"31c", "MS-DHCPM 3.2.4.123 step 9: a create elsewhere by the client of the reservation",
		       reserved, [] { return create(60, 1); }, ERROR_DHCP_CLIENT_EXISTS, check_dormant},
		      {"32", "MS-DHCPM 3.1.4.20 step 3: a reserved lease is not deleted", reserved,
		       [] { return remove(at(50)); }, ERROR_DHCP_RESERVED_CLIENT, check_dormant},
		      {"33", "MS-DHCPM 3.1.4.18: a reserved lease keeps its expiry", reserved,
		       [] { return set_expiry(50, 1); }, ERROR_SUCCESS,
		       [] { with_lease(50, [](const auto &l) { CHECK_EQUAL(0, ticks(l.ClientLeaseExpires)); }); }},
		      {"34", "MS-DHCPM 3.2.4.40: the dormant lease goes with its reservation", reserved,
		       [] { return unreserve(50, 1); }, ERROR_SUCCESS,
		       [] {
			       no_lease(50);
			       check_figures(0, 80);
			       must(create(50, 2));
		       }},
		      {"35", "MS-DHCPM 3.2.4.40: a lease outlives its reservation by the lease duration",
		       [] {
			       standard();
			       must(create_with(50, 1, [](auto &l) { l.ClientLeaseExpires = date(A_TIME); }));
			       must(reserve(50, 1));
		       },
		       [] { return unreserve(50, 1); }, ERROR_SUCCESS, [] { check_converted(50); }},
		      {"36a", "MS-DHCPM 3.2.4.38: an address is reserved once", reserved, [] { return reserve(50, 2); },
		       ERROR_DHCP_RESERVEDIP_EXITS},
		      {"36b", "MS-DHCPM 3.2.4.38: a client has one reservation in a scope", reserved,
		       [] { return reserve(51, 1); }, ERROR_DHCP_RESERVEDIP_EXITS}});
}

void
add_more(table_t &table) {
	const std::string add = "MS-DHCPM 3.2.4.38 reservation: ";
	const std::string remove_ = "MS-DHCPM 3.2.4.40 reservation: ";
	table.insert(table.end(),
		     {{"RV1", add + "exactly the same once more", reserved, [] { return reserve(50, 1); },
		       ERROR_DHCP_RESERVEDIP_EXITS},
		      {"RV2", add + "another client has a lease at the address",
		       [] {
			       standard();
			       must(create(50, 2));
		       },
		       [] { return reserve(50, 1); }, ERROR_DHCP_RESERVEDIP_EXITS,
		       [] { with_lease(50, [](const auto &l) { CHECK(is_client(l.ClientHardwareAddress, 2)); }); }},
		      {"RV3", add + "the client's lease at the address stays as it is",
		       [] {
			       standard();
			       must(create_with(50, 1, [](auto &l) {
				       l.ClientName = text(u"pc");
				       l.ClientLeaseExpires = date(A_TIME);
			       }));
		       },
		       [] { return reserve(50, 1); }, ERROR_SUCCESS,
		       [] {
			       with_lease(50, [](const auto &l) {
				       CHECK(same(l.ClientName, u"pc"));
				       CHECK_EQUAL(A_TIME, ticks(l.ClientLeaseExpires));
				       CHECK_EQUAL(CLIENT_TYPE_DHCP, l.bClientType);
			       });
			       check_figures(1, 79);
			       CHECK_EQUAL(ERROR_DHCP_RESERVED_CLIENT, remove(at(50)));
		       }},
		      {"RV4", add + "the client's lease at another address stays; both count",
		       [] {
			       standard();
			       must(create(60, 1));
		       },
		       [] { return reserve(50, 1); }, ERROR_SUCCESS,
		       [] {
			       CHECK(all_leases(S) == (std::vector<DHCP_IP_ADDRESS>{host(60)}));
			       no_lease(50);
			       check_figures(2, 78);
			       must(remove(at(60)));
		       }},
		      {"RV5", add + "such an address is taken for other clients",
		       [] {
			       standard();
			       must(create(60, 1));
			       must(reserve(50, 1));
		       },
		       [] { return create(50, 2); }, ERROR_DHCP_CLIENT_EXISTS},
		      {"RV6", add + "such an address is open to its client, once its other lease is gone",
		       [] {
			       standard();
			       must(create(60, 1));
			       must(reserve(50, 1));
			       must(remove(at(60)));
		       },
		       [] { return create(50, 1); }, ERROR_SUCCESS,
		       [] {
			       check_figures(1, 79);
			       CHECK_EQUAL(ERROR_DHCP_RESERVED_CLIENT, remove(at(50)));
		       }},
		      {"RV7", remove_ + "without a lease at the address",
		       [] {
			       standard();
			       must(create(60, 1));
			       must(reserve(50, 1));
		       },
		       [] { return unreserve(50, 1); }, ERROR_SUCCESS,
		       [] {
			       CHECK(all_leases(S) == (std::vector<DHCP_IP_ADDRESS>{host(60)}));
			       check_figures(1, 79);
			       must(create(50, 2));
		       }},
		      {"RV8", add + "outside the subnet", standard,
		       [] {
			       DHCP_CLIENT_UID uid = client(1);
			       DHCP_IP_RESERVATION_V4 reservation = {S2 + 5, &uid, CLIENT_TYPE_BOTH};
			       DHCP_SUBNET_ELEMENT_DATA_V5 element{};
			       element.ElementType = DhcpReservedIps;
			       element.Element.ReservedIp = &reservation;
			       return RUN(DhcpAddSubnetElementV5, nullptr, S, &element);
		       },
		       ERROR_DHCP_NOT_RESERVED_CLIENT},
		      {"RV9", add + "outside the range, but inside the subnet; not counted", standard,
		       [] { return reserve(200, 1); }, ERROR_SUCCESS,
		       [] {
			       check_figures(0, 80);
			       CHECK_EQUAL(ERROR_DHCP_CLIENT_EXISTS, create(200, 2));
		       }},
		      {"RV10", add + "an empty client", standard,
		       [] {
			       DHCP_CLIENT_UID uid = {0, client(1).Data};
			       DHCP_IP_RESERVATION_V4 reservation = {host(50), &uid, CLIENT_TYPE_BOTH};
			       DHCP_SUBNET_ELEMENT_DATA_V5 element{};
			       element.ElementType = DhcpReservedIps;
			       element.Element.ReservedIp = &reservation;
			       return RUN(DhcpAddSubnetElementV5, nullptr, S, &element);
		       },
		       ERROR_INVALID_PARAMETER},
		      {"RV11", add + "no client", standard,
		       [] {
			       DHCP_IP_RESERVATION_V4 reservation = {host(50), nullptr, CLIENT_TYPE_BOTH};
			       DHCP_SUBNET_ELEMENT_DATA_V5 element{};
			       element.ElementType = DhcpReservedIps;
			       element.Element.ReservedIp = &reservation;
			       return RUN(DhcpAddSubnetElementV5, nullptr, S, &element);
		       },
		       ERROR_INVALID_PARAMETER},
		      {"RV12", add + "a client in each of two scopes",
		       [] {
			       reserved();
			       must(create_scope(S2, MASK24));
		       },
		       [] {
			       DHCP_CLIENT_UID uid = client(1);
			       DHCP_IP_RESERVATION_V4 reservation = {S2 + 5, &uid, CLIENT_TYPE_BOTH};
			       DHCP_SUBNET_ELEMENT_DATA_V5 element{};
			       element.ElementType = DhcpReservedIps;
			       element.Element.ReservedIp = &reservation;
			       return RUN(DhcpAddSubnetElementV5, nullptr, S2, &element);
		       },
		       ERROR_SUCCESS, [] { CHECK_EQUAL(2, all_leases(0).size()); }},
		      {"RV13", remove_ + "of another client, while the address is reserved: as a delete of the lease",
		       reserved, [] { return unreserve(50, 2); }, ERROR_DHCP_RESERVED_CLIENT, check_dormant},
		      {"RV14", remove_ + "of an address that is not reserved: its lease is deleted", leased,
		       [] { return unreserve(10, 1); }, ERROR_SUCCESS, [] { check_figures(0, 80); }},
		      {"RV15", remove_ + "of an address without reservation and lease", standard,
		       [] { return unreserve(10, 1); }, ERROR_DHCP_JET_ERROR},
		      {"RV16", remove_ + "by address alone", reserved,
		       [] {
			       DHCP_IP_RESERVATION_V4 reservation = {host(50), nullptr, 0};
			       DHCP_SUBNET_ELEMENT_DATA_V5 element{};
			       element.ElementType = DhcpReservedIps;
			       element.Element.ReservedIp = &reservation;
			       return RUN(DhcpRemoveSubnetElementV5, nullptr, S, &element, DhcpNoForce);
		       },
		       ERROR_SUCCESS, [] { check_figures(0, 80); }},
		      {"RV17", "MS-DHCPM 3.1.4.20 step 3: not by unique ID either", reserved,
		       [] { return remove(identified(unique_id(S, 1))); }, ERROR_DHCP_RESERVED_CLIENT},
		      {"RV18", add + "an excluded address is reserved, and not counted", standard,
		       [] { return reserve(25, 1); }, ERROR_SUCCESS, [] { check_figures(0, 80); }},
		      {"RV19", add + "a doomed lease counts as in use once its address is reserved",
		       [] {
			       standard();
			       must(create_with(10, 1, [](auto &l) { l.AddressState = ADDRESS_STATE_DOOM; }));
		       },
		       [] { return reserve(10, 1); }, ERROR_SUCCESS, [] { check_figures(1, 79); }},
		      {"RV20", "MS-DHCPM 3.1.4.18: the client of a dormant lease can be given a name", reserved,
		       [] {
			       DHCP_CLIENT_INFO info = basic<DHCP_CLIENT_INFO>(50, 1);
			       info.ClientName = text(u"printer");
			       return RUN(DhcpSetClientInfo, nullptr, &info);
		       },
		       ERROR_SUCCESS,
		       [] {
			       with_lease(50, [](const auto &l) { CHECK(same(l.ClientName, u"printer")); });
			       check_figures(1, 79);
			       must(unreserve(50, 1));
			       no_lease(50);
		       }}});
}

/* ---- the three generations of the element calls ---- */

/* How one generation names its structures and calls. */
template <class DATA_, class RANGE_, class RESERVATION_, class ARRAY_> struct generation {
	using DATA = DATA_;
	using RANGE = RANGE_;
	using RESERVATION = RESERVATION_;
	using ARRAY = ARRAY_;
	std::string suffix;
	std::string add_section, enumerate_section, remove_section;
	DWORD (*add)(const WCHAR *, DHCP_IP_ADDRESS, const DATA *);
	DWORD (*remove)(const WCHAR *, DHCP_IP_ADDRESS, const DATA *, DHCP_FORCE_FLAG);
	DWORD(*enumerate)
	(const WCHAR *, DHCP_IP_ADDRESS, DHCP_SUBNET_ELEMENT_TYPE, DHCP_RESUME_HANDLE *, DWORD, ARRAY **, DWORD *,
	 DWORD *);

	DWORD
	call_add(DHCP_IP_ADDRESS subnet, const DATA *data) const {
		starve_if_wanted();
		return note(("DhcpAddSubnetElement" + suffix).c_str(), add(nullptr, subnet, data));
	}
	DWORD
	call_remove(DHCP_IP_ADDRESS subnet, const DATA *data, DHCP_FORCE_FLAG force) const {
		starve_if_wanted();
		return note(("DhcpRemoveSubnetElement" + suffix).c_str(), remove(nullptr, subnet, data, force));
	}
};

template <class G> struct element {
	typename G::RANGE range{};
	DHCP_IP_RANGE excluded{};
	DHCP_CLIENT_UID uid{};
	typename G::RESERVATION reservation{};
	typename G::DATA data{};

	element() = default;
	element(const element &) = delete;
	element &operator=(const element &) = delete;

	void
	make_range(DHCP_SUBNET_ELEMENT_TYPE type, unsigned first, unsigned last) {
		range.StartAddress = host(first);
		range.EndAddress = host(last);
		data.ElementType = type;
		data.Element.IpRange = &range;
	}
	void
	make_exclusion(unsigned first, unsigned last) {
		excluded = {host(first), host(last)};
		data.ElementType = DhcpExcludedIpRanges;
		data.Element.ExcludeIpRange = &excluded;
	}
	void
	make_reservation(unsigned last, unsigned who) {
		uid = client(who);
		reservation.ReservedIpAddress = host(last);
		reservation.ReservedForClient = &uid;
		data.ElementType = DhcpReservedIps;
		data.Element.ReservedIp = &reservation;
	}
};

void
allow(DHCP_IP_RESERVATION &) {
}

void
allow(DHCP_IP_RESERVATION_V4 &reservation) {
	reservation.bAllowedClientTypes = CLIENT_TYPE_BOTH;
}

template <class G>
std::function<DWORD()>
adding(const G &g, const std::function<void(element<G> &)> &make, DHCP_IP_ADDRESS subnet = S) {
	return [g, make, subnet] {
		element<G> e;
		make(e);
		allow(e.reservation);
		return g.call_add(subnet, &e.data);
	};
}

template <class G>
std::function<DWORD()>
removing(const G &g, const std::function<void(element<G> &)> &make, DHCP_FORCE_FLAG force = DhcpFullForce,
	 DHCP_IP_ADDRESS subnet = S) {
	return [g, make, force, subnet] {
		element<G> e;
		make(e);
		allow(e.reservation);
		return g.call_remove(subnet, &e.data, force);
	};
}

/* One page of elements, as their first addresses. */
template <class G>
std::function<DWORD()>
listing(const G &g, DHCP_SUBNET_ELEMENT_TYPE type, DHCP_RESUME_HANDLE start, DWORD preferred,
	const std::vector<DHCP_IP_ADDRESS> &expected, DHCP_IP_ADDRESS subnet = S) {
	return [=] {
		DHCP_RESUME_HANDLE handle = start;
		DWORD read = 77;
		DWORD total = 77;
		result<typename G::ARRAY> array;
		starve_if_wanted();
		const DWORD code =
			note(("DhcpEnumSubnetElements" + g.suffix).c_str(),
			     g.enumerate(nullptr, subnet, type, &handle, preferred, array.out(), &read, &total));
		check_given(code, array);
		std::vector<DHCP_IP_ADDRESS> found;
		for (DWORD i = 0; array.get() != nullptr && i < array->NumElements; i++) {
			const typename G::DATA &data = array->Elements[i];
			found.push_back(data.ElementType == DhcpReservedIps ? data.Element.ReservedIp->ReservedIpAddress
					: data.ElementType == DhcpExcludedIpRanges
						? data.Element.ExcludeIpRange->StartAddress
						: data.Element.IpRange->StartAddress);
		}
		CHECK(found == expected);
		CHECK_EQUAL(expected.size(), read);
		if (code == ERROR_SUCCESS || code == ERROR_MORE_DATA) {
			CHECK_EQUAL(start + expected.size(), handle);
		} else {
			CHECK_EQUAL(0, total);
		}
		return code;
	};
}

void
furnished() {
	standard();
	must(add_range(DhcpExcludedIpRanges, host(40), host(44)));
	must(reserve(60, 2));
	must(reserve(50, 1));
}

template <class G>
void
add_generation(table_t &table, const std::string &id, const G &g) {
	using E = element<G>;
	const std::string add = g.add_section + " DhcpAddSubnetElement" + g.suffix + ": ";
	const std::string list = g.enumerate_section + " DhcpEnumSubnetElements" + g.suffix + ": ";
	const std::string take = g.remove_section + " DhcpRemoveSubnetElement" + g.suffix + ": ";
	const auto range = [](unsigned first, unsigned last) {
		return [first, last](E &e) { e.make_range(DhcpIpRanges, first, last); };
	};
	const auto typed = [](unsigned type) { return [type](E &e) { put_unknown(e.data.ElementType, type); }; };
	const auto figures_are = [](DWORD in_use, DWORD free) {
		return [in_use, free] { check_figures(in_use, free); };
	};
	table.insert(
		table.end(),
		{{id + "A1", add + "a range", standard, adding<G>(g, range(5, 120)), ERROR_SUCCESS, figures_are(0, 106)},
	         {id + "A2", add + "an exclusion", standard, adding<G>(g, [](E &e) { e.make_exclusion(30, 39); }),
	          ERROR_SUCCESS, figures_are(0, 70)},
	         {id + "A3", add + "a reservation", standard, adding<G>(g, [](E &e) { e.make_reservation(50, 1); }),
	          ERROR_SUCCESS,
	          [] {
			  check_dormant();
			  check_figures(1, 79);
		  }},
	         {id + "A4", add + "no such scope", standard, adding<G>(g, range(5, 120), S2),
	          ERROR_DHCP_SUBNET_NOT_PRESENT},
	         {id + "A5", add + "secondary hosts", standard, adding<G>(g, typed(1)), ERROR_CALL_NOT_IMPLEMENTED},
	         {id + "A6", add + "clusters", standard, adding<G>(g, typed(4)), ERROR_INVALID_PARAMETER},
	         {id + "A7", add + "an unknown type", standard, adding<G>(g, typed(8)), ERROR_INVALID_PARAMETER},
	         {id + "A8", add + "a range that is NULL", standard, adding<G>(g, typed(0)), ERROR_INVALID_PARAMETER},
	         {id + "A9", add + "a reservation that is NULL", standard, adding<G>(g, typed(2)),
	          ERROR_INVALID_PARAMETER},
	         {id + "A10", add + "an exclusion that is NULL", standard, adding<G>(g, typed(3)),
	          ERROR_INVALID_PARAMETER},
	         {id + "A11", add + "no element", standard, [g] { return g.call_add(S, nullptr); },
	          ERROR_INVALID_PARAMETER},
	         {id + "A12", add + "a second range", standard, adding<G>(g, range(200, 210)), ERROR_DHCP_INVALID_RANGE},
	         {id + "A13", add + "address reserved already", furnished,
	          adding<G>(g, [](E &e) { e.make_reservation(50, 3); }), ERROR_DHCP_RESERVEDIP_EXITS},
	         {id + "A14", add + "outside the subnet", standard, adding<G>(g,
	                                                                      [](E &e) {
										      e.make_reservation(50, 1);
										      e.reservation.ReservedIpAddress = S2;
									      }),
	          ERROR_DHCP_NOT_RESERVED_CLIENT},
	         {id + "A15", add + "BOOTP clients forbid a plain range",
	          [] {
			  standard();
			  must(create_with(10, 1, [](auto &l) { l.bClientType = CLIENT_TYPE_BOOTP; }));
		  },
	          adding<G>(g, range(5, 120)), ERROR_DHCP_IPRANGE_CONV_ILLEGAL},
	         {id + "L1", list + "the range", furnished, listing<G>(g, DhcpIpRanges, 0, EVERYTHING, {host(10)}),
	          ERROR_SUCCESS},
	         {id + "L2", list + "exclusions, ascending", furnished,
	          listing<G>(g, DhcpExcludedIpRanges, 0, EVERYTHING, {host(20), host(40)}), ERROR_SUCCESS},
	         {id + "L3", list + "reservations, ascending", furnished,
	          listing<G>(g, DhcpReservedIps, 0, EVERYTHING, {host(50), host(60)}), ERROR_SUCCESS},
	         {id + "L4", list + "the handle is an index", furnished,
	          listing<G>(g, DhcpReservedIps, 1, EVERYTHING, {host(60)}), ERROR_SUCCESS},
	         {id + "L5", list + "a handle at the end", furnished, listing<G>(g, DhcpReservedIps, 2, EVERYTHING, {}),
	          ERROR_NO_MORE_ITEMS},
	         {id + "L6", list + "none of this type", standard, listing<G>(g, DhcpReservedIps, 0, EVERYTHING, {}),
	          ERROR_NO_MORE_ITEMS},
	         {id + "L7", list + "a small page", furnished, listing<G>(g, DhcpReservedIps, 0, 1, {host(50)}),
	          ERROR_MORE_DATA},
	         {id + "L8", list + "ranges, page size 0", furnished, listing<G>(g, DhcpIpRanges, 0, 0, {}),
	          ERROR_NO_MORE_ITEMS},
	         {id + "L9", list + "reservations, page size 0", furnished, listing<G>(g, DhcpReservedIps, 0, 0, {}),
	          ERROR_MORE_DATA},
	         {id + "L10", list + "exclusions, page size 0", furnished, listing<G>(g, DhcpExcludedIpRanges, 0, 0, {}),
	          ERROR_MORE_DATA},
	         {id + "L11", list + "exclusions, page size 0, and there are none",
	          [] {
			  no_scopes();
			  must(create_scope(S, MASK24));
		  },
	          listing<G>(g, DhcpExcludedIpRanges, 0, 0, {}), ERROR_NO_MORE_ITEMS},
	         {id + "L12", list + "secondary hosts", furnished, listing<G>(g, DhcpSecondaryHosts, 0, EVERYTHING, {}),
	          ERROR_NOT_SUPPORTED},
	         {id + "L13", list + "clusters", furnished, listing<G>(g, DhcpIpUsedClusters, 0, EVERYTHING, {}),
	          ERROR_INVALID_PARAMETER},
	         {id + "L14", list + "type 5", furnished, listing<G>(g, DhcpIpRangesDhcpOnly, 0, EVERYTHING, {}),
	          ERROR_INVALID_PARAMETER},
	         {id + "L15", list + "no such scope", furnished, listing<G>(g, DhcpIpRanges, 0, EVERYTHING, {}, S2),
	          ERROR_DHCP_SUBNET_NOT_PRESENT},
	         {id + "D1", take + "the range", standard, removing<G>(g, range(10, 99)), ERROR_SUCCESS,
	          figures_are(0, 0)},
	         {id + "D2", take + "a range with leases, no force", leased, removing<G>(g, range(10, 99), DhcpNoForce),
	          ERROR_DHCP_ELEMENT_CANT_REMOVE},
	         {id + "D3", take + "another range", standard, removing<G>(g, range(10, 98)), ERROR_DHCP_INVALID_RANGE},
	         {id + "D4", take + "an exclusion", standard, removing<G>(g, [](E &e) { e.make_exclusion(20, 29); }),
	          ERROR_SUCCESS, figures_are(0, 90)},
	         {id + "D5", take + "a part of an exclusion", standard,
	          removing<G>(g, [](E &e) { e.make_exclusion(20, 25); }), ERROR_INVALID_PARAMETER},
	         {id + "D6", take + "an exclusion that is none", standard,
	          removing<G>(g, [](E &e) { e.make_exclusion(50, 55); }), ERROR_DHCP_ELEMENT_CANT_REMOVE},
	         {id + "D7", take + "a reservation", furnished, removing<G>(g, [](E &e) { e.make_reservation(50, 1); }),
	          ERROR_SUCCESS, [] { no_lease(50); }},
	         {id + "D8", take + "neither reservation nor lease", standard,
	          removing<G>(g, [](E &e) { e.make_reservation(50, 1); }), ERROR_DHCP_JET_ERROR},
	         {id + "D9", take + "another client's reservation", furnished,
	          removing<G>(g, [](E &e) { e.make_reservation(50, 7); }), ERROR_DHCP_RESERVED_CLIENT},
	         {id + "D10", take + "no such scope", standard, removing<G>(g, range(10, 99), DhcpFullForce, S2),
	          ERROR_DHCP_SUBNET_NOT_PRESENT},
	         {id + "D11", take + "secondary hosts", standard, removing<G>(g, typed(1)), ERROR_CALL_NOT_IMPLEMENTED},
	         {id + "D12", take + "clusters", standard, removing<G>(g, typed(4)), ERROR_INVALID_PARAMETER},
	         {id + "D13", take + "an exclusion that is NULL", standard, removing<G>(g, typed(3)),
	          ERROR_INVALID_PARAMETER},
	         {id + "D14", take + "no element", standard, [g] { return g.call_remove(S, nullptr, DhcpFullForce); },
	          ERROR_INVALID_PARAMETER}});
}

void
add_generations(table_t &table) {
	const generation<DHCP_SUBNET_ELEMENT_DATA, DHCP_IP_RANGE, DHCP_IP_RESERVATION, DHCP_SUBNET_ELEMENT_INFO_ARRAY>
		plain = {"",
			 "MS-DHCPM 3.1.4.5",
			 "MS-DHCPM 3.1.4.6",
			 "MS-DHCPM 3.1.4.7",
			 DhcpAddSubnetElement,
			 DhcpRemoveSubnetElement,
			 DhcpEnumSubnetElements};
	const generation<DHCP_SUBNET_ELEMENT_DATA_V4, DHCP_IP_RANGE, DHCP_IP_RESERVATION_V4,
			 DHCP_SUBNET_ELEMENT_INFO_ARRAY_V4>
		v4 = {"V4",
		      "MS-DHCPM 3.1.4.30",
		      "MS-DHCPM 3.1.4.31",
		      "MS-DHCPM 3.1.4.32",
		      DhcpAddSubnetElementV4,
		      DhcpRemoveSubnetElementV4,
		      DhcpEnumSubnetElementsV4};
	const generation<DHCP_SUBNET_ELEMENT_DATA_V5, DHCP_BOOTP_IP_RANGE, DHCP_IP_RESERVATION_V4,
			 DHCP_SUBNET_ELEMENT_INFO_ARRAY_V5>
		v5 = {"V5",
		      "MS-DHCPM 3.2.4.38",
		      "MS-DHCPM 3.2.4.39",
		      "MS-DHCPM 3.2.4.40",
		      DhcpAddSubnetElementV5,
		      DhcpRemoveSubnetElementV5,
		      DhcpEnumSubnetElementsV5};
	add_generation(table, "L1-", plain);
	add_generation(table, "L4-", v4);
	add_generation(table, "L5-", v5);

	using P = std::decay_t<decltype(plain)>;
	using F = std::decay_t<decltype(v4)>;
	using V = std::decay_t<decltype(v5)>;
	table.insert(
		table.end(),
		{{"57", "MS-DHCPM 3.1.4.30: the same range once more", standard,
		  adding<F>(v4, [](element<F> &e) { e.make_range(DhcpIpRanges, 10, 99); }), ERROR_DHCP_IPRANGE_EXITS},
		 {"L1-A16", "MS-DHCPM 3.1.4.5: the same range once more", standard,
		  adding<P>(plain, [](element<P> &e) { e.make_range(DhcpIpRanges, 10, 99); }),
		  ERROR_DHCP_IPRANGE_EXITS},
		 {"L4-A16", "MS-DHCPM 3.1.4.30: the same range as one of another type", standard,
		  adding<F>(v4, [](element<F> &e) { e.make_range(DhcpIpRangesDhcpOnly, 10, 99); }), ERROR_SUCCESS},
		 {"L5-A16", "MS-DHCPM 3.2.4.38: the V5 call has no code for the same range", standard,
		  adding<V>(v5, [](element<V> &e) { e.make_range(DhcpIpRanges, 10, 99); }), ERROR_SUCCESS,
		  [] { check_figures(0, 80); }},
		 {"L1-L16", "MS-DHCPM 3.1.4.6: type 6", furnished,
		  listing<P>(plain, DhcpIpRangesDhcpBootp, 0, EVERYTHING, {}), ERROR_INVALID_PARAMETER},
		 {"L5-L16", "MS-DHCPM 3.2.4.39: the V5 call accepts type 6", furnished,
		  listing<V>(v5, DhcpIpRangesDhcpBootp, 0, EVERYTHING, {host(10)}), ERROR_SUCCESS},
		 {"L5-L17", "MS-DHCPM 3.2.4.39: a range reports its BOOTP figures, a reservation its client", furnished,
		  [] {
			  DHCP_RESUME_HANDLE handle = 0;
			  DWORD read = 0;
			  DWORD total = 0;
			  result<DHCP_SUBNET_ELEMENT_INFO_ARRAY_V5> ranges;
			  must(RUN(DhcpEnumSubnetElementsV5, nullptr, S, DhcpIpRanges, &handle, EVERYTHING,
				   ranges.out(), &read, &total));
			  CHECK_EQUAL(0, ranges->Elements[0].Element.IpRange->BootpAllocated);
			  CHECK_EQUAL(EVERYTHING, ranges->Elements[0].Element.IpRange->MaxBootpAllowed);
			  CHECK_EQUAL(host(99), ranges->Elements[0].Element.IpRange->EndAddress);
			  result<DHCP_SUBNET_ELEMENT_INFO_ARRAY_V5> reservations;
			  handle = 0;
			  const DWORD code = RUN(DhcpEnumSubnetElementsV5, nullptr, S, DhcpReservedIps, &handle,
						 EVERYTHING, reservations.out(), &read, &total);
			  CHECK(is_client(*reservations->Elements[0].Element.ReservedIp->ReservedForClient, 1));
			  CHECK_EQUAL(CLIENT_TYPE_BOTH,
				      reservations->Elements[0].Element.ReservedIp->bAllowedClientTypes);
			  return code;
		  },
		  ERROR_SUCCESS},
		 {"L5-L18", "this library, option: a reservation with the unique ID of its client", furnished,
		  [] {
			  CHECK_EQUAL(LESSOR_OK,
				      lessor_dhcpsapi_set_options(nullptr, LESSOR_DHCPSAPI_RESERVED_UNIQUE_ID));
			  DHCP_RESUME_HANDLE handle = 0;
			  DWORD read = 0;
			  DWORD total = 0;
			  result<DHCP_SUBNET_ELEMENT_INFO_ARRAY_V5> reservations;
			  const DWORD code = RUN(DhcpEnumSubnetElementsV5, nullptr, S, DhcpReservedIps, &handle,
						 EVERYTHING, reservations.out(), &read, &total);
			  CHECK(is_unique_id(*reservations->Elements[0].Element.ReservedIp->ReservedForClient, S, 1));
			  return code;
		  },
		  ERROR_SUCCESS},
		 {"L1-L18", "MS-DHCPM 3.1.4.5: the plain call reserves for both kinds of clients", standard,
		  [plain] {
			  must(adding<P>(plain, [](element<P> &e) { e.make_reservation(50, 1); })());
			  DHCP_RESUME_HANDLE handle = 0;
			  DWORD read = 0;
			  DWORD total = 0;
			  result<DHCP_RESERVATION_INFO_ARRAY> array;
			  const DWORD code = RUN(DhcpV4EnumSubnetReservations, nullptr, S, &handle, EVERYTHING,
						 array.out(), &read, &total);
			  CHECK_EQUAL(CLIENT_TYPE_BOTH, array->Elements[0]->bAllowedClientTypes);
			  return code;
		  },
		  ERROR_SUCCESS}});
}

/* ---- the self-check ---- */

void
add_scans(table_t &table) {
	const auto scan = [](DHCP_IP_ADDRESS subnet, DWORD expected) {
		return [subnet, expected] {
			result<DHCP_SCAN_LIST> list;
			const DWORD code = RUN(DhcpScanDatabase, nullptr, subnet, 0, list.out());
			check_given(code, list);
			if (code == ERROR_SUCCESS) {
				CHECK_EQUAL(expected, list->NumScanItems);
			}
			return code;
		};
	};
	table.insert(
		table.end(),
		{{"SDB1", "MS-DHCPM 3.1.4.28 DhcpScanDatabase: nothing to say", furnished, scan(S, 0), ERROR_SUCCESS},
		 {"SDB2", "MS-DHCPM 3.1.4.28: a reservation whose client has its lease elsewhere",
		  [] {
			  standard();
			  must(create(60, 1));
			  must(reserve(50, 1));
		  },
		  [] {
			  result<DHCP_SCAN_LIST> list;
			  const DWORD code = RUN(DhcpScanDatabase, nullptr, S, 0, list.out());
			  CHECK_EQUAL(1, list->NumScanItems);
			  CHECK_EQUAL(host(50), list->ScanItems[0].IpAddress);
			  CHECK_EQUAL(DhcpDatabaseFix, list->ScanItems[0].ScanFlag);
			  return code;
		  },
		  ERROR_SUCCESS},
		 {"SDB3", "MS-DHCPM 3.1.4.28: no such scope", standard, scan(S2, 0), ERROR_DHCP_SUBNET_NOT_PRESENT},
		 {"SDB4", "MS-DHCPM 3.1.4.28: no place for the answer", standard,
		  [] { return RUN(DhcpScanDatabase, nullptr, S, 0, nullptr); }, ERROR_INVALID_PARAMETER}});
}

} // namespace

void
add_reservation_rows(table_t &table) {
	add_vectors(table);
	add_more(table);
	add_generations(table);
	add_scans(table);
}

} // namespace conformance
