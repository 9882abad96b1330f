/* SPDX-License-Identifier: Apache-2.0 */
#include "read_fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc.h"
#include "base/io.h"
#include "engine_p.h"

#define INPUT_BYTES_MAX (256u << 10)
#define CRC_AT          60u

#define MUST(condition) ((condition) ? (void)0 : broken(#condition))

static _Noreturn void
broken(const char *promise) {
	(void)fprintf(stderr, "broken: %s\n", promise);
	abort();
}

/* ---- a directory with one file --------------------------------------------------------------------------------------- */

static char path[256];
static int directory = -1;

static void
remove_directory(void) {
	(void)unlinkat(directory, "log-0000000000000001.seg", 0);
	(void)unlinkat(directory, "snapshot-0000000000000040.lsr", 0);
	(void)rmdir(path);
}

static void
put_file(const char *name, const uint8_t *bytes, size_t size) {
	if (directory < 0) {
		const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : getenv("TMPDIR");
		(void)snprintf(path, sizeof(path), "%s/read-fuzz-XXXXXX", base != NULL ? base : "/tmp");
		MUST(mkdtemp(path) != NULL);
		directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		MUST(directory >= 0 && atexit(remove_directory) == 0);
	}
	const int file = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	MUST(file >= 0 && write(file, bytes, size) == (ssize_t)size);
	(void)close(file);
}

/* ---- records --------------------------------------------------------------------------------------------------------- */

static uint64_t records;

static void
decode(uint32_t header, const uint8_t *payload) {
	const size_t size = lsr_header_payload_bytes(header);
	uint32_t number;
	lessor_address6_t address6;
	lsr_body_t body = {0};
	lsr_origin_t origin;
	lsr_scope_image_t scope;
	lsr_scope6_image_t scope6;
	switch (lsr_header_type(header)) {
	case LSR_LOG_LEASE:
		if (lsr_image_get(payload, size, &number, &body) == LESSOR_OK) {
			lsr_tail_free(body.tail);
		}
		break;
	case LSR_LOG_LEASE6:
		if (lsr_image_get6(payload, size, &address6, &body) == LESSOR_OK) {
			lsr_tail_free(body.tail);
		}
		break;
	case LSR_LOG_SCOPE:
		if (lsr_scope_image_get(payload, size, &scope) == LESSOR_OK) {
			lsr_scope_config_free(scope.config);
		}
		break;
	case LSR_LOG_SCOPE6:
		if (lsr_scope6_image_get(payload, size, &scope6) == LESSOR_OK) {
			lsr_scope_config_free(scope6.config);
		}
		break;
	case LSR_LOG_ORIGIN:
		(void)lsr_origin_image_get(payload, size, &number, &origin);
		break;
	default:
		break;
	}
}

static lessor_status_t
take(void *context, uint32_t header, const uint8_t *payload, uint64_t lsn) {
	uint32_t inner_header;
	const uint8_t *inner;
	size_t left = lsr_header_payload_bytes(header);
	(void)context;
	(void)lsn;
	records++;
	if (left > lsr_header_bytes(header)) {
		return LESSOR_OK; /* as recovery, which calls it damage */
	}
	if (lsr_header_type(header) != LSR_LOG_GROUP) {
		decode(header, payload);
		return LESSOR_OK;
	}
	while (lsr_group_next(&payload, &left, &inner_header, &inner)) {
		decode(inner_header, inner);
	}
	return LESSOR_OK;
}

static lessor_status_t
take_picked(lsr_pick_t *pick, uint32_t header, const uint8_t *payload, uint64_t lsn) {
	return take(pick->context, header, payload, lsn);
}

static void
take_damage(lsr_pick_t *pick, const lsr_damage_t *damage) {
	(void)pick;
	MUST(damage->name[0] != '\0' && damage->what[0] != '\0' && damage->after <= damage->upto);
}

/* ---- checksums ------------------------------------------------------------------------------------------------------- */

/* Of a header of 64 bytes, and the payload behind it. */
static void
seal(uint8_t *at, size_t payload_bytes) {
	uint32_t crc = lsr_crc(LSR_CRC_SEED, at, CRC_AT);
	crc = payload_bytes != 0 ? lsr_crc(crc, at + CRC_AT + sizeof(crc), payload_bytes) : crc;
	memcpy(at + CRC_AT, &crc, sizeof(crc));
}

/* Frames or chunks: where the magic is right; the size of the payload stands at 'size_at'. */
static void
seal_all(uint8_t *bytes, size_t size, uint32_t magic, size_t size_at) {
	if (size < LSR_BLOCK_BYTES || (bytes[LSR_BLOCK_BYTES - 1] & 1) != 0) {
		return;
	}
	seal(bytes, 0);
	for (size_t at = LSR_BLOCK_BYTES; at + LSR_FRAME_HEADER_BYTES <= size; at += LSR_BLOCK_BYTES) {
		uint32_t found;
		uint32_t payload_bytes;
		memcpy(&found, bytes + at, sizeof(found));
		memcpy(&payload_bytes, bytes + at + size_at, sizeof(payload_bytes));
		if (found == magic && payload_bytes <= size - at - LSR_FRAME_HEADER_BYTES) {
			seal(bytes + at, payload_bytes);
		}
	}
}

/* ---- the targets ------------------------------------------------------------------------------------------------------- */

static uint8_t copy[INPUT_BYTES_MAX];

void
read_fuzz_log(const uint8_t *data, size_t size) {
	lsr_log_contents_t contents;
	if (size < 32 || size > sizeof(copy)) {
		return;
	}
	memcpy(copy, data, size);
	seal_all(copy, size, LSR_FRAME_MAGIC, offsetof(lsr_frame_header_t, payload_bytes));
	put_file("log-0000000000000001.seg", copy, size);
	for (uint64_t from_lsn = 0; from_lsn < 1000; from_lsn += 777) {
		records = 0;
		const lessor_status_t status = lsr_log_read(directory, copy + 16, from_lsn, take, NULL, &contents);
		const uint64_t seen = records;
		MUST(status == LESSOR_OK || contents.sentence[0] != '\0');
		lsr_pick_t pick = {.directory = directory,
				   .store_id = copy + 16,
				   .from_lsn = from_lsn,
				   .record = take_picked,
				   .damage = take_damage};
		records = 0;
		(void)lsr_log_pick(&pick);
		MUST(status != LESSOR_OK || (pick.damages == 0 && records == seen));
		lsr_log_contents_free(&contents);
	}
}

void
read_fuzz_snapshot(const uint8_t *data, size_t size) {
	static const uint64_t from_lsn = LSR_LSN_FIRST;
	lsr_snapshot_info_t info;
	if (size < 64 || size > sizeof(copy)) {
		return;
	}
	memcpy(copy, data, size);
	/* The name says it too. */
	memcpy(copy + 32, &from_lsn, sizeof(from_lsn));
	for (size_t at = LSR_BLOCK_BYTES; at + 64 <= size; at += LSR_BLOCK_BYTES) {
		if (memcmp(copy + at, "LSRC", 4) == 0) {
			memcpy(copy + at + 32, &from_lsn, sizeof(from_lsn));
		}
	}
	seal_all(copy, size, UINT32_C(0x4352534C), 4);
	put_file("snapshot-0000000000000040.lsr", copy, size);
	records = 0;
	const lessor_status_t status = lsr_snapshot_read(directory, copy + 16, take, NULL, &info);
	const uint64_t seen = records;
	MUST(status == LESSOR_OK || info.sentence[0] != '\0');
	lsr_pick_t pick = {.directory = directory, .store_id = copy + 16, .record = take_picked, .damage = take_damage};
	records = 0;
	(void)lsr_snapshot_pick(&pick, from_lsn, &info);
	MUST(status != LESSOR_OK || (pick.damages == 0 && records == seen));
}
