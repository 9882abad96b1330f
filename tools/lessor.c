/* SPDX-License-Identifier: Apache-2.0 */
/* lessor(1): the command line over a store of leases. This file finds the sub-command; each has a file cmd_NAME.c of its own. */
#include "cli.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <unistd.h>

static const cli_command_t commands[] = {
	{"scope", cmd_scope, "Add, list, show, change and remove scopes"},
	{"limit", cmd_limit, "Limit the leases of a class or a tag"},
	{"create", cmd_create, "Create a lease"},
	{"get", cmd_get, "Show the lease of an address, a client or a name"},
	{"delete", cmd_delete, "Delete a lease"},
	{"list", cmd_list, "List leases in the order of their addresses"},
	{"stats", cmd_stats, "Show the figures of scopes and store"},
	{"import", cmd_import, "Take over leases from files of another server"},
	{"export", cmd_export, "Write all leases as a file of another server"},
	{"verify", cmd_verify, "Check a store for damage"},
	{"log", cmd_log, "Print the changes of a store as they were made"},
	{"history", cmd_history, "Show what an address has been through"},
	{"salvage", cmd_salvage, "Bring what is good in a damaged store into a new one"},
	{"snapshot", cmd_snapshot, "Write a snapshot and drop the log before it"},
	{"generate", cmd_generate, "Make up leases for tests and measurements"},
	{NULL, NULL, NULL},
};

static const char about[] = "Keep DHCP leases: a store of scopes and leases in one directory.\v";

static void
print_version(FILE *stream, struct argp_state *state) {
	(void)state;
	(void)fprintf(stream, "lessor %s\n", lessor_version());
}

/*
 * A standard stream that the caller closed would be taken by the first file that is opened, a log of the store perhaps, and what is
 * printed would be written into it. Occupy it with something on which the wrong use fails.
 */
static int
occupy_standard_streams(void) {
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) == -1 && errno == EBADF &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) {
			return -1;
		}
	}
	return 0;
}

int
main(int argc, char **argv) {
	char name[] = "lessor";
	if (occupy_standard_streams() != 0 || argc < 1) {
		return CLI_FAILED;
	}
	(void)setlocale(LC_CTYPE, "");
	cli_guard_output();
	argp_program_version_hook = print_version;
	argp_err_exit_status = CLI_USAGE;
	argv[0] = name;
	return cli_dispatch(argc, argv, commands, about);
}
