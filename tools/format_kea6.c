/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DHCPv6 lease file of Kea (memfile CSV). What kea4.h and kea4_lease.h say of the one for DHCPv4 holds here, with these differences:
 *
 *   Kea                    lessor
 *   duid                   duid. 00:00:00, which is that of a declined lease, is made up of the address
 *   iaid                   iaid
 *   pref_lifetime          preferred_expires_at
 *   lease_type 2           none: a delegated prefix, which is told of and left out
 *   lease_type 1, state 4, pool_id, hwaddr_source   in the comment, see lease6_notes.h
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "format.h"
#include "json_context.h"
#include "kea4.h"
#include "kea_text.h"
#include "lease6_notes.h"
#include "text_lines.h"

#define HEADER                                                                                                         \
	"address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,"     \
	"hostname,hwaddr,state,user_context,hwtype,hwaddr_source,pool_id"

enum {
	ADDRESS,
	DUID,
	VALID_LIFETIME,
	EXPIRE,
	SUBNET_ID,
	PREF_LIFETIME,
	LEASE_TYPE,
	IAID,
	PREFIX_LEN,
	FQDN_FWD,
	FQDN_REV,
	HOSTNAME,
	HWADDR,
	STATE,
	USER_CONTEXT,
	HWTYPE,
	HWADDR_SOURCE,
	POOL_ID,
	COLUMNS,
	COLUMNS_MIN = HWADDR
};
enum { IA_NA, IA_TA, IA_PD };
enum { REGISTERED = 4, LEASE_IS_OVER = 0x80, DUID_MIN_BYTES = 3, DUID_MAX_BYTES = 130 };
enum { LOST_HWADDR, LOST_COLUMNS };

typedef struct kea6_reader {
	format_reader_t base;
	text_lines_t lines;
	size_t columns; /* of the header */
	kea4_parser_t parser;
	kea4_row_t texts; /* host name and user context of the row */
	uint8_t duid[DUID_MAX_BYTES];
	uint8_t hardware[LESSOR_HARDWARE_MAX_BYTES];
	char comment[LEASE6_NOTES_BYTES];
} kea6_reader_t;

/* ---- headers ----------------------------------------------------------------------------------------------------- */

/* Returns how many cells there are; of those beyond the capacity nothing is kept. */
static size_t
split(piece_t line, piece_t *cells, size_t capacity) {
	const char *at = line.text;
	const char *end = at + line.bytes;
	for (size_t count = 0;; count++) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		const char *stop = comma != NULL ? comma : end;
		if (count < capacity) {
			cells[count] = (piece_t){at, (size_t)(stop - at)};
		}
		if (comma == NULL) {
			return count + 1;
		}
		at = comma + 1;
	}
}

static bool
is_header(piece_t line, size_t *columns) {
	piece_t names[COLUMNS];
	piece_t cells[COLUMNS];
	(void)split((piece_t){HEADER, strlen(HEADER)}, names, COLUMNS);
	*columns = split(line, cells, COLUMNS);
	for (size_t i = 0; i < *columns && i < COLUMNS; i++) {
		if (cells[i].bytes != names[i].bytes || memcmp(cells[i].text, names[i].text, names[i].bytes) != 0) {
			return false;
		}
	}
	return *columns >= COLUMNS_MIN;
}

static bool
matches(const char *begin, size_t bytes) {
	static const char first[] = "address,duid,";
	return bytes >= strlen(first) && memcmp(begin, first, strlen(first)) == 0;
}

static void
kea6_close(format_reader_t *base) {
	kea6_reader_t *reader = (kea6_reader_t *)base;
	text_lines_close(&reader->lines);
	free(reader);
}

/* A file without any line is fine too. NULL, or what is wrong. */
static const char *
read_header(kea6_reader_t *reader, bool *foreign) {
	text_line_t line;
	int got;
	do {
		got = text_lines_next(&reader->lines, &line);
	} while (got > 0 && line.bytes == 0);
	*foreign = got > 0 && !is_header((piece_t){line.text, line.bytes}, &reader->columns);
	return got < 0 ? strerror(errno) : *foreign ? "this has not the header of a Kea DHCPv6 lease file" : NULL;
}

static format_reader_t *
kea6_open(const format_source_t *source, bool *foreign, char sentence[KEA_SENTENCE_BYTES]) {
	kea6_reader_t *reader = calloc(1, sizeof(*reader));
	*foreign = false;
	if (reader == NULL || !text_lines_open(&reader->lines, source->fd, source->bytes)) {
		snprintf(sentence, KEA_SENTENCE_BYTES, "%.300s: no memory to read it", source->path);
		free(reader);
		return NULL;
	}
	reader->base.format = &format_kea6;
	reader->base.lost_names[LOST_HWADDR] = "hwaddr, which is malformed";
	reader->base.lost_names[LOST_COLUMNS] = "columns that lessor does not know";
	const char *problem = read_header(reader, foreign);
	if (problem != NULL) {
		snprintf(sentence, KEA_SENTENCE_BYTES, "%.300s:%llu: %s", source->path,
			 (unsigned long long)reader->lines.number, problem);
		kea6_close(&reader->base);
		return NULL;
	}
	return &reader->base;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool
u32_cell(piece_t cell, uint32_t *number) {
	uint64_t value;
	bool fine = piece_number(cell, UINT32_MAX, &value);
	*number = fine ? (uint32_t)value : 0;
	return fine;
}

static bool
flag_cell(piece_t cell, bool *flag) {
	*flag = piece_is(cell, "1");
	return *flag || piece_is(cell, "0");
}

/* An optional number: empty is 'usual'. */
static bool
optional_cell(const piece_t *cells, size_t count, size_t column, uint32_t usual, uint32_t *number) {
	*number = usual;
	return column >= count || cells[column].bytes == 0 || u32_cell(cells[column], number);
}

static const char *
take_times(const piece_t *cells, format_record_t *record) {
	kea4_row_t times = {0};
	uint32_t preferred_s;
	bool clamped;
	lessor_lease6_t *lease = &record->lease6;
	if (!u32_cell(cells[VALID_LIFETIME], &times.valid_lifetime_s)) {
		return "valid_lifetime is not a number of 32 bits";
	}
	bool infinite = times.valid_lifetime_s == KEA4_INFINITE;
	if (!piece_number(cells[EXPIRE], infinite ? INT64_MAX : KEA4_EXPIRE_MAX_S, &times.expire_s)) {
		return "expire is not a time";
	}
	if (!u32_cell(cells[PREF_LIFETIME], &preferred_s)) {
		return "pref_lifetime is not a number of 32 bits";
	}
	record->kind = times.valid_lifetime_s == 0 ? FORMAT_END : FORMAT_LEASE;
	lease->last_transaction_s = kea4_last_transaction_s(&times, &clamped);
	lease->expires_at = infinite ? LESSOR_TIME_INFINITE : lessor_time_from_unix_s((int64_t)times.expire_s);
	lease->preferred_expires_at =
		preferred_s == KEA4_INFINITE
			? LESSOR_TIME_INFINITE
			: lessor_time_from_unix_s((int64_t)lease->last_transaction_s + (int64_t)preferred_s);
	if (clamped && record->kind == FORMAT_LEASE) {
		record->warnings |= UINT32_C(1) << FORMAT_WARN_START_CLAMPED;
	}
	return NULL;
}

/* The empty DUID stands for none. */
static const char *
take_identity(kea6_reader_t *reader, const piece_t *cells, format_record_t *record) {
	size_t octets;
	lessor_lease6_t *lease = &record->lease6;
	if (!u32_cell(cells[IAID], &lease->iaid)) {
		return "iaid is not a number of 32 bits";
	}
	if (!piece_octets(cells[DUID], ':', reader->duid, sizeof(reader->duid), &octets) || octets < DUID_MIN_BYTES) {
		return "duid is not 3 to 130 hex octets joined by colons";
	}
	bool empty = octets == DUID_MIN_BYTES && memcmp(reader->duid, "\0\0\0", DUID_MIN_BYTES) == 0;
	if (empty && lease->address_state != LESSOR_STATE_DECLINED) {
		return "the row has no duid";
	}
	lease->duid = reader->duid;
	lease->duid_bytes = empty ? 0 : (uint16_t)octets;
	format_need_duid(record);
	return NULL;
}

static const char *
take_hardware(kea6_reader_t *reader, const piece_t *cells, size_t count, format_record_t *record,
	      lease6_notes_t *notes) {
	uint32_t type;
	size_t octets;
	if (!optional_cell(cells, count, HWTYPE, 1, &type) || type > UINT8_MAX) {
		return "hwtype is not a number up to 255";
	}
	if (!optional_cell(cells, count, HWADDR_SOURCE, 0, &notes->hardware_source)) {
		return "hwaddr_source is not a number of 32 bits";
	}
	if (HWADDR >= count || cells[HWADDR].bytes == 0) {
		notes->hardware_source = 0;
		return NULL;
	}
	if (!piece_octets(cells[HWADDR], ':', reader->hardware, sizeof(reader->hardware), &octets)) {
		record->lost |= UINT32_C(1) << LOST_HWADDR;
		notes->hardware_source = 0;
		return NULL;
	}
	record->lease6.hardware = reader->hardware;
	record->lease6.hardware_bytes = (uint8_t)octets;
	record->lease6.hardware_type = (uint8_t)type;
	return NULL;
}

static const char *
take_state(const piece_t *cells, size_t count, format_record_t *record, lease6_notes_t *notes) {
	static const uint8_t states[] = {LESSOR_STATE_ACTIVE, LESSOR_STATE_DECLINED, LESSOR_STATE_DOOM,
					 LESSOR_STATE_DOOM | LEASE_IS_OVER, LESSOR_STATE_ACTIVE};
	uint32_t state = 0;
	if (count > STATE && (!u32_cell(cells[STATE], &state) || state > REGISTERED)) {
		return "state is not 0, 1, 2, 3 or 4";
	}
	record->lease6.address_state = states[state];
	notes->registered = state == REGISTERED;
	return NULL;
}

/* What is wrong, or NULL. With KEA4_NO_MEMORY the phrase is that of kea4.h. */
static const char *
take_texts(kea6_reader_t *reader, const piece_t *cells, size_t count, format_record_t *record) {
	kea4_row_t *texts = &reader->texts;
	kea4_problem_t problem =
		kea4_parse_hostname(&reader->parser, cells[HOSTNAME].text, cells[HOSTNAME].bytes, texts);
	piece_t context = count > USER_CONTEXT ? cells[USER_CONTEXT] : (piece_t){"", 0};
	if (problem == KEA4_FINE) {
		problem = kea4_parse_context(&reader->parser, context.text, context.bytes, texts);
	}
	if (problem != KEA4_FINE) {
		return kea4_problem_text(problem);
	}
	if (texts->hostname_dropped) {
		record->warnings |= UINT32_C(1) << FORMAT_WARN_NAME_DROPPED;
	}
	record->lease6.name = texts->hostname_bytes > 0 ? texts->hostname : NULL;
	record->lease6.user_context = texts->user_context_bytes > 0 ? texts->user_context : NULL;
	return NULL;
}

static const char *
take_row(kea6_reader_t *reader, const piece_t *cells, size_t count, format_record_t *record) {
	lease6_notes_t notes = {0};
	lessor_lease6_t *lease = &record->lease6;
	if (!piece_ipv6(cells[ADDRESS], &lease->address) || lease->address.high == 0) {
		return "the address is not an IPv6 address";
	}
	if (!u32_cell(cells[SUBNET_ID], &record->subnet_id)) {
		return "subnet_id is not a number of 32 bits";
	}
	if (!flag_cell(cells[FQDN_FWD], &lease->dns_forward) || !flag_cell(cells[FQDN_REV], &lease->dns_reverse)) {
		return "fqdn_fwd or fqdn_rev is not 0 or 1";
	}
	notes.temporary = piece_is(cells[LEASE_TYPE], "1");
	const char *problem = take_times(cells, record);
	problem = problem != NULL ? problem : take_state(cells, count, record, &notes);
	problem = problem != NULL ? problem : take_identity(reader, cells, record);
	problem = problem != NULL ? problem : take_hardware(reader, cells, count, record, &notes);
	problem = problem != NULL ? problem : take_texts(reader, cells, count, record);
	if (problem == NULL && !optional_cell(cells, count, POOL_ID, 0, &notes.pool_id)) {
		problem = "pool_id is not a number of 32 bits";
	}
	lease->comment = lease6_notes_put(&notes, reader->comment);
	return problem;
}

static int
take_line(kea6_reader_t *reader, const text_line_t *line, format_record_t *record) {
	piece_t cells[COLUMNS];
	size_t least = reader->columns < COLUMNS ? reader->columns : COLUMNS;
	size_t most = reader->columns > COLUMNS ? reader->columns : COLUMNS;
	if (line->too_long) {
		return format_record_bad(record, "the row is longer than 1 MiB");
	}
	size_t count = split((piece_t){line->text, line->bytes}, cells, COLUMNS);
	if (count < least || count > most) {
		return format_record_bad(record,
					 count < least ? "the row has too few cells" : "the row has too many cells");
	}
	record->lost |= count > COLUMNS ? UINT32_C(1) << LOST_COLUMNS : 0;
	if (piece_is(cells[LEASE_TYPE], "2")) {
		record->kind = FORMAT_NOTE;
		record->text = "a delegated prefix was left out";
		return 1;
	}
	if (!piece_is(cells[LEASE_TYPE], "0") && !piece_is(cells[LEASE_TYPE], "1")) {
		return format_record_bad(record, "lease_type is not 0, 1 or 2");
	}
	const char *problem = take_row(reader, cells, count < COLUMNS ? count : COLUMNS, record);
	return problem != NULL ? format_record_bad(record, problem) : 1;
}

static int
kea6_next(format_reader_t *base, format_record_t *record) {
	kea6_reader_t *reader = (kea6_reader_t *)base;
	text_line_t line;
	int got;
	do {
		got = text_lines_next(&reader->lines, &line);
	} while (got > 0 && line.bytes == 0);
	base->done_bytes = reader->lines.done_bytes;
	if (got <= 0) {
		return got;
	}
	format_record_clear6(record, FORMAT_LEASE, reader->lines.number);
	got = take_line(reader, &line, record);
	if (record->kind == FORMAT_BAD && line.cut) {
		record->kind = FORMAT_CUT;
	}
	return got;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

typedef struct times {
	uint64_t start_s;
	uint64_t valid_s;
	uint64_t preferred_s;
} times_t;

/* A lease whose start is not known began as long before its end as the scope's leases last. */
static times_t
times_of(const lessor_lease6_t *lease, const lessor_scope6_t *scope, uint32_t *losses) {
	int64_t expire_s;
	times_t times = {lease->last_transaction_s, KEA4_INFINITE, KEA4_INFINITE};
	if (format_expiry6_s(lease, &expire_s)) {
		uint64_t end_s = expire_s > 0 ? (uint64_t)expire_s : 1;
		uint64_t start_s = times.start_s != 0 ? times.start_s : end_s - scope->lease_s;
		bool sound = start_s < end_s && end_s - start_s < KEA4_INFINITE && expire_s > 0;
		times.start_s = sound ? start_s : end_s - 1;
		times.valid_s = end_s - times.start_s;
		*losses |= format_lost(!sound || lease->last_transaction_s == 0, FORMAT_LOSS_START);
	}
	if (lease->preferred_expires_at < LESSOR_TIME_INFINITE) {
		int64_t preferred_s = lessor_time_to_unix_s(lease->preferred_expires_at) - (int64_t)times.start_s;
		bool sound = preferred_s >= 0 && preferred_s < KEA4_INFINITE;
		times.preferred_s = sound ? (uint64_t)preferred_s : 0;
		*losses |= format_lost(!sound, FORMAT_LOSS_PREFERRED);
	}
	return times;
}

static unsigned
state_of(const lessor_lease6_t *lease, const lease6_notes_t *notes) {
	switch (lease->address_state & LESSOR_STATE_MASK) {
	case LESSOR_STATE_DECLINED:
		return KEA4_DECLINED;
	case LESSOR_STATE_DOOM:
		return (lease->address_state & LEASE_IS_OVER) != 0 ? KEA4_RELEASED : KEA4_EXPIRED_RECLAIMED;
	default:
		return notes->registered ? REGISTERED : KEA4_ASSIGNED;
	}
}

static char *
put_cell(char *out, uint64_t number) {
	return put_text(put_number(out, number), ",");
}

static char *
put_duid(char *out, const lessor_lease6_t *lease, uint32_t *losses) {
	bool declined = (lease->address_state & LESSOR_STATE_MASK) == LESSOR_STATE_DECLINED;
	if (declined && format_can_omit_duid(lease)) {
		*losses &= ~FORMAT_LOSS_BIT(FORMAT_LOSS_ID_MADE_UP);
		return put_text(out, "00:00:00,");
	}
	return put_text(put_octets(out, lease->duid, lease->duid_bytes, ':'), ",");
}

/* What stands in the store need not be JSON; Kea would refuse the whole row. */
static char *
put_context(char *out, char *scratch, const char *text, uint32_t *losses) {
	size_t bytes = text != NULL ? strlen(text) : 0;
	if (bytes == 0) {
		return out;
	}
	memcpy(scratch, text, bytes);
	if (json_context_check(scratch, &bytes, KEA4_CONTEXT_MAX_BYTES) != JSON_FINE) {
		return out;
	}
	*losses &= ~FORMAT_LOSS_BIT(FORMAT_LOSS_CONTEXT);
	return out + kea4_format_context(scratch, bytes, out);
}

static char *
put_row(char *out, char *scratch, const lessor_lease6_t *lease, const lessor_scope6_t *scope, uint32_t *losses) {
	lease6_notes_t notes;
	(void)lease6_notes_parse(lease->comment, &notes);
	notes.interface = (piece_t){NULL, 0};
	notes.hardware_source = lease->hardware_bytes > 0 ? notes.hardware_source : 0;
	notes.registered = state_of(lease, &notes) == REGISTERED;
	lease6_notes_settle(lease, &notes, losses);
	times_t times = times_of(lease, scope, losses);
	out = put_duid(put_text(put_ipv6(out, lease->address), ","), lease, losses);
	out = put_cell(put_cell(put_cell(out, times.valid_s), times.start_s + times.valid_s), scope->id);
	out = put_cell(put_cell(put_cell(out, times.preferred_s), notes.temporary ? IA_TA : IA_NA), lease->iaid);
	out = put_cell(put_cell(put_cell(out, 128), lease->dns_forward), lease->dns_reverse);
	if (lease->name != NULL) {
		out += kea4_format_hostname(lease->name, strlen(lease->name), out);
	}
	out = put_octets(put_text(out, ","), lease->hardware, lease->hardware_bytes, ':');
	out = put_cell(put_text(out, ","), state_of(lease, &notes));
	out = put_text(put_context(out, scratch, lease->user_context, losses), ",");
	out = put_cell(out, lease->hardware_bytes > 0 ? lease->hardware_type : 0);
	return put_text(put_number(put_cell(out, notes.hardware_source), notes.pool_id), "\n");
}

static bool
has_upper_case(const char *text) {
	return text != NULL && strpbrk(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL;
}

static bool
kea6_write(format_writer_t *writer, const lessor_lease6_t *lease, const lessor_scope6_t *scope, uint32_t *losses) {
	uint8_t state = lease->address_state & LESSOR_STATE_MASK;
	if (state == LESSOR_STATE_OFFERED || lease->duid_bytes < DUID_MIN_BYTES || lease->duid_bytes > DUID_MAX_BYTES) {
		*losses = FORMAT_LOSS_BIT(FORMAT_LOSS_LEFT_OUT);
		return true;
	}
	*losses = format_losses_of6(lease) &
		  (FORMAT_LOSS_BIT(FORMAT_LOSS_STATE_BITS) | FORMAT_LOSS_BIT(FORMAT_LOSS_ID_MADE_UP) |
		   FORMAT_LOSS_BIT(FORMAT_LOSS_NO_EXPIRY) | FORMAT_LOSS_BIT(FORMAT_LOSS_FRACTION) |
		   FORMAT_LOSS_BIT(FORMAT_LOSS_COMMENT) | FORMAT_LOSS_BIT(FORMAT_LOSS_OWNER) |
		   FORMAT_LOSS_BIT(FORMAT_LOSS_CONTEXT));
	if (state == LESSOR_STATE_DOOM && (lease->address_state & ~LESSOR_STATE_MASK) == LEASE_IS_OVER) {
		*losses &= ~FORMAT_LOSS_BIT(FORMAT_LOSS_STATE_BITS);
	}
	*losses |= format_lost(has_upper_case(lease->name), FORMAT_LOSS_NAME);
	char *room = output_file_room(writer->output, KEA4_ROW_OUT_BYTES + 1024);
	if (room == NULL) {
		return false;
	}
	output_file_used(writer->output, (size_t)(put_row(room, writer->scratch, lease, scope, losses) - room));
	return true;
}

static bool
kea6_begin(format_writer_t *writer) {
	char *room = output_file_room(writer->output, sizeof(HEADER) + 1);
	if (room == NULL) {
		return false;
	}
	output_file_used(writer->output, (size_t)(put_text(room, HEADER "\n") - room));
	return true;
}

const format_t format_kea6 = {
	.name = "kea6",
	.title = "a DHCPv6 memfile of Kea",
	.matches = matches,
	.has_siblings = true,
	.needs_ids = true,
	.open = kea6_open,
	.next = kea6_next,
	.close = kea6_close,
	.begin = kea6_begin,
	.lease6 = kea6_write,
	.loss_text = format_loss_text,
};
