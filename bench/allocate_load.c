/* SPDX-License-Identifier: Apache-2.0 */
#include "allocate_load.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <lessor/lessor.h>

#include "bench.h"

#define BATCH     32u
#define MAC_BYTES 6u

struct bench_pool {
	lessor_engine_t *engine;
	uint32_t subnet;
	uint32_t leases;
	uint32_t *address_of; /* of each client's lease */
	uint64_t draws;       /* atomic */
};

static lessor_lease_t
lease_of(uint32_t client, uint32_t address, uint64_t *mac) {
	lessor_lease_t lease;
	*mac = (client * UINT64_C(0x9E3779B97F4A7C15)) >> 16;
	lessor_lease_init(&lease);
	lease.address = address;
	lease.client_id = (const uint8_t *)mac;
	lease.client_id_bytes = MAC_BYTES;
	return lease;
}

static bool
fill(bench_pool_t *load) {
	lessor_lease_t leases[BATCH];
	lessor_status_t statuses[BATCH];
	uint64_t macs[BATCH];
	for (uint32_t at = 0; at < load->leases; at += BATCH) {
		const uint32_t count = load->leases - at < BATCH ? load->leases - at : BATCH;
		for (uint32_t i = 0; i < count; i++) {
			leases[i] = lease_of(at + i, load->address_of[at + i], &macs[i]);
		}
		if (lessor_lease_create_batch(load->engine, leases, count, statuses, LESSOR_ASYNC, NULL) != LESSOR_OK) {
			return false;
		}
		for (uint32_t i = 0; i < count; i++) {
			if (statuses[i] != LESSOR_OK) {
				return false;
			}
		}
	}
	return true;
}

bench_pool_t *
bench_pool_new(unsigned bits, uint32_t holes) {
	const uint32_t size = UINT32_C(1) << bits;
	lessor_options_t options;
	bench_pool_t *load = calloc(1, sizeof(*load));
	if (load == NULL) {
		return NULL;
	}
	load->subnet = UINT32_C(0x0A000000);
	load->leases = size - holes;
	load->address_of = calloc(size, sizeof(*load->address_of));
	lessor_options_init(&options);
	options.log = false;
	const lessor_scope_t scope = {.subnet = load->subnet,
				      .mask = ~(size - 1),
				      .has_range = true,
				      .range = {load->subnet, load->subnet + size - 1}};
	for (uint32_t i = 0; load->address_of != NULL && i < size; i++) {
		load->address_of[i] = load->subnet + bench_shuffle(i, bits);
	}
	if (load->address_of != NULL && lessor_open(NULL, &options, &load->engine, NULL) == LESSOR_OK &&
	    lessor_scope_create(load->engine, &scope, LESSOR_ASYNC, NULL) == LESSOR_OK && fill(load)) {
		return load;
	}
	bench_pool_free(load);
	return NULL;
}

void
bench_pool_free(bench_pool_t *load) {
	(void)lessor_close(&load->engine);
	free(load->address_of);
	free(load);
}

typedef lessor_status_t (*bench_taker_t)(bench_pool_t *load, lessor_lease_t *lease);

static lessor_status_t
allocate(bench_pool_t *load, lessor_lease_t *lease) {
	return lessor_lease_allocate(load->engine, load->subnet, 0, lease, LESSOR_ASYNC, NULL);
}

static lessor_status_t
create(bench_pool_t *load, lessor_lease_t *lease) {
	return lessor_lease_create(load->engine, lease, LESSOR_ASYNC, NULL);
}

static lessor_status_t
offer_and_bind(bench_pool_t *load, lessor_lease_t *lease) {
	const lessor_offer_request_t request = {.subnet = load->subnet,
						.client_id = lease->client_id,
						.client_id_bytes = lease->client_id_bytes,
						.now = 1};
	lessor_offer_t offer;
	const lessor_status_t status = lessor_offer_make(load->engine, &request, &offer);
	if (status == LESSOR_OK) {
		lease->address = offer.address;
	}
	return status == LESSOR_OK ? lessor_lease_bind(load->engine, lease, 1, LESSOR_ASYNC, NULL) : status;
}

static uint64_t
replace(bench_pool_t *load, unsigned part, unsigned parts, uint32_t count, bench_taker_t take) {
	const uint32_t clients = load->leases / parts;
	const uint64_t draws = __atomic_fetch_add(&load->draws, count, __ATOMIC_RELAXED);
	uint64_t good = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t mac;
		const uint32_t client = part * clients + (uint32_t)(bench_mix(draws + i) % clients);
		uint32_t *address = &load->address_of[client];
		lessor_lease_t lease = lease_of(client, *address, &mac);
		good += lessor_lease_delete(load->engine, *address, NULL, 0, LESSOR_ASYNC, NULL) == LESSOR_OK &&
			take(load, &lease) == LESSOR_OK;
		*address = lease.address;
	}
	return good;
}

uint64_t
bench_pool_allocate(bench_pool_t *load, unsigned part, unsigned parts, uint32_t count) {
	return replace(load, part, parts, count, allocate);
}

uint64_t
bench_pool_create(bench_pool_t *load, unsigned part, unsigned parts, uint32_t count) {
	return replace(load, part, parts, count, create);
}

uint64_t
bench_pool_offer(bench_pool_t *load, unsigned part, unsigned parts, uint32_t count) {
	return replace(load, part, parts, count, offer_and_bind);
}

uint64_t
bench_pool_exhausted(bench_pool_t *load, uint32_t count) {
	uint64_t good = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t mac;
		lessor_lease_t lease = lease_of(load->leases + i, 0, &mac);
		good += lessor_lease_allocate(load->engine, load->subnet, 0, &lease, LESSOR_ASYNC, NULL) ==
			LESSOR_EXHAUSTED;
	}
	return good;
}
