/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peer rocksdb: two column families, address to record and (subnet, client) to address.
 *
 * Settings. RocksDB has no insert that fails if the key is there, so a change looks both keys up (all of a batch at once) and then writes one batch,
 * under one mutex: without it, two threads could both find a key free. Leases of one call are different ones, which the look-ups rely on. Changes go to
 * the WAL at once and are synced when somebody waits, outside of the mutex, so that one sync covers the changes of all threads since the last; without
 * durability there is no WAL. WAL records gather in memory until a sync asks for them. Memtables are hash tables of whole keys: nothing is ever read in
 * order, and skip lists of 256 MiB took most of the time. Bloom filters of 10 bits in tables and memtables; no compression (keys and records are noise);
 * a block cache of 1 GiB; two background jobs per processor.
 */
#include <rocksdb/c.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store.h"

enum { ADDRESS, CLIENT, FAMILIES };

#define CLIENT_BYTES     (4u + BENCH_MAC_BYTES)
#define KEY_BYTES        16u
#define CACHE_BYTES      (UINT64_C(1) << 30)
#define BUFFER_BYTES     (UINT64_C(256) << 20)
#define FILTER_BITS      10.0
#define HASH_BUCKETS     1000000u
#define HASH_HEIGHT      4
#define HASH_BRANCHING   4
#define MEMTABLE_FILTERS 0.1 /* of the write buffer */

typedef struct {
	rocksdb_t *database;
	rocksdb_options_t *options;
	rocksdb_column_family_handle_t *families[FAMILIES];
	rocksdb_cache_t *cache;
	rocksdb_block_based_table_options_t *tables;
	rocksdb_readoptions_t *read;
	rocksdb_writeoptions_t *write;
	bench_durability_t durability;
	char directory[4000];
	unsigned snapshots;
	pthread_mutex_t lock; /* from looking up to having written */
	_Atomic uint64_t changes;
	_Atomic uint64_t synced;
} store_t;

typedef struct {
	store_t *store;
	rocksdb_writebatch_t *batch;
	char (*keys)[KEY_BYTES];
	const char **key_list;
	size_t *key_sizes;
	rocksdb_pinnableslice_t **found[FAMILIES];
	char **errors;
} thread_t;

/* True if there was no error; else it has been said and freed. */
static bool
fine(const char *what, char *error) {
	if (error != NULL) {
		(void)bench_fail("rocksdb: %s: %s.", what, error);
		rocksdb_free(error);
		return false;
	}
	return true;
}

static const char *
settings(const bench_config_t *config) {
	switch (config->durability) {
	case BENCH_NONE:
		return "two column families, no WAL, bloom filters, no compression, 256 MiB hashed memtables, 1 GiB "
		       "cache, look-ups and write under one mutex";
	case BENCH_ASYNC:
		return "two column families, WAL synced once at the end, bloom filters, no compression, 256 MiB hashed "
		       "memtables, 1 GiB cache, look-ups and write under one mutex";
	default:
		return "two column families, WAL synced once per --in-flight changes, bloom filters, no compression, "
		       "256 MiB hashed memtables, 1 GiB cache, look-ups and write under one mutex";
	}
}

/* ---- open and close ----------------------------------------------------------------------------------------------------- */

static void
set_options(store_t *store) {
	const long processors = sysconf(_SC_NPROCESSORS_ONLN);
	store->cache = rocksdb_cache_create_lru(CACHE_BYTES);
	store->tables = rocksdb_block_based_options_create();
	rocksdb_block_based_options_set_block_cache(store->tables, store->cache);
	rocksdb_block_based_options_set_filter_policy(store->tables,
						      rocksdb_filterpolicy_create_bloom_full(FILTER_BITS));
	store->options = rocksdb_options_create();
	rocksdb_options_set_block_based_table_factory(store->options, store->tables);
	rocksdb_options_set_create_if_missing(store->options, 1);
	rocksdb_options_set_create_missing_column_families(store->options, 1);
	rocksdb_options_set_write_buffer_size(store->options, BUFFER_BYTES);
	rocksdb_options_set_max_write_buffer_number(store->options, 4);
	rocksdb_options_set_memtable_prefix_bloom_size_ratio(store->options, MEMTABLE_FILTERS);
	rocksdb_options_set_memtable_whole_key_filtering(store->options, 1);
	rocksdb_options_set_compression(store->options, rocksdb_no_compression);
	rocksdb_options_set_manual_wal_flush(store->options, 1);
	rocksdb_options_set_allow_concurrent_memtable_write(store->options, 0);
	rocksdb_options_set_prefix_extractor(store->options, rocksdb_slicetransform_create_noop());
	rocksdb_options_set_hash_skip_list_rep(store->options, HASH_BUCKETS, HASH_HEIGHT, HASH_BRANCHING);
	rocksdb_options_set_max_background_jobs(store->options, (int)(2 * processors));
	store->read = rocksdb_readoptions_create();
	store->write = rocksdb_writeoptions_create();
	rocksdb_writeoptions_disable_WAL(store->write, store->durability == BENCH_NONE);
}

static bool
close_store(void *opened) {
	store_t *store = opened;
	for (unsigned i = 0; i < FAMILIES && store->families[i] != NULL; i++) {
		rocksdb_column_family_handle_destroy(store->families[i]);
	}
	if (store->database != NULL) {
		rocksdb_close(store->database);
	}
	rocksdb_options_destroy(store->options);
	rocksdb_block_based_options_destroy(store->tables);
	rocksdb_cache_destroy(store->cache);
	rocksdb_readoptions_destroy(store->read);
	rocksdb_writeoptions_destroy(store->write);
	(void)pthread_mutex_destroy(&store->lock);
	free(store);
	return true;
}

static void *
open_store(const bench_config_t *config) {
	static const char *const names[FAMILIES] = {"default", "client"};
	store_t *store = calloc(1, sizeof(*store));
	char *error = NULL;
	if (store == NULL) {
		(void)bench_fail("rocksdb: out of memory.");
		return NULL;
	}
	store->durability = config->durability;
	(void)snprintf(store->directory, sizeof(store->directory), "%s", config->directory);
	(void)pthread_mutex_init(&store->lock, NULL);
	set_options(store);
	const rocksdb_options_t *options[FAMILIES] = {store->options, store->options};
	store->database = rocksdb_open_column_families(store->options, config->directory, FAMILIES, names, options,
						       store->families, &error);
	if (!fine("open", error)) {
		(void)close_store(store);
		return NULL;
	}
	return store;
}

static void
thread_end(void *begun) {
	thread_t *thread = begun;
	rocksdb_writebatch_destroy(thread->batch);
	free(thread->keys);
	free(thread->key_list);
	free(thread->key_sizes);
	free(thread->found[ADDRESS]);
	free(thread->found[CLIENT]);
	free(thread->errors);
	free(thread);
}

static void *
thread_begin(void *opened, uint64_t group, unsigned batch) {
	thread_t *thread = calloc(1, sizeof(*thread));
	(void)group;
	if (thread == NULL) {
		(void)bench_fail("rocksdb: out of memory.");
		return NULL;
	}
	thread->store = opened;
	thread->batch = rocksdb_writebatch_create();
	thread->keys = calloc(batch, sizeof(*thread->keys));
	thread->key_list = calloc(batch, sizeof(*thread->key_list));
	thread->key_sizes = calloc(batch, sizeof(*thread->key_sizes));
	thread->found[ADDRESS] = calloc(batch, sizeof(*thread->found[ADDRESS]));
	thread->found[CLIENT] = calloc(batch, sizeof(*thread->found[CLIENT]));
	thread->errors = calloc(batch, sizeof(*thread->errors));
	if (thread->keys == NULL || thread->key_list == NULL || thread->key_sizes == NULL ||
	    thread->found[ADDRESS] == NULL || thread->found[CLIENT] == NULL || thread->errors == NULL) {
		(void)bench_fail("rocksdb: out of memory.");
		thread_end(thread);
		return NULL;
	}
	return thread;
}

/* ---- keys and look-ups -------------------------------------------------------------------------------------------------- */

/* Ordered as addresses are. Returns the key's size. */
static size_t
put_key(unsigned family, uint32_t address, const bench_lease_t *lease, char *key) {
	const uint32_t number = family == ADDRESS ? address : lease->subnet;
	for (unsigned i = 0; i < 4; i++) {
		key[i] = (char)(number >> (24 - 8 * i));
	}
	if (family == ADDRESS) {
		return 4;
	}
	memcpy(key + 4, lease->mac, BENCH_MAC_BYTES);
	return CLIENT_BYTES;
}

/* All the keys that are in key_list. Slices that are found are to be given back with forget(). */
static bool
look_up(thread_t *thread, unsigned family, size_t n) {
	const store_t *store = thread->store;
	bool good = true;
	if (n == 1) {
		char *error = NULL;
		thread->found[family][0] = rocksdb_get_pinned_cf(store->database, store->read, store->families[family],
								 thread->key_list[0], thread->key_sizes[0], &error);
		return fine("a look-up", error);
	}
	rocksdb_batched_multi_get_cf(store->database, store->read, store->families[family], n, thread->key_list,
				     thread->key_sizes, thread->found[family], thread->errors, false);
	for (size_t i = 0; i < n; i++) {
		good = fine("a look-up", thread->errors[i]) && good;
	}
	return good;
}

static bool
look_up_leases(thread_t *thread, unsigned family, const bench_lease_t *leases, size_t n) {
	for (size_t i = 0; i < n; i++) {
		thread->key_sizes[i] = put_key(family, leases[i].address, &leases[i], thread->keys[i]);
		thread->key_list[i] = thread->keys[i];
	}
	return look_up(thread, family, n);
}

static void
forget(rocksdb_pinnableslice_t **slice) {
	if (*slice != NULL) {
		rocksdb_pinnableslice_destroy(*slice);
		*slice = NULL;
	}
}

/* What was found, into a copy; false: nothing of the right size. */
static bool
copy_found(const rocksdb_pinnableslice_t *slice, void *copy, size_t bytes) {
	size_t size = 0;
	const char *data = slice != NULL ? rocksdb_pinnableslice_value(slice, &size) : NULL;
	if (data == NULL || size != bytes) {
		return false;
	}
	memcpy(copy, data, bytes);
	return true;
}

/* ---- changes ------------------------------------------------------------------------------------------------------------ */

static void
put_record(thread_t *thread, const bench_lease_t *lease, const bench_record_t *record) {
	char key[KEY_BYTES];
	const size_t size = put_key(ADDRESS, lease->address, lease, key);
	rocksdb_writebatch_put_cf(thread->batch, thread->store->families[ADDRESS], key, size, (const char *)record,
				  sizeof(*record));
}

static void
put_lease(thread_t *thread, const bench_lease_t *lease) {
	char key[KEY_BYTES];
	const bench_record_t record = bench_record_of(lease);
	const size_t size = put_key(CLIENT, 0, lease, key);
	put_record(thread, lease, &record);
	rocksdb_writebatch_put_cf(thread->batch, thread->store->families[CLIENT], key, size,
				  (const char *)&lease->address, sizeof(lease->address));
}

static void
delete_lease(thread_t *thread, const bench_lease_t *lease) {
	char key[KEY_BYTES];
	size_t size = put_key(ADDRESS, lease->address, lease, key);
	rocksdb_writebatch_delete_cf(thread->batch, thread->store->families[ADDRESS], key, size);
	size = put_key(CLIENT, 0, lease, key);
	rocksdb_writebatch_delete_cf(thread->batch, thread->store->families[CLIENT], key, size);
}

/* Decide one lease by what was found, and put what follows from it into the batch. */
typedef bench_answer_t (*decide_t)(thread_t *thread, const bench_lease_t *lease, size_t at);

static bench_answer_t
decide_create(thread_t *thread, const bench_lease_t *lease, size_t at) {
	const bench_answer_t answer = thread->found[ADDRESS][at] != NULL  ? BENCH_ADDRESS_TAKEN
				      : thread->found[CLIENT][at] != NULL ? BENCH_CLIENT_TAKEN
									  : BENCH_OK;
	if (answer == BENCH_OK) {
		put_lease(thread, lease);
	}
	return answer;
}

static bench_answer_t
find_own(const thread_t *thread, const bench_lease_t *lease, size_t at, bench_record_t *record) {
	if (!copy_found(thread->found[ADDRESS][at], record, sizeof(*record))) {
		return BENCH_NOT_FOUND;
	}
	return memcmp(record->mac, lease->mac, BENCH_MAC_BYTES) == 0 ? BENCH_OK : BENCH_WRONG;
}

static bench_answer_t
decide_renew(thread_t *thread, const bench_lease_t *lease, size_t at) {
	bench_record_t record;
	const bench_answer_t answer = find_own(thread, lease, at, &record);
	if (answer == BENCH_OK) {
		record.expires_at = lease->expires_at;
		put_record(thread, lease, &record);
	}
	return answer;
}

static bench_answer_t
decide_release(thread_t *thread, const bench_lease_t *lease, size_t at) {
	bench_record_t record;
	const bench_answer_t answer = find_own(thread, lease, at, &record);
	if (answer == BENCH_OK) {
		delete_lease(thread, lease);
	}
	return answer;
}

/* Under the lock. */
static bool
decide_and_write(thread_t *thread, decide_t decide, const bench_lease_t *leases, size_t n, bench_answer_t *answers) {
	const store_t *store = thread->store;
	const bool both = decide == decide_create;
	char *error = NULL;
	const bool good =
		look_up_leases(thread, ADDRESS, leases, n) && (!both || look_up_leases(thread, CLIENT, leases, n));
	rocksdb_writebatch_clear(thread->batch);
	for (size_t i = 0; i < n; i++) {
		answers[i] = good ? decide(thread, &leases[i], i) : BENCH_WRONG;
		forget(&thread->found[ADDRESS][i]);
		forget(&thread->found[CLIENT][i]);
	}
	if (good && rocksdb_writebatch_count(thread->batch) > 0) {
		rocksdb_write(store->database, store->write, thread->batch, &error);
	}
	return good && fine("a write", error);
}

static bool
change(thread_t *thread, decide_t decide, const bench_lease_t *leases, size_t n, bench_answer_t *answers,
       uint64_t *ticket) {
	store_t *store = thread->store;
	(void)pthread_mutex_lock(&store->lock);
	const bool good = decide_and_write(thread, decide, leases, n, answers);
	*ticket = atomic_load_explicit(&store->changes, memory_order_relaxed) + n;
	atomic_store_explicit(&store->changes, *ticket, memory_order_release);
	(void)pthread_mutex_unlock(&store->lock);
	return good;
}

static bool
create(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket) {
	return change(begun, decide_create, leases, n, answers, ticket);
}

static bool
renew(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket) {
	return change(begun, decide_renew, leases, n, answers, ticket);
}

static bool
release(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket) {
	return change(begun, decide_release, leases, n, answers, ticket);
}

/* Put the end of what has expired among the addresses that were looked up into the batch. */
static size_t
decide_expiry(thread_t *thread, size_t n, uint64_t now) {
	size_t ended = 0;
	rocksdb_writebatch_clear(thread->batch);
	for (size_t i = 0; i < n; i++) {
		bench_record_t record;
		if (copy_found(thread->found[ADDRESS][i], &record, sizeof(record)) && record.expires_at <= now) {
			bench_lease_t lease = {.address = record.address, .subnet = record.subnet};
			memcpy(lease.mac, record.mac, BENCH_MAC_BYTES);
			delete_lease(thread, &lease);
			ended++;
		}
		forget(&thread->found[ADDRESS][i]);
	}
	return ended;
}

/* By look-ups: hashed memtables would have to be sorted to be read in order. */
static bool
expire(void *begun, uint32_t first, uint32_t last, uint64_t now, size_t *ended, uint64_t *ticket) {
	thread_t *thread = begun;
	store_t *store = thread->store;
	const size_t n = (size_t)last - first + 1;
	char *error = NULL;
	for (size_t i = 0; i < n; i++) {
		thread->key_sizes[i] = put_key(ADDRESS, first + (uint32_t)i, NULL, thread->keys[i]);
		thread->key_list[i] = thread->keys[i];
	}
	(void)pthread_mutex_lock(&store->lock);
	const bool found = look_up(thread, ADDRESS, n);
	*ended = decide_expiry(thread, n, now);
	if (found && *ended > 0) {
		rocksdb_write(store->database, store->write, thread->batch, &error);
	}
	*ticket = atomic_load_explicit(&store->changes, memory_order_relaxed) + *ended;
	atomic_store_explicit(&store->changes, *ticket, memory_order_release);
	(void)pthread_mutex_unlock(&store->lock);
	return found && fine("a write", error);
}

/* ---- reads -------------------------------------------------------------------------------------------------------------- */

/* Records of the addresses that are being looked up; those without an answer are compared. */
static bool
compare_all(thread_t *thread, const bench_lease_t *leases, size_t n, bench_answer_t *answers) {
	const bool good = look_up(thread, ADDRESS, n);
	for (size_t i = 0; i < n; i++) {
		bench_record_t record;
		const bool found = good && copy_found(thread->found[ADDRESS][i], &record, sizeof(record));
		answers[i] = found ? bench_compare_record(&leases[i], &record) : BENCH_NOT_FOUND;
		forget(&thread->found[ADDRESS][i]);
	}
	return good;
}

static bool
get_address(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers) {
	thread_t *thread = begun;
	for (size_t i = 0; i < n; i++) {
		thread->key_sizes[i] = put_key(ADDRESS, leases[i].address, &leases[i], thread->keys[i]);
		thread->key_list[i] = thread->keys[i];
	}
	return compare_all(thread, leases, n, answers);
}

/* A client that has no lease is looked for at address 0, where there is none. */
static bool
get_client(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers) {
	thread_t *thread = begun;
	const bool good = look_up_leases(thread, CLIENT, leases, n);
	for (size_t i = 0; i < n; i++) {
		uint32_t address = 0;
		(void)copy_found(thread->found[CLIENT][i], &address, sizeof(address));
		forget(&thread->found[CLIENT][i]);
		thread->key_sizes[i] = put_key(ADDRESS, address, &leases[i], thread->keys[i]);
	}
	return good && compare_all(thread, leases, n, answers);
}

/* ---- durability --------------------------------------------------------------------------------------------------------- */

static uint64_t
durable(void *begun) {
	const thread_t *thread = begun;
	return atomic_load(&thread->store->synced);
}

static void
raise_to(_Atomic uint64_t *highest, uint64_t value) {
	uint64_t seen = atomic_load(highest);
	while (seen < value && !atomic_compare_exchange_weak(highest, &seen, value)) {
	}
}

static bool
wait_for(void *begun, uint64_t ticket) {
	const thread_t *thread = begun;
	store_t *store = thread->store;
	char *error = NULL;
	if (store->durability == BENCH_NONE || atomic_load(&store->synced) >= ticket) {
		return true;
	}
	const uint64_t written = atomic_load_explicit(&store->changes, memory_order_acquire);
	rocksdb_flush_wal(store->database, 1, &error);
	if (!fine("sync", error)) {
		return false;
	}
	raise_to(&store->synced, written);
	return true;
}

/* A checkpoint: a second database of hard links, with the memtables flushed into tables first. */
static bool
snapshot(void *opened) {
	store_t *store = opened;
	char path[4096];
	char *error = NULL;
	(void)snprintf(path, sizeof(path), "%s/checkpoint-%u", store->directory, store->snapshots++);
	rocksdb_checkpoint_t *checkpoint = rocksdb_checkpoint_object_create(store->database, &error);
	if (!fine("checkpoint", error)) {
		return false;
	}
	rocksdb_checkpoint_create(checkpoint, path, 0, &error);
	rocksdb_checkpoint_object_destroy(checkpoint);
	return fine("checkpoint", error);
}

const bench_store_class_t bench_rocksdb_store = {
	.name = "rocksdb",
	.has_log = true,
	.needs_directory = true,
	.settings = settings,
	.open = open_store,
	.close = close_store,
	.thread_begin = thread_begin,
	.thread_end = thread_end,
	.create = create,
	.get_address = get_address,
	.get_client = get_client,
	.renew = renew,
	.release = release,
	.expire = expire,
	.durable = durable,
	.wait = wait_for,
	.snapshot = snapshot,
};
