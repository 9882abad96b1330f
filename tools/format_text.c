/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of text. See format_text.h. */
#include "format_text.h"

#include <arpa/inet.h>
#include <endian.h>

#include <lessor/time.h>

#include "kea4.h"
#include "kea_text.h"

enum { DAY_S = 86400, DAYS_FROM_YEAR_0_TO_1970 = 719468 };

/* ---- words and numbers ------------------------------------------------------------------------------------------- */

static char
lower(char c) {
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool
piece_is_word(piece_t piece, const char *word) {
	size_t bytes = strlen(word);
	if (piece.bytes != bytes) {
		return false;
	}
	for (size_t i = 0; i < bytes; i++) {
		if (lower(piece.text[i]) != lower(word[i])) {
			return false;
		}
	}
	return true;
}

static bool
is_blank(char c) {
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool
piece_word(piece_t *rest, piece_t *word) {
	const char *at = rest->text;
	const char *end = at + rest->bytes;
	while (at < end && is_blank(*at)) {
		at++;
	}
	const char *begin = at;
	while (at < end && !is_blank(*at)) {
		at++;
	}
	*word = (piece_t){begin, (size_t)(at - begin)};
	*rest = (piece_t){at, (size_t)(end - at)};
	return word->bytes > 0;
}

bool
piece_number(piece_t piece, uint64_t max, uint64_t *number) {
	uint64_t value = 0;
	if (piece.bytes == 0) {
		return false;
	}
	for (size_t i = 0; i < piece.bytes; i++) {
		unsigned digit = (unsigned)(uint8_t)piece.text[i] - '0';
		if (digit > 9 || value > max / 10 || value * 10 > max - digit) {
			return false;
		}
		value = value * 10 + digit;
	}
	*number = value;
	return true;
}

/* ---- octets ------------------------------------------------------------------------------------------------------ */

bool
piece_octets(piece_t piece, char separator, uint8_t *octets, size_t capacity, size_t *count) {
	size_t at = 0;
	*count = 0;
	while (*count < capacity && at < piece.bytes) {
		unsigned value = 0;
		size_t digits = 0;
		while (at < piece.bytes && piece.text[at] != separator) {
			unsigned digit = kea_hex_digit(piece.text[at++]);
			if (digit > 15 || ++digits > 2) {
				return false;
			}
			value = value << 4 | digit;
		}
		if (digits == 0) {
			return false;
		}
		octets[(*count)++] = (uint8_t)value;
		if (at == piece.bytes) {
			return true;
		}
		at++; /* the separator; something must follow */
	}
	return false;
}

bool
piece_hex(piece_t piece, uint8_t *octets, size_t capacity, size_t *count) {
	*count = piece.bytes / 2;
	if (piece.bytes == 0 || piece.bytes % 2 != 0 || *count > capacity) {
		return false;
	}
	for (size_t i = 0; i < *count; i++) {
		unsigned high = kea_hex_digit(piece.text[2 * i]);
		unsigned low = kea_hex_digit(piece.text[2 * i + 1]);
		if (high > 15 || low > 15) {
			return false;
		}
		octets[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool
piece_ipv6(piece_t piece, lessor_address6_t *address) {
	char text[INET6_ADDRSTRLEN];
	uint64_t halves[2];
	if (piece.bytes >= sizeof(text) || memchr(piece.text, '\0', piece.bytes) != NULL) {
		return false;
	}
	memcpy(text, piece.text, piece.bytes);
	text[piece.bytes] = '\0';
	if (inet_pton(AF_INET6, text, halves) != 1) {
		return false;
	}
	*address = (lessor_address6_t){be64toh(halves[0]), be64toh(halves[1])};
	return true;
}

bool
piece_prefix6(piece_t piece, lessor_address6_t *address, unsigned *length) {
	uint64_t bits;
	const char *slash = memchr(piece.text, '/', piece.bytes);
	size_t bytes = slash != NULL ? (size_t)(slash - piece.text) : 0;
	if (slash == NULL || !piece_ipv6((piece_t){piece.text, bytes}, address) ||
	    !piece_number((piece_t){slash + 1, piece.bytes - bytes - 1}, 128, &bits)) {
		return false;
	}
	*length = (unsigned)bits;
	uint64_t high_hosts = bits >= 64 ? 0 : UINT64_MAX >> bits;
	uint64_t low_hosts = bits == 128 ? 0 : bits <= 64 ? UINT64_MAX : UINT64_MAX >> (bits - 64);
	return (address->high & high_hosts) == 0 && (address->low & low_hosts) == 0;
}

bool
piece_text(piece_t piece, char *text) {
	bool fine = memchr(piece.text, '\0', piece.bytes) == NULL;
	text[fine ? kea_text_to_utf8(piece.text, piece.bytes, text) : 0] = '\0';
	return fine;
}

/* ---- dates ------------------------------------------------------------------------------------------------------- */

static bool
is_leap(int64_t year) {
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned
days_of_month(int64_t year, unsigned month) {
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Years begin in March here, so that the leap day comes last. */
bool
civil_to_unix_s(const civil_t *civil, int64_t *unix_s) {
	if (civil->year < 1 || civil->year > 9999 || civil->month < 1 || civil->month > 12 || civil->day < 1 ||
	    civil->day > days_of_month(civil->year, civil->month) || civil->hour > 23 || civil->minute > 59 ||
	    civil->second > 60) {
		return false;
	}
	int64_t year = civil->year - (civil->month <= 2);
	int64_t month = civil->month > 2 ? civil->month - 3 : civil->month + 9;
	int64_t days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + civil->day - 1 -
		       DAYS_FROM_YEAR_0_TO_1970;
	*unix_s = days * DAY_S + civil->hour * 3600 + civil->minute * 60 + civil->second;
	return true;
}

void
civil_from_unix_s(int64_t unix_s, civil_t *civil) {
	static const int64_t first_s = INT64_C(-62135596800); /* of year 1 */
	static const int64_t last_s = INT64_C(253402300799);  /* of year 9999 */
	unix_s = unix_s < first_s ? first_s : unix_s > last_s ? last_s : unix_s;
	int64_t days = unix_s / DAY_S - (unix_s % DAY_S < 0);
	int64_t seconds = unix_s - days * DAY_S;
	days += DAYS_FROM_YEAR_0_TO_1970;
	int64_t era = days / 146097;
	int64_t in_era = days % 146097;
	int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * in_year + 2) / 153;
	civil->day = (unsigned)(in_year - (153 * month + 2) / 5 + 1);
	civil->month = (unsigned)(month < 10 ? month + 3 : month - 9);
	civil->year = era * 400 + year + (civil->month <= 2);
	civil->hour = (unsigned)(seconds / 3600);
	civil->minute = (unsigned)(seconds / 60 % 60);
	civil->second = (unsigned)(seconds % 60);
}

/* So many digits at the beginning of what is left. */
static bool
take_digits(piece_t *rest, size_t digits, unsigned *number) {
	uint64_t value;
	if (rest->bytes < digits || !piece_number((piece_t){rest->text, digits}, UINT32_MAX, &value)) {
		return false;
	}
	*number = (unsigned)value;
	*rest = (piece_t){rest->text + digits, rest->bytes - digits};
	return true;
}

static bool
take_char(piece_t *rest, const char *any_of) {
	if (rest->bytes == 0 || *rest->text == '\0' || strchr(any_of, *rest->text) == NULL) {
		return false;
	}
	*rest = (piece_t){rest->text + 1, rest->bytes - 1};
	return true;
}

/* Decimals of a second, if there are any, as ticks. */
static uint64_t
take_fraction(piece_t *rest) {
	uint64_t ticks = 0;
	uint64_t unit = LESSOR_TICKS_PER_SECOND;
	unsigned digit;
	if (!take_char(rest, ".,")) {
		return 0;
	}
	while (take_digits(rest, 1, &digit)) {
		unit /= 10;
		ticks += unit * digit;
	}
	return ticks;
}

/* 'Z', an offset, or nothing. */
static bool
take_zone(piece_t *rest, int32_t *offset_s, bool *zoned) {
	unsigned hours;
	unsigned minutes = 0;
	*zoned = rest->bytes > 0;
	if (!*zoned) {
		return true;
	}
	bool west = *rest->text == '-';
	if (take_char(rest, "Zz")) {
		*offset_s = 0;
		return rest->bytes == 0;
	}
	if (!take_char(rest, "+-") || !take_digits(rest, 2, &hours) || hours > 23) {
		return false;
	}
	(void)take_char(rest, ":");
	if (rest->bytes > 0 && (!take_digits(rest, 2, &minutes) || minutes > 59)) {
		return false;
	}
	*offset_s = (int32_t)(hours * 3600 + minutes * 60);
	*offset_s = west ? -*offset_s : *offset_s;
	return rest->bytes == 0;
}

bool
piece_iso_time(piece_t piece, int32_t offset_s, uint64_t *ticks, bool *zoned) {
	civil_t civil = {0};
	unsigned year;
	int64_t unix_s;
	bool fine = take_digits(&piece, 4, &year) && take_char(&piece, "-") && take_digits(&piece, 2, &civil.month) &&
		    take_char(&piece, "-") && take_digits(&piece, 2, &civil.day) && take_char(&piece, "Tt ") &&
		    take_digits(&piece, 2, &civil.hour) && take_char(&piece, ":") &&
		    take_digits(&piece, 2, &civil.minute);
	if (!fine || (take_char(&piece, ":") && !take_digits(&piece, 2, &civil.second))) {
		return false;
	}
	civil.year = (int64_t)year;
	uint64_t fraction = take_fraction(&piece);
	if (!take_zone(&piece, &offset_s, zoned) || !civil_to_unix_s(&civil, &unix_s)) {
		return false;
	}
	*ticks = lessor_time_from_unix_s(unix_s - offset_s) + fraction;
	return true;
}

/* One or two digits. */
static bool
take_short_number(piece_t *rest, unsigned *number) {
	return take_digits(rest, 2, number) || take_digits(rest, 1, number);
}

/* "AM" or "PM" or nothing is left; hours of 12 become hours of 24. */
static bool
take_half(piece_t *rest, unsigned *hour) {
	piece_t word;
	if (!piece_word(rest, &word)) {
		return true;
	}
	bool afternoon = piece_is_word(word, "PM");
	if ((!afternoon && !piece_is_word(word, "AM")) || *hour < 1 || *hour > 12 || piece_word(rest, &word)) {
		return false;
	}
	*hour = *hour % 12 + (afternoon ? 12 : 0);
	return true;
}

bool
piece_local_time(piece_t piece, bool day_first, int32_t offset_s, uint64_t *ticks) {
	civil_t civil = {0};
	unsigned year;
	int64_t unix_s;
	bool fine = take_short_number(&piece, day_first ? &civil.day : &civil.month) && take_char(&piece, "/.-") &&
		    take_short_number(&piece, day_first ? &civil.month : &civil.day) && take_char(&piece, "/.-") &&
		    take_digits(&piece, 4, &year) && take_char(&piece, " ") && take_short_number(&piece, &civil.hour) &&
		    take_char(&piece, ":.") && take_digits(&piece, 2, &civil.minute);
	if (!fine || (take_char(&piece, ":.") && !take_digits(&piece, 2, &civil.second)) ||
	    !take_half(&piece, &civil.hour)) {
		return false;
	}
	civil.year = (int64_t)year;
	if (!civil_to_unix_s(&civil, &unix_s)) {
		return false;
	}
	*ticks = lessor_time_from_unix_s(unix_s - offset_s);
	return true;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

char *
put_bytes(char *out, const char *bytes, size_t count) {
	memcpy(out, bytes, count);
	return out + count;
}

char *
put_text(char *out, const char *text) {
	return put_bytes(out, text, strlen(text));
}

char *
put_padded(char *out, uint64_t number, unsigned digits) {
	for (unsigned i = digits; i > 0; i--) {
		out[i - 1] = (char)('0' + number % 10);
		number /= 10;
	}
	return out + digits;
}

char *
put_number(char *out, uint64_t number) {
	unsigned digits = 1;
	for (uint64_t rest = number; rest > 9; rest /= 10) {
		digits++;
	}
	return put_padded(out, number, digits);
}

char *
put_ipv4(char *out, uint32_t address) {
	return out + kea4_format_ipv4(address, out);
}

char *
put_ipv6(char *out, lessor_address6_t address) {
	uint64_t halves[2] = {htobe64(address.high), htobe64(address.low)};
	return inet_ntop(AF_INET6, halves, out, INET6_ADDRSTRLEN) != NULL ? out + strlen(out) : out;
}

char *
put_octets(char *out, const uint8_t *octets, size_t count, char separator) {
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && separator != '\0') {
			*out++ = separator;
		}
		*out++ = digits[octets[i] >> 4];
		*out++ = digits[octets[i] & 15];
	}
	return out;
}

char *
put_json_text(char *out, const char *text) {
	static const char digits[] = "0123456789abcdef";
	*out++ = '"';
	for (; *text != '\0'; text++) {
		uint8_t octet = (uint8_t)*text;
		if (octet == '"' || octet == '\\') {
			*out++ = '\\';
			*out++ = *text;
		} else if (octet < 0x20 || octet == 0x7f) {
			out = put_text(out, "\\u00");
			*out++ = digits[octet >> 4];
			*out++ = digits[octet & 15];
		} else {
			*out++ = *text;
		}
	}
	*out++ = '"';
	return out;
}
