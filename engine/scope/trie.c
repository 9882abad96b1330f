/* SPDX-License-Identifier: Apache-2.0 */
#include "scope/trie.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/rcu.h"

#define STRIDE_BITS 6u
#define SLOTS       64u
#define KEY_BITS    128u
#define LEVELS      LSR_TRIE_LEVELS

/*
 * One node. Slot s belongs to child number popcount(children below s) if its bit in 'children' is set, otherwise to the leaf run that began at
 * the last set bit of 'runs' at or below s. Slots of children do not end a run. Bit 0 of 'runs' is always set.
 */
struct lsr_trie_node {
	uint64_t children;
	uint64_t runs;
	lsr_rcu_head_t retired;
	void *slots[]; /* first the children, then one leaf per run (NULL: nothing there) */
};

static_assert(LEVELS == (KEY_BITS + STRIDE_BITS - 1) / STRIDE_BITS, "a level for each six bits");

/* A node spread out for editing. */
typedef struct {
	lsr_trie_node_t *child[SLOTS];
	void *leaf[SLOTS];
} lsr_trie_wide_t;

/* ---- small accessors ------------------------------------------------------------------------------------------- */

/* The six bits of the key that level 'level' looks at; bits beyond the key read as zero. */
static inline unsigned
slot_of(lsr_key_t key, unsigned level) {
	const unsigned from = level * STRIDE_BITS;
	if (from + STRIDE_BITS <= 64) {
		return (unsigned)(key.high >> (64 - from - STRIDE_BITS)) & (SLOTS - 1);
	}
	if (from >= 64) {
		const unsigned low_from = from - 64;
		return low_from + STRIDE_BITS <= 64
			       ? (unsigned)(key.low >> (64 - low_from - STRIDE_BITS)) & (SLOTS - 1)
			       : (unsigned)(key.low << (low_from + STRIDE_BITS - 64)) & (SLOTS - 1);
	}
	const unsigned in_low = from + STRIDE_BITS - 64;
	return (unsigned)((key.high << in_low) | (key.low >> (64 - in_low))) & (SLOTS - 1);
}

/* How many of the bits 0 to 'slot' are set. */
static inline unsigned
count_through(uint64_t set, unsigned slot) {
	return (unsigned)__builtin_popcountll(set << (SLOTS - 1 - slot));
}

static inline bool
has_child(const lsr_trie_node_t *node, unsigned slot) {
	return (node->children >> slot & 1) != 0;
}

static inline lsr_trie_node_t *
child_at(const lsr_trie_node_t *node, unsigned slot) {
	return node->slots[count_through(node->children, slot) - 1];
}

static inline void *
leaf_at(const lsr_trie_node_t *node, unsigned slot) {
	return node->slots[(unsigned)__builtin_popcountll(node->children) + count_through(node->runs, slot) - 1];
}

static const lsr_trie_node_t *
load_root(const lsr_trie_t *trie) {
	/* T2 */
	return atomic_load_explicit(&trie->root, memory_order_acquire);
}

/* ---- building nodes -------------------------------------------------------------------------------------------- */

static void
widen(const lsr_trie_node_t *node, lsr_trie_wide_t *wide) {
	for (unsigned slot = 0; slot < SLOTS; slot++) {
		const bool child = has_child(node, slot);
		wide->child[slot] = child ? child_at(node, slot) : NULL;
		wide->leaf[slot] = child ? NULL : leaf_at(node, slot);
	}
}

static bool
is_empty(const lsr_trie_wide_t *wide) {
	for (unsigned slot = 0; slot < SLOTS; slot++) {
		if (wide->child[slot] != NULL || wide->leaf[slot] != NULL) {
			return false;
		}
	}
	return true;
}

static lsr_trie_node_t *
narrow(const lsr_trie_wide_t *wide) {
	uint64_t children = 0;
	uint64_t runs = 1;
	void *last_leaf = NULL;
	void *leaves[SLOTS];
	unsigned leaf_count = 0;
	for (unsigned slot = 0; slot < SLOTS; slot++) {
		if (wide->child[slot] != NULL) {
			children |= UINT64_C(1) << slot;
		} else if (leaf_count == 0 || wide->leaf[slot] != last_leaf) {
			/* The first run begins at bit 0 even if children stand before it. */
			runs |= leaf_count == 0 ? 1 : UINT64_C(1) << slot;
			last_leaf = leaves[leaf_count++] = wide->leaf[slot];
		}
	}
	if (leaf_count == 0) {
		leaves[leaf_count++] = NULL;
	}
	const unsigned child_count = (unsigned)__builtin_popcountll(children);
	lsr_trie_node_t *node = malloc(sizeof(*node) + (child_count + leaf_count) * sizeof(node->slots[0]));
	if (node == NULL) {
		return NULL;
	}
	node->children = children;
	node->runs = runs;
	unsigned next = 0;
	for (unsigned slot = 0; slot < SLOTS; slot++) {
		if (wide->child[slot] != NULL) {
			node->slots[next++] = wide->child[slot];
		}
	}
	memcpy(&node->slots[next], leaves, leaf_count * sizeof(leaves[0]));
	return node;
}

static void
free_node(lsr_rcu_head_t *head) {
	free(LSR_CONTAINER(head, lsr_trie_node_t, retired));
}

/* ---- changing: copy the path --------------------------------------------------------------------------------------- */

/* The nodes from the root down to the one that holds the prefix's slots, and what is to replace them. */
typedef struct {
	lsr_trie_node_t *old[LEVELS];
	lsr_trie_wide_t wide; /* of the level in work */
	unsigned levels;      /* how many of 'old' exist */
	unsigned target;      /* the level that holds the prefix's slots */
	unsigned first_slot;
	unsigned last_slot;
} lsr_trie_path_t;

static void
find_path(const lsr_trie_t *trie, lsr_key_t key, unsigned bits, lsr_trie_path_t *path) {
	path->target = (bits - 1) / STRIDE_BITS;
	const unsigned rest = bits - path->target * STRIDE_BITS; /* 1 to 6 */
	path->first_slot = slot_of(key, path->target);
	path->last_slot = path->first_slot + (1u << (STRIDE_BITS - rest)) - 1;
	path->levels = 0;
	/* The writer is alone: relaxed is enough to read what it published itself. */
	lsr_trie_node_t *node = atomic_load_explicit(&trie->root, memory_order_relaxed);
	for (;;) {
		path->old[path->levels++] = node;
		const unsigned slot = slot_of(key, path->levels - 1);
		if (path->levels - 1 == path->target || !has_child(node, slot)) {
			return;
		}
		node = child_at(node, slot);
	}
}

/* Build the replacements from the target level upwards; fresh[0] is the new root. Levels that become empty vanish (except the root). */
static bool
rebuild(lsr_trie_path_t *path, lsr_key_t key, lsr_trie_node_t *fresh[LEVELS]) {
	memset(fresh, 0, LEVELS * sizeof(fresh[0]));
	for (unsigned level = path->target;; level--) {
		if (level < path->target) {
			const unsigned slot = slot_of(key, level);
			if (level < path->levels) {
				widen(path->old[level], &path->wide);
			} else {
				memset(&path->wide, 0, sizeof(path->wide));
			}
			path->wide.child[slot] = fresh[level + 1];
			path->wide.leaf[slot] = NULL;
		}
		if (level == 0 || !is_empty(&path->wide)) {
			fresh[level] = narrow(&path->wide);
			if (fresh[level] == NULL) {
				for (unsigned done = level + 1; done < LEVELS; done++) {
					free(fresh[done]);
				}
				return false;
			}
		}
		if (level == 0) {
			return true;
		}
	}
}

static lessor_status_t
stage(lsr_trie_path_t *path, lsr_key_t key, lsr_trie_change_t *change) {
	if (!rebuild(path, key, change->fresh)) {
		return LESSOR_NO_MEMORY;
	}
	memcpy(change->old, path->old, path->levels * sizeof(path->old[0]));
	change->levels = path->levels;
	return LESSOR_OK;
}

void
lsr_trie_publish(lsr_trie_t *trie, lsr_trie_change_t *change) {
	/* T1: from here on look-ups see the new version. */
	atomic_store_explicit(&trie->root, change->fresh[0], memory_order_release);
	for (unsigned level = 0; level < change->levels; level++) {
		lsr_rcu_defer(&change->old[level]->retired, free_node);
	}
}

void
lsr_trie_abandon(lsr_trie_change_t *change) {
	for (unsigned level = 0; level < LEVELS; level++) {
		free(change->fresh[level]);
	}
}

lessor_status_t
lsr_trie_stage_insert(const lsr_trie_t *trie, lsr_key_t key, unsigned bits, void *value, lsr_trie_change_t *change) {
	lsr_trie_path_t path;
	find_path(trie, key, bits, &path);
	if (path.levels - 1 < path.target) {
		/* The path ends above the target: free only if the slot it ends at is empty. */
		if (leaf_at(path.old[path.levels - 1], slot_of(key, path.levels - 1)) != NULL) {
			return LESSOR_SCOPE_EXISTS;
		}
		memset(&path.wide, 0, sizeof(path.wide));
	} else {
		widen(path.old[path.target], &path.wide);
	}
	for (unsigned slot = path.first_slot; slot <= path.last_slot; slot++) {
		if (path.wide.child[slot] != NULL || path.wide.leaf[slot] != NULL) {
			return LESSOR_SCOPE_EXISTS;
		}
		path.wide.leaf[slot] = value;
	}
	return stage(&path, key, change);
}

lessor_status_t
lsr_trie_stage_remove(const lsr_trie_t *trie, lsr_key_t key, unsigned bits, lsr_trie_change_t *change) {
	lsr_trie_path_t path;
	find_path(trie, key, bits, &path);
	if (path.levels - 1 < path.target) {
		return LESSOR_NOT_FOUND;
	}
	widen(path.old[path.target], &path.wide);
	void *value = path.wide.leaf[path.first_slot];
	for (unsigned slot = path.first_slot; slot <= path.last_slot; slot++) {
		if (value == NULL || path.wide.leaf[slot] != value) {
			return LESSOR_NOT_FOUND;
		}
		path.wide.leaf[slot] = NULL;
	}
	/* The same value outside these slots: a shorter prefix was meant. */
	if ((path.first_slot > 0 && path.wide.leaf[path.first_slot - 1] == value) ||
	    (path.last_slot < SLOTS - 1 && path.wide.leaf[path.last_slot + 1] == value)) {
		return LESSOR_NOT_FOUND;
	}
	return stage(&path, key, change);
}

lessor_status_t
lsr_trie_stage_move(const lsr_trie_t *trie, lsr_key_t old_key, unsigned old_bits, lsr_key_t key, unsigned bits,
		    void *value, lsr_trie_move_t *move) {
	lessor_status_t status = lsr_trie_stage_remove(trie, old_key, old_bits, &move->remove);
	if (status == LESSOR_OK) {
		lsr_trie_t between;
		atomic_init(&between.root, move->remove.fresh[0]);
		status = lsr_trie_stage_insert(&between, key, bits, value, &move->insert);
		if (status != LESSOR_OK) {
			lsr_trie_abandon(&move->remove);
		}
	}
	return status;
}

void
lsr_trie_publish_move(lsr_trie_t *trie, lsr_trie_move_t *move) {
	/* The second one shows both; then the first one's nodes go, and those that stood between the two, which nobody ever saw. */
	lsr_trie_t between;
	lsr_trie_publish(trie, &move->insert);
	lsr_trie_publish(&between, &move->remove);
}

void
lsr_trie_abandon_move(lsr_trie_move_t *move) {
	lsr_trie_abandon(&move->insert);
	lsr_trie_abandon(&move->remove);
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

/* The rest of a long key. */
static void *
find_below(const lsr_trie_node_t *node, unsigned level, lsr_key_t key) {
	for (;; level++) {
		const unsigned slot = slot_of(key, level);
		if (!has_child(node, slot)) {
			return leaf_at(node, slot);
		}
		node = child_at(node, slot);
	}
}

void *
lsr_trie_find(const lsr_trie_t *trie, lsr_key_t key) {
	const lsr_trie_node_t *node = load_root(trie);
	/* The first ten levels lie within the upper half of the key: more than an IPv4 address has. */
	uint64_t rest = key.high;
	for (unsigned level = 0; level < 64 / STRIDE_BITS; level++, rest <<= STRIDE_BITS) {
		const unsigned slot = (unsigned)(rest >> (64 - STRIDE_BITS));
		if (!has_child(node, slot)) {
			return leaf_at(node, slot);
		}
		node = child_at(node, slot);
	}
	return find_below(node, 64 / STRIDE_BITS, key);
}

/* The first value at or below 'node' from 'slot' on, where the first slot is entered with the key's own bits if 'bounded'. */
static void *
next_below(const lsr_trie_node_t *node, unsigned level, lsr_key_t key, bool bounded) {
	for (unsigned slot = bounded ? slot_of(key, level) : 0; slot < SLOTS; slot++) {
		void *found = has_child(node, slot) ? next_below(child_at(node, slot), level + 1, key, bounded)
						    : leaf_at(node, slot);
		if (found != NULL) {
			return found;
		}
		bounded = false;
	}
	return NULL;
}

void *
lsr_trie_next(const lsr_trie_t *trie, lsr_key_t key) {
	return next_below(load_root(trie), 0, key, true);
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

lessor_status_t
lsr_trie_init(lsr_trie_t *trie) {
	static const lsr_trie_wide_t nothing;
	lsr_trie_node_t *root = narrow(&nothing);
	if (root == NULL) {
		return LESSOR_NO_MEMORY;
	}
	atomic_init(&trie->root, root);
	return LESSOR_OK;
}

static void
destroy_below(lsr_trie_node_t *node) {
	const unsigned child_count = (unsigned)__builtin_popcountll(node->children);
	for (unsigned i = 0; i < child_count; i++) {
		destroy_below(node->slots[i]);
	}
	free(node);
}

void
lsr_trie_destroy(lsr_trie_t *trie) {
	lsr_trie_node_t *root = atomic_exchange_explicit(&trie->root, NULL, memory_order_relaxed);
	if (root != NULL) {
		destroy_below(root);
	}
}
