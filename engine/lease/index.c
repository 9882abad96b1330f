/* SPDX-License-Identifier: Apache-2.0 */
#include "lease/index.h"

#include <assert.h>
#include <stdlib.h>

#include "base/base.h"
#include "base/rcu.h"

#ifdef __SSE4_1__
#include <smmintrin.h>
#endif

/* A test makes the machine small (all of these), so that little of everything is enough for splits, joins and levels. */
#ifndef LSR_INDEX_LEAF_BYTES
/* Smaller steps: leaves that fit better, but have to be made anew more often. */
#define LSR_INDEX_STEP_BYTES 128u
/* Longer leaves: fewer of them, thus smaller inner nodes, but more lines to look at and more to copy. Eight lines hold 41 entries. */
#define LSR_INDEX_LEAF_BYTES 512u
/* Children of an inner node: what is copied when one of them is split. */
#define LSR_INDEX_INNER_MAX 63u
/* A leaf is made smaller if it would be even with so many entries more, so that the next few do not make it grow again. */
#define LSR_INDEX_SPARE 6u
#endif

#define LINE_BYTES   LSR_CACHE_LINE_BYTES
#define HEADER_BYTES 16u
#define ENTRY_BYTES  12u
#define LEAF_MAX     ((LSR_INDEX_LEAF_BYTES - HEADER_BYTES) / ENTRY_BYTES)
#define INNER_MAX    LSR_INDEX_INNER_MAX
/* Two neighbours become one node if that leaves room in it. */
#define JOIN_LEAF  (LEAF_MAX * 3 / 4)
#define JOIN_INNER (INNER_MAX * 3 / 4)
/* An inner node with fewer children looks for a neighbour to join. */
#define FEW_CHILDREN (INNER_MAX / 2)
/* Far more levels than 2^32 entries can make. */
#define LEVELS_MAX 16u

#define STATE_LOCKED UINT32_C(1)
#define STATE_DEAD   UINT32_C(2)

/* Behind the header lie, in a leaf, 'count' keys and 'count' values; in an inner node 'count' keys and 'count' children. */
struct lsr_index_node {
	_Atomic uint32_t state;
	_Atomic uint32_t changes; /* leaf: keys that were ever put into a place */
	uint16_t count;           /* leaf: places; inner: children; fixed */
	_Atomic uint16_t live;    /* leaf: entries */
	uint8_t level;            /* 0: leaf; fixed */
	uint8_t unused[3];
	_Atomic uint64_t
		key[]; /* inner: fixed; child i has the keys from key[i] to key[i + 1] - 1; key[0] means nothing */
};

static_assert(sizeof(struct lsr_index_node) == HEADER_BYTES, "a leaf's places are counted on it");
static_assert(LEAF_MAX <= 64, "a set of places is one word");

typedef _Atomic(lsr_index_node_t *) lsr_index_child_t;

/* ---- inside a node --------------------------------------------------------------------------------------------- */

static inline _Atomic uint32_t *
values_of(const lsr_index_node_t *leaf) {
	return (_Atomic uint32_t *)(uintptr_t)(leaf->key + leaf->count);
}

static inline lsr_index_child_t *
children_of(const lsr_index_node_t *inner) {
	return (lsr_index_child_t *)(uintptr_t)(inner->key + inner->count);
}

static inline size_t
bytes_of(const lsr_index_node_t *node) {
	return HEADER_BYTES + (size_t)node->count * (node->level == 0 ? ENTRY_BYTES : 16u);
}

static inline uint64_t
key_at(const lsr_index_node_t *node, unsigned i) {
	return atomic_load_explicit(&node->key[i], memory_order_relaxed);
}

static inline uint32_t
value_at(const lsr_index_node_t *leaf, unsigned i) {
	return atomic_load_explicit(&values_of(leaf)[i], memory_order_acquire); /* I5 */
}

static inline lsr_index_node_t *
child_at(const lsr_index_node_t *inner, unsigned i) {
	return atomic_load_explicit(&children_of(inner)[i], memory_order_acquire); /* I2 */
}

static inline lsr_index_node_t *
root_of(const lsr_index_t *index) {
	return atomic_load_explicit(&index->root, memory_order_acquire); /* I2 */
}

static inline unsigned
live_in(const lsr_index_node_t *leaf) {
	return atomic_load_explicit(&leaf->live, memory_order_relaxed);
}

/* How many places a leaf for so many entries has: it ends with a line, or, unless it is very short, with a pair of lines. */
static inline unsigned
places_for(unsigned entries) {
	const unsigned least = HEADER_BYTES + entries * ENTRY_BYTES;
	const unsigned bytes = least <= LINE_BYTES ? LINE_BYTES : (unsigned)lsr_round_up(least, LSR_INDEX_STEP_BYTES);
	return (bytes - HEADER_BYTES) / ENTRY_BYTES;
}

/* The child that has the key. Without branches: which way it goes is not to be predicted. */
static inline unsigned
child_for(const lsr_index_node_t *inner, uint64_t key) {
	unsigned at = 0;
	for (unsigned left = inner->count; left > 1;) {
		const unsigned half = left / 2;
		at += (unsigned)(key_at(inner, at + half) <= key) * half;
		left -= half;
	}
	return at;
}

/* The places (a bit each) that have the key, free or not. */
static inline uint64_t
places_with(const lsr_index_node_t *leaf, uint64_t key) {
	const unsigned count = leaf->count;
	uint64_t places = 0;
#if defined(__SSE4_1__) && !defined(LSR_TSAN)
	/* Each aligned eight bytes of a vector are loaded at once. What looks like a candidate is loaded again. */
	const __m128i wanted = _mm_set1_epi64x((long long)key);
	const __m128i *pairs = (const __m128i *)(const void *)((const char *)leaf + HEADER_BYTES);
	unsigned i = 0;
	for (; i + 4 <= count; i += 4) {
		const __m128 low = _mm_castsi128_ps(_mm_cmpeq_epi64(_mm_loadu_si128(pairs + i / 2), wanted));
		const __m128 high = _mm_castsi128_ps(_mm_cmpeq_epi64(_mm_loadu_si128(pairs + i / 2 + 1), wanted));
		places |= (uint64_t)(unsigned)_mm_movemask_ps(_mm_shuffle_ps(low, high, 0x88)) << i;
	}
	for (; i < count; i++) {
		places |= (uint64_t)(key_at(leaf, i) == key) << i;
	}
	atomic_thread_fence(memory_order_acquire); /* I7 */
#else
	for (unsigned i = 0; i < count; i++) {
		places |= (uint64_t)(atomic_load_explicit(&leaf->key[i], memory_order_acquire) == key) << i;
	}
#endif
	return places;
}

/* A free place of a leaf that has one, for who has locked it. Most are filled from the front, and nothing is ever removed from them. */
static unsigned
free_place(const lsr_index_node_t *leaf) {
	unsigned i = live_in(leaf);
	if (LSR_LIKELY(value_at(leaf, i) == 0)) {
		return i;
	}
	i = 0;
	while (value_at(leaf, i) != 0) {
		i++;
	}
	return i;
}

typedef struct lsr_index_entry {
	uint64_t key;
	uint32_t value;
} lsr_index_entry_t;

/* Put an entry among sorted ones. Mostly it is the greatest. */
static inline void
sort_in(lsr_index_entry_t *entries, unsigned count, lsr_index_entry_t entry) {
	unsigned at = count;
	for (; at > 0 && entries[at - 1].key > entry.key; at--) {
		entries[at] = entries[at - 1];
	}
	entries[at] = entry;
}

/* What a leaf has of [first, last], in order. */
static unsigned
collect(const lsr_index_node_t *leaf, uint64_t first, uint64_t last, lsr_index_entry_t *entries) {
	for (;;) {
		const uint32_t changes = atomic_load_explicit(&leaf->changes, memory_order_acquire);
		unsigned count = 0;
		for (unsigned i = 0; i < leaf->count; i++) {
			/* In this order: see I6. */
			const uint32_t value = value_at(leaf, i);
			const uint64_t key = atomic_load_explicit(&leaf->key[i], memory_order_acquire);
			if (value != 0 && key >= first && key <= last) {
				sort_in(entries, count++, (lsr_index_entry_t){.key = key, .value = value});
			}
		}
		if (LSR_LIKELY(atomic_load_explicit(&leaf->changes, memory_order_acquire) == changes)) { /* I7 */
			return count;
		}
	}
}

static uint32_t
find_in(const lsr_index_node_t *leaf, uint64_t key) {
	for (;;) {
		const uint32_t changes = atomic_load_explicit(&leaf->changes, memory_order_acquire);
		uint32_t found = 0;
		for (uint64_t left = places_with(leaf, key); left != 0 && found == 0; left &= left - 1) {
			const unsigned i = (unsigned)__builtin_ctzll(left);
			found = value_at(leaf, i);
			if (atomic_load_explicit(&leaf->key[i], memory_order_acquire) != key) {
				found = 0;
			}
		}
		/* I7. A miss is a miss: what was there all the time was in its place all the time. */
		if (LSR_LIKELY(found == 0 || atomic_load_explicit(&leaf->changes, memory_order_acquire) == changes)) {
			return found;
		}
	}
}

/* ---- going down ------------------------------------------------------------------------------------------------ */

/* How long a node is cannot be known before its first line has come; so many lines are what most have, and are fetched at once. */
#define LEAF_LINES  6u
#define INNER_LINES 12u

static inline void
fetch(const lsr_index_node_t *node, unsigned lines) {
	for (unsigned i = 0; i < lines; i++) {
		__builtin_prefetch((const char *)node + (size_t)i * LSR_CACHE_LINE_BYTES, 0, 3);
	}
}

static inline lsr_index_node_t *
step_down(const lsr_index_node_t *inner, uint64_t key) {
	lsr_index_node_t *below = child_at(inner, child_for(inner, key));
	fetch(below, inner->level == 1 ? LEAF_LINES : INNER_LINES);
	return below;
}

/* The node of this level that has the key; NULL: there is no such level. */
static inline lsr_index_node_t *
go_down(const lsr_index_t *index, uint64_t key, unsigned level) {
	lsr_index_node_t *node = root_of(index);
	if (LSR_UNLIKELY(node == NULL || node->level < level)) {
		return NULL;
	}
	while (node->level > level) {
		node = step_down(node, key);
	}
	return node;
}

/* A leaf, NULL if there are none, and which keys it can have. */
typedef struct lsr_index_span {
	const lsr_index_node_t *leaf;
	uint64_t lower;
	uint64_t upper;
} lsr_index_span_t;

/* The leaf that has the key. The next one is fetched ahead. */
static lsr_index_span_t
seek(const lsr_index_t *index, uint64_t key) {
	lsr_index_span_t span = {.leaf = root_of(index), .lower = 0, .upper = UINT64_MAX};
	while (span.leaf != NULL && span.leaf->level > 0) {
		const lsr_index_node_t *inner = span.leaf;
		const unsigned at = child_for(inner, key);
		if (at > 0) {
			span.lower = key_at(inner, at);
		}
		if (at + 1 < inner->count) {
			span.upper = key_at(inner, at + 1) - 1;
			fetch(child_at(inner, at + 1), LEAF_LINES);
		}
		span.leaf = child_at(inner, at);
	}
	return span;
}

uint32_t
lsr_index_find(const lsr_index_t *index, uint64_t key) {
	const lsr_index_node_t *leaf = go_down(index, key, 0);
	return LSR_LIKELY(leaf != NULL) ? find_in(leaf, key) : 0;
}

void
lsr_index_approach(lsr_index_probe_t *probes, unsigned count) {
	for (unsigned i = 0; i < count; i++) {
		probes[i].at = root_of(probes[i].index);
	}
	for (bool on_the_way = true; on_the_way;) {
		on_the_way = false;
		for (unsigned i = 0; i < count; i++) {
			lsr_index_node_t *node = probes[i].at;
			if (node != NULL && node->level > 0) {
				probes[i].at = step_down(node, probes[i].key);
				on_the_way = on_the_way || node->level > 1;
			}
		}
	}
}

uint32_t
lsr_index_find_near(const lsr_index_probe_t *probe) {
	if (LSR_LIKELY(probe->at != NULL)) {
		const uint32_t found = find_in(probe->at, probe->key);
		/* I9: what was done before this call is in the leaf, unless that has been replaced. */
		if (LSR_LIKELY((atomic_load_explicit(&probe->at->state, memory_order_acquire) & STATE_DEAD) == 0)) {
			return found;
		}
	}
	return lsr_index_find(probe->index, probe->key);
}

/* ---- in order -------------------------------------------------------------------------------------------------- */

uint32_t
lsr_index_scan(const lsr_index_t *index, uint64_t first, uint64_t last, uint64_t *keys, uint32_t *values,
	       uint32_t capacity) {
	uint32_t count = 0;
	while (count < capacity && first <= last) {
		lsr_index_entry_t entries[LEAF_MAX];
		const lsr_index_span_t span = seek(index, first);
		if (span.leaf == NULL) {
			break;
		}
		/* Not beyond 'upper': the leaf may have got more to answer for since. */
		const unsigned found = collect(span.leaf, first, lsr_min_u64(span.upper, last), entries);
		for (unsigned i = 0; i < found && count < capacity; i++, count++) {
			keys[count] = entries[i].key;
			values[count] = entries[i].value;
		}
		if (span.upper >= last) {
			break;
		}
		first = span.upper + 1;
	}
	return count;
}

uint32_t
lsr_index_next(const lsr_index_t *index, uint64_t *key, uint64_t last) {
	uint64_t found;
	uint32_t value;
	if (lsr_index_scan(index, *key, last, &found, &value, 1) == 0) {
		return 0;
	}
	*key = found;
	return value;
}

uint64_t
lsr_index_count(const lsr_index_t *index, uint64_t first, uint64_t last) {
	uint64_t count = 0;
	while (first <= last) {
		lsr_index_entry_t entries[LEAF_MAX];
		const lsr_index_span_t span = seek(index, first);
		if (span.leaf == NULL) {
			break;
		}
		const bool whole = span.lower == first && span.upper <= last;
		count += whole ? live_in(span.leaf) : collect(span.leaf, first, lsr_min_u64(span.upper, last), entries);
		if (span.upper >= last) {
			break;
		}
		first = span.upper + 1;
	}
	return count;
}

uint64_t
lsr_index_bytes(const lsr_index_t *index) {
	return atomic_load_explicit(&index->bytes, memory_order_relaxed);
}

/* ---- locks ----------------------------------------------------------------------------------------------------- */

static bool
try_lock(_Atomic uint32_t *state) {
	uint32_t free = 0;
	return atomic_load_explicit(state, memory_order_relaxed) == 0 &&
	       atomic_compare_exchange_strong_explicit(state, &free, STATE_LOCKED, memory_order_acquire,
						       memory_order_acquire); /* I3 */
}

/* False: the node is dead; what has replaced it is in the tree, or will be in a moment. */
static bool
lock(_Atomic uint32_t *state) {
	unsigned round = 0;
	while (LSR_UNLIKELY(!try_lock(state))) {
		if ((atomic_load_explicit(state, memory_order_acquire) & STATE_DEAD) != 0) { /* I3 */
			lsr_relax(&round);
			return false;
		}
		lsr_relax(&round); /* the holder finishes one look, or one split */
	}
	return true;
}

static void
unlock(_Atomic uint32_t *state) {
	atomic_store_explicit(state, 0, memory_order_release); /* I3 */
}

/* Lock the node of this level that has the key. What it has to answer for never becomes less while it lives, so having found it on an old way is good enough. */
static lsr_index_node_t *
lock_node(const lsr_index_t *index, uint64_t key, unsigned level) {
	for (;;) {
		lsr_index_node_t *node = go_down(index, key, level);
		if (node == NULL || lock(&node->state)) {
			return node;
		}
	}
}

/*
 * Lock the parent of a locked node that has the key. NULL: it is the root, and the index is locked. A root that is locked stays the root; but a node that is not may
 * become it meanwhile, when the only thing above it goes.
 */
static lsr_index_node_t *
lock_parent(lsr_index_t *index, uint64_t key, const lsr_index_node_t *node) {
	for (;;) {
		if (root_of(index) == node) {
			(void)lock(&index->lock);
			return NULL;
		}
		lsr_index_node_t *parent = lock_node(index, key, node->level + 1u);
		if (parent != NULL) {
			return parent;
		}
	}
}

/* ---- changes of the tree's shape ------------------------------------------------------------------------------- */

typedef struct lsr_index_retired {
	lsr_rcu_head_t head;
	unsigned count;
	lsr_index_node_t *node[LEVELS_MAX + 2];
} lsr_index_retired_t;

/* Locked nodes on their way out, new ones on their way in. */
typedef struct lsr_index_change {
	lsr_index_t *index;
	uint64_t key; /* that all of them have to do with */
	lsr_index_retired_t *old;
	unsigned fresh_count;
	lsr_index_node_t *fresh[2 * LEVELS_MAX];
} lsr_index_change_t;

/* What stands in the place of one node, or of two: so many nodes, the second from 'separator' on. */
typedef struct lsr_index_parts {
	unsigned count;
	uint64_t separator;
	lsr_index_node_t *node[2];
} lsr_index_parts_t;

static bool
begin_change(lsr_index_change_t *change, lsr_index_t *index, uint64_t key) {
	change->index = index;
	change->key = key;
	change->fresh_count = 0;
	change->old = malloc(sizeof(*change->old));
	if (change->old == NULL) {
		return false;
	}
	change->old->count = 0;
	return true;
}

static void
retire(lsr_index_change_t *change, lsr_index_node_t *node) {
	change->old->node[change->old->count++] = node;
}

static lsr_index_node_t *
new_node(lsr_index_change_t *change, unsigned level, unsigned count) {
	const size_t bytes = HEADER_BYTES + (size_t)count * (level == 0 ? ENTRY_BYTES : 16u);
	lsr_index_node_t *node = malloc(bytes);
	if (node != NULL) {
		memset(node, 0, HEADER_BYTES);
		node->level = (uint8_t)level;
		node->count = (uint16_t)count;
		change->fresh[change->fresh_count++] = node;
	}
	return node;
}

/* A leaf with these entries and at least so many places. */
static lsr_index_node_t *
new_leaf(lsr_index_change_t *change, const lsr_index_entry_t *entries, unsigned count, unsigned places) {
	lsr_index_node_t *leaf = new_node(change, 0, places_for(places));
	if (leaf == NULL) {
		return NULL;
	}
	for (unsigned i = 0; i < leaf->count; i++) {
		const lsr_index_entry_t entry = i < count ? entries[i] : (lsr_index_entry_t){.value = 0};
		atomic_init(&leaf->key[i], entry.key);
		atomic_init(&values_of(leaf)[i], entry.value);
	}
	atomic_init(&leaf->live, (uint16_t)count);
	return leaf;
}

static void
free_retired(lsr_rcu_head_t *head) {
	lsr_index_retired_t *retired = LSR_CONTAINER(head, lsr_index_retired_t, head);
	for (unsigned i = 0; i < retired->count; i++) {
		free(retired->node[i]);
	}
	free(retired);
}

/* Nothing of it is to be. */
static void
drop_change(lsr_index_change_t *change) {
	for (unsigned i = 0; i < change->fresh_count; i++) {
		free(change->fresh[i]);
	}
	for (unsigned i = 0; i < change->old->count; i++) {
		unlock(&change->old->node[i]->state);
	}
	free(change->old);
}

/* It becomes true, with one store to 'place'. */
static void
publish(lsr_index_change_t *change, lsr_index_child_t *place, lsr_index_node_t *node) {
	lsr_index_retired_t *old = change->old;
	uint64_t grown = 0;
	for (unsigned i = 0; i < change->fresh_count; i++) {
		grown += bytes_of(change->fresh[i]);
	}
	for (unsigned i = 0; i < old->count; i++) {
		grown -= bytes_of(old->node[i]);
		atomic_store_explicit(&old->node[i]->state, STATE_DEAD, memory_order_release); /* I3, I8 */
	}
	atomic_store_explicit(place, node, memory_order_release); /* I1 */
	(void)atomic_fetch_add_explicit(&change->index->bytes, grown, memory_order_relaxed);
}

static void
finish_change(lsr_index_change_t *change) {
	if (change->old->count != 0) {
		lsr_rcu_defer(&change->old->head, free_retired);
	} else {
		free(change->old);
	}
}

/* One node of these children, from 'first' on. */
static lsr_index_node_t *
new_inner(lsr_index_change_t *change, unsigned level, const uint64_t *keys, lsr_index_node_t *const *children,
	  unsigned count) {
	lsr_index_node_t *inner = new_node(change, level, count);
	if (inner != NULL) {
		for (unsigned i = 0; i < count; i++) {
			atomic_init(&inner->key[i], keys[i]);
			atomic_init(&children_of(inner)[i], children[i]);
		}
	}
	return inner;
}

/* The children of a node, or of two neighbours, that is to be made anew. */
typedef struct lsr_index_family {
	unsigned count;
	uint64_t key[2 * INNER_MAX];
	lsr_index_node_t *child[2 * INNER_MAX];
} lsr_index_family_t;

static void
join_family(lsr_index_family_t *family, uint64_t key, lsr_index_node_t *child) {
	family->key[family->count] = key;
	family->child[family->count++] = child;
}

/* Children first to end - 1. The first has the keys from 'key' on. */
static void
join_children(lsr_index_family_t *family, const lsr_index_node_t *inner, unsigned first, unsigned end) {
	for (unsigned i = first; i < end; i++) {
		join_family(family, key_at(inner, i), child_at(inner, i));
	}
}

/* Make the nodes for a family. False: no memory. */
static bool
house(lsr_index_change_t *change, unsigned level, const lsr_index_family_t *family, lsr_index_parts_t *parts) {
	const unsigned count = family->count;
	const unsigned left = count > INNER_MAX ? count / 2 : count;
	parts->count = (unsigned)(count > 0) + (unsigned)(count > left);
	if (count > 0) {
		parts->node[0] = new_inner(change, level, family->key, family->child, left);
		if (parts->node[0] == NULL) {
			return false;
		}
	}
	if (count > left) {
		parts->separator = family->key[left];
		parts->node[1] = new_inner(change, level, family->key + left, family->child + left, count - left);
		return parts->node[1] != NULL;
	}
	return true;
}

/* Parts that take the whole index, which is locked, and unlocked by this. */
static bool
settle_root(lsr_index_change_t *change, unsigned level, const lsr_index_parts_t *parts) {
	lsr_index_t *index = change->index;
	lsr_index_node_t *root = parts->count > 0 ? parts->node[0] : NULL;
	if (parts->count == 2) {
		const uint64_t keys[2] = {0, parts->separator};
		root = level + 1 < LEVELS_MAX ? new_inner(change, level + 1, keys, parts->node, 2) : NULL;
		if (root == NULL) {
			unlock(&index->lock);
			return false;
		}
	}
	publish(change, &index->root, root);
	unlock(&index->lock);
	return true;
}

/*
 * Put the parts in the place of 'replaced' neighbours, of this level, the first of which is child 'at' of the locked parent (NULL: the index). As far up as nodes
 * have to be made anew for that. True: done, and the parent's lock is released. False: no memory; the change is to be dropped.
 */
static bool
settle(lsr_index_change_t *change, lsr_index_node_t *parent, unsigned level, unsigned at, unsigned replaced,
       lsr_index_parts_t parts) {
	while (parent != NULL) {
		if (parts.count == replaced) { /* one for one */
			publish(change, &children_of(parent)[at], parts.node[0]);
			unlock(&parent->state);
			return true;
		}
		retire(change, parent);
		lsr_index_family_t family = {.count = 0};
		join_children(&family, parent, 0, at);
		for (unsigned i = 0; i < parts.count; i++) {
			join_family(&family, i == 0 ? key_at(parent, at) : parts.separator, parts.node[i]);
		}
		join_children(&family, parent, at + replaced, parent->count);
		level++;
		if (!house(change, level, &family, &parts)) {
			return false;
		}
		const lsr_index_node_t *child = parent;
		parent = lock_parent(change->index, change->key, child);
		at = parent != NULL ? child_for(parent, change->key) : 0;
		replaced = 1;
	}
	return settle_root(change, level, &parts);
}

/* ---- inserting --------------------------------------------------------------------------------------------------- */

/* The entries of a locked leaf that is full, in no particular order; of 'key' they tell whether it comes behind all of them, or before. */
typedef struct lsr_index_harvest {
	lsr_index_entry_t entry[LEAF_MAX + 1];
	unsigned count;
	bool ascending;
	bool descending;
} lsr_index_harvest_t;

static void
gather(const lsr_index_node_t *leaf, uint64_t key, lsr_index_harvest_t *harvest) {
	const unsigned count = leaf->count;
	unsigned below = 0;
	for (unsigned i = 0; i < count; i++) {
		harvest->entry[i] = (lsr_index_entry_t){.key = key_at(leaf, i), .value = value_at(leaf, i)};
		below += (unsigned)(harvest->entry[i].key < key);
	}
	harvest->count = count;
	harvest->ascending = below == count;
	harvest->descending = below == 0;
}

/* Put the nth in order (from 0 on) at its place, smaller ones before it, greater ones behind. */
static void
set_apart(lsr_index_entry_t *entries, unsigned count, unsigned nth) {
	int low = 0;
	int high = (int)count - 1;
	while (low < high) {
		const uint64_t pivot = entries[(low + high) / 2].key;
		int i = low;
		int j = high;
		while (i <= j) {
			while (entries[i].key < pivot) {
				i++;
			}
			while (entries[j].key > pivot) {
				j--;
			}
			if (i <= j) {
				const lsr_index_entry_t entry = entries[i];
				entries[i++] = entries[j];
				entries[j--] = entry;
			}
		}
		low = (int)nth >= i ? i : low;
		high = (int)nth <= j ? j : (int)nth < i ? low : high;
	}
}

/* Two leaves for more entries than one can have; halves, unless they come in order: then the one that will get no more is left full. */
static bool
halve(lsr_index_change_t *change, lsr_index_harvest_t *harvest, lsr_index_parts_t *parts) {
	lsr_index_entry_t *entries = harvest->entry;
	const unsigned count = harvest->count;
	const bool ascending = harvest->ascending;
	const bool descending = harvest->descending;
	const unsigned left = ascending ? count - 1 : descending ? 1 : count / 2;
	const unsigned room = LEAF_MAX / 2;
	set_apart(entries, count, left);
	parts->count = 2;
	parts->separator = entries[left].key;
	parts->node[0] = new_leaf(change, entries, left, descending ? room : ascending ? left : left + 1);
	parts->node[1] = new_leaf(change, entries + left, count - left,
				  ascending    ? room
				  : descending ? count - left
					       : count - left + 1);
	return parts->node[0] != NULL && parts->node[1] != NULL;
}

/* Leaves with an entry more than the full one has: a longer one, or two. */
static bool
outgrow(lsr_index_change_t *change, const lsr_index_node_t *leaf, uint32_t value, lsr_index_parts_t *parts) {
	lsr_index_harvest_t harvest;
	gather(leaf, change->key, &harvest);
	harvest.entry[harvest.count++] = (lsr_index_entry_t){.key = change->key, .value = value};
	if (harvest.count > LEAF_MAX) {
		return halve(change, &harvest, parts);
	}
	/* Entries that come in order will fill it; others have many leaves to go to. */
	const unsigned places = harvest.ascending ? (unsigned)lsr_min_u64(2 * harvest.count, LEAF_MAX) : harvest.count;
	parts->count = 1;
	parts->node[0] = new_leaf(change, harvest.entry, harvest.count, places);
	return parts->node[0] != NULL;
}

/* Insert into a locked leaf that is full. */
static lsr_index_insert_t
insert_by_change(lsr_index_t *index, lsr_index_node_t *leaf, uint64_t key, uint32_t value) {
	lsr_index_change_t change;
	lsr_index_parts_t parts;
	if (!begin_change(&change, index, key)) {
		unlock(&leaf->state);
		return LSR_INDEX_NO_MEMORY;
	}
	retire(&change, leaf);
	bool done = outgrow(&change, leaf, value, &parts);
	if (done) {
		lsr_index_node_t *parent = lock_parent(index, key, leaf);
		done = settle(&change, parent, 0, parent != NULL ? child_for(parent, key) : 0, 1, parts);
	}
	if (!done) {
		drop_change(&change);
		return LSR_INDEX_NO_MEMORY;
	}
	finish_change(&change);
	return LSR_INDEX_DONE;
}

/* Insert into an index without a root. False: it has got one. */
static bool
insert_first(lsr_index_t *index, uint64_t key, uint32_t value, lsr_index_insert_t *result) {
	lsr_index_change_t change;
	*result = LSR_INDEX_NO_MEMORY;
	if (!begin_change(&change, index, key)) {
		return true;
	}
	lsr_index_node_t *leaf = new_leaf(&change, &(lsr_index_entry_t){.key = key, .value = value}, 1, 1);
	if (leaf == NULL) {
		drop_change(&change);
		return true;
	}
	(void)lock(&index->lock);
	if (root_of(index) != NULL) {
		unlock(&index->lock);
		drop_change(&change);
		return false;
	}
	publish(&change, &index->root, leaf);
	unlock(&index->lock);
	finish_change(&change);
	*result = LSR_INDEX_DONE;
	return true;
}

static void
put(lsr_index_node_t *leaf, unsigned place, uint64_t key, uint32_t value) {
	const uint32_t changes = atomic_load_explicit(&leaf->changes, memory_order_relaxed);
	atomic_store_explicit(&leaf->changes, changes + 1,
			      memory_order_release);                         /* I6; also behind the 0 in this place */
	atomic_store_explicit(&leaf->key[place], key, memory_order_release); /* I6 */
	atomic_store_explicit(&values_of(leaf)[place], value, memory_order_release); /* I4 */
	atomic_store_explicit(&leaf->live, (uint16_t)(live_in(leaf) + 1), memory_order_relaxed);
}

/* Insert into a locked leaf. */
static inline lsr_index_insert_t
insert_into(lsr_index_t *index, lsr_index_node_t *leaf, uint64_t key, uint32_t value, uint32_t *present) {
	const uint32_t found = find_in(leaf, key);
	if (LSR_UNLIKELY(found != 0)) {
		unlock(&leaf->state);
		*present = found;
		return LSR_INDEX_PRESENT;
	}
	if (LSR_UNLIKELY(live_in(leaf) == leaf->count)) {
		return insert_by_change(index, leaf, key, value);
	}
	put(leaf, free_place(leaf), key, value);
	unlock(&leaf->state);
	return LSR_INDEX_DONE;
}

lsr_index_insert_t
lsr_index_insert(lsr_index_t *index, uint64_t key, uint32_t value, uint32_t *present) {
	for (;;) {
		lsr_index_insert_t result;
		lsr_index_node_t *leaf = lock_node(index, key, 0);
		if (LSR_LIKELY(leaf != NULL)) {
			return insert_into(index, leaf, key, value, present);
		}
		if (insert_first(index, key, value, &result)) {
			return result;
		}
	}
}

lsr_index_insert_t
lsr_index_insert_near(const lsr_index_probe_t *probe, uint32_t value, uint32_t *present) {
	/* As in lock_node(): found on an old way is good enough. */
	if (LSR_LIKELY(probe->at != NULL) && LSR_LIKELY(lock(&probe->at->state))) {
		return insert_into(probe->index, probe->at, probe->key, value, present);
	}
	return lsr_index_insert(probe->index, probe->key, value, present);
}

/* ---- removing ---------------------------------------------------------------------------------------------------- */

static bool
is_sparse(const lsr_index_node_t *node) {
	if (node->level > 0) {
		return node->count <= FEW_CHILDREN;
	}
	const unsigned live = live_in(node);
	return live == 0 || places_for(live + LSR_INDEX_SPARE) < node->count;
}

/* One node of two neighbours, the second of which has the keys from 'separator' on, if that is not too much. */
static bool
join(lsr_index_change_t *change, const lsr_index_node_t *left, const lsr_index_node_t *right, uint64_t separator,
     lsr_index_parts_t *parts) {
	if (left->level == 0) {
		lsr_index_entry_t entries[2 * LEAF_MAX];
		if (live_in(left) + live_in(right) > JOIN_LEAF) {
			return false;
		}
		unsigned count = collect(left, 0, UINT64_MAX, entries);
		count += collect(right, 0, UINT64_MAX, entries + count);
		parts->count = 1;
		parts->node[0] = new_leaf(change, entries, count, count + 1);
		return parts->node[0] != NULL;
	}
	if ((unsigned)left->count + right->count > JOIN_INNER) {
		return false;
	}
	lsr_index_family_t family = {.count = 0};
	join_children(&family, left, 0, left->count);
	join_family(&family, separator, child_at(right, 0));
	join_children(&family, right, 1, right->count);
	return house(change, left->level, &family, parts);
}

/* Join children 'left' and left + 1 of a locked parent, one of which is locked; the other is 'neighbour', and joins only if it can be locked at once. */
static bool
join_with(lsr_index_change_t *change, const lsr_index_node_t *parent, unsigned left, unsigned neighbour,
	  lsr_index_parts_t *parts) {
	lsr_index_node_t *other = child_at(parent, neighbour);
	if (!try_lock(&other->state)) {
		return false;
	}
	if (!join(change, child_at(parent, left), child_at(parent, left + 1), key_at(parent, left + 1), parts)) {
		unlock(&other->state);
		return false;
	}
	retire(change, other);
	return true;
}

/* What is to stand in the place of a sparse node, which is child 'at' of its parent (NULL: the root). How many nodes it replaces; 0: it stays. */
static unsigned
lessen(lsr_index_change_t *change, const lsr_index_node_t *node, const lsr_index_node_t *parent, unsigned *at,
       lsr_index_parts_t *parts) {
	if (node->level == 0 && live_in(node) == 0) {
		parts->count = 0;
		return 1;
	}
	if (parent != NULL && *at + 1 < parent->count && join_with(change, parent, *at, *at + 1, parts)) {
		return 2;
	}
	if (parent != NULL && *at > 0 && join_with(change, parent, *at - 1, *at - 1, parts)) {
		--*at;
		return 2;
	}
	parts->count = 1;
	if (node->level == 0) {
		lsr_index_entry_t entries[LEAF_MAX];
		if (!is_sparse(node)) {
			return 0;
		}
		const unsigned count = collect(node, 0, UINT64_MAX, entries);
		parts->node[0] = new_leaf(change, entries, count, count + 1);
		return parts->node[0] != NULL;
	}
	parts->node[0] = child_at(node, 0);
	return parent == NULL && node->count == 1; /* a root of one child */
}

/*
 * See to the node of this level that has the key: if it is sparse, or has got a new neighbour, have it joined with one, or a leaf made shorter, or taken out of the
 * tree if it has nothing left. True: the level above, or the root, has changed by that. For want of memory everything stays as it is. 'seam': where two inner
 * nodes have been joined, there is the first key of the second; else it is left alone.
 */
static bool
mend(lsr_index_t *index, uint64_t key, unsigned level, bool new_neighbour, uint64_t *seam) {
	lsr_index_change_t change;
	lsr_index_parts_t parts;
	lsr_index_node_t *node = lock_node(index, key, level);
	if (node == NULL) {
		return false;
	}
	if ((!is_sparse(node) && !new_neighbour) || !begin_change(&change, index, key)) {
		unlock(&node->state);
		return false;
	}
	retire(&change, node);
	lsr_index_node_t *parent = lock_parent(index, key, node);
	unsigned at = parent != NULL ? child_for(parent, key) : 0;
	const unsigned replaced = lessen(&change, node, parent, &at, &parts);
	const uint64_t joined_at = replaced == 2 && level > 0 ? key_at(parent, at + 1) : 0;
	if (replaced == 0) {
		unlock(parent != NULL ? &parent->state : &index->lock);
		drop_change(&change);
		return false;
	}
	if (!settle(&change, parent, level, at, replaced, parts)) {
		drop_change(&change);
		return false;
	}
	finish_change(&change);
	*seam = joined_at != 0 ? joined_at : *seam;
	return parent == NULL || parts.count != replaced;
}

static bool
root_has_one_child(const lsr_index_t *index, unsigned *level) {
	const lsr_index_node_t *root = root_of(index);
	*level = root != NULL ? root->level : 0;
	return *level > 0 && root->count == 1;
}

/* Two nodes have become one, and the last child of the one and the first of the other are neighbours now; and below them likewise. */
static void
mend_seam(lsr_index_t *index, uint64_t seam, unsigned level) {
	uint64_t another;
	while (level-- > 0) {
		(void)mend(index, seam - 1, level, true, &another);
		(void)mend(index, seam, level, true, &another);
	}
}

/* A leaf has become sparse: see to it, and to what has become of the nodes above. */
static void
mend_upwards(lsr_index_t *index, uint64_t key) {
	unsigned level = 0;
	uint64_t seam = 0;
	for (; mend(index, key, level, false, &seam); level++) {
		if (seam != 0) {
			mend_seam(index, seam, level);
			seam = 0;
		}
	}
	while (root_has_one_child(index, &level) && mend(index, key, level, false, &seam)) {
	}
}

/* The place that leads from the key to this value, or 'count'. The leaf is locked. */
static unsigned
place_of(const lsr_index_node_t *leaf, uint64_t key, uint32_t value) {
	for (uint64_t left = places_with(leaf, key); left != 0; left &= left - 1) {
		const unsigned i = (unsigned)__builtin_ctzll(left);
		if (value_at(leaf, i) == value) {
			return i;
		}
	}
	return leaf->count;
}

bool
lsr_index_remove(lsr_index_t *index, uint64_t key, uint32_t value) {
	lsr_index_node_t *leaf = lock_node(index, key, 0);
	if (leaf == NULL) {
		return false;
	}
	const unsigned place = place_of(leaf, key, value);
	const bool found = value != 0 && place < leaf->count;
	bool sparse = false;
	if (found) {
		atomic_store_explicit(&values_of(leaf)[place], 0, memory_order_release); /* I4 */
		atomic_store_explicit(&leaf->live, (uint16_t)(live_in(leaf) - 1), memory_order_relaxed);
		sparse = is_sparse(leaf);
	}
	unlock(&leaf->state);
	if (LSR_UNLIKELY(sparse)) {
		mend_upwards(index, key);
	}
	return found;
}

/* ---- is it sound? ---------------------------------------------------------------------------------------------- */

static bool
check_leaf(const lsr_index_node_t *leaf, uint64_t lower, uint64_t upper, lsr_index_shape_t *shape) {
	lsr_index_entry_t entries[LEAF_MAX];
	if (leaf->count > LEAF_MAX || places_for(leaf->count) != leaf->count) {
		return false;
	}
	const unsigned count = collect(leaf, 0, UINT64_MAX, entries);
	for (unsigned i = 1; i < count; i++) {
		if (entries[i - 1].key >= entries[i].key) {
			return false;
		}
	}
	shape->leaves++;
	shape->empty_leaves += count == 0;
	shape->entries += count;
	return live_in(leaf) == count && (count == 0 || (entries[0].key >= lower && entries[count - 1].key <= upper));
}

static bool check_below(const lsr_index_node_t *node, uint64_t lower, uint64_t upper, lsr_index_shape_t *shape);

static bool
check_inner(const lsr_index_node_t *inner, uint64_t lower, uint64_t upper, lsr_index_shape_t *shape) {
	bool sound = inner->count > 0 && inner->count <= INNER_MAX;
	shape->inner_nodes++;
	for (unsigned i = 0; sound && i < inner->count; i++) {
		const uint64_t from = i > 0 ? key_at(inner, i) : lower;
		const uint64_t to = i + 1 < inner->count ? key_at(inner, i + 1) - 1 : upper;
		const lsr_index_node_t *child = child_at(inner, i);
		sound = from >= lower && from <= to && to <= upper && child->level + 1u == inner->level &&
			check_below(child, from, to, shape);
	}
	return sound;
}

/* A node that has the keys from lower to upper. */
static bool
check_below(const lsr_index_node_t *node, uint64_t lower, uint64_t upper, lsr_index_shape_t *shape) {
	shape->bytes += bytes_of(node);
	return atomic_load_explicit(&node->state, memory_order_relaxed) == 0 &&
	       (node->level > 0 ? check_inner(node, lower, upper, shape) : check_leaf(node, lower, upper, shape));
}

bool
lsr_index_check(const lsr_index_t *index, lsr_index_shape_t *shape) {
	const lsr_index_node_t *root = root_of(index);
	lsr_index_shape_t found = {.levels = root != NULL ? root->level + 1u : 0};
	if (atomic_load_explicit(&index->lock, memory_order_relaxed) != 0 ||
	    (root != NULL && !check_below(root, 0, UINT64_MAX, &found)) || found.bytes != lsr_index_bytes(index)) {
		return false;
	}
	*shape = found;
	return true;
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

void
lsr_index_init(lsr_index_t *index) {
	atomic_init(&index->root, NULL);
	atomic_init(&index->bytes, 0);
	atomic_init(&index->lock, 0);
}

static void
free_below(lsr_index_node_t *node) {
	for (unsigned i = 0; node->level > 0 && i < node->count; i++) {
		free_below(child_at(node, i));
	}
	free(node);
}

void
lsr_index_destroy(lsr_index_t *index) {
	lsr_index_node_t *root = root_of(index);
	if (root != NULL) {
		free_below(root);
	}
	lsr_index_init(index);
}
