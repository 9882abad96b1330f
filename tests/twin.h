/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A twin of the engine: the whole native API as its headers tell it, made of arrays and linear search, without threads,
 * log or speed. What it answers, the engine has to answer; what it holds, the engine has to hold.
 *
 * Where the contract leaves two refusals open, the twin asks in this order: is the argument well formed, is there
 * what it speaks of, does it belong to the client that was named, is the address free, is the client free.
 */
#ifndef LESSOR_TESTS_TWIN_H
#define LESSOR_TESTS_TWIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lessor/lessor.h>

typedef struct twin_lease {
	lessor_lease_t lease;  /* ids and texts are copies of the twin's own */
	lessor_ticket_t floor; /* its ticket is greater than this */
	lessor_ticket_t roof;  /* and not greater than this */
} twin_lease_t;

typedef struct twin_scope {
	lessor_scope_t scope; /* texts are copies of the twin's own */
	lessor_range_t *exclusions;
	size_t exclusion_count;
	uint32_t superscope; /* its number, 0: none */
	uint64_t in_use_high_water;
	uint64_t creates;
	uint64_t deletes;
} twin_scope_t;

/* Without a lease at its address it is empty. */
typedef struct twin_reservation {
	uint32_t address;
	uint8_t client_id_bytes;
	uint8_t client_types;
	uint8_t client_id[LESSOR_CLIENT_ID_MAX_BYTES];
} twin_reservation_t;

typedef struct twin_superscope {
	uint32_t number;
	char *name; /* NULL: it is gone, the number is not used again */
} twin_superscope_t;

typedef struct twin {
	bool strict;
	twin_scope_t *scopes;
	size_t scope_count;
	twin_superscope_t *superscopes; /* ascending */
	size_t superscope_count;
	twin_lease_t *leases;
	size_t lease_count;
	twin_reservation_t *reservations;
	size_t reservation_count;
} twin_t;

void twin_init(twin_t *twin, bool strict);
void twin_free(twin_t *twin);

lessor_status_t twin_scope_create(twin_t *twin, const lessor_scope_t *scope);
lessor_status_t twin_scope_update(twin_t *twin, const lessor_scope_t *scope, uint32_t fields);
lessor_status_t twin_scope_delete(twin_t *twin, uint32_t subnet, bool force);
lessor_status_t twin_scope_resize(twin_t *twin, uint32_t subnet, lessor_range_t range);
lessor_status_t twin_scope_remove_range(twin_t *twin, uint32_t subnet, lessor_range_t range, bool force);
lessor_status_t twin_scope_exclude(twin_t *twin, uint32_t subnet, lessor_range_t range);
lessor_status_t twin_scope_include(twin_t *twin, uint32_t subnet, lessor_range_t range);
lessor_status_t twin_superscope_join(twin_t *twin, uint32_t subnet, const char *name, bool move);
lessor_status_t twin_superscope_delete(twin_t *twin, const char *name);
/* NULL if there is none. */
const twin_scope_t *twin_scope_get(const twin_t *twin, uint32_t subnet);
const twin_scope_t *twin_scope_find(const twin_t *twin, uint32_t address);
const twin_scope_t *twin_scope_next(const twin_t *twin, uint32_t from);
void twin_scope_stats(const twin_t *twin, const twin_scope_t *scope, lessor_scope_stats_t *stats);

lessor_status_t twin_lease_create(twin_t *twin, const lessor_lease_t *lease);
/*
 * Allocate in the scope 'subnet'. Which address it is to be is for the engine to say; 'answered' is what it said, looked at only if the twin answers
 * LESSOR_OK, and then it must be one that the twin could have chosen.
 */
lessor_status_t twin_lease_allocate(twin_t *twin, uint32_t subnet, uint32_t hint, const lessor_lease_t *lease,
				    uint32_t answered);
/* What lessor_scope_free_addresses() has to answer. Returns how many. */
uint32_t twin_free_addresses(const twin_t *twin, const twin_scope_t *scope, uint32_t first, uint32_t last,
			     uint32_t count, uint32_t *addresses);
lessor_status_t twin_lease_update(twin_t *twin, const lessor_lease_t *lease, uint32_t fields);
lessor_status_t twin_lease_delete(twin_t *twin, uint32_t address, const uint8_t *client_id, size_t client_id_bytes);
/* What a sweep of the addresses from first to last removes. Returns how many. */
uint64_t twin_expire(twin_t *twin, lessor_filetime_t now, const lessor_expire_options_t *options, uint32_t first,
		     uint32_t last);
lessor_status_t twin_reservation_create(twin_t *twin, uint32_t subnet, const lessor_reservation_t *reservation);
lessor_status_t twin_reservation_delete(twin_t *twin, uint32_t subnet, uint32_t address, const uint8_t *client_id,
					size_t client_id_bytes, lessor_filetime_t now);
/* NULL if there is none. */
const twin_reservation_t *twin_reservation_get(const twin_t *twin, uint32_t address);
/* The one with the lowest address whose name this is; NULL. */
const twin_lease_t *twin_lease_find_name(const twin_t *twin, const char *name);
uint64_t twin_lease_count(const twin_t *twin, uint32_t first, uint32_t last);
/* NULL if there is none. */
const twin_lease_t *twin_lease_get(const twin_t *twin, uint32_t address);
const twin_lease_t *twin_lease_get_client(const twin_t *twin, uint32_t subnet, const uint8_t *client_id,
					  size_t client_id_bytes);
/* The one with the smallest address from 'first' to 'last', both inclusive. */
const twin_lease_t *twin_lease_next(const twin_t *twin, uint64_t first, uint64_t last);
/* Its ticket lies above 'floor' and not above 'roof'. */
void twin_lease_ticket(twin_t *twin, uint32_t address, lessor_ticket_t floor, lessor_ticket_t roof);
/* After another start of the engine all that is known of tickets is that they are durable. */
void twin_restarted(twin_t *twin, lessor_ticket_t durable);

/* Fail the test unless this is what the twin's lease (or scope) looks like from outside. */
void twin_assert_lease(const twin_t *twin, const twin_lease_t *expected, const lessor_lease_t *got);
void twin_assert_scope(const twin_scope_t *expected, const lessor_scope_t *got);
/* Fail the test unless the engine holds exactly what the twin holds, by every way there is to ask. */
void twin_assert_equal(const twin_t *twin, lessor_engine_t *engine);

/* What the twin thinks of a text. */
bool twin_is_utf8(const char *text);

#endif
