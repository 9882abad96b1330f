/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lessor import: take over the leases of other DHCP servers from their lease files.
 *
 * The files are read twice, row by row. The first pass finds out which row counts for each address (import_plan.h); the second
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

#include "format.h"
#include "import6.h"
#include "import_apply.h"
#include "import_files.h"
#include "import_plan.h"
#include "import_report.h"
#include "kea_config.h"

enum {
	KEY_FORMAT = 0x100,
	KEY_CONFIG,
	KEY_SCOPE,
	KEY_ERROR_LIMIT,
	KEY_STRICT,
	KEY_NO_SIBLINGS,
	KEY_QUIET,
	KEY_DATES,
	KEY_UTC_OFFSET,
	KEY_DRY_RUN,
	KEY_EXPIRED,
	LOOK_EVERY_ROWS = 4096 /* for interrupts and progress; a power of two */
};

/* What becomes of leases whose time is over. */
typedef enum expired {
	EXPIRED_AS_IS, /* and nothing is said of them */
	EXPIRED_KEEP,
	EXPIRED_MARK,
	EXPIRED_DROP
} expired_t;

typedef struct import_options {
	cli_common_t common;
	const format_t *format; /* NULL: to be guessed */
	format_options_t reading;
	const char *config;
	uint64_t error_limit;
	bool strict;
	bool no_siblings;
	bool quiet;
	bool dry_run;
	expired_t expired;
	char **names;
	size_t name_count;
} import_options_t;

typedef struct import {
	const char *command;
	import_options_t options;
	kea_scopes_t scopes;
	import_files_t files;
	import_plan_t plan;
	import_apply_t *apply;
	import6_t *six;
	bool changing; /* the second pass is to change the store */
	lessor_engine_t *engine;
	import_report_t report;
	cli_progress_t progress;
	uint64_t refusable; /* records that the second pass will refuse, whatever the store holds */
	uint64_t standing;  /* records that the second pass has still to meet again */
	const char *broken; /* the first file that could not be read to its end; NULL: none */
	uint64_t broken_line;
	lessor_filetime_t now; /* that expiries are compared with */
	const char *broken_why;
} import_t;

/* ---- the command line -------------------------------------------------------------------------------------------- */

static const struct argp_option option_table[] = {
	{"format", KEY_FORMAT, "FORMAT", 0, "The kind of file (default: what it looks like); lessor(1) lists them", 0},
	{"config", KEY_CONFIG, "FILE", 0, "Kea's configuration, to take the scopes from", 0},
	{"scope", KEY_SCOPE, "SUBNET[=ID][:A-B]", 0,
	 "A scope, with Kea's subnet id and its range; as often as needed. Without ID the rows tell it", 0},
	{"error-limit", KEY_ERROR_LIMIT, "N", 0,
	 "Change nothing if more than N rows are damaged or refused (default: no limit)", 0},
	{"strict", KEY_STRICT, NULL, 0, "The same as --error-limit 0", 0},
	{"no-siblings", KEY_NO_SIBLINGS, NULL, 0,
	 "Read only FILE itself, not FILE.completed, FILE.2 and FILE.1, where leases stand during a compaction", 0},
	{"dates", KEY_DATES, "ORDER", 0, "How windows-csv writes its dates if not as ISO 8601: dmy or mdy", 0},
	{"utc-offset", KEY_UTC_OFFSET, "+HH:MM", 0, "Of times in a file that do not say it (default: UTC)", 0},
	{"dry-run", KEY_DRY_RUN, NULL, 0, "Read and report only; there need not be a store", 0},
	{"expired", KEY_EXPIRED, "CHOICE", 0,
	 "Leases whose time is over: keep them as they are (default), mark them as over, or drop them; and count them",
	 0},
	{"quiet", KEY_QUIET, NULL, 0, "Show no progress", 0},
	CLI_OPTION_STORE,
	CLI_OPTION_JSON,
	{0},
};

/* "2001:db8:7::/64=70" */
static void
need_scope6(const struct argp_state *state, char *text, import6_t *six) {
	lessor_scope6_t scope = {0};
	lessor_address6_t address;
	unsigned length;
	char *equals = strchr(text, '=');
	if (equals != NULL) {
		*equals = '\0';
		scope.id = (uint32_t)cli_need_number(state, "--scope", equals + 1, UINT32_MAX);
	}
	if (!piece_prefix6((piece_t){text, strlen(text)}, &address, &length) || length != 64) {
		cli_reject(state, "--scope '%s' is not a prefix like 2001:db8:7::/64", text);
	}
	scope.prefix = address.high;
	if (!import6_want_scope(six, &scope, NULL, 0)) {
		cli_reject(state, "out of memory");
	}
}

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

static format_date_order_t
need_date_order(const struct argp_state *state, const char *text) {
	if (strcmp(text, "dmy") != 0 && strcmp(text, "mdy") != 0) {
		cli_reject(state, "--dates '%s' is neither dmy nor mdy", text);
	}
	return text[0] == 'd' ? FORMAT_DATE_DAY_FIRST : FORMAT_DATE_MONTH_FIRST;
}

/* "+01:00" */
static int32_t
need_utc_offset(const struct argp_state *state, const char *text) {
	bool digits = strlen(text) == 6 && strspn(text + 1, "0123456789") == 2 && strspn(text + 4, "0123456789") == 2;
	if (!digits || (text[0] != '+' && text[0] != '-') || text[3] != ':' || atoi(text + 1) > 14 ||
	    atoi(text + 4) > 59) {
		cli_reject(state, "--utc-offset '%s' is not like +01:00", text);
	}
	int32_t offset_s = atoi(text + 1) * 3600 + atoi(text + 4) * 60;
	return text[0] == '-' ? -offset_s : offset_s;
}

static expired_t
need_expired(const struct argp_state *state, const char *text) {
	if (strcmp(text, "keep") == 0) {
		return EXPIRED_KEEP;
	}
	if (strcmp(text, "mark") == 0) {
		return EXPIRED_MARK;
	}
	if (strcmp(text, "drop") != 0) {
		cli_reject(state, "--expired '%s' is not keep, mark or drop", text);
	}
	return EXPIRED_DROP;
}

static error_t
parse_option(int key, char *argument, struct argp_state *state) {
	import_t *import = state->input;
	import_options_t *options = &import->options;
	switch (key) {
	case KEY_FORMAT:
		options->format = format_need(state, argument);
		return 0;
	case KEY_DATES:
		options->reading.date_order = need_date_order(state, argument);
		return 0;
	case KEY_UTC_OFFSET:
		options->reading.utc_offset_s = need_utc_offset(state, argument);
		options->reading.has_utc_offset = true;
		return 0;
	case KEY_CONFIG:
		options->config = argument;
		return 0;
	case KEY_SCOPE:
		if (strstr(argument, "::/") != NULL || strchr(argument, ':') != strrchr(argument, ':')) {
			need_scope6(state, argument, import->six);
		} else {
			need_scope(state, argument, &import->scopes);
		}
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
	case KEY_DRY_RUN:
		options->dry_run = true;
		return 0;
	case KEY_EXPIRED:
		options->expired = need_expired(state, argument);
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
	"Take over leases from the lease files of other DHCP servers. Damaged rows are reported and skipped. What "
	"the files do not name stays as it is. An import that was interrupted is finished by running it again.",
	NULL,
	NULL,
	NULL,
};

/* ---- records and scopes ------------------------------------------------------------------------------------------ */

/* The scope of a record, or why it has none. A scope whose id nobody said takes it from the first record inside. */
static kea_scope_t *
scope_of(const import_t *import, const format_record_t *record, const char **refusal) {
	uint32_t id = record->subnet_id;
	kea_scope_t *scope = kea_scopes_find(&import->scopes, record->lease.address);
	bool known = id != 0 && kea_scopes_has_id(&import->scopes, id);
	if (scope != NULL && (id == 0 || scope->id == id)) {
		return scope;
	}
	if (scope != NULL && scope->id == 0 && !known) {
		scope->id = id;
		return scope;
	}
	*refusal = known ? import_other_scope : scope != NULL ? import_unknown_id : import_no_scope;
	return NULL;
}

/* ---- the passes -------------------------------------------------------------------------------------------------- */

/* Where a record stands. */
typedef struct place {
	const import_file_t *file;
	format_reader_t *reader;
	uint64_t number; /* of the record, counted through all files */
} place_t;

typedef int record_taker_t(import_t *import, const format_record_t *record, place_t place);

static int
interrupted(const import_t *import, const char *what) {
	return cli_fail(import->command, CLI_INTERRUPTED, "interrupted; %s", what);
}

/* What came before the file that is being read. */
typedef struct progress {
	uint64_t bytes;
	uint64_t records;
} progress_t;

/* The fields that the file has and the store has not, as they were met in it. */
static void
count_lost(import_t *import, const format_reader_t *reader, const uint64_t counts[FORMAT_LOST_FIELDS]) {
	for (size_t i = 0; i < FORMAT_LOST_FIELDS; i++) {
		if (counts[i] > 0 && reader->lost_names[i] != NULL) {
			import_tally_add(&import->report.lost, reader->lost_names[i], counts[i]);
		}
	}
}

/* A lease that is over becomes what the user wants of it; one that is dropped ends what there was at its address. */
static void
judge_expired(import_t *import, format_record_t *record, bool counting) {
	static const char *const texts[] = {
		[EXPIRED_AS_IS] = "",
		[EXPIRED_KEEP] = "the lease is over, and was kept as it is",
		[EXPIRED_MARK] = "the lease is over, and was marked so",
		[EXPIRED_DROP] = "the lease is over, and was left out",
	};
	expired_t choice = import->options.expired;
	lessor_filetime_t end = record->is6 ? record->lease6.expires_at : record->lease.expires_at;
	uint8_t *state = record->is6 ? &record->lease6.address_state : &record->lease.address_state;
	if (choice == EXPIRED_AS_IS || record->kind != FORMAT_LEASE || end == LESSOR_TIME_NONE || end >= import->now ||
	    (*state & LESSOR_STATE_MASK) != LESSOR_STATE_ACTIVE) {
		return;
	}
	if (choice == EXPIRED_MARK) {
		*state |= LESSOR_STATE_DOOM;
	} else if (choice == EXPIRED_DROP) {
		record->kind = FORMAT_END;
	}
	if (counting) {
		import_tally_add(&import->report.warned, texts[choice], 1);
	}
}

/* Hand every record of a file to 'take'. */
static int
read_records(import_t *import, place_t place, progress_t *before, record_taker_t *take, bool counting) {
	format_record_t record;
	uint64_t lost[FORMAT_LOST_FIELDS] = {0};
	uint64_t count = 0;
	int exit_status = CLI_OK;
	int got = 0;
	while (exit_status == CLI_OK && !cli_interrupted() &&
	       (got = place.file->format->next(place.reader, &record)) > 0) {
		if ((++count & (LOOK_EVERY_ROWS - 1)) == 0) {
			cli_progress_update(&import->progress, before->bytes + place.reader->done_bytes);
		}
		for (uint32_t bits = record.lost; bits != 0; bits &= bits - 1) {
			lost[__builtin_ctz(bits)]++;
		}
		place.number = before->records + count;
		judge_expired(import, &record, counting);
		exit_status = take(import, &record, place);
	}
	if (got < 0) {
		exit_status = cli_fail(import->command, CLI_FAILED, "%s: %s", place.file->path, strerror(errno));
	}
	before->bytes += place.reader->done_bytes;
	before->records += count;
	if (counting) {
		count_lost(import, place.reader, lost);
	}
	return exit_status;
}

static int
read_file(import_t *import, const import_file_t *file, progress_t *before, record_taker_t *take, bool counting) {
	char sentence[KEA_SENTENCE_BYTES];
	bool foreign;
	place_t place = {.file = file, .reader = import_file_read(file, &foreign, sentence)};
	if (place.reader == NULL) {
		return cli_fail(import->command, CLI_FAILED, "%s", sentence);
	}
	int exit_status = read_records(import, place, before, take, counting);
	file->format->close(place.reader);
	return exit_status;
}

static int
read_files(import_t *import, const char *what, record_taker_t *take, bool counting) {
	progress_t before = {0, 0};
	int exit_status = CLI_OK;
	cli_progress_start(&import->progress, what, "bytes", import->files.bytes, import->options.quiet);
	for (size_t i = 0; i < import->files.count && exit_status == CLI_OK && !cli_interrupted(); i++) {
		exit_status = read_file(import, &import->files.items[i], &before, take, counting);
	}
	cli_progress_end(&import->progress, before.bytes);
	return exit_status;
}

static bool
over_limit(const import_t *import, uint64_t count) {
	return count > import->options.error_limit;
}

static void
warn_about(import_t *import, const format_record_t *record, place_t place) {
	for (uint32_t bits = record->warnings; bits != 0; bits &= bits - 1) {
		import_report_warn(&import->report, place.file->path, record->line,
				   format_warning_text((format_warning_t)__builtin_ctz(bits)), NULL);
	}
}

static import_claim_t
claim_of(const import_t *import, const format_record_t *record, place_t place) {
	const char *refusal;
	const lessor_lease_t *lease = &record->lease;
	import_claim_t claim = {.address = lease->address, .place = import_place(place.number)};
	if (record->kind == FORMAT_END) {
		claim.place |= IMPORT_CLAIM_ENDED;
		return claim;
	}
	const kea_scope_t *scope = scope_of(import, record, &refusal);
	if (scope != NULL) {
		claim.client =
			import_plan_client(&import->plan, scope->subnet, lease->client_id, lease->client_id_bytes);
		claim.last_transaction_s = lease->last_transaction_s;
	}
	return claim;
}

static int
plan_sound(import_t *import, const format_record_t *record, place_t place) {
	warn_about(import, record, place);
	if (record->is6) {
		return import6_plan(import->six, record, place.number)
			       ? CLI_OK
			       : cli_fail(import->command, CLI_FAILED, "out of memory for the addresses of the files");
	}
	import_claim_t claim = claim_of(import, record, place);
	return import_plan_put(&import->plan, &claim)
		       ? CLI_OK
		       : cli_fail(import->command, CLI_FAILED, "out of memory for the addresses of the files");
}

/* It counts as one row, but more may be lost than any limit allows. */
static int
note_broken(import_t *import, const format_record_t *record, const char *path) {
	import->report.rows++;
	import_report_bad(&import->report, path, record->line, record->text);
	if (import->broken == NULL) {
		import->broken = path;
		import->broken_line = record->line;
		import->broken_why = record->text;
	}
	return import->options.error_limit != UINT64_MAX ? CLI_DAMAGED : CLI_OK;
}

/* First pass. */
static int
plan_record(import_t *import, const format_record_t *record, place_t place) {
	const char *path = place.file->path;
	switch (record->kind) {
	case FORMAT_NOTE:
		import_report_warn(&import->report, path, record->line, record->text, record->detail);
		return CLI_OK;
	case FORMAT_SCOPE:
		return CLI_OK;
	case FORMAT_CUT:
		import->report.rows++;
		import_report_warn(&import->report, path, record->line, "the last row is cut off", NULL);
		return CLI_OK;
	case FORMAT_BAD:
		import->report.rows++;
		import_report_bad(&import->report, path, record->line, record->text);
		return over_limit(import, import->report.bad.total) ? CLI_DAMAGED : CLI_OK;
	case FORMAT_BROKEN:
		return note_broken(import, record, path);
	case FORMAT_LEASE:
	case FORMAT_END:
		break;
	}
	import->report.rows++;
	return plan_sound(import, record, place);
}

/* Say why the plan does not take the record. */
static void
refuse(import_t *import, const format_record_t *record, place_t place) {
	const import_claim_t *claim = import_plan_find(&import->plan, record->lease.address);
	const char *refusal = import_client_held;
	if (claim != NULL && claim->client != 0) {
		char address[16];
		char text[160];
		cli_format_ipv4(import_plan_holder(&import->plan, claim->client)->address, address);
		(void)snprintf(text, sizeof(text), "the client already holds %s in this scope", address);
		import_report_refuse(&import->report, place.file->path, record->line, refusal, text);
	} else {
		(void)scope_of(import, record, &refusal);
		import_report_refuse(&import->report, place.file->path, record->line, refusal, NULL);
	}
}

/* What apply_record() does, for a record of IPv6. */
static int
apply_record6(import_t *import, const format_record_t *record, place_t place) {
	import_verdict_t verdict = import_plan_verdict(&import->six->plan, place.number);
	if (verdict == IMPORT_SKIP || record->kind != FORMAT_LEASE ||
	    !import6_is_address(import->six, place.number, record->lease6.address)) {
		return CLI_OK;
	}
	import->standing--;
	if (verdict == IMPORT_REFUSE) {
		import6_refuse(import->six, record, place.file->path, &import->report);
		return CLI_OK;
	}
	return import->changing ? import6_add_lease(import->six, &record->lease6, place.file->path, record->line)
				: CLI_OK;
}

/* Second pass. Without import->changing it only says what it would refuse. */
static int
apply_record(import_t *import, const format_record_t *record, place_t place) {
	if (record->is6) {
		return apply_record6(import, record, place);
	}
	import_verdict_t verdict = import_plan_verdict(&import->plan, place.number);
	if (verdict == IMPORT_SKIP) {
		return CLI_OK;
	}
	if (record->kind != FORMAT_LEASE ||
	    !import_plan_is_address(&import->plan, place.number, record->lease.address)) {
		return CLI_OK; /* the file changed; finish_second_pass() sees that a record is missing */
	}
	import->standing--;
	if (verdict == IMPORT_REFUSE) {
		refuse(import, record, place);
		return CLI_OK;
	}
	if (!import->changing) {
		return CLI_OK;
	}
	return import_add_lease(import->apply, &record->lease, place.file->path, record->line);
}

/* ---- scopes of the files ----------------------------------------------------------------------------------------- */

static char *
copy_of(const char *text, bool *fine) {
	char *copy = text != NULL ? strdup(text) : NULL;
	*fine = *fine && (copy != NULL || text == NULL);
	return copy;
}

static int
take_scope(import_t *import, const format_record_t *record) {
	bool fine = true;
	if (record->is6) {
		fine = import6_want_scope(import->six, record->scope6, record->exclusions6, record->exclusion_count);
		return fine ? CLI_OK : cli_fail(import->command, CLI_FAILED, "out of memory");
	}
	kea_scope_t scope = {.subnet = record->scope->subnet,
			     .mask = record->scope->mask,
			     .id = record->scope->id,
			     .lease_s = record->scope->lease_s,
			     .max_leases = record->scope->max_leases,
			     .state = record->scope->state,
			     .wanted = true,
			     .has_range = record->scope->has_range,
			     .range = record->scope->range};
	scope.name = copy_of(record->scope->name, &fine);
	scope.comment = copy_of(record->scope->comment, &fine);
	if (record->exclusion_count > 0) {
		size_t bytes = record->exclusion_count * sizeof(*scope.gaps);
		scope.gaps = malloc(bytes);
		fine = fine && scope.gaps != NULL;
		if (scope.gaps != NULL) {
			memcpy(scope.gaps, record->exclusions, bytes);
			scope.gap_count = record->exclusion_count;
		}
	}
	fine = kea_scopes_add(&import->scopes, &scope) && fine;
	return fine ? CLI_OK : cli_fail(import->command, CLI_FAILED, "out of memory");
}

static int
read_scopes_of(import_t *import, const import_file_t *file) {
	char sentence[KEA_SENTENCE_BYTES];
	format_record_t record;
	bool foreign;
	int exit_status = CLI_OK;
	int got = 0;
	format_reader_t *reader = import_file_read(file, &foreign, sentence);
	if (reader == NULL) {
		return cli_fail(import->command, CLI_FAILED, "%s", sentence);
	}
	while (exit_status == CLI_OK && !cli_interrupted() && (got = file->format->next(reader, &record)) > 0) {
		if (record.kind == FORMAT_SCOPE) {
			exit_status = take_scope(import, &record);
		} else if (record.kind != FORMAT_BAD && file->format->scopes_lead) {
			break;
		}
	}
	if (got < 0) {
		exit_status = cli_fail(import->command, CLI_FAILED, "%s: %s", file->path, strerror(errno));
	}
	file->format->close(reader);
	return exit_status;
}

static int
read_file_scopes(import_t *import) {
	int exit_status = CLI_OK;
	for (size_t i = 0; i < import->files.count && exit_status == CLI_OK; i++) {
		if (import->files.items[i].format->has_scopes) {
			exit_status = read_scopes_of(import, &import->files.items[i]);
		}
	}
	return exit_status;
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
		import_files_result_t result = import_files_add(&import->files, options->names[i], options->format,
								!options->no_siblings, sentence);
		if (result != IMPORT_FILES_FINE) {
			return cli_fail(import->command, result == IMPORT_FILES_FOREIGN ? CLI_DAMAGED : CLI_FAILED,
					"%s", sentence);
		}
	}
	import->report.files = import->files.count;
	for (size_t i = 0; i < import->files.count; i++) {
		const import_file_t *file = &import->files.items[i];
		import_report_source(&import->report, file->path, file->format->name, file->guessed);
	}
	return CLI_OK;
}

static bool
allocate(import_t *import) {
	uint64_t seed;
	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
		seed = (uint64_t)time(NULL);
	}
	import->six = import6_new(import->command, seed);
	return import->six != NULL && import_plan_open(&import->plan, seed);
}

/* What is to be said of the configuration as a whole. */
static void
warn_about_sources(import_t *import) {
	char count[32];
	if (import->scopes.numbered > 0) {
		(void)snprintf(count, sizeof(count), "%zu", import->scopes.numbered);
		import_report_warn(&import->report, import->options.config, 0,
				   "subnets without an id were numbered in the order of their appearance", count);
	}
	if (import->scopes.reservations > 0) {
		(void)snprintf(count, sizeof(count), "%zu", import->scopes.reservations);
		import_report_warn(&import->report, import->options.config, 0,
				   "host reservations of the configuration were not taken over", count);
	}
}

static int
settle_scopes(import_t *import) {
	char sentence[KEA_SENTENCE_BYTES];
	int exit_status = read_file_scopes(import);
	if (exit_status == CLI_OK) {
		exit_status = import_read_scopes(import->command, import->engine, &import->scopes);
	}
	if (exit_status == CLI_OK) {
		exit_status = import6_read_scopes(import->six, import->engine);
	}
	if (exit_status != CLI_OK) {
		return exit_status;
	}
	if (!kea_scopes_seal(&import->scopes, sentence)) {
		return cli_fail(import->command, CLI_EXISTS, "%s", sentence);
	}
	import6_seal_scopes(import->six);
	if (import->scopes.count == 0 && import->six->scope_count == 0) {
		return cli_fail(import->command, CLI_USAGE,
				"there is no scope to put leases into; give --config or --scope");
	}
	warn_about_sources(import);
	return CLI_OK;
}

static int
file_is_broken(const import_t *import, const char *outcome) {
	return cli_fail(import->command, CLI_DAMAGED, "%s:%" PRIu64 ": %s; %s", import->broken, import->broken_line,
			import->broken_why, outcome);
}

static int
too_many_errors(const import_t *import) {
	if (import->broken != NULL) {
		return file_is_broken(import, "nothing was changed");
	}
	return cli_fail(import->command, CLI_DAMAGED,
			"more than %" PRIu64 " rows are damaged or refused; nothing was changed",
			import->options.error_limit);
}

static void
count_verdicts(import_t *import, const import_plan_t *plan) {
	for (uint64_t line = 1; line <= plan->last_line; line++) {
		import_verdict_t verdict = import_plan_verdict(plan, line);
		import->refusable += verdict == IMPORT_REFUSE;
		import->standing += verdict != IMPORT_SKIP;
	}
}

static int
make_plan(import_t *import) {
	int exit_status = read_files(import, "reading", plan_record, true);
	if (exit_status == CLI_DAMAGED) {
		return too_many_errors(import);
	}
	if (exit_status == CLI_OK && cli_interrupted()) {
		return interrupted(import, "nothing was changed");
	}
	if (exit_status != CLI_OK) {
		return exit_status;
	}
	if (!import_plan_settle(&import->plan) || !import_plan_settle(&import->six->plan)) {
		return cli_fail(import->command, CLI_FAILED, "out of memory for the clients of the files");
	}
	count_verdicts(import, &import->plan);
	count_verdicts(import, &import->six->plan);
	return CLI_OK;
}

static int
finish_second_pass(import_t *import) {
	int exit_status = import_flush(import->apply);
	if (exit_status == CLI_OK) {
		exit_status = import6_flush(import->six);
	}
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
	import->changing = true;
	int exit_status = import_make_scopes(import->apply);
	if (exit_status == CLI_OK) {
		exit_status = import_end_leases(import->apply);
	}
	if (exit_status == CLI_OK) {
		exit_status = import6_begin(import->six, import->engine, &import->report);
	}
	if (exit_status == CLI_OK) {
		exit_status = read_files(import, "importing", apply_record, false);
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

/* Everything but the changes. */
static int
try_out(import_t *import) {
	import->report.dry = true;
	import->report.would_store = import->standing - import->refusable;
	int exit_status = read_files(import, "checking", apply_record, false);
	if (exit_status == CLI_OK && cli_interrupted()) {
		return interrupted(import, "nothing was changed");
	}
	import->report.complete = exit_status == CLI_OK && import->broken == NULL;
	return exit_status == CLI_OK && import->broken != NULL ? file_is_broken(import, "nothing was changed")
							       : exit_status;
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
	if (over_limit(import, import->report.bad.total + import->refusable)) {
		exit_status = read_files(import, "checking", apply_record, false);
		return exit_status == CLI_OK ? too_many_errors(import) : exit_status;
	}
	if (import->options.dry_run) {
		return try_out(import);
	}
	exit_status = make_durable(import, change_store(import));
	import->report.complete = exit_status == CLI_OK && import->broken == NULL;
	uint64_t errors = import->report.bad.total + import->report.refused.total;
	if (exit_status == CLI_OK && over_limit(import, errors)) {
		return cli_fail(import->command, CLI_DAMAGED,
				"more than %" PRIu64
				" rows are damaged or refused, because of leases that the store had",
				import->options.error_limit);
	}
	if (exit_status == CLI_OK && import->broken != NULL) {
		return file_is_broken(import, "what was read before it is imported");
	}
	return exit_status;
}

static double
now_s(void) {
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* A dry run reads the scopes of the store that there is, and does without one. */
static int
open_store(import_t *import) {
	const char *store = import->options.common.store;
	lessor_options_t options;
	if (!import->options.dry_run) {
		return cli_open(import->command, store, true, false, &import->engine, NULL);
	}
	store = store != NULL ? store : getenv("LESSOR_STORE");
	lessor_options_init(&options);
	options.read_only = true;
	options.create_if_missing = false;
	lessor_status_t status = store != NULL ? lessor_open(store, &options, &import->engine, NULL) : LESSOR_NO_STORE;
	if (status == LESSOR_NO_STORE) {
		lessor_options_init(&options);
		options.log = false;
		status = lessor_open(NULL, &options, &import->engine, NULL);
	}
	return status == LESSOR_OK ? CLI_OK : cli_fail_status(import->command, status, NULL, "cannot open the store");
}

static int
run(import_t *import) {
	double started_s = now_s();
	import->now = lessor_time_from_unix_s((int64_t)time(NULL));
	int exit_status = open_files(import);
	if (exit_status != CLI_OK) {
		return exit_status;
	}
	exit_status = open_store(import);
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
	import.files.options = &import.options.reading;
	if (!allocate(&import)) {
		import6_free(import.six);
		return cli_fail(argv[0], CLI_FAILED, "out of memory");
	}
	int exit_status = cli_parse_arguments(&argp, argc, argv, &import) ? run(&import) : CLI_FAILED;
	import6_free(import.six);
	kea_scopes_free(&import.scopes);
	import_files_close(&import.files);
	import_plan_close(&import.plan);
	free(import.apply);
	return exit_status;
}
