/* SPDX-License-Identifier: Apache-2.0 */
/* What an import decides before it touches a store: files, scopes, which row counts; and rows as leases, there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../tools/import_files.h"
#include "../tools/import_plan.h"
#include "../tools/json_context.h"
#include "../tools/kea4_lease.h"
#include "../tools/kea_config.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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

/* ---- comments ---------------------------------------------------------------------------------------------------- */

static void
test_comments_are_blanked(void **state) {
	static const struct {
		const char *text;
		const char *expected;
		json_blank_t found;
	} rows[] = {
		{"{}", "{}", JSON_BLANK_NOTHING},
		{"{} # x\n[1]", "{}    \n[1]", JSON_BLANK_COMMENTS},
		{"// a\r\n1", "    \r\n1", JSON_BLANK_COMMENTS},
		{"/* a\nb */1", "    \n    1", JSON_BLANK_COMMENTS},
		{"/**/1/", "    1/", JSON_BLANK_COMMENTS},
		{"\"# // /* \\\" # <?\"", "\"# // /* \\\" # <?\"", JSON_BLANK_NOTHING},
		{"[1,2, /* c */ ]", "[1,2          ]", JSON_BLANK_COMMENTS},
		{"{\"a\":[1,],}", "{\"a\":[1 ] }", JSON_BLANK_NOTHING},
		{"[\",]\",]", "[\",]\" ]", JSON_BLANK_NOTHING},
		{"# <?include \"x\"?>", "                 ", JSON_BLANK_COMMENTS},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[64];
		strcpy(text, rows[i].text);
		assert_int_equal(json_blank_comments(text, strlen(text), true), rows[i].found);
		assert_string_equal(text, rows[i].expected);
	}
	char text[] = "{ /* never ends";
	assert_int_equal(json_blank_comments(text, strlen(text), true), JSON_BLANK_OPEN);
	char include[] = "{ <?include \"subnets.json\"?> }";
	assert_int_equal(json_blank_comments(include, strlen(include), true), JSON_BLANK_INCLUDE);
	char comma[] = "[1,]";
	assert_int_equal(json_blank_comments(comma, strlen(comma), false), JSON_BLANK_NOTHING);
	assert_string_equal(comma, "[1,]");
}

/* ---- configurations ---------------------------------------------------------------------------------------------- */

static bool
parse_config(const char *config, kea_scopes_t *scopes, char sentence[KEA_SENTENCE_BYTES]) {
	char *text = strdup(config);
	*scopes = (kea_scopes_t){0};
	bool fine = kea_config_parse(text, strlen(text), scopes, sentence) && kea_scopes_seal(scopes, sentence);
	free(text);
	return fine;
}

static void
test_pools(void **state) {
	lessor_range_t range;
	(void)state;
	assert_true(kea_parse_pool("192.0.2.10-192.0.2.99", &range));
	assert_int_equal(range.first, 0xC000020A);
	assert_int_equal(range.last, 0xC0000263);
	assert_true(kea_parse_pool(" 192.0.2.10 \t- 192.0.2.10 ", &range));
	assert_int_equal(range.last, 0xC000020A);
	assert_true(kea_parse_pool("192.0.2.64/26", &range));
	assert_int_equal(range.first, 0xC0000240);
	assert_int_equal(range.last, 0xC000027F);
	static const char *const bad[] = {
		"",    "192.0.2.10",   "192.0.2.9-192.0.2.8", "192.0.2.0/33", "192.0.2.0/", "192.0.2.1-192.0.2.x",
		"a-b", "192.0.2.0/2 4"};
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(kea_parse_pool(bad[i], &range));
	}
}

static void
test_configuration(void **state) {
	static const char config[] =
		"// Kea's JSON\n"
		"{ \"Dhcp4\": { /* all */ \"valid-lifetime\": 4000, # seconds\n"
		"  \"shared-networks\": [ { \"name\": \"n\", \"valid-lifetime\": 300, \"subnet4\": [\n"
		"    { \"id\": 9, \"subnet\": \"198.51.100.0/24\", \"pools\": [ { \"pool\": \"198.51.100.128/25\" }, ] "
		"},\n"
		"  ] } ],\n"
		"  \"subnet4\": [\n"
		"    { \"id\": 7, \"subnet\": \"192.0.2.0/24\", \"valid-lifetime\": 60, \"pools\": [\n"
		"        { \"pool\": \"192.0.2.100 - 192.0.2.119\" }, { \"pool\": \"192.0.2.10-192.0.2.19\" },\n"
		"        { \"pool\": \"192.0.2.20-192.0.2.29\" }, { \"pool\": \"192.0.2.32/29\" } ],\n"
		"      \"reservations\": [ { \"ip-address\": \"192.0.2.50\" }, {} ] },\n"
		"    { \"id\": 8, \"subnet\": \"10.1.2.3/8\" },\n"
		"  ], \"hooks-libraries\": [] } }\n";
	kea_scopes_t scopes;
	char sentence[KEA_SENTENCE_BYTES];
	(void)state;
	assert_true(parse_config(config, &scopes, sentence));
	assert_int_equal(scopes.count, 3);
	assert_int_equal(scopes.reservations, 2);
	assert_int_equal(scopes.numbered, 0);
	const kea_scope_t *scope = kea_scopes_find(&scopes, 0xC00002FF);
	assert_int_equal(scope->id, 7);
	assert_int_equal(scope->subnet, 0xC0000200);
	assert_int_equal(scope->mask, 0xFFFFFF00);
	assert_int_equal(scope->lease_s, 60);
	assert_true(scope->wanted);
	assert_true(scope->has_range);
	assert_int_equal(scope->range.first, 0xC000020A);
	assert_int_equal(scope->range.last, 0xC0000277);
	assert_int_equal(scope->gap_count, 2);
	assert_int_equal(scope->gaps[0].first, 0xC000021E);
	assert_int_equal(scope->gaps[0].last, 0xC000021F);
	assert_int_equal(scope->gaps[1].first, 0xC0000228);
	assert_int_equal(scope->gaps[1].last, 0xC0000263);
	scope = kea_scopes_find(&scopes, 0xC6336401);
	assert_int_equal(scope->id, 9);
	assert_int_equal(scope->lease_s, 300);
	assert_int_equal(scope->gap_count, 0);
	scope = kea_scopes_find(&scopes, 0x0AFFFFFF);
	assert_int_equal(scope->id, 8);
	assert_int_equal(scope->subnet, 0x0A000000);
	assert_int_equal(scope->lease_s, 4000);
	assert_false(scope->has_range);
	assert_null(kea_scopes_find(&scopes, 0x0B000000));
	assert_null(kea_scopes_find(&scopes, 1));
	assert_true(kea_scopes_has_id(&scopes, 9));
	assert_false(kea_scopes_has_id(&scopes, 10));
	kea_scopes_free(&scopes);
}

static void
test_subnets_without_ids_are_numbered(void **state) {
	static const char config[] =
		"{ \"Dhcp4\": { \"subnet4\": [ { \"subnet\": \"10.1.0.0/16\" }, { \"id\": 77, \"subnet\": "
		"\"10.3.0.0/16\" }, { \"subnet\": \"10.2.0.0/16\" } ], \"shared-networks\": [ { "
		"\"subnet4\": [ { \"subnet\": \"10.9.0.0/16\" } ] } ] } }";
	kea_scopes_t scopes;
	char sentence[KEA_SENTENCE_BYTES];
	(void)state;
	assert_true(parse_config(config, &scopes, sentence));
	assert_int_equal(scopes.numbered, 3);
	assert_int_equal(kea_scopes_find(&scopes, 0x0A090000)->id, 1);
	assert_int_equal(kea_scopes_find(&scopes, 0x0A010000)->id, 2);
	assert_int_equal(kea_scopes_find(&scopes, 0x0A020000)->id, 3);
	assert_int_equal(kea_scopes_find(&scopes, 0x0A030000)->id, 77);
	assert_int_equal(kea_scopes_find(&scopes, 0x0A030000)->lease_s, 7200);
	kea_scopes_free(&scopes);
}

static void
test_bad_configurations_are_explained(void **state) {
	static const struct {
		const char *config;
		const char *part; /* of the sentence */
	} rows[] = {
		{"", "not JSON"},
		{"{ \"Dhcp4\": {\n\n \"subnet4\" [] } }", "near line 3"},
		{"{ \"Dhcp6\": {} }", "no object Dhcp4"},
		{"[]", "no object Dhcp4"},
		{"{ \"Dhcp4\": { /* } }", "never ends"},
		{"{ \"Dhcp4\": { \"subnet4\": <?include \"subnets.json\"?> } }", "<?include"},
		{"{ \"Dhcp4\": { \"subnet4\": {} } }", "subnet4 is not a list"},
		{"{ \"Dhcp4\": { \"shared-networks\": 1 } }", "shared-networks is not a list"},
		{"{ \"Dhcp4\": { \"subnet4\": [ 5 ] } }", "not of the form"},
		{"{ \"Dhcp4\": { \"subnet4\": [ { \"id\": 1, \"subnet\": \"10.0.0.0\" } ] } }",
		 "'10.0.0.0' is not of the form"},
		{"{ \"Dhcp4\": { \"subnet4\": [ { \"id\": 1, \"subnet\": \"0.0.0.0/0\" } ] } }", "not of the form"},
		{"{ \"Dhcp4\": { \"subnet4\": [ { \"id\": -1, \"subnet\": \"10.0.0.0/8\" } ] } }",
		 "the id or valid-lifetime"},
		{"{ \"Dhcp4\": { \"valid-lifetime\": 4294967296 } }", "valid-lifetime"},
		{"{ \"Dhcp4\": { \"subnet4\": [ { \"id\": 1, \"subnet\": \"10.0.0.0/8\", \"pools\": [ { \"pool\": "
		 "\"10.0.0.1\" } ] } ] } }",
		 "'10.0.0.1' of subnet 10.0.0.0/8 is no range"},
		{"{ \"Dhcp4\": { \"subnet4\": [ { \"id\": 1, \"subnet\": \"10.0.0.0/8\", \"pools\": [ {} ] } ] } }",
		 "no range"},
		{"{ \"Dhcp4\": { \"subnet4\": [ { \"id\": 1, \"subnet\": \"10.0.0.0/8\", \"pools\": [ { \"pool\": "
		 "\"11.0.0.1-11.0.0.2\" } "
		 "] } ] } }",
		 "outside"},
		{"{ \"Dhcp4\": { \"subnet4\": [ { \"id\": 1, \"subnet\": \"10.0.0.0/8\" }, { \"id\": 2, \"subnet\": "
		 "\"10.1.0.0/16\" } ] } }",
		 "10.0.0.0/8 and 10.1.0.0/16 overlap"},
		{"{ \"Dhcp4\": { \"subnet4\": [ { \"id\": 1, \"subnet\": \"10.0.0.0/8\" }, { \"id\": 1, \"subnet\": "
		 "\"11.0.0.0/8\" } ] } }",
		 "two subnets have the id 1"},
		{"{ \"Dhcp4\": { \"subnet4\": [ { \"id\": 1, \"subnet\": \"10.0.0.0/8\" }, { \"id\": 2, \"subnet\": "
		 "\"10.0.0.0/8\" } ] } }",
		 "10.0.0.0/8 has the subnet id"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		kea_scopes_t scopes;
		char sentence[KEA_SENTENCE_BYTES] = "";
		assert_false(parse_config(rows[i].config, &scopes, sentence));
		if (strstr(sentence, rows[i].part) == NULL) {
			fail_msg("row %zu: %s", i, sentence);
		}
		kea_scopes_free(&scopes);
	}
}

static void
test_mutated_configurations_do_no_harm(void **state) {
	static const char config[] =
		"{ \"Dhcp4\": { /* c */ \"shared-networks\": [ { \"subnet4\": [ { \"id\": 9, \"subnet\": "
		"\"198.51.100.0/24\" } ] } ], # c\n \"subnet4\": [ { \"id\": 7, \"subnet\": "
		"\"192.0.2.0/24\", \"pools\": [ { \"pool\": \"192.0.2.1-192.0.2.5\" }, { \"pool\": "
		"\"192.0.2.32/28\" } ], \"reservations\": [ 1, ] }, ] } }";
	static const char likely[] = "{}[]\",:/*#-0123456789 ";
	uint64_t seed = test_seed();
	unsigned taken = 0;
	(void)state;
	for (int turn = 0; turn < 20000; turn++) {
		kea_scopes_t scopes = {0};
		char sentence[KEA_SENTENCE_BYTES];
		size_t bytes = sizeof(config) - 1;
		bytes -= random_number(&seed) % 8 == 0 ? random_number(&seed) % bytes : 0;
		char *text = malloc(bytes);
		memcpy(text, config, bytes);
		for (uint64_t changes = random_number(&seed) % 4; changes > 0; changes--) {
			text[random_number(&seed) % bytes] = likely[random_number(&seed) % (sizeof(likely) - 1)];
		}
		taken += kea_config_parse(text, bytes, &scopes, sentence) && kea_scopes_seal(&scopes, sentence);
		kea_scopes_free(&scopes);
		free(text);
	}
	assert_true(taken > 2000);
}

static void
test_configuration_that_is_not_there(void **state) {
	kea_scopes_t scopes = {0};
	char sentence[KEA_SENTENCE_BYTES];
	(void)state;
	assert_false(kea_config_load("/nowhere/kea.conf", &scopes, sentence));
	assert_non_null(strstr(sentence, "/nowhere/kea.conf"));
	assert_non_null(strstr(sentence, "No such file"));
	assert_false(kea_config_load("/", &scopes, sentence));
}

/* The store's scopes and the user's, joined. */
static void
test_scopes_of_store_and_user(void **state) {
	kea_scopes_t scopes = {0};
	char sentence[KEA_SENTENCE_BYTES];
	const lessor_range_t range = {0x0A000001, 0x0A000009};
	const lessor_range_t other = {0x0A000001, 0x0A000008};
	(void)state;
	assert_true(kea_scopes_add(&scopes, &(kea_scope_t){.subnet = 0x0A000000,
							   .mask = 0xFF000000,
							   .in_store = true,
							   .has_range = true,
							   .range = other}));
	assert_true(kea_scopes_add(&scopes, &(kea_scope_t){.subnet = 0x0A000000,
							   .mask = 0xFF000000,
							   .id = 5,
							   .wanted = true,
							   .lease_s = 60,
							   .has_range = true,
							   .range = range}));
	assert_true(kea_scopes_add(
		&scopes,
		&(kea_scope_t){.subnet = 0x0B000000, .mask = 0xFF000000, .id = 6, .store_id = 6, .in_store = true}));
	assert_true(kea_scopes_seal(&scopes, sentence));
	assert_int_equal(scopes.count, 2);
	const kea_scope_t *joined = kea_scopes_find(&scopes, 0x0A000001);
	assert_int_equal(joined->id, 5);
	assert_int_equal(joined->store_id, 0);
	assert_true(joined->in_store);
	assert_true(joined->wanted);
	assert_true(joined->range_kept);
	assert_false(kea_scopes_find(&scopes, 0x0B000001)->wanted);
	assert_true(kea_scopes_has_id(&scopes, 6));
	assert_true(kea_scopes_add(&scopes,
				   &(kea_scope_t){.subnet = 0x0B000000, .mask = 0xFF000000, .id = 7, .wanted = true}));
	assert_false(kea_scopes_seal(&scopes, sentence));
	assert_non_null(strstr(sentence, "in the store"));
	kea_scopes_free(&scopes);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

#define HEADER_11                                                                                                      \
	"address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n"

typedef struct directory {
	char path[64];
} directory_t;

static void
write_file(const directory_t *directory, const char *name, const char *content) {
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", directory->path, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(content, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int
make_directory(void **state) {
	directory_t *directory = malloc(sizeof(*directory));
	const char *parent = getenv("TMPDIR") != NULL ? "." : "/tmp";
	snprintf(directory->path, sizeof(directory->path), "%s/import_files.XXXXXX", parent);
	*state = directory;
	return mkdtemp(directory->path) == NULL;
}

static int
remove_directory(void **state) {
	directory_t *directory = *state;
	char command[128];
	snprintf(command, sizeof(command), "rm -rf '%s'", directory->path);
	int failed = system(command);
	free(directory);
	return failed;
}

/* Add NAME and compare the list of files, joined by blanks, with what is expected. */
static void
expect_files(const directory_t *directory, const char *name, bool siblings, import_files_result_t result,
	     const char *expected) {
	import_files_t files = {0};
	char sentence[KEA_SENTENCE_BYTES] = "";
	char path[128];
	char list[512] = "";
	snprintf(path, sizeof(path), "%s/%s", directory->path, name);
	import_files_result_t got = import_files_add(&files, path, NULL, siblings, sentence);
	for (size_t i = 0; i < files.count && got == IMPORT_FILES_FINE; i++) {
		strcat(list, i == 0 ? "" : " ");
		strcat(list, strrchr(files.items[i].path, '/') + 1);
	}
	assert_int_equal(got, result);
	assert_string_equal(got == IMPORT_FILES_FINE ? list : sentence + strlen(directory->path) + 1, expected);
	import_files_close(&files);
}

static void
test_siblings_in_order(void **state) {
	const directory_t *directory = *state;
	expect_files(directory, "l", true, IMPORT_FILES_FAILED, "l: No such file or directory");
	write_file(directory, "l", HEADER_11);
	expect_files(directory, "l", true, IMPORT_FILES_FINE, "l");
	write_file(directory, "l.1", HEADER_11);
	expect_files(directory, "l", true, IMPORT_FILES_FINE, "l.1 l");
	write_file(directory, "l.2", HEADER_11);
	write_file(directory, "l.output", "garbage");
	write_file(directory, "l.pid", "1");
	expect_files(directory, "l", true, IMPORT_FILES_FINE, "l.2 l.1 l");
	expect_files(directory, "l", false, IMPORT_FILES_FINE, "l");
	write_file(directory, "l.completed", HEADER_11);
	expect_files(directory, "l", true, IMPORT_FILES_FINE, "l.completed l");
	write_file(directory, "only.1", HEADER_11);
	expect_files(directory, "only", true, IMPORT_FILES_FINE, "only.1");
	expect_files(directory, "only", false, IMPORT_FILES_FAILED, "only: No such file or directory");
}

static void
test_one_file_given_twice(void **state) {
	const directory_t *directory = *state;
	import_files_t files = {0};
	char sentence[KEA_SENTENCE_BYTES];
	char paths[2][128];
	snprintf(paths[0], sizeof(paths[0]), "%s/l", directory->path);
	snprintf(paths[1], sizeof(paths[1]), "%s/l.1", directory->path);
	write_file(directory, "l", HEADER_11);
	write_file(directory, "l.1", HEADER_11);
	assert_int_equal(import_files_add(&files, paths[0], NULL, true, sentence), IMPORT_FILES_FINE);
	assert_int_equal(import_files_add(&files, paths[0], NULL, true, sentence), IMPORT_FILES_FINE);
	assert_int_equal(import_files_add(&files, paths[1], NULL, true, sentence), IMPORT_FILES_FINE);
	assert_int_equal(files.count, 2);
	import_files_close(&files);
	assert_int_equal(import_files_add(&files, paths[1], NULL, true, sentence), IMPORT_FILES_FINE);
	assert_int_equal(import_files_add(&files, paths[0], NULL, true, sentence), IMPORT_FILES_FAILED);
	assert_non_null(strstr(sentence, "siblings"));
	import_files_close(&files);
}

static void
test_headers_of_files(void **state) {
	const directory_t *directory = *state;
	import_files_t files = {0};
	char sentence[KEA_SENTENCE_BYTES];
	char path[128];
	write_file(directory, "empty", "");
	expect_files(directory, "empty", true, IMPORT_FILES_FINE, "empty");
	write_file(directory, "six", "address,duid,valid_lifetime\n");
	expect_files(directory, "six", true, IMPORT_FILES_FOREIGN,
		     "six:1: this has not the header of a Kea DHCPv6 lease file");
	write_file(directory, "four", "address,valid_lifetime\n");
	expect_files(directory, "four", true, IMPORT_FILES_FOREIGN,
		     "four:1: this is not the header of a Kea DHCPv4 lease file, it lacks the column hwaddr");
	write_file(directory, "short", "\n\naddress,hwaddr,client_id\n");
	expect_files(directory, "short", true, IMPORT_FILES_FOREIGN,
		     "short:3: this is not the header of a Kea DHCPv4 lease file, it ends after client_id");
	snprintf(path, sizeof(path), "%s/%s", directory->path, "wide");
	write_file(directory, "wide",
		   "\n\r\naddress,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,"
		   "user_context,pool_id,shoe_size,hat\n");
	assert_int_equal(import_files_add(&files, path, &format_kea4, true, sentence), IMPORT_FILES_FINE);
	bool foreign;
	format_record_t record;
	format_reader_t *reader = import_file_read(&files.items[0], &foreign, sentence);
	assert_non_null(reader);
	assert_int_equal(format_kea4.next(reader, &record), 1);
	assert_int_equal(record.kind, FORMAT_NOTE);
	assert_int_equal(record.line, 3);
	assert_string_equal(record.detail, "shoe_size,hat");
	assert_int_equal(format_kea4.next(reader, &record), 0);
	format_kea4.close(reader);
	import_files_close(&files);
}

static void
test_what_is_no_regular_file(void **state) {
	const directory_t *directory = *state;
	char path[128];
	snprintf(path, sizeof(path), "%s/pipe", directory->path);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_files(directory, "pipe", true, IMPORT_FILES_FAILED,
		     "pipe: it is not a regular file, and it must be read twice");
	expect_files(directory, ".", false, IMPORT_FILES_FAILED, ".: Is a directory");
}

/* ---- the plan ---------------------------------------------------------------------------------------------------- */

static void
put(import_plan_t *plan, uint32_t address, uint64_t line, uint32_t began_s, uint64_t client) {
	import_claim_t claim = {
		.address = address, .place = import_place(line), .last_transaction_s = began_s, .client = client};
	claim.place |= client == 0 ? IMPORT_CLAIM_ENDED : 0;
	assert_true(import_plan_put(plan, &claim));
}

static bool
is_lost(const import_plan_t *plan, uint32_t address) {
	return (import_plan_find(plan, address)->place & IMPORT_CLAIM_LOST) != 0;
}

static void
test_last_row_of_an_address_counts(void **state) {
	import_plan_t plan;
	(void)state;
	assert_true(import_plan_open(&plan, 1));
	put(&plan, 10, 2, 100, 1);
	put(&plan, 10, 3, 90, 2); /* an earlier time does not matter, the row is later */
	put(&plan, 11, 4, 100, 3);
	put(&plan, 11, 5, 100, 0); /* ended */
	put(&plan, 12, 6, 100, 0); /* ended, though it never began here */
	put(&plan, 13, 7, 100, 0);
	put(&plan, 13, 8, 100, 4); /* began again */
	assert_true(import_plan_settle(&plan));
	assert_int_equal(plan.count, 4);
	assert_int_equal(import_place_line(import_plan_find(&plan, 10)->place), 3);
	assert_true((import_plan_find(&plan, 11)->place & IMPORT_CLAIM_ENDED) != 0);
	assert_true((import_plan_find(&plan, 12)->place & IMPORT_CLAIM_ENDED) != 0);
	assert_true((import_plan_find(&plan, 13)->place & IMPORT_CLAIM_ENDED) == 0);
	assert_null(import_plan_find(&plan, 14));
	for (uint64_t line = 0; line < 20; line++) {
		assert_int_equal(import_plan_verdict(&plan, line), line == 3 || line == 8 ? IMPORT_STORE : IMPORT_SKIP);
	}
	assert_true(import_plan_is_address(&plan, 3, 10));
	unsigned taken_for_10 = 0;
	for (uint32_t address = 1000; address < 1640; address++) {
		taken_for_10 += import_plan_is_address(&plan, 3, address);
	}
	assert_in_range(taken_for_10, 0, 40);
	import_plan_close(&plan);
}

static void
test_latest_address_of_a_client_counts(void **state) {
	import_plan_t plan;
	(void)state;
	assert_true(import_plan_open(&plan, 1));
	put(&plan, 10, 2, 100, 7);
	put(&plan, 11, 3, 300, 7); /* the latest */
	put(&plan, 12, 4, 200, 7);
	put(&plan, 13, 5, 100, 8);
	put(&plan, 14, 6, 100, 8); /* equally late, further down */
	put(&plan, 15, 7, 900, 9);
	put(&plan, 15, 8, 900, 0); /* ended: the client is free */
	put(&plan, 16, 9, 100, 9);
	import_claim_t scopeless = {.address = 17, .place = import_place(10)};
	assert_true(import_plan_put(&plan, &scopeless));
	assert_true(import_plan_settle(&plan));
	assert_true(is_lost(&plan, 10));
	assert_false(is_lost(&plan, 11));
	assert_true(is_lost(&plan, 12));
	assert_true(is_lost(&plan, 13));
	assert_false(is_lost(&plan, 14));
	assert_false(is_lost(&plan, 16));
	static const uint64_t stored[] = {3, 6, 9};
	static const uint64_t refused[] = {2, 4, 5, 10};
	for (size_t i = 0; i < COUNT(stored); i++) {
		assert_int_equal(import_plan_verdict(&plan, stored[i]), IMPORT_STORE);
	}
	for (size_t i = 0; i < COUNT(refused); i++) {
		assert_int_equal(import_plan_verdict(&plan, refused[i]), IMPORT_REFUSE);
	}
	assert_int_equal(import_plan_verdict(&plan, 7), IMPORT_SKIP);
	assert_int_equal(import_plan_holder(&plan, 7)->address, 11);
	assert_int_equal(import_plan_holder(&plan, 9)->address, 16);
	assert_null(import_plan_holder(&plan, 10));
	import_plan_close(&plan);
}

static void
test_clients_are_told_apart(void **state) {
	static const uint8_t id[9] = {1, 2, 3, 4, 5, 6, 7, 8, 0};
	import_plan_t plan;
	(void)state;
	assert_true(import_plan_open(&plan, 5));
	uint64_t client = import_plan_client(&plan, 100, id, 8);
	assert_int_equal(import_plan_client(&plan, 100, id, 8), client);
	assert_int_not_equal(import_plan_client(&plan, 101, id, 8), client);
	assert_int_not_equal(import_plan_client(&plan, 100, id, 7), client);
	assert_int_not_equal(import_plan_client(&plan, 100, id, 9), client);
	assert_int_not_equal(import_plan_client(&plan, 100, id + 1, 8), client);
	import_plan_close(&plan);
}

/* Against an array with one element per address. */
static void
test_plan_against_a_plain_array(void **state) {
	enum { ADDRESSES = 50000, ROWS = 200000 };
	uint64_t seed = test_seed();
	uint64_t *places = calloc(ADDRESSES, sizeof(*places));
	size_t known = 0;
	import_plan_t plan;
	(void)state;
	assert_true(import_plan_open(&plan, random_number(&seed)));
	for (uint64_t row = 1; row <= ROWS; row++) {
		uint32_t i = (uint32_t)(random_number(&seed) % ADDRESSES);
		import_claim_t claim = {.address = i * 2654435761u, .place = import_place(row), .client = row};
		known += places[i] == 0;
		places[i] = claim.place;
		assert_true(import_plan_put(&plan, &claim));
	}
	assert_true(import_plan_settle(&plan));
	assert_int_equal(plan.count, known);
	for (uint32_t i = 0; i < ADDRESSES; i++) {
		const import_claim_t *claim = import_plan_find(&plan, i * 2654435761u);
		assert_true((claim == NULL) == (places[i] == 0));
		assert_true(claim == NULL || claim->place == places[i]);
		assert_true(claim == NULL || import_plan_verdict(&plan, import_place_line(places[i])) == IMPORT_STORE);
	}
	import_plan_close(&plan);
	free(places);
}

/* ---- rows and leases --------------------------------------------------------------------------------------------- */

static const lessor_scope_t test_scope = {.subnet = 0xC0000200, .mask = 0xFFFFFF00, .id = 7, .lease_s = 86400};

static kea4_parser_t *
new_parser(void) {
	kea4_parser_t *parser = calloc(1, sizeof(*parser));
	parser->columns = KEA4_COLUMNS;
	return parser;
}

static void
test_rows_come_back_through_leases(void **state) {
	static const char *const rows[] = {
		"192.0.2.10,02:00:5e:10:00:01,01:02:00:5e:10:00:01,3600,1767229200,7,1,0,cam-1.example.net,0,,0\n",
		"192.0.2.10,02:00:5e:10:00:01,,3600,1767229200,7,0,1,,0,,0\n",
		"192.0.2.10,,01:02:00:5e:10:00:01,3600,1767229200,7,0,0,,0,,0\n",
		"192.0.2.10,,,86400,1767229200,7,0,0,,1,,0\n",
		"192.0.2.10,02:00,,86400,1767229200,7,0,0,h,1,,0\n",
		"192.0.2.10,02:00,,3600,1767229200,7,0,0,,2,,0\n",
		"192.0.2.10,02:00,,3600,1767229200,7,0,0,,3,,4294967295\n",
		"192.0.2.10,02,,4294967295,6062192895,7,0,0,,0,{ \"a\": 1&#x2c \"b\": \"&#xe9\" },17\n",
		"192.0.2.10,02:00,,1,4294967296,7,0,0,&#xff&#xc3&#xa9,0,,1\n",
		"192.0.2.10,02:00,,4294967294,910692730084,7,0,0,,0,,0\n",
	};
	kea4_parser_t *parser = new_parser();
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		kea4_row_t row;
		kea4_row_t back;
		kea4_lease_t lease;
		bool clamped;
		char out[KEA4_ROW_OUT_BYTES];
		assert_int_equal(kea4_parse_row(parser, rows[i], strlen(rows[i]) - 1, &row), KEA4_FINE);
		kea4_lease_from_row(&row, &lease, &clamped);
		uint32_t losses = kea4_row_from_lease(&lease.lease, &test_scope, &back);
		out[kea4_format_row(&back, out)] = '\0';
		if (clamped) { /* the last row began beyond 2106 */
			assert_int_equal(i, COUNT(rows) - 1);
			continue;
		}
		assert_string_equal(out, rows[i]);
		assert_int_equal(losses, 0);
	}
	free(parser);
}

static void
test_lease_of_a_row(void **state) {
	kea4_parser_t *parser = new_parser();
	kea4_row_t row;
	kea4_lease_t lease;
	bool clamped;
	(void)state;
	const char *line = "192.0.2.10,02:00:5e:10:00:01,,3600,1767229200,7,1,0,cam-1,0,{ },5";
	assert_int_equal(kea4_parse_row(parser, line, strlen(line), &row), KEA4_FINE);
	kea4_lease_from_row(&row, &lease, &clamped);
	assert_int_equal(lease.lease.address, 0xC000020A);
	assert_int_equal(lease.lease.client_id_bytes, 6);
	assert_true(lease.lease.client_id_made_up);
	assert_int_equal(lease.lease.client_type, LESSOR_CLIENT_DHCP);
	assert_int_equal(lease.lease.address_state, LESSOR_STATE_ACTIVE);
	assert_int_equal(lease.lease.hardware_type, 1);
	assert_int_equal(lease.lease.hardware_bytes, 6);
	assert_int_equal(lease.lease.expires_at, UINT64_C(134117028000000000));
	assert_int_equal(lease.lease.last_transaction_s, 1767225600);
	assert_true(lease.lease.dns_forward);
	assert_false(lease.lease.dns_reverse);
	assert_string_equal(lease.lease.name, "cam-1");
	assert_string_equal(lease.lease.policy_name, "kea-pool-id=5");
	assert_string_equal(lease.lease.user_context, "{ }");
	line = "192.0.2.10,,,4294967295,1767225600,7,0,0,,1,,0";
	assert_int_equal(kea4_parse_row(parser, line, strlen(line), &row), KEA4_FINE);
	kea4_lease_from_row(&row, &lease, &clamped);
	assert_int_equal(lease.lease.client_id_bytes, 4);
	assert_memory_equal(lease.lease.client_id, "\xC0\x00\x02\x0A", 4);
	assert_true(lease.lease.client_id_made_up);
	assert_int_equal(lease.lease.address_state, LESSOR_STATE_DECLINED);
	assert_true(lease.lease.expires_at == LESSOR_TIME_INFINITE);
	assert_int_equal(lease.lease.last_transaction_s, 1767225600);
	assert_null(lease.lease.name);
	assert_null(lease.lease.policy_name);
	assert_null(lease.lease.user_context);
	free(parser);
}

/* A lease of another origin, which a row says almost all of. */
static lessor_lease_t
other_lease(void) {
	static const uint8_t id[] = {1, 2, 0, 0x5e, 0x10, 0, 1};
	return (lessor_lease_t){.address = 0xC000020A,
				.client_id = id,
				.client_id_bytes = sizeof(id),
				.client_type = LESSOR_CLIENT_DHCP,
				.address_state = LESSOR_STATE_ACTIVE,
				.hardware_type = 1,
				.hardware_bytes = 6,
				.hardware = id + 1,
				.last_transaction_s = 1767225600,
				.expires_at = UINT64_C(134117028000000000)};
}

static void
expect_row(const lessor_lease_t *lease, uint32_t losses, const char *expected) {
	kea4_row_t row;
	char out[KEA4_ROW_OUT_BYTES];
	assert_int_equal(kea4_row_from_lease(lease, &test_scope, &row), losses);
	out[kea4_format_row(&row, out)] = '\0';
	out[strlen(out) - 1] = '\0';
	assert_string_equal(out, expected);
}

#define LOSS(name) (UINT32_C(1) << KEA4_LOSS_##name)

static void
test_identifiers_of_other_leases(void **state) {
	(void)state;
	lessor_lease_t lease = other_lease();
	lease.hardware_bytes = 0;
	lease.hardware_type = 0;
	expect_row(&lease, 0, "192.0.2.10,,01:02:00:5e:10:00:01,3600,1767229200,7,0,0,,0,,0");
	lease.last_transaction_s = 0;
	expect_row(&lease, LOSS(HARDWARE_DERIVED) | LOSS(START),
		   "192.0.2.10,02:00:5e:10:00:01,01:02:00:5e:10:00:01,86400,1767229200,7,0,0,,0,,0");
	lease.last_transaction_s = 1767225600;
	lease.client_id_bytes = 6;
	expect_row(&lease, 0, "192.0.2.10,,01:02:00:5e:10:00,3600,1767229200,7,0,0,,0,,0");
	lease.client_id_made_up = true;
	expect_row(&lease, LOSS(ID_MADE_UP), "192.0.2.10,,01:02:00:5e:10:00,3600,1767229200,7,0,0,,0,,0");
	lease = other_lease();
	lease.client_id_made_up = true;
	lease.hardware_type = 6;
	expect_row(&lease, LOSS(HARDWARE_TYPE), "192.0.2.10,02:00:5e:10:00:01,,3600,1767229200,7,0,0,,0,,0");
	lease = other_lease();
	lease.client_id_bytes = 1;
	expect_row(&lease, LOSS(CLIENT_ID_SHORT), "192.0.2.10,02:00:5e:10:00:01,,3600,1767229200,7,0,0,,0,,0");
	lease.hardware_bytes = 0;
	kea4_row_t row;
	assert_true((kea4_row_from_lease(&lease, &test_scope, &row) & LOSS(LEFT_OUT)) != 0);
}

static void
test_times_of_other_leases(void **state) {
	(void)state;
	lessor_lease_t lease = other_lease();
	lease.expires_at += 5;
	expect_row(&lease, LOSS(FRACTION),
		   "192.0.2.10,02:00:5e:10:00:01,01:02:00:5e:10:00:01,3600,1767229200,7,0,0,,0,,0");
	lease = other_lease();
	lease.last_transaction_s = 0;
	expect_row(&lease, LOSS(START),
		   "192.0.2.10,02:00:5e:10:00:01,01:02:00:5e:10:00:01,86400,1767229200,7,0,0,,0,,0");
	lease.last_transaction_s = 1767229200; /* a lifetime of 0 would delete the lease */
	expect_row(&lease, LOSS(LIFETIME),
		   "192.0.2.10,02:00:5e:10:00:01,01:02:00:5e:10:00:01,1,1767229200,7,0,0,,0,,0");
	lease.expires_at = lessor_time_from_unix_s(INT64_C(1767229200) + UINT32_MAX);
	expect_row(&lease, LOSS(LIFETIME),
		   "192.0.2.10,02:00:5e:10:00:01,01:02:00:5e:10:00:01,4294967294,6062196495,7,0,0,,0,,0");
	lease.expires_at = LESSOR_TIME_INFINITE;
	expect_row(&lease, 0, "192.0.2.10,02:00:5e:10:00:01,01:02:00:5e:10:00:01,4294967295,6062196495,7,0,0,,0,,0");
	lease.expires_at = LESSOR_TIME_NONE;
	expect_row(&lease, LOSS(NO_EXPIRY),
		   "192.0.2.10,02:00:5e:10:00:01,01:02:00:5e:10:00:01,4294967295,6062196495,7,0,0,,0,,0");
	lease.expires_at = 1;
	expect_row(&lease, LOSS(LIFETIME) | LOSS(FRACTION),
		   "192.0.2.10,02:00:5e:10:00:01,01:02:00:5e:10:00:01,1,1,7,0,0,,0,,0");
}

static void
test_other_losses(void **state) {
	(void)state;
	lessor_lease_t lease = other_lease();
	lease.name = "CAM";
	lease.comment = "c";
	lease.policy_name = "kea-pool-id=05";
	lease.owner_address = 1;
	lease.quarantine_capable = true;
	lease.client_type = LESSOR_CLIENT_NONE;
	lease.address_state = 0x71;
	expect_row(&lease,
		   LOSS(NAME_CASE) | LOSS(COMMENT) | LOSS(POLICY) | LOSS(OWNER) | LOSS(QUARANTINE) | LOSS(CLIENT_TYPE) |
			   LOSS(STATE_BITS),
		   "192.0.2.10,02:00:5e:10:00:01,01:02:00:5e:10:00:01,3600,1767229200,7,0,0,cam,0,,0");
	for (unsigned loss = 0; loss < KEA4_LOSSES; loss++) {
		assert_true(strlen(kea4_loss_text((kea4_loss_t)loss)) > 10);
	}
}

static void
test_states_of_other_leases(void **state) {
	static const struct {
		uint8_t address_state;
		uint8_t kea_state;
		uint32_t losses;
	} rows[] = {
		{0x01, 0, 0},
		{0x02, 1, 0},
		{0x03, 2, 0},
		{0x83, 3, 0},
		{0x81, 0, LOSS(STATE_BITS)},
		{0x13, 2, LOSS(STATE_BITS)},
		{0x93, 3, LOSS(STATE_BITS)},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		lessor_lease_t lease = other_lease();
		kea4_row_t row;
		lease.address_state = rows[i].address_state;
		assert_int_equal(kea4_row_from_lease(&lease, &test_scope, &row), rows[i].losses);
		assert_int_equal(row.state, rows[i].kea_state);
	}
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_comments_are_blanked),
		cmocka_unit_test(test_pools),
		cmocka_unit_test(test_configuration),
		cmocka_unit_test(test_subnets_without_ids_are_numbered),
		cmocka_unit_test(test_bad_configurations_are_explained),
		cmocka_unit_test(test_mutated_configurations_do_no_harm),
		cmocka_unit_test(test_configuration_that_is_not_there),
		cmocka_unit_test(test_scopes_of_store_and_user),
		cmocka_unit_test_setup_teardown(test_siblings_in_order, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(test_one_file_given_twice, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(test_headers_of_files, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(test_what_is_no_regular_file, make_directory, remove_directory),
		cmocka_unit_test(test_last_row_of_an_address_counts),
		cmocka_unit_test(test_latest_address_of_a_client_counts),
		cmocka_unit_test(test_clients_are_told_apart),
		cmocka_unit_test(test_plan_against_a_plain_array),
		cmocka_unit_test(test_rows_come_back_through_leases),
		cmocka_unit_test(test_lease_of_a_row),
		cmocka_unit_test(test_identifiers_of_other_leases),
		cmocka_unit_test(test_times_of_other_leases),
		cmocka_unit_test(test_other_losses),
		cmocka_unit_test(test_states_of_other_leases),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
