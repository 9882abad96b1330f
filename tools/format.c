/* SPDX-License-Identifier: Apache-2.0 */
/* The table of formats, and what they share. See format.h. */
#include "format.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

/* In the order of guessing. */
const format_t *const formats[] = {
	&format_kea4,
	&format_kea6,
	&format_json,
	&format_windows_xml,
	&format_windows_csv,
	&format_infoblox,
	&format_networkd,
	&format_isc,
	&format_odhcpd,
	&format_dnsmasq,
	NULL,
};

/* "kea4, json and ..." */
static void
list_names(char *text, size_t bytes) {
	size_t at = 0;
	for (size_t i = 0; formats[i] != NULL && at < bytes; i++) {
		const char *join = i == 0 ? "" : formats[i + 1] == NULL ? " and " : ", ";
		at += (size_t)snprintf(text + at, bytes - at, "%s%s", join, formats[i]->name);
	}
}

const format_t *
format_need(const struct argp_state *state, const char *name) {
	char list[200];
	for (size_t i = 0; formats[i] != NULL; i++) {
		if (strcmp(formats[i]->name, name) == 0) {
			return formats[i];
		}
	}
	list_names(list, sizeof(list));
	cli_reject(state, "--format '%s' is not known; %s are", name, list);
}

const format_t *
format_guess(const char *begin, size_t bytes) {
	if (bytes >= 3 && memcmp(begin, "\xEF\xBB\xBF", 3) == 0) {
		begin += 3;
		bytes -= 3;
	}
	while (bytes > 0 && (*begin == '\n' || *begin == '\r' || *begin == ' ')) {
		begin++;
		bytes--;
	}
	for (size_t i = 0; formats[i] != NULL; i++) {
		if (formats[i]->matches(begin, bytes)) {
			return formats[i];
		}
	}
	return NULL;
}

const char *
format_warning_text(format_warning_t warning) {
	static const char *const texts[FORMAT_WARNINGS] = {
		"the lease began before 1970 or after 2106, which lessor cannot say",
		"the host name holds a NUL octet and was dropped",
		"the file holds durations, which were counted from the time it was last changed",
		"the time does not say its zone, UTC was assumed; --utc-offset says another",
	};
	return warning < FORMAT_WARNINGS ? texts[warning] : "unknown";
}

const char *
format_loss_text(unsigned loss) {
	static const char *const texts[FORMAT_LOSSES] = {
		"left out: the format has no such lease",
		"state not written",
		"upper bits of the address state not written",
		"client id not written",
		"made-up client id written as the client's own",
		"hardware address not written",
		"hardware type not written",
		"client type not written",
		"written as infinite, there is no expiry",
		"infinite expiry not written",
		"fraction of a second cut off the expiry",
		"start of the lease not written",
		"host name not written as it is",
		"DNS records not written",
		"comment not written",
		"policy name not written",
		"owner not written",
		"quarantine status not written",
		"user context not written",
		"preferred lifetime not written",
		"IAID not written",
		"keys of limits not written",
	};
	return loss < FORMAT_LOSSES ? texts[loss] : "unknown";
}

uint32_t
format_losses_of(const lessor_lease_t *lease) {
	bool timed = lease->expires_at != LESSOR_TIME_NONE && lease->expires_at < LESSOR_TIME_INFINITE;
	bool quarantine = lease->quarantine_status != LESSOR_NO_QUARANTINE || lease->quarantine_capable ||
			  lease->probation_ends_at != LESSOR_TIME_NONE;
	return format_lost((lease->address_state & LESSOR_STATE_MASK) != LESSOR_STATE_ACTIVE, FORMAT_LOSS_STATE) |
	       format_lost((lease->address_state & ~LESSOR_STATE_MASK) != 0, FORMAT_LOSS_STATE_BITS) |
	       format_lost(!lease->client_id_made_up, FORMAT_LOSS_CLIENT_ID) |
	       format_lost(lease->client_id_made_up, FORMAT_LOSS_ID_MADE_UP) |
	       format_lost(lease->hardware_bytes > 0, FORMAT_LOSS_HARDWARE) |
	       format_lost(lease->hardware_bytes > 0 && lease->hardware_type != 1, FORMAT_LOSS_HARDWARE_TYPE) |
	       format_lost(lease->client_type != LESSOR_CLIENT_DHCP, FORMAT_LOSS_CLIENT_TYPE) |
	       format_lost(lease->expires_at == LESSOR_TIME_NONE, FORMAT_LOSS_NO_EXPIRY) |
	       format_lost(lease->expires_at >= LESSOR_TIME_INFINITE, FORMAT_LOSS_INFINITE) |
	       format_lost(timed && lease->expires_at % LESSOR_TICKS_PER_SECOND != 0, FORMAT_LOSS_FRACTION) |
	       format_lost(lease->last_transaction_s != 0, FORMAT_LOSS_START) |
	       format_lost(lease->name != NULL, FORMAT_LOSS_NAME) |
	       format_lost(lease->dns_forward || lease->dns_reverse, FORMAT_LOSS_DNS) |
	       format_lost(lease->comment != NULL, FORMAT_LOSS_COMMENT) |
	       format_lost(lease->policy_name != NULL, FORMAT_LOSS_POLICY) |
	       format_lost(lease->owner_name != NULL || lease->owner_address != 0, FORMAT_LOSS_OWNER) |
	       format_lost(quarantine, FORMAT_LOSS_QUARANTINE) |
	       format_lost(lease->user_context != NULL, FORMAT_LOSS_CONTEXT) |
	       format_lost(lease->limit_keys != 0, FORMAT_LOSS_LIMIT_KEYS);
}

uint32_t
format_losses_of6(const lessor_lease6_t *lease) {
	bool timed = lease->expires_at != LESSOR_TIME_NONE && lease->expires_at < LESSOR_TIME_INFINITE;
	bool made_up = format_can_omit_duid(lease);
	return format_lost((lease->address_state & LESSOR_STATE_MASK) != LESSOR_STATE_ACTIVE, FORMAT_LOSS_STATE) |
	       format_lost((lease->address_state & ~LESSOR_STATE_MASK) != 0, FORMAT_LOSS_STATE_BITS) |
	       format_lost(!made_up, FORMAT_LOSS_CLIENT_ID) | format_lost(made_up, FORMAT_LOSS_ID_MADE_UP) |
	       format_lost(lease->iaid != 0, FORMAT_LOSS_IAID) |
	       format_lost(lease->hardware_bytes > 0, FORMAT_LOSS_HARDWARE) |
	       format_lost(lease->hardware_bytes > 0 && lease->hardware_type != 1, FORMAT_LOSS_HARDWARE_TYPE) |
	       format_lost(lease->expires_at == LESSOR_TIME_NONE, FORMAT_LOSS_NO_EXPIRY) |
	       format_lost(lease->expires_at >= LESSOR_TIME_INFINITE, FORMAT_LOSS_INFINITE) |
	       format_lost(timed && lease->expires_at % LESSOR_TICKS_PER_SECOND != 0, FORMAT_LOSS_FRACTION) |
	       format_lost(lease->preferred_expires_at != lease->expires_at, FORMAT_LOSS_PREFERRED) |
	       format_lost(lease->last_transaction_s != 0, FORMAT_LOSS_START) |
	       format_lost(lease->name != NULL, FORMAT_LOSS_NAME) |
	       format_lost(lease->dns_forward || lease->dns_reverse, FORMAT_LOSS_DNS) |
	       format_lost(lease->comment != NULL, FORMAT_LOSS_COMMENT) |
	       format_lost(lease->owner_address.high != 0 || lease->owner_address.low != 0, FORMAT_LOSS_OWNER) |
	       format_lost(lease->user_context != NULL, FORMAT_LOSS_CONTEXT) |
	       format_lost(lease->limit_keys != 0, FORMAT_LOSS_LIMIT_KEYS);
}

void
format_record_clear6(format_record_t *record, format_kind_t kind, uint64_t line) {
	*record = (format_record_t){.kind = kind, .line = line, .is6 = true};
	lessor_lease6_init(&record->lease6);
}

void
format_record_clear(format_record_t *record, format_kind_t kind, uint64_t line) {
	*record = (format_record_t){.kind = kind, .line = line};
	lessor_lease_init(&record->lease);
}

int
format_record_bad(format_record_t *record, const char *text) {
	record->kind = FORMAT_BAD;
	record->text = text;
	return 1;
}

void
format_need_client_id(format_record_t *record) {
	lessor_lease_t *lease = &record->lease;
	if (lease->client_id_bytes > 0) {
		return;
	}
	lease->client_id_made_up = true;
	lease->client_id = record->made_up;
	lease->client_id_bytes = lease->hardware_bytes;
	if (lease->hardware_bytes > 0) {
		memcpy(record->made_up, lease->hardware, lease->hardware_bytes);
		return;
	}
	lease->client_id_bytes = 4;
	for (unsigned i = 0; i < 4; i++) {
		record->made_up[i] = (uint8_t)(lease->address >> (24 - 8 * i));
	}
}

static void
address_octets(lessor_address6_t address, uint8_t octets[16]) {
	uint64_t halves[2] = {htobe64(address.high), htobe64(address.low)};
	memcpy(octets, halves, sizeof(halves));
}

void
format_need_duid(format_record_t *record) {
	lessor_lease6_t *lease = &record->lease6;
	if (lease->duid_bytes == 0) {
		address_octets(lease->address, record->made_up);
		lease->duid = record->made_up;
		lease->duid_bytes = 16;
	}
}

bool
format_can_omit_duid(const lessor_lease6_t *lease) {
	uint8_t octets[16];
	address_octets(lease->address, octets);
	return lease->duid_bytes == sizeof(octets) && memcmp(lease->duid, octets, sizeof(octets)) == 0;
}

bool
format_can_omit_client_id(const lessor_lease_t *lease) {
	if (!lease->client_id_made_up) {
		return false;
	}
	if (lease->hardware_bytes > 0) {
		return lease->client_id_bytes == lease->hardware_bytes &&
		       memcmp(lease->client_id, lease->hardware, lease->hardware_bytes) == 0;
	}
	uint32_t id = 0;
	for (unsigned i = 0; i < lease->client_id_bytes; i++) {
		id = id << 8 | lease->client_id[i];
	}
	return lease->client_id_bytes == 4 && id == lease->address;
}

bool
format_expiry_s(const lessor_lease_t *lease, int64_t *unix_s) {
	*unix_s = lessor_time_to_unix_s(lease->expires_at);
	return lease->expires_at != LESSOR_TIME_NONE && lease->expires_at < LESSOR_TIME_INFINITE;
}

bool
format_expiry6_s(const lessor_lease6_t *lease, int64_t *unix_s) {
	*unix_s = lessor_time_to_unix_s(lease->expires_at);
	return lease->expires_at != LESSOR_TIME_NONE && lease->expires_at < LESSOR_TIME_INFINITE;
}

bool
format_parse_time(const format_options_t *options, piece_t text, lessor_filetime_t *time, bool *zoned) {
	if (piece_iso_time(text, options->utc_offset_s, time, zoned)) {
		return true;
	}
	*zoned = false;
	return options->date_order != FORMAT_DATE_ISO &&
	       piece_local_time(text, options->date_order == FORMAT_DATE_DAY_FIRST, options->utc_offset_s, time);
}
