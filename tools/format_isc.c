/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lease file of ISC dhcpd. It is a log: the last declaration of an address counts, and says everything about it.
 *
 *   dhcpd                lessor
 *   active               ACTIVE, whenever it ends
 *   expired              DOOM: over, kept for its client
 *   released             DOOM with the bit 0x80 ("lease is over")
 *   abandoned            DECLINED
 *   free, backup, reset  no lease
 *   ends                 expires_at; none if it is missing
 *   cltt, else starts    last_transaction_s
 *   uid                  client_id
 *   dynamic-bootp        client type BOOTP
 *   set ddns-fwd-name    name and dns_forward; without it client-hostname is the name
 *   set ddns-rev-name    dns_reverse
 *
 * Leases of DHCPv6 stand in blocks of one IA each:
 *
 *   ia-na, ia-ta         IAID and DUID; ia-ta is the comment "ia-ta"
 *   iaaddr               an address of it, with binding state, ends and names as above
 *   preferred-life       preferred_expires_at = cltt + preferred-life
 *   set ddns-client-fqdn the name, without ddns-fwd-name
 *
 * A later block of an IA replaces the former one: as a client has one lease in a scope, the later transaction wins there.
 * Delegated prefixes, hosts and the state of failover are told of and left out.
 */
#include "format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isc_text.h"
#include "kea4.h"
#include "kea_text.h"
#include "lease6_notes.h"

enum { LEASE_IS_OVER = 0x80, NAME_MAX_BYTES = 255, NEVER_FROM_S = 2145916800, LEASE_OUT_BYTES = 16384 };

/* Bits of record.lost. */
enum {
	LOST_STARTS,
	LOST_FAILOVER_TIMES,
	LOST_NEXT_STATE,
	LOST_REWIND_STATE,
	LOST_RESERVED,
	LOST_BILLING,
	LOST_VARIABLE,
	LOST_CIRCUIT_ID,
	LOST_REMOTE_ID,
	LOST_OPTION,
	LOST_CLIENT_HOSTNAME,
	LOST_REVERSE_NAME,
	LOST_ACTIONS,
	LOST_MAX_LIFE,
	LOST_OTHER
};

static const char *const lost_names[] = {
	[LOST_STARTS] = "starts",
	[LOST_FAILOVER_TIMES] = "tstp, tsfp or atsfp",
	[LOST_NEXT_STATE] = "next binding state",
	[LOST_REWIND_STATE] = "rewind binding state",
	[LOST_RESERVED] = "reserved",
	[LOST_BILLING] = "billing class",
	[LOST_VARIABLE] = "set",
	[LOST_CIRCUIT_ID] = "option agent.circuit-id",
	[LOST_REMOTE_ID] = "option agent.remote-id",
	[LOST_OPTION] = "other options",
	[LOST_CLIENT_HOSTNAME] = "client-hostname",
	[LOST_REVERSE_NAME] = "set ddns-rev-name",
	[LOST_ACTIONS] = "on expiry or release",
	[LOST_MAX_LIFE] = "max-life",
	[LOST_OTHER] = "other statements",
};

typedef struct isc_format_reader {
	format_reader_t base;
	isc_reader_t text;
	/* The lease that is being read. */
	bool has_state, has_starts, has_cltt;
	int64_t starts_s, cltt_s;
	uint8_t client_id[LESSOR_CLIENT_ID_MAX_BYTES];
	uint8_t hardware[LESSOR_HARDWARE_MAX_BYTES];
	char client_hostname[3 * NAME_MAX_BYTES + 1];
	char forward_name[3 * NAME_MAX_BYTES + 1];
	const char *problem;
	/* The IA that is being read. */
	bool in_ia;
	bool temporary;
	bool prefixes;
	bool big_endian; /* IAIDs of this file */
	bool has_preferred, has_max;
	bool ia_has_cltt;
	int64_t ia_cltt_s;
	uint64_t preferred_life_s, max_life_s;
	uint32_t iaid;
	uint16_t duid_bytes;
	uint8_t duid[LESSOR_DUID_MAX_BYTES];
	const char *ia_problem;
	char comment[LEASE6_NOTES_BYTES];
} isc_format_reader_t;

/* ---- values ------------------------------------------------------------------------------------------------------ */

static void
lose(format_record_t *record, unsigned field) {
	record->lost |= UINT32_C(1) << field;
}

static const struct hardware_word {
	const char *word;
	uint8_t type;
} hardware_words[] = {{"ethernet", 1}, {"token-ring", 6}, {"fddi", 8}, {"infiniband", 32}};

static bool
hardware_type_of(piece_t word, uint8_t *type) {
	static const char unknown[] = "unknown-";
	uint64_t number;
	for (size_t i = 0; i < sizeof(hardware_words) / sizeof(hardware_words[0]); i++) {
		if (piece_is(word, hardware_words[i].word)) {
			*type = hardware_words[i].type;
			return true;
		}
	}
	size_t prefix = strlen(unknown);
	if (word.bytes <= prefix || memcmp(word.text, unknown, prefix) != 0 ||
	    !piece_number((piece_t){word.text + prefix, word.bytes - prefix}, UINT8_MAX, &number)) {
		return false;
	}
	*type = (uint8_t)number;
	return true;
}

/* "2026/01/01 00:00:00" and perhaps seconds to add. */
static bool
parse_calendar(const piece_t *words, size_t count, int64_t *unix_s) {
	char text[20];
	uint64_t ticks;
	uint64_t offset_s = 0;
	bool zoned;
	if (count < 3 || count > 4 || words[1].bytes != 10 || words[2].bytes != 8) {
		return false;
	}
	memcpy(text, words[1].text, 10);
	memcpy(text + 11, words[2].text, 8);
	if (text[4] != '/' || text[7] != '/') {
		return false;
	}
	text[4] = text[7] = '-';
	text[10] = 'T';
	bool west = count == 4 && words[3].bytes > 0 && words[3].text[0] == '-';
	if (count == 4) {
		piece_t digits = {words[3].text + west, words[3].bytes - west};
		if (!piece_number(digits, 7 * 86400, &offset_s)) {
			return false;
		}
	}
	if (!piece_iso_time((piece_t){text, 19}, 0, &ticks, &zoned)) {
		return false;
	}
	*unix_s = lessor_time_to_unix_s(ticks) + (west ? -(int64_t)offset_s : (int64_t)offset_s);
	return true;
}

/* Behind the word that says which date it is. */
static bool
parse_date(const piece_t *words, size_t count, int64_t *unix_s, bool *never) {
	uint64_t number;
	*never = count == 1 && piece_is(words[0], "never");
	*unix_s = 0;
	if (*never) {
		return true;
	}
	if (count == 2 && piece_is(words[0], "epoch")) {
		bool fine = piece_number(words[1], KEA4_EXPIRE_MAX_S, &number);
		*unix_s = fine ? (int64_t)number : 0;
		return fine;
	}
	return parse_calendar(words, count, unix_s);
}

/* ---- statements of a lease --------------------------------------------------------------------------------------- */

/* A statement of a lease, and what is left of it behind its name. */
typedef struct statement {
	isc_format_reader_t *reader;
	format_record_t *record;
	const piece_t *words;
	const bool *quoted;
	size_t count;
} statement_t;

static const char *
take_ends(const statement_t *statement) {
	int64_t unix_s;
	bool never;
	if (!parse_date(statement->words, statement->count, &unix_s, &never)) {
		return "ends is not a date";
	}
	statement->record->lease.expires_at = never ? LESSOR_TIME_INFINITE : lessor_time_from_unix_s(unix_s);
	return NULL;
}

static const char *
take_starts(const statement_t *statement) {
	bool never;
	isc_format_reader_t *reader = statement->reader;
	bool fine = parse_date(statement->words, statement->count, &reader->starts_s, &never);
	reader->has_starts = fine && !never;
	return fine ? NULL : "starts is not a date";
}

static const char *
take_cltt(const statement_t *statement) {
	bool never;
	isc_format_reader_t *reader = statement->reader;
	bool fine = parse_date(statement->words, statement->count, &reader->cltt_s, &never);
	reader->has_cltt = fine && !never;
	return fine ? NULL : "cltt is not a date";
}

static const char *
take_state(const statement_t *statement) {
	static const struct {
		const char *word;
		uint8_t address_state; /* 0: no lease */
	} states[] = {{"active", LESSOR_STATE_ACTIVE},
		      {"expired", LESSOR_STATE_DOOM},
		      {"released", LESSOR_STATE_DOOM | LEASE_IS_OVER},
		      {"abandoned", LESSOR_STATE_DECLINED},
		      {"free", 0},
		      {"backup", 0},
		      {"reset", 0}};
	for (size_t i = 0; statement->count == 2 && i < sizeof(states) / sizeof(states[0]); i++) {
		if (piece_is(statement->words[0], "state") && piece_is(statement->words[1], states[i].word)) {
			statement->record->kind = states[i].address_state != 0 ? FORMAT_LEASE : FORMAT_END;
			statement->record->lease.address_state = states[i].address_state;
			statement->reader->has_state = true;
			return NULL;
		}
	}
	return "the binding state is not known";
}

/* "next binding state free" is what every lease comes to, and "rewind" likewise. */
static const char *
take_other_state(const statement_t *statement, unsigned field) {
	if (statement->count != 3 || !piece_is(statement->words[2], "free")) {
		lose(statement->record, field);
	}
	return NULL;
}

static const char *
take_next(const statement_t *statement) {
	return take_other_state(statement, LOST_NEXT_STATE);
}

static const char *
take_rewind(const statement_t *statement) {
	return take_other_state(statement, LOST_REWIND_STATE);
}

static const char *
take_hardware(const statement_t *statement) {
	size_t octets;
	lessor_lease_t *lease = &statement->record->lease;
	uint8_t *hardware = statement->reader->hardware;
	if (statement->count == 1 && hardware_type_of(statement->words[0], &lease->hardware_type)) {
		lease->hardware_type = 0; /* a type without an address */
		return NULL;
	}
	if (statement->count != 2 || !hardware_type_of(statement->words[0], &lease->hardware_type) ||
	    !piece_octets(statement->words[1], ':', hardware, LESSOR_HARDWARE_MAX_BYTES, &octets)) {
		return "hardware is not a type and up to 20 hex octets";
	}
	lease->hardware = hardware;
	lease->hardware_bytes = (uint8_t)octets;
	return NULL;
}

/* A string, or hex octets. */
static const char *
take_uid(const statement_t *statement) {
	lessor_lease_t *lease = &statement->record->lease;
	uint8_t *id = statement->reader->client_id;
	size_t octets = 0;
	if (statement->count != 1) {
		return "uid is not 1 to 255 octets";
	}
	piece_t word = statement->words[0];
	bool quoted = statement->quoted[0];
	if (quoted && word.bytes >= 1 && word.bytes <= LESSOR_CLIENT_ID_MAX_BYTES) {
		memcpy(id, word.text, word.bytes);
		octets = word.bytes;
	} else if (quoted || !piece_octets(word, ':', id, LESSOR_CLIENT_ID_MAX_BYTES, &octets)) {
		return "uid is not 1 to 255 octets";
	}
	lease->client_id = id;
	lease->client_id_bytes = (uint8_t)octets;
	return NULL;
}

/* Into 'name', of which "" means none. */
static const char *
keep_name(const statement_t *statement, piece_t octets, char *name) {
	if (octets.bytes > NAME_MAX_BYTES) {
		return "a host name is longer than 255 octets";
	}
	if (!piece_text(octets, name)) {
		statement->record->warnings |= UINT32_C(1) << FORMAT_WARN_NAME_DROPPED;
	}
	return NULL;
}

static const char *
take_client_hostname(const statement_t *statement) {
	return statement->count == 1 ? keep_name(statement, statement->words[0], statement->reader->client_hostname)
				     : "client-hostname is not one string";
}

/* "4.3.2.1.in-addr.arpa", with or without a dot behind. */
static char *
put_reverse_name(char *out, uint32_t address) {
	return put_text(put_ipv4(out, __builtin_bswap32(address)), ".in-addr.arpa");
}

static char *
put_reverse_name6(char *out, lessor_address6_t address) {
	static const char digits[] = "0123456789abcdef";
	for (unsigned i = 0; i < 32; i++) {
		uint64_t half = i < 16 ? address.low : address.high;
		*out++ = digits[half >> (4 * (i % 16)) & 15];
		*out++ = '.';
	}
	return put_text(out, "ip6.arpa");
}

static bool
is_reverse_name(piece_t name, const format_record_t *record) {
	char text[80];
	char *end = record->is6 ? put_reverse_name6(text, record->lease6.address)
				: put_reverse_name(text, record->lease.address);
	size_t bytes = (size_t)(end - text);
	size_t dot = name.bytes == bytes + 1 && name.text[bytes] == '.';
	return name.bytes == bytes + dot && memcmp(name.text, text, bytes) == 0;
}

/* set NAME = VALUE */
static const char *
take_set(const statement_t *statement) {
	const piece_t *words = statement->words;
	if (statement->count == 3 && piece_is(words[0], "ddns-fwd-name") && piece_is(words[1], "=")) {
		return keep_name(statement, words[2], statement->reader->forward_name);
	}
	if (statement->count == 3 && piece_is(words[0], "ddns-rev-name") && piece_is(words[1], "=")) {
		statement->record->lease.dns_reverse = true;
		if (!is_reverse_name(words[2], statement->record)) {
			lose(statement->record, LOST_REVERSE_NAME);
		}
		return NULL;
	}
	if (statement->record->is6 && statement->count == 3 && piece_is(words[0], "ddns-client-fqdn") &&
	    piece_is(words[1], "=")) {
		return keep_name(statement, words[2], statement->reader->client_hostname);
	}
	lose(statement->record, LOST_VARIABLE);
	return NULL;
}

static const char *
take_option(const statement_t *statement) {
	piece_t name = statement->count > 0 ? statement->words[0] : (piece_t){"", 0};
	lose(statement->record, piece_is(name, "agent.circuit-id")  ? LOST_CIRCUIT_ID
				: piece_is(name, "agent.remote-id") ? LOST_REMOTE_ID
								    : LOST_OPTION);
	return NULL;
}

static const char *
take_abandoned(const statement_t *statement) {
	statement->record->kind = FORMAT_LEASE;
	statement->record->lease.address_state = LESSOR_STATE_DECLINED;
	return NULL;
}

static const char *
take_bootp(const statement_t *statement) {
	statement->record->lease.client_type = LESSOR_CLIENT_BOOTP;
	return NULL;
}

static const char *
lose_failover_times(const statement_t *statement) {
	lose(statement->record, LOST_FAILOVER_TIMES);
	return NULL;
}

static const char *
lose_reserved(const statement_t *statement) {
	lose(statement->record, LOST_RESERVED);
	return NULL;
}

static const char *
lose_billing(const statement_t *statement) {
	lose(statement->record, LOST_BILLING);
	return NULL;
}

static const char *
lose_actions(const statement_t *statement) {
	lose(statement->record, LOST_ACTIONS);
	return NULL;
}

static const char *
take_preferred_life(const statement_t *statement) {
	isc_format_reader_t *reader = statement->reader;
	reader->has_preferred =
		statement->count == 1 && piece_number(statement->words[0], UINT32_MAX, &reader->preferred_life_s);
	return reader->has_preferred ? NULL : "preferred-life is not a number of 32 bits";
}

static const char *
take_max_life(const statement_t *statement) {
	isc_format_reader_t *reader = statement->reader;
	reader->has_max = statement->count == 1 && piece_number(statement->words[0], UINT32_MAX, &reader->max_life_s);
	return reader->has_max ? NULL : "max-life is not a number of 32 bits";
}

static const struct statement_kind {
	const char *word;
	const char *(*take)(const statement_t *statement); /* NULL if it is fine, or what is wrong */
} statement_kinds[] = {
	{"starts", take_starts},
	{"ends", take_ends},
	{"cltt", take_cltt},
	{"binding", take_state},
	{"next", take_next},
	{"rewind", take_rewind},
	{"hardware", take_hardware},
	{"uid", take_uid},
	{"set", take_set},
	{"client-hostname", take_client_hostname},
	{"option", take_option},
	{"tstp", lose_failover_times},
	{"tsfp", lose_failover_times},
	{"atsfp", lose_failover_times},
	{"abandoned", take_abandoned},
	{"dynamic-bootp", take_bootp},
	{"bootp", take_bootp},
	{"reserved", lose_reserved},
	{"billing", lose_billing},
	{"on", lose_actions},
	{"preferred-life", take_preferred_life},
	{"max-life", take_max_life},
};

static void
take_statement(isc_format_reader_t *reader, format_record_t *record) {
	const isc_reader_t *text = &reader->text;
	if (text->count == 0) {
		return;
	}
	statement_t statement = {reader, record, text->words + 1, text->quoted + 1, text->count - 1};
	for (size_t i = 0; i < sizeof(statement_kinds) / sizeof(statement_kinds[0]); i++) {
		if (piece_is(text->words[0], statement_kinds[i].word)) {
			const char *problem = statement_kinds[i].take(&statement);
			reader->problem = reader->problem != NULL ? reader->problem : problem;
			return;
		}
	}
	lose(record, LOST_OTHER);
}

/* ---- leases ------------------------------------------------------------------------------------------------------ */

static void
settle_start(isc_format_reader_t *reader, format_record_t *record) {
	int64_t start_s = reader->has_cltt ? reader->cltt_s : reader->starts_s;
	if (reader->has_cltt && reader->has_starts && reader->cltt_s != reader->starts_s) {
		lose(record, LOST_STARTS);
	}
	bool clamped = start_s < 0 || start_s > UINT32_MAX;
	if (clamped) {
		record->warnings |= UINT32_C(1) << FORMAT_WARN_START_CLAMPED;
	}
	record->lease.last_transaction_s = !clamped ? (uint32_t)start_s : start_s < 0 ? 0 : UINT32_MAX;
}

/* Is 'first' the first label of 'full'? */
static bool
is_first_label(const char *first, const char *full) {
	size_t bytes = strlen(first);
	return strncmp(first, full, bytes) == 0 && (full[bytes] == '\0' || full[bytes] == '.');
}

static void
settle_name(isc_format_reader_t *reader, format_record_t *record) {
	lessor_lease_t *lease = &record->lease;
	lease->dns_forward = reader->forward_name[0] != '\0';
	if (lease->dns_forward) {
		lease->name = reader->forward_name;
		if (reader->client_hostname[0] != '\0' && !is_first_label(reader->client_hostname, lease->name)) {
			lose(record, LOST_CLIENT_HOSTNAME);
		}
	} else if (reader->client_hostname[0] != '\0') {
		lease->name = reader->client_hostname;
	}
}

static void
begin_lease(isc_format_reader_t *reader, format_record_t *record) {
	reader->has_state = reader->has_starts = reader->has_cltt = false;
	reader->starts_s = reader->cltt_s = 0;
	reader->client_hostname[0] = reader->forward_name[0] = '\0';
	reader->problem = NULL;
	record->lease.expires_at = LESSOR_TIME_NONE;
	const isc_reader_t *text = &reader->text;
	if (text->count != 2 || !kea4_parse_ipv4(text->words[1].text, text->words[1].bytes, &record->lease.address) ||
	    record->lease.address == 0) {
		reader->problem = "the lease has no IPv4 address";
	}
}

/* How the block of a lease ended. */
static int
end_lease(isc_format_reader_t *reader, isc_end_t end, format_record_t *record) {
	if (end == ISC_FAILED) {
		return -1;
	}
	if (end == ISC_FILE) {
		(void)format_record_bad(record, "the file ends inside the block");
		record->kind = FORMAT_CUT;
		return 1;
	}
	if (end == ISC_RESTART) {
		return format_record_bad(record, "the block does not end before the next one begins");
	}
	if (reader->problem != NULL) {
		return format_record_bad(record, reader->problem);
	}
	if (record->kind == FORMAT_END) {
		record->lost = 0;
		return 1;
	}
	settle_start(reader, record);
	settle_name(reader, record);
	format_need_client_id(record);
	return 1;
}

/* The statements of a block, behind its opening brace. What ends it. */
static isc_end_t
take_block(isc_format_reader_t *reader, format_record_t *record) {
	for (;;) {
		isc_end_t end = isc_reader_next(&reader->text, true);
		if (end == ISC_BROKEN) {
			reader->problem = "a statement is broken";
			continue;
		}
		if (end == ISC_SEMICOLON || end == ISC_OPEN) {
			take_statement(reader, record);
		}
		if (end == ISC_OPEN) {
			end = isc_reader_skip(&reader->text);
			end = end == ISC_CLOSE ? ISC_SEMICOLON : end;
		}
		if (end != ISC_SEMICOLON) {
			return end;
		}
	}
}

static int
read_lease(isc_format_reader_t *reader, format_record_t *record) {
	begin_lease(reader, record);
	return end_lease(reader, take_block(reader, record), record);
}

/* ---- IAs --------------------------------------------------------------------------------------------------------- */

/* The words of its beginning: "ia-na" and the octets of IAID and DUID. */
static void
begin_ia(isc_format_reader_t *reader) {
	const isc_reader_t *text = &reader->text;
	const char *kind = text->words[0].text + 3;
	reader->in_ia = true;
	reader->temporary = kind[0] == 't';
	reader->prefixes = kind[0] == 'p';
	reader->ia_has_cltt = false;
	reader->ia_problem = NULL;
	if (text->count != 2 || !text->quoted[1] || text->words[1].bytes < 5 ||
	    text->words[1].bytes > 4 + sizeof(reader->duid)) {
		reader->ia_problem = "the IA is not named by an IAID and a DUID";
		return;
	}
	const uint8_t *octets = (const uint8_t *)text->words[1].text;
	uint32_t iaid = (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 | (uint32_t)octets[2] << 8 | octets[3];
	reader->iaid = reader->big_endian ? iaid : __builtin_bswap32(iaid);
	reader->duid_bytes = (uint16_t)(text->words[1].bytes - 4);
	memcpy(reader->duid, octets + 4, reader->duid_bytes);
}

static void
begin_address(isc_format_reader_t *reader, format_record_t *record) {
	reader->has_state = reader->has_starts = reader->has_cltt = reader->has_preferred = reader->has_max = false;
	reader->client_hostname[0] = reader->forward_name[0] = '\0';
	reader->problem = reader->ia_problem;
	record->lease.expires_at = LESSOR_TIME_NONE;
	const isc_reader_t *text = &reader->text;
	if (text->count != 2 || !piece_ipv6(text->words[1], &record->lease6.address) ||
	    record->lease6.address.high == 0) {
		reader->problem = "the lease has no IPv6 address";
	}
}

static void
settle_life(isc_format_reader_t *reader, format_record_t *record) {
	lessor_lease6_t *lease = &record->lease6;
	bool has_cltt = reader->has_cltt || reader->ia_has_cltt;
	int64_t start_s = reader->has_cltt ? reader->cltt_s : reader->ia_has_cltt ? reader->ia_cltt_s : 0;
	bool clamped = start_s < 0 || start_s > UINT32_MAX;
	record->warnings |= clamped ? UINT32_C(1) << FORMAT_WARN_START_CLAMPED : 0;
	lease->last_transaction_s = !clamped ? (uint32_t)start_s : start_s < 0 ? 0 : UINT32_MAX;
	lease->expires_at = lease->preferred_expires_at = record->lease.expires_at;
	if (reader->has_preferred && has_cltt && reader->preferred_life_s != UINT32_MAX) {
		lease->preferred_expires_at = lessor_time_from_unix_s(start_s + (int64_t)reader->preferred_life_s);
	}
	bool infinite = lease->expires_at >= LESSOR_TIME_INFINITE;
	uint64_t life_s = infinite ? UINT32_MAX : (uint64_t)(lessor_time_to_unix_s(lease->expires_at) - start_s);
	if (reader->has_max && (!has_cltt || reader->max_life_s != life_s)) {
		lose(record, LOST_MAX_LIFE);
	}
}

static int
end_address(isc_format_reader_t *reader, format_record_t *record) {
	lessor_lease6_t *lease = &record->lease6;
	if (reader->problem != NULL) {
		return format_record_bad(record, reader->problem);
	}
	if (record->kind == FORMAT_END) {
		record->lost = 0;
		return 1;
	}
	settle_life(reader, record);
	lease->address_state = record->lease.address_state;
	lease->dns_reverse = record->lease.dns_reverse;
	lease->dns_forward = reader->forward_name[0] != '\0';
	lease->name = lease->dns_forward                   ? reader->forward_name
		      : reader->client_hostname[0] != '\0' ? reader->client_hostname
							   : NULL;
	if (lease->dns_forward && reader->client_hostname[0] != '\0' &&
	    strcmp(reader->client_hostname, lease->name) != 0) {
		lose(record, LOST_VARIABLE);
	}
	lease->iaid = reader->iaid;
	lease->duid = reader->duid;
	lease->duid_bytes = reader->duid_bytes;
	lease->comment = lease6_notes_put(&(lease6_notes_t){.temporary = reader->temporary}, reader->comment);
	return 1;
}

/* The file ends, or a declaration begins, inside the block. */
static int
break_ia(isc_format_reader_t *reader, isc_end_t end, format_record_t *record) {
	reader->in_ia = false;
	if (end == ISC_FAILED) {
		return -1;
	}
	(void)format_record_bad(record, end == ISC_FILE ? "the file ends inside the block"
							: "the block does not end before the next one begins");
	record->kind = end == ISC_FILE ? FORMAT_CUT : FORMAT_BAD;
	return 1;
}

/* Behind the opening brace of an iaaddr. */
static int
read_address(isc_format_reader_t *reader, format_record_t *record) {
	begin_address(reader, record);
	isc_end_t end = take_block(reader, record);
	return end == ISC_CLOSE ? end_address(reader, record) : break_ia(reader, end, record);
}

/* Anything else that has a block, prefixes among them. */
static int
skip_in_ia(isc_format_reader_t *reader, format_record_t *record) {
	bool prefix = reader->text.count > 0 && piece_is(reader->text.words[0], "iaprefix");
	isc_end_t end = isc_reader_skip(&reader->text);
	if (end != ISC_CLOSE) {
		return break_ia(reader, end, record);
	}
	record->kind = FORMAT_NOTE;
	record->text = prefix ? "a delegated prefix was left out" : "an unknown block in an IA was left out";
	return 1;
}

/* The next thing in an IA. 1: a record; 2: nothing yet; -1 with errno. */
static int
read_in_ia(isc_format_reader_t *reader, format_record_t *record) {
	const isc_reader_t *text = &reader->text;
	isc_end_t end = isc_reader_next(&reader->text, true);
	format_record_clear6(record, FORMAT_LEASE, text->line);
	switch (end) {
	case ISC_SEMICOLON:
		if (text->count > 0 && piece_is(text->words[0], "cltt")) {
			statement_t statement = {reader, record, text->words + 1, text->quoted + 1, text->count - 1};
			reader->ia_problem = reader->ia_problem != NULL ? reader->ia_problem : take_cltt(&statement);
			reader->ia_has_cltt = reader->has_cltt;
			reader->ia_cltt_s = reader->cltt_s;
		}
		return 2;
	case ISC_OPEN:
		return !reader->prefixes && text->count > 0 && piece_is(text->words[0], "iaaddr")
			       ? read_address(reader, record)
			       : skip_in_ia(reader, record);
	case ISC_CLOSE:
		reader->in_ia = false;
		return 2;
	case ISC_BROKEN:
		return format_record_bad(record, "a statement is broken");
	case ISC_FILE:
	case ISC_FAILED:
	case ISC_RESTART:
		break;
	}
	return break_ia(reader, end, record);
}

/* ---- declarations ------------------------------------------------------------------------------------------------ */

static const struct declaration {
	const char *word;
	const char *note; /* NULL: of no interest */
} declarations[] = {
	{"authoring-byte-order", NULL},
	{"server-duid", NULL},
	{"default-duid", NULL},
	{"class", NULL},
	{"subclass", NULL},
	{"host", "a host declaration was left out"},
	{"group", "a host declaration was left out"},
	{"subgroup", "a host declaration was left out"},
	{"failover", "failover was in use; leases in the state backup belong to the other server"},
};

/* A declaration other than a lease, of which the end is known. 1: a record; 2: nothing. */
static int
judge_declaration(const isc_reader_t *text, format_record_t *record) {
	if (text->count == 0) {
		return 2;
	}
	for (size_t i = 0; i < sizeof(declarations) / sizeof(declarations[0]); i++) {
		if (piece_is(text->words[0], declarations[i].word)) {
			record->kind = FORMAT_NOTE;
			record->text = declarations[i].note;
			return record->text != NULL ? 1 : 2;
		}
	}
	return format_record_bad(record, "the declaration is not known");
}

/* The file ends in or behind something else than a lease. */
static int
end_of_file(const isc_reader_t *text, format_record_t *record) {
	if (text->count == 0) {
		return 0;
	}
	(void)format_record_bad(record, "the file ends inside a declaration");
	record->kind = FORMAT_CUT;
	return 1;
}

static bool
is_ia(const isc_reader_t *text) {
	static const char *const words[] = {"ia-na", "ia_na", "ia-ta", "ia_ta", "ia-pd", "ia_pd"};
	for (size_t i = 0; text->count > 0 && i < sizeof(words) / sizeof(words[0]); i++) {
		if (piece_is(text->words[0], words[i])) {
			return true;
		}
	}
	return false;
}

static void
take_byte_order(isc_format_reader_t *reader) {
	const isc_reader_t *text = &reader->text;
	if (text->count == 2 && piece_is(text->words[0], "authoring-byte-order")) {
		reader->big_endian = piece_is(text->words[1], "big-endian");
	}
}

/* 1: a record; 2: nothing yet; 0 at the end; -1 with errno. */
static int
read_declaration(isc_format_reader_t *reader, format_record_t *record) {
	isc_reader_t *text = &reader->text;
	isc_end_t end = isc_reader_next(text, false);
	format_record_clear(record, FORMAT_LEASE, text->line);
	bool lease = text->count > 0 && piece_is(text->words[0], "lease");
	switch (end) {
	case ISC_FAILED:
		return -1;
	case ISC_FILE:
		return end_of_file(text, record);
	case ISC_OPEN:
		break;
	case ISC_CLOSE:
		return format_record_bad(record, "a brace closes nothing");
	case ISC_SEMICOLON:
		take_byte_order(reader);
		return lease || is_ia(text) ? format_record_bad(record, "the lease has no block")
					    : judge_declaration(text, record);
	case ISC_BROKEN:
	case ISC_RESTART:
		return format_record_bad(record, "a statement is broken");
	}
	if (lease) {
		return read_lease(reader, record);
	}
	if (is_ia(text)) {
		begin_ia(reader);
		return 2;
	}
	int judged = judge_declaration(text, record);
	end = isc_reader_skip(text);
	if (end == ISC_FILE) {
		(void)format_record_bad(record, "the file ends inside a declaration");
		record->kind = FORMAT_CUT;
		return 1;
	}
	return end == ISC_FAILED ? -1 : judged;
}

static int
isc_next(format_reader_t *base, format_record_t *record) {
	isc_format_reader_t *reader = (isc_format_reader_t *)base;
	int got;
	do {
		got = reader->in_ia ? read_in_ia(reader, record) : read_declaration(reader, record);
	} while (got == 2);
	base->done_bytes = text_bytes_done(&reader->text.bytes);
	return got;
}

static bool
matches(const char *begin, size_t bytes) {
	static const char *const firsts[] = {"lease ",
					     "ia-na ",
					     "ia-ta ",
					     "ia-pd ",
					     "authoring-byte-order",
					     "server-duid",
					     "# The format of this file",
					     "failover peer",
					     "host ",
					     NULL};
	const char *brace = memchr(begin, '{', bytes);
	for (size_t i = 0; firsts[i] != NULL; i++) {
		if (bytes >= strlen(firsts[i]) && memcmp(begin, firsts[i], strlen(firsts[i])) == 0) {
			return true;
		}
	}
	return bytes > 0 && begin[0] == '#' && brace != NULL &&
	       (memmem(begin, bytes, "\nlease ", 7) != NULL || memmem(begin, bytes, "\nia-", 4) != NULL);
}

static void
isc_close(format_reader_t *base) {
	free(base);
}

static format_reader_t *
isc_open(const format_source_t *source, bool *foreign, char sentence[KEA_SENTENCE_BYTES]) {
	*foreign = false;
	isc_format_reader_t *reader = calloc(1, sizeof(*reader));
	if (reader == NULL) {
		snprintf(sentence, KEA_SENTENCE_BYTES, "%.300s: no memory to read it", source->path);
		return NULL;
	}
	reader->base.format = &format_isc;
	memcpy(reader->base.lost_names, lost_names, sizeof(lost_names));
	isc_reader_open(&reader->text, source->fd, source->bytes);
	return &reader->base;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static char *
put_date(char *out, const char *word, int64_t unix_s) {
	civil_t civil;
	civil_from_unix_s(unix_s, &civil);
	int64_t days = unix_s / 86400 - (unix_s % 86400 < 0);
	out = put_text(put_text(put_text(out, "  "), word), " ");
	out = put_text(put_number(out, (uint64_t)(((days + 4) % 7 + 7) % 7)), " ");
	out = put_text(put_padded(out, (uint64_t)civil.year, 4), "/");
	out = put_text(put_padded(out, civil.month, 2), "/");
	out = put_text(put_padded(out, civil.day, 2), " ");
	out = put_text(put_padded(out, civil.hour, 2), ":");
	out = put_text(put_padded(out, civil.minute, 2), ":");
	return put_text(put_padded(out, civil.second, 2), ";\n");
}

static char *
put_times(char *out, const lessor_lease_t *lease) {
	int64_t expire_s;
	if (lease->last_transaction_s != 0) {
		out = put_date(out, "starts", lease->last_transaction_s);
	}
	if (format_expiry_s(lease, &expire_s)) {
		out = put_date(out, "ends", expire_s);
	} else if (lease->expires_at != LESSOR_TIME_NONE) {
		out = put_text(out, "  ends never;\n");
	}
	return lease->last_transaction_s != 0 ? put_date(out, "cltt", lease->last_transaction_s) : out;
}

static const char *
state_word(uint8_t address_state) {
	switch (address_state & LESSOR_STATE_MASK) {
	case LESSOR_STATE_ACTIVE:
		return "active";
	case LESSOR_STATE_DECLINED:
		return "abandoned";
	default:
		return (address_state & LEASE_IS_OVER) != 0 ? "released" : "expired";
	}
}

static char *
put_hardware(char *out, const lessor_lease_t *lease) {
	const char *word = NULL;
	if (lease->hardware_bytes == 0) {
		return out;
	}
	for (size_t i = 0; i < sizeof(hardware_words) / sizeof(hardware_words[0]); i++) {
		word = hardware_words[i].type == lease->hardware_type ? hardware_words[i].word : word;
	}
	out = put_text(out, "  hardware ");
	out = word != NULL ? put_text(out, word) : put_number(put_text(out, "unknown-"), lease->hardware_type);
	out = put_octets(put_text(out, " "), lease->hardware, lease->hardware_bytes, ':');
	return put_text(out, ";\n");
}

/* dhcpd has only names that can be printed. Returns how many octets there are; 0: there is no such name. */
static size_t
printable_name(const char *name, char octets[LESSOR_NAME_MAX_BYTES]) {
	size_t bytes = name != NULL ? kea_text_from_utf8(name, strlen(name), octets) : 0;
	for (size_t i = 0; i < bytes; i++) {
		if (octets[i] < ' ' || octets[i] > '~') {
			return 0;
		}
	}
	return bytes <= NAME_MAX_BYTES ? bytes : 0;
}

static char *
put_string_statement(char *out, const char *begin, const char *octets, size_t bytes) {
	out = isc_put_string(put_text(out, begin), (const uint8_t *)octets, bytes);
	return put_text(out, ";\n");
}

static char *
put_names(char *out, const lessor_lease_t *lease, uint32_t *losses) {
	char octets[LESSOR_NAME_MAX_BYTES];
	char reverse[40];
	size_t bytes = printable_name(lease->name, octets);
	if (bytes > 0) {
		*losses &= ~FORMAT_LOSS_BIT(FORMAT_LOSS_NAME);
	}
	if (bytes > 0 || !lease->dns_forward) {
		*losses &= ~FORMAT_LOSS_BIT(FORMAT_LOSS_DNS);
	}
	if (lease->dns_reverse) {
		char *end = put_text(put_reverse_name(reverse, lease->address), ".");
		out = put_string_statement(out, "  set ddns-rev-name = ", reverse, (size_t)(end - reverse));
	}
	if (bytes == 0) {
		return out;
	}
	if (!lease->dns_forward) {
		return put_string_statement(out, "  client-hostname ", octets, bytes);
	}
	const char *dot = memchr(octets, '.', bytes);
	out = put_string_statement(out, "  set ddns-fwd-name = ", octets, bytes);
	size_t label = dot != NULL ? (size_t)(dot - octets) : bytes;
	return label > 0 ? put_string_statement(out, "  client-hostname ", octets, label) : out;
}

static char *
put_lease(char *out, const lessor_lease_t *lease, uint32_t *losses) {
	out = put_text(put_ipv4(put_text(out, "lease "), lease->address), " {\n");
	out = put_times(out, lease);
	out = put_text(put_text(put_text(out, "  binding state "), state_word(lease->address_state)), ";\n");
	out = put_text(out, "  next binding state free;\n  rewind binding state free;\n");
	out = lease->client_type == LESSOR_CLIENT_BOOTP ? put_text(out, "  dynamic-bootp;\n") : out;
	out = put_hardware(out, lease);
	if (format_can_omit_client_id(lease)) {
		*losses &= ~FORMAT_LOSS_BIT(FORMAT_LOSS_ID_MADE_UP);
	} else {
		out = isc_put_string(put_text(out, "  uid "), lease->client_id, lease->client_id_bytes);
		out = put_text(out, ";\n");
	}
	return put_text(put_names(out, lease, losses), "}\n");
}

static bool
isc_write(format_writer_t *writer, const lessor_lease_t *lease, const lessor_scope_t *scope, uint32_t *losses) {
	(void)scope;
	int64_t expire_s;
	uint8_t state = lease->address_state & LESSOR_STATE_MASK;
	*losses = format_losses_of(lease);
	if (state == LESSOR_STATE_OFFERED) {
		*losses = FORMAT_LOSS_BIT(FORMAT_LOSS_LEFT_OUT);
		return true;
	}
	*losses &= ~(FORMAT_LOSS_BIT(FORMAT_LOSS_STATE) | FORMAT_LOSS_BIT(FORMAT_LOSS_CLIENT_ID) |
		     FORMAT_LOSS_BIT(FORMAT_LOSS_HARDWARE) | FORMAT_LOSS_BIT(FORMAT_LOSS_HARDWARE_TYPE) |
		     FORMAT_LOSS_BIT(FORMAT_LOSS_NO_EXPIRY) | FORMAT_LOSS_BIT(FORMAT_LOSS_INFINITE) |
		     FORMAT_LOSS_BIT(FORMAT_LOSS_START));
	if (state == LESSOR_STATE_DOOM && (lease->address_state & ~LESSOR_STATE_MASK) == LEASE_IS_OVER) {
		*losses &= ~FORMAT_LOSS_BIT(FORMAT_LOSS_STATE_BITS);
	}
	if (lease->client_type == LESSOR_CLIENT_BOOTP) {
		*losses &= ~FORMAT_LOSS_BIT(FORMAT_LOSS_CLIENT_TYPE);
	}
	if (format_expiry_s(lease, &expire_s) && expire_s >= NEVER_FROM_S) {
		writer->note = "dhcpd takes an end in 2038 or later for never";
	}
	char *room = output_file_room(writer->output, LEASE_OUT_BYTES);
	if (room == NULL) {
		return false;
	}
	output_file_used(writer->output, (size_t)(put_lease(room, lease, losses) - room));
	return true;
}

/* cltt + preferred-life and max-life: only of a lease whose start is known. */
static char *
put_lives(char *out, const lessor_lease6_t *lease, uint32_t *losses) {
	int64_t expire_s = 0;
	int64_t start_s = lease->last_transaction_s;
	int64_t preferred_s = lessor_time_to_unix_s(lease->preferred_expires_at) - start_s;
	bool never = lease->expires_at != LESSOR_TIME_NONE && !format_expiry6_s(lease, &expire_s);
	int64_t life_s = never ? UINT32_MAX : expire_s - start_s;
	bool forever = lease->preferred_expires_at >= LESSOR_TIME_INFINITE;
	bool sound = start_s != 0 && preferred_s >= 0 && life_s >= 0 && life_s <= UINT32_MAX &&
		     lease->expires_at != LESSOR_TIME_NONE;
	if (sound) {
		out = put_text(out, "    preferred-life ");
		out = put_number(out, forever || preferred_s >= UINT32_MAX ? UINT32_MAX : (uint64_t)preferred_s);
		out = put_text(put_number(put_text(out, ";\n    max-life "), (uint64_t)life_s), ";\n");
		*losses &= ~FORMAT_LOSS_BIT(FORMAT_LOSS_PREFERRED);
	}
	if (never) {
		return put_text(out, "    ends never;\n");
	}
	return lease->expires_at != LESSOR_TIME_NONE ? put_date(put_text(out, "  "), "ends", expire_s) : out;
}

static char *
put_names6(char *out, const lessor_lease6_t *lease, uint32_t *losses) {
	char octets[LESSOR_NAME_MAX_BYTES];
	char reverse[80];
	size_t bytes = printable_name(lease->name, octets);
	*losses &= bytes > 0 ? ~FORMAT_LOSS_BIT(FORMAT_LOSS_NAME) : UINT32_MAX;
	*losses &= bytes > 0 || !lease->dns_forward ? ~FORMAT_LOSS_BIT(FORMAT_LOSS_DNS) : UINT32_MAX;
	if (lease->dns_reverse) {
		char *end = put_text(put_reverse_name6(reverse, lease->address), ".");
		out = put_string_statement(out, "    set ddns-rev-name = ", reverse, (size_t)(end - reverse));
	}
	const char *variable = lease->dns_forward ? "    set ddns-fwd-name = " : "    set ddns-client-fqdn = ";
	return bytes > 0 ? put_string_statement(out, variable, octets, bytes) : out;
}

static char *
put_lease6(char *out, const lessor_lease6_t *lease, uint32_t *losses) {
	uint8_t key[4 + LESSOR_DUID_MAX_BYTES];
	lease6_notes_t notes;
	(void)lease6_notes_parse(lease->comment, &notes);
	notes = (lease6_notes_t){.temporary = notes.temporary};
	lease6_notes_settle(lease, &notes, losses);
	for (unsigned i = 0; i < 4; i++) {
		key[i] = (uint8_t)(lease->iaid >> (8 * i));
	}
	memcpy(key + 4, lease->duid, lease->duid_bytes);
	out = isc_put_string(put_text(out, notes.temporary ? "ia-ta " : "ia-na "), key, (size_t)4 + lease->duid_bytes);
	out = put_text(out, " {\n");
	out = lease->last_transaction_s != 0 ? put_date(out, "cltt", lease->last_transaction_s) : out;
	out = put_text(put_ipv6(put_text(out, "  iaaddr "), lease->address), " {\n");
	out = put_text(put_text(put_text(out, "    binding state "), state_word(lease->address_state)), ";\n");
	out = put_names6(put_lives(out, lease, losses), lease, losses);
	return put_text(out, "  }\n}\n");
}

static bool
isc_write6(format_writer_t *writer, const lessor_lease6_t *lease, const lessor_scope6_t *scope, uint32_t *losses) {
	(void)scope;
	uint8_t state = lease->address_state & LESSOR_STATE_MASK;
	*losses = format_losses_of6(lease);
	if (state == LESSOR_STATE_OFFERED) {
		*losses = FORMAT_LOSS_BIT(FORMAT_LOSS_LEFT_OUT);
		return true;
	}
	*losses &= ~(FORMAT_LOSS_BIT(FORMAT_LOSS_STATE) | FORMAT_LOSS_BIT(FORMAT_LOSS_CLIENT_ID) |
		     FORMAT_LOSS_BIT(FORMAT_LOSS_IAID) | FORMAT_LOSS_BIT(FORMAT_LOSS_NO_EXPIRY) |
		     FORMAT_LOSS_BIT(FORMAT_LOSS_INFINITE) | FORMAT_LOSS_BIT(FORMAT_LOSS_START));
	if (state == LESSOR_STATE_DOOM && (lease->address_state & ~LESSOR_STATE_MASK) == LEASE_IS_OVER) {
		*losses &= ~FORMAT_LOSS_BIT(FORMAT_LOSS_STATE_BITS);
	}
	char *room = output_file_room(writer->output, LEASE_OUT_BYTES);
	if (room == NULL) {
		return false;
	}
	output_file_used(writer->output, (size_t)(put_lease6(room, lease, losses) - room));
	return true;
}

static bool
isc_begin(format_writer_t *writer) {
	static const char first[] = "authoring-byte-order little-endian;\n\n";
	char *room = output_file_room(writer->output, sizeof(first));
	if (room == NULL) {
		return false;
	}
	output_file_used(writer->output, (size_t)(put_text(room, first) - room));
	return true;
}

const format_t format_isc = {
	.name = "isc",
	.title = "the lease file of ISC dhcpd",
	.matches = matches,
	.open = isc_open,
	.next = isc_next,
	.close = isc_close,
	.begin = isc_begin,
	.lease = isc_write,
	.lease6 = isc_write6,
	.loss_text = format_loss_text,
};
