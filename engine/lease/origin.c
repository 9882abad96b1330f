/* SPDX-License-Identifier: Apache-2.0 */
#include "lease/origin.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

bool
lsr_origins_init(lsr_origins_t *origins) {
	memset(origins, 0, sizeof(*origins));
	origins->by_number = calloc(LSR_ORIGINS_MAX + 1, sizeof(origins->by_number[0]));
	origins->index = calloc(LSR_ORIGIN_SLOTS, sizeof(origins->index[0]));
	if (origins->by_number == NULL || origins->index == NULL) {
		free(origins->by_number);
		free(origins->index);
		memset(origins, 0, sizeof(*origins));
		return false;
	}
	(void)pthread_mutex_init(&origins->lock, NULL);
	return true;
}

void
lsr_origins_destroy(lsr_origins_t *origins) {
	if (origins->by_number == NULL) {
		return;
	}
	for (uint32_t i = 1; i <= LSR_ORIGINS_MAX; i++) {
		free(atomic_load_explicit(&origins->by_number[i], memory_order_relaxed));
	}
	free(origins->by_number);
	free(origins->index);
	(void)pthread_mutex_destroy(&origins->lock);
	memset(origins, 0, sizeof(*origins));
}

static uint32_t
first_slot(const lsr_origin_t *origin) {
	uint64_t h = XXH3_64bits_withSeed(origin->owner_name, origin->has_owner_name ? origin->owner_name_bytes : 0,
					  origin->owner_address);
	h = XXH3_64bits_withSeed(origin->policy_name, origin->has_policy ? origin->policy_bytes : 0, h);
	return (uint32_t)(h % LSR_ORIGIN_SLOTS);
}

static bool
equal_text(bool has_a, const char *a, size_t a_bytes, bool has_b, const char *b, size_t b_bytes) {
	return has_a == has_b && (!has_a || (a_bytes == b_bytes && memcmp(a, b, a_bytes) == 0));
}

static bool
equal(const lsr_origin_t *a, const lsr_origin_t *b) {
	return a->owner_address == b->owner_address &&
	       equal_text(a->has_owner_name, a->owner_name, a->owner_name_bytes, b->has_owner_name, b->owner_name,
			  b->owner_name_bytes) &&
	       equal_text(a->has_policy, a->policy_name, a->policy_bytes, b->has_policy, b->policy_name,
			  b->policy_bytes);
}

uint16_t
lsr_origins_find(const lsr_origins_t *origins, const lsr_origin_t *origin) {
	for (uint32_t slot = first_slot(origin);; slot = (slot + 1) % LSR_ORIGIN_SLOTS) {
		const uint16_t number = atomic_load_explicit(&origins->index[slot], memory_order_acquire); /* O2 */
		if (number == 0 || equal(lsr_origins_get(origins, number), origin)) {
			return number;
		}
	}
}

uint32_t
lsr_origins_next_number(const lsr_origins_t *origins) {
	const uint32_t count = atomic_load_explicit(&origins->count, memory_order_relaxed);
	return count < LSR_ORIGINS_MAX ? count + 1 : 0;
}

/* One block: the origin and its texts. */
lsr_origin_t *
lsr_origin_copy(const lsr_origin_t *origin) {
	lsr_origin_t *copy = malloc(sizeof(*copy) + origin->owner_name_bytes + origin->policy_bytes + 2u);
	if (copy == NULL) {
		return NULL;
	}
	*copy = *origin;
	copy->owner_name = (char *)(copy + 1);
	copy->policy_name = copy->owner_name + origin->owner_name_bytes + 1;
	if (origin->has_owner_name) {
		memcpy(copy->owner_name, origin->owner_name, origin->owner_name_bytes);
	}
	if (origin->has_policy) {
		memcpy(copy->policy_name, origin->policy_name, origin->policy_bytes);
	}
	copy->owner_name[origin->owner_name_bytes] = '\0';
	copy->policy_name[origin->policy_bytes] = '\0';
	return copy;
}

void
lsr_origins_publish(lsr_origins_t *origins, uint32_t number, lsr_origin_t *copy) {
	atomic_store_explicit(&origins->by_number[number], copy, memory_order_release); /* O1 */
	uint32_t slot = first_slot(copy);
	while (atomic_load_explicit(&origins->index[slot], memory_order_relaxed) != 0) {
		slot = (slot + 1) % LSR_ORIGIN_SLOTS;
	}
	atomic_store_explicit(&origins->index[slot], (uint16_t)number, memory_order_release); /* O1 */
	if (number > atomic_load_explicit(&origins->count, memory_order_relaxed)) {
		atomic_store_explicit(&origins->count, number, memory_order_release);
	}
}

bool
lsr_origins_add(lsr_origins_t *origins, uint32_t number, const lsr_origin_t *origin) {
	if (number == 0 || number > LSR_ORIGINS_MAX) {
		return false;
	}
	const lsr_origin_t *present = lsr_origins_get(origins, (uint16_t)number);
	if (present != NULL) {
		return equal(present, origin);
	}
	lsr_origin_t *copy = lsr_origin_copy(origin);
	if (copy == NULL) {
		return false;
	}
	lsr_origins_publish(origins, number, copy);
	return true;
}

const lsr_origin_t *
lsr_origins_get(const lsr_origins_t *origins, uint16_t number) {
	return atomic_load_explicit(&origins->by_number[number], memory_order_acquire); /* O2 */
}
