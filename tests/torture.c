/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests share that try to break the engine. See torture.h. */
#include "torture.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* ---- failing, and seeds -------------------------------------------------------------------------------------------- */

static uint64_t seed;
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void
choose_seed(void) {
	const char *given = getenv("LESSOR_TEST_SEED");
	if (given != NULL) {
		seed = strtoull(given, NULL, 0);
	} else if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
		seed = 1;
	}
	if (getenv("LESSOR_TEST_QUIET") == NULL) {
		(void)fprintf(stderr, "LESSOR_TEST_SEED=%llu\n", (unsigned long long)seed);
	}
}

uint64_t
torture_seed(void) {
	(void)pthread_once(&seed_once, choose_seed);
	return seed;
}

torture_random_t
torture_random(uint64_t stream) {
	return (torture_random_t){.state = torture_mix(torture_seed() ^ torture_mix(stream))};
}

_Noreturn void
torture_fail(const char *file, int line, const char *what) {
	(void)fprintf(stderr, "%s:%d: does not hold: %s (LESSOR_TEST_SEED=%llu)\n", file, line, what,
		      (unsigned long long)torture_seed());
	abort();
}

void
torture_require_status(const char *file, int line, const char *what, lessor_status_t got, lessor_status_t wanted) {
	if (got != wanted) {
		(void)fprintf(stderr, "%s instead of %s\n", lessor_status_name(got), lessor_status_name(wanted));
		torture_fail(file, line, what);
	}
}

/* ---- leases that prove themselves ---------------------------------------------------------------------------------- */

void
torture_client(uint32_t client, uint8_t client_id[LESSOR_CLIENT_ID_MAX_BYTES], uint8_t *client_id_bytes) {
	/* Around every boundary of how an id can be stored: as an Ethernet address, inline, in a tail, and the longest. */
	static const uint8_t lengths[] = {6, 7, 6, 4, 8, 20, 21, 6, 7, 40, 255, 19};
	*client_id_bytes = lengths[client % sizeof(lengths)];
	uint64_t filler = torture_mix(client);
	for (unsigned i = 4; i < *client_id_bytes; i++) {
		client_id[i] = (uint8_t)(filler >> 8 * (i % 8));
		filler = i % 8 == 7 ? torture_mix(filler) : filler;
	}
	client_id[0] = 1; /* as the type of an Ethernet address, for those of 7 bytes */
	client_id[1] = (uint8_t)client;
	client_id[2] = (uint8_t)(client >> 8);
	client_id[3] = (uint8_t)(client >> 16);
}

static void
put_hardware(uint32_t client, lessor_lease_t *lease, torture_texts_t *texts) {
	lease->hardware_type = 1;
	if (lease->client_id_bytes == 6 && client % 2 == 0) {
		lease->hardware_bytes = 6;
		memcpy(texts->hardware, texts->client_id, 6);
	} else if (lease->client_id_bytes == 7) {
		lease->hardware_bytes = 6;
		memcpy(texts->hardware, texts->client_id + 1, 6);
	} else if (client % 3 == 0) {
		lease->hardware_type = (uint8_t)(client % 32);
		lease->hardware_bytes = (uint8_t)(1 + client % LESSOR_HARDWARE_MAX_BYTES);
		memset(texts->hardware, (int)(client % 251), sizeof(texts->hardware));
	} else {
		lease->hardware_type = 0;
	}
	lease->hardware = lease->hardware_bytes > 0 ? texts->hardware : NULL;
}

static char *
letters(char *to, size_t count, uint64_t salt) {
	for (size_t i = 0; i < count; i++) {
		to[i] = (char)('a' + (salt + i * 7) % 26);
	}
	to[count] = '\0';
	return to;
}

/* Some leases have no texts, most short ones, some long ones. */
static void
put_texts(uint64_t generation, lessor_lease_t *lease, torture_texts_t *texts) {
	const uint64_t salt = torture_mix(generation);
	if (salt % 4 != 0) {
		lease->name = letters(texts->name, salt % 8 == 1 ? 63 : salt >> 8 & 15, salt >> 16);
	}
	if (salt >> 20 & 1) {
		lease->comment = letters(texts->comment, (salt >> 21 & 15) == 0 ? 1499 : salt >> 25 & 63, salt >> 31);
	}
	if ((salt >> 33 & 3) == 0) {
		(void)snprintf(texts->owner, sizeof(texts->owner), "server-%u", (unsigned)(salt >> 35 & 15));
		lease->owner_name = texts->owner;
		lease->owner_address = (uint32_t)(salt >> 35 & 15);
	}
	if ((salt >> 39 & 7) == 0) {
		(void)snprintf(texts->policy, sizeof(texts->policy), "policy %u", (unsigned)(salt >> 42 & 3));
		lease->policy_name = texts->policy;
	}
	if ((salt >> 44 & 7) == 0) {
		(void)snprintf(texts->context, sizeof(texts->context), "{\"generation\":%llu}",
			       (unsigned long long)generation);
		lease->user_context = texts->context;
	}
	lease->address_state = (uint8_t)(1 + (salt >> 47) % 3 + ((salt >> 50 & 63) << 2));
}

static void
put_small_fields(uint64_t number, lessor_lease_t *lease) {
	const uint64_t salt = torture_mix(number ^ UINT64_C(0x5A5A5A5A5A5A5A5A));
	lease->expires_at = number + 1;
	lease->last_transaction_s = (uint32_t)salt;
	lease->client_type = (uint8_t)(salt >> 32 & 7);
	lease->quarantine_status = (uint8_t)((salt >> 35 & 7) % 7);
	lease->quarantine_capable = (salt >> 38 & 1) != 0;
	lease->probation_ends_at = (salt >> 39 & 7) == 0 ? salt | 1 : LESSOR_TIME_NONE;
	lease->dns_forward = (salt >> 42 & 1) != 0;
	lease->dns_reverse = (salt >> 43 & 1) != 0;
}

void
torture_lease(uint32_t address, uint64_t number, lessor_lease_t *lease, torture_texts_t *texts) {
	const uint32_t client = torture_client_of(number);
	*lease = (lessor_lease_t){.address = address};
	torture_client(client, texts->client_id, &lease->client_id_bytes);
	lease->client_id = texts->client_id;
	lease->client_id_made_up = client % 5 == 0;
	put_hardware(client, lease, texts);
	put_texts(number >> 40, lease, texts);
	put_small_fields(number, lease);
}

static bool
same_text(const char *a, const char *b) {
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
same_bytes(const uint8_t *a, size_t a_bytes, const uint8_t *b, size_t b_bytes) {
	return a_bytes == b_bytes && (a_bytes == 0 || memcmp(a, b, a_bytes) == 0);
}

static bool
same_small_fields(const lessor_lease_t *a, const lessor_lease_t *b) {
	return a->expires_at == b->expires_at && a->last_transaction_s == b->last_transaction_s &&
	       a->client_type == b->client_type && a->quarantine_status == b->quarantine_status &&
	       a->quarantine_capable == b->quarantine_capable && a->probation_ends_at == b->probation_ends_at &&
	       a->dns_forward == b->dns_forward && a->dns_reverse == b->dns_reverse &&
	       a->address_state == b->address_state && a->owner_address == b->owner_address &&
	       a->client_id_made_up == b->client_id_made_up;
}

bool
torture_proves(const lessor_lease_t *lease) {
	lessor_lease_t expected;
	torture_texts_t texts;
	torture_lease(lease->address, torture_number_of(lease), &expected, &texts);
	return same_small_fields(lease, &expected) &&
	       same_bytes(lease->client_id, lease->client_id_bytes, expected.client_id, expected.client_id_bytes) &&
	       same_bytes(lease->hardware, lease->hardware_bytes, expected.hardware, expected.hardware_bytes) &&
	       (lease->hardware_bytes == 0 || lease->hardware_type == expected.hardware_type) &&
	       same_text(lease->name, expected.name) && same_text(lease->comment, expected.comment) &&
	       same_text(lease->owner_name, expected.owner_name) &&
	       same_text(lease->policy_name, expected.policy_name) &&
	       same_text(lease->user_context, expected.user_context);
}

lessor_status_t
torture_get(lessor_engine_t *engine, uint32_t address, uint64_t *number, lessor_ticket_t *ticket) {
	char buffer[4096];
	lessor_lease_t lease;
	const lessor_status_t status = lessor_lease_get(engine, address, &lease, buffer, sizeof(buffer));
	REQUIRE(status == LESSOR_OK || status == LESSOR_NOT_FOUND);
	if (status == LESSOR_OK) {
		REQUIRE(lease.address == address && torture_proves(&lease));
		*number = torture_number_of(&lease);
		*ticket = lease.ticket;
	}
	return status;
}

lessor_status_t
torture_get_client(lessor_engine_t *engine, uint32_t subnet, uint32_t client, uint32_t *address, uint64_t *number,
		   lessor_ticket_t *ticket) {
	char buffer[4096];
	lessor_lease_t lease;
	uint8_t client_id[LESSOR_CLIENT_ID_MAX_BYTES];
	uint8_t client_id_bytes;
	torture_client(client, client_id, &client_id_bytes);
	const lessor_status_t status =
		lessor_lease_get_client(engine, subnet, client_id, client_id_bytes, &lease, buffer, sizeof(buffer));
	REQUIRE(status == LESSOR_OK || status == LESSOR_NOT_FOUND || status == LESSOR_NO_SCOPE);
	if (status == LESSOR_OK) {
		REQUIRE(torture_proves(&lease) && torture_client_of(torture_number_of(&lease)) == client);
		*address = lease.address;
		*number = torture_number_of(&lease);
		*ticket = lease.ticket;
	}
	return status;
}

/* ---- directories --------------------------------------------------------------------------------------------------- */

void
torture_make_directory(char path[256]) {
	const char *parent = getenv("TMPDIR");
	(void)snprintf(path, 256, "%s/torture-XXXXXX", parent != NULL ? parent : "/tmp");
	REQUIRE(mkdtemp(path) != NULL);
}

void
torture_remove_directory(const char *path) {
	DIR *stream = opendir(path);
	if (stream == NULL) {
		return;
	}
	const struct dirent *entry;
	while ((entry = readdir(stream)) != NULL) {
		(void)unlinkat(dirfd(stream), entry->d_name, 0);
	}
	(void)closedir(stream);
	(void)rmdir(path);
}

/* ---- whole stores -------------------------------------------------------------------------------------------------- */

void
torture_create_scope(lessor_engine_t *engine, uint32_t subnet, uint32_t mask, bool with_range) {
	const lessor_scope_t scope = {.subnet = subnet,
				      .mask = mask,
				      .has_range = with_range,
				      .range = {.first = subnet + 1, .last = (subnet | ~mask) - 1}};
	REQUIRE_STATUS(lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL), LESSOR_OK);
}

static void
require_figures_sound(lessor_engine_t *engine, uint32_t subnet) {
	lessor_scope_stats_t stats;
	lessor_scope_stats_t recount;
	REQUIRE_STATUS(lessor_scope_stats(engine, subnet, &stats), LESSOR_OK);
	REQUIRE_STATUS(lessor_scope_recount(engine, subnet, &recount), LESSOR_OK);
	REQUIRE(stats.pool == recount.pool && stats.in_use == recount.in_use && stats.free == recount.free &&
		stats.pending == recount.pending);
	REQUIRE(stats.leases == recount.leases && stats.leases_active == recount.leases_active &&
		stats.leases_declined == recount.leases_declined && stats.leases_doomed == recount.leases_doomed);
	REQUIRE(stats.in_use + stats.free + stats.pending == stats.pool);
	REQUIRE(stats.creates - stats.deletes == stats.leases);
	REQUIRE(stats.in_use_high_water >= stats.in_use);
}

void
torture_require_sound(lessor_engine_t *engine) {
	lessor_report_t report;
	lessor_scope_t scope;
	const lessor_status_t status = lessor_check(engine, &report);
	if (status != LESSOR_OK) {
		(void)fprintf(stderr, "lessor_check: %s\n", report.sentence);
	}
	REQUIRE_STATUS(status, LESSOR_OK);
	for (uint32_t from = 0; lessor_scope_next(engine, from, &scope, NULL, 0) == LESSOR_OK;
	     from = scope.subnet + 1) {
		require_figures_sound(engine, scope.subnet);
	}
}

static uint64_t
digest(uint64_t before, const void *data, size_t size_bytes) {
	const uint8_t *bytes = data;
	for (size_t i = 0; i < size_bytes; i++) {
		before = (before ^ bytes[i]) * UINT64_C(0x100000001B3);
	}
	return torture_mix(before ^ size_bytes);
}

static uint64_t
digest_number(uint64_t before, uint64_t number) {
	return torture_mix(before ^ number);
}

static uint64_t
digest_text(uint64_t before, const char *text) {
	return text == NULL ? digest_number(before, UINT64_MAX) : digest(before, text, strlen(text));
}

static uint64_t
digest_lease(const lessor_lease_t *lease) {
	uint64_t sum = digest(0, lease->client_id, lease->client_id_bytes);
	sum = digest(sum, lease->hardware, lease->hardware_bytes);
	sum = digest_number(sum, lease->hardware_bytes != 0 ? lease->hardware_type : 0u);
	sum = digest_number(sum, lease->subnet_mask);
	sum = digest_number(sum, lease->client_type | (uint64_t)lease->address_state << 8 |
					 (uint64_t)lease->quarantine_status << 16 |
					 (uint64_t)lease->quarantine_capable << 24 |
					 (uint64_t)lease->client_id_made_up << 25 | (uint64_t)lease->dns_forward << 26 |
					 (uint64_t)lease->dns_reverse << 27 | (uint64_t)lease->is_reserved << 28 |
					 (uint64_t)lease->state_ex << 29);
	sum = digest_number(sum, lease->last_transaction_s);
	sum = digest_number(sum, lease->expires_at);
	sum = digest_number(sum, lease->probation_ends_at);
	sum = digest_number(sum, lease->owner_address);
	sum = digest(sum, lease->limit_key, lease->limit_keys * sizeof(lease->limit_key[0]));
	sum = digest_text(sum, lease->name);
	sum = digest_text(sum, lease->comment);
	sum = digest_text(sum, lease->owner_name);
	sum = digest_text(sum, lease->policy_name);
	return digest_text(sum, lease->user_context);
}

static void
dump_leases(lessor_engine_t *engine, torture_dump_t *dump) {
	static char buffer[LESSOR_LEASE_BUFFER_BYTES];
	size_t capacity = 0;
	lessor_cursor_t cursor;
	lessor_lease_t lease;
	lessor_status_t status;
	lessor_cursor_init(&cursor, 0, UINT32_MAX);
	while ((status = lessor_lease_next(engine, &cursor, &lease, buffer, sizeof(buffer))) == LESSOR_OK) {
		if (dump->count == capacity) {
			capacity = capacity == 0 ? 1024 : capacity * 2;
			dump->leases = realloc(dump->leases, capacity * sizeof(dump->leases[0]));
			REQUIRE(dump->leases != NULL);
		}
		dump->leases[dump->count++] = (torture_entry_t){
			.address = lease.address, .ticket = lease.ticket, .digest = digest_lease(&lease)};
	}
	REQUIRE_STATUS(status, LESSOR_END);
}

static uint64_t
digest_scope(lessor_engine_t *engine, const lessor_scope_t *scope) {
	static lessor_range_t ranges[LESSOR_SCOPE_MAX_EXCLUSIONS];
	size_t count;
	lessor_scope_stats_t stats;
	REQUIRE_STATUS(lessor_scope_exclusions(engine, scope->subnet, ranges, LESSOR_SCOPE_MAX_EXCLUSIONS, &count),
		       LESSOR_OK);
	REQUIRE_STATUS(lessor_scope_stats(engine, scope->subnet, &stats), LESSOR_OK);
	stats.in_use_high_water = 0;
	uint64_t sum = digest(0, ranges, count * sizeof(ranges[0]));
	sum = digest(sum, &stats, sizeof(stats));
	sum = digest_number(sum, (uint64_t)scope->subnet << 32 | scope->mask);
	sum = digest_number(sum, (uint64_t)scope->id << 32 | scope->state);
	sum = digest_number(sum, scope->lease_s);
	sum = digest_number(sum, scope->has_range ? (uint64_t)scope->range.first << 32 | scope->range.last : 0);
	return digest_text(digest_text(sum, scope->name), scope->comment);
}

torture_dump_t
torture_dump(lessor_engine_t *engine) {
	static char buffer[LESSOR_SCOPE_BUFFER_BYTES];
	torture_dump_t dump = {0};
	lessor_scope_t scope;
	dump_leases(engine, &dump);
	for (uint32_t from = 0; lessor_scope_next(engine, from, &scope, buffer, sizeof(buffer)) == LESSOR_OK;
	     from = scope.subnet + 1) {
		dump.scopes_digest = digest_number(dump.scopes_digest, digest_scope(engine, &scope));
		dump.scopes++;
	}
	return dump;
}

void
torture_require_equal(const torture_dump_t *a, const torture_dump_t *b) {
	for (size_t i = 0; i < a->count && i < b->count; i++) {
		REQUIRE(a->leases[i].address == b->leases[i].address);
		REQUIRE(a->leases[i].ticket == b->leases[i].ticket);
		REQUIRE(a->leases[i].digest == b->leases[i].digest);
	}
	REQUIRE(a->count == b->count);
	REQUIRE(a->scopes == b->scopes);
	REQUIRE(a->scopes_digest == b->scopes_digest);
}

void
torture_dump_free(torture_dump_t *dump) {
	free(dump->leases);
	*dump = (torture_dump_t){0};
}
