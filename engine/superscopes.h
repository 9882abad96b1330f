/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Superscopes. Each is an object with a number and a name; a scope's configuration holds the number of the one it belongs to. A number is never used again, so a scope
 * whose number is no superscope's is in none, and deleting a superscope touches no scope.
 *
 *   Found by number: anybody inside a read-side section. Changes, and finding by name: the engine's scope lock; or while nobody else is there.
 */
#ifndef LSR_SUPERSCOPES_H
#define LSR_SUPERSCOPES_H

#include <stdint.h>

#include <lessor/engine.h>
#include <lessor/status.h>

#include "base/tree.h"

/* An object. Immutable. */
typedef struct lsr_superscope {
	uint32_t number;
	uint32_t name_bytes;
	char name[]; /* NUL-terminated */
} lsr_superscope_t;

typedef struct lsr_superscopes {
	lsr_tree_t by_number;         /* key: the number; value: the object */
	void *by_name;                /* tsearch(3) of the same; scope lock */
	_Atomic uint32_t last_number; /* the greatest that was ever used; scope lock */
	_Atomic uint64_t bytes;       /* of the objects and by_name; scope lock */
} lsr_superscopes_t;

/* Free everything at once. All zeros are an empty set. */
void lsr_superscopes_destroy(lsr_superscopes_t *superscopes);
uint64_t lsr_superscopes_memory(const lsr_superscopes_t *superscopes);

/* The one with this number, NULL: there is none. Inside a read-side section. */
static inline const lsr_superscope_t *
lsr_superscopes_get(const lsr_superscopes_t *superscopes, uint32_t number) {
	const lsr_tree_node_t *node = number != 0 ? lsr_tree_find(&superscopes->by_number, number) : NULL;
	return node != NULL ? node->value : NULL;
}

/* From the log: a superscope, which may be there already, is there; it is gone. LESSOR_OK; LESSOR_DAMAGED; LESSOR_NO_MEMORY. */
lessor_status_t lsr_superscopes_replay(lsr_superscopes_t *superscopes, const uint8_t *payload, size_t size_bytes);
lessor_status_t lsr_superscopes_replay_end(lsr_superscopes_t *superscopes, const uint8_t *payload, size_t size_bytes);

/* Into a snapshot: calls 'add' with a record type and a payload for each thing that has to be in it, until it answers another thing than 0, which is returned. Scope lock. */
int lsr_superscopes_save(const lsr_superscopes_t *superscopes,
			 int (*add)(void *context, unsigned type, const void *payload, size_t size_bytes),
			 void *context);

/* LESSOR_OK; LESSOR_DAMAGED: they contradict themselves, and report->sentence says how. Scope lock. */
lessor_status_t lsr_superscopes_check(const lsr_superscopes_t *superscopes, lessor_report_t *report);

#endif
