/* SPDX-License-Identifier: Apache-2.0 */
/* DhcpV4CreateClientInfo and its Ex form, reading and deleting leases. */
#include "table.h"
#include "world.h"

namespace conformance {

namespace {

/* A create that differs from the plain one by one thing. */
std::function<DWORD()>
creating(const std::function<void(DHCP_CLIENT_INFO_PB &)> &change) {
	return [change] { return create_with(10, 1, change); };
}

std::function<void()>
figures_are(DWORD in_use, DWORD free) {
	return [in_use, free] { check_figures(in_use, free); };
}

/* Check one thing about the lease at .10. */
std::function<void()>
lease_has(const std::function<void(const DHCP_CLIENT_INFO_PB &)> &check) {
	return [check] { with_lease(10, check); };
}

std::function<DWORD()>
with_state(unsigned state) {
	return creating([state](DHCP_CLIENT_INFO_PB &l) { l.AddressState = static_cast<BYTE>(state); });
}

void
add_creates(table_t &table) {
	table.insert(table.end(),
		     {{"1", "MS-DHCPM 3.2.4.123 steps 10-12: a lease is created, and counts as in use", standard,
		       [] { return create(10, 1); }, ERROR_SUCCESS, figures_are(1, 79)},
		      {"2", "MS-DHCPM 3.2.4.123 step 9: one lease of a client in a scope", leased,
		       [] { return create(11, 1); }, ERROR_DHCP_CLIENT_EXISTS, figures_are(1, 79)},
		      {"3", "MS-DHCPM 3.2.4.123 step 9: one lease at an address", leased, [] { return create(10, 2); },
		       ERROR_DHCP_CLIENT_EXISTS,
		       lease_has([](const auto &l) { CHECK(is_client(l.ClientHardwareAddress, 1)); })},
		      {"4", "page DhcpV4CreateClientInfo: the same lease again exists already, and stays as it is",
		       leased, creating([](auto &l) { l.ClientName = text(u"other"); }), ERROR_DHCP_CLIENT_EXISTS,
		       lease_has([](const auto &l) { CHECK(l.ClientName == nullptr); })},
		      {"5", "MS-DHCPM 2.2.1.2.5.2: a client may have a lease in each scope",
		       [] {
			       leased();
			       must(create_scope(S2, MASK24));
		       },
		       creating([](auto &l) { l.ClientIpAddress = ip(192, 168, 2, 10); }), ERROR_SUCCESS,
		       [] { CHECK_EQUAL(2, all_leases(0).size()); }},
		      {"6", "page DhcpV4CreateClientInfo: no scope for the address", standard,
		       creating([](auto &l) { l.ClientIpAddress = ip(10, 0, 0, 1); }), ERROR_DHCP_SUBNET_NOT_PRESENT},
		      {"7a", "MS-DHCPM 3.2.4.123 step 3: no identifier (Data NULL)", standard,
		       creating([](auto &l) { l.ClientHardwareAddress.Data = nullptr; }), ERROR_INVALID_PARAMETER},
		      {"7b", "MS-DHCPM 3.2.4.123 step 3: an empty identifier (DataLength 0)", standard,
		       creating([](auto &l) { l.ClientHardwareAddress.DataLength = 0; }), ERROR_INVALID_PARAMETER},
		      {"8a", "page DhcpV4CreateClientInfo: AddressState is optional, 0 is stored as ACTIVE", standard,
		       with_state(0), ERROR_SUCCESS,
		       [] {
			       with_lease(10, [](const auto &l) { CHECK_EQUAL(ADDRESS_STATE_ACTIVE, l.AddressState); });
			       check_figures(1, 79);
		       }},
		      {"8b", "MS-DHCPM 3.2.4.123 step 4: OFFERED cannot be created (strict engine)",
		       [] {
			       begin(true);
			       must(create_scope(S, MASK24));
		       },
		       with_state(0), ERROR_INVALID_PARAMETER},
		      {"9", "MS-DHCPM 3.2.4.123 step 4: OFFERED with a flag was meant, and is refused", standard,
		       with_state(0x10), ERROR_INVALID_PARAMETER},
		      {"10", "MS-DHCPM 2.2.1.2.16: all eight bits of AddressState are kept", standard, with_state(0x71),
		       ERROR_SUCCESS, lease_has([](const auto &l) { CHECK_EQUAL(0x71, l.AddressState); })},
		      {"11", "MS-DHCPM 3.2.4.123 step 1: ClientInfo is NULL", standard,
		       [] { return RUN(DhcpV4CreateClientInfo, nullptr, nullptr); }, ERROR_INVALID_PARAMETER},
		      {"12", "MS-DHCPM 3.5.5: a reader may not create",
		       [] {
			       standard();
			       bind(LESSOR_ACCESS_READ);
		       },
		       [] { return create(10, 1); }, ERROR_ACCESS_DENIED},
		      {"13", "MS-DHCPM 3.2.4.123 steps 2, 3: access is asked before the identifier",
		       [] {
			       standard();
			       bind(LESSOR_ACCESS_READ);
		       },
		       creating([](auto &l) { l.ClientHardwareAddress.Data = nullptr; }), ERROR_ACCESS_DENIED},
		      {"14", "page DhcpV4CreateClientInfo: ClientIpAddress is required", standard,
		       creating([](auto &l) { l.ClientIpAddress = 0; }), ERROR_INVALID_PARAMETER},
		      {"15", "MS-DHCPM 3.2.4.123: an address outside the range is accepted, and not counted", standard,
		       [] { return create(200, 1); }, ERROR_SUCCESS, figures_are(0, 80)},
		      {"16", "MS-DHCPM 3.2.4.123: an excluded address is accepted, and not counted", standard,
		       [] { return create(25, 1); }, ERROR_SUCCESS, figures_are(0, 80)},
		      {"17", "MS-DHCPM 3.2.4.123 step 11: a declined address is in use", standard,
		       with_state(ADDRESS_STATE_DECLINED), ERROR_SUCCESS, figures_are(1, 79)},
		      {"18a", "MS-DHCPM 3.2.4.123 step 11: a doomed address is not in use", standard,
		       with_state(ADDRESS_STATE_DOOM), ERROR_SUCCESS, figures_are(0, 80)},
		      {"18b", "MS-DHCPM 3.2.4.123 step 9: a doomed lease is still in the way",
		       [] {
			       standard();
			       must(create_with(10, 1, [](auto &l) { l.AddressState = ADDRESS_STATE_DOOM; }));
		       },
		       [] { return create(10, 2); }, ERROR_DHCP_CLIENT_EXISTS},
		      {"19", "MS-DHCPM 2.2.1.1.2: the state of the scope is no matter for a create",
		       [] {
			       standard();
			       lessor_scope_t scope = {};
			       scope.subnet = S;
			       scope.state = LESSOR_SCOPE_DISABLED;
			       CHECK_EQUAL(LESSOR_OK, lessor_scope_update(engine(), &scope, LESSOR_SCOPE_FIELD_STATE,
									  LESSOR_ASYNC, nullptr));
		       },
		       [] { return create(10, 1); }, ERROR_SUCCESS, figures_are(1, 79)},
		      {"20", "MS-DHCPM 3.2.4.123 step 10: the scope's mask is stored, not the caller's", standard,
		       creating([](auto &l) { l.SubnetMask = 0xFF000000u; }), ERROR_SUCCESS,
		       lease_has([](const auto &l) { CHECK_EQUAL(MASK24, l.SubnetMask); })},
		      {"21", "page DhcpV4CreateClientInfo: the policy need not exist", standard,
		       creating([](auto &l) { l.PolicyName = text(u"none-such"); }), ERROR_SUCCESS,
		       lease_has([](const auto &l) { CHECK(same(l.PolicyName, u"none-such")); })},
		      {"22a", "page Add-DhcpServerv4Lease: an expiry in the past is accepted", standard,
		       creating([](auto &l) { l.ClientLeaseExpires = date(A_PAST_TIME); }), ERROR_SUCCESS,
		       [] {
			       with_lease(10,
					  [](const auto &l) { CHECK_EQUAL(A_PAST_TIME, ticks(l.ClientLeaseExpires)); });
			       check_figures(1, 79);
		       }},
		      {"22b", "MS-DHCPM 3.2.4.123 step 9: an expired lease is still in the way",
		       [] {
			       standard();
			       must(create_with(10, 1, [](auto &l) { l.ClientLeaseExpires = date(A_PAST_TIME); }));
		       },
		       [] { return create(10, 2); }, ERROR_DHCP_CLIENT_EXISTS},
		      {"23", "page DhcpV4CreateClientInfo: bClientType is the caller's", standard,
		       creating([](auto &l) { l.bClientType = CLIENT_TYPE_BOOTP; }), ERROR_SUCCESS, [] {
			       const DHCP_SEARCH_INFO search = at(10);
			       result<DHCP_CLIENT_INFO_V4> found;
			       CHECK_EQUAL(ERROR_SUCCESS, RUN(DhcpGetClientInfoV4, nullptr, &search, found.out()));
			       CHECK_EQUAL(CLIENT_TYPE_BOOTP, found->bClientType);
		       }}});
}

void
add_members(table_t &table) {
	static const std::u16string name_1024 = repeated(u'n', 1024);
	static const std::u16string name_1025 = repeated(u'n', 1025);
	static const std::u16string comment_127 = repeated(u'\u00E9', 127);
	static const std::u16string comment_128 = repeated(u'c', 128);
	static const std::u16string policy_63 = repeated(u'\u4E2D', 63);
	static const std::u16string policy_64 = repeated(u'p', 64);
	static BYTE long_id[256] = {1, 2, 3};
	table.insert(
		table.end(),
		{{"M1", "page DhcpV4CreateClientInfo: two members suffice, everything else is zero", standard,
		  [] {
			  DHCP_CLIENT_INFO_PB info{};
			  info.ClientIpAddress = host(10);
			  info.ClientHardwareAddress = client(1);
			  return RUN(DhcpV4CreateClientInfo, nullptr, &info);
		  },
		  ERROR_SUCCESS,
		  [] {
			  with_lease(10, [](const auto &l) {
				  CHECK(l.ClientName == nullptr && l.ClientComment == nullptr &&
					l.PolicyName == nullptr);
				  CHECK_EQUAL(0, ticks(l.ClientLeaseExpires));
				  CHECK_EQUAL(CLIENT_TYPE_UNSPECIFIED, l.bClientType);
				  CHECK_EQUAL(ADDRESS_STATE_ACTIVE, l.AddressState);
				  CHECK_EQUAL(NOQUARANTINE, l.Status);
				  CHECK_EQUAL(FILTER_STATUS_NONE, l.FilterStatus);
			  });
			  check_figures(1, 79);
		  }},
		 {"M2", "MS-DHCPM 2.2.1.2.115: names, expiry, quarantine and policy are the caller's", standard,
		  creating([](auto &l) {
			  l.ClientName = text(u"pc-\u00FC\U0001F5A5");
			  l.ClientComment = text(u"");
			  l.ClientLeaseExpires = date(A_TIME);
			  l.Status = PROBATION;
			  l.ProbationEnds = date(A_TIME + 1);
			  l.QuarantineCapable = 7;
			  l.PolicyName = text(u"guests");
		  }),
		  ERROR_SUCCESS, lease_has([](const auto &l) {
			  CHECK(same(l.ClientName, u"pc-\u00FC\U0001F5A5"));
			  CHECK(same(l.ClientComment, u""));
			  CHECK_EQUAL(A_TIME, ticks(l.ClientLeaseExpires));
			  CHECK_EQUAL(PROBATION, l.Status);
			  CHECK_EQUAL(A_TIME + 1, ticks(l.ProbationEnds));
			  CHECK_EQUAL(TRUE, l.QuarantineCapable);
			  CHECK(same(l.PolicyName, u"guests"));
		  })},
		 {"M3", "MS-DHCPM 3.2.4.123 step 10: the owner is the server, its address from the server string",
		  standard,
		  [] {
			  DHCP_CLIENT_INFO_PB info = lease(10, 1);
			  info.OwnerHost.IpAddress = 1;
			  info.OwnerHost.NetBiosName = text(u"liar");
			  info.OwnerHost.HostName = text(u"liar");
			  return RUN(DhcpV4CreateClientInfo, u"172.16.3.4", &info);
		  },
		  ERROR_SUCCESS, lease_has([](const auto &l) {
			  CHECK_EQUAL(ip(172, 16, 3, 4), l.OwnerHost.IpAddress);
			  CHECK(same(l.OwnerHost.NetBiosName, u"DHCP1"));
			  CHECK(l.OwnerHost.HostName == nullptr);
		  })},
		 {"M4", "MS-DHCPM 3.2.4.123 step 10: a server name leaves the server's own address", standard,
		  [] {
			  DHCP_CLIENT_INFO_PB info = lease(10, 1);
			  return RUN(DhcpV4CreateClientInfo, u"dhcp1.example", &info);
		  },
		  ERROR_SUCCESS, lease_has([](const auto &l) { CHECK_EQUAL(ip(10, 0, 0, 1), l.OwnerHost.IpAddress); })},
		 {"M5", "MS-DHCPM 2.2.1.2.115: FilterStatus is not an input", standard,
		  creating([](auto &l) { l.FilterStatus = 0xFFFFFFFFu; }), ERROR_SUCCESS,
		  lease_has([](const auto &l) { CHECK_EQUAL(FILTER_STATUS_NONE, l.FilterStatus); })},
		 {"M6", "MS-DHCPM note <11>: an identifier of 255 bytes", standard, creating([](auto &l) {
			  l.ClientHardwareAddress = {255, long_id};
		  }),
		  ERROR_SUCCESS,
		  lease_has([](const auto &l) { CHECK_EQUAL(255, l.ClientHardwareAddress.DataLength); })},
		 {"M7", "MS-DHCPM note <11>: an identifier of 256 bytes", standard, creating([](auto &l) {
			  l.ClientHardwareAddress = {256, long_id};
		  }),
		  ERROR_INVALID_PARAMETER},
		 {"M8", "MS-DHCPM 2.2.1.2.5: an identifier of one byte", standard,
		  creating([](auto &l) { l.ClientHardwareAddress.DataLength = 1; }), ERROR_SUCCESS,
		  lease_has([](const auto &l) { CHECK_EQUAL(1, l.ClientHardwareAddress.DataLength); })},
		 {"M9", "MS-DHCPM 2.2.1.2.115: a comment of 127 units", standard,
		  creating([](auto &l) { l.ClientComment = text(comment_127.c_str()); }), ERROR_SUCCESS,
		  lease_has([](const auto &l) { CHECK(same(l.ClientComment, comment_127.c_str())); })},
		 {"M10", "MS-DHCPM 2.2.1.2.115: a comment of 128 units", standard,
		  creating([](auto &l) { l.ClientComment = text(comment_128.c_str()); }), ERROR_INVALID_PARAMETER},
		 {"M11", "MS-DHCPM 2.2.1.2.115: a policy name of 63 units", standard,
		  creating([](auto &l) { l.PolicyName = text(policy_63.c_str()); }), ERROR_SUCCESS,
		  lease_has([](const auto &l) { CHECK(same(l.PolicyName, policy_63.c_str())); })},
		 {"M12", "MS-DHCPM 2.2.1.2.115: a policy name of 64 units", standard,
		  creating([](auto &l) { l.PolicyName = text(policy_64.c_str()); }), ERROR_INVALID_PARAMETER},
		 {"M13", "this library: a name of 1024 units", standard,
		  creating([](auto &l) { l.ClientName = text(name_1024.c_str()); }), ERROR_SUCCESS,
		  lease_has([](const auto &l) { CHECK(same(l.ClientName, name_1024.c_str())); })},
		 {"M14", "this library: a name of 1025 units", standard,
		  creating([](auto &l) { l.ClientName = text(name_1025.c_str()); }), ERROR_INVALID_PARAMETER},
		 {"M15", "MS-DHCPM 2.2.1.2.14: a client type that does not exist", standard,
		  creating([](auto &l) { l.bClientType = 8; }), ERROR_INVALID_PARAMETER},
		 {"M16", "MS-DHCPM 2.2.1.2.14: CLIENT_TYPE_NONE is 0x64", standard,
		  creating([](auto &l) { l.bClientType = CLIENT_TYPE_NONE; }), ERROR_SUCCESS,
		  lease_has([](const auto &l) { CHECK_EQUAL(0x64, l.bClientType); })},
		 {"M17", "MS-DHCPM 2.2.1.2.14: DHCP and BOOTP with a reservation", standard,
		  creating([](auto &l) { l.bClientType = CLIENT_TYPE_BOTH | CLIENT_TYPE_RESERVATION_FLAG; }),
		  ERROR_SUCCESS, lease_has([](const auto &l) { CHECK_EQUAL(7, l.bClientType); })},
		 {"M18", "MS-DHCPM 2.2.1.1.11: a quarantine status that does not exist", standard,
		  creating([](auto &l) { l.Status = static_cast<QuarantineStatus>(7); }), ERROR_INVALID_PARAMETER},
		 {"M19", "MS-DHCPM 3.2.4.123 step 7: the broadcast address is an address of the scope", standard,
		  [] { return create(255, 1); }, ERROR_SUCCESS, figures_are(0, 80)},
		 {"M20", "MS-DHCPM 3.2.4.123 step 7: the subnet address is an address of the scope", standard,
		  [] { return create(0, 1); }, ERROR_SUCCESS, figures_are(0, 80)},
		 {"M21", "MS-DHCPM 3.2.4.123: a name that another lease has", standard,
		  [] {
			  must(create_with(11, 2, [](auto &l) { l.ClientName = text(u"pc"); }));
			  return create_with(10, 1, [](auto &l) { l.ClientName = text(u"pc"); });
		  },
		  ERROR_SUCCESS, figures_are(2, 78)},
		 {"M22", "MS-DHCPM 3.2.4.123 step 3: DataLength without Data", standard, creating([](auto &l) {
			  l.ClientHardwareAddress = {0xFFFFFFFFu, nullptr};
		  }),
		  ERROR_INVALID_PARAMETER},
		 {"M23", "MS-DHCPM 3.2.4.123 steps 3, 7: a bad identifier counts before a missing scope", standard,
		  creating([](auto &l) {
			  l.ClientIpAddress = ip(10, 0, 0, 1);
			  l.ClientHardwareAddress.DataLength = 0;
		  }),
		  ERROR_INVALID_PARAMETER},
		 {"M24", "MS-DHCPM 2.2.1.1.28: the never-expiring lease", standard, [] { return create(10, 1); },
		  ERROR_SUCCESS, lease_has([](const auto &l) {
			  CHECK_EQUAL(DHCP_DATE_TIME_INFINIT_HIGH, l.ClientLeaseExpires.dwHighDateTime);
			  CHECK_EQUAL(DHCP_DATE_TIME_INFINIT_LOW, l.ClientLeaseExpires.dwLowDateTime);
		  })},
		 {"M25",
		  "MS-DHCPM 3.2.4.123 step 9: a declined lease is in the way of its client elsewhere in the scope",
		  [] {
			  standard();
			  must(create_with(10, 1, [](auto &l) { l.AddressState = ADDRESS_STATE_DECLINED; }));
		  },
		  [] { return create(11, 1); }, ERROR_DHCP_CLIENT_EXISTS}});
}

/* ---- the Ex form ---- */

struct with_properties {
	DHCP_PROPERTY properties[3]{};
	DHCP_PROPERTY_ARRAY array{};
	DHCP_CLIENT_INFO_EX info = basic<DHCP_CLIENT_INFO_EX>(10, 1);

	explicit with_properties(DWORD count) {
		array.NumElements = count;
		array.Elements = properties;
		info.bClientType = CLIENT_TYPE_DHCP;
		info.AddressState = ADDRESS_STATE_ACTIVE;
		info.Properties = &array;
		for (DHCP_PROPERTY &property : properties) {
			property.ID = DhcpPropIdClientAddressStateEx;
			property.Type = DhcpPropTypeDword;
		}
	}
	with_properties(const with_properties &) = delete;
	with_properties &operator=(const with_properties &) = delete;

	DWORD
	create() {
		return RUN(DhcpV4CreateClientInfoEx, nullptr, &info);
	}
};

void
check_state_ex(DWORD expected) {
	const DHCP_SEARCH_INFO search = at(10);
	result<DHCP_CLIENT_INFO_EX> found;
	CHECK_EQUAL(ERROR_SUCCESS, RUN(DhcpV4GetClientInfoEx, nullptr, &search, found.out()));
	CHECK(found->Properties != nullptr);
	CHECK_EQUAL(1, found->Properties->NumElements);
	const DHCP_PROPERTY &property = found->Properties->Elements[0];
	CHECK_EQUAL(DhcpPropIdClientAddressStateEx, property.ID);
	CHECK_EQUAL(DhcpPropTypeDword, property.Type);
	CHECK_EQUAL(expected, property.Value.DWordValue);
}

void
add_ex(table_t &table) {
	table.insert(table.end(), {{"X1", "MS-DHCPM 3.2.4.132: the extended address state is stored", standard,
				    [] {
					    with_properties ex(1);
					    ex.properties[0].Value.DWordValue = V5_ADDRESS_EX_BIT_DISABLE_PTR_RR;
					    return ex.create();
				    },
				    ERROR_SUCCESS, [] { check_state_ex(1); }},
				   {"X2", "MS-DHCPM 3.2.4.132: no properties", standard,
				    [] {
					    with_properties ex(0);
					    ex.info.Properties = nullptr;
					    return ex.create();
				    },
				    ERROR_SUCCESS,
				    [] {
					    check_state_ex(0);
					    check_figures(1, 79);
				    }},
				   {"X3", "MS-DHCPM 3.2.4.132: a property of another type is ignored", standard,
				    [] {
					    with_properties ex(1);
					    ex.properties[0].Type = DhcpPropTypeByte;
					    ex.properties[0].Value.ByteValue = 1;
					    return ex.create();
				    },
				    ERROR_SUCCESS, [] { check_state_ex(0); }},
				   {"X4", "MS-DHCPM 3.2.4.132: another property is ignored", standard,
				    [] {
					    with_properties ex(1);
					    ex.properties[0].ID = DhcpPropIdPolicyDnsSuffix;
					    ex.properties[0].Value.DWordValue = 1;
					    return ex.create();
				    },
				    ERROR_SUCCESS, [] { check_state_ex(0); }},
				   {"X5", "MS-DHCPM 2.2.1.2.119: the other bits must be zero", standard,
				    [] {
					    with_properties ex(1);
					    ex.properties[0].Value.DWordValue = 3;
					    return ex.create();
				    },
				    ERROR_INVALID_PARAMETER},
				   {"X6", "this library: of a repeated property the last counts", standard,
				    [] {
					    with_properties ex(3);
					    ex.properties[1].Value.DWordValue = 1;
					    return ex.create();
				    },
				    ERROR_SUCCESS, [] { check_state_ex(0); }},
				   {"X7", "MS-DHCPM 3.2.4.132: no scope for the address", standard,
				    [] {
					    with_properties ex(0);
					    ex.info.ClientIpAddress = ip(10, 0, 0, 1);
					    return ex.create();
				    },
				    ERROR_DHCP_SUBNET_NOT_PRESENT},
				   {"X8", "MS-DHCPM 3.2.4.132: the address is taken", leased,
				    [] {
					    with_properties ex(0);
					    ex.info.ClientHardwareAddress = client(2);
					    return ex.create();
				    },
				    ERROR_DHCP_CLIENT_EXISTS},
				   {"X9", "MS-DHCPM 3.2.4.132: an empty identifier", standard,
				    [] {
					    with_properties ex(0);
					    ex.info.ClientHardwareAddress.DataLength = 0;
					    return ex.create();
				    },
				    ERROR_INVALID_PARAMETER},
				   {"X10", "MS-DHCPM 3.2.4.133: the Ex form reads leases of the plain one", leased,
				    [] {
					    check_state_ex(0);
					    return look(at(10));
				    },
				    ERROR_SUCCESS}});
}

/* ---- reading ---- */

template <class INFO>
std::function<DWORD()>
getting(
	const char *call, DWORD (*get)(const WCHAR *, const DHCP_SEARCH_INFO *, INFO **),
	const std::function<DHCP_SEARCH_INFO()> &search,
	const std::function<void(const INFO &)> &check = [](const INFO &) {}) {
	return [call, get, search, check] {
		const DHCP_SEARCH_INFO wanted = search();
		result<INFO> found;
		const DWORD code = note(call, get(nullptr, &wanted, found.out()));
		check_given(code, found);
		if (code == ERROR_SUCCESS) {
			check(*found);
		}
		return code;
	};
}

DHCP_SEARCH_INFO
wrong_type() {
	DHCP_SEARCH_INFO search = at(10);
	search.SearchType = static_cast<DHCP_SEARCH_INFO_TYPE>(3);
	return search;
}

void
named_pcs() {
	standard();
	must(create_with(12, 1, [](auto &l) { l.ClientName = text(u"pc"); }));
	must(create_with(11, 2, [](auto &l) { l.ClientName = text(u"pc"); }));
	must(create_with(10, 3, [](auto &l) { l.ClientName = text(u"pc2"); }));
}

/* The rows of one Get call; 'missing' is its code for "no such lease". */
template <class INFO>
void
add_get(table_t &table, const std::string &section, const std::string &id, const char *call,
	DWORD (*get)(const WCHAR *, const DHCP_SEARCH_INFO *, INFO **), DWORD missing) {
	const std::string page = section + " " + call + ": ";
	const auto is_first = [](const INFO &l) {
		CHECK_EQUAL(host(10), l.ClientIpAddress);
		CHECK_EQUAL(MASK24, l.SubnetMask);
		CHECK(is_client(l.ClientHardwareAddress, 1));
		CHECK_EQUAL(NEVER, ticks(l.ClientLeaseExpires));
		CHECK(l.OwnerHost.HostName == nullptr);
	};
	const auto lowest = [](const INFO &l) {
		CHECK_EQUAL(host(11), l.ClientIpAddress);
		CHECK(same(l.ClientName, u"pc"));
	};
	table.insert(table.end(), {{id + "1", page + "by address", leased,
				    getting<INFO>(
					    call, get, [] { return at(10); }, is_first),
				    ERROR_SUCCESS},
				   {id + "2", page + "by unique ID", leased,
				    getting<INFO>(
					    call, get, [] { return identified(unique_id(S, 1)); }, is_first),
				    ERROR_SUCCESS},
				   {id + "3", page + "a bare MAC address is no unique ID", leased,
				    getting<INFO>(call, get, [] { return identified(client(1)); }), missing},
				   {id + "4", page + "the unique ID of another scope", leased,
				    getting<INFO>(call, get, [] { return identified(unique_id(S2, 1)); }), missing},
				   {id + "5", page + "by name, the lowest address of several", named_pcs,
				    getting<INFO>(
					    call, get, [] { return named(u"pc"); }, lowest),
				    ERROR_SUCCESS},
				   {id + "6", page + "names compare without case", named_pcs,
				    getting<INFO>(
					    call, get, [] { return named(u"PC"); }, lowest),
				    ERROR_SUCCESS},
				   {id + "7", page + "no such name", named_pcs,
				    getting<INFO>(call, get, [] { return named(u"p"); }), missing},
				   {id + "8", page + "a name that is NULL", leased,
				    getting<INFO>(call, get, [] { return named(nullptr); }), ERROR_INVALID_PARAMETER},
				   {id + "9", page + "an unknown search type", leased,
				    getting<INFO>(call, get, wrong_type), ERROR_INVALID_PARAMETER},
				   {id + "10", page + "no such lease", leased,
				    getting<INFO>(call, get, [] { return at(11); }), missing},
				   {id + "11", page + "no search", leased,
				    [call, get] {
					    result<INFO> found;
					    return note(call, get(nullptr, nullptr, found.out()));
				    },
				    ERROR_INVALID_PARAMETER},
				   {id + "12", page + "no place for the answer", leased,
				    [call, get] {
					    const DHCP_SEARCH_INFO search = at(10);
					    return note(call, get(nullptr, &search, nullptr));
				    },
				    ERROR_INVALID_PARAMETER}});
}

void
add_gets(table_t &table) {
	add_get(table, "MS-DHCPM 3.1.4.19", "GI", "DhcpGetClientInfo", DhcpGetClientInfo, ERROR_DHCP_JET_ERROR);
	add_get(table, "MS-DHCPM 3.1.4.35", "G4", "DhcpGetClientInfoV4", DhcpGetClientInfoV4, ERROR_DHCP_JET_ERROR);
	add_get(table, "MS-DHCPM 3.1.4.47", "GQ", "DhcpGetClientInfoVQ", DhcpGetClientInfoVQ, ERROR_DHCP_JET_ERROR);
	add_get(table, "MS-DHCPM 3.2.4.124", "GP", "DhcpV4GetClientInfo", DhcpV4GetClientInfo,
		ERROR_DHCP_INVALID_DHCP_CLIENT);
	add_get(table, "MS-DHCPM 3.2.4.133", "GX", "DhcpV4GetClientInfoEx", DhcpV4GetClientInfoEx,
		ERROR_DHCP_INVALID_DHCP_CLIENT);
	table.insert(table.end(),
		     {{"39a", "MS-DHCPM 3.2.4.124 step 4: no such lease", standard, [] { return look(at(10)); },
		       ERROR_DHCP_INVALID_DHCP_CLIENT},
		      {"39b", "MS-DHCPM 3.1.4.19: no such lease", standard,
		       getting<DHCP_CLIENT_INFO>("DhcpGetClientInfo", DhcpGetClientInfo, [] { return at(10); }),
		       ERROR_DHCP_JET_ERROR},
		      {"40", "MS-DHCPM 3.2.4.124: of two leases with a name the lowest address", named_pcs,
		       getting<DHCP_CLIENT_INFO_PB>(
			       "DhcpV4GetClientInfo", DhcpV4GetClientInfo, [] { return named(u"pc"); },
			       [](const auto &l) { CHECK_EQUAL(host(11), l.ClientIpAddress); }),
		       ERROR_SUCCESS},
		      {"GP13", "MS-DHCPM 3.2.4.124 steps 2, 3: a missing name counts before access",
		       [] {
			       leased();
			       bind(LESSOR_ACCESS_NONE);
		       },
		       [] { return look(named(nullptr)); }, ERROR_INVALID_PARAMETER},
		      {"GI13", "MS-DHCPM 3.1.4.19: access counts before a missing name",
		       [] {
			       leased();
			       bind(LESSOR_ACCESS_NONE);
		       },
		       getting<DHCP_CLIENT_INFO>("DhcpGetClientInfo", DhcpGetClientInfo, [] { return named(nullptr); }),
		       ERROR_ACCESS_DENIED},
		      {"GP14", "MS-DHCPM 3.2.4.124: expired, declined and doomed leases are found",
		       [] {
			       standard();
			       must(create_with(10, 1, [](auto &l) { l.ClientLeaseExpires = date(A_PAST_TIME); }));
			       must(create_with(11, 2, [](auto &l) { l.AddressState = ADDRESS_STATE_DECLINED; }));
			       must(create_with(12, 3, [](auto &l) { l.AddressState = ADDRESS_STATE_DOOM; }));
		       },
		       [] {
			       must(look(at(10)));
			       must(look(at(11)));
			       return look(at(12));
		       },
		       ERROR_SUCCESS}});
}

/* ---- deleting ---- */

void
add_deletes(table_t &table) {
	table.insert(table.end(),
		     {{"27a", "MS-DHCPM 3.1.4.20: delete by address; the address is free at once", leased,
		       [] { return remove(at(10)); }, ERROR_SUCCESS,
		       [] {
			       check_figures(0, 80);
			       no_lease(10);
			       must(create(10, 2));
		       }},
		      {"27b", "MS-DHCPM 3.1.4.20 step 2: no such lease any more",
		       [] {
			       leased();
			       must(remove(at(10)));
		       },
		       [] { return remove(at(10)); }, ERROR_DHCP_JET_ERROR},
		      {"28", "MS-DHCPM 3.1.4.20: delete by unique ID", leased,
		       [] { return remove(identified(unique_id(S, 1))); }, ERROR_SUCCESS, figures_are(0, 80)},
		      {"29", "MS-DHCPM 3.1.4.20: a bare MAC address is no unique ID", leased,
		       [] { return remove(identified(client(1))); }, ERROR_DHCP_JET_ERROR},
		      {"D1", "MS-DHCPM 3.1.4.20: by name, one lease, that with the lowest address", named_pcs,
		       [] { return remove(named(u"pc")); }, ERROR_SUCCESS,
		       [] {
			       CHECK(all_leases(S) == (std::vector<DHCP_IP_ADDRESS>{host(10), host(12)}));
		       }},
		      {"D2", "MS-DHCPM 3.1.4.20: no search", leased,
		       [] { return RUN(DhcpDeleteClientInfo, nullptr, nullptr); }, ERROR_INVALID_PARAMETER},
		      {"D3", "MS-DHCPM 3.1.4.20: an unknown search type", leased, [] { return remove(wrong_type()); },
		       ERROR_INVALID_PARAMETER},
		      {"D4", "MS-DHCPM 3.1.4.20: a name that is NULL", leased, [] { return remove(named(nullptr)); },
		       ERROR_INVALID_PARAMETER},
		      {"D5", "MS-DHCPM 3.1.4.20: the unique ID says which scope",
		       [] {
			       leased();
			       must(create_scope(S2, MASK24));
			       must(create_with(10, 1, [](auto &l) { l.ClientIpAddress = S2 + 10; }));
		       },
		       [] { return remove(identified(unique_id(S2, 1))); }, ERROR_SUCCESS,
		       [] { CHECK(all_leases(0) == (std::vector<DHCP_IP_ADDRESS>{host(10)})); }},
		      {"D6", "MS-DHCPM 3.1.4.20: the client is free at once", leased, [] { return remove(at(10)); },
		       ERROR_SUCCESS, [] { must(create(11, 1)); }}});
}

} // namespace

void
add_lease_rows(table_t &table) {
	add_creates(table);
	add_members(table);
	add_ex(table);
	add_gets(table);
	add_deletes(table);
}

} // namespace conformance
