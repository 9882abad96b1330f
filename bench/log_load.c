/* SPDX-License-Identifier: Apache-2.0 */
#include "log_load.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc.h"
#include "base/io.h"
#include "log/log.h"

#define RING_BYTES    ((uint64_t)32 << 20)
#define SEGMENT_BYTES ((uint64_t)64 << 20)

struct bench_log {
	lsr_log_t log;
	char path[256];
	int directory;
	uint32_t payload_bytes;
	uint8_t payload[4096];
};

static const uint8_t store_id[LSR_STORE_ID_BYTES] = "a benchmark's id";

static lessor_status_t
nothing(void *context, uint32_t header, const uint8_t *payload, uint64_t lsn) {
	(void)context;
	(void)header;
	(void)payload;
	(void)lsn;
	return LESSOR_OK;
}

static bool
start(bench_log_t *load) {
	const lsr_log_options_t options = {.ring_bytes = RING_BYTES, .segment_bytes = SEGMENT_BYTES, .gather_us = 1000};
	lsr_log_contents_t contents;
	char sentence[512];
	if (lsr_log_read(load->directory, store_id, 0, nothing, NULL, &contents) != LESSOR_OK) {
		return false;
	}
	lsr_log_init(&load->log);
	const lessor_status_t status =
		lsr_log_open(&load->log, load->directory, store_id, &options, &contents, sentence, sizeof(sentence));
	lsr_log_contents_free(&contents);
	if (status != LESSOR_OK) {
		(void)fprintf(stderr, "%s\n", sentence);
	}
	return status == LESSOR_OK;
}

bench_log_t *
bench_log_new(uint32_t payload_bytes) {
	const char *base = getenv("LESSOR_BENCH_DIR");
	bench_log_t *load = aligned_alloc(_Alignof(bench_log_t), sizeof(*load));
	if (load == NULL) {
		return NULL;
	}
	(void)snprintf(load->path, sizeof(load->path), "%s/log-bench-XXXXXX", base != NULL ? base : ".");
	load->directory = mkdtemp(load->path) != NULL ? open(load->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	load->payload_bytes = payload_bytes;
	memset(load->payload, 0x55, sizeof(load->payload));
	if (load->directory < 0 || payload_bytes > sizeof(load->payload) || !start(load)) {
		free(load);
		return NULL;
	}
	return load;
}

void
bench_log_free(bench_log_t *load) {
	char **names = NULL;
	size_t count = 0;
	(void)lsr_log_close(&load->log);
	lsr_log_destroy(&load->log);
	if (lsr_io_list(load->directory, "", &names, &count) == 0) {
		for (size_t i = 0; i < count; i++) {
			(void)unlinkat(load->directory, names[i], 0);
		}
	}
	free(names);
	(void)close(load->directory);
	(void)rmdir(load->path);
	free(load);
}

uint64_t
bench_log_append(bench_log_t *load, uint32_t count, uint32_t batch) {
	const uint64_t size_bytes = (uint64_t)lsr_record_bytes(load->payload_bytes) * batch;
	const uint32_t header = lsr_record_header(LSR_LOG_LEASE, load->payload_bytes);
	uint64_t position = 0;
	for (uint32_t done = 0; done < count; done += batch) {
		do {
			if (lsr_log_admit(&load->log, size_bytes) != LESSOR_OK) {
				return 0;
			}
		} while (!lsr_log_reserve(&load->log, size_bytes, &position));
		for (uint32_t i = 0; i < batch; i++) {
			memcpy(lsr_log_payload(&load->log, position), load->payload, load->payload_bytes);
			position = lsr_log_complete(&load->log, position, header);
		}
		lsr_log_announce(&load->log, position);
	}
	return position;
}

int
bench_log_wait(bench_log_t *load, uint64_t lsn) {
	return lsn != 0 && lsr_log_wait(&load->log, lsn, -1) == LESSOR_OK ? 0 : -1;
}

void
bench_log_figures(bench_log_t *load, uint64_t *bytes, uint64_t *flushes) {
	*bytes = atomic_load_explicit(&load->log.flushed_bytes, memory_order_relaxed);
	*flushes = atomic_load_explicit(&load->log.flushes, memory_order_relaxed);
}

uint32_t
bench_log_crc(const void *data, size_t size_bytes) {
	return lsr_crc(LSR_CRC_SEED, data, size_bytes);
}
