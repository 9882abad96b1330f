/* SPDX-License-Identifier: Apache-2.0 */
#include "client_hash_load.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/rcu.h"
#include "bench.h"
#include "lease/client_hash.h"

#include <urcu/rculfhash.h>

#define AHEAD 32u

/* A record: the key and what else fills a line. */
typedef struct {
	uint64_t key;
	uint64_t rest[7];
} __attribute__((aligned(LSR_CACHE_LINE_BYTES))) bench_record_t;

struct bench_hash {
	lsr_client_hash_t hash;
	unsigned bits;
	size_t count;
	bench_record_t *record; /* 1 to count */
};

/* The key of a record. Its hash is another bijection of it: keyed hashing is measured elsewhere. */
static uint64_t
key_of(uint32_t id) {
	return bench_mix(id);
}

static uint64_t
hash_of(uint64_t key) {
	return bench_mix(key ^ UINT64_C(0x5DEECE66D));
}

/* Record number i of a shuffled walk over all of them. */
static uint32_t
shuffled(unsigned bits, uint32_t i) {
	return 1 + bench_shuffle(i & ((UINT32_C(1) << bits) - 1), bits);
}

/* Large tables on huge pages where they are to be had, for all that are compared. */
static void *
allocate(size_t size_bytes) {
	void *memory = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		return NULL;
	}
	(void)madvise(memory, size_bytes, MADV_HUGEPAGE);
	return memory;
}

typedef struct {
	const bench_record_t *record;
	uint64_t key;
} bench_match_t;

static lsr_match_t
match(const void *context, uint32_t record_id) {
	const bench_match_t *wanted = context;
	return wanted->record[record_id].key == wanted->key ? LSR_MATCH_YES : LSR_MATCH_NO;
}

bench_hash_t *
bench_hash_new(unsigned bits) {
	bench_hash_t *load = aligned_alloc(_Alignof(bench_hash_t), sizeof(*load));
	if (load == NULL) {
		return NULL;
	}
	load->bits = bits;
	load->count = (size_t)1 << bits;
	load->record = allocate((load->count + 1) * sizeof(load->record[0]));
	if (load->record == NULL || !lsr_client_hash_init(&load->hash, load->count + load->count / 4)) {
		free(load);
		return NULL;
	}
	for (uint32_t id = 1; id <= load->count; id++) {
		load->record[id].key = key_of(id);
	}
	return load;
}

void
bench_hash_free(bench_hash_t *load) {
	lsr_rcu_drain();
	lsr_client_hash_destroy(&load->hash);
	(void)munmap(load->record, (load->count + 1) * sizeof(load->record[0]));
	free(load);
}

static uint64_t
insert(bench_hash_t *load, uint32_t id) {
	uint32_t other;
	const bench_match_t wanted = {.record = load->record, .key = key_of(id)};
	lsr_rcu_enter();
	const lsr_insert_t result =
		lsr_client_hash_insert(&load->hash, hash_of(wanted.key), id, match, &wanted, &other);
	lsr_rcu_leave();
	return result == LSR_INSERT_DONE;
}

uint64_t
bench_hash_fill(bench_hash_t *load) {
	uint64_t good = 0;
	for (uint32_t i = 0; i < load->count; i++) {
		good += insert(load, shuffled(load->bits, i));
	}
	return good;
}

static uint32_t
find(const bench_hash_t *load, uint64_t key) {
	const bench_match_t wanted = {.record = load->record, .key = key};
	lsr_rcu_enter();
	const uint32_t found = lsr_client_hash_find(&load->hash, hash_of(key), match, &wanted);
	lsr_rcu_leave();
	return found;
}

uint64_t
bench_hash_hit(const bench_hash_t *load, uint32_t from) {
	uint64_t good = 0;
	for (uint32_t i = 0; i < BENCH_BLOCK; i++) {
		const uint32_t id = shuffled(load->bits, from + i);
		good += find(load, key_of(id)) == id;
	}
	return good;
}

uint64_t
bench_hash_hit_batch(const bench_hash_t *load, uint32_t from) {
	uint64_t good = 0;
	for (uint32_t first = 0; first < BENCH_BLOCK; first += AHEAD) {
		uint32_t ids[AHEAD];
		for (uint32_t i = 0; i < AHEAD; i++) {
			ids[i] = shuffled(load->bits, from + first + i);
			lsr_client_hash_prefetch(&load->hash, hash_of(key_of(ids[i])));
			__builtin_prefetch(&load->record[ids[i]], 0, 3);
		}
		for (uint32_t i = 0; i < AHEAD; i++) {
			good += find(load, key_of(ids[i])) == ids[i];
		}
	}
	return good;
}

uint64_t
bench_hash_miss(const bench_hash_t *load, uint32_t from) {
	uint64_t good = 0;
	for (uint32_t i = 0; i < BENCH_BLOCK; i++) {
		const uint64_t absent = key_of((uint32_t)load->count + shuffled(load->bits, from + i));
		good += find(load, absent) == LSR_NO_RECORD;
	}
	return good;
}

uint64_t
bench_hash_replace(bench_hash_t *load, uint32_t from) {
	uint64_t good = 0;
	for (uint32_t i = 0; i < BENCH_BLOCK; i++) {
		const uint32_t id = shuffled(load->bits, from + i);
		lsr_rcu_enter();
		good += lsr_client_hash_remove(&load->hash, hash_of(key_of(id)), id);
		lsr_rcu_leave();
		good += insert(load, id);
	}
	lsr_rcu_brake();
	return good / 2;
}

uint64_t
bench_hash_bytes(bench_hash_t *load) {
	return lsr_client_hash_memory(&load->hash);
}

/* ---- baseline -------------------------------------------------------------------------------------------------------- */

/* The usual way: the node lies in the object. */
typedef struct {
	struct cds_lfht_node node;
	uint64_t key;
} __attribute__((aligned(LSR_CACHE_LINE_BYTES))) bench_object_t;

struct bench_lfht {
	struct cds_lfht *table;
	unsigned bits;
	size_t count;
	bench_object_t *object; /* 1 to count */
};

static int
match_object(struct cds_lfht_node *node, const void *key) {
	const uint64_t *wanted = key;
	return LSR_CONTAINER(node, bench_object_t, node)->key == *wanted;
}

bench_lfht_t *
bench_lfht_new(unsigned bits) {
	bench_lfht_t *load = calloc(1, sizeof(*load));
	if (load == NULL) {
		return NULL;
	}
	load->bits = bits;
	load->count = (size_t)1 << bits;
	load->object = allocate((load->count + 1) * sizeof(load->object[0]));
	load->table = cds_lfht_new_flavor(load->count, load->count, load->count, 0, &urcu_bp_flavor, NULL);
	if (load->object == NULL || load->table == NULL) {
		free(load);
		return NULL;
	}
	for (uint32_t id = 1; id <= load->count; id++) {
		load->object[id].key = key_of(id);
	}
	return load;
}

void
bench_lfht_free(bench_lfht_t *load) {
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;
	lsr_rcu_enter();
	for (cds_lfht_first(load->table, &iter); (node = cds_lfht_iter_get_node(&iter)) != NULL;
	     cds_lfht_next(load->table, &iter)) {
		(void)cds_lfht_del(load->table, node);
	}
	lsr_rcu_leave();
	(void)cds_lfht_destroy(load->table, NULL);
	(void)munmap(load->object, (load->count + 1) * sizeof(load->object[0]));
	free(load);
}

uint64_t
bench_lfht_fill(bench_lfht_t *load) {
	uint64_t good = 0;
	for (uint32_t i = 0; i < load->count; i++) {
		bench_object_t *object = &load->object[shuffled(load->bits, i)];
		lsr_rcu_enter();
		good += cds_lfht_add_unique(load->table, hash_of(object->key), match_object, &object->key,
					    &object->node) == &object->node;
		lsr_rcu_leave();
	}
	return good;
}

static struct cds_lfht_node *
find_object(const bench_lfht_t *load, uint64_t key) {
	struct cds_lfht_iter iter;
	lsr_rcu_enter();
	cds_lfht_lookup(load->table, hash_of(key), match_object, &key, &iter);
	struct cds_lfht_node *found = cds_lfht_iter_get_node(&iter);
	lsr_rcu_leave();
	return found;
}

uint64_t
bench_lfht_hit(const bench_lfht_t *load, uint32_t from) {
	uint64_t good = 0;
	for (uint32_t i = 0; i < BENCH_BLOCK; i++) {
		const uint32_t id = shuffled(load->bits, from + i);
		good += find_object(load, key_of(id)) == &load->object[id].node;
	}
	return good;
}

uint64_t
bench_lfht_miss(const bench_lfht_t *load, uint32_t from) {
	uint64_t good = 0;
	for (uint32_t i = 0; i < BENCH_BLOCK; i++) {
		good += find_object(load, key_of((uint32_t)load->count + shuffled(load->bits, from + i))) == NULL;
	}
	return good;
}
