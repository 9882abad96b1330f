/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segment files as the writer sees them: prepared ahead by a thread of their own, filled front to back, dropped when a snapshot has made
 * them unnecessary.
 *
 * Who: lsr_segments_prepare() runs on the preparing thread only; take and finish on the log's writer thread only (or before these
 * threads exist); drop from anywhere.
 */
#ifndef LSR_LOG_SEGMENT_H
#define LSR_LOG_SEGMENT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log/reader.h"

typedef struct lsr_segment {
	int file; /* -1: none */
	uint64_t index;
	uint64_t size_bytes;
	uint64_t offset; /* of the next frame */
} lsr_segment_t;

typedef struct lsr_segments {
	int directory;
	uint8_t store_id[LSR_STORE_ID_BYTES];
	uint64_t size_max_bytes;  /* what a segment grows to */
	uint64_t next_index;      /* preparing thread */
	uint64_t next_size_bytes; /* preparing thread */
	bool has_first;           /* preparing thread: a segment has been made since the log was opened */
	uint8_t *zeros;           /* LSR_PREPARE_STEP_BYTES, aligned */
	lsr_segment_t current;    /* writer thread */
	pthread_mutex_t lock;     /* protects the list */
	lsr_segment_info_t *list; /* segments in use, ascending */
	size_t count;
	size_t capacity;
	uint64_t limit_bytes;            /* of all of it; 0: none. Fixed after open */
	_Atomic uint64_t snapshot_bytes; /* of the newest one, which counts too */
	_Atomic uint64_t needed_lsn;     /* recovery needs what lies behind it: what is older gives way to the limit */
	_Atomic uint64_t made_bytes;     /* prepared and not in the list yet */
	_Atomic uint64_t total_bytes;    /* on disk; read by statistics */
} lsr_segments_t;

#ifndef LSR_PREPARE_STEP_BYTES
#define LSR_PREPARE_STEP_BYTES ((size_t)1 << 20)
#endif
#ifndef LSR_SEGMENT_FIRST_BYTES
#define LSR_SEGMENT_FIRST_BYTES ((uint64_t)1 << 20)
#endif

/* Take over what the reader found (the list is copied); next segments are numbered behind it. -ENOMEM. */
int lsr_segments_init(lsr_segments_t *segments, int directory, const uint8_t store_id[LSR_STORE_ID_BYTES],
		      uint64_t size_max_bytes, const lsr_log_contents_t *contents);
void lsr_segments_destroy(lsr_segments_t *segments);

/* Make the next segment file: allocated, zeroed, synced. 0 or a negative errno (no file left then); -ECANCELED
 * once *stop is true; -ENOSPC also if it would exceed the limit and is not the first. Near the limit it is smaller, and segments that recovery does not
 * need go first. */
int lsr_segments_prepare(lsr_segments_t *segments, lsr_segment_t *prepared, const _Atomic bool *stop);

/* Begin to use a prepared segment at first_lsn. 0 or a negative errno. */
int lsr_segments_take(lsr_segments_t *segments, const lsr_segment_t *prepared, uint64_t first_lsn);

/* Cut the current segment behind its last frame and close it. */
int lsr_segments_finish(lsr_segments_t *segments);

/*
 * Recovery: end a segment that its process did not end, behind its last frame: write the closing mark there, then cut what lies behind. The mark comes first, since a
 * file that is shorter than it was made counts as damaged without it. 0 or a negative errno.
 */
int lsr_segment_end(int directory, const uint8_t store_id[LSR_STORE_ID_BYTES], const lsr_segment_info_t *info,
		    uint64_t end_lsn, bool marked);

/* Close and remove a prepared segment that was never taken. */
void lsr_segments_discard(lsr_segments_t *segments, lsr_segment_t *prepared);

/*
 * Remove the segments of which nothing behind 'lsn' is needed, and which ended before a time, Unix seconds; UINT32_MAX: whenever that was. Beyond the
 * limit also those that recovery does not need. 0 or the first error; a segment that could not be removed stays listed.
 */
int lsr_segments_drop(lsr_segments_t *segments, uint64_t lsn, uint32_t begun_before_s);

/* Room for payload in the current and (if not NULL) the prepared segment, however the payload is cut into frames of the greatest size. */
uint64_t lsr_segments_room(const lsr_segments_t *segments, const lsr_segment_t *prepared);

#endif
