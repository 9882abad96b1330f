/* SPDX-License-Identifier: Apache-2.0 */
/* User contexts of Kea leases, and the comments of Kea's JSON. See json_context.h. */
#include "json_context.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kea_text.h"

/* As deep as Kea reads. */
enum { MAX_DEPTH = 100 };

/* ---- comments ---------------------------------------------------------------------------------------------------- */

/* One past the string that begins with the quote at 'at'. */
static size_t
skip_string(const char *text, size_t bytes, size_t at) {
	for (at++; at < bytes && text[at] != '"'; at++) {
		if (text[at] == '\\') {
			at++;
		}
	}
	return at < bytes ? at + 1 : bytes;
}

static bool
begins_with(const char *text, size_t bytes, size_t at, const char *what) {
	size_t length = strlen(what);
	return length <= bytes - at && memcmp(text + at, what, length) == 0;
}

static void
blank(char *text, size_t first, size_t end) {
	for (size_t i = first; i < end; i++) {
		if (text[i] != '\n' && text[i] != '\r') {
			text[i] = ' ';
		}
	}
}

/* One past the comment that begins at 'at'; 'at' if none does; SIZE_MAX if it never ends. */
static size_t
skip_comment(const char *text, size_t bytes, size_t at) {
	if (text[at] == '#' || begins_with(text, bytes, at, "//")) {
		const char *end = memchr(text + at, '\n', bytes - at);
		return end != NULL ? (size_t)(end - text) : bytes;
	}
	if (!begins_with(text, bytes, at, "/*")) {
		return at;
	}
	for (size_t end = at + 2; end + 1 < bytes; end++) {
		if (text[end] == '*' && text[end + 1] == '/') {
			return end + 2;
		}
	}
	return SIZE_MAX;
}

static bool
is_space(char c) {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

json_blank_t
json_blank_comments(char *text, size_t bytes, bool commas) {
	json_blank_t found = JSON_BLANK_NOTHING;
	size_t comma = SIZE_MAX; /* of the last thing that was not blank, if that was a comma */
	for (size_t at = 0; at < bytes;) {
		size_t end = skip_comment(text, bytes, at);
		if (end == SIZE_MAX) {
			return JSON_BLANK_OPEN;
		}
		if (end > at) {
			blank(text, at, end);
			found = JSON_BLANK_COMMENTS;
			at = end;
			continue;
		}
		if (begins_with(text, bytes, at, "<?")) {
			return JSON_BLANK_INCLUDE;
		}
		if ((text[at] == '}' || text[at] == ']') && comma != SIZE_MAX && commas) {
			text[comma] = ' ';
		}
		if (!is_space(text[at])) {
			comma = text[at] == ',' ? at : SIZE_MAX;
		}
		at = text[at] == '"' ? skip_string(text, bytes, at) : at + 1;
	}
	return found;
}

/* ---- the old form of relay agent information --------------------------------------------------------------------- */

/* Where a member's name stands, without its quotes. */
typedef struct json_name {
	const char *text;
	size_t bytes;
} json_name_t;

static bool
name_is(json_name_t name, const char *wanted) {
	return name.text != NULL && name.bytes == strlen(wanted) && memcmp(name.text, wanted, name.bytes) == 0;
}

/*
 * Find the string at ISC.relay-agent-info in valid JSON: *first becomes the place of its opening quote, *end one past
 * the closing one. Everything else must survive byte for byte, which a parsed copy would not give back.
 */
static bool
find_relay_string(const char *text, size_t bytes, size_t *first, size_t *end) {
	json_name_t names[2] = {{NULL, 0}, {NULL, 0}}; /* of the members we are in, at depth 1 and 2 */
	json_name_t last = {NULL, 0};                  /* the latest string: a name if a colon follows */
	size_t depth = 0;
	for (size_t at = 0; at < bytes;) {
		char c = text[at];
		if (c == '"') {
			size_t after = skip_string(text, bytes, at);
			if (depth == 2 && name_is(names[0], "ISC") && name_is(names[1], "relay-agent-info")) {
				*first = at;
				*end = after;
				return true;
			}
			last = (json_name_t){text + at + 1, after - at - 2};
			at = after;
			continue;
		}
		depth += c == '{' || c == '[' ? 1 : 0;
		depth -= c == '}' || c == ']' ? 1 : 0;
		if (depth == 1 || depth == 2) {
			json_name_t *name = &names[depth - 1];
			if (c == ':') {
				*name = last;
			} else if (c == ',' || c == '{' || c == '[') {
				*name = (json_name_t){NULL, 0};
			}
		}
		at++;
	}
	return false;
}

/* The octet that two hex digits stand for; -1 if they are none. */
static int
hex_octet(const char *digits) {
	unsigned high = kea_hex_digit(digits[0]);
	unsigned low = kea_hex_digit(digits[1]);
	return high > 15 || low > 15 ? -1 : (int)(high << 4 | low);
}

/* The value of sub-option 'wanted' as a slice of the hex text (without its 0x); 0 characters if it is not there. */
static size_t
find_suboption(const char *hex, size_t digits, int wanted, const char **value) {
	for (size_t at = 0; at + 4 <= digits;) {
		int code = hex_octet(hex + at);
		int length = hex_octet(hex + at + 2);
		size_t end = at + 4 + 2 * (size_t)(length < 0 ? 0 : length);
		if (code < 0 || length < 0 || end > digits) {
			return 0;
		}
		if (code == wanted) {
			*value = hex + at + 4;
			return 2 * (size_t)length;
		}
		at = end;
	}
	return 0;
}

static size_t
append(char *out, size_t at, const char *text, size_t bytes) {
	memcpy(out + at, text, bytes);
	return at + bytes;
}

static size_t
append_member(char *out, size_t at, const char *name, const char *hex, size_t digits) {
	at = append(out, at, name, strlen(name));
	at = append(out, at, hex, digits);
	return append(out, at, "\"", 1);
}

/* Write the object that stands for the string of 'digits' hex digits after "0x". out holds 4 * digits + 128. */
static size_t
format_relay(const char *hex, size_t digits, char *out) {
	enum { REMOTE_ID = 2, RELAY_ID = 12 };
	const char *value = NULL;
	size_t at = append(out, 0, "{ ", 2);
	size_t found = find_suboption(hex, digits, RELAY_ID, &value);
	if (found > 0) {
		at = append_member(out, at, "\"relay-id\": \"0x", value, found);
		at = append(out, at, ", ", 2);
	}
	found = find_suboption(hex, digits, REMOTE_ID, &value);
	if (found > 0) {
		at = append_member(out, at, "\"remote-id\": \"0x", value, found);
		at = append(out, at, ", ", 2);
	}
	at = append_member(out, at, "\"sub-options\": \"0x", hex, digits);
	return append(out, at, " }", 2);
}

static json_verdict_t
upgrade_relay(char *text, size_t *bytes, size_t capacity) {
	size_t first;
	size_t end;
	if (!find_relay_string(text, *bytes, &first, &end) || !begins_with(text, *bytes, first, "\"0x")) {
		return JSON_FINE;
	}
	size_t digits = end - first - 4; /* two quotes and 0x */
	char *object = malloc(4 * digits + 128);
	if (object == NULL) {
		return JSON_NO_MEMORY;
	}
	size_t object_bytes = format_relay(text + first + 3, digits, object);
	size_t new_bytes = *bytes - (end - first) + object_bytes;
	json_verdict_t verdict = new_bytes > capacity ? JSON_TOO_LONG : JSON_FINE;
	if (verdict == JSON_FINE) {
		memmove(text + first + object_bytes, text + end, *bytes - end);
		memcpy(text + first, object, object_bytes);
		*bytes = new_bytes;
	}
	free(object);
	return verdict;
}

/* Only few contexts have the old form; a look at the raw text spares the others the search. */
static bool
may_need_upgrade(const char *text, size_t bytes) {
	return memmem(text, bytes, "\"relay-agent-info\"", strlen("\"relay-agent-info\"")) != NULL;
}

/* ---- judging ----------------------------------------------------------------------------------------------------- */

/*
 * RFC 8259 by recursive descent. Not json-c: that takes any character for the quotes of a member's name, which Kea would
 * refuse with the whole row, and strictly no integer beyond 64 bits, of which Kea has some.
 */
typedef struct json_reader {
	const char *at;
	const char *end;
	unsigned depth;
} json_reader_t;

static bool read_value(json_reader_t *reader);

/* The next character that is not blank; '\0' at the end, which is in no JSON. */
static char
peek(json_reader_t *reader) {
	while (reader->at < reader->end && is_space(*reader->at)) {
		reader->at++;
	}
	return reader->at < reader->end ? *reader->at : '\0';
}

static bool
is_at_end(json_reader_t *reader) {
	(void)peek(reader);
	return reader->at == reader->end;
}

static bool
take(json_reader_t *reader, char wanted) {
	bool there = reader->at < reader->end && *reader->at == wanted;
	reader->at += there;
	return there;
}

static bool
read_word(json_reader_t *reader, const char *word) {
	size_t length = strlen(word);
	bool there = (size_t)(reader->end - reader->at) >= length && memcmp(reader->at, word, length) == 0;
	reader->at += there ? length : 0;
	return there;
}

static bool
read_digits(json_reader_t *reader) {
	const char *first = reader->at;
	while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') {
		reader->at++;
	}
	return reader->at > first;
}

static bool
read_number(json_reader_t *reader) {
	(void)take(reader, '-');
	if (!take(reader, '0') && !read_digits(reader)) {
		return false;
	}
	if (take(reader, '.') && !read_digits(reader)) {
		return false;
	}
	if (!take(reader, 'e') && !take(reader, 'E')) {
		return true;
	}
	(void)(take(reader, '+') || take(reader, '-'));
	return read_digits(reader);
}

static bool
read_escape(json_reader_t *reader) {
	if (take(reader, 'u')) {
		unsigned digits = 0;
		while (digits < 4 && reader->at < reader->end && kea_hex_digit(*reader->at) < 16) {
			reader->at++;
			digits++;
		}
		return digits == 4;
	}
	bool known = reader->at < reader->end && memchr("\"\\/bfnrt", *reader->at, 8) != NULL;
	reader->at += known;
	return known;
}

/* Control characters may stand as they are: Kea reads them, though it does not write them. */
static bool
read_string(json_reader_t *reader) {
	if (!take(reader, '"')) {
		return false;
	}
	while (reader->at < reader->end && *reader->at != '"') {
		if (*reader->at++ == '\\' && !read_escape(reader)) {
			return false;
		}
	}
	return take(reader, '"');
}

static bool
read_member(json_reader_t *reader) {
	return peek(reader) == '"' && read_string(reader) && peek(reader) == ':' && take(reader, ':') &&
	       read_value(reader);
}

/* An object or an array, behind its opening bracket. */
static bool
read_items(json_reader_t *reader, char closing) {
	if (peek(reader) == closing) {
		return take(reader, closing);
	}
	do {
		if (!(closing == '}' ? read_member(reader) : read_value(reader))) {
			return false;
		}
	} while (peek(reader) == ',' && take(reader, ','));
	return take(reader, closing);
}

static bool
read_nested(json_reader_t *reader, char closing) {
	reader->at++;
	reader->depth++;
	bool fine = reader->depth <= MAX_DEPTH && read_items(reader, closing);
	reader->depth--;
	return fine;
}

static bool
read_value(json_reader_t *reader) {
	switch (peek(reader)) {
	case '{':
		return read_nested(reader, '}');
	case '[':
		return read_nested(reader, ']');
	case '"':
		return read_string(reader);
	case 't':
		return read_word(reader, "true");
	case 'f':
		return read_word(reader, "false");
	case 'n':
		return read_word(reader, "null");
	default:
		return read_number(reader);
	}
}

json_verdict_t
json_context_check(char *text, size_t *bytes, size_t capacity) {
	json_blank_t blanked = json_blank_comments(text, *bytes, false);
	json_reader_t reader = {.at = text, .end = text + *bytes};
	bool is_object = peek(&reader) == '{';
	if (blanked == JSON_BLANK_OPEN || blanked == JSON_BLANK_INCLUDE || !read_value(&reader) ||
	    !is_at_end(&reader)) {
		return JSON_MALFORMED;
	}
	if (!is_object) {
		return JSON_NOT_OBJECT;
	}
	return may_need_upgrade(text, *bytes) ? upgrade_relay(text, bytes, capacity) : JSON_FINE;
}
