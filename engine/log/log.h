/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The write-ahead log: many threads fill one memory ring in parallel, one writer thread makes it durable.
 *
 * Positions in the stream (LSN, bytes since the store was made); each only moves forward:
 *   tail      reserved; moved by the reserving threads, one compare-and-swap per record or batch
 *   gathered  copied out of the ring into a frame; writer thread. What lies before it may be reserved again one lap later
 *   durable   on stable storage; writer thread, after a successful flush
 *   limit     how far tail may go: gathered + ring size, and not further than the prepared segments have room. Written by the writer thread
 *             (and set to 0 for good when the log fails), read by the reserving threads
 *
 * Appending: lsr_log_admit() waits for room while nothing is claimed; lsr_log_reserve() hands out the position; the record is filled in and lsr_log_complete() ends it.
 * Reserving never waits; that the tail stops exactly at the limit (hence compare-and-swap, not fetch-add) is what lets a full ring or disk be a
 * refusal instead of a wait with claims held.
 *
 * Completion: a record is complete when its header is not 0; it is stored last. The writer zeroes what it has gathered before it moves the limit, so
 * a header of the lap before is never mistaken. Records of one stream complete in any order; a frame takes the complete prefix.
 *
 * Gathering: with somebody waiting the writer flushes at once, and what arrives meanwhile goes into the next flush. With nobody waiting
 * it stays away from the tail for gather_us or until a good part of a frame is there: a writer that follows closely pulls the
 * lines out of the creators' caches.
 *
 * Failure: a failed write or flush is final. Nothing is retried: the kernel may have dropped the data and a second flush would succeed without it.
 *
 * Progress: reserve and complete are lock-free. admit blocks while the ring is full. Waiting is a futex on a counter of flushes.
 *
 * Edges:
 *   L1 store record header (release)  ->  L2 writer loads it (acquire): the record's bytes
 *   L3 store limit (release)          ->  L4 load limit (acquire): the ring up to it is zero
 *   L5 store durable (seq_cst), count flush (seq_cst), load waiters (seq_cst)
 *      against  count waiter (seq_cst), load flush count (seq_cst), load durable (seq_cst): store buffering, hence sequentially consistent; with
 *      anything weaker both sides can miss each other and a waiter sleeps through its wake-up
 *   L6 move tail (seq_cst), load asleep (seq_cst)  against  store asleep (seq_cst), load tail (seq_cst): the same between appenders and the writer
 */
#ifndef LSR_LOG_H
#define LSR_LOG_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <lessor/status.h>

#include "base/base.h"
#include "log/segment.h"

#define LSR_NOTIFIERS_MAX 64

typedef enum lsr_prepare_state {
	LSR_PREPARE_WANTED, /* the preparing thread is at work or about to be */
	LSR_PREPARE_READY,
	LSR_PREPARE_FULL, /* the disk refused; tried again when somebody asks */
	LSR_PREPARE_STOP
} lsr_prepare_state_t;

typedef struct lsr_log {
	/* Appenders. */
	LSR_APART _Atomic uint64_t tail;
	/* Read by appenders, written by the writer thread. */
	LSR_APART _Atomic uint64_t limit;
	_Atomic uint64_t wake_at; /* while asleep: the tail at which an appender wakes the writer */
	_Atomic uint32_t asleep;  /* futex; 1: the writer sleeps */
	_Atomic uint32_t state;   /* lsr_log_state_t */
	_Atomic bool disk_full;   /* the preparing thread could not make the next segment */
	_Atomic bool frozen;      /* the limit is low for the length of a flush */
	/* Waiters. */
	LSR_APART _Atomic uint64_t durable;
	_Atomic uint32_t flushes_seen;     /* futex; one more at each move of durable, and at failure */
	_Atomic uint32_t rooms_seen;       /* futex; one more at each move of limit, if somebody waits for it */
	LSR_APART _Atomic uint64_t wanted; /* greatest position somebody waits for */
	_Atomic uint32_t waiters;
	_Atomic uint32_t room_waiters;
	/* Fixed after open. */
	LSR_APART uint8_t *ring; /* mapped twice in a row, so that no record ever wraps */
	uint64_t ring_bytes;
	uint32_t gather_us;
	/* Writer thread alone. */
	uint64_t gathered;
	uint32_t previous_crc;
	uint8_t *frame;
	lsr_segments_t segments;
	_Atomic uint64_t flushes;
	_Atomic uint64_t flushed_bytes;
	/* Between the writer and the preparing thread, and stopping: under 'lock'. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	lsr_prepare_state_t prepare_state;
	lsr_segment_t prepared;
	uint64_t refused_at_ns;
	int refusal;           /* errno that kept the next segment from being made */
	_Atomic bool stopping; /* the preparing thread need not finish what it does */
	int notifier[LSR_NOTIFIERS_MAX];
	_Atomic uint32_t notifiers;
	pthread_t writer;
	pthread_t preparer;
	bool preparer_runs;
} lsr_log_t;

typedef enum lsr_log_state {
	LSR_LOG_RUNNING = 0,
	LSR_LOG_CLOSING = 1, /* waiters are let out, the writer finishes */
	LSR_LOG_FAILED = 2
} lsr_log_state_t;

typedef struct lsr_log_options {
	uint64_t ring_bytes;
	uint64_t segment_bytes;
	uint32_t gather_us;
	uint64_t disk_limit_bytes; /* of segments and snapshot; 0: none */
	uint64_t snapshot_bytes;   /* the newest one's */
	uint64_t snapshot_from;    /* where it begins: older log is not needed */
} lsr_log_options_t;

/* What a log has of memory besides its ring: a frame, zeros. */
#ifndef LSR_RING_MIN_BYTES
#define LSR_RING_MIN_BYTES (UINT64_C(1) << 20)
#endif
#define LSR_LOG_BUFFERS_BYTES ((uint64_t)2 << 20)

/* Before anything else, also for an engine without a log; and at the very end. */
void lsr_log_init(lsr_log_t *log);
void lsr_log_destroy(lsr_log_t *log);

/*
 * Start at contents->end_lsn in a new segment. LESSOR_OK; LESSOR_NO_MEMORY; LESSOR_DISK_FULL; LESSOR_IO (sentence says why). On failure nothing is left over.
 */
lessor_status_t lsr_log_open(lsr_log_t *log, int directory, const uint8_t store_id[LSR_STORE_ID_BYTES],
			     const lsr_log_options_t *options, const lsr_log_contents_t *contents, char *sentence,
			     size_t sentence_bytes);

/* Flush everything, mark the end, stop. Nobody appends any more. LESSOR_OK or LESSOR_LOG_FAILED. */
lessor_status_t lsr_log_close(lsr_log_t *log);

/* Let all waiters out with LESSOR_CLOSED; appenders get it too. */
void lsr_log_begin_close(lsr_log_t *log);

/* ---- appending ------------------------------------------------------------------------------------------------- */

/* The slow path of lsr_log_admit(): wait for the ring, or say why there will be no room. */
lessor_status_t lsr_log_admit_slowly(lsr_log_t *log, uint64_t size_bytes);

/* A strong hint. */
static inline bool
lsr_log_has_room(lsr_log_t *log, uint64_t size_bytes) {
	return atomic_load_explicit(&log->tail, memory_order_relaxed) + size_bytes <=
	       atomic_load_explicit(&log->limit, memory_order_relaxed);
}

/* Before anything is claimed: is there room for this many bytes? LESSOR_OK (a strong hint), LESSOR_DISK_FULL, LESSOR_LOG_FAILED, LESSOR_CLOSED. */
static inline lessor_status_t
lsr_log_admit(lsr_log_t *log, uint64_t size_bytes) {
	return LSR_LIKELY(lsr_log_has_room(log, size_bytes)) ? LESSOR_OK : lsr_log_admit_slowly(log, size_bytes);
}

void lsr_log_wake(lsr_log_t *log);

/* Take size_bytes (a sum of lsr_record_bytes()) of the stream. False: no room; undo and admit again. Never waits. */
static inline bool
lsr_log_reserve(lsr_log_t *log, uint64_t size_bytes, uint64_t *position) {
	uint64_t at = atomic_load_explicit(&log->tail, memory_order_acquire); /* L6: the limit is read behind it */
	do {
		if (LSR_UNLIKELY(at + size_bytes > atomic_load_explicit(&log->limit, memory_order_acquire))) { /* L4 */
			return false;
		}
	} while (!atomic_compare_exchange_weak_explicit(&log->tail, &at, at + size_bytes, memory_order_seq_cst,
							memory_order_acquire)); /* L6 */
	*position = at;
	return true;
}

/* Where to write the payload of the record at this position. */
static inline uint8_t *
lsr_log_payload(lsr_log_t *log, uint64_t position) {
	return log->ring + (position & (log->ring_bytes - 1)) + 4;
}

/* The payload is written: the record is complete. Returns the position behind it, its LSN. */
static inline uint64_t
lsr_log_complete(lsr_log_t *log, uint64_t position, uint32_t header) {
	_Atomic uint32_t *at = (_Atomic uint32_t *)(void *)(log->ring + (position & (log->ring_bytes - 1)));
	atomic_store_explicit(at, header, memory_order_release); /* L1 */
	return position + lsr_header_bytes(header);
}

/* After the last record of a reservation that ends at 'end': see that the writer hears of it. */
static inline void
lsr_log_announce(lsr_log_t *log, uint64_t end) {
	if (LSR_UNLIKELY(atomic_load_explicit(&log->asleep, memory_order_seq_cst) != 0) && /* L6 */
	    end >= atomic_load_explicit(&log->wake_at, memory_order_relaxed)) {
		lsr_log_wake(log);
	}
}

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

/* As lessor_ticket_wait(). */
lessor_status_t lsr_log_wait(lsr_log_t *log, uint64_t lsn, int64_t timeout_ms);

/* Wait until more than lsn is durable. LESSOR_OK; LESSOR_TIMEOUT; LESSOR_LOG_FAILED; LESSOR_CLOSED. Makes nobody flush sooner. */
lessor_status_t lsr_log_await(lsr_log_t *log, uint64_t lsn, int64_t timeout_ms);

/* As lessor_ticket_poll(). */
lessor_status_t lsr_log_poll(lsr_log_t *log, uint64_t lsn);

static inline uint64_t
lsr_log_durable(lsr_log_t *log) {
	return atomic_load_explicit(&log->durable, memory_order_acquire);
}

static inline uint64_t
lsr_log_tail(lsr_log_t *log) {
	return atomic_load_explicit(&log->tail, memory_order_acquire);
}

lessor_status_t lsr_log_notifier_open(lsr_log_t *log, int *fd);
lessor_status_t lsr_log_notifier_close(lsr_log_t *log, int fd);

/* Segments wholly before lsn, and before a time (as lsr_segments_drop()), are not needed any more. Frees room on a full disk. */
int lsr_log_drop(lsr_log_t *log, uint64_t lsn, uint32_t before_s);

#endif
