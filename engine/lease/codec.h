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
#include <lessor/scope6.h>

#include "base/rcu.h"
#include "base/text.h"
#include "lease/origin.h"
#include "lease/record.h"
#include "stats/counters.h"

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
	LSR_TAIL_RESERVATION = 10, /* u8 client types, then the client it is for, unless that is the record's own */
	LSR_TAIL_PREFERRED = 11,   /* IPv6: u64, if it is not expires_at */
	LSR_TAIL_OWNER6 = 12,      /* IPv6: u64 high, u64 low */
	LSR_TAIL_LIMIT_KEYS = 13,  /* of each: u8 kind, u8 length, so many bytes */
	LSR_TAIL_KINDS = 14
};

#define LSR_TAIL_ITEM_HEAD_BYTES 4u

/* The client id of an IPv6 lease: the IAID, big-endian, then the DUID. */
#define LSR_CLIENT6_HEAD_BYTES 4u
#define LSR_CLIENT6_MAX_BYTES  (LSR_CLIENT6_HEAD_BYTES + 256u)

/* Client types above are rare or wrong. */
#define LSR_CLIENT_TYPE_PLAIN_MAX (LESSOR_CLIENT_BOTH | LESSOR_CLIENT_RESERVATION_FLAG)
#define LSR_TAIL_MAX_BYTES        32000u
#define LSR_IMAGE_HEAD_BYTES      28u
#define LSR_IMAGE_MAX_BYTES       (LSR_IMAGE_HEAD_BYTES + LSR_INLINE_BYTES + LSR_TAIL_MAX_BYTES)

/* A lease that has been checked: its lengths; and of an IPv6 lease what lessor_lease_t has no room for (lease/codec6.h). */
typedef struct lsr_lease_sizes {
	size_t client;
	size_t name;
	size_t comment;
	size_t context;
	size_t owner_name;
	size_t policy;
	lessor_filetime_t preferred_expires_at; /* 0: none of its own */
	lessor_address6_t owner6;
} lsr_lease_sizes_t;

/*
 * Everything of 'lease' that 'fields' (LESSOR_FIELD_...) names has a legal form. address_state is the caller's business. Only
 * the named members are looked at.
 */
bool lsr_lease_check(const lessor_lease_t *lease, uint32_t fields, lsr_lease_sizes_t *sizes);

static inline bool
lsr_lease_has_no_origin(const lessor_lease_t *lease) {
	return lease->owner_name == NULL && lease->policy_name == NULL && lease->owner_address == 0;
}

/* The origin part of a checked lease (pointers borrowed). */
lsr_origin_t lsr_lease_origin(const lessor_lease_t *lease, const lsr_lease_sizes_t *sizes);
bool lsr_origin_is_none(const lsr_origin_t *origin);

/*
 * The short way for the common lease, of which everything lies in the body and nothing has to be allocated: check and pack in one. False: it is not of
 * that kind, or not in order; go the long way, which decides. address_state is stored as given.
 */
LSR_INLINE bool
lsr_lease_pack_plain(const lessor_lease_t *lease, uint8_t address_state, lsr_body_t *body) {
	const size_t client_bytes = lease->client_id_bytes;
	const size_t hardware_bytes = lease->hardware_bytes;
	size_t name_bytes = 0;
	unsigned flags = lease->client_id_made_up ? LSR_FLAG_CLIENT_MADE_UP : 0;
	static_assert(LESSOR_TIME_NONE == 0, "absent like the others");
	const uint64_t rare = (uintptr_t)lease->comment | (uintptr_t)lease->user_context |
			      (uintptr_t)lease->owner_name | (uintptr_t)lease->policy_name | lease->owner_address |
			      lease->probation_ends_at | lease->limit_keys;
	if (LSR_UNLIKELY(rare != 0) || LSR_UNLIKELY(client_bytes - 1 >= LSR_INLINE_BYTES) ||
	    LSR_UNLIKELY(lease->client_id == NULL) || LSR_UNLIKELY(lease->client_type > LSR_CLIENT_TYPE_PLAIN_MAX) ||
	    LSR_UNLIKELY(lease->quarantine_status > LESSOR_NO_QUARANTINE_INFO)) {
		return false;
	}
	memset(body->text, 0, sizeof(body->text));
	if (lease->name != NULL) {
		name_bytes = strnlen(lease->name, LSR_INLINE_BYTES - client_bytes + 1);
		if (LSR_UNLIKELY(name_bytes > LSR_INLINE_BYTES - client_bytes) ||
		    LSR_UNLIKELY(!lsr_text_copy_ascii(body->text + client_bytes, lease->name, name_bytes))) {
			return false;
		}
		flags |= LSR_FLAG_NAME;
	}
	if (hardware_bytes != 0) {
		const size_t skip = client_bytes - hardware_bytes; /* 0 or 1 */
		if (lease->hardware_type != 1 || lease->hardware == NULL || skip > 1 ||
		    (skip == 1 && lease->client_id[0] != 1) ||
		    !lsr_equal_short(lease->client_id + skip, lease->hardware, hardware_bytes)) {
			return false;
		}
		flags |= skip == 0 ? LSR_FLAG_HARDWARE_IS_CLIENT : LSR_FLAG_HARDWARE_IN_CLIENT;
	}
	flags |= (lease->dns_forward ? LSR_FLAG_DNS_FORWARD : 0u) | (lease->dns_reverse ? LSR_FLAG_DNS_REVERSE : 0u);
	body->lsn = 0;
	body->expires_at = lease->expires_at;
	body->tail = NULL;
	body->last_transaction_s = lease->last_transaction_s;
	body->origin = LSR_ORIGIN_NONE;
	body->client_id_bytes = (uint8_t)client_bytes;
	body->name_bytes = (uint8_t)name_bytes;
	body->client_type = lease->client_type;
	body->address_state = address_state;
	body->quarantine =
		(uint8_t)(lease->quarantine_status | (lease->quarantine_capable ? LSR_QUARANTINE_CAPABLE : 0) |
			  (lease->state_ex ? LSR_BODY_STATE_EX : 0));
	body->flags = (uint8_t)flags;
	lsr_copy_short(body->text, lease->client_id, client_bytes);
	return true;
}

/*
 * Checked lease -> body (lsn 0) and tail (NULL if everything fits inline, otherwise malloc'ed and the caller's). origin 0 while the lease has one means:
 * into the tail. LESSOR_NO_MEMORY; LESSOR_INVALID if the tail gets too long.
 */
lessor_status_t lsr_lease_pack(const lessor_lease_t *lease, const lsr_lease_sizes_t *sizes, uint16_t origin,
			       lsr_body_t *body);

/* The long way of lsr_lease_unpack(). */
lessor_status_t lsr_lease_unpack_fully(const lsr_body_t *body, const lsr_origins_t *origins, lessor_lease_t *lease,
				       void *buffer, size_t buffer_bytes, size_t *used_bytes);

/* Where the hardware address of a plain lease lies in its client id. */
static inline void
lsr_unpack_hardware(const lsr_body_t *body, lessor_lease_t *lease) {
	const size_t skip = (body->flags & LSR_FLAG_HARDWARE_IN_CLIENT) != 0 ? 1 : 0;
	if ((body->flags & (LSR_FLAG_HARDWARE_IS_CLIENT | LSR_FLAG_HARDWARE_IN_CLIENT)) != 0 &&
	    lease->client_id != NULL) {
		lease->hardware_type = 1;
		lease->hardware = lease->client_id + skip;
		lease->hardware_bytes = (uint8_t)(lease->client_id_bytes - skip);
	}
}

/* What lies in the body but its texts. */
static inline void
lsr_unpack_members(const lsr_body_t *body, lessor_lease_t *lease) {
	*lease = (lessor_lease_t){
		.client_id_bytes = body->client_id_bytes,
		.client_type = body->client_type,
		.address_state = body->address_state,
		.quarantine_status = body->quarantine & LSR_QUARANTINE_STATUS,
		.quarantine_capable = (body->quarantine & LSR_QUARANTINE_CAPABLE) != 0,
		.client_id_made_up = (body->flags & LSR_FLAG_CLIENT_MADE_UP) != 0,
		.dns_forward = (body->flags & LSR_FLAG_DNS_FORWARD) != 0,
		.dns_reverse = (body->flags & LSR_FLAG_DNS_REVERSE) != 0,
		.last_transaction_s = body->last_transaction_s,
		.expires_at = body->expires_at,
		.ticket = body->lsn,
		.is_reserved = lsr_body_is_reserved(body),
		.state_ex = (body->quarantine & LSR_BODY_STATE_EX) != 0,
	};
}

/*
 * The short way for the common lease, from the record's words to the caller's lease without a body in between: all of its texts lie inline, and it has nothing of what is rare. 'to' has
 * room for LSR_INLINE_BYTES + 1, of which *used_bytes are then taken. False: it is not of that kind, nothing has happened.
 */
#define LSR_WORD_TAIL  2u
#define LSR_WORD_SIZES 3u /* last transaction, origin << 32, client id bytes << 48, name bytes << 56 */
#define LSR_WORD_KINDS 4u /* client type, address state << 8, quarantine << 16, flags << 24, then text */
static_assert(offsetof(lsr_body_t, tail) == 8 * LSR_WORD_TAIL, "where it is looked for");
static_assert(offsetof(lsr_body_t, last_transaction_s) == 8 * LSR_WORD_SIZES, "where it is looked for");
static_assert(offsetof(lsr_body_t, origin) == 8 * LSR_WORD_SIZES + 4, "where it is looked for");
static_assert(offsetof(lsr_body_t, client_id_bytes) == 8 * LSR_WORD_SIZES + 6, "where it is looked for");
static_assert(offsetof(lsr_body_t, name_bytes) == 8 * LSR_WORD_SIZES + 7, "where it is looked for");
static_assert(offsetof(lsr_body_t, client_type) == 8 * LSR_WORD_KINDS, "where it is looked for");
static_assert(offsetof(lsr_body_t, text) == 8 * LSR_WORD_KINDS + 4, "where it is looked for");
/* What the lease begins its small members with is what the word of kinds begins with. */
static_assert(offsetof(lessor_lease_t, client_type) == offsetof(lessor_lease_t, client_id_bytes) + 1, "side by side");
static_assert(offsetof(lessor_lease_t, address_state) == offsetof(lessor_lease_t, client_type) + 1, "side by side");
static_assert(offsetof(lessor_lease_t, quarantine_status) == offsetof(lessor_lease_t, client_type) + 2, "side by side");

#define LSR_KINDS_RARE                                                                                                 \
	((uint64_t)(0xFF & ~LSR_QUARANTINE_STATUS) << 16 |                                                             \
	 (uint64_t)(0xFF & ~(LSR_FLAG_NAME | LSR_FLAG_HARDWARE_IN_CLIENT | LSR_FLAG_HARDWARE_IS_CLIENT)) << 24)

/* Of what is rare, has it only what lies in the tail or the origin? */
static inline bool
lsr_words_are_plain(const lsr_words_t *words) {
	return (words->word[LSR_WORD_KINDS] & LSR_KINDS_RARE) == 0;
}

/* Is this the client id of plain words? So long are nearly all. */
#define LSR_SHORT_ID_MIN_BYTES 4u
#define LSR_SHORT_ID_MAX_BYTES 8u

LSR_INLINE bool
lsr_words_have_short_id(const lsr_words_t *words, const uint8_t *client_id, size_t client_id_bytes) {
	uint32_t first;
	uint32_t last;
	memcpy(&first, client_id, 4);
	memcpy(&last, client_id + client_id_bytes - 4, 4);
	const uint64_t wanted = first | (uint64_t)last << 8 * (client_id_bytes - 4);
	const uint64_t text = words->word[LSR_WORD_KINDS] >> 32 | words->word[LSR_WORD_KINDS + 1] << 32;
	return (words->word[LSR_WORD_SIZES] >> 48 & 0xFF) == client_id_bytes &&
	       (text ^ wanted) << (64 - 8 * client_id_bytes) == 0;
}

LSR_INLINE bool
lsr_words_unpack(const lsr_words_t *words, lessor_lease_t *lease, uint8_t *to, size_t *used_bytes) {
	const uint64_t sizes = words->word[LSR_WORD_SIZES];
	const uint64_t kinds = words->word[LSR_WORD_KINDS];
	const uint64_t client_bytes = sizes >> 48 & 0xFF;
	const uint64_t end = client_bytes + (sizes >> 56);
	if (LSR_UNLIKELY((words->word[LSR_WORD_TAIL] | (sizes >> 32 & 0xFFFF) | (kinds & LSR_KINDS_RARE)) != 0)) {
		return false;
	}
	const uint32_t text = (uint32_t)(kinds >> 32);
	const uint32_t small = (uint32_t)(client_bytes | kinds << 8);
	const unsigned flags = (unsigned)(kinds >> 24) & 0xFF;
	memcpy(to, &text, 4);
	memcpy(to + 4, &words->word[LSR_WORD_KINDS + 1], LSR_INLINE_BYTES - 4);
	to[end] = '\0';
	*lease = (lessor_lease_t){.client_id = to,
				  .last_transaction_s = (uint32_t)sizes,
				  .expires_at = words->word[1],
				  .ticket = words->word[0]};
	memcpy((uint8_t *)lease + offsetof(lessor_lease_t, client_id_bytes), &small, 4);
	*used_bytes = end;
	if (LSR_LIKELY((flags & LSR_FLAG_NAME) != 0)) {
		lease->name = (const char *)to + client_bytes;
		*used_bytes = end + 1;
	}
	if (LSR_LIKELY((flags & (LSR_FLAG_HARDWARE_IS_CLIENT | LSR_FLAG_HARDWARE_IN_CLIENT)) != 0)) {
		const size_t skip = (flags & LSR_FLAG_HARDWARE_IN_CLIENT) != 0 ? 1 : 0;
		lease->hardware_type = 1;
		lease->hardware = to + skip;
		lease->hardware_bytes = (uint8_t)(client_bytes - skip);
	}
	return true;
}

/*
 * Body -> lease, texts copied to the front of the buffer, of which *used_bytes are then taken. address and mask of the lease are the caller's to set. Inside the
 * read-side section that the body was read in.
 */
static inline lessor_status_t
lsr_lease_unpack(const lsr_body_t *body, const lsr_origins_t *origins, lessor_lease_t *lease, void *buffer,
		 size_t buffer_bytes, size_t *used_bytes) {
	lsr_words_t words;
	memcpy(&words, body, sizeof(words));
	return buffer_bytes > LSR_INLINE_BYTES && LSR_LIKELY(lsr_words_unpack(&words, lease, buffer, used_bytes))
		       ? LESSOR_OK
		       : lsr_lease_unpack_fully(body, origins, lease, buffer, buffer_bytes, used_bytes);
}

/* Where the client id lies, how long it is, and the name, or NULL. Valid as long as the body and its tail. */
const uint8_t *lsr_body_client(const lsr_body_t *body);
size_t lsr_body_long_client_bytes(const lsr_body_t *body);
const uint8_t *lsr_body_name(const lsr_body_t *body, size_t *name_bytes);

/* A client id of 255 bytes or more - IPv6 has them - lies in the tail, which knows its length. */
static inline size_t
lsr_body_client_bytes(const lsr_body_t *body) {
	return LSR_LIKELY(body->client_id_bytes != UINT8_MAX) ? body->client_id_bytes
							      : lsr_body_long_client_bytes(body);
}

/* An item of a tail, which may be NULL; NULL: it has none of this kind. */
const uint8_t *lsr_tail_item(const struct lsr_tail *tail, unsigned kind, size_t *size_bytes);

/* Does it name keys of limits? IPv6 leases have tails for less. */
static inline bool
lsr_tail_has_keys(const struct lsr_tail *tail) {
	size_t ignored;
	return LSR_UNLIKELY(tail != NULL) && lsr_tail_item(tail, LSR_TAIL_LIMIT_KEYS, &ignored) != NULL;
}

/* Keys of limits, as they lie in the tail: the head of a lessor_limit_key_t and then only the bytes that it has. */
#define LSR_LIMIT_KEY_HEAD_BYTES 2u
#define LSR_LIMIT_KEYS_MAX_BYTES (LESSOR_LIMIT_KEYS_MAX * sizeof(lessor_limit_key_t))
static_assert(offsetof(lessor_limit_key_t, bytes) == LSR_LIMIT_KEY_HEAD_BYTES, "no holes");

bool lsr_limit_key_check(const lessor_limit_key_t *key);

/* Where the key that begins at 'at' ends; NULL: 'at' is the end. */
const uint8_t *lsr_limit_key_next(const uint8_t *at, const uint8_t *end);

/* For whom an address is reserved. */
typedef struct lsr_reserved {
	const uint8_t *client_id;
	size_t client_id_bytes;
	uint8_t client_types;
} lsr_reserved_t;

/* Of a body that is reserved. Valid as long as the body and its tail. */
lsr_reserved_t lsr_body_reserved(const lsr_body_t *body);

/*
 * Make a body reserved, or not reserved any more: then its lease gets a new expiry, without a preferred one of its own. It gets a tail of its own, or none; the one that it had stays the caller's. LESSOR_NO_MEMORY: it is as it
 * was.
 */
lessor_status_t lsr_body_reserve(lsr_body_t *body, const lsr_reserved_t *reserved);
lessor_status_t lsr_body_unreserve(lsr_body_t *body);

/* Which of the scope's counters (stats/counters.h) a body belongs to. */
static inline unsigned
lsr_body_counter(const lsr_body_t *body) {
	const unsigned state = body->address_state & LESSOR_STATE_MASK;
	return LSR_UNLIKELY(state == LESSOR_STATE_DOOM && lsr_body_is_reserved(body)) ? LSR_COUNTER_RESERVED_DOOM
										      : state;
}

/* Free a tail that was never published, or that nobody reads any more / one that readers may still look at, in the section in which it was taken out. NULL is accepted. */
void lsr_tail_free(lsr_tail_t *tail);
void lsr_tail_retire(lsr_tail_t *tail);

/*
 * Have the tail where it can stay when the body is published: a short one goes into the home of the record, which the caller has claimed, if nobody is left in there; a draft that
 * cannot gets memory of its own. False: there is none, the body is as it was.
 */
bool lsr_body_move_in_slowly(lsr_body_t *body, lsr_tail_t *home);

static inline bool
lsr_body_move_in(lsr_body_t *body, lsr_tail_t *home) {
	return body->tail == NULL || lsr_body_move_in_slowly(body, home);
}

/* The reverse, for a body that has not been published: its tail goes from home to a draft, which has LSR_HOME_TAIL_BYTES. */
void lsr_body_move_out(lsr_body_t *body, lsr_tail_t *draft);

/* Of the texts that lie in the body. */
static inline size_t
lsr_body_inline_bytes(const lsr_body_t *body) {
	return (size_t)((body->flags & LSR_FLAG_CLIENT_IN_TAIL) != 0 ? 0 : body->client_id_bytes) + body->name_bytes;
}

static_assert(offsetof(lsr_body_t, flags) - offsetof(lsr_body_t, origin) == 7, "image bytes 16 to 23");

/* The image of a lease. put writes lsr_image_bytes() bytes. */
static inline size_t
lsr_image_bytes(const lsr_body_t *body) {
	return LSR_IMAGE_HEAD_BYTES + lsr_body_inline_bytes(body) +
	       (LSR_UNLIKELY(body->tail != NULL) ? body->tail->size_bytes : 0);
}

/* With the address of an IPv6 lease instead: so many bytes more. */
#define LSR_IMAGE6_MORE_BYTES (2 * sizeof(uint64_t) - sizeof(uint32_t))

/* What stands behind the address; 'image' is where the address ends, less the four bytes of an IPv4 one. The sizes are those of the body's parts. */
static inline void
lsr_image_put_parts(uint8_t *image, const lsr_body_t *body, size_t text_bytes, uint32_t tail_bytes) {
	const uint32_t sizes = (uint32_t)text_bytes | tail_bytes << 8;
	memcpy(image + 4, &body->last_transaction_s, 4);
	memcpy(image + 8, &body->expires_at, 8);
	memcpy(image + 16, &body->origin, 8); /* origin to flags lie side by side in the body as in the image */
	memcpy(image + 24, &sizes, 4);
	lsr_copy_short(image + LSR_IMAGE_HEAD_BYTES, body->text, text_bytes);
	if (LSR_UNLIKELY(tail_bytes != 0)) {
		memcpy(image + LSR_IMAGE_HEAD_BYTES + text_bytes, body->tail->bytes, tail_bytes);
	}
}

static inline void
lsr_image_put_body(uint8_t *image, const lsr_body_t *body) {
	lsr_image_put_parts(image, body, lsr_body_inline_bytes(body),
			    LSR_UNLIKELY(body->tail != NULL) ? body->tail->size_bytes : 0);
}

/* Of a body that lsr_lease_pack_plain() made: the image's size, and the image. */
static inline size_t
lsr_image_plain_bytes(const lsr_body_t *body) {
	return LSR_IMAGE_HEAD_BYTES + (size_t)body->client_id_bytes + body->name_bytes;
}

static inline void
lsr_image_put_plain(uint8_t *image, uint32_t address, const lsr_body_t *body) {
	memcpy(image, &address, 4);
	lsr_image_put_parts(image, body, lsr_image_plain_bytes(body) - LSR_IMAGE_HEAD_BYTES, 0);
}

static inline void
lsr_image_put(uint8_t *image, uint32_t address, const lsr_body_t *body) {
	memcpy(image, &address, 4);
	lsr_image_put_body(image, body);
}

static inline void
lsr_image_put6(uint8_t *image, lessor_address6_t address, const lsr_body_t *body) {
	memcpy(image, &address, sizeof(address));
	lsr_image_put_body(image + LSR_IMAGE6_MORE_BYTES, body);
}

/* Read an image; everything is checked, nothing is trusted. The tail is malloc'ed. LESSOR_DAMAGED, LESSOR_NO_MEMORY: the body is nonsense. */
lessor_status_t lsr_image_get(const uint8_t *image, size_t size_bytes, uint32_t *address, lsr_body_t *body);
lessor_status_t lsr_image_get6(const uint8_t *image, size_t size_bytes, lessor_address6_t *address, lsr_body_t *body);

/* Origin <-> bytes:  u16 number, u8 has_owner | has_policy << 1, u8 0, u32 address, u16 owner bytes, u16 policy bytes, texts. */
size_t lsr_origin_image_bytes(const lsr_origin_t *origin);
void lsr_origin_image_put(uint8_t *image, uint32_t number, const lsr_origin_t *origin);
bool lsr_origin_image_get(const uint8_t *image, size_t size_bytes, uint32_t *number, lsr_origin_t *origin);

#endif
