/* SPDX-License-Identifier: Apache-2.0 */
#include "lease/codec6.h"

#include <string.h>

static_assert(LSR_CLIENT6_MAX_BYTES == LSR_CLIENT6_HEAD_BYTES + LESSOR_DUID_MAX_BYTES, "IAID and the longest DUID");

bool
lsr_lease6_form_client(lsr_lease6_t *form, const uint8_t *duid, size_t duid_bytes, uint32_t iaid) {
	if (duid == NULL || duid_bytes == 0 || duid_bytes > LESSOR_DUID_MAX_BYTES) {
		return false;
	}
	const uint32_t head = __builtin_bswap32(iaid);
	memcpy(form->client, &head, sizeof(head));
	if (LSR_LIKELY(duid_bytes <= 32)) {
		lsr_copy_short(form->client + LSR_CLIENT6_HEAD_BYTES, duid, duid_bytes);
	} else {
		memcpy(form->client + LSR_CLIENT6_HEAD_BYTES, duid, duid_bytes);
	}
	form->client_bytes = LSR_CLIENT6_HEAD_BYTES + duid_bytes;
	form->lease.client_id = form->client;
	form->lease.client_id_bytes = (uint8_t)lsr_min_u64(form->client_bytes, UINT8_MAX);
	return true;
}

bool
lsr_lease6_form(const lessor_lease6_t *lease, uint32_t fields, lsr_lease6_t *form) {
	/* In halves, which take some stores each; the whole is cleared by an instruction that is slow for so little. */
	const size_t half_bytes = sizeof(form->lease) / 2;
	memset(&form->lease, 0, half_bytes);
	memset((char *)&form->lease + half_bytes, 0, sizeof(form->lease) - half_bytes);
	form->lease.address = 1;
	form->lease.address_state = lease->address_state;
	form->lease.dns_forward = lease->dns_forward;
	form->lease.dns_reverse = lease->dns_reverse;
	form->lease.hardware_type = lease->hardware_type;
	form->lease.hardware_bytes = lease->hardware_bytes;
	form->lease.hardware = lease->hardware;
	form->lease.last_transaction_s = lease->last_transaction_s;
	form->lease.expires_at = lease->expires_at;
	form->lease.name = lease->name;
	form->lease.comment = lease->comment;
	form->lease.user_context = lease->user_context;
	form->lease.limit_keys = lease->limit_keys;
	form->lease.limit_key = lease->limit_key;
	form->address = lease->address;
	form->owner = (fields & LESSOR_FIELD_OWNER) != 0 ? lease->owner_address : (lessor_address6_t){0};
	form->preferred_expires_at =
		(fields & LESSOR_FIELD_EXPIRES) != 0 && lease->preferred_expires_at < lease->expires_at
			? lease->preferred_expires_at
			: LESSOR_TIME_NONE;
	form->client_bytes = 0;
	return (lease->address.high | lease->address.low) != 0 &&
	       ((fields & LESSOR_FIELD_CLIENT_ID) == 0 ||
		lsr_lease6_form_client(form, lease->duid, lease->duid_bytes, lease->iaid));
}

/* A tail of nothing but a name. */
static lsr_tail_t *
draft_name(lsr_lease6_t *form, const char *name, size_t name_bytes) {
	lsr_tail_t *draft = lsr_lease6_draft(form);
	const uint32_t head = LSR_TAIL_NAME | (uint32_t)name_bytes << 16;
	draft->size_bytes = (uint16_t)(sizeof(head) + name_bytes);
	atomic_init(&draft->place, LSR_TAIL_DRAFT);
	memcpy(draft->bytes, &head, sizeof(head));
	lsr_copy_short(draft->bytes + sizeof(head), name, name_bytes);
	return draft;
}

bool
lsr_lease6_pack_plain(lsr_lease6_t *form, uint8_t address_state, lsr_body_t *body) {
	const char *name = form->lease.name;
	size_t name_bytes = 0;
	/* One that is no short ASCII may still have room beside a short DUID. */
	const bool fits = name == NULL ||
			  !lsr_text_is_short_ascii(name, LSR_HOME_TEXT_BYTES - LSR_TAIL_ITEM_HEAD_BYTES, &name_bytes) ||
			  form->client_bytes + name_bytes <= LSR_INLINE_BYTES;
	form->lease.name = fits ? name : NULL;
	const bool packed = lsr_lease_pack_plain(&form->lease, address_state, body);
	form->lease.name = name;
	if (packed && !fits) {
		body->flags |= LSR_FLAG_NAME | LSR_FLAG_NAME_IN_TAIL;
		body->tail = draft_name(form, name, name_bytes);
	}
	return packed;
}

static void
fill_extras(const lsr_body_t *body, lessor_filetime_t *preferred, lessor_address6_t *owner) {
	size_t size_bytes;
	const uint8_t *item = lsr_tail_item(body->tail, LSR_TAIL_PREFERRED, &size_bytes);
	if (item != NULL) {
		memcpy(preferred, item, sizeof(*preferred));
	}
	item = lsr_tail_item(body->tail, LSR_TAIL_OWNER6, &size_bytes);
	if (item != NULL) {
		memcpy(owner, item, sizeof(*owner));
	}
}

lessor_status_t
lsr_lease6_unpack_form(const lsr_body_t *body, const lsr_origins_t *origins, lsr_lease6_t *form, void *buffer,
		       size_t buffer_bytes, size_t *used_bytes) {
	const lessor_status_t status = lsr_lease_unpack(body, origins, &form->lease, buffer, buffer_bytes, used_bytes);
	if (status == LESSOR_OK) {
		form->client_bytes = lsr_body_client_bytes(body);
		form->preferred_expires_at = LESSOR_TIME_NONE;
		form->owner = (lessor_address6_t){0};
		fill_extras(body, &form->preferred_expires_at, &form->owner);
	}
	return status;
}

/* Texts that lie in the body and a tail of nothing but a short name, which is the common lease. False: go the long way. */
static bool
unpack_named(const lsr_body_t *body, lessor_lease_t *lease, uint8_t *to, size_t buffer_bytes, size_t *used_bytes) {
	const lsr_tail_t *tail = body->tail;
	const size_t name_bytes = (size_t)tail->size_bytes - LSR_TAIL_ITEM_HEAD_BYTES;
	if ((body->flags & (LSR_FLAG_NAME_IN_TAIL | LSR_FLAG_CLIENT_IN_TAIL)) != LSR_FLAG_NAME_IN_TAIL ||
	    tail->bytes[0] != LSR_TAIL_NAME || tail->size_bytes > LSR_HOME_TEXT_BYTES ||
	    name_bytes != (tail->bytes[2] | (size_t)tail->bytes[3] << 8) || body->origin != LSR_ORIGIN_NONE ||
	    buffer_bytes < LSR_INLINE_BYTES + LSR_HOME_TEXT_BYTES) {
		return false;
	}
	const size_t client_bytes = body->client_id_bytes;
	lsr_unpack_members(body, lease);
	memcpy(to, body->text, LSR_INLINE_BYTES);
	lsr_copy_short(to + client_bytes, tail->bytes + LSR_TAIL_ITEM_HEAD_BYTES, name_bytes);
	to[client_bytes + name_bytes] = '\0';
	lease->client_id = to;
	lease->name = (const char *)to + client_bytes;
	lsr_unpack_hardware(body, lease);
	*used_bytes = client_bytes + name_bytes + 1;
	return true;
}

lessor_status_t
lsr_lease6_unpack(const lsr_body_t *body, const lsr_origins_t *origins, lessor_lease6_t *lease, void *buffer,
		  size_t buffer_bytes, size_t *used_bytes) {
	lessor_lease_t from;
	const bool is_named =
		LSR_LIKELY(body->tail != NULL) && unpack_named(body, &from, buffer, buffer_bytes, used_bytes);
	const lessor_status_t status =
		is_named ? LESSOR_OK : lsr_lease_unpack(body, origins, &from, buffer, buffer_bytes, used_bytes);
	if (status != LESSOR_OK) {
		return status;
	}
	uint32_t head;
	memcpy(&head, from.client_id, sizeof(head));
	*lease = (lessor_lease6_t){.duid = from.client_id + LSR_CLIENT6_HEAD_BYTES,
				   .duid_bytes = (uint16_t)(lsr_body_client_bytes(body) - LSR_CLIENT6_HEAD_BYTES),
				   .iaid = __builtin_bswap32(head),
				   .address_state = from.address_state,
				   .hardware_type = from.hardware_type,
				   .hardware_bytes = from.hardware_bytes,
				   .dns_forward = from.dns_forward,
				   .dns_reverse = from.dns_reverse,
				   .hardware = from.hardware,
				   .last_transaction_s = from.last_transaction_s,
				   .expires_at = from.expires_at,
				   .preferred_expires_at = from.expires_at,
				   .name = from.name,
				   .comment = from.comment,
				   .user_context = from.user_context,
				   .ticket = from.ticket,
				   .is_reserved = from.is_reserved,
				   .limit_keys = from.limit_keys,
				   .limit_key = from.limit_key};
	if (body->tail != NULL && !is_named) {
		fill_extras(body, &lease->preferred_expires_at, &lease->owner_address);
	}
	return LESSOR_OK;
}
