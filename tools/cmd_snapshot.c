/* SPDX-License-Identifier: Apache-2.0 */
/* lessor snapshot: write everything into one file, so that the next open is quick and the log before it can go. */
#include "cli.h"

#include <argp.h>
#include <inttypes.h>
#include <string.h>

#include <json-c/json.h>

static const struct argp_option option_table[] = {CLI_OPTION_STORE, CLI_OPTION_JSON, {0}};

static error_t
parse_option(int key, char *argument, struct argp_state *state) {
	return cli_common_option(key, argument, state->input);
}

static const struct argp argp = {
	option_table, parse_option, NULL, "Write a snapshot of the store and drop the log that it makes unnecessary.",
	NULL,         NULL,         NULL,
};

static bool
put_json(const lessor_report_t *report) {
	struct json_object *object = json_object_new_object();
	if (object != NULL && cli_json_number(object, "leases", report->leases) &&
	    cli_json_number(object, "scopes", report->scopes) &&
	    cli_json_number(object, "bytes", report->snapshot_bytes) &&
	    cli_json_number(object, "last_ticket", report->last_ticket) &&
	    cli_json_seconds(object, "seconds", report->seconds)) {
		return cli_put_json(object);
	}
	(void)json_object_put(object);
	return false;
}

static int
snapshot(const char *command, lessor_engine_t *engine, const cli_common_t *common) {
	lessor_report_t report;
	lessor_status_t status;
	memset(&report, 0, sizeof(report));
	status = lessor_snapshot(engine, &report);
	if (status != LESSOR_OK) {
		return cli_fail_status(command, status, &report, "cannot write the snapshot");
	}
	if (!common->json) {
		(void)printf("leases: %" PRIu64 ", bytes: %" PRIu64 ", seconds: %.3f\n", report.leases,
			     report.snapshot_bytes, report.seconds);
		return CLI_OK;
	}
	return put_json(&report) ? CLI_OK : cli_fail(command, CLI_FAILED, "out of memory");
}

int
cmd_snapshot(int argc, char **argv) {
	cli_common_t common = {NULL, false};
	lessor_engine_t *engine;
	int result;
	if (!cli_parse_arguments(&argp, argc, argv, &common)) {
		return CLI_FAILED;
	}
	common.store = cli_need_store(argv[0], common.store);
	if (common.store == NULL) {
		return CLI_USAGE;
	}
	result = cli_open(argv[0], common.store, false, false, &engine, NULL);
	if (result != CLI_OK) {
		return result;
	}
	return cli_close(argv[0], &engine, snapshot(argv[0], engine, &common));
}
