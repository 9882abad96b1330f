/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lessor export: all leases, or those of some scopes, as a lease file that Kea 2.4 and later loads.
 *
 * One row per lease in address order, which is what Kea's own compaction writes. What such a file cannot say is counted and
 * told on stderr.
 */
#include "cli.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json_context.h"
#include "kea4.h"
#include "kea4_lease.h"
#include "output_file.h"

enum { KEY_FORMAT = 0x100, KEY_OUTPUT, KEY_SCOPE, KEY_ASSIGN_IDS, KEY_QUIET, LOOK_EVERY_ROWS = 4096 };

typedef struct export_options {
	cli_common_t common;
	const char *output;
	const char **scopes; /* as given */
	size_t scope_count;
	bool assign_ids;
	bool quiet;
} export_options_t;

typedef struct export {
	const char *command;
	export_options_t options;
	lessor_engine_t *engine;
	lessor_scope_t *scopes; /* to export, ascending */
	size_t scope_count;
	output_file_t output;
	cli_progress_t progress;
	uint64_t rows;
	uint64_t losses[KEA4_LOSSES];
	char user_context[KEA4_CONTEXT_MAX_BYTES + 1];
	char buffer[LESSOR_LEASE_BUFFER_BYTES];
}
export_t;

/* ---- the command line -------------------------------------------------------------------------------------------- */

static const struct argp_option option_table[] = {
	{"format", KEY_FORMAT, "FORMAT", 0, "The kind of file: kea4 (the default), a DHCPv4 memfile of Kea", 0},
	{"output", KEY_OUTPUT, "FILE", 0, "Where to; it appears all at once (default: standard output)", 0},
	{"scope", KEY_SCOPE, "SUBNET", 0, "Only this scope; as often as needed (default: all)", 0},
	{"assign-ids", KEY_ASSIGN_IDS, NULL, 0, "Number scopes that have no id, in the order of their addresses", 0},
	{"quiet", KEY_QUIET, NULL, 0, "Show no progress and do not say what a Kea file cannot hold", 0},
	CLI_OPTION_STORE,
	{0},
};

static void
add_scope(const struct argp_state *state, export_options_t *options, const char *text) {
	const char **more = realloc(options->scopes, (options->scope_count + 1) * sizeof(*more));
	if (more == NULL) {
		cli_reject(state, "out of memory");
	}
	options->scopes = more;
	options->scopes[options->scope_count++] = text;
}

static error_t
parse_option(int key, char *argument, struct argp_state *state) {
	export_options_t *options = state->input;
	switch (key) {
	case KEY_FORMAT:
		if (strcmp(argument, "kea4") != 0) {
			cli_reject(state, "--format '%s' is not known; kea4 is", argument);
		}
		return 0;
	case KEY_OUTPUT:
		options->output = argument;
		return 0;
	case KEY_SCOPE:
		add_scope(state, options, argument);
		return 0;
	case KEY_ASSIGN_IDS:
		options->assign_ids = true;
		return 0;
	case KEY_QUIET:
		options->quiet = true;
		return 0;
	default:
		return key == CLI_KEY_STORE ? cli_common_option(key, argument, &options->common) : ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	option_table,
	parse_option,
	NULL,
	"Write leases as a DHCPv4 lease file of Kea, with twelve columns, in the order of their addresses.",
	NULL,
	NULL,
	NULL,
};

/* ---- scopes ------------------------------------------------------------------------------------------------------ */

static int
append_scope(export_t *export, const lessor_scope_t *scope) {
	/* Doubling at powers of two spares a field for the capacity. */
	if ((export->scope_count & (export->scope_count - 1)) == 0) {
		size_t capacity = export->scope_count == 0 ? 1 : export->scope_count * 2;
		lessor_scope_t *scopes = realloc(export->scopes, capacity * sizeof(*scopes));
		if (scopes == NULL) {
			return cli_fail(export->command, CLI_FAILED, "out of memory");
		}
		export->scopes = scopes;
	}
	export->scopes[export->scope_count++] = *scope;
	return CLI_OK;
}

static int
compare_scopes(const void *left, const void *right) {
	const lessor_scope_t *a = left;
	const lessor_scope_t *b = right;
	return a->subnet < b->subnet ? -1 : a->subnet > b->subnet;
}

static int
find_named_scopes(export_t *export) {
	for (size_t i = 0; i < export->options.scope_count; i++) {
		lessor_scope_t scope;
		int exit_status = cli_find_scope(export->command, export->engine, export->options.scopes[i], &scope);
		if (exit_status == CLI_OK) {
			exit_status = append_scope(export, &scope);
		}
		if (exit_status != CLI_OK) {
			return exit_status;
		}
	}
	qsort(export->scopes, export->scope_count, sizeof(*export->scopes), compare_scopes);
	size_t kept = 1;
	for (size_t i = 1; i < export->scope_count; i++) {
		if (export->scopes[i].subnet != export->scopes[kept - 1].subnet) {
			export->scopes[kept++] = export->scopes[i];
		}
	}
	export->scope_count = kept;
	return CLI_OK;
}

static int
find_all_scopes(export_t *export) {
	lessor_scope_t scope;
	lessor_status_t status;
	for (uint32_t from = 0; (status = lessor_scope_next(export->engine, from, &scope, NULL, 0)) == LESSOR_OK;) {
		int exit_status = append_scope(export, &scope);
		if (exit_status != CLI_OK || scope.subnet == UINT32_MAX) {
			return exit_status;
		}
		from = scope.subnet + 1;
	}
	return status == LESSOR_END ? CLI_OK : cli_fail_status(export->command, status, NULL, "cannot read the scopes");
}

static int
compare_numbers(const void *left, const void *right) {
	uint32_t a = *(const uint32_t *)left;
	uint32_t b = *(const uint32_t *)right;
	return a < b ? -1 : a > b;
}

/* Give each scope without an id the smallest number that is not in 'ids', which is sorted and holds all that are taken. */
static void
assign_ids(export_t *export, const uint32_t *ids, size_t id_count) {
	uint32_t next = 1;
	size_t at = 0;
	for (size_t i = 0; i < export->scope_count; i++) {
		if (export->scopes[i].id != 0) {
			continue;
		}
		for (; at < id_count && ids[at] <= next; at++) {
			next += ids[at] == next;
		}
		export->scopes[i].id = next++;
	}
}

/* Every scope needs an id, and none may have that of another: Kea finds the subnet of a lease by it. */
static int
check_ids(export_t *export, uint32_t *ids) {
	size_t count = 0;
	char name[CLI_SUBNET_BYTES];
	for (size_t i = 0; i < export->scope_count; i++) {
		const lessor_scope_t *scope = &export->scopes[i];
		if (scope->id != 0) {
			ids[count++] = scope->id;
		} else if (!export->options.assign_ids) {
			cli_format_subnet(scope->subnet, scope->mask, name);
			return cli_fail(export->command, CLI_FAILED,
					"the scope %s has no id, which Kea needs; give it the subnet id that Kea's "
					"configuration has for it, or say --assign-ids",
					name);
		}
	}
	qsort(ids, count, sizeof(*ids), compare_numbers);
	for (size_t i = 1; i < count; i++) {
		if (ids[i] == ids[i - 1]) {
			return cli_fail(export->command, CLI_FAILED,
					"two scopes have the id %" PRIu32 ", by which Kea tells subnets apart", ids[i]);
		}
	}
	assign_ids(export, ids, count);
	return CLI_OK;
}

static int
find_scopes(export_t *export) {
	int exit_status = export->options.scope_count > 0 ? find_named_scopes(export) : find_all_scopes(export);
	if (exit_status != CLI_OK) {
		return exit_status;
	}
	uint32_t *ids = malloc((export->scope_count + 1) * sizeof(*ids));
	exit_status = ids != NULL ? check_ids(export, ids) : cli_fail(export->command, CLI_FAILED, "out of memory");
	free(ids);
	return exit_status;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

/* What stands in the store as user context need not be JSON; Kea would refuse the whole row. */
static uint32_t
check_context(export_t *export, kea4_row_t *row) {
	size_t bytes = row->user_context_bytes;
	if (bytes == 0) {
		return 0;
	}
	memcpy(export->user_context, row->user_context, bytes);
	bool fine = json_context_check(export->user_context, &bytes, KEA4_CONTEXT_MAX_BYTES) == JSON_FINE;
	row->user_context = export->user_context;
	row->user_context_bytes = fine ? (uint32_t)bytes : 0;
	return fine ? 0 : UINT32_C(1) << KEA4_LOSS_CONTEXT;
}

static void
count_losses(export_t *export, uint32_t losses) {
	for (; losses != 0; losses &= losses - 1) {
		export->losses[__builtin_ctz(losses)]++;
	}
}

static int
write_failed(const export_t *export, int error) {
	const char *output = export->options.output != NULL ? export->options.output : "standard output";
	return cli_fail(export->command, CLI_FAILED, "cannot write %s: %s", output, strerror(error));
}

static int
write_lease(export_t *export, const lessor_lease_t *lease, const lessor_scope_t *scope) {
	kea4_row_t row;
	uint32_t losses = kea4_row_from_lease(lease, scope, &row);
	if ((losses & UINT32_C(1) << KEA4_LOSS_LEFT_OUT) != 0) {
		export->losses[KEA4_LOSS_LEFT_OUT]++;
		return CLI_OK;
	}
	count_losses(export, losses | check_context(export, &row));
	char *room = output_file_room(&export->output, KEA4_ROW_OUT_BYTES);
	if (room == NULL) {
		return write_failed(export, errno);
	}
	output_file_used(&export->output, kea4_format_row(&row, room));
	if ((++export->rows & (LOOK_EVERY_ROWS - 1)) == 0) {
		cli_progress_update(&export->progress, export->rows);
	}
	return CLI_OK;
}

static int
write_scope(export_t *export, const lessor_scope_t *scope) {
	lessor_cursor_t cursor;
	lessor_lease_t lease;
	lessor_status_t status;
	int exit_status = CLI_OK;
	lessor_cursor_init(&cursor, scope->subnet, scope->subnet | ~scope->mask);
	do {
		status = lessor_lease_next(export->engine, &cursor, &lease, export->buffer, sizeof(export->buffer));
		if (status == LESSOR_OK) {
			exit_status = write_lease(export, &lease, scope);
		}
	} while (status == LESSOR_OK && exit_status == CLI_OK && !cli_interrupted());
	if (status != LESSOR_OK && status != LESSOR_END) {
		return cli_fail_status(export->command, status, NULL, "cannot read the leases");
	}
	return exit_status;
}

static int
write_rows(export_t *export) {
	int exit_status = CLI_OK;
	char *room = output_file_room(&export->output, sizeof(KEA4_HEADER));
	if (room == NULL) {
		return write_failed(export, errno);
	}
	memcpy(room, KEA4_HEADER, strlen(KEA4_HEADER));
	output_file_used(&export->output, strlen(KEA4_HEADER));
	for (size_t i = 0; i < export->scope_count && exit_status == CLI_OK && !cli_interrupted(); i++) {
		exit_status = write_scope(export, &export->scopes[i]);
	}
	if (exit_status == CLI_OK && cli_interrupted()) {
		return cli_fail(export->command, CLI_INTERRUPTED, "interrupted; %s",
				export->options.output != NULL ? "no file was written" : "the output is incomplete");
	}
	return exit_status;
}

/* ---- the course of an export ------------------------------------------------------------------------------------- */

static uint64_t
count_leases(export_t *export) {
	uint64_t leases = 0;
	for (size_t i = 0; i < export->scope_count; i++) {
		lessor_scope_stats_t stats;
		if (lessor_scope_stats(export->engine, export->scopes[i].subnet, &stats) == LESSOR_OK) {
			leases += stats.leases;
		}
	}
	return leases;
}

static void
tell_losses(const export_t *export) {
	for (unsigned i = 0; i < KEA4_LOSSES; i++) {
		if (export->losses[i] > 0) {
			(void)fprintf(stderr, "%s: note: %" PRIu64 " lease%s: %s\n", export->command, export->losses[i],
				      export->losses[i] == 1 ? "" : "s", kea4_loss_text((kea4_loss_t)i));
		}
	}
}

static int
write_file(export_t *export) {
	int error = output_file_open(&export->output, export->options.output);
	if (error != 0) {
		return write_failed(export, error);
	}
	bool quiet = export->options.quiet || export->options.output == NULL;
	cli_progress_start(&export->progress, "export", "leases", count_leases(export), quiet);
	int exit_status = write_rows(export);
	if (exit_status == CLI_OK) {
		error = output_file_commit(&export->output);
		exit_status = error == 0 ? CLI_OK : write_failed(export, error);
	}
	output_file_abandon(&export->output);
	cli_progress_end(&export->progress, export->rows);
	if (exit_status == CLI_OK && !export->options.quiet) {
		tell_losses(export);
	}
	return exit_status;
}

static int
run(export_t *export) {
	int exit_status = cli_open(export->command, export->options.common.store, false, true, &export->engine, NULL);
	if (exit_status != CLI_OK) {
		return exit_status;
	}
	cli_catch_interrupts();
	exit_status = find_scopes(export);
	if (exit_status == CLI_OK) {
		exit_status = write_file(export);
	}
	return cli_close(export->command, &export->engine, exit_status);
}

int
cmd_export(int argc, char **argv) {
	export_t *export = calloc(1, sizeof(*export));
	if (export == NULL) {
		return cli_fail(argv[0], CLI_FAILED, "out of memory");
	}
	export->command = argv[0];
	int exit_status = cli_parse_arguments(&argp, argc, argv, &export->options) ? run(export) : CLI_FAILED;
	free(export->options.scopes);
	free(export->scopes);
	free(export);
	return exit_status;
}
