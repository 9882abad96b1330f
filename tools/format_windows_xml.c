/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Export-DhcpServer of Windows writes with -Leases: XML, of which the leases and the scopes around them are read, in one stream.
 *
 * Elements go by their local names, in any order. Of a scope are taken its subnet, name, description, range, exclusions, lease duration
 * and state. Reservations are told of; options, policies, filters and everything of IPv6 are passed over. A document type definition
 * is refused, and with it every entity but the five of XML itself.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libxml/xmlreader.h>

#include "cli.h"
#include "windows_lease.h"

#define NAMESPACE "http://schemas.microsoft.com/windows/DHCPServer"

enum {
	TEXTS_BYTES = 32 * 1024, /* of all members of one scope or lease */
	DAY_S = 86400,
	LEASE_OUT_BYTES = 128 * 1024
};

/* Members of a scope. */
typedef enum scope_member {
	SCOPE_ID,
	SCOPE_NAME,
	SCOPE_MASK,
	SCOPE_START,
	SCOPE_END,
	SCOPE_DURATION,
	SCOPE_STATE,
	SCOPE_DESCRIPTION,
	SCOPE_MEMBERS
} scope_member_t;

static const char *const scope_member_names[SCOPE_MEMBERS] = {
	"ScopeId", "Name", "SubnetMask", "StartRange", "EndRange", "LeaseDuration", "State", "Description",
};

/* Values that are being gathered: of which, and where they end. */
typedef struct values {
	char texts[TEXTS_BYTES];
	size_t used;
	bool too_long;
} values_t;

typedef struct windows_xml_reader {
	format_reader_t base;
	xmlTextReaderPtr xml;
	int fd;
	uint64_t limit_bytes;
	int read_errno; /* 0: none */
	bool ended;
	int error; /* the first that libxml2 told of */
	uint64_t error_line;
	windows_parser_t parser;

	int scope_depth; /* of the element that is open; 0: none */
	int exclusions_depth;
	int lease_depth;
	uint64_t line;  /* where the lease began */
	piece_t *value; /* of the member that is open; NULL: none */
	int value_depth;
	values_t scope_texts;
	values_t lease_texts;
	piece_t scope_values[SCOPE_MEMBERS];
	piece_t lease_values[WINDOWS_PROPERTIES];
	piece_t range_values[2];
	size_t range_used; /* of the scope's texts, before these two */
	bool lost;
	lessor_scope_t scope;
	char name[3 * LESSOR_SCOPE_NAME_MAX_BYTES + 1];
	char comment[3 * LESSOR_SCOPE_NAME_MAX_BYTES + 1];
	lessor_range_t exclusions[LESSOR_SCOPE_MAX_EXCLUSIONS];
	size_t exclusion_count;
} windows_xml_reader_t;

/* ---- out of the file --------------------------------------------------------------------------------------------- */

static int
read_more(void *context, char *buffer, int bytes) {
	windows_xml_reader_t *reader = context;
	uint64_t left = reader->limit_bytes - reader->base.done_bytes;
	size_t wanted = left < (uint64_t)bytes ? (size_t)left : (size_t)bytes;
	ssize_t got;
	do {
		got = pread(reader->fd, buffer, wanted, (off_t)reader->base.done_bytes);
	} while (got < 0 && errno == EINTR);
	if (got < 0) {
		reader->read_errno = errno;
		return -1;
	}
	reader->base.done_bytes += (uint64_t)got;
	return (int)got;
}

static int
close_nothing(void *context) {
	(void)context;
	return 0;
}

/* Errors are told by the reader's own answer; here they only must not reach stderr. */
static void
keep_error(void *context, xmlErrorPtr error) {
	windows_xml_reader_t *reader = context;
	if (reader->error == 0) {
		reader->error = error->code;
		reader->error_line = error->line > 0 ? (uint64_t)error->line : 0;
	}
}

/* What comes of converting the file's encoding is told by way of this alone. */
static void
keep_quiet(void *context, const char *format, ...) {
	(void)context;
	(void)format;
}

/* Nodes know their lines up to the 65534th; beyond, the parser's must do, which is a little ahead. */
static uint64_t
line_of(const windows_xml_reader_t *reader) {
	xmlNodePtr node = xmlTextReaderCurrentNode(reader->xml);
	long line = node != NULL ? xmlGetLineNo(node) : -1;
	if (line <= 0 || line >= UINT16_MAX) {
		line = xmlTextReaderGetParserLineNumber(reader->xml);
	}
	return line > 0 ? (uint64_t)line : 0;
}

static bool
is_named(const windows_xml_reader_t *reader, const char *name) {
	const xmlChar *local = xmlTextReaderConstLocalName(reader->xml);
	return local != NULL && strcmp((const char *)local, name) == 0;
}

/* ---- members ----------------------------------------------------------------------------------------------------- */

static void
begin_values(values_t *values, piece_t *pieces, size_t count) {
	values->used = 0;
	values->too_long = false;
	for (size_t i = 0; i < count; i++) {
		pieces[i] = (piece_t){"", 0};
	}
}

static values_t *
values_of(windows_xml_reader_t *reader) {
	return reader->lease_depth > 0 ? &reader->lease_texts : &reader->scope_texts;
}

static void
begin_value(windows_xml_reader_t *reader, piece_t *value, int depth) {
	values_t *values = values_of(reader);
	*value = (piece_t){values->texts + values->used, 0};
	reader->value = value;
	reader->value_depth = depth;
}

static void
add_text(windows_xml_reader_t *reader) {
	values_t *values = values_of(reader);
	const char *text = (const char *)xmlTextReaderConstValue(reader->xml);
	size_t bytes = text != NULL ? strlen(text) : 0;
	if (reader->value == NULL) {
		return;
	}
	if (bytes > sizeof(values->texts) - values->used) {
		values->too_long = true;
		return;
	}
	memcpy(values->texts + values->used, text, bytes);
	values->used += bytes;
	reader->value->bytes += bytes;
}

/* Which of the names the open element has; 'count' if none. */
static size_t
find_name(const windows_xml_reader_t *reader, const char *const *names, size_t count) {
	size_t i = 0;
	while (i < count && !is_named(reader, names[i])) {
		i++;
	}
	return i;
}

/* ---- scopes ------------------------------------------------------------------------------------------------------ */

static bool
parse_address(piece_t piece, uint32_t *address) {
	char text[16];
	if (piece.bytes >= sizeof(text)) {
		return false;
	}
	memcpy(text, piece.text, piece.bytes);
	text[piece.bytes] = '\0';
	return cli_parse_ipv4(text, address);
}

/* "8.00:00:00", or without days. Seconds beyond 32 bits become the most that there are. */
static bool
parse_duration(piece_t piece, uint32_t *seconds) {
	uint64_t days = 0;
	uint64_t parts[3];
	const char *dot = memchr(piece.text, '.', piece.bytes);
	const char *colon = memchr(piece.text, ':', piece.bytes);
	if (dot != NULL && colon != NULL && dot < colon) {
		if (!piece_number((piece_t){piece.text, (size_t)(dot - piece.text)}, UINT32_MAX, &days)) {
			return false;
		}
		piece = (piece_t){dot + 1, piece.bytes - (size_t)(dot + 1 - piece.text)};
	}
	for (size_t i = 0; i < 3; i++) {
		if (piece.bytes < 2 || !piece_number((piece_t){piece.text, 2}, i == 0 ? 23 : 59, &parts[i]) ||
		    (i < 2 && (piece.bytes < 3 || piece.text[2] != ':'))) {
			return false;
		}
		size_t used = i < 2 ? 3 : 2;
		piece = (piece_t){piece.text + used, piece.bytes - used};
	}
	uint64_t total = days * DAY_S + parts[0] * 3600 + parts[1] * 60 + parts[2];
	*seconds = total < UINT32_MAX ? (uint32_t)total : UINT32_MAX;
	return piece.bytes == 0 || piece.text[0] == '.';
}

static bool
parse_scope(windows_xml_reader_t *reader) {
	const piece_t *values = reader->scope_values;
	lessor_scope_t *scope = &reader->scope;
	*scope = (lessor_scope_t){.state = piece_is_word(values[SCOPE_STATE], "Active") ? LESSOR_SCOPE_ENABLED
											: LESSOR_SCOPE_DISABLED};
	scope->has_range = values[SCOPE_START].bytes > 0;
	if (values[SCOPE_STATE].bytes == 0) {
		scope->state = LESSOR_SCOPE_ENABLED;
	}
	if (values[SCOPE_NAME].bytes > LESSOR_SCOPE_NAME_MAX_BYTES ||
	    values[SCOPE_DESCRIPTION].bytes > LESSOR_SCOPE_NAME_MAX_BYTES || reader->scope_texts.too_long) {
		return false;
	}
	scope->name =
		values[SCOPE_NAME].bytes > 0 && piece_text(values[SCOPE_NAME], reader->name) ? reader->name : NULL;
	scope->comment = values[SCOPE_DESCRIPTION].bytes > 0 && piece_text(values[SCOPE_DESCRIPTION], reader->comment)
				 ? reader->comment
				 : NULL;
	uint32_t inverted;
	bool fine = parse_address(values[SCOPE_ID], &scope->subnet) &&
		    parse_address(values[SCOPE_MASK], &scope->mask) &&
		    (values[SCOPE_DURATION].bytes == 0 || parse_duration(values[SCOPE_DURATION], &scope->lease_s)) &&
		    (!scope->has_range || (parse_address(values[SCOPE_START], &scope->range.first) &&
					   parse_address(values[SCOPE_END], &scope->range.last)));
	inverted = ~scope->mask;
	return fine && scope->mask != 0 && (inverted & (inverted + 1)) == 0 && (scope->subnet & inverted) == 0;
}

static int
end_scope(windows_xml_reader_t *reader, format_record_t *record) {
	reader->scope_depth = 0;
	format_record_clear(record, FORMAT_SCOPE, line_of(reader));
	record->scope = &reader->scope;
	record->exclusions = reader->exclusions;
	record->exclusion_count = reader->exclusion_count;
	return parse_scope(reader) ? 1 : format_record_bad(record, "the scope is malformed");
}

static void
end_exclusion(windows_xml_reader_t *reader) {
	lessor_range_t range;
	if (reader->exclusion_count < LESSOR_SCOPE_MAX_EXCLUSIONS &&
	    parse_address(reader->range_values[0], &range.first) &&
	    parse_address(reader->range_values[1], &range.last) && range.first <= range.last) {
		reader->exclusions[reader->exclusion_count++] = range;
	}
	reader->scope_texts.used = reader->range_used;
}

/* ---- leases ------------------------------------------------------------------------------------------------------ */

static int
end_lease(windows_xml_reader_t *reader, format_record_t *record) {
	reader->lease_depth = 0;
	format_record_clear(record, FORMAT_LEASE, reader->line);
	record->lost = reader->lost ? UINT32_C(1) << WINDOWS_LOST_UNKNOWN : 0;
	return reader->lease_texts.too_long ? format_record_bad(record, "the lease is longer than 32 KiB")
					    : windows_lease_parse(&reader->parser, reader->lease_values, record);
}

/* ---- the walk ---------------------------------------------------------------------------------------------------- */

static void
begin_lease(windows_xml_reader_t *reader, int depth) {
	reader->lease_depth = depth;
	reader->line = line_of(reader);
	reader->lost = false;
	reader->value = NULL;
	begin_values(&reader->lease_texts, reader->lease_values, WINDOWS_PROPERTIES);
}

static void
begin_scope(windows_xml_reader_t *reader, int depth) {
	reader->scope_depth = depth;
	reader->exclusion_count = 0;
	reader->value = NULL;
	begin_values(&reader->scope_texts, reader->scope_values, SCOPE_MEMBERS);
}

/* Inside ExclusionRanges: an IPRange with two members, which take their room of the scope's texts only until its end. */
static void
begin_in_exclusions(windows_xml_reader_t *reader, int depth) {
	static const char *const names[2] = {"StartRange", "EndRange"};
	size_t which = find_name(reader, names, 2);
	if (is_named(reader, "IPRange")) {
		reader->value = NULL; /* also of a member that this one stands in, where it does not belong */
		reader->range_values[0] = reader->range_values[1] = (piece_t){"", 0};
		reader->range_used = reader->scope_texts.used;
	} else if (which < 2) {
		begin_value(reader, &reader->range_values[which], depth);
	}
}

static void
begin_in_lease(windows_xml_reader_t *reader, int depth) {
	size_t property = find_name(reader, windows_property_names, WINDOWS_PROPERTIES);
	if (property < WINDOWS_PROPERTIES) {
		begin_value(reader, &reader->lease_values[property], depth);
	} else {
		reader->lost = true;
	}
}

/* 1: a record; 2: go on; 3: go on behind the element. */
static int
begin_element(windows_xml_reader_t *reader, int depth, format_record_t *record) {
	if (is_named(reader, "IPv6") || is_named(reader, "OptionValues") || is_named(reader, "Policies")) {
		return 3;
	}
	if (is_named(reader, "Reservation") && reader->lease_depth == 0) {
		format_record_clear(record, FORMAT_NOTE, line_of(reader));
		record->text = "a reservation was left out";
		return 1;
	}
	if (reader->lease_depth > 0 && depth == reader->lease_depth + 1) {
		begin_in_lease(reader, depth);
	} else if (reader->lease_depth == 0 && is_named(reader, "Lease")) {
		begin_lease(reader, depth);
	} else if (reader->exclusions_depth > 0) {
		begin_in_exclusions(reader, depth);
	} else if (reader->scope_depth == 0 && is_named(reader, "Scope")) {
		begin_scope(reader, depth);
	} else if (reader->scope_depth > 0 && depth == reader->scope_depth + 1) {
		size_t member = find_name(reader, scope_member_names, SCOPE_MEMBERS);
		if (member < SCOPE_MEMBERS) {
			begin_value(reader, &reader->scope_values[member], depth);
		}
		reader->exclusions_depth = is_named(reader, "ExclusionRanges") ? depth : 0;
	}
	return 2;
}

static int
end_element(windows_xml_reader_t *reader, int depth, format_record_t *record) {
	if (reader->value != NULL && depth == reader->value_depth) {
		reader->value = NULL;
	}
	if (depth == reader->lease_depth) {
		return end_lease(reader, record);
	}
	if (depth == reader->exclusions_depth) {
		reader->exclusions_depth = 0;
	} else if (reader->exclusions_depth > 0 && is_named(reader, "IPRange")) {
		end_exclusion(reader);
	}
	return depth == reader->scope_depth ? end_scope(reader, record) : 2;
}

static int
take_node(windows_xml_reader_t *reader, format_record_t *record) {
	int depth = xmlTextReaderDepth(reader->xml) + 1;
	int taken;
	switch (xmlTextReaderNodeType(reader->xml)) {
	case XML_READER_TYPE_ELEMENT:
		taken = begin_element(reader, depth, record);
		return taken == 2 && xmlTextReaderIsEmptyElement(reader->xml) == 1 ? end_element(reader, depth, record)
										   : taken;
	case XML_READER_TYPE_END_ELEMENT:
		return end_element(reader, depth, record);
	case XML_READER_TYPE_TEXT:
	case XML_READER_TYPE_CDATA:
	case XML_READER_TYPE_SIGNIFICANT_WHITESPACE:
		add_text(reader);
		return 2;
	default:
		return 2;
	}
}

/* The file ends, as it should or not. */
static int
end_file(windows_xml_reader_t *reader, int got, format_record_t *record) {
	reader->ended = true;
	if (reader->read_errno != 0) {
		errno = reader->read_errno;
		return -1;
	}
	if (got == 0) {
		return 0;
	}
	if (reader->error == XML_ERR_NO_MEMORY) {
		errno = ENOMEM;
		return -1;
	}
	format_record_clear(record, FORMAT_BROKEN, reader->error_line != 0 ? reader->error_line : line_of(reader));
	record->text = "the XML is malformed, and what follows is lost";
	return 1;
}

static int
windows_xml_next(format_reader_t *base, format_record_t *record) {
	windows_xml_reader_t *reader = (windows_xml_reader_t *)base;
	bool skip = false;
	while (!reader->ended) {
		int got = skip ? xmlTextReaderNext(reader->xml) : xmlTextReaderRead(reader->xml);
		if (got <= 0) {
			return end_file(reader, got, record);
		}
		int taken = take_node(reader, record);
		if (taken == 1) {
			return 1;
		}
		skip = taken == 3;
	}
	return 0;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static bool
matches(const char *begin, size_t bytes) {
	bool wide = bytes >= 2 && (memcmp(begin, "\xFF\xFE", 2) == 0 || memcmp(begin, "\xFE\xFF", 2) == 0);
	return wide || (bytes > 0 && begin[0] == '<');
}

static void
windows_xml_close(format_reader_t *base) {
	windows_xml_reader_t *reader = (windows_xml_reader_t *)base;
	xmlFreeTextReader(reader->xml);
	free(reader);
}

/* Go into the root element. NULL, or why it cannot be. */
static const char *
find_root(windows_xml_reader_t *reader) {
	int got;
	while ((got = xmlTextReaderRead(reader->xml)) > 0) {
		switch (xmlTextReaderNodeType(reader->xml)) {
		case XML_READER_TYPE_DOCUMENT_TYPE:
			return "it has a document type definition, which is refused";
		case XML_READER_TYPE_ELEMENT:
			return is_named(reader, "DHCPServer") ? NULL : "its outermost element is not DHCPServer";
		default:
			break;
		}
	}
	return reader->read_errno != 0 ? strerror(reader->read_errno) : "it is not XML";
}

static format_reader_t *
windows_xml_open(const format_source_t *source, bool *foreign, char sentence[KEA_SENTENCE_BYTES]) {
	windows_xml_reader_t *reader = calloc(1, sizeof(*reader));
	const char *problem = "no memory to read it";
	*foreign = false;
	if (reader != NULL) {
		reader->base.format = &format_windows_xml;
		reader->base.lost_names[WINDOWS_LOST_DNS_PENDING] = "DnsRegistration Pending";
		reader->base.lost_names[WINDOWS_LOST_UNKNOWN] = "other members";
		reader->parser.options = source->options;
		reader->fd = source->fd;
		reader->limit_bytes = source->bytes;
		reader->xml = xmlReaderForIO(read_more, close_nothing, reader, NULL, NULL, XML_PARSE_NONET);
	}
	if (reader != NULL && reader->xml != NULL) {
		xmlSetGenericErrorFunc(NULL, keep_quiet);
		xmlTextReaderSetStructuredErrorHandler(reader->xml, keep_error, reader);
		problem = source->bytes > 0 ? find_root(reader) : NULL;
		reader->ended = source->bytes == 0;
		*foreign = problem != NULL && reader->read_errno == 0;
	}
	if (problem != NULL && reader != NULL && reader->error_line != 0) {
		snprintf(sentence, KEA_SENTENCE_BYTES, "%.300s:%llu: the XML is malformed", source->path,
			 (unsigned long long)reader->error_line);
		windows_xml_close(&reader->base);
		return NULL;
	}
	if (problem != NULL) {
		snprintf(sentence, KEA_SENTENCE_BYTES, "%.300s: %s", source->path, problem);
		if (reader != NULL) {
			windows_xml_close(&reader->base);
		}
		return NULL;
	}
	return &reader->base;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* What XML cannot hold at all becomes U+FFFD. *whole: nothing was changed. */
static char *
put_escaped(char *out, const char *text, bool *whole) {
	for (; *text != '\0'; text++) {
		uint8_t octet = (uint8_t)*text;
		bool noncharacter = octet == 0xEF && (uint8_t)text[1] == 0xBF && ((uint8_t)text[2] & 0xFE) == 0xBE;
		if (octet == '&') {
			out = put_text(out, "&amp;");
		} else if (octet == '<') {
			out = put_text(out, "&lt;");
		} else if (octet == '>') {
			out = put_text(out, "&gt;");
		} else if (octet == '\t' || octet == '\n' || octet == '\r') {
			out = put_text(put_number(put_text(out, "&#"), octet), ";");
		} else if (octet < ' ' || noncharacter) {
			out = put_text(out, "\xEF\xBF\xBD");
			text += noncharacter ? 2 : 0;
			*whole = false;
		} else {
			*out++ = *text;
		}
	}
	return out;
}

/* <NAME>TEXT</NAME> in a line; nothing for an empty text. */
static char *
put_element(char *out, const char *indent, const char *name, const char *text, bool *whole) {
	if (text[0] == '\0') {
		return out;
	}
	out = put_text(put_text(put_text(put_text(out, indent), "<"), name), ">");
	out = put_escaped(out, text, whole);
	return put_text(put_text(put_text(out, "</"), name), ">\r\n");
}

static char *
put_address_element(char *out, const char *indent, const char *name, uint32_t address) {
	char text[16];
	bool whole;
	*put_ipv4(text, address) = '\0';
	return put_element(out, indent, name, text, &whole);
}

static bool
put_lines(format_writer_t *writer, const char *lines) {
	char *room = output_file_room(writer->output, strlen(lines));
	if (room == NULL) {
		return false;
	}
	output_file_used(writer->output, (size_t)(put_text(room, lines) - room));
	return true;
}

static bool
windows_xml_begin(format_writer_t *writer) {
	return put_lines(writer, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n"
				 "<DHCPServer xmlns=\"" NAMESPACE "\">\r\n"
				 "  <MajorVersion>6</MajorVersion>\r\n  <MinorVersion>3</MinorVersion>\r\n"
				 "  <IPv4>\r\n    <Scopes>\r\n");
}

static bool
windows_xml_end(format_writer_t *writer) {
	return put_lines(writer, "    </Scopes>\r\n  </IPv4>\r\n</DHCPServer>\r\n");
}

static char *
put_duration(char *out, uint32_t seconds) {
	out = put_text(put_number(out, seconds / DAY_S), ".");
	out = put_text(put_padded(out, seconds % DAY_S / 3600, 2), ":");
	out = put_text(put_padded(out, seconds % 3600 / 60, 2), ":");
	return put_padded(out, seconds % 60, 2);
}

static char *
put_scope(char *out, const lessor_scope_t *scope) {
	static const char indent[] = "        ";
	char duration[32];
	bool whole;
	bool active = scope->state == LESSOR_SCOPE_ENABLED || scope->state == LESSOR_SCOPE_ENABLED_SWITCHED;
	*put_duration(duration, scope->lease_s) = '\0';
	out = put_address_element(put_text(out, "      <Scope>\r\n"), indent, "ScopeId", scope->subnet);
	out = put_element(out, indent, "Name", scope->name != NULL ? scope->name : "", &whole);
	out = put_element(out, indent, "Description", scope->comment != NULL ? scope->comment : "", &whole);
	out = put_address_element(out, indent, "SubnetMask", scope->mask);
	if (scope->has_range) {
		out = put_address_element(out, indent, "StartRange", scope->range.first);
		out = put_address_element(out, indent, "EndRange", scope->range.last);
	}
	out = put_element(out, indent, "LeaseDuration", duration, &whole);
	out = put_element(out, indent, "State", active ? "Active" : "InActive", &whole);
	return put_element(out, indent, "Type", "Dhcp", &whole);
}

static bool
put_exclusion(format_writer_t *writer, const lessor_range_t *range) {
	char *room = output_file_room(writer->output, LEASE_OUT_BYTES);
	if (room == NULL) {
		return false;
	}
	char *out = put_text(room, "          <IPRange>\r\n");
	out = put_address_element(out, "            ", "StartRange", range->first);
	out = put_address_element(out, "            ", "EndRange", range->last);
	output_file_used(writer->output, (size_t)(put_text(out, "          </IPRange>\r\n") - room));
	return true;
}

static bool
windows_xml_begin_scope(format_writer_t *writer, const format_scope_t *scope) {
	char *room = output_file_room(writer->output, LEASE_OUT_BYTES);
	if (room == NULL) {
		return false;
	}
	output_file_used(writer->output, (size_t)(put_scope(room, &scope->scope) - room));
	bool fine = scope->exclusion_count == 0 || put_lines(writer, "        <ExclusionRanges>\r\n");
	for (size_t i = 0; i < scope->exclusion_count && fine; i++) {
		fine = put_exclusion(writer, &scope->exclusions[i]);
	}
	fine = fine && (scope->exclusion_count == 0 || put_lines(writer, "        </ExclusionRanges>\r\n"));
	return fine && put_lines(writer, "        <Leases>\r\n");
}

static bool
windows_xml_end_scope(format_writer_t *writer, const format_scope_t *scope) {
	(void)scope;
	return put_lines(writer, "        </Leases>\r\n      </Scope>\r\n");
}

static bool
windows_xml_write(format_writer_t *writer, const lessor_lease_t *lease, const lessor_scope_t *scope, uint32_t *losses) {
	const char *values[WINDOWS_PROPERTIES];
	bool whole = true;
	*losses = windows_lease_format(lease, scope, writer->scratch, values);
	if ((*losses & FORMAT_LOSS_BIT(FORMAT_LOSS_LEFT_OUT)) != 0) {
		return true;
	}
	char *room = output_file_room(writer->output, LEASE_OUT_BYTES);
	if (room == NULL) {
		return false;
	}
	char *out = put_text(room, "          <Lease>\r\n");
	for (size_t i = 0; i < WINDOWS_PROPERTIES; i++) {
		out = put_element(out, "            ", windows_property_names[i], values[i], &whole);
	}
	*losses |= format_lost(!whole, FORMAT_LOSS_NAME);
	output_file_used(writer->output, (size_t)(put_text(out, "          </Lease>\r\n") - room));
	return true;
}

const format_t format_windows_xml = {
	.name = "windows-xml",
	.title = "Export-DhcpServer of Windows",
	.matches = matches,
	.has_scopes = true,
	.open = windows_xml_open,
	.next = windows_xml_next,
	.close = windows_xml_close,
	.begin = windows_xml_begin,
	.begin_scope = windows_xml_begin_scope,
	.lease = windows_xml_write,
	.end_scope = windows_xml_end_scope,
	.end = windows_xml_end,
	.loss_text = format_loss_text,
};
