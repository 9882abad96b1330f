/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A row of Kea's lease file as a lease of lessor, and back.
 *
 *   Kea                    lessor
 *   client_id              client_id. Without one: hwaddr; without that (declined): the four octets of the address. Both made up
 *   hwaddr                 hardware, type 1; empty: none
 *   expire, valid_lifetime expires_at (4294967295: infinite) and last_transaction_s = expire - valid_lifetime
 *   state 0                ACTIVE
 *   state 1                DECLINED
 *   state 2                DOOM: over, neither in use nor free, kept for its client
 *   state 3                DOOM with the bit 0x80 ("lease is over"): given back by the client
 *   fqdn_fwd, fqdn_rev     dns_forward, dns_reverse
 *   hostname               name; empty: NULL
 *   user_context           user_context; empty: NULL
 *   pool_id                policy_name "kea-pool-id=N": what gave this address. 0: NULL
 *   subnet_id              the scope's id
 *
 * Every row comes back as it was, but for one that began in 1970 or before (expire not greater than valid_lifetime) or after
 * 2106. A lease without a last transaction never came from a server that heard its client; only then may a hardware address be
 * taken from a client id of its form (01 and six octets), where Kea's row would otherwise have none.
 */
#ifndef LESSOR_TOOLS_KEA4_LEASE_H
#define LESSOR_TOOLS_KEA4_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include <lessor/lease.h>
#include <lessor/scope.h>

#include "kea4.h"

/* A lease together with what it points to beyond the row. */
typedef struct kea4_lease {
	lessor_lease_t lease;
	uint8_t address_octets[4];
	char policy_name[32];
} kea4_lease_t;

/* The lease of a row. It points into the row and into itself. *clamped: as kea4_last_transaction_s(). */
void kea4_lease_from_row(const kea4_row_t *row, kea4_lease_t *lease, bool *clamped);

/* The id under which the store knows the row's client: into 'octets' only if it is made of the address. Returns its bytes. */
size_t kea4_client_key(const kea4_row_t *row, uint8_t octets[4], const uint8_t **key);

/* What a Kea file cannot say of a lease. The order is that of the texts in kea4_lease.c. */
typedef enum kea4_loss {
	KEA4_LOSS_LEFT_OUT, /* the lease has no row at all */
	KEA4_LOSS_CLIENT_ID_SHORT,
	KEA4_LOSS_HARDWARE_TYPE,
	KEA4_LOSS_HARDWARE_DERIVED,
	KEA4_LOSS_ID_MADE_UP,
	KEA4_LOSS_CLIENT_TYPE,
	KEA4_LOSS_STATE_BITS,
	KEA4_LOSS_NO_EXPIRY,
	KEA4_LOSS_FRACTION,
	KEA4_LOSS_LIFETIME,
	KEA4_LOSS_START,
	KEA4_LOSS_NAME_CASE,
	KEA4_LOSS_COMMENT,
	KEA4_LOSS_POLICY,
	KEA4_LOSS_OWNER,
	KEA4_LOSS_QUARANTINE,
	KEA4_LOSS_LIMIT_KEYS,
	KEA4_LOSS_CONTEXT, /* found by the caller, not by kea4_row_from_lease() */
	KEA4_LOSSES
} kea4_loss_t;

/* What happened to the leases that are counted under a loss; a phrase, static. */
const char *kea4_loss_text(kea4_loss_t loss);

/*
 * The row of a lease in 'scope'. Returns a set of losses, bit 1 << kea4_loss_t each; with KEA4_LOSS_LEFT_OUT in it there
 * is no row. The row points into the lease.
 */
uint32_t kea4_row_from_lease(const lessor_lease_t *lease, const lessor_scope_t *scope, kea4_row_t *row);

#endif
