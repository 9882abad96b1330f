/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Make a store hold what a settled plan says, and nothing else of what the plan knows.
 *
 * Every step looks at what the store has and changes only what differs, so that an import that was interrupted is finished
 * by running it again. Leases that no row names are never touched.
 */
#ifndef LESSOR_TOOLS_IMPORT_APPLY_H
#define LESSOR_TOOLS_IMPORT_APPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lessor/lessor.h>

#include "import_plan.h"
#include "import_report.h"
#include "kea_config.h"

enum { IMPORT_BATCH = 512, IMPORT_ARENA_BYTES = 1024 * 1024 };

typedef struct import_apply {
	const char *command; /* for complaints */
	lessor_engine_t *engine;
	import_plan_t *plan;
	const kea_scopes_t *scopes;
	import_report_t *report;
	lessor_lease_t leases[IMPORT_BATCH]; /* gathered; they point into the arena */
	lessor_status_t statuses[IMPORT_BATCH];
	const char *paths[IMPORT_BATCH]; /* where each came from */
	uint64_t lines[IMPORT_BATCH];
	size_t count;
	size_t arena_used;
	bool moved; /* some claim has IMPORT_CLAIM_MOVED */
	char arena[IMPORT_ARENA_BYTES];
	char buffer[LESSOR_LEASE_BUFFER_BYTES]; /* of the lease that is there already */
} import_apply_t;

/* Each returns an exit status: CLI_OK, or that of a complaint it made. All changes are asynchronous. */

/* Read the store's scopes into the table, before it is sealed. */
int import_read_scopes(const char *command, lessor_engine_t *engine, kea_scopes_t *scopes);

/* Create the scopes that the user wants and the store lacks, and complete the others. */
int import_make_scopes(import_apply_t *apply);

/* End what the plan says is over, before anything begins: its addresses and clients are free then. */
int import_end_leases(import_apply_t *apply);

/* Gather one lease that the plan has for its address, and make the changes once enough are gathered; import_flush() makes the rest. */
int import_add_lease(import_apply_t *apply, const lessor_lease_t *lease, const char *path, uint64_t line);
int import_flush(import_apply_t *apply);

/* Is a member of two leases the same? A text that is absent is not an empty one. */
bool import_same_bytes(const uint8_t *a, size_t a_bytes, const uint8_t *b, size_t b_bytes);
bool import_same_text(const char *a, const char *b);

#endif
