/* SPDX-License-Identifier: Apache-2.0 */
/* lessor salvage: bring what is good in a damaged store into a new one, and list what is not. */
#include "cli.h"

#include <argp.h>
#include <inttypes.h>
#include <string.h>

#include <json-c/json.h>

typedef struct salvage_options {
	cli_common_t common;
	const char *from;
	const char *to;
	lessor_salvage_mode_t mode;
} salvage_options_t;

enum { KEY_NEWEST = 0x2000 };

static const struct argp_option option_table[] = {
	{"newest", KEY_NEWEST, NULL, 0, "Take what is left behind the damage, too", 0}, CLI_OPTION_JSON, {0}};

static error_t
parse_option(int key, char *argument, struct argp_state *state) {
	salvage_options_t *options = state->input;
	switch (key) {
	case KEY_NEWEST:
		options->mode = LESSOR_SALVAGE_NEWEST;
		return 0;
	case ARGP_KEY_ARG:
		if (options->to != NULL) {
			return ARGP_ERR_UNKNOWN;
		}
		*(options->from == NULL ? &options->from : &options->to) = argument;
		return 0;
	case ARGP_KEY_END:
		if (options->to == NULL) {
			cli_reject(state, "say which store to salvage, and the directory of the new one");
		}
		return 0;
	default:
		return key == CLI_KEY_JSON ? cli_common_option(key, argument, &options->common) : ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	option_table,
	parse_option,
	"OLD NEW",
	"Bring what is good in the store OLD, which is only read, into a new store in the directory NEW, and list what "
	"is "
	"not. Exit status 6 says that there was damage.",
	NULL,
	NULL,
	NULL,
};

static void
put_sum(const salvage_options_t *options, const lessor_report_t *report) {
	(void)fputs("the new store '", stdout);
	cli_put_text(stdout, options->to);
	(void)printf("' holds leases: %" PRIu64 ", scopes: %" PRIu64 ", up to position: %" PRIu64 "\n", report->leases,
		     report->scopes, report->last_ticket);
}

static bool
put_json(const salvage_options_t *options, lessor_status_t status, const lessor_report_t *report) {
	struct json_object *object = json_object_new_object();
	if (object != NULL && cli_json_text(object, "store", options->from) &&
	    cli_json_text(object, "new_store", options->to) && cli_json_bool(object, "sound", status == LESSOR_OK) &&
	    cli_json_number(object, "leases", report->leases) && cli_json_number(object, "scopes", report->scopes) &&
	    cli_json_number(object, "last_ticket", report->last_ticket)) {
		return cli_put_json(object);
	}
	(void)json_object_put(object);
	return false;
}

int
cmd_salvage(int argc, char **argv) {
	salvage_options_t options = {{NULL, false}, NULL, NULL, LESSOR_SALVAGE_EXACT};
	lessor_report_t report;
	if (!cli_parse_arguments(&argp, argc, argv, &options)) {
		return CLI_FAILED;
	}
	memset(&report, 0, sizeof(report));
	const lessor_status_t status =
		lessor_salvage(options.from, options.to, options.mode, &report, cli_put_finding, &options.common.json);
	if (status != LESSOR_OK && status != LESSOR_DAMAGED) {
		return cli_fail_status(argv[0], status, &report, "cannot salvage the store '%s'", options.from);
	}
	if (!options.common.json) {
		put_sum(&options, &report);
	} else if (!put_json(&options, status, &report)) {
		return cli_fail(argv[0], CLI_FAILED, "out of memory");
	}
	return status == LESSOR_OK
		       ? CLI_OK
		       : cli_fail(argv[0], CLI_DAMAGED, "the store '%s' is damaged; what is good is in '%s'",
				  options.from, options.to);
}
