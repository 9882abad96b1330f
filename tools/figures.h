/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The figures of a store, whoever has it open: they come as OpenMetrics text, from the process that has it open and answers (lessor_stats_serve()), or else from the
 * store itself, which is opened read-only for the moment.
 */
#ifndef LESSOR_TOOLS_FIGURES_H
#define LESSOR_TOOLS_FIGURES_H

#include "cli.h"

typedef struct figures_scope {
	char subnet[64]; /* as 192.0.2.0/24 or 2001:db8::/64 */
	uint32_t id;
	char state[32];
	char *name; /* never NULL; "" for none */
	lessor_scope_stats_t stats;
} figures_scope_t;

typedef struct figures {
	char *text; /* as it came; the names of Kea are in it */
	size_t text_bytes;
	bool live; /* from a process that has the store open */
	figures_scope_t *scopes;
	size_t count;
	size_t capacity;
	lessor_engine_stats_t engine; /* opened_at is not filled */
} figures_t;

/* Read them, or complain and return the exit status. Free what was filled in any case. */
int figures_read(const char *command, const char *store, figures_t *figures);

/* From a process that answers: CLI_OK; CLI_NOT_FOUND, without a complaint: there is none; or as figures_read(). */
int figures_read_live(const char *command, const char *store, figures_t *figures);

void figures_free(figures_t *figures);

/* The scope, or NULL. *last, 0 at first, remembers where it was: who asks in the order that the scopes have need not search. */
figures_scope_t *figures_find(const figures_t *figures, const char *subnet, size_t *last);

/* Take the text apart. False: it is not such a text, or memory ran out. */
bool figures_parse(figures_t *figures);

#endif
