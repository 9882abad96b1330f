/* SPDX-License-Identifier: Apache-2.0 */
/* What the sub-commands share of IPv6. See cli6.h. */
#include "cli6.h"

#include <string.h>

#include "format_text.h"

static piece_t
piece_of(const char *text) {
	return (piece_t){text, strlen(text)};
}

bool
cli_is6(const char *text) {
	return strchr(text, ':') != NULL;
}

bool
cli_parse_prefix6(const char *text, uint64_t *prefix) {
	/* piece_prefix6() forgets host bits, so look at the address by itself. */
	const char *slash = strchr(text, '/');
	piece_t plain = {text, slash != NULL ? (size_t)(slash - text) : strlen(text)};
	lessor_address6_t address;
	if (!piece_ipv6(plain, &address) || address.low != 0 || (slash != NULL && strcmp(slash, "/64") != 0)) {
		return false;
	}
	*prefix = address.high;
	return true;
}

void
cli_format_prefix6(uint64_t prefix, char *text) {
	*put_text(put_ipv6(text, (lessor_address6_t){prefix, 0}), "/64") = '\0';
}

bool
cli_parse_range6(const char *text, uint64_t *prefix, lessor_range6_t *range) {
	const char *dash = strchr(text, '-');
	piece_t left = {text, dash != NULL ? (size_t)(dash - text) : strlen(text)};
	lessor_address6_t first;
	lessor_address6_t last;
	if (!piece_ipv6(left, &first) || !piece_ipv6(dash != NULL ? piece_of(dash + 1) : left, &last) ||
	    first.high != last.high || first.low > last.low) {
		return false;
	}
	*prefix = first.high;
	*range = (lessor_range6_t){first.low, last.low};
	return true;
}

void
cli_format_range6(uint64_t prefix, lessor_range6_t range, char *text) {
	text = put_text(put_ipv6(text, (lessor_address6_t){prefix, range.first}), "-");
	*put_ipv6(text, (lessor_address6_t){prefix, range.last}) = '\0';
}

int
cli_find_scope6(const char *command, lessor_engine_t *engine, const char *text, lessor_scope6_t *scope) {
	uint64_t prefix;
	if (!cli_parse_prefix6(text, &prefix)) {
		return cli_fail(command, CLI_USAGE, "'%s' is not a prefix like 2001:db8:7::/64", text);
	}
	lessor_status_t status = lessor_scope6_get(engine, prefix, scope, NULL, 0);
	if (status == LESSOR_NOT_FOUND) {
		return cli_fail(command, CLI_NOT_FOUND, "there is no scope %s", text);
	}
	return status == LESSOR_OK ? CLI_OK : cli_fail_status(command, status, NULL, "scope %s", text);
}

lessor_address6_t
cli_need_ipv6(const struct argp_state *state, const char *what, const char *text) {
	lessor_address6_t address = {0, 0};
	if (!piece_ipv6(piece_of(text), &address)) {
		cli_reject(state, "%s '%s' is not an IPv6 address like 2001:db8:7::a", what, text);
	}
	return address;
}

uint16_t
cli_need_duid(const struct argp_state *state, const char *text, uint8_t duid[LESSOR_DUID_MAX_BYTES]) {
	size_t count = cli_parse_hex(text, duid, LESSOR_DUID_MAX_BYTES);
	if (count == 0) {
		cli_reject(state, "--duid '%s' is not 1 to %u octets like 00:03:00:01:02:00:5e:10:00:01", text,
			   LESSOR_DUID_MAX_BYTES);
	}
	return (uint16_t)count;
}
