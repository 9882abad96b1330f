/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index of a sparse scope: a 64-bit key (the lower half of an address) -> a 32-bit value (a record id, never 0), in the order of the keys.
 *
 * Shape. A B+ tree. A leaf is some cache lines: a header, its keys in no particular order, then their values; a place whose value is 0 is free. It is as
 * long as its entries need, in steps of two lines, up to eight lines, which are 41 entries. Inner nodes have sorted keys and pointers to the nodes below. An entry takes 12.8
 * bytes in all if keys come in order, 14.4 if they come at random, some 15.5 after much churn.
 *
 * Whatever is one entry is changed in place, by one store that readers see all of or nothing of. Whatever moves entries - a leaf that grows, is split, is
 * merged - makes new nodes beside the old ones and puts them in the tree by one store of one pointer; the old ones stay as they are, marked dead, until nobody
 * reads them any more. So a reader goes down once and looks: it has nothing to wait for and nothing to check on its way. (Sorted leaves, changed in place under a version,
 * would make it wait for a writer that has lost its processor in the middle of moving keys.) A node never has less to answer for while it lives: a split replaces it; only when
 * an empty neighbour goes it gets more.
 *
 *   Readers: inside a read-side section (base/rcu.h); no stores, no locks. Wait-free down to the leaf; there lock-free: an entry is read again only when its
 *            leaf has got a new one meanwhile.
 *   Writers: inside a read-side section too, because they go down as readers do. Hold the lock of one leaf for the length of one look at it; once in some inserts,
 *            when a leaf must be made anew, for the making, memory included, with the lock of its parent (and now and then of the parent's parent) on top. They
 *            never wait for readers. Outside of the section, call lsr_rcu_brake() now and then: what was replaced is freed a grace period later.
 *
 * Promises.
 *   A  A find sees what the last insert or remove of its key that ended before it began has left behind, or something later.
 *   B  A scan and a next see every entry that was there all the time, none that was not there at any time, in ascending order, none twice.
 *      They are no snapshot: of what is changed meanwhile they see some.
 *   C  Of several inserts of one key at the same time one is done; the others find it present.
 *   D  No memory means that nothing has changed.
 *   E  An empty leaf leaves the tree with its last entry, unless there is no memory for that, and nodes that have become small are joined, unless the
 *      neighbour is locked at that moment: memory and depth follow what is there now, not what was.
 *
 * Locks are taken from the leaf upwards, the index's own last, and a neighbour's only if it can be had at once; so nobody waits in a circle.
 *
 * Who may change what: a leaf's places, 'changes' and 'live': the holder of its lock. An inner node's pointers: the holder of its lock; everything else in it is fixed.
 * 'root': the holder of the index's lock. A dead node: nobody.
 *
 * Edges:
 *   I1 store a child or the root (release)  ->  I2 load it (acquire): a node is whole before it can be reached
 *   I3 unlock (release)                     ->  I3 lock (acquire) by the next one, or finding it dead: what has replaced a dead node
 *   I4 store a value (release)              ->  I5 load a value (acquire): its key is in its place, and the record was claimed before
 *   I6 store the value 0; later count 'changes', then store a key (all release)  ->  I7 load a key, then 'changes' (both acquire): whoever read the value that was in a place before, and the
 *                                               key that came after, sees that the leaf has changed between its two looks at 'changes'
 *   I8 mark a node dead (release), before I1 of what replaces it  ->  I9 load the mark (acquire), after a look at a leaf that was found earlier
 */
#ifndef LSR_INDEX_H
#define LSR_INDEX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lsr_index_node lsr_index_node_t;

/* All zero is an empty index, which has no other memory. */
typedef struct lsr_index {
	_Atomic(lsr_index_node_t *) root; /* NULL: empty */
	_Atomic uint64_t bytes;           /* of the nodes in the tree */
	_Atomic uint32_t lock;            /* as a node's; it is the root's parent */
} lsr_index_t;

typedef enum lsr_index_insert {
	LSR_INDEX_DONE,
	LSR_INDEX_PRESENT,
	LSR_INDEX_NO_MEMORY /* nothing has changed */
} lsr_index_insert_t;

/* Make an empty index. Nothing is allocated. */
void lsr_index_init(lsr_index_t *index);

/* Free all of it at once and leave it empty. Nobody else uses it: readers that did have left their sections. */
void lsr_index_destroy(lsr_index_t *index);

/* ---- one key --------------------------------------------------------------------------------------------------- */

/* The value, or 0. */
uint32_t lsr_index_find(const lsr_index_t *index, uint64_t key);

/* Enter key -> value (not 0) unless the key is there: then LSR_INDEX_PRESENT and *present is its value. */
lsr_index_insert_t lsr_index_insert(lsr_index_t *index, uint64_t key, uint32_t value, uint32_t *present);

/* Take the key out if it leads to this value. False: it does not. Never fails for want of memory. */
bool lsr_index_remove(lsr_index_t *index, uint64_t key, uint32_t value);

/* ---- in order -------------------------------------------------------------------------------------------------- */

/* The value of the first key in [*key, last], which goes into *key; 0: there is none, *key is as it was. To go through many, use lsr_index_scan(). */
uint32_t lsr_index_next(const lsr_index_t *index, uint64_t *key, uint64_t last);

/*
 * Copy the first entries of [first, last], at most 'capacity', in ascending order; how many. Fewer than capacity: there are no more. Otherwise go on behind the last
 * key, also in another section. Cheap per entry if capacity is some hundreds; each call goes down anew and looks at whole leaves.
 */
uint32_t lsr_index_scan(const lsr_index_t *index, uint64_t first, uint64_t last, uint64_t *keys, uint32_t *values,
			uint32_t capacity);

/* How many entries are in [first, last], in one section of unbounded length: one line is read per leaf, some thirty entries. (Of entries that come at the same time, some
 * may be counted twice.) */
uint64_t lsr_index_count(const lsr_index_t *index, uint64_t first, uint64_t last);

/* Bytes of memory in the tree, as they were asked for. Any thread, no section needed. */
uint64_t lsr_index_bytes(const lsr_index_t *index);

/* What an index is made of. */
typedef struct lsr_index_shape {
	uint64_t entries;
	uint64_t leaves;
	uint64_t empty_leaves; /* there was no memory to take them out */
	uint64_t inner_nodes;
	uint64_t bytes;
	unsigned levels;
} lsr_index_shape_t;

/* Look through all of it, while nobody changes it: is every entry where it is looked for, once, and every figure right? 'shape' is filled in if so. */
bool lsr_index_check(const lsr_index_t *index, lsr_index_shape_t *shape);

/* ---- many at once ---------------------------------------------------------------------------------------------- */

/* One look-up of a batch; any number of indexes may take part. The caller fills in 'index' and 'key'. */
typedef struct lsr_index_probe {
	lsr_index_t *index;
	uint64_t key;
	lsr_index_node_t *at; /* set by lsr_index_approach(): the leaf, or NULL */
} lsr_index_probe_t;

/* Take so many look-ups (32 is good) down to their leaves, level by level, and have the leaves' lines fetched: their misses overlap. */
void lsr_index_approach(lsr_index_probe_t *probes, unsigned count);

/* The value or 0, as lsr_index_find() would say now; in the section of lsr_index_approach(). Cheap when the lines have come. lsr_index_remove() gains by an approach, too. */
uint32_t lsr_index_find_near(const lsr_index_probe_t *probe);

/* As lsr_index_insert(), in the section of lsr_index_approach(). */
lsr_index_insert_t lsr_index_insert_near(const lsr_index_probe_t *probe, uint32_t value, uint32_t *present);

#endif
