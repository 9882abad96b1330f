/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases: what all changes have in common, and reading.
 *
 * Every change follows one scheme:
 *   1 validate, intern the origin, allocate the tail; wait for room in the log       (nothing claimed, may block, may fail)
 *   2 enter a read-side section; find the scope; its gate is open
 *   3 claim the record
 *   4 claim the client: enter it into the client hash
 *   5 reserve the log position                                                       (the last thing that can fail: undo 4 and 3)
 *   6 write the log record, count, publish                                           (cannot fail)
 *   7 leave the section; then wait for durability if asked to
 * Nobody waits for anything while holding a claim: who meets another's change in the middle gives back what he holds, leaves the section,
 * waits outside, and starts over at 2. So there is no order of claims to keep and no deadlock.
 */
#include "engine_p.h"

#include <stdlib.h>
#include <string.h>

/* ---- matching ------------------------------------------------------------------------------------------------------ */

static bool
same_client(const lsr_client_match_t *match, const lsr_body_t *body) {
	return body->client_id_bytes == match->client_id_bytes &&
	       memcmp(lsr_body_client(body), match->client_id, match->client_id_bytes) == 0;
}

lsr_match_t
lsr_match_for_read(const void *key, uint32_t record_id) {
	const lsr_client_match_t *match = key;
	lsr_body_t body;
	return lsr_pages_owner(&match->engine->pages, record_id) == match->table &&
			       lsr_record_read(lsr_pages_record(&match->engine->pages, record_id),
					       match->engine->shadows, &body) &&
			       same_client(match, &body)
		       ? LSR_MATCH_YES
		       : LSR_MATCH_NO;
}

lsr_match_t
lsr_match_for_insert(const void *key, uint32_t record_id) {
	const lsr_client_match_t *match = key;
	lsr_body_t body;
	if (lsr_pages_owner(&match->engine->pages, record_id) != match->table) {
		return LSR_MATCH_NO;
	}
	const lsr_record_t *record = lsr_pages_record(&match->engine->pages, record_id);
	const uint64_t word = lsr_record_word(record);
	if (lsr_record_read(record, match->engine->shadows, &body) && same_client(match, &body)) {
		return LSR_MATCH_YES;
	}
	/* Not (yet, or any more) this client's: sure only if nobody was changing it before we looked. */
	return (word & LSR_WORD_CLAIM) != 0 ? LSR_MATCH_IN_DOUBT : LSR_MATCH_NO;
}

/* ---- steps that all changes take ---------------------------------------------------------------------------------- */

/* The number of the lease's origin, made if need be; LSR_ORIGIN_NONE also when the numbers are used up. */
lessor_status_t
lsr_engine_intern(lessor_engine_t *engine, const lsr_origin_t *origin, uint16_t *number) {
	*number = LSR_ORIGIN_NONE;
	if (LSR_LIKELY(lsr_origin_is_none(origin)) ||
	    (*number = lsr_origins_find(&engine->origins, origin)) != LSR_ORIGIN_NONE) {
		return LESSOR_OK;
	}
	uint8_t image[12 + LESSOR_NAME_MAX_BYTES + LESSOR_POLICY_MAX_BYTES];
	uint64_t lsn;
	lessor_status_t status = LESSOR_OK;
	(void)pthread_mutex_lock(&engine->origins.lock);
	*number = lsr_origins_find(&engine->origins, origin);
	const uint32_t next = lsr_origins_next_number(&engine->origins);
	if (*number == LSR_ORIGIN_NONE && next != 0) {
		lsr_origin_t *copy = lsr_origin_copy(origin);
		lsr_origin_image_put(image, next, origin);
		status = copy == NULL
				 ? LESSOR_NO_MEMORY
				 : lsr_engine_log(engine, LSR_LOG_ORIGIN, image, lsr_origin_image_bytes(origin), &lsn);
		if (status == LESSOR_OK) {
			lsr_origins_publish(&engine->origins, next, copy);
			*number = (uint16_t)next;
		} else {
			free(copy);
		}
	}
	(void)pthread_mutex_unlock(&engine->origins.lock);
	return status;
}

/* Outside of any section: wait for whatever stopped this create. */
void
lsr_engine_await(lessor_engine_t *engine, lsr_step_t step, const lsr_record_t *blocker) {
	if (step == LSR_STEP_RECORD) {
		lsr_record_wait(blocker);
	} else if (step == LSR_STEP_GATE) {
		/* Whoever closed the gate holds the lock until it is open again, or the scope gone. */
		(void)pthread_mutex_lock(&engine->scope_lock);
		(void)pthread_mutex_unlock(&engine->scope_lock);
	}
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static lessor_status_t
answer(const lessor_engine_t *engine, const lsr_scope_t *scope, uint32_t address, const lsr_body_t *body,
       lessor_lease_t *lease, void *buffer, size_t buffer_bytes) {
	const lessor_status_t status = lsr_lease_unpack(body, &engine->origins, lease, buffer, buffer_bytes);
	if (status == LESSOR_OK) {
		lease->address = address;
		lease->subnet_mask = scope->mask;
	}
	return status;
}

static bool
read_arguments_ok(const lessor_lease_t *lease, const void *buffer, size_t buffer_bytes) {
	return lease != NULL && (buffer != NULL || buffer_bytes == 0);
}

lessor_status_t
lessor_lease_get(lessor_engine_t *engine, uint32_t address, lessor_lease_t *lease, void *buffer, size_t buffer_bytes) {
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (!read_arguments_ok(lease, buffer, buffer_bytes)) {
		return LESSOR_INVALID;
	}
	lsr_body_t body;
	status = LESSOR_NOT_FOUND;
	lsr_rcu_enter();
	const lsr_scope_t *scope = lsr_engine_scope_of(engine, address);
	const uint32_t id = scope != NULL ? lsr_table_peek(&scope->table, address) : LSR_NO_RECORD;
	if (id != LSR_NO_RECORD && lsr_record_read(lsr_pages_record(&engine->pages, id), engine->shadows, &body)) {
		status = answer(engine, scope, address, &body, lease, buffer, buffer_bytes);
	}
	lsr_rcu_leave();
	return status;
}

/* The scope with exactly this subnet address. Inside a read-side section. */
static const lsr_scope_t *
scope_named(const lessor_engine_t *engine, uint32_t subnet) {
	const lsr_scope_t *scope = lsr_engine_scope_of(engine, subnet);
	return scope != NULL && scope->subnet == subnet ? scope : NULL;
}

lessor_status_t
lessor_lease_get_client(lessor_engine_t *engine, uint32_t subnet, const uint8_t *client_id, size_t client_id_bytes,
			lessor_lease_t *lease, void *buffer, size_t buffer_bytes) {
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (!read_arguments_ok(lease, buffer, buffer_bytes) || client_id == NULL || client_id_bytes == 0 ||
	    client_id_bytes > LESSOR_CLIENT_ID_MAX_BYTES) {
		return LESSOR_INVALID;
	}
	status = LESSOR_NO_SCOPE;
	lsr_rcu_enter();
	const lsr_scope_t *scope = scope_named(engine, subnet);
	while (scope != NULL) {
		lsr_body_t body;
		const lsr_client_match_t match = {.engine = engine,
						  .table = &scope->table,
						  .client_id = client_id,
						  .client_id_bytes = (uint8_t)client_id_bytes};
		const uint32_t id = lsr_client_hash_find(
			&engine->clients, lsr_engine_client_key(engine, scope, client_id, client_id_bytes),
			lsr_match_for_read, &match);
		status = LESSOR_NOT_FOUND;
		if (id == LSR_NO_RECORD) {
			break;
		}
		/* Read once more what matched: it may have changed since, then look again. */
		if (lsr_record_read(lsr_pages_record(&engine->pages, id), engine->shadows, &body) &&
		    same_client(&match, &body)) {
			status = answer(engine, scope, lsr_table_address(&scope->table, &engine->pages, id), &body,
					lease, buffer, buffer_bytes);
			break;
		}
	}
	lsr_rcu_leave();
	return status;
}

/* ---- iterating ----------------------------------------------------------------------------------------------------- */

/* Directory entries looked at in one read-side section: some ten microseconds. */
#define WALK_PAGES_MAX 4096u

bool
lsr_engine_walk(const lessor_engine_t *engine, uint64_t *address, uint64_t last, lsr_found_t *found, bool *more) {
	unsigned pages = 0;
	*more = true;
	while (*address <= last) {
		const lsr_scope_t *scope = lsr_trie_next(&engine->trie, lsr_key_ipv4((uint32_t)*address));
		if (scope == NULL || scope->subnet > last) {
			*more = false;
			return false;
		}
		if (*address < scope->subnet) {
			*address = scope->subnet;
		}
		const uint64_t end = lsr_min_u64(last, (uint64_t)scope->subnet + scope->table.last_offset);
		while (*address <= end) {
			const uint32_t here = (uint32_t)*address;
			const uint32_t id = lsr_table_peek(&scope->table, here);
			if (id == LSR_NO_RECORD) {
				/* To the next page, but not beyond this scope: the next one may begin within the same 64 addresses. */
				*address = lsr_min_u64(*address + LSR_PAGE_RECORDS -
							       (here - scope->subnet) % LSR_PAGE_RECORDS,
						       end + 1);
				if (++pages > WALK_PAGES_MAX) {
					return false;
				}
				continue;
			}
			*address += 1;
			if (lsr_record_read(lsr_pages_record(&engine->pages, id), engine->shadows, &found->body)) {
				found->address = here;
				found->scope = scope;
				return true;
			}
			pages += (here - scope->subnet) % LSR_PAGE_RECORDS == 0;
			if (pages > WALK_PAGES_MAX) {
				return false;
			}
		}
	}
	*more = false;
	return false;
}

void
lessor_cursor_init(lessor_cursor_t *cursor, uint32_t first, uint32_t last) {
	if (cursor != NULL) {
		*cursor = (lessor_cursor_t){.next = first, .last = last};
	}
}

lessor_status_t
lessor_lease_next(lessor_engine_t *engine, lessor_cursor_t *cursor, lessor_lease_t *lease, void *buffer,
		  size_t buffer_bytes) {
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (cursor == NULL || cursor->last > UINT32_MAX || !read_arguments_ok(lease, buffer, buffer_bytes)) {
		return LESSOR_INVALID;
	}
	lsr_found_t found;
	uint64_t at = cursor->next;
	bool more = true;
	status = LESSOR_END;
	while (more && status == LESSOR_END) {
		lsr_rcu_enter();
		if (lsr_engine_walk(engine, &at, cursor->last, &found, &more)) {
			status = answer(engine, found.scope, found.address, &found.body, lease, buffer, buffer_bytes);
		}
		lsr_rcu_leave();
	}
	if (status != LESSOR_BUFFER_TOO_SMALL) {
		cursor->next = at;
	}
	return status;
}

void
lessor_lease_init(lessor_lease_t *lease) {
	if (lease != NULL) {
		*lease = (lessor_lease_t){.client_type = LESSOR_CLIENT_DHCP,
					  .address_state = LESSOR_STATE_ACTIVE,
					  .expires_at = LESSOR_TIME_INFINITE};
	}
}
