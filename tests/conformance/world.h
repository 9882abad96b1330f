/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the rows of the conformance table are made of: a fresh engine, clients, leases to create, questions to ask, and
 * a recorder that sees the code of every call.
 *
 * The scope S of the rows is 192.168.1.0/24 with the range .10 to .99 and the exclusion .20 to .29: a pool of 80. The
 * client n is the MAC address 00-1C-25-80-A0-42 plus n. Addresses are given by their last number.
 */
#ifndef LESSOR_CONFORMANCE_WORLD_H
#define LESSOR_CONFORMANCE_WORLD_H

#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <lessor/dhcpsapi.h>
#include <lessor/lessor.h>

namespace conformance {

/* ---- the recorder ---- */

/* Note what a call answered; gives the code back. Allocations work again from here on. */
DWORD note(const char *call, DWORD code);
/* Let allocations fail from now on if the row wants that, until the next note(). */
void starve_if_wanted();
/* From now on every call of RUN() finds memory so many times only; -1: always. */
void want_starvation(int allocations);

/* Make a call, and note its code. */
#define RUN(call, ...) (::conformance::starve_if_wanted(), ::conformance::note(#call, call(__VA_ARGS__)))

/* Say what is wrong with the row that runs. */
void complain(const char *file, int line, const std::string &what);

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			::conformance::complain(__FILE__, __LINE__, #condition);                                       \
		}                                                                                                      \
	} while (0)
#define CHECK_EQUAL(expected, got)                                                                                     \
	::conformance::check_equal(__FILE__, __LINE__, #got, static_cast<unsigned long long>(expected),                \
				   static_cast<unsigned long long>(got))
void check_equal(const char *file, int line, const char *what, unsigned long long expected, unsigned long long got);

/* ---- the engine ---- */

/* Open an empty engine, in memory or with a log as the run wants, and bind it for reading and writing. */
void begin(bool strict_address_state = false);
void end();
/* Close and open again, if there is a log: from the log, or from a snapshot. */
void reopen(bool by_snapshot);
void bind(lessor_access_t access);
lessor_engine_t *engine();
/* Do the rows run on an engine with a log? */
void use_log(bool log);

/* An empty engine; one with S; one with S and a lease at .10 for client 1. */
void no_scopes();
void standard();
void leased();

/* ---- numbers and texts ---- */

constexpr DHCP_IP_ADDRESS
ip(unsigned a, unsigned b, unsigned c, unsigned d) {
	return a << 24 | b << 16 | c << 8 | d;
}

constexpr DHCP_IP_ADDRESS S = ip(192, 168, 1, 0);
constexpr DHCP_IP_ADDRESS S2 = ip(192, 168, 2, 0);
constexpr DHCP_IP_MASK MASK24 = 0xFFFFFF00u;
constexpr DWORD EVERYTHING = 0xFFFFFFFFu;

constexpr DHCP_IP_ADDRESS
host(unsigned last) {
	return S + last;
}

/* The prototypes take strings that they do not write to. */
inline LPWSTR
text(const char16_t *literal) {
	return const_cast<LPWSTR>(literal);
}
bool same(const char16_t *a, const char16_t *b); /* NULL is like nothing but NULL */
std::u16string repeated(char16_t unit, size_t count);

DATE_TIME date(unsigned long long ticks);
unsigned long long ticks(const DATE_TIME &date);
constexpr unsigned long long NEVER = 0x7FFFFFFFFFFFFFFFull;
constexpr unsigned long long A_PAST_TIME = 0x01C0000000000000ull; /* in the year 2000 */
constexpr unsigned long long A_TIME = 0x0200000000000000ull;      /* in the year 2057 */

/* Put a number into an enumeration that has no name for it. The value of such an object must not be looked at in C++. */
template <class ENUM>
void
put_unknown(ENUM &place, unsigned number) {
	static_assert(sizeof(place) == sizeof(number), "enumerations have 32 bits here");
	std::memcpy(&place, &number, sizeof(place));
}

/* ---- clients ---- */

DHCP_CLIENT_UID client(unsigned n);
bool is_client(const DHCP_CLIENT_UID &uid, unsigned n);
/* Its unique ID in a scope: subnet, little-endian; 1; MAC. Valid until the next call. */
DHCP_CLIENT_UID unique_id(DHCP_IP_ADDRESS subnet, unsigned n);
bool is_unique_id(const DHCP_CLIENT_UID &uid, DHCP_IP_ADDRESS subnet, unsigned n);

/* ---- memory of results ---- */

/* What a call gives out. Holds nonsense before the call, which the call must replace. */
template <class T> class result {
      public:
	result() = default;
	result(const result &) = delete;
	result &operator=(const result &) = delete;
	~result() {
		if (pointer_ != nonsense()) {
			DhcpRpcFreeMemory(pointer_);
		}
	}
	T **
	out() {
		return &pointer_;
	}
	T *
	operator->() const {
		return pointer_;
	}
	T &
	operator*() const {
		return *pointer_;
	}
	T *
	get() const {
		return pointer_;
	}

      private:
	static T *
	nonsense() {
		static T memory;
		return &memory;
	}
	T *pointer_ = nonsense();
};

/* After a call that must not give anything out; or must. */
template <class T>
void
check_given(DWORD code, const result<T> &given) {
	CHECK((code == ERROR_SUCCESS || code == ERROR_MORE_DATA || code == ERROR_DHCP_REACHED_END_OF_SELECTION) ==
	      (given.get() != nullptr));
}

/* ---- leases ---- */

/* A lease of any structure: address, client, no expiry; everything else zero. */
template <class INFO>
INFO
basic(unsigned last, unsigned who) {
	INFO info{};
	info.ClientIpAddress = host(last);
	info.ClientHardwareAddress = client(who);
	info.ClientLeaseExpires = date(NEVER);
	return info;
}

/* The one of DhcpV4CreateClientInfo: a DHCP client's, state ACTIVE. */
DHCP_CLIENT_INFO_PB lease(unsigned last, unsigned who);
DWORD create(unsigned last, unsigned who);
DWORD create_with(unsigned last, unsigned who, const std::function<void(DHCP_CLIENT_INFO_PB &)> &change);
/* As parts of a setup: complain unless they succeed. */
void must(DWORD code);

DHCP_SEARCH_INFO at(unsigned last);
DHCP_SEARCH_INFO at_address(DHCP_IP_ADDRESS address);
DHCP_SEARCH_INFO named(const char16_t *name);
DHCP_SEARCH_INFO identified(const DHCP_CLIENT_UID &key);

/* DhcpV4GetClientInfo, without its lease. */
DWORD look(const DHCP_SEARCH_INFO &search);
DWORD remove(const DHCP_SEARCH_INFO &search);

/* Check something about the lease of an address, which must exist; or that it does not. */
void with_lease(unsigned last, const std::function<void(const DHCP_CLIENT_INFO_PB &)> &check);
void no_lease(unsigned last);
/* All addresses with a lease, ascending, of a scope or (0) of all. */
std::vector<DHCP_IP_ADDRESS> all_leases(DHCP_IP_ADDRESS subnet);

/* ---- scopes ---- */

DWORD create_scope(DHCP_IP_ADDRESS subnet, DHCP_IP_MASK mask);
DHCP_SUBNET_INFO scope_info(DHCP_IP_ADDRESS subnet, DHCP_IP_MASK mask);
/* By the plain element calls' V5 form. */
DWORD add_range(DHCP_SUBNET_ELEMENT_TYPE type, DHCP_IP_ADDRESS first, DHCP_IP_ADDRESS last);
DWORD remove_range(DHCP_SUBNET_ELEMENT_TYPE type, DHCP_IP_ADDRESS first, DHCP_IP_ADDRESS last, DHCP_FORCE_FLAG force);
DWORD reserve(unsigned last, unsigned who);
DWORD unreserve(unsigned last, unsigned who);

/* What the statistics say of a scope. */
struct figures_t {
	DWORD in_use, free, pending;
};
figures_t figures(DHCP_IP_ADDRESS subnet, const WCHAR *server = nullptr);
void check_figures(DWORD in_use, DWORD free, DHCP_IP_ADDRESS subnet = S);

/* Everything that can be read of an engine, in a form that can be compared. */
std::string everything();

} // namespace conformance

#endif
