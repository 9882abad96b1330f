/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Baseline mutex: one lock around an array of records and two hash tables of their numbers, by address and by client. The simplest thing
 * that is right; no log.
 *
 * Settings: memory for all leases allocated and touched at open; open addressing with linear probing, half full at most; removal closes the
 * gap, so that nothing decays; the lock is taken once per call, whatever the batch.
 */
#include <pthread.h>
#include <stdlib.h>

#include "store.h"

typedef struct {
	pthread_mutex_t lock;
	bench_record_t *records; /* 1 to slots */
	uint32_t *by_address;    /* numbers of records; 0: empty */
	uint32_t *by_client;
	uint64_t mask;
	uint32_t unused; /* records from here on were never used */
	uint32_t freed;  /* a list through 'address' */
} store_t;

static const char *
settings(const bench_config_t *config) {
	(void)config;
	return "one mutex per call, a record array and two open-addressing tables at most half full, touched at "
	       "open, "
	       "no log";
}

static bool
close_store(void *opened) {
	store_t *store = opened;
	(void)pthread_mutex_destroy(&store->lock);
	free(store->records);
	free(store->by_address);
	free(store->by_client);
	free(store);
	return true;
}

/* calloc() would leave the first touch of each page to a create. */
static void *
new_zeros(size_t bytes) {
	void *memory = malloc(bytes);
	if (memory != NULL) {
		memset(memory, 0, bytes);
		__asm__ volatile("" : : "r"(memory) : "memory"); /* or the two become a calloc() */
	}
	return memory;
}

static void *
open_store(const bench_config_t *config) {
	store_t *store = calloc(1, sizeof(*store));
	uint64_t size = 2;
	while (size < (uint64_t)2 * config->space->slots) {
		size *= 2;
	}
	if (store == NULL) {
		(void)bench_fail("mutex: out of memory.");
		return NULL;
	}
	(void)pthread_mutex_init(&store->lock, NULL);
	store->mask = size - 1;
	store->unused = 1;
	store->records = new_zeros(((size_t)config->space->slots + 1) * sizeof(*store->records));
	store->by_address = new_zeros(size * sizeof(*store->by_address));
	store->by_client = new_zeros(size * sizeof(*store->by_client));
	if (store->records == NULL || store->by_address == NULL || store->by_client == NULL) {
		(void)close_store(store);
		(void)bench_fail("mutex: out of memory.");
		return NULL;
	}
	return store;
}

static void *
thread_begin(void *opened, uint64_t group, unsigned batch) {
	(void)group;
	(void)batch;
	return opened;
}

static void
thread_end(void *begun) {
	(void)begun;
}

/* ---- the tables --------------------------------------------------------------------------------------------------------- */

/* The place in by_address that holds this address, or is empty. */
static uint64_t
address_place(const store_t *store, uint32_t address) {
	uint64_t place = bench_mix(address) & store->mask;
	while (store->by_address[place] != 0 && store->records[store->by_address[place]].address != address) {
		place = (place + 1) & store->mask;
	}
	return place;
}

static bool
is_client(const bench_record_t *record, const bench_lease_t *lease) {
	return record->subnet == lease->subnet && memcmp(record->mac, lease->mac, BENCH_MAC_BYTES) == 0;
}

static uint64_t
client_place(const store_t *store, const bench_lease_t *lease) {
	uint64_t place = bench_client_hash(lease->subnet, lease->mac) & store->mask;
	while (store->by_client[place] != 0 && !is_client(&store->records[store->by_client[place]], lease)) {
		place = (place + 1) & store->mask;
	}
	return place;
}

static uint64_t
home_of(const store_t *store, const uint32_t *table, uint32_t number) {
	const bench_record_t *record = &store->records[number];
	return (table == store->by_address ? bench_mix(record->address)
					   : bench_client_hash(record->subnet, record->mac)) &
	       store->mask;
}

/* Take an entry away and move up what stands behind it only because of it. */
static void
clear(store_t *store, uint32_t *table, uint64_t gap) {
	for (uint64_t place = (gap + 1) & store->mask; table[place] != 0; place = (place + 1) & store->mask) {
		const uint64_t home = home_of(store, table, table[place]);
		if (((place - home) & store->mask) >= ((place - gap) & store->mask)) {
			table[gap] = table[place];
			gap = place;
		}
	}
	table[gap] = 0;
}

/* ---- calls -------------------------------------------------------------------------------------------------------------- */

static uint32_t
new_record(store_t *store) {
	uint32_t number = store->freed;
	if (number == 0) {
		return store->unused++;
	}
	store->freed = store->records[number].address;
	return number;
}

static bench_answer_t
create_one(store_t *store, const bench_lease_t *lease) {
	const uint64_t address = address_place(store, lease->address);
	if (store->by_address[address] != 0) {
		return BENCH_ADDRESS_TAKEN;
	}
	const uint64_t client = client_place(store, lease);
	if (store->by_client[client] != 0) {
		return BENCH_CLIENT_TAKEN;
	}
	const uint32_t number = new_record(store);
	store->records[number] = bench_record_of(lease);
	store->by_address[address] = number;
	store->by_client[client] = number;
	return BENCH_OK;
}

static bool
create(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket) {
	store_t *store = begun;
	*ticket = 0;
	(void)pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < n; i++) {
		answers[i] = create_one(store, &leases[i]);
	}
	(void)pthread_mutex_unlock(&store->lock);
	return true;
}

static bench_answer_t
compare(const store_t *store, uint32_t number, const bench_lease_t *lease) {
	return number == 0 ? BENCH_NOT_FOUND : bench_compare_record(lease, &store->records[number]);
}

static bool
get_address(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers) {
	store_t *store = begun;
	(void)pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < n; i++) {
		const uint64_t place = address_place(store, leases[i].address);
		answers[i] = compare(store, store->by_address[place], &leases[i]);
	}
	(void)pthread_mutex_unlock(&store->lock);
	return true;
}

static bool
get_client(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers) {
	store_t *store = begun;
	(void)pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < n; i++) {
		const uint64_t place = client_place(store, &leases[i]);
		answers[i] = compare(store, store->by_client[place], &leases[i]);
	}
	(void)pthread_mutex_unlock(&store->lock);
	return true;
}

static bench_answer_t
renew_one(store_t *store, const bench_lease_t *lease) {
	bench_record_t *record = &store->records[store->by_address[address_place(store, lease->address)]];
	if (record == store->records) {
		return BENCH_NOT_FOUND;
	}
	if (!is_client(record, lease)) {
		return BENCH_WRONG;
	}
	record->expires_at = lease->expires_at;
	return BENCH_OK;
}

static bool
renew(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket) {
	store_t *store = begun;
	*ticket = 0;
	(void)pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < n; i++) {
		answers[i] = renew_one(store, &leases[i]);
	}
	(void)pthread_mutex_unlock(&store->lock);
	return true;
}

static bench_answer_t
release_one(store_t *store, const bench_lease_t *lease) {
	const uint64_t address = address_place(store, lease->address);
	const uint32_t number = store->by_address[address];
	if (number == 0) {
		return BENCH_NOT_FOUND;
	}
	if (!is_client(&store->records[number], lease)) {
		return BENCH_WRONG;
	}
	clear(store, store->by_client, client_place(store, lease));
	clear(store, store->by_address, address);
	store->records[number].address = store->freed;
	store->freed = number;
	return BENCH_OK;
}

static bool
release(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket) {
	store_t *store = begun;
	*ticket = 0;
	(void)pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < n; i++) {
		answers[i] = release_one(store, &leases[i]);
	}
	(void)pthread_mutex_unlock(&store->lock);
	return true;
}

static bool
expire(void *begun, uint32_t first, uint32_t last, uint64_t now, size_t *ended, uint64_t *ticket) {
	store_t *store = begun;
	*ended = 0;
	*ticket = 0;
	(void)pthread_mutex_lock(&store->lock);
	for (uint64_t address = first; address <= last; address++) {
		const uint64_t place = address_place(store, (uint32_t)address);
		const bench_record_t *record = &store->records[store->by_address[place]];
		if (store->by_address[place] != 0 && record->expires_at <= now) {
			bench_lease_t lease = {.address = record->address, .subnet = record->subnet};
			memcpy(lease.mac, record->mac, BENCH_MAC_BYTES);
			*ended += release_one(store, &lease) == BENCH_OK;
		}
	}
	(void)pthread_mutex_unlock(&store->lock);
	return true;
}

static uint64_t
durable(void *begun) {
	(void)begun;
	return UINT64_MAX;
}

static bool
wait_for(void *begun, uint64_t ticket) {
	(void)begun;
	(void)ticket;
	return true;
}

const bench_store_class_t bench_mutex_store = {
	.name = "mutex",
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
