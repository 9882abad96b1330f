/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits of leases: what counts, what is refused, and that neither threads nor restarts lose a place or give away one too many.
 *
 * Part of it are random calls beside a model that counts leases one by one. LESSOR_TEST_LIMIT_STEPS makes that longer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_p.h"
#include "scratch.h"

#define SUBNET  IP(10, 1, 0, 0)
#define MASK    IP(255, 255, 255, 0)
#define OTHER   IP(10, 1, 1, 0)
#define THREADS 4u

static char directory[SCRATCH_PATH_BYTES];
static lessor_engine_t *engine;

static void
add_scopes(void) {
	scratch_scope_add(engine, SUBNET, MASK, true);
	scratch_scope_add(engine, OTHER, MASK, true);
}

static int
open_memory(void **state) {
	(void)state;
	engine = scratch_open_memory();
	add_scopes();
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
	add_scopes();
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

/* ---- what tests say --------------------------------------------------------------------------------------------------- */

static lessor_limit_key_t
key_of(lessor_limit_kind_t kind, const char *text) {
	lessor_limit_key_t key = {.kind = (uint8_t)kind, .size_bytes = (uint8_t)strlen(text)};
	memcpy(key.bytes, text, key.size_bytes);
	return key;
}

static lessor_limit_key_t
tag(const char *text) {
	return key_of(LESSOR_LIMIT_TAG, text);
}

static void
set(const char *text, uint32_t max) {
	const lessor_limit_key_t key = tag(text);
	assert_status(LESSOR_OK, lessor_limit_set(engine, &key, max, LESSOR_ASYNC, NULL));
}

static void
assert_limit(const char *text, uint32_t max, uint32_t leases) {
	lessor_limit_t limit;
	const lessor_limit_key_t key = tag(text);
	assert_status(LESSOR_OK, lessor_limit_get(engine, &key, &limit));
	assert_memory_equal(&limit.key, &key, sizeof(key));
	assert_int_equal(limit.max, max);
	assert_int_equal(limit.leases, leases);
}

static void
limit_scope(uint32_t subnet, uint32_t max) {
	const lessor_scope_t scope = {.subnet = subnet, .max_leases = max};
	assert_status(LESSOR_OK,
		      lessor_scope_update(engine, &scope, LESSOR_SCOPE_FIELD_MAX_LEASES, LESSOR_ASYNC, NULL));
}

/* A lease that is made of its address, with keys. */
static lessor_status_t
create(uint32_t address, const lessor_limit_key_t *keys, unsigned count) {
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(address, address, id);
	lease.limit_key = keys;
	lease.limit_keys = (uint8_t)count;
	return lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL);
}

static lessor_status_t
create_tagged(uint32_t address, const char *text) {
	const lessor_limit_key_t key = tag(text);
	return create(address, &key, 1);
}

static lessor_status_t
rekey(uint32_t address, const lessor_limit_key_t *keys, unsigned count) {
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(address, address, id);
	lease.limit_key = keys;
	lease.limit_keys = (uint8_t)count;
	return lessor_lease_update(engine, &lease, LESSOR_FIELD_LIMIT_KEYS, LESSOR_ASYNC, NULL);
}

static void
remove_lease(uint32_t address) {
	assert_status(LESSOR_OK, lessor_lease_delete(engine, address, NULL, 0, LESSOR_ASYNC, NULL));
}

/* ---- semantics -------------------------------------------------------------------------------------------------------- */

static void
test_a_scope_takes_so_many(void **state) {
	(void)state;
	lessor_scope_t scope;
	limit_scope(SUBNET, 2);
	assert_status(LESSOR_OK, lessor_scope_get(engine, SUBNET, &scope, NULL, 0));
	assert_int_equal(scope.max_leases, 2);
	assert_status(LESSOR_OK, create(SUBNET + 1, NULL, 0));
	assert_status(LESSOR_OK, create(SUBNET + 2, NULL, 0));
	assert_status(LESSOR_QUOTA, create(SUBNET + 3, NULL, 0));
	assert_status(LESSOR_ADDRESS_TAKEN, create(SUBNET + 2, NULL, 0));
	assert_status(LESSOR_OK, create(OTHER + 1, NULL, 0)); /* that is another scope's */
	remove_lease(SUBNET + 1);
	assert_status(LESSOR_OK, create(SUBNET + 3, NULL, 0));
	assert_status(LESSOR_QUOTA, create(SUBNET + 1, NULL, 0));
	limit_scope(SUBNET, 0);
	assert_status(LESSOR_OK, create(SUBNET + 1, NULL, 0));
}

static void
test_a_client_that_is_there_is_told_so_first(void **state) {
	(void)state;
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(SUBNET + 9, SUBNET + 1, id);
	limit_scope(SUBNET, 1);
	assert_status(LESSOR_OK, create(SUBNET + 1, NULL, 0));
	assert_status(LESSOR_CLIENT_TAKEN, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
}

static void
test_a_lower_limit_removes_nothing(void **state) {
	(void)state;
	for (uint32_t i = 1; i <= 4; i++) {
		assert_status(LESSOR_OK, create_tagged(SUBNET + i, "relay"));
	}
	limit_scope(SUBNET, 2);
	set("relay", 3);
	assert_limit("relay", 3, 4);
	assert_status(LESSOR_QUOTA, create(SUBNET + 5, NULL, 0));
	remove_lease(SUBNET + 1);
	remove_lease(SUBNET + 2);
	assert_status(LESSOR_QUOTA, create(SUBNET + 5, NULL, 0));
	assert_limit("relay", 3, 2);
	assert_status(LESSOR_OK, create_tagged(OTHER + 5, "relay"));
	assert_status(LESSOR_QUOTA, create_tagged(OTHER + 6, "relay"));
	remove_lease(SUBNET + 3);
	assert_status(LESSOR_OK, create(SUBNET + 5, NULL, 0));
	assert_status(LESSOR_QUOTA, create(SUBNET + 6, NULL, 0));
}

static void
test_keys_are_told_apart(void **state) {
	(void)state;
	const lessor_limit_key_t keys[] = {tag("a"), key_of(LESSOR_LIMIT_CLASS, "a"), tag("aa"), tag("b")};
	for (unsigned i = 0; i < COUNT(keys); i++) {
		assert_status(LESSOR_OK, lessor_limit_set(engine, &keys[i], i + 1, LESSOR_ASYNC, NULL));
	}
	for (unsigned i = 0; i < COUNT(keys); i++) {
		for (unsigned n = 0; n <= i; n++) {
			assert_status(LESSOR_OK, create(SUBNET + 10 * (i + 1) + n, &keys[i], 1));
		}
		assert_status(LESSOR_QUOTA, create(SUBNET + 100, &keys[i], 1));
	}
}

/* With one key of four at its limit nothing is taken of the others. */
static void
test_all_keys_or_none(void **state) {
	(void)state;
	const lessor_limit_key_t keys[] = {tag("1"), tag("2"), tag("3"), tag("4")};
	set("1", 5);
	set("3", 1);
	set("4", 5);
	assert_status(LESSOR_OK, create(SUBNET + 1, keys, 4));
	assert_status(LESSOR_QUOTA, create(SUBNET + 2, keys, 4));
	assert_limit("1", 5, 1);
	assert_limit("3", 1, 1);
	assert_limit("4", 5, 1);
	limit_scope(SUBNET, 1);
	assert_status(LESSOR_QUOTA, create(SUBNET + 2, keys, 2));
	assert_limit("1", 5, 1);
	remove_lease(SUBNET + 1);
	assert_limit("1", 5, 0);
	assert_limit("3", 1, 0);
}

static void
test_what_is_refused_gives_its_place_back(void **state) {
	(void)state;
	set("relay", 2);
	assert_status(LESSOR_OK, create_tagged(SUBNET + 1, "relay"));
	for (unsigned i = 0; i < 10; i++) {
		assert_status(LESSOR_ADDRESS_TAKEN, create_tagged(SUBNET + 1, "relay"));
	}
	assert_limit("relay", 2, 1);
	assert_status(LESSOR_OK, create_tagged(SUBNET + 2, "relay"));
}

static void
test_a_key_that_was_not_limited_has_its_count(void **state) {
	(void)state;
	const lessor_limit_key_t key = tag("late");
	lessor_limit_t limit;
	for (uint32_t i = 1; i <= 3; i++) {
		assert_status(LESSOR_OK, create_tagged(SUBNET + i, "late"));
	}
	assert_status(LESSOR_NOT_FOUND, lessor_limit_get(engine, &key, &limit));
	set("late", 4);
	assert_limit("late", 4, 3);
	assert_status(LESSOR_OK, create_tagged(SUBNET + 4, "late"));
	assert_status(LESSOR_QUOTA, create_tagged(SUBNET + 5, "late"));
	assert_status(LESSOR_OK, lessor_limit_remove(engine, &key, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_NOT_FOUND, lessor_limit_remove(engine, &key, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, create_tagged(SUBNET + 5, "late"));
	set("late", 0);
	assert_limit("late", 0, 5);
	assert_status(LESSOR_QUOTA, create_tagged(SUBNET + 6, "late"));
}

static void
test_an_update_moves_keys(void **state) {
	(void)state;
	const lessor_limit_key_t keys[] = {tag("a"), tag("b")};
	set("a", 1);
	set("b", 1);
	assert_status(LESSOR_OK, create(SUBNET + 1, &keys[0], 1));
	assert_status(LESSOR_OK, create(SUBNET + 2, &keys[1], 1));
	assert_status(LESSOR_QUOTA, rekey(SUBNET + 1, keys, 2));
	assert_limit("a", 1, 1);
	assert_limit("b", 1, 1);
	assert_status(LESSOR_OK, rekey(SUBNET + 2, NULL, 0));
	assert_limit("b", 1, 0);
	assert_status(LESSOR_OK, rekey(SUBNET + 1, keys, 2));
	assert_status(LESSOR_OK, rekey(SUBNET + 1, keys, 2)); /* what it has already is not asked for again */
	assert_status(LESSOR_QUOTA, rekey(SUBNET + 2, &keys[1], 1));
	assert_status(LESSOR_OK, rekey(SUBNET + 1, &keys[1], 1));
	assert_limit("a", 1, 0);
	assert_limit("b", 1, 1);
}

/* A lease that is over counts; whoever takes its record over needs no place. */
static void
test_an_expired_lease_counts_until_it_goes(void **state) {
	(void)state;
	uint8_t id[6];
	const lessor_limit_key_t key = tag("relay");
	const lessor_filetime_t now = lessor_time_from_unix_s(2000000000u);
	lessor_lease_t lease = scratch_lease_numbered(SUBNET + 1, 1, id);
	lease.expires_at = now - 1;
	lease.limit_key = &key;
	lease.limit_keys = 1;
	set("relay", 1);
	limit_scope(SUBNET, 1);
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_QUOTA, create_tagged(SUBNET + 2, "relay"));
	/* another client, the same record */
	lease = scratch_lease_numbered(SUBNET + 1, 2, id);
	lease.expires_at = now - 1;
	lease.limit_key = &key;
	lease.limit_keys = 1;
	assert_status(LESSOR_OK, lessor_lease_update(engine, &lease, LESSOR_FIELD_ALL, LESSOR_ASYNC, NULL));
	assert_limit("relay", 1, 1);
	lessor_cursor_t cursor;
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	while (lessor_expire(engine, now, NULL, &cursor, NULL, LESSOR_ASYNC, NULL) == LESSOR_OK) {
	}
	assert_limit("relay", 1, 0);
	assert_status(LESSOR_OK, create_tagged(SUBNET + 2, "relay"));
}

static void
test_allocations_and_batches(void **state) {
	(void)state;
	uint8_t id[8][6];
	lessor_lease_t leases[8];
	lessor_status_t statuses[8];
	const lessor_limit_key_t key = tag("relay");
	set("relay", 3);
	for (uint32_t i = 0; i < 8; i++) {
		leases[i] = scratch_lease_numbered(SUBNET + 1 + i, i, id[i]);
		leases[i].limit_key = i % 2 == 0 ? &key : NULL;
		leases[i].limit_keys = i % 2 == 0;
	}
	assert_status(LESSOR_OK, lessor_lease_create_batch(engine, leases, 8, statuses, LESSOR_ASYNC, NULL));
	for (uint32_t i = 0; i < 8; i++) {
		assert_status(i == 6 ? LESSOR_QUOTA : LESSOR_OK, statuses[i]); /* in order: the fourth with the key */
	}
	lessor_lease_t lease = leases[6];
	lease.address = 77;
	assert_status(LESSOR_QUOTA, lessor_lease_allocate(engine, SUBNET, 0, &lease, LESSOR_ASYNC, NULL));
	assert_int_equal(lease.address, 77);
	lease.limit_keys = 0;
	assert_status(LESSOR_OK, lessor_lease_allocate(engine, SUBNET, 0, &lease, LESSOR_ASYNC, NULL));
	limit_scope(SUBNET, 8);
	lease = scratch_lease_numbered(1, 99, id[0]);
	assert_status(LESSOR_QUOTA, lessor_lease_allocate(engine, SUBNET, 0, &lease, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_QUOTA, lessor_lease_bind(engine,
						      &(lessor_lease_t){.address = SUBNET + 50,
									.client_id = id[0],
									.client_id_bytes = 6,
									.address_state = LESSOR_STATE_ACTIVE,
									.expires_at = LESSOR_TIME_INFINITE},
						      lessor_time_now(), LESSOR_ASYNC, NULL));
	const uint32_t addresses[] = {SUBNET + 1, SUBNET + 3};
	assert_status(LESSOR_OK, lessor_lease_delete_batch(engine, addresses, 2, statuses, LESSOR_ASYNC, NULL));
	assert_limit("relay", 3, 1);
}

static void
test_reservations(void **state) {
	(void)state;
	uint8_t id[6];
	uint8_t second[6];
	lessor_lease_t lease = scratch_lease_numbered(SUBNET + 1, 1, id);
	const lessor_reservation_t here = {.address = SUBNET + 2,
					   .client_types = LESSOR_CLIENT_BOTH,
					   .client_id = second,
					   .client_id_bytes = sizeof(second)};
	const lessor_reservation_t empty = {.address = SUBNET + 3,
					    .client_types = LESSOR_CLIENT_BOTH,
					    .client_id = id,
					    .client_id_bytes = sizeof(id)};
	(void)scratch_lease_numbered(SUBNET + 2, 2, second);
	limit_scope(SUBNET, 1);
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	/* A dormant lease needs a place, a reservation without one does not. */
	assert_status(LESSOR_QUOTA, lessor_reservation_create(engine, SUBNET, &here, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_reservation_create(engine, SUBNET, &empty, LESSOR_ASYNC, NULL));
	remove_lease(SUBNET + 1);
	assert_status(LESSOR_OK, lessor_reservation_create(engine, SUBNET, &here, LESSOR_ASYNC, NULL));
	lease.address = SUBNET + 3;
	assert_status(LESSOR_QUOTA, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_reservation_delete(engine, SUBNET, SUBNET + 2, NULL, 0, 1, LESSOR_ASYNC, NULL));
	const lessor_limit_key_t key = tag("relay");
	lease.limit_key = &key;
	lease.limit_keys = 1;
	set("relay", 0);
	assert_status(LESSOR_QUOTA, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	set("relay", 1);
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL)); /* takes the empty one */
	assert_limit("relay", 1, 1);
	assert_status(LESSOR_QUOTA, create(SUBNET + 4, NULL, 0));
	/* The keys stay with the lease when its reservation goes. */
	assert_status(LESSOR_OK, lessor_reservation_delete(engine, SUBNET, SUBNET + 3, NULL, 0, 1, LESSOR_ASYNC, NULL));
	assert_limit("relay", 1, 1);
	remove_lease(SUBNET + 3);
	assert_limit("relay", 1, 0);
}

static void
test_scopes_and_ranges_that_go(void **state) {
	(void)state;
	set("relay", 4);
	limit_scope(SUBNET, 3);
	for (uint32_t i = 1; i <= 3; i++) {
		assert_status(LESSOR_OK, create_tagged(SUBNET + i, "relay"));
	}
	assert_status(LESSOR_OK, create_tagged(OTHER + 1, "relay"));
	assert_status(LESSOR_QUOTA, create_tagged(OTHER + 2, "relay"));
	const lessor_range_t all = {SUBNET, SUBNET + 255};
	assert_status(LESSOR_OK, lessor_scope_remove_range(engine, SUBNET, all, true, LESSOR_ASYNC, NULL));
	assert_limit("relay", 4, 1);
	assert_status(LESSOR_OK, create_tagged(SUBNET + 1, "relay")); /* the scope has its three places again */
	assert_status(LESSOR_OK, create(SUBNET + 2, NULL, 0));
	assert_status(LESSOR_OK, create(SUBNET + 3, NULL, 0));
	assert_status(LESSOR_QUOTA, create(SUBNET + 4, NULL, 0));
	assert_status(LESSOR_OK, lessor_scope_delete(engine, SUBNET, true, LESSOR_ASYNC, NULL));
	assert_limit("relay", 4, 1);
	const lessor_scope_t again = {.subnet = SUBNET, .mask = MASK, .max_leases = 1};
	assert_status(LESSOR_OK, lessor_scope_create(engine, &again, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, create(SUBNET + 1, NULL, 0));
	assert_status(LESSOR_QUOTA, create(SUBNET + 2, NULL, 0));
}

static void
test_keys_are_read_as_they_were_given(void **state) {
	(void)state;
	uint8_t id[6];
	uint8_t buffer[1024];
	lessor_limit_key_t keys[LESSOR_LIMIT_KEYS_MAX];
	for (unsigned i = 0; i < COUNT(keys); i++) {
		keys[i] = (lessor_limit_key_t){.kind = (uint8_t)(LESSOR_LIMIT_TAG - i % 2),
					       .size_bytes = (uint8_t)(64 - i)};
		memset(keys[i].bytes, (int)(0xF0 + i), keys[i].size_bytes);
	}
	lessor_lease_t got;
	lessor_lease_t lease = scratch_lease_numbered(SUBNET + 1, 1, id);
	lease.limit_key = keys;
	lease.limit_keys = COUNT(keys);
	lease.comment = "with a comment";
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_lease_get(engine, SUBNET + 1, &got, buffer, sizeof(buffer)));
	assert_int_equal(got.limit_keys, COUNT(keys));
	assert_memory_equal(got.limit_key, keys, sizeof(keys));
	assert_string_equal(got.comment, "with a comment");
	/* An update of something else keeps them, as does one that only renews. */
	lease.comment = NULL;
	lease.expires_at = 5;
	assert_status(LESSOR_OK, lessor_lease_update(engine, &lease, LESSOR_FIELD_COMMENT, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_lease_update(engine, &lease, LESSOR_FIELD_EXPIRES, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_lease_get(engine, SUBNET + 1, &got, buffer, sizeof(buffer)));
	assert_int_equal(got.limit_keys, COUNT(keys));
	assert_memory_equal(got.limit_key, keys, sizeof(keys));
	assert_status(LESSOR_BUFFER_TOO_SMALL,
		      lessor_lease_get(engine, SUBNET + 1, &got, buffer, COUNT(keys) * sizeof(keys[0])));
}

static void
test_what_is_invalid(void **state) {
	(void)state;
	lessor_limit_t limit;
	const lessor_limit_key_t good = tag("x");
	lessor_limit_key_t bad[] = {good, good, good, good};
	bad[0].kind = 0;
	bad[1].kind = 3;
	bad[2].size_bytes = 0;
	bad[3].size_bytes = LESSOR_LIMIT_KEY_MAX_BYTES + 1;
	for (unsigned i = 0; i < COUNT(bad); i++) {
		assert_status(LESSOR_INVALID, create(SUBNET + 1, &bad[i], 1));
		assert_status(LESSOR_INVALID, lessor_limit_set(engine, &bad[i], 1, LESSOR_ASYNC, NULL));
		assert_status(LESSOR_INVALID, lessor_limit_remove(engine, &bad[i], LESSOR_ASYNC, NULL));
		assert_status(LESSOR_INVALID, lessor_limit_get(engine, &bad[i], &limit));
		assert_status(LESSOR_INVALID, lessor_limit_next(engine, &bad[i], &limit));
	}
	const lessor_limit_key_t twice[] = {tag("y"), good, good};
	const lessor_limit_key_t many[5] = {tag("1"), tag("2"), tag("3"), tag("4"), tag("5")};
	assert_status(LESSOR_INVALID, create(SUBNET + 1, twice, 3));
	assert_status(LESSOR_INVALID, create(SUBNET + 1, many, 5));
	assert_status(LESSOR_INVALID, create(SUBNET + 1, NULL, 1));
	assert_status(LESSOR_INVALID, lessor_limit_set(engine, NULL, 1, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_INVALID, lessor_limit_set(engine, &good, 1, (lessor_mode_t)9, NULL));
	assert_status(LESSOR_INVALID, lessor_limit_get(engine, &good, NULL));
	assert_status(LESSOR_END, lessor_limit_next(engine, NULL, &limit));
	assert_status(LESSOR_OK, create(SUBNET + 1, twice, 2));
	assert_status(LESSOR_INVALID, rekey(SUBNET + 1, many, 5));
}

/* In the order of kinds, then bytes; enough of them that the shards' tables grow. */
static void
test_limits_in_order(void **state) {
	(void)state;
	enum { LIMITS = 3000 };
	for (uint32_t i = 0; i < LIMITS; i++) {
		const uint32_t at = (uint32_t)((uint64_t)i * 1999 % LIMITS);
		lessor_limit_key_t key = {.kind = (uint8_t)(1 + at / (LIMITS / 2)), .size_bytes = 2};
		key.bytes[0] = (uint8_t)(at >> 8);
		key.bytes[1] = (uint8_t)at;
		assert_status(LESSOR_OK, lessor_limit_set(engine, &key, at, LESSOR_ASYNC, NULL));
	}
	lessor_limit_t limit;
	lessor_status_t status = lessor_limit_next(engine, NULL, &limit);
	uint32_t seen = 0;
	for (; status == LESSOR_OK; seen++) {
		assert_int_equal(limit.max, seen);
		if (seen % 3 == 0) {
			assert_status(LESSOR_OK, lessor_limit_remove(engine, &limit.key, LESSOR_ASYNC, NULL));
		}
		status = lessor_limit_next(engine, &limit.key, &limit);
	}
	assert_status(LESSOR_END, status);
	assert_int_equal(seen, LIMITS);
	seen = 0;
	for (status = lessor_limit_next(engine, NULL, &limit); status == LESSOR_OK; seen++) {
		assert_int_not_equal(limit.max % 3, 0);
		status = lessor_limit_next(engine, &limit.key, &limit);
	}
	assert_int_equal(seen, LIMITS - LIMITS / 3);
}

/* ---- doubt ------------------------------------------------------------------------------------------------------------ */

static lsr_limits_result_t
enter(const lsr_limits_change_t *change, const lsr_record_t **blocker) {
	*blocker = NULL;
	return lsr_limits_enter(&engine->limits, change, blocker);
}

/* What comes shows only when it is settled, what leaves may show until then: in between nobody is refused, but waits. */
static void
assert_doubts(lsr_scope_t *scope, const lsr_body_t *body) {
	static lsr_record_t records[2];
	const lsr_record_t *blocker;
	const lsr_limits_change_t comes = {.scope = scope, .record = &records[0], .to = body};
	const lsr_limits_change_t goes = {.scope = scope, .record = &records[0], .from = body};
	const lsr_limits_change_t other = {.scope = scope, .record = &records[1], .to = body};
	assert_int_equal(enter(&comes, &blocker), LSR_LIMITS_ENTERED);
	assert_int_equal(enter(&other, &blocker), LSR_LIMITS_IN_DOUBT);
	assert_non_null(blocker);
	lsr_limits_undo(&engine->limits, &comes);
	assert_int_equal(enter(&comes, &blocker), LSR_LIMITS_ENTERED);
	lsr_limits_settle(&engine->limits, &comes);
	assert_int_equal(enter(&other, &blocker), LSR_LIMITS_FULL);
	lsr_limits_leave(&engine->limits, &goes);
	assert_int_equal(enter(&other, &blocker), LSR_LIMITS_IN_DOUBT);
	assert_ptr_equal(blocker, &records[0]);
	lsr_limits_settle(&engine->limits, &goes);
	assert_int_equal(enter(&other, &blocker), LSR_LIMITS_ENTERED);
	lsr_limits_undo(&engine->limits, &other);
}

static void
test_doubts_are_waited_for(void **state) {
	(void)state;
	uint8_t id[6];
	lsr_body_t body;
	lsr_lease_sizes_t sizes;
	const lessor_limit_key_t keys[] = {tag("one"), tag("free"), tag("more")};
	lessor_lease_t lease = scratch_lease_numbered(SUBNET + 1, 1, id);
	lease.limit_key = keys;
	lease.limit_keys = COUNT(keys);
	assert_true(lsr_lease_check(&lease, LESSOR_FIELD_ALL, &sizes));
	assert_int_equal(lsr_lease_pack(&lease, &sizes, LSR_ORIGIN_NONE, &body), LESSOR_OK);
	lsr_rcu_enter();
	lsr_scope_t *scope = lsr_engine_scope_of(engine, SUBNET);
	lsr_rcu_leave();
	set("one", 1);
	set("more", 9);
	assert_doubts(scope, &body);
	set("one", 9);
	limit_scope(SUBNET, 1);
	assert_doubts(scope, &body);
	assert_limit("one", 9, 0);
	assert_limit("more", 9, 0);
	lsr_tail_free(body.tail);
}

/* ---- restarts --------------------------------------------------------------------------------------------------------- */

static void
make_something(void) {
	const lessor_limit_key_t keys[] = {tag("relay"), tag("line"), key_of(LESSOR_LIMIT_CLASS, "phones")};
	set("relay", 3);
	set("gone", 7);
	set("line", 9);
	assert_status(LESSOR_OK, lessor_limit_set(engine, &keys[2], 1, LESSOR_ASYNC, NULL));
	limit_scope(SUBNET, 4);
	for (uint32_t i = 1; i <= 3; i++) {
		assert_status(LESSOR_OK, create(SUBNET + i, keys, 2));
	}
	remove_lease(SUBNET + 2);
	assert_status(LESSOR_OK, rekey(SUBNET + 1, &keys[1], 1));
	assert_status(LESSOR_OK, create(OTHER + 1, &keys[2], 1));
	const lessor_limit_key_t gone = tag("gone");
	assert_status(LESSOR_OK, lessor_limit_remove(engine, &gone, LESSOR_ASYNC, NULL));
}

static void
assert_something(void) {
	lessor_limit_t limit;
	lessor_scope_t scope;
	const lessor_limit_key_t gone = tag("gone");
	const lessor_limit_key_t class = key_of(LESSOR_LIMIT_CLASS, "phones");
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
	assert_limit("relay", 3, 1);
	assert_limit("line", 9, 2);
	assert_status(LESSOR_NOT_FOUND, lessor_limit_get(engine, &gone, &limit));
	assert_status(LESSOR_OK, lessor_limit_next(engine, NULL, &limit));
	assert_memory_equal(&limit.key, &class, sizeof(class));
	assert_int_equal(limit.leases, 1);
	assert_status(LESSOR_QUOTA, create(OTHER + 2, &class, 1));
	assert_status(LESSOR_OK, lessor_scope_get(engine, SUBNET, &scope, NULL, 0));
	assert_int_equal(scope.max_leases, 4);
	/* two there, two more */
	assert_status(LESSOR_OK, create(SUBNET + 8, NULL, 0));
	assert_status(LESSOR_OK, create(SUBNET + 9, NULL, 0));
	assert_status(LESSOR_QUOTA, create(SUBNET + 10, NULL, 0));
	remove_lease(SUBNET + 8);
	remove_lease(SUBNET + 9);
}

static void
test_the_log_brings_them_back(void **state) {
	(void)state;
	make_something();
	assert_something();
	reopen();
	assert_something();
}

static void
test_a_snapshot_brings_them_back(void **state) {
	(void)state;
	const lessor_limit_key_t old = tag("old");
	make_something();
	set("old", 5);
	assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	reopen();
	assert_something();
	assert_limit("old", 5, 0);
	assert_status(LESSOR_OK, lessor_limit_remove(engine, &old, LESSOR_ASYNC, NULL));
	set("relay", 1);
	set("relay", 3);
	reopen(); /* snapshot, then log */
	lessor_limit_t limit;
	assert_status(LESSOR_NOT_FOUND, lessor_limit_get(engine, &old, &limit));
	assert_something();
}

static void
test_a_salvaged_store_has_them(void **state) {
	(void)state;
	char other[SCRATCH_PATH_BYTES];
	make_something();
	scratch_close(engine);
	scratch_make_fast(other);
	assert_status(LESSOR_OK, lessor_salvage(directory, other, LESSOR_SALVAGE_EXACT, NULL, NULL, NULL));
	lessor_options_t options;
	scratch_options_log(&options);
	assert_status(LESSOR_OK, lessor_open(other, &options, &engine, NULL));
	assert_something();
	scratch_close(engine);
	scratch_remove(other);
	engine = scratch_open_log(directory);
}

/* ---- a model ---------------------------------------------------------------------------------------------------------- */

#define MODEL_ADDRESSES 48u
#define MODEL_KEYS      6u
#define NO_LIMIT        UINT32_MAX

typedef struct {
	bool is_there[MODEL_ADDRESSES]; /* the first half in one scope, the second in the other */
	uint32_t keys[MODEL_ADDRESSES]; /* bits */
	uint32_t max[MODEL_KEYS];
	uint32_t scope_max[2];
} model_t;

static lessor_limit_key_t
model_key(unsigned i) {
	const char text[] = {(char)('a' + i), '\0'};
	return key_of(i % 2 == 0 ? LESSOR_LIMIT_TAG : LESSOR_LIMIT_CLASS, text);
}

static uint32_t
model_address(uint32_t i) {
	return i < MODEL_ADDRESSES / 2 ? SUBNET + 1 + i : OTHER + 1 + i;
}

static uint32_t
model_count(const model_t *model, unsigned key) {
	uint32_t count = 0;
	for (uint32_t i = 0; i < MODEL_ADDRESSES; i++) {
		count += model->is_there[i] && (model->keys[i] >> key & 1) != 0;
	}
	return count;
}

static uint32_t
model_leases(const model_t *model, unsigned scope) {
	uint32_t count = 0;
	for (uint32_t i = 0; i < MODEL_ADDRESSES / 2; i++) {
		count += model->is_there[scope * (MODEL_ADDRESSES / 2) + i];
	}
	return count;
}

/* Would one more of each of these be too many? */
static bool
model_refuses(const model_t *model, uint32_t keys) {
	for (unsigned key = 0; key < MODEL_KEYS; key++) {
		if ((keys >> key & 1) != 0 && model->max[key] != NO_LIMIT &&
		    model_count(model, key) >= model->max[key]) {
			return true;
		}
	}
	return false;
}

static unsigned
spread(uint32_t bits, lessor_limit_key_t keys[MODEL_KEYS]) {
	unsigned count = 0;
	for (unsigned key = 0; key < MODEL_KEYS; key++) {
		if ((bits >> key & 1) != 0) {
			keys[count++] = model_key(key);
		}
	}
	return count;
}

static uint32_t
random_keys(scratch_random_t *random) {
	const uint32_t bits = scratch_below(random, 1u << MODEL_KEYS);
	return __builtin_popcount(bits) <= (int)LESSOR_LIMIT_KEYS_MAX ? bits : 0;
}

static void
model_create(model_t *model, scratch_random_t *random) {
	lessor_limit_key_t keys[MODEL_KEYS];
	const uint32_t i = scratch_below(random, MODEL_ADDRESSES);
	const unsigned scope = i / (MODEL_ADDRESSES / 2);
	const uint32_t bits = random_keys(random);
	const bool full = model->scope_max[scope] != 0 && model_leases(model, scope) >= model->scope_max[scope];
	const lessor_status_t expected = model->is_there[i]                   ? LESSOR_ADDRESS_TAKEN
					 : full || model_refuses(model, bits) ? LESSOR_QUOTA
									      : LESSOR_OK;
	assert_status(expected, create(model_address(i), keys, spread(bits, keys)));
	if (expected == LESSOR_OK) {
		model->is_there[i] = true;
		model->keys[i] = bits;
	}
}

static void
model_rekey(model_t *model, scratch_random_t *random) {
	lessor_limit_key_t keys[MODEL_KEYS];
	const uint32_t i = scratch_below(random, MODEL_ADDRESSES);
	const uint32_t bits = random_keys(random);
	const lessor_status_t expected = !model->is_there[i]                            ? LESSOR_NOT_FOUND
					 : model_refuses(model, bits & ~model->keys[i]) ? LESSOR_QUOTA
											: LESSOR_OK;
	assert_status(expected, rekey(model_address(i), keys, spread(bits, keys)));
	model->keys[i] = expected == LESSOR_OK ? bits : model->keys[i];
}

static void
model_delete(model_t *model, scratch_random_t *random) {
	const uint32_t i = scratch_below(random, MODEL_ADDRESSES);
	assert_status(model->is_there[i] ? LESSOR_OK : LESSOR_NOT_FOUND,
		      lessor_lease_delete(engine, model_address(i), NULL, 0, LESSOR_ASYNC, NULL));
	model->is_there[i] = false;
}

static void
model_limit(model_t *model, scratch_random_t *random) {
	const unsigned at = scratch_below(random, MODEL_KEYS);
	const lessor_limit_key_t key = model_key(at);
	if (scratch_percent(random, 30)) {
		const unsigned scope = scratch_below(random, 2);
		model->scope_max[scope] = scratch_below(random, MODEL_ADDRESSES / 2);
		limit_scope(scope == 0 ? SUBNET : OTHER, model->scope_max[scope]);
	} else if (scratch_percent(random, 30)) {
		assert_status(model->max[at] != NO_LIMIT ? LESSOR_OK : LESSOR_NOT_FOUND,
			      lessor_limit_remove(engine, &key, LESSOR_ASYNC, NULL));
		model->max[at] = NO_LIMIT;
	} else {
		model->max[at] = scratch_below(random, 14);
		assert_status(LESSOR_OK, lessor_limit_set(engine, &key, model->max[at], LESSOR_ASYNC, NULL));
	}
}

static void
model_compare(const model_t *model) {
	for (unsigned i = 0; i < MODEL_KEYS; i++) {
		lessor_limit_t limit;
		const lessor_limit_key_t key = model_key(i);
		assert_status(model->max[i] != NO_LIMIT ? LESSOR_OK : LESSOR_NOT_FOUND,
			      lessor_limit_get(engine, &key, &limit));
		if (model->max[i] != NO_LIMIT) {
			assert_int_equal(limit.max, model->max[i]);
			assert_int_equal(limit.leases, model_count(model, i));
		}
	}
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
}

static void
test_random_calls_beside_a_model(void **state) {
	(void)state;
	static void (*const steps[])(model_t *, scratch_random_t *) = {model_create, model_create, model_rekey,
								       model_delete};
	scratch_random_t random = {scratch_seed()};
	const unsigned long total = scratch_number("LESSOR_TEST_LIMIT_STEPS", scratch_is_sanitized() ? 4000 : 20000);
	model_t model = {0};
	for (unsigned i = 0; i < MODEL_KEYS; i++) {
		model.max[i] = NO_LIMIT;
	}
	for (unsigned long step = 0; step < total; step++) {
		if (scratch_percent(&random, 3)) {
			model_limit(&model, &random);
		} else {
			steps[scratch_below(&random, COUNT(steps))](&model, &random);
		}
		if (step % 500 == 0) {
			model_compare(&model);
		}
		if (step % (total / 8) == 0) {
			assert_status(LESSOR_OK,
				      scratch_percent(&random, 50) ? lessor_snapshot(engine, NULL) : LESSOR_OK);
			reopen();
			model_compare(&model);
		}
	}
	model_compare(&model);
}

/* ---- threads ------------------------------------------------------------------------------------------------------------ */

typedef struct {
	uint32_t number;
	_Atomic uint32_t *there; /* leases with the key, as their makers know: never more than there are */
	_Atomic bool *too_many;
	uint32_t max;
	uint32_t rounds;
	uint32_t made;
} worker_t;

/* The key of all, and one of its own, so that shards are locked in several orders. */
static void *
fill(void *argument) {
	worker_t *worker = argument;
	const char own[] = {'o', (char)('0' + worker->number), '\0'};
	const lessor_limit_key_t keys[] = {tag(own), tag("all")};
	for (uint32_t i = 0; i < worker->rounds; i++) {
		const lessor_status_t status = create(SUBNET + 1 + worker->number * 50 + i % 50, keys, 2);
		worker->made += status == LESSOR_OK;
		if (status != LESSOR_OK && status != LESSOR_QUOTA && status != LESSOR_ADDRESS_TAKEN) {
			atomic_store(worker->too_many, true);
		}
	}
	return NULL;
}

/* Makes and ends leases; between an OK and its own delete a lease is there for sure. */
static void *
churn(void *argument) {
	worker_t *worker = argument;
	const lessor_limit_key_t key = tag("all");
	for (uint32_t i = 0; i < worker->rounds; i++) {
		const uint32_t address = SUBNET + 1 + worker->number * 50 + i % 50;
		if (create(address, &key, 1) != LESSOR_OK) {
			continue;
		}
		worker->made++;
		if (atomic_fetch_add(worker->there, 1) + 1 > worker->max) {
			atomic_store(worker->too_many, true);
		}
		(void)atomic_fetch_sub(worker->there, 1);
		if (lessor_lease_delete(engine, address, NULL, 0, LESSOR_ASYNC, NULL) != LESSOR_OK) {
			atomic_store(worker->too_many, true);
		}
	}
	return NULL;
}

static uint32_t
run_threads(void *(*run)(void *), uint32_t max, uint32_t rounds) {
	pthread_t threads[THREADS];
	worker_t workers[THREADS];
	_Atomic uint32_t there = 0;
	_Atomic bool too_many = false;
	uint32_t made = 0;
	for (uint32_t i = 0; i < THREADS; i++) {
		workers[i] =
			(worker_t){.number = i, .there = &there, .too_many = &too_many, .max = max, .rounds = rounds};
		assert_int_equal(pthread_create(&threads[i], NULL, run, &workers[i]), 0);
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		made += workers[i].made;
	}
	assert_true(max == UINT32_MAX || !too_many);
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
	return made;
}

typedef struct {
	pthread_barrier_t barrier;
	_Atomic bool failed;
	uint32_t rounds;
} pair_t;

/* Makes and ends a lease again and again; the other one looks on. */
static void *
come_and_go(void *argument) {
	pair_t *pair = argument;
	const lessor_limit_key_t key = tag("one");
	for (uint32_t i = 0; i < pair->rounds; i++) {
		(void)pthread_barrier_wait(&pair->barrier);
		if (create(SUBNET + 1, &key, 1) != LESSOR_OK) {
			atomic_store(&pair->failed, true);
		}
		(void)pthread_barrier_wait(&pair->barrier);
		(void)pthread_barrier_wait(&pair->barrier);
		if (lessor_lease_delete(engine, SUBNET + 1, NULL, 0, LESSOR_ASYNC, NULL) != LESSOR_OK) {
			atomic_store(&pair->failed, true);
		}
		(void)pthread_barrier_wait(&pair->barrier);
	}
	return NULL;
}

static bool
shows(uint32_t address) {
	uint8_t buffer[1024];
	lessor_lease_t lease;
	return lessor_lease_get(engine, address, &lease, buffer, sizeof(buffer)) == LESSOR_OK;
}

/* Who was refused can see why; and who sees that a lease has gone finds its place free, though its delete is still under way. */
static void
look_on(pair_t *pair, const lessor_limit_key_t *keys, unsigned count) {
	for (uint32_t i = 0; i < pair->rounds; i++) {
		(void)pthread_barrier_wait(&pair->barrier);
		while (!shows(SUBNET + 1)) {
		}
		assert_status(LESSOR_QUOTA, create(SUBNET + 2, keys, count));
		(void)pthread_barrier_wait(&pair->barrier);
		(void)pthread_barrier_wait(&pair->barrier);
		while (shows(SUBNET + 1)) {
		}
		assert_status(LESSOR_OK, create(SUBNET + 2, keys, count));
		(void)pthread_barrier_wait(&pair->barrier);
		remove_lease(SUBNET + 2);
	}
}

static void
test_refusals_are_those_of_leases_that_show(void **state) {
	(void)state;
	const lessor_limit_key_t key = tag("one");
	for (unsigned by_key = 0; by_key < 2; by_key++) {
		pthread_t thread;
		pair_t pair = {.rounds = scratch_is_sanitized() ? 500 : 5000};
		assert_int_equal(pthread_barrier_init(&pair.barrier, NULL, 2), 0);
		if (by_key != 0) {
			limit_scope(SUBNET, 0);
			set("one", 1);
		} else {
			limit_scope(SUBNET, 1);
		}
		assert_int_equal(pthread_create(&thread, NULL, come_and_go, &pair), 0);
		look_on(&pair, &key, by_key);
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_false(pair.failed);
		(void)pthread_barrier_destroy(&pair.barrier);
	}
}

static void
test_threads_fill_a_key(void **state) {
	(void)state;
	for (uint32_t round = 0; round < 20; round++) {
		lessor_limit_t limit;
		const lessor_limit_key_t key = tag("all");
		set("all", 61);
		assert_int_equal(run_threads(fill, 61, 50), 61);
		assert_status(LESSOR_OK, lessor_limit_get(engine, &key, &limit));
		assert_int_equal(limit.leases, 61);
		for (uint32_t i = 0; i < THREADS * 50; i++) {
			(void)lessor_lease_delete(engine, SUBNET + 1 + i, NULL, 0, LESSOR_ASYNC, NULL);
		}
		assert_limit("all", 61, 0);
	}
}

static void
test_threads_fill_a_scope(void **state) {
	(void)state;
	for (uint32_t round = 0; round < 20; round++) {
		limit_scope(SUBNET, 61);
		assert_int_equal(run_threads(fill, 61, 50), 61);
		for (uint32_t i = 0; i < THREADS * 50; i++) {
			(void)lessor_lease_delete(engine, SUBNET + 1 + i, NULL, 0, LESSOR_ASYNC, NULL);
		}
	}
}

/* As many places as threads: nobody is ever refused, or a place would be held by a lease that is not there. */
static void
test_threads_that_come_and_go_find_their_places(void **state) {
	(void)state;
	const uint32_t rounds = scratch_is_sanitized() ? 1000 : 10000;
	set("all", THREADS);
	limit_scope(SUBNET, THREADS);
	assert_int_equal(run_threads(churn, THREADS, rounds), THREADS * rounds);
	assert_limit("all", THREADS, 0);
}

static void
test_threads_over_few_places(void **state) {
	(void)state;
	const uint32_t rounds = scratch_is_sanitized() ? 1000 : 10000;
	set("all", 2);
	limit_scope(SUBNET, 3);
	assert_in_range(run_threads(churn, 2, rounds), 1, THREADS * rounds);
	limit_scope(SUBNET, 1);
	assert_in_range(run_threads(churn, 1, rounds), 1, THREADS * rounds);
	assert_limit("all", 2, 0);
}

/* Limits come and go beside leases. */
static void *
meddle(void *argument) {
	_Atomic bool *stop = argument;
	const lessor_limit_key_t key = tag("all");
	for (uint32_t i = 0; !atomic_load(stop); i++) {
		const lessor_scope_t scope = {.subnet = SUBNET, .max_leases = i % 4};
		(void)lessor_limit_set(engine, &key, i % 3, LESSOR_ASYNC, NULL);
		(void)lessor_scope_update(engine, &scope, LESSOR_SCOPE_FIELD_MAX_LEASES, LESSOR_ASYNC, NULL);
		(void)lessor_limit_remove(engine, &key, LESSOR_ASYNC, NULL);
	}
	return NULL;
}

static void
test_limits_change_beside_threads(void **state) {
	(void)state;
	pthread_t thread;
	_Atomic bool stop = false;
	assert_int_equal(pthread_create(&thread, NULL, meddle, &stop), 0);
	(void)run_threads(churn, UINT32_MAX, scratch_is_sanitized() ? 500 : 5000);
	atomic_store(&stop, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

int
main(void) {
#define IN_MEMORY(test) cmocka_unit_test_setup_teardown(test, open_memory, close_memory)
#define IN_STORE(test)  cmocka_unit_test_setup_teardown(test, open_store, close_store)
	const struct CMUnitTest tests[] = {
		IN_MEMORY(test_a_scope_takes_so_many),
		IN_MEMORY(test_a_client_that_is_there_is_told_so_first),
		IN_MEMORY(test_a_lower_limit_removes_nothing),
		IN_MEMORY(test_keys_are_told_apart),
		IN_MEMORY(test_all_keys_or_none),
		IN_MEMORY(test_what_is_refused_gives_its_place_back),
		IN_MEMORY(test_a_key_that_was_not_limited_has_its_count),
		IN_MEMORY(test_an_update_moves_keys),
		IN_MEMORY(test_an_expired_lease_counts_until_it_goes),
		IN_MEMORY(test_allocations_and_batches),
		IN_MEMORY(test_reservations),
		IN_MEMORY(test_scopes_and_ranges_that_go),
		IN_MEMORY(test_keys_are_read_as_they_were_given),
		IN_MEMORY(test_what_is_invalid),
		IN_MEMORY(test_limits_in_order),
		IN_MEMORY(test_doubts_are_waited_for),
		IN_STORE(test_the_log_brings_them_back),
		IN_STORE(test_a_snapshot_brings_them_back),
		IN_STORE(test_a_salvaged_store_has_them),
		IN_STORE(test_random_calls_beside_a_model),
		IN_MEMORY(test_threads_fill_a_key),
		IN_MEMORY(test_threads_fill_a_scope),
		IN_MEMORY(test_threads_that_come_and_go_find_their_places),
		IN_MEMORY(test_threads_over_few_places),
		IN_MEMORY(test_refusals_are_those_of_leases_that_show),
		IN_STORE(test_limits_change_beside_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
