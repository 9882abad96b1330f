/* SPDX-License-Identifier: Apache-2.0 */
#include "contents.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FIRST  UINT32_C(0xAC100100)
#define SECOND UINT32_C(0xAC100200)
#define MASK   UINT32_C(0xFFFFFF00)
#define PREFIX UINT64_C(0x20010DB800000000)

static void
must(lessor_status_t status) {
	if (status != LESSOR_OK) {
		(void)fprintf(stderr, "contents: %s\n", lessor_status_name(status));
		abort();
	}
}

/* ---- changes ------------------------------------------------------------------------------------------------------- */

static void
add_scope(lessor_engine_t *engine, uint32_t subnet) {
	const lessor_scope_t scope = {.subnet = subnet,
				      .mask = MASK,
				      .has_range = true,
				      .range = {subnet + 10, subnet + 99},
				      .lease_s = 7200};
	must(lessor_scope_create(engine, &scope, LESSOR_SYNC, NULL));
}

static void
add_lease(lessor_engine_t *engine, uint32_t address, const char *client, const char *owner) {
	lessor_lease_t lease;
	lessor_lease_init(&lease);
	lease.address = address;
	lease.client_id = (const uint8_t *)client;
	lease.client_id_bytes = (uint8_t)strlen(client);
	lease.owner_name = owner;
	lease.policy_name = owner != NULL ? "policy" : NULL;
	lease.user_context = owner != NULL ? "{\"text\": \"longer than what a record holds by itself\"}" : NULL;
	must(lessor_lease_create(engine, &lease, LESSOR_SYNC, NULL));
}

static void
add_lease6(lessor_engine_t *engine, uint64_t low, const char *duid, const char *name) {
	lessor_lease6_t lease;
	lessor_lease6_init(&lease);
	lease.address = (lessor_address6_t){PREFIX, low};
	lease.duid = (const uint8_t *)duid;
	lease.duid_bytes = (uint16_t)strlen(duid);
	lease.iaid = 7;
	lease.name = name;
	lease.expires_at = UINT64_C(133000000000000000);
	must(lessor_lease6_create(engine, &lease, LESSOR_SYNC, NULL));
}

static void
reserve(lessor_engine_t *engine, uint32_t address, const char *client) {
	const lessor_reservation_t reservation = {.address = address,
						  .client_id = (const uint8_t *)client,
						  .client_id_bytes = (uint8_t)strlen(client),
						  .client_types = LESSOR_CLIENT_BOTH};
	must(lessor_reservation_create(engine, address & MASK, &reservation, LESSOR_SYNC, NULL));
}

static void
reserve6(lessor_engine_t *engine, uint64_t low, const char *duid) {
	const lessor_reservation6_t reservation = {.address = {PREFIX, low},
						   .duid = (const uint8_t *)duid,
						   .duid_bytes = (uint16_t)strlen(duid),
						   .iaid = 9};
	must(lessor_reservation6_create(engine, PREFIX, &reservation, LESSOR_SYNC, NULL));
}

static void
add_filter(lessor_engine_t *engine, uint8_t last, lessor_filter_list_t list, const char *comment) {
	const lessor_filter_t filter = {.hardware_type = 1,
					.pattern_bytes = 6,
					.pattern = {2, 0, 0, 0, 0, last},
					.list = list,
					.comment = comment};
	must(lessor_filter_add(engine, &filter, false, LESSOR_SYNC, NULL));
}

static void
change_v4(lessor_engine_t *engine, unsigned number) {
	switch (number) {
	case 0:
		add_scope(engine, FIRST);
		return;
	case 1:
		must(lessor_superscope_join(engine, FIRST, "a superscope", false, LESSOR_SYNC, NULL));
		return;
	case 2:
		add_scope(engine, SECOND);
		return;
	case 3:
		must(lessor_superscope_join(engine, SECOND, "a superscope", false, LESSOR_SYNC, NULL));
		return;
	case 4:
		add_lease(engine, FIRST + 20, "client 1", "owner.example");
		return;
	case 5:
		add_lease(engine, FIRST + 21, "client 2", NULL);
		return;
	case 6:
		reserve(engine, FIRST + 22, "client 3");
		return;
	case 7:
		reserve(engine, FIRST + 21, "client 2");
		return;
	case 8:
		add_filter(engine, 1, LESSOR_FILTER_ALLOW, "allowed");
		return;
	case 9:
		add_filter(engine, 2, LESSOR_FILTER_DENY, NULL);
		return;
	default:
		must(lessor_filter_set_enforcement(engine, true, false, LESSOR_SYNC, NULL));
	}
}

static void
change_v6(lessor_engine_t *engine, unsigned number) {
	const lessor_scope6_t scope = {.prefix = PREFIX, .name = "six", .preference = 3};
	switch (number) {
	case 11:
		must(lessor_scope6_create(engine, &scope, LESSOR_SYNC, NULL));
		return;
	case 12:
		add_lease6(engine, 5, "a duid", "host");
		return;
	case 13:
		add_lease6(engine, UINT64_C(0xFFFF000000000001), "another duid, that is somewhat longer than the first",
			   NULL);
		return;
	case 14:
		must(lessor_scope6_exclude(engine, PREFIX, (lessor_range6_t){16, 31}, LESSOR_SYNC, NULL));
		return;
	default:
		reserve6(engine, 9, "a third duid");
	}
}

/* What was there is changed, or goes. */
static void
change_again(lessor_engine_t *engine, unsigned number) {
	const lessor_filter_t filter = {.hardware_type = 1, .pattern_bytes = 6, .pattern = {2, 0, 0, 0, 0, 1}};
	switch (number) {
	case 16:
		must(lessor_lease6_delete(engine, (lessor_address6_t){PREFIX, 5}, LESSOR_SYNC, NULL));
		return;
	case 17:
		must(lessor_filter_remove(engine, &filter, LESSOR_SYNC, NULL));
		return;
	case 18:
		add_lease(engine, SECOND + 30, "client 1", "another owner");
		return;
	case 19:
		must(lessor_scope_remove_range(engine, SECOND, (lessor_range_t){SECOND + 10, SECOND + 99}, true,
					       LESSOR_SYNC, NULL));
		return;
	case 20:
		must(lessor_reservation_delete(engine, FIRST, FIRST + 22, NULL, 0, UINT64_C(133000000000000000),
					       LESSOR_SYNC, NULL));
		return;
	default:
		must(lessor_superscope_join(engine, SECOND, "the second one", true, LESSOR_SYNC, NULL));
	}
}

void
contents_change(lessor_engine_t *engine, unsigned number) {
	(number < 11 ? change_v4 : number < 16 ? change_v6 : change_again)(engine, number);
}

/* ---- printing ------------------------------------------------------------------------------------------------------- */

static void
print_bytes(FILE *out, const uint8_t *bytes, size_t count) {
	(void)fputc(' ', out);
	for (size_t i = 0; i < count; i++) {
		(void)fprintf(out, "%02x", bytes[i]);
	}
}

static const char *
text(const char *given) {
	return given != NULL ? given : "-";
}

static void
print_superscopes(FILE *out, lessor_engine_t *engine) {
	char name[LESSOR_SUPERSCOPE_NAME_MAX_BYTES + 1];
	static char buffer[LESSOR_SCOPE_BUFFER_BYTES];
	lessor_scope_t scope;
	for (uint32_t number = 0; lessor_superscope_next(engine, &number, name, sizeof(name)) == LESSOR_OK; number++) {
		(void)fprintf(out, "superscope %u %s\n", number, name);
	}
	for (uint32_t from = 0; lessor_scope_next(engine, from, &scope, buffer, sizeof(buffer)) == LESSOR_OK;
	     from = scope.subnet + 1) {
		uint32_t number = 0;
		must(lessor_superscope_of(engine, scope.subnet, &number, name, sizeof(name)));
		(void)fprintf(out, "scope %08x is in %u\n", scope.subnet, number);
	}
}

static void
print_filters(FILE *out, lessor_engine_t *engine) {
	bool allow;
	bool deny;
	char comment[LESSOR_FILTER_COMMENT_MAX_BYTES + 1];
	lessor_filter_t filter;
	must(lessor_filter_enforcement(engine, &allow, &deny));
	(void)fprintf(out, "filters %d %d\n", allow, deny);
	for (int list = LESSOR_FILTER_DENY; list <= LESSOR_FILTER_ALLOW; list++) {
		for (uint32_t at = 0; lessor_filter_next(engine, (lessor_filter_list_t)list, &at, &filter, comment,
							 sizeof(comment)) == LESSOR_OK;) {
			(void)fprintf(out, "filter %d %u %d %s", filter.list, filter.hardware_type, filter.is_wildcard,
				      text(filter.comment));
			print_bytes(out, filter.pattern, filter.pattern_bytes);
			(void)fputc('\n', out);
		}
	}
}

static void
print_reservations(FILE *out, lessor_engine_t *engine, uint32_t subnet) {
	uint8_t id[LESSOR_CLIENT_ID_MAX_BYTES];
	lessor_reservation_t reservation;
	for (uint32_t from = 0;
	     lessor_reservation_next(engine, subnet, from, &reservation, id, sizeof(id)) == LESSOR_OK;
	     from = reservation.address + 1) {
		(void)fprintf(out, "reserved %08x %u %d", reservation.address, reservation.client_types,
			      reservation.has_lease);
		print_bytes(out, reservation.client_id, reservation.client_id_bytes);
		(void)fputc('\n', out);
	}
}

static void
print_reservations6(FILE *out, lessor_engine_t *engine, uint64_t prefix) {
	uint8_t duid[LESSOR_DUID_MAX_BYTES];
	lessor_reservation6_t reservation;
	for (lessor_address6_t from = {prefix, 0};
	     lessor_reservation6_next(engine, prefix, from, &reservation, duid, sizeof(duid)) == LESSOR_OK;
	     from.low = reservation.address.low + 1) {
		(void)fprintf(out, "reserved6 %016" PRIx64 " %u %d", reservation.address.low, reservation.iaid,
			      reservation.has_lease);
		print_bytes(out, reservation.duid, reservation.duid_bytes);
		(void)fputc('\n', out);
	}
}

static void
print_scopes6(FILE *out, lessor_engine_t *engine) {
	static char buffer[LESSOR_SCOPE_BUFFER_BYTES];
	lessor_scope6_t scope;
	lessor_scope6_stats_t stats;
	lessor_range6_t ranges[8];
	size_t count = 0;
	if (lessor_scope6_next(engine, 0, &scope, buffer, sizeof(buffer)) != LESSOR_OK) {
		return;
	}
	must(lessor_scope6_stats(engine, scope.prefix, &stats));
	must(lessor_scope6_exclusions(engine, scope.prefix, ranges, 8, &count));
	(void)fprintf(out, "scope6 %016" PRIx64 " %s %u in_use=%" PRIu64 " most=%" PRIu64 " deletes=%" PRIu64,
		      scope.prefix, text(scope.name), scope.preference, stats.in_use, stats.in_use_high_water,
		      stats.deletes);
	for (size_t i = 0; i < count; i++) {
		(void)fprintf(out, " without %" PRIx64 "-%" PRIx64, ranges[i].first, ranges[i].last);
	}
	(void)fputc('\n', out);
	print_reservations6(out, engine, scope.prefix);
}

static void
print_leases6(FILE *out, lessor_engine_t *engine) {
	static uint8_t buffer[LESSOR_LEASE_BUFFER_BYTES];
	lessor_lease6_t lease;
	lessor_cursor6_t cursor;
	lessor_cursor6_init(&cursor, (lessor_address6_t){0, 0}, (lessor_address6_t){UINT64_MAX, UINT64_MAX});
	while (lessor_lease6_next(engine, &cursor, &lease, buffer, sizeof(buffer)) == LESSOR_OK) {
		(void)fprintf(out, "lease6 %016" PRIx64 "%016" PRIx64 " %u %u %" PRIu64 " %s", lease.address.high,
			      lease.address.low, lease.iaid, lease.address_state, lease.expires_at, text(lease.name));
		print_bytes(out, lease.duid, lease.duid_bytes);
		(void)fputc('\n', out);
	}
}

void
contents_print(FILE *out, lessor_engine_t *engine) {
	static char buffer[LESSOR_SCOPE_BUFFER_BYTES];
	lessor_scope_t scope;
	print_superscopes(out, engine);
	print_filters(out, engine);
	for (uint32_t from = 0; lessor_scope_next(engine, from, &scope, buffer, sizeof(buffer)) == LESSOR_OK;
	     from = scope.subnet + 1) {
		print_reservations(out, engine, scope.subnet);
	}
	print_scopes6(out, engine);
	print_leases6(out, engine);
}
