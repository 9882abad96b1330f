/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/snapshot.h"

#include <lessor/time.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/crc.h"
#include "base/io.h"
#include "base/stream.h"
#include "base/text.h"

#define MAGIC       UINT64_C(0x3130504E5352534C) /* "LSRSNP01" */
#define CHUNK_MAGIC UINT32_C(0x4352534C)         /* "LSRC" */
#define CHUNK_LAST  1u
#define PREFIX      "snapshot-"
#define NAME_FORMAT "snapshot-%016llx.lsr"
#define TEMPORARY   "snapshot.tmp"
#define PAYLOAD_MAX ((uint32_t)(LSR_SNAPSHOT_CHUNK_BYTES - sizeof(lsr_chunk_header_t)))

typedef struct {
	uint64_t magic;
	uint32_t version;
	uint32_t zero1;
	uint8_t store_id[LSR_STORE_ID_BYTES];
	uint64_t from_lsn;
	uint64_t made_at;
	uint64_t zero2;
	uint32_t zero3;
	uint32_t crc;
} lsr_snapshot_header_t;

typedef struct {
	uint32_t magic;
	uint32_t payload_bytes;
	uint64_t number;
	uint8_t store_id[LSR_STORE_ID_BYTES];
	uint64_t from_lsn;
	uint32_t flags;
	uint32_t zero1;
	uint64_t zero2;
	uint32_t zero3;
	uint32_t crc;
} lsr_chunk_header_t;

typedef struct {
	uint64_t entries;
	uint64_t leases;
	uint64_t end_lsn;
	uint64_t epoch;
} lsr_snapshot_footer_t;

static_assert(sizeof(lsr_snapshot_header_t) == 64 && offsetof(lsr_snapshot_header_t, crc) == 60,
	      "as in the header file");
static_assert(sizeof(lsr_chunk_header_t) == 64 && offsetof(lsr_chunk_header_t, flags) == 40, "as in the header file");

static uint32_t
chunk_crc(const lsr_chunk_header_t *chunk) {
	const uint32_t crc = lsr_crc(LSR_CRC_SEED, chunk, offsetof(lsr_chunk_header_t, crc));
	return lsr_crc(crc, chunk + 1, chunk->payload_bytes);
}

static uint64_t
chunk_disk_bytes(uint32_t payload_bytes) {
	return lsr_round_up(sizeof(lsr_chunk_header_t) + (uint64_t)payload_bytes, LSR_BLOCK_BYTES);
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

/* Direct I/O where possible: a snapshot must not push everything else out of the page cache. */
static int
open_temporary(int directory) {
	const int flags = O_WRONLY | O_CREAT | O_TRUNC;
	const int file = lsr_io->open(directory, TEMPORARY, flags | O_DIRECT, 0600);
	return file == -EINVAL ? lsr_io->open(directory, TEMPORARY, flags, 0600) : file;
}

static int
put_blocks(lsr_snapshot_writer_t *writer, uint64_t disk_bytes) {
	const int result = lsr_io_write_all(writer->file, writer->chunk, disk_bytes, writer->offset);
	writer->offset += disk_bytes;
	return result;
}

static int
put_header(lsr_snapshot_writer_t *writer) {
	lsr_snapshot_header_t header = {.magic = MAGIC,
					.version = LSR_FORMAT_VERSION,
					.from_lsn = writer->from_lsn,
					.made_at = lessor_time_now()};
	memcpy(header.store_id, writer->store_id, sizeof(header.store_id));
	header.crc = lsr_crc(LSR_CRC_SEED, &header, offsetof(lsr_snapshot_header_t, crc));
	memset(writer->chunk, 0, LSR_BLOCK_BYTES);
	memcpy(writer->chunk, &header, sizeof(header));
	return put_blocks(writer, LSR_BLOCK_BYTES);
}

static int
put_chunk(lsr_snapshot_writer_t *writer, uint32_t flags) {
	const uint64_t disk_bytes = chunk_disk_bytes(writer->payload_bytes);
	lsr_chunk_header_t *chunk = (lsr_chunk_header_t *)(void *)writer->chunk;
	*chunk = (lsr_chunk_header_t){.magic = CHUNK_MAGIC,
				      .payload_bytes = writer->payload_bytes,
				      .number = writer->chunks++,
				      .from_lsn = writer->from_lsn,
				      .flags = flags};
	memcpy(chunk->store_id, writer->store_id, sizeof(chunk->store_id));
	memset(writer->chunk + sizeof(*chunk) + writer->payload_bytes, 0,
	       disk_bytes - sizeof(*chunk) - writer->payload_bytes);
	chunk->crc = chunk_crc(chunk);
	writer->payload_bytes = 0;
	return put_blocks(writer, disk_bytes);
}

int
lsr_snapshot_begin(lsr_snapshot_writer_t *writer, int directory, const uint8_t store_id[LSR_STORE_ID_BYTES],
		   uint64_t from_lsn) {
	*writer = (lsr_snapshot_writer_t){.directory = directory, .file = -1, .from_lsn = from_lsn};
	memcpy(writer->store_id, store_id, LSR_STORE_ID_BYTES);
	writer->chunk = aligned_alloc(LSR_BLOCK_BYTES, LSR_SNAPSHOT_CHUNK_BYTES);
	if (writer->chunk == NULL) {
		return -ENOMEM;
	}
	writer->file = open_temporary(directory);
	return writer->file < 0 ? writer->file : put_header(writer);
}

int
lsr_snapshot_add(lsr_snapshot_writer_t *writer, uint64_t lsn, uint32_t header, const void *payload) {
	const uint32_t entry_bytes = (uint32_t)sizeof(lsn) + lsr_header_bytes(header);
	if (writer->payload_bytes + entry_bytes > PAYLOAD_MAX) {
		const int result = put_chunk(writer, 0);
		if (result != 0) {
			return result;
		}
	}
	uint8_t *to = writer->chunk + sizeof(lsr_chunk_header_t) + writer->payload_bytes;
	const uint32_t payload_bytes = lsr_header_payload_bytes(header);
	memcpy(to, &lsn, 8);
	memcpy(to + 8, &header, 4);
	memcpy(to + 12, payload, payload_bytes);
	memset(to + 12 + payload_bytes, 0, entry_bytes - 12 - payload_bytes);
	writer->payload_bytes += entry_bytes;
	writer->entries++;
	writer->leases += lsr_header_type(header) == LSR_LOG_LEASE || lsr_header_type(header) == LSR_LOG_LEASE6;
	return 0;
}

static int
put_footer(lsr_snapshot_writer_t *writer, uint64_t end_lsn, uint64_t epoch) {
	const lsr_snapshot_footer_t footer = {
		.entries = writer->entries, .leases = writer->leases, .end_lsn = end_lsn, .epoch = epoch};
	int result = writer->payload_bytes > 0 ? put_chunk(writer, 0) : 0;
	if (result == 0) {
		memcpy(writer->chunk + sizeof(lsr_chunk_header_t), &footer, sizeof(footer));
		writer->payload_bytes = sizeof(footer);
		result = put_chunk(writer, CHUNK_LAST);
	}
	return result;
}

int
lsr_snapshot_finish(lsr_snapshot_writer_t *writer, uint64_t end_lsn, uint64_t epoch) {
	char name[40];
	(void)snprintf(name, sizeof(name), NAME_FORMAT, (unsigned long long)writer->from_lsn);
	int result = put_footer(writer, end_lsn, epoch);
	if (result == 0) {
		result = lsr_io->datasync(writer->file); /* the contents, before the name says that they are there */
	}
	if (result == 0) {
		result = lsr_io->rename(writer->directory, TEMPORARY, name);
	}
	if (result == 0) {
		result = lsr_io->sync_directory(writer->directory); /* the name, before the log segments go */
	}
	if (result == 0) {
		(void)lsr_io->close(writer->file);
		writer->file = -1;
		free(writer->chunk);
		writer->chunk = NULL;
	}
	return result;
}

void
lsr_snapshot_abort(lsr_snapshot_writer_t *writer) {
	if (writer->file >= 0) {
		(void)lsr_io->close(writer->file);
		(void)lsr_io->unlink(writer->directory, TEMPORARY);
		writer->file = -1;
	}
	free(writer->chunk);
	writer->chunk = NULL;
}

static bool
parse_name(const char *name, uint64_t *from_lsn) {
	unsigned long long value;
	int used = 0;
	const bool sound = sscanf(name, "snapshot-%16llx.lsr%n", &value, &used) == 1 && used > 0 && name[used] == '\0';
	*from_lsn = sound ? value : 0;
	return sound;
}

int
lsr_snapshot_remove_others(int directory, uint64_t from_lsn) {
	char **names = NULL;
	size_t count = 0;
	int result = lsr_io_list(directory, "snapshot", &names, &count);
	for (size_t i = 0; i < count; i++) {
		uint64_t found;
		if (parse_name(names[i], &found) ? found != from_lsn : strcmp(names[i], TEMPORARY) == 0) {
			const int removed = lsr_io->unlink(directory, names[i]);
			result = result == 0 ? removed : result;
		}
	}
	free(names);
	return result;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

typedef struct {
	lsr_stream_t stream;
	const char *name;
	const uint8_t *store_id;
	lsr_record_function function;
	void *context;
	lsr_snapshot_info_t *info;
	uint64_t offset; /* of the stream's view */
	uint64_t chunks;
	uint64_t entries;
	uint64_t leases;
	bool finished;
} lsr_snapshot_reading_t;

#define complain(info, status, ...) lsr_complain((info)->sentence, sizeof((info)->sentence), status, __VA_ARGS__)

static lessor_status_t
damaged(lsr_snapshot_reading_t *reading, const char *what) {
	return complain(reading->info, LESSOR_DAMAGED, "%s: damaged at offset %llu: %s", reading->name,
			(unsigned long long)reading->offset, what);
}

/* The next bytes of the file. */
static lessor_status_t
view(lsr_snapshot_reading_t *reading, size_t size_bytes, const void **bytes) {
	int error;
	if (reading->offset + size_bytes > reading->info->size_bytes) {
		return damaged(reading, "the file ends too early");
	}
	*bytes = lsr_stream_view(&reading->stream, size_bytes, &error);
	return *bytes != NULL ? LESSOR_OK
			      : complain(reading->info, LESSOR_IO, "%s: cannot be read at offset %llu: %s",
					 reading->name, (unsigned long long)reading->offset, strerror(-error));
}

/* To the next block behind size_bytes. */
static lessor_status_t
skip_blocks(lsr_snapshot_reading_t *reading, uint64_t size_bytes) {
	const void *ignored;
	const uint64_t disk_bytes = lsr_round_up(size_bytes, LSR_BLOCK_BYTES);
	const lessor_status_t status = view(reading, disk_bytes, &ignored);
	if (status == LESSOR_OK) {
		lsr_stream_skip(&reading->stream, disk_bytes);
		reading->offset += disk_bytes;
	}
	return status;
}

static lessor_status_t
read_header(lsr_snapshot_reading_t *reading, uint64_t from_lsn) {
	lsr_snapshot_header_t header;
	const void *bytes;
	const lessor_status_t status = view(reading, sizeof(header), &bytes);
	if (status != LESSOR_OK) {
		return status;
	}
	memcpy(&header, bytes, sizeof(header));
	if (header.magic != MAGIC ||
	    header.crc != lsr_crc(LSR_CRC_SEED, &header, offsetof(lsr_snapshot_header_t, crc))) {
		return damaged(reading, "the header is damaged");
	}
	if (!lsr_format_is_known(header.version)) {
		return complain(reading->info, LESSOR_UNSUPPORTED,
				"%s: snapshot format version %u, this library knows up to %u", reading->name,
				header.version, LSR_FORMAT_VERSION);
	}
	if (memcmp(header.store_id, reading->store_id, LSR_STORE_ID_BYTES) != 0 || header.from_lsn != from_lsn) {
		return damaged(reading, "the header belongs to another store or file");
	}
	return skip_blocks(reading, sizeof(header));
}

static lessor_status_t
read_footer(lsr_snapshot_reading_t *reading, const lsr_chunk_header_t *chunk) {
	lsr_snapshot_footer_t footer;
	if (chunk->payload_bytes != sizeof(footer)) {
		return damaged(reading, "the footer has the wrong size");
	}
	memcpy(&footer, chunk + 1, sizeof(footer));
	if (footer.entries != reading->entries || footer.leases != reading->leases) {
		return damaged(reading, "the footer counts other entries than the file holds");
	}
	reading->info->entries = footer.entries;
	reading->info->leases = footer.leases;
	reading->info->end_lsn = footer.end_lsn;
	reading->info->epoch = footer.epoch;
	reading->finished = true;
	return LESSOR_OK;
}

static lessor_status_t
deliver(lsr_snapshot_reading_t *reading, const lsr_chunk_header_t *chunk) {
	const uint8_t *payload = (const uint8_t *)(chunk + 1);
	uint32_t at = 0;
	while (at < chunk->payload_bytes) {
		uint64_t lsn;
		uint32_t header;
		if (chunk->payload_bytes - at < 16) {
			return damaged(reading, "an entry of this chunk is malformed");
		}
		memcpy(&lsn, payload + at, 8);
		memcpy(&header, payload + at + 8, 4);
		const uint32_t size_bytes = lsr_header_bytes(header);
		if (size_bytes == 0 || size_bytes > chunk->payload_bytes - at - 8) {
			return damaged(reading, "an entry of this chunk is malformed");
		}
		const lessor_status_t status =
			reading->function == NULL ? LESSOR_OK
						  : reading->function(reading->context, header, payload + at + 12, lsn);
		if (status != LESSOR_OK) {
			return status == LESSOR_DAMAGED
				       ? damaged(reading, "an entry of this chunk makes no sense")
				       : complain(reading->info, status, "%s: could not be taken in: %s", reading->name,
						  lessor_status_text(status));
		}
		at += 8 + size_bytes;
		reading->entries++;
		reading->leases +=
			lsr_header_type(header) == LSR_LOG_LEASE || lsr_header_type(header) == LSR_LOG_LEASE6;
	}
	return LESSOR_OK;
}

static lessor_status_t
read_chunk(lsr_snapshot_reading_t *reading, uint64_t from_lsn) {
	const void *bytes;
	lessor_status_t status = view(reading, sizeof(lsr_chunk_header_t), &bytes);
	if (status != LESSOR_OK) {
		return status;
	}
	const lsr_chunk_header_t *chunk = bytes;
	if (chunk->magic != CHUNK_MAGIC || chunk->payload_bytes > PAYLOAD_MAX || chunk->number != reading->chunks ||
	    chunk->from_lsn != from_lsn || memcmp(chunk->store_id, reading->store_id, LSR_STORE_ID_BYTES) != 0) {
		return damaged(reading, "no valid chunk there");
	}
	const size_t chunk_bytes = sizeof(*chunk) + chunk->payload_bytes;
	status = view(reading, chunk_bytes, &bytes);
	if (status != LESSOR_OK) {
		return status;
	}
	chunk = bytes;
	if (chunk->crc != chunk_crc(chunk)) {
		return damaged(reading, "the checksum of this chunk is wrong");
	}
	reading->chunks++;
	if ((chunk->flags & CHUNK_LAST) != 0) {
		return read_footer(reading, chunk);
	}
	status = deliver(reading, chunk);
	return status == LESSOR_OK ? skip_blocks(reading, chunk_bytes) : status;
}

static lessor_status_t
read_chunks(lsr_snapshot_reading_t *reading, uint64_t from_lsn) {
	lessor_status_t status = read_header(reading, from_lsn);
	while (status == LESSOR_OK && !reading->finished) {
		status = read_chunk(reading, from_lsn);
	}
	return status;
}

static lessor_status_t
read_file(lsr_snapshot_reading_t *reading, int directory, uint64_t from_lsn) {
	lsr_snapshot_info_t *info = reading->info;
	const int file = lsr_io->open(directory, reading->name, O_RDONLY, 0);
	int64_t size = file;
	if (file >= 0) {
		size = lsr_io->size(file);
		(void)lsr_io->close(file);
	}
	if (size < 0) {
		return complain(info, LESSOR_IO, "%s: cannot be opened: %s", reading->name, strerror((int)-size));
	}
	info->size_bytes = (uint64_t)size;
	lsr_stream_init(&reading->stream);
	const int result = lsr_stream_open(&reading->stream, directory, reading->name, info->size_bytes);
	const lessor_status_t status = result == 0
					       ? read_chunks(reading, from_lsn)
					       : complain(info, result == -ENOMEM ? LESSOR_NO_MEMORY : LESSOR_IO,
							  "%s: cannot be opened: %s", reading->name, strerror(-result));
	lsr_stream_destroy(&reading->stream);
	return status;
}

lessor_status_t
lsr_snapshot_read(int directory, const uint8_t store_id[LSR_STORE_ID_BYTES], lsr_record_function function,
		  void *context, lsr_snapshot_info_t *info) {
	char **names = NULL;
	size_t count = 0;
	*info = (lsr_snapshot_info_t){0};
	const int result = lsr_io_list(directory, PREFIX, &names, &count);
	if (result != 0) {
		return complain(info, result == -ENOMEM ? LESSOR_NO_MEMORY : LESSOR_IO,
				"the directory cannot be read: %s", strerror(-result));
	}
	uint64_t from_lsn = 0;
	const char *newest = NULL;
	for (size_t i = 0; i < count; i++) {
		uint64_t found;
		if (parse_name(names[i], &found) && found >= from_lsn) {
			from_lsn = found;
			newest = names[i];
		}
	}
	lessor_status_t status = LESSOR_OK;
	if (newest != NULL) {
		lsr_snapshot_reading_t reading = {
			.name = newest, .store_id = store_id, .function = function, .context = context, .info = info};
		info->from_lsn = from_lsn;
		status = read_file(&reading, directory, from_lsn);
	}
	free(names);
	return status;
}

/* ---- picking ---------------------------------------------------------------------------------------------------- */

typedef struct {
	lsr_pick_t *pick;
	lsr_snapshot_info_t *info;
	uint8_t *bytes; /* a chunk of the greatest size */
	int file;
	uint64_t chunks; /* the number of the next one */
	bool has_footer;
} lsr_snapshot_picking_t;

int
lsr_snapshot_list(int directory, uint64_t **from_lsns, size_t *count) {
	char **names = NULL;
	size_t named = 0;
	*from_lsns = NULL;
	*count = 0;
	int result = lsr_io_list(directory, PREFIX, &names, &named);
	if (result == 0) {
		*from_lsns = calloc(named + 1, sizeof((*from_lsns)[0]));
		result = *from_lsns == NULL ? -ENOMEM : 0;
	}
	for (size_t i = 0; i < named && result == 0; i++) { /* sorted: by hexadecimal digits of one width */
		*count += parse_name(names[i], &(*from_lsns)[*count]);
	}
	free(names);
	return result;
}

static void
pick_damage(lsr_snapshot_picking_t *picking, bool loses, const char *what) {
	const lsr_damage_t damage = {.name = picking->pick->name,
				     .offset = picking->pick->offset,
				     .upto = loses ? picking->info->from_lsn : 0,
				     .what = what};
	lsr_pick_damage(picking->pick, &damage);
}

static lessor_status_t
pick_entries(lsr_snapshot_picking_t *picking, const lsr_chunk_header_t *chunk) {
	lsr_pick_t *pick = picking->pick;
	const uint8_t *payload = (const uint8_t *)(chunk + 1);
	uint32_t at = 0;
	lessor_status_t status = LESSOR_OK;
	while (at < chunk->payload_bytes && status == LESSOR_OK) {
		uint64_t lsn = 0;
		uint32_t header = 0;
		const uint32_t left_bytes = chunk->payload_bytes - at;
		if (left_bytes >= 16) {
			memcpy(&lsn, payload + at, 8);
			memcpy(&header, payload + at + 8, 4);
		}
		const uint32_t size_bytes = lsr_header_bytes(header);
		if (size_bytes == 0 || size_bytes > left_bytes - 8) {
			pick_damage(picking, true, "an entry of this chunk is malformed");
			break;
		}
		picking->info->entries++;
		picking->info->leases +=
			lsr_header_type(header) == LSR_LOG_LEASE || lsr_header_type(header) == LSR_LOG_LEASE6;
		status = pick->record != NULL ? pick->record(pick, header, payload + at + 12, lsn) : LESSOR_OK;
		at += 8 + size_bytes;
	}
	return status;
}

static void
pick_footer(lsr_snapshot_picking_t *picking, const lsr_chunk_header_t *chunk) {
	lsr_snapshot_footer_t footer;
	lsr_snapshot_info_t *info = picking->info;
	if (chunk->payload_bytes != sizeof(footer)) {
		pick_damage(picking, true, "the footer has the wrong size");
		return;
	}
	memcpy(&footer, chunk + 1, sizeof(footer));
	if (picking->pick->damages == 0 && (footer.entries != info->entries || footer.leases != info->leases)) {
		pick_damage(picking, true, "the footer counts other entries than the file holds");
	}
	info->end_lsn = footer.end_lsn;
	info->epoch = footer.epoch;
	picking->has_footer = true;
}

/* The chunk at the place in work; NULL: none counts there. */
static const lsr_chunk_header_t *
chunk_here(lsr_snapshot_picking_t *picking) {
	const lsr_pick_t *pick = picking->pick;
	const lsr_chunk_header_t *chunk = (const lsr_chunk_header_t *)(const void *)picking->bytes;
	const uint64_t left_bytes = picking->info->size_bytes - pick->offset;
	bool lost;
	if (left_bytes < sizeof(*chunk)) {
		return NULL;
	}
	(void)lsr_pick_read(picking->file, pick->offset, picking->bytes, lsr_min_u64(LSR_BLOCK_BYTES, left_bytes),
			    &lost);
	if (chunk->magic != CHUNK_MAGIC || chunk->payload_bytes > PAYLOAD_MAX || chunk->number < picking->chunks ||
	    chunk->from_lsn != picking->info->from_lsn ||
	    memcmp(chunk->store_id, pick->store_id, LSR_STORE_ID_BYTES) != 0 ||
	    sizeof(*chunk) + chunk->payload_bytes > left_bytes) {
		return NULL;
	}
	const size_t chunk_bytes = sizeof(*chunk) + chunk->payload_bytes;
	if (chunk_bytes > LSR_BLOCK_BYTES) {
		(void)lsr_pick_read(picking->file, pick->offset, picking->bytes, chunk_bytes, &lost);
	}
	return chunk->crc == chunk_crc(chunk) ? chunk : NULL;
}

static lessor_status_t
pick_chunks(lsr_snapshot_picking_t *picking) {
	lsr_pick_t *pick = picking->pick;
	lessor_status_t status = LESSOR_OK;
	bool told = false;
	while (pick->offset < picking->info->size_bytes && !picking->has_footer && status == LESSOR_OK) {
		const lsr_chunk_header_t *chunk = chunk_here(picking);
		if (chunk == NULL || (chunk->number != picking->chunks && !told)) {
			if (!told) {
				pick_damage(picking, true, "no valid chunk there");
			}
			told = true;
		}
		if (chunk == NULL) {
			pick->offset += LSR_BLOCK_BYTES;
			continue;
		}
		told = false;
		picking->chunks = chunk->number + 1;
		const uint64_t disk_bytes = chunk_disk_bytes(chunk->payload_bytes);
		if ((chunk->flags & CHUNK_LAST) != 0) {
			pick_footer(picking, chunk);
		} else {
			status = pick_entries(picking, chunk);
		}
		pick->offset += disk_bytes;
	}
	if (status == LESSOR_OK && !picking->has_footer && !told) {
		pick_damage(picking, true, "the file ends too early");
	}
	return status;
}

static lessor_status_t
pick_file(lsr_snapshot_picking_t *picking) {
	lsr_snapshot_header_t header;
	bool lost;
	(void)lsr_pick_read(picking->file, 0, &header, sizeof(header), &lost);
	if (header.magic != MAGIC ||
	    header.crc != lsr_crc(LSR_CRC_SEED, &header, offsetof(lsr_snapshot_header_t, crc))) {
		pick_damage(picking, false, "the header is damaged");
	} else if (!lsr_format_is_known(header.version)) {
		return LESSOR_UNSUPPORTED;
	} else if (memcmp(header.store_id, picking->pick->store_id, LSR_STORE_ID_BYTES) != 0 ||
		   header.from_lsn != picking->info->from_lsn) {
		pick_damage(picking, false, "the header belongs to another store or file");
	}
	picking->pick->offset = LSR_BLOCK_BYTES;
	return pick_chunks(picking);
}

lessor_status_t
lsr_snapshot_pick(lsr_pick_t *pick, uint64_t from_lsn, lsr_snapshot_info_t *info) {
	lsr_snapshot_picking_t picking = {.pick = pick, .info = info, .file = -1};
	*info = (lsr_snapshot_info_t){.from_lsn = from_lsn, .end_lsn = UINT64_MAX};
	(void)snprintf(pick->name, sizeof(pick->name), NAME_FORMAT, (unsigned long long)from_lsn);
	pick->offset = 0;
	picking.bytes = aligned_alloc(LSR_BLOCK_BYTES, LSR_SNAPSHOT_CHUNK_BYTES);
	if (picking.bytes == NULL) {
		return LESSOR_NO_MEMORY;
	}
	picking.file = lsr_io->open(pick->directory, pick->name, O_RDONLY, 0);
	const int64_t size = picking.file < 0 ? picking.file : lsr_io->size(picking.file);
	lessor_status_t status = LESSOR_OK;
	if (size < 0) {
		pick_damage(&picking, true, "the file cannot be opened");
	} else {
		info->size_bytes = (uint64_t)size;
		status = pick_file(&picking);
	}
	if (picking.file >= 0) {
		(void)lsr_io->close(picking.file);
	}
	free(picking.bytes);
	return status;
}
