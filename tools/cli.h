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

/* One sentence on stderr, prefixed with 'command' and ended with a newline; returns 'exit_status' for 'return cli_fail(...)'. */
int cli_fail(const char *command, int exit_status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The exit status that stands for a library status. */
int cli_exit_status(lessor_status_t status);

/* Open the store of --store DIR, or complain and return the exit status. read_only implies that it must exist. */
int cli_open(const char *command, const char *directory, bool create, bool read_only, lessor_engine_t **engine,
	     lessor_report_t *report);

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
int cmd_create(int argc, char **argv);
int cmd_get(int argc, char **argv);
int cmd_delete(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_stats(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_snapshot(int argc, char **argv);
int cmd_generate(int argc, char **argv);

#endif
