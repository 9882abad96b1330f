/* SPDX-License-Identifier: Apache-2.0 */
/* lessor verify: read a store without opening it for change, and say whether it is sound. */
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
	option_table,
	parse_option,
	NULL,
	"Check every checksum and every count of a store that no process has open. Exit status 6 says that it is "
	"damaged. The torn end of a write that a crash interrupted is not damage.",
	NULL,
	NULL,
	NULL,
};

static void
put_sound(const char *store, const lessor_report_t *report) {
	(void)fputs("the store '", stdout);
	cli_put_text(stdout, store);
	(void)printf("' is sound (leases: %" PRIu64 ", scopes: %" PRIu64 ", leases from the snapshot: %" PRIu64
		     ", records from the log: %" PRIu64 ", seconds: %.3f)\n",
		     report->leases, report->scopes, report->snapshot_leases, report->log_records, report->seconds);
	if (report->cut_bytes > 0) {
		(void)printf("the last %" PRIu64
			     " bytes of the log are a write that a crash tore; nobody was told that it "
			     "was done, and the next open cuts it off\n",
			     report->cut_bytes);
	}
}

static bool
put_json(const char *store, lessor_status_t status, const lessor_report_t *report) {
	struct json_object *object = json_object_new_object();
	if (object != NULL && cli_json_text(object, "store", store) &&
	    cli_json_bool(object, "sound", status == LESSOR_OK) &&
	    cli_json_text(object, "status", lessor_status_name(status)) &&
	    cli_json_text(object, "sentence", report->sentence) && cli_json_number(object, "leases", report->leases) &&
	    cli_json_number(object, "scopes", report->scopes) &&
	    cli_json_number(object, "snapshot_leases", report->snapshot_leases) &&
	    cli_json_number(object, "log_records", report->log_records) &&
	    cli_json_number(object, "torn_bytes", report->cut_bytes) &&
	    cli_json_number(object, "last_ticket", report->last_ticket) &&
	    cli_json_seconds(object, "seconds", report->seconds)) {
		return cli_put_json(object);
	}
	(void)json_object_put(object);
	return false;
}

int
cmd_verify(int argc, char **argv) {
	cli_common_t common = {NULL, false};
	lessor_report_t report;
	lessor_status_t status;
	const char *store;
	if (!cli_parse_arguments(&argp, argc, argv, &common)) {
		return CLI_FAILED;
	}
	store = cli_need_store(argv[0], common.store);
	if (store == NULL) {
		return CLI_USAGE;
	}
	memset(&report, 0, sizeof(report));
	status = lessor_verify_all(store, &report, cli_put_finding, &common.json);
	if (common.json && !put_json(store, status, &report)) {
		return cli_fail(argv[0], CLI_FAILED, "out of memory");
	}
	if (status == LESSOR_DAMAGED) {
		return cli_fail_status(argv[0], status, &report, "the store '%s' is damaged", store);
	}
	if (status != LESSOR_OK) {
		return cli_fail_status(argv[0], status, &report, "cannot check the store '%s'", store);
	}
	if (!common.json) {
		put_sound(store, &report);
	}
	return CLI_OK;
}
