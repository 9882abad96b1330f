/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/provisioner.h"

#define AHEAD_MAX_BYTES ((size_t)16 << 20)

bool
lsr_arena_init(lsr_arena_t *arena, size_t reserve_bytes) {
	*arena = (lsr_arena_t){0};
	reserve_bytes = lsr_round_up(reserve_bytes, LSR_ARENA_STEP_BYTES);
	arena->mapping_bytes = reserve_bytes + LSR_ARENA_STEP_BYTES;
	/* PROT_NONE: costs address space only, under every overcommit policy. */
	void *mapping = mmap(NULL, arena->mapping_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mapping == MAP_FAILED) {
		*arena = (lsr_arena_t){0};
		return false;
	}
	(void)madvise(mapping, arena->mapping_bytes, MADV_DONTDUMP);
	arena->mapping = mapping;
	arena->base = (unsigned char *)mapping +
		      (lsr_round_up((uintptr_t)mapping, LSR_ARENA_STEP_BYTES) - (uintptr_t)mapping);
	arena->reserved_bytes = reserve_bytes;
	atomic_init(&arena->committed_bytes, 0);
	(void)pthread_mutex_init(&arena->lock, NULL);
	return true;
}

void
lsr_arena_destroy(lsr_arena_t *arena) {
	if (arena->mapping == NULL) {
		return;
	}
	(void)munmap(arena->mapping, arena->mapping_bytes);
	(void)pthread_mutex_destroy(&arena->lock);
	*arena = (lsr_arena_t){0};
}

bool
lsr_budget_charge(lsr_budget_t *budget, uint64_t size_bytes) {
	uint64_t used = atomic_load_explicit(&budget->used_bytes, memory_order_relaxed);
	do {
		if (used > budget->limit_bytes || size_bytes > budget->limit_bytes - used) {
			return false;
		}
	} while (!atomic_compare_exchange_weak_explicit(&budget->used_bytes, &used, used + size_bytes,
							memory_order_relaxed, memory_order_relaxed));
	return true;
}

bool
lsr_arena_charge_to(lsr_arena_t *arena, lsr_budget_t *budget) {
	arena->budget = budget;
	return lsr_budget_charge(budget, atomic_load_explicit(&arena->committed_bytes, memory_order_relaxed));
}

static bool
commit(lsr_arena_t *arena, size_t from_bytes, size_t to_bytes) {
	unsigned char *from = arena->base + from_bytes;
	const size_t size_bytes = to_bytes - from_bytes;
	if (arena->budget != NULL && !lsr_budget_charge(arena->budget, size_bytes)) {
		return false;
	}
	if (mprotect(from, size_bytes, PROT_READ | PROT_WRITE) != 0) {
		if (arena->budget != NULL) {
			(void)atomic_fetch_sub_explicit(&arena->budget->used_bytes, size_bytes, memory_order_relaxed);
		}
		return false;
	}
	(void)madvise(from, size_bytes, MADV_HUGEPAGE);
	(void)madvise(from, size_bytes, MADV_DODUMP);
	return true;
}

static size_t
ahead_of(size_t size_bytes) {
	const size_t ahead = size_bytes / 32;
	return ahead < AHEAD_MAX_BYTES ? ahead : AHEAD_MAX_BYTES;
}

/* Commit up to 'needed', and *from becomes what was committed before. */
static bool
grow(lsr_arena_t *arena, size_t needed_bytes, size_t *from) {
	const size_t target = lsr_round_up(needed_bytes, LSR_ARENA_STEP_BYTES);
	if (needed_bytes > arena->reserved_bytes) {
		return false;
	}
	bool done = true;
	(void)pthread_mutex_lock(&arena->lock);
	const size_t committed = *from = atomic_load_explicit(&arena->committed_bytes, memory_order_relaxed);
	if (committed < target) {
		done = commit(arena, committed, target);
		if (done) {
			const bool more = arena->provisioner != NULL && target < arena->reserved_bytes;
			const size_t ahead = more ? ahead_of(target) : 0;
			atomic_store_explicit(&arena->committed_bytes, target, memory_order_release);
			atomic_store_explicit(&arena->comfortable_bytes, target - ahead, memory_order_release);
		}
	}
	(void)pthread_mutex_unlock(&arena->lock);
	return done;
}

static void
raise_wanted(lsr_arena_t *arena, size_t needed_bytes) {
	size_t wanted = atomic_load_explicit(&arena->wanted_bytes, memory_order_relaxed);
	while (wanted < needed_bytes &&
	       !atomic_compare_exchange_weak_explicit(&arena->wanted_bytes, &wanted, needed_bytes, memory_order_relaxed,
						      memory_order_relaxed)) {
	}
}

bool
lsr_arena_press(lsr_arena_t *arena, size_t needed_bytes) {
	size_t ignored;
	if (needed_bytes > atomic_load_explicit(&arena->committed_bytes, memory_order_acquire) &&
	    !grow(arena, needed_bytes, &ignored)) {
		return false;
	}
	if (arena->provisioner != NULL &&
	    needed_bytes > atomic_load_explicit(&arena->comfortable_bytes, memory_order_relaxed)) {
		raise_wanted(arena, needed_bytes);
		if (!atomic_load_explicit(&arena->asked, memory_order_relaxed) &&
		    !atomic_exchange_explicit(&arena->asked, true, memory_order_acq_rel)) {
			lsr_provisioner_ask(arena->provisioner);
		}
	}
	return true;
}

/*
 * Step by step, so that nobody who changes the address space waits for long. A kernel that does not know how leaves it to whoever comes first. False: there is
 * no memory.
 */
static bool
touch(lsr_arena_t *arena, size_t from_bytes, size_t to_bytes) {
	for (size_t at = from_bytes; at < to_bytes; at += LSR_ARENA_STEP_BYTES) {
		if (madvise(arena->base + at, LSR_ARENA_STEP_BYTES, MADV_POPULATE_WRITE) != 0 && errno == ENOMEM) {
			return false;
		}
	}
	return true;
}

bool
lsr_arena_touch(lsr_arena_t *arena, size_t size_bytes) {
	size_t ignored;
	return grow(arena, size_bytes, &ignored) && touch(arena, 0, lsr_round_up(size_bytes, LSR_ARENA_STEP_BYTES));
}

void
lsr_arena_look_after(lsr_arena_t *arena, lsr_provisioner_t *provisioner) {
	const size_t committed = atomic_load_explicit(&arena->committed_bytes, memory_order_relaxed);
	const size_t ahead = committed < arena->reserved_bytes ? ahead_of(committed) : 0;
	arena->provisioner = provisioner;
	atomic_store_explicit(&arena->comfortable_bytes, committed - ahead, memory_order_release);
}

void
lsr_arena_go_ahead(lsr_arena_t *arena) {
	if (!atomic_exchange_explicit(&arena->asked, false, memory_order_acq_rel)) {
		return;
	}
	const size_t wanted = atomic_load_explicit(&arena->wanted_bytes, memory_order_relaxed);
	const size_t most = lsr_min_u64(wanted + LSR_ARENA_STEP_BYTES + 2 * ahead_of(wanted), arena->reserved_bytes);
	size_t from = 0;
	/* Refused here is refused nobody: who needs it asks again, and says so. */
	if (grow(arena, most, &from)) {
		(void)touch(arena, from, lsr_round_up(most, LSR_ARENA_STEP_BYTES));
	}
}
