/* SPDX-License-Identifier: Apache-2.0 */
/* Counting and telling what an import did. See import_report.h. */
#include "import_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "cli.h"

const char import_no_scope[] = "no scope holds the address";
const char import_unknown_id[] = "subnet_id is not that of the scope that holds the address";
const char import_other_scope[] = "subnet_id names another scope than the one that holds the address";
const char import_client_held[] = "the client already holds another address in this scope";
const char import_not_stored[] = "the store does not take the lease";

/* ---- counting ---------------------------------------------------------------------------------------------------- */

void
import_tally_add(import_tally_t *tally, const char *text, uint64_t count) {
	size_t kind = 0;
	while (kind < tally->kinds && strncmp(tally->texts[kind], text, IMPORT_KIND_BYTES - 1) != 0) {
		kind++;
	}
	tally->total += count;
	if (kind == IMPORT_KINDS) {
		return;
	}
	if (kind == tally->kinds) {
		(void)snprintf(tally->texts[tally->kinds++], IMPORT_KIND_BYTES, "%s", text);
	}
	tally->counts[kind] += count;
}

static void
note(import_notes_t *notes, const char *path, uint64_t line, const char *text) {
	if (notes->count < IMPORT_NOTES) {
		import_note_t *item = &notes->items[notes->count++];
		item->path = path;
		item->line = line;
		(void)snprintf(item->text, sizeof(item->text), "%s", text);
	}
}

void
import_report_bad(import_report_t *report, const char *path, uint64_t line, const char *problem) {
	import_tally_add(&report->bad, problem, 1);
	note(&report->problems, path, line, problem);
}

void
import_report_refuse(import_report_t *report, const char *path, uint64_t line, const char *reason, const char *detail) {
	import_tally_add(&report->refused, reason, 1);
	note(&report->problems, path, line, detail != NULL ? detail : reason);
}

void
import_report_warn(import_report_t *report, const char *path, uint64_t line, const char *warning, const char *detail) {
	char text[160];
	import_tally_add(&report->warned, warning, 1);
	(void)snprintf(text, sizeof(text), "%s%s%s", warning, detail != NULL ? ": " : "", detail != NULL ? detail : "");
	note(&report->warnings, path, line, text);
}

void
import_report_source(import_report_t *report, const char *path, const char *format, bool guessed) {
	char text[160];
	(void)snprintf(text, sizeof(text), "%s%s", guessed ? "looks like " : "read as ", format);
	note(&report->sources, path, 0, text);
}

/* ---- telling people ---------------------------------------------------------------------------------------------- */

static void
put_count(uint64_t count, const char *text) {
	if (count > 0) {
		(void)printf("%10" PRIu64 "  %s\n", count, text);
	}
}

static void
put_notes(const import_notes_t *notes) {
	for (size_t i = 0; i < notes->count; i++) {
		const import_note_t *item = &notes->items[i];
		(void)fputs("  ", stdout);
		if (item->path != NULL) {
			cli_put_text(stdout, item->path);
			(void)printf(item->line > 0 ? ":%" PRIu64 ": " : ": ", item->line);
		}
		cli_put_text(stdout, item->text);
		(void)putchar('\n');
	}
}

/* A heading, and how many of which kind. */
static void
put_section(const char *heading, const import_tally_t *tally) {
	if (tally->total == 0) {
		return;
	}
	(void)printf("%10" PRIu64 "  %s\n", tally->total, heading);
	for (size_t i = 0; i < tally->kinds; i++) {
		(void)printf("%14" PRIu64 "  ", tally->counts[i]);
		cli_put_text(stdout, tally->texts[i]);
		(void)putchar('\n');
	}
}

static double
rows_per_second(const import_report_t *report) {
	return report->seconds > 0 ? (double)report->rows / report->seconds : 0;
}

static void
put_for_people(const import_report_t *report) {
	(void)printf("%10" PRIu64 "  rows read from %zu file%s in %.2f s, %.0f rows/s\n", report->rows, report->files,
		     report->files == 1 ? "" : "s", report->seconds, rows_per_second(report));
	put_notes(&report->sources);
	if (report->dry) {
		(void)printf("%10" PRIu64 "  leases would be stored\n", report->would_store);
	} else {
		(void)printf("%10" PRIu64 "  leases created\n", report->created);
	}
	put_count(report->replaced, "leases replaced");
	put_count(report->unchanged, "leases unchanged");
	put_count(report->ended, "leases ended");
	put_section("damaged rows skipped", &report->bad);
	put_section("leases refused", &report->refused);
	put_notes(&report->problems);
	put_section("taken with a warning", &report->warned);
	put_notes(&report->warnings);
	put_section("fields that could not be carried over", &report->lost);
}

/* ---- telling programs -------------------------------------------------------------------------------------------- */

static struct json_object *
json_counts(const import_tally_t *tally) {
	struct json_object *object = json_object_new_object();
	for (size_t i = 0; object != NULL && i < tally->kinds; i++) {
		struct json_object *count = json_object_new_uint64(tally->counts[i]);
		if (count == NULL || json_object_object_add(object, tally->texts[i], count) != 0) {
			(void)json_object_put(count);
			(void)json_object_put(object);
			return NULL;
		}
	}
	return object;
}

static struct json_object *
json_note(const import_note_t *item) {
	struct json_object *object = json_object_new_object();
	if (object != NULL && cli_json_text(object, "file", item->path) &&
	    (item->line == 0 || cli_json_number(object, "line", item->line)) &&
	    cli_json_text(object, "text", item->text)) {
		return object;
	}
	(void)json_object_put(object);
	return NULL;
}

static struct json_object *
json_notes(const import_notes_t *notes) {
	struct json_object *list = json_object_new_array();
	for (size_t i = 0; list != NULL && i < notes->count; i++) {
		struct json_object *item = json_note(&notes->items[i]);
		if (item == NULL || json_object_array_add(list, item) != 0) {
			(void)json_object_put(item);
			(void)json_object_put(list);
			return NULL;
		}
	}
	return list;
}

static bool
put_json(const import_report_t *report) {
	struct json_object *object = json_object_new_object();
	if (object != NULL && cli_json_bool(object, "complete", report->complete) &&
	    cli_json_number(object, "files", report->files) &&
	    cli_json_add(object, "sources", json_notes(&report->sources)) &&
	    cli_json_number(object, "rows", report->rows) && cli_json_number(object, "created", report->created) &&
	    (!report->dry || cli_json_number(object, "would_store", report->would_store)) &&
	    cli_json_number(object, "replaced", report->replaced) &&
	    cli_json_number(object, "unchanged", report->unchanged) &&
	    cli_json_number(object, "ended", report->ended) &&
	    cli_json_number(object, "damaged_rows", report->bad.total) &&
	    cli_json_add(object, "damaged_reasons", json_counts(&report->bad)) &&
	    cli_json_number(object, "refused", report->refused.total) &&
	    cli_json_add(object, "refused_reasons", json_counts(&report->refused)) &&
	    cli_json_add(object, "first_problems", json_notes(&report->problems)) &&
	    cli_json_number(object, "warnings", report->warned.total) &&
	    cli_json_add(object, "warning_reasons", json_counts(&report->warned)) &&
	    cli_json_add(object, "first_warnings", json_notes(&report->warnings)) &&
	    cli_json_number(object, "lost", report->lost.total) &&
	    cli_json_add(object, "lost_fields", json_counts(&report->lost)) &&
	    cli_json_seconds(object, "seconds", report->seconds) &&
	    cli_json_number(object, "rows_per_second", (uint64_t)rows_per_second(report))) {
		return cli_put_json(object);
	}
	(void)json_object_put(object);
	return false;
}

bool
import_report_put(const import_report_t *report, bool json) {
	if (json) {
		return put_json(report);
	}
	put_for_people(report);
	return true;
}
