/* SPDX-License-Identifier: Apache-2.0 */
/* What a host may do to a library that runs in it for years: many outstanding tickets, threads that come and go, signals, clocks that step, other file systems. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <lessor/lessor.h>

#include "base/io.h"
#include "engine_p.h"
#include "log/log.h"
#include "torture.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SCALE(full, reduced) (reduced)
#else
#define SCALE(full, reduced) (full)
#endif

#define MIB    (UINT64_C(1) << 20)
#define SUBNET UINT32_C(0x0A000000)

static lessor_engine_t *
open_with(const char *directory, uint64_t ring_bytes) {
	lessor_engine_t *engine = NULL;
	lessor_options_t options;
	lessor_options_init(&options);
	options.log = directory != NULL;
	options.max_leases = UINT64_C(1) << 21;
	options.ring_size_bytes = ring_bytes;
	options.snapshot_after_bytes = UINT64_MAX;
	REQUIRE_STATUS(lessor_open(directory, &options, &engine, NULL), LESSOR_OK);
	return engine;
}

static lessor_engine_t *
open_in(const char *directory) {
	return open_with(directory, MIB);
}

static lessor_status_t
create(lessor_engine_t *engine, uint32_t address, lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_lease_t lease;
	lessor_lease_init(&lease);
	lease.address = address;
	lease.client_id = (const uint8_t *)&address;
	lease.client_id_bytes = sizeof(address);
	return lessor_lease_create(engine, &lease, mode, ticket);
}

/* ---- tickets ------------------------------------------------------------------------------------------------------------- */

#define UPDATE_BYTES 56 /* of one of the test's changes on the log */

static atomic_bool disk_stands;

static ssize_t
write_when_allowed(int file, const void *data, size_t size_bytes, uint64_t offset) {
	while (atomic_load(&disk_stands)) {
		(void)usleep(1000);
	}
	return lsr_io_system.pwrite(file, data, size_bytes, offset);
}

/*
 * What was there before is in large segments, so that the next one has room for a million changes. The disk stands only when that room is the log's: only
 * the writer raises the limit, and not while it is in a write.
 */
static void
a_million_tickets_are_answered_in_order(void **state) {
	const uint32_t count = SCALE(1000000u, 50000u);
	static lsr_io_ops_t ops;
	char directory[256];
	lessor_lease_t lease;
	(void)state;
	torture_make_directory(directory);
	ops = lsr_io_system;
	ops.pwrite = write_when_allowed;
	lsr_io = &ops;
	lessor_engine_t *engine = open_with(directory, 128 * MIB);
	lessor_ticket_t *tickets = malloc(count * sizeof(tickets[0]));
	REQUIRE(tickets != NULL);
	torture_create_scope(engine, SUBNET, 0xFFE00000u, true);
	for (uint32_t i = 0; i < count; i++) {
		REQUIRE_STATUS(create(engine, SUBNET + 1 + i, LESSOR_ASYNC, NULL), LESSOR_OK);
	}
	REQUIRE_STATUS(lessor_ticket_wait(engine, lessor_last_ticket(engine), -1), LESSOR_OK);
	const lessor_ticket_t before = lessor_durable_ticket(engine);
	/* The next segment is being made, and the writer raises the limit when it is idle. */
	while (!lsr_log_has_room(&engine->log, (uint64_t)count * UPDATE_BYTES)) {
		(void)usleep(1000);
	}
	atomic_store(&disk_stands, true);
	lessor_lease_init(&lease);
	lease.expires_at = 1;
	for (uint32_t i = 0; i < count; i++) {
		lease.address = SUBNET + 1 + i;
		REQUIRE_STATUS(lessor_lease_update(engine, &lease, LESSOR_FIELD_EXPIRES, LESSOR_ASYNC, &tickets[i]),
			       LESSOR_OK);
		REQUIRE(tickets[i] > (i == 0 ? before : tickets[i - 1]));
	}
	REQUIRE(lessor_durable_ticket(engine) == before); /* all of them are outstanding */
	REQUIRE_STATUS(lessor_ticket_poll(engine, tickets[0]), LESSOR_TIMEOUT);
	REQUIRE_STATUS(lessor_ticket_wait(engine, tickets[count - 1], 10), LESSOR_TIMEOUT);
	atomic_store(&disk_stands, false);
	for (uint32_t low = 0; low < count;) {
		REQUIRE_STATUS(lessor_ticket_wait(engine, tickets[low], -1), LESSOR_OK);
		const lessor_ticket_t durable = lessor_durable_ticket(engine);
		REQUIRE(durable >= tickets[low]);
		for (; low < count && tickets[low] <= durable; low++) {
			REQUIRE_STATUS(lessor_ticket_poll(engine, tickets[low]), LESSOR_OK);
		}
	}
	REQUIRE_STATUS(lessor_ticket_poll(engine, tickets[count - 1] + 8), LESSOR_INVALID);
	free(tickets);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	lsr_io = &lsr_io_system;
	torture_remove_directory(directory);
}

/* ---- threads ------------------------------------------------------------------------------------------------------------- */

static void *
live_shortly(void *argument) {
	lessor_engine_t *engine = argument;
	lessor_lease_t lease;
	char buffer[256];
	const uint32_t address = SUBNET + 1 + (uint32_t)((uintptr_t)&lease >> 12 & 0xFFF);
	const lessor_status_t status = create(engine, address, LESSOR_ASYNC, NULL);
	REQUIRE(status == LESSOR_OK || status == LESSOR_ADDRESS_TAKEN);
	lessor_lease_init(&lease);
	lease.address = address;
	lease.comment = "longer than what a record has room for";
	(void)lessor_lease_update(engine, &lease, LESSOR_FIELD_COMMENT | LESSOR_FIELD_EXPIRES, LESSOR_ASYNC, NULL);
	(void)lessor_lease_get(engine, address, &lease, buffer, sizeof(buffer));
	(void)lessor_lease_delete(engine, address, NULL, 0, LESSOR_ASYNC, NULL);
	return NULL;
}

static uint64_t
resident_bytes(void) {
	unsigned long long pages = 0;
	unsigned long long resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	REQUIRE(file != NULL && fscanf(file, "%llu %llu", &pages, &resident) == 2);
	(void)fclose(file);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void
breed(lessor_engine_t *engine, unsigned count) {
	pthread_t threads[8];
	for (unsigned i = 0; i < count; i += 8) {
		for (unsigned j = 0; j < 8; j++) {
			REQUIRE(pthread_create(&threads[j], NULL, live_shortly, engine) == 0);
		}
		for (unsigned j = 0; j < 8; j++) {
			REQUIRE(pthread_join(threads[j], NULL) == 0);
		}
	}
}

static void
ten_thousand_threads_leave_nothing_behind(void **state) {
	(void)state;
	lessor_engine_t *engine = open_in(NULL);
	torture_create_scope(engine, SUBNET, 0xFFFF0000u, true);
	breed(engine, 1000);
	const uint64_t before = resident_bytes();
	breed(engine, SCALE(10000, 2000));
	const uint64_t after = resident_bytes();
	/* A thread that left as little as one line of two kilobytes behind would be more. */
	REQUIRE(SCALE(true, false) == false || after < before + 16 * MIB);
	torture_require_sound(engine);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
}

/* ---- signals ------------------------------------------------------------------------------------------------------------- */

static atomic_uint alarms;

static void
count_alarm(int number) {
	(void)number;
	(void)atomic_fetch_add(&alarms, 1);
}

/* Without SA_RESTART, into every call: each wait and each transfer is interrupted now and then. */
static void
signals_change_nothing(void **state) {
	char directory[256];
	const struct sigaction action = {.sa_handler = count_alarm};
	const struct itimerval often = {.it_interval = {.tv_usec = 500}, .it_value = {.tv_usec = 500}};
	const struct itimerval never = {{0}, {0}};
	struct sigaction former;
	(void)state;
	torture_make_directory(directory);
	REQUIRE(sigaction(SIGALRM, &action, &former) == 0);
	REQUIRE(setitimer(ITIMER_REAL, &often, NULL) == 0);
	const uint32_t count = SCALE(300u, 100u);
	/* On a fast disk there are more rounds. */
	for (unsigned round = 0; round < 3 || atomic_load(&alarms) <= 10; round++) {
		lessor_engine_t *engine = open_in(directory);
		lessor_ticket_t ticket;
		if (round == 0) {
			torture_create_scope(engine, SUBNET, 0xFFFF0000u, true);
		}
		for (uint32_t i = 0; i < count; i++) {
			REQUIRE_STATUS(create(engine, SUBNET + 1 + round * count + i, LESSOR_SYNC, &ticket), LESSOR_OK);
			REQUIRE_STATUS(lessor_ticket_poll(engine, ticket), LESSOR_OK);
		}
		REQUIRE_STATUS(lessor_snapshot(engine, NULL), LESSOR_OK);
		/* A wait with a limit is over at its time, however often it is interrupted; the longest way to say so is one that hangs. */
		REQUIRE_STATUS(lessor_ticket_wait(engine, ticket, 50), LESSOR_OK);
		uint64_t leases;
		REQUIRE_STATUS(lessor_lease_count(engine, SUBNET, SUBNET + 65535, &leases), LESSOR_OK);
		REQUIRE(leases == (round + 1) * (uint64_t)count);
		REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	}
	REQUIRE(setitimer(ITIMER_REAL, &never, NULL) == 0);
	REQUIRE(sigaction(SIGALRM, &former, NULL) == 0);
	torture_remove_directory(directory);
}

/* ---- clocks -------------------------------------------------------------------------------------------------------------- */

/* In the place of the system's, for everything in this program: the wall clock can be moved, the other one cannot, as in life. */
static atomic_llong step_s;
int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int
__wrap_clock_gettime(clockid_t clock, struct timespec *now) {
	const int result = __real_clock_gettime(clock, now);
	if (clock == CLOCK_REALTIME) {
		now->tv_sec += (time_t)atomic_load(&step_s);
	}
	return result;
}

static uint64_t
sweep(lessor_engine_t *engine) {
	lessor_cursor_t cursor;
	lessor_expire_report_t report;
	uint64_t removed = 0;
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	while (lessor_expire(engine, lessor_time_now(), NULL, &cursor, &report, LESSOR_ASYNC, NULL) == LESSOR_OK) {
		removed += report.removed;
	}
	return removed;
}

static void
clocks_that_step_expire_and_hang_nothing(void **state) {
	static const long long steps[] = {0, -3600, 86400 * 365, -86400 * 365 * 20LL, 0};
	char directory[256];
	lessor_lease_t lease;
	lessor_ticket_t ticket;
	const uint8_t id[] = "an hour";
	(void)state;
	torture_make_directory(directory);
	lessor_engine_t *engine = open_in(directory);
	torture_create_scope(engine, SUBNET, 0xFFFF0000u, true);
	lessor_lease_init(&lease);
	lease.address = SUBNET + 1;
	lease.client_id = id;
	lease.client_id_bytes = sizeof(id);
	const lessor_filetime_t now = lessor_time_now();
	lease.expires_at = now + UINT64_C(3600) * 10000000;
	REQUIRE_STATUS(lessor_lease_create(engine, &lease, LESSOR_SYNC, NULL), LESSOR_OK);
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		atomic_store(&step_s, steps[i]);
		const bool is_over = lessor_time_now() > lease.expires_at;
		REQUIRE(is_over == (steps[i] > 3600));
		/* Nothing ends by itself; a sweep removes what is over by the clock that it is given. */
		REQUIRE_STATUS(lessor_lease_get(engine, lease.address, &(lessor_lease_t){0}, (char[256]){0}, 256),
			       LESSOR_OK);
		REQUIRE_STATUS(create(engine, SUBNET + 10 + i, LESSOR_SYNC, &ticket), LESSOR_OK);
		REQUIRE_STATUS(lessor_ticket_wait(engine, ticket, 1000), LESSOR_OK);
		REQUIRE_STATUS(lessor_snapshot(engine, NULL), LESSOR_OK);
		REQUIRE(sweep(engine) == (is_over ? 1 : 0));
		if (is_over) {
			REQUIRE_STATUS(lessor_lease_create(engine, &lease, LESSOR_SYNC, NULL), LESSOR_OK);
		}
	}
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	atomic_store(&step_s, -86400);
	engine = open_in(directory); /* written in what is now the future */
	REQUIRE(sweep(engine) == 0);
	torture_require_sound(engine);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	atomic_store(&step_s, 0);
	torture_remove_directory(directory);
}

/* ---- file systems -------------------------------------------------------------------------------------------------------- */

/* A file system of memory, which knows no direct I/O. */
static void
a_store_in_memory_files(void **state) {
	char directory[256] = "/dev/shm/lessor-XXXXXX";
	(void)state;
	if (mkdtemp(directory) == NULL) {
		skip();
	}
	lessor_engine_t *engine = open_in(directory);
	torture_create_scope(engine, SUBNET, 0xFFFF0000u, true);
	for (uint32_t i = 0; i < 2000; i++) {
		REQUIRE_STATUS(create(engine, SUBNET + 1 + i, i % 100 == 0 ? LESSOR_SYNC : LESSOR_ASYNC, NULL),
			       LESSOR_OK);
	}
	REQUIRE_STATUS(lessor_snapshot(engine, NULL), LESSOR_OK);
	REQUIRE_STATUS(create(engine, SUBNET + 5000, LESSOR_SYNC, NULL), LESSOR_OK);
	torture_dump_t before = torture_dump(engine);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	engine = open_in(directory);
	torture_dump_t after = torture_dump(engine);
	torture_require_equal(&before, &after);
	torture_dump_free(&before);
	torture_dump_free(&after);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	torture_remove_directory(directory);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_million_tickets_are_answered_in_order),
		cmocka_unit_test(ten_thousand_threads_leave_nothing_behind),
		cmocka_unit_test(signals_change_nothing),
		cmocka_unit_test(clocks_that_step_expire_and_hang_nothing),
		cmocka_unit_test(a_store_in_memory_files),
	};
	return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
