/* SPDX-License-Identifier: Apache-2.0 */
#include "log/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/clock.h"
#include "base/io.h"

static void
prepared_name(uint64_t index, char name[32]) {
	(void)snprintf(name, 32, LSR_PREPARED_NAME_FORMAT, (unsigned long long)index);
}

/* ---- the list --------------------------------------------------------------------------------------------------- */

static int
remember(lsr_segments_t *segments, const lsr_segment_info_t *info) {
	int result = 0;
	(void)pthread_mutex_lock(&segments->lock);
	if (segments->count == segments->capacity) {
		const size_t capacity = segments->capacity == 0 ? 16 : segments->capacity * 2;
		void *grown = realloc(segments->list, capacity * sizeof(segments->list[0]));
		if (grown == NULL) {
			result = -ENOMEM;
		} else {
			segments->list = grown;
			segments->capacity = capacity;
		}
	}
	if (result == 0) {
		segments->list[segments->count++] = *info;
		(void)atomic_fetch_add_explicit(&segments->total_bytes, info->size_bytes, memory_order_relaxed);
	}
	(void)pthread_mutex_unlock(&segments->lock);
	return result;
}

int
lsr_segments_init(lsr_segments_t *segments, int directory, const uint8_t store_id[LSR_STORE_ID_BYTES],
		  uint64_t size_max_bytes, const lsr_log_contents_t *contents) {
	*segments = (lsr_segments_t){.directory = directory,
				     .size_max_bytes = size_max_bytes,
				     .next_index = 1,
				     .next_size_bytes = lsr_min_u64(LSR_SEGMENT_FIRST_BYTES, size_max_bytes),
				     .current = {.file = -1}};
	memcpy(segments->store_id, store_id, LSR_STORE_ID_BYTES);
	(void)pthread_mutex_init(&segments->lock, NULL);
	segments->zeros = aligned_alloc(LSR_BLOCK_BYTES, LSR_PREPARE_STEP_BYTES);
	if (segments->zeros == NULL) {
		return -ENOMEM;
	}
	memset(segments->zeros, 0, LSR_PREPARE_STEP_BYTES);
	for (size_t i = 0; i < contents->count; i++) {
		const lsr_segment_info_t *info = &contents->segments[i];
		const int result = remember(segments, info);
		if (result != 0) {
			return result;
		}
		segments->next_index = info->index + 1;
	}
	return 0;
}

void
lsr_segments_destroy(lsr_segments_t *segments) {
	if (segments->current.file >= 0) {
		(void)lsr_io->close(segments->current.file);
	}
	if (segments->size_max_bytes != 0) {
		(void)pthread_mutex_destroy(&segments->lock);
	}
	free(segments->zeros);
	free(segments->list);
	*segments = (lsr_segments_t){.current = {.file = -1}};
}

/* ---- the limit --------------------------------------------------------------------------------------------------- */

static uint64_t
used_bytes(const lsr_segments_t *segments) {
	/* Bytes on their way into the list are counted twice for a moment, never not at all. */
	return atomic_load_explicit(&segments->made_bytes, memory_order_acquire) +
	       atomic_load_explicit(&segments->total_bytes, memory_order_relaxed) +
	       atomic_load_explicit(&segments->snapshot_bytes, memory_order_relaxed);
}

/* Remove the oldest segment. Under the lock. */
static int
drop_oldest(lsr_segments_t *segments) {
	char name[32];
	lsr_segment_name(segments->list[0].index, name);
	const int result = lsr_io->unlink(segments->directory, name);
	if (result != 0 && result != -ENOENT) {
		return result;
	}
	(void)atomic_fetch_sub_explicit(&segments->total_bytes, segments->list[0].size_bytes, memory_order_relaxed);
	segments->count--;
	memmove(segments->list, segments->list + 1, segments->count * sizeof(segments->list[0]));
	return 0;
}

/* The oldest segment is kept for readers of the log only, and with 'more_bytes' the limit would be exceeded. Under the lock. */
static bool
is_in_the_way(const lsr_segments_t *segments, uint64_t more_bytes) {
	return segments->limit_bytes != 0 && segments->count > 1 &&
	       segments->list[1].first_lsn <= atomic_load_explicit(&segments->needed_lsn, memory_order_relaxed) &&
	       used_bytes(segments) + more_bytes > segments->limit_bytes;
}

/* An eighth of the limit is worth old log: less would make many small segments, more would keep little of it. */
static void
make_room(lsr_segments_t *segments) {
	const uint64_t wanted_bytes =
		lsr_min_u64(segments->next_size_bytes, lsr_max_u64(segments->limit_bytes / 8, LSR_SEGMENT_FIRST_BYTES));
	(void)pthread_mutex_lock(&segments->lock);
	while (is_in_the_way(segments, wanted_bytes) && drop_oldest(segments) == 0) {
	}
	(void)pthread_mutex_unlock(&segments->lock);
}

/*
 * How large the next segment may be: as large as is its turn, or what the limit leaves, in whole steps. The first one, which an opening needs, has a step in any
 * case: a store at its limit opens, and a snapshot makes room.
 */
static uint64_t
permitted_bytes(lsr_segments_t *segments) {
	if (segments->limit_bytes == 0) {
		return segments->next_size_bytes;
	}
	make_room(segments);
	const uint64_t used = used_bytes(segments);
	const uint64_t least = segments->has_first ? 0 : LSR_SEGMENT_FIRST_BYTES;
	const uint64_t left = lsr_max_u64(used < segments->limit_bytes ? segments->limit_bytes - used : 0, least);
	return lsr_min_u64(segments->next_size_bytes, left / LSR_SEGMENT_FIRST_BYTES * LSR_SEGMENT_FIRST_BYTES);
}

/* ---- preparing --------------------------------------------------------------------------------------------------- */

/* O_DSYNC makes each write durable when it returns; O_DIRECT keeps the page cache out of it, where the file system can. */
static int
open_segment(const lsr_segments_t *segments, const char *name, bool direct) {
	return lsr_io->open(segments->directory, name, O_RDWR | O_CREAT | O_TRUNC | O_DSYNC | (direct ? O_DIRECT : 0),
			    0600);
}

static int
write_header(const lsr_segments_t *segments, const lsr_segment_t *segment, uint64_t first_lsn) {
	lsr_segment_header_t header = {.magic = LSR_SEGMENT_MAGIC,
				       .version = LSR_FORMAT_VERSION,
				       .index = segment->index,
				       .first_lsn = first_lsn,
				       .size_bytes = segment->size_bytes,
				       .begun_s = first_lsn != 0 ? lsr_clock_unix_s() : 0};
	memcpy(header.store_id, segments->store_id, sizeof(header.store_id));
	lsr_segment_header_seal(&header);
	uint8_t *block = aligned_alloc(LSR_BLOCK_BYTES, LSR_BLOCK_BYTES);
	if (block == NULL) {
		return -ENOMEM;
	}
	memset(block, 0, LSR_BLOCK_BYTES);
	memcpy(block, &header, sizeof(header));
	const int result = lsr_io_write_all(segment->file, block, LSR_BLOCK_BYTES, 0);
	free(block);
	return result;
}

/* Zeros through the whole file: a later write into it changes neither size nor extents, so its flush needs no journal commit. */
static int
fill_segment(const lsr_segments_t *segments, const lsr_segment_t *segment, const _Atomic bool *stop) {
	int result = lsr_io->allocate(segment->file, segment->size_bytes);
	if (result == -EOPNOTSUPP || result == -ENOSYS) {
		result = 0; /* the zeros below take the room just as well */
	}
	for (uint64_t at = 0; at < segment->size_bytes && result == 0; at += LSR_PREPARE_STEP_BYTES) {
		if (atomic_load_explicit(stop, memory_order_relaxed)) {
			return -ECANCELED;
		}
		result = lsr_io_write_all(segment->file, segments->zeros,
					  lsr_min_u64(LSR_PREPARE_STEP_BYTES, segment->size_bytes - at), at);
	}
	return result;
}

static int
make_segment(lsr_segments_t *segments, lsr_segment_t *segment, bool direct, const _Atomic bool *stop) {
	char name[32];
	prepared_name(segment->index, name);
	segment->file = open_segment(segments, name, direct);
	if (segment->file < 0) {
		return segment->file;
	}
	int result = fill_segment(segments, segment, stop);
	if (result == 0) {
		result = write_header(segments, segment, 0);
	}
	if (result == 0) {
		/* Size and extents, once: O_DSYNC covers the contents, and on Linux these too. */
		result = lsr_io->datasync(segment->file);
	}
	if (result != 0) {
		lsr_segments_discard(segments, segment);
	}
	return result;
}

int
lsr_segments_prepare(lsr_segments_t *segments, lsr_segment_t *prepared, const _Atomic bool *stop) {
	lsr_segment_t segment = {
		.index = segments->next_index, .size_bytes = permitted_bytes(segments), .offset = LSR_BLOCK_BYTES};
	if (segment.size_bytes == 0) {
		return -ENOSPC;
	}
	int result = make_segment(segments, &segment, true, stop);
	if (result == -EINVAL) { /* no direct I/O here; some file systems say so only when they are written to */
		result = make_segment(segments, &segment, false, stop);
	}
	if (result != 0) {
		return result;
	}
	(void)atomic_fetch_add_explicit(&segments->made_bytes, segment.size_bytes, memory_order_relaxed);
	segments->has_first = true;
	segments->next_index++;
	segments->next_size_bytes = lsr_min_u64(segments->next_size_bytes * 2, segments->size_max_bytes);
	*prepared = segment;
	return 0;
}

void
lsr_segments_discard(lsr_segments_t *segments, lsr_segment_t *prepared) {
	char name[32];
	if (prepared->file >= 0) {
		prepared_name(prepared->index, name);
		(void)lsr_io->close(prepared->file);
		(void)lsr_io->unlink(segments->directory, name);
		prepared->file = -1;
	}
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/*
 * Note that this segment has its name. O_DSYNC: the block is whole before anything in the segment is acknowledged. A note that cannot be written is not: it
 * keeps nothing safe, it only tells whether a file was lost.
 */
static void
note_newest(const lsr_segments_t *segments, uint64_t index) {
	lsr_newest_t newest = {.magic = LSR_NEWEST_MAGIC, .index = index};
	uint8_t block[LSR_BLOCK_BYTES] = {0};
	memcpy(newest.store_id, segments->store_id, sizeof(newest.store_id));
	lsr_newest_seal(&newest);
	memcpy(block, &newest, sizeof(newest));
	const int file = lsr_io->open(segments->directory, LSR_NEWEST_NAME, O_WRONLY | O_CREAT | O_DSYNC, 0600);
	if (file >= 0) {
		(void)lsr_io_write_all(file, block, sizeof(block), index % 2 * LSR_BLOCK_BYTES);
		(void)lsr_io->close(file);
	}
}

int
lsr_segments_take(lsr_segments_t *segments, const lsr_segment_t *prepared, uint64_t first_lsn) {
	const lsr_segment_info_t info = {.index = prepared->index,
					 .first_lsn = first_lsn,
					 .size_bytes = prepared->size_bytes,
					 .begun_s = lsr_clock_unix_s()};
	char from[32];
	char to[32];
	prepared_name(prepared->index, from);
	lsr_segment_name(prepared->index, to);
	int result = write_header(segments, prepared, first_lsn);
	if (result == 0) {
		result = lsr_io->rename(segments->directory, from, to);
	}
	if (result == 0) {
		result = lsr_io->sync_directory(
			segments->directory); /* else a crash could forget the name of acknowledged frames */
	}
	if (result == 0) {
		result = remember(segments, &info);
	}
	if (result == 0) {
		note_newest(segments, prepared->index);
		if (segments->current.file >= 0) {
			(void)lsr_io->close(segments->current.file);
		}
		segments->current = *prepared;
		(void)atomic_fetch_sub_explicit(&segments->made_bytes, prepared->size_bytes, memory_order_release);
	}
	return result;
}

int
lsr_segments_finish(lsr_segments_t *segments) {
	if (segments->current.file < 0) {
		return 0;
	}
	/* The mark is durable: the file is right with either length. Synced, its room is free at once. */
	int result = lsr_io->truncate(segments->current.file, segments->current.offset);
	if (result == 0) {
		result = lsr_io->datasync(segments->current.file);
	}
	(void)lsr_io->close(segments->current.file);
	segments->current.file = -1;
	return result;
}

static int
write_mark(int file, const uint8_t store_id[LSR_STORE_ID_BYTES], const lsr_segment_info_t *info, uint64_t end_lsn) {
	uint8_t block[LSR_BLOCK_BYTES] = {0};
	lsr_frame_header_t mark = {.magic = LSR_FRAME_MAGIC,
				   .version = LSR_FORMAT_VERSION,
				   .flags = LSR_FRAME_CLOSED,
				   .first_lsn = end_lsn,
				   .durable_lsn = end_lsn,
				   .segment_index = info->index,
				   .time_s = lsr_clock_unix_s()};
	memcpy(mark.store_id, store_id, sizeof(mark.store_id));
	lsr_frame_seal(&mark);
	memcpy(block, &mark, sizeof(mark));
	return lsr_io_write_all(file, block, sizeof(block), info->end_offset);
}

int
lsr_segment_end(int directory, const uint8_t store_id[LSR_STORE_ID_BYTES], const lsr_segment_info_t *info,
		uint64_t end_lsn, bool marked) {
	char name[32];
	uint64_t end_offset = info->end_offset;
	if (end_offset + (marked ? 0 : LSR_BLOCK_BYTES) > info->size_bytes) {
		return 0; /* full to the last block */
	}
	lsr_segment_name(info->index, name);
	const int file = lsr_io->open(directory, name, O_RDWR | O_DSYNC, 0);
	if (file < 0) {
		return file;
	}
	int result = 0;
	if (!marked) {
		result = write_mark(file, store_id, info, end_lsn);
		end_offset += LSR_BLOCK_BYTES;
	}
	if (result == 0 && end_offset < info->size_bytes) {
		result = lsr_io->truncate(file, end_offset);
	}
	if (result == 0) {
		result = lsr_io->datasync(file); /* as in lsr_segments_finish() */
	}
	(void)lsr_io->close(file);
	return result;
}

/* ---- dropping ---------------------------------------------------------------------------------------------------- */

int
lsr_segments_drop(lsr_segments_t *segments, uint64_t lsn, uint32_t begun_before_s) {
	int result = 0;
	(void)pthread_mutex_lock(&segments->lock);
	/* A segment is unnecessary if its successor begins at or before lsn, and early enough. The last one always stays. */
	const size_t next = LSR_PLANTED(LSR_PLANT_DROP_EARLY) ? 0 : 1;
	while (segments->count > 1 && result == 0 &&
	       ((segments->list[next].first_lsn <= lsn && segments->list[1].begun_s < begun_before_s) ||
		is_in_the_way(segments, 0))) {
		result = drop_oldest(segments);
	}
	(void)pthread_mutex_unlock(&segments->lock);
	return result;
}

/* ---- room -------------------------------------------------------------------------------------------------------- */

/*
 * Payload that surely fits into 'left_bytes' of a segment: each frame of the greatest size loses at most a header and a block to
 * rounding, one record may not fit at the end, and one frame is kept for the closing mark.
 */
static uint64_t
room_in(uint64_t left_bytes) {
	const uint64_t frames = left_bytes / LSR_FRAME_PAYLOAD_MAX + 1;
	const uint64_t lost = frames * (LSR_FRAME_HEADER_BYTES + LSR_BLOCK_BYTES) + 2 * LSR_BLOCK_BYTES + 65536;
	return left_bytes > lost ? left_bytes - lost : 0;
}

uint64_t
lsr_segments_room(const lsr_segments_t *segments, const lsr_segment_t *prepared) {
	uint64_t room = 0;
	if (segments->current.file >= 0) {
		room += room_in(segments->current.size_bytes - segments->current.offset);
	}
	if (prepared != NULL) {
		room += room_in(prepared->size_bytes - LSR_BLOCK_BYTES);
	}
	return room;
}
