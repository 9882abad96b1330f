/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshot files: everything the engine held, so that the log before them is not needed any more.
 *
 * A snapshot is fuzzy: it is written while changes go on. Each entry carries the LSN of the change it shows. Loading it and then replaying the log from its
 * 'from' position on, taking a record only if its LSN is greater than what is there, gives exactly the state at the log's end.
 *
 * File "snapshot-<from LSN, 16 hex digits>.lsr"; integers little-endian; version 2 (version 1 is read too, see log/format.h). Written as "snapshot.tmp", synced, renamed, the
 * directory synced: a file of that name is complete.
 *   block 0 (4096 bytes):
 *      0 u64 magic "LSRSNP01"    8 u32 version (2)   12 u32 zero   16 16 bytes store id   32 u64 from LSN
 *     40 u64 time of making (FILETIME)    48 u64 zero    56 u32 zero    60 u32 CRC32C of bytes 0-59
 *   then chunks, each beginning on a fresh block:
 *      0 u32 magic "LSRC"    4 u32 payload bytes    8 u64 number, from 0    16 16 bytes store id    32 u64 from LSN
 *     40 u32 flags (1: the last)    44 u32 zero    48 u64 zero    56 u32 zero    60 u32 CRC32C of bytes 0-59 and the payload
 *     64 payload: entries, then zeros up to the next block
 *   entry:  u64 LSN, then a record as in the log (log/format.h)
 *   The last chunk's payload is the footer:  u64 entries, u64 leases, u64 end LSN, u64 counting epoch.
 */
#ifndef LSR_SNAPSHOT_H
#define LSR_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lessor/status.h>

#include "log/picker.h"
#include "log/reader.h"

#ifndef LSR_SNAPSHOT_CHUNK_BYTES
#define LSR_SNAPSHOT_CHUNK_BYTES ((size_t)1 << 20)
#endif

typedef struct lsr_snapshot_info {
	uint64_t from_lsn; /* replay the log from here; 0: there is no snapshot */
	uint64_t end_lsn;  /* the newest change it can show */
	uint64_t entries;
	uint64_t leases;
	uint64_t epoch;
	uint64_t size_bytes;
	char sentence[512];
} lsr_snapshot_info_t;

typedef struct lsr_snapshot_writer {
	int directory;
	int file;
	uint8_t store_id[LSR_STORE_ID_BYTES];
	uint64_t from_lsn;
	uint8_t *chunk; /* a header and the payload so far */
	uint32_t payload_bytes;
	uint64_t chunks;
	uint64_t offset;
	uint64_t entries;
	uint64_t leases;
} lsr_snapshot_writer_t;

/* All: 0 or a negative errno. After a failure, and instead of finish: abort. */
int lsr_snapshot_begin(lsr_snapshot_writer_t *writer, int directory, const uint8_t store_id[LSR_STORE_ID_BYTES],
		       uint64_t from_lsn);
int lsr_snapshot_add(lsr_snapshot_writer_t *writer, uint64_t lsn, uint32_t header, const void *payload);
int lsr_snapshot_finish(lsr_snapshot_writer_t *writer, uint64_t end_lsn, uint64_t epoch);
void lsr_snapshot_abort(lsr_snapshot_writer_t *writer);

/* Remove all snapshots but the one from from_lsn, and what an interrupted one left. 0 or the first error. */
int lsr_snapshot_remove_others(int directory, uint64_t from_lsn);

/*
 * Find the newest snapshot and hand its entries to 'function' (which may be NULL: only check), in order. LESSOR_OK, also if there is none;
 * LESSOR_DAMAGED, LESSOR_UNSUPPORTED, LESSOR_IO, LESSOR_NO_MEMORY with a sentence; or what the function returned.
 */
lessor_status_t lsr_snapshot_read(int directory, const uint8_t store_id[LSR_STORE_ID_BYTES],
				  lsr_record_function function, void *context, lsr_snapshot_info_t *info);

/* The 'from' positions of all snapshots, the oldest first; free() them. 0 or a negative errno. */
int lsr_snapshot_list(int directory, uint64_t **from_lsns, size_t *count);

/*
 * The good pieces of one snapshot, which may be damaged: every entry of every chunk that counts goes to pick->record (NULL: only look), the damage to
 * pick->damage; from_lsn and the results of 'pick' that are about the log do not matter. Without its footer end_lsn is UINT64_MAX.
 * LESSOR_OK, also if there is damage; LESSOR_UNSUPPORTED, LESSOR_NO_MEMORY; what the function returned.
 */
lessor_status_t lsr_snapshot_pick(lsr_pick_t *pick, uint64_t from_lsn, lsr_snapshot_info_t *info);

#endif
