/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that a reader can learn about a store, as a list of things with keys and digests: to compare a store that was opened again with what the engine showed
 * before. High-water marks are left out: a snapshot may be written while they move.
 */
#ifndef VIEW_H
#define VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lessor/lessor.h>

typedef enum view_kind {
	VIEW_SCOPE,
	VIEW_SCOPE6,
	VIEW_LEASE,
	VIEW_LEASE6,
	VIEW_RESERVATION,
	VIEW_RESERVATION6,
	VIEW_SUPERSCOPE,
	VIEW_FILTER,
	VIEW_ENFORCEMENT,
	VIEW_LIMIT,
	VIEW_FIGURES /* of a scope or a limit */
} view_kind_t;

typedef struct view_thing {
	view_kind_t kind;
	uint64_t high;
	uint64_t low;
	lessor_ticket_t ticket; /* of a lease; 0: of anything else */
	uint64_t digest;
} view_thing_t;

typedef struct view {
	view_thing_t *things; /* by kind, high, low */
	size_t count;
} view_t;

/* With nobody changing anything. */
view_t view_take(lessor_engine_t *engine);
void view_free(view_t *view);
bool view_is_equal(const view_t *a, const view_t *b);

/*
 * Is this a state between 'before' and 'after', the one that a log shows which ends at 'end'? Leases that came or changed tell their place by their ticket; of what went, or has none,
 * either state is possible. Figures are not looked at.
 */
bool view_is_between(const view_t *view, const view_t *before, const view_t *after, lessor_ticket_t end);

/* Say on standard error what differs. */
void view_explain(const view_t *expected, const view_t *found);

#endif
