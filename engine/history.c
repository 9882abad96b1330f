/* SPDX-License-Identifier: Apache-2.0 */
/* What one address has been through, as far back as the log is retained. */
#include "stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine_p.h"

/* A record that is kept: the state that the address has until another one is found. */
typedef struct {
	lsr_raw_change_t raw;
	uint8_t *bytes;
	bool is_there;
} lsr_kept_t;

typedef struct {
	lessor_stream_t *stream;
	const lessor_history_query_t *query;
	lessor_change_function function;
	void *context;
	lsr_kept_t kept;
	bool asked_snapshot;
	lessor_report_t *report;
} lsr_history_t;

/* ---- is it about the address? ---------------------------------------------------------------------------------------- */

/* u32 subnet, u32 mask */
static bool
is_inside(const uint8_t *payload, uint32_t address) {
	uint32_t image[2];
	memcpy(image, payload, sizeof(image));
	return (address & image[1]) == image[0];
}

/* u32 uid, u32 first, u32 last */
static bool
is_cleared(const uint8_t *payload, uint32_t address) {
	uint32_t image[3];
	memcpy(image, payload, sizeof(image));
	return address >= image[1] && address <= image[2];
}

static bool
concerns(const lessor_history_query_t *query, uint32_t type, const uint8_t *payload, size_t size_bytes) {
	switch (type) {
	case LSR_LOG_LEASE:
	case LSR_LOG_LEASE_END:
		return !query->is_six && size_bytes >= sizeof(uint32_t) &&
		       memcmp(payload, &query->address, sizeof(uint32_t)) == 0;
	case LSR_LOG_SCOPE_END:
		return !query->is_six && size_bytes >= 2 * sizeof(uint32_t) && is_inside(payload, query->address);
	case LSR_LOG_CLEAR:
		return !query->is_six && size_bytes >= 3 * sizeof(uint32_t) && is_cleared(payload, query->address);
	case LSR_LOG_LEASE6:
	case LSR_LOG_LEASE6_END:
		return query->is_six && size_bytes >= sizeof(query->address6) &&
		       memcmp(payload, &query->address6, sizeof(query->address6)) == 0;
	case LSR_LOG_SCOPE6_END:
		return query->is_six && size_bytes >= sizeof(uint64_t) &&
		       memcmp(payload, &query->address6.high, sizeof(uint64_t)) == 0;
	default:
		return false;
	}
}

/* ---- keeping one, telling one ------------------------------------------------------------------------------------------ */

static lessor_status_t
keep(lsr_kept_t *kept, const lsr_raw_change_t *raw) {
	uint8_t *bytes = malloc(raw->payload_bytes + 1);
	if (bytes == NULL) {
		return LESSOR_NO_MEMORY;
	}
	memcpy(bytes, raw->payload, raw->payload_bytes);
	free(kept->bytes);
	*kept = (lsr_kept_t){.raw = *raw, .bytes = bytes, .is_there = true};
	kept->raw.payload = bytes;
	kept->raw.continues = false;
	return LESSOR_OK;
}

static lessor_status_t
tell_kept(lsr_history_t *history) {
	lessor_change_t change;
	if (!history->kept.is_there) {
		return LESSOR_OK;
	}
	history->kept.is_there = false;
	const lessor_status_t status = lsr_stream_decode(history->stream, &history->kept.raw, &change);
	return status == LESSOR_OK ? history->function(history->context, &change) : status;
}

static lessor_filetime_t
time_of(const lsr_raw_change_t *raw) {
	return raw->time_s != 0 ? lessor_time_from_unix_s(raw->time_s) : LESSOR_TIME_NONE;
}

/* ---- what was there before the log ---------------------------------------------------------------------------------------- */

typedef struct {
	lsr_history_t *history;
	uint64_t before_lsn;
} lsr_look_up_t;

/* The snapshot is of later than the log's beginning: what it shows was there before only if its position is older than the first change that the log has. */
static lessor_status_t
look_up(void *context, uint32_t header, const uint8_t *payload, uint64_t lsn) {
	const lsr_look_up_t *look = context;
	const uint32_t type = lsr_header_type(header);
	const lsr_raw_change_t raw = {
		.type = type, .payload = payload, .payload_bytes = lsr_header_payload_bytes(header), .lsn = lsn};
	if ((type == LSR_LOG_LEASE || type == LSR_LOG_LEASE6) && lsn < look->before_lsn &&
	    concerns(look->history->query, type, payload, raw.payload_bytes)) {
		return keep(&look->history->kept, &raw);
	}
	return LESSOR_OK;
}

static lessor_status_t
ask_snapshot(lsr_history_t *history, uint64_t before_lsn) {
	lsr_snapshot_info_t info;
	lsr_look_up_t look = {.history = history, .before_lsn = before_lsn};
	lessor_status_t status = LESSOR_IO;
	history->asked_snapshot = true;
	/* A snapshot may be removed while it is read; then there is a newer one. */
	for (unsigned tries = 0; tries < 8 && status == LESSOR_IO; tries++) {
		history->kept.is_there = false;
		status = lsr_snapshot_read(lsr_stream_directory(history->stream), lsr_stream_store_id(history->stream),
					   look_up, &look, &info);
	}
	if (status != LESSOR_OK) {
		(void)snprintf(history->report->sentence, sizeof(history->report->sentence), "%s", info.sentence);
	}
	return status;
}

/* ---- the whole --------------------------------------------------------------------------------------------------------- */

/* A change of the address. Its time decides whether what was kept was there in the time asked for. LESSOR_END: this one comes too late. */
static lessor_status_t
take(lsr_history_t *history, const lsr_raw_change_t *raw) {
	const lessor_history_query_t *query = history->query;
	const lessor_filetime_t time = time_of(raw);
	lessor_status_t status = LESSOR_OK;
	if (time > query->from) {
		if (!history->kept.is_there && !history->asked_snapshot) {
			status = ask_snapshot(history, raw->lsn);
		}
		status = status == LESSOR_OK ? tell_kept(history) : status;
	}
	if (status != LESSOR_OK) {
		return status;
	}
	history->asked_snapshot = true;
	return time > query->to ? LESSOR_END : keep(&history->kept, raw);
}

static lessor_status_t
run(lsr_history_t *history) {
	lsr_raw_change_t raw;
	lessor_status_t status = LESSOR_OK;
	while (status == LESSOR_OK) {
		status = lsr_stream_next_raw(history->stream, 0, &raw);
		if (status == LESSOR_OK && concerns(history->query, raw.type, raw.payload, raw.payload_bytes)) {
			status = take(history, &raw);
		}
	}
	if (status == LESSOR_TIMEOUT) {
		status = LESSOR_OK;
		if (!history->kept.is_there && !history->asked_snapshot) {
			status = ask_snapshot(history, UINT64_MAX);
		}
		status = status == LESSOR_OK ? tell_kept(history) : status;
	}
	return status == LESSOR_END ? LESSOR_OK : status;
}

static lessor_status_t
tell(lessor_stream_t *stream, const lessor_history_query_t *query, lessor_change_function function, void *context,
     lessor_report_t *report) {
	lsr_history_t history = {
		.stream = stream, .query = query, .function = function, .context = context, .report = report};
	const lessor_status_t status = run(&history);
	if (status != LESSOR_OK && report->sentence[0] == '\0') {
		(void)snprintf(report->sentence, sizeof(report->sentence), "%s", lessor_stream_sentence(stream));
	}
	free(history.kept.bytes);
	lessor_stream_close(&stream);
	return status;
}

static bool
is_good(const lessor_history_query_t *query, lessor_change_function function) {
	return query != NULL && function != NULL && query->from <= query->to;
}

lessor_status_t
lessor_history(lessor_engine_t *engine, const lessor_history_query_t *query, lessor_change_function function,
	       void *context, lessor_report_t *report) {
	lessor_stream_t *stream;
	lessor_report_t own_report;
	report = report != NULL ? report : &own_report;
	*report = (lessor_report_t){0};
	if (!is_good(query, function)) {
		return LESSOR_INVALID;
	}
	const lessor_status_t status = lessor_stream_open(engine, LESSOR_STREAM_OLDEST, &stream, report);
	return status == LESSOR_OK ? tell(stream, query, function, context, report) : status;
}

lessor_status_t
lessor_history_directory(const char *directory, const lessor_history_query_t *query, lessor_change_function function,
			 void *context, lessor_report_t *report) {
	lessor_stream_t *stream;
	lessor_report_t own_report;
	report = report != NULL ? report : &own_report;
	*report = (lessor_report_t){0};
	if (!is_good(query, function)) {
		return LESSOR_INVALID;
	}
	const lessor_status_t status = lessor_stream_open_directory(directory, LESSOR_STREAM_OLDEST, &stream, report);
	return status == LESSOR_OK ? tell(stream, query, function, context, report) : status;
}
