/* SPDX-License-Identifier: Apache-2.0 */
/* The last row of each address, in a compact table. See import_plan.h. */
#include "import_plan.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	FIRST_CAPACITY = 1024,
	FIRST_SLOTS = 2048,
	AHEAD = 16,       /* claims between asking for a line of memory and needing it */
	VERDICT_BITS = 2, /* of a byte in plan->lines; the rest is of the address */
	HUGE_PAGE_BYTES = 2 * 1024 * 1024
};

/* ---- hashes ------------------------------------------------------------------------------------------------------ */

/* Every bit of the input moves every bit of the output (Stafford's mix 13). */
static uint64_t
mix(uint64_t x) {
	x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
	return x ^ x >> 31;
}

uint64_t
import_plan_client(const import_plan_t *plan, uint32_t subnet, const uint8_t *id, size_t id_bytes) {
	uint64_t hash = mix(plan->seed ^ ((uint64_t)subnet << 8 | id_bytes));
	for (size_t at = 0; at < id_bytes; at += sizeof(uint64_t)) {
		uint64_t word = 0;
		memcpy(&word, id + at, id_bytes - at < sizeof(word) ? id_bytes - at : sizeof(word));
		hash = mix(hash ^ word) + plan->seed;
	}
	return hash != 0 ? hash : 1;
}

static size_t
address_slot(const import_plan_t *plan, uint32_t address) {
	return (size_t)mix(plan->seed ^ address) & (plan->slots - 1);
}

static size_t
client_slot(const import_plan_t *plan, uint64_t client) {
	return (size_t)mix(client) & (plan->slots - 1);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

/* These tables are read in no order at all: with small pages every look costs a walk of the page tables on top. */
static void
prefer_huge_pages(void *memory, size_t bytes) {
	uintptr_t first = ((uintptr_t)memory + HUGE_PAGE_BYTES - 1) & ~((uintptr_t)HUGE_PAGE_BYTES - 1);
	uintptr_t end = ((uintptr_t)memory + bytes) & ~((uintptr_t)HUGE_PAGE_BYTES - 1);
	if (first < end) {
		(void)madvise((char *)memory + (first - (uintptr_t)memory), end - first, MADV_HUGEPAGE);
	}
}

static uint32_t *
new_slots(size_t slots) {
	uint32_t *memory = calloc(slots, sizeof(*memory));
	if (memory != NULL) {
		prefer_huge_pages(memory, slots * sizeof(*memory));
	}
	return memory;
}

bool
import_plan_open(import_plan_t *plan, uint64_t seed) {
	*plan = (import_plan_t){.capacity = FIRST_CAPACITY, .slots = FIRST_SLOTS, .seed = seed};
	plan->claims = malloc(plan->capacity * sizeof(*plan->claims));
	plan->addresses = new_slots(plan->slots);
	if (plan->claims == NULL || plan->addresses == NULL) {
		import_plan_close(plan);
		return false;
	}
	return true;
}

void
import_plan_close(import_plan_t *plan) {
	free(plan->claims);
	free(plan->addresses);
	free(plan->clients);
	free(plan->lines);
	*plan = (import_plan_t){0};
}

/* ---- the index by address ---------------------------------------------------------------------------------------- */

/* The slot of this address, or the empty one where it belongs. */
static uint32_t *
find_slot(const import_plan_t *plan, uint32_t address) {
	size_t slot = address_slot(plan, address);
	while (plan->addresses[slot] != 0 && plan->claims[plan->addresses[slot] - 1].address != address) {
		slot = (slot + 1) & (plan->slots - 1);
	}
	return &plan->addresses[slot];
}

static bool
grow_slots(import_plan_t *plan) {
	uint32_t *addresses = new_slots(plan->slots * 2);
	if (addresses == NULL) {
		return false;
	}
	free(plan->addresses);
	plan->addresses = addresses;
	plan->slots *= 2;
	for (size_t i = 0; i < plan->count; i++) {
		if (i + AHEAD < plan->count) {
			__builtin_prefetch(&addresses[address_slot(plan, plan->claims[i + AHEAD].address)], 1);
		}
		/* All are different: the first empty slot is the right one. */
		size_t slot = address_slot(plan, plan->claims[i].address);
		while (addresses[slot] != 0) {
			slot = (slot + 1) & (plan->slots - 1);
		}
		addresses[slot] = (uint32_t)(i + 1);
	}
	return true;
}

static bool
make_room(import_plan_t *plan) {
	if (plan->count == plan->capacity) {
		size_t capacity = plan->capacity + plan->capacity / 2;
		import_claim_t *claims = realloc(plan->claims, capacity * sizeof(*claims));
		if (claims == NULL) {
			return false;
		}
		prefer_huge_pages(claims, capacity * sizeof(*claims));
		plan->claims = claims;
		plan->capacity = capacity;
	}
	return plan->count < plan->slots / 4 * 3 || grow_slots(plan);
}

static bool
put_now(import_plan_t *plan, const import_claim_t *claim) {
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

/* In two steps, so that the misses of all overlap: the slots were asked for when the claims were queued. */
static bool
drain(import_plan_t *plan) {
	bool fine = true;
	for (size_t i = 0; i < plan->queued; i++) {
		uint32_t position = plan->addresses[address_slot(plan, plan->queue[i].address)];
		__builtin_prefetch(&plan->claims[position != 0 ? position - 1 : plan->count], 1);
	}
	for (size_t i = 0; i < plan->queued && fine; i++) {
		fine = put_now(plan, &plan->queue[i]);
	}
	plan->queued = 0;
	return fine;
}

bool
import_plan_put(import_plan_t *plan, const import_claim_t *claim) {
	uint64_t line = import_place_line(claim->place);
	plan->last_line = line > plan->last_line ? line : plan->last_line;
	plan->queue[plan->queued++] = *claim;
	__builtin_prefetch(&plan->addresses[address_slot(plan, claim->address)], 1);
	return plan->queued < IMPORT_PLAN_QUEUE || drain(plan);
}

import_claim_t *
import_plan_find(const import_plan_t *plan, uint32_t address) {
	uint32_t position = *find_slot(plan, address);
	return position != 0 ? &plan->claims[position - 1] : NULL;
}

/* ---- the contest for clients ------------------------------------------------------------------------------------- */

static bool
is_contender(const import_claim_t *claim) {
	return claim->client != 0 && (claim->place & IMPORT_CLAIM_ENDED) == 0;
}

static uint32_t *
find_client_slot(const import_plan_t *plan, uint64_t client) {
	size_t slot = client_slot(plan, client);
	while (plan->clients[slot] != 0 && plan->claims[plan->clients[slot] - 1].client != client) {
		slot = (slot + 1) & (plan->slots - 1);
	}
	return &plan->clients[slot];
}

/* Ask for what the contest needs a little later: first the slot, then the claim that stands there. */
static void
prefetch_contest(const import_plan_t *plan, size_t i) {
	if (i + 2 * AHEAD < plan->count) {
		__builtin_prefetch(&plan->clients[client_slot(plan, plan->claims[i + 2 * AHEAD].client)], 1);
	}
	if (i + AHEAD < plan->count) {
		uint32_t position = plan->clients[client_slot(plan, plan->claims[i + AHEAD].client)];
		__builtin_prefetch(&plan->claims[position != 0 ? position - 1 : 0]);
	}
}

static bool
is_later(const import_claim_t *a, const import_claim_t *b) {
	return a->last_transaction_s != b->last_transaction_s ? a->last_transaction_s > b->last_transaction_s
							      : a->place > b->place;
}

static void
contend(import_plan_t *plan, size_t i) {
	import_claim_t *claim = &plan->claims[i];
	uint32_t *slot = find_client_slot(plan, claim->client);
	import_claim_t *holder = *slot != 0 ? &plan->claims[*slot - 1] : NULL;
	if (holder != NULL && !is_later(claim, holder)) {
		claim->place |= IMPORT_CLAIM_LOST;
		return;
	}
	if (holder != NULL) {
		holder->place |= IMPORT_CLAIM_LOST;
	}
	*slot = (uint32_t)(i + 1);
}

import_claim_t *
import_plan_holder(const import_plan_t *plan, uint64_t client) {
	uint32_t position = *find_client_slot(plan, client);
	return position != 0 ? &plan->claims[position - 1] : NULL;
}

/* ---- verdicts ---------------------------------------------------------------------------------------------------- */

static uint8_t
line_byte(const import_plan_t *plan, uint32_t address, import_verdict_t verdict) {
	return (uint8_t)((mix(plan->seed + address) << VERDICT_BITS) | verdict);
}

static void
judge(import_plan_t *plan, const import_claim_t *claim) {
	if ((claim->place & IMPORT_CLAIM_ENDED) == 0) {
		bool refused = claim->client == 0 || (claim->place & IMPORT_CLAIM_LOST) != 0;
		plan->lines[import_place_line(claim->place)] =
			line_byte(plan, claim->address, refused ? IMPORT_REFUSE : IMPORT_STORE);
	}
}

import_verdict_t
import_plan_verdict(const import_plan_t *plan, uint64_t line) {
	return line <= plan->last_line ? (import_verdict_t)(plan->lines[line] & ((1 << VERDICT_BITS) - 1))
				       : IMPORT_SKIP;
}

bool
import_plan_is_address(const import_plan_t *plan, uint64_t line, uint32_t address) {
	return plan->lines[line] == line_byte(plan, address, import_plan_verdict(plan, line));
}

bool
import_plan_settle(import_plan_t *plan) {
	if (!drain(plan)) {
		return false;
	}
	plan->clients = new_slots(plan->slots);
	plan->lines = calloc(plan->last_line + 1, 1);
	if (plan->clients == NULL || plan->lines == NULL) {
		return false;
	}
	for (size_t i = 0; i < plan->count; i++) {
		prefetch_contest(plan, i);
		if (is_contender(&plan->claims[i])) {
			contend(plan, i);
		}
	}
	for (size_t i = 0; i < plan->count; i++) {
		judge(plan, &plan->claims[i]);
	}
	return true;
}
