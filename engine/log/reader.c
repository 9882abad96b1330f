/* SPDX-License-Identifier: Apache-2.0 */
#include "log/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/io.h"
#include "base/stream.h"
#include "base/text.h"

/* What one reading needs. */
typedef struct {
	int directory;
	const uint8_t *store_id;
	uint64_t from_lsn;
	lsr_record_function function;
	void *context;
	lsr_log_contents_t *contents;
	lsr_stream_t stream; /* the segment in work */
	uint64_t offset;     /* of the stream's view */
	uint64_t next_lsn;   /* 0: not known yet */
	uint32_t last_crc;   /* of the frame before */
	bool follows;        /* there was one */
} lsr_log_reading_t;

#define complain(contents, status, ...)                                                                                \
	lsr_complain((contents)->sentence, sizeof((contents)->sentence), status, __VA_ARGS__)

bool
lsr_segment_parse_name(const char *name, uint64_t *index) {
	unsigned long long value;
	char as_written[LSR_SEGMENT_NAME_BYTES];
	*index = 0;
	if (sscanf(name, "log-%16llx.seg", &value) != 1) {
		return false;
	}
	lsr_segment_name(value, as_written); /* sscanf() minds neither signs nor missing digits nor what follows */
	const bool is_one = strcmp(name, as_written) == 0;
	*index = is_one ? value : 0;
	return is_one;
}

uint64_t
lsr_log_newest(int directory, const uint8_t store_id[LSR_STORE_ID_BYTES]) {
	uint64_t index = 0;
	const int file = lsr_io->open(directory, LSR_NEWEST_NAME, O_RDONLY, 0);
	for (unsigned i = 0; i < 2 && file >= 0; i++) {
		lsr_newest_t newest;
		if (lsr_io_read_all(file, &newest, sizeof(newest), (uint64_t)i * LSR_BLOCK_BYTES) == 0 &&
		    lsr_newest_is_sound(&newest, store_id)) {
			index = lsr_max_u64(index, newest.index);
		}
	}
	if (file >= 0) {
		(void)lsr_io->close(file);
	}
	return index;
}

/* ---- the list of segments --------------------------------------------------------------------------------------- */

static lessor_status_t
check_header(lsr_log_reading_t *reading, const char *name, const lsr_segment_header_t *header,
	     lsr_segment_info_t *info) {
	lsr_log_contents_t *contents = reading->contents;
	if (!lsr_segment_header_is_sound(header)) {
		return complain(contents, LESSOR_DAMAGED, "%s: the segment header at offset 0 is damaged", name);
	}
	if (!lsr_format_is_known(header->version)) {
		return complain(contents, LESSOR_UNSUPPORTED, "%s: log format version %u, this library knows up to %u",
				name, header->version, LSR_FORMAT_VERSION);
	}
	if (memcmp(header->store_id, reading->store_id, LSR_STORE_ID_BYTES) != 0 || header->index != info->index ||
	    header->first_lsn < LSR_LSN_FIRST) {
		return complain(contents, LESSOR_DAMAGED,
				"%s: the segment header at offset 0 belongs to another store or file", name);
	}
	info->first_lsn = header->first_lsn;
	info->made_bytes = header->size_bytes;
	info->begun_s = header->begun_s;
	return LESSOR_OK;
}

static lessor_status_t
read_header(lsr_log_reading_t *reading, const char *name, lsr_segment_info_t *info) {
	lsr_segment_header_t header;
	const int file = lsr_io->open(reading->directory, name, O_RDONLY, 0);
	if (file < 0) {
		return complain(reading->contents, LESSOR_IO, "%s: cannot be opened: %s", name, strerror(-file));
	}
	const int64_t size = lsr_io->size(file);
	info->size_bytes = size > 0 ? (uint64_t)size : 0;
	lessor_status_t status;
	if (size < 0) {
		status = complain(reading->contents, LESSOR_IO, "%s: its size cannot be told: %s", name,
				  strerror((int)-size));
	} else if (size < (int64_t)LSR_BLOCK_BYTES) {
		status = complain(reading->contents, LESSOR_DAMAGED,
				  "%s: the file ends at offset %lld, inside the segment header", name, (long long)size);
	} else {
		const int result = lsr_io_read_all(file, &header, sizeof(header), 0);
		status = result == 0 ? check_header(reading, name, &header, info)
				     : complain(reading->contents, LESSOR_IO, "%s: cannot be read at offset 0: %s",
						name, strerror(-result));
	}
	(void)lsr_io->close(file);
	return status;
}

static lessor_status_t
list_segments(lsr_log_reading_t *reading) {
	lsr_log_contents_t *contents = reading->contents;
	char **names = NULL;
	size_t count = 0;
	const int result = lsr_io_list(reading->directory, LSR_SEGMENT_PREFIX, &names, &count);
	if (result != 0) {
		return complain(contents, result == -ENOMEM ? LESSOR_NO_MEMORY : LESSOR_IO,
				"the directory cannot be read: %s", strerror(-result));
	}
	contents->segments = calloc(count + 1, sizeof(contents->segments[0]));
	lessor_status_t status = contents->segments != NULL ? LESSOR_OK : LESSOR_NO_MEMORY;
	for (size_t i = 0; i < count && status == LESSOR_OK; i++) {
		uint64_t index;
		if (lsr_segment_parse_name(names[i], &index)) {
			lsr_segment_info_t *info = &contents->segments[contents->count++];
			info->index = index;
			status = read_header(reading, names[i], info);
		}
	}
	free(names);
	return status;
}

/* The newest of all is there? */
static lessor_status_t
check_newest(lsr_log_reading_t *reading) {
	lsr_log_contents_t *contents = reading->contents;
	const uint64_t newest = lsr_log_newest(reading->directory, reading->store_id);
	const uint64_t last = contents->count != 0 ? contents->segments[contents->count - 1].index : 0;
	return newest <= last ? LESSOR_OK
			      : complain(contents, LESSOR_DAMAGED,
					 LSR_SEGMENT_NAME_FORMAT ": missing, although " LSR_NEWEST_NAME
								 " tells that it was begun",
					 (unsigned long long)newest);
}

/* ---- one segment -------------------------------------------------------------------------------------------------- */

/* The next bytes of the segment. */
static lessor_status_t
view(lsr_log_reading_t *reading, const char *name, size_t size_bytes, const uint8_t **bytes) {
	int error;
	*bytes = lsr_stream_view(&reading->stream, size_bytes, &error);
	return *bytes != NULL ? LESSOR_OK
			      : complain(reading->contents, LESSOR_IO, "%s: cannot be read at offset %llu: %s", name,
					 (unsigned long long)reading->offset, strerror(-error));
}

static void
skip(lsr_log_reading_t *reading, size_t size_bytes) {
	lsr_stream_skip(&reading->stream, size_bytes);
	reading->offset += size_bytes;
}

/* The frame at the stream's place, NULL if none counts there, whatever its position. The rest of the segment holds a block at least. */
static lessor_status_t
frame_here(lsr_log_reading_t *reading, const lsr_segment_info_t *segment, const char *name,
	   const lsr_frame_header_t **frame) {
	const uint8_t *bytes;
	const uint64_t left_bytes = segment->size_bytes - reading->offset;
	*frame = NULL;
	lessor_status_t status = view(reading, name, LSR_FRAME_HEADER_BYTES, &bytes);
	if (status != LESSOR_OK) {
		return status;
	}
	const lsr_frame_header_t *header = (const lsr_frame_header_t *)(const void *)bytes;
	if (header->magic != LSR_FRAME_MAGIC || header->payload_bytes > LSR_FRAME_PAYLOAD_MAX ||
	    LSR_FRAME_HEADER_BYTES + (uint64_t)header->payload_bytes > left_bytes) {
		return LESSOR_OK;
	}
	const size_t frame_bytes = LSR_FRAME_HEADER_BYTES + (size_t)header->payload_bytes;
	status = view(reading, name, frame_bytes, &bytes);
	header = (const lsr_frame_header_t *)(const void *)bytes;
	if (status == LESSOR_OK && lsr_frame_is_sound(header, reading->store_id, frame_bytes) &&
	    header->segment_index == segment->index) {
		*frame = header;
	}
	return status;
}

static lessor_status_t
deliver(lsr_log_reading_t *reading, const lsr_frame_header_t *frame, const char *name, uint64_t frame_offset) {
	const uint8_t *payload = (const uint8_t *)(frame + 1);
	uint32_t at = 0;
	while (at < frame->payload_bytes) {
		uint32_t header = 0;
		if (frame->payload_bytes - at >= LSR_RECORD_ALIGN) {
			memcpy(&header, payload + at, sizeof(header));
		}
		const uint32_t size_bytes = lsr_header_bytes(header);
		if (size_bytes == 0 || size_bytes > frame->payload_bytes - at) {
			return complain(reading->contents, LESSOR_DAMAGED,
					"%s: a record in the frame at offset %llu is malformed", name,
					(unsigned long long)frame_offset);
		}
		at += size_bytes;
		const uint64_t lsn = frame->first_lsn + at;
		if (lsn > reading->from_lsn && lsr_header_type(header) != LSR_LOG_PAD) {
			const lessor_status_t status =
				reading->function(reading->context, header, payload + at - size_bytes + 4, lsn);
			if (status != LESSOR_OK) {
				return reading->contents->sentence[0] != '\0'
					       ? status
					       : complain(reading->contents, status,
							  "%s: the record at position %llu, in the frame at offset "
							  "%llu, %s",
							  name, (unsigned long long)(lsn - size_bytes),
							  (unsigned long long)frame_offset,
							  status == LESSOR_DAMAGED ? "makes no sense"
										   : "could not be taken in");
			}
			reading->contents->records++;
		}
	}
	return LESSOR_OK;
}

/*
 * Does it continue the frame before? The first one of a process does not, and stands first in its segment; nor does the mark with which recovery ends a
 * segment. Where the reading begins nothing is known.
 */
static bool
continues(const lsr_log_reading_t *reading, const lsr_frame_header_t *frame) {
	const bool may_begin = reading->offset == LSR_BLOCK_BYTES || (frame->flags & LSR_FRAME_CLOSED) != 0;
	return !reading->follows || frame->previous_crc == reading->last_crc || (may_begin && frame->previous_crc == 0);
}

/* Read all frames of a segment; the stream ends behind the last one. */
static lessor_status_t
read_frames(lsr_log_reading_t *reading, const lsr_segment_info_t *segment, const char *name) {
	const lsr_frame_header_t *frame;
	while (reading->offset + LSR_BLOCK_BYTES <= segment->size_bytes) {
		lessor_status_t status = frame_here(reading, segment, name, &frame);
		if (status != LESSOR_OK || frame == NULL || frame->first_lsn != reading->next_lsn) {
			return status;
		}
		if (!continues(reading, frame)) {
			return complain(reading->contents, LESSOR_DAMAGED,
					"%s: damaged at offset %llu: the frame there continues another one than the "
					"one before it",
					name, (unsigned long long)reading->offset);
		}
		status = deliver(reading, frame, name, reading->offset);
		if (status != LESSOR_OK) {
			return status;
		}
		reading->next_lsn += frame->payload_bytes;
		reading->contents->closed = (frame->flags & LSR_FRAME_CLOSED) != 0;
		reading->last_crc = frame->crc;
		reading->follows = true;
		/* The blocks of the last frame may have been cut. */
		const uint64_t frame_bytes = lsr_frame_disk_bytes(frame->payload_bytes);
		const uint64_t left_bytes = segment->size_bytes - reading->offset;
		if (frame_bytes > left_bytes) {
			skip(reading, left_bytes);
			reading->offset += frame_bytes - left_bytes;
			break;
		}
		const uint8_t *ignored;
		status = view(reading, name, frame_bytes, &ignored);
		if (status != LESSOR_OK) {
			return status;
		}
		skip(reading, frame_bytes);
	}
	return LESSOR_OK;
}
static size_t
without_zeros(const uint8_t *bytes, size_t size_bytes) {
	if (size_bytes == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size_bytes - 1) == 0)) {
		return 0;
	}
	while (bytes[size_bytes - 1] == 0) {
		size_bytes--;
	}
	return size_bytes;
}

/*
 * The rest of a segment: *later is the offset of the first frame of this log in it, or 0: evidence that what stands before was durable; *garbage_end
 * the place behind the last byte that is not zero.
 */
static lessor_status_t
read_rest(lsr_log_reading_t *reading, const lsr_segment_info_t *segment, const char *name, uint64_t *later,
	  uint64_t *garbage_end) {
	*later = 0;
	*garbage_end = reading->offset;
	while (reading->offset < segment->size_bytes && *later == 0) {
		const lsr_frame_header_t *frame = NULL;
		const uint8_t *bytes;
		const size_t size_bytes = lsr_min_u64(LSR_BLOCK_BYTES, segment->size_bytes - reading->offset);
		lessor_status_t status = LESSOR_OK;
		if (size_bytes == LSR_BLOCK_BYTES) {
			status = frame_here(reading, segment, name, &frame);
		}
		if (status == LESSOR_OK && frame != NULL && frame->first_lsn >= reading->next_lsn) {
			*later = reading->offset;
		}
		status = status == LESSOR_OK ? view(reading, name, size_bytes, &bytes) : status;
		if (status != LESSOR_OK) {
			return status;
		}
		const size_t used_bytes = without_zeros(bytes, size_bytes);
		*garbage_end = used_bytes != 0 ? reading->offset + used_bytes : *garbage_end;
		skip(reading, size_bytes);
	}
	return LESSOR_OK;
}

/* What the end of a segment says. */
static lessor_status_t
check_end(lsr_log_reading_t *reading, const lsr_segment_info_t *segment, const char *name, uint64_t later,
	  const lsr_segment_info_t *next) {
	const uint64_t offset = segment->end_offset;
	if (later != 0) {
		return complain(reading->contents, LESSOR_DAMAGED,
				"%s: damaged at offset %llu: no valid frame there, but one behind it at offset %llu",
				name, (unsigned long long)offset, (unsigned long long)later);
	}
	if (next != NULL && next->first_lsn != reading->next_lsn) {
		return complain(reading->contents, LESSOR_DAMAGED,
				"%s: damaged at offset %llu: the log ends there at position %llu, but the next segment "
				"begins at %llu",
				name, (unsigned long long)offset, (unsigned long long)reading->next_lsn,
				(unsigned long long)next->first_lsn);
	}
	if (next == NULL && !reading->contents->closed && segment->size_bytes < segment->made_bytes) {
		return complain(reading->contents, LESSOR_DAMAGED,
				"%s: the file ends at offset %llu; it was made with %llu bytes, and the log was not "
				"closed before",
				name, (unsigned long long)segment->size_bytes, (unsigned long long)segment->made_bytes);
	}
	return LESSOR_OK;
}

static lessor_status_t
read_open_segment(lsr_log_reading_t *reading, lsr_segment_info_t *segment, const char *name,
		  const lsr_segment_info_t *next) {
	const uint8_t *ignored;
	uint64_t later;
	uint64_t garbage_end;
	lessor_status_t status = view(reading, name, LSR_BLOCK_BYTES, &ignored);
	if (status == LESSOR_OK) {
		skip(reading, LSR_BLOCK_BYTES);
		status = read_frames(reading, segment, name);
	}
	if (status != LESSOR_OK) {
		return status;
	}
	segment->end_offset = reading->offset;
	status = read_rest(reading, segment, name, &later, &garbage_end);
	status = status == LESSOR_OK ? check_end(reading, segment, name, later, next) : status;
	if (status == LESSOR_OK && next == NULL) {
		reading->contents->cut_bytes = garbage_end - segment->end_offset;
	}
	return status;
}

static lessor_status_t
read_segment(lsr_log_reading_t *reading, lsr_segment_info_t *segment, const lsr_segment_info_t *next) {
	char name[LSR_SEGMENT_NAME_BYTES];
	lsr_segment_name(segment->index, name);
	reading->contents->closed = false;
	reading->offset = 0;
	const int result = lsr_stream_open(&reading->stream, reading->directory, name, segment->size_bytes);
	const lessor_status_t status =
		result == 0 ? read_open_segment(reading, segment, name, next)
			    : complain(reading->contents, result == -ENOMEM ? LESSOR_NO_MEMORY : LESSOR_IO,
				       "%s: cannot be opened: %s", name, strerror(-result));
	lsr_stream_close(&reading->stream);
	return status;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------ */

/* The number of the segment that holds from_lsn. */
static lessor_status_t
find_start(lsr_log_reading_t *reading, size_t *start) {
	lsr_log_contents_t *contents = reading->contents;
	const uint64_t from = reading->from_lsn != 0 ? reading->from_lsn : LSR_LSN_FIRST;
	size_t behind = 0; /* segments that begin at or before it */
	while (behind < contents->count && contents->segments[behind].first_lsn <= from) {
		behind++;
	}
	if (behind == 0 && (contents->count != 0 || reading->from_lsn != 0)) {
		return complain(contents, LESSOR_DAMAGED, "the log segment that holds position %llu is missing",
				(unsigned long long)from);
	}
	*start = behind == 0 ? contents->count : behind - 1;
	return LESSOR_OK;
}

static lessor_status_t
read_from(lsr_log_reading_t *reading, size_t start) {
	lsr_log_contents_t *contents = reading->contents;
	lessor_status_t status = LESSOR_OK;
	for (size_t i = start; i < contents->count && status == LESSOR_OK; i++) {
		lsr_segment_info_t *segment = &contents->segments[i];
		if (i > start && segment->index != contents->segments[i - 1].index + 1) {
			return complain(contents, LESSOR_DAMAGED, "log segment %llx is missing",
					(unsigned long long)contents->segments[i - 1].index + 1);
		}
		if (i == start) {
			reading->next_lsn = segment->first_lsn;
		}
		status = read_segment(reading, segment, i + 1 < contents->count ? segment + 1 : NULL);
	}
	return status;
}

lessor_status_t
lsr_log_read(int directory, const uint8_t store_id[LSR_STORE_ID_BYTES], uint64_t from_lsn, lsr_record_function function,
	     void *context, lsr_log_contents_t *contents) {
	size_t start = 0;
	lsr_log_reading_t reading = {.directory = directory,
				     .store_id = store_id,
				     .from_lsn = from_lsn,
				     .function = function,
				     .context = context,
				     .contents = contents};
	*contents = (lsr_log_contents_t){0};
	lsr_stream_init(&reading.stream);
	lessor_status_t status = list_segments(&reading);
	if (status == LESSOR_OK) {
		status = check_newest(&reading);
	}
	if (status == LESSOR_OK) {
		status = find_start(&reading, &start);
	}
	if (status == LESSOR_OK) {
		status = read_from(&reading, start);
	}
	contents->end_lsn = reading.next_lsn != 0 ? reading.next_lsn : from_lsn != 0 ? from_lsn : LSR_LSN_FIRST;
	if (status == LESSOR_OK && contents->end_lsn < from_lsn) {
		status = complain(contents, LESSOR_DAMAGED, "the log ends at position %llu, before the snapshot's %llu",
				  (unsigned long long)contents->end_lsn, (unsigned long long)from_lsn);
	}
	if (status == LESSOR_NO_MEMORY && contents->sentence[0] == '\0') {
		(void)complain(contents, status, "no memory to read the log");
	}
	lsr_stream_destroy(&reading.stream);
	return status;
}

void
lsr_log_contents_free(lsr_log_contents_t *contents) {
	free(contents->segments);
	contents->segments = NULL;
	contents->count = 0;
}
