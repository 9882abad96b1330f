/* SPDX-License-Identifier: Apache-2.0 */
#include "scope/scope6.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define IMAGE_LIMIT_BYTES 4u
enum {
	IMAGE_NAME = 2,
	IMAGE_COMMENT = 4,
	IMAGE_LIMIT = 8 /* only if there is one */
};

typedef struct {
	uint64_t prefix;
	uint32_t uid, id, state, lease_s, flags;
	uint16_t preference, zero;
	uint32_t exclusions;
	uint16_t name_bytes, comment_bytes;
	uint64_t deletes, high_water;
} lsr_image_head_t;

static_assert(sizeof(lsr_image_head_t) == 56, "as the header says");

/* ---- configuration ----------------------------------------------------------------------------------------------- */

bool
lsr_scope6_check_prefix(uint64_t prefix) {
	/* Unspecified and loopback addresses have the prefix 0. */
	return prefix != 0 && prefix >> 56 != 0xFF && prefix >> 54 != 0xFE80 >> 6;
}

bool
lsr_scope6_check(const lessor_scope6_t *scope) {
	size_t ignored;
	return scope->state <= LESSOR_SCOPE_INVALID_STATE &&
	       lsr_text_measure(scope->name, LESSOR_SCOPE_NAME_MAX_BYTES, &ignored) &&
	       lsr_text_measure(scope->comment, LESSOR_SCOPE_NAME_MAX_BYTES, &ignored);
}

static int
by_first(const void *a, const void *b) {
	const lessor_range6_t *left = a;
	const lessor_range6_t *right = b;
	return (left->first > right->first) - (left->first < right->first);
}

lsr_scope_config_t *
lsr_scope6_config_new(const lessor_scope6_t *scope, const lsr_scope6_parts_t *parts) {
	const uint32_t count = parts->exclusions;
	const size_t name_bytes = scope->name != NULL ? strlen(scope->name) : 0;
	const size_t comment_bytes = scope->comment != NULL ? strlen(scope->comment) : 0;
	lsr_scope_config_t *config = malloc(sizeof(*config) + (size_t)count * sizeof(lessor_range6_t) + name_bytes +
					    comment_bytes + 2 + parts->outside_bytes);
	if (config == NULL) {
		return NULL;
	}
	*config = (lsr_scope_config_t){.id = scope->id,
				       .state = scope->state,
				       .lease_s = scope->lease_s != 0 ? scope->lease_s : LESSOR_DEFAULT_LEASE_S,
				       .preference = scope->preference,
				       .max_leases = scope->max_leases,
				       .has_name = scope->name != NULL,
				       .has_comment = scope->comment != NULL,
				       .exclusions = count,
				       .holes = count,
				       .pool = UINT64_MAX, /* stands for 2^64 too */
				       .outside_bytes = parts->outside_bytes,
				       .name_bytes = (uint16_t)name_bytes,
				       .comment_bytes = (uint16_t)comment_bytes};
	config->exclusion6 = (lessor_range6_t *)(void *)(config + 1);
	config->name = (char *)(config->exclusion6 + count);
	config->comment = config->name + name_bytes + 1;
	config->outside = (uint8_t *)config->comment + comment_bytes + 1;
	if (parts->outside_bytes > 0) {
		memcpy(config->outside, parts->outside, parts->outside_bytes);
	}
	if (count > 0) {
		memcpy(config->exclusion6, parts->exclusion, count * sizeof(config->exclusion6[0]));
		qsort(config->exclusion6, count, sizeof(config->exclusion6[0]), by_first);
		config->pool = 0; /* of 2^64, which is 0 here */
	}
	for (uint32_t i = 0; i < count; i++) {
		config->pool -= config->exclusion6[i].last - config->exclusion6[i].first + 1;
	}
	memcpy(config->name, scope->name != NULL ? scope->name : "", name_bytes + 1);
	memcpy(config->comment, scope->comment != NULL ? scope->comment : "", comment_bytes + 1);
	return config;
}

lessor_scope6_t
lsr_scope6_describe(uint64_t prefix, uint32_t uid, const lsr_scope_config_t *config) {
	return (lessor_scope6_t){.prefix = prefix,
				 .number = uid,
				 .id = config->id,
				 .state = config->state,
				 .lease_s = config->lease_s,
				 .preference = config->preference,
				 .name = config->has_name ? config->name : NULL,
				 .comment = config->has_comment ? config->comment : NULL,
				 .max_leases = config->max_leases};
}

uint32_t
lsr_scope6_exclusions_until(const lsr_scope_config_t *config, uint64_t low) {
	uint32_t from = 0;
	uint32_t to = config->exclusions;
	while (from < to) {
		const uint32_t middle = from + (to - from) / 2;
		if (config->exclusion6[middle].first <= low) {
			from = middle + 1;
		} else {
			to = middle;
		}
	}
	return from;
}

bool
lsr_scope6_pool_piece(const lsr_scope_config_t *config, uint64_t from, lessor_range6_t *piece) {
	uint32_t next = lsr_scope6_exclusions_until(config, from);
	if (next > 0 && from <= config->exclusion6[next - 1].last) {
		from = config->exclusion6[next - 1].last + 1; /* exclusions may touch each other */
		while (from != 0 && next < config->exclusions && config->exclusion6[next].first == from) {
			from = config->exclusion6[next++].last + 1;
		}
		if (from == 0) {
			return false;
		}
	}
	piece->first = from;
	piece->last = next < config->exclusions ? config->exclusion6[next].first - 1 : UINT64_MAX;
	return true;
}

/* ---- reservations outside of the prefix ------------------------------------------------------------------------------- */

bool
lsr_scope6_outside(const lsr_scope_config_t *config, uint32_t *at, lsr_outside_t *outside) {
	const uint8_t *bytes = config->outside + *at;
	if (*at >= config->outside_bytes) {
		return false;
	}
	memcpy(&outside->address.high, bytes, sizeof(uint64_t));
	memcpy(&outside->address.low, bytes + 8, sizeof(uint64_t));
	memcpy(&outside->client_bytes, bytes + 16, sizeof(uint16_t));
	outside->client = bytes + LSR_OUTSIDE_HEAD_BYTES;
	*at += LSR_OUTSIDE_HEAD_BYTES + outside->client_bytes;
	return true;
}

uint8_t *
lsr_scope6_outside_put(uint8_t *at, const lsr_outside_t *outside) {
	memcpy(at, &outside->address.high, sizeof(uint64_t));
	memcpy(at + 8, &outside->address.low, sizeof(uint64_t));
	memcpy(at + 16, &outside->client_bytes, sizeof(uint16_t));
	memcpy(at + LSR_OUTSIDE_HEAD_BYTES, outside->client, outside->client_bytes);
	return at + LSR_OUTSIDE_HEAD_BYTES + outside->client_bytes;
}

/* Whole, in order, none inside. */
static bool
outside_is_sound(uint64_t prefix, const uint8_t *bytes, size_t size_bytes) {
	lessor_address6_t last = {0};
	while (size_bytes > 0) {
		uint16_t client_bytes;
		lessor_address6_t address;
		if (size_bytes < LSR_OUTSIDE_HEAD_BYTES) {
			return false;
		}
		memcpy(&address.high, bytes, sizeof(uint64_t));
		memcpy(&address.low, bytes + 8, sizeof(uint64_t));
		memcpy(&client_bytes, bytes + 16, sizeof(uint16_t));
		const size_t whole = LSR_OUTSIDE_HEAD_BYTES + (size_t)client_bytes;
		if (client_bytes <= LSR_CLIENT6_HEAD_BYTES || client_bytes > LSR_CLIENT6_MAX_BYTES ||
		    size_bytes < whole || address.high == prefix || address.high < last.high ||
		    (address.high == last.high && address.low < last.low)) {
			return false;
		}
		last = address;
		bytes += whole;
		size_bytes -= whole;
	}
	return true;
}

/* ---- scopes ------------------------------------------------------------------------------------------------------- */

lsr_scope_t *
lsr_scope6_new(uint64_t prefix, uint32_t uid, lsr_scope_config_t *config) {
	lsr_scope_t *scope = aligned_alloc(_Alignof(lsr_scope_t), sizeof(*scope));
	if (scope == NULL) {
		return NULL;
	}
	memset(scope, 0, sizeof(*scope));
	scope->uid = uid;
	scope->is_sparse = true;
	scope->sparse = lsr_sparse_new(prefix, &scope->table);
	if (scope->sparse == NULL) {
		free(scope);
		return NULL;
	}
	(void)lsr_scope_install(scope, config);
	return scope;
}

/* ---- images ------------------------------------------------------------------------------------------------------- */

size_t
lsr_scope6_image_bytes(const lsr_scope_config_t *config) {
	return sizeof(lsr_image_head_t) + (config->max_leases != 0 ? IMAGE_LIMIT_BYTES : 0) +
	       (size_t)config->exclusions * sizeof(lessor_range6_t) + config->name_bytes + config->comment_bytes +
	       config->outside_bytes;
}

void
lsr_scope6_image_put(uint8_t *image, const lsr_scope_t *scope, const lsr_scope_config_t *config, uint64_t deletes,
		     uint64_t high_water) {
	const size_t ranges_bytes = (size_t)config->exclusions * sizeof(lessor_range6_t);
	const lsr_image_head_t head = {.prefix = scope->sparse->prefix,
				       .uid = scope->uid,
				       .id = config->id,
				       .state = config->state,
				       .lease_s = config->lease_s,
				       .flags = (config->has_name ? IMAGE_NAME : 0u) |
						(config->has_comment ? IMAGE_COMMENT : 0u) |
						(config->max_leases != 0 ? IMAGE_LIMIT : 0u),
				       .preference = config->preference,
				       .exclusions = config->exclusions,
				       .name_bytes = config->name_bytes,
				       .comment_bytes = config->comment_bytes,
				       .deletes = deletes,
				       .high_water = high_water};
	memcpy(image, &head, sizeof(head));
	image += sizeof(head);
	if (config->max_leases != 0) {
		memcpy(image, &config->max_leases, IMAGE_LIMIT_BYTES);
		image += IMAGE_LIMIT_BYTES;
	}
	memcpy(image, config->exclusion6, ranges_bytes);
	memcpy(image + ranges_bytes, config->name, config->name_bytes);
	memcpy(image + ranges_bytes + config->name_bytes, config->comment, config->comment_bytes);
	memcpy(image + ranges_bytes + config->name_bytes + config->comment_bytes, config->outside,
	       config->outside_bytes);
}

/* In order and disjoint, as they were written. */
static bool
exclusions_are_sound(const lessor_range6_t *exclusion, uint32_t count) {
	for (uint32_t i = 0; i < count; i++) {
		if (exclusion[i].first > exclusion[i].last || (i > 0 && exclusion[i].first <= exclusion[i - 1].last)) {
			return false;
		}
	}
	return true;
}

/* What stands behind the head is neither aligned nor NUL-terminated: copy it. */
static lessor_status_t
build_config(const lsr_image_head_t *head, uint32_t max_leases, const uint8_t *image, uint32_t outside_bytes,
	     lsr_scope_config_t **config) {
	const size_t ranges_bytes = (size_t)head->exclusions * sizeof(lessor_range6_t);
	lessor_range6_t *ranges = malloc(ranges_bytes + 1);
	char *texts = malloc((size_t)head->name_bytes + head->comment_bytes + 2u);
	lessor_status_t status = LESSOR_NO_MEMORY;
	if (ranges != NULL && texts != NULL) {
		memcpy(ranges, image, ranges_bytes);
		memcpy(texts, image + ranges_bytes, head->name_bytes);
		texts[head->name_bytes] = '\0';
		char *comment = texts + head->name_bytes + 1;
		memcpy(comment, image + ranges_bytes + head->name_bytes, head->comment_bytes);
		comment[head->comment_bytes] = '\0';
		const lessor_scope6_t scope = {.prefix = head->prefix,
					       .id = head->id,
					       .state = head->state,
					       .lease_s = head->lease_s,
					       .preference = head->preference,
					       .name = (head->flags & IMAGE_NAME) != 0 ? texts : NULL,
					       .comment = (head->flags & IMAGE_COMMENT) != 0 ? comment : NULL,
					       .max_leases = max_leases};
		const lsr_scope6_parts_t parts = {.exclusion = ranges,
						  .exclusions = head->exclusions,
						  .outside =
							  image + ranges_bytes + head->name_bytes + head->comment_bytes,
						  .outside_bytes = outside_bytes};
		status = LESSOR_DAMAGED;
		if (lsr_scope6_check_prefix(head->prefix) && lsr_scope6_check(&scope) &&
		    exclusions_are_sound(ranges, head->exclusions) &&
		    outside_is_sound(head->prefix, parts.outside, outside_bytes)) {
			*config = lsr_scope6_config_new(&scope, &parts);
			status = *config != NULL ? LESSOR_OK : LESSOR_NO_MEMORY;
		}
	}
	free(ranges);
	free(texts);
	return status;
}

lessor_status_t
lsr_scope6_image_get(const uint8_t *image, size_t size_bytes, lsr_scope6_image_t *out) {
	lsr_image_head_t head;
	if (size_bytes < sizeof(head)) {
		return LESSOR_DAMAGED;
	}
	memcpy(&head, image, sizeof(head));
	const bool is_limited = (head.flags & IMAGE_LIMIT) != 0;
	const size_t head_bytes = sizeof(head) + (is_limited ? IMAGE_LIMIT_BYTES : 0);
	const size_t inside_bytes =
		head_bytes + (size_t)head.exclusions * sizeof(lessor_range6_t) + head.name_bytes + head.comment_bytes;
	uint32_t max_leases = 0;
	if (head.exclusions > LESSOR_SCOPE_MAX_EXCLUSIONS || head.zero != 0 || size_bytes < inside_bytes ||
	    size_bytes - inside_bytes > LSR_OUTSIDE_MAX_BYTES) {
		return LESSOR_DAMAGED;
	}
	if (is_limited) {
		memcpy(&max_leases, image + sizeof(head), IMAGE_LIMIT_BYTES);
	}
	if (is_limited && max_leases == 0) {
		return LESSOR_DAMAGED;
	}
	out->prefix = head.prefix;
	out->uid = head.uid;
	out->deletes = head.deletes;
	out->high_water = head.high_water;
	return build_config(&head, max_leases, image + head_bytes, (uint32_t)(size_bytes - inside_bytes), &out->config);
}
