/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which rows of a set of lease files count.
 *
 * Replay rules, as Kea has them: the key is the address; rows are taken in file order; each replaces the former one of
 * its address. To this lessor adds one: a client has at most one lease in a scope. Of several the one with the latest
 * transaction counts, and of those with the same one the last in file order.
 *
 * A plan does not keep rows. It takes 24 bytes per address and 5 to 11 bytes of index; once settled, as much again for the
 * index by client, and one byte per line. Lines are numbered through all files, from 1.
 *
 * Rows come faster than memory answers; so claims wait in a short queue while what they need is fetched.
 */
#ifndef LESSOR_TOOLS_IMPORT_PLAN_H
#define LESSOR_TOOLS_IMPORT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits of import_claim_t.place; the rest is the number of the line. */
#define IMPORT_CLAIM_ENDED UINT64_C(1) /* the row ends the lease */
#define IMPORT_CLAIM_LOST  UINT64_C(2) /* another address holds the client */
#define IMPORT_CLAIM_MOVED UINT64_C(4) /* free for the user of the plan */

enum { IMPORT_PLAN_QUEUE = 32 };

/* The last row of one address. */
typedef struct import_claim {
	uint32_t address;
	uint32_t last_transaction_s;
	uint64_t place;
	uint64_t client; /* import_plan_client(), or 0: the row takes no part in the contest for clients */
} import_claim_t;

typedef struct import_plan {
	import_claim_t *claims; /* in the order of first appearance */
	uint32_t *addresses;    /* open addressing: position in claims + 1, or 0 */
	uint32_t *clients;      /* likewise, by client; NULL before import_plan_settle() */
	uint8_t *lines;         /* by number: verdict and a little of the address; NULL before import_plan_settle() */
	size_t count;
	size_t capacity;
	size_t slots; /* of each index; a power of two */
	uint64_t last_line;
	uint64_t seed;
	size_t queued;
	import_claim_t queue[IMPORT_PLAN_QUEUE];
} import_plan_t;

/* False without memory. The seed keys the indexes: client ids come from strangers. */
bool import_plan_open(import_plan_t *plan, uint64_t seed);
void import_plan_close(import_plan_t *plan);

/* The number of a line, for import_claim_t.place, and back. It fits 60 bits. */
static inline uint64_t
import_place(uint64_t line) {
	return line << 4;
}

static inline uint64_t
import_place_line(uint64_t place) {
	return place >> 4;
}

/* What stands for a client in a scope: equal for equal ones, and for others with a chance of 2^-64. Never 0. */
uint64_t import_plan_client(const import_plan_t *plan, uint32_t subnet, const uint8_t *id, size_t id_bytes);

/* A further row: it replaces the former claim to its address. False without memory. */
bool import_plan_put(import_plan_t *plan, const import_claim_t *claim);

/* After the last put: mark the claims that lose their client, and judge every line. False without memory. */
bool import_plan_settle(import_plan_t *plan);

/* ---- Of a settled plan ---- */

/* The claim to an address; NULL if no row named it. */
import_claim_t *import_plan_find(const import_plan_t *plan, uint32_t address);

/* The claim that holds a client; NULL if none does. */
import_claim_t *import_plan_holder(const import_plan_t *plan, uint64_t client);

typedef enum import_verdict {
	IMPORT_SKIP,  /* no row, or a later one took its place, or it ended a lease */
	IMPORT_STORE, /* the lease is to be stored */
	IMPORT_REFUSE /* the row counts, but it has no scope or lost its client */
} import_verdict_t;

/* What is to be done with a line; without touching the claims, as there are more lines than leases. */
import_verdict_t import_plan_verdict(const import_plan_t *plan, uint64_t line);

/* Is this the address that the line had when it was put? Another one is found out in 63 of 64 cases. */
bool import_plan_is_address(const import_plan_t *plan, uint64_t line, uint32_t address);

#endif
