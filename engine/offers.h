/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offers: addresses that are held for a client for a while, in memory only.
 *
 * An offer has two halves. The record of its address, which is no lease, says LSR_WORD_OFFER, and its bit in the map of free addresses is set, so that no search meets it.
 * Of an IPv6 address it is the bit of the record's place, and the address has its entry in the index as that of a lease has.
 * Here lies for whom and until when. The offer of a client's own lease, if a sweep could come upon that, is the flag LSR_WORD_KEPT of it instead: no bit, no count, only sweeps
 * ask for it. The record is the authority: a lease that is created there, or a scope that is deleted, ends the offer without asking here; what
 * is left here is dropped when it is met. An entry knows the whole word that the record had, which never comes again.
 *
 *   Locks: one for each shard; taken before record claims, which are only tried under it; nobody takes it while he holds a claim. 'walk' before those of the shards.
 *   Times are those of the monotonic clock.
 */
#ifndef LSR_OFFERS_H
#define LSR_OFFERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

#define LSR_OFFER_SHARDS  64u
#define LSR_OFFER_BUCKETS 1024u /* of a shard */

typedef struct lsr_offer {
	struct lsr_offer *next; /* of the bucket */
	uint64_t key;           /* of the client in the scope */
	uint64_t until_ns;
	uint64_t word;   /* of the record, while it is offered */
	uint64_t prefix; /* of the scope, if it is an IPv6 one; else 0 */
	uint64_t low;    /* lower half of the IPv6 address; else the address */
	uint32_t uid;    /* of the scope */
	uint32_t place;  /* of the record in the scope; IPv4: the address */
	uint32_t record_id;
	uint32_t heap_at;
	uint16_t client_id_bytes;
	uint8_t client_id[];
} lsr_offer_t;

typedef struct lsr_offer_shard {
	LSR_APART pthread_mutex_t lock;
	uint32_t count;
	uint32_t room;
	lsr_offer_t **heap;   /* that which ends first is first */
	lsr_offer_t **bucket; /* NULL: there never was an offer */
} lsr_offer_shard_t;

typedef struct lsr_offers {
	lsr_offer_shard_t *shard;
	uint32_t max;
	_Atomic uint32_t count;
	_Atomic uint64_t
		due_ns;     /* not later than the end of the first that ends; UINT64_MAX: none, or somebody walks */
	_Atomic bool walks; /* somebody ends what is due */
	_Atomic uint64_t walked; /* times that this ended any; moved before 'walks' is false again */
	pthread_mutex_t walk;    /* one at a time, outside of any section */
} lsr_offers_t;

/* Whose offer. */
typedef struct lsr_offer_client {
	uint64_t key;
	uint32_t uid;
	const uint8_t *client_id;
	uint16_t client_id_bytes;
} lsr_offer_client_t;

/* False: no memory. */
bool lsr_offers_init(lsr_offers_t *offers, uint32_t max);
void lsr_offers_destroy(lsr_offers_t *offers);

/* The shard of a client, locked. */
lsr_offer_shard_t *lsr_offers_lock(lsr_offers_t *offers, uint64_t key);
void lsr_offers_unlock(lsr_offer_shard_t *shard);

/* With the shard locked: the client's offer; NULL. */
lsr_offer_t *lsr_offers_find(const lsr_offer_shard_t *shard, const lsr_offer_client_t *client);

/* A new one, to be entered. NULL: no memory, or (*at_limit) there are too many. It is counted from here on. */
lsr_offer_t *lsr_offers_new(lsr_offers_t *offers, lsr_offer_shard_t *shard, const lsr_offer_client_t *client,
			    bool *at_limit);

/* Enter it, until offer->until_ns; cannot fail. Move the end of one that is entered. Take it out and free it. */
void lsr_offers_enter(lsr_offers_t *offers, lsr_offer_shard_t *shard, lsr_offer_t *offer);
void lsr_offers_move(lsr_offers_t *offers, lsr_offer_shard_t *shard, lsr_offer_t *offer, uint64_t until_ns);
void lsr_offers_remove(lsr_offers_t *offers, lsr_offer_shard_t *shard, lsr_offer_t *offer);

/* One of them ends then, or has to be looked at again. */
void lsr_offers_note(lsr_offers_t *offers, uint64_t due_ns);

#endif
