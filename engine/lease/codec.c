/* SPDX-License-Identifier: Apache-2.0 */
#include "lease/codec.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define ITEM_HEAD_BYTES LSR_TAIL_ITEM_HEAD_BYTES

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "images are written as they lie in memory");

/* ---- checking -------------------------------------------------------------------------------------------------- */

static bool
check_client(const lessor_lease_t *lease) {
	return lease->client_id != NULL && lease->client_id_bytes > 0;
}

static bool
check_hardware(const lessor_lease_t *lease) {
	return lease->hardware_bytes == 0 ||
	       (lease->hardware_bytes <= LESSOR_HARDWARE_MAX_BYTES && lease->hardware != NULL);
}

static bool
check_client_type(uint8_t type) {
	return type <= (LESSOR_CLIENT_BOTH | LESSOR_CLIENT_RESERVATION_FLAG) || type == LESSOR_CLIENT_NONE;
}

bool
lsr_limit_key_check(const lessor_limit_key_t *key) {
	return (key->kind == LESSOR_LIMIT_CLASS || key->kind == LESSOR_LIMIT_TAG) && key->size_bytes >= 1 &&
	       key->size_bytes <= LESSOR_LIMIT_KEY_MAX_BYTES;
}

static bool
check_limit_keys(const lessor_lease_t *lease) {
	if (lease->limit_keys > LESSOR_LIMIT_KEYS_MAX || (lease->limit_keys != 0 && lease->limit_key == NULL)) {
		return false;
	}
	for (unsigned i = 0; i < lease->limit_keys; i++) {
		const lessor_limit_key_t *key = &lease->limit_key[i];
		if (!lsr_limit_key_check(key)) {
			return false;
		}
		for (unsigned other = 0; other < i; other++) {
			/* Head and bytes lie side by side. */
			if (memcmp(key, &lease->limit_key[other], LSR_LIMIT_KEY_HEAD_BYTES + key->size_bytes) == 0) {
				return false;
			}
		}
	}
	return true;
}

bool
lsr_lease_check(const lessor_lease_t *lease, uint32_t fields, lsr_lease_sizes_t *sizes) {
	memset(sizes, 0, sizeof(*sizes));
	sizes->client = (fields & LESSOR_FIELD_CLIENT_ID) ? lease->client_id_bytes : 0;
	if ((fields & LESSOR_FIELD_NAME) && !lsr_text_measure(lease->name, LESSOR_NAME_MAX_BYTES, &sizes->name)) {
		return false;
	}
	if ((fields & LESSOR_FIELD_COMMENT) &&
	    !lsr_text_measure(lease->comment, LESSOR_NAME_MAX_BYTES, &sizes->comment)) {
		return false;
	}
	if ((fields & LESSOR_FIELD_USER_CONTEXT) &&
	    !lsr_text_measure(lease->user_context, LESSOR_USER_CONTEXT_MAX_BYTES, &sizes->context)) {
		return false;
	}
	if ((fields & LESSOR_FIELD_OWNER) &&
	    !lsr_text_measure(lease->owner_name, LESSOR_NAME_MAX_BYTES, &sizes->owner_name)) {
		return false;
	}
	if ((fields & LESSOR_FIELD_POLICY) &&
	    !lsr_text_measure(lease->policy_name, LESSOR_POLICY_MAX_BYTES, &sizes->policy)) {
		return false;
	}
	return (!(fields & LESSOR_FIELD_CLIENT_ID) || check_client(lease)) &&
	       (!(fields & LESSOR_FIELD_HARDWARE) || check_hardware(lease)) &&
	       (!(fields & LESSOR_FIELD_CLIENT_TYPE) || check_client_type(lease->client_type)) &&
	       (!(fields & LESSOR_FIELD_LIMIT_KEYS) || check_limit_keys(lease)) &&
	       (!(fields & LESSOR_FIELD_QUARANTINE) || lease->quarantine_status <= LESSOR_NO_QUARANTINE_INFO);
}

/* ---- tails ----------------------------------------------------------------------------------------------------- */

/* In memory of its own: behind what retires it. NULL: there is none. */
static lsr_tail_t *
new_tail(size_t size_bytes) {
	lsr_rcu_head_t *head = malloc(sizeof(*head) + sizeof(lsr_tail_t) + size_bytes);
	if (head == NULL) {
		return NULL;
	}
	lsr_tail_t *tail = (lsr_tail_t *)(void *)(head + 1);
	tail->size_bytes = (uint16_t)size_bytes;
	atomic_init(&tail->place, LSR_TAIL_HEAP);
	return tail;
}

static lsr_rcu_head_t *
head_of(lsr_tail_t *tail) {
	return (lsr_rcu_head_t *)(void *)tail - 1;
}

static unsigned
place_of(const lsr_tail_t *tail) {
	return atomic_load_explicit(&tail->place, memory_order_acquire); /* T2 */
}

void
lsr_tail_free(lsr_tail_t *tail) {
	if (tail == NULL) {
		return;
	}
	if (LSR_UNLIKELY(place_of(tail) == LSR_TAIL_HEAP)) {
		free(head_of(tail));
	} else if (place_of(tail) == LSR_TAIL_HOME) {
		atomic_store_explicit(&tail->place, LSR_TAIL_EMPTY, memory_order_release); /* T1 */
	}
}

static void
free_retired(lsr_rcu_head_t *head) {
	free(head);
}

void
lsr_tail_retire(lsr_tail_t *tail) {
	if (tail == NULL) {
		return;
	}
	if (place_of(tail) == LSR_TAIL_HEAP) {
		lsr_rcu_defer(head_of(tail), free_retired);
	} else {
		atomic_store_explicit(&tail->place, (uint16_t)(LSR_TAIL_LEFT | lsr_rcu_stamp()),
				      memory_order_release); /* T1 */
	}
}

static bool
is_vacant(const lsr_tail_t *home) {
	const unsigned place = place_of(home);
	return place == LSR_TAIL_EMPTY ||
	       ((place & LSR_TAIL_LEFT) != 0 && lsr_rcu_is_past((uint16_t)(place & ~(unsigned)LSR_TAIL_LEFT)));
}

static void
copy_tail(lsr_tail_t *to, const lsr_tail_t *from) {
	to->size_bytes = from->size_bytes;
	memcpy(to->bytes, from->bytes, from->size_bytes);
}

bool
lsr_body_move_in_slowly(lsr_body_t *body, lsr_tail_t *home) {
	lsr_tail_t *tail = body->tail;
	if (LSR_LIKELY(tail->size_bytes <= LSR_HOME_TEXT_BYTES) && LSR_LIKELY(is_vacant(home))) {
		copy_tail(home, tail);
		atomic_store_explicit(&home->place, LSR_TAIL_HOME, memory_order_relaxed);
		lsr_tail_free(tail);
		body->tail = home;
	} else if (place_of(tail) == LSR_TAIL_DRAFT) {
		body->tail = new_tail(tail->size_bytes);
		if (body->tail == NULL) {
			body->tail = tail;
			return false;
		}
		copy_tail(body->tail, tail);
	}
	return true;
}

void
lsr_body_move_out(lsr_body_t *body, lsr_tail_t *draft) {
	lsr_tail_t *tail = body->tail;
	if (tail != NULL && place_of(tail) == LSR_TAIL_HOME) {
		copy_tail(draft, tail);
		atomic_init(&draft->place, LSR_TAIL_DRAFT);
		body->tail = draft;
		lsr_tail_free(tail);
	}
}

/* The items of a tail under construction: what goes in, or is absent (NULL). */
typedef struct {
	const void *data[LSR_TAIL_KINDS];
	size_t size_bytes[LSR_TAIL_KINDS];
} lsr_items_t;

static void
add_item(lsr_items_t *items, unsigned kind, const void *data, size_t size_bytes) {
	items->data[kind] = data;
	items->size_bytes[kind] = size_bytes;
}

static size_t
items_bytes(const lsr_items_t *items) {
	size_t total = 0;
	for (unsigned kind = 1; kind < LSR_TAIL_KINDS; kind++) {
		total += items->data[kind] != NULL ? ITEM_HEAD_BYTES + items->size_bytes[kind] : 0;
	}
	return total;
}

static lsr_tail_t *
build_tail(const lsr_items_t *items, size_t total) {
	lsr_tail_t *tail = new_tail(total);
	if (tail == NULL) {
		return NULL;
	}
	uint8_t *to = tail->bytes;
	for (unsigned kind = 1; kind < LSR_TAIL_KINDS; kind++) {
		if (items->data[kind] == NULL) {
			continue;
		}
		const uint16_t length = (uint16_t)items->size_bytes[kind];
		to[0] = (uint8_t)kind;
		to[1] = 0;
		memcpy(to + 2, &length, sizeof(length));
		memcpy(to + ITEM_HEAD_BYTES, items->data[kind], length);
		to += ITEM_HEAD_BYTES + length;
	}
	return tail;
}

/* Find an item; NULL if absent. Tails in memory are well-formed. */
static const uint8_t *
find_item(const lsr_tail_t *tail, unsigned kind, size_t *size_bytes) {
	const uint8_t *at = tail != NULL ? tail->bytes : NULL;
	const uint8_t *end = tail != NULL ? tail->bytes + tail->size_bytes : NULL;
	while (at < end) {
		uint16_t length;
		memcpy(&length, at + 2, sizeof(length));
		if (at[0] == kind) {
			*size_bytes = length;
			return at + ITEM_HEAD_BYTES;
		}
		at += ITEM_HEAD_BYTES + length;
	}
	*size_bytes = 0;
	return NULL;
}

const uint8_t *
lsr_tail_item(const lsr_tail_t *tail, unsigned kind, size_t *size_bytes) {
	return find_item(tail, kind, size_bytes);
}

/* ---- packing --------------------------------------------------------------------------------------------------- */

lsr_origin_t
lsr_lease_origin(const lessor_lease_t *lease, const lsr_lease_sizes_t *sizes) {
	union {
		const char *in;
		char *out; /* only read until the table has made its own copy */
	} owner = {.in = lease->owner_name}, policy = {.in = lease->policy_name};
	return (lsr_origin_t){.owner_address = lease->owner_address,
			      .owner_name_bytes = (uint16_t)sizes->owner_name,
			      .policy_bytes = (uint16_t)sizes->policy,
			      .has_owner_name = lease->owner_name != NULL,
			      .has_policy = lease->policy_name != NULL,
			      .owner_name = owner.out,
			      .policy_name = policy.out};
}

bool
lsr_origin_is_none(const lsr_origin_t *origin) {
	return origin->owner_address == 0 && !origin->has_owner_name && !origin->has_policy;
}

/* Client id and name: inline if both fit, else the id alone, else whatever does. */
static void
place_texts(const lessor_lease_t *lease, const lsr_lease_sizes_t *sizes, lsr_body_t *body, lsr_items_t *items) {
	const size_t client_bytes = sizes->client;
	size_t used = 0;
	if (client_bytes <= LSR_INLINE_BYTES) {
		memcpy(body->text, lease->client_id, client_bytes);
		used = client_bytes;
	} else {
		body->flags |= LSR_FLAG_CLIENT_IN_TAIL;
		add_item(items, LSR_TAIL_CLIENT, lease->client_id, client_bytes);
	}
	if (lease->name == NULL) {
		return;
	}
	body->flags |= LSR_FLAG_NAME;
	if (used + sizes->name <= LSR_INLINE_BYTES) {
		memcpy(body->text + used, lease->name, sizes->name);
		body->name_bytes = (uint8_t)sizes->name;
	} else {
		body->flags |= LSR_FLAG_NAME_IN_TAIL;
		add_item(items, LSR_TAIL_NAME, lease->name, sizes->name);
	}
}

/* The flag that stands for a hardware address which the client id tells; 0 if it has to be kept by itself. */
static uint8_t
hardware_flag(const lessor_lease_t *lease) {
	const size_t count = lease->hardware_bytes;
	if (lease->hardware_type == 1 && lease->client_id_bytes == count &&
	    memcmp(lease->client_id, lease->hardware, count) == 0) {
		return LSR_FLAG_HARDWARE_IS_CLIENT;
	}
	if (lease->hardware_type == 1 && lease->client_id_bytes == count + 1 && lease->client_id[0] == 1 &&
	    memcmp(lease->client_id + 1, lease->hardware, count) == 0) {
		return LSR_FLAG_HARDWARE_IN_CLIENT;
	}
	return 0;
}

static void
place_origin(const lessor_lease_t *lease, const lsr_lease_sizes_t *sizes, lsr_items_t *items) {
	if (lease->owner_name != NULL) {
		add_item(items, LSR_TAIL_OWNER_NAME, lease->owner_name, sizes->owner_name);
	}
	if (lease->owner_address != 0) {
		add_item(items, LSR_TAIL_OWNER_ADDRESS, &lease->owner_address, sizeof(lease->owner_address));
	}
	if (lease->policy_name != NULL) {
		add_item(items, LSR_TAIL_POLICY, lease->policy_name, sizes->policy);
	}
}

/* Everything of the lease lies in the body: the common case. */
static bool
fits_body(const lessor_lease_t *lease, const lsr_lease_sizes_t *sizes, uint16_t origin, const lsr_body_t *body) {
	return sizes->client + sizes->name <= LSR_INLINE_BYTES && lease->comment == NULL && lease->limit_keys == 0 &&
	       sizes->preferred_expires_at == LESSOR_TIME_NONE && (sizes->owner6.high | sizes->owner6.low) == 0 &&
	       lease->user_context == NULL && lease->probation_ends_at == LESSOR_TIME_NONE &&
	       (lease->hardware_bytes == 0 ||
		(body->flags & (LSR_FLAG_HARDWARE_IS_CLIENT | LSR_FLAG_HARDWARE_IN_CLIENT)) != 0) &&
	       (origin != LSR_ORIGIN_NONE ||
		(lease->owner_name == NULL && lease->policy_name == NULL && lease->owner_address == 0));
}

/* Returns the size of the item. */
static size_t
put_limit_keys(const lessor_lease_t *lease, uint8_t item[LSR_LIMIT_KEYS_MAX_BYTES]) {
	uint8_t *to = item;
	for (unsigned i = 0; i < lease->limit_keys; i++) {
		const size_t bytes = LSR_LIMIT_KEY_HEAD_BYTES + lease->limit_key[i].size_bytes;
		memcpy(to, &lease->limit_key[i], bytes);
		to += bytes;
	}
	return (size_t)(to - item);
}

static lessor_status_t
pack_tail(const lessor_lease_t *lease, const lsr_lease_sizes_t *sizes, uint16_t origin, lsr_body_t *body) {
	lsr_items_t items = {0};
	uint8_t hardware[1 + LESSOR_HARDWARE_MAX_BYTES];
	uint8_t limit_keys[LSR_LIMIT_KEYS_MAX_BYTES];
	place_texts(lease, sizes, body, &items);
	if (lease->hardware_bytes != 0 &&
	    (body->flags & (LSR_FLAG_HARDWARE_IS_CLIENT | LSR_FLAG_HARDWARE_IN_CLIENT)) == 0) {
		hardware[0] = lease->hardware_type;
		memcpy(hardware + 1, lease->hardware, lease->hardware_bytes);
		add_item(&items, LSR_TAIL_HARDWARE, hardware, lease->hardware_bytes + 1u);
	}
	if (lease->comment != NULL) {
		add_item(&items, LSR_TAIL_COMMENT, lease->comment, sizes->comment);
	}
	if (lease->user_context != NULL) {
		add_item(&items, LSR_TAIL_CONTEXT, lease->user_context, sizes->context);
	}
	if (lease->probation_ends_at != LESSOR_TIME_NONE) {
		add_item(&items, LSR_TAIL_PROBATION, &lease->probation_ends_at, sizeof(lease->probation_ends_at));
	}
	if (sizes->preferred_expires_at != LESSOR_TIME_NONE) {
		add_item(&items, LSR_TAIL_PREFERRED, &sizes->preferred_expires_at, sizeof(sizes->preferred_expires_at));
	}
	if ((sizes->owner6.high | sizes->owner6.low) != 0) {
		add_item(&items, LSR_TAIL_OWNER6, &sizes->owner6, sizeof(sizes->owner6));
	}
	if (lease->limit_keys != 0) {
		add_item(&items, LSR_TAIL_LIMIT_KEYS, limit_keys, put_limit_keys(lease, limit_keys));
	}
	if (origin == LSR_ORIGIN_NONE) {
		place_origin(lease, sizes, &items);
	}
	const size_t total = items_bytes(&items);
	if (total > LSR_TAIL_MAX_BYTES) {
		return LESSOR_INVALID;
	}
	body->tail = build_tail(&items, total);
	return body->tail != NULL ? LESSOR_OK : LESSOR_NO_MEMORY;
}

lessor_status_t
lsr_lease_pack(const lessor_lease_t *lease, const lsr_lease_sizes_t *sizes, uint16_t origin, lsr_body_t *body) {
	*body = (lsr_body_t){
		.expires_at = lease->expires_at,
		.last_transaction_s = lease->last_transaction_s,
		.origin = origin,
		.client_id_bytes = lease->client_id_bytes,
		.client_type = lease->client_type,
		.address_state = lease->address_state,
		.quarantine =
			(uint8_t)(lease->quarantine_status | (lease->quarantine_capable ? LSR_QUARANTINE_CAPABLE : 0) |
				  (lease->state_ex ? LSR_BODY_STATE_EX : 0)),
		.flags = (uint8_t)((lease->dns_forward ? LSR_FLAG_DNS_FORWARD : 0) |
				   (lease->dns_reverse ? LSR_FLAG_DNS_REVERSE : 0) |
				   (lease->client_id_made_up ? LSR_FLAG_CLIENT_MADE_UP : 0) |
				   (lease->hardware_bytes != 0 ? hardware_flag(lease) : 0)),
	};
	if (LSR_UNLIKELY(!fits_body(lease, sizes, origin, body))) {
		return pack_tail(lease, sizes, origin, body);
	}
	memcpy(body->text, lease->client_id, lease->client_id_bytes);
	if (lease->name != NULL) {
		memcpy(body->text + lease->client_id_bytes, lease->name, sizes->name);
		body->name_bytes = (uint8_t)sizes->name;
		body->flags |= LSR_FLAG_NAME;
	}
	return LESSOR_OK;
}

/* ---- reservations ---------------------------------------------------------------------------------------------- */

/* Take a well-formed tail apart. */
static void
load_items(const lsr_tail_t *tail, lsr_items_t *items) {
	const uint8_t *at = tail != NULL ? tail->bytes : NULL;
	const uint8_t *end = tail != NULL ? tail->bytes + tail->size_bytes : NULL;
	while (at < end) {
		uint16_t length;
		memcpy(&length, at + 2, sizeof(length));
		add_item(items, at[0], at + ITEM_HEAD_BYTES, length);
		at += ITEM_HEAD_BYTES + length;
	}
}

lsr_reserved_t
lsr_body_reserved(const lsr_body_t *body) {
	size_t size_bytes;
	const uint8_t *item = find_item(body->tail, LSR_TAIL_RESERVATION, &size_bytes);
	lsr_reserved_t reserved = {.client_id = lsr_body_client(body), .client_id_bytes = lsr_body_client_bytes(body)};
	if (item == NULL) {
		return reserved; /* cannot be */
	}
	reserved.client_types = item[0];
	if (size_bytes > 1) {
		reserved.client_id = item + 1;
		reserved.client_id_bytes = size_bytes - 1;
	}
	return reserved;
}

lessor_status_t
lsr_body_reserve(lsr_body_t *body, const lsr_reserved_t *reserved) {
	lsr_items_t items = {0};
	uint8_t item[1 + LSR_CLIENT6_MAX_BYTES] = {reserved->client_types};
	size_t item_bytes = 1;
	load_items(body->tail, &items);
	if (reserved->client_id_bytes != lsr_body_client_bytes(body) ||
	    memcmp(reserved->client_id, lsr_body_client(body), reserved->client_id_bytes) != 0) {
		memcpy(item + 1, reserved->client_id, reserved->client_id_bytes);
		item_bytes += reserved->client_id_bytes;
	}
	add_item(&items, LSR_TAIL_RESERVATION, item, item_bytes);
	lsr_tail_t *tail = build_tail(&items, items_bytes(&items));
	if (tail == NULL) {
		return LESSOR_NO_MEMORY;
	}
	body->tail = tail;
	body->quarantine |= LSR_BODY_RESERVED;
	return LESSOR_OK;
}

lessor_status_t
lsr_body_unreserve(lsr_body_t *body) {
	lsr_items_t items = {0};
	load_items(body->tail, &items);
	add_item(&items, LSR_TAIL_RESERVATION, NULL, 0);
	add_item(&items, LSR_TAIL_PREFERRED, NULL, 0);
	const size_t total = items_bytes(&items);
	lsr_tail_t *tail = total != 0 ? build_tail(&items, total) : NULL;
	if (tail == NULL && total != 0) {
		return LESSOR_NO_MEMORY;
	}
	body->tail = tail;
	body->quarantine &= (uint8_t) ~(LSR_BODY_RESERVED | LSR_BODY_EMPTY);
	return LESSOR_OK;
}

/* ---- unpacking ------------------------------------------------------------------------------------------------- */

const uint8_t *
lsr_body_client(const lsr_body_t *body) {
	size_t ignored;
	return LSR_LIKELY((body->flags & LSR_FLAG_CLIENT_IN_TAIL) == 0)
		       ? body->text
		       : find_item(body->tail, LSR_TAIL_CLIENT, &ignored);
}

size_t
lsr_body_long_client_bytes(const lsr_body_t *body) {
	size_t size_bytes;
	return find_item(body->tail, LSR_TAIL_CLIENT, &size_bytes) != NULL ? size_bytes : body->client_id_bytes;
}

const uint8_t *
lsr_body_name(const lsr_body_t *body, size_t *name_bytes) {
	if ((body->flags & LSR_FLAG_NAME_IN_TAIL) != 0) {
		return find_item(body->tail, LSR_TAIL_NAME, name_bytes);
	}
	*name_bytes = body->name_bytes;
	const size_t skip = (body->flags & LSR_FLAG_CLIENT_IN_TAIL) != 0 ? 0 : body->client_id_bytes;
	return (body->flags & LSR_FLAG_NAME) != 0 ? body->text + skip : NULL;
}

/* Copies into the caller's buffer, or only tries whether everything fits. */
typedef struct {
	uint8_t *at;
	size_t left_bytes;
	bool full;
	bool trying;
} lsr_copier_t;

static const void *
copy_bytes(lsr_copier_t *copier, const void *data, size_t size_bytes) {
	if (copier->full || size_bytes > copier->left_bytes) {
		copier->full = true;
		return NULL;
	}
	void *to = copier->at;
	if (LSR_LIKELY(!copier->trying)) {
		memcpy(to, data, size_bytes);
	}
	copier->at += size_bytes;
	copier->left_bytes -= size_bytes;
	return to;
}

static const char *
copy_text(lsr_copier_t *copier, const void *data, size_t size_bytes) {
	char *to = (char *)copier->at;
	if (data == NULL || copy_bytes(copier, data, size_bytes) == NULL || copy_bytes(copier, "", 1) == NULL) {
		return NULL;
	}
	return to;
}

static const char *
copy_item(lsr_copier_t *copier, const lsr_tail_t *tail, unsigned kind) {
	size_t size_bytes;
	const uint8_t *data = find_item(tail, kind, &size_bytes);
	return copy_text(copier, data, size_bytes);
}

const uint8_t *
lsr_limit_key_next(const uint8_t *at, const uint8_t *end) {
	return at == end ? NULL : at + LSR_LIMIT_KEY_HEAD_BYTES + at[1];
}

/* One structure for each, without alignment, behind the texts. */
static void
unpack_limit_keys(const lsr_tail_t *tail, lessor_lease_t *lease, lsr_copier_t *copier) {
	size_t size_bytes;
	const uint8_t *at = find_item(tail, LSR_TAIL_LIMIT_KEYS, &size_bytes);
	if (LSR_LIKELY(at == NULL)) {
		return;
	}
	lessor_limit_key_t keys[LESSOR_LIMIT_KEYS_MAX] = {0};
	unsigned count = 0;
	for (const uint8_t *end = at + size_bytes, *next; (next = lsr_limit_key_next(at, end)) != NULL; at = next) {
		memcpy(&keys[count++], at, (size_t)(next - at));
	}
	lease->limit_keys = (uint8_t)count;
	lease->limit_key = copy_bytes(copier, keys, count * sizeof(keys[0]));
}

static void
unpack_tail(const lsr_tail_t *tail, lessor_lease_t *lease, lsr_copier_t *copier) {
	size_t size_bytes;
	lease->comment = copy_item(copier, tail, LSR_TAIL_COMMENT);
	lease->user_context = copy_item(copier, tail, LSR_TAIL_CONTEXT);
	const uint8_t *item = find_item(tail, LSR_TAIL_HARDWARE, &size_bytes);
	if (item != NULL) {
		lease->hardware_type = item[0];
		lease->hardware_bytes = (uint8_t)(size_bytes - 1);
		lease->hardware = copy_bytes(copier, item + 1, size_bytes - 1);
	}
	item = find_item(tail, LSR_TAIL_PROBATION, &size_bytes);
	if (item != NULL) {
		memcpy(&lease->probation_ends_at, item, sizeof(lease->probation_ends_at));
	}
	unpack_limit_keys(tail, lease, copier);
}

static void
unpack_origin(const lsr_body_t *body, const lsr_origins_t *origins, lessor_lease_t *lease, lsr_copier_t *copier) {
	if (body->origin != LSR_ORIGIN_NONE) {
		const lsr_origin_t *origin = lsr_origins_get(origins, body->origin);
		if (origin != NULL) {
			lease->owner_address = origin->owner_address;
			lease->owner_name = origin->has_owner_name
						    ? copy_text(copier, origin->owner_name, origin->owner_name_bytes)
						    : NULL;
			lease->policy_name = origin->has_policy
						     ? copy_text(copier, origin->policy_name, origin->policy_bytes)
						     : NULL;
		}
		return;
	}
	if (body->tail == NULL) {
		return;
	}
	size_t size_bytes;
	lease->owner_name = copy_item(copier, body->tail, LSR_TAIL_OWNER_NAME);
	lease->policy_name = copy_item(copier, body->tail, LSR_TAIL_POLICY);
	const uint8_t *item = find_item(body->tail, LSR_TAIL_OWNER_ADDRESS, &size_bytes);
	if (item != NULL) {
		memcpy(&lease->owner_address, item, sizeof(lease->owner_address));
	}
}

static lessor_lease_t
unpack_with(const lsr_body_t *body, const lsr_origins_t *origins, lsr_copier_t *copier) {
	lessor_lease_t out;
	lsr_unpack_members(body, &out);
	const bool client_inline = (body->flags & LSR_FLAG_CLIENT_IN_TAIL) == 0;
	out.client_id = copy_bytes(copier, lsr_body_client(body), lsr_body_client_bytes(body));
	if ((body->flags & LSR_FLAG_NAME_IN_TAIL) != 0) {
		out.name = copy_item(copier, body->tail, LSR_TAIL_NAME);
	} else if ((body->flags & LSR_FLAG_NAME) != 0) {
		out.name =
			copy_text(copier, body->text + (client_inline ? body->client_id_bytes : 0), body->name_bytes);
	}
	if (body->tail != NULL) {
		unpack_tail(body->tail, &out, copier);
	}
	lsr_unpack_hardware(body, &out);
	unpack_origin(body, origins, &out, copier);
	return out;
}

lessor_status_t
lsr_lease_unpack_fully(const lsr_body_t *body, const lsr_origins_t *origins, lessor_lease_t *lease, void *buffer,
		       size_t buffer_bytes, size_t *used_bytes) {
	/* A buffer that is too small is left as it is, so try first, unless it surely suffices. */
	if (buffer_bytes < LESSOR_LEASE_BUFFER_BYTES) {
		lsr_copier_t trial = {.at = buffer, .left_bytes = buffer_bytes, .trying = true};
		(void)unpack_with(body, origins, &trial);
		if (trial.full) {
			return LESSOR_BUFFER_TOO_SMALL;
		}
	}
	lsr_copier_t copier = {.at = buffer, .left_bytes = buffer_bytes};
	*lease = unpack_with(body, origins, &copier);
	*used_bytes = buffer_bytes - copier.left_bytes;
	return LESSOR_OK;
}

/* ---- images ---------------------------------------------------------------------------------------------------- */

/* Whole keys, each of a known kind and no two the same. */
static bool
limit_keys_are_sound(const uint8_t *at, size_t size_bytes) {
	const uint8_t *key[LESSOR_LIMIT_KEYS_MAX];
	size_t bytes[LESSOR_LIMIT_KEYS_MAX];
	unsigned count = 0;
	while (size_bytes != 0) {
		if (count == LESSOR_LIMIT_KEYS_MAX || size_bytes < LSR_LIMIT_KEY_HEAD_BYTES ||
		    (at[0] != LESSOR_LIMIT_CLASS && at[0] != LESSOR_LIMIT_TAG) || at[1] == 0 ||
		    at[1] > LESSOR_LIMIT_KEY_MAX_BYTES || size_bytes < LSR_LIMIT_KEY_HEAD_BYTES + at[1]) {
			return false;
		}
		key[count] = at;
		bytes[count] = LSR_LIMIT_KEY_HEAD_BYTES + at[1];
		for (unsigned other = 0; other < count; other++) {
			if (bytes[other] == bytes[count] && memcmp(key[other], at, bytes[count]) == 0) {
				return false;
			}
		}
		at += bytes[count];
		size_bytes -= bytes[count++];
	}
	return count != 0;
}

/* May an item of this kind have this length, and these bytes? */
static bool
item_is_sound(unsigned kind, const uint8_t *at, size_t length, const lsr_body_t *body, bool is_six) {
	switch (kind) {
	case LSR_TAIL_CLIENT:
		return (body->flags & LSR_FLAG_CLIENT_IN_TAIL) != 0 &&
		       (length == body->client_id_bytes || (is_six && body->client_id_bytes == UINT8_MAX &&
							    length > UINT8_MAX && length <= LSR_CLIENT6_MAX_BYTES));
	case LSR_TAIL_NAME:
		return (body->flags & LSR_FLAG_NAME_IN_TAIL) != 0 && length <= LESSOR_NAME_MAX_BYTES;
	case LSR_TAIL_COMMENT:
	case LSR_TAIL_OWNER_NAME:
		return length <= LESSOR_NAME_MAX_BYTES;
	case LSR_TAIL_HARDWARE:
		return length > 1 && length <= 1 + LESSOR_HARDWARE_MAX_BYTES;
	case LSR_TAIL_CONTEXT:
		return length <= LESSOR_USER_CONTEXT_MAX_BYTES;
	case LSR_TAIL_PROBATION:
		return length == 8;
	case LSR_TAIL_OWNER_ADDRESS:
		return length == 4;
	case LSR_TAIL_POLICY:
		return length <= LESSOR_POLICY_MAX_BYTES;
	case LSR_TAIL_RESERVATION:
		return lsr_body_is_reserved(body) && length >= 1 &&
		       length <= 1 + (is_six ? LSR_CLIENT6_MAX_BYTES : LESSOR_CLIENT_ID_MAX_BYTES) &&
		       (length == 1 || (!lsr_body_is_empty(body) && (!is_six || length > 1 + LSR_CLIENT6_HEAD_BYTES)));
	case LSR_TAIL_LIMIT_KEYS:
		return limit_keys_are_sound(at, length);
	case LSR_TAIL_PREFERRED:
		return is_six && length == sizeof(lessor_filetime_t);
	case LSR_TAIL_OWNER6:
		return is_six && length == sizeof(lessor_address6_t);
	default:
		return false;
	}
}

static bool
tail_is_sound(const uint8_t *at, size_t size_bytes, const lsr_body_t *body, bool is_six) {
	const uint8_t *end = at + size_bytes;
	unsigned last_kind = 0;
	unsigned seen = 0;
	while (at < end) {
		uint16_t length;
		if ((size_t)(end - at) < ITEM_HEAD_BYTES) {
			return false;
		}
		memcpy(&length, at + 2, sizeof(length));
		if (at[0] <= last_kind || at[1] != 0 || length > (size_t)(end - at) - ITEM_HEAD_BYTES ||
		    !item_is_sound(at[0], at + ITEM_HEAD_BYTES, length, body, is_six)) {
			return false;
		}
		last_kind = at[0];
		seen |= 1u << last_kind;
		at += ITEM_HEAD_BYTES + length;
	}
	return ((body->flags & LSR_FLAG_CLIENT_IN_TAIL) == 0 || (seen >> LSR_TAIL_CLIENT & 1) != 0) &&
	       ((body->flags & LSR_FLAG_NAME_IN_TAIL) == 0 || (seen >> LSR_TAIL_NAME & 1) != 0) &&
	       (!lsr_body_is_reserved(body) || (seen >> LSR_TAIL_RESERVATION & 1) != 0);
}

/* What is empty is reserved, and nothing else says OFFERED: the counters rest on it. */
static bool
bits_are_sound(const lsr_body_t *body) {
	const bool is_offered = (body->address_state & LESSOR_STATE_MASK) == LESSOR_STATE_OFFERED;
	return (body->quarantine & LSR_BODY_NO_BIT) == 0 && lsr_body_is_empty(body) == is_offered &&
	       (!lsr_body_is_empty(body) || lsr_body_is_reserved(body));
}

/* What stands behind the address, as lsr_image_put_body() takes it. */
static lessor_status_t
get_body(const uint8_t *image, size_t size_bytes, lsr_body_t *body, bool is_six) {
	if (size_bytes < LSR_IMAGE_HEAD_BYTES) {
		return LESSOR_DAMAGED;
	}
	/* In place: a copy in pieces that is moved as a whole waits for its pieces. */
	*body = (lsr_body_t){0};
	uint32_t sizes;
	memcpy(&body->last_transaction_s, image + 4, 4);
	memcpy(&body->expires_at, image + 8, 8);
	memcpy(&body->origin, image + 16, 8);
	memcpy(&sizes, image + 24, 4);
	const size_t text_bytes = sizes & 0xFF;
	const size_t tail_bytes = sizes >> 8;
	const bool name_elsewhere = (body->flags & LSR_FLAG_NAME) == 0 || (body->flags & LSR_FLAG_NAME_IN_TAIL) != 0;
	if (text_bytes > LSR_INLINE_BYTES || text_bytes != lsr_body_inline_bytes(body) ||
	    tail_bytes > LSR_TAIL_MAX_BYTES || size_bytes != LSR_IMAGE_HEAD_BYTES + text_bytes + tail_bytes ||
	    body->client_id_bytes == 0 || (name_elsewhere && body->name_bytes != 0) || !bits_are_sound(body) ||
	    !tail_is_sound(image + LSR_IMAGE_HEAD_BYTES + text_bytes, tail_bytes, body, is_six)) {
		return LESSOR_DAMAGED;
	}
	lsr_copy_short(body->text, image + LSR_IMAGE_HEAD_BYTES, text_bytes);
	if (tail_bytes != 0) {
		body->tail = new_tail(tail_bytes);
		if (body->tail == NULL) {
			return LESSOR_NO_MEMORY;
		}
		memcpy(body->tail->bytes, image + LSR_IMAGE_HEAD_BYTES + text_bytes, tail_bytes);
	}
	return LESSOR_OK;
}

lessor_status_t
lsr_image_get(const uint8_t *image, size_t size_bytes, uint32_t *address, lsr_body_t *body) {
	if (size_bytes < LSR_IMAGE_HEAD_BYTES) {
		return LESSOR_DAMAGED;
	}
	memcpy(address, image, sizeof(*address));
	return get_body(image, size_bytes, body, false);
}

lessor_status_t
lsr_image_get6(const uint8_t *image, size_t size_bytes, lessor_address6_t *address, lsr_body_t *body) {
	if (size_bytes < LSR_IMAGE_HEAD_BYTES + LSR_IMAGE6_MORE_BYTES) {
		return LESSOR_DAMAGED;
	}
	memcpy(address, image, sizeof(*address));
	const lessor_status_t status =
		get_body(image + LSR_IMAGE6_MORE_BYTES, size_bytes - LSR_IMAGE6_MORE_BYTES, body, true);
	if (status == LESSOR_OK && body->client_id_bytes <= LSR_CLIENT6_HEAD_BYTES) {
		lsr_tail_free(body->tail);
		return LESSOR_DAMAGED;
	}
	return status;
}

/* ---- origins ---------------------------------------------------------------------------------------------------- */

#define ORIGIN_HEAD_BYTES 12u

size_t
lsr_origin_image_bytes(const lsr_origin_t *origin) {
	return ORIGIN_HEAD_BYTES + (size_t)origin->owner_name_bytes + origin->policy_bytes;
}

void
lsr_origin_image_put(uint8_t *image, uint32_t number, const lsr_origin_t *origin) {
	const uint16_t short_number = (uint16_t)number;
	memcpy(image, &short_number, 2);
	image[2] = (uint8_t)((origin->has_owner_name ? 1 : 0) | (origin->has_policy ? 2 : 0));
	image[3] = 0;
	memcpy(image + 4, &origin->owner_address, 4);
	memcpy(image + 8, &origin->owner_name_bytes, 2);
	memcpy(image + 10, &origin->policy_bytes, 2);
	if (origin->has_owner_name) {
		memcpy(image + ORIGIN_HEAD_BYTES, origin->owner_name, origin->owner_name_bytes);
	}
	if (origin->has_policy) {
		memcpy(image + ORIGIN_HEAD_BYTES + origin->owner_name_bytes, origin->policy_name, origin->policy_bytes);
	}
}

bool
lsr_origin_image_get(const uint8_t *image, size_t size_bytes, uint32_t *number, lsr_origin_t *origin) {
	uint16_t short_number;
	if (size_bytes < ORIGIN_HEAD_BYTES || image[2] > 3 || image[3] != 0) {
		return false;
	}
	memset(origin, 0, sizeof(*origin));
	memcpy(&short_number, image, 2);
	memcpy(&origin->owner_address, image + 4, 4);
	memcpy(&origin->owner_name_bytes, image + 8, 2);
	memcpy(&origin->policy_bytes, image + 10, 2);
	union {
		const uint8_t *in;
		char *out; /* only read until the table has made its own copy */
	} text = {.in = image + ORIGIN_HEAD_BYTES};
	origin->has_owner_name = (image[2] & 1) != 0;
	origin->has_policy = (image[2] & 2) != 0;
	origin->owner_name = text.out;
	origin->policy_name = text.out + origin->owner_name_bytes;
	*number = short_number;
	return size_bytes == lsr_origin_image_bytes(origin) && short_number != 0 &&
	       origin->owner_name_bytes <= LESSOR_NAME_MAX_BYTES && origin->policy_bytes <= LESSOR_POLICY_MAX_BYTES &&
	       (origin->has_owner_name || origin->owner_name_bytes == 0) &&
	       (origin->has_policy || origin->policy_bytes == 0);
}
