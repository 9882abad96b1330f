/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disks that are full, and disks that fail.
 *
 * The first part fills a small file system of its own, mounted for this process alone; where that is not permitted its tests are
 * skipped. The second makes writes of a running engine fail by a file size limit. The third puts faults behind the engine's table of
 * file operations, at each operation in turn.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include <lessor/lessor.h>

#include "base/io.h"
#include "log/format.h"
#include "torture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIB          (UINT64_C(1) << 20)
#define SUBNET       UINT32_C(0x0A100000)
#define MASK         UINT32_C(0xFFF00000)
#define NEXT_SUBNET  UINT32_C(0x0A200000)

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SCALE(full, reduced) (reduced)
#else
#define SCALE(full, reduced) (full)
#endif

static lessor_status_t
try_open(const char *directory, lessor_engine_t **engine, lessor_report_t *report) {
	lessor_options_t options;
	lessor_options_init(&options);
	options.max_leases = 1u << 20;
	options.ring_size_bytes = MIB;
	options.segment_size_bytes = 2 * MIB;
	options.snapshot_after_bytes = UINT64_MAX;
	return lessor_open(directory, &options, engine, report);
}

static lessor_engine_t *
open_in(const char *directory) {
	lessor_engine_t *engine = NULL;
	lessor_report_t report;
	const lessor_status_t status = try_open(directory, &engine, &report);
	if (status != LESSOR_OK) {
		(void)fprintf(stderr, "lessor_open: %s: %s\n", lessor_status_name(status), report.sentence);
	}
	REQUIRE_STATUS(status, LESSOR_OK);
	return engine;
}

static lessor_status_t
create(lessor_engine_t *engine, uint32_t i, lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_lease_t lease;
	torture_texts_t texts;
	torture_lease(SUBNET + 1 + i, torture_number(i, i, i), &lease, &texts);
	return lessor_lease_create(engine, &lease, mode, ticket);
}

/* Lease i is there as a whole, or there is no trace of it. */
static bool
is_there(lessor_engine_t *engine, uint32_t i) {
	uint64_t number;
	uint32_t address;
	lessor_ticket_t ticket;
	const bool there = torture_get(engine, SUBNET + 1 + i, &number, &ticket) == LESSOR_OK;
	REQUIRE(!there || number == torture_number(i, i, i));
	REQUIRE((torture_get_client(engine, SUBNET, i, &address, &number, &ticket) == LESSOR_OK) == there);
	REQUIRE(!there || address == SUBNET + 1 + i);
	return there;
}

/* ---- a small disk ---------------------------------------------------------------------------------------------------- */

static bool may_mount;

static void
map_users(void) {
	char text[64];
	int file = open("/proc/self/setgroups", O_WRONLY | O_CLOEXEC);
	if (file >= 0) {
		REQUIRE(write(file, "deny", 4) == 4);
		(void)close(file);
	}
	file = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
	const int size = snprintf(text, sizeof(text), "0 %u 1", (unsigned)getuid());
	if (file >= 0) {
		(void)!write(file, text, (size_t)size);
		(void)close(file);
	}
}

/* A mount namespace of our own, as root or as root of a user namespace. Before any thread begins. */
static void
prepare_to_mount(void) {
	may_mount = unshare(CLONE_NEWNS) == 0;
	if (!may_mount && unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) {
		map_users();
		may_mount = true;
	}
	may_mount = may_mount && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static void
mount_disk(char path[256], uint64_t size_bytes) {
	char options[48];
	torture_make_directory(path);
	(void)snprintf(options, sizeof(options), "size=%llu,mode=0700", (unsigned long long)size_bytes);
	if (!may_mount || mount("lessor-test", path, "tmpfs", 0, options) != 0) {
		may_mount = false;
		(void)rmdir(path);
		print_message("no small file system can be mounted here: not tested\n");
		skip();
	}
}

static void
unmount_disk(const char *path) {
	REQUIRE(umount2(path, MNT_DETACH) == 0);
	REQUIRE(rmdir(path) == 0);
}

static uint64_t
free_bytes(const char *path) {
	struct statvfs figures;
	REQUIRE(statvfs(path, &figures) == 0);
	return (uint64_t)figures.f_bavail * figures.f_bsize;
}

/* Take room away with a file, leaving 'left_bytes' or a little less; give it back with remove_filler(). */
static void
fill_disk(const char *path, uint64_t left_bytes) {
	char name[300];
	(void)snprintf(name, sizeof(name), "%s/filler", path);
	const int file = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	REQUIRE(file >= 0);
	const uint64_t room = free_bytes(path);
	struct stat present;
	REQUIRE(fstat(file, &present) == 0);
	if (room > left_bytes) {
		REQUIRE(posix_fallocate(file, present.st_size, (off_t)(room - left_bytes)) == 0);
	}
	(void)close(file);
}

static void
remove_filler(const char *path) {
	char name[300];
	(void)snprintf(name, sizeof(name), "%s/filler", path);
	REQUIRE(unlink(name) == 0);
}

static unsigned
files_named(const char *path, const char *part) {
	unsigned count = 0;
	const struct dirent *entry;
	DIR *stream = opendir(path);
	REQUIRE(stream != NULL);
	while ((entry = readdir(stream)) != NULL) {
		count += strstr(entry->d_name, part) != NULL;
	}
	(void)closedir(stream);
	return count;
}

static uint32_t
create_until_refused(lessor_engine_t *engine, uint32_t next, lessor_mode_t mode) {
	lessor_status_t status;
	while ((status = create(engine, next, mode, NULL)) == LESSOR_OK) {
		next++;
	}
	REQUIRE_STATUS(status, LESSOR_DISK_FULL);
	REQUIRE(!is_there(engine, next));
	return next;
}

/* Create from lease *next on until the disk refuses even when all is written; *next becomes the refused one. */
static void
create_until_full(lessor_engine_t *engine, uint32_t *next, lessor_mode_t mode) {
	uint32_t before;
	do {
		before = *next;
		*next = create_until_refused(engine, before, mode);
		REQUIRE_STATUS(lessor_ticket_wait(engine, lessor_last_ticket(engine), -1), LESSOR_OK);
	} while (*next > before);
}

/* Room was made: the engine finds out by itself, though it may not ask the disk at each call. */
static void
create_when_there_is_room(lessor_engine_t *engine, uint32_t i) {
	lessor_status_t status = LESSOR_DISK_FULL;
	for (unsigned tries = 0; tries < 1000 && status == LESSOR_DISK_FULL; tries++) {
		status = create(engine, i, LESSOR_SYNC, NULL);
		(void)usleep(status == LESSOR_DISK_FULL ? 20000 : 0);
	}
	REQUIRE_STATUS(status, LESSOR_OK);
}

static void
require_first(lessor_engine_t *engine, uint32_t count) {
	for (uint32_t i = 0; i < count; i++) {
		REQUIRE(is_there(engine, i));
	}
}

/* Every kind of change is refused in the same way and leaves no trace. */
static void
require_all_refused(lessor_engine_t *engine, uint32_t next) {
	static char comment[3073];
	lessor_lease_t leases[8];
	torture_texts_t texts[8];
	lessor_status_t statuses[8];
	lessor_lease_t lease;
	torture_texts_t text;
	memset(comment, 'c', 3072);
	for (uint32_t i = 0; i < 8; i++) {
		torture_lease(SUBNET + 1 + next + i, torture_number(next + i, next + i, next + i), &leases[i],
			      &texts[i]);
		leases[i].comment = comment; /* too long to fit into what small changes might still find */
	}
	REQUIRE_STATUS(lessor_lease_create_batch(engine, leases, 8, statuses, LESSOR_ASYNC, NULL), LESSOR_OK);
	for (uint32_t i = 0; i < 8; i++) {
		REQUIRE_STATUS(statuses[i], LESSOR_DISK_FULL);
		REQUIRE(!is_there(engine, next + i));
	}
	torture_lease(SUBNET + 1, torture_number(0, 0, 0), &lease, &text);
	lease.comment = comment;
	REQUIRE_STATUS(lessor_lease_update(engine, &lease, LESSOR_FIELD_COMMENT, LESSOR_ASYNC, NULL), LESSOR_DISK_FULL);
	REQUIRE(is_there(engine, 0)); /* as it was */
	const lessor_scope_t scope = {.subnet = SUBNET, .mask = MASK, .name = comment, .comment = comment};
	REQUIRE_STATUS(lessor_scope_update(engine, &scope, LESSOR_SCOPE_FIELD_NAME, LESSOR_ASYNC, NULL),
		       LESSOR_DISK_FULL);
	lessor_scope_t other = scope;
	other.subnet = NEXT_SUBNET;
	REQUIRE_STATUS(lessor_scope_create(engine, &other, LESSOR_ASYNC, NULL), LESSOR_DISK_FULL);
	REQUIRE_STATUS(lessor_scope_get(engine, other.subnet, &other, NULL, 0), LESSOR_NOT_FOUND);
}

static void
full_disk_refuses_and_forgives(void **state) {
	char path[256];
	(void)state;
	mount_disk(path, SCALE(12, 6) * MIB);
	lessor_engine_t *engine = open_in(path);
	uint32_t next = 0;
	torture_create_scope(engine, SUBNET, MASK, true);
	create_until_full(engine, &next, LESSOR_ASYNC);
	REQUIRE(next > 5000);
	require_all_refused(engine, next);
	/* What was taken can be read. */
	require_first(engine, next);
	torture_require_sound(engine);
	/* Deletes are small; they find room, or are refused without effect. */
	uint32_t deleted = 0;
	lessor_status_t status = LESSOR_OK;
	while (deleted < 2000 &&
	       (status = lessor_lease_delete(engine, SUBNET + 1 + deleted, NULL, 0, LESSOR_ASYNC, NULL)) == LESSOR_OK) {
		deleted++;
	}
	REQUIRE(status == LESSOR_OK || status == LESSOR_DISK_FULL);
	for (uint32_t i = 0; i < next; i++) {
		REQUIRE(is_there(engine, i) == (i >= deleted));
	}
	torture_require_sound(engine);
	torture_dump_t before = torture_dump(engine);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	REQUIRE(mount("none", path, NULL, MS_REMOUNT, "size=16m") == 0);
	engine = open_in(path);
	torture_dump_t after = torture_dump(engine);
	torture_require_equal(&before, &after);
	torture_dump_free(&before);
	torture_dump_free(&after);
	torture_require_sound(engine);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	unmount_disk(path);
}

/* Flushes of single small changes waste most of a block each: they must not take what was promised to others. */
static void
small_flushes_keep_promises(void **state) {
	char path[256];
	(void)state;
	mount_disk(path, 4 * MIB);
	lessor_engine_t *engine = open_in(path);
	uint32_t next = 0;
	torture_create_scope(engine, SUBNET, MASK, true);
	create_until_full(engine, &next, LESSOR_SYNC);
	REQUIRE(next > 200);
	for (unsigned round = 0; round < 3; round++) {
		/* Nothing changes: still full, still refused, never failed. */
		create_until_full(engine, &next, LESSOR_SYNC);
		create_until_full(engine, &next, LESSOR_ASYNC);
	}
	torture_require_sound(engine);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	unmount_disk(path);
}

static void
room_is_found_without_reopening(void **state) {
	char path[256];
	(void)state;
	mount_disk(path, 32 * MIB);
	fill_disk(path, 6 * MIB);
	lessor_engine_t *engine = open_in(path);
	uint32_t next = 0;
	torture_create_scope(engine, SUBNET, MASK, true);
	for (unsigned round = 0; round < 3; round++) {
		create_until_full(engine, &next, LESSOR_ASYNC);
		remove_filler(path);
		create_when_there_is_room(engine, next++);
		fill_disk(path, 4 * MIB);
	}
	require_first(engine, next);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	remove_filler(path);
	engine = open_in(path);
	require_first(engine, next);
	REQUIRE(!is_there(engine, next));
	torture_require_sound(engine);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	unmount_disk(path);
}

static void
snapshot_on_full_disk_leaves_the_old_state(void **state) {
	char path[256];
	lessor_report_t report;
	(void)state;
	mount_disk(path, 28 * MIB);
	fill_disk(path, SCALE(24, 8) * MIB); /* so that there is something to give back */
	lessor_engine_t *engine = open_in(path);
	uint32_t next = 0;
	torture_create_scope(engine, SUBNET, MASK, true);
	while (next < 2000) {
		REQUIRE_STATUS(create(engine, next++, LESSOR_ASYNC, NULL), LESSOR_OK);
	}
	REQUIRE_STATUS(lessor_snapshot(engine, NULL), LESSOR_OK);
	create_until_full(engine, &next, LESSOR_ASYNC);
	fill_disk(path, 0);
	for (unsigned i = 0; i < 200; i++) { /* again and again: nothing of a failed one may add up */
		const uint64_t room = free_bytes(path);
		REQUIRE_STATUS(lessor_snapshot(engine, &report), LESSOR_DISK_FULL);
		REQUIRE(report.sentence[0] != '\0');
		REQUIRE(files_named(path, "tmp") == 0 && files_named(path, "snapshot") == 1);
		REQUIRE(free_bytes(path) >= room);
	}
	require_first(engine, next);
	uint32_t deleted = 0;
	while (deleted < 50 &&
	       lessor_lease_delete(engine, SUBNET + 1 + deleted, NULL, 0, LESSOR_SYNC, NULL) == LESSOR_OK) {
		deleted++;
	}
	torture_dump_t before = torture_dump(engine);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	remove_filler(path);
	engine = open_in(path);
	torture_dump_t after = torture_dump(engine);
	torture_require_equal(&before, &after);
	torture_dump_free(&before);
	torture_dump_free(&after);
	/* With room for it a snapshot succeeds, and takes the log's place. */
	REQUIRE(mount("none", path, NULL, MS_REMOUNT, "size=128m") == 0);
	REQUIRE_STATUS(lessor_snapshot(engine, &report), LESSOR_OK);
	REQUIRE(files_named(path, "snapshot") == 1 && files_named(path, "log-") <= 3);
	torture_require_sound(engine);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	unmount_disk(path);
}

static void
open_on_full_disk_can_be_repeated(void **state) {
	char path[256];
	lessor_report_t report;
	lessor_engine_t *engine = NULL;
	(void)state;
	mount_disk(path, 8 * MIB);
	/* A new store at every stage of its making. */
	for (uint64_t left = 0; left < 16; left++) {
		fill_disk(path, left * 4096);
		REQUIRE_STATUS(try_open(path, &engine, &report), LESSOR_DISK_FULL);
		REQUIRE(engine == NULL && report.sentence[0] != '\0');
		remove_filler(path);
	}
	engine = open_in(path);
	torture_create_scope(engine, SUBNET, MASK, true);
	for (uint32_t i = 0; i < 100; i++) {
		REQUIRE_STATUS(create(engine, i, LESSOR_SYNC, NULL), LESSOR_OK);
	}
	torture_dump_t before = torture_dump(engine);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	for (uint64_t left = 0; left < 3; left++) {
		fill_disk(path, left * 64 * 1024);
		REQUIRE_STATUS(try_open(path, &engine, &report), LESSOR_DISK_FULL);
		REQUIRE(engine == NULL);
		remove_filler(path);
	}
	engine = open_in(path);
	torture_dump_t after = torture_dump(engine);
	torture_require_equal(&before, &after);
	torture_dump_free(&before);
	torture_dump_free(&after);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	unmount_disk(path);
}

/* ---- many threads at a disk that gets full ----------------------------------------------------------------------------- */

#define CROWD       5u
#define CROWD_EACH  10000u
#define CROWD_BATCH 24u

typedef struct {
	pthread_t thread;
	unsigned number;
	lessor_engine_t *engine;
	uint32_t created[CROWD_EACH];
	uint32_t count;
	uint32_t next;
	torture_random_t random;
} member_t;

static lessor_status_t
create_some(member_t *member, lessor_mode_t mode) {
	static _Thread_local torture_texts_t texts[CROWD_BATCH];
	static _Thread_local lessor_lease_t leases[CROWD_BATCH];
	lessor_status_t statuses[CROWD_BATCH];
	lessor_status_t worst = LESSOR_OK;
	const uint32_t room = CROWD_EACH - member->next;
	uint32_t count = 1 + torture_below(&member->random, CROWD_BATCH);
	count = count < room ? count : room;
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t n = member->number * CROWD_EACH + member->next + i;
		torture_lease(SUBNET + 1 + n, torture_number(n, n, n), &leases[i], &texts[i]);
	}
	REQUIRE_STATUS(lessor_lease_create_batch(member->engine, leases, count, statuses, mode, NULL), LESSOR_OK);
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t n = member->number * CROWD_EACH + member->next++;
		REQUIRE(statuses[i] == LESSOR_OK || statuses[i] == LESSOR_DISK_FULL);
		if (statuses[i] == LESSOR_OK) {
			member->created[member->count++] = n;
		} else {
			worst = statuses[i];
		}
	}
	return worst;
}

static void
renew_first(member_t *member) {
	lessor_lease_t lease;
	torture_texts_t texts;
	if (member->count == 0) {
		return;
	}
	const uint32_t n = member->created[0];
	torture_lease(SUBNET + 1 + n, torture_number(n, n, n), &lease, &texts);
	const lessor_status_t status =
		lessor_lease_update(member->engine, &lease, TORTURE_FIELDS_STEP, LESSOR_SYNC, NULL);
	REQUIRE(status == LESSOR_OK || status == LESSOR_DISK_FULL);
}

/* Go on until everybody has been refused some times: the last blocks are fought for. */
static void *
crowd(void *argument) {
	member_t *member = argument;
	unsigned refused = 0;
	while (member->next < CROWD_EACH && refused < 6) {
		const lessor_mode_t mode = torture_below(&member->random, 3) == 0 ? LESSOR_SYNC : LESSOR_ASYNC;
		if (create_some(member, mode) == LESSOR_DISK_FULL) {
			refused++;
			renew_first(member); /* while others are still at it, something smaller may fit */
		}
	}
	return NULL;
}

static void
fill_with_crowd(uint64_t size_bytes, uint64_t stream) {
	static member_t members[CROWD];
	char path[256];
	lessor_scope_stats_t stats;
	uint64_t count = 0;
	mount_disk(path, size_bytes);
	lessor_engine_t *engine = open_in(path);
	torture_create_scope(engine, SUBNET, MASK, true);
	for (unsigned i = 0; i < CROWD; i++) {
		members[i] = (member_t){.number = i, .engine = engine, .random = torture_random(stream * 16 + i)};
		REQUIRE(pthread_create(&members[i].thread, NULL, crowd, &members[i]) == 0);
	}
	for (unsigned i = 0; i < CROWD; i++) {
		REQUIRE(pthread_join(members[i].thread, NULL) == 0);
		count += members[i].count;
	}
	REQUIRE_STATUS(lessor_ticket_wait(engine, lessor_last_ticket(engine), -1), LESSOR_OK);
	REQUIRE_STATUS(lessor_scope_stats(engine, SUBNET, &stats), LESSOR_OK);
	REQUIRE(stats.leases == count);
	torture_require_sound(engine);
	torture_dump_t before = torture_dump(engine);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	REQUIRE(mount("none", path, NULL, MS_REMOUNT, "size=64m") == 0);
	engine = open_in(path);
	torture_dump_t after = torture_dump(engine);
	torture_require_equal(&before, &after);
	torture_dump_free(&before);
	torture_dump_free(&after);
	for (unsigned i = 0; i < CROWD; i++) {
		for (uint32_t j = 0; j < members[i].count; j++) {
			REQUIRE(is_there(engine, members[i].created[j]));
		}
	}
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	unmount_disk(path);
}

static void
crowd_at_a_full_disk(void **state) {
	(void)state;
	torture_random_t random = torture_random(UINT64_C(0x1000000));
	for (unsigned i = 0; i < SCALE(16, 6); i++) {
		/* Any number of blocks, so that the end falls anywhere in a segment or just before one. */
		fill_with_crowd(2 * MIB + 4096u * (uint64_t)torture_below(&random, 1500), 0x1000001u + i);
	}
}

/* ---- writes that fail --------------------------------------------------------------------------------------------------- */

#define LOSERS 8u

typedef struct {
	pthread_t thread;
	unsigned number;
	lessor_engine_t *engine;
	uint32_t durable; /* creates that were acknowledged */
} loser_t;

#define LOSER_EACH 4000u

/* Write a lease again as it is. */
static lessor_status_t
repeat(lessor_engine_t *engine, uint32_t i) {
	lessor_lease_t lease;
	torture_texts_t texts;
	torture_lease(SUBNET + 1 + i, torture_number(i, i, i), &lease, &texts);
	return lessor_lease_update(engine, &lease, LESSOR_FIELD_EXPIRES, LESSOR_SYNC, NULL);
}

/* Create durably until the log fails, and write the first one again when all are there; whoever waits then is let out. */
static void *
create_until_failure(void *argument) {
	loser_t *loser = argument;
	const uint32_t first = loser->number * LOSER_EACH;
	lessor_status_t status;
	do {
		const bool more = loser->durable < LOSER_EACH;
		status = more ? create(loser->engine, first + loser->durable, LESSOR_SYNC, NULL)
			      : repeat(loser->engine, first);
		loser->durable += more && status == LESSOR_OK;
	} while (status == LESSOR_OK);
	REQUIRE_STATUS(status, LESSOR_LOG_FAILED);
	return NULL;
}

typedef struct {
	pthread_t thread;
	lessor_engine_t *engine;
	int fd;
} listener_t;

/* Wakes only when it is told to look; sees the failure in the end. */
static void *
listen_for_failure(void *argument) {
	const listener_t *listener = argument;
	lessor_status_t status = LESSOR_OK;
	while (status != LESSOR_LOG_FAILED) {
		uint64_t times;
		struct pollfd readable = {.fd = listener->fd, .events = POLLIN};
		REQUIRE(poll(&readable, 1, 30000) == 1);
		REQUIRE(read(listener->fd, &times, sizeof(times)) == (ssize_t)sizeof(times));
		status = lessor_ticket_poll(listener->engine, lessor_last_ticket(listener->engine));
		REQUIRE(status == LESSOR_OK || status == LESSOR_TIMEOUT || status == LESSOR_LOG_FAILED);
	}
	return NULL;
}

static void
limit_files(rlim_t bytes) {
	struct rlimit limit;
	REQUIRE(getrlimit(RLIMIT_FSIZE, &limit) == 0);
	limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max : bytes;
	REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

/* No change any more, of any kind; every read as before. */
static void
require_failed_for_good(lessor_engine_t *engine, lessor_ticket_t lost) {
	lessor_lease_t leases[2];
	torture_texts_t texts[2];
	lessor_status_t statuses[2];
	lessor_scope_stats_t stats;
	lessor_engine_stats_t whole;
	const lessor_range_t range = {.first = SUBNET + 1, .last = SUBNET + 2};
	const lessor_scope_t scope = {.subnet = SUBNET, .mask = MASK};
	const lessor_scope_t other = {.subnet = NEXT_SUBNET, .mask = MASK};
	for (uint32_t i = 0; i < 2; i++) {
		const uint32_t n = 60000 + i;
		torture_lease(SUBNET + 1 + n, torture_number(n, n, n), &leases[i], &texts[i]);
	}
	for (unsigned mode = LESSOR_ASYNC; mode <= LESSOR_SYNC; mode++) {
		const lessor_mode_t how = (lessor_mode_t)mode;
		REQUIRE_STATUS(lessor_lease_create(engine, &leases[0], how, NULL), LESSOR_LOG_FAILED);
		REQUIRE_STATUS(lessor_lease_delete(engine, SUBNET + 1, NULL, 0, how, NULL), LESSOR_LOG_FAILED);
		REQUIRE_STATUS(lessor_scope_create(engine, &other, how, NULL), LESSOR_LOG_FAILED);
		REQUIRE_STATUS(lessor_scope_update(engine, &scope, LESSOR_SCOPE_FIELD_RANGE, how, NULL),
			       LESSOR_LOG_FAILED);
		REQUIRE_STATUS(lessor_scope_exclude(engine, SUBNET, range, how, NULL), LESSOR_LOG_FAILED);
		REQUIRE_STATUS(lessor_scope_delete(engine, SUBNET, true, how, NULL), LESSOR_LOG_FAILED);
		const lessor_status_t status = lessor_lease_create_batch(engine, leases, 2, statuses, how, NULL);
		REQUIRE(status == LESSOR_LOG_FAILED ||
			(status == LESSOR_OK && statuses[0] == LESSOR_LOG_FAILED && statuses[1] == LESSOR_LOG_FAILED));
	}
	REQUIRE(!is_there(engine, 60000) && !is_there(engine, 60001));
	REQUIRE_STATUS(lessor_snapshot(engine, NULL), LESSOR_LOG_FAILED);
	REQUIRE_STATUS(lessor_ticket_poll(engine, lost), LESSOR_LOG_FAILED);
	REQUIRE_STATUS(lessor_ticket_wait(engine, lost, 10000), LESSOR_LOG_FAILED);
	REQUIRE_STATUS(lessor_ticket_poll(engine, lessor_durable_ticket(engine)), LESSOR_OK);
	REQUIRE_STATUS(lessor_scope_stats(engine, SUBNET, &stats), LESSOR_OK);
	REQUIRE_STATUS(lessor_engine_stats(engine, &whole), LESSOR_OK);
	REQUIRE(whole.durable_ticket < whole.last_ticket && whole.leases == stats.leases);
	torture_require_sound(engine);
}

static void
failed_log_stops_changes_for_good(void **state) {
	static loser_t losers[LOSERS];
	char directory[256];
	listener_t listener;
	(void)state;
	torture_make_directory(directory);
	lessor_engine_t *engine = open_in(directory);
	torture_create_scope(engine, SUBNET, MASK, true);
	REQUIRE_STATUS(lessor_ticket_wait(engine, lessor_last_ticket(engine), -1), LESSOR_OK);
	listener.engine = engine;
	REQUIRE_STATUS(lessor_notifier_open(engine, &listener.fd), LESSOR_OK);
	REQUIRE(pthread_create(&listener.thread, NULL, listen_for_failure, &listener) == 0);
	const lessor_ticket_t begun = lessor_durable_ticket(engine);
	for (unsigned i = 0; i < LOSERS; i++) {
		losers[i] = (loser_t){.number = i, .engine = engine};
		REQUIRE(pthread_create(&losers[i].thread, NULL, create_until_failure, &losers[i]) == 0);
	}
	while (lessor_durable_ticket(engine) < begun + LOSERS * 1000) {
		(void)usleep(1000);
	}
	limit_files(4096); /* from now on the kernel refuses to write behind the first block of any file */
	for (unsigned i = 0; i < LOSERS; i++) {
		REQUIRE(pthread_join(losers[i].thread, NULL) == 0);
	}
	REQUIRE(pthread_join(listener.thread, NULL) == 0);
	limit_files(RLIM_INFINITY);
	/* The disk works again, the engine does not trust it any more. */
	require_failed_for_good(engine, lessor_last_ticket(engine));
	REQUIRE_STATUS(lessor_notifier_close(engine, listener.fd), LESSOR_OK);
	const lessor_ticket_t durable = lessor_durable_ticket(engine);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_LOG_FAILED);
	REQUIRE(engine == NULL);
	lessor_report_t report;
	REQUIRE_STATUS(try_open(directory, &engine, &report), LESSOR_OK);
	REQUIRE(report.last_ticket >= durable);
	for (unsigned i = 0; i < LOSERS; i++) {
		for (uint32_t j = 0; j < losers[i].durable; j++) {
			REQUIRE(is_there(engine, losers[i].number * LOSER_EACH + j));
		}
		const uint32_t beyond = losers[i].durable + 1;
		REQUIRE(beyond >= LOSER_EACH || !is_there(engine, losers[i].number * LOSER_EACH + beyond));
	}
	torture_require_sound(engine);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	torture_remove_directory(directory);
}

/* ---- a fault at every operation -------------------------------------------------------------------------------------------- */

typedef enum {
	AT_OPEN,
	AT_PREAD,
	AT_PWRITE,
	AT_DATASYNC,
	AT_SYNC_DIRECTORY,
	AT_ALLOCATE,
	AT_TRUNCATE,
	AT_RENAME,
	AT_UNLINK,
	AT_SIZE,
	PLACES
} place_t;

static const char *const place_names[PLACES] = {"open",     "pread",    "pwrite", "datasync", "sync_directory",
						"allocate", "truncate", "rename", "unlink",   "size"};

/* The plan: the n-th operation of this kind fails, and with 'sticks' all behind it. */
static struct {
	place_t place;
	long n; /* 0: no fault */
	int error;
	bool sticks;
	bool half;    /* a write or read does a part of its work before it fails */
	bool dribble; /* every transfer is short, none fails */
} plan;
static atomic_long seen[PLACES];

static bool
is_hit(place_t place) {
	const long n = atomic_fetch_add(&seen[place], 1) + 1;
	return plan.n != 0 && plan.place == place && (n == plan.n || (plan.sticks && n > plan.n));
}

static int
faulty_open(int directory, const char *name, int flags, mode_t mode) {
	return is_hit(AT_OPEN) ? -plan.error : lsr_io_system.open(directory, name, flags, mode);
}

static ssize_t
faulty_pread(int file, void *data, size_t size_bytes, uint64_t offset) {
	if (is_hit(AT_PREAD)) {
		return -plan.error;
	}
	return lsr_io_system.pread(file, data, plan.dribble && size_bytes > 1 ? size_bytes / 2 : size_bytes, offset);
}

static ssize_t
faulty_pwrite(int file, const void *data, size_t size_bytes, uint64_t offset) {
	const size_t half_bytes = size_bytes / 2 / 4096 * 4096;
	if (is_hit(AT_PWRITE)) {
		if (plan.half && half_bytes > 0) {
			(void)lsr_io_system.pwrite(file, data, half_bytes, offset);
		}
		return -plan.error;
	}
	if (plan.dribble && atomic_load(&seen[AT_PWRITE]) % 3 == 0) {
		return -EINTR;
	}
	return lsr_io_system.pwrite(file, data, plan.dribble && half_bytes > 0 ? half_bytes : size_bytes, offset);
}

static int
faulty_datasync(int file) {
	return is_hit(AT_DATASYNC) ? -plan.error : lsr_io_system.datasync(file);
}

static int
faulty_sync_directory(int directory) {
	return is_hit(AT_SYNC_DIRECTORY) ? -plan.error : lsr_io_system.sync_directory(directory);
}

static int
faulty_allocate(int file, uint64_t size_bytes) {
	return is_hit(AT_ALLOCATE) ? -plan.error : lsr_io_system.allocate(file, size_bytes);
}

static int
faulty_truncate(int file, uint64_t size_bytes) {
	return is_hit(AT_TRUNCATE) ? -plan.error : lsr_io_system.truncate(file, size_bytes);
}

static int
faulty_rename(int directory, const char *from, const char *to) {
	return is_hit(AT_RENAME) ? -plan.error : lsr_io_system.rename(directory, from, to);
}

static int
faulty_unlink(int directory, const char *name) {
	return is_hit(AT_UNLINK) ? -plan.error : lsr_io_system.unlink(directory, name);
}

static int64_t
faulty_size(int file) {
	return is_hit(AT_SIZE) ? -plan.error : lsr_io_system.size(file);
}

static void
put_faults_in_place(void) {
	static lsr_io_ops_t ops;
	ops = lsr_io_system;
	ops.open = faulty_open;
	ops.pread = faulty_pread;
	ops.pwrite = faulty_pwrite;
	ops.datasync = faulty_datasync;
	ops.sync_directory = faulty_sync_directory;
	ops.allocate = faulty_allocate;
	ops.truncate = faulty_truncate;
	ops.rename = faulty_rename;
	ops.unlink = faulty_unlink;
	ops.size = faulty_size;
	lsr_io = &ops;
}

/* ---- what happened to a store, in the order of the tickets -------------------------------------------------------------------- */

#define SPOTS   128u
#define CHANGES 6000u

typedef struct {
	lessor_ticket_t ticket;
	uint64_t number; /* plus 1; 0: deleted */
	uint32_t spot;
} change_t;

typedef struct {
	change_t change[CHANGES];
	uint32_t count;
	uint64_t now[SPOTS];
	bool doubt; /* the last change: its ticket was never told */
	torture_random_t random;
} story_t;

/* One change. False: the log has failed. */
static bool
tell(story_t *story, lessor_engine_t *engine) {
	lessor_lease_t lease;
	torture_texts_t texts;
	lessor_ticket_t ticket = 0;
	const uint32_t spot = torture_below(&story->random, SPOTS);
	const lessor_mode_t mode = torture_below(&story->random, 64) == 0 ? LESSOR_SYNC : LESSOR_ASYNC;
	const uint64_t number = torture_number((uint32_t)torture_next(&story->random), spot, story->count);
	const bool there = story->now[spot] != 0;
	const bool delete = there && torture_below(&story->random, 3) == 0;
	torture_lease(SUBNET + 1 + spot, number, &lease, &texts);
	const lessor_status_t status =
		delete  ? lessor_lease_delete(engine, lease.address, NULL, 0, mode, &ticket)
		: there ? lessor_lease_update(engine, &lease, TORTURE_FIELDS_GENERATION, mode, &ticket)
			: lessor_lease_create(engine, &lease, mode, &ticket);
	REQUIRE(status == LESSOR_OK || status == LESSOR_DISK_FULL || status == LESSOR_LOG_FAILED);
	if (status == LESSOR_OK || (status == LESSOR_LOG_FAILED && mode == LESSOR_SYNC)) {
		story->doubt = status != LESSOR_OK;
		story->change[story->count++] =
			(change_t){.ticket = ticket, .number = delete ? 0 : number + 1, .spot = spot};
		story->now[spot] = delete ? 0 : number + 1;
	}
	return status != LESSOR_LOG_FAILED;
}

static bool
tell_many(story_t *story, lessor_engine_t *engine, uint32_t changes) {
	bool goes_on = true;
	for (uint32_t i = 0; i < changes && goes_on; i++) {
		goes_on = tell(story, engine);
	}
	return goes_on;
}

static bool
matches(const uint64_t expected[SPOTS], lessor_engine_t *engine) {
	for (uint32_t spot = 0; spot < SPOTS; spot++) {
		uint64_t number;
		lessor_ticket_t ticket;
		const bool there = torture_get(engine, SUBNET + 1 + spot, &number, &ticket) == LESSOR_OK;
		if (expected[spot] != (there ? number + 1 : 0)) {
			return false;
		}
	}
	return true;
}

/* Exactly the changes up to 'end' are there; the doubtful one may be. */
static void
require_story(const story_t *story, lessor_engine_t *engine, lessor_ticket_t end) {
	uint64_t expected[SPOTS] = {0};
	const uint32_t sure = story->count - (story->doubt ? 1 : 0);
	for (uint32_t i = 0; i < sure && story->change[i].ticket <= end; i++) {
		expected[story->change[i].spot] = story->change[i].number;
	}
	bool good = matches(expected, engine);
	if (!good && story->doubt) {
		expected[story->change[sure].spot] = story->change[sure].number;
		good = matches(expected, engine);
	}
	REQUIRE(good);
	torture_require_sound(engine);
}

/* A store with a snapshot, a log behind it and an end that was closed. */
static void
prepare_story(story_t *story, const char *directory, uint64_t stream) {
	*story = (story_t){.random = torture_random(stream)};
	lessor_engine_t *engine = open_in(directory);
	torture_create_scope(engine, SUBNET, MASK, true);
	REQUIRE(tell_many(story, engine, 300));
	REQUIRE_STATUS(lessor_snapshot(engine, NULL), LESSOR_OK);
	REQUIRE(tell_many(story, engine, 300));
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
}

/* The session in which faults happen. Returns what must be there afterwards at least. */
static lessor_ticket_t
live_with_faults(story_t *story, const char *directory) {
	lessor_report_t report;
	lessor_engine_t *engine = NULL;
	const lessor_status_t opened = try_open(directory, &engine, &report);
	if (opened != LESSOR_OK) {
		REQUIRE(plan.n != 0 && engine == NULL && report.sentence[0] != '\0');
		if (opened != LESSOR_IO && (opened != LESSOR_DISK_FULL || plan.error != ENOSPC)) {
			(void)fprintf(stderr, "%s number %ld: %s: %s: %s\n", place_names[plan.place], plan.n,
				      strerror(plan.error), lessor_status_name(opened), report.sentence);
			REQUIRE(opened == LESSOR_IO); /* a fault is called by its name */
		}
		return story->change[story->count - 1].ticket;
	}
	require_story(story, engine, report.last_ticket);
	bool goes_on = true;
	for (unsigned i = 0; i < 4 && goes_on; i++) {
		goes_on = tell_many(story, engine, 1200);
		if (goes_on) {
			const lessor_status_t status = lessor_snapshot(engine, &report);
			REQUIRE(status == LESSOR_OK || plan.n != 0);
			REQUIRE(status == LESSOR_OK || status == LESSOR_IO || status == LESSOR_DISK_FULL ||
				status == LESSOR_LOG_FAILED);
			REQUIRE(status == LESSOR_OK || report.sentence[0] != '\0');
		}
	}
	REQUIRE(matches(story->now, engine)); /* what was answered shows, durable or not */
	lessor_ticket_t durable = lessor_durable_ticket(engine);
	const lessor_status_t closed = lessor_close(&engine);
	REQUIRE(closed == LESSOR_OK || (closed == LESSOR_LOG_FAILED && plan.n != 0));
	REQUIRE(goes_on || closed == LESSOR_LOG_FAILED);
	if (closed == LESSOR_OK && story->change[story->count - 1].ticket > durable) {
		durable = story->change[story->count - 1].ticket;
	}
	return durable;
}

static unsigned
open_files(void) {
	return files_named("/proc/self/fd", "");
}

static void
run_with_plan(const char *directory, uint64_t stream) {
	static story_t story;
	lessor_report_t report;
	lessor_engine_t *engine = NULL;
	const long n = plan.n;
	const bool dribble = plan.dribble;
	plan.n = 0;
	plan.dribble = false;
	REQUIRE(mkdir(directory, 0700) == 0);
	prepare_story(&story, directory, stream);
	const unsigned files = open_files();
	for (unsigned i = 0; i < PLACES; i++) {
		atomic_store(&seen[i], 0);
	}
	plan.n = n;
	plan.dribble = dribble;
	const lessor_ticket_t durable = live_with_faults(&story, directory);
	plan.n = 0;
	plan.dribble = false;
	REQUIRE(open_files() == files);
	/* The disk is sound again: the store must be, too, with everything that was durable. */
	const lessor_status_t status = try_open(directory, &engine, &report);
	if (status != LESSOR_OK) {
		(void)fprintf(stderr, "%s\n", report.sentence);
	}
	REQUIRE_STATUS(status, LESSOR_OK);
	REQUIRE(report.last_ticket >= durable);
	require_story(&story, engine, report.last_ticket);
	REQUIRE_STATUS(lessor_close(&engine), LESSOR_OK);
	torture_remove_directory(directory);
}

/* Somewhere fast if possible: many stores are made. */
static bool
make_playground(char path[256]) {
	torture_make_directory(path);
	return may_mount && mount("lessor-test", path, "tmpfs", 0, "size=256m,mode=0700") == 0;
}

static void
remove_playground(const char *path, bool mounted) {
	if (mounted) {
		unmount_disk(path);
	} else {
		REQUIRE(rmdir(path) == 0);
	}
}

static void
try_fault(const char *directory, place_t place, long n, uint64_t stream) {
	static const int errors[] = {EIO, ENOSPC};
	torture_random_t random = torture_random(stream);
	plan.place = place;
	plan.n = n;
	plan.error = place == AT_PREAD ? EIO : errors[torture_below(&random, COUNT(errors))];
	plan.sticks = torture_below(&random, 2) == 0;
	plan.half = torture_below(&random, 2) == 0;
	plan.dribble = false;
	if (getenv("LESSOR_TEST_VERBOSE") != NULL) {
		print_message("%s number %ld: %s%s%s\n", place_names[place], n, strerror(plan.error),
			      plan.sticks ? ", and from then on" : "", plan.half ? ", after a part" : "");
	}
	run_with_plan(directory, stream + 1);
}

static void
store_survives_every_fault(void **state) {
	char path[256];
	char directory[300];
	long times[PLACES];
	(void)state;
	const bool mounted = make_playground(path);
	(void)snprintf(directory, sizeof(directory), "%s/store", path);
	/* How often is each operation done when nothing fails? */
	plan.n = 0;
	run_with_plan(directory, UINT64_C(0x2000000));
	for (unsigned place = 0; place < PLACES; place++) {
		times[place] = atomic_load(&seen[place]);
	}
	torture_random_t random = torture_random(UINT64_C(0x2000001));
	uint64_t stream = UINT64_C(0x2000002);
	for (unsigned place = 0; place < PLACES; place++) {
		const long all = SCALE(24, 8);
		for (long i = 1; i <= times[place] && i <= all; i++) {
			/* All of few, the first and a sample of many. */
			const bool sampled = times[place] > all && i > all / 2;
			const long n = sampled ? 1 + (long)torture_below(&random, (uint32_t)times[place]) : i;
			try_fault(directory, (place_t)place, n, stream);
			stream += 2;
		}
	}
	remove_playground(path, mounted);
}

/* Short and interrupted transfers are no faults: nothing shows of them. */
static void
short_transfers_do_not_show(void **state) {
	char path[256];
	char directory[300];
	(void)state;
	const bool mounted = make_playground(path);
	(void)snprintf(directory, sizeof(directory), "%s/store", path);
	for (unsigned i = 0; i < 3; i++) {
		plan.n = 0;
		plan.dribble = true;
		run_with_plan(directory, UINT64_C(0x3000000) + i);
	}
	remove_playground(path, mounted);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_disk_refuses_and_forgives),
		cmocka_unit_test(small_flushes_keep_promises),
		cmocka_unit_test(room_is_found_without_reopening),
		cmocka_unit_test(snapshot_on_full_disk_leaves_the_old_state),
		cmocka_unit_test(open_on_full_disk_can_be_repeated),
		cmocka_unit_test(crowd_at_a_full_disk),
		cmocka_unit_test(failed_log_stops_changes_for_good),
		cmocka_unit_test(store_survives_every_fault),
		cmocka_unit_test(short_transfers_do_not_show),
	};
	prepare_to_mount();
	put_faults_in_place();
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)torture_seed();
	cmocka_set_test_filter(getenv("LESSOR_TEST_FILTER"));
	return cmocka_run_group_tests_name("disk_full", tests, NULL, NULL);
}
