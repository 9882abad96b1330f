/* SPDX-License-Identifier: Apache-2.0 */
/* lessor scope: the verbs for IPv6 scopes. See cmd_scope.h. */
#include "cmd_scope.h"

#include <inttypes.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "format_text.h"

static const char out_of_memory[] = "out of memory";

/* What describes a scope is the same in both families. */
static lessor_scope6_t
described(const scope_options_t *options) {
	return (lessor_scope6_t){.prefix = options->prefix,
				 .id = options->scope.id,
				 .state = options->scope.state,
				 .lease_s = options->scope.lease_s,
				 .preference = options->preference,
				 .name = options->scope.name,
				 .comment = options->scope.comment,
				 .max_leases = options->scope.max_leases};
}

/* Does the scope of the argument exist? */
static int
need_scope(const scope_options_t *options, lessor_engine_t *engine) {
	lessor_scope6_t scope;
	return cli_find_scope6(options->command, engine, options->target, &scope);
}

/* ---- changes ----------------------------------------------------------------------------------------------------- */

static int
exclude(const scope_options_t *options, lessor_engine_t *engine) {
	for (size_t i = 0; i < options->range_count; i++) {
		char range[CLI_RANGE6_BYTES];
		lessor_status_t status =
			lessor_scope6_exclude(engine, options->prefix, options->ranges[i].range6, LESSOR_SYNC, NULL);
		if (status != LESSOR_OK) {
			cli_format_range6(options->prefix, options->ranges[i].range6, range);
			return cli_fail_status(options->command, status, NULL, "cannot exclude %s", range);
		}
	}
	return CLI_OK;
}

int
scope6_add(scope_options_t *options, lessor_engine_t *engine) {
	const lessor_scope6_t scope = described(options);
	lessor_status_t status = lessor_scope6_create(engine, &scope, LESSOR_SYNC, NULL);
	if (status != LESSOR_OK) {
		char prefix[CLI_PREFIX6_BYTES];
		cli_format_prefix6(options->prefix, prefix);
		return cli_fail_status(options->command, status, NULL, "cannot add scope %s", prefix);
	}
	return exclude(options, engine);
}

int
scope6_set(scope_options_t *options, lessor_engine_t *engine) {
	const lessor_scope6_t scope = described(options);
	int result = need_scope(options, engine);
	if (result != CLI_OK) {
		return result;
	}
	lessor_status_t status = lessor_scope6_update(engine, &scope, options->fields, LESSOR_SYNC, NULL);
	return status == LESSOR_OK
		       ? CLI_OK
		       : cli_fail_status(options->command, status, NULL, "cannot change scope %s", options->target);
}

int
scope6_exclude(scope_options_t *options, lessor_engine_t *engine) {
	int result = need_scope(options, engine);
	return result == CLI_OK ? exclude(options, engine) : result;
}

int
scope6_include(scope_options_t *options, lessor_engine_t *engine) {
	int result = need_scope(options, engine);
	for (size_t i = 0; i < options->range_count && result == CLI_OK; i++) {
		char range[CLI_RANGE6_BYTES];
		lessor_status_t status =
			lessor_scope6_include(engine, options->prefix, options->ranges[i].range6, LESSOR_SYNC, NULL);
		cli_format_range6(options->prefix, options->ranges[i].range6, range);
		if (status == LESSOR_NOT_FOUND) {
			result = cli_fail(options->command, CLI_NOT_FOUND, "%s is not an exclusion of scope %s", range,
					  options->target);
		} else if (status != LESSOR_OK) {
			result = cli_fail_status(options->command, status, NULL, "cannot include %s", range);
		}
	}
	return result;
}

int
scope6_remove(scope_options_t *options, lessor_engine_t *engine) {
	int result = need_scope(options, engine);
	if (result != CLI_OK) {
		return result;
	}
	lessor_status_t status = lessor_scope6_delete(engine, options->prefix, options->force, LESSOR_SYNC, NULL);
	if (status == LESSOR_SCOPE_NOT_EMPTY) {
		return cli_fail(options->command, CLI_FAILED, "scope %s still holds leases; --force deletes them too",
				options->target);
	}
	return status == LESSOR_OK
		       ? CLI_OK
		       : cli_fail_status(options->command, status, NULL, "cannot remove scope %s", options->target);
}

/* ---- list and show ----------------------------------------------------------------------------------------------- */

/* The exclusions of a scope in memory to be freed; NULL with *count 0 if there are none. */
static lessor_status_t
read_exclusions(lessor_engine_t *engine, uint64_t prefix, lessor_range6_t **ranges, size_t *count) {
	size_t capacity = 0;
	lessor_status_t status = lessor_scope6_exclusions(engine, prefix, NULL, 0, &capacity);
	*ranges = NULL;
	*count = 0;
	if (status != LESSOR_OK || capacity == 0) {
		return status;
	}
	lessor_range6_t *copy = calloc(capacity, sizeof(*copy));
	if (copy == NULL) {
		return LESSOR_NO_MEMORY;
	}
	status = lessor_scope6_exclusions(engine, prefix, copy, capacity, count);
	if (status != LESSOR_OK) {
		free(copy);
		return status;
	}
	*ranges = copy;
	return LESSOR_OK;
}

static bool
add_address(struct json_object *object, const char *key, lessor_address6_t address) {
	char text[CLI_PREFIX6_BYTES];
	*put_ipv6(text, address) = '\0';
	return cli_json_text(object, key, text);
}

static bool
add_exclusions(struct json_object *object, uint64_t prefix, const lessor_range6_t *ranges, size_t count) {
	struct json_object *array = json_object_new_array();
	if (!cli_json_add(object, "exclusions", array)) {
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		struct json_object *range = json_object_new_object();
		if (range == NULL || json_object_array_add(array, range) != 0) {
			(void)json_object_put(range);
			return false;
		}
		if (!add_address(range, "first", (lessor_address6_t){prefix, ranges[i].first}) ||
		    !add_address(range, "last", (lessor_address6_t){prefix, ranges[i].last})) {
			return false;
		}
	}
	return true;
}

static bool
put_json(const lessor_scope6_t *scope, const lessor_range6_t *exclusions, size_t count) {
	struct json_object *object = json_object_new_object();
	char prefix[CLI_PREFIX6_BYTES];
	cli_format_prefix6(scope->prefix, prefix);
	if (object != NULL && cli_json_text(object, "scope", prefix) && cli_json_number(object, "id", scope->id) &&
	    cli_json_text(object, "name", scope->name) && cli_json_text(object, "comment", scope->comment) &&
	    cli_json_text(object, "state", cli_scope_state_name(scope->state)) &&
	    cli_json_number(object, "lease_s", scope->lease_s) &&
	    cli_json_number(object, "preference", scope->preference) &&
	    (scope->max_leases == 0 || cli_json_number(object, "max_leases", scope->max_leases)) &&
	    add_exclusions(object, scope->prefix, exclusions, count)) {
		return cli_put_json(object);
	}
	(void)json_object_put(object);
	return false;
}

static void
put_number_line(const char *label, uint64_t number) {
	char text[24];
	*put_number(text, number) = '\0';
	cli_put_line(label, text);
}

static void
put_lines(const lessor_scope6_t *scope, const lessor_range6_t *exclusions, size_t count) {
	char text[CLI_RANGE6_BYTES];
	cli_format_prefix6(scope->prefix, text);
	cli_put_line("scope", text);
	put_number_line("id", scope->id);
	cli_put_text_line("name", scope->name);
	cli_put_text_line("comment", scope->comment);
	cli_put_line("state", cli_scope_state_name(scope->state));
	put_number_line("lease seconds", scope->lease_s);
	put_number_line("preference", scope->preference);
	if (scope->max_leases != 0) {
		put_number_line("most leases", scope->max_leases);
	}
	for (size_t i = 0; i < count; i++) {
		cli_format_range6(scope->prefix, exclusions[i], text);
		cli_put_line("excluded", text);
	}
}

int
scope6_show(scope_options_t *options, lessor_engine_t *engine) {
	char buffer[LESSOR_SCOPE_BUFFER_BYTES];
	lessor_range6_t *exclusions = NULL;
	size_t count = 0;
	lessor_scope6_t scope;
	bool printed = true;
	int result = need_scope(options, engine);
	if (result != CLI_OK) {
		return result;
	}
	lessor_status_t status = lessor_scope6_get(engine, options->prefix, &scope, buffer, sizeof(buffer));
	if (status == LESSOR_OK) {
		status = read_exclusions(engine, options->prefix, &exclusions, &count);
	}
	if (status != LESSOR_OK) {
		return cli_fail_status(options->command, status, NULL, "reading scope %s", options->target);
	}
	if (options->common.json) {
		printed = put_json(&scope, exclusions, count);
	} else {
		put_lines(&scope, exclusions, count);
	}
	free(exclusions);
	return printed ? CLI_OK : cli_fail(options->command, CLI_FAILED, out_of_memory);
}

static void
add_row(cli_table_t *table, const lessor_scope6_t *scope, size_t exclusions) {
	char prefix[CLI_PREFIX6_BYTES];
	cli_format_prefix6(scope->prefix, prefix);
	cli_table_add(table, "%s", prefix);
	cli_table_add(table, "%" PRIu32, scope->id);
	cli_table_add_text(table, scope->name);
	cli_table_add(table, "all");
	cli_table_add(table, "%zu", exclusions);
	cli_table_add(table, "%s", cli_scope_state_name(scope->state));
	cli_table_add(table, "%" PRIu32, scope->lease_s);
}

lessor_status_t
scope6_list(const scope_options_t *options, lessor_engine_t *engine, cli_table_t *table) {
	char buffer[LESSOR_SCOPE_BUFFER_BYTES];
	lessor_scope6_t scope;
	lessor_status_t status = lessor_scope6_next(engine, 0, &scope, buffer, sizeof(buffer));
	while (status == LESSOR_OK && !cli_output_failed()) {
		lessor_range6_t *exclusions;
		size_t count;
		status = read_exclusions(engine, scope.prefix, &exclusions, &count);
		if (status != LESSOR_OK) {
			return status;
		}
		if (!options->common.json) {
			add_row(table, &scope, count);
		} else if (!put_json(&scope, exclusions, count)) {
			status = LESSOR_NO_MEMORY;
		}
		free(exclusions);
		if (status == LESSOR_OK) {
			status = scope.prefix == UINT64_MAX
					 ? LESSOR_END
					 : lessor_scope6_next(engine, scope.prefix + 1, &scope, buffer, sizeof(buffer));
		}
	}
	return status == LESSOR_END ? LESSOR_OK : status;
}
