/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tickets: what says that a change is durable, how to ask, wait and be told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "scratch.h"

#define SUBNET IP(10, 0, 0, 0)
#define MASK   UINT32_C(0xFFFF0000)

/* Long enough that only a mistake lets it pass. */
#define PATIENCE_MS 60000

#define NOTIFIERS 64

static lessor_engine_t *engine;
static char directory[SCRATCH_PATH_BYTES];

static int
open_store(void **state) {
	(void)state;
	scratch_make(directory);
	engine = scratch_open_log(directory);
	scratch_scope_add(engine, SUBNET, MASK, true);
	return 0;
}

static int
close_store(void **state) {
	(void)state;
	if (engine != NULL) {
		scratch_close(engine);
		engine = NULL;
	}
	scratch_remove(directory);
	return 0;
}

static int
open_memory(void **state) {
	(void)state;
	engine = scratch_open_memory();
	scratch_scope_add(engine, SUBNET, MASK, true);
	return 0;
}

static int
close_memory(void **state) {
	(void)state;
	scratch_close(engine);
	return 0;
}

static lessor_ticket_t
create(uint32_t number, lessor_mode_t mode) {
	lessor_ticket_t ticket = 0;
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(SUBNET + number, number, id);
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, mode, &ticket));
	return ticket;
}

static lessor_ticket_t
ticket_of(uint32_t number) {
	char buffer[256];
	lessor_lease_t lease;
	assert_status(LESSOR_OK, lessor_lease_get(engine, SUBNET + number, &lease, buffer, sizeof(buffer)));
	return lease.ticket;
}

static void
assert_durable(lessor_ticket_t ticket) {
	assert_status(LESSOR_OK, lessor_ticket_poll(engine, ticket));
	assert_status(LESSOR_OK, lessor_ticket_wait(engine, ticket, 0));
	assert_status(LESSOR_OK, lessor_ticket_wait(engine, ticket, -1));
	assert_true(lessor_durable_ticket(engine) >= ticket);
}

/*
 * Order.
 */

/* One after another, whatever is changed: each ticket is greater than the one before. */
static void
test_tickets_grow(void **state) {
	lessor_scope_t scope = scratch_scope(IP(11, 0, 0, 0), MASK);
	lessor_range_t range = {IP(11, 0, 0, 5), IP(11, 0, 0, 6)};
	lessor_ticket_t tickets[10] = {0};
	lessor_status_t statuses[2];
	lessor_lease_t leases[2];
	uint8_t ids[2][6];
	size_t count = 0;
	(void)state;
	leases[0] = scratch_lease_numbered(SUBNET + 1, 1, ids[0]);
	leases[1] = scratch_lease_numbered(SUBNET + 2, 2, ids[1]);
	leases[0].name = "name";
	tickets[count++] = create(3, LESSOR_ASYNC);
	assert_status(LESSOR_OK,
		      lessor_lease_create_batch(engine, leases, 2, statuses, LESSOR_ASYNC, &tickets[count++]));
	assert_status(LESSOR_OK,
		      lessor_lease_update(engine, leases, LESSOR_FIELD_EXPIRES, LESSOR_ASYNC, &tickets[count++]));
	assert_status(LESSOR_OK, lessor_lease_delete(engine, SUBNET + 1, NULL, 0, LESSOR_ASYNC, &tickets[count++]));
	assert_status(LESSOR_OK, lessor_scope_create(engine, &scope, LESSOR_ASYNC, &tickets[count++]));
	scope.id = 7;
	assert_status(LESSOR_OK,
		      lessor_scope_update(engine, &scope, LESSOR_SCOPE_FIELD_ID, LESSOR_ASYNC, &tickets[count++]));
	assert_status(LESSOR_OK, lessor_scope_exclude(engine, scope.subnet, range, LESSOR_ASYNC, &tickets[count++]));
	assert_status(LESSOR_OK, lessor_scope_include(engine, scope.subnet, range, LESSOR_ASYNC, &tickets[count++]));
	assert_status(LESSOR_OK, lessor_scope_delete(engine, scope.subnet, true, LESSOR_ASYNC, &tickets[count++]));
	tickets[count++] = create(4, LESSOR_ASYNC);
	assert_int_equal(count, COUNT(tickets));
	assert_true(tickets[0] > 0);
	for (size_t i = 1; i < count; i++) {
		assert_true(tickets[i] > tickets[i - 1]);
	}
	assert_true(lessor_last_ticket(engine) >= tickets[count - 1]);
	assert_status(LESSOR_OK, lessor_ticket_wait(engine, tickets[count - 1], -1));
	for (size_t i = 0; i < count; i++) {
		assert_durable(tickets[i]);
	}
}

/* A lease tells the ticket of its own last change; those of a batch do not exceed the batch's. */
static void
test_a_lease_knows_its_ticket(void **state) {
	uint8_t ids[40][6];
	lessor_lease_t leases[40];
	lessor_status_t statuses[40];
	lessor_ticket_t first = create(1, LESSOR_ASYNC);
	lessor_ticket_t second = create(2, LESSOR_ASYNC);
	lessor_ticket_t ticket = 0;
	(void)state;
	assert_int_equal(ticket_of(1), first);
	assert_int_equal(ticket_of(2), second);
	leases[0] = scratch_lease_numbered(SUBNET + 1, 1, ids[0]);
	assert_status(LESSOR_OK, lessor_lease_update(engine, leases, LESSOR_FIELD_EXPIRES, LESSOR_ASYNC, &ticket));
	assert_int_equal(ticket_of(1), ticket);
	assert_int_equal(ticket_of(2), second);
	assert_status(LESSOR_NOT_FOUND, lessor_lease_delete(engine, SUBNET + 9, NULL, 0, LESSOR_ASYNC, NULL));
	assert_int_equal(ticket_of(1), ticket);
	for (uint32_t i = 0; i < 40; i++) {
		leases[i] = scratch_lease_numbered(SUBNET + 10 + i, 10 + i, ids[i]);
	}
	assert_status(LESSOR_OK, lessor_lease_create_batch(engine, leases, 40, statuses, LESSOR_ASYNC, &second));
	for (uint32_t i = 0; i < 40; i++) {
		assert_true(ticket_of(10 + i) > ticket);
		assert_true(ticket_of(10 + i) <= second);
	}
	assert_status(LESSOR_OK, lessor_ticket_wait(engine, second, PATIENCE_MS));
	for (uint32_t i = 0; i < 40; i++) {
		assert_durable(ticket_of(10 + i));
	}
}

#define WRITERS        4
#define WRITER_CREATES 400

typedef struct writer {
	uint32_t first;
	lessor_ticket_t tickets[WRITER_CREATES];
} writer_t;

static void *
write_many(void *argument) {
	writer_t *writer = argument;
	for (uint32_t i = 0; i < WRITER_CREATES; i++) {
		writer->tickets[i] = create(writer->first + i, i % 100 == 99 ? LESSOR_SYNC : LESSOR_ASYNC);
		if (i % 50 == 0 && lessor_ticket_wait(engine, writer->tickets[i], -1) != LESSOR_OK) {
			writer->tickets[i] = 0;
		}
	}
	return NULL;
}

static int
by_value(const void *left, const void *right) {
	const lessor_ticket_t *a = left;
	const lessor_ticket_t *b = right;
	return *a < *b ? -1 : *a > *b;
}

/* The durable position of an engine that many change: never backwards, never ahead of what was handed out. */
static atomic_bool watch_ended;

static void *
watch(void *argument) {
	lessor_ticket_t before = 0;
	bool *right = argument;
	while (!atomic_load(&watch_ended)) {
		lessor_ticket_t durable = lessor_durable_ticket(engine);
		lessor_ticket_t last = lessor_last_ticket(engine);
		*right = *right && durable >= before && last >= durable;
		before = durable;
	}
	return NULL;
}

static void
test_tickets_of_many_threads_differ(void **state) {
	static writer_t writers[WRITERS];
	static lessor_ticket_t all[WRITERS * WRITER_CREATES];
	pthread_t threads[WRITERS];
	pthread_t watcher;
	bool right = true;
	(void)state;
	atomic_store(&watch_ended, false);
	assert_int_equal(pthread_create(&watcher, NULL, watch, &right), 0);
	for (uint32_t i = 0; i < WRITERS; i++) {
		writers[i].first = 1 + i * WRITER_CREATES;
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
	}
	for (size_t i = 0; i < WRITERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		for (size_t j = 1; j < WRITER_CREATES; j++) {
			assert_true(writers[i].tickets[j] > writers[i].tickets[j - 1]);
		}
		memcpy(all + i * WRITER_CREATES, writers[i].tickets, sizeof(writers[i].tickets));
	}
	atomic_store(&watch_ended, true);
	assert_int_equal(pthread_join(watcher, NULL), 0);
	assert_true(right);
	qsort(all, COUNT(all), sizeof(*all), by_value);
	for (size_t i = 1; i < COUNT(all); i++) {
		assert_true(all[i] > all[i - 1]);
	}
	assert_status(LESSOR_OK, lessor_ticket_wait(engine, all[COUNT(all) - 1], -1));
	assert_durable(all[0]);
}

/*
 * Asking and waiting.
 */

static void
test_sync_returns_durable(void **state) {
	lessor_scope_t scope = scratch_scope(IP(11, 0, 0, 0), MASK);
	lessor_range_t range = {IP(11, 0, 0, 5), IP(11, 0, 0, 6)};
	lessor_status_t statuses[1];
	lessor_ticket_t ticket;
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(SUBNET + 2, 2, id);
	(void)state;
	assert_durable(create(1, LESSOR_SYNC));
	assert_status(LESSOR_OK, lessor_lease_create_batch(engine, &lease, 1, statuses, LESSOR_SYNC, &ticket));
	assert_durable(ticket);
	assert_durable(ticket_of(2));
	assert_status(LESSOR_OK, lessor_lease_update(engine, &lease, LESSOR_FIELD_ALL, LESSOR_SYNC, &ticket));
	assert_durable(ticket);
	assert_status(LESSOR_OK, lessor_lease_delete(engine, SUBNET + 2, id, 6, LESSOR_SYNC, &ticket));
	assert_durable(ticket);
	assert_status(LESSOR_OK, lessor_scope_create(engine, &scope, LESSOR_SYNC, &ticket));
	assert_durable(ticket);
	assert_status(LESSOR_OK, lessor_scope_update(engine, &scope, LESSOR_SCOPE_FIELD_NAME, LESSOR_SYNC, &ticket));
	assert_durable(ticket);
	assert_status(LESSOR_OK, lessor_scope_exclude(engine, scope.subnet, range, LESSOR_SYNC, &ticket));
	assert_durable(ticket);
	assert_status(LESSOR_OK, lessor_scope_include(engine, scope.subnet, range, LESSOR_SYNC, &ticket));
	assert_durable(ticket);
	assert_status(LESSOR_OK, lessor_scope_delete(engine, scope.subnet, false, LESSOR_SYNC, &ticket));
	assert_durable(ticket);
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_SYNC, NULL));
}

static void
test_async_becomes_durable(void **state) {
	lessor_ticket_t ticket = create(1, LESSOR_ASYNC);
	lessor_status_t status = lessor_ticket_poll(engine, ticket);
	(void)state;
	assert_true(status == LESSOR_OK || status == LESSOR_TIMEOUT);
	status = lessor_ticket_wait(engine, ticket, 0);
	assert_true(status == LESSOR_OK || status == LESSOR_TIMEOUT);
	assert_status(LESSOR_OK, lessor_ticket_wait(engine, ticket, PATIENCE_MS));
	assert_durable(ticket);
	/* Nobody waits here; it gets there all the same. */
	ticket = create(2, LESSOR_ASYNC);
	for (int i = 0; i < PATIENCE_MS && lessor_ticket_poll(engine, ticket) == LESSOR_TIMEOUT; i++) {
		usleep(1000);
	}
	assert_durable(ticket);
}

/* With nobody waiting a flush gathers up to a second; one that waits need not, and a short wait ends without it. */
static void
test_waiting_hurries_the_flush(void **state) {
	lessor_engine_t *usual = engine;
	char other[SCRATCH_PATH_BYTES];
	lessor_options_t options;
	(void)state;
	scratch_make(other);
	scratch_options_log(&options);
	options.flush_gather_us = 1000000;
	engine = NULL;
	assert_status(LESSOR_OK, lessor_open(other, &options, &engine, NULL));
	scratch_scope_add(engine, SUBNET, MASK, true);
	for (uint32_t i = 1; i <= 20; i++) {
		lessor_ticket_t ticket = create(i, LESSOR_ASYNC);
		lessor_status_t status = lessor_ticket_wait(engine, ticket, 1);
		assert_true(status == LESSOR_OK || status == LESSOR_TIMEOUT);
		assert_status(LESSOR_OK, lessor_ticket_wait(engine, ticket, -1));
		assert_durable(ticket);
	}
	scratch_close(engine);
	scratch_remove(other);
	engine = usual;
}

static void
test_a_ticket_that_was_never_handed_out(void **state) {
	lessor_ticket_t last;
	(void)state;
	create(1, LESSOR_SYNC);
	last = lessor_last_ticket(engine);
	assert_status(LESSOR_INVALID, lessor_ticket_poll(engine, last + 1));
	assert_status(LESSOR_INVALID, lessor_ticket_wait(engine, last + 1, 0));
	assert_status(LESSOR_INVALID, lessor_ticket_wait(engine, last + 1, -1));
	assert_status(LESSOR_INVALID, lessor_ticket_poll(engine, last + (UINT64_C(1) << 40)));
	assert_status(LESSOR_INVALID, lessor_ticket_poll(engine, UINT64_MAX));
	assert_status(LESSOR_INVALID, lessor_ticket_wait(engine, UINT64_MAX, -1));
	assert_status(LESSOR_INVALID, lessor_ticket_wait(engine, INT64_MAX, PATIENCE_MS));
	assert_durable(last);
}

static void
test_ticket_zero_is_durable(void **state) {
	(void)state;
	assert_durable(0);
	create(1, LESSOR_ASYNC);
	assert_status(LESSOR_OK, lessor_ticket_poll(engine, 0));
	assert_status(LESSOR_OK, lessor_ticket_wait(engine, 0, -1));
}

static void
test_null_engine(void **state) {
	int fd = 4711;
	(void)state;
	assert_status(LESSOR_INVALID, lessor_ticket_poll(NULL, 0));
	assert_status(LESSOR_INVALID, lessor_ticket_wait(NULL, 0, 0));
	assert_int_equal(lessor_durable_ticket(NULL), 0);
	assert_int_equal(lessor_last_ticket(NULL), 0);
	assert_status(LESSOR_INVALID, lessor_notifier_open(NULL, &fd));
	assert_status(LESSOR_INVALID, lessor_notifier_open(engine, NULL));
	assert_status(LESSOR_INVALID, lessor_notifier_close(NULL, 0));
	assert_int_equal(fd, 4711);
}

/*
 * Without a log.
 */

static void
test_without_a_log_all_is_zero(void **state) {
	lessor_scope_t scope = scratch_scope(IP(11, 0, 0, 0), MASK);
	lessor_ticket_t ticket = 5;
	(void)state;
	assert_int_equal(create(1, LESSOR_ASYNC), 0);
	assert_int_equal(create(2, LESSOR_SYNC), 0);
	assert_int_equal(ticket_of(1), 0);
	assert_status(LESSOR_OK, lessor_scope_create(engine, &scope, LESSOR_SYNC, &ticket));
	assert_int_equal(ticket, 0);
	assert_int_equal(lessor_last_ticket(engine), 0);
	assert_int_equal(lessor_durable_ticket(engine), 0);
	assert_durable(0);
	assert_status(LESSOR_INVALID, lessor_ticket_poll(engine, 1));
	assert_status(LESSOR_INVALID, lessor_ticket_wait(engine, 1, -1));
}

/*
 * Over a restart.
 */

static void
test_tickets_of_leases_after_a_restart(void **state) {
	lessor_report_t report;
	lessor_options_t options;
	lessor_ticket_t before[3];
	lessor_ticket_t after;
	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		before[i] = create(1 + i, LESSOR_ASYNC);
	}
	for (int round = 0; round < 3; round++) {
		lessor_ticket_t last = lessor_last_ticket(engine);
		scratch_close(engine);
		engine = NULL;
		scratch_options_log(&options);
		assert_status(LESSOR_OK, lessor_open(directory, &options, &engine, &report));
		for (uint32_t i = 0; i < 3; i++) {
			assert_durable(ticket_of(1 + i));
			assert_durable(before[i]);
		}
		assert_true(report.last_ticket >= before[2]);
		assert_true(report.last_ticket <= lessor_last_ticket(engine));
		assert_true(lessor_last_ticket(engine) >= last);
		assert_durable(report.last_ticket);
		after = create(100 + (uint32_t)round, LESSOR_ASYNC);
		assert_true(after > before[2]);
		assert_true(after > last);
		assert_true(ticket_of(1) < after);
		assert_status(LESSOR_OK, round == 1 ? lessor_snapshot(engine, NULL) : LESSOR_OK);
	}
}

/*
 * Notifiers.
 */

static bool
is_readable(int fd, int timeout_ms) {
	struct pollfd wanted = {fd, POLLIN, 0};
	int ready = poll(&wanted, 1, timeout_ms);
	assert_true(ready >= 0);
	return ready == 1 && (wanted.revents & POLLIN);
}

static void
drain(int fd) {
	uint64_t count;
	ssize_t got = read(fd, &count, sizeof(count));
	assert_true(got == (ssize_t)sizeof(count) || (got < 0 && errno == EAGAIN));
}

/* As an event loop would do it: sleep on the descriptor, then ask. */
static void
wait_by_notifier(int fd, lessor_ticket_t ticket) {
	while (lessor_ticket_poll(engine, ticket) != LESSOR_OK) {
		assert_true(is_readable(fd, PATIENCE_MS));
		drain(fd);
	}
}

static void
test_a_notifier_tells(void **state) {
	int fd = -1;
	(void)state;
	assert_status(LESSOR_OK, lessor_notifier_open(engine, &fd));
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	for (uint32_t i = 1; i <= 50; i++) {
		wait_by_notifier(fd, create(i, LESSOR_ASYNC));
	}
	drain(fd);
	create(51, LESSOR_SYNC);
	assert_true(is_readable(fd, PATIENCE_MS));
	assert_status(LESSOR_OK, lessor_notifier_close(engine, fd));
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_status(LESSOR_INVALID, lessor_notifier_close(engine, fd));
}

static void
test_as_many_notifiers_as_allowed(void **state) {
	int fds[NOTIFIERS];
	int refused = 4711;
	(void)state;
	for (size_t i = 0; i < NOTIFIERS; i++) {
		assert_status(LESSOR_OK, lessor_notifier_open(engine, &fds[i]));
		for (size_t j = 0; j < i; j++) {
			assert_int_not_equal(fds[i], fds[j]);
		}
	}
	assert_status(LESSOR_LIMIT, lessor_notifier_open(engine, &refused));
	assert_int_equal(refused, 4711);
	create(1, LESSOR_SYNC);
	for (size_t i = 0; i < NOTIFIERS; i++) {
		assert_true(is_readable(fds[i], PATIENCE_MS));
	}
	assert_status(LESSOR_OK, lessor_notifier_close(engine, fds[17]));
	assert_status(LESSOR_OK, lessor_notifier_open(engine, &fds[17]));
	assert_status(LESSOR_LIMIT, lessor_notifier_open(engine, &refused));
	for (size_t i = 0; i < NOTIFIERS; i++) {
		assert_status(LESSOR_OK, lessor_notifier_close(engine, fds[i]));
	}
	for (size_t i = 0; i < NOTIFIERS; i++) {
		assert_status(LESSOR_OK, lessor_notifier_open(engine, &fds[i]));
	}
	/* Those that are left are closed with the engine. */
	scratch_close(engine);
	engine = NULL;
	for (size_t i = 0; i < NOTIFIERS; i++) {
		assert_int_equal(fcntl(fds[i], F_GETFD), -1);
	}
}

static void
test_foreign_descriptors_are_refused(void **state) {
	int own = eventfd(0, EFD_CLOEXEC);
	int refused[] = {-1, 0, own, INT32_MAX, INT32_MIN};
	(void)state;
	assert_true(own >= 0);
	for (size_t i = 0; i < COUNT(refused); i++) {
		assert_status(LESSOR_INVALID, lessor_notifier_close(engine, refused[i]));
	}
	assert_true(fcntl(own, F_GETFD) >= 0);
	assert_true(fcntl(0, F_GETFD) >= 0 || errno == EBADF);
	close(own);
}

static void
test_without_a_log_a_notifier_stays_silent(void **state) {
	int fd = -1;
	(void)state;
	assert_status(LESSOR_OK, lessor_notifier_open(engine, &fd));
	create(1, LESSOR_SYNC);
	create(2, LESSOR_ASYNC);
	assert_false(is_readable(fd, 20));
	assert_status(LESSOR_OK, lessor_notifier_close(engine, fd));
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

#define TEST(function)        cmocka_unit_test_setup_teardown(function, open_store, close_store)
#define MEMORY_TEST(function) cmocka_unit_test_setup_teardown(function, open_memory, close_memory)

int
main(void) {
	const struct CMUnitTest tests[] = {
		TEST(test_tickets_grow),
		TEST(test_a_lease_knows_its_ticket),
		TEST(test_tickets_of_many_threads_differ),
		TEST(test_sync_returns_durable),
		TEST(test_async_becomes_durable),
		TEST(test_waiting_hurries_the_flush),
		TEST(test_a_ticket_that_was_never_handed_out),
		TEST(test_ticket_zero_is_durable),
		TEST(test_null_engine),
		MEMORY_TEST(test_without_a_log_all_is_zero),
		TEST(test_tickets_of_leases_after_a_restart),
		TEST(test_a_notifier_tells),
		TEST(test_as_many_notifiers_as_allowed),
		TEST(test_foreign_descriptors_are_refused),
		MEMORY_TEST(test_without_a_log_a_notifier_stays_silent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
