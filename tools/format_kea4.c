/* SPDX-License-Identifier: Apache-2.0 */
/* The DHCPv4 lease file of Kea as a format: kea4.h has its rows, kea4_lease.h their leases. */
#include "format.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_context.h"
#include "kea4.h"
#include "kea4_lease.h"
#include "text_lines.h"

typedef struct kea4_reader {
	format_reader_t base;
	text_lines_t lines;
	kea4_parser_t parser;
	kea4_row_t row;
	kea4_lease_t lease;
	uint64_t header_line;
	char *ignored; /* names of the columns beyond the twelfth, as they stand there; NULL: none, or told already */
	char *told;
} kea4_reader_t;

/* ---- headers ----------------------------------------------------------------------------------------------------- */

static bool
matches(const char *begin, size_t bytes) {
	static const char first[] = "address,hwaddr,client_id,";
	return bytes >= strlen(first) && memcmp(begin, first, strlen(first)) == 0;
}

static void
say_mismatch(const text_line_t *line, uint64_t number, const char *path, char sentence[KEA_SENTENCE_BYTES]) {
	const char *cell = line->text;
	const char *end = line->text + line->bytes;
	for (size_t column = 0; kea4_column_name(column) != NULL; column++) {
		const char *name = kea4_column_name(column);
		const char *comma = memchr(cell, ',', (size_t)(end - cell));
		const char *stop = comma != NULL ? comma : end;
		bool same = strlen(name) == (size_t)(stop - cell) && memcmp(name, cell, strlen(name)) == 0;
		if (!same || comma == NULL) {
			snprintf(sentence, KEA_SENTENCE_BYTES,
				 "%.300s:%llu: this is not the header of a Kea DHCPv4 lease file, %s%.20s", path,
				 (unsigned long long)number, same ? "it ends after " : "it lacks the column ", name);
			return;
		}
		cell = comma + 1;
	}
}

/* What comes after the twelfth comma. NULL without memory, too: nobody needs to know then. */
static char *
surplus_names(const text_line_t *line) {
	const char *at = line->text;
	const char *end = line->text + line->bytes;
	for (int commas = 0; commas < KEA4_COLUMNS; commas++) {
		at = memchr(at, ',', (size_t)(end - at));
		if (at == NULL) {
			return NULL;
		}
		at++;
	}
	return strndup(at, (size_t)(end - at));
}

/* A file without any line is fine too: it has no rows. */
static bool
read_header(kea4_reader_t *reader, const char *path, bool *foreign, char sentence[KEA_SENTENCE_BYTES]) {
	text_line_t line;
	int got;
	do {
		got = text_lines_next(&reader->lines, &line);
	} while (got > 0 && line.bytes == 0);
	if (got < 0) {
		snprintf(sentence, KEA_SENTENCE_BYTES, "%.300s: %s", path, strerror(errno));
		return false;
	}
	if (got > 0 && !kea4_parse_header(line.text, line.bytes, &reader->parser.columns)) {
		*foreign = true;
		say_mismatch(&line, reader->lines.number, path, sentence);
		return false;
	}
	if (got > 0) {
		reader->header_line = reader->lines.number;
		reader->ignored = surplus_names(&line);
	}
	return true;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static void
kea4_close(format_reader_t *base) {
	kea4_reader_t *reader = (kea4_reader_t *)base;
	text_lines_close(&reader->lines);
	free(reader->ignored);
	free(reader->told);
	free(reader);
}

static format_reader_t *
kea4_open(const format_source_t *source, bool *foreign, char sentence[KEA_SENTENCE_BYTES]) {
	*foreign = false;
	kea4_reader_t *reader = calloc(1, sizeof(*reader));
	if (reader == NULL || !text_lines_open(&reader->lines, source->fd, source->bytes)) {
		snprintf(sentence, KEA_SENTENCE_BYTES, "%.300s: no memory to read it", source->path);
		free(reader);
		return NULL;
	}
	reader->base.format = &format_kea4;
	if (!read_header(reader, source->path, foreign, sentence)) {
		kea4_close(&reader->base);
		return NULL;
	}
	return &reader->base;
}

static void
take_row(kea4_reader_t *reader, format_record_t *record) {
	bool clamped;
	const kea4_row_t *row = &reader->row;
	kea4_lease_from_row(row, &reader->lease, &clamped);
	record->lease = reader->lease.lease;
	record->subnet_id = row->subnet_id;
	if (row->valid_lifetime_s == 0) {
		record->kind = FORMAT_END;
	} else if (clamped) {
		record->warnings |= UINT32_C(1) << FORMAT_WARN_START_CLAMPED;
	}
	if (row->hostname_dropped) {
		record->warnings |= UINT32_C(1) << FORMAT_WARN_NAME_DROPPED;
	}
}

static int
next_row(kea4_reader_t *reader, const text_line_t *line, format_record_t *record) {
	kea4_problem_t problem =
		line->too_long ? KEA4_TOO_LONG : kea4_parse_row(&reader->parser, line->text, line->bytes, &reader->row);
	if (problem == KEA4_NO_MEMORY) {
		errno = ENOMEM;
		return -1;
	}
	format_record_clear(record, FORMAT_LEASE, reader->lines.number);
	if (problem == KEA4_FINE) {
		take_row(reader, record);
		return 1;
	}
	(void)format_record_bad(record, kea4_problem_text(problem));
	record->kind = line->cut ? FORMAT_CUT : FORMAT_BAD;
	return 1;
}

static int
kea4_next(format_reader_t *base, format_record_t *record) {
	kea4_reader_t *reader = (kea4_reader_t *)base;
	text_line_t line;
	int got;
	if (reader->ignored != NULL) {
		format_record_clear(record, FORMAT_NOTE, reader->header_line);
		record->text = "columns that lessor does not know were ignored";
		record->detail = reader->told = reader->ignored;
		reader->ignored = NULL;
		return 1;
	}
	do {
		got = text_lines_next(&reader->lines, &line);
	} while (got > 0 && line.bytes == 0);
	base->done_bytes = reader->lines.done_bytes;
	return got > 0 ? next_row(reader, &line, record) : got;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static bool
kea4_begin(format_writer_t *writer) {
	char *room = output_file_room(writer->output, sizeof(KEA4_HEADER));
	if (room == NULL) {
		return false;
	}
	memcpy(room, KEA4_HEADER, strlen(KEA4_HEADER));
	output_file_used(writer->output, strlen(KEA4_HEADER));
	return true;
}

/* What stands in the store as user context need not be JSON; Kea would refuse the whole row. */
static uint32_t
check_context(char *scratch, kea4_row_t *row) {
	size_t bytes = row->user_context_bytes;
	if (bytes == 0) {
		return 0;
	}
	memcpy(scratch, row->user_context, bytes);
	bool fine = json_context_check(scratch, &bytes, KEA4_CONTEXT_MAX_BYTES) == JSON_FINE;
	row->user_context = scratch;
	row->user_context_bytes = fine ? (uint32_t)bytes : 0;
	return fine ? 0 : UINT32_C(1) << KEA4_LOSS_CONTEXT;
}

static bool
kea4_write(format_writer_t *writer, const lessor_lease_t *lease, const lessor_scope_t *scope, uint32_t *losses) {
	kea4_row_t row;
	*losses = kea4_row_from_lease(lease, scope, &row);
	if ((*losses & UINT32_C(1) << KEA4_LOSS_LEFT_OUT) != 0) {
		return true;
	}
	*losses |= check_context(writer->scratch, &row);
	char *room = output_file_room(writer->output, KEA4_ROW_OUT_BYTES);
	if (room == NULL) {
		return false;
	}
	output_file_used(writer->output, kea4_format_row(&row, room));
	return true;
}

static const char *
kea4_losses(unsigned loss) {
	return kea4_loss_text((kea4_loss_t)loss);
}

const format_t format_kea4 = {
	.name = "kea4",
	.title = "a DHCPv4 memfile of Kea",
	.matches = matches,
	.has_siblings = true,
	.needs_ids = true,
	.open = kea4_open,
	.next = kea4_next,
	.close = kea4_close,
	.begin = kea4_begin,
	.lease = kea4_write,
	.loss_text = kea4_losses,
};
