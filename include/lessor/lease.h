/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases: create, get, update, delete, iterate.
 *
 * Identity. A lease has an address, unique in the engine, and a client id of 1 to 255 bytes, unique in its scope; the same
 * client may have one lease in each of several scopes (MS-DHCPM 2.2.1.2.5.2). A lease stays until it is deleted: expiry,
 * DECLINED and DOOM do not free the address or the client.
 *
 * Memory. What goes in is copied before the call returns. What comes out is a copy: the texts lie in a buffer of the
 * caller's. Nothing of the engine's own memory is ever handed out.
 *
 * Cost. A create, get, update or delete touches one or two lines of cold memory whatever the number of leases, and some that mostly lie in the caches. With a client id, name
 * and nothing else of together at most 20 bytes, no memory is allocated.
 */
#ifndef LESSOR_LEASE_H
#define LESSOR_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lessor/engine.h>
#include <lessor/status.h>
#include <lessor/time.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LESSOR_CLIENT_ID_MAX_BYTES    255u
#define LESSOR_HARDWARE_MAX_BYTES     20u
#define LESSOR_NAME_MAX_BYTES         3072u /* UTF-8 bytes without the final NUL; comment and owner name too */
#define LESSOR_POLICY_MAX_BYTES       252u
#define LESSOR_USER_CONTEXT_MAX_BYTES 16384u
#define LESSOR_LEASE_BUFFER_BYTES     32768u /* always enough for the texts of one lease */
#define LESSOR_BATCH_MAX              1048576u

/* client_type. MS-DHCPM 2.2.1.2.14. Accepted: 0 to 7 and LESSOR_CLIENT_NONE. */
enum {
	LESSOR_CLIENT_UNSPECIFIED = 0x00,
	LESSOR_CLIENT_DHCP = 0x01,
	LESSOR_CLIENT_BOOTP = 0x02,
	LESSOR_CLIENT_BOTH = 0x03,
	LESSOR_CLIENT_RESERVATION_FLAG = 0x04,
	LESSOR_CLIENT_NONE = 0x64
};

/* The low two bits of address_state; the upper six are kept and given back. MS-DHCPM 2.2.1.2.16. */
enum {
	LESSOR_STATE_OFFERED = 0,
	LESSOR_STATE_ACTIVE = 1,
	LESSOR_STATE_DECLINED = 2,
	LESSOR_STATE_DOOM = 3,
	LESSOR_STATE_MASK = 3
};

/* quarantine_status. MS-DHCPM 2.2.1.1.11. */
enum {
	LESSOR_NO_QUARANTINE = 0,
	LESSOR_RESTRICTED_ACCESS = 1,
	LESSOR_DROP_PACKET = 2,
	LESSOR_PROBATION = 3,
	LESSOR_EXEMPT = 4,
	LESSOR_DEFAULT_QUARANTINE = 5,
	LESSOR_NO_QUARANTINE_INFO = 6
};

/* What a limit can be set for (lessor/limit.h). */
#define LESSOR_LIMIT_KEYS_MAX      4u
#define LESSOR_LIMIT_KEY_MAX_BYTES 64u

typedef enum lessor_limit_kind {
	LESSOR_LIMIT_CLASS = 1, /* the class of a client */
	LESSOR_LIMIT_TAG = 2    /* anything else: a relay's circuit or remote id */
} lessor_limit_kind_t;

typedef struct lessor_limit_key {
	uint8_t kind;                              /* lessor_limit_kind_t */
	uint8_t size_bytes;                        /* 1 to LESSOR_LIMIT_KEY_MAX_BYTES */
	uint8_t bytes[LESSOR_LIMIT_KEY_MAX_BYTES]; /* not interpreted */
} lessor_limit_key_t;

typedef struct lessor_lease {
	uint32_t address;         /* host byte order; required, not 0 */
	uint32_t subnet_mask;     /* out only: the scope's */
	const uint8_t *client_id; /* required */
	uint8_t client_id_bytes;  /* 1 to 255 */
	uint8_t client_type;
	uint8_t address_state;     /* whole byte; 0 on create: ACTIVE is stored (unless strict) */
	uint8_t quarantine_status; /* 0 to 6 */
	bool quarantine_capable;
	bool client_id_made_up; /* the client sent none: client_id was derived from hardware or address */
	bool dns_forward;       /* forward / reverse DNS records were made for it */
	bool dns_reverse;
	uint8_t hardware_type;        /* ARP hardware type, 1 Ethernet; kept only together with an address */
	uint8_t hardware_bytes;       /* 0 to 20; 0: unknown */
	const uint8_t *hardware;      /* link-layer address, if hardware_bytes > 0 */
	uint32_t last_transaction_s;  /* Unix seconds of the client's last transaction; 0 unknown */
	lessor_filetime_t expires_at; /* LESSOR_TIME_NONE, LESSOR_TIME_INFINITE or a time, past ones too */
	lessor_filetime_t probation_ends_at;
	const char *name; /* UTF-8; NULL: none. "" is kept apart from NULL, here and below */
	const char *comment;
	const char *policy_name;
	const char *owner_name;
	uint32_t owner_address;   /* host byte order; 0 none */
	const char *user_context; /* UTF-8, by custom a JSON object; carried, not interpreted */
	lessor_ticket_t ticket;   /* out only: of the last change of this lease */
	bool is_reserved;         /* out only: the address is reserved (lessor/reservation.h) */
	bool state_ex;            /* bit 0 of the extended address state. MS-DHCPM 2.2.1.2.119 */
	uint8_t limit_keys;       /* 0 to LESSOR_LIMIT_KEYS_MAX, no two the same; those of a lease keep their order */
	const lessor_limit_key_t *limit_key; /* so many, unless that is 0 */
} lessor_lease_t;

/* A lease for input: all zero but client_type DHCP, address_state ACTIVE, expires_at infinite. */
void lessor_lease_init(lessor_lease_t *lease);

/*
 * Create a lease.
 *
 * Requires:  address and client_id; everything else is optional and stored as given. Texts are UTF-8.
 * Accepts:   any address of the scope's subnet, inside its range or not; any expiry; a disabled scope.
 * Ensures:   on LESSOR_OK the lease is visible to everybody and, with LESSOR_SYNC, durable. Of several creates of one address, or of
 *            one client in one scope, exactly one succeeds.
 * Returns:   LESSOR_OK; LESSOR_INVALID (missing or over-long or malformed member, address_state that is not 0 but says OFFERED, unknown
 *            client_type or quarantine_status); LESSOR_NO_SCOPE; LESSOR_ADDRESS_TAKEN; LESSOR_CLIENT_TAKEN; LESSOR_QUOTA (lessor/limit.h);
 *            LESSOR_NO_MEMORY; LESSOR_LIMIT; LESSOR_DISK_FULL; LESSOR_READ_ONLY; LESSOR_LOG_FAILED; LESSOR_CLOSED; LESSOR_FORKED.
 *            With LESSOR_SYNC, LESSOR_LOG_FAILED may also mean: visible, but its durability is unknown.
 * If both the address and the client are taken the answer is LESSOR_ADDRESS_TAKEN.
 * Source:    MS-DHCPM 3.2.4.123; the DhcpV4CreateClientInfo reference page.
 */
lessor_status_t lessor_lease_create(lessor_engine_t *engine, const lessor_lease_t *lease, lessor_mode_t mode,
				    lessor_ticket_t *ticket);

/*
 * Create many, as if by lessor_lease_create() one after another in array order, with one ticket for all of them.
 *
 * Ensures:   statuses[i] is what the i-th create answered; LESSOR_OK as a result means only that each was decided.
 * Returns:   LESSOR_OK; LESSOR_INVALID (NULL, count over LESSOR_BATCH_MAX: nothing done, statuses untouched); LESSOR_READ_ONLY,
 *            LESSOR_CLOSED, LESSOR_FORKED likewise; with LESSOR_SYNC also LESSOR_LOG_FAILED after all were decided.
 * Cost:      a third to a half of single creates: cache misses overlap, the log is touched once for each 32.
 */
lessor_status_t lessor_lease_create_batch(lessor_engine_t *engine, const lessor_lease_t *leases, size_t count,
					  lessor_status_t *statuses, lessor_mode_t mode, lessor_ticket_t *ticket);

/*
 * Create a lease at a free address of a scope's pool (its range without the exclusions), chosen and taken in one step.
 *
 * Requires:  as lessor_lease_create(), but lease->address is not looked at. subnet is the scope's subnet address.
 * Ensures:   on LESSOR_OK the lease exists as if lessor_lease_create() had been called with an address that was free, and lease->address is that
 *            address; otherwise lease is untouched. hint, unless it is 0, is that address if it is free and in the pool.
 *            Without a hint each thread goes on from where it found the last one in this scope, so that an address that was given up comes back late.
 * Returns:   as lessor_lease_create(), but for LESSOR_ADDRESS_TAKEN. LESSOR_NO_SCOPE: no scope has this subnet address. LESSOR_CLIENT_TAKEN: the client
 *            has a lease in the scope, whether the pool is exhausted or not. LESSOR_EXHAUSTED: at one moment during the call every address of the pool
 *            had a lease or was offered.
 * Cost:      of a create and a few words more, however full the scope is; with many exclusions, a little for each when the pool is nearly exhausted.
 */
lessor_status_t lessor_lease_allocate(lessor_engine_t *engine, uint32_t subnet, uint32_t hint, lessor_lease_t *lease,
				      lessor_mode_t mode, lessor_ticket_t *ticket);

/*
 * Read the lease of an address, or of a client in the scope whose subnet address is 'subnet'.
 *
 * Requires:  buffer of buffer_bytes receives ids and texts, to which lease's pointers then point; LESSOR_LEASE_BUFFER_BYTES always
 *            suffices, 256 does for common leases.
 * Ensures:   one consistent state of the lease, never a mixture of two.
 * Returns:   LESSOR_OK; LESSOR_NOT_FOUND; LESSOR_NO_SCOPE (by client: no such subnet); LESSOR_BUFFER_TOO_SMALL; LESSOR_INVALID;
 *            LESSOR_FORKED.
 * Progress:  lock-free; retried only when the very lease was changed meanwhile.
 */
lessor_status_t lessor_lease_get(lessor_engine_t *engine, uint32_t address, lessor_lease_t *lease, void *buffer,
				 size_t buffer_bytes);
lessor_status_t lessor_lease_get_client(lessor_engine_t *engine, uint32_t subnet, const uint8_t *client_id,
					size_t client_id_bytes, lessor_lease_t *lease, void *buffer,
					size_t buffer_bytes);

/* Whom a look-up by client is for. */
typedef struct lessor_client {
	uint32_t subnet; /* the scope's subnet address */
	uint8_t client_id_bytes;
	const uint8_t *client_id;
} lessor_client_t;

/*
 * Read many, as if one after another.
 *
 * Requires:  leases and statuses have room for count; ids and texts of all of them go into the one buffer, one behind the other; 32 bytes
 *            for each lease are enough where client id and name have together at most 20 and the hardware address is part of the
 *            client id or unknown; otherwise as for lessor_lease_get().
 * Ensures:   statuses[i] is what the i-th look-up answered, leases[i] is touched only if that is LESSOR_OK. A lease that does not fit what
 *            is left of the buffer is LESSOR_BUFFER_TOO_SMALL; shorter ones behind it may still fit. Each lease is consistent in itself; they are not
 *            of one moment.
 * Returns:   LESSOR_OK; LESSOR_INVALID (NULL, count over LESSOR_BATCH_MAX: nothing done); LESSOR_FORKED.
 * Progress:  lock-free.
 * Cost:      a third of single look-ups: cache misses overlap.
 */
lessor_status_t lessor_lease_get_batch(lessor_engine_t *engine, const uint32_t *addresses, size_t count,
				       lessor_lease_t *leases, void *buffer, size_t buffer_bytes,
				       lessor_status_t *statuses);
lessor_status_t lessor_lease_get_client_batch(lessor_engine_t *engine, const lessor_client_t *clients, size_t count,
					      lessor_lease_t *leases, void *buffer, size_t buffer_bytes,
					      lessor_status_t *statuses);

/* Which members an update replaces. */
enum {
	LESSOR_FIELD_CLIENT_ID = 1u << 0, /* with client_id_made_up */
	LESSOR_FIELD_NAME = 1u << 1,
	LESSOR_FIELD_COMMENT = 1u << 2,
	LESSOR_FIELD_EXPIRES = 1u << 3,
	LESSOR_FIELD_CLIENT_TYPE = 1u << 4,
	LESSOR_FIELD_ADDRESS_STATE = 1u << 5, /* OFFERED is LESSOR_INVALID here, 0 too */
	LESSOR_FIELD_QUARANTINE = 1u << 6,    /* status, capable, probation end */
	LESSOR_FIELD_OWNER = 1u << 7,         /* name and address */
	LESSOR_FIELD_POLICY = 1u << 8,
	LESSOR_FIELD_HARDWARE = 1u << 9,
	LESSOR_FIELD_LAST_TRANSACTION = 1u << 10,
	LESSOR_FIELD_DNS = 1u << 11,
	LESSOR_FIELD_USER_CONTEXT = 1u << 12,
	LESSOR_FIELD_STATE_EX = 1u << 13,
	LESSOR_FIELD_OWNER_ADDRESS = 1u << 14, /* of the owner, only the address */
	LESSOR_FIELD_LIMIT_KEYS = 1u << 15,
	LESSOR_FIELD_ALL = (1u << 16) - 1,
	LESSOR_IF_CLIENT =
		1u << 16, /* only if the lease belongs to lease->client_id, else LESSOR_OTHER_CLIENT; not together with
				       * LESSOR_FIELD_CLIENT_ID */
	LESSOR_IF_RESERVED =
		1u << 17 /* replace expires_at even if the address is reserved: its client takes or renews the lease.
				       * Without it, a reserved lease keeps its expiry */
};

/*
 * Change the lease at lease->address: replace the members that 'fields' names, keep the others. A renewal is an update of
 * LESSOR_FIELD_EXPIRES | LESSOR_IF_CLIENT.
 * Returns: as create, with LESSOR_NOT_FOUND and LESSOR_OTHER_CLIENT instead of LESSOR_NO_SCOPE and LESSOR_ADDRESS_TAKEN.
 *          LESSOR_CLIENT_TAKEN: the new client id has another lease in this scope.
 */
lessor_status_t lessor_lease_update(lessor_engine_t *engine, const lessor_lease_t *lease, uint32_t fields,
				    lessor_mode_t mode, lessor_ticket_t *ticket);

/*
 * The lease with this name; of several the one with the lowest address. A to Z match a to z, everything else is compared exactly.
 * Returns: as lessor_lease_get(). Cost: looks at every lease in front of it.
 */
lessor_status_t lessor_lease_find_name(lessor_engine_t *engine, const char *name, lessor_lease_t *lease, void *buffer,
				       size_t buffer_bytes);

/*
 * End the lease at 'address'; the address and the client are free at once. With client_id not NULL only if it belongs to that
 * client, else LESSOR_OTHER_CLIENT.
 * Returns: LESSOR_OK; LESSOR_NOT_FOUND; LESSOR_OTHER_CLIENT; LESSOR_RESERVED: the address is reserved; LESSOR_INVALID; and the failures every change has.
 */
lessor_status_t lessor_lease_delete(lessor_engine_t *engine, uint32_t address, const uint8_t *client_id,
				    size_t client_id_bytes, lessor_mode_t mode, lessor_ticket_t *ticket);

/*
 * Change or end many, as if one after another in array order, with one ticket for all of them. 'fields' holds for each; deletes ask for no client.
 * Ensures: statuses[i] is what the i-th answered; LESSOR_OK as a result means only that each was decided.
 * Returns: as lessor_lease_create_batch(). Cost: half of single calls: cache misses overlap.
 */
lessor_status_t lessor_lease_update_batch(lessor_engine_t *engine, const lessor_lease_t *leases, size_t count,
					  uint32_t fields, lessor_status_t *statuses, lessor_mode_t mode,
					  lessor_ticket_t *ticket);
lessor_status_t lessor_lease_delete_batch(lessor_engine_t *engine, const uint32_t *addresses, size_t count,
					  lessor_status_t *statuses, lessor_mode_t mode, lessor_ticket_t *ticket);

/*
 * Iteration in ascending address order. A cursor is a plain position, owned by the caller, holding nothing: it may be copied,
 * kept for days or dropped, and survives every change. A lease that exists during the whole iteration is seen exactly once.
 */
typedef struct lessor_cursor {
	uint64_t next; /* private: the smallest address still to be looked at */
	uint64_t last; /* private: the greatest */
} lessor_cursor_t;

/* Cover first to last, both inclusive; 0 and UINT32_MAX for everything. */
void lessor_cursor_init(lessor_cursor_t *cursor, uint32_t first, uint32_t last);

/*
 * How many leases there are from first to last, both inclusive.
 * Returns: LESSOR_OK; LESSOR_INVALID; LESSOR_FORKED. Progress: lock-free. Cost: a look at each 64 addresses of the scopes in between; at each lease of scopes that have
 * reservations.
 */
lessor_status_t lessor_lease_count(lessor_engine_t *engine, uint32_t first, uint32_t last, uint64_t *count);

/*
 * The next lease, as lessor_lease_get().
 * Returns: LESSOR_OK; LESSOR_END; LESSOR_BUFFER_TOO_SMALL (the cursor does not move); LESSOR_INVALID; LESSOR_FORKED.
 * Cost: empty stretches are skipped 64 addresses, and empty scopes one page directory entry, at a time.
 */
lessor_status_t lessor_lease_next(lessor_engine_t *engine, lessor_cursor_t *cursor, lessor_lease_t *lease, void *buffer,
				  size_t buffer_bytes);

#ifdef __cplusplus
}
#endif

#endif
