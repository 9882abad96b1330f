/* SPDX-License-Identifier: Apache-2.0 */
/* Scopes: create, change, delete, look up; their statistics. Every change holds the scope lock; look-ups do not. Their pools are in ranges.c. */
#include "engine_p.h"

#include <stdlib.h>
#include <string.h>

/* ---- gate ---------------------------------------------------------------------------------------------------------- */

void
lsr_engine_close_gate(lsr_scope_t *scope) {
	atomic_store_explicit(&scope->gate, LSR_GATE_CLOSED, memory_order_seq_cst);
	lsr_rcu_synchronize();
}

void
lsr_engine_open_gate(lsr_scope_t *scope) {
	atomic_store_explicit(&scope->gate, LSR_GATE_OPEN, memory_order_seq_cst);
}

/* ---- visiting all records of a scope ------------------------------------------------------------------------------- */

/* Calls 'visit' for each touched record, with its place. Whoever calls sees to it that the scope stays. */
static void
visit_records(const lessor_engine_t *engine, const lsr_scope_t *scope,
	      void (*visit)(void *context, lsr_record_t *record, uint32_t id, uint32_t address), void *context) {
	const lsr_table_t *table;
	for (uint32_t number = 0; (table = lsr_scope_table_at(scope, number)) != NULL; number++) {
		for (uint32_t index = 0; index < table->directory_entries; index++) {
			const uint32_t page = lsr_table_page(table, index);
			for (uint32_t place = 0; page != 0 && place < LSR_PAGE_RECORDS; place++) {
				const uint32_t id = page << LSR_PAGE_SHIFT | place;
				visit(context, lsr_pages_record(&engine->pages, id), id,
				      table->subnet + (index << LSR_PAGE_SHIFT) + place);
			}
		}
	}
}

typedef struct {
	const lessor_engine_t *engine;
	const lsr_scope_config_t *config;
	uint64_t *by_state;
	bool is_six;
} lsr_recount_t;

static bool
is_in_pool(const lsr_recount_t *recount, uint32_t id, uint32_t address) {
	return recount->is_six ? lsr_scope6_in_pool(recount->config, lsr_engine_low(recount->engine, id))
			       : lsr_scope_in_pool(recount->config, address);
}

static void
recount_offer(void *context, lsr_record_t *record, uint32_t id, uint32_t address) {
	const lsr_recount_t *recount = context;
	if ((lsr_record_word(record) & LSR_WORD_OFFER) != 0) {
		recount->by_state[0] += lsr_counters_unit(is_in_pool(recount, id, address));
	}
}

uint64_t
lsr_engine_count_offered(const lessor_engine_t *engine, const lsr_scope_t *scope, const lsr_scope_config_t *config) {
	uint64_t units = 0;
	lsr_recount_t recount = {.engine = engine, .config = config, .by_state = &units, .is_six = scope->is_sparse};
	if (atomic_load_explicit(&engine->offers.count, memory_order_relaxed) != 0) {
		visit_records(engine, scope, recount_offer, &recount);
	}
	return units;
}

static void
recount_one(void *context, lsr_record_t *record, uint32_t id, uint32_t address) {
	const lsr_recount_t *recount = context;
	lsr_body_t body;
	if (lsr_record_read(record, recount->engine->shadows, &body)) {
		recount->by_state[lsr_body_counter(&body)] += lsr_counters_unit(is_in_pool(recount, id, address));
	}
}

void
lsr_engine_count(const lessor_engine_t *engine, const lsr_scope_t *scope, const lsr_scope_config_t *config,
		 uint64_t by_state[LSR_COUNTERS]) {
	lsr_recount_t recount = {.engine = engine, .config = config, .by_state = by_state, .is_six = scope->is_sparse};
	memset(by_state, 0, LSR_COUNTERS * sizeof(by_state[0]));
	visit_records(engine, scope, recount_one, &recount);
}

void
lsr_engine_recount(const lessor_engine_t *engine, lsr_scope_t *scope, const lsr_scope_config_t *config) {
	uint64_t by_state[LSR_COUNTERS];
	lsr_engine_count(engine, scope, config, by_state);
	for (unsigned state = 0; state < LSR_COUNTERS; state++) {
		atomic_store_explicit(&scope->counters.by_state[state], by_state[state], memory_order_relaxed);
	}
	atomic_store_explicit(&scope->counters.high_water, lsr_counters_in_use(&scope->counters), memory_order_relaxed);
	atomic_store_explicit(&scope->counters.offered, lsr_engine_count_offered(engine, scope, config),
			      memory_order_relaxed);
	/* What was not of the pool may be now: a search that goes on in another section has to know. */
	(void)atomic_fetch_add_explicit(&scope->counters.releases, 1, memory_order_seq_cst);
}

static void
free_tail_of(void *context, lsr_record_t *record, uint32_t id, uint32_t address) {
	const lessor_engine_t *engine = context;
	lsr_body_t body;
	(void)id;
	(void)address;
	if (lsr_record_read(record, engine->shadows, &body)) {
		lsr_tail_free(body.tail);
	}
}

void
lsr_engine_free_tails(const lessor_engine_t *engine, const lsr_scope_t *scope) {
	union {
		const lessor_engine_t *in;
		void *out;
	} context = {.in = engine};
	visit_records(engine, scope, free_tail_of, context.out);
}

static void
empty_one(void *context, lsr_record_t *record, uint32_t id, uint32_t address) {
	(void)context;
	(void)id;
	(void)address;
	lsr_record_vacate(record, lsr_record_hide(record, lsr_record_word(record)));
}

void
lsr_engine_empty_records(const lessor_engine_t *engine, const lsr_scope_t *scope) {
	visit_records(engine, scope, empty_one, NULL);
}

typedef struct {
	lessor_engine_t *engine;
	lsr_scope_t *scope;
} lsr_drain_t;

static void
drain_one(void *context, lsr_record_t *record, uint32_t id, uint32_t address) {
	const lsr_drain_t *drain = context;
	lsr_body_t body;
	(void)address;
	if (!lsr_record_read(record, drain->engine->shadows, &body)) {
		if ((lsr_record_word(record) & LSR_WORD_OFFER) != 0) {
			lsr_record_vacate(record, lsr_record_hide(record, lsr_record_word(record)));
		}
		return;
	}
	const uint64_t hidden = lsr_record_hide(record, lsr_record_word(record));
	if (lsr_limits_concern(drain->scope, &body)) {
		const lsr_limits_change_t gone = {.scope = drain->scope, .record = record, .from = &body};
		lsr_limits_leave(&drain->engine->limits, &gone);
		lsr_limits_settle(&drain->engine->limits, &gone);
	}
	lsr_engine_forget_clients(drain->engine, drain->scope, id, &body);
	lsr_record_vacate(record, hidden);
	lsr_tail_free(body.tail);
}

void
lsr_engine_drain_scope(lessor_engine_t *engine, lsr_scope_t *scope) {
	lsr_drain_t drain = {.engine = engine, .scope = scope};
	lsr_rcu_synchronize(); /* nobody walks or reads here any more */
	visit_records(engine, scope, drain_one, &drain);
	lsr_rcu_synchronize(); /* nobody follows one of its client entries any more */
	lsr_scope_free(scope, &engine->pages);
	lsr_engine_forget_offers(engine);
}

/* ---- finding ------------------------------------------------------------------------------------------------------- */

lsr_scope_t *
lsr_engine_find_scope_locked(const lessor_engine_t *engine, uint32_t subnet) {
	lsr_rcu_enter();
	lsr_scope_t *scope = lsr_engine_scope_named(engine, subnet);
	lsr_rcu_leave();
	return scope;
}

static const char *
copy_text(char **at, const char *text) {
	if (text == NULL) {
		return NULL;
	}
	const size_t bytes = strlen(text) + 1;
	char *to = memcpy(*at, text, bytes);
	*at += bytes;
	return to;
}

static lessor_status_t
answer(const lsr_scope_t *scope, lessor_scope_t *out, void *buffer, size_t buffer_bytes) {
	const lsr_scope_config_t *config = lsr_scope_config(scope);
	lessor_scope_t described = lsr_scope_describe(scope, config);
	const size_t needed = (described.name != NULL ? config->name_bytes + 1u : 0) +
			      (described.comment != NULL ? config->comment_bytes + 1u : 0);
	if (buffer == NULL) {
		described.name = described.comment = NULL;
	} else if (needed > buffer_bytes) {
		return LESSOR_BUFFER_TOO_SMALL;
	} else {
		char *at = buffer;
		described.name = copy_text(&at, described.name);
		described.comment = copy_text(&at, described.comment);
	}
	*out = described;
	return LESSOR_OK;
}

typedef const lsr_scope_t *(*lsr_finder_t)(const lessor_engine_t *engine, uint32_t address);

static const lsr_scope_t *
by_subnet(const lessor_engine_t *engine, uint32_t subnet) {
	return lsr_engine_scope_named(engine, subnet);
}

static const lsr_scope_t *
by_address(const lessor_engine_t *engine, uint32_t address) {
	return lsr_trie_find(&engine->trie, lsr_key_ipv4(address));
}

/* The first scope whose subnet address is not below 'from': a scope that merely contains it lies before. */
static const lsr_scope_t *
by_order(const lessor_engine_t *engine, uint32_t from) {
	const lsr_scope_t *scope = lsr_trie_next(&engine->trie, lsr_key_ipv4(from));
	if (scope != NULL && scope->subnet < from) {
		const uint64_t behind = (uint64_t)scope->subnet + scope->table.last_offset + 1;
		scope = behind <= UINT32_MAX ? lsr_trie_next(&engine->trie, lsr_key_ipv4((uint32_t)behind)) : NULL;
	}
	return scope;
}

static lessor_status_t
look_up(lessor_engine_t *engine, uint32_t address, lsr_finder_t finder, lessor_status_t absent, lessor_scope_t *scope,
	void *buffer, size_t buffer_bytes) {
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (scope == NULL || (buffer == NULL && buffer_bytes != 0)) {
		return LESSOR_INVALID;
	}
	lsr_rcu_enter();
	const lsr_scope_t *found = finder(engine, address);
	status = found != NULL ? answer(found, scope, buffer, buffer_bytes) : absent;
	lsr_rcu_leave();
	return status;
}

lessor_status_t
lessor_scope_get(lessor_engine_t *engine, uint32_t subnet, lessor_scope_t *scope, void *buffer, size_t buffer_bytes) {
	return look_up(engine, subnet, by_subnet, LESSOR_NOT_FOUND, scope, buffer, buffer_bytes);
}

lessor_status_t
lessor_scope_find(lessor_engine_t *engine, uint32_t address, lessor_scope_t *scope, void *buffer, size_t buffer_bytes) {
	return look_up(engine, address, by_address, LESSOR_NO_SCOPE, scope, buffer, buffer_bytes);
}

lessor_status_t
lessor_scope_next(lessor_engine_t *engine, uint32_t from, lessor_scope_t *scope, void *buffer, size_t buffer_bytes) {
	return look_up(engine, from, by_order, LESSOR_END, scope, buffer, buffer_bytes);
}

/* ---- changing ------------------------------------------------------------------------------------------------------ */

uint8_t *
lsr_engine_scope_image(const lsr_scope_t *scope, const lsr_scope_config_t *config, uint64_t deletes,
		       uint64_t high_water, lsr_record_type_t *type, size_t *image_bytes) {
	const bool is_six = scope->is_sparse;
	*type = is_six ? LSR_LOG_SCOPE6 : LSR_LOG_SCOPE;
	*image_bytes = is_six ? lsr_scope6_image_bytes(config) : lsr_scope_image_bytes(config);
	uint8_t *image = malloc(*image_bytes);
	if (image != NULL && is_six) {
		lsr_scope6_image_put(image, scope, config, deletes, high_water);
	} else if (image != NULL) {
		lsr_scope_image_put(image, scope, config, deletes, high_water);
	}
	return image;
}

/* Log a scope as it will be. Nothing has been published yet. */
static lessor_status_t
log_scope(lessor_engine_t *engine, const lsr_scope_t *scope, const lsr_scope_config_t *config, uint64_t *lsn) {
	*lsn = 0;
	if (!engine->has_log) {
		return LESSOR_OK;
	}
	size_t image_bytes;
	lsr_record_type_t type;
	uint8_t *image = lsr_engine_scope_image(scope, config, 0, 0, &type, &image_bytes);
	if (image == NULL) {
		return LESSOR_NO_MEMORY;
	}
	const lessor_status_t status = lsr_engine_log(engine, type, image, image_bytes, lsn);
	free(image);
	return status;
}

lessor_status_t
lsr_engine_stage_scope(lessor_engine_t *engine, lsr_scope_t *scope, bool insert, lsr_trie_change_t *change) {
	lsr_trie_t *trie = lsr_engine_trie(engine, scope);
	const lsr_key_t key = scope->is_sparse ? lsr_key_ipv6(scope->sparse->prefix) : lsr_key_ipv4(scope->subnet);
	const unsigned bits = scope->is_sparse ? LSR_SCOPE6_BITS : lsr_mask_bits(scope->mask);
	return insert ? lsr_trie_stage_insert(trie, key, bits, scope, change)
		      : lsr_trie_stage_remove(trie, key, bits, change);
}

lessor_status_t
lsr_engine_add_scope(lessor_engine_t *engine, lsr_scope_t *scope, uint64_t *lsn) {
	lsr_trie_change_t change;
	if (scope == NULL) {
		return LESSOR_NO_MEMORY;
	}
	const lsr_scope_config_t *config = lsr_scope_config(scope);
	lessor_status_t status = lsr_engine_stage_scope(engine, scope, true, &change);
	if (status == LESSOR_OK) {
		status = log_scope(engine, scope, config, lsn);
		if (status != LESSOR_OK) {
			lsr_trie_abandon(&change);
		}
	}
	if (status != LESSOR_OK) {
		atomic_store_explicit(&scope->config, NULL, memory_order_relaxed); /* the caller frees it */
		lsr_scope_free(scope, &engine->pages);
		return status;
	}
	engine->next_uid++;
	(void)atomic_fetch_add_explicit(&engine->scopes, 1, memory_order_relaxed);
	lsr_trie_publish(lsr_engine_trie(engine, scope), &change);
	return LESSOR_OK;
}

/* With the scope lock held: everything that can fail, then the log, then the trie. */
static lessor_status_t
create_locked(lessor_engine_t *engine, const lessor_scope_t *given, lsr_scope_config_t *config, uint64_t *lsn) {
	if (engine->next_uid == UINT32_MAX) {
		return LESSOR_LIMIT;
	}
	return lsr_engine_add_scope(engine, lsr_scope_new(given->subnet, given->mask, engine->next_uid, config), lsn);
}

lessor_status_t
lessor_scope_create(lessor_engine_t *engine, const lessor_scope_t *scope, lessor_mode_t mode, lessor_ticket_t *ticket) {
	uint64_t lsn;
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	if (scope == NULL || !lsr_scope_check(scope)) {
		return LESSOR_INVALID;
	}
	lsr_scope_config_t *config = lsr_scope_config_new(scope, 0, NULL, 0);
	if (config == NULL) {
		return LESSOR_NO_MEMORY;
	}
	(void)pthread_mutex_lock(&engine->scope_lock);
	status = create_locked(engine, scope, config, &lsn);
	(void)pthread_mutex_unlock(&engine->scope_lock);
	lsr_rcu_brake();
	if (status != LESSOR_OK) {
		lsr_scope_config_free(config);
		return status;
	}
	return lsr_engine_finish(engine, lsn, mode, ticket);
}

lessor_status_t
lsr_engine_replace_config(lessor_engine_t *engine, lsr_scope_t *scope, lsr_scope_config_t *fresh, bool pool_changes,
			  uint64_t *lsn) {
	const bool closes = pool_changes || fresh->max_leases != lsr_scope_config(scope)->max_leases;
	if (closes) {
		lsr_engine_close_gate(scope);
	}
	const lessor_status_t status = log_scope(engine, scope, fresh, lsn);
	if (status == LESSOR_OK) {
		if (pool_changes) {
			lsr_engine_recount(engine, scope, fresh);
		}
		lsr_scope_config_retire(lsr_scope_install(scope, fresh));
	}
	if (closes) {
		lsr_limits_hold(scope);
		lsr_engine_open_gate(scope);
	}
	return status;
}

static void
overlay(lessor_scope_t *to, const lessor_scope_t *from, uint32_t fields) {
	if ((fields & LESSOR_SCOPE_FIELD_ID) != 0) {
		to->id = from->id;
	}
	if ((fields & LESSOR_SCOPE_FIELD_STATE) != 0) {
		to->state = from->state;
	}
	if ((fields & LESSOR_SCOPE_FIELD_LEASE_S) != 0) {
		to->lease_s = from->lease_s;
	}
	if ((fields & LESSOR_SCOPE_FIELD_RANGE) != 0) {
		to->has_range = from->has_range;
		to->range = from->range;
	}
	if ((fields & LESSOR_SCOPE_FIELD_NAME) != 0) {
		to->name = from->name;
	}
	if ((fields & LESSOR_SCOPE_FIELD_COMMENT) != 0) {
		to->comment = from->comment;
	}
	if ((fields & LESSOR_SCOPE_FIELD_OFFER_DELAY) != 0) {
		to->offer_delay_ms = from->offer_delay_ms;
	}
	if ((fields & LESSOR_SCOPE_FIELD_QUARANTINE) != 0) {
		to->quarantine_on = from->quarantine_on;
	}
	if ((fields & LESSOR_SCOPE_FIELD_MASK) != 0) {
		to->mask = from->mask;
	}
	if ((fields & LESSOR_SCOPE_FIELD_MAX_LEASES) != 0) {
		to->max_leases = from->max_leases;
	}
}

static bool
is_anything(const lsr_body_t *body) {
	(void)body;
	return true;
}

static lessor_range_t
whole(const lsr_scope_t *scope) {
	return (lessor_range_t){scope->subnet, scope->subnet + scope->table.last_offset};
}

/* Put another scope in the place of one that is empty, with its gate closed. Takes 'fresh' over on success. */
static lessor_status_t
move_scope(lessor_engine_t *engine, lsr_scope_t *scope, uint32_t mask, lsr_scope_config_t *fresh, uint64_t *lsn) {
	lsr_trie_move_t move;
	lsr_scope_t *successor = lsr_scope_new_masked(scope, mask, fresh);
	if (successor == NULL) {
		return LESSOR_NO_MEMORY;
	}
	lessor_status_t status = lsr_scope_stage_move(&engine->trie, scope, successor, &move);
	if (status == LESSOR_OK) {
		status = log_scope(engine, successor, fresh, lsn);
		if (status != LESSOR_OK) {
			lsr_trie_abandon_move(&move);
		}
	}
	if (status != LESSOR_OK) {
		atomic_store_explicit(&successor->config, NULL, memory_order_relaxed); /* the caller frees it */
		lsr_scope_free(successor, &engine->pages);
		return status;
	}
	lsr_trie_publish_move(&engine->trie, &move);
	return LESSOR_OK;
}

/* Another mask: another scope. *removed becomes the old one, for the caller to drain; its gate stays closed. */
static lessor_status_t
replace_mask(lessor_engine_t *engine, lsr_scope_t *scope, uint32_t mask, lsr_scope_config_t *fresh,
	     lsr_scope_t **removed, uint64_t *lsn) {
	lsr_engine_close_gate(scope);
	const lessor_status_t status = lsr_engine_holds(engine, scope, whole(scope), is_anything)
					       ? LESSOR_SCOPE_NOT_EMPTY
					       : move_scope(engine, scope, mask, fresh, lsn);
	if (status == LESSOR_OK) {
		*removed = scope;
	} else {
		lsr_engine_open_gate(scope);
	}
	return status;
}

/* What an update makes of a scope: LESSOR_OK; LESSOR_INVALID; LESSOR_SCOPE_NOT_EMPTY, as far as the configuration tells. */
static lessor_status_t
merge(const lsr_scope_t *scope, const lsr_scope_config_t *old, const lessor_scope_t *given, uint32_t fields,
      lessor_scope_t *merged) {
	*merged = lsr_scope_describe(scope, old);
	overlay(merged, given, fields);
	const bool moves = merged->mask != scope->mask;
	lessor_scope_t asked = *merged;
	asked.has_range = merged->has_range && (!moves || (fields & LESSOR_SCOPE_FIELD_RANGE) != 0);
	if (!lsr_scope_check(&asked)) {
		return LESSOR_INVALID;
	}
	return moves && (old->has_range || old->exclusions != 0) ? LESSOR_SCOPE_NOT_EMPTY : LESSOR_OK;
}

static lessor_status_t
update_locked(lessor_engine_t *engine, const lessor_scope_t *given, uint32_t fields, lsr_scope_t **removed,
	      uint64_t *lsn) {
	lessor_scope_t merged;
	lsr_scope_t *scope = lsr_engine_find_scope_locked(engine, given->subnet);
	if (scope == NULL) {
		return LESSOR_NOT_FOUND;
	}
	const lsr_scope_config_t *old = lsr_scope_config(scope);
	lessor_status_t status = merge(scope, old, given, fields, &merged);
	if (status != LESSOR_OK) {
		return status;
	}
	lsr_scope_config_t *fresh = lsr_scope_config_new(&merged, old->superscope, old->exclusion, old->exclusions);
	if (fresh == NULL) {
		return LESSOR_NO_MEMORY;
	}
	if (merged.mask != scope->mask) {
		status = replace_mask(engine, scope, merged.mask, fresh, removed, lsn);
	} else {
		const bool pool_changes = fresh->has_range != old->has_range ||
					  memcmp(&fresh->range, &old->range, sizeof(fresh->range)) != 0;
		status = lsr_engine_replace_config(engine, scope, fresh, pool_changes, lsn);
	}
	if (status != LESSOR_OK) {
		lsr_scope_config_free(fresh);
	}
	return status;
}

lessor_status_t
lessor_scope_update(lessor_engine_t *engine, const lessor_scope_t *scope, uint32_t fields, lessor_mode_t mode,
		    lessor_ticket_t *ticket) {
	const uint32_t known = LESSOR_SCOPE_FIELD_ID | LESSOR_SCOPE_FIELD_STATE | LESSOR_SCOPE_FIELD_LEASE_S |
			       LESSOR_SCOPE_FIELD_RANGE | LESSOR_SCOPE_FIELD_NAME | LESSOR_SCOPE_FIELD_COMMENT |
			       LESSOR_SCOPE_FIELD_OFFER_DELAY | LESSOR_SCOPE_FIELD_QUARANTINE |
			       LESSOR_SCOPE_FIELD_MASK | LESSOR_SCOPE_FIELD_MAX_LEASES;
	uint64_t lsn = 0;
	lsr_scope_t *removed = NULL;
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	if (scope == NULL || (fields & ~known) != 0) {
		return LESSOR_INVALID;
	}
	(void)pthread_mutex_lock(&engine->scope_lock);
	status = update_locked(engine, scope, fields, &removed, &lsn);
	(void)pthread_mutex_unlock(&engine->scope_lock);
	if (removed != NULL) {
		lsr_engine_drain_scope(engine, removed);
	}
	return status == LESSOR_OK ? lsr_engine_finish(engine, lsn, mode, ticket) : status;
}

/* ---- deleting ------------------------------------------------------------------------------------------------------ */

/* A lease that anybody has or had: a dormant one only keeps an address for its client. */
static bool
is_used(const lsr_body_t *body) {
	return !lsr_body_is_empty(body) && !(lsr_body_is_reserved(body) && body->expires_at == LESSOR_TIME_NONE);
}

typedef struct {
	const lessor_engine_t *engine;
	bool found;
} lsr_use_t;

static void
look_for_use(void *context, lsr_record_t *record, uint32_t id, uint32_t address) {
	lsr_use_t *use = context;
	lsr_body_t body;
	(void)id;
	(void)address;
	use->found = use->found || (lsr_record_read(record, use->engine->shadows, &body) && is_used(&body));
}

/* The gate is closed. */
static bool
holds_used(const lessor_engine_t *engine, const lsr_scope_t *scope) {
	lsr_use_t use = {.engine = engine};
	if (!scope->is_sparse) {
		return lsr_engine_holds(engine, scope, whole(scope), is_used);
	}
	visit_records(engine, scope, look_for_use, &use);
	return use.found;
}

/* Log the end of a scope. */
static lessor_status_t
log_scope_end(lessor_engine_t *engine, const lsr_scope_t *scope, uint64_t *lsn) {
	if (scope->is_sparse) {
		uint8_t image[sizeof(uint64_t) + sizeof(uint32_t)];
		memcpy(image, &scope->sparse->prefix, sizeof(uint64_t));
		memcpy(image + sizeof(uint64_t), &scope->uid, sizeof(uint32_t));
		return lsr_engine_log(engine, LSR_LOG_SCOPE6_END, image, sizeof(image), lsn);
	}
	const uint32_t image[3] = {scope->subnet, scope->mask, scope->uid};
	return lsr_engine_log(engine, LSR_LOG_SCOPE_END, image, sizeof(image), lsn);
}

lessor_status_t
lsr_engine_remove_scope(lessor_engine_t *engine, lsr_scope_t *scope, bool force, lsr_scope_t **removed, uint64_t *lsn) {
	lsr_trie_change_t change;
	if (scope == NULL) {
		return LESSOR_NOT_FOUND;
	}
	lsr_engine_close_gate(scope);
	lessor_status_t status = !force && holds_used(engine, scope) ? LESSOR_SCOPE_NOT_EMPTY : LESSOR_OK;
	if (status == LESSOR_OK) {
		status = lsr_engine_stage_scope(engine, scope, false, &change);
	}
	if (status == LESSOR_OK) {
		status = log_scope_end(engine, scope, lsn);
		if (status != LESSOR_OK) {
			lsr_trie_abandon(&change);
		}
	}
	if (status != LESSOR_OK) {
		lsr_engine_open_gate(scope);
		return status;
	}
	lsr_trie_publish(lsr_engine_trie(engine, scope), &change);
	(void)atomic_fetch_sub_explicit(&engine->scopes, 1, memory_order_relaxed);
	*removed = scope; /* its gate stays closed: whoever still holds it looks again and finds it gone */
	return LESSOR_OK;
}

lessor_status_t
lessor_scope_delete(lessor_engine_t *engine, uint32_t subnet, bool force, lessor_mode_t mode, lessor_ticket_t *ticket) {
	uint64_t lsn = 0;
	lsr_scope_t *removed = NULL;
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	(void)pthread_mutex_lock(&engine->scope_lock);
	status = lsr_engine_remove_scope(engine, lsr_engine_find_scope_locked(engine, subnet), force, &removed, &lsn);
	(void)pthread_mutex_unlock(&engine->scope_lock);
	if (status != LESSOR_OK) {
		return status;
	}
	lsr_engine_drain_scope(engine, removed);
	lsr_rcu_brake();
	return lsr_engine_finish(engine, lsn, mode, ticket);
}

/* ---- statistics ----------------------------------------------------------------------------------------------------- */

static void
fill_stats(const lsr_scope_t *scope, const lsr_scope_config_t *config, lsr_tally_t tally, uint64_t pending,
	   lessor_scope_stats_t *stats) {
	const uint64_t taken = tally.in_use + pending;
	*stats = (lessor_scope_stats_t){.subnet = scope->subnet,
					.pool = config->pool,
					.in_use = tally.in_use,
					.pending = pending,
					.free = config->pool > taken ? config->pool - taken : 0,
					.leases = tally.leases,
					.leases_active = tally.active,
					.leases_declined = tally.declined,
					.leases_doomed = tally.doomed};
}

lessor_status_t
lessor_scope_stats(lessor_engine_t *engine, uint32_t subnet, lessor_scope_stats_t *stats) {
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
	lsr_scope_t *scope = lsr_engine_scope_named(engine, subnet);
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
lessor_scope_recount(lessor_engine_t *engine, uint32_t subnet, lessor_scope_stats_t *stats) {
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
	const lsr_scope_t *scope = lsr_engine_find_scope_locked(engine, subnet);
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
