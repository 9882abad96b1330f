/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state file of odhcpd. A DHCPv4 lease is a line of '#', interface, hardware address, the word ipv4, name, expiry, the address as a
 * hex number, 32, and the address with its length. Of a DHCPv6 client the line has the DUID, the IAID in hex, name, expiry, the host part of
 * the address, 128, and every address that it has; of one with a delegated prefix the prefixes, which are told of and left out. Lines for
 * a hosts file stand in the same file, and are passed over.
 *
 * The interface becomes the policy name "odhcpd-interface=NAME", what gave this address; of an IPv6 lease, the comment.
 */
#include <stdio.h>
#include <string.h>

#include "format_lines.h"
#include "kea4.h"
#include "kea_text.h"

#define INTERFACE_POLICY "odhcpd-interface="
#define BROKEN           "broken\\x20" /* in front of a name that is not fit for DNS */
#define NEVER            "-1"

enum { IFNAME, HARDWARE, KIND, NAME, EXPIRY, NUMBER, LENGTH, ADDRESS, FIELDS, FIELDS_MIN = ADDRESS };
enum { ETHERNET = 1, ROW_BYTES = 16384, INTERFACE_MAX_BYTES = 64, LOST_INTERFACE = 0, ADDRESSES_MAX = 64 };

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* Behind the '#'. Returns how many words there are, at most FIELDS; of a DHCPv6 lease there may be more. */
static size_t
split(piece_t line, piece_t words[FIELDS]) {
	size_t count = 0;
	if (line.bytes == 0 || line.text[0] != '#') {
		return 0;
	}
	piece_t rest = {line.text + 1, line.bytes - 1};
	while (count < FIELDS && piece_word(&rest, &words[count])) {
		count++;
	}
	return count;
}

static bool
matches(const char *begin, size_t bytes) {
	const char *end = memchr(begin, '\n', bytes);
	piece_t words[FIELDS];
	uint64_t number;
	size_t count = split((piece_t){begin, end != NULL ? (size_t)(end - begin) : bytes}, words);
	return count >= FIELDS_MIN && piece_number(words[LENGTH], 128, &number) &&
	       (piece_is(words[EXPIRY], NEVER) || piece_number(words[EXPIRY], UINT64_MAX, &number));
}

/* \xNN in a name stands for an octet. Returns how many octets there are. */
static size_t
unescape(piece_t text, char *octets) {
	size_t count = 0;
	for (size_t i = 0; i < text.bytes; i++) {
		uint8_t octet;
		size_t one;
		bool escape = text.text[i] == '\\' && text.bytes - i >= 4 && text.text[i + 1] == 'x' &&
			      piece_hex((piece_t){text.text + i + 2, 2}, &octet, 1, &one);
		octets[count++] = escape ? (char)octet : text.text[i];
		i += escape ? 3 : 0;
	}
	return count;
}

static bool
take_name(line_reader_t *reader, piece_t word, format_record_t *record) {
	char octets[4 * LINE_NAME_MAX_BYTES];
	if (piece_is(word, "-")) {
		return true;
	}
	if (word.bytes > strlen(BROKEN) && memcmp(word.text, BROKEN, strlen(BROKEN)) == 0) {
		word = (piece_t){word.text + strlen(BROKEN), word.bytes - strlen(BROKEN)};
	}
	return word.bytes <= sizeof(octets) &&
	       line_take_name(reader, (piece_t){octets, unescape(word, octets)}, record);
}

/* 0 means expired: long ago. */
static bool
take_expiry(piece_t word, lessor_filetime_t *expires_at) {
	uint64_t expire_s;
	if (piece_is(word, NEVER)) {
		*expires_at = LESSOR_TIME_INFINITE;
		return true;
	}
	if (!piece_number(word, KEA4_EXPIRE_MAX_S, &expire_s)) {
		return false;
	}
	*expires_at = lessor_time_from_unix_s((int64_t)expire_s);
	return true;
}

static bool
take_address(piece_t word, uint32_t *address) {
	uint8_t octets[4] = {0};
	char padded[8];
	size_t count;
	if (word.bytes == 0 || word.bytes > sizeof(padded)) {
		return false;
	}
	memset(padded, '0', sizeof(padded));
	memcpy(padded + sizeof(padded) - word.bytes, word.text, word.bytes);
	bool fine = piece_hex((piece_t){padded, sizeof(padded)}, octets, sizeof(octets), &count);
	*address = (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 | (uint32_t)octets[2] << 8 | octets[3];
	return fine && *address != 0;
}

/* Up to eight hex digits. */
static bool
take_iaid(piece_t word, uint32_t *iaid) {
	*iaid = 0;
	for (size_t i = 0; i < word.bytes; i++) {
		unsigned digit = kea_hex_digit(word.text[i]);
		if (digit > 15) {
			return false;
		}
		*iaid = *iaid << 4 | digit;
	}
	return word.bytes > 0 && word.bytes <= 8;
}

/* Fit for a comment, and short. */
static bool
is_plain_name(piece_t name) {
	for (size_t i = 0; i < name.bytes; i++) {
		if (name.text[i] <= ' ' || name.text[i] > '~') {
			return false;
		}
	}
	return name.bytes <= LEASE6_INTERFACE_MAX_BYTES;
}

/* The address of this turn, and whether there is one behind. */
static bool
find_address(line_reader_t *reader, piece_t line, piece_t *address) {
	piece_t rest = {line.text + 1, line.bytes - 1};
	piece_t further;
	bool found = true;
	for (size_t i = 0; i <= ADDRESS + reader->turn && found; i++) {
		found = piece_word(&rest, address);
	}
	reader->again = found && piece_word(&rest, &further);
	return found;
}

static bool
take_line6(line_reader_t *reader, piece_t line, const piece_t *words, format_record_t *record) {
	piece_t word;
	uint64_t length;
	lessor_address6_t address;
	format_record_clear6(record, FORMAT_LEASE, record->line);
	if (reader->turn == ADDRESSES_MAX) {
		return line_bad(record, "the client has more than 64 addresses");
	}
	if (!find_address(reader, line, &word)) {
		return line_note(record, "a DHCPv6 client without an address was left out");
	}
	const char *slash = memchr(word.text, '/', word.bytes);
	size_t bytes = slash != NULL ? (size_t)(slash - word.text) : word.bytes;
	if (slash == NULL || !piece_ipv6((piece_t){word.text, bytes}, &address) || address.high == 0 ||
	    !piece_number((piece_t){slash + 1, word.bytes - bytes - 1}, 128, &length)) {
		return line_bad(record, "the address is not an IPv6 address with a length");
	}
	if (length < 128) {
		return line_note(record, "a delegated prefix was left out");
	}
	size_t octets;
	lessor_lease6_t *lease = &record->lease6;
	lease->address = address;
	if (!take_expiry(words[EXPIRY], &lease->expires_at)) {
		return line_bad(record, "the expiry is not a time");
	}
	if (!piece_hex(words[HARDWARE], reader->client_id, sizeof(reader->client_id), &octets) ||
	    !take_iaid(words[KIND], &lease->iaid)) {
		return line_bad(record, "DUID or IAID is not a hex number");
	}
	if (!take_name(reader, words[NAME], record)) {
		return line_bad(record, "the host name is longer than 255 octets");
	}
	lease6_notes_t notes = {.interface = words[IFNAME]};
	if (!is_plain_name(notes.interface)) {
		notes.interface.bytes = 0;
		record->lost |= UINT32_C(1) << LOST_INTERFACE;
	}
	lease->preferred_expires_at = lease->expires_at;
	lease->duid = reader->client_id;
	lease->duid_bytes = (uint16_t)octets;
	lease->name = record->lease.name;
	lease->comment = lease6_notes_put(&notes, reader->comment);
	return true;
}

static bool
take_line(line_reader_t *reader, piece_t line, format_record_t *record) {
	piece_t words[FIELDS];
	size_t octets;
	lessor_lease_t *lease = &record->lease;
	size_t count = split(line, words);
	if (line.text[0] != '#') {
		return false;
	}
	if (count < FIELDS_MIN) {
		return line_bad(record, "the line has too few fields");
	}
	if (!piece_is(words[KIND], "ipv4")) {
		return take_line6(reader, line, words, record);
	}
	if (!take_address(words[NUMBER], &lease->address)) {
		return line_bad(record, "the address is not a hex number of 32 bits");
	}
	if (!take_expiry(words[EXPIRY], &lease->expires_at)) {
		return line_bad(record, "the expiry is not a time");
	}
	if (!piece_octets(words[HARDWARE], ':', reader->hardware, sizeof(reader->hardware), &octets)) {
		return line_bad(record, "the hardware address is not up to 20 hex octets joined by colons");
	}
	if (!take_name(reader, words[NAME], record)) {
		return line_bad(record, "the host name is longer than 255 octets");
	}
	if (words[IFNAME].bytes > INTERFACE_MAX_BYTES) {
		return line_bad(record, "the interface has too long a name");
	}
	lease->hardware_type = ETHERNET;
	lease->hardware_bytes = (uint8_t)octets;
	lease->hardware = reader->hardware;
	char *policy = put_text(reader->policy, INTERFACE_POLICY);
	lease->policy_name = piece_text(words[IFNAME], policy) ? reader->policy : NULL;
	format_need_client_id(record);
	return true;
}

static format_reader_t *
odhcpd_open(const format_source_t *source, bool *foreign, char sentence[KEA_SENTENCE_BYTES]) {
	*foreign = false;
	format_reader_t *reader = line_reader_open(&format_odhcpd, take_line, source, sentence);
	if (reader != NULL) {
		reader->lost_names[LOST_INTERFACE] = "interface";
	}
	return reader;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static bool
is_plain(char c) {
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' ||
	       c == '.';
}

static char *
put_name(char *out, const char *name, uint32_t *losses) {
	char octets[LESSOR_NAME_MAX_BYTES];
	size_t bytes = name != NULL ? kea_text_from_utf8(name, strlen(name), octets) : 0;
	bool plain = !(bytes == 1 && octets[0] == '-');
	for (size_t i = 0; i < bytes; i++) {
		plain = plain && is_plain(octets[i]);
	}
	if (bytes == 0 || bytes > LINE_NAME_MAX_BYTES) {
		return put_text(out, "-");
	}
	*losses &= ~FORMAT_LOSS_BIT(FORMAT_LOSS_NAME);
	out = plain ? out : put_text(out, BROKEN);
	for (size_t i = 0; i < bytes; i++) {
		if (is_plain(octets[i])) {
			*out++ = octets[i];
		} else {
			uint8_t octet = (uint8_t)octets[i];
			out = put_octets(put_text(out, "\\x"), &octet, 1, ':');
		}
	}
	return out;
}

/* Without zeroes in front, as odhcpd does it. */
static char *
put_short_hex(char *out, const uint8_t *octets, size_t count) {
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < count; i++) {
		if (i > 0) {
			*out++ = ':';
		}
		if (octets[i] > 15) {
			*out++ = digits[octets[i] >> 4];
		}
		*out++ = digits[octets[i] & 15];
	}
	return out;
}

static char *
put_interface(char *out, const lessor_lease_t *lease, uint32_t *losses) {
	const char *name = "lan";
	size_t prefix = strlen(INTERFACE_POLICY);
	if (lease->policy_name != NULL && strncmp(lease->policy_name, INTERFACE_POLICY, prefix) == 0 &&
	    lease->policy_name[prefix] != '\0' && strpbrk(lease->policy_name, " \t\r\n") == NULL) {
		name = lease->policy_name + prefix;
		*losses &= ~FORMAT_LOSS_BIT(FORMAT_LOSS_POLICY);
	}
	return put_text(out, name);
}

static char *
put_expiry(char *out, const lessor_lease_t *lease) {
	int64_t expire_s;
	if (!format_expiry_s(lease, &expire_s)) {
		return put_text(out, NEVER);
	}
	return put_number(out, expire_s > 0 ? (uint64_t)expire_s : 0);
}

static char *
put_row(char *out, const lessor_lease_t *lease, uint32_t *losses) {
	char number[9];
	snprintf(number, sizeof(number), "%x", (unsigned)lease->address);
	out = put_text(put_interface(put_text(out, "# "), lease, losses), " ");
	out = put_text(put_short_hex(out, lease->hardware, lease->hardware_bytes), " ipv4 ");
	out = put_text(put_name(out, lease->name, losses), " ");
	out = put_text(put_expiry(out, lease), " ");
	out = put_text(put_text(out, number), " 32 ");
	return put_text(put_ipv4(out, lease->address), "/32\n");
}

static char *
put_row6(char *out, const lessor_lease6_t *lease, uint32_t *losses) {
	lease6_notes_t notes;
	char number[24];
	int64_t expire_s;
	(void)lease6_notes_parse(lease->comment, &notes);
	notes = (lease6_notes_t){.interface = notes.interface};
	lease6_notes_settle(lease, &notes, losses);
	out = notes.interface.bytes > 0 ? put_bytes(put_text(out, "# "), notes.interface.text, notes.interface.bytes)
					: put_text(out, "# lan");
	out = put_text(put_octets(put_text(out, " "), lease->duid, lease->duid_bytes, '\0'), " ");
	snprintf(number, sizeof(number), "%x ", (unsigned)lease->iaid);
	out = put_text(put_name(put_text(out, number), lease->name, losses), " ");
	out = format_expiry6_s(lease, &expire_s) ? put_number(out, expire_s > 0 ? (uint64_t)expire_s : 0)
						 : put_text(out, NEVER);
	snprintf(number, sizeof(number), " %llx 128 ", (unsigned long long)lease->address.low);
	return put_text(put_ipv6(put_text(out, number), lease->address), "/128\n");
}

static bool
odhcpd_write6(format_writer_t *writer, const lessor_lease6_t *lease, const lessor_scope6_t *scope, uint32_t *losses) {
	(void)scope;
	*losses = format_losses_of6(lease);
	if ((*losses & FORMAT_LOSS_BIT(FORMAT_LOSS_STATE)) != 0) {
		*losses = FORMAT_LOSS_BIT(FORMAT_LOSS_LEFT_OUT);
		return true;
	}
	*losses &= ~(FORMAT_LOSS_BIT(FORMAT_LOSS_CLIENT_ID) | FORMAT_LOSS_BIT(FORMAT_LOSS_IAID) |
		     FORMAT_LOSS_BIT(FORMAT_LOSS_INFINITE));
	char *room = output_file_room(writer->output, ROW_BYTES);
	if (room == NULL) {
		return false;
	}
	output_file_used(writer->output, (size_t)(put_row6(room, lease, losses) - room));
	return true;
}

static bool
odhcpd_write(format_writer_t *writer, const lessor_lease_t *lease, const lessor_scope_t *scope, uint32_t *losses) {
	(void)scope;
	*losses = format_losses_of(lease);
	if ((*losses & FORMAT_LOSS_BIT(FORMAT_LOSS_STATE)) != 0 || lease->hardware_bytes == 0) {
		*losses = FORMAT_LOSS_BIT(FORMAT_LOSS_LEFT_OUT);
		return true;
	}
	*losses &= ~(FORMAT_LOSS_BIT(FORMAT_LOSS_HARDWARE) | FORMAT_LOSS_BIT(FORMAT_LOSS_INFINITE));
	if (format_can_omit_client_id(lease)) {
		*losses &= ~FORMAT_LOSS_BIT(FORMAT_LOSS_ID_MADE_UP);
	} else if (lease->client_id_made_up) {
		*losses ^= FORMAT_LOSS_BIT(FORMAT_LOSS_ID_MADE_UP) | FORMAT_LOSS_BIT(FORMAT_LOSS_CLIENT_ID);
	}
	char *room = output_file_room(writer->output, ROW_BYTES);
	if (room == NULL) {
		return false;
	}
	output_file_used(writer->output, (size_t)(put_row(room, lease, losses) - room));
	return true;
}

const format_t format_odhcpd = {
	.name = "odhcpd",
	.title = "the state file of odhcpd",
	.matches = matches,
	.open = odhcpd_open,
	.next = line_reader_next,
	.close = line_reader_close,
	.lease = odhcpd_write,
	.lease6 = odhcpd_write6,
	.loss_text = format_loss_text,
};
