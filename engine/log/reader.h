/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the log back: at open, and to verify. */
#ifndef LSR_LOG_READER_H
#define LSR_LOG_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lessor/status.h>

#include "log/format.h"

/* One record; lsn is the position behind it. Any status but LESSOR_OK ends the reading with that status. */
typedef lessor_status_t (*lsr_record_function)(void *context, uint32_t header, const uint8_t *payload, uint64_t lsn);

typedef struct lsr_segment_info {
	uint64_t index;
	uint64_t first_lsn;
	uint64_t size_bytes; /* of the file now */
	uint64_t made_bytes; /* as it was prepared */
	uint32_t begun_s;    /* Unix seconds; 0: not known */
	uint64_t end_offset; /* behind the last frame; set by lsr_log_read() for the last segment in use */
} lsr_segment_info_t;

typedef struct lsr_log_contents {
	lsr_segment_info_t *segments; /* ascending; malloc'ed */
	size_t count;
	uint64_t end_lsn;   /* behind the last record */
	uint64_t records;   /* handed to the function */
	uint64_t cut_bytes; /* of garbage behind the end */
	bool closed;        /* the last frame says that the store was closed properly */
	char sentence[512]; /* what is wrong, with file and offset */
} lsr_log_contents_t;

/*
 * Hand every record whose end lies behind from_lsn to 'function', in order. from_lsn 0 stands for the beginning of the store.
 * Changes nothing on disk. contents is filled also on failure; release it with lsr_log_contents_free().
 * LESSOR_OK; LESSOR_DAMAGED; LESSOR_UNSUPPORTED; LESSOR_IO; LESSOR_NO_MEMORY; what the function returned.
 */
lessor_status_t lsr_log_read(int directory, const uint8_t store_id[LSR_STORE_ID_BYTES], uint64_t from_lsn,
			     lsr_record_function function, void *context, lsr_log_contents_t *contents);

/* What "lessor.newest" says; 0: nothing. */
uint64_t lsr_log_newest(int directory, const uint8_t store_id[LSR_STORE_ID_BYTES]);

/* The index that the name of a segment tells. False: it is no such name. */
bool lsr_segment_parse_name(const char *name, uint64_t *index);

void lsr_log_contents_free(lsr_log_contents_t *contents);

#endif
