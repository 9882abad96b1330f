/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests share that try to break the engine: random numbers, leases that prove themselves, comparing whole stores.
 *
 * A lease that proves itself carries a number in its expiry, and everything else in it follows from that number:
 *
 *     number = generation << 40 | client << 20 | step
 *
 * The texts follow from the generation, the client id and hardware address from the client, the small fields from all of it.
 * Whoever reads such a lease can tell a mixture of two.
 */
#ifndef TORTURE_H
#define TORTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <lessor/lessor.h>

/* Works in every thread and process, unlike an assertion of cmocka: say what is wrong and end the process. */
#define REQUIRE(condition)                                                                                             \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			torture_fail(__FILE__, __LINE__, #condition);                                                  \
		}                                                                                                      \
	} while (0)
#define REQUIRE_STATUS(got, wanted) torture_require_status(__FILE__, __LINE__, #got, (got), (wanted))

_Noreturn void torture_fail(const char *file, int line, const char *what);
void torture_require_status(const char *file, int line, const char *what, lessor_status_t got, lessor_status_t wanted);

/* LESSOR_TEST_SEED, or another one each time. Printed when the test begins and when it fails. */
uint64_t torture_seed(void);

typedef struct torture_random {
	uint64_t state;
} torture_random_t;

/* A generator for part 'stream' of a test. */
torture_random_t torture_random(uint64_t stream);

static inline uint64_t
torture_mix(uint64_t x) {
	x += UINT64_C(0x9E3779B97F4A7C15);
	x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
	return x ^ (x >> 31);
}

static inline uint64_t
torture_next(torture_random_t *random) {
	return torture_mix(random->state++);
}

/* 0 to n - 1. */
static inline uint32_t
torture_below(torture_random_t *random, uint32_t n) {
	return (uint32_t)((torture_next(random) >> 32) * n >> 32);
}

/* ---- leases that prove themselves ---------------------------------------------------------------------------------- */

#define TORTURE_CLIENTS (UINT32_C(1) << 20)

static inline uint64_t
torture_number(uint32_t generation, uint32_t client, uint32_t step) {
	return (uint64_t)(generation & 0x3FFFFF) << 40 | (uint64_t)client << 20 | (step & 0xFFFFF);
}

static inline uint32_t
torture_client_of(uint64_t number) {
	return (uint32_t)(number >> 20) & (TORTURE_CLIENTS - 1);
}

static inline uint64_t
torture_number_of(const lessor_lease_t *lease) {
	return lease->expires_at - 1;
}

typedef struct torture_texts {
	uint8_t client_id[LESSOR_CLIENT_ID_MAX_BYTES];
	uint8_t hardware[LESSOR_HARDWARE_MAX_BYTES];
	char name[64];
	char comment[1500];
	char owner[32];
	char policy[32];
	char context[128];
} torture_texts_t;

/* Fill in client_id and client_id_bytes (4 to 255). Different clients have different ids. */
void torture_client(uint32_t client, uint8_t client_id[LESSOR_CLIENT_ID_MAX_BYTES], uint8_t *client_id_bytes);

/* The lease of 'number' at 'address'; its pointers lead into 'texts'. */
void torture_lease(uint32_t address, uint64_t number, lessor_lease_t *lease, torture_texts_t *texts);

/* What an update must replace to go from one number to another of the same generation and client; of the same client. */
#define TORTURE_FIELDS_STEP                                                                                            \
	((uint32_t)(LESSOR_FIELD_EXPIRES | LESSOR_FIELD_LAST_TRANSACTION | LESSOR_FIELD_CLIENT_TYPE |                  \
		    LESSOR_FIELD_DNS | LESSOR_FIELD_QUARANTINE))
#define TORTURE_FIELDS_GENERATION ((uint32_t)LESSOR_FIELD_ALL & ~(uint32_t)LESSOR_FIELD_CLIENT_ID)

/* Is it the lease of its own number, as a whole? */
bool torture_proves(const lessor_lease_t *lease);

/* lessor_lease_get() and lessor_lease_get_client() of a client number; what they find must prove itself. */
lessor_status_t torture_get(lessor_engine_t *engine, uint32_t address, uint64_t *number, lessor_ticket_t *ticket);
lessor_status_t torture_get_client(lessor_engine_t *engine, uint32_t subnet, uint32_t client, uint32_t *address,
				   uint64_t *number, lessor_ticket_t *ticket);

/* ---- whole stores -------------------------------------------------------------------------------------------------- */

/* A fresh directory under TMPDIR; removing one takes its files along. */
void torture_make_directory(char path[256]);
void torture_remove_directory(const char *path);

void torture_create_scope(lessor_engine_t *engine, uint32_t subnet, uint32_t mask, bool with_range);

/* With nobody changing anything: lessor_check() is content, and every scope's figures equal a recount. */
void torture_require_sound(lessor_engine_t *engine);

/* Everything that a reader can learn about a store, for comparison. */
typedef struct torture_entry {
	uint32_t address;
	lessor_ticket_t ticket;
	uint64_t digest; /* of all other members */
} torture_entry_t;

typedef struct torture_dump {
	torture_entry_t *leases;
	size_t count;
	size_t scopes;
	uint64_t scopes_digest; /* configurations, exclusions, figures (but the high-water mark) */
} torture_dump_t;

torture_dump_t torture_dump(lessor_engine_t *engine);
void torture_require_equal(const torture_dump_t *a, const torture_dump_t *b);
void torture_dump_free(torture_dump_t *dump);

#endif
