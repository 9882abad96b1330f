/* SPDX-License-Identifier: Apache-2.0 */
/* The last row of each address, in a compact table. See kea4_plan.h. */
#include "kea4_plan.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 1024, FIRST_SLOTS = 2048, FLAG_BITS = 4, LINE_BITS = 46 };

/* ---- places and hashes ------------------------------------------------------------------------------------------- */

uint64_t
kea4_place(size_t file, uint64_t line) {
	return (uint64_t)file << (FLAG_BITS + LINE_BITS) | line << FLAG_BITS;
}

size_t
kea4_place_file(uint64_t place) {
	return (size_t)(place >> (FLAG_BITS + LINE_BITS));
}

uint64_t
kea4_place_line(uint64_t place) {
	return place >> FLAG_BITS & ((UINT64_C(1) << LINE_BITS) - 1);
}

/* Every bit of the input moves every bit of the output (Stafford's mix 13). */
static uint64_t
mix(uint64_t x) {
	x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
	return x ^ x >> 31;
}

uint64_t
kea4_plan_client(const kea4_plan_t *plan, uint32_t subnet, const uint8_t *id, size_t id_bytes) {
	uint64_t hash = mix(plan->seed ^ ((uint64_t)subnet << 8 | id_bytes));
	for (size_t at = 0; at < id_bytes; at += sizeof(uint64_t)) {
		uint64_t word = 0;
		memcpy(&word, id + at, id_bytes - at < sizeof(word) ? id_bytes - at : sizeof(word));
		hash = mix(hash ^ word) + plan->seed;
	}
	return hash != 0 ? hash : 1;
}

static size_t
address_slot(const kea4_plan_t *plan, uint32_t address) {
	return (size_t)mix(plan->seed ^ address) & (plan->slots - 1);
}

/* ---- the index by address ---------------------------------------------------------------------------------------- */

bool
kea4_plan_open(kea4_plan_t *plan, uint64_t seed) {
	*plan = (kea4_plan_t){.capacity = FIRST_CAPACITY, .slots = FIRST_SLOTS, .seed = seed};
	plan->claims = malloc(plan->capacity * sizeof(*plan->claims));
	plan->addresses = calloc(plan->slots, sizeof(*plan->addresses));
	if (plan->claims == NULL || plan->addresses == NULL) {
		kea4_plan_close(plan);
		return false;
	}
	return true;
}

void
kea4_plan_close(kea4_plan_t *plan) {
	free(plan->claims);
	free(plan->addresses);
	free(plan->clients);
	*plan = (kea4_plan_t){0};
}

/* The slot of this address, or the empty one where it belongs. */
static uint32_t *
find_slot(const kea4_plan_t *plan, uint32_t address) {
	size_t slot = address_slot(plan, address);
	while (plan->addresses[slot] != 0 && plan->claims[plan->addresses[slot] - 1].address != address) {
		slot = (slot + 1) & (plan->slots - 1);
	}
	return &plan->addresses[slot];
}

static bool
grow_slots(kea4_plan_t *plan) {
	uint32_t *addresses = calloc(plan->slots * 2, sizeof(*addresses));
	if (addresses == NULL) {
		return false;
	}
	free(plan->addresses);
	plan->addresses = addresses;
	plan->slots *= 2;
	for (size_t i = 0; i < plan->count; i++) {
		*find_slot(plan, plan->claims[i].address) = (uint32_t)(i + 1);
	}
	return true;
}

static bool
make_room(kea4_plan_t *plan) {
	if (plan->count == plan->capacity) {
		size_t capacity = plan->capacity + plan->capacity / 2;
		kea4_claim_t *claims = realloc(plan->claims, capacity * sizeof(*claims));
		if (claims == NULL) {
			return false;
		}
		plan->claims = claims;
		plan->capacity = capacity;
	}
	return plan->count < plan->slots / 4 * 3 || grow_slots(plan);
}

bool
kea4_plan_put(kea4_plan_t *plan, const kea4_claim_t *claim) {
	uint32_t *slot = find_slot(plan, claim->address);
	if (*slot != 0) {
		plan->claims[*slot - 1] = *claim;
		return true;
	}
	if (!make_room(plan)) {
		return false;
	}
	plan->claims[plan->count++] = *claim;
	*find_slot(plan, claim->address) = (uint32_t)plan->count;
	return true;
}

kea4_claim_t *
kea4_plan_find(const kea4_plan_t *plan, uint32_t address) {
	uint32_t slot = *find_slot(plan, address);
	return slot != 0 ? &plan->claims[slot - 1] : NULL;
}

/* ---- the contest for clients ------------------------------------------------------------------------------------- */

static uint32_t *
find_client_slot(const kea4_plan_t *plan, uint64_t client) {
	size_t slot = (size_t)mix(client) & (plan->slots - 1);
	while (plan->clients[slot] != 0 && plan->claims[plan->clients[slot] - 1].client != client) {
		slot = (slot + 1) & (plan->slots - 1);
	}
	return &plan->clients[slot];
}

static bool
is_later(const kea4_claim_t *a, const kea4_claim_t *b) {
	return a->last_transaction_s != b->last_transaction_s ? a->last_transaction_s > b->last_transaction_s
							      : a->place > b->place;
}

bool
kea4_plan_settle(kea4_plan_t *plan, size_t *lost) {
	*lost = 0;
	plan->clients = calloc(plan->slots, sizeof(*plan->clients));
	if (plan->clients == NULL) {
		return false;
	}
	for (size_t i = 0; i < plan->count; i++) {
		kea4_claim_t *claim = &plan->claims[i];
		if (claim->client == 0 || (claim->place & KEA4_CLAIM_ENDED) != 0) {
			continue;
		}
		uint32_t *slot = find_client_slot(plan, claim->client);
		kea4_claim_t *holder = *slot != 0 ? &plan->claims[*slot - 1] : NULL;
		if (holder != NULL) {
			*lost += 1;
		}
		if (holder != NULL && !is_later(claim, holder)) {
			claim->place |= KEA4_CLAIM_LOST;
			continue;
		}
		if (holder != NULL) {
			holder->place |= KEA4_CLAIM_LOST;
		}
		*slot = (uint32_t)(i + 1);
	}
	return true;
}

kea4_claim_t *
kea4_plan_holder(const kea4_plan_t *plan, uint64_t client) {
	uint32_t slot = *find_client_slot(plan, client);
	return slot != 0 ? &plan->claims[slot - 1] : NULL;
}
