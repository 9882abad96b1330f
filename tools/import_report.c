/* SPDX-License-Identifier: Apache-2.0 */
/* Counting and telling what an import did. See import_report.h. */
#include "import_report.h"

#include <inttypes.h>
#include <stdio.h>

#include <json-c/json.h>

#include "cli.h"

static const char *const refusal_texts[IMPORT_REFUSALS] = {
	"no scope holds the address",
	"subnet_id is not that of the scope that holds the address",
	"subnet_id names another scope than the one that holds the address",
	"the client already holds another address in this scope",
	"the store does not take the lease",
};

static const char *const warning_texts[IMPORT_WARNINGS] = {
	"the last row is cut off",
	"the lease began before 1970 or after 2106, which lessor cannot say",
	"the host name holds a NUL octet and was dropped",
	"columns that lessor does not know were ignored",
	"the scope exists with another range, which stays",
	"subnets without an id were numbered in the order of their appearance",
	"host reservations of the configuration were not taken over",
};

/* ---- counting ---------------------------------------------------------------------------------------------------- */

static uint64_t
sum(const uint64_t *counts, size_t count) {
	uint64_t total = 0;
	for (size_t i = 0; i < count; i++) {
		total += counts[i];
	}
	return total;
}

uint64_t
import_report_bad(const import_report_t *report) {
	return sum(report->bad, KEA4_PROBLEMS);
}

uint64_t
import_report_refused(const import_report_t *report) {
	return sum(report->refused, IMPORT_REFUSALS);
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
import_report_bad_row(import_report_t *report, const char *path, uint64_t line, kea4_problem_t problem) {
	report->bad[problem]++;
	note(&report->problems, path, line, kea4_problem_text(problem));
}

void
import_report_refuse(import_report_t *report, const char *path, uint64_t line, import_refusal_t refusal,
		     const char *detail) {
	report->refused[refusal]++;
	note(&report->problems, path, line, detail != NULL ? detail : refusal_texts[refusal]);
}

void
import_report_warn(import_report_t *report, const char *path, uint64_t line, import_warning_t warning,
		   const char *detail) {
	char text[160];
	report->warned[warning]++;
	(void)snprintf(text, sizeof(text), "%s%s%s", warning_texts[warning], detail != NULL ? ": " : "",
		       detail != NULL ? detail : "");
	note(&report->warnings, path, line, text);
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

/* A heading, how many of which kind, and the first of them. */
static void
put_section(const char *heading, uint64_t total, const uint64_t *counts, size_t kinds,
	    const char *(*text_of)(size_t kind)) {
	if (total == 0) {
		return;
	}
	(void)printf("%10" PRIu64 "  %s\n", total, heading);
	for (size_t i = 0; i < kinds; i++) {
		if (counts[i] > 0) {
			(void)printf("%14" PRIu64 "  %s\n", counts[i], text_of(i));
		}
	}
}

static const char *
problem_text(size_t kind) {
	return kea4_problem_text((kea4_problem_t)kind);
}

static const char *
refusal_text(size_t kind) {
	return refusal_texts[kind];
}

static const char *
warning_text(size_t kind) {
	return warning_texts[kind];
}

static double
rows_per_second(const import_report_t *report) {
	return report->seconds > 0 ? (double)report->rows / report->seconds : 0;
}

static void
put_for_people(const import_report_t *report) {
	(void)printf("%10" PRIu64 "  rows read from %zu file%s in %.2f s, %.0f rows/s\n", report->rows, report->files,
		     report->files == 1 ? "" : "s", report->seconds, rows_per_second(report));
	(void)printf("%10" PRIu64 "  leases created\n", report->created);
	put_count(report->replaced, "leases replaced");
	put_count(report->unchanged, "leases unchanged");
	put_count(report->ended, "leases ended");
	put_section("damaged rows skipped", import_report_bad(report), report->bad, KEA4_PROBLEMS, problem_text);
	put_section("leases refused", import_report_refused(report), report->refused, IMPORT_REFUSALS, refusal_text);
	put_notes(&report->problems);
	put_section("taken with a warning", sum(report->warned, IMPORT_WARNINGS), report->warned, IMPORT_WARNINGS,
		    warning_text);
	put_notes(&report->warnings);
}

/* ---- telling programs -------------------------------------------------------------------------------------------- */

static struct json_object *
json_counts(const uint64_t *counts, size_t kinds, const char *(*text_of)(size_t kind)) {
	struct json_object *object = json_object_new_object();
	for (size_t i = 0; object != NULL && i < kinds; i++) {
		if (counts[i] > 0 && !cli_json_number(object, text_of(i), counts[i])) {
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
	    cli_json_number(object, "files", report->files) && cli_json_number(object, "rows", report->rows) &&
	    cli_json_number(object, "created", report->created) &&
	    cli_json_number(object, "replaced", report->replaced) &&
	    cli_json_number(object, "unchanged", report->unchanged) &&
	    cli_json_number(object, "ended", report->ended) &&
	    cli_json_number(object, "damaged_rows", import_report_bad(report)) &&
	    cli_json_add(object, "damaged_reasons", json_counts(report->bad, KEA4_PROBLEMS, problem_text)) &&
	    cli_json_number(object, "refused", import_report_refused(report)) &&
	    cli_json_add(object, "refused_reasons", json_counts(report->refused, IMPORT_REFUSALS, refusal_text)) &&
	    cli_json_add(object, "first_problems", json_notes(&report->problems)) &&
	    cli_json_number(object, "warnings", sum(report->warned, IMPORT_WARNINGS)) &&
	    cli_json_add(object, "warning_reasons", json_counts(report->warned, IMPORT_WARNINGS, warning_text)) &&
	    cli_json_add(object, "first_warnings", json_notes(&report->warnings)) &&
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
