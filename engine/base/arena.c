/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <sys/mman.h>

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

static bool
commit(lsr_arena_t *arena, size_t from_bytes, size_t to_bytes) {
	unsigned char *from = arena->base + from_bytes;
	const size_t size_bytes = to_bytes - from_bytes;
	if (mprotect(from, size_bytes, PROT_READ | PROT_WRITE) != 0) {
		return false;
	}
	(void)madvise(from, size_bytes, MADV_HUGEPAGE);
	(void)madvise(from, size_bytes, MADV_DODUMP);
	return true;
}

bool
lsr_arena_grow(lsr_arena_t *arena, size_t needed_bytes) {
	const size_t target = lsr_round_up(needed_bytes, LSR_ARENA_STEP_BYTES);
	if (target > arena->reserved_bytes) {
		return false;
	}
	bool done = true;
	(void)pthread_mutex_lock(&arena->lock);
	const size_t committed = atomic_load_explicit(&arena->committed_bytes, memory_order_relaxed);
	if (committed < target) {
		done = commit(arena, committed, target);
		if (done) {
			atomic_store_explicit(&arena->committed_bytes, target, memory_order_release);
		}
	}
	(void)pthread_mutex_unlock(&arena->lock);
	return done;
}
