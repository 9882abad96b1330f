/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a segment of the log, or as a snapshot: read, picked from, and every record in them decoded. */
#ifndef LESSOR_TEST_READ_FUZZ_H
#define LESSOR_TEST_READ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/*
 * Checksums are made right first, or nothing behind them would ever be reached; unless the last byte of the first block is odd. Ends the process if reader and
 * picker contradict each other: what the reader takes whole, the picker must take whole too.
 */
void read_fuzz_log(const uint8_t *data, size_t size);
void read_fuzz_snapshot(const uint8_t *data, size_t size);

#endif
