/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sub-commands of lessor(1) share.
 *
 * Each sub-command is one function 'int cmd_NAME(int argc, char **argv)' in tools/cmd_NAME.c, with argv[0] = "lessor NAME". It parses its
 * own options with argp, answers on stdout, complains on stderr in one sentence ("lessor NAME: ...") and returns an exit status:
 */
#ifndef LESSOR_TOOLS_CLI_H
#define LESSOR_TOOLS_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <lessor/lessor.h>

struct argp_state;
struct json_object;

enum {
	CLI_OK = 0,
	CLI_FAILED = 1,    /* the store or the system refused */
	CLI_USAGE = 2,     /* wrong arguments */
	CLI_NOT_FOUND = 3, /* what was asked for is not there */
	CLI_EXISTS = 4,    /* what was to be created is there already */
	CLI_LOCKED = 5,    /* the store is in use by another process */
	CLI_DAMAGED = 6,   /* the store, or an input file, is damaged */
	CLI_INTERRUPTED = 130
};

/* ---- Failing ---- */

/* One sentence on stderr, prefixed with 'command' and ended with a newline; returns 'exit_status' for 'return cli_fail(...)'. */
int cli_fail(const char *command, int exit_status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same for what the library answered: "<what>: <the report's sentence, or the status in words>". report may be NULL. */
int cli_fail_status(const char *command, lessor_status_t status, const lessor_report_t *report, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The exit status that stands for a library status. */
int cli_exit_status(lessor_status_t status);

/* ---- The store ---- */

/* The directory of --store, else of the environment's LESSOR_STORE; NULL, after a complaint, if neither is given. */
const char *cli_need_store(const char *command, const char *given);

/* Open the store of --store DIR (NULL: LESSOR_STORE), or complain and return the exit status. read_only implies that it must exist.
 * report may be NULL. */
int cli_open(const char *command, const char *directory, bool create, bool read_only, lessor_engine_t **engine,
	     lessor_report_t *report);

/* Close it and return 'exit_status', or complain and return CLI_FAILED if what was changed could not be made durable. */
int cli_close(const char *command, lessor_engine_t **engine, int exit_status);

/* Read the scope that 'text' names: "192.0.2.0", or with its mask as for cli_parse_subnet(). Or complain and return the exit status.
 * scope's texts are NULL. */
int cli_find_scope(const char *command, lessor_engine_t *engine, const char *text, lessor_scope_t *scope);

/* ---- Reading arguments ---- */

/* Options that every sub-command spells alike: for its table of struct argp_option, the values, and the parser (0 if the key was one
 * of them, else ARGP_ERR_UNKNOWN). */
enum { CLI_KEY_STORE = 0x1000, CLI_KEY_JSON };
/* clang-format off */
#define CLI_OPTION_STORE {"store", CLI_KEY_STORE, "DIR", 0, "The store's directory (default: $LESSOR_STORE)", -1}
#define CLI_OPTION_JSON  {"json", CLI_KEY_JSON, NULL, 0, "Answer in JSON", -1}
/* clang-format on */
typedef struct cli_common {
	const char *store;
	bool json;
} cli_common_t;
int cli_common_option(int key, const char *argument, cli_common_t *common);

/* argp_parse() for a sub-command. Wrong arguments end the process with CLI_USAGE; false, after a complaint, if memory ran out. */
struct argp;
bool cli_parse_arguments(const struct argp *argp, int argc, char **argv, void *options);

/* End the process with CLI_USAGE and one sentence, as cli_fail(). For use while arguments are parsed, before anything is open. */
_Noreturn void cli_reject(const struct argp_state *state, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The value of an option or argument 'what', or cli_reject(). */
uint32_t cli_need_ipv4(const struct argp_state *state, const char *what, const char *text);
uint64_t cli_need_number(const struct argp_state *state, const char *what, const char *text, uint64_t max);
lessor_range_t cli_need_range(const struct argp_state *state, const char *what, const char *text);
lessor_filetime_t cli_need_time(const struct argp_state *state, const char *what, const char *text);
uint8_t cli_need_hex(const struct argp_state *state, const char *what, const char *text, uint8_t *bytes,
		     uint8_t capacity);
lessor_limit_key_t cli_need_limit_key(const struct argp_state *state, const char *what, const char *text);
const char *cli_need_text(const struct argp_state *state, const char *what, const char *text, size_t max_bytes);

/* A command that is known by its first argument. A table ends with a name of NULL. */
typedef struct cli_command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} cli_command_t;

/* Run the command of 'commands' that argv[1] names, with argv[0] = "<argv[0]> <name>". Answers --help with 'about' and the table. */
int cli_dispatch(int argc, char **argv, const cli_command_t *commands, const char *about);

/* Decimal digits and nothing else, at most 'max'. */
bool cli_parse_number(const char *text, uint64_t max, uint64_t *number);

/* Dotted quad and back. parse returns false on anything but four decimal numbers. text holds 16 bytes. */
bool cli_parse_ipv4(const char *text, uint32_t *address);
void cli_format_ipv4(uint32_t address, char text[16]);

/* "192.0.2.0/24" or "192.0.2.0/255.255.255.0". False if malformed or if the address has host bits. */
bool cli_parse_subnet(const char *text, uint32_t *subnet, uint32_t *mask);

/* "192.0.2.10-192.0.2.99"; a single address is a range of one. */
bool cli_parse_range(const char *text, lessor_range_t *range);

/* Hex octets: "00:1c:25:80:a0:43", "00-1C-...", "001c25...", optional leading "0x". Returns the number of octets, 0 if malformed or
 * more than capacity. */
size_t cli_parse_hex(const char *text, uint8_t *bytes, size_t capacity);

/* Lower case, joined by ':'; text holds 3 * count bytes at least (1 if count is 0). */
void cli_format_hex(const uint8_t *bytes, size_t count, char *text);

/* "never", "none", "@<Unix seconds>" or ISO 8601 in UTC, "2026-01-01T00:00:00Z", with up to seven decimals of a second. */
bool cli_parse_time(const char *text, lessor_filetime_t *time);
/* A key of a limit: "class:" or "tag:", then a text, or "0x" and octets in hex. */
bool cli_parse_limit_key(const char *text, lessor_limit_key_t *key);
/* What cli_parse_limit_key() reads back; text holds CLI_LIMIT_KEY_BYTES. */
enum { CLI_LIMIT_KEY_BYTES = 9 + 3 * LESSOR_LIMIT_KEY_MAX_BYTES };
void cli_format_limit_key(const lessor_limit_key_t *key, char *text);

/* What cli_parse_time() reads back; text holds CLI_TIME_BYTES. */
#define CLI_TIME_BYTES 96
void cli_format_time(lessor_filetime_t time, char *text);

/* "active", "declined", "doomed", or the whole byte as a number 1 to 255. */
bool cli_parse_lease_state(const char *text, uint8_t *address_state);
const char *cli_lease_state_name(uint8_t address_state);

/* "enabled", "disabled" and so on, or the number. */
bool cli_parse_scope_state(const char *text, uint32_t *state);
const char *cli_scope_state_name(uint32_t state);

/* UTF-8, at most max_bytes of it? */
bool cli_text_valid(const char *text, size_t max_bytes);

/* ---- Answering ---- */

/*
 * What a client on the network chose must not reach a terminal as it is. This writes 'text' with everything that is not plainly
 * printable as an escape: \n, \t, \xHH for a byte that is no UTF-8, \uXXXX for a character that steers (or that the locale cannot show),
 * and \\ for the backslash itself.
 */
void cli_put_text(FILE *stream, const char *text);
/* The same for a sentence of our own that may quote such text: a backslash stays single. */
void cli_put_sentence(FILE *stream, const char *sentence);

/* One line of JSON on stdout, harmless for terminals like cli_put_text(). Releases the object. False if memory ran out. */
bool cli_put_json(struct json_object *object);

/* Members of a JSON object. Each returns false if memory ran out. key is static text, new to the object. text may be NULL: null. */
bool cli_json_text(struct json_object *object, const char *key, const char *text);
bool cli_json_number(struct json_object *object, const char *key, uint64_t number);
bool cli_json_bool(struct json_object *object, const char *key, bool value);
bool cli_json_seconds(struct json_object *object, const char *key, double seconds);
bool cli_json_address(struct json_object *object, const char *key, uint32_t address);
/* "scope", as "192.0.2.0/24", and "subnet_mask". */
bool cli_json_subnet(struct json_object *object, uint32_t subnet, uint32_t mask);
/* 'value' belongs to the object from now on; NULL is memory that ran out. */
bool cli_json_add(struct json_object *object, const char *key, struct json_object *value);
/* {"first": A, "last": B}; NULL if memory ran out. */
struct json_object *cli_json_range(const lessor_range_t *range);

/* "192.0.2.0/24"; text holds CLI_SUBNET_BYTES. */
#define CLI_SUBNET_BYTES 20
void cli_format_subnet(uint32_t subnet, uint32_t mask, char *text);

/* A line for people, with its values in one column below each other; text goes out as cli_put_text() does, NULL does not. */
void cli_put_line(const char *label, const char *value);
void cli_put_text_line(const char *label, const char *text);

/* A lease as lines for people, and as one JSON object in one line; false if memory ran out. */
void cli_put_lease(const lessor_lease_t *lease);
bool cli_put_lease_json(const lessor_lease_t *lease);
/* The members of that object; without the scope's, if subnet_mask is 0. False if memory ran out. */
bool cli_json_lease(struct json_object *object, const lessor_lease_t *lease);

/* The keys of limits that a lease has, of either family: a line each; a member "limit_keys", if there are any. */
void cli_put_limit_keys(const lessor_limit_key_t *keys, unsigned count);
bool cli_json_limit_keys(struct json_object *object, const lessor_limit_key_t *keys, unsigned count);

/* A lessor_finding_function: a line, of JSON if *(bool *)context. */
void cli_put_finding(void *context, const lessor_finding_t *finding);

/* A table with columns as wide as their cells need. The first row is the heading. */
typedef struct cli_table {
	const char *alignment; /* a letter per column: 'l' or 'r' */
	char **cells;
	size_t count;
	size_t capacity;
	bool failed;
} cli_table_t;

void cli_table_init(cli_table_t *table, const char *alignment);
void cli_table_add(cli_table_t *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* As cli_put_text() writes it, shortened if very long; NULL: "-". */
void cli_table_add_text(cli_table_t *table, const char *text);
/* Write it to stdout and release it. False if memory ran out. */
bool cli_table_put(cli_table_t *table);
/* Release it, also one that was put already. */
void cli_table_free(cli_table_t *table);

/* Call first in main(): stdout's failures (a full disk, a closed pipe) end the process with a sentence and CLI_FAILED. */
void cli_guard_output(void);
/* Has writing to stdout failed already? For loops that would go on in vain; return CLI_FAILED then, the sentence follows. */
bool cli_output_failed(void);

/* Set by SIGINT and SIGTERM once cli_catch_interrupts() was called: long commands look at it and stop cleanly. */
void cli_catch_interrupts(void);
bool cli_interrupted(void);

/*
 * Progress on stderr: a bar that redraws itself on a terminal, a plain line every few seconds otherwise. total 0: unknown.
 */
typedef struct cli_progress {
	const char *what; /* for example "import" */
	const char *unit; /* for example "rows" */
	uint64_t total;
	double started_s;
	double shown_s;
	bool terminal;
	bool quiet;
} cli_progress_t;

void cli_progress_start(cli_progress_t *progress, const char *what, const char *unit, uint64_t total, bool quiet);
void cli_progress_update(cli_progress_t *progress, uint64_t done);
void cli_progress_end(cli_progress_t *progress, uint64_t done);

/* The sub-commands. */
int cmd_scope(int argc, char **argv);
int cmd_limit(int argc, char **argv);
int cmd_create(int argc, char **argv);
int cmd_get(int argc, char **argv);
int cmd_delete(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_stats(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_salvage(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_snapshot(int argc, char **argv);
int cmd_log(int argc, char **argv);
int cmd_history(int argc, char **argv);
int cmd_generate(int argc, char **argv);

#endif
