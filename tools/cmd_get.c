/* SPDX-License-Identifier: Apache-2.0 */
/* lessor get: the lease of an address or of a client, or those of a name. */
#include "cli6.h"

#include <argp.h>
#include <string.h>

#include "format_text.h"
#include "lease6_print.h"

enum { KEY_ADDRESS = 0x100, KEY_CLIENT_ID, KEY_DUID, KEY_IAID, KEY_SCOPE, KEY_NAME };

typedef struct get_options {
	const char *command;
	cli_common_t common;
	bool has_address;
	uint32_t address;
	bool is6;
	lessor_address6_t address6;
	uint8_t client_id[LESSOR_CLIENT_ID_MAX_BYTES];
	uint8_t client_id_bytes; /* 0: not asked for by client id */
	uint8_t duid[LESSOR_DUID_MAX_BYTES];
	uint16_t duid_bytes; /* 0: not asked for by DUID */
	bool has_iaid;
	uint32_t iaid;
	const char *name;
	const char *scope;
	uint64_t found;
} get_options_t;

static const struct argp_option option_table[] = {
	{"address", KEY_ADDRESS, "A", 0, "The lease of this address", 0},
	{"client-id", KEY_CLIENT_ID, "HEX", 0, "The leases of this client, one in each scope at most", 0},
	{"duid", KEY_DUID, "HEX", 0, "The leases of this client of IPv6, with --iaid", 0},
	{"iaid", KEY_IAID, "N", 0, "Its identity association (default: 0)", 0},
	{"name", KEY_NAME, "T", 0, "The leases with exactly this name; looks at every lease", 0},
	{"scope", KEY_SCOPE, "SUBNET", 0, "Only in this scope, with --client-id, --duid or --name", 0},
	CLI_OPTION_STORE,
	CLI_OPTION_JSON,
	{0},
};

static void
finish(const struct argp_state *state, const get_options_t *options) {
	int asked = options->has_address + (options->client_id_bytes > 0) + (options->duid_bytes > 0) +
		    (options->name != NULL);
	if (asked != 1) {
		cli_reject(state, "say which lease, with one of --address A, --client-id HEX, --duid HEX and --name T");
	}
	if (options->has_address && options->scope != NULL) {
		cli_reject(state, "--scope goes with --client-id, --duid or --name, not with --address");
	}
	if (options->has_iaid && options->duid_bytes == 0) {
		cli_reject(state, "--iaid goes with --duid");
	}
	if (options->scope != NULL && options->name == NULL && cli_is6(options->scope) != (options->duid_bytes > 0)) {
		cli_reject(state, "--client-id goes with a scope of IPv4, --duid with one of IPv6");
	}
}

static error_t
parse_option(int key, char *argument, struct argp_state *state) {
	get_options_t *options = state->input;
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
	case KEY_NAME:
		options->name = argument;
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
	option_table, parse_option, NULL, "Show leases: each as lines, or as one JSON object in one line.",
	NULL,         NULL,         NULL,
};

static int
put_lease(get_options_t *options, const lessor_lease_t *lease) {
	if (options->common.json) {
		if (!cli_put_lease_json(lease)) {
			return cli_fail(options->command, CLI_FAILED, "out of memory");
		}
	} else {
		if (options->found > 0) {
			(void)putchar('\n');
		}
		cli_put_lease(lease);
	}
	options->found++;
	return CLI_OK;
}

static int
put_lease6(get_options_t *options, const lessor_lease6_t *lease) {
	if (options->common.json) {
		if (!cli_put_lease6_json(lease)) {
			return cli_fail(options->command, CLI_FAILED, "out of memory");
		}
	} else {
		if (options->found > 0) {
			(void)putchar('\n');
		}
		cli_put_lease6(lease);
	}
	options->found++;
	return CLI_OK;
}

static int
get_address(get_options_t *options, lessor_engine_t *engine) {
	uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
	char address[16];
	lessor_lease_t lease;
	lessor_status_t status = lessor_lease_get(engine, options->address, &lease, buffer, sizeof(buffer));
	if (status == LESSOR_OK) {
		return put_lease(options, &lease);
	}
	cli_format_ipv4(options->address, address);
	if (status == LESSOR_NOT_FOUND || status == LESSOR_NO_SCOPE) {
		return cli_fail(options->command, CLI_NOT_FOUND, "there is no lease of %s", address);
	}
	return cli_fail_status(options->command, status, NULL, "lease of %s", address);
}

static int
get_address6(get_options_t *options, lessor_engine_t *engine) {
	uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
	char address[48];
	lessor_lease6_t lease;
	lessor_status_t status = lessor_lease6_get(engine, options->address6, &lease, buffer, sizeof(buffer));
	if (status == LESSOR_OK) {
		return put_lease6(options, &lease);
	}
	*put_ipv6(address, options->address6) = '\0';
	if (status == LESSOR_NOT_FOUND || status == LESSOR_NO_SCOPE) {
		return cli_fail(options->command, CLI_NOT_FOUND, "there is no lease of %s", address);
	}
	return cli_fail_status(options->command, status, NULL, "lease of %s", address);
}

static int
get_client_in(get_options_t *options, lessor_engine_t *engine, uint32_t subnet) {
	uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
	lessor_lease_t lease;
	lessor_status_t status = lessor_lease_get_client(engine, subnet, options->client_id, options->client_id_bytes,
							 &lease, buffer, sizeof(buffer));
	if (status == LESSOR_NOT_FOUND) {
		return CLI_OK;
	}
	if (status != LESSOR_OK) {
		return cli_fail_status(options->command, status, NULL, "looking for the client");
	}
	return put_lease(options, &lease);
}

static int
get_client(get_options_t *options, lessor_engine_t *engine, const lessor_scope_t *only) {
	lessor_scope_t scope;
	lessor_status_t status;
	int result = CLI_OK;
	if (only != NULL) {
		return get_client_in(options, engine, only->subnet);
	}
	status = lessor_scope_next(engine, 0, &scope, NULL, 0);
	while (status == LESSOR_OK && result == CLI_OK) {
		result = get_client_in(options, engine, scope.subnet);
		status = scope.subnet == UINT32_MAX ? LESSOR_END
						    : lessor_scope_next(engine, scope.subnet + 1, &scope, NULL, 0);
	}
	if (result == CLI_OK && status != LESSOR_END) {
		return cli_fail_status(options->command, status, NULL, "reading the scopes");
	}
	return result;
}

static int
get_name(get_options_t *options, lessor_engine_t *engine, const lessor_scope_t *only) {
	uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
	lessor_cursor_t cursor;
	lessor_lease_t lease;
	lessor_status_t status;
	int result = CLI_OK;
	lessor_cursor_init(&cursor, only != NULL ? only->subnet : 0,
			   only != NULL ? only->subnet | ~only->mask : UINT32_MAX);
	while (result == CLI_OK &&
	       (status = lessor_lease_next(engine, &cursor, &lease, buffer, sizeof(buffer))) != LESSOR_END) {
		if (status != LESSOR_OK) {
			return cli_fail_status(options->command, status, NULL, "reading the leases");
		}
		if (lease.name != NULL && strcmp(lease.name, options->name) == 0) {
			result = put_lease(options, &lease);
		}
	}
	return result;
}

static int
get_client6_in(get_options_t *options, lessor_engine_t *engine, uint64_t prefix) {
	uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
	lessor_lease6_t lease;
	lessor_status_t status = lessor_lease6_get_client(engine, prefix, options->duid, options->duid_bytes,
							  options->iaid, &lease, buffer, sizeof(buffer));
	if (status == LESSOR_NOT_FOUND) {
		return CLI_OK;
	}
	if (status != LESSOR_OK) {
		return cli_fail_status(options->command, status, NULL, "looking for the client");
	}
	return put_lease6(options, &lease);
}

static int
get_client6(get_options_t *options, lessor_engine_t *engine, const lessor_scope6_t *only) {
	lessor_scope6_t scope;
	lessor_status_t status;
	int result = CLI_OK;
	if (only != NULL) {
		return get_client6_in(options, engine, only->prefix);
	}
	status = lessor_scope6_next(engine, 0, &scope, NULL, 0);
	while (status == LESSOR_OK && result == CLI_OK) {
		result = get_client6_in(options, engine, scope.prefix);
		status = scope.prefix == UINT64_MAX ? LESSOR_END
						    : lessor_scope6_next(engine, scope.prefix + 1, &scope, NULL, 0);
	}
	if (result == CLI_OK && status != LESSOR_END) {
		return cli_fail_status(options->command, status, NULL, "reading the scopes");
	}
	return result;
}

static int
get_name6(get_options_t *options, lessor_engine_t *engine, const lessor_scope6_t *only) {
	uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
	lessor_cursor6_t cursor;
	lessor_lease6_t lease;
	lessor_status_t status;
	int result = CLI_OK;
	lessor_cursor6_init(&cursor, (lessor_address6_t){only != NULL ? only->prefix : 0, 0},
			    (lessor_address6_t){only != NULL ? only->prefix : UINT64_MAX, UINT64_MAX});
	while (result == CLI_OK &&
	       (status = lessor_lease6_next(engine, &cursor, &lease, buffer, sizeof(buffer))) != LESSOR_END) {
		if (status != LESSOR_OK) {
			return cli_fail_status(options->command, status, NULL, "reading the leases");
		}
		if (lease.name != NULL && strcmp(lease.name, options->name) == 0) {
			result = put_lease6(options, &lease);
		}
	}
	return result;
}

/* Those of one family, in a scope of it or in all. */
static int
search4(get_options_t *options, lessor_engine_t *engine) {
	lessor_scope_t scope;
	const lessor_scope_t *only = options->scope != NULL ? &scope : NULL;
	int result = only != NULL ? cli_find_scope(options->command, engine, options->scope, &scope) : CLI_OK;
	if (result != CLI_OK) {
		return result;
	}
	return options->name != NULL ? get_name(options, engine, only) : get_client(options, engine, only);
}

static int
search6(get_options_t *options, lessor_engine_t *engine) {
	lessor_scope6_t scope;
	const lessor_scope6_t *only = options->scope != NULL ? &scope : NULL;
	int result = only != NULL ? cli_find_scope6(options->command, engine, options->scope, &scope) : CLI_OK;
	if (result != CLI_OK) {
		return result;
	}
	return options->name != NULL ? get_name6(options, engine, only) : get_client6(options, engine, only);
}

static int
get(get_options_t *options, lessor_engine_t *engine) {
	int result = CLI_OK;
	if (options->has_address) {
		return options->is6 ? get_address6(options, engine) : get_address(options, engine);
	}
	const bool scope6 = options->scope != NULL && cli_is6(options->scope);
	if (options->duid_bytes == 0 && !scope6) {
		result = search4(options, engine);
	}
	if (result == CLI_OK && options->client_id_bytes == 0 && (options->scope == NULL || scope6)) {
		result = search6(options, engine);
	}
	if (result == CLI_OK && options->found == 0) {
		return cli_fail(options->command, CLI_NOT_FOUND, "there is no lease of this %s%s%s",
				options->name != NULL ? "name" : "client", options->scope != NULL ? " in scope " : "",
				options->scope != NULL ? options->scope : "");
	}
	return result;
}

int
cmd_get(int argc, char **argv) {
	get_options_t options = {.command = argv[0]};
	lessor_engine_t *engine;
	int result;
	if (!cli_parse_arguments(&argp, argc, argv, &options)) {
		return CLI_FAILED;
	}
	result = cli_open(argv[0], options.common.store, false, true, &engine, NULL);
	if (result != CLI_OK) {
		return result;
	}
	return cli_close(argv[0], &engine, get(&options, engine));
}
