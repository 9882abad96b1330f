/* SPDX-License-Identifier: Apache-2.0 */
/* lessor stats --watch: one picture of the figures, with what has changed since the one before. */
#ifndef LESSOR_TOOLS_STATS_WATCH_H
#define LESSOR_TOOLS_STATS_WATCH_H

#include "figures.h"

typedef struct watch_view {
	const char *store;
	const char *subnet;      /* this scope only, as figures_scope_t has it; NULL: all */
	const figures_t *before; /* NULL: this is the first picture */
	const figures_t *now;
	double elapsed_s; /* from the one to the other */
	bool terminal;    /* draw over the last picture, and show no more scopes than there are lines */
} watch_view_t;

/* False: memory ran out. */
bool watch_put(const watch_view_t *view);

/* A number that changes whenever a process changes the store in 'directory'. */
uint64_t watch_stamp(const char *directory);

#endif
