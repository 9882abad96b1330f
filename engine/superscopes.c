/* SPDX-License-Identifier: Apache-2.0 */
/* Superscopes: make, join, delete, look up. */
#include "superscopes.h"

#include <lessor/superscope.h>

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "engine_p.h"

#define IMAGE_BYTES_MAX (sizeof(uint32_t) + LESSOR_SUPERSCOPE_NAME_MAX_BYTES)

/* ---- objects ------------------------------------------------------------------------------------------------------- */

static int
compare_names(const void *one, const void *other) {
	const lsr_superscope_t *a = one;
	const lsr_superscope_t *b = other;
	const size_t common = a->name_bytes < b->name_bytes ? a->name_bytes : b->name_bytes;
	const int order = memcmp(a->name, b->name, common);
	return order != 0 ? order : (a->name_bytes > b->name_bytes) - (a->name_bytes < b->name_bytes);
}

static lsr_superscope_t *
new_superscope(uint32_t number, const char *name, size_t name_bytes) {
	lsr_superscope_t *superscope = malloc(sizeof(*superscope) + name_bytes + 1);
	if (superscope != NULL) {
		*superscope = (lsr_superscope_t){.number = number, .name_bytes = (uint32_t)name_bytes};
		memcpy(superscope->name, name, name_bytes);
		superscope->name[name_bytes] = '\0';
	}
	return superscope;
}

/* What an object takes besides its node by number: itself, and the library's node, which has three pointers. */
static uint64_t
bytes_of(const lsr_superscope_t *superscope) {
	return sizeof(*superscope) + superscope->name_bytes + 1 + 3 * sizeof(void *);
}

/* Stage an object that is new by number and by name. Takes it over on success. */
static bool
stage(lsr_superscopes_t *superscopes, lsr_superscope_t *superscope, lsr_tree_change_t *change) {
	if (tsearch(superscope, &superscopes->by_name, compare_names) == NULL) {
		return false;
	}
	if (!lsr_tree_stage_put(&superscopes->by_number, superscope->number, 0, superscope, change)) {
		(void)tdelete(superscope, &superscopes->by_name, compare_names);
		return false;
	}
	return true;
}

static void
abandon(lsr_superscopes_t *superscopes, lsr_superscope_t *superscope, lsr_tree_change_t *change) {
	lsr_tree_abandon(change);
	(void)tdelete(superscope, &superscopes->by_name, compare_names);
}

static void
publish(lsr_superscopes_t *superscopes, const lsr_superscope_t *superscope, lsr_tree_change_t *change) {
	if (superscope->number > atomic_load_explicit(&superscopes->last_number, memory_order_relaxed)) {
		atomic_store_explicit(&superscopes->last_number, superscope->number, memory_order_relaxed);
	}
	(void)atomic_fetch_add_explicit(&superscopes->bytes, bytes_of(superscope), memory_order_relaxed);
	lsr_tree_publish(&superscopes->by_number, change);
}

/* The object is freed after a grace period. */
static void
publish_end(lsr_superscopes_t *superscopes, const lsr_superscope_t *superscope, lsr_tree_change_t *change) {
	(void)tdelete(superscope, &superscopes->by_name, compare_names);
	(void)atomic_fetch_sub_explicit(&superscopes->bytes, bytes_of(superscope), memory_order_relaxed);
	lsr_tree_publish(&superscopes->by_number, change);
}

/* An object that has the name is looked for with one. */
static lsr_superscope_t *
find_same(const lsr_superscopes_t *superscopes, const lsr_superscope_t *like) {
	lsr_superscope_t *const *found = tfind(like, &superscopes->by_name, compare_names);
	return found != NULL ? *found : NULL;
}

static void
leave_alone(void *superscope) {
	(void)superscope; /* the tree by number frees it */
}

void
lsr_superscopes_destroy(lsr_superscopes_t *superscopes) {
	tdestroy(superscopes->by_name, leave_alone);
	lsr_tree_destroy(&superscopes->by_number);
	superscopes->by_name = NULL;
}

uint64_t
lsr_superscopes_memory(const lsr_superscopes_t *superscopes) {
	return lsr_tree_bytes(&superscopes->by_number) +
	       atomic_load_explicit(&superscopes->bytes, memory_order_relaxed);
}

/* ---- disk ----------------------------------------------------------------------------------------------------------- */

static size_t
image_put(uint8_t image[IMAGE_BYTES_MAX], const lsr_superscope_t *superscope) {
	memcpy(image, &superscope->number, sizeof(superscope->number));
	memcpy(image + sizeof(superscope->number), superscope->name, superscope->name_bytes);
	return sizeof(superscope->number) + superscope->name_bytes;
}

/* A name that a superscope can have. */
static bool
name_ok(const char *name, size_t *name_bytes) {
	return lsr_text_measure(name, LESSOR_SUPERSCOPE_NAME_MAX_BYTES, name_bytes) && *name_bytes > 0;
}

static lessor_status_t
add_replayed(lsr_superscopes_t *superscopes, lsr_superscope_t *superscope) {
	size_t name_bytes;
	lsr_tree_change_t change;
	if (!name_ok(superscope->name, &name_bytes) || name_bytes != superscope->name_bytes ||
	    find_same(superscopes, superscope) != NULL ||
	    lsr_superscopes_get(superscopes, superscope->number) != NULL) {
		return LESSOR_DAMAGED;
	}
	if (!stage(superscopes, superscope, &change)) {
		return LESSOR_NO_MEMORY;
	}
	publish(superscopes, superscope, &change);
	lsr_rcu_brake();
	return LESSOR_OK;
}

lessor_status_t
lsr_superscopes_replay(lsr_superscopes_t *superscopes, const uint8_t *payload, size_t size_bytes) {
	uint32_t number;
	if (size_bytes <= sizeof(number) || size_bytes > IMAGE_BYTES_MAX) {
		return LESSOR_DAMAGED;
	}
	memcpy(&number, payload, sizeof(number));
	if (number == 0 || number == UINT32_MAX) {
		return LESSOR_DAMAGED;
	}
	lsr_superscope_t *superscope =
		new_superscope(number, (const char *)payload + sizeof(number), size_bytes - sizeof(number));
	const lessor_status_t status = superscope != NULL ? add_replayed(superscopes, superscope) : LESSOR_NO_MEMORY;
	if (status != LESSOR_OK) {
		free(superscope);
	}
	return status;
}

lessor_status_t
lsr_superscopes_replay_end(lsr_superscopes_t *superscopes, const uint8_t *payload, size_t size_bytes) {
	uint32_t number;
	lsr_tree_change_t change;
	if (size_bytes != sizeof(number)) {
		return LESSOR_DAMAGED;
	}
	memcpy(&number, payload, sizeof(number));
	if (number > atomic_load_explicit(&superscopes->last_number, memory_order_relaxed)) {
		atomic_store_explicit(&superscopes->last_number, number, memory_order_relaxed);
	}
	const lsr_superscope_t *present = lsr_superscopes_get(superscopes, number);
	if (present == NULL) {
		return LESSOR_OK;
	}
	if (!lsr_tree_stage_remove(&superscopes->by_number, number, &change)) {
		return LESSOR_NO_MEMORY;
	}
	publish_end(superscopes, present, &change);
	lsr_rcu_brake();
	return LESSOR_OK;
}

int
lsr_superscopes_save(const lsr_superscopes_t *superscopes,
		     int (*add)(void *context, unsigned type, const void *payload, size_t size_bytes), void *context) {
	uint8_t image[IMAGE_BYTES_MAX];
	const uint32_t last = atomic_load_explicit(&superscopes->last_number, memory_order_relaxed);
	int result = last != 0 ? add(context, LSR_LOG_SUPERSCOPE_END, &last, sizeof(last)) : 0;
	const lsr_tree_node_t *node;
	for (uint32_t place = 0; result == 0 && (node = lsr_tree_at(&superscopes->by_number, 0, place)) != NULL;
	     place++) {
		result = add(context, LSR_LOG_SUPERSCOPE, image, image_put(image, node->value));
	}
	return result;
}

lessor_status_t
lsr_superscopes_check(const lsr_superscopes_t *superscopes, lessor_report_t *report) {
	const lsr_tree_node_t *node;
	const uint32_t last = atomic_load_explicit(&superscopes->last_number, memory_order_relaxed);
	if (!lsr_tree_is_sound(&superscopes->by_number)) {
		return lsr_complain(report->sentence, sizeof(report->sentence), LESSOR_DAMAGED,
				    "the superscopes are not in order");
	}
	for (uint32_t place = 0; (node = lsr_tree_at(&superscopes->by_number, 0, place)) != NULL; place++) {
		const lsr_superscope_t *superscope = node->value;
		if (superscope->number != node->key || superscope->number > last ||
		    find_same(superscopes, superscope) != superscope) {
			return lsr_complain(report->sentence, sizeof(report->sentence), LESSOR_DAMAGED,
					    "superscope %u: it is not found by its name or number", superscope->number);
		}
	}
	return LESSOR_OK;
}

/* ---- joining --------------------------------------------------------------------------------------------------------- */

/* The configuration with another superscope. */
static lsr_scope_config_t *
config_with(const lsr_scope_t *scope, uint32_t number) {
	const lsr_scope_config_t *old = lsr_scope_config(scope);
	const lessor_scope_t described = lsr_scope_describe(scope, old);
	return lsr_scope_config_new(&described, number, old->exclusion, old->exclusions);
}

static lessor_status_t
put_into(lessor_engine_t *engine, lsr_scope_t *scope, uint32_t number, uint64_t *lsn) {
	lsr_scope_config_t *fresh = config_with(scope, number);
	const lessor_status_t status =
		fresh == NULL ? LESSOR_NO_MEMORY : lsr_engine_replace_config(engine, scope, fresh, false, lsn);
	if (status != LESSOR_OK) {
		lsr_scope_config_free(fresh);
	}
	return status;
}

/* The superscope and the scope in it are one change. */
static lessor_status_t
log_both(lessor_engine_t *engine, const lsr_superscope_t *superscope, const lsr_scope_t *scope,
	 const lsr_scope_config_t *fresh, uint64_t *lsn) {
	const size_t scope_bytes = lsr_scope_image_bytes(fresh);
	uint8_t *group = malloc(lsr_record_bytes(IMAGE_BYTES_MAX) + lsr_record_bytes(scope_bytes));
	if (group == NULL) {
		return LESSOR_NO_MEMORY;
	}
	uint8_t image[IMAGE_BYTES_MAX];
	const size_t image_bytes = image_put(image, superscope);
	uint8_t *second = lsr_group_put(group, LSR_LOG_SUPERSCOPE, image_bytes);
	const uint8_t *end = lsr_group_put(second, LSR_LOG_SCOPE, scope_bytes);
	memcpy(group + 4, image, image_bytes);
	lsr_scope_image_put(second + 4, scope, fresh, 0, 0);
	const lessor_status_t status = lsr_engine_log(engine, LSR_LOG_GROUP, group, (size_t)(end - group), lsn);
	free(group);
	return status;
}

/* Make the superscope and put the scope into it. Takes both new ones over on success. */
static lessor_status_t
make_and_put_into(lessor_engine_t *engine, lsr_scope_t *scope, lsr_superscope_t *superscope, lsr_scope_config_t *fresh,
		  uint64_t *lsn) {
	lsr_tree_change_t change;
	if (superscope == NULL || fresh == NULL || !stage(&engine->superscopes, superscope, &change)) {
		return LESSOR_NO_MEMORY;
	}
	const lessor_status_t status = log_both(engine, superscope, scope, fresh, lsn);
	if (status != LESSOR_OK) {
		abandon(&engine->superscopes, superscope, &change);
		return status;
	}
	publish(&engine->superscopes, superscope, &change);
	lsr_scope_config_retire(lsr_scope_install(scope, fresh));
	return LESSOR_OK;
}

static lessor_status_t
join_fresh(lessor_engine_t *engine, lsr_scope_t *scope, lsr_superscope_t *wanted, uint64_t *lsn) {
	const uint32_t last = atomic_load_explicit(&engine->superscopes.last_number, memory_order_relaxed);
	if (last >= UINT32_MAX - 1) {
		return LESSOR_LIMIT;
	}
	lsr_superscope_t *superscope = new_superscope(last + 1, wanted->name, wanted->name_bytes);
	lsr_scope_config_t *fresh = config_with(scope, last + 1);
	const lessor_status_t status = make_and_put_into(engine, scope, superscope, fresh, lsn);
	if (status != LESSOR_OK) {
		free(superscope);
		lsr_scope_config_free(fresh);
	}
	return status;
}

/* wanted: an object with the name, NULL: none. */
static lessor_status_t
join_locked(lessor_engine_t *engine, uint32_t subnet, lsr_superscope_t *wanted, bool move, uint64_t *lsn) {
	lsr_scope_t *scope = lsr_engine_find_scope_locked(engine, subnet);
	if (scope == NULL) {
		return LESSOR_NO_SCOPE;
	}
	const lsr_superscope_t *present =
		lsr_superscopes_get(&engine->superscopes, lsr_scope_config(scope)->superscope);
	if (wanted == NULL) {
		return present != NULL ? put_into(engine, scope, 0, lsn) : lsr_engine_nothing_new(engine, lsn);
	}
	if (present != NULL && !move) {
		return LESSOR_MEMBER;
	}
	const lsr_superscope_t *found = find_same(&engine->superscopes, wanted);
	if (found == NULL) {
		return join_fresh(engine, scope, wanted, lsn);
	}
	return found == present ? lsr_engine_nothing_new(engine, lsn) : put_into(engine, scope, found->number, lsn);
}

lessor_status_t
lessor_superscope_join(lessor_engine_t *engine, uint32_t subnet, const char *name, bool move, lessor_mode_t mode,
		       lessor_ticket_t *ticket) {
	uint64_t lsn = 0;
	size_t name_bytes;
	lsr_superscope_t *wanted = NULL;
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	if (name != NULL && !name_ok(name, &name_bytes)) {
		return LESSOR_INVALID;
	}
	if (name != NULL && (wanted = new_superscope(0, name, name_bytes)) == NULL) {
		return LESSOR_NO_MEMORY;
	}
	(void)pthread_mutex_lock(&engine->scope_lock);
	status = join_locked(engine, subnet, wanted, move, &lsn);
	(void)pthread_mutex_unlock(&engine->scope_lock);
	free(wanted);
	lsr_rcu_brake();
	return status == LESSOR_OK ? lsr_engine_finish(engine, lsn, mode, ticket) : status;
}

/* ---- deleting --------------------------------------------------------------------------------------------------------- */

static lessor_status_t
delete_locked(lessor_engine_t *engine, const lsr_superscope_t *wanted, uint64_t *lsn) {
	lsr_tree_change_t change;
	const lsr_superscope_t *found = find_same(&engine->superscopes, wanted);
	if (found == NULL) {
		return LESSOR_NOT_FOUND;
	}
	if (!lsr_tree_stage_remove(&engine->superscopes.by_number, found->number, &change)) {
		return LESSOR_NO_MEMORY;
	}
	const lessor_status_t status =
		lsr_engine_log(engine, LSR_LOG_SUPERSCOPE_END, &found->number, sizeof(found->number), lsn);
	if (status != LESSOR_OK) {
		lsr_tree_abandon(&change);
		return status;
	}
	publish_end(&engine->superscopes, found, &change);
	return LESSOR_OK;
}

lessor_status_t
lessor_superscope_delete(lessor_engine_t *engine, const char *name, lessor_mode_t mode, lessor_ticket_t *ticket) {
	uint64_t lsn = 0;
	size_t name_bytes;
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	if (name == NULL || !name_ok(name, &name_bytes)) {
		return LESSOR_INVALID;
	}
	lsr_superscope_t *wanted = new_superscope(0, name, name_bytes);
	if (wanted == NULL) {
		return LESSOR_NO_MEMORY;
	}
	(void)pthread_mutex_lock(&engine->scope_lock);
	status = delete_locked(engine, wanted, &lsn);
	(void)pthread_mutex_unlock(&engine->scope_lock);
	free(wanted);
	lsr_rcu_brake();
	return status == LESSOR_OK ? lsr_engine_finish(engine, lsn, mode, ticket) : status;
}

/* ---- reading ---------------------------------------------------------------------------------------------------------- */

static bool
outputs_ok(const uint32_t *number, const char *name, size_t name_bytes) {
	return number != NULL && (name != NULL || name_bytes == 0);
}

/* superscope NULL: none. Inside a read-side section. */
static lessor_status_t
answer(const lsr_superscope_t *superscope, uint32_t *number, char *name, size_t name_bytes) {
	const char *found = superscope != NULL ? superscope->name : "";
	const size_t needed = strlen(found) + 1;
	if (name != NULL && needed > name_bytes) {
		return LESSOR_BUFFER_TOO_SMALL;
	}
	if (name != NULL) {
		memcpy(name, found, needed);
	}
	*number = superscope != NULL ? superscope->number : 0;
	return LESSOR_OK;
}

lessor_status_t
lessor_superscope_of(lessor_engine_t *engine, uint32_t subnet, uint32_t *number, char *name, size_t name_bytes) {
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (!outputs_ok(number, name, name_bytes)) {
		return LESSOR_INVALID;
	}
	status = LESSOR_NO_SCOPE;
	lsr_rcu_enter();
	const lsr_scope_t *scope = lsr_engine_scope_named(engine, subnet);
	if (scope != NULL) {
		status = answer(lsr_superscopes_get(&engine->superscopes, lsr_scope_config(scope)->superscope), number,
				name, name_bytes);
	}
	lsr_rcu_leave();
	return status;
}

lessor_status_t
lessor_superscope_next(lessor_engine_t *engine, uint32_t *number, char *name, size_t name_bytes) {
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (!outputs_ok(number, name, name_bytes)) {
		return LESSOR_INVALID;
	}
	lsr_rcu_enter();
	const lsr_tree_node_t *node = lsr_tree_next(&engine->superscopes.by_number, *number);
	status = node != NULL ? answer(node->value, number, name, name_bytes) : LESSOR_END;
	lsr_rcu_leave();
	return status;
}
