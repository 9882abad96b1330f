/* SPDX-License-Identifier: Apache-2.0 */
#include "lease_load.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lessor/lessor.h>

#include "base/base.h"
#include "base/rcu.h"
#include "bench.h"

#include <urcu/rculfhash.h>

#define BATCH      32u
#define SCOPE_BITS 12u
#define BASE       UINT32_C(0x0A000000) /* 10.0.0.0 */
#define MAC_BYTES  6u
#define NAME_BYTES 12u

/* ---- arguments ------------------------------------------------------------------------------------------------------ */

/* One lease as a caller has it, with its texts. */
typedef struct {
	lessor_lease_t lease;
	uint8_t mac[8];
	char name[NAME_BYTES + 1];
} bench_argument_t;

static char hex[256][2];

static void
make_hex(void) {
	static const char digits[] = "0123456789abcdef";
	for (unsigned i = 0; i < 256; i++) {
		hex[i][0] = digits[i / 16];
		hex[i][1] = digits[i % 16];
	}
}

static uint32_t
index_of(unsigned order, uint32_t i) {
	const uint32_t index = bench_shuffle(i, BENCH_LEASE_BITS);
	return order == 0 ? index : bench_shuffle(index ^ UINT32_C(0x2AAAAA), BENCH_LEASE_BITS);
}

static uint64_t
mac_of(uint32_t index) {
	return (index * UINT64_C(0x9E3779B97F4A7C15)) >> 16; /* an odd factor: all different in 48 bits */
}

static void
begin_argument(bench_argument_t *argument) {
	memset(argument, 0, sizeof(*argument));
	lessor_lease_init(&argument->lease);
	argument->lease.client_id = argument->mac;
	argument->lease.client_id_bytes = MAC_BYTES;
	argument->lease.hardware = argument->mac;
	argument->lease.hardware_bytes = MAC_BYTES;
	argument->lease.hardware_type = 1;
	argument->lease.name = argument->name;
	argument->lease.expires_at = 1;
}

static void
fill_argument(bench_argument_t *argument, unsigned order, uint32_t i) {
	const uint32_t index = index_of(order, i);
	const uint64_t mac = mac_of(index);
	argument->lease.address = BASE + index;
	argument->lease.expires_at++;
	memcpy(argument->mac, &mac, sizeof(mac));
	for (unsigned at = 0; at < MAC_BYTES; at++) {
		memcpy(argument->name + (size_t)2 * at, hex[argument->mac[at]], 2);
	}
}

uint64_t
bench_lease_arguments(unsigned order, uint32_t first, uint32_t count) {
	bench_argument_t argument;
	make_hex();
	begin_argument(&argument);
	for (uint32_t i = first; i < first + count; i++) {
		fill_argument(&argument, order, i);
		__asm__ volatile("" : : "r"(&argument) : "memory"); /* as if it had been handed to somebody */
	}
	return argument.lease.expires_at;
}

/* ---- the engine ------------------------------------------------------------------------------------------------------ */

struct bench_leases {
	lessor_engine_t *engine;
	char path[256];
};

static bool
make_scopes(lessor_engine_t *engine) {
	lessor_status_t status = LESSOR_OK;
	for (uint32_t subnet = 0; subnet < BENCH_LEASES && status == LESSOR_OK; subnet += UINT32_C(1) << SCOPE_BITS) {
		const lessor_scope_t scope = {
			.subnet = BASE + subnet,
			.mask = UINT32_MAX << SCOPE_BITS,
			.has_range = true,
			.range = {BASE + subnet, BASE + subnet + (UINT32_C(1) << SCOPE_BITS) - 1}};
		status = lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL);
	}
	return status == LESSOR_OK;
}

bench_leases_t *
bench_leases_new(int log) {
	const char *base = getenv("LESSOR_BENCH_DIR");
	bench_leases_t *load = calloc(1, sizeof(*load));
	lessor_options_t options;
	lessor_report_t report;
	lessor_options_init(&options);
	options.log = log != 0;
	options.snapshot_after_bytes = UINT64_MAX;
	make_hex();
	if (load == NULL) {
		return NULL;
	}
	if (options.log) {
		(void)snprintf(load->path, sizeof(load->path), "%s/lease-bench-XXXXXX", base != NULL ? base : ".");
		if (mkdtemp(load->path) == NULL) {
			free(load);
			return NULL;
		}
	}
	if (lessor_open(load->path, &options, &load->engine, &report) != LESSOR_OK || !make_scopes(load->engine)) {
		(void)fprintf(stderr, "%s\n", report.sentence);
		free(load);
		return NULL;
	}
	return load;
}

void
bench_leases_free(bench_leases_t *load) {
	(void)lessor_close(&load->engine);
	DIR *directory = load->path[0] != '\0' ? opendir(load->path) : NULL;
	if (directory != NULL) {
		for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
			(void)unlinkat(dirfd(directory), entry->d_name, 0);
		}
		(void)closedir(directory);
		(void)rmdir(load->path);
	}
	free(load);
}

uint64_t
bench_lease_create(bench_leases_t *load, unsigned order, uint32_t first, uint32_t count) {
	bench_argument_t argument;
	uint64_t good = 0;
	begin_argument(&argument);
	for (uint32_t i = first; i < first + count; i++) {
		fill_argument(&argument, order, i);
		good += lessor_lease_create(load->engine, &argument.lease, LESSOR_ASYNC, NULL) == LESSOR_OK;
	}
	return good;
}

uint64_t
bench_lease_create_batch(bench_leases_t *load, unsigned order, uint32_t first, uint32_t count) {
	bench_argument_t arguments[BATCH];
	lessor_lease_t leases[BATCH];
	lessor_status_t statuses[BATCH];
	uint64_t good = 0;
	for (uint32_t i = 0; i < BATCH; i++) {
		begin_argument(&arguments[i]);
	}
	for (uint32_t at = first; at < first + count; at += BATCH) {
		for (uint32_t i = 0; i < BATCH; i++) {
			fill_argument(&arguments[i], order, at + i);
			leases[i] = arguments[i].lease;
		}
		if (lessor_lease_create_batch(load->engine, leases, BATCH, statuses, LESSOR_ASYNC, NULL) != LESSOR_OK) {
			return good;
		}
		for (uint32_t i = 0; i < BATCH; i++) {
			good += statuses[i] == LESSOR_OK;
		}
	}
	return good;
}

uint64_t
bench_lease_get(bench_leases_t *load, unsigned order, uint32_t first, uint32_t count) {
	lessor_lease_t lease;
	uint8_t buffer[256];
	uint64_t good = 0;
	for (uint32_t i = first; i < first + count; i++) {
		const uint32_t index = index_of(order, i);
		good += lessor_lease_get(load->engine, BASE + index, &lease, buffer, sizeof(buffer)) == LESSOR_OK &&
			lease.address == BASE + index;
	}
	return good;
}

uint64_t
bench_lease_get_client(bench_leases_t *load, unsigned order, uint32_t first, uint32_t count) {
	lessor_lease_t lease;
	uint8_t buffer[256];
	uint64_t good = 0;
	for (uint32_t i = first; i < first + count; i++) {
		const uint32_t index = index_of(order, i);
		const uint64_t mac = mac_of(index);
		uint8_t client[8];
		memcpy(client, &mac, sizeof(mac));
		good += lessor_lease_get_client(load->engine, (BASE + index) & UINT32_MAX << SCOPE_BITS, client,
						MAC_BYTES, &lease, buffer, sizeof(buffer)) == LESSOR_OK &&
			lease.address == BASE + index;
	}
	return good;
}

uint64_t
bench_lease_renew(bench_leases_t *load, unsigned order, uint32_t first, uint32_t count) {
	bench_argument_t argument;
	uint64_t good = 0;
	begin_argument(&argument);
	for (uint32_t i = first; i < first + count; i++) {
		fill_argument(&argument, order, i);
		good += lessor_lease_update(load->engine, &argument.lease, LESSOR_FIELD_EXPIRES | LESSOR_IF_CLIENT,
					    LESSOR_ASYNC, NULL) == LESSOR_OK;
	}
	return good;
}

uint64_t
bench_lease_delete(bench_leases_t *load, unsigned order, uint32_t first, uint32_t count) {
	uint64_t good = 0;
	for (uint32_t i = first; i < first + count; i++) {
		good += lessor_lease_delete(load->engine, BASE + index_of(order, i), NULL, 0, LESSOR_ASYNC, NULL) ==
			LESSOR_OK;
	}
	return good;
}

int
bench_lease_wait(bench_leases_t *load) {
	return lessor_ticket_wait(load->engine, lessor_last_ticket(load->engine), -1) == LESSOR_OK ? 0 : -1;
}

uint64_t
bench_lease_memory(bench_leases_t *load) {
	lessor_engine_stats_t stats;
	return lessor_engine_stats(load->engine, &stats) == LESSOR_OK ? stats.memory_bytes : 0;
}

/* ---- baseline: two tables ------------------------------------------------------------------------------------------------ */

typedef struct {
	struct cds_lfht_node by_address;
	struct cds_lfht_node by_client;
	lsr_rcu_head_t retired;
	uint32_t address;
	uint32_t scope;
	uint64_t expires_at;
	uint8_t mac[8];
	char name[NAME_BYTES];
} bench_object_t;

struct bench_tables {
	struct cds_lfht *by_address;
	struct cds_lfht *by_client;
};

typedef struct {
	uint64_t mac;
	uint32_t scope;
} bench_client_t;

static unsigned long
hash_client(const bench_client_t *client) {
	return bench_mix(client->mac ^ (uint64_t)client->scope << 32);
}

static int
match_address(struct cds_lfht_node *node, const void *key) {
	const uint32_t *address = key;
	return LSR_CONTAINER(node, bench_object_t, by_address)->address == *address;
}

static int
match_client(struct cds_lfht_node *node, const void *key) {
	const bench_client_t *client = key;
	const bench_object_t *object = LSR_CONTAINER(node, bench_object_t, by_client);
	return object->scope == client->scope && memcmp(object->mac, &client->mac, MAC_BYTES) == 0;
}

static void
free_object(lsr_rcu_head_t *head) {
	free(LSR_CONTAINER(head, bench_object_t, retired));
}

bench_tables_t *
bench_tables_new(void) {
	bench_tables_t *load = calloc(1, sizeof(*load));
	if (load != NULL) {
		load->by_address =
			cds_lfht_new_flavor(BENCH_LEASES, BENCH_LEASES, BENCH_LEASES, 0, &urcu_bp_flavor, NULL);
		load->by_client =
			cds_lfht_new_flavor(BENCH_LEASES, BENCH_LEASES, BENCH_LEASES, 0, &urcu_bp_flavor, NULL);
	}
	return load != NULL && load->by_address != NULL && load->by_client != NULL ? load : NULL;
}

static bool
drop(bench_tables_t *load, uint32_t address) {
	struct cds_lfht_iter iter;
	lsr_rcu_enter();
	cds_lfht_lookup(load->by_address, bench_mix(address), match_address, &address, &iter);
	struct cds_lfht_node *node = cds_lfht_iter_get_node(&iter);
	const bool found = node != NULL && cds_lfht_del(load->by_address, node) == 0;
	if (found) {
		bench_object_t *object = LSR_CONTAINER(node, bench_object_t, by_address);
		(void)cds_lfht_del(load->by_client, &object->by_client);
		lsr_rcu_defer(&object->retired, free_object);
	}
	lsr_rcu_leave();
	return found;
}

void
bench_tables_free(bench_tables_t *load) {
	for (uint32_t i = 0; i < BENCH_LEASES; i++) {
		(void)drop(load, BASE + i);
		lsr_rcu_brake();
	}
	lsr_rcu_drain();
	(void)cds_lfht_destroy(load->by_address, NULL);
	(void)cds_lfht_destroy(load->by_client, NULL);
	free(load);
}

/* The same decisions as a create takes: the address is free, the client has none; else the first entry is taken back. */
static bool
add(bench_tables_t *load, const lessor_lease_t *lease) {
	bench_object_t *object = malloc(sizeof(*object));
	if (object == NULL) {
		return false;
	}
	bench_client_t client = {.scope = lease->address >> SCOPE_BITS};
	memcpy(&client.mac, lease->client_id, MAC_BYTES);
	object->address = lease->address;
	object->scope = client.scope;
	object->expires_at = lease->expires_at;
	memcpy(object->mac, lease->client_id, MAC_BYTES);
	memcpy(object->name, lease->name, NAME_BYTES);
	lsr_rcu_enter();
	bool good = cds_lfht_add_unique(load->by_address, bench_mix(object->address), match_address, &object->address,
					&object->by_address) == &object->by_address;
	if (good && cds_lfht_add_unique(load->by_client, hash_client(&client), match_client, &client,
					&object->by_client) != &object->by_client) {
		(void)cds_lfht_del(load->by_address, &object->by_address);
		good = false;
	}
	lsr_rcu_leave();
	if (!good) {
		free(object); /* only to keep the count honest: this load has no duplicates */
	}
	return good;
}

uint64_t
bench_tables_create(bench_tables_t *load, unsigned order, uint32_t first, uint32_t count) {
	bench_argument_t argument;
	uint64_t good = 0;
	make_hex();
	begin_argument(&argument);
	for (uint32_t i = first; i < first + count; i++) {
		fill_argument(&argument, order, i);
		good += add(load, &argument.lease);
	}
	return good;
}

uint64_t
bench_tables_get(bench_tables_t *load, unsigned order, uint32_t first, uint32_t count) {
	uint64_t good = 0;
	for (uint32_t i = first; i < first + count; i++) {
		struct cds_lfht_iter iter;
		bench_object_t copy;
		const uint32_t address = BASE + index_of(order, i);
		lsr_rcu_enter();
		cds_lfht_lookup(load->by_address, bench_mix(address), match_address, &address, &iter);
		const struct cds_lfht_node *node = cds_lfht_iter_get_node(&iter);
		if (node != NULL) {
			memcpy(&copy, node, sizeof(copy)); /* by_address is the first member */
			good += copy.address == address;
		}
		lsr_rcu_leave();
	}
	return good;
}

uint64_t
bench_tables_get_client(bench_tables_t *load, unsigned order, uint32_t first, uint32_t count) {
	uint64_t good = 0;
	for (uint32_t i = first; i < first + count; i++) {
		struct cds_lfht_iter iter;
		const uint32_t address = BASE + index_of(order, i);
		const bench_client_t client = {.mac = mac_of(address - BASE) & UINT64_C(0xFFFFFFFFFFFF),
					       .scope = address >> SCOPE_BITS};
		lsr_rcu_enter();
		cds_lfht_lookup(load->by_client, hash_client(&client), match_client, &client, &iter);
		struct cds_lfht_node *node = cds_lfht_iter_get_node(&iter);
		if (node != NULL) {
			const bench_object_t copy = *LSR_CONTAINER(node, bench_object_t, by_client);
			good += copy.address == address;
		}
		lsr_rcu_leave();
	}
	return good;
}

uint64_t
bench_tables_delete(bench_tables_t *load, unsigned order, uint32_t first, uint32_t count) {
	uint64_t good = 0;
	for (uint32_t i = first; i < first + count; i++) {
		good += drop(load, BASE + index_of(order, i));
		lsr_rcu_brake();
	}
	return good;
}
