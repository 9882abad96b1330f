/* SPDX-License-Identifier: Apache-2.0 */
/* The IPv6 half of an import. See import6.h. */
#include "import6.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "import_apply.h"

enum { FIRST_SLOTS = 1024, KEY_BYTES = 12 + LESSOR_DUID_MAX_BYTES };

import6_t *
import6_new(const char *command, uint64_t seed) {
	import6_t *import = calloc(1, sizeof(*import));
	if (import == NULL) {
		return NULL;
	}
	import->command = command;
	import->slot_count = FIRST_SLOTS;
	import->slots = calloc(import->slot_count, sizeof(*import->slots));
	if (import->slots == NULL || !import_plan_open(&import->plan, seed)) {
		free(import->slots);
		free(import);
		return NULL;
	}
	return import;
}

static void
free_parts(const import6_scope_t *scope) {
	free((char *)(uintptr_t)scope->scope.name);
	free((char *)(uintptr_t)scope->scope.comment);
	free(scope->gaps);
}

void
import6_free(import6_t *import) {
	if (import == NULL) {
		return;
	}
	for (size_t i = 0; i < import->scope_count; i++) {
		free_parts(&import->scopes[i]);
	}
	import_plan_close(&import->plan);
	free(import->scopes);
	free(import->addresses);
	free(import->slots);
	free(import);
}

/* ---- scopes ------------------------------------------------------------------------------------------------------ */

/* Takes over what it points to, also on failure. */
static bool
append_scope(import6_t *import, const import6_scope_t *scope) {
	/* Doubling at powers of two spares a field for the capacity. */
	if ((import->scope_count & (import->scope_count - 1)) == 0) {
		size_t capacity = import->scope_count == 0 ? 1 : import->scope_count * 2;
		import6_scope_t *scopes = realloc(import->scopes, capacity * sizeof(*scopes));
		if (scopes == NULL) {
			free_parts(scope);
			return false;
		}
		import->scopes = scopes;
	}
	import->scopes[import->scope_count++] = *scope;
	return true;
}

static const char *
copy_of(const char *text, bool *fine) {
	char *copy = text != NULL ? strdup(text) : NULL;
	*fine = *fine && (copy != NULL || text == NULL);
	return copy;
}

bool
import6_want_scope(import6_t *import, const lessor_scope6_t *scope, const lessor_range6_t *gaps, size_t gap_count) {
	bool fine = true;
	import6_scope_t wanted = {.scope = *scope, .wanted = true};
	wanted.scope.name = copy_of(scope->name, &fine);
	wanted.scope.comment = copy_of(scope->comment, &fine);
	if (gap_count > 0) {
		wanted.gaps = malloc(gap_count * sizeof(*gaps));
		wanted.gap_count = wanted.gaps != NULL ? gap_count : 0;
		memcpy(wanted.gaps, gaps, wanted.gap_count * sizeof(*gaps));
		fine = fine && wanted.gaps != NULL;
	}
	return append_scope(import, &wanted) && fine;
}

int
import6_read_scopes(import6_t *import, lessor_engine_t *engine) {
	import6_scope_t found = {.in_store = true};
	lessor_status_t status;
	for (uint64_t from = 0; (status = lessor_scope6_next(engine, from, &found.scope, NULL, 0)) == LESSOR_OK;) {
		found.store_id = found.scope.id;
		found.scope.name = found.scope.comment = NULL;
		if (!append_scope(import, &found)) {
			return cli_fail(import->command, CLI_FAILED, "out of memory");
		}
		if (found.scope.prefix == UINT64_MAX) {
			return CLI_OK;
		}
		from = found.scope.prefix + 1;
	}
	return status == LESSOR_END ? CLI_OK : cli_fail_status(import->command, status, NULL, "cannot read the scopes");
}

/* Of equal ones the user's comes first, and of the user's the first one that was named. */
static int
compare_scopes(const void *left, const void *right) {
	const import6_scope_t *a = left;
	const import6_scope_t *b = right;
	if (a->scope.prefix != b->scope.prefix) {
		return a->scope.prefix < b->scope.prefix ? -1 : 1;
	}
	return (int)b->wanted - (int)a->wanted;
}

void
import6_seal_scopes(import6_t *import) {
	size_t kept = 0;
	if (import->scope_count > 1) {
		qsort(import->scopes, import->scope_count, sizeof(*import->scopes), compare_scopes);
	}
	for (size_t i = 0; i < import->scope_count; i++) {
		import6_scope_t *scope = &import->scopes[i];
		import6_scope_t *last = kept > 0 ? &import->scopes[kept - 1] : NULL;
		if (last == NULL || last->scope.prefix != scope->scope.prefix) {
			import->scopes[kept++] = *scope;
			continue;
		}
		last->scope.id = last->scope.id != 0 ? last->scope.id : scope->scope.id;
		last->in_store = last->in_store || scope->in_store;
		last->store_id = scope->in_store ? scope->store_id : last->store_id;
		free_parts(scope);
	}
	import->scope_count = kept;
}

static import6_scope_t *
find_scope(const import6_t *import, uint64_t prefix) {
	size_t low = 0;
	size_t high = import->scope_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (import->scopes[middle].scope.prefix < prefix) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	bool found = low < import->scope_count && import->scopes[low].scope.prefix == prefix;
	return found ? &import->scopes[low] : NULL;
}

/* The scope of a record, or why it has none. A scope whose id nobody said takes it from the first record inside. */
static import6_scope_t *
scope_of(const import6_t *import, const format_record_t *record, const char **refusal) {
	import6_scope_t *scope = find_scope(import, record->lease6.address.high);
	if (scope == NULL) {
		*refusal = import_no_scope;
		return NULL;
	}
	scope->scope.id = scope->scope.id != 0 ? scope->scope.id : record->subnet_id;
	if (record->subnet_id != 0 && record->subnet_id != scope->scope.id) {
		*refusal = import_unknown_id;
		return NULL;
	}
	return scope;
}

/* ---- numbers of addresses ---------------------------------------------------------------------------------------- */

static size_t
slot_of(const import6_t *import, lessor_address6_t address) {
	uint64_t hash = import_plan_client(&import->plan, 0, (const uint8_t *)&address, sizeof(address));
	size_t slot = (size_t)hash & (import->slot_count - 1);
	while (import->slots[slot] != 0) {
		const lessor_address6_t *there = &import->addresses[import->slots[slot] - 1];
		if (there->high == address.high && there->low == address.low) {
			break;
		}
		slot = (slot + 1) & (import->slot_count - 1);
	}
	return slot;
}

static bool
grow(import6_t *import) {
	if (import->address_count == import->address_capacity) {
		size_t capacity = import->address_capacity == 0 ? FIRST_SLOTS : import->address_capacity * 2;
		lessor_address6_t *addresses = realloc(import->addresses, capacity * sizeof(*addresses));
		if (addresses == NULL) {
			return false;
		}
		import->addresses = addresses;
		import->address_capacity = capacity;
	}
	if (import->address_count < import->slot_count / 4 * 3) {
		return true;
	}
	uint32_t *slots = calloc(import->slot_count * 2, sizeof(*slots));
	if (slots == NULL) {
		return false;
	}
	free(import->slots);
	import->slots = slots;
	import->slot_count *= 2;
	for (size_t i = 0; i < import->address_count; i++) {
		slots[slot_of(import, import->addresses[i])] = (uint32_t)(i + 1);
	}
	return true;
}

/* Of an address that may be new. 0 without memory. */
static uint32_t
number_of(import6_t *import, lessor_address6_t address) {
	size_t slot = slot_of(import, address);
	if (import->slots[slot] != 0) {
		return import->slots[slot];
	}
	if (import->address_count == UINT32_MAX - 1 || !grow(import)) {
		return 0;
	}
	import->addresses[import->address_count++] = address;
	import->slots[slot_of(import, address)] = (uint32_t)import->address_count;
	return (uint32_t)import->address_count;
}

static import_claim_t *
claim_of(const import6_t *import, lessor_address6_t address) {
	uint32_t number = import->slots[slot_of(import, address)];
	return number != 0 ? import_plan_find(&import->plan, number) : NULL;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static uint64_t
client_of(const import6_t *import, const lessor_lease6_t *lease) {
	uint8_t key[KEY_BYTES];
	memcpy(key, &lease->address.high, sizeof(lease->address.high));
	memcpy(key + 8, &lease->iaid, sizeof(lease->iaid));
	memcpy(key + 12, lease->duid, lease->duid_bytes);
	return import_plan_client(&import->plan, 0, key, (size_t)12 + lease->duid_bytes);
}

bool
import6_plan(import6_t *import, const format_record_t *record, uint64_t number) {
	const char *refusal;
	const lessor_lease6_t *lease = &record->lease6;
	import_claim_t claim = {.address = number_of(import, lease->address), .place = import_place(number)};
	if (claim.address == 0) {
		return false;
	}
	if (record->kind == FORMAT_END) {
		claim.place |= IMPORT_CLAIM_ENDED;
	} else if (scope_of(import, record, &refusal) != NULL) {
		claim.client = client_of(import, lease);
		claim.last_transaction_s = lease->last_transaction_s;
	}
	return import_plan_put(&import->plan, &claim);
}

bool
import6_is_address(const import6_t *import, uint64_t number, lessor_address6_t address) {
	uint32_t known = import->slots[slot_of(import, address)];
	return known != 0 && import_plan_is_address(&import->plan, number, known);
}

static void
say_holder(lessor_address6_t holder, char *text, size_t bytes) {
	char address[48];
	*put_ipv6(address, holder) = '\0';
	(void)snprintf(text, bytes, "the client already holds %s in this scope", address);
}

void
import6_refuse(const import6_t *import, const format_record_t *record, const char *path, import_report_t *report) {
	const char *refusal = import_client_held;
	char text[160];
	const import_claim_t *claim = claim_of(import, record->lease6.address);
	if (claim != NULL && claim->client != 0) {
		const import_claim_t *holder = import_plan_holder(&import->plan, claim->client);
		say_holder(import->addresses[holder->address - 1], text, sizeof(text));
		import_report_refuse(report, path, record->line, refusal, text);
	} else {
		(void)scope_of(import, record, &refusal);
		import_report_refuse(report, path, record->line, refusal, NULL);
	}
}

/* ---- changes: scopes and ends ------------------------------------------------------------------------------------ */

static lessor_status_t
make_scope(const import6_t *import, const import6_scope_t *scope) {
	lessor_ticket_t ticket;
	lessor_status_t status = LESSOR_OK;
	if (scope->wanted && !scope->in_store) {
		status = lessor_scope6_create(import->engine, &scope->scope, LESSOR_ASYNC, &ticket);
	} else if (scope->store_id == 0 && scope->scope.id != 0) {
		status = lessor_scope6_update(import->engine, &scope->scope, LESSOR_SCOPE_FIELD_ID, LESSOR_ASYNC,
					      &ticket);
	}
	for (size_t i = 0; status == LESSOR_OK && i < scope->gap_count; i++) {
		status = lessor_scope6_exclude(import->engine, scope->scope.prefix, scope->gaps[i], LESSOR_ASYNC,
					       &ticket);
		status = status == LESSOR_EXISTS ? LESSOR_OK : status;
	}
	return status;
}

static int
fail_at(const import6_t *import, lessor_status_t status, const char *what, lessor_address6_t address) {
	char text[48];
	*put_ipv6(text, address) = '\0';
	return cli_fail_status(import->command, status, NULL, "%s %s", what, text);
}

int
import6_begin(import6_t *import, lessor_engine_t *engine, import_report_t *report) {
	lessor_ticket_t ticket;
	import->engine = engine;
	import->report = report;
	for (size_t i = 0; i < import->scope_count; i++) {
		lessor_status_t status = make_scope(import, &import->scopes[i]);
		if (status != LESSOR_OK) {
			return fail_at(import, status, "scope", (lessor_address6_t){import->scopes[i].scope.prefix, 0});
		}
	}
	for (size_t i = 0; i < import->plan.count; i++) {
		const import_claim_t *claim = &import->plan.claims[i];
		if ((claim->place & (IMPORT_CLAIM_ENDED | IMPORT_CLAIM_LOST)) == 0) {
			continue;
		}
		lessor_address6_t address = import->addresses[claim->address - 1];
		lessor_status_t status = lessor_lease6_delete(engine, address, LESSOR_ASYNC, &ticket);
		report->ended += status == LESSOR_OK;
		if (status != LESSOR_OK && status != LESSOR_NOT_FOUND && status != LESSOR_NO_SCOPE) {
			return fail_at(import, status, "cannot delete the lease of", address);
		}
	}
	return CLI_OK;
}

/* ---- changes: one lease against the store ------------------------------------------------------------------------ */

static lessor_filetime_t
preferred_of(const lessor_lease6_t *lease) {
	bool stored =
		lease->preferred_expires_at != LESSOR_TIME_NONE && lease->preferred_expires_at < lease->expires_at;
	return stored ? lease->preferred_expires_at : lease->expires_at;
}

static bool
same_lease(const lessor_lease6_t *a, const lessor_lease6_t *b) {
	return import_same_bytes(a->duid, a->duid_bytes, b->duid, b->duid_bytes) && a->iaid == b->iaid &&
	       a->address_state == b->address_state && a->dns_forward == b->dns_forward &&
	       a->dns_reverse == b->dns_reverse && a->hardware_type == b->hardware_type &&
	       import_same_bytes(a->hardware, a->hardware_bytes, b->hardware, b->hardware_bytes) &&
	       a->last_transaction_s == b->last_transaction_s && a->expires_at == b->expires_at &&
	       preferred_of(a) == preferred_of(b) && import_same_text(a->name, b->name) &&
	       import_same_text(a->comment, b->comment) && a->owner_address.high == b->owner_address.high &&
	       a->owner_address.low == b->owner_address.low && import_same_text(a->user_context, b->user_context) &&
	       import_same_bytes((const uint8_t *)a->limit_key, a->limit_keys * sizeof(*a->limit_key),
				 (const uint8_t *)b->limit_key, b->limit_keys * sizeof(*b->limit_key));
}

/* LESSOR_NOT_FOUND if the address holds no lease any more. */
static lessor_status_t
replace(import6_t *import, const lessor_lease6_t *lease) {
	lessor_lease6_t there;
	lessor_ticket_t ticket;
	lessor_status_t status =
		lessor_lease6_get(import->engine, lease->address, &there, import->buffer, sizeof(import->buffer));
	if (status == LESSOR_OK && same_lease(lease, &there)) {
		import->report->unchanged++;
		return LESSOR_OK;
	}
	if (status == LESSOR_OK) {
		status = lessor_lease6_update(import->engine, lease, LESSOR_FIELD_ALL, LESSOR_ASYNC, &ticket);
		import->report->replaced += status == LESSOR_OK;
	}
	return status;
}

static void
count_creation(import6_t *import, lessor_address6_t address) {
	const import_claim_t *claim = import->moved ? claim_of(import, address) : NULL;
	if (claim != NULL && (claim->place & IMPORT_CLAIM_MOVED) != 0) {
		import->report->replaced++;
	} else {
		import->report->created++;
	}
}

/* As in import_apply.c: end what the store has at another address for this client, if the files have a lease for that address. */
static lessor_status_t
evict_holder(import6_t *import, const lessor_lease6_t *lease, lessor_address6_t *holder) {
	lessor_lease6_t there;
	lessor_ticket_t ticket;
	lessor_status_t status =
		lessor_lease6_get_client(import->engine, lease->address.high, lease->duid, lease->duid_bytes,
					 lease->iaid, &there, import->buffer, sizeof(import->buffer));
	if (status != LESSOR_OK) {
		return status == LESSOR_NOT_FOUND ? LESSOR_OK : status;
	}
	*holder = there.address;
	import_claim_t *claim = claim_of(import, there.address);
	if (claim == NULL || claim->client == 0) {
		return LESSOR_CLIENT_TAKEN;
	}
	status = lessor_lease6_delete(import->engine, there.address, LESSOR_ASYNC, &ticket);
	if (status == LESSOR_OK) {
		claim->place |= IMPORT_CLAIM_MOVED;
		import->moved = true;
	}
	return status == LESSOR_NOT_FOUND ? LESSOR_OK : status;
}

/* Bring one lease in that a plain create did not: 'status' is what that answered. */
static lessor_status_t
insist(import6_t *import, const lessor_lease6_t *lease, lessor_status_t status, lessor_address6_t *holder) {
	/* Each turn removes one obstacle, and nobody else has the store: address, client, and the address once more. */
	for (int turn = 0; turn < 6; turn++) {
		lessor_ticket_t ticket;
		if (status == LESSOR_ADDRESS_TAKEN) {
			status = replace(import, lease);
			if (status == LESSOR_OK) {
				return LESSOR_OK;
			}
		}
		if (status == LESSOR_CLIENT_TAKEN) {
			status = evict_holder(import, lease, holder);
			if (status != LESSOR_OK) {
				return status;
			}
		} else if (status != LESSOR_NOT_FOUND) {
			return status;
		}
		status = lessor_lease6_create(import->engine, lease, LESSOR_ASYNC, &ticket);
		if (status == LESSOR_OK) {
			count_creation(import, lease->address);
			return LESSOR_OK;
		}
	}
	return status;
}

/* ---- changes: batches -------------------------------------------------------------------------------------------- */

static int
decide(import6_t *import, size_t i) {
	lessor_address6_t holder = {0, 0};
	lessor_status_t status = import->statuses[i];
	char text[160];
	if (status == LESSOR_OK) {
		count_creation(import, import->leases[i].address);
		return CLI_OK;
	}
	status = insist(import, &import->leases[i], status, &holder);
	if (status == LESSOR_CLIENT_TAKEN) {
		say_holder(holder, text, sizeof(text));
		import_report_refuse(import->report, import->paths[i], import->lines[i], import_client_held, text);
	} else if (status == LESSOR_INVALID || status == LESSOR_NO_SCOPE || status == LESSOR_QUOTA) {
		(void)snprintf(text, sizeof(text), "the store does not take the lease: %s", lessor_status_text(status));
		import_report_refuse(import->report, import->paths[i], import->lines[i], import_not_stored, text);
	} else if (status != LESSOR_OK) {
		return fail_at(import, status, "stopped at the lease of", import->leases[i].address);
	}
	return CLI_OK;
}

int
import6_flush(import6_t *import) {
	lessor_ticket_t ticket;
	int exit_status = CLI_OK;
	if (import->count == 0) {
		return CLI_OK;
	}
	lessor_status_t status = lessor_lease6_create_batch(import->engine, import->leases, import->count,
							    import->statuses, LESSOR_ASYNC, &ticket);
	if (status != LESSOR_OK) {
		return cli_fail_status(import->command, status, NULL, "cannot create leases");
	}
	for (size_t i = 0; i < import->count && exit_status == CLI_OK; i++) {
		exit_status = decide(import, i);
	}
	import->count = 0;
	import->arena_used = 0;
	return exit_status;
}

static const void *
keep(import6_t *import, const void *bytes, size_t count) {
	char *copy = import->arena + import->arena_used;
	if (bytes == NULL) {
		return NULL;
	}
	memcpy(copy, bytes, count);
	import->arena_used += count;
	return copy;
}

static size_t
text_bytes(const char *text) {
	return text != NULL ? strlen(text) + 1 : 0;
}

int
import6_add_lease(import6_t *import, const lessor_lease6_t *lease, const char *path, uint64_t line) {
	size_t bytes = text_bytes(lease->name) + text_bytes(lease->comment) + text_bytes(lease->user_context) +
		       lease->limit_keys * sizeof(lessor_limit_key_t);
	if (bytes > (size_t)LESSOR_LEASE_BUFFER_BYTES - 2 * LESSOR_DUID_MAX_BYTES) {
		import_report_refuse(import->report, path, line, import_not_stored, NULL);
		return CLI_OK;
	}
	size_t i = import->count++;
	lessor_lease6_t *kept = &import->leases[i];
	*kept = *lease;
	kept->duid = keep(import, lease->duid, lease->duid_bytes);
	kept->hardware = keep(import, lease->hardware, lease->hardware_bytes);
	kept->name = keep(import, lease->name, text_bytes(lease->name));
	kept->comment = keep(import, lease->comment, text_bytes(lease->comment));
	kept->user_context = keep(import, lease->user_context, text_bytes(lease->user_context));
	kept->limit_key = keep(import, lease->limit_key, lease->limit_keys * sizeof(lessor_limit_key_t));
	import->paths[i] = path;
	import->lines[i] = line;
	bool full = import->count == IMPORT6_BATCH ||
		    IMPORT6_ARENA_BYTES - import->arena_used < (size_t)LESSOR_LEASE_BUFFER_BYTES;
	return full ? import6_flush(import) : CLI_OK;
}
