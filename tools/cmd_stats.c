/* SPDX-License-Identifier: Apache-2.0 */
/* lessor stats: how full the scopes are, and what the store holds: for people, as JSON, as OpenMetrics, or again and again. */
#include "cli.h"
#include "figures.h"
#include "stats_watch.h"

#include <argp.h>
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#define DEFAULT_INTERVAL_S 2.0
#define MAX_INTERVAL_S     86400.0

enum { KEY_OPENMETRICS = 1, KEY_KEA_NAMES, KEY_WATCH, KEY_COUNT };

typedef struct stats_options {
	const char *command;
	cli_common_t common;
	const char *subnet; /* NULL: all */
	bool openmetrics;
	bool kea_names;
	double interval_s; /* 0: once */
	uint64_t count;    /* of pictures; 0: until interrupted */
} stats_options_t;

static const struct argp_option option_table[] = {
	CLI_OPTION_STORE,
	CLI_OPTION_JSON,
	{"openmetrics", KEY_OPENMETRICS, NULL, 0, "Answer in OpenMetrics, for Prometheus", 0},
	{"kea-names", KEY_KEA_NAMES, NULL, 0, "With --openmetrics: also the names of exporters for Kea", 0},
	{"watch", KEY_WATCH, "SECONDS", OPTION_ARG_OPTIONAL, "Show them again and again, every 2 seconds", 0},
	{"count", KEY_COUNT, "NUMBER", 0, "With --watch: so many times", 0},
	{0}};

static double
need_interval(const struct argp_state *state, const char *text) {
	char *end;
	double seconds = strtod(text, &end);
	if (end == text || *end != '\0' || !(seconds >= 0.1 && seconds <= MAX_INTERVAL_S)) {
		cli_reject(state, "--watch '%s' is not a number of seconds from 0.1 to 86400", text);
	}
	return seconds;
}

static void
check_options(const struct argp_state *state, const stats_options_t *options) {
	if (options->openmetrics && (options->common.json || options->interval_s > 0 || options->subnet != NULL)) {
		cli_reject(state, "--openmetrics goes with neither --json nor --watch nor a subnet");
	}
	if (options->kea_names && !options->openmetrics) {
		cli_reject(state, "--kea-names goes with --openmetrics");
	}
	if (options->count > 0 && options->interval_s <= 0) {
		cli_reject(state, "--count goes with --watch");
	}
}

/* "--watch 5" is understood as well as "--watch=5": no subnet is a single number. */
static void
take_argument(const struct argp_state *state, stats_options_t *options, const char *text) {
	if (options->interval_s > 0 && strspn(text, "0123456789") == strlen(text)) {
		options->interval_s = need_interval(state, text);
	} else if (options->subnet == NULL) {
		options->subnet = text;
	} else {
		cli_reject(state, "'%s' is one subnet too many", text);
	}
}

static error_t
parse_option(int key, char *argument, struct argp_state *state) {
	stats_options_t *options = state->input;
	switch (key) {
	case KEY_OPENMETRICS:
		options->openmetrics = true;
		return 0;
	case KEY_KEA_NAMES:
		options->kea_names = true;
		return 0;
	case KEY_WATCH:
		options->interval_s = argument != NULL ? need_interval(state, argument) : DEFAULT_INTERVAL_S;
		return 0;
	case KEY_COUNT:
		options->count = cli_need_number(state, "--count", argument, UINT32_MAX);
		if (options->count == 0) {
			cli_reject(state, "--count is 1 or more");
		}
		return 0;
	case ARGP_KEY_ARG:
		take_argument(state, options, argument);
		return 0;
	case ARGP_KEY_END:
		check_options(state, options);
		return 0;
	default:
		return cli_common_option(key, argument, &options->common);
	}
}

static const struct argp argp = {
	option_table, parse_option, "[SUBNET]", "Show the figures of one scope, or of all scopes and the store.",
	NULL,         NULL,         NULL,
};

/* A /64 has more addresses than a number says, two of them have all the more. */
static uint64_t
add_capped(uint64_t one, uint64_t other) {
	return one > UINT64_MAX - other ? UINT64_MAX : one + other;
}

static void
add_to_total(lessor_scope_stats_t *total, const lessor_scope_stats_t *stats) {
	total->pool = add_capped(total->pool, stats->pool);
	total->in_use += stats->in_use;
	total->free = add_capped(total->free, stats->free);
	total->pending += stats->pending;
	total->leases += stats->leases;
	total->leases_active += stats->leases_active;
	total->leases_declined += stats->leases_declined;
	total->leases_doomed += stats->leases_doomed;
	total->creates += stats->creates;
	total->deletes += stats->deletes;
	total->expires += stats->expires;
}

static bool
json_add_figures(struct json_object *object, const lessor_scope_stats_t *stats) {
	return cli_json_number(object, "pool", stats->pool) && cli_json_number(object, "in_use", stats->in_use) &&
	       cli_json_number(object, "free", stats->free) && cli_json_number(object, "pending", stats->pending) &&
	       cli_json_number(object, "leases", stats->leases) &&
	       cli_json_number(object, "leases_active", stats->leases_active) &&
	       cli_json_number(object, "leases_declined", stats->leases_declined) &&
	       cli_json_number(object, "leases_doomed", stats->leases_doomed) &&
	       cli_json_number(object, "creates", stats->creates) &&
	       cli_json_number(object, "deletes", stats->deletes) && cli_json_number(object, "expires", stats->expires);
}

static bool
array_add_scope(struct json_object *array, const figures_scope_t *scope) {
	struct json_object *object = json_object_new_object();
	uint32_t subnet;
	uint32_t mask;
	if (object != NULL &&
	    (cli_parse_subnet(scope->subnet, &subnet, &mask) ? cli_json_subnet(object, subnet, mask)
							     : cli_json_text(object, "scope", scope->subnet)) &&
	    cli_json_number(object, "id", scope->id) &&
	    cli_json_text(object, "name", scope->name[0] != '\0' ? scope->name : NULL) &&
	    json_add_figures(object, &scope->stats) &&
	    cli_json_number(object, "in_use_high_water", scope->stats.in_use_high_water) &&
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
	cli_table_add(table, "%" PRIu64, stats->expires);
}

static void
table_add_scope(cli_table_t *table, const figures_scope_t *scope) {
	cli_table_add(table, "%s", scope->subnet);
	cli_table_add(table, "%" PRIu32, scope->id);
	cli_table_add_text(table, scope->name[0] != '\0' ? scope->name : NULL);
	table_add_figures(table, &scope->stats);
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

/* only NULL: all, and the store's own figures. */
static bool
put_json(const figures_t *figures, const char *only) {
	struct json_object *object = json_object_new_object();
	struct json_object *array = json_object_new_array();
	struct json_object *total = json_object_new_object();
	lessor_scope_stats_t sum = {0};
	bool good = object != NULL && array != NULL;
	for (size_t i = 0; i < figures->count && good; i++) {
		if (only == NULL || strcmp(only, figures->scopes[i].subnet) == 0) {
			good = array_add_scope(array, &figures->scopes[i]);
			add_to_total(&sum, &figures->scopes[i].stats);
		}
	}
	/* What was added belongs to the object, what was not is released here. */
	good = cli_json_add(object, "scopes", array) && good;
	good = cli_json_add(object, "total", total) && good;
	if (good && json_add_figures(total, &sum) && (only != NULL || json_add_engine(object, &figures->engine))) {
		return cli_put_json(object);
	}
	(void)json_object_put(object);
	return false;
}

static void
put_engine(const lessor_engine_stats_t *engine) {
	(void)printf("\nstore (leases: %" PRIu64 ", scopes: %" PRIu64
		     ", MiB of memory: %.1f, MiB of log: %.1f, ticket: %" PRIu64 ")\n",
		     engine->leases, engine->scopes, (double)engine->memory_bytes / 1048576.0,
		     (double)engine->log_bytes / 1048576.0, engine->last_ticket);
}

static bool
put_table(const figures_t *figures, const char *only) {
	static const char *const heading[] = {"SCOPE",  "ID",       "NAME",   "POOL",    "IN USE",  "FREE",   "% USED",
					      "LEASES", "DECLINED", "DOOMED", "CREATES", "DELETES", "EXPIRES"};
	lessor_scope_stats_t sum = {0};
	cli_table_t table;
	cli_table_init(&table, "lrlrrrrrrrrrr");
	for (size_t i = 0; i < sizeof(heading) / sizeof(heading[0]); i++) {
		cli_table_add(&table, "%s", heading[i]);
	}
	for (size_t i = 0; i < figures->count; i++) {
		if (only == NULL || strcmp(only, figures->scopes[i].subnet) == 0) {
			table_add_scope(&table, &figures->scopes[i]);
			add_to_total(&sum, &figures->scopes[i].stats);
		}
	}
	if (only == NULL) {
		cli_table_add(&table, "total");
		cli_table_add(&table, " ");
		cli_table_add(&table, "scopes: %zu", figures->count);
		table_add_figures(&table, &sum);
	}
	if (!cli_table_put(&table)) {
		return false;
	}
	if (only == NULL) {
		put_engine(&figures->engine);
	}
	return true;
}

/* Line by line, without what was not asked for. */
static void
put_openmetrics(const figures_t *figures, bool kea_names) {
	const char *line = figures->text;
	while (line[0] != '\0') {
		const char *end = strchrnul(line, '\n');
		bool is_kea = strncmp(line, "kea_", 4) == 0 || strncmp(line, "# TYPE kea_", 11) == 0 ||
			      strncmp(line, "# HELP kea_", 11) == 0;
		end += *end == '\n';
		if (kea_names || !is_kea) {
			(void)fwrite(line, 1, (size_t)(end - line), stdout);
		}
		line = end;
	}
}

/* ---- which scope ----------------------------------------------------------------------------------------------------- */

/* The IPv6 prefix as the figures write it. False: it is none. */
static bool
settle_prefix(const char *text, char *subnet, size_t subnet_bytes) {
	struct in6_addr address;
	char plain[INET6_ADDRSTRLEN];
	size_t length = strcspn(text, "/");
	if (length >= sizeof(plain) || (text[length] != '\0' && strcmp(text + length, "/64") != 0)) {
		return false;
	}
	memcpy(plain, text, length);
	plain[length] = '\0';
	if (inet_pton(AF_INET6, plain, &address) != 1) {
		return false;
	}
	(void)inet_ntop(AF_INET6, &address, plain, sizeof(plain));
	(void)snprintf(subnet, subnet_bytes, "%s/64", plain);
	return true;
}

/* Is it the IPv4 scope that the text names, with its mask or without? */
static bool
is_named(const figures_scope_t *scope, uint32_t subnet, uint32_t mask) {
	uint32_t own_subnet;
	uint32_t own_mask;
	return cli_parse_subnet(scope->subnet, &own_subnet, &own_mask) && own_subnet == subnet &&
	       (mask == 0 || own_mask == mask);
}

/* *found becomes the scope that 'text' names. Or complain and return the exit status. */
static int
find_named(const char *command, const figures_t *figures, const char *text, const figures_scope_t **found) {
	char prefix[sizeof(((figures_scope_t *)NULL)->subnet)];
	const bool is_six = strchr(text, ':') != NULL;
	uint32_t subnet = 0;
	uint32_t mask = 0;
	if (is_six                      ? !settle_prefix(text, prefix, sizeof(prefix))
	    : strchr(text, '/') != NULL ? !cli_parse_subnet(text, &subnet, &mask)
					: !cli_parse_ipv4(text, &subnet)) {
		return cli_fail(command, CLI_USAGE, "'%s' is not a subnet like 192.0.2.0/24 or 192.0.2.0", text);
	}
	for (size_t i = 0; i < figures->count; i++) {
		*found = &figures->scopes[i];
		if (is_six ? strcmp((*found)->subnet, prefix) == 0 : is_named(*found, subnet, mask)) {
			return CLI_OK;
		}
	}
	return cli_fail(command, CLI_NOT_FOUND, "there is no scope %s", text);
}

/* ---- once, and again and again --------------------------------------------------------------------------------------- */

static int
put_once(const stats_options_t *options, const figures_t *figures) {
	const figures_scope_t *scope = NULL;
	const char *only;
	if (options->openmetrics) {
		put_openmetrics(figures, options->kea_names);
		return CLI_OK;
	}
	if (options->subnet != NULL) {
		int result = find_named(options->command, figures, options->subnet, &scope);
		if (result != CLI_OK) {
			return result;
		}
	}
	only = scope != NULL ? scope->subnet : NULL;
	if (options->common.json ? put_json(figures, only) : put_table(figures, only)) {
		return CLI_OK;
	}
	return cli_fail_status(options->command, LESSOR_NO_MEMORY, NULL, "showing the figures");
}

static double
now_s(void) {
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void
nap(double seconds) {
	struct timespec time = {.tv_sec = (time_t)seconds};
	time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
	(void)nanosleep(&time, NULL); /* cut short by an interrupt */
}

/* What is known and when it was read. */
typedef struct moment {
	figures_t figures;
	double at_s;
	uint64_t stamp; /* of a store that nobody has open */
} moment_t;

typedef enum reading { READ_NEW, READ_SAME, READ_NOTHING } reading_t;

/*
 * Read again. A store that nobody has open is read only when it has changed: that takes as long as a start. *result says what has become of it; a store that
 * does not answer for once is no reason to stop.
 */
static reading_t
read_again(const stats_options_t *options, const moment_t *before, moment_t *now, int *result) {
	const bool first = before->figures.text == NULL;
	now->stamp = watch_stamp(options->common.store);
	*result = figures_read_live(options->command, options->common.store, &now->figures);
	if (*result == CLI_NOT_FOUND && !first && !before->figures.live && now->stamp == before->stamp) {
		*result = CLI_OK;
		return READ_SAME;
	}
	if (*result == CLI_NOT_FOUND) {
		*result = figures_read(options->command, options->common.store, &now->figures);
	}
	now->at_s = now_s();
	if (*result == CLI_OK) {
		return READ_NEW;
	}
	figures_free(&now->figures);
	if (!first && (*result == CLI_LOCKED || *result == CLI_FAILED)) {
		*result = CLI_OK;
	}
	return READ_NOTHING;
}

static int
show(const stats_options_t *options, const moment_t *before, const moment_t *now) {
	const figures_scope_t *scope = NULL;
	watch_view_t view = {.store = options->common.store,
			     .before = before->figures.text != NULL ? &before->figures : NULL,
			     .now = &now->figures,
			     .elapsed_s = now->at_s - before->at_s,
			     .terminal = isatty(STDOUT_FILENO) == 1};
	int result = CLI_OK;
	if (options->common.json) {
		result = put_once(options, &now->figures);
		(void)fflush(stdout);
		return result;
	}
	if (options->subnet != NULL) {
		result = find_named(options->command, &now->figures, options->subnet, &scope);
		view.subnet = scope != NULL ? scope->subnet : NULL;
	}
	if (result == CLI_OK && !watch_put(&view)) {
		return cli_fail_status(options->command, LESSOR_NO_MEMORY, NULL, "showing the figures");
	}
	return result;
}

static int
watch(const stats_options_t *options) {
	moment_t before = {.at_s = 0};
	moment_t last = {.at_s = 0};
	uint64_t shown = 0;
	int result = CLI_OK;
	cli_catch_interrupts();
	while (result == CLI_OK && !cli_interrupted() && !cli_output_failed()) {
		moment_t now = {.at_s = 0};
		switch (read_again(options, &last, &now, &result)) {
		case READ_NEW:
			figures_free(&before.figures);
			before = last;
			last = now;
			result = show(options, &before, &last);
			break;
		case READ_SAME:
			result = show(options, &last, &last);
			break;
		case READ_NOTHING:
			break;
		}
		if (++shown == options->count) {
			break;
		}
		nap(options->interval_s);
	}
	figures_free(&before.figures);
	figures_free(&last.figures);
	return result;
}

int
cmd_stats(int argc, char **argv) {
	stats_options_t options = {.command = argv[0]};
	figures_t figures;
	int result;
	if (!cli_parse_arguments(&argp, argc, argv, &options)) {
		return CLI_FAILED;
	}
	options.common.store = cli_need_store(argv[0], options.common.store);
	if (options.common.store == NULL) {
		return CLI_USAGE;
	}
	if (options.interval_s > 0) {
		return watch(&options);
	}
	result = figures_read(argv[0], options.common.store, &figures);
	if (result == CLI_OK) {
		result = put_once(&options, &figures);
	}
	figures_free(&figures);
	return result;
}
