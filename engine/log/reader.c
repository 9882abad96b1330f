/* SPDX-License-Identifier: Apache-2.0 */
#include "log/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/text.h"

/* What one reading needs. */
typedef struct {
	int directory;
	const uint8_t *store_id;
	uint64_t from_lsn;
	lsr_record_function function;
	void *context;
	lsr_log_contents_t *contents;
	uint8_t *buffer; /* the segment in work */
	size_t buffer_bytes;
	uint64_t next_lsn; /* 0: not known yet */
} lsr_log_reading_t;

#define complain(contents, status, ...)                                                                                \
	lsr_complain((contents)->sentence, sizeof((contents)->sentence), status, __VA_ARGS__)

/* ---- the list of segments --------------------------------------------------------------------------------------- */

static lessor_status_t
check_header(lsr_log_reading_t *reading, const char *name, const lsr_segment_header_t *header,
	     lsr_segment_info_t *info) {
	lsr_log_contents_t *contents = reading->contents;
	if (!lsr_segment_header_is_sound(header)) {
		return complain(contents, LESSOR_DAMAGED, "%s: the segment header at offset 0 is damaged", name);
	}
	if (header->version != LSR_FORMAT_VERSION) {
		return complain(contents, LESSOR_UNSUPPORTED, "%s: log format version %u, this library knows %u", name,
				header->version, LSR_FORMAT_VERSION);
	}
	if (memcmp(header->store_id, reading->store_id, LSR_STORE_ID_BYTES) != 0 || header->index != info->index ||
	    header->first_lsn < LSR_LSN_FIRST) {
		return complain(contents, LESSOR_DAMAGED,
				"%s: the segment header at offset 0 belongs to another store or file", name);
	}
	info->first_lsn = header->first_lsn;
	info->made_bytes = header->size_bytes;
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
		unsigned long long index;
		int used = 0;
		if (sscanf(names[i], "log-%16llx.seg%n", &index, &used) == 1 && names[i][used] == '\0' && used > 0) {
			lsr_segment_info_t *info = &contents->segments[contents->count++];
			info->index = index;
			status = read_header(reading, names[i], info);
		}
	}
	free(names);
	return status;
}

/* ---- one segment -------------------------------------------------------------------------------------------------- */

static lessor_status_t
load_segment(lsr_log_reading_t *reading, const lsr_segment_info_t *segment, const char *name) {
	if (segment->size_bytes > reading->buffer_bytes) {
		void *grown = realloc(reading->buffer, segment->size_bytes);
		if (grown == NULL) {
			return LESSOR_NO_MEMORY;
		}
		reading->buffer = grown;
		reading->buffer_bytes = segment->size_bytes;
	}
	const int file = lsr_io->open(reading->directory, name, O_RDONLY, 0);
	int result = file < 0 ? file : lsr_io_read_all(file, reading->buffer, segment->size_bytes, 0);
	if (file >= 0) {
		(void)lsr_io->close(file);
	}
	return result == 0 ? LESSOR_OK
			   : complain(reading->contents, LESSOR_IO, "%s: cannot be read: %s", name, strerror(-result));
}

static lessor_status_t
deliver(lsr_log_reading_t *reading, const lsr_frame_header_t *frame, const char *name, uint64_t frame_offset) {
	const uint8_t *payload = (const uint8_t *)(frame + 1);
	uint32_t at = 0;
	while (at < frame->payload_bytes) {
		uint32_t header;
		memcpy(&header, payload + at, sizeof(header));
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

/* The offset of the first valid frame of this store at or behind 'offset', or 0: evidence that what stands before was durable. */
static uint64_t
find_frame(const lsr_log_reading_t *reading, const lsr_segment_info_t *segment, uint64_t offset) {
	for (; offset + LSR_BLOCK_BYTES <= segment->size_bytes; offset += LSR_BLOCK_BYTES) {
		const lsr_frame_header_t *frame = (const lsr_frame_header_t *)(const void *)(reading->buffer + offset);
		if (lsr_frame_is_sound(frame, reading->store_id, segment->size_bytes - offset) &&
		    frame->segment_index == segment->index && frame->first_lsn >= reading->next_lsn) {
			return offset;
		}
	}
	return 0;
}

static uint64_t
garbage_bytes(const lsr_log_reading_t *reading, const lsr_segment_info_t *segment, uint64_t offset) {
	uint64_t end = segment->size_bytes;
	while (end > offset && reading->buffer[end - 1] == 0) {
		end--;
	}
	return end - offset;
}

/* Read all frames of a segment; *offset becomes the place behind the last one. */
static lessor_status_t
read_frames(lsr_log_reading_t *reading, const lsr_segment_info_t *segment, const char *name, uint64_t *offset) {
	lessor_status_t status = LESSOR_OK;
	*offset = LSR_BLOCK_BYTES;
	while (*offset + LSR_BLOCK_BYTES <= segment->size_bytes) {
		const lsr_frame_header_t *frame = (const lsr_frame_header_t *)(const void *)(reading->buffer + *offset);
		if (!lsr_frame_is_sound(frame, reading->store_id, segment->size_bytes - *offset) ||
		    frame->segment_index != segment->index || frame->first_lsn != reading->next_lsn) {
			break;
		}
		status = deliver(reading, frame, name, *offset);
		if (status != LESSOR_OK) {
			break;
		}
		reading->next_lsn += frame->payload_bytes;
		reading->contents->closed = (frame->flags & LSR_FRAME_CLOSED) != 0;
		*offset += lsr_frame_disk_bytes(frame->payload_bytes);
	}
	return status;
}

static lessor_status_t
read_segment(lsr_log_reading_t *reading, lsr_segment_info_t *segment, const lsr_segment_info_t *next) {
	char name[32];
	uint64_t offset;
	lsr_segment_name(segment->index, name);
	reading->contents->closed = false;
	lessor_status_t status = load_segment(reading, segment, name);
	if (status == LESSOR_OK) {
		status = read_frames(reading, segment, name, &offset);
	}
	if (status != LESSOR_OK) {
		return status;
	}
	segment->end_offset = offset;
	const uint64_t later = find_frame(reading, segment, offset);
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
	if (next == NULL) {
		reading->contents->cut_bytes = garbage_bytes(reading, segment, offset);
	}
	return LESSOR_OK;
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
	lessor_status_t status = list_segments(&reading);
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
	free(reading.buffer);
	return status;
}

void
lsr_log_contents_free(lsr_log_contents_t *contents) {
	free(contents->segments);
	contents->segments = NULL;
	contents->count = 0;
}
