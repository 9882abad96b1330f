/* SPDX-License-Identifier: Apache-2.0 */
/* IPv6 leases as text. See lease6_print.h. */
#include "lease6_print.h"

#include <inttypes.h>
#include <stdio.h>

#include <json-c/json.h>

#include "format_text.h"

enum { ADDRESS_BYTES = 56, DUID_TEXT_BYTES = 3 * LESSOR_DUID_MAX_BYTES + 1 };

static void
format_address(lessor_address6_t address, const char *behind, char text[ADDRESS_BYTES]) {
	*put_text(put_ipv6(text, address), behind) = '\0';
}

static void
put_hex_line(const char *label, const uint8_t *octets, size_t count) {
	char text[DUID_TEXT_BYTES];
	cli_format_hex(octets, count, text);
	cli_put_line(label, text);
}

static void
put_time_line(const char *label, lessor_filetime_t time) {
	char text[CLI_TIME_BYTES];
	cli_format_time(time, text);
	cli_put_line(label, text);
}

void
cli_put_lease6(const lessor_lease6_t *lease) {
	char text[ADDRESS_BYTES];
	format_address(lease->address, "", text);
	cli_put_line("address", text);
	format_address((lessor_address6_t){lease->address.high, 0}, "/64", text);
	cli_put_line("scope", text);
	put_hex_line("DUID", lease->duid, lease->duid_bytes);
	(void)snprintf(text, sizeof(text), "%" PRIu32, lease->iaid);
	cli_put_line("IAID", text);
	if (lease->hardware_bytes > 0) {
		put_hex_line("hardware", lease->hardware, lease->hardware_bytes);
	}
	(void)snprintf(text, sizeof(text), "%s (%u)", cli_lease_state_name(lease->address_state), lease->address_state);
	cli_put_line("state", text);
	put_time_line("expires", lease->expires_at);
	put_time_line("preferred until", lease->preferred_expires_at);
	if (lease->last_transaction_s != 0) {
		put_time_line("last transaction", lessor_time_from_unix_s(lease->last_transaction_s));
	}
	cli_put_text_line("name", lease->name);
	cli_put_text_line("comment", lease->comment);
	if (lease->dns_forward || lease->dns_reverse) {
		cli_put_line("DNS records", !lease->dns_reverse   ? "forward"
					    : !lease->dns_forward ? "reverse"
								  : "forward, reverse");
	}
	cli_put_text_line("user context", lease->user_context);
	cli_put_limit_keys(lease->limit_key, lease->limit_keys);
}

void
cli_put_lease6_row(const lessor_lease6_t *lease) {
	char address[ADDRESS_BYTES];
	char duid[DUID_TEXT_BYTES];
	char expires[CLI_TIME_BYTES];
	format_address(lease->address, "", address);
	cli_format_hex(lease->duid, lease->duid_bytes, duid);
	cli_format_time(lease->expires_at, expires);
	(void)printf("%-15s  %-20s  %-8s  %-20s  ", address, duid, cli_lease_state_name(lease->address_state), expires);
	cli_put_text(stdout, lease->name != NULL ? lease->name : "-");
	(void)putchar('\n');
}

static bool
add_address(struct json_object *object, const char *key, lessor_address6_t address, const char *behind) {
	char text[ADDRESS_BYTES];
	format_address(address, behind, text);
	return cli_json_text(object, key, text);
}

static bool
add_hex(struct json_object *object, const char *key, const uint8_t *octets, size_t count) {
	char text[DUID_TEXT_BYTES];
	cli_format_hex(octets, count, text);
	return cli_json_text(object, key, count > 0 ? text : NULL);
}

static bool
add_time(struct json_object *object, const char *key, lessor_filetime_t time) {
	char text[CLI_TIME_BYTES];
	cli_format_time(time, text);
	return cli_json_text(object, key, time != LESSOR_TIME_NONE ? text : NULL);
}

static bool
add_owner(struct json_object *object, lessor_address6_t owner) {
	return (owner.high == 0 && owner.low == 0) || add_address(object, "owner_address", owner, "");
}

bool
cli_put_lease6_json(const lessor_lease6_t *lease) {
	struct json_object *object = json_object_new_object();
	if (object != NULL && add_address(object, "address", lease->address, "") &&
	    add_address(object, "scope", (lessor_address6_t){lease->address.high, 0}, "/64") &&
	    add_hex(object, "duid", lease->duid, lease->duid_bytes) && cli_json_number(object, "iaid", lease->iaid) &&
	    add_hex(object, "hardware", lease->hardware, lease->hardware_bytes) &&
	    cli_json_number(object, "hardware_type", lease->hardware_type) &&
	    cli_json_text(object, "state", cli_lease_state_name(lease->address_state)) &&
	    cli_json_number(object, "address_state", lease->address_state) &&
	    add_time(object, "expires_at", lease->expires_at) &&
	    add_time(object, "preferred_expires_at", lease->preferred_expires_at) &&
	    cli_json_number(object, "last_transaction_s", lease->last_transaction_s) &&
	    cli_json_bool(object, "dns_forward", lease->dns_forward) &&
	    cli_json_bool(object, "dns_reverse", lease->dns_reverse) && cli_json_text(object, "name", lease->name) &&
	    cli_json_text(object, "comment", lease->comment) && add_owner(object, lease->owner_address) &&
	    cli_json_text(object, "user_context", lease->user_context) &&
	    cli_json_number(object, "ticket", lease->ticket) &&
	    cli_json_limit_keys(object, lease->limit_key, lease->limit_keys)) {
		return cli_put_json(object);
	}
	(void)json_object_put(object);
	return false;
}
