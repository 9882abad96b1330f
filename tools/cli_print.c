/* SPDX-License-Identifier: Apache-2.0 */
/* What the sub-commands of lessor(1) print: text from the network made harmless, JSON, tables, a lease. */
#include "cli.h"

#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include <json-c/json.h>

/* ---- Text from the network ---- */

/* The character that begins at text[0] (not NUL), and how many bytes it has; 0 if these are not UTF-8. */
static size_t
decode_utf8(const char *text, uint32_t *character) {
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *bytes = (const unsigned char *)text;
	size_t length = bytes[0] < 0x80   ? 1
			: bytes[0] < 0xC2 ? 0
			: bytes[0] < 0xE0 ? 2
			: bytes[0] < 0xF0 ? 3
			: bytes[0] < 0xF5 ? 4
					  : 0;
	uint32_t value = length > 1 ? bytes[0] & (0x7Fu >> length) : bytes[0];
	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xC0u) != 0x80) {
			return 0;
		}
		value = value << 6 | (bytes[i] & 0x3Fu);
	}
	if (length == 0 || value < smallest[length] || (value >= 0xD800 && value <= 0xDFFF) || value > 0x10FFFF) {
		return 0;
	}
	*character = value;
	return length;
}

bool
cli_text_valid(const char *text, size_t max_bytes) {
	uint32_t character;
	if (strlen(text) > max_bytes) {
		return false;
	}
	while (*text != '\0') {
		size_t length = decode_utf8(text, &character);
		if (length == 0) {
			return false;
		}
		text += length;
	}
	return true;
}

static bool
locale_is_utf8(void) {
	static int known = -1;
	if (known < 0) {
		known = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	}
	return known != 0;
}

/* Characters that the C library calls printable although they show nothing and reorder or hide what is around them. */
static bool
steers_display(uint32_t character) {
	static const struct {
		uint32_t first;
		uint32_t last;
	} steering[] = {{0x061C, 0x061C}, {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F},
			{0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE0FFF}};
	for (size_t i = 0; i < sizeof(steering) / sizeof(steering[0]); i++) {
		if (character >= steering[i].first && character <= steering[i].last) {
			return true;
		}
	}
	return false;
}

static bool
shows_plainly(uint32_t character) {
	if (character < 0x80) {
		return character >= 0x20 && character != 0x7F;
	}
	return locale_is_utf8() && !steers_display(character) && iswprint((wint_t)character) != 0;
}

/* How many bytes from text[0] on are ASCII that goes out as it is anywhere: the common case, written in one piece. */
static size_t
plain_run(const char *text) {
	size_t length = 0;
	while (text[length] >= 0x20 && text[length] < 0x7F && text[length] != '\\') {
		length++;
	}
	return length;
}

static void
put_escaped(FILE *stream, uint32_t character) {
	static const char letters[] = "abtnvfr";
	if (character >= '\a' && character <= '\r') {
		(void)fprintf(stream, "\\%c", letters[character - '\a']);
	} else if (character < 0x80) {
		(void)fprintf(stream, "\\x%02" PRIx32, character);
	} else if (character <= 0xFFFF) {
		(void)fprintf(stream, "\\u%04" PRIx32, character);
	} else {
		(void)fprintf(stream, "\\U%08" PRIx32, character);
	}
}

/* At most 'limit' characters of the text, and "..." if that was not all. */
static void
put_harmless(FILE *stream, const char *text, size_t limit, bool double_backslash) {
	uint32_t character;
	while (*text != '\0' && limit > 0) {
		size_t length = plain_run(text);
		if (length > 0) {
			length = length < limit ? length : limit;
			(void)fwrite(text, 1, length, stream);
			text += length;
			limit -= length;
			continue;
		}
		limit--;
		length = decode_utf8(text, &character);
		if (length == 0) {
			(void)fprintf(stream, "\\x%02x", (unsigned)(unsigned char)*text);
			length = 1;
		} else if (!shows_plainly(character)) {
			put_escaped(stream, character);
		} else if (character == '\\' && double_backslash) {
			(void)fputs("\\\\", stream);
		} else {
			(void)fwrite(text, 1, length, stream);
		}
		text += length;
	}
	if (*text != '\0') {
		(void)fputs("...", stream);
	}
}

void
cli_put_text(FILE *stream, const char *text) {
	put_harmless(stream, text, SIZE_MAX, true);
}

void
cli_put_sentence(FILE *stream, const char *sentence) {
	put_harmless(stream, sentence, SIZE_MAX, false);
}

/* ---- JSON ---- */

/* Our keys are static texts, each used once in its object: json-c need neither copy them nor look for them. */
static const unsigned key_is_static = JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY;

bool
cli_json_add(struct json_object *object, const char *key, struct json_object *value) {
	if (value == NULL) {
		return false;
	}
	if (object == NULL || json_object_object_add_ex(object, key, value, key_is_static) != 0) {
		(void)json_object_put(value);
		return false;
	}
	return true;
}

static bool
json_add_null(struct json_object *object, const char *key) {
	return json_object_object_add_ex(object, key, NULL, key_is_static) == 0;
}

bool
cli_json_text(struct json_object *object, const char *key, const char *text) {
	return text == NULL ? json_add_null(object, key) : cli_json_add(object, key, json_object_new_string(text));
}

bool
cli_json_number(struct json_object *object, const char *key, uint64_t number) {
	return cli_json_add(object, key, json_object_new_uint64(number));
}

bool
cli_json_bool(struct json_object *object, const char *key, bool value) {
	return cli_json_add(object, key, json_object_new_boolean(value));
}

bool
cli_json_seconds(struct json_object *object, const char *key, double seconds) {
	char text[64];
	(void)snprintf(text, sizeof(text), "%.6f", seconds);
	return cli_json_add(object, key, json_object_new_double_s(seconds, text));
}

bool
cli_json_address(struct json_object *object, const char *key, uint32_t address) {
	char text[16];
	cli_format_ipv4(address, text);
	return cli_json_text(object, key, text);
}

bool
cli_json_subnet(struct json_object *object, uint32_t subnet, uint32_t mask) {
	char text[CLI_SUBNET_BYTES];
	cli_format_subnet(subnet, mask, text);
	return cli_json_text(object, "scope", text) && cli_json_address(object, "subnet_mask", mask);
}

struct json_object *
cli_json_range(const lessor_range_t *range) {
	struct json_object *object = json_object_new_object();
	if (object != NULL && cli_json_address(object, "first", range->first) &&
	    cli_json_address(object, "last", range->last)) {
		return object;
	}
	(void)json_object_put(object);
	return NULL;
}

static void
put_json_escape(uint32_t character) {
	if (character > 0xFFFF) {
		(void)printf("\\u%04" PRIx32, 0xD800 + ((character - 0x10000) >> 10));
		character = 0xDC00 + (character & 0x3FF);
	}
	(void)printf("\\u%04" PRIx32, character);
}

/* Outside strings JSON is plain ASCII, so every character that does not show plainly is inside one, where \uXXXX may stand for it. */
static void
put_json_text(const char *text) {
	uint32_t character;
	while (*text != '\0') {
		size_t plain = plain_run(text);
		size_t length = plain > 0 ? plain : decode_utf8(text, &character);
		if (plain > 0 || (length > 0 && shows_plainly(character))) {
			(void)fwrite(text, 1, length, stdout);
		} else {
			put_json_escape(length > 0 ? character : 0xFFFD);
		}
		text += length > 0 ? length : 1;
	}
}

bool
cli_put_json(struct json_object *object) {
	const char *text =
		json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text != NULL) {
		put_json_text(text);
		(void)putchar('\n');
	}
	(void)json_object_put(object);
	return text != NULL;
}

/* ---- Lines ---- */

void
cli_put_line(const char *label, const char *value) {
	(void)printf("%-17s %s\n", label, value);
}

void
cli_put_text_line(const char *label, const char *text) {
	if (text != NULL) {
		(void)printf("%-17s ", label);
		cli_put_text(stdout, text);
		(void)putchar('\n');
	}
}

/* ---- A lease ---- */

static const char *
client_type_name(uint8_t client_type) {
	static const char *const names[] = {"unspecified", "DHCP", "BOOTP", "DHCP or BOOTP"};
	if (client_type == LESSOR_CLIENT_NONE) {
		return "none";
	}
	return (client_type & LESSOR_CLIENT_RESERVATION_FLAG) != 0 ? "reserved" : names[client_type & 3];
}

static void
put_client_lines(const lessor_lease_t *lease) {
	char hex[3 * LESSOR_CLIENT_ID_MAX_BYTES + 1];
	cli_format_hex(lease->client_id, lease->client_id_bytes, hex);
	(void)printf("%-17s %s%s\n", "client id", hex, lease->client_id_made_up ? " (made up)" : "");
	(void)printf("%-17s %s (%u)\n", "client type", client_type_name(lease->client_type), lease->client_type);
	if (lease->hardware_bytes > 0) {
		cli_format_hex(lease->hardware, lease->hardware_bytes, hex);
		(void)printf("%-17s %s (type %u)\n", "hardware", hex, lease->hardware_type);
	}
}

static void
put_time_lines(const lessor_lease_t *lease) {
	char text[CLI_TIME_BYTES];
	bool expired = lease->expires_at != LESSOR_TIME_NONE && lease->expires_at < lessor_time_now();
	cli_format_time(lease->expires_at, text);
	(void)printf("%-17s %s%s\n", "expires", text, expired ? " (expired)" : "");
	if (lease->last_transaction_s != 0) {
		cli_format_time(lessor_time_from_unix_s(lease->last_transaction_s), text);
		cli_put_line("last transaction", text);
	}
	if (lease->quarantine_status != LESSOR_NO_QUARANTINE || lease->quarantine_capable) {
		(void)printf("%-17s status %u%s\n", "quarantine", lease->quarantine_status,
			     lease->quarantine_capable ? ", capable" : "");
	}
	if (lease->probation_ends_at != LESSOR_TIME_NONE) {
		cli_format_time(lease->probation_ends_at, text);
		cli_put_line("probation ends", text);
	}
}

void
cli_put_lease(const lessor_lease_t *lease) {
	char text[CLI_SUBNET_BYTES];
	cli_format_ipv4(lease->address, text);
	cli_put_line("address", text);
	cli_format_subnet(lease->address & lease->subnet_mask, lease->subnet_mask, text);
	cli_put_line("scope", text);
	put_client_lines(lease);
	(void)printf("%-17s %s (%u)\n", "state", cli_lease_state_name(lease->address_state), lease->address_state);
	put_time_lines(lease);
	cli_put_text_line("name", lease->name);
	cli_put_text_line("comment", lease->comment);
	cli_put_text_line("policy", lease->policy_name);
	cli_put_text_line("owner", lease->owner_name);
	if (lease->owner_address != 0) {
		cli_format_ipv4(lease->owner_address, text);
		cli_put_line("owner address", text);
	}
	if (lease->dns_forward || lease->dns_reverse) {
		cli_put_line("DNS records", !lease->dns_reverse   ? "forward"
					    : !lease->dns_forward ? "reverse"
								  : "forward, reverse");
	}
	cli_put_text_line("user context", lease->user_context);
	cli_put_limit_keys(lease->limit_key, lease->limit_keys);
}

/* As text under 'key', and as it is kept under '<key>_filetime'. No time at all: null and 0. */
static bool
json_add_time(struct json_object *object, const char *key, const char *filetime_key, lessor_filetime_t time) {
	char text[CLI_TIME_BYTES];
	cli_format_time(time, text);
	return cli_json_text(object, key, time == LESSOR_TIME_NONE ? NULL : text) &&
	       cli_json_number(object, filetime_key, time);
}

static bool
json_add_hex(struct json_object *object, const char *key, const uint8_t *bytes, size_t count) {
	char hex[3 * LESSOR_CLIENT_ID_MAX_BYTES + 1];
	cli_format_hex(bytes, count, hex);
	return cli_json_text(object, key, count == 0 ? NULL : hex);
}

static bool
json_add_identity(struct json_object *object, const lessor_lease_t *lease) {
	return cli_json_address(object, "address", lease->address) &&
	       (lease->subnet_mask == 0 ||
		cli_json_subnet(object, lease->address & lease->subnet_mask, lease->subnet_mask)) &&
	       json_add_hex(object, "client_id", lease->client_id, lease->client_id_bytes) &&
	       cli_json_bool(object, "client_id_made_up", lease->client_id_made_up) &&
	       cli_json_number(object, "client_type", lease->client_type) &&
	       json_add_hex(object, "hardware", lease->hardware, lease->hardware_bytes) &&
	       cli_json_number(object, "hardware_type", lease->hardware_type);
}

static bool
json_add_status(struct json_object *object, const lessor_lease_t *lease) {
	return cli_json_text(object, "state", cli_lease_state_name(lease->address_state)) &&
	       cli_json_number(object, "address_state", lease->address_state) &&
	       json_add_time(object, "expires_at", "expires_at_filetime", lease->expires_at) &&
	       cli_json_number(object, "last_transaction_s", lease->last_transaction_s) &&
	       cli_json_number(object, "quarantine_status", lease->quarantine_status) &&
	       cli_json_bool(object, "quarantine_capable", lease->quarantine_capable) &&
	       json_add_time(object, "probation_ends_at", "probation_ends_at_filetime", lease->probation_ends_at) &&
	       cli_json_bool(object, "dns_forward", lease->dns_forward) &&
	       cli_json_bool(object, "dns_reverse", lease->dns_reverse);
}

static bool
json_add_texts(struct json_object *object, const lessor_lease_t *lease) {
	return cli_json_text(object, "name", lease->name) && cli_json_text(object, "comment", lease->comment) &&
	       cli_json_text(object, "policy_name", lease->policy_name) &&
	       cli_json_text(object, "owner_name", lease->owner_name) &&
	       (lease->owner_address == 0 ? json_add_null(object, "owner_address")
					  : cli_json_address(object, "owner_address", lease->owner_address)) &&
	       cli_json_text(object, "user_context", lease->user_context) &&
	       cli_json_number(object, "ticket", lease->ticket);
}

void
cli_put_limit_keys(const lessor_limit_key_t *keys, unsigned count) {
	for (unsigned i = 0; i < count; i++) {
		char text[CLI_LIMIT_KEY_BYTES];
		cli_format_limit_key(&keys[i], text);
		cli_put_line("limit key", text);
	}
}

bool
cli_json_limit_keys(struct json_object *object, const lessor_limit_key_t *keys, unsigned count) {
	struct json_object *array = count != 0 ? json_object_new_array() : NULL;
	if (count == 0 || !cli_json_add(object, "limit_keys", array)) {
		return count == 0;
	}
	for (unsigned i = 0; i < count; i++) {
		char text[CLI_LIMIT_KEY_BYTES];
		cli_format_limit_key(&keys[i], text);
		struct json_object *key = json_object_new_string(text);
		if (key == NULL || json_object_array_add(array, key) != 0) {
			(void)json_object_put(key);
			return false;
		}
	}
	return true;
}

bool
cli_json_lease(struct json_object *object, const lessor_lease_t *lease) {
	return json_add_identity(object, lease) && json_add_status(object, lease) && json_add_texts(object, lease) &&
	       cli_json_limit_keys(object, lease->limit_key, lease->limit_keys);
}

bool
cli_put_lease_json(const lessor_lease_t *lease) {
	struct json_object *object = json_object_new_object();
	if (object == NULL) {
		return false;
	}
	if (cli_json_lease(object, lease)) {
		return cli_put_json(object);
	}
	(void)json_object_put(object);
	return false;
}

/* ---- Tables ---- */

enum { CELL_TEXT_CHARACTERS = 40 };

void
cli_table_init(cli_table_t *table, const char *alignment) {
	*table = (cli_table_t){.alignment = alignment};
}

static void
add_cell(cli_table_t *table, char *cell) {
	if (table->count == table->capacity) {
		size_t capacity = table->capacity == 0 ? 64 : 2 * table->capacity;
		char **cells = realloc(table->cells, capacity * sizeof(*cells));
		if (cells == NULL) {
			table->failed = true;
			free(cell);
			return;
		}
		table->cells = cells;
		table->capacity = capacity;
	}
	table->failed = table->failed || cell == NULL;
	table->cells[table->count++] = cell;
}

void
cli_table_add(cli_table_t *table, const char *format, ...) {
	char *cell = NULL;
	va_list arguments;
	va_start(arguments, format);
	if (vasprintf(&cell, format, arguments) < 0) {
		cell = NULL;
	}
	va_end(arguments);
	add_cell(table, cell);
}

void
cli_table_add_text(cli_table_t *table, const char *text) {
	char *cell = NULL;
	size_t size;
	FILE *stream = open_memstream(&cell, &size);
	if (stream != NULL) {
		put_harmless(stream, text != NULL ? text : "-", CELL_TEXT_CHARACTERS, true);
		if (fclose(stream) != 0) {
			free(cell);
			cell = NULL;
		}
	}
	add_cell(table, cell);
}

/* Columns of a terminal. Cells hold only what shows plainly. */
static int
display_width(const char *cell) {
	int width = 0;
	uint32_t character;
	for (size_t length; *cell != '\0'; cell += length) {
		length = decode_utf8(cell, &character);
		width += length > 1 ? wcwidth((wchar_t)character) : 1;
		length = length == 0 ? 1 : length;
	}
	return width;
}

static void
put_row(const cli_table_t *table, size_t first, const int *widths, size_t columns) {
	for (size_t column = 0; column < columns; column++) {
		const char *cell = table->cells[first + column];
		int padding = widths[column] - display_width(cell);
		bool last = column + 1 == columns;
		if (table->alignment[column] == 'r') {
			(void)printf("%*s%s", padding, "", cell);
		} else {
			(void)printf("%s%*s", cell, last ? 0 : padding, "");
		}
		(void)fputs(last ? "\n" : "  ", stdout);
	}
}

static void
put_rows(const cli_table_t *table, size_t columns) {
	int widths[32] = {0};
	for (size_t i = 0; i < table->count; i++) {
		int width = display_width(table->cells[i]);
		if (width > widths[i % columns]) {
			widths[i % columns] = width;
		}
	}
	for (size_t first = 0; first + columns <= table->count && !cli_output_failed(); first += columns) {
		put_row(table, first, widths, columns);
	}
}

bool
cli_table_put(cli_table_t *table) {
	size_t columns = strlen(table->alignment);
	bool failed = table->failed || columns > 32;
	if (!failed) {
		put_rows(table, columns);
	}
	cli_table_free(table);
	return !failed;
}

void
cli_table_free(cli_table_t *table) {
	for (size_t i = 0; i < table->count; i++) {
		free(table->cells[i]);
	}
	free(table->cells);
	cli_table_init(table, table->alignment);
}

/* ---- what is wrong with a store ---- */

static const char *
finding_kind(const lessor_finding_t *finding) {
	return finding->kind == LESSOR_FINDING_DAMAGE     ? "damage"
	       : finding->kind == LESSOR_FINDING_LEFT_OUT ? "left out"
							  : "later";
}

/* "" if it is about no address; text holds 48 bytes. */
static void
format_finding_address(const lessor_finding_t *finding, char text[48]) {
	text[0] = '\0';
	if (finding->has_address && finding->is_six) {
		const uint64_t halves[2] = {finding->address6.high, finding->address6.low};
		for (unsigned i = 0; i < 8; i++) {
			(void)snprintf(text + 5 * i, 6, "%04x%s",
				       (unsigned)(halves[i / 4] >> (48 - 16 * (i % 4)) & 0xFFFF), i < 7 ? ":" : "");
		}
	} else if (finding->has_address) {
		cli_format_ipv4(finding->address, text);
	}
}

static void
put_finding_json(const lessor_finding_t *finding, const char *address) {
	struct json_object *object = json_object_new_object();
	const bool is_known = finding->upto != UINT64_MAX;
	if (object != NULL && cli_json_text(object, "kind", finding_kind(finding)) &&
	    cli_json_text(object, "file", finding->file) && cli_json_number(object, "offset", finding->offset) &&
	    cli_json_number(object, "after", finding->after) &&
	    (is_known ? cli_json_number(object, "upto", finding->upto) : cli_json_text(object, "upto", NULL)) &&
	    cli_json_text(object, "address", address[0] != '\0' ? address : NULL) &&
	    cli_json_text(object, "what", finding->what)) {
		(void)cli_put_json(object);
		return;
	}
	(void)json_object_put(object);
}

void
cli_put_finding(void *context, const lessor_finding_t *finding) {
	char address[48];
	format_finding_address(finding, address);
	if (*(const bool *)context) {
		put_finding_json(finding, address);
		return;
	}
	(void)printf("%s: ", finding_kind(finding));
	if (finding->file[0] != '\0') {
		cli_put_text(stdout, finding->file);
		(void)printf(" at offset %" PRIu64 ": ", finding->offset);
	}
	cli_put_sentence(stdout, finding->what);
	if (address[0] != '\0') {
		(void)printf(" (%s, position %" PRIu64 ")", address, finding->upto);
	} else if (finding->upto == UINT64_MAX) {
		(void)printf("; everything behind position %" PRIu64 " is lost", finding->after);
	} else if (finding->upto > finding->after) {
		(void)printf("; the changes behind position %" PRIu64 " up to %" PRIu64 "%s", finding->after,
			     finding->upto, finding->kind == LESSOR_FINDING_DAMAGE ? " are lost" : "");
	}
	(void)fputc('\n', stdout);
}
