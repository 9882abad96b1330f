/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of bindings: read by every call, changed hardly ever.
 *
 * A slot points to the binding of one server string; slot 0 is the default. A binding is filled, published in its
 * slot, and constant from then on; to change it is to publish another one. What must not happen is that a binding is
 * filled anew, or its engine closed, while a call still uses the former content. A call therefore counts itself in
 * before it uses a binding:
 *
 *     call                                      lessor_dhcpsapi_bind()
 *     C1  load the slot: b                      W1  publish another binding, or none, in the slot
 *     C2  add one to a count of b               W2  wait until each count of the former binding has once been 0
 *     C3  load the slot again: still b?         W3  reuse the former binding, and return: its engine may be closed
 *         no: take the one off, start again
 *     C4  use b
 *     C5  take the one off
 *
 * C1 to C3, W1 and W2 are sequentially consistent. If C3 still finds b, C3 and so C2 come before W1 in their total
 * order; so W2 finds the count raised until C5, whose release its load acquires. If C3 does not find b, the call
 * never looks into b. What remains is that C2 may touch a binding that was retired since C1: hence bindings are never
 * freed, only used again, and their counts never reset. There are never more of them than were in use at one time.
 */
#include "dhcpsapi/binding.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <unistr.h>

#include "dhcpsapi/access.h"
#include "dhcpsapi/utf16.h"

#define LSR_SLOT_DEFAULT 0u

/* How often lessor_dhcpsapi_bind() looks whether the calls on a former binding have ended. */
#define LSR_DRAIN_POLL_NS 200000L

/* Written under the lock, read by every call. A slot at or above slots_used was never published. */
static _Atomic(lsr_binding_t *) slots[LESSOR_DHCPSAPI_BINDINGS_MAX];
static atomic_uint slots_used = 1;

/* Excludes changes of the table from each other. Held for moments only, never while waiting for calls. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static lsr_binding_t *known;  /* every binding there is; guarded by lock */
static lsr_binding_t *unused; /* those that nobody uses; guarded by lock */
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static atomic_uint threads_seen;
static _Thread_local unsigned shard_plus_one; /* 0: this thread has none yet */

/*
 * Calls.
 */

static unsigned
shard_of_thread(void) {
	if (shard_plus_one == 0) {
		const unsigned thread = atomic_fetch_add_explicit(&threads_seen, 1, memory_order_relaxed);
		shard_plus_one = thread % LSR_BINDING_SHARDS + 1;
	}
	return shard_plus_one - 1;
}

static lsr_binding_t *
pin(unsigned slot, unsigned shard) {
	for (;;) {
		lsr_binding_t *binding = atomic_load_explicit(&slots[slot], memory_order_seq_cst); /* C1 */
		if (binding == NULL) {
			return NULL;
		}
		(void)atomic_fetch_add_explicit(&binding->shards[shard].calls, 1, memory_order_seq_cst); /* C2 */
		if (atomic_load_explicit(&slots[slot], memory_order_seq_cst) == binding) {               /* C3 */
			return binding;
		}
		(void)atomic_fetch_sub_explicit(&binding->shards[shard].calls, 1, memory_order_seq_cst);
	}
}

static void
unpin(lsr_binding_t *binding, unsigned shard) {
	(void)atomic_fetch_sub_explicit(&binding->shards[shard].calls, 1, memory_order_release); /* C5 */
}

static lsr_binding_t *
pin_label(LPCWSTR label, unsigned shard) {
	const unsigned used = atomic_load_explicit(&slots_used, memory_order_acquire);
	for (unsigned slot = LSR_SLOT_DEFAULT + 1; slot < used; slot++) {
		lsr_binding_t *binding = pin(slot, shard);
		if (binding == NULL) {
			continue;
		}
		if (lsr_utf16_same_label(binding->label, label)) {
			return binding;
		}
		unpin(binding, shard);
	}
	return NULL;
}

static bool
means_default(LPCWSTR label) {
	return label == NULL || *label == 0;
}

lsr_binding_t *
lsr_binding_enter(LPCWSTR server) {
	const unsigned shard = shard_of_thread();
	lsr_binding_t *binding = means_default(server) ? NULL : pin_label(server, shard);
	return binding != NULL ? binding : pin(LSR_SLOT_DEFAULT, shard);
}

bool
lsr_binding_has_option(lsr_binding_t *binding, uint32_t option) {
	return (atomic_load_explicit(&binding->options, memory_order_relaxed) & option) != 0;
}

void
lsr_binding_leave(lsr_binding_t *binding) {
	unpin(binding, shard_of_thread());
}

/*
 * Changes.
 */

static void
lock_table(void) {
	(void)pthread_mutex_lock(&lock);
}

static void
unlock_table(void) {
	(void)pthread_mutex_unlock(&lock);
}

/* In a forked child no call is under way: those that were counted belong to threads that it does not have. */
static void
forget_calls_of_parent(void) {
	for (lsr_binding_t *binding = known; binding != NULL; binding = binding->next_known) {
		for (unsigned shard = 0; shard < LSR_BINDING_SHARDS; shard++) {
			atomic_store_explicit(&binding->shards[shard].calls, 0, memory_order_seq_cst);
		}
	}
	unlock_table();
}

static void
watch_forks(void) {
	(void)pthread_atfork(lock_table, unlock_table, forget_calls_of_parent);
}

/* A binding that nobody uses, or NULL. Call with: lock held. */
static lsr_binding_t *
take_unused(void) {
	lsr_binding_t *binding = unused;
	if (binding != NULL) {
		unused = binding->next_unused;
		return binding;
	}
	binding = aligned_alloc(alignof(lsr_binding_t), sizeof(*binding));
	if (binding != NULL) {
		memset(binding, 0, sizeof(*binding));
		for (unsigned shard = 0; shard < LSR_BINDING_SHARDS; shard++) {
			atomic_init(&binding->shards[shard].calls, 0);
		}
		binding->next_known = known;
		known = binding;
	}
	return binding;
}

/*
 * The slot of a label; if it has none, the first free one; LESSOR_DHCPSAPI_BINDINGS_MAX if all are taken.
 * Call with: lock held.
 */
static unsigned
find_slot(LPCWSTR label) {
	unsigned free_slot = LESSOR_DHCPSAPI_BINDINGS_MAX;
	if (means_default(label)) {
		return LSR_SLOT_DEFAULT;
	}
	for (unsigned slot = LESSOR_DHCPSAPI_BINDINGS_MAX - 1; slot > LSR_SLOT_DEFAULT; slot--) {
		const lsr_binding_t *binding = atomic_load_explicit(&slots[slot], memory_order_relaxed);
		if (binding == NULL) {
			free_slot = slot;
		} else if (lsr_utf16_same_label(binding->label, label)) {
			return slot;
		}
	}
	return free_slot;
}

static void
wait_for_calls(lsr_binding_t *binding) {
	for (unsigned shard = 0; shard < LSR_BINDING_SHARDS; shard++) {
		while (atomic_load_explicit(&binding->shards[shard].calls, memory_order_seq_cst) != 0) { /* W2 */
			(void)nanosleep(&(struct timespec){.tv_nsec = LSR_DRAIN_POLL_NS}, NULL);
		}
	}
}

/* Call with: lock not held; the binding no longer in any slot. */
static void
retire(lsr_binding_t *binding) {
	wait_for_calls(binding);
	lock_table();
	binding->next_unused = unused; /* W3 */
	unused = binding;
	unlock_table();
}

static lessor_status_t
unbind(LPCWSTR label) {
	lsr_binding_t *former = NULL;
	lock_table();
	const unsigned slot = find_slot(label);
	if (slot < LESSOR_DHCPSAPI_BINDINGS_MAX) {
		former = atomic_exchange_explicit(&slots[slot], NULL, memory_order_seq_cst); /* W1 */
	}
	unlock_table();
	if (former == NULL) {
		return LESSOR_NOT_FOUND;
	}
	retire(former);
	return LESSOR_OK;
}

/* What a new binding is filled from. */
typedef struct lsr_terms {
	lessor_engine_t *engine;
	lessor_access_t access;
	lessor_mode_t mode;
	uint32_t server_address;
	char server_name[LSR_SERVER_NAME_MAX_BYTES + 1];
} lsr_terms_t;

static void
fill(lsr_binding_t *binding, LPCWSTR label, const lsr_terms_t *terms) {
	binding->engine = terms->engine;
	binding->access = terms->access;
	binding->mode = terms->mode;
	binding->server_address = terms->server_address;
	memcpy(binding->server_name, terms->server_name, sizeof(binding->server_name));
	atomic_store_explicit(&binding->options, 0, memory_order_relaxed);
	binding->label[0] = 0;
	if (!means_default(label)) {
		(void)u16_strcpy(binding->label, label);
	}
}

/* Call with: lock held. */
static lessor_status_t
publish(LPCWSTR label, const lsr_terms_t *terms, lsr_binding_t **former) {
	const unsigned slot = find_slot(label);
	if (slot >= LESSOR_DHCPSAPI_BINDINGS_MAX) {
		return LESSOR_LIMIT;
	}
	lsr_binding_t *binding = take_unused();
	if (binding == NULL) {
		return LESSOR_NO_MEMORY;
	}
	fill(binding, label, terms);
	*former = atomic_exchange_explicit(&slots[slot], binding, memory_order_seq_cst); /* W1 */
	if (slot >= atomic_load_explicit(&slots_used, memory_order_relaxed)) {
		atomic_store_explicit(&slots_used, slot + 1, memory_order_release);
	}
	return LESSOR_OK;
}

static lessor_status_t
bind_engine(LPCWSTR label, lsr_terms_t *terms) {
	lsr_binding_t *former = NULL;
	lessor_status_t status = lsr_access_resolve(&terms->access);
	if (status == LESSOR_OK) {
		status = lessor_engine_server(terms->engine, terms->server_name, sizeof(terms->server_name),
					      &terms->server_address);
	}
	if (status != LESSOR_OK) {
		return status;
	}
	lock_table();
	status = publish(label, terms, &former);
	unlock_table();
	if (former != NULL) {
		retire(former);
	}
	return status;
}

static bool
is_access(lessor_access_t access) {
	return access == LESSOR_ACCESS_NONE || access == LESSOR_ACCESS_READ || access == LESSOR_ACCESS_READWRITE ||
	       access == LESSOR_ACCESS_BY_GROUP;
}

static bool
is_label(LPCWSTR label) {
	return label == NULL ||
	       u16_strnlen(label, LESSOR_DHCPSAPI_LABEL_MAX_UNITS + 1) <= LESSOR_DHCPSAPI_LABEL_MAX_UNITS;
}

lessor_status_t
lessor_dhcpsapi_bind(LPCWSTR ServerIpAddress, lessor_engine_t *engine, lessor_access_t access, lessor_mode_t mode) {
	(void)pthread_once(&fork_once, watch_forks);
	if (!is_label(ServerIpAddress)) {
		return LESSOR_INVALID;
	}
	if (engine == NULL) {
		return unbind(ServerIpAddress);
	}
	if (!is_access(access) || (mode != LESSOR_ASYNC && mode != LESSOR_SYNC)) {
		return LESSOR_INVALID;
	}
	lsr_terms_t terms = {.engine = engine, .access = access, .mode = mode};
	return bind_engine(ServerIpAddress, &terms);
}

lessor_status_t
lessor_dhcpsapi_set_options(LPCWSTR ServerIpAddress, uint32_t options) {
	static const uint32_t known_options = LESSOR_DHCPSAPI_NAP_REMOVED | LESSOR_DHCPSAPI_TAKEN_IS_EXISTS |
					      LESSOR_DHCPSAPI_RELAXED_RESUME | LESSOR_DHCPSAPI_RESERVED_UNIQUE_ID;
	lsr_binding_t *binding = NULL;
	if (!is_label(ServerIpAddress) || (options & ~known_options) != 0) {
		return LESSOR_INVALID;
	}
	lock_table();
	const unsigned slot = find_slot(ServerIpAddress);
	if (slot < LESSOR_DHCPSAPI_BINDINGS_MAX) {
		binding = atomic_load_explicit(&slots[slot], memory_order_relaxed);
	}
	if (binding != NULL) {
		atomic_store_explicit(&binding->options, options, memory_order_relaxed);
	}
	unlock_table();
	return binding != NULL ? LESSOR_OK : LESSOR_NOT_FOUND;
}
