/* SPDX-License-Identifier: Apache-2.0 */
/* A reader driven over any octets. See format_walk.h. */
#include "format_walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../tools/cli.h"

#define MUST(condition) ((condition) ? (void)0 : broken(#condition))

static _Noreturn void
broken(const char *promise) {
	(void)fprintf(stderr, "a record breaks its promise: %s\n", promise);
	abort();
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

static void
mix(format_walk_t *walk, const void *octets, size_t bytes) {
	const uint8_t *at = octets;
	for (size_t i = 0; i < bytes; i++) {
		walk->fingerprint = (walk->fingerprint ^ at[i]) * UINT64_C(0x100000001B3);
	}
	walk->fingerprint = (walk->fingerprint ^ bytes) * UINT64_C(0x100000001B3);
}

static void
mix_text(format_walk_t *walk, const char *text) {
	mix(walk, text, text != NULL ? strlen(text) + 1 : 0);
}

static void
look_at_lease(format_walk_t *walk, const lessor_lease_t *lease) {
	MUST(lease->address != 0);
	MUST(lease->client_id != NULL && lease->client_id_bytes > 0);
	MUST(lease->hardware_bytes <= LESSOR_HARDWARE_MAX_BYTES);
	MUST(lease->hardware_bytes == 0 || lease->hardware != NULL);
	mix(walk, &lease->address, sizeof(lease->address));
	mix(walk, &lease->expires_at, sizeof(lease->expires_at));
	mix(walk, &lease->last_transaction_s, sizeof(lease->last_transaction_s));
	mix(walk, &lease->address_state, sizeof(lease->address_state));
	mix(walk, lease->client_id, lease->client_id_bytes);
	mix(walk, lease->hardware, lease->hardware_bytes);
	mix_text(walk, lease->name);
	mix_text(walk, lease->comment);
	mix_text(walk, lease->policy_name);
	mix_text(walk, lease->owner_name);
	mix_text(walk, lease->user_context);
	walk->leases++;
}

static void
look_at_lease6(format_walk_t *walk, const lessor_lease6_t *lease) {
	MUST(lease->address.high != 0);
	MUST(lease->duid != NULL && lease->duid_bytes > 0 && lease->duid_bytes <= LESSOR_DUID_MAX_BYTES);
	MUST(lease->hardware_bytes <= LESSOR_HARDWARE_MAX_BYTES);
	MUST(lease->hardware_bytes == 0 || lease->hardware != NULL);
	mix(walk, &lease->address, sizeof(lease->address));
	mix(walk, &lease->expires_at, sizeof(lease->expires_at));
	mix(walk, &lease->preferred_expires_at, sizeof(lease->preferred_expires_at));
	mix(walk, &lease->last_transaction_s, sizeof(lease->last_transaction_s));
	mix(walk, &lease->address_state, sizeof(lease->address_state));
	mix(walk, &lease->iaid, sizeof(lease->iaid));
	mix(walk, lease->duid, lease->duid_bytes);
	mix(walk, lease->hardware, lease->hardware_bytes);
	mix_text(walk, lease->name);
	mix_text(walk, lease->comment);
	mix_text(walk, lease->user_context);
	walk->leases++;
}

static void
look_at_scope(format_walk_t *walk, const format_record_t *record) {
	if (record->is6) {
		mix(walk, &record->scope6->prefix, sizeof(record->scope6->prefix));
		mix_text(walk, record->scope6->name);
		mix_text(walk, record->scope6->comment);
		mix(walk, record->exclusions6, record->exclusion_count * sizeof(*record->exclusions6));
		return;
	}
	mix(walk, &record->scope->subnet, sizeof(record->scope->subnet));
	mix_text(walk, record->scope->name);
	mix_text(walk, record->scope->comment);
	mix(walk, record->exclusions, record->exclusion_count * sizeof(*record->exclusions));
}

static void
look_at(format_walk_t *walk, const format_record_t *record) {
	walk->records++;
	mix(walk, &record->kind, sizeof(record->kind));
	mix(walk, &record->line, sizeof(record->line));
	switch (record->kind) {
	case FORMAT_LEASE:
		if (record->is6) {
			look_at_lease6(walk, &record->lease6);
		} else {
			look_at_lease(walk, &record->lease);
		}
		return;
	case FORMAT_END:
		MUST(record->is6 ? record->lease6.address.high != 0 : record->lease.address != 0);
		return;
	case FORMAT_SCOPE:
		look_at_scope(walk, record);
		return;
	case FORMAT_BAD:
	case FORMAT_CUT:
	case FORMAT_BROKEN:
	case FORMAT_NOTE:
		MUST(record->text != NULL);
		mix_text(walk, record->text);
		return;
	}
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* A writer gets only what a store takes. */
static bool
is_storable(const lessor_lease_t *lease) {
	return (lease->name == NULL || cli_text_valid(lease->name, LESSOR_NAME_MAX_BYTES)) &&
	       (lease->comment == NULL || cli_text_valid(lease->comment, LESSOR_NAME_MAX_BYTES)) &&
	       (lease->owner_name == NULL || cli_text_valid(lease->owner_name, LESSOR_NAME_MAX_BYTES)) &&
	       (lease->policy_name == NULL || cli_text_valid(lease->policy_name, LESSOR_POLICY_MAX_BYTES)) &&
	       (lease->user_context == NULL || cli_text_valid(lease->user_context, LESSOR_USER_CONTEXT_MAX_BYTES));
}

static void
write_everywhere(format_writer_t *writer, const lessor_lease_t *lease) {
	lessor_scope_t scope = {.subnet = lease->address, .mask = UINT32_MAX, .id = 1, .lease_s = 60};
	for (size_t i = 0; formats[i] != NULL && is_storable(lease); i++) {
		uint32_t losses = 0;
		MUST(formats[i]->lease == NULL || formats[i]->lease(writer, lease, &scope, &losses));
	}
}

static bool
is_storable6(const lessor_lease6_t *lease) {
	return (lease->name == NULL || cli_text_valid(lease->name, LESSOR_NAME_MAX_BYTES)) &&
	       (lease->comment == NULL || cli_text_valid(lease->comment, LESSOR_NAME_MAX_BYTES)) &&
	       (lease->user_context == NULL || cli_text_valid(lease->user_context, LESSOR_USER_CONTEXT_MAX_BYTES));
}

static void
write_everywhere6(format_writer_t *writer, const lessor_lease6_t *lease) {
	lessor_scope6_t scope = {.prefix = lease->address.high, .id = 1, .lease_s = 60};
	for (size_t i = 0; formats[i] != NULL && is_storable6(lease); i++) {
		uint32_t losses = 0;
		MUST(formats[i]->lease6 == NULL || formats[i]->lease6(writer, lease, &scope, &losses));
	}
}

/* ---- walking ----------------------------------------------------------------------------------------------------- */

static void
walk_through(format_walk_t *walk, format_reader_t *reader, size_t bytes, format_writer_t *writer) {
	format_record_t record;
	int got;
	while ((got = reader->format->next(reader, &record)) > 0) {
		look_at(walk, &record);
		MUST(walk->records <= bytes + 1); /* each takes something of the file, but for one about its header */
		if (record.kind == FORMAT_LEASE && record.is6) {
			write_everywhere6(writer, &record.lease6);
		} else if (record.kind == FORMAT_LEASE) {
			write_everywhere(writer, &record.lease);
		}
	}
	MUST(got == 0);
	MUST(reader->format->next(reader, &record) == 0);
}

format_walk_t
format_walk(const format_t *format, const void *octets, size_t bytes) {
	format_walk_t walk = {0, 0, UINT64_C(0xCBF29CE484222325)};
	format_options_t options = {.date_order = FORMAT_DATE_MONTH_FIRST};
	char sentence[KEA_SENTENCE_BYTES] = "";
	bool foreign = false;
	output_file_t output;
	format_writer_t writer = {.output = &output, .scratch = malloc(OUTPUT_FILE_ROOM)};
	int fd = memfd_create("format_walk", MFD_CLOEXEC);
	MUST(fd >= 0 && writer.scratch != NULL && output_file_open(&output, "/dev/null") == 0);
	MUST(write(fd, octets, bytes) == (ssize_t)bytes);
	format_source_t source = {"walk", fd, bytes, 1767225600, &options};
	format_reader_t *reader = format->open(&source, &foreign, sentence);
	if (reader != NULL) {
		walk_through(&walk, reader, bytes, &writer);
		format->close(reader);
	} else {
		MUST(sentence[0] != '\0');
		mix_text(&walk, sentence);
	}
	output_file_abandon(&output);
	close(fd);
	free(writer.scratch);
	return walk;
}

/* ---- configurations ---------------------------------------------------------------------------------------------- */

static void
look_at_config_scope(const kea_scope_t *scope) {
	MUST((scope->subnet & ~scope->mask) == 0);
	MUST(!scope->has_range || scope->range.first <= scope->range.last);
	MUST(!scope->has_range || ((scope->range.first & scope->mask) == scope->subnet &&
				   (scope->range.last & scope->mask) == scope->subnet));
	for (size_t i = 0; i < scope->gap_count; i++) {
		MUST(scope->gaps[i].first <= scope->gaps[i].last);
		MUST(scope->gaps[i].first >= scope->range.first && scope->gaps[i].last <= scope->range.last);
	}
}

size_t
config_walk(const void *octets, size_t bytes) {
	char sentence[KEA_SENTENCE_BYTES] = "";
	kea_scopes_t scopes = {0};
	size_t count = 0;
	char *text = malloc(bytes + 1);
	MUST(text != NULL);
	memcpy(text, octets, bytes);
	text[bytes] = '\0';
	if (kea_config_parse(text, bytes, &scopes, sentence) && kea_scopes_seal(&scopes, sentence)) {
		count = scopes.count;
		for (size_t i = 0; i < count; i++) {
			look_at_config_scope(&scopes.items[i]);
			MUST(kea_scopes_find(&scopes, scopes.items[i].subnet) == &scopes.items[i]);
		}
	} else {
		MUST(sentence[0] != '\0');
	}
	kea_scopes_free(&scopes);
	free(text);
	return count;
}
