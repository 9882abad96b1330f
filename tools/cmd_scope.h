/* SPDX-License-Identifier: Apache-2.0 */
/* lessor scope: its options, and the verbs for IPv6 scopes. */
#ifndef LESSOR_TOOLS_CMD_SCOPE_H
#define LESSOR_TOOLS_CMD_SCOPE_H

#include "cli6.h"

/* Of --exclude, or an argument A-B. */
typedef struct scope_range {
	bool is6;
	lessor_range_t range;
	uint64_t prefix; /* of IPv6, and the lower halves behind it */
	lessor_range6_t range6;
} scope_range_t;

/* Of all verbs together; each has an option table that lets in its own. */
typedef struct scope_options {
	const char *command;
	cli_common_t common;
	bool is6;             /* --subnet or the argument SUBNET is IPv6 */
	lessor_scope_t scope; /* of --subnet and what describes it */
	uint64_t prefix;      /* of --subnet or the argument, if that is IPv6; the description stands in 'scope' */
	uint16_t preference;  /* of IPv6 only */
	uint32_t fields;      /* LESSOR_SCOPE_FIELD_... and LESSOR_SCOPE6_FIELD_... that were given */
	bool force;
	const char *target; /* the argument SUBNET */
	scope_range_t *ranges;
	size_t range_count;
} scope_options_t;

/* The verbs on an open store; 'target' names a prefix. Each returns an exit status. */
int scope6_add(scope_options_t *options, lessor_engine_t *engine);
int scope6_show(scope_options_t *options, lessor_engine_t *engine);
int scope6_set(scope_options_t *options, lessor_engine_t *engine);
int scope6_exclude(scope_options_t *options, lessor_engine_t *engine);
int scope6_include(scope_options_t *options, lessor_engine_t *engine);
int scope6_remove(scope_options_t *options, lessor_engine_t *engine);

/* Rows of the table of 'scope list', or a line of JSON for each scope. */
lessor_status_t scope6_list(const scope_options_t *options, lessor_engine_t *engine, cli_table_t *table);

#endif
