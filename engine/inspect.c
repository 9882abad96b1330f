/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of the whole engine, and checking it against itself. */
#include "engine_p.h"

#include <stdio.h>
#include <string.h>

lsr_scope_t *
lsr_engine_next_scope(const lessor_engine_t *engine, lsr_scope_cursor_t *cursor) {
	lsr_scope_t *scope = NULL;
	if (!cursor->is_six) {
		if (cursor->next <= UINT32_MAX) {
			scope = lsr_trie_next(&engine->trie, lsr_key_ipv4((uint32_t)cursor->next));
		}
		if (scope != NULL) {
			cursor->next = (uint64_t)scope->subnet + scope->table.last_offset + 1;
			return scope;
		}
		*cursor = (lsr_scope_cursor_t){.is_six = true};
	}
	if (!cursor->at_end) {
		scope = lsr_trie_next(&engine->trie6, lsr_key_ipv6(cursor->next));
	}
	if (scope != NULL) {
		cursor->next = scope->sparse->prefix + 1;
	}
	cursor->at_end = cursor->at_end || scope == NULL || cursor->next == 0;
	return scope;
}

/* The same for a caller that holds the scope lock. */
static lsr_scope_t *
next_scope(const lessor_engine_t *engine, lsr_scope_cursor_t *cursor) {
	lsr_rcu_enter();
	lsr_scope_t *scope = lsr_engine_next_scope(engine, cursor);
	lsr_rcu_leave();
	return scope;
}

lessor_status_t
lessor_engine_stats(lessor_engine_t *engine, lessor_engine_stats_t *stats) {
	const lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (stats == NULL) {
		return LESSOR_INVALID;
	}
	lessor_engine_stats_t out = {.memory_bytes = lsr_client_hash_memory(&engine->clients),
				     .log_bytes = engine->loaded_log_bytes,
				     .opened_at = engine->opened_at};
	/* One scope per read-side section: no lock that a change may hold while it waits for the disk. */
	lsr_scope_cursor_t cursor = {0};
	for (bool more = true; more;) {
		lsr_rcu_enter();
		const lsr_scope_t *scope = lsr_engine_next_scope(engine, &cursor);
		more = scope != NULL;
		if (more) {
			out.scopes++;
			out.leases += lsr_counters_leases(&scope->counters);
			out.memory_bytes += sizeof(*scope) + (scope->is_sparse ? lsr_sparse_bytes(scope->sparse)
									       : lsr_table_bytes(&scope->table));
		}
		lsr_rcu_leave();
	}
	out.memory_bytes += atomic_load_explicit(&engine->pages.records.committed_bytes, memory_order_relaxed) +
			    atomic_load_explicit(&engine->pages.infos.committed_bytes, memory_order_relaxed) +
			    atomic_load_explicit(&engine->pages.homes.committed_bytes, memory_order_relaxed);
	lsr_rcu_enter();
	out.memory_bytes += lsr_superscopes_memory(&engine->superscopes) + lsr_filters_memory(&engine->filters);
	lsr_rcu_leave();
	out.memory_bytes += lsr_limits_memory(&engine->limits);
	if (engine->has_log) {
		out.memory_bytes += engine->log.ring_bytes;
		out.log_bytes = atomic_load_explicit(&engine->log.segments.total_bytes, memory_order_relaxed);
		out.flushes = atomic_load_explicit(&engine->log.flushes, memory_order_relaxed);
		out.flushed_bytes = atomic_load_explicit(&engine->log.flushed_bytes, memory_order_relaxed);
	}
	out.last_ticket = lessor_last_ticket(engine);
	out.durable_ticket = lessor_durable_ticket(engine);
	*stats = out;
	return LESSOR_OK;
}

/* ---- checking ------------------------------------------------------------------------------------------------------ */

static void
format_address(const lsr_scope_t *scope, uint32_t address, uint64_t low, char text[40]) {
	if (scope->is_sparse) {
		const uint64_t high = scope->sparse->prefix;
		(void)snprintf(text, 40, "%04x:%04x:%04x:%04x:%04x:%04x:%04x:%04x", (unsigned)(high >> 48),
			       (unsigned)(high >> 32 & 0xFFFF), (unsigned)(high >> 16 & 0xFFFF),
			       (unsigned)(high & 0xFFFF), (unsigned)(low >> 48), (unsigned)(low >> 32 & 0xFFFF),
			       (unsigned)(low >> 16 & 0xFFFF), (unsigned)(low & 0xFFFF));
		return;
	}
	(void)snprintf(text, 40, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
}

static lessor_status_t
contradiction(lessor_report_t *report, const lsr_scope_t *scope, uint32_t address, uint64_t low, const char *what) {
	char text[40];
	format_address(scope, address, low, text);
	(void)snprintf(report->sentence, sizeof(report->sentence), "%s: %s", text, what);
	return LESSOR_DAMAGED;
}

static lessor_status_t
check_lease(const lessor_engine_t *engine, const lsr_found_t *found, lessor_report_t *report) {
	const uint32_t id = lsr_engine_find_client(engine, found->scope, lsr_body_client(&found->body),
						   lsr_body_client_bytes(&found->body));
	if (id == LSR_NO_RECORD) {
		return contradiction(report, found->scope, found->address, found->low,
				     "the lease is not found by its client id");
	}
	if (id != found->record_id) {
		return contradiction(report, found->scope, found->address, found->low,
				     "the client has another lease in the same scope");
	}
	return LESSOR_OK;
}

static lessor_status_t
check_reservation(const lessor_engine_t *engine, const lsr_found_t *found, lessor_report_t *report) {
	const lsr_reserved_t reserved = lsr_body_reserved(&found->body);
	const uint32_t id =
		lsr_engine_find_reserved(engine, found->scope, reserved.client_id, reserved.client_id_bytes);
	if (id == LSR_NO_RECORD) {
		return contradiction(report, found->scope, found->address, found->low,
				     "the reservation is not found by its client id");
	}
	if (id != found->record_id) {
		return contradiction(report, found->scope, found->address, found->low,
				     "the client has another reservation in the same scope");
	}
	return LESSOR_OK;
}

static lessor_status_t
check_record(const lessor_engine_t *engine, const lsr_found_t *found, lessor_report_t *report) {
	lessor_status_t status = LESSOR_OK;
	if (found->scope->is_sparse && lsr_index_find(&found->scope->sparse->index, found->low) != found->record_id) {
		return contradiction(report, found->scope, 0, found->low, "the lease is not found by its address");
	}
	if (!lsr_body_is_empty(&found->body)) {
		report->leases++;
		status = check_lease(engine, found, report);
	}
	return status == LESSOR_OK && lsr_body_is_reserved(&found->body) ? check_reservation(engine, found, report)
									 : status;
}

/* Of one family. */
static lessor_status_t
check_leases(lessor_engine_t *engine, bool is_six, lessor_report_t *report) {
	uint64_t at = 0;
	lsr_walk6_t walk = {0};
	bool more = true;
	lessor_status_t status = LESSOR_OK;
	while (more && status == LESSOR_OK) {
		lsr_rcu_enter();
		for (unsigned i = 0; i < 256 && more && status == LESSOR_OK; i++) {
			lsr_found_t found;
			if (is_six ? lsr_engine_walk6(engine, &walk, UINT64_MAX, &found, &more)
				   : lsr_engine_walk(engine, &at, UINT32_MAX, &found, &more)) {
				status = check_record(engine, &found, report);
			}
		}
		lsr_rcu_leave();
	}
	return status;
}

/* That each lease is in it was seen already: are they, and what is offered, as many? */
static bool
index_is_sound(const lsr_scope_t *scope) {
	lsr_rcu_enter();
	const uint64_t entries = lsr_index_count(&scope->sparse->index, 0, UINT64_MAX);
	lsr_rcu_leave();
	const uint32_t offered = (uint32_t)atomic_load_explicit(&scope->counters.offered, memory_order_relaxed);
	return entries == lsr_counters_leases(&scope->counters) + lsr_counters_empty(&scope->counters) + offered;
}

static lessor_status_t
check_scope(lessor_engine_t *engine, const lsr_scope_t *scope, lessor_report_t *report) {
	uint64_t by_state[LSR_COUNTERS];
	uint32_t wrong;
	const lsr_table_t *table;
	for (uint32_t number = 0; (table = lsr_scope_table_at(scope, number)) != NULL; number++) {
		if (!lsr_table_is_sound(table, &engine->pages, &wrong)) {
			return contradiction(report, scope, wrong, 0,
					     "the map of free addresses differs from the leases");
		}
		if (!lsr_table_is_punctual(table, &engine->pages, &wrong)) {
			return contradiction(report, scope, wrong, 0,
					     "the lease expires before the earliest known of its page");
		}
	}
	if (scope->is_sparse && !index_is_sound(scope)) {
		return contradiction(report, scope, 0, 0, "the index of addresses has other entries than leases");
	}
	lsr_engine_count(engine, scope, lsr_scope_config(scope), by_state);
	for (unsigned state = 0; state < LSR_COUNTERS; state++) {
		if (by_state[state] != lsr_counters_load(&scope->counters, state)) {
			return contradiction(report, scope, scope->subnet, 0,
					     "the scope's statistics differ from a recount");
		}
	}
	if (atomic_load_explicit(&scope->is_limited, memory_order_relaxed) &&
	    atomic_load_explicit(&scope->counters.held, memory_order_relaxed) != lsr_tally_of(by_state).leases) {
		return contradiction(report, scope, scope->subnet, 0, "the leases under the scope's limit are others");
	}
	if (lsr_engine_count_offered(engine, scope, lsr_scope_config(scope)) !=
	    atomic_load_explicit(&scope->counters.offered, memory_order_relaxed)) {
		return contradiction(report, scope, scope->subnet, 0, "the offers that are counted are others");
	}
	return LESSOR_OK;
}

lessor_status_t
lessor_check(lessor_engine_t *engine, lessor_report_t *report) {
	lessor_report_t own_report;
	report = report != NULL ? report : &own_report;
	*report = (lessor_report_t){0};
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	lsr_scope_cursor_t at = {0};
	status = check_leases(engine, false, report);
	status = status == LESSOR_OK ? check_leases(engine, true, report) : status;
	(void)pthread_mutex_lock(&engine->scope_lock);
	for (const lsr_scope_t *scope; status == LESSOR_OK && (scope = next_scope(engine, &at)) != NULL;) {
		report->scopes++;
		status = check_scope(engine, scope, report);
	}
	status = status == LESSOR_OK ? lsr_superscopes_check(&engine->superscopes, report) : status;
	(void)pthread_mutex_unlock(&engine->scope_lock);
	status = status == LESSOR_OK ? lsr_filters_check(&engine->filters, report) : status;
	status = status == LESSOR_OK ? lsr_limits_check(engine, report) : status;
	report->last_ticket = lessor_durable_ticket(engine);
	return status;
}

lessor_status_t
lessor_verify(const char *directory, lessor_report_t *report) {
	lessor_report_t own_report;
	lessor_report_t checked;
	lessor_options_t options;
	lessor_engine_t *engine = NULL;
	report = report != NULL ? report : &own_report;
	lessor_options_init(&options);
	options.read_only = true;
	lessor_status_t status = lessor_open(directory, &options, &engine, report);
	if (status != LESSOR_OK) {
		return status;
	}
	status = lessor_check(engine, &checked);
	if (status != LESSOR_OK) {
		memcpy(report->sentence, checked.sentence, sizeof(report->sentence));
	}
	(void)lessor_close(&engine);
	return status;
}
