/* SPDX-License-Identifier: Apache-2.0 */
/* The ordered map against a plain list of keys, and under readers while a writer changes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/rcu.h"
#include "base/tree.h"
#include "test_random.h"

#define KEYS 200u

/* ---- the twin ---------------------------------------------------------------------------------------------------- */

typedef struct {
	uint64_t key;
	unsigned kind;
	uint64_t value;
	bool there;
} row_t;

/* Ascending. */
static row_t rows[KEYS];

static int
by_key(const void *one, const void *other) {
	const row_t *a = one;
	const row_t *b = other;
	return (a->key > b->key) - (a->key < b->key);
}

/* Keys of all sizes, the least and the greatest, and neighbours. */
static void
draw_keys(lsr_random_t *random) {
	for (size_t i = 0; i < KEYS; i++) {
		const uint64_t any = lsr_random_u64(random) >> lsr_random_below(random, 64);
		rows[i] = (row_t){.key = i == 0 ? 0 : i == 1 ? UINT64_MAX : i % 3 == 0 ? rows[i - 1].key + 1 : any};
	}
	qsort(rows, KEYS, sizeof(rows[0]), by_key);
}

static bool
is_repeated(size_t i) {
	return i > 0 && rows[i].key == rows[i - 1].key;
}

static void
assert_node(const row_t *expected, const lsr_tree_node_t *node) {
	if (expected == NULL || !expected->there) {
		assert_null(node);
		return;
	}
	assert_non_null(node);
	assert_true(node->key == expected->key);
	assert_int_equal(expected->kind, node->kind);
	assert_int_equal(expected->value, *(const uint64_t *)node->value);
}

static void
assert_same(const lsr_tree_t *tree) {
	uint32_t places[2] = {0};
	assert_true(lsr_tree_is_sound(tree));
	for (size_t i = 0; i < KEYS; i++) {
		if (is_repeated(i)) {
			continue;
		}
		size_t next = i;
		while (next < KEYS && !rows[next].there) {
			next++;
		}
		assert_node(&rows[i], lsr_tree_find(tree, rows[i].key));
		assert_node(next < KEYS ? &rows[next] : NULL, lsr_tree_next(tree, rows[i].key));
		if (rows[i].there) {
			assert_node(&rows[i], lsr_tree_at(tree, rows[i].kind, places[rows[i].kind]++));
		}
	}
	for (unsigned kind = 0; kind < 2; kind++) {
		assert_int_equal(places[kind], lsr_tree_count(tree, kind));
		assert_null(lsr_tree_at(tree, kind, places[kind]));
		assert_null(lsr_tree_at(tree, kind, UINT32_MAX));
	}
	assert_int_equal((places[0] + places[1]) * sizeof(lsr_tree_node_t), lsr_tree_bytes(tree));
}

static uint64_t *
new_value(uint64_t number) {
	uint64_t *value = malloc(sizeof(*value));
	assert_non_null(value);
	*value = number;
	return value;
}

/* Put or remove something, and change one's mind about every fourth. */
static void
change_one(lsr_tree_t *tree, lsr_random_t *random, uint64_t number) {
	lsr_tree_change_t change;
	size_t i = lsr_random_below(random, KEYS);
	while (is_repeated(i)) {
		i--;
	}
	row_t after = rows[i];
	uint64_t *value = NULL;
	if (rows[i].there && lsr_random_below(random, 2) == 0) {
		assert_true(lsr_tree_stage_remove(tree, rows[i].key, &change));
		after.there = false;
	} else {
		after = (row_t){.key = rows[i].key,
				.kind = (unsigned)lsr_random_below(random, 2),
				.value = number,
				.there = true};
		value = new_value(number);
		assert_true(lsr_tree_stage_put(tree, after.key, after.kind, value, &change));
	}
	if (lsr_random_below(random, 4) == 0) {
		assert_same(tree); /* nothing shows yet */
		lsr_tree_abandon(&change);
		free(value);
	} else {
		rows[i] = after;
		lsr_tree_publish(tree, &change);
	}
}

static void
random_changes(void **state) {
	(void)state;
	lsr_random_t random = lsr_random_stream(1);
	for (unsigned round = 0; round < LSR_TEST_ROUNDS(20); round++) {
		lsr_tree_t tree = {.secret = lsr_random_u64(&random)};
		draw_keys(&random);
		for (unsigned i = 0; i < 1500; i++) {
			change_one(&tree, &random, i);
			if (i % 16 == 0) {
				assert_same(&tree);
			}
		}
		assert_same(&tree);
		lsr_tree_destroy(&tree);
		assert_null(lsr_tree_next(&tree, 0));
	}
	lsr_rcu_drain();
}

/* ---- shape -------------------------------------------------------------------------------------------------------- */

static unsigned
depth(const lsr_tree_node_t *node) {
	if (node == NULL) {
		return 0;
	}
	const unsigned left = depth(node->left);
	const unsigned right = depth(node->right);
	return 1 + (left > right ? left : right);
}

static void
put_bare(lsr_tree_t *tree, uint64_t key) {
	lsr_tree_change_t change;
	assert_true(lsr_tree_stage_put(tree, key, 1, NULL, &change));
	lsr_tree_publish(tree, &change);
	lsr_rcu_brake();
}

/* Keys that come in order do not make a list of it. */
static void
a_tree_stays_flat(void **state) {
	(void)state;
	const uint32_t count = LSR_TEST_ROUNDS(100000);
	lsr_tree_t tree = {.secret = lsr_test_seed()};
	for (uint32_t i = 0; i < count; i++) {
		put_bare(&tree, (uint64_t)i << 8);
	}
	assert_int_equal(count, lsr_tree_count(&tree, 1));
	assert_true(lsr_tree_is_sound(&tree));
	assert_true(depth(atomic_load(&tree.root)) < 100);
	for (uint32_t i = 0; i < count; i += 7) {
		assert_true(lsr_tree_at(&tree, 1, i)->key == (uint64_t)i << 8);
	}
	lsr_tree_destroy(&tree);
	lsr_rcu_drain();
}

/* What is unsound is told. */
static void
unsound_trees_are_told(void **state) {
	(void)state;
	lsr_tree_t tree = {.secret = 7};
	for (uint64_t key = 1; key < 20; key++) {
		put_bare(&tree, key);
	}
	lsr_rcu_drain();
	lsr_tree_node_t *root = atomic_load(&tree.root);
	lsr_tree_node_t *below = root->left != NULL ? root->left : root->right;
	const lsr_tree_node_t before = *below;
	assert_true(lsr_tree_is_sound(&tree));
	below->key = 100;
	assert_false(lsr_tree_is_sound(&tree));
	below->key = root->key;
	assert_false(lsr_tree_is_sound(&tree));
	*below = before;
	below->count[1]++;
	assert_false(lsr_tree_is_sound(&tree));
	*below = before;
	below->kind = 0;
	assert_false(lsr_tree_is_sound(&tree));
	*below = before;
	tree.secret = 8; /* other priorities */
	assert_false(lsr_tree_is_sound(&tree));
	tree.secret = 7;
	assert_true(lsr_tree_is_sound(&tree));
	lsr_tree_destroy(&tree);
}

/* ---- readers and a writer ------------------------------------------------------------------------------------------ */

#define STABLE 64u

typedef struct {
	lsr_tree_t tree; /* even keys are there always, odd ones come and go; the value is the key */
	atomic_bool stop;
	atomic_uint wrong;
	atomic_uint looks;
} race_t;

/* One walk sees all even keys in order, by key as by place. */
static bool
walk(const race_t *race) {
	uint32_t stable = 0;
	const lsr_tree_node_t *node;
	for (uint64_t from = 0; (node = lsr_tree_next(&race->tree, from)) != NULL; from = node->key + 1) {
		if (node->key < from || *(const uint64_t *)node->value != node->key) {
			return false;
		}
		stable += node->key % 2 == 0;
	}
	for (uint32_t i = 0; i < STABLE; i++) {
		node = lsr_tree_at(&race->tree, 0, i);
		if (node == NULL || node->key != 2 * (uint64_t)i ||
		    lsr_tree_find(&race->tree, 2 * (uint64_t)i) == NULL) {
			return false;
		}
	}
	return stable == STABLE;
}

static void *
run_reader(void *argument) {
	race_t *race = argument;
	while (!atomic_load(&race->stop)) {
		lsr_rcu_enter();
		const bool good = walk(race);
		lsr_rcu_leave();
		atomic_fetch_add(&race->wrong, good ? 0u : 1u);
		atomic_fetch_add(&race->looks, 1u);
	}
	return NULL;
}

static void
put_numbered(race_t *race, uint64_t key) {
	lsr_tree_change_t change;
	assert_true(lsr_tree_stage_put(&race->tree, key, (unsigned)key % 2, new_value(key), &change));
	lsr_tree_publish(&race->tree, &change);
	lsr_rcu_brake();
}

static void
readers_see_whole_versions(void **state) {
	(void)state;
	static race_t race;
	lsr_random_t random = lsr_random_stream(2);
	pthread_t readers[2];
	lsr_tree_change_t change;
	for (uint64_t key = 0; key < 2 * STABLE; key += 2) {
		put_numbered(&race, key);
	}
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&readers[i], NULL, run_reader, &race), 0);
	}
	for (unsigned i = 0; i < LSR_TEST_ROUNDS(50000) || atomic_load(&race.looks) < 200; i++) {
		const uint64_t key = lsr_random_below(&random, 2 * STABLE);
		if (key % 2 == 1 && lsr_tree_find(&race.tree, key) != NULL) {
			assert_true(lsr_tree_stage_remove(&race.tree, key, &change));
			lsr_tree_publish(&race.tree, &change);
		} else {
			put_numbered(&race, key);
		}
	}
	atomic_store(&race.stop, true);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(readers[i], NULL), 0);
	}
	assert_int_equal(0, atomic_load(&race.wrong));
	lsr_rcu_drain();
	lsr_tree_destroy(&race.tree);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_changes),
		cmocka_unit_test(a_tree_stays_flat),
		cmocka_unit_test(unsound_trees_are_told),
		cmocka_unit_test(readers_see_whole_versions),
	};
	(void)lsr_test_seed();
	return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
