/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lessor generate: a made-up lease file of a Kea DHCPv4 server, and the configuration that goes with it.
 *
 * The same arguments make the same bytes. Everything about a lease is computed from the seed and its number, nothing is kept,
 * so that any size takes the same memory. The file is the log a server would have written: leases begin in turn, are renewed
 * three times at most while later ones begin, addresses change hands, clients move and leave deletions behind. In the end
 * exactly the wanted number of leases stands, and no client has two in one scope.
 */
#include "cli.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "kea4.h"
#include "output_file.h"

enum {
	KEY_LEASES = 0x100,
	KEY_SCOPES,
	KEY_SEED,
	KEY_OUTPUT,
	KEY_CONFIG_OUTPUT,
	KEY_QUIET,
	LOOK_EVERY_ROWS = 4096,
	VENDORS = 16,
	RENEWALS_MAX = 3,
	FIRST_HOST = 10, /* of a subnet; below stand its routers */
	LAST_HOSTS = 6,  /* at its end, left out too */
	SPARE_EVERY = 16 /* one client in so many has moved from a spare address */
};

#define MAX_LEASES UINT64_C(100000000) /* twice as many clients still have different hardware addresses */
#define MAX_SCOPES UINT64_C(100000)
#define BEGIN_S    UINT64_C(1767225600) /* the log begins on 2026-01-01 ... */
#define SPAN_S     UINT64_C(604800)     /* ... and ends a week later */

typedef struct generate_options {
	uint64_t leases;
	uint64_t scopes;
	uint64_t seed;
	const char *output;
	const char *config_output;
	bool quiet;
} generate_options_t;

typedef struct generate {
	const char *command;
	generate_options_t options;
	uint32_t first_subnet;
	unsigned host_bits; /* of every subnet */
	uint64_t lag;       /* steps between a lease's beginning and its first renewal, and so on */
	uint64_t steps;
	output_file_t file;
	cli_progress_t progress;
	char hostname[64];
	char user_context[192];
} generate_t;

/* What chance decides, so that one decision does not depend on another. */
enum {
	CHANCE_ADDRESS = 1,
	CHANCE_KIND,
	CHANCE_ID,
	CHANCE_UUID,
	CHANCE_NAME,
	CHANCE_CONTEXT,
	CHANCE_HISTORY,
	CHANCE_SCOPE
};

/* ---- the command line -------------------------------------------------------------------------------------------- */

static const struct argp_option option_table[] = {
	{"leases", KEY_LEASES, "N", 0, "How many leases stand in the end; required", 0},
	{"scopes", KEY_SCOPES, "M", 0, "In how many subnets (default: 1)", 0},
	{"seed", KEY_SEED, "S", 0, "Another number makes another file (default: 1)", 0},
	{"output", KEY_OUTPUT, "FILE", 0, "Where to (default: standard output)", 0},
	{"config-output", KEY_CONFIG_OUTPUT, "FILE", 0, "Where to write Kea's configuration (default: nowhere)", 0},
	{"quiet", KEY_QUIET, NULL, 0, "Show no progress", 0},
	{0},
};

static void
check_options(const struct argp_state *state, const generate_options_t *options) {
	if (options->leases == 0) {
		cli_reject(state, "say how many leases, with --leases N");
	}
	if (options->scopes == 0) {
		cli_reject(state, "--scopes 0 leaves no place for leases");
	}
}

static error_t
parse_option(int key, char *argument, struct argp_state *state) {
	generate_options_t *options = state->input;
	switch (key) {
	case KEY_LEASES:
		options->leases = cli_need_number(state, "--leases", argument, MAX_LEASES);
		return 0;
	case KEY_SCOPES:
		options->scopes = cli_need_number(state, "--scopes", argument, MAX_SCOPES);
		return 0;
	case KEY_SEED:
		options->seed = cli_need_number(state, "--seed", argument, UINT64_MAX);
		return 0;
	case KEY_OUTPUT:
		options->output = argument;
		return 0;
	case KEY_CONFIG_OUTPUT:
		options->config_output = argument;
		return 0;
	case KEY_QUIET:
		options->quiet = true;
		return 0;
	case ARGP_KEY_END:
		check_options(state, options);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	option_table,
	parse_option,
	NULL,
	"Make up a DHCPv4 lease file of Kea, for tests and measurements. The same arguments make the same file.",
	NULL,
	NULL,
	NULL,
};

/* ---- chance ------------------------------------------------------------------------------------------------------ */

static uint64_t
mix(uint64_t x) {
	x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
	return x ^ x >> 31;
}

static uint64_t
chance(const generate_t *generate, uint64_t number, unsigned decision) {
	return mix(mix(generate->options.seed + decision) + number);
}

/* A number below 1000. */
static unsigned
per_mille(const generate_t *generate, uint64_t number, unsigned decision) {
	return (unsigned)(chance(generate, number, decision) % 1000);
}

/* A bijection of the numbers of 'bits' bits: odd factors and shifts lose nothing. */
static uint64_t
shuffle(uint64_t x, unsigned bits, uint64_t key) {
	uint64_t mask = (UINT64_C(1) << bits) - 1;
	for (int round = 0; round < 3; round++) {
		x = (x * (key | 1) + (key >> 32)) & mask;
		x ^= x >> (bits / 2);
		key = mix(key);
	}
	return x;
}

/* ---- addresses --------------------------------------------------------------------------------------------------- */

/*
 * Lay out the subnets: all of one size, with room for each one's leases and some spare ones. However the limits are reached,
 * all together have less than 2^28 addresses.
 */
static void
lay_out(generate_t *generate) {
	const generate_options_t *options = &generate->options;
	uint64_t most = options->leases / options->scopes + 1;
	uint64_t needed = most + most / 8 + 32;
	for (generate->host_bits = 8; UINT64_C(1) << generate->host_bits < needed; generate->host_bits++) {
	}
	uint64_t total = options->scopes << generate->host_bits;
	/* Private addresses while they last. */
	generate->first_subnet = total <= UINT64_C(1) << 24 ? UINT32_C(10) << 24 : UINT32_C(16) << 24;
	generate->lag = options->leases / 10 + 1;
	generate->steps = options->leases + RENEWALS_MAX * generate->lag;
}

static uint32_t
subnet_of(const generate_t *generate, uint64_t scope) {
	return generate->first_subnet + (uint32_t)(scope << generate->host_bits);
}

static uint64_t
leases_in(const generate_t *generate, uint64_t scope) {
	const generate_options_t *options = &generate->options;
	return options->leases / options->scopes + (scope < options->leases % options->scopes);
}

/* The 'nth' address of a scope, in an order that looks like none. Those from leases_in() on are spare. */
static uint32_t
nth_address(const generate_t *generate, uint64_t scope, uint64_t nth) {
	uint64_t key = chance(generate, scope, CHANCE_ADDRESS);
	uint64_t last = (UINT64_C(1) << generate->host_bits) - LAST_HOSTS;
	uint64_t host = nth;
	/* Walking on along the cycle until it is inside stays a bijection on the inside; so nth itself must begin there. */
	host += FIRST_HOST;
	do {
		host = shuffle(host, generate->host_bits, key);
	} while (host < FIRST_HOST || host > last);
	return subnet_of(generate, scope) + (uint32_t)host;
}

/* ---- one lease --------------------------------------------------------------------------------------------------- */

static void
put_number(uint8_t *octets, uint64_t number, unsigned count) {
	for (unsigned i = 0; i < count; i++) {
		octets[i] = (uint8_t)(number >> (8 * (count - 1 - i)));
	}
}

/* Makers whose devices are found in many networks. */
static void
put_hardware(const generate_t *generate, uint64_t client, kea4_row_t *row) {
	static const uint32_t vendors[VENDORS] = {0x001B21, 0x3C0754, 0xB827EB, 0x005056, 0x525400, 0xD83ADD,
						  0xF01898, 0x001788, 0x18B430, 0x001132, 0x641666, 0x44650D,
						  0xECB5FA, 0x000C29, 0x001E67, 0x0080F0};
	row->hardware_bytes = 6;
	put_number(row->hardware, vendors[client % VENDORS], 3);
	put_number(row->hardware + 3, shuffle(client / VENDORS, 24, generate->options.seed + client % VENDORS), 3);
}

static void
put_client_id(const generate_t *generate, uint64_t client, kea4_row_t *row) {
	enum { ETHERNET = 1, TEXT = 0, DUID_FOLLOWS = 255, DUID_LLT = 1, DUID_UUID = 4 };
	unsigned kind = per_mille(generate, client, CHANCE_ID);
	uint8_t *id = row->client_id;
	if (kind < 450) {
		id[0] = ETHERNET;
		memcpy(id + 1, row->hardware, 6);
		row->client_id_bytes = 7;
	} else if (kind < 500) {
		id[0] = DUID_FOLLOWS;
		memcpy(id + 1, row->hardware + 2, 4);
		put_number(id + 5, DUID_LLT, 2);
		put_number(id + 7, ETHERNET, 2);
		put_number(id + 9, UINT64_C(0x2C000000) + client % 100000000, 4);
		memcpy(id + 13, row->hardware, 6);
		row->client_id_bytes = 19;
	} else if (kind < 530) {
		id[0] = DUID_FOLLOWS;
		memcpy(id + 1, row->hardware + 2, 4);
		put_number(id + 5, DUID_UUID, 2);
		put_number(id + 7, chance(generate, client, CHANCE_UUID), 8);
		put_number(id + 15, client, 8);
		row->client_id_bytes = 23;
	} else if (kind < 550) {
		char text[24];
		int bytes = snprintf(text, sizeof(text), "cpe-%09" PRIu64, client);
		id[0] = TEXT;
		memcpy(id + 1, text, (size_t)bytes);
		row->client_id_bytes = (uint8_t)(bytes + 1);
	} else {
		row->client_id_bytes = 0;
	}
}

static void
put_name(generate_t *generate, uint64_t client, kea4_row_t *row) {
	static const struct {
		unsigned below; /* per mille */
		const char *before;
		const char *behind;
	} kinds[] = {
		{250, "desktop-", ".corp.example.net"},
		{400, "android-", ""},
		{520, "cpe-", ".access.example.net"},
		{600, "iphone-", ""},
		{650, "printer-", ".office.example.net"},
		{653, "lab, bench ", ""},
		{656, "r&d-", ".example.net"},
		{658, "caf\xC3\xA9-", ""},
		{660, "tab\t&#x2c ", ""},
		{1000, NULL, NULL},
	};
	unsigned kind = per_mille(generate, client, CHANCE_NAME);
	size_t i = 0;
	while (kind >= kinds[i].below) {
		i++;
	}
	generate->hostname[0] = '\0';
	if (kinds[i].before != NULL) {
		(void)snprintf(generate->hostname, sizeof(generate->hostname), "%s%06" PRIx64 "%s", kinds[i].before,
			       client, kinds[i].behind);
	}
	row->hostname = generate->hostname;
	row->hostname_bytes = (uint32_t)strlen(row->hostname);
	row->fqdn_forward = strstr(row->hostname, ".example.net") != NULL;
	row->fqdn_reverse = row->fqdn_forward && kind % 4 != 0;
}

static void
put_context(generate_t *generate, uint64_t client, kea4_row_t *row) {
	unsigned kind = per_mille(generate, client, CHANCE_CONTEXT);
	char *text = generate->user_context;
	size_t room = sizeof(generate->user_context);
	text[0] = '\0';
	if (kind < 30) {
		(void)snprintf(text, room,
			       "{ \"ISC\": { \"relay-agent-info\": { \"remote-id\": \"0x%08" PRIX64
			       "\", \"sub-options\": \"0x0204%08" PRIX64 "\" } } }",
			       client, client);
	} else if (kind < 36) {
		(void)snprintf(text, room,
			       "{ \"comment\": \"rack %" PRIu64
			       ", port 3 & 4\", \"tags\": [ \"caf\xC3\xA9\", { \"deep\": [ 1, 2.5, null ] } ] }",
			       client % 40);
	}
	row->user_context = text;
	row->user_context_bytes = (uint32_t)strlen(text);
}

static uint32_t
scope_lifetime_s(const generate_t *generate, uint64_t scope) {
	static const uint32_t lifetimes_s[] = {3600, 7200, 86400, 691200};
	return lifetimes_s[chance(generate, scope, CHANCE_SCOPE) % 4];
}

/* The row of a client that was last heard at 'heard_s'. */
static void
put_client(generate_t *generate, uint64_t scope, uint32_t address, uint64_t client, uint64_t heard_s, kea4_row_t *row) {
	row->address = address;
	row->valid_lifetime_s = scope_lifetime_s(generate, scope);
	row->expire_s = heard_s + row->valid_lifetime_s;
	row->subnet_id = (uint32_t)scope + 1;
	row->pool_id = 0;
	row->state = KEA4_ASSIGNED;
	put_hardware(generate, client, row);
	put_client_id(generate, client, row);
	put_name(generate, client, row);
	put_context(generate, client, row);
}

/* Make the last row of a lease one of the rarer kinds. */
static void
put_kind(const generate_t *generate, uint64_t lease, uint64_t heard_s, kea4_row_t *row) {
	unsigned kind = per_mille(generate, lease, CHANCE_KIND);
	if (kind < 4) {
		row->state = KEA4_DECLINED;
		row->hardware_bytes = 0;
		row->client_id_bytes = 0;
		row->hostname_bytes = 0;
		row->user_context_bytes = 0;
		row->fqdn_forward = row->fqdn_reverse = false;
		row->valid_lifetime_s = 86400;
		row->expire_s = heard_s + row->valid_lifetime_s;
	} else if (kind < 8) {
		row->valid_lifetime_s = KEA4_INFINITE;
		row->expire_s = heard_s + KEA4_INFINITE;
	} else if (kind < 11) {
		row->state = KEA4_EXPIRED_RECLAIMED;
	}
}

/* ---- the log ----------------------------------------------------------------------------------------------------- */

static bool
write_row(generate_t *generate, const kea4_row_t *row) {
	char *room = output_file_room(&generate->file, KEA4_ROW_OUT_BYTES);
	if (room == NULL) {
		return false;
	}
	output_file_used(&generate->file, kea4_format_row(row, room));
	return true;
}

static uint64_t
clock_s(const generate_t *generate, uint64_t step) {
	return BEGIN_S + step * SPAN_S / generate->steps;
}

static bool
write_begin(generate_t *generate, uint64_t scope, uint32_t address, uint64_t client, uint64_t heard_s) {
	kea4_row_t row = {0};
	put_client(generate, scope, address, client, heard_s, &row);
	return write_row(generate, &row);
}

/* A client gives its address back. */
static bool
write_end(generate_t *generate, uint64_t scope, uint32_t address, uint64_t client, uint64_t heard_s) {
	kea4_row_t row = {0};
	put_client(generate, scope, address, client, heard_s, &row);
	row.valid_lifetime_s = 0;
	row.expire_s = heard_s;
	row.state = client % 2 == 0 ? KEA4_RELEASED : KEA4_ASSIGNED;
	return write_row(generate, &row);
}

static unsigned
renewals_of(const generate_t *generate, uint64_t lease) {
	return (unsigned)(chance(generate, lease, CHANCE_HISTORY) >> 32) % (RENEWALS_MAX + 1);
}

/* The row of a lease at its beginning (renewal 0) or a later time. */
static bool
write_lease(generate_t *generate, uint64_t lease, unsigned renewal, uint64_t step) {
	uint64_t scope = lease % generate->options.scopes;
	uint64_t heard_s = clock_s(generate, step);
	uint32_t address = nth_address(generate, scope, lease / generate->options.scopes);
	kea4_row_t row = {0};
	put_client(generate, scope, address, lease, heard_s, &row);
	if (renewal == renewals_of(generate, lease)) {
		put_kind(generate, lease, heard_s, &row);
	}
	return write_row(generate, &row);
}

/* What came before a lease at its address: another client, or only the end of one. */
static bool
write_former(generate_t *generate, uint64_t lease) {
	uint64_t scope = lease % generate->options.scopes;
	uint64_t former = generate->options.leases + lease;
	uint64_t heard_s = clock_s(generate, lease);
	uint32_t address = nth_address(generate, scope, lease / generate->options.scopes);
	unsigned kind = per_mille(generate, lease, CHANCE_HISTORY);
	bool fine = kind >= 100 || write_begin(generate, scope, address, former, heard_s - 1800);
	return fine && (kind >= 110 || write_end(generate, scope, address, former, heard_s));
}

/* A lease begins. Some clients come from another address, which they give back afterwards. */
static bool
write_beginning(generate_t *generate, uint64_t lease) {
	uint64_t scope = lease % generate->options.scopes;
	uint64_t nth = lease / generate->options.scopes;
	uint64_t heard_s = clock_s(generate, lease);
	if (nth % SPARE_EVERY != 0) {
		return write_former(generate, lease) && write_lease(generate, lease, 0, lease);
	}
	uint32_t spare = nth_address(generate, scope, leases_in(generate, scope) + nth / SPARE_EVERY);
	return write_begin(generate, scope, spare, lease, heard_s - 1800) && write_former(generate, lease) &&
	       write_lease(generate, lease, 0, lease) && write_end(generate, scope, spare, lease, heard_s);
}

static bool
write_step(generate_t *generate, uint64_t step) {
	uint64_t leases = generate->options.leases;
	bool fine = step >= leases || write_beginning(generate, step);
	for (unsigned renewal = 1; fine && renewal <= RENEWALS_MAX; renewal++) {
		uint64_t back = renewal * generate->lag;
		if (step >= back && step - back < leases && renewal <= renewals_of(generate, step - back)) {
			fine = write_lease(generate, step - back, renewal, step);
		}
	}
	return fine;
}

static int
write_failed(const generate_t *generate, const char *path, int error) {
	return cli_fail(generate->command, CLI_FAILED, "cannot write %s: %s", path != NULL ? path : "standard output",
			strerror(error));
}

static int
write_steps(generate_t *generate) {
	char *room = output_file_room(&generate->file, sizeof(KEA4_HEADER));
	if (room == NULL) {
		return write_failed(generate, generate->options.output, errno);
	}
	memcpy(room, KEA4_HEADER, strlen(KEA4_HEADER));
	output_file_used(&generate->file, strlen(KEA4_HEADER));
	for (uint64_t step = 0; step < generate->steps; step++) {
		if (!write_step(generate, step)) {
			return write_failed(generate, generate->options.output, errno);
		}
		if ((step & (LOOK_EVERY_ROWS - 1)) == 0) {
			cli_progress_update(&generate->progress, step);
			if (cli_interrupted()) {
				return cli_fail(generate->command, CLI_INTERRUPTED, "interrupted");
			}
		}
	}
	return CLI_OK;
}

/* ---- the configuration ------------------------------------------------------------------------------------------- */

static bool
write_subnet(generate_t *generate, uint64_t scope) {
	char subnet[16];
	char first[16];
	char last[16];
	cli_format_ipv4(subnet_of(generate, scope), subnet);
	cli_format_ipv4(subnet_of(generate, scope) + FIRST_HOST, first);
	cli_format_ipv4(subnet_of(generate, scope + 1) - LAST_HOSTS, last);
	enum { ENTRY_BYTES = 256 };
	char *room = output_file_room(&generate->file, ENTRY_BYTES);
	if (room == NULL) {
		return false;
	}
	int bytes = snprintf(room, ENTRY_BYTES,
			     "%s      { \"id\": %" PRIu64 ", \"subnet\": \"%s/%u\", \"valid-lifetime\": %" PRIu32
			     ",\n        \"pools\": [ { \"pool\": \"%s - %s\" } ] }",
			     scope > 0 ? ",\n" : "", scope + 1, subnet, 32 - generate->host_bits,
			     scope_lifetime_s(generate, scope), first, last);
	output_file_used(&generate->file, (size_t)bytes);
	return true;
}

static bool
write_text(generate_t *generate, const char *text) {
	char *room = output_file_room(&generate->file, strlen(text));
	if (room == NULL) {
		return false;
	}
	memcpy(room, text, strlen(text));
	output_file_used(&generate->file, strlen(text));
	return true;
}

static bool
write_subnets(generate_t *generate) {
	bool fine = write_text(generate, "# The subnets of a made-up lease file.\n"
					 "{\n  \"Dhcp4\": {\n    \"valid-lifetime\": 86400,\n    \"subnet4\": [\n");
	for (uint64_t scope = 0; fine && scope < generate->options.scopes; scope++) {
		fine = write_subnet(generate, scope);
	}
	return fine && write_text(generate, "\n    ]\n  }\n}\n");
}

/* ---- the course -------------------------------------------------------------------------------------------------- */

static int
finish(generate_t *generate, const char *path, int exit_status) {
	if (exit_status == CLI_OK) {
		int error = output_file_commit(&generate->file);
		return error == 0 ? CLI_OK : write_failed(generate, path, error);
	}
	output_file_abandon(&generate->file);
	return exit_status;
}

static int
write_config(generate_t *generate) {
	const char *path = generate->options.config_output;
	int error = output_file_open(&generate->file, path);
	if (error != 0) {
		return write_failed(generate, path, error);
	}
	return finish(generate, path, write_subnets(generate) ? CLI_OK : write_failed(generate, path, errno));
}

static int
write_leases(generate_t *generate) {
	const char *path = generate->options.output;
	int error = output_file_open(&generate->file, path);
	if (error != 0) {
		return write_failed(generate, path, error);
	}
	cli_progress_start(&generate->progress, "generate", "steps", generate->steps,
			   generate->options.quiet || path == NULL);
	int exit_status = finish(generate, path, write_steps(generate));
	cli_progress_end(&generate->progress, exit_status == CLI_OK ? generate->steps : 0);
	return exit_status;
}

int
cmd_generate(int argc, char **argv) {
	generate_t generate = {.command = argv[0], .options = {.scopes = 1, .seed = 1}};
	if (!cli_parse_arguments(&argp, argc, argv, &generate.options)) {
		return CLI_FAILED;
	}
	lay_out(&generate);
	cli_catch_interrupts();
	int exit_status = generate.options.config_output != NULL ? write_config(&generate) : CLI_OK;
	return exit_status == CLI_OK ? write_leases(&generate) : exit_status;
}
