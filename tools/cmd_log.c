/* SPDX-License-Identifier: Apache-2.0 */
/* lessor log: the changes of a store in the order of its log, while another process may write it. */
#include "cli.h"

#include <argp.h>

#include "change_print.h"

/* How long to wait before looking whether somebody wants to stop. */
#define WAIT_MS 200

enum { KEY_FROM = 0x100, KEY_FOLLOW };

typedef struct log_options {
	cli_common_t common;
	uint64_t from;
	bool follow;
} log_options_t;

static const struct argp_option option_table[] = {
	{"from", KEY_FROM, "LSN", 0, "Begin behind this position (default: with the oldest change that is retained)",
	 0},
	{"follow", KEY_FOLLOW, NULL, 0, "Wait for more, until interrupted", 0},
	CLI_OPTION_STORE,
	CLI_OPTION_JSON,
	{0},
};

static error_t
parse_option(int key, char *argument, struct argp_state *state) {
	log_options_t *options = state->input;
	switch (key) {
	case KEY_FROM:
		options->from = cli_need_number(state, "--from", argument, UINT64_MAX);
		return 0;
	case KEY_FOLLOW:
		options->follow = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 0) {
			return ARGP_ERR_UNKNOWN;
		}
		options->common.store = argument;
		return 0;
	default:
		return cli_common_option(key, argument, &options->common);
	}
}

static const struct argp argp = {
	option_table,
	parse_option,
	"[DIR]",
	"Print the changes of a store, one in each line, as far back as its log is retained. Another process may have "
	"the "
	"store open. Only what is durable is printed.",
	NULL,
	NULL,
	NULL,
};

static int
put(const char *command, const log_options_t *options, const lessor_change_t *change) {
	if (!options->common.json) {
		change_put(change);
	} else if (!change_put_json(change)) {
		return cli_fail(command, CLI_FAILED, "out of memory");
	}
	return cli_output_failed() ? CLI_FAILED : CLI_OK;
}

static int
put_all(const char *command, const log_options_t *options, lessor_stream_t *stream) {
	int result = CLI_OK;
	while (result == CLI_OK && !cli_interrupted()) {
		lessor_change_t change;
		const lessor_status_t status = lessor_stream_next(stream, options->follow ? WAIT_MS : 0, &change);
		if (status == LESSOR_OK) {
			result = put(command, options, &change);
		} else if (status != LESSOR_TIMEOUT) {
			lessor_report_t report = {0};
			(void)snprintf(report.sentence, sizeof(report.sentence), "%s", lessor_stream_sentence(stream));
			return cli_fail_status(command, status, &report, "cannot read on");
		} else if (!options->follow) {
			break;
		} else {
			(void)fflush(stdout);
			result = cli_output_failed() ? CLI_FAILED : CLI_OK;
		}
	}
	return result;
}

int
cmd_log(int argc, char **argv) {
	log_options_t options = {.from = LESSOR_STREAM_OLDEST};
	lessor_report_t report;
	lessor_stream_t *stream;
	if (!cli_parse_arguments(&argp, argc, argv, &options)) {
		return CLI_FAILED;
	}
	const char *store = cli_need_store(argv[0], options.common.store);
	if (store == NULL) {
		return CLI_USAGE;
	}
	const lessor_status_t status = lessor_stream_open_directory(store, options.from, &stream, &report);
	if (status != LESSOR_OK) {
		return cli_fail_status(argv[0], status, &report, "cannot read the log of '%s'", store);
	}
	cli_catch_interrupts();
	const int result = put_all(argv[0], &options, stream);
	lessor_stream_close(&stream);
	return result;
}
