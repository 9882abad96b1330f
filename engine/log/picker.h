/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Picking the good pieces out of a damaged log. The reader (reader.h) stops at the first damage; this goes on behind it, block by block, to whatever frame
 * counts there: store id, segment, checksum. Blocks that cannot be read count as zeros.
 */
#ifndef LSR_LOG_PICKER_H
#define LSR_LOG_PICKER_H

#include "log/reader.h"

typedef struct lsr_damage {
	const char *name;
	uint64_t offset;
	uint64_t after; /* the records behind this position, up to 'upto', are lost; equal: none */
	uint64_t upto;  /* UINT64_MAX: unknown */
	const char *what;
} lsr_damage_t;

typedef struct lsr_pick lsr_pick_t;
struct lsr_pick {
	/* The caller's. */
	int directory;
	const uint8_t *store_id;
	uint64_t from_lsn; /* records up to here are passed over; 0: the store's beginning */
	/* Of a record that stands in the piece of file 'name' at 'offset'. Only LESSOR_OK goes on. */
	lessor_status_t (*record)(lsr_pick_t *pick, uint32_t header, const uint8_t *payload, uint64_t lsn);
	void (*damage)(lsr_pick_t *pick, const lsr_damage_t *damage);
	void *context;
	/* Where it is. */
	char name[48];
	uint64_t offset;
	unsigned damages; /* so far */
	unsigned gaps;    /* of them, those behind which records may have been lost */
	/* What came out. */
	uint64_t end_lsn; /* behind the last record; 0: there is none */
	uint64_t records;
	uint64_t torn_bytes; /* behind the end, of a write that was not complete */
};

/* Count it, tell it. after and upto are cut to what lies behind from_lsn. */
void lsr_pick_damage(lsr_pick_t *pick, const lsr_damage_t *damage);

/*
 * Read size_bytes at an offset; what cannot be read, or lies behind the end, becomes zeros, and *lost says whether there was such. False: not a block of it
 * could be read.
 */
bool lsr_pick_read(int file, uint64_t offset, void *bytes, size_t size_bytes, bool *lost);

/* Like lsr_log_read(), with all that counts. LESSOR_OK, also if there is damage; LESSOR_UNSUPPORTED, LESSOR_IO, LESSOR_NO_MEMORY; what the function returned. */
lessor_status_t lsr_log_pick(lsr_pick_t *pick);

#endif
