/* SPDX-License-Identifier: Apache-2.0 */
/* Leases and the properties that Windows shows of them. See windows_lease.h. */
#include "windows_lease.h"

#include <string.h>

#include "cli.h"
#include "kea4.h"

enum { ETHERNET = 1, MAC_BYTES = 6 };

/* 9999-01-01: what is as late is meant to be never. */
#define NEVER_FROM_S INT64_C(253370764800)

const char *const windows_property_names[WINDOWS_PROPERTIES] = {
	"IPAddress",   "ScopeId",         "AddressState", "ClientId",      "ClientType",
	"Description", "DnsRegistration", "DnsRR",        "HostName",      "LeaseExpiryTime",
	"NapCapable",  "NapStatus",       "PolicyName",   "ProbationEnds", "ServerIP",
};

static const char bad_address[] = "BAD_ADDRESS";

typedef struct word {
	const char *word;
	uint8_t value;
} word_t;

static const word_t states[] = {
	{"Active", LESSOR_STATE_ACTIVE},
	{"ActiveReservation", LESSOR_STATE_ACTIVE},
	{"Declined", LESSOR_STATE_DECLINED},
	{"Expired", LESSOR_STATE_DOOM},
	{NULL, 0},
};

static const word_t client_types[] = {
	{"Dhcp", LESSOR_CLIENT_DHCP},
	{"UnSpecified", LESSOR_CLIENT_UNSPECIFIED},
	{"BootP", LESSOR_CLIENT_BOOTP},
	{"Both", LESSOR_CLIENT_BOTH},
	{"None", LESSOR_CLIENT_NONE},
	{"Reservation", LESSOR_CLIENT_RESERVATION_FLAG},
	{NULL, 0},
};

static const word_t nap_states[] = {
	{"FullAccess", LESSOR_NO_QUARANTINE},
	{"RestrictedAccess", LESSOR_RESTRICTED_ACCESS},
	{"DropPacket", LESSOR_DROP_PACKET},
	{"InProbation", LESSOR_PROBATION},
	{"Exempt", LESSOR_EXEMPT},
	{"DefaultQuarantineSetting", LESSOR_DEFAULT_QUARANTINE},
	{"NoQuarantineInfo", LESSOR_NO_QUARANTINE_INFO},
	{NULL, 0},
};

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static const word_t *
find_word(const word_t *words, piece_t text) {
	for (; words->word != NULL; words++) {
		if (piece_is_word(text, words->word)) {
			return words;
		}
	}
	return NULL;
}

/* Into '*value', which stays as it is if the text is empty. */
static bool
take_word(const word_t *words, piece_t text, uint8_t *value) {
	const word_t *word = text.bytes > 0 ? find_word(words, text) : NULL;
	*value = word != NULL ? word->value : *value;
	return word != NULL || text.bytes == 0;
}

static bool
take_flag(piece_t text, bool *flag) {
	*flag = piece_is_word(text, "true");
	return *flag || text.bytes == 0 || piece_is_word(text, "false");
}

/* These files are UTF-8, and so is the text as it stands there; only what is no UTF-8 is told by code points of its own. */
static bool
make_text(piece_t octets, char *text) {
	if (memchr(octets.text, '\0', octets.bytes) == NULL) {
		memcpy(text, octets.text, octets.bytes);
		text[octets.bytes] = '\0';
		if (cli_text_valid(text, octets.bytes)) {
			return true;
		}
	}
	return piece_text(octets, text);
}

static bool
take_text(piece_t octets, char *text, const char **member, format_record_t *record) {
	if (octets.bytes == 0) {
		return true;
	}
	if (octets.bytes > WINDOWS_TEXT_MAX_BYTES) {
		return false;
	}
	if (make_text(octets, text)) {
		*member = text;
	} else {
		record->warnings |= UINT32_C(1) << FORMAT_WARN_NAME_DROPPED;
	}
	return true;
}

static bool
take_time(windows_parser_t *parser, piece_t text, lessor_filetime_t *time, format_record_t *record) {
	bool zoned = true;
	const format_options_t *options = parser->options;
	if (!format_parse_time(options, text, time, &zoned)) {
		return false;
	}
	if (!zoned && !options->has_utc_offset && !parser->zone_missed) {
		parser->zone_missed = true;
		record->warnings |= UINT32_C(1) << FORMAT_WARN_NO_ZONE;
	}
	return true;
}

static bool
take_expiry(windows_parser_t *parser, piece_t text, bool reserved, format_record_t *record) {
	lessor_lease_t *lease = &record->lease;
	lease->expires_at = reserved ? LESSOR_TIME_INFINITE : LESSOR_TIME_NONE;
	if (text.bytes == 0) {
		return true;
	}
	if (!take_time(parser, text, &lease->expires_at, record)) {
		return false;
	}
	if (lessor_time_to_unix_s(lease->expires_at) >= NEVER_FROM_S) {
		lease->expires_at = LESSOR_TIME_INFINITE;
	}
	return true;
}

/* Six octets are a MAC, of which the server dropped the type. */
static bool
take_client_id(windows_parser_t *parser, piece_t text, lessor_lease_t *lease) {
	size_t count = 0;
	if (text.bytes == 0) {
		return true;
	}
	uint8_t *id = parser->client_id;
	if (!piece_octets(text, '-', id, sizeof(parser->client_id), &count)) {
		return false;
	}
	if (count == MAC_BYTES) {
		memmove(id + 1, id, MAC_BYTES);
		id[0] = ETHERNET;
		lease->hardware_type = ETHERNET;
		lease->hardware = id + 1;
		lease->hardware_bytes = MAC_BYTES;
		count++;
	}
	lease->client_id = id;
	lease->client_id_bytes = (uint8_t)count;
	return true;
}

static bool
take_dns(const piece_t *values, format_record_t *record) {
	piece_t rr = values[WINDOWS_DNS_RR];
	piece_t registration = values[WINDOWS_DNS_REGISTRATION];
	bool both = piece_is_word(rr, "AandPTR");
	bool forward = both || piece_is_word(rr, "A");
	bool reverse = both || piece_is_word(rr, "PTR");
	bool done = registration.bytes == 0 || piece_is_word(registration, "Complete");
	if (piece_is_word(registration, "Pending")) {
		record->lost |= UINT32_C(1) << WINDOWS_LOST_DNS_PENDING;
	}
	record->lease.dns_forward = forward && done;
	record->lease.dns_reverse = reverse && done;
	return forward || reverse || rr.bytes == 0 || piece_is_word(rr, "NoRegistration");
}

static bool
take_address(piece_t text, uint32_t *address) {
	return text.bytes == 0 || kea4_parse_ipv4(text.text, text.bytes, address);
}

/* NULL, or what is wrong. */
static const char *
take_properties(windows_parser_t *parser, const piece_t *values, format_record_t *record) {
	lessor_lease_t *lease = &record->lease;
	piece_t state = values[WINDOWS_ADDRESS_STATE];
	bool reserved = piece_is_word(state, "ActiveReservation");
	if (!take_word(states, state, &lease->address_state)) {
		return "AddressState is not known";
	}
	if (!take_word(client_types, values[WINDOWS_CLIENT_TYPE], &lease->client_type)) {
		return "ClientType is not known";
	}
	if (reserved && lease->client_type <= LESSOR_CLIENT_BOTH) {
		lease->client_type |= LESSOR_CLIENT_RESERVATION_FLAG;
	}
	if (!take_expiry(parser, values[WINDOWS_LEASE_EXPIRY_TIME], reserved, record)) {
		return "LeaseExpiryTime is not ISO 8601; --dates says in which order day and month are";
	}
	if (values[WINDOWS_PROBATION_ENDS].bytes > 0 &&
	    !take_time(parser, values[WINDOWS_PROBATION_ENDS], &lease->probation_ends_at, record)) {
		return "ProbationEnds is not ISO 8601; --dates says in which order day and month are";
	}
	if (!take_flag(values[WINDOWS_NAP_CAPABLE], &lease->quarantine_capable) ||
	    !take_word(nap_states, values[WINDOWS_NAP_STATUS], &lease->quarantine_status)) {
		return "NapCapable or NapStatus is not known";
	}
	if (!take_dns(values, record)) {
		return "DnsRR is not known";
	}
	if (!take_address(values[WINDOWS_SERVER_IP], &lease->owner_address)) {
		return "ServerIP is not an IPv4 address";
	}
	if (!take_text(values[WINDOWS_HOST_NAME], parser->name, &lease->name, record) ||
	    !take_text(values[WINDOWS_DESCRIPTION], parser->comment, &lease->comment, record) ||
	    !take_text(values[WINDOWS_POLICY_NAME], parser->policy, &lease->policy_name, record)) {
		return "HostName, Description or PolicyName is too long";
	}
	if (!take_client_id(parser, values[WINDOWS_CLIENT_ID], lease)) {
		return "ClientId is not 1 to 255 hex octets joined by '-'";
	}
	return NULL;
}

/* What the server knows of an address that somebody else uses is only that. */
static void
blank_declined(const piece_t *values, lessor_lease_t *lease) {
	if (piece_is_word(values[WINDOWS_HOST_NAME], bad_address)) {
		lease->address_state = LESSOR_STATE_DECLINED;
		lease->name = NULL;
		lease->client_id = NULL;
		lease->client_id_bytes = 0;
		lease->hardware = NULL;
		lease->hardware_bytes = 0;
		lease->hardware_type = 0;
	}
}

static int
note(format_record_t *record, const char *text) {
	record->kind = FORMAT_NOTE;
	record->text = text;
	return 1;
}

int
windows_lease_parse(windows_parser_t *parser, const piece_t values[WINDOWS_PROPERTIES], format_record_t *record) {
	lessor_lease_t *lease = &record->lease;
	if (!take_address(values[WINDOWS_IP_ADDRESS], &lease->address) || lease->address == 0) {
		return format_record_bad(record, "IPAddress is not an IPv4 address");
	}
	if (piece_is_word(values[WINDOWS_ADDRESS_STATE], "Offered")) {
		return note(record, "an offer was left out");
	}
	if (piece_is_word(values[WINDOWS_ADDRESS_STATE], "InactiveReservation")) {
		return note(record, "a reservation without a lease was left out");
	}
	const char *problem = take_properties(parser, values, record);
	if (problem != NULL) {
		return format_record_bad(record, problem);
	}
	blank_declined(values, lease);
	format_need_client_id(record);
	return 1;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Texts one behind the other, each with a NUL. */
typedef struct texts {
	char *at;
} texts_t;

static const char *
end_text(texts_t *texts, char *end) {
	const char *begin = texts->at;
	*end = '\0';
	texts->at = end + 1;
	return begin;
}

static const char *
address_text(texts_t *texts, uint32_t address) {
	return end_text(texts, put_ipv4(texts->at, address));
}

static const char *
time_text(texts_t *texts, lessor_filetime_t time) {
	civil_t civil;
	civil_from_unix_s(lessor_time_to_unix_s(time), &civil);
	char *out = put_text(put_padded(texts->at, (uint64_t)civil.year, 4), "-");
	out = put_text(put_padded(out, civil.month, 2), "-");
	out = put_text(put_padded(out, civil.day, 2), "T");
	out = put_text(put_padded(out, civil.hour, 2), ":");
	out = put_text(put_padded(out, civil.minute, 2), ":");
	out = put_padded(out, civil.second, 2);
	if (time % LESSOR_TICKS_PER_SECOND != 0) {
		out = put_padded(put_text(out, "."), time % LESSOR_TICKS_PER_SECOND, 7);
	}
	return end_text(texts, put_text(out, "Z"));
}

static const char *
word_text(const word_t *words, uint8_t value) {
	for (; words->word != NULL; words++) {
		if (words->value == value) {
			return words->word;
		}
	}
	return "";
}

static const char *
octets_text(texts_t *texts, const uint8_t *octets, size_t count) {
	return end_text(texts, put_octets(texts->at, octets, count, '-'));
}

static bool
is_mac_and_id(const lessor_lease_t *lease) {
	return lease->hardware_type == ETHERNET && lease->hardware_bytes == MAC_BYTES &&
	       lease->client_id_bytes == 1 + MAC_BYTES && lease->client_id[0] == ETHERNET &&
	       memcmp(lease->client_id + 1, lease->hardware, MAC_BYTES) == 0;
}

static const char *
declined_text(texts_t *texts, const lessor_lease_t *lease, uint32_t *losses) {
	uint32_t address = lease->address;
	uint8_t octets[4] = {(uint8_t)address, (uint8_t)(address >> 8), (uint8_t)(address >> 16),
			     (uint8_t)(address >> 24)};
	if (format_can_omit_client_id(lease)) {
		*losses &= ~FORMAT_LOSS_BIT(FORMAT_LOSS_ID_MADE_UP);
	}
	return octets_text(texts, octets, sizeof(octets));
}

static const char *
client_id_text(texts_t *texts, const lessor_lease_t *lease, uint32_t *losses) {
	if ((lease->address_state & LESSOR_STATE_MASK) == LESSOR_STATE_DECLINED) {
		return declined_text(texts, lease, losses);
	}
	if (is_mac_and_id(lease)) {
		*losses &= ~(FORMAT_LOSS_BIT(FORMAT_LOSS_CLIENT_ID) | FORMAT_LOSS_BIT(FORMAT_LOSS_HARDWARE));
		return octets_text(texts, lease->hardware, MAC_BYTES);
	}
	if (format_can_omit_client_id(lease) && lease->hardware_bytes == 0) {
		*losses &= ~FORMAT_LOSS_BIT(FORMAT_LOSS_ID_MADE_UP);
		return "";
	}
	bool mac = format_can_omit_client_id(lease) && lease->hardware_type == ETHERNET &&
		   lease->hardware_bytes == MAC_BYTES;
	*losses &= mac ? ~FORMAT_LOSS_BIT(FORMAT_LOSS_HARDWARE) : UINT32_MAX;
	*losses &= lease->client_id_bytes != MAC_BYTES ? ~FORMAT_LOSS_BIT(FORMAT_LOSS_CLIENT_ID) : UINT32_MAX;
	return octets_text(texts, lease->client_id, lease->client_id_bytes);
}

static const char *
expiry_text(texts_t *texts, const lessor_lease_t *lease) {
	bool reserved = (lease->client_type & ~LESSOR_CLIENT_BOTH) == LESSOR_CLIENT_RESERVATION_FLAG;
	if (lease->expires_at == LESSOR_TIME_NONE || (reserved && lease->expires_at >= LESSOR_TIME_INFINITE)) {
		return "";
	}
	return lease->expires_at >= LESSOR_TIME_INFINITE ? "9999-12-31T23:59:59Z" : time_text(texts, lease->expires_at);
}

static const char *
text_or_none(const char *text) {
	return text != NULL ? text : "";
}

static const char *
dns_text(const lessor_lease_t *lease) {
	return lease->dns_forward   ? (lease->dns_reverse ? "AandPTR" : "A")
	       : lease->dns_reverse ? "PTR"
				    : "NoRegistration";
}

/* What the properties do hold, of the losses that a lease could have. */
static uint32_t
losses_of(const lessor_lease_t *lease, bool reserved, bool declined) {
	uint32_t losses = format_losses_of(lease);
	losses &= ~(FORMAT_LOSS_BIT(FORMAT_LOSS_STATE) | FORMAT_LOSS_BIT(FORMAT_LOSS_CLIENT_TYPE) |
		    FORMAT_LOSS_BIT(FORMAT_LOSS_INFINITE) | FORMAT_LOSS_BIT(FORMAT_LOSS_FRACTION) |
		    FORMAT_LOSS_BIT(FORMAT_LOSS_DNS) | FORMAT_LOSS_BIT(FORMAT_LOSS_COMMENT) |
		    FORMAT_LOSS_BIT(FORMAT_LOSS_POLICY) | FORMAT_LOSS_BIT(FORMAT_LOSS_QUARANTINE));
	losses &= declined ? UINT32_MAX : ~FORMAT_LOSS_BIT(FORMAT_LOSS_NAME);
	losses &= lease->owner_name == NULL ? ~FORMAT_LOSS_BIT(FORMAT_LOSS_OWNER) : UINT32_MAX;
	return losses & (reserved ? UINT32_MAX : ~FORMAT_LOSS_BIT(FORMAT_LOSS_NO_EXPIRY));
}

uint32_t
windows_lease_format(const lessor_lease_t *lease, const lessor_scope_t *scope, char room[WINDOWS_OUT_BYTES],
		     const char *values[WINDOWS_PROPERTIES]) {
	texts_t texts = {room};
	uint8_t state = lease->address_state & LESSOR_STATE_MASK;
	if (state == LESSOR_STATE_OFFERED) {
		return FORMAT_LOSS_BIT(FORMAT_LOSS_LEFT_OUT);
	}
	bool active = state == LESSOR_STATE_ACTIVE;
	bool flagged = (lease->client_type & ~LESSOR_CLIENT_BOTH) == LESSOR_CLIENT_RESERVATION_FLAG;
	uint8_t client_type = lease->client_type;
	uint32_t losses = losses_of(lease, flagged && active, state == LESSOR_STATE_DECLINED);
	if (flagged && lease->client_type != LESSOR_CLIENT_RESERVATION_FLAG) {
		client_type &= LESSOR_CLIENT_BOTH;
		losses |= format_lost(!active, FORMAT_LOSS_CLIENT_TYPE);
	}
	values[WINDOWS_IP_ADDRESS] = address_text(&texts, lease->address);
	values[WINDOWS_SCOPE_ID] = address_text(&texts, scope->subnet);
	values[WINDOWS_ADDRESS_STATE] = flagged && active ? "ActiveReservation" : word_text(states, state);
	values[WINDOWS_CLIENT_ID] = client_id_text(&texts, lease, &losses);
	values[WINDOWS_CLIENT_TYPE] = word_text(client_types, client_type);
	values[WINDOWS_DESCRIPTION] = text_or_none(lease->comment);
	values[WINDOWS_DNS_REGISTRATION] = lease->dns_forward || lease->dns_reverse ? "Complete" : "NotApplicable";
	values[WINDOWS_DNS_RR] = dns_text(lease);
	values[WINDOWS_HOST_NAME] = state == LESSOR_STATE_DECLINED ? bad_address : text_or_none(lease->name);
	values[WINDOWS_LEASE_EXPIRY_TIME] = expiry_text(&texts, lease);
	values[WINDOWS_NAP_CAPABLE] = lease->quarantine_capable ? "True" : "False";
	values[WINDOWS_NAP_STATUS] = word_text(nap_states, lease->quarantine_status);
	values[WINDOWS_POLICY_NAME] = text_or_none(lease->policy_name);
	values[WINDOWS_PROBATION_ENDS] =
		lease->probation_ends_at != LESSOR_TIME_NONE ? time_text(&texts, lease->probation_ends_at) : "";
	values[WINDOWS_SERVER_IP] = lease->owner_address != 0 ? address_text(&texts, lease->owner_address) : "";
	return losses;
}
