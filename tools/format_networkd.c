/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of the DHCP server in systemd-networkd: one JSON object, of which the member "Leases" is a list of leases. The leases are cut
 * out of the file one by one; only these go through a JSON parser.
 *
 * Times are ExpirationRealtimeUSec, microseconds since 1970. Files of early releases have only a time since boot, and are refused.
 */
#include "format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "format_text.h"
#include "kea4.h"
#include "text_bytes.h"

enum { ELEMENT_MAX_BYTES = 64 * 1024, KEY_MAX_BYTES = 64, NEST_MAX = 16, LOST_MEMBER = 0, ETHERNET = 1 };

typedef struct networkd_reader {
	format_reader_t base;
	text_bytes_t bytes;
	bool begun; /* the outermost object */
	bool in_leases;
	bool at_end; /* nothing more is to be read */
	char element[ELEMENT_MAX_BYTES];
	size_t element_bytes;
	bool too_long;
	struct json_tokener *tokener;
	struct json_object *object;
	uint8_t client_id[LESSOR_CLIENT_ID_MAX_BYTES];
	uint8_t hardware[LESSOR_HARDWARE_MAX_BYTES];
} networkd_reader_t;

/* ---- out of the file --------------------------------------------------------------------------------------------- */

static int
peek_past_blanks(text_bytes_t *bytes) {
	int c;
	while ((c = text_bytes_peek(bytes)) == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',') {
		text_bytes_take(bytes);
	}
	return c;
}

static void
keep(networkd_reader_t *reader, int c) {
	if (reader->element_bytes < sizeof(reader->element)) {
		reader->element[reader->element_bytes++] = (char)c;
	} else {
		reader->too_long = true;
	}
}

/* Take a string, an object, a list or a bare word whole. The last octet of it, or what text_bytes_peek() said instead of more. */
static int
take_value(networkd_reader_t *reader) {
	uint64_t depth = 0;
	bool quoted = false;
	bool escaped = false;
	int c;
	reader->element_bytes = 0;
	reader->too_long = false;
	while ((c = text_bytes_peek(&reader->bytes)) >= 0) {
		if (depth == 0 && !quoted && c != 0 && strchr(",]} \t\r\n:", c) != NULL) {
			return ' '; /* behind a bare word */
		}
		text_bytes_take(&reader->bytes);
		keep(reader, c);
		bool quote = c == '"' && !escaped;
		escaped = quoted && c == '\\' && !escaped;
		quoted = quoted != quote;
		if (!quoted && !quote) {
			depth += c == '{' || c == '[';
			depth -= (c == '}' || c == ']') && depth > 0;
		}
		if (depth == 0 && !quoted && (quote || c == '}' || c == ']')) {
			return c;
		}
	}
	return c;
}

static bool
is_leases_key(const networkd_reader_t *reader) {
	return piece_is((piece_t){reader->element, reader->element_bytes}, "\"Leases\"");
}

/* Go to the first element of "Leases". 1; 0 at the end; -1 with errno. */
static int
find_leases(networkd_reader_t *reader) {
	for (;;) {
		int c = peek_past_blanks(&reader->bytes);
		if ((c == '{' && !reader->begun) || c == ':' || c == '}' || c == ']') {
			reader->begun = true;
			text_bytes_take(&reader->bytes);
			continue;
		}
		c = c >= 0 ? take_value(reader) : c;
		if (c < 0) {
			return c == TEXT_BYTES_END ? 0 : -1;
		}
		if (!is_leases_key(reader)) {
			continue;
		}
		while ((c = peek_past_blanks(&reader->bytes)) == ':') {
			text_bytes_take(&reader->bytes);
		}
		if (c == '[') {
			text_bytes_take(&reader->bytes);
			reader->in_leases = true;
			return 1;
		}
	}
}

/* ---- leases ------------------------------------------------------------------------------------------------------ */

static struct json_object *
member_of(struct json_object *object, const char *key) {
	struct json_object *value = NULL;
	(void)json_object_object_get_ex(object, key, &value);
	return value;
}

static bool
octets_value(struct json_object *value, uint8_t *octets, size_t capacity, size_t *count) {
	if (!json_object_is_type(value, json_type_array)) {
		return false;
	}
	*count = json_object_array_length(value);
	for (size_t i = 0; i < *count && *count <= capacity; i++) {
		struct json_object *item = json_object_array_get_idx(value, i);
		int64_t octet = json_object_get_int64(item);
		if (!json_object_is_type(item, json_type_int) || octet < 0 || octet > UINT8_MAX) {
			return false;
		}
		octets[i] = (uint8_t)octet;
	}
	return *count > 0 && *count <= capacity;
}

static bool
take_address(struct json_object *object, uint32_t *address) {
	uint8_t octets[4];
	size_t count = 0;
	if (!octets_value(member_of(object, "Address"), octets, sizeof(octets), &count) || count != 4) {
		return false;
	}
	*address = (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 | (uint32_t)octets[2] << 8 | octets[3];
	return *address != 0;
}

static bool
take_hardware(networkd_reader_t *reader, lessor_lease_t *lease) {
	size_t count = 0;
	struct json_object *type = member_of(reader->object, "HardwareAddressType");
	struct json_object *octets = member_of(reader->object, "HardwareAddress");
	int64_t number = type != NULL ? json_object_get_int64(type) : ETHERNET;
	if (octets == NULL) {
		return true;
	}
	if (number < 0 || number > UINT8_MAX ||
	    !octets_value(octets, reader->hardware, sizeof(reader->hardware), &count)) {
		return false;
	}
	lease->hardware_type = (uint8_t)number;
	lease->hardware = reader->hardware;
	lease->hardware_bytes = (uint8_t)count;
	return true;
}

/* False if it does not say when, as a point in time. */
static bool
take_expiry(struct json_object *object, lessor_lease_t *lease) {
	struct json_object *value = member_of(object, "ExpirationRealtimeUSec");
	uint64_t most_us = LESSOR_TIME_INFINITE / 10 - LESSOR_UNIX_EPOCH_FILETIME_S * 1000000;
	if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0) {
		return false;
	}
	uint64_t us = json_object_get_uint64(value);
	lease->expires_at = us >= most_us ? LESSOR_TIME_INFINITE : (us + LESSOR_UNIX_EPOCH_FILETIME_S * 1000000) * 10;
	return true;
}

static bool
take_name(struct json_object *object, format_record_t *record) {
	struct json_object *value = member_of(object, "Hostname");
	if (value == NULL) {
		return true;
	}
	record->lease.name = json_object_get_string(value);
	if (!json_object_is_type(value, json_type_string)) {
		return false;
	}
	if (strlen(record->lease.name) != (size_t)json_object_get_string_len(value)) {
		record->lease.name = NULL;
		record->warnings |= UINT32_C(1) << FORMAT_WARN_NAME_DROPPED;
	}
	return true;
}

static void
count_unknown(struct json_object *object, format_record_t *record) {
	static const char *const known[] = {"ClientId",
					    "Address",
					    "AddressString",
					    "Hostname",
					    "HardwareAddressType",
					    "HardwareAddressLength",
					    "HardwareAddress",
					    "ExpirationUSec",
					    "ExpirationRealtimeUSec",
					    NULL};
	int count = json_object_object_length(object);
	for (size_t i = 0; known[i] != NULL; i++) {
		count -= member_of(object, known[i]) != NULL;
	}
	record->lost = count > 0 ? UINT32_C(1) << LOST_MEMBER : 0;
}

static int
take_lease(networkd_reader_t *reader, format_record_t *record) {
	size_t count = 0;
	lessor_lease_t *lease = &record->lease;
	(void)json_object_put(reader->object);
	json_tokener_reset(reader->tokener);
	reader->object = reader->too_long
				 ? NULL
				 : json_tokener_parse_ex(reader->tokener, reader->element, (int)reader->element_bytes);
	if (!json_object_is_type(reader->object, json_type_object)) {
		return format_record_bad(record, "the lease is not a JSON object");
	}
	if (!take_address(reader->object, &lease->address)) {
		return format_record_bad(record, "Address is not an IPv4 address");
	}
	if (!octets_value(member_of(reader->object, "ClientId"), reader->client_id, sizeof(reader->client_id),
			  &count)) {
		return format_record_bad(record, "ClientId is not 1 to 255 octets");
	}
	lease->client_id = reader->client_id;
	lease->client_id_bytes = (uint8_t)count;
	if (!take_hardware(reader, lease)) {
		return format_record_bad(record, "HardwareAddress is not up to 20 octets");
	}
	if (!take_name(reader->object, record)) {
		return format_record_bad(record, "Hostname is not a text");
	}
	if (!take_expiry(reader->object, lease)) {
		return format_record_bad(record, "ExpirationRealtimeUSec is missing or not a time");
	}
	count_unknown(reader->object, record);
	return 1;
}

static int
next_element(networkd_reader_t *reader, format_record_t *record) {
	int c = peek_past_blanks(&reader->bytes);
	format_record_clear(record, FORMAT_LEASE, reader->bytes.line);
	if (c == ']' || c == TEXT_BYTES_END) {
		reader->at_end = true;
		if (c == TEXT_BYTES_END) {
			(void)format_record_bad(record, "the file ends before the list of leases does");
			record->kind = FORMAT_BROKEN;
		}
		return c == TEXT_BYTES_END;
	}
	if (c == '}' || c == ':') {
		text_bytes_take(&reader->bytes); /* garbage; nothing else is never taken */
		return format_record_bad(record, "the lease is not a JSON object");
	}
	c = c >= 0 ? take_value(reader) : c;
	if (c == TEXT_BYTES_FAILED) {
		return -1;
	}
	if (c == TEXT_BYTES_END) {
		reader->at_end = true;
		(void)format_record_bad(record, "the file ends inside a lease");
		record->kind = FORMAT_BROKEN;
		return 1;
	}
	return take_lease(reader, record);
}

static int
networkd_next(format_reader_t *base, format_record_t *record) {
	networkd_reader_t *reader = (networkd_reader_t *)base;
	int got = reader->in_leases ? 1 : find_leases(reader);
	got = got > 0 && !reader->at_end ? next_element(reader, record) : got > 0 ? 0 : got;
	base->done_bytes = text_bytes_done(&reader->bytes);
	return got;
}

static bool
matches(const char *begin, size_t bytes) {
	return bytes > 0 && (begin[0] == '{' || begin[0] == '[') &&
	       (memmem(begin, bytes, "\"ClientId\"", 10) != NULL || memmem(begin, bytes, "\"BootID\"", 8) != NULL);
}

static void
networkd_close(format_reader_t *base) {
	networkd_reader_t *reader = (networkd_reader_t *)base;
	json_tokener_free(reader->tokener);
	(void)json_object_put(reader->object);
	free(reader);
}

static format_reader_t *
networkd_open(const format_source_t *source, bool *foreign, char sentence[KEA_SENTENCE_BYTES]) {
	*foreign = false;
	networkd_reader_t *reader = calloc(1, sizeof(*reader));
	struct json_tokener *tokener = json_tokener_new_ex(NEST_MAX);
	if (reader == NULL || tokener == NULL) {
		snprintf(sentence, KEA_SENTENCE_BYTES, "%.300s: no memory to read it", source->path);
		json_tokener_free(tokener);
		free(reader);
		return NULL;
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8);
	reader->tokener = tokener;
	reader->base.format = &format_networkd;
	reader->base.lost_names[LOST_MEMBER] = "unknown members";
	text_bytes_open(&reader->bytes, source->fd, source->bytes);
	if (peek_past_blanks(&reader->bytes) == '[') {
		*foreign = true;
		snprintf(
			sentence, KEA_SENTENCE_BYTES,
			"%.300s: this is of an early release of systemd-networkd, and its leases have no place in time",
			source->path);
		networkd_close(&reader->base);
		return NULL;
	}
	return &reader->base;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static char *
put_list(char *out, const uint8_t *octets, size_t count) {
	*out++ = '[';
	for (size_t i = 0; i < count; i++) {
		out = put_number(put_text(out, i > 0 ? "," : ""), octets[i]);
	}
	*out++ = ']';
	return out;
}

static char *
put_address_list(char *out, uint32_t address) {
	uint8_t octets[4] = {(uint8_t)(address >> 24), (uint8_t)(address >> 16), (uint8_t)(address >> 8),
			     (uint8_t)address};
	return put_list(out, octets, sizeof(octets));
}

/* One with its type in front, also of a client that sent none. */
static char *
put_client_id(char *out, const lessor_lease_t *lease) {
	uint8_t id[1 + LESSOR_HARDWARE_MAX_BYTES];
	if (lease->hardware_bytes == 0 || !format_can_omit_client_id(lease)) {
		return put_list(out, lease->client_id, lease->client_id_bytes);
	}
	id[0] = lease->hardware_type;
	memcpy(id + 1, lease->hardware, lease->hardware_bytes);
	return put_list(out, id, 1 + (size_t)lease->hardware_bytes);
}

static uint64_t
realtime_us(const lessor_lease_t *lease) {
	uint64_t since_1601_us = lease->expires_at / 10;
	uint64_t epoch_us = LESSOR_UNIX_EPOCH_FILETIME_S * 1000000;
	if (lease->expires_at == LESSOR_TIME_NONE || lease->expires_at >= LESSOR_TIME_INFINITE) {
		return UINT64_MAX;
	}
	return since_1601_us > epoch_us ? since_1601_us - epoch_us : 0;
}

static char *
put_lease(char *out, const lessor_lease_t *lease) {
	char address[16];
	*put_ipv4(address, lease->address) = '\0';
	out = put_client_id(put_text(out, "{\"ClientId\":"), lease);
	out = put_address_list(put_text(out, ",\"Address\":"), lease->address);
	out = put_json_text(put_text(out, ",\"AddressString\":"), address);
	if (lease->name != NULL) {
		out = put_json_text(put_text(out, ",\"Hostname\":"), lease->name);
	}
	if (lease->hardware_bytes > 0) {
		out = put_number(put_text(out, ",\"HardwareAddressType\":"), lease->hardware_type);
		out = put_number(put_text(out, ",\"HardwareAddressLength\":"), lease->hardware_bytes);
		out = put_list(put_text(out, ",\"HardwareAddress\":"), lease->hardware, lease->hardware_bytes);
	}
	out = put_text(out, ",\"ExpirationUSec\":0,\"ExpirationRealtimeUSec\":");
	return put_text(put_number(out, realtime_us(lease)), "}");
}

static bool
networkd_write(format_writer_t *writer, const lessor_lease_t *lease, const lessor_scope_t *scope, uint32_t *losses) {
	(void)scope;
	*losses = format_losses_of(lease);
	if ((*losses & FORMAT_LOSS_BIT(FORMAT_LOSS_STATE)) != 0) {
		*losses = FORMAT_LOSS_BIT(FORMAT_LOSS_LEFT_OUT);
		return true;
	}
	*losses &= ~(FORMAT_LOSS_BIT(FORMAT_LOSS_CLIENT_ID) | FORMAT_LOSS_BIT(FORMAT_LOSS_HARDWARE) |
		     FORMAT_LOSS_BIT(FORMAT_LOSS_HARDWARE_TYPE) | FORMAT_LOSS_BIT(FORMAT_LOSS_INFINITE) |
		     FORMAT_LOSS_BIT(FORMAT_LOSS_NAME) | FORMAT_LOSS_BIT(FORMAT_LOSS_FRACTION));
	*losses |= format_lost(lease->expires_at % 10 != 0 && lease->expires_at < LESSOR_TIME_INFINITE,
			       FORMAT_LOSS_FRACTION);
	char *room = output_file_room(writer->output, OUTPUT_FILE_ROOM);
	if (room == NULL) {
		return false;
	}
	char *out = put_lease(put_text(room, writer->rows > 0 ? ",\n" : "\n"), lease);
	output_file_used(writer->output, (size_t)(out - room));
	return true;
}

static bool
networkd_begin(format_writer_t *writer) {
	char *room = output_file_room(writer->output, OUTPUT_FILE_ROOM);
	if (room == NULL) {
		return false;
	}
	char *out = put_text(room, "{\"BootID\":\"00000000000000000000000000000000\"");
	output_file_used(writer->output, (size_t)(out - room));
	return true;
}

/* A file is of one interface, so that only the first scope can be said. Its server is taken to have the first address. */
static bool
networkd_begin_scope(format_writer_t *writer, const format_scope_t *scope) {
	char *room = output_file_room(writer->output, OUTPUT_FILE_ROOM);
	if (room == NULL) {
		return false;
	}
	if (writer->scopes++ > 0) {
		writer->note = "systemd-networkd has a file for each interface; export one --scope at a time";
		return true;
	}
	char *out = put_address_list(put_text(room, ",\"Address\":"), scope->scope.subnet + 1);
	out = put_number(put_text(out, ",\"PrefixLength\":"), (uint64_t)__builtin_popcount(scope->scope.mask));
	out = put_text(out, ",\"Leases\":[");
	output_file_used(writer->output, (size_t)(out - room));
	return true;
}

static bool
networkd_end(format_writer_t *writer) {
	char *room = output_file_room(writer->output, OUTPUT_FILE_ROOM);
	if (room == NULL) {
		return false;
	}
	char *out = put_text(room, writer->scopes > 0 ? "]}\n" : ",\"Leases\":[]}\n");
	output_file_used(writer->output, (size_t)(out - room));
	return true;
}

const format_t format_networkd = {
	.name = "networkd",
	.title = "the DHCP server's state of systemd-networkd",
	.matches = matches,
	.scopes_lead = true,
	.open = networkd_open,
	.next = networkd_next,
	.close = networkd_close,
	.begin = networkd_begin,
	.begin_scope = networkd_begin_scope,
	.lease = networkd_write,
	.end = networkd_end,
	.loss_text = format_loss_text,
};
