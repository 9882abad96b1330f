/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peer sqlite: one table without rowid, keyed by address, and a unique index over (subnet, client).
 *
 * Settings. Changes go through one connection of all threads, behind a mutex: SQLite has one writer at a time anyway, and so the changes of all threads
 * share a transaction and its flush. Without durability the database is in memory and reads use that connection too. On disk: journal in WAL
 * mode, synchronous NORMAL (async) or FULL (sync); every thread reads through a connection of its own, from mapped memory. Statements are prepared
 * once; many reads of one call are one transaction.
 */
#include <sqlite3.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store.h"

enum { BEGIN, COMMIT, INSERT, BY_ADDRESS, BY_CLIENT, RENEW, RELEASE, EXPIRE, STATEMENTS };

static const char *const texts[STATEMENTS] = {
	[BEGIN] = "BEGIN",
	[COMMIT] = "COMMIT",
	[INSERT] = "INSERT INTO lease VALUES (?1, ?2, ?3, 1, ?3, ?4, ?5, 1)",
	[BY_ADDRESS] = "SELECT address, client, name, expires FROM lease WHERE address = ?1",
	[BY_CLIENT] = "SELECT address, client, name, expires FROM lease WHERE subnet = ?2 AND client = ?3",
	[RENEW] = "UPDATE lease SET expires = ?5 WHERE address = ?1 AND client = ?3",
	[EXPIRE] = "DELETE FROM lease WHERE address BETWEEN ?1 AND ?2 AND expires <= ?5",
	[RELEASE] = "DELETE FROM lease WHERE address = ?1 AND client = ?3",
};

typedef struct {
	sqlite3 *database;
	sqlite3_stmt *statements[STATEMENTS];
} connection_t;

typedef struct {
	char path[4096]; /* "": in memory */
	bench_durability_t durability;
	unsigned threads;
	pthread_mutex_t lock; /* the writer and what follows */
	connection_t writer;
	bool in_transaction;
	uint64_t group;
	uint64_t changes;
	uint64_t begun_at; /* changes, when the transaction began */
	_Atomic uint64_t committed;
} store_t;

typedef struct {
	store_t *store;
	connection_t *reader; /* the store's writer, or 'own' */
	connection_t own;
} thread_t;

static bool
refuse(sqlite3 *database, const char *what) {
	return bench_fail("sqlite: %s: %s.", what, sqlite3_errmsg(database));
}

static const char *
settings(const bench_config_t *config) {
	switch (config->durability) {
	case BENCH_NONE:
		return "in memory, one connection behind a mutex, WITHOUT ROWID, unique index, prepared statements, "
		       "transactions of --in-flight changes";
	case BENCH_ASYNC:
		return "WAL, synchronous=NORMAL and one sync of the WAL at the end, one writing connection, one "
		       "reading "
		       "per thread, mmap, WITHOUT ROWID, unique index, prepared statements, transactions of "
		       "--in-flight changes per thread";
	default:
		return "WAL, synchronous=FULL, one writing connection, one reading per thread, mmap, WITHOUT ROWID, "
		       "unique index, prepared statements, transactions of --in-flight changes per thread";
	}
}

/* ---- connections -------------------------------------------------------------------------------------------------------- */

static bool
execute(connection_t *connection, const char *text) {
	return sqlite3_exec(connection->database, text, NULL, NULL, NULL) == SQLITE_OK ||
	       refuse(connection->database, text);
}

static void
disconnect(connection_t *connection) {
	for (unsigned i = 0; i < STATEMENTS; i++) {
		(void)sqlite3_finalize(connection->statements[i]);
	}
	(void)sqlite3_close(connection->database);
	*connection = (connection_t){0};
}

static bool
prepare(connection_t *connection) {
	for (unsigned i = 0; i < STATEMENTS; i++) {
		if (sqlite3_prepare_v3(connection->database, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &connection->statements[i], NULL) != SQLITE_OK) {
			return refuse(connection->database, texts[i]);
		}
	}
	return true;
}

static bool
make_table(connection_t *connection) {
	return execute(connection,
		       "CREATE TABLE IF NOT EXISTS lease (address INTEGER PRIMARY KEY, subnet INTEGER NOT NULL, "
		       "client BLOB NOT NULL, hardware_type INTEGER, hardware BLOB, name TEXT, "
		       "expires INTEGER, state INTEGER) WITHOUT ROWID") &&
	       execute(connection, "CREATE UNIQUE INDEX IF NOT EXISTS lease_client ON lease (subnet, client)");
}

static bool
configure(connection_t *connection, bench_durability_t durability) {
	/* First of all: another thread may be opening the same file. */
	return execute(connection, "PRAGMA busy_timeout = 60000") &&
	       execute(connection, "PRAGMA cache_size = -2097152") &&
	       execute(connection, "PRAGMA temp_store = MEMORY") &&
	       (durability == BENCH_NONE
			? execute(connection, "PRAGMA journal_mode = MEMORY") &&
				  execute(connection, "PRAGMA synchronous = OFF")
			: execute(connection, "PRAGMA mmap_size = 68719476736") &&
				  execute(connection, "PRAGMA journal_mode = WAL") &&
				  execute(connection, durability == BENCH_SYNC ? "PRAGMA synchronous = FULL"
									       : "PRAGMA synchronous = NORMAL"));
}

static bool
join(connection_t *connection, const store_t *store, bool first) {
	const char *path = store->path[0] != '\0' ? store->path : ":memory:";
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	const bool good = sqlite3_open_v2(path, &connection->database, flags, NULL) == SQLITE_OK
				  ? configure(connection, store->durability) && (!first || make_table(connection)) &&
					    prepare(connection)
				  : refuse(connection->database, "open");
	if (!good) {
		disconnect(connection);
	}
	return good;
}

static void *
open_store(const bench_config_t *config) {
	store_t *store = calloc(1, sizeof(*store));
	if (store == NULL) {
		(void)bench_fail("sqlite: out of memory.");
		return NULL;
	}
	store->durability = config->durability;
	store->threads = config->threads;
	(void)pthread_mutex_init(&store->lock, NULL);
	if (config->durability != BENCH_NONE) {
		(void)snprintf(store->path, sizeof(store->path), "%s/leases.sqlite", config->directory);
	}
	if (!join(&store->writer, store, true)) {
		free(store);
		return NULL;
	}
	/* What a restart finds is the log that was there, not the result of a last checkpoint. */
	(void)sqlite3_db_config(store->writer.database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return store;
}

static bool
close_store(void *opened) {
	store_t *store = opened;
	disconnect(&store->writer);
	(void)pthread_mutex_destroy(&store->lock);
	free(store);
	return true;
}

static void *
thread_begin(void *opened, uint64_t group, unsigned batch) {
	store_t *store = opened;
	thread_t *thread = calloc(1, sizeof(*thread));
	(void)batch;
	if (thread == NULL) {
		(void)bench_fail("sqlite: out of memory.");
		return NULL;
	}
	thread->store = store;
	(void)pthread_mutex_lock(&store->lock);
	store->group = group * store->threads;
	(void)pthread_mutex_unlock(&store->lock);
	thread->reader = store->durability == BENCH_NONE ? &store->writer : &thread->own;
	if (thread->reader == &thread->own && !join(&thread->own, store, false)) {
		free(thread);
		return NULL;
	}
	return thread;
}

static void
thread_end(void *begun) {
	thread_t *thread = begun;
	if (thread->reader == &thread->own) {
		disconnect(&thread->own);
	}
	free(thread);
}

/* ---- transactions, under the lock --------------------------------------------------------------------------------------- */

static bool
step(connection_t *connection, unsigned which) {
	sqlite3_stmt *statement = connection->statements[which];
	const bool good = sqlite3_step(statement) == SQLITE_DONE || refuse(connection->database, texts[which]);
	(void)sqlite3_reset(statement);
	return good;
}

static bool
begin(store_t *store) {
	if (!store->in_transaction) {
		store->in_transaction = step(&store->writer, BEGIN);
		store->begun_at = store->changes;
	}
	return store->in_transaction;
}

static bool
commit(store_t *store) {
	if (store->in_transaction && !step(&store->writer, COMMIT)) {
		return false;
	}
	store->in_transaction = false;
	atomic_store(&store->committed, store->changes);
	return true;
}

/* After n changes: their ticket. */
static bool
finish(store_t *store, size_t n, uint64_t *ticket) {
	store->changes += n;
	*ticket = store->changes;
	return store->changes - store->begun_at < store->group || commit(store);
}

/* ---- calls -------------------------------------------------------------------------------------------------------------- */

static void
bind(sqlite3_stmt *statement, unsigned which, const bench_lease_t *lease) {
	if (which != BY_CLIENT) {
		(void)sqlite3_bind_int64(statement, 1, lease->address);
	}
	if (which == INSERT || which == BY_CLIENT) {
		(void)sqlite3_bind_int64(statement, 2, lease->subnet);
	}
	if (which != BY_ADDRESS) {
		(void)sqlite3_bind_blob(statement, 3, lease->mac, (int)BENCH_MAC_BYTES, SQLITE_STATIC);
	}
	if (which == INSERT) {
		(void)sqlite3_bind_text(statement, 4, lease->name, (int)BENCH_NAME_BYTES, SQLITE_STATIC);
	}
	if (which == INSERT || which == RENEW) {
		(void)sqlite3_bind_int64(statement, 5, (sqlite3_int64)lease->expires_at);
	}
}

static bool
change_one(store_t *store, unsigned which, const bench_lease_t *lease, bench_answer_t *answer) {
	sqlite3 *database = store->writer.database;
	sqlite3_stmt *statement = store->writer.statements[which];
	bind(statement, which, lease);
	const int code = sqlite3_step(statement);
	bool good = true;
	if (code == SQLITE_DONE) {
		*answer = sqlite3_changes(database) == 1 ? BENCH_OK : BENCH_NOT_FOUND;
	} else if (code == SQLITE_CONSTRAINT) {
		const bool address = sqlite3_extended_errcode(database) == SQLITE_CONSTRAINT_PRIMARYKEY;
		*answer = address ? BENCH_ADDRESS_TAKEN : BENCH_CLIENT_TAKEN;
	} else {
		good = refuse(database, texts[which]);
	}
	(void)sqlite3_reset(statement);
	return good;
}

static bool
change(void *begun, unsigned which, const bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket) {
	const thread_t *thread = begun;
	store_t *store = thread->store;
	(void)pthread_mutex_lock(&store->lock);
	bool good = begin(store);
	for (size_t i = 0; i < n && good; i++) {
		good = change_one(store, which, &leases[i], &answers[i]);
	}
	good = good && finish(store, n, ticket);
	(void)pthread_mutex_unlock(&store->lock);
	return good;
}

static bool
create(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket) {
	return change(begun, INSERT, leases, n, answers, ticket);
}

static bool
renew(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket) {
	return change(begun, RENEW, leases, n, answers, ticket);
}

static bool
release(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket) {
	return change(begun, RELEASE, leases, n, answers, ticket);
}

/* By the primary key: an index of times would have to be kept by every renewal. */
static bool
expire(void *begun, uint32_t first, uint32_t last, uint64_t now, size_t *ended, uint64_t *ticket) {
	const thread_t *thread = begun;
	store_t *store = thread->store;
	(void)pthread_mutex_lock(&store->lock);
	sqlite3_stmt *statement = store->writer.statements[EXPIRE];
	(void)sqlite3_bind_int64(statement, 1, first);
	(void)sqlite3_bind_int64(statement, 2, last);
	(void)sqlite3_bind_int64(statement, 5, (sqlite3_int64)now);
	bool good = begin(store) && step(&store->writer, EXPIRE);
	*ended = good ? (size_t)sqlite3_changes(store->writer.database) : 0;
	good = good && finish(store, *ended, ticket);
	(void)pthread_mutex_unlock(&store->lock);
	return good;
}

static bench_answer_t
compare_row(sqlite3_stmt *statement, const bench_lease_t *lease) {
	const void *mac = sqlite3_column_blob(statement, 1);
	const void *name = sqlite3_column_text(statement, 2);
	const bool shaped = mac != NULL && name != NULL && sqlite3_column_bytes(statement, 1) == BENCH_MAC_BYTES &&
			    sqlite3_column_bytes(statement, 2) == BENCH_NAME_BYTES;
	return shaped ? bench_compare(lease, (uint32_t)sqlite3_column_int64(statement, 0), mac, name,
				      (uint64_t)sqlite3_column_int64(statement, 3))
		      : BENCH_WRONG;
}

static bool
read_one(connection_t *reader, unsigned which, const bench_lease_t *lease, bench_answer_t *answer) {
	sqlite3_stmt *statement = reader->statements[which];
	bind(statement, which, lease);
	const int code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		*answer = compare_row(statement, lease);
	} else if (code == SQLITE_DONE) {
		*answer = BENCH_NOT_FOUND;
	}
	const bool good = code == SQLITE_ROW || code == SQLITE_DONE || refuse(reader->database, texts[which]);
	(void)sqlite3_reset(statement);
	return good;
}

static bool
read_all(connection_t *reader, unsigned which, const bench_lease_t *leases, size_t n, bench_answer_t *answers) {
	bool good = true;
	for (size_t i = 0; i < n && good; i++) {
		good = read_one(reader, which, &leases[i], &answers[i]);
	}
	return good;
}

static bool
get(void *begun, unsigned which, const bench_lease_t *leases, size_t n, bench_answer_t *answers) {
	const thread_t *thread = begun;
	store_t *store = thread->store;
	if (thread->reader == &thread->own) {
		const bool several = n > 1;
		return (!several || step(thread->reader, BEGIN)) &&
		       read_all(thread->reader, which, leases, n, answers) &&
		       (!several || step(thread->reader, COMMIT));
	}
	(void)pthread_mutex_lock(&store->lock);
	const bool good = read_all(thread->reader, which, leases, n, answers);
	(void)pthread_mutex_unlock(&store->lock);
	return good;
}

static bool
get_address(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers) {
	return get(begun, BY_ADDRESS, leases, n, answers);
}

static bool
get_client(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers) {
	return get(begun, BY_CLIENT, leases, n, answers);
}

/* ---- durability --------------------------------------------------------------------------------------------------------- */

static uint64_t
durable(void *begun) {
	const thread_t *thread = begun;
	return atomic_load(&thread->store->committed);
}

/* With synchronous=NORMAL a commit reaches the WAL file, but not necessarily the disk. */
static bool
sync_wal(const store_t *store) {
	char path[4200];
	(void)snprintf(path, sizeof(path), "%s-wal", store->path);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const bool good = fd >= 0 ? fdatasync(fd) == 0 : errno == ENOENT;
	const int error = errno;
	if (fd >= 0) {
		(void)close(fd);
	}
	return good || bench_fail("sqlite: %s: %s.", path, strerror(error));
}

static bool
wait_for(void *begun, uint64_t ticket) {
	const thread_t *thread = begun;
	store_t *store = thread->store;
	(void)pthread_mutex_lock(&store->lock);
	const bool good = atomic_load(&store->committed) >= ticket || commit(store);
	(void)pthread_mutex_unlock(&store->lock);
	return good && (store->durability != BENCH_ASYNC || sync_wal(store));
}

/* The database holds everything, and the log is empty. */
static bool
snapshot(void *opened) {
	store_t *store = opened;
	(void)pthread_mutex_lock(&store->lock);
	const bool good = commit(store);
	(void)pthread_mutex_unlock(&store->lock);
	connection_t own = {0};
	if (!good || !join(&own, store, false)) {
		return false;
	}
	const bool done = execute(&own, "PRAGMA wal_checkpoint(FULL)");
	disconnect(&own);
	return done;
}

const bench_store_class_t bench_sqlite_store = {
	.name = "sqlite",
	.has_log = true,
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
