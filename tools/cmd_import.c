/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lessor import: take over the leases of a Kea DHCPv4 server from its lease files.
 *
 * The files are read twice, row by row. The first pass finds out which row counts for each address (kea4_plan.h); the second
 * brings these rows into the store. In between stands the decision whether to change the store at all.
 */
#include "cli.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "import_apply.h"
#include "import_report.h"
#include "kea4.h"
#include "kea4_files.h"
#include "kea4_lease.h"
#include "kea4_plan.h"
#include "kea_config.h"

enum {
	KEY_FORMAT = 0x100,
	KEY_CONFIG,
	KEY_SCOPE,
	KEY_ERROR_LIMIT,
	KEY_STRICT,
	KEY_NO_SIBLINGS,
	KEY_QUIET,
	LOOK_EVERY_ROWS = 4096 /* for interrupts and progress; a power of two */
};

typedef struct import_options {
	cli_common_t common;
	const char *config;
	uint64_t error_limit;
	bool strict;
	bool no_siblings;
	bool quiet;
	char **names;
	size_t name_count;
} import_options_t;

typedef struct import {
	const char *command;
	import_options_t options;
	kea_scopes_t scopes;
	kea4_files_t files;
	kea4_plan_t plan;
	kea4_parser_t *parser;
	import_apply_t *apply;
	lessor_engine_t *engine;
	import_report_t report;
	cli_progress_t progress;
	uint64_t refusable; /* rows that the second pass will refuse, whatever the store holds */
	uint64_t standing;  /* rows that the second pass has still to meet again */
} import_t;

/* ---- the command line -------------------------------------------------------------------------------------------- */

static const struct argp_option option_table[] = {
	{"format", KEY_FORMAT, "FORMAT", 0, "The kind of file: kea4 (the default), a DHCPv4 memfile of Kea", 0},
	{"config", KEY_CONFIG, "FILE", 0, "Kea's configuration, to take the scopes from", 0},
	{"scope", KEY_SCOPE, "SUBNET[=ID][:A-B]", 0,
	 "A scope, with Kea's subnet id and its range; as often as needed. Without ID the rows tell it", 0},
	{"error-limit", KEY_ERROR_LIMIT, "N", 0,
	 "Change nothing if more than N rows are damaged or refused (default: no limit)", 0},
	{"strict", KEY_STRICT, NULL, 0, "The same as --error-limit 0", 0},
	{"no-siblings", KEY_NO_SIBLINGS, NULL, 0,
	 "Read only FILE itself, not FILE.completed, FILE.2 and FILE.1, where leases stand during a compaction", 0},
	{"quiet", KEY_QUIET, NULL, 0, "Show no progress", 0},
	CLI_OPTION_STORE,
	CLI_OPTION_JSON,
	{0},
};

/* "192.0.2.0/24=7:192.0.2.10-192.0.2.99" */
static void
need_scope(const struct argp_state *state, char *text, kea_scopes_t *scopes) {
	kea_scope_t scope = {.wanted = true};
	char *colon = strchr(text, ':');
	if (colon != NULL) {
		*colon = '\0';
		scope.has_range = true;
		scope.range = cli_need_range(state, "--scope", colon + 1);
	}
	char *equals = strchr(text, '=');
	if (equals != NULL) {
		*equals = '\0';
		scope.id = (uint32_t)cli_need_number(state, "--scope", equals + 1, UINT32_MAX);
	}
	if (!cli_parse_subnet(text, &scope.subnet, &scope.mask)) {
		cli_reject(state, "--scope '%s' is not a subnet like 192.0.2.0/24", text);
	}
	if (scope.has_range &&
	    ((scope.range.first & scope.mask) != scope.subnet || (scope.range.last & scope.mask) != scope.subnet)) {
		cli_reject(state, "--scope: the range '%s' does not lie in %s", colon + 1, text);
	}
	if (!kea_scopes_add(scopes, &scope)) {
		cli_reject(state, "out of memory");
	}
}

static error_t
parse_option(int key, char *argument, struct argp_state *state) {
	import_t *import = state->input;
	import_options_t *options = &import->options;
	switch (key) {
	case KEY_FORMAT:
		if (strcmp(argument, "kea4") != 0) {
			cli_reject(state, "--format '%s' is not known; kea4 is", argument);
		}
		return 0;
	case KEY_CONFIG:
		options->config = argument;
		return 0;
	case KEY_SCOPE:
		need_scope(state, argument, &import->scopes);
		return 0;
	case KEY_ERROR_LIMIT:
		options->error_limit = cli_need_number(state, "--error-limit", argument, UINT64_MAX - 1);
		return 0;
	case KEY_STRICT:
		options->strict = true;
		return 0;
	case KEY_NO_SIBLINGS:
		options->no_siblings = true;
		return 0;
	case KEY_QUIET:
		options->quiet = true;
		return 0;
	case ARGP_KEY_ARGS:
		options->names = state->argv + state->next;
		options->name_count = (size_t)(state->argc - state->next);
		return 0;
	case ARGP_KEY_NO_ARGS:
		cli_reject(state, "say which file to import");
	case ARGP_KEY_END:
		options->error_limit = options->strict ? 0 : options->error_limit;
		return 0;
	default:
		return cli_common_option(key, argument, &options->common);
	}
}

static const struct argp argp = {
	option_table,
	parse_option,
	"FILE...",
	"Take over leases from the lease files of a Kea DHCPv4 server. Damaged rows are reported and skipped. What "
	"the files do not name stays as it is. An import that was interrupted is finished by running it again.",
	NULL,
	NULL,
	NULL,
};

/* ---- rows and scopes --------------------------------------------------------------------------------------------- */

/* The scope of a row, or why it has none. A scope whose id nobody said takes it from the first row inside. */
static kea_scope_t *
scope_of_row(const import_t *import, const kea4_row_t *row, import_refusal_t *refusal) {
	kea_scope_t *scope = kea_scopes_find(&import->scopes, row->address);
	bool known = row->subnet_id != 0 && kea_scopes_has_id(&import->scopes, row->subnet_id);
	if (scope != NULL && (row->subnet_id == 0 || scope->id == row->subnet_id)) {
		return scope;
	}
	if (scope != NULL && scope->id == 0 && !known) {
		scope->id = row->subnet_id;
		return scope;
	}
	*refusal = known ? IMPORT_OTHER_SCOPE : scope != NULL ? IMPORT_UNKNOWN_ID : IMPORT_NO_SCOPE;
	return NULL;
}

/* ---- the passes -------------------------------------------------------------------------------------------------- */

/* Where a row stands. */
typedef struct place {
	const kea4_file_t *file;
	uint64_t line;
	uint64_t number; /* of the line, counted through all files */
} place_t;

typedef int row_taker_t(import_t *import, const kea4_line_t *line, place_t place);

static int
interrupted(const import_t *import, const char *what) {
	return cli_fail(import->command, CLI_INTERRUPTED, "interrupted; %s", what);
}

/* What came before the file that is being read. */
typedef struct progress {
	uint64_t bytes;
	uint64_t lines;
} progress_t;

/* Hand every line of a file that should be a row to 'take'. */
static int
read_file(import_t *import, const kea4_file_t *file, progress_t *before, row_taker_t *take) {
	kea4_lines_t lines;
	kea4_line_t line;
	int exit_status = CLI_OK;
	int got = 0;
	if (!kea4_lines_open(&lines, file->fd, file->bytes)) {
		return cli_fail(import->command, CLI_FAILED, "out of memory");
	}
	import->parser->columns = file->columns;
	while (exit_status == CLI_OK && !cli_interrupted() && (got = kea4_lines_next(&lines, &line)) > 0) {
		if ((lines.number & (LOOK_EVERY_ROWS - 1)) == 0) {
			cli_progress_update(&import->progress, before->bytes + lines.done_bytes);
		}
		if (line.bytes > 0 && lines.number != file->header_line) {
			exit_status = take(import, &line, (place_t){file, lines.number, before->lines + lines.number});
		}
	}
	if (got < 0) {
		exit_status = cli_fail(import->command, CLI_FAILED, "%s: %s", file->path, strerror(errno));
	}
	before->bytes += lines.done_bytes;
	before->lines += lines.number;
	kea4_lines_close(&lines);
	return exit_status;
}

static int
read_files(import_t *import, const char *what, row_taker_t *take) {
	progress_t before = {0, 0};
	int exit_status = CLI_OK;
	cli_progress_start(&import->progress, what, "bytes", import->files.bytes, import->options.quiet);
	for (size_t i = 0; i < import->files.count && exit_status == CLI_OK && !cli_interrupted(); i++) {
		exit_status = read_file(import, &import->files.items[i], &before, take);
	}
	cli_progress_end(&import->progress, before.bytes);
	return exit_status;
}

static bool
over_limit(const import_t *import, uint64_t count) {
	return count > import->options.error_limit;
}

static void
warn_about_row(import_t *import, const kea4_row_t *row, place_t place) {
	bool clamped;
	(void)kea4_last_transaction_s(row, &clamped);
	if (clamped && row->valid_lifetime_s != 0) {
		import_report_warn(&import->report, place.file->path, place.line, IMPORT_START_CLAMPED, NULL);
	}
	if (row->hostname_dropped) {
		import_report_warn(&import->report, place.file->path, place.line, IMPORT_NAME_DROPPED, NULL);
	}
}

static kea4_claim_t
claim_of_row(const import_t *import, const kea4_row_t *row, place_t place) {
	import_refusal_t refusal;
	bool clamped;
	uint8_t octets[4];
	const uint8_t *key;
	kea4_claim_t claim = {.address = row->address, .place = kea4_place(place.number)};
	if (row->valid_lifetime_s == 0) {
		claim.place |= KEA4_CLAIM_ENDED;
		return claim;
	}
	const kea_scope_t *scope = scope_of_row(import, row, &refusal);
	if (scope != NULL) {
		size_t key_bytes = kea4_client_key(row, octets, &key);
		claim.client = kea4_plan_client(&import->plan, scope->subnet, key, key_bytes);
		claim.last_transaction_s = kea4_last_transaction_s(row, &clamped);
	}
	return claim;
}

/* First pass. */
static int
plan_row(import_t *import, const kea4_line_t *line, place_t place) {
	kea4_row_t row;
	kea4_problem_t problem =
		line->too_long ? KEA4_TOO_LONG : kea4_parse_row(import->parser, line->text, line->bytes, &row);
	if (problem == KEA4_NO_MEMORY) {
		return cli_fail(import->command, CLI_FAILED, "out of memory");
	}
	import->report.rows++;
	if (problem != KEA4_FINE && line->cut) {
		import_report_warn(&import->report, place.file->path, place.line, IMPORT_CUT_ROW, NULL);
		return CLI_OK;
	}
	if (problem != KEA4_FINE) {
		import_report_bad_row(&import->report, place.file->path, place.line, problem);
		return over_limit(import, import_report_bad(&import->report)) ? CLI_DAMAGED : CLI_OK;
	}
	warn_about_row(import, &row, place);
	kea4_claim_t claim = claim_of_row(import, &row, place);
	return kea4_plan_put(&import->plan, &claim)
		       ? CLI_OK
		       : cli_fail(import->command, CLI_FAILED, "out of memory for the addresses of the files");
}

/* Say why the plan does not take the row. */
static void
refuse_row(import_t *import, const kea4_row_t *row, place_t place) {
	const kea4_claim_t *claim = kea4_plan_find(&import->plan, row->address);
	import_refusal_t refusal = IMPORT_CLIENT_HELD;
	if (claim != NULL && claim->client != 0) {
		char address[16];
		char text[160];
		cli_format_ipv4(kea4_plan_holder(&import->plan, claim->client)->address, address);
		(void)snprintf(text, sizeof(text), "the client already holds %s in this scope", address);
		import_report_refuse(&import->report, place.file->path, place.line, refusal, text);
	} else {
		(void)scope_of_row(import, row, &refusal);
		import_report_refuse(&import->report, place.file->path, place.line, refusal, NULL);
	}
}

/* Second pass. Without import->apply it only says what it would refuse. */
static int
apply_row(import_t *import, const kea4_line_t *line, place_t place) {
	kea4_row_t row;
	kea4_lease_t lease;
	bool clamped;
	kea4_verdict_t verdict = kea4_plan_verdict(&import->plan, place.number);
	if (verdict == KEA4_SKIP) {
		return CLI_OK;
	}
	if (kea4_parse_row(import->parser, line->text, line->bytes, &row) != KEA4_FINE ||
	    !kea4_plan_is_address(&import->plan, place.number, row.address)) {
		return CLI_OK; /* the file changed; finish_second_pass() sees that a row is missing */
	}
	import->standing--;
	if (verdict == KEA4_REFUSE) {
		refuse_row(import, &row, place);
		return CLI_OK;
	}
	if (import->apply == NULL) {
		return CLI_OK;
	}
	kea4_lease_from_row(&row, &lease, &clamped);
	return import_add_lease(import->apply, &lease.lease, place.file->path, place.line);
}

/* ---- the course of an import ------------------------------------------------------------------------------------- */

static int
open_files(import_t *import) {
	char sentence[KEA_SENTENCE_BYTES];
	const import_options_t *options = &import->options;
	if (options->config != NULL && !kea_config_load(options->config, &import->scopes, sentence)) {
		return cli_fail(import->command, CLI_FAILED, "%s", sentence);
	}
	for (size_t i = 0; i < options->name_count; i++) {
		kea4_files_result_t result =
			kea4_files_add(&import->files, options->names[i], !options->no_siblings, sentence);
		if (result != KEA4_FILES_FINE) {
			return cli_fail(import->command, result == KEA4_FILES_FOREIGN ? CLI_DAMAGED : CLI_FAILED, "%s",
					sentence);
		}
	}
	import->report.files = import->files.count;
	return CLI_OK;
}

static bool
allocate(import_t *import) {
	uint64_t seed;
	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
		seed = (uint64_t)time(NULL);
	}
	import->parser = malloc(sizeof(*import->parser));
	return import->parser != NULL && kea4_plan_open(&import->plan, seed);
}

/* What is to be said of files and configuration as a whole. */
static void
warn_about_sources(import_t *import) {
	char count[32];
	for (size_t i = 0; i < import->files.count; i++) {
		const kea4_file_t *file = &import->files.items[i];
		if (file->ignored != NULL) {
			import_report_warn(&import->report, file->path, file->header_line, IMPORT_COLUMNS_IGNORED,
					   file->ignored);
		}
	}
	if (import->scopes.numbered > 0) {
		(void)snprintf(count, sizeof(count), "%zu", import->scopes.numbered);
		import_report_warn(&import->report, import->options.config, 0, IMPORT_IDS_NUMBERED, count);
	}
	if (import->scopes.reservations > 0) {
		(void)snprintf(count, sizeof(count), "%zu", import->scopes.reservations);
		import_report_warn(&import->report, import->options.config, 0, IMPORT_RESERVATIONS, count);
	}
}

static int
settle_scopes(import_t *import) {
	char sentence[KEA_SENTENCE_BYTES];
	int exit_status = import_read_scopes(import->command, import->engine, &import->scopes);
	if (exit_status != CLI_OK) {
		return exit_status;
	}
	if (!kea_scopes_seal(&import->scopes, sentence)) {
		return cli_fail(import->command, CLI_EXISTS, "%s", sentence);
	}
	if (import->scopes.count == 0) {
		return cli_fail(import->command, CLI_USAGE,
				"there is no scope to put leases into; give --config or --scope");
	}
	warn_about_sources(import);
	return CLI_OK;
}

static int
too_many_errors(const import_t *import) {
	return cli_fail(import->command, CLI_DAMAGED,
			"more than %" PRIu64 " rows are damaged or refused; nothing was changed",
			import->options.error_limit);
}

static int
make_plan(import_t *import) {
	int exit_status = read_files(import, "reading", plan_row);
	if (exit_status == CLI_DAMAGED) {
		return too_many_errors(import);
	}
	if (exit_status == CLI_OK && cli_interrupted()) {
		return interrupted(import, "nothing was changed");
	}
	if (exit_status != CLI_OK) {
		return exit_status;
	}
	if (!kea4_plan_settle(&import->plan)) {
		return cli_fail(import->command, CLI_FAILED, "out of memory for the clients of the files");
	}
	for (uint64_t line = 1; line <= import->plan.last_line; line++) {
		kea4_verdict_t verdict = kea4_plan_verdict(&import->plan, line);
		import->refusable += verdict == KEA4_REFUSE;
		import->standing += verdict != KEA4_SKIP;
	}
	return CLI_OK;
}

static int
finish_second_pass(import_t *import) {
	int exit_status = import->apply != NULL ? import_flush(import->apply) : CLI_OK;
	if (exit_status == CLI_OK && cli_interrupted()) {
		return interrupted(import, "run the same command again to go on");
	}
	if (exit_status == CLI_OK && import->standing > 0) {
		return cli_fail(import->command, CLI_FAILED,
				"a file was changed while it was read, %" PRIu64
				" rows were not found again; run the same command again",
				import->standing);
	}
	return exit_status;
}

static int
change_store(import_t *import) {
	import->apply = malloc(sizeof(*import->apply));
	if (import->apply == NULL) {
		return cli_fail(import->command, CLI_FAILED, "out of memory");
	}
	import->apply->command = import->command;
	import->apply->engine = import->engine;
	import->apply->plan = &import->plan;
	import->apply->scopes = &import->scopes;
	import->apply->report = &import->report;
	import->apply->count = 0;
	import->apply->arena_used = 0;
	import->apply->moved = false;
	int exit_status = import_make_scopes(import->apply);
	if (exit_status == CLI_OK) {
		exit_status = import_end_leases(import->apply);
	}
	if (exit_status == CLI_OK) {
		exit_status = read_files(import, "importing", apply_row);
	}
	return exit_status == CLI_OK ? finish_second_pass(import) : exit_status;
}

/* Whatever was changed becomes durable, also after an interrupt or an error. */
static int
make_durable(import_t *import, int exit_status) {
	lessor_status_t status = lessor_ticket_wait(import->engine, lessor_last_ticket(import->engine), -1);
	if (status != LESSOR_OK && exit_status == CLI_OK) {
		return cli_fail_status(import->command, status, NULL, "the import is not durable");
	}
	return exit_status;
}

static int
run_on_store(import_t *import) {
	int exit_status = settle_scopes(import);
	if (exit_status == CLI_OK) {
		exit_status = make_plan(import);
	}
	if (exit_status != CLI_OK) {
		return exit_status;
	}
	if (over_limit(import, import_report_bad(&import->report) + import->refusable)) {
		exit_status = read_files(import, "checking", apply_row);
		return exit_status == CLI_OK ? too_many_errors(import) : exit_status;
	}
	exit_status = make_durable(import, change_store(import));
	import->report.complete = exit_status == CLI_OK;
	uint64_t errors = import_report_bad(&import->report) + import_report_refused(&import->report);
	if (exit_status == CLI_OK && over_limit(import, errors)) {
		return cli_fail(import->command, CLI_DAMAGED,
				"more than %" PRIu64
				" rows are damaged or refused, because of leases that the store had",
				import->options.error_limit);
	}
	return exit_status;
}

static double
now_s(void) {
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int
run(import_t *import) {
	double started_s = now_s();
	int exit_status = open_files(import);
	if (exit_status != CLI_OK) {
		return exit_status;
	}
	if (!allocate(import)) {
		return cli_fail(import->command, CLI_FAILED, "out of memory");
	}
	exit_status = cli_open(import->command, import->options.common.store, true, false, &import->engine, NULL);
	if (exit_status != CLI_OK) {
		return exit_status;
	}
	cli_catch_interrupts();
	exit_status = cli_close(import->command, &import->engine, run_on_store(import));
	import->report.seconds = now_s() - started_s;
	bool read_any = import->report.rows > 0 || import->report.complete;
	if (read_any && !import_report_put(&import->report, import->options.common.json)) {
		return cli_fail(import->command, CLI_FAILED, "out of memory");
	}
	return exit_status;
}

int
cmd_import(int argc, char **argv) {
	import_t import = {.command = argv[0], .options = {.error_limit = UINT64_MAX}};
	int exit_status = cli_parse_arguments(&argp, argc, argv, &import) ? run(&import) : CLI_FAILED;
	kea_scopes_free(&import.scopes);
	kea4_files_close(&import.files);
	kea4_plan_close(&import.plan);
	free(import.parser);
	free(import.apply);
	return exit_status;
}
