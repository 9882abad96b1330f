/* SPDX-License-Identifier: Apache-2.0 */
/* lessor limit: how many leases there may be of one class of clients, or of one tag. */
#include "cli.h"

#include <argp.h>
#include <inttypes.h>
#include <string.h>

#include <json-c/json.h>

/* Of all verbs together. */
typedef struct limit_options {
	const char *command;
	cli_common_t common;
	unsigned arguments;
	lessor_limit_key_t key;
	uint32_t max;
} limit_options_t;

/* No argument, KEY, or KEY MAX. */
static error_t
parse(int key, char *argument, struct argp_state *state, unsigned wanted) {
	limit_options_t *options = state->input;
	if (key == ARGP_KEY_ARG && state->arg_num < wanted) {
		if (state->arg_num == 0) {
			options->key = cli_need_limit_key(state, "key", argument);
		} else {
			options->max = (uint32_t)cli_need_number(state, "maximum", argument, UINT32_MAX);
		}
		options->arguments++;
		return 0;
	}
	if (key == ARGP_KEY_END && options->arguments < wanted) {
		cli_reject(state, wanted == 1 ? "say which key, for example class:phones"
					      : "say which key and how many, for example class:phones 100");
	}
	return cli_common_option(key, argument, &options->common);
}

static error_t
parse_set(int key, char *argument, struct argp_state *state) {
	return parse(key, argument, state, 2);
}

static error_t
parse_remove(int key, char *argument, struct argp_state *state) {
	return parse(key, argument, state, 1);
}

static error_t
parse_list(int key, char *argument, struct argp_state *state) {
	return parse(key, argument, state, 0);
}

static int
run(int argc, char **argv, const struct argp *argp, bool read_only,
    int (*verb)(limit_options_t *options, lessor_engine_t *engine)) {
	limit_options_t options = {.command = argv[0]};
	lessor_engine_t *engine;
	if (!cli_parse_arguments(argp, argc, argv, &options)) {
		return CLI_FAILED;
	}
	const int result = cli_open(argv[0], options.common.store, false, read_only, &engine, NULL);
	return result == CLI_OK ? cli_close(argv[0], &engine, verb(&options, engine)) : result;
}

/* ---- set and remove ---- */

static int
set(limit_options_t *options, lessor_engine_t *engine) {
	const lessor_status_t status = lessor_limit_set(engine, &options->key, options->max, LESSOR_SYNC, NULL);
	return status == LESSOR_OK ? CLI_OK : cli_fail_status(options->command, status, NULL, "cannot set the limit");
}

static int
limit_set(int argc, char **argv) {
	static const struct argp_option table[] = {CLI_OPTION_STORE, {0}};
	static const struct argp argp = {table,
					 parse_set,
					 "KEY MAX",
					 "Limit the leases of a key, as class:TEXT, tag:TEXT or tag:0xHEX. Those that "
					 "are there stay.",
					 NULL,
					 NULL,
					 NULL};
	return run(argc, argv, &argp, false, set);
}

static int
remove_limit(limit_options_t *options, lessor_engine_t *engine) {
	const lessor_status_t status = lessor_limit_remove(engine, &options->key, LESSOR_SYNC, NULL);
	if (status == LESSOR_NOT_FOUND) {
		return cli_fail(options->command, CLI_NOT_FOUND, "this key has no limit");
	}
	return status == LESSOR_OK ? CLI_OK
				   : cli_fail_status(options->command, status, NULL, "cannot remove the limit");
}

static int
limit_remove(int argc, char **argv) {
	static const struct argp_option table[] = {CLI_OPTION_STORE, {0}};
	static const struct argp argp = {table, parse_remove, "KEY", "End the limit of a key.", NULL, NULL, NULL};
	return run(argc, argv, &argp, false, remove_limit);
}

/* ---- list ---- */

static bool
put_json(const lessor_limit_t *limit) {
	char key[CLI_LIMIT_KEY_BYTES];
	struct json_object *object = json_object_new_object();
	cli_format_limit_key(&limit->key, key);
	if (object != NULL && cli_json_text(object, "key", key) && cli_json_number(object, "max", limit->max) &&
	    cli_json_number(object, "leases", limit->leases)) {
		return cli_put_json(object);
	}
	(void)json_object_put(object);
	return false;
}

static void
put_row(cli_table_t *table, const lessor_limit_t *limit) {
	char key[CLI_LIMIT_KEY_BYTES];
	cli_format_limit_key(&limit->key, key);
	cli_table_add_text(table, key);
	cli_table_add(table, "%" PRIu32, limit->leases);
	cli_table_add(table, "%" PRIu32, limit->max);
}

static int
list(limit_options_t *options, lessor_engine_t *engine) {
	cli_table_t table;
	lessor_limit_t limit;
	bool printed = true;
	lessor_status_t status = lessor_limit_next(engine, NULL, &limit);
	cli_table_init(&table, "lrr");
	if (!options->common.json) {
		cli_table_add(&table, "KEY");
		cli_table_add(&table, "LEASES");
		cli_table_add(&table, "MAX");
	}
	while (status == LESSOR_OK && printed) {
		if (options->common.json) {
			printed = put_json(&limit);
		} else {
			put_row(&table, &limit);
		}
		status = lessor_limit_next(engine, &limit.key, &limit);
	}
	printed = cli_table_put(&table) && printed;
	if (status != LESSOR_END && status != LESSOR_OK) {
		return cli_fail_status(options->command, status, NULL, "reading the limits");
	}
	return printed ? CLI_OK : cli_fail(options->command, CLI_FAILED, "out of memory");
}

static int
limit_list(int argc, char **argv) {
	static const struct argp_option table[] = {CLI_OPTION_STORE, CLI_OPTION_JSON, {0}};
	static const struct argp argp = {
		table, parse_list,
		NULL,  "List all limits, and how many leases there are; with --json one object per line.",
		NULL,  NULL,
		NULL};
	return run(argc, argv, &argp, true, list);
}

/* ---- The verbs ---- */

int
cmd_limit(int argc, char **argv) {
	static const cli_command_t verbs[] = {
		{"set", limit_set, "Limit the leases of a key"},
		{"list", limit_list, "List all limits"},
		{"remove", limit_remove, "End the limit of a key"},
		{NULL, NULL, NULL},
	};
	return cli_dispatch(argc, argv, verbs, "Limits: how many leases there may be of a class or a tag.\v");
}
