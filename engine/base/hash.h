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

/* The part that depends on the client alone, for when its scope is not known yet. */
static inline uint64_t
lsr_client_digest(const uint8_t secret[LSR_SECRET_BYTES], const uint8_t *client_id, size_t client_id_bytes) {
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
