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

/* What a body is compared by: the client of its lease, or the one that it is reserved for. */
typedef bool (*lsr_compare_t)(const lsr_client_match_t *match, const lsr_body_t *body);

static inline bool
same_client(const lsr_client_match_t *match, const lsr_body_t *body) {
	const size_t bytes = match->client_id_bytes;
	return lsr_body_client_bytes(body) == bytes && LSR_LIKELY(!lsr_body_is_empty(body)) &&
	       (LSR_LIKELY(bytes <= LSR_INLINE_BYTES) ? lsr_equal_short(body->text, match->client_id, bytes)
						      : memcmp(lsr_body_client(body), match->client_id, bytes) == 0);
}

bool
lsr_match_body(const lsr_client_match_t *match, const lsr_body_t *body) {
	return same_client(match, body);
}

static inline bool
same_reserved(const lsr_client_match_t *match, const lsr_body_t *body) {
	return lsr_body_is_reserved_for(body, match->client_id, match->client_id_bytes);
}

bool
lsr_body_is_client(const lsr_body_t *body, const uint8_t *client_id, size_t client_id_bytes) {
	return lsr_body_client_bytes(body) == client_id_bytes &&
	       memcmp(lsr_body_client(body), client_id, client_id_bytes) == 0;
}

bool
lsr_body_is_reserved_for(const lsr_body_t *body, const uint8_t *client_id, size_t client_id_bytes) {
	if (!lsr_body_is_reserved(body)) {
		return false;
	}
	const lsr_reserved_t reserved = lsr_body_reserved(body);
	return reserved.client_id_bytes == client_id_bytes &&
	       memcmp(reserved.client_id, client_id, client_id_bytes) == 0;
}

/* Is this record the client's? If so *body is what it holds at that moment. */
LSR_INLINE bool
read_if_same(const lsr_client_match_t *match, uint32_t record_id, lsr_body_t *body, lsr_compare_t same) {
	return lsr_pages_owner(&match->engine->pages, record_id) == match->table &&
	       lsr_record_read(lsr_pages_record(&match->engine->pages, record_id), match->engine->shadows, body) &&
	       same(match, body);
}

lsr_match_t
lsr_match_for_read(const void *key, uint32_t record_id) {
	lsr_body_t body;
	return read_if_same(key, record_id, &body, same_client) ? LSR_MATCH_YES : LSR_MATCH_NO;
}

lsr_match_t
lsr_match_reserved_for_read(const void *key, uint32_t record_id) {
	lsr_body_t body;
	return read_if_same(key, record_id, &body, same_reserved) ? LSR_MATCH_YES : LSR_MATCH_NO;
}

/* A look for a client that keeps what it found. */
typedef struct {
	lsr_client_match_t match;
	lsr_words_t *words;
} lsr_client_look_t;

/* same_client() of a lease's words. */
LSR_INLINE bool
words_are_of(const lsr_words_t *words, const lsr_client_match_t *match) {
	if (LSR_LIKELY(match->client_id_bytes - LSR_SHORT_ID_MIN_BYTES <=
		       LSR_SHORT_ID_MAX_BYTES - LSR_SHORT_ID_MIN_BYTES) &&
	    LSR_LIKELY(lsr_words_are_plain(words))) {
		return lsr_words_have_short_id(words, match->client_id, match->client_id_bytes);
	}
	lsr_body_t body;
	memcpy(&body, words, sizeof(body));
	return same_client(match, &body);
}

static inline lsr_match_t
match_and_keep(const void *key, uint32_t record_id) {
	const lsr_client_look_t *look = key;
	const lessor_engine_t *engine = look->match.engine;
	return lsr_pages_owner(&engine->pages, record_id) == look->match.table &&
			       lsr_record_read_words(lsr_pages_record(&engine->pages, record_id), engine->shadows,
						     look->words) &&
			       words_are_of(look->words, &look->match)
		       ? LSR_MATCH_YES
		       : LSR_MATCH_NO;
}

LSR_INLINE lsr_match_t
match_for_insert(const lsr_client_match_t *match, uint32_t record_id, lsr_compare_t same) {
	lsr_body_t body;
	if (lsr_pages_owner(&match->engine->pages, record_id) != match->table) {
		return LSR_MATCH_NO;
	}
	const lsr_record_t *record = lsr_pages_record(&match->engine->pages, record_id);
	const uint64_t word = lsr_record_word(record);
	if (lsr_record_read(record, match->engine->shadows, &body) && same(match, &body)) {
		return LSR_MATCH_YES;
	}
	/* Not (yet, or any more) this client's: sure only if nobody was changing it before we looked. */
	return (word & LSR_WORD_CLAIM) != 0 ? LSR_MATCH_IN_DOUBT : LSR_MATCH_NO;
}

lsr_match_t
lsr_match_for_insert(const void *key, uint32_t record_id) {
	return match_for_insert(key, record_id, same_client);
}

lsr_match_t
lsr_match_reserved_for_insert(const void *key, uint32_t record_id) {
	return match_for_insert(key, record_id, same_reserved);
}

uint32_t
lsr_engine_find_client(const lessor_engine_t *engine, const lsr_scope_t *scope, const uint8_t *client_id,
		       size_t client_id_bytes) {
	const lsr_client_match_t match = {
		.engine = engine, .table = &scope->table, .client_id = client_id, .client_id_bytes = client_id_bytes};
	const uint64_t key = lsr_engine_client_key(engine, scope, client_id, client_id_bytes);
	return lsr_client_hash_find(&engine->clients, key, lsr_match_for_read, &match);
}

uint32_t
lsr_engine_find_reserved(const lessor_engine_t *engine, const lsr_scope_t *scope, const uint8_t *client_id,
			 size_t client_id_bytes) {
	const lsr_client_match_t match = {
		.engine = engine, .table = &scope->table, .client_id = client_id, .client_id_bytes = client_id_bytes};
	const uint64_t key = lsr_engine_client_key(engine, scope, client_id, client_id_bytes);
	return lsr_client_hash_find(&engine->clients, lsr_reserved_key(key), lsr_match_reserved_for_read, &match);
}

uint64_t
lsr_engine_reserved_key(const lessor_engine_t *engine, const lsr_scope_t *scope, const lsr_body_t *body) {
	const lsr_reserved_t reserved = lsr_body_reserved(body);
	return lsr_reserved_key(lsr_engine_client_key(engine, scope, reserved.client_id, reserved.client_id_bytes));
}

void
lsr_engine_forget_clients(lessor_engine_t *engine, const lsr_scope_t *scope, uint32_t record_id,
			  const lsr_body_t *body) {
	if (!lsr_body_is_empty(body)) {
		const uint64_t key = lsr_engine_body_key(engine, scope, body);
		(void)lsr_client_hash_remove(&engine->clients, key, record_id);
	}
	if (LSR_UNLIKELY(lsr_body_is_reserved(body))) {
		const uint64_t key = lsr_engine_reserved_key(engine, scope, body);
		(void)lsr_client_hash_remove(&engine->clients, key, record_id);
	}
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

/* Where the texts of what is read go, one lease's behind the other's. */
typedef struct {
	uint8_t *at;
	size_t left_bytes;
} lsr_texts_t;

static lessor_status_t
answer_slowly(const lessor_engine_t *engine, const lsr_words_t *words, lessor_lease_t *lease, lsr_texts_t *texts,
	      size_t *used_bytes) {
	lsr_body_t body;
	memcpy(&body, words, sizeof(body));
	return lsr_body_is_empty(&body) ? LESSOR_NOT_FOUND
					: lsr_lease_unpack_fully(&body, &engine->origins, lease, texts->at,
								 texts->left_bytes, used_bytes);
}

LSR_INLINE lessor_status_t
answer(const lessor_engine_t *engine, const lsr_scope_t *scope, uint32_t address, const lsr_words_t *words,
       lessor_lease_t *lease, lsr_texts_t *texts) {
	size_t used_bytes;
	if (LSR_UNLIKELY(texts->left_bytes <= LSR_INLINE_BYTES) ||
	    LSR_UNLIKELY(!lsr_words_unpack(words, lease, texts->at, &used_bytes))) {
		const lessor_status_t status = answer_slowly(engine, words, lease, texts, &used_bytes);
		if (status != LESSOR_OK) {
			return status;
		}
	}
	lease->address = address;
	lease->subnet_mask = scope->mask;
	texts->at += used_bytes;
	texts->left_bytes -= used_bytes;
	return LESSOR_OK;
}

static lessor_status_t
answer_found(const lessor_engine_t *engine, const lsr_found_t *found, lessor_lease_t *lease, lsr_texts_t *texts) {
	lsr_words_t words;
	memcpy(&words, &found->body, sizeof(words));
	return answer(engine, found->scope, found->address, &words, lease, texts);
}

static bool
read_arguments_ok(const lessor_lease_t *lease, const void *buffer, size_t buffer_bytes) {
	return lease != NULL && (buffer != NULL || buffer_bytes == 0);
}

/* A look-up in work. */
typedef struct {
	const lsr_scope_t *scope;
	const lsr_record_t *record; /* by address */
	uint64_t key;               /* by client */
} lsr_look_t;

/* Inside a read-side section, stage by stage over all of them, so that each stage's cache misses overlap. */
LSR_INLINE void
locate_addresses(const lessor_engine_t *engine, const uint32_t *addresses, size_t count, lsr_look_t *looks) {
	for (size_t i = 0; i < count; i++) {
		looks[i].scope = lsr_engine_scope_of(engine, addresses[i]);
	}
	for (size_t i = 0; count > 1 && i < count; i++) {
		if (looks[i].scope != NULL) {
			lsr_table_prefetch(&looks[i].scope->table, addresses[i]);
		}
	}
	for (size_t i = 0; i < count; i++) {
		const lsr_scope_t *scope = looks[i].scope;
		const uint32_t id = scope != NULL ? lsr_table_peek(&scope->table, addresses[i]) : LSR_NO_RECORD;
		looks[i].record = id != LSR_NO_RECORD ? lsr_pages_record(&engine->pages, id) : NULL;
		__builtin_prefetch(looks[i].record);
	}
}

void
lsr_engine_prefetch(const lessor_engine_t *engine, const uint32_t *addresses, size_t count) {
	lsr_look_t looks[LSR_CHUNK];
	lsr_rcu_enter();
	locate_addresses(engine, addresses, count, looks);
	lsr_rcu_leave();
}

LSR_INLINE void
get_chunk(const lessor_engine_t *engine, const uint32_t *addresses, size_t count, lessor_lease_t *leases,
	  lsr_texts_t *texts, lessor_status_t *statuses) {
	lsr_look_t looks[LSR_CHUNK];
	lsr_rcu_enter();
	locate_addresses(engine, addresses, count, looks);
	for (size_t i = 0; i < count; i++) {
		lsr_words_t words;
		statuses[i] =
			LSR_LIKELY(looks[i].record != NULL) &&
					LSR_LIKELY(lsr_record_read_words(looks[i].record, engine->shadows, &words))
				? answer(engine, looks[i].scope, addresses[i], &words, &leases[i], texts)
				: LESSOR_NOT_FOUND;
	}
	lsr_rcu_leave();
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
	lsr_texts_t texts = {.at = buffer, .left_bytes = buffer_bytes};
	get_chunk(engine, &address, 1, lease, &texts, &status);
	return status;
}

static bool
batch_arguments_ok(const void *keys, size_t count, const lessor_lease_t *leases, const void *buffer,
		   size_t buffer_bytes, const lessor_status_t *statuses) {
	return count <= LESSOR_BATCH_MAX && (buffer != NULL || buffer_bytes == 0) &&
	       (count == 0 || (keys != NULL && leases != NULL && statuses != NULL));
}

lessor_status_t
lessor_lease_get_batch(lessor_engine_t *engine, const uint32_t *addresses, size_t count, lessor_lease_t *leases,
		       void *buffer, size_t buffer_bytes, lessor_status_t *statuses) {
	const lessor_status_t usable = lsr_engine_for_read(engine);
	if (usable != LESSOR_OK) {
		return usable;
	}
	if (!batch_arguments_ok(addresses, count, leases, buffer, buffer_bytes, statuses)) {
		return LESSOR_INVALID;
	}
	lsr_texts_t texts = {.at = buffer, .left_bytes = buffer_bytes};
	for (size_t at = 0; at < count; at += LSR_CHUNK) {
		get_chunk(engine, addresses + at, lsr_min_u64(count - at, LSR_CHUNK), leases + at, &texts,
			  statuses + at);
	}
	return LESSOR_OK;
}

static bool
client_ok(const lessor_client_t *client) {
	return client->client_id != NULL && client->client_id_bytes > 0;
}

/* As locate_addresses(). A client that is not in order gets no scope. */
LSR_INLINE void
locate_clients(const lessor_engine_t *engine, const lessor_client_t *clients, size_t count, lsr_look_t *looks) {
	for (size_t i = 0; i < count; i++) {
		looks[i].scope = client_ok(&clients[i]) ? lsr_engine_scope_named(engine, clients[i].subnet) : NULL;
		if (LSR_LIKELY(looks[i].scope != NULL)) {
			looks[i].key = lsr_engine_client_key(engine, looks[i].scope, clients[i].client_id,
							     clients[i].client_id_bytes);
			if (count > 1) {
				lsr_client_hash_prefetch(&engine->clients, looks[i].key);
			}
		}
	}
	for (size_t i = 0; count > 1 && i < count; i++) {
		const uint32_t id =
			looks[i].scope != NULL ? lsr_client_hash_peek(&engine->clients, looks[i].key) : LSR_NO_RECORD;
		if (id != LSR_NO_RECORD) {
			__builtin_prefetch(lsr_pages_record(&engine->pages, id));
			__builtin_prefetch(lsr_pages_info(&engine->pages, id >> LSR_PAGE_SHIFT));
		}
	}
}

LSR_INLINE lessor_status_t
get_client(const lessor_engine_t *engine, const lsr_look_t *look, const lessor_client_t *client, lessor_lease_t *lease,
	   lsr_texts_t *texts) {
	const lsr_scope_t *scope = look->scope;
	lsr_words_t words;
	const lsr_client_look_t wanted = {.match = {.engine = engine,
						    .table = &scope->table,
						    .client_id = client->client_id,
						    .client_id_bytes = client->client_id_bytes},
					  .words = &words};
	const uint32_t id = lsr_client_hash_find(&engine->clients, look->key, match_and_keep, &wanted);
	return id == LSR_NO_RECORD ? LESSOR_NOT_FOUND
				   : answer(engine, scope, lsr_table_address(&scope->table, &engine->pages, id), &words,
					    lease, texts);
}

LSR_INLINE void
get_client_chunk(const lessor_engine_t *engine, const lessor_client_t *clients, size_t count, lessor_lease_t *leases,
		 lsr_texts_t *texts, lessor_status_t *statuses) {
	lsr_look_t looks[LSR_CHUNK];
	lsr_rcu_enter();
	locate_clients(engine, clients, count, looks);
	for (size_t i = 0; i < count; i++) {
		if (LSR_LIKELY(looks[i].scope != NULL)) {
			statuses[i] = get_client(engine, &looks[i], &clients[i], &leases[i], texts);
		} else {
			statuses[i] = client_ok(&clients[i]) ? LESSOR_NO_SCOPE : LESSOR_INVALID;
		}
	}
	lsr_rcu_leave();
}

lessor_status_t
lessor_lease_get_client(lessor_engine_t *engine, uint32_t subnet, const uint8_t *client_id, size_t client_id_bytes,
			lessor_lease_t *lease, void *buffer, size_t buffer_bytes) {
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (!read_arguments_ok(lease, buffer, buffer_bytes) || client_id_bytes > LESSOR_CLIENT_ID_MAX_BYTES) {
		return LESSOR_INVALID;
	}
	const lessor_client_t client = {
		.subnet = subnet, .client_id = client_id, .client_id_bytes = (uint8_t)client_id_bytes};
	lsr_texts_t texts = {.at = buffer, .left_bytes = buffer_bytes};
	get_client_chunk(engine, &client, 1, lease, &texts, &status);
	return status;
}

lessor_status_t
lessor_lease_get_client_batch(lessor_engine_t *engine, const lessor_client_t *clients, size_t count,
			      lessor_lease_t *leases, void *buffer, size_t buffer_bytes, lessor_status_t *statuses) {
	const lessor_status_t usable = lsr_engine_for_read(engine);
	if (usable != LESSOR_OK) {
		return usable;
	}
	if (!batch_arguments_ok(clients, count, leases, buffer, buffer_bytes, statuses)) {
		return LESSOR_INVALID;
	}
	lsr_texts_t texts = {.at = buffer, .left_bytes = buffer_bytes};
	for (size_t at = 0; at < count; at += LSR_CHUNK) {
		get_client_chunk(engine, clients + at, lsr_min_u64(count - at, LSR_CHUNK), leases + at, &texts,
				 statuses + at);
	}
	return LESSOR_OK;
}

/* ---- iterating ----------------------------------------------------------------------------------------------------- */

/* Directory entries looked at in one read-side section: some ten microseconds. */
#define WALK_PAGES_MAX 4096u

/* From *address to 'end' in one table; false: nothing there, or it was long enough. */
LSR_INLINE bool
walk_table(const lessor_engine_t *engine, const lsr_scope_t *scope, const lsr_table_t *table, uint64_t *address,
	   uint64_t end, lsr_found_t *found, unsigned *pages) {
	while (*address <= end) {
		const uint32_t here = (uint32_t)*address;
		const uint32_t id = lsr_table_peek(table, here);
		if (id == LSR_NO_RECORD) {
			/* To the next page, but not beyond this scope: the next one may begin within the same 64 addresses. */
			*address = lsr_min_u64(*address + LSR_PAGE_RECORDS - (here - table->subnet) % LSR_PAGE_RECORDS,
					       end + 1);
			if (++*pages > WALK_PAGES_MAX) {
				return false;
			}
			continue;
		}
		*address += 1;
		if (scope->is_sparse
			    ? lsr_sparse_read(&engine->pages, engine->shadows, id, &found->body, &found->low)
			    : lsr_record_read(lsr_pages_record(&engine->pages, id), engine->shadows, &found->body)) {
			found->address = here;
			found->record_id = id;
			found->scope = scope;
			return true;
		}
		*pages += (here - table->subnet) % LSR_PAGE_RECORDS == 0;
		if (*pages > WALK_PAGES_MAX) {
			return false;
		}
	}
	return false;
}

bool
lsr_engine_walk6(const lessor_engine_t *engine, lsr_walk6_t *walk, uint64_t last, lsr_found_t *found, bool *more) {
	unsigned pages = 0;
	const lsr_scope_t *scope;
	*more = true;
	while ((scope = lsr_trie_next(&engine->trie6, lsr_key_ipv6(walk->prefix))) != NULL &&
	       scope->sparse->prefix <= last) {
		if (walk->prefix != scope->sparse->prefix) {
			*walk = (lsr_walk6_t){.prefix = scope->sparse->prefix};
		}
		const uint32_t places = lsr_sparse_places(lsr_sparse_chunks(scope->sparse));
		while (walk->place < places) {
			const lsr_table_t *table = lsr_sparse_table(scope->sparse, (uint32_t)walk->place);
			if (walk_table(engine, scope, table, &walk->place, (uint64_t)table->subnet + table->last_offset,
				       found, &pages)) {
				return true;
			}
			if (pages > WALK_PAGES_MAX) {
				return false;
			}
		}
		if (walk->prefix == UINT64_MAX) {
			break;
		}
		*walk = (lsr_walk6_t){.prefix = walk->prefix + 1};
	}
	*more = false;
	return false;
}

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
		if (walk_table(engine, scope, &scope->table, address, end, found, &pages)) {
			return true;
		}
		if (pages > WALK_PAGES_MAX) {
			return false;
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
	lsr_texts_t texts = {.at = buffer, .left_bytes = buffer_bytes};
	status = LESSOR_END;
	while (more && status == LESSOR_END) {
		lsr_rcu_enter();
		if (lsr_engine_walk(engine, &at, cursor->last, &found, &more) && !lsr_body_is_empty(&found.body)) {
			status = answer_found(engine, &found, lease, &texts);
		}
		lsr_rcu_leave();
	}
	if (status != LESSOR_BUFFER_TOO_SMALL) {
		cursor->next = at;
	}
	return status;
}

/* Records looked at in one read-side section. */
#define NAMES_MAX 1024u

static uint8_t
fold_case(uint8_t letter) {
	return letter >= 'A' && letter <= 'Z' ? letter + ('a' - 'A') : letter;
}

bool
lsr_body_has_name(const lsr_body_t *body, const char *name, size_t name_bytes) {
	size_t bytes;
	const uint8_t *own = lsr_body_name(body, &bytes);
	if (own == NULL || bytes != name_bytes || lsr_body_is_empty(body)) {
		return false;
	}
	for (size_t i = 0; i < bytes; i++) {
		if (fold_case(own[i]) != fold_case((uint8_t)name[i])) {
			return false;
		}
	}
	return true;
}

lessor_status_t
lessor_lease_find_name(lessor_engine_t *engine, const char *name, lessor_lease_t *lease, void *buffer,
		       size_t buffer_bytes) {
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (name == NULL || !read_arguments_ok(lease, buffer, buffer_bytes)) {
		return LESSOR_INVALID;
	}
	lsr_found_t found;
	uint64_t at = 0;
	bool more = true;
	const size_t name_bytes = strlen(name);
	lsr_texts_t texts = {.at = buffer, .left_bytes = buffer_bytes};
	status = LESSOR_NOT_FOUND;
	while (more && status == LESSOR_NOT_FOUND) {
		lsr_rcu_enter();
		for (unsigned i = 0; i < NAMES_MAX && status == LESSOR_NOT_FOUND &&
				     lsr_engine_walk(engine, &at, UINT32_MAX, &found, &more);
		     i++) {
			if (lsr_body_has_name(&found.body, name, name_bytes)) {
				status = answer_found(engine, &found, lease, &texts);
			}
		}
		lsr_rcu_leave();
	}
	return status;
}

/* ---- counting ------------------------------------------------------------------------------------------------------ */

/* How many of these places of a page hold a lease. */
static uint64_t
count_places(const lessor_engine_t *engine, const lsr_scope_t *scope, uint32_t index, uint64_t places) {
	if (lsr_counters_empty(&scope->counters) == 0 &&
	    atomic_load_explicit(&scope->counters.offered, memory_order_relaxed) == 0) {
		return (uint64_t)__builtin_popcountll(places);
	}
	uint64_t count = 0;
	const uint32_t page = lsr_table_page(&scope->table, index);
	for (; places != 0; places &= places - 1) {
		const uint32_t id = page << LSR_PAGE_SHIFT | (uint32_t)__builtin_ctzll(places);
		lsr_body_t body;
		count += lsr_record_read(lsr_pages_record(&engine->pages, id), engine->shadows, &body) &&
			 !lsr_body_is_empty(&body);
	}
	return count;
}

/* Count some pages' worth, from *address on, which becomes the place to go on from. False: there is nothing left. Inside a read-side section. */
static bool
count_some(const lessor_engine_t *engine, uint64_t *address, uint64_t last, uint64_t *count) {
	const lsr_scope_t *scope =
		*address <= last ? lsr_trie_next(&engine->trie, lsr_key_ipv4((uint32_t)*address)) : NULL;
	if (scope == NULL || scope->subnet > last) {
		return false;
	}
	const lsr_free_map_t map = lsr_table_map(&scope->table);
	const uint64_t end = lsr_min_u64(last, (uint64_t)scope->subnet + scope->table.last_offset);
	uint64_t at = lsr_max_u64(*address, scope->subnet);
	for (unsigned pages = 0; pages < WALK_PAGES_MAX && at <= end; pages++) {
		const uint32_t offset = (uint32_t)at - scope->subnet;
		const uint32_t index = offset >> LSR_PAGE_SHIFT;
		const uint64_t behind = at + LSR_PAGE_RECORDS - offset % LSR_PAGE_RECORDS;
		uint64_t places = lsr_map_word(&map, index) & UINT64_MAX << offset % LSR_PAGE_RECORDS;
		if (behind > end + 1) {
			places &= UINT64_MAX >> (behind - (end + 1));
		}
		*count += count_places(engine, scope, index, places);
		at = lsr_min_u64(behind, end + 1);
	}
	*address = at;
	return true;
}

lessor_status_t
lessor_lease_count(lessor_engine_t *engine, uint32_t first, uint32_t last, uint64_t *count) {
	const lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (count == NULL || first > last) {
		return LESSOR_INVALID;
	}
	uint64_t at = first;
	uint64_t counted = 0;
	for (bool more = true; more;) {
		lsr_rcu_enter();
		more = count_some(engine, &at, last, &counted);
		lsr_rcu_leave();
	}
	*count = counted;
	return LESSOR_OK;
}

/* ---- input ----------------------------------------------------------------------------------------------------------- */

void
lessor_lease_init(lessor_lease_t *lease) {
	if (lease != NULL) {
		*lease = (lessor_lease_t){.client_type = LESSOR_CLIENT_DHCP,
					  .address_state = LESSOR_STATE_ACTIVE,
					  .expires_at = LESSOR_TIME_INFINITE};
	}
}
