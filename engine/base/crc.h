/* SPDX-License-Identifier: Apache-2.0 */
/* CRC32C (Castagnoli) of a piece of memory, by isa-l. */
#ifndef LSR_CRC_H
#define LSR_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Continue 'crc' (LSR_CRC_SEED at the beginning) over 'size_bytes' bytes. The result of a whole run is the checksum itself. */
#define LSR_CRC_SEED UINT32_C(0)
uint32_t lsr_crc(uint32_t crc, const void *data, size_t size_bytes);

#endif
