/* SPDX-License-Identifier: Apache-2.0 */
#include "change_print.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include <json-c/json.h>

#include "cli.h"

static const struct {
	lessor_change_kind_t kind;
	const char *name;
} kinds[] = {
	{LESSOR_CHANGE_LEASE, "lease"},
	{LESSOR_CHANGE_LEASE_END, "lease-end"},
	{LESSOR_CHANGE_SCOPE, "scope"},
	{LESSOR_CHANGE_SCOPE_END, "scope-end"},
	{LESSOR_CHANGE_SUPERSCOPE, "superscope"},
	{LESSOR_CHANGE_SUPERSCOPE_END, "superscope-end"},
	{LESSOR_CHANGE_FILTER, "filter"},
	{LESSOR_CHANGE_FILTER_END, "filter-end"},
	{LESSOR_CHANGE_FILTER_ENFORCEMENT, "filter-enforcement"},
	{LESSOR_CHANGE_LEASE6, "lease6"},
	{LESSOR_CHANGE_LEASE6_END, "lease6-end"},
	{LESSOR_CHANGE_SCOPE6, "scope6"},
	{LESSOR_CHANGE_SCOPE6_END, "scope6-end"},
	{LESSOR_CHANGE_CLEAR, "clear"},
	{LESSOR_CHANGE_LIMIT, "limit"},
	{LESSOR_CHANGE_LIMIT_END, "limit-end"},
	{LESSOR_CHANGE_RESERVATION, "reservation"},
	{LESSOR_CHANGE_RESERVATION_END, "reservation-end"},
	{LESSOR_CHANGE_RESERVATION6, "reservation6"},
	{LESSOR_CHANGE_RESERVATION6_END, "reservation6-end"},
};

const char *
change_kind_name(lessor_change_kind_t kind) {
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].kind == kind) {
			return kinds[i].name;
		}
	}
	return "other";
}

static void
format_ipv6(lessor_address6_t address, char text[INET6_ADDRSTRLEN]) {
	uint8_t bytes[16];
	for (unsigned i = 0; i < 8; i++) {
		bytes[i] = (uint8_t)(address.high >> (56 - 8 * i));
		bytes[8 + i] = (uint8_t)(address.low >> (56 - 8 * i));
	}
	(void)inet_ntop(AF_INET6, bytes, text, INET6_ADDRSTRLEN);
}

/* ---- for people -------------------------------------------------------------------------------------------------------- */

static void
put_hex(const char *label, const uint8_t *bytes, size_t count) {
	char text[3 * LESSOR_DUID_MAX_BYTES + 1];
	cli_format_hex(bytes, count, text);
	(void)printf(" %s %s", label, text);
}

static void
put_text(const char *label, const char *text) {
	if (text != NULL) {
		(void)printf(" %s ", label);
		cli_put_text(stdout, text);
	}
}

static void
put_expiry(lessor_filetime_t expires_at) {
	char text[CLI_TIME_BYTES];
	cli_format_time(expires_at, text);
	(void)printf(" expires %s", text);
}

static void
put_address(uint32_t address) {
	char text[16];
	cli_format_ipv4(address, text);
	(void)printf(" %s", text);
}

static void
put_address6(lessor_address6_t address) {
	char text[INET6_ADDRSTRLEN];
	format_ipv6(address, text);
	(void)printf(" %s", text);
}

static void
put_range(const char *label, lessor_range_t range) {
	(void)printf(" %s", label);
	put_address(range.first);
	put_address(range.last);
}

static void
put_lease(const lessor_change_t *change) {
	const lessor_lease_t *lease = &change->lease;
	put_address(lease->address);
	put_hex("client", lease->client_id, lease->client_id_bytes);
	(void)printf(" state %s", cli_lease_state_name(lease->address_state));
	put_expiry(lease->expires_at);
	put_text("name", lease->name);
	if (lease->is_reserved) {
		put_hex("reserved for", change->reservation.client_id, change->reservation.client_id_bytes);
	}
}

static void
put_client6(const lessor_reservation6_t *reservation) {
	put_hex("reserved for", reservation->duid, reservation->duid_bytes);
	(void)printf(" iaid %" PRIu32, reservation->iaid);
}

static void
put_lease6(const lessor_change_t *change) {
	const lessor_lease6_t *lease = &change->lease6;
	put_address6(lease->address);
	put_hex("duid", lease->duid, lease->duid_bytes);
	(void)printf(" iaid %" PRIu32 " state %s", lease->iaid, cli_lease_state_name(lease->address_state));
	put_expiry(lease->expires_at);
	put_text("name", lease->name);
	if (lease->is_reserved) {
		put_client6(&change->reservation6);
	}
}

static void
put_scope(const lessor_change_t *change) {
	char text[CLI_SUBNET_BYTES];
	const lessor_scope_t *scope = &change->scope;
	cli_format_subnet(scope->subnet, scope->mask, text);
	(void)printf(" %s", text);
	if (change->kind == LESSOR_CHANGE_SCOPE_END) {
		return;
	}
	(void)printf(" state %s", cli_scope_state_name(scope->state));
	if (scope->has_range) {
		put_range("range", scope->range);
	}
	for (size_t i = 0; i < change->exclusion_count; i++) {
		put_range("excluded", change->exclusions[i]);
	}
	if (change->superscope != 0) {
		(void)printf(" superscope %" PRIu32, change->superscope);
	}
	put_text("name", scope->name);
	if (change->kind == LESSOR_CHANGE_CLEAR) {
		put_range("cleared", change->range);
	}
}

static void
put_scope6(const lessor_scope6_t *scope) {
	put_address6((lessor_address6_t){.high = scope->prefix});
	(void)printf("/64");
	put_text("name", scope->name);
}

static void
put_filter(const lessor_change_t *change) {
	const lessor_filter_t *filter = &change->filter;
	if (change->kind == LESSOR_CHANGE_FILTER) {
		(void)printf(" %s", filter->list == LESSOR_FILTER_ALLOW ? "allow" : "deny");
	}
	(void)printf(" type %u", filter->hardware_type);
	put_hex(filter->is_wildcard ? "beginning" : "address", filter->pattern, filter->pattern_bytes);
	put_text("comment", filter->comment);
}

static void
put_limit(const lessor_change_t *change) {
	char key[CLI_LIMIT_KEY_BYTES];
	cli_format_limit_key(&change->limit.key, key);
	(void)printf(" %s", key);
	if (change->kind == LESSOR_CHANGE_LIMIT) {
		(void)printf(" most %" PRIu32, change->limit.max);
	}
}

static void
put_details(const lessor_change_t *change) {
	switch (change->kind) {
	case LESSOR_CHANGE_LEASE:
		put_lease(change);
		break;
	case LESSOR_CHANGE_LEASE_END:
	case LESSOR_CHANGE_RESERVATION_END:
		put_address(change->address);
		break;
	case LESSOR_CHANGE_RESERVATION:
		put_address(change->reservation.address);
		put_hex("for", change->reservation.client_id, change->reservation.client_id_bytes);
		break;
	case LESSOR_CHANGE_SCOPE:
	case LESSOR_CHANGE_SCOPE_END:
	case LESSOR_CHANGE_CLEAR:
		put_scope(change);
		break;
	case LESSOR_CHANGE_SUPERSCOPE:
	case LESSOR_CHANGE_SUPERSCOPE_END:
		(void)printf(" %" PRIu32, change->superscope);
		put_text("name", change->name);
		break;
	case LESSOR_CHANGE_FILTER:
	case LESSOR_CHANGE_FILTER_END:
		put_filter(change);
		break;
	case LESSOR_CHANGE_FILTER_ENFORCEMENT:
		(void)printf(" allow %s deny %s", change->allow ? "on" : "off", change->deny ? "on" : "off");
		break;
	case LESSOR_CHANGE_LEASE6:
		put_lease6(change);
		break;
	case LESSOR_CHANGE_LEASE6_END:
	case LESSOR_CHANGE_RESERVATION6_END:
		put_address6(change->address6);
		break;
	case LESSOR_CHANGE_RESERVATION6:
		put_address6(change->address6);
		put_client6(&change->reservation6);
		break;
	case LESSOR_CHANGE_SCOPE6:
	case LESSOR_CHANGE_SCOPE6_END:
		put_scope6(&change->scope6);
		break;
	case LESSOR_CHANGE_LIMIT:
	case LESSOR_CHANGE_LIMIT_END:
		put_limit(change);
		break;
	default:
		(void)printf(" of type %d", (int)change->kind);
		break;
	}
}

void
change_put(const lessor_change_t *change) {
	char time[CLI_TIME_BYTES];
	cli_format_time(change->time, time);
	(void)printf("%" PRIu64 " %s %s", change->lsn, change->time != LESSOR_TIME_NONE ? time : "-",
		     change_kind_name(change->kind));
	put_details(change);
	(void)putchar('\n');
}

/* ---- JSON -------------------------------------------------------------------------------------------------------------- */

static bool
json_hex(struct json_object *object, const char *key, const uint8_t *bytes, size_t count) {
	char text[3 * LESSOR_DUID_MAX_BYTES + 1];
	cli_format_hex(bytes, count, text);
	return cli_json_text(object, key, text);
}

static bool
json_time(struct json_object *object, const char *key, lessor_filetime_t time) {
	char text[CLI_TIME_BYTES];
	cli_format_time(time, text);
	return cli_json_text(object, key, time == LESSOR_TIME_NONE ? NULL : text);
}

static bool
json_address6(struct json_object *object, const char *key, lessor_address6_t address) {
	char text[INET6_ADDRSTRLEN];
	format_ipv6(address, text);
	return cli_json_text(object, key, text);
}

static bool
json_reservation(struct json_object *object, const lessor_reservation_t *reservation) {
	return json_hex(object, "reserved_for", reservation->client_id, reservation->client_id_bytes) &&
	       cli_json_number(object, "reserved_client_types", reservation->client_types);
}

static bool
json_reservation6(struct json_object *object, const lessor_reservation6_t *reservation) {
	return json_hex(object, "reserved_for_duid", reservation->duid, reservation->duid_bytes) &&
	       cli_json_number(object, "reserved_for_iaid", reservation->iaid);
}

static bool
json_lease6(struct json_object *object, const lessor_lease6_t *lease) {
	return json_address6(object, "address", lease->address) &&
	       json_hex(object, "duid", lease->duid, lease->duid_bytes) &&
	       cli_json_number(object, "iaid", lease->iaid) &&
	       cli_json_number(object, "address_state", lease->address_state) &&
	       json_hex(object, "hardware", lease->hardware, lease->hardware_bytes) &&
	       json_time(object, "expires_at", lease->expires_at) &&
	       json_time(object, "preferred_expires_at", lease->preferred_expires_at) &&
	       cli_json_number(object, "last_transaction_s", lease->last_transaction_s) &&
	       cli_json_text(object, "name", lease->name) && cli_json_text(object, "comment", lease->comment) &&
	       json_address6(object, "owner_address", lease->owner_address) &&
	       cli_json_text(object, "user_context", lease->user_context) &&
	       cli_json_limit_keys(object, lease->limit_key, lease->limit_keys);
}

static bool
json_exclusions(struct json_object *object, const lessor_change_t *change) {
	struct json_object *list = json_object_new_array();
	bool done = cli_json_add(object, "exclusions", list);
	for (size_t i = 0; i < change->exclusion_count && done; i++) {
		struct json_object *range = cli_json_range(&change->exclusions[i]);
		done = range != NULL && json_object_array_add(list, range) == 0;
	}
	return done;
}

static bool
json_scope(struct json_object *object, const lessor_change_t *change) {
	const lessor_scope_t *scope = &change->scope;
	bool done = cli_json_subnet(object, scope->subnet, scope->mask) &&
		    cli_json_number(object, "uid", change->scope_uid);
	if (change->kind != LESSOR_CHANGE_SCOPE_END) {
		done = done && cli_json_number(object, "id", scope->id) &&
		       cli_json_text(object, "state", cli_scope_state_name(scope->state)) &&
		       cli_json_number(object, "lease_s", scope->lease_s) &&
		       cli_json_text(object, "name", scope->name) && cli_json_text(object, "comment", scope->comment) &&
		       cli_json_number(object, "offer_delay_ms", scope->offer_delay_ms) &&
		       cli_json_bool(object, "quarantine_on", scope->quarantine_on) &&
		       (scope->max_leases == 0 || cli_json_number(object, "max_leases", scope->max_leases)) &&
		       cli_json_number(object, "superscope", change->superscope) && json_exclusions(object, change) &&
		       (!scope->has_range || cli_json_add(object, "range", cli_json_range(&scope->range)));
	}
	return done &&
	       (change->kind != LESSOR_CHANGE_CLEAR || cli_json_add(object, "cleared", cli_json_range(&change->range)));
}

static bool
json_scope6(struct json_object *object, const lessor_change_t *change) {
	const lessor_scope6_t *scope = &change->scope6;
	return json_address6(object, "prefix", (lessor_address6_t){.high = scope->prefix}) &&
	       cli_json_number(object, "uid", scope->number) &&
	       (change->kind == LESSOR_CHANGE_SCOPE6_END ||
		(cli_json_number(object, "id", scope->id) &&
		 cli_json_text(object, "state", cli_scope_state_name(scope->state)) &&
		 cli_json_number(object, "lease_s", scope->lease_s) &&
		 cli_json_number(object, "preference", scope->preference) &&
		 (scope->max_leases == 0 || cli_json_number(object, "max_leases", scope->max_leases)) &&
		 cli_json_text(object, "name", scope->name) && cli_json_text(object, "comment", scope->comment)));
}

static bool
json_filter(struct json_object *object, const lessor_change_t *change) {
	const lessor_filter_t *filter = &change->filter;
	return cli_json_number(object, "hardware_type", filter->hardware_type) &&
	       cli_json_bool(object, "wildcard", filter->is_wildcard) &&
	       json_hex(object, "pattern", filter->pattern, filter->pattern_bytes) &&
	       (change->kind == LESSOR_CHANGE_FILTER_END ||
		(cli_json_text(object, "list", filter->list == LESSOR_FILTER_ALLOW ? "allow" : "deny") &&
		 cli_json_text(object, "comment", filter->comment)));
}

static bool
json_limit(struct json_object *object, const lessor_change_t *change) {
	char key[CLI_LIMIT_KEY_BYTES];
	cli_format_limit_key(&change->limit.key, key);
	return cli_json_text(object, "key", key) &&
	       (change->kind == LESSOR_CHANGE_LIMIT_END || cli_json_number(object, "max", change->limit.max));
}

static bool
json_details(struct json_object *object, const lessor_change_t *change) {
	switch (change->kind) {
	case LESSOR_CHANGE_LEASE:
		return cli_json_lease(object, &change->lease) &&
		       (!change->lease.is_reserved || json_reservation(object, &change->reservation));
	case LESSOR_CHANGE_LEASE_END:
	case LESSOR_CHANGE_RESERVATION_END:
		return cli_json_address(object, "address", change->address);
	case LESSOR_CHANGE_RESERVATION:
		return cli_json_address(object, "address", change->reservation.address) &&
		       json_reservation(object, &change->reservation);
	case LESSOR_CHANGE_SCOPE:
	case LESSOR_CHANGE_SCOPE_END:
	case LESSOR_CHANGE_CLEAR:
		return json_scope(object, change);
	case LESSOR_CHANGE_SUPERSCOPE:
	case LESSOR_CHANGE_SUPERSCOPE_END:
		return cli_json_number(object, "number", change->superscope) &&
		       (change->name == NULL || cli_json_text(object, "name", change->name));
	case LESSOR_CHANGE_FILTER:
	case LESSOR_CHANGE_FILTER_END:
		return json_filter(object, change);
	case LESSOR_CHANGE_FILTER_ENFORCEMENT:
		return cli_json_bool(object, "allow", change->allow) && cli_json_bool(object, "deny", change->deny);
	case LESSOR_CHANGE_LEASE6:
		return json_lease6(object, &change->lease6) &&
		       (!change->lease6.is_reserved || json_reservation6(object, &change->reservation6));
	case LESSOR_CHANGE_RESERVATION6:
		return json_address6(object, "address", change->address6) &&
		       json_reservation6(object, &change->reservation6);
	case LESSOR_CHANGE_LEASE6_END:
	case LESSOR_CHANGE_RESERVATION6_END:
		return json_address6(object, "address", change->address6);
	case LESSOR_CHANGE_SCOPE6:
	case LESSOR_CHANGE_SCOPE6_END:
		return json_scope6(object, change);
	case LESSOR_CHANGE_LIMIT:
	case LESSOR_CHANGE_LIMIT_END:
		return json_limit(object, change);
	default:
		return cli_json_number(object, "type", (uint64_t)change->kind);
	}
}

bool
change_put_json(const lessor_change_t *change) {
	struct json_object *object = json_object_new_object();
	if (object == NULL) {
		return false;
	}
	if (cli_json_number(object, "lsn", change->lsn) && json_time(object, "time", change->time) &&
	    cli_json_text(object, "kind", change_kind_name(change->kind)) &&
	    (!change->continues || cli_json_bool(object, "continues", true)) && json_details(object, change)) {
		return cli_put_json(object);
	}
	(void)json_object_put(object);
	return false;
}
