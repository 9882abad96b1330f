/* SPDX-License-Identifier: Apache-2.0 */
/* What readers of formats with a lease in each line have in common. */
#ifndef LESSOR_TOOLS_FORMAT_LINES_H
#define LESSOR_TOOLS_FORMAT_LINES_H

#include "format.h"
#include "format_text.h"
#include "lease6_notes.h"
#include "text_lines.h"

enum { LINE_NAME_MAX_BYTES = 255 };

typedef struct line_reader line_reader_t;

/* Take a line that is not empty; the record is a lease with a line number so far. False: the line is of no interest. */
typedef bool line_taker_t(line_reader_t *reader, piece_t line, format_record_t *record);

struct line_reader {
	format_reader_t base;
	text_lines_t lines;
	format_source_t source;
	line_taker_t *take;
	uint8_t client_id[LESSOR_CLIENT_ID_MAX_BYTES];
	uint8_t hardware[LESSOR_HARDWARE_MAX_BYTES];
	char name[3 * LINE_NAME_MAX_BYTES + 1];
	char policy[LESSOR_POLICY_MAX_BYTES + 1];
	char comment[LEASE6_NOTES_BYTES];
	text_line_t line; /* that is being taken */
	size_t turn;      /* how often it was taken before */
	bool again;       /* for the taker to set: there is a further lease in it */
};

/* For format_t: open with these two, read and close with the others. */
format_reader_t *line_reader_open(const format_t *format, line_taker_t *take, const format_source_t *source,
				  char sentence[KEA_SENTENCE_BYTES]);
int line_reader_next(format_reader_t *base, format_record_t *record);
void line_reader_close(format_reader_t *base);

/* The lease's name, if there is no NUL in it; with that, a warning. False if it is too long. */
bool line_take_name(line_reader_t *reader, piece_t octets, format_record_t *record);

/* Something is wrong with the line. Returns true. */
bool line_bad(format_record_t *record, const char *text);

/* There is something in the line, but not for lessor. Returns true. */
bool line_note(format_record_t *record, const char *text);

#endif
