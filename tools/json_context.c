/* SPDX-License-Identifier: Apache-2.0 */
/* User contexts of Kea leases, and the comments of Kea's JSON. See json_context.h. */
#include "json_context.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "kea_text.h"

/* Deeper nesting than this is nobody's lease data; json-c's memory grows with it. */
enum { MAX_DEPTH = 128 };

struct json_context {
	json_tokener *tokener;
};

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

json_context_t *
json_context_new(void) {
	json_context_t *context = malloc(sizeof(*context));
	if (context == NULL) {
		return NULL;
	}
	context->tokener = json_tokener_new_ex(MAX_DEPTH);
	if (context->tokener == NULL) {
		free(context);
		return NULL;
	}
	return context;
}

void
json_context_free(json_context_t **context) {
	if (*context != NULL) {
		json_tokener_free((*context)->tokener);
		free(*context);
		*context = NULL;
	}
}

/* One whole text: JSON_FINE if it is an object. */
static json_verdict_t
judge(json_tokener *tokener, int flags, const char *text, size_t bytes) {
	json_tokener_reset(tokener);
	json_tokener_set_flags(tokener, flags);
	json_object *value = json_tokener_parse_ex(tokener, text, (int)bytes);
	bool is_json = json_tokener_get_error(tokener) == json_tokener_success;
	bool is_object = json_object_is_type(value, json_type_object);
	json_object_put(value);
	for (size_t end = json_tokener_get_parse_end(tokener); is_json && end < bytes; end++) {
		is_json = is_space(text[end]);
	}
	return !is_json ? JSON_MALFORMED : is_object ? JSON_FINE : JSON_NOT_OBJECT;
}

json_verdict_t
json_context_check(json_context_t *context, char *text, size_t *bytes, size_t capacity) {
	json_blank_t blanked = json_blank_comments(text, *bytes, false);
	if (blanked == JSON_BLANK_OPEN || blanked == JSON_BLANK_INCLUDE || *bytes > INT_MAX) {
		return JSON_MALFORMED;
	}
	json_verdict_t verdict = judge(context->tokener, JSON_TOKENER_STRICT, text, *bytes);
	if (json_tokener_get_error(context->tokener) == json_tokener_error_parse_number) {
		/* Kea's integers have up to 128 bits; strict json-c refuses what exceeds 64, the other mode takes it. */
		verdict = judge(context->tokener, 0, text, *bytes);
	}
	if (verdict != JSON_FINE) {
		return verdict;
	}
	return may_need_upgrade(text, *bytes) ? upgrade_relay(text, bytes, capacity) : JSON_FINE;
}
