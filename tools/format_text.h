/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of text that lease files are made of: numbers, octets, dates, names. */
#ifndef LESSOR_TOOLS_FORMAT_TEXT_H
#define LESSOR_TOOLS_FORMAT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <lessor/scope6.h>

/* A piece of a line; it is not NUL-terminated. */
typedef struct piece {
	const char *text;
	size_t bytes;
} piece_t;

static inline bool
piece_is(piece_t piece, const char *text) {
	return piece.bytes == strlen(text) && memcmp(piece.text, text, piece.bytes) == 0;
}

/* The same, whatever the case of ASCII letters. */
bool piece_is_word(piece_t piece, const char *word);

/* The next word of 'rest' and what comes behind it; false if only blanks are left. */
bool piece_word(piece_t *rest, piece_t *word);

/* Decimal digits and nothing else, at most 'max'. */
bool piece_number(piece_t piece, uint64_t max, uint64_t *number);

/* Octets of one or two hex digits, joined by 'separator'. False if malformed, empty, or more than 'capacity'. */
bool piece_octets(piece_t piece, char separator, uint8_t *octets, size_t capacity, size_t *count);

/* Octets of two hex digits each, not joined at all. */
bool piece_hex(piece_t piece, uint8_t *octets, size_t capacity, size_t *count);

/* An IPv6 address, as RFC 4291 has it; no zone. */
bool piece_ipv6(piece_t piece, lessor_address6_t *address);

/* "2001:db8:7::/64": the prefix without host bits, and the length. */
bool piece_prefix6(piece_t piece, lessor_address6_t *address, unsigned *length);

/* Octets as UTF-8 text (kea_text.h) with a final NUL. text holds 3 * bytes + 1. False, and "", if there is a NUL among them. */
bool piece_text(piece_t piece, char *text);

/* A date of the proleptic Gregorian calendar, UTC, as Unix seconds; false if there is no such date. Years 1 to 9999. */
typedef struct civil {
	int64_t year;
	unsigned month, day, hour, minute, second;
} civil_t;
bool civil_to_unix_s(const civil_t *civil, int64_t *unix_s);
void civil_from_unix_s(int64_t unix_s, civil_t *civil); /* beyond these years: the first or last second of them */

/*
 * ISO 8601: date and time with 'T' or a blank between, decimals of a second, 'Z' or an offset. ticks: FILETIME. zoned: it says where it is;
 * without that it is taken as 'offset_s' east of UTC.
 */
bool piece_iso_time(piece_t piece, int32_t offset_s, uint64_t *ticks, bool *zoned);

/*
 * Day, month and year in numbers with '/', '.' or '-' between, a blank, and a time of 24 or of 12 hours with AM or PM behind; in no
 * zone, as far as it says.
 */
bool piece_local_time(piece_t piece, bool day_first, int32_t offset_s, uint64_t *ticks);

/* ---- writing; each returns the end of what it wrote, without a NUL ---- */

char *put_bytes(char *out, const char *bytes, size_t count);
char *put_text(char *out, const char *text);
char *put_number(char *out, uint64_t number);
char *put_padded(char *out, uint64_t number, unsigned digits);
char *put_ipv4(char *out, uint32_t address);
char *put_ipv6(char *out, lessor_address6_t address);                             /* RFC 5952; room for 46 */
char *put_octets(char *out, const uint8_t *octets, size_t count, char separator); /* '\0': joined by nothing */
char *put_json_text(char *out, const char *text); /* in quotes; up to six times as long */

#endif
