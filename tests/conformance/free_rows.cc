/* SPDX-License-Identifier: Apache-2.0 */
/* DhcpV4GetFreeIPAddress, and what happens when many ask for the same. */
#include <atomic>
#include <thread>

#include "table.h"
#include "world.h"

namespace conformance {

namespace {

using addresses_t = std::vector<DHCP_IP_ADDRESS>;

/* The query, and what it gives out. */
DWORD
ask(DHCP_IP_ADDRESS scope, DHCP_IP_ADDRESS start, DHCP_IP_ADDRESS end, DWORD wanted, addresses_t *found) {
	result<DHCP_IP_ARRAY> list;
	const DWORD code = RUN(DhcpV4GetFreeIPAddress, nullptr, scope, start, end, wanted, list.out());
	check_given(code, list);
	for (DWORD i = 0; list.get() != nullptr && i < list->NumElements; i++) {
		found->push_back(list->Elements[i]);
	}
	return code;
}

std::function<DWORD()>
asking(DHCP_IP_ADDRESS scope, DHCP_IP_ADDRESS start, DHCP_IP_ADDRESS end, DWORD wanted,
       const addresses_t &expected = {}) {
	return [=] {
		addresses_t found;
		const DWORD code = ask(scope, start, end, wanted, &found);
		CHECK(found == expected);
		return code;
	};
}

addresses_t
from_to(unsigned first, unsigned last) {
	addresses_t addresses;
	for (unsigned n = first; n <= last; n++) {
		addresses.push_back(host(n));
	}
	return addresses;
}

addresses_t
both(addresses_t a, const addresses_t &b) {
	a.insert(a.end(), b.begin(), b.end());
	return a;
}

void
all_leased_one_doomed() {
	standard();
	for (unsigned n = 10; n <= 99; n++) {
		if (n < 20 || n > 29) {
			must(create_with(n, n, [n](auto &l) {
				l.AddressState = n == 10 ? ADDRESS_STATE_DOOM : ADDRESS_STATE_ACTIVE;
			}));
		}
	}
}

void
add_queries(table_t &table) {
	const std::string section = "MS-DHCPM 3.2.4.121 ";
	const addresses_t pool = both(from_to(10, 19), from_to(30, 99));
	table.insert(
		table.end(),
		{{"46", section + "step 8: ascending, without the excluded ones", standard,
		  asking(S, 0, 0, 12, both(from_to(10, 19), from_to(30, 31))), ERROR_SUCCESS},
		 {"47", section + "step 10: not enough, and those that there are", standard, asking(S, 0, 0, 81, pool),
		  ERROR_DHCP_REACHED_END_OF_SELECTION},
		 {"48", section + "step 1: more than 1024", standard, asking(S, 0, 0, 1025), ERROR_INVALID_PARAMETER},
		 {"49", section + "step 6: a start outside the range", standard, asking(S, host(200), 0, 1),
		  ERROR_INVALID_PARAMETER},
		 {"50", section + "step 2: an end before the start", standard, asking(S, host(15), host(12), 1),
		  ERROR_INVALID_PARAMETER},
		 {"51", section + "step 5: a scope without a range",
		  [] {
			  begin();
			  must(create_scope(S, MASK24));
		  },
		  asking(S, 0, 0, 1), ERROR_FILE_NOT_FOUND},
		 {"52", section + "step 4: no such scope", standard, asking(S2, 0, 0, 1), ERROR_INVALID_PARAMETER},
		 {"53", section + "step 9: a doomed address, when there is no other", all_leased_one_doomed,
		  asking(S, 0, 0, 1, from_to(10, 10)), ERROR_SUCCESS},
		 {"F1", section + "step 1: exactly 1024", standard, asking(S, 0, 0, 1024, pool),
		  ERROR_DHCP_REACHED_END_OF_SELECTION},
		 {"F2", section + "step 1: scope 0", standard, asking(0, 0, 0, 1), ERROR_INVALID_PARAMETER},
		 {"F3", section + "step 1: no place for the answer", standard,
		  [] { return RUN(DhcpV4GetFreeIPAddress, nullptr, S, 0, 0, 1, nullptr); }, ERROR_INVALID_PARAMETER},
		 {"F4", section + "step 7: none asked for is one", standard, asking(S, 0, 0, 0, from_to(10, 10)),
		  ERROR_SUCCESS},
		 {"F5", section + "step 2: a window smaller than the number", standard,
		  asking(S, host(10), host(12), 4), ERROR_INVALID_PARAMETER},
		 {"F6", section + "step 2: a window as large as the number", standard,
		  asking(S, host(10), host(12), 3, from_to(10, 12)), ERROR_SUCCESS},
		 {"F7", section + "step 6: an end outside the range", standard, asking(S, host(10), host(100), 1),
		  ERROR_INVALID_PARAMETER},
		 {"F8", section + "step 6: a start outside the subnet", standard, asking(S, S2 + 10, 0, 1),
		  ERROR_INVALID_PARAMETER},
		 {"F9", section + "step 7: a start alone", standard, asking(S, host(98), 0, 2, from_to(98, 99)),
		  ERROR_SUCCESS},
		 {"F10", section + "step 7: an end alone", standard, asking(S, 0, host(12), 3, from_to(10, 12)),
		  ERROR_SUCCESS},
		 {"F11", section + "step 8: an excluded window has nothing", standard, asking(S, host(20), host(29), 1),
		  ERROR_DHCP_REACHED_END_OF_SELECTION},
		 {"F12", section + "step 8: an address with a lease is passed over", leased,
		  asking(S, 0, 0, 1, from_to(11, 11)), ERROR_SUCCESS},
		 {"F13", section + "step 8: so is a declined one, and an expired one",
		  [] {
			  standard();
			  must(create_with(10, 1, [](auto &l) { l.AddressState = ADDRESS_STATE_DECLINED; }));
			  must(create_with(11, 2, [](auto &l) { l.ClientLeaseExpires = date(A_PAST_TIME); }));
		  },
		  asking(S, 0, 0, 1, from_to(12, 12)), ERROR_SUCCESS},
		 {"F14", section + "step 8: so is a reserved one",
		  [] {
			  standard();
			  must(reserve(10, 1));
		  },
		  asking(S, 0, 0, 1, from_to(11, 11)), ERROR_SUCCESS},
		 {"F15", section + "step 8: also when its client has a lease elsewhere",
		  [] {
			  standard();
			  must(create(11, 1));
			  must(reserve(10, 1));
		  },
		  asking(S, 0, 0, 1, from_to(12, 12)), ERROR_SUCCESS},
		 {"F16", section + "step 9: doomed ones come after the free ones",
		  [] {
			  standard();
			  must(create_with(10, 1, [](auto &l) { l.AddressState = ADDRESS_STATE_DOOM; }));
		  },
		  asking(S, host(10), host(12), 3, addresses_t{host(11), host(12), host(10)}), ERROR_SUCCESS},
		 {"F17", section + "step 9: a doomed one outside the window does not help", all_leased_one_doomed,
		  asking(S, host(11), host(19), 1), ERROR_DHCP_REACHED_END_OF_SELECTION},
		 {"F18", section + "step 10: a full scope, an empty answer",
		  [] {
			  all_leased_one_doomed();
			  must(remove(at(10)));
			  must(create(10, 10));
		  },
		  asking(S, 0, 0, 1), ERROR_DHCP_REACHED_END_OF_SELECTION},
		 {"F19", section + ": the query takes nothing", standard,
		  [] {
			  addresses_t first;
			  addresses_t second;
			  must(ask(S, 0, 0, 1, &first));
			  const DWORD code = ask(S, 0, 0, 1, &second);
			  CHECK(first == second && first.size() == 1);
			  return code;
		  },
		  ERROR_SUCCESS, [] { check_figures(0, 80); }},
		 {"F20", section + "steps 2, 3: the window is looked at before access",
		  [] {
			  standard();
			  bind(LESSOR_ACCESS_NONE);
		  },
		  asking(S, host(15), host(12), 1), ERROR_INVALID_PARAMETER},
		 {"F21", section + ": the last address again as the next start", standard,
		  asking(S, host(12), 0, 2, from_to(12, 13)), ERROR_SUCCESS}});
}

/* ---- many at once ---- */

/* Let 64 threads create at the same moment; complain unless exactly one succeeds. Gives that one's code. */
DWORD
race(const std::function<DWORD(unsigned)> &attempt) {
	std::vector<DWORD> codes(64);
	std::vector<std::thread> threads;
	std::atomic<bool> go{false};
	for (unsigned i = 0; i < codes.size(); i++) {
		threads.emplace_back([&, i] {
			while (!go) {
				std::this_thread::yield();
			}
			codes[i] = attempt(i);
		});
	}
	go = true;
	for (std::thread &thread : threads) {
		thread.join();
	}
	unsigned won = 0;
	for (const DWORD code : codes) {
		won += code == ERROR_SUCCESS;
		CHECK(code == ERROR_SUCCESS || code == ERROR_DHCP_CLIENT_EXISTS);
	}
	CHECK_EQUAL(1, won);
	return ERROR_SUCCESS;
}

/* Not through the recorder, which is one thread's. */
DWORD
create_quietly(unsigned last, const DHCP_CLIENT_UID &uid) {
	DHCP_CLIENT_INFO_PB info = lease(last, 1);
	info.ClientHardwareAddress = uid;
	return DhcpV4CreateClientInfo(nullptr, &info);
}

void
add_races(table_t &table) {
	table.insert(table.end(),
		     {{"65", "MS-DHCPM 1.3: 64 threads create one address, one succeeds", standard,
		       [] {
			       return race([](unsigned i) {
				       BYTE id[2] = {7, static_cast<BYTE>(i)};
				       return create_quietly(10, {sizeof(id), id});
			       });
		       },
		       ERROR_SUCCESS, [] { check_figures(1, 79); }},
		      {"66", "MS-DHCPM 1.3: 64 threads create leases of one client, one succeeds", standard,
		       [] {
			       return race([](unsigned i) {
				       BYTE id[2] = {7, 7};
				       return create_quietly(30 + i, {sizeof(id), id});
			       });
		       },
		       ERROR_SUCCESS, [] { check_figures(1, 79); }}});
}

} // namespace

void
add_free_address_rows(table_t &table) {
	add_queries(table);
	add_races(table);
}

} // namespace conformance
