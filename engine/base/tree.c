/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tree.h"

#include <stdlib.h>

#include "base/base.h"
#include "base/rcu.h"

/* What a change replaces. */
typedef struct lsr_tree_waste {
	lsr_rcu_head_t retired;
	lsr_tree_node_t *nodes;
	void *value;
} lsr_tree_waste_t;

static const lsr_tree_node_t *
load_root(const lsr_tree_t *tree) {
	return atomic_load_explicit(&tree->root, memory_order_acquire); /* P2 */
}

/* No two keys have the same: each step can be undone. */
static uint64_t
priority(uint64_t secret, uint64_t key) {
	uint64_t x = key ^ secret;
	x = (x ^ (x >> 32)) * UINT64_C(0xD6E8FEB86659FD93);
	x = (x ^ (x >> 32)) * UINT64_C(0xD6E8FEB86659FD93);
	return x ^ (x >> 32);
}

static uint32_t
count_of(const lsr_tree_node_t *node, unsigned kind) {
	return node != NULL ? node->count[kind] : 0;
}

/* ---- changing ------------------------------------------------------------------------------------------------------ */

static lsr_tree_node_t *
make(lsr_tree_change_t *change, uint64_t key, unsigned kind, void *value, lsr_tree_node_t *left,
     lsr_tree_node_t *right) {
	lsr_tree_node_t *node = malloc(sizeof(*node));
	if (node == NULL) {
		change->failed = true;
		return NULL;
	}
	*node = (lsr_tree_node_t){
		.key = key, .kind = kind, .value = value, .left = left, .right = right, .link = change->fresh};
	for (unsigned i = 0; i < 2; i++) {
		node->count[i] = count_of(left, i) + count_of(right, i) + (kind == i);
	}
	change->fresh = node;
	return node;
}

static void
waste(lsr_tree_change_t *change, lsr_tree_node_t *node) {
	node->link = change->waste->nodes;
	change->waste->nodes = node;
}

/* The node with other ones below it. */
static lsr_tree_node_t *
replant(lsr_tree_change_t *change, lsr_tree_node_t *node, lsr_tree_node_t *left, lsr_tree_node_t *right) {
	waste(change, node);
	return make(change, node->key, node->kind, node->value, left, right);
}

/* What lies before a key that is not there, and behind it. */
static void
split(lsr_tree_change_t *change, lsr_tree_node_t *node, uint64_t key, lsr_tree_node_t **before,
      lsr_tree_node_t **behind) {
	if (node == NULL) {
		*before = *behind = NULL;
	} else if (node->key < key) {
		split(change, node->right, key, before, behind);
		*before = replant(change, node, node->left, *before);
	} else {
		split(change, node->left, key, before, behind);
		*behind = replant(change, node, *behind, node->right);
	}
}

static lsr_tree_node_t *
join(lsr_tree_change_t *change, lsr_tree_node_t *left, lsr_tree_node_t *right) {
	if (left == NULL || right == NULL) {
		return left != NULL ? left : right;
	}
	return priority(change->secret, left->key) > priority(change->secret, right->key)
		       ? replant(change, left, left->left, join(change, left->right, right))
		       : replant(change, right, join(change, left, right->left), right->right);
}

static lsr_tree_node_t *
put(lsr_tree_change_t *change, lsr_tree_node_t *node, uint64_t key, unsigned kind, void *value) {
	lsr_tree_node_t *left;
	lsr_tree_node_t *right;
	if (node != NULL && node->key == key) {
		change->waste->value = node->value;
		waste(change, node);
		return make(change, key, kind, value, node->left, node->right);
	}
	if (node == NULL || priority(change->secret, key) > priority(change->secret, node->key)) {
		split(change, node, key, &left, &right); /* it is not below: it would stand above */
		return make(change, key, kind, value, left, right);
	}
	return key < node->key ? replant(change, node, put(change, node->left, key, kind, value), node->right)
			       : replant(change, node, node->left, put(change, node->right, key, kind, value));
}

static lsr_tree_node_t *
take_out(lsr_tree_change_t *change, lsr_tree_node_t *node, uint64_t key) {
	if (node->key == key) {
		change->waste->value = node->value;
		waste(change, node);
		return join(change, node->left, node->right);
	}
	return key < node->key ? replant(change, node, take_out(change, node->left, key), node->right)
			       : replant(change, node, node->left, take_out(change, node->right, key));
}

static lsr_tree_node_t *
begin(const lsr_tree_t *tree, lsr_tree_change_t *change) {
	*change = (lsr_tree_change_t){.secret = tree->secret, .waste = calloc(1, sizeof(*change->waste))};
	return atomic_load_explicit(&tree->root, memory_order_relaxed);
}

static bool
settle(lsr_tree_change_t *change, lsr_tree_node_t *root) {
	change->root = root;
	if (change->failed) {
		lsr_tree_abandon(change);
	}
	return !change->failed;
}

bool
lsr_tree_stage_put(const lsr_tree_t *tree, uint64_t key, unsigned kind, void *value, lsr_tree_change_t *change) {
	lsr_tree_node_t *root = begin(tree, change);
	return change->waste != NULL && settle(change, put(change, root, key, kind, value));
}

bool
lsr_tree_stage_remove(const lsr_tree_t *tree, uint64_t key, lsr_tree_change_t *change) {
	lsr_tree_node_t *root = begin(tree, change);
	return change->waste != NULL && settle(change, take_out(change, root, key));
}

static void
free_nodes(lsr_tree_node_t *node) {
	while (node != NULL) {
		lsr_tree_node_t *next = node->link;
		free(node);
		node = next;
	}
}

static void
free_waste(lsr_rcu_head_t *head) {
	lsr_tree_waste_t *waste_of = LSR_CONTAINER(head, lsr_tree_waste_t, retired);
	free_nodes(waste_of->nodes);
	free(waste_of->value);
	free(waste_of);
}

void
lsr_tree_publish(lsr_tree_t *tree, lsr_tree_change_t *change) {
	atomic_store_explicit(&tree->root, change->root, memory_order_release); /* P1 */
	lsr_rcu_defer(&change->waste->retired, free_waste);
}

void
lsr_tree_abandon(lsr_tree_change_t *change) {
	free_nodes(change->fresh);
	free(change->waste);
}

static void
destroy_below(lsr_tree_node_t *node) {
	if (node != NULL) {
		destroy_below(node->left);
		destroy_below(node->right);
		free(node->value);
		free(node);
	}
}

void
lsr_tree_destroy(lsr_tree_t *tree) {
	destroy_below(atomic_exchange_explicit(&tree->root, NULL, memory_order_relaxed));
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

const lsr_tree_node_t *
lsr_tree_find(const lsr_tree_t *tree, uint64_t key) {
	const lsr_tree_node_t *node = load_root(tree);
	while (node != NULL && node->key != key) {
		node = key < node->key ? node->left : node->right;
	}
	return node;
}

const lsr_tree_node_t *
lsr_tree_next(const lsr_tree_t *tree, uint64_t key) {
	const lsr_tree_node_t *best = NULL;
	for (const lsr_tree_node_t *node = load_root(tree); node != NULL;) {
		if (node->key >= key) {
			best = node;
			node = node->left;
		} else {
			node = node->right;
		}
	}
	return best;
}

const lsr_tree_node_t *
lsr_tree_at(const lsr_tree_t *tree, unsigned kind, uint32_t place) {
	const lsr_tree_node_t *node = load_root(tree);
	while (node != NULL) {
		const uint32_t before = count_of(node->left, kind);
		if (place < before) {
			node = node->left;
		} else if (place == before && node->kind == kind) {
			return node;
		} else {
			place -= before + (node->kind == kind);
			node = node->right;
		}
	}
	return NULL;
}

uint32_t
lsr_tree_count(const lsr_tree_t *tree, unsigned kind) {
	return count_of(load_root(tree), kind);
}

uint64_t
lsr_tree_bytes(const lsr_tree_t *tree) {
	const lsr_tree_node_t *root = load_root(tree);
	return ((uint64_t)count_of(root, 0) + count_of(root, 1)) * sizeof(*root);
}

static bool
is_sound_below(const lsr_tree_node_t *node, uint64_t secret, uint64_t first, uint64_t last) {
	if (node == NULL) {
		return true;
	}
	bool sound = node->key >= first && node->key <= last && node->kind < 2;
	for (unsigned i = 0; i < 2; i++) {
		const lsr_tree_node_t *below = i == 0 ? node->left : node->right;
		sound = sound && (below == NULL || priority(secret, below->key) < priority(secret, node->key)) &&
			node->count[i] == count_of(node->left, i) + count_of(node->right, i) + (node->kind == i);
	}
	return sound &&
	       (node->left == NULL || (node->key > 0 && is_sound_below(node->left, secret, first, node->key - 1))) &&
	       (node->right == NULL ||
		(node->key < UINT64_MAX && is_sound_below(node->right, secret, node->key + 1, last)));
}

bool
lsr_tree_is_sound(const lsr_tree_t *tree) {
	return is_sound_below(load_root(tree), tree->secret, 0, UINT64_MAX);
}
