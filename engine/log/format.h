/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log on disk. All integers little-endian. Version 2.
 *
 * The log is one stream of bytes. A position in it (LSN) is a count of bytes since the store was made; LSN_FIRST is the first. The stream is
 * cut into frames (one per flush), and frames lie in segment files "log-<index, 16 hex digits>.seg", the index growing by one. A segment that is prepared
 * ahead is called "next-<index>.seg"; it is renamed, and the directory synced, before its first frame is written.
 *
 * Segment file: blocks of 4096 bytes, all written (zeros) before the segment is used.
 *   block 0, the segment header:
 *      0 u64 magic "LSRSEG01"          8 u32 version (2)           12 u32 zero
 *     16 16 bytes store id            32 u64 index                40 u64 first LSN (0 only while it is being prepared)
 *     48 u64 size of the file         56 u32 begun at, Unix s     60 u32 CRC32C of bytes 0-59
 *   then frames, each beginning on a fresh block:
 *      0 u32 magic "LSRF"              4 u16 version (2)            6 u16 flags (1: the store was closed here)
 *      8 16 bytes store id            24 u64 LSN of the first payload byte
 *     32 u64 durable LSN when it was built                        40 u32 payload bytes
 *     44 u32 CRC of the frame before (0 for the first of a process, and in a mark that recovery wrote)
 *     48 u64 index of the segment     56 u32 built at, Unix s
 *     60 u32 CRC32C of bytes 0-59 and the payload
 *     64 payload: whole records; then zeros up to the next block
 *   The two times are those of the machine's clock, and 0 where whoever wrote noted none. Nothing depends on them but history and retention.
 *
 * A frame counts if magic, version, store id, segment index and CRC are right and its LSN is the end of the frame before. If it then
 * does not carry that one's CRC - or 0, as the first of a process, or the mark behind a torn tail - two logs were mixed: damage. The
 * log ends at the first place where no frame counts. That place is
 *   - the end of the log, if nothing behind it belongs to this store: a flush that did not complete, never acknowledged;
 *   - damage, if any valid frame lies behind it: frames are written one after the other, so what stands before a frame
 *     was durable.
 * A file that is shorter than its header says, and does not end with a closing mark, has lost something: damage. (Who closes the store, or opens
 * it after a crash, writes the mark and then cuts the file.)
 * "lessor.newest" says which segment is the newest, so that the loss of that file as a whole is seen: two blocks, the segment's index % 2 tells which,
 *      0 u64 magic "LSRNEW01"          8 u64 zero                  16 16 bytes store id            32 u64 index
 *     40 20 bytes zero                60 u32 CRC32C of bytes 0-59
 * A block is written when its segment has its name durably, once for each segment, before a frame of it is acknowledged. So the greater index of the sound
 * blocks is never that of a segment that a crash could take back. A block that is not sound, or no file, says nothing and is no damage: nothing else
 * depends on it. Versions 1 and 2 both may lack it.
 * Blocks that hold a frame are never written again. An opened store begins a new segment. A frame is never in two segments.
 *
 * Record, 8-byte aligned in the stream:
 *      0 u32 header: size in units of 8 bytes (bits 0-15), type (16-20), unused bytes at the end (21-23), zero (24-31)
 *      4 payload
 * In memory a header of 0 means "not complete yet"; it is stored last.
 *
 * A change that is more than one record is a group: a record whose payload is whole records, one behind the other, no groups among them. All have the group's
 * LSN, and at most one of them is about any one address, scope or other thing; but the end of a lease may stand
 * before the next one of its address.
 *
 * Version 1 had the record types up to 5 and shorter scope images (scope/scope.h). It is read, not written: a store that is opened goes on in version 2.
 */
#ifndef LSR_LOG_FORMAT_H
#define LSR_LOG_FORMAT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LSR_BLOCK_BYTES    4096u
#define LSR_LSN_FIRST      UINT64_C(64)
#define LSR_SEGMENT_MAGIC  UINT64_C(0x313047455352534C) /* "LSRSEG01" */
#define LSR_FRAME_MAGIC    UINT32_C(0x4652534C)         /* "LSRF" */
#define LSR_FORMAT_VERSION 2u
#define LSR_FORMAT_OLDEST  1u
#define LSR_FRAME_CLOSED   1u
#define LSR_STORE_ID_BYTES 16u
#ifndef LSR_FRAME_PAYLOAD_MAX
#define LSR_FRAME_PAYLOAD_MAX ((uint32_t)(1u << 20) - 64u)
#endif
#define LSR_RECORD_ALIGN         8u
#define LSR_RECORD_MAX_BYTES     (65535u * LSR_RECORD_ALIGN)
#define LSR_SEGMENT_NAME_FORMAT  "log-%016llx.seg"
#define LSR_SEGMENT_PREFIX       "log-"
#define LSR_NEWEST_NAME          "lessor.newest"
#define LSR_NEWEST_MAGIC         UINT64_C(0x313057454E52534C) /* "LSRNEW01" */
#define LSR_PREPARED_NAME_FORMAT "next-%016llx.seg"
#define LSR_PREPARED_PREFIX      "next-"

/* Room for the name of a segment. */
#define LSR_SEGMENT_NAME_BYTES 32u
void lsr_segment_name(uint64_t index, char name[LSR_SEGMENT_NAME_BYTES]);

typedef enum lsr_record_type {
	LSR_LOG_PAD = 0,       /* nothing; skipped */
	LSR_LOG_LEASE = 1,     /* a lease after its change: image of lease/codec.h */
	LSR_LOG_LEASE_END = 2, /* u32 address, u32 counting epoch (stats/counters.h); u32 0 more: it was no lease */
	LSR_LOG_ORIGIN = 3,    /* image of lease/codec.h */
	LSR_LOG_SCOPE = 4,     /* a scope after its change: image of scope/scope.h */
	LSR_LOG_SCOPE_END = 5, /* u32 subnet, u32 mask, u32 uid */
	/* Since version 2. */
	LSR_LOG_SUPERSCOPE = 6, /* u32 number, name */
	/* u32 number. First in a snapshot: the greatest number that was ever used, whatever became of it. */
	LSR_LOG_SUPERSCOPE_END = 7,
	LSR_LOG_FILTER = 8,          /* image of filters.h */
	LSR_LOG_FILTER_END = 9,      /* the first 9 bytes of such an image */
	LSR_LOG_FILTER_ENFORCE = 10, /* u8 allow, u8 deny */
	LSR_LOG_LEASE6 = 11,         /* u64 high, u64 low, then what LEASE has behind its address */
	LSR_LOG_LEASE6_END = 12,     /* u64 high, u64 low, u32 counting epoch */
	LSR_LOG_SCOPE6 = 13,
	LSR_LOG_SCOPE6_END = 14, /* u64 prefix, u32 uid */
	LSR_LOG_GROUP = 15,      /* records */
	/*
	 * u32 uid, u32 first, u32 last, scope image: the scope as it is without its range, whose leases that are older than this record and not reserved
	 * are gone; the image's deletes count them.
	 */
	LSR_LOG_CLEAR = 16,
	LSR_LOG_LIMIT = 17,    /* image of limit.h */
	LSR_LOG_LIMIT_END = 18 /* the same without its maximum */
} lsr_record_type_t;

/* Can a file of this version be read? */
static inline bool
lsr_format_is_known(uint32_t version) {
	return version >= LSR_FORMAT_OLDEST && version <= LSR_FORMAT_VERSION;
}

typedef struct lsr_segment_header {
	uint64_t magic;                       /* 0 */
	uint32_t version;                     /* 8 */
	uint32_t zero1;                       /* 12 */
	uint8_t store_id[LSR_STORE_ID_BYTES]; /* 16 */
	uint64_t index;                       /* 32 */
	uint64_t first_lsn;                   /* 40 */
	uint64_t size_bytes;                  /* 48 */
	uint32_t begun_s;                     /* 56 */
	uint32_t crc;                         /* 60 */
} lsr_segment_header_t;

typedef struct lsr_frame_header {
	uint32_t magic;                       /* 0 */
	uint16_t version;                     /* 4 */
	uint16_t flags;                       /* 6 */
	uint8_t store_id[LSR_STORE_ID_BYTES]; /* 8 */
	uint64_t first_lsn;                   /* 24 */
	uint64_t durable_lsn;                 /* 32 */
	uint32_t payload_bytes;               /* 40 */
	uint32_t previous_crc;                /* 44 */
	uint64_t segment_index;               /* 48 */
	uint32_t time_s;                      /* 56 */
	uint32_t crc;                         /* 60 */
} lsr_frame_header_t;

typedef struct lsr_newest {
	uint64_t magic;                       /* 0 */
	uint64_t zero1;                       /* 8 */
	uint8_t store_id[LSR_STORE_ID_BYTES]; /* 16 */
	uint64_t index;                       /* 32 */
	uint8_t zero2[20];                    /* 40 */
	uint32_t crc;                         /* 60 */
} lsr_newest_t;

static_assert(sizeof(lsr_newest_t) == 64 && offsetof(lsr_newest_t, crc) == 60, "as written above");
static_assert(sizeof(lsr_segment_header_t) == 64 && offsetof(lsr_segment_header_t, first_lsn) == 40,
	      "as written above");
static_assert(sizeof(lsr_frame_header_t) == 64 && offsetof(lsr_frame_header_t, segment_index) == 48,
	      "as written above");

#define LSR_FRAME_HEADER_BYTES ((uint32_t)sizeof(lsr_frame_header_t))

/* The size of a record with this much payload, padding included. */
static inline uint32_t
lsr_record_bytes(size_t payload_bytes) {
	return (uint32_t)((payload_bytes + 4 + LSR_RECORD_ALIGN - 1) & ~(size_t)(LSR_RECORD_ALIGN - 1));
}

static inline uint32_t
lsr_record_header(lsr_record_type_t type, size_t payload_bytes) {
	const uint32_t total = lsr_record_bytes(payload_bytes);
	return total / LSR_RECORD_ALIGN | (uint32_t)type << 16 | (uint32_t)(total - 4 - payload_bytes) << 21;
}

static inline uint32_t
lsr_header_bytes(uint32_t header) {
	return (header & 0xFFFF) * LSR_RECORD_ALIGN;
}

static inline uint32_t
lsr_header_type(uint32_t header) {
	return header >> 16 & 31;
}

/* May be nonsense (wrap around) for a header that is not sound; the reader checks. */
static inline uint32_t
lsr_header_payload_bytes(uint32_t header) {
	return lsr_header_bytes(header) - 4 - (header >> 21 & 7);
}

/*
 * Building a group: begin a record with this much payload at 'at', which has room for lsr_record_bytes(). The payload is for the caller to write, afterwards, to
 * at + 4. Returns the place behind the record.
 */
uint8_t *lsr_group_put(uint8_t *at, lsr_record_type_t type, size_t payload_bytes);

/*
 * Taking one apart: the next record of a group's payload, whose rest is *left_bytes at *at. False: there is none; or what is there is no record, and *left_bytes is
 * not 0.
 */
bool lsr_group_next(const uint8_t **at, size_t *left_bytes, uint32_t *header, const uint8_t **payload);

/* Bytes on disk of a frame with this payload. */
static inline uint64_t
lsr_frame_disk_bytes(uint64_t payload_bytes) {
	return (payload_bytes + LSR_FRAME_HEADER_BYTES + LSR_BLOCK_BYTES - 1) & ~(uint64_t)(LSR_BLOCK_BYTES - 1);
}

/* Checksums: put fills in header->crc; is_sound checks everything that does not depend on the place. */
void lsr_newest_seal(lsr_newest_t *newest);
bool lsr_newest_is_sound(const lsr_newest_t *newest, const uint8_t store_id[LSR_STORE_ID_BYTES]);
void lsr_segment_header_seal(lsr_segment_header_t *header);
bool lsr_segment_header_is_sound(const lsr_segment_header_t *header);
/* 'frame' points to the header with the payload directly behind it. */
void lsr_frame_seal(lsr_frame_header_t *frame);
bool lsr_frame_is_sound(const lsr_frame_header_t *frame, const uint8_t store_id[LSR_STORE_ID_BYTES],
			uint64_t space_bytes);

#endif
