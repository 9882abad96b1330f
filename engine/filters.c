/* SPDX-License-Identifier: Apache-2.0 */
/* Link-layer filters: add, remove, list, match. */
#include "filters.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "engine_p.h"

#define ETHERNET       1u
#define ETHERNET_BYTES 6u
#define KEY_TYPE_SHIFT 56
#define KEY_BYTE_SHIFT 8 /* of the pattern's last byte */

enum { ENFORCE_DENY = 1, ENFORCE_ALLOW = 2 };

/* ---- keys ----------------------------------------------------------------------------------------------------------- */

/*
 * Hardware type, pattern with zeros behind it, length: numbers in the order of the lists. An entry of Ethernet is a wildcard if it is shorter than an address, one of another
 * type always.
 */
static uint64_t
key_of(uint8_t hardware_type, const uint8_t *pattern, size_t pattern_bytes) {
	uint64_t key = (uint64_t)hardware_type << KEY_TYPE_SHIFT | pattern_bytes;
	for (size_t i = 0; i < pattern_bytes; i++) {
		key |= (uint64_t)pattern[i] << (KEY_BYTE_SHIFT + 8 * (LESSOR_FILTER_PATTERN_MAX_BYTES - 1 - i));
	}
	return key;
}

static unsigned
length_of(uint64_t key) {
	return key & 0xFF;
}

/* Without list and comment. */
static lessor_filter_t
filter_of(uint64_t key) {
	lessor_filter_t filter = {.hardware_type = (uint8_t)(key >> KEY_TYPE_SHIFT),
				  .is_wildcard = length_of(key) < ETHERNET_BYTES,
				  .pattern_bytes = (uint8_t)length_of(key)};
	for (size_t i = 0; i < filter.pattern_bytes; i++) {
		filter.pattern[i] = (uint8_t)(key >> (KEY_BYTE_SHIFT + 8 * (LESSOR_FILTER_PATTERN_MAX_BYTES - 1 - i)));
	}
	return filter;
}

/* Does it say what an entry is known by? */
static bool
key_ok(const lessor_filter_t *filter) {
	if (filter->hardware_type != ETHERNET) {
		return filter->is_wildcard && filter->pattern_bytes == 0;
	}
	return filter->is_wildcard ? filter->pattern_bytes >= 1 && filter->pattern_bytes < ETHERNET_BYTES
				   : filter->pattern_bytes == ETHERNET_BYTES;
}

static bool
filter_ok(const lessor_filter_t *filter) {
	size_t ignored;
	return key_ok(filter) &&
	       (filter->list == LESSOR_FILTER_ALLOW ||
		(filter->list == LESSOR_FILTER_DENY && filter->hardware_type == ETHERNET)) &&
	       lsr_text_measure(filter->comment, LESSOR_FILTER_COMMENT_MAX_BYTES, &ignored);
}

/* ---- changing ------------------------------------------------------------------------------------------------------- */

static uint64_t
comment_bytes(const char *comment) {
	return comment != NULL ? strlen(comment) + 1 : 0;
}

static void
count_comment(lsr_filters_t *filters, const char *gone, const char *come) {
	(void)atomic_fetch_sub_explicit(&filters->comments_bytes, comment_bytes(gone), memory_order_relaxed);
	(void)atomic_fetch_add_explicit(&filters->comments_bytes, comment_bytes(come), memory_order_relaxed);
}

static void
publish_put(lsr_filters_t *filters, uint64_t key, const lsr_tree_node_t *present, const char *comment,
	    lsr_tree_change_t *change) {
	count_comment(filters, present != NULL ? present->value : NULL, comment);
	if (present == NULL) {
		(void)atomic_fetch_add_explicit(&filters->of_length[length_of(key)], 1, memory_order_relaxed);
	}
	lsr_tree_publish(&filters->entries, change);
}

static void
publish_remove(lsr_filters_t *filters, const lsr_tree_node_t *present, lsr_tree_change_t *change) {
	const uint64_t key = present->key;
	count_comment(filters, present->value, NULL);
	lsr_tree_publish(&filters->entries, change);
	(void)atomic_fetch_sub_explicit(&filters->of_length[length_of(key)], 1, memory_order_relaxed);
}

void
lsr_filters_init(lsr_filters_t *filters) {
	(void)pthread_mutex_init(&filters->lock, NULL);
}

void
lsr_filters_destroy(lsr_filters_t *filters) {
	lsr_tree_destroy(&filters->entries);
	(void)pthread_mutex_destroy(&filters->lock);
}

uint64_t
lsr_filters_memory(const lsr_filters_t *filters) {
	return lsr_tree_bytes(&filters->entries) + atomic_load_explicit(&filters->comments_bytes, memory_order_relaxed);
}

/* ---- disk ------------------------------------------------------------------------------------------------------------ */

static size_t
image_put(uint8_t image[LSR_FILTER_IMAGE_MAX_BYTES], const lessor_filter_t *filter) {
	const size_t bytes = filter->comment != NULL ? strlen(filter->comment) : 0;
	image[0] = filter->hardware_type;
	image[1] = filter->is_wildcard;
	image[2] = filter->pattern_bytes;
	memset(image + 3, 0, LESSOR_FILTER_PATTERN_MAX_BYTES);
	memcpy(image + 3, filter->pattern, filter->pattern_bytes);
	image[9] = (uint8_t)filter->list;
	image[10] = filter->comment != NULL;
	image[11] = 0;
	memcpy(image + 12, filter->comment != NULL ? filter->comment : "", bytes);
	return 12 + bytes;
}

size_t
lsr_filters_save(const lsr_filters_t *filters, uint64_t *key, uint8_t image[LSR_FILTER_IMAGE_MAX_BYTES]) {
	const lsr_tree_node_t *node = lsr_tree_next(&filters->entries, *key);
	if (node == NULL) {
		return 0;
	}
	lessor_filter_t filter = filter_of(node->key);
	filter.list = (lessor_filter_list_t)node->kind;
	filter.comment = node->value;
	*key = node->key + 1; /* no key ends in 255 */
	return image_put(image, &filter);
}

/* Take the head of an image apart. */
static bool
key_get(const uint8_t *image, lessor_filter_t *filter) {
	*filter = (lessor_filter_t){.hardware_type = image[0], .is_wildcard = image[1] != 0, .pattern_bytes = image[2]};
	memcpy(filter->pattern, image + 3, LESSOR_FILTER_PATTERN_MAX_BYTES);
	return key_ok(filter);
}

lessor_status_t
lsr_filters_replay(lsr_filters_t *filters, const uint8_t *payload, size_t size_bytes) {
	lessor_filter_t filter;
	lsr_tree_change_t change;
	if (size_bytes < 12 || size_bytes > LSR_FILTER_IMAGE_MAX_BYTES || !key_get(payload, &filter)) {
		return LESSOR_DAMAGED;
	}
	char *comment = payload[10] != 0 ? strndup((const char *)payload + 12, size_bytes - 12) : NULL;
	if (payload[10] != 0 && comment == NULL) {
		return LESSOR_NO_MEMORY;
	}
	filter.list = (lessor_filter_list_t)payload[9];
	filter.comment = comment;
	lessor_status_t status = LESSOR_DAMAGED;
	if (filter_ok(&filter) && (comment != NULL ? strlen(comment) : 0) == size_bytes - 12) {
		const uint64_t key = key_of(filter.hardware_type, filter.pattern, filter.pattern_bytes);
		const lsr_tree_node_t *present = lsr_tree_find(&filters->entries, key);
		status = LESSOR_NO_MEMORY;
		if (lsr_tree_stage_put(&filters->entries, key, filter.list, comment, &change)) {
			publish_put(filters, key, present, comment, &change);
			lsr_rcu_brake();
			return LESSOR_OK;
		}
	}
	free(comment);
	return status;
}

lessor_status_t
lsr_filters_replay_end(lsr_filters_t *filters, const uint8_t *payload, size_t size_bytes) {
	lessor_filter_t filter;
	lsr_tree_change_t change;
	if (size_bytes != LSR_FILTER_KEY_BYTES || !key_get(payload, &filter)) {
		return LESSOR_DAMAGED;
	}
	const uint64_t key = key_of(filter.hardware_type, filter.pattern, filter.pattern_bytes);
	const lsr_tree_node_t *present = lsr_tree_find(&filters->entries, key);
	if (present == NULL) {
		return LESSOR_OK; /* the snapshot was later there */
	}
	if (!lsr_tree_stage_remove(&filters->entries, key, &change)) {
		return LESSOR_NO_MEMORY;
	}
	publish_remove(filters, present, &change);
	lsr_rcu_brake();
	return LESSOR_OK;
}

lessor_status_t
lsr_filters_replay_enforce(lsr_filters_t *filters, const uint8_t *payload, size_t size_bytes) {
	if (size_bytes != 2 || payload[0] > 1 || payload[1] > 1) {
		return LESSOR_DAMAGED;
	}
	atomic_store_explicit(&filters->enforced,
			      (payload[0] != 0 ? ENFORCE_ALLOW : 0u) | (payload[1] != 0 ? ENFORCE_DENY : 0u),
			      memory_order_relaxed);
	return LESSOR_OK;
}

lessor_status_t
lsr_filters_check(lsr_filters_t *filters, lessor_report_t *report) {
	uint32_t of_length[LESSOR_FILTER_PATTERN_MAX_BYTES + 1] = {0};
	const lsr_tree_node_t *node;
	(void)pthread_mutex_lock(&filters->lock);
	bool sound = lsr_tree_is_sound(&filters->entries);
	for (uint64_t key = 0; sound && (node = lsr_tree_next(&filters->entries, key)) != NULL; key = node->key + 1) {
		lessor_filter_t filter = filter_of(node->key);
		filter.list = (lessor_filter_list_t)node->kind;
		sound = length_of(node->key) <= LESSOR_FILTER_PATTERN_MAX_BYTES && filter_ok(&filter) &&
			key_of(filter.hardware_type, filter.pattern, filter.pattern_bytes) == node->key;
		of_length[sound ? length_of(node->key) : 0]++;
	}
	for (size_t i = 0; i <= LESSOR_FILTER_PATTERN_MAX_BYTES; i++) {
		sound = sound && of_length[i] == atomic_load_explicit(&filters->of_length[i], memory_order_relaxed);
	}
	(void)pthread_mutex_unlock(&filters->lock);
	return sound ? LESSOR_OK
		     : lsr_complain(report->sentence, sizeof(report->sentence), LESSOR_DAMAGED,
				    "the link-layer filters contradict themselves");
}

/* ---- the calls: changes ---------------------------------------------------------------------------------------------- */

/* Takes 'comment' over on success. */
static lessor_status_t
add_locked(lessor_engine_t *engine, const lessor_filter_t *filter, bool replace, char *comment, uint64_t *lsn) {
	lsr_filters_t *filters = &engine->filters;
	lsr_tree_change_t change;
	const uint64_t key = key_of(filter->hardware_type, filter->pattern, filter->pattern_bytes);
	const lsr_tree_node_t *present = lsr_tree_find(&filters->entries, key);
	if (present != NULL && !replace) {
		return LESSOR_EXISTS;
	}
	if (present == NULL && lsr_tree_count(&filters->entries, LESSOR_FILTER_ALLOW) +
					       lsr_tree_count(&filters->entries, LESSOR_FILTER_DENY) >=
				       LESSOR_FILTERS_MAX) {
		return LESSOR_LIMIT;
	}
	if (!lsr_tree_stage_put(&filters->entries, key, filter->list, comment, &change)) {
		return LESSOR_NO_MEMORY;
	}
	uint8_t image[LSR_FILTER_IMAGE_MAX_BYTES];
	const lessor_status_t status = lsr_engine_log(engine, LSR_LOG_FILTER, image, image_put(image, filter), lsn);
	if (status != LESSOR_OK) {
		lsr_tree_abandon(&change);
		return status;
	}
	publish_put(filters, key, present, comment, &change);
	return LESSOR_OK;
}

lessor_status_t
lessor_filter_add(lessor_engine_t *engine, const lessor_filter_t *filter, bool replace, lessor_mode_t mode,
		  lessor_ticket_t *ticket) {
	uint64_t lsn = 0;
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	if (filter == NULL || !filter_ok(filter)) {
		return LESSOR_INVALID;
	}
	char *comment = filter->comment != NULL ? strdup(filter->comment) : NULL;
	if (filter->comment != NULL && comment == NULL) {
		return LESSOR_NO_MEMORY;
	}
	(void)pthread_mutex_lock(&engine->filters.lock);
	status = add_locked(engine, filter, replace, comment, &lsn);
	(void)pthread_mutex_unlock(&engine->filters.lock);
	lsr_rcu_brake();
	if (status != LESSOR_OK) {
		free(comment);
		return status;
	}
	return lsr_engine_finish(engine, lsn, mode, ticket);
}

static lessor_status_t
remove_locked(lessor_engine_t *engine, const lessor_filter_t *filter, uint64_t *lsn) {
	lsr_filters_t *filters = &engine->filters;
	lsr_tree_change_t change;
	const uint64_t key = key_of(filter->hardware_type, filter->pattern, filter->pattern_bytes);
	const lsr_tree_node_t *present = lsr_tree_find(&filters->entries, key);
	if (present == NULL) {
		return LESSOR_NOT_FOUND;
	}
	if (!lsr_tree_stage_remove(&filters->entries, key, &change)) {
		return LESSOR_NO_MEMORY;
	}
	const lessor_filter_t known = filter_of(key);
	uint8_t image[LSR_FILTER_IMAGE_MAX_BYTES];
	(void)image_put(image, &known);
	const lessor_status_t status = lsr_engine_log(engine, LSR_LOG_FILTER_END, image, LSR_FILTER_KEY_BYTES, lsn);
	if (status != LESSOR_OK) {
		lsr_tree_abandon(&change);
		return status;
	}
	publish_remove(filters, present, &change);
	return LESSOR_OK;
}

lessor_status_t
lessor_filter_remove(lessor_engine_t *engine, const lessor_filter_t *filter, lessor_mode_t mode,
		     lessor_ticket_t *ticket) {
	uint64_t lsn = 0;
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	if (filter == NULL || !key_ok(filter)) {
		return LESSOR_INVALID;
	}
	(void)pthread_mutex_lock(&engine->filters.lock);
	status = remove_locked(engine, filter, &lsn);
	(void)pthread_mutex_unlock(&engine->filters.lock);
	lsr_rcu_brake();
	return status == LESSOR_OK ? lsr_engine_finish(engine, lsn, mode, ticket) : status;
}

lessor_status_t
lessor_filter_set_enforcement(lessor_engine_t *engine, bool allow, bool deny, lessor_mode_t mode,
			      lessor_ticket_t *ticket) {
	uint64_t lsn = 0;
	const uint8_t image[2] = {allow, deny};
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	(void)pthread_mutex_lock(&engine->filters.lock);
	status = lsr_engine_log(engine, LSR_LOG_FILTER_ENFORCE, image, sizeof(image), &lsn);
	if (status == LESSOR_OK) {
		(void)lsr_filters_replay_enforce(&engine->filters, image, sizeof(image));
	}
	(void)pthread_mutex_unlock(&engine->filters.lock);
	return status == LESSOR_OK ? lsr_engine_finish(engine, lsn, mode, ticket) : status;
}

/* ---- the calls: reading ----------------------------------------------------------------------------------------------- */

lessor_status_t
lessor_filter_enforcement(lessor_engine_t *engine, bool *allow, bool *deny) {
	const lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (allow == NULL || deny == NULL) {
		return LESSOR_INVALID;
	}
	const uint32_t enforced = atomic_load_explicit(&engine->filters.enforced, memory_order_relaxed);
	*allow = (enforced & ENFORCE_ALLOW) != 0;
	*deny = (enforced & ENFORCE_DENY) != 0;
	return LESSOR_OK;
}

static lessor_status_t
answer(const lsr_tree_node_t *node, lessor_filter_t *filter, char *buffer, size_t buffer_bytes) {
	const size_t needed = comment_bytes(node->value);
	if (buffer != NULL && needed > buffer_bytes) {
		return LESSOR_BUFFER_TOO_SMALL;
	}
	*filter = filter_of(node->key);
	filter->list = (lessor_filter_list_t)node->kind;
	if (buffer != NULL && node->value != NULL) {
		filter->comment = memcpy(buffer, node->value, needed);
	}
	return LESSOR_OK;
}

lessor_status_t
lessor_filter_next(lessor_engine_t *engine, lessor_filter_list_t list, uint32_t *position, lessor_filter_t *filter,
		   void *buffer, size_t buffer_bytes) {
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if ((list != LESSOR_FILTER_ALLOW && list != LESSOR_FILTER_DENY) || position == NULL || filter == NULL ||
	    (buffer == NULL && buffer_bytes != 0)) {
		return LESSOR_INVALID;
	}
	lsr_rcu_enter();
	const lsr_tree_node_t *node = lsr_tree_at(&engine->filters.entries, list, *position);
	status = node != NULL ? answer(node, filter, buffer, buffer_bytes) : LESSOR_END;
	lsr_rcu_leave();
	*position += status == LESSOR_OK;
	return status;
}

/* The longest entry that matches. Inside a read-side section. */
static lessor_filter_match_t
match(const lsr_filters_t *filters, uint8_t hardware_type, const uint8_t *hardware, size_t hardware_bytes) {
	size_t length =
		lsr_min_u64(hardware_bytes, hardware_bytes > ETHERNET_BYTES ? ETHERNET_BYTES - 1 : ETHERNET_BYTES);
	for (;; length--) {
		const lsr_tree_node_t *node = NULL;
		if (atomic_load_explicit(&filters->of_length[length], memory_order_relaxed) != 0) {
			node = lsr_tree_find(&filters->entries, key_of(hardware_type, hardware, length));
		}
		if (node != NULL && length == ETHERNET_BYTES) {
			return node->kind == LESSOR_FILTER_ALLOW ? LESSOR_FILTER_ALLOWED : LESSOR_FILTER_DENIED;
		}
		if (node != NULL) {
			return node->kind == LESSOR_FILTER_ALLOW ? LESSOR_FILTER_ALLOWED_BY_WILDCARD
								 : LESSOR_FILTER_DENIED_BY_WILDCARD;
		}
		if (length == 0) {
			return LESSOR_FILTER_NO_MATCH;
		}
	}
}

lessor_status_t
lessor_filter_match(lessor_engine_t *engine, uint8_t hardware_type, const uint8_t *hardware, size_t hardware_bytes,
		    lessor_filter_match_t *found) {
	const lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (found == NULL || (hardware == NULL && hardware_bytes != 0)) {
		return LESSOR_INVALID;
	}
	lsr_rcu_enter();
	*found = match(&engine->filters, hardware_type, hardware, hardware_bytes);
	lsr_rcu_leave();
	return LESSOR_OK;
}
