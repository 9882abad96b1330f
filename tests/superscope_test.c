/* SPDX-License-Identifier: Apache-2.0 */
/* Superscopes: who is in which, what their numbers are, what of it is there after a restart. */
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

#define SUBNET UINT32_C(0xC0A80100)
#define SCOPES 8u

static char directory[SCRATCH_PATH_BYTES];
static lessor_engine_t *engine;

static uint32_t
subnet_of(uint32_t number) {
	return SUBNET + (number << 8);
}

static void
add_scopes(uint32_t count) {
	for (uint32_t i = 0; i < count; i++) {
		scratch_scope_add(engine, subnet_of(i), 0xFFFFFF00, false);
	}
}

static int
open_memory(void **state) {
	(void)state;
	engine = scratch_open_memory();
	add_scopes(SCOPES);
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
	add_scopes(SCOPES);
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

static void
join(uint32_t scope, const char *name) {
	assert_status(LESSOR_OK, lessor_superscope_join(engine, subnet_of(scope), name, true, LESSOR_ASYNC, NULL));
}

static void
assert_in(uint32_t scope, uint32_t number, const char *name) {
	char got[LESSOR_SUPERSCOPE_NAME_MAX_BYTES + 1];
	uint32_t found = UINT32_MAX;
	assert_status(LESSOR_OK, lessor_superscope_of(engine, subnet_of(scope), &found, got, sizeof(got)));
	assert_int_equal(number, found);
	assert_string_equal(name, got);
}

/* All of them, as "number name, number name". */
static void
assert_all(const char *expected) {
	char all[1024] = "";
	char name[LESSOR_SUPERSCOPE_NAME_MAX_BYTES + 1];
	uint32_t number = 0;
	while (lessor_superscope_next(engine, &number, name, sizeof(name)) == LESSOR_OK) {
		const size_t used = strlen(all);
		(void)snprintf(all + used, sizeof(all) - used, "%s%u %s", used > 0 ? ", " : "", number, name);
		number++;
	}
	assert_string_equal(expected, all);
}

static void
test_joining(void **state) {
	(void)state;
	assert_all("");
	assert_in(0, 0, "");
	assert_status(LESSOR_OK, lessor_superscope_join(engine, subnet_of(0), "wire", false, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_superscope_join(engine, subnet_of(1), "wire", false, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_superscope_join(engine, subnet_of(2), "Wire", false, LESSOR_ASYNC, NULL));
	assert_all("1 wire, 2 Wire");
	assert_in(0, 1, "wire");
	assert_in(1, 1, "wire");
	assert_in(2, 2, "Wire");
	assert_in(3, 0, "");
	/* One at a time, and whoever is in one moves only when told so; to the same too. */
	assert_status(LESSOR_MEMBER, lessor_superscope_join(engine, subnet_of(0), "Wire", false, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_MEMBER, lessor_superscope_join(engine, subnet_of(0), "wire", false, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_MEMBER, lessor_superscope_join(engine, subnet_of(0), "new", false, LESSOR_ASYNC, NULL));
	assert_all("1 wire, 2 Wire");
	assert_status(LESSOR_OK, lessor_superscope_join(engine, subnet_of(0), "wire", true, LESSOR_ASYNC, NULL));
	assert_in(0, 1, "wire");
	assert_status(LESSOR_OK, lessor_superscope_join(engine, subnet_of(0), "Wire", true, LESSOR_ASYNC, NULL));
	assert_in(0, 2, "Wire");
	/* Out of it, twice; the superscope stays, also when nobody is in it. */
	for (unsigned i = 0; i < 2; i++) {
		assert_status(LESSOR_OK, lessor_superscope_join(engine, subnet_of(1), NULL, false, LESSOR_ASYNC, NULL));
		assert_in(1, 0, "");
	}
	assert_all("1 wire, 2 Wire");
	assert_status(LESSOR_OK, lessor_superscope_join(engine, subnet_of(1), "wire", false, LESSOR_ASYNC, NULL));
	assert_in(1, 1, "wire");
}

static void
test_deleting(void **state) {
	(void)state;
	join(0, "a");
	join(1, "b");
	join(2, "a");
	assert_status(LESSOR_NOT_FOUND, lessor_superscope_delete(engine, "c", LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_superscope_delete(engine, "a", LESSOR_ASYNC, NULL));
	assert_status(LESSOR_NOT_FOUND, lessor_superscope_delete(engine, "a", LESSOR_ASYNC, NULL));
	assert_all("2 b");
	assert_in(0, 0, "");
	assert_in(1, 2, "b");
	assert_in(2, 0, "");
	/* Another one of that name is another one. */
	assert_status(LESSOR_OK, lessor_superscope_join(engine, subnet_of(0), "a", false, LESSOR_ASYNC, NULL));
	assert_all("2 b, 3 a");
	assert_in(0, 3, "a");
	assert_in(2, 0, "");
	/* A scope that goes takes nothing with it, and a new one in its place is in none. */
	assert_status(LESSOR_OK, lessor_scope_delete(engine, subnet_of(0), false, LESSOR_ASYNC, NULL));
	assert_all("2 b, 3 a");
	scratch_scope_add(engine, subnet_of(0), 0xFFFFFF00, false);
	assert_in(0, 0, "");
}

/* What changes a scope leaves it where it is. */
static void
test_other_changes_of_a_member(void **state) {
	(void)state;
	const lessor_range_t range = {SUBNET + 1, SUBNET + 9};
	const lessor_scope_t update = {.subnet = SUBNET, .mask = 0xFFFFFF80, .name = "renamed"};
	join(0, "a");
	assert_status(LESSOR_OK, lessor_scope_update(engine, &update, LESSOR_SCOPE_FIELD_MASK | LESSOR_SCOPE_FIELD_NAME,
						     LESSOR_ASYNC, NULL));
	assert_in(0, 1, "a");
	assert_status(LESSOR_OK, lessor_scope_resize(engine, SUBNET, range, LESSOR_ASYNC, NULL));
	assert_in(0, 1, "a");
	assert_status(LESSOR_OK, lessor_scope_exclude(engine, SUBNET, range, LESSOR_ASYNC, NULL));
	assert_in(0, 1, "a");
	assert_status(LESSOR_OK, lessor_scope_remove_range(engine, SUBNET, range, true, LESSOR_ASYNC, NULL));
	assert_in(0, 1, "a");
	/* And joining leaves the scope as it is. */
	lessor_scope_t before;
	lessor_scope_t after;
	char texts[LESSOR_SCOPE_BUFFER_BYTES];
	size_t exclusions = 0;
	assert_status(LESSOR_OK, lessor_scope_get(engine, SUBNET, &before, NULL, 0));
	join(0, "b");
	join(0, "a");
	join(0, NULL);
	assert_status(LESSOR_OK, lessor_scope_get(engine, SUBNET, &after, NULL, 0));
	assert_int_equal(before.mask, after.mask);
	assert_int_equal(before.lease_s, after.lease_s);
	assert_false(after.has_range);
	assert_status(LESSOR_OK, lessor_scope_get(engine, SUBNET, &after, texts, sizeof(texts)));
	assert_string_equal("renamed", after.name);
	assert_status(LESSOR_OK, lessor_scope_exclusions(engine, SUBNET, NULL, 0, &exclusions));
	assert_int_equal(1, exclusions);
}

static void
test_refusals(void **state) {
	(void)state;
	static char long_name[LESSOR_SUPERSCOPE_NAME_MAX_BYTES + 2];
	lessor_ticket_t ticket = 77;
	memset(long_name, 'x', LESSOR_SUPERSCOPE_NAME_MAX_BYTES + 1);
	const char *const bad[] = {"", long_name, "\xFF", "a\xC3"};
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_status(LESSOR_INVALID,
			      lessor_superscope_join(engine, SUBNET, bad[i], true, LESSOR_ASYNC, &ticket));
		assert_status(LESSOR_INVALID, lessor_superscope_delete(engine, bad[i], LESSOR_ASYNC, &ticket));
	}
	assert_status(LESSOR_INVALID, lessor_superscope_delete(engine, NULL, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_INVALID, lessor_superscope_join(NULL, SUBNET, "a", true, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_INVALID, lessor_superscope_join(engine, SUBNET, "a", true, (lessor_mode_t)9, &ticket));
	assert_status(LESSOR_NO_SCOPE, lessor_superscope_join(engine, SUBNET + 1, "a", true, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_NO_SCOPE, lessor_superscope_join(engine, SUBNET - 256, NULL, true, LESSOR_ASYNC, &ticket));
	assert_int_equal(77, ticket);
	assert_all("");
	long_name[LESSOR_SUPERSCOPE_NAME_MAX_BYTES] = '\0';
	join(0, long_name);
	assert_in(0, 1, long_name);
}

static void
test_outputs(void **state) {
	(void)state;
	char name[8];
	uint32_t number = 77;
	join(0, "abcd");
	memset(name, SCRATCH_POISON, sizeof(name));
	assert_status(LESSOR_INVALID, lessor_superscope_of(engine, SUBNET, NULL, name, sizeof(name)));
	assert_status(LESSOR_INVALID, lessor_superscope_of(engine, SUBNET, &number, NULL, 1));
	assert_status(LESSOR_INVALID, lessor_superscope_of(NULL, SUBNET, &number, name, sizeof(name)));
	assert_status(LESSOR_NO_SCOPE, lessor_superscope_of(engine, SUBNET + 1, &number, name, sizeof(name)));
	assert_status(LESSOR_BUFFER_TOO_SMALL, lessor_superscope_of(engine, SUBNET, &number, name, 4));
	assert_status(LESSOR_BUFFER_TOO_SMALL, lessor_superscope_of(engine, SUBNET, &number, name, 0));
	assert_status(LESSOR_BUFFER_TOO_SMALL, lessor_superscope_of(engine, subnet_of(1), &number, name, 0));
	assert_int_equal(77, number);
	assert_int_equal(SCRATCH_POISON, (uint8_t)name[0]);
	assert_status(LESSOR_OK, lessor_superscope_of(engine, SUBNET, &number, name, 5));
	assert_int_equal(1, number);
	assert_string_equal("abcd", name);
	assert_int_equal(SCRATCH_POISON, (uint8_t)name[5]);
	number = 77;
	assert_status(LESSOR_OK, lessor_superscope_of(engine, SUBNET, &number, NULL, 0));
	assert_int_equal(1, number);

	assert_status(LESSOR_INVALID, lessor_superscope_next(engine, NULL, name, sizeof(name)));
	assert_status(LESSOR_INVALID, lessor_superscope_next(engine, &number, NULL, 1));
	assert_status(LESSOR_BUFFER_TOO_SMALL, lessor_superscope_next(engine, &number, name, 4));
	assert_int_equal(1, number);
	number = 2;
	assert_status(LESSOR_END, lessor_superscope_next(engine, &number, name, sizeof(name)));
	number = UINT32_MAX;
	assert_status(LESSOR_END, lessor_superscope_next(engine, &number, name, sizeof(name)));
	assert_int_equal(UINT32_MAX, number);
}

static void
test_numbers_are_used_up(void **state) {
	(void)state;
	join(0, "a");
	atomic_store(&engine->superscopes.last_number, UINT32_MAX - 1);
	assert_status(LESSOR_LIMIT, lessor_superscope_join(engine, subnet_of(1), "b", true, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_superscope_join(engine, subnet_of(1), "a", true, LESSOR_ASYNC, NULL));
	assert_all("1 a");
}

static void
test_memory_is_counted(void **state) {
	(void)state;
	lessor_engine_stats_t before;
	lessor_engine_stats_t between;
	lessor_engine_stats_t after;
	assert_status(LESSOR_OK, lessor_engine_stats(engine, &before));
	join(0, "a name of some length");
	assert_status(LESSOR_OK, lessor_engine_stats(engine, &between));
	assert_true(between.memory_bytes >= before.memory_bytes + sizeof(lsr_tree_node_t) + 21);
	assert_status(LESSOR_OK, lessor_superscope_delete(engine, "a name of some length", LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_engine_stats(engine, &after));
	assert_int_equal(before.memory_bytes, after.memory_bytes);
}

static void
test_contradictions_are_told(void **state) {
	(void)state;
	lessor_report_t report;
	join(0, "a");
	join(1, "b");
	lsr_superscope_t *object = lsr_tree_find(&engine->superscopes.by_number, 2)->value;
	object->name[0] = 'A'; /* it should come before a */
	assert_status(LESSOR_DAMAGED, lessor_check(engine, &report));
	assert_non_null(strstr(report.sentence, "superscope 2"));
	object->name[0] = 'b';
	atomic_store(&engine->superscopes.last_number, 1);
	assert_status(LESSOR_DAMAGED, lessor_check(engine, &report));
	atomic_store(&engine->superscopes.last_number, 2);
	assert_status(LESSOR_OK, lessor_check(engine, &report));
}

/* ---- the disk ------------------------------------------------------------------------------------------------------ */

/* The same after a restart, whatever of it the snapshot holds and whatever the log. */
static void
test_restarts(void **state) {
	(void)state;
	for (unsigned snapshot_at = 0; snapshot_at < 5; snapshot_at++) {
		char expected[64];
		const uint32_t base = engine->superscopes.last_number;
		for (unsigned step = 0; step < 5; step++) {
			if (step == snapshot_at) {
				assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
			}
			switch (step) {
			case 0:
				join(0, "a");
				join(1, "b");
				join(2, "b");
				break;
			case 1:
				join(0, "c"); /* a is empty */
				break;
			case 2:
				assert_status(LESSOR_OK, lessor_superscope_delete(engine, "b", LESSOR_ASYNC, NULL));
				break;
			case 3:
				join(2, NULL);
				join(3, "c");
				break;
			default:
				join(4, "d");
				assert_status(LESSOR_OK, lessor_superscope_delete(engine, "d", LESSOR_ASYNC, NULL));
			}
		}
		for (unsigned i = 0; i < 3; i++) {
			(void)snprintf(expected, sizeof(expected), "%u a, %u c", base + 1, base + 3);
			assert_all(expected);
			assert_in(0, base + 3, "c");
			assert_in(1, 0, "");
			assert_in(2, 0, "");
			assert_in(3, base + 3, "c");
			assert_in(4, 0, "");
			assert_int_equal(base + 4, engine->superscopes.last_number);
			if (i == 1) {
				assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
			}
			reopen();
		}
		assert_status(LESSOR_OK, lessor_superscope_delete(engine, "a", LESSOR_ASYNC, NULL));
		assert_status(LESSOR_OK, lessor_superscope_delete(engine, "c", LESSOR_ASYNC, NULL));
	}
}

/* A number that nobody has any more is not given again, although nothing on disk says so but the snapshot. */
static void
test_numbers_are_never_used_again(void **state) {
	(void)state;
	for (uint32_t i = 1; i <= 4; i++) {
		join(0, "a");
		assert_in(0, i, "a");
		assert_status(LESSOR_OK, lessor_superscope_delete(engine, "a", LESSOR_ASYNC, NULL));
		if (i % 2 == 0) {
			assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
		}
		reopen();
	}
}

static void
test_tickets(void **state) {
	(void)state;
	lessor_ticket_t tickets[4];
	assert_status(LESSOR_OK, lessor_superscope_join(engine, SUBNET, "a", true, LESSOR_SYNC, &tickets[0]));
	assert_status(LESSOR_OK, lessor_ticket_poll(engine, tickets[0]));
	assert_status(LESSOR_OK, lessor_superscope_join(engine, subnet_of(1), "a", true, LESSOR_ASYNC, &tickets[1]));
	assert_status(LESSOR_OK, lessor_superscope_delete(engine, "a", LESSOR_SYNC, &tickets[2]));
	assert_status(LESSOR_OK, lessor_superscope_join(engine, SUBNET, NULL, true, LESSOR_SYNC, &tickets[3]));
	for (size_t i = 1; i < COUNT(tickets); i++) {
		assert_true(tickets[i] >= tickets[i - 1] + (i < 3));
		assert_status(LESSOR_OK, lessor_ticket_poll(engine, tickets[i]));
	}
}

static void
test_read_only(void **state) {
	(void)state;
	lessor_options_t options;
	join(0, "a");
	scratch_close(engine);
	scratch_options_log(&options);
	options.read_only = true;
	assert_status(LESSOR_OK, lessor_open(directory, &options, &engine, NULL));
	assert_status(LESSOR_READ_ONLY, lessor_superscope_join(engine, SUBNET, "b", true, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_READ_ONLY, lessor_superscope_delete(engine, "a", LESSOR_ASYNC, NULL));
	assert_in(0, 1, "a");
	scratch_close(engine);
	engine = scratch_open_log(directory);
}

static uint64_t
records(void) {
	lessor_options_t options;
	lessor_report_t report;
	scratch_close(engine);
	scratch_options_log(&options);
	assert_status(LESSOR_OK, lessor_open(directory, &options, &engine, &report));
	return report.log_records;
}

/* So that no crash shows a part of one. */
static void
test_every_change_is_one_record(void **state) {
	(void)state;
	uint64_t before = records();
	join(0, "a");
	assert_int_equal(++before, records());
	join(1, "a");
	assert_int_equal(++before, records());
	assert_status(LESSOR_OK, lessor_superscope_delete(engine, "a", LESSOR_ASYNC, NULL));
	assert_int_equal(++before, records());
	join(1, NULL);
	assert_int_equal(before, records()); /* it is in none */
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
		{LSR_LOG_SUPERSCOPE, "\1\0\0\0other", 9},     /* a number that another has */
		{LSR_LOG_SUPERSCOPE, "\7\0\0\0a", 5},         /* a name that another has */
		{LSR_LOG_SUPERSCOPE, "\7\0\0\0", 4},          /* no name */
		{LSR_LOG_SUPERSCOPE, "\0\0\0\0b", 5},         /* no number */
		{LSR_LOG_SUPERSCOPE, "\377\377\377\377b", 5}, /* the one behind the last */
		{LSR_LOG_SUPERSCOPE, "\7\0\0\0b\0c", 7},      /* a name that ends twice */
		{LSR_LOG_SUPERSCOPE, "\7\0\0\0\377", 5},      /* no text */
		{LSR_LOG_SUPERSCOPE, "\7\0\0", 3},
		{LSR_LOG_SUPERSCOPE_END, "\1\0\0\0\0", 5},
	};
	lessor_options_t options;
	lessor_report_t report;
	join(0, "a");
	char copy[SCRATCH_PATH_BYTES];
	scratch_make_fast(copy);
	for (size_t i = 0; i < COUNT(records); i++) {
		scratch_close(engine);
		scratch_copy(directory, copy);
		lessor_engine_t *other = scratch_open_log(copy);
		uint64_t lsn;
		assert_status(LESSOR_OK,
			      lsr_engine_log(other, records[i].type, records[i].payload, records[i].bytes, &lsn));
		scratch_close(other);
		scratch_options_log(&options);
		assert_status(LESSOR_DAMAGED, lessor_open(copy, &options, &other, &report));
		assert_non_null(strstr(report.sentence, "makes no sense"));
		engine = scratch_open_log(directory);
	}
	scratch_remove(copy);
}

/* ---- many ------------------------------------------------------------------------------------------------------------ */

#define MANY 10000u

static void
test_many(void **state) {
	(void)state;
	const uint32_t many = scratch_is_sanitized() ? MANY / 10 : MANY;
	char name[16];
	uint32_t number = 0;
	for (uint32_t i = 0; i < many; i++) {
		scratch_scope_add(engine, UINT32_C(0x0A000000) + (i << 8), 0xFFFFFF00, false);
	}
	for (uint32_t i = 0; i < many; i++) {
		(void)snprintf(name, sizeof(name), "s%u", i * 7919 % many);
		assert_status(LESSOR_OK, lessor_superscope_join(engine, UINT32_C(0x0A000000) + (i << 8), name, false,
								LESSOR_ASYNC, NULL));
	}
	for (unsigned round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < many; i += 3) {
			char expected[16];
			(void)snprintf(expected, sizeof(expected), "s%u", i * 7919 % many);
			assert_status(LESSOR_OK, lessor_superscope_of(engine, UINT32_C(0x0A000000) + (i << 8), &number,
								      name, sizeof(name)));
			assert_int_equal(i + 1, number);
			assert_string_equal(expected, name);
		}
		uint32_t count = 0;
		for (number = 0; lessor_superscope_next(engine, &number, name, sizeof(name)) == LESSOR_OK; number++) {
			count++;
		}
		assert_int_equal(many, count);
		if (round == 0) {
			assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
			reopen();
		}
	}
	for (uint32_t i = 0; i < many; i++) {
		(void)snprintf(name, sizeof(name), "s%u", i);
		assert_status(LESSOR_OK, lessor_superscope_delete(engine, name, LESSOR_ASYNC, NULL));
	}
	assert_all("");
}

/* ---- readers beside changes ------------------------------------------------------------------------------------------ */

static atomic_bool over;
static atomic_uint looks;
static atomic_uint wrong;

/* Whatever is answered is a name with a number of its own. */
static void *
run_reader(void *argument) {
	(void)argument;
	while (!atomic_load(&over)) {
		char name[16];
		uint32_t number;
		for (uint32_t i = 0; i < SCOPES; i++) {
			const lessor_status_t status =
				lessor_superscope_of(engine, subnet_of(i), &number, name, sizeof(name));
			const bool good = status == LESSOR_OK &&
					  (number == 0 ? name[0] == '\0' : name[0] == 's' && name[2] == '\0');
			atomic_fetch_add(&wrong, good ? 0 : 1);
		}
		uint32_t before = 0;
		for (number = 1; lessor_superscope_next(engine, &number, name, sizeof(name)) == LESSOR_OK; number++) {
			atomic_fetch_add(&wrong, number > before && name[0] == 's' ? 0 : 1);
			before = number;
		}
		atomic_fetch_add(&looks, 1);
	}
	return NULL;
}

static void
test_readers_beside_changes(void **state) {
	(void)state;
	pthread_t readers[2];
	scratch_random_t random = {.state = scratch_seed()};
	print_message("LESSOR_TEST_SEED=%" PRIu64 "\n", random.state);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(0, pthread_create(&readers[i], NULL, run_reader, NULL));
	}
	for (unsigned i = 0; i < (scratch_is_sanitized() ? 2000u : 20000u) || atomic_load(&looks) < 100; i++) {
		const char name[3] = {'s', (char)('0' + scratch_below(&random, 4)), '\0'};
		if (scratch_percent(&random, 30)) {
			const lessor_status_t status = lessor_superscope_delete(engine, name, LESSOR_ASYNC, NULL);
			assert_true(status == LESSOR_OK || status == LESSOR_NOT_FOUND);
		} else {
			join(scratch_below(&random, SCOPES), scratch_percent(&random, 80) ? name : NULL);
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
		MEMORY(test_joining),
		MEMORY(test_deleting),
		MEMORY(test_other_changes_of_a_member),
		MEMORY(test_refusals),
		MEMORY(test_outputs),
		MEMORY(test_numbers_are_used_up),
		MEMORY(test_memory_is_counted),
		MEMORY(test_contradictions_are_told),
		STORE(test_restarts),
		STORE(test_numbers_are_never_used_again),
		STORE(test_tickets),
		STORE(test_read_only),
		STORE(test_every_change_is_one_record),
		STORE(test_damaged_records),
		STORE(test_many),
		MEMORY(test_readers_beside_changes),
	};
	return cmocka_run_group_tests_name("superscope", tests, NULL, NULL);
}
