/* SPDX-License-Identifier: Apache-2.0 */
/* One store on the simulated disk. See sim_store.h. */
#include "sim_store.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "engine_p.h"
#include "sim_disk.h"
#include "torture.h"

#define MIB (UINT64_C(1) << 20)

/*
 * What would make an open slow here without being what is tested: the pauses with which liburcu's helper thread, and those who wait for it, gather work; and memory that is
 * brought before anybody needs it. The functions that begin with __wrap_ stand in the place of those without, see CMakeLists.txt.
 */
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
int
poll(struct pollfd *files, nfds_t count, int timeout_ms) {
	const struct timespec timeout = {.tv_nsec = count == 0 ? 20000 : (long)timeout_ms * 1000000};
	return ppoll(files, count, &timeout, NULL);
}
#endif

int __wrap_nanosleep(const struct timespec *time, struct timespec *left);
int __wrap_madvise(void *address, size_t size_bytes, int advice);
int __real_madvise(void *address, size_t size_bytes, int advice);

int
__wrap_nanosleep(const struct timespec *time, struct timespec *left) {
	const struct timespec shorter = {.tv_sec = time->tv_sec, .tv_nsec = time->tv_nsec / 50};
	return clock_nanosleep(CLOCK_MONOTONIC, 0, &shorter, left);
}

/* As a kernel answers that does not know how to bring memory ahead. */
int
__wrap_madvise(void *address, size_t size_bytes, int advice) {
	if (advice == MADV_POPULATE_WRITE || advice == MADV_HUGEPAGE) {
		errno = EINVAL;
		return -1;
	}
	return __real_madvise(address, size_bytes, advice);
}

/* ---- what has been promised ------------------------------------------------------------------------------------------ */

static _Atomic(lessor_engine_t *) engine_now;
static _Atomic uint64_t promised;
static atomic_bool is_opening;
static atomic_bool may_prepare;

void
sim_store_promise(uint64_t position) {
	atomic_store(&promised, position);
}

/* Whoever asks the engine now is told that everything up to here is durable. */
uint64_t
sim_store_promised(void) {
	lessor_engine_t *engine = atomic_load(&engine_now);
	if (engine != NULL) {
		atomic_store(&promised, lessor_durable_ticket(engine));
	}
	return atomic_load(&promised);
}

/* ---- opening --------------------------------------------------------------------------------------------------------- */

/* It must exist; no file is ever made in it. */
static const char directory[] = ".";
bool
sim_store_is_excused(void) {
	return sim_disk_faulted() || sim_disk_is_off();
}

lessor_status_t
sim_store_try_open(bool read_only, lessor_engine_t **engine, lessor_report_t *report) {
	lessor_options_t options;
	lessor_options_init(&options);
	options.read_only = read_only;
	options.max_leases = 65536;
	options.ring_size_bytes = MIB;
	options.segment_size_bytes = MIB;
	options.snapshot_after_bytes = UINT64_MAX;
	options.flush_gather_us = 1000000;
	atomic_store(&is_opening, true);
	const lessor_status_t status = lessor_open(directory, &options, engine, report);
	atomic_store(&is_opening, false);
	if (status != LESSOR_OK && status != LESSOR_NO_STORE && status != LESSOR_NO_MEMORY && !sim_store_is_excused()) {
		(void)fprintf(stderr, "%s\n", report->sentence);
	}
	return status;
}

void
sim_store_settle(lessor_engine_t *engine) {
	lsr_log_t *log = &engine->log;
	atomic_store(&may_prepare, true);
	(void)pthread_mutex_lock(&log->lock);
	while (log->prepare_state == LSR_PREPARE_WANTED) {
		(void)pthread_cond_wait(&log->changed, &log->lock);
	}
	atomic_store(&may_prepare, false);
	(void)pthread_mutex_unlock(&log->lock);
}

lessor_engine_t *
sim_store_open(void) {
	lessor_report_t report;
	lessor_engine_t *engine = NULL;
	const lessor_status_t status = sim_store_try_open(false, &engine, &report);
	REQUIRE(status == LESSOR_OK || sim_store_is_excused());
	REQUIRE((status == LESSOR_OK) == (engine != NULL));
	REQUIRE(status == LESSOR_OK || status == LESSOR_IO || status == LESSOR_DISK_FULL);
	REQUIRE(status == LESSOR_OK || report.sentence[0] != '\0');
	if (engine != NULL) {
		sim_store_settle(engine);
		atomic_store(&engine_now, engine);
	}
	return engine;
}

/* From here on nobody can ask; what has been promised by then is promised. Closed without complaint, everything is. */
lessor_status_t
sim_store_close(lessor_engine_t **engine) {
	const lessor_ticket_t last = lessor_last_ticket(*engine);
	atomic_store(&promised, lessor_durable_ticket(*engine));
	atomic_store(&engine_now, NULL);
	const lessor_status_t status = lessor_close(engine);
	REQUIRE(status == LESSOR_OK || (status == LESSOR_LOG_FAILED && sim_store_is_excused()));
	if (status == LESSOR_OK) {
		atomic_store(&promised, last);
	}
	return status;
}

static _Thread_local bool is_caller; /* the test's own thread */

/* An open that fails ends this thread and waits for it; a full disk has callers wait for it. */
static bool
must_go_on(void) {
	return (atomic_load(&is_opening) && sim_store_is_excused()) || sim_disk_is_full();
}

void
sim_store_gate(const char *name, bool is_write) {
	if (is_caller || is_write || strncmp(name, "next-", 5) != 0) {
		return;
	}
	for (unsigned round = 0; round < 20000 && !atomic_load(&may_prepare) && !must_go_on(); round++) {
		(void)usleep(100);
	}
}

void
sim_store_begin(void) {
	is_caller = true;
	sim_disk_use();
}

void
sim_store_end(void) {
	sim_disk_load(NULL);
}
