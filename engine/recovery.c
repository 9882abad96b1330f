/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening: newest snapshot, then the log behind it, then the indexes.
 *
 * Replay rules, applied in log order to an engine that nobody else sees yet. Leases and their ends go through replay.h, which applies them on several threads
 * with the result of one; whatever else is here waits until they are done, and is applied alone.
 *   lease       Put it into its scope's table if the record there, if any, has a smaller LSN. No scope owns the address: in the log, damage. In a
 *               snapshot, skip it: scopes are listed first, under the lock that their changes hold, and are those of its 'from' position; a lease of a
 *               scope that came while the leases were written is in the log again, behind its scope.
 *   lease end   Remove the lease if its LSN is smaller. Count the delete if its epoch is later than the snapshot's. No scope owns the address: damage.
 *   scope       Same subnet and uid: take the configuration; with another mask, forget what leases there are: in truth there were none, and the log has later ones again. Otherwise create it; if it overlaps one with a greater uid, a later state is
 *               already there: skip it.
 *   scope end   Same uid: remove the scope with its leases. Otherwise a later scope is already there: remove from it the leases with a smaller LSN.
 *   clear       Take the configuration, and remove the leases of the range that have a smaller LSN and are not reserved. All deletes count: under the lock that the snapshot
 *               took for its 'from' no epoch ends.
 *   lease6, lease6 end, scope6, scope6 end
 *               The same for IPv6.
 *   origin      Give the number these texts.
 *   superscope, its end, filter, its end, enforcement, limit, its end: as they say.
 *   group       The records in it, one after the other, with its LSN.
 * Counters are kept all along, so that high-water marks come out as they were. Then every lease enters the client hash (reindex.h). Two leases of one client in
 * one scope cannot come out of a sound log; should it happen, the greater LSN wins and the report says so.
 */
#include "engine_p.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/text.h"
#include "reindex.h"
#include "replay.h"

/* ---- scopes -------------------------------------------------------------------------------------------------------- */

static void
set_high_water(lsr_scope_t *scope, uint64_t high_water) {
	atomic_store_explicit(&scope->counters.high_water, high_water, memory_order_relaxed);
}

/* The same scope with a new configuration. */
static void
take_config(lsr_recovery_t *recovery, lsr_scope_t *scope, lsr_scope_config_t *fresh) {
	lsr_scope_config_t *old = lsr_scope_install(scope, fresh);
	const bool same6 = !scope->is_sparse || (fresh->exclusions == old->exclusions &&
						 memcmp(fresh->exclusion6, old->exclusion6,
							old->exclusions * sizeof(old->exclusion6[0])) == 0);
	if (fresh->pool != old->pool || fresh->has_range != old->has_range || !same6 ||
	    memcmp(&fresh->range, &old->range, sizeof(fresh->range)) != 0) {
		lsr_engine_recount(recovery->engine, scope, fresh);
	}
	lsr_scope_config_retire(old);
	lsr_rcu_brake();
}

/* It is out of the trie. A snapshot may show leases of a later scope in its place; the log has them again. */
static void
discard_scope(lessor_engine_t *engine, lsr_scope_t *scope) {
	lsr_engine_free_tails(engine, scope);
	lsr_engine_empty_records(engine, scope);
	lsr_scope_free(scope, &engine->pages);
}

/* A scope that was made for this configuration; NULL: it could not be. */
static lessor_status_t
add_scope(lsr_recovery_t *recovery, lsr_scope_t *scope, lsr_scope_config_t *config, uint64_t deletes,
	  uint64_t high_water) {
	lessor_engine_t *engine = recovery->engine;
	lsr_trie_change_t change;
	if (scope == NULL) {
		lsr_scope_config_free(config);
		return LESSOR_NO_MEMORY;
	}
	const lessor_status_t status = lsr_engine_stage_scope(engine, scope, true, &change);
	if (status != LESSOR_OK) {
		lsr_scope_free(scope, &engine->pages);
		return status == LESSOR_SCOPE_EXISTS ? LESSOR_OK : status;
	}
	lsr_trie_publish(lsr_engine_trie(engine, scope), &change);
	lsr_rcu_brake();
	atomic_store_explicit(&scope->counters.deletes[0], deletes, memory_order_relaxed);
	set_high_water(scope, high_water);
	(void)atomic_fetch_add_explicit(&engine->scopes, 1, memory_order_relaxed);
	return LESSOR_OK;
}

/* A scope with this number comes, or is there. False: there is no such number. */
static bool
take_uid(lessor_engine_t *engine, uint32_t uid) {
	if (uid == 0 || uid == UINT32_MAX) {
		return false;
	}
	if (uid >= engine->next_uid) {
		engine->next_uid = uid + 1;
	}
	return true;
}

/* The same scope with another mask. */
static lessor_status_t
move_scope(lsr_recovery_t *recovery, lsr_scope_t *scope, const lsr_scope_image_t *image) {
	lessor_engine_t *engine = recovery->engine;
	lsr_trie_move_t move;
	lsr_scope_t *successor = lsr_scope_new_masked(scope, image->mask, image->config);
	if (successor == NULL) {
		lsr_scope_config_free(image->config);
		return LESSOR_NO_MEMORY;
	}
	const lessor_status_t status = lsr_scope_stage_move(&engine->trie, scope, successor, &move);
	if (status != LESSOR_OK) {
		lsr_scope_free(successor, &engine->pages);
		return status == LESSOR_SCOPE_EXISTS ? LESSOR_DAMAGED : status;
	}
	lsr_trie_publish_move(&engine->trie, &move);
	lsr_rcu_brake();
	discard_scope(engine, scope);
	return LESSOR_OK;
}

static lessor_status_t
apply_scope(lsr_recovery_t *recovery, const uint8_t *payload, size_t size_bytes) {
	lsr_scope_image_t image;
	lessor_engine_t *engine = recovery->engine;
	const lessor_status_t status = lsr_scope_image_get(payload, size_bytes, &image);
	if (status != LESSOR_OK) {
		return status;
	}
	if (!take_uid(engine, image.uid)) {
		lsr_scope_config_free(image.config);
		return LESSOR_DAMAGED;
	}
	lsr_scope_t *present = lsr_trie_find(&engine->trie, lsr_key_ipv4(image.subnet));
	if (present != NULL && present->uid == image.uid) {
		if (present->mask != image.mask) {
			return move_scope(recovery, present, &image);
		}
		take_config(recovery, present, image.config);
		return LESSOR_OK;
	}
	return add_scope(recovery, lsr_scope_new(image.subnet, image.mask, image.uid, image.config), image.config,
			 image.deletes, image.high_water);
}

static lessor_status_t
apply_scope6(lsr_recovery_t *recovery, const uint8_t *payload, size_t size_bytes) {
	lsr_scope6_image_t image;
	lessor_engine_t *engine = recovery->engine;
	const lessor_status_t status = lsr_scope6_image_get(payload, size_bytes, &image);
	if (status != LESSOR_OK) {
		return status;
	}
	if (!take_uid(engine, image.uid)) {
		lsr_scope_config_free(image.config);
		return LESSOR_DAMAGED;
	}
	lsr_scope_t *present = lsr_engine_scope6_of(engine, image.prefix);
	if (present != NULL && present->uid == image.uid) {
		take_config(recovery, present, image.config);
		return LESSOR_OK;
	}
	return add_scope(recovery, lsr_scope6_new(image.prefix, image.uid, image.config), image.config, image.deletes,
			 image.high_water);
}

void
lsr_recovery_remove(const lsr_recovery_t *recovery, const lsr_found_t *found, uint64_t lsn) {
	lessor_engine_t *engine = recovery->engine;
	const bool is_six = found->scope->is_sparse;
	lsr_scope_t *scope = is_six ? lsr_engine_scope6_of(engine, found->scope->sparse->prefix)
				    : lsr_engine_scope_of(engine, found->address);
	const uint64_t unit = lsr_engine_unit_of(engine, scope, found->address, found->record_id);
	if (lsn > recovery->settled_lsn) {
		lsr_counters_subtract(&scope->counters, lsr_body_counter(&found->body), unit);
	} else {
		lsr_counters_take_back(&scope->counters, lsr_body_counter(&found->body), unit);
	}
	if (is_six) {
		lsr_rcu_enter();
		lsr_replay_vacate6(engine, scope, found->record_id, &found->body);
		lsr_rcu_leave();
		lsr_rcu_brake();
	} else {
		lsr_replay_vacate(lsr_pages_record(&engine->pages, found->record_id), &found->body);
	}
}

/* Remove the leases of a range of addresses that are older than lsn; the reserved ones too, if they are not spared. */
static void
remove_older(const lsr_recovery_t *recovery, uint32_t first, uint32_t last, uint64_t lsn, bool spare_reserved) {
	uint64_t at = first;
	bool more = true;
	while (more) {
		lsr_found_t found;
		if (lsr_engine_walk(recovery->engine, &at, last, &found, &more) && found.body.lsn < lsn &&
		    !(spare_reserved && lsr_body_is_reserved(&found.body))) {
			lsr_recovery_remove(recovery, &found, lsn);
		}
	}
}

/* The scope with its records out of the trie and freed. */
static lessor_status_t
take_away(lessor_engine_t *engine, lsr_scope_t *scope) {
	lsr_trie_change_t change;
	const lessor_status_t status = lsr_engine_stage_scope(engine, scope, false, &change);
	if (status != LESSOR_OK) {
		return status;
	}
	lsr_trie_publish(lsr_engine_trie(engine, scope), &change);
	(void)atomic_fetch_sub_explicit(&engine->scopes, 1, memory_order_relaxed);
	discard_scope(engine, scope);
	return LESSOR_OK;
}

/* u64 prefix, u32 uid */
static lessor_status_t
apply_scope6_end(lsr_recovery_t *recovery, const uint8_t *payload, size_t size_bytes, uint64_t lsn) {
	lsr_walk6_t walk = {0};
	uint32_t uid;
	if (size_bytes != sizeof(walk.prefix) + sizeof(uid)) {
		return LESSOR_DAMAGED;
	}
	memcpy(&walk.prefix, payload, sizeof(walk.prefix));
	memcpy(&uid, payload + sizeof(walk.prefix), sizeof(uid));
	const uint64_t prefix = walk.prefix;
	for (bool more = true; more;) {
		lsr_found_t found;
		if (lsr_engine_walk6(recovery->engine, &walk, prefix, &found, &more) && found.body.lsn < lsn) {
			lsr_recovery_remove(recovery, &found, lsn);
		}
	}
	lsr_scope_t *scope = lsr_engine_scope6_of(recovery->engine, prefix);
	return scope == NULL || scope->uid != uid ? LESSOR_OK : take_away(recovery->engine, scope);
}

static lessor_status_t
apply_scope_end(lsr_recovery_t *recovery, const uint8_t *payload, size_t size_bytes, uint64_t lsn) {
	uint32_t image[3];
	lessor_engine_t *engine = recovery->engine;
	if (size_bytes != sizeof(image)) {
		return LESSOR_DAMAGED;
	}
	memcpy(image, payload, sizeof(image));
	remove_older(recovery, image[0], image[0] | ~image[1], lsn, false);
	lsr_scope_t *scope = lsr_trie_find(&engine->trie, lsr_key_ipv4(image[0]));
	if (scope == NULL || scope->uid != image[2]) {
		return LESSOR_OK;
	}
	return take_away(engine, scope);
}

static lessor_status_t
apply_clear(lsr_recovery_t *recovery, const uint8_t *payload, size_t size_bytes, uint64_t lsn) {
	uint32_t head[3]; /* uid, first, last */
	lsr_scope_image_t image;
	if (size_bytes < sizeof(head)) {
		return LESSOR_DAMAGED;
	}
	memcpy(head, payload, sizeof(head));
	const lessor_status_t status = lsr_scope_image_get(payload + sizeof(head), size_bytes - sizeof(head), &image);
	if (status != LESSOR_OK) {
		return status;
	}
	lsr_scope_t *scope = lsr_engine_scope_of(recovery->engine, image.subnet);
	if (scope == NULL || scope->uid != head[0] || scope->uid != image.uid || scope->mask != image.mask ||
	    head[1] > head[2] || (head[1] & scope->mask) != scope->subnet || (head[2] & scope->mask) != scope->subnet) {
		lsr_scope_config_free(image.config);
		return LESSOR_DAMAGED;
	}
	remove_older(recovery, head[1], head[2], lsn, true);
	(void)atomic_fetch_add_explicit(&scope->counters.deletes[0], image.deletes, memory_order_relaxed);
	take_config(recovery, scope, image.config);
	return LESSOR_OK;
}

static lessor_status_t
apply_origin(lsr_recovery_t *recovery, const uint8_t *payload, size_t size_bytes) {
	uint32_t number;
	lsr_origin_t origin;
	if (!lsr_origin_image_get(payload, size_bytes, &number, &origin)) {
		return LESSOR_DAMAGED;
	}
	const lsr_origin_t *present = lsr_origins_get(&recovery->engine->origins, (uint16_t)number);
	if (lsr_origins_add(&recovery->engine->origins, number, &origin)) {
		return LESSOR_OK;
	}
	return present != NULL ? LESSOR_DAMAGED : LESSOR_NO_MEMORY;
}

/* ---- all records --------------------------------------------------------------------------------------------------- */

static lessor_status_t
apply_lease_end(const lsr_recovery_t *recovery, const uint8_t *payload, size_t size_bytes, uint64_t lsn) {
	uint32_t image[3]; /* address, epoch, and for what was no lease a third word */
	const bool was_lease = size_bytes == LSR_END_BYTES;
	if (!was_lease && size_bytes != sizeof(image)) {
		return LESSOR_DAMAGED;
	}
	memcpy(image, payload, size_bytes);
	const bool counts = was_lease && (recovery->count_all || (int32_t)(image[1] - recovery->snapshot_epoch) > 0);
	return lsr_replay_lease_end(recovery->replay, image[0], counts, lsn);
}

static lessor_status_t
apply_lease6_end(const lsr_recovery_t *recovery, const uint8_t *payload, size_t size_bytes, uint64_t lsn) {
	lsr_end6_image_t image;
	const bool was_lease = size_bytes == LSR_END6_BYTES;
	if (!was_lease && size_bytes != sizeof(image)) {
		return LESSOR_DAMAGED;
	}
	memcpy(&image, payload, size_bytes);
	const bool counts = was_lease && (recovery->count_all || (int32_t)(image.epoch - recovery->snapshot_epoch) > 0);
	return lsr_replay_lease6_end(recovery->replay, image.address, counts, lsn);
}

/* What is no lease: alone, behind everything before it. */
static lessor_status_t
apply_alone(lsr_recovery_t *recovery, uint32_t type, const uint8_t *payload, size_t size_bytes, uint64_t lsn) {
	lessor_engine_t *engine = recovery->engine;
	const lessor_status_t status = lsr_replay_drain(recovery->replay);
	if (status != LESSOR_OK) {
		return status;
	}
	switch (type) {
	case LSR_LOG_ORIGIN:
		return apply_origin(recovery, payload, size_bytes);
	case LSR_LOG_SCOPE:
		return apply_scope(recovery, payload, size_bytes);
	case LSR_LOG_SCOPE_END:
		return apply_scope_end(recovery, payload, size_bytes, lsn);
	case LSR_LOG_SCOPE6:
		return apply_scope6(recovery, payload, size_bytes);
	case LSR_LOG_SCOPE6_END:
		return apply_scope6_end(recovery, payload, size_bytes, lsn);
	case LSR_LOG_CLEAR:
		return apply_clear(recovery, payload, size_bytes, lsn);
	case LSR_LOG_SUPERSCOPE:
		return lsr_superscopes_replay(&engine->superscopes, payload, size_bytes);
	case LSR_LOG_SUPERSCOPE_END:
		return lsr_superscopes_replay_end(&engine->superscopes, payload, size_bytes);
	case LSR_LOG_FILTER:
		return lsr_filters_replay(&engine->filters, payload, size_bytes);
	case LSR_LOG_FILTER_END:
		return lsr_filters_replay_end(&engine->filters, payload, size_bytes);
	case LSR_LOG_FILTER_ENFORCE:
		return lsr_filters_replay_enforce(&engine->filters, payload, size_bytes);
	case LSR_LOG_LIMIT:
		return lsr_limits_replay(&engine->limits, payload, size_bytes);
	case LSR_LOG_LIMIT_END:
		return lsr_limits_replay_end(&engine->limits, payload, size_bytes);
	default:
		return LESSOR_DAMAGED;
	}
}

static lessor_status_t
apply_one(lsr_recovery_t *recovery, uint32_t header, const uint8_t *payload, uint64_t lsn) {
	const size_t size_bytes = lsr_header_payload_bytes(header);
	switch (lsr_header_type(header)) {
	case LSR_LOG_LEASE:
		return lsr_replay_lease(recovery->replay, payload, size_bytes, lsn);
	case LSR_LOG_LEASE_END:
		return apply_lease_end(recovery, payload, size_bytes, lsn);
	case LSR_LOG_LEASE6:
		return lsr_replay_lease6(recovery->replay, payload, size_bytes, lsn);
	case LSR_LOG_LEASE6_END:
		return apply_lease6_end(recovery, payload, size_bytes, lsn);
	default:
		return apply_alone(recovery, lsr_header_type(header), payload, size_bytes, lsn);
	}
}

static lessor_status_t
apply_group(lsr_recovery_t *recovery, const uint8_t *payload, size_t size_bytes, uint64_t lsn) {
	uint32_t header;
	const uint8_t *inner;
	lessor_status_t status = LESSOR_OK;
	while (status == LESSOR_OK && lsr_group_next(&payload, &size_bytes, &header, &inner)) {
		status = apply_one(recovery, header, inner, lsn);
	}
	return status == LESSOR_OK && size_bytes != 0 ? LESSOR_DAMAGED : status;
}

lessor_status_t
lsr_recovery_apply(void *context, uint32_t header, const uint8_t *payload, uint64_t lsn) {
	const size_t size_bytes = lsr_header_payload_bytes(header);
	if (size_bytes > lsr_header_bytes(header)) {
		return LESSOR_DAMAGED;
	}
	return lsr_header_type(header) == LSR_LOG_GROUP ? apply_group(context, payload, size_bytes, lsn)
							: apply_one(context, header, payload, lsn);
}

/* ---- the whole ------------------------------------------------------------------------------------------------------ */

/* End the log where it ends, so that the next open does not see again what a torn flush left behind. */
static lessor_status_t
cut_tail(const lessor_engine_t *engine, const lsr_log_contents_t *contents, lessor_report_t *report) {
	const lsr_segment_info_t *last = contents->count > 0 ? &contents->segments[contents->count - 1] : NULL;
	if (last == NULL || last->end_offset == 0) {
		return LESSOR_OK;
	}
	const int result =
		lsr_segment_end(engine->directory, engine->store_id, last, contents->end_lsn, contents->closed);
	if (result == 0) {
		return LESSOR_OK;
	}
	(void)snprintf(report->sentence, sizeof(report->sentence),
		       LSR_SEGMENT_NAME_FORMAT ": cannot be ended at offset %llu: %s", (unsigned long long)last->index,
		       (unsigned long long)last->end_offset, strerror(-result));
	return result == -ENOSPC || result == -EDQUOT ? LESSOR_DISK_FULL : LESSOR_IO;
}

/*
 * What was read may still sit in the page cache only, if the process that wrote it died before its flush: make it durable before anything
 * is built on it.
 */
static lessor_status_t
make_durable(const lessor_engine_t *engine, const lsr_log_contents_t *contents, lessor_report_t *report) {
	int result = 0;
	for (size_t i = 0; i < contents->count && result == 0; i++) {
		if (contents->segments[i].end_offset == 0) {
			continue;
		}
		char name[LSR_SEGMENT_NAME_BYTES];
		lsr_segment_name(contents->segments[i].index, name);
		const int file = lsr_io->open(engine->directory, name, O_RDWR, 0);
		result = file < 0 ? file : lsr_io->datasync(file);
		if (file >= 0) {
			(void)lsr_io->close(file);
		}
	}
	result = result != 0 ? result : lsr_io->sync_directory(engine->directory);
	if (result != 0) {
		(void)snprintf(report->sentence, sizeof(report->sentence), "the log cannot be synced: %s",
			       strerror(-result));
		return LESSOR_IO;
	}
	return LESSOR_OK;
}

/* Segments that were prepared and never used. What cannot be removed is in nobody's way. */
static void
remove_prepared(const lessor_engine_t *engine) {
	char **names = NULL;
	size_t count = 0;
	if (lsr_io_list(engine->directory, LSR_PREPARED_PREFIX, &names, &count) == 0) {
		for (size_t i = 0; i < count; i++) {
			(void)lsr_io->unlink(engine->directory, names[i]);
		}
	}
	free(names);
}

void
lsr_recovery_begin_log(lsr_recovery_t *recovery, const lsr_snapshot_info_t *snapshot, bool strict) {
	lessor_engine_t *engine = recovery->engine;
	recovery->count_all = snapshot->from_lsn == 0;
	recovery->snapshot_epoch = (uint32_t)snapshot->epoch;
	recovery->settled_lsn = snapshot->end_lsn;
	atomic_store_explicit(&engine->epoch, (uint32_t)snapshot->epoch + 1, memory_order_relaxed);
	atomic_store_explicit(&engine->snapshot_from, snapshot->from_lsn, memory_order_relaxed);
	lsr_replay_begin_log(recovery->replay, snapshot->end_lsn, strict);
}

static lessor_status_t
read_snapshot(lsr_recovery_t *recovery, lsr_snapshot_info_t *snapshot, lessor_report_t *report) {
	lessor_engine_t *engine = recovery->engine;
	lessor_status_t status =
		lsr_snapshot_read(engine->directory, engine->store_id, lsr_recovery_apply, recovery, snapshot);
	const lessor_status_t drained = lsr_replay_drain(recovery->replay);
	status = status == LESSOR_OK ? drained : status;
	report->snapshot_leases = snapshot->leases;
	report->snapshot_bytes = snapshot->size_bytes;
	if (status != LESSOR_OK) {
		(void)snprintf(report->sentence, sizeof(report->sentence), "%s", snapshot->sentence);
		return status;
	}
	lsr_recovery_begin_log(recovery, snapshot, true);
	return LESSOR_OK;
}

static lessor_status_t
refuse_at(void *context, uint32_t header, const uint8_t *payload, uint64_t lsn) {
	const uint64_t *refused_lsn = context;
	(void)header;
	(void)payload;
	return lsn == *refused_lsn ? LESSOR_DAMAGED : LESSOR_OK;
}

/* A record turned out to be damaged when the reader was beyond it already: read once more, to say where it stands. */
static lessor_status_t
read_again(const lsr_recovery_t *recovery, uint64_t from_lsn, lsr_log_contents_t *contents) {
	const lessor_engine_t *engine = recovery->engine;
	uint64_t refused_lsn = lsr_replay_failed_lsn(recovery->replay);
	lsr_log_contents_free(contents);
	const lessor_status_t status =
		lsr_log_read(engine->directory, engine->store_id, from_lsn, refuse_at, &refused_lsn, contents);
	return status != LESSOR_OK ? status : LESSOR_DAMAGED;
}

static lessor_status_t
read_log(lsr_recovery_t *recovery, const lsr_snapshot_info_t *snapshot, lsr_log_contents_t *contents,
	 lessor_report_t *report) {
	lessor_engine_t *engine = recovery->engine;
	lessor_status_t status = lsr_log_read(engine->directory, engine->store_id, snapshot->from_lsn,
					      lsr_recovery_apply, recovery, contents);
	const lessor_status_t drained = lsr_replay_drain(recovery->replay);
	if (drained == LESSOR_DAMAGED) {
		status = read_again(recovery, snapshot->from_lsn, contents);
	} else if (drained != LESSOR_OK) {
		status = drained;
		contents->sentence[0] = '\0';
	}
	report->log_records = contents->records;
	report->cut_bytes = contents->cut_bytes;
	report->last_ticket = contents->end_lsn;
	engine->loaded_lsn = contents->end_lsn;
	for (size_t i = 0; i < contents->count; i++) {
		engine->loaded_log_bytes += contents->segments[i].size_bytes;
	}
	if (status == LESSOR_OK && contents->end_lsn < snapshot->end_lsn) {
		status = lsr_complain(contents->sentence, sizeof(contents->sentence), LESSOR_DAMAGED,
				      "the log ends at position %llu, but the snapshot shows changes up to %llu",
				      (unsigned long long)contents->end_lsn, (unsigned long long)snapshot->end_lsn);
	}
	(void)snprintf(report->sentence, sizeof(report->sentence), "%s", contents->sentence);
	return status;
}

static lessor_status_t
read_everything(lsr_recovery_t *recovery, lsr_log_contents_t *contents, lessor_report_t *report) {
	lsr_snapshot_info_t snapshot;
	recovery->replay = lsr_replay_new(recovery->engine);
	if (recovery->replay == NULL) {
		return LESSOR_NO_MEMORY;
	}
	lessor_status_t status = read_snapshot(recovery, &snapshot, report);
	if (status == LESSOR_OK) {
		status = read_log(recovery, &snapshot, contents, report);
	}
	lsr_replay_free(recovery->replay);
	if (status == LESSOR_OK && contents->count == 0 && recovery->engine->log_begun) {
		status = lsr_complain(report->sentence, sizeof(report->sentence), LESSOR_DAMAGED,
				      "all log segments (" LSR_SEGMENT_PREFIX "*.seg) are missing");
	}
	return status;
}

void
lsr_engine_fill_totals(const lessor_engine_t *engine, lessor_report_t *report) {
	const lsr_scope_t *scope;
	lsr_scope_cursor_t cursor = {0};
	report->leases = report->scopes = 0;
	while ((scope = lsr_engine_next_scope(engine, &cursor)) != NULL) {
		report->leases += lsr_counters_leases(&scope->counters);
		report->scopes++;
	}
}

/* What there is to say although all went well. */
static void
remark(const lessor_engine_t *engine, uint64_t duplicates, lessor_report_t *report) {
	if (duplicates != 0) {
		(void)snprintf(report->sentence, sizeof(report->sentence),
			       "%llu clients had two leases in one scope; the newer one was kept",
			       (unsigned long long)duplicates);
	} else if (report->cut_bytes != 0) {
		(void)snprintf(report->sentence, sizeof(report->sentence),
			       "a write that was not complete, and never acknowledged, %s the end of the log",
			       engine->read_only ? "stands at" : "was cut off");
	}
}

lessor_status_t
lsr_engine_recover(lessor_engine_t *engine, lsr_log_contents_t *contents, lessor_report_t *report) {
	lsr_recovery_t recovery = {.engine = engine};
	uint64_t duplicates = 0;
	lessor_status_t status = read_everything(&recovery, contents, report);
	if (status == LESSOR_OK && !engine->read_only) {
		status = make_durable(engine, contents, report);
		status = status == LESSOR_OK ? cut_tail(engine, contents, report) : status;
		if (status == LESSOR_OK) {
			remove_prepared(engine);
		}
	}
	lsr_engine_fill_totals(engine, report);
	if (status == LESSOR_OK) {
		status = lsr_engine_reindex(engine, report->leases, &duplicates);
		report->leases -= duplicates;
	}
	if (status == LESSOR_OK) {
		remark(engine, duplicates, report);
	} else if (status == LESSOR_NO_MEMORY && report->sentence[0] == '\0') {
		(void)snprintf(report->sentence, sizeof(report->sentence), "no memory for what the store holds");
	}
	return status;
}
