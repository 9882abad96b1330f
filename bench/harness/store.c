/* SPDX-License-Identifier: Apache-2.0 */
/* Which stores there are, and the one that does nothing. See store.h. */
#include "store.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool
bench_fail(const char *format, ...) {
	va_list arguments;
	char sentence[1024];
	va_start(arguments, format);
	(void)vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	(void)fprintf(stderr, "lessor-bench: %s\n", sentence);
	return false;
}

const bench_store_class_t *const bench_stores[] = {&bench_lessor_store,
						   &bench_lfht_store,
						   &bench_mutex_store,
#ifdef BENCH_WITH_SQLITE
						   &bench_sqlite_store,
#endif
#ifdef BENCH_WITH_LMDB
						   &bench_lmdb_store,
#endif
#ifdef BENCH_WITH_ROCKSDB
						   &bench_rocksdb_store,
#endif
						   NULL};

const bench_store_class_t *
bench_store_find(const char *name, bool *exists) {
	static const char *const all[] = {"lessor", "lfht", "mutex", "sqlite", "lmdb", "rocksdb"};
	*exists = false;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		*exists = *exists || strcmp(name, all[i]) == 0;
	}
	if (strcmp(name, bench_null_store.name) == 0) {
		return &bench_null_store;
	}
	for (size_t i = 0; bench_stores[i] != NULL; i++) {
		if (strcmp(name, bench_stores[i]->name) == 0) {
			return bench_stores[i];
		}
	}
	return NULL;
}

/* ---- a store that agrees to everything ---------------------------------------------------------------------------------- */

static char nothing;

static const char *
null_settings(const bench_config_t *config) {
	(void)config;
	return "does nothing";
}

static void *
null_open(const bench_config_t *config) {
	(void)config;
	return &nothing;
}

static bool
null_close(void *store) {
	(void)store;
	return true;
}

static void *
null_thread_begin(void *store, uint64_t group, unsigned batch) {
	(void)store;
	(void)group;
	(void)batch;
	return &nothing;
}

static void
null_thread_end(void *thread) {
	(void)thread;
}

/* As if it had read every argument. */
static bool
agree(const bench_lease_t *leases, size_t n, bench_answer_t *answers) {
	__asm__ volatile("" : : "r"(leases) : "memory");
	for (size_t i = 0; i < n; i++) {
		answers[i] = BENCH_OK;
	}
	return true;
}

static bool
null_get(void *thread, const bench_lease_t *leases, size_t n, bench_answer_t *answers) {
	(void)thread;
	return agree(leases, n, answers);
}

static bool
null_change(void *thread, const bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket) {
	(void)thread;
	*ticket = 0;
	return agree(leases, n, answers);
}

static bool
null_allocate(void *thread, bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket) {
	(void)thread;
	*ticket = 0;
	for (size_t i = 0; i < n; i++) {
		leases[i].address = leases[i].subnet;
	}
	return agree(leases, n, answers);
}

static bool
null_expire(void *thread, uint32_t first, uint32_t last, uint64_t now, size_t *ended, uint64_t *ticket) {
	(void)thread;
	(void)now;
	*ended = last - first + 1;
	*ticket = 0;
	return true;
}

static uint64_t
null_durable(void *thread) {
	(void)thread;
	return UINT64_MAX;
}

static bool
null_wait(void *thread, uint64_t ticket) {
	(void)thread;
	(void)ticket;
	return true;
}

const bench_store_class_t bench_null_store = {
	.name = "null",
	.has_log = true,
	.settings = null_settings,
	.open = null_open,
	.close = null_close,
	.thread_begin = null_thread_begin,
	.thread_end = null_thread_end,
	.create = null_change,
	.get_address = null_get,
	.get_client = null_get,
	.renew = null_change,
	.release = null_change,
	.allocate = null_allocate,
	.expire = null_expire,
	.durable = null_durable,
	.wait = null_wait,
};
