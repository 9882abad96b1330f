/* SPDX-License-Identifier: Apache-2.0 */
/* Comma-separated values. See csv_text.h. */
#include "csv_text.h"

#include <errno.h>

static const char row_too_long[] = "the row is longer than 64 KiB";

/* libcsv would leave out blanks around cells; RFC 4180 makes them part of it. */
static int
is_no_blank(unsigned char octet) {
	(void)octet;
	return 0;
}

bool
csv_reader_open(csv_reader_t *reader, int fd, uint64_t limit_bytes) {
	if (!text_lines_open(&reader->lines, fd, limit_bytes)) {
		return false;
	}
	if (csv_init(&reader->parser, CSV_STRICT) != 0) {
		text_lines_close(&reader->lines);
		return false;
	}
	csv_set_space_func(&reader->parser, is_no_blank);
	return true;
}

void
csv_reader_close(csv_reader_t *reader) {
	text_lines_close(&reader->lines);
	csv_free(&reader->parser);
}

static void
take_cell(void *cell, size_t bytes, void *context) {
	csv_reader_t *reader = context;
	if (bytes > sizeof(reader->text) - reader->used) {
		reader->problem = row_too_long;
		return;
	}
	if (reader->count < CSV_CELLS) {
		reader->cells[reader->count] = (piece_t){reader->text + reader->used, bytes};
		memcpy(reader->text + reader->used, cell, bytes);
		reader->used += bytes;
	}
	reader->count++;
}

static void
end_row(int terminator, void *context) {
	(void)terminator;
	((csv_reader_t *)context)->row_ended = true;
}

/* False with errno, or with a problem. */
static bool
parse_line(csv_reader_t *reader, const text_line_t *line) {
	bool whole = csv_parse(&reader->parser, line->text, line->bytes, take_cell, end_row, reader) == line->bytes &&
		     csv_parse(&reader->parser, "\n", 1, take_cell, end_row, reader) == 1;
	if (!whole && csv_error(&reader->parser) == CSV_EPARSE) {
		reader->problem = "a quote stands where none may be";
	} else if (!whole) {
		errno = ENOMEM;
	}
	return whole && reader->problem == NULL;
}

/* The lines of one row. As text_lines_next(). */
static int
read_row(csv_reader_t *reader, text_line_t *line) {
	uint64_t begin = reader->lines.done_bytes - line->bytes;
	int got = 1;
	do {
		if (line->too_long || reader->lines.done_bytes - begin > CSV_ROW_MAX_BYTES) {
			reader->problem = row_too_long;
			break;
		}
		if (!parse_line(reader, line)) {
			/* Behind a quote that was not closed, the mistake may well be in the row before. */
			reader->again = reader->problem != NULL && reader->lines.number != reader->line;
			reader->last = *line;
			return reader->problem != NULL ? 1 : -1;
		}
	} while (!reader->row_ended && (got = text_lines_next(&reader->lines, line)) > 0);
	if (!reader->row_ended && got >= 0 && !line->too_long) {
		/* In the last line of the file this may be where a crash cut it; otherwise rows are inside the quotes. */
		reader->problem = "a quote is not closed";
		reader->cut = reader->lines.number == reader->line;
		reader->lost = !reader->cut;
	}
	return got < 0 ? -1 : 1;
}

static int
next_line(csv_reader_t *reader, text_line_t *line) {
	bool again = reader->again;
	*line = reader->last;
	reader->again = false;
	return again ? 1 : text_lines_next(&reader->lines, line);
}

int
csv_reader_next(csv_reader_t *reader) {
	text_line_t line;
	int got;
	do {
		got = reader->lost ? 0 : next_line(reader, &line);
	} while (got > 0 && line.bytes == 0);
	if (got <= 0) {
		return got;
	}
	reader->line = reader->lines.number;
	reader->cut = line.cut;
	reader->problem = NULL;
	reader->row_ended = false;
	reader->count = 0;
	reader->used = 0;
	got = read_row(reader, &line);
	(void)csv_fini(&reader->parser, NULL, NULL, NULL);
	return got;
}

char *
csv_put_cell(char *out, const char *text) {
	size_t bytes = strlen(text);
	return out + csv_write(out, 2 * bytes + 2, text, bytes);
}
