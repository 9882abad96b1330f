/* SPDX-License-Identifier: Apache-2.0 */
/* Link-layer filters: what may be one, their order, how an address stands to them, what of it is there after a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_p.h"
#include "scratch.h"

static char directory[SCRATCH_PATH_BYTES];
static lessor_engine_t *engine;
static scratch_random_t randomness;

static int
open_memory(void **state) {
	(void)state;
	engine = scratch_open_memory();
	return 0;
}

static int
close_memory(void **state) {
	(void)state;
	scratch_close_sound(engine);
	return 0;
}

static int
open_store(void **state) {
	(void)state;
	scratch_make_fast(directory);
	engine = scratch_open_log(directory);
	return 0;
}

static int
close_store(void **state) {
	(void)state;
	scratch_close_store(engine, directory);
	return 0;
}

static void
reopen(void) {
	engine = scratch_reopen(engine, directory);
}

/* Of Ethernet; six bytes are a whole address. */
static lessor_filter_t
ethernet(const char *pattern, lessor_filter_list_t list) {
	lessor_filter_t filter = {.hardware_type = 1, .pattern_bytes = (uint8_t)strlen(pattern), .list = list};
	filter.is_wildcard = filter.pattern_bytes < 6;
	memcpy(filter.pattern, pattern, filter.pattern_bytes);
	return filter;
}

static void
add(const char *pattern, lessor_filter_list_t list) {
	const lessor_filter_t filter = ethernet(pattern, list);
	assert_status(LESSOR_OK, lessor_filter_add(engine, &filter, false, LESSOR_ASYNC, NULL));
}

static lessor_filter_match_t
match(uint8_t type, const char *address) {
	lessor_filter_match_t found = (lessor_filter_match_t)0;
	assert_status(LESSOR_OK, lessor_filter_match(engine, type, (const uint8_t *)address, strlen(address), &found));
	return found;
}

/* ---- entries --------------------------------------------------------------------------------------------------------- */

static void
test_what_may_be_one(void **state) {
	(void)state;
	for (unsigned type = 0; type < 4; type++) {
		for (unsigned wildcard = 0; wildcard < 2; wildcard++) {
			for (unsigned bytes = 0; bytes < 256; bytes += bytes < 8 ? 1 : 31) {
				for (unsigned list = 0; list < 4; list++) {
					const lessor_filter_t filter = {.hardware_type = (uint8_t)type,
									.is_wildcard = wildcard != 0,
									.pattern_bytes = (uint8_t)bytes,
									.list = (lessor_filter_list_t)list};
					const bool known = type == 1
								   ? (wildcard ? bytes >= 1 && bytes <= 5 : bytes == 6)
								   : wildcard && bytes == 0;
					const bool good =
						known && (type == 1 ? list <= 1 : list == LESSOR_FILTER_ALLOW);
					assert_status(good ? LESSOR_OK : LESSOR_INVALID,
						      lessor_filter_add(engine, &filter, true, LESSOR_ASYNC, NULL));
					assert_status(good    ? LESSOR_OK
						      : known ? LESSOR_NOT_FOUND
							      : LESSOR_INVALID,
						      lessor_filter_remove(engine, &filter, LESSOR_ASYNC, NULL));
				}
			}
		}
	}
}

static void
test_comments(void **state) {
	(void)state;
	static char text[LESSOR_FILTER_COMMENT_MAX_BYTES + 2];
	char buffer[LESSOR_FILTER_COMMENT_MAX_BYTES + 1];
	const char *const comments[] = {NULL, "", "short", text};
	lessor_filter_t got;
	memset(text, 'x', LESSOR_FILTER_COMMENT_MAX_BYTES + 1);
	lessor_filter_t filter = ethernet("abc", LESSOR_FILTER_DENY);
	filter.comment = text;
	assert_status(LESSOR_INVALID, lessor_filter_add(engine, &filter, true, LESSOR_ASYNC, NULL));
	filter.comment = "\xFF";
	assert_status(LESSOR_INVALID, lessor_filter_add(engine, &filter, true, LESSOR_ASYNC, NULL));
	text[LESSOR_FILTER_COMMENT_MAX_BYTES] = '\0';
	for (size_t i = 0; i < COUNT(comments); i++) {
		uint32_t position = 0;
		const size_t bytes = comments[i] != NULL ? strlen(comments[i]) + 1 : 0;
		filter.comment = comments[i];
		assert_status(LESSOR_OK, lessor_filter_add(engine, &filter, true, LESSOR_ASYNC, NULL));
		if (bytes > 0) {
			memset(&got, SCRATCH_POISON, sizeof(got));
			assert_status(LESSOR_BUFFER_TOO_SMALL, lessor_filter_next(engine, LESSOR_FILTER_DENY, &position,
										  &got, buffer, bytes - 1));
			assert_int_equal(0, position);
			assert_int_equal(SCRATCH_POISON, got.hardware_type);
		}
		assert_status(LESSOR_OK,
			      lessor_filter_next(engine, LESSOR_FILTER_DENY, &position, &got, buffer, bytes));
		assert_int_equal(1, position);
		if (comments[i] == NULL) {
			assert_null(got.comment);
		} else {
			assert_ptr_equal(buffer, got.comment);
			assert_string_equal(comments[i], got.comment);
		}
		position = 0;
		assert_status(LESSOR_OK, lessor_filter_next(engine, LESSOR_FILTER_DENY, &position, &got, NULL, 0));
		assert_null(got.comment);
	}
}

static void
test_adding_and_removing(void **state) {
	(void)state;
	lessor_filter_t got;
	char buffer[16];
	uint32_t position = 0;
	lessor_filter_t filter = ethernet("abcdef", LESSOR_FILTER_DENY);
	assert_status(LESSOR_NOT_FOUND, lessor_filter_remove(engine, &filter, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_filter_add(engine, &filter, false, LESSOR_ASYNC, NULL));
	filter.list = LESSOR_FILTER_ALLOW;
	filter.comment = "later";
	assert_status(LESSOR_EXISTS, lessor_filter_add(engine, &filter, false, LESSOR_ASYNC, NULL));
	assert_int_equal(LESSOR_FILTER_DENIED, match(1, "abcdef"));
	assert_status(LESSOR_OK, lessor_filter_add(engine, &filter, true, LESSOR_ASYNC, NULL));
	assert_int_equal(LESSOR_FILTER_ALLOWED, match(1, "abcdef"));
	assert_status(LESSOR_END,
		      lessor_filter_next(engine, LESSOR_FILTER_DENY, &position, &got, buffer, sizeof(buffer)));
	assert_status(LESSOR_OK,
		      lessor_filter_next(engine, LESSOR_FILTER_ALLOW, &position, &got, buffer, sizeof(buffer)));
	assert_string_equal("later", got.comment);
	assert_int_equal(6, got.pattern_bytes);
	assert_false(got.is_wildcard);
	assert_int_equal(LESSOR_FILTER_ALLOW, got.list);
	assert_int_equal(1, got.hardware_type);
	/* List and comment of what is to go do not matter. */
	filter.list = LESSOR_FILTER_DENY;
	filter.comment = "\xFF";
	assert_status(LESSOR_OK, lessor_filter_remove(engine, &filter, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_NOT_FOUND, lessor_filter_remove(engine, &filter, LESSOR_ASYNC, NULL));
	assert_int_equal(LESSOR_FILTER_NO_MATCH, match(1, "abcdef"));
}

static void
test_order(void **state) {
	(void)state;
	static const char *const patterns[] = {"\x01",   "\x01\x01", "\x01\x01\x01", "\x01\x02", "abcdef",
					       "abcdeg", "b",        "\xFF"};
	lessor_filter_t got;
	uint32_t position = 0;
	for (size_t i = COUNT(patterns); i-- > 0;) {
		add(patterns[i], LESSOR_FILTER_ALLOW);
	}
	const lessor_filter_t types[] = {{.hardware_type = 0, .is_wildcard = true, .list = LESSOR_FILTER_ALLOW},
					 {.hardware_type = 255, .is_wildcard = true, .list = LESSOR_FILTER_ALLOW}};
	for (size_t i = 0; i < COUNT(types); i++) {
		assert_status(LESSOR_OK, lessor_filter_add(engine, &types[i], false, LESSOR_ASYNC, NULL));
	}
	add("deny", LESSOR_FILTER_DENY);
	for (size_t i = 0; i < COUNT(patterns) + 2; i++) {
		assert_status(LESSOR_OK, lessor_filter_next(engine, LESSOR_FILTER_ALLOW, &position, &got, NULL, 0));
		assert_int_equal(i + 1, position);
		assert_int_equal(i == 0 ? 0 : i > COUNT(patterns) ? 255 : 1, got.hardware_type);
		if (got.hardware_type == 1) {
			assert_int_equal(strlen(patterns[i - 1]), got.pattern_bytes);
			assert_memory_equal(patterns[i - 1], got.pattern, got.pattern_bytes);
		}
	}
	assert_status(LESSOR_END, lessor_filter_next(engine, LESSOR_FILTER_ALLOW, &position, &got, NULL, 0));
	assert_int_equal(COUNT(patterns) + 2, position);
	position = UINT32_MAX;
	assert_status(LESSOR_END, lessor_filter_next(engine, LESSOR_FILTER_ALLOW, &position, &got, NULL, 0));
	position = 0;
	assert_status(LESSOR_OK, lessor_filter_next(engine, LESSOR_FILTER_DENY, &position, &got, NULL, 0));
	assert_memory_equal("deny", got.pattern, 4);
}

/* Bytes that are zero count: they are not the padding. */
static void
test_zeros_in_patterns(void **state) {
	(void)state;
	lessor_filter_match_t found;
	for (uint8_t bytes = 1; bytes <= 6; bytes++) {
		const lessor_filter_t filter = {.hardware_type = 1,
						.is_wildcard = bytes < 6,
						.pattern_bytes = bytes,
						.list = bytes % 2 ? LESSOR_FILTER_ALLOW : LESSOR_FILTER_DENY};
		const uint8_t address[6] = {0};
		assert_status(LESSOR_OK, lessor_filter_add(engine, &filter, false, LESSOR_ASYNC, NULL));
		assert_status(LESSOR_OK, lessor_filter_match(engine, 1, address, sizeof(address), &found));
		assert_int_equal(bytes == 6  ? LESSOR_FILTER_DENIED
				 : bytes % 2 ? LESSOR_FILTER_ALLOWED_BY_WILDCARD
					     : LESSOR_FILTER_DENIED_BY_WILDCARD,
				 found);
	}
}

static void
test_matching(void **state) {
	(void)state;
	assert_int_equal(LESSOR_FILTER_NO_MATCH, match(1, "abcdef"));
	add("a", LESSOR_FILTER_DENY);
	assert_int_equal(LESSOR_FILTER_DENIED_BY_WILDCARD, match(1, "abcdef"));
	assert_int_equal(LESSOR_FILTER_NO_MATCH, match(1, "bbcdef"));
	assert_int_equal(LESSOR_FILTER_NO_MATCH, match(2, "abcdef"));
	/* The longest wildcard decides, whatever its list. */
	add("abc", LESSOR_FILTER_ALLOW);
	assert_int_equal(LESSOR_FILTER_ALLOWED_BY_WILDCARD, match(1, "abcdef"));
	assert_int_equal(LESSOR_FILTER_DENIED_BY_WILDCARD, match(1, "abXdef"));
	add("abcde", LESSOR_FILTER_DENY);
	assert_int_equal(LESSOR_FILTER_DENIED_BY_WILDCARD, match(1, "abcdef"));
	assert_int_equal(LESSOR_FILTER_ALLOWED_BY_WILDCARD, match(1, "abcdX"));
	/* The whole address before every wildcard; but it is whole. */
	add("abcdef", LESSOR_FILTER_ALLOW);
	add("zzzzzz", LESSOR_FILTER_DENY);
	assert_int_equal(LESSOR_FILTER_ALLOWED, match(1, "abcdef"));
	assert_int_equal(LESSOR_FILTER_DENIED, match(1, "zzzzzz"));
	assert_int_equal(LESSOR_FILTER_NO_MATCH, match(1, "zzzzzzz"));
	assert_int_equal(LESSOR_FILTER_NO_MATCH, match(1, "zzzzz"));
	assert_int_equal(LESSOR_FILTER_DENIED_BY_WILDCARD, match(1, "abcdefg"));
	assert_int_equal(LESSOR_FILTER_NO_MATCH, match(1, ""));
	/* A type that is exempt. */
	const lessor_filter_t type = {.hardware_type = 6, .is_wildcard = true, .list = LESSOR_FILTER_ALLOW};
	assert_status(LESSOR_OK, lessor_filter_add(engine, &type, false, LESSOR_ASYNC, NULL));
	assert_int_equal(LESSOR_FILTER_ALLOWED_BY_WILDCARD, match(6, "anything at all"));
	assert_int_equal(LESSOR_FILTER_ALLOWED_BY_WILDCARD, match(6, ""));
	assert_int_equal(LESSOR_FILTER_NO_MATCH, match(7, "abcdef"));
}

static void
test_enforcement(void **state) {
	(void)state;
	bool allow = true;
	bool deny = true;
	assert_status(LESSOR_OK, lessor_filter_enforcement(engine, &allow, &deny));
	assert_false(allow || deny);
	for (unsigned i = 0; i < 4; i++) {
		assert_status(LESSOR_OK,
			      lessor_filter_set_enforcement(engine, i % 2 != 0, i / 2 != 0, LESSOR_ASYNC, NULL));
		assert_status(LESSOR_OK, lessor_filter_enforcement(engine, &allow, &deny));
		assert_int_equal(i % 2, allow);
		assert_int_equal(i / 2, deny);
	}
	add("a", LESSOR_FILTER_DENY); /* and no answer depends on it */
	assert_int_equal(LESSOR_FILTER_DENIED_BY_WILDCARD, match(1, "abcdef"));
	assert_status(LESSOR_OK, lessor_filter_set_enforcement(engine, false, false, LESSOR_ASYNC, NULL));
	assert_int_equal(LESSOR_FILTER_DENIED_BY_WILDCARD, match(1, "abcdef"));
}

static void
test_arguments(void **state) {
	(void)state;
	const lessor_filter_t filter = ethernet("a", LESSOR_FILTER_DENY);
	lessor_filter_t got;
	lessor_filter_match_t found;
	lessor_ticket_t ticket = 77;
	uint32_t position = 0;
	bool flag;
	const lessor_mode_t no_mode = (lessor_mode_t)9;
	assert_status(LESSOR_INVALID, lessor_filter_add(NULL, &filter, false, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_INVALID, lessor_filter_add(engine, NULL, false, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_INVALID, lessor_filter_add(engine, &filter, false, no_mode, &ticket));
	assert_status(LESSOR_INVALID, lessor_filter_remove(NULL, &filter, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_INVALID, lessor_filter_remove(engine, NULL, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_INVALID, lessor_filter_set_enforcement(engine, true, true, no_mode, &ticket));
	assert_int_equal(77, ticket);
	assert_status(LESSOR_INVALID, lessor_filter_enforcement(engine, NULL, &flag));
	assert_status(LESSOR_INVALID, lessor_filter_enforcement(engine, &flag, NULL));
	assert_status(LESSOR_INVALID, lessor_filter_enforcement(NULL, &flag, &flag));
	assert_status(LESSOR_INVALID, lessor_filter_next(engine, (lessor_filter_list_t)2, &position, &got, NULL, 0));
	assert_status(LESSOR_INVALID, lessor_filter_next(engine, LESSOR_FILTER_DENY, NULL, &got, NULL, 0));
	assert_status(LESSOR_INVALID, lessor_filter_next(engine, LESSOR_FILTER_DENY, &position, NULL, NULL, 0));
	assert_status(LESSOR_INVALID, lessor_filter_next(engine, LESSOR_FILTER_DENY, &position, &got, NULL, 1));
	assert_status(LESSOR_INVALID, lessor_filter_match(engine, 1, NULL, 1, &found));
	assert_status(LESSOR_INVALID, lessor_filter_match(engine, 1, filter.pattern, 1, NULL));
	assert_status(LESSOR_OK, lessor_filter_match(engine, 1, NULL, 0, &found));
	assert_status(LESSOR_END, lessor_filter_next(engine, LESSOR_FILTER_DENY, &position, &got, NULL, 0));
}

static void
test_memory_is_counted(void **state) {
	(void)state;
	lessor_engine_stats_t before;
	lessor_engine_stats_t between;
	lessor_engine_stats_t after;
	lessor_filter_t filter = ethernet("a", LESSOR_FILTER_DENY);
	filter.comment = "twenty one characters";
	assert_status(LESSOR_OK, lessor_engine_stats(engine, &before));
	for (unsigned i = 0; i < 2; i++) {
		assert_status(LESSOR_OK, lessor_filter_add(engine, &filter, true, LESSOR_ASYNC, NULL));
		assert_status(LESSOR_OK, lessor_engine_stats(engine, &between));
		assert_int_equal(before.memory_bytes + sizeof(lsr_tree_node_t) + 22, between.memory_bytes);
	}
	assert_status(LESSOR_OK, lessor_filter_remove(engine, &filter, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_engine_stats(engine, &after));
	assert_int_equal(before.memory_bytes, after.memory_bytes);
}

static void
test_contradictions_are_told(void **state) {
	(void)state;
	lessor_report_t report;
	add("abc", LESSOR_FILTER_DENY);
	atomic_store(&engine->filters.of_length[3], 0);
	assert_status(LESSOR_DAMAGED, lessor_check(engine, &report));
	assert_non_null(strstr(report.sentence, "filters"));
	atomic_store(&engine->filters.of_length[3], 1);
	assert_status(LESSOR_OK, lessor_check(engine, &report));
	lsr_tree_node_t *root = atomic_load(&engine->filters.entries.root);
	root->key ^= UINT64_C(1) << 8; /* a byte behind its length */
	assert_status(LESSOR_DAMAGED, lessor_check(engine, &report));
	root->key ^= UINT64_C(1) << 8;
	root->kind = 7;
	assert_status(LESSOR_DAMAGED, lessor_check(engine, &report));
	root->kind = LESSOR_FILTER_DENY;
}

/* ---- against a plain list --------------------------------------------------------------------------------------------- */

#define ROWS 96u

typedef struct {
	lessor_filter_t filter; /* comment: text */
	char text[8];
	bool there;
	bool has_comment;
} row_t;

/* In the order of the lists. */
static row_t rows[ROWS];

static int
by_order(const void *one, const void *other) {
	const lessor_filter_t *a = &((const row_t *)one)->filter;
	const lessor_filter_t *b = &((const row_t *)other)->filter;
	if (a->hardware_type != b->hardware_type) {
		return a->hardware_type < b->hardware_type ? -1 : 1;
	}
	const int order = memcmp(a->pattern, b->pattern, sizeof(a->pattern));
	return order != 0 ? order : a->pattern_bytes - b->pattern_bytes;
}

/* Patterns of few different bytes, so that many begin alike. */
static void
draw_rows(void) {
	memset(rows, 0, sizeof(rows));
	for (size_t i = 0; i < ROWS;) {
		lessor_filter_t *filter = &rows[i].filter;
		*filter = (lessor_filter_t){
			.hardware_type = scratch_percent(&randomness, 95) ? 1 : (uint8_t)scratch_next(&randomness)};
		filter->pattern_bytes = filter->hardware_type == 1 ? (uint8_t)(1 + scratch_below(&randomness, 6)) : 0;
		filter->is_wildcard = filter->pattern_bytes < 6;
		for (size_t at = 0; at < filter->pattern_bytes; at++) {
			filter->pattern[at] = (uint8_t)(scratch_below(&randomness, 3) * 127);
		}
		size_t same = 0;
		while (same < i && by_order(&rows[same], &rows[i]) != 0) {
			same++;
		}
		i += same == i;
	}
	qsort(rows, ROWS, sizeof(rows[0]), by_order);
}

static lessor_filter_match_t
expected_match(uint8_t type, const uint8_t *address, size_t bytes) {
	const lessor_filter_t *best = NULL;
	for (size_t i = 0; i < ROWS; i++) {
		const lessor_filter_t *filter = &rows[i].filter;
		const bool fits = filter->is_wildcard ? bytes >= filter->pattern_bytes : bytes == filter->pattern_bytes;
		if (rows[i].there && filter->hardware_type == type && fits &&
		    memcmp(filter->pattern, address, filter->pattern_bytes) == 0 &&
		    (best == NULL || filter->pattern_bytes > best->pattern_bytes)) {
			best = filter;
		}
	}
	if (best == NULL) {
		return LESSOR_FILTER_NO_MATCH;
	}
	if (best->is_wildcard) {
		return best->list == LESSOR_FILTER_ALLOW ? LESSOR_FILTER_ALLOWED_BY_WILDCARD
							 : LESSOR_FILTER_DENIED_BY_WILDCARD;
	}
	return best->list == LESSOR_FILTER_ALLOW ? LESSOR_FILTER_ALLOWED : LESSOR_FILTER_DENIED;
}

static void
assert_row(const row_t *row, uint32_t position) {
	char buffer[LESSOR_FILTER_COMMENT_MAX_BYTES + 1];
	lessor_filter_t got;
	assert_status(LESSOR_OK, lessor_filter_next(engine, row->filter.list, &position, &got, buffer, sizeof(buffer)));
	assert_int_equal(row->filter.hardware_type, got.hardware_type);
	assert_int_equal(row->filter.is_wildcard, got.is_wildcard);
	assert_int_equal(row->filter.pattern_bytes, got.pattern_bytes);
	assert_memory_equal(row->filter.pattern, got.pattern, sizeof(got.pattern));
	assert_int_equal(row->filter.list, got.list);
	assert_int_equal(row->has_comment, got.comment != NULL);
	if (row->has_comment) {
		assert_string_equal(row->text, got.comment);
	}
}

static void
assert_same(void) {
	uint32_t positions[2] = {0};
	lessor_filter_t ignored;
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].there) {
			assert_row(&rows[i], positions[rows[i].filter.list]++);
		}
	}
	for (unsigned list = 0; list < 2; list++) {
		assert_status(LESSOR_END, lessor_filter_next(engine, (lessor_filter_list_t)list, &positions[list],
							     &ignored, NULL, 0));
	}
	for (unsigned i = 0; i < 64; i++) {
		const row_t *row = &rows[scratch_below(&randomness, ROWS)];
		uint8_t address[8];
		const size_t bytes = scratch_percent(&randomness, 80) ? 6 : scratch_below(&randomness, 9);
		for (size_t at = 0; at < sizeof(address); at++) {
			address[at] = at < row->filter.pattern_bytes && scratch_percent(&randomness, 90)
					      ? row->filter.pattern[at]
					      : (uint8_t)(scratch_below(&randomness, 3) * 127);
		}
		lessor_filter_match_t found;
		assert_status(LESSOR_OK,
			      lessor_filter_match(engine, row->filter.hardware_type, address, bytes, &found));
		assert_int_equal(expected_match(row->filter.hardware_type, address, bytes), found);
	}
}

static void
change_one(void) {
	row_t *row = &rows[scratch_below(&randomness, ROWS)];
	if (scratch_percent(&randomness, 45)) {
		assert_status(row->there ? LESSOR_OK : LESSOR_NOT_FOUND,
			      lessor_filter_remove(engine, &row->filter, LESSOR_ASYNC, NULL));
		row->there = false;
		return;
	}
	row_t after = *row;
	const bool replace = scratch_percent(&randomness, 50);
	after.filter.list = after.filter.hardware_type == 1 && scratch_percent(&randomness, 50) ? LESSOR_FILTER_DENY
												: LESSOR_FILTER_ALLOW;
	after.has_comment = scratch_percent(&randomness, 50);
	(void)snprintf(after.text, sizeof(after.text), "%u", scratch_below(&randomness, 1000));
	after.filter.comment = after.has_comment ? after.text : NULL;
	after.there = true;
	const lessor_status_t expected = row->there && !replace ? LESSOR_EXISTS : LESSOR_OK;
	assert_status(expected, lessor_filter_add(engine, &after.filter, replace, LESSOR_ASYNC, NULL));
	if (expected == LESSOR_OK) {
		*row = after;
	}
}

static void
test_random_changes(void **state) {
	(void)state;
	draw_rows();
	for (unsigned i = 0; i < (scratch_is_sanitized() ? 2000u : 20000u); i++) {
		change_one();
		if (i % 32 == 0) {
			assert_same();
		}
	}
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
}

static atomic_bool over;

static void *
take_snapshots(void *argument) {
	(void)argument;
	while (!atomic_load(&over)) {
		assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	}
	return NULL;
}

/* Snapshots are taken in the middle of changes; what is there afterwards is what was there before. */
static void
test_random_restarts(void **state) {
	(void)state;
	draw_rows();
	for (unsigned round = 0; round < (scratch_is_sanitized() ? 4u : 16u); round++) {
		pthread_t thread;
		const bool beside = round % 2 == 0;
		bool allow;
		bool deny;
		atomic_store(&over, false);
		assert_true(!beside || pthread_create(&thread, NULL, take_snapshots, NULL) == 0);
		for (unsigned i = 0; i < 1000; i++) {
			change_one();
			assert_status(LESSOR_OK,
				      lessor_filter_set_enforcement(engine, (round + i) % 2 != 0, (round + i) % 3 != 0,
								    LESSOR_ASYNC, NULL));
			if (!beside && i == 500) {
				assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
			}
		}
		atomic_store(&over, true);
		assert_true(!beside || pthread_join(thread, NULL) == 0);
		reopen();
		assert_same();
		assert_status(LESSOR_OK, lessor_filter_enforcement(engine, &allow, &deny));
		assert_int_equal((round + 999) % 2 != 0, allow);
		assert_int_equal((round + 999) % 3 != 0, deny);
	}
}

/* The switches are in the snapshot too, each for itself. */
static void
test_switches_are_kept(void **state) {
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		bool allow;
		bool deny;
		assert_status(LESSOR_OK,
			      lessor_filter_set_enforcement(engine, i % 2 != 0, i / 2 != 0, LESSOR_ASYNC, NULL));
		assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
		reopen();
		assert_status(LESSOR_OK, lessor_filter_enforcement(engine, &allow, &deny));
		assert_int_equal(i % 2, allow);
		assert_int_equal(i / 2, deny);
	}
}

static void
test_tickets(void **state) {
	(void)state;
	const lessor_filter_t filter = ethernet("a", LESSOR_FILTER_DENY);
	lessor_ticket_t tickets[4];
	assert_status(LESSOR_OK, lessor_filter_add(engine, &filter, false, LESSOR_SYNC, &tickets[0]));
	assert_status(LESSOR_OK, lessor_filter_add(engine, &filter, true, LESSOR_SYNC, &tickets[1]));
	assert_status(LESSOR_OK, lessor_filter_remove(engine, &filter, LESSOR_SYNC, &tickets[2]));
	assert_status(LESSOR_OK, lessor_filter_set_enforcement(engine, true, true, LESSOR_SYNC, &tickets[3]));
	for (size_t i = 0; i < COUNT(tickets); i++) {
		assert_status(LESSOR_OK, lessor_ticket_poll(engine, tickets[i]));
		assert_true(i == 0 || tickets[i] > tickets[i - 1]);
	}
}

static void
test_read_only(void **state) {
	(void)state;
	const lessor_filter_t filter = ethernet("a", LESSOR_FILTER_DENY);
	lessor_options_t options;
	add("a", LESSOR_FILTER_DENY);
	scratch_close(engine);
	scratch_options_log(&options);
	options.read_only = true;
	assert_status(LESSOR_OK, lessor_open(directory, &options, &engine, NULL));
	assert_status(LESSOR_READ_ONLY, lessor_filter_add(engine, &filter, true, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_READ_ONLY, lessor_filter_remove(engine, &filter, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_READ_ONLY, lessor_filter_set_enforcement(engine, true, true, LESSOR_ASYNC, NULL));
	assert_int_equal(LESSOR_FILTER_DENIED_BY_WILDCARD, match(1, "abcdef"));
	scratch_close(engine);
	engine = scratch_open_log(directory);
}

/* Records that no engine writes. */
static void
test_damaged_records(void **state) {
	(void)state;
	static const struct {
		lsr_record_type_t type;
		const char *payload;
		size_t bytes;
	} records[] = {
		{LSR_LOG_FILTER, "\1\1\3abc\0\0\0\0\0", 11},       /* too short */
		{LSR_LOG_FILTER, "\1\0\3abc\0\0\0\0\0\0", 12},     /* three bytes, and whole */
		{LSR_LOG_FILTER, "\1\1\7abc\0\0\0\0\0\0", 12},     /* too many */
		{LSR_LOG_FILTER, "\1\1\3abc\0\0\0\2\0\0", 12},     /* a third list */
		{LSR_LOG_FILTER, "\2\1\0\0\0\0\0\0\0\0\0\0", 12},  /* a type on the deny list */
		{LSR_LOG_FILTER, "\1\1\3abc\0\0\0\0\1\0a\0b", 15}, /* a comment that ends twice */
		{LSR_LOG_FILTER, "\1\1\3abc\0\0\0\0\1\0\377", 13}, /* no text */
		{LSR_LOG_FILTER, "\1\1\3abc\0\0\0\0\0\0a", 13},    /* a comment that is none */
		{LSR_LOG_FILTER_END, "\1\1\3abc\0\0", 8},
		{LSR_LOG_FILTER_END, "\1\1\3abc\0\0\0\0", 10},
		{LSR_LOG_FILTER_END, "\1\0\3abc\0\0\0", 9},
		{LSR_LOG_FILTER_ENFORCE, "\1", 1},
		{LSR_LOG_FILTER_ENFORCE, "\1\2", 2},
	};
	char copy[SCRATCH_PATH_BYTES];
	lessor_options_t options;
	lessor_report_t report;
	scratch_make_fast(copy);
	scratch_close(engine);
	for (size_t i = 0; i < COUNT(records); i++) {
		lessor_engine_t *other;
		uint64_t lsn;
		scratch_copy(directory, copy);
		other = scratch_open_log(copy);
		assert_status(LESSOR_OK,
			      lsr_engine_log(other, records[i].type, records[i].payload, records[i].bytes, &lsn));
		scratch_close(other);
		scratch_options_log(&options);
		assert_status(LESSOR_DAMAGED, lessor_open(copy, &options, &other, &report));
		assert_non_null(strstr(report.sentence, "makes no sense"));
	}
	scratch_remove(copy);
	engine = scratch_open_log(directory);
}

/* ---- many ------------------------------------------------------------------------------------------------------------- */

static lessor_filter_t
numbered(uint32_t number) {
	const uint32_t scattered = number * UINT32_C(0x9E3779B1);
	lessor_filter_t filter = {
		.hardware_type = 1, .pattern_bytes = 6, .list = (lessor_filter_list_t)(number % 2), .pattern = {2, 7}};
	memcpy(filter.pattern + 2, &scattered, sizeof(scattered));
	return filter;
}

static void
test_as_many_as_there_may_be(void **state) {
	(void)state;
#ifdef NDEBUG
	const uint32_t many = LESSOR_FILTERS_MAX;
#else
	const uint32_t many = 20000; /* each change copies them all: the limit is for the release build */
#endif
	lessor_filter_t filter;
	lessor_filter_match_t found;
	for (uint32_t i = 0; i < many; i++) {
		filter = numbered(i);
		assert_status(LESSOR_OK, lessor_filter_add(engine, &filter, false, LESSOR_ASYNC, NULL));
	}
	if (many == LESSOR_FILTERS_MAX) {
		filter = numbered(many);
		assert_status(LESSOR_LIMIT, lessor_filter_add(engine, &filter, true, LESSOR_ASYNC, NULL));
		filter = numbered(5);
		assert_status(LESSOR_OK, lessor_filter_add(engine, &filter, true, LESSOR_ASYNC, NULL));
		assert_status(LESSOR_OK, lessor_filter_remove(engine, &filter, LESSOR_ASYNC, NULL));
		assert_status(LESSOR_OK, lessor_filter_add(engine, &filter, false, LESSOR_ASYNC, NULL));
	}
	for (uint32_t i = 0; i < many; i += 3) {
		filter = numbered(i);
		assert_status(LESSOR_OK, lessor_filter_match(engine, 1, filter.pattern, 6, &found));
		assert_int_equal(i % 2 ? LESSOR_FILTER_ALLOWED : LESSOR_FILTER_DENIED, found);
	}
	for (unsigned list = 0; list < 2; list++) {
		uint32_t position = 0;
		uint8_t last[6] = {0};
		while (lessor_filter_next(engine, (lessor_filter_list_t)list, &position, &filter, NULL, 0) ==
		       LESSOR_OK) {
			assert_true(memcmp(last, filter.pattern, sizeof(last)) < 0);
			memcpy(last, filter.pattern, sizeof(last));
		}
		assert_int_equal(many / 2, position);
	}
}

/* ---- readers beside changes -------------------------------------------------------------------------------------------- */

static atomic_uint looks;
static atomic_uint wrong;

/* "stable" is there always; everything else comes and goes. */
static void *
run_reader(void *argument) {
	(void)argument;
	while (!atomic_load(&over)) {
		lessor_filter_match_t found;
		lessor_filter_t filter;
		char buffer[LESSOR_FILTER_COMMENT_MAX_BYTES + 1];
		uint32_t position = 0;
		const lessor_status_t status = lessor_filter_match(engine, 1, (const uint8_t *)"stable", 6, &found);
		atomic_fetch_add(&wrong, status == LESSOR_OK && found == LESSOR_FILTER_DENIED ? 0 : 1);
		while (lessor_filter_next(engine, LESSOR_FILTER_ALLOW, &position, &filter, buffer, sizeof(buffer)) ==
		       LESSOR_OK) {
			atomic_fetch_add(&wrong,
					 filter.comment != NULL && strcmp(filter.comment, "allowed") == 0 ? 0 : 1);
		}
		atomic_fetch_add(&looks, 1);
	}
	return NULL;
}

static void
test_readers_beside_changes(void **state) {
	(void)state;
	pthread_t readers[2];
	atomic_store(&over, false);
	add("stable", LESSOR_FILTER_DENY);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(0, pthread_create(&readers[i], NULL, run_reader, NULL));
	}
	for (uint32_t i = 0; i < (scratch_is_sanitized() ? 2000u : 5000u) || atomic_load(&looks) < 100; i++) {
		lessor_filter_t filter = numbered(scratch_below(&randomness, 64));
		filter.list = (lessor_filter_list_t)scratch_below(&randomness, 2);
		filter.comment = filter.list == LESSOR_FILTER_ALLOW ? "allowed" : NULL;
		if (scratch_percent(&randomness, 50)) {
			assert_status(LESSOR_OK, lessor_filter_add(engine, &filter, true, LESSOR_ASYNC, NULL));
		} else {
			(void)lessor_filter_remove(engine, &filter, LESSOR_ASYNC, NULL);
		}
	}
	atomic_store(&over, true);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(0, pthread_join(readers[i], NULL));
	}
	assert_int_equal(0, atomic_load(&wrong));
}

#define MEMORY(function) cmocka_unit_test_setup_teardown(function, open_memory, close_memory)
#define STORE(function)  cmocka_unit_test_setup_teardown(function, open_store, close_store)

int
main(void) {
	const struct CMUnitTest tests[] = {
		MEMORY(test_what_may_be_one),
		MEMORY(test_comments),
		MEMORY(test_adding_and_removing),
		MEMORY(test_order),
		MEMORY(test_zeros_in_patterns),
		MEMORY(test_matching),
		MEMORY(test_enforcement),
		MEMORY(test_arguments),
		MEMORY(test_memory_is_counted),
		MEMORY(test_contradictions_are_told),
		MEMORY(test_random_changes),
		STORE(test_random_restarts),
		STORE(test_switches_are_kept),
		STORE(test_tickets),
		STORE(test_read_only),
		STORE(test_damaged_records),
		MEMORY(test_as_many_as_there_may_be),
		MEMORY(test_readers_beside_changes),
	};
	randomness.state = scratch_seed();
	print_message("LESSOR_TEST_SEED=%" PRIu64 "\n", randomness.state);
	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
