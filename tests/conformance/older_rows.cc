/* SPDX-License-Identifier: Apache-2.0 */
/* The older creates and the Set calls, which each come in three forms. */
#include "table.h"
#include "world.h"

namespace conformance {

namespace {

template <class INFO> using put_t = DWORD (*)(const WCHAR *, const INFO *);

/* A call of one form on client 1 at .10, with one thing changed. */
template <class INFO>
std::function<DWORD()>
putting(
	const char *call, put_t<INFO> put, const std::function<void(INFO &)> &change = [](INFO &) {}) {
	return [call, put, change] {
		INFO info = basic<INFO>(10, 1);
		change(info);
		starve_if_wanted();
		return note(call, put(nullptr, &info));
	};
}

template <class INFO>
void
add_create(table_t &table, const std::string &section, const std::string &id, const char *call, put_t<INFO> put) {
	const std::string page = section + " " + call + ": ";
	table.insert(
		table.end(),
		{{id + "1", page + "created ACTIVE, of no client type, without quarantine or policy", standard,
		  putting<INFO>(call, put,
				[](INFO &l) {
					l.ClientName = text(u"pc");
					l.ClientComment = text(u"desk");
					l.ClientLeaseExpires = date(A_TIME);
					l.SubnetMask = 1;
				}),
		  ERROR_SUCCESS,
		  [] {
			  with_lease(10, [](const auto &l) {
				  CHECK_EQUAL(MASK24, l.SubnetMask);
				  CHECK(is_client(l.ClientHardwareAddress, 1));
				  CHECK(same(l.ClientName, u"pc") && same(l.ClientComment, u"desk"));
				  CHECK_EQUAL(A_TIME, ticks(l.ClientLeaseExpires));
				  CHECK_EQUAL(CLIENT_TYPE_NONE, l.bClientType);
				  CHECK_EQUAL(ADDRESS_STATE_ACTIVE, l.AddressState);
				  CHECK_EQUAL(NOQUARANTINE, l.Status);
				  CHECK_EQUAL(0, ticks(l.ProbationEnds));
				  CHECK_EQUAL(FALSE, l.QuarantineCapable);
				  CHECK(l.PolicyName == nullptr);
				  CHECK(same(l.OwnerHost.NetBiosName, u"DHCP1"));
			  });
			  check_figures(1, 79);
		  }},
		 {id + "2", page + "the address is taken", leased,
		  putting<INFO>(call, put, [](INFO &l) { l.ClientHardwareAddress = client(2); }), ERROR_DHCP_JET_ERROR},
		 {id + "3", page + "the client has a lease in the scope", leased,
		  putting<INFO>(call, put, [](INFO &l) { l.ClientIpAddress = host(11); }), ERROR_DHCP_JET_ERROR},
		 {id + "4", page + "no scope for the address", standard,
		  putting<INFO>(call, put, [](INFO &l) { l.ClientIpAddress = ip(10, 0, 0, 1); }),
		  ERROR_INVALID_PARAMETER},
		 {id + "5", page + "an empty identifier", standard,
		  putting<INFO>(call, put, [](INFO &l) { l.ClientHardwareAddress.DataLength = 0; }),
		  ERROR_INVALID_PARAMETER},
		 {id + "6", page + "no identifier", standard,
		  putting<INFO>(call, put, [](INFO &l) { l.ClientHardwareAddress.Data = nullptr; }),
		  ERROR_INVALID_PARAMETER},
		 {id + "7", page + "no ClientInfo", standard, [call, put] { return note(call, put(nullptr, nullptr)); },
		  ERROR_INVALID_PARAMETER},
		 {id + "8", page + "outside the range, and not counted", standard,
		  putting<INFO>(call, put, [](INFO &l) { l.ClientIpAddress = host(200); }), ERROR_SUCCESS,
		  [] { check_figures(0, 80); }},
		 {id + "9", page + "access is asked before the identifier",
		  [] {
			  standard();
			  bind(LESSOR_ACCESS_READ);
		  },
		  putting<INFO>(call, put, [](INFO &l) { l.ClientHardwareAddress.Data = nullptr; }),
		  ERROR_ACCESS_DENIED}});
}

/* A lease with everything that a Set may change or must keep. */
void
full_lease() {
	standard();
	must(create_with(10, 1, [](auto &l) {
		l.ClientName = text(u"pc");
		l.ClientComment = text(u"desk");
		l.bClientType = CLIENT_TYPE_BOOTP;
		l.AddressState = ADDRESS_STATE_DOOM | ADDRESS_BIT_CLEANUP;
		l.Status = EXEMPT;
		l.ProbationEnds = date(A_TIME);
		l.QuarantineCapable = TRUE;
		l.PolicyName = text(u"guests");
	}));
}

template <class INFO>
void
add_set(table_t &table, const std::string &section, const std::string &id, const char *call, put_t<INFO> put) {
	const std::string page = section + " " + call + ": ";
	table.insert(
		table.end(),
		{{id + "1", page + "names, identifier, expiry and owner are replaced", full_lease,
		  putting<INFO>(call, put,
				[](INFO &l) {
					l.ClientHardwareAddress = client(2);
					l.ClientName = text(u"laptop");
					l.ClientComment = text(u"");
					l.ClientLeaseExpires = date(A_TIME);
					l.OwnerHost.IpAddress = ip(172, 16, 0, 1);
					l.SubnetMask = 1;
				}),
		  ERROR_SUCCESS,
		  [] {
			  with_lease(10, [](const auto &l) {
				  CHECK(is_client(l.ClientHardwareAddress, 2));
				  CHECK(same(l.ClientName, u"laptop") && same(l.ClientComment, u""));
				  CHECK_EQUAL(A_TIME, ticks(l.ClientLeaseExpires));
				  CHECK_EQUAL(ip(172, 16, 0, 1), l.OwnerHost.IpAddress);
				  CHECK_EQUAL(MASK24, l.SubnetMask);
				  CHECK_EQUAL(CLIENT_TYPE_BOOTP, l.bClientType);
				  CHECK(same(l.PolicyName, u"guests"));
			  });
			  CHECK_EQUAL(ERROR_DHCP_INVALID_DHCP_CLIENT, look(identified(unique_id(S, 1))));
			  CHECK_EQUAL(ERROR_SUCCESS, look(identified(unique_id(S, 2))));
		  }},
		 {id + "2", page + "names that are NULL stay", full_lease, putting<INFO>(call, put), ERROR_SUCCESS,
		  [] {
			  with_lease(10, [](const auto &l) {
				  CHECK(same(l.ClientName, u"pc") && same(l.ClientComment, u"desk"));
			  });
		  }},
		 {id + "3", page + "a doomed lease becomes ACTIVE and in use again", full_lease,
		  putting<INFO>(call, put), ERROR_SUCCESS,
		  [] {
			  with_lease(10, [](const auto &l) { CHECK_EQUAL(ADDRESS_STATE_ACTIVE, l.AddressState); });
			  check_figures(1, 79);
		  }},
		 {id + "4", page + "no such lease", standard, putting<INFO>(call, put), ERROR_DHCP_JET_ERROR},
		 {id + "5", page + "an empty identifier", leased,
		  putting<INFO>(call, put, [](INFO &l) { l.ClientHardwareAddress.DataLength = 0; }),
		  ERROR_INVALID_PARAMETER},
		 {id + "6", page + "no identifier", leased,
		  putting<INFO>(call, put, [](INFO &l) { l.ClientHardwareAddress.Data = nullptr; }),
		  ERROR_INVALID_PARAMETER},
		 {id + "7", page + "the identifier belongs to another lease of the scope",
		  [] {
			  leased();
			  must(create(11, 2));
		  },
		  putting<INFO>(call, put, [](INFO &l) { l.ClientHardwareAddress = client(2); }), ERROR_DHCP_JET_ERROR},
		 {id + "8", page + "no ClientInfo", leased, [call, put] { return note(call, put(nullptr, nullptr)); },
		  ERROR_INVALID_PARAMETER},
		 {id + "9", page + "a renewal: the same client, a later expiry", leased,
		  putting<INFO>(call, put, [](INFO &l) { l.ClientLeaseExpires = date(A_TIME); }), ERROR_SUCCESS,
		  [] {
			  with_lease(10, [](const auto &l) { CHECK_EQUAL(A_TIME, ticks(l.ClientLeaseExpires)); });
			  check_figures(1, 79);
		  }},
		 {id + "10", page + "the expiry of a reserved address stays",
		  [] {
			  standard();
			  must(reserve(10, 1));
		  },
		  putting<INFO>(call, put,
				[](INFO &l) {
					l.ClientName = text(u"printer");
					l.ClientLeaseExpires = date(A_TIME);
				}),
		  ERROR_SUCCESS,
		  [] {
			  with_lease(10, [](const auto &l) {
				  CHECK_EQUAL(0, ticks(l.ClientLeaseExpires));
				  CHECK(same(l.ClientName, u"printer"));
			  });
		  }}});
}

void
add_vectors(table_t &table) {
	const auto vq = [](const std::function<void(DHCP_CLIENT_INFO_VQ &)> &change) {
		return putting<DHCP_CLIENT_INFO_VQ>("DhcpCreateClientInfoVQ", DhcpCreateClientInfoVQ, change);
	};
	const auto other_values = [](DHCP_CLIENT_INFO_VQ &l) {
		l.bClientType = CLIENT_TYPE_DHCP;
		l.AddressState = ADDRESS_STATE_DOOM;
		l.Status = PROBATION;
		l.ProbationEnds = date(A_TIME);
		l.QuarantineCapable = TRUE;
	};
	table.insert(table.end(),
		     {{"24", "page DhcpV4CreateClientInfo: the VQ form does not use type, state and quarantine",
		       standard, vq(other_values), ERROR_SUCCESS,
		       [] {
			       with_lease(10, [](const auto &l) {
				       CHECK_EQUAL(CLIENT_TYPE_NONE, l.bClientType);
				       CHECK_EQUAL(ADDRESS_STATE_ACTIVE, l.AddressState);
				       CHECK_EQUAL(NOQUARANTINE, l.Status);
				       CHECK_EQUAL(0, ticks(l.ProbationEnds));
				       CHECK_EQUAL(FALSE, l.QuarantineCapable);
			       });
			       check_figures(1, 79);
		       }},
		      {"25", "MS-DHCPM 3.1.4.45 step 5: a duplicate",
		       [vq, other_values] {
			       standard();
			       must(vq(other_values)());
		       },
		       vq([](auto &l) { l.ClientHardwareAddress = client(2); }), ERROR_DHCP_JET_ERROR},
		      {"26", "MS-DHCPM 3.1.4.45 step 3: no scope for the address", standard,
		       vq([](auto &l) { l.ClientIpAddress = ip(10, 0, 0, 1); }), ERROR_INVALID_PARAMETER},
		      {"37a", "MS-DHCPM 3.1.4.18: a lease changes its client and keeps its name",
		       [] {
			       standard();
			       must(create_with(10, 1, [](auto &l) { l.ClientName = text(u"pc"); }));
		       },
		       putting<DHCP_CLIENT_INFO>("DhcpSetClientInfo", DhcpSetClientInfo,
						 [](auto &l) { l.ClientHardwareAddress = client(2); }),
		       ERROR_SUCCESS,
		       [] {
			       with_lease(10, [](const auto &l) {
				       CHECK(is_client(l.ClientHardwareAddress, 2));
				       CHECK(same(l.ClientName, u"pc"));
			       });
		       }},
		      {"37b", "MS-DHCPM 3.1.4.18: the client that a lease had is free",
		       [] {
			       leased();
			       must(putting<DHCP_CLIENT_INFO>("DhcpSetClientInfo", DhcpSetClientInfo,
							      [](auto &l) { l.ClientHardwareAddress = client(2); })());
		       },
		       [] { return create(11, 1); }, ERROR_SUCCESS, [] { check_figures(2, 78); }},
		      {"38", "MS-DHCPM 3.1.4.18 step 3: no such lease", standard,
		       putting<DHCP_CLIENT_INFO>("DhcpSetClientInfo", DhcpSetClientInfo), ERROR_DHCP_JET_ERROR}});
}

/* Where servers of different years, or page and steps, differ, and this library lets a program choose. */
std::function<void()>
with_option(uint32_t option, const std::function<void()> &setup) {
	return [option, setup] {
		setup();
		CHECK_EQUAL(LESSOR_OK, lessor_dhcpsapi_set_options(nullptr, option));
	};
}

void
add_options(table_t &table) {
	const auto removed = [](const std::function<void()> &setup) {
		return with_option(LESSOR_DHCPSAPI_NAP_REMOVED, setup);
	};
	const auto taken = with_option(LESSOR_DHCPSAPI_TAKEN_IS_EXISTS, leased);
	const auto forced = [] {
		with_lease(10, [](const auto &l) {
			CHECK_EQUAL(NOQUARANTINE, l.Status);
			CHECK_EQUAL(0, ticks(l.ProbationEnds));
			CHECK_EQUAL(FALSE, l.QuarantineCapable);
		});
	};
	const auto switching = [](DWORD on) {
		return [on] {
			DHCP_SUBNET_INFO_VQ info{};
			info.SubnetAddress = S;
			info.SubnetMask = MASK24;
			info.QuarantineOn = on;
			return RUN(DhcpSetSubnetInfoVQ, nullptr, S, &info);
		};
	};
	table.insert(
		table.end(),
		{{"O1", "MS-DHCPM note <88>, option: a create without quarantine", removed(standard),
		  [] {
			  return create_with(10, 1, [](auto &l) {
				  l.Status = PROBATION;
				  l.ProbationEnds = date(A_TIME);
				  l.QuarantineCapable = TRUE;
			  });
		  },
		  ERROR_SUCCESS, forced},
		 {"O2", "MS-DHCPM note <40>, option: a set without quarantine", removed(full_lease),
		  putting<DHCP_CLIENT_INFO_VQ>("DhcpSetClientInfoVQ", DhcpSetClientInfoVQ,
					       [](auto &l) { l.Status = PROBATION; }),
		  ERROR_SUCCESS, forced},
		 {"O3", "MS-DHCPM note <43>, option: quarantine of a scope is refused", removed(standard), switching(1),
		  ERROR_DHCP_NAP_NOT_SUPPORTED},
		 {"O4", "MS-DHCPM note <43>, option: no quarantine of a scope is accepted", removed(standard),
		  switching(0), ERROR_SUCCESS},
		 {"O5", "page DhcpCreateClientInfoVQ, option: a duplicate exists", taken,
		  putting<DHCP_CLIENT_INFO_VQ>("DhcpCreateClientInfoVQ", DhcpCreateClientInfoVQ),
		  ERROR_DHCP_CLIENT_EXISTS},
		 {"O6", "page DhcpCreateClientInfoVQ, option: so it does for DhcpCreateClientInfo", taken,
		  putting<DHCP_CLIENT_INFO>("DhcpCreateClientInfo", DhcpCreateClientInfo), ERROR_DHCP_CLIENT_EXISTS},
		 {"O7", "page DhcpCreateClientInfoVQ, option: so it does for DhcpCreateClientInfoV4", taken,
		  putting<DHCP_CLIENT_INFO_V4>("DhcpCreateClientInfoV4", DhcpCreateClientInfoV4),
		  ERROR_DHCP_CLIENT_EXISTS}});
}

void
add_quarantine(table_t &table) {
	const auto kept = [] {
		with_lease(10, [](const auto &l) {
			CHECK_EQUAL(EXEMPT, l.Status);
			CHECK_EQUAL(A_TIME, ticks(l.ProbationEnds));
			CHECK_EQUAL(TRUE, l.QuarantineCapable);
		});
	};
	table.insert(table.end(),
		     {{"S1-11", "MS-DHCPM 3.1.4.18 DhcpSetClientInfo: quarantine stays", full_lease,
		       putting<DHCP_CLIENT_INFO>("DhcpSetClientInfo", DhcpSetClientInfo), ERROR_SUCCESS, kept},
		      {"S4-11", "MS-DHCPM 3.1.4.34 DhcpSetClientInfoV4: quarantine and client type stay", full_lease,
		       putting<DHCP_CLIENT_INFO_V4>("DhcpSetClientInfoV4", DhcpSetClientInfoV4,
						    [](auto &l) { l.bClientType = CLIENT_TYPE_DHCP; }),
		       ERROR_SUCCESS,
		       [kept] {
			       kept();
			       with_lease(10, [](const auto &l) { CHECK_EQUAL(CLIENT_TYPE_BOOTP, l.bClientType); });
		       }},
		      {"SQ-11", "MS-DHCPM 3.1.4.46 DhcpSetClientInfoVQ: quarantine is replaced", full_lease,
		       putting<DHCP_CLIENT_INFO_VQ>("DhcpSetClientInfoVQ", DhcpSetClientInfoVQ,
						    [](auto &l) {
							    l.Status = PROBATION;
							    l.ProbationEnds = date(A_TIME + 5);
							    l.AddressState = ADDRESS_STATE_DECLINED;
							    l.bClientType = CLIENT_TYPE_DHCP;
						    }),
		       ERROR_SUCCESS, [] {
			       with_lease(10, [](const auto &l) {
				       CHECK_EQUAL(PROBATION, l.Status);
				       CHECK_EQUAL(A_TIME + 5, ticks(l.ProbationEnds));
				       CHECK_EQUAL(FALSE, l.QuarantineCapable);
				       CHECK_EQUAL(ADDRESS_STATE_ACTIVE, l.AddressState);
				       CHECK_EQUAL(CLIENT_TYPE_BOOTP, l.bClientType);
			       });
		       }}});
}

} // namespace

void
add_older_rows(table_t &table) {
	add_vectors(table);
	add_create<DHCP_CLIENT_INFO>(table, "MS-DHCPM 3.1.4.17", "C1-", "DhcpCreateClientInfo", DhcpCreateClientInfo);
	add_create<DHCP_CLIENT_INFO_V4>(table, "MS-DHCPM 3.1.4.33", "C4-", "DhcpCreateClientInfoV4",
					DhcpCreateClientInfoV4);
	add_create<DHCP_CLIENT_INFO_VQ>(table, "MS-DHCPM 3.1.4.45", "CQ-", "DhcpCreateClientInfoVQ",
					DhcpCreateClientInfoVQ);
	add_set<DHCP_CLIENT_INFO>(table, "MS-DHCPM 3.1.4.18", "S1-", "DhcpSetClientInfo", DhcpSetClientInfo);
	add_set<DHCP_CLIENT_INFO_V4>(table, "MS-DHCPM 3.1.4.34", "S4-", "DhcpSetClientInfoV4", DhcpSetClientInfoV4);
	add_set<DHCP_CLIENT_INFO_VQ>(table, "MS-DHCPM 3.1.4.46", "SQ-", "DhcpSetClientInfoVQ", DhcpSetClientInfoVQ);
	add_quarantine(table);
	add_options(table);
}

} // namespace conformance
