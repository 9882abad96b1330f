/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lessor's own lease file: JSON, one object per line. It holds everything that the store holds of scopes and leases.
 *
 * The first line is {"lessor":1}. A line with "address" is a lease, with the members that 'lessor list --json' gives; of these the ones
 * that follow from others need not be there, and a member that is missing has the value that a new lease has. A line with
 * "scope" and no "address" is a scope; scopes come before leases. A lease with an IPv6 address has the members "duid", "iaid" and
 * "preferred_expires_at" instead of those that only DHCPv4 has.
 */
#include "format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "cli.h"
#include "format_text.h"
#include "text_lines.h"

#define FIRST_LINE "{\"lessor\":1}\n"

enum { LOST_MEMBER, NEST_MAX = 8, FLAT_MAX_BYTES = 2048, FLAT_MEMBERS = 32 };

/* What stands behind a key. */
typedef struct value {
	enum { VALUE_OTHER, VALUE_NULL, VALUE_TEXT, VALUE_NUMBER, VALUE_BOOL, VALUE_LIST } kind;
	const char *text; /* without a NUL inside */
	uint64_t number;
	bool flag;
	struct json_object *list;
} value_t;

/* A member of a lease in its plainest form. */
typedef struct flat_member {
	const char *key;
	size_t key_bytes;
	value_t value;
} flat_member_t;

typedef struct json_reader {
	format_reader_t base;
	text_lines_t lines;
	struct json_tokener *tokener;
	struct json_object *object; /* of the line handed out last */
	uint8_t client_id[LESSOR_CLIENT_ID_MAX_BYTES];
	uint8_t hardware[LESSOR_HARDWARE_MAX_BYTES];
	lessor_limit_key_t limit_key[LESSOR_LIMIT_KEYS_MAX];
	lessor_scope_t scope;
	uint8_t duid[LESSOR_DUID_MAX_BYTES];
	lessor_range_t exclusions[LESSOR_SCOPE_MAX_EXCLUSIONS];
	lessor_scope6_t scope6;
	lessor_range6_t exclusions6[LESSOR_SCOPE_MAX_EXCLUSIONS];
	char flat[FLAT_MAX_BYTES + 1]; /* the line, with NULs behind its texts */
	flat_member_t members[FLAT_MEMBERS];
} json_reader_t;

/* ---- values ------------------------------------------------------------------------------------------------------ */

static value_t
value_of(struct json_object *object) {
	value_t value = {.kind = object == NULL ? VALUE_NULL : VALUE_OTHER};
	switch (json_object_get_type(object)) {
	case json_type_string:
		value.text = json_object_get_string(object);
		value.kind =
			strlen(value.text) == (size_t)json_object_get_string_len(object) ? VALUE_TEXT : VALUE_OTHER;
		break;
	case json_type_int:
		value.number = json_object_get_uint64(object);
		value.kind = json_object_get_int64(object) >= 0 ? VALUE_NUMBER : VALUE_OTHER;
		break;
	case json_type_boolean:
		value.flag = json_object_get_boolean(object);
		value.kind = VALUE_BOOL;
		break;
	case json_type_array:
		value.list = object;
		value.kind = VALUE_LIST;
		break;
	default:
		break;
	}
	return value;
}

/* Each takes a value that is not null; false if it is not what it should be. */
static bool
text_value(const value_t *value, const char **text) {
	*text = value->text;
	return value->kind == VALUE_TEXT;
}

static bool
number_value(const value_t *value, uint64_t max, uint64_t *number) {
	*number = value->number;
	return value->kind == VALUE_NUMBER && *number <= max;
}

static bool
bool_value(const value_t *value, bool *flag) {
	*flag = value->flag;
	return value->kind == VALUE_BOOL;
}

static bool
address_value(const value_t *value, uint32_t *address) {
	const char *text;
	return text_value(value, &text) && cli_parse_ipv4(text, address);
}

static bool
time_value(const value_t *value, lessor_filetime_t *time) {
	const char *text;
	return text_value(value, &text) && cli_parse_time(text, time);
}

static bool
octets_value(const value_t *value, uint8_t *octets, size_t capacity, uint8_t *count) {
	const char *text;
	size_t got = 0;
	bool fine =
		text_value(value, &text) && piece_octets((piece_t){text, strlen(text)}, ':', octets, capacity, &got);
	*count = (uint8_t)got;
	return fine;
}

static bool
octet_value(const value_t *value, uint8_t *octet) {
	uint64_t number;
	bool fine = number_value(value, UINT8_MAX, &number);
	*octet = (uint8_t)number;
	return fine;
}

static bool
u32_value(const value_t *value, uint32_t *number) {
	uint64_t wide;
	bool fine = number_value(value, UINT32_MAX, &wide);
	*number = (uint32_t)wide;
	return fine;
}

static bool
limit_keys_value(const value_t *value, lessor_limit_key_t *keys, uint8_t *count) {
	if (value->kind != VALUE_LIST || json_object_array_length(value->list) > LESSOR_LIMIT_KEYS_MAX) {
		return false;
	}
	*count = (uint8_t)json_object_array_length(value->list);
	for (uint8_t i = 0; i < *count; i++) {
		const char *text;
		const value_t key = value_of(json_object_array_get_idx(value->list, i));
		if (!text_value(&key, &text) || !cli_parse_limit_key(text, &keys[i])) {
			return false;
		}
	}
	return true;
}

/* ---- leases ------------------------------------------------------------------------------------------------------ */

/* Members of 'lessor list --json' that say once more what others say, or that only the store can give. */
static bool
is_redundant(const char *key) {
	static const char *const keys[] = {
		"scope", "subnet_mask", "state", "expires_at_filetime", "probation_ends_at_filetime", "ticket", NULL};
	for (size_t i = 0; keys[i] != NULL; i++) {
		if (strcmp(key, keys[i]) == 0) {
			return true;
		}
	}
	return false;
}

typedef bool member_taker_t(json_reader_t *reader, lessor_lease_t *lease, const value_t *value);

#define TAKER(member, expression)                                                                                      \
	static bool take_##member(json_reader_t *reader, lessor_lease_t *lease, const value_t *value) {                \
		(void)reader;                                                                                          \
		return expression;                                                                                     \
	}

TAKER(address, address_value(value, &lease->address))
TAKER(client_id, octets_value(value, reader->client_id, sizeof(reader->client_id), &lease->client_id_bytes))
TAKER(client_id_made_up, bool_value(value, &lease->client_id_made_up))
TAKER(client_type, octet_value(value, &lease->client_type))
TAKER(hardware, octets_value(value, reader->hardware, sizeof(reader->hardware), &lease->hardware_bytes))
TAKER(hardware_type, octet_value(value, &lease->hardware_type))
TAKER(address_state, octet_value(value, &lease->address_state))
TAKER(expires_at, time_value(value, &lease->expires_at))
TAKER(last_transaction_s, u32_value(value, &lease->last_transaction_s))
TAKER(quarantine_status, octet_value(value, &lease->quarantine_status))
TAKER(quarantine_capable, bool_value(value, &lease->quarantine_capable))
TAKER(probation_ends_at, time_value(value, &lease->probation_ends_at))
TAKER(dns_forward, bool_value(value, &lease->dns_forward))
TAKER(dns_reverse, bool_value(value, &lease->dns_reverse))
TAKER(name, text_value(value, &lease->name))
TAKER(comment, text_value(value, &lease->comment))
TAKER(policy_name, text_value(value, &lease->policy_name))
TAKER(owner_name, text_value(value, &lease->owner_name))
TAKER(owner_address, address_value(value, &lease->owner_address))
TAKER(user_context, text_value(value, &lease->user_context))
TAKER(limit_keys, limit_keys_value(value, reader->limit_key, &lease->limit_keys))

static const struct member {
	const char *key;
	member_taker_t *take;
	const char *problem;
} members[] = {
	{"address", take_address, "address is not an IPv4 address"},
	{"client_id", take_client_id, "client_id is not 1 to 255 hex octets joined by colons"},
	{"client_id_made_up", take_client_id_made_up, "client_id_made_up is not true or false"},
	{"client_type", take_client_type, "client_type is not a number up to 255"},
	{"hardware", take_hardware, "hardware is not up to 20 hex octets joined by colons"},
	{"hardware_type", take_hardware_type, "hardware_type is not a number up to 255"},
	{"address_state", take_address_state, "address_state is not a number up to 255"},
	{"expires_at", take_expires_at, "expires_at is not a time"},
	{"last_transaction_s", take_last_transaction_s, "last_transaction_s is not a number of 32 bits"},
	{"quarantine_status", take_quarantine_status, "quarantine_status is not a number up to 255"},
	{"quarantine_capable", take_quarantine_capable, "quarantine_capable is not true or false"},
	{"probation_ends_at", take_probation_ends_at, "probation_ends_at is not a time"},
	{"dns_forward", take_dns_forward, "dns_forward is not true or false"},
	{"dns_reverse", take_dns_reverse, "dns_reverse is not true or false"},
	{"name", take_name, "name is not a text"},
	{"comment", take_comment, "comment is not a text"},
	{"policy_name", take_policy_name, "policy_name is not a text"},
	{"owner_name", take_owner_name, "owner_name is not a text"},
	{"owner_address", take_owner_address, "owner_address is not an IPv4 address"},
	{"user_context", take_user_context, "user_context is not a text"},
	{"limit_keys", take_limit_keys, "limit_keys is not an array of up to four keys"},
};

/* NULL if it is fine, or what is wrong. */
static const char *
take_member(json_reader_t *reader, format_record_t *record, const char *key, const value_t *value) {
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (strcmp(members[i].key, key) == 0) {
			return members[i].take(reader, &record->lease, value) ? NULL : members[i].problem;
		}
	}
	record->lost |= is_redundant(key) ? 0 : UINT32_C(1) << LOST_MEMBER;
	return NULL;
}

static int
finish_lease(json_reader_t *reader, format_record_t *record) {
	lessor_lease_t *lease = &record->lease;
	lease->client_id = lease->client_id_bytes > 0 ? reader->client_id : NULL;
	lease->hardware = lease->hardware_bytes > 0 ? reader->hardware : NULL;
	lease->limit_key = lease->limit_keys > 0 ? reader->limit_key : NULL;
	if (lease->address == 0) {
		return format_record_bad(record, "address is not an IPv4 address");
	}
	format_need_client_id(record);
	return 1;
}

/* ---- IPv6 leases ------------------------------------------------------------------------------------------------- */

static bool
address6_value(const value_t *value, lessor_address6_t *address) {
	const char *text;
	return text_value(value, &text) && piece_ipv6((piece_t){text, strlen(text)}, address);
}

static bool
duid_value(const value_t *value, uint8_t *octets, uint16_t *count) {
	const char *text;
	size_t got = 0;
	bool fine = text_value(value, &text) &&
		    piece_octets((piece_t){text, strlen(text)}, ':', octets, LESSOR_DUID_MAX_BYTES, &got);
	*count = (uint16_t)got;
	return fine;
}

typedef bool member6_taker_t(json_reader_t *reader, lessor_lease6_t *lease, const value_t *value);

#define TAKER6(member, expression)                                                                                     \
	static bool take6_##member(json_reader_t *reader, lessor_lease6_t *lease, const value_t *value) {              \
		(void)reader;                                                                                          \
		return expression;                                                                                     \
	}

TAKER6(address, address6_value(value, &lease->address))
TAKER6(duid, duid_value(value, reader->duid, &lease->duid_bytes))
TAKER6(iaid, u32_value(value, &lease->iaid))
TAKER6(hardware, octets_value(value, reader->hardware, sizeof(reader->hardware), &lease->hardware_bytes))
TAKER6(hardware_type, octet_value(value, &lease->hardware_type))
TAKER6(address_state, octet_value(value, &lease->address_state))
TAKER6(expires_at, time_value(value, &lease->expires_at))
TAKER6(preferred_expires_at, time_value(value, &lease->preferred_expires_at))
TAKER6(last_transaction_s, u32_value(value, &lease->last_transaction_s))
TAKER6(dns_forward, bool_value(value, &lease->dns_forward))
TAKER6(dns_reverse, bool_value(value, &lease->dns_reverse))
TAKER6(name, text_value(value, &lease->name))
TAKER6(comment, text_value(value, &lease->comment))
TAKER6(owner_address, address6_value(value, &lease->owner_address))
TAKER6(user_context, text_value(value, &lease->user_context))
TAKER6(limit_keys, limit_keys_value(value, reader->limit_key, &lease->limit_keys))

static const struct member6 {
	const char *key;
	member6_taker_t *take;
	const char *problem;
} members6[] = {
	{"address", take6_address, "address is not an IPv6 address"},
	{"duid", take6_duid, "duid is not 1 to 256 hex octets joined by colons"},
	{"iaid", take6_iaid, "iaid is not a number of 32 bits"},
	{"hardware", take6_hardware, "hardware is not up to 20 hex octets joined by colons"},
	{"hardware_type", take6_hardware_type, "hardware_type is not a number up to 255"},
	{"address_state", take6_address_state, "address_state is not a number up to 255"},
	{"expires_at", take6_expires_at, "expires_at is not a time"},
	{"preferred_expires_at", take6_preferred_expires_at, "preferred_expires_at is not a time"},
	{"last_transaction_s", take6_last_transaction_s, "last_transaction_s is not a number of 32 bits"},
	{"dns_forward", take6_dns_forward, "dns_forward is not true or false"},
	{"dns_reverse", take6_dns_reverse, "dns_reverse is not true or false"},
	{"name", take6_name, "name is not a text"},
	{"comment", take6_comment, "comment is not a text"},
	{"owner_address", take6_owner_address, "owner_address is not an IPv6 address"},
	{"user_context", take6_user_context, "user_context is not a text"},
	{"limit_keys", take6_limit_keys, "limit_keys is not an array of up to four keys"},
};

/* NULL if it is fine, or what is wrong. */
static const char *
take_member6(json_reader_t *reader, format_record_t *record, const char *key, const value_t *value) {
	for (size_t i = 0; i < sizeof(members6) / sizeof(members6[0]); i++) {
		if (strcmp(members6[i].key, key) == 0) {
			return members6[i].take(reader, &record->lease6, value) ? NULL : members6[i].problem;
		}
	}
	record->lost |= is_redundant(key) ? 0 : UINT32_C(1) << LOST_MEMBER;
	return NULL;
}

static int
finish_lease6(json_reader_t *reader, format_record_t *record) {
	lessor_lease6_t *lease = &record->lease6;
	lease->duid = lease->duid_bytes > 0 ? reader->duid : NULL;
	lease->hardware = lease->hardware_bytes > 0 ? reader->hardware : NULL;
	lease->limit_key = lease->limit_keys > 0 ? reader->limit_key : NULL;
	if (lease->address.high == 0) {
		return format_record_bad(record, "address is not an IPv6 address");
	}
	format_need_duid(record);
	return 1;
}

/* ---- leases of either family ------------------------------------------------------------------------------------- */

static void
begin_lease(format_record_t *record, bool is6) {
	if (is6) {
		format_record_clear6(record, FORMAT_LEASE, record->line);
		record->lease6.expires_at = record->lease6.preferred_expires_at = LESSOR_TIME_NONE;
	} else {
		record->lease.expires_at = LESSOR_TIME_NONE;
	}
}

/* False if it is bad, and the record says so. A value that is null says nothing. */
static bool
take_either(json_reader_t *reader, format_record_t *record, const char *key, const value_t *value) {
	const char *problem = value->kind == VALUE_NULL ? NULL
			      : record->is6             ? take_member6(reader, record, key, value)
							: take_member(reader, record, key, value);
	if (problem != NULL) {
		(void)format_record_bad(record, problem);
	}
	return problem == NULL;
}

static int
finish_either(json_reader_t *reader, format_record_t *record) {
	return record->is6 ? finish_lease6(reader, record) : finish_lease(reader, record);
}

static int
take_lease(json_reader_t *reader, format_record_t *record, bool is6) {
	struct json_object_iterator at = json_object_iter_begin(reader->object);
	struct json_object_iterator end = json_object_iter_end(reader->object);
	begin_lease(record, is6);
	for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
		const value_t value = value_of(json_object_iter_peek_value(&at));
		if (!take_either(reader, record, json_object_iter_peek_name(&at), &value)) {
			return 1;
		}
	}
	return finish_either(reader, record);
}

/* ---- scopes ------------------------------------------------------------------------------------------------------ */

static struct json_object *
member_of(struct json_object *object, const char *key) {
	struct json_object *value = NULL;
	(void)json_object_object_get_ex(object, key, &value);
	return value;
}

static bool
range_value(struct json_object *value, lessor_range_t *range) {
	struct json_object *first = json_object_is_type(value, json_type_object) ? member_of(value, "first") : NULL;
	struct json_object *last = json_object_is_type(value, json_type_object) ? member_of(value, "last") : NULL;
	const value_t values[2] = {value_of(first), value_of(last)};
	return address_value(&values[0], &range->first) && address_value(&values[1], &range->last) &&
	       range->first <= range->last;
}

static bool
take_exclusions(json_reader_t *reader, format_record_t *record, struct json_object *list) {
	if (list == NULL) {
		return true;
	}
	size_t count = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : SIZE_MAX;
	for (size_t i = 0; i < count; i++) {
		if (count > LESSOR_SCOPE_MAX_EXCLUSIONS ||
		    !range_value(json_object_array_get_idx(list, i), &reader->exclusions[i])) {
			return false;
		}
	}
	record->exclusions = reader->exclusions;
	record->exclusion_count = count;
	return true;
}

static bool
optional_u32(struct json_object *object, const char *key, uint32_t *number) {
	const value_t value = value_of(member_of(object, key));
	return value.kind == VALUE_NULL || u32_value(&value, number);
}

static bool
optional_text(struct json_object *object, const char *key, const char **text) {
	const value_t value = value_of(member_of(object, key));
	return value.kind == VALUE_NULL || text_value(&value, text);
}

static int
take_scope(json_reader_t *reader, format_record_t *record) {
	lessor_scope_t *scope = &reader->scope;
	struct json_object *object = reader->object;
	const value_t subnet = value_of(member_of(object, "scope"));
	struct json_object *range = member_of(object, "range");
	const char *text;
	*scope = (lessor_scope_t){.has_range = range != NULL};
	record->kind = FORMAT_SCOPE;
	record->scope = scope;
	bool fine = text_value(&subnet, &text) && cli_parse_subnet(text, &scope->subnet, &scope->mask) &&
		    optional_u32(object, "id", &scope->id) && optional_u32(object, "state_code", &scope->state) &&
		    optional_u32(object, "lease_s", &scope->lease_s) &&
		    optional_u32(object, "max_leases", &scope->max_leases) &&
		    (range == NULL || range_value(range, &scope->range)) &&
		    optional_text(object, "name", &scope->name) && optional_text(object, "comment", &scope->comment) &&
		    take_exclusions(reader, record, member_of(object, "exclusions"));
	return fine ? 1 : format_record_bad(record, "the scope is malformed");
}

/* ---- IPv6 scopes ------------------------------------------------------------------------------------------------- */

/* Both ends lie in the scope. */
static bool
range6_value(struct json_object *value, uint64_t prefix, lessor_range6_t *range) {
	lessor_address6_t ends[2];
	struct json_object *first = json_object_is_type(value, json_type_object) ? member_of(value, "first") : NULL;
	struct json_object *last = json_object_is_type(value, json_type_object) ? member_of(value, "last") : NULL;
	const value_t values[2] = {value_of(first), value_of(last)};
	if (!address6_value(&values[0], &ends[0]) || !address6_value(&values[1], &ends[1]) || ends[0].high != prefix ||
	    ends[1].high != prefix) {
		return false;
	}
	*range = (lessor_range6_t){ends[0].low, ends[1].low};
	return range->first <= range->last;
}

static bool
take_exclusions6(json_reader_t *reader, format_record_t *record, struct json_object *list) {
	if (list == NULL) {
		return true;
	}
	size_t count = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : SIZE_MAX;
	for (size_t i = 0; i < count; i++) {
		if (count > LESSOR_SCOPE_MAX_EXCLUSIONS ||
		    !range6_value(json_object_array_get_idx(list, i), reader->scope6.prefix, &reader->exclusions6[i])) {
			return false;
		}
	}
	record->exclusions6 = reader->exclusions6;
	record->exclusion_count = count;
	return true;
}

static int
take_scope6(json_reader_t *reader, format_record_t *record, const char *subnet) {
	lessor_scope6_t *scope = &reader->scope6;
	struct json_object *object = reader->object;
	lessor_address6_t address;
	unsigned length;
	uint32_t preference = 0;
	*scope = (lessor_scope6_t){0};
	record->kind = FORMAT_SCOPE;
	record->is6 = true;
	record->scope6 = scope;
	bool fine = piece_prefix6((piece_t){subnet, strlen(subnet)}, &address, &length) && length == 64;
	scope->prefix = fine ? address.high : 0;
	fine = fine && optional_u32(object, "id", &scope->id) && optional_u32(object, "state_code", &scope->state) &&
	       optional_u32(object, "lease_s", &scope->lease_s) && optional_u32(object, "preference", &preference) &&
	       optional_u32(object, "max_leases", &scope->max_leases) && preference <= UINT16_MAX &&
	       optional_text(object, "name", &scope->name) && optional_text(object, "comment", &scope->comment) &&
	       take_exclusions6(reader, record, member_of(object, "exclusions"));
	scope->preference = (uint16_t)preference;
	return fine ? 1 : format_record_bad(record, "the scope is malformed");
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool
matches(const char *begin, size_t bytes) {
	static const char *const firsts[] = {"{\"lessor\":", "{\"address\":", "{ \"lessor\":", "{ \"address\":", NULL};
	for (size_t i = 0; firsts[i] != NULL; i++) {
		if (bytes >= strlen(firsts[i]) && memcmp(begin, firsts[i], strlen(firsts[i])) == 0) {
			return true;
		}
	}
	return false;
}

static void
json_close(format_reader_t *base) {
	json_reader_t *reader = (json_reader_t *)base;
	text_lines_close(&reader->lines);
	json_tokener_free(reader->tokener);
	(void)json_object_put(reader->object);
	free(reader);
}

static format_reader_t *
json_open(const format_source_t *source, bool *foreign, char sentence[KEA_SENTENCE_BYTES]) {
	*foreign = false;
	json_reader_t *reader = calloc(1, sizeof(*reader));
	struct json_tokener *tokener = json_tokener_new_ex(NEST_MAX);
	if (reader == NULL || tokener == NULL || !text_lines_open(&reader->lines, source->fd, source->bytes)) {
		snprintf(sentence, KEA_SENTENCE_BYTES, "%.300s: no memory to read it", source->path);
		json_tokener_free(tokener);
		free(reader);
		return NULL;
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	reader->tokener = tokener;
	reader->base.format = &format_json;
	reader->base.lost_names[LOST_MEMBER] = "unknown members";
	return &reader->base;
}

static bool
is_ipv6(struct json_object *value) {
	return json_object_is_type(value, json_type_string) && strchr(json_object_get_string(value), ':') != NULL;
}

/* ---- leases in their plainest form ------------------------------------------------------------------------------- */

/* A text without escapes, in ASCII, at **at, which moves behind it; a NUL takes the place of its closing quote. False: it is not like that. */
static bool
flat_text(char **at, const char **text, size_t *bytes) {
	char *begin = *at + 1;
	char *end = begin;
	if (**at != '"') {
		return false;
	}
	while (*end >= ' ' && *end < 0x7F && *end != '"' && *end != '\\') {
		end++;
	}
	if (*end != '"') {
		return false;
	}
	*end = '\0';
	*text = begin;
	*bytes = (size_t)(end - begin);
	*at = end + 1;
	return true;
}

/* A number of at most 18 digits, without a sign or needless zeros. */
static bool
flat_number(char **at, uint64_t *number) {
	char *digit = *at;
	for (*number = 0; *digit >= '0' && *digit <= '9' && digit - *at < 19; digit++) {
		*number = *number * 10 + (uint64_t)(*digit - '0');
	}
	size_t digits = (size_t)(digit - *at);
	bool fine = digits > 0 && digits < 19 && (digits == 1 || **at != '0');
	*at = digit;
	return fine;
}

static bool
flat_word(char **at, const char *word) {
	size_t bytes = strlen(word);
	bool found = strncmp(*at, word, bytes) == 0;
	*at += found ? bytes : 0;
	return found;
}

static bool
flat_value(char **at, value_t *value) {
	size_t bytes;
	if (**at == '"') {
		value->kind = VALUE_TEXT;
		return flat_text(at, &value->text, &bytes);
	}
	if (**at >= '0' && **at <= '9') {
		value->kind = VALUE_NUMBER;
		return flat_number(at, &value->number);
	}
	value->flag = **at == 't';
	value->kind = **at == 'n' ? VALUE_NULL : VALUE_BOOL;
	return flat_word(at, "true") || flat_word(at, "false") || flat_word(at, "null");
}

/* Of two members with the same name the parser knows which one counts. */
static bool
is_new(const flat_member_t *known, size_t count) {
	const flat_member_t *last = &known[count];
	for (size_t i = 0; i < count; i++) {
		if (known[i].key_bytes == last->key_bytes && memcmp(known[i].key, last->key, last->key_bytes) == 0) {
			return false;
		}
	}
	return true;
}

/*
 * The members of a line that is an object with the address first, without blanks, escapes or anything nested: what is written here. How many; 0 if it is
 * anything else, which takes the parser, at eight times the cost.
 */
static size_t
flat_members(json_reader_t *reader, const text_line_t *line) {
	size_t count = 0;
	char *at = reader->flat;
	if (line->bytes > FLAT_MAX_BYTES || line->cut) {
		return 0;
	}
	memcpy(at, line->text, line->bytes);
	at[line->bytes] = '\0';
	if (!flat_word(&at, "{") || strncmp(at, "\"address\":\"", 11) != 0) {
		return 0;
	}
	for (; count < FLAT_MEMBERS; at++) {
		flat_member_t *member = &reader->members[count];
		if (!flat_text(&at, &member->key, &member->key_bytes) || !flat_word(&at, ":") ||
		    !flat_value(&at, &member->value) || !is_new(reader->members, count)) {
			return 0;
		}
		count++;
		if (*at == '}') {
			return at + 1 == reader->flat + line->bytes ? count : 0;
		}
		if (*at != ',') {
			return 0;
		}
	}
	return 0;
}

static int
take_flat(json_reader_t *reader, size_t count, format_record_t *record) {
	begin_lease(record, strchr(reader->members[0].value.text, ':') != NULL);
	for (size_t i = 0; i < count; i++) {
		if (!take_either(reader, record, reader->members[i].key, &reader->members[i].value)) {
			return 1;
		}
	}
	return finish_either(reader, record);
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

/* 1: a record; 2: nothing of interest. */
static int
take_line(json_reader_t *reader, const text_line_t *line, format_record_t *record) {
	format_record_clear(record, FORMAT_LEASE, reader->lines.number);
	size_t count = flat_members(reader, line);
	if (count > 0) {
		return take_flat(reader, count, record);
	}
	(void)json_object_put(reader->object);
	json_tokener_reset(reader->tokener);
	reader->object = line->too_long ? NULL : json_tokener_parse_ex(reader->tokener, line->text, (int)line->bytes);
	if (!json_object_is_type(reader->object, json_type_object)) {
		(void)format_record_bad(record, line->too_long ? "the line is longer than 1 MiB"
							       : "the line is not a JSON object");
		record->kind = line->cut ? FORMAT_CUT : FORMAT_BAD;
		return 1;
	}
	struct json_object *address = member_of(reader->object, "address");
	if (address != NULL) {
		return take_lease(reader, record, is_ipv6(address));
	}
	struct json_object *version = member_of(reader->object, "lessor");
	if (version != NULL) {
		return json_object_get_int(version) == 1
			       ? 2
			       : format_record_bad(record, "the file has a version that is not known");
	}
	struct json_object *scope = member_of(reader->object, "scope");
	return is_ipv6(scope) ? take_scope6(reader, record, json_object_get_string(scope)) : take_scope(reader, record);
}

static int
json_next(format_reader_t *base, format_record_t *record) {
	json_reader_t *reader = (json_reader_t *)base;
	text_line_t line;
	int got;
	int taken = 2;
	while (taken == 2 && (got = text_lines_next(&reader->lines, &line)) > 0) {
		taken = line.bytes > 0 ? take_line(reader, &line, record) : 2;
	}
	base->done_bytes = reader->lines.done_bytes;
	return taken != 2 ? taken : got;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* ,"key": */
static char *
put_key(char *out, const char *key) {
	out = put_text(out, ",\"");
	out = put_text(out, key);
	return put_text(out, "\":");
}

static char *
put_member(char *out, const char *key, const char *text) {
	return text != NULL ? put_json_text(put_key(out, key), text) : out;
}

static char *
put_count(char *out, const char *key, uint64_t number, uint64_t usual) {
	return number != usual ? put_number(put_key(out, key), number) : out;
}

static char *
put_flag(char *out, const char *key, bool flag) {
	return flag ? put_text(put_key(out, key), "true") : out;
}

static char *
put_address(char *out, uint32_t address) {
	*out++ = '"';
	out = put_ipv4(out, address);
	*out++ = '"';
	return out;
}

static char *
put_hex(char *out, const char *key, const uint8_t *octets, size_t count) {
	if (count > 0) {
		out = put_key(out, key);
		*out++ = '"';
		out = put_octets(out, octets, count, ':');
		*out++ = '"';
	}
	return out;
}

static char *
put_time(char *out, const char *key, lessor_filetime_t time) {
	char text[CLI_TIME_BYTES];
	if (time == LESSOR_TIME_NONE) {
		return out;
	}
	cli_format_time(time, text);
	return put_member(out, key, text);
}

static char *
put_limit_keys(char *out, const lessor_limit_key_t *keys, unsigned count) {
	if (count == 0) {
		return out;
	}
	out = put_key(out, "limit_keys");
	for (unsigned i = 0; i < count; i++) {
		char text[CLI_LIMIT_KEY_BYTES];
		cli_format_limit_key(&keys[i], text);
		*out++ = i == 0 ? '[' : ',';
		out = put_json_text(out, text);
	}
	*out++ = ']';
	return out;
}

static char *
put_lease(char *out, const lessor_lease_t *lease) {
	out = put_address(put_text(out, "{\"address\":"), lease->address);
	out = put_hex(out, "client_id", lease->client_id, lease->client_id_bytes);
	out = put_flag(out, "client_id_made_up", lease->client_id_made_up);
	out = put_count(out, "client_type", lease->client_type, LESSOR_CLIENT_DHCP);
	out = put_hex(out, "hardware", lease->hardware, lease->hardware_bytes);
	out = put_count(out, "hardware_type", lease->hardware_type, 0);
	out = put_count(out, "address_state", lease->address_state, LESSOR_STATE_ACTIVE);
	out = put_time(out, "expires_at", lease->expires_at);
	out = put_count(out, "last_transaction_s", lease->last_transaction_s, 0);
	out = put_count(out, "quarantine_status", lease->quarantine_status, LESSOR_NO_QUARANTINE);
	out = put_flag(out, "quarantine_capable", lease->quarantine_capable);
	out = put_time(out, "probation_ends_at", lease->probation_ends_at);
	out = put_flag(out, "dns_forward", lease->dns_forward);
	out = put_flag(out, "dns_reverse", lease->dns_reverse);
	out = put_member(out, "name", lease->name);
	out = put_member(out, "comment", lease->comment);
	out = put_member(out, "policy_name", lease->policy_name);
	out = put_member(out, "owner_name", lease->owner_name);
	out = lease->owner_address != 0 ? put_address(put_key(out, "owner_address"), lease->owner_address) : out;
	out = put_limit_keys(out, lease->limit_key, lease->limit_keys);
	return put_text(put_member(out, "user_context", lease->user_context), "}\n");
}

static bool
json_write(format_writer_t *writer, const lessor_lease_t *lease, const lessor_scope_t *scope, uint32_t *losses) {
	(void)scope;
	*losses = 0;
	char *room = output_file_room(writer->output, OUTPUT_FILE_ROOM);
	if (room == NULL) {
		return false;
	}
	output_file_used(writer->output, (size_t)(put_lease(room, lease) - room));
	return true;
}

static char *
put_range(char *out, const lessor_range_t *range) {
	out = put_address(put_text(out, "{\"first\":"), range->first);
	return put_text(put_address(put_text(out, ",\"last\":"), range->last), "}");
}

/* The room is enough for all exclusions and both texts. */
static bool
json_write_scope(format_writer_t *writer, const format_scope_t *scope) {
	char subnet[CLI_SUBNET_BYTES];
	char *room = output_file_room(writer->output, OUTPUT_FILE_ROOM);
	if (room == NULL) {
		return false;
	}
	cli_format_subnet(scope->scope.subnet, scope->scope.mask, subnet);
	char *out = put_json_text(put_text(room, "{\"scope\":"), subnet);
	out = put_count(out, "id", scope->scope.id, 0);
	out = put_count(out, "state_code", scope->scope.state, LESSOR_SCOPE_ENABLED);
	out = put_count(out, "lease_s", scope->scope.lease_s, 0);
	out = put_count(out, "max_leases", scope->scope.max_leases, 0);
	out = scope->scope.has_range ? put_range(put_key(out, "range"), &scope->scope.range) : out;
	out = put_member(out, "name", scope->scope.name);
	out = put_member(out, "comment", scope->scope.comment);
	out = scope->exclusion_count > 0 ? put_text(put_key(out, "exclusions"), "[") : out;
	for (size_t i = 0; i < scope->exclusion_count; i++) {
		out = put_range(put_text(out, i > 0 ? "," : ""), &scope->exclusions[i]);
	}
	out = put_text(out, scope->exclusion_count > 0 ? "]}\n" : "}\n");
	output_file_used(writer->output, (size_t)(out - room));
	return true;
}

static char *
put_address6(char *out, lessor_address6_t address) {
	*out++ = '"';
	out = put_ipv6(out, address);
	*out++ = '"';
	return out;
}

static char *
put_lease6(char *out, const lessor_lease6_t *lease) {
	bool owned = lease->owner_address.high != 0 || lease->owner_address.low != 0;
	out = put_address6(put_text(out, "{\"address\":"), lease->address);
	out = format_can_omit_duid(lease) ? out : put_hex(out, "duid", lease->duid, lease->duid_bytes);
	out = put_count(out, "iaid", lease->iaid, 0);
	out = put_hex(out, "hardware", lease->hardware, lease->hardware_bytes);
	out = put_count(out, "hardware_type", lease->hardware_type, 0);
	out = put_count(out, "address_state", lease->address_state, LESSOR_STATE_ACTIVE);
	out = put_time(out, "expires_at", lease->expires_at);
	if (lease->preferred_expires_at != lease->expires_at) {
		out = put_time(out, "preferred_expires_at", lease->preferred_expires_at);
	}
	out = put_count(out, "last_transaction_s", lease->last_transaction_s, 0);
	out = put_flag(out, "dns_forward", lease->dns_forward);
	out = put_flag(out, "dns_reverse", lease->dns_reverse);
	out = put_member(out, "name", lease->name);
	out = put_member(out, "comment", lease->comment);
	out = owned ? put_address6(put_key(out, "owner_address"), lease->owner_address) : out;
	out = put_limit_keys(out, lease->limit_key, lease->limit_keys);
	return put_text(put_member(out, "user_context", lease->user_context), "}\n");
}

static bool
json_write6(format_writer_t *writer, const lessor_lease6_t *lease, const lessor_scope6_t *scope, uint32_t *losses) {
	(void)scope;
	*losses = 0;
	char *room = output_file_room(writer->output, OUTPUT_FILE_ROOM);
	if (room == NULL) {
		return false;
	}
	output_file_used(writer->output, (size_t)(put_lease6(room, lease) - room));
	return true;
}

static char *
put_range6(char *out, uint64_t prefix, const lessor_range6_t *range) {
	out = put_address6(put_text(out, "{\"first\":"), (lessor_address6_t){prefix, range->first});
	return put_text(put_address6(put_text(out, ",\"last\":"), (lessor_address6_t){prefix, range->last}), "}");
}

static bool
put_exclusions6(format_writer_t *writer, const format_scope6_t *scope) {
	for (size_t i = 0; i < scope->exclusion_count; i++) {
		char *room = output_file_room(writer->output, 256);
		if (room == NULL) {
			return false;
		}
		char *out = i > 0 ? put_text(room, ",") : put_text(put_key(room, "exclusions"), "[");
		out = put_range6(out, scope->scope.prefix, &scope->exclusions[i]);
		out = i + 1 == scope->exclusion_count ? put_text(out, "]") : out;
		output_file_used(writer->output, (size_t)(out - room));
	}
	return true;
}

static bool
json_write_scope6(format_writer_t *writer, const format_scope6_t *scope) {
	char *room = output_file_room(writer->output, OUTPUT_FILE_ROOM);
	if (room == NULL) {
		return false;
	}
	char *out = put_ipv6(put_text(room, "{\"scope\":\""), (lessor_address6_t){scope->scope.prefix, 0});
	out = put_count(put_text(out, "/64\""), "id", scope->scope.id, 0);
	out = put_count(out, "state_code", scope->scope.state, LESSOR_SCOPE_ENABLED);
	out = put_count(out, "lease_s", scope->scope.lease_s, 0);
	out = put_count(out, "preference", scope->scope.preference, 0);
	out = put_count(out, "max_leases", scope->scope.max_leases, 0);
	out = put_member(out, "name", scope->scope.name);
	out = put_member(out, "comment", scope->scope.comment);
	output_file_used(writer->output, (size_t)(out - room));
	room = put_exclusions6(writer, scope) ? output_file_room(writer->output, 2) : NULL;
	if (room == NULL) {
		return false;
	}
	output_file_used(writer->output, (size_t)(put_text(room, "}\n") - room));
	return true;
}

static bool
json_begin(format_writer_t *writer) {
	char *room = output_file_room(writer->output, sizeof(FIRST_LINE));
	if (room == NULL) {
		return false;
	}
	output_file_used(writer->output, (size_t)(put_text(room, FIRST_LINE) - room));
	return true;
}

const format_t format_json = {
	.name = "json",
	.title = "lessor's own, JSON, one object per line",
	.matches = matches,
	.has_scopes = true,
	.scopes_lead = true,
	.open = json_open,
	.next = json_next,
	.close = json_close,
	.begin = json_begin,
	.begin_scope = json_write_scope,
	.lease = json_write,
	.begin_scope6 = json_write_scope6,
	.lease6 = json_write6,
	.loss_text = format_loss_text,
};
