/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crc.h"

#include <isa-l/crc.h>

/* isa-l takes an int length and leaves pre- and post-inversion to the caller. */
#define LSR_CRC_STEP_BYTES ((size_t)1 << 30)

uint32_t
lsr_crc(uint32_t crc, const void *data, size_t size_bytes) {
	union {
		const void *in;
		unsigned char *out; /* isa-l's prototype lacks const; it only reads */
	} pointer = {.in = data};
	crc = ~crc;
	while (size_bytes > 0) {
		const size_t step = size_bytes < LSR_CRC_STEP_BYTES ? size_bytes : LSR_CRC_STEP_BYTES;
		crc = crc32_iscsi(pointer.out, (int)step, crc);
		pointer.out += step;
		size_bytes -= step;
	}
	return ~crc;
}
