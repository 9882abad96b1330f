/* SPDX-License-Identifier: Apache-2.0 */
/* The twin: what the headers promise, as plainly as it can be written down. */
#include "twin.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "scratch.h"

void
twin_init(twin_t *twin, bool strict) {
	memset(twin, 0, sizeof(*twin));
	twin->strict = strict;
}

/*
 * Copies of its own.
 */

static void *
copy_bytes(const void *bytes, size_t count) {
	uint8_t *copy;
	if (bytes == NULL) {
		return NULL;
	}
	copy = malloc(count + 1);
	assert_non_null(copy);
	memcpy(copy, bytes, count);
	copy[count] = 0;
	return copy;
}

static char *
copy_text(const char *text) {
	return text == NULL ? NULL : copy_bytes(text, strlen(text));
}

/* The members of a lease are const for the API; the twin allocated them and gives them back. */
static void
drop(const void *owned) {
	void *memory;
	memcpy(&memory, &owned, sizeof(memory));
	free(memory);
}

static void
replace_text(const char **owned, const char *text) {
	drop(*owned);
	*owned = copy_text(text);
}

static void
replace_bytes(const uint8_t **owned, const uint8_t *bytes, size_t count) {
	drop(*owned);
	*owned = count == 0 ? NULL : copy_bytes(bytes, count);
}

static void
lease_drop(twin_lease_t *lease) {
	drop(lease->lease.client_id);
	drop(lease->lease.hardware);
	drop(lease->lease.name);
	drop(lease->lease.comment);
	drop(lease->lease.policy_name);
	drop(lease->lease.owner_name);
	drop(lease->lease.user_context);
}

static void
scope_drop(twin_scope_t *scope) {
	drop(scope->scope.name);
	drop(scope->scope.comment);
	free(scope->exclusions);
}

void
twin_free(twin_t *twin) {
	for (size_t i = 0; i < twin->lease_count; i++) {
		lease_drop(&twin->leases[i]);
	}
	for (size_t i = 0; i < twin->scope_count; i++) {
		scope_drop(&twin->scopes[i]);
	}
	for (size_t i = 0; i < twin->superscope_count; i++) {
		free(twin->superscopes[i].name);
	}
	free(twin->leases);
	free(twin->scopes);
	free(twin->reservations);
	free(twin->superscopes);
	memset(twin, 0, sizeof(*twin));
}

/*
 * What is well formed.
 */

/* How many bytes the sequence that begins with this byte has; 0: nothing begins so. */
static size_t
sequence_bytes(uint8_t first) {
	if (first < 0x80) {
		return 1;
	}
	if (first < 0xC0) {
		return 0;
	}
	return first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF8 ? 4 : 0;
}

bool
twin_is_utf8(const char *text) {
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	const uint8_t *next = (const uint8_t *)text;
	while (*next != 0) {
		size_t bytes = sequence_bytes(*next);
		uint32_t point;
		if (bytes == 0) {
			return false;
		}
		point = bytes == 1 ? *next : *next & (0x7Fu >> bytes);
		for (size_t i = 1; i < bytes; i++) {
			if ((next[i] & 0xC0) != 0x80) {
				return false;
			}
			point = point << 6 | (next[i] & 0x3Fu);
		}
		if (point < smallest[bytes] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) {
			return false;
		}
		next += bytes;
	}
	return true;
}

static bool
is_text(const char *text, size_t max_bytes) {
	return text == NULL || (strlen(text) <= max_bytes && twin_is_utf8(text));
}

static bool
is_client(const uint8_t *client_id, size_t bytes) {
	return client_id != NULL && bytes >= 1 && bytes <= LESSOR_CLIENT_ID_MAX_BYTES;
}

static bool
is_client_type(uint8_t type) {
	return type <= 7 || type == LESSOR_CLIENT_NONE;
}

static bool
is_hardware(const lessor_lease_t *lease) {
	return lease->hardware_bytes == 0 ||
	       (lease->hardware_bytes <= LESSOR_HARDWARE_MAX_BYTES && lease->hardware != NULL);
}

static bool
is_new_state(const twin_t *twin, uint8_t state) {
	return state == 0 ? !twin->strict : (state & LESSOR_STATE_MASK) != LESSOR_STATE_OFFERED;
}

static bool
is_new_lease(const twin_t *twin, const lessor_lease_t *lease) {
	return lease->address != 0 && is_client(lease->client_id, lease->client_id_bytes) &&
	       is_client_type(lease->client_type) && is_new_state(twin, lease->address_state) &&
	       lease->quarantine_status <= LESSOR_NO_QUARANTINE_INFO && is_hardware(lease) &&
	       is_text(lease->name, LESSOR_NAME_MAX_BYTES) && is_text(lease->comment, LESSOR_NAME_MAX_BYTES) &&
	       is_text(lease->policy_name, LESSOR_POLICY_MAX_BYTES) &&
	       is_text(lease->owner_name, LESSOR_NAME_MAX_BYTES) &&
	       is_text(lease->user_context, LESSOR_USER_CONTEXT_MAX_BYTES);
}

/* Members that 'fields' does not name may be anything. */
static bool
is_lease_update(const lessor_lease_t *lease, uint32_t fields) {
	if (lease->address == 0 ||
	    (fields & ~(uint32_t)(LESSOR_FIELD_ALL | LESSOR_IF_CLIENT | LESSOR_IF_RESERVED)) != 0 ||
	    ((fields & LESSOR_IF_CLIENT) && (fields & LESSOR_FIELD_CLIENT_ID))) {
		return false;
	}
	if ((fields & (LESSOR_FIELD_CLIENT_ID | LESSOR_IF_CLIENT)) &&
	    !is_client(lease->client_id, lease->client_id_bytes)) {
		return false;
	}
	return (!(fields & LESSOR_FIELD_NAME) || is_text(lease->name, LESSOR_NAME_MAX_BYTES)) &&
	       (!(fields & LESSOR_FIELD_COMMENT) || is_text(lease->comment, LESSOR_NAME_MAX_BYTES)) &&
	       (!(fields & LESSOR_FIELD_POLICY) || is_text(lease->policy_name, LESSOR_POLICY_MAX_BYTES)) &&
	       (!(fields & LESSOR_FIELD_OWNER) || is_text(lease->owner_name, LESSOR_NAME_MAX_BYTES)) &&
	       (!(fields & LESSOR_FIELD_USER_CONTEXT) || is_text(lease->user_context, LESSOR_USER_CONTEXT_MAX_BYTES)) &&
	       (!(fields & LESSOR_FIELD_CLIENT_TYPE) || is_client_type(lease->client_type)) &&
	       (!(fields & LESSOR_FIELD_ADDRESS_STATE) || (lease->address_state & LESSOR_STATE_MASK) != 0) &&
	       (!(fields & LESSOR_FIELD_QUARANTINE) || lease->quarantine_status <= LESSOR_NO_QUARANTINE_INFO) &&
	       (!(fields & LESSOR_FIELD_HARDWARE) || is_hardware(lease));
}

static bool
is_mask(uint32_t mask) {
	for (unsigned bits = 1; bits <= 32; bits++) {
		if (mask == UINT32_MAX << (32 - bits)) {
			return true;
		}
	}
	return false;
}

static bool
is_inside(lessor_range_t range, uint32_t subnet, uint32_t mask) {
	return range.first <= range.last && (range.first & mask) == subnet && (range.last & mask) == subnet;
}

static bool
is_new_scope(const lessor_scope_t *scope) {
	return scope->subnet != 0 && is_mask(scope->mask) && (scope->subnet & ~scope->mask) == 0 &&
	       scope->state <= LESSOR_SCOPE_INVALID_STATE && scope->offer_delay_ms <= LESSOR_OFFER_DELAY_MAX_MS &&
	       (!scope->has_range || is_inside(scope->range, scope->subnet, scope->mask)) &&
	       is_text(scope->name, LESSOR_SCOPE_NAME_MAX_BYTES) &&
	       is_text(scope->comment, LESSOR_SCOPE_NAME_MAX_BYTES);
}

/*
 * Looking.
 */

static twin_scope_t *
scope_at(const twin_t *twin, uint32_t subnet) {
	for (size_t i = 0; i < twin->scope_count; i++) {
		if (twin->scopes[i].scope.subnet == subnet) {
			return &twin->scopes[i];
		}
	}
	return NULL;
}

static twin_scope_t *
scope_of(const twin_t *twin, uint32_t address) {
	for (size_t i = 0; i < twin->scope_count; i++) {
		const lessor_scope_t *scope = &twin->scopes[i].scope;
		if ((address & scope->mask) == scope->subnet) {
			return &twin->scopes[i];
		}
	}
	return NULL;
}

const twin_scope_t *
twin_scope_get(const twin_t *twin, uint32_t subnet) {
	return scope_at(twin, subnet);
}

const twin_scope_t *
twin_scope_find(const twin_t *twin, uint32_t address) {
	return scope_of(twin, address);
}

const twin_scope_t *
twin_scope_next(const twin_t *twin, uint32_t from) {
	const twin_scope_t *best = NULL;
	for (size_t i = 0; i < twin->scope_count; i++) {
		const twin_scope_t *scope = &twin->scopes[i];
		if (scope->scope.subnet >= from && (best == NULL || scope->scope.subnet < best->scope.subnet)) {
			best = scope;
		}
	}
	return best;
}

static twin_lease_t *
lease_at(const twin_t *twin, uint32_t address) {
	for (size_t i = 0; i < twin->lease_count; i++) {
		if (twin->leases[i].lease.address == address) {
			return &twin->leases[i];
		}
	}
	return NULL;
}

static bool
is_owned_by(const twin_lease_t *lease, const uint8_t *client_id, size_t bytes) {
	return lease->lease.client_id_bytes == bytes && memcmp(lease->lease.client_id, client_id, bytes) == 0;
}

static twin_lease_t *
lease_of_client(const twin_t *twin, const lessor_scope_t *scope, const uint8_t *client_id, size_t bytes) {
	for (size_t i = 0; i < twin->lease_count; i++) {
		if ((twin->leases[i].lease.address & scope->mask) == scope->subnet &&
		    is_owned_by(&twin->leases[i], client_id, bytes)) {
			return &twin->leases[i];
		}
	}
	return NULL;
}

const twin_lease_t *
twin_lease_get(const twin_t *twin, uint32_t address) {
	return lease_at(twin, address);
}

const twin_lease_t *
twin_lease_get_client(const twin_t *twin, uint32_t subnet, const uint8_t *client_id, size_t client_id_bytes) {
	const twin_scope_t *scope = scope_at(twin, subnet);
	return scope == NULL ? NULL : lease_of_client(twin, &scope->scope, client_id, client_id_bytes);
}

const twin_lease_t *
twin_lease_next(const twin_t *twin, uint64_t first, uint64_t last) {
	const twin_lease_t *best = NULL;
	for (size_t i = 0; i < twin->lease_count; i++) {
		const twin_lease_t *lease = &twin->leases[i];
		uint32_t address = lease->lease.address;
		if (address >= first && address <= last && (best == NULL || address < best->lease.address)) {
			best = lease;
		}
	}
	return best;
}

static bool
same_name(const char *a, const char *b) {
	while (*a != '\0' && (*a == *b || (((*a ^ *b) & 0xFF) == 0x20 && (*a | 0x20) >= 'a' && (*a | 0x20) <= 'z'))) {
		a++;
		b++;
	}
	return *a == '\0' && *b == '\0';
}

const twin_lease_t *
twin_lease_find_name(const twin_t *twin, const char *name) {
	const twin_lease_t *best = NULL;
	for (size_t i = 0; i < twin->lease_count; i++) {
		const twin_lease_t *lease = &twin->leases[i];
		if (lease->lease.name != NULL && same_name(lease->lease.name, name) &&
		    (best == NULL || lease->lease.address < best->lease.address)) {
			best = lease;
		}
	}
	return best;
}

uint64_t
twin_lease_count(const twin_t *twin, uint32_t first, uint32_t last) {
	uint64_t count = 0;
	for (size_t i = 0; i < twin->lease_count; i++) {
		count += twin->leases[i].lease.address >= first && twin->leases[i].lease.address <= last;
	}
	return count;
}

static twin_reservation_t *
reservation_at(const twin_t *twin, uint32_t address) {
	for (size_t i = 0; i < twin->reservation_count; i++) {
		if (twin->reservations[i].address == address) {
			return &twin->reservations[i];
		}
	}
	return NULL;
}

static bool
is_reserved_for(const twin_reservation_t *reservation, const uint8_t *client_id, size_t bytes) {
	return reservation->client_id_bytes == bytes && memcmp(reservation->client_id, client_id, bytes) == 0;
}

static twin_reservation_t *
reservation_of_client(const twin_t *twin, const lessor_scope_t *scope, const uint8_t *client_id, size_t bytes) {
	for (size_t i = 0; i < twin->reservation_count; i++) {
		if ((twin->reservations[i].address & scope->mask) == scope->subnet &&
		    is_reserved_for(&twin->reservations[i], client_id, bytes)) {
			return &twin->reservations[i];
		}
	}
	return NULL;
}

static size_t
reservations_in(const twin_t *twin, const lessor_scope_t *scope) {
	size_t count = 0;
	for (size_t i = 0; i < twin->reservation_count; i++) {
		count += (twin->reservations[i].address & scope->mask) == scope->subnet;
	}
	return count;
}

const twin_reservation_t *
twin_reservation_get(const twin_t *twin, uint32_t address) {
	return reservation_at(twin, address);
}

/*
 * Counting.
 */

static const lessor_range_t *
exclusion_over(const twin_scope_t *scope, uint64_t address) {
	for (size_t i = 0; i < scope->exclusion_count; i++) {
		if (address >= scope->exclusions[i].first && address <= scope->exclusions[i].last) {
			return &scope->exclusions[i];
		}
	}
	return NULL;
}

/* Where the next exclusion begins, or the range has ended. */
static uint64_t
pool_stretch_end(const twin_scope_t *scope, uint64_t address) {
	uint64_t end = (uint64_t)scope->scope.range.last + 1;
	for (size_t i = 0; i < scope->exclusion_count; i++) {
		if (scope->exclusions[i].first > address && scope->exclusions[i].first < end) {
			end = scope->exclusions[i].first;
		}
	}
	return end;
}

static uint64_t
pool_size(const twin_scope_t *scope) {
	uint64_t size = 0;
	uint64_t at;
	if (!scope->scope.has_range) {
		return 0;
	}
	at = scope->scope.range.first;
	while (at <= scope->scope.range.last) {
		const lessor_range_t *over = exclusion_over(scope, at);
		if (over != NULL) {
			at = (uint64_t)over->last + 1;
		} else {
			uint64_t end = pool_stretch_end(scope, at);
			size += end - at;
			at = end;
		}
	}
	return size;
}

static bool
is_in_pool(const twin_scope_t *scope, uint32_t address) {
	return scope->scope.has_range && address >= scope->scope.range.first && address <= scope->scope.range.last &&
	       exclusion_over(scope, address) == NULL;
}

static void
count_lease(const twin_t *twin, const twin_scope_t *scope, const lessor_lease_t *lease, lessor_scope_stats_t *stats) {
	unsigned state = lease->address_state & LESSOR_STATE_MASK;
	stats->leases++;
	stats->leases_active += state == LESSOR_STATE_ACTIVE;
	stats->leases_declined += state == LESSOR_STATE_DECLINED;
	stats->leases_doomed += state == LESSOR_STATE_DOOM;
	stats->in_use += state != LESSOR_STATE_DOOM && reservation_at(twin, lease->address) == NULL &&
			 is_in_pool(scope, lease->address);
}

void
twin_scope_stats(const twin_t *twin, const twin_scope_t *scope, lessor_scope_stats_t *stats) {
	memset(stats, 0, sizeof(*stats));
	stats->subnet = scope->scope.subnet;
	stats->pool = pool_size(scope);
	for (size_t i = 0; i < twin->lease_count; i++) {
		if ((twin->leases[i].lease.address & scope->scope.mask) == scope->scope.subnet) {
			count_lease(twin, scope, &twin->leases[i].lease, stats);
		}
	}
	for (size_t i = 0; i < twin->reservation_count; i++) {
		stats->in_use += is_in_pool(scope, twin->reservations[i].address);
	}
	stats->free = stats->pool - stats->in_use;
	stats->in_use_high_water = scope->in_use_high_water;
	stats->creates = scope->creates;
	stats->deletes = scope->deletes;
}

static uint64_t
in_use_now(const twin_t *twin, const twin_scope_t *scope) {
	lessor_scope_stats_t stats;
	twin_scope_stats(twin, scope, &stats);
	return stats.in_use;
}

static void
raise_high_water(const twin_t *twin, twin_scope_t *scope) {
	uint64_t in_use = in_use_now(twin, scope);
	if (in_use > scope->in_use_high_water) {
		scope->in_use_high_water = in_use;
	}
}

/*
 * Changing scopes.
 */

lessor_status_t
twin_scope_create(twin_t *twin, const lessor_scope_t *scope) {
	twin_scope_t *made;
	if (!is_new_scope(scope)) {
		return LESSOR_INVALID;
	}
	for (size_t i = 0; i < twin->scope_count; i++) {
		const lessor_scope_t *other = &twin->scopes[i].scope;
		if ((other->subnet & scope->mask) == scope->subnet || (scope->subnet & other->mask) == other->subnet) {
			return LESSOR_SCOPE_EXISTS;
		}
	}
	twin->scopes = realloc(twin->scopes, (twin->scope_count + 1) * sizeof(*twin->scopes));
	assert_non_null(twin->scopes);
	made = &twin->scopes[twin->scope_count++];
	memset(made, 0, sizeof(*made));
	made->scope = *scope;
	made->scope.name = copy_text(scope->name);
	made->scope.comment = copy_text(scope->comment);
	if (made->scope.lease_s == 0) {
		made->scope.lease_s = LESSOR_DEFAULT_LEASE_S;
	}
	return LESSOR_OK;
}

static void
change_range(const twin_t *twin, twin_scope_t *old, const lessor_scope_t *scope) {
	bool same = old->scope.has_range == scope->has_range && old->scope.range.first == scope->range.first &&
		    old->scope.range.last == scope->range.last;
	old->scope.has_range = scope->has_range;
	old->scope.range = scope->range;
	if (!same) {
		old->in_use_high_water = in_use_now(twin, old);
	}
}

static bool
is_scope_update(const lessor_scope_t *scope, uint32_t fields) {
	return fields < LESSOR_SCOPE_FIELD_MASK << 1 &&
	       (!(fields & LESSOR_SCOPE_FIELD_STATE) || scope->state <= LESSOR_SCOPE_INVALID_STATE) &&
	       (!(fields & LESSOR_SCOPE_FIELD_OFFER_DELAY) || scope->offer_delay_ms <= LESSOR_OFFER_DELAY_MAX_MS) &&
	       (!(fields & LESSOR_SCOPE_FIELD_MASK) || (is_mask(scope->mask) && (scope->subnet & ~scope->mask) == 0)) &&
	       (!(fields & LESSOR_SCOPE_FIELD_NAME) || is_text(scope->name, LESSOR_SCOPE_NAME_MAX_BYTES)) &&
	       (!(fields & LESSOR_SCOPE_FIELD_COMMENT) || is_text(scope->comment, LESSOR_SCOPE_NAME_MAX_BYTES));
}

/* Can the scope have this mask instead of its own? */
static lessor_status_t
try_mask(const twin_t *twin, const twin_scope_t *scope, uint32_t mask) {
	lessor_scope_stats_t stats;
	twin_scope_stats(twin, scope, &stats);
	if (scope->scope.has_range || scope->exclusion_count > 0 || stats.leases > 0 ||
	    reservations_in(twin, &scope->scope) > 0) {
		return LESSOR_SCOPE_NOT_EMPTY;
	}
	for (size_t i = 0; i < twin->scope_count; i++) {
		if (&twin->scopes[i] != scope && (twin->scopes[i].scope.subnet & mask) == scope->scope.subnet) {
			return LESSOR_SCOPE_EXISTS;
		}
	}
	return LESSOR_OK;
}

lessor_status_t
twin_scope_update(twin_t *twin, const lessor_scope_t *scope, uint32_t fields) {
	twin_scope_t *old = scope_at(twin, scope->subnet);
	if (!is_scope_update(scope, fields)) {
		return LESSOR_INVALID;
	}
	if (old == NULL) {
		return LESSOR_NOT_FOUND;
	}
	const uint32_t mask = (fields & LESSOR_SCOPE_FIELD_MASK) ? scope->mask : old->scope.mask;
	if ((fields & LESSOR_SCOPE_FIELD_RANGE) && scope->has_range &&
	    !is_inside(scope->range, old->scope.subnet, mask)) {
		return LESSOR_INVALID;
	}
	const lessor_status_t status = mask != old->scope.mask ? try_mask(twin, old, mask) : LESSOR_OK;
	if (status != LESSOR_OK) {
		return status;
	}
	old->scope.mask = mask;
	if (fields & LESSOR_SCOPE_FIELD_ID) {
		old->scope.id = scope->id;
	}
	if (fields & LESSOR_SCOPE_FIELD_STATE) {
		old->scope.state = scope->state;
	}
	if (fields & LESSOR_SCOPE_FIELD_LEASE_S) {
		old->scope.lease_s = scope->lease_s;
	}
	if (fields & LESSOR_SCOPE_FIELD_OFFER_DELAY) {
		old->scope.offer_delay_ms = scope->offer_delay_ms;
	}
	if (fields & LESSOR_SCOPE_FIELD_QUARANTINE) {
		old->scope.quarantine_on = scope->quarantine_on;
	}
	if (fields & LESSOR_SCOPE_FIELD_NAME) {
		replace_text(&old->scope.name, scope->name);
	}
	if (fields & LESSOR_SCOPE_FIELD_COMMENT) {
		replace_text(&old->scope.comment, scope->comment);
	}
	if (fields & LESSOR_SCOPE_FIELD_RANGE) {
		change_range(twin, old, scope);
	}
	return LESSOR_OK;
}

static bool
holds(lessor_range_t outer, lessor_range_t inner) {
	return inner.first >= outer.first && inner.last <= outer.last;
}

lessor_status_t
twin_scope_resize(twin_t *twin, uint32_t subnet, lessor_range_t range) {
	twin_scope_t *scope = scope_at(twin, subnet);
	if (scope == NULL) {
		return LESSOR_NO_SCOPE;
	}
	if (!is_inside(range, subnet, scope->scope.mask)) {
		return LESSOR_OUTSIDE;
	}
	if (scope->scope.has_range && holds(scope->scope.range, range) && holds(range, scope->scope.range)) {
		return LESSOR_EXISTS;
	}
	if (scope->scope.has_range && !holds(scope->scope.range, range) && !holds(range, scope->scope.range)) {
		return LESSOR_CONFLICT;
	}
	lessor_scope_t changed = scope->scope;
	changed.has_range = true;
	changed.range = range;
	change_range(twin, scope, &changed);
	return LESSOR_OK;
}

static void
lease_remove(twin_t *twin, twin_lease_t *lease) {
	lease_drop(lease);
	*lease = twin->leases[--twin->lease_count];
}

static void
remove_leases_of(twin_t *twin, const lessor_scope_t *scope) {
	for (size_t i = 0; i < twin->lease_count;) {
		if ((twin->leases[i].lease.address & scope->mask) == scope->subnet) {
			lease_remove(twin, &twin->leases[i]);
		} else {
			i++;
		}
	}
}

static void
reservation_remove(twin_t *twin, twin_reservation_t *reservation) {
	*reservation = twin->reservations[--twin->reservation_count];
}

static void
remove_reservations_of(twin_t *twin, const lessor_scope_t *scope) {
	for (size_t i = 0; i < twin->reservation_count;) {
		if ((twin->reservations[i].address & scope->mask) == scope->subnet) {
			reservation_remove(twin, &twin->reservations[i]);
		} else {
			i++;
		}
	}
}

lessor_status_t
twin_scope_remove_range(twin_t *twin, uint32_t subnet, lessor_range_t range, bool force) {
	twin_scope_t *scope = scope_at(twin, subnet);
	if (scope == NULL) {
		return LESSOR_NO_SCOPE;
	}
	if (!scope->scope.has_range || scope->scope.range.first != range.first ||
	    scope->scope.range.last != range.last) {
		return LESSOR_NOT_FOUND;
	}
	if (!force && twin_lease_next(twin, range.first, range.last) != NULL) {
		return LESSOR_SCOPE_NOT_EMPTY;
	}
	for (size_t i = 0; i < twin->lease_count;) {
		const uint32_t address = twin->leases[i].lease.address;
		if (address >= range.first && address <= range.last && reservation_at(twin, address) == NULL) {
			lease_remove(twin, &twin->leases[i]);
			scope->deletes++;
		} else {
			i++;
		}
	}
	scope->scope.has_range = false;
	scope->in_use_high_water = 0;
	return LESSOR_OK;
}

/* Is there a lease that is not the dormant one of a reservation? */
static bool
has_woken_lease(const twin_t *twin, const lessor_scope_t *scope) {
	for (size_t i = 0; i < twin->lease_count; i++) {
		const lessor_lease_t *lease = &twin->leases[i].lease;
		if ((lease->address & scope->mask) == scope->subnet &&
		    (lease->expires_at != LESSOR_TIME_NONE || reservation_at(twin, lease->address) == NULL)) {
			return true;
		}
	}
	return false;
}

lessor_status_t
twin_scope_delete(twin_t *twin, uint32_t subnet, bool force) {
	twin_scope_t *scope = scope_at(twin, subnet);
	if (scope == NULL) {
		return LESSOR_NOT_FOUND;
	}
	if (!force && has_woken_lease(twin, &scope->scope)) {
		return LESSOR_SCOPE_NOT_EMPTY;
	}
	remove_leases_of(twin, &scope->scope);
	remove_reservations_of(twin, &scope->scope);
	scope_drop(scope);
	*scope = twin->scopes[--twin->scope_count];
	return LESSOR_OK;
}

static twin_superscope_t *
superscope_named(const twin_t *twin, const char *name) {
	for (size_t i = 0; i < twin->superscope_count; i++) {
		if (twin->superscopes[i].name != NULL && strcmp(twin->superscopes[i].name, name) == 0) {
			return &twin->superscopes[i];
		}
	}
	return NULL;
}

lessor_status_t
twin_superscope_join(twin_t *twin, uint32_t subnet, const char *name, bool move) {
	twin_scope_t *scope = scope_at(twin, subnet);
	if (name != NULL && (*name == '\0' || !is_text(name, LESSOR_SUPERSCOPE_NAME_MAX_BYTES))) {
		return LESSOR_INVALID;
	}
	if (scope == NULL) {
		return LESSOR_NO_SCOPE;
	}
	if (name == NULL) {
		scope->superscope = 0;
		return LESSOR_OK;
	}
	if (scope->superscope != 0 && !move) {
		return LESSOR_MEMBER;
	}
	twin_superscope_t *found = superscope_named(twin, name);
	if (found == NULL) {
		twin->superscopes = realloc(twin->superscopes, (twin->superscope_count + 1) * sizeof(*found));
		assert_non_null(twin->superscopes);
		found = &twin->superscopes[twin->superscope_count++];
		*found = (twin_superscope_t){.number = (uint32_t)twin->superscope_count, .name = strdup(name)};
		assert_non_null(found->name);
	}
	scope->superscope = found->number;
	return LESSOR_OK;
}

lessor_status_t
twin_superscope_delete(twin_t *twin, const char *name) {
	if (*name == '\0' || !is_text(name, LESSOR_SUPERSCOPE_NAME_MAX_BYTES)) {
		return LESSOR_INVALID;
	}
	twin_superscope_t *found = superscope_named(twin, name);
	if (found == NULL) {
		return LESSOR_NOT_FOUND;
	}
	for (size_t i = 0; i < twin->scope_count; i++) {
		if (twin->scopes[i].superscope == found->number) {
			twin->scopes[i].superscope = 0;
		}
	}
	free(found->name);
	found->name = NULL;
	return LESSOR_OK;
}

static size_t
exclusion_index(const twin_scope_t *scope, lessor_range_t range) {
	size_t i = 0;
	while (i < scope->exclusion_count &&
	       (scope->exclusions[i].first != range.first || scope->exclusions[i].last != range.last)) {
		i++;
	}
	return i;
}

/* Keeps the order: ascending by first, then by last. */
static void
exclusion_insert(twin_scope_t *scope, lessor_range_t range) {
	size_t at = scope->exclusion_count++;
	scope->exclusions = realloc(scope->exclusions, scope->exclusion_count * sizeof(*scope->exclusions));
	assert_non_null(scope->exclusions);
	while (at > 0 &&
	       (scope->exclusions[at - 1].first > range.first ||
		(scope->exclusions[at - 1].first == range.first && scope->exclusions[at - 1].last > range.last))) {
		scope->exclusions[at] = scope->exclusions[at - 1];
		at--;
	}
	scope->exclusions[at] = range;
}

lessor_status_t
twin_scope_exclude(twin_t *twin, uint32_t subnet, lessor_range_t range) {
	twin_scope_t *scope = scope_at(twin, subnet);
	uint64_t before;
	if (scope == NULL) {
		return LESSOR_NOT_FOUND;
	}
	if (!is_inside(range, scope->scope.subnet, scope->scope.mask)) {
		return LESSOR_INVALID;
	}
	if (exclusion_index(scope, range) < scope->exclusion_count) {
		return LESSOR_OK;
	}
	if (scope->exclusion_count == LESSOR_SCOPE_MAX_EXCLUSIONS) {
		return LESSOR_LIMIT;
	}
	before = pool_size(scope);
	exclusion_insert(scope, range);
	if (pool_size(scope) != before) {
		scope->in_use_high_water = in_use_now(twin, scope);
	}
	return LESSOR_OK;
}

lessor_status_t
twin_scope_include(twin_t *twin, uint32_t subnet, lessor_range_t range) {
	twin_scope_t *scope = scope_at(twin, subnet);
	size_t at;
	uint64_t before;
	if (scope == NULL) {
		return LESSOR_NOT_FOUND;
	}
	if (!is_inside(range, scope->scope.subnet, scope->scope.mask)) {
		return LESSOR_INVALID;
	}
	at = exclusion_index(scope, range);
	if (at == scope->exclusion_count) {
		return LESSOR_NOT_FOUND;
	}
	before = pool_size(scope);
	scope->exclusion_count--;
	memmove(&scope->exclusions[at], &scope->exclusions[at + 1],
		(scope->exclusion_count - at) * sizeof(*scope->exclusions));
	if (pool_size(scope) != before) {
		scope->in_use_high_water = in_use_now(twin, scope);
	}
	return LESSOR_OK;
}

/*
 * Changing leases.
 */

static void
lease_copy(lessor_lease_t *to, const lessor_lease_t *from) {
	*to = *from;
	to->client_id = copy_bytes(from->client_id, from->client_id_bytes);
	to->hardware = from->hardware_bytes == 0 ? NULL : copy_bytes(from->hardware, from->hardware_bytes);
	to->name = copy_text(from->name);
	to->comment = copy_text(from->comment);
	to->policy_name = copy_text(from->policy_name);
	to->owner_name = copy_text(from->owner_name);
	to->user_context = copy_text(from->user_context);
}

static void
lease_add(twin_t *twin, twin_scope_t *scope, const lessor_lease_t *lease) {
	twin_lease_t *made;
	twin->leases = realloc(twin->leases, (twin->lease_count + 1) * sizeof(*twin->leases));
	assert_non_null(twin->leases);
	made = &twin->leases[twin->lease_count++];
	memset(made, 0, sizeof(*made));
	lease_copy(&made->lease, lease);
	if (made->lease.address_state == 0) {
		made->lease.address_state = LESSOR_STATE_ACTIVE;
	}
	scope->creates++;
}

/* Nobody's, or reserved for this client. */
static bool
is_free_for(const twin_t *twin, uint32_t address, const uint8_t *client_id, size_t bytes) {
	const twin_reservation_t *reservation = reservation_at(twin, address);
	return lease_at(twin, address) == NULL &&
	       (reservation == NULL || is_reserved_for(reservation, client_id, bytes));
}

lessor_status_t
twin_lease_create(twin_t *twin, const lessor_lease_t *lease) {
	twin_scope_t *scope;
	if (!is_new_lease(twin, lease)) {
		return LESSOR_INVALID;
	}
	scope = scope_of(twin, lease->address);
	if (scope == NULL) {
		return LESSOR_NO_SCOPE;
	}
	if (!is_free_for(twin, lease->address, lease->client_id, lease->client_id_bytes)) {
		return LESSOR_ADDRESS_TAKEN;
	}
	if (lease_of_client(twin, &scope->scope, lease->client_id, lease->client_id_bytes) != NULL) {
		return LESSOR_CLIENT_TAKEN;
	}
	lease_add(twin, scope, lease);
	raise_high_water(twin, scope);
	return LESSOR_OK;
}

uint32_t
twin_free_addresses(const twin_t *twin, const twin_scope_t *scope, uint32_t first, uint32_t last, uint32_t count,
		    uint32_t *addresses) {
	uint32_t found = 0;
	uint64_t at = first > scope->scope.range.first ? first : scope->scope.range.first;
	while (scope->scope.has_range && found < count && at <= last && at <= scope->scope.range.last) {
		const lessor_range_t *over = exclusion_over(scope, at);
		if (over != NULL) {
			at = (uint64_t)over->last + 1;
			continue;
		}
		if (lease_at(twin, (uint32_t)at) == NULL && reservation_at(twin, (uint32_t)at) == NULL) {
			addresses[found++] = (uint32_t)at;
		}
		at++;
	}
	return found;
}

lessor_status_t
twin_lease_allocate(twin_t *twin, uint32_t subnet, uint32_t hint, const lessor_lease_t *lease, uint32_t answered) {
	const twin_scope_t *scope = scope_at(twin, subnet);
	const twin_reservation_t *reservation;
	lessor_lease_t complete = *lease;
	uint32_t some;
	complete.address = 1; /* what stands there is not looked at */
	if (!is_new_lease(twin, &complete)) {
		return LESSOR_INVALID;
	}
	if (scope == NULL) {
		return LESSOR_NO_SCOPE;
	}
	if (lease_of_client(twin, &scope->scope, lease->client_id, lease->client_id_bytes) != NULL) {
		return LESSOR_CLIENT_TAKEN;
	}
	complete.address = answered;
	reservation = reservation_of_client(twin, &scope->scope, lease->client_id, lease->client_id_bytes);
	if (reservation != NULL && lease_at(twin, reservation->address) == NULL) {
		assert_int_equal(answered, reservation->address);
		return twin_lease_create(twin, &complete);
	}
	if (twin_free_addresses(twin, scope, 0, UINT32_MAX, 1, &some) == 0) {
		return LESSOR_EXHAUSTED;
	}
	if (is_in_pool(scope, hint) && lease_at(twin, hint) == NULL && reservation_at(twin, hint) == NULL) {
		assert_int_equal(answered, hint);
	}
	assert_true(is_in_pool(scope, answered));
	return twin_lease_create(twin,
				 &complete); /* ADDRESS_TAKEN if it was not free: the engine cannot have said that */
}

static void
replace_members(lessor_lease_t *old, const lessor_lease_t *lease, uint32_t fields) {
	if (fields & LESSOR_FIELD_CLIENT_ID) {
		replace_bytes(&old->client_id, lease->client_id, lease->client_id_bytes);
		old->client_id_bytes = lease->client_id_bytes;
		old->client_id_made_up = lease->client_id_made_up;
	}
	if (fields & LESSOR_FIELD_EXPIRES) {
		old->expires_at = lease->expires_at;
	}
	if (fields & LESSOR_FIELD_CLIENT_TYPE) {
		old->client_type = lease->client_type;
	}
	if (fields & LESSOR_FIELD_ADDRESS_STATE) {
		old->address_state = lease->address_state;
	}
	if (fields & LESSOR_FIELD_QUARANTINE) {
		old->quarantine_status = lease->quarantine_status;
		old->quarantine_capable = lease->quarantine_capable;
		old->probation_ends_at = lease->probation_ends_at;
	}
	if (fields & LESSOR_FIELD_HARDWARE) {
		replace_bytes(&old->hardware, lease->hardware, lease->hardware_bytes);
		old->hardware_bytes = lease->hardware_bytes;
		old->hardware_type = lease->hardware_type;
	}
	if (fields & LESSOR_FIELD_LAST_TRANSACTION) {
		old->last_transaction_s = lease->last_transaction_s;
	}
	if (fields & LESSOR_FIELD_DNS) {
		old->dns_forward = lease->dns_forward;
		old->dns_reverse = lease->dns_reverse;
	}
	if (fields & LESSOR_FIELD_STATE_EX) {
		old->state_ex = lease->state_ex;
	}
}

static void
replace_texts(lessor_lease_t *old, const lessor_lease_t *lease, uint32_t fields) {
	if (fields & LESSOR_FIELD_NAME) {
		replace_text(&old->name, lease->name);
	}
	if (fields & LESSOR_FIELD_COMMENT) {
		replace_text(&old->comment, lease->comment);
	}
	if (fields & LESSOR_FIELD_OWNER) {
		replace_text(&old->owner_name, lease->owner_name);
	}
	if (fields & (LESSOR_FIELD_OWNER | LESSOR_FIELD_OWNER_ADDRESS)) {
		old->owner_address = lease->owner_address;
	}
	if (fields & LESSOR_FIELD_POLICY) {
		replace_text(&old->policy_name, lease->policy_name);
	}
	if (fields & LESSOR_FIELD_USER_CONTEXT) {
		replace_text(&old->user_context, lease->user_context);
	}
}

lessor_status_t
twin_lease_update(twin_t *twin, const lessor_lease_t *lease, uint32_t fields) {
	twin_lease_t *old;
	twin_scope_t *scope;
	const twin_lease_t *other;
	if (!is_lease_update(lease, fields)) {
		return LESSOR_INVALID;
	}
	old = lease_at(twin, lease->address);
	if (old == NULL) {
		return LESSOR_NOT_FOUND;
	}
	if ((fields & LESSOR_IF_CLIENT) && !is_owned_by(old, lease->client_id, lease->client_id_bytes)) {
		return LESSOR_OTHER_CLIENT;
	}
	scope = scope_of(twin, lease->address);
	assert_non_null(scope);
	if (fields & LESSOR_FIELD_CLIENT_ID) {
		other = lease_of_client(twin, &scope->scope, lease->client_id, lease->client_id_bytes);
		if (other != NULL && other != old) {
			return LESSOR_CLIENT_TAKEN;
		}
	}
	if (reservation_at(twin, lease->address) != NULL && !(fields & LESSOR_IF_RESERVED)) {
		fields &= ~(uint32_t)LESSOR_FIELD_EXPIRES;
	}
	replace_members(&old->lease, lease, fields);
	replace_texts(&old->lease, lease, fields);
	raise_high_water(twin, scope);
	return LESSOR_OK;
}

lessor_status_t
twin_lease_delete(twin_t *twin, uint32_t address, const uint8_t *client_id, size_t client_id_bytes) {
	twin_lease_t *lease = lease_at(twin, address);
	if (client_id != NULL && !is_client(client_id, client_id_bytes)) {
		return LESSOR_INVALID;
	}
	if (lease == NULL) {
		return LESSOR_NOT_FOUND;
	}
	if (client_id != NULL && !is_owned_by(lease, client_id, client_id_bytes)) {
		return LESSOR_OTHER_CLIENT;
	}
	if (reservation_at(twin, address) != NULL) {
		return LESSOR_RESERVED;
	}
	scope_of(twin, address)->deletes++;
	lease_remove(twin, lease);
	return LESSOR_OK;
}

/*
 * Changing reservations.
 */

static void
add_dormant_lease(twin_t *twin, twin_scope_t *scope, const lessor_reservation_t *reservation) {
	lessor_lease_t lease;
	memset(&lease, 0, sizeof(lease));
	lease.address = reservation->address;
	lease.client_id = reservation->client_id;
	lease.client_id_bytes = reservation->client_id_bytes;
	lease.client_type = LESSOR_CLIENT_NONE;
	lease.address_state = LESSOR_STATE_ACTIVE;
	lease.owner_address = UINT32_MAX;
	lease_add(twin, scope, &lease);
}

lessor_status_t
twin_reservation_create(twin_t *twin, uint32_t subnet, const lessor_reservation_t *reservation) {
	const uint8_t *client_id = reservation->client_id;
	const size_t bytes = reservation->client_id_bytes;
	twin_scope_t *scope = scope_at(twin, subnet);
	const twin_lease_t *lease = lease_at(twin, reservation->address);
	twin_reservation_t *made;
	if (!is_client(client_id, bytes) || reservation->client_types < 1 || reservation->client_types > 3) {
		return LESSOR_INVALID;
	}
	if (scope == NULL) {
		return LESSOR_NO_SCOPE;
	}
	if ((reservation->address & scope->scope.mask) != subnet) {
		return LESSOR_OUTSIDE;
	}
	if (reservation_at(twin, reservation->address) != NULL ||
	    reservation_of_client(twin, &scope->scope, client_id, bytes) != NULL) {
		return LESSOR_RESERVED;
	}
	if (lease != NULL && !is_owned_by(lease, client_id, bytes)) {
		return LESSOR_ADDRESS_TAKEN;
	}
	if (lease_of_client(twin, &scope->scope, client_id, bytes) == NULL) {
		add_dormant_lease(twin, scope, reservation);
	}
	twin->reservations = realloc(twin->reservations, (twin->reservation_count + 1) * sizeof(*twin->reservations));
	assert_non_null(twin->reservations);
	made = &twin->reservations[twin->reservation_count++];
	made->address = reservation->address;
	made->client_types = reservation->client_types;
	made->client_id_bytes = (uint8_t)bytes;
	memcpy(made->client_id, client_id, bytes);
	raise_high_water(twin, scope);
	return LESSOR_OK;
}

lessor_status_t
twin_reservation_delete(twin_t *twin, uint32_t subnet, uint32_t address, const uint8_t *client_id,
			size_t client_id_bytes, lessor_filetime_t now) {
	twin_scope_t *scope = scope_at(twin, subnet);
	twin_reservation_t *reservation = reservation_at(twin, address);
	twin_lease_t *lease = lease_at(twin, address);
	uint64_t lease_ticks;
	if ((client_id != NULL && !is_client(client_id, client_id_bytes)) || now == LESSOR_TIME_NONE) {
		return LESSOR_INVALID;
	}
	if (scope == NULL) {
		return LESSOR_NO_SCOPE;
	}
	if (reservation == NULL || (address & scope->scope.mask) != subnet ||
	    (client_id != NULL && !is_reserved_for(reservation, client_id, client_id_bytes))) {
		return LESSOR_NOT_FOUND;
	}
	reservation_remove(twin, reservation);
	lease_ticks = scope->scope.lease_s * LESSOR_TICKS_PER_SECOND;
	if (lease != NULL && lease->lease.expires_at == LESSOR_TIME_NONE) {
		scope->deletes++;
		lease_remove(twin, lease);
	} else if (lease != NULL) {
		lease->lease.expires_at =
			now < LESSOR_TIME_INFINITE - lease_ticks ? now + lease_ticks : LESSOR_TIME_INFINITE;
	}
	return LESSOR_OK;
}

static bool
is_over(const lessor_lease_t *lease, lessor_filetime_t now, const lessor_expire_options_t *options) {
	const lessor_filetime_t talked = lessor_time_from_unix_s(lease->last_transaction_s);
	lessor_filetime_t until = lease->expires_at;
	if (until == LESSOR_TIME_NONE || until >= LESSOR_TIME_INFINITE) {
		return false;
	}
	switch (lease->address_state & LESSOR_STATE_MASK) {
	case LESSOR_STATE_ACTIVE:
		until += options->grace_s * LESSOR_TICKS_PER_SECOND;
		break;
	case LESSOR_STATE_DOOM:
		until = (talked > until ? talked : until) + options->doom_s * LESSOR_TICKS_PER_SECOND;
		break;
	default:
		break;
	}
	return now >= until;
}

uint64_t
twin_expire(twin_t *twin, lessor_filetime_t now, const lessor_expire_options_t *options, uint32_t first,
	    uint32_t last) {
	uint64_t removed = 0;
	for (size_t i = 0; i < twin->lease_count;) {
		const lessor_lease_t *lease = &twin->leases[i].lease;
		if (lease->address >= first && lease->address <= last && reservation_at(twin, lease->address) == NULL &&
		    is_over(lease, now, options)) {
			scope_of(twin, lease->address)->deletes++;
			lease_remove(twin, &twin->leases[i]);
			removed++;
		} else {
			i++;
		}
	}
	return removed;
}

void
twin_lease_ticket(twin_t *twin, uint32_t address, lessor_ticket_t floor, lessor_ticket_t roof) {
	twin_lease_t *lease = lease_at(twin, address);
	assert_non_null(lease);
	lease->floor = floor;
	lease->roof = roof;
}

void
twin_restarted(twin_t *twin, lessor_ticket_t durable) {
	for (size_t i = 0; i < twin->lease_count; i++) {
		twin->leases[i].floor = 0;
		twin->leases[i].roof = durable;
	}
}

/*
 * Comparing.
 */

static void
assert_text(const char *expected, const char *got) {
	if (expected == NULL) {
		assert_null(got);
	} else {
		assert_non_null(got);
		assert_string_equal(expected, got);
	}
}

static void
assert_numbers(const lessor_lease_t *want, const lessor_lease_t *got) {
	assert_int_equal(want->address, got->address);
	assert_int_equal(want->client_type, got->client_type);
	assert_int_equal(want->address_state, got->address_state);
	assert_int_equal(want->quarantine_status, got->quarantine_status);
	assert_int_equal(want->quarantine_capable, got->quarantine_capable);
	assert_int_equal(want->client_id_made_up, got->client_id_made_up);
	assert_int_equal(want->dns_forward, got->dns_forward);
	assert_int_equal(want->dns_reverse, got->dns_reverse);
	assert_int_equal(want->hardware_type, got->hardware_type);
	assert_int_equal(want->last_transaction_s, got->last_transaction_s);
	assert_int_equal(want->expires_at, got->expires_at);
	assert_int_equal(want->probation_ends_at, got->probation_ends_at);
	assert_int_equal(want->owner_address, got->owner_address);
	assert_int_equal(want->state_ex, got->state_ex);
}

static void
assert_texts(const lessor_lease_t *want, const lessor_lease_t *got) {
	assert_int_equal(want->client_id_bytes, got->client_id_bytes);
	assert_non_null(got->client_id);
	assert_memory_equal(want->client_id, got->client_id, want->client_id_bytes);
	assert_int_equal(want->hardware_bytes, got->hardware_bytes);
	if (want->hardware_bytes > 0) {
		assert_non_null(got->hardware);
		assert_memory_equal(want->hardware, got->hardware, want->hardware_bytes);
	}
	assert_text(want->name, got->name);
	assert_text(want->comment, got->comment);
	assert_text(want->policy_name, got->policy_name);
	assert_text(want->owner_name, got->owner_name);
	assert_text(want->user_context, got->user_context);
}

void
twin_assert_lease(const twin_t *twin, const twin_lease_t *expected, const lessor_lease_t *got) {
	const twin_scope_t *scope = scope_of(twin, expected->lease.address);
	assert_non_null(scope);
	assert_int_equal(scope->scope.mask, got->subnet_mask);
	assert_numbers(&expected->lease, got);
	assert_texts(&expected->lease, got);
	assert_int_equal(got->is_reserved, reservation_at(twin, got->address) != NULL);
	if (expected->roof == 0) {
		assert_int_equal(got->ticket, 0);
	} else {
		assert_in_range(got->ticket, expected->floor == 0 ? 0 : expected->floor + 1, expected->roof);
	}
}

void
twin_assert_scope(const twin_scope_t *expected, const lessor_scope_t *got) {
	const lessor_scope_t *want = &expected->scope;
	assert_int_equal(want->subnet, got->subnet);
	assert_int_equal(want->mask, got->mask);
	assert_int_equal(want->id, got->id);
	assert_int_equal(want->state, got->state);
	assert_int_equal(want->lease_s, got->lease_s);
	assert_int_equal(want->has_range, got->has_range);
	if (want->has_range) {
		assert_int_equal(want->range.first, got->range.first);
		assert_int_equal(want->range.last, got->range.last);
	}
	assert_int_equal(want->offer_delay_ms, got->offer_delay_ms);
	assert_int_equal(want->quarantine_on, got->quarantine_on);
	assert_text(want->name, got->name);
	assert_text(want->comment, got->comment);
}

static void
assert_stats(const lessor_scope_stats_t *want, const lessor_scope_stats_t *got) {
	assert_int_equal(want->subnet, got->subnet);
	assert_int_equal(want->pool, got->pool);
	assert_int_equal(want->in_use, got->in_use);
	assert_int_equal(want->free, got->free);
	assert_int_equal(want->pending, got->pending);
	assert_int_equal(want->leases, got->leases);
	assert_int_equal(want->leases_active, got->leases_active);
	assert_int_equal(want->leases_declined, got->leases_declined);
	assert_int_equal(want->leases_doomed, got->leases_doomed);
	assert_int_equal(want->in_use_high_water, got->in_use_high_water);
	assert_int_equal(want->creates, got->creates);
	assert_int_equal(want->deletes, got->deletes);
}

static void
assert_same_stats(const twin_t *twin, const twin_scope_t *scope, lessor_engine_t *engine) {
	lessor_scope_stats_t want;
	lessor_scope_stats_t got;
	twin_scope_stats(twin, scope, &want);
	memset(&got, SCRATCH_POISON, sizeof(got));
	assert_status(LESSOR_OK, lessor_scope_stats(engine, scope->scope.subnet, &got));
	assert_stats(&want, &got);
	want.in_use_high_water = want.creates = want.deletes = 0;
	memset(&got, SCRATCH_POISON, sizeof(got));
	assert_status(LESSOR_OK, lessor_scope_recount(engine, scope->scope.subnet, &got));
	assert_stats(&want, &got);
}

static void
assert_same_exclusions(const twin_scope_t *scope, lessor_engine_t *engine) {
	size_t capacity = scope->exclusion_count + 1;
	lessor_range_t *got = calloc(capacity, sizeof(*got));
	size_t count = SIZE_MAX;
	assert_non_null(got);
	assert_status(LESSOR_OK, lessor_scope_exclusions(engine, scope->scope.subnet, got, capacity, &count));
	assert_int_equal(count, scope->exclusion_count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(got[i].first, scope->exclusions[i].first);
		assert_int_equal(got[i].last, scope->exclusions[i].last);
	}
	free(got);
}

static void
assert_same_superscopes(const twin_t *twin, lessor_engine_t *engine) {
	char name[LESSOR_SUPERSCOPE_NAME_MAX_BYTES + 1];
	uint32_t number = 0;
	for (size_t i = 0; i < twin->superscope_count; i++) {
		if (twin->superscopes[i].name != NULL) {
			assert_status(LESSOR_OK, lessor_superscope_next(engine, &number, name, sizeof(name)));
			assert_int_equal(twin->superscopes[i].number, number);
			assert_string_equal(twin->superscopes[i].name, name);
			number++;
		}
	}
	assert_status(LESSOR_END, lessor_superscope_next(engine, &number, name, sizeof(name)));
	for (size_t i = 0; i < twin->scope_count; i++) {
		const uint32_t want = twin->scopes[i].superscope;
		assert_status(LESSOR_OK,
			      lessor_superscope_of(engine, twin->scopes[i].scope.subnet, &number, name, sizeof(name)));
		assert_int_equal(want, number);
		assert_string_equal(want != 0 ? twin->superscopes[want - 1].name : "", name);
	}
}

static void
assert_same_scopes(const twin_t *twin, lessor_engine_t *engine) {
	char buffer[LESSOR_SCOPE_BUFFER_BYTES];
	const twin_scope_t *want;
	lessor_scope_t got;
	uint64_t from = 0;
	while (from <= UINT32_MAX && (want = twin_scope_next(twin, (uint32_t)from)) != NULL) {
		assert_status(LESSOR_OK, lessor_scope_next(engine, (uint32_t)from, &got, buffer, sizeof(buffer)));
		twin_assert_scope(want, &got);
		assert_status(LESSOR_OK, lessor_scope_get(engine, got.subnet, &got, buffer, sizeof(buffer)));
		twin_assert_scope(want, &got);
		assert_status(LESSOR_OK,
			      lessor_scope_find(engine, got.subnet | ~got.mask, &got, buffer, sizeof(buffer)));
		twin_assert_scope(want, &got);
		assert_same_exclusions(want, engine);
		assert_same_stats(twin, want, engine);
		from = (uint64_t)want->scope.subnet + 1;
	}
	if (from <= UINT32_MAX) {
		assert_status(LESSOR_END, lessor_scope_next(engine, (uint32_t)from, &got, buffer, sizeof(buffer)));
	}
}

static void
assert_same_lease(const twin_t *twin, const twin_lease_t *want, lessor_engine_t *engine) {
	char buffer[LESSOR_LEASE_BUFFER_BYTES];
	const twin_scope_t *scope = scope_of(twin, want->lease.address);
	lessor_lease_t got;
	memset(&got, SCRATCH_POISON, sizeof(got));
	assert_status(LESSOR_OK, lessor_lease_get(engine, want->lease.address, &got, buffer, sizeof(buffer)));
	twin_assert_lease(twin, want, &got);
	memset(&got, SCRATCH_POISON, sizeof(got));
	assert_status(LESSOR_OK, lessor_lease_get_client(engine, scope->scope.subnet, want->lease.client_id,
							 want->lease.client_id_bytes, &got, buffer, sizeof(buffer)));
	twin_assert_lease(twin, want, &got);
}

static void
assert_same_leases(const twin_t *twin, lessor_engine_t *engine) {
	char buffer[LESSOR_LEASE_BUFFER_BYTES];
	const twin_lease_t *want;
	lessor_cursor_t cursor;
	lessor_lease_t got;
	uint64_t from = 0;
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	while ((want = twin_lease_next(twin, from, UINT32_MAX)) != NULL) {
		assert_status(LESSOR_OK, lessor_lease_next(engine, &cursor, &got, buffer, sizeof(buffer)));
		twin_assert_lease(twin, want, &got);
		assert_same_lease(twin, want, engine);
		from = (uint64_t)want->lease.address + 1;
	}
	assert_status(LESSOR_END, lessor_lease_next(engine, &cursor, &got, buffer, sizeof(buffer)));
}

static void
assert_same_reservation(const twin_t *twin, const lessor_reservation_t *got) {
	const twin_reservation_t *want = reservation_at(twin, got->address);
	const twin_lease_t *lease = lease_at(twin, got->address);
	assert_non_null(want);
	assert_int_equal(want->client_types, got->client_types);
	assert_int_equal(want->client_id_bytes, got->client_id_bytes);
	assert_memory_equal(want->client_id, got->client_id, want->client_id_bytes);
	assert_int_equal(got->has_lease, lease != NULL);
	assert_int_equal(got->is_dormant, lease != NULL && lease->lease.expires_at == LESSOR_TIME_NONE);
}

/* Each is found by every way, and no others. */
static void
assert_same_reservations(const twin_t *twin, lessor_engine_t *engine) {
	uint8_t buffer[LESSOR_CLIENT_ID_MAX_BYTES];
	lessor_reservation_t got;
	size_t seen = 0;
	for (size_t i = 0; i < twin->scope_count; i++) {
		const lessor_scope_t *scope = &twin->scopes[i].scope;
		lessor_status_t status;
		uint64_t from = 0;
		while (from <= UINT32_MAX &&
		       (status = lessor_reservation_next(engine, scope->subnet, (uint32_t)from, &got, buffer,
							 sizeof(buffer))) == LESSOR_OK) {
			assert_true(got.address >= from);
			assert_same_reservation(twin, &got);
			from = (uint64_t)got.address + 1;
			seen++;
		}
		assert_true(from > UINT32_MAX || status == LESSOR_END);
	}
	assert_int_equal(seen, twin->reservation_count);
	for (size_t i = 0; i < twin->reservation_count; i++) {
		const twin_reservation_t *want = &twin->reservations[i];
		const twin_scope_t *scope = scope_of(twin, want->address);
		assert_status(LESSOR_OK, lessor_reservation_get(engine, want->address, &got, buffer, sizeof(buffer)));
		assert_int_equal(got.address, want->address);
		assert_same_reservation(twin, &got);
		assert_status(LESSOR_OK,
			      lessor_reservation_get_client(engine, scope->scope.subnet, want->client_id,
							    want->client_id_bytes, &got, buffer, sizeof(buffer)));
		assert_int_equal(got.address, want->address);
		assert_same_reservation(twin, &got);
		assert_status(lease_at(twin, want->address) != NULL ? LESSOR_OK : LESSOR_NOT_FOUND,
			      lessor_lease_get(engine, want->address, &(lessor_lease_t){0},
					       (char[LESSOR_LEASE_BUFFER_BYTES]){0}, LESSOR_LEASE_BUFFER_BYTES));
	}
}

static void
assert_same_names(const twin_t *twin, lessor_engine_t *engine) {
	char buffer[LESSOR_LEASE_BUFFER_BYTES];
	for (size_t i = 0; i < twin->lease_count; i += 7) {
		const char *name = twin->leases[i].lease.name;
		lessor_lease_t got;
		if (name != NULL) {
			assert_status(LESSOR_OK, lessor_lease_find_name(engine, name, &got, buffer, sizeof(buffer)));
			twin_assert_lease(twin, twin_lease_find_name(twin, name), &got);
		}
	}
}

void
twin_assert_equal(const twin_t *twin, lessor_engine_t *engine) {
	uint64_t count = UINT64_MAX;
	lessor_engine_stats_t stats;
	lessor_report_t report;
	lessor_status_t status;
	assert_same_scopes(twin, engine);
	assert_same_superscopes(twin, engine);
	assert_same_leases(twin, engine);
	assert_same_reservations(twin, engine);
	assert_same_names(twin, engine);
	assert_status(LESSOR_OK, lessor_lease_count(engine, 0, UINT32_MAX, &count));
	assert_int_equal(count, twin->lease_count);
	assert_status(LESSOR_OK, lessor_engine_stats(engine, &stats));
	assert_int_equal(stats.scopes, twin->scope_count);
	assert_int_equal(stats.leases, twin->lease_count);
	status = lessor_check(engine, &report);
	if (status != LESSOR_OK) {
		print_error("check: %s\n", report.sentence);
	}
	assert_status(LESSOR_OK, status);
}
