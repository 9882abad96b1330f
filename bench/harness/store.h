/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a workload needs of a store, whichever it is. One class per store; lessor is one of them.
 *
 * All calls take n leases at a time, of one kind of operation, and answer each of them. They return false only when the world fails
 * (disk, memory, an error that no workload provokes); then they have said why on the standard error output.
 *
 * Durability. A change gives a ticket: a number that grows within a thread. wait() returns when everything up to a ticket of this
 * thread is durable, or committed where the run asks for no durability. A store that groups changes into
 * transactions opens one at a thread's first change and commits it in wait(), or by itself after 'group' changes.
 */
#ifndef BENCH_STORE_H
#define BENCH_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "options.h"
#include "space.h"

typedef enum bench_answer {
	BENCH_OK,
	BENCH_ADDRESS_TAKEN,
	BENCH_CLIENT_TAKEN,
	BENCH_NOT_FOUND,
	BENCH_SCOPE_FULL,
	BENCH_WRONG /* found, but it is not what was put in */
} bench_answer_t;

typedef struct bench_config {
	const bench_space_t *space;
	bench_durability_t durability;
	unsigned threads;
	const char *directory; /* empty at the first open; NULL: there is none */
	unsigned family;
	bool presize; /* say at open how many leases there will be */
	bool again;   /* it holds a store that an earlier open made */
} bench_config_t;

struct bench_store_class {
	const char *name;
	bool has_log;
	bool needs_directory; /* also without durability */
	/* One sentence: what was chosen for this store, for this run. */
	const char *(*settings)(const bench_config_t *config);
	void *(*open)(const bench_config_t *config); /* NULL: false */
	bool (*close)(void *store);

	/* In the thread that makes the calls; 'group' is how many changes may stay uncommitted. */
	void *(*thread_begin)(void *store, uint64_t group, unsigned batch); /* NULL: false */
	void (*thread_end)(void *thread);

	bool (*create)(void *thread, const bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket);
	/* BENCH_OK: address, MAC and name are those given, and so is the expiry unless that is 0. */
	bool (*get_address)(void *thread, const bench_lease_t *leases, size_t n, bench_answer_t *answers);
	bool (*get_client)(void *thread, const bench_lease_t *leases, size_t n, bench_answer_t *answers);
	/* Only if the lease is this client's. */
	bool (*renew)(void *thread, const bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket);
	bool (*release)(void *thread, const bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket);
	/* Sets the addresses. NULL: the harness keeps a map of free addresses for it. */
	bool (*allocate)(void *thread, bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket);

	/* End the leases at addresses from first to last, a batch at most, that expire at 'now' or before; how many there were. NULL: cannot. */
	bool (*expire)(void *thread, uint32_t first, uint32_t last, uint64_t now, size_t *ended, uint64_t *ticket);

	uint64_t (*durable)(void *thread);
	bool (*wait)(void *thread, uint64_t ticket);

	bool (*snapshot)(void *store);         /* while others change it; NULL: cannot */
	uint64_t (*memory_bytes)(void *store); /* NULL: it does not know */
};

/* All there are, NULL at the end; and the one that costs nothing. */
extern const bench_store_class_t *const bench_stores[];
extern const bench_store_class_t bench_null_store;

/* Those that this program was built with. */
extern const bench_store_class_t bench_lessor_store;
extern const bench_store_class_t bench_lfht_store;
extern const bench_store_class_t bench_mutex_store;
extern const bench_store_class_t bench_sqlite_store;
extern const bench_store_class_t bench_lmdb_store;
extern const bench_store_class_t bench_rocksdb_store;

/* NULL: there is none. *exists: a store of this name could be built. */
const bench_store_class_t *bench_store_find(const char *name, bool *exists);

/* "lessor-bench: <sentence>", on the standard error output. Returns false. */
bool bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Is what was found what was put in? */
static inline bench_answer_t
bench_compare(const bench_lease_t *lease, uint32_t address, const void *mac, const void *name, uint64_t expires_at) {
	const bool same = lease->address == address && memcmp(lease->mac, mac, BENCH_MAC_BYTES) == 0 &&
			  memcmp(lease->name, name, BENCH_NAME_BYTES) == 0 &&
			  (lease->expires_at == 0 || lease->expires_at == expires_at);
	return same ? BENCH_OK : BENCH_WRONG;
}

/* A lease as the peers keep it: what lessor keeps of the leases of a run. */
typedef struct bench_record {
	uint32_t address;
	uint32_t subnet;
	uint64_t expires_at;
	uint8_t mac[BENCH_MAC_BYTES];
	uint8_t state;
	uint8_t hardware_type;
	char name[BENCH_NAME_BYTES];
} bench_record_t;

static inline bench_record_t
bench_record_of(const bench_lease_t *lease) {
	bench_record_t record = {.address = lease->address,
				 .subnet = lease->subnet,
				 .expires_at = lease->expires_at,
				 .state = 1,
				 .hardware_type = 1};
	memcpy(record.mac, lease->mac, BENCH_MAC_BYTES);
	memcpy(record.name, lease->name, BENCH_NAME_BYTES);
	return record;
}

static inline bench_answer_t
bench_compare_record(const bench_lease_t *lease, const bench_record_t *record) {
	return bench_compare(lease, record->address, record->mac, record->name, record->expires_at);
}

/* The 48 bits of a MAC and its scope, mixed: a hash of a client. */
static inline uint64_t
bench_client_hash(uint32_t subnet, const uint8_t *mac) {
	uint64_t key = 0;
	memcpy(&key, mac, BENCH_MAC_BYTES);
	return bench_mix(key ^ (uint64_t)subnet << 32);
}

#endif
