/* SPDX-License-Identifier: Apache-2.0 */
#include "log/format.h"

#include <stdio.h>
#include <string.h>

#include "base/crc.h"

void
lsr_segment_name(uint64_t index, char name[LSR_SEGMENT_NAME_BYTES]) {
	(void)snprintf(name, LSR_SEGMENT_NAME_BYTES, LSR_SEGMENT_NAME_FORMAT, (unsigned long long)index);
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
	return frame->magic == LSR_FRAME_MAGIC && frame->version == LSR_FORMAT_VERSION &&
	       memcmp(frame->store_id, store_id, LSR_STORE_ID_BYTES) == 0 &&
	       frame->payload_bytes <= LSR_FRAME_PAYLOAD_MAX &&
	       LSR_FRAME_HEADER_BYTES + (uint64_t)frame->payload_bytes <= space_bytes && frame->crc == frame_crc(frame);
}
