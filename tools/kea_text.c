/* SPDX-License-Identifier: Apache-2.0 */
/* The escaping of Kea's cells, and octets that are not UTF-8 carried in UTF-8. See kea_text.h. */
#include "kea_text.h"

#include <stdbool.h>
#include <string.h>

/* The octet that the tag at 'cell' stands for, or -1 if there is no complete tag. */
static int
tag_value(const char *cell, size_t left) {
	if (left < 5 || cell[1] != '#' || cell[2] != 'x') {
		return -1;
	}
	unsigned high = kea_hex_digit(cell[3]);
	unsigned low = kea_hex_digit(cell[4]);
	return high > 15 || low > 15 ? -1 : (int)(high << 4 | low);
}

size_t
kea_text_decode(const char *cell, size_t cell_bytes, char *octets) {
	size_t in = 0;
	size_t out = 0;
	while (in < cell_bytes) {
		const char *tag = memchr(cell + in, '&', cell_bytes - in);
		size_t plain = tag != NULL ? (size_t)(tag - cell) - in : cell_bytes - in;
		memmove(octets + out, cell + in, plain);
		in += plain;
		out += plain;
		if (tag == NULL) {
			break;
		}
		int value = tag_value(cell + in, cell_bytes - in);
		octets[out++] = value < 0 ? '&' : (char)value;
		in += value < 0 ? 1 : 5;
	}
	return out;
}

size_t
kea_text_encode(const char *octets, size_t count, char *cell) {
	static const char digits[] = "0123456789abcdef";
	size_t out = 0;
	for (size_t in = 0; in < count; in++) {
		uint8_t octet = (uint8_t)octets[in];
		if (octet >= 0x20 && octet <= 0x7e && octet != ',' && octet != '&') {
			cell[out++] = (char)octet;
			continue;
		}
		cell[out++] = '&';
		cell[out++] = '#';
		cell[out++] = 'x';
		cell[out++] = digits[octet >> 4];
		cell[out++] = digits[octet & 15];
	}
	return out;
}

/* Does an octet that UTF-8 does not allow hide behind these three? U+EF80 to U+EFFF are EE BE 80 to EE BF BF. */
static bool
is_carrier(const uint8_t *bytes, size_t left) {
	return left >= 3 && bytes[0] == 0xEE && (bytes[1] & 0xFE) == 0xBE && (bytes[2] & 0xC0) == 0x80;
}

static bool
are_continuations(const uint8_t *bytes, size_t count) {
	for (size_t i = 0; i < count; i++) {
		if ((bytes[i] & 0xC0) != 0x80) {
			return false;
		}
	}
	return true;
}

/* The length of the UTF-8 sequence at 'bytes', which begins with an octet above 0x7F; 0 if it is none (RFC 3629). */
static size_t
utf8_sequence(const uint8_t *bytes, size_t left) {
	uint8_t lead = bytes[0];
	size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
	if (lead < 0xC2 || lead > 0xF4 || left < length || !are_continuations(bytes + 1, length - 1)) {
		return 0;
	}
	uint8_t second = bytes[1];
	bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
	bool surrogate = lead == 0xED && second > 0x9F;
	bool beyond = lead == 0xF4 && second > 0x8F;
	return overlong || surrogate || beyond ? 0 : length;
}

/* How many octets from here on are plain ASCII. */
static size_t
ascii_prefix(const char *octets, size_t count) {
	size_t i = 0;
	uint64_t eight;
	while (i + sizeof(eight) <= count) {
		memcpy(&eight, octets + i, sizeof(eight));
		if ((eight & UINT64_C(0x8080808080808080)) != 0) {
			break;
		}
		i += sizeof(eight);
	}
	while (i < count && ((uint8_t)octets[i] & 0x80) == 0) {
		i++;
	}
	return i;
}

size_t
kea_text_to_utf8(const char *octets, size_t count, char *text) {
	const uint8_t *bytes = (const uint8_t *)octets;
	size_t out = 0;
	for (size_t in = 0; in < count;) {
		size_t plain = ascii_prefix(octets + in, count - in);
		if (plain == 0 && !is_carrier(bytes + in, count - in)) {
			plain = utf8_sequence(bytes + in, count - in);
		}
		if (plain > 0) {
			memcpy(text + out, octets + in, plain);
			in += plain;
			out += plain;
			continue;
		}
		text[out++] = (char)0xEE;
		text[out++] = (char)(0xBC | bytes[in] >> 6);
		text[out++] = (char)(0x80 | (bytes[in] & 0x3F));
		in++;
	}
	return out;
}

size_t
kea_text_from_utf8(const char *text, size_t text_bytes, char *octets) {
	const uint8_t *bytes = (const uint8_t *)text;
	size_t out = 0;
	for (size_t in = 0; in < text_bytes;) {
		if (is_carrier(bytes + in, text_bytes - in)) {
			octets[out++] = (char)((bytes[in + 1] & 3) << 6 | (bytes[in + 2] & 0x3F));
			in += 3;
		} else {
			octets[out++] = text[in++];
		}
	}
	return out;
}
