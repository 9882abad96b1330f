/* SPDX-License-Identifier: Apache-2.0 */
/* lessor delete: end a lease, by its address or by its client. */
#include "cli6.h"

#include <argp.h>

#include "format_text.h"

enum { KEY_ADDRESS = 0x100, KEY_CLIENT_ID, KEY_DUID, KEY_IAID, KEY_SCOPE };

typedef struct delete_options {
	const char *command;
	cli_common_t common;
	bool has_address;
	bool is6; /* it is address6 */
	uint32_t address;
	lessor_address6_t address6;
	uint8_t client_id[LESSOR_CLIENT_ID_MAX_BYTES];
	uint8_t client_id_bytes; /* 0: any client's */
	uint8_t duid[LESSOR_DUID_MAX_BYTES];
	uint16_t duid_bytes; /* 0: not by DUID */
	bool has_iaid;
	uint32_t iaid;
	const char *scope;
} delete_options_t;

static const struct argp_option option_table[] = {
	{"address", KEY_ADDRESS, "A", 0, "The lease of this address", 0},
	{"client-id", KEY_CLIENT_ID, "HEX", 0, "The lease of this client; with --address only if it is this client's",
	 0},
	{"duid", KEY_DUID, "HEX", 0, "The lease of this client of IPv6, with --iaid and --scope", 0},
	{"iaid", KEY_IAID, "N", 0, "Its identity association (default: 0)", 0},
	{"scope", KEY_SCOPE, "SUBNET", 0, "Where to look for --client-id or --duid without --address", 0},
	CLI_OPTION_STORE,
	{0},
};

static void
finish(const struct argp_state *state, const delete_options_t *options) {
	bool by_client = (options->client_id_bytes > 0) != (options->duid_bytes > 0) && options->scope != NULL;
	if (options->has_address ? options->scope != NULL || options->duid_bytes > 0 : !by_client) {
		cli_reject(state, "say which lease, with --address A [--client-id HEX], --client-id HEX --scope SUBNET "
				  "or --duid HEX --iaid N --scope SUBNET");
	}
	if (options->has_iaid && options->duid_bytes == 0) {
		cli_reject(state, "--iaid goes with --duid");
	}
	if (options->client_id_bytes > 0 && options->is6) {
		cli_reject(state, "--client-id goes with an address of IPv4");
	}
	if (!options->has_address && cli_is6(options->scope) != (options->duid_bytes > 0)) {
		cli_reject(state, "--client-id goes with a scope of IPv4, --duid with one of IPv6");
	}
}

static error_t
parse_option(int key, char *argument, struct argp_state *state) {
	delete_options_t *options = state->input;
	switch (key) {
	case KEY_ADDRESS:
		options->is6 = cli_is6(argument);
		if (options->is6) {
			options->address6 = cli_need_ipv6(state, "--address", argument);
		} else {
			options->address = cli_need_ipv4(state, "--address", argument);
		}
		options->has_address = true;
		return 0;
	case KEY_CLIENT_ID:
		options->client_id_bytes =
			cli_need_hex(state, "--client-id", argument, options->client_id, LESSOR_CLIENT_ID_MAX_BYTES);
		return 0;
	case KEY_DUID:
		options->duid_bytes = cli_need_duid(state, argument, options->duid);
		return 0;
	case KEY_IAID:
		options->iaid = (uint32_t)cli_need_number(state, "--iaid", argument, UINT32_MAX);
		options->has_iaid = true;
		return 0;
	case KEY_SCOPE:
		options->scope = argument;
		return 0;
	case ARGP_KEY_END:
		finish(state, options);
		return 0;
	default:
		return cli_common_option(key, argument, &options->common);
	}
}

static const struct argp argp = {
	option_table,
	parse_option,
	NULL,
	"Delete a lease; its address and its client are free again. When the command succeeds, that is on stable "
	"storage.",
	NULL,
	NULL,
	NULL,
};

/* The address of the client's lease goes to options->address. */
static int
find_address(delete_options_t *options, lessor_engine_t *engine) {
	uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
	lessor_scope_t scope;
	lessor_lease_t lease;
	lessor_status_t status;
	int result = cli_find_scope(options->command, engine, options->scope, &scope);
	if (result != CLI_OK) {
		return result;
	}
	status = lessor_lease_get_client(engine, scope.subnet, options->client_id, options->client_id_bytes, &lease,
					 buffer, sizeof(buffer));
	if (status == LESSOR_NOT_FOUND) {
		return cli_fail(options->command, CLI_NOT_FOUND, "this client has no lease in scope %s",
				options->scope);
	}
	if (status != LESSOR_OK) {
		return cli_fail_status(options->command, status, NULL, "looking for the client");
	}
	options->address = lease.address;
	return CLI_OK;
}

static int
delete_address(const delete_options_t *options, lessor_engine_t *engine) {
	const uint8_t *client_id = options->client_id_bytes > 0 ? options->client_id : NULL;
	char address[16];
	lessor_status_t status =
		lessor_lease_delete(engine, options->address, client_id, options->client_id_bytes, LESSOR_SYNC, NULL);
	if (status == LESSOR_OK) {
		return CLI_OK;
	}
	cli_format_ipv4(options->address, address);
	if (status == LESSOR_NOT_FOUND || status == LESSOR_NO_SCOPE) {
		return cli_fail(options->command, CLI_NOT_FOUND, "there is no lease of %s", address);
	}
	return cli_fail_status(options->command, status, NULL, "cannot delete the lease of %s", address);
}

static int
find_address6(delete_options_t *options, lessor_engine_t *engine) {
	uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
	lessor_scope6_t scope;
	lessor_lease6_t lease;
	int result = cli_find_scope6(options->command, engine, options->scope, &scope);
	if (result != CLI_OK) {
		return result;
	}
	lessor_status_t status = lessor_lease6_get_client(engine, scope.prefix, options->duid, options->duid_bytes,
							  options->iaid, &lease, buffer, sizeof(buffer));
	if (status == LESSOR_NOT_FOUND) {
		return cli_fail(options->command, CLI_NOT_FOUND, "this client has no lease in scope %s",
				options->scope);
	}
	if (status != LESSOR_OK) {
		return cli_fail_status(options->command, status, NULL, "looking for the client");
	}
	options->address6 = lease.address;
	return CLI_OK;
}

static int
delete_address6(const delete_options_t *options, lessor_engine_t *engine) {
	char address[48];
	lessor_status_t status = lessor_lease6_delete(engine, options->address6, LESSOR_SYNC, NULL);
	if (status == LESSOR_OK) {
		return CLI_OK;
	}
	*put_ipv6(address, options->address6) = '\0';
	if (status == LESSOR_NOT_FOUND || status == LESSOR_NO_SCOPE) {
		return cli_fail(options->command, CLI_NOT_FOUND, "there is no lease of %s", address);
	}
	return cli_fail_status(options->command, status, NULL, "cannot delete the lease of %s", address);
}

static int
delete_lease(delete_options_t *options, lessor_engine_t *engine) {
	const bool is6 = options->is6 || options->duid_bytes > 0;
	int result = CLI_OK;
	if (!options->has_address) {
		result = is6 ? find_address6(options, engine) : find_address(options, engine);
	}
	if (result != CLI_OK) {
		return result;
	}
	return is6 ? delete_address6(options, engine) : delete_address(options, engine);
}

int
cmd_delete(int argc, char **argv) {
	delete_options_t options = {.command = argv[0]};
	lessor_engine_t *engine;
	int result;
	if (!cli_parse_arguments(&argp, argc, argv, &options)) {
		return CLI_FAILED;
	}
	result = cli_open(argv[0], options.common.store, false, false, &engine, NULL);
	if (result != CLI_OK) {
		return result;
	}
	return cli_close(argv[0], &engine, delete_lease(&options, engine));
}
