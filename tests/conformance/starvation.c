/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocators that can be told to find nothing any more, for the thread that says so. The linker puts them in front of the real
 * ones (--wrap), for the library too, which is linked statically.
 */
#include "starvation.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

static _Thread_local int left = STARVE_NEVER;

void
starve(int allocations) {
	left = allocations;
}

/* Count one allocation. True: it is to fail. */
static bool
is_starving(void) {
	if (left > 0) {
		left--;
		return false;
	}
	return left == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **memory, size_t alignment, size_t size);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **memory, size_t alignment, size_t size);

void *
__wrap_malloc(size_t size) {
	return is_starving() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size) {
	return is_starving() ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *memory, size_t size) {
	return is_starving() ? NULL : __real_realloc(memory, size);
}

void *
__wrap_aligned_alloc(size_t alignment, size_t size) {
	return is_starving() ? NULL : __real_aligned_alloc(alignment, size);
}

int
__wrap_posix_memalign(void **memory, size_t alignment, size_t size) {
	return is_starving() ? ENOMEM : __real_posix_memalign(memory, alignment, size);
}
