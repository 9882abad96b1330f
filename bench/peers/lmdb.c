/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peer lmdb: two databases of one environment, address to record and (subnet, client) to address.
 *
 * Settings. A thread's changes share one write transaction until it waits, or until there are --in-flight; LMDB has one writer at a time and ties
 * a transaction to its thread, so the others wait. A thread's reads use its write transaction if it has one, else one that
 * is renewed for each call. none and async: MDB_WRITEMAP, no syncs (async: one at the end). sync: write and fdatasync at every
 * commit, which is faster there than syncing a map. No read-ahead.
 */
#include <lmdb.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

#define BYTES_PER_LEASE                                                                                                \
	UINT64_C(1024) /* of address space, room for pages that are half full and for those of running transactions */
#define BYTES_LEAST (UINT64_C(1) << 30)

typedef struct {
	MDB_env *environment;
	MDB_dbi by_address;
	MDB_dbi by_client;
	bench_durability_t durability;
	const char *directory;
} store_t;

typedef struct {
	store_t *store;
	MDB_txn *writer; /* NULL: none */
	MDB_txn *reader; /* reset between calls */
	uint64_t group;
	uint64_t changes;
	uint64_t committed;
} thread_t;

typedef struct {
	uint32_t subnet;
	uint8_t mac[BENCH_MAC_BYTES];
} client_t;

#define CLIENT_BYTES (sizeof(uint32_t) + BENCH_MAC_BYTES)

static bool
refuse(const char *what, int code) {
	return bench_fail("lmdb: %s: %s.", what, mdb_strerror(code));
}

static const char *
settings(const bench_config_t *config) {
	switch (config->durability) {
	case BENCH_NONE:
		return "two databases, WRITEMAP, NOSYNC, transactions of --in-flight changes";
	case BENCH_ASYNC:
		return "two databases, WRITEMAP, NOSYNC and one sync at the end, transactions of --in-flight changes";
	default:
		return "two databases, write and fdatasync at each commit, transactions of --in-flight changes";
	}
}

/* ---- open and close ----------------------------------------------------------------------------------------------------- */

static int
open_environment(store_t *store, const bench_config_t *config) {
	const unsigned relaxed = config->durability != BENCH_SYNC ? MDB_WRITEMAP | MDB_NOSYNC | MDB_NOMETASYNC : 0;
	const uint64_t wanted = BYTES_PER_LEASE * config->space->slots;
	int code = mdb_env_create(&store->environment);
	code = code != 0 ? code : mdb_env_set_maxdbs(store->environment, 2);
	code = code != 0 ? code : mdb_env_set_maxreaders(store->environment, config->threads + 8);
	code = code != 0 ? code : mdb_env_set_mapsize(store->environment, wanted > BYTES_LEAST ? wanted : BYTES_LEAST);
	return code != 0
		       ? code
		       : mdb_env_open(store->environment, config->directory, relaxed | MDB_NORDAHEAD | MDB_NOTLS, 0600);
}

static int
open_databases(store_t *store) {
	MDB_txn *transaction;
	int code = mdb_txn_begin(store->environment, NULL, 0, &transaction);
	if (code != 0) {
		return code;
	}
	code = mdb_dbi_open(transaction, "address", MDB_CREATE | MDB_INTEGERKEY, &store->by_address);
	code = code != 0 ? code : mdb_dbi_open(transaction, "client", MDB_CREATE, &store->by_client);
	if (code != 0) {
		mdb_txn_abort(transaction);
		return code;
	}
	return mdb_txn_commit(transaction);
}

static void *
open_store(const bench_config_t *config) {
	store_t *store = calloc(1, sizeof(*store));
	if (store == NULL) {
		(void)bench_fail("lmdb: out of memory.");
		return NULL;
	}
	store->durability = config->durability;
	store->directory = config->directory;
	int code = open_environment(store, config);
	code = code != 0 ? code : open_databases(store);
	if (code != 0) {
		(void)refuse("open", code);
		mdb_env_close(store->environment);
		free(store);
		return NULL;
	}
	return store;
}

static bool
close_store(void *opened) {
	store_t *store = opened;
	mdb_env_close(store->environment);
	free(store);
	return true;
}

static void *
thread_begin(void *opened, uint64_t group, unsigned batch) {
	store_t *store = opened;
	thread_t *thread = calloc(1, sizeof(*thread));
	(void)batch;
	const int code = thread != NULL ? mdb_txn_begin(store->environment, NULL, MDB_RDONLY, &thread->reader) : ENOMEM;
	if (code != 0) {
		(void)refuse("begin a thread", code);
		free(thread);
		return NULL;
	}
	mdb_txn_reset(thread->reader);
	thread->store = store;
	thread->group = group;
	return thread;
}

static void
thread_end(void *begun) {
	thread_t *thread = begun;
	if (thread->writer != NULL) {
		mdb_txn_abort(thread->writer); /* only after a failure: else it has been waited for */
	}
	mdb_txn_abort(thread->reader);
	free(thread);
}

/* ---- transactions ------------------------------------------------------------------------------------------------------- */

static int
commit(thread_t *thread) {
	int code = 0;
	if (thread->writer != NULL) {
		code = mdb_txn_commit(thread->writer);
		thread->writer = NULL;
	}
	thread->committed = code == 0 ? thread->changes : thread->committed;
	return code;
}

static int
finish(thread_t *thread, size_t n, uint64_t *ticket) {
	thread->changes += n;
	*ticket = thread->changes;
	return thread->changes - thread->committed < thread->group ? 0 : commit(thread);
}

static uint64_t
durable(void *begun) {
	const thread_t *thread = begun;
	return thread->committed;
}

static bool
wait_for(void *begun, uint64_t ticket) {
	thread_t *thread = begun;
	int code = thread->committed < ticket ? commit(thread) : 0;
	if (code == 0 && thread->store->durability == BENCH_ASYNC) {
		code = mdb_env_sync(thread->store->environment, 1);
	}
	return code == 0 || refuse("commit", code);
}

/* ---- one lease ---------------------------------------------------------------------------------------------------------- */

static MDB_val
address_key(const bench_lease_t *lease, unsigned *room) {
	*room = lease->address;
	return (MDB_val){.mv_size = sizeof(*room), .mv_data = room};
}

static MDB_val
client_key(const bench_lease_t *lease, client_t *room) {
	room->subnet = lease->subnet;
	memcpy(room->mac, lease->mac, BENCH_MAC_BYTES);
	return (MDB_val){.mv_size = CLIENT_BYTES, .mv_data = room};
}

static int
create_one(thread_t *thread, const bench_lease_t *lease, bench_answer_t *answer) {
	client_t client;
	unsigned number;
	bench_record_t record = bench_record_of(lease);
	MDB_val key = address_key(lease, &number);
	MDB_val value = {.mv_size = sizeof(record), .mv_data = &record};
	int code = mdb_put(thread->writer, thread->store->by_address, &key, &value, MDB_NOOVERWRITE);
	if (code != 0) {
		*answer = BENCH_ADDRESS_TAKEN;
		return code == MDB_KEYEXIST ? 0 : code;
	}
	MDB_val second = client_key(lease, &client);
	value = (MDB_val){.mv_size = sizeof(number), .mv_data = &number};
	code = mdb_put(thread->writer, thread->store->by_client, &second, &value, MDB_NOOVERWRITE);
	*answer = BENCH_OK;
	if (code == MDB_KEYEXIST) {
		*answer = BENCH_CLIENT_TAKEN;
		code = mdb_del(thread->writer, thread->store->by_address, &key, NULL);
	}
	return code;
}

/* A copy of the record of an address. */
static int
find(MDB_txn *transaction, const store_t *store, unsigned address, bench_record_t *record, bench_answer_t *answer) {
	MDB_val key = {.mv_size = sizeof(address), .mv_data = &address};
	MDB_val value;
	const int code = mdb_get(transaction, store->by_address, &key, &value);
	*answer = code == 0 && value.mv_size == sizeof(*record) ? BENCH_OK : BENCH_NOT_FOUND;
	if (*answer == BENCH_OK) {
		memcpy(record, value.mv_data, sizeof(*record));
	}
	return code == MDB_NOTFOUND ? 0 : code;
}

/* As find(), and it must be this client's. */
static int
find_own(const thread_t *thread, const bench_lease_t *lease, bench_record_t *record, bench_answer_t *answer) {
	const int code = find(thread->writer, thread->store, lease->address, record, answer);
	if (code == 0 && *answer == BENCH_OK && memcmp(record->mac, lease->mac, BENCH_MAC_BYTES) != 0) {
		*answer = BENCH_WRONG;
	}
	return code;
}

static int
renew_one(thread_t *thread, const bench_lease_t *lease, bench_answer_t *answer) {
	bench_record_t record;
	unsigned number;
	const int code = find_own(thread, lease, &record, answer);
	if (code != 0 || *answer != BENCH_OK) {
		return code;
	}
	record.expires_at = lease->expires_at;
	MDB_val key = address_key(lease, &number);
	MDB_val value = {.mv_size = sizeof(record), .mv_data = &record};
	return mdb_put(thread->writer, thread->store->by_address, &key, &value, 0);
}

static int
release_one(thread_t *thread, const bench_lease_t *lease, bench_answer_t *answer) {
	bench_record_t record;
	unsigned number;
	client_t client;
	int code = find_own(thread, lease, &record, answer);
	if (code != 0 || *answer != BENCH_OK) {
		return code;
	}
	MDB_val key = address_key(lease, &number);
	code = mdb_del(thread->writer, thread->store->by_address, &key, NULL);
	key = client_key(lease, &client);
	return code != 0 ? code : mdb_del(thread->writer, thread->store->by_client, &key, NULL);
}

static int
get_one(MDB_txn *transaction, const store_t *store, const bench_lease_t *lease, bool by_client,
	bench_answer_t *answer) {
	bench_record_t record;
	client_t client;
	unsigned address = lease->address;
	if (by_client) {
		MDB_val key = client_key(lease, &client);
		MDB_val value;
		const int code = mdb_get(transaction, store->by_client, &key, &value);
		if (code != 0 || value.mv_size != sizeof(address)) {
			*answer = BENCH_NOT_FOUND;
			return code == MDB_NOTFOUND ? 0 : code;
		}
		memcpy(&address, value.mv_data, sizeof(address));
	}
	const int code = find(transaction, store, address, &record, answer);
	if (code == 0 && *answer == BENCH_OK) {
		*answer = bench_compare_record(lease, &record);
	}
	return code;
}

/* ---- calls -------------------------------------------------------------------------------------------------------------- */

static bool
change(thread_t *thread, int (*one)(thread_t *, const bench_lease_t *, bench_answer_t *), const bench_lease_t *leases,
       size_t n, bench_answer_t *answers, uint64_t *ticket) {
	int code = thread->writer == NULL ? mdb_txn_begin(thread->store->environment, NULL, 0, &thread->writer) : 0;
	for (size_t i = 0; i < n && code == 0; i++) {
		code = one(thread, &leases[i], &answers[i]);
	}
	code = code != 0 ? code : finish(thread, n, ticket);
	return code == 0 || refuse("a change", code);
}

static bool
create(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket) {
	return change(begun, create_one, leases, n, answers, ticket);
}

static bool
renew(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket) {
	return change(begun, renew_one, leases, n, answers, ticket);
}

static bool
release(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket) {
	return change(begun, release_one, leases, n, answers, ticket);
}

/* The record under the cursor: end it if it is time. */
static int
expire_one(thread_t *thread, MDB_cursor *cursor, const MDB_val *value, uint64_t now, size_t *ended) {
	bench_record_t record;
	client_t client;
	bench_lease_t lease;
	memcpy(&record, value->mv_data, sizeof(record));
	if (record.expires_at > now) {
		return 0;
	}
	lease.subnet = record.subnet;
	memcpy(lease.mac, record.mac, BENCH_MAC_BYTES);
	MDB_val key = client_key(&lease, &client);
	const int code = mdb_del(thread->writer, thread->store->by_client, &key, NULL);
	++*ended;
	return code != 0 ? code : mdb_cursor_del(cursor, 0);
}

static int
expire_range(thread_t *thread, MDB_cursor *cursor, uint32_t first, uint32_t last, uint64_t now, size_t *ended) {
	unsigned address = first;
	MDB_val key = {.mv_size = sizeof(address), .mv_data = &address};
	MDB_val value;
	int code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	while (code == 0) {
		memcpy(&address, key.mv_data, sizeof(address));
		if (address > last) {
			return 0;
		}
		code = expire_one(thread, cursor, &value, now, ended);
		code = code != 0 ? code : mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	return code == MDB_NOTFOUND ? 0 : code;
}

static bool
expire(void *begun, uint32_t first, uint32_t last, uint64_t now, size_t *ended, uint64_t *ticket) {
	thread_t *thread = begun;
	MDB_cursor *cursor = NULL;
	int code = thread->writer == NULL ? mdb_txn_begin(thread->store->environment, NULL, 0, &thread->writer) : 0;
	*ended = 0;
	code = code != 0 ? code : mdb_cursor_open(thread->writer, thread->store->by_address, &cursor);
	if (code == 0) {
		code = expire_range(thread, cursor, first, last, now, ended);
		mdb_cursor_close(cursor);
	}
	code = code != 0 ? code : finish(thread, *ended, ticket);
	return code == 0 || refuse("expiry", code);
}

static bool
get(thread_t *thread, const bench_lease_t *leases, size_t n, bool by_client, bench_answer_t *answers) {
	MDB_txn *transaction = thread->writer != NULL ? thread->writer : thread->reader;
	int code = transaction == thread->reader ? mdb_txn_renew(transaction) : 0;
	if (code != 0) {
		return refuse("a read", code);
	}
	for (size_t i = 0; i < n && code == 0; i++) {
		code = get_one(transaction, thread->store, &leases[i], by_client, &answers[i]);
	}
	if (transaction == thread->reader) {
		mdb_txn_reset(transaction);
	}
	return code == 0 || refuse("a read", code);
}

static bool
get_address(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers) {
	return get(begun, leases, n, false, answers);
}

static bool
get_client(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers) {
	return get(begun, leases, n, true, answers);
}

const bench_store_class_t bench_lmdb_store = {
	.name = "lmdb",
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
};
