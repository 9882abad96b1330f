/* SPDX-License-Identifier: Apache-2.0 */
/* The seven enumerations of leases, and that of reservations. */
#include <algorithm>

#include "table.h"
#include "world.h"

namespace conformance {

namespace {

/* What one call of an enumeration answered. */
struct page_t {
	DWORD code = 0;
	DWORD read = 0;
	DWORD total = 0;
	bool given = false;
	std::vector<DHCP_IP_ADDRESS> addresses;
};

using enumerate_t = std::function<page_t(DHCP_IP_ADDRESS, DHCP_RESUME_HANDLE *, DWORD)>;

/* A call of this family, in a form that is the same for all of them. */
template <class ARRAY>
enumerate_t
plain(const char *call,
      DWORD (*enumerate)(const WCHAR *, DHCP_IP_ADDRESS, DHCP_RESUME_HANDLE *, DWORD, ARRAY **, DWORD *, DWORD *)) {
	return [call, enumerate](DHCP_IP_ADDRESS subnet, DHCP_RESUME_HANDLE *handle, DWORD preferred) {
		page_t page;
		result<ARRAY> array;
		page.read = page.total = 12345;
		starve_if_wanted();
		page.code =
			note(call, enumerate(nullptr, subnet, handle, preferred, array.out(), &page.read, &page.total));
		page.given = array.get() != nullptr;
		CHECK((page.code == ERROR_SUCCESS || page.code == ERROR_MORE_DATA) == page.given);
		if (page.given) {
			CHECK_EQUAL(page.read, array->NumElements);
			for (DWORD i = 0; i < array->NumElements; i++) {
				CHECK_EQUAL(MASK24, array->Clients[i]->SubnetMask);
				CHECK(array->Clients[i]->OwnerHost.HostName == nullptr);
				page.addresses.push_back(array->Clients[i]->ClientIpAddress);
			}
		} else {
			CHECK_EQUAL(0, page.read);
			CHECK_EQUAL(0, page.total);
		}
		return page;
	};
}

void
eighty() {
	standard();
	for (unsigned n = 10; n <= 99; n++) {
		if (n < 20 || n > 29) {
			must(create(n, n));
		}
	}
}

/* Three leases in two scopes. */
void
scattered() {
	standard();
	must(create_scope(S2, MASK24));
	must(create(11, 1));
	must(create(10, 2));
	must(create_with(5, 1, [](auto &l) { l.ClientIpAddress = S2 + 5; }));
}

void
other_scope_only() {
	standard();
	must(create_scope(S2, MASK24));
	must(create_with(5, 1, [](auto &l) { l.ClientIpAddress = S2 + 5; }));
}

/* All pages in the way that programs read them. Gives the last code. */
DWORD
read_all(const enumerate_t &enumerate, DWORD preferred) {
	std::vector<DHCP_IP_ADDRESS> seen;
	DHCP_RESUME_HANDLE handle = 0;
	unsigned pages = 0;
	page_t page;
	do {
		page = enumerate(S, &handle, preferred);
		pages++;
		CHECK(page.code == ERROR_SUCCESS || page.code == ERROR_MORE_DATA);
		seen.insert(seen.end(), page.addresses.begin(), page.addresses.end());
		if (page.code == ERROR_MORE_DATA) {
			CHECK(!page.addresses.empty() && handle == page.addresses.back());
			CHECK_EQUAL(80 - seen.size(), page.total);
		}
	} while (page.code == ERROR_MORE_DATA && pages < 100);
	CHECK(pages > 2);
	CHECK_EQUAL(0, handle);
	CHECK_EQUAL(page.read, page.total);
	CHECK_EQUAL(80, seen.size());
	CHECK(std::is_sorted(seen.begin(), seen.end()));
	CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
	return page.code;
}

/* Read one page, then lose the lease that the handle names. */
DHCP_RESUME_HANDLE lost;

void
lost_handle(const enumerate_t &enumerate) {
	eighty();
	lost = 0;
	CHECK_EQUAL(ERROR_MORE_DATA, enumerate(S, &lost, 1024).code);
	must(remove(at_address(lost)));
}

/* What distinguishes the calls: the answers for an empty scope and for none. */
struct manner_t {
	DWORD empty_scope;
	DWORD no_scope;
};

void
add_enumeration(table_t &table, const std::string &section, const std::string &id, const enumerate_t &enumerate,
		manner_t manner) {
	const auto first_page = [enumerate](DHCP_IP_ADDRESS subnet, const std::function<void(const page_t &)> &check) {
		return [enumerate, subnet, check] {
			DHCP_RESUME_HANDLE handle = 0;
			const page_t page = enumerate(subnet, &handle, EVERYTHING);
			CHECK_EQUAL(0, handle);
			check(page);
			return page.code;
		};
	};
	const auto none = [](const page_t &page) { CHECK(page.addresses.empty()); };
	table.insert(
		table.end(),
		{{id + "1", section + ": no lease on the server", standard, first_page(S, none), ERROR_NO_MORE_ITEMS},
		 {id + "2", section + ": no lease in this scope, but in another", other_scope_only, first_page(S, none),
		  manner.empty_scope},
		 {id + "3", section + ": no such scope", other_scope_only, first_page(ip(10, 0, 0, 0), none),
		  manner.no_scope},
		 {id + "4", section + ": all of one scope, ascending", scattered,
		  first_page(S,
			     [](const page_t &page) {
				     CHECK(page.addresses == (std::vector<DHCP_IP_ADDRESS>{host(10), host(11)}));
				     CHECK_EQUAL(2, page.total);
			     }),
		  ERROR_SUCCESS},
		 {id + "5", section + ": subnet 0 is every scope", scattered,
		  first_page(
			  0,
			  [](const page_t &page) {
				  CHECK(page.addresses == (std::vector<DHCP_IP_ADDRESS>{host(10), host(11), S2 + 5}));
			  }),
		  ERROR_SUCCESS},
		 {id + "6", section + ": pages of 1024 bytes; every address once", eighty,
		  [enumerate] { return read_all(enumerate, 1024); }, ERROR_SUCCESS},
		 {id + "7", section + ": a page size of 0 counts as 1024", eighty,
		  [enumerate] { return read_all(enumerate, 0); }, ERROR_SUCCESS},
		 {id + "8", section + ": 0xFFFFFFFF is everything", eighty,
		  first_page(S,
			     [](const page_t &page) {
				     CHECK_EQUAL(80, page.read);
				     CHECK_EQUAL(80, page.total);
			     }),
		  ERROR_SUCCESS},
		 {id + "9", section + ": the first page of several", eighty,
		  [enumerate] {
			  DHCP_RESUME_HANDLE handle = 0;
			  const page_t page = enumerate(S, &handle, 1024);
			  CHECK_EQUAL(80, page.read + page.total);
			  CHECK(page.read > 0);
			  return page.code;
		  },
		  ERROR_MORE_DATA},
		 {id + "10", section + ": the lease that the handle names is gone",
		  [enumerate] { lost_handle(enumerate); },
		  [enumerate] {
			  DHCP_RESUME_HANDLE handle = lost;
			  return enumerate(S, &handle, 1024).code;
		  },
		  ERROR_DHCP_JET_ERROR},
		 {id + "11", section + ": a handle that never was one", leased,
		  [enumerate] {
			  DHCP_RESUME_HANDLE handle = host(77);
			  return enumerate(S, &handle, EVERYTHING).code;
		  },
		  ERROR_DHCP_JET_ERROR},
		 {id + "12", section + ": behind the last lease", leased,
		  [enumerate] {
			  DHCP_RESUME_HANDLE handle = host(10);
			  return enumerate(S, &handle, EVERYTHING).code;
		  },
		  ERROR_NO_MORE_ITEMS},
		 {id + "13", section + ": leases in every state, and dormant ones of reservations",
		  [] {
			  standard();
			  must(reserve(13, 4));
			  must(create_with(10, 1, [](auto &l) { l.ClientLeaseExpires = date(A_PAST_TIME); }));
			  must(create_with(11, 2, [](auto &l) { l.AddressState = ADDRESS_STATE_DECLINED; }));
			  must(create_with(12, 3, [](auto &l) { l.AddressState = ADDRESS_STATE_DOOM; }));
		  },
		  first_page(S, [](const page_t &page) { CHECK_EQUAL(4, page.read); }), ERROR_SUCCESS}});
}

/* Pointers that must not be NULL. */
template <class ARRAY>
void
add_null_pointers(table_t &table, const std::string &section, const std::string &id, const char *call,
		  DWORD (*enumerate)(const WCHAR *, DHCP_IP_ADDRESS, DHCP_RESUME_HANDLE *, DWORD, ARRAY **, DWORD *,
				     DWORD *)) {
	for (unsigned which = 0; which < 4; which++) {
		table.push_back({id + "N" + std::to_string(which), section + ": a pointer is NULL", leased,
				 [call, enumerate, which] {
					 DHCP_RESUME_HANDLE handle = 0;
					 DWORD read = 0;
					 DWORD total = 0;
					 result<ARRAY> page;
					 return note(call, enumerate(nullptr, S, which == 0 ? nullptr : &handle,
								     EVERYTHING, which == 1 ? nullptr : page.out(),
								     which == 2 ? nullptr : &read,
								     which == 3 ? nullptr : &total));
				 },
				 ERROR_INVALID_PARAMETER});
	}
}

/* ---- reservations ---- */

void
three_reserved() {
	standard();
	must(reserve(60, 3));
	must(reserve(50, 1));
	must(reserve(55, 2));
}

page_t
reservations(DHCP_RESUME_HANDLE *handle, DWORD preferred, DHCP_IP_ADDRESS subnet = S) {
	page_t page;
	result<DHCP_RESERVATION_INFO_ARRAY> array;
	page.read = page.total = 12345;
	page.code = RUN(DhcpV4EnumSubnetReservations, nullptr, subnet, handle, preferred, array.out(), &page.read,
			&page.total);
	page.given = array.get() != nullptr;
	CHECK((page.code == ERROR_SUCCESS || page.code == ERROR_MORE_DATA) == page.given);
	for (DWORD i = 0; page.given && i < array->NumElements; i++) {
		page.addresses.push_back(array->Elements[i]->ReservedIpAddress);
	}
	return page;
}

void
add_reservation_enumeration(table_t &table) {
	const std::string section = "MS-DHCPM 3.2.4.120 DhcpV4EnumSubnetReservations: ";
	table.insert(table.end(),
		     {{"ER1", section + "all, ascending", three_reserved,
		       [] {
			       DHCP_RESUME_HANDLE handle = 0;
			       const page_t page = reservations(&handle, EVERYTHING);
			       CHECK(page.addresses == (std::vector<DHCP_IP_ADDRESS>{host(50), host(55), host(60)}));
			       CHECK_EQUAL(3, page.read);
			       return page.code;
		       },
		       ERROR_SUCCESS},
		      {"ER2", section + "none", standard,
		       [] {
			       DHCP_RESUME_HANDLE handle = 0;
			       return reservations(&handle, EVERYTHING).code;
		       },
		       ERROR_NO_MORE_ITEMS},
		      {"ER3", section + "the handle is a count", three_reserved,
		       [] {
			       DHCP_RESUME_HANDLE handle = 2;
			       const page_t page = reservations(&handle, EVERYTHING);
			       CHECK(page.addresses == (std::vector<DHCP_IP_ADDRESS>{host(60)}));
			       return page.code;
		       },
		       ERROR_SUCCESS},
		      {"ER4", section + "a handle at the end", three_reserved,
		       [] {
			       DHCP_RESUME_HANDLE handle = 3;
			       return reservations(&handle, EVERYTHING).code;
		       },
		       ERROR_NO_MORE_ITEMS},
		      {"ER5", section + "subnet 0", three_reserved,
		       [] {
			       DHCP_RESUME_HANDLE handle = 0;
			       return reservations(&handle, EVERYTHING, 0).code;
		       },
		       ERROR_INVALID_PARAMETER},
		      {"ER6", section + "no such scope", three_reserved,
		       [] {
			       DHCP_RESUME_HANDLE handle = 0;
			       return reservations(&handle, EVERYTHING, S2).code;
		       },
		       ERROR_DHCP_SUBNET_NOT_PRESENT},
		      {"ER7", section + "a small page", three_reserved,
		       [] {
			       DHCP_RESUME_HANDLE handle = 0;
			       const page_t page = reservations(&handle, 1);
			       CHECK_EQUAL(page.addresses.size(), handle);
			       return page.code;
		       },
		       ERROR_MORE_DATA},
		      {"ER8", section + "name and description are those of the lease",
		       [] {
			       three_reserved();
			       DHCP_CLIENT_INFO info = basic<DHCP_CLIENT_INFO>(50, 1);
			       info.ClientName = text(u"printer");
			       info.ClientComment = text(u"2nd floor");
			       must(RUN(DhcpSetClientInfo, nullptr, &info));
		       },
		       [] {
			       DHCP_RESUME_HANDLE handle = 0;
			       DWORD read = 0;
			       DWORD total = 0;
			       result<DHCP_RESERVATION_INFO_ARRAY> array;
			       const DWORD code = RUN(DhcpV4EnumSubnetReservations, nullptr, S, &handle, EVERYTHING,
						      array.out(), &read, &total);
			       CHECK(same(array->Elements[0]->ReservedClientName, u"printer"));
			       CHECK(same(array->Elements[0]->ReservedClientDesc, u"2nd floor"));
			       CHECK(array->Elements[1]->ReservedClientName == nullptr);
			       CHECK_EQUAL(0, array->Elements[0]->fOptionsPresent);
			       CHECK_EQUAL(CLIENT_TYPE_BOTH, array->Elements[0]->bAllowedClientTypes);
			       return code;
		       },
		       ERROR_SUCCESS},
		      {"ER9", section + "out-pointers and subnet are looked at before access",
		       [] {
			       three_reserved();
			       bind(LESSOR_ACCESS_NONE);
		       },
		       [] {
			       DHCP_RESUME_HANDLE handle = 0;
			       return reservations(&handle, EVERYTHING, 0).code;
		       },
		       ERROR_INVALID_PARAMETER}});
}

} // namespace

void
add_enumeration_rows(table_t &table) {
	const manner_t lenient = {ERROR_SUCCESS, ERROR_SUCCESS};
	const manner_t strict = {ERROR_NO_MORE_ITEMS, ERROR_NO_MORE_ITEMS};
#define FAMILY(section, id, call, manner)                                                                              \
	add_enumeration(table, "MS-DHCPM " section " " #call, id, plain(#call, call), manner);                         \
	add_null_pointers(table, "MS-DHCPM " section " " #call, id, #call, call)
	FAMILY("3.1.4.21", "E1-", DhcpEnumSubnetClients, lenient);
	FAMILY("3.1.4.36", "E4-", DhcpEnumSubnetClientsV4, lenient);
	FAMILY("3.1.4.48", "EQ-", DhcpEnumSubnetClientsVQ, lenient);
	FAMILY("3.2.4.1", "E5-", DhcpEnumSubnetClientsV5, strict);
	FAMILY("3.2.4.89", "EF-", DhcpEnumSubnetClientsFilterStatusInfo, lenient);
	FAMILY("3.2.4.116", "EP-", DhcpV4EnumSubnetClients, strict);
	FAMILY("3.2.4.131", "EX-", DhcpV4EnumSubnetClientsEx, strict);
#undef FAMILY
	add_reservation_enumeration(table);
	const enumerate_t newest = plain("DhcpV4EnumSubnetClients", DhcpV4EnumSubnetClients);
	const auto first = [](const enumerate_t &enumerate) {
		return [enumerate] {
			DHCP_RESUME_HANDLE handle = 0;
			return enumerate(S, &handle, EVERYTHING).code;
		};
	};
	table.insert(
		table.end(),
		{{"41", "MS-DHCPM 3.2.4.116: no lease on the server", standard, first(newest), ERROR_NO_MORE_ITEMS},
		 {"42a", "MS-DHCPM 3.1.4.36: no lease in this scope", other_scope_only,
		  first(plain("DhcpEnumSubnetClientsV4", DhcpEnumSubnetClientsV4)), ERROR_SUCCESS},
		 {"42b", "MS-DHCPM 3.2.4.1: no lease in this scope", other_scope_only,
		  first(plain("DhcpEnumSubnetClientsV5", DhcpEnumSubnetClientsV5)), ERROR_NO_MORE_ITEMS},
		 {"43", "MS-DHCPM 3.2.4.116: pages, every address once, ascending", eighty,
		  [newest] { return read_all(newest, 1024); }, ERROR_SUCCESS},
		 {"44", "MS-DHCPM 3.2.4.116: the lease of the handle was deleted", [newest] { lost_handle(newest); },
		  [newest] {
			  DHCP_RESUME_HANDLE handle = lost;
			  return newest(S, &handle, 1024).code;
		  },
		  ERROR_DHCP_JET_ERROR},
		 {"E1-14", "this library, option: an enumeration goes on behind a lease that is gone",
		  [newest] { lost_handle(newest); },
		  [newest] {
			  CHECK_EQUAL(LESSOR_OK, lessor_dhcpsapi_set_options(nullptr, LESSOR_DHCPSAPI_RELAXED_RESUME));
			  DHCP_RESUME_HANDLE handle = lost;
			  const page_t page = newest(S, &handle, EVERYTHING);
			  CHECK(!page.addresses.empty() && page.addresses.front() > lost);
			  return page.code;
		  },
		  ERROR_SUCCESS},
		 {"45", "MS-DHCPM 3.2.4.116: everything at once", eighty,
		  [newest] {
			  DHCP_RESUME_HANDLE handle = 0;
			  const page_t page = newest(S, &handle, EVERYTHING);
			  CHECK_EQUAL(80, page.read);
			  CHECK_EQUAL(80, page.total);
			  CHECK_EQUAL(0, handle);
			  return page.code;
		  },
		  ERROR_SUCCESS}});
}

} // namespace conformance
