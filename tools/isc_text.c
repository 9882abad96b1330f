/* SPDX-License-Identifier: Apache-2.0 */
/* Statements of dhcpd. See isc_text.h. */
#include "isc_text.h"

#include "kea_text.h"

static const char *const restarts[] = {"lease", "ia-na", "ia-ta", "ia-pd"};

void
isc_reader_open(isc_reader_t *reader, int fd, uint64_t limit_bytes) {
	text_bytes_open(&reader->bytes, fd, limit_bytes);
	reader->fresh = true;
	reader->count = 0;
}

static bool
is_blank(int c) {
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
take(isc_reader_t *reader, int c) {
	reader->fresh = c == '\n' || (reader->fresh && is_blank(c));
	text_bytes_take(&reader->bytes);
}

/* What comes behind blanks and comments. */
static int
peek_token(isc_reader_t *reader) {
	bool comment = false;
	int c;
	while ((c = text_bytes_peek(&reader->bytes)) >= 0 && (comment || is_blank(c) || c == '#')) {
		comment = c == '#' || (comment && c != '\n');
		take(reader, c);
	}
	return c;
}

/* ---- words and strings ------------------------------------------------------------------------------------------- */

/* Where the text of a statement is being put. */
typedef struct place {
	size_t begin;
	size_t end;
} place_t;

/* False if there is no room. */
static bool
keep(isc_reader_t *reader, place_t *place, int c) {
	if (place->end == sizeof(reader->text) || place->end - place->begin == ISC_TOKEN_MAX_BYTES) {
		return false;
	}
	reader->text[place->end++] = (char)c;
	return true;
}

/* Keep 'count' octets at once that hold no line end, and take them; those that there is no room for are taken too, and false. */
static bool
keep_run(isc_reader_t *reader, place_t *place, size_t count) {
	size_t room = sizeof(reader->text) - place->end;
	size_t left = ISC_TOKEN_MAX_BYTES - (place->end - place->begin);
	size_t kept = count < room ? count : room;
	kept = kept < left ? kept : left;
	memcpy(reader->text + place->end, reader->bytes.buffer + reader->bytes.at, kept);
	place->end += kept;
	reader->bytes.at += count;
	reader->fresh = false;
	return kept == count;
}

static bool
is_word_end(int c) {
	return c < 0 || is_blank(c) || c == ';' || c == '{' || c == '}' || c == '"' || c == '#';
}

static bool
take_word(isc_reader_t *reader, place_t *place) {
	const text_bytes_t *bytes = &reader->bytes;
	bool fine = true;
	while (!is_word_end(text_bytes_peek(&reader->bytes))) {
		size_t end = bytes->at + 1;
		while (end < bytes->end && !is_word_end(bytes->buffer[end])) {
			end++;
		}
		fine = keep_run(reader, place, end - bytes->at) && fine;
	}
	return fine;
}

/* Up to so many digits of a number with this base; -1 if there are not so many. */
static int
take_digits(isc_reader_t *reader, unsigned base, int digits) {
	unsigned value = 0;
	for (int i = 0; i < digits; i++) {
		int c = text_bytes_peek(&reader->bytes);
		unsigned digit = c >= 0 ? kea_hex_digit((char)c) : 16;
		if (digit >= base) {
			return -1;
		}
		value = value * base + digit;
		take(reader, c);
	}
	return value <= UINT8_MAX ? (int)value : -1;
}

/* Behind a backslash. -1 if it means nothing. */
static int
take_escape(isc_reader_t *reader) {
	int c = text_bytes_peek(&reader->bytes);
	if (c >= '0' && c <= '7') {
		return take_digits(reader, 8, 3);
	}
	if (c < 0 || c == '\n') {
		return -1;
	}
	take(reader, c);
	switch (c) {
	case 'x':
		return take_digits(reader, 16, 2);
	case 't':
		return '\t';
	case 'r':
		return '\r';
	case 'n':
		return '\n';
	case 'b':
		return '\b';
	default:
		return c;
	}
}

static bool
is_plain(int c) {
	return c != '"' && c != '\\' && c != '\n';
}

/* With its quotes, which do not become part of it. A line's end ends it too, and then it is broken. */
static bool
take_string(isc_reader_t *reader, place_t *place) {
	const text_bytes_t *bytes = &reader->bytes;
	bool fine = true;
	int c = '"';
	take(reader, c);
	while ((c = text_bytes_peek(&reader->bytes)) >= 0 && c != '"' && c != '\n') {
		if (c == '\\') {
			take(reader, c);
			c = take_escape(reader);
			fine = fine && c >= 0 && keep(reader, place, c);
			continue;
		}
		size_t end = bytes->at + 1;
		while (end < bytes->end && is_plain(bytes->buffer[end])) {
			end++;
		}
		fine = keep_run(reader, place, end - bytes->at) && fine;
	}
	if (c == '"') {
		take(reader, c);
	}
	return fine && c == '"';
}

/* ---- statements -------------------------------------------------------------------------------------------------- */

/* Does the line go on with a word that begins a declaration? Only looked at within the buffer: its beginning is rarely at the end of that. */
static bool
is_restart(const isc_reader_t *reader) {
	const text_bytes_t *bytes = &reader->bytes;
	size_t left = bytes->end - bytes->at;
	for (size_t i = 0; reader->fresh && i < sizeof(restarts) / sizeof(restarts[0]); i++) {
		size_t length = strlen(restarts[i]);
		if (left > length && memcmp(bytes->buffer + bytes->at, restarts[i], length) == 0 &&
		    is_blank(bytes->buffer[bytes->at + length])) {
			return true;
		}
	}
	return false;
}

static isc_end_t
end_of(int c) {
	switch (c) {
	case ';':
		return ISC_SEMICOLON;
	case '{':
		return ISC_OPEN;
	case '}':
		return ISC_CLOSE;
	case TEXT_BYTES_END:
		return ISC_FILE;
	default:
		return ISC_FAILED;
	}
}

/* One word or string more. */
static bool
add_word(isc_reader_t *reader, int c, size_t *used) {
	place_t place = {*used, *used};
	bool fine = c == '"' ? take_string(reader, &place) : take_word(reader, &place);
	if (reader->count < ISC_WORDS) {
		reader->quoted[reader->count] = c == '"';
		reader->words[reader->count++] = (piece_t){reader->text + place.begin, place.end - place.begin};
		*used = place.end;
	}
	return fine;
}

isc_end_t
isc_reader_next(isc_reader_t *reader, bool inside) {
	size_t used = 0;
	bool fine = true;
	int c = peek_token(reader);
	reader->count = 0;
	reader->line = reader->bytes.line;
	for (; c >= 0 && c != ';' && c != '{' && c != '}'; c = peek_token(reader)) {
		if ((inside || reader->count > 0) && is_restart(reader)) {
			return ISC_RESTART;
		}
		fine = add_word(reader, c, &used) && fine;
	}
	if (c == '}' && reader->count > 0) {
		return ISC_BROKEN; /* a statement without its end; the brace is still there */
	}
	if (c >= 0) {
		take(reader, c);
	}
	return c >= 0 && !fine && c != '{' ? ISC_BROKEN : end_of(c);
}

isc_end_t
isc_reader_skip(isc_reader_t *reader) {
	for (uint64_t depth = 1; depth > 0;) {
		isc_end_t end = isc_reader_next(reader, true);
		if (end == ISC_RESTART || end == ISC_FILE || end == ISC_FAILED) {
			return end;
		}
		depth += end == ISC_OPEN;
		depth -= end == ISC_CLOSE;
	}
	return ISC_CLOSE;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

char *
isc_put_string(char *out, const uint8_t *octets, size_t count) {
	*out++ = '"';
	for (size_t i = 0; i < count; i++) {
		if (octets[i] == '"' || octets[i] == '\\') {
			*out++ = '\\';
			*out++ = (char)octets[i];
		} else if (octets[i] >= ' ' && octets[i] < 0x7f) {
			*out++ = (char)octets[i];
		} else {
			*out++ = '\\';
			*out++ = (char)('0' + (octets[i] >> 6));
			*out++ = (char)('0' + (octets[i] >> 3 & 7));
			*out++ = (char)('0' + (octets[i] & 7));
		}
	}
	*out++ = '"';
	return out;
}
