/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interned origins. Owner name, owner address and policy name are the same for very many leases; a lease keeps a 16-bit number for the triple.
 * Number 0 is "none of them". Origins are never forgotten while the engine lives; when all numbers are used, leases carry the texts in their
 * tails (lease/codec.h).
 *
 *   Readers: anybody; wait-free; an origin is immutable once published.
 *   Writers: hold the table's lock.
 *   Edge: O1 publish pointer or index (release) -> O2 load (acquire): the origin is complete.
 */
#ifndef LSR_ORIGIN_H
#define LSR_ORIGIN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define LSR_ORIGIN_NONE UINT16_C(0)
#ifndef LSR_ORIGINS_MAX
#define LSR_ORIGINS_MAX 65535u
#endif
#define LSR_ORIGIN_SLOTS (2 * (LSR_ORIGINS_MAX + 1)) /* of the look-up index */

typedef struct lsr_origin {
	uint32_t owner_address;
	uint16_t owner_name_bytes;
	uint16_t policy_bytes;
	bool has_owner_name;
	bool has_policy;
	char *owner_name; /* NUL-terminated, in the same block */
	char *policy_name;
} lsr_origin_t;

typedef struct lsr_origins {
	pthread_mutex_t lock;
	_Atomic uint32_t count;             /* highest number in use */
	_Atomic(lsr_origin_t *) *by_number; /* LSR_ORIGINS_MAX + 1 */
	_Atomic uint16_t *index;            /* LSR_ORIGIN_SLOTS, open addressing */
} lsr_origins_t;

bool lsr_origins_init(lsr_origins_t *origins);
void lsr_origins_destroy(lsr_origins_t *origins);

/* The number of an equal origin, or LSR_ORIGIN_NONE if there is none (or everything in it is absent). */
uint16_t lsr_origins_find(const lsr_origins_t *origins, const lsr_origin_t *origin);

/*
 * Adding one, with the lock held: the number it gets (0: all are used), a copy of it (NULL: no memory; free() if it is not needed after all), then the log, then
 * publish, which cannot fail.
 */
uint32_t lsr_origins_next_number(const lsr_origins_t *origins);
lsr_origin_t *lsr_origin_copy(const lsr_origin_t *origin);
void lsr_origins_publish(lsr_origins_t *origins, uint32_t number, lsr_origin_t *copy);

/*
 * Recovery: all of it at once. An equal origin under that number is fine, since recovery meets it twice. False: no memory, or the number has other texts.
 */
bool lsr_origins_add(lsr_origins_t *origins, uint32_t number, const lsr_origin_t *origin);

/* The origin of a number, NULL if there is none. */
const lsr_origin_t *lsr_origins_get(const lsr_origins_t *origins, uint16_t number);

#endif
