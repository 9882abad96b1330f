/* SPDX-License-Identifier: Apache-2.0 */
/* Readers of formats with a lease in each line. See format_lines.h. */
#include "format_lines.h"

#include <stdio.h>
#include <stdlib.h>

format_reader_t *
line_reader_open(const format_t *format, line_taker_t *take, const format_source_t *source,
		 char sentence[KEA_SENTENCE_BYTES]) {
	line_reader_t *reader = calloc(1, sizeof(*reader));
	if (reader == NULL || !text_lines_open(&reader->lines, source->fd, source->bytes)) {
		snprintf(sentence, KEA_SENTENCE_BYTES, "%.300s: no memory to read it", source->path);
		free(reader);
		return NULL;
	}
	reader->base.format = format;
	reader->source = *source;
	reader->take = take;
	return &reader->base;
}

void
line_reader_close(format_reader_t *base) {
	line_reader_t *reader = (line_reader_t *)base;
	text_lines_close(&reader->lines);
	free(reader);
}

static int
next_line(line_reader_t *reader, text_line_t *line) {
	int got = reader->again ? 1 : text_lines_next(&reader->lines, &reader->line);
	reader->turn = reader->again ? reader->turn + 1 : 0;
	reader->again = false;
	*line = reader->line;
	return got;
}

int
line_reader_next(format_reader_t *base, format_record_t *record) {
	line_reader_t *reader = (line_reader_t *)base;
	text_line_t line;
	int got;
	bool taken = false;
	while (!taken && (got = next_line(reader, &line)) > 0) {
		format_record_clear(record, FORMAT_LEASE, reader->lines.number);
		if (line.too_long) {
			taken = line_bad(record, "the line is longer than 1 MiB");
		} else if (line.bytes > 0) {
			taken = reader->take(reader, (piece_t){line.text, line.bytes}, record);
		}
		if (taken && record->kind == FORMAT_BAD && line.cut) {
			record->kind = FORMAT_CUT;
		}
	}
	base->done_bytes = reader->lines.done_bytes;
	return taken ? 1 : got;
}

bool
line_take_name(line_reader_t *reader, piece_t octets, format_record_t *record) {
	if (octets.bytes > LINE_NAME_MAX_BYTES) {
		return false;
	}
	if (piece_text(octets, reader->name)) {
		record->lease.name = reader->name;
	} else {
		record->warnings |= UINT32_C(1) << FORMAT_WARN_NAME_DROPPED;
	}
	return true;
}

bool
line_bad(format_record_t *record, const char *text) {
	return format_record_bad(record, text) == 1;
}

bool
line_note(format_record_t *record, const char *text) {
	record->kind = FORMAT_NOTE;
	record->text = text;
	return true;
}
