/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPv6 leases and reservations.
 *
 * What <lessor/lease.h> says of leases holds here, with these differences. A client is a DUID together with an IAID; the pair is unique in a scope (RFC 8415
 * 12: clients choose IAIDs freely, 0 too). A lease has two expiries.
 * Cost: as for IPv4 leases, and the way through an index of the scope's addresses, which grows with the logarithm of their number. With a DUID of at most 16 bytes,
 * and a name of at most 16 or what the DUID leaves of that, no memory is allocated, but by the index for some ten leases at a time.
 * Source: MS-DHCPM 3.2.4.72 to 3.2.4.74, 3.2.4.125; RFC 8415.
 */
#ifndef LESSOR_LEASE6_H
#define LESSOR_LEASE6_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lessor/engine.h>
#include <lessor/lease.h>
#include <lessor/scope6.h>
#include <lessor/status.h>
#include <lessor/time.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LESSOR_DUID_MAX_BYTES 256u /* MS-DHCPM 3.2.4.72; RFC 8415 11.1 permits 130 */

typedef struct lessor_lease6 {
	lessor_address6_t address; /* required */
	const uint8_t *duid;       /* required */
	uint16_t duid_bytes;       /* 1 to LESSOR_DUID_MAX_BYTES */
	uint32_t iaid;
	uint8_t address_state; /* as in lessor_lease_t; 0 on create: ACTIVE */
	uint8_t hardware_type;
	uint8_t hardware_bytes;
	bool dns_forward;
	bool dns_reverse;
	const uint8_t *hardware;
	uint32_t last_transaction_s;
	lessor_filetime_t expires_at;           /* end of the valid lifetime */
	lessor_filetime_t preferred_expires_at; /* LESSOR_TIME_NONE, or later than expires_at: expires_at is stored */
	const char *name;                       /* UTF-8; NULL: none */
	const char *comment;
	lessor_address6_t owner_address; /* both 0: none */
	const char *user_context;
	lessor_ticket_t ticket; /* out only */
	bool is_reserved;       /* out only */
	uint8_t limit_keys;     /* as in lessor_lease_t */
	const lessor_limit_key_t *limit_key;
} lessor_lease6_t;

/* All zero but address_state ACTIVE, both expiries infinite. */
void lessor_lease6_init(lessor_lease6_t *lease);

/* Each as the function of the same name without the 6, with the same statuses; 'fields' are LESSOR_FIELD_... (LESSOR_FIELD_EXPIRES is both expiries, _CLIENT_ID DUID and IAID). */
lessor_status_t lessor_lease6_create(lessor_engine_t *engine, const lessor_lease6_t *lease, lessor_mode_t mode,
				     lessor_ticket_t *ticket);
lessor_status_t lessor_lease6_create_batch(lessor_engine_t *engine, const lessor_lease6_t *leases, size_t count,
					   lessor_status_t *statuses, lessor_mode_t mode, lessor_ticket_t *ticket);
lessor_status_t lessor_lease6_get(lessor_engine_t *engine, lessor_address6_t address, lessor_lease6_t *lease,
				  void *buffer, size_t buffer_bytes);
lessor_status_t lessor_lease6_get_client(lessor_engine_t *engine, uint64_t prefix, const uint8_t *duid,
					 size_t duid_bytes, uint32_t iaid, lessor_lease6_t *lease, void *buffer,
					 size_t buffer_bytes);

/* A client in one of the scopes. */
typedef struct lessor_client6 {
	uint64_t prefix;
	const uint8_t *duid;
	uint16_t duid_bytes;
	uint32_t iaid;
} lessor_client6_t;

/* Read many, as lessor_lease_get_batch() does; 64 bytes of the buffer for each lease are enough where DUID and name have together at most 32. */
lessor_status_t lessor_lease6_get_batch(lessor_engine_t *engine, const lessor_address6_t *addresses, size_t count,
					lessor_lease6_t *leases, void *buffer, size_t buffer_bytes,
					lessor_status_t *statuses);
lessor_status_t lessor_lease6_get_client_batch(lessor_engine_t *engine, const lessor_client6_t *clients, size_t count,
					       lessor_lease6_t *leases, void *buffer, size_t buffer_bytes,
					       lessor_status_t *statuses);

lessor_status_t lessor_lease6_find_name(lessor_engine_t *engine, const char *name, lessor_lease6_t *lease, void *buffer,
					size_t buffer_bytes);
lessor_status_t lessor_lease6_update(lessor_engine_t *engine, const lessor_lease6_t *lease, uint32_t fields,
				     lessor_mode_t mode, lessor_ticket_t *ticket);
lessor_status_t lessor_lease6_delete(lessor_engine_t *engine, lessor_address6_t address, lessor_mode_t mode,
				     lessor_ticket_t *ticket);

/*
 * Create a lease at a free address of a scope's pool: hint if it is free (0: none), otherwise one behind those that this thread was given before; the first one is somewhere in
 * the /64. The address that is reserved for the client comes before any other. As lessor_lease_allocate() otherwise.
 */
lessor_status_t lessor_lease6_allocate(lessor_engine_t *engine, uint64_t prefix, uint64_t hint, lessor_lease6_t *lease,
				       lessor_mode_t mode, lessor_ticket_t *ticket);

/* Iteration in ascending address order, as lessor_cursor_t. */
typedef struct lessor_cursor6 {
	lessor_address6_t next; /* private */
	lessor_address6_t last; /* private */
	uint64_t place;         /* private: of a sweep */
	bool at_end;            /* private */
} lessor_cursor6_t;

void lessor_cursor6_init(lessor_cursor6_t *cursor, lessor_address6_t first, lessor_address6_t last);
lessor_status_t lessor_lease6_next(lessor_engine_t *engine, lessor_cursor6_t *cursor, lessor_lease6_t *lease,
				   void *buffer, size_t buffer_bytes);

/* How many leases there are from first to last, both inclusive. Cost: a few nanoseconds for each; some hundred in a scope of which addresses are offered, or reserved without a lease. */
lessor_status_t lessor_lease6_count(lessor_engine_t *engine, lessor_address6_t first, lessor_address6_t last,
				    uint64_t *count);

#define LESSOR_RESERVATIONS6_OUTSIDE_MAX 1024u

/* A reservation: as in <lessor/reservation.h>, with these differences. */
typedef struct lessor_reservation6 {
	lessor_address6_t address;
	const uint8_t *duid;
	uint16_t duid_bytes; /* 1 to LESSOR_DUID_MAX_BYTES */
	uint32_t iaid;
	bool has_lease;  /* out only: there is a lease at the address */
	bool is_dormant; /* out only: and it has no expiry */
} lessor_reservation6_t;

/*
 * Reserve an address for a client, whatever leases there are.
 * Ensures:   on LESSOR_OK the reservation is there. A lease of another client at the address is deleted. A lease that the client has in the scope stays if it is at the
 *            address; at another address that is not reserved it is replaced by one at this address, with its members; if that address is reserved, for another client,
 *            the lease stays, and this address is empty. A client without a lease gets a dormant one, without owner. After a crash all of it is there, or nothing.
 *            An address with another prefix than the scope's is accepted, and only noted: no lease comes with it, and nobody is kept from anything.
 * Returns:   LESSOR_OK; LESSOR_NO_SCOPE; LESSOR_RESERVED: address or client is reserved already; LESSOR_QUOTA: the dormant lease would be one too many; LESSOR_INVALID; LESSOR_LIMIT, also of a scope
 *            with LESSOR_RESERVATIONS6_OUTSIDE_MAX addresses of other prefixes; and the failures every change has.
 * Progress:  waits for changes of leases in the scope, and keeps them waiting. Readers see a lease that moves at both addresses for a moment.
 * Source: MS-DHCPM 3.2.4.60.
 */
lessor_status_t lessor_reservation6_create(lessor_engine_t *engine, uint64_t prefix,
					   const lessor_reservation6_t *reservation, lessor_mode_t mode,
					   lessor_ticket_t *ticket);

/* Both expiries of a lease that stays are the scope's lease duration from now. */
lessor_status_t lessor_reservation6_delete(lessor_engine_t *engine, uint64_t prefix, lessor_address6_t address,
					   lessor_filetime_t now, lessor_mode_t mode, lessor_ticket_t *ticket);

/* The first one at or behind 'from', ascending by address, those with other prefixes too. The buffer receives the DUID: LESSOR_DUID_MAX_BYTES suffice. */
lessor_status_t lessor_reservation6_next(lessor_engine_t *engine, uint64_t prefix, lessor_address6_t from,
					 lessor_reservation6_t *reservation, void *buffer, size_t buffer_bytes);

#ifdef __cplusplus
}
#endif

#endif
