/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of memory and disk: what is refused at them, what goes on, and that they are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lessor/lessor.h>

#include "engine_p.h"
#include "torture.h"

#define MIB    (UINT64_C(1) << 20)
#define SUBNET UINT32_C(0x0A000000)

static lessor_status_t
create(lessor_engine_t *engine, uint32_t address, lessor_mode_t mode) {
	lessor_lease_t lease;
	lessor_lease_init(&lease);
	lease.address = address;
	lease.client_id = (const uint8_t *)&address;
	lease.client_id_bytes = sizeof(address);
	return lessor_lease_create(engine, &lease, mode, NULL);
}

/* ---- memory ------------------------------------------------------------------------------------------------------------- */

static lessor_engine_t *
open_memory(uint64_t limit_bytes, lessor_status_t wanted) {
	lessor_engine_t *engine = NULL;
	lessor_options_t options;
	lessor_options_init(&options);
	options.log = false;
	options.max_leases = UINT64_C(1) << 22;
	options.memory_limit_bytes = limit_bytes;
	REQUIRE_STATUS(lessor_open(NULL, &options, &engine, NULL), wanted);
	return engine;
}

/* As many leases as there is room for. The first refusal is of a create that changed nothing. */
static uint32_t
fill(lessor_engine_t *engine) {
	for (uint32_t i = 1; i < 1u << 20; i++) {
		const lessor_status_t status = create(engine, SUBNET + i, LESSOR_ASYNC);
		if (status != LESSOR_OK) {
			REQUIRE_STATUS(status, LESSOR_NO_MEMORY);
			return i - 1;
		}
	}
	return UINT32_MAX;
}

static void
a_memory_limit_is_kept(void **state) {
	uint32_t before = 0;
	(void)state;
	(void)open_memory(MIB, LESSOR_NO_MEMORY);
	for (uint64_t limit = 12 * MIB; limit <= 24 * MIB; limit += 12 * MIB) {
		lessor_engine_t *engine = open_memory(limit, LESSOR_OK);
		lessor_lease_t lease;
		lessor_scope_stats_t stats;
		torture_create_scope(engine, SUBNET, 0xFFF00000u, true);
		const uint32_t filled = fill(engine);
		REQUIRE(filled > before && filled != UINT32_MAX);
		before = filled;
		REQUIRE(atomic_load(&engine->memory.used_bytes) <= limit);
		REQUIRE(engine->pages.records.committed_bytes + engine->pages.infos.committed_bytes +
				engine->pages.homes.committed_bytes + engine->clients.homes.committed_bytes +
				engine->clients.overflows.committed_bytes ==
			atomic_load(&engine->memory.used_bytes));
		REQUIRE_STATUS(lessor_lease_get(engine, SUBNET + filled + 1, &lease, NULL, 0), LESSOR_NOT_FOUND);
		REQUIRE_STATUS(lessor_scope_stats(engine, SUBNET, &stats), LESSOR_OK);
		REQUIRE(stats.leases == filled);
		/* What gives room, and what finds some, goes on. */
		REQUIRE_STATUS(lessor_lease_delete(engine, SUBNET + filled, NULL, 0, LESSOR_ASYNC, NULL), LESSOR_OK);
		REQUIRE_STATUS(create(engine, SUBNET + filled, LESSOR_ASYNC), LESSOR_OK);
		torture_require_sound(engine);
		REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	}
}

/* A caller that was compiled before there were limits has none. */
static void
an_older_caller_has_no_limits(void **state) {
	lessor_engine_t *engine = NULL;
	lessor_options_t options;
	(void)state;
	lessor_options_init(&options);
	options.log = false;
	options.max_leases = 1u << 16;
	options.memory_limit_bytes = 1;
	options.disk_limit_bytes = 1;
	REQUIRE_STATUS(lessor_open(NULL, &options, &engine, NULL), LESSOR_INVALID);
	options.size_bytes = offsetof(lessor_options_t, memory_limit_bytes);
	REQUIRE_STATUS(lessor_open(NULL, &options, &engine, NULL), LESSOR_OK);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
}

/* ---- disk --------------------------------------------------------------------------------------------------------------- */

static lessor_engine_t *
open_disk(const char *directory, uint64_t memory_limit_bytes, uint64_t snapshot_after_bytes, lessor_status_t wanted) {
	lessor_engine_t *engine = NULL;
	lessor_options_t options;
	lessor_options_init(&options);
	options.max_leases = UINT64_C(1) << 20;
	options.ring_size_bytes = MIB;
	options.segment_size_bytes = 4 * MIB;
	options.snapshot_after_bytes = snapshot_after_bytes;
	options.memory_limit_bytes = memory_limit_bytes;
	options.disk_limit_bytes = 8 * MIB;
	REQUIRE_STATUS(lessor_open(directory, &options, &engine, NULL), wanted);
	return engine;
}

static uint64_t
bytes_in(const char *directory) {
	uint64_t sum = 0;
	DIR *stream = opendir(directory);
	REQUIRE(stream != NULL);
	for (const struct dirent *entry; (entry = readdir(stream)) != NULL;) {
		struct stat status;
		if (fstatat(dirfd(stream), entry->d_name, &status, 0) == 0 && S_ISREG(status.st_mode)) {
			sum += (uint64_t)status.st_size;
		}
	}
	(void)closedir(stream);
	return sum;
}

/* The identity and the note of the newest segment, which are not counted. */
#define SMALL_FILES_BYTES (UINT64_C(3) * 4096)

/* Change one lease until the disk is full. */
static uint64_t
wear(lessor_engine_t *engine, const char *directory) {
	lessor_lease_t lease;
	lessor_lease_init(&lease);
	lease.address = SUBNET + 1;
	for (uint64_t i = 0; i < 1000000; i++) {
		lease.expires_at = 1000 + i;
		const lessor_status_t status =
			lessor_lease_update(engine, &lease, LESSOR_FIELD_EXPIRES, LESSOR_ASYNC, NULL);
		if (status != LESSOR_OK) {
			REQUIRE_STATUS(status, LESSOR_DISK_FULL);
			return i;
		}
		if (i % 4096 == 0) {
			REQUIRE(bytes_in(directory) <= 8 * MIB + SMALL_FILES_BYTES);
		}
	}
	return UINT64_MAX;
}

/* What was written off is gone a little later, and the next segment is prepared. */
static void
create_when_there_is_room(lessor_engine_t *engine) {
	lessor_status_t status;
	while ((status = create(engine, SUBNET + 2, LESSOR_SYNC)) != LESSOR_OK) {
		REQUIRE_STATUS(status, LESSOR_DISK_FULL);
		(void)usleep(10000);
	}
}

static void
a_disk_limit_is_kept(void **state) {
	char directory[256];
	char buffer[256];
	lessor_lease_t lease;
	(void)state;
	torture_make_directory(directory);
	lessor_engine_t *engine = open_disk(directory, 0, UINT64_MAX, LESSOR_OK);
	torture_create_scope(engine, SUBNET, 0xFFFF0000u, true);
	REQUIRE_STATUS(create(engine, SUBNET + 1, LESSOR_SYNC), LESSOR_OK);
	const uint64_t worn = wear(engine, directory);
	REQUIRE(worn > 10000 && worn != UINT64_MAX);
	REQUIRE(bytes_in(directory) <= 8 * MIB + SMALL_FILES_BYTES);
	REQUIRE_STATUS(lessor_lease_get(engine, SUBNET + 1, &lease, buffer, sizeof(buffer)), LESSOR_OK);
	REQUIRE(lease.expires_at == 1000 + worn - 1);
	REQUIRE_STATUS(lessor_ticket_wait(engine, lease.ticket, -1), LESSOR_OK);
	REQUIRE_STATUS(lessor_snapshot(engine, NULL), LESSOR_OK);
	create_when_there_is_room(engine);
	torture_dump_t before = torture_dump(engine);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	engine = open_disk(directory, 0, UINT64_MAX, LESSOR_OK);
	torture_dump_t after = torture_dump(engine);
	torture_require_equal(&before, &after);
	torture_dump_free(&before);
	torture_dump_free(&after);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	(void)open_disk(directory, 4 * MIB, UINT64_MAX, LESSOR_NO_MEMORY);
	torture_remove_directory(directory);
}

/* Nobody has to take the snapshot. */
static void
a_disk_limit_makes_room_by_itself(void **state) {
	char directory[256];
	(void)state;
	torture_make_directory(directory);
	lessor_engine_t *engine = open_disk(directory, 0, 1024 * MIB, LESSOR_OK);
	torture_create_scope(engine, SUBNET, 0xFFFF0000u, true);
	REQUIRE_STATUS(create(engine, SUBNET + 1, LESSOR_SYNC), LESSOR_OK);
	REQUIRE(wear(engine, directory) != UINT64_MAX);
	create_when_there_is_room(engine);
	REQUIRE(bytes_in(directory) <= 8 * MIB + SMALL_FILES_BYTES);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	torture_remove_directory(directory);
}

/* Log that is kept for readers only never refuses a change, neither in a running engine nor at an opening. */
static void
a_disk_limit_goes_before_retention(void **state) {
	char directory[256];
	lessor_options_t options;
	lessor_engine_t *engine = NULL;
	(void)state;
	torture_make_directory(directory);
	lessor_options_init(&options);
	options.max_leases = UINT64_C(1) << 20;
	options.ring_size_bytes = MIB;
	options.segment_size_bytes = MIB;
	options.snapshot_after_bytes = UINT64_MAX;
	options.retain_log_bytes = UINT64_C(1) << 40;
	options.retain_log_s = UINT32_MAX;
	options.disk_limit_bytes = 8 * MIB;
	REQUIRE_STATUS(lessor_open(directory, &options, &engine, NULL), LESSOR_OK);
	torture_create_scope(engine, SUBNET, 0xFFFF0000u, true);
	REQUIRE_STATUS(create(engine, SUBNET + 1, LESSOR_SYNC), LESSOR_OK);
	for (unsigned round = 0; round < 3; round++) {
		REQUIRE(wear(engine, directory) > 1000);
		REQUIRE_STATUS(lessor_snapshot(engine, NULL), LESSOR_OK);
		REQUIRE(bytes_in(directory) > 4 * MIB); /* and what has room is retained */
		REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
		REQUIRE_STATUS(lessor_open(directory, &options, &engine, NULL), LESSOR_OK);
	}
	REQUIRE(bytes_in(directory) <= 8 * MIB + SMALL_FILES_BYTES);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	torture_remove_directory(directory);
}

/* A store that was left at its limit opens again, shows what it held, and has room after a snapshot. */
static void
a_store_at_its_limit_opens(void **state) {
	char directory[256];
	(void)state;
	torture_make_directory(directory);
	lessor_engine_t *engine = open_disk(directory, 0, UINT64_MAX, LESSOR_OK);
	torture_create_scope(engine, SUBNET, 0xFFFF0000u, true);
	REQUIRE_STATUS(create(engine, SUBNET + 1, LESSOR_SYNC), LESSOR_OK);
	REQUIRE(wear(engine, directory) != UINT64_MAX);
	for (unsigned round = 0; round < 3; round++) {
		torture_dump_t before = torture_dump(engine);
		REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
		engine = open_disk(directory, 0, UINT64_MAX, LESSOR_OK);
		torture_dump_t after = torture_dump(engine);
		torture_require_equal(&before, &after);
		torture_dump_free(&before);
		torture_dump_free(&after);
	}
	REQUIRE(bytes_in(directory) <= 9 * MIB + SMALL_FILES_BYTES);
	REQUIRE_STATUS(lessor_snapshot(engine, NULL), LESSOR_OK);
	for (unsigned i = 0; create(engine, SUBNET + 2, LESSOR_SYNC) != LESSOR_OK; i++) {
		REQUIRE(i < 1000);
		(void)usleep(10000);
	}
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	torture_remove_directory(directory);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_memory_limit_is_kept),
		cmocka_unit_test(an_older_caller_has_no_limits),
		cmocka_unit_test(a_disk_limit_is_kept),
		cmocka_unit_test(a_disk_limit_makes_room_by_itself),
		cmocka_unit_test(a_disk_limit_goes_before_retention),
		cmocka_unit_test(a_store_at_its_limit_opens),
	};
	return cmocka_run_group_tests_name("limit", tests, NULL, NULL);
}
