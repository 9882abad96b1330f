/* SPDX-License-Identifier: Apache-2.0 */
/* Comma-separated values with quotes (RFC 4180), row by row, as libcsv reads them in its strict mode. */
#ifndef LESSOR_TOOLS_CSV_TEXT_H
#define LESSOR_TOOLS_CSV_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <csv.h>

#include "format_text.h"
#include "text_lines.h"

enum { CSV_CELLS = 64, CSV_ROW_MAX_BYTES = 64 * 1024 };

typedef struct csv_reader {
	text_lines_t lines; /* a row is one of these or several */
	struct csv_parser parser;
	piece_t cells[CSV_CELLS]; /* of the row read last, without their quotes; further ones are dropped */
	size_t count;             /* how many it has */
	uint64_t line;            /* where it begins */
	bool cut;                 /* the file ends in it */
	bool lost;                /* and nothing behind it can be read */
	const char *problem;      /* NULL: none */
	bool row_ended;
	bool again; /* 'last' is to be read once more */
	text_line_t last;
	size_t used;
	char text[CSV_ROW_MAX_BYTES]; /* of the cells */
} csv_reader_t;

/* False without memory. */
bool csv_reader_open(csv_reader_t *reader, int fd, uint64_t limit_bytes);
void csv_reader_close(csv_reader_t *reader);

/* The next row that is not empty. 1; 0 at the end; -1 with errno. */
int csv_reader_next(csv_reader_t *reader);

/* A cell in quotes; returns its end. At most twice as long, and two. */
char *csv_put_cell(char *out, const char *text);

#endif
