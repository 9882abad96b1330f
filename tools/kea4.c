/* SPDX-License-Identifier: Apache-2.0 */
/* Lines and rows of Kea's DHCPv4 lease file, read and written. See kea4.h. */
#include "kea4.h"

#include <stdlib.h>
#include <string.h>

#include "json_context.h"

/* ---- header ------------------------------------------------------------------------------------------------------ */

static const char *const column_names[KEA4_COLUMNS] = {
	"address",  "hwaddr",   "client_id", "valid_lifetime", "expire",       "subnet_id",
	"fqdn_fwd", "fqdn_rev", "hostname",  "state",          "user_context", "pool_id",
};

/* The columns as positions. */
enum {
	ADDRESS,
	HWADDR,
	CLIENT_ID,
	VALID_LIFETIME,
	EXPIRE,
	SUBNET_ID,
	FQDN_FWD,
	FQDN_REV,
	HOSTNAME,
	STATE,
	USER_CONTEXT,
	POOL_ID
};

typedef struct cell {
	const char *text;
	size_t bytes;
} cell_t;

/* Split at commas into at most 'capacity' cells; returns how many there are, which may be more. */
static size_t
split(const char *line, size_t bytes, cell_t *cells, size_t capacity) {
	const char *end = line + bytes;
	for (size_t count = 0;; count++) {
		const char *comma = memchr(line, ',', (size_t)(end - line));
		const char *stop = comma != NULL ? comma : end;
		if (count < capacity) {
			cells[count] = (cell_t){line, (size_t)(stop - line)};
		}
		if (comma == NULL) {
			return count + 1;
		}
		line = comma + 1;
	}
}

const char *
kea4_column_name(size_t column) {
	return column < KEA4_COLUMNS ? column_names[column] : NULL;
}

bool
kea4_parse_header(const char *line, size_t bytes, size_t *columns) {
	cell_t cells[KEA4_COLUMNS];
	size_t count = split(line, bytes, cells, KEA4_COLUMNS);
	if (count < KEA4_COLUMNS_MIN) {
		return false;
	}
	for (size_t i = 0; i < count && i < KEA4_COLUMNS; i++) {
		const char *name = column_names[i];
		if (cells[i].bytes != strlen(name) || memcmp(cells[i].text, name, cells[i].bytes) != 0) {
			return false;
		}
	}
	*columns = count;
	return true;
}

/* ---- cells ------------------------------------------------------------------------------------------------------- */

static bool
parse_number(cell_t cell, uint64_t max, uint64_t *number) {
	uint64_t value = 0;
	if (cell.bytes == 0) {
		return false;
	}
	for (size_t i = 0; i < cell.bytes; i++) {
		unsigned digit = (unsigned)cell.text[i] - '0';
		if (digit > 9 || digit > max || value > (max - digit) / 10) {
			return false;
		}
		value = value * 10 + digit;
	}
	*number = value;
	return true;
}

static bool
parse_u32(cell_t cell, uint32_t *number) {
	uint64_t value = 0;
	bool fine = parse_number(cell, UINT32_MAX, &value);
	*number = (uint32_t)value;
	return fine;
}

static bool
parse_flag(cell_t cell, bool *flag) {
	*flag = cell.bytes == 1 && cell.text[0] == '1';
	return *flag || (cell.bytes == 1 && cell.text[0] == '0');
}

bool
kea4_parse_ipv4(const char *text, size_t bytes, uint32_t *address) {
	uint32_t value = 0;
	size_t at = 0;
	for (int part = 0; part < 4; part++) {
		unsigned number = 0;
		size_t first = at;
		while (at < bytes && at - first < 3 && text[at] >= '0' && text[at] <= '9') {
			number = number * 10 + (unsigned)(text[at++] - '0');
		}
		if (at == first || number > 255) {
			return false;
		}
		value = value << 8 | number;
		if (part < 3 && (at == bytes || text[at++] != '.')) {
			return false;
		}
	}
	*address = value;
	return at == bytes;
}

bool
kea4_peek_address(const char *line, size_t bytes, uint32_t *address) {
	const char *comma = memchr(line, ',', bytes < 16 ? bytes : 16);
	return comma != NULL && kea4_parse_ipv4(line, (size_t)(comma - line), address);
}

/* One or two digits per octet, one separator between octets. */
static bool
parse_separated(cell_t cell, char separator, uint8_t *octets, size_t capacity, size_t *count) {
	size_t at = 0;
	size_t found = 0;
	do {
		unsigned value = at < cell.bytes ? kea_hex_digit(cell.text[at]) : 16;
		unsigned low = at + 1 < cell.bytes ? kea_hex_digit(cell.text[at + 1]) : 16;
		if (value > 15 || found == capacity) {
			return false;
		}
		octets[found++] = (uint8_t)(low > 15 ? value : value << 4 | low);
		at += low > 15 ? 1 : 2;
	} while (at < cell.bytes && cell.text[at++] == separator);
	*count = found;
	/* A trailing separator left at == bytes too, but then the last thing read was not a digit. */
	return at == cell.bytes && kea_hex_digit(cell.text[at - 1]) <= 15;
}

/* Digits without separators; an odd first digit is an octet of its own. */
static bool
parse_joined(cell_t cell, uint8_t *octets, size_t capacity, size_t *count) {
	size_t found = 0;
	for (size_t at = 0; at < cell.bytes;) {
		unsigned high = (cell.bytes - at) % 2 == 0 ? kea_hex_digit(cell.text[at++]) : 0;
		unsigned low = kea_hex_digit(cell.text[at++]);
		if (high > 15 || low > 15 || found == capacity) {
			return false;
		}
		octets[found++] = (uint8_t)(high << 4 | low);
	}
	*count = found;
	return true;
}

static bool
parse_hardware(cell_t cell, kea4_row_t *row) {
	size_t count = 0;
	bool fine = cell.bytes == 0 || parse_separated(cell, ':', row->hardware, sizeof(row->hardware), &count);
	row->hardware_bytes = (uint8_t)count;
	return fine;
}

static bool
parse_client_id(cell_t cell, kea4_row_t *row) {
	size_t count = 0;
	row->client_id_bytes = 0;
	if (cell.bytes == 0) {
		return true;
	}
	if (cell.bytes > 2 && cell.text[0] == '0' && (cell.text[1] | 0x20) == 'x') {
		cell = (cell_t){cell.text + 2, cell.bytes - 2};
	}
	bool fine;
	if (memchr(cell.text, ':', cell.bytes) != NULL) {
		fine = parse_separated(cell, ':', row->client_id, sizeof(row->client_id), &count);
	} else if (memchr(cell.text, ' ', cell.bytes) != NULL) {
		fine = parse_separated(cell, ' ', row->client_id, sizeof(row->client_id), &count);
	} else {
		fine = parse_joined(cell, row->client_id, sizeof(row->client_id), &count);
	}
	row->client_id_bytes = (uint8_t)count;
	return fine && count >= KEA4_CLIENT_ID_MIN_BYTES;
}

static bool
is_plain(cell_t cell) {
	for (size_t i = 0; i < cell.bytes; i++) {
		if ((cell.text[i] & 0x80) != 0 || cell.text[i] == '&' || cell.text[i] == '\0') {
			return false;
		}
	}
	return true;
}

static kea4_problem_t
parse_hostname(kea4_parser_t *parser, cell_t cell, kea4_row_t *row) {
	size_t bytes = cell.bytes;
	row->hostname_dropped = false;
	if (is_plain(cell)) {
		if (bytes > KEA4_HOSTNAME_MAX_BYTES) {
			return KEA4_BAD_HOSTNAME;
		}
		memcpy(parser->hostname, cell.text, bytes);
	} else if (bytes > KEA_TEXT_CELL_GROWS * KEA4_HOSTNAME_MAX_BYTES) {
		return KEA4_BAD_HOSTNAME;
	} else {
		size_t octets = kea_text_decode(cell.text, cell.bytes, parser->octets);
		if (octets > KEA4_HOSTNAME_MAX_BYTES) {
			return KEA4_BAD_HOSTNAME;
		}
		row->hostname_dropped = memchr(parser->octets, '\0', octets) != NULL;
		bytes = row->hostname_dropped ? 0 : kea_text_to_utf8(parser->octets, octets, parser->hostname);
	}
	parser->hostname[bytes] = '\0';
	row->hostname = parser->hostname;
	row->hostname_bytes = (uint32_t)bytes;
	return KEA4_FINE;
}

static kea4_problem_t
check_context(char *text, size_t *bytes) {
	switch (json_context_check(text, bytes, KEA4_CONTEXT_MAX_BYTES)) {
	case JSON_FINE:
		return KEA4_FINE;
	case JSON_MALFORMED:
		return KEA4_BAD_CONTEXT;
	case JSON_NOT_OBJECT:
		return KEA4_CONTEXT_NOT_OBJECT;
	case JSON_TOO_LONG:
		return KEA4_CONTEXT_TOO_LONG;
	case JSON_NO_MEMORY:
		break;
	}
	return KEA4_NO_MEMORY;
}

static kea4_problem_t
parse_context(kea4_parser_t *parser, cell_t cell, kea4_row_t *row) {
	row->user_context = "";
	row->user_context_bytes = 0;
	if (cell.bytes == 0) {
		return KEA4_FINE;
	}
	if (cell.bytes > sizeof(parser->octets)) {
		return KEA4_CONTEXT_TOO_LONG;
	}
	size_t octets = kea_text_decode(cell.text, cell.bytes, parser->octets);
	if (octets > KEA4_CONTEXT_MAX_BYTES) {
		return KEA4_CONTEXT_TOO_LONG;
	}
	if (memchr(parser->octets, '\0', octets) != NULL) {
		return KEA4_BAD_CONTEXT;
	}
	size_t bytes = kea_text_to_utf8(parser->octets, octets, parser->text);
	if (bytes > KEA4_CONTEXT_MAX_BYTES) {
		return KEA4_CONTEXT_TOO_LONG;
	}
	memcpy(parser->user_context, parser->text, bytes);
	kea4_problem_t problem = check_context(parser->user_context, &bytes);
	parser->user_context[bytes] = '\0';
	row->user_context = parser->user_context;
	row->user_context_bytes = (uint32_t)bytes;
	return problem;
}

kea4_problem_t
kea4_parse_hostname(kea4_parser_t *parser, const char *cell, size_t bytes, kea4_row_t *row) {
	return parse_hostname(parser, (cell_t){cell, bytes}, row);
}

kea4_problem_t
kea4_parse_context(kea4_parser_t *parser, const char *cell, size_t bytes, kea4_row_t *row) {
	return parse_context(parser, (cell_t){cell, bytes}, row);
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

const char *
kea4_problem_text(kea4_problem_t problem) {
	static const char *const texts[KEA4_PROBLEMS] = {
		"nothing is wrong",
		"the row is longer than 1 MiB",
		"the row has too few cells",
		"the row has too many cells",
		"the address is not an IPv4 address",
		"hwaddr is not up to 20 hex octets joined by colons",
		"client_id is not 2 to 255 hex octets",
		"valid_lifetime is not a number of 32 bits",
		"expire is not a time",
		"subnet_id is not a number of 32 bits",
		"fqdn_fwd or fqdn_rev is not 0 or 1",
		"the host name is longer than 255 octets",
		"state is not 0, 1, 2 or 3",
		"user_context is not JSON",
		"user_context is not a JSON object",
		"user_context is longer than 16384 octets",
		"pool_id is not a number of 32 bits",
		"the row has neither hwaddr nor client_id",
		"there was no memory for the row",
	};
	return problem < KEA4_PROBLEMS ? texts[problem] : "unknown";
}

static kea4_problem_t
check_cell_count(const kea4_parser_t *parser, size_t count) {
	size_t least = parser->columns < KEA4_COLUMNS ? parser->columns : KEA4_COLUMNS;
	size_t most = parser->columns > KEA4_COLUMNS ? parser->columns : KEA4_COLUMNS;
	return count < least ? KEA4_TOO_FEW_CELLS : count > most ? KEA4_TOO_MANY_CELLS : KEA4_FINE;
}

static kea4_problem_t
parse_required(const cell_t *cells, kea4_row_t *row) {
	if (!kea4_parse_ipv4(cells[ADDRESS].text, cells[ADDRESS].bytes, &row->address) || row->address == 0) {
		return KEA4_BAD_ADDRESS;
	}
	if (!parse_hardware(cells[HWADDR], row)) {
		return KEA4_BAD_HARDWARE;
	}
	if (!parse_client_id(cells[CLIENT_ID], row)) {
		return KEA4_BAD_CLIENT_ID;
	}
	if (!parse_u32(cells[VALID_LIFETIME], &row->valid_lifetime_s)) {
		return KEA4_BAD_LIFETIME;
	}
	uint64_t latest_s = row->valid_lifetime_s == KEA4_INFINITE ? INT64_MAX : KEA4_EXPIRE_MAX_S;
	if (!parse_number(cells[EXPIRE], latest_s, &row->expire_s)) {
		return KEA4_BAD_EXPIRE;
	}
	if (!parse_u32(cells[SUBNET_ID], &row->subnet_id)) {
		return KEA4_BAD_SUBNET_ID;
	}
	if (!parse_flag(cells[FQDN_FWD], &row->fqdn_forward) || !parse_flag(cells[FQDN_REV], &row->fqdn_reverse)) {
		return KEA4_BAD_FQDN;
	}
	return KEA4_FINE;
}

static kea4_problem_t
parse_optional(kea4_parser_t *parser, const cell_t *cells, size_t count, kea4_row_t *row) {
	uint64_t state = KEA4_ASSIGNED;
	if (count > STATE && !parse_number(cells[STATE], KEA4_RELEASED, &state)) {
		return KEA4_BAD_STATE;
	}
	row->state = (uint8_t)state;
	row->pool_id = 0;
	if (count > POOL_ID && !parse_u32(cells[POOL_ID], &row->pool_id)) {
		return KEA4_BAD_POOL_ID;
	}
	return parse_context(parser, count > USER_CONTEXT ? cells[USER_CONTEXT] : (cell_t){"", 0}, row);
}

kea4_problem_t
kea4_parse_row(kea4_parser_t *parser, const char *line, size_t bytes, kea4_row_t *row) {
	cell_t cells[KEA4_COLUMNS];
	size_t count = split(line, bytes, cells, KEA4_COLUMNS);
	kea4_problem_t problem = check_cell_count(parser, count);
	if (problem == KEA4_FINE) {
		problem = parse_required(cells, row);
	}
	if (problem == KEA4_FINE) {
		problem = parse_hostname(parser, cells[HOSTNAME], row);
	}
	if (problem == KEA4_FINE) {
		problem = parse_optional(parser, cells, count, row);
	}
	if (problem != KEA4_FINE) {
		return problem;
	}
	bool anonymous = row->hardware_bytes == 0 && row->client_id_bytes == 0;
	return anonymous && row->state != KEA4_DECLINED ? KEA4_NO_IDENTIFIER : KEA4_FINE;
}

uint32_t
kea4_last_transaction_s(const kea4_row_t *row, bool *clamped) {
	*clamped = false;
	if (row->valid_lifetime_s == KEA4_INFINITE && row->expire_s < KEA4_INFINITE) {
		/* The SQL back ends write expire = last transaction for these. */
		return (uint32_t)row->expire_s;
	}
	if (row->expire_s < row->valid_lifetime_s) {
		*clamped = true;
		return 0;
	}
	uint64_t began_s = row->expire_s - row->valid_lifetime_s;
	*clamped = began_s > UINT32_MAX;
	return *clamped ? UINT32_MAX : (uint32_t)began_s;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static size_t
format_number(uint64_t number, char *out) {
	char digits[20];
	size_t count = 0;
	do {
		digits[count++] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	for (size_t i = 0; i < count; i++) {
		out[i] = digits[count - 1 - i];
	}
	return count;
}

size_t
kea4_format_ipv4(uint32_t address, char *out) {
	size_t at = format_number(address >> 24, out);
	for (unsigned shift = 16;; shift -= 8) {
		out[at++] = '.';
		at += format_number(address >> shift & 255, out + at);
		if (shift == 0) {
			return at;
		}
	}
}

static size_t
format_hex(const uint8_t *octets, size_t count, char *out) {
	static const char digits[] = "0123456789abcdef";
	size_t at = 0;
	for (size_t i = 0; i < count; i++) {
		if (i > 0) {
			out[at++] = ':';
		}
		out[at++] = digits[octets[i] >> 4];
		out[at++] = digits[octets[i] & 15];
	}
	return at;
}

static size_t
format_text(const char *text, size_t bytes, char *out) {
	char octets[KEA4_TEXT_MAX_BYTES];
	bytes = bytes < sizeof(octets) ? bytes : sizeof(octets);
	return kea_text_encode(octets, kea_text_from_utf8(text, bytes, octets), out);
}

/* Host names only. Escapes have no upper-case letters, so that this may come last. */
static size_t
format_hostname(const char *text, size_t bytes, char *out) {
	size_t count = format_text(text, bytes, out);
	for (size_t i = 0; i < count; i++) {
		if (out[i] >= 'A' && out[i] <= 'Z') {
			out[i] = (char)(out[i] | 0x20);
		}
	}
	return count;
}

size_t
kea4_format_hostname(const char *text, size_t bytes, char *out) {
	return format_hostname(text, bytes, out);
}

size_t
kea4_format_context(const char *text, size_t bytes, char *out) {
	return format_text(text, bytes, out);
}

static size_t
end_cell(char *out, size_t at, size_t bytes) {
	out[at + bytes] = ',';
	return at + bytes + 1;
}

size_t
kea4_format_row(const kea4_row_t *row, char *out) {
	size_t at = end_cell(out, 0, kea4_format_ipv4(row->address, out));
	at = end_cell(out, at, format_hex(row->hardware, row->hardware_bytes, out + at));
	at = end_cell(out, at, format_hex(row->client_id, row->client_id_bytes, out + at));
	at = end_cell(out, at, format_number(row->valid_lifetime_s, out + at));
	at = end_cell(out, at, format_number(row->expire_s, out + at));
	at = end_cell(out, at, format_number(row->subnet_id, out + at));
	at = end_cell(out, at, format_number(row->fqdn_forward, out + at));
	at = end_cell(out, at, format_number(row->fqdn_reverse, out + at));
	at = end_cell(out, at, format_hostname(row->hostname, row->hostname_bytes, out + at));
	at = end_cell(out, at, format_number(row->state, out + at));
	at = end_cell(out, at, format_text(row->user_context, row->user_context_bytes, out + at));
	at = end_cell(out, at, format_number(row->pool_id, out + at));
	out[at - 1] = '\n';
	return at;
}
