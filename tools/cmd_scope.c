/* SPDX-License-Identifier: Apache-2.0 */
/* lessor scope: the subnets that leases live in, their ranges and exclusions. */
#include "cmd_scope.h"

#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

enum {
	KEY_SUBNET = 0x100,
	KEY_RANGE,
	KEY_NO_RANGE,
	KEY_EXCLUDE,
	KEY_ID,
	KEY_NAME,
	KEY_NO_NAME,
	KEY_COMMENT,
	KEY_NO_COMMENT,
	KEY_LEASE_S,
	KEY_STATE,
	KEY_MAX_LEASES,
	KEY_PREFERENCE,
	KEY_FORCE
};

static const char out_of_memory[] = "out of memory";

/* ---- Arguments ---- */

static void
add_range(const struct argp_state *state, scope_options_t *options, const char *what, const char *text) {
	scope_range_t range = {.is6 = cli_is6(text)};
	if (!range.is6) {
		range.range = cli_need_range(state, what, text);
	} else if (!cli_parse_range6(text, &range.prefix, &range.range6)) {
		cli_reject(state, "%s '%s' is not a range of one prefix like 2001:db8:7::a-2001:db8:7::f", what, text);
	}
	scope_range_t *ranges = realloc(options->ranges, (options->range_count + 1) * sizeof(*ranges));
	if (ranges == NULL) {
		exit(cli_fail(options->command, CLI_FAILED, out_of_memory));
	}
	ranges[options->range_count++] = range;
	options->ranges = ranges;
}

static error_t
parse_texts(int key, char *argument, struct argp_state *state, scope_options_t *options) {
	lessor_scope_t *scope = &options->scope;
	switch (key) {
	case KEY_NAME:
		scope->name = cli_need_text(state, "--name", argument, LESSOR_SCOPE_NAME_MAX_BYTES);
		options->fields |= LESSOR_SCOPE_FIELD_NAME;
		return 0;
	case KEY_NO_NAME:
		scope->name = NULL;
		options->fields |= LESSOR_SCOPE_FIELD_NAME;
		return 0;
	case KEY_COMMENT:
		scope->comment = cli_need_text(state, "--comment", argument, LESSOR_SCOPE_NAME_MAX_BYTES);
		options->fields |= LESSOR_SCOPE_FIELD_COMMENT;
		return 0;
	case KEY_NO_COMMENT:
		scope->comment = NULL;
		options->fields |= LESSOR_SCOPE_FIELD_COMMENT;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t
parse_description(int key, char *argument, struct argp_state *state, scope_options_t *options) {
	lessor_scope_t *scope = &options->scope;
	switch (key) {
	case KEY_RANGE:
		scope->range = cli_need_range(state, "--range", argument);
		scope->has_range = true;
		options->fields |= LESSOR_SCOPE_FIELD_RANGE;
		return 0;
	case KEY_NO_RANGE:
		scope->has_range = false;
		options->fields |= LESSOR_SCOPE_FIELD_RANGE;
		return 0;
	case KEY_ID:
		scope->id = (uint32_t)cli_need_number(state, "--id", argument, UINT32_MAX);
		options->fields |= LESSOR_SCOPE_FIELD_ID;
		return 0;
	case KEY_LEASE_S:
		scope->lease_s = (uint32_t)cli_need_number(state, "--lease-s", argument, UINT32_MAX);
		options->fields |= LESSOR_SCOPE_FIELD_LEASE_S;
		return 0;
	case KEY_STATE:
		if (!cli_parse_scope_state(argument, &scope->state)) {
			cli_reject(state, "--state '%s' is not enabled, disabled or a number from 0 to 4", argument);
		}
		options->fields |= LESSOR_SCOPE_FIELD_STATE;
		return 0;
	case KEY_MAX_LEASES:
		scope->max_leases = (uint32_t)cli_need_number(state, "--max-leases", argument, UINT32_MAX);
		options->fields |= LESSOR_SCOPE_FIELD_MAX_LEASES;
		return 0;
	case KEY_PREFERENCE:
		options->preference = (uint16_t)cli_need_number(state, "--preference", argument, UINT16_MAX);
		options->fields |= LESSOR_SCOPE6_FIELD_PREFERENCE;
		return 0;
	default:
		return parse_texts(key, argument, state, options);
	}
}

/* --subnet or the argument, if it is IPv6. */
static bool
take_prefix(const struct argp_state *state, scope_options_t *options, const char *what, const char *text) {
	options->is6 = cli_is6(text);
	if (options->is6 && !cli_parse_prefix6(text, &options->prefix)) {
		cli_reject(state, "%s '%s' is not a prefix like 2001:db8:7::/64", what, text);
	}
	return options->is6;
}

/* What only the other family has, or addresses of elsewhere. */
static void
require_family(const struct argp_state *state, const scope_options_t *options) {
	if (options->is6 && (options->fields & LESSOR_SCOPE_FIELD_RANGE) != 0) {
		cli_reject(state, "an IPv6 scope has no range: it hands out all of the prefix but its exclusions");
	}
	if (!options->is6 && (options->fields & LESSOR_SCOPE6_FIELD_PREFERENCE) != 0) {
		cli_reject(state, "--preference is of IPv6 scopes");
	}
	for (size_t i = 0; i < options->range_count; i++) {
		const scope_range_t *range = &options->ranges[i];
		if (range->is6 != options->is6 || (range->is6 && range->prefix != options->prefix)) {
			cli_reject(state, "the %s range does not lie in the scope", range->is6 ? "IPv6" : "IPv4");
		}
	}
}

static error_t
parse_option(int key, char *argument, struct argp_state *state) {
	scope_options_t *options = state->input;
	switch (key) {
	case ARGP_KEY_END:
		require_family(state, options);
		return 0;
	case KEY_SUBNET:
		if (take_prefix(state, options, "--subnet", argument)) {
			return 0;
		}
		if (!cli_parse_subnet(argument, &options->scope.subnet, &options->scope.mask)) {
			cli_reject(state, "--subnet '%s' is not a subnet like 192.0.2.0/24", argument);
		}
		return 0;
	case KEY_EXCLUDE:
		add_range(state, options, "--exclude", argument);
		return 0;
	case KEY_FORCE:
		options->force = true;
		return 0;
	default:
		if (cli_common_option(key, argument, &options->common) == 0) {
			return 0;
		}
		return parse_description(key, argument, state, options);
	}
}

/* For verbs with the argument SUBNET. */
static error_t
parse_target(int key, char *argument, struct argp_state *state) {
	scope_options_t *options = state->input;
	if (key == ARGP_KEY_ARG && state->arg_num == 0) {
		options->target = argument;
		(void)take_prefix(state, options, "the argument", argument);
		return 0;
	}
	if (key == ARGP_KEY_NO_ARGS) {
		cli_reject(state, "say which scope, for example 192.0.2.0/24");
	}
	return parse_option(key, argument, state);
}

/* For verbs with the arguments SUBNET A-B... */
static error_t
parse_target_ranges(int key, char *argument, struct argp_state *state) {
	scope_options_t *options = state->input;
	if (key == ARGP_KEY_ARG && state->arg_num > 0) {
		add_range(state, options, "range", argument);
		return 0;
	}
	if (key == ARGP_KEY_END && options->range_count == 0) {
		cli_reject(state, "say which addresses, for example 192.0.2.10-192.0.2.99");
	}
	return parse_target(key, argument, state);
}

/* Read the arguments, open the store, run the verb, close. */
static int
run(int argc, char **argv, const struct argp *argp, bool create, bool read_only,
    int (*verb)(scope_options_t *options, lessor_engine_t *engine),
    int (*verb6)(scope_options_t *options, lessor_engine_t *engine)) {
	scope_options_t options = {.command = argv[0]};
	lessor_engine_t *engine;
	int result = CLI_FAILED;
	if (cli_parse_arguments(argp, argc, argv, &options)) {
		result = cli_open(argv[0], options.common.store, create, read_only, &engine, NULL);
		if (result == CLI_OK) {
			result = cli_close(argv[0], &engine, (options.is6 ? verb6 : verb)(&options, engine));
		}
	}
	free(options.ranges);
	return result;
}

/* ---- add ---- */

static const struct argp_option add_table[] = {
	{"subnet", KEY_SUBNET, "SUBNET", 0, "Its addresses, as 192.0.2.0/24 or 2001:db8:7::/64; required", 0},
	{"range", KEY_RANGE, "A-B", 0, "The addresses to hand out; of IPv4 only", 0},
	{"exclude", KEY_EXCLUDE, "A-B", 0, "Addresses not to hand out; may be repeated", 0},
	{"id", KEY_ID, "N", 0, "A number of your own for it", 0},
	{"name", KEY_NAME, "T", 0, "Its name", 0},
	{"comment", KEY_COMMENT, "T", 0, "A comment", 0},
	{"lease-s", KEY_LEASE_S, "N", 0, "How long a lease lasts, in seconds (default: eight days)", 0},
	{"state", KEY_STATE, "STATE", 0, "enabled (default) or disabled", 0},
	{"max-leases", KEY_MAX_LEASES, "N", 0, "Not more leases than that; 0 (default): no limit", 0},
	{"preference", KEY_PREFERENCE, "N", 0, "A number that is kept; of IPv6 only", 0},
	CLI_OPTION_STORE,
	{0},
};

/* All that can be wrong with --range and --exclude, said before anything is changed. */
static void
require_inside(const struct argp_state *state, const lessor_scope_t *scope, const char *what, lessor_range_t range) {
	if ((range.first & scope->mask) != scope->subnet || (range.last & scope->mask) != scope->subnet) {
		char subnet[CLI_SUBNET_BYTES];
		cli_format_subnet(scope->subnet, scope->mask, subnet);
		cli_reject(state, "%s does not lie in %s", what, subnet);
	}
}

static error_t
parse_add(int key, char *argument, struct argp_state *state) {
	const scope_options_t *options = state->input;
	const lessor_scope_t *scope = &options->scope;
	if (key != ARGP_KEY_END) {
		return parse_option(key, argument, state);
	}
	require_family(state, options);
	if (options->is6) {
		return 0;
	}
	if (scope->mask == 0) {
		cli_reject(state, "say which subnet, with --subnet 192.0.2.0/24 or --subnet 2001:db8:7::/64");
	}
	if (scope->has_range) {
		require_inside(state, scope, "--range", scope->range);
	}
	for (size_t i = 0; i < options->range_count; i++) {
		require_inside(state, scope, "--exclude", options->ranges[i].range);
	}
	return 0;
}

static int
exclude(scope_options_t *options, lessor_engine_t *engine) {
	for (size_t i = 0; i < options->range_count; i++) {
		lessor_status_t status = lessor_scope_exclude(engine, options->scope.subnet, options->ranges[i].range,
							      LESSOR_SYNC, NULL);
		if (status != LESSOR_OK) {
			char first[16];
			char last[16];
			cli_format_ipv4(options->ranges[i].range.first, first);
			cli_format_ipv4(options->ranges[i].range.last, last);
			return cli_fail_status(options->command, status, NULL, "cannot exclude %s-%s", first, last);
		}
	}
	return CLI_OK;
}

static int
add(scope_options_t *options, lessor_engine_t *engine) {
	char subnet[CLI_SUBNET_BYTES];
	lessor_status_t status = lessor_scope_create(engine, &options->scope, LESSOR_SYNC, NULL);
	if (status != LESSOR_OK) {
		cli_format_subnet(options->scope.subnet, options->scope.mask, subnet);
		return cli_fail_status(options->command, status, NULL, "cannot add scope %s", subnet);
	}
	return exclude(options, engine);
}

static int
scope_add(int argc, char **argv) {
	static const struct argp argp = {
		add_table, parse_add, NULL, "Add a scope. The store is made if it does not exist.", NULL, NULL, NULL};
	return run(argc, argv, &argp, true, false, add, scope6_add);
}

/* ---- list and show ---- */

/* The exclusions of a scope in memory to be freed; NULL with *count 0 if there are none. */
static lessor_status_t
read_exclusions(lessor_engine_t *engine, uint32_t subnet, lessor_range_t **ranges, size_t *count) {
	lessor_range_t *copy = NULL;
	size_t capacity = 0;
	lessor_status_t status = lessor_scope_exclusions(engine, subnet, NULL, 0, &capacity);
	*ranges = NULL;
	*count = 0;
	if (status != LESSOR_OK || capacity == 0) {
		return status;
	}
	copy = calloc(capacity, sizeof(*copy));
	if (copy == NULL) {
		return LESSOR_NO_MEMORY;
	}
	status = lessor_scope_exclusions(engine, subnet, copy, capacity, count);
	if (status != LESSOR_OK) {
		free(copy);
		return status;
	}
	*ranges = copy;
	return LESSOR_OK;
}

static bool
json_add_exclusions(struct json_object *object, const lessor_range_t *ranges, size_t count) {
	struct json_object *array = json_object_new_array();
	if (!cli_json_add(object, "exclusions", array)) {
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		struct json_object *range = cli_json_range(&ranges[i]);
		if (range == NULL) {
			return false;
		}
		if (json_object_array_add(array, range) != 0) {
			(void)json_object_put(range);
			return false;
		}
	}
	return true;
}

static bool
put_scope_json(const lessor_scope_t *scope, const lessor_range_t *exclusions, size_t count) {
	struct json_object *object = json_object_new_object();
	if (object != NULL && cli_json_subnet(object, scope->subnet, scope->mask) &&
	    cli_json_number(object, "id", scope->id) && cli_json_text(object, "name", scope->name) &&
	    cli_json_text(object, "comment", scope->comment) &&
	    cli_json_text(object, "state", cli_scope_state_name(scope->state)) &&
	    cli_json_number(object, "lease_s", scope->lease_s) &&
	    (scope->has_range ? cli_json_add(object, "range", cli_json_range(&scope->range))
			      : cli_json_text(object, "range", NULL)) &&
	    (scope->max_leases == 0 || cli_json_number(object, "max_leases", scope->max_leases)) &&
	    json_add_exclusions(object, exclusions, count)) {
		return cli_put_json(object);
	}
	(void)json_object_put(object);
	return false;
}

static void
format_range(const lessor_range_t *range, char text[32]) {
	char first[16];
	char last[16];
	cli_format_ipv4(range->first, first);
	cli_format_ipv4(range->last, last);
	(void)snprintf(text, 32, "%s-%s", first, last);
}

static void
put_scope_lines(const lessor_scope_t *scope, const lessor_range_t *exclusions, size_t count) {
	char text[32];
	cli_format_subnet(scope->subnet, scope->mask, text);
	cli_put_line("scope", text);
	(void)snprintf(text, sizeof(text), "%" PRIu32, scope->id);
	cli_put_line("id", text);
	cli_put_text_line("name", scope->name);
	cli_put_text_line("comment", scope->comment);
	cli_put_line("state", cli_scope_state_name(scope->state));
	(void)snprintf(text, sizeof(text), "%" PRIu32, scope->lease_s);
	cli_put_line("lease seconds", text);
	if (scope->max_leases != 0) {
		(void)snprintf(text, sizeof(text), "%" PRIu32, scope->max_leases);
		cli_put_line("max leases", text);
	}
	if (scope->has_range) {
		format_range(&scope->range, text);
	}
	cli_put_line("range", scope->has_range ? text : "none");
	for (size_t i = 0; i < count; i++) {
		format_range(&exclusions[i], text);
		cli_put_line("excluded", text);
	}
}

static int
show(scope_options_t *options, lessor_engine_t *engine) {
	char buffer[LESSOR_SCOPE_BUFFER_BYTES];
	lessor_range_t *exclusions = NULL;
	size_t count = 0;
	lessor_scope_t scope;
	lessor_status_t status;
	bool printed = true;
	int result = cli_find_scope(options->command, engine, options->target, &scope);
	if (result != CLI_OK) {
		return result;
	}
	status = lessor_scope_get(engine, scope.subnet, &scope, buffer, sizeof(buffer));
	if (status == LESSOR_OK) {
		status = read_exclusions(engine, scope.subnet, &exclusions, &count);
	}
	if (status != LESSOR_OK) {
		return cli_fail_status(options->command, status, NULL, "reading scope %s", options->target);
	}
	if (options->common.json) {
		printed = put_scope_json(&scope, exclusions, count);
	} else {
		put_scope_lines(&scope, exclusions, count);
	}
	free(exclusions);
	return printed ? CLI_OK : cli_fail(options->command, CLI_FAILED, out_of_memory);
}

static int
scope_show(int argc, char **argv) {
	static const struct argp_option table[] = {CLI_OPTION_STORE, CLI_OPTION_JSON, {0}};
	static const struct argp argp = {table, parse_target, "SUBNET", "Show a scope with its exclusions.",
					 NULL,  NULL,         NULL};
	return run(argc, argv, &argp, false, true, show, scope6_show);
}

static void
table_add_scope(cli_table_t *table, const lessor_scope_t *scope, size_t exclusions) {
	char text[32];
	cli_format_subnet(scope->subnet, scope->mask, text);
	cli_table_add(table, "%s", text);
	cli_table_add(table, "%" PRIu32, scope->id);
	cli_table_add_text(table, scope->name);
	if (scope->has_range) {
		format_range(&scope->range, text);
	}
	cli_table_add(table, "%s", scope->has_range ? text : "-");
	cli_table_add(table, "%zu", exclusions);
	cli_table_add(table, "%s", cli_scope_state_name(scope->state));
	cli_table_add(table, "%" PRIu32, scope->lease_s);
}

static lessor_status_t
list_one(const scope_options_t *options, lessor_engine_t *engine, const lessor_scope_t *scope, cli_table_t *table) {
	lessor_range_t *exclusions;
	size_t count;
	lessor_status_t status = read_exclusions(engine, scope->subnet, &exclusions, &count);
	if (status != LESSOR_OK) {
		return status;
	}
	if (!options->common.json) {
		table_add_scope(table, scope, count);
	} else if (!put_scope_json(scope, exclusions, count)) {
		status = LESSOR_NO_MEMORY;
	}
	free(exclusions);
	return status;
}

static lessor_status_t
list_all(const scope_options_t *options, lessor_engine_t *engine, cli_table_t *table) {
	char buffer[LESSOR_SCOPE_BUFFER_BYTES];
	lessor_scope_t scope;
	lessor_status_t status = lessor_scope_next(engine, 0, &scope, buffer, sizeof(buffer));
	while (status == LESSOR_OK && !cli_output_failed()) {
		status = list_one(options, engine, &scope, table);
		if (status == LESSOR_OK) {
			status = scope.subnet == UINT32_MAX
					 ? LESSOR_END
					 : lessor_scope_next(engine, scope.subnet + 1, &scope, buffer, sizeof(buffer));
		}
	}
	return status == LESSOR_END ? LESSOR_OK : status;
}

static int
list(scope_options_t *options, lessor_engine_t *engine) {
	static const char *const heading[] = {"SCOPE", "ID", "NAME", "RANGE", "EXCLUSIONS", "STATE", "LEASE S"};
	cli_table_t table;
	lessor_status_t status;
	bool printed;
	cli_table_init(&table, "lrllrlr");
	for (size_t i = 0; !options->common.json && i < sizeof(heading) / sizeof(heading[0]); i++) {
		cli_table_add(&table, "%s", heading[i]);
	}
	status = list_all(options, engine, &table);
	if (status == LESSOR_OK) {
		status = scope6_list(options, engine, &table);
	}
	printed = cli_table_put(&table);
	if (status != LESSOR_OK) {
		return cli_fail_status(options->command, status, NULL, "reading the scopes");
	}
	return printed ? CLI_OK : cli_fail(options->command, CLI_FAILED, out_of_memory);
}

static int
scope_list(int argc, char **argv) {
	static const struct argp_option table[] = {CLI_OPTION_STORE, CLI_OPTION_JSON, {0}};
	static const struct argp argp = {table, parse_option, NULL, "List all scopes; with --json one object per line.",
					 NULL,  NULL,         NULL};
	return run(argc, argv, &argp, false, true, list, list);
}

/* ---- remove ---- */

static int
remove_scope(scope_options_t *options, lessor_engine_t *engine) {
	lessor_scope_t scope;
	lessor_status_t status;
	int result = cli_find_scope(options->command, engine, options->target, &scope);
	if (result != CLI_OK) {
		return result;
	}
	status = lessor_scope_delete(engine, scope.subnet, options->force, LESSOR_SYNC, NULL);
	if (status == LESSOR_SCOPE_NOT_EMPTY) {
		return cli_fail(options->command, CLI_FAILED, "scope %s still holds leases; --force deletes them too",
				options->target);
	}
	if (status != LESSOR_OK) {
		return cli_fail_status(options->command, status, NULL, "cannot remove scope %s", options->target);
	}
	return CLI_OK;
}

static int
scope_remove(int argc, char **argv) {
	static const struct argp_option table[] = {
		{"force", KEY_FORCE, NULL, 0, "Delete the leases in it too", 0}, CLI_OPTION_STORE, {0}};
	static const struct argp argp = {table, parse_target, "SUBNET", "Remove a scope.", NULL, NULL, NULL};
	return run(argc, argv, &argp, false, false, remove_scope, scope6_remove);
}

/* ---- exclude and include ---- */

static int
exclude_ranges(scope_options_t *options, lessor_engine_t *engine) {
	int result = cli_find_scope(options->command, engine, options->target, &options->scope);
	return result == CLI_OK ? exclude(options, engine) : result;
}

static int
include_ranges(scope_options_t *options, lessor_engine_t *engine) {
	int result = cli_find_scope(options->command, engine, options->target, &options->scope);
	for (size_t i = 0; i < options->range_count && result == CLI_OK; i++) {
		char range[32];
		lessor_status_t status = lessor_scope_include(engine, options->scope.subnet, options->ranges[i].range,
							      LESSOR_SYNC, NULL);
		format_range(&options->ranges[i].range, range);
		if (status == LESSOR_NOT_FOUND) {
			result = cli_fail(options->command, CLI_NOT_FOUND, "%s is not an exclusion of scope %s", range,
					  options->target);
		} else if (status != LESSOR_OK) {
			result = cli_fail_status(options->command, status, NULL, "cannot include %s", range);
		}
	}
	return result;
}

static int
scope_exclude(int argc, char **argv) {
	static const struct argp_option table[] = {CLI_OPTION_STORE, {0}};
	static const struct argp argp = {
		table, parse_target_ranges, "SUBNET A-B...", "Take addresses out of what is handed out.", NULL, NULL,
		NULL};
	return run(argc, argv, &argp, false, false, exclude_ranges, scope6_exclude);
}

static int
scope_include(int argc, char **argv) {
	static const struct argp_option table[] = {CLI_OPTION_STORE, {0}};
	static const struct argp argp = {table,
					 parse_target_ranges,
					 "SUBNET A-B...",
					 "End exclusions. Each range must be one as it was excluded.",
					 NULL,
					 NULL,
					 NULL};
	return run(argc, argv, &argp, false, false, include_ranges, scope6_include);
}

/* ---- set ---- */

static const struct argp_option set_table[] = {
	{"range", KEY_RANGE, "A-B", 0, "The addresses to hand out; of IPv4 only", 0},
	{"no-range", KEY_NO_RANGE, NULL, 0, "Hand out no addresses", 0},
	{"id", KEY_ID, "N", 0, "A number of your own for it", 0},
	{"name", KEY_NAME, "T", 0, "Its name", 0},
	{"no-name", KEY_NO_NAME, NULL, 0, "Remove the name", 0},
	{"comment", KEY_COMMENT, "T", 0, "A comment", 0},
	{"no-comment", KEY_NO_COMMENT, NULL, 0, "Remove the comment", 0},
	{"lease-s", KEY_LEASE_S, "N", 0, "How long a lease lasts, in seconds", 0},
	{"state", KEY_STATE, "STATE", 0, "enabled or disabled", 0},
	{"max-leases", KEY_MAX_LEASES, "N", 0, "Not more leases than that; those that are there stay. 0: no limit", 0},
	{"preference", KEY_PREFERENCE, "N", 0, "A number that is kept; of IPv6 only", 0},
	CLI_OPTION_STORE,
	{0},
};

static error_t
parse_set(int key, char *argument, struct argp_state *state) {
	const scope_options_t *options = state->input;
	if (key == ARGP_KEY_END && options->fields == 0) {
		cli_reject(state, "say what to change; see '%s --help'", state->name);
	}
	return parse_target(key, argument, state);
}

static int
set(scope_options_t *options, lessor_engine_t *engine) {
	lessor_scope_t present;
	lessor_status_t status;
	int result = cli_find_scope(options->command, engine, options->target, &present);
	if (result != CLI_OK) {
		return result;
	}
	options->scope.subnet = present.subnet;
	options->scope.mask = present.mask;
	status = lessor_scope_update(engine, &options->scope, options->fields, LESSOR_SYNC, NULL);
	if (status != LESSOR_OK) {
		return cli_fail_status(options->command, status, NULL, "cannot change scope %s", options->target);
	}
	return CLI_OK;
}

static int
scope_set(int argc, char **argv) {
	static const struct argp argp = {
		set_table, parse_set, "SUBNET", "Change what describes a scope; the rest stays.", NULL, NULL, NULL};
	return run(argc, argv, &argp, false, false, set, scope6_set);
}

/* ---- The verbs ---- */

int
cmd_scope(int argc, char **argv) {
	static const cli_command_t verbs[] = {
		{"add", scope_add, "Add a scope"},
		{"list", scope_list, "List all scopes"},
		{"show", scope_show, "Show a scope with its exclusions"},
		{"set", scope_set, "Change what describes a scope"},
		{"exclude", scope_exclude, "Take addresses out of what is handed out"},
		{"include", scope_include, "End exclusions"},
		{"remove", scope_remove, "Remove a scope"},
		{NULL, NULL, NULL},
	};
	return cli_dispatch(argc, argv, verbs, "Scopes: the subnets that leases live in.\v");
}
