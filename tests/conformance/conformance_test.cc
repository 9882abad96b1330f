/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance_test CODES [ID]: run the conformance table, or the rows whose id begins with ID; with ID "list" print it.
 *
 * Every row runs twice: on an engine in memory, and on one with a log, which is closed and opened again, from the log or
 * from a snapshot, before the row looks at what has become of the store. CODES lists which codes each call is documented to give; a call that gives
 * another one fails the test, and so does a documented code that no row has seen.
 */
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <numeric>
#include <set>
#include <sstream>

#include "starvation.h"
#include "table.h"
#include "world.h"

namespace conformance {

namespace {

using pair_t = std::pair<std::string, DWORD>;

std::set<pair_t> produced;
std::vector<std::string> complaints;
int allocations_wanted = STARVE_NEVER;

/* These are data and the end of data, not failures. */
bool
is_failure(DWORD code) {
	return code != ERROR_SUCCESS && code != ERROR_MORE_DATA && code != ERROR_DHCP_REACHED_END_OF_SELECTION;
}

/* Every other row, more or less, and always the same ones. */
bool
by_snapshot(const row_t &row) {
	return std::accumulate(row.id.begin(), row.id.end(), 0u) % 2 == 1;
}

void
run_once(const row_t &row, bool log) {
	use_log(log);
	row.setup();
	const bool may_look = complaints.empty();
	const std::string before = may_look ? everything() : "";
	const DWORD code = row.call();
	CHECK_EQUAL(row.expected, code);
	if (is_failure(row.expected) && is_failure(code)) {
		CHECK(everything() == before);
	}
	reopen(by_snapshot(row));
	if (row.after) {
		row.after();
	}
	end();
}

bool
run(const row_t &row) {
	complaints.clear();
	run_once(row, false);
	if (complaints.empty()) {
		run_once(row, true);
	}
	(void)std::printf("%-4s %-8s %s\n", complaints.empty() ? "ok" : "FAIL", row.id.c_str(), row.proves.c_str());
	for (const std::string &complaint : complaints) {
		(void)std::printf("       %s\n", complaint.c_str());
	}
	(void)std::fflush(stdout);
	return complaints.empty();
}

/* ---- codes ---- */

struct codes_t {
	std::set<pair_t> documented; /* the call "any" stands for every call */
	std::map<pair_t, std::string> excused;
};

/* A line is a call, a code, and perhaps the reason why no row can show it. */
bool
read_codes(const char *path, codes_t *codes) {
	std::ifstream file(path);
	std::string line;
	while (std::getline(file, line)) {
		std::istringstream words(line);
		pair_t pair;
		std::string reason;
		if (line.empty() || line[0] == '#' || !(words >> pair.first >> pair.second)) {
			continue;
		}
		std::getline(words >> std::ws, reason);
		codes->documented.insert(pair);
		if (!reason.empty()) {
			codes->excused[pair] = reason;
		}
	}
	return !codes->documented.empty();
}

unsigned
check_codes(const codes_t &codes) {
	unsigned wrong = 0;
	const auto say = [&wrong](const pair_t &pair, const char *what) {
		(void)std::printf("FAIL %s %u: %s\n", pair.first.c_str(), pair.second, what);
		wrong++;
	};
	for (const pair_t &pair : codes.documented) {
		const bool seen = produced.count(pair) != 0;
		const bool excused = codes.excused.count(pair) != 0;
		if (pair.first != "any" && !seen && !excused) {
			say(pair, "is documented, but no row shows it");
		}
		if (seen && excused) {
			say(pair, "has a reason for not being shown, but a row shows it");
		}
	}
	for (const pair_t &pair : produced) {
		if (codes.documented.count(pair) == 0 && codes.documented.count({"any", pair.second}) == 0) {
			say(pair, "was answered, but is not documented");
		}
	}
	return wrong;
}

table_t
whole_table() {
	table_t table;
	add_lease_rows(table);
	add_older_rows(table);
	add_enumeration_rows(table);
	add_free_address_rows(table);
	add_scope_rows(table);
	add_reservation_rows(table);
	add_superscope_rows(table);
	add_statistics_rows(table);
	add_filter_rows(table);
	add_ipv6_rows(table);
	add_caller_rows(table);
	return table;
}

/* Two rows with one id would be one row too few to talk about. */
unsigned
check_ids(const table_t &table) {
	std::set<std::string> ids;
	unsigned wrong = 0;
	for (const row_t &row : table) {
		if (!ids.insert(row.id).second) {
			(void)std::printf("FAIL %s: another row has this id\n", row.id.c_str());
			wrong++;
		}
	}
	return wrong;
}

} // namespace

/* ---- the recorder ---- */

void
want_starvation(int allocations) {
	allocations_wanted = allocations;
}

void
starve_if_wanted() {
	starve(allocations_wanted);
}

DWORD
note(const char *call, DWORD code) {
	starve(STARVE_NEVER);
	produced.insert({call, code});
	return code;
}

void
complain(const char *file, int line, const std::string &what) {
	const char *name = std::strrchr(file, '/');
	complaints.push_back((name == nullptr ? file : name + 1) + (":" + std::to_string(line)) + ": " + what);
}

void
check_equal(const char *file, int line, const char *what, unsigned long long expected, unsigned long long got) {
	if (expected != got) {
		complain(file, line,
			 std::string(what) + " is " + std::to_string(got) + ", not " + std::to_string(expected));
	}
}

} // namespace conformance

int
main(int argc, char **argv) {
	using namespace conformance;
	codes_t codes;
	if (argc < 2 || !read_codes(argv[1], &codes)) {
		(void)std::printf("usage: conformance_test CODES [ID]\n");
		return 2;
	}
	const std::string wanted = argc > 2 ? argv[2] : "";
	const table_t table = whole_table();
	if (wanted == "list") {
		for (const row_t &row : table) {
			(void)std::printf("row  %-8s %s\n", row.id.c_str(), row.proves.c_str());
		}
		return 0;
	}
	unsigned failed = check_ids(table);
	unsigned rows = 0;
	for (const row_t &row : table) {
		if (row.id.compare(0, wanted.size(), wanted) == 0) {
			rows++;
			failed += !run(row);
		}
	}
	(void)std::printf("%u rows, %u failed\n", rows, failed);
	if (wanted.empty()) {
		const unsigned wrong = check_codes(codes);
		(void)std::printf(
			"%zu pairs of call and code documented, %zu of them with a reason for not being shown; "
			"%u wrong\n",
			codes.documented.size(), codes.excused.size(), wrong);
		failed += wrong;
	}
	return failed == 0 ? 0 : 1;
}
