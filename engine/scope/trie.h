/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which scope owns an address: a map from disjoint prefixes to pointers, read by anybody at any time, changed by one writer at a time.
 *
 * Shape: a multi-bit trie with 6 bits per level. A node has one bit per child (64 slots) and one bit per *run* of equal leaves, so that a /20 that
 * covers 16 slots of a node costs one pointer (the idea of Poptrie by Asai and Ohara; ours keeps pointers, and children
 * and leaves in one block). Keys are 128 bits, IPv4 addresses in the top 32: the same code serves both families.
 *
 * Publishing: nodes never change after they are reachable. A change copies the nodes on the path to the root and publishes the new root with
 * one store; the replaced nodes are freed after a grace period.
 *
 *   Readers: inside a read-side section; wait-free; at most 22 nodes, 4 for an IPv4 /24. One look-up, or one walk, sees one
 *            version of the map.
 *   Writers: exclude each other (the caller's lock); never wait for readers.
 *   Edge:    T1 publish root (release)  ->  T2 load root (acquire): everything below is complete.
 */
#ifndef LSR_TRIE_H
#define LSR_TRIE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <lessor/status.h>

typedef struct lsr_key {
	uint64_t high;
	uint64_t low;
} lsr_key_t;

static inline lsr_key_t
lsr_key_ipv4(uint32_t address) {
	return (lsr_key_t){.high = (uint64_t)address << 32, .low = 0};
}

typedef struct lsr_trie_node lsr_trie_node_t;

typedef struct lsr_trie {
	_Atomic(lsr_trie_node_t *) root; /* writer: the caller's lock, T1; readers: T2 */
} lsr_trie_t;

/* An empty map. LESSOR_NO_MEMORY possible. */
lessor_status_t lsr_trie_init(lsr_trie_t *trie);

/* Free everything at once; nobody may be reading. A trie that is all zero is left alone. */
void lsr_trie_destroy(lsr_trie_t *trie);

/*
 * A change in two steps, so that what can fail (memory) comes before the log and what shows comes after it:
 * stage_insert or stage_remove builds the new version; then either publish, which cannot fail, or abandon. Between the two the map must
 * not be changed otherwise.
 *
 * stage_insert: map the prefix (the first 'bits' bits of key, 1 to 128; the others must be 0) to value (not NULL). LESSOR_SCOPE_EXISTS if any part
 *               of it is mapped already; LESSOR_NO_MEMORY.
 * stage_remove: unmap a prefix that is mapped exactly so. LESSOR_NOT_FOUND; LESSOR_NO_MEMORY.
 * After a status other than LESSOR_OK there is nothing to publish or abandon.
 */
#define LSR_TRIE_LEVELS 22
typedef struct lsr_trie_change {
	lsr_trie_node_t *old[LSR_TRIE_LEVELS];
	lsr_trie_node_t *fresh[LSR_TRIE_LEVELS];
	unsigned levels;
} lsr_trie_change_t;

lessor_status_t lsr_trie_stage_insert(const lsr_trie_t *trie, lsr_key_t key, unsigned bits, void *value,
				      lsr_trie_change_t *change);
lessor_status_t lsr_trie_stage_remove(const lsr_trie_t *trie, lsr_key_t key, unsigned bits, lsr_trie_change_t *change);
void lsr_trie_publish(lsr_trie_t *trie, lsr_trie_change_t *change);
void lsr_trie_abandon(lsr_trie_change_t *change);

/*
 * Unmap a prefix and map another one, which may overlap it, as one change: a look-up sees the one or the other. Statuses of both; publish and abandon as above.
 */
typedef struct lsr_trie_move {
	lsr_trie_change_t remove;
	lsr_trie_change_t insert;
} lsr_trie_move_t;

lessor_status_t lsr_trie_stage_move(const lsr_trie_t *trie, lsr_key_t old_key, unsigned old_bits, lsr_key_t key,
				    unsigned bits, void *value, lsr_trie_move_t *move);
void lsr_trie_publish_move(lsr_trie_t *trie, lsr_trie_move_t *move);
void lsr_trie_abandon_move(lsr_trie_move_t *move);

/* The value whose prefix contains key, or NULL. Inside a read-side section. */
void *lsr_trie_find(const lsr_trie_t *trie, lsr_key_t key);

/* The value with the lowest prefix that contains key or lies behind it, or NULL. Inside a read-side section. */
void *lsr_trie_next(const lsr_trie_t *trie, lsr_key_t key);

#endif
