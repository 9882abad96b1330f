/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state file of odhcpd. A DHCPv4 lease is a line of '#', interface, hardware address, the word ipv4, name, expiry, the address as a
 * hex number, 32, and the address with its length. DHCPv6 leases stand in the same file, and are left out, as do lines for a
 * hosts file.
 *
 * The interface becomes the policy name "odhcpd-interface=NAME", what gave this address.
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
enum { ETHERNET = 1, ROW_BYTES = 16384, INTERFACE_MAX_BYTES = 64 };

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
take_expiry(piece_t word, lessor_lease_t *lease) {
	uint64_t expire_s;
	if (piece_is(word, NEVER)) {
		lease->expires_at = LESSOR_TIME_INFINITE;
		return true;
	}
	if (!piece_number(word, KEA4_EXPIRE_MAX_S, &expire_s)) {
		return false;
	}
	lease->expires_at = lessor_time_from_unix_s((int64_t)expire_s);
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
		return line_note(record, "a DHCPv6 lease was left out");
	}
	if (!take_address(words[NUMBER], &lease->address)) {
		return line_bad(record, "the address is not a hex number of 32 bits");
	}
	if (!take_expiry(words[EXPIRY], lease)) {
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
	return line_reader_open(&format_odhcpd, take_line, source, sentence);
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
	.loss_text = format_loss_text,
};
