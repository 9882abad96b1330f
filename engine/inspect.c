/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of the whole engine, and checking it against itself. */
#include "engine_p.h"

#include <stdio.h>
#include <string.h>

/* The scope at or behind *at; *at becomes the place to go on from. The caller holds the scope lock. */
static lsr_scope_t *
next_scope(const lessor_engine_t *engine, uint64_t *at) {
	lsr_scope_t *scope = NULL;
	if (*at <= UINT32_MAX) {
		lsr_rcu_enter();
		scope = lsr_trie_next(&engine->trie, lsr_key_ipv4((uint32_t)*at));
		lsr_rcu_leave();
	}
	if (scope != NULL) {
		*at = (uint64_t)scope->subnet + scope->table.last_offset + 1;
	}
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
				     .log_bytes = engine->loaded_log_bytes};
	/* One scope per read-side section: no lock that a change may hold while it waits for the disk. */
	for (uint64_t at = 0; at <= UINT32_MAX;) {
		lsr_rcu_enter();
		const lsr_scope_t *scope = lsr_trie_next(&engine->trie, lsr_key_ipv4((uint32_t)at));
		if (scope != NULL) {
			out.scopes++;
			out.leases += lsr_counters_leases(&scope->counters);
			out.memory_bytes += sizeof(*scope) + lsr_table_bytes(&scope->table);
		}
		at = scope != NULL ? (uint64_t)scope->subnet + scope->table.last_offset + 1 : UINT64_MAX;
		lsr_rcu_leave();
	}
	out.memory_bytes += atomic_load_explicit(&engine->pages.records.committed_bytes, memory_order_relaxed) +
			    atomic_load_explicit(&engine->pages.infos.committed_bytes, memory_order_relaxed);
	lsr_rcu_enter();
	out.memory_bytes += lsr_superscopes_memory(&engine->superscopes) + lsr_filters_memory(&engine->filters);
	lsr_rcu_leave();
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
format_address(uint32_t address, char text[16]) {
	(void)snprintf(text, 16, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
}

static lessor_status_t
contradiction(lessor_report_t *report, uint32_t address, const char *what) {
	char text[16];
	format_address(address, text);
	(void)snprintf(report->sentence, sizeof(report->sentence), "%s: %s", text, what);
	return LESSOR_DAMAGED;
}

static lessor_status_t
check_lease(const lessor_engine_t *engine, const lsr_found_t *found, lessor_report_t *report) {
	const uint8_t *client_id = lsr_body_client(&found->body);
	const uint32_t id = lsr_engine_find_client(engine, found->scope, client_id, found->body.client_id_bytes);
	if (id == LSR_NO_RECORD) {
		return contradiction(report, found->address, "the lease is not found by its client id");
	}
	if (id != lsr_table_peek(&found->scope->table, found->address)) {
		return contradiction(report, found->address, "the client has another lease in the same scope");
	}
	return LESSOR_OK;
}

static lessor_status_t
check_reservation(const lessor_engine_t *engine, const lsr_found_t *found, lessor_report_t *report) {
	const lsr_reserved_t reserved = lsr_body_reserved(&found->body);
	const uint32_t id =
		lsr_engine_find_reserved(engine, found->scope, reserved.client_id, reserved.client_id_bytes);
	if (id == LSR_NO_RECORD) {
		return contradiction(report, found->address, "the reservation is not found by its client id");
	}
	if (id != lsr_table_peek(&found->scope->table, found->address)) {
		return contradiction(report, found->address, "the client has another reservation in the same scope");
	}
	return LESSOR_OK;
}

static lessor_status_t
check_record(const lessor_engine_t *engine, const lsr_found_t *found, lessor_report_t *report) {
	lessor_status_t status = LESSOR_OK;
	if (!lsr_body_is_empty(&found->body)) {
		report->leases++;
		status = check_lease(engine, found, report);
	}
	return status == LESSOR_OK && lsr_body_is_reserved(&found->body) ? check_reservation(engine, found, report)
									 : status;
}

static lessor_status_t
check_leases(lessor_engine_t *engine, lessor_report_t *report) {
	uint64_t at = 0;
	bool more = true;
	lessor_status_t status = LESSOR_OK;
	while (more && status == LESSOR_OK) {
		lsr_rcu_enter();
		for (unsigned i = 0; i < 256 && more && status == LESSOR_OK; i++) {
			lsr_found_t found;
			if (lsr_engine_walk(engine, &at, UINT32_MAX, &found, &more)) {
				status = check_record(engine, &found, report);
			}
		}
		lsr_rcu_leave();
	}
	return status;
}

static lessor_status_t
check_scope(lessor_engine_t *engine, const lsr_scope_t *scope, lessor_report_t *report) {
	uint64_t by_state[LSR_COUNTERS];
	uint32_t wrong;
	if (!lsr_table_is_sound(&scope->table, &engine->pages, &wrong)) {
		return contradiction(report, wrong, "the map of free addresses differs from the leases");
	}
	if (!lsr_table_is_punctual(&scope->table, &engine->pages, &wrong)) {
		return contradiction(report, wrong, "the lease expires before the earliest known of its page");
	}
	lsr_engine_count(engine, scope, lsr_scope_config(scope), by_state);
	for (unsigned state = 0; state < LSR_COUNTERS; state++) {
		if (by_state[state] != lsr_counters_load(&scope->counters, state)) {
			return contradiction(report, scope->subnet, "the scope's statistics differ from a recount");
		}
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
	uint64_t at = 0;
	status = check_leases(engine, report);
	(void)pthread_mutex_lock(&engine->scope_lock);
	for (const lsr_scope_t *scope; status == LESSOR_OK && (scope = next_scope(engine, &at)) != NULL;) {
		report->scopes++;
		status = check_scope(engine, scope, report);
	}
	status = status == LESSOR_OK ? lsr_superscopes_check(&engine->superscopes, report) : status;
	(void)pthread_mutex_unlock(&engine->scope_lock);
	status = status == LESSOR_OK ? lsr_filters_check(&engine->filters, report) : status;
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
