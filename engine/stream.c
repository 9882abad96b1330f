/* SPDX-License-Identifier: Apache-2.0 */
/* The change stream: records of the log, decoded, while the log is written. */
#include "stream.h"

#include <lessor/superscope.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crc.h"
#include "base/io.h"
#include "base/text.h"
#include "engine_p.h"

/* How often a log is looked at whose writer is another process. */
#define NAP_NS UINT64_C(2000000)
/* After so many looks the log's file is checked for damage, since what is damaged never comes. */
#define LOOKS_MAX 500u
/* So often, before "durable, says the writer, but not there" is believed. */
#define MISSES_MAX 100u

struct lessor_stream {
	lessor_engine_t *engine; /* NULL: another process has it */
	int directory;
	bool owns_directory;
	lsr_live_t live;
	uint64_t from;
	unsigned misses; /* or looks */
	/* The frame in work, and the group in it. */
	const lsr_frame_header_t *frame;
	uint32_t at; /* in its payload */
	const uint8_t *group;
	size_t group_bytes;
	uint64_t group_lsn;
	/* Origins, of a store without an engine. */
	lsr_origins_t origins;
	lessor_stream_t *collector; /* whose origins are learned by this one; NULL: its own */
	bool has_origins;           /* the table is there */
	bool knows_origins;         /* and what lies before the stream is in it */
	/* What the last change borrows from. */
	lsr_scope_config_t *config;
	lsr_tail_t *tail;
	char text[LESSOR_SUPERSCOPE_NAME_MAX_BYTES + 1];
	uint8_t client[LSR_CLIENT6_MAX_BYTES];
	uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
};

#define complain(stream, status, ...)                                                                                  \
	lsr_complain((stream)->live.sentence, sizeof((stream)->live.sentence), status, __VA_ARGS__)

/* ---- beginning and end ---------------------------------------------------------------------------------------------- */

lessor_status_t
lsr_open_store_directory(const char *path, int *directory, uint8_t store_id[LSR_STORE_ID_BYTES],
			 lessor_report_t *report) {
	*directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*directory < 0) {
		return lsr_complain(report->sentence, sizeof(report->sentence),
				    errno == ENOENT ? LESSOR_NO_STORE : LESSOR_IO, "%s cannot be opened: %s", path,
				    strerror(errno));
	}
	const lessor_status_t status = lsr_store_identify(*directory, store_id, report);
	if (status != LESSOR_OK) {
		(void)close(*directory);
	}
	return status;
}

/* As far as that the headers of both are alike. */
bool
lsr_read_store_id(int directory, const char *name, uint8_t store_id[LSR_STORE_ID_BYTES]) {
	lsr_segment_header_t header = {0};
	const int file = lsr_io->open(directory, name, O_RDONLY, 0);
	if (file < 0) {
		return false;
	}
	const bool sound = lsr_io_read_all(file, &header, sizeof(header), 0) == 0 &&
			   header.crc == lsr_crc(LSR_CRC_SEED, &header, offsetof(lsr_segment_header_t, crc)) &&
			   header.magic != 0;
	(void)lsr_io->close(file);
	if (sound) {
		memcpy(store_id, header.store_id, LSR_STORE_ID_BYTES);
	}
	return sound;
}

lessor_status_t
lsr_stream_new(lessor_engine_t *engine, int directory, const uint8_t store_id[LSR_STORE_ID_BYTES], lessor_ticket_t from,
	       lessor_stream_t **stream, lessor_report_t *report) {
	lessor_stream_t *fresh = calloc(1, sizeof(*fresh));
	if (fresh == NULL) {
		return LESSOR_NO_MEMORY;
	}
	fresh->engine = engine;
	fresh->directory = directory;
	fresh->from = from;
	lessor_status_t status = lsr_live_open(&fresh->live, directory, store_id, from);
	if (status != LESSOR_OK) {
		(void)snprintf(report->sentence, sizeof(report->sentence), "%s", fresh->live.sentence);
		lessor_stream_close(&fresh);
		return status;
	}
	*stream = fresh;
	return LESSOR_OK;
}

lessor_status_t
lessor_stream_open(lessor_engine_t *engine, lessor_ticket_t from, lessor_stream_t **stream, lessor_report_t *report) {
	lessor_report_t own_report;
	report = report != NULL ? report : &own_report;
	*report = (lessor_report_t){0};
	const lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (stream == NULL || !engine->has_log) {
		return LESSOR_INVALID;
	}
	return lsr_stream_new(engine, engine->directory, engine->store_id, from, stream, report);
}

lessor_status_t
lessor_stream_open_directory(const char *directory, lessor_ticket_t from, lessor_stream_t **stream,
			     lessor_report_t *report) {
	int opened;
	uint8_t store_id[LSR_STORE_ID_BYTES];
	lessor_report_t own_report;
	report = report != NULL ? report : &own_report;
	*report = (lessor_report_t){0};
	if (directory == NULL || stream == NULL) {
		return LESSOR_INVALID;
	}
	lessor_status_t status = lsr_open_store_directory(directory, &opened, store_id, report);
	if (status != LESSOR_OK) {
		return status;
	}
	status = lsr_stream_new(NULL, opened, store_id, from, stream, report);
	if (status == LESSOR_OK) {
		(*stream)->owns_directory = true;
	} else {
		(void)close(opened);
	}
	return status;
}

/* What the last change borrowed from. */
static void
release(lessor_stream_t *stream) {
	lsr_scope_config_free(stream->config);
	lsr_tail_free(stream->tail);
	stream->config = NULL;
	stream->tail = NULL;
}

void
lessor_stream_close(lessor_stream_t **stream) {
	if (stream == NULL || *stream == NULL) {
		return;
	}
	release(*stream);
	lsr_live_close(&(*stream)->live);
	if ((*stream)->has_origins) {
		lsr_origins_destroy(&(*stream)->origins);
	}
	if ((*stream)->owns_directory) {
		(void)close((*stream)->directory);
	}
	free(*stream);
	*stream = NULL;
}

const char *
lessor_stream_sentence(const lessor_stream_t *stream) {
	return stream != NULL ? stream->live.sentence : "";
}

int
lsr_stream_directory(const lessor_stream_t *stream) {
	return stream->directory;
}

const uint8_t *
lsr_stream_store_id(const lessor_stream_t *stream) {
	return stream->live.store_id;
}

/* ---- frames ------------------------------------------------------------------------------------------------------------ */

uint64_t
lsr_deadline_ns(int64_t timeout_ms) {
	return timeout_ms < 0 ? UINT64_MAX
			      : lsr_clock_ns() + lsr_min_u64((uint64_t)timeout_ms, UINT64_C(1) << 40) * 1000000;
}

bool
lsr_nap(uint64_t deadline_ns) {
	const uint64_t now_ns = lsr_clock_ns();
	if (now_ns >= deadline_ns) {
		return false;
	}
	const struct timespec nap = {.tv_nsec = (long)lsr_min_u64(NAP_NS, deadline_ns - now_ns)};
	(void)nanosleep(&nap, NULL);
	return true;
}

/* The writer is in this process and tells. LESSOR_OK: look again. */
static lessor_status_t
await_writer(lessor_stream_t *stream, uint64_t deadline_ns) {
	lsr_log_t *log = &stream->engine->log;
	if (lsr_log_durable(log) > stream->live.next_lsn) {
		if (stream->misses++ < MISSES_MAX) {
			(void)lsr_nap(UINT64_MAX);
			return LESSOR_OK;
		}
		return complain(stream, LESSOR_DAMAGED,
				"log segment %llx: damaged at offset %llu: no valid frame there",
				(unsigned long long)stream->live.index, (unsigned long long)stream->live.offset);
	}
	stream->misses = 0;
	const uint64_t now_ns = lsr_clock_ns();
	const uint64_t left_ms = deadline_ns > now_ns ? (deadline_ns - now_ns + 999999) / 1000000 : 0;
	return lsr_log_await(log, stream->live.next_lsn, deadline_ns == UINT64_MAX ? -1 : (int64_t)left_ms);
}

lessor_status_t
lsr_await_file(lsr_live_t *live, uint64_t deadline_ns, unsigned *looks) {
	const bool is_over = !lsr_nap(deadline_ns);
	if (!is_over && ++*looks % LOOKS_MAX != 0) {
		return LESSOR_OK;
	}
	const lessor_status_t status = lsr_live_check(live);
	return status != LESSOR_END ? status : is_over ? LESSOR_TIMEOUT : LESSOR_OK;
}

static lessor_status_t
next_frame(lessor_stream_t *stream, int64_t timeout_ms) {
	const uint64_t deadline_ns = lsr_deadline_ns(timeout_ms);
	stream->frame = NULL;
	for (;;) {
		const uint64_t durable =
			stream->engine != NULL ? lsr_log_durable(&stream->engine->log) : LSR_LIVE_UNKNOWN;
		lessor_status_t status = lsr_live_next(&stream->live, durable, &stream->frame);
		if (status == LESSOR_OK) {
			stream->at = 0;
			stream->misses = 0;
			return LESSOR_OK;
		}
		if (status == LESSOR_END && stream->live.next_lsn < stream->from) {
			return complain(stream, LESSOR_CONFLICT,
					"the log ends at position %llu: this is not the log that reached %llu",
					(unsigned long long)stream->live.next_lsn, (unsigned long long)stream->from);
		}
		if (status == LESSOR_END) {
			status = stream->engine != NULL ? await_writer(stream, deadline_ns)
							: lsr_await_file(&stream->live, deadline_ns, &stream->misses);
		}
		if (status != LESSOR_OK) {
			return status;
		}
	}
}

static lessor_status_t
malformed(lessor_stream_t *stream, uint64_t lsn) {
	return complain(stream, LESSOR_DAMAGED,
			"log segment %llx: the record that ends at position %llu makes no sense",
			(unsigned long long)stream->live.index, (unsigned long long)lsn);
}

static lessor_status_t
take_origin(lessor_stream_t *stream, const lsr_raw_change_t *raw) {
	uint32_t number;
	lsr_origin_t origin;
	if (stream->engine != NULL) {
		return LESSOR_OK; /* it knows them all */
	}
	if (!lsr_origin_image_get(raw->payload, raw->payload_bytes, &number, &origin)) {
		return malformed(stream, raw->lsn);
	}
	if (!stream->has_origins) {
		stream->has_origins = lsr_origins_init(&stream->origins);
	}
	if (stream->has_origins && lsr_origins_add(&stream->origins, number, &origin)) {
		return LESSOR_OK;
	}
	const bool is_another = stream->has_origins && lsr_origins_get(&stream->origins, (uint16_t)number) != NULL;
	return is_another ? malformed(stream, raw->lsn) : LESSOR_NO_MEMORY;
}

/* ---- records ------------------------------------------------------------------------------------------------------------- */

/* The next member of the group in work, which is not at its end. */
static lessor_status_t
next_member(lessor_stream_t *stream, lsr_raw_change_t *raw) {
	uint32_t header;
	if (!lsr_group_next(&stream->group, &stream->group_bytes, &header, &raw->payload)) {
		return malformed(stream, stream->group_lsn);
	}
	raw->type = lsr_header_type(header);
	raw->payload_bytes = lsr_header_payload_bytes(header);
	raw->lsn = stream->group_lsn;
	raw->continues = stream->group_bytes != 0;
	return LESSOR_OK;
}

/* The next record of the frame, which is not at its end. LESSOR_END: nothing for the caller. */
static lessor_status_t
next_record(lessor_stream_t *stream, lsr_raw_change_t *raw) {
	uint32_t header;
	const uint8_t *payload = (const uint8_t *)(stream->frame + 1) + stream->at;
	const uint64_t begin_lsn = stream->frame->first_lsn + stream->at;
	memcpy(&header, payload, sizeof(header));
	const uint32_t size_bytes = lsr_header_bytes(header);
	if (size_bytes == 0 || size_bytes > stream->frame->payload_bytes - stream->at ||
	    lsr_header_payload_bytes(header) > size_bytes) {
		return malformed(stream, begin_lsn);
	}
	const uint64_t lsn = begin_lsn + size_bytes;
	if (begin_lsn < stream->from && stream->from < lsn) {
		return complain(stream, LESSOR_CONFLICT, "position %llu lies inside of a record",
				(unsigned long long)stream->from);
	}
	stream->at += size_bytes;
	if (lsn <= stream->from) {
		return LESSOR_END;
	}
	*raw = (lsr_raw_change_t){.type = lsr_header_type(header),
				  .payload = payload + sizeof(header),
				  .payload_bytes = lsr_header_payload_bytes(header),
				  .lsn = lsn};
	if (raw->type == LSR_LOG_GROUP) {
		stream->group = raw->payload;
		stream->group_bytes = raw->payload_bytes;
		stream->group_lsn = lsn;
		return LESSOR_END;
	}
	return raw->type == LSR_LOG_PAD ? LESSOR_END : LESSOR_OK;
}

lessor_status_t
lsr_stream_next_raw(lessor_stream_t *stream, int64_t timeout_ms, lsr_raw_change_t *raw) {
	lessor_status_t status = LESSOR_END;
	while (status == LESSOR_END) {
		if (stream->group_bytes != 0) {
			status = next_member(stream, raw);
		} else if (stream->frame != NULL && stream->at < stream->frame->payload_bytes) {
			status = next_record(stream, raw);
		} else {
			status = next_frame(stream, timeout_ms);
			status = status == LESSOR_OK ? LESSOR_END : status;
		}
		if (status == LESSOR_OK && raw->type == LSR_LOG_ORIGIN) {
			status = take_origin(stream->collector != NULL ? stream->collector : stream, raw);
			status = status == LESSOR_OK ? LESSOR_END : status;
		}
	}
	if (status == LESSOR_OK) {
		raw->time_s = stream->frame->time_s;
	}
	return status;
}

/* ---- origins -------------------------------------------------------------------------------------------------------------- */

static lessor_status_t
take_if_origin(void *context, uint32_t header, const uint8_t *payload, uint64_t lsn) {
	const lsr_raw_change_t raw = {
		.payload = payload, .payload_bytes = lsr_header_payload_bytes(header), .lsn = lsn};
	return lsr_header_type(header) == LSR_LOG_ORIGIN ? take_origin(context, &raw) : LESSOR_OK;
}

/* Origins of the log from the snapshot on, or all that is retained, up to where the stream is. */
static lessor_status_t
read_origins_of_log(lessor_stream_t *stream, uint64_t from_lsn, uint64_t to_lsn) {
	lessor_report_t report = {0};
	lessor_stream_t *before;
	lsr_raw_change_t raw;
	lessor_status_t status =
		lsr_stream_new(NULL, stream->directory, stream->live.store_id, from_lsn, &before, &report);
	if (status != LESSOR_OK) {
		return complain(stream, status, "%s", report.sentence);
	}
	before->collector = stream;
	do {
		status = lsr_stream_next_raw(before, 0, &raw);
	} while (status == LESSOR_OK && raw.lsn < to_lsn);
	if (status != LESSOR_OK && status != LESSOR_TIMEOUT) {
		(void)complain(stream, status, "%s", before->live.sentence);
	}
	lessor_stream_close(&before);
	return status == LESSOR_TIMEOUT ? LESSOR_OK : status;
}

/* A snapshot may be removed while it is read; then there is a newer one. */
static lessor_status_t
learn_origins(lessor_stream_t *stream, uint64_t lsn) {
	lessor_status_t status = LESSOR_IO;
	lsr_snapshot_info_t info;
	for (unsigned tries = 0; tries < 8 && (status == LESSOR_IO || status == LESSOR_NOT_RETAINED); tries++) {
		status = lsr_snapshot_read(stream->directory, stream->live.store_id, take_if_origin, stream, &info);
		if (status != LESSOR_OK) {
			(void)complain(stream, status, "%s", info.sentence);
		} else if (info.from_lsn < lsn) {
			status = read_origins_of_log(stream, info.from_lsn, lsn);
		}
	}
	stream->knows_origins = status == LESSOR_OK;
	return status;
}

/* The table that has the origin of a lease, which may be none. */
static lessor_status_t
origins_for(lessor_stream_t *stream, uint16_t number, uint64_t lsn, const lsr_origins_t **origins) {
	if (stream->engine != NULL) {
		/* Whoever makes one logs it, then shows it, under this lock. */
		lsr_origins_t *table = &stream->engine->origins;
		if (number != LSR_ORIGIN_NONE && lsr_origins_get(table, number) == NULL) {
			(void)pthread_mutex_lock(&table->lock);
			(void)pthread_mutex_unlock(&table->lock);
		}
		*origins = table;
	} else {
		*origins = &stream->origins;
		if (number != LSR_ORIGIN_NONE && !stream->knows_origins &&
		    (!stream->has_origins || lsr_origins_get(&stream->origins, number) == NULL)) {
			const lessor_status_t status = learn_origins(stream, lsn);
			if (status != LESSOR_OK) {
				return status;
			}
		}
	}
	const bool known = number == LSR_ORIGIN_NONE || ((stream->engine != NULL || stream->has_origins) &&
							 lsr_origins_get(*origins, number) != NULL);
	return known ? LESSOR_OK : malformed(stream, lsn);
}

/* ---- decoding --------------------------------------------------------------------------------------------------------------- */

/* The reserved client may be the lease's own, whose bytes lie in the body, which does not stay. */
static lessor_status_t
describe_reservation(lessor_stream_t *stream, const lsr_body_t *body, lessor_change_t *change) {
	const lsr_reserved_t reserved = lsr_body_reserved(body);
	memcpy(stream->client, reserved.client_id, reserved.client_id_bytes);
	change->reservation = (lessor_reservation_t){
		.address = change->address,
		.client_id = stream->client,
		.client_id_bytes = (uint8_t)reserved.client_id_bytes,
		.client_types = reserved.client_types,
		.has_lease = !lsr_body_is_empty(body),
		.is_dormant = lsr_body_is_dormant(body),
	};
	return LESSOR_OK;
}

/* The same of IPv6, whose client is the IAID and the DUID. */
static lessor_status_t
describe_reservation6(lessor_stream_t *stream, const lsr_body_t *body, lessor_change_t *change) {
	uint32_t iaid;
	const lsr_reserved_t reserved = lsr_body_reserved(body);
	if (reserved.client_id_bytes <= LSR_CLIENT6_HEAD_BYTES) {
		return LESSOR_DAMAGED;
	}
	memcpy(stream->client, reserved.client_id, reserved.client_id_bytes);
	memcpy(&iaid, stream->client, sizeof(iaid));
	change->reservation6 = (lessor_reservation6_t){
		.address = change->address6,
		.duid = stream->client + LSR_CLIENT6_HEAD_BYTES,
		.duid_bytes = (uint16_t)(reserved.client_id_bytes - LSR_CLIENT6_HEAD_BYTES),
		.iaid = __builtin_bswap32(iaid),
		.has_lease = !lsr_body_is_empty(body),
		.is_dormant = lsr_body_is_dormant(body),
	};
	return LESSOR_OK;
}

/* A lease of either family, or a reservation without one. */
static lessor_status_t
decode_lease(lessor_stream_t *stream, const lsr_raw_change_t *raw, lessor_change_t *change) {
	lsr_body_t body;
	size_t used;
	const lsr_origins_t *origins;
	const bool is_six = raw->type == LSR_LOG_LEASE6;
	lessor_status_t status = is_six ? lsr_image_get6(raw->payload, raw->payload_bytes, &change->address6, &body)
					: lsr_image_get(raw->payload, raw->payload_bytes, &change->address, &body);
	if (status != LESSOR_OK) {
		return status;
	}
	stream->tail = body.tail;
	body.lsn = raw->lsn;
	status = origins_for(stream, body.origin, raw->lsn, &origins);
	if (status == LESSOR_OK && lsr_body_is_reserved(&body)) {
		status = (is_six ? describe_reservation6 : describe_reservation)(stream, &body, change);
	}
	if (status != LESSOR_OK) {
		return status;
	}
	if (lsr_body_is_empty(&body)) {
		change->kind += LESSOR_CHANGE_RESERVATION - LESSOR_CHANGE_LEASE;
	} else if (is_six) {
		status = lsr_lease6_unpack(&body, origins, &change->lease6, stream->buffer, sizeof(stream->buffer),
					   &used);
		change->lease6.address = change->address6;
	} else {
		status =
			lsr_lease_unpack(&body, origins, &change->lease, stream->buffer, sizeof(stream->buffer), &used);
		change->lease.address = change->address;
	}
	return status;
}

static lessor_status_t
decode_end(const lsr_raw_change_t *raw, size_t address_bytes, void *address, lessor_change_t *change) {
	const size_t lease_bytes = address_bytes + sizeof(uint32_t);
	if (raw->payload_bytes != lease_bytes && raw->payload_bytes != lease_bytes + sizeof(uint32_t)) {
		return LESSOR_DAMAGED;
	}
	memcpy(address, raw->payload, address_bytes);
	if (raw->payload_bytes != lease_bytes) {
		change->kind += LESSOR_CHANGE_RESERVATION_END - LESSOR_CHANGE_LEASE_END;
	}
	return LESSOR_OK;
}

static lessor_status_t
decode_scope(lessor_stream_t *stream, const uint8_t *payload, size_t size_bytes, lessor_change_t *change) {
	lsr_scope_image_t image;
	const lessor_status_t status = lsr_scope_image_get(payload, size_bytes, &image);
	if (status == LESSOR_OK) {
		const lsr_scope_config_t *config = stream->config = image.config;
		const lsr_scope_t scope = {.subnet = image.subnet, .mask = image.mask};
		change->scope = lsr_scope_describe(&scope, config);
		change->scope_uid = image.uid;
		change->superscope = config->superscope;
		change->exclusions = config->exclusion;
		change->exclusion_count = config->exclusions;
	}
	return status;
}

static lessor_status_t
decode_clear(lessor_stream_t *stream, const lsr_raw_change_t *raw, lessor_change_t *change) {
	uint32_t head[3]; /* uid, first, last */
	if (raw->payload_bytes < sizeof(head)) {
		return LESSOR_DAMAGED;
	}
	memcpy(head, raw->payload, sizeof(head));
	change->range = (lessor_range_t){.first = head[1], .last = head[2]};
	return decode_scope(stream, raw->payload + sizeof(head), raw->payload_bytes - sizeof(head), change);
}

static lessor_status_t
decode_scope6(lessor_stream_t *stream, const lsr_raw_change_t *raw, lessor_change_t *change) {
	lsr_scope6_image_t image;
	const lessor_status_t status = lsr_scope6_image_get(raw->payload, raw->payload_bytes, &image);
	if (status == LESSOR_OK) {
		const lsr_scope_config_t *config = stream->config = image.config;
		change->scope6 = lsr_scope6_describe(image.prefix, image.uid, config);
		change->scope_uid = image.uid;
		change->exclusions6 = config->exclusion6;
		change->exclusion6_count = config->exclusions;
	}
	return status;
}

static lessor_status_t
decode_scope_end(const lsr_raw_change_t *raw, lessor_change_t *change) {
	if (raw->type == LSR_LOG_SCOPE6_END) {
		if (raw->payload_bytes != sizeof(uint64_t) + sizeof(uint32_t)) {
			return LESSOR_DAMAGED;
		}
		memcpy(&change->scope6.prefix, raw->payload, sizeof(uint64_t));
		memcpy(&change->scope6.number, raw->payload + sizeof(uint64_t), sizeof(uint32_t));
		change->scope_uid = change->scope6.number;
		return LESSOR_OK;
	}
	uint32_t image[3];
	if (raw->payload_bytes != sizeof(image)) {
		return LESSOR_DAMAGED;
	}
	memcpy(image, raw->payload, sizeof(image));
	change->scope.subnet = image[0];
	change->scope.mask = image[1];
	change->scope_uid = image[2];
	return LESSOR_OK;
}

static lessor_status_t
decode_superscope(lessor_stream_t *stream, const lsr_raw_change_t *raw, lessor_change_t *change) {
	const size_t name_bytes = raw->payload_bytes - sizeof(uint32_t);
	if (raw->payload_bytes < sizeof(uint32_t) || name_bytes >= sizeof(stream->text) ||
	    (raw->type == LSR_LOG_SUPERSCOPE) != (name_bytes != 0)) {
		return LESSOR_DAMAGED;
	}
	memcpy(&change->superscope, raw->payload, sizeof(uint32_t));
	memcpy(stream->text, raw->payload + sizeof(uint32_t), name_bytes);
	stream->text[name_bytes] = '\0';
	change->name = raw->type == LSR_LOG_SUPERSCOPE ? stream->text : NULL;
	return LESSOR_OK;
}

static lessor_status_t
decode_filter(lessor_stream_t *stream, const lsr_raw_change_t *raw, lessor_change_t *change) {
	const uint8_t *payload = raw->payload;
	const bool whole = raw->type == LSR_LOG_FILTER;
	if (whole ? raw->payload_bytes < 12 || raw->payload_bytes > LSR_FILTER_IMAGE_MAX_BYTES
		  : raw->payload_bytes != LSR_FILTER_KEY_BYTES) {
		return LESSOR_DAMAGED;
	}
	lessor_filter_t *filter = &change->filter;
	*filter = (lessor_filter_t){
		.hardware_type = payload[0], .is_wildcard = payload[1] != 0, .pattern_bytes = payload[2]};
	if (filter->pattern_bytes > sizeof(filter->pattern)) {
		return LESSOR_DAMAGED;
	}
	memcpy(filter->pattern, payload + 3, sizeof(filter->pattern));
	if (whole) {
		const size_t comment_bytes = raw->payload_bytes - 12;
		filter->list = payload[9] != 0 ? LESSOR_FILTER_ALLOW : LESSOR_FILTER_DENY;
		memcpy(stream->text, payload + 12, comment_bytes);
		stream->text[comment_bytes] = '\0';
		filter->comment = payload[10] != 0 ? stream->text : NULL;
	}
	return LESSOR_OK;
}

static lessor_status_t
decode_by_type(lessor_stream_t *stream, const lsr_raw_change_t *raw, lessor_change_t *change) {
	switch (raw->type) {
	case LSR_LOG_LEASE:
	case LSR_LOG_LEASE6:
		return decode_lease(stream, raw, change);
	case LSR_LOG_LEASE_END:
		return decode_end(raw, sizeof(change->address), &change->address, change);
	case LSR_LOG_LEASE6_END:
		return decode_end(raw, sizeof(change->address6), &change->address6, change);
	case LSR_LOG_SCOPE:
		return decode_scope(stream, raw->payload, raw->payload_bytes, change);
	case LSR_LOG_CLEAR:
		return decode_clear(stream, raw, change);
	case LSR_LOG_SCOPE6:
		return decode_scope6(stream, raw, change);
	case LSR_LOG_SCOPE_END:
	case LSR_LOG_SCOPE6_END:
		return decode_scope_end(raw, change);
	case LSR_LOG_SUPERSCOPE:
	case LSR_LOG_SUPERSCOPE_END:
		return decode_superscope(stream, raw, change);
	case LSR_LOG_FILTER:
	case LSR_LOG_FILTER_END:
		return decode_filter(stream, raw, change);
	case LSR_LOG_FILTER_ENFORCE:
		if (raw->payload_bytes != 2) {
			return LESSOR_DAMAGED;
		}
		change->allow = raw->payload[0] != 0;
		change->deny = raw->payload[1] != 0;
		return LESSOR_OK;
	case LSR_LOG_LIMIT:
	case LSR_LOG_LIMIT_END:
		return lsr_limit_image_get(raw->payload, raw->payload_bytes, raw->type == LSR_LOG_LIMIT_END,
					   &change->limit)
			       ? LESSOR_OK
			       : LESSOR_DAMAGED;
	default:
		return LESSOR_OK; /* for who knows it */
	}
}

lessor_status_t
lsr_stream_decode(lessor_stream_t *stream, const lsr_raw_change_t *raw, lessor_change_t *change) {
	release(stream);
	lessor_change_t fresh = {.kind = (lessor_change_kind_t)raw->type,
				 .continues = raw->continues,
				 .lsn = raw->lsn,
				 .time = raw->time_s != 0 ? lessor_time_from_unix_s(raw->time_s) : LESSOR_TIME_NONE,
				 .record = raw->payload,
				 .record_bytes = raw->payload_bytes};
	const lessor_status_t status = decode_by_type(stream, raw, &fresh);
	if (status == LESSOR_OK) {
		*change = fresh;
	} else if (status == LESSOR_DAMAGED) {
		(void)malformed(stream, raw->lsn);
	}
	return status;
}

/* ---- the calls ---------------------------------------------------------------------------------------------------------------- */

lessor_status_t
lessor_stream_next(lessor_stream_t *stream, int64_t timeout_ms, lessor_change_t *change) {
	lsr_raw_change_t raw;
	if (stream == NULL || change == NULL) {
		return LESSOR_INVALID;
	}
	lessor_status_t status = stream->engine != NULL ? lsr_engine_for_read(stream->engine) : LESSOR_OK;
	stream->live.sentence[0] = '\0';
	status = status == LESSOR_OK ? lsr_stream_next_raw(stream, timeout_ms, &raw) : status;
	return status == LESSOR_OK ? lsr_stream_decode(stream, &raw, change) : status;
}

lessor_status_t
lessor_stream_run(lessor_stream_t *stream, int64_t timeout_ms, lessor_change_function function, void *context) {
	lessor_change_t change;
	if (function == NULL) {
		return LESSOR_INVALID;
	}
	lessor_status_t status;
	do {
		status = lessor_stream_next(stream, timeout_ms, &change);
		status = status == LESSOR_OK ? function(context, &change) : status;
	} while (status == LESSOR_OK);
	return status;
}
