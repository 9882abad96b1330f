/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lease file of dnsmasq: expiry, hardware address, address, name and client id in a line, separated by blanks.
 *
 * Where it is built for machines without a clock, the expiry is a duration; such small numbers are counted from the time that the
 * file was last changed. DHCPv6 leases stand in the same file, with the IAID instead of the hardware address and the DUID instead of the
 * client id; a T before the IAID says that the address is a temporary one. The server's own DUID is told of and left out.
 */
#include <string.h>

#include "format_lines.h"
#include "kea4.h"
#include "kea_text.h"

enum {
	FIELDS = 5,
	ETHERNET = 1,
	FIRST_DATE_S = 1000000000, /* smaller ones are durations */
	USUAL_LEASE_MAX = 1000,    /* dhcp-lease-max, unless it is set */
	ROW_BYTES = 8192
};

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool
matches(const char *begin, size_t bytes) {
	const char *end = memchr(begin, '\n', bytes);
	piece_t rest = {begin, end != NULL ? (size_t)(end - begin) : bytes};
	piece_t words[FIELDS];
	uint64_t number;
	uint32_t address;
	size_t count = 0;
	while (count < FIELDS && piece_word(&rest, &words[count])) {
		count++;
	}
	if (count == 2) {
		return piece_is(words[0], "duid");
	}
	return count == FIELDS && piece_number(words[0], UINT64_MAX, &number) &&
	       (kea4_parse_ipv4(words[2].text, words[2].bytes, &address) ||
		memchr(words[2].text, ':', words[2].bytes) != NULL);
}

/* "02:00:5e:10:00:01", or "06-02:00:5e:10:00:01" with a type in front, of which the address may be missing. */
static bool
take_hardware(line_reader_t *reader, piece_t word, lessor_lease_t *lease) {
	size_t count;
	uint8_t type = ETHERNET;
	if (word.bytes >= 3 && word.text[2] == '-') {
		if (!piece_hex((piece_t){word.text, 2}, &type, 1, &count)) {
			return false;
		}
		word = (piece_t){word.text + 3, word.bytes - 3};
		if (word.bytes == 0) {
			return true;
		}
	}
	if (!piece_octets(word, ':', reader->hardware, sizeof(reader->hardware), &count)) {
		return false;
	}
	lease->hardware_type = type;
	lease->hardware_bytes = (uint8_t)count;
	lease->hardware = reader->hardware;
	return true;
}

static bool
take_client_id(line_reader_t *reader, piece_t word, lessor_lease_t *lease) {
	size_t count = 0;
	if (piece_is(word, "*")) {
		return true;
	}
	bool fine = piece_octets(word, ':', reader->client_id, sizeof(reader->client_id), &count);
	lease->client_id = reader->client_id;
	lease->client_id_bytes = (uint8_t)count;
	return fine;
}

static bool
take_expiry(const line_reader_t *reader, piece_t word, format_record_t *record, lessor_filetime_t *expires_at) {
	uint64_t expire_s;
	if (!piece_number(word, KEA4_EXPIRE_MAX_S, &expire_s)) {
		return false;
	}
	if (expire_s == 0) {
		*expires_at = LESSOR_TIME_INFINITE;
		return true;
	}
	int64_t from_s = 0;
	if (expire_s < FIRST_DATE_S) {
		from_s = reader->source.modified_s;
		record->warnings |= UINT32_C(1) << FORMAT_WARN_DURATION;
	}
	*expires_at = lessor_time_from_unix_s(from_s + (int64_t)expire_s);
	return true;
}

/* DHCPv6: IAID and DUID. */
static bool
take_identity6(line_reader_t *reader, const piece_t *words, format_record_t *record) {
	lease6_notes_t notes = {.temporary = words[1].text[0] == 'T'};
	piece_t digits = {words[1].text + notes.temporary, words[1].bytes - notes.temporary};
	lessor_lease6_t *lease = &record->lease6;
	uint64_t iaid;
	size_t octets = 0;
	if (!piece_number(digits, UINT32_MAX, &iaid)) {
		return line_bad(record, "the IAID is not a number of 32 bits");
	}
	if (!piece_is(words[4], "*") &&
	    !piece_octets(words[4], ':', reader->client_id, sizeof(reader->client_id), &octets)) {
		return line_bad(record, "the DUID is not 1 to 255 hex octets joined by colons");
	}
	lease->iaid = (uint32_t)iaid;
	lease->duid = reader->client_id;
	lease->duid_bytes = (uint16_t)octets;
	lease->comment = lease6_notes_put(&notes, reader->comment);
	format_need_duid(record);
	return true;
}

static bool
take_line6(line_reader_t *reader, const piece_t *words, format_record_t *record) {
	format_record_clear6(record, FORMAT_LEASE, record->line);
	lessor_lease6_t *lease = &record->lease6;
	if (!piece_ipv6(words[2], &lease->address) || lease->address.high == 0) {
		return line_bad(record, "the address is not an IPv6 address");
	}
	if (!take_expiry(reader, words[0], record, &lease->expires_at)) {
		return line_bad(record, "the expiry is not a time");
	}
	lease->preferred_expires_at = lease->expires_at;
	if (!piece_is(words[3], "*") && !line_take_name(reader, words[3], record)) {
		return line_bad(record, "the host name is longer than 255 octets");
	}
	lease->name = record->lease.name;
	return take_identity6(reader, words, record);
}

static bool
take_line(line_reader_t *reader, piece_t line, format_record_t *record) {
	piece_t words[FIELDS + 1];
	size_t count = 0;
	while (count <= FIELDS && piece_word(&line, &words[count])) {
		count++;
	}
	if (count == 0) {
		return false;
	}
	if (piece_is(words[0], "duid")) {
		return line_note(record, "the server's DUID was left out");
	}
	if (count != FIELDS) {
		return line_bad(record, "the line has not five fields");
	}
	if (memchr(words[2].text, ':', words[2].bytes) != NULL) {
		return take_line6(reader, words, record);
	}
	if (!kea4_parse_ipv4(words[2].text, words[2].bytes, &record->lease.address) || record->lease.address == 0) {
		return line_bad(record, "the address is not an IPv4 address");
	}
	if (!take_expiry(reader, words[0], record, &record->lease.expires_at)) {
		return line_bad(record, "the expiry is not a time");
	}
	if (!take_hardware(reader, words[1], &record->lease)) {
		return line_bad(record, "the hardware address is not up to 20 hex octets joined by colons");
	}
	if (!take_client_id(reader, words[4], &record->lease)) {
		return line_bad(record, "the client id is not 1 to 255 hex octets joined by colons");
	}
	if (!piece_is(words[3], "*") && !line_take_name(reader, words[3], record)) {
		return line_bad(record, "the host name is longer than 255 octets");
	}
	format_need_client_id(record);
	return true;
}

static format_reader_t *
dnsmasq_open(const format_source_t *source, bool *foreign, char sentence[KEA_SENTENCE_BYTES]) {
	*foreign = false;
	return line_reader_open(&format_dnsmasq, take_line, source, sentence);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* A name that would not come back as it is becomes '*'. */
static char *
put_name(char *out, const char *name, uint32_t *losses) {
	char octets[LESSOR_NAME_MAX_BYTES];
	size_t bytes = name != NULL ? kea_text_from_utf8(name, strlen(name), octets) : 0;
	bool fine = bytes > 0 && bytes <= LINE_NAME_MAX_BYTES && !(bytes == 1 && octets[0] == '*');
	for (size_t i = 0; i < bytes && fine; i++) {
		fine = (uint8_t)octets[i] > ' ' && octets[i] != 0x7f;
	}
	*losses &= fine ? ~FORMAT_LOSS_BIT(FORMAT_LOSS_NAME) : UINT32_MAX;
	return fine ? put_bytes(out, octets, bytes) : put_text(out, "*");
}

static char *
put_hardware(char *out, const lessor_lease_t *lease) {
	if (lease->hardware_bytes == 0 || lease->hardware_type != ETHERNET) {
		uint8_t type = lease->hardware_bytes > 0 ? lease->hardware_type : 0;
		out = put_text(put_octets(out, &type, 1, ':'), "-");
	}
	return put_octets(out, lease->hardware, lease->hardware_bytes, ':');
}

static char *
put_row(char *out, const lessor_lease_t *lease, int64_t expire_s, uint32_t *losses) {
	out = put_text(put_number(out, (uint64_t)expire_s), " ");
	out = put_text(put_hardware(out, lease), " ");
	out = put_text(put_ipv4(out, lease->address), " ");
	out = put_text(put_name(out, lease->name, losses), " ");
	if (format_can_omit_client_id(lease)) {
		*losses &= ~FORMAT_LOSS_BIT(FORMAT_LOSS_ID_MADE_UP);
		return put_text(out, "*\n");
	}
	return put_text(put_octets(out, lease->client_id, lease->client_id_bytes, ':'), "\n");
}

static bool
dnsmasq_write(format_writer_t *writer, const lessor_lease_t *lease, const lessor_scope_t *scope, uint32_t *losses) {
	(void)scope;
	int64_t expire_s;
	bool timed = format_expiry_s(lease, &expire_s);
	*losses = format_losses_of(lease);
	if ((*losses & FORMAT_LOSS_BIT(FORMAT_LOSS_STATE)) != 0 || (timed && expire_s < FIRST_DATE_S)) {
		*losses = FORMAT_LOSS_BIT(FORMAT_LOSS_LEFT_OUT);
		return true;
	}
	*losses &= ~(FORMAT_LOSS_BIT(FORMAT_LOSS_CLIENT_ID) | FORMAT_LOSS_BIT(FORMAT_LOSS_HARDWARE) |
		     FORMAT_LOSS_BIT(FORMAT_LOSS_HARDWARE_TYPE) | FORMAT_LOSS_BIT(FORMAT_LOSS_INFINITE));
	char *room = output_file_room(writer->output, ROW_BYTES);
	if (room == NULL) {
		return false;
	}
	output_file_used(writer->output, (size_t)(put_row(room, lease, timed ? expire_s : 0, losses) - room));
	return true;
}

static char *
put_row6(char *out, const lessor_lease6_t *lease, int64_t expire_s, uint32_t *losses) {
	lease6_notes_t notes;
	(void)lease6_notes_parse(lease->comment, &notes);
	notes = (lease6_notes_t){.temporary = notes.temporary};
	lease6_notes_settle(lease, &notes, losses);
	out = put_text(put_number(out, (uint64_t)expire_s), notes.temporary ? " T" : " ");
	out = put_text(put_number(out, lease->iaid), " ");
	out = put_text(put_ipv6(out, lease->address), " ");
	out = put_text(put_name(out, lease->name, losses), " ");
	if (format_can_omit_duid(lease)) {
		*losses &= ~FORMAT_LOSS_BIT(FORMAT_LOSS_ID_MADE_UP);
		return put_text(out, "*\n");
	}
	return put_text(put_octets(out, lease->duid, lease->duid_bytes, ':'), "\n");
}

static bool
dnsmasq_write6(format_writer_t *writer, const lessor_lease6_t *lease, const lessor_scope6_t *scope, uint32_t *losses) {
	(void)scope;
	int64_t expire_s;
	bool timed = format_expiry6_s(lease, &expire_s);
	*losses = format_losses_of6(lease);
	if ((*losses & FORMAT_LOSS_BIT(FORMAT_LOSS_STATE)) != 0 || (timed && expire_s < FIRST_DATE_S)) {
		*losses = FORMAT_LOSS_BIT(FORMAT_LOSS_LEFT_OUT);
		return true;
	}
	*losses &= ~(FORMAT_LOSS_BIT(FORMAT_LOSS_CLIENT_ID) | FORMAT_LOSS_BIT(FORMAT_LOSS_IAID) |
		     FORMAT_LOSS_BIT(FORMAT_LOSS_INFINITE));
	char *room = output_file_room(writer->output, ROW_BYTES);
	if (room == NULL) {
		return false;
	}
	output_file_used(writer->output, (size_t)(put_row6(room, lease, timed ? expire_s : 0, losses) - room));
	return true;
}

static bool
dnsmasq_end(format_writer_t *writer) {
	if (writer->rows > USUAL_LEASE_MAX) {
		writer->note =
			"dnsmasq does not start with more leases than its dhcp-lease-max allows, 1000 unless set";
	}
	return true;
}

const format_t format_dnsmasq = {
	.name = "dnsmasq",
	.title = "the lease file of dnsmasq",
	.matches = matches,
	.open = dnsmasq_open,
	.next = line_reader_next,
	.close = line_reader_close,
	.lease = dnsmasq_write,
	.lease6 = dnsmasq_write6,
	.end = dnsmasq_end,
	.loss_text = format_loss_text,
};
