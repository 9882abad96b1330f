/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking snapshots while everybody goes on working.
 *
 *   1 Remember the deletes of the counting half that stands still, move the counting epoch on, take the log's tail as 'from', and wait a grace period:
 *     now every change before 'from' shows, and the old epoch's counts are final.
 *   2 Write the superscopes and scopes, the leases in the order of their places, the origins, the filters, the limits. Each entry is one state that existed, at its own LSN;
 *     superscopes and scopes are those of 'from', everything else may be later.
 *   3 Wait until the log is durable up to the tail of now ('end'): the snapshot may show nothing that a crash could still take back.
 *   4 Sync, rename, sync the directory; then the older snapshots and the log segments before 'from' go.
 * A failure before the rename leaves everything as it was.
 */
#include "engine_p.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/probe.h"
#include "base/thread.h"

/* Images are collected inside a read-side section and written outside of it, so many at a time. */
#define COLLECT_BYTES ((size_t)256 << 10)
#ifndef LSR_COLLECT_LEASES
#define LSR_COLLECT_LEASES 1024u
#endif

/* The log grows by one segment for each opening: with so many of them a snapshot is due, however small they are. */
#define SEGMENTS_MAX    64u
#define KEEPER_PERIOD_S 1

typedef struct {
	uint64_t lsn;
	uint32_t header;
	uint32_t offset;
} lsr_collected_t;

typedef struct {
	lessor_engine_t *engine;
	int directory; /* where it goes, and for which store */
	const uint8_t *store_id;
	lsr_snapshot_writer_t writer;
	uint32_t old_epoch;
	uint8_t *bytes;
	size_t used_bytes;
	lsr_collected_t *list;
	size_t count;
	uint64_t empties; /* entries that are no leases */
} lsr_checkpoint_t;

/* ---- collecting ---------------------------------------------------------------------------------------------------- */

/* Room for one more image; NULL: write first what is there. */
static uint8_t *
room(lsr_checkpoint_t *checkpoint, lsr_record_type_t type, size_t image_bytes, uint64_t lsn) {
	if (checkpoint->used_bytes + image_bytes > COLLECT_BYTES || checkpoint->count == LSR_COLLECT_LEASES) {
		return NULL;
	}
	checkpoint->list[checkpoint->count++] = (lsr_collected_t){
		.lsn = lsn, .header = lsr_record_header(type, image_bytes), .offset = (uint32_t)checkpoint->used_bytes};
	checkpoint->used_bytes += image_bytes;
	return checkpoint->bytes + checkpoint->used_bytes - image_bytes;
}

static bool
collect(lsr_checkpoint_t *checkpoint, const lsr_found_t *found) {
	const bool is_six = found->scope->is_sparse;
	uint8_t *image = room(checkpoint, is_six ? LSR_LOG_LEASE6 : LSR_LOG_LEASE,
			      lsr_image_bytes(&found->body) + (is_six ? LSR_IMAGE6_MORE_BYTES : 0), found->body.lsn);
	if (image != NULL && is_six) {
		const lessor_address6_t address = {.high = found->scope->sparse->prefix, .low = found->low};
		lsr_image_put6(image, address, &found->body);
	} else if (image != NULL) {
		lsr_image_put(image, found->address, &found->body);
	}
	return image != NULL;
}

static int
write_collected(lsr_checkpoint_t *checkpoint) {
	int result = 0;
	for (size_t i = 0; i < checkpoint->count && result == 0; i++) {
		const lsr_collected_t *entry = &checkpoint->list[i];
		result = lsr_snapshot_add(&checkpoint->writer, entry->lsn, entry->header,
					  checkpoint->bytes + entry->offset);
	}
	checkpoint->count = 0;
	checkpoint->used_bytes = 0;
	return result;
}

static bool
is_stopping(lessor_engine_t *engine) {
	return atomic_load_explicit(&engine->closing, memory_order_acquire);
}

/* How far the leases are written: those of IPv4 by address, then those of IPv6 by place. */
typedef struct {
	uint64_t address;
	lsr_walk6_t walk;
	bool is_six;
} lsr_written_t;

static bool
walk(const lessor_engine_t *engine, lsr_written_t *at, lsr_found_t *found, bool *more) {
	return at->is_six ? lsr_engine_walk6(engine, &at->walk, UINT64_MAX, found, more)
			  : lsr_engine_walk(engine, &at->address, UINT32_MAX, found, more);
}

/* Of one family. */
static int
write_leases(lsr_checkpoint_t *checkpoint, bool is_six) {
	lsr_written_t at = {.is_six = is_six};
	bool more = true;
	int result = 0;
	while (more && result == 0) {
		lsr_rcu_enter();
		while (more) {
			lsr_found_t found;
			const lsr_written_t before = at;
			const bool there = walk(checkpoint->engine, &at, &found, &more);
			if (there && !collect(checkpoint, &found)) {
				at = before; /* again, when there is room */
				break;
			}
			checkpoint->empties += there && lsr_body_is_empty(&found.body);
			if (!there && more) {
				break; /* a long empty stretch: let grace periods pass */
			}
		}
		lsr_rcu_leave();
		result = is_stopping(checkpoint->engine) ? -ECANCELED : write_collected(checkpoint);
	}
	return result;
}

/* ---- scopes and origins -------------------------------------------------------------------------------------------- */

static int
write_scope(lsr_checkpoint_t *checkpoint, lsr_scope_t *scope, uint64_t lsn) {
	const lsr_scope_config_t *config = lsr_scope_config(scope);
	const uint64_t deletes =
		scope->counters.deletes_saved +
		atomic_load_explicit(&scope->counters.deletes[checkpoint->old_epoch % 2], memory_order_relaxed);
	size_t image_bytes;
	lsr_record_type_t type;
	uint8_t *image = lsr_engine_scope_image(scope, config, deletes, lsr_counters_mark(&scope->counters), &type,
						&image_bytes);
	if (image == NULL) {
		return -ENOMEM;
	}
	const int result = lsr_snapshot_add(&checkpoint->writer, lsn, lsr_record_header(type, image_bytes), image);
	free(image);
	return result;
}

/* Calls 'visit' for every scope. The scope lock keeps them in place; nobody else needs it for long. */
static int
each_scope(lsr_checkpoint_t *checkpoint, int (*visit)(lsr_checkpoint_t *, lsr_scope_t *)) {
	int result = 0;
	lsr_scope_cursor_t cursor = {0};
	while (result == 0) {
		lsr_rcu_enter();
		lsr_scope_t *scope = lsr_engine_next_scope(checkpoint->engine, &cursor);
		lsr_rcu_leave();
		if (scope == NULL) {
			break;
		}
		result = visit(checkpoint, scope);
	}
	return result;
}

static int
save_deletes(lsr_checkpoint_t *checkpoint, lsr_scope_t *scope) {
	scope->counters.deletes_saved =
		atomic_load_explicit(&scope->counters.deletes[(checkpoint->old_epoch + 1) % 2], memory_order_relaxed);
	return 0;
}

static int
write_one_scope(lsr_checkpoint_t *checkpoint, lsr_scope_t *scope) {
	return write_scope(checkpoint, scope, checkpoint->writer.from_lsn);
}

/* An origin whose log record lies before 'from' may be on its way into the table: its maker holds the lock, wait for him. */
static int
write_origins(lsr_checkpoint_t *checkpoint) {
	lsr_origins_t *origins = &checkpoint->engine->origins;
	(void)pthread_mutex_lock(&origins->lock);
	const uint32_t count = atomic_load_explicit(&origins->count, memory_order_relaxed);
	(void)pthread_mutex_unlock(&origins->lock);
	int result = 0;
	for (uint32_t number = 1; number <= count && result == 0; number++) {
		const lsr_origin_t *origin = lsr_origins_get(origins, (uint16_t)number);
		if (origin == NULL) {
			continue;
		}
		uint8_t image[12 + LESSOR_NAME_MAX_BYTES + LESSOR_POLICY_MAX_BYTES];
		lsr_origin_image_put(image, number, origin);
		result = lsr_snapshot_add(&checkpoint->writer, checkpoint->writer.from_lsn,
					  lsr_record_header(LSR_LOG_ORIGIN, lsr_origin_image_bytes(origin)), image);
	}
	return result;
}

/* ---- superscopes and filters --------------------------------------------------------------------------------------- */

static int
write_thing(void *context, unsigned type, const void *payload, size_t size_bytes) {
	lsr_checkpoint_t *checkpoint = context;
	return lsr_snapshot_add(&checkpoint->writer, checkpoint->writer.from_lsn,
				lsr_record_header((lsr_record_type_t)type, size_bytes), payload);
}

/* As many as there is room for. False: these were the last. */
static bool
collect_filters(lsr_checkpoint_t *checkpoint, uint64_t *key) {
	uint8_t image[LSR_FILTER_IMAGE_MAX_BYTES];
	for (;;) {
		uint64_t next = *key;
		const size_t image_bytes = lsr_filters_save(&checkpoint->engine->filters, &next, image);
		if (image_bytes == 0) {
			return false;
		}
		uint8_t *to = room(checkpoint, LSR_LOG_FILTER, image_bytes, checkpoint->writer.from_lsn);
		if (to == NULL) {
			return true;
		}
		memcpy(to, image, image_bytes);
		*key = next;
	}
}

/* As with origins, a change whose log record lies before 'from' may yet have to show: wait for whoever makes it. */
static int
write_filters(lsr_checkpoint_t *checkpoint) {
	lessor_engine_t *engine = checkpoint->engine;
	bool allow;
	bool deny;
	(void)pthread_mutex_lock(&engine->filters.lock);
	(void)lessor_filter_enforcement(engine, &allow, &deny);
	(void)pthread_mutex_unlock(&engine->filters.lock);
	const uint8_t enforced[2] = {allow, deny};
	int result = write_thing(checkpoint, LSR_LOG_FILTER_ENFORCE, enforced, sizeof(enforced));
	uint64_t key = 0;
	bool more = true;
	while (more && result == 0) {
		lsr_rcu_enter();
		more = collect_filters(checkpoint, &key);
		lsr_rcu_leave();
		result = is_stopping(engine) ? -ECANCELED : write_collected(checkpoint);
	}
	return result;
}

/* ---- limits -------------------------------------------------------------------------------------------------------- */

/* As many as there is room for. False: these were the last. The lock also waits for whoever has logged a change before 'from'. */
static bool
collect_limits(lsr_checkpoint_t *checkpoint, lessor_limit_key_t *key) {
	lsr_limits_t *limits = &checkpoint->engine->limits;
	uint8_t image[LSR_LIMIT_IMAGE_MAX_BYTES];
	uint8_t *to = NULL;
	size_t image_bytes;
	(void)pthread_mutex_lock(&limits->lock);
	do {
		lessor_limit_key_t next = *key;
		image_bytes = lsr_limits_save(limits, &next, image);
		to = image_bytes != 0 ? room(checkpoint, LSR_LOG_LIMIT, image_bytes, checkpoint->writer.from_lsn)
				      : NULL;
		if (to != NULL) {
			memcpy(to, image, image_bytes);
			*key = next;
		}
	} while (to != NULL);
	(void)pthread_mutex_unlock(&limits->lock);
	return image_bytes != 0;
}

static int
write_limits(lsr_checkpoint_t *checkpoint) {
	lessor_limit_key_t key = {0};
	int result = 0;
	for (bool more = true; more && result == 0;) {
		more = collect_limits(checkpoint, &key);
		result = is_stopping(checkpoint->engine) ? -ECANCELED : write_collected(checkpoint);
	}
	return result;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------ */

static uint64_t
tail(lessor_engine_t *engine) {
	return engine->has_log ? lsr_log_tail(&engine->log) : engine->loaded_lsn;
}

/* Step 1, and the scopes of step 2: under the scope lock, so that scopes and their saved counts belong together. */
static int
begin(lsr_checkpoint_t *checkpoint) {
	lessor_engine_t *engine = checkpoint->engine;
	(void)pthread_mutex_lock(&engine->scope_lock);
	checkpoint->old_epoch = atomic_load_explicit(&engine->epoch, memory_order_relaxed);
	(void)each_scope(checkpoint, save_deletes);
	uint64_t from = tail(engine);
	atomic_store_explicit(&engine->epoch, checkpoint->old_epoch + 1, memory_order_seq_cst);
	if (!LSR_PLANTED(LSR_PLANT_NO_GRACE)) {
		lsr_rcu_synchronize();
	}
	if (LSR_PLANTED(LSR_PLANT_FROM_LATE)) {
		from = tail(engine);
	}
	int result = lsr_snapshot_begin(&checkpoint->writer, checkpoint->directory, checkpoint->store_id, from);
	result = result != 0 ? result : lsr_superscopes_save(&engine->superscopes, write_thing, checkpoint);
	result = result != 0 ? result : each_scope(checkpoint, write_one_scope);
	(void)pthread_mutex_unlock(&engine->scope_lock);
	return result;
}

static lessor_status_t
status_of(int result) {
	switch (-result) {
	case 0:
		return LESSOR_OK;
	case ENOSPC:
	case EDQUOT:
		return LESSOR_DISK_FULL;
	case ENOMEM:
		return LESSOR_NO_MEMORY;
	case ECANCELED:
		return LESSOR_CLOSED;
	default:
		return LESSOR_IO;
	}
}

static lessor_status_t
write_snapshot(lsr_checkpoint_t *checkpoint, char *sentence, size_t sentence_bytes) {
	lessor_engine_t *engine = checkpoint->engine;
	int result = begin(checkpoint);
	result = result != 0 ? result : write_leases(checkpoint, false);
	result = result != 0 ? result : write_leases(checkpoint, true);
	result = result != 0 ? result : write_origins(checkpoint);
	result = result != 0 ? result : write_filters(checkpoint);
	result = result != 0 ? result : write_limits(checkpoint);
	lessor_status_t status = status_of(result);
	if (status == LESSOR_OK) {
		const uint64_t end = tail(engine);
		const bool waits = engine->has_log && !LSR_PLANTED(LSR_PLANT_NO_WAIT);
		status = waits ? lsr_log_wait(&engine->log, end, -1) : LESSOR_OK;
		result = status == LESSOR_OK ? lsr_snapshot_finish(&checkpoint->writer, end, checkpoint->old_epoch) : 0;
		status = result != 0 ? status_of(result) : status;
	}
	if (status != LESSOR_OK) {
		(void)snprintf(sentence, sentence_bytes, "the snapshot could not be written: %s",
			       result != 0 ? strerror(-result) : lessor_status_text(status));
		lsr_snapshot_abort(&checkpoint->writer);
	}
	return status;
}

/*
 * Drop the log that neither recovery nor retention wants. A segment goes when its successor begins early enough: bytes are counted back from the snapshot, time from now. The disk's limit
 * goes before retention.
 */
static void
drop_log(lessor_engine_t *engine, uint64_t from) {
	const uint32_t now_s = lsr_clock_unix_s();
	const uint32_t before_s = engine->retain_log_s == 0      ? UINT32_MAX
				  : now_s > engine->retain_log_s ? now_s - engine->retain_log_s
								 : 0;
	(void)lsr_log_drop(&engine->log, from - lsr_min_u64(from, engine->retain_log_bytes), before_s);
}

/* Step 4's second half. What cannot be removed now is removed after the next snapshot. */
static void
drop_older(lessor_engine_t *engine, uint64_t from, uint64_t snapshot_bytes) {
	(void)lsr_snapshot_remove_others(engine->directory, from);
	atomic_store_explicit(&engine->log.segments.snapshot_bytes, snapshot_bytes, memory_order_relaxed);
	atomic_store_explicit(&engine->log.segments.needed_lsn, from, memory_order_relaxed);
	drop_log(engine, from);
	atomic_store_explicit(&engine->snapshot_from, from, memory_order_relaxed);
}

static lessor_status_t
take_snapshot(lessor_engine_t *engine, int directory, const uint8_t *store_id, lessor_report_t *report) {
	lsr_checkpoint_t checkpoint = {
		.engine = engine, .directory = directory, .store_id = store_id, .writer = {.file = -1}};
	lessor_status_t status = LESSOR_NO_MEMORY;
	checkpoint.bytes = malloc(COLLECT_BYTES);
	checkpoint.list = malloc(LSR_COLLECT_LEASES * sizeof(checkpoint.list[0]));
	if (checkpoint.bytes != NULL && checkpoint.list != NULL) {
		status = write_snapshot(&checkpoint, report->sentence, sizeof(report->sentence));
	}
	if (status == LESSOR_OK) {
		if (engine->has_log) {
			drop_older(engine, checkpoint.writer.from_lsn, checkpoint.writer.offset);
		}
		report->snapshot_leases = checkpoint.writer.leases;
		report->leases = checkpoint.writer.leases - checkpoint.empties;
		report->snapshot_bytes = checkpoint.writer.offset;
		report->scopes = atomic_load_explicit(&engine->scopes, memory_order_relaxed);
		report->last_ticket = lessor_durable_ticket(engine);
	}
	free(checkpoint.bytes);
	free(checkpoint.list);
	return status;
}

lessor_status_t
lessor_snapshot(lessor_engine_t *engine, lessor_report_t *report) {
	lessor_report_t own_report;
	report = report != NULL ? report : &own_report;
	*report = (lessor_report_t){0};
	lessor_status_t status = lsr_engine_for_change(engine, LESSOR_SYNC);
	if (status != LESSOR_OK) {
		return status;
	}
	if (!engine->has_log) {
		return LESSOR_READ_ONLY;
	}
	const uint64_t started_ns = lsr_clock_ns();
	(void)pthread_mutex_lock(&engine->snapshot_lock);
	LSR_PROBE_SNAPSHOT_BEGIN(lsr_log_tail(&engine->log));
	status = take_snapshot(engine, engine->directory, engine->store_id, report);
	LSR_PROBE_SNAPSHOT_END(status, report->leases, report->snapshot_bytes);
	(void)pthread_mutex_unlock(&engine->snapshot_lock);
	report->seconds = (double)(lsr_clock_ns() - started_ns) * 1e-9;
	return status;
}

lessor_status_t
lsr_engine_write_copy(lessor_engine_t *engine, int directory, const uint8_t store_id[LSR_STORE_ID_BYTES],
		      lessor_report_t *report) {
	const lsr_log_contents_t contents = {.end_lsn = engine->loaded_lsn};
	const lsr_log_options_t options = {
		.ring_bytes = UINT64_C(1) << 20, .segment_bytes = UINT64_C(1) << 20, .gather_us = 1000};
	lessor_status_t status = take_snapshot(engine, directory, store_id, report);
	status = status != LESSOR_OK ? status
				     : lsr_log_open(&engine->log, directory, store_id, &options, &contents,
						    report->sentence, sizeof(report->sentence));
	return status != LESSOR_OK ? status : lsr_log_close(&engine->log);
}

/* ---- the keeper: snapshots by itself -------------------------------------------------------------------------------- */

/* What the last try saw: after a failure the log must grow again before the next one. Segments that are only retained do not count. */
typedef struct {
	uint64_t tail;
	size_t segments;
} lsr_tried_t;

static lsr_tried_t
log_now(lessor_engine_t *engine) {
	lsr_tried_t now = {.tail = lsr_log_tail(&engine->log)};
	(void)pthread_mutex_lock(&engine->log.segments.lock);
	const uint64_t from = atomic_load_explicit(&engine->snapshot_from, memory_order_relaxed);
	const lsr_segments_t *segments = &engine->log.segments;
	for (size_t i = 0; i < segments->count; i++) {
		now.segments += i + 1 == segments->count || segments->list[i + 1].first_lsn > from;
	}
	(void)pthread_mutex_unlock(&engine->log.segments.lock);
	return now;
}

/* The log is refused its next segment: a snapshot makes room. */
static bool
is_at_disk_limit(lessor_engine_t *engine) {
	return engine->disk_limit_bytes != 0 && atomic_load_explicit(&engine->log.disk_full, memory_order_acquire);
}

static bool
is_due(lessor_engine_t *engine, const lsr_tried_t *tried, const lsr_tried_t *now) {
	const uint64_t from =
		lsr_max_u64(atomic_load_explicit(&engine->snapshot_from, memory_order_relaxed), tried->tail);
	return engine->snapshot_after_bytes != UINT64_MAX && now->tail > from &&
	       (now->tail - from >= engine->snapshot_after_bytes || is_at_disk_limit(engine) ||
		(now->segments > SEGMENTS_MAX && now->segments > tried->segments));
}

static void *
run_keeper(void *argument) {
	lessor_engine_t *engine = argument;
	lsr_tried_t tried = {0};
	(void)pthread_mutex_lock(&engine->keeper_lock);
	while (!engine->keeper_stops) {
		struct timespec until;
		(void)pthread_mutex_unlock(&engine->keeper_lock);
		const lsr_tried_t now = log_now(engine);
		if (is_due(engine, &tried, &now)) {
			(void)lessor_snapshot(engine, NULL);
			tried = log_now(engine);
		} else if (engine->retain_log_s != 0) {
			drop_log(engine, atomic_load_explicit(&engine->snapshot_from, memory_order_relaxed));
		}
		(void)pthread_mutex_lock(&engine->keeper_lock);
		(void)clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += KEEPER_PERIOD_S;
		if (!engine->keeper_stops) {
			(void)pthread_cond_timedwait(&engine->keeper_wakes, &engine->keeper_lock, &until);
		}
	}
	(void)pthread_mutex_unlock(&engine->keeper_lock);
	return NULL;
}

bool
lsr_engine_start_keeper(lessor_engine_t *engine) {
	engine->keeper_runs = lsr_thread_start(&engine->keeper, run_keeper, engine);
	return engine->keeper_runs;
}

void
lsr_engine_stop_keeper(lessor_engine_t *engine) {
	if (!engine->keeper_runs) {
		return;
	}
	(void)pthread_mutex_lock(&engine->keeper_lock);
	engine->keeper_stops = true;
	(void)pthread_cond_broadcast(&engine->keeper_wakes);
	(void)pthread_mutex_unlock(&engine->keeper_lock);
	(void)pthread_join(engine->keeper, NULL);
	engine->keeper_runs = false;
}
