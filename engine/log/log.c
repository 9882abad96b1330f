/* SPDX-License-Identifier: Apache-2.0 */
#include "log/log.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/probe.h"
#include "base/thread.h"

/* With nobody waiting, this much is worth a flush by itself. */
#define GATHER_BYTES ((uint64_t)512 << 10)
/* How long a full disk is believed before the preparing thread tries again. */
#define REFUSAL_HOLDS_NS UINT64_C(200000000)
/* Waits for room are bounded, so that no missed signal costs more than this. */
#define ROOM_WAIT_MAX_NS UINT64_C(20000000)
/* The ring is never quite full, so that the writer can add an empty record at any time. */
#define RING_SLACK_BYTES ((uint64_t)4096)
/* What one small frame loses to rounding, and a little. */
#define FREEZE_MARGIN_BYTES (3 * (uint64_t)LSR_BLOCK_BYTES)
/* While somebody waits for room and there is nothing to flush. */
#define ROOM_DOZE_NS UINT64_C(1000000)
#define NS_PER_S     UINT64_C(1000000000)
#define NS_PER_MS    UINT64_C(1000000)

/* ---- futexes ----------------------------------------------------------------------------------------------------- */

static void
futex_wait(_Atomic uint32_t *word, uint32_t seen, uint64_t timeout_ns) {
	const struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / NS_PER_S),
					 .tv_nsec = (long)(timeout_ns % NS_PER_S)};
	(void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, timeout_ns == UINT64_MAX ? NULL : &timeout, NULL, 0);
}

static void
futex_wake(_Atomic uint32_t *word) {
	(void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* ---- state --------------------------------------------------------------------------------------------------------- */

static lsr_log_state_t
state_of(lsr_log_t *log) {
	return (lsr_log_state_t)atomic_load_explicit(&log->state, memory_order_seq_cst);
}

static lessor_status_t
status_of(lsr_log_t *log) {
	const lsr_log_state_t state = state_of(log);
	return state == LSR_LOG_FAILED ? LESSOR_LOG_FAILED : state == LSR_LOG_CLOSING ? LESSOR_CLOSED : LESSOR_OK;
}

static void
wake_waiters(lsr_log_t *log) {
	(void)atomic_fetch_add_explicit(&log->flushes_seen, 1, memory_order_seq_cst); /* L5 */
	if (atomic_load_explicit(&log->waiters, memory_order_seq_cst) != 0) {
		futex_wake(&log->flushes_seen);
	}
}

static void
wake_room_waiters(lsr_log_t *log) {
	if (atomic_load_explicit(&log->room_waiters, memory_order_seq_cst) != 0) {
		(void)atomic_fetch_add_explicit(&log->rooms_seen, 1, memory_order_seq_cst);
		futex_wake(&log->rooms_seen);
	}
}

static void
tell_notifiers(lsr_log_t *log) {
	static const uint64_t one = 1;
	if (atomic_load_explicit(&log->notifiers, memory_order_acquire) == 0) {
		return;
	}
	(void)pthread_mutex_lock(&log->lock);
	for (unsigned i = 0; i < LSR_NOTIFIERS_MAX; i++) {
		/* EAGAIN means that the counter is at its maximum: readable anyway. */
		if (log->notifier[i] >= 0 && write(log->notifier[i], &one, sizeof(one)) < 0) {
			continue;
		}
	}
	(void)pthread_mutex_unlock(&log->lock);
}

/* The log has failed: for good. */
static void
fail(lsr_log_t *log) {
	atomic_store_explicit(&log->limit, 0, memory_order_seq_cst);
	atomic_store_explicit(&log->state, LSR_LOG_FAILED, memory_order_seq_cst);
	wake_waiters(log);
	wake_room_waiters(log);
	tell_notifiers(log);
}

/* ---- limit: the writer thread's --------------------------------------------------------------------------------- */

/* Payload that the files have room for, if it comes in large frames. */
static uint64_t
room_on_disk(lsr_log_t *log) {
	(void)pthread_mutex_lock(&log->lock);
	const bool ready = log->prepare_state == LSR_PREPARE_READY;
	const uint64_t room = lsr_segments_room(&log->segments, ready ? &log->prepared : NULL);
	(void)pthread_mutex_unlock(&log->lock);
	return room;
}

/* An eighth of the room is held back for what small frames lose, so that freezing is rare even when the files are small. */
static void
raise_limit(lsr_log_t *log) {
	const uint64_t room = room_on_disk(log);
	const uint64_t limit = log->gathered + lsr_min_u64(log->ring_bytes - RING_SLACK_BYTES, room - room / 8);
	if (limit > atomic_load_explicit(&log->limit, memory_order_relaxed)) {
		atomic_store_explicit(&log->limit, limit, memory_order_release); /* L3 */
	}
	atomic_store_explicit(&log->frozen, false, memory_order_release);
	wake_room_waiters(log);
}

/* The header at this position, 0 while the record is not complete. Loaded where it was stored, never through the ring's second mapping. */
static uint32_t
header_at(const lsr_log_t *log, uint64_t position) {
	const _Atomic uint32_t *word =
		(const _Atomic uint32_t *)(const void *)(log->ring + (position & (log->ring_bytes - 1)));
	return atomic_load_explicit(word, memory_order_acquire); /* L2 */
}

/* Wait until every record before 'end' is complete. Their owners do nothing but copy. */
static void
await_completion(lsr_log_t *log, uint64_t end) {
	unsigned round = 0;
	for (uint64_t at = log->gathered; at < end;) {
		const uint32_t header = header_at(log, at);
		if (header == 0) {
			lsr_relax(&round);
		}
		at += lsr_header_bytes(header);
	}
}

/*
 * What was admitted must fit the files. In large frames it does: limit - gathered never exceeds the room. But a frame takes whole blocks, so with little
 * room left, a flush of few bytes could eat what others were promised. Before such a flush: lower the limit, put an empty record on the
 * stream - whoever read the old limit fails his compare-and-swap on the tail, and whoever reads the new tail sees the new limit (L6, L4) - and
 * wait for what was reserved until then. All of that leaves in full frames; then the limit is set anew.
 */
static void
freeze_if_scarce(lsr_log_t *log) {
	const uint64_t limit = atomic_load_explicit(&log->limit, memory_order_relaxed);
	if (limit - log->gathered + FREEZE_MARGIN_BYTES <= room_on_disk(log)) {
		return;
	}
	atomic_store_explicit(&log->frozen, true, memory_order_release);
	atomic_store_explicit(&log->limit, log->gathered, memory_order_seq_cst);
	const uint64_t at = atomic_fetch_add_explicit(&log->tail, LSR_RECORD_ALIGN, memory_order_seq_cst);
	(void)lsr_log_complete(log, at, lsr_record_header(LSR_LOG_PAD, LSR_RECORD_ALIGN - 4));
	await_completion(log, at + LSR_RECORD_ALIGN);
}

/* ---- gathering ----------------------------------------------------------------------------------------------------- */

/*
 * Copy complete records from 'gathered' on into the frame, at most 'most' bytes. Returns how many. *too_large: the copying ended at a complete record
 * that would not have fitted (and not at one that its owner had not completed: that one may be complete a moment later).
 */
static uint32_t
gather(lsr_log_t *log, uint32_t most, bool *too_large) {
	const uint64_t start = log->gathered;
	const uint64_t tail = lsr_log_tail(log);
	uint8_t *from = log->ring + (start & (log->ring_bytes - 1));
	uint64_t at = start;
	*too_large = false;
	while (at < tail) {
		const uint32_t header = header_at(log, at);
		*too_large = header != 0 && at + lsr_header_bytes(header) - start > most;
		if (header == 0 || *too_large) {
			break;
		}
		at += lsr_header_bytes(header);
	}
	const size_t size_bytes = at - start;
	memcpy(log->frame + LSR_FRAME_HEADER_BYTES, from, size_bytes);
	memset(from, 0, size_bytes);
	return (uint32_t)size_bytes;
}

/* Nobody waits for what has been reserved. */
static bool
nobody_waits(lsr_log_t *log) {
	return atomic_load_explicit(&log->wanted, memory_order_seq_cst) <= log->gathered &&
	       atomic_load_explicit(&log->room_waiters, memory_order_seq_cst) == 0 &&
	       atomic_load_explicit(&log->notifiers, memory_order_seq_cst) == 0 && state_of(log) == LSR_LOG_RUNNING;
}

static bool
is_open(lsr_log_t *log) {
	return state_of(log) == LSR_LOG_RUNNING;
}

static bool
is_idle(lsr_log_t *log) {
	return atomic_load_explicit(&log->room_waiters, memory_order_seq_cst) == 0 && state_of(log) == LSR_LOG_RUNNING;
}

/* Sleep until an appender reaches wake_at, 'calm' does not hold any more, or the time is over. */
static void
doze(lsr_log_t *log, uint64_t wake_at, uint64_t timeout_ns, bool (*calm)(lsr_log_t *log)) {
	atomic_store_explicit(&log->wake_at, wake_at, memory_order_relaxed);
	atomic_store_explicit(&log->asleep, 1, memory_order_seq_cst); /* L6 */
	if (atomic_load_explicit(&log->tail, memory_order_seq_cst) < wake_at && calm(log)) {
		futex_wait(&log->asleep, 1, timeout_ns);
	}
	atomic_store_explicit(&log->asleep, 0, memory_order_seq_cst);
}

void
lsr_log_wake(lsr_log_t *log) {
	if (atomic_exchange_explicit(&log->asleep, 0, memory_order_seq_cst) != 0) {
		futex_wake(&log->asleep);
	}
}

/* Wait until there is something worth a flush. False: closing, and everything is gathered. */
static bool
await_work(lsr_log_t *log) {
	for (;;) {
		const uint64_t waiting = lsr_log_tail(log) - log->gathered;
		if (waiting == 0) {
			if (state_of(log) != LSR_LOG_RUNNING) {
				return false;
			}
			raise_limit(log);
			if (is_idle(log)) {
				doze(log, log->gathered + 1, UINT64_MAX, is_idle);
			} else {
				/* Who waits for room has it now, or will be refused, or waits for the next segment, whose maker wakes us. */
				doze(log, log->gathered + 1, ROOM_DOZE_NS, is_open);
			}
			continue;
		}
		if (waiting < GATHER_BYTES && nobody_waits(log)) {
			doze(log, log->gathered + GATHER_BYTES, (uint64_t)log->gather_us * 1000, nobody_waits);
		}
		return true;
	}
}

/* ---- flushing ------------------------------------------------------------------------------------------------------ */

/* Begin the prepared segment, waiting for it if need be. 0 or a negative errno. */
static int
next_segment(lsr_log_t *log) {
	int result = -ENOSPC;
	(void)pthread_mutex_lock(&log->lock);
	while (log->prepare_state == LSR_PREPARE_WANTED) {
		(void)pthread_cond_wait(&log->changed, &log->lock);
	}
	if (log->prepare_state == LSR_PREPARE_READY) {
		lsr_segment_t prepared = log->prepared;
		log->prepared.file = -1;
		log->prepare_state = LSR_PREPARE_WANTED;
		(void)pthread_cond_broadcast(&log->changed);
		(void)pthread_mutex_unlock(&log->lock);
		result = lsr_segments_take(&log->segments, &prepared, log->gathered);
		if (result != 0) {
			(void)lsr_io->close(prepared.file);
		}
		return result;
	}
	(void)pthread_mutex_unlock(&log->lock);
	return result;
}

static uint64_t
left_in_segment(const lsr_log_t *log) {
	const lsr_segment_t *current = &log->segments.current;
	return current->file < 0 ? 0 : current->size_bytes - current->offset;
}

/* The greatest payload that the current segment takes, keeping a block for the closing mark. */
static uint32_t
payload_that_fits(const lsr_log_t *log) {
	const uint64_t left = left_in_segment(log);
	const uint64_t keep = LSR_BLOCK_BYTES;
	if (left < keep + LSR_BLOCK_BYTES) {
		return 0;
	}
	return (uint32_t)lsr_min_u64((left - keep) / LSR_BLOCK_BYTES * LSR_BLOCK_BYTES - LSR_FRAME_HEADER_BYTES,
				     LSR_FRAME_PAYLOAD_MAX);
}

static void
publish_durable(lsr_log_t *log) {
	atomic_store_explicit(&log->durable, log->gathered, memory_order_seq_cst); /* L5 */
	wake_waiters(log);
	tell_notifiers(log);
}

/*
 * Write what was gathered last, durably. The ring and the place in the file are given out before the write: appenders go on meanwhile.
 */
static int
write_frame(lsr_log_t *log, uint32_t payload_bytes, uint16_t flags) {
	lsr_segment_t *current = &log->segments.current;
	const uint64_t offset = current->offset;
	const size_t disk_bytes = lsr_frame_disk_bytes(payload_bytes);
	lsr_frame_header_t *header = (lsr_frame_header_t *)(void *)log->frame;
	*header = (lsr_frame_header_t){.magic = LSR_FRAME_MAGIC,
				       .version = LSR_FORMAT_VERSION,
				       .flags = flags,
				       .first_lsn = log->gathered,
				       .durable_lsn = lsr_log_durable(log),
				       .payload_bytes = payload_bytes,
				       .previous_crc = log->previous_crc,
				       .segment_index = current->index,
				       .time_s = lsr_clock_unix_s()};
	memcpy(header->store_id, log->segments.store_id, sizeof(header->store_id));
	memset(log->frame + LSR_FRAME_HEADER_BYTES + payload_bytes, 0,
	       disk_bytes - LSR_FRAME_HEADER_BYTES - payload_bytes);
	current->offset += disk_bytes;
	log->gathered += payload_bytes;
	raise_limit(log);
	lsr_frame_seal(header);
	if (LSR_PLANTED(LSR_PLANT_PUBLISH_EARLY)) {
		publish_durable(log);
	}
	LSR_PROBE_FLUSH_BEGIN(disk_bytes);
	int result = lsr_io_write_all(current->file, log->frame, disk_bytes, offset);
	LSR_PROBE_FLUSH_END(disk_bytes, result);
	if (LSR_PLANTED(LSR_PLANT_RETRY_FLUSH) && result != 0) {
		result = lsr_io_write_all(current->file, log->frame, disk_bytes, offset);
	}
	if (result == 0) {
		log->previous_crc = header->crc;
		(void)atomic_fetch_add_explicit(&log->flushes, 1, memory_order_relaxed);
		(void)atomic_fetch_add_explicit(&log->flushed_bytes, disk_bytes, memory_order_relaxed);
	}
	return result;
}

/* One frame: gather, write, publish. 0, 1 if nothing was complete yet, or a negative errno. */
static int
flush_once(lsr_log_t *log) {
	bool too_large;
	freeze_if_scarce(log);
	uint32_t payload_bytes = gather(log, payload_that_fits(log), &too_large);
	if (payload_bytes == 0 && !too_large) {
		return 1;
	}
	if (payload_bytes == 0) {
		const int result = next_segment(log);
		if (result != 0) {
			return result;
		}
		payload_bytes = gather(log, payload_that_fits(log), &too_large);
		if (payload_bytes == 0) {
			return -EFBIG;
		}
	}
	const int result = write_frame(log, payload_bytes, 0);
	if (result == 0) {
		publish_durable(log);
	}
	return result;
}

static void *
run_writer(void *argument) {
	lsr_log_t *log = argument;
	unsigned round = 0;
	while (await_work(log)) {
		const int result = flush_once(log);
		if (result < 0) {
			fail(log);
			break;
		}
		if (result > 0) {
			lsr_relax(&round); /* the record at the front is being copied by its owner */
		} else {
			round = 0;
		}
	}
	return NULL;
}

/* ---- preparing segments -------------------------------------------------------------------------------------------- */

static void *
run_preparer(void *argument) {
	lsr_log_t *log = argument;
	(void)pthread_mutex_lock(&log->lock);
	while (log->prepare_state != LSR_PREPARE_STOP) {
		if (log->prepare_state != LSR_PREPARE_WANTED) {
			(void)pthread_cond_wait(&log->changed, &log->lock);
			continue;
		}
		lsr_segment_t prepared = {.file = -1};
		(void)pthread_mutex_unlock(&log->lock);
		const int result = lsr_segments_prepare(&log->segments, &prepared, &log->stopping);
		(void)pthread_mutex_lock(&log->lock);
		if (log->prepare_state == LSR_PREPARE_STOP) {
			lsr_segments_discard(&log->segments, &prepared);
			break;
		}
		log->prepared = prepared;
		log->prepare_state = result == 0 ? LSR_PREPARE_READY : LSR_PREPARE_FULL;
		log->refused_at_ns = lsr_clock_ns();
		log->refusal = -result;
		(void)pthread_cond_broadcast(&log->changed);
		/* The limit is the writer's to move. */
		(void)pthread_mutex_unlock(&log->lock);
		atomic_store_explicit(&log->disk_full, result != 0, memory_order_release);
		wake_room_waiters(log);
		lsr_log_wake(log);
		(void)pthread_mutex_lock(&log->lock);
	}
	(void)pthread_mutex_unlock(&log->lock);
	return NULL;
}

/* The disk refused a while ago: let the preparing thread try again, unless it has just done so. True: still refused. */
static bool
still_full(lsr_log_t *log) {
	(void)pthread_mutex_lock(&log->lock);
	bool full = log->prepare_state == LSR_PREPARE_FULL;
	if (full && lsr_clock_ns() - log->refused_at_ns > REFUSAL_HOLDS_NS) {
		log->prepare_state = LSR_PREPARE_WANTED;
		(void)pthread_cond_broadcast(&log->changed);
		while (log->prepare_state == LSR_PREPARE_WANTED) {
			(void)pthread_cond_wait(&log->changed, &log->lock);
		}
		full = log->prepare_state == LSR_PREPARE_FULL;
	}
	(void)pthread_mutex_unlock(&log->lock);
	return full;
}

/* ---- appending: the slow path -------------------------------------------------------------------------------------- */

/* The limit is the disk's, not the ring's: what is under way does not make room for this. */
static bool
is_stuck(lsr_log_t *log, uint64_t size_bytes) {
	const uint64_t tail = lsr_log_tail(log);
	if (!atomic_load_explicit(&log->disk_full, memory_order_acquire) ||
	    atomic_load_explicit(&log->frozen, memory_order_acquire)) {
		return false;
	}
	/* Behind 'frozen': it is lowered after the limit is raised. */
	const uint64_t limit = atomic_load_explicit(&log->limit, memory_order_acquire);
	return tail + size_bytes > limit && limit - lsr_log_durable(log) < log->ring_bytes - RING_SLACK_BYTES &&
	       still_full(log);
}

/* Why there is no next segment. */
static lessor_status_t
refusal(lsr_log_t *log) {
	(void)pthread_mutex_lock(&log->lock);
	const int error = log->refusal;
	(void)pthread_mutex_unlock(&log->lock);
	return error == ENOSPC || error == EDQUOT || error == EFBIG ? LESSOR_DISK_FULL
	       : error == ENOMEM                                    ? LESSOR_NO_MEMORY
								    : LESSOR_IO;
}

lessor_status_t
lsr_log_admit_slowly(lsr_log_t *log, uint64_t size_bytes) {
	lessor_status_t status = LESSOR_OK;
	if (size_bytes > log->ring_bytes / 2) {
		return LESSOR_LIMIT;
	}
	(void)atomic_fetch_add_explicit(&log->room_waiters, 1, memory_order_seq_cst);
	for (;;) {
		const uint32_t seen = atomic_load_explicit(&log->rooms_seen, memory_order_seq_cst);
		status = status_of(log);
		if (status != LESSOR_OK ||
		    lsr_log_tail(log) + size_bytes <= atomic_load_explicit(&log->limit, memory_order_seq_cst)) {
			break;
		}
		if (is_stuck(log, size_bytes)) {
			status = refusal(log);
			break;
		}
		lsr_log_wake(log);
		futex_wait(&log->rooms_seen, seen, ROOM_WAIT_MAX_NS);
	}
	(void)atomic_fetch_sub_explicit(&log->room_waiters, 1, memory_order_seq_cst);
	return status;
}

/* ---- waiting ------------------------------------------------------------------------------------------------------- */

lessor_status_t
lsr_log_poll(lsr_log_t *log, uint64_t lsn) {
	if (lsn <= lsr_log_durable(log)) {
		return LESSOR_OK;
	}
	if (lsn > lsr_log_tail(log)) {
		return LESSOR_INVALID;
	}
	const lessor_status_t status = status_of(log);
	/* Failure is set after the last successful flush was published: look once more. */
	return lsn <= lsr_log_durable(log) ? LESSOR_OK : status == LESSOR_OK ? LESSOR_TIMEOUT : status;
}

static void
raise_wanted(lsr_log_t *log, uint64_t lsn) {
	uint64_t wanted = atomic_load_explicit(&log->wanted, memory_order_relaxed);
	while (wanted < lsn && !atomic_compare_exchange_weak_explicit(&log->wanted, &wanted, lsn, memory_order_seq_cst,
								      memory_order_relaxed)) {
	}
}

/* Is more than lsn durable? As lsr_log_poll() answers. */
static lessor_status_t
poll_beyond(lsr_log_t *log, uint64_t lsn) {
	const lessor_status_t status = status_of(log);
	return lsr_log_durable(log) > lsn ? LESSOR_OK : status == LESSOR_OK ? LESSOR_TIMEOUT : status;
}

/* Sleep from flush to flush until 'poll' has another answer than LESSOR_TIMEOUT. */
static lessor_status_t
await_flushes(lsr_log_t *log, uint64_t lsn, int64_t timeout_ms, lessor_status_t (*poll)(lsr_log_t *, uint64_t)) {
	lessor_status_t status;
	const uint64_t deadline_ns =
		timeout_ms < 0 ? UINT64_MAX
			       : lsr_clock_ns() + lsr_min_u64((uint64_t)timeout_ms, UINT64_C(1) << 40) * NS_PER_MS;
	(void)atomic_fetch_add_explicit(&log->waiters, 1, memory_order_seq_cst); /* L5 */
	lsr_log_wake(log);
	for (;;) {
		const uint32_t seen = atomic_load_explicit(&log->flushes_seen, memory_order_seq_cst); /* L5 */
		status = poll(log, lsn);
		if (status != LESSOR_TIMEOUT) {
			break;
		}
		const uint64_t now_ns = deadline_ns == UINT64_MAX ? 0 : lsr_clock_ns();
		if (now_ns >= deadline_ns) {
			break;
		}
		futex_wait(&log->flushes_seen, seen, deadline_ns == UINT64_MAX ? UINT64_MAX : deadline_ns - now_ns);
	}
	(void)atomic_fetch_sub_explicit(&log->waiters, 1, memory_order_seq_cst);
	return status;
}

lessor_status_t
lsr_log_wait(lsr_log_t *log, uint64_t lsn, int64_t timeout_ms) {
	const lessor_status_t status = lsr_log_poll(log, lsn);
	if (status != LESSOR_TIMEOUT || timeout_ms == 0) {
		return status;
	}
	raise_wanted(log, lsn);
	return await_flushes(log, lsn, timeout_ms, lsr_log_poll);
}

lessor_status_t
lsr_log_await(lsr_log_t *log, uint64_t lsn, int64_t timeout_ms) {
	const lessor_status_t status = poll_beyond(log, lsn);
	return status != LESSOR_TIMEOUT || timeout_ms == 0 ? status : await_flushes(log, lsn, timeout_ms, poll_beyond);
}

/* ---- notifiers ----------------------------------------------------------------------------------------------------- */

lessor_status_t
lsr_log_notifier_open(lsr_log_t *log, int *fd) {
	const int fresh = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fresh < 0) {
		return LESSOR_IO;
	}
	lessor_status_t status = LESSOR_LIMIT;
	(void)pthread_mutex_lock(&log->lock);
	for (unsigned i = 0; i < LSR_NOTIFIERS_MAX && status != LESSOR_OK; i++) {
		if (log->notifier[i] < 0) {
			log->notifier[i] = fresh;
			(void)atomic_fetch_add_explicit(&log->notifiers, 1, memory_order_release);
			status = LESSOR_OK;
		}
	}
	(void)pthread_mutex_unlock(&log->lock);
	if (status != LESSOR_OK) {
		(void)close(fresh);
		return status;
	}
	lsr_log_wake(log);
	if (state_of(log) == LSR_LOG_FAILED) {
		tell_notifiers(log); /* the news is old, but not to this one */
	}
	*fd = fresh;
	return LESSOR_OK;
}

lessor_status_t
lsr_log_notifier_close(lsr_log_t *log, int fd) {
	lessor_status_t status = LESSOR_INVALID;
	(void)pthread_mutex_lock(&log->lock);
	for (unsigned i = 0; fd >= 0 && i < LSR_NOTIFIERS_MAX; i++) {
		if (log->notifier[i] == fd) {
			log->notifier[i] = -1;
			(void)atomic_fetch_sub_explicit(&log->notifiers, 1, memory_order_release);
			(void)close(fd);
			status = LESSOR_OK;
			break;
		}
	}
	(void)pthread_mutex_unlock(&log->lock);
	return status;
}

int
lsr_log_drop(lsr_log_t *log, uint64_t lsn, uint32_t before_s) {
	const int result = lsr_segments_drop(&log->segments, lsn, before_s);
	(void)pthread_mutex_lock(&log->lock);
	log->refused_at_ns = 0; /* there may be room now: ask again at the next refusal, */
	if (log->segments.limit_bytes != 0 && log->prepare_state == LSR_PREPARE_FULL) {
		log->prepare_state = LSR_PREPARE_WANTED; /* and where it is known that there is, now */
		(void)pthread_cond_broadcast(&log->changed);
	}
	(void)pthread_mutex_unlock(&log->lock);
	return result;
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

/* The ring: one file of anonymous memory, mapped twice side by side. */
static uint8_t *
map_ring(uint64_t size_bytes) {
	const int file = memfd_create("lessor-ring", MFD_CLOEXEC);
	if (file < 0) {
		return NULL;
	}
	uint8_t *base = MAP_FAILED;
	if (ftruncate(file, (off_t)size_bytes) == 0) {
		base = mmap(NULL, 2 * size_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	}
	if (base != MAP_FAILED) {
		for (unsigned half = 0; half < 2; half++) {
			if (mmap(base + half * size_bytes, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
				 file, 0) == MAP_FAILED) {
				(void)munmap(base, 2 * size_bytes);
				base = MAP_FAILED;
				break;
			}
		}
	}
	(void)close(file);
	return base == MAP_FAILED ? NULL : base;
}

void
lsr_log_init(lsr_log_t *log) {
	memset(log, 0, sizeof(*log));
	log->prepared.file = -1;
	log->segments.current.file = -1;
	(void)pthread_mutex_init(&log->lock, NULL);
	(void)pthread_cond_init(&log->changed, NULL);
	memset(log->notifier, 0xFF, sizeof(log->notifier)); /* all -1 */
}

/* What open has taken beyond init. */
static void
stop_log(lsr_log_t *log) {
	if (log->ring != NULL) {
		(void)munmap(log->ring, 2 * log->ring_bytes);
	}
	log->ring = NULL;
	free(log->frame);
	log->frame = NULL;
	lsr_segments_destroy(&log->segments);
}

void
lsr_log_destroy(lsr_log_t *log) {
	for (unsigned i = 0; i < LSR_NOTIFIERS_MAX; i++) {
		if (log->notifier[i] >= 0) {
			(void)close(log->notifier[i]);
		}
	}
	(void)pthread_cond_destroy(&log->changed);
	(void)pthread_mutex_destroy(&log->lock);
}

static lessor_status_t
start_segment(lsr_log_t *log, uint64_t lsn, char *sentence, size_t sentence_bytes) {
	lsr_segment_t prepared = {.file = -1};
	int result = lsr_segments_prepare(&log->segments, &prepared, &log->stopping);
	if (result == 0) {
		result = lsr_segments_take(&log->segments, &prepared, lsn);
		if (result != 0) {
			lsr_segments_discard(&log->segments, &prepared);
		}
	}
	if (result == 0) {
		return LESSOR_OK;
	}
	(void)snprintf(sentence, sentence_bytes, "the first log segment cannot be made: %s", strerror(-result));
	return result == -ENOSPC || result == -EDQUOT ? LESSOR_DISK_FULL
	       : result == -ENOMEM                    ? LESSOR_NO_MEMORY
						      : LESSOR_IO;
}

static bool
start_threads(lsr_log_t *log) {
	log->preparer_runs = lsr_thread_start(&log->preparer, run_preparer, log);
	return log->preparer_runs && lsr_thread_start(&log->writer, run_writer, log);
}

static void
stop_preparer(lsr_log_t *log) {
	(void)pthread_mutex_lock(&log->lock);
	log->prepare_state = LSR_PREPARE_STOP;
	atomic_store_explicit(&log->stopping, true, memory_order_relaxed);
	(void)pthread_cond_broadcast(&log->changed);
	(void)pthread_mutex_unlock(&log->lock);
	if (log->preparer_runs) {
		(void)pthread_join(log->preparer, NULL);
	}
	lsr_segments_discard(&log->segments, &log->prepared);
}

lessor_status_t
lsr_log_open(lsr_log_t *log, int directory, const uint8_t store_id[LSR_STORE_ID_BYTES],
	     const lsr_log_options_t *options, const lsr_log_contents_t *contents, char *sentence,
	     size_t sentence_bytes) {
	log->ring_bytes = options->ring_bytes;
	log->gather_us = options->gather_us;
	log->gathered = contents->end_lsn;
	atomic_init(&log->tail, contents->end_lsn);
	atomic_init(&log->durable, contents->end_lsn);
	atomic_init(&log->wanted, contents->end_lsn);
	lessor_status_t status = LESSOR_OK;
	if (lsr_segments_init(&log->segments, directory, store_id, options->segment_bytes, contents) != 0) {
		status = LESSOR_NO_MEMORY;
	}
	log->segments.limit_bytes = options->disk_limit_bytes;
	atomic_init(&log->segments.snapshot_bytes, options->snapshot_bytes);
	atomic_init(&log->segments.needed_lsn, options->snapshot_from);
	log->frame = aligned_alloc(LSR_BLOCK_BYTES, lsr_frame_disk_bytes(LSR_FRAME_PAYLOAD_MAX));
	log->ring = map_ring(log->ring_bytes);
	if (status == LESSOR_OK && (log->frame == NULL || log->ring == NULL)) {
		status = LESSOR_NO_MEMORY;
	}
	if (status == LESSOR_OK) {
		status = start_segment(log, contents->end_lsn, sentence, sentence_bytes);
	} else {
		(void)snprintf(sentence, sentence_bytes, "no memory for the log");
	}
	if (status == LESSOR_OK) {
		raise_limit(log);
		if (!start_threads(log)) {
			status = LESSOR_NO_MEMORY;
			stop_preparer(log);
			(void)snprintf(sentence, sentence_bytes, "the log's threads cannot be started");
		}
	}
	if (status != LESSOR_OK) {
		stop_log(log);
	}
	return status;
}

void
lsr_log_begin_close(lsr_log_t *log) {
	uint32_t running = LSR_LOG_RUNNING;
	(void)atomic_compare_exchange_strong_explicit(&log->state, &running, LSR_LOG_CLOSING, memory_order_seq_cst,
						      memory_order_seq_cst);
	(void)atomic_fetch_add_explicit(&log->flushes_seen, 1, memory_order_seq_cst);
	futex_wake(&log->flushes_seen);
	wake_room_waiters(log);
	lsr_log_wake(log);
}

lessor_status_t
lsr_log_close(lsr_log_t *log) {
	unsigned round = 0;
	lsr_log_begin_close(log);
	(void)pthread_join(log->writer, NULL);
	while (atomic_load_explicit(&log->waiters, memory_order_seq_cst) != 0 ||
	       atomic_load_explicit(&log->room_waiters, memory_order_seq_cst) != 0) {
		lsr_log_begin_close(log); /* they are on their way out */
		lsr_relax(&round);
	}
	stop_preparer(log);
	int result = state_of(log) == LSR_LOG_FAILED ? -EIO : 0;
	if (result == 0) {
		result = write_frame(log, 0, LSR_FRAME_CLOSED);
	}
	if (result == 0) {
		result = lsr_segments_finish(&log->segments);
	}
	stop_log(log);
	return result == 0 ? LESSOR_OK : LESSOR_LOG_FAILED;
}
