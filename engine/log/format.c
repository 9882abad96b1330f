/* SPDX-License-Identifier: Apache-2.0 */
#include "log/format.h"

#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "base/crc.h"

void
lsr_segment_name(uint64_t index, char name[LSR_SEGMENT_NAME_BYTES]) {
	(void)snprintf(name, LSR_SEGMENT_NAME_BYTES, LSR_SEGMENT_NAME_FORMAT, (unsigned long long)index);
}

void
lsr_newest_seal(lsr_newest_t *newest) {
	newest->crc = lsr_crc(LSR_CRC_SEED, newest, offsetof(lsr_newest_t, crc));
}

bool
lsr_newest_is_sound(const lsr_newest_t *newest, const uint8_t store_id[LSR_STORE_ID_BYTES]) {
	return newest->magic == LSR_NEWEST_MAGIC && memcmp(newest->store_id, store_id, LSR_STORE_ID_BYTES) == 0 &&
	       newest->crc == lsr_crc(LSR_CRC_SEED, newest, offsetof(lsr_newest_t, crc));
}

void
lsr_segment_header_seal(lsr_segment_header_t *header) {
	header->crc = lsr_crc(LSR_CRC_SEED, header, offsetof(lsr_segment_header_t, crc));
}

bool
lsr_segment_header_is_sound(const lsr_segment_header_t *header) {
	return header->magic == LSR_SEGMENT_MAGIC &&
	       header->crc == lsr_crc(LSR_CRC_SEED, header, offsetof(lsr_segment_header_t, crc));
}

static uint32_t
frame_crc(const lsr_frame_header_t *frame) {
	const uint32_t crc = lsr_crc(LSR_CRC_SEED, frame, offsetof(lsr_frame_header_t, crc));
	return lsr_crc(crc, frame + 1, frame->payload_bytes);
}

void
lsr_frame_seal(lsr_frame_header_t *frame) {
	frame->crc = frame_crc(frame);
}

bool
lsr_frame_is_sound(const lsr_frame_header_t *frame, const uint8_t store_id[LSR_STORE_ID_BYTES], uint64_t space_bytes) {
	return frame->magic == LSR_FRAME_MAGIC && lsr_format_is_known(frame->version) &&
	       memcmp(frame->store_id, store_id, LSR_STORE_ID_BYTES) == 0 &&
	       frame->payload_bytes <= LSR_FRAME_PAYLOAD_MAX &&
	       LSR_FRAME_HEADER_BYTES + (uint64_t)frame->payload_bytes <= space_bytes &&
	       (frame->crc == frame_crc(frame) || LSR_PLANTED(LSR_PLANT_TORN_FRAME));
}

/* ---- groups ------------------------------------------------------------------------------------------------------- */

uint8_t *
lsr_group_put(uint8_t *at, lsr_record_type_t type, size_t payload_bytes) {
	const uint32_t header = lsr_record_header(type, payload_bytes);
	uint8_t *end = at + lsr_header_bytes(header);
	memset(end - LSR_RECORD_ALIGN, 0, LSR_RECORD_ALIGN);
	memcpy(at, &header, sizeof(header));
	return end;
}

bool
lsr_group_next(const uint8_t **at, size_t *left_bytes, uint32_t *header, const uint8_t **payload) {
	if (*left_bytes < LSR_RECORD_ALIGN) {
		return false;
	}
	memcpy(header, *at, sizeof(*header));
	const uint32_t size_bytes = lsr_header_bytes(*header);
	if (size_bytes == 0 || size_bytes > *left_bytes || lsr_header_payload_bytes(*header) > size_bytes) {
		return false;
	}
	*payload = *at + sizeof(*header);
	*at += size_bytes;
	*left_bytes -= size_bytes;
	return true;
}
