/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reservations: an address that is kept for one client.
 *
 * A reservation belongs to a scope and joins an address of its subnet, inside its range or not, with a client id. Both are unique: an address is
 * reserved for one client, a client has one reservation in a scope.
 *
 * Reservation and lease. A client that has no lease in the scope when its address is reserved is given one at once, the *dormant* lease: no name, no expiry
 * (LESSOR_TIME_NONE), type LESSOR_CLIENT_NONE, state ACTIVE, owner address 255.255.255.255. It keeps address and client from
 * others as any lease does. A client that has a lease keeps that one; if it lies at another address, the reserved address is empty, and then only a lease of that
 * client can be created there. While the reservation stands
 *   - the lease at its address is not deleted, neither by lessor_lease_delete() (LESSOR_RESERVED) nor by lessor_expire();
 *   - lessor_lease_update() leaves expires_at as it is, unless told otherwise (LESSOR_IF_RESERVED);
 *   - lessor_lease_allocate() gives the address to that client, before any other, and to nobody else;
 *   - the address counts as in use, if it is in the pool.
 *
 * All changes here are logged, ticketed and durable like leases, each by one record, and exclude changes of the same lease only.
 * Source: MS-DHCPM 3.1.4.5, 3.1.4.7, 3.2.4.38, 3.2.4.40.
 */
#ifndef LESSOR_RESERVATION_H
#define LESSOR_RESERVATION_H

#include <stddef.h>
#include <stdint.h>

#include <lessor/engine.h>
#include <lessor/lease.h>
#include <lessor/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lessor_reservation {
	uint32_t address; /* host byte order */
	uint8_t client_id_bytes;
	uint8_t client_types; /* who may use it: LESSOR_CLIENT_DHCP, _BOOTP or _BOTH; kept, not interpreted */
	const uint8_t *client_id;
	bool has_lease;  /* out only: there is a lease at the address */
	bool is_dormant; /* out only: and it has no expiry */
} lessor_reservation_t;

/*
 * Reserve an address.
 * Ensures:   on LESSOR_OK the reservation is there, with the lease that belongs to it as said above.
 * Returns:   LESSOR_OK; LESSOR_INVALID (NULL, client id empty or too long, client_types 0 or unknown); LESSOR_NO_SCOPE: no scope has this subnet
 *            address; LESSOR_OUTSIDE: the address is not one of the subnet; LESSOR_RESERVED: address or client is reserved already;
 *            LESSOR_ADDRESS_TAKEN: another client has a lease there; and the failures every change has.
 */
lessor_status_t lessor_reservation_create(lessor_engine_t *engine, uint32_t subnet,
					  const lessor_reservation_t *reservation, lessor_mode_t mode,
					  lessor_ticket_t *ticket);

/*
 * Give up the reservation of an address; with client_id not NULL only if it is for that client.
 * Ensures:   on LESSOR_OK the reservation is gone. A dormant lease at the address is gone with it. Another lease at the address stays, and expires
 *            when the scope's lease duration has passed, counted from now.
 * Returns:   LESSOR_OK; LESSOR_NO_SCOPE; LESSOR_NOT_FOUND: no such reservation, or of another client; LESSOR_INVALID (now is
 *            LESSOR_TIME_NONE; client id too long); and the failures every change has.
 */
lessor_status_t lessor_reservation_delete(lessor_engine_t *engine, uint32_t subnet, uint32_t address,
					  const uint8_t *client_id, size_t client_id_bytes, lessor_filetime_t now,
					  lessor_mode_t mode, lessor_ticket_t *ticket);

/*
 * The reservation of an address; of a client in a scope; or the first one at or behind 'from' in the scope (next), ascending by address.
 * Requires:  buffer receives the client id: LESSOR_CLIENT_ID_MAX_BYTES suffice.
 * Returns:   LESSOR_OK; LESSOR_NOT_FOUND; LESSOR_END (next); LESSOR_NO_SCOPE; LESSOR_BUFFER_TOO_SMALL; LESSOR_INVALID; LESSOR_FORKED.
 * Progress:  lock-free. Cost: get as lessor_lease_get(); next looks at each lease of the scope until it finds one.
 */
lessor_status_t lessor_reservation_get(lessor_engine_t *engine, uint32_t address, lessor_reservation_t *reservation,
				       void *buffer, size_t buffer_bytes);
lessor_status_t lessor_reservation_get_client(lessor_engine_t *engine, uint32_t subnet, const uint8_t *client_id,
					      size_t client_id_bytes, lessor_reservation_t *reservation, void *buffer,
					      size_t buffer_bytes);
lessor_status_t lessor_reservation_next(lessor_engine_t *engine, uint32_t subnet, uint32_t from,
					lessor_reservation_t *reservation, void *buffer, size_t buffer_bytes);

#ifdef __cplusplus
}
#endif

#endif
