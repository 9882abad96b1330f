/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Damaged stores: all that is damaged, and what is good. What "good" means is in <lessor/salvage.h>; the pieces come from log/picker.h and lsr_snapshot_pick(), and
 * are replayed by recovery.c, which is told not to mind leases without a scope.
 */
#include <lessor/salvage.h>

#include "engine_p.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "reindex.h"
#include "replay.h"
#include "stream.h"

/* Positions behind this one are nonsense: no log grows so long. */
#define LSN_MAX (UINT64_C(1) << 62)

typedef struct {
	lsr_recovery_t recovery;
	lessor_salvage_mode_t mode;
	lessor_finding_function function;
	void *context;
	bool only_damage; /* what follows from it need not be told */
	uint64_t findings;
	bool in_log;
	uint64_t max_lsn;  /* of what was applied */
	uint64_t stop_lsn; /* where the first gap is; UINT64_MAX: there is none */
} lsr_salvage_t;

#define complain(report, status, ...) lsr_complain((report)->sentence, sizeof((report)->sentence), status, __VA_ARGS__)

/* ---- findings ------------------------------------------------------------------------------------------------------ */

static void
tell(lsr_salvage_t *salvage, const lessor_finding_t *finding) {
	const bool is_damage = finding->kind == LESSOR_FINDING_DAMAGE;
	if (salvage->only_damage && !is_damage && (salvage->findings != 0 || finding->kind == LESSOR_FINDING_LATER)) {
		return;
	}
	salvage->findings++;
	if (salvage->function != NULL) {
		salvage->function(salvage->context, finding);
	}
}

static void
tell_damage(lsr_salvage_t *salvage, const char *file, uint64_t after, uint64_t upto, const char *what) {
	tell(salvage, &(lessor_finding_t){
			      .kind = LESSOR_FINDING_DAMAGE, .file = file, .after = after, .upto = upto, .what = what});
}

/* From picking. */
static void
take_damage(lsr_pick_t *pick, const lsr_damage_t *damage) {
	lsr_salvage_t *salvage = pick->context;
	if (salvage->in_log && damage->upto != damage->after) {
		salvage->stop_lsn = lsr_min_u64(salvage->stop_lsn, damage->after);
	}
	tell(salvage, &(lessor_finding_t){.kind = LESSOR_FINDING_DAMAGE,
					  .file = damage->name,
					  .offset = damage->offset,
					  .after = damage->after,
					  .upto = damage->upto,
					  .what = damage->what});
}

/* The address that a record is about. */
static bool
address_of(uint32_t header, const uint8_t *payload, lessor_finding_t *finding) {
	const size_t size_bytes = lsr_header_payload_bytes(header);
	const uint32_t type = lsr_header_type(header);
	finding->is_six = type == LSR_LOG_LEASE6 || type == LSR_LOG_LEASE6_END;
	finding->has_address = (finding->is_six && size_bytes >= sizeof(finding->address6)) ||
			       ((type == LSR_LOG_LEASE || type == LSR_LOG_LEASE_END) && size_bytes >= 4);
	if (finding->has_address && finding->is_six) {
		memcpy(&finding->address6, payload, sizeof(finding->address6));
	} else if (finding->has_address) {
		memcpy(&finding->address, payload, sizeof(finding->address));
	}
	return finding->has_address;
}

static void
tell_record(lsr_pick_t *pick, lessor_finding_kind_t kind, uint32_t header, const uint8_t *payload, uint64_t lsn,
	    const char *what) {
	lessor_finding_t finding = {.kind = kind,
				    .file = pick->name,
				    .offset = pick->offset,
				    .after = lsn - lsr_header_bytes(header),
				    .upto = lsn,
				    .what = what};
	(void)address_of(header, payload, &finding);
	tell(pick->context, &finding);
}

/* ---- records ------------------------------------------------------------------------------------------------------- */

/* A lease whose scope is not there is passed over by the replay. */
static bool
has_scope(const lsr_salvage_t *salvage, uint32_t header, const uint8_t *payload) {
	lessor_finding_t about = {0};
	const uint32_t type = lsr_header_type(header);
	if ((type != LSR_LOG_LEASE && type != LSR_LOG_LEASE6) || !address_of(header, payload, &about)) {
		return true;
	}
	return about.is_six ? lsr_engine_scope6_of(salvage->recovery.engine, about.address6.high) != NULL
			    : lsr_engine_scope_of(salvage->recovery.engine, about.address) != NULL;
}

static void
look_at_leases(lsr_pick_t *pick, uint32_t header, const uint8_t *payload, uint64_t lsn) {
	const lsr_salvage_t *salvage = pick->context;
	/* In a snapshot that is whole, its scope came later, and the log has both again. */
	if ((salvage->in_log || pick->damages != 0) && !has_scope(salvage, header, payload)) {
		tell_record(pick, LESSOR_FINDING_LEFT_OUT, header, payload, lsn, "no scope is left for this lease");
	}
}

/* EXACT: what the result does not have. */
static void
pass_over(lsr_pick_t *pick, uint32_t header, const uint8_t *payload, uint64_t lsn) {
	tell_record(pick, LESSOR_FINDING_LATER, header, payload, lsn, "a change behind the damage");
}

/* 'use' for each record of a group, or the one record. */
static void
each(lsr_pick_t *pick, uint32_t header, const uint8_t *payload, uint64_t lsn,
     void (*use)(lsr_pick_t *, uint32_t, const uint8_t *, uint64_t)) {
	size_t left_bytes = lsr_header_payload_bytes(header);
	uint32_t inner_header;
	const uint8_t *inner;
	if (lsr_header_type(header) != LSR_LOG_GROUP) {
		use(pick, header, payload, lsn);
		return;
	}
	while (lsr_group_next(&payload, &left_bytes, &inner_header, &inner)) {
		use(pick, inner_header, inner, lsn);
	}
}

static lessor_status_t
take_record(lsr_pick_t *pick, uint32_t header, const uint8_t *payload, uint64_t lsn) {
	lsr_salvage_t *salvage = pick->context;
	if (lsr_header_payload_bytes(header) > lsr_header_bytes(header) || lsn % LSR_RECORD_ALIGN != 0 ||
	    lsn > LSN_MAX) {
		tell_record(pick, LESSOR_FINDING_LEFT_OUT, 0, payload, lsn, "a record that makes no sense");
		return LESSOR_OK;
	}
	if (salvage->in_log && salvage->mode == LESSOR_SALVAGE_EXACT && pick->gaps != 0) {
		each(pick, header, payload, lsn, pass_over);
		return LESSOR_OK;
	}
	each(pick, header, payload, lsn, look_at_leases);
	const lessor_status_t status = lsr_recovery_apply(&salvage->recovery, header, payload, lsn);
	if (status == LESSOR_DAMAGED) {
		tell_record(pick, LESSOR_FINDING_LEFT_OUT, header, payload, lsn, "a record that makes no sense here");
		return LESSOR_OK;
	}
	salvage->max_lsn = lsr_max_u64(salvage->max_lsn, lsn);
	return status;
}

/* ---- snapshot and log ------------------------------------------------------------------------------------------------ */

static lsr_pick_t
new_pick(lsr_salvage_t *salvage) {
	const lessor_engine_t *engine = salvage->recovery.engine;
	return (lsr_pick_t){.directory = engine->directory,
			    .store_id = engine->store_id,
			    .record = take_record,
			    .damage = take_damage,
			    .context = salvage};
}

static void
keep_quiet(lsr_pick_t *pick, const lsr_damage_t *damage) {
	(void)pick;
	(void)damage;
}

static bool
log_begins_with_store(const lessor_engine_t *engine) {
	char name[LSR_SEGMENT_NAME_BYTES];
	lsr_segment_name(1, name);
	const int file = lsr_io->open(engine->directory, name, O_RDONLY, 0);
	if (file >= 0) {
		(void)lsr_io->close(file);
	}
	return file >= 0;
}

/* Where to begin: the newest snapshot without damage, or the beginning of the log, or else the newest snapshot. 0: the log alone. */
static lessor_status_t
choose_base(lsr_salvage_t *salvage, uint64_t *from_lsn) {
	uint64_t *all = NULL;
	size_t count = 0;
	lessor_status_t status = LESSOR_OK;
	const int result = lsr_snapshot_list(salvage->recovery.engine->directory, &all, &count);
	if (result != 0) {
		return result == -ENOMEM ? LESSOR_NO_MEMORY : LESSOR_IO;
	}
	*from_lsn = 0;
	size_t at = count;
	while (at > 0 && *from_lsn == 0 && status == LESSOR_OK) {
		lsr_snapshot_info_t info;
		lsr_pick_t pick = new_pick(salvage);
		pick.record = NULL;
		pick.damage = keep_quiet;
		status = lsr_snapshot_pick(&pick, all[--at], &info);
		if (status == LESSOR_OK && pick.damages == 0) {
			*from_lsn = all[at];
		} else if (status == LESSOR_OK) {
			pick = new_pick(salvage); /* once more, to tell */
			pick.record = NULL;
			status = lsr_snapshot_pick(&pick, all[at], &info);
		}
	}
	if (*from_lsn == 0 && count != 0 && !log_begins_with_store(salvage->recovery.engine)) {
		*from_lsn = all[count - 1];
	}
	free(all);
	return status;
}

static lessor_status_t
take_snapshot(lsr_salvage_t *salvage, uint64_t from_lsn, lsr_snapshot_info_t *info) {
	*info = (lsr_snapshot_info_t){0};
	lessor_status_t status = LESSOR_OK;
	if (from_lsn != 0) {
		lsr_pick_t pick = new_pick(salvage);
		pick.damage = keep_quiet; /* told before */
		status = lsr_snapshot_pick(&pick, from_lsn, info);
	}
	const lessor_status_t drained = lsr_replay_drain(salvage->recovery.replay);
	return status == LESSOR_OK ? drained : status;
}

static lessor_status_t
take_log(lsr_salvage_t *salvage, const lsr_snapshot_info_t *snapshot, uint64_t *reached_lsn) {
	const lessor_engine_t *engine = salvage->recovery.engine;
	lsr_pick_t pick = new_pick(salvage);
	pick.from_lsn = snapshot->from_lsn;
	salvage->in_log = true;
	lsr_recovery_begin_log(&salvage->recovery, snapshot, false);
	lessor_status_t status = lsr_log_pick(&pick);
	const lessor_status_t drained = lsr_replay_drain(salvage->recovery.replay);
	status = status == LESSOR_OK ? drained : status;
	if (status != LESSOR_OK) {
		return status;
	}
	const uint64_t begun_lsn = lsr_max_u64(snapshot->from_lsn, LSR_LSN_FIRST);
	const uint64_t shown_lsn = snapshot->end_lsn != UINT64_MAX ? snapshot->end_lsn : begun_lsn;
	*reached_lsn = lsr_max_u64(pick.end_lsn, begun_lsn);
	if (pick.end_lsn == 0 && (engine->log_begun || snapshot->from_lsn != 0) && pick.gaps == 0) {
		salvage->stop_lsn = begun_lsn;
		tell_damage(salvage, "", begun_lsn, UINT64_MAX,
			    "all log segments (" LSR_SEGMENT_PREFIX "*.seg) are missing");
	} else if (*reached_lsn < lsr_max_u64(begun_lsn, shown_lsn) || pick.end_lsn < begun_lsn) {
		salvage->stop_lsn = lsr_min_u64(salvage->stop_lsn, *reached_lsn);
		tell_damage(salvage, "", *reached_lsn, UINT64_MAX, "the log ends before what the snapshot shows");
	}
	if (salvage->mode == LESSOR_SALVAGE_EXACT) {
		*reached_lsn = lsr_min_u64(*reached_lsn, salvage->stop_lsn);
	}
	return LESSOR_OK;
}

/* ---- what is not whole ----------------------------------------------------------------------------------------------- */

static void
drop_unless_whole(lsr_salvage_t *salvage, const lsr_found_t *found) {
	const lessor_engine_t *engine = salvage->recovery.engine;
	if (found->body.origin == LSR_ORIGIN_NONE || lsr_origins_get(&engine->origins, found->body.origin) != NULL) {
		return;
	}
	lessor_finding_t finding = {.kind = LESSOR_FINDING_LEFT_OUT,
				    .file = "",
				    .after = found->body.lsn,
				    .upto = found->body.lsn,
				    .what = "the owner and the policy name of this lease are lost",
				    .has_address = true,
				    .is_six = found->scope->is_sparse,
				    .address = found->scope->is_sparse ? 0 : found->address};
	if (finding.is_six) {
		finding.address6 = (lessor_address6_t){.high = found->scope->sparse->prefix, .low = found->low};
	}
	tell(salvage, &finding);
	lsr_recovery_remove(&salvage->recovery, found, UINT64_MAX);
}

static void
drop_leases(lsr_salvage_t *salvage) {
	const lessor_engine_t *engine = salvage->recovery.engine;
	lsr_found_t found;
	uint64_t at = 0;
	lsr_walk6_t walk = {0};
	for (bool more = true; more;) {
		if (lsr_engine_walk(engine, &at, UINT32_MAX, &found, &more)) {
			drop_unless_whole(salvage, &found);
		}
	}
	for (bool more = true; more;) {
		if (lsr_engine_walk6(engine, &walk, UINT64_MAX, &found, &more)) {
			drop_unless_whole(salvage, &found);
		}
	}
}

/* The number of a superscope that is lost must not become another one's. */
static void
keep_numbers(lessor_engine_t *engine) {
	lsr_scope_cursor_t cursor = {0};
	const lsr_scope_t *scope;
	uint32_t last = atomic_load_explicit(&engine->superscopes.last_number, memory_order_relaxed);
	while ((scope = lsr_engine_next_scope(engine, &cursor)) != NULL) {
		const uint32_t number = lsr_scope_config(scope)->superscope;
		last = number > last && number != UINT32_MAX ? number : last;
	}
	atomic_store_explicit(&engine->superscopes.last_number, last, memory_order_relaxed);
}

/* ---- filling an engine ------------------------------------------------------------------------------------------------ */

static lessor_status_t
replay_all(lsr_salvage_t *salvage, lessor_report_t *report) {
	lessor_engine_t *engine = salvage->recovery.engine;
	uint64_t from_lsn;
	uint64_t reached_lsn = 0;
	uint64_t duplicates = 0;
	lsr_snapshot_info_t snapshot;
	lessor_status_t status = choose_base(salvage, &from_lsn);
	status = status == LESSOR_OK ? take_snapshot(salvage, from_lsn, &snapshot) : status;
	status = status == LESSOR_OK ? take_log(salvage, &snapshot, &reached_lsn) : status;
	if (status != LESSOR_OK) {
		return status;
	}
	if (salvage->findings != 0) {
		drop_leases(salvage);
		keep_numbers(engine);
	}
	/* Every change in it, whatever the positions between, lies before the new log. */
	engine->loaded_lsn = lsr_max_u64(reached_lsn, salvage->max_lsn);
	lsr_engine_fill_totals(engine, report);
	status = lsr_engine_reindex(engine, report->leases, &duplicates);
	report->leases -= duplicates;
	report->last_ticket = engine->loaded_lsn;
	return status;
}

/* The identity of the newest file that tells one. */
static bool
guess_id(lessor_engine_t *engine, size_t *files) {
	static const char *const prefixes[] = {LSR_SEGMENT_PREFIX, "snapshot-"};
	bool known = false;
	*files = 0;
	for (size_t i = 0; i < 2; i++) {
		char **names = NULL;
		size_t count = 0;
		(void)lsr_io_list(engine->directory, prefixes[i], &names, &count);
		*files += count;
		while (count > 0 && !known) {
			known = lsr_read_store_id(engine->directory, names[--count], engine->store_id);
		}
		free(names);
	}
	return known;
}

static lessor_status_t
identify(lsr_salvage_t *salvage, const char *path, lessor_report_t *report) {
	lessor_engine_t *engine = salvage->recovery.engine;
	const int file = lsr_io->open(engine->directory, LSR_STORE_NAME, O_RDONLY, 0);
	lessor_status_t status = LESSOR_DAMAGED;
	if (file >= 0) {
		status = lsr_engine_read_identity(file, engine->store_id, &engine->log_begun, report);
		(void)lsr_io->close(file);
	}
	if (status == LESSOR_OK || status == LESSOR_UNSUPPORTED) {
		return status;
	}
	size_t files;
	const bool known = guess_id(engine, &files);
	if (files == 0 && file < 0) {
		return complain(report, LESSOR_NO_STORE, "%s holds no store", path);
	}
	report->sentence[0] = '\0';
	tell_damage(salvage, LSR_STORE_NAME, 0, 0, file < 0 ? "missing" : "the identity of the store is damaged");
	engine->log_begun = true;
	return known || files == 0
		       ? LESSOR_OK
		       : complain(report, LESSOR_NO_STORE, "no file in %s says to which store it belongs", path);
}

/* Against whoever changes the store. Without the file there is nobody. */
static lessor_status_t
lock(lessor_engine_t *engine, const char *path, lessor_report_t *report) {
	const int file = lsr_io->open(engine->directory, LSR_LOCK_NAME, O_RDONLY, 0);
	if (file == -ENOENT) {
		return LESSOR_OK;
	}
	if (file >= 0) {
		(void)lsr_io->close(file);
	}
	return lsr_engine_lock_directory(engine, path, report);
}

static lessor_status_t
fill(lessor_engine_t *engine, const char *path, const lessor_options_t *options, lessor_report_t *report,
     void *context) {
	lsr_salvage_t *salvage = context;
	(void)options;
	salvage->recovery.engine = engine;
	lessor_status_t status = lsr_engine_open_directory(engine, path, false, report);
	status = status == LESSOR_OK ? lock(engine, path, report) : status;
	status = status == LESSOR_OK ? identify(salvage, path, report) : status;
	if (status != LESSOR_OK) {
		return status;
	}
	salvage->recovery.replay = lsr_replay_new(engine);
	status = salvage->recovery.replay != NULL ? replay_all(salvage, report) : LESSOR_NO_MEMORY;
	lsr_replay_free(salvage->recovery.replay);
	if (status != LESSOR_OK && report->sentence[0] == '\0') {
		(void)complain(report, status, "the store in %s could not be read: %s", path,
			       lessor_status_text(status));
	}
	return status;
}

static lessor_status_t
open_damaged(lsr_salvage_t *salvage, const char *path, lessor_engine_t **engine, lessor_report_t *report) {
	lessor_options_t options;
	lessor_options_init(&options);
	options.read_only = true;
	salvage->stop_lsn = UINT64_MAX;
	return lsr_engine_open(path, &options, fill, salvage, engine, report);
}

/* ---- the calls --------------------------------------------------------------------------------------------------------- */

lessor_status_t
lessor_verify_all(const char *directory, lessor_report_t *report, lessor_finding_function function, void *context) {
	lessor_report_t own_report;
	lessor_report_t salvaged;
	lessor_engine_t *engine = NULL;
	report = report != NULL ? report : &own_report;
	const lessor_status_t status = lessor_verify(directory, report);
	if ((status != LESSOR_DAMAGED && status != LESSOR_IO) || function == NULL) {
		return status;
	}
	lsr_salvage_t salvage = {
		.mode = LESSOR_SALVAGE_NEWEST, .function = function, .context = context, .only_damage = true};
	if (open_damaged(&salvage, directory, &engine, &salvaged) == LESSOR_OK) {
		(void)lessor_close(&engine);
	}
	if (salvage.findings == 0 && status == LESSOR_DAMAGED) {
		tell_damage(&salvage, "", 0, 0, report->sentence);
	}
	return status;
}

static lessor_status_t
complain_errno(lessor_report_t *report, int error, const char *path, const char *what) {
	return complain(report,
			error == ENOSPC || error == EDQUOT ? LESSOR_DISK_FULL
			: error == ENOMEM                  ? LESSOR_NO_MEMORY
							   : LESSOR_IO,
			"%s %s: %s", path, what, strerror(error));
}

/* Make the directory, or find it empty. */
static lessor_status_t
make_target(const char *path, int *directory, lessor_report_t *report) {
	char **names = NULL;
	size_t count = 0;
	if (mkdir(path, 0700) != 0 && errno != EEXIST) {
		return complain_errno(report, errno, path, "cannot be made");
	}
	*directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*directory < 0) {
		return complain_errno(report, errno, path, "cannot be opened");
	}
	const int result = lsr_io_list(*directory, "", &names, &count);
	free(names);
	if (result != 0) {
		return complain_errno(report, -result, path, "cannot be read");
	}
	return count == 2 ? LESSOR_OK /* . and .. */ : complain(report, LESSOR_EXISTS, "%s is not empty", path);
}

/* The identity comes last: until then nothing there is a store. */
static int
make_store_of(int directory, const uint8_t store_id[LSR_STORE_ID_BYTES]) {
	const int file = lsr_io->open(directory, LSR_LOCK_NAME, O_RDWR | O_CREAT, 0600);
	if (file < 0) {
		return file;
	}
	(void)lsr_io->close(file);
	const int parent = openat(directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const int result = parent < 0 ? -errno : lsr_io->sync_directory(parent);
	if (parent >= 0) {
		(void)close(parent);
	}
	return result != 0 ? result : lsr_engine_write_identity(directory, store_id, true);
}

static lessor_status_t
write_store(lessor_engine_t *engine, const char *path, lessor_report_t *report) {
	uint8_t store_id[LSR_STORE_ID_BYTES];
	int directory = -1;
	lessor_status_t status = make_target(path, &directory, report);
	if (status == LESSOR_OK && getrandom(store_id, sizeof(store_id), 0) != (ssize_t)sizeof(store_id)) {
		status = complain(report, LESSOR_IO, "no random numbers for the store's identity");
	}
	if (status == LESSOR_OK) {
		status = lsr_engine_write_copy(engine, directory, store_id, report);
		status = status == LESSOR_LOG_FAILED ? LESSOR_IO : status;
	}
	if (status == LESSOR_OK) {
		const int result = make_store_of(directory, store_id);
		status = result == 0 ? LESSOR_OK : complain_errno(report, -result, path, "cannot be written");
	}
	if (directory >= 0) {
		(void)close(directory);
	}
	return status;
}

lessor_status_t
lessor_salvage(const char *from, const char *to, lessor_salvage_mode_t mode, lessor_report_t *report,
	       lessor_finding_function function, void *context) {
	lessor_report_t own_report;
	lessor_engine_t *engine = NULL;
	report = report != NULL ? report : &own_report;
	*report = (lessor_report_t){0};
	if (from == NULL || to == NULL || (mode != LESSOR_SALVAGE_EXACT && mode != LESSOR_SALVAGE_NEWEST)) {
		return complain(report, LESSOR_INVALID, "an argument is invalid");
	}
	lsr_salvage_t salvage = {.mode = mode, .function = function, .context = context};
	lessor_status_t status = open_damaged(&salvage, from, &engine, report);
	if (status != LESSOR_OK) {
		return status;
	}
	status = write_store(engine, to, report);
	(void)lessor_close(&engine);
	return status == LESSOR_OK && salvage.findings != 0
		       ? complain(report, LESSOR_DAMAGED, "the store in %s is damaged", from)
		       : status;
}
