/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A forked child and what its parent has open: an engine that offers, streams and shows its figures, a stream, a follower. Each call is refused or harmless, at once, and of both stores no
 * byte changes; the parent goes on as if nothing had been. (store_test.c has the older calls.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.h"

#define SUBNET IP(10, 9, 0, 0)
#define MASK   0xFFFFFF00u
#define PREFIX UINT64_C(0x20010DB800000000)
#define NOW    UINT64_C(133000000000000000)

/* A child that hangs is ended by this, and its status is not 0 then. */
#define CHILD_SECONDS 60u

#define CHILD_CHECK(condition)                                                                                         \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			(void)fprintf(stderr, "child: line %d: %s\n", __LINE__, #condition);                           \
			_exit(1);                                                                                      \
		}                                                                                                      \
	} while (0)

static char directory[SCRATCH_PATH_BYTES];
static char copies[SCRATCH_PATH_BYTES];
static lessor_engine_t *parents;
static lessor_stream_t *stream;
static lessor_follower_t *follower;

static void
in_child(void (*function)(void)) {
	int status = 0;
	(void)fflush(NULL);
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)alarm(CHILD_SECONDS);
		function();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static bool
refuse_text(void *context, const char *text, size_t bytes) {
	(void)context, (void)text, (void)bytes;
	return false;
}

static lessor_status_t
refuse_change(void *context, const lessor_change_t *change) {
	(void)context, (void)change;
	return LESSOR_IO;
}

static void
ask_as_a_server(void) {
	uint8_t id[6];
	const lessor_lease_t lease = scratch_lease_numbered(SUBNET + 2, 2, id);
	const lessor_offer_request_t request = {
		.subnet = SUBNET, .client_id = id, .client_id_bytes = sizeof(id), .now = NOW};
	lessor_offer_t offer = {0};
	lessor_ticket_t ticket = 99;
	CHILD_CHECK(lessor_offer_make(parents, &request, &offer) == LESSOR_FORKED);
	CHILD_CHECK(lessor_offer_withdraw(parents, SUBNET, id, sizeof(id)) == LESSOR_FORKED);
	CHILD_CHECK(lessor_lease_bind(parents, &lease, NOW, LESSOR_SYNC, &ticket) == LESSOR_FORKED);
	CHILD_CHECK(lessor_lease_release(parents, SUBNET + 1, NULL, 0, NOW, LESSOR_SYNC, &ticket) == LESSOR_FORKED);
	CHILD_CHECK(lessor_lease_decline(parents, SUBNET + 1, NULL, 0, NOW, 9, LESSOR_SYNC, &ticket) == LESSOR_FORKED);
	CHILD_CHECK(ticket == 99 && offer.address == 0);
}

static void
ask_for_reservations6(void) {
	uint8_t duid[4] = {1, 2, 3, 4};
	uint8_t buffer[LESSOR_DUID_MAX_BYTES];
	lessor_reservation6_t reservation = {
		.address = {.high = PREFIX, .low = 7}, .duid = duid, .duid_bytes = sizeof(duid)};
	CHILD_CHECK(lessor_reservation6_create(parents, PREFIX, &reservation, LESSOR_SYNC, NULL) == LESSOR_FORKED);
	CHILD_CHECK(lessor_reservation6_delete(parents, PREFIX, reservation.address, NOW, LESSOR_SYNC, NULL) ==
		    LESSOR_FORKED);
	CHILD_CHECK(lessor_reservation6_next(parents, PREFIX, reservation.address, &reservation, buffer,
					     sizeof(buffer)) == LESSOR_FORKED);
}

static void
ask_for_streams_and_figures(void) {
	const lessor_history_query_t query = {.address = SUBNET + 1, .to = LESSOR_TIME_INFINITE};
	lessor_stream_t *another = NULL;
	lessor_change_t change;
	lessor_cursor_t cursor;
	lessor_expire_report_t expired;
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	CHILD_CHECK(lessor_stream_open(parents, LESSOR_STREAM_OLDEST, &another, NULL) == LESSOR_FORKED);
	CHILD_CHECK(lessor_stream_next(stream, -1, &change) == LESSOR_FORKED);
	CHILD_CHECK(lessor_stream_run(stream, -1, refuse_change, NULL) == LESSOR_FORKED);
	CHILD_CHECK(lessor_history(parents, &query, refuse_change, NULL, NULL) == LESSOR_FORKED);
	CHILD_CHECK(lessor_stats_serve(parents) == LESSOR_FORKED);
	CHILD_CHECK(lessor_stats_openmetrics(parents, 0, refuse_text, NULL) == LESSOR_FORKED);
	CHILD_CHECK(lessor_expire(parents, NOW, NULL, &cursor, &expired, LESSOR_SYNC, NULL) == LESSOR_FORKED);
	CHILD_CHECK(another == NULL);
	lessor_stream_close(&stream);
	CHILD_CHECK(stream == NULL);
}

static void
use_the_follower(void) {
	lessor_ticket_t applied = 99;
	CHILD_CHECK(lessor_follower_next(follower, -1, &applied) == LESSOR_FORKED);
	CHILD_CHECK(applied == 99);
	lessor_follower_close(&follower);
	CHILD_CHECK(follower == NULL);
}

static void
make_lease(uint32_t number) {
	uint8_t id[6];
	const lessor_lease_t lease = scratch_lease_numbered(SUBNET + number, number, id);
	assert_status(LESSOR_OK, lessor_lease_create(parents, &lease, LESSOR_SYNC, NULL));
}

static void
a_child_is_told_no(void **state) {
	void (*const asks[])(void) = {ask_as_a_server, ask_for_reservations6, ask_for_streams_and_figures};
	const lessor_scope6_t scope6 = {.prefix = PREFIX};
	lessor_change_t change;
	(void)state;
	for (size_t i = 0; i < COUNT(asks); i++) {
		scratch_make(directory);
		parents = scratch_open_log(directory);
		scratch_scope_add(parents, SUBNET, MASK, true);
		assert_status(LESSOR_OK, lessor_scope6_create(parents, &scope6, LESSOR_SYNC, NULL));
		make_lease(1);
		assert_status(LESSOR_OK, lessor_stats_serve(parents));
		assert_status(LESSOR_OK, lessor_stream_open(parents, LESSOR_STREAM_OLDEST, &stream, NULL));
		assert_status(LESSOR_OK, lessor_stream_next(stream, 0, &change));
		const lessor_ticket_t last = lessor_last_ticket(parents);
		in_child(asks[i]);
		assert_true(last == lessor_last_ticket(parents));
		make_lease(2);
		assert_status(LESSOR_OK, lessor_stream_next(stream, 0, &change));
		assert_status(LESSOR_OK, lessor_check(parents, NULL));
		lessor_stream_close(&stream);
		scratch_close(parents);
		scratch_remove(directory);
	}
}

/* The lock of the follower's directory belongs to both processes, so the child must not give it back. */
static void
a_follower_stays_its_parents(void **state) {
	lessor_ticket_t applied = 0;
	lessor_follower_t *second = NULL;
	(void)state;
	scratch_make(directory);
	scratch_make(copies);
	parents = scratch_open_log(directory);
	scratch_scope_add(parents, SUBNET, MASK, true);
	make_lease(1);
	assert_status(LESSOR_OK, lessor_follower_open(directory, copies, &follower, NULL));
	while (lessor_follower_next(follower, 0, &applied) == LESSOR_OK) {
	}
	make_lease(2);
	const uint64_t digest = scratch_digest(copies);
	in_child(use_the_follower);
	assert_true(digest == scratch_digest(copies));
	assert_status(LESSOR_LOCKED, lessor_follower_open(directory, copies, &second, NULL));
	while (applied < lessor_durable_ticket(parents)) {
		assert_status(LESSOR_OK, lessor_follower_next(follower, 1000, &applied));
	}
	lessor_follower_close(&follower);
	scratch_close(parents);
	scratch_remove(copies);
	scratch_remove(directory);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_is_told_no),
		cmocka_unit_test(a_follower_stays_its_parents),
	};
	return cmocka_run_group_tests_name("fork", tests, NULL, NULL);
}
