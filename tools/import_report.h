/* SPDX-License-Identifier: Apache-2.0 */
/* What an import counts and what it says in the end. */
#ifndef LESSOR_TOOLS_IMPORT_REPORT_H
#define LESSOR_TOOLS_IMPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why a lease of a sound row is not in the store afterwards. Phrases, static. */
extern const char import_no_scope[];
extern const char import_unknown_id[];
extern const char import_other_scope[];
extern const char import_client_held[];
extern const char import_not_stored[];

/* How often each phrase was said; beyond IMPORT_KINDS different ones, only how often in all. */
enum { IMPORT_KINDS = 96, IMPORT_KIND_BYTES = 96 };
typedef struct import_tally {
	uint64_t total;
	size_t kinds;
	uint64_t counts[IMPORT_KINDS];
	char texts[IMPORT_KINDS][IMPORT_KIND_BYTES];
} import_tally_t;

enum { IMPORT_NOTES = 10 };

typedef struct import_note {
	const char *path; /* lives longer than the report; NULL: not about a file */
	uint64_t line;    /* 0: not about a line */
	char text[160];
} import_note_t;

/* The first of a kind. */
typedef struct import_notes {
	import_note_t items[IMPORT_NOTES];
	size_t count;
} import_notes_t;

typedef struct import_report {
	size_t files;
	uint64_t rows; /* sound or not */
	uint64_t created;
	uint64_t replaced;
	uint64_t unchanged;
	uint64_t ended;
	import_tally_t bad;
	import_tally_t refused;
	import_tally_t warned;
	import_tally_t lost;     /* fields of the files that the store cannot hold, by their names */
	import_notes_t sources;  /* which format each file was taken for */
	import_notes_t problems; /* bad rows and refused leases */
	import_notes_t warnings;
	bool dry;             /* nothing was to be changed */
	uint64_t would_store; /* of a dry run: leases, whether the store has them or not */
	double seconds;
	bool complete; /* every row of every file was tried */
} import_report_t;

void import_tally_add(import_tally_t *tally, const char *text, uint64_t count);

/* Count, and keep where it was if it is one of the first. 'detail' may be NULL; for a refusal it takes the place of the text. */
void import_report_bad(import_report_t *report, const char *path, uint64_t line, const char *problem);
void import_report_refuse(import_report_t *report, const char *path, uint64_t line, const char *reason,
			  const char *detail);
void import_report_warn(import_report_t *report, const char *path, uint64_t line, const char *warning,
			const char *detail);
void import_report_source(import_report_t *report, const char *path, const char *format, bool guessed);

/* On stdout, for people or as one JSON object. False if memory ran out. */
bool import_report_put(const import_report_t *report, bool json);

#endif
