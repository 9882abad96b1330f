/* SPDX-License-Identifier: Apache-2.0 */
#include "log/picker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/io.h"

/* One segment file after the other. */
typedef struct {
	lsr_pick_t *pick;
	uint8_t *bytes; /* a frame of the greatest size */
	int file;
	uint64_t size_bytes;
	uint64_t index;
	uint64_t made_bytes;  /* 0: the header does not tell */
	uint64_t next_lsn;    /* 0: not known yet */
	uint64_t end_offset;  /* behind the last frame of this segment */
	uint64_t garbage_end; /* behind the last block behind it that is not zero */
	char last_name[48];   /* where the last frame was */
	uint64_t last_offset; /* behind it */
	uint32_t last_crc;
	bool follows;
	bool closed;
	bool is_needed; /* holds something behind pick->from_lsn; else only the header matters */
} lsr_log_picking_t;

void
lsr_pick_damage(lsr_pick_t *pick, const lsr_damage_t *damage) {
	lsr_damage_t told = *damage;
	told.after = lsr_max_u64(told.after, pick->from_lsn);
	told.upto = lsr_max_u64(told.upto, told.after);
	pick->damages++;
	pick->gaps += told.upto != told.after;
	pick->damage(pick, &told);
}

bool
lsr_pick_read(int file, uint64_t offset, void *bytes, size_t size_bytes, bool *lost) {
	uint8_t *to = bytes;
	bool any = false;
	*lost = false;
	if (lsr_io_read_all(file, to, size_bytes, offset) == 0) {
		return true;
	}
	for (size_t at = 0; at < size_bytes; at += LSR_BLOCK_BYTES) {
		const size_t piece_bytes = lsr_min_u64(LSR_BLOCK_BYTES, size_bytes - at);
		if (lsr_io_read_all(file, to + at, piece_bytes, offset + at) == 0) {
			any = true;
		} else {
			memset(to + at, 0, piece_bytes);
			*lost = true;
		}
	}
	return any;
}

static void
complain(lsr_log_picking_t *picking, const char *name, uint64_t offset, uint64_t upto, const char *what) {
	const uint64_t after = picking->next_lsn != 0 ? picking->next_lsn : LSR_LSN_FIRST;
	const lsr_damage_t damage = {
		.name = name, .offset = offset, .after = after, .upto = lsr_max_u64(upto, after), .what = what};
	lsr_pick_damage(picking->pick, &damage);
}

/* The log goes on at this position, behind a gap if it is not the one where it ended. */
static void
go_on_at(lsr_log_picking_t *picking, uint64_t lsn) {
	const uint64_t expected = picking->next_lsn != 0 ? picking->next_lsn : LSR_LSN_FIRST;
	if (lsn > expected && (picking->next_lsn != 0 || lsn > picking->pick->from_lsn)) {
		const bool here = picking->last_name[0] == '\0';
		complain(picking, here ? picking->pick->name : picking->last_name, here ? 0 : picking->last_offset, lsn,
			 here ? "the log before this segment is missing" : "no valid frame there, but one behind it");
	}
	picking->next_lsn = lsr_max_u64(picking->next_lsn, lsn);
}

/* ---- frames ------------------------------------------------------------------------------------------------------- */

static lessor_status_t
hand_over(lsr_log_picking_t *picking, const lsr_frame_header_t *frame) {
	lsr_pick_t *pick = picking->pick;
	const uint8_t *payload = (const uint8_t *)(frame + 1);
	uint32_t at = 0;
	lessor_status_t status = LESSOR_OK;
	while (at < frame->payload_bytes && status == LESSOR_OK) {
		uint32_t header;
		const uint32_t left_bytes = frame->payload_bytes - at;
		memcpy(&header, payload + at, lsr_min_u64(sizeof(header), left_bytes));
		const uint32_t size_bytes = left_bytes < LSR_RECORD_ALIGN ? 0 : lsr_header_bytes(header);
		if (size_bytes == 0 || size_bytes > left_bytes) {
			picking->next_lsn = frame->first_lsn + at;
			complain(picking, pick->name, pick->offset, frame->first_lsn + frame->payload_bytes,
				 "a record in this frame is malformed");
			break;
		}
		at += size_bytes;
		if (frame->first_lsn + at > pick->from_lsn && lsr_header_type(header) != LSR_LOG_PAD) {
			pick->records++;
			status = pick->record(pick, header, payload + at - size_bytes + sizeof(header),
					      frame->first_lsn + at);
		}
	}
	return status;
}

static lessor_status_t
take_frame(lsr_log_picking_t *picking, const lsr_frame_header_t *frame) {
	lsr_pick_t *pick = picking->pick;
	const bool may_begin = pick->offset == LSR_BLOCK_BYTES || (frame->flags & LSR_FRAME_CLOSED) != 0;
	if (picking->follows && frame->first_lsn == picking->next_lsn && frame->previous_crc != picking->last_crc &&
	    !(may_begin && frame->previous_crc == 0)) {
		/* Two logs were mixed: what stood here is not known, how much it was neither. */
		complain(picking, pick->name, pick->offset, frame->first_lsn + frame->payload_bytes,
			 "the frame there continues another one than the one before it");
	}
	go_on_at(picking, frame->first_lsn);
	const lessor_status_t status = hand_over(picking, frame);
	picking->next_lsn = frame->first_lsn + frame->payload_bytes;
	picking->closed = (frame->flags & LSR_FRAME_CLOSED) != 0;
	picking->last_crc = frame->crc;
	picking->follows = true;
	return status;
}

/* The frame at the place in work; NULL: none counts there. */
static const lsr_frame_header_t *
frame_here(lsr_log_picking_t *picking, bool *used) {
	const lsr_pick_t *pick = picking->pick;
	const lsr_frame_header_t *frame = (const lsr_frame_header_t *)(const void *)picking->bytes;
	const uint64_t left_bytes = picking->size_bytes - pick->offset;
	bool lost;
	(void)lsr_pick_read(picking->file, pick->offset, picking->bytes, lsr_min_u64(LSR_BLOCK_BYTES, left_bytes),
			    &lost);
	*used = lost || picking->bytes[0] != 0 ||
		memcmp(picking->bytes, picking->bytes + 1, lsr_min_u64(LSR_BLOCK_BYTES, left_bytes) - 1) != 0;
	if (left_bytes < LSR_BLOCK_BYTES /* as the reader sees it */ || frame->magic != LSR_FRAME_MAGIC ||
	    frame->payload_bytes > LSR_FRAME_PAYLOAD_MAX) {
		return NULL;
	}
	const size_t frame_bytes = LSR_FRAME_HEADER_BYTES + (size_t)frame->payload_bytes;
	if (frame_bytes > left_bytes) {
		return NULL;
	}
	if (frame_bytes > LSR_BLOCK_BYTES) {
		(void)lsr_pick_read(picking->file, pick->offset, picking->bytes, frame_bytes, &lost);
	}
	return lsr_frame_is_sound(frame, pick->store_id, frame_bytes) && frame->segment_index == picking->index ? frame
														: NULL;
}

static lessor_status_t
pick_frames(lsr_log_picking_t *picking) {
	lsr_pick_t *pick = picking->pick;
	lessor_status_t status = LESSOR_OK;
	pick->offset = picking->end_offset = picking->garbage_end = LSR_BLOCK_BYTES;
	while (pick->offset < picking->size_bytes && status == LESSOR_OK) {
		bool used;
		const lsr_frame_header_t *frame = frame_here(picking, &used);
		if (frame == NULL || frame->first_lsn < picking->next_lsn) { /* or one that stood there before */
			pick->offset += LSR_BLOCK_BYTES;
			picking->garbage_end =
				used ? lsr_min_u64(pick->offset, picking->size_bytes) : picking->garbage_end;
			continue;
		}
		status = take_frame(picking, frame);
		pick->offset += lsr_frame_disk_bytes(frame->payload_bytes);
		picking->end_offset = picking->garbage_end = picking->last_offset = pick->offset;
		(void)snprintf(picking->last_name, sizeof(picking->last_name), "%s", pick->name);
	}
	return status;
}

/* ---- segments ------------------------------------------------------------------------------------------------------ */

static lessor_status_t
pick_header(lsr_log_picking_t *picking) {
	lsr_pick_t *pick = picking->pick;
	lsr_segment_header_t header;
	bool lost;
	picking->made_bytes = 0;
	(void)lsr_pick_read(picking->file, 0, &header, sizeof(header), &lost);
	if (!lsr_segment_header_is_sound(&header)) {
		complain(picking, pick->name, 0, 0, "the segment header is damaged");
		return LESSOR_OK;
	}
	if (!lsr_format_is_known(header.version)) {
		return LESSOR_UNSUPPORTED;
	}
	if (memcmp(header.store_id, pick->store_id, LSR_STORE_ID_BYTES) != 0 || header.index != picking->index ||
	    header.first_lsn < LSR_LSN_FIRST) {
		complain(picking, pick->name, 0, 0, "the segment header belongs to another store or file");
		return LESSOR_OK;
	}
	if (picking->size_bytes < LSR_BLOCK_BYTES) { /* damage to those who open it, also if no change was in it */
		complain(picking, pick->name, picking->size_bytes, 0, "the file ends inside the segment header");
	}
	picking->made_bytes = header.size_bytes;
	if (!picking->is_needed) {
		return LESSOR_OK;
	}
	go_on_at(picking, lsr_max_u64(header.first_lsn, picking->next_lsn));
	return LESSOR_OK;
}

static lessor_status_t
pick_segment(lsr_log_picking_t *picking, const char *name) {
	lsr_pick_t *pick = picking->pick;
	(void)snprintf(pick->name, sizeof(pick->name), "%.40s", name);
	pick->offset = picking->end_offset = picking->garbage_end = 0;
	picking->closed = false;
	picking->made_bytes = 0;
	picking->size_bytes = 0;
	picking->file = lsr_io->open(pick->directory, name, O_RDONLY, 0);
	const int64_t size = picking->file < 0 ? picking->file : lsr_io->size(picking->file);
	if (size < 0) {
		complain(picking, pick->name, 0, 0, "the file cannot be opened");
	}
	lessor_status_t status = LESSOR_OK;
	if (size >= 0) {
		picking->size_bytes = (uint64_t)size;
		status = pick_header(picking);
		(void)snprintf(picking->last_name, sizeof(picking->last_name), "%s", pick->name);
		picking->last_offset = LSR_BLOCK_BYTES;
		status = status == LESSOR_OK && picking->is_needed ? pick_frames(picking) : status;
	}
	if (picking->file >= 0) {
		(void)lsr_io->close(picking->file);
	}
	return status;
}

/* Some segments before this one are not there. Whether something is lost with them the positions tell. */
static void
miss(lsr_log_picking_t *picking, uint64_t index) {
	if (picking->index != 0 && index > picking->index + 1) {
		lsr_segment_name(picking->index + 1, picking->last_name);
		picking->last_offset = 0;
	}
}

/* Was that the end? */
static void
pick_end(lsr_log_picking_t *picking) {
	lsr_pick_t *pick = picking->pick;
	char name[LSR_SEGMENT_NAME_BYTES];
	const uint64_t newest = lsr_log_newest(pick->directory, pick->store_id);
	if (newest > picking->index) {
		lsr_segment_name(picking->index + 1, name);
		complain(picking, name, 0, UINT64_MAX, "missing");
	} else if (picking->index != 0 && !picking->closed && picking->size_bytes < picking->made_bytes) {
		complain(picking, pick->name, picking->size_bytes, UINT64_MAX, "the file ends too early");
	}
	pick->torn_bytes = picking->garbage_end - picking->end_offset;
	pick->end_lsn = picking->next_lsn;
}

/* Does this segment begin at or before the position from which on the log is needed? */
static bool
begins_before(const lsr_pick_t *pick, const char *name) {
	lsr_segment_header_t header;
	const int file = lsr_io->open(pick->directory, name, O_RDONLY, 0);
	const bool is_read = file >= 0 && lsr_io_read_all(file, &header, sizeof(header), 0) == 0;
	if (file >= 0) {
		(void)lsr_io->close(file);
	}
	return is_read && lsr_segment_header_is_sound(&header) &&
	       memcmp(header.store_id, pick->store_id, LSR_STORE_ID_BYTES) == 0 && header.first_lsn <= pick->from_lsn;
}

lessor_status_t
lsr_log_pick(lsr_pick_t *pick) {
	char **names = NULL;
	size_t count = 0;
	lsr_log_picking_t picking = {.pick = pick, .file = -1};
	picking.bytes = aligned_alloc(LSR_BLOCK_BYTES, lsr_frame_disk_bytes(LSR_FRAME_PAYLOAD_MAX));
	if (picking.bytes == NULL) {
		return LESSOR_NO_MEMORY;
	}
	const int result = lsr_io_list(pick->directory, LSR_SEGMENT_PREFIX, &names, &count);
	lessor_status_t status = result == 0 ? LESSOR_OK : result == -ENOMEM ? LESSOR_NO_MEMORY : LESSOR_IO;
	size_t start = count;
	while (start > 0 && (start == count || !begins_before(pick, names[start]))) {
		start--;
	}
	for (size_t i = 0; i < count && status == LESSOR_OK; i++) {
		uint64_t index;
		if (lsr_segment_parse_name(names[i], &index)) {
			miss(&picking, index);
			picking.index = index;
			picking.is_needed = i >= start;
			status = pick_segment(&picking, names[i]);
		}
	}
	if (status == LESSOR_OK) {
		pick_end(&picking);
	}
	free(names);
	free(picking.bytes);
	return status;
}
