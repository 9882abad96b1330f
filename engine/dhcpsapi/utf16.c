/* SPDX-License-Identifier: Apache-2.0 */
/* Strings across the border; libunistring does the conversion itself. */
#include "dhcpsapi/utf16.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistr.h>

bool
lsr_utf16_to_utf8(LPCWSTR text, size_t max_units, char *utf8) {
	const size_t units = u16_strnlen(text, max_units + 1);
	if (units > max_units) {
		return false;
	}
	size_t bytes = LSR_UTF8_BYTES(max_units) - 1;
	uint8_t *out = u16_to_u8(text, units, (uint8_t *)utf8, &bytes);
	if (out == NULL) {
		return false;
	}
	utf8[bytes] = '\0';
	return true;
}

bool
lsr_utf16_take(LPCWSTR text, size_t max_units, char *utf8, const char **member) {
	*member = text == NULL ? NULL : utf8;
	return text == NULL || lsr_utf16_to_utf8(text, max_units, utf8);
}

bool
lsr_utf16_fits(LPCWSTR text, size_t max_units) {
	return text == NULL || u16_strnlen(text, max_units + 1) <= max_units;
}

size_t
lsr_utf16_bytes(const char *utf8) {
	size_t units = 1;
	if (utf8 == NULL) {
		return 0;
	}
	for (; *utf8 != '\0'; utf8++) {
		const unsigned byte = (unsigned char)*utf8;
		/* Each character begins with a byte of another form than those that follow; four bytes are a pair. */
		units += (byte & 0xC0u) != 0x80u;
		units += byte >= 0xF0u;
	}
	return units * sizeof(WCHAR);
}

bool
lsr_utf16_from_utf8(const char *utf8, size_t utf8_bytes, WCHAR *text) {
	size_t units = utf8_bytes;
	uint16_t *out = u8_to_u16((const uint8_t *)utf8, utf8_bytes, text, &units);
	if (out == NULL) {
		return false;
	}
	text[units] = 0;
	return true;
}

static unsigned
fold(unsigned unit) {
	return unit >= 'A' && unit <= 'Z' ? unit - 'A' + 'a' : unit;
}

bool
lsr_utf16_same_label(LPCWSTR a, LPCWSTR b) {
	while (*a != 0 && fold(*a) == fold(*b)) {
		a++;
		b++;
	}
	return *a == 0 && *b == 0;
}

/* Read one number of a dotted quad; NULL if there is none. */
static LPCWSTR
parse_octet(LPCWSTR text, DHCP_IP_ADDRESS *octet) {
	LPCWSTR const first = text;
	*octet = 0;
	while (*text >= '0' && *text <= '9' && text - first < 3) {
		*octet = *octet * 10 + (DHCP_IP_ADDRESS)(*text - '0');
		text++;
	}
	const bool leading_zero = *first == '0' && text - first > 1;
	return text == first || leading_zero || *octet > 255 ? NULL : text;
}

bool
lsr_utf16_parse_address(LPCWSTR text, DHCP_IP_ADDRESS *address) {
	DHCP_IP_ADDRESS result = 0;
	for (int i = 0; i < 4; i++) {
		DHCP_IP_ADDRESS octet;
		if (i > 0 && *text++ != '.') {
			return false;
		}
		text = parse_octet(text, &octet);
		if (text == NULL) {
			return false;
		}
		result = result << 8 | octet;
	}
	if (*text != 0) {
		return false;
	}
	*address = result;
	return true;
}
