/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPv6 leases: what calls answer, what a lease costs, who wins when threads meet, and what a killed process leaves.
 *   LESSOR_TEST_SEED  which places threads choose
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.h"
#include "torture.h"

#define PREFIX UINT64_C(0x20010DB800000000)

static const uint8_t duid[14] = {0, 1, 0, 1, 0x2A, 0x11, 0x22, 0x33, 2, 0, 0x5E, 0x10, 0, 1};

static lessor_engine_t *engine;

static void
add_scope(lessor_engine_t *to) {
	const lessor_scope6_t scope = {.prefix = PREFIX};
	assert_status(LESSOR_OK, lessor_scope6_create(to, &scope, LESSOR_ASYNC, NULL));
}

static int
begin(void **state) {
	(void)state;
	engine = scratch_open_memory();
	add_scope(engine);
	return 0;
}

static int
end(void **state) {
	lessor_report_t report;
	(void)state;
	const lessor_status_t status = lessor_check(engine, &report);
	if (status != LESSOR_OK) {
		print_error("check: %s\n", report.sentence);
	}
	assert_status(LESSOR_OK, status);
	scratch_close(engine);
	return 0;
}

static lessor_address6_t
address_of(uint64_t low) {
	return (lessor_address6_t){PREFIX, low};
}

static lessor_lease6_t
make(uint64_t low, uint32_t iaid) {
	lessor_lease6_t lease;
	lessor_lease6_init(&lease);
	lease.address = address_of(low);
	lease.duid = duid;
	lease.duid_bytes = sizeof(duid);
	lease.iaid = iaid;
	return lease;
}

static lessor_status_t
create(uint64_t low, uint32_t iaid) {
	const lessor_lease6_t lease = make(low, iaid);
	return lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL);
}

/* ---- one caller ------------------------------------------------------------------------------------------------------ */

static void
a_client_is_duid_and_iaid(void **state) {
	char buffer[64];
	lessor_lease6_t got;
	lessor_lease6_t lease = make(2, 0);
	static const uint8_t other[3] = {9, 9, 9};
	(void)state;
	assert_status(LESSOR_OK, create(1, 0));
	assert_status(LESSOR_CLIENT_TAKEN, create(2, 0));
	assert_status(LESSOR_OK, create(2, 1));
	lease = make(3, 0);
	lease.duid = other;
	lease.duid_bytes = sizeof(other);
	assert_status(LESSOR_OK, lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_ADDRESS_TAKEN, create(3, 77));
	assert_status(LESSOR_ADDRESS_TAKEN, create(3, 1));
	lease = make(1, 0);
	lease.address.high++;
	assert_status(LESSOR_NO_SCOPE, lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK,
		      lessor_lease6_get_client(engine, PREFIX, duid, sizeof(duid), 1, &got, buffer, sizeof(buffer)));
	assert_true(got.address.high == PREFIX && got.address.low == 2 && got.iaid == 1);
	assert_memory_equal(got.duid, duid, sizeof(duid));
	assert_status(LESSOR_NOT_FOUND,
		      lessor_lease6_get_client(engine, PREFIX, duid, sizeof(duid), 2, &got, buffer, sizeof(buffer)));
	assert_status(LESSOR_NO_SCOPE, lessor_lease6_get_client(engine, PREFIX + 1, duid, sizeof(duid), 1, &got, buffer,
								sizeof(buffer)));
}

static void
what_is_refused(void **state) {
	static const uint8_t longest[LESSOR_DUID_MAX_BYTES + 1];
	lessor_lease6_t lease = make(1, 1);
	lessor_lease6_t got;
	(void)state;
	assert_status(LESSOR_INVALID, lessor_lease6_create(engine, NULL, LESSOR_ASYNC, NULL));
	lease.duid = NULL;
	assert_status(LESSOR_INVALID, lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL));
	lease = make(1, 1);
	lease.duid_bytes = 0;
	assert_status(LESSOR_INVALID, lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL));
	lease.duid = longest;
	lease.duid_bytes = LESSOR_DUID_MAX_BYTES + 1;
	assert_status(LESSOR_INVALID, lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL));
	lease = make(1, 1);
	lease.name = "\xFF";
	assert_status(LESSOR_INVALID, lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL));
	lease = make(1, 1);
	lease.address_state = 4;
	assert_status(LESSOR_INVALID, lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_NOT_FOUND, lessor_lease6_get(engine, address_of(1), &got, NULL, 0));
	assert_status(LESSOR_INVALID, lessor_lease6_get(engine, address_of(1), NULL, NULL, 0));
	assert_status(LESSOR_NOT_FOUND, lessor_lease6_delete(engine, address_of(1), LESSOR_ASYNC, NULL));
	lease = make(1, 1);
	assert_status(LESSOR_INVALID, lessor_lease6_update(engine, &lease, LESSOR_FIELD_CLIENT_ID | LESSOR_IF_CLIENT,
							   LESSOR_ASYNC, NULL));
	assert_status(LESSOR_NOT_FOUND, lessor_lease6_update(engine, &lease, LESSOR_FIELD_EXPIRES, LESSOR_ASYNC, NULL));
	uint64_t counted;
	const lessor_address6_t below = {address_of(0).high - 1, UINT64_MAX};
	assert_status(LESSOR_INVALID, lessor_lease6_count(engine, address_of(1), address_of(0), &counted));
	assert_status(LESSOR_INVALID, lessor_lease6_count(engine, address_of(0), below, &counted));
	assert_status(LESSOR_OK, lessor_lease6_count(engine, below, address_of(0), &counted));
	assert_status(LESSOR_INVALID, lessor_lease6_count(engine, address_of(0), address_of(1), NULL));
}

static void
every_member_comes_back(void **state) {
	static const uint8_t hardware[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	char buffer[LESSOR_LEASE_BUFFER_BYTES];
	lessor_lease6_t got;
	lessor_lease6_t lease = make(UINT64_MAX, UINT32_MAX);
	(void)state;
	lease.hardware = hardware;
	lease.hardware_bytes = sizeof(hardware);
	lease.hardware_type = 32;
	lease.dns_forward = true;
	lease.last_transaction_s = 5;
	lease.expires_at = 1000;
	lease.preferred_expires_at = 500;
	lease.name = "a name";
	lease.comment = "a comment";
	lease.user_context = "{}";
	lease.owner_address = (lessor_address6_t){3, 4};
	assert_status(LESSOR_OK, lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_lease6_get(engine, lease.address, &got, buffer, sizeof(buffer)));
	assert_true(got.hardware_bytes == 8 && got.hardware_type == 32 && got.dns_forward && !got.dns_reverse);
	assert_memory_equal(got.hardware, hardware, sizeof(hardware));
	assert_true(got.last_transaction_s == 5 && got.expires_at == 1000 && got.preferred_expires_at == 500);
	assert_true(got.owner_address.high == 3 && got.owner_address.low == 4 && got.address_state == 1);
	assert_string_equal(got.name, "a name");
	assert_string_equal(got.comment, "a comment");
	assert_string_equal(got.user_context, "{}");
	/* A renewal moves both expiries, and nothing else. */
	lessor_lease6_t renewed = make(UINT64_MAX, UINT32_MAX);
	renewed.expires_at = 2000;
	renewed.preferred_expires_at = 3000;
	assert_status(LESSOR_OK, lessor_lease6_update(engine, &renewed, LESSOR_FIELD_EXPIRES | LESSOR_IF_CLIENT,
						      LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_lease6_get(engine, lease.address, &got, buffer, sizeof(buffer)));
	assert_true(got.expires_at == 2000 && got.preferred_expires_at == 2000 && got.owner_address.low == 4);
	assert_string_equal(got.comment, "a comment");
	renewed.iaid = 7;
	assert_status(
		LESSOR_OTHER_CLIENT,
		lessor_lease6_update(engine, &renewed, LESSOR_FIELD_EXPIRES | LESSOR_IF_CLIENT, LESSOR_ASYNC, NULL));
}

static void
the_one_with_this_name(void **state) {
	char buffer[64];
	lessor_lease6_t got;
	lessor_lease6_t lease = make(UINT64_C(1) << 60, 1);
	(void)state;
	lease.name = "Printer";
	assert_status(LESSOR_OK, lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL));
	lease = make(77, 2);
	lease.name = "pRINTER";
	assert_status(LESSOR_OK, lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_lease6_find_name(engine, "PRINTER", &got, buffer, sizeof(buffer)));
	assert_true(got.address.low == 77);
	assert_status(LESSOR_NOT_FOUND, lessor_lease6_find_name(engine, "printe", &got, buffer, sizeof(buffer)));
}

static void
free_addresses_are_counted_up(void **state) {
	uint64_t addresses[6];
	uint32_t found;
	(void)state;
	assert_status(LESSOR_OK, create(2, 2));
	assert_status(LESSOR_OK, create(4, 4));
	assert_status(LESSOR_OK, lessor_scope6_exclude(engine, PREFIX, (lessor_range6_t){6, 99}, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK,
		      lessor_scope6_exclude(engine, PREFIX, (lessor_range6_t){100, 199}, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_scope6_free_addresses(engine, PREFIX, 0, UINT64_MAX, 6, addresses, &found));
	static const uint64_t wanted[6] = {1, 3, 5, 200, 201, 202};
	assert_int_equal(found, 6);
	assert_memory_equal(addresses, wanted, sizeof(wanted));
	assert_status(LESSOR_OK, lessor_scope6_free_addresses(engine, PREFIX, 4, 200, 6, addresses, &found));
	assert_true(found == 2 && addresses[0] == 5 && addresses[1] == 200);
	assert_status(LESSOR_OK,
		      lessor_scope6_free_addresses(engine, PREFIX, UINT64_MAX, UINT64_MAX, 2, addresses, &found));
	assert_true(found == 1 && addresses[0] == UINT64_MAX);
	assert_status(LESSOR_NOT_FOUND,
		      lessor_scope6_free_addresses(engine, PREFIX + 1, 0, UINT64_MAX, 1, addresses, &found));
}

static void
a_small_pool_is_exhausted(void **state) {
	bool seen[100] = {false};
	lessor_lease6_t lease = make(0, 0);
	(void)state;
	assert_status(LESSOR_OK,
		      lessor_scope6_exclude(engine, PREFIX, (lessor_range6_t){100, UINT64_MAX}, LESSOR_ASYNC, NULL));
	for (uint32_t iaid = 1; iaid < 100; iaid++) {
		lease.iaid = iaid;
		assert_status(LESSOR_OK,
			      lessor_lease6_allocate(engine, PREFIX, iaid == 50 ? 60 : 0, &lease, LESSOR_ASYNC, NULL));
		assert_true(lease.address.low > 0 && lease.address.low < 100 && !seen[lease.address.low]);
		seen[lease.address.low] = true;
	}
	lease.iaid = 100;
	assert_status(LESSOR_EXHAUSTED, lessor_lease6_allocate(engine, PREFIX, 0, &lease, LESSOR_ASYNC, NULL));
	lease.iaid = 1;
	assert_status(LESSOR_CLIENT_TAKEN, lessor_lease6_allocate(engine, PREFIX, 0, &lease, LESSOR_ASYNC, NULL));
	assert_status(LESSOR_OK, lessor_lease6_delete(engine, address_of(31), LESSOR_ASYNC, NULL));
	lease.iaid = 100;
	assert_status(LESSOR_OK, lessor_lease6_allocate(engine, PREFIX, 0, &lease, LESSOR_ASYNC, NULL));
	assert_true(lease.address.low == 31);
	assert_status(LESSOR_NO_SCOPE, lessor_lease6_allocate(engine, PREFIX + 1, 0, &lease, LESSOR_ASYNC, NULL));
}

/* Slots are used again: addresses come and go, memory does not grow with them. */
static void
slots_are_used_again(void **state) {
	lessor_engine_stats_t before;
	lessor_engine_stats_t after;
	(void)state;
	for (uint64_t i = 0; i < 50000; i++) {
		assert_status(LESSOR_OK, create(i * 977 + 1, (uint32_t)i));
		if (i == 1000) {
			assert_status(LESSOR_OK, lessor_engine_stats(engine, &before));
		}
		if (i >= 100) {
			assert_status(LESSOR_OK, lessor_lease6_delete(engine, address_of((i - 100) * 977 + 1),
								      LESSOR_ASYNC, NULL));
		}
	}
	assert_status(LESSOR_OK, lessor_engine_stats(engine, &after));
	assert_int_equal(after.leases, 100);
	assert_in_range(after.memory_bytes, 1, before.memory_bytes + 65536);
}

/* ---- many at once ------------------------------------------------------------------------------------------------------ */

#define BATCH 100u

/* Names of all lengths that are placed differently: none, empty, in the body, at home, the longest there, in memory of its own. */
static const char *const batch_name[] = {
	NULL, "", "ab", "abc", "host-4711.eu", "sixteen-bytes-xx", "seventeen-bytes-x", "gr\xC3\xBC\xC3\x9F"};

static void
assert_same_lease(const lessor_lease6_t *want, const lessor_lease6_t *is) {
	assert_true(want->address.high == is->address.high && want->address.low == is->address.low);
	assert_int_equal(want->duid_bytes, is->duid_bytes);
	assert_memory_equal(want->duid, is->duid, want->duid_bytes);
	assert_int_equal(want->iaid, is->iaid);
	assert_true(want->expires_at == is->expires_at && want->preferred_expires_at == is->preferred_expires_at);
	assert_int_equal(want->name == NULL, is->name == NULL);
	if (want->name != NULL) {
		assert_string_equal(want->name, is->name);
	}
	assert_int_equal(want->comment == NULL, is->comment == NULL);
}

/* Every third address is free; the last one is in no scope. */
static void
make_batch(lessor_address6_t *addresses, lessor_client6_t *clients) {
	for (uint32_t i = 0; i < BATCH; i++) {
		lessor_lease6_t lease = make(i * UINT64_C(0x9E3779B97F4A7C15), i);
		lease.name = batch_name[i % (sizeof(batch_name) / sizeof(batch_name[0]))];
		lease.preferred_expires_at = i % 5 == 0 ? 12345 : LESSOR_TIME_INFINITE;
		lease.comment = i % 11 == 0 ? "a comment" : NULL;
		addresses[i] = lease.address;
		clients[i] = (lessor_client6_t){.prefix = PREFIX, .duid = duid, .duid_bytes = sizeof(duid), .iaid = i};
		if (i % 3 != 0) {
			assert_status(LESSOR_OK, lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL));
		}
	}
	addresses[BATCH - 1].high = clients[BATCH - 1].prefix = PREFIX + 1;
	clients[BATCH - 2].duid = NULL;
}

static void
assert_as_made(size_t i, const lessor_lease6_t *is) {
	const char *name = batch_name[i % (sizeof(batch_name) / sizeof(batch_name[0]))];
	assert_int_equal(is->iaid, i);
	assert_true(is->preferred_expires_at == (i % 5 == 0 ? 12345 : LESSOR_TIME_INFINITE));
	assert_int_equal(is->comment != NULL, i % 11 == 0);
	assert_int_equal(is->name == NULL, name == NULL);
	if (name != NULL) {
		assert_string_equal(is->name, name);
	}
}

static void
many_are_read_as_one_is(void **state) {
	static char buffer[LESSOR_LEASE_BUFFER_BYTES];
	static char texts[BATCH * 64];
	static lessor_address6_t addresses[BATCH];
	static lessor_client6_t clients[BATCH];
	static lessor_lease6_t got[2][BATCH];
	lessor_status_t statuses[2][BATCH];
	lessor_lease6_t single;
	(void)state;
	make_batch(addresses, clients);
	for (size_t count = 0; count <= BATCH; count += count < 2 ? 1 : 49) {
		assert_status(LESSOR_OK, lessor_lease6_get_batch(engine, addresses, count, got[0], texts, sizeof(texts),
								 statuses[0]));
		for (size_t i = 0; i < count; i++) {
			assert_status(lessor_lease6_get(engine, addresses[i], &single, buffer, sizeof(buffer)),
				      statuses[0][i]);
			assert_status(i % 3 != 0 && i != BATCH - 1 ? LESSOR_OK : LESSOR_NOT_FOUND, statuses[0][i]);
			if (statuses[0][i] == LESSOR_OK) {
				assert_same_lease(&single, &got[0][i]);
				assert_as_made(i, &single);
			}
		}
		assert_status(LESSOR_OK, lessor_lease6_get_client_batch(engine, clients, count, got[1], texts,
									sizeof(texts), statuses[1]));
		for (size_t i = 0; i < count; i++) {
			const lessor_status_t want = i == BATCH - 1   ? LESSOR_NO_SCOPE
						     : i == BATCH - 2 ? LESSOR_INVALID
						     : i % 3 != 0     ? LESSOR_OK
								      : LESSOR_NOT_FOUND;
			assert_status(want, statuses[1][i]);
			assert_status(want, lessor_lease6_get_client(engine, clients[i].prefix, clients[i].duid,
								     clients[i].duid_bytes, clients[i].iaid, &single,
								     buffer, sizeof(buffer)));
			if (want == LESSOR_OK) {
				assert_same_lease(&single, &got[1][i]);
			}
		}
	}
}

static void
what_does_not_fit_is_left_out(void **state) {
	char texts[100];
	lessor_address6_t addresses[4];
	lessor_lease6_t got[4];
	lessor_status_t statuses[4];
	static const char *const name[4] = {"sixteen-bytes-xx", "a-name-that-is-longer-than-what-is-left-of-the-buffer",
					    "b", NULL};
	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		lessor_lease6_t lease = make(i + 1, i);
		lease.name = name[i];
		addresses[i] = lease.address;
		assert_status(LESSOR_OK, lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL));
	}
	assert_status(LESSOR_OK, lessor_lease6_get_batch(engine, addresses, 4, got, texts, sizeof(texts), statuses));
	assert_status(LESSOR_OK, statuses[0]);
	assert_status(LESSOR_BUFFER_TOO_SMALL, statuses[1]);
	assert_status(LESSOR_OK, statuses[2]);
	assert_status(LESSOR_OK, statuses[3]);
	assert_string_equal(got[0].name, name[0]);
	assert_string_equal(got[2].name, name[2]);
	assert_null(got[3].name);
	for (size_t bytes = 0; bytes < 64; bytes++) {
		memset(texts, 'x', sizeof(texts));
		const lessor_status_t status = lessor_lease6_get(engine, addresses[0], got, texts, bytes);
		assert_status(bytes < 18 + 17 ? LESSOR_BUFFER_TOO_SMALL : LESSOR_OK, status);
		for (size_t i = status == LESSOR_OK ? bytes : 0; i < sizeof(texts); i++) {
			assert_int_equal(texts[i], 'x');
		}
	}
	assert_status(LESSOR_INVALID, lessor_lease6_get_batch(engine, NULL, 1, got, texts, sizeof(texts), statuses));
	assert_status(LESSOR_INVALID,
		      lessor_lease6_get_batch(engine, addresses, 1, NULL, texts, sizeof(texts), statuses));
	assert_status(LESSOR_INVALID,
		      lessor_lease6_get_batch(engine, addresses, 1, got, NULL, sizeof(texts), statuses));
	assert_status(LESSOR_INVALID, lessor_lease6_get_batch(engine, addresses, 1, got, texts, sizeof(texts), NULL));
	assert_status(LESSOR_INVALID, lessor_lease6_get_batch(engine, addresses, LESSOR_BATCH_MAX + 1, got, texts,
							      sizeof(texts), statuses));
	assert_status(LESSOR_INVALID,
		      lessor_lease6_get_client_batch(engine, NULL, 1, got, texts, sizeof(texts), statuses));
}

/* ---- memory ------------------------------------------------------------------------------------------------------------ */

static uint64_t
resident_bytes(void) {
	unsigned long long pages = 0;
	unsigned long long resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%llu %llu", &pages, &resident), 2);
	(void)fclose(file);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void
a_lease_with_a_short_name_costs_so_much(void **state) {
	const uint32_t count = 1000000;
	char name[16];
	(void)state;
	if (scratch_is_sanitized()) {
		skip();
	}
	const uint64_t before = resident_bytes();
	for (uint32_t i = 0; i < count; i++) {
		lessor_lease6_t lease = make(i * UINT64_C(0x9E3779B97F4A7C15), i);
		(void)snprintf(name, sizeof(name), "host%08u", i);
		lease.name = name;
		REQUIRE_STATUS(lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL), LESSOR_OK);
	}
	const uint64_t each = (resident_bytes() - before) / count;
	print_message("%llu bytes for each lease\n", (unsigned long long)each);
	assert_in_range(each, 64, 165); /* the bound of the store is 160; the process takes a little, too */
}

/* ---- threads ----------------------------------------------------------------------------------------------------------- */

#define THREADS 4u
#define HOT     24u

typedef struct {
	pthread_t thread;
	unsigned number;
	unsigned rounds;
	uint64_t created;
	uint64_t deleted;
} worker_t;

static void
run(worker_t *workers, void *(*function)(void *), unsigned rounds) {
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (worker_t){.number = i, .rounds = rounds};
		REQUIRE(pthread_create(&workers[i].thread, NULL, function, &workers[i]) == 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		REQUIRE(pthread_join(workers[i].thread, NULL) == 0);
	}
}

/* The name says which address and client belong together at that moment: whatever is read must agree in itself. */
static void
name_of(char name[32], uint64_t low, uint32_t iaid) {
	(void)snprintf(name, 32, "%llu-%u", (unsigned long long)low, iaid);
}

static void
look(uint64_t low, uint32_t iaid) {
	char buffer[128];
	char name[32];
	lessor_lease6_t got;
	lessor_status_t status = lessor_lease6_get(engine, address_of(low), &got, buffer, sizeof(buffer));
	REQUIRE(status == LESSOR_OK || status == LESSOR_NOT_FOUND || status == LESSOR_NO_SCOPE);
	if (status == LESSOR_OK) {
		name_of(name, low, got.iaid);
		REQUIRE(strcmp(name, got.name) == 0);
	}
	status = lessor_lease6_get_client(engine, PREFIX, duid, sizeof(duid), iaid, &got, buffer, sizeof(buffer));
	REQUIRE(status == LESSOR_OK || status == LESSOR_NOT_FOUND || status == LESSOR_NO_SCOPE);
	if (status == LESSOR_OK) {
		name_of(name, got.address.low, iaid);
		REQUIRE(strcmp(name, got.name) == 0);
	}
}

static void
iterate(void) {
	char buffer[128];
	char name[32];
	lessor_lease6_t got;
	lessor_cursor6_t cursor;
	lessor_status_t status;
	uint64_t before = 0;
	lessor_cursor6_init(&cursor, address_of(0), address_of(UINT64_MAX));
	while ((status = lessor_lease6_next(engine, &cursor, &got, buffer, sizeof(buffer))) == LESSOR_OK) {
		name_of(name, got.address.low, got.iaid);
		REQUIRE(strcmp(name, got.name) == 0 && got.address.low > before);
		before = got.address.low;
	}
	REQUIRE_STATUS(status, LESSOR_END);
}

/* Creates, deletes, renewals and sweeps of a few addresses and clients; slots go from one address to the other all the time. */
static void *
churn(void *argument) {
	worker_t *worker = argument;
	torture_random_t random = torture_random(worker->number);
	for (unsigned i = 0; i < worker->rounds; i++) {
		char name[32];
		const uint64_t low = 1 + torture_next(&random) % HOT;
		const uint32_t iaid = (uint32_t)(torture_next(&random) % HOT);
		lessor_lease6_t lease = make(low, iaid);
		lessor_cursor6_t cursor;
		lessor_expire_report_t report = {0};
		lessor_status_t status;
		lease.name = name;
		lease.expires_at = 100 + torture_next(&random) % 100;
		name_of(name, low, iaid);
		switch (torture_next(&random) % 8) {
		case 0:
		case 1:
		case 2:
			status = lessor_lease6_create(engine, &lease, LESSOR_ASYNC, NULL);
			REQUIRE(status == LESSOR_OK || status == LESSOR_ADDRESS_TAKEN ||
				status == LESSOR_CLIENT_TAKEN || status == LESSOR_NO_SCOPE);
			worker->created += status == LESSOR_OK;
			break;
		case 3:
		case 4:
			status = lessor_lease6_delete(engine, lease.address, LESSOR_ASYNC, NULL);
			REQUIRE(status == LESSOR_OK || status == LESSOR_NOT_FOUND);
			worker->deleted += status == LESSOR_OK;
			break;
		case 5:
			status = lessor_lease6_update(engine, &lease, LESSOR_FIELD_EXPIRES | LESSOR_IF_CLIENT,
						      LESSOR_ASYNC, NULL);
			REQUIRE(status == LESSOR_OK || status == LESSOR_NOT_FOUND || status == LESSOR_OTHER_CLIENT);
			break;
		case 6:
			lessor_cursor6_init(&cursor, address_of(0), address_of(UINT64_MAX));
			status = lessor_expire6(engine, 110, NULL, &cursor, &report, LESSOR_ASYNC, NULL);
			REQUIRE(status == LESSOR_OK || status == LESSOR_END);
			worker->deleted += report.removed;
			break;
		default:
			look(low, iaid);
			break;
		}
		if (i % 256 == 0) {
			iterate();
		}
	}
	return NULL;
}

static void
check_churn(const worker_t *workers) {
	lessor_scope6_stats_t stats;
	uint64_t created = 0;
	uint64_t deleted = 0;
	for (unsigned i = 0; i < THREADS; i++) {
		created += workers[i].created;
		deleted += workers[i].deleted;
	}
	assert_status(LESSOR_OK, lessor_scope6_stats(engine, PREFIX, &stats));
	assert_true(stats.creates == created && stats.deletes == deleted && stats.leases == created - deleted);
}

static void
threads_meet_at_addresses_and_clients(void **state) {
	worker_t workers[THREADS];
	(void)state;
	run(workers, churn, scratch_is_sanitized() ? 4000 : 40000);
	check_churn(workers);
}

static void
snapshots_see_what_was_there(void **state) {
	char directory[SCRATCH_PATH_BYTES];
	worker_t workers[THREADS];
	lessor_engine_t *memory = engine;
	(void)state;
	scratch_make_fast(directory);
	engine = scratch_open_log(directory);
	add_scope(engine);
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (worker_t){.number = i, .rounds = scratch_is_sanitized() ? 2000 : 20000};
		REQUIRE(pthread_create(&workers[i].thread, NULL, churn, &workers[i]) == 0);
	}
	for (unsigned i = 0; i < 5; i++) {
		assert_status(LESSOR_OK, lessor_snapshot(engine, NULL));
	}
	for (unsigned i = 0; i < THREADS; i++) {
		REQUIRE(pthread_join(workers[i].thread, NULL) == 0);
	}
	uint64_t before;
	uint64_t after;
	assert_status(LESSOR_OK, lessor_lease6_count(engine, address_of(0), address_of(UINT64_MAX), &before));
	check_churn(workers);
	scratch_close(engine);
	engine = scratch_open_log(directory);
	iterate();
	check_churn(workers);
	assert_status(LESSOR_OK, lessor_lease6_count(engine, address_of(0), address_of(UINT64_MAX), &after));
	assert_int_equal(before, after);
	assert_status(LESSOR_OK, lessor_check(engine, NULL));
	scratch_close(engine);
	scratch_remove(directory);
	engine = memory;
}

/* Somebody takes the scope away and makes it again all the time. */
static void *
churn_scopes(void *argument) {
	worker_t *worker = argument;
	const lessor_scope6_t scope = {.prefix = PREFIX};
	if (worker->number != 0) {
		return churn(argument);
	}
	for (unsigned i = 0; i < worker->rounds / 200; i++) {
		REQUIRE_STATUS(lessor_scope6_delete(engine, PREFIX, true, LESSOR_ASYNC, NULL), LESSOR_OK);
		REQUIRE_STATUS(lessor_scope6_create(engine, &scope, LESSOR_ASYNC, NULL), LESSOR_OK);
		const lessor_range6_t range = {5, 9};
		REQUIRE_STATUS(lessor_scope6_exclude(engine, PREFIX, range, LESSOR_ASYNC, NULL), LESSOR_OK);
	}
	return NULL;
}

static void
a_scope_goes_while_leases_come(void **state) {
	worker_t workers[THREADS];
	(void)state;
	run(workers, churn_scopes, scratch_is_sanitized() ? 2000 : 20000);
}

/* A small pool, more threads than it has room for: nobody gets an address twice, and exhaustion is the truth. */
static void *
churn_pool(void *argument) {
	worker_t *worker = argument;
	for (unsigned i = 0; i < worker->rounds; i++) {
		lessor_lease6_t lease = make(0, worker->number * 1000 + i % 3);
		const lessor_status_t status = lessor_lease6_allocate(engine, PREFIX, 0, &lease, LESSOR_ASYNC, NULL);
		REQUIRE(status == LESSOR_OK || status == LESSOR_CLIENT_TAKEN);
		if (status == LESSOR_OK && i % 2 == 0) {
			REQUIRE_STATUS(lessor_lease6_delete(engine, lease.address, LESSOR_ASYNC, NULL), LESSOR_OK);
		}
	}
	return NULL;
}

static void
a_pool_that_just_suffices_always_does(void **state) {
	worker_t workers[THREADS];
	(void)state;
	/* Three clients for each thread, so never more than twelve leases. */
	assert_status(LESSOR_OK, lessor_scope6_exclude(engine, PREFIX, (lessor_range6_t){3 * THREADS + 1, UINT64_MAX},
						       LESSOR_ASYNC, NULL));
	run(workers, churn_pool, scratch_is_sanitized() ? 2000 : 20000);
}

/* ---- a killed process ----------------------------------------------------------------------------------------------------- */

#define KILLED_LEASES 3000u

/* Every third one is deleted again; the last ticket is durable, and then the process is gone. */
static _Noreturn void
live_and_die(const char *directory) {
	lessor_ticket_t ticket = 0;
	lessor_engine_t *own = scratch_open_log(directory);
	add_scope(own);
	for (uint32_t i = 1; i <= KILLED_LEASES; i++) {
		const lessor_lease6_t lease = make(UINT64_C(0x9E3779B97F4A7C15) * i, i);
		REQUIRE_STATUS(lessor_lease6_create(own, &lease, LESSOR_ASYNC, &ticket), LESSOR_OK);
		if (i % 3 == 0) {
			REQUIRE_STATUS(lessor_lease6_delete(own, lease.address, LESSOR_ASYNC, &ticket), LESSOR_OK);
		}
		if (i == KILLED_LEASES / 2) {
			REQUIRE_STATUS(lessor_snapshot(own, NULL), LESSOR_OK);
		}
	}
	REQUIRE_STATUS(lessor_ticket_wait(own, ticket, -1), LESSOR_OK);
	(void)raise(SIGKILL);
	_exit(1);
}

static void
what_was_durable_is_there(void **state) {
	char directory[SCRATCH_PATH_BYTES];
	char buffer[64];
	lessor_lease6_t got;
	lessor_report_t report;
	int ended;
	(void)state;
	scratch_make(directory);
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		live_and_die(directory);
	}
	assert_int_equal(waitpid(child, &ended, 0), child);
	assert_true(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGKILL);
	lessor_engine_t *own = scratch_open_log(directory);
	for (uint32_t i = 1; i <= KILLED_LEASES; i++) {
		const lessor_address6_t address = address_of(UINT64_C(0x9E3779B97F4A7C15) * i);
		assert_status(i % 3 == 0 ? LESSOR_NOT_FOUND : LESSOR_OK,
			      lessor_lease6_get(own, address, &got, buffer, sizeof(buffer)));
		assert_status(
			i % 3 == 0 ? LESSOR_NOT_FOUND : LESSOR_OK,
			lessor_lease6_get_client(own, PREFIX, duid, sizeof(duid), i, &got, buffer, sizeof(buffer)));
	}
	assert_status(LESSOR_OK, lessor_check(own, &report));
	assert_int_equal(report.leases, KILLED_LEASES - KILLED_LEASES / 3);
	scratch_close(own);
	assert_status(LESSOR_OK, lessor_verify(directory, &report));
	scratch_remove(directory);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_durable_is_there), /* first: it forks */
		cmocka_unit_test_setup_teardown(a_client_is_duid_and_iaid, begin, end),
		cmocka_unit_test_setup_teardown(what_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(every_member_comes_back, begin, end),
		cmocka_unit_test_setup_teardown(the_one_with_this_name, begin, end),
		cmocka_unit_test_setup_teardown(free_addresses_are_counted_up, begin, end),
		cmocka_unit_test_setup_teardown(a_small_pool_is_exhausted, begin, end),
		cmocka_unit_test_setup_teardown(slots_are_used_again, begin, end),
		cmocka_unit_test_setup_teardown(many_are_read_as_one_is, begin, end),
		cmocka_unit_test_setup_teardown(what_does_not_fit_is_left_out, begin, end),
		cmocka_unit_test_setup_teardown(a_lease_with_a_short_name_costs_so_much, begin, end),
		cmocka_unit_test_setup_teardown(threads_meet_at_addresses_and_clients, begin, end),
		cmocka_unit_test_setup_teardown(snapshots_see_what_was_there, begin, end),
		cmocka_unit_test_setup_teardown(a_scope_goes_while_leases_come, begin, end),
		cmocka_unit_test_setup_teardown(a_pool_that_just_suffices_always_does, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
