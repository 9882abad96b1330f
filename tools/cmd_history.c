/* SPDX-License-Identifier: Apache-2.0 */
/* lessor history: what an address has been through, or who had it at a time. */
#include "cli.h"

#include <argp.h>
#include <arpa/inet.h>

#include "change_print.h"

enum { KEY_AT = 0x100, KEY_SINCE, KEY_UNTIL };

typedef struct history_options {
	const char *command;
	cli_common_t common;
	const char *address;
	lessor_history_query_t query;
	bool at;
	bool between;
	uint64_t leases;
	uint64_t changes;
} history_options_t;

static const struct argp_option option_table[] = {
	{"at", KEY_AT, "TIME", 0, "Only who had it at this time", 0},
	{"since", KEY_SINCE, "TIME", 0, "Who had it at this time, and what came then", 0},
	{"until", KEY_UNTIL, "TIME", 0, "Nothing later than this time", 0},
	CLI_OPTION_STORE,
	CLI_OPTION_JSON,
	{0},
};

static void
need_address(const struct argp_state *state, history_options_t *options, const char *text) {
	uint8_t bytes[16];
	options->address = text;
	if (cli_parse_ipv4(text, &options->query.address)) {
		return;
	}
	if (inet_pton(AF_INET6, text, bytes) != 1) {
		cli_reject(state, "'%s' is no address", text);
	}
	options->query.is_six = true;
	for (unsigned i = 0; i < 8; i++) {
		options->query.address6.high = options->query.address6.high << 8 | bytes[i];
		options->query.address6.low = options->query.address6.low << 8 | bytes[8 + i];
	}
}

static error_t
parse_option(int key, char *argument, struct argp_state *state) {
	history_options_t *options = state->input;
	switch (key) {
	case KEY_AT:
		options->query.from = options->query.to = cli_need_time(state, "--at", argument);
		options->at = true;
		return 0;
	case KEY_SINCE:
		options->query.from = cli_need_time(state, "--since", argument);
		options->between = true;
		return 0;
	case KEY_UNTIL:
		options->query.to = cli_need_time(state, "--until", argument);
		options->between = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 0) {
			return ARGP_ERR_UNKNOWN;
		}
		need_address(state, options, argument);
		return 0;
	case ARGP_KEY_END:
		if (options->address == NULL) {
			cli_reject(state, "say which address");
		}
		if (options->at && options->between) {
			cli_reject(state, "--at goes with neither --since nor --until");
		}
		if (options->query.from > options->query.to) {
			cli_reject(state, "the time to end at is before the one to begin at");
		}
		return 0;
	default:
		return cli_common_option(key, argument, &options->common);
	}
}

static const struct argp argp = {
	option_table,
	parse_option,
	"ADDRESS",
	"Print what became of an address, IPv4 or IPv6, as far back as the log of the store is retained: a line for "
	"each change. With --at only the "
	"lease that it had then; exit status 3 says that it had none. Another process may have the store open.",
	NULL,
	NULL,
	NULL,
};

static lessor_status_t
put(void *context, const lessor_change_t *change) {
	history_options_t *options = context;
	const bool is_lease = change->kind == LESSOR_CHANGE_LEASE || change->kind == LESSOR_CHANGE_LEASE6;
	options->changes++;
	options->leases += is_lease;
	if (options->at && !is_lease) {
		return LESSOR_OK;
	}
	if (!options->common.json) {
		change_put(change);
	} else if (!change_put_json(change)) {
		return LESSOR_NO_MEMORY;
	}
	return cli_output_failed() ? LESSOR_IO : LESSOR_OK;
}

int
cmd_history(int argc, char **argv) {
	history_options_t options = {.command = argv[0], .query = {.to = LESSOR_TIME_INFINITE}};
	lessor_report_t report = {0};
	if (!cli_parse_arguments(&argp, argc, argv, &options)) {
		return CLI_FAILED;
	}
	const char *store = cli_need_store(argv[0], options.common.store);
	if (store == NULL) {
		return CLI_USAGE;
	}
	const lessor_status_t status = lessor_history_directory(store, &options.query, put, &options, &report);
	if (cli_output_failed()) {
		return CLI_FAILED; /* it is said at the end */
	}
	if (status != LESSOR_OK) {
		return cli_fail_status(argv[0], status, &report, "history of %s", options.address);
	}
	if (options.at ? options.leases == 0 : options.changes == 0) {
		return cli_fail(argv[0], CLI_NOT_FOUND, "the log knows of no lease of %s%s", options.address,
				options.at ? " at that time" : "");
	}
	return CLI_OK;
}
