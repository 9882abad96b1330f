/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client hash alone - insert, remove, find, overflow, growth - in every order of two or three threads' steps with a few preemptions. Each find must
 * answer what a plain table answers in some order of the calls; in the end every key is where it is looked for, once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "history.h"
#include "lease/client_hash.h"
#include "order.h"
#include "torture.h"

#define KEYS        48u
#define EACH_MAX    3u
#define SAVED       256u
#define MAX_ENTRIES 4096u

/* PUT_OTHER enters another record for the key. */
typedef enum { FIND, PUT, PUT_OTHER, REMOVE } kind_t;

typedef struct {
	kind_t kind;
	unsigned key;
} plan_t;

typedef struct {
	const char *name;
	unsigned preemptions;
	unsigned filled; /* keys 0 and up are there */
	unsigned bodies;
	plan_t plan[ORDER_BODIES_MAX][EACH_MAX];
	unsigned each[ORDER_BODIES_MAX];
} scene_t;

typedef struct {
	plan_t plan;
	uint32_t found; /* FIND: the record; PUT: the one that is in the way; 0: none */
	bool removed;
	uint64_t began;
	uint64_t ended;
} operation_t;

typedef struct {
	uint8_t record[KEYS];
} model_t;

static lsr_client_hash_t hash;
static lsr_client_hash_t saved_hash;
static lsr_bucket_t saved_homes[SAVED];
static lsr_bucket_t saved_overflows[SAVED];
static const scene_t *scene;
static operation_t operations[HISTORY_OPS_MAX];
static operation_t *own[ORDER_BODIES_MAX];
static model_t before;
static unsigned count;

/*
 * Keys below 32 are of one bucket while there are two, and half of them leave it when a third comes; key 32 and up are of the other one. Every eighth
 * is counted, and as one stands for sixteen, makes the shard grow at once.
 */
static uint64_t
hash_of(unsigned key) {
	const uint64_t sample = key % 8 == 7 ? 0 : 1;
	return UINT64_C(1) << 56 | sample << 40 | (key * 2 + (key >= 32 ? 1 : 0)) | (uint64_t)key << 16;
}

static uint32_t
record_of(unsigned key, bool other) {
	return key + 1 + (other ? KEYS : 0);
}

static lsr_match_t
match(const void *key, uint32_t record_id) {
	const unsigned *wanted = key;
	REQUIRE(record_id <= 2 * KEYS);
	return (record_id - 1) % KEYS == *wanted ? LSR_MATCH_YES : LSR_MATCH_NO;
}

static uint32_t
find(unsigned key) {
	lsr_rcu_enter();
	const uint32_t found = lsr_client_hash_find(&hash, hash_of(key), match, &key);
	lsr_rcu_leave();
	return found;
}

static uint32_t
put(unsigned key, bool other) {
	uint32_t present = 0;
	lsr_rcu_enter();
	const lsr_insert_t result =
		lsr_client_hash_insert(&hash, hash_of(key), record_of(key, other), match, &key, &present);
	lsr_rcu_leave();
	REQUIRE(result == LSR_INSERT_DONE || (result == LSR_INSERT_PRESENT && present != 0));
	return result == LSR_INSERT_DONE ? 0 : present;
}

static void
run_operation(operation_t *op) {
	op->began = order_now();
	switch (op->plan.kind) {
	case FIND:
		op->found = find(op->plan.key);
		break;
	case REMOVE:
		lsr_rcu_enter();
		op->removed = lsr_client_hash_remove(&hash, hash_of(op->plan.key), record_of(op->plan.key, false));
		lsr_rcu_leave();
		break;
	default:
		op->found = put(op->plan.key, op->plan.kind == PUT_OTHER);
		break;
	}
	op->ended = order_now();
}

static bool
can_happen(void *state, const void *list, unsigned which) {
	model_t *model = state;
	const operation_t *op = (const operation_t *)list + which;
	uint8_t *slot = &model->record[op->plan.key];
	const uint32_t record = record_of(op->plan.key, op->plan.kind == PUT_OTHER);
	if (op->plan.kind == FIND) {
		return op->found == *slot;
	}
	if (op->plan.kind == REMOVE) {
		const bool there = *slot == record;
		*slot = there ? 0 : *slot;
		return op->removed == there;
	}
	if (*slot != 0) {
		return op->found == *slot;
	}
	*slot = (uint8_t)record;
	return op->found == 0;
}

/* ---- one run ------------------------------------------------------------------------------------------------------------ */

static void
begin(void *context) {
	(void)context;
	hash = saved_hash;
	memcpy(lsr_hash_home(&hash, 0, 0), saved_homes, sizeof(saved_homes));
	memcpy(lsr_hash_overflow(&hash, 0), saved_overflows, sizeof(saved_overflows));
	count = 0;
	for (unsigned body = 0; body < scene->bodies; body++) {
		own[body] = &operations[count];
		for (unsigned i = 0; i < scene->each[body]; i++) {
			operations[count++] = (operation_t){.plan = scene->plan[body][i]};
		}
	}
}

static void
live(void *context) {
	(void)context;
	const unsigned body = order_body();
	for (unsigned i = 0; i < scene->each[body]; i++) {
		run_operation(&own[body][i]);
	}
}

/* Entries that there are; chains are dense. */
static unsigned
count_entries(void) {
	unsigned entries = 0;
	for (unsigned shard = 0; shard < LSR_HASH_SHARDS; shard++) {
		for (uint32_t index = 0; index < lsr_hash_buckets(&hash, shard); index++) {
			const lsr_bucket_t *bucket = lsr_hash_home(&hash, shard, index);
			REQUIRE((bucket->header & LSR_HEADER_LOCK) == 0);
			for (bool at_end = false; bucket != NULL;) {
				for (unsigned i = 0; i < LSR_HASH_ENTRIES; i++) {
					REQUIRE(!at_end || bucket->entry[i] == 0);
					at_end = bucket->entry[i] == 0;
					entries += at_end ? 0u : 1u;
				}
				const uint32_t next = (uint32_t)(bucket->header >> 32);
				bucket = next != 0 ? lsr_hash_overflow(&hash, next) : NULL;
			}
		}
	}
	return entries;
}

static void
end(void *context) {
	(void)context;
	model_t after = {{0}};
	unsigned there = 0;
	for (unsigned key = 0; key < KEYS; key++) {
		after.record[key] = (uint8_t)find(key);
		there += after.record[key] != 0 ? 1u : 0u;
	}
	REQUIRE(count_entries() == there);
	history_t history = {
		.ops = count, .model_bytes = sizeof(after), .operations = operations, .can_happen = can_happen};
	for (unsigned i = 0; i < count; i++) {
		history.began[i] = operations[i].began;
		history.ended[i] = operations[i].ended;
	}
	REQUIRE(history_has_order(&history, &before, &after));
}

static void
run_scene(const scene_t *next) {
	scene = next;
	memset(&before, 0, sizeof(before));
	REQUIRE(lsr_client_hash_init(&hash, MAX_ENTRIES));
	REQUIRE(lsr_arena_ensure(&hash.overflows, sizeof(saved_overflows)));
	for (unsigned key = 0; key < scene->filled; key++) {
		if (key % 8 != 7) { /* nothing grows yet */
			REQUIRE(put(key, false) == 0);
			before.record[key] = (uint8_t)record_of(key, false);
		}
	}
	saved_hash = hash;
	memcpy(saved_homes, lsr_hash_home(&hash, 0, 0), sizeof(saved_homes));
	memcpy(saved_overflows, lsr_hash_overflow(&hash, 0), sizeof(saved_overflows));
	order_scene_t order = {.name = scene->name,
			       .bodies = scene->bodies,
			       .preemptions = scene->preemptions,
			       .begin = begin,
			       .end = end};
	for (unsigned i = 0; i < scene->bodies; i++) {
		order.body[i] = live;
	}
	REQUIRE(order_run(&order) > 1);
	lsr_rcu_drain();
	lsr_client_hash_destroy(&hash);
}

/* ---- scenes ---------------------------------------------------------------------------------------------------------- */

/* Filled with 8: seven entries, a full bucket. 9: one in an overflow bucket. */
static const scene_t scenes[] = {
	{"insert | insert: one key", 4, 3, 2, {{{PUT, 20}}, {{PUT_OTHER, 20}}}, {1, 1}},
	{"insert | insert: a full bucket", 4, 8, 2, {{{PUT, 20}}, {{PUT, 21}}}, {1, 1}},
	{"insert | insert | find: one key, a full bucket",
	 2,
	 8,
	 3,
	 {{{PUT, 20}}, {{PUT_OTHER, 20}}, {{FIND, 20}}},
	 {1, 1, 1}},
	{"insert | find, find: a full bucket", 4, 8, 2, {{{PUT, 20}}, {{FIND, 20}, {FIND, 20}}}, {1, 2}},
	{"remove | find: the last one moves", 4, 6, 2, {{{REMOVE, 0}}, {{FIND, 5}, {FIND, 0}}}, {1, 2}},
	{"remove | find: the last one moves out of a bucket that goes",
	 3,
	 9,
	 2,
	 {{{REMOVE, 0}}, {{FIND, 8}, {FIND, 0}}},
	 {1, 2}},
	{"remove | remove | find", 2, 9, 3, {{{REMOVE, 0}}, {{REMOVE, 1}}, {{FIND, 8}}}, {1, 1, 1}},
	{"remove, insert | find: a bucket serves another chain",
	 3,
	 9,
	 2,
	 {{{REMOVE, 8}, {PUT, 20}}, {{FIND, 20}, {FIND, 8}}},
	 {2, 2}},
	{"remove | insert: one key", 4, 9, 2, {{{REMOVE, 8}}, {{PUT_OTHER, 8}}}, {1, 1}},
	{"growth | find: one that moves, one that stays", 2, 8, 2, {{{PUT, 15}}, {{FIND, 1}, {FIND, 6}}}, {1, 2}},
	{"growth | find: one that moves up", 2, 6, 2, {{{PUT, 15}}, {{FIND, 4}}}, {1, 1}},
	{"growth | find: out of an overflow bucket", 2, 12, 2, {{{PUT, 15}}, {{FIND, 11}, {FIND, 10}}}, {1, 2}},
	{"growth | insert: one that moves", 2, 8, 2, {{{PUT, 15}}, {{PUT_OTHER, 1}, {PUT, 21}}}, {1, 2}},
	{"growth | remove: one that moves", 2, 9, 2, {{{PUT, 15}}, {{REMOVE, 1}, {FIND, 1}}}, {1, 2}},
	{"growth | growth | find", 1, 8, 3, {{{PUT, 15}}, {{PUT, 23}}, {{FIND, 3}}}, {1, 1, 1}},
	{"growth | insert | find: one key", 1, 8, 3, {{{PUT, 15}}, {{PUT, 21}}, {{FIND, 21}}}, {1, 1, 1}},
	{"growth | remove | find", 1, 9, 3, {{{PUT, 15}}, {{REMOVE, 0}}, {{FIND, 8}}}, {1, 1, 1}},
};

static void
run_scenes(void **state) {
	(void)state;
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		run_scene(&scenes[i]);
	}
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(run_scenes),
	};
	return cmocka_run_group_tests_name("order_hash", tests, NULL, NULL);
}
