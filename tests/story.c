/* SPDX-License-Identifier: Apache-2.0 */
/* Random calls, and what the engine showed after each. See story.h. */
#include "story.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SUBNETS   3u
#define SUBNET    UINT32_C(0x0A050000)
#define MASK      UINT32_C(0xFFFFFFC0)
#define SPOTS     40u
#define CLIENTS   70u
#define PREFIXES  2u
#define PREFIX    UINT64_C(0x20010DB800000000)
#define BATCH_MAX 40u
#define KEYS      5u /* of limits */

static uint32_t
below(story_t *story, uint32_t n) {
	return torture_below(&story->random, n);
}

static uint32_t
any_subnet(story_t *story) {
	return SUBNET + (below(story, SUBNETS) << 8);
}

static uint32_t
any_address(story_t *story) {
	return any_subnet(story) + 1 + below(story, SPOTS);
}

static uint64_t
any_number(story_t *story) {
	return torture_number((uint32_t)torture_next(&story->random), below(story, CLIENTS), (uint32_t)story->calls);
}

static lessor_range_t
any_range(story_t *story) {
	const uint32_t subnet = any_subnet(story);
	const uint32_t first = 1 + below(story, 30);
	return (lessor_range_t){subnet + first, subnet + first + below(story, 30)};
}

/* ---- limits ---------------------------------------------------------------------------------------------------------- */

static lessor_limit_key_t
nth_key(uint32_t number) {
	static const char *const texts[KEYS] = {"class a", "class b", "circuit 1", "circuit 12", "c"};
	lessor_limit_key_t key = {.kind = number < 2 ? LESSOR_LIMIT_CLASS : LESSOR_LIMIT_TAG};
	key.size_bytes = (uint8_t)strlen(texts[number]);
	memcpy(key.bytes, texts[number], key.size_bytes);
	return key;
}

/* One lease of two has keys, up to two of them. */
static void
name_keys(story_t *story, lessor_lease_t *lease, lessor_limit_key_t keys[2]) {
	const uint32_t first = below(story, 2 * KEYS);
	if (first < KEYS) {
		keys[0] = nth_key(first);
		keys[1] = nth_key((first + 1) % KEYS);
		lease->limit_keys = (uint8_t)(1 + below(story, 2));
		lease->limit_key = keys;
	}
}

static lessor_status_t
change_limit(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	const lessor_limit_key_t key = nth_key(below(story, KEYS));
	return below(story, 3) == 0 ? lessor_limit_remove(story->engine, &key, mode, ticket)
				    : lessor_limit_set(story->engine, &key, below(story, 25), mode, ticket);
}

static lessor_status_t
limit_scope(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	const lessor_scope_t scope = {.subnet = any_subnet(story),
				      .mask = MASK,
				      .max_leases = below(story, 2) == 0 ? 0 : below(story, SPOTS)};
	return lessor_scope_update(story->engine, &scope, LESSOR_SCOPE_FIELD_MAX_LEASES, mode, ticket);
}

/* ---- leases ---------------------------------------------------------------------------------------------------------- */

static lessor_status_t
create_lease(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_lease_t lease;
	torture_texts_t texts;
	lessor_limit_key_t keys[2];
	torture_lease(any_address(story), any_number(story), &lease, &texts);
	name_keys(story, &lease, keys);
	return lessor_lease_create(story->engine, &lease, mode, ticket);
}

static lessor_status_t
allocate_lease(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_lease_t lease;
	torture_texts_t texts;
	lessor_limit_key_t keys[2];
	const uint32_t subnet = any_subnet(story);
	torture_lease(0, any_number(story), &lease, &texts);
	name_keys(story, &lease, keys);
	return lessor_lease_allocate(story->engine, subnet, subnet + 1 + below(story, SPOTS), &lease, mode, ticket);
}

static lessor_status_t
update_lease(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_lease_t lease;
	torture_texts_t texts;
	lessor_limit_key_t keys[2];
	torture_lease(any_address(story), any_number(story), &lease, &texts);
	name_keys(story, &lease, keys);
	const uint32_t fields =
		below(story, 2) == 0 ? TORTURE_FIELDS_GENERATION | LESSOR_FIELD_CLIENT_ID : TORTURE_FIELDS_STEP;
	return lessor_lease_update(story->engine, &lease,
				   fields | (below(story, 2) == 0 ? LESSOR_FIELD_LIMIT_KEYS : 0u), mode, ticket);
}

static lessor_status_t
delete_lease(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	return lessor_lease_delete(story->engine, any_address(story), NULL, 0, mode, ticket);
}

static lessor_status_t
worst_of(const lessor_status_t *statuses, size_t count, lessor_status_t status) {
	for (size_t i = 0; i < count && status == LESSOR_OK; i++) {
		status = statuses[i] >= LESSOR_NO_MEMORY && statuses[i] <= LESSOR_LOG_FAILED ? statuses[i] : LESSOR_OK;
	}
	return status;
}

/* The longest leases that there are. */
static lessor_status_t
make_large(story_t *story, lessor_lease_t *leases, uint32_t count) {
	static char context[LESSOR_USER_CONTEXT_MAX_BYTES + 1];
	memset(context, 'x', sizeof(context) - 1);
	for (uint32_t i = 0; i < count; i++) {
		leases[i].user_context = context;
	}
	/* Half a megabyte is flushed although nobody waits: what it would hold depends on who is faster. */
	return lessor_ticket_wait(story->engine, lessor_last_ticket(story->engine), -1);
}

static lessor_status_t
change_batch(story_t *story, bool updates, bool is_large, lessor_mode_t mode, lessor_ticket_t *ticket) {
	static torture_texts_t texts[BATCH_MAX];
	lessor_lease_t leases[BATCH_MAX];
	lessor_status_t statuses[BATCH_MAX];
	lessor_limit_key_t keys[BATCH_MAX][2];
	const uint32_t count = is_large ? BATCH_MAX / 2 : 1 + below(story, BATCH_MAX);
	/* Each address once: of a state that is replaced in the same call nothing is known. */
	const uint32_t first = below(story, SUBNETS * SPOTS);
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t spot = (first + i) % (SUBNETS * SPOTS);
		torture_lease(SUBNET + (spot / SPOTS << 8) + 1 + spot % SPOTS, any_number(story), &leases[i],
			      &texts[i]);
		name_keys(story, &leases[i], keys[i]);
	}
	lessor_status_t status = is_large ? make_large(story, leases, count) : LESSOR_OK;
	if (status != LESSOR_OK) {
		return status;
	}
	status = updates ? lessor_lease_update_batch(story->engine, leases, count,
						     TORTURE_FIELDS_GENERATION | LESSOR_FIELD_LIMIT_KEYS, statuses,
						     mode, ticket)
			 : lessor_lease_create_batch(story->engine, leases, count, statuses, mode, ticket);
	return status == LESSOR_OK ? worst_of(statuses, count, status) : status;
}

static lessor_status_t
create_batch(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	return change_batch(story, false, false, mode, ticket);
}

static lessor_status_t
update_batch(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	return change_batch(story, true, false, mode, ticket);
}

static lessor_status_t
fill(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	return change_batch(story, below(story, 2) == 0, true, mode, ticket);
}

static lessor_status_t
delete_batch(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	uint32_t addresses[BATCH_MAX];
	lessor_status_t statuses[BATCH_MAX];
	const uint32_t count = 1 + below(story, BATCH_MAX / 4);
	for (uint32_t i = 0; i < count; i++) {
		addresses[i] = any_address(story);
	}
	const lessor_status_t status =
		lessor_lease_delete_batch(story->engine, addresses, count, statuses, mode, ticket);
	return status == LESSOR_OK ? worst_of(statuses, count, status) : status;
}

static lessor_status_t
expire(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_cursor_t cursor;
	lessor_expire_report_t report;
	lessor_expire_options_t options;
	lessor_expire_options_init(&options);
	options.limit = 1 + below(story, 100);
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	return lessor_expire(story->engine, any_number(story) / 8, &options, &cursor, &report, mode, ticket);
}

static lessor_status_t
reserve(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	uint8_t client_id[LESSOR_CLIENT_ID_MAX_BYTES];
	lessor_reservation_t wanted = {.client_types = LESSOR_CLIENT_BOTH, .client_id = client_id};
	wanted.address = any_address(story);
	torture_client(below(story, CLIENTS), client_id, &wanted.client_id_bytes);
	return lessor_reservation_create(story->engine, wanted.address & MASK, &wanted, mode, ticket);
}

static lessor_status_t
unreserve(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_reservation_t found;
	uint8_t client_id[LESSOR_LEASE_BUFFER_BYTES];
	const uint32_t subnet = any_subnet(story);
	const lessor_status_t status = lessor_reservation_next(story->engine, subnet, subnet + below(story, SPOTS),
							       &found, client_id, sizeof(client_id));
	return status != LESSOR_OK ? status
				   : lessor_reservation_delete(story->engine, subnet, found.address, found.client_id,
							       found.client_id_bytes, any_number(story), mode, ticket);
}

/* ---- what a server asks for; offers themselves are not kept -------------------------------------------------------- */

static lessor_status_t
bind_lease(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_lease_t lease;
	torture_texts_t texts;
	lessor_limit_key_t keys[2];
	torture_lease(any_address(story), any_number(story), &lease, &texts);
	name_keys(story, &lease, keys);
	return lessor_lease_bind(story->engine, &lease, 1 + any_number(story) / 8, mode, ticket);
}

static lessor_status_t
release_lease(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	return lessor_lease_release(story->engine, any_address(story), NULL, 0, 1 + any_number(story) / 8, mode,
				    ticket);
}

static lessor_status_t
decline_lease(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	return lessor_lease_decline(story->engine, any_address(story), NULL, 0, 1 + any_number(story) / 8,
				    below(story, 1000), mode, ticket);
}

/* ---- IPv6 leases ----------------------------------------------------------------------------------------------------- */

static uint64_t
any_prefix(story_t *story) {
	return PREFIX + below(story, PREFIXES);
}

static void
any_lease6(story_t *story, lessor_lease6_t *lease, torture_texts_t *texts) {
	uint8_t duid_bytes;
	const uint64_t number = any_number(story);
	lessor_lease6_init(lease);
	torture_client(torture_client_of(number), texts->client_id, &duid_bytes);
	(void)snprintf(texts->name, sizeof(texts->name), "host-%" PRIu64, number);
	*lease = (lessor_lease6_t){.address = {any_prefix(story), 1 + below(story, SPOTS)},
				   .duid = texts->client_id,
				   .duid_bytes = duid_bytes,
				   .iaid = (uint32_t)number % 3,
				   .address_state = (uint8_t)(1 + number % 3),
				   .expires_at = number + 1,
				   .preferred_expires_at = number / 2 + 1,
				   .name = number % 4 == 0 ? NULL : texts->name};
}

static lessor_status_t
create_lease6(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_lease6_t lease;
	torture_texts_t texts;
	any_lease6(story, &lease, &texts);
	return lessor_lease6_create(story->engine, &lease, mode, ticket);
}

static lessor_status_t
create_batch6(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	static torture_texts_t texts[BATCH_MAX];
	lessor_lease6_t leases[BATCH_MAX];
	lessor_status_t statuses[BATCH_MAX];
	const uint32_t count = 1 + below(story, BATCH_MAX);
	for (uint32_t i = 0; i < count; i++) {
		any_lease6(story, &leases[i], &texts[i]);
	}
	const lessor_status_t status = lessor_lease6_create_batch(story->engine, leases, count, statuses, mode, ticket);
	return status == LESSOR_OK ? worst_of(statuses, count, status) : status;
}

static lessor_status_t
allocate_lease6(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_lease6_t lease;
	torture_texts_t texts;
	any_lease6(story, &lease, &texts);
	return lessor_lease6_allocate(story->engine, lease.address.high, 1 + below(story, SPOTS), &lease, mode, ticket);
}

static lessor_status_t
update_lease6(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_lease6_t lease;
	torture_texts_t texts;
	any_lease6(story, &lease, &texts);
	return lessor_lease6_update(story->engine, &lease,
				    LESSOR_FIELD_EXPIRES | LESSOR_FIELD_NAME |
					    (below(story, 2) == 0 ? LESSOR_FIELD_CLIENT_ID : 0u),
				    mode, ticket);
}

static lessor_status_t
delete_lease6(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	const lessor_address6_t address = {any_prefix(story), 1 + below(story, SPOTS)};
	return lessor_lease6_delete(story->engine, address, mode, ticket);
}

static lessor_status_t
expire6(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_cursor6_t cursor;
	lessor_expire_report_t report;
	lessor_cursor6_init(&cursor, (lessor_address6_t){0, 0}, (lessor_address6_t){UINT64_MAX, UINT64_MAX});
	return lessor_expire6(story->engine, any_number(story) / 8, NULL, &cursor, &report, mode, ticket);
}

/* Now and then with another prefix: such an address is only noted. */
static lessor_status_t
reserve6(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_lease6_t lease;
	torture_texts_t texts;
	any_lease6(story, &lease, &texts);
	const lessor_reservation6_t wanted = {
		.address = {below(story, 8) == 0 ? PREFIX + 99 : lease.address.high, lease.address.low},
		.duid = lease.duid,
		.duid_bytes = lease.duid_bytes,
		.iaid = lease.iaid};
	return lessor_reservation6_create(story->engine, lease.address.high, &wanted, mode, ticket);
}

static lessor_status_t
unreserve6(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_reservation6_t found;
	uint8_t duid[LESSOR_DUID_MAX_BYTES];
	const uint64_t prefix = any_prefix(story);
	const lessor_address6_t from = {prefix, below(story, SPOTS)};
	const lessor_status_t status =
		lessor_reservation6_next(story->engine, prefix, from, &found, duid, sizeof(duid));
	return status != LESSOR_OK ? status
				   : lessor_reservation6_delete(story->engine, prefix, found.address,
								any_number(story) / 8, mode, ticket);
}

/* ---- what is no lease ------------------------------------------------------------------------------------------------ */

static lessor_status_t
create_scope(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	char name[24];
	const uint32_t subnet = any_subnet(story);
	(void)snprintf(name, sizeof(name), "scope %" PRIu64, story->calls);
	const lessor_scope_t scope = {.subnet = subnet,
				      .mask = MASK,
				      .id = below(story, 100),
				      .has_range = below(story, 2) == 0,
				      .range = {subnet + 3, subnet + 50},
				      .name = name};
	return lessor_scope_create(story->engine, &scope, mode, ticket);
}

static lessor_status_t
update_scope(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	const lessor_scope_t scope = {.subnet = any_subnet(story),
				      .mask = MASK,
				      .state = below(story, 4),
				      .lease_s = 1 + below(story, 9999),
				      .comment = "changed"};
	return lessor_scope_update(story->engine, &scope,
				   LESSOR_SCOPE_FIELD_STATE | LESSOR_SCOPE_FIELD_LEASE_S | LESSOR_SCOPE_FIELD_COMMENT,
				   mode, ticket);
}

static lessor_status_t
delete_scope(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	return lessor_scope_delete(story->engine, any_subnet(story), below(story, 3) == 0, mode, ticket);
}

static lessor_status_t
resize(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	const lessor_range_t range = any_range(story);
	return lessor_scope_resize(story->engine, range.first & MASK, range, mode, ticket);
}

static lessor_status_t
remove_range(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_scope_t scope;
	char buffer[LESSOR_SCOPE_BUFFER_BYTES];
	const uint32_t subnet = any_subnet(story);
	const lessor_status_t status = lessor_scope_get(story->engine, subnet, &scope, buffer, sizeof(buffer));
	return status != LESSOR_OK ? status
				   : lessor_scope_remove_range(story->engine, subnet, scope.range, below(story, 2) == 0,
							       mode, ticket);
}

static lessor_status_t
exclude(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	const lessor_range_t range = any_range(story);
	return lessor_scope_exclude(story->engine, range.first & MASK, range, mode, ticket);
}

static lessor_status_t
include(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	lessor_range_t ranges[LESSOR_SCOPE_MAX_EXCLUSIONS];
	size_t count = 0;
	const uint32_t subnet = any_subnet(story);
	const lessor_status_t status =
		lessor_scope_exclusions(story->engine, subnet, ranges, LESSOR_SCOPE_MAX_EXCLUSIONS, &count);
	return status != LESSOR_OK || count == 0
		       ? status
		       : lessor_scope_include(story->engine, subnet, ranges[below(story, (uint32_t)count)], mode,
					      ticket);
}

static lessor_status_t
create_scope6(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	const lessor_scope6_t scope = {
		.prefix = any_prefix(story), .id = below(story, 100), .preference = 7, .name = "six"};
	return lessor_scope6_create(story->engine, &scope, mode, ticket);
}

static lessor_status_t
update_scope6(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	const lessor_scope6_t scope = {.prefix = any_prefix(story), .lease_s = 1 + below(story, 9999)};
	return lessor_scope6_update(story->engine, &scope, LESSOR_SCOPE_FIELD_LEASE_S, mode, ticket);
}

static lessor_status_t
delete_scope6(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	return lessor_scope6_delete(story->engine, any_prefix(story), below(story, 3) == 0, mode, ticket);
}

static lessor_status_t
exclude6(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	const uint64_t first = 1 + 4 * below(story, 10);
	const lessor_range6_t range = {first, first + 2};
	const uint64_t prefix = any_prefix(story);
	return below(story, 2) == 0 ? lessor_scope6_exclude(story->engine, prefix, range, mode, ticket)
				    : lessor_scope6_include(story->engine, prefix, range, mode, ticket);
}

static lessor_status_t
change_superscope(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	char name[16];
	(void)snprintf(name, sizeof(name), "super %u", below(story, 3));
	return below(story, 3) == 0
		       ? lessor_superscope_delete(story->engine, name, mode, ticket)
		       : lessor_superscope_join(story->engine, any_subnet(story), name, true, mode, ticket);
}

static lessor_status_t
change_filter(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	char comment[24];
	(void)snprintf(comment, sizeof(comment), "number %" PRIu64, story->calls);
	const lessor_filter_t filter = {.hardware_type = 1,
					.pattern_bytes = 6,
					.pattern = {2, 0, 0, 0, 0, (uint8_t)below(story, 6)},
					.list = below(story, 2) == 0 ? LESSOR_FILTER_ALLOW : LESSOR_FILTER_DENY,
					.comment = comment};
	switch (below(story, 4)) {
	case 0:
		return lessor_filter_remove(story->engine, &filter, mode, ticket);
	case 1:
		return lessor_filter_set_enforcement(story->engine, below(story, 2) == 0, below(story, 2) == 0, mode,
						     ticket);
	default:
		return lessor_filter_add(story->engine, &filter, true, mode, ticket);
	}
}

static lessor_status_t
take_snapshot(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket) {
	(void)mode;
	(void)ticket;
	return lessor_snapshot(story->engine, NULL);
}

/* ---- telling --------------------------------------------------------------------------------------------------------- */

typedef struct {
	const char *what;
	lessor_status_t (*call)(story_t *story, lessor_mode_t mode, lessor_ticket_t *ticket);
	unsigned weight;
	bool is_lease;
	bool is_many; /* a refusal may come halfway */
} call_t;

static const call_t calls[] = {
	{"create", create_lease, 14, true, false},
	{"allocate", allocate_lease, 6, true, false},
	{"update", update_lease, 10, true, false},
	{"delete", delete_lease, 8, true, false},
	{"bind", bind_lease, 6, false, false},
	{"release", release_lease, 3, false, false},
	{"decline", decline_lease, 3, false, false},
	{"create batch", create_batch, 3, true, true},
	{"update batch", update_batch, 2, true, true},
	{"delete batch", delete_batch, 2, true, true},
	{"fill", fill, 1, true, true},
	{"expire", expire, 2, true, true},
	{"create 6", create_lease6, 10, true, false},
	{"create batch 6", create_batch6, 2, true, true},
	{"allocate 6", allocate_lease6, 4, true, false},
	{"update 6", update_lease6, 6, true, false},
	{"delete 6", delete_lease6, 6, true, false},
	{"expire 6", expire6, 2, true, true},
	{"reserve", reserve, 6, false, false},
	{"unreserve", unreserve, 4, false, false},
	{"reserve 6", reserve6, 5, false, false},
	{"unreserve 6", unreserve6, 3, false, false},
	{"create scope", create_scope, 8, false, false},
	{"update scope", update_scope, 2, false, false},
	{"delete scope", delete_scope, 2, false, false},
	{"resize", resize, 2, false, false},
	{"remove range", remove_range, 2, false, false},
	{"exclude", exclude, 3, false, false},
	{"include", include, 2, false, false},
	{"create scope 6", create_scope6, 6, false, false},
	{"update scope 6", update_scope6, 1, false, false},
	{"delete scope 6", delete_scope6, 2, false, false},
	{"exclude 6", exclude6, 3, false, false},
	{"superscope", change_superscope, 4, false, false},
	{"filter", change_filter, 5, false, false},
	{"limit", change_limit, 5, false, false},
	{"limit scope", limit_scope, 3, false, false},
	{"snapshot", take_snapshot, 2, false, true},
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))

/* Most calls need a scope. */
static const call_t *
draw_first(const story_t *story) {
	const call_t *call = calls;
	while (call->call != (story->calls % 2 == 0 ? create_scope : create_scope6)) {
		call++;
	}
	return call;
}

static const call_t *
draw(story_t *story, bool leases_only) {
	unsigned total = 0;
	for (size_t i = 0; i < CALLS; i++) {
		total += !leases_only || calls[i].is_lease ? calls[i].weight : 0;
	}
	if (!leases_only && story->calls < 2 * SUBNETS) {
		return draw_first(story);
	}
	unsigned at = below(story, total);
	for (size_t i = 0; i < CALLS; i++) {
		const unsigned weight = !leases_only || calls[i].is_lease ? calls[i].weight : 0;
		if (at < weight) {
			return &calls[i];
		}
		at -= weight;
	}
	return &calls[0];
}

static const view_t *
last_view(const story_t *story) {
	return &story->steps[story->count - 1].view;
}

static void
add_step(story_t *story, view_t view, lessor_ticket_t floor, lessor_ticket_t roof, const char *what) {
	story->steps = realloc(story->steps, (story->count + 1) * sizeof(story->steps[0]));
	REQUIRE(story->steps != NULL);
	story->steps[story->count++] = (story_step_t){.view = view, .floor = floor, .roof = roof, .what = what};
}

static bool
is_fault(lessor_status_t status) {
	return status == LESSOR_NO_MEMORY || status == LESSOR_DISK_FULL || status == LESSOR_LOG_FAILED ||
	       status == LESSOR_IO;
}

/* What the call did, and that it was allowed to. */
static void
look(story_t *story, const call_t *call, lessor_status_t status, lessor_mode_t mode, lessor_ticket_t floor) {
	const lessor_ticket_t roof = lessor_last_ticket(story->engine);
	view_t view = view_take(story->engine);
	const bool changed = !view_is_equal(&view, last_view(story));
	const bool may_change = roof != floor && (status == LESSOR_OK || call->is_many ||
						  (status == LESSOR_LOG_FAILED && mode == LESSOR_SYNC));
	if (changed && !may_change) {
		(void)fprintf(stderr, "%s, %s, changed:\n", call->what, lessor_status_name(status));
		view_explain(last_view(story), &view);
	}
	REQUIRE(!changed || may_change);
	if (!changed) {
		view_free(&view);
		return;
	}
	story->changes++;
	add_step(story, view, floor, roof, call->what);
}

static lessor_status_t
tell(story_t *story, const call_t *call, lessor_mode_t mode) {
	const uint32_t writer = below(story, STORY_WRITERS);
	const lessor_ticket_t floor = lessor_last_ticket(story->engine);
	story->calls++;
	story->what = call->what;
	if (story->around != NULL) {
		story->around(true);
	}
	const lessor_status_t status = call->call(story, mode, &story->ticket[writer]);
	if (story->around != NULL) {
		story->around(false);
	}
	REQUIRE(status != LESSOR_INVALID && status != LESSOR_DAMAGED && status != LESSOR_LIMIT &&
		status != LESSOR_TIMEOUT && status != LESSOR_CLOSED);
	if (call->call != take_snapshot) { /* others change things in the middle of one */
		look(story, call, status, mode, floor);
	}
	return is_fault(status) ? status : LESSOR_OK;
}

lessor_status_t
story_tell(story_t *story, bool leases_only) {
	const lessor_mode_t mode = !leases_only && below(story, 12) == 0 ? LESSOR_SYNC : LESSOR_ASYNC;
	return tell(story, draw(story, leases_only), mode);
}

size_t
story_kinds(void) {
	return CALLS;
}

lessor_status_t
story_tell_kind(story_t *story, size_t kind) {
	return tell(story, &calls[kind], LESSOR_ASYNC);
}

lessor_status_t
story_fill(story_t *story) {
	static const call_t call = {"fill", fill, 0, true, true};
	return tell(story, &call, LESSOR_ASYNC);
}

lessor_status_t
story_wait(story_t *story) {
	return lessor_ticket_wait(story->engine, story->ticket[below(story, STORY_WRITERS)], -1);
}

/* ---- life ------------------------------------------------------------------------------------------------------------ */

void
story_init(story_t *story, torture_random_t random) {
	*story = (story_t){.random = random};
}

void
story_free(story_t *story) {
	for (size_t i = 0; i < story->count; i++) {
		view_free(&story->steps[i].view);
	}
	free(story->steps);
	*story = (story_t){0};
}

void
story_open(story_t *story, lessor_engine_t *engine) {
	const lessor_ticket_t end = lessor_last_ticket(engine);
	view_t view = view_take(engine);
	story->engine = engine;
	memset(story->ticket, 0, sizeof(story->ticket));
	if (story->count == 0) {
		add_step(story, view, end, end, "open");
		return;
	}
	REQUIRE(story_matches(story, &view, end));
	while (story->count > 0 && story->steps[story->count - 1].roof > end) {
		view_free(&story->steps[--story->count].view);
	}
	add_step(story, view, end, end, "open");
}

/* ---- the model ------------------------------------------------------------------------------------------------------- */

bool
story_matches(const story_t *story, const view_t *view, lessor_ticket_t end) {
	size_t at = 0;
	while (at + 1 < story->count && story->steps[at + 1].roof <= end) {
		at++;
	}
	const story_step_t *step = &story->steps[at];
	const story_step_t *next = at + 1 < story->count ? step + 1 : NULL;
	const bool halfway = next != NULL && next->floor < end;
	const bool matches =
		halfway ? view_is_between(view, &step->view, &next->view, end) : view_is_equal(view, &step->view);
	if (!matches) {
		(void)fprintf(stderr, "the log ends at %" PRIu64 ", behind step %zu of %zu, '%s'%s:\n", end, at,
			      story->count, step->what, halfway ? ", in the middle of the next" : "");
		view_explain(&step->view, view);
	}
	return matches;
}
