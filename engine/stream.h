/* SPDX-License-Identifier: Apache-2.0 */
/* What streams and histories share: records as they come, before they are decoded. */
#ifndef LSR_ENGINE_STREAM_H
#define LSR_ENGINE_STREAM_H

#include <lessor/stream.h>

#include "log/live.h"

/* One record, which may be a member of a group. */
typedef struct lsr_raw_change {
	uint32_t type; /* lsr_record_type_t */
	const uint8_t *payload;
	size_t payload_bytes;
	uint64_t lsn;
	uint32_t time_s;
	bool continues;
} lsr_raw_change_t;

/* The next record; PAD and GROUP are taken out, ORIGIN taken in. As lessor_stream_next(). */
lessor_status_t lsr_stream_next_raw(lessor_stream_t *stream, int64_t timeout_ms, lsr_raw_change_t *raw);

/* Take it apart; a change borrows from the stream, and from raw->payload. LESSOR_OK; LESSOR_DAMAGED; LESSOR_NO_MEMORY; and what resolving an origin answers. */
lessor_status_t lsr_stream_decode(lessor_stream_t *stream, const lsr_raw_change_t *raw, lessor_change_t *change);

/* Beginning and end of reading what is no engine's. */
lessor_status_t lsr_open_store_directory(const char *path, int *directory, uint8_t store_id[LSR_STORE_ID_BYTES],
					 lessor_report_t *report);
/* The identity that the header of a segment or snapshot carries. False: it is not sound, or cannot be read. */
bool lsr_read_store_id(int directory, const char *name, uint8_t store_id[LSR_STORE_ID_BYTES]);
lessor_status_t lsr_stream_new(lessor_engine_t *engine, int directory, const uint8_t store_id[LSR_STORE_ID_BYTES],
			       lessor_ticket_t from, lessor_stream_t **stream, lessor_report_t *report);

/* Wait a little, in the middle of waiting until deadline_ns for what no one tells. False: it is over. */
bool lsr_nap(uint64_t deadline_ns);
uint64_t lsr_deadline_ns(int64_t timeout_ms);

/*
 * The next frame was not there: wait a little. *looks, 0 at first, counts. LESSOR_OK: look again; LESSOR_TIMEOUT; what lsr_live_check() answers that is no LESSOR_END, in time
 * even if there is no deadline.
 */
lessor_status_t lsr_await_file(lsr_live_t *live, uint64_t deadline_ns, unsigned *looks);

/* Where the stream reads. */
int lsr_stream_directory(const lessor_stream_t *stream);
const uint8_t *lsr_stream_store_id(const lessor_stream_t *stream);

#endif
