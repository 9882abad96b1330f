/* SPDX-License-Identifier: Apache-2.0 */
/* What an import counts and what it says in the end. */
#ifndef LESSOR_TOOLS_IMPORT_REPORT_H
#define LESSOR_TOOLS_IMPORT_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "kea4.h"

/* Why a lease of a sound row is not in the store afterwards. The order is that of the texts in import_report.c. */
typedef enum import_refusal {
	IMPORT_NO_SCOPE,
	IMPORT_UNKNOWN_ID,
	IMPORT_OTHER_SCOPE,
	IMPORT_CLIENT_HELD,
	IMPORT_NOT_STORED,
	IMPORT_REFUSALS
} import_refusal_t;

/* What was taken, but not quite as it stood there. */
typedef enum import_warning {
	IMPORT_CUT_ROW,
	IMPORT_START_CLAMPED,
	IMPORT_NAME_DROPPED,
	IMPORT_COLUMNS_IGNORED,
	IMPORT_RANGE_KEPT,
	IMPORT_IDS_NUMBERED,
	IMPORT_RESERVATIONS,
	IMPORT_WARNINGS
} import_warning_t;

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
	uint64_t bad[KEA4_PROBLEMS];
	uint64_t refused[IMPORT_REFUSALS];
	uint64_t warned[IMPORT_WARNINGS];
	import_notes_t problems; /* bad rows and refused leases */
	import_notes_t warnings;
	double seconds;
	bool complete; /* everything was tried */
} import_report_t;

uint64_t import_report_bad(const import_report_t *report);
uint64_t import_report_refused(const import_report_t *report);

/* Count, and keep where it was if it is one of the first. 'detail' may be NULL; for a refusal it takes the place of the text. */
void import_report_bad_row(import_report_t *report, const char *path, uint64_t line, kea4_problem_t problem);
void import_report_refuse(import_report_t *report, const char *path, uint64_t line, import_refusal_t refusal,
			  const char *detail);
void import_report_warn(import_report_t *report, const char *path, uint64_t line, import_warning_t warning,
			const char *detail);

/* On stdout, for people or as one JSON object. False if memory ran out. */
bool import_report_put(const import_report_t *report, bool json);

#endif
