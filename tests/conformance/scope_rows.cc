/* SPDX-License-Identifier: Apache-2.0 */
/* Scopes, their ranges and their exclusions. */
#include "table.h"
#include "world.h"

namespace conformance {

namespace {

/* ---- creating ---- */

std::function<DWORD()>
creating(
	DHCP_IP_ADDRESS argument, const std::function<void(DHCP_SUBNET_INFO &)> &change = [](DHCP_SUBNET_INFO &) {}) {
	return [argument, change] {
		DHCP_SUBNET_INFO info = scope_info(argument, MASK24);
		change(info);
		return RUN(DhcpCreateSubnet, nullptr, argument, &info);
	};
}

void
check_scope(DHCP_IP_ADDRESS subnet, const std::function<void(const DHCP_SUBNET_INFO &)> &check) {
	result<DHCP_SUBNET_INFO> info;
	const DWORD code = RUN(DhcpGetSubnetInfo, nullptr, subnet, info.out());
	CHECK_EQUAL(ERROR_SUCCESS, code);
	if (code == ERROR_SUCCESS) {
		check(*info);
	}
}

void
add_creates(table_t &table) {
	static const std::u16string name_256 = repeated(u'n', 256);
	static const std::u16string name_257 = repeated(u'n', 257);
	const std::string section = "MS-DHCPM 3.1.4.1 DhcpCreateSubnet";
	const auto overlapping = [](DHCP_IP_ADDRESS subnet, DHCP_IP_MASK mask) {
		return creating(subnet, [mask](auto &info) { info.SubnetMask = mask; });
	};
	table.insert(
		table.end(),
		{{"54", section + " step 5: inside a scope that exists", standard, overlapping(host(128), 0xFFFFFF80u),
		  ERROR_DHCP_SUBNET_EXISTS},
		 {"55", section + " step 4: the address is no subnet of the mask", standard,
		  creating(ip(192, 168, 3, 1)), ERROR_INVALID_PARAMETER},
		 {"SC1", section + " step 6: a scope is created with its members", no_scopes,
		  creating(S,
			   [](auto &info) {
				   info.SubnetName = text(u"office");
				   info.SubnetComment = text(u"1st floor");
				   info.SubnetState = DhcpSubnetDisabled;
				   info.PrimaryHost.IpAddress = 5;
				   info.PrimaryHost.NetBiosName = text(u"ignored");
			   }),
		  ERROR_SUCCESS,
		  [] {
			  check_scope(S, [](const auto &info) {
				  CHECK_EQUAL(S, info.SubnetAddress);
				  CHECK_EQUAL(MASK24, info.SubnetMask);
				  CHECK(same(info.SubnetName, u"office") && same(info.SubnetComment, u"1st floor"));
				  CHECK_EQUAL(DhcpSubnetDisabled, info.SubnetState);
				  CHECK_EQUAL(0x7F000001u, info.PrimaryHost.IpAddress);
				  CHECK(same(info.PrimaryHost.NetBiosName, u"") ||
					info.PrimaryHost.NetBiosName == nullptr);
			  });
			  check_figures(0, 0);
		  }},
		 {"SC2", section + " step 5: the same scope", standard, creating(S), ERROR_DHCP_SUBNET_EXISTS},
		 {"SC3", section + " step 5: around a scope that exists", standard,
		  overlapping(ip(192, 168, 0, 0), 0xFFFF0000u), ERROR_DHCP_SUBNET_EXISTS},
		 {"SC4", section + " step 5: beside a scope that exists", standard, creating(S2), ERROR_SUCCESS},
		 {"SC5", section + " step 2: subnet 0", standard, creating(0), ERROR_INVALID_PARAMETER},
		 {"SC6", section + " step 2: no SubnetInfo", standard,
		  [] { return RUN(DhcpCreateSubnet, nullptr, S2, nullptr); }, ERROR_INVALID_PARAMETER},
		 {"SC7", section + " step 3: argument and structure differ", standard,
		  creating(S2, [](auto &info) { info.SubnetAddress = ip(192, 168, 3, 0); }), ERROR_INVALID_PARAMETER},
		 {"SC8", section + ": a mask with a hole", standard, overlapping(ip(10, 0, 0, 0), 0xFF00FF00u),
		  ERROR_INVALID_PARAMETER},
		 {"SC9", section + ": a state that does not exist", standard,
		  creating(S2, [](auto &info) { info.SubnetState = static_cast<DHCP_SUBNET_STATE>(5); }),
		  ERROR_INVALID_PARAMETER},
		 {"SC10", section + ": a name of 256 units", standard,
		  creating(S2, [](auto &info) { info.SubnetName = text(name_256.c_str()); }), ERROR_SUCCESS,
		  [] { check_scope(S2, [](const auto &info) { CHECK(same(info.SubnetName, name_256.c_str())); }); }},
		 {"SC11", "error page, 20046: a name of 257 units", standard,
		  creating(S2, [](auto &info) { info.SubnetName = text(name_257.c_str()); }),
		  ERROR_DHCP_SCOPE_NAME_TOO_LONG},
		 {"SC12", section + ": 10.0.0.0/8", standard, overlapping(ip(10, 0, 0, 0), 0xFF000000u), ERROR_SUCCESS},
		 {"SC13", section + ": the smallest scope", standard, overlapping(ip(10, 0, 0, 7), 0xFFFFFFFFu),
		  ERROR_SUCCESS, [] { check_scope(ip(10, 0, 0, 7), [](const auto &) {}); }},
		 {"SC14", "MS-DHCPM 3.1.4.49 DhcpCreateSubnetVQ: a scope with the quarantine bit", no_scopes,
		  [] {
			  DHCP_SUBNET_INFO_VQ info{};
			  info.SubnetAddress = S;
			  info.SubnetMask = MASK24;
			  info.QuarantineOn = 1;
			  info.Reserved1 = 5;
			  return RUN(DhcpCreateSubnetVQ, nullptr, S, &info);
		  },
		  ERROR_SUCCESS,
		  [] {
			  result<DHCP_SUBNET_INFO_VQ> info;
			  must(RUN(DhcpGetSubnetInfoVQ, nullptr, S, info.out()));
			  CHECK_EQUAL(1, info->QuarantineOn);
		  }},
		 {"SC15", "MS-DHCPM 3.1.4.49 DhcpCreateSubnetVQ: overlap", standard,
		  [] {
			  DHCP_SUBNET_INFO_VQ info{};
			  info.SubnetAddress = S;
			  info.SubnetMask = MASK24;
			  return RUN(DhcpCreateSubnetVQ, nullptr, S, &info);
		  },
		  ERROR_DHCP_SUBNET_EXISTS},
		 {"SC16", "MS-DHCPM 3.1.4.49 DhcpCreateSubnetVQ: argument and structure differ", standard,
		  [] {
			  DHCP_SUBNET_INFO_VQ info{};
			  info.SubnetAddress = S2;
			  info.SubnetMask = MASK24;
			  return RUN(DhcpCreateSubnetVQ, nullptr, ip(10, 0, 0, 0), &info);
		  },
		  ERROR_INVALID_PARAMETER},
		 {"SC17", "error page, 20046: DhcpCreateSubnetVQ, a name of 257 units", standard,
		  [] {
			  DHCP_SUBNET_INFO_VQ info{};
			  info.SubnetAddress = S2;
			  info.SubnetMask = MASK24;
			  info.SubnetName = text(name_257.c_str());
			  return RUN(DhcpCreateSubnetVQ, nullptr, S2, &info);
		  },
		  ERROR_DHCP_SCOPE_NAME_TOO_LONG},
		 {"SC18", section + ": strings that are NULL stay NULL, empty ones empty", no_scopes,
		  creating(S, [](auto &info) { info.SubnetComment = text(u""); }), ERROR_SUCCESS, [] {
			  check_scope(S, [](const auto &info) {
				  CHECK(info.SubnetName == nullptr && same(info.SubnetComment, u""));
			  });
		  }}});
}

/* ---- changing and reading ---- */

std::function<DWORD()>
setting(DHCP_IP_ADDRESS argument, const std::function<void(DHCP_SUBNET_INFO &)> &change) {
	return [argument, change] {
		DHCP_SUBNET_INFO info = scope_info(argument, MASK24);
		change(info);
		return RUN(DhcpSetSubnetInfo, nullptr, argument, &info);
	};
}

void
add_sets(table_t &table) {
	static const std::u16string name_257 = repeated(u'n', 257);
	const std::string section = "MS-DHCPM 3.1.4.2 DhcpSetSubnetInfo: ";
	const auto mask = [](DHCP_IP_MASK m) { return setting(S, [m](auto &info) { info.SubnetMask = m; }); };
	const auto empty_scope = [] {
		begin();
		must(create_scope(S, MASK24));
	};
	const auto setting_vq = [](DHCP_IP_ADDRESS subnet, const std::function<void(DHCP_SUBNET_INFO_VQ &)> &change) {
		return [subnet, change] {
			DHCP_SUBNET_INFO_VQ info{};
			info.SubnetAddress = subnet;
			info.SubnetMask = MASK24;
			change(info);
			return RUN(DhcpSetSubnetInfoVQ, nullptr, subnet, &info);
		};
	};
	table.insert(
		table.end(),
		{{"SS1", section + "name, comment and state are replaced, leases stay", leased,
		  setting(S,
			  [](auto &info) {
				  info.SubnetName = text(u"lab");
				  info.SubnetComment = text(u"2nd floor");
				  info.SubnetState = DhcpSubnetDisabledSwitched;
			  }),
		  ERROR_SUCCESS,
		  [] {
			  check_scope(S, [](const auto &info) {
				  CHECK(same(info.SubnetName, u"lab") && same(info.SubnetComment, u"2nd floor"));
				  CHECK_EQUAL(DhcpSubnetDisabledSwitched, info.SubnetState);
			  });
			  check_figures(1, 79);
		  }},
		 {"SS2", section + "no such scope", standard, setting(S2, [](auto &) {}),
		  ERROR_DHCP_SUBNET_NOT_PRESENT},
		 {"SS3", section + "no SubnetInfo", standard,
		  [] { return RUN(DhcpSetSubnetInfo, nullptr, S, nullptr); }, ERROR_INVALID_PARAMETER},
		 {"SS4", section + "argument and structure differ", standard,
		  setting(S, [](auto &info) { info.SubnetAddress = S2; }), ERROR_INVALID_PARAMETER},
		 {"SS5", section + "the address is no subnet of the mask", standard, mask(0xFFFF0000u),
		  ERROR_INVALID_PARAMETER},
		 {"SS6", section + "another mask, and the scope has a range", standard, mask(0xFFFFFF80u),
		  ERROR_INVALID_PARAMETER},
		 {"SS7", section + "another mask, and the scope is empty", empty_scope, mask(0xFFFFFF80u),
		  ERROR_SUCCESS,
		  [] { check_scope(S, [](const auto &info) { CHECK_EQUAL(0xFFFFFF80u, info.SubnetMask); }); }},
		 {"SS8", section + "another mask that overlaps a neighbour",
		  [] {
			  begin();
			  must(create_scope(S2, MASK24));
			  must(create_scope(ip(192, 168, 3, 0), MASK24));
		  },
		  [] {
			  DHCP_SUBNET_INFO info = scope_info(S2, 0xFFFFFE00u);
			  return RUN(DhcpSetSubnetInfo, nullptr, S2, &info);
		  },
		  ERROR_DHCP_SUBNET_EXISTS},
		 {"SS9", section + "a name of 257 units", standard,
		  setting(S, [](auto &info) { info.SubnetName = text(name_257.c_str()); }),
		  ERROR_DHCP_SCOPE_NAME_TOO_LONG},
		 {"SS10", section + "a state that does not exist", standard,
		  setting(S, [](auto &info) { info.SubnetState = static_cast<DHCP_SUBNET_STATE>(7); }),
		  ERROR_INVALID_PARAMETER},
		 {"SS11", "MS-DHCPM 3.1.4.51 DhcpSetSubnetInfoVQ: the quarantine bit", standard,
		  setting_vq(S, [](auto &info) { info.QuarantineOn = 1; }), ERROR_SUCCESS,
		  [] {
			  result<DHCP_SUBNET_INFO_VQ> info;
			  must(RUN(DhcpGetSubnetInfoVQ, nullptr, S, info.out()));
			  CHECK_EQUAL(1, info->QuarantineOn);
			  CHECK_EQUAL(0x7F000001u, info->PrimaryHost.IpAddress);
			  CHECK_EQUAL(0, info->Reserved1 + info->Reserved2);
		  }},
		 {"SS12", "MS-DHCPM 3.1.4.51 DhcpSetSubnetInfoVQ: no such scope", standard,
		  setting_vq(S2, [](auto &) {}), ERROR_DHCP_SUBNET_NOT_PRESENT},
		 {"SS13", "MS-DHCPM 3.1.4.51 DhcpSetSubnetInfoVQ: argument and structure differ", standard,
		  setting_vq(S, [](auto &info) { info.SubnetAddress = S2; }), ERROR_INVALID_PARAMETER},
		 {"SS14", "MS-DHCPM 3.1.4.51 DhcpSetSubnetInfoVQ: a name of 257 units", standard,
		  setting_vq(S, [](auto &info) { info.SubnetName = text(name_257.c_str()); }),
		  ERROR_DHCP_SCOPE_NAME_TOO_LONG},
		 {"SS15", "MS-DHCPM 3.1.4.51 DhcpSetSubnetInfoVQ: another mask that overlaps a neighbour",
		  [] {
			  begin();
			  must(create_scope(S2, MASK24));
			  must(create_scope(ip(192, 168, 3, 0), MASK24));
		  },
		  setting_vq(S2, [](auto &info) { info.SubnetMask = 0xFFFFFE00u; }), ERROR_DHCP_SUBNET_EXISTS},
		 {"SS16", section + "that argument and structure differ counts before a missing scope", standard,
		  setting(S2, [](auto &info) { info.SubnetAddress = ip(192, 168, 3, 0); }), ERROR_INVALID_PARAMETER},
		 {"SS17", section + "an address that is no subnet of the mask counts before a missing scope", standard,
		  setting(ip(192, 168, 3, 1), [](auto &) {}), ERROR_INVALID_PARAMETER},
		 {"SG1", "MS-DHCPM 3.1.4.3 DhcpGetSubnetInfo: no such scope", standard,
		  [] {
			  result<DHCP_SUBNET_INFO> info;
			  const DWORD code = RUN(DhcpGetSubnetInfo, nullptr, S2, info.out());
			  check_given(code, info);
			  return code;
		  },
		  ERROR_DHCP_SUBNET_NOT_PRESENT},
		 {"SG2", "MS-DHCPM 3.1.4.3 DhcpGetSubnetInfo: no place for the answer", standard,
		  [] { return RUN(DhcpGetSubnetInfo, nullptr, S, nullptr); }, ERROR_INVALID_PARAMETER},
		 {"SG3", "MS-DHCPM 3.1.4.50 DhcpGetSubnetInfoVQ: no such scope", standard,
		  [] {
			  result<DHCP_SUBNET_INFO_VQ> info;
			  const DWORD code = RUN(DhcpGetSubnetInfoVQ, nullptr, S2, info.out());
			  check_given(code, info);
			  return code;
		  },
		  ERROR_DHCP_SUBNET_NOT_PRESENT},
		 {"SG4", "MS-DHCPM 3.1.4.50 DhcpGetSubnetInfoVQ: no place for the answer", standard,
		  [] { return RUN(DhcpGetSubnetInfoVQ, nullptr, S, nullptr); }, ERROR_INVALID_PARAMETER}});
}

/* ---- enumerating ---- */

void
three_scopes() {
	begin();
	must(create_scope(ip(192, 168, 3, 0), MASK24));
	must(create_scope(S, MASK24));
	must(create_scope(S2, MASK24));
}

std::function<DWORD()>
listing(DHCP_RESUME_HANDLE start, DWORD preferred, const std::vector<DHCP_IP_ADDRESS> &expected) {
	return [=] {
		DHCP_RESUME_HANDLE handle = start;
		result<DHCP_IP_ARRAY> array;
		DWORD read = 77;
		DWORD total = 77;
		const DWORD code = RUN(DhcpEnumSubnets, nullptr, &handle, preferred, array.out(), &read, &total);
		check_given(code, array);
		CHECK_EQUAL(expected.size(), read);
		if (code == ERROR_SUCCESS) {
			CHECK_EQUAL(start + expected.size(), handle);
			CHECK(std::vector<DHCP_IP_ADDRESS>(array->Elements, array->Elements + array->NumElements) ==
			      expected);
		} else {
			CHECK_EQUAL(0, total);
		}
		return code;
	};
}

void
add_lists(table_t &table) {
	const std::string section = "MS-DHCPM 3.1.4.4 DhcpEnumSubnets: ";
	table.insert(
		table.end(),
		{{"SE1", section + "all, ascending", three_scopes, listing(0, EVERYTHING, {S, S2, ip(192, 168, 3, 0)}),
		  ERROR_SUCCESS},
		 {"SE2", section + "the size is a count; more remain, and yet success", three_scopes,
		  listing(0, 2, {S, S2}), ERROR_SUCCESS},
		 {"SE3", section + "the handle is an index", three_scopes, listing(2, 2, {ip(192, 168, 3, 0)}),
		  ERROR_SUCCESS},
		 {"SE4", section + "at the end", three_scopes, listing(3, 2, {}), ERROR_NO_MORE_ITEMS},
		 {"SE5", section + "beyond the end", three_scopes, listing(4000000000u, 2, {}), ERROR_NO_MORE_ITEMS},
		 {"SE6", section + "none asked for", three_scopes, listing(0, 0, {}), ERROR_NO_MORE_ITEMS},
		 {"SE7", section + "no scopes", no_scopes, listing(0, EVERYTHING, {}), ERROR_NO_MORE_ITEMS},
		 {"SE8", section + "a pointer is NULL", three_scopes,
		  [] {
			  DWORD read = 0;
			  DWORD total = 0;
			  result<DHCP_IP_ARRAY> array;
			  return RUN(DhcpEnumSubnets, nullptr, nullptr, 1, array.out(), &read, &total);
		  },
		  ERROR_INVALID_PARAMETER}});
}

/* ---- deleting, delay ---- */

std::function<DWORD()>
deleting(DHCP_IP_ADDRESS subnet, DHCP_FORCE_FLAG force) {
	return [subnet, force] { return RUN(DhcpDeleteSubnet, nullptr, subnet, force); };
}

void
add_deletes(table_t &table) {
	const std::string section = "MS-DHCPM 3.1.4.8 DhcpDeleteSubnet: ";
	const auto gone = [] {
		result<DHCP_SUBNET_INFO> info;
		CHECK_EQUAL(ERROR_DHCP_SUBNET_NOT_PRESENT, RUN(DhcpGetSubnetInfo, nullptr, S, info.out()));
		CHECK(all_leases(0).empty());
		CHECK_EQUAL(ERROR_DHCP_SUBNET_NOT_PRESENT, create(10, 1));
	};
	table.insert(
		table.end(),
		{{"59a", section + "leases, and no force", leased, deleting(S, DhcpNoForce),
		  ERROR_DHCP_ELEMENT_CANT_REMOVE},
		 {"59b", section + "leases, and force", leased, deleting(S, DhcpFullForce), ERROR_SUCCESS, gone},
		 {"SD1", section + "no leases, and no force", standard, deleting(S, DhcpNoForce), ERROR_SUCCESS, gone},
		 {"SD2", section + "no such scope", standard, deleting(S2, DhcpFullForce),
		  ERROR_DHCP_SUBNET_NOT_PRESENT},
		 {"SD3", section + "a dormant reservation served nobody yet",
		  [] {
			  standard();
			  must(reserve(50, 1));
		  },
		  deleting(S, DhcpNoForce), ERROR_SUCCESS, gone},
		 {"SD4", section + "the failover force deletes as well", leased, deleting(S, DhcpFailoverForce),
		  ERROR_SUCCESS, gone},
		 {"SD5", section + "reservations and leases go with it",
		  [] {
			  leased();
			  must(reserve(50, 2));
			  must(create_scope(S2, MASK24));
		  },
		  deleting(S, DhcpFullForce), ERROR_SUCCESS,
		  [] {
			  must(create_scope(S, MASK24));
			  DHCP_RESUME_HANDLE handle = 0;
			  DWORD read = 0;
			  DWORD total = 0;
			  result<DHCP_RESERVATION_INFO_ARRAY> array;
			  CHECK_EQUAL(ERROR_NO_MORE_ITEMS, RUN(DhcpV4EnumSubnetReservations, nullptr, S, &handle,
							       EVERYTHING, array.out(), &read, &total));
			  check_figures(0, 0);
			  must(create(10, 1));
		  }},
		 {"SD6", section + "a doomed lease is a lease",
		  [] {
			  standard();
			  must(create_with(10, 1, [](auto &l) { l.AddressState = ADDRESS_STATE_DOOM; }));
		  },
		  deleting(S, DhcpNoForce), ERROR_DHCP_ELEMENT_CANT_REMOVE}});
}

void
add_delays(table_t &table) {
	const std::string set = "MS-DHCPM 3.2.4.80 DhcpSetSubnetDelayOffer: ";
	const std::string get = "MS-DHCPM 3.2.4.81 DhcpGetSubnetDelayOffer: ";
	const auto is = [](USHORT expected) {
		return [expected] {
			USHORT delay = 7;
			must(RUN(DhcpGetSubnetDelayOffer, nullptr, S, &delay));
			CHECK_EQUAL(expected, delay);
		};
	};
	const auto setting_delay = [](DHCP_IP_ADDRESS subnet, USHORT delay) {
		return [subnet, delay] { return RUN(DhcpSetSubnetDelayOffer, nullptr, subnet, delay); };
	};
	table.insert(table.end(),
		     {{"SY1", set + "1000 ms", standard, setting_delay(S, 1000), ERROR_SUCCESS, is(1000)},
		      {"SY2", set + "1001 ms", standard, setting_delay(S, 1001), ERROR_DHCP_INVALID_DELAY, is(0)},
		      {"SY3", set + "no such scope", standard, setting_delay(S2, 5), ERROR_DHCP_SUBNET_NOT_PRESENT},
		      {"SY4", set + "back to none",
		       [] {
			       standard();
			       must(RUN(DhcpSetSubnetDelayOffer, nullptr, S, 5));
		       },
		       setting_delay(S, 0), ERROR_SUCCESS, is(0)},
		      {"SY5", get + "no such scope", standard,
		       [] {
			       USHORT delay = 7;
			       return RUN(DhcpGetSubnetDelayOffer, nullptr, S2, &delay);
		       },
		       ERROR_DHCP_SUBNET_NOT_PRESENT},
		      {"SY6", get + "no place for the answer", standard,
		       [] { return RUN(DhcpGetSubnetDelayOffer, nullptr, S, nullptr); }, ERROR_INVALID_PARAMETER},
		      {"SY7", set + "too long counts before a missing scope", standard, setting_delay(S2, 1001),
		       ERROR_DHCP_INVALID_DELAY}});
}

/* ---- ranges and exclusions ---- */

std::function<DWORD()>
adding(DHCP_SUBNET_ELEMENT_TYPE type, unsigned first, unsigned last) {
	return [=] { return add_range(type, host(first), host(last)); };
}

std::function<DWORD()>
removing(DHCP_SUBNET_ELEMENT_TYPE type, unsigned first, unsigned last, DHCP_FORCE_FLAG force) {
	return [=] { return remove_range(type, host(first), host(last), force); };
}

std::function<void()>
figures_are(DWORD in_use, DWORD free) {
	return [in_use, free] { check_figures(in_use, free); };
}

void
without_range() {
	begin();
	must(create_scope(S, MASK24));
}

void
add_ranges(table_t &table) {
	const std::string section = "MS-DHCPM 3.2.4.38 ";
	const auto of_type = [](BYTE type) {
		return [type] {
			standard();
			must(create_with(10, 1, [type](auto &l) { l.bClientType = type; }));
		};
	};
	table.insert(
		table.end(),
		{{"56a", section + "step 7: a range that contains the present one resizes it", standard,
		  adding(DhcpIpRanges, 5, 120), ERROR_SUCCESS, figures_are(0, 106)},
		 {"56b", section + "step 7: a second range is refused",
		  [] {
			  standard();
			  must(add_range(DhcpIpRanges, host(5), host(120)));
		  },
		  adding(DhcpIpRanges, 200, 210), ERROR_DHCP_INVALID_RANGE},
		 {"58a", "MS-DHCPM 3.2.4.40: a range with leases, and no force", leased,
		  removing(DhcpIpRanges, 10, 99, DhcpNoForce), ERROR_DHCP_ELEMENT_CANT_REMOVE},
		 {"58b", "MS-DHCPM 3.2.4.40: a range with leases, and force", leased,
		  removing(DhcpIpRanges, 10, 99, DhcpFullForce), ERROR_SUCCESS,
		  [] {
			  check_figures(0, 0);
			  no_lease(10);
		  }},
		 {"R1", section + "step 6: the first range", without_range, adding(DhcpIpRanges, 1, 254), ERROR_SUCCESS,
		  figures_are(0, 254)},
		 {"R2", section + "step 7: leases are counted again when a range grows",
		  [] {
			  standard();
			  must(create(100, 1));
			  must(create(101, 2));
			  must(create(9, 3));
		  },
		  adding(DhcpIpRanges, 10, 100), ERROR_SUCCESS, figures_are(1, 80)},
		 {"R3", section + "step 7: a smaller range leaves leases outside, uncounted",
		  [] {
			  leased();
			  must(create(99, 2));
		  },
		  adding(DhcpIpRanges, 11, 98), ERROR_SUCCESS,
		  [] {
			  check_figures(0, 78);
			  CHECK_EQUAL(2, all_leases(S).size());
		  }},
		 {"R4", section + "step 1: inverted", standard, adding(DhcpIpRanges, 99, 10), ERROR_DHCP_INVALID_RANGE},
		 {"R5", section + "step 7: overlapping, but not around", standard, adding(DhcpIpRanges, 50, 150),
		  ERROR_DHCP_INVALID_RANGE},
		 {"R6", section + ": outside the subnet", without_range,
		  [] { return add_range(DhcpIpRanges, S2 + 1, S2 + 9); }, ERROR_DHCP_INVALID_RANGE},
		 {"R7", section + ": beyond the subnet's end", without_range,
		  [] { return add_range(DhcpIpRanges, host(1), S2); }, ERROR_DHCP_INVALID_RANGE},
		 {"R8", section + "step 3: the same range as a BOOTP one is a conversion", standard,
		  adding(DhcpIpRangesDhcpBootp, 10, 99), ERROR_SUCCESS, figures_are(0, 80)},
		 {"R9", section + "step 3: the same range as a DHCP one", standard,
		  adding(DhcpIpRangesDhcpOnly, 10, 99), ERROR_SUCCESS, figures_are(0, 80)},
		 {"R10", section + "step 4: a DHCP range over BOOTP clients", of_type(CLIENT_TYPE_BOOTP),
		  adding(DhcpIpRangesDhcpOnly, 5, 120), ERROR_DHCP_IPRANGE_CONV_ILLEGAL},
		 {"R11", section + "step 4: a plain range over BOOTP clients", of_type(CLIENT_TYPE_BOOTP),
		  adding(DhcpIpRanges, 5, 120), ERROR_DHCP_IPRANGE_CONV_ILLEGAL},
		 {"R12", section + "step 4: a BOOTP range over DHCP clients", of_type(CLIENT_TYPE_DHCP),
		  adding(DhcpIpRangesBootpOnly, 5, 120), ERROR_DHCP_IPRANGE_CONV_ILLEGAL},
		 {"R13", section + "step 4: a mixed range over BOOTP clients", of_type(CLIENT_TYPE_BOOTP),
		  adding(DhcpIpRangesDhcpBootp, 5, 120), ERROR_SUCCESS, figures_are(1, 105)},
		 {"R14", section + ": the whole subnet, network and broadcast address too", without_range,
		  adding(DhcpIpRanges, 0, 255), ERROR_SUCCESS, figures_are(0, 256)},
		 {"R15", "MS-DHCPM 3.2.4.40: not exactly the range", standard,
		  removing(DhcpIpRanges, 10, 98, DhcpFullForce), ERROR_DHCP_INVALID_RANGE},
		 {"R16", "MS-DHCPM 3.2.4.40: no range at all", without_range,
		  removing(DhcpIpRanges, 10, 99, DhcpFullForce), ERROR_DHCP_INVALID_RANGE},
		 {"R17", "MS-DHCPM 3.2.4.40: a range without leases, and no force", standard,
		  removing(DhcpIpRanges, 10, 99, DhcpNoForce), ERROR_SUCCESS, figures_are(0, 0)},
		 {"R18", "MS-DHCPM 3.2.4.40: leases outside the range are no obstacle and stay",
		  [] {
			  standard();
			  must(create(200, 1));
		  },
		  removing(DhcpIpRanges, 10, 99, DhcpNoForce), ERROR_SUCCESS,
		  [] { CHECK_EQUAL(1, all_leases(S).size()); }},
		 {"R19", "MS-DHCPM 3.2.4.40: force spares reservations, and exclusions stay",
		  [] {
			  leased();
			  must(reserve(50, 2));
		  },
		  removing(DhcpIpRanges, 10, 99, DhcpFullForce), ERROR_SUCCESS,
		  [] {
			  CHECK(all_leases(S) == (std::vector<DHCP_IP_ADDRESS>{host(50)}));
			  must(add_range(DhcpIpRanges, host(10), host(99)));
			  check_figures(1, 79);
		  }},
		 {"R20", section + "step 4: the range of a scope with the type of the client unspecified",
		  of_type(CLIENT_TYPE_UNSPECIFIED), adding(DhcpIpRangesDhcpOnly, 5, 120), ERROR_SUCCESS}});
}

void
add_exclusions(table_t &table) {
	const std::string add = "MS-DHCPM 3.2.4.38 exclusion: ";
	const std::string remove = "MS-DHCPM 3.2.4.40 exclusion: ";
	table.insert(
		table.end(),
		{{"XC1", add + "fewer free addresses", standard, adding(DhcpExcludedIpRanges, 30, 39), ERROR_SUCCESS,
		  figures_are(0, 70)},
		 {"XC2", add + "leases inside live on, uncounted", leased, adding(DhcpExcludedIpRanges, 10, 19),
		  ERROR_SUCCESS,
		  [] {
			  check_figures(0, 70);
			  must(look(at(10)));
		  }},
		 {"XC3", add + "the same once more", standard, adding(DhcpExcludedIpRanges, 20, 29), ERROR_SUCCESS,
		  [] {
			  must(remove_range(DhcpExcludedIpRanges, host(20), host(29), DhcpFullForce));
			  check_figures(0, 90);
		  }},
		 {"XC4", add + "overlapping another", standard, adding(DhcpExcludedIpRanges, 25, 34), ERROR_SUCCESS,
		  figures_are(0, 75)},
		 {"XC5", add + "inverted", standard, adding(DhcpExcludedIpRanges, 34, 30), ERROR_DHCP_INVALID_RANGE},
		 {"XC6", add + "outside the subnet", standard,
		  [] { return add_range(DhcpExcludedIpRanges, S2 + 1, S2 + 2); }, ERROR_DHCP_INVALID_RANGE},
		 {"XC7", remove + "counts again, with the leases inside",
		  [] {
			  standard();
			  must(create(25, 1));
		  },
		  removing(DhcpExcludedIpRanges, 20, 29, DhcpFullForce), ERROR_SUCCESS, figures_are(1, 89)},
		 {"XC8", remove + "the start lies in none", standard,
		  removing(DhcpExcludedIpRanges, 30, 39, DhcpFullForce), ERROR_DHCP_ELEMENT_CANT_REMOVE},
		 {"XC9", remove + "the start lies in one that is not equal", standard,
		  removing(DhcpExcludedIpRanges, 20, 28, DhcpFullForce), ERROR_INVALID_PARAMETER},
		 {"XC10", remove + "the start lies inside one", standard,
		  removing(DhcpExcludedIpRanges, 25, 40, DhcpFullForce), ERROR_INVALID_PARAMETER},
		 {"XC11", add + "one address", standard, adding(DhcpExcludedIpRanges, 10, 10), ERROR_SUCCESS,
		  figures_are(0, 79)},
		 {"XC12", add + "outside the range", standard, adding(DhcpExcludedIpRanges, 200, 210), ERROR_SUCCESS,
		  figures_are(0, 80)}});
}

} // namespace

void
add_scope_rows(table_t &table) {
	add_creates(table);
	add_sets(table);
	add_lists(table);
	add_deletes(table);
	add_delays(table);
	add_ranges(table);
	add_exclusions(table);
}

} // namespace conformance
