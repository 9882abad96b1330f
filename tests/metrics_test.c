/* SPDX-License-Identifier: Apache-2.0 */
/* The figures as OpenMetrics text: by call, over the socket of a running process, and in the command that reads them there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "scratch.h"

#define SUBNET IP(192, 0, 2, 0)
#define PREFIX UINT64_C(0x20010DB800000000)
#define HUGE   UINT64_C(0x20010DB800000001)

static lessor_engine_t *engine;
static char directory[SCRATCH_PATH_BYTES];

static void
create_lease(uint32_t number) {
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(SUBNET + number, number, id);
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
}

static void
create_lease6(uint64_t low) {
	const uint8_t duid[9] = {0, 3, 0, 1, 1};
	lessor_lease6_t lease;
	lessor_lease6_init(&lease);
	lease.address = (lessor_address6_t){PREFIX, low};
	lease.duid = duid;
	lease.duid_bytes = sizeof(duid);
	lease.iaid = (uint32_t)low;
	lease.address_state = LESSOR_STATE_DECLINED;
	assert_status(LESSOR_OK, lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL));
}

/* An IPv4 scope with a pool of 90 and two leases, one empty with a name that needs escapes; an IPv6 scope with a pool of 16 and a lease, and one with all of a /64. */
static void
fill(void) {
	lessor_scope_t scope = scratch_scope(SUBNET, UINT32_C(0xFFFFFF00));
	lessor_scope6_t scope6 = {.prefix = PREFIX, .id = 66, .name = "six"};
	scope.has_range = true;
	scope.range = (lessor_range_t){SUBNET + 10, SUBNET + 99};
	scope.id = 7;
	scope.name = "office";
	assert_status(LESSOR_OK, lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL));
	scope = scratch_scope(IP(198, 51, 100, 128), UINT32_C(0xFFFFFF80));
	scope.state = LESSOR_SCOPE_DISABLED;
	scope.name = "\"\\\n}";
	assert_status(LESSOR_OK, lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope6_create(engine, &scope6, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK,
		      lessor_scope6_exclude(engine, PREFIX, (lessor_range6_t){16, UINT64_MAX}, LESSOR_ASYNC, NULL));
	scope6 = (lessor_scope6_t){.prefix = HUGE};
	assert_status(LESSOR_OK, lessor_scope6_create(engine, &scope6, LESSOR_ASYNC, NULL));
	create_lease(10);
	create_lease(100);
	create_lease6(5);
}

static int
open_store(void **state) {
	(void)state;
	scratch_make(directory);
	engine = scratch_open_log(directory);
	fill();
	return 0;
}

static int
close_store(void **state) {
	(void)state;
	scratch_close(engine);
	scratch_remove(directory);
	return 0;
}

/* ---- the text ------------------------------------------------------------------------------------------------------- */

static bool
append(void *context, const char *piece, size_t bytes) {
	return fwrite(piece, 1, bytes, context) == bytes;
}

/* free() it. */
static char *
text_of(uint32_t flags) {
	char *text = NULL;
	size_t bytes = 0;
	FILE *stream = open_memstream(&text, &bytes);
	assert_non_null(stream);
	assert_status(LESSOR_OK, lessor_stats_openmetrics(engine, flags, append, stream));
	assert_int_equal(fclose(stream), 0);
	return text;
}

static void
check_format(const char *text) {
	FILE *checker = popen(LESSOR_TEST_CHECKER, "w");
	assert_non_null(checker);
	assert_int_equal(fwrite(text, 1, strlen(text), checker), strlen(text));
	assert_int_equal(pclose(checker), 0);
}

/* Is it one of the lines? */
static bool
has_line(const char *text, const char *line) {
	const size_t length = strlen(line);
	for (const char *at = text; (at = strstr(at, line)) != NULL; at++) {
		if ((at == text || at[-1] == '\n') && at[length] == '\n') {
			return true;
		}
	}
	return false;
}

static void
assert_line(const char *text, const char *line) {
	if (!has_line(text, line)) {
		print_error("not there: %s\n", line);
		fail();
	}
}

static void
check_lines(const char *text) {
	static const char *const lines[] = {
		"# TYPE lessor_scope info",
		"lessor_scope_info{subnet=\"192.0.2.0/24\",id=\"7\",state=\"enabled\",name=\"office\"} 1",
		"lessor_scope_info{subnet=\"198.51.100.128/25\",id=\"0\",state=\"disabled\",name=\"\\\"\\\\\\n}\"} 1",
		"lessor_scope_info{subnet=\"2001:db8::/64\",id=\"66\",state=\"enabled\",name=\"six\"} 1",
		"# TYPE lessor_scope_pool_addresses gauge",
		"lessor_scope_pool_addresses{subnet=\"192.0.2.0/24\"} 90",
		"lessor_scope_pool_addresses{subnet=\"198.51.100.128/25\"} 0",
		"lessor_scope_pool_addresses{subnet=\"2001:db8::/64\"} 16",
		"lessor_scope_pool_addresses{subnet=\"2001:db8:0:1::/64\"} 18446744073709551615",
		"lessor_scope_in_use_addresses{subnet=\"192.0.2.0/24\"} 1",
		"lessor_scope_in_use_addresses{subnet=\"2001:db8::/64\"} 1",
		"lessor_scope_free_addresses{subnet=\"192.0.2.0/24\"} 89",
		"lessor_scope_free_addresses{subnet=\"2001:db8::/64\"} 15",
		"lessor_scope_in_use_high_water_addresses{subnet=\"192.0.2.0/24\"} 1",
		"lessor_scope_leases{subnet=\"192.0.2.0/24\",state=\"active\"} 2",
		"lessor_scope_leases{subnet=\"2001:db8::/64\",state=\"declined\"} 1",
		"# TYPE lessor_scope_creates counter",
		"lessor_scope_creates_total{subnet=\"192.0.2.0/24\"} 2",
		"lessor_scope_deletes_total{subnet=\"192.0.2.0/24\"} 0",
		"lessor_scopes 4",
		"lessor_leases 3",
		"# UNIT lessor_memory_bytes bytes",
	};
	for (size_t i = 0; i < COUNT(lines); i++) {
		assert_line(text, lines[i]);
	}
}

static void
check_kea_lines(const char *text) {
	static const char *const lines[] = {
		"kea_dhcp4_addresses_assigned_total{subnet=\"192.0.2.0/24\",subnet_id=\"7\"} 1",
		"kea_dhcp4_addresses_total{subnet=\"192.0.2.0/24\",subnet_id=\"7\"} 90",
		"kea_dhcp4_cumulative_addresses_assigned_total{subnet=\"192.0.2.0/24\",subnet_id=\"7\"} 2",
		"kea_dhcp6_na_assigned_total{subnet=\"2001:db8::/64\",subnet_id=\"66\"} 1",
		"kea_dhcp6_addresses_declined_total{subnet=\"2001:db8::/64\",subnet_id=\"66\"} 1",
	};
	for (size_t i = 0; i < COUNT(lines); i++) {
		assert_line(text, lines[i]);
	}
	assert_null(strstr(text, "kea_dhcp4_addresses_total{subnet=\"2001"));
	assert_null(strstr(text, "kea_dhcp6_na_total{subnet=\"192"));
}

static void
test_says_all_figures(void **state) {
	(void)state;
	char *text = text_of(0);
	check_lines(text);
	assert_null(strstr(text, "kea_"));
	check_format(text);
	free(text);
	text = text_of(LESSOR_METRICS_KEA_NAMES);
	check_lines(text);
	check_kea_lines(text);
	check_format(text);
	free(text);
}

static void
expire_all(void) {
	const lessor_filetime_t now = lessor_time_now();
	lessor_cursor_t cursor;
	lessor_cursor6_t cursor6;
	lessor_status_t status;
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	lessor_cursor6_init(&cursor6, (lessor_address6_t){0, 0}, (lessor_address6_t){UINT64_MAX, UINT64_MAX});
	while ((status = lessor_expire(engine, now, NULL, &cursor, NULL, LESSOR_ASYNC, NULL)) == LESSOR_OK) {
	}
	assert_status(LESSOR_END, status);
	while ((status = lessor_expire6(engine, now, NULL, &cursor6, NULL, LESSOR_ASYNC, NULL)) == LESSOR_OK) {
	}
	assert_status(LESSOR_END, status);
}

static void
test_counts_what_expires(void **state) {
	(void)state;
	lessor_lease_t lease;
	lessor_lease6_t lease6;
	lessor_lease_init(&lease);
	lessor_lease6_init(&lease6);
	lease.expires_at = lease6.expires_at = 1;
	for (lease.address = SUBNET + 10; lease.address <= SUBNET + 100; lease.address += 90) {
		assert_status(LESSOR_OK, lessor_lease_update(engine, &lease, LESSOR_FIELD_EXPIRES, LESSOR_ASYNC, NULL));
	}
	lease6.address = (lessor_address6_t){PREFIX, 5};
	assert_status(LESSOR_OK, lessor_lease6_update(engine, &lease6, LESSOR_FIELD_EXPIRES, LESSOR_ASYNC, NULL));
	expire_all();
	char *text = text_of(LESSOR_METRICS_KEA_NAMES);
	assert_line(text, "# TYPE lessor_scope_expires counter");
	assert_line(text, "lessor_scope_expires_total{subnet=\"192.0.2.0/24\"} 2");
	assert_line(text, "lessor_scope_expires_total{subnet=\"198.51.100.128/25\"} 0");
	assert_line(text, "lessor_scope_expires_total{subnet=\"2001:db8::/64\"} 1");
	assert_line(text, "lessor_scope_deletes_total{subnet=\"2001:db8::/64\"} 1");
	assert_line(text, "kea_dhcp4_addresses_reclaimed_total{subnet=\"192.0.2.0/24\",subnet_id=\"7\"} 2");
	assert_line(text, "kea_dhcp6_addresses_reclaimed_total{subnet=\"2001:db8::/64\",subnet_id=\"66\"} 1");
	check_format(text);
	free(text);
}

static bool
refuse(void *context, const char *piece, size_t bytes) {
	(void)piece;
	(void)bytes;
	return (*(unsigned *)context)-- > 1;
}

static void
test_says_what_fails(void **state) {
	(void)state;
	unsigned first = 1;
	unsigned second = 2;
	assert_status(LESSOR_IO, lessor_stats_openmetrics(engine, 0, refuse, &first));
	assert_status(LESSOR_IO, lessor_stats_openmetrics(engine, LESSOR_METRICS_KEA_NAMES, refuse, &second));
	assert_int_equal(first, 0);
	assert_int_equal(second, 0);
	assert_status(LESSOR_INVALID, lessor_stats_openmetrics(engine, 0, NULL, NULL));
	assert_status(LESSOR_INVALID, lessor_stats_openmetrics(engine, 2, refuse, &first));
	assert_status(LESSOR_INVALID, lessor_stats_openmetrics(NULL, 0, refuse, &first));
	assert_status(LESSOR_INVALID, lessor_stats_serve(NULL));
}

/* ---- the socket ------------------------------------------------------------------------------------------------------ */

static int
connect_to_store(void) {
	char path[SCRATCH_FILE_BYTES];
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	const int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	scratch_join(path, directory, "lessor.stats");
	assert_true(strlen(path) < sizeof(name.sun_path));
	memcpy(name.sun_path, path, strlen(path));
	assert_true(connection >= 0);
	if (connect(connection, (const struct sockaddr *)&name, sizeof(name)) != 0) {
		(void)close(connection);
		return -1;
	}
	return connection;
}

static void
test_answers_on_its_socket(void **state) {
	(void)state;
	char text[65536];
	size_t bytes = 0;
	assert_int_equal(connect_to_store(), -1);
	assert_status(LESSOR_OK, lessor_stats_serve(engine));
	assert_status(LESSOR_OK, lessor_stats_serve(engine));
	const int idle = connect_to_store(); /* connects, reads nothing, and is in nobody's way */
	const int connection = connect_to_store();
	assert_true(connection >= 0 && idle >= 0);
	for (ssize_t count = 1; count > 0; bytes += (size_t)count) {
		count = recv(connection, text + bytes, sizeof(text) - 1 - bytes, 0);
		assert_true(count >= 0);
	}
	text[bytes] = '\0';
	check_lines(text);
	check_kea_lines(text);
	check_format(text);
	(void)close(connection);
	/* Is gone when the engine is; a name that a crash left behind is no obstacle to the next. */
	scratch_close(engine);
	(void)close(idle);
	assert_int_equal(connect_to_store(), -1);
	char path[SCRATCH_FILE_BYTES];
	scratch_join(path, directory, "lessor.stats");
	assert_int_not_equal(access(path, F_OK), 0);
	scratch_write(path, (const uint8_t *)"left", 4);
	engine = scratch_open_log(directory);
	assert_status(LESSOR_OK, lessor_stats_serve(engine));
	const int again = connect_to_store();
	assert_true(again >= 0);
	(void)close(again);
}

#define CROWD   4000u
#define AT_ONCE 32768u

typedef struct slow_reader {
	pthread_t thread;
	int connection;
	_Atomic size_t bytes;
	char last[6];
} slow_reader_t;

/* Slowly, but so that the other side always has something to do again. */
static void *
read_slowly(void *argument) {
	slow_reader_t *reader = argument;
	static char piece[AT_ONCE];
	ssize_t count;
	while ((count = recv(reader->connection, piece, sizeof(piece), MSG_WAITALL)) > 0) {
		reader->bytes += (size_t)count;
		memcpy(reader->last, piece + (count < 6 ? 0 : count - 6), 6);
		(void)usleep(20000);
	}
	return NULL;
}

/* Closing does not wait for somebody who would take seconds for the text. */
static void
test_hangs_up_on_a_slow_reader(void **state) {
	(void)state;
	slow_reader_t reader = {.bytes = 0};
	for (uint32_t i = 0; i < CROWD; i++) {
		scratch_scope_add(engine, IP(10, 0, 0, 0) + i * 256, UINT32_C(0xFFFFFF00), true);
	}
	assert_status(LESSOR_OK, lessor_stats_serve(engine));
	reader.connection = connect_to_store();
	assert_true(reader.connection >= 0);
	assert_int_equal(pthread_create(&reader.thread, NULL, read_slowly, &reader), 0);
	while (reader.bytes < 8 * AT_ONCE) {
		(void)usleep(1000);
	}
	scratch_close(engine);
	assert_int_equal(pthread_join(reader.thread, NULL), 0);
	(void)close(reader.connection);
	assert_memory_not_equal(reader.last, "# EOF\n", 6);
	engine = scratch_open_log(directory);
}

static void
test_serves_what_it_can(void **state) {
	(void)state;
	lessor_options_t options;
	lessor_engine_t *reader;
	lessor_engine_t *memory = scratch_open_memory();
	assert_status(LESSOR_READ_ONLY, lessor_stats_serve(memory));
	scratch_close(memory);
	scratch_close(engine);
	lessor_options_init(&options);
	options.read_only = true;
	assert_status(LESSOR_OK, lessor_open(directory, &options, &reader, NULL));
	assert_status(LESSOR_READ_ONLY, lessor_stats_serve(reader));
	scratch_close(reader);
	engine = scratch_open_log(directory);
}

/* ---- the command ----------------------------------------------------------------------------------------------------- */

static FILE *
run(const char *arguments) {
	char line[2 * SCRATCH_FILE_BYTES];
	const char *command = getenv("LESSOR_COMMAND");
	if (command == NULL) {
		skip();
	}
	(void)snprintf(line, sizeof(line), "exec '%s' stats --store '%s' %s 2>&1", command, directory, arguments);
	FILE *stream = popen(line, "r");
	assert_non_null(stream);
	return stream;
}

/* Its exit status; what it says must have 'wanted' in it. */
static int
run_and_find(const char *arguments, const char *wanted) {
	char text[65536];
	FILE *stream = run(arguments);
	text[fread(text, 1, sizeof(text) - 1, stream)] = '\0';
	if (strstr(text, wanted) == NULL) {
		print_error("stats %s: not there: %s, but %s\n", arguments, wanted, text);
		fail();
	}
	return WEXITSTATUS(pclose(stream));
}

static void
test_command_asks_the_running_process(void **state) {
	(void)state;
	assert_int_equal(run_and_find("", "is locked by a process that does not answer"), 5);
	assert_int_equal(run_and_find("--watch --count 3", "is locked by a process that does not answer"), 5);
	assert_status(LESSOR_OK, lessor_stats_serve(engine));
	assert_int_equal(run_and_find("--openmetrics", "\nlessor_scope_creates_total{subnet=\"192.0.2.0/24\"} 2\n"), 0);
	assert_int_equal(run_and_find("--openmetrics --kea-names",
				      "\nkea_dhcp4_addresses_total{subnet=\"192.0.2.0/24\",subnet_id=\"7\"} 90\n"),
			 0);
	assert_int_equal(run_and_find("--json 2001:DB8:0:0::",
				      "{\"scope\":\"2001:db8::/64\",\"id\":66,\"name\":\"six\",\"pool\":16,"
				      "\"in_use\":1,\"free\":15,\"pending\":0,\"leases\":1,\"leases_active\":0,"
				      "\"leases_declined\":1,"),
			 0);
	assert_int_equal(run_and_find("--json 198.51.100.128/25", "\"name\":\"\\\"\\\\\\n}\""), 0);
	assert_int_equal(
		run_and_find("--watch=0.1 --count 1 192.0.2.0", "192.0.2.0/24  [          ]   1.1 %       1    89 "),
		0);
	assert_int_equal(run_and_find("--watch=0.1 --count 1 203.0.113.0", "there is no scope"), 3);
	char *text = text_of(0);
	FILE *stream = run("--openmetrics");
	char answer[65536];
	answer[fread(answer, 1, sizeof(answer) - 1, stream)] = '\0';
	assert_int_equal(pclose(stream), 0);
	assert_null(strstr(answer, "kea_"));
	check_format(answer);
	assert_string_equal(answer, text);
	free(text);
}

/* Pictures come until one tells of the lease that was created behind the first. */
static void
test_command_watches(void **state) {
	(void)state;
	char line[1024];
	char rate[32] = "-";
	assert_status(LESSOR_OK, lessor_stats_serve(engine));
	FILE *stream = run("--watch=0.1 --count 100 192.0.2.0/24");
	unsigned pictures = 0;
	while (fgets(line, sizeof(line), stream) != NULL && (rate[0] == '-' || atof(rate) <= 0)) {
		const char *columns = strstr(line, "%");
		if (strncmp(line, "192.0.2.0/24", 12) != 0 || columns == NULL) {
			continue;
		}
		assert_int_equal(sscanf(columns, "%% %*s %*s %31s", rate), 1);
		if (pictures++ == 0) {
			assert_string_equal(rate, "-");
			create_lease(11);
		}
	}
	(void)pclose(stream);
	assert_true(atof(rate) > 0);
}

/* Nobody has it open: the same pictures, until somebody changes it. */
static void
test_command_watches_a_closed_store(void **state) {
	(void)state;
	char line[1024];
	unsigned pictures = 0;
	bool changed = false;
	scratch_close(engine);
	FILE *stream = run("--watch=0.1 --count 200 --json 192.0.2.0/24");
	while (!changed && fgets(line, sizeof(line), stream) != NULL) {
		changed = strstr(line, "\"creates\":3") != NULL;
		if (++pictures == 2) {
			engine = scratch_open_log(directory);
			create_lease(11);
			scratch_close(engine);
		}
	}
	(void)pclose(stream);
	engine = scratch_open_log(directory);
	assert_true(pictures >= 2);
	assert_true(changed);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_says_all_figures, open_store, close_store),
		cmocka_unit_test_setup_teardown(test_counts_what_expires, open_store, close_store),
		cmocka_unit_test_setup_teardown(test_says_what_fails, open_store, close_store),
		cmocka_unit_test_setup_teardown(test_answers_on_its_socket, open_store, close_store),
		cmocka_unit_test_setup_teardown(test_hangs_up_on_a_slow_reader, open_store, close_store),
		cmocka_unit_test_setup_teardown(test_serves_what_it_can, open_store, close_store),
		cmocka_unit_test_setup_teardown(test_command_asks_the_running_process, open_store, close_store),
		cmocka_unit_test_setup_teardown(test_command_watches, open_store, close_store),
		cmocka_unit_test_setup_teardown(test_command_watches_a_closed_store, open_store, close_store),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
