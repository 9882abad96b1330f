/* SPDX-License-Identifier: Apache-2.0 */
/* lessor create: one lease, durable when the command returns. */
#include "cli6.h"

#include <argp.h>
#include <string.h>
#include <time.h>

#include "format_text.h"
#include "lease6_print.h"

enum {
	KEY_ADDRESS = 0x100,
	KEY_CLIENT_ID,
	KEY_DUID,
	KEY_IAID,
	KEY_PREFERRED,
	KEY_MADE_UP,
	KEY_MAC,
	KEY_HARDWARE_TYPE,
	KEY_NAME,
	KEY_COMMENT,
	KEY_EXPIRES,
	KEY_LEASE_S,
	KEY_STATE,
	KEY_TYPE,
	KEY_POLICY,
	KEY_OWNER,
	KEY_OWNER_ADDRESS,
	KEY_LAST_TRANSACTION,
	KEY_DNS,
	KEY_QUARANTINE,
	KEY_QUARANTINE_CAPABLE,
	KEY_PROBATION_ENDS,
	KEY_USER_CONTEXT,
	KEY_LIMIT_KEY
};

typedef struct create_options {
	cli_common_t common;
	lessor_lease_t lease;
	uint8_t client_id[LESSOR_CLIENT_ID_MAX_BYTES];
	uint8_t hardware[LESSOR_HARDWARE_MAX_BYTES];
	lessor_limit_key_t limit_key[LESSOR_LIMIT_KEYS_MAX];
	bool is6;
	lessor_lease6_t lease6; /* what both families have stands in 'lease' until the end */
	uint8_t duid[LESSOR_DUID_MAX_BYTES];
	const char *only4; /* an option that was given and that only IPv4 has */
	const char *only6;
	bool has_preferred;
	bool has_expiry;
	bool has_lease_s;
	uint32_t lease_s;
} create_options_t;

static const struct argp_option option_table[] = {
	{"address", KEY_ADDRESS, "A", 0, "The address; required", 0},
	{"client-id", KEY_CLIENT_ID, "HEX", 0, "The client identifier, 1 to 255 octets (default: the MAC)", 0},
	{"duid", KEY_DUID, "HEX", 0, "IPv6: the client's DUID, 1 to 256 octets; required", 0},
	{"iaid", KEY_IAID, "N", 0, "IPv6: the identity association (default: 0)", 0},
	{"client-id-made-up", KEY_MADE_UP, NULL, 0, "Note that the client did not send the identifier itself", 0},
	{"mac", KEY_MAC, "HEX", 0, "The link-layer address, up to 20 octets", 0},
	{"hardware-type", KEY_HARDWARE_TYPE, "N", 0, "ARP's number for the kind of --mac (default: 1, Ethernet)", 0},
	{"name", KEY_NAME, "T", 0, "The client's name", 0},
	{"comment", KEY_COMMENT, "T", 0, "A comment", 0},
	{"expires", KEY_EXPIRES, "WHEN", 0, "2026-01-01T00:00:00Z, @UNIXSECONDS, never or none", 0},
	{"preferred", KEY_PREFERRED, "WHEN", 0, "IPv6: the end of the preferred lifetime (default: of the lease)", 0},
	{"lease-s", KEY_LEASE_S, "N", 0, "Seconds from now on (default: what the scope says)", 0},
	{"state", KEY_STATE, "STATE", 0, "active (default), declined, doomed, or the whole byte as a number", 0},
	{"type", KEY_TYPE, "TYPE", 0, "unspecified, dhcp (default), bootp, both, none, or a number", 0},
	{"policy", KEY_POLICY, "T", 0, "The policy that chose the address", 0},
	{"owner", KEY_OWNER, "T", 0, "The name of the server that owns the lease", 0},
	{"owner-address", KEY_OWNER_ADDRESS, "A", 0, "The address of that server", 0},
	{"last-transaction", KEY_LAST_TRANSACTION, "WHEN", 0, "When the client was last heard, as for --expires", 0},
	{"dns", KEY_DNS, "WHICH", 0, "DNS records made for it: forward, reverse or both", 0},
	{"quarantine", KEY_QUARANTINE, "N", 0, "The quarantine status, 0 to 6", 0},
	{"quarantine-capable", KEY_QUARANTINE_CAPABLE, NULL, 0, "The client takes part in quarantine", 0},
	{"probation-ends", KEY_PROBATION_ENDS, "WHEN", 0, "The end of its probation, as for --expires", 0},
	{"user-context", KEY_USER_CONTEXT, "T", 0, "Anything else, by custom a JSON object", 0},
	{"limit-key", KEY_LIMIT_KEY, "KEY", 0, "A class or tag whose limit it counts for, as class:phones; up to four",
	 0},
	CLI_OPTION_STORE,
	CLI_OPTION_JSON,
	{0},
};

static uint8_t
need_client_type(const struct argp_state *state, const char *text) {
	static const char *const names[] = {"unspecified", "dhcp", "bootp", "both"};
	uint64_t number;
	if (strcmp(text, "none") == 0) {
		return LESSOR_CLIENT_NONE;
	}
	for (uint8_t i = 0; i < 4; i++) {
		if (strcmp(text, names[i]) == 0) {
			return i;
		}
	}
	if (!cli_parse_number(text, LESSOR_CLIENT_NONE, &number) || (number > 7 && number != LESSOR_CLIENT_NONE)) {
		cli_reject(state, "--type '%s' is not unspecified, dhcp, bootp, both, none, 0 to 7 or 100", text);
	}
	return (uint8_t)number;
}

static uint8_t
need_state(const struct argp_state *state, const char *text) {
	uint8_t address_state = 0;
	if (!cli_parse_lease_state(text, &address_state)) {
		cli_reject(state,
			   "--state '%s' is not active, declined, doomed or a byte whose low two bits say one of these",
			   text);
	}
	return address_state;
}

static uint32_t
need_unix_s(const struct argp_state *state, const char *what, const char *text) {
	int64_t unix_s = lessor_time_to_unix_s(cli_need_time(state, what, text));
	if (unix_s < 0 || unix_s > UINT32_MAX) {
		cli_reject(state, "%s '%s' does not lie between 1970 and 2106", what, text);
	}
	return (uint32_t)unix_s;
}

static void
set_dns(const struct argp_state *state, const char *text, lessor_lease_t *lease) {
	bool both = strcmp(text, "both") == 0;
	lease->dns_forward = both || strcmp(text, "forward") == 0;
	lease->dns_reverse = both || strcmp(text, "reverse") == 0;
	if (!lease->dns_forward && !lease->dns_reverse) {
		cli_reject(state, "--dns '%s' is not forward, reverse or both", text);
	}
}

/* Take over what both families have. */
static void
finish6(const struct argp_state *state, create_options_t *options) {
	const lessor_lease_t *given = &options->lease;
	lessor_lease6_t *lease = &options->lease6;
	if (options->only4 != NULL) {
		cli_reject(state, "%s goes with an address of IPv4", options->only4);
	}
	if (lease->duid_bytes == 0) {
		cli_reject(state, "say whose lease it is, with --duid HEX and --iaid N");
	}
	lease->duid = options->duid;
	lease->address_state = given->address_state;
	lease->hardware_type = given->hardware_bytes > 0 ? given->hardware_type : 0;
	lease->hardware_bytes = given->hardware_bytes;
	lease->hardware = given->hardware_bytes > 0 ? options->hardware : NULL;
	lease->dns_forward = given->dns_forward;
	lease->dns_reverse = given->dns_reverse;
	lease->last_transaction_s = given->last_transaction_s;
	lease->expires_at = given->expires_at;
	lease->name = given->name;
	lease->comment = given->comment;
	lease->user_context = given->user_context;
	lease->limit_keys = given->limit_keys;
	lease->limit_key = given->limit_key;
}

static void
finish(const struct argp_state *state, create_options_t *options) {
	lessor_lease_t *lease = &options->lease;
	if (options->has_expiry && options->has_lease_s) {
		cli_reject(state, "--expires and --lease-s exclude each other");
	}
	if (options->is6) {
		finish6(state, options);
		return;
	}
	if (options->only6 != NULL) {
		cli_reject(state, "%s goes with an address of IPv6", options->only6);
	}
	if (lease->address == 0) {
		cli_reject(state, "say which address, with --address A (not 0.0.0.0)");
	}
	if (lease->client_id_bytes == 0 && lease->hardware_bytes == 0) {
		cli_reject(state, "say whose lease it is, with --client-id HEX, --mac HEX or both");
	}
	if (lease->client_id_bytes == 0) {
		memcpy(options->client_id, options->hardware, lease->hardware_bytes);
		lease->client_id_bytes = lease->hardware_bytes;
		lease->client_id_made_up = true;
	}
	lease->client_id = options->client_id;
	lease->hardware = lease->hardware_bytes > 0 ? options->hardware : NULL;
}

static error_t
add_limit_key(const struct argp_state *state, const char *argument, create_options_t *options) {
	lessor_lease_t *lease = &options->lease;
	if (lease->limit_keys == LESSOR_LIMIT_KEYS_MAX) {
		cli_reject(state, "a lease has at most %u limit keys", LESSOR_LIMIT_KEYS_MAX);
	}
	options->limit_key[lease->limit_keys++] = cli_need_limit_key(state, "--limit-key", argument);
	lease->limit_key = options->limit_key;
	return 0;
}

/* Who the client is. */
static error_t
parse_identity(int key, char *argument, struct argp_state *state, create_options_t *options) {
	lessor_lease_t *lease = &options->lease;
	switch (key) {
	case KEY_ADDRESS:
		options->is6 = cli_is6(argument);
		if (options->is6) {
			options->lease6.address = cli_need_ipv6(state, "--address", argument);
		} else {
			lease->address = cli_need_ipv4(state, "--address", argument);
		}
		return 0;
	case KEY_CLIENT_ID:
		lease->client_id_bytes =
			cli_need_hex(state, "--client-id", argument, options->client_id, LESSOR_CLIENT_ID_MAX_BYTES);
		return 0;
	case KEY_DUID:
		options->lease6.duid_bytes = cli_need_duid(state, argument, options->duid);
		return 0;
	case KEY_IAID:
		options->lease6.iaid = (uint32_t)cli_need_number(state, "--iaid", argument, UINT32_MAX);
		return 0;
	case KEY_MADE_UP:
		lease->client_id_made_up = true;
		return 0;
	case KEY_MAC:
		lease->hardware_bytes =
			cli_need_hex(state, "--mac", argument, options->hardware, LESSOR_HARDWARE_MAX_BYTES);
		return 0;
	case KEY_HARDWARE_TYPE:
		lease->hardware_type = (uint8_t)cli_need_number(state, "--hardware-type", argument, UINT8_MAX);
		return 0;
	case KEY_TYPE:
		lease->client_type = need_client_type(state, argument);
		return 0;
	case KEY_LIMIT_KEY:
		return add_limit_key(state, argument, options);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Texts, as they are. */
static error_t
parse_texts(int key, char *argument, struct argp_state *state, create_options_t *options) {
	lessor_lease_t *lease = &options->lease;
	switch (key) {
	case KEY_NAME:
		lease->name = cli_need_text(state, "--name", argument, LESSOR_NAME_MAX_BYTES);
		return 0;
	case KEY_COMMENT:
		lease->comment = cli_need_text(state, "--comment", argument, LESSOR_NAME_MAX_BYTES);
		return 0;
	case KEY_POLICY:
		lease->policy_name = cli_need_text(state, "--policy", argument, LESSOR_POLICY_MAX_BYTES);
		return 0;
	case KEY_OWNER:
		lease->owner_name = cli_need_text(state, "--owner", argument, LESSOR_NAME_MAX_BYTES);
		return 0;
	case KEY_OWNER_ADDRESS:
		if (cli_is6(argument)) {
			options->lease6.owner_address = cli_need_ipv6(state, "--owner-address", argument);
			options->only6 = "an --owner-address of IPv6";
		} else {
			lease->owner_address = cli_need_ipv4(state, "--owner-address", argument);
			options->only4 = "an --owner-address of IPv4";
		}
		return 0;
	case KEY_USER_CONTEXT:
		lease->user_context = cli_need_text(state, "--user-context", argument, LESSOR_USER_CONTEXT_MAX_BYTES);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Times and states. */
static error_t
parse_status(int key, char *argument, struct argp_state *state, create_options_t *options) {
	lessor_lease_t *lease = &options->lease;
	switch (key) {
	case KEY_EXPIRES:
		lease->expires_at = cli_need_time(state, "--expires", argument);
		options->has_expiry = true;
		return 0;
	case KEY_PREFERRED:
		options->lease6.preferred_expires_at = cli_need_time(state, "--preferred", argument);
		options->has_preferred = true;
		return 0;
	case KEY_LEASE_S:
		options->lease_s = (uint32_t)cli_need_number(state, "--lease-s", argument, UINT32_MAX);
		options->has_lease_s = true;
		return 0;
	case KEY_STATE:
		lease->address_state = need_state(state, argument);
		return 0;
	case KEY_LAST_TRANSACTION:
		lease->last_transaction_s = need_unix_s(state, "--last-transaction", argument);
		return 0;
	case KEY_DNS:
		set_dns(state, argument, lease);
		return 0;
	case KEY_QUARANTINE:
		lease->quarantine_status =
			(uint8_t)cli_need_number(state, "--quarantine", argument, LESSOR_NO_QUARANTINE_INFO);
		return 0;
	case KEY_QUARANTINE_CAPABLE:
		lease->quarantine_capable = true;
		return 0;
	case KEY_PROBATION_ENDS:
		lease->probation_ends_at = cli_need_time(state, "--probation-ends", argument);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Options that one family has. */
static void
note_family(int key, create_options_t *options) {
	static const int keys4[] = {
		KEY_CLIENT_ID,          KEY_MADE_UP,       KEY_TYPE, KEY_POLICY, KEY_OWNER, KEY_QUARANTINE,
		KEY_QUARANTINE_CAPABLE, KEY_PROBATION_ENDS};
	static const char *const names4[] = {
		"--client-id",  "--client-id-made-up",  "--type",          "--policy", "--owner",
		"--quarantine", "--quarantine-capable", "--probation-ends"};
	for (size_t i = 0; i < sizeof(keys4) / sizeof(keys4[0]); i++) {
		options->only4 = key == keys4[i] ? names4[i] : options->only4;
	}
	options->only6 = key == KEY_DUID        ? "--duid"
			 : key == KEY_IAID      ? "--iaid"
			 : key == KEY_PREFERRED ? "--preferred"
						: options->only6;
}

static error_t
parse_option(int key, char *argument, struct argp_state *state) {
	create_options_t *options = state->input;
	if (key == ARGP_KEY_END) {
		finish(state, options);
		return 0;
	}
	note_family(key, options);
	if (cli_common_option(key, argument, &options->common) == 0 ||
	    parse_identity(key, argument, state, options) == 0 || parse_texts(key, argument, state, options) == 0) {
		return 0;
	}
	return parse_status(key, argument, state, options);
}

static const struct argp argp = {
	option_table,
	parse_option,
	NULL,
	"Create a lease. When the command succeeds, the lease is on stable storage. Without --expires and --lease-s it "
	"lasts as long as its scope says.",
	NULL,
	NULL,
	NULL,
};

/* How long leases of the scope last. */
static lessor_status_t
scope_lease_s(lessor_engine_t *engine, const create_options_t *options, uint32_t *lease_s) {
	lessor_scope_t scope = {.lease_s = 0};
	lessor_scope6_t scope6 = {.lease_s = 0};
	lessor_status_t status = options->is6
					 ? lessor_scope6_get(engine, options->lease6.address.high, &scope6, NULL, 0)
					 : lessor_scope_find(engine, options->lease.address, &scope, NULL, 0);
	*lease_s = options->is6 ? scope6.lease_s : scope.lease_s;
	return options->is6 && status == LESSOR_NOT_FOUND ? LESSOR_NO_SCOPE : status;
}

/* The lease's end, if its duration was given or is the scope's. All ones is DHCP's "for ever". */
static lessor_status_t
choose_expiry(lessor_engine_t *engine, create_options_t *options) {
	uint32_t lease_s = options->lease_s;
	lessor_filetime_t *expires_at = options->is6 ? &options->lease6.expires_at : &options->lease.expires_at;
	if (!options->has_expiry) {
		lessor_status_t status = options->has_lease_s ? LESSOR_OK : scope_lease_s(engine, options, &lease_s);
		if (status != LESSOR_OK) {
			return status;
		}
		*expires_at = lease_s == UINT32_MAX ? LESSOR_TIME_INFINITE
						    : lessor_time_from_unix_s((int64_t)time(NULL) + lease_s);
	}
	if (!options->has_preferred) {
		options->lease6.preferred_expires_at = options->lease6.expires_at;
	}
	return LESSOR_OK;
}

static int
put_created(const char *command, lessor_engine_t *engine, uint32_t address) {
	uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
	lessor_lease_t lease;
	lessor_status_t status = lessor_lease_get(engine, address, &lease, buffer, sizeof(buffer));
	if (status != LESSOR_OK) {
		return cli_fail_status(command, status, NULL, "reading the new lease");
	}
	return cli_put_lease_json(&lease) ? CLI_OK : cli_fail(command, CLI_FAILED, "out of memory");
}

static int
put_created6(const char *command, lessor_engine_t *engine, lessor_address6_t address) {
	uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
	lessor_lease6_t lease;
	lessor_status_t status = lessor_lease6_get(engine, address, &lease, buffer, sizeof(buffer));
	if (status != LESSOR_OK) {
		return cli_fail_status(command, status, NULL, "reading the new lease");
	}
	return cli_put_lease6_json(&lease) ? CLI_OK : cli_fail(command, CLI_FAILED, "out of memory");
}

static int
create(const char *command, lessor_engine_t *engine, create_options_t *options) {
	char address[48];
	lessor_status_t status = choose_expiry(engine, options);
	if (status == LESSOR_OK) {
		status = options->is6 ? lessor_lease6_create(engine, &options->lease6, LESSOR_SYNC, NULL)
				      : lessor_lease_create(engine, &options->lease, LESSOR_SYNC, NULL);
	}
	if (status != LESSOR_OK) {
		*(options->is6 ? put_ipv6(address, options->lease6.address)
			       : put_ipv4(address, options->lease.address)) = '\0';
		return cli_fail_status(command, status, NULL, "cannot create a lease of %s", address);
	}
	if (!options->common.json) {
		return CLI_OK;
	}
	return options->is6 ? put_created6(command, engine, options->lease6.address)
			    : put_created(command, engine, options->lease.address);
}

int
cmd_create(int argc, char **argv) {
	create_options_t options = {.has_expiry = false};
	lessor_engine_t *engine;
	int result;
	lessor_lease_init(&options.lease);
	lessor_lease6_init(&options.lease6);
	options.lease.hardware_type = 1;
	if (!cli_parse_arguments(&argp, argc, argv, &options)) {
		return CLI_FAILED;
	}
	result = cli_open(argv[0], options.common.store, false, false, &engine, NULL);
	if (result != CLI_OK) {
		return result;
	}
	return cli_close(argv[0], &engine, create(argv[0], engine, &options));
}
