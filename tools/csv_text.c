/* SPDX-License-Identifier: Apache-2.0 */
/* Comma-separated values. See csv_text.h. */
#include "csv_text.h"

bool
csv_reader_open(csv_reader_t *reader, int fd, uint64_t limit_bytes) {
	return text_lines_open(&reader->lines, fd, limit_bytes);
}

void
csv_reader_close(csv_reader_t *reader) {
	text_lines_close(&reader->lines);
}

static bool
has_open_quote(const char *text, size_t bytes) {
	const char *end = text + bytes;
	bool open = false;
	for (const char *at = text; (at = memchr(at, '"', (size_t)(end - at))) != NULL; at++) {
		open = !open;
	}
	return open;
}

/* What stands between the quotes, of which those inside are doubled. */
static piece_t
undouble(csv_reader_t *reader, const char *text, size_t bytes) {
	char *begin = reader->plain + reader->used;
	char *out = begin;
	for (size_t i = 0; i < bytes; i++) {
		*out++ = text[i];
		i += text[i] == '"';
	}
	reader->used += (size_t)(out - begin);
	return (piece_t){begin, (size_t)(out - begin)};
}

/* The end of the cell that begins with a quote: behind the quote that closes it. NULL if something else follows. */
static const char *
take_quoted(csv_reader_t *reader, const char *at, const char *end, piece_t *cell) {
	const char *begin = ++at;
	bool doubled = false;
	while ((at = memchr(at, '"', (size_t)(end - at))) != NULL && at + 1 < end && at[1] == '"') {
		doubled = true;
		at += 2;
	}
	if (at == NULL || (at + 1 < end && at[1] != ',')) {
		return NULL;
	}
	*cell = (piece_t){begin, (size_t)(at - begin)};
	if (doubled) {
		*cell = undouble(reader, begin, cell->bytes);
	}
	return at + 1;
}

static void
split(csv_reader_t *reader, const char *at, size_t bytes) {
	const char *end = at + bytes;
	reader->count = 0;
	reader->used = 0;
	for (;;) {
		piece_t cell;
		const char *stop;
		if (at < end && *at == '"') {
			stop = take_quoted(reader, at, end, &cell);
		} else {
			stop = memchr(at, ',', (size_t)(end - at));
			stop = stop != NULL ? stop : end;
			cell = (piece_t){at, (size_t)(stop - at)};
		}
		if (stop == NULL) {
			reader->problem = "a cell goes on behind its closing quote";
			return;
		}
		if (reader->count < CSV_CELLS) {
			reader->cells[reader->count] = cell;
		}
		reader->count++;
		if (stop == end) {
			return;
		}
		at = stop + 1;
	}
}

/* Join lines until every quote has its partner. As text_lines_next(). */
static int
join(csv_reader_t *reader, const text_line_t *first, size_t *bytes) {
	text_line_t line = *first;
	int got = 1;
	*bytes = 0;
	while (got > 0) {
		if (line.too_long || line.bytes + 1 > sizeof(reader->joined) - *bytes) {
			reader->problem = "the row is longer than 64 KiB";
			return 1;
		}
		memcpy(reader->joined + *bytes, line.text, line.bytes);
		*bytes += line.bytes;
		if (!has_open_quote(reader->joined, *bytes)) {
			return 1;
		}
		reader->joined[(*bytes)++] = '\n';
		got = text_lines_next(&reader->lines, &line);
	}
	reader->problem = "a quote is not closed";
	reader->cut = got == 0;
	return got < 0 ? -1 : 1;
}

int
csv_reader_next(csv_reader_t *reader) {
	text_line_t line;
	int got;
	do {
		got = text_lines_next(&reader->lines, &line);
	} while (got > 0 && line.bytes == 0);
	if (got <= 0) {
		return got;
	}
	reader->line = reader->lines.number;
	reader->cut = line.cut;
	reader->problem = NULL;
	reader->count = 0;
	size_t bytes = line.bytes;
	bool whole = !line.too_long && bytes <= sizeof(reader->plain) && !has_open_quote(line.text, bytes);
	got = whole ? 1 : join(reader, &line, &bytes);
	if (got > 0 && reader->problem == NULL) {
		split(reader, whole ? line.text : reader->joined, bytes);
	}
	return got;
}

char *
csv_put_cell(char *out, const char *text) {
	*out++ = '"';
	for (; *text != '\0'; text++) {
		if (*text == '"') {
			*out++ = '"';
		}
		*out++ = *text;
	}
	*out++ = '"';
	return out;
}
