/* SPDX-License-Identifier: Apache-2.0 */
#include "scope/scope.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define IMAGE_HEAD_BYTES     60u
#define IMAGE_SINCE_V2_BYTES 8u
#define IMAGE_LIMIT_BYTES    4u
enum {
	IMAGE_RANGE = 1,
	IMAGE_NAME = 2,
	IMAGE_COMMENT = 4,
	IMAGE_QUARANTINE = 8,
	IMAGE_SINCE_V2 = 16,
	IMAGE_LIMIT = 32 /* only if there is one */
};

/* ---- configuration ----------------------------------------------------------------------------------------------- */

static bool
mask_is_contiguous(uint32_t mask) {
	return mask != 0 && (~mask & (~mask + 1)) == 0;
}

bool
lsr_scope_check(const lessor_scope_t *scope) {
	size_t ignored;
	if (scope->subnet == 0 || !mask_is_contiguous(scope->mask) || (scope->subnet & ~scope->mask) != 0 ||
	    scope->state > LESSOR_SCOPE_INVALID_STATE || scope->offer_delay_ms > LESSOR_OFFER_DELAY_MAX_MS) {
		return false;
	}
	if (scope->has_range &&
	    (scope->range.first > scope->range.last || (scope->range.first & scope->mask) != scope->subnet ||
	     (scope->range.last & scope->mask) != scope->subnet)) {
		return false;
	}
	return lsr_text_measure(scope->name, LESSOR_SCOPE_NAME_MAX_BYTES, &ignored) &&
	       lsr_text_measure(scope->comment, LESSOR_SCOPE_NAME_MAX_BYTES, &ignored);
}

static int
by_first(const void *a, const void *b) {
	const lessor_range_t *left = a;
	const lessor_range_t *right = b;
	if (left->first != right->first) {
		return left->first < right->first ? -1 : 1;
	}
	return (left->last > right->last) - (left->last < right->last);
}

/* Sort the exclusions, cut them to the range, merge them into holes, and count what is left. */
static void
derive_pool(lsr_scope_config_t *config) {
	if (config->exclusions > 1) {
		qsort(config->exclusion, config->exclusions, sizeof(config->exclusion[0]), by_first);
	}
	config->holes = 0;
	config->pool = config->has_range ? (uint64_t)config->range.last - config->range.first + 1 : 0;
	for (uint32_t i = 0; config->has_range && i < config->exclusions; i++) {
		lessor_range_t hole = config->exclusion[i];
		if (hole.last < config->range.first || hole.first > config->range.last) {
			continue;
		}
		hole.first = hole.first < config->range.first ? config->range.first : hole.first;
		hole.last = hole.last > config->range.last ? config->range.last : hole.last;
		lessor_range_t *last = config->holes > 0 ? &config->hole[config->holes - 1] : NULL;
		if (last != NULL && hole.first <= (uint64_t)last->last + 1) {
			last->last = hole.last > last->last ? hole.last : last->last;
		} else {
			config->hole[config->holes++] = hole;
		}
	}
	for (uint32_t i = 0; i < config->holes; i++) {
		config->pool -= (uint64_t)config->hole[i].last - config->hole[i].first + 1;
	}
}

/* How many holes begin at or before an address. */
static uint32_t
holes_until(const lsr_scope_config_t *config, uint64_t address) {
	uint32_t low = 0;
	uint32_t high = config->holes;
	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		if (config->hole[middle].first <= address) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

bool
lsr_scope_in_hole(const lsr_scope_config_t *config, uint32_t address) {
	const uint32_t holes = holes_until(config, address);
	return holes > 0 && address <= config->hole[holes - 1].last;
}

bool
lsr_scope_pool_piece(const lsr_scope_config_t *config, uint64_t from, lessor_range_t *piece) {
	if (!config->has_range) {
		return false;
	}
	from = lsr_max_u64(from, config->range.first);
	const uint32_t hole = holes_until(config, from);
	if (hole > 0) {
		from = lsr_max_u64(from, (uint64_t)config->hole[hole - 1].last + 1);
	}
	if (from > config->range.last) {
		return false;
	}
	piece->first = (uint32_t)from;
	piece->last = hole < config->holes ? config->hole[hole].first - 1 : config->range.last;
	return true;
}

lsr_scope_config_t *
lsr_scope_config_new(const lessor_scope_t *scope, uint32_t superscope, const lessor_range_t *exclusions,
		     uint32_t count) {
	const size_t name_bytes = scope->name != NULL ? strlen(scope->name) : 0;
	const size_t comment_bytes = scope->comment != NULL ? strlen(scope->comment) : 0;
	lsr_scope_config_t *config =
		malloc(sizeof(*config) + 2 * (size_t)count * sizeof(lessor_range_t) + name_bytes + comment_bytes + 2);
	if (config == NULL) {
		return NULL;
	}
	*config = (lsr_scope_config_t){.id = scope->id,
				       .state = scope->state,
				       .lease_s = scope->lease_s != 0 ? scope->lease_s : LESSOR_DEFAULT_LEASE_S,
				       .superscope = superscope,
				       .max_leases = scope->max_leases,
				       .offer_delay_ms = scope->offer_delay_ms,
				       .quarantine_on = scope->quarantine_on,
				       .has_range = scope->has_range,
				       .has_name = scope->name != NULL,
				       .has_comment = scope->comment != NULL,
				       .exclusions = count,
				       .name_bytes = (uint16_t)name_bytes,
				       .comment_bytes = (uint16_t)comment_bytes};
	if (scope->has_range) {
		config->range = scope->range;
	}
	config->exclusion = (lessor_range_t *)(void *)(config + 1);
	config->hole = config->exclusion + count;
	config->name = (char *)(config->hole + count);
	config->comment = config->name + name_bytes + 1;
	if (count > 0) {
		memcpy(config->exclusion, exclusions, count * sizeof(exclusions[0]));
	}
	memcpy(config->name, scope->name != NULL ? scope->name : "", name_bytes + 1);
	memcpy(config->comment, scope->comment != NULL ? scope->comment : "", comment_bytes + 1);
	derive_pool(config);
	return config;
}

void
lsr_scope_config_free(lsr_scope_config_t *config) {
	free(config);
}

static void
free_config(lsr_rcu_head_t *head) {
	free(LSR_CONTAINER(head, lsr_scope_config_t, retired));
}

void
lsr_scope_config_retire(lsr_scope_config_t *config) {
	lsr_rcu_defer(&config->retired, free_config);
}

lessor_scope_t
lsr_scope_describe(const lsr_scope_t *scope, const lsr_scope_config_t *config) {
	return (lessor_scope_t){.subnet = scope->subnet,
				.mask = scope->mask,
				.id = config->id,
				.state = config->state,
				.lease_s = config->lease_s,
				.has_range = config->has_range,
				.range = config->range,
				.name = config->has_name ? config->name : NULL,
				.comment = config->has_comment ? config->comment : NULL,
				.offer_delay_ms = config->offer_delay_ms,
				.quarantine_on = config->quarantine_on,
				.max_leases = config->max_leases};
}

/* ---- scopes ------------------------------------------------------------------------------------------------------- */

lsr_scope_t *
lsr_scope_new(uint32_t subnet, uint32_t mask, uint32_t uid, lsr_scope_config_t *config) {
	lsr_scope_t *scope = aligned_alloc(_Alignof(lsr_scope_t), sizeof(*scope));
	if (scope == NULL) {
		return NULL;
	}
	memset(scope, 0, sizeof(*scope));
	scope->subnet = subnet;
	scope->mask = mask;
	scope->uid = uid;
	if (!lsr_table_init(&scope->table, subnet, mask)) {
		free(scope);
		return NULL;
	}
	(void)lsr_scope_install(scope, config);
	return scope;
}

lsr_scope_t *
lsr_scope_new_masked(const lsr_scope_t *old, uint32_t mask, lsr_scope_config_t *config) {
	lsr_scope_t *scope = lsr_scope_new(old->subnet, mask, old->uid, config);
	for (unsigned half = 0; scope != NULL && half < 2; half++) {
		atomic_init(&scope->counters.deletes[half],
			    atomic_load_explicit(&old->counters.deletes[half], memory_order_relaxed));
		scope->counters.deletes_saved = old->counters.deletes_saved;
	}
	return scope;
}

lessor_status_t
lsr_scope_stage_move(const lsr_trie_t *trie, const lsr_scope_t *old, lsr_scope_t *successor, lsr_trie_move_t *move) {
	const lsr_key_t key = lsr_key_ipv4(old->subnet);
	return lsr_trie_stage_move(trie, key, lsr_mask_bits(old->mask), key, lsr_mask_bits(successor->mask), successor,
				   move);
}

lsr_scope_config_t *
lsr_scope_install(lsr_scope_t *scope, lsr_scope_config_t *config) {
	const bool has_range = config->has_range;
	atomic_store_explicit(&scope->pool_first, has_range ? config->range.first : 1, memory_order_relaxed);
	atomic_store_explicit(&scope->pool_last, has_range ? config->range.last : 0, memory_order_relaxed);
	atomic_store_explicit(&scope->pool_has_holes, config->holes != 0, memory_order_relaxed);
	atomic_store_explicit(&scope->is_limited, config->max_leases != 0, memory_order_relaxed);
	atomic_store_explicit(&scope->counters.max, config->max_leases, memory_order_relaxed);
	return atomic_exchange_explicit(&scope->config, config, memory_order_acq_rel); /* C1 */
}

void
lsr_scope_free(lsr_scope_t *scope, lsr_pages_t *pages) {
	lsr_table_destroy(&scope->table, pages);
	lsr_sparse_free(scope->sparse, pages);
	free(atomic_load_explicit(&scope->config, memory_order_relaxed));
	free(scope);
}

/* ---- images ------------------------------------------------------------------------------------------------------- */

size_t
lsr_scope_image_bytes(const lsr_scope_config_t *config) {
	return IMAGE_HEAD_BYTES + IMAGE_SINCE_V2_BYTES + (config->max_leases != 0 ? IMAGE_LIMIT_BYTES : 0) +
	       (size_t)config->exclusions * sizeof(lessor_range_t) + config->name_bytes + config->comment_bytes;
}

static void
put_u32(uint8_t **to, uint32_t value) {
	memcpy(*to, &value, sizeof(value));
	*to += sizeof(value);
}

static uint32_t
get_u32(const uint8_t **from) {
	uint32_t value;
	memcpy(&value, *from, sizeof(value));
	*from += sizeof(value);
	return value;
}

void
lsr_scope_image_put(uint8_t *image, const lsr_scope_t *scope, const lsr_scope_config_t *config, uint64_t deletes,
		    uint64_t high_water) {
	const size_t ranges_bytes = (size_t)config->exclusions * sizeof(lessor_range_t);
	put_u32(&image, scope->subnet);
	put_u32(&image, scope->mask);
	put_u32(&image, scope->uid);
	put_u32(&image, config->id);
	put_u32(&image, config->state);
	put_u32(&image, config->lease_s);
	put_u32(&image, (config->has_range ? IMAGE_RANGE : 0u) | (config->has_name ? IMAGE_NAME : 0u) |
				(config->has_comment ? IMAGE_COMMENT : 0u) |
				(config->quarantine_on ? IMAGE_QUARANTINE : 0u) | IMAGE_SINCE_V2 |
				(config->max_leases != 0 ? IMAGE_LIMIT : 0u));
	put_u32(&image, config->range.first);
	put_u32(&image, config->range.last);
	put_u32(&image, config->exclusions);
	memcpy(image, &deletes, 8);
	memcpy(image + 8, &high_water, 8);
	memcpy(image + 16, &config->name_bytes, 2);
	memcpy(image + 18, &config->comment_bytes, 2);
	image += 20;
	put_u32(&image, config->superscope);
	put_u32(&image, config->offer_delay_ms);
	if (config->max_leases != 0) {
		put_u32(&image, config->max_leases);
	}
	memcpy(image, config->exclusion, ranges_bytes);
	memcpy(image + ranges_bytes, config->name, config->name_bytes);
	memcpy(image + ranges_bytes + config->name_bytes, config->comment, config->comment_bytes);
}

/* The texts of an image are not NUL-terminated: copy them. */
static lessor_status_t
build_config(const uint8_t *image, lessor_scope_t *scope, uint32_t superscope, uint32_t flags, uint32_t exclusions,
	     uint16_t name_bytes, uint16_t comment_bytes, lsr_scope_config_t **config) {
	const size_t ranges_bytes = (size_t)exclusions * sizeof(lessor_range_t);
	lessor_range_t *ranges = malloc(ranges_bytes + 1);
	char *texts = malloc((size_t)name_bytes + comment_bytes + 2u);
	lessor_status_t status = LESSOR_NO_MEMORY;
	if (ranges != NULL && texts != NULL) {
		memcpy(ranges, image, ranges_bytes);
		memcpy(texts, image + ranges_bytes, name_bytes);
		texts[name_bytes] = '\0';
		memcpy(texts + name_bytes + 1, image + ranges_bytes + name_bytes, comment_bytes);
		texts[name_bytes + 1 + comment_bytes] = '\0';
		scope->name = (flags & IMAGE_NAME) != 0 ? texts : NULL;
		scope->comment = (flags & IMAGE_COMMENT) != 0 ? texts + name_bytes + 1 : NULL;
		status = LESSOR_DAMAGED;
		if (lsr_scope_check(scope)) {
			*config = lsr_scope_config_new(scope, superscope, ranges, exclusions);
			status = *config != NULL ? LESSOR_OK : LESSOR_NO_MEMORY;
		}
	}
	free(ranges);
	free(texts);
	return status;
}

lessor_status_t
lsr_scope_image_get(const uint8_t *image, size_t size_bytes, lsr_scope_image_t *out) {
	if (size_bytes < IMAGE_HEAD_BYTES) {
		return LESSOR_DAMAGED;
	}
	uint16_t name_bytes;
	uint16_t comment_bytes;
	uint32_t superscope = 0;
	lessor_scope_t scope = {0};
	scope.subnet = out->subnet = get_u32(&image);
	scope.mask = out->mask = get_u32(&image);
	out->uid = get_u32(&image);
	scope.id = get_u32(&image);
	scope.state = get_u32(&image);
	scope.lease_s = get_u32(&image);
	const uint32_t flags = get_u32(&image);
	const size_t head_bytes = IMAGE_HEAD_BYTES + ((flags & IMAGE_SINCE_V2) != 0 ? IMAGE_SINCE_V2_BYTES : 0) +
				  ((flags & IMAGE_LIMIT) != 0 ? IMAGE_LIMIT_BYTES : 0);
	scope.has_range = (flags & IMAGE_RANGE) != 0;
	scope.quarantine_on = (flags & IMAGE_QUARANTINE) != 0;
	scope.range.first = get_u32(&image);
	scope.range.last = get_u32(&image);
	const uint32_t exclusions = get_u32(&image);
	memcpy(&out->deletes, image, 8);
	memcpy(&out->high_water, image + 8, 8);
	memcpy(&name_bytes, image + 16, 2);
	memcpy(&comment_bytes, image + 18, 2);
	if (exclusions > LESSOR_SCOPE_MAX_EXCLUSIONS ||
	    size_bytes != head_bytes + (size_t)exclusions * sizeof(lessor_range_t) + name_bytes + comment_bytes) {
		return LESSOR_DAMAGED;
	}
	image += 20;
	if ((flags & IMAGE_SINCE_V2) != 0) {
		superscope = get_u32(&image);
		const uint32_t offer_delay_ms = get_u32(&image);
		if (offer_delay_ms > LESSOR_OFFER_DELAY_MAX_MS) {
			return LESSOR_DAMAGED;
		}
		scope.offer_delay_ms = (uint16_t)offer_delay_ms;
	}
	if ((flags & IMAGE_LIMIT) != 0) {
		scope.max_leases = get_u32(&image);
		if (scope.max_leases == 0) {
			return LESSOR_DAMAGED;
		}
	}
	return build_config(image, &scope, superscope, flags, exclusions, name_bytes, comment_bytes, &out->config);
}
