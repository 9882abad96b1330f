/* SPDX-License-Identifier: Apache-2.0 */
/* IPv6 scopes: what is different about them; the rest is in scopes.c. */
#include "engine_p.h"

#include <stdlib.h>
#include <string.h>

/* ---- finding ------------------------------------------------------------------------------------------------------- */

/* With the scope lock held a scope cannot go away. */
static lsr_scope_t *
find_locked(const lessor_engine_t *engine, uint64_t prefix) {
	lsr_rcu_enter();
	lsr_scope_t *scope = lsr_engine_scope6_of(engine, prefix);
	lsr_rcu_leave();
	return scope;
}

/* Texts go into the buffer; none at all if there is no buffer. */
static lessor_status_t
answer(const lsr_scope_t *found, lessor_scope6_t *scope, char *buffer, size_t buffer_bytes) {
	lessor_scope6_t out = lsr_scope6_describe(found->sparse->prefix, found->uid, lsr_scope_config(found));
	const size_t name_bytes = out.name != NULL ? strlen(out.name) + 1 : 0;
	const size_t comment_bytes = out.comment != NULL ? strlen(out.comment) + 1 : 0;
	if (buffer == NULL) {
		out.name = out.comment = NULL;
	} else if (name_bytes + comment_bytes > buffer_bytes) {
		return LESSOR_BUFFER_TOO_SMALL;
	}
	if (out.name != NULL) {
		out.name = memcpy(buffer, out.name, name_bytes);
	}
	if (out.comment != NULL) {
		out.comment = memcpy(buffer + name_bytes, out.comment, comment_bytes);
	}
	*scope = out;
	return LESSOR_OK;
}

static lessor_status_t
look_up(lessor_engine_t *engine, uint64_t prefix, bool next, lessor_scope6_t *scope, void *buffer,
	size_t buffer_bytes) {
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (scope == NULL || (buffer == NULL && buffer_bytes != 0)) {
		return LESSOR_INVALID;
	}
	lsr_rcu_enter();
	const lsr_scope_t *found =
		next ? lsr_trie_next(&engine->trie6, lsr_key_ipv6(prefix)) : lsr_engine_scope6_of(engine, prefix);
	status = found != NULL ? answer(found, scope, buffer, buffer_bytes) : next ? LESSOR_END : LESSOR_NOT_FOUND;
	lsr_rcu_leave();
	return status;
}

lessor_status_t
lessor_scope6_get(lessor_engine_t *engine, uint64_t prefix, lessor_scope6_t *scope, void *buffer, size_t buffer_bytes) {
	return look_up(engine, prefix, false, scope, buffer, buffer_bytes);
}

lessor_status_t
lessor_scope6_next(lessor_engine_t *engine, uint64_t from, lessor_scope6_t *scope, void *buffer, size_t buffer_bytes) {
	return look_up(engine, from, true, scope, buffer, buffer_bytes);
}

/* ---- changing ------------------------------------------------------------------------------------------------------ */

lessor_status_t
lessor_scope6_create(lessor_engine_t *engine, const lessor_scope6_t *scope, lessor_mode_t mode,
		     lessor_ticket_t *ticket) {
	uint64_t lsn = 0;
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	if (scope == NULL || !lsr_scope6_check(scope)) {
		return LESSOR_INVALID;
	}
	if (!lsr_scope6_check_prefix(scope->prefix)) {
		return LESSOR_OUTSIDE;
	}
	lsr_scope_config_t *config = lsr_scope6_config_new(scope, &(lsr_scope6_parts_t){0});
	if (config == NULL) {
		return LESSOR_NO_MEMORY;
	}
	(void)pthread_mutex_lock(&engine->scope_lock);
	status = engine->next_uid == UINT32_MAX
			 ? LESSOR_LIMIT
			 : lsr_engine_add_scope(engine, lsr_scope6_new(scope->prefix, engine->next_uid, config), &lsn);
	(void)pthread_mutex_unlock(&engine->scope_lock);
	lsr_rcu_brake();
	if (status != LESSOR_OK) {
		lsr_scope_config_free(config);
		return status;
	}
	return lsr_engine_finish(engine, lsn, mode, ticket);
}

static void
overlay(lessor_scope6_t *to, const lessor_scope6_t *from, uint32_t fields) {
	if ((fields & LESSOR_SCOPE_FIELD_ID) != 0) {
		to->id = from->id;
	}
	if ((fields & LESSOR_SCOPE_FIELD_STATE) != 0) {
		to->state = from->state;
	}
	if ((fields & LESSOR_SCOPE_FIELD_LEASE_S) != 0) {
		to->lease_s = from->lease_s;
	}
	if ((fields & LESSOR_SCOPE_FIELD_NAME) != 0) {
		to->name = from->name;
	}
	if ((fields & LESSOR_SCOPE_FIELD_COMMENT) != 0) {
		to->comment = from->comment;
	}
	if ((fields & LESSOR_SCOPE6_FIELD_PREFERENCE) != 0) {
		to->preference = from->preference;
	}
	if ((fields & LESSOR_SCOPE_FIELD_MAX_LEASES) != 0) {
		to->max_leases = from->max_leases;
	}
}

static lessor_status_t
update_locked(lessor_engine_t *engine, const lessor_scope6_t *given, uint32_t fields, uint64_t *lsn) {
	lsr_scope_t *scope = find_locked(engine, given->prefix);
	if (scope == NULL) {
		return LESSOR_NOT_FOUND;
	}
	const lsr_scope_config_t *old = lsr_scope_config(scope);
	lessor_scope6_t merged = lsr_scope6_describe(scope->sparse->prefix, scope->uid, old);
	overlay(&merged, given, fields);
	if (!lsr_scope6_check(&merged)) {
		return LESSOR_INVALID;
	}
	const lsr_scope6_parts_t parts = lsr_scope6_parts(old);
	lsr_scope_config_t *fresh = lsr_scope6_config_new(&merged, &parts);
	if (fresh == NULL) {
		return LESSOR_NO_MEMORY;
	}
	const lessor_status_t status = lsr_engine_replace_config(engine, scope, fresh, false, lsn);
	if (status != LESSOR_OK) {
		lsr_scope_config_free(fresh);
	}
	return status;
}

lessor_status_t
lessor_scope6_update(lessor_engine_t *engine, const lessor_scope6_t *scope, uint32_t fields, lessor_mode_t mode,
		     lessor_ticket_t *ticket) {
	const uint32_t known = LESSOR_SCOPE_FIELD_ID | LESSOR_SCOPE_FIELD_STATE | LESSOR_SCOPE_FIELD_LEASE_S |
			       LESSOR_SCOPE_FIELD_NAME | LESSOR_SCOPE_FIELD_COMMENT | LESSOR_SCOPE_FIELD_MAX_LEASES |
			       LESSOR_SCOPE6_FIELD_PREFERENCE;
	uint64_t lsn = 0;
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	if (scope == NULL || (fields & ~known) != 0) {
		return LESSOR_INVALID;
	}
	(void)pthread_mutex_lock(&engine->scope_lock);
	status = update_locked(engine, scope, fields, &lsn);
	(void)pthread_mutex_unlock(&engine->scope_lock);
	return status == LESSOR_OK ? lsr_engine_finish(engine, lsn, mode, ticket) : status;
}

lessor_status_t
lessor_scope6_delete(lessor_engine_t *engine, uint64_t prefix, bool force, lessor_mode_t mode,
		     lessor_ticket_t *ticket) {
	uint64_t lsn = 0;
	lsr_scope_t *removed = NULL;
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	(void)pthread_mutex_lock(&engine->scope_lock);
	status = lsr_engine_remove_scope(engine, find_locked(engine, prefix), force, &removed, &lsn);
	(void)pthread_mutex_unlock(&engine->scope_lock);
	if (status != LESSOR_OK) {
		return status;
	}
	lsr_engine_drain_scope(engine, removed);
	lsr_rcu_brake();
	return lsr_engine_finish(engine, lsn, mode, ticket);
}

/* ---- exclusions ---------------------------------------------------------------------------------------------------- */

/* Add one to the list, which has room, or take it away; the list is in order. */
static lessor_status_t
exclusions_after(const lsr_scope_config_t *old, lessor_range6_t range, bool add, lessor_range6_t *list,
		 uint32_t *count) {
	bool found = false;
	*count = 0;
	for (uint32_t i = 0; i < old->exclusions; i++) {
		const lessor_range6_t *here = &old->exclusion6[i];
		const bool equal = here->first == range.first && here->last == range.last;
		if (add && here->first <= range.last && range.first <= here->last) {
			return equal ? LESSOR_EXISTS : LESSOR_CONFLICT;
		}
		found = found || equal;
		if (!equal) {
			list[(*count)++] = *here;
		}
	}
	if (!add) {
		return found ? LESSOR_OK : LESSOR_NOT_FOUND;
	}
	if (old->exclusions == LESSOR_SCOPE_MAX_EXCLUSIONS) {
		return LESSOR_LIMIT;
	}
	list[(*count)++] = range;
	return LESSOR_OK;
}

static lessor_status_t
exclude_locked(lessor_engine_t *engine, uint64_t prefix, lessor_range6_t range, bool add, uint64_t *lsn) {
	uint32_t count;
	lsr_scope_t *scope = find_locked(engine, prefix);
	if (scope == NULL) {
		return LESSOR_NOT_FOUND;
	}
	const lsr_scope_config_t *old = lsr_scope_config(scope);
	lessor_range6_t *list = malloc(((size_t)old->exclusions + 1) * sizeof(list[0]));
	if (list == NULL) {
		return LESSOR_NO_MEMORY;
	}
	lsr_scope_config_t *fresh = NULL;
	lessor_status_t status = exclusions_after(old, range, add, list, &count);
	if (status == LESSOR_OK) {
		const lessor_scope6_t described = lsr_scope6_describe(scope->sparse->prefix, scope->uid, old);
		lsr_scope6_parts_t parts = lsr_scope6_parts(old);
		parts.exclusion = list;
		parts.exclusions = count;
		fresh = lsr_scope6_config_new(&described, &parts);
		status = fresh == NULL ? LESSOR_NO_MEMORY : lsr_engine_replace_config(engine, scope, fresh, true, lsn);
	}
	if (status != LESSOR_OK) {
		lsr_scope_config_free(fresh);
	}
	free(list);
	return status;
}

static lessor_status_t
change_exclusions(lessor_engine_t *engine, uint64_t prefix, lessor_range6_t range, bool add, lessor_mode_t mode,
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
	status = exclude_locked(engine, prefix, range, add, &lsn);
	(void)pthread_mutex_unlock(&engine->scope_lock);
	return status == LESSOR_OK ? lsr_engine_finish(engine, lsn, mode, ticket) : status;
}

lessor_status_t
lessor_scope6_exclude(lessor_engine_t *engine, uint64_t prefix, lessor_range6_t range, lessor_mode_t mode,
		      lessor_ticket_t *ticket) {
	return change_exclusions(engine, prefix, range, true, mode, ticket);
}

lessor_status_t
lessor_scope6_include(lessor_engine_t *engine, uint64_t prefix, lessor_range6_t range, lessor_mode_t mode,
		      lessor_ticket_t *ticket) {
	return change_exclusions(engine, prefix, range, false, mode, ticket);
}

lessor_status_t
lessor_scope6_exclusions(lessor_engine_t *engine, uint64_t prefix, lessor_range6_t *ranges, size_t capacity,
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
	const lsr_scope_t *scope = lsr_engine_scope6_of(engine, prefix);
	if (scope != NULL) {
		const lsr_scope_config_t *config = lsr_scope_config(scope);
		*count = config->exclusions;
		status = capacity != 0 && capacity < config->exclusions ? LESSOR_BUFFER_TOO_SMALL : LESSOR_OK;
		if (capacity >= config->exclusions && config->exclusions > 0) {
			memcpy(ranges, config->exclusion6, config->exclusions * sizeof(ranges[0]));
		}
	}
	lsr_rcu_leave();
	return status;
}

/* ---- statistics ----------------------------------------------------------------------------------------------------- */

static void
fill_stats(const lsr_scope_t *scope, const lsr_scope_config_t *config, lsr_tally_t tally, uint64_t pending,
	   lessor_scope6_stats_t *stats) {
	const uint64_t gone = tally.in_use + pending;
	*stats = (lessor_scope6_stats_t){.prefix = scope->sparse->prefix,
					 .in_use = tally.in_use,
					 .pending = pending,
					 .leases = tally.leases,
					 .leases_active = tally.active,
					 .leases_declined = tally.declined,
					 .leases_doomed = tally.doomed};
	if (config->exclusions == 0) {
		stats->free = gone == 0 ? UINT64_MAX : 0 - gone; /* of 2^64 */
	} else {
		stats->free = config->pool > gone ? config->pool - gone : 0;
	}
}

lessor_status_t
lessor_scope6_stats(lessor_engine_t *engine, uint64_t prefix, lessor_scope6_stats_t *stats) {
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (stats == NULL) {
		return LESSOR_INVALID;
	}
	status = LESSOR_NOT_FOUND;
	lsr_engine_end_offers(engine, UINT32_MAX);
	lsr_rcu_enter();
	lsr_scope_t *scope = lsr_engine_scope6_of(engine, prefix);
	if (scope != NULL) {
		fill_stats(scope, lsr_scope_config(scope), lsr_counters_tally(&scope->counters),
			   lsr_counters_pending(&scope->counters), stats);
		stats->expires = atomic_load_explicit(&scope->counters.expires, memory_order_relaxed);
		stats->deletes = lsr_counters_deletes(&scope->counters);
		stats->creates = stats->leases + stats->deletes;
		stats->in_use_high_water = lsr_counters_mark(&scope->counters);
		status = LESSOR_OK;
	}
	lsr_rcu_leave();
	return status;
}

lessor_status_t
lessor_scope6_recount(lessor_engine_t *engine, uint64_t prefix, lessor_scope6_stats_t *stats) {
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (stats == NULL) {
		return LESSOR_INVALID;
	}
	/* The lock keeps the scope in place, so that a long count is no long read-side section. */
	status = LESSOR_NOT_FOUND;
	lsr_engine_end_offers(engine, UINT32_MAX);
	(void)pthread_mutex_lock(&engine->scope_lock);
	const lsr_scope_t *scope = find_locked(engine, prefix);
	if (scope != NULL) {
		uint64_t by_state[LSR_COUNTERS];
		const lsr_scope_config_t *config = lsr_scope_config(scope);
		lsr_engine_count(engine, scope, config, by_state);
		fill_stats(scope, config, lsr_tally_of(by_state), lsr_engine_count_offered(engine, scope, config) >> 32,
			   stats);
		status = LESSOR_OK;
	}
	(void)pthread_mutex_unlock(&engine->scope_lock);
	return status;
}
