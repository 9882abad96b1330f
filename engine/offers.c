/* SPDX-License-Identifier: Apache-2.0 */
#include "offers.h"

#include <assert.h>
#include <stdlib.h>

bool
lsr_offers_init(lsr_offers_t *offers, uint32_t max) {
	const size_t bytes = LSR_OFFER_SHARDS * sizeof(lsr_offer_shard_t);
	offers->shard = aligned_alloc(_Alignof(lsr_offer_shard_t), bytes);
	if (offers->shard == NULL) {
		return false;
	}
	memset(offers->shard, 0, bytes);
	for (unsigned i = 0; i < LSR_OFFER_SHARDS; i++) {
		(void)pthread_mutex_init(&offers->shard[i].lock, NULL);
	}
	(void)pthread_mutex_init(&offers->walk, NULL);
	atomic_init(&offers->walks, false);
	atomic_init(&offers->walked, 0);
	offers->max = max;
	atomic_init(&offers->count, 0);
	atomic_init(&offers->due_ns, UINT64_MAX);
	return true;
}

void
lsr_offers_destroy(lsr_offers_t *offers) {
	for (unsigned i = 0; offers->shard != NULL && i < LSR_OFFER_SHARDS; i++) {
		lsr_offer_shard_t *shard = &offers->shard[i];
		for (uint32_t at = 0; at < shard->count; at++) {
			free(shard->heap[at]);
		}
		free(shard->heap);
		free(shard->bucket);
		(void)pthread_mutex_destroy(&shard->lock);
	}
	if (offers->shard != NULL) {
		(void)pthread_mutex_destroy(&offers->walk);
	}
	free(offers->shard);
	offers->shard = NULL;
}

lsr_offer_shard_t *
lsr_offers_lock(lsr_offers_t *offers, uint64_t key) {
	lsr_offer_shard_t *shard = &offers->shard[key >> 58];
	static_assert(LSR_OFFER_SHARDS == 64, "six bits");
	(void)pthread_mutex_lock(&shard->lock);
	return shard;
}

void
lsr_offers_unlock(lsr_offer_shard_t *shard) {
	(void)pthread_mutex_unlock(&shard->lock);
}

lsr_offer_t *
lsr_offers_find(const lsr_offer_shard_t *shard, const lsr_offer_client_t *client) {
	lsr_offer_t *offer = shard->bucket != NULL ? shard->bucket[client->key % LSR_OFFER_BUCKETS] : NULL;
	while (offer != NULL && !(offer->key == client->key && offer->uid == client->uid &&
				  offer->client_id_bytes == client->client_id_bytes &&
				  memcmp(offer->client_id, client->client_id, client->client_id_bytes) == 0)) {
		offer = offer->next;
	}
	return offer;
}

/* Room for one more. */
static bool
make_room(lsr_offer_shard_t *shard) {
	if (shard->bucket == NULL) {
		shard->bucket = calloc(LSR_OFFER_BUCKETS, sizeof(lsr_offer_t *));
	}
	if (shard->count == shard->room) {
		const uint32_t room = shard->room != 0 ? 2 * shard->room : 64;
		lsr_offer_t **heap = realloc(shard->heap, room * sizeof(lsr_offer_t *));
		if (heap == NULL) {
			return false;
		}
		shard->heap = heap;
		shard->room = room;
	}
	return shard->bucket != NULL;
}

/* Not beyond the maximum even for a moment, or others would be refused for one that never was. */
static bool
count_one(lsr_offers_t *offers) {
	uint32_t count = atomic_load_explicit(&offers->count, memory_order_relaxed);
	while (count < offers->max) {
		if (atomic_compare_exchange_weak_explicit(&offers->count, &count, count + 1, memory_order_relaxed,
							  memory_order_relaxed)) {
			return true;
		}
	}
	return false;
}

lsr_offer_t *
lsr_offers_new(lsr_offers_t *offers, lsr_offer_shard_t *shard, const lsr_offer_client_t *client, bool *at_limit) {
	*at_limit = !count_one(offers);
	if (*at_limit) {
		return NULL;
	}
	lsr_offer_t *offer = make_room(shard) ? malloc(sizeof(*offer) + client->client_id_bytes) : NULL;
	if (offer == NULL) {
		(void)atomic_fetch_sub_explicit(&offers->count, 1, memory_order_relaxed);
		return NULL;
	}
	*offer = (lsr_offer_t){.key = client->key, .uid = client->uid, .client_id_bytes = client->client_id_bytes};
	memcpy(offer->client_id, client->client_id, client->client_id_bytes);
	return offer;
}

/* ---- the heap ------------------------------------------------------------------------------------------------------ */

static void
put(lsr_offer_shard_t *shard, uint32_t at, lsr_offer_t *offer) {
	shard->heap[at] = offer;
	offer->heap_at = at;
}

/* To where it belongs, from 'at', which is free. */
static void
settle(lsr_offer_shard_t *shard, uint32_t at, lsr_offer_t *offer) {
	while (at > 0 && offer->until_ns < shard->heap[(at - 1) / 2]->until_ns) {
		put(shard, at, shard->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	for (uint32_t below; (below = 2 * at + 1) < shard->count; at = below) {
		if (below + 1 < shard->count && shard->heap[below + 1]->until_ns < shard->heap[below]->until_ns) {
			below++;
		}
		if (offer->until_ns <= shard->heap[below]->until_ns) {
			break;
		}
		put(shard, at, shard->heap[below]);
	}
	put(shard, at, offer);
}

void
lsr_offers_note(lsr_offers_t *offers, uint64_t due_ns) {
	uint64_t due = atomic_load_explicit(&offers->due_ns, memory_order_relaxed);
	while (due_ns < due && !atomic_compare_exchange_weak_explicit(&offers->due_ns, &due, due_ns,
								      memory_order_relaxed, memory_order_relaxed)) {
	}
}

void
lsr_offers_enter(lsr_offers_t *offers, lsr_offer_shard_t *shard, lsr_offer_t *offer) {
	lsr_offer_t **bucket = &shard->bucket[offer->key % LSR_OFFER_BUCKETS];
	offer->next = *bucket;
	*bucket = offer;
	settle(shard, shard->count++, offer);
	lsr_offers_note(offers, offer->until_ns);
}

void
lsr_offers_move(lsr_offers_t *offers, lsr_offer_shard_t *shard, lsr_offer_t *offer, uint64_t until_ns) {
	offer->until_ns = until_ns;
	settle(shard, offer->heap_at, offer);
	lsr_offers_note(offers, until_ns);
}

void
lsr_offers_remove(lsr_offers_t *offers, lsr_offer_shard_t *shard, lsr_offer_t *offer) {
	lsr_offer_t **link = &shard->bucket[offer->key % LSR_OFFER_BUCKETS];
	while (*link != offer) {
		link = &(*link)->next;
	}
	*link = offer->next;
	lsr_offer_t *last = shard->heap[--shard->count];
	if (last != offer) {
		settle(shard, offer->heap_at, last);
	}
	free(offer);
	(void)atomic_fetch_sub_explicit(&offers->count, 1, memory_order_relaxed);
}
