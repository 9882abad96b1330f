/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of Kea's DHCPv4 lease file: what is read, what is refused and why, and that what is written is what was read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <unistr.h>

#include "../tools/kea4.h"
#include "../tools/text_lines.h"

#define HEADER_9  "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname"
#define HEADER_10 HEADER_9 ",state"
#define HEADER_11 HEADER_10 ",user_context"
#define HEADER_12 HEADER_11 ",pool_id"
#define HEADER_13 HEADER_12 ",shoe_size"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A row of twelve cells, all of them sound, in which one cell at a time is replaced. */
static const char *const sound_cells[KEA4_COLUMNS] = {
	"192.0.2.10",
	"02:00:5e:10:00:01",
	"01:02:00:5e:10:00:01",
	"3600",
	"1767229200",
	"7",
	"1",
	"0",
	"cam-1",
	"0",
	"",
	"0",
};

typedef struct fixture {
	kea4_parser_t *parser;
	kea4_row_t row;
} fixture_t;

static int
set_up(void **state) {
	fixture_t *fixture = calloc(1, sizeof(*fixture));
	fixture->parser = calloc(1, sizeof(*fixture->parser));
	fixture->parser->columns = KEA4_COLUMNS;
	*state = fixture;
	return 0;
}

static int
tear_down(void **state) {
	fixture_t *fixture = *state;
	free(fixture->parser);
	free(fixture);
	return 0;
}

static kea4_problem_t
parse(fixture_t *fixture, const char *line) {
	return kea4_parse_row(fixture->parser, line, strlen(line), &fixture->row);
}

/* Parse the sound row with one other cell. */
static kea4_problem_t
parse_with(fixture_t *fixture, size_t column, const char *cell) {
	size_t bytes = strlen(cell) + 512;
	char *line = malloc(bytes);
	line[0] = '\0';
	for (size_t i = 0; i < KEA4_COLUMNS; i++) {
		strcat(line, i == 0 ? "" : ",");
		strcat(line, i == column ? cell : sound_cells[i]);
	}
	kea4_problem_t problem = parse(fixture, line);
	free(line);
	return problem;
}

/* 'unit' repeated. */
static char *
repeat(const char *unit, size_t times, const char *separator) {
	char *text = malloc((strlen(unit) + strlen(separator)) * times + 1);
	char *at = text;
	*at = '\0';
	for (size_t i = 0; i < times; i++) {
		at = stpcpy(at, i == 0 ? "" : separator);
		at = stpcpy(at, unit);
	}
	return text;
}

static uint64_t
random_number(uint64_t *seed) {
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static uint64_t
test_seed(void) {
	const char *given = getenv("LESSOR_TEST_SEED");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 0;
	seed = seed != 0 ? seed : (uint64_t)getpid() * UINT64_C(0x9E3779B97F4A7C15);
	print_message("LESSOR_TEST_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

/* ---- texts ------------------------------------------------------------------------------------------------------- */

static void
test_escapes_decode(void **state) {
	static const struct {
		const char *cell;
		const char *octets;
	} rows[] = {
		{"", ""},           {"plain", "plain"},     {"a&#x2cb", "a,b"},         {"a&#x2Cb", "a,b"},
		{"R&#x26D", "R&D"}, {"&#x26#x2c", "&#x2c"}, {"&#xc3&#xA9", "\xC3\xA9"}, {"&#x09", "\t"},
		{"&#xzz", "&#xzz"}, {"&#x2", "&#x2"},       {"a&#x", "a&#x"},           {"a&#", "a&#"},
		{"a&", "a&"},       {"&&#x2c", "&,"},       {"&#x&#x2c", "&#x,"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char octets[64];
		size_t count = kea_text_decode(rows[i].cell, strlen(rows[i].cell), octets);
		assert_int_equal(count, strlen(rows[i].octets));
		assert_memory_equal(octets, rows[i].octets, count);
		strcpy(octets, rows[i].cell);
		assert_int_equal(kea_text_decode(octets, strlen(octets), octets), count);
		assert_memory_equal(octets, rows[i].octets, count);
	}
}

static void
test_escapes_encode(void **state) {
	static const struct {
		const char *octets;
		const char *cell;
	} rows[] = {
		{"a,b", "a&#x2cb"},
		{"R&D", "R&#x26D"},
		{"&#x2c", "&#x26#x2c"},
		{"\xC3\xA9", "&#xc3&#xa9"},
		{"\t\x1f ~\x7f", "&#x09&#x1f ~&#x7f"},
		{"{ \"a\": 1, \"b\": \"c\" }", "{ \"a\": 1&#x2c \"b\": \"c\" }"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char cell[128];
		size_t count = kea_text_encode(rows[i].octets, strlen(rows[i].octets), cell);
		assert_int_equal(count, strlen(rows[i].cell));
		assert_memory_equal(cell, rows[i].cell, count);
	}
}

/* Any octets become valid UTF-8, and come back from it; also octets that look like what carries others. */
static void
test_any_octets_survive_as_utf8(void **state) {
	enum { LONGEST = 40 };
	uint64_t seed = test_seed();
	(void)state;
	for (int turn = 0; turn < 20000; turn++) {
		char octets[LONGEST];
		char text[KEA_TEXT_GROWS * LONGEST];
		char back[KEA_TEXT_GROWS * LONGEST];
		size_t count = random_number(&seed) % (LONGEST + 1);
		for (size_t i = 0; i < count; i++) {
			static const char likely[] = "\xEE\xBE\x80\xBF\xC3\xA9\xED\xA0\xF0\x9F\xF4\x90\xE0\xC0 az";
			uint64_t dice = random_number(&seed);
			octets[i] = dice % 3 == 0 ? (char)(dice >> 8) : likely[(dice >> 8) % (sizeof(likely) - 1)];
		}
		size_t bytes = kea_text_to_utf8(octets, count, text);
		assert_true(bytes <= KEA_TEXT_GROWS * count);
		assert_null(u8_check((const uint8_t *)text, bytes));
		assert_int_equal(kea_text_from_utf8(text, bytes, back), count);
		assert_memory_equal(back, octets, count);
	}
}

static void
test_utf8_stays_as_it_is(void **state) {
	static const char sound[] = "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\xB1 \xEE\xBD\x80 plain ASCII of some length";
	char text[KEA_TEXT_GROWS * sizeof(sound)];
	(void)state;
	assert_int_equal(kea_text_to_utf8(sound, strlen(sound), text), strlen(sound));
	assert_memory_equal(text, sound, strlen(sound));
	assert_int_equal(kea_text_to_utf8("\xE9", 1, text), 3); /* Latin-1 is not UTF-8 */
	assert_memory_equal(text, "\xEE\xBF\xA9", 3);           /* U+EFE9 */
}

/* ---- headers ----------------------------------------------------------------------------------------------------- */

static void
test_headers_of_every_generation(void **state) {
	static const struct {
		const char *header;
		size_t columns;
	} rows[] = {{HEADER_9, 9}, {HEADER_10, 10}, {HEADER_11, 11}, {HEADER_12, 12}, {HEADER_13, 13}};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t columns = 0;
		assert_true(kea4_parse_header(rows[i].header, strlen(rows[i].header), &columns));
		assert_int_equal(columns, rows[i].columns);
	}
	assert_string_equal(KEA4_HEADER, HEADER_12 "\n");
	assert_string_equal(kea4_column_name(11), "pool_id");
	assert_null(kea4_column_name(12));
}

static void
test_other_headers_are_refused(void **state) {
	static const char *const rows[] = {
		"",
		"address",
		"address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev",
		"address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_"
		"rev,"
		"hostname",
		"address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_rev,fqdn_fwd,hostname",
		HEADER_9 ",states",
		HEADER_11 ",pool",
		" " HEADER_12,
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t columns = 99;
		assert_false(kea4_parse_header(rows[i], strlen(rows[i]), &columns));
		assert_int_equal(columns, 99);
	}
}

/* Which number of cells a row may have under which header: too few, fine, too many. */
static void
test_number_of_cells(void **state) {
	fixture_t *fixture = *state;
	static const struct {
		size_t columns;
		size_t least;
		size_t most;
	} rows[] = {{9, 9, 12}, {10, 10, 12}, {11, 11, 12}, {12, 12, 12}, {13, 12, 13}, {15, 12, 15}};
	for (size_t i = 0; i < COUNT(rows); i++) {
		fixture->parser->columns = rows[i].columns;
		for (size_t cells = 1; cells <= 17; cells++) {
			char line[512] = "";
			for (size_t cell = 0; cell < cells; cell++) {
				strcat(line, cell == 0 ? "" : ",");
				strcat(line, cell < KEA4_COLUMNS ? sound_cells[cell] : "surplus");
			}
			kea4_problem_t expected = cells < rows[i].least  ? KEA4_TOO_FEW_CELLS
						  : cells > rows[i].most ? KEA4_TOO_MANY_CELLS
									 : KEA4_FINE;
			assert_int_equal(parse(fixture, line), expected);
		}
	}
}

static void
test_missing_cells_have_defaults(void **state) {
	fixture_t *fixture = *state;
	fixture->parser->columns = 9;
	memset(&fixture->row, 0xAA, sizeof(fixture->row));
	assert_int_equal(parse(fixture, "192.0.2.10,02:00:5e:10:00:01,,3600,1767229200,7,1,1,cam-1"), KEA4_FINE);
	assert_int_equal(fixture->row.state, KEA4_ASSIGNED);
	assert_int_equal(fixture->row.pool_id, 0);
	assert_string_equal(fixture->row.user_context, "");
	assert_int_equal(fixture->row.user_context_bytes, 0);
}

/* ---- cells ------------------------------------------------------------------------------------------------------- */

static void
test_sound_row(void **state) {
	fixture_t *fixture = *state;
	const kea4_row_t *row = &fixture->row;
	static const uint8_t client_id[] = {1, 2, 0, 0x5e, 0x10, 0, 1};
	assert_int_equal(parse(fixture, "192.0.2.10,02:00:5e:10:00:01,01:02:00:5e:10:00:01,3600,1767229200,7,1,0,"
					"cam-1.example.net,1,{ \"note\": \"a&#x2cb\" },42"),
			 KEA4_FINE);
	assert_int_equal(row->address, 0xC000020A);
	assert_int_equal(row->hardware_bytes, 6);
	assert_memory_equal(row->hardware, client_id + 1, 6);
	assert_int_equal(row->client_id_bytes, 7);
	assert_memory_equal(row->client_id, client_id, 7);
	assert_int_equal(row->valid_lifetime_s, 3600);
	assert_int_equal(row->expire_s, 1767229200);
	assert_int_equal(row->subnet_id, 7);
	assert_true(row->fqdn_forward);
	assert_false(row->fqdn_reverse);
	assert_string_equal(row->hostname, "cam-1.example.net");
	assert_int_equal(row->state, KEA4_DECLINED);
	assert_string_equal(row->user_context, "{ \"note\": \"a,b\" }");
	assert_int_equal(row->pool_id, 42);
}

static void
test_bad_cells_are_named(void **state) {
	fixture_t *fixture = *state;
	static const struct {
		size_t column;
		const char *cell;
		kea4_problem_t problem;
	} rows[] = {
		{0, "", KEA4_BAD_ADDRESS},
		{0, "0.0.0.0", KEA4_BAD_ADDRESS},
		{0, "192.0.2", KEA4_BAD_ADDRESS},
		{0, "192.0.2.256", KEA4_BAD_ADDRESS},
		{0, "192.0.2.1 ", KEA4_BAD_ADDRESS},
		{0, "192.0.2.1.2", KEA4_BAD_ADDRESS},
		{0, "192..2.1", KEA4_BAD_ADDRESS},
		{0, "2001:db8::1", KEA4_BAD_ADDRESS},
		{0, "255.255.255.255", KEA4_FINE},
		{1, "02:00:5e", KEA4_FINE},
		{1, "2:0:5E", KEA4_FINE},
		{1, "02005e", KEA4_BAD_HARDWARE},
		{1, "02-00", KEA4_BAD_HARDWARE},
		{1, "02:00:", KEA4_BAD_HARDWARE},
		{1, ":02", KEA4_BAD_HARDWARE},
		{1, "02::00", KEA4_BAD_HARDWARE},
		{1, "0g", KEA4_BAD_HARDWARE},
		{1, "020:00", KEA4_BAD_HARDWARE},
		{2, "01", KEA4_BAD_CLIENT_ID},
		{2, "01:02:", KEA4_BAD_CLIENT_ID},
		{2, "01:zz", KEA4_BAD_CLIENT_ID},
		{2, "0x", KEA4_BAD_CLIENT_ID},
		{3, "", KEA4_BAD_LIFETIME},
		{3, "-1", KEA4_BAD_LIFETIME},
		{3, "+1", KEA4_BAD_LIFETIME},
		{3, "4294967295", KEA4_FINE},
		{3, "4294967296", KEA4_BAD_LIFETIME},
		{3, "18446744073709551616", KEA4_BAD_LIFETIME},
		{3, "3600s", KEA4_BAD_LIFETIME},
		{4, "", KEA4_BAD_EXPIRE},
		{4, "-5", KEA4_BAD_EXPIRE},
		{4, "910692730084", KEA4_FINE},
		{4, "910692730085", KEA4_BAD_EXPIRE},
		{4, "18446744073709551615", KEA4_BAD_EXPIRE},
		{5, "4294967295", KEA4_FINE},
		{5, "4294967296", KEA4_BAD_SUBNET_ID},
		{5, "x", KEA4_BAD_SUBNET_ID},
		{6, "2", KEA4_BAD_FQDN},
		{6, "true", KEA4_BAD_FQDN},
		{7, "", KEA4_BAD_FQDN},
		{9, "", KEA4_BAD_STATE},
		{9, "3", KEA4_FINE},
		{9, "4", KEA4_BAD_STATE},
		{9, "active", KEA4_BAD_STATE},
		{10, "{", KEA4_BAD_CONTEXT},
		{10, "{ \"a\": }", KEA4_BAD_CONTEXT},
		{10, "{ } { }", KEA4_BAD_CONTEXT},
		{10, "[ 1 ]", KEA4_CONTEXT_NOT_OBJECT},
		{10, "\"text\"", KEA4_CONTEXT_NOT_OBJECT},
		{10, "null", KEA4_CONTEXT_NOT_OBJECT},
		{10, "-0.5e+3", KEA4_CONTEXT_NOT_OBJECT},
		{10, "{ xax: 1 }", KEA4_BAD_CONTEXT},
		{10, "{ \"a\": 01 }", KEA4_BAD_CONTEXT},
		{10, "{ \"a\": 1.e }", KEA4_BAD_CONTEXT},
		{10, "{ \"a\": \"\\u12g4\" }", KEA4_BAD_CONTEXT},
		{10, "{ \"a\": \"\\x\" }", KEA4_BAD_CONTEXT},
		{10, "{ \"a\": \"open }", KEA4_BAD_CONTEXT},
		{10, "{ \"a\": \"open\\", KEA4_BAD_CONTEXT},
		{10, "{ \"a\": [ 1 }", KEA4_BAD_CONTEXT},
		{10, "{ \"a\": [ 1 ]", KEA4_BAD_CONTEXT},
		{10, "{ \"a\": trues }", KEA4_BAD_CONTEXT},
		{10, "{ \"a\" 1 }", KEA4_BAD_CONTEXT},
		{10, "{ 1: 1 }", KEA4_BAD_CONTEXT},
		{10, "{ \"a\": 1&#x2c }", KEA4_BAD_CONTEXT},
		{10, "<?include \"x\"?>", KEA4_BAD_CONTEXT},
		{10, "{ \"a\": \"&#x00\" }", KEA4_BAD_CONTEXT},
		{10, "{ 'a': 1 }", KEA4_BAD_CONTEXT},
		{10, "{ \"a\": 1 /* open }", KEA4_BAD_CONTEXT},
		{11, "", KEA4_BAD_POOL_ID},
		{11, "4294967296", KEA4_BAD_POOL_ID},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		kea4_problem_t problem = parse_with(fixture, rows[i].column, rows[i].cell);
		if (problem != rows[i].problem) {
			fail_msg("column %zu, cell '%s': %s", rows[i].column, rows[i].cell, kea4_problem_text(problem));
		}
		assert_non_null(kea4_problem_text(problem));
	}
}

static void
test_hardware_lengths(void **state) {
	fixture_t *fixture = *state;
	char *longest = repeat("a1", 20, ":");
	char *longer = repeat("a1", 21, ":");
	assert_int_equal(parse_with(fixture, 1, longest), KEA4_FINE);
	assert_int_equal(fixture->row.hardware_bytes, 20);
	assert_int_equal(fixture->row.hardware[19], 0xa1);
	assert_int_equal(parse_with(fixture, 1, longer), KEA4_BAD_HARDWARE);
	assert_int_equal(parse_with(fixture, 1, ""), KEA4_FINE);
	assert_int_equal(fixture->row.hardware_bytes, 0);
	free(longest);
	free(longer);
}

static void
test_client_id_lengths(void **state) {
	fixture_t *fixture = *state;
	static const char *const separators[] = {":", " ", ""};
	for (size_t i = 0; i < COUNT(separators); i++) {
		char *longest = repeat("b2", 255, separators[i]);
		char *longer = repeat("b2", 256, separators[i]);
		assert_int_equal(parse_with(fixture, 2, longest), KEA4_FINE);
		assert_int_equal(fixture->row.client_id_bytes, 255);
		assert_int_equal(fixture->row.client_id[254], 0xb2);
		assert_int_equal(parse_with(fixture, 2, longer), KEA4_BAD_CLIENT_ID);
		free(longest);
		free(longer);
	}
}

static void
test_client_id_forms(void **state) {
	fixture_t *fixture = *state;
	static const uint8_t expected[] = {0x01, 0x02, 0xab};
	static const char *const forms[] = {"01:02:ab", "1:2:AB", "01 02 ab",  "0102ab",
					    "0x0102AB", "102ab",  "0X01:02:ab"};
	for (size_t i = 0; i < COUNT(forms); i++) {
		assert_int_equal(parse_with(fixture, 2, forms[i]), KEA4_FINE);
		assert_int_equal(fixture->row.client_id_bytes, 3);
		assert_memory_equal(fixture->row.client_id, expected, 3);
	}
}

static void
test_identifiers_may_lack_only_when_declined(void **state) {
	fixture_t *fixture = *state;
	assert_int_equal(parse(fixture, "192.0.2.10,,,3600,1767229200,7,0,0,,0,,0"), KEA4_NO_IDENTIFIER);
	assert_int_equal(parse(fixture, "192.0.2.10,,,0,1767229200,7,0,0,,2,,0"), KEA4_NO_IDENTIFIER);
	assert_int_equal(parse(fixture, "192.0.2.10,,,3600,1767229200,7,0,0,,1,,0"), KEA4_FINE);
	assert_int_equal(parse(fixture, "192.0.2.10,,01:02,3600,1767229200,7,0,0,,0,,0"), KEA4_FINE);
	assert_int_equal(parse(fixture, "192.0.2.10,01:02,,3600,1767229200,7,0,0,,0,,0"), KEA4_FINE);
}

static void
test_host_names(void **state) {
	fixture_t *fixture = *state;
	char *longest = repeat("n", 255, "");
	char *longer = repeat("n", 256, "");
	char *escaped = repeat("&#xe9", 255, "");
	char *escaped_longer = repeat("&#xe9", 256, "");
	assert_int_equal(parse_with(fixture, 8, longest), KEA4_FINE);
	assert_string_equal(fixture->row.hostname, longest);
	assert_int_equal(parse_with(fixture, 8, longer), KEA4_BAD_HOSTNAME);
	assert_int_equal(parse_with(fixture, 8, escaped), KEA4_FINE);
	assert_int_equal(fixture->row.hostname_bytes, 3 * 255);
	assert_int_equal(parse_with(fixture, 8, escaped_longer), KEA4_BAD_HOSTNAME);
	assert_int_equal(parse_with(fixture, 8, "host&#x2cwith\\comma"), KEA4_FINE);
	assert_string_equal(fixture->row.hostname, "host,with\\comma");
	assert_int_equal(parse_with(fixture, 8, "cut&#x2"), KEA4_FINE);
	assert_string_equal(fixture->row.hostname, "cut&#x2");
	assert_false(fixture->row.hostname_dropped);
	assert_int_equal(parse_with(fixture, 8, "nul&#x00name"), KEA4_FINE);
	assert_true(fixture->row.hostname_dropped);
	assert_string_equal(fixture->row.hostname, "");
	free(longest);
	free(longer);
	free(escaped);
	free(escaped_longer);
}

/* ---- user contexts ----------------------------------------------------------------------------------------------- */

static void
test_contexts_stay_byte_for_byte(void **state) {
	fixture_t *fixture = *state;
	static const char *const rows[] = {
		"{  }",
		"{\"b\":1,\"a\":2}",
		"{ \"a\": [ 1, { \"b\": null } ], \"a\": \"twice\" }",
		"{ \"huge\": 340282366920938463463374607431768211455, \"small\": -1.50e+03 }",
		"{ \"text\": \"caf\xC3\xA9 \\u00e9 \\\"#//\" }",
		"{ \"ISC\": { \"relay-agent-info\": { \"sub-options\": \"0x0104AABB\" } } }",
		"{ \"relay-agent-info\": \"0x0104AABB\", \"ISC\": { \"x\": { \"relay-agent-info\": \"0x01\" } } }",
		"{ \"ISC\": [ \"relay-agent-info\", \"0x01\" ], \"y\": { \"relay-agent-info\": \"0x01\" } }",
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		char cell[1024];
		cell[kea_text_encode(rows[i], strlen(rows[i]), cell)] = '\0';
		assert_int_equal(parse_with(fixture, 10, cell), KEA4_FINE);
		assert_string_equal(fixture->row.user_context, rows[i]);
	}
}

static void
test_context_depth(void **state) {
	fixture_t *fixture = *state;
	char text[512];
	for (int depth = 100; depth <= 101; depth++) {
		strcpy(text, "{ \"a\": ");
		size_t at = strlen("{ \"a\": ");
		memset(text + at, '[', (size_t)depth - 1);
		memset(text + at + (size_t)depth - 1, ']', (size_t)depth - 1);
		strcpy(text + at + 2 * (size_t)(depth - 1), " }");
		assert_int_equal(parse_with(fixture, 10, text), depth == 100 ? KEA4_FINE : KEA4_BAD_CONTEXT);
	}
}

static void
test_comments_in_contexts_become_blanks(void **state) {
	fixture_t *fixture = *state;
	assert_int_equal(parse_with(fixture, 10, "{ /* x&#x2c */ \"a\": 1 # rest }&#x0a } // end"), KEA4_FINE);
	assert_string_equal(fixture->row.user_context, "{          \"a\": 1         \n }       ");
}

static void
test_context_lengths(void **state) {
	fixture_t *fixture = *state;
	char *text = repeat("x", KEA4_CONTEXT_MAX_BYTES - 10, "");
	char *cell = malloc(strlen(text) + 32);
	sprintf(cell, "{ \"a\": \"%s\"}", text);
	assert_int_equal(strlen(cell), KEA4_CONTEXT_MAX_BYTES);
	assert_int_equal(parse_with(fixture, 10, cell), KEA4_FINE);
	assert_int_equal(fixture->row.user_context_bytes, KEA4_CONTEXT_MAX_BYTES);
	sprintf(cell, "{ \"a\": \"%s\" }", text);
	assert_int_equal(parse_with(fixture, 10, cell), KEA4_CONTEXT_TOO_LONG);
	free(text);
	text = repeat("&#x78", KEA4_CONTEXT_MAX_BYTES + 1, "");
	assert_int_equal(parse_with(fixture, 10, text), KEA4_CONTEXT_TOO_LONG);
	free(text);
	free(cell);
}

static void
test_old_relay_information_is_upgraded(void **state) {
	fixture_t *fixture = *state;
	static const struct {
		const char *old;
		const char *upgraded;
	} rows[] = {
		{"{ \"ISC\": { \"relay-agent-info\": \"0x0104AABBCCDD\" } }",
		 "{ \"ISC\": { \"relay-agent-info\": { \"sub-options\": \"0x0104AABBCCDD\" } } }"},
		{"{ \"ISC\": { \"a\": [ ], \"relay-agent-info\": \"0x0202C0DE0C01FF\" }, \"z\": "
		 "340282366920938463463374607431768211455 }",
		 "{ \"ISC\": { \"a\": [ ], \"relay-agent-info\": { \"relay-id\": \"0xFF\", \"remote-id\": \"0xC0DE\", "
		 "\"sub-options\": \"0x0202C0DE0C01FF\" } }, \"z\": 340282366920938463463374607431768211455 }"},
		{"{ \"ISC\": { \"relay-agent-info\": \"0x0209AA\" } }",
		 "{ \"ISC\": { \"relay-agent-info\": { \"sub-options\": \"0x0209AA\" } } }"},
		{"{ \"ISC\": { \"relay-agent-info\": \"text\" } }", "{ \"ISC\": { \"relay-agent-info\": \"text\" } }"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		char cell[1024];
		cell[kea_text_encode(rows[i].old, strlen(rows[i].old), cell)] = '\0';
		assert_int_equal(parse_with(fixture, 10, cell), KEA4_FINE);
		assert_string_equal(fixture->row.user_context, rows[i].upgraded);
	}
}

/* ---- times ------------------------------------------------------------------------------------------------------- */

static void
test_last_transaction(void **state) {
	static const struct {
		uint32_t valid_lifetime_s;
		uint64_t expire_s;
		uint32_t began_s;
		bool clamped;
	} rows[] = {
		{3600, 1767229200, 1767225600, false},
		{0, 1767229200, 1767229200, false},
		{KEA4_INFINITE, UINT64_C(1767225600) + KEA4_INFINITE, 1767225600, false},
		{KEA4_INFINITE, 1767225600, 1767225600, false}, /* as the SQL back ends have it */
		{3600, 3600, 0, false},
		{3600, 3599, 0, true},
		{1, UINT64_C(4294967296), UINT32_MAX, false},
		{1, UINT64_C(4294967297), UINT32_MAX, true},
		{KEA4_INFINITE, INT64_MAX, UINT32_MAX, true},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		kea4_row_t row = {.valid_lifetime_s = rows[i].valid_lifetime_s, .expire_s = rows[i].expire_s};
		bool clamped = !rows[i].clamped;
		assert_int_equal(kea4_last_transaction_s(&row, &clamped), rows[i].began_s);
		assert_int_equal(clamped, rows[i].clamped);
	}
}

static void
test_infinite_row_takes_any_expire(void **state) {
	fixture_t *fixture = *state;
	assert_int_equal(parse(fixture, "192.0.2.10,02:00,,4294967295,910692730085,7,0,0,,0,,0"), KEA4_FINE);
	assert_int_equal(parse(fixture, "192.0.2.10,02:00,,4294967295,9223372036854775807,7,0,0,,0,,0"), KEA4_FINE);
	assert_int_equal(parse(fixture, "192.0.2.10,02:00,,4294967295,9223372036854775808,7,0,0,,0,,0"),
			 KEA4_BAD_EXPIRE);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void
test_rows_are_written_as_they_were_read(void **state) {
	fixture_t *fixture = *state;
	static const char *const rows[] = {
		"192.0.2.10,02:00:5e:10:00:01,01:02:00:5e:10:00:01,3600,1767229200,7,1,1,cam-1.example.net,0,,0\n",
		"192.0.2.11,02:00:5e:10:00:02,,7200,1767232800,7,0,0,,0,{ \"note\": \"a&#x2cb\" },0\n",
		"192.0.2.10,02:00:5e:10:00:01,01:02:00:5e:10:00:01,0,1767226000,7,1,1,cam-1.example.net,3,,0\n",
		"255.255.255.255,,,86400,910692730084,4294967295,0,0,,1,,4294967295\n",
		"10.0.0.1,00,ff:00,4294967295,6062192895,1,0,1,host&#x2cwith\\comma,2,{  },0\n",
		"1.2.3.4,,00:00,1,2,0,0,0,&#xc3&#xa9 &#xe9&#x7f&#x09,0,{ \"caf&#xe9\": \"&#xee&#xbe&#x80\" },9\n",
	};
	char out[KEA4_ROW_OUT_BYTES];
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(kea4_parse_row(fixture->parser, rows[i], strlen(rows[i]) - 1, &fixture->row),
				 KEA4_FINE);
		size_t bytes = kea4_format_row(&fixture->row, out);
		assert_int_equal(bytes, strlen(rows[i]));
		assert_memory_equal(out, rows[i], bytes);
	}
}

static void
test_host_names_are_written_in_lower_case(void **state) {
	fixture_t *fixture = *state;
	char out[KEA4_ROW_OUT_BYTES];
	assert_int_equal(parse(fixture, "1.2.3.4,00,,1,2,0,0,0,CAM-1&#x2C.Example,0,{ \"A\": \"&#xC9\" },0"),
			 KEA4_FINE);
	out[kea4_format_row(&fixture->row, out)] = '\0';
	assert_string_equal(out, "1.2.3.4,00,,1,2,0,0,0,cam-1&#x2c.example,0,{ \"A\": \"&#xc9\" },0\n");
}

static void
test_greatest_row_fits(void **state) {
	kea4_row_t row = {.address = UINT32_MAX,
			  .valid_lifetime_s = UINT32_MAX,
			  .expire_s = UINT64_MAX,
			  .subnet_id = UINT32_MAX,
			  .pool_id = UINT32_MAX,
			  .state = 255,
			  .hardware_bytes = KEA4_HARDWARE_MAX_BYTES,
			  .client_id_bytes = KEA4_CLIENT_ID_MAX_BYTES};
	char *text = repeat("\t", KEA4_TEXT_MAX_BYTES, "");
	char *out = malloc(KEA4_ROW_OUT_BYTES);
	(void)state;
	row.hostname = row.user_context = text;
	row.hostname_bytes = row.user_context_bytes = KEA4_TEXT_MAX_BYTES;
	size_t bytes = kea4_format_row(&row, out);
	assert_true(bytes <= KEA4_ROW_OUT_BYTES);
	assert_true(bytes > 2 * KEA_TEXT_CELL_GROWS * KEA4_TEXT_MAX_BYTES);
	assert_int_equal(out[bytes - 1], '\n');
	free(out);
	free(text);
}

static void
random_row(uint64_t *seed, kea4_row_t *row, char *hostname, char *context) {
	*row = (kea4_row_t){.address = (uint32_t)random_number(seed) | 1,
			    .valid_lifetime_s = (uint32_t)random_number(seed),
			    .expire_s = random_number(seed) % KEA4_EXPIRE_MAX_S,
			    .subnet_id = (uint32_t)random_number(seed),
			    .pool_id = (uint32_t)random_number(seed) % 3,
			    .state = (uint8_t)(random_number(seed) % 4),
			    .fqdn_forward = random_number(seed) % 2 == 0,
			    .fqdn_reverse = random_number(seed) % 2 == 0,
			    .hardware_bytes = (uint8_t)(1 + random_number(seed) % KEA4_HARDWARE_MAX_BYTES)};
	size_t id_bytes = random_number(seed) % 256;
	row->client_id_bytes = (uint8_t)(id_bytes < KEA4_CLIENT_ID_MIN_BYTES ? 0 : id_bytes);
	for (size_t i = 0; i < row->hardware_bytes; i++) {
		row->hardware[i] = (uint8_t)random_number(seed);
	}
	for (size_t i = 0; i < row->client_id_bytes; i++) {
		row->client_id[i] = (uint8_t)random_number(seed);
	}
	char octets[85];
	size_t count = random_number(seed) % sizeof(octets);
	for (size_t i = 0; i < count; i++) {
		octets[i] = (char)(random_number(seed) % 255 + 1);
		octets[i] = (char)(octets[i] >= 'A' && octets[i] <= 'Z' ? octets[i] | 0x20 : octets[i]);
	}
	row->hostname_bytes = (uint32_t)kea_text_to_utf8(octets, count, hostname);
	hostname[row->hostname_bytes] = '\0';
	row->hostname = hostname;
	sprintf(context, "{ \"n, &\": %u }", (unsigned)random_number(seed));
	context[random_number(seed) % 2 == 0 ? 0 : strlen(context)] = '\0';
	row->user_context = context;
	row->user_context_bytes = (uint32_t)strlen(context);
}

/* Whatever is written is read back the same. */
static void
test_random_rows_come_back(void **state) {
	fixture_t *fixture = *state;
	uint64_t seed = test_seed();
	char first[KEA4_ROW_OUT_BYTES];
	char second[KEA4_ROW_OUT_BYTES];
	for (int turn = 0; turn < 5000; turn++) {
		kea4_row_t row;
		char hostname[256];
		char context[64];
		random_row(&seed, &row, hostname, context);
		size_t bytes = kea4_format_row(&row, first);
		assert_int_equal(kea4_parse_row(fixture->parser, first, bytes - 1, &fixture->row), KEA4_FINE);
		assert_int_equal(fixture->row.address, row.address);
		assert_int_equal(fixture->row.expire_s, row.expire_s);
		assert_int_equal(fixture->row.client_id_bytes, row.client_id_bytes);
		assert_memory_equal(fixture->row.client_id, row.client_id, row.client_id_bytes);
		assert_string_equal(fixture->row.hostname, hostname);
		assert_int_equal(kea4_format_row(&fixture->row, second), bytes);
		assert_memory_equal(first, second, bytes);
	}
}

/* Whatever stands in a file: no row does harm, and one that is taken comes back as the same row. */
static void
test_mutated_rows_do_no_harm(void **state) {
	static const char *const rows[] = {
		"192.0.2.10,02:00:5e:10:00:01,01:02:00:5e:10:00:01,3600,1767229200,7,1,1,cam-1&#x2c&#x26,0,{ \"ISC\": "
		"{ "
		"\"relay-agent-info\": \"0x0102AABB\" }&#x2c \"a\": [ \"\\u00e9\\n\"&#x2c -1.5e3 ] } # end,0",
		"255.255.255.255,,0x0102030405,4294967295,6062192895,4294967295,0,0,,1,,4294967295",
	};
	static const char likely[] = ",,::&#x{}[]\"\\0123456789abcdefx/* \n";
	fixture_t *fixture = *state;
	uint64_t seed = test_seed();
	char first[KEA4_ROW_OUT_BYTES];
	char second[KEA4_ROW_OUT_BYTES];
	unsigned taken = 0;
	for (int turn = 0; turn < 40000; turn++) {
		char *line = strdup(rows[random_number(&seed) % COUNT(rows)]); /* ends where its memory ends */
		size_t bytes = strlen(line);
		for (uint64_t changes = random_number(&seed) % 4; changes > 0; changes--) {
			char likely_octet = likely[random_number(&seed) % (sizeof(likely) - 1)];
			char octet = random_number(&seed) % 8 == 0 ? (char)random_number(&seed) : likely_octet;
			line[random_number(&seed) % bytes] = octet;
		}
		bytes -= random_number(&seed) % 8 == 0 ? random_number(&seed) % bytes : 0;
		char *exact = malloc(bytes);
		memcpy(exact, line, bytes);
		if (kea4_parse_row(fixture->parser, exact, bytes, &fixture->row) == KEA4_FINE) {
			size_t written = kea4_format_row(&fixture->row, first);
			assert_int_equal(kea4_parse_row(fixture->parser, first, written - 1, &fixture->row), KEA4_FINE);
			assert_int_equal(kea4_format_row(&fixture->row, second), written);
			assert_memory_equal(first, second, written);
			taken++;
		}
		free(exact);
		free(line);
	}
	assert_true(taken > 4000);
}

static void
test_addresses_are_peeked_at(void **state) {
	uint32_t address = 0;
	(void)state;
	assert_true(kea4_peek_address("192.0.2.10,and more", 19, &address));
	assert_int_equal(address, 0xC000020A);
	assert_false(kea4_peek_address("192.0.2.10", 10, &address));
	assert_false(kea4_peek_address("", 0, &address));
	assert_false(kea4_peek_address("address,hwaddr", 14, &address));
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

/* A file with this content, open and without a name. */
static int
file_of(const char *content, size_t bytes) {
	FILE *file = tmpfile();
	assert_non_null(file);
	assert_int_equal(fwrite(content, 1, bytes, file), bytes);
	assert_int_equal(fflush(file), 0);
	int fd = dup(fileno(file));
	fclose(file);
	return fd;
}

static void
test_lines_end_as_they_like(void **state) {
	static const char content[] = "\xEF\xBB\xBFone\n\n\r\ntwo\r\n\rthree\r\r\nfour";
	static const char *const expected[] = {"one", "", "", "two", "\rthree\r", "four"};
	text_lines_t lines;
	text_line_t line;
	(void)state;
	int fd = file_of(content, strlen(content));
	assert_true(text_lines_open(&lines, fd, UINT64_MAX));
	for (size_t i = 0; i < COUNT(expected); i++) {
		assert_int_equal(text_lines_next(&lines, &line), 1);
		assert_int_equal(lines.number, i + 1);
		assert_int_equal(line.bytes, strlen(expected[i]));
		assert_memory_equal(line.text, expected[i], line.bytes);
		assert_int_equal(line.cut, i == COUNT(expected) - 1);
	}
	assert_int_equal(text_lines_next(&lines, &line), 0);
	assert_int_equal(lines.done_bytes, strlen(content));
	text_lines_close(&lines);
	close(fd);
}

static void
test_lines_stop_at_the_limit(void **state) {
	text_lines_t lines;
	text_line_t line;
	(void)state;
	int fd = file_of("one\ntwo\nthree\n", 14);
	assert_true(text_lines_open(&lines, fd, 6));
	assert_int_equal(text_lines_next(&lines, &line), 1);
	assert_false(line.cut);
	assert_int_equal(text_lines_next(&lines, &line), 1);
	assert_true(line.cut);
	assert_int_equal(line.bytes, 2);
	assert_int_equal(text_lines_next(&lines, &line), 0);
	text_lines_close(&lines);
	close(fd);
}

static void
test_overlong_lines_are_skipped(void **state) {
	enum { LONG = 2 * TEXT_LINE_MAX_BYTES + 7 };
	char *content = malloc(LONG + 16);
	text_lines_t lines;
	text_line_t line;
	(void)state;
	memcpy(content, "first\n", 6);
	memset(content + 6, 'x', LONG);
	memcpy(content + 6 + LONG, "\nlast\n", 6);
	int fd = file_of(content, LONG + 12);
	assert_true(text_lines_open(&lines, fd, UINT64_MAX));
	assert_int_equal(text_lines_next(&lines, &line), 1);
	assert_false(line.too_long);
	assert_int_equal(text_lines_next(&lines, &line), 1);
	assert_true(line.too_long);
	assert_int_equal(lines.number, 2);
	assert_int_equal(text_lines_next(&lines, &line), 1);
	assert_false(line.too_long);
	assert_int_equal(lines.number, 3);
	assert_int_equal(line.bytes, 4);
	assert_memory_equal(line.text, "last", 4);
	assert_int_equal(text_lines_next(&lines, &line), 0);
	assert_int_equal(lines.done_bytes, LONG + 12);
	text_lines_close(&lines);
	close(fd);
	free(content);
}

/* Lines of all lengths across the edges of the buffer, against a plain walk over the content. */
static void
test_lines_across_the_buffer(void **state) {
	enum { BYTES = 5 * 1024 * 1024 };
	uint64_t seed = test_seed();
	char *content = malloc(BYTES);
	text_lines_t lines;
	text_line_t line;
	(void)state;
	for (size_t i = 0; i < BYTES; i++) {
		content[i] = (char)('a' + i % 26);
	}
	for (size_t i = 0; i < BYTES; i += 1 + random_number(&seed) % (random_number(&seed) % 8 == 0 ? 300000 : 300)) {
		content[i] = '\n';
	}
	content[BYTES - 1] = '\n';
	int fd = file_of(content, BYTES);
	assert_true(text_lines_open(&lines, fd, UINT64_MAX));
	for (const char *at = content; at < content + BYTES;) {
		const char *end = memchr(at, '\n', (size_t)(content + BYTES - at));
		assert_int_equal(text_lines_next(&lines, &line), 1);
		assert_int_equal(line.bytes, end - at);
		assert_memory_equal(line.text, at, line.bytes);
		at = end + 1;
	}
	assert_int_equal(text_lines_next(&lines, &line), 0);
	text_lines_close(&lines);
	close(fd);
	free(content);
}

static void
test_unreadable_files_say_so(void **state) {
	text_lines_t lines;
	text_line_t line;
	(void)state;
	assert_true(text_lines_open(&lines, -1, UINT64_MAX));
	assert_int_equal(text_lines_next(&lines, &line), -1);
	text_lines_close(&lines);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escapes_decode),
		cmocka_unit_test(test_escapes_encode),
		cmocka_unit_test(test_any_octets_survive_as_utf8),
		cmocka_unit_test(test_utf8_stays_as_it_is),
		cmocka_unit_test(test_headers_of_every_generation),
		cmocka_unit_test(test_other_headers_are_refused),
		cmocka_unit_test_setup_teardown(test_number_of_cells, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_missing_cells_have_defaults, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sound_row, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_cells_are_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hardware_lengths, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_client_id_lengths, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_client_id_forms, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_identifiers_may_lack_only_when_declined, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_host_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_contexts_stay_byte_for_byte, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_context_depth, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_comments_in_contexts_become_blanks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_context_lengths, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_old_relay_information_is_upgraded, set_up, tear_down),
		cmocka_unit_test(test_last_transaction),
		cmocka_unit_test_setup_teardown(test_infinite_row_takes_any_expire, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rows_are_written_as_they_were_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_host_names_are_written_in_lower_case, set_up, tear_down),
		cmocka_unit_test(test_greatest_row_fits),
		cmocka_unit_test_setup_teardown(test_random_rows_come_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mutated_rows_do_no_harm, set_up, tear_down),
		cmocka_unit_test(test_addresses_are_peeked_at),
		cmocka_unit_test(test_lines_end_as_they_like),
		cmocka_unit_test(test_lines_stop_at_the_limit),
		cmocka_unit_test(test_overlong_lines_are_skipped),
		cmocka_unit_test(test_lines_across_the_buffer),
		cmocka_unit_test(test_unreadable_files_say_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
