/* SPDX-License-Identifier: Apache-2.0 */
/* lessor stats: how full the scopes are, and what the store holds. */
#include "cli.h"

#include <argp.h>
#include <inttypes.h>

#include <json-c/json.h>

typedef struct stats_options {
	const char *command;
	cli_common_t common;
	const char *subnet; /* NULL: all */
} stats_options_t;

static const struct argp_option option_table[] = {CLI_OPTION_STORE, CLI_OPTION_JSON, {0}};

static error_t
parse_option(int key, char *argument, struct argp_state *state) {
	stats_options_t *options = state->input;
	if (key == ARGP_KEY_ARG && state->arg_num == 0) {
		options->subnet = argument;
		return 0;
	}
	return cli_common_option(key, argument, &options->common);
}

static const struct argp argp = {
	option_table, parse_option, "[SUBNET]", "Show the figures of one scope, or of all scopes and the store.",
	NULL,         NULL,         NULL,
};

/* Where the figures go: a table for people, or an array of objects. */
typedef struct stats_output {
	cli_table_t table;
	struct json_object *array; /* NULL unless JSON was asked for */
	lessor_scope_stats_t total;
	uint64_t scopes;
} stats_output_t;

static void
add_to_total(lessor_scope_stats_t *total, const lessor_scope_stats_t *stats) {
	total->pool += stats->pool;
	total->in_use += stats->in_use;
	total->free += stats->free;
	total->pending += stats->pending;
	total->leases += stats->leases;
	total->leases_active += stats->leases_active;
	total->leases_declined += stats->leases_declined;
	total->leases_doomed += stats->leases_doomed;
	total->creates += stats->creates;
	total->deletes += stats->deletes;
}

static bool
json_add_figures(struct json_object *object, const lessor_scope_stats_t *stats) {
	return cli_json_number(object, "pool", stats->pool) && cli_json_number(object, "in_use", stats->in_use) &&
	       cli_json_number(object, "free", stats->free) && cli_json_number(object, "pending", stats->pending) &&
	       cli_json_number(object, "leases", stats->leases) &&
	       cli_json_number(object, "leases_active", stats->leases_active) &&
	       cli_json_number(object, "leases_declined", stats->leases_declined) &&
	       cli_json_number(object, "leases_doomed", stats->leases_doomed) &&
	       cli_json_number(object, "creates", stats->creates) && cli_json_number(object, "deletes", stats->deletes);
}

static bool
array_add_scope(struct json_object *array, const lessor_scope_t *scope, const lessor_scope_stats_t *stats) {
	struct json_object *object = json_object_new_object();
	if (object != NULL && cli_json_subnet(object, scope->subnet, scope->mask) &&
	    cli_json_number(object, "id", scope->id) && cli_json_text(object, "name", scope->name) &&
	    json_add_figures(object, stats) && cli_json_number(object, "in_use_high_water", stats->in_use_high_water) &&
	    json_object_array_add(array, object) == 0) {
		return true;
	}
	(void)json_object_put(object);
	return false;
}

static void
table_add_figures(cli_table_t *table, const lessor_scope_stats_t *stats) {
	cli_table_add(table, "%" PRIu64, stats->pool);
	cli_table_add(table, "%" PRIu64, stats->in_use);
	cli_table_add(table, "%" PRIu64, stats->free);
	if (stats->pool == 0) {
		cli_table_add(table, "-");
	} else {
		cli_table_add(table, "%.1f", 100.0 * (double)stats->in_use / (double)stats->pool);
	}
	cli_table_add(table, "%" PRIu64, stats->leases);
	cli_table_add(table, "%" PRIu64, stats->leases_declined);
	cli_table_add(table, "%" PRIu64, stats->leases_doomed);
	cli_table_add(table, "%" PRIu64, stats->creates);
	cli_table_add(table, "%" PRIu64, stats->deletes);
}

static void
table_add_scope(cli_table_t *table, const lessor_scope_t *scope, const lessor_scope_stats_t *stats) {
	char subnet[CLI_SUBNET_BYTES];
	cli_format_subnet(scope->subnet, scope->mask, subnet);
	cli_table_add(table, "%s", subnet);
	cli_table_add(table, "%" PRIu32, scope->id);
	cli_table_add_text(table, scope->name);
	table_add_figures(table, stats);
}

static lessor_status_t
add_scope(stats_output_t *output, lessor_engine_t *engine, const lessor_scope_t *scope) {
	lessor_scope_stats_t stats;
	lessor_status_t status = lessor_scope_stats(engine, scope->subnet, &stats);
	if (status != LESSOR_OK) {
		return status;
	}
	add_to_total(&output->total, &stats);
	output->scopes++;
	if (output->array == NULL) {
		table_add_scope(&output->table, scope, &stats);
	} else if (!array_add_scope(output->array, scope, &stats)) {
		return LESSOR_NO_MEMORY;
	}
	return LESSOR_OK;
}

/* 'only' NULL: all. */
static lessor_status_t
add_scopes(stats_output_t *output, lessor_engine_t *engine, const lessor_scope_t *only) {
	char buffer[LESSOR_SCOPE_BUFFER_BYTES];
	lessor_scope_t scope;
	lessor_status_t status;
	if (only != NULL) {
		status = lessor_scope_get(engine, only->subnet, &scope, buffer, sizeof(buffer));
		return status == LESSOR_OK ? add_scope(output, engine, &scope) : status;
	}
	status = lessor_scope_next(engine, 0, &scope, buffer, sizeof(buffer));
	while (status == LESSOR_OK) {
		status = add_scope(output, engine, &scope);
		if (status == LESSOR_OK) {
			status = scope.subnet == UINT32_MAX
					 ? LESSOR_END
					 : lessor_scope_next(engine, scope.subnet + 1, &scope, buffer, sizeof(buffer));
		}
	}
	return status == LESSOR_END ? LESSOR_OK : status;
}

static bool
json_add_engine(struct json_object *object, const lessor_engine_stats_t *stats) {
	struct json_object *engine = json_object_new_object();
	return cli_json_add(object, "store", engine) && cli_json_number(engine, "scopes", stats->scopes) &&
	       cli_json_number(engine, "leases", stats->leases) &&
	       cli_json_number(engine, "memory_bytes", stats->memory_bytes) &&
	       cli_json_number(engine, "log_bytes", stats->log_bytes) &&
	       cli_json_number(engine, "flushes", stats->flushes) &&
	       cli_json_number(engine, "flushed_bytes", stats->flushed_bytes) &&
	       cli_json_number(engine, "last_ticket", stats->last_ticket) &&
	       cli_json_number(engine, "durable_ticket", stats->durable_ticket);
}

/* Takes output->array, too. engine NULL: one scope was asked for. */
static bool
put_json(stats_output_t *output, const lessor_engine_stats_t *engine) {
	struct json_object *object = json_object_new_object();
	struct json_object *array = output->array;
	struct json_object *total;
	output->array = NULL;
	if (cli_json_add(object, "scopes", array) && cli_json_add(object, "total", total = json_object_new_object()) &&
	    json_add_figures(total, &output->total) && (engine == NULL || json_add_engine(object, engine))) {
		return cli_put_json(object);
	}
	(void)json_object_put(object);
	return false;
}

static bool
put_table(stats_output_t *output, const lessor_engine_stats_t *engine) {
	if (engine != NULL) {
		cli_table_add(&output->table, "total");
		cli_table_add(&output->table, " ");
		cli_table_add(&output->table, "scopes: %" PRIu64, output->scopes);
		table_add_figures(&output->table, &output->total);
	}
	if (!cli_table_put(&output->table)) {
		return false;
	}
	if (engine != NULL) {
		(void)printf("\nstore (leases: %" PRIu64 ", scopes: %" PRIu64
			     ", MiB of memory: %.1f, MiB of log: %.1f, ticket: %" PRIu64 ")\n",
			     engine->leases, engine->scopes, (double)engine->memory_bytes / 1048576.0,
			     (double)engine->log_bytes / 1048576.0, engine->last_ticket);
	}
	return true;
}

static bool
start(stats_output_t *output, bool json) {
	static const char *const heading[] = {"SCOPE",  "ID",     "NAME",     "POOL",   "IN USE",  "FREE",
					      "% USED", "LEASES", "DECLINED", "DOOMED", "CREATES", "DELETES"};
	cli_table_init(&output->table, "lrlrrrrrrrrr");
	if (json) {
		output->array = json_object_new_array();
		return output->array != NULL;
	}
	for (size_t i = 0; i < sizeof(heading) / sizeof(heading[0]); i++) {
		cli_table_add(&output->table, "%s", heading[i]);
	}
	return true;
}

static int
stats(const stats_options_t *options, lessor_engine_t *engine) {
	stats_output_t output = {.scopes = 0};
	lessor_engine_stats_t figures;
	lessor_scope_t only;
	lessor_status_t status;
	bool printed;
	if (options->subnet != NULL) {
		int result = cli_find_scope(options->command, engine, options->subnet, &only);
		if (result != CLI_OK) {
			return result;
		}
	}
	status = start(&output, options->common.json) ? LESSOR_OK : LESSOR_NO_MEMORY;
	if (status == LESSOR_OK) {
		status = add_scopes(&output, engine, options->subnet != NULL ? &only : NULL);
	}
	if (status == LESSOR_OK) {
		status = lessor_engine_stats(engine, &figures);
	}
	if (status == LESSOR_OK) {
		const lessor_engine_stats_t *wanted = options->subnet == NULL ? &figures : NULL;
		printed = options->common.json ? put_json(&output, wanted) : put_table(&output, wanted);
		status = printed ? LESSOR_OK : LESSOR_NO_MEMORY;
	}
	cli_table_free(&output.table);
	(void)json_object_put(output.array);
	return status == LESSOR_OK ? CLI_OK : cli_fail_status(options->command, status, NULL, "reading the figures");
}

int
cmd_stats(int argc, char **argv) {
	stats_options_t options = {.command = argv[0]};
	lessor_engine_t *engine;
	int result;
	if (!cli_parse_arguments(&argp, argc, argv, &options)) {
		return CLI_FAILED;
	}
	result = cli_open(argv[0], options.common.store, false, true, &engine, NULL);
	if (result != CLI_OK) {
		return result;
	}
	return cli_close(argv[0], &engine, stats(&options, engine));
}
