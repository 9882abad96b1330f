/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store that follows another: its snapshot, then its log, frame by frame, into files of the same names.
 *
 *   First     the snapshot; then the log from its 'from' on, at least up to the newest position that the snapshot can show; all of it synced; then, as the last step, the identity. A
 *             directory without one was not finished: it begins again.
 *   Then      each frame is written where the leader has it, and synced before the next: what a valid frame stands behind is durable, here as there.
 *   Restart   the end of the log here is the last valid frame; what lies behind is zeroed. The leader must have the same frame in the same place: frames carry the checksum of
 *             the one before, so then all before it is the same too.
 *   Snapshots of the leader are copied whenever a segment has been finished; then what is before them goes.
 */
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "engine_p.h"

#define LOCK_NAME      "lessor.lock"
#define IDENTITY_NAME  "lessor.store"
#define IDENTITY_BYTES 64u
#define TEMPORARY_NAME "follower.tmp"
#define COMING_NAME    "follower.snapshot"
#define COPY_BYTES     ((size_t)1 << 20)
/* How often to begin again because the leader went on meanwhile. */
#define TRIES 8u
/* Of copying: the leader has no such file any more. */
#define GONE 1

struct lessor_follower {
	int leader;
	int directory;
	int lock_file;
	int file;            /* the segment in work; -1: none */
	uint64_t index;      /* of it */
	uint64_t snapshot;   /* 'from' of the one that is here, 0: none */
	uint64_t coming;     /* 'from' of one that is copied and waits, under another name; 0: none */
	uint64_t coming_end; /* until the log here reaches this */
	uint64_t applied;
	unsigned looks;
	pid_t process;          /* that opened it */
	lessor_status_t failed; /* what could not be written leaves a gap: nothing is written behind it */
	bool finished;          /* the identity is there, frames are synced one by one */
	lsr_live_t live;
	uint8_t *bytes; /* of a frame with its padding, and for copying */
	char sentence[512];
};

#define complain(follower, status, ...)                                                                                \
	lsr_complain((follower)->sentence, sizeof((follower)->sentence), status, __VA_ARGS__)

static lessor_status_t
complain_errno(lessor_follower_t *follower, int error, const char *what) {
	const lessor_status_t status = error == -ENOSPC || error == -EDQUOT ? LESSOR_DISK_FULL
				       : error == -ENOMEM                   ? LESSOR_NO_MEMORY
									    : LESSOR_IO;
	return complain(follower, status, "%s: %s", what, strerror(-error));
}

/* ---- copying whole files ------------------------------------------------------------------------------------------------ */

static int
copy_bytes(const lessor_follower_t *follower, int from, int to, uint64_t size_bytes) {
	int result = 0;
	for (uint64_t at = 0; at < size_bytes && result == 0; at += COPY_BYTES) {
		const size_t step = (size_t)lsr_min_u64(COPY_BYTES, size_bytes - at);
		result = lsr_io_read_all(from, follower->bytes, step, at);
		result = result != 0 ? result : lsr_io_write_all(to, follower->bytes, step, at);
	}
	return result;
}

/* Copy a file of the leader's, durably, name last. 0, a negative errno, or GONE. */
static int
copy_file(const lessor_follower_t *follower, const char *name, const char *to_name) {
	const int from = lsr_io->open(follower->leader, name, O_RDONLY, 0);
	if (from < 0) {
		return from == -ENOENT ? GONE : from;
	}
	const int to = lsr_io->open(follower->directory, TEMPORARY_NAME, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	int result = to < 0 ? to : 0;
	if (to >= 0) {
		const int64_t size = lsr_io->size(from);
		result = size < 0 ? (int)size : copy_bytes(follower, from, to, (uint64_t)size);
		result = result != 0 ? result : lsr_io->datasync(to);
		(void)lsr_io->close(to);
		result = result != 0 ? result : lsr_io->rename(follower->directory, TEMPORARY_NAME, to_name);
		result = result != 0 ? result : lsr_io->sync_directory(follower->directory);
	}
	(void)lsr_io->close(from);
	return result;
}

/* ---- the leader's snapshot ------------------------------------------------------------------------------------------------ */

static void
name_snapshot(uint64_t from_lsn, char name[64]) {
	(void)snprintf(name, 64, "snapshot-%016llx.lsr", (unsigned long long)from_lsn);
}

/* 'from' of the newest snapshot in a directory; 0: there is none. 0 or a negative errno. */
static int
newest_snapshot(int directory, uint64_t *from_lsn) {
	uint64_t *all = NULL;
	size_t count = 0;
	const int result = lsr_snapshot_list(directory, &all, &count);
	*from_lsn = result == 0 && count > 0 ? all[count - 1] : 0;
	free(all);
	return result;
}

/* Bring the newest snapshot, if there is one. LESSOR_NOT_RETAINED: it went away meanwhile, so it has a successor. */
static lessor_status_t
bring_snapshot(lessor_follower_t *follower) {
	char name[64];
	uint64_t from_lsn;
	int result = newest_snapshot(follower->leader, &from_lsn);
	if (result == 0 && from_lsn != 0) {
		name_snapshot(from_lsn, name);
		result = copy_file(follower, name, name);
	}
	if (result == GONE) {
		return complain(follower, LESSOR_NOT_RETAINED, "the leader replaced %s while it was copied", name);
	}
	return result == 0 ? LESSOR_OK : complain_errno(follower, result, "the snapshot cannot be copied");
}

/* Names of segments here. */
static int
list_segments(const lessor_follower_t *follower, char ***names, size_t *count) {
	*names = NULL;
	*count = 0;
	return lsr_io_list(follower->directory, LSR_SEGMENT_PREFIX, names, count);
}

static bool
begins_at_or_before(const lessor_follower_t *follower, const char *name, uint64_t lsn) {
	lsr_segment_header_t header;
	const int file = lsr_io->open(follower->directory, name, O_RDONLY, 0);
	const bool good = file >= 0 && lsr_io_read_all(file, &header, sizeof(header), 0) == 0 &&
			  lsr_segment_header_is_sound(&header) && header.first_lsn <= lsn;
	if (file >= 0) {
		(void)lsr_io->close(file);
	}
	return good;
}

/* Older snapshots, and the segments before the snapshot's position, go. What cannot be removed is in nobody's way. */
static void
drop_older(const lessor_follower_t *follower) {
	char **names;
	size_t count;
	(void)lsr_snapshot_remove_others(follower->directory, follower->snapshot);
	if (list_segments(follower, &names, &count) == 0) {
		for (size_t i = 0; i + 1 < count && begins_at_or_before(follower, names[i + 1], follower->snapshot);
		     i++) {
			(void)lsr_io->unlink(follower->directory, names[i]);
		}
	}
	free(names);
}

/* ---- segments here ----------------------------------------------------------------------------------------------------------- */

/* Begin the segment that the leader's reader is in: its first block, its size, its name. */
static int
begin_segment(lessor_follower_t *follower) {
	char name[LSR_SEGMENT_NAME_BYTES];
	lsr_segment_header_t header;
	if (follower->file >= 0) {
		(void)lsr_io->close(follower->file);
	}
	follower->file = -1;
	int result = lsr_io_read_all(follower->live.file, follower->bytes, LSR_BLOCK_BYTES, 0);
	if (result != 0) {
		return result;
	}
	memcpy(&header, follower->bytes, sizeof(header));
	lsr_segment_name(follower->live.index, name);
	const int file = lsr_io->open(follower->directory, TEMPORARY_NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (file < 0) {
		return file;
	}
	result = lsr_io_write_all(file, follower->bytes, LSR_BLOCK_BYTES, 0);
	result = result != 0 ? result : lsr_io->truncate(file, header.size_bytes);
	result = result != 0 ? result : lsr_io->datasync(file);
	result = result != 0 ? result : lsr_io->rename(follower->directory, TEMPORARY_NAME, name);
	result = result != 0 ? result : lsr_io->sync_directory(follower->directory);
	if (result != 0) {
		(void)lsr_io->close(file);
		return result;
	}
	follower->file = file;
	follower->index = follower->live.index;
	return 0;
}

/* Write a frame where the leader has it; behind a closing mark nothing comes. */
static int
put_frame(lessor_follower_t *follower, const lsr_frame_header_t *frame) {
	int result = 0;
	if (follower->file < 0 || follower->index != follower->live.index) {
		result = follower->file >= 0 ? lsr_io->datasync(follower->file) : 0;
		result = result != 0 ? result : begin_segment(follower);
	}
	const size_t frame_bytes = LSR_FRAME_HEADER_BYTES + (size_t)frame->payload_bytes;
	const size_t disk_bytes = lsr_frame_disk_bytes(frame->payload_bytes);
	memcpy(follower->bytes, frame, frame_bytes);
	memset(follower->bytes + frame_bytes, 0, disk_bytes - frame_bytes);
	result = result != 0
			 ? result
			 : lsr_io_write_all(follower->file, follower->bytes, disk_bytes, follower->live.last_offset);
	if (result == 0 && (frame->flags & LSR_FRAME_CLOSED) != 0) {
		result = lsr_io->truncate(follower->file, follower->live.offset);
	}
	return result == 0 && follower->finished ? lsr_io->datasync(follower->file) : result;
}

/* The next frame, if there is one. LESSOR_END: not yet. */
static lessor_status_t
follow_once(lessor_follower_t *follower) {
	const lsr_frame_header_t *frame;
	const lessor_status_t status = lsr_live_next(&follower->live, LSR_LIVE_UNKNOWN, &frame);
	if (status != LESSOR_OK) {
		return status == LESSOR_END ? status : complain(follower, status, "%s", follower->live.sentence);
	}
	const int result = put_frame(follower, frame);
	if (result != 0) {
		return follower->failed = complain_errno(follower, result, "the log cannot be written");
	}
	follower->applied = follower->live.next_lsn;
	return LESSOR_OK;
}

/* ---- beginning --------------------------------------------------------------------------------------------------------------- */

/* A directory without an identity may be a damaged store, which is not to be emptied. What an attempt has left is the leader's. */
static lessor_status_t
refuse_others(lessor_follower_t *follower) {
	static const char *const prefixes[] = {LSR_SEGMENT_PREFIX, "snapshot-"};
	bool is_another = false;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		char **names = NULL;
		size_t count = 0;
		const int result = lsr_io_list(follower->directory, prefixes[i], &names, &count);
		if (result != 0) {
			return complain_errno(follower, result, "the directory cannot be read");
		}
		for (size_t j = 0; j < count && !is_another; j++) {
			uint8_t store_id[LSR_STORE_ID_BYTES];
			is_another = lsr_read_store_id(follower->directory, names[j], store_id) &&
				     memcmp(store_id, follower->live.store_id, sizeof(store_id)) != 0;
		}
		free(names);
	}
	return is_another ? complain(follower, LESSOR_CONFLICT, "the directory holds files of another store")
			  : LESSOR_OK;
}

/* What an attempt that was not finished has left. */
static int
clear_directory(const lessor_follower_t *follower) {
	static const char *const prefixes[] = {LSR_SEGMENT_PREFIX, LSR_NEWEST_NAME, "snapshot", TEMPORARY_NAME};
	int result = 0;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]) && result == 0; i++) {
		char **names = NULL;
		size_t count = 0;
		result = lsr_io_list(follower->directory, prefixes[i], &names, &count);
		for (size_t j = 0; j < count && result == 0; j++) {
			result = lsr_io->unlink(follower->directory, names[j]);
		}
		free(names);
	}
	return result;
}

/* The snapshot here, checked, and how far the log has to reach at least. */
static lessor_status_t
check_snapshot(lessor_follower_t *follower, uint64_t *end_lsn) {
	lsr_snapshot_info_t info;
	const lessor_status_t status =
		lsr_snapshot_read(follower->directory, follower->live.store_id, NULL, NULL, &info);
	*end_lsn = info.end_lsn;
	follower->snapshot = info.from_lsn;
	return status == LESSOR_OK ? status : complain(follower, status, "%s", info.sentence);
}

/* Read the leader's log from the segment that holds a position, or from the one with this number. */
static lessor_status_t
open_live(lessor_follower_t *follower, uint64_t from_lsn, uint64_t index) {
	uint8_t store_id[LSR_STORE_ID_BYTES];
	memcpy(store_id, follower->live.store_id, sizeof(store_id));
	lsr_live_close(&follower->live);
	const lessor_status_t status =
		index != 0 ? lsr_live_open_segment(&follower->live, follower->leader, store_id, index)
			   : lsr_live_open(&follower->live, follower->leader, store_id, from_lsn);
	return status == LESSOR_OK ? status : complain(follower, status, "%s", follower->live.sentence);
}

/* The snapshot may be replaced, and the log before it dropped, while it is copied: then LESSOR_NOT_RETAINED, and the next try has the newer one. */
static lessor_status_t
try_begin(lessor_follower_t *follower) {
	uint64_t end_lsn = 0;
	const int cleared = clear_directory(follower);
	if (cleared != 0) {
		return complain_errno(follower, cleared, "the directory cannot be emptied");
	}
	follower->snapshot = 0;
	lessor_status_t status = bring_snapshot(follower);
	status = status == LESSOR_OK ? check_snapshot(follower, &end_lsn) : status;
	status = status == LESSOR_OK
			 ? open_live(follower, follower->snapshot != 0 ? follower->snapshot : LSR_LSN_FIRST, 0)
			 : status;
	/* A leader that writes all the time is not followed to its end before there is a store: to where it was. */
	const uint64_t newest = lsr_log_newest(follower->leader, follower->live.store_id);
	while (status == LESSOR_OK && (follower->live.next_lsn < end_lsn || follower->live.index <= newest)) {
		status = follow_once(follower);
	}
	if (status != LESSOR_OK && status != LESSOR_END) {
		return status;
	}
	int result = follower->file < 0 ? begin_segment(follower) : 0;
	if (result != 0) {
		return complain_errno(follower, result, "the first segment cannot be made");
	}
	if (follower->live.next_lsn < end_lsn) {
		return complain(follower, LESSOR_DAMAGED,
				"the leader's log ends at position %llu, before its snapshot's %llu",
				(unsigned long long)follower->live.next_lsn, (unsigned long long)end_lsn);
	}
	result = lsr_io->datasync(follower->file);
	result = result != 0 ? result : copy_file(follower, IDENTITY_NAME, IDENTITY_NAME);
	result = result == GONE ? -ENOENT : result;
	if (result != 0) {
		return complain_errno(follower, result, "the copy cannot be finished");
	}
	follower->finished = true;
	follower->applied = follower->live.next_lsn;
	return LESSOR_OK;
}

static lessor_status_t
begin(lessor_follower_t *follower) {
	lessor_status_t status = refuse_others(follower);
	if (status != LESSOR_OK) {
		return status;
	}
	status = LESSOR_NOT_RETAINED;
	for (unsigned tries = 0; tries < TRIES && status == LESSOR_NOT_RETAINED; tries++) {
		if (follower->file >= 0) {
			(void)lsr_io->close(follower->file);
			follower->file = -1;
		}
		status = try_begin(follower);
	}
	return status;
}

/* ---- going on ----------------------------------------------------------------------------------------------------------------- */

/* The end of the log here. */
typedef struct {
	uint64_t index;
	uint64_t first_lsn;
	uint64_t offset;
	uint64_t next_lsn;
	uint64_t last_offset; /* 0: the segment has no frame yet */
	uint32_t last_crc;
} lsr_end_of_log_t;

static lessor_status_t
find_end(lessor_follower_t *follower, lsr_end_of_log_t *end) {
	lsr_live_t own;
	const lsr_frame_header_t *frame;
	lessor_status_t status = lsr_live_open(&own, follower->directory, follower->live.store_id, UINT64_MAX);
	while (status == LESSOR_OK) {
		/* Nobody else writes here: as it stands. */
		status = lsr_live_next(&own, UINT64_MAX - 1, &frame);
	}
	if (status == LESSOR_END) {
		*end = (lsr_end_of_log_t){.index = own.index,
					  .first_lsn = own.first_lsn,
					  .offset = own.offset,
					  .next_lsn = own.next_lsn,
					  .last_offset = own.last_offset,
					  .last_crc = own.last_crc};
		status = LESSOR_OK;
	} else {
		status = complain(follower, status, "%s", own.sentence);
	}
	lsr_live_close(&own);
	return status;
}

/*
 * Open the leader's segment in which the log here ends. One that the leader had, and dropped, is not retained any more; one that it never had was begun here, by an engine
 * that took over.
 */
static lessor_status_t
open_met_segment(lessor_follower_t *follower, uint64_t index) {
	const lessor_status_t status = open_live(follower, 0, index);
	if (status != LESSOR_NOT_RETAINED || open_live(follower, UINT64_MAX, 0) != LESSOR_OK) {
		return status;
	}
	return follower->live.index < index
		       ? complain(follower, LESSOR_CONFLICT, "the log here goes on behind the leader's: it took over")
		       : complain(follower, status, "log segment %llx of the leader's is not there any more",
				  (unsigned long long)index);
}

/* Let the leader's reader come to the same place, and see that it is the same. */
static lessor_status_t
meet_leader(lessor_follower_t *follower, const lsr_end_of_log_t *end) {
	const lsr_frame_header_t *frame;
	lessor_status_t status = open_met_segment(follower, end->index);
	lsr_live_t *live = &follower->live;
	if (status != LESSOR_OK) {
		return status;
	}
	while (status == LESSOR_OK && live->index == end->index && live->offset < end->offset) {
		status = lsr_live_next(live, LSR_LIVE_UNKNOWN, &frame);
	}
	if (status != LESSOR_OK && status != LESSOR_END) {
		return complain(follower, status, "%s", live->sentence);
	}
	if (live->index != end->index || live->first_lsn != end->first_lsn || live->offset != end->offset ||
	    live->next_lsn != end->next_lsn || live->last_offset != end->last_offset ||
	    (end->last_offset != 0 && live->last_crc != end->last_crc)) {
		return complain(follower, LESSOR_CONFLICT, "the log here is not the beginning of the leader's log");
	}
	return LESSOR_OK;
}

/* Zeros behind the end, as the leader has them before it writes there: what a crash tore is nothing any more. */
static int
wipe_rest(lessor_follower_t *follower, const lsr_end_of_log_t *end) {
	char name[LSR_SEGMENT_NAME_BYTES];
	lsr_segment_name(end->index, name);
	follower->index = end->index;
	follower->file = lsr_io->open(follower->directory, name, O_RDWR, 0);
	if (follower->file < 0) {
		return follower->file;
	}
	const int64_t size = lsr_io->size(follower->file);
	int result = size < 0 ? (int)size : 0;
	if (result == 0 && (uint64_t)size > end->offset) {
		result = lsr_io->truncate(follower->file, end->offset);
		result = result != 0 ? result : lsr_io->truncate(follower->file, (uint64_t)size);
	}
	return result != 0 ? result : lsr_io->datasync(follower->file);
}

static lessor_status_t
go_on(lessor_follower_t *follower) {
	lsr_end_of_log_t end = {0};
	int result = newest_snapshot(follower->directory, &follower->snapshot);
	if (result != 0) {
		return complain_errno(follower, result, "the directory cannot be read");
	}
	lessor_status_t status = find_end(follower, &end);
	status = status == LESSOR_OK ? meet_leader(follower, &end) : status;
	if (status != LESSOR_OK) {
		return status;
	}
	result = wipe_rest(follower, &end);
	follower->finished = true;
	follower->applied = end.next_lsn;
	return result == 0 ? LESSOR_OK : complain_errno(follower, result, "the log cannot be opened");
}

/* ---- newer snapshots -------------------------------------------------------------------------------------------------------------- */

/*
 * Copy the leader's newest snapshot, if it is newer than the one here; it counts when the log here has come so far. It makes others unnecessary: so it is checked before.
 * One that is replaced meanwhile is not copied: there is a next time.
 */
static lessor_status_t
fetch_snapshot(lessor_follower_t *follower) {
	char name[64];
	uint64_t from_lsn;
	uint64_t again_lsn;
	lsr_snapshot_info_t info;
	int result = newest_snapshot(follower->leader, &from_lsn);
	if (result != 0 || from_lsn <= follower->snapshot) {
		return result == 0 ? LESSOR_OK : complain_errno(follower, result, "the leader cannot be read");
	}
	const lessor_status_t status = lsr_snapshot_read(follower->leader, follower->live.store_id, NULL, NULL, &info);
	if (status != LESSOR_OK) {
		result = newest_snapshot(follower->leader, &again_lsn);
		return result == 0 && again_lsn != from_lsn ? LESSOR_OK
							    : complain(follower, status, "%s", info.sentence);
	}
	name_snapshot(info.from_lsn, name);
	result = copy_file(follower, name, COMING_NAME);
	if (result == 0) {
		follower->coming = info.from_lsn;
		follower->coming_end = info.end_lsn;
	}
	return result == 0 || result == GONE ? LESSOR_OK
					     : complain_errno(follower, result, "the snapshot cannot be copied");
}

static int
install_snapshot(lessor_follower_t *follower) {
	char name[64];
	name_snapshot(follower->coming, name);
	int result = lsr_io->rename(follower->directory, COMING_NAME, name);
	result = result != 0 ? result : lsr_io->sync_directory(follower->directory);
	if (result == 0) {
		follower->snapshot = follower->coming;
		follower->coming = 0;
		drop_older(follower);
	}
	return result;
}

static lessor_status_t
renew_snapshot(lessor_follower_t *follower, bool at_segment) {
	int result = 0;
	const lessor_status_t status = at_segment && follower->coming == 0 ? fetch_snapshot(follower) : LESSOR_OK;
	if (status == LESSOR_OK && follower->coming != 0 && follower->applied >= follower->coming_end) {
		result = install_snapshot(follower);
	}
	return result == 0 ? status : complain_errno(follower, result, "the snapshot cannot be installed");
}

/* ---- the calls ------------------------------------------------------------------------------------------------------------------ */

static bool
is_leader_itself(const lessor_follower_t *follower) {
	struct stat leader;
	struct stat own;
	return fstat(follower->leader, &leader) == 0 && fstat(follower->directory, &own) == 0 &&
	       leader.st_dev == own.st_dev && leader.st_ino == own.st_ino;
}

static lessor_status_t
take_directory(lessor_follower_t *follower, const char *path) {
	if (mkdir(path, 0700) != 0 && errno != EEXIST) {
		return complain_errno(follower, -errno, path);
	}
	follower->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (follower->directory < 0) {
		return complain_errno(follower, -errno, path);
	}
	if (is_leader_itself(follower)) {
		return complain(follower, LESSOR_INVALID, "%s cannot follow itself", path);
	}
	follower->lock_file = lsr_io->open(follower->directory, LOCK_NAME, O_RDWR | O_CREAT, 0600);
	if (follower->lock_file < 0) {
		return complain_errno(follower, follower->lock_file, LOCK_NAME);
	}
	return flock(follower->lock_file, LOCK_EX | LOCK_NB) == 0
		       ? LESSOR_OK
		       : complain(follower, errno == EWOULDBLOCK ? LESSOR_LOCKED : LESSOR_IO, "%s: %s", path,
				  strerror(errno));
}

/* What is in the directory: LESSOR_OK, a store that follows this leader; LESSOR_NO_STORE: none yet. */
static lessor_status_t
look_at_directory(lessor_follower_t *follower) {
	lessor_report_t report = {0};
	uint8_t store_id[LSR_STORE_ID_BYTES];
	const lessor_status_t status = lsr_store_identify(follower->directory, store_id, &report);
	if (status != LESSOR_OK) {
		return complain(follower, status, "%s", report.sentence);
	}
	return memcmp(store_id, follower->live.store_id, sizeof(store_id)) == 0
		       ? LESSOR_OK
		       : complain(follower, LESSOR_CONFLICT, "the directory holds another store");
}

static lessor_status_t
open_follower(lessor_follower_t *follower, const char *leader, const char *directory) {
	lessor_report_t report = {0};
	follower->bytes = malloc(COPY_BYTES);
	if (follower->bytes == NULL) {
		return complain(follower, LESSOR_NO_MEMORY, "no memory to follow");
	}
	lessor_status_t status = lsr_open_store_directory(leader, &follower->leader, follower->live.store_id, &report);
	if (status != LESSOR_OK) {
		follower->leader = -1;
		return complain(follower, status, "%s", report.sentence);
	}
	status = take_directory(follower, directory);
	status = status == LESSOR_OK ? look_at_directory(follower) : status;
	return status == LESSOR_OK ? go_on(follower) : status == LESSOR_NO_STORE ? begin(follower) : status;
}

lessor_status_t
lessor_follower_open(const char *leader, const char *directory, lessor_follower_t **follower, lessor_report_t *report) {
	if (leader == NULL || directory == NULL || follower == NULL) {
		return LESSOR_INVALID;
	}
	lessor_follower_t *fresh = calloc(1, sizeof(*fresh));
	if (fresh == NULL) {
		return LESSOR_NO_MEMORY;
	}
	fresh->process = getpid();
	fresh->leader = fresh->directory = fresh->lock_file = fresh->file = fresh->live.file = -1;
	const lessor_status_t status = open_follower(fresh, leader, directory);
	if (report != NULL) {
		*report = (lessor_report_t){.last_ticket = fresh->applied};
		(void)snprintf(report->sentence, sizeof(report->sentence), "%s",
			       status == LESSOR_OK ? "" : fresh->sentence);
	}
	if (status != LESSOR_OK) {
		lessor_follower_close(&fresh);
		return status;
	}
	*follower = fresh;
	return LESSOR_OK;
}

void
lessor_follower_close(lessor_follower_t **follower) {
	if (follower == NULL || *follower == NULL) {
		return;
	}
	lessor_follower_t *old = *follower;
	lsr_live_close(&old->live);
	if (old->file >= 0) {
		(void)lsr_io->close(old->file);
	}
	if (old->lock_file >= 0) {
		if (old->process == getpid()) {
			(void)flock(old->lock_file, LOCK_UN); /* a forked child may hold a copy of the descriptor */
		}
		(void)lsr_io->close(old->lock_file);
	}
	if (old->directory >= 0) {
		(void)close(old->directory);
	}
	if (old->leader >= 0) {
		(void)close(old->leader);
	}
	free(old->bytes);
	free(old);
	*follower = NULL;
}

lessor_status_t
lessor_follower_next(lessor_follower_t *follower, int64_t timeout_ms, lessor_ticket_t *applied) {
	if (follower == NULL) {
		return LESSOR_INVALID;
	}
	if (follower->process != getpid()) {
		return LESSOR_FORKED;
	}
	if (follower->failed != LESSOR_OK) {
		return follower->failed;
	}
	const uint64_t deadline_ns = lsr_deadline_ns(timeout_ms);
	const uint64_t index = follower->index;
	lessor_status_t status = follow_once(follower);
	while (status == LESSOR_END) {
		status = lsr_await_file(&follower->live, deadline_ns, &follower->looks);
		if (status == LESSOR_OK) {
			status = follow_once(follower);
		} else if (status != LESSOR_TIMEOUT) {
			(void)complain(follower, status, "%s", follower->live.sentence);
		}
	}
	if (status == LESSOR_OK) {
		status = renew_snapshot(follower, follower->index != index);
	}
	if (applied != NULL && (status == LESSOR_OK || status == LESSOR_TIMEOUT)) {
		*applied = follower->applied;
	}
	return status;
}

const char *
lessor_follower_sentence(const lessor_follower_t *follower) {
	return follower != NULL ? follower->sentence : "";
}
