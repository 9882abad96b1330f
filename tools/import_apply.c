/* SPDX-License-Identifier: Apache-2.0 */
/* An import's changes to the store. See import_apply.h. */
#include "import_apply.h"

#include <stdio.h>
#include <string.h>

#include "cli.h"

/* ---- scopes ------------------------------------------------------------------------------------------------------ */

int
import_read_scopes(const char *command, lessor_engine_t *engine, kea_scopes_t *scopes) {
	lessor_scope_t found;
	lessor_status_t status;
	for (uint32_t from = 0; (status = lessor_scope_next(engine, from, &found, NULL, 0)) == LESSOR_OK;) {
		kea_scope_t scope = {.subnet = found.subnet,
				     .mask = found.mask,
				     .id = found.id,
				     .store_id = found.id,
				     .in_store = true,
				     .has_range = found.has_range,
				     .range = found.range};
		if (!kea_scopes_add(scopes, &scope)) {
			return cli_fail(command, CLI_FAILED, "out of memory");
		}
		if (found.subnet == UINT32_MAX) {
			return CLI_OK;
		}
		from = found.subnet + 1;
	}
	return status == LESSOR_END ? CLI_OK : cli_fail_status(command, status, NULL, "cannot read the scopes");
}

static lessor_status_t
make_scope(lessor_engine_t *engine, const kea_scope_t *scope) {
	lessor_ticket_t ticket;
	lessor_scope_t made = {.subnet = scope->subnet,
			       .mask = scope->mask,
			       .id = scope->id,
			       .state = scope->state,
			       .lease_s = scope->lease_s,
			       .max_leases = scope->max_leases,
			       .has_range = scope->has_range,
			       .range = scope->range,
			       .name = scope->name,
			       .comment = scope->comment};
	if (scope->wanted && !scope->in_store) {
		return lessor_scope_create(engine, &made, LESSOR_ASYNC, &ticket);
	}
	if (scope->store_id == 0 && scope->id != 0) {
		return lessor_scope_update(engine, &made, LESSOR_SCOPE_FIELD_ID, LESSOR_ASYNC, &ticket);
	}
	return LESSOR_OK;
}

static lessor_status_t
make_exclusions(lessor_engine_t *engine, const kea_scope_t *scope) {
	lessor_status_t status = LESSOR_OK;
	lessor_ticket_t ticket;
	for (size_t i = 0; status == LESSOR_OK && i < scope->gap_count && !scope->range_kept; i++) {
		status = lessor_scope_exclude(engine, scope->subnet, scope->gaps[i], LESSOR_ASYNC, &ticket);
	}
	return status;
}

int
import_make_scopes(import_apply_t *apply) {
	for (size_t i = 0; i < apply->scopes->count; i++) {
		const kea_scope_t *scope = &apply->scopes->items[i];
		lessor_status_t status = make_scope(apply->engine, scope);
		if (status == LESSOR_OK) {
			status = make_exclusions(apply->engine, scope);
		}
		char name[CLI_SUBNET_BYTES];
		cli_format_subnet(scope->subnet, scope->mask, name);
		if (status != LESSOR_OK) {
			return cli_fail_status(apply->command, status, NULL, "scope %s", name);
		}
		if (scope->range_kept) {
			import_report_warn(apply->report, NULL, 0, "the scope exists with another range, which stays",
					   name);
		}
	}
	return CLI_OK;
}

/* ---- endings ----------------------------------------------------------------------------------------------------- */

int
import_end_leases(import_apply_t *apply) {
	lessor_ticket_t ticket;
	for (size_t i = 0; i < apply->plan->count; i++) {
		const import_claim_t *claim = &apply->plan->claims[i];
		/* Whoever had a lost address before has it no longer, either. */
		if ((claim->place & (IMPORT_CLAIM_ENDED | IMPORT_CLAIM_LOST)) == 0) {
			continue;
		}
		lessor_status_t status =
			lessor_lease_delete(apply->engine, claim->address, NULL, 0, LESSOR_ASYNC, &ticket);
		apply->report->ended += status == LESSOR_OK;
		if (status != LESSOR_OK && status != LESSOR_NOT_FOUND && status != LESSOR_NO_SCOPE) {
			char address[16];
			cli_format_ipv4(claim->address, address);
			return cli_fail_status(apply->command, status, NULL, "cannot delete the lease of %s", address);
		}
	}
	return CLI_OK;
}

/* ---- one lease against the store --------------------------------------------------------------------------------- */

bool
import_same_bytes(const uint8_t *a, size_t a_bytes, const uint8_t *b, size_t b_bytes) {
	return a_bytes == b_bytes && (a_bytes == 0 || memcmp(a, b, a_bytes) == 0);
}

bool
import_same_text(const char *a, const char *b) {
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
same_lease(const lessor_lease_t *a, const lessor_lease_t *b) {
	return import_same_bytes(a->client_id, a->client_id_bytes, b->client_id, b->client_id_bytes) &&
	       a->client_id_made_up == b->client_id_made_up && a->client_type == b->client_type &&
	       a->address_state == b->address_state && a->quarantine_status == b->quarantine_status &&
	       a->quarantine_capable == b->quarantine_capable && a->dns_forward == b->dns_forward &&
	       a->dns_reverse == b->dns_reverse && a->hardware_type == b->hardware_type &&
	       import_same_bytes(a->hardware, a->hardware_bytes, b->hardware, b->hardware_bytes) &&
	       a->last_transaction_s == b->last_transaction_s && a->expires_at == b->expires_at &&
	       a->probation_ends_at == b->probation_ends_at && import_same_text(a->name, b->name) &&
	       import_same_text(a->comment, b->comment) && import_same_text(a->policy_name, b->policy_name) &&
	       import_same_text(a->owner_name, b->owner_name) && a->owner_address == b->owner_address &&
	       import_same_text(a->user_context, b->user_context) &&
	       import_same_bytes((const uint8_t *)a->limit_key, a->limit_keys * sizeof(*a->limit_key),
				 (const uint8_t *)b->limit_key, b->limit_keys * sizeof(*b->limit_key));
}

/* The address holds a lease: leave it if it is the same, else replace it. LESSOR_NOT_FOUND if it holds none any more. */
static lessor_status_t
replace(import_apply_t *apply, const lessor_lease_t *lease) {
	lessor_lease_t there;
	lessor_ticket_t ticket;
	lessor_status_t status =
		lessor_lease_get(apply->engine, lease->address, &there, apply->buffer, sizeof(apply->buffer));
	if (status == LESSOR_OK && same_lease(lease, &there)) {
		apply->report->unchanged++;
		return LESSOR_OK;
	}
	if (status == LESSOR_OK) {
		status = lessor_lease_update(apply->engine, lease, LESSOR_FIELD_ALL, LESSOR_ASYNC, &ticket);
		apply->report->replaced += status == LESSOR_OK;
	}
	return status;
}

/* A lease was created; but if it is one that evict_holder() ended before, it was replaced. */
static void
count_creation(import_apply_t *apply, uint32_t address) {
	const import_claim_t *claim = apply->moved ? import_plan_find(apply->plan, address) : NULL;
	if (claim != NULL && (claim->place & IMPORT_CLAIM_MOVED) != 0) {
		apply->report->replaced++;
	} else {
		apply->report->created++;
	}
}

/*
 * Another address of the scope holds the client. If the plan has a lease for that address, what the store has there is
 * outdated: the plan gave the client to us. Then end it; its own row brings its new lease. What the files end was ended
 * before. LESSOR_CLIENT_TAKEN: the files do not know the address.
 */
static lessor_status_t
evict_holder(import_apply_t *apply, const lessor_lease_t *lease, uint32_t *holder) {
	lessor_lease_t there;
	lessor_ticket_t ticket;
	uint32_t subnet = kea_scopes_find(apply->scopes, lease->address)->subnet;
	lessor_status_t status =
		lessor_lease_get_client(apply->engine, subnet, lease->client_id, lease->client_id_bytes, &there,
					apply->buffer, sizeof(apply->buffer));
	if (status != LESSOR_OK) {
		return status == LESSOR_NOT_FOUND ? LESSOR_OK : status;
	}
	*holder = there.address;
	import_claim_t *claim = import_plan_find(apply->plan, there.address);
	if (claim == NULL || claim->client == 0) {
		return LESSOR_CLIENT_TAKEN;
	}
	status = lessor_lease_delete(apply->engine, there.address, NULL, 0, LESSOR_ASYNC, &ticket);
	if (status == LESSOR_OK) {
		claim->place |= IMPORT_CLAIM_MOVED;
		apply->moved = true;
	}
	return status == LESSOR_NOT_FOUND ? LESSOR_OK : status;
}

/* Bring one lease in that a plain create did not: 'status' is what that answered. */
static lessor_status_t
insist(import_apply_t *apply, const lessor_lease_t *lease, lessor_status_t status, uint32_t *holder) {
	/* Each turn removes one obstacle, and nobody else has the store: address, client, and the address once more. */
	for (int turn = 0; turn < 6; turn++) {
		lessor_ticket_t ticket;
		if (status == LESSOR_ADDRESS_TAKEN) {
			status = replace(apply, lease);
			if (status == LESSOR_OK) {
				return LESSOR_OK;
			}
		}
		if (status == LESSOR_CLIENT_TAKEN) {
			status = evict_holder(apply, lease, holder);
			if (status != LESSOR_OK) {
				return status;
			}
		} else if (status != LESSOR_NOT_FOUND) {
			return status;
		}
		status = lessor_lease_create(apply->engine, lease, LESSOR_ASYNC, &ticket);
		if (status == LESSOR_OK) {
			count_creation(apply, lease->address);
			return LESSOR_OK;
		}
	}
	return status;
}

/* ---- batches ----------------------------------------------------------------------------------------------------- */

static int
decide(import_apply_t *apply, size_t i) {
	uint32_t holder = 0;
	lessor_status_t status = apply->statuses[i];
	if (status == LESSOR_OK) {
		count_creation(apply, apply->leases[i].address);
		return CLI_OK;
	}
	status = insist(apply, &apply->leases[i], status, &holder);
	char address[16];
	char text[160];
	if (status == LESSOR_CLIENT_TAKEN) {
		cli_format_ipv4(holder, address);
		(void)snprintf(text, sizeof(text), "the client already holds %s in this scope", address);
		import_report_refuse(apply->report, apply->paths[i], apply->lines[i], import_client_held, text);
	} else if (status == LESSOR_INVALID || status == LESSOR_NO_SCOPE || status == LESSOR_QUOTA) {
		(void)snprintf(text, sizeof(text), "the store does not take the lease: %s", lessor_status_text(status));
		import_report_refuse(apply->report, apply->paths[i], apply->lines[i], import_not_stored, text);
	} else if (status != LESSOR_OK) {
		cli_format_ipv4(apply->leases[i].address, address);
		return cli_fail_status(apply->command, status, NULL, "stopped at the lease of %s", address);
	}
	return CLI_OK;
}

int
import_flush(import_apply_t *apply) {
	lessor_ticket_t ticket;
	int exit_status = CLI_OK;
	if (apply->count == 0) {
		return CLI_OK;
	}
	lessor_status_t status = lessor_lease_create_batch(apply->engine, apply->leases, apply->count, apply->statuses,
							   LESSOR_ASYNC, &ticket);
	if (status != LESSOR_OK) {
		return cli_fail_status(apply->command, status, NULL, "cannot create leases");
	}
	for (size_t i = 0; i < apply->count && exit_status == CLI_OK; i++) {
		exit_status = decide(apply, i);
	}
	apply->count = 0;
	apply->arena_used = 0;
	return exit_status;
}

static const void *
keep(import_apply_t *apply, const void *bytes, size_t count) {
	char *copy = apply->arena + apply->arena_used;
	if (bytes == NULL) {
		return NULL;
	}
	memcpy(copy, bytes, count);
	apply->arena_used += count;
	return copy;
}

static const char *
keep_text(import_apply_t *apply, const char *text) {
	return keep(apply, text, text != NULL ? strlen(text) + 1 : 0);
}

static size_t
text_bytes(const char *text) {
	return text != NULL ? strlen(text) + 1 : 0;
}

/* Does it fit what the store could ever give back? */
static bool
is_storable(const lessor_lease_t *lease) {
	size_t bytes = text_bytes(lease->name) + text_bytes(lease->comment) + text_bytes(lease->policy_name) +
		       text_bytes(lease->owner_name) + text_bytes(lease->user_context);
	return bytes <= (size_t)LESSOR_LEASE_BUFFER_BYTES - 2 * LESSOR_CLIENT_ID_MAX_BYTES -
				LESSOR_LIMIT_KEYS_MAX * sizeof(lessor_limit_key_t);
}

int
import_add_lease(import_apply_t *apply, const lessor_lease_t *lease, const char *path, uint64_t line) {
	if (!is_storable(lease)) {
		import_report_refuse(apply->report, path, line, import_not_stored, NULL);
		return CLI_OK;
	}
	size_t i = apply->count++;
	lessor_lease_t *kept = &apply->leases[i];
	*kept = *lease;
	kept->client_id = keep(apply, lease->client_id, lease->client_id_bytes);
	kept->hardware = keep(apply, lease->hardware, lease->hardware_bytes);
	kept->limit_key = (const lessor_limit_key_t *)keep(apply, lease->limit_key,
							   lease->limit_keys * sizeof(lessor_limit_key_t));
	kept->name = keep_text(apply, lease->name);
	kept->comment = keep_text(apply, lease->comment);
	kept->owner_name = keep_text(apply, lease->owner_name);
	kept->policy_name = keep_text(apply, lease->policy_name);
	kept->user_context = keep_text(apply, lease->user_context);
	apply->paths[i] = path;
	apply->lines[i] = line;
	bool full = apply->count == IMPORT_BATCH ||
		    IMPORT_ARENA_BYTES - apply->arena_used < (size_t)LESSOR_LEASE_BUFFER_BYTES;
	return full ? import_flush(apply) : CLI_OK;
}
