/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IPv6 half of an import: its scopes, which rows count, and the changes to the store.
 *
 * Rows count by the rules of import_plan.h. A plan goes by numbers of 32 bits, so addresses are numbered in the order of their first
 * appearance. The client is DUID and IAID, and a scope a /64; several scopes may have one subnet id, as a subnet of Kea may be wider.
 */
#ifndef LESSOR_TOOLS_IMPORT6_H
#define LESSOR_TOOLS_IMPORT6_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lessor/lessor.h>

#include "format.h"
#include "import_plan.h"
#include "import_report.h"

enum { IMPORT6_BATCH = 256, IMPORT6_ARENA_BYTES = 1024 * 1024 };

typedef struct import6_scope {
	lessor_scope6_t scope; /* its texts belong to the table */
	uint32_t store_id;     /* the id it has in the store */
	bool wanted;           /* the user or a file named it */
	bool in_store;
	lessor_range6_t *gaps; /* exclusions to make; belong to the table */
	size_t gap_count;
} import6_scope_t;

typedef struct import6 {
	const char *command;     /* for complaints */
	import6_scope_t *scopes; /* ascending once sealed */
	size_t scope_count;
	import_plan_t plan;           /* of numbers of addresses */
	lessor_address6_t *addresses; /* number n stands at n - 1 */
	size_t address_count;
	size_t address_capacity;
	uint32_t *slots; /* open addressing by address: a number, or 0 */
	size_t slot_count;
	/* While the store is changed. */
	lessor_engine_t *engine;
	import_report_t *report;
	bool moved; /* some claim has IMPORT_CLAIM_MOVED */
	lessor_lease6_t leases[IMPORT6_BATCH];
	lessor_status_t statuses[IMPORT6_BATCH];
	const char *paths[IMPORT6_BATCH];
	uint64_t lines[IMPORT6_BATCH];
	size_t count;
	size_t arena_used;
	char arena[IMPORT6_ARENA_BYTES];
	char buffer[LESSOR_LEASE_BUFFER_BYTES];
} import6_t;

/* NULL without memory. */
import6_t *import6_new(const char *command, uint64_t seed);
void import6_free(import6_t *import);

/* ---- scopes ------------------------------------------------------------------------------------------------------ */

/* Copies texts and exclusions. False without memory. */
bool import6_want_scope(import6_t *import, const lessor_scope6_t *scope, const lessor_range6_t *gaps, size_t gap_count);

/* Add the store's scopes; an exit status. */
int import6_read_scopes(import6_t *import, lessor_engine_t *engine);

/* After the last one: sort, and join those that are there twice. */
void import6_seal_scopes(import6_t *import);

/* ---- rows -------------------------------------------------------------------------------------------------------- */

/* First pass: what an IPv6 lease or end claims. False without memory. */
bool import6_plan(import6_t *import, const format_record_t *record, uint64_t number);

/* Second pass: is this the row that had the number? */
bool import6_is_address(const import6_t *import, uint64_t number, lessor_address6_t address);

/* Say why the plan does not take the record. */
void import6_refuse(const import6_t *import, const format_record_t *record, const char *path, import_report_t *report);

/* ---- changes; each returns an exit status ------------------------------------------------------------------------ */

/* Make what is missing of scopes, and end what is over. */
int import6_begin(import6_t *import, lessor_engine_t *engine, import_report_t *report);
int import6_add_lease(import6_t *import, const lessor_lease6_t *lease, const char *path, uint64_t line);
int import6_flush(import6_t *import);

#endif
