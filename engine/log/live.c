/* SPDX-License-Identifier: Apache-2.0 */
#include "log/live.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/io.h"
#include "base/text.h"
#include "log/reader.h"

/* The greatest frame, twice: one behind the other for lsr_live_check(). */
#define FRAME_MAX_BYTES ((size_t)LSR_FRAME_PAYLOAD_MAX + LSR_FRAME_HEADER_BYTES)
#define ROOM_BYTES      (2 * FRAME_MAX_BYTES)
/* A segment that is gone by the time it is opened: the list is read again so often. */
#define TRIES 8

static_assert(FRAME_MAX_BYTES % LSR_BLOCK_BYTES == 0, "frames end with their blocks");

#define complain(live, status, ...) lsr_complain((live)->sentence, sizeof((live)->sentence), status, __VA_ARGS__)

/* As much as there is of size_bytes; the rest becomes zeros. 0 or a negative errno. */
static int
read_some(int file, uint8_t *to, size_t size_bytes, uint64_t offset) {
	size_t got = 0;
	while (got < size_bytes) {
		const ssize_t count = lsr_io->pread(file, to + got, size_bytes - got, offset + got);
		if (count < 0 && count != -EINTR) {
			return (int)count;
		}
		if (count == 0) {
			break;
		}
		got += count > 0 ? (size_t)count : 0;
	}
	memset(to + got, 0, size_bytes - got);
	return 0;
}

static lessor_status_t
complain_read(lsr_live_t *live, int error) {
	return complain(live, LESSOR_IO, LSR_SEGMENT_NAME_FORMAT ": cannot be read at offset %llu: %s",
			(unsigned long long)live->index, (unsigned long long)live->offset, strerror(-error));
}

/* ---- segments ------------------------------------------------------------------------------------------------------- */

static lessor_status_t
check_header(lsr_live_t *live, const char *name, uint64_t index, const lsr_segment_header_t *header) {
	if (!lsr_segment_header_is_sound(header)) {
		return complain(live, LESSOR_DAMAGED, "%s: the segment header at offset 0 is damaged", name);
	}
	if (!lsr_format_is_known(header->version)) {
		return complain(live, LESSOR_UNSUPPORTED, "%s: log format version %u, this library knows up to %u",
				name, header->version, LSR_FORMAT_VERSION);
	}
	if (memcmp(header->store_id, live->store_id, LSR_STORE_ID_BYTES) != 0 || header->index != index ||
	    header->first_lsn < LSR_LSN_FIRST) {
		return complain(live, LESSOR_DAMAGED,
				"%s: the segment header at offset 0 belongs to another store or file", name);
	}
	return LESSOR_OK;
}

/* Open a segment beside the one in work. LESSOR_END: there is no such file. */
static lessor_status_t
open_segment(lsr_live_t *live, uint64_t index, int *file, lsr_segment_header_t *header) {
	char name[LSR_SEGMENT_NAME_BYTES];
	lsr_segment_name(index, name);
	*file = lsr_io->open(live->directory, name, O_RDONLY, 0);
	if (*file == -ENOENT) {
		return LESSOR_END;
	}
	if (*file < 0) {
		return complain(live, LESSOR_IO, "%s: cannot be opened: %s", name, strerror(-*file));
	}
	const int result = lsr_io_read_all(*file, header, sizeof(*header), 0);
	const lessor_status_t status =
		result == 0 ? check_header(live, name, index, header)
		: result == -ENODATA
			? complain(live, LESSOR_DAMAGED, "%s: the file ends too early", name)
			: complain(live, LESSOR_IO, "%s: cannot be read at offset 0: %s", name, strerror(-result));
	if (status != LESSOR_OK) {
		(void)lsr_io->close(*file);
	}
	return status;
}

static void
take_segment(lsr_live_t *live, uint64_t index, int file, const lsr_segment_header_t *header) {
	if (live->file >= 0) {
		(void)lsr_io->close(live->file);
	}
	live->file = file;
	live->index = index;
	live->first_lsn = live->next_lsn = header->first_lsn;
	live->offset = LSR_BLOCK_BYTES;
	live->last_offset = 0;
}

/* Indices of all segments, ascending; malloc'ed. */
static lessor_status_t
list_segments(lsr_live_t *live, uint64_t **indices, size_t *count) {
	char **names = NULL;
	size_t found = 0;
	const int result = lsr_io_list(live->directory, LSR_SEGMENT_PREFIX, &names, &found);
	if (result != 0) {
		return complain(live, result == -ENOMEM ? LESSOR_NO_MEMORY : LESSOR_IO,
				"the directory cannot be read: %s", strerror(-result));
	}
	*count = 0;
	*indices = malloc((found + 1) * sizeof(**indices));
	for (size_t i = 0; *indices != NULL && i < found; i++) {
		*count += lsr_segment_parse_name(names[i], &(*indices)[*count]);
	}
	free(names);
	return *indices != NULL ? LESSOR_OK : complain(live, LESSOR_NO_MEMORY, "no memory to read the log");
}

/* From the newest backwards: the one that holds from_lsn. LESSOR_END: one was dropped meanwhile, or there is none at all. */
static lessor_status_t
find_segment(lsr_live_t *live, const uint64_t *indices, size_t count, uint64_t from_lsn) {
	lessor_status_t status = LESSOR_END;
	for (size_t i = from_lsn != 0 ? count : lsr_min_u64(count, 1); i-- > 0;) {
		int file;
		lsr_segment_header_t header;
		status = open_segment(live, indices[i], &file, &header);
		if (status != LESSOR_OK) {
			break;
		}
		if (from_lsn == 0 || header.first_lsn <= from_lsn) {
			take_segment(live, indices[i], file, &header);
			return LESSOR_OK;
		}
		(void)lsr_io->close(file);
		status = LESSOR_NOT_RETAINED;
	}
	return status;
}

static lessor_status_t
init(lsr_live_t *live, int directory, const uint8_t store_id[LSR_STORE_ID_BYTES]) {
	*live = (lsr_live_t){.directory = directory, .file = -1, .bytes = malloc(ROOM_BYTES)};
	memcpy(live->store_id, store_id, LSR_STORE_ID_BYTES);
	return live->bytes != NULL ? LESSOR_OK : complain(live, LESSOR_NO_MEMORY, "no memory to read the log");
}

lessor_status_t
lsr_live_open_segment(lsr_live_t *live, int directory, const uint8_t store_id[LSR_STORE_ID_BYTES], uint64_t index) {
	int file;
	lsr_segment_header_t header;
	lessor_status_t status = init(live, directory, store_id);
	status = status == LESSOR_OK ? open_segment(live, index, &file, &header) : status;
	if (status == LESSOR_OK) {
		take_segment(live, index, file, &header);
	}
	return status != LESSOR_END ? status
				    : complain(live, LESSOR_NOT_RETAINED, "log segment %llx is not there any more",
					       (unsigned long long)index);
}

lessor_status_t
lsr_live_open(lsr_live_t *live, int directory, const uint8_t store_id[LSR_STORE_ID_BYTES], uint64_t from_lsn) {
	lessor_status_t status = init(live, directory, store_id);
	if (status != LESSOR_OK) {
		return status;
	}
	status = LESSOR_END;
	for (unsigned tries = 0; tries < TRIES && status == LESSOR_END; tries++) {
		uint64_t *indices;
		size_t count;
		status = list_segments(live, &indices, &count);
		if (status == LESSOR_OK) {
			status = count == 0 ? complain(live, LESSOR_NO_STORE, "there is no log")
					    : find_segment(live, indices, count, from_lsn);
			free(indices);
		}
	}
	if (status == LESSOR_NOT_RETAINED || status == LESSOR_END) {
		return complain(live, LESSOR_NOT_RETAINED, "the log does not reach back to position %llu any more",
				(unsigned long long)from_lsn);
	}
	return status;
}

void
lsr_live_close(lsr_live_t *live) {
	if (live->file >= 0) {
		(void)lsr_io->close(live->file);
	}
	free(live->bytes);
	live->file = -1;
	live->bytes = NULL;
}

/* ---- frames ----------------------------------------------------------------------------------------------------------- */

/* The frame at this place, NULL: none counts there. It is read into the front of live->bytes. */
static lessor_status_t
frame_here(lsr_live_t *live, const lsr_frame_header_t **frame) {
	const lsr_frame_header_t *header = (const lsr_frame_header_t *)(const void *)live->bytes;
	*frame = NULL;
	int result = read_some(live->file, live->bytes, LSR_BLOCK_BYTES, live->offset);
	if (result == 0 && (header->magic != LSR_FRAME_MAGIC || header->payload_bytes > LSR_FRAME_PAYLOAD_MAX)) {
		return LESSOR_OK;
	}
	const size_t frame_bytes = LSR_FRAME_HEADER_BYTES + (size_t)header->payload_bytes;
	if (result == 0 && frame_bytes > LSR_BLOCK_BYTES) {
		result = read_some(live->file, live->bytes + LSR_BLOCK_BYTES, frame_bytes - LSR_BLOCK_BYTES,
				   live->offset + LSR_BLOCK_BYTES);
	}
	if (result != 0) {
		return complain_read(live, result);
	}
	if (lsr_frame_is_sound(header, live->store_id, frame_bytes) && header->segment_index == live->index &&
	    header->first_lsn == live->next_lsn) {
		*frame = header;
	}
	return LESSOR_OK;
}

/* As the reader that opens a store demands: the frame carries the checksum of the one before, or none where a process may begin. */
static bool
continues(const lsr_live_t *live, const lsr_frame_header_t *frame) {
	const bool may_begin = live->offset == LSR_BLOCK_BYTES || (frame->flags & LSR_FRAME_CLOSED) != 0;
	return !live->follows || frame->previous_crc == live->last_crc || (may_begin && frame->previous_crc == 0);
}

/* Does the header behind this frame belong to a frame that was built when this one was durable? */
static bool
is_followed(const lsr_live_t *live, const lsr_frame_header_t *frame) {
	lsr_frame_header_t next;
	const uint64_t end_lsn = frame->first_lsn + frame->payload_bytes;
	const uint64_t offset = live->offset + lsr_frame_disk_bytes(frame->payload_bytes);
	return lsr_io_read_all(live->file, &next, sizeof(next), offset) == 0 && next.magic == LSR_FRAME_MAGIC &&
	       next.segment_index == live->index && next.first_lsn == end_lsn && next.durable_lsn == end_lsn &&
	       next.previous_crc == frame->crc && memcmp(next.store_id, live->store_id, LSR_STORE_ID_BYTES) == 0;
}

/* Make sure of it. 0, 1 if the writer says that it is not durable yet, or a negative errno. */
static int
ensure_durable(const lsr_live_t *live, const lsr_frame_header_t *frame, uint64_t durable_lsn) {
	if (durable_lsn != LSR_LIVE_UNKNOWN) {
		return frame->first_lsn + frame->payload_bytes > durable_lsn;
	}
	return is_followed(live, frame) ? 0 : lsr_io->datasync(live->file);
}

static lessor_status_t
deliver(lsr_live_t *live, const lsr_frame_header_t *frame, uint64_t durable_lsn) {
	if (!continues(live, frame)) {
		return complain(
			live, LESSOR_DAMAGED,
			LSR_SEGMENT_NAME_FORMAT
			": damaged at offset %llu: the frame there continues another one than the one before it",
			(unsigned long long)live->index, (unsigned long long)live->offset);
	}
	const int result = ensure_durable(live, frame, durable_lsn);
	if (result != 0) {
		return result > 0 ? LESSOR_END : complain_read(live, result);
	}
	live->last_offset = live->offset;
	live->last_crc = frame->crc;
	live->follows = true;
	live->offset += lsr_frame_disk_bytes(frame->payload_bytes);
	live->next_lsn += frame->payload_bytes;
	return LESSOR_OK;
}

static lessor_status_t
complain_gap(lsr_live_t *live) {
	return complain(live, LESSOR_DAMAGED,
			LSR_SEGMENT_NAME_FORMAT ": damaged at offset %llu: no valid frame there, but one behind it",
			(unsigned long long)live->index, (unsigned long long)live->offset);
}

static lessor_status_t
complain_dropped(lsr_live_t *live) {
	return complain(live, LESSOR_NOT_RETAINED, "the log does not reach back to position %llu any more",
			(unsigned long long)live->next_lsn);
}

/*
 * There is no segment behind this one, but there are later ones. They are dropped from the oldest on: if this one is still there, the next one never was dropped.
 * LESSOR_END: it is there now.
 */
static lessor_status_t
check_missing(lsr_live_t *live) {
	int file;
	lsr_segment_header_t header;
	lessor_status_t status = open_segment(live, live->index + 1, &file, &header);
	if (status == LESSOR_OK) {
		(void)lsr_io->close(file);
		return LESSOR_END;
	}
	status = status == LESSOR_END ? open_segment(live, live->index, &file, &header) : status;
	if (status == LESSOR_OK) {
		(void)lsr_io->close(file);
		return complain(live, LESSOR_DAMAGED,
				LSR_SEGMENT_NAME_FORMAT ": missing, although a later one is there",
				(unsigned long long)live->index + 1);
	}
	return status == LESSOR_END ? complain_dropped(live) : status;
}

/* There is no segment behind this one. Was there? LESSOR_END: no, or it is there by now. */
static lessor_status_t
check_dropped(lsr_live_t *live) {
	uint64_t *indices;
	size_t count;
	lessor_status_t status = list_segments(live, &indices, &count);
	if (status == LESSOR_OK) {
		const uint64_t oldest = count > 0 ? indices[0] : 0;
		const uint64_t newest = count > 0 ? indices[count - 1] : 0;
		free(indices);
		status = oldest > live->index + 1   ? complain_dropped(live)
			 : newest > live->index + 1 ? check_missing(live)
						    : LESSOR_END;
	}
	return status;
}

/* Go on with the next segment. LESSOR_OK: look again, for *moved is true, or because the frame should be there; LESSOR_END: there is none. */
static lessor_status_t
next_segment(lsr_live_t *live, bool *moved) {
	int file;
	lsr_segment_header_t header;
	lessor_status_t status = open_segment(live, live->index + 1, &file, &header);
	if (status != LESSOR_OK) {
		return status == LESSOR_END ? check_dropped(live) : status;
	}
	*moved = header.first_lsn == live->next_lsn;
	if (*moved) {
		take_segment(live, live->index + 1, file, &header);
	} else {
		(void)lsr_io->close(file);
	}
	return LESSOR_OK;
}

lessor_status_t
lsr_live_next(lsr_live_t *live, uint64_t durable_lsn, const lsr_frame_header_t **frame) {
	const lsr_frame_header_t *found;
	for (bool again = false;;) {
		bool moved = false;
		lessor_status_t status = frame_here(live, &found);
		if (status == LESSOR_OK && found != NULL) {
			status = deliver(live, found, durable_lsn);
			if (status == LESSOR_OK) {
				*frame = found;
			}
			return status;
		}
		if (status == LESSOR_OK && again) {
			return complain_gap(live);
		}
		status = status == LESSOR_OK ? next_segment(live, &moved) : status;
		if (status != LESSOR_OK) {
			return status;
		}
		again = !moved;
	}
}

/* A valid frame of this segment, of a later position, among the blocks behind this one, as far as the greatest frame could reach? */
static bool
is_frame_behind(const lsr_live_t *live) {
	for (size_t at = 0; at < FRAME_MAX_BYTES; at += LSR_BLOCK_BYTES) {
		const lsr_frame_header_t *header = (const lsr_frame_header_t *)(const void *)(live->bytes + at);
		if (lsr_frame_is_sound(header, live->store_id, ROOM_BYTES - at) &&
		    header->segment_index == live->index && header->first_lsn > live->next_lsn) {
			return true;
		}
	}
	return false;
}

lessor_status_t
lsr_live_check(lsr_live_t *live) {
	const lsr_frame_header_t *frame;
	const int result = read_some(live->file, live->bytes, ROOM_BYTES, live->offset + LSR_BLOCK_BYTES);
	if (result != 0) {
		return complain_read(live, result);
	}
	if (!is_frame_behind(live)) {
		return LESSOR_END;
	}
	const lessor_status_t status = frame_here(live, &frame);
	return status != LESSOR_OK ? status : frame != NULL ? LESSOR_END : complain_gap(live);
}
