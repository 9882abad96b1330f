/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's life: options, the directory and its lock, open, close; tickets; whole-engine figures and checks. */
#include "engine_p.h"

#include <lessor/server.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crc.h"
#include "base/io.h"
#include "base/probe.h"
#include "base/text.h"

#define STORE_TEMPORARY "lessor.store.tmp"
#define STORE_MAGIC     UINT64_C(0x3130455352534C)

/* The identity file: 64 bytes. */
typedef struct {
	uint64_t magic;
	uint32_t version;
	uint32_t log_begun; /* 1: the first log segment was made; from then on there is always one */
	uint8_t store_id[LSR_STORE_ID_BYTES];
	uint8_t zero2[28];
	uint32_t crc;
} lsr_identity_t;

static_assert(sizeof(lsr_identity_t) == 64, "as on disk");

/* ---- handles and forks ------------------------------------------------------------------------------------------ */

/* Moved in the child by fork(): engines of the parent are recognised by it. */
_Atomic uint64_t lsr_fork_generation;

static void
enter_child(void) {
	lsr_rcu_after_fork_child();
	(void)atomic_fetch_add_explicit(&lsr_fork_generation, 1, memory_order_relaxed);
}

static void
watch_forks(void) {
	(void)pthread_atfork(lsr_rcu_before_fork, lsr_rcu_after_fork_parent, enter_child);
}

lessor_status_t
lsr_engine_check_slowly(const lessor_engine_t *engine) {
	if (engine == NULL || engine->magic != LSR_ENGINE_MAGIC) {
		return LESSOR_INVALID;
	}
	return LESSOR_FORKED;
}

/* ---- reports ---------------------------------------------------------------------------------------------------- */

static lessor_status_t complain(lessor_report_t *report, lessor_status_t status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static lessor_status_t
complain(lessor_report_t *report, lessor_status_t status, const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(report->sentence, sizeof(report->sentence), format, arguments);
	va_end(arguments);
	return status;
}

static lessor_status_t
complain_errno(lessor_report_t *report, int error, const char *what, const char *name) {
	const lessor_status_t status = error == ENOSPC || error == EDQUOT ? LESSOR_DISK_FULL
				       : error == ENOMEM                  ? LESSOR_NO_MEMORY
									  : LESSOR_IO;
	return complain(report, status, "%s %s: %s", name, what, strerror(error));
}

/* ---- options ---------------------------------------------------------------------------------------------------- */

#define MIB          ((uint64_t)1 << 20)
#define LEAST_LEASES UINT64_C(65536)
#define OFFERS_MAX   (UINT32_C(1) << 24)

void
lessor_options_init(lessor_options_t *options) {
	if (options != NULL) {
		*options = (lessor_options_t){.size_bytes = sizeof(*options), .create_if_missing = true, .log = true};
	}
}

static uint64_t
machine_memory_bytes(void) {
	const long pages = sysconf(_SC_PHYS_PAGES);
	const long page_bytes = sysconf(_SC_PAGESIZE);
	return pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : 1024 * MIB;
}

/* All leases that this machine's memory could hold; only address space depends on it. */
static uint64_t
default_max_leases(void) {
	return lsr_min_u64(lsr_max_u64(machine_memory_bytes() / sizeof(lsr_record_t), LEAST_LEASES), UINT32_MAX);
}

/* Copy what the caller knows, put defaults where zeros are, check the rest. */
static bool
settle_options(const lessor_options_t *given, lessor_options_t *options) {
	lessor_options_init(options);
	if (given != NULL) {
		/* A caller that was compiled with an older header knows fewer fields; the others keep their defaults. */
		if (given->size_bytes < offsetof(lessor_options_t, max_leases) || given->size_bytes > sizeof(*given)) {
			return false;
		}
		memcpy(options, given, given->size_bytes);
	}
	options->segment_size_bytes = options->segment_size_bytes != 0 ? options->segment_size_bytes : 64 * MIB;
	options->ring_size_bytes = options->ring_size_bytes != 0 ? options->ring_size_bytes : 32 * MIB;
	options->snapshot_after_bytes = options->snapshot_after_bytes != 0 ? options->snapshot_after_bytes : 1024 * MIB;
	options->flush_gather_us = options->flush_gather_us != 0 ? options->flush_gather_us : 1000;
	options->max_offers = options->max_offers != 0 ? options->max_offers : LESSOR_DEFAULT_MAX_OFFERS;
	size_t ignored;
	return options->max_offers <= OFFERS_MAX && options->max_leases <= UINT32_MAX &&
	       options->expected_leases <= UINT32_MAX &&
	       (options->max_leases == 0 || options->expected_leases <= options->max_leases) &&
	       options->segment_size_bytes % LSR_SEGMENT_FIRST_BYTES == 0 &&
	       options->segment_size_bytes <= 4096 * MIB && options->ring_size_bytes >= LSR_RING_MIN_BYTES &&
	       options->ring_size_bytes <= 4096 * MIB && lsr_is_power_of_two(options->ring_size_bytes) &&
	       options->flush_gather_us <= 1000000 && !(options->read_only && !options->log) &&
	       (options->disk_limit_bytes == 0 || options->disk_limit_bytes >= 4 * MIB) &&
	       lsr_text_measure(options->server_name, LSR_SERVER_NAME_BYTES - 1, &ignored);
}

/* ---- the directory ---------------------------------------------------------------------------------------------- */

/* A directory that was just made: its name, before anything in it is promised. */
static lessor_status_t
sync_parent(int directory, lessor_report_t *report) {
	const int parent = openat(directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const int result = parent < 0 ? -errno : lsr_io->sync_directory(parent);
	if (parent >= 0) {
		(void)close(parent);
	}
	return result == 0 ? LESSOR_OK : complain_errno(report, -result, "cannot be synced", "the directory's parent");
}

lessor_status_t
lsr_engine_open_directory(lessor_engine_t *engine, const char *path, bool create, lessor_report_t *report) {
	const bool made = create && mkdir(path, 0700) == 0;
	if (create && !made && errno != EEXIST) {
		return complain_errno(report, errno, "cannot be made", path);
	}
	engine->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (engine->directory >= 0) {
		return made ? sync_parent(engine->directory, report) : LESSOR_OK;
	}
	return errno == ENOENT ? complain(report, LESSOR_NO_STORE, "%s does not exist", path)
			       : complain_errno(report, errno, "cannot be opened", path);
}

/* There is no identity: no store, unless logs or snapshots are there. Then it is damage. */
static lessor_status_t
refuse_orphans(const lessor_engine_t *engine, const char *path, lessor_report_t *report) {
	char **names = NULL;
	size_t logs = 0;
	size_t snapshots = 0;
	int result = lsr_io_list(engine->directory, LSR_SEGMENT_PREFIX, &names, &logs);
	free(names);
	names = NULL;
	result = result != 0 ? result : lsr_io_list(engine->directory, "snapshot-", &names, &snapshots);
	free(names);
	if (result != 0) {
		return complain_errno(report, -result, "cannot be read", "the directory");
	}
	return logs + snapshots == 0 ? complain(report, LESSOR_NO_STORE, "%s holds no store", path)
				     : complain(report, LESSOR_DAMAGED,
						"%s: missing, although logs or snapshots are there", LSR_STORE_NAME);
}

/* Before anything is made in a directory that is only to be used if it holds a store. */
static lessor_status_t
expect_store(const lessor_engine_t *engine, const char *path, lessor_report_t *report) {
	const int file = lsr_io->open(engine->directory, LSR_STORE_NAME, O_RDONLY, 0);
	if (file >= 0) {
		(void)lsr_io->close(file);
	}
	return file == -ENOENT ? refuse_orphans(engine, path, report) : LESSOR_OK;
}

lessor_status_t
lsr_engine_lock_directory(lessor_engine_t *engine, const char *path, lessor_report_t *report) {
	const int flags = engine->read_only ? O_RDONLY : O_RDWR | O_CREAT;
	engine->lock_file = lsr_io->open(engine->directory, LSR_LOCK_NAME, flags, 0600);
	if (engine->lock_file < 0) {
		return engine->lock_file == -ENOENT
			       ? complain(report, LESSOR_NO_STORE, "%s holds no store", path)
			       : complain_errno(report, -engine->lock_file, "cannot be opened", LSR_LOCK_NAME);
	}
	if (flock(engine->lock_file, (engine->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0) {
		return LESSOR_OK;
	}
	return errno == EWOULDBLOCK ? complain(report, LESSOR_LOCKED, "the store in %s is in use", path)
				    : complain_errno(report, errno, "cannot be locked", LSR_LOCK_NAME);
}

lessor_status_t
lsr_engine_read_identity(int file, uint8_t store_id[LSR_STORE_ID_BYTES], bool *log_begun, lessor_report_t *report) {
	lsr_identity_t identity;
	const int result = lsr_io_read_all(file, &identity, sizeof(identity), 0);
	if (result == -ENODATA) {
		return complain(report, LESSOR_DAMAGED, "%s: the file ends too early", LSR_STORE_NAME);
	}
	if (result != 0) {
		return complain_errno(report, -result, "cannot be read at offset 0", LSR_STORE_NAME);
	}
	if (identity.magic != STORE_MAGIC ||
	    identity.crc != lsr_crc(LSR_CRC_SEED, &identity, offsetof(lsr_identity_t, crc))) {
		return complain(report, LESSOR_DAMAGED, "%s: damaged at offset 0", LSR_STORE_NAME);
	}
	if (!lsr_format_is_known(identity.version)) {
		return complain(report, LESSOR_UNSUPPORTED, "%s: format version %u, this library knows up to %u",
				LSR_STORE_NAME, identity.version, LSR_FORMAT_VERSION);
	}
	memcpy(store_id, identity.store_id, LSR_STORE_ID_BYTES);
	*log_begun = identity.log_begun != 0;
	return LESSOR_OK;
}

lessor_status_t
lsr_store_identify(int directory, uint8_t store_id[LSR_STORE_ID_BYTES], lessor_report_t *report) {
	bool ignored;
	const int file = lsr_io->open(directory, LSR_STORE_NAME, O_RDONLY, 0);
	if (file < 0) {
		return file == -ENOENT ? complain(report, LESSOR_NO_STORE, "the directory holds no store")
				       : complain_errno(report, -file, "cannot be opened", LSR_STORE_NAME);
	}
	const lessor_status_t status = lsr_engine_read_identity(file, store_id, &ignored, report);
	(void)lsr_io->close(file);
	return status;
}

static int
put_identity(int directory, const uint8_t store_id[LSR_STORE_ID_BYTES], bool log_begun) {
	lsr_identity_t identity = {.magic = STORE_MAGIC, .version = LSR_FORMAT_VERSION, .log_begun = log_begun};
	memcpy(identity.store_id, store_id, sizeof(identity.store_id));
	identity.crc = lsr_crc(LSR_CRC_SEED, &identity, offsetof(lsr_identity_t, crc));
	const int file = lsr_io->open(directory, STORE_TEMPORARY, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (file < 0) {
		return file;
	}
	int result = lsr_io_write_all(file, &identity, sizeof(identity), 0);
	result = result != 0 ? result
			     : lsr_io->datasync(file); /* the contents, before the name says that they are there */
	(void)lsr_io->close(file);
	return result;
}

/* Never in place: a sector that was being written when the power failed may hold anything. */
int
lsr_engine_write_identity(int directory, const uint8_t store_id[LSR_STORE_ID_BYTES], bool log_begun) {
	int result = put_identity(directory, store_id, log_begun);
	result = result != 0 ? result : lsr_io->rename(directory, STORE_TEMPORARY, LSR_STORE_NAME);
	/* The name, before any segment carries the id: a log without its identity could not be read. */
	return result != 0 ? result : lsr_io->sync_directory(directory);
}

static lessor_status_t
identify(lessor_engine_t *engine, const char *path, bool create, lessor_report_t *report) {
	const int file = lsr_io->open(engine->directory, LSR_STORE_NAME, O_RDONLY, 0);
	if (file >= 0) {
		const lessor_status_t status =
			lsr_engine_read_identity(file, engine->store_id, &engine->log_begun, report);
		(void)lsr_io->close(file);
		return status;
	}
	if (file != -ENOENT) {
		return complain_errno(report, -file, "cannot be opened", LSR_STORE_NAME);
	}
	const lessor_status_t status = refuse_orphans(engine, path, report);
	if (status != LESSOR_NO_STORE || !create) {
		return status;
	}
	report->sentence[0] = '\0';
	if (getrandom(engine->store_id, sizeof(engine->store_id), 0) != (ssize_t)sizeof(engine->store_id)) {
		return complain(report, LESSOR_IO, "no random numbers for the store's identity");
	}
	const int result = lsr_engine_write_identity(engine->directory, engine->store_id, false);
	return result == 0 ? LESSOR_OK : complain_errno(report, -result, "cannot be written", LSR_STORE_NAME);
}

/* ---- opening ------------------------------------------------------------------------------------------------------ */

static void
settle_server(lessor_engine_t *engine, const lessor_options_t *options) {
	if (options->server_name != NULL) {
		(void)snprintf(engine->server_name, sizeof(engine->server_name), "%s", options->server_name);
	} else if (gethostname(engine->server_name, sizeof(engine->server_name)) != 0) {
		engine->server_name[0] = '\0';
	}
	engine->server_name[sizeof(engine->server_name) - 1] = '\0';
	engine->server_address = options->server_address;
}

/* Address space for this many leases. On failure nothing is kept. */
static bool
reserve(lessor_engine_t *engine, uint64_t max_leases) {
	if (!lsr_pages_init(&engine->pages, max_leases)) {
		return false;
	}
	if (!lsr_client_hash_init(&engine->clients, (uint64_t)engine->pages.limit * LSR_PAGE_RECORDS)) {
		lsr_pages_destroy(&engine->pages);
		return false;
	}
	return true;
}

/* As much as was asked for; or, if nobody asked, as much of what the memory could hold as the process may address. */
static bool
reserve_any(lessor_engine_t *engine, uint64_t asked) {
	if (asked != 0) {
		return reserve(engine, asked);
	}
	for (uint64_t leases = default_max_leases(); leases >= LEAST_LEASES; leases /= 2) {
		if (reserve(engine, leases)) {
			return true;
		}
	}
	return false;
}

/* Memory for the leases that are expected: taken and touched now. More than the machine has would be granted, and end some process when it is touched. */
static bool
provide(lessor_engine_t *engine, uint64_t leases) {
	const size_t homes_bytes = lsr_client_hash_home_bytes(leases);
	const size_t overflows_bytes =
		homes_bytes / 16; /* of buckets with four entries on average, one in twenty has more than seven */
	const size_t records_bytes = (leases + LSR_PAGE_RECORDS) * sizeof(lsr_record_t);
	const size_t infos_bytes = (leases / LSR_PAGE_RECORDS + 2) * sizeof(lsr_page_info_t);
	return leases == 0 || (homes_bytes + overflows_bytes + records_bytes + infos_bytes <= machine_memory_bytes() &&
			       lsr_client_hash_presize(&engine->clients, leases) &&
			       lsr_arena_touch(&engine->clients.homes, homes_bytes) &&
			       lsr_arena_touch(&engine->clients.overflows, overflows_bytes) &&
			       lsr_arena_touch(&engine->pages.records, records_bytes) &&
			       lsr_arena_touch(&engine->pages.infos, infos_bytes));
}

static void
start_provisioner(lessor_engine_t *engine) {
	lsr_arena_t *const arenas[] = {&engine->pages.records, &engine->pages.infos, &engine->pages.homes,
				       &engine->clients.homes, &engine->clients.overflows};
	lsr_provisioner_start(&engine->provisioner, arenas, LSR_PROVISIONER_ARENAS);
}

/* Everything that is charged to the limit; what the engine has from the beginning, now. */
static bool
limit_memory(lessor_engine_t *engine, const lessor_options_t *options) {
	engine->memory.limit_bytes = options->memory_limit_bytes;
	const bool logs = options->log && !options->read_only;
	return options->memory_limit_bytes == 0 ||
	       (lsr_arena_charge_to(&engine->pages.records, &engine->memory) &&
		lsr_arena_charge_to(&engine->pages.infos, &engine->memory) &&
		lsr_arena_charge_to(&engine->pages.homes, &engine->memory) &&
		lsr_arena_charge_to(&engine->clients.homes, &engine->memory) &&
		lsr_arena_charge_to(&engine->clients.overflows, &engine->memory) &&
		(!logs || lsr_budget_charge(&engine->memory, options->ring_size_bytes + LSR_LOG_BUFFERS_BYTES)));
}

static bool
init_memory(lessor_engine_t *engine, const lessor_options_t *options) {
	engine->shadows = aligned_alloc(_Alignof(lsr_shadows_t), sizeof(*engine->shadows));
	if (engine->shadows == NULL) {
		return false;
	}
	memset(engine->shadows, 0, sizeof(*engine->shadows));
	if (getrandom(engine->secret, sizeof(engine->secret), 0) != (ssize_t)sizeof(engine->secret)) {
		return false;
	}
	memcpy(&engine->superscopes.by_number.secret, engine->secret, sizeof(uint64_t));
	memcpy(&engine->filters.entries.secret, engine->secret, sizeof(uint64_t));
	return lsr_offers_init(&engine->offers, options->max_offers) && lsr_trie_init(&engine->trie) == LESSOR_OK &&
	       lsr_trie_init(&engine->trie6) == LESSOR_OK && lsr_origins_init(&engine->origins) &&
	       reserve_any(engine, options->max_leases) && limit_memory(engine, options) &&
	       provide(engine, options->expected_leases);
}

static lessor_status_t
open_store(lessor_engine_t *engine, const char *path, const lessor_options_t *options, lessor_report_t *report) {
	const bool create = options->create_if_missing && !options->read_only;
	lessor_status_t status = lsr_engine_open_directory(engine, path, create, report);
	status = status != LESSOR_OK || create ? status : expect_store(engine, path, report);
	status = status != LESSOR_OK ? status : lsr_engine_lock_directory(engine, path, report);
	return status != LESSOR_OK ? status : identify(engine, path, create, report);
}

static lessor_status_t
start_log(lessor_engine_t *engine, const lessor_options_t *options, const lsr_log_contents_t *contents,
	  lessor_report_t *report) {
	const lsr_log_options_t log_options = {
		.ring_bytes = options->ring_size_bytes,
		.segment_bytes = options->segment_size_bytes,
		.gather_us = options->flush_gather_us,
		.disk_limit_bytes = options->disk_limit_bytes,
		.snapshot_bytes = report->snapshot_bytes,
		.snapshot_from = atomic_load_explicit(&engine->snapshot_from, memory_order_relaxed)};
	const lessor_status_t status = lsr_log_open(&engine->log, engine->directory, engine->store_id, &log_options,
						    contents, report->sentence, sizeof(report->sentence));
	engine->has_log = status == LESSOR_OK;
	if (status == LESSOR_OK && !engine->log_begun) {
		const int result = lsr_engine_write_identity(engine->directory, engine->store_id, true);
		return result == 0 ? LESSOR_OK : complain_errno(report, -result, "cannot be written", LSR_STORE_NAME);
	}
	return status;
}

/* Load what is there, and start the log behind it. */
static lessor_status_t
load(lessor_engine_t *engine, const lessor_options_t *options, lessor_report_t *report) {
	lsr_log_contents_t contents = {.end_lsn = LSR_LSN_FIRST};
	LSR_PROBE_RECOVERY_BEGIN(engine->read_only);
	lessor_status_t status = lsr_engine_recover(engine, &contents, report);
	LSR_PROBE_RECOVERY_END(status, report->leases, report->log_records);
	if (status == LESSOR_OK && !options->read_only) {
		status = start_log(engine, options, &contents, report);
		if (status == LESSOR_OK && !lsr_engine_start_keeper(engine)) {
			status = complain(report, LESSOR_NO_MEMORY, "the snapshot thread cannot be started");
		}
	}
	lsr_log_contents_free(&contents);
	return status;
}

/* Everything that close and a failed open have to give back. Nobody uses the engine any more. */
static void
free_engine(lessor_engine_t *engine) {
	lsr_provisioner_stop(&engine->provisioner);
	lsr_rcu_drain(); /* deferred work refers to the arenas */
	lsr_scope_cursor_t cursor = {0};
	lsr_scope_t *scope;
	while (atomic_load_explicit(&engine->trie6.root, memory_order_relaxed) != NULL &&
	       (scope = lsr_engine_next_scope(engine, &cursor)) != NULL) {
		lsr_engine_free_tails(engine, scope);
		lsr_scope_free(scope, &engine->pages);
	}
	lsr_trie_destroy(&engine->trie);
	lsr_trie_destroy(&engine->trie6);
	lsr_client_hash_destroy(&engine->clients);
	lsr_offers_destroy(&engine->offers);
	lsr_origins_destroy(&engine->origins);
	lsr_superscopes_destroy(&engine->superscopes);
	lsr_filters_destroy(&engine->filters);
	lsr_limits_destroy(&engine->limits);
	lsr_pages_destroy(&engine->pages);
	free(engine->shadows);
	if (engine->lock_file >= 0) {
		(void)flock(engine->lock_file, LOCK_UN); /* a forked child may hold a copy of the descriptor */
		(void)lsr_io->close(engine->lock_file);
	}
	if (engine->directory >= 0) {
		(void)close(engine->directory);
	}
	lsr_log_destroy(&engine->log);
	(void)pthread_mutex_destroy(&engine->scope_lock);
	(void)pthread_mutex_destroy(&engine->snapshot_lock);
	(void)pthread_mutex_destroy(&engine->keeper_lock);
	(void)pthread_cond_destroy(&engine->keeper_wakes);
	engine->magic = 0;
	free(engine);
}

static lessor_engine_t *
new_engine(const lessor_options_t *options) {
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	(void)pthread_once(&once, watch_forks);
	lessor_engine_t *engine = aligned_alloc(_Alignof(lessor_engine_t), sizeof(*engine));
	if (engine == NULL) {
		return NULL;
	}
	memset(engine, 0, sizeof(*engine));
	engine->magic = LSR_ENGINE_MAGIC;
	engine->process = atomic_load_explicit(&lsr_fork_generation, memory_order_relaxed);
	engine->read_only = options->read_only;
	engine->strict_address_state = options->strict_address_state;
	engine->snapshot_after_bytes = options->snapshot_after_bytes;
	engine->retain_log_bytes = options->retain_log_bytes;
	engine->retain_log_s = options->retain_log_s;
	engine->disk_limit_bytes = options->disk_limit_bytes;
	engine->directory = engine->lock_file = -1;
	engine->next_uid = 1;
	lsr_log_init(&engine->log);
	lsr_filters_init(&engine->filters);
	lsr_limits_init(&engine->limits, engine->secret);
	atomic_init(&engine->epoch, 1);
	engine->opened_at = lessor_time_now();
	settle_server(engine, options);
	(void)pthread_mutex_init(&engine->scope_lock, NULL);
	(void)pthread_mutex_init(&engine->snapshot_lock, NULL);
	(void)pthread_mutex_init(&engine->keeper_lock, NULL);
	(void)pthread_cond_init(&engine->keeper_wakes, NULL);
	return engine;
}

static lessor_status_t
fill_from_store(lessor_engine_t *engine, const char *path, const lessor_options_t *options, lessor_report_t *report,
		void *context) {
	(void)context;
	const lessor_status_t status = open_store(engine, path, options, report);
	return status == LESSOR_OK ? load(engine, options, report) : status;
}

lessor_status_t
lessor_open(const char *directory, const lessor_options_t *options, lessor_engine_t **engine, lessor_report_t *report) {
	return lsr_engine_open(directory, options, fill_from_store, NULL, engine, report);
}

lessor_status_t
lsr_engine_open(const char *directory, const lessor_options_t *options, lsr_fill_function fill, void *context,
		lessor_engine_t **engine, lessor_report_t *report) {
	lessor_report_t own_report;
	lessor_options_t settled;
	report = report != NULL ? report : &own_report;
	*report = (lessor_report_t){0};
	if (engine == NULL || !settle_options(options, &settled) || (settled.log && directory == NULL)) {
		return complain(report, LESSOR_INVALID, "an argument or option is invalid");
	}
	const uint64_t started_ns = lsr_clock_ns();
	lessor_engine_t *fresh = new_engine(&settled);
	lessor_status_t status = LESSOR_OK;
	if (fresh == NULL || !lsr_rcu_prepare() || !init_memory(fresh, &settled)) {
		status = complain(report, LESSOR_NO_MEMORY, "no memory or address space");
	} else {
		start_provisioner(fresh);
	}
	if (status == LESSOR_OK && settled.log) {
		status = fill(fresh, directory, &settled, report, context);
	}
	if (status == LESSOR_OK && settled.sweep_interval_s != 0 && !settled.read_only &&
	    !lsr_sweeper_start(&fresh->sweeper, fresh, &settled)) {
		status = complain(report, LESSOR_NO_MEMORY, "the sweeping thread cannot be started");
	}
	report->seconds = (double)(lsr_clock_ns() - started_ns) * 1e-9;
	if (status == LESSOR_OK) {
		*engine = fresh;
	} else if (fresh != NULL) {
		if (fresh->has_log) {
			lsr_engine_stop_keeper(fresh);
			(void)lsr_log_close(&fresh->log);
		}
		free_engine(fresh);
	}
	return status;
}

lessor_status_t
lessor_close(lessor_engine_t **engine) {
	if (engine == NULL || *engine == NULL) {
		return LESSOR_INVALID;
	}
	lessor_engine_t *closing = *engine;
	lessor_status_t status = lsr_engine_for_read(closing);
	if (status != LESSOR_OK) {
		return status;
	}
	atomic_store_explicit(&closing->closing, true, memory_order_seq_cst);
	lsr_rcu_synchronize();
	lsr_sweeper_stop(&closing->sweeper);
	lsr_engine_stop_serving(closing);
	if (closing->has_log) {
		lsr_log_begin_close(&closing->log);
		lsr_engine_stop_keeper(closing);
		status = lsr_log_close(&closing->log);
	}
	free_engine(closing);
	*engine = NULL;
	return status;
}

/* ---- logging other things than leases --------------------------------------------------------------------------- */

lessor_status_t
lsr_engine_log(lessor_engine_t *engine, lsr_record_type_t type, const void *payload, size_t payload_bytes,
	       uint64_t *lsn) {
	*lsn = 0;
	if (!engine->has_log) {
		return LESSOR_OK;
	}
	uint64_t position;
	const uint32_t size_bytes = lsr_record_bytes(payload_bytes);
	do {
		const lessor_status_t status = lsr_log_admit(&engine->log, size_bytes);
		if (status != LESSOR_OK) {
			return status;
		}
	} while (!lsr_log_reserve(&engine->log, size_bytes, &position));
	memcpy(lsr_log_payload(&engine->log, position), payload, payload_bytes);
	*lsn = lsr_log_complete(&engine->log, position, lsr_record_header(type, payload_bytes));
	lsr_log_announce(&engine->log, *lsn);
	return LESSOR_OK;
}

/* ---- tickets ------------------------------------------------------------------------------------------------------ */

lessor_status_t
lessor_ticket_wait(lessor_engine_t *engine, lessor_ticket_t ticket, int64_t timeout_ms) {
	const lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK || ticket == 0) {
		return status;
	}
	if (ticket <= engine->loaded_lsn) {
		return LESSOR_OK;
	}
	return engine->has_log ? lsr_log_wait(&engine->log, ticket, timeout_ms) : LESSOR_INVALID;
}

lessor_status_t
lessor_ticket_poll(lessor_engine_t *engine, lessor_ticket_t ticket) {
	const lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK || ticket == 0) {
		return status;
	}
	if (ticket <= engine->loaded_lsn) {
		return LESSOR_OK;
	}
	return engine->has_log ? lsr_log_poll(&engine->log, ticket) : LESSOR_INVALID;
}

lessor_ticket_t
lessor_durable_ticket(lessor_engine_t *engine) {
	if (lsr_engine_for_read(engine) != LESSOR_OK) {
		return 0;
	}
	return engine->has_log ? lsr_log_durable(&engine->log) : engine->loaded_lsn;
}

lessor_ticket_t
lessor_last_ticket(lessor_engine_t *engine) {
	if (lsr_engine_for_read(engine) != LESSOR_OK) {
		return 0;
	}
	return engine->has_log ? lsr_log_tail(&engine->log) : engine->loaded_lsn;
}

lessor_status_t
lessor_notifier_open(lessor_engine_t *engine, int *fd) {
	const lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	return fd != NULL ? lsr_log_notifier_open(&engine->log, fd) : LESSOR_INVALID;
}

lessor_status_t
lessor_notifier_close(lessor_engine_t *engine, int fd) {
	const lessor_status_t status = lsr_engine_for_read(engine);
	return status != LESSOR_OK ? status : lsr_log_notifier_close(&engine->log, fd);
}

/* ---- the whole engine -------------------------------------------------------------------------------------------- */

lessor_status_t
lessor_engine_server(lessor_engine_t *engine, char *name, size_t name_bytes, uint32_t *address) {
	const lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (name == NULL || address == NULL) {
		return LESSOR_INVALID;
	}
	const size_t needed = strlen(engine->server_name) + 1;
	if (needed > name_bytes) {
		return LESSOR_BUFFER_TOO_SMALL;
	}
	memcpy(name, engine->server_name, needed);
	*address = engine->server_address;
	return LESSOR_OK;
}
