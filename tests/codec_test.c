/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases to bodies and back, and to images and back. Whatever is damaged in an image is refused, or is another sound image; nothing is
 * ever read or written out of bounds (every image and buffer is a block of exactly its size, for a sanitizer to watch).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lease/codec6.h"
#include "test_random.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static lsr_origins_t origins;

static int
make_origins(void **state) {
	(void)state;
	return lsr_origins_init(&origins) ? 0 : -1;
}

static int
drop_origins(void **state) {
	(void)state;
	lsr_origins_destroy(&origins);
	return 0;
}

/* ---- comparing ---------------------------------------------------------------------------------------------------------- */

static void
assert_same_text(const char *a, const char *b) {
	if (a == NULL || b == NULL) {
		assert_true(a == NULL && b == NULL);
	} else {
		assert_string_equal(a, b);
	}
}

/* All but address, mask and ticket. A hardware type without an address is not kept. */
static void
assert_same_lease(const lessor_lease_t *a, const lessor_lease_t *b) {
	assert_int_equal(a->client_id_bytes, b->client_id_bytes);
	assert_memory_equal(a->client_id, b->client_id, a->client_id_bytes);
	assert_int_equal(a->client_type, b->client_type);
	assert_int_equal(a->address_state, b->address_state);
	assert_int_equal(a->quarantine_status, b->quarantine_status);
	assert_int_equal(a->quarantine_capable, b->quarantine_capable);
	assert_int_equal(a->client_id_made_up, b->client_id_made_up);
	assert_int_equal(a->dns_forward, b->dns_forward);
	assert_int_equal(a->dns_reverse, b->dns_reverse);
	assert_int_equal(a->hardware_bytes, b->hardware_bytes);
	if (a->hardware_bytes != 0) {
		assert_int_equal(a->hardware_type, b->hardware_type);
		assert_memory_equal(a->hardware, b->hardware, a->hardware_bytes);
	}
	assert_int_equal(a->last_transaction_s, b->last_transaction_s);
	assert_int_equal(a->expires_at, b->expires_at);
	assert_int_equal(a->probation_ends_at, b->probation_ends_at);
	assert_same_text(a->name, b->name);
	assert_same_text(a->comment, b->comment);
	assert_same_text(a->policy_name, b->policy_name);
	assert_same_text(a->owner_name, b->owner_name);
	assert_int_equal(a->owner_address, b->owner_address);
	assert_same_text(a->user_context, b->user_context);
	assert_int_equal(a->state_ex, b->state_ex);
	assert_int_equal(a->limit_keys, b->limit_keys);
	for (unsigned i = 0; i < a->limit_keys; i++) {
		assert_memory_equal(&a->limit_key[i], &b->limit_key[i], sizeof(a->limit_key[i]));
	}
}

/* Bytes that unpacking puts into the buffer. */
static size_t
buffer_needed(const lessor_lease_t *lease, const lsr_body_t *body) {
	const char *const texts[] = {lease->name, lease->comment, lease->policy_name, lease->owner_name,
				     lease->user_context};
	size_t needed = lease->client_id_bytes;
	for (size_t i = 0; i < COUNT(texts); i++) {
		needed += texts[i] != NULL ? strlen(texts[i]) + 1 : 0;
	}
	const bool apart = (body->flags & (LSR_FLAG_HARDWARE_IN_CLIENT | LSR_FLAG_HARDWARE_IS_CLIENT)) == 0;
	return needed + (apart ? lease->hardware_bytes : 0) + lease->limit_keys * sizeof(lease->limit_key[0]);
}

/* Unpacks into a buffer that fits exactly, after all smaller ones (or a few of them) were refused. */
static void
assert_unpacks_to(const lsr_body_t *body, const lessor_lease_t *lease) {
	const size_t needed = buffer_needed(lease, body);
	const size_t step = needed > 300 ? needed / 7 : 1;
	for (size_t size_bytes = 0; size_bytes < needed; size_bytes += step) {
		void *small = malloc(size_bytes);
		lessor_lease_t untouched;
		lessor_lease_t out;
		size_t used;
		memset(&untouched, 0x5A, sizeof(untouched));
		memcpy(&out, &untouched, sizeof(out));
		assert_int_equal(lsr_lease_unpack(body, &origins, &out, small, size_bytes, &used),
				 LESSOR_BUFFER_TOO_SMALL);
		assert_memory_equal(&out, &untouched, sizeof(out));
		free(small);
	}
	lessor_lease_t out;
	uint8_t *buffer = malloc(needed);
	size_t used = SIZE_MAX;
	assert_int_equal(lsr_lease_unpack(body, &origins, &out, buffer, needed, &used), LESSOR_OK);
	assert_true(used <= needed);
	assert_same_lease(&out, lease);
	assert_true(out.client_id >= buffer && out.client_id + out.client_id_bytes <= buffer + needed);
	assert_int_equal(out.ticket, body->lsn);
	free(buffer);
}

static void
assert_same_body(const lsr_body_t *a, const lsr_body_t *b) {
	lsr_body_t left = *a;
	lsr_body_t right = *b;
	assert_int_equal(a->tail == NULL, b->tail == NULL);
	if (a->tail != NULL) {
		assert_int_equal(a->tail->size_bytes, b->tail->size_bytes);
		assert_memory_equal(a->tail->bytes, b->tail->bytes, a->tail->size_bytes);
	}
	left.tail = right.tail = NULL;
	assert_memory_equal(&left, &right, sizeof(left));
}

/* The image of a body, in a block of exactly its size. */
static uint8_t *
image_of(const lsr_body_t *body, uint32_t address, size_t *size_bytes) {
	*size_bytes = lsr_image_bytes(body);
	uint8_t *image = malloc(*size_bytes);
	assert_non_null(image);
	lsr_image_put(image, address, body);
	return image;
}

static void
assert_image_round_trip(const lsr_body_t *body, uint32_t address) {
	size_t size_bytes;
	uint8_t *image = image_of(body, address, &size_bytes);
	lsr_body_t back;
	uint32_t back_address;
	assert_true(size_bytes <= LSR_IMAGE_MAX_BYTES);
	assert_int_equal(lsr_image_get(image, size_bytes, &back_address, &back), LESSOR_OK);
	assert_int_equal(back_address, address);
	back.lsn = body->lsn; /* not in the image: the log's position says it */
	assert_same_body(&back, body);
	lsr_tail_free(back.tail);
	free(image);
}

static void
pack(const lessor_lease_t *lease, uint16_t origin, lsr_body_t *body) {
	lsr_lease_sizes_t sizes;
	assert_true(lsr_lease_check(lease, LESSOR_FIELD_ALL, &sizes));
	assert_int_equal(lsr_lease_pack(lease, &sizes, origin, body), LESSOR_OK);
}

/* ---- where client id and name lie ------------------------------------------------------------------------------------------ */

static void
check_placement(const lessor_lease_t *lease) {
	lsr_body_t body;
	const size_t client_bytes = lease->client_id_bytes;
	const size_t name_bytes = lease->name != NULL ? strlen(lease->name) : 0;
	const bool client_inline = client_bytes <= LSR_INLINE_BYTES;
	const bool name_inline = (client_inline ? client_bytes : 0) + name_bytes <= LSR_INLINE_BYTES;
	pack(lease, LSR_ORIGIN_NONE, &body);
	assert_int_equal((body.flags & LSR_FLAG_CLIENT_IN_TAIL) == 0, client_inline);
	assert_int_equal((body.flags & LSR_FLAG_NAME) != 0, lease->name != NULL);
	assert_int_equal((body.flags & LSR_FLAG_NAME_IN_TAIL) != 0, lease->name != NULL && !name_inline);
	/* What the header promises: a client id and a name of together at most 20 bytes allocate nothing. */
	assert_int_equal(body.tail == NULL, client_inline && (lease->name == NULL || name_inline));
	const uint8_t *client = lsr_body_client(&body);
	assert_memory_equal(client, lease->client_id, client_bytes);
	assert_image_round_trip(&body, lease->address);
	assert_unpacks_to(&body, lease);
	lsr_tail_free(body.tail);
}

static void
every_placement_of_client_and_name(void **state) {
	(void)state;
	lsr_random_t random = lsr_random_stream(1);
	static const size_t clients[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,  13,
					 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 64, 254, 255};
	char name[64];
	uint8_t client[255];
	for (size_t c = 0; c < COUNT(clients); c++) {
		for (size_t name_bytes = 0; name_bytes <= 25; name_bytes++) {
			lessor_lease_t lease;
			lessor_lease_init(&lease);
			lsr_random_fill(&random, client, sizeof(client));
			memset(name, 'n', sizeof(name));
			name[name_bytes == 25 ? 0 : name_bytes] = '\0';
			lease.address = 0xC0000201u;
			lease.client_id = client;
			lease.client_id_bytes = (uint8_t)clients[c];
			lease.name = name_bytes == 25 ? NULL : name; /* "" and NULL are both among them */
			check_placement(&lease);
		}
	}
}

/* ---- hardware ----------------------------------------------------------------------------------------------------------------- */

static void
check_hardware(const uint8_t *client, uint8_t client_bytes, const uint8_t *hardware, uint8_t hardware_bytes,
	       uint8_t type, bool in_tail) {
	lessor_lease_t lease;
	lsr_body_t body;
	lessor_lease_init(&lease);
	lease.client_id = client;
	lease.client_id_bytes = client_bytes;
	lease.hardware = hardware;
	lease.hardware_bytes = hardware_bytes;
	lease.hardware_type = type;
	pack(&lease, LSR_ORIGIN_NONE, &body);
	assert_int_equal(body.tail != NULL, in_tail);
	assert_image_round_trip(&body, 1);
	assert_unpacks_to(&body, &lease);
	lsr_tail_free(body.tail);
}

/* An Ethernet address that the client id holds anyway is not stored a second time; anything else is. */
static void
hardware_shares_the_client_id(void **state) {
	(void)state;
	static const uint8_t id[] = {1, 0x00, 0x1C, 0x25, 0x80, 0xA0, 0x43};
	static const uint8_t other[] = {0x00, 0x1C, 0x25, 0x80, 0xA0, 0x44};
	check_hardware(id + 1, 6, id + 1, 6, 1, false); /* the same */
	check_hardware(id, 7, id + 1, 6, 1, false);     /* 01 in front */
	check_hardware(id, 7, id, 7, 1, false);
	check_hardware(id + 1, 6, id + 1, 6, 6, true); /* not Ethernet */
	check_hardware(id, 7, id + 1, 6, 6, true);
	check_hardware(id + 1, 6, other, 6, 1, true);
	check_hardware(id, 7, other, 6, 1, true);
	check_hardware(id, 7, id + 1, 5, 1, true); /* a part of it only */
	check_hardware(id, 6, id + 1, 6, 1, true);
	check_hardware(id, 1, id, 1, 1, false);
	check_hardware(id, 7, NULL, 0, 1, false);
	uint8_t longest[21];
	memset(longest, 1, sizeof(longest));
	check_hardware(longest, 20, longest, 20, 1, false);
	check_hardware(longest, 21, longest, 20, 1, true); /* shared, but the client id itself is in the tail */
	check_hardware(id, 7, longest, 20, 255, true);
}

/* ---- random leases ------------------------------------------------------------------------------------------------------------- */

/* Texts of a lease, with room for the longest. */
typedef struct {
	uint8_t client[LESSOR_CLIENT_ID_MAX_BYTES];
	uint8_t hardware[LESSOR_HARDWARE_MAX_BYTES];
	char name[LESSOR_NAME_MAX_BYTES + 1];
	char comment[LESSOR_NAME_MAX_BYTES + 1];
	char owner[LESSOR_NAME_MAX_BYTES + 1];
	char policy[LESSOR_POLICY_MAX_BYTES + 1];
	char context[LESSOR_USER_CONTEXT_MAX_BYTES + 1];
	lessor_limit_key_t limit_key[LESSOR_LIMIT_KEYS_MAX];
} lsr_texts_t;

/* NULL, empty, short, or up to the limit. */
static const char *
random_text(lsr_random_t *random, char *text, size_t max_bytes) {
	static const size_t small[] = {0, 1, 5, 13, 40};
	const uint64_t dice = lsr_random_below(random, 12);
	if (dice < 5) {
		return NULL;
	}
	const size_t length = dice == 5   ? max_bytes
			      : dice == 6 ? lsr_random_below(random, max_bytes + 1)
					  : small[dice % COUNT(small)];
	for (size_t i = 0; i < length; i++) {
		text[i] = (char)('!' + lsr_random_below(random, 90));
	}
	text[length] = '\0';
	return text;
}

static void
random_hardware(lsr_random_t *random, lsr_texts_t *texts, lessor_lease_t *lease) {
	lsr_random_fill(random, texts->hardware, sizeof(texts->hardware));
	lease->hardware = texts->hardware;
	lease->hardware_bytes = (uint8_t)lsr_random_below(random, LESSOR_HARDWARE_MAX_BYTES + 1);
	lease->hardware_type = (uint8_t)lsr_random_below(random, 3);
	if (lsr_random_below(random, 2) == 0 && lease->client_id_bytes <= LESSOR_HARDWARE_MAX_BYTES) {
		memcpy(texts->hardware, texts->client, lease->client_id_bytes);
		lease->hardware_bytes = lease->client_id_bytes;
	} else if (lsr_random_below(random, 2) == 0 && lease->client_id_bytes < LESSOR_HARDWARE_MAX_BYTES) {
		texts->client[0] = 1;
		memcpy(texts->hardware, texts->client + 1, lease->client_id_bytes - 1u);
		lease->hardware_bytes = (uint8_t)(lease->client_id_bytes - 1);
	}
}

/* Told apart by their first byte. */
static void
random_keys(lsr_random_t *random, lsr_texts_t *texts, lessor_lease_t *lease) {
	lease->limit_key = texts->limit_key;
	lease->limit_keys =
		(uint8_t)(lsr_random_below(random, 2) * lsr_random_below(random, LESSOR_LIMIT_KEYS_MAX + 1));
	memset(texts->limit_key, 0, sizeof(texts->limit_key));
	for (unsigned i = 0; i < lease->limit_keys; i++) {
		lessor_limit_key_t *key = &texts->limit_key[i];
		key->kind = (uint8_t)(LESSOR_LIMIT_CLASS + lsr_random_below(random, 2));
		key->size_bytes = (uint8_t)(1 + lsr_random_below(random, LESSOR_LIMIT_KEY_MAX_BYTES));
		lsr_random_fill(random, key->bytes, key->size_bytes);
		key->bytes[0] = (uint8_t)i;
	}
}

static void
random_lease(lsr_random_t *random, lsr_texts_t *texts, lessor_lease_t *lease) {
	lsr_random_fill(random, texts->client, sizeof(texts->client));
	const bool longish = lsr_random_below(random, 4) == 0;
	*lease = (lessor_lease_t){
		.address = (uint32_t)lsr_random_u64(random),
		.client_id = texts->client,
		.client_id_bytes = (uint8_t)(1 + lsr_random_below(random, longish ? 255 : 21)),
		.client_type = (uint8_t)(lsr_random_below(random, 9) == 8 ? 0x64 : lsr_random_below(random, 8)),
		.address_state = (uint8_t)(lsr_random_below(random, 64) << 2 | (1 + lsr_random_below(random, 3))),
		.quarantine_status = (uint8_t)lsr_random_below(random, 7),
		.quarantine_capable = lsr_random_below(random, 2) == 0,
		.client_id_made_up = lsr_random_below(random, 2) == 0,
		.state_ex = lsr_random_below(random, 2) == 0,
		.dns_forward = lsr_random_below(random, 2) == 0,
		.dns_reverse = lsr_random_below(random, 2) == 0,
		.last_transaction_s = (uint32_t)lsr_random_u64(random),
		.expires_at = lsr_random_u64(random),
		.probation_ends_at = lsr_random_below(random, 2) == 0 ? 0 : lsr_random_u64(random),
		.name = random_text(random, texts->name, LESSOR_NAME_MAX_BYTES),
		.comment = random_text(random, texts->comment, LESSOR_NAME_MAX_BYTES),
		.policy_name = random_text(random, texts->policy, LESSOR_POLICY_MAX_BYTES),
		.owner_name = random_text(random, texts->owner, LESSOR_NAME_MAX_BYTES),
		.owner_address = lsr_random_below(random, 2) == 0 ? 0 : (uint32_t)lsr_random_u64(random),
		.user_context = random_text(random, texts->context, LESSOR_USER_CONTEXT_MAX_BYTES),
	};
	random_hardware(random, texts, lease);
	random_keys(random, texts, lease);
}

/* With its origin interned, or in the tail. */
static void
random_body(lsr_random_t *random, const lessor_lease_t *lease, lsr_body_t *body) {
	lsr_lease_sizes_t sizes;
	assert_true(lsr_lease_check(lease, LESSOR_FIELD_ALL, &sizes));
	const lsr_origin_t origin = lsr_lease_origin(lease, &sizes);
	uint16_t number = LSR_ORIGIN_NONE;
	if (!lsr_origin_is_none(&origin) && lsr_random_below(random, 2) == 0) {
		number = lsr_origins_find(&origins, &origin);
		if (number == LSR_ORIGIN_NONE) {
			number = (uint16_t)lsr_origins_next_number(&origins);
			assert_true(lsr_origins_add(&origins, number, &origin));
		}
	}
	pack(lease, number, body);
	body->lsn = lsr_random_u64(random);
}

static void
random_leases_come_back(void **state) {
	(void)state;
	lsr_random_t random = lsr_random_stream(2);
	lsr_texts_t *texts = malloc(sizeof(*texts));
	assert_non_null(texts);
	for (unsigned round = 0; round < LSR_TEST_ROUNDS(5000); round++) {
		lessor_lease_t lease;
		lsr_body_t body;
		random_lease(&random, texts, &lease);
		random_body(&random, &lease, &body);
		assert_unpacks_to(&body, &lease);
		assert_image_round_trip(&body, lease.address);
		lsr_tail_free(body.tail);
	}
	free(texts);
}

/* All texts as long as they may be: it fits what is promised to fit. */
static void
the_longest_lease_fits(void **state) {
	(void)state;
	lsr_texts_t *texts = malloc(sizeof(*texts));
	assert_non_null(texts);
	memset(texts, 'x', sizeof(*texts));
	texts->name[LESSOR_NAME_MAX_BYTES] = texts->comment[LESSOR_NAME_MAX_BYTES] = '\0';
	texts->owner[LESSOR_NAME_MAX_BYTES] = texts->policy[LESSOR_POLICY_MAX_BYTES] = '\0';
	texts->context[LESSOR_USER_CONTEXT_MAX_BYTES] = '\0';
	lessor_lease_t lease;
	lessor_lease_init(&lease);
	lease.client_id = texts->client;
	lease.client_id_bytes = LESSOR_CLIENT_ID_MAX_BYTES;
	lease.hardware = texts->hardware;
	lease.hardware_bytes = LESSOR_HARDWARE_MAX_BYTES;
	lease.name = texts->name;
	lease.comment = texts->comment;
	lease.owner_name = texts->owner;
	lease.owner_address = 1;
	lease.policy_name = texts->policy;
	lease.user_context = texts->context;
	lease.probation_ends_at = 1;
	lsr_body_t body;
	pack(&lease, LSR_ORIGIN_NONE, &body);
	assert_unpacks_to(&body, &lease);
	assert_true(buffer_needed(&lease, &body) <= LESSOR_LEASE_BUFFER_BYTES);
	assert_image_round_trip(&body, UINT32_MAX);
	lsr_tail_free(body.tail);
	free(texts);
}

/* ---- reservations ------------------------------------------------------------------------------------------------------------------- */

static void
assert_reserved_for(const lsr_body_t *body, const lsr_reserved_t *want) {
	assert_true(lsr_body_is_reserved(body));
	const lsr_reserved_t is = lsr_body_reserved(body);
	assert_int_equal(is.client_types, want->client_types);
	assert_int_equal(is.client_id_bytes, want->client_id_bytes);
	assert_memory_equal(is.client_id, want->client_id, want->client_id_bytes);
}

/* For its own client or another one: everything else of the lease stays, and goes on staying when the reservation is gone. */
static void
reservations_come_and_go(void **state) {
	(void)state;
	lsr_random_t random = lsr_random_stream(5);
	lsr_texts_t *texts = malloc(sizeof(*texts));
	assert_non_null(texts);
	for (unsigned round = 0; round < LSR_TEST_ROUNDS(2000); round++) {
		uint8_t other[LESSOR_CLIENT_ID_MAX_BYTES];
		lessor_lease_t lease;
		lsr_body_t body;
		random_lease(&random, texts, &lease);
		random_body(&random, &lease, &body);
		lsr_random_fill(&random, other, sizeof(other));
		const bool own = lsr_random_below(&random, 3) == 0;
		const lsr_reserved_t wanted = {.client_id = own ? lease.client_id : other,
					       .client_id_bytes = own ? lease.client_id_bytes
								      : 1 + lsr_random_below(&random, sizeof(other)),
					       .client_types = (uint8_t)(1 + lsr_random_below(&random, 3))};
		lsr_body_t reserved = body;
		assert_int_equal(lsr_body_reserve(&reserved, &wanted), LESSOR_OK);
		assert_reserved_for(&reserved, &wanted);
		assert_image_round_trip(&reserved, lease.address);
		const bool is_doomed = (lease.address_state & LESSOR_STATE_MASK) == LESSOR_STATE_DOOM;
		assert_int_equal(lsr_body_counter(&reserved),
				 is_doomed ? LSR_COUNTER_RESERVED_DOOM : lsr_body_counter(&body));
		lessor_lease_t out;
		size_t used;
		uint8_t *buffer = malloc(LESSOR_LEASE_BUFFER_BYTES);
		assert_int_equal(lsr_lease_unpack(&reserved, &origins, &out, buffer, LESSOR_LEASE_BUFFER_BYTES, &used),
				 LESSOR_OK);
		assert_same_lease(&out, &lease);
		assert_true(out.is_reserved);
		free(buffer);
		lsr_body_t back = reserved;
		assert_int_equal(lsr_body_unreserve(&back), LESSOR_OK);
		assert_same_body(&back, &body);
		lsr_tail_free(back.tail);
		lsr_tail_free(reserved.tail);
		lsr_tail_free(body.tail);
	}
	free(texts);
}

#define IMAGE_STATE      21u
#define IMAGE_QUARANTINE 22u

/* The bits and the tail say the same, and an empty record is what an empty record is. */
static void
reservations_that_contradict_themselves_are_refused(void **state) {
	(void)state;
	static const uint8_t id[] = {1, 2, 3};
	static const uint8_t other[] = {4};
	lessor_lease_t lease;
	lsr_body_t plain;
	size_t size_bytes;
	uint32_t address;
	lsr_body_t out;
	lessor_lease_init(&lease);
	lease.client_id = id;
	lease.client_id_bytes = sizeof(id);
	pack(&lease, LSR_ORIGIN_NONE, &plain);
	const lsr_reserved_t own = {.client_id = id, .client_id_bytes = sizeof(id), .client_types = 3};
	const lsr_reserved_t foreign = {.client_id = other, .client_id_bytes = sizeof(other), .client_types = 3};
	lsr_body_t reserved = plain;
	lsr_body_t lent = plain;
	assert_int_equal(lsr_body_reserve(&reserved, &own), LESSOR_OK);
	assert_int_equal(lsr_body_reserve(&lent, &foreign), LESSOR_OK);
	const struct {
		const lsr_body_t *body;
		uint8_t state;
		uint8_t bits;
		lessor_status_t want;
	} cases[] = {
		{&plain, 1, 0, LESSOR_OK},
		{&plain, 1, LSR_BODY_STATE_EX, LESSOR_OK},
		{&plain, 1, LSR_BODY_NO_BIT, LESSOR_DAMAGED},
		{&plain, 0, 0, LESSOR_DAMAGED},
		{&plain, 1, LSR_BODY_RESERVED, LESSOR_DAMAGED},
		{&plain, 0, LSR_BODY_RESERVED | LSR_BODY_EMPTY, LESSOR_DAMAGED},
		{&reserved, 1, LSR_BODY_RESERVED, LESSOR_OK},
		{&reserved, 1, 0, LESSOR_DAMAGED},
		{&reserved, 0, LSR_BODY_RESERVED, LESSOR_DAMAGED},
		{&reserved, 1, LSR_BODY_RESERVED | LSR_BODY_EMPTY, LESSOR_DAMAGED},
		{&reserved, 0, LSR_BODY_RESERVED | LSR_BODY_EMPTY, LESSOR_OK},
		{&reserved, 0, LSR_BODY_EMPTY, LESSOR_DAMAGED},
		{&lent, 1, LSR_BODY_RESERVED, LESSOR_OK},
		{&lent, 0, LSR_BODY_RESERVED | LSR_BODY_EMPTY, LESSOR_DAMAGED},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *image = image_of(cases[i].body, 1, &size_bytes);
		image[IMAGE_STATE] = cases[i].state;
		image[IMAGE_QUARANTINE] = cases[i].bits;
		assert_int_equal(lsr_image_get(image, size_bytes, &address, &out), cases[i].want);
		if (cases[i].want == LESSOR_OK) {
			lsr_tail_free(out.tail);
		}
		free(image);
	}
	lsr_tail_free(reserved.tail);
	lsr_tail_free(lent.tail);
}

/* An IPv6 client is an IAID and at least one byte of DUID, also one for whom an address is reserved. */
static void
reservations_for_half_a_client_are_refused(void **state) {
	(void)state;
	static const uint8_t client[] = {0, 0, 0, 1, 2, 3};
	const lessor_address6_t at = {.high = 1, .low = 2};
	lessor_lease_t lease;
	lessor_address6_t address;
	lsr_body_t plain;
	lsr_body_t out;
	lessor_lease_init(&lease);
	lease.client_id = client;
	lease.client_id_bytes = sizeof(client);
	pack(&lease, LSR_ORIGIN_NONE, &plain);
	for (size_t bytes = 1; bytes < sizeof(client); bytes++) {
		const lsr_reserved_t foreign = {
			.client_id = client, .client_id_bytes = (uint16_t)bytes, .client_types = 3};
		lsr_body_t lent = plain;
		assert_int_equal(lsr_body_reserve(&lent, &foreign), LESSOR_OK);
		lent.address_state = LESSOR_STATE_ACTIVE;
		uint8_t image[256];
		lsr_image_put6(image, at, &lent);
		const lessor_status_t status =
			lsr_image_get6(image, lsr_image_bytes(&lent) + LSR_IMAGE6_MORE_BYTES, &address, &out);
		assert_int_equal(status, bytes > LSR_CLIENT6_HEAD_BYTES ? LESSOR_OK : LESSOR_DAMAGED);
		if (status == LESSOR_OK) {
			lsr_tail_free(out.tail);
		}
		lsr_tail_free(lent.tail);
	}
}

/* ---- what is refused ------------------------------------------------------------------------------------------------------------ */

static bool
is_accepted(const lessor_lease_t *lease, uint32_t fields) {
	lsr_lease_sizes_t sizes;
	return lsr_lease_check(lease, fields, &sizes);
}

static void
malformed_members_are_refused(void **state) {
	(void)state;
	static const uint8_t id[] = {1};
	char *longest = malloc(LESSOR_USER_CONTEXT_MAX_BYTES + 2);
	assert_non_null(longest);
	memset(longest, 'x', LESSOR_USER_CONTEXT_MAX_BYTES + 1);
	longest[LESSOR_USER_CONTEXT_MAX_BYTES + 1] = '\0';
	lessor_lease_t good;
	lessor_lease_init(&good);
	good.client_id = id;
	good.client_id_bytes = 1;
	assert_true(is_accepted(&good, LESSOR_FIELD_ALL));
#define REFUSES(field, member, value)                                                                                  \
	do {                                                                                                           \
		lessor_lease_t bad = good;                                                                             \
		bad.member = value;                                                                                    \
		assert_false(is_accepted(&bad, LESSOR_FIELD_ALL));                                                     \
		assert_false(is_accepted(&bad, field));                                                                \
		/* A member that is not named is not looked at. */                                                     \
		assert_true(is_accepted(&bad, LESSOR_FIELD_ALL & ~(uint32_t)(field)));                                 \
	} while (0)
	REFUSES(LESSOR_FIELD_CLIENT_ID, client_id, NULL);
	REFUSES(LESSOR_FIELD_CLIENT_ID, client_id_bytes, 0);
	REFUSES(LESSOR_FIELD_HARDWARE, hardware_bytes, 1); /* no hardware to go with it */
	REFUSES(LESSOR_FIELD_CLIENT_TYPE, client_type, 8);
	REFUSES(LESSOR_FIELD_CLIENT_TYPE, client_type, 0x63);
	REFUSES(LESSOR_FIELD_CLIENT_TYPE, client_type, 0x65);
	REFUSES(LESSOR_FIELD_CLIENT_TYPE, client_type, 0xFF);
	REFUSES(LESSOR_FIELD_QUARANTINE, quarantine_status, 7);
	REFUSES(LESSOR_FIELD_NAME, name, "\xFF");
	REFUSES(LESSOR_FIELD_COMMENT, comment, "\xC3");
	REFUSES(LESSOR_FIELD_OWNER, owner_name, "\xED\xA0\x80");
	REFUSES(LESSOR_FIELD_POLICY, policy_name, "\x80");
	REFUSES(LESSOR_FIELD_USER_CONTEXT, user_context, "\xC0\x80");
	REFUSES(LESSOR_FIELD_USER_CONTEXT, user_context, longest);
	longest[LESSOR_NAME_MAX_BYTES + 1] = '\0';
	REFUSES(LESSOR_FIELD_NAME, name, longest);
	REFUSES(LESSOR_FIELD_COMMENT, comment, longest);
	REFUSES(LESSOR_FIELD_OWNER, owner_name, longest);
	longest[LESSOR_POLICY_MAX_BYTES + 1] = '\0';
	REFUSES(LESSOR_FIELD_POLICY, policy_name, longest);
#undef REFUSES
	lessor_lease_t hardware = good;
	hardware.hardware = (const uint8_t *)longest;
	hardware.hardware_bytes = LESSOR_HARDWARE_MAX_BYTES;
	assert_true(is_accepted(&hardware, LESSOR_FIELD_ALL));
	hardware.hardware_bytes++;
	assert_false(is_accepted(&hardware, LESSOR_FIELD_ALL));
	for (uint8_t type = 0; type <= 7; type++) {
		good.client_type = type;
		assert_true(is_accepted(&good, LESSOR_FIELD_ALL));
	}
	free(longest);
}

/* ---- damage ----------------------------------------------------------------------------------------------------------------------- */

/* Refused; or sound: then it packs to these very bytes again, and can be unpacked without harm. */
static void
assert_refused_or_sound(const uint8_t *image, size_t size_bytes) {
	lsr_body_t body;
	uint32_t address;
	const lessor_status_t status = lsr_image_get(image, size_bytes, &address, &body);
	if (status != LESSOR_OK) {
		assert_int_equal(status, LESSOR_DAMAGED);
		return;
	}
	size_t back_bytes;
	uint8_t *back = image_of(&body, address, &back_bytes);
	assert_int_equal(back_bytes, size_bytes);
	assert_memory_equal(back, image, size_bytes);
	free(back);
	lessor_lease_t lease;
	uint8_t *buffer = malloc(LESSOR_LEASE_BUFFER_BYTES);
	size_t used;
	assert_int_equal(lsr_lease_unpack(&body, &origins, &lease, buffer, LESSOR_LEASE_BUFFER_BYTES, &used),
			 LESSOR_OK);
	assert_true(lease.client_id_bytes > 0);
	assert_true(lease.client_id >= buffer && lease.client_id < buffer + LESSOR_LEASE_BUFFER_BYTES);
	free(buffer);
	lsr_tail_free(body.tail);
}

static void
damage_every_length(const uint8_t *image, size_t size_bytes) {
	for (size_t length = 0; length < size_bytes; length++) {
		lsr_body_t body;
		uint32_t address;
		uint8_t *cut = malloc(length);
		memcpy(cut, image, length);
		assert_int_equal(lsr_image_get(cut, length, &address, &body), LESSOR_DAMAGED);
		free(cut);
	}
	lsr_body_t body;
	uint32_t address;
	uint8_t *longer = calloc(1, size_bytes + 1);
	memcpy(longer, image, size_bytes);
	assert_int_equal(lsr_image_get(longer, size_bytes + 1, &address, &body), LESSOR_DAMAGED);
	free(longer);
}

/* All 255 other values of each byte where that is little, some of them otherwise. */
static void
damage_every_byte(const uint8_t *image, size_t size_bytes, unsigned step) {
	uint8_t *copy = malloc(size_bytes);
	assert_non_null(copy);
	memcpy(copy, image, size_bytes);
	for (size_t at = 0; at < size_bytes; at++) {
		for (unsigned flip = 1; flip < 256; flip += step) {
			copy[at] = (uint8_t)(image[at] ^ flip);
			assert_refused_or_sound(copy, size_bytes);
		}
		copy[at] = image[at];
	}
	free(copy);
}

static void
damaged_images_are_refused_or_sound(void **state) {
	(void)state;
	lsr_random_t random = lsr_random_stream(3);
	lsr_texts_t *texts = malloc(sizeof(*texts));
	assert_non_null(texts);
	unsigned done = 0;
	while (done < LSR_TEST_ROUNDS(100)) {
		lessor_lease_t lease;
		lsr_body_t body;
		size_t size_bytes;
		random_lease(&random, texts, &lease);
		pack(&lease, LSR_ORIGIN_NONE, &body);
		if (done % 2 == 0) {
			lsr_tail_t *packed = body.tail;
			const lsr_reserved_t wanted = {
				.client_id = texts->client, .client_id_bytes = 5, .client_types = 1};
			assert_int_equal(lsr_body_reserve(&body, &wanted), LESSOR_OK);
			lsr_tail_free(packed);
		}
		uint8_t *image = image_of(&body, lease.address, &size_bytes);
		if (size_bytes < 1000) {
			damage_every_length(image, size_bytes);
			damage_every_byte(image, size_bytes, done < 10 ? 1 : 13);
			done++;
		}
		free(image);
		lsr_tail_free(body.tail);
	}
	free(texts);
}

/* Bytes that were never an image. */
static void
noise_is_refused_or_sound(void **state) {
	(void)state;
	lsr_random_t random = lsr_random_stream(4);
	for (unsigned round = 0; round < LSR_TEST_ROUNDS(200000); round++) {
		const size_t size_bytes = lsr_random_below(&random, 80);
		uint8_t *noise = malloc(size_bytes);
		lsr_random_fill(&random, noise, size_bytes);
		if (size_bytes >= LSR_IMAGE_HEAD_BYTES && round % 2 == 0) {
			/* Sizes that agree, so that the rest is looked at. */
			const uint32_t text_bytes = (uint32_t)lsr_random_below(&random, LSR_INLINE_BYTES + 1);
			const uint32_t left = (uint32_t)(size_bytes - LSR_IMAGE_HEAD_BYTES);
			const uint32_t used = text_bytes < left ? text_bytes : left;
			const uint32_t sizes = used | (left - used) << 8;
			memcpy(noise + 24, &sizes, 4);
			noise[18] = (uint8_t)used;
			noise[19] = 0;
			noise[23] &= (uint8_t) ~(LSR_FLAG_CLIENT_IN_TAIL | LSR_FLAG_NAME_IN_TAIL);
			if (left - used >= 4) {
				noise[LSR_IMAGE_HEAD_BYTES + used] = (uint8_t)lsr_random_below(&random, LSR_TAIL_KINDS);
				noise[LSR_IMAGE_HEAD_BYTES + used + 1] = 0;
				const uint16_t length = (uint16_t)(left - used - 4);
				memcpy(noise + LSR_IMAGE_HEAD_BYTES + used + 2, &length, 2);
			}
		}
		assert_refused_or_sound(noise, size_bytes);
		free(noise);
	}
}

/* ---- origins as images --------------------------------------------------------------------------------------------------------------- */

static void
check_origin_image(const lsr_origin_t *origin, uint32_t number) {
	const size_t size_bytes = lsr_origin_image_bytes(origin);
	uint8_t *image = malloc(size_bytes);
	lsr_origin_t back;
	uint32_t back_number = 0;
	lsr_origin_image_put(image, number, origin);
	assert_true(lsr_origin_image_get(image, size_bytes, &back_number, &back));
	assert_int_equal(back_number, number);
	assert_int_equal(back.owner_address, origin->owner_address);
	assert_int_equal(back.has_owner_name, origin->has_owner_name);
	assert_int_equal(back.has_policy, origin->has_policy);
	assert_int_equal(back.owner_name_bytes, origin->owner_name_bytes);
	assert_int_equal(back.policy_bytes, origin->policy_bytes);
	assert_memory_equal(back.owner_name, origin->owner_name, origin->owner_name_bytes);
	assert_memory_equal(back.policy_name, origin->policy_name, origin->policy_bytes);
	for (size_t length = 0; length < size_bytes; length++) {
		uint8_t *cut = malloc(length);
		memcpy(cut, image, length);
		assert_false(lsr_origin_image_get(cut, length, &back_number, &back));
		free(cut);
	}
	for (size_t at = 0; at < size_bytes; at++) {
		for (unsigned flip = 1; flip < 256; flip += 5) {
			image[at] = (uint8_t)(image[at] ^ flip);
			if (lsr_origin_image_get(image, size_bytes, &back_number, &back)) {
				uint8_t *again = malloc(size_bytes);
				assert_int_equal(lsr_origin_image_bytes(&back), size_bytes);
				lsr_origin_image_put(again, back_number, &back);
				assert_memory_equal(again, image, size_bytes);
				free(again);
			}
			image[at] = (uint8_t)(image[at] ^ flip);
		}
	}
	free(image);
}

static void
origins_come_back_or_are_refused(void **state) {
	(void)state;
	static char owner[] = "owner.example";
	static char policy[] = "policy";
	for (unsigned has = 0; has < 4; has++) {
		for (unsigned empty = 0; empty < 2; empty++) {
			const lsr_origin_t origin = {
				.owner_address = has % 2 == 0 ? 0 : 0x0A000001u,
				.has_owner_name = (has & 1) != 0,
				.has_policy = (has & 2) != 0,
				.owner_name_bytes = (uint16_t)((has & 1) != 0 && empty == 0 ? strlen(owner) : 0),
				.policy_bytes = (uint16_t)((has & 2) != 0 && empty == 0 ? strlen(policy) : 0),
				.owner_name = owner,
				.policy_name = policy};
			check_origin_image(&origin, 1);
			check_origin_image(&origin, LSR_ORIGINS_MAX);
		}
	}
}

/* ---- homes --------------------------------------------------------------------------------------------------------- */

/* A draft of nothing but a name, as lsr_lease6_pack_plain() makes it. */
static lsr_body_t
drafted(lsr_lease6_t *form, const char *name) {
	static const uint8_t duid[14] = {0, 1};
	lsr_body_t body = {0};
	lessor_lease6_t lease;
	lessor_lease6_init(&lease);
	lease.address.low = 1;
	lease.duid = duid;
	lease.duid_bytes = sizeof(duid);
	lease.name = name;
	assert_true(lsr_lease6_form(&lease, LESSOR_FIELD_ALL, form));
	form->preferred_expires_at = LESSOR_TIME_NONE;
	assert_true(lsr_lease6_pack_plain(form, LESSOR_STATE_ACTIVE, &body));
	assert_ptr_equal(body.tail, lsr_lease6_draft(form));
	return body;
}

static void
assert_named(const lsr_body_t *body, const char *name) {
	size_t name_bytes;
	const uint8_t *found = lsr_body_name(body, &name_bytes);
	assert_non_null(found);
	assert_int_equal(name_bytes, strlen(name));
	assert_memory_equal(found, name, name_bytes);
}

static void
a_home_is_for_one_at_a_time(void **state) {
	(void)state;
	_Alignas(lsr_tail_t) uint8_t memory[LSR_HOME_TAIL_BYTES] = {0};
	lsr_tail_t *home = (lsr_tail_t *)(void *)memory;
	lsr_lease6_t form[2];
	lsr_body_t first = drafted(&form[0], "first");
	lsr_body_t second = drafted(&form[1], "second-sixteen-x");
	assert_true(lsr_body_move_in(&first, home));
	assert_ptr_equal(first.tail, home);
	assert_true(lsr_body_move_in(&second, home));
	assert_ptr_not_equal(second.tail, home);
	assert_ptr_not_equal(second.tail, lsr_lease6_draft(&form[1]));
	assert_named(&first, "first");
	assert_named(&second, "second-sixteen-x");
	/* Out again, as if nothing had been: then there is room. */
	lsr_body_move_out(&first, lsr_lease6_draft(&form[0]));
	assert_ptr_equal(first.tail, lsr_lease6_draft(&form[0]));
	assert_named(&first, "first");
	assert_true(lsr_body_move_in(&second, home));
	assert_ptr_equal(second.tail, home);
	assert_named(&second, "second-sixteen-x");
	/* What is freed was nobody's. */
	lsr_tail_free(second.tail);
	assert_true(lsr_body_move_in(&first, home));
	assert_ptr_equal(first.tail, home);
	lsr_lease6_t longer;
	lessor_lease6_t lease;
	lessor_lease6_init(&lease);
	lease.address.low = 1;
	lease.duid = memory;
	lease.duid_bytes = 14;
	lease.name = "seventeen-bytes-x";
	assert_true(lsr_lease6_form(&lease, LESSOR_FIELD_ALL, &longer));
	assert_false(lsr_lease6_pack_plain(&longer, LESSOR_STATE_ACTIVE, &first));
}

typedef struct {
	_Atomic bool inside;
	_Atomic bool leave;
} lsr_reader_t;

static void *
read_for_long(void *argument) {
	lsr_reader_t *reader = argument;
	lsr_rcu_enter();
	atomic_store(&reader->inside, true);
	while (!atomic_load(&reader->leave)) {
		(void)usleep(1000);
	}
	lsr_rcu_leave();
	return NULL;
}

static void
a_home_is_left_alone_while_somebody_reads(void **state) {
	(void)state;
	_Alignas(lsr_tail_t) uint8_t memory[LSR_HOME_TAIL_BYTES] = {0};
	lsr_tail_t *home = (lsr_tail_t *)(void *)memory;
	lsr_lease6_t form[2];
	lsr_reader_t reader = {0};
	pthread_t thread;
	lsr_body_t body = drafted(&form[0], "who reads this");
	assert_true(lsr_body_move_in(&body, home));
	assert_int_equal(pthread_create(&thread, NULL, read_for_long, &reader), 0);
	while (!atomic_load(&reader.inside)) {
		(void)usleep(1000);
	}
	lsr_rcu_enter();
	lsr_tail_retire(body.tail);
	lsr_rcu_leave();
	for (unsigned i = 0; i < 100; i++) {
		lsr_body_t next = drafted(&form[1], "who comes next");
		assert_true(lsr_body_move_in(&next, home));
		assert_ptr_not_equal(next.tail, home);
		assert_named(&body, "who reads this");
		lsr_tail_free(next.tail);
		(void)usleep(1000);
	}
	atomic_store(&reader.leave, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	lsr_body_t next = {0};
	for (unsigned i = 0; i < 30000 && next.tail != home; i++) {
		lsr_tail_free(next.tail);
		(void)usleep(1000);
		next = drafted(&form[1], "who comes next");
		assert_true(lsr_body_move_in(&next, home));
	}
	assert_ptr_equal(next.tail, home);
	assert_named(&next, "who comes next");
}

/* The words of a lease know their own short id, with a name right behind it, from each that is longer, shorter or another in one bit. */
static void
short_ids_are_told_apart(void **state) {
	(void)state;
	for (size_t bytes = 1; bytes <= 12; bytes++) {
		uint8_t id[12];
		lsr_body_t body;
		lsr_words_t words;
		for (size_t i = 0; i < sizeof(id); i++) {
			id[i] = (uint8_t)(0xA1 + 17 * i);
		}
		const lessor_lease_t lease = {
			.address = 1, .client_id = id, .client_id_bytes = (uint8_t)bytes, .name = "~~~~~~~~"};
		assert_true(lsr_lease_pack_plain(&lease, LESSOR_STATE_ACTIVE, &body));
		memcpy(&words, &body, sizeof(words));
		assert_true(lsr_words_are_plain(&words));
		/* What stands behind the id, too: nobody may be taken for who has it as the end of a longer one. */
		memset(id + bytes, '~', sizeof(id) - bytes);
		for (size_t asked = LSR_SHORT_ID_MIN_BYTES; asked <= LSR_SHORT_ID_MAX_BYTES; asked++) {
			assert_int_equal(lsr_words_have_short_id(&words, id, asked), asked == bytes);
		}
		for (size_t bit = 0;
		     bytes >= LSR_SHORT_ID_MIN_BYTES && bytes <= LSR_SHORT_ID_MAX_BYTES && bit < 8 * bytes; bit++) {
			uint8_t other[12];
			memcpy(other, id, sizeof(other));
			other[bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_false(lsr_words_have_short_id(&words, other, bytes));
		}
	}
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_placement_of_client_and_name, make_origins, drop_origins),
		cmocka_unit_test_setup_teardown(hardware_shares_the_client_id, make_origins, drop_origins),
		cmocka_unit_test_setup_teardown(random_leases_come_back, make_origins, drop_origins),
		cmocka_unit_test_setup_teardown(the_longest_lease_fits, make_origins, drop_origins),
		cmocka_unit_test_setup_teardown(reservations_come_and_go, make_origins, drop_origins),
		cmocka_unit_test(reservations_for_half_a_client_are_refused),
		cmocka_unit_test(reservations_that_contradict_themselves_are_refused),
		cmocka_unit_test(malformed_members_are_refused),
		cmocka_unit_test_setup_teardown(damaged_images_are_refused_or_sound, make_origins, drop_origins),
		cmocka_unit_test_setup_teardown(noise_is_refused_or_sound, make_origins, drop_origins),
		cmocka_unit_test(short_ids_are_told_apart),
		cmocka_unit_test(origins_come_back_or_are_refused),
		cmocka_unit_test(a_home_is_for_one_at_a_time),
		cmocka_unit_test(a_home_is_left_alone_while_somebody_reads),
	};
	(void)lsr_test_seed();
	return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
