/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a DHCP server does with addresses: offer one, bind it, and end it.
 *
 *     DISCOVER               lessor_offer_make()      an address is held for the client, for a while
 *     REQUEST                lessor_lease_bind()      it becomes, or goes on being, the client's lease: selecting, init-reboot, renewing, rebinding
 *     REQUEST to another     lessor_offer_withdraw()  it is free again
 *     RELEASE, force-expire  lessor_lease_release()   the lease is over at once
 *     DECLINE, conflict      lessor_lease_decline()   nobody gets the address for a while
 *
 * Addresses come back when lessor_expire(), or the engine's own sweep (lessor_options_t.sweep_interval_s), removes the leases that are over.
 *
 * Offers. An offer is no lease: it is not logged, no call on leases sees it, and closing the engine ends it. It holds its address against other offers, binds and
 * allocations, and counts as pending. It ends when its time is over (by the monotonic clock, whatever the wall clock does), when the client binds, when it is withdrawn, or
 * when its scope is deleted, or when somebody creates a lease or a reservation at the address with lessor_lease_create() or lessor_reservation_create(), which ask for no
 * offers. A client's own lease that is over, or could be before the offer is, by request->now, is offered by keeping it: no sweep removes it until the offer ends, which every change
 * of the lease does, too; it does not count as pending. A client has one offer in a scope. There are at most lessor_options_t.max_offers at a time, which take at most 400 bytes each: more are LESSOR_LIMIT, however
 * many clients ask. One that a lease or a reservation has ended counts among these until its time would be over.
 *
 * Affinity. A client whose lease is over, expired or released, gets its address back for as long as the record is there: nobody else does, until a sweep removes it.
 * How long that is, is the grace of the sweep; once the record is gone nothing remembers the client, and the hint is its chance.
 *
 * All of it for IPv4 first; for IPv6 at the end, under names with a 6: SOLICIT asks for an offer, REQUEST, RENEW, REBIND and a CONFIRM that is granted bind. max_offers is of both together.
 */
#ifndef LESSOR_SERVER_H
#define LESSOR_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include <lessor/engine.h>
#include <lessor/lease.h>
#include <lessor/lease6.h>
#include <lessor/scope6.h>
#include <lessor/status.h>
#include <lessor/time.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LESSOR_DEFAULT_HOLD_MS    UINT32_C(10000)
#define LESSOR_HOLD_MAX_MS        UINT32_C(3600000)
#define LESSOR_DEFAULT_MAX_OFFERS UINT32_C(65536)

enum {
	LESSOR_OFFER_RECLAIM =
		1u << 0, /* if no address is free: take one whose lease is over, though its grace is not */
	LESSOR_OFFER_SUPERSCOPE = 1u << 1 /* if the scope has none: go on with the others of its superscope */
};

/* What is asked for. All zero but the first three is a good question. */
typedef struct lessor_offer_request {
	uint32_t subnet; /* the scope's subnet address */
	uint8_t client_id_bytes;
	const uint8_t *client_id;
	uint32_t hint;         /* the address that the client asked for; 0 none */
	uint32_t hold_ms;      /* how long the offer stands, at most LESSOR_HOLD_MAX_MS; 0: LESSOR_DEFAULT_HOLD_MS */
	uint32_t flags;        /* LESSOR_OFFER_... */
	lessor_filetime_t now; /* by which leases are over; LESSOR_TIME_NONE: lessor_time_now() */
} lessor_offer_request_t;

typedef struct lessor_offer {
	uint32_t address;
	uint32_t subnet; /* of its scope, which is another than was asked for only with LESSOR_OFFER_SUPERSCOPE */
} lessor_offer_t;

/*
 * Choose an address for a client and hold it. In this order: that of the client's lease in the scope, over or not; that of its reservation; that of its offer, which
 * then stands for hold_ms from now; the hint, if it is in the pool and free; any free address of the pool. The first needs an offer only if the
 * lease could be swept before the time is over, the second none: the record keeps others away.
 *
 * Ensures:   on LESSOR_OK nobody else is offered this address, or can bind or allocate it, until the time is over. (If it is that of the client's lease or
 *            reservation, until that is changed or deleted; and no sweep with a 'now' that is not later than request->now + hold_ms removes it.)
 * Returns:   LESSOR_OK; LESSOR_NO_SCOPE: no scope has this subnet address; LESSOR_EXHAUSTED: at one moment during the call every address of the pool
 *            had a lease or was offered (and the same of each scope that was asked), with LESSOR_OFFER_RECLAIM none of which could be taken; LESSOR_CONFLICT: the client's lease is DECLINED and not over;
 *            LESSOR_LIMIT: too many offers, or leases; LESSOR_INVALID (NULL, client id empty or too long, unknown flag, hold_ms); LESSOR_NO_MEMORY;
 *            LESSOR_READ_ONLY; LESSOR_CLOSED; LESSOR_FORKED; with LESSOR_OFFER_RECLAIM what lessor_expire() answers.
 * Cost:      of a create without its log record, however full the scope is. Offers that are over are ended by the way. When the scope is exhausted: with
 *            LESSOR_OFFER_RECLAIM a look at each 64 addresses of it, with LESSOR_OFFER_SUPERSCOPE at each scope of the engine.
 * Source:    RFC 2131 4.3.1; MS-DHCPE 1.4.
 */
lessor_status_t lessor_offer_make(lessor_engine_t *engine, const lessor_offer_request_t *request,
				  lessor_offer_t *offer);

/*
 * End the offer of a client in a scope.
 * Returns: LESSOR_OK; LESSOR_NOT_FOUND: it has none; LESSOR_NO_SCOPE; LESSOR_INVALID; LESSOR_READ_ONLY; LESSOR_CLOSED; LESSOR_FORKED.
 */
lessor_status_t lessor_offer_withdraw(lessor_engine_t *engine, uint32_t subnet, const uint8_t *client_id,
				      size_t client_id_bytes);

/*
 * Make lease->address the lease of lease->client_id, or go on with it. The state becomes ACTIVE; address_state is not looked at.
 *
 * No lease there:     it is created as by lessor_lease_create(), if the address is offered to this client, is reserved for it, or is in the pool and free.
 * The client's own:   expires_at, last_transaction_s and client_type are replaced, reserved or not; so are name, hardware and owner, each if it is given. A dormant lease
 *                     (lessor/reservation.h) is replaced as a whole.
 * 'now' tells whether a DECLINED lease is over; LESSOR_TIME_NONE: lessor_time_now(). What is wrong with *lease is LESSOR_INVALID before
 * anything else is looked at, used or not.
 *
 * Ensures:   on LESSOR_OK the client has no offer in the scope any more.
 * Returns:   LESSOR_OK; LESSOR_ADDRESS_TAKEN: another client's lease, reservation or offer; LESSOR_CLIENT_TAKEN: the client has a lease in the scope, at
 *            another address; LESSOR_RESERVED: another address is reserved for the client; LESSOR_CONFLICT: it is DECLINED and not over; LESSOR_OUTSIDE: not in the
 *            pool; otherwise as lessor_lease_create().
 * Cost:      of a create or an update. Source: RFC 2131 4.3.2.
 */
lessor_status_t lessor_lease_bind(lessor_engine_t *engine, const lessor_lease_t *lease, lessor_filetime_t now,
				  lessor_mode_t mode, lessor_ticket_t *ticket);

/*
 * End the time of a lease: it expires now, unless it did earlier, and stays a record until it is swept. With client_id not NULL only if it is that client's: a
 * RELEASE; with NULL whoever's it is: force-expire. A reserved lease stays, over; a dormant one is as it was.
 * Returns: LESSOR_OK; LESSOR_NOT_FOUND; LESSOR_OTHER_CLIENT; LESSOR_INVALID (now is LESSOR_TIME_NONE or _INFINITE; client id too long); and the failures every change has.
 * Source:  RFC 2131 4.3.4.
 */
lessor_status_t lessor_lease_release(lessor_engine_t *engine, uint32_t address, const uint8_t *client_id,
				     size_t client_id_bytes, lessor_filetime_t now, lessor_mode_t mode,
				     lessor_ticket_t *ticket);

/*
 * Keep an address away from everybody for hold_s seconds (0: the scope's lease duration): somebody uses it who should not. It becomes a lease in state DECLINED that
 * expires then, with the name BAD_ADDRESS and a client id made up of the address, so that its client is free to get another one; the hardware address stays, for
 * whoever looks into it. A reserved lease keeps name and client, which gets LESSOR_CONFLICT meanwhile. A sweep returns the address, at the end of the hold and without
 * grace; a reserved one is its client's again by itself.
 *
 * With client_id not NULL (DECLINE) the address must be leased or offered to that client; with NULL (the server found it in use) it may be anybody's, or free.
 * Returns: LESSOR_OK; LESSOR_NOT_FOUND: neither leased nor offered to the client; LESSOR_OTHER_CLIENT; LESSOR_NO_SCOPE; LESSOR_CLIENT_TAKEN: the made-up id exists;
 *          LESSOR_ADDRESS_TAKEN: reserved, without a lease; LESSOR_INVALID (as release); and the failures every change has.
 * Source:  RFC 2131 4.3.3; MS-DHCPM 2.2.1.2.16.
 */
lessor_status_t lessor_lease_decline(lessor_engine_t *engine, uint32_t address, const uint8_t *client_id,
				     size_t client_id_bytes, lessor_filetime_t now, uint32_t hold_s, lessor_mode_t mode,
				     lessor_ticket_t *ticket);

/* ---- IPv6 ---------------------------------------------------------------------------------------------------------- */

/*
 * A client is a DUID with an IAID, in each scope for itself. There are no superscopes, and limits (lessor/limit.h) are those of IPv4. All but lower half 0, the
 * subnet-router anycast address, may be offered.
 */
typedef struct lessor_offer6_request {
	uint64_t prefix; /* the scope's */
	const uint8_t *duid;
	uint16_t duid_bytes; /* 1 to LESSOR_DUID_MAX_BYTES */
	uint32_t iaid;
	uint64_t hint;         /* the lower half that the client asked for; 0 none */
	uint32_t hold_ms;      /* as for IPv4 */
	uint32_t flags;        /* LESSOR_OFFER_RECLAIM */
	lessor_filetime_t now; /* as for IPv4 */
} lessor_offer6_request_t;

/*
 * Choose an address for a client and hold it, as lessor_offer_make(), with its promises.
 * Returns:   as lessor_offer_make(); LESSOR_INVALID also with LESSOR_OFFER_SUPERSCOPE; LESSOR_LIMIT: too many offers, or leases.
 * Cost:      of a create without its log record while there is much room. In a pool that exclusions leave small, a look at each lease between where this thread was before and
 *            the first address that is free, some nanoseconds each, in read-side sections of some ten thousand: all leases of the pool if it is exhausted.
 * Source:    RFC 8415 18.3.1, 18.3.9; MS-DHCPM 3.2.4.122 for 0.
 */
lessor_status_t lessor_offer6_make(lessor_engine_t *engine, const lessor_offer6_request_t *request,
				   lessor_address6_t *address);

/*
 * End the offer of a client in a scope. For whoever gives up what he has offered.
 * Returns: LESSOR_OK; LESSOR_NOT_FOUND: it has none; LESSOR_NO_SCOPE; LESSOR_INVALID; LESSOR_READ_ONLY; LESSOR_CLOSED; LESSOR_FORKED.
 */
lessor_status_t lessor_offer6_withdraw(lessor_engine_t *engine, uint64_t prefix, const uint8_t *duid, size_t duid_bytes,
				       uint32_t iaid);

/*
 * Make lease->address the lease of its DUID and IAID, or go on with it, as lessor_lease_bind().
 *
 * No lease there:     it is created as by lessor_lease6_create(), if the address is offered to this client, is reserved for it, or is in the pool and free.
 * The client's own:   both expiries and last_transaction_s are replaced, reserved or not; so are name, hardware and owner, each if it is given. Of a dormant lease
 *                     all but the client is.
 *
 * Ensures:   on LESSOR_OK the client has no offer in the scope any more.
 * Returns:   as lessor_lease_bind(); otherwise as lessor_lease6_create().
 * Cost:      of a create or an update. Source: RFC 8415 18.3.2 to 18.3.5.
 */
lessor_status_t lessor_lease6_bind(lessor_engine_t *engine, const lessor_lease6_t *lease, lessor_filetime_t now,
				   lessor_mode_t mode, lessor_ticket_t *ticket);

/*
 * End the time of a lease: both expiries become now, unless expires_at was earlier, and it stays a record until it is swept. With duid not NULL only if it is that client's: a
 * RELEASE; with NULL whoever's it is, iaid is not looked at. A reserved lease stays, over; a dormant one is as it was.
 * Returns: as lessor_lease_release(). Source: RFC 8415 18.3.7.
 */
lessor_status_t lessor_lease6_release(lessor_engine_t *engine, lessor_address6_t address, const uint8_t *duid,
				      size_t duid_bytes, uint32_t iaid, lessor_filetime_t now, lessor_mode_t mode,
				      lessor_ticket_t *ticket);

/*
 * Keep an address away from everybody for hold_s seconds (0: the scope's lease duration), as lessor_lease_decline(). The client that is made up is the IAID 0x00424144 with
 * the address as its DUID. With duid NULL iaid is not looked at.
 * Returns: as lessor_lease_decline(). Source: RFC 8415 18.3.8.
 */
lessor_status_t lessor_lease6_decline(lessor_engine_t *engine, lessor_address6_t address, const uint8_t *duid,
				      size_t duid_bytes, uint32_t iaid, lessor_filetime_t now, uint32_t hold_s,
				      lessor_mode_t mode, lessor_ticket_t *ticket);

#ifdef __cplusplus
}
#endif

#endif
