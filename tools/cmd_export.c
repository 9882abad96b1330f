/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lessor export: all leases, or those of some scopes, as a lease file of another server or one of lessor's own.
 *
 * One row per lease in address order. What such a file cannot say is counted and told on stderr.
 */
#include "cli.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "output_file.h"

enum { KEY_FORMAT = 0x100, KEY_OUTPUT, KEY_SCOPE, KEY_ASSIGN_IDS, KEY_QUIET, LOOK_EVERY_ROWS = 4096 };

typedef struct export_options {
	cli_common_t common;
	const format_t *format;
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
	lessor_scope6_t *scopes6; /* likewise */
	size_t scope6_count;
	uint64_t other_family[2]; /* leases of IPv4, and of IPv6, that the format has no rows for */
	output_file_t output;
	cli_progress_t progress;
	format_writer_t writer;
	uint64_t losses[32];
	lessor_range_t *exclusions; /* LESSOR_SCOPE_MAX_EXCLUSIONS of them */
	lessor_range6_t *exclusions6;
	char scope_texts[LESSOR_SCOPE_BUFFER_BYTES];
	char buffer[LESSOR_LEASE_BUFFER_BYTES];
}
export_t;

/* ---- the command line -------------------------------------------------------------------------------------------- */

static const struct argp_option option_table[] = {
	{"format", KEY_FORMAT, "FORMAT", 0, "The kind of file (default: kea4); lessor(1) lists them", 0},
	{"output", KEY_OUTPUT, "FILE", 0, "Where to; it appears all at once (default: standard output)", 0},
	{"scope", KEY_SCOPE, "SUBNET", 0, "Only this scope; as often as needed (default: all)", 0},
	{"assign-ids", KEY_ASSIGN_IDS, NULL, 0, "Number scopes that have no id, in the order of their addresses", 0},
	{"quiet", KEY_QUIET, NULL, 0, "Show no progress and do not say what the file cannot hold", 0},
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
		options->format = format_need(state, argument);
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
	"Write leases as a lease file of another server or one of lessor's own, in the order of their addresses.",
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
append_scope6(export_t *export, const lessor_scope6_t *scope) {
	if ((export->scope6_count & (export->scope6_count - 1)) == 0) {
		size_t capacity = export->scope6_count == 0 ? 1 : export->scope6_count * 2;
		lessor_scope6_t *scopes = realloc(export->scopes6, capacity * sizeof(*scopes));
		if (scopes == NULL) {
			return cli_fail(export->command, CLI_FAILED, "out of memory");
		}
		export->scopes6 = scopes;
	}
	export->scopes6[export->scope6_count++] = *scope;
	return CLI_OK;
}

static int
compare_scopes6(const void *left, const void *right) {
	const lessor_scope6_t *a = left;
	const lessor_scope6_t *b = right;
	return a->prefix < b->prefix ? -1 : a->prefix > b->prefix;
}

static int
compare_scopes(const void *left, const void *right) {
	const lessor_scope_t *a = left;
	const lessor_scope_t *b = right;
	return a->subnet < b->subnet ? -1 : a->subnet > b->subnet;
}

/* Ascending, each once. */
static void
sort_scopes(export_t *export) {
	size_t kept = 0;
	if (export->scope_count > 1) {
		qsort(export->scopes, export->scope_count, sizeof(*export->scopes), compare_scopes);
	}
	for (size_t i = 0; i < export->scope_count; i++) {
		if (kept == 0 || export->scopes[i].subnet != export->scopes[kept - 1].subnet) {
			export->scopes[kept++] = export->scopes[i];
		}
	}
	export->scope_count = kept;
}

static void
sort_scopes6(export_t *export) {
	size_t kept = 0;
	if (export->scope6_count > 1) {
		qsort(export->scopes6, export->scope6_count, sizeof(*export->scopes6), compare_scopes6);
	}
	for (size_t i = 0; i < export->scope6_count; i++) {
		if (kept == 0 || export->scopes6[i].prefix != export->scopes6[kept - 1].prefix) {
			export->scopes6[kept++] = export->scopes6[i];
		}
	}
	export->scope6_count = kept;
}

/* "2001:db8:7::/64", or an address in it. */
static int
find_named_scope6(export_t *export, const char *name) {
	lessor_scope6_t scope;
	lessor_address6_t address;
	unsigned length = 64;
	piece_t text = {name, strlen(name)};
	if (!(piece_ipv6(text, &address) || piece_prefix6(text, &address, &length)) || length != 64) {
		return cli_fail(export->command, CLI_USAGE, "'%s' is not a prefix like 2001:db8:7::/64", name);
	}
	lessor_status_t status = lessor_scope6_get(export->engine, address.high, &scope, NULL, 0);
	return status == LESSOR_OK ? append_scope6(export, &scope)
				   : cli_fail_status(export->command, status, NULL, "%s", name);
}

static int
find_named_scopes(export_t *export) {
	for (size_t i = 0; i < export->options.scope_count; i++) {
		lessor_scope_t scope;
		const char *name = export->options.scopes[i];
		int exit_status = CLI_OK;
		if (strchr(name, ':') != NULL) {
			exit_status = find_named_scope6(export, name);
		} else {
			exit_status = cli_find_scope(export->command, export->engine, name, &scope);
			exit_status = exit_status == CLI_OK ? append_scope(export, &scope) : exit_status;
		}
		if (exit_status != CLI_OK) {
			return exit_status;
		}
	}
	sort_scopes(export);
	sort_scopes6(export);
	return CLI_OK;
}

static int
find_all_scopes6(export_t *export) {
	lessor_scope6_t scope;
	lessor_status_t status;
	for (uint64_t from = 0; (status = lessor_scope6_next(export->engine, from, &scope, NULL, 0)) == LESSOR_OK;) {
		int exit_status = append_scope6(export, &scope);
		if (exit_status != CLI_OK || scope.prefix == UINT64_MAX) {
			return exit_status;
		}
		from = scope.prefix + 1;
	}
	return status == LESSOR_END ? CLI_OK : cli_fail_status(export->command, status, NULL, "cannot read the scopes");
}

static int
find_all_scopes(export_t *export) {
	lessor_scope_t scope;
	lessor_status_t status;
	for (uint32_t from = 0; (status = lessor_scope_next(export->engine, from, &scope, NULL, 0)) == LESSOR_OK;) {
		int exit_status = append_scope(export, &scope);
		if (exit_status != CLI_OK) {
			return exit_status;
		}
		if (scope.subnet == UINT32_MAX) {
			return find_all_scopes6(export);
		}
		from = scope.subnet + 1;
	}
	return status == LESSOR_END ? find_all_scopes6(export)
				    : cli_fail_status(export->command, status, NULL, "cannot read the scopes");
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

/* Several may have one id, as a subnet of Kea may be wider than a /64; those without are numbered behind the largest. */
static int
check_ids6(export_t *export) {
	uint32_t largest = 0;
	for (size_t i = 0; i < export->scope6_count; i++) {
		largest = export->scopes6[i].id > largest ? export->scopes6[i].id : largest;
	}
	for (size_t i = 0; i < export->scope6_count; i++) {
		char name[48];
		*put_ipv6(name, (lessor_address6_t){export->scopes6[i].prefix, 0}) = '\0';
		if (export->scopes6[i].id == 0 && !export->options.assign_ids) {
			return cli_fail(export->command, CLI_FAILED,
					"the scope %s/64 has no id, which Kea needs; give it the subnet id that Kea's "
					"configuration has for it, or say --assign-ids",
					name);
		}
		export->scopes6[i].id = export->scopes6[i].id != 0 ? export->scopes6[i].id : ++largest;
	}
	return CLI_OK;
}

static int
find_scopes(export_t *export) {
	int exit_status = export->options.scope_count > 0 ? find_named_scopes(export) : find_all_scopes(export);
	if (exit_status != CLI_OK) {
		return exit_status;
	}
	if (!export->options.format->needs_ids) {
		return CLI_OK;
	}
	if (export->options.format->lease == NULL) {
		return check_ids6(export);
	}
	uint32_t *ids = malloc((export->scope_count + 1) * sizeof(*ids));
	exit_status = ids != NULL ? check_ids(export, ids) : cli_fail(export->command, CLI_FAILED, "out of memory");
	free(ids);
	return exit_status;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

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
count_row(export_t *export, uint32_t losses) {
	if ((losses & FORMAT_LOSS_BIT(FORMAT_LOSS_LEFT_OUT)) != 0) {
		export->losses[FORMAT_LOSS_LEFT_OUT]++;
		return CLI_OK;
	}
	count_losses(export, losses);
	if ((++export->writer.rows & (LOOK_EVERY_ROWS - 1)) == 0) {
		cli_progress_update(&export->progress, export->writer.rows);
	}
	return CLI_OK;
}

static int
write_lease(export_t *export, const lessor_lease_t *lease, const lessor_scope_t *scope) {
	uint32_t losses = 0;
	if (export->options.format->lease == NULL) {
		export->other_family[0]++;
		return CLI_OK;
	}
	return export->options.format->lease(&export->writer, lease, scope, &losses) ? count_row(export, losses)
										     : write_failed(export, errno);
}

static int
write_leases(export_t *export, const lessor_scope_t *scope) {
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
write_leases6(export_t *export, const lessor_scope6_t *scope) {
	lessor_cursor6_t cursor;
	lessor_lease6_t lease;
	lessor_status_t status;
	int exit_status = CLI_OK;
	lessor_cursor6_init(&cursor, (lessor_address6_t){scope->prefix, 0},
			    (lessor_address6_t){scope->prefix, UINT64_MAX});
	do {
		status = lessor_lease6_next(export->engine, &cursor, &lease, export->buffer, sizeof(export->buffer));
		uint32_t losses = 0;
		if (status == LESSOR_OK && export->options.format->lease6 == NULL) {
			export->other_family[1]++;
		} else if (status == LESSOR_OK) {
			exit_status = export->options.format->lease6(&export->writer, &lease, scope, &losses)
					      ? count_row(export, losses)
					      : write_failed(export, errno);
		}
	} while (status == LESSOR_OK && exit_status == CLI_OK && !cli_interrupted());
	if (status != LESSOR_OK && status != LESSOR_END) {
		return cli_fail_status(export->command, status, NULL, "cannot read the leases");
	}
	return exit_status;
}

static int
frame_scope6(export_t *export, const lessor_scope6_t *known) {
	format_scope6_t scope = {.exclusions = export->exclusions6};
	lessor_status_t status = lessor_scope6_get(export->engine, known->prefix, &scope.scope, export->scope_texts,
						   sizeof(export->scope_texts));
	if (status == LESSOR_OK) {
		status = lessor_scope6_exclusions(export->engine, known->prefix, export->exclusions6,
						  LESSOR_SCOPE_MAX_EXCLUSIONS, &scope.exclusion_count);
	}
	if (status != LESSOR_OK) {
		return cli_fail_status(export->command, status, NULL, "cannot read the scopes");
	}
	return export->options.format->begin_scope6(&export->writer, &scope) ? CLI_OK : write_failed(export, errno);
}

static int
write_scopes6(export_t *export, bool frame, bool leases) {
	int exit_status = CLI_OK;
	for (size_t i = 0; i < export->scope6_count && exit_status == CLI_OK && !cli_interrupted(); i++) {
		if (frame && export->options.format->begin_scope6 != NULL) {
			exit_status = frame_scope6(export, &export->scopes6[i]);
		}
		if (exit_status == CLI_OK && leases) {
			exit_status = write_leases6(export, &export->scopes6[i]);
		}
	}
	return exit_status;
}

/* Everything that a file may want to say of a scope. */
static int
look_at_scope(export_t *export, const lessor_scope_t *known, format_scope_t *scope) {
	scope->exclusions = export->exclusions;
	lessor_status_t status = lessor_scope_get(export->engine, known->subnet, &scope->scope, export->scope_texts,
						  sizeof(export->scope_texts));
	if (status == LESSOR_OK) {
		status = lessor_scope_exclusions(export->engine, known->subnet, export->exclusions,
						 LESSOR_SCOPE_MAX_EXCLUSIONS, &scope->exclusion_count);
	}
	return status == LESSOR_OK ? CLI_OK : cli_fail_status(export->command, status, NULL, "cannot read the scopes");
}

/* Its beginning, its leases, its end: what is wanted of them. */
static int
write_scope(export_t *export, const lessor_scope_t *known, bool frame, bool leases) {
	const format_t *format = export->options.format;
	format_scope_t scope = {.scope = *known};
	int exit_status = CLI_OK;
	if (frame && format->begin_scope != NULL) {
		exit_status = look_at_scope(export, known, &scope);
		if (exit_status == CLI_OK && !format->begin_scope(&export->writer, &scope)) {
			exit_status = write_failed(export, errno);
		}
	}
	if (exit_status == CLI_OK && leases) {
		exit_status = write_leases(export, known);
	}
	if (exit_status == CLI_OK && frame && format->end_scope != NULL &&
	    !format->end_scope(&export->writer, &scope)) {
		exit_status = write_failed(export, errno);
	}
	return exit_status;
}

static int
write_scopes(export_t *export, bool frame, bool leases) {
	int exit_status = CLI_OK;
	for (size_t i = 0; i < export->scope_count && exit_status == CLI_OK && !cli_interrupted(); i++) {
		exit_status = write_scope(export, &export->scopes[i], frame, leases);
	}
	return exit_status;
}

static int
write_rows(export_t *export) {
	const format_t *format = export->options.format;
	if (format->begin != NULL && !format->begin(&export->writer)) {
		return write_failed(export, errno);
	}
	int exit_status = CLI_OK;
	if (format->scopes_lead) {
		exit_status = write_scopes(export, true, false);
		exit_status = exit_status == CLI_OK ? write_scopes6(export, true, false) : exit_status;
	}
	if (exit_status == CLI_OK) {
		exit_status = write_scopes(export, !format->scopes_lead, true);
	}
	if (exit_status == CLI_OK) {
		exit_status = write_scopes6(export, !format->scopes_lead, true);
	}
	if (exit_status == CLI_OK && cli_interrupted()) {
		return cli_fail(export->command, CLI_INTERRUPTED, "interrupted; %s",
				export->options.output != NULL ? "no file was written" : "the output is incomplete");
	}
	if (exit_status == CLI_OK && format->end != NULL && !format->end(&export->writer)) {
		return write_failed(export, errno);
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
	for (size_t i = 0; i < export->scope6_count; i++) {
		lessor_scope6_stats_t stats;
		if (lessor_scope6_stats(export->engine, export->scopes6[i].prefix, &stats) == LESSOR_OK) {
			leases += stats.leases;
		}
	}
	return leases;
}

static void
tell_losses(const export_t *export) {
	for (unsigned i = 0; i < sizeof(export->losses) / sizeof(export->losses[0]); i++) {
		if (export->losses[i] > 0) {
			(void)fprintf(stderr, "%s: note: %" PRIu64 " lease%s: %s\n", export->command, export->losses[i],
				      export->losses[i] == 1 ? "" : "s", export->options.format->loss_text(i));
		}
	}
}

/* What the format has no rows for at all. */
static void
tell_other_family(const export_t *export) {
	static const char *const families[] = {"IPv4", "IPv6"};
	for (size_t i = 0; i < 2; i++) {
		if (export->other_family[i] > 0) {
			(void)fprintf(stderr,
				      "%s: note: %" PRIu64 " %s lease%s: left out: the format has no such lease\n",
				      export->command, export->other_family[i], families[i],
				      export->other_family[i] == 1 ? "" : "s");
		}
	}
}

static void
tell_note(const export_t *export) {
	if (export->writer.note != NULL) {
		(void)fprintf(stderr, "%s: note: %s\n", export->command, export->writer.note);
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
	cli_progress_end(&export->progress, export->writer.rows);
	if (exit_status == CLI_OK && !export->options.quiet) {
		tell_other_family(export);
		tell_losses(export);
		tell_note(export);
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
	export->options.format = &format_kea4;
	export->writer.output = &export->output;
	export->writer.scratch = malloc(OUTPUT_FILE_ROOM);
	export->exclusions = malloc(LESSOR_SCOPE_MAX_EXCLUSIONS * sizeof(*export->exclusions));
	export->exclusions6 = malloc(LESSOR_SCOPE_MAX_EXCLUSIONS * sizeof(*export->exclusions6));
	if (export->writer.scratch == NULL || export->exclusions == NULL || export->exclusions6 == NULL) {
		free(export->writer.scratch);
		free(export->exclusions);
		free(export->exclusions6);
		free(export);
		return cli_fail(argv[0], CLI_FAILED, "out of memory");
	}
	int exit_status = cli_parse_arguments(&argp, argc, argv, &export->options) ? run(export) : CLI_FAILED;
	free(export->options.scopes);
	free(export->scopes);
	free(export->writer.scratch);
	free(export->exclusions);
	free(export->exclusions6);
	free(export->scopes6);
	free(export);
	return exit_status;
}
