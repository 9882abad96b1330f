/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between a lessor_lease_t and what is stored: the body, the tail, and their bytes in a log record.
 *
 * Tail: a sequence of items, each  u8 kind, u8 0, u16 length, then that many bytes; integers little-endian; ascending kinds, each at most
 * once. The same bytes go into memory, log and snapshot.
 *
 * Lease image (the payload of log and snapshot records; little-endian):
 *    0 u32 address
 *    4 u32 last_transaction_s
 *    8 u64 expires_at
 *   16 u16 origin
 *   18 u8  client_id_bytes    19 u8 name_bytes (inline)
 *   20 u8  client_type        21 u8 address_state    22 u8 quarantine    23 u8 flags
 *   24 u32 inline bytes | tail bytes << 8
 *   28 inline text (client id, name), then the tail
 */
#ifndef LSR_CODEC_H
#define LSR_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lessor/lease.h>

#include "base/rcu.h"
#include "lease/origin.h"
#include "lease/record.h"

enum {
	LSR_TAIL_CLIENT = 1,
	LSR_TAIL_NAME = 2,
	LSR_TAIL_COMMENT = 3,
	LSR_TAIL_HARDWARE = 4, /* type, then the address */
	LSR_TAIL_CONTEXT = 5,
	LSR_TAIL_PROBATION = 6, /* u64 */
	LSR_TAIL_OWNER_NAME = 7,
	LSR_TAIL_OWNER_ADDRESS = 8, /* u32 */
	LSR_TAIL_POLICY = 9,
	LSR_TAIL_KINDS = 10
};

typedef struct lsr_tail {
	lsr_rcu_head_t retired;
	uint32_t size_bytes;
	uint8_t bytes[];
} lsr_tail_t;

#define LSR_TAIL_MAX_BYTES   32000u
#define LSR_IMAGE_HEAD_BYTES 28u
#define LSR_IMAGE_MAX_BYTES  (LSR_IMAGE_HEAD_BYTES + LSR_INLINE_BYTES + LSR_TAIL_MAX_BYTES)

/* A lease that has been checked: its lengths. */
typedef struct lsr_lease_sizes {
	size_t name;
	size_t comment;
	size_t context;
	size_t owner_name;
	size_t policy;
} lsr_lease_sizes_t;

/*
 * Everything of 'lease' that 'fields' (LESSOR_FIELD_...) names has a legal form. address_state is the caller's business. Only
 * the named members are looked at.
 */
bool lsr_lease_check(const lessor_lease_t *lease, uint32_t fields, lsr_lease_sizes_t *sizes);

/* The origin part of a checked lease (pointers borrowed). */
lsr_origin_t lsr_lease_origin(const lessor_lease_t *lease, const lsr_lease_sizes_t *sizes);
bool lsr_origin_is_none(const lsr_origin_t *origin);

/*
 * Checked lease -> body (lsn 0) and tail (NULL if everything fits inline, otherwise malloc'ed and the caller's). origin 0 while the lease has one means:
 * into the tail. LESSOR_NO_MEMORY; LESSOR_INVALID if the tail gets too long.
 */
lessor_status_t lsr_lease_pack(const lessor_lease_t *lease, const lsr_lease_sizes_t *sizes, uint16_t origin,
			       lsr_body_t *body);

/*
 * Body -> lease, texts copied to the buffer. address, mask and ticket of the lease are the caller's to set. Inside the read-side section that the body
 * was read in.
 */
lessor_status_t lsr_lease_unpack(const lsr_body_t *body, const lsr_origins_t *origins, lessor_lease_t *lease,
				 void *buffer, size_t buffer_bytes);

/* Where the client id lies. Valid as long as the body and its tail. */
const uint8_t *lsr_body_client(const lsr_body_t *body);

/* Free a tail that was never published / after a grace period. NULL is accepted. */
void lsr_tail_free(lsr_tail_t *tail);
void lsr_tail_retire(lsr_tail_t *tail);

/* The image of a lease. put writes lsr_image_bytes() bytes. */
size_t lsr_image_bytes(const lsr_body_t *body);
void lsr_image_put(uint8_t *image, uint32_t address, const lsr_body_t *body);

/* Read an image; everything is checked, nothing is trusted. The tail is malloc'ed. LESSOR_DAMAGED, LESSOR_NO_MEMORY: the body is nonsense. */
lessor_status_t lsr_image_get(const uint8_t *image, size_t size_bytes, uint32_t *address, lsr_body_t *body);

/* Origin <-> bytes:  u16 number, u8 has_owner | has_policy << 1, u8 0, u32 address, u16 owner bytes, u16 policy bytes, texts. */
size_t lsr_origin_image_bytes(const lsr_origin_t *origin);
void lsr_origin_image_put(uint8_t *image, uint32_t number, const lsr_origin_t *origin);
bool lsr_origin_image_get(const uint8_t *image, size_t size_bytes, uint32_t *number, lsr_origin_t *origin);

#endif
