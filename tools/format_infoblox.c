/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lease export of Infoblox: CSV with a header of which the first cell is "header-lease", and rows that begin with "lease". Columns go
 * by name. The states are those of dhcpd; see format_isc.c for what becomes of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csv_text.h"
#include "format.h"
#include "kea4.h"

enum { LEASE_IS_OVER = 0x80, ETHERNET = 1, ROW_BYTES = 32 * 1024, TEXT_MAX_BYTES = 255, LOST_OTHER = 31 };

/* The columns that have a meaning here. */
typedef enum column {
	IP_ADDRESS,
	PROTOCOL,
	BINDING_STATE,
	NEXT_BINDING_STATE,
	STARTS,
	ENDS,
	MAC_ADDRESS,
	UID,
	SERVER_HOST_NAME,
	COLUMNS
} column_t;

static const char *const column_names[COLUMNS] = {
	"ip_address", "protocol",    "binding_state", "next_binding_state", "starts",
	"ends",       "mac_address", "uid",           "server_host_name",
};

typedef struct infoblox_reader {
	format_reader_t base;
	csv_reader_t csv;
	const format_options_t *options;
	uint8_t columns[CSV_CELLS]; /* what stands in each; COLUMNS and more: a bit of record.lost */
	size_t column_count;
	size_t lost_count;
	char names[FORMAT_LOST_FIELDS][48]; /* of the columns that are lost */
	bool zone_missed;
	uint8_t client_id[LESSOR_CLIENT_ID_MAX_BYTES];
	uint8_t hardware[LESSOR_HARDWARE_MAX_BYTES];
	char owner[3 * TEXT_MAX_BYTES + 1];
} infoblox_reader_t;

/* ---- headers ----------------------------------------------------------------------------------------------------- */

/* Which column it is, or a new bit of what is lost. */
static uint8_t
column_of(infoblox_reader_t *reader, piece_t name) {
	for (uint8_t i = 0; i < COLUMNS; i++) {
		if (piece_is_word(name, column_names[i])) {
			return i;
		}
	}
	size_t bit = reader->lost_count < LOST_OTHER ? reader->lost_count++ : LOST_OTHER;
	snprintf(reader->names[bit], sizeof(reader->names[bit]), "%.*s", (int)(name.bytes < 47 ? name.bytes : 47),
		 name.text);
	reader->base.lost_names[bit] = bit == LOST_OTHER ? "other columns" : reader->names[bit];
	return (uint8_t)(COLUMNS + bit);
}

static bool
take_header(infoblox_reader_t *reader) {
	const csv_reader_t *csv = &reader->csv;
	bool found = false;
	if (csv->problem != NULL || csv->count == 0 || !piece_is_word(csv->cells[0], "header-lease")) {
		return false;
	}
	reader->base.lost_names[reader->lost_count++] = "next_binding_state";
	reader->column_count = csv->count < CSV_CELLS ? csv->count : CSV_CELLS;
	for (size_t i = 1; i < reader->column_count; i++) {
		reader->columns[i] = column_of(reader, csv->cells[i]);
		found = found || reader->columns[i] == IP_ADDRESS;
	}
	return found;
}

static bool
matches(const char *begin, size_t bytes) {
	static const char first[] = "header-lease";
	size_t quoted = bytes > 0 && begin[0] == '"';
	return bytes >= strlen(first) + quoted && memcmp(begin + quoted, first, strlen(first)) == 0;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* ISO 8601, also with "UTC" behind it, seconds since 1970, "never", or what --dates says. */
static bool
take_time(infoblox_reader_t *reader, piece_t text, lessor_filetime_t *time, format_record_t *record) {
	uint64_t unix_s;
	bool zoned = true;
	if (text.bytes == 0) {
		return true;
	}
	if (piece_is_word(text, "never")) {
		*time = LESSOR_TIME_INFINITE;
		return true;
	}
	if (piece_number(text, KEA4_EXPIRE_MAX_S, &unix_s)) {
		*time = lessor_time_from_unix_s((int64_t)unix_s);
		return true;
	}
	bool utc = text.bytes > 4 && piece_is_word((piece_t){text.text + text.bytes - 4, 4}, " UTC");
	text.bytes -= utc ? 4 : 0;
	format_options_t in_utc = {.date_order = reader->options->date_order};
	if (!format_parse_time(utc ? &in_utc : reader->options, text, time, &zoned)) {
		return false;
	}
	if (!zoned && !utc && !reader->options->has_utc_offset && !reader->zone_missed) {
		reader->zone_missed = true;
		record->warnings |= UINT32_C(1) << FORMAT_WARN_NO_ZONE;
	}
	return true;
}

static bool
take_state(piece_t text, format_record_t *record) {
	static const struct {
		const char *word;
		uint8_t address_state; /* 0: no lease */
	} states[] = {{"ACTIVE", LESSOR_STATE_ACTIVE},
		      {"EXPIRED", LESSOR_STATE_DOOM},
		      {"RELEASED", LESSOR_STATE_DOOM | LEASE_IS_OVER},
		      {"ABANDONED", LESSOR_STATE_DECLINED},
		      {"FREE", 0},
		      {"BACKUP", 0},
		      {"RESET", 0}};
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (piece_is_word(text, states[i].word)) {
			record->kind = states[i].address_state != 0 ? FORMAT_LEASE : FORMAT_END;
			record->lease.address_state = states[i].address_state;
			return true;
		}
	}
	return text.bytes == 0;
}

static bool
take_start(infoblox_reader_t *reader, piece_t text, format_record_t *record) {
	lessor_filetime_t time = LESSOR_TIME_NONE;
	if (!take_time(reader, text, &time, record)) {
		return false;
	}
	int64_t start_s = lessor_time_to_unix_s(time);
	bool known = time != LESSOR_TIME_NONE && time < LESSOR_TIME_INFINITE;
	bool clamped = known && (start_s < 0 || start_s > UINT32_MAX);
	record->warnings |= clamped ? UINT32_C(1) << FORMAT_WARN_START_CLAMPED : 0;
	record->lease.last_transaction_s = !known || start_s < 0 ? 0 : clamped ? UINT32_MAX : (uint32_t)start_s;
	return true;
}

static bool
take_octets(piece_t text, uint8_t *octets, size_t capacity, uint8_t *count) {
	size_t got = 0;
	bool fine = text.bytes == 0 || piece_octets(text, ':', octets, capacity, &got);
	*count = (uint8_t)got;
	return fine;
}

static int
take_lease(infoblox_reader_t *reader, const piece_t *values, format_record_t *record) {
	lessor_lease_t *lease = &record->lease;
	lease->expires_at = LESSOR_TIME_NONE;
	if (!kea4_parse_ipv4(values[IP_ADDRESS].text, values[IP_ADDRESS].bytes, &lease->address) ||
	    lease->address == 0) {
		return format_record_bad(record, "ip_address is not an IPv4 address");
	}
	if (!take_state(values[BINDING_STATE], record)) {
		return format_record_bad(record, "binding_state is not known");
	}
	if (!take_start(reader, values[STARTS], record) ||
	    !take_time(reader, values[ENDS], &lease->expires_at, record)) {
		return format_record_bad(
			record, "starts or ends is not ISO 8601; --dates says in which order day and month are");
	}
	if (!take_octets(values[MAC_ADDRESS], reader->hardware, sizeof(reader->hardware), &lease->hardware_bytes)) {
		return format_record_bad(record, "mac_address is not up to 20 hex octets joined by colons");
	}
	if (!take_octets(values[UID], reader->client_id, sizeof(reader->client_id), &lease->client_id_bytes)) {
		return format_record_bad(record, "uid is not 1 to 255 hex octets joined by colons");
	}
	lease->hardware = lease->hardware_bytes > 0 ? reader->hardware : NULL;
	lease->hardware_type = lease->hardware_bytes > 0 ? ETHERNET : 0;
	lease->client_id = reader->client_id;
	piece_t owner = values[SERVER_HOST_NAME];
	if (owner.bytes > TEXT_MAX_BYTES) {
		return format_record_bad(record, "server_host_name is too long");
	}
	lease->owner_name = owner.bytes > 0 && piece_text(owner, reader->owner) ? reader->owner : NULL;
	piece_t next = values[NEXT_BINDING_STATE];
	record->lost |= next.bytes > 0 && !piece_is_word(next, "FREE") ? 1 : 0;
	record->lost = record->kind == FORMAT_END ? 0 : record->lost;
	format_need_client_id(record);
	return 1;
}

static int
take_row(infoblox_reader_t *reader, format_record_t *record) {
	piece_t values[COLUMNS];
	const csv_reader_t *csv = &reader->csv;
	if (csv->problem != NULL) {
		return format_record_bad(record, csv->problem);
	}
	if (!piece_is_word(csv->cells[0], "lease")) {
		return format_record_bad(record, "the row does not begin with 'lease'");
	}
	if (csv->count != reader->column_count) {
		return format_record_bad(record, csv->count < reader->column_count ? "the row has too few cells"
										   : "the row has too many cells");
	}
	for (size_t i = 0; i < COLUMNS; i++) {
		values[i] = (piece_t){"", 0};
	}
	for (size_t i = 1; i < reader->column_count; i++) {
		if (reader->columns[i] < COLUMNS) {
			values[reader->columns[i]] = csv->cells[i];
		} else if (csv->cells[i].bytes > 0) {
			record->lost |= UINT32_C(1) << (reader->columns[i] - COLUMNS);
		}
	}
	if (piece_is_word(values[PROTOCOL], "IPV6")) {
		record->kind = FORMAT_NOTE;
		record->text = "a DHCPv6 lease was left out";
		record->lost = 0;
		return 1;
	}
	return take_lease(reader, values, record);
}

static int
infoblox_next(format_reader_t *base, format_record_t *record) {
	infoblox_reader_t *reader = (infoblox_reader_t *)base;
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

static void
infoblox_close(format_reader_t *base) {
	infoblox_reader_t *reader = (infoblox_reader_t *)base;
	csv_reader_close(&reader->csv);
	free(reader);
}

static format_reader_t *
infoblox_open(const format_source_t *source, bool *foreign, char sentence[KEA_SENTENCE_BYTES]) {
	*foreign = false;
	infoblox_reader_t *reader = calloc(1, sizeof(*reader));
	if (reader == NULL || !csv_reader_open(&reader->csv, source->fd, source->bytes)) {
		snprintf(sentence, KEA_SENTENCE_BYTES, "%.300s: no memory to read it", source->path);
		free(reader);
		return NULL;
	}
	reader->base.format = &format_infoblox;
	reader->options = source->options;
	int got = csv_reader_next(&reader->csv);
	*foreign = got > 0 && !take_header(reader);
	if (*foreign || got < 0) {
		snprintf(sentence, KEA_SENTENCE_BYTES, "%.300s: %s", source->path,
			 got < 0 ? "it cannot be read" : "the header is not header-lease with a column ip_address");
		infoblox_close(&reader->base);
		return NULL;
	}
	return &reader->base;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static char *
put_time(char *out, lessor_filetime_t time) {
	civil_t civil;
	if (time == LESSOR_TIME_NONE) {
		return out;
	}
	if (time >= LESSOR_TIME_INFINITE) {
		return put_text(out, "never");
	}
	civil_from_unix_s(lessor_time_to_unix_s(time), &civil);
	out = put_text(put_padded(out, (uint64_t)civil.year, 4), "-");
	out = put_text(put_padded(out, civil.month, 2), "-");
	out = put_text(put_padded(out, civil.day, 2), "T");
	out = put_text(put_padded(out, civil.hour, 2), ":");
	out = put_text(put_padded(out, civil.minute, 2), ":");
	return put_text(put_padded(out, civil.second, 2), "Z");
}

static const char *
state_word(uint8_t address_state) {
	switch (address_state & LESSOR_STATE_MASK) {
	case LESSOR_STATE_ACTIVE:
		return "ACTIVE";
	case LESSOR_STATE_DECLINED:
		return "ABANDONED";
	default:
		return (address_state & LEASE_IS_OVER) != 0 ? "RELEASED" : "EXPIRED";
	}
}

static char *
put_lease(char *out, const lessor_lease_t *lease) {
	out = put_text(put_ipv4(put_text(out, "lease,"), lease->address), ",IPV4,");
	out = put_text(put_text(out, state_word(lease->address_state)), ",FREE,");
	if (lease->last_transaction_s != 0) {
		out = put_time(out, lessor_time_from_unix_s(lease->last_transaction_s));
	}
	out = put_text(put_time(put_text(out, ","), lease->expires_at), ",");
	out = put_text(put_octets(out, lease->hardware, lease->hardware_bytes, ':'), ",");
	if (!format_can_omit_client_id(lease)) {
		out = put_octets(out, lease->client_id, lease->client_id_bytes, ':');
	}
	out = put_text(out, ",");
	return put_text(lease->owner_name != NULL ? csv_put_cell(out, lease->owner_name) : out, "\n");
}

static bool
infoblox_write(format_writer_t *writer, const lessor_lease_t *lease, const lessor_scope_t *scope, uint32_t *losses) {
	(void)scope;
	uint8_t state = lease->address_state & LESSOR_STATE_MASK;
	*losses = format_losses_of(lease);
	if (state == LESSOR_STATE_OFFERED) {
		*losses = FORMAT_LOSS_BIT(FORMAT_LOSS_LEFT_OUT);
		return true;
	}
	*losses &= ~(FORMAT_LOSS_BIT(FORMAT_LOSS_STATE) | FORMAT_LOSS_BIT(FORMAT_LOSS_CLIENT_ID) |
		     FORMAT_LOSS_BIT(FORMAT_LOSS_HARDWARE) | FORMAT_LOSS_BIT(FORMAT_LOSS_NO_EXPIRY) |
		     FORMAT_LOSS_BIT(FORMAT_LOSS_INFINITE) | FORMAT_LOSS_BIT(FORMAT_LOSS_START));
	if (state == LESSOR_STATE_DOOM && (lease->address_state & ~LESSOR_STATE_MASK) == LEASE_IS_OVER) {
		*losses &= ~FORMAT_LOSS_BIT(FORMAT_LOSS_STATE_BITS);
	}
	*losses &= format_can_omit_client_id(lease) ? ~FORMAT_LOSS_BIT(FORMAT_LOSS_ID_MADE_UP) : UINT32_MAX;
	*losses &= lease->owner_address == 0 ? ~FORMAT_LOSS_BIT(FORMAT_LOSS_OWNER) : UINT32_MAX;
	char *room = output_file_room(writer->output, ROW_BYTES);
	if (room == NULL) {
		return false;
	}
	output_file_used(writer->output, (size_t)(put_lease(room, lease) - room));
	return true;
}

static bool
infoblox_begin(format_writer_t *writer) {
	char *room = output_file_room(writer->output, ROW_BYTES);
	if (room == NULL) {
		return false;
	}
	char *out = put_text(room, "header-lease");
	for (size_t i = 0; i < COLUMNS; i++) {
		out = put_text(put_text(out, ","), column_names[i]);
	}
	output_file_used(writer->output, (size_t)(put_text(out, "\n") - room));
	return true;
}

const format_t format_infoblox = {
	.name = "infoblox",
	.title = "the lease export of Infoblox, CSV",
	.matches = matches,
	.open = infoblox_open,
	.next = infoblox_next,
	.close = infoblox_close,
	.begin = infoblox_begin,
	.lease = infoblox_write,
	.loss_text = format_loss_text,
};
