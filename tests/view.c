/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that a reader can learn about a store. See view.h. */
#include "view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc.h"
#include "torture.h"

/* ---- digests --------------------------------------------------------------------------------------------------------- */

static uint64_t
add_bytes(uint64_t sum, const void *data, size_t size_bytes) {
	return torture_mix(sum ^ (uint64_t)size_bytes << 32 ^ lsr_crc(LSR_CRC_SEED, data, size_bytes));
}

static uint64_t
add(uint64_t sum, uint64_t number) {
	return torture_mix(sum ^ number);
}

static uint64_t
add_text(uint64_t sum, const char *text) {
	return text == NULL ? add(sum, UINT64_MAX) : add_bytes(sum, text, strlen(text));
}

static uint64_t
digest_lease(const lessor_lease_t *lease) {
	uint64_t sum = add_bytes(0, lease->client_id, lease->client_id_bytes);
	sum = add_bytes(sum, lease->hardware, lease->hardware_bytes);
	sum = add(sum, lease->hardware_bytes != 0 ? lease->hardware_type : 0u);
	sum = add(sum, (uint64_t)lease->subnet_mask << 32 | lease->last_transaction_s);
	sum = add(sum, lease->client_type | (uint64_t)lease->address_state << 8 |
			       (uint64_t)lease->quarantine_status << 16 | (uint64_t)lease->quarantine_capable << 24 |
			       (uint64_t)lease->client_id_made_up << 25 | (uint64_t)lease->dns_forward << 26 |
			       (uint64_t)lease->dns_reverse << 27 | (uint64_t)lease->is_reserved << 28 |
			       (uint64_t)lease->state_ex << 29);
	sum = add(add(sum, lease->expires_at), lease->probation_ends_at);
	sum = add(sum, lease->owner_address);
	sum = add_bytes(sum, lease->limit_key, lease->limit_keys * sizeof(lease->limit_key[0]));
	sum = add_text(add_text(sum, lease->name), lease->comment);
	sum = add_text(add_text(sum, lease->owner_name), lease->policy_name);
	return add_text(sum, lease->user_context);
}

static uint64_t
digest_lease6(const lessor_lease6_t *lease) {
	uint64_t sum = add(add_bytes(0, lease->duid, lease->duid_bytes), lease->iaid);
	sum = add_bytes(sum, lease->hardware, lease->hardware_bytes);
	sum = add(sum, lease->address_state | (uint64_t)lease->dns_forward << 8 | (uint64_t)lease->dns_reverse << 9 |
			       (uint64_t)lease->is_reserved << 10 | (uint64_t)lease->last_transaction_s << 16);
	sum = add(add(sum, lease->expires_at), lease->preferred_expires_at);
	sum = add(add(sum, lease->owner_address.high), lease->owner_address.low);
	return add_text(add_text(add_text(sum, lease->name), lease->comment), lease->user_context);
}

/* ---- taking ---------------------------------------------------------------------------------------------------------- */

static void
put(view_t *view, view_kind_t kind, uint64_t high, uint64_t low, uint64_t digest) {
	/* Doubling whenever a power of two is reached. */
	if ((view->count & (view->count - 1)) == 0) {
		const size_t capacity = view->count == 0 ? 1 : 2 * view->count;
		view->things = realloc(view->things, capacity * sizeof(view->things[0]));
		REQUIRE(view->things != NULL);
	}
	view->things[view->count++] = (view_thing_t){.kind = kind, .high = high, .low = low, .digest = digest};
}

static void
put_leases(view_t *view, lessor_engine_t *engine, char *buffer) {
	lessor_cursor_t cursor;
	lessor_lease_t lease;
	lessor_status_t status;
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	while ((status = lessor_lease_next(engine, &cursor, &lease, buffer, LESSOR_LEASE_BUFFER_BYTES)) == LESSOR_OK) {
		put(view, VIEW_LEASE, 0, lease.address, digest_lease(&lease));
		view->things[view->count - 1].ticket = lease.ticket;
	}
	REQUIRE_STATUS(status, LESSOR_END);
}

static void
put_leases6(view_t *view, lessor_engine_t *engine, char *buffer) {
	lessor_cursor6_t cursor;
	lessor_lease6_t lease;
	lessor_status_t status;
	lessor_cursor6_init(&cursor, (lessor_address6_t){0, 0}, (lessor_address6_t){UINT64_MAX, UINT64_MAX});
	while ((status = lessor_lease6_next(engine, &cursor, &lease, buffer, LESSOR_LEASE_BUFFER_BYTES)) == LESSOR_OK) {
		put(view, VIEW_LEASE6, lease.address.high, lease.address.low, digest_lease6(&lease));
		view->things[view->count - 1].ticket = lease.ticket;
	}
	REQUIRE_STATUS(status, LESSOR_END);
}

static void
put_reservations(view_t *view, lessor_engine_t *engine, uint32_t subnet, char *buffer) {
	lessor_reservation_t found;
	for (uint32_t from = 0;
	     lessor_reservation_next(engine, subnet, from, &found, buffer, LESSOR_LEASE_BUFFER_BYTES) == LESSOR_OK;
	     from = found.address + 1) {
		const uint64_t sum = add_bytes(0, found.client_id, found.client_id_bytes);
		put(view, VIEW_RESERVATION, 0, found.address,
		    add(sum, found.client_types | (uint64_t)found.has_lease << 8 | (uint64_t)found.is_dormant << 9));
	}
}

static void
put_reservations6(view_t *view, lessor_engine_t *engine, uint64_t prefix, char *buffer) {
	lessor_reservation6_t found;
	for (lessor_address6_t from = {0, 0};
	     lessor_reservation6_next(engine, prefix, from, &found, buffer, LESSOR_LEASE_BUFFER_BYTES) == LESSOR_OK;
	     from = (lessor_address6_t){found.address.high, found.address.low + 1}) {
		const uint64_t sum = add(add_bytes(0, found.duid, found.duid_bytes), found.iaid);
		put(view, VIEW_RESERVATION6, add(found.address.high, prefix), found.address.low,
		    add(sum, (uint64_t)found.has_lease | (uint64_t)found.is_dormant << 1));
	}
}

static uint64_t
digest_scope(lessor_engine_t *engine, const lessor_scope_t *scope) {
	static lessor_range_t ranges[LESSOR_SCOPE_MAX_EXCLUSIONS];
	size_t count;
	char name[LESSOR_SUPERSCOPE_NAME_MAX_BYTES + 1];
	uint32_t number;
	REQUIRE_STATUS(lessor_scope_exclusions(engine, scope->subnet, ranges, LESSOR_SCOPE_MAX_EXCLUSIONS, &count),
		       LESSOR_OK);
	REQUIRE_STATUS(lessor_superscope_of(engine, scope->subnet, &number, name, sizeof(name)), LESSOR_OK);
	uint64_t sum = add_bytes(0, ranges, count * sizeof(ranges[0]));
	sum = add(sum, (uint64_t)scope->subnet << 32 | scope->mask);
	sum = add(sum, (uint64_t)scope->id << 32 | scope->state);
	sum = add(sum, (uint64_t)scope->lease_s << 32 | (uint64_t)scope->offer_delay_ms << 1 | scope->quarantine_on);
	sum = add(sum, scope->has_range ? (uint64_t)scope->range.first << 32 | scope->range.last : 0);
	sum = add(sum, (uint64_t)scope->max_leases << 32 | number);
	return add_text(add_text(sum, scope->name), scope->comment);
}

static uint64_t
digest_figures(const uint64_t *first, const uint64_t *last) {
	return add_bytes(0, first, (size_t)(last - first + 1) * sizeof(*first));
}

static void
put_scopes(view_t *view, lessor_engine_t *engine, char *buffer) {
	lessor_scope_t scope;
	for (uint32_t from = 0; lessor_scope_next(engine, from, &scope, buffer, LESSOR_LEASE_BUFFER_BYTES) == LESSOR_OK;
	     from = scope.subnet + 1) {
		lessor_scope_stats_t stats;
		put(view, VIEW_SCOPE, 0, scope.subnet, digest_scope(engine, &scope));
		REQUIRE_STATUS(lessor_scope_stats(engine, scope.subnet, &stats), LESSOR_OK);
		stats.in_use_high_water = 0;
		put(view, VIEW_FIGURES, 0, scope.subnet, digest_figures(&stats.pool, &stats.deletes));
		put_reservations(view, engine, scope.subnet, buffer);
	}
}

static void
put_scopes6(view_t *view, lessor_engine_t *engine, char *buffer) {
	lessor_scope6_t scope;
	for (uint64_t from = 0;
	     lessor_scope6_next(engine, from, &scope, buffer, LESSOR_LEASE_BUFFER_BYTES) == LESSOR_OK;
	     from = scope.prefix + 1) {
		lessor_range6_t ranges[64];
		size_t count;
		lessor_scope6_stats_t stats;
		REQUIRE_STATUS(lessor_scope6_exclusions(engine, scope.prefix, ranges, 64, &count), LESSOR_OK);
		uint64_t sum = add_bytes(0, ranges, count * sizeof(ranges[0]));
		sum = add(add(sum, scope.number), (uint64_t)scope.id << 32 | scope.state);
		sum = add(sum, (uint64_t)scope.lease_s << 32 | scope.preference);
		put(view, VIEW_SCOPE6, 0, scope.prefix, add_text(add_text(sum, scope.name), scope.comment));
		REQUIRE_STATUS(lessor_scope6_stats(engine, scope.prefix, &stats), LESSOR_OK);
		stats.in_use_high_water = 0;
		put_reservations6(view, engine, scope.prefix, buffer);
		put(view, VIEW_FIGURES, 1, scope.prefix, digest_figures(&stats.in_use, &stats.deletes));
	}
}

static void
put_superscopes(view_t *view, lessor_engine_t *engine) {
	char name[LESSOR_SUPERSCOPE_NAME_MAX_BYTES + 1];
	for (uint32_t number = 0; lessor_superscope_next(engine, &number, name, sizeof(name)) == LESSOR_OK; number++) {
		put(view, VIEW_SUPERSCOPE, 0, number, add_text(0, name));
	}
}

static void
put_filters(view_t *view, lessor_engine_t *engine, char *buffer) {
	bool allow;
	bool deny;
	for (unsigned list = 0; list < 2; list++) {
		lessor_filter_t filter;
		uint32_t position = 0;
		while (lessor_filter_next(engine, (lessor_filter_list_t)list, &position, &filter, buffer,
					  LESSOR_LEASE_BUFFER_BYTES) == LESSOR_OK) {
			uint64_t key = (uint64_t)filter.hardware_type << 8 | filter.is_wildcard;
			for (unsigned i = 0; i < filter.pattern_bytes; i++) {
				key = key << 8 ^ filter.pattern[i];
			}
			put(view, VIEW_FILTER, list, key, add_text(0, filter.comment));
		}
	}
	REQUIRE_STATUS(lessor_filter_enforcement(engine, &allow, &deny), LESSOR_OK);
	put(view, VIEW_ENFORCEMENT, 0, 0, (uint64_t)allow + 2 * (uint64_t)deny);
}

static void
put_limits(view_t *view, lessor_engine_t *engine) {
	lessor_limit_t limit;
	const lessor_limit_key_t *behind = NULL;
	lessor_limit_key_t key;
	lessor_status_t status;
	for (; (status = lessor_limit_next(engine, behind, &limit)) == LESSOR_OK; behind = &key) {
		key = limit.key;
		const uint64_t name = add_bytes(key.kind, key.bytes, key.size_bytes);
		put(view, VIEW_LIMIT, 0, name, limit.max);
		put(view, VIEW_FIGURES, 2, name, limit.leases);
	}
	REQUIRE_STATUS(status, LESSOR_END);
}

static int
compare(const view_thing_t *a, const view_thing_t *b) {
	return a->kind != b->kind   ? (a->kind < b->kind ? -1 : 1)
	       : a->high != b->high ? (a->high < b->high ? -1 : 1)
	       : a->low != b->low   ? (a->low < b->low ? -1 : 1)
				    : 0;
}

static int
by_key(const void *a, const void *b) {
	return compare(a, b);
}

view_t
view_take(lessor_engine_t *engine) {
	static char buffer[LESSOR_LEASE_BUFFER_BYTES];
	view_t view = {0};
	put_leases(&view, engine, buffer);
	put_leases6(&view, engine, buffer);
	put_scopes(&view, engine, buffer);
	put_scopes6(&view, engine, buffer);
	put_superscopes(&view, engine);
	put_filters(&view, engine, buffer);
	put_limits(&view, engine);
	qsort(view.things, view.count, sizeof(view.things[0]), by_key);
	return view;
}

void
view_free(view_t *view) {
	free(view->things);
	*view = (view_t){0};
}

/* ---- comparing ------------------------------------------------------------------------------------------------------- */

static bool
same(const view_thing_t *a, const view_thing_t *b) {
	return a == NULL || b == NULL ? a == b : a->ticket == b->ticket && a->digest == b->digest;
}

bool
view_is_equal(const view_t *a, const view_t *b) {
	bool equal = a->count == b->count;
	for (size_t i = 0; equal && i < a->count; i++) {
		equal = compare(&a->things[i], &b->things[i]) == 0 && same(&a->things[i], &b->things[i]);
	}
	return equal;
}

static const view_thing_t *
find(const view_t *view, const view_thing_t *key) {
	return bsearch(key, view->things, view->count, sizeof(view->things[0]), by_key);
}

static bool
is_possible(const view_thing_t *key, const view_t *view, const view_t *before, const view_t *after,
	    lessor_ticket_t end) {
	const view_thing_t *found = find(view, key);
	const view_thing_t *new = find(after, key);
	if (key->kind == VIEW_FIGURES) {
		return true;
	}
	if (new != NULL &&new->ticket != 0) {
		return same(found, new->ticket <= end ? new : find(before, key));
	}
	return same(found, new) || same(found, find(before, key));
}

bool
view_is_between(const view_t *view, const view_t *before, const view_t *after, lessor_ticket_t end) {
	const view_t *const views[] = {view, before, after};
	for (unsigned which = 0; which < 3; which++) {
		for (size_t i = 0; i < views[which]->count; i++) {
			if (!is_possible(&views[which]->things[i], view, before, after, end)) {
				return false;
			}
		}
	}
	return true;
}

static void
explain(const view_thing_t *thing, const char *what) {
	static const char *const kinds[] = {
		"scope",      "IPv6 scope", "lease",       "IPv6 lease", "reservation", "IPv6 reservation",
		"superscope", "filter",     "enforcement", "limit",      "figures"};
	(void)fprintf(stderr, "  %s %" PRIx64 " %" PRIx64 " ticket %" PRIu64 ": %s\n", kinds[thing->kind], thing->high,
		      thing->low, thing->ticket, what);
}

void
view_explain(const view_t *expected, const view_t *found) {
	for (size_t i = 0; i < expected->count; i++) {
		const view_thing_t *other = find(found, &expected->things[i]);
		if (!same(other, &expected->things[i])) {
			explain(&expected->things[i], other == NULL ? "missing" : "different");
		}
	}
	for (size_t i = 0; i < found->count; i++) {
		if (find(expected, &found->things[i]) == NULL) {
			explain(&found->things[i], "should not be there");
		}
	}
}
