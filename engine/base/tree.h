/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ordered map from 64-bit keys to values of two kinds, which tells by place as well as by key: read by anybody at any time, changed by one writer at a time.
 *
 * Shape: a search tree whose nodes carry a priority, the greatest at the root, made from the key by a secret: so its shape depends on what is in it and not on the
 * order in which that came, its depth is a few times the logarithm, and nobody can choose keys that make it deep. A node counts what is below it, for places.
 *
 * Publishing: as in scope/trie.h. Nodes never change after they are reachable; a change copies those on its path and is published by one store; what it replaces is
 * freed after a grace period.
 *
 *   Readers: inside a read-side section; wait-free. One look sees one version of the map.
 *   Writers: exclude each other (the caller's lock); never wait for readers.
 *   Edge:    P1 publish root (release)  ->  P2 load root (acquire): everything below is complete.
 */
#ifndef LSR_TREE_H
#define LSR_TREE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lsr_tree_node {
	uint64_t key;
	void *value;
	struct lsr_tree_node *left;
	struct lsr_tree_node *right;
	uint32_t count[2];          /* of this node and those below, by kind */
	struct lsr_tree_node *link; /* the writer's */
	unsigned kind;
} lsr_tree_node_t;

typedef struct lsr_tree {
	_Atomic(lsr_tree_node_t *) root; /* writer: the caller's lock, P1; readers: P2 */
	uint64_t secret;
} lsr_tree_t;

/* All that is in it goes, values too; nobody may be reading. A tree that is all zero is an empty one. */
void lsr_tree_destroy(lsr_tree_t *tree);

/*
 * A change in two steps, as in scope/trie.h: stage, which fails only for want of memory (false: there is nothing to publish or abandon), then publish or abandon.
 * Values are NULL or malloc'ed. The tree frees those that a published change replaces or removes; one that was staged and abandoned is the caller's.
 */
typedef struct lsr_tree_change {
	lsr_tree_node_t *root;
	lsr_tree_node_t *fresh; /* nodes made for the new version */
	struct lsr_tree_waste *waste;
	uint64_t secret;
	bool failed;
} lsr_tree_change_t;

/* kind: 0 or 1. */
bool lsr_tree_stage_put(const lsr_tree_t *tree, uint64_t key, unsigned kind, void *value, lsr_tree_change_t *change);
/* The key is there. */
bool lsr_tree_stage_remove(const lsr_tree_t *tree, uint64_t key, lsr_tree_change_t *change);
void lsr_tree_publish(lsr_tree_t *tree, lsr_tree_change_t *change);
void lsr_tree_abandon(lsr_tree_change_t *change);

/* What follows, inside a read-side section or as the writer. NULL: there is none. */
const lsr_tree_node_t *lsr_tree_find(const lsr_tree_t *tree, uint64_t key);
/* The one with the smallest key that is not below 'key'. */
const lsr_tree_node_t *lsr_tree_next(const lsr_tree_t *tree, uint64_t key);
/* The one that has this many of its kind in front of it. */
const lsr_tree_node_t *lsr_tree_at(const lsr_tree_t *tree, unsigned kind, uint32_t place);

uint32_t lsr_tree_count(const lsr_tree_t *tree, unsigned kind);
/* Memory of the nodes. */
uint64_t lsr_tree_bytes(const lsr_tree_t *tree);
/* Are order, priorities and counts what they should be? */
bool lsr_tree_is_sound(const lsr_tree_t *tree);

#endif
