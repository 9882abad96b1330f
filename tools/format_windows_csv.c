/* SPDX-License-Identifier: Apache-2.0 */
/* What Get-DhcpServerv4Lease and Export-Csv of Windows write: CSV with the names of properties in the header, in any order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csv_text.h"
#include "windows_lease.h"

enum { ROW_BYTES = 64 * 1024, NOT_A_PROPERTY = WINDOWS_PROPERTIES, OF_NO_INTEREST };

typedef struct windows_csv_reader {
	format_reader_t base;
	csv_reader_t csv;
	windows_parser_t parser;
	uint8_t columns[CSV_CELLS]; /* which property stands in each */
	size_t column_count;
} windows_csv_reader_t;

/* ---- headers ----------------------------------------------------------------------------------------------------- */

/* What PowerShell adds to every object. */
static bool
is_of_the_object(piece_t name) {
	static const char *const names[] = {"PSComputerName",        "PSShowComputerName",  "RunspaceId", "CimClass",
					    "CimInstanceProperties", "CimSystemProperties", NULL};
	for (size_t i = 0; names[i] != NULL; i++) {
		if (piece_is_word(name, names[i])) {
			return true;
		}
	}
	return false;
}

static uint8_t
property_of(piece_t name) {
	uint8_t property = 0;
	while (property < WINDOWS_PROPERTIES && !piece_is_word(name, windows_property_names[property])) {
		property++;
	}
	return property == NOT_A_PROPERTY && is_of_the_object(name) ? OF_NO_INTEREST : property;
}

/* The header comes first, or behind a line that begins with "#TYPE". */
static bool
take_header(windows_csv_reader_t *reader) {
	bool found = false;
	csv_reader_t *csv = &reader->csv;
	bool typed = csv->count > 0 && csv->cells[0].bytes >= 5 && memcmp(csv->cells[0].text, "#TYPE", 5) == 0;
	if (typed && csv_reader_next(csv) <= 0) {
		return false;
	}
	reader->column_count = csv->count < CSV_CELLS ? csv->count : CSV_CELLS;
	for (size_t i = 0; i < reader->column_count && csv->problem == NULL; i++) {
		reader->columns[i] = property_of(csv->cells[i]);
		found = found || reader->columns[i] == WINDOWS_IP_ADDRESS;
	}
	return found && csv->problem == NULL;
}

static bool
matches(const char *begin, size_t bytes) {
	const char *end = memchr(begin, '\n', bytes);
	size_t line = end != NULL ? (size_t)(end - begin) : bytes;
	bool typed = line >= 5 && memcmp(begin, "#TYPE", 5) == 0;
	return typed || (memmem(begin, line, "IPAddress", 9) != NULL && memchr(begin, ',', line) != NULL &&
			 memmem(begin, line, "ClientId", 8) != NULL);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static void
windows_csv_close(format_reader_t *base) {
	windows_csv_reader_t *reader = (windows_csv_reader_t *)base;
	csv_reader_close(&reader->csv);
	free(reader);
}

static format_reader_t *
windows_csv_open(const format_source_t *source, bool *foreign, char sentence[KEA_SENTENCE_BYTES]) {
	*foreign = false;
	windows_csv_reader_t *reader = calloc(1, sizeof(*reader));
	if (reader == NULL || !csv_reader_open(&reader->csv, source->fd, source->bytes)) {
		snprintf(sentence, KEA_SENTENCE_BYTES, "%.300s: no memory to read it", source->path);
		free(reader);
		return NULL;
	}
	reader->base.format = &format_windows_csv;
	reader->base.lost_names[WINDOWS_LOST_DNS_PENDING] = "DnsRegistration Pending";
	reader->base.lost_names[WINDOWS_LOST_UNKNOWN] = "other columns";
	reader->parser.options = source->options;
	int got = csv_reader_next(&reader->csv);
	*foreign = got > 0 && !take_header(reader);
	if (*foreign || got < 0) {
		snprintf(sentence, KEA_SENTENCE_BYTES, "%.300s: %s", source->path,
			 got < 0 ? "it cannot be read" : "the header has no column IPAddress");
		windows_csv_close(&reader->base);
		return NULL;
	}
	return &reader->base;
}

static int
take_row(windows_csv_reader_t *reader, format_record_t *record) {
	piece_t values[WINDOWS_PROPERTIES];
	const csv_reader_t *csv = &reader->csv;
	if (csv->problem == NULL && csv->count != reader->column_count) {
		return format_record_bad(record, csv->count < reader->column_count ? "the row has too few cells"
										   : "the row has too many cells");
	}
	if (csv->problem != NULL) {
		return format_record_bad(record, csv->problem);
	}
	for (size_t i = 0; i < WINDOWS_PROPERTIES; i++) {
		values[i] = (piece_t){"", 0};
	}
	for (size_t i = 0; i < reader->column_count; i++) {
		if (reader->columns[i] < WINDOWS_PROPERTIES) {
			values[reader->columns[i]] = csv->cells[i];
		} else if (reader->columns[i] == NOT_A_PROPERTY && csv->cells[i].bytes > 0) {
			record->lost |= UINT32_C(1) << WINDOWS_LOST_UNKNOWN;
		}
	}
	return windows_lease_parse(&reader->parser, values, record);
}

static int
windows_csv_next(format_reader_t *base, format_record_t *record) {
	windows_csv_reader_t *reader = (windows_csv_reader_t *)base;
	int got = csv_reader_next(&reader->csv);
	base->done_bytes = reader->csv.lines.done_bytes;
	if (got <= 0) {
		return got;
	}
	format_record_clear(record, FORMAT_LEASE, reader->csv.line);
	got = take_row(reader, record);
	if (record->kind == FORMAT_BAD) {
		record->kind = reader->csv.lost ? FORMAT_BROKEN : reader->csv.cut ? FORMAT_CUT : FORMAT_BAD;
	}
	return got;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static bool
put_row(format_writer_t *writer, const char *const values[WINDOWS_PROPERTIES]) {
	char *room = output_file_room(writer->output, ROW_BYTES);
	if (room == NULL) {
		return false;
	}
	char *out = room;
	for (size_t i = 0; i < WINDOWS_PROPERTIES; i++) {
		out = csv_put_cell(put_text(out, i > 0 ? "," : ""), values[i]);
	}
	out = put_text(out, "\r\n");
	output_file_used(writer->output, (size_t)(out - room));
	return true;
}

static bool
windows_csv_begin(format_writer_t *writer) {
	return put_row(writer, windows_property_names);
}

static bool
windows_csv_write(format_writer_t *writer, const lessor_lease_t *lease, const lessor_scope_t *scope, uint32_t *losses) {
	const char *values[WINDOWS_PROPERTIES];
	*losses = windows_lease_format(lease, scope, writer->scratch, values);
	return (*losses & FORMAT_LOSS_BIT(FORMAT_LOSS_LEFT_OUT)) != 0 || put_row(writer, values);
}

const format_t format_windows_csv = {
	.name = "windows-csv",
	.title = "Get-DhcpServerv4Lease of Windows as CSV",
	.matches = matches,
	.open = windows_csv_open,
	.next = windows_csv_next,
	.close = windows_csv_close,
	.begin = windows_csv_begin,
	.lease = windows_csv_write,
	.loss_text = format_loss_text,
};
