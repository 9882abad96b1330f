/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random damage of a large store: 100,000 leases, some in the snapshot, some in the log behind it. Bits that change, sectors that are zero or nonsense, files that end too early. Either an open says
 * which file is damaged, or it shows exactly what was; verify finds the same; salvage brings out no lease that never was. (store_test.c does it to each byte of small stores.)
 *
 * Environment: LESSOR_TEST_SEED; LESSOR_TEST_DAMAGES (how many).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"

#define SUBNET  IP(10, 8, 0, 0)
#define MASK    0xFFFE0000u
#define LEASES  100000u
#define SHOWN   60000u /* of these, in the snapshot */
#define CHANGED 5000u  /* renamed behind it: the first ones; and so many behind them deleted */
#define SECTOR  512u
#define BLOCK   4096u /* what is wrong with a file is found by the block */
/* Of a snapshot, with its header. */
#define SCOPE_CHUNK_BYTES ((1u << 20) + 4096u)

/* Tickets. */
typedef struct {
	lessor_ticket_t made;
	lessor_ticket_t renamed; /* 0: never; deleted likewise */
	lessor_ticket_t deleted;
} fate_t;

static char original[SCRATCH_PATH_BYTES];
static char damaged[SCRATCH_PATH_BYTES];
static fate_t fates[LEASES];
static lessor_ticket_t floor_; /* all but the last flush */
static lessor_ticket_t last;

static lessor_lease_t
lease_of(uint32_t number, uint8_t id[6]) {
	lessor_lease_t lease = scratch_lease_numbered(SUBNET + 1 + number, number, id);
	lease.name = "first";
	return lease;
}

static void
make_leases(lessor_engine_t *engine, uint32_t from, uint32_t to) {
	for (uint32_t i = from; i < to; i++) {
		uint8_t id[6];
		const lessor_lease_t lease = lease_of(i, id);
		assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, &fates[i].made));
	}
}

static void
change_leases(lessor_engine_t *engine) {
	for (uint32_t i = 0; i < CHANGED; i++) {
		uint8_t id[6];
		lessor_lease_t lease = lease_of(i, id);
		lease.name = "then";
		assert_status(LESSOR_OK,
			      lessor_lease_update(engine, &lease, LESSOR_FIELD_NAME, LESSOR_ASYNC, &fates[i].renamed));
		fate_t *gone = &fates[CHANGED + i];
		assert_status(LESSOR_OK, lessor_lease_delete(engine, lease.address + CHANGED, NULL, 0, LESSOR_ASYNC,
							     &gone->deleted));
	}
}

static void
make_store(void) {
	scratch_make(original);
	lessor_engine_t *engine = scratch_open_log(original);
	scratch_scope_add(engine, SUBNET, MASK, true);
	make_leases(engine, 0, SHOWN);
	assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	change_leases(engine);
	make_leases(engine, SHOWN, LEASES - 1);
	floor_ = lessor_last_ticket(engine);
	assert_status(LESSOR_OK, lessor_ticket_wait(engine, floor_, -1));
	make_leases(engine, LEASES - 1, LEASES);
	last = lessor_last_ticket(engine);
	scratch_close(engine);
}

/* ---- what is there ---------------------------------------------------------------------------------------------------- */

static lessor_status_t
open_store(const char *path, lessor_engine_t **engine, lessor_report_t *report) {
	lessor_options_t options;
	scratch_options_log(&options);
	options.read_only = true;
	return lessor_open(path, &options, engine, report);
}

/* It has one of its names, and its own client. */
static void
assert_true_lease(const fate_t *fate, uint32_t number, const lessor_lease_t *found) {
	uint8_t id[6];
	const lessor_lease_t wanted = lease_of(number, id);
	assert_int_equal(found->client_id_bytes, wanted.client_id_bytes);
	assert_memory_equal(found->client_id, id, sizeof(id));
	assert_string_equal(found->name, found->ticket == fate->made ? "first" : "then");
	assert_true(found->ticket == fate->made || (fate->renamed != 0 && found->ticket == fate->renamed));
}

/* How many leases are there. end != 0: exactly those of this position. */
static unsigned
look_at_all(lessor_engine_t *engine, lessor_ticket_t end) {
	static char buffer[LESSOR_LEASE_BUFFER_BYTES];
	unsigned count = 0;
	for (uint32_t i = 0; i < LEASES; i++) {
		const fate_t *fate = &fates[i];
		lessor_lease_t found;
		const bool there =
			lessor_lease_get(engine, SUBNET + 1 + i, &found, buffer, sizeof(buffer)) == LESSOR_OK;
		if (there) {
			assert_true_lease(fate, i, &found);
			count++;
		}
		if (end != 0) {
			assert_true(there == (fate->made <= end && (fate->deleted == 0 || fate->deleted > end)));
			assert_true(!there || fate->renamed == 0 || fate->renamed > end ||
				    found.ticket == fate->renamed);
		}
	}
	return count;
}

/* ---- damaging ---------------------------------------------------------------------------------------------------------- */

typedef enum { FLIP, ZERO, NONSENSE, CUT, KINDS } kind_t;

typedef struct {
	kind_t kind;
	char name[256];
	uint64_t offset;
} harm_t;

static void
choose(scratch_random_t *random, harm_t *harm) {
	char path[SCRATCH_FILE_BYTES];
	scratch_files_t files;
	size_t bytes = 0;
	scratch_files_list(damaged, &files);
	while (bytes == 0) {
		const char *name = files.names[scratch_below(random, (uint32_t)files.count)];
		/* The large ones mostly. */
		if (strncmp(name, "lessor", 6) != 0 || scratch_percent(random, 20)) {
			(void)snprintf(harm->name, sizeof(harm->name), "%s", name);
			scratch_join(path, damaged, name);
			free(scratch_read(path, &bytes));
		}
	}
	scratch_files_free(&files);
	harm->kind = (kind_t)scratch_below(random, KINDS);
	harm->offset = scratch_below(random, (uint32_t)bytes);
	harm->offset = harm->kind == FLIP || harm->kind == CUT ? harm->offset : harm->offset / SECTOR * SECTOR;
}

static void
do_harm(scratch_random_t *random, const harm_t *harm) {
	char path[SCRATCH_FILE_BYTES];
	uint8_t sector[SECTOR] = {0};
	scratch_join(path, damaged, harm->name);
	const int file = open(path, O_RDWR | O_CLOEXEC);
	assert_true(file >= 0);
	if (harm->kind == CUT) {
		assert_int_equal(0, ftruncate(file, (off_t)harm->offset));
	} else if (harm->kind == FLIP) {
		assert_int_equal(1, pread(file, sector, 1, (off_t)harm->offset));
		sector[0] ^= (uint8_t)(1u << scratch_below(random, 8));
		assert_int_equal(1, pwrite(file, sector, 1, (off_t)harm->offset));
	} else {
		for (size_t i = 0; i < SECTOR && harm->kind == NONSENSE; i++) {
			sector[i] = (uint8_t)scratch_next(random);
		}
		assert_int_equal(SECTOR, pwrite(file, sector, SECTOR, (off_t)harm->offset));
	}
	assert_int_equal(0, close(file));
}

static unsigned damages_found;
static bool names_it;

static void
note(void *context, const lessor_finding_t *finding) {
	const harm_t *harm = context;
	if (getenv("LESSOR_TEST_VERBOSE") != NULL && finding->kind == LESSOR_FINDING_DAMAGE) {
		print_message("  %s %" PRIu64 ": %s\n", finding->file, finding->offset, finding->what);
	}
	damages_found += finding->kind == LESSOR_FINDING_DAMAGE;
	names_it = names_it || (strcmp(finding->file, harm->name) == 0 && finding->offset < harm->offset + BLOCK);
}

/* No more is lost than one frame or chunk; and not the chunk that the scope is in, without which no lease is whole. */
static bool
is_small(const harm_t *harm) {
	return harm->kind != CUT && (strncmp(harm->name, "snapshot", 8) != 0 || harm->offset > SCOPE_CHUNK_BYTES);
}

/* True: refused. */
static bool
judge(const harm_t *harm) {
	char to[SCRATCH_FILE_BYTES];
	lessor_engine_t *engine = NULL;
	lessor_report_t report;
	const lessor_status_t status = open_store(damaged, &engine, &report);
	if (status == LESSOR_OK) {
		const lessor_ticket_t end = lessor_last_ticket(engine);
		assert_true(end == last || (end >= floor_ && strncmp(harm->name, "log-", 4) == 0));
		assert_true(look_at_all(engine, end) >= LEASES - CHANGED - 1);
		scratch_close(engine);
		return false;
	}
	assert_true(status == LESSOR_DAMAGED || (status == LESSOR_UNSUPPORTED && harm->offset < 64));
	assert_non_null(strstr(report.sentence, harm->name));
	damages_found = 0;
	names_it = false;
	assert_status(status, lessor_verify_all(damaged, &report, note, (void *)(uintptr_t)harm));
	if (status == LESSOR_DAMAGED && !names_it) {
		print_error("kind %d, %s %" PRIu64 ": %s\n", (int)harm->kind, harm->name, harm->offset,
			    report.sentence);
	}
	assert_true(status != LESSOR_DAMAGED || (damages_found > 0 && names_it));
	(void)snprintf(to, sizeof(to), "%s-out", damaged);
	for (int mode = LESSOR_SALVAGE_EXACT; mode <= LESSOR_SALVAGE_NEWEST && status == LESSOR_DAMAGED; mode++) {
		assert_status(LESSOR_DAMAGED, lessor_salvage(damaged, to, (lessor_salvage_mode_t)mode, &report, note,
							     (void *)(uintptr_t)harm));
		assert_status(LESSOR_OK, open_store(to, &engine, &report));
		assert_status(LESSOR_OK, lessor_check(engine, NULL));
		const unsigned count = look_at_all(engine, 0);
		assert_true(mode == LESSOR_SALVAGE_EXACT || !is_small(harm) || count > LEASES / 2);
		scratch_close(engine);
		scratch_remove(to);
	}
	return true;
}

static void
a_large_store_is_damaged(void **state) {
	const unsigned long count = scratch_number("LESSOR_TEST_DAMAGES", scratch_is_sanitized() ? 4 : 12);
	const uint64_t seed = scratch_seed();
	unsigned long refused = 0;
	(void)state;
	print_message("LESSOR_TEST_SEED=%" PRIu64 "\n", seed);
	make_store();
	scratch_make(damaged);
	for (unsigned long i = 0; i < count; i++) {
		scratch_random_t random = {.state = seed + i};
		harm_t harm;
		scratch_copy(original, damaged);
		choose(&random, &harm);
		do_harm(&random, &harm);
		if (getenv("LESSOR_TEST_VERBOSE") != NULL) {
			print_message("%lu: kind %d, %s %" PRIu64 "\n", i, (int)harm.kind, harm.name, harm.offset);
		}
		refused += judge(&harm);
	}
	print_message("%lu damages of %u leases: %lu refused, %lu harmless\n", count, LEASES, refused, count - refused);
	scratch_remove(damaged);
	scratch_remove(original);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_large_store_is_damaged),
	};
	return cmocka_run_group_tests_name("damage", tests, NULL, NULL);
}
