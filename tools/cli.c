/* SPDX-License-Identifier: Apache-2.0 */
/* What the sub-commands of lessor(1) share: failing in one sentence, opening and closing the store, finding the command to run. */
#include "cli.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Failing ---- */

__attribute__((format(printf, 2, 0))) static void
complain(const char *command, const char *format, va_list arguments) {
	char sentence[2048];
	(void)vsnprintf(sentence, sizeof(sentence), format, arguments);
	(void)fprintf(stderr, "%s: ", command);
	cli_put_sentence(stderr, sentence);
	(void)fputc('\n', stderr);
}

int
cli_fail(const char *command, int exit_status, const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	complain(command, format, arguments);
	va_end(arguments);
	return exit_status;
}

int
cli_fail_status(const char *command, lessor_status_t status, const lessor_report_t *report, const char *format, ...) {
	const char *reason =
		report != NULL && report->sentence[0] != '\0' ? report->sentence : lessor_status_text(status);
	char what[1024];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	return cli_fail(command, cli_exit_status(status), "%s: %s", what, reason);
}

int
cli_exit_status(lessor_status_t status) {
	switch (status) {
	case LESSOR_OK:
		return CLI_OK;
	case LESSOR_INVALID:
		return CLI_USAGE;
	case LESSOR_NO_SCOPE:
	case LESSOR_NOT_FOUND:
	case LESSOR_OTHER_CLIENT:
	case LESSOR_END:
		return CLI_NOT_FOUND;
	case LESSOR_SCOPE_EXISTS:
	case LESSOR_ADDRESS_TAKEN:
	case LESSOR_CLIENT_TAKEN:
		return CLI_EXISTS;
	case LESSOR_LOCKED:
		return CLI_LOCKED;
	case LESSOR_DAMAGED:
		return CLI_DAMAGED;
	default:
		return CLI_FAILED;
	}
}

/* ---- The store ---- */

const char *
cli_need_store(const char *command, const char *given) {
	const char *directory = given != NULL ? given : getenv("LESSOR_STORE");
	if (directory == NULL || directory[0] == '\0') {
		(void)cli_fail(command, CLI_USAGE, "say which store, with --store DIR or in LESSOR_STORE");
		return NULL;
	}
	return directory;
}

int
cli_open(const char *command, const char *directory, bool create, bool read_only, lessor_engine_t **engine,
	 lessor_report_t *report) {
	lessor_report_t own_report;
	lessor_report_t *filled = report != NULL ? report : &own_report;
	lessor_options_t options;
	const char *store = cli_need_store(command, directory);
	lessor_status_t status;

	if (store == NULL) {
		return CLI_USAGE;
	}
	lessor_options_init(&options);
	options.create_if_missing = create && !read_only;
	options.read_only = read_only;
	memset(filled, 0, sizeof(*filled));
	status = lessor_open(store, &options, engine, filled);
	if (status != LESSOR_OK) {
		return cli_fail_status(command, status, filled, "cannot open the store '%s'", store);
	}
	if (filled->cut_bytes > 0 && !read_only) {
		(void)fprintf(stderr,
			      "%s: note: cut %" PRIu64
			      " bytes off the end of the log, a write that the last crash tore and "
			      "nobody was told to be done\n",
			      command, filled->cut_bytes);
	}
	return CLI_OK;
}

int
cli_close(const char *command, lessor_engine_t **engine, int exit_status) {
	lessor_status_t status = lessor_close(engine);
	if (status == LESSOR_OK) {
		return exit_status;
	}
	return cli_fail_status(command, status, NULL, "closing the store");
}

int
cli_find_scope(const char *command, lessor_engine_t *engine, const char *text, lessor_scope_t *scope) {
	uint32_t subnet;
	uint32_t mask = 0;
	bool masked = strchr(text, '/') != NULL;
	lessor_status_t status;

	if (masked ? !cli_parse_subnet(text, &subnet, &mask) : !cli_parse_ipv4(text, &subnet)) {
		return cli_fail(command, CLI_USAGE, "'%s' is not a subnet like 192.0.2.0/24 or 192.0.2.0", text);
	}
	status = lessor_scope_get(engine, subnet, scope, NULL, 0);
	if (status == LESSOR_NOT_FOUND || (status == LESSOR_OK && masked && scope->mask != mask)) {
		return cli_fail(command, CLI_NOT_FOUND, "there is no scope %s", text);
	}
	if (status != LESSOR_OK) {
		return cli_fail_status(command, status, NULL, "scope %s", text);
	}
	return CLI_OK;
}

/* ---- Options ---- */

int
cli_common_option(int key, const char *argument, cli_common_t *common) {
	switch (key) {
	case CLI_KEY_STORE:
		common->store = argument;
		return 0;
	case CLI_KEY_JSON:
		common->json = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

bool
cli_parse_arguments(const struct argp *argp, int argc, char **argv, void *options) {
	error_t error = argp_parse(argp, argc, argv, 0, NULL, options);
	if (error != 0) {
		(void)cli_fail(argv[0], CLI_FAILED, "cannot read the arguments: %s", strerror(error));
	}
	return error == 0;
}

void
cli_reject(const struct argp_state *state, const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	complain(state->name, format, arguments);
	va_end(arguments);
	exit(CLI_USAGE);
}

uint32_t
cli_need_ipv4(const struct argp_state *state, const char *what, const char *text) {
	uint32_t address = 0;
	if (!cli_parse_ipv4(text, &address)) {
		cli_reject(state, "%s '%s' is not an IPv4 address like 192.0.2.10", what, text);
	}
	return address;
}

uint64_t
cli_need_number(const struct argp_state *state, const char *what, const char *text, uint64_t max) {
	uint64_t number = 0;
	if (!cli_parse_number(text, max, &number)) {
		cli_reject(state, "%s '%s' is not a number from 0 to %" PRIu64, what, text, max);
	}
	return number;
}

lessor_range_t
cli_need_range(const struct argp_state *state, const char *what, const char *text) {
	lessor_range_t range = {0, 0};
	if (!cli_parse_range(text, &range)) {
		cli_reject(state, "%s '%s' is not a range like 192.0.2.10-192.0.2.99", what, text);
	}
	return range;
}

lessor_filetime_t
cli_need_time(const struct argp_state *state, const char *what, const char *text) {
	lessor_filetime_t time = 0;
	if (!cli_parse_time(text, &time)) {
		cli_reject(state, "%s '%s' is not a time like 2026-01-01T00:00:00Z, @1767225600, never or none", what,
			   text);
	}
	return time;
}

uint8_t
cli_need_hex(const struct argp_state *state, const char *what, const char *text, uint8_t *bytes, uint8_t capacity) {
	size_t count = cli_parse_hex(text, bytes, capacity);
	if (count == 0) {
		cli_reject(state, "%s '%s' is not 1 to %u octets like 00:1c:25:80:a0:43", what, text, capacity);
	}
	return (uint8_t)count;
}

lessor_limit_key_t
cli_need_limit_key(const struct argp_state *state, const char *what, const char *text) {
	lessor_limit_key_t key;
	if (!cli_parse_limit_key(text, &key)) {
		cli_reject(state, "%s '%s' is not class:TEXT or tag:TEXT of 1 to %u bytes, or such bytes as 0xHEX",
			   what, text, LESSOR_LIMIT_KEY_MAX_BYTES);
	}
	return key;
}

const char *
cli_need_text(const struct argp_state *state, const char *what, const char *text, size_t max_bytes) {
	if (!cli_text_valid(text, max_bytes)) {
		cli_reject(state, "%s is not UTF-8 of at most %zu bytes", what, max_bytes);
	}
	return text;
}

/* ---- Finding the command to run ---- */

typedef struct dispatch {
	const cli_command_t *commands;
	int chosen; /* index in argv, 0: none */
} dispatch_t;

static error_t
dispatch_option(int key, char *argument, struct argp_state *state) {
	dispatch_t *dispatch = state->input;
	(void)argument;
	switch (key) {
	case ARGP_KEY_ARG:
		/* What follows is the command's own to parse. */
		dispatch->chosen = state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		cli_reject(state, "say which command; see '%s --help'", state->name);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The table of commands, as the text that follows the options in --help. argp frees it. */
static char *
dispatch_help(int key, const char *text, void *input) {
	const dispatch_t *dispatch = input;
	char *help = NULL;
	size_t size = 0;
	FILE *stream;
	if (key != ARGP_KEY_HELP_POST_DOC || dispatch == NULL) {
		return text != NULL ? strdup(text) : NULL;
	}
	stream = open_memstream(&help, &size);
	if (stream == NULL) {
		return NULL;
	}
	(void)fputs("Commands:\n", stream);
	for (const cli_command_t *command = dispatch->commands; command->name != NULL; command++) {
		(void)fprintf(stream, "  %-10s %s\n", command->name, command->summary);
	}
	(void)fputs("\nEach command has its own --help.\n", stream);
	if (fclose(stream) != 0) {
		free(help);
		return NULL;
	}
	return help;
}

int
cli_dispatch(int argc, char **argv, const cli_command_t *commands, const char *about) {
	struct argp argp = {NULL, dispatch_option, "COMMAND [ARGUMENT...]", about, NULL, dispatch_help, NULL};
	dispatch_t dispatch = {commands, 0};
	char name[64];
	error_t error = argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &dispatch);

	if (error != 0 || dispatch.chosen == 0) {
		return cli_fail(argv[0], CLI_FAILED, "cannot read the arguments: %s", strerror(error));
	}
	for (const cli_command_t *command = commands; command->name != NULL; command++) {
		if (strcmp(command->name, argv[dispatch.chosen]) == 0) {
			(void)snprintf(name, sizeof(name), "%s %s", argv[0], command->name);
			argv[dispatch.chosen] = name;
			return command->run(argc - dispatch.chosen, argv + dispatch.chosen);
		}
	}
	return cli_fail(argv[0], CLI_USAGE, "'%s' is not a command; see '%s --help'", argv[dispatch.chosen], argv[0]);
}

/* ---- Output that cannot be written ---- */

static void
finish_output(void) {
	bool failed = ferror(stdout) != 0;
	errno = 0;
	if (fclose(stdout) == 0 && !failed) {
		return;
	}
	(void)fprintf(stderr, "lessor: cannot write the output%s%s\n", errno != 0 ? ": " : "",
		      errno != 0 ? strerror(errno) : "");
	_exit(CLI_FAILED);
}

void
cli_guard_output(void) {
	/* A reader that went away is an error to report like a full disk, not a reason to die without a word. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (atexit(finish_output) != 0) {
		(void)fputs("lessor: note: failures to write the output may go unnoticed\n", stderr);
	}
}

bool
cli_output_failed(void) {
	return ferror(stdout) != 0;
}

/* ---- Interrupts ---- */

static volatile sig_atomic_t interrupted;

static void
note_interrupt(int signal_number) {
	(void)signal_number;
	interrupted = 1;
}

void
cli_catch_interrupts(void) {
	/* Reset: a second Ctrl-C ends a command that does not get round to looking. No restart: a read that waits returns. */
	struct sigaction action = {.sa_handler = note_interrupt, .sa_flags = (int)SA_RESETHAND};
	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
}

bool
cli_interrupted(void) {
	return interrupted != 0;
}
