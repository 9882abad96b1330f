/* SPDX-License-Identifier: Apache-2.0 */
/* Sweeping: which leases go, when, and what is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "engine_p.h"
#include "scratch.h"
#include "test_disk.h"
#include "torture.h"

#define SUBNET   IP(10, 1, 0, 0)
#define MASK     IP(255, 255, 0, 0)
#define NOW      (UINT64_C(13350000000) * LESSOR_TICKS_PER_SECOND)
#define SECONDS  LESSOR_TICKS_PER_SECOND
#define UNIX_NOW ((uint32_t)(UINT64_C(13350000000) - LESSOR_UNIX_EPOCH_FILETIME_S))

static lessor_engine_t *engine;

static int
open_engine(void **state) {
	(void)state;
	engine = scratch_open_memory();
	scratch_scope_add(engine, SUBNET, MASK, true);
	return 0;
}

static int
close_engine(void **state) {
	lessor_report_t report;
	const lessor_status_t check = lessor_check(engine, &report);
	(void)state;
	if (check != LESSOR_OK) {
		print_error("%s\n", report.sentence);
	}
	return lessor_close(&engine) == LESSOR_OK && check == LESSOR_OK ? 0 : -1;
}

static void
create(uint32_t address, lessor_filetime_t expires_at) {
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(address, address, id);
	lease.expires_at = expires_at;
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
}

/* One lease per second, the first one due at NOW. */
static void
create_many(uint32_t first, uint32_t count) {
	for (uint32_t i = 0; i < count; i++) {
		create(first + i, NOW + i * SECONDS);
	}
}

static lessor_status_t
renew(uint32_t address, lessor_filetime_t expires_at) {
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(address, address, id);
	lease.expires_at = expires_at;
	return lessor_lease_update(engine, &lease, LESSOR_FIELD_EXPIRES | LESSOR_IF_CLIENT, LESSOR_ASYNC, NULL);
}

static bool
is_there(uint32_t address) {
	uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(address, address, id);
	const lessor_status_t by_address = lessor_lease_get(engine, address, &lease, buffer, sizeof(buffer));
	const lessor_status_t by_client =
		lessor_lease_get_client(engine, SUBNET, id, 6, &lease, buffer, sizeof(buffer));
	assert_status(by_address, by_client);
	assert_true(by_address == LESSOR_OK || by_address == LESSOR_NOT_FOUND);
	return by_address == LESSOR_OK;
}

/* Sweep everything. Returns how many were looked at and removed. */
static lessor_expire_report_t
sweep(lessor_filetime_t now, const lessor_expire_options_t *options) {
	lessor_cursor_t cursor;
	lessor_expire_report_t all = {0};
	lessor_expire_report_t report;
	lessor_status_t status;
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	while ((status = lessor_expire(engine, now, options, &cursor, &report, LESSOR_ASYNC, NULL)) == LESSOR_OK) {
		all.looked += report.looked;
		all.removed += report.removed;
	}
	assert_status(LESSOR_END, status);
	return all;
}

/* ---- what is due ----------------------------------------------------------------------------------------------------- */

typedef struct {
	const char *name;
	uint8_t state;
	lessor_filetime_t expires_at;
	uint32_t last_transaction_s;
	lessor_filetime_t stays_until; /* goes at this very tick; 0: never */
} lsr_row_t;

#define GRACE_S 3600u
#define DOOM_S  600u

static void
every_row_at_its_boundary(void **state) {
	static const lsr_row_t rows[] = {
		{"active", 1, NOW, 0, NOW + GRACE_S * SECONDS},
		{"active with other bits", 0xF1, NOW, 0, NOW + GRACE_S * SECONDS},
		{"active, talked since", 1, NOW, UNIX_NOW + 9, NOW + GRACE_S * SECONDS},
		{"declined", 2, NOW, 0, NOW},
		{"declined, talked since", 2, NOW, UNIX_NOW + 9, NOW},
		{"doomed", 3, NOW, 0, NOW + DOOM_S * SECONDS},
		{"doomed, talked before", 3, NOW, UNIX_NOW - 9, NOW + DOOM_S * SECONDS},
		{"doomed, talked since", 3, NOW, UNIX_NOW + 9, NOW + (DOOM_S + 9) * SECONDS},
		{"active at the first tick", 1, 1, 0, 1 + GRACE_S * SECONDS},
		{"active, no time", 1, LESSOR_TIME_NONE, 7, 0},
		{"declined, no time", 2, LESSOR_TIME_NONE, 7, 0},
		{"doomed, no time", 3, LESSOR_TIME_NONE, 7, 0},
		{"active for ever", 1, LESSOR_TIME_INFINITE, 7, 0},
		{"declined for ever", 2, LESSOR_TIME_INFINITE, 7, 0},
		{"doomed for ever", 3, LESSOR_TIME_INFINITE, 7, 0},
		{"beyond for ever", 1, UINT64_MAX, 7, 0},
		{"active until the end", 1, LESSOR_TIME_INFINITE - 1, 7, LESSOR_TIME_INFINITE - 1 + GRACE_S * SECONDS},
	};
	lessor_expire_options_t options;
	(void)state;
	lessor_expire_options_init(&options);
	assert_int_equal(options.grace_s, 0);
	options.grace_s = GRACE_S;
	options.doom_s = DOOM_S;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const uint32_t address = SUBNET + 1 + (uint32_t)i;
		uint8_t id[6];
		lessor_lease_t lease = scratch_lease_numbered(address, address, id);
		lease.address_state = rows[i].state;
		lease.expires_at = rows[i].expires_at;
		lease.last_transaction_s = rows[i].last_transaction_s;
		assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
		const lessor_filetime_t until = rows[i].stays_until != 0 ? rows[i].stays_until : UINT64_MAX;
		uint64_t gone = sweep(0, &options).removed + sweep(until - 1, &options).removed;
		if (gone != 0 || !is_there(address)) {
			fail_msg("%s: gone too early", rows[i].name);
		}
		gone = sweep(until, &options).removed;
		if (gone != (rows[i].stays_until != 0) || is_there(address) != (rows[i].stays_until == 0)) {
			fail_msg("%s: does not go at its time", rows[i].name);
		}
		if (rows[i].stays_until == 0) {
			assert_status(LESSOR_OK, lessor_lease_delete(engine, address, NULL, 0, LESSOR_ASYNC, NULL));
		}
	}
}

static void
without_options_the_defaults_hold(void **state) {
	(void)state;
	create(SUBNET + 1, NOW);
	assert_int_equal(sweep(NOW - 1, NULL).removed, 0);
	assert_int_equal(sweep(NOW, NULL).removed, 1);
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(SUBNET + 2, 2, id);
	lease.expires_at = NOW;
	lease.address_state = LESSOR_STATE_DOOM;
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	assert_int_equal(sweep(NOW + LESSOR_DEFAULT_DOOM_S * SECONDS - 1, NULL).removed, 0);
	assert_int_equal(sweep(NOW + LESSOR_DEFAULT_DOOM_S * SECONDS, NULL).removed, 1);
}

/* ---- slices ---------------------------------------------------------------------------------------------------------- */

static void
slices_add_up(void **state) {
	static const size_t limits[] = {1, 2, 63, 64, 65, 100, 191, 5000};
	enum { LEASES = 1000 };
	(void)state;
	for (size_t i = 0; i < COUNT(limits); i++) {
		lessor_expire_options_t options;
		lessor_cursor_t cursor;
		lessor_expire_report_t report;
		uint64_t looked = 0;
		uint64_t removed = 0;
		lessor_status_t status;
		create_many(SUBNET + 37, LEASES);
		create(SUBNET + 5000, NOW - 1);
		lessor_expire_options_init(&options);
		options.limit = limits[i];
		lessor_cursor_init(&cursor, 0, UINT32_MAX);
		/* Every page of the first seven hundred has somebody whose time has come; the last of them keeps some. */
		while ((status = lessor_expire(engine, NOW + 700 * SECONDS, &options, &cursor, &report, LESSOR_ASYNC,
					       NULL)) == LESSOR_OK) {
			assert_in_range(report.looked, 1, limits[i]);
			looked += report.looked;
			removed += report.removed;
		}
		assert_status(LESSOR_END, status);
		assert_int_equal(removed, 702);
		assert_in_range(looked, 702, 702 + 63);
		for (uint32_t j = 0; j < LEASES; j++) {
			assert_int_equal(is_there(SUBNET + 37 + j), j > 700);
		}
		assert_status(LESSOR_OK, lessor_check(engine, NULL));
		assert_int_equal(sweep(NOW + LEASES * SECONDS, NULL).removed, LEASES - 701);
	}
}

static void
only_what_the_cursor_covers(void **state) {
	static const uint32_t edges[] = {0, 1, 63, 64, 65, 127, 128, 150, 299};
	(void)state;
	for (size_t i = 0; i < COUNT(edges); i++) {
		for (size_t j = i; j < COUNT(edges); j++) {
			lessor_cursor_t cursor;
			lessor_expire_report_t report;
			for (uint32_t k = 0; k < 300; k++) {
				create(SUBNET + k, NOW);
			}
			lessor_cursor_init(&cursor, SUBNET + edges[i], SUBNET + edges[j]);
			assert_status(LESSOR_OK,
				      lessor_expire(engine, NOW, NULL, &cursor, &report, LESSOR_ASYNC, NULL));
			assert_int_equal(report.removed, edges[j] - edges[i] + 1);
			assert_int_equal(report.looked, report.removed);
			for (uint32_t k = 0; k < 300; k++) {
				assert_int_equal(is_there(SUBNET + k), k < edges[i] || k > edges[j]);
			}
			assert_status(LESSOR_OK, lessor_check(engine, NULL));
			assert_int_equal(sweep(NOW, NULL).removed, 300 - report.removed);
		}
	}
}

static void
scope_after_scope(void **state) {
	(void)state;
	scratch_scope_add(engine, IP(0, 0, 0, 4), IP(255, 255, 255, 252), true);
	scratch_scope_add(engine, IP(10, 2, 0, 0), IP(255, 255, 255, 240), true);
	scratch_scope_add(engine, IP(10, 2, 0, 16), IP(255, 255, 255, 240), true);
	scratch_scope_add(engine, IP(255, 255, 255, 0), IP(255, 255, 255, 0), true);
	static const uint32_t addresses[] = {IP(0, 0, 0, 5),   IP(10, 1, 0, 0),      IP(10, 1, 255, 255),
					     IP(10, 2, 0, 0),  IP(10, 2, 0, 15),     IP(10, 2, 0, 16),
					     IP(10, 2, 0, 31), IP(255, 255, 255, 0), IP(255, 255, 255, 255)};
	for (size_t i = 0; i < COUNT(addresses); i++) {
		create(addresses[i], NOW);
	}
	assert_int_equal(sweep(NOW, NULL).removed, COUNT(addresses));
}

/* ---- pages that are not looked at --------------------------------------------------------------------------------------- */

static void
what_is_not_due_is_not_looked_at(void **state) {
	(void)state;
	create_many(SUBNET, 640);
	assert_int_equal(sweep(NOW - 1, NULL).looked, 0);
	assert_int_equal(sweep(NOW, NULL).looked, 64);
	assert_int_equal(sweep(NOW, NULL).looked, 0); /* it is known now that the next one is a second away */
	const lessor_expire_report_t report = sweep(NOW + SECONDS, NULL);
	assert_int_equal(report.looked, 63);
	assert_int_equal(report.removed, 1);
}

static void
an_earlier_expiry_is_noticed(void **state) {
	(void)state;
	create(SUBNET + 1, LESSOR_TIME_INFINITE);
	create(SUBNET + 2, LESSOR_TIME_NONE);
	create(SUBNET + 3, NOW + 100);
	(void)sweep(NOW + 50, NULL);
	assert_status(LESSOR_OK, renew(SUBNET + 1, NOW + 10));
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
	assert_int_equal(sweep(NOW + 10, NULL).removed, 1);
	assert_status(LESSOR_OK, renew(SUBNET + 2, NOW + 20));
	assert_int_equal(sweep(NOW + 20, NULL).removed, 1);
	assert_status(LESSOR_OK, renew(SUBNET + 3, NOW + 30));
	assert_int_equal(sweep(NOW + 30, NULL).removed, 1);
}

static void
a_later_expiry_is_noticed(void **state) {
	(void)state;
	create(SUBNET + 1, NOW);
	create(SUBNET + 2, NOW);
	create(SUBNET + 3, NOW);
	assert_status(LESSOR_OK, renew(SUBNET + 1, NOW + 10));
	assert_status(LESSOR_OK, renew(SUBNET + 2, LESSOR_TIME_INFINITE));
	assert_int_equal(sweep(NOW, NULL).removed, 1);
	assert_int_equal(sweep(NOW + 9, NULL).looked, 0);
	assert_int_equal(sweep(NOW + 10, NULL).removed, 1);
	assert_true(is_there(SUBNET + 2));
}

static void
a_wrong_earliest_is_a_contradiction(void **state) {
	lessor_report_t report;
	lessor_filetime_t earliest;
	(void)state;
	create(SUBNET + 70, NOW);
	lsr_rcu_enter();
	lsr_scope_t *scope = lsr_engine_scope_of(engine, SUBNET);
	lsr_rcu_leave();
	lsr_map_leaf_t *leaf = lsr_table_leaf(&scope->table, 1);
	(void)lsr_leaf_begin_sweep(leaf, &earliest);
	assert_int_equal(earliest, NOW);
	lsr_leaf_note(leaf, NOW + 1);
	assert_status(LESSOR_DAMAGED, lessor_check(engine, &report));
	assert_non_null(strstr(report.sentence, "10.1.0.70"));
	lsr_leaf_note(leaf, earliest);
}

/* ---- what a removal is ---------------------------------------------------------------------------------------------------- */

static void
figures_stay_exact(void **state) {
	lessor_scope_stats_t stats;
	lessor_scope_stats_t counted;
	(void)state;
	for (uint32_t i = 0; i < 900; i++) {
		uint8_t id[6];
		lessor_lease_t lease = scratch_lease_numbered(SUBNET + i, i, id);
		lease.expires_at = NOW + i % 2;
		lease.address_state = (uint8_t)(1 + i % 3);
		lease.comment = i % 5 == 0 ? "a text that does not fit beside the rest" : NULL;
		assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	}
	lessor_expire_options_t options;
	lessor_expire_options_init(&options);
	options.doom_s = 0;
	assert_int_equal(sweep(NOW, &options).removed, 450);
	assert_status(LESSOR_OK, lessor_scope_stats(engine, SUBNET, &stats));
	assert_status(LESSOR_OK, lessor_scope_recount(engine, SUBNET, &counted));
	assert_int_equal(stats.leases, 450);
	assert_int_equal(stats.leases_active, 150);
	assert_int_equal(stats.leases_declined, 150);
	assert_int_equal(stats.leases_doomed, 150);
	assert_int_equal(stats.in_use, 300);
	assert_int_equal(stats.in_use, counted.in_use);
	assert_int_equal(stats.free, counted.free);
	assert_int_equal(stats.in_use_high_water, 600);
	assert_int_equal(stats.creates, 900);
	assert_int_equal(stats.deletes, 450);
}

static void
addresses_and_clients_come_back(void **state) {
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(0, 1000000, id);
	(void)state;
	for (uint32_t i = 0; i <= 0xFFFF; i++) {
		create(SUBNET + i, NOW + (i % 100 == 7 ? 0 : SECONDS));
	}
	assert_status(LESSOR_EXHAUSTED, lessor_lease_allocate(engine, SUBNET, 0, &lease, LESSOR_ASYNC, NULL));
	const uint64_t removed = sweep(NOW, NULL).removed;
	assert_int_equal(removed, 656);
	for (uint64_t i = 0; i < removed; i++) {
		lease = scratch_lease_numbered(0, 1000000 + (uint32_t)i, id);
		assert_status(LESSOR_OK, lessor_lease_allocate(engine, SUBNET, 0, &lease, LESSOR_ASYNC, NULL));
		assert_int_equal((lease.address - SUBNET) % 100, 7);
	}
	lease = scratch_lease_numbered(0, 2000000, id);
	assert_status(LESSOR_EXHAUSTED, lessor_lease_allocate(engine, SUBNET, 0, &lease, LESSOR_ASYNC, NULL));
}

static void
outputs_stay_as_they_are(void **state) {
	lessor_cursor_t cursor;
	lessor_cursor_t before;
	lessor_expire_report_t report = {.looked = 7, .removed = 8};
	lessor_expire_options_t options;
	lessor_ticket_t ticket = 9;
	(void)state;
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	before = cursor;
	create(SUBNET, NOW);
	lessor_expire_options_init(NULL);
	lessor_expire_options_init(&options);
	options.size_bytes = 1;
	assert_status(LESSOR_INVALID, lessor_expire(NULL, NOW, NULL, &cursor, &report, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_INVALID, lessor_expire(engine, NOW, NULL, NULL, &report, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_INVALID, lessor_expire(engine, NOW, &options, &cursor, &report, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_INVALID, lessor_expire(engine, NOW, NULL, &cursor, &report, (lessor_mode_t)2, &ticket));
	cursor.last = (uint64_t)UINT32_MAX + 1;
	assert_status(LESSOR_INVALID, lessor_expire(engine, NOW, NULL, &cursor, &report, LESSOR_ASYNC, &ticket));
	cursor = before;
	assert_int_equal(report.looked, 7);
	assert_int_equal(report.removed, 8);
	assert_int_equal(ticket, 9);
	assert_true(is_there(SUBNET));
	assert_status(LESSOR_OK, lessor_expire(engine, NOW, NULL, &cursor, NULL, LESSOR_SYNC, NULL));
	assert_status(LESSOR_END, lessor_expire(engine, NOW, NULL, &cursor, &report, LESSOR_ASYNC, &ticket));
	assert_int_equal(report.looked, 0);
	assert_int_equal(report.removed, 0);
	assert_int_equal(ticket, 9);
}

/* ---- a store ------------------------------------------------------------------------------------------------------------ */

static void
assert_every_third_is_left(void) {
	lessor_engine_stats_t stats;
	assert_status(LESSOR_OK, lessor_engine_stats(engine, &stats));
	assert_int_equal(stats.leases, 1000);
	for (uint32_t i = 0; i < 3000; i++) {
		assert_int_equal(is_there(SUBNET + i), i % 3 == 0);
	}
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
}

static void
what_was_swept_stays_away(void **state) {
	char directory[SCRATCH_PATH_BYTES];
	char image[SCRATCH_FILE_BYTES];
	lessor_cursor_t cursor;
	lessor_expire_options_t options;
	lessor_expire_report_t report;
	lessor_scope_stats_t stats;
	lessor_ticket_t ticket;
	(void)state;
	lessor_expire_options_init(&options);
	options.limit = 10000;
	scratch_make(directory);
	engine = scratch_open_log(directory);
	scratch_scope_add(engine, SUBNET, MASK, true);
	for (uint32_t i = 0; i < 3000; i++) {
		create(SUBNET + i, NOW + (i % 3 == 0 ? SECONDS : 0));
	}
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	assert_status(LESSOR_OK, lessor_expire(engine, NOW, &options, &cursor, &report, LESSOR_SYNC, &ticket));
	assert_int_equal(report.removed, 2000);
	assert_status(LESSOR_OK, lessor_ticket_poll(engine, ticket));
	/* What a power cut would leave at this moment. */
	assert_true(snprintf(image, sizeof(image), "%s-image", directory) < (int)sizeof(image));
	scratch_copy(directory, image);
	lessor_engine_t *running = engine;
	engine = scratch_open_log(image);
	assert_every_third_is_left();
	assert_status(LESSOR_OK, lessor_scope_stats(engine, SUBNET, &stats));
	assert_int_equal(stats.deletes, 2000);
	assert_int_equal(sweep(NOW, NULL).removed, 0);
	assert_int_equal(sweep(NOW + SECONDS, NULL).removed, 1000);
	scratch_close(engine);
	scratch_remove(image);
	/* The same from a snapshot. */
	engine = running;
	assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	scratch_close(engine);
	engine = scratch_open_log(directory);
	assert_every_third_is_left();
	assert_int_equal(sweep(NOW + SECONDS, NULL).removed, 1000);
	scratch_close(engine);
	engine = NULL;
	scratch_remove(directory);
}

#define MANY 120000u /* more ends than the ring has room for */

static void
fill_store(lessor_engine_t *store) {
	engine = store;
	scratch_scope_add(engine, IP(10, 0, 0, 0), IP(255, 0, 0, 0), true);
	for (uint32_t i = 0; i < MANY; i++) {
		create(IP(10, 0, 0, 0) + i, NOW);
	}
	assert_status(LESSOR_OK, lessor_ticket_wait(engine, lessor_last_ticket(engine), -1));
}

static void *
sweep_in_thread(void *argument) {
	uint64_t *removed = argument;
	*removed = sweep(NOW, NULL).removed;
	return NULL;
}

/* The log is full in the middle of a sweep: it waits without a claim, and goes on. */
static void
a_full_log_is_waited_for(void **state) {
	static const struct timespec a_moment = {.tv_nsec = 1000000};
	char directory[SCRATCH_PATH_BYTES];
	pthread_t thread;
	uint64_t removed = 0;
	(void)state;
	lsr_disk_use();
	scratch_make(directory);
	fill_store(scratch_open_log(directory));
	lsr_disk_hold();
	assert_int_equal(pthread_create(&thread, NULL, sweep_in_thread, &removed), 0);
	while (atomic_load(&engine->log.room_waiters) == 0) {
		(void)nanosleep(&a_moment, NULL);
	}
	/* Nobody claims anything now. */
	for (uint32_t i = 0; i < MANY; i++) {
		const uint32_t id =
			lsr_table_peek(&lsr_engine_scope_of(engine, IP(10, 0, 0, 0))->table, IP(10, 0, 0, 0) + i);
		assert_int_equal(lsr_record_word(lsr_pages_record(&engine->pages, id)) & LSR_WORD_CLAIM, 0);
	}
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
	lsr_disk_release();
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(removed, MANY);
	scratch_close(engine);
	engine = NULL;
	scratch_remove(directory);
	lsr_io = &lsr_io_system;
}

/* The disk is full in the middle of a sweep: what is removed is told, then why it does not go on; and it can go on later. */
static void
a_full_disk_is_told(void **state) {
	char directory[SCRATCH_PATH_BYTES];
	lessor_cursor_t cursor;
	lessor_expire_report_t report;
	lessor_engine_stats_t stats;
	lessor_status_t status;
	uint64_t removed = 0;
	(void)state;
	lsr_disk_use();
	scratch_make(directory);
	fill_store(scratch_open_log(directory));
	lsr_disk_fail(LSR_FAULT_ALLOCATE, 0, ENOSPC);
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	while ((status = lessor_expire(engine, NOW, NULL, &cursor, &report, LESSOR_ASYNC, NULL)) == LESSOR_OK) {
		removed += report.removed;
	}
	assert_status(LESSOR_DISK_FULL, status);
	assert_in_range(removed, 1, MANY - 1);
	assert_status(LESSOR_OK, lessor_engine_stats(engine, &stats));
	assert_int_equal(stats.leases, MANY - removed);
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
	lsr_disk_heal();
	while ((status = lessor_expire(engine, NOW, NULL, &cursor, &report, LESSOR_ASYNC, NULL)) != LESSOR_END) {
		removed += status == LESSOR_OK ? report.removed : 0;
	}
	assert_int_equal(removed, MANY);
	scratch_close(engine);
	engine = NULL;
	scratch_remove(directory);
	lsr_io = &lsr_io_system;
}

static void
a_reader_sweeps_nothing(void **state) {
	char directory[SCRATCH_PATH_BYTES];
	lessor_options_t options;
	lessor_cursor_t cursor;
	(void)state;
	scratch_make(directory);
	engine = scratch_open_log(directory);
	scratch_scope_add(engine, SUBNET, MASK, true);
	create(SUBNET, NOW);
	scratch_close(engine);
	scratch_options_log(&options);
	options.read_only = true;
	assert_status(LESSOR_OK, lessor_open(directory, &options, &engine, NULL));
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	assert_status(LESSOR_READ_ONLY, lessor_expire(engine, NOW, NULL, &cursor, NULL, LESSOR_ASYNC, NULL));
	assert_true(is_there(SUBNET));
	scratch_close(engine);
	engine = NULL;
	scratch_remove(directory);
}

/* ---- threads -------------------------------------------------------------------------------------------------------------- */

#define RENEWERS 2u
#define SWEEPERS 2u
#define SHARE    96u /* leases of a renewer; two renewers share pages */

static _Atomic uint64_t time_now;
static _Atomic bool sweepers_stop;
static _Atomic uint64_t swept;

static void *
keep_sweeping(void *argument) {
	uint64_t removed = 0;
	(void)argument;
	while (!atomic_load(&sweepers_stop)) {
		lessor_cursor_t cursor;
		lessor_expire_report_t report;
		lessor_expire_options_t options;
		lessor_expire_options_init(&options);
		options.limit = 40;
		lessor_cursor_init(&cursor, 0, UINT32_MAX);
		const lessor_filetime_t now = atomic_load(&time_now);
		while (lessor_expire(engine, now, &options, &cursor, &report, LESSOR_ASYNC, NULL) == LESSOR_OK) {
			removed += report.removed;
		}
	}
	(void)atomic_fetch_add(&swept, removed);
	return NULL;
}

typedef struct {
	uint32_t number;
	uint64_t created;
	uint64_t lost;
	uint64_t kept;
} lsr_renewer_t;

/*
 * Each lease is this thread's alone but for the sweepers: created to expire a little after the time that was, renewed again and again while time goes on. What was renewed
 * beyond the time that any sweep can have is there; what a renewal did not find is gone, and stays gone until it is created again.
 */
static void *
keep_renewing(void *argument) {
	lsr_renewer_t *renewer = argument;
	lessor_filetime_t expires_at[SHARE] = {0};
	torture_random_t random = torture_random(renewer->number);
	const uint32_t rounds = scratch_is_sanitized() ? 20000 : 400000;
	for (uint32_t round = 0; round < rounds; round++) {
		const uint32_t i = torture_below(&random, SHARE);
		const uint32_t address = SUBNET + i * RENEWERS + renewer->number;
		const lessor_filetime_t until = atomic_load(&time_now) + torture_below(&random, 20);
		uint8_t id[6];
		uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
		lessor_lease_t lease = scratch_lease_numbered(address, address, id);
		lease.expires_at = until;
		if (expires_at[i] == 0) {
			REQUIRE_STATUS(lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL), LESSOR_OK);
			expires_at[i] = until;
			renewer->created++;
			continue;
		}
		const lessor_status_t status = lessor_lease_update(
			engine, &lease, LESSOR_FIELD_EXPIRES | LESSOR_IF_CLIENT, LESSOR_ASYNC, NULL);
		if (status == LESSOR_OK) {
			/* Renewed: it was there, and from now on it goes no sooner than told. */
			const lessor_status_t found = lessor_lease_get(engine, address, &lease, buffer, sizeof(buffer));
			const lessor_filetime_t now = atomic_load(&time_now);
			REQUIRE(found == LESSOR_OK ? lease.expires_at == until : now >= until);
			expires_at[i] = until;
			renewer->kept++;
		} else {
			REQUIRE_STATUS(status, LESSOR_NOT_FOUND);
			REQUIRE(atomic_load(&time_now) >= expires_at[i]);
			REQUIRE_STATUS(lessor_lease_get(engine, address, &lease, buffer, sizeof(buffer)),
				       LESSOR_NOT_FOUND);
			expires_at[i] = 0;
			renewer->lost++;
		}
		if (round % 8 == 0) {
			(void)atomic_fetch_add(&time_now, 1);
		}
	}
	return NULL;
}

static void
renewals_and_sweeps_have_one_winner(void **state) {
	pthread_t renewers[RENEWERS];
	pthread_t sweepers[SWEEPERS];
	static lsr_renewer_t renewer[RENEWERS];
	uint64_t created = 0;
	uint64_t kept = 0;
	(void)state;
	atomic_store(&time_now, NOW);
	atomic_store(&sweepers_stop, false);
	atomic_store(&swept, 0);
	for (uint32_t i = 0; i < SWEEPERS; i++) {
		assert_int_equal(pthread_create(&sweepers[i], NULL, keep_sweeping, NULL), 0);
	}
	for (uint32_t i = 0; i < RENEWERS; i++) {
		renewer[i] = (lsr_renewer_t){.number = i};
		assert_int_equal(pthread_create(&renewers[i], NULL, keep_renewing, &renewer[i]), 0);
	}
	for (uint32_t i = 0; i < RENEWERS; i++) {
		assert_int_equal(pthread_join(renewers[i], NULL), 0);
		created += renewer[i].created;
		kept += renewer[i].kept;
	}
	atomic_store(&sweepers_stop, true);
	for (uint32_t i = 0; i < SWEEPERS; i++) {
		assert_int_equal(pthread_join(sweepers[i], NULL), 0);
	}
	assert_true(kept > 0);
	assert_true(atomic_load(&swept) > 0);
	assert_status(LESSOR_OK, lessor_check(engine, NULL)); /* no page forgot the earliest */
	lessor_scope_stats_t stats;
	assert_status(LESSOR_OK, lessor_scope_stats(engine, SUBNET, &stats));
	assert_int_equal(stats.creates, created);
	assert_int_equal(stats.deletes, atomic_load(&swept)); /* each one removed once */
	assert_int_equal(stats.leases, created - atomic_load(&swept));
	assert_int_equal(sweep(UINT64_MAX, NULL).removed, stats.leases);
}

#define DUEL_LEASES 4u

/* Leases that are due whenever a sweep looks, and not any more when it has looked. */
static void *
renew_at_the_last_moment(void *argument) {
	const uint32_t first = SUBNET + *(const uint32_t *)argument;
	const uint32_t rounds = scratch_is_sanitized() ? 20000 : 400000;
	for (uint32_t round = 0; round < rounds; round++) {
		const uint32_t address = first + round % DUEL_LEASES;
		uint8_t id[6];
		uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
		lessor_lease_t lease = scratch_lease_numbered(address, address, id);
		lease.expires_at = NOW;
		const lessor_status_t created = lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL);
		REQUIRE(created == LESSOR_OK || created == LESSOR_ADDRESS_TAKEN);
		lessor_status_t status = renew(address, NOW + 1);
		REQUIRE(status == LESSOR_OK || status == LESSOR_NOT_FOUND);
		REQUIRE_STATUS(lessor_lease_get(engine, address, &lease, buffer, sizeof(buffer)), status);
		if (status == LESSOR_OK) {
			REQUIRE_STATUS(renew(address, NOW), LESSOR_OK);
		}
	}
	return NULL;
}

static void
a_renewal_that_succeeded_stands(void **state) {
	static const uint32_t first[RENEWERS] = {0, DUEL_LEASES};
	pthread_t renewers[RENEWERS];
	pthread_t sweepers[SWEEPERS];
	(void)state;
	atomic_store(&time_now, NOW);
	atomic_store(&sweepers_stop, false);
	atomic_store(&swept, 0);
	for (uint32_t i = 0; i < SWEEPERS; i++) {
		assert_int_equal(pthread_create(&sweepers[i], NULL, keep_sweeping, NULL), 0);
	}
	for (uint32_t i = 0; i < RENEWERS; i++) {
		union {
			const uint32_t *in;
			void *out;
		} argument = {.in = &first[i]};
		assert_int_equal(pthread_create(&renewers[i], NULL, renew_at_the_last_moment, argument.out), 0);
	}
	for (uint32_t i = 0; i < RENEWERS; i++) {
		assert_int_equal(pthread_join(renewers[i], NULL), 0);
	}
	atomic_store(&sweepers_stop, true);
	for (uint32_t i = 0; i < SWEEPERS; i++) {
		assert_int_equal(pthread_join(sweepers[i], NULL), 0);
	}
	assert_true(atomic_load(&swept) > 0);
}

int
main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_engine, close_engine)
	const struct CMUnitTest tests[] = {
		TEST(every_row_at_its_boundary),
		TEST(without_options_the_defaults_hold),
		TEST(slices_add_up),
		TEST(only_what_the_cursor_covers),
		TEST(scope_after_scope),
		TEST(what_is_not_due_is_not_looked_at),
		TEST(an_earlier_expiry_is_noticed),
		TEST(a_later_expiry_is_noticed),
		TEST(a_wrong_earliest_is_a_contradiction),
		TEST(figures_stay_exact),
		TEST(addresses_and_clients_come_back),
		TEST(outputs_stay_as_they_are),
		cmocka_unit_test(what_was_swept_stays_away),
		cmocka_unit_test(a_full_log_is_waited_for),
		cmocka_unit_test(a_full_disk_is_told),
		cmocka_unit_test(a_reader_sweeps_nothing),
		TEST(renewals_and_sweeps_have_one_winner),
		TEST(a_renewal_that_succeeded_stands),
	};
	(void)torture_seed();
	return cmocka_run_group_tests_name("expire", tests, NULL, NULL);
}
