/* SPDX-License-Identifier: Apache-2.0 */
/* lessor list: leases in the order of their addresses, one line each, however many there are. */
#include "cli6.h"

#include <argp.h>
#include <inttypes.h>
#include <string.h>

#include "lease6_print.h"

enum { KEY_SCOPE = 0x100, KEY_FROM, KEY_LIMIT, KEY_STATE, KEY_COUNT };

typedef struct list_options {
	const char *command;
	cli_common_t common;
	const char *scope;
	bool from6; /* begin with address6 */
	uint32_t from;
	lessor_address6_t address6;
	uint64_t limit;
	uint8_t state; /* one of LESSOR_STATE_..., 0: any */
	bool count;
} list_options_t;

static const struct argp_option option_table[] = {
	{"scope", KEY_SCOPE, "SUBNET", 0, "Only the leases of this scope", 0},
	{"from", KEY_FROM, "A", 0, "Begin at this address; leases of IPv6 come behind those of IPv4", 0},
	{"limit", KEY_LIMIT, "N", 0, "Stop after N leases", 0},
	{"state", KEY_STATE, "STATE", 0, "Only those that are active, declined or doomed", 0},
	{"count", KEY_COUNT, NULL, 0, "Print only how many there are", 0},
	CLI_OPTION_STORE,
	CLI_OPTION_JSON,
	{0},
};

static error_t
parse_option(int key, char *argument, struct argp_state *state) {
	list_options_t *options = state->input;
	switch (key) {
	case KEY_SCOPE:
		options->scope = argument;
		return 0;
	case KEY_FROM:
		options->from6 = cli_is6(argument);
		if (options->from6) {
			options->address6 = cli_need_ipv6(state, "--from", argument);
		} else {
			options->from = cli_need_ipv4(state, "--from", argument);
		}
		return 0;
	case KEY_LIMIT:
		options->limit = cli_need_number(state, "--limit", argument, UINT64_MAX);
		return 0;
	case KEY_STATE:
		if (!cli_parse_lease_state(argument, &options->state) || options->state > LESSOR_STATE_MASK) {
			cli_reject(state, "--state '%s' is not active, declined or doomed", argument);
		}
		return 0;
	case KEY_COUNT:
		options->count = true;
		return 0;
	default:
		return cli_common_option(key, argument, &options->common);
	}
}

static const struct argp argp = {
	option_table,
	parse_option,
	NULL,
	"List leases in the order of their addresses, one per line; with --json one JSON object per line.",
	NULL,
	NULL,
	NULL,
};

static void
put_row(const lessor_lease_t *lease) {
	char address[16];
	char client_id[3 * LESSOR_CLIENT_ID_MAX_BYTES + 1];
	char expires[CLI_TIME_BYTES];
	cli_format_ipv4(lease->address, address);
	cli_format_hex(lease->client_id, lease->client_id_bytes, client_id);
	cli_format_time(lease->expires_at, expires);
	(void)printf("%-15s  %-20s  %-8s  %-20s  ", address, client_id, cli_lease_state_name(lease->address_state),
		     expires);
	cli_put_text(stdout, lease->name != NULL ? lease->name : "-");
	(void)putchar('\n');
}

static int
put_lease(const list_options_t *options, const lessor_lease_t *lease) {
	if (options->count) {
		return CLI_OK;
	}
	if (!options->common.json) {
		put_row(lease);
	} else if (!cli_put_lease_json(lease)) {
		return cli_fail(options->command, CLI_FAILED, "out of memory");
	}
	return cli_output_failed() ? CLI_FAILED : CLI_OK;
}

/* *count becomes how many were listed. */
static int
list_range(const list_options_t *options, lessor_engine_t *engine, lessor_range_t range, uint64_t *count) {
	uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
	lessor_cursor_t cursor;
	lessor_lease_t lease;
	lessor_status_t status;
	int result = CLI_OK;
	lessor_cursor_init(&cursor, range.first, range.last);
	while (result == CLI_OK && *count < options->limit &&
	       (status = lessor_lease_next(engine, &cursor, &lease, buffer, sizeof(buffer))) != LESSOR_END) {
		if (status != LESSOR_OK) {
			return cli_fail_status(options->command, status, NULL, "reading the leases");
		}
		if (options->state == 0 || (lease.address_state & LESSOR_STATE_MASK) == options->state) {
			result = put_lease(options, &lease);
			(*count)++;
		}
	}
	return result;
}

static int
put_lease6(const list_options_t *options, const lessor_lease6_t *lease) {
	if (options->count) {
		return CLI_OK;
	}
	if (!options->common.json) {
		cli_put_lease6_row(lease);
	} else if (!cli_put_lease6_json(lease)) {
		return cli_fail(options->command, CLI_FAILED, "out of memory");
	}
	return cli_output_failed() ? CLI_FAILED : CLI_OK;
}

static int
list_range6(const list_options_t *options, lessor_engine_t *engine, lessor_address6_t first, lessor_address6_t last,
	    uint64_t *count) {
	uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
	lessor_cursor6_t cursor;
	lessor_lease6_t lease;
	lessor_status_t status;
	int result = CLI_OK;
	lessor_cursor6_init(&cursor, first, last);
	while (result == CLI_OK && *count < options->limit &&
	       (status = lessor_lease6_next(engine, &cursor, &lease, buffer, sizeof(buffer))) != LESSOR_END) {
		if (status != LESSOR_OK) {
			return cli_fail_status(options->command, status, NULL, "reading the leases");
		}
		if (options->state == 0 || (lease.address_state & LESSOR_STATE_MASK) == options->state) {
			result = put_lease6(options, &lease);
			(*count)++;
		}
	}
	return result;
}

/* The leases of IPv6 that were asked for, if any were. */
static int
list6(const list_options_t *options, lessor_engine_t *engine, uint64_t *count) {
	lessor_address6_t first = options->from6 ? options->address6 : (lessor_address6_t){0, 0};
	lessor_address6_t last = {UINT64_MAX, UINT64_MAX};
	if (options->scope != NULL) {
		lessor_scope6_t scope;
		int result = cli_find_scope6(options->command, engine, options->scope, &scope);
		if (result != CLI_OK) {
			return result;
		}
		first = first.high < scope.prefix ? (lessor_address6_t){scope.prefix, 0} : first;
		last.high = scope.prefix;
	}
	return first.high > last.high ? CLI_OK : list_range6(options, engine, first, last, count);
}

/* The same of IPv4. */
static int
list4(const list_options_t *options, lessor_engine_t *engine, uint64_t *count) {
	lessor_range_t range = {0, UINT32_MAX};
	if (options->scope != NULL) {
		lessor_scope_t scope;
		int result = cli_find_scope(options->command, engine, options->scope, &scope);
		if (result != CLI_OK) {
			return result;
		}
		range = (lessor_range_t){scope.subnet, scope.subnet | ~scope.mask};
	}
	range.first = options->from > range.first ? options->from : range.first;
	return range.first > range.last ? CLI_OK : list_range(options, engine, range, count);
}

static int
list(const list_options_t *options, lessor_engine_t *engine) {
	const bool scope6 = options->scope != NULL && cli_is6(options->scope);
	const bool want4 = !scope6 && !options->from6;
	const bool want6 = options->scope != NULL ? scope6 : options->from6 || options->from == 0;
	uint64_t count = 0;
	int result = CLI_OK;
	if (!options->count && !options->common.json) {
		(void)printf("%-15s  %-20s  %-8s  %-20s  %s\n", "ADDRESS", "CLIENT ID", "STATE", "EXPIRES", "NAME");
	}
	if (want4) {
		result = list4(options, engine, &count);
	}
	if (want6 && result == CLI_OK) {
		result = list6(options, engine, &count);
	}
	if (result == CLI_OK && options->count) {
		(void)printf(options->common.json ? "{\"count\":%" PRIu64 "}\n" : "%" PRIu64 "\n", count);
	}
	return result;
}

int
cmd_list(int argc, char **argv) {
	list_options_t options = {.command = argv[0], .limit = UINT64_MAX};
	lessor_engine_t *engine;
	int result;
	if (!cli_parse_arguments(&argp, argc, argv, &options)) {
		return CLI_FAILED;
	}
	result = cli_open(argv[0], options.common.store, false, true, &engine, NULL);
	if (result != CLI_OK) {
		return result;
	}
	return cli_close(argv[0], &engine, list(&options, engine));
}
