/* SPDX-License-Identifier: Apache-2.0 */
/* Rows to leases and leases to rows. See kea4_lease.h. */
#include "kea4_lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POOL_POLICY "kea-pool-id="

enum { ETHERNET = 1, LEASE_IS_OVER = 0x80 };

/* ---- rows to leases ---------------------------------------------------------------------------------------------- */

size_t
kea4_client_key(const kea4_row_t *row, uint8_t octets[4], const uint8_t **key) {
	if (row->client_id_bytes > 0) {
		*key = row->client_id;
		return row->client_id_bytes;
	}
	if (row->hardware_bytes > 0) {
		*key = row->hardware;
		return row->hardware_bytes;
	}
	for (unsigned i = 0; i < 4; i++) {
		octets[i] = (uint8_t)(row->address >> (24 - 8 * i));
	}
	*key = octets;
	return 4;
}

static uint8_t
address_state_of(uint8_t kea_state) {
	switch (kea_state) {
	case KEA4_DECLINED:
		return LESSOR_STATE_DECLINED;
	case KEA4_EXPIRED_RECLAIMED:
		return LESSOR_STATE_DOOM;
	case KEA4_RELEASED:
		return LESSOR_STATE_DOOM | LEASE_IS_OVER;
	default:
		return LESSOR_STATE_ACTIVE;
	}
}

static const char *
policy_of(uint32_t pool_id, char *buffer, size_t buffer_bytes) {
	if (pool_id == 0) {
		return NULL;
	}
	snprintf(buffer, buffer_bytes, POOL_POLICY "%lu", (unsigned long)pool_id);
	return buffer;
}

void
kea4_lease_from_row(const kea4_row_t *row, kea4_lease_t *lease, bool *clamped) {
	const uint8_t *key;
	size_t key_bytes = kea4_client_key(row, lease->address_octets, &key);
	bool infinite = row->valid_lifetime_s == KEA4_INFINITE;
	lease->lease = (lessor_lease_t){
		.address = row->address,
		.client_id = key,
		.client_id_bytes = (uint8_t)key_bytes,
		.client_id_made_up = row->client_id_bytes == 0,
		.client_type = LESSOR_CLIENT_DHCP,
		.address_state = address_state_of(row->state),
		.dns_forward = row->fqdn_forward,
		.dns_reverse = row->fqdn_reverse,
		.hardware_type = row->hardware_bytes > 0 ? ETHERNET : 0,
		.hardware_bytes = row->hardware_bytes,
		.hardware = row->hardware_bytes > 0 ? row->hardware : NULL,
		.last_transaction_s = kea4_last_transaction_s(row, clamped),
		.expires_at = infinite ? LESSOR_TIME_INFINITE : lessor_time_from_unix_s((int64_t)row->expire_s),
		.name = row->hostname_bytes > 0 ? row->hostname : NULL,
		.policy_name = policy_of(row->pool_id, lease->policy_name, sizeof(lease->policy_name)),
		.user_context = row->user_context_bytes > 0 ? row->user_context : NULL,
	};
}

/* ---- leases to rows ---------------------------------------------------------------------------------------------- */

const char *
kea4_loss_text(kea4_loss_t loss) {
	static const char *const texts[KEA4_LOSSES] = {
		"left out: neither a hardware address nor a client id of two octets",
		"client id of one octet not written",
		"hardware type not written, it is not Ethernet",
		"hardware address taken from the client id",
		"made-up client id written as the client's own, there is no hardware address",
		"client type not written, it is not DHCP",
		"upper bits of the address state not written",
		"written as infinite, there is no expiry",
		"fraction of a second cut off the expiry",
		"lifetime changed to what Kea can say",
		"start of the lease assumed from the scope's lease duration, it is unknown",
		"host name written in lower case",
		"comment not written",
		"policy name not written",
		"owner not written",
		"quarantine status not written",
		"keys of limits not written",
		"user context not written, it is not a JSON object",
	};
	return loss < KEA4_LOSSES ? texts[loss] : "unknown";
}

static uint32_t
bit(bool lost, kea4_loss_t loss) {
	return lost ? UINT32_C(1) << loss : 0;
}

static uint32_t
put_hardware(const lessor_lease_t *lease, kea4_row_t *row) {
	row->hardware_bytes = lease->hardware_bytes;
	if (lease->hardware_bytes > 0) {
		memcpy(row->hardware, lease->hardware, lease->hardware_bytes);
		return bit(lease->hardware_type > ETHERNET, KEA4_LOSS_HARDWARE_TYPE);
	}
	bool derivable = lease->last_transaction_s == 0 && !lease->client_id_made_up && lease->client_id_bytes == 7 &&
			 lease->client_id[0] == ETHERNET;
	if (derivable) {
		row->hardware_bytes = 6;
		memcpy(row->hardware, lease->client_id + 1, 6);
	}
	return bit(derivable, KEA4_LOSS_HARDWARE_DERIVED);
}

static bool
is_made_of_address(const lessor_lease_t *lease) {
	uint32_t id = 0;
	for (unsigned i = 0; i < lease->client_id_bytes; i++) {
		id = id << 8 | lease->client_id[i];
	}
	return lease->client_id_made_up && lease->client_id_bytes == 4 && id == lease->address;
}

/* After put_hardware(). */
static uint32_t
put_client_id(const lessor_lease_t *lease, kea4_row_t *row) {
	bool needed = row->hardware_bytes == 0 && !(row->state == KEA4_DECLINED && is_made_of_address(lease));
	row->client_id_bytes = 0;
	if (lease->client_id_made_up && !needed) {
		return 0;
	}
	if (lease->client_id_bytes < KEA4_CLIENT_ID_MIN_BYTES) {
		bool anonymous = row->hardware_bytes == 0 && row->state != KEA4_DECLINED;
		return bit(anonymous, KEA4_LOSS_LEFT_OUT) | bit(!anonymous, KEA4_LOSS_CLIENT_ID_SHORT);
	}
	row->client_id_bytes = lease->client_id_bytes;
	memcpy(row->client_id, lease->client_id, lease->client_id_bytes);
	return bit(lease->client_id_made_up, KEA4_LOSS_ID_MADE_UP);
}

static uint32_t
put_state(const lessor_lease_t *lease, kea4_row_t *row) {
	uint8_t upper = lease->address_state & (uint8_t)~LESSOR_STATE_MASK;
	row->state = KEA4_ASSIGNED;
	switch (lease->address_state & LESSOR_STATE_MASK) {
	case LESSOR_STATE_DECLINED:
		row->state = KEA4_DECLINED;
		break;
	case LESSOR_STATE_DOOM:
		row->state = (upper & LEASE_IS_OVER) != 0 ? KEA4_RELEASED : KEA4_EXPIRED_RECLAIMED;
		upper &= (uint8_t)~LEASE_IS_OVER;
		break;
	default:
		break;
	}
	return bit(upper != 0, KEA4_LOSS_STATE_BITS);
}

/*
 * A lifetime of 0 would end the lease and 4294967295 make it infinite, so that a finite one lies between; expire is kept, and
 * the start gives way.
 */
static uint32_t
put_finite(const lessor_lease_t *lease, const lessor_scope_t *scope, kea4_row_t *row) {
	int64_t expire_s = lessor_time_to_unix_s(lease->expires_at);
	bool start_known = lease->last_transaction_s != 0;
	uint32_t losses = bit(lease->expires_at % LESSOR_TICKS_PER_SECOND != 0, KEA4_LOSS_FRACTION);
	losses |= bit(!start_known, KEA4_LOSS_START) | bit(expire_s < 1, KEA4_LOSS_LIFETIME);
	expire_s = expire_s < 1 ? 1 : expire_s;
	int64_t lifetime_s = start_known ? expire_s - (int64_t)lease->last_transaction_s : (int64_t)scope->lease_s;
	int64_t longest_s = expire_s < (int64_t)KEA4_INFINITE ? expire_s : (int64_t)KEA4_INFINITE - 1;
	int64_t written_s = lifetime_s < 1 ? 1 : lifetime_s > longest_s ? longest_s : lifetime_s;
	row->expire_s = (uint64_t)expire_s;
	row->valid_lifetime_s = (uint32_t)written_s;
	return losses | bit(start_known && written_s != lifetime_s, KEA4_LOSS_LIFETIME);
}

static uint32_t
put_times(const lessor_lease_t *lease, const lessor_scope_t *scope, kea4_row_t *row) {
	if (lease->expires_at != LESSOR_TIME_NONE && lease->expires_at < LESSOR_TIME_INFINITE) {
		return put_finite(lease, scope, row);
	}
	row->valid_lifetime_s = KEA4_INFINITE;
	row->expire_s = (uint64_t)lease->last_transaction_s + KEA4_INFINITE;
	return bit(lease->expires_at == LESSOR_TIME_NONE, KEA4_LOSS_NO_EXPIRY);
}

static bool
has_upper_case(const char *text, size_t bytes) {
	for (size_t i = 0; i < bytes; i++) {
		if (text[i] >= 'A' && text[i] <= 'Z') {
			return true;
		}
	}
	return false;
}

static uint32_t
put_texts(const lessor_lease_t *lease, kea4_row_t *row) {
	row->hostname = lease->name != NULL ? lease->name : "";
	row->hostname_bytes = (uint32_t)strlen(row->hostname);
	row->user_context = lease->user_context != NULL ? lease->user_context : "";
	row->user_context_bytes = (uint32_t)strlen(row->user_context);
	return bit(has_upper_case(row->hostname, row->hostname_bytes), KEA4_LOSS_NAME_CASE);
}

/* The pool id, if the policy name is exactly what policy_of() makes of one. */
static uint32_t
put_policy(const lessor_lease_t *lease, kea4_row_t *row) {
	char again[32];
	row->pool_id = 0;
	if (lease->policy_name == NULL) {
		return 0;
	}
	if (strncmp(lease->policy_name, POOL_POLICY, strlen(POOL_POLICY)) == 0) {
		uint32_t pool_id = (uint32_t)strtoul(lease->policy_name + strlen(POOL_POLICY), NULL, 10);
		const char *policy = policy_of(pool_id, again, sizeof(again));
		row->pool_id = policy != NULL && strcmp(policy, lease->policy_name) == 0 ? pool_id : 0;
	}
	return bit(row->pool_id == 0, KEA4_LOSS_POLICY);
}

static uint32_t
lost_members(const lessor_lease_t *lease) {
	bool quarantine = lease->quarantine_status != LESSOR_NO_QUARANTINE || lease->quarantine_capable ||
			  lease->probation_ends_at != LESSOR_TIME_NONE;
	return bit(lease->comment != NULL, KEA4_LOSS_COMMENT) |
	       bit(lease->owner_name != NULL || lease->owner_address != 0, KEA4_LOSS_OWNER) |
	       bit(quarantine, KEA4_LOSS_QUARANTINE) | bit(lease->limit_keys != 0, KEA4_LOSS_LIMIT_KEYS) |
	       bit(lease->client_type != LESSOR_CLIENT_DHCP, KEA4_LOSS_CLIENT_TYPE);
}

uint32_t
kea4_row_from_lease(const lessor_lease_t *lease, const lessor_scope_t *scope, kea4_row_t *row) {
	row->address = lease->address;
	row->subnet_id = scope->id;
	row->fqdn_forward = lease->dns_forward;
	row->fqdn_reverse = lease->dns_reverse;
	row->hostname_dropped = false;
	uint32_t losses = put_state(lease, row) | put_hardware(lease, row);
	losses |= put_client_id(lease, row) | put_times(lease, scope, row);
	return losses | put_texts(lease, row) | put_policy(lease, row) | lost_members(lease);
}
