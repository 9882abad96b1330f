/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the log frame by frame while somebody writes it, in this process or another. Nobody who writes knows of the reader or waits for it.
 *
 * What is delivered is durable. The writer's own process knows how far that is; from outside, a frame is durable if the next one stands behind it, or if
 * the reader has synced the file after it saw the frame.
 *
 * A place without a valid frame is "nothing yet", unless it is proven otherwise: by a later segment, or by a valid frame behind it. Who finds proof looks at the place
 * once more first, since the frame may have come meanwhile.
 */
#ifndef LSR_LOG_LIVE_H
#define LSR_LOG_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include <lessor/status.h>

#include "log/format.h"

/* For lsr_live_next(): find out yourself what is durable. */
#define LSR_LIVE_UNKNOWN UINT64_MAX

typedef struct lsr_live {
	int directory; /* the caller's */
	uint8_t store_id[LSR_STORE_ID_BYTES];
	int file;             /* the segment in work; -1: none */
	uint64_t index;       /* of it */
	uint64_t first_lsn;   /* of it */
	uint64_t offset;      /* of the next frame */
	uint64_t next_lsn;    /* of the next frame */
	uint64_t last_offset; /* of the frame that was delivered last, 0: none of this segment */
	uint32_t last_crc;    /* of that one */
	bool follows;         /* there was one, in whatever segment */
	uint8_t *bytes;       /* room for two frames */
	char sentence[512];
} lsr_live_t;

/*
 * Begin with the frame that holds position from_lsn, or the beginning of the oldest segment if that is 0. store_id is copied.
 * LESSOR_OK: frames that end at or before from_lsn may come first; LESSOR_NOT_RETAINED; LESSOR_NO_STORE: there is no log; LESSOR_DAMAGED; LESSOR_UNSUPPORTED; LESSOR_IO;
 * LESSOR_NO_MEMORY. In any case end with lsr_live_close().
 */
lessor_status_t lsr_live_open(lsr_live_t *live, int directory, const uint8_t store_id[LSR_STORE_ID_BYTES],
			      uint64_t from_lsn);
/* The same with the segment of this number. */
lessor_status_t lsr_live_open_segment(lsr_live_t *live, int directory, const uint8_t store_id[LSR_STORE_ID_BYTES],
				      uint64_t index);
void lsr_live_close(lsr_live_t *live);

/*
 * The next frame, header and payload, valid until the next call. durable_lsn: what the writer says, or LSR_LIVE_UNKNOWN.
 * LESSOR_OK; LESSOR_END: not yet; LESSOR_NOT_RETAINED: the segments were dropped before they were read; LESSOR_DAMAGED; LESSOR_UNSUPPORTED; LESSOR_IO; LESSOR_NO_MEMORY.
 */
lessor_status_t lsr_live_next(lsr_live_t *live, uint64_t durable_lsn, const lsr_frame_header_t **frame);

/* Is there proof that the frame that does not come should be there? LESSOR_END: no; LESSOR_DAMAGED; LESSOR_IO. Costs a look at a megabyte. */
lessor_status_t lsr_live_check(lsr_live_t *live);

#endif
