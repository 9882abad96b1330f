/* SPDX-License-Identifier: Apache-2.0 */
/* Scopes: what may be one, what may not lie beside it, how they are found, what range and exclusions leave to hand out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"

#define SUBNET UINT32_C(0xC0A80100)
#define MASK   UINT32_C(0xFFFFFF00)

static lessor_engine_t *engine;

static int
open_engine(void **state) {
	(void)state;
	engine = scratch_open_memory();
	return 0;
}

static int
close_engine(void **state) {
	(void)state;
	return lessor_close(&engine) == LESSOR_OK ? 0 : -1;
}

static lessor_status_t
create(uint32_t subnet, uint32_t mask) {
	lessor_scope_t scope = scratch_scope(subnet, mask);
	return lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL);
}

static uint32_t
mask_of(unsigned bits) {
	return UINT32_MAX << (32 - bits);
}

/*
 * What is a scope.
 */

static void
test_every_contiguous_mask_is_accepted(void **state) {
	(void)state;
	for (unsigned bits = 1; bits <= 32; bits++) {
		uint32_t subnet = UINT32_C(0x80000000);
		lessor_scope_t found;
		assert_status(LESSOR_OK, create(subnet, mask_of(bits)));
		assert_status(LESSOR_OK, lessor_scope_find(engine, subnet | ~mask_of(bits), &found, NULL, 0));
		assert_int_equal(found.mask, mask_of(bits));
		assert_status(LESSOR_NO_SCOPE, lessor_scope_find(engine, subnet - 1, &found, NULL, 0));
		if (bits > 1) {
			uint32_t behind = (subnet | ~mask_of(bits)) + 1;
			assert_status(LESSOR_NO_SCOPE, lessor_scope_find(engine, behind, &found, NULL, 0));
		}
		assert_status(LESSOR_OK, lessor_scope_delete(engine, subnet, false, LESSOR_ASYNC, NULL));
		assert_status(LESSOR_NO_SCOPE, lessor_scope_find(engine, subnet, &found, NULL, 0));
	}
}

static void
test_other_masks_and_subnets_are_refused(void **state) {
	static const struct {
		uint32_t subnet;
		uint32_t mask;
	} refused[] = {
		{SUBNET, 0}, {SUBNET, 0x00FFFFFF},     {SUBNET, 0xFFFFFF01}, {SUBNET, 0xFF00FF00}, {SUBNET, 0xFFFFFEFF},
		{SUBNET, 1}, {0x80000000, 0x7FFFFFFF}, {SUBNET + 1, MASK},   {SUBNET + 128, MASK}, {SUBNET, 0xFFFFFE00},
		{0, MASK},   {0, UINT32_MAX},          {0, 0x80000000},      {1, 0xFFFFFFFE},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		assert_status(LESSOR_INVALID, create(refused[i].subnet, refused[i].mask));
	}
	assert_status(LESSOR_INVALID, lessor_scope_create(engine, NULL, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, create(1, UINT32_MAX));
	assert_status(LESSOR_OK, create(UINT32_MAX, UINT32_MAX));
}

static void
test_ranges_lie_inside(void **state) {
	static const struct {
		lessor_range_t range;
		lessor_status_t expected;
	} cases[] = {
		{{SUBNET, SUBNET + 255}, LESSOR_OK},
		{{SUBNET + 7, SUBNET + 7}, LESSOR_OK},
		{{SUBNET, SUBNET}, LESSOR_OK},
		{{SUBNET + 255, SUBNET + 255}, LESSOR_OK},
		{{SUBNET + 8, SUBNET + 7}, LESSOR_INVALID},
		{{SUBNET - 1, SUBNET + 7}, LESSOR_INVALID},
		{{SUBNET, SUBNET + 256}, LESSOR_INVALID},
		{{SUBNET - 1, SUBNET + 256}, LESSOR_INVALID},
		{{0, UINT32_MAX}, LESSOR_INVALID},
		{{SUBNET + 256, SUBNET + 300}, LESSOR_INVALID},
		{{0, 0}, LESSOR_INVALID},
	};
	lessor_scope_t scope = scratch_scope(SUBNET, MASK);
	lessor_scope_t found;
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		scope.has_range = true;
		scope.range = cases[i].range;
		assert_status(cases[i].expected, lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL));
		if (cases[i].expected == LESSOR_OK) {
			assert_status(LESSOR_OK, lessor_scope_get(engine, SUBNET, &found, NULL, 0));
			assert_true(found.has_range);
			assert_memory_equal(&found.range, &cases[i].range, sizeof(found.range));
			assert_status(LESSOR_OK, lessor_scope_delete(engine, SUBNET, false, LESSOR_ASYNC, NULL));
		}
	}
	scope.has_range = false;
	scope.range.first = 9;
	scope.range.last = 8;
	assert_status(LESSOR_OK, lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope_get(engine, SUBNET, &found, NULL, 0));
	assert_false(found.has_range);
}

static void
test_states_and_lease_times(void **state) {
	lessor_scope_t scope = scratch_scope(SUBNET, MASK);
	lessor_scope_t found;
	(void)state;
	for (uint32_t value = 0; value <= 6; value++) {
		scope.state = value;
		assert_status(value <= LESSOR_SCOPE_INVALID_STATE ? LESSOR_OK : LESSOR_INVALID,
			      lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL));
		if (value <= LESSOR_SCOPE_INVALID_STATE) {
			assert_status(LESSOR_OK, lessor_scope_get(engine, SUBNET, &found, NULL, 0));
			assert_int_equal(found.state, value);
			assert_int_equal(found.lease_s, LESSOR_DEFAULT_LEASE_S);
			assert_status(LESSOR_OK, lessor_scope_delete(engine, SUBNET, false, LESSOR_ASYNC, NULL));
		}
	}
	scope.state = UINT32_MAX;
	assert_status(LESSOR_INVALID, lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL));
	scope.state = 0;
	scope.lease_s = UINT32_MAX;
	scope.id = UINT32_MAX;
	assert_status(LESSOR_OK, lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope_get(engine, SUBNET, &found, NULL, 0));
	assert_int_equal(found.lease_s, UINT32_MAX);
	assert_int_equal(found.id, UINT32_MAX);
}

/*
 * Texts.
 */

static char *
long_text(size_t bytes, const char *end) {
	char *text = malloc(bytes + 1);
	assert_non_null(text);
	memset(text, 'n', bytes);
	memcpy(text + bytes - strlen(end), end, strlen(end) + 1);
	return text;
}

static void
assert_texts_accepted(const char *name, const char *comment) {
	char buffer[LESSOR_SCOPE_BUFFER_BYTES];
	lessor_scope_t scope = scratch_scope(SUBNET, MASK);
	lessor_scope_t found;
	scope.name = name;
	scope.comment = comment;
	assert_status(LESSOR_OK, lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope_get(engine, SUBNET, &found, buffer, sizeof(buffer)));
	assert_true((name == NULL) == (found.name == NULL));
	assert_true((comment == NULL) == (found.comment == NULL));
	if (name != NULL) {
		assert_string_equal(name, found.name);
	}
	if (comment != NULL) {
		assert_string_equal(comment, found.comment);
	}
	assert_status(LESSOR_OK, lessor_scope_delete(engine, SUBNET, false, LESSOR_ASYNC, NULL));
}

static void
test_texts_up_to_the_limit(void **state) {
	char *longest = long_text(LESSOR_SCOPE_NAME_MAX_BYTES, "\xE7\xAB\x99");
	(void)state;
	assert_texts_accepted(NULL, NULL);
	assert_texts_accepted("", NULL);
	assert_texts_accepted(NULL, "");
	assert_texts_accepted("", "");
	assert_texts_accepted("B\xC3\xBCro", "\xF0\x9F\x96\xA8");
	assert_texts_accepted("\x01\x7F", "\xF4\x8F\xBF\xBF");
	assert_texts_accepted(longest, longest);
	free(longest);
}

static void
test_texts_beyond_the_limit(void **state) {
	static const char *const malformed[] = {
		"\x80",
		"\xC3",
		"\xC3(",
		"\xC0\x80",
		"\xE0\x80\x80",
		"\xED\xA0\x80",
		"\xED\xBF\xBF",
		"\xF4\x90\x80\x80",
		"\xF5\x80\x80\x80",
		"\xFF",
		"a\xE7\xAB",
		"\xF0\x9F\x96",
	};
	char *too_long = long_text(LESSOR_SCOPE_NAME_MAX_BYTES + 1, "");
	lessor_scope_t scope = scratch_scope(SUBNET, MASK);
	lessor_scope_t found;
	(void)state;
	for (size_t i = 0; i <= COUNT(malformed); i++) {
		const char *text = i < COUNT(malformed) ? malformed[i] : too_long;
		scope.name = text;
		scope.comment = NULL;
		assert_status(LESSOR_INVALID, lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL));
		scope.name = NULL;
		scope.comment = text;
		assert_status(LESSOR_INVALID, lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL));
	}
	assert_status(LESSOR_NOT_FOUND, lessor_scope_get(engine, SUBNET, &found, NULL, 0));
	free(too_long);
}

/* Buffers of every size: exactly those that are too small are refused, and nothing is written then, or behind their end. */
static void
test_buffers_of_every_size(void **state) {
	const char name[] = "name";
	const char comment[] = "a comment";
	size_t needed = sizeof(name) + sizeof(comment);
	lessor_scope_t scope = scratch_scope(SUBNET, MASK);
	lessor_scope_t found;
	uint8_t poison[64];
	uint8_t buffer[64];
	(void)state;
	scope.name = name;
	scope.comment = comment;
	assert_status(LESSOR_OK, lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL));
	memset(poison, SCRATCH_POISON, sizeof(poison));
	for (size_t bytes = 0; bytes <= needed; bytes++) {
		memset(buffer, SCRATCH_POISON, sizeof(buffer));
		memset(&found, SCRATCH_POISON, sizeof(found));
		if (bytes < needed) {
			assert_status(LESSOR_BUFFER_TOO_SMALL, lessor_scope_get(engine, SUBNET, &found, buffer, bytes));
			assert_status(LESSOR_BUFFER_TOO_SMALL,
				      lessor_scope_find(engine, SUBNET + 9, &found, buffer, bytes));
			assert_status(LESSOR_BUFFER_TOO_SMALL, lessor_scope_next(engine, 0, &found, buffer, bytes));
			assert_memory_equal(buffer, poison, sizeof(buffer));
			assert_memory_equal(&found, poison, sizeof(found));
		}
	}
	assert_status(LESSOR_OK, lessor_scope_get(engine, SUBNET, &found, buffer, needed));
	assert_string_equal(found.name, name);
	assert_string_equal(found.comment, comment);
	assert_memory_equal(buffer + needed, poison, sizeof(buffer) - needed);
	assert_status(LESSOR_OK, lessor_scope_get(engine, SUBNET, &found, NULL, 0));
	assert_null(found.name);
	assert_null(found.comment);
	assert_status(LESSOR_INVALID, lessor_scope_get(engine, SUBNET, &found, NULL, 1));
}

/*
 * Overlap.
 */

static void
test_overlapping_scopes_are_refused(void **state) {
	(void)state;
	assert_status(LESSOR_OK, create(IP(10, 1, 0, 0), mask_of(16)));
	assert_status(LESSOR_SCOPE_EXISTS, create(IP(10, 1, 0, 0), mask_of(16)));
	for (unsigned bits = 1; bits <= 32; bits++) {
		uint32_t around = IP(10, 1, 77, 77) & mask_of(bits);
		if (around != 0) {
			assert_status(LESSOR_SCOPE_EXISTS, create(around, mask_of(bits)));
		}
	}
	assert_status(LESSOR_SCOPE_EXISTS, create(IP(10, 1, 255, 255), UINT32_MAX));
	assert_status(LESSOR_SCOPE_EXISTS, create(IP(10, 0, 0, 0), mask_of(15)));
	assert_status(LESSOR_OK, create(IP(10, 0, 0, 0), mask_of(16)));
	assert_status(LESSOR_OK, create(IP(10, 2, 0, 0), mask_of(16)));
	assert_status(LESSOR_OK, create(IP(10, 0, 0, 0) - 1, UINT32_MAX));
}

/* 31 scopes of masks /2 to /32 and one more, which fill half of the space without a gap: each finds its own. */
static void
test_neighbours_of_every_size(void **state) {
	lessor_scope_t found;
	(void)state;
	for (unsigned bits = 2; bits <= 32; bits++) {
		assert_status(LESSOR_OK, create(UINT32_C(0x80000000) | (UINT32_C(1) << (32 - bits)), mask_of(bits)));
	}
	assert_status(LESSOR_OK, create(UINT32_C(0x80000000), UINT32_MAX));
	for (unsigned bits = 2; bits <= 32; bits++) {
		uint32_t subnet = UINT32_C(0x80000000) | (UINT32_C(1) << (32 - bits));
		assert_status(LESSOR_OK, lessor_scope_find(engine, subnet, &found, NULL, 0));
		assert_int_equal(found.subnet, subnet);
		assert_status(LESSOR_OK, lessor_scope_find(engine, subnet | ~mask_of(bits), &found, NULL, 0));
		assert_int_equal(found.subnet, subnet);
		assert_int_equal(found.mask, mask_of(bits));
	}
	assert_status(LESSOR_SCOPE_EXISTS, create(UINT32_C(0x80000000), UINT32_C(0x80000000)));
	assert_status(LESSOR_OK, lessor_scope_delete(engine, UINT32_C(0xC0000000), false, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_NO_SCOPE, lessor_scope_find(engine, UINT32_C(0xC0000000), &found, NULL, 0));
	assert_status(LESSOR_OK, lessor_scope_find(engine, UINT32_C(0xBFFFFFFF), &found, NULL, 0));
	assert_status(LESSOR_OK, create(UINT32_C(0xC0000000), mask_of(3)));
}

static void
test_two_halves_fill_the_space(void **state) {
	lessor_scope_t found;
	uint8_t id[6];
	lessor_lease_t lease;
	(void)state;
	assert_status(LESSOR_OK, create(UINT32_C(0x80000000), UINT32_C(0x80000000)));
	assert_status(LESSOR_OK, create(UINT32_C(0x40000000), UINT32_C(0xC0000000)));
	lease = scratch_lease_numbered(UINT32_MAX, 1, id);
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	lease = scratch_lease_numbered(UINT32_C(0x80000000), 2, id);
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	lease = scratch_lease_numbered(UINT32_C(0x7FFFFFFF), 2, id);
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	lease = scratch_lease_numbered(UINT32_C(0x3FFFFFFF), 3, id);
	assert_status(LESSOR_NO_SCOPE, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_END, lessor_scope_next(engine, UINT32_C(0x80000001), &found, NULL, 0));
	assert_status(LESSOR_OK, lessor_scope_next(engine, UINT32_C(0x40000001), &found, NULL, 0));
	assert_int_equal(found.subnet, UINT32_C(0x80000000));
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
}

/*
 * Change and deletion.
 */

static void
test_update_replaces_what_is_named(void **state) {
	char buffer[LESSOR_SCOPE_BUFFER_BYTES];
	lessor_scope_t scope = scratch_scope(SUBNET, MASK);
	lessor_scope_t other = scratch_scope(SUBNET, 0x1234);
	lessor_scope_t found;
	(void)state;
	scope.id = 1;
	scope.state = LESSOR_SCOPE_DISABLED;
	scope.lease_s = 60;
	scope.has_range = true;
	scope.range = (lessor_range_t){SUBNET + 1, SUBNET + 9};
	scope.name = "old name";
	scope.comment = "old comment";
	other.id = 2;
	other.state = LESSOR_SCOPE_ENABLED_SWITCHED;
	other.lease_s = 120;
	other.has_range = true;
	other.range = (lessor_range_t){SUBNET + 10, SUBNET + 19};
	other.name = "";
	scope.offer_delay_ms = LESSOR_OFFER_DELAY_MAX_MS;
	other.quarantine_on = true;
	assert_status(LESSOR_OK, lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL));
	for (uint32_t fields = 1; fields < LESSOR_SCOPE_FIELD_MASK; fields++) {
		assert_status(LESSOR_OK, lessor_scope_update(engine, &other, fields, LESSOR_ASYNC, NULL));
		assert_status(LESSOR_OK, lessor_scope_get(engine, SUBNET, &found, buffer, sizeof(buffer)));
		assert_int_equal(found.mask, MASK);
		assert_int_equal(found.id, (fields & LESSOR_SCOPE_FIELD_ID) ? 2 : 1);
		assert_int_equal(found.state, (fields & LESSOR_SCOPE_FIELD_STATE) ? other.state : scope.state);
		assert_int_equal(found.lease_s, (fields & LESSOR_SCOPE_FIELD_LEASE_S) ? 120 : 60);
		assert_int_equal(found.range.first,
				 (fields & LESSOR_SCOPE_FIELD_RANGE) ? other.range.first : scope.range.first);
		assert_int_equal(found.range.last,
				 (fields & LESSOR_SCOPE_FIELD_RANGE) ? other.range.last : scope.range.last);
		assert_string_equal(found.name, (fields & LESSOR_SCOPE_FIELD_NAME) ? "" : "old name");
		assert_int_equal(found.offer_delay_ms,
				 (fields & LESSOR_SCOPE_FIELD_OFFER_DELAY) ? 0 : LESSOR_OFFER_DELAY_MAX_MS);
		assert_int_equal(found.quarantine_on, (fields & LESSOR_SCOPE_FIELD_QUARANTINE) != 0);
		if (fields & LESSOR_SCOPE_FIELD_COMMENT) {
			assert_null(found.comment);
		} else {
			assert_string_equal(found.comment, "old comment");
		}
		assert_status(LESSOR_OK,
			      lessor_scope_update(engine, &scope, LESSOR_SCOPE_FIELD_MASK - 1, LESSOR_ASYNC, NULL));
	}
	other.has_range = false;
	assert_status(LESSOR_OK, lessor_scope_update(engine, &other, LESSOR_SCOPE_FIELD_RANGE, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope_get(engine, SUBNET, &found, buffer, sizeof(buffer)));
	assert_false(found.has_range);
}

static void
test_update_refuses(void **state) {
	const uint32_t all = 63;
	char *too_long = long_text(LESSOR_SCOPE_NAME_MAX_BYTES + 1, "");
	lessor_scope_t scope = scratch_scope(SUBNET, MASK);
	lessor_scope_t before;
	lessor_scope_t after;
	lessor_ticket_t ticket = 77;
	(void)state;
	scope.lease_s = 1;
	assert_status(LESSOR_NOT_FOUND, lessor_scope_update(engine, &scope, all, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_OK, lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope_get(engine, SUBNET, &before, NULL, 0));
	scope.lease_s = 2;
	for (unsigned bit = 10; bit < 32; bit++) {
		assert_status(LESSOR_INVALID,
			      lessor_scope_update(engine, &scope, all | UINT32_C(1) << bit, LESSOR_ASYNC, &ticket));
	}
	assert_status(LESSOR_INVALID, lessor_scope_update(engine, NULL, all, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_INVALID, lessor_scope_update(NULL, &scope, all, LESSOR_ASYNC, &ticket));
	scope.state = 5;
	assert_status(LESSOR_INVALID, lessor_scope_update(engine, &scope, all, LESSOR_ASYNC, &ticket));
	scope.state = 0;
	scope.offer_delay_ms = LESSOR_OFFER_DELAY_MAX_MS + 1;
	assert_status(LESSOR_INVALID,
		      lessor_scope_update(engine, &scope, LESSOR_SCOPE_FIELD_OFFER_DELAY, LESSOR_ASYNC, &ticket));
	assert_status(LESSOR_OK, lessor_scope_update(engine, &scope, 0, LESSOR_ASYNC, NULL)); /* not looked at */
	scope.subnet += 256;
	assert_status(LESSOR_INVALID, lessor_scope_create(engine, &scope, LESSOR_ASYNC, &ticket));
	scope.subnet -= 256;
	scope.offer_delay_ms = 0;
	scope.name = too_long;
	assert_status(LESSOR_INVALID, lessor_scope_update(engine, &scope, all, LESSOR_ASYNC, &ticket));
	scope.name = NULL;
	scope.comment = "\xFE";
	assert_status(LESSOR_INVALID, lessor_scope_update(engine, &scope, all, LESSOR_ASYNC, &ticket));
	scope.comment = NULL;
	scope.has_range = true;
	scope.range = (lessor_range_t){SUBNET, SUBNET + 256};
	assert_status(LESSOR_INVALID, lessor_scope_update(engine, &scope, all, LESSOR_ASYNC, &ticket));
	scope.range = (lessor_range_t){SUBNET + 2, SUBNET + 1};
	assert_status(LESSOR_INVALID, lessor_scope_update(engine, &scope, all, LESSOR_ASYNC, &ticket));
	scope.subnet = SUBNET + 1;
	scope.has_range = false;
	assert_status(LESSOR_NOT_FOUND, lessor_scope_update(engine, &scope, all, LESSOR_ASYNC, &ticket));
	assert_int_equal(ticket, 77);
	assert_status(LESSOR_OK, lessor_scope_get(engine, SUBNET, &after, NULL, 0));
	assert_int_equal(after.lease_s, before.lease_s);
	assert_int_equal(after.state, before.state);
	assert_int_equal(after.mask, MASK);
	assert_false(after.has_range);
	free(too_long);
}

static void
test_delete(void **state) {
	uint8_t id[6];
	char buffer[256];
	lessor_lease_t lease = scratch_lease_numbered(SUBNET + 7, 1, id);
	lessor_lease_t found;
	lessor_scope_stats_t stats;
	size_t count = 9;
	(void)state;
	assert_status(LESSOR_NOT_FOUND, lessor_scope_delete(engine, SUBNET, true, LESSOR_ASYNC, NULL));
	scratch_scope_add(engine, SUBNET, MASK, true);
	scratch_scope_add(engine, SUBNET + 256, MASK, true);
	assert_status(LESSOR_NOT_FOUND, lessor_scope_delete(engine, SUBNET + 1, true, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	lease.address += 256;
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK,
		      lessor_scope_exclude(engine, SUBNET, (lessor_range_t){SUBNET, SUBNET + 3}, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_SCOPE_NOT_EMPTY, lessor_scope_delete(engine, SUBNET, false, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope_delete(engine, SUBNET, true, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_NOT_FOUND, lessor_lease_get(engine, SUBNET + 7, &found, buffer, sizeof(buffer)));
	assert_status(LESSOR_NO_SCOPE, lessor_lease_get_client(engine, SUBNET, id, 6, &found, buffer, sizeof(buffer)));
	assert_status(LESSOR_OK, lessor_lease_get(engine, SUBNET + 263, &found, buffer, sizeof(buffer)));
	assert_status(LESSOR_OK, create(SUBNET, MASK));
	assert_status(LESSOR_NOT_FOUND, lessor_lease_get(engine, SUBNET + 7, &found, buffer, sizeof(buffer)));
	assert_status(LESSOR_NOT_FOUND, lessor_lease_get_client(engine, SUBNET, id, 6, &found, buffer, sizeof(buffer)));
	assert_status(LESSOR_OK, lessor_scope_stats(engine, SUBNET, &stats));
	assert_int_equal(stats.creates, 0);
	assert_int_equal(stats.leases, 0);
	assert_status(LESSOR_OK, lessor_scope_exclusions(engine, SUBNET, NULL, 0, &count));
	assert_int_equal(count, 0);
	lease.address = SUBNET + 9;
	assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
}

static void
test_null_arguments(void **state) {
	lessor_scope_t scope = scratch_scope(SUBNET, MASK);
	lessor_range_t range = {SUBNET, SUBNET};
	char buffer[16];
	size_t count = 5;
	(void)state;
	assert_status(LESSOR_INVALID, lessor_scope_create(NULL, &scope, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_INVALID, lessor_scope_delete(NULL, SUBNET, true, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_INVALID, lessor_scope_get(NULL, SUBNET, &scope, buffer, sizeof(buffer)));
	assert_status(LESSOR_INVALID, lessor_scope_find(NULL, SUBNET, &scope, buffer, sizeof(buffer)));
	assert_status(LESSOR_INVALID, lessor_scope_next(NULL, SUBNET, &scope, buffer, sizeof(buffer)));
	assert_status(LESSOR_INVALID, lessor_scope_exclude(NULL, SUBNET, range, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_INVALID, lessor_scope_include(NULL, SUBNET, range, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_INVALID, lessor_scope_exclusions(NULL, SUBNET, &range, 1, &count));
	assert_status(LESSOR_OK, create(SUBNET, MASK));
	assert_status(LESSOR_INVALID, lessor_scope_get(engine, SUBNET, NULL, buffer, sizeof(buffer)));
	assert_status(LESSOR_INVALID, lessor_scope_find(engine, SUBNET, NULL, buffer, sizeof(buffer)));
	assert_status(LESSOR_INVALID, lessor_scope_next(engine, SUBNET, NULL, buffer, sizeof(buffer)));
	assert_status(LESSOR_INVALID, lessor_scope_exclusions(engine, SUBNET, NULL, 1, &count));
	assert_status(LESSOR_INVALID, lessor_scope_exclusions(engine, SUBNET, &range, 1, NULL));
	assert_int_equal(count, 5);
}

/*
 * Exclusions.
 */

static lessor_status_t
exclude(uint32_t first, uint32_t last) {
	return lessor_scope_exclude(engine, SUBNET, (lessor_range_t){SUBNET + first, SUBNET + last}, LESSOR_ASYNC,
				    NULL);
}

static lessor_status_t
include(uint32_t first, uint32_t last) {
	return lessor_scope_include(engine, SUBNET, (lessor_range_t){SUBNET + first, SUBNET + last}, LESSOR_ASYNC,
				    NULL);
}

static void
test_exclusions_are_kept_in_order(void **state) {
	static const lessor_range_t expected[] = {
		{SUBNET, SUBNET},         {SUBNET, SUBNET + 255},       {SUBNET + 5, SUBNET + 6},
		{SUBNET + 5, SUBNET + 9}, {SUBNET + 255, SUBNET + 255},
	};
	lessor_range_t got[8];
	size_t count = 0;
	(void)state;
	assert_status(LESSOR_NOT_FOUND, exclude(1, 2));
	assert_status(LESSOR_NOT_FOUND, include(1, 2));
	assert_status(LESSOR_NOT_FOUND, lessor_scope_exclusions(engine, SUBNET, got, 8, &count));
	assert_status(LESSOR_OK, create(SUBNET, MASK));
	assert_status(LESSOR_OK, exclude(5, 9));
	assert_status(LESSOR_OK, exclude(255, 255));
	assert_status(LESSOR_OK, exclude(0, 255));
	assert_status(LESSOR_OK, exclude(5, 6));
	assert_status(LESSOR_OK, exclude(0, 0));
	assert_status(LESSOR_OK, exclude(5, 9));
	assert_status(LESSOR_OK, exclude(5, 6));
	assert_status(LESSOR_OK, lessor_scope_exclusions(engine, SUBNET, got, 8, &count));
	assert_int_equal(count, COUNT(expected));
	assert_memory_equal(got, expected, sizeof(expected));
	assert_status(LESSOR_NOT_FOUND, include(5, 7));
	assert_status(LESSOR_NOT_FOUND, include(1, 255));
	assert_status(LESSOR_OK, include(0, 255));
	assert_status(LESSOR_NOT_FOUND, include(0, 255));
	assert_status(LESSOR_OK, lessor_scope_exclusions(engine, SUBNET, NULL, 0, &count));
	assert_int_equal(count, COUNT(expected) - 1);
}

static void
test_exclusions_and_capacity(void **state) {
	lessor_range_t got[3];
	lessor_range_t poison[3];
	(void)state;
	assert_status(LESSOR_OK, create(SUBNET, MASK));
	for (uint32_t i = 0; i < 3; i++) {
		assert_status(LESSOR_OK, exclude(10 * i, 10 * i + 1));
	}
	memset(poison, SCRATCH_POISON, sizeof(poison));
	for (size_t capacity = 0; capacity <= 3; capacity++) {
		size_t count = 99;
		memset(got, SCRATCH_POISON, sizeof(got));
		assert_status(capacity == 1 || capacity == 2 ? LESSOR_BUFFER_TOO_SMALL : LESSOR_OK,
			      lessor_scope_exclusions(engine, SUBNET, got, capacity, &count));
		assert_int_equal(count, 3);
		if (capacity < 3) {
			assert_memory_equal(got, poison, sizeof(got));
		}
	}
	assert_int_equal(got[2].first, SUBNET + 20);
	assert_int_equal(got[2].last, SUBNET + 21);
}

static void
test_exclusions_lie_inside_the_subnet(void **state) {
	(void)state;
	assert_status(LESSOR_OK, create(SUBNET, MASK));
	assert_status(LESSOR_INVALID, exclude(9, 8));
	assert_status(LESSOR_INVALID, exclude(0, 256));
	assert_status(LESSOR_INVALID, exclude(UINT32_MAX, 3));
	assert_status(LESSOR_INVALID, exclude(256, 300));
	assert_status(LESSOR_OK, exclude(0, 255));
}

static void
test_as_many_exclusions_as_allowed(void **state) {
	const uint32_t subnet = IP(10, 0, 0, 0);
	lessor_range_t *got = calloc(LESSOR_SCOPE_MAX_EXCLUSIONS, sizeof(*got));
	lessor_scope_stats_t stats;
	lessor_range_t range;
	size_t count = 0;
	(void)state;
	assert_non_null(got);
	scratch_scope_add(engine, subnet, mask_of(16), true);
	for (uint32_t i = 0; i < LESSOR_SCOPE_MAX_EXCLUSIONS; i++) {
		range.first = range.last = subnet + (LESSOR_SCOPE_MAX_EXCLUSIONS - 1 - i) * 2;
		assert_status(LESSOR_OK, lessor_scope_exclude(engine, subnet, range, LESSOR_ASYNC, NULL));
	}
	assert_status(LESSOR_OK, lessor_scope_exclude(engine, subnet, range, LESSOR_ASYNC, NULL));
	range.last++;
	assert_status(LESSOR_LIMIT, lessor_scope_exclude(engine, subnet, range, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope_exclusions(engine, subnet, got, LESSOR_SCOPE_MAX_EXCLUSIONS, &count));
	assert_int_equal(count, LESSOR_SCOPE_MAX_EXCLUSIONS);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(got[i].first, subnet + 2 * i);
		assert_int_equal(got[i].last, subnet + 2 * i);
	}
	assert_status(LESSOR_OK, lessor_scope_stats(engine, subnet, &stats));
	assert_int_equal(stats.pool, 65536 - LESSOR_SCOPE_MAX_EXCLUSIONS);
	range.last = range.first;
	assert_status(LESSOR_OK, lessor_scope_include(engine, subnet, range, LESSOR_ASYNC, NULL));
	range.last++;
	assert_status(LESSOR_OK, lessor_scope_exclude(engine, subnet, range, LESSOR_ASYNC, NULL));
	free(got);
}

/*
 * Range, exclusions and leases against a map with a cell for every address.
 */

#define CELLS          512u
#define CELLS_SUBNET   IP(10, 20, 30, 0)
#define CELLS_MASK     UINT32_C(0xFFFFFE00)
#define MAP_EXCLUSIONS 24u

typedef struct map {
	lessor_range_t range;
	bool has_range;
	lessor_range_t exclusions[MAP_EXCLUSIONS];
	size_t exclusion_count;
	uint8_t states[CELLS]; /* LESSOR_STATE_OFFERED: no lease */
} map_t;

static bool
is_within(uint32_t address, lessor_range_t range) {
	return address >= range.first && address <= range.last;
}

static void
assert_counts(const map_t *map) {
	uint64_t by_state[4] = {0};
	uint64_t pool = 0;
	uint64_t in_use = 0;
	lessor_scope_stats_t stats;
	for (uint32_t i = 0; i < CELLS; i++) {
		uint32_t address = CELLS_SUBNET + i;
		bool in_pool = map->has_range && is_within(address, map->range);
		for (size_t j = 0; j < map->exclusion_count; j++) {
			in_pool = in_pool && !is_within(address, map->exclusions[j]);
		}
		by_state[map->states[i]]++;
		pool += in_pool;
		in_use += in_pool && (map->states[i] == LESSOR_STATE_ACTIVE || map->states[i] == LESSOR_STATE_DECLINED);
	}
	for (int recount = 0; recount < 2; recount++) {
		assert_status(LESSOR_OK, recount ? lessor_scope_recount(engine, CELLS_SUBNET, &stats)
						 : lessor_scope_stats(engine, CELLS_SUBNET, &stats));
		assert_int_equal(stats.pool, pool);
		assert_int_equal(stats.in_use, in_use);
		assert_int_equal(stats.free, pool - in_use);
		assert_int_equal(stats.pending, 0);
		assert_int_equal(stats.leases, CELLS - by_state[0]);
		assert_int_equal(stats.leases_active, by_state[LESSOR_STATE_ACTIVE]);
		assert_int_equal(stats.leases_declined, by_state[LESSOR_STATE_DECLINED]);
		assert_int_equal(stats.leases_doomed, by_state[LESSOR_STATE_DOOM]);
	}
}

static lessor_range_t
random_part(scratch_random_t *random) {
	uint32_t a = scratch_below(random, CELLS);
	uint32_t b = scratch_percent(random, 50) ? scratch_below(random, CELLS) : a + scratch_below(random, CELLS - a);
	return (lessor_range_t){CELLS_SUBNET + (a < b ? a : b), CELLS_SUBNET + (a < b ? b : a)};
}

static void
change_lease(map_t *map, scratch_random_t *random) {
	uint32_t cell = scratch_below(random, CELLS);
	uint8_t id[6];
	lessor_lease_t lease = scratch_lease_numbered(CELLS_SUBNET + cell, cell, id);
	lease.address_state = (uint8_t)(1 + scratch_below(random, 3));
	if (map->states[cell] == 0) {
		assert_status(LESSOR_OK, lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL));
		map->states[cell] = lease.address_state;
	} else if (scratch_percent(random, 50)) {
		assert_status(LESSOR_OK,
			      lessor_lease_update(engine, &lease, LESSOR_FIELD_ADDRESS_STATE, LESSOR_ASYNC, NULL));
		map->states[cell] = lease.address_state;
	} else {
		assert_status(LESSOR_OK, lessor_lease_delete(engine, lease.address, id, 6, LESSOR_ASYNC, NULL));
		map->states[cell] = 0;
	}
}

static bool
is_known(const map_t *map, lessor_range_t range) {
	for (size_t i = 0; i < map->exclusion_count; i++) {
		if (map->exclusions[i].first == range.first && map->exclusions[i].last == range.last) {
			return true;
		}
	}
	return false;
}

static void
change_exclusion(map_t *map, scratch_random_t *random) {
	lessor_range_t range = random_part(random);
	if (map->exclusion_count < MAP_EXCLUSIONS && scratch_percent(random, 55)) {
		assert_status(LESSOR_OK, lessor_scope_exclude(engine, CELLS_SUBNET, range, LESSOR_ASYNC, NULL));
		if (!is_known(map, range)) {
			map->exclusions[map->exclusion_count++] = range;
		}
	} else if (map->exclusion_count > 0) {
		size_t at = scratch_below(random, (uint32_t)map->exclusion_count);
		assert_status(LESSOR_OK,
			      lessor_scope_include(engine, CELLS_SUBNET, map->exclusions[at], LESSOR_ASYNC, NULL));
		map->exclusions[at] = map->exclusions[--map->exclusion_count];
	}
}

static void
change_range(map_t *map, scratch_random_t *random) {
	lessor_scope_t scope = scratch_scope(CELLS_SUBNET, CELLS_MASK);
	scope.has_range = map->has_range = scratch_percent(random, 90);
	scope.range = map->range = random_part(random);
	assert_status(LESSOR_OK, lessor_scope_update(engine, &scope, LESSOR_SCOPE_FIELD_RANGE, LESSOR_ASYNC, NULL));
}

static void
test_arithmetic_against_a_map(void **state) {
	scratch_random_t random = {scratch_seed()};
	int rounds = scratch_is_sanitized() ? 1500 : 6000;
	map_t map;
	(void)state;
	print_message("LESSOR_TEST_SEED=%" PRIu64 "\n", random.state);
	memset(&map, 0, sizeof(map));
	assert_status(LESSOR_OK, create(CELLS_SUBNET, CELLS_MASK));
	for (int i = 0; i < rounds; i++) {
		uint32_t draw = scratch_below(&random, 10);
		if (draw < 6) {
			change_lease(&map, &random);
		} else if (draw < 9) {
			change_exclusion(&map, &random);
		} else {
			change_range(&map, &random);
		}
		assert_counts(&map);
	}
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
}

/* The largest scopes there can be count right too. */
static void
test_arithmetic_of_vast_scopes(void **state) {
	const uint32_t half = UINT32_C(0x80000000);
	lessor_scope_stats_t stats;
	(void)state;
	scratch_scope_add(engine, half, half, true);
	assert_status(LESSOR_OK, lessor_scope_stats(engine, half, &stats));
	assert_int_equal(stats.pool, UINT64_C(0x80000000));
	assert_int_equal(stats.free, UINT64_C(0x80000000));
	assert_status(LESSOR_OK,
		      lessor_scope_exclude(engine, half, (lessor_range_t){UINT32_MAX, UINT32_MAX}, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK,
		      lessor_scope_exclude(engine, half, (lessor_range_t){half, UINT32_MAX - 2}, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope_stats(engine, half, &stats));
	assert_int_equal(stats.pool, 1);
	assert_status(LESSOR_OK,
		      lessor_scope_exclude(engine, half, (lessor_range_t){half, UINT32_MAX}, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope_stats(engine, half, &stats));
	assert_int_equal(stats.pool, 0);
	assert_int_equal(stats.free, 0);
	assert_status(LESSOR_OK, lessor_scope_recount(engine, half, &stats));
	assert_int_equal(stats.pool, 0);
}

/*
 * Many.
 */

#define MANY_FIRST IP(16, 0, 0, 0)

/* Scope number i; sizes mixed, each in a /24 of its own. */
static lessor_scope_t
many_scope(uint32_t i) {
	lessor_scope_t scope = scratch_scope(MANY_FIRST + i * 256, mask_of(24 + i % 7));
	scope.id = i;
	scope.has_range = true;
	scope.range.first = scope.subnet;
	scope.range.last = scope.subnet | ~scope.mask;
	return scope;
}

static void
create_many(lessor_engine_t *many, uint32_t count) {
	lessor_engine_stats_t stats;
	for (uint32_t i = 0; i < count; i++) {
		/* In an order that is neither ascending nor descending: 7919 is prime to the count. */
		lessor_scope_t scope = many_scope((uint32_t)((uint64_t)i * 7919 % count));
		assert_status(LESSOR_OK, lessor_scope_create(many, &scope, LESSOR_ASYNC, NULL));
	}
	assert_status(LESSOR_OK, lessor_engine_stats(many, &stats));
	assert_int_equal(stats.scopes, count);
}

static void
find_many(lessor_engine_t *many, uint32_t count) {
	lessor_scope_t found;
	for (uint32_t i = 0; i < count; i++) {
		lessor_scope_t scope = many_scope(i);
		uint32_t last = scope.subnet | ~scope.mask;
		assert_status(LESSOR_OK, lessor_scope_find(many, scope.subnet, &found, NULL, 0));
		assert_int_equal(found.id, i);
		assert_status(LESSOR_OK, lessor_scope_find(many, last, &found, NULL, 0));
		assert_int_equal(found.id, i);
		if (i % 7 != 0) {
			assert_status(LESSOR_NO_SCOPE, lessor_scope_find(many, last + 1, &found, NULL, 0));
		}
	}
}

static void
enumerate_many(lessor_engine_t *many, uint32_t count) {
	lessor_scope_t found;
	uint32_t from = 0;
	for (uint32_t i = 0; i < count; i++) {
		assert_status(LESSOR_OK, lessor_scope_next(many, from, &found, NULL, 0));
		assert_int_equal(found.id, i);
		assert_int_equal(found.subnet, many_scope(i).subnet);
		from = found.subnet + 1;
	}
	assert_status(LESSOR_END, lessor_scope_next(many, from, &found, NULL, 0));
}

static void
delete_many(lessor_engine_t *many, uint32_t count) {
	lessor_engine_stats_t stats;
	lessor_scope_t found;
	for (uint32_t i = 0; i < count; i += 2) {
		assert_status(LESSOR_OK, lessor_scope_delete(many, many_scope(i).subnet, false, LESSOR_ASYNC, NULL));
	}
	for (uint32_t i = 0; i < count; i++) {
		assert_status(i % 2 ? LESSOR_OK : LESSOR_NO_SCOPE,
			      lessor_scope_find(many, many_scope(i).subnet, &found, NULL, 0));
	}
	for (uint32_t i = 1; i < count; i += 2) {
		assert_status(LESSOR_OK, lessor_scope_delete(many, many_scope(i).subnet, true, LESSOR_ASYNC, NULL));
	}
	assert_status(LESSOR_END, lessor_scope_next(many, 0, &found, NULL, 0));
	assert_status(LESSOR_OK, lessor_engine_stats(many, &stats));
	assert_int_equal(stats.scopes, 0);
}

static void
test_a_hundred_thousand_scopes(void **state) {
	uint32_t count = scratch_is_sanitized() ? 10000 : 100000;
	char directory[SCRATCH_PATH_BYTES];
	lessor_engine_t *many;
	(void)state;
	scratch_make(directory);
	many = scratch_open_log(directory);
	create_many(many, count);
	find_many(many, count);
	enumerate_many(many, count);
	scratch_close(many);
	many = scratch_open_log(directory);
	find_many(many, count);
	enumerate_many(many, count);
	delete_many(many, count);
	scratch_close(many);
	many = scratch_open_log(directory);
	enumerate_many(many, 0);
	scratch_close(many);
	scratch_remove(directory);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_engine, close_engine)

int
main(void) {
	const struct CMUnitTest tests[] = {
		TEST(test_every_contiguous_mask_is_accepted),
		TEST(test_other_masks_and_subnets_are_refused),
		TEST(test_ranges_lie_inside),
		TEST(test_states_and_lease_times),
		TEST(test_texts_up_to_the_limit),
		TEST(test_texts_beyond_the_limit),
		TEST(test_buffers_of_every_size),
		TEST(test_overlapping_scopes_are_refused),
		TEST(test_neighbours_of_every_size),
		TEST(test_two_halves_fill_the_space),
		TEST(test_update_replaces_what_is_named),
		TEST(test_update_refuses),
		TEST(test_delete),
		TEST(test_null_arguments),
		TEST(test_exclusions_are_kept_in_order),
		TEST(test_exclusions_and_capacity),
		TEST(test_exclusions_lie_inside_the_subnet),
		TEST(test_as_many_exclusions_as_allowed),
		TEST(test_arithmetic_against_a_map),
		TEST(test_arithmetic_of_vast_scopes),
		cmocka_unit_test(test_a_hundred_thousand_scopes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
