/* SPDX-License-Identifier: Apache-2.0 */
/* Between text and value: what people type as arguments, and the same values back as text. */
#include "cli.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <time.h>

/* ---- Numbers and names ---- */

bool
cli_parse_number(const char *text, uint64_t max, uint64_t *number) {
	uint64_t value = 0;
	if (*text == '\0') {
		return false;
	}
	for (; *text != '\0'; text++) {
		unsigned digit = (unsigned)(unsigned char)*text - '0';
		if (digit > 9 || digit > max || value > (max - digit) / 10) {
			return false;
		}
		value = value * 10 + digit;
	}
	*number = value;
	return true;
}

/* The position of 'text' among 'count' names, or count. */
static size_t
find_name(const char *text, const char *const *names, size_t count) {
	size_t i = 0;
	while (i < count && strcmp(text, names[i]) != 0) {
		i++;
	}
	return i;
}

static const char *const lease_states[] = {"offered", "active", "declined", "doomed"};

bool
cli_parse_lease_state(const char *text, uint8_t *address_state) {
	uint64_t state = find_name(text, lease_states, 4);
	if (state == 4 && !cli_parse_number(text, UINT8_MAX, &state)) {
		return false;
	}
	/* The store holds no offers. */
	if ((state & LESSOR_STATE_MASK) == LESSOR_STATE_OFFERED) {
		return false;
	}
	*address_state = (uint8_t)state;
	return true;
}

const char *
cli_lease_state_name(uint8_t address_state) {
	return lease_states[address_state & LESSOR_STATE_MASK];
}

static const char *const scope_states[] = {"enabled", "disabled", "enabled-switched", "disabled-switched", "invalid"};

bool
cli_parse_scope_state(const char *text, uint32_t *state) {
	uint64_t number = find_name(text, scope_states, 5);
	if (number == 5 && !cli_parse_number(text, LESSOR_SCOPE_INVALID_STATE, &number)) {
		return false;
	}
	*state = (uint32_t)number;
	return true;
}

const char *
cli_scope_state_name(uint32_t state) {
	return state < 5 ? scope_states[state] : "unknown";
}

/* ---- Addresses ---- */

bool
cli_parse_ipv4(const char *text, uint32_t *address) {
	struct in_addr network_order;
	if (inet_pton(AF_INET, text, &network_order) != 1) {
		return false;
	}
	*address = ntohl(network_order.s_addr);
	return true;
}

void
cli_format_ipv4(uint32_t address, char text[16]) {
	(void)snprintf(text, 16, "%u.%u.%u.%u", address >> 24, address >> 16 & 0xFFu, address >> 8 & 0xFFu,
		       address & 0xFFu);
}

/* "24" or "255.255.255.0". */
static bool
parse_mask(const char *text, uint32_t *mask) {
	uint64_t prefix;
	if (cli_parse_number(text, 32, &prefix)) {
		if (prefix == 0) {
			return false;
		}
		*mask = UINT32_MAX << (32 - prefix);
		return true;
	}
	/* Contiguous: the host part is one less than a power of two. */
	return cli_parse_ipv4(text, mask) && *mask != 0 && (~*mask & (~*mask + 1)) == 0;
}

/* Split 'text' at the first 'separator'; the left part goes to left[16] if it fits. NULL if there is none. */
static const char *
split_address(const char *text, char separator, char left[16]) {
	const char *found = strchr(text, separator);
	size_t length = found != NULL ? (size_t)(found - text) : 0;
	if (found == NULL || length >= 16) {
		return NULL;
	}
	memcpy(left, text, length);
	left[length] = '\0';
	return found + 1;
}

bool
cli_parse_subnet(const char *text, uint32_t *subnet, uint32_t *mask) {
	char left[16];
	uint32_t address;
	uint32_t bits;
	const char *right = split_address(text, '/', left);
	if (right == NULL || !cli_parse_ipv4(left, &address) || !parse_mask(right, &bits) || (address & ~bits) != 0) {
		return false;
	}
	*subnet = address;
	*mask = bits;
	return true;
}

void
cli_format_subnet(uint32_t subnet, uint32_t mask, char *text) {
	char address[16];
	cli_format_ipv4(subnet, address);
	(void)snprintf(text, CLI_SUBNET_BYTES, "%s/%d", address, __builtin_popcount(mask));
}

bool
cli_parse_range(const char *text, lessor_range_t *range) {
	char left[16];
	lessor_range_t parsed;
	const char *right = split_address(text, '-', left);
	if (right == NULL) {
		if (!cli_parse_ipv4(text, &parsed.first)) {
			return false;
		}
		parsed.last = parsed.first;
	} else if (!cli_parse_ipv4(left, &parsed.first) || !cli_parse_ipv4(right, &parsed.last) ||
		   parsed.first > parsed.last) {
		return false;
	}
	*range = parsed;
	return true;
}

/* ---- Octets ---- */

static int
hex_digit(char c) {
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t
cli_parse_hex(const char *text, uint8_t *bytes, size_t capacity) {
	char separator;
	size_t count = 0;
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		text += 2;
	}
	separator = text[0] != '\0' && text[1] != '\0' && (text[2] == ':' || text[2] == '-') ? text[2] : '\0';
	while (count < capacity) {
		int high = hex_digit(text[0]);
		int low = high < 0 ? -1 : hex_digit(text[1]);
		if (low < 0) {
			return 0;
		}
		bytes[count++] = (uint8_t)(high << 4 | low);
		text += 2;
		if (*text == '\0') {
			return count;
		}
		if (separator != '\0' && *text++ != separator) {
			return 0;
		}
	}
	return 0;
}

void
cli_format_hex(const uint8_t *bytes, size_t count, char *text) {
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < count; i++) {
		*text++ = digits[bytes[i] >> 4];
		*text++ = digits[bytes[i] & 15];
		if (i + 1 < count) {
			*text++ = ':';
		}
	}
	*text = '\0';
}

/* ---- Keys of limits ---- */

static const char class_prefix[] = "class:";
static const char tag_prefix[] = "tag:";

bool
cli_parse_limit_key(const char *text, lessor_limit_key_t *key) {
	const bool is_class = strncmp(text, class_prefix, strlen(class_prefix)) == 0;
	*key = (lessor_limit_key_t){.kind = is_class ? LESSOR_LIMIT_CLASS : LESSOR_LIMIT_TAG};
	if (!is_class && strncmp(text, tag_prefix, strlen(tag_prefix)) != 0) {
		return false;
	}
	text += strlen(is_class ? class_prefix : tag_prefix);
	if (strncmp(text, "0x", 2) == 0) {
		key->size_bytes = (uint8_t)cli_parse_hex(text, key->bytes, sizeof(key->bytes));
		return key->size_bytes != 0;
	}
	const size_t size_bytes = strlen(text);
	if (size_bytes == 0 || size_bytes > sizeof(key->bytes)) {
		return false;
	}
	memcpy(key->bytes, text, size_bytes);
	key->size_bytes = (uint8_t)size_bytes;
	return true;
}

/* Is it a text that is read back as itself? */
static bool
is_plain_key(const lessor_limit_key_t *key) {
	for (unsigned i = 0; i < key->size_bytes; i++) {
		if (key->bytes[i] < ' ' || key->bytes[i] > '~') {
			return false;
		}
	}
	return key->size_bytes < 2 || memcmp(key->bytes, "0x", 2) != 0;
}

void
cli_format_limit_key(const lessor_limit_key_t *key, char *text) {
	const char *prefix = key->kind == LESSOR_LIMIT_CLASS ? class_prefix : tag_prefix;
	text = stpcpy(text, prefix);
	if (is_plain_key(key)) {
		memcpy(text, key->bytes, key->size_bytes);
		text[key->size_bytes] = '\0';
		return;
	}
	cli_format_hex(key->bytes, key->size_bytes, stpcpy(text, "0x"));
}

/* ---- Times ---- */

static bool
filetime_from_parts(int64_t unix_s, uint64_t ticks, lessor_filetime_t *time) {
	/* Neither end of the scale: these values have meanings of their own. */
	const int64_t first_s = -(int64_t)LESSOR_UNIX_EPOCH_FILETIME_S;
	const int64_t last_s = (int64_t)(LESSOR_TIME_INFINITE / LESSOR_TICKS_PER_SECOND) + first_s - 1;
	if (unix_s < first_s || unix_s > last_s || (unix_s == first_s && ticks == 0)) {
		return false;
	}
	*time = (uint64_t)(unix_s - first_s) * LESSOR_TICKS_PER_SECOND + ticks;
	return true;
}

/* min to max digits at *text, which moves behind them. */
static bool
take_digits(const char **text, int min, int max, int *value) {
	int count = 0;
	*value = 0;
	for (; count < max && **text >= '0' && **text <= '9'; count++, (*text)++) {
		*value = *value * 10 + (**text - '0');
	}
	return count >= min;
}

static bool
take(const char **text, char expected) {
	if (**text != expected) {
		return false;
	}
	(*text)++;
	return true;
}

/* ".5" as ticks. Nothing there is 0. */
static bool
take_fraction(const char **text, uint64_t *ticks) {
	uint64_t unit = LESSOR_TICKS_PER_SECOND;
	*ticks = 0;
	if (**text != '.') {
		return true;
	}
	for ((*text)++; **text >= '0' && **text <= '9' && unit > 1; (*text)++) {
		unit /= 10;
		*ticks += (uint64_t)(**text - '0') * unit;
	}
	return unit < LESSOR_TICKS_PER_SECOND;
}

static bool
parse_iso8601(const char *text, lessor_filetime_t *time) {
	struct tm given = {.tm_isdst = 0};
	struct tm real;
	time_t unix_s;
	uint64_t ticks;
	bool shaped = take_digits(&text, 4, 5, &given.tm_year) && take(&text, '-') &&
		      take_digits(&text, 2, 2, &given.tm_mon) && take(&text, '-') &&
		      take_digits(&text, 2, 2, &given.tm_mday) && take(&text, 'T') &&
		      take_digits(&text, 2, 2, &given.tm_hour) && take(&text, ':') &&
		      take_digits(&text, 2, 2, &given.tm_min) && take(&text, ':') &&
		      take_digits(&text, 2, 2, &given.tm_sec) && take_fraction(&text, &ticks) && take(&text, 'Z') &&
		      *text == '\0';
	if (!shaped) {
		return false;
	}
	given.tm_year -= 1900;
	given.tm_mon -= 1;
	real = given;
	unix_s = timegm(&real);
	/* timegm() moves what is out of range, such as 30 February, to the day it would be. */
	return real.tm_mon == given.tm_mon && real.tm_mday == given.tm_mday && real.tm_hour == given.tm_hour &&
	       real.tm_min == given.tm_min && real.tm_sec == given.tm_sec && filetime_from_parts(unix_s, ticks, time);
}

bool
cli_parse_time(const char *text, lessor_filetime_t *time) {
	uint64_t number;
	if (strcmp(text, "never") == 0) {
		*time = LESSOR_TIME_INFINITE;
		return true;
	}
	if (strcmp(text, "none") == 0) {
		*time = LESSOR_TIME_NONE;
		return true;
	}
	if (text[0] != '@') {
		return parse_iso8601(text, time);
	}
	if (text[1] == '-') {
		return cli_parse_number(text + 2, INT64_MAX, &number) && filetime_from_parts(-(int64_t)number, 0, time);
	}
	return cli_parse_number(text + 1, INT64_MAX, &number) && filetime_from_parts((int64_t)number, 0, time);
}

void
cli_format_time(lessor_filetime_t time, char *text) {
	time_t unix_s = lessor_time_to_unix_s(time);
	unsigned ticks = (unsigned)(time % LESSOR_TICKS_PER_SECOND);
	char fraction[16] = "";
	struct tm tm;
	if (time == LESSOR_TIME_NONE || time == LESSOR_TIME_INFINITE || gmtime_r(&unix_s, &tm) == NULL) {
		(void)snprintf(text, CLI_TIME_BYTES, "%s", time == LESSOR_TIME_NONE ? "none" : "never");
		return;
	}
	if (ticks != 0) {
		(void)snprintf(fraction, sizeof(fraction), ".%07u", ticks);
	}
	(void)snprintf(text, CLI_TIME_BYTES, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", tm.tm_year + 1900, tm.tm_mon + 1,
		       tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, fraction);
}
