/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keyed hash of client identities. Client ids come from the network: with a secret of 192 random bytes per engine nobody outside can choose ids
 * that fall into one bucket. (XXH3 is not proven against an attacker who can measure; what such an attacker wins is longer chains, not wrong
 * answers.)
 */
#ifndef LSR_HASH_H
#define LSR_HASH_H

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <stdint.h>
#include <string.h>

#define LSR_SECRET_BYTES 192

__extension__ typedef unsigned __int128 lsr_product_t;

/* Ids of 4 to 16 bytes, as nearly all are, in the form that XXH3 has for 9 to 16, with 16 bytes of the secret: half the instructions of asking XXH3, which looks for the length first. */
static inline uint64_t
lsr_short_digest(const uint8_t secret[LSR_SECRET_BYTES], const uint8_t *client_id, size_t client_id_bytes) {
	uint64_t key[2];
	uint64_t low = 0;
	uint64_t high = 0;
	memcpy(key, secret, sizeof(key));
	if (client_id_bytes >= 8) {
		memcpy(&low, client_id, 8);
		memcpy(&high, client_id + client_id_bytes - 8, 8);
	} else {
		memcpy(&low, client_id, 4);
		memcpy(&high, client_id + client_id_bytes - 4, 4);
	}
	low ^= key[0];
	high ^= key[1];
	const lsr_product_t product = (lsr_product_t)low * high;
	return client_id_bytes + __builtin_bswap64(low) + high + ((uint64_t)product ^ (uint64_t)(product >> 64));
}

/* The part that depends on the client alone, for when its scope is not known yet. */
static inline uint64_t
lsr_client_digest(const uint8_t secret[LSR_SECRET_BYTES], const uint8_t *client_id, size_t client_id_bytes) {
	if (__builtin_expect(client_id_bytes - 4 <= 12, 1)) {
		return lsr_short_digest(secret, client_id, client_id_bytes);
	}
	return XXH3_64bits_withSecret(client_id, client_id_bytes, secret, LSR_SECRET_BYTES);
}

/* Of (scope, client). For one scope a bijection of the digest; the finish spreads what two scopes differ in over all bits (as xxhash's own does). */
static inline uint64_t
lsr_client_key(uint64_t digest, uint32_t scope_uid) {
	uint64_t key = digest ^ scope_uid * UINT64_C(0x9E3779B97F4A7C15);
	key ^= key >> 37;
	key *= UINT64_C(0x165667919E3779F9);
	return key ^ key >> 32;
}

#endif
