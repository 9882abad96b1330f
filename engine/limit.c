/* SPDX-License-Identifier: Apache-2.0 */
/* Limits: the table of keys, what changes of leases do to it, the calls. */
#include "limit.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "engine_p.h"

#define FIRST_BUCKETS 16u
#define DOUBT_SHIFT   32 /* of lsr_counters_t.held: leases in the lower half, changes in doubt in the upper */

typedef struct lsr_limit {
	struct lsr_limit *next;
	uint64_t hash;
	const lsr_record_t *last; /* of those in doubt: whom to wait for */
	uint32_t leases;          /* that name the key, with those that are entered */
	uint32_t doubts;
	uint32_t max;
	bool is_set;
	bool is_pinned; /* it is about to be set: stays without any lease */
	uint8_t key[];  /* as in a tail */
} lsr_limit_t;

/* ---- the table ----------------------------------------------------------------------------------------------------- */

static size_t
key_bytes(const uint8_t *key) {
	return LSR_LIMIT_KEY_HEAD_BYTES + (size_t)key[1];
}

/* A key of the caller's, as it would lie in a tail. */
static const uint8_t *
raw(const lessor_limit_key_t *key) {
	return (const uint8_t *)(const void *)key;
}

static bool
is_same_key(const uint8_t *a, const uint8_t *b) {
	return a[0] == b[0] && a[1] == b[1] && memcmp(a, b, key_bytes(a)) == 0;
}

/* Kinds, then bytes; a key that begins another comes before it. */
static int
compare_keys(const uint8_t *a, const uint8_t *b) {
	const int order = a[0] != b[0] ? (int)a[0] - b[0]
				       : memcmp(a + LSR_LIMIT_KEY_HEAD_BYTES, b + LSR_LIMIT_KEY_HEAD_BYTES,
						a[1] < b[1] ? a[1] : b[1]);
	return order != 0 ? order : (int)a[1] - b[1];
}

static uint64_t
hash_of(const lsr_limits_t *limits, const uint8_t *key) {
	return lsr_client_digest(limits->secret, key, key_bytes(key));
}

static lsr_limit_shard_t *
shard_of(lsr_limits_t *limits, uint64_t hash) {
	return &limits->shard[hash >> 58];
}
static_assert(LSR_LIMIT_SHARDS == 1u << (64 - 58), "shard_of()");

/* Linear hashing: buckets beyond the last power of two are split already. */
static lsr_limit_t **
bucket_of(const lsr_limit_shard_t *shard, uint64_t hash) {
	const uint32_t half = UINT32_C(1) << (31 - __builtin_clz(shard->buckets));
	uint32_t index = (uint32_t)hash & (2 * half - 1);
	index = index < shard->buckets ? index : (uint32_t)hash & (half - 1);
	return &shard->bucket[index];
}

/* Where the entry hangs, or would. The shard has buckets. */
static lsr_limit_t **
place_of(const lsr_limit_shard_t *shard, uint64_t hash, const uint8_t *key) {
	lsr_limit_t **at = bucket_of(shard, hash);
	while (*at != NULL && ((*at)->hash != hash || !is_same_key((*at)->key, key))) {
		at = &(*at)->next;
	}
	return at;
}

static lsr_limit_t *
find(const lsr_limit_shard_t *shard, uint64_t hash, const uint8_t *key) {
	return shard->buckets != 0 ? *place_of(shard, hash, key) : NULL;
}

/* One bucket more, and into it what belongs there. Without memory the chains are longer. */
static void
split(lsr_limit_shard_t *shard) {
	if (shard->buckets == shard->room) {
		void *grown = realloc(shard->bucket, 2 * (size_t)shard->room * sizeof(shard->bucket[0]));
		if (grown == NULL) {
			return;
		}
		shard->bucket = grown;
		shard->room *= 2;
	}
	const uint32_t half = UINT32_C(1) << (31 - __builtin_clz(shard->buckets));
	lsr_limit_t **from = &shard->bucket[shard->buckets - half];
	lsr_limit_t **to = &shard->bucket[shard->buckets++];
	*to = NULL;
	while (*from != NULL) {
		lsr_limit_t *limit = *from;
		if (bucket_of(shard, limit->hash) == to) {
			*from = limit->next;
			limit->next = *to;
			*to = limit;
		} else {
			from = &limit->next;
		}
	}
}

static bool
begin_buckets(lsr_limit_shard_t *shard) {
	if (shard->buckets == 0) {
		shard->bucket = calloc(FIRST_BUCKETS, sizeof(shard->bucket[0]));
		shard->buckets = shard->room = shard->bucket != NULL ? FIRST_BUCKETS : 0;
	}
	return shard->buckets != 0;
}

/* Shard locked. NULL: no memory. */
static lsr_limit_t *
find_or_add(lsr_limit_shard_t *shard, uint64_t hash, const uint8_t *key) {
	if (!begin_buckets(shard)) {
		return NULL;
	}
	lsr_limit_t **at = place_of(shard, hash, key);
	if (*at != NULL) {
		return *at;
	}
	const size_t size_bytes = sizeof(lsr_limit_t) + key_bytes(key);
	lsr_limit_t *limit = malloc(size_bytes);
	if (limit == NULL) {
		return NULL;
	}
	*limit = (lsr_limit_t){.hash = hash};
	memcpy(limit->key, key, key_bytes(key));
	*at = limit;
	shard->entries_bytes += size_bytes;
	if (++shard->count > shard->buckets) {
		split(shard);
	}
	return limit;
}

/* Shard locked. */
static void
drop_unused(lsr_limit_shard_t *shard, lsr_limit_t *limit) {
	if (limit->leases == 0 && limit->doubts == 0 && !limit->is_set && !limit->is_pinned) {
		lsr_limit_t **at = place_of(shard, limit->hash, limit->key);
		*at = limit->next;
		shard->count--;
		shard->entries_bytes -= sizeof(*limit) + key_bytes(limit->key);
		free(limit);
	}
}

void
lsr_limits_init(lsr_limits_t *limits, const uint8_t *secret) {
	memset(limits, 0, sizeof(*limits));
	limits->secret = secret;
	(void)pthread_mutex_init(&limits->lock, NULL);
	for (unsigned i = 0; i < LSR_LIMIT_SHARDS; i++) {
		(void)pthread_mutex_init(&limits->shard[i].lock, NULL);
	}
}

void
lsr_limits_destroy(lsr_limits_t *limits) {
	for (unsigned i = 0; i < LSR_LIMIT_SHARDS; i++) {
		lsr_limit_shard_t *shard = &limits->shard[i];
		for (uint32_t bucket = 0; bucket < shard->buckets; bucket++) {
			for (lsr_limit_t *limit = shard->bucket[bucket], *next; limit != NULL; limit = next) {
				next = limit->next;
				free(limit);
			}
		}
		free(shard->bucket);
		(void)pthread_mutex_destroy(&shard->lock);
	}
	free(limits->set);
	(void)pthread_mutex_destroy(&limits->lock);
}

uint64_t
lsr_limits_memory(lsr_limits_t *limits) {
	uint64_t total = 0;
	for (unsigned i = 0; i < LSR_LIMIT_SHARDS; i++) {
		lsr_limit_shard_t *shard = &limits->shard[i];
		(void)pthread_mutex_lock(&shard->lock);
		total += shard->entries_bytes + shard->room * sizeof(shard->bucket[0]);
		(void)pthread_mutex_unlock(&shard->lock);
	}
	return total;
}

/* ---- what a change moves ------------------------------------------------------------------------------------------- */

/* Keys of one body that another has not. */
typedef struct {
	unsigned count;
	struct {
		const uint8_t *key;
		uint64_t hash;
		lsr_limit_t *limit; /* enter() */
	} at[LESSOR_LIMIT_KEYS_MAX];
	bool is_lease; /* and the other is not */
} lsr_moved_t;

static bool
is_lease(const lsr_body_t *body) {
	return body != NULL && !lsr_body_is_empty(body);
}

/* The keys of a body; NULL: none. */
static const uint8_t *
keys_of(const lsr_body_t *body, size_t *size_bytes) {
	*size_bytes = 0;
	return is_lease(body) ? lsr_tail_item(body->tail, LSR_TAIL_LIMIT_KEYS, size_bytes) : NULL;
}

static bool
has_key(const uint8_t *keys, size_t size_bytes, const uint8_t *key) {
	const uint8_t *end = keys != NULL ? keys + size_bytes : NULL;
	for (const uint8_t *next; keys != NULL && (next = lsr_limit_key_next(keys, end)) != NULL; keys = next) {
		if (is_same_key(keys, key)) {
			return true;
		}
	}
	return false;
}

static void
gather(const lsr_limits_t *limits, const lsr_body_t *body, const lsr_body_t *other, lsr_moved_t *moved) {
	size_t size_bytes;
	size_t other_bytes;
	const uint8_t *key = keys_of(body, &size_bytes);
	const uint8_t *others = keys_of(other, &other_bytes);
	moved->is_lease = is_lease(body) && !is_lease(other);
	moved->count = 0;
	const uint8_t *end = key != NULL ? key + size_bytes : NULL;
	for (const uint8_t *next; key != NULL && (next = lsr_limit_key_next(key, end)) != NULL; key = next) {
		if (!has_key(others, other_bytes, key)) {
			moved->at[moved->count].hash = hash_of(limits, key);
			moved->at[moved->count++].key = key;
		}
	}
}

/* In the order in which their shards are locked. */
static void
sort_by_shard(lsr_moved_t *moved) {
	for (unsigned i = 1; i < moved->count; i++) {
		for (unsigned at = i; at > 0 && moved->at[at].hash < moved->at[at - 1].hash; at--) {
			__typeof__(moved->at[0]) swap = moved->at[at];
			moved->at[at] = moved->at[at - 1];
			moved->at[at - 1] = swap;
		}
	}
}

/* Each shard once; they are sorted by hashes, whose upper bits say the shard. */
static void
lock_shards(lsr_limits_t *limits, const lsr_moved_t *moved, int (*operation)(pthread_mutex_t *lock)) {
	for (unsigned i = 0; i < moved->count; i++) {
		lsr_limit_shard_t *shard = shard_of(limits, moved->at[i].hash);
		if (i == 0 || shard != shard_of(limits, moved->at[i - 1].hash)) {
			(void)operation(&shard->lock);
		}
	}
}

/* ---- entering ------------------------------------------------------------------------------------------------------ */

/* Refused, or a matter of waiting? */
static lsr_limits_result_t
judge(uint32_t doubts, const lsr_record_t *last, const lsr_record_t **blocker) {
	*blocker = last;
	return doubts == 0 ? LSR_LIMITS_FULL : LSR_LIMITS_IN_DOUBT;
}

/* Is there room for one more of each key? Shards locked. */
static lsr_limits_result_t
look_for_room(lsr_limits_t *limits, lsr_moved_t *moved, const lsr_record_t **blocker) {
	lsr_limits_result_t result = LSR_LIMITS_ENTERED;
	for (unsigned i = 0; i < moved->count && result != LSR_LIMITS_FULL; i++) {
		const uint64_t hash = moved->at[i].hash;
		const lsr_limit_t *limit = find(shard_of(limits, hash), hash, moved->at[i].key);
		if (limit != NULL && limit->is_set && limit->leases >= limit->max) {
			result = judge(limit->doubts, limit->last, blocker);
		}
	}
	return result;
}

static lsr_limits_result_t
enter_scope(lsr_scope_t *scope, const lsr_record_t *record, const lsr_record_t **blocker) {
	lsr_counters_t *counters = &scope->counters;
	const uint32_t max = atomic_load_explicit(&counters->max, memory_order_relaxed);
	uint64_t held = atomic_load_explicit(&counters->held, memory_order_acquire);
	do {
		if ((uint32_t)held >= max) {
			return judge((uint32_t)(held >> DOUBT_SHIFT),
				     atomic_load_explicit(&counters->last_held, memory_order_acquire), blocker);
		}
		/* Before anybody could be sent there. */
		atomic_store_explicit(&counters->last_held, record, memory_order_release);
	} while (!atomic_compare_exchange_weak_explicit(&counters->held, &held, held + (UINT64_C(1) << DOUBT_SHIFT) + 1,
							memory_order_acq_rel, memory_order_acquire));
	return LSR_LIMITS_ENTERED;
}

/* Shards locked: entries for all keys. False: no memory, and what was added is gone again. */
static bool
add_entries(lsr_limits_t *limits, lsr_moved_t *moved) {
	unsigned added = 0;
	for (; added < moved->count; added++) {
		lsr_limit_shard_t *shard = shard_of(limits, moved->at[added].hash);
		lsr_limit_t *limit = find_or_add(shard, moved->at[added].hash, moved->at[added].key);
		if (limit == NULL) {
			break;
		}
		moved->at[added].limit = limit;
	}
	for (unsigned i = 0; i < added && added < moved->count; i++) {
		drop_unused(shard_of(limits, moved->at[i].hash), moved->at[i].limit);
	}
	return added == moved->count;
}

static void
drop_entries(lsr_limits_t *limits, const lsr_moved_t *moved) {
	for (unsigned i = 0; i < moved->count; i++) {
		drop_unused(shard_of(limits, moved->at[i].hash), moved->at[i].limit);
	}
}

/* Shards locked. The scope comes last but for what cannot fail, so that nothing has to be given back where others see it. */
static lsr_limits_result_t
enter_locked(lsr_limits_t *limits, const lsr_limits_change_t *change, lsr_moved_t *moved,
	     const lsr_record_t **blocker) {
	lsr_limits_result_t result = look_for_room(limits, moved, blocker);
	if (result != LSR_LIMITS_ENTERED) {
		return result;
	}
	if (!add_entries(limits, moved)) {
		return LSR_LIMITS_NO_MEMORY;
	}
	if (moved->is_lease && atomic_load_explicit(&change->scope->is_limited, memory_order_relaxed)) {
		result = enter_scope(change->scope, change->record, blocker);
	}
	if (result != LSR_LIMITS_ENTERED) {
		drop_entries(limits, moved);
		return result;
	}
	for (unsigned i = 0; i < moved->count; i++) {
		lsr_limit_t *limit = moved->at[i].limit;
		limit->leases++;
		limit->doubts++;
		limit->last = change->record;
	}
	return LSR_LIMITS_ENTERED;
}

lsr_limits_result_t
lsr_limits_enter(lsr_limits_t *limits, const lsr_limits_change_t *change, const lsr_record_t **blocker) {
	lsr_moved_t moved;
	gather(limits, change->to, change->from, &moved);
	sort_by_shard(&moved);
	lock_shards(limits, &moved, pthread_mutex_lock);
	const lsr_limits_result_t result = enter_locked(limits, change, &moved, blocker);
	lock_shards(limits, &moved, pthread_mutex_unlock);
	return result;
}

/* ---- going on ------------------------------------------------------------------------------------------------------ */

/*
 * Of what a body has and another has not: so many leases and doubts more.
 *
 * Each key has its entry. One that comes was entered by this change. One that goes is named by a lease that shows, so it was entered when that came, or counted when the store was opened: there
 * all leases are counted before any is taken away again (reindex.c), and if a count fails, none is, and the store is not opened. An entry stays while its count is not zero.
 */
static void
move(lsr_limits_t *limits, const lsr_limits_change_t *change, const lsr_body_t *body, const lsr_body_t *other,
     int leases, int doubts) {
	lsr_moved_t moved;
	gather(limits, body, other, &moved);
	for (unsigned i = 0; i < moved.count; i++) {
		lsr_limit_shard_t *shard = shard_of(limits, moved.at[i].hash);
		(void)pthread_mutex_lock(&shard->lock);
		lsr_limit_t *limit = find(shard, moved.at[i].hash, moved.at[i].key);
		limit->leases += (uint32_t)leases;
		limit->doubts += (uint32_t)doubts;
		limit->last = doubts > 0 ? change->record : limit->last;
		drop_unused(shard, limit);
		(void)pthread_mutex_unlock(&shard->lock);
	}
	if (moved.is_lease && atomic_load_explicit(&change->scope->is_limited, memory_order_relaxed)) {
		lsr_counters_t *counters = &change->scope->counters;
		if (doubts > 0) {
			atomic_store_explicit(&counters->last_held, change->record, memory_order_release);
		}
		(void)atomic_fetch_add_explicit(&counters->held,
						(uint64_t)(int64_t)doubts * (UINT64_C(1) << DOUBT_SHIFT) +
							(uint64_t)(int64_t)leases,
						memory_order_acq_rel);
	}
}

void
lsr_limits_undo(lsr_limits_t *limits, const lsr_limits_change_t *change) {
	move(limits, change, change->to, change->from, -1, -1);
}

void
lsr_limits_leave(lsr_limits_t *limits, const lsr_limits_change_t *change) {
	move(limits, change, change->from, change->to, 0, 1);
}

void
lsr_limits_settle(lsr_limits_t *limits, const lsr_limits_change_t *change) {
	move(limits, change, change->to, change->from, 0, -1);
	move(limits, change, change->from, change->to, -1, -1);
}

bool
lsr_limits_count(lsr_limits_t *limits, const lsr_body_t *body) {
	lsr_moved_t moved;
	bool done = true;
	gather(limits, body, NULL, &moved);
	for (unsigned i = 0; i < moved.count; i++) {
		lsr_limit_shard_t *shard = shard_of(limits, moved.at[i].hash);
		(void)pthread_mutex_lock(&shard->lock);
		lsr_limit_t *limit = find_or_add(shard, moved.at[i].hash, moved.at[i].key);
		if (limit != NULL) {
			limit->leases++;
		}
		(void)pthread_mutex_unlock(&shard->lock);
		done = done && limit != NULL;
	}
	return done;
}

void
lsr_limits_hold(lsr_scope_t *scope) {
	atomic_store_explicit(&scope->counters.held, lsr_counters_leases(&scope->counters), memory_order_release);
}

/* ---- the list of limits: 'lock' ------------------------------------------------------------------------------------ */

/* The first place whose key is not before this one, or, with 'behind', is behind it. */
static size_t
search(const lsr_limits_t *limits, const uint8_t *key, bool behind) {
	size_t low = 0;
	size_t high = limits->count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const int order = compare_keys(limits->set[middle]->key, key);
		if (order < 0 || (behind && order == 0)) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

static bool
is_listed(const lsr_limits_t *limits, size_t at, const uint8_t *key) {
	return at < limits->count && is_same_key(limits->set[at]->key, key);
}

static bool
make_room(lsr_limits_t *limits) {
	if (limits->count == limits->room) {
		const size_t room = limits->room != 0 ? 2 * limits->room : 16;
		void *grown = realloc(limits->set, room * sizeof(limits->set[0]));
		if (grown == NULL) {
			return false;
		}
		limits->set = grown;
		limits->room = room;
	}
	return true;
}

/* An entry that stays; NULL: no memory. */
static lsr_limit_t *
pin(lsr_limits_t *limits, const uint8_t *key) {
	const uint64_t hash = hash_of(limits, key);
	lsr_limit_shard_t *shard = shard_of(limits, hash);
	(void)pthread_mutex_lock(&shard->lock);
	lsr_limit_t *limit = find_or_add(shard, hash, key);
	if (limit != NULL) {
		limit->is_pinned = true;
	}
	(void)pthread_mutex_unlock(&shard->lock);
	return limit;
}

static void
unpin(lsr_limits_t *limits, lsr_limit_t *limit) {
	lsr_limit_shard_t *shard = shard_of(limits, limit->hash);
	(void)pthread_mutex_lock(&shard->lock);
	limit->is_pinned = false;
	drop_unused(shard, limit);
	(void)pthread_mutex_unlock(&shard->lock);
}

/* Of a pinned entry, which has its place 'at' in the list, or gets it: there is room. */
static void
publish_set(lsr_limits_t *limits, size_t at, lsr_limit_t *limit, uint32_t max) {
	lsr_limit_shard_t *shard = shard_of(limits, limit->hash);
	if (!limit->is_set) {
		memmove(&limits->set[at + 1], &limits->set[at], (limits->count - at) * sizeof(limits->set[0]));
		limits->set[at] = limit;
		limits->count++;
	}
	(void)pthread_mutex_lock(&shard->lock);
	limit->is_set = true;
	limit->is_pinned = false;
	limit->max = max;
	(void)pthread_mutex_unlock(&shard->lock);
}

static void
publish_remove(lsr_limits_t *limits, size_t at) {
	lsr_limit_t *limit = limits->set[at];
	lsr_limit_shard_t *shard = shard_of(limits, limit->hash);
	limits->count--;
	memmove(&limits->set[at], &limits->set[at + 1], (limits->count - at) * sizeof(limits->set[0]));
	(void)pthread_mutex_lock(&shard->lock);
	limit->is_set = false;
	drop_unused(shard, limit);
	(void)pthread_mutex_unlock(&shard->lock);
}

/* ---- disk ------------------------------------------------------------------------------------------------------------ */

static size_t
image_put(uint8_t image[LSR_LIMIT_IMAGE_MAX_BYTES], const uint8_t *key, uint32_t max) {
	memcpy(image, &max, LSR_LIMIT_MAX_BYTES);
	memcpy(image + LSR_LIMIT_MAX_BYTES, key, key_bytes(key));
	return LSR_LIMIT_MAX_BYTES + key_bytes(key);
}

size_t
lsr_limits_save(const lsr_limits_t *limits, lessor_limit_key_t *key, uint8_t image[LSR_LIMIT_IMAGE_MAX_BYTES]) {
	const size_t at = search(limits, raw(key), true);
	if (at == limits->count) {
		return 0;
	}
	const lsr_limit_t *limit = limits->set[at];
	memcpy(key, limit->key, key_bytes(limit->key));
	return image_put(image, limit->key, limit->max);
}

bool
lsr_limit_image_get(const uint8_t *payload, size_t size_bytes, bool is_end, lessor_limit_t *limit) {
	const size_t max_bytes = is_end ? 0 : LSR_LIMIT_MAX_BYTES;
	const size_t bytes = size_bytes - max_bytes; /* of the key */
	*limit = (lessor_limit_t){0};
	if (size_bytes < max_bytes || bytes <= LSR_LIMIT_KEY_HEAD_BYTES || bytes > sizeof(limit->key)) {
		return false;
	}
	memcpy(&limit->max, payload, max_bytes);
	memcpy(&limit->key, payload + max_bytes, bytes);
	return lsr_limit_key_check(&limit->key) && bytes == key_bytes(raw(&limit->key));
}

lessor_status_t
lsr_limits_replay(lsr_limits_t *limits, const uint8_t *payload, size_t size_bytes) {
	lessor_limit_t image;
	if (!lsr_limit_image_get(payload, size_bytes, false, &image)) {
		return LESSOR_DAMAGED;
	}
	const uint8_t *key = raw(&image.key);
	lsr_limit_t *limit = make_room(limits) ? pin(limits, key) : NULL;
	if (limit == NULL) {
		return LESSOR_NO_MEMORY;
	}
	publish_set(limits, search(limits, key, false), limit, image.max);
	return LESSOR_OK;
}

lessor_status_t
lsr_limits_replay_end(lsr_limits_t *limits, const uint8_t *payload, size_t size_bytes) {
	lessor_limit_t image;
	if (!lsr_limit_image_get(payload, size_bytes, true, &image)) {
		return LESSOR_DAMAGED;
	}
	const size_t at = search(limits, raw(&image.key), false);
	if (is_listed(limits, at, raw(&image.key))) {
		publish_remove(limits, at);
	} /* else the snapshot was later there */
	return LESSOR_OK;
}

/* ---- checking ------------------------------------------------------------------------------------------------------ */

/* Count all leases of one family. False: no memory. */
static bool
count_again(const lessor_engine_t *engine, bool is_six, lsr_limits_t *again) {
	uint64_t at = 0;
	lsr_walk6_t walk = {0};
	bool more = true;
	bool done = true;
	while (more && done) {
		lsr_rcu_enter();
		for (unsigned i = 0; i < 256 && more && done; i++) {
			lsr_found_t found;
			if (is_six ? lsr_engine_walk6(engine, &walk, UINT64_MAX, &found, &more)
				   : lsr_engine_walk(engine, &at, UINT32_MAX, &found, &more)) {
				done = lsr_limits_count(again, &found.body);
			}
		}
		lsr_rcu_leave();
	}
	return done;
}

/* Has each entry of a shard what the other one says, and a reason to be there? */
static bool
agrees(const lsr_limit_shard_t *shard, const lsr_limit_shard_t *again) {
	for (uint32_t bucket = 0; bucket < shard->buckets; bucket++) {
		for (const lsr_limit_t *limit = shard->bucket[bucket]; limit != NULL; limit = limit->next) {
			const lsr_limit_t *other = find(again, limit->hash, limit->key);
			if (limit->doubts != 0 || limit->is_pinned || (limit->leases == 0 && !limit->is_set) ||
			    bucket_of(shard, limit->hash) != &shard->bucket[bucket] ||
			    limit->leases != (other != NULL ? other->leases : 0)) {
				return false;
			}
		}
	}
	return true;
}

/* Is every key that a lease names known? */
static bool
covers(const lsr_limit_shard_t *shard, const lsr_limit_shard_t *again) {
	for (uint32_t bucket = 0; bucket < again->buckets; bucket++) {
		for (const lsr_limit_t *limit = again->bucket[bucket]; limit != NULL; limit = limit->next) {
			if (find(shard, limit->hash, limit->key) == NULL) {
				return false;
			}
		}
	}
	return true;
}

static bool
list_is_sound(const lsr_limits_t *limits) {
	for (size_t i = 0; i < limits->count; i++) {
		if (!limits->set[i]->is_set ||
		    (i > 0 && compare_keys(limits->set[i - 1]->key, limits->set[i]->key) >= 0)) {
			return false;
		}
	}
	return true;
}

/* 'lock' held. */
static lessor_status_t
compare(lsr_limits_t *limits, const lsr_limits_t *again, lessor_report_t *report) {
	bool sound = list_is_sound(limits);
	for (unsigned i = 0; i < LSR_LIMIT_SHARDS && sound; i++) {
		lsr_limit_shard_t *shard = &limits->shard[i];
		(void)pthread_mutex_lock(&shard->lock);
		sound = agrees(shard, &again->shard[i]) && covers(shard, &again->shard[i]);
		(void)pthread_mutex_unlock(&shard->lock);
	}
	return sound ? LESSOR_OK
		     : lsr_complain(report->sentence, sizeof(report->sentence), LESSOR_DAMAGED,
				    "the leases of the keys of limits are counted wrong");
}

lessor_status_t
lsr_limits_check(lessor_engine_t *engine, lessor_report_t *report) {
	lsr_limits_t *again = aligned_alloc(_Alignof(lsr_limits_t), sizeof(*again));
	if (again == NULL) {
		return LESSOR_NO_MEMORY;
	}
	lsr_limits_init(again, engine->secret);
	(void)pthread_mutex_lock(&engine->limits.lock);
	const bool counted = count_again(engine, false, again) && count_again(engine, true, again);
	const lessor_status_t status = counted ? compare(&engine->limits, again, report) : LESSOR_NO_MEMORY;
	(void)pthread_mutex_unlock(&engine->limits.lock);
	lsr_limits_destroy(again);
	free(again);
	return status;
}

/* ---- the calls ------------------------------------------------------------------------------------------------------ */

static lessor_status_t
set_locked(lessor_engine_t *engine, const lessor_limit_key_t *key, uint32_t max, uint64_t *lsn) {
	lsr_limits_t *limits = &engine->limits;
	const size_t at = search(limits, raw(key), false);
	if (!is_listed(limits, at, raw(key)) && limits->count == LESSOR_LIMITS_MAX) {
		return LESSOR_LIMIT;
	}
	lsr_limit_t *limit = make_room(limits) ? pin(limits, raw(key)) : NULL;
	if (limit == NULL) {
		return LESSOR_NO_MEMORY;
	}
	uint8_t image[LSR_LIMIT_IMAGE_MAX_BYTES];
	const lessor_status_t status =
		lsr_engine_log(engine, LSR_LOG_LIMIT, image, image_put(image, raw(key), max), lsn);
	if (status != LESSOR_OK) {
		unpin(limits, limit);
		return status;
	}
	publish_set(limits, at, limit, max);
	return LESSOR_OK;
}

static lessor_status_t
remove_locked(lessor_engine_t *engine, const lessor_limit_key_t *key, uint64_t *lsn) {
	lsr_limits_t *limits = &engine->limits;
	const size_t at = search(limits, raw(key), false);
	if (!is_listed(limits, at, raw(key))) {
		return LESSOR_NOT_FOUND;
	}
	const lessor_status_t status = lsr_engine_log(engine, LSR_LOG_LIMIT_END, key, key_bytes(raw(key)), lsn);
	if (status == LESSOR_OK) {
		publish_remove(limits, at);
	}
	return status;
}

/* Set a limit; max NULL: remove it. */
static lessor_status_t
change_limit(lessor_engine_t *engine, const lessor_limit_key_t *key, const uint32_t *max, lessor_mode_t mode,
	     lessor_ticket_t *ticket) {
	uint64_t lsn = 0;
	lessor_status_t status = lsr_engine_for_change(engine, mode);
	if (status != LESSOR_OK) {
		return status;
	}
	if (key == NULL || !lsr_limit_key_check(key)) {
		return LESSOR_INVALID;
	}
	(void)pthread_mutex_lock(&engine->limits.lock);
	status = max != NULL ? set_locked(engine, key, *max, &lsn) : remove_locked(engine, key, &lsn);
	(void)pthread_mutex_unlock(&engine->limits.lock);
	return status == LESSOR_OK ? lsr_engine_finish(engine, lsn, mode, ticket) : status;
}

lessor_status_t
lessor_limit_set(lessor_engine_t *engine, const lessor_limit_key_t *key, uint32_t max, lessor_mode_t mode,
		 lessor_ticket_t *ticket) {
	return change_limit(engine, key, &max, mode, ticket);
}

lessor_status_t
lessor_limit_remove(lessor_engine_t *engine, const lessor_limit_key_t *key, lessor_mode_t mode,
		    lessor_ticket_t *ticket) {
	return change_limit(engine, key, NULL, mode, ticket);
}

/* Shard locked. The caller's key may lie in *out, so this comes when it is not needed any more. */
static void
describe(const lsr_limit_t *limit, lessor_limit_t *out) {
	*out = (lessor_limit_t){.max = limit->max, .leases = limit->leases};
	memcpy(&out->key, limit->key, key_bytes(limit->key));
}

lessor_status_t
lessor_limit_get(lessor_engine_t *engine, const lessor_limit_key_t *key, lessor_limit_t *limit) {
	const lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (key == NULL || limit == NULL || !lsr_limit_key_check(key)) {
		return LESSOR_INVALID;
	}
	const uint64_t hash = hash_of(&engine->limits, raw(key));
	lsr_limit_shard_t *shard = shard_of(&engine->limits, hash);
	(void)pthread_mutex_lock(&shard->lock);
	const lsr_limit_t *found = find(shard, hash, raw(key));
	const bool is_set = found != NULL && found->is_set;
	if (is_set) {
		describe(found, limit);
	}
	(void)pthread_mutex_unlock(&shard->lock);
	return is_set ? LESSOR_OK : LESSOR_NOT_FOUND;
}

lessor_status_t
lessor_limit_next(lessor_engine_t *engine, const lessor_limit_key_t *key, lessor_limit_t *limit) {
	static const lessor_limit_key_t before_all = {0};
	const lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (limit == NULL || (key != NULL && !lsr_limit_key_check(key))) {
		return LESSOR_INVALID;
	}
	lsr_limits_t *limits = &engine->limits;
	(void)pthread_mutex_lock(&limits->lock);
	const size_t at = search(limits, raw(key != NULL ? key : &before_all), true);
	const bool found = at < limits->count;
	if (found) {
		lsr_limit_shard_t *shard = shard_of(limits, limits->set[at]->hash);
		(void)pthread_mutex_lock(&shard->lock);
		describe(limits->set[at], limit);
		(void)pthread_mutex_unlock(&shard->lock);
	}
	(void)pthread_mutex_unlock(&limits->lock);
	return found ? LESSOR_OK : LESSOR_END;
}
