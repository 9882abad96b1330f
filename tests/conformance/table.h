/* SPDX-License-Identifier: Apache-2.0 */
/* The conformance table: rows, and who contributes them. */
#ifndef LESSOR_CONFORMANCE_TABLE_H
#define LESSOR_CONFORMANCE_TABLE_H

#include <functional>
#include <string>
#include <vector>

#include <lessor/dhcpsapi.h>

namespace conformance {

/*
 * One row: after 'setup', 'call' must answer 'expected', and then 'after' must find what it looks for; with a log it
 * looks after the engine was closed and opened again. If 'expected' is an error, the call must not have changed
 * anything that can be read.
 */
struct row_t {
	std::string id;
	std::string proves; /* the section or page of the promise, and the promise */
	std::function<void()> setup;
	std::function<DWORD()> call;
	DWORD expected;
	std::function<void()> after = {};
};

using table_t = std::vector<row_t>;

void add_lease_rows(table_t &table);
void add_older_rows(table_t &table);
void add_enumeration_rows(table_t &table);
void add_free_address_rows(table_t &table);
void add_scope_rows(table_t &table);
void add_reservation_rows(table_t &table);
void add_superscope_rows(table_t &table);
void add_statistics_rows(table_t &table);
void add_filter_rows(table_t &table);
void add_ipv6_rows(table_t &table);
void add_caller_rows(table_t &table);

} // namespace conformance

#endif
