/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histories of leases, and of reservations: few operations on three addresses and two clients of one scope, of either family, which note when each began and
 * ended and what it answered. Then a search must find an order that respects these times and in which a plain model answers the same; the order of the log must
 * be possible, too. Each answer belongs to an address, a client or both, so this is linearizability per address and per client at once.
 */
#ifndef LEASE_HISTORY_H
#define LEASE_HISTORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <lessor/lessor.h>

#include "history.h"

#define SUBNET UINT32_C(0x0A200000)
#define PREFIX UINT64_C(0x20010DB800000001)
#define SPOTS  3u /* addresses; all of the pool of IPv4 */
#define FOLK   4u /* clients */

typedef enum {
	OP_CREATE,
	OP_CREATE_DUE, /* over already when the next sweep comes. IPv6: only ever the first address, as a sweep is of the whole scope */
	OP_DELETE,
	OP_DELETE_OF, /* if it is that client's. IPv4 */
	OP_EXPIRE,
	OP_RENAME,
	OP_RENEW,
	OP_ALLOCATE, /* IPv4, like all that follow but reading */
	OP_RESERVE,
	OP_UNRESERVE,
	OP_UNRESERVE_OF,
	OP_GET,
	OP_GET_CLIENT,
	OP_GET_RESERVATION,
	OP_GET_RESERVED_CLIENT,
	OP_COUNT, /* the scope's figures: never absurd */
	OP_KINDS
} lease_op_kind_t;

typedef struct {
	lease_op_kind_t kind;
	uint32_t spot; /* and of an allocation, or a look for a client, what was found */
	uint32_t client;
	uint64_t began;
	uint64_t ended;
	lessor_status_t status;
	/* What it read. */
	uint32_t found_client;
	bool found_dormant;
	bool found_due;
	bool found_other; /* get: is it reserved; get reserved: has it a lease; expire: was there something to remove */
	lessor_ticket_t ticket;
} lease_op_t;

/* Clients plus 1; 0: none. */
typedef struct {
	uint8_t lease[SPOTS];
	uint8_t dormant[SPOTS];
	uint8_t due[SPOTS];
	uint8_t reserved[SPOTS];
} lease_model_t;

typedef struct {
	lessor_engine_t *engine;
	bool is_six;
	unsigned ops;
	atomic_uint_fast64_t clock;
	lease_model_t model; /* before the operations */
	lease_op_t operation[HISTORY_OPS_MAX];
} lease_history_t;

/* Does the family have it? */
bool lease_op_exists(lease_op_kind_t kind, bool is_six);

void lease_history_create_scope(lease_history_t *history);
void lease_history_run(lease_history_t *history, lease_op_t *op);

/* Did it change something? */
bool lease_op_changed(const lease_op_t *op);

/* The model becomes what it is behind this change: what the change answers then. */
lessor_status_t lease_model_change(lease_model_t *model, const lease_op_t *op);

/* What is there while nobody changes it. */
lease_model_t lease_history_look(lease_history_t *history);

/* Nobody changes anything: is there an order, and is all well? The model becomes what is there. */
void lease_history_judge(lease_history_t *history);

/* A short client id, and one that lies in the tail. Returns its length. */
uint8_t lease_history_client(uint32_t client, uint8_t id[40]);

/* Entries in the client hash, and how many there should be. */
unsigned lease_history_entries(const lessor_engine_t *engine);
unsigned lease_model_owners(const lease_model_t *model);

#endif
