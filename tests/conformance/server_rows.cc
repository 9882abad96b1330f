/* SPDX-License-Identifier: Apache-2.0 */
/* Superscopes, statistics and filters. */
#include "table.h"
#include "world.h"

namespace conformance {

namespace {

/* ---- superscopes ---- */

DWORD
join(DHCP_IP_ADDRESS subnet, const char16_t *name, BOOL change) {
	return RUN(DhcpSetSuperScopeV4, nullptr, subnet, text(name), change);
}

std::function<DWORD()>
joining(DHCP_IP_ADDRESS subnet, const char16_t *name, BOOL change) {
	return [=] { return join(subnet, name, change); };
}

/* The entry of a scope in the table. */
void
with_entry(DHCP_IP_ADDRESS subnet, const std::function<void(const DHCP_SUPER_SCOPE_TABLE &, DWORD)> &check) {
	result<DHCP_SUPER_SCOPE_TABLE> table;
	must(RUN(DhcpGetSuperScopeInfoV4, nullptr, table.out()));
	bool found = false;
	for (DWORD i = 0; i < table->cEntries; i++) {
		if (table->pEntries[i].SubnetAddress == subnet) {
			found = true;
			check(*table, i);
		}
	}
	CHECK(found);
}

void
check_member(DHCP_IP_ADDRESS subnet, const char16_t *name) {
	with_entry(subnet, [name](const DHCP_SUPER_SCOPE_TABLE &table, DWORD i) {
		CHECK(same(table.pEntries[i].SuperScopeName, name));
		CHECK((table.pEntries[i].SuperScopeNumber != 0) == (name != nullptr));
	});
}

void
in_a() {
	standard();
	must(join(S, u"A", FALSE));
}

/* S and S4 in A, S3 in B, S2 in none. */
constexpr DHCP_IP_ADDRESS S3 = ip(192, 168, 3, 0);
constexpr DHCP_IP_ADDRESS S4 = ip(192, 168, 4, 0);

void
two_superscopes() {
	standard();
	must(create_scope(S4, MASK24));
	must(create_scope(S3, MASK24));
	must(create_scope(S2, MASK24));
	must(join(S4, u"A", FALSE));
	must(join(S, u"A", FALSE));
	must(join(S3, u"B", FALSE));
}

} // namespace

void
add_superscope_rows(table_t &table) {
	static const std::u16string name_256 = repeated(u'n', 256);
	static const std::u16string name_257 = repeated(u'n', 257);
	const std::string set = "MS-DHCPM 3.1.4.37 DhcpSetSuperScopeV4: ";
	const std::string get = "MS-DHCPM 3.1.4.38 DhcpGetSuperScopeInfoV4: ";
	const std::string del = "MS-DHCPM 3.1.4.39 DhcpDeleteSuperScopeV4: ";
	const auto getting = [] {
		result<DHCP_SUPER_SCOPE_TABLE> t;
		const DWORD code = RUN(DhcpGetSuperScopeInfoV4, nullptr, t.out());
		check_given(code, t);
		return code;
	};
	table.insert(
		table.end(),
		{{"60a", set + "in another superscope, and no change wanted", in_a, joining(S, u"B", FALSE),
		  ERROR_DHCP_SUBNET_EXITS, [] { check_member(S, u"A"); }},
		 {"60b", set + "in another superscope, and a change wanted", in_a, joining(S, u"B", TRUE),
		  ERROR_SUCCESS, [] { check_member(S, u"B"); }},
		 {"SU1", set + "the superscope is made", standard, joining(S, u"A", FALSE), ERROR_SUCCESS,
		  [] { check_member(S, u"A"); }},
		 {"SU2", set + "out of its superscope", in_a, joining(S, nullptr, FALSE), ERROR_SUCCESS,
		  [] { check_member(S, nullptr); }},
		 {"SU3", set + "out of none", standard, joining(S, nullptr, FALSE), ERROR_SUCCESS,
		  [] { check_member(S, nullptr); }},
		 {"SU4", set + "no such scope", standard, joining(S2, u"A", FALSE), ERROR_DHCP_SUBNET_NOT_PRESENT},
		 {"SU5", set + "a name of 256 units", standard, joining(S, name_256.c_str(), FALSE), ERROR_SUCCESS,
		  [] { check_member(S, name_256.c_str()); }},
		 {"SU6", "error page, 20030: a name of 257 units", standard, joining(S, name_257.c_str(), FALSE),
		  ERROR_DHCP_SUPER_SCOPE_NAME_TOO_LONG},
		 {"SU7", set + "leases and figures are the same in a superscope", leased, joining(S, u"A", FALSE),
		  ERROR_SUCCESS,
		  [] {
			  check_figures(1, 79);
			  CHECK_EQUAL(ERROR_DHCP_CLIENT_EXISTS, create(11, 1));
		  }},
		 {"SU8", get + "an entry for each scope, also for those in none", two_superscopes, getting,
		  ERROR_SUCCESS,
		  [] {
			  check_member(S, u"A");
			  check_member(S2, nullptr);
			  check_member(S3, u"B");
			  check_member(S4, u"A");
			  with_entry(S2, [](const auto &t, DWORD) { CHECK_EQUAL(4, t.cEntries); });
		  }},
		 {"SU9", get + "NextInSuperScope goes round", two_superscopes, getting, ERROR_SUCCESS,
		  [] {
			  with_entry(S, [](const auto &t, DWORD i) {
				  const DWORD next = t.pEntries[i].NextInSuperScope;
				  CHECK(next < t.cEntries && t.pEntries[next].SubnetAddress == S4);
				  CHECK(next < t.cEntries && t.pEntries[next].NextInSuperScope == i);
				  CHECK_EQUAL(t.pEntries[next].SuperScopeNumber, t.pEntries[i].SuperScopeNumber);
			  });
			  with_entry(S2,
				     [](const auto &t, DWORD i) { CHECK_EQUAL(i, t.pEntries[i].NextInSuperScope); });
			  with_entry(S3,
				     [](const auto &t, DWORD i) { CHECK_EQUAL(i, t.pEntries[i].NextInSuperScope); });
		  }},
		 {"SU10", get + "no scopes, an empty table", no_scopes,
		  [] {
			  result<DHCP_SUPER_SCOPE_TABLE> t;
			  const DWORD code = RUN(DhcpGetSuperScopeInfoV4, nullptr, t.out());
			  CHECK_EQUAL(0, t->cEntries);
			  return code;
		  },
		  ERROR_SUCCESS},
		 {"SU11", get + "no place for the answer", standard,
		  [] { return RUN(DhcpGetSuperScopeInfoV4, nullptr, nullptr); }, ERROR_INVALID_PARAMETER},
		 {"SU12", get + "no place for the answer counts before access",
		  [] {
			  standard();
			  bind(LESSOR_ACCESS_NONE);
		  },
		  [] { return RUN(DhcpGetSuperScopeInfoV4, nullptr, nullptr); }, ERROR_INVALID_PARAMETER},
		 {"SU13", del + "its scopes and their leases stay", two_superscopes,
		  [] { return RUN(DhcpDeleteSuperScopeV4, nullptr, text(u"A")); }, ERROR_SUCCESS,
		  [] {
			  check_member(S, nullptr);
			  check_member(S4, nullptr);
			  check_member(S3, u"B");
			  must(create(10, 1));
		  }},
		 {"SU14", del + "no such superscope", in_a,
		  [] { return RUN(DhcpDeleteSuperScopeV4, nullptr, text(u"B")); }, ERROR_DHCP_SUBNET_NOT_PRESENT},
		 {"SU15", del + "no name", in_a, [] { return RUN(DhcpDeleteSuperScopeV4, nullptr, nullptr); },
		  ERROR_INVALID_PARAMETER},
		 {"SU16", del + "a scope that is deleted leaves its superscope",
		  [] {
			  two_superscopes();
			  must(RUN(DhcpDeleteSubnet, nullptr, S4, DhcpFullForce));
		  },
		  getting, ERROR_SUCCESS,
		  [] {
			  with_entry(S, [](const auto &t, DWORD i) { CHECK_EQUAL(i, t.pEntries[i].NextInSuperScope); });
		  }},
		 {"SU17", set + "a superscope without members can be deleted",
		  [] {
			  in_a();
			  must(join(S, nullptr, TRUE));
		  },
		  [] { return RUN(DhcpDeleteSuperScopeV4, nullptr, text(u"A")); }, ERROR_SUCCESS}});
}

/* ---- statistics ---- */

void
add_statistics_rows(table_t &table) {
	const std::string v5 = "MS-DHCPM 3.2.4.82 DhcpGetMibInfoV5: ";
	const auto getting = [](DWORD in_use, DWORD free) {
		return [in_use, free] {
			check_figures(in_use, free);
			result<DHCP_MIB_INFO_V5> mib;
			return RUN(DhcpGetMibInfoV5, nullptr, mib.out());
		};
	};
	const auto with = [](const std::function<void(DHCP_CLIENT_INFO_PB &)> &change) {
		return [change] {
			standard();
			must(create_with(10, 1, change));
		};
	};
	table.insert(table.end(),
		     {{"64", v5 + "scopes and figures; a lease made by a program counts no packets", leased,
		       [] {
			       result<DHCP_MIB_INFO_V5> mib;
			       const DWORD code = RUN(DhcpGetMibInfoV5, nullptr, mib.out());
			       CHECK_EQUAL(1, mib->Scopes);
			       CHECK_EQUAL(S, mib->ScopeInfo[0].Subnet);
			       CHECK_EQUAL(1, mib->ScopeInfo[0].NumAddressesInuse);
			       CHECK_EQUAL(79, mib->ScopeInfo[0].NumAddressesFree);
			       CHECK_EQUAL(0, mib->ScopeInfo[0].NumPendingOffers);
			       CHECK_EQUAL(0, mib->Discovers + mib->Offers + mib->Requests + mib->Acks + mib->Naks +
						      mib->Declines + mib->Releases);
			       CHECK_EQUAL(0, mib->QtnNumLeases + mib->QtnPctQtnLeases + mib->QtnProbationLeases +
						      mib->QtnNonQtnLeases + mib->QtnExemptLeases +
						      mib->QtnCapableClients + mib->QtnIASErrors);
			       CHECK_EQUAL(0, mib->DelayedOffers + mib->ScopesWithDelayedOffers);
			       CHECK(ticks(mib->ServerStartTime) <= lessor_time_now());
			       CHECK(ticks(mib->ServerStartTime) > lessor_time_now() - 3600ull * 10000000ull);
			       return code;
		       },
		       ERROR_SUCCESS},
		      {"ST1", v5 + "no scopes", no_scopes,
		       [] {
			       result<DHCP_MIB_INFO_V5> mib;
			       const DWORD code = RUN(DhcpGetMibInfoV5, nullptr, mib.out());
			       CHECK(mib->Scopes == 0 && mib->ScopeInfo == nullptr);
			       return code;
		       },
		       ERROR_SUCCESS},
		      {"ST2", v5 + "a delayed scope is counted",
		       [] {
			       standard();
			       must(create_scope(S2, MASK24));
			       must(RUN(DhcpSetSubnetDelayOffer, nullptr, S, 100));
		       },
		       [] {
			       result<DHCP_MIB_INFO_V5> mib;
			       const DWORD code = RUN(DhcpGetMibInfoV5, nullptr, mib.out());
			       CHECK_EQUAL(1, mib->ScopesWithDelayedOffers);
			       CHECK_EQUAL(2, mib->Scopes);
			       CHECK(mib->ScopeInfo[0].Subnet == S && mib->ScopeInfo[1].Subnet == S2);
			       return code;
		       },
		       ERROR_SUCCESS},
		      {"ST3", v5 + "no place for the answer", standard,
		       [] { return RUN(DhcpGetMibInfoV5, nullptr, nullptr); }, ERROR_INVALID_PARAMETER},
		      {"ST4", v5 + "an expired lease is in use until it is swept",
		       with([](auto &l) { l.ClientLeaseExpires = date(A_PAST_TIME); }), getting(1, 79), ERROR_SUCCESS},
		      {"ST5", v5 + "a lease without expiry is in use",
		       with([](auto &l) { l.ClientLeaseExpires = date(0); }), getting(1, 79), ERROR_SUCCESS},
		      {"ST6", v5 + "a disabled scope counts like any other", with([](auto &) {}),
		       [] {
			       DHCP_SUBNET_INFO info = scope_info(S, MASK24);
			       info.SubnetState = DhcpSubnetDisabled;
			       must(RUN(DhcpSetSubnetInfo, nullptr, S, &info));
			       check_figures(1, 79);
			       return ERROR_SUCCESS;
		       },
		       ERROR_SUCCESS},
		      {"ST7", "MS-DHCPM 3.1.4.23 DhcpGetMibInfo", leased,
		       [] {
			       result<DHCP_MIB_INFO> mib;
			       const DWORD code = RUN(DhcpGetMibInfo, nullptr, mib.out());
			       CHECK_EQUAL(1, mib->Scopes);
			       CHECK_EQUAL(S, mib->ScopeInfo[0].Subnet);
			       CHECK_EQUAL(1, mib->ScopeInfo[0].NumAddressesInuse);
			       CHECK_EQUAL(79, mib->ScopeInfo[0].NumAddressesFree);
			       CHECK_EQUAL(0, mib->Discovers + mib->Acks);
			       return code;
		       },
		       ERROR_SUCCESS},
		      {"ST8", "MS-DHCPM 3.1.4.23 DhcpGetMibInfo: no place for the answer", standard,
		       [] { return RUN(DhcpGetMibInfo, nullptr, nullptr); }, ERROR_INVALID_PARAMETER},
		      {"ST9", v5 + "without the range nothing counts",
		       [] {
			       leased();
			       must(create(200, 2));
			       must(remove(at(10)));
			       must(remove_range(DhcpIpRanges, host(10), host(99), DhcpNoForce));
		       },
		       getting(0, 0), ERROR_SUCCESS}});
}

/* ---- filters ---- */

namespace {

DHCP_ADDR_PATTERN
pattern(unsigned who, BYTE length, BOOL wildcard) {
	DHCP_ADDR_PATTERN made{};
	made.MatchHWType = TRUE;
	made.HWType = HWTYPE_ETHERNET_10MB;
	made.IsWildcard = wildcard;
	made.Length = length;
	for (BYTE i = 0; i < 6; i++) {
		made.Pattern[i] = client(who).Data[i];
	}
	return made;
}

DHCP_ADDR_PATTERN
exempt_type(BYTE type) {
	DHCP_ADDR_PATTERN made{};
	made.MatchHWType = TRUE;
	made.HWType = type;
	made.IsWildcard = TRUE;
	return made;
}

DWORD
add_filter(const DHCP_ADDR_PATTERN &what, DHCP_FILTER_LIST_TYPE list, BOOL force = FALSE,
	   const char16_t *comment = nullptr) {
	DHCP_FILTER_ADD_INFO info{};
	info.AddrPatt = what;
	info.ListType = list;
	info.Comment = text(comment);
	return RUN(DhcpAddFilterV4, nullptr, &info, force);
}

std::function<DWORD()>
adding_filter(const DHCP_ADDR_PATTERN &what, DHCP_FILTER_LIST_TYPE list, BOOL force = FALSE,
	      const char16_t *comment = nullptr) {
	return [=] { return add_filter(what, list, force, comment); };
}

std::function<DWORD()>
dropping_filter(const DHCP_ADDR_PATTERN &what) {
	return [what] {
		DHCP_ADDR_PATTERN copy = what;
		return RUN(DhcpDeleteFilterV4, nullptr, &copy);
	};
}

struct filters_t {
	DWORD code;
	DWORD read;
	std::vector<std::u16string> comments;
};

filters_t
list_filters(DHCP_FILTER_LIST_TYPE list, DHCP_ADDR_PATTERN *handle, DWORD preferred) {
	result<DHCP_FILTER_ENUM_INFO> page;
	filters_t found = {0, 77, {}};
	DWORD total = 77;
	found.code = RUN(DhcpEnumFilterV4, nullptr, handle, preferred, list, page.out(), &found.read, &total);
	check_given(found.code, page);
	for (DWORD i = 0; page.get() != nullptr && i < page->NumElements; i++) {
		const WCHAR *comment = page->pEnumRecords[i].Comment;
		found.comments.push_back(comment == nullptr ? u"" : comment);
	}
	return found;
}

std::function<void()>
lists_have(size_t deny, size_t allow) {
	return [=] {
		DHCP_ADDR_PATTERN handle{};
		CHECK_EQUAL(deny, list_filters(Deny, &handle, EVERYTHING).comments.size());
		handle = DHCP_ADDR_PATTERN{};
		CHECK_EQUAL(allow, list_filters(Allow, &handle, EVERYTHING).comments.size());
	};
}

void
denied() {
	leased();
	must(add_filter(pattern(1, 6, FALSE), Deny, FALSE, u"stolen"));
}

std::function<void()>
status_is(DWORD expected) {
	return [expected] { with_lease(10, [expected](const auto &l) { CHECK_EQUAL(expected, l.FilterStatus); }); };
}

void
many_filters() {
	standard();
	for (unsigned n = 1; n <= 200; n++) {
		must(add_filter(pattern(n, 6, FALSE), Allow, FALSE, u"a machine"));
	}
}

} // namespace

void
add_filter_rows(table_t &table) {
	static const std::u16string comment_127 = repeated(u'c', 127);
	static const std::u16string comment_128 = repeated(u'c', 128);
	const std::string add = "MS-DHCPM 3.2.4.83 DhcpAddFilterV4: ";
	const std::string del = "MS-DHCPM 3.2.4.84 DhcpDeleteFilterV4: ";
	const std::string list = "MS-DHCPM 3.2.4.87 DhcpEnumFilterV4: ";
	DHCP_ADDR_PATTERN any_type = pattern(1, 6, FALSE);
	any_type.MatchHWType = FALSE;
	DHCP_ADDR_PATTERN exempt_length = exempt_type(6);
	exempt_length.Length = 3;
	table.insert(
		table.end(),
		{{"FI1", add + "a whole address", standard, adding_filter(pattern(1, 6, FALSE), Deny, FALSE, u"stolen"),
		  ERROR_SUCCESS, lists_have(1, 0)},
		 {"FI2", add + "the beginning of addresses", standard, adding_filter(pattern(1, 3, TRUE), Allow),
		  ERROR_SUCCESS, lists_have(0, 1)},
		 {"FI3", add + "a whole address of five bytes", standard, adding_filter(pattern(1, 5, FALSE), Deny),
		  ERROR_INVALID_PARAMETER},
		 {"FI4", add + "a beginning of six bytes", standard, adding_filter(pattern(1, 6, TRUE), Deny),
		  ERROR_INVALID_PARAMETER},
		 {"FI5", add + "a beginning of none", standard, adding_filter(pattern(1, 0, TRUE), Deny),
		  ERROR_INVALID_PARAMETER},
		 {"FI6", add + "without hardware type", standard, adding_filter(any_type, Deny),
		  ERROR_INVALID_PARAMETER},
		 {"FI7", add + "present already", denied, adding_filter(pattern(1, 6, FALSE), Deny),
		  ERROR_DHCP_LINKLAYER_ADDRESS_EXISTS, lists_have(1, 0)},
		 {"FI8", add + "present in the other list", denied, adding_filter(pattern(1, 6, FALSE), Allow),
		  ERROR_DHCP_LINKLAYER_ADDRESS_EXISTS, lists_have(1, 0)},
		 {"FI9", add + "force moves it", denied, adding_filter(pattern(1, 6, FALSE), Allow, TRUE),
		  ERROR_SUCCESS,
		  [] {
			  lists_have(0, 1)();
			  status_is(FILTER_STATUS_FULL_MATCH_IN_ALLOW_LIST)();
		  }},
		 {"FI10", add + "a hardware type is exempt", standard, adding_filter(exempt_type(6), Allow),
		  ERROR_SUCCESS, lists_have(0, 1)},
		 {"FI11", add + "a hardware type is exempt already",
		  [] {
			  standard();
			  must(add_filter(exempt_type(6), Allow));
		  },
		  adding_filter(exempt_type(6), Allow), ERROR_DHCP_HARDWARE_ADDRESS_TYPE_ALREADY_EXEMPT},
		 {"FI12", add + "other types, deny list", standard, adding_filter(exempt_type(6), Deny),
		  ERROR_INVALID_PARAMETER},
		 {"FI13", add + "other types, with a pattern", standard, adding_filter(exempt_length, Allow),
		  ERROR_INVALID_PARAMETER},
		 {"FI14", add + "a comment of 127 units", standard,
		  adding_filter(pattern(1, 6, FALSE), Deny, FALSE, comment_127.c_str()), ERROR_SUCCESS,
		  [] {
			  DHCP_ADDR_PATTERN handle{};
			  const filters_t found = list_filters(Deny, &handle, EVERYTHING);
			  CHECK(found.comments.size() == 1 && found.comments[0] == comment_127);
		  }},
		 {"FI15", add + "a comment of 128 units", standard,
		  adding_filter(pattern(1, 6, FALSE), Deny, FALSE, comment_128.c_str()), ERROR_INVALID_PARAMETER},
		 {"FI16", add + "no information", standard,
		  [] { return RUN(DhcpAddFilterV4, nullptr, nullptr, FALSE); }, ERROR_INVALID_PARAMETER},
		 {"FI17", add + "an unknown list", standard,
		  [] {
			  DHCP_FILTER_ADD_INFO info{};
			  info.AddrPatt = pattern(1, 6, FALSE);
			  put_unknown(info.ListType, 2);
			  return RUN(DhcpAddFilterV4, nullptr, &info, FALSE);
		  },
		  ERROR_INVALID_PARAMETER},
		 {"FI18", del + "gone", denied, dropping_filter(pattern(1, 6, FALSE)), ERROR_SUCCESS,
		  [] {
			  lists_have(0, 0)();
			  status_is(FILTER_STATUS_NONE)();
		  }},
		 {"FI19", del + "absent", denied, dropping_filter(pattern(2, 6, FALSE)),
		  ERROR_DHCP_LINKLAYER_ADDRESS_DOES_NOT_EXIST},
		 {"FI20", del + "a type that is not exempt", denied, dropping_filter(exempt_type(6)),
		  ERROR_DHCP_UNDEFINED_HARDWARE_ADDRESS_TYPE},
		 {"FI21", del + "no pattern", denied, [] { return RUN(DhcpDeleteFilterV4, nullptr, nullptr); },
		  ERROR_INVALID_PARAMETER},
		 {"FI22", del + "a pattern that cannot be", denied, dropping_filter(pattern(1, 5, FALSE)),
		  ERROR_INVALID_PARAMETER},
		 {"FI23", "MS-DHCPM 2.2.1.2.96: an address in the deny list", denied, [] { return look(at(10)); },
		  ERROR_SUCCESS, status_is(FILTER_STATUS_FULL_MATCH_IN_DENY_LIST)},
		 {"FI24", "MS-DHCPM 2.2.1.2.96: a beginning in the allow list",
		  [] {
			  leased();
			  must(add_filter(pattern(9, 4, TRUE), Allow));
		  },
		  [] { return look(at(10)); }, ERROR_SUCCESS, status_is(FILTER_STATUS_WILDCARD_MATCH_IN_ALLOW_LIST)},
		 {"FI25", "MS-DHCPM 2.2.1.2.96: a beginning in the deny list",
		  [] {
			  leased();
			  must(add_filter(pattern(9, 1, TRUE), Deny));
		  },
		  [] { return look(at(10)); }, ERROR_SUCCESS, status_is(FILTER_STATUS_WILDCARD_MATCH_IN_DENY_LIST)},
		 {"FI26", "MS-DHCPM 2.2.1.2.96: a whole address counts before a beginning",
		  [] {
			  denied();
			  must(add_filter(pattern(9, 4, TRUE), Allow));
		  },
		  [] { return look(at(10)); }, ERROR_SUCCESS, status_is(FILTER_STATUS_FULL_MATCH_IN_DENY_LIST)},
		 {"FI27", "MS-DHCPM 3.2.4.123: creates do not ask the filters",
		  [] {
			  standard();
			  must(add_filter(pattern(1, 6, FALSE), Deny));
			  DHCP_FILTER_GLOBAL_INFO global = {TRUE, TRUE};
			  must(RUN(DhcpSetFilterV4, nullptr, &global));
		  },
		  [] { return create(10, 1); }, ERROR_SUCCESS, status_is(FILTER_STATUS_FULL_MATCH_IN_DENY_LIST)},
		 {"FI28", "MS-DHCPM 3.2.4.85 DhcpSetFilterV4: both switches", standard,
		  [] {
			  DHCP_FILTER_GLOBAL_INFO global = {5, FALSE};
			  return RUN(DhcpSetFilterV4, nullptr, &global);
		  },
		  ERROR_SUCCESS,
		  [] {
			  DHCP_FILTER_GLOBAL_INFO global = {7, 7};
			  must(RUN(DhcpGetFilterV4, nullptr, &global));
			  CHECK(global.EnforceAllowList == TRUE && global.EnforceDenyList == FALSE);
		  }},
		 {"FI29", "MS-DHCPM 3.2.4.85 DhcpSetFilterV4: no switches", standard,
		  [] { return RUN(DhcpSetFilterV4, nullptr, nullptr); }, ERROR_INVALID_PARAMETER},
		 {"FI30", "MS-DHCPM 3.2.4.86 DhcpGetFilterV4: both are off at first", standard,
		  [] {
			  DHCP_FILTER_GLOBAL_INFO global = {7, 7};
			  const DWORD code = RUN(DhcpGetFilterV4, nullptr, &global);
			  CHECK(global.EnforceAllowList == FALSE && global.EnforceDenyList == FALSE);
			  return code;
		  },
		  ERROR_SUCCESS},
		 {"FI31", "MS-DHCPM 3.2.4.86 DhcpGetFilterV4: no place for the answer", standard,
		  [] { return RUN(DhcpGetFilterV4, nullptr, nullptr); }, ERROR_INVALID_PARAMETER},
		 {"FI32", list + "an empty list", denied,
		  [] {
			  DHCP_ADDR_PATTERN handle{};
			  return list_filters(Allow, &handle, EVERYTHING).code;
		  },
		  ERROR_NO_MORE_ITEMS},
		 {"FI33", list + "with the comments", denied,
		  [] {
			  DHCP_ADDR_PATTERN handle{};
			  const filters_t found = list_filters(Deny, &handle, EVERYTHING);
			  CHECK(found.comments.size() == 1 && found.comments[0] == u"stolen");
			  return found.code;
		  },
		  ERROR_SUCCESS},
		 {"FI34", list + "page by page, every entry once", many_filters,
		  [] {
			  DHCP_ADDR_PATTERN handle{};
			  size_t seen = 0;
			  unsigned pages = 0;
			  filters_t page = {};
			  do {
				  page = list_filters(Allow, &handle, 1024);
				  seen += page.comments.size();
				  pages++;
			  } while (page.code == ERROR_MORE_DATA && pages < 1000);
			  CHECK_EQUAL(200, seen);
			  CHECK(pages > 1);
			  return page.code;
		  },
		  ERROR_SUCCESS},
		 {"FI35", list + "the first page of several", many_filters,
		  [] {
			  DHCP_ADDR_PATTERN handle{};
			  return list_filters(Allow, &handle, 1024).code;
		  },
		  ERROR_MORE_DATA},
		 {"FI36", list + "no resume handle", denied,
		  [] { return list_filters(Deny, nullptr, EVERYTHING).code; }, ERROR_INVALID_PARAMETER},
		 {"FI38", "MS-DHCPM 3.2.4.89 DhcpEnumSubnetClientsFilterStatusInfo: tells of the filters", denied,
		  [] {
			  DHCP_RESUME_HANDLE handle = 0;
			  DWORD read = 0;
			  DWORD total = 0;
			  result<DHCP_CLIENT_FILTER_STATUS_INFO_ARRAY> page;
			  const DWORD code = RUN(DhcpEnumSubnetClientsFilterStatusInfo, nullptr, S, &handle, EVERYTHING,
						 page.out(), &read, &total);
			  CHECK_EQUAL(FILTER_STATUS_FULL_MATCH_IN_DENY_LIST, page->Clients[0]->FilterStatus);
			  return code;
		  },
		  ERROR_SUCCESS}});
}

} // namespace conformance
