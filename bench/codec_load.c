/* SPDX-License-Identifier: Apache-2.0 */
#include "codec_load.h"

#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "lease/codec.h"

struct bench_codec {
	lsr_origins_t origins;
	lessor_lease_t lease;
	lsr_lease_sizes_t sizes;
	lsr_body_t body;
	uint8_t client[20];
	char name[41];
	char context[201];
	uint8_t *image;
	size_t image_bytes;
	void *buffer;
};

static void
shape_lease(bench_codec_t *load, bench_shape_t shape) {
	lessor_lease_init(&load->lease);
	memset(load->client, 0x42, sizeof(load->client));
	memset(load->name, 'n', shape == BENCH_SHAPE_COMMON ? 12 : 40);
	load->lease.address = 0x0A000001;
	load->lease.client_id = load->client;
	load->lease.client_id_bytes = shape == BENCH_SHAPE_COMMON ? 6 : 20;
	load->lease.name = load->name;
	load->lease.hardware = load->client;
	load->lease.hardware_type = 1;
	load->lease.hardware_bytes = 6;
	if (shape == BENCH_SHAPE_FULL) {
		memset(load->context, '{', 200);
		load->lease.comment = "third floor, beside the window";
		load->lease.owner_name = "dhcp-1.example";
		load->lease.owner_address = 0x0A000002;
		load->lease.policy_name = "printers";
		load->lease.user_context = load->context;
		load->lease.probation_ends_at = 1;
	}
}

bench_codec_t *
bench_codec_new(bench_shape_t shape) {
	bench_codec_t *load = calloc(1, sizeof(*load));
	if (load == NULL || !lsr_origins_init(&load->origins)) {
		return NULL;
	}
	shape_lease(load, shape);
	if (!lsr_lease_check(&load->lease, LESSOR_FIELD_ALL, &load->sizes) ||
	    lsr_lease_pack(&load->lease, &load->sizes, LSR_ORIGIN_NONE, &load->body) != LESSOR_OK) {
		return NULL;
	}
	load->image_bytes = lsr_image_bytes(&load->body);
	load->image = malloc(load->image_bytes);
	load->buffer = malloc(LESSOR_LEASE_BUFFER_BYTES);
	if (load->image == NULL || load->buffer == NULL) {
		return NULL;
	}
	lsr_image_put(load->image, load->lease.address, &load->body);
	return load;
}

void
bench_codec_free(bench_codec_t *load) {
	lsr_tail_free(load->body.tail);
	lsr_origins_destroy(&load->origins);
	free(load->image);
	free(load->buffer);
	free(load);
}

uint64_t
bench_codec_check(const bench_codec_t *load) {
	uint64_t good = 0;
	for (unsigned i = 0; i < BENCH_BLOCK; i++) {
		lsr_lease_sizes_t sizes;
		good += lsr_lease_check(&load->lease, LESSOR_FIELD_ALL, &sizes);
	}
	return good;
}

uint64_t
bench_codec_pack(const bench_codec_t *load) {
	uint64_t good = 0;
	for (unsigned i = 0; i < BENCH_BLOCK; i++) {
		lsr_body_t body;
		good += lsr_lease_pack(&load->lease, &load->sizes, LSR_ORIGIN_NONE, &body) == LESSOR_OK;
		lsr_tail_free(body.tail);
	}
	return good;
}

uint64_t
bench_codec_unpack(const bench_codec_t *load) {
	uint64_t good = 0;
	for (unsigned i = 0; i < BENCH_BLOCK; i++) {
		lessor_lease_t lease;
		size_t used_bytes;
		good += lsr_lease_unpack(&load->body, &load->origins, &lease, load->buffer, LESSOR_LEASE_BUFFER_BYTES,
					 &used_bytes) == LESSOR_OK;
	}
	return good;
}

uint64_t
bench_codec_image_put(const bench_codec_t *load) {
	for (unsigned i = 0; i < BENCH_BLOCK; i++) {
		lsr_image_put(load->image, i, &load->body);
	}
	return BENCH_BLOCK;
}

uint64_t
bench_codec_image_get(const bench_codec_t *load) {
	uint64_t good = 0;
	for (unsigned i = 0; i < BENCH_BLOCK; i++) {
		lsr_body_t body;
		uint32_t address;
		good += lsr_image_get(load->image, load->image_bytes, &address, &body) == LESSOR_OK;
		lsr_tail_free(body.tail);
	}
	return good;
}

uint64_t
bench_codec_image_bytes(const bench_codec_t *load) {
	return load->image_bytes;
}
