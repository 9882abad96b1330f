/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPv6 leases in the form that everything behind the calls is written for: an IPv4 lease whose client id is IAID and DUID, and beside it what such a lease has
 * no member for.
 */
#ifndef LSR_CODEC6_H
#define LSR_CODEC6_H

#include <lessor/lease6.h>

#include "lease/codec.h"

/* 'lease' borrows from what it was made of and from 'client'. */
typedef struct lsr_lease6 {
	lessor_lease_t lease; /* its client_id_bytes is at most 255, its address not 0 */
	lessor_address6_t address;
	lessor_address6_t owner;
	lessor_filetime_t preferred_expires_at; /* 0: it has none of its own */
	size_t client_bytes;
	_Alignas(lsr_tail_t) uint8_t draft[LSR_HOME_TAIL_BYTES]; /* of a lease that is being made: lsr_lease6_draft() */
	uint8_t client[LSR_CLIENT6_MAX_BYTES];
} lsr_lease6_t;

/* Where a short tail is put together, and waits for a record that it can stay with. */
static inline lsr_tail_t *
lsr_lease6_draft(lsr_lease6_t *form) {
	return (lsr_tail_t *)(void *)form->draft;
}

/*
 * The form of a lease, as far as 'fields' (LESSOR_FIELD_...) names its members; the others are empty. False: DUID or address are not in order. The rest is for lsr_lease_check(),
 * which this has to follow: lsr_lease6_extend().
 */
bool lsr_lease6_form(const lessor_lease6_t *lease, uint32_t fields, lsr_lease6_t *form);

/* Only the client id. False: the DUID is not in order. */
bool lsr_lease6_form_client(lsr_lease6_t *form, const uint8_t *duid, size_t duid_bytes, uint32_t iaid);

/* What lsr_lease_check() could not know. */
static inline void
lsr_lease6_extend(const lsr_lease6_t *form, lsr_lease_sizes_t *sizes) {
	sizes->client = form->client_bytes;
	sizes->preferred_expires_at = form->preferred_expires_at;
	sizes->owner6 = form->owner;
}

/* Is there anything but what IPv4 leases have, too? */
static inline bool
lsr_lease6_is_rare(const lsr_lease6_t *form) {
	return form->preferred_expires_at != LESSOR_TIME_NONE || (form->owner.high | form->owner.low) != 0;
}

/*
 * As lsr_lease_pack_plain(), of a form that is not rare. A name that has no room in the body but would have at home goes into a tail that is the form's draft. address_state is stored
 * as given.
 */
bool lsr_lease6_pack_plain(lsr_lease6_t *form, uint8_t address_state, lsr_body_t *body);

/* Body -> form, as lsr_lease_unpack(); address is the caller's to set, the client id lies in the buffer. */
lessor_status_t lsr_lease6_unpack_form(const lsr_body_t *body, const lsr_origins_t *origins, lsr_lease6_t *form,
				       void *buffer, size_t buffer_bytes, size_t *used_bytes);

/* Body -> lease, likewise. */
lessor_status_t lsr_lease6_unpack(const lsr_body_t *body, const lsr_origins_t *origins, lessor_lease6_t *lease,
				  void *buffer, size_t buffer_bytes, size_t *used_bytes);

#endif
