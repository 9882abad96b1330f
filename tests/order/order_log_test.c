/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log's ring and its waiters in every order of a few threads' steps: appenders, its writer, its maker of segments, who waits for durability, who waits for
 * room, who closes. The disk is a buffer. Nobody who waits may need a time limit to wake (where the writer may doze while nobody waits, limits are counted);
 * who is told that his record is durable finds it written; in the end the stream holds each record once, whole, in the order of the positions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "log/log.h"
#include "order.h"
#include "torture.h"

#define RING_BYTES   UINT64_C(8192)
#define STREAM_BYTES ((size_t)256 << 10)
#define EACH_MAX     6u

typedef enum {
	APPEND,      /* and be told */
	WAIT,        /* for the body's last record */
	WAIT_BEYOND, /* for what nobody waits for otherwise: the tail of now */
	CLOSE
} kind_t;

typedef struct {
	kind_t kind;
	uint32_t payload_bytes;
} plan_t;

typedef struct {
	const char *name;
	unsigned preemptions;
	unsigned timeouts_max; /* of the writer's own: see above */
	uint64_t left_bytes;   /* in each segment; 0: as usual */
	unsigned fails_at;     /* the frame that cannot be written; 0: none */
	unsigned bodies;
	plan_t plan[ORDER_BODIES_MAX][EACH_MAX];
	unsigned each[ORDER_BODIES_MAX];
} scene_t;

static const scene_t *scene;
static lsr_log_t log_;
static unsigned timeouts_most;

/* ---- a disk ---------------------------------------------------------------------------------------------------------- */

static uint8_t stream[STREAM_BYTES]; /* what frames held */
static uint64_t written;             /* LSN behind the last frame */
static unsigned frames;

static int
open_nothing(int directory, const char *name, int flags, mode_t mode) {
	(void)directory, (void)name, (void)flags, (void)mode;
	return 100;
}

static int
do_nothing(int file) {
	(void)file;
	return 0;
}

static int
allocate_nothing(int file, uint64_t size_bytes) {
	(void)file, (void)size_bytes;
	return 0;
}

static int
rename_nothing(int directory, const char *from, const char *to) {
	(void)directory, (void)from, (void)to;
	return 0;
}

static int
unlink_nothing(int directory, const char *name) {
	(void)directory, (void)name;
	return 0;
}

static ssize_t
take_write(int file, const void *data, size_t size_bytes, uint64_t offset) {
	lsr_frame_header_t header;
	(void)file, (void)offset;
	memcpy(&header, data, sizeof(header));
	if (header.magic != LSR_FRAME_MAGIC || (header.flags & LSR_FRAME_CLOSED) != 0) {
		return (ssize_t)size_bytes; /* a new segment, or the mark at the end of one */
	}
	if (++frames == scene->fails_at) {
		return -EIO;
	}
	REQUIRE(header.first_lsn == written && written + header.payload_bytes <= STREAM_BYTES);
	memcpy(stream + written, (const uint8_t *)data + LSR_FRAME_HEADER_BYTES, header.payload_bytes);
	written += header.payload_bytes;
	return (ssize_t)size_bytes;
}

static const lsr_io_ops_t buffer_ops = {.open = open_nothing,
					.close = do_nothing,
					.pwrite = take_write,
					.datasync = do_nothing,
					.sync_directory = do_nothing,
					.allocate = allocate_nothing,
					.truncate = allocate_nothing,
					.rename = rename_nothing,
					.unlink = unlink_nothing};

/* ---- bodies ------------------------------------------------------------------------------------------------------------ */

typedef struct {
	uint64_t end;
	lessor_status_t status;
	uint32_t body;
	uint32_t payload_bytes;
} record_t;

static record_t records[ORDER_BODIES_MAX * EACH_MAX];
static unsigned record_count;

static uint8_t
filling(uint32_t body, size_t at) {
	return (uint8_t)(body * 31 + at * 7 + 1);
}

static uint64_t
append(unsigned body, uint32_t payload_bytes) {
	const uint32_t size_bytes = lsr_record_bytes(payload_bytes);
	uint64_t position;
	do {
		const lessor_status_t status = lsr_log_admit(&log_, size_bytes);
		if (status != LESSOR_OK) {
			REQUIRE(status == LESSOR_CLOSED || status == LESSOR_LOG_FAILED);
			return 0;
		}
	} while (!lsr_log_reserve(&log_, size_bytes, &position));
	uint8_t *payload = lsr_log_payload(&log_, position);
	for (size_t i = 0; i < size_bytes - 4; i++) {
		REQUIRE(payload[i] == 0); /* nobody else's */
		payload[i] = i < payload_bytes ? filling(body, i) : 0;
	}
	const uint64_t end = lsr_log_complete(&log_, position, lsr_record_header(LSR_LOG_LEASE, payload_bytes));
	REQUIRE(end == position + size_bytes);
	lsr_log_announce(&log_, end);
	records[record_count++] = (record_t){.end = end, .body = body, .payload_bytes = payload_bytes};
	return end;
}

static void
await(uint64_t lsn) {
	const lessor_status_t status = lsr_log_wait(&log_, lsn, -1);
	REQUIRE(status == LESSOR_OK || status == LESSOR_CLOSED || status == LESSOR_LOG_FAILED);
	REQUIRE(status != LESSOR_LOG_FAILED || scene->fails_at != 0);
	REQUIRE(status != LESSOR_OK || (written >= lsn && lsr_log_durable(&log_) >= lsn));
}

static void
live(void *context) {
	(void)context;
	const unsigned body = order_body();
	uint64_t last = 0;
	for (unsigned i = 0; i < scene->each[body]; i++) {
		const plan_t *plan = &scene->plan[body][i];
		if (plan->kind == APPEND) {
			const uint64_t end = append(body, plan->payload_bytes);
			last = end != 0 ? end : last;
		} else if (plan->kind == CLOSE) {
			while (record_count == 0) {
				order_relax(); /* nobody may append any more */
			}
			lsr_log_begin_close(&log_);
		} else {
			const uint64_t lsn = plan->kind == WAIT ? last : lsr_log_tail(&log_);
			if (lsn != 0) {
				await(lsn);
			}
		}
	}
}

/* ---- one run ------------------------------------------------------------------------------------------------------------ */

static void
begin(void *context) {
	static const uint8_t store_id[LSR_STORE_ID_BYTES] = "sixteen bytes it";
	const lsr_log_options_t options = {
		.ring_bytes = RING_BYTES, .segment_bytes = LSR_SEGMENT_FIRST_BYTES, .gather_us = 1000};
	const lsr_log_contents_t contents = {.end_lsn = LSR_LSN_FIRST};
	char sentence[128];
	(void)context;
	record_count = 0;
	frames = 0;
	written = LSR_LSN_FIRST;
	lsr_log_init(&log_);
	REQUIRE_STATUS(lsr_log_open(&log_, 99, store_id, &options, &contents, sentence, sizeof(sentence)), LESSOR_OK);
	if (scene->left_bytes != 0) {
		log_.segments.current.size_bytes = log_.segments.current.offset + scene->left_bytes;
		log_.segments.next_size_bytes = log_.segments.size_max_bytes = LSR_BLOCK_BYTES + scene->left_bytes;
	}
}

static bool
is_written(const record_t *record) {
	const uint32_t size_bytes = lsr_record_bytes(record->payload_bytes);
	const uint8_t *at = stream + record->end - size_bytes;
	const uint32_t wanted = lsr_record_header(LSR_LOG_LEASE, record->payload_bytes);
	bool good = record->end <= written && memcmp(at, &wanted, sizeof(wanted)) == 0;
	for (uint32_t i = 0; good && i < record->payload_bytes; i++) {
		good = at[4 + i] == filling(record->body, i);
	}
	return good;
}

static void
end(void *context) {
	uint64_t sum = LSR_LSN_FIRST;
	uint64_t pads = 0;
	(void)context;
	timeouts_most = order_timeouts() > timeouts_most ? order_timeouts() : timeouts_most;
	REQUIRE(order_timeouts() <= scene->timeouts_max);
	const lessor_status_t status = lsr_log_close(&log_);
	const bool failed = scene->fails_at != 0 && frames >= scene->fails_at;
	REQUIRE_STATUS(status, failed ? LESSOR_LOG_FAILED : LESSOR_OK);
	lsr_log_destroy(&log_);
	for (unsigned i = 0; i < record_count; i++) {
		REQUIRE(is_written(&records[i]) || (failed && records[i].end > written));
		sum += lsr_record_bytes(records[i].payload_bytes);
	}
	for (uint64_t at = LSR_LSN_FIRST; at < written;) {
		uint32_t header;
		memcpy(&header, stream + at, sizeof(header));
		REQUIRE(header != 0);
		pads += (header >> 16 & 31) == LSR_LOG_PAD ? lsr_header_bytes(header) : 0;
		at += lsr_header_bytes(header);
	}
	REQUIRE(failed || written == sum + pads);
}

static void
run_scene(const scene_t *next) {
	scene = next;
	timeouts_most = 0;
	order_scene_t order = {.name = scene->name,
			       .bodies = scene->bodies,
			       .preemptions = scene->preemptions,
			       .begin = begin,
			       .end = end};
	for (unsigned i = 0; i < scene->bodies; i++) {
		order.body[i] = live;
	}
	REQUIRE(order_run(&order) > 1);
	if (timeouts_most != 0) {
		(void)printf("  (time limits that ended a wait, at most: %u)\n", timeouts_most);
	}
}

/* ---- scenes ---------------------------------------------------------------------------------------------------------- */

#define SYNCED(bytes)                                                                                                  \
	{APPEND, bytes}, {                                                                                             \
		WAIT, 0                                                                                                \
	}

static const scene_t scenes[] = {
	{"append, wait", 3, 0, 0, 0, 1, {{SYNCED(60)}}, {2}},
	{"append, wait | append, wait", 1, 0, 0, 0, 2, {{SYNCED(60)}, {SYNCED(100)}}, {2, 2}},
	{"append, wait, append, wait | append", 1, 0, 0, 0, 2, {{SYNCED(60), SYNCED(20)}, {{APPEND, 100}}}, {4, 1}},
	{"append | wait for the tail", 2, 1, 0, 0, 2, {{{APPEND, 60}}, {{WAIT_BEYOND, 0}}}, {1, 1}},
	{"append | append | append, wait", 1, 0, 0, 0, 3, {{{APPEND, 60}}, {{APPEND, 100}}, {SYNCED(20)}}, {1, 1, 2}},
	{"a full ring: append, append | append, append",
	 1,
	 1,
	 0,
	 0,
	 2,
	 {{{APPEND, 1800}, {APPEND, 1800}}, {{APPEND, 1800}, {APPEND, 1800}}},
	 {2, 2}},
	{"a full ring: append, append, append, wait",
	 2,
	 0,
	 0,
	 0,
	 1,
	 {{{APPEND, 1800}, {APPEND, 1800}, SYNCED(1800)}},
	 {4}},
	{"round the ring: append five times, wait",
	 1,
	 0,
	 0,
	 0,
	 1,
	 {{{APPEND, 1800}, {APPEND, 1800}, {APPEND, 1800}, {APPEND, 1700}, SYNCED(1800)}},
	 {6}},
	{"the end of a segment: append, wait | append, wait",
	 1,
	 0,
	 86016,
	 0,
	 2,
	 {{SYNCED(1800), SYNCED(1800)}, {SYNCED(1800)}},
	 {4, 2}},
	{"append, wait | close", 1, 0, 0, 0, 2, {{SYNCED(60)}, {{CLOSE, 0}}}, {2, 1}},
	{"append, wait | append, wait: the disk fails", 1, 0, 0, 1, 2, {{SYNCED(60)}, {SYNCED(100)}}, {2, 2}},
	{"a full ring: append, append, append, wait: the disk fails",
	 2,
	 0,
	 0,
	 1,
	 1,
	 {{{APPEND, 1800}, {APPEND, 1800}, SYNCED(1800)}},
	 {4}},
};

static void
run_scenes(void **state) {
	(void)state;
	lsr_io = &buffer_ops;
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		run_scene(&scenes[i]);
	}
	lsr_io = &lsr_io_system;
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(run_scenes),
	};
	return cmocka_run_group_tests_name("order_log", tests, NULL, NULL);
}
