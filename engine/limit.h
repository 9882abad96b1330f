/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits: how many leases a scope, and a key of leases, may have.
 *
 * Each key that any lease names has an entry, with a limit or without, so that its count is there when a limit is set. Entries lie in a table of shards, each with a lock and
 * chains that grow by one bucket at a time. A scope counts in its own counters, and only if it is limited.
 *
 * Both count what is there, and know how many changes are in doubt: entered, but not to be seen yet; or leaving, and perhaps not to be seen any more.
 *   enter   with record and client claimed: all that the change brings to, or nothing. Counted and in doubt.
 *   leave   behind the log, before the old lease is hidden or replaced: in doubt.
 *   settle  behind that: what came is in doubt no more, what went is counted off.
 *   undo    of enter.
 * Who finds a count at its limit is refused only if nothing is in doubt: then so many leases are to be seen. Otherwise he waits, as for a record that is being changed.
 *
 *   Locks: of shards, at the place of bucket locks (engine_p.h); those of one change in ascending order. 'lock' for changes of limits, at the place of filters.lock; a shard's lock may be
 *   taken under it, and it is held while a change is logged. Entries: a shard's lock. The list of those with a limit: 'lock'.
 *
 * Limit image (log and snapshot):
 *    0 u32 maximum   4 u8 kind   5 u8 length   6 so many bytes
 */
#ifndef LSR_LIMIT_H
#define LSR_LIMIT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <lessor/engine.h>
#include <lessor/limit.h>

#include "lease/codec.h"
#include "scope/scope.h"

#define LSR_LIMIT_SHARDS 64u

#define LSR_LIMIT_MAX_BYTES        4u /* of an image, in front of the key */
#define LSR_LIMIT_IMAGE_MAX_BYTES  (LSR_LIMIT_MAX_BYTES + sizeof(lessor_limit_key_t))
#define LSR_LIMIT_IMAGE_BYTES(key) (LSR_LIMIT_MAX_BYTES + LSR_LIMIT_KEY_HEAD_BYTES + (key)->size_bytes)

struct lsr_limit;

typedef struct lsr_limit_shard {
	LSR_APART pthread_mutex_t lock;
	struct lsr_limit **bucket; /* NULL: there never was an entry */
	uint32_t buckets;
	uint32_t room;
	uint32_t count;
	uint64_t entries_bytes;
} lsr_limit_shard_t;

typedef struct lsr_limits {
	lsr_limit_shard_t shard[LSR_LIMIT_SHARDS];
	const uint8_t *secret; /* the engine's */
	pthread_mutex_t lock;
	struct lsr_limit **set; /* those with a limit, ascending */
	size_t count;
	size_t room;
} lsr_limits_t;

void lsr_limits_init(lsr_limits_t *limits, const uint8_t *secret);
void lsr_limits_destroy(lsr_limits_t *limits);
uint64_t lsr_limits_memory(lsr_limits_t *limits);

/* ---- leases -------------------------------------------------------------------------------------------------------- */

typedef enum lsr_limits_result {
	LSR_LIMITS_ENTERED,
	LSR_LIMITS_FULL,
	LSR_LIMITS_IN_DOUBT, /* wait for *blocker, then start over */
	LSR_LIMITS_NO_MEMORY
} lsr_limits_result_t;

/* A change of a record of a scope, claimed by the caller: from one body to another. NULL, and a body that is no lease: none. */
typedef struct lsr_limits_change {
	lsr_scope_t *scope;
	const lsr_record_t *record;
	const lsr_body_t *from;
	const lsr_body_t *to;
} lsr_limits_change_t;

/* Inside a read-side section and an open gate, or with the gate closed by the caller. */
lsr_limits_result_t lsr_limits_enter(lsr_limits_t *limits, const lsr_limits_change_t *change,
				     const lsr_record_t **blocker);
void lsr_limits_undo(lsr_limits_t *limits, const lsr_limits_change_t *change);
void lsr_limits_leave(lsr_limits_t *limits, const lsr_limits_change_t *change);
void lsr_limits_settle(lsr_limits_t *limits, const lsr_limits_change_t *change);

/* May a lease with this body, in this scope, concern a limit? If not, none of the above has anything to do. */
static inline bool
lsr_limits_concern(const lsr_scope_t *scope, const lsr_body_t *body) {
	return LSR_UNLIKELY(atomic_load_explicit(&scope->is_limited, memory_order_relaxed) ||
			    lsr_tail_has_keys(body->tail));
}

/* A lease that is there, for who is making the counts anew. False: no memory. */
bool lsr_limits_count(lsr_limits_t *limits, const lsr_body_t *body);

/* Nothing changes in the scope: hold what it has. */
void lsr_limits_hold(lsr_scope_t *scope);

/* ---- disk ------------------------------------------------------------------------------------------------------------ */

/* The image of the first limit behind *key (kind 0: the first of all), which becomes its key. Returns its size, 0: there is none. 'lock' held. */
size_t lsr_limits_save(const lsr_limits_t *limits, lessor_limit_key_t *key, uint8_t image[LSR_LIMIT_IMAGE_MAX_BYTES]);

/* The image of a limit, or of its end, taken apart. False: it is none. */
bool lsr_limit_image_get(const uint8_t *payload, size_t size_bytes, bool is_end, lessor_limit_t *limit);

/* From the log: a limit is there; it is gone. LESSOR_OK; LESSOR_DAMAGED; LESSOR_NO_MEMORY. */
lessor_status_t lsr_limits_replay(lsr_limits_t *limits, const uint8_t *payload, size_t size_bytes);
lessor_status_t lsr_limits_replay_end(lsr_limits_t *limits, const uint8_t *payload, size_t size_bytes);

/* The counts are those of the leases. LESSOR_OK; LESSOR_NO_MEMORY; LESSOR_DAMAGED, and report->sentence says how. Nothing changes meanwhile. */
lessor_status_t lsr_limits_check(lessor_engine_t *engine, lessor_report_t *report);

#endif
