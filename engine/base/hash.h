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

/* Of (scope, client id); client_id_bytes <= 255. */
static inline uint64_t
lsr_client_key(const uint8_t secret[LSR_SECRET_BYTES], uint32_t scope_uid, const uint8_t *client_id,
	       size_t client_id_bytes) {
	uint8_t key[4 + 256];
	memcpy(key, &scope_uid, 4);
	memcpy(key + 4, client_id, client_id_bytes);
	return XXH3_64bits_withSecret(key, client_id_bytes + 4, secret, LSR_SECRET_BYTES);
}

#endif
