/* SPDX-License-Identifier: Apache-2.0 */
/* What counts as a scope's pool: its range and its exclusions. Every change holds the scope lock. */
#include "engine_p.h"

#include <stdlib.h>
#include <string.h>

/* ---- what lies in a range -------------------------------------------------------------------------------------------- */

/* The record id of the first address from *at to 'last' whose page was ever touched; *at becomes that address. LSR_NO_RECORD: there is none. */
static uint32_t
next_record(const lsr_scope_t *scope, uint64_t *at, uint64_t last) {
	uint32_t id = LSR_NO_RECORD;
	while (*at <= last && (id = lsr_table_peek(&scope->table, (uint32_t)*at)) == LSR_NO_RECORD) {
		*at += LSR_PAGE_RECORDS - ((uint32_t)*at - scope->subnet) % LSR_PAGE_RECORDS;
	}
	return *at <= last ? id : LSR_NO_RECORD;
}

bool
lsr_engine_holds(const lessor_engine_t *engine, const lsr_scope_t *scope, lessor_range_t range,
		 bool (*counts)(const lsr_body_t *body)) {
	uint32_t id;
	for (uint64_t at = range.first; (id = next_record(scope, &at, range.last)) != LSR_NO_RECORD; at++) {
		lsr_body_t body;
		if (lsr_record_read(lsr_pages_record(&engine->pages, id), engine->shadows, &body) && counts(&body)) {
			return true;
		}
	}
	return false;
}

static bool
is_lease(const lsr_body_t *body) {
	return !lsr_body_is_empty(body);
}

/* The leases at *at and behind it that are not reserved; *at becomes the place to go on from. Returns how many there are in 'ends', 0 only at the end. */
static size_t
unreserved(const lessor_engine_t *engine, lsr_scope_t *scope, uint64_t *at, uint64_t last, lsr_end_t ends[LSR_CHUNK]) {
	size_t count = 0;
	uint32_t id;
	while (count < LSR_CHUNK && (id = next_record(scope, at, last)) != LSR_NO_RECORD) {
		const lsr_record_t *record = lsr_pages_record(&engine->pages, id);
		const uint32_t address = (uint32_t)(*at)++;
		lsr_body_t body;
		if (lsr_record_read(record, engine->shadows, &body) && !lsr_body_is_reserved(&body)) {
			ends[count] = lsr_engine_end_of(engine, scope, address, id, lsr_record_word(record), &body);
			lsr_client_hash_prefetch(&engine->clients, ends[count++].key);
		}
	}
	return count;
}

/* End what is not reserved, or only count it. The gate is closed. */
static uint64_t
clear(lessor_engine_t *engine, lsr_scope_t *scope, lessor_range_t range, bool carry_out) {
	uint64_t at = range.first;
	uint64_t total = 0;
	size_t count;
	do {
		lsr_end_t ends[LSR_CHUNK];
		lsr_rcu_enter();
		count = unreserved(engine, scope, &at, range.last, ends);
		if (carry_out && count > 0) {
			lsr_engine_carry_out_ends(engine, ends, count);
		}
		lsr_rcu_leave();
		lsr_rcu_brake();
		total += count;
	} while (count > 0);
	return total;
}

/* ---- the range -------------------------------------------------------------------------------------------------------- */

static bool
is_inside(const lsr_scope_t *scope, lessor_range_t range) {
	return (range.first & scope->mask) == scope->subnet && (range.last & scope->mask) == scope->subnet;
}

static bool
contains(lessor_range_t outer, lessor_range_t inner) {
	return outer.first <= inner.first && outer.last >= inner.last;
}

/* The scope's configuration with this range, or with none. */
static lsr_scope_config_t *
config_with(const lsr_scope_t *scope, const lessor_range_t *range) {
	const lsr_scope_config_t *old = lsr_scope_config(scope);
	lessor_scope_t described = lsr_scope_describe(scope, old);
	described.has_range = range != NULL;
	described.range = range != NULL ? *range : (lessor_range_t){0};
	return lsr_scope_config_new(&described, old->superscope, old->exclusion, old->exclusions);
}

static lessor_status_t
resize_locked(lessor_engine_t *engine, uint32_t subnet, lessor_range_t range, uint64_t *lsn) {
	lsr_scope_t *scope = lsr_engine_find_scope_locked(engine, subnet);
	if (scope == NULL) {
		return LESSOR_NO_SCOPE;
	}
	if (range.first > range.last || !is_inside(scope, range)) {
		return LESSOR_OUTSIDE;
	}
	const lsr_scope_config_t *old = lsr_scope_config(scope);
	if (old->has_range && contains(old->range, range) && contains(range, old->range)) {
		return LESSOR_EXISTS;
	}
	if (old->has_range && !contains(old->range, range) && !contains(range, old->range)) {
		return LESSOR_CONFLICT;
	}
	lsr_scope_config_t *fresh = config_with(scope, &range);
	const lessor_status_t status =
		fresh == NULL ? LESSOR_NO_MEMORY : lsr_engine_replace_config(engine, scope, fresh, true, lsn);
	if (status != LESSOR_OK) {
		lsr_scope_config_free(fresh);
	}
	return status;
}

lessor_status_t
lessor_scope_resize(lessor_engine_t *engine, uint32_t subnet, lessor_range_t range, lessor_mode_t mode,
		    lessor_ticket_t *ticket) {
	uint64_t lsn = 0;
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	(void)pthread_mutex_lock(&engine->scope_lock);
	status = resize_locked(engine, subnet, range, &lsn);
	(void)pthread_mutex_unlock(&engine->scope_lock);
	return status == LESSOR_OK ? lsr_engine_finish(engine, lsn, mode, ticket) : status;
}

static lessor_status_t
log_clear(lessor_engine_t *engine, const lsr_scope_t *scope, lessor_range_t range, const lsr_scope_config_t *fresh,
	  uint64_t deletes, uint64_t *lsn) {
	const uint32_t head[3] = {scope->uid, range.first, range.last};
	const size_t image_bytes = sizeof(head) + lsr_scope_image_bytes(fresh);
	uint8_t *image = malloc(image_bytes);
	if (image == NULL) {
		return LESSOR_NO_MEMORY;
	}
	memcpy(image, head, sizeof(head));
	lsr_scope_image_put(image + sizeof(head), scope, fresh, deletes, 0);
	const lessor_status_t status = lsr_engine_log(engine, LSR_LOG_CLEAR, image, image_bytes, lsn);
	free(image);
	return status;
}

/* The range and its leases go. Takes 'fresh' over on success. */
static lessor_status_t
clear_range(lessor_engine_t *engine, lsr_scope_t *scope, lessor_range_t range, bool force, lsr_scope_config_t *fresh,
	    uint64_t *lsn) {
	lsr_engine_close_gate(scope);
	const uint64_t deletes = clear(engine, scope, range, false);
	lessor_status_t status = LESSOR_SCOPE_NOT_EMPTY;
	if (force || !lsr_engine_holds(engine, scope, range, is_lease)) {
		status = log_clear(engine, scope, range, fresh, deletes, lsn);
	}
	if (status == LESSOR_OK) {
		(void)clear(engine, scope, range, true);
		lsr_engine_recount(engine, scope, fresh);
		lsr_scope_config_retire(lsr_scope_install(scope, fresh));
	}
	lsr_engine_open_gate(scope);
	return status;
}

static lessor_status_t
remove_locked(lessor_engine_t *engine, uint32_t subnet, lessor_range_t range, bool force, uint64_t *lsn) {
	lsr_scope_t *scope = lsr_engine_find_scope_locked(engine, subnet);
	if (scope == NULL) {
		return LESSOR_NO_SCOPE;
	}
	const lsr_scope_config_t *old = lsr_scope_config(scope);
	if (!old->has_range || old->range.first != range.first || old->range.last != range.last) {
		return LESSOR_NOT_FOUND;
	}
	lsr_scope_config_t *fresh = config_with(scope, NULL);
	const lessor_status_t status =
		fresh == NULL ? LESSOR_NO_MEMORY : clear_range(engine, scope, range, force, fresh, lsn);
	if (status != LESSOR_OK) {
		lsr_scope_config_free(fresh);
	}
	return status;
}

lessor_status_t
lessor_scope_remove_range(lessor_engine_t *engine, uint32_t subnet, lessor_range_t range, bool force,
			  lessor_mode_t mode, lessor_ticket_t *ticket) {
	uint64_t lsn = 0;
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	(void)pthread_mutex_lock(&engine->scope_lock);
	status = remove_locked(engine, subnet, range, force, &lsn);
	(void)pthread_mutex_unlock(&engine->scope_lock);
	return status == LESSOR_OK ? lsr_engine_finish(engine, lsn, mode, ticket) : status;
}

/* ---- exclusions ---------------------------------------------------------------------------------------------------- */

static int64_t
find_exclusion(const lsr_scope_config_t *config, lessor_range_t range) {
	for (uint32_t i = 0; i < config->exclusions; i++) {
		if (config->exclusion[i].first == range.first && config->exclusion[i].last == range.last) {
			return i;
		}
	}
	return -1;
}

/* Add or take away one exclusion. LESSOR_END: nothing to do. */
static lessor_status_t
exclusions_after(const lsr_scope_config_t *old, lessor_range_t range, bool add, lessor_range_t *list, uint32_t *count) {
	const int64_t at = find_exclusion(old, range);
	if (add ? at >= 0 : at < 0) {
		return add ? LESSOR_END : LESSOR_NOT_FOUND;
	}
	if (add && old->exclusions == LESSOR_SCOPE_MAX_EXCLUSIONS) {
		return LESSOR_LIMIT;
	}
	*count = 0;
	for (uint32_t i = 0; i < old->exclusions; i++) {
		if (add || i != (uint32_t)at) {
			list[(*count)++] = old->exclusion[i];
		}
	}
	if (add) {
		list[(*count)++] = range;
	}
	return LESSOR_OK;
}

static lessor_status_t
exclude_locked(lessor_engine_t *engine, uint32_t subnet, lessor_range_t range, bool add, uint64_t *lsn) {
	uint32_t count;
	lsr_scope_t *scope = lsr_engine_find_scope_locked(engine, subnet);
	if (scope == NULL) {
		return LESSOR_NOT_FOUND;
	}
	if ((range.first & scope->mask) != subnet || (range.last & scope->mask) != subnet) {
		return LESSOR_INVALID;
	}
	const lsr_scope_config_t *old = lsr_scope_config(scope);
	lessor_range_t *list = malloc(((size_t)old->exclusions + 1) * sizeof(list[0]));
	if (list == NULL) {
		return LESSOR_NO_MEMORY;
	}
	lsr_scope_config_t *fresh = NULL;
	lessor_status_t status = exclusions_after(old, range, add, list, &count);
	if (status == LESSOR_OK) {
		const lessor_scope_t described = lsr_scope_describe(scope, old);
		fresh = lsr_scope_config_new(&described, old->superscope, list, count);
		status = fresh == NULL ? LESSOR_NO_MEMORY
				       : lsr_engine_replace_config(engine, scope, fresh, fresh->pool != old->pool, lsn);
	}
	if (status != LESSOR_OK) {
		lsr_scope_config_free(fresh);
	}
	free(list);
	return status == LESSOR_END ? lsr_engine_nothing_new(engine, lsn) : status;
}

static lessor_status_t
change_exclusions(lessor_engine_t *engine, uint32_t subnet, lessor_range_t range, bool add, lessor_mode_t mode,
		  lessor_ticket_t *ticket) {
	uint64_t lsn = 0;
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	if (range.first > range.last) {
		return LESSOR_INVALID;
	}
	(void)pthread_mutex_lock(&engine->scope_lock);
	status = exclude_locked(engine, subnet, range, add, &lsn);
	(void)pthread_mutex_unlock(&engine->scope_lock);
	return status == LESSOR_OK ? lsr_engine_finish(engine, lsn, mode, ticket) : status;
}

lessor_status_t
lessor_scope_exclude(lessor_engine_t *engine, uint32_t subnet, lessor_range_t range, lessor_mode_t mode,
		     lessor_ticket_t *ticket) {
	return change_exclusions(engine, subnet, range, true, mode, ticket);
}

lessor_status_t
lessor_scope_include(lessor_engine_t *engine, uint32_t subnet, lessor_range_t range, lessor_mode_t mode,
		     lessor_ticket_t *ticket) {
	return change_exclusions(engine, subnet, range, false, mode, ticket);
}

lessor_status_t
lessor_scope_exclusions(lessor_engine_t *engine, uint32_t subnet, lessor_range_t *ranges, size_t capacity,
			size_t *count) {
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (count == NULL || (ranges == NULL && capacity != 0)) {
		return LESSOR_INVALID;
	}
	status = LESSOR_NOT_FOUND;
	lsr_rcu_enter();
	const lsr_scope_t *scope = lsr_engine_scope_named(engine, subnet);
	if (scope != NULL) {
		const lsr_scope_config_t *config = lsr_scope_config(scope);
		*count = config->exclusions;
		status = capacity != 0 && capacity < config->exclusions ? LESSOR_BUFFER_TOO_SMALL : LESSOR_OK;
		if (capacity >= config->exclusions && config->exclusions > 0) {
			memcpy(ranges, config->exclusion, config->exclusions * sizeof(ranges[0]));
		}
	}
	lsr_rcu_leave();
	return status;
}
