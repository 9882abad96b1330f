/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts in the cells of a Kea lease file: host names and user contexts.
 *
 * Three forms of one text:
 *   cell    what stands in the file: octets that would disturb it are written '&', '#', 'x' and two hex digits;
 *   octets  what the server means: any octets at all;
 *   text    what lessor stores: UTF-8. Octets that are not UTF-8 become U+EF80 to U+EFFF (0xEF00 + octet), and so does
 *           each octet of one of these code points itself: every octet string has exactly one text, and comes back from it.
 *
 * NUL passes through the functions here like any other octet; it is for the caller to refuse it.
 */
#ifndef LESSOR_TOOLS_KEA_TEXT_H
#define LESSOR_TOOLS_KEA_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* What a hex digit of either case stands for; more than 15 if it is none. */
static inline unsigned
kea_hex_digit(char c) {
	unsigned digit = (unsigned)(uint8_t)c - '0';
	unsigned letter = ((unsigned)(uint8_t)c | 0x20) - 'a';
	return digit < 10 ? digit : letter < 6 ? letter + 10 : 16;
}

/* How much longer a text can get, at most. */
enum { KEA_TEXT_GROWS = 3, KEA_TEXT_CELL_GROWS = 5 };

/* cell -> octets. Returns their number, at most cell_bytes; octets may be the cell itself. */
size_t kea_text_decode(const char *cell, size_t cell_bytes, char *octets);

/* octets -> cell, as Kea 3.3.0 does it, which every release reads. cell holds KEA_TEXT_CELL_GROWS * count. */
size_t kea_text_encode(const char *octets, size_t count, char *cell);

/* octets -> text. text holds KEA_TEXT_GROWS * count and must not overlap. Returns its bytes; no NUL is added. */
size_t kea_text_to_utf8(const char *octets, size_t count, char *text);

/* text -> octets. Returns their number, at most text_bytes; octets may be the text itself. */
size_t kea_text_from_utf8(const char *text, size_t text_bytes, char *octets);

#endif
