/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Baseline lfht: two lock-free hash tables of liburcu, one by address and one by client, and one object per lease, which is in both. What one
 * builds in an afternoon with the best parts there are; no log.
 *
 * Settings: buckets for all leases from the beginning and no resizing; the flavour of RCU whose readers cost nothing (QSBR: each call announces a
 * quiescent state); objects from the process' allocator; removed ones are gathered by thousands and freed after one grace period for all.
 */
#define URCU_INLINE_SMALL_FUNCTIONS
#include <urcu/urcu-qsbr.h>

#include <urcu/rculfhash.h>

#include <stdlib.h>

#include "store.h"

#define RETIRED_MAX 4096u

typedef struct {
	struct cds_lfht_node by_address;
	struct cds_lfht_node by_client;
	bench_record_t record;
} object_t;

typedef struct {
	struct cds_lfht *by_address;
	struct cds_lfht *by_client;
} store_t;

typedef struct {
	store_t *store;
	unsigned retired;
	object_t *graves[RETIRED_MAX];
} thread_t;

static const char *
settings(const bench_config_t *config) {
	(void)config;
	return "two cds_lfht with a bucket per lease from the beginning, QSBR, one malloc per lease, no log";
}

static object_t *
by_address(struct cds_lfht_node *node) {
	return (object_t *)(void *)((char *)node - offsetof(object_t, by_address));
}

static object_t *
by_client(struct cds_lfht_node *node) {
	return (object_t *)(void *)((char *)node - offsetof(object_t, by_client));
}

static int
match_address(struct cds_lfht_node *node, const void *key) {
	const bench_lease_t *lease = key;
	return by_address(node)->record.address == lease->address;
}

static int
match_client(struct cds_lfht_node *node, const void *key) {
	const bench_lease_t *lease = key;
	const bench_record_t *record = &by_client(node)->record;
	return record->subnet == lease->subnet && memcmp(record->mac, lease->mac, BENCH_MAC_BYTES) == 0;
}

static unsigned long
hash_client(const bench_lease_t *lease) {
	return bench_client_hash(lease->subnet, lease->mac);
}

/* ---- open and close ----------------------------------------------------------------------------------------------------- */

static struct cds_lfht *
new_table(uint64_t buckets) {
	return cds_lfht_new_flavor(buckets, buckets, buckets, 0, &urcu_qsbr_flavor, NULL);
}

static void *
open_store(const bench_config_t *config) {
	uint64_t buckets = 1;
	while (buckets < config->space->slots) {
		buckets *= 2;
	}
	store_t *store = calloc(1, sizeof(*store));
	if (store != NULL) {
		store->by_address = new_table(buckets);
		store->by_client = new_table(buckets);
	}
	if (store == NULL || store->by_address == NULL || store->by_client == NULL) {
		(void)bench_fail("lfht: out of memory.");
		return NULL;
	}
	return store;
}

/*
 * Taking every lease out of both tables, as liburcu wants it before a table is destroyed, would take longer than most runs. There is one
 * store in a process and nothing comes after it, so the tables are left for the process' end.
 */
static store_t *volatile left_behind;

static bool
close_store(void *opened) {
	store_t *store = opened;
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;
	urcu_qsbr_register_thread();
	cds_lfht_first(store->by_address, &iter);
	while ((node = cds_lfht_iter_get_node(&iter)) != NULL) {
		cds_lfht_next(store->by_address, &iter);
		free(by_address(node));
	}
	urcu_qsbr_unregister_thread();
	left_behind = store;
	return true;
}

static void *
thread_begin(void *opened, uint64_t group, unsigned batch) {
	thread_t *thread = calloc(1, sizeof(*thread));
	(void)group;
	(void)batch;
	if (thread == NULL) {
		(void)bench_fail("lfht: out of memory.");
		return NULL;
	}
	thread->store = opened;
	urcu_qsbr_register_thread();
	return thread;
}

static void
bury(thread_t *thread) {
	urcu_qsbr_synchronize_rcu();
	for (unsigned i = 0; i < thread->retired; i++) {
		free(thread->graves[i]);
	}
	thread->retired = 0;
}

static void
thread_end(void *begun) {
	thread_t *thread = begun;
	bury(thread);
	urcu_qsbr_unregister_thread();
	free(thread);
}

/* ---- calls -------------------------------------------------------------------------------------------------------------- */

static object_t *
new_object(const bench_lease_t *lease) {
	object_t *object = malloc(sizeof(*object));
	if (object != NULL) {
		cds_lfht_node_init(&object->by_address);
		cds_lfht_node_init(&object->by_client);
		object->record = bench_record_of(lease);
	}
	return object;
}

static void
retire(thread_t *thread, object_t *object) {
	thread->graves[thread->retired++] = object;
	if (thread->retired == RETIRED_MAX) {
		bury(thread);
	}
}

static bool
create_one(thread_t *thread, const bench_lease_t *lease, bench_answer_t *answer) {
	store_t *store = thread->store;
	object_t *object = new_object(lease);
	if (object == NULL) {
		return bench_fail("lfht: out of memory.");
	}
	*answer = BENCH_OK;
	if (cds_lfht_add_unique(store->by_address, bench_mix(lease->address), match_address, lease,
				&object->by_address) != &object->by_address) {
		*answer = BENCH_ADDRESS_TAKEN;
		free(object);
	} else if (cds_lfht_add_unique(store->by_client, hash_client(lease), match_client, lease, &object->by_client) !=
		   &object->by_client) {
		*answer = BENCH_CLIENT_TAKEN;
		(void)cds_lfht_del(store->by_address, &object->by_address);
		retire(thread, object);
	}
	return true;
}

static bool
create(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket) {
	bool good = true;
	*ticket = 0;
	for (size_t i = 0; i < n && good; i++) {
		good = create_one(begun, &leases[i], &answers[i]);
	}
	urcu_qsbr_quiescent_state();
	return good;
}

static object_t *
find_address(const store_t *store, const bench_lease_t *lease) {
	struct cds_lfht_iter iter;
	cds_lfht_lookup(store->by_address, bench_mix(lease->address), match_address, lease, &iter);
	struct cds_lfht_node *node = cds_lfht_iter_get_node(&iter);
	return node != NULL ? by_address(node) : NULL;
}

static object_t *
find_client(const store_t *store, const bench_lease_t *lease) {
	struct cds_lfht_iter iter;
	cds_lfht_lookup(store->by_client, hash_client(lease), match_client, lease, &iter);
	struct cds_lfht_node *node = cds_lfht_iter_get_node(&iter);
	return node != NULL ? by_client(node) : NULL;
}

/* A caller gets a copy, because the object may go as soon as the call is over. */
static bench_answer_t
compare(const bench_lease_t *lease, const object_t *object) {
	if (object == NULL) {
		return BENCH_NOT_FOUND;
	}
	bench_record_t copy = object->record;
	copy.expires_at = __atomic_load_n(&object->record.expires_at, __ATOMIC_RELAXED);
	return bench_compare_record(lease, &copy);
}

static bool
get_address(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers) {
	const thread_t *thread = begun;
	for (size_t i = 0; i < n; i++) {
		answers[i] = compare(&leases[i], find_address(thread->store, &leases[i]));
	}
	urcu_qsbr_quiescent_state();
	return true;
}

static bool
get_client(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers) {
	const thread_t *thread = begun;
	for (size_t i = 0; i < n; i++) {
		answers[i] = compare(&leases[i], find_client(thread->store, &leases[i]));
	}
	urcu_qsbr_quiescent_state();
	return true;
}

static bool
is_of(const object_t *object, const bench_lease_t *lease) {
	return memcmp(object->record.mac, lease->mac, BENCH_MAC_BYTES) == 0;
}

static bool
renew(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket) {
	const thread_t *thread = begun;
	*ticket = 0;
	for (size_t i = 0; i < n; i++) {
		object_t *object = find_address(thread->store, &leases[i]);
		answers[i] = object == NULL ? BENCH_NOT_FOUND : is_of(object, &leases[i]) ? BENCH_OK : BENCH_WRONG;
		if (answers[i] == BENCH_OK) {
			__atomic_store_n(&object->record.expires_at, leases[i].expires_at, __ATOMIC_RELAXED);
		}
	}
	urcu_qsbr_quiescent_state();
	return true;
}

static bench_answer_t
release_one(thread_t *thread, const bench_lease_t *lease) {
	object_t *object = find_address(thread->store, lease);
	if (object == NULL) {
		return BENCH_NOT_FOUND;
	}
	if (!is_of(object, lease)) {
		return BENCH_WRONG;
	}
	/* Whoever takes it out of the second table owns it. */
	if (cds_lfht_del(thread->store->by_client, &object->by_client) != 0) {
		return BENCH_NOT_FOUND;
	}
	(void)cds_lfht_del(thread->store->by_address, &object->by_address);
	retire(thread, object);
	return BENCH_OK;
}

static bool
release(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket) {
	*ticket = 0;
	for (size_t i = 0; i < n; i++) {
		answers[i] = release_one(begun, &leases[i]);
	}
	urcu_qsbr_quiescent_state();
	return true;
}

static bool
expire(void *begun, uint32_t first, uint32_t last, uint64_t now, size_t *ended, uint64_t *ticket) {
	thread_t *thread = begun;
	*ended = 0;
	*ticket = 0;
	for (uint64_t address = first; address <= last; address++) {
		bench_lease_t lease = {.address = (uint32_t)address};
		const object_t *object = find_address(thread->store, &lease);
		if (object != NULL && __atomic_load_n(&object->record.expires_at, __ATOMIC_RELAXED) <= now) {
			memcpy(lease.mac, object->record.mac, BENCH_MAC_BYTES);
			*ended += release_one(thread, &lease) == BENCH_OK;
		}
	}
	urcu_qsbr_quiescent_state();
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

const bench_store_class_t bench_lfht_store = {
	.name = "lfht",
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
