/* SPDX-License-Identifier: Apache-2.0 */
/* lessor behind the interface of the harness: nothing but its public calls. */
#include "store.h"

#include <stdlib.h>

#include <lessor/lessor.h>

#define BUFFER_BYTES 256u /* enough for a MAC and a name */

/* An IPv6 lease and its DUID, a DUID-LLT around the MAC. */
typedef struct {
	lessor_lease6_t lease;
	uint8_t duid[14];
} lease6_t;

typedef struct {
	lessor_engine_t *engine;
	bool is_six;
} store_t;

typedef struct {
	lessor_engine_t *engine;
	bool is_six;
	lease6_t *leases6; /* to put in, and for the batch call without their DUIDs */
	lessor_lease6_t *batch6;
	lessor_status_t *statuses;
	lessor_lease_t *leases; /* to put in */
	lessor_lease_t *found;  /* read */
	lessor_client_t *clients;
	lessor_lease6_t *found6;
	lessor_client6_t *clients6;
	lessor_address6_t *addresses6;
	uint32_t *addresses;
	size_t buffer_bytes;
	uint8_t *buffer;
} thread_t;

static bool
refuse(const char *what, lessor_status_t status) {
	return bench_fail("lessor: %s: %s.", what, lessor_status_text(status));
}

static const char *
settings(const bench_config_t *config) {
	static const char *const texts[2][2] = {
		{"no log, memory as leases come, defaults otherwise",
		 "no log, memory for the expected leases taken at open, defaults otherwise"},
		{"log on, no snapshots by itself, memory as leases come, defaults otherwise",
		 "log on, no snapshots by itself, memory for the expected leases taken at open, defaults otherwise"}};
	return texts[config->durability != BENCH_NONE][config->presize];
}

/* ---- IPv6 ------------------------------------------------------------------------------------------------------------- */

/* A prefix for each scope; the lower half is the address, scattered. */
static uint64_t
prefix_of(uint32_t subnet) {
	return UINT64_C(0x20010DB800000000) | subnet;
}

static lessor_address6_t
address6_of(uint32_t subnet, uint32_t address) {
	return (lessor_address6_t){prefix_of(subnet), address * UINT64_C(0x9E3779B97F4A7C15)};
}

static void
fill6(lease6_t *to, const bench_lease_t *from) {
	to->lease.address = address6_of(from->subnet, from->address);
	memcpy(to->duid + 8, from->mac, BENCH_MAC_BYTES);
	to->lease.name = from->name;
	to->lease.expires_at = to->lease.preferred_expires_at = from->expires_at;
}

static bench_answer_t
compare6(const bench_lease_t *wanted, const lessor_lease6_t *found) {
	const lessor_address6_t address = address6_of(wanted->subnet, wanted->address);
	const bool shaped = found->duid_bytes == 14 && found->name != NULL && found->address.high == address.high &&
			    found->address.low == address.low;
	return shaped ? bench_compare(wanted, wanted->address, found->duid + 8, found->name, found->expires_at)
		      : BENCH_WRONG;
}

static bool
make_scopes6(lessor_engine_t *engine, const bench_space_t *space) {
	lessor_status_t status = LESSOR_OK;
	for (uint32_t i = 0; i < space->scopes && status == LESSOR_OK; i++) {
		const lessor_scope6_t scope = {.prefix = prefix_of(bench_space_subnet(space, i))};
		status = lessor_scope6_create(engine, &scope, LESSOR_ASYNC, NULL);
	}
	return status == LESSOR_OK || refuse("scopes cannot be made", status);
}

static bool
make_scopes(lessor_engine_t *engine, const bench_space_t *space) {
	lessor_status_t status = LESSOR_OK;
	for (uint32_t i = 0; i < space->scopes && status == LESSOR_OK; i++) {
		const uint32_t subnet = bench_space_subnet(space, i);
		const lessor_scope_t scope = {.subnet = subnet,
					      .mask = UINT32_MAX << space->scope_bits,
					      .has_range = true,
					      .range = {subnet, subnet + space->pool - 1}};
		status = lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL);
	}
	return status == LESSOR_OK || refuse("scopes cannot be made", status);
}

static void *
open_store(const bench_config_t *config) {
	store_t *store = calloc(1, sizeof(*store));
	lessor_options_t options;
	lessor_report_t report;
	if (store == NULL) {
		(void)refuse("open", LESSOR_NO_MEMORY);
		return NULL;
	}
	lessor_options_init(&options);
	options.log = config->durability != BENCH_NONE;
	options.snapshot_after_bytes = UINT64_MAX;
	options.expected_leases = config->presize ? config->space->leases : 0;
	const lessor_status_t status = lessor_open(config->directory, &options, &store->engine, &report);
	if (status != LESSOR_OK) {
		(void)bench_fail("lessor: open: %s: %s.", lessor_status_text(status), report.sentence);
		free(store);
		return NULL;
	}
	store->is_six = config->family == 6;
	if (!config->again && !(store->is_six ? make_scopes6 : make_scopes)(store->engine, config->space)) {
		(void)lessor_close(&store->engine);
		free(store);
		return NULL;
	}
	return store;
}

static bool
close_store(void *opened) {
	store_t *store = opened;
	const lessor_status_t status = lessor_close(&store->engine);
	free(store);
	return status == LESSOR_OK || refuse("close", status);
}

static void
thread_end(void *begun) {
	thread_t *thread = begun;
	if (thread != NULL) {
		free(thread->statuses);
		free(thread->leases);
		free(thread->found);
		free(thread->clients);
		free(thread->found6);
		free(thread->clients6);
		free(thread->addresses6);
		free(thread->addresses);
		free(thread->buffer);
		free(thread->leases6);
		free(thread->batch6);
		free(thread);
	}
}

static void
begin_lease(lessor_lease_t *lease) {
	lessor_lease_init(lease);
	lease->client_id_bytes = BENCH_MAC_BYTES;
	lease->hardware_bytes = BENCH_MAC_BYTES;
	lease->hardware_type = 1;
}

static void
begin_lease6(lease6_t *lease) {
	lessor_lease6_init(&lease->lease);
	lease->lease.duid = lease->duid;
	lease->lease.duid_bytes = sizeof(lease->duid);
	lease->duid[1] = lease->duid[3] = 1;
}

static void *
thread_begin(void *opened, uint64_t group, unsigned batch) {
	const store_t *store = opened;
	thread_t *thread = calloc(1, sizeof(*thread));
	(void)group; /* the log gathers by itself */
	if (thread != NULL) {
		thread->engine = store->engine;
		thread->is_six = store->is_six;
		thread->leases6 = calloc(batch, sizeof(*thread->leases6));
		thread->batch6 = calloc(batch, sizeof(*thread->batch6));
		thread->statuses = calloc(batch, sizeof(*thread->statuses));
		thread->leases = calloc(batch, sizeof(*thread->leases));
		thread->found = calloc(batch, sizeof(*thread->found));
		thread->clients = calloc(batch, sizeof(*thread->clients));
		thread->found6 = calloc(batch, sizeof(*thread->found6));
		thread->clients6 = calloc(batch, sizeof(*thread->clients6));
		thread->addresses6 = calloc(batch, sizeof(*thread->addresses6));
		thread->addresses = calloc(batch, sizeof(*thread->addresses));
		thread->buffer_bytes = (size_t)batch * BUFFER_BYTES;
		thread->buffer = malloc(thread->buffer_bytes);
	}
	if (thread == NULL || thread->statuses == NULL || thread->leases == NULL || thread->found == NULL ||
	    thread->found6 == NULL || thread->clients6 == NULL || thread->addresses6 == NULL ||
	    thread->leases6 == NULL || thread->batch6 == NULL || thread->clients == NULL || thread->addresses == NULL ||
	    thread->buffer == NULL) {
		thread_end(thread);
		(void)refuse("begin a thread", LESSOR_NO_MEMORY);
		return NULL;
	}
	for (unsigned i = 0; i < batch; i++) {
		begin_lease(&thread->leases[i]);
		begin_lease6(&thread->leases6[i]);
	}
	return thread;
}

/* ---- the answers -------------------------------------------------------------------------------------------------------- */

static bool
translate(lessor_status_t status, bench_answer_t *answer) {
	switch (status) {
	case LESSOR_OK:
		*answer = BENCH_OK;
		return true;
	case LESSOR_ADDRESS_TAKEN:
		*answer = BENCH_ADDRESS_TAKEN;
		return true;
	case LESSOR_CLIENT_TAKEN:
		*answer = BENCH_CLIENT_TAKEN;
		return true;
	case LESSOR_NOT_FOUND:
		*answer = BENCH_NOT_FOUND;
		return true;
	case LESSOR_OTHER_CLIENT:
		*answer = BENCH_WRONG;
		return true;
	case LESSOR_EXHAUSTED:
		*answer = BENCH_SCOPE_FULL;
		return true;
	default:
		return refuse("a call failed", status);
	}
}

static bool
translate_all(const lessor_status_t *statuses, size_t n, bench_answer_t *answers) {
	bool good = true;
	for (size_t i = 0; i < n && good; i++) {
		good = translate(statuses[i], &answers[i]);
	}
	return good;
}

static void
fill(lessor_lease_t *lease, const bench_lease_t *from) {
	lease->address = from->address;
	lease->client_id = from->mac;
	lease->hardware = from->mac;
	lease->name = from->name;
	lease->expires_at = from->expires_at;
}

static bool
create6(thread_t *thread, const bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket) {
	for (size_t i = 0; i < n; i++) {
		fill6(&thread->leases6[i], &leases[i]);
		thread->batch6[i] = thread->leases6[i].lease;
	}
	if (n == 1) {
		return translate(lessor_lease6_create(thread->engine, thread->batch6, LESSOR_ASYNC, ticket), answers);
	}
	const lessor_status_t status =
		lessor_lease6_create_batch(thread->engine, thread->batch6, n, thread->statuses, LESSOR_ASYNC, ticket);
	return status == LESSOR_OK ? translate_all(thread->statuses, n, answers) : refuse("create", status);
}

static bool
create(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket) {
	thread_t *thread = begun;
	if (thread->is_six) {
		return create6(thread, leases, n, answers, ticket);
	}
	for (size_t i = 0; i < n; i++) {
		fill(&thread->leases[i], &leases[i]);
	}
	if (n == 1) {
		return translate(lessor_lease_create(thread->engine, thread->leases, LESSOR_ASYNC, ticket), answers);
	}
	const lessor_status_t status =
		lessor_lease_create_batch(thread->engine, thread->leases, n, thread->statuses, LESSOR_ASYNC, ticket);
	return status == LESSOR_OK ? translate_all(thread->statuses, n, answers) : refuse("create", status);
}

/* What was read, against what must have been. */
static bench_answer_t
compare(const bench_lease_t *wanted, const lessor_lease_t *found) {
	const bool shaped = found->client_id_bytes == BENCH_MAC_BYTES && found->name != NULL;
	return shaped ? bench_compare(wanted, found->address, found->client_id, found->name, found->expires_at)
		      : BENCH_WRONG;
}

/* One read: what was found and how that call was answered. */
static bool
judge(const bench_lease_t *wanted, const lessor_lease_t *found, lessor_status_t status, bench_answer_t *answer) {
	const bool good = translate(status, answer);
	if (good && *answer == BENCH_OK) {
		*answer = compare(wanted, found);
	}
	return good;
}

static bool
judge_all(const thread_t *thread, const bench_lease_t *leases, const lessor_lease_t *found, size_t n,
	  bench_answer_t *answers) {
	bool good = true;
	for (size_t i = 0; i < n && good; i++) {
		good = judge(&leases[i], &found[i], thread->statuses[i], &answers[i]);
	}
	return good;
}

static bool
judge6(const bench_lease_t *wanted, const lessor_lease6_t *found, lessor_status_t status, bench_answer_t *answer) {
	const bool good = translate(status, answer);
	if (good && *answer == BENCH_OK) {
		*answer = compare6(wanted, found);
	}
	return good;
}

static lessor_status_t
get_batch6(thread_t *thread, bool by_client, const bench_lease_t *leases, size_t n) {
	for (size_t i = 0; i < n; i++) {
		const lease6_t *wanted = &thread->leases6[i];
		fill6(&thread->leases6[i], &leases[i]);
		thread->addresses6[i] = wanted->lease.address;
		thread->clients6[i] = (lessor_client6_t){
			.prefix = wanted->lease.address.high, .duid = wanted->duid, .duid_bytes = sizeof(wanted->duid)};
	}
	return by_client ? lessor_lease6_get_client_batch(thread->engine, thread->clients6, n, thread->found6,
							  thread->buffer, thread->buffer_bytes, thread->statuses)
			 : lessor_lease6_get_batch(thread->engine, thread->addresses6, n, thread->found6,
						   thread->buffer, thread->buffer_bytes, thread->statuses);
}

/* By address or by client. */
static bool
get6(thread_t *thread, bool by_client, const bench_lease_t *leases, size_t n, bench_answer_t *answers) {
	bool good = true;
	if (n > 1) {
		const lessor_status_t status = get_batch6(thread, by_client, leases, n);
		for (size_t i = 0; status == LESSOR_OK && i < n && good; i++) {
			good = judge6(&leases[i], &thread->found6[i], thread->statuses[i], &answers[i]);
		}
		return status == LESSOR_OK ? good : refuse("get", status);
	}
	for (size_t i = 0; i < n && good; i++) {
		lease6_t *wanted = thread->leases6;
		lessor_lease6_t found;
		fill6(wanted, &leases[i]);
		good = judge6(&leases[i], &found,
			      by_client ? lessor_lease6_get_client(thread->engine, wanted->lease.address.high,
								   wanted->duid, sizeof(wanted->duid), 0, &found,
								   thread->buffer, BUFFER_BYTES)
					: lessor_lease6_get(thread->engine, wanted->lease.address, &found,
							    thread->buffer, BUFFER_BYTES),
			      &answers[i]);
	}
	return good;
}

static bool
renew6(thread_t *thread, const bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket) {
	bool good = true;
	for (size_t i = 0; i < n && good; i++) {
		fill6(thread->leases6, &leases[i]);
		good = translate(lessor_lease6_update(thread->engine, &thread->leases6->lease,
						      LESSOR_FIELD_EXPIRES | LESSOR_IF_CLIENT, LESSOR_ASYNC, ticket),
				 &answers[i]);
	}
	return good;
}

static bool
get_address(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers) {
	thread_t *thread = begun;
	if (thread->is_six) {
		return get6(thread, false, leases, n, answers);
	}
	if (n == 1) {
		lessor_lease_t found;
		return judge(leases, &found,
			     lessor_lease_get(thread->engine, leases->address, &found, thread->buffer, BUFFER_BYTES),
			     answers);
	}
	for (size_t i = 0; i < n; i++) {
		thread->addresses[i] = leases[i].address;
	}
	const lessor_status_t status = lessor_lease_get_batch(thread->engine, thread->addresses, n, thread->found,
							      thread->buffer, thread->buffer_bytes, thread->statuses);
	return status == LESSOR_OK ? judge_all(thread, leases, thread->found, n, answers) : refuse("get", status);
}

static bool
get_client(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers) {
	thread_t *thread = begun;
	if (thread->is_six) {
		return get6(thread, true, leases, n, answers);
	}
	if (n == 1) {
		lessor_lease_t found;
		return judge(leases, &found,
			     lessor_lease_get_client(thread->engine, leases->subnet, leases->mac, BENCH_MAC_BYTES,
						     &found, thread->buffer, BUFFER_BYTES),
			     answers);
	}
	for (size_t i = 0; i < n; i++) {
		thread->clients[i] = (lessor_client_t){
			.subnet = leases[i].subnet, .client_id_bytes = BENCH_MAC_BYTES, .client_id = leases[i].mac};
	}
	const lessor_status_t status =
		lessor_lease_get_client_batch(thread->engine, thread->clients, n, thread->found, thread->buffer,
					      thread->buffer_bytes, thread->statuses);
	return status == LESSOR_OK ? judge_all(thread, leases, thread->found, n, answers) : refuse("get", status);
}

static bool
renew(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket) {
	const uint32_t fields = LESSOR_FIELD_EXPIRES | LESSOR_IF_CLIENT;
	thread_t *thread = begun;
	if (thread->is_six) {
		return renew6(thread, leases, n, answers, ticket);
	}
	for (size_t i = 0; i < n; i++) {
		fill(&thread->leases[i], &leases[i]);
	}
	if (n == 1) {
		return translate(lessor_lease_update(thread->engine, thread->leases, fields, LESSOR_ASYNC, ticket),
				 answers);
	}
	const lessor_status_t status = lessor_lease_update_batch(thread->engine, thread->leases, n, fields,
								 thread->statuses, LESSOR_ASYNC, ticket);
	return status == LESSOR_OK ? translate_all(thread->statuses, n, answers) : refuse("update", status);
}

/* Deleting many has no question for the client. */
static bool
release(void *begun, const bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket) {
	thread_t *thread = begun;
	if (n == 1) {
		return translate(lessor_lease_delete(thread->engine, leases->address, leases->mac, BENCH_MAC_BYTES,
						     LESSOR_ASYNC, ticket),
				 answers);
	}
	for (size_t i = 0; i < n; i++) {
		thread->addresses[i] = leases[i].address;
	}
	const lessor_status_t status =
		lessor_lease_delete_batch(thread->engine, thread->addresses, n, thread->statuses, LESSOR_ASYNC, ticket);
	return status == LESSOR_OK ? translate_all(thread->statuses, n, answers) : refuse("delete", status);
}

static bool
allocate(void *begun, bench_lease_t *leases, size_t n, bench_answer_t *answers, uint64_t *ticket) {
	thread_t *thread = begun;
	bool good = true;
	for (size_t i = 0; i < n && good; i++) {
		fill(thread->leases, &leases[i]);
		good = translate(lessor_lease_allocate(thread->engine, leases[i].subnet, 0, thread->leases,
						       LESSOR_ASYNC, ticket),
				 &answers[i]);
		leases[i].address = thread->leases->address;
	}
	return good;
}

static bool
expire(void *begun, uint32_t first, uint32_t last, uint64_t now, size_t *ended, uint64_t *ticket) {
	thread_t *thread = begun;
	lessor_cursor_t cursor;
	lessor_status_t status;
	*ended = 0;
	*ticket = 0;
	lessor_cursor_init(&cursor, first, last);
	do {
		lessor_ticket_t of_slice = 0;
		lessor_expire_report_t report = {0};
		status = lessor_expire(thread->engine, now, NULL, &cursor, &report, LESSOR_ASYNC, &of_slice);
		*ended += report.removed;
		*ticket = of_slice > *ticket ? of_slice : *ticket;
	} while (status == LESSOR_OK);
	return status == LESSOR_END || refuse("expire", status);
}

/* ---- durability --------------------------------------------------------------------------------------------------------- */

static uint64_t
durable(void *begun) {
	const thread_t *thread = begun;
	return lessor_durable_ticket(thread->engine);
}

static bool
wait_for(void *begun, uint64_t ticket) {
	const thread_t *thread = begun;
	const lessor_status_t status = lessor_ticket_wait(thread->engine, ticket, -1);
	return status == LESSOR_OK || refuse("wait", status);
}

static bool
snapshot(void *opened) {
	const store_t *store = opened;
	lessor_report_t report;
	const lessor_status_t status = lessor_snapshot(store->engine, &report);
	return status == LESSOR_OK || bench_fail("lessor: snapshot: %s.", report.sentence);
}

static uint64_t
memory_bytes(void *opened) {
	const store_t *store = opened;
	lessor_engine_stats_t stats;
	return lessor_engine_stats(store->engine, &stats) == LESSOR_OK ? stats.memory_bytes : 0;
}

const bench_store_class_t bench_lessor_store = {
	.name = "lessor",
	.has_log = true,
	.settings = settings,
	.open = open_store,
	.close = close_store,
	.thread_begin = thread_begin,
	.thread_end = thread_end,
	.create = create,
	.get_address = get_address,
	.get_client = get_client,
	.renew = renew,
	.release = release,
	.allocate = allocate,
	.expire = expire,
	.durable = durable,
	.wait = wait_for,
	.snapshot = snapshot,
	.memory_bytes = memory_bytes,
};
