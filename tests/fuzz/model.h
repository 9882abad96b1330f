/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model of what the IPv4 calls of dhcpsapi.h answer: arrays, linear search, no thoughts about speed. Each function
 * answers the codes that the call of that purpose may answer, as a set of at most two: where an argument is wrong in two
 * ways and no source says which is told first, both are right.
 *
 * Texts are pointers into a table of the caller's that outlives the model; equal texts are equal pointers.
 */
#ifndef LESSOR_FUZZ_MODEL_H
#define LESSOR_FUZZ_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lessor/dhcpsapi.h>

#define MODEL_LEASES     512
#define MODEL_SCOPES     16
#define MODEL_EXCLUSIONS 64
#define MODEL_ID_BYTES   255

typedef struct model_id {
	DWORD length;
	BYTE data[MODEL_ID_BYTES];
} model_id_t;

typedef struct model_lease {
	DWORD address;
	model_id_t id;
	LPCWSTR name;
	LPCWSTR comment;
	LPCWSTR policy;
	LPCWSTR owner;
	DWORD owner_address;
	uint64_t expires;
	bool expires_soon; /* a scope's lease duration after some moment that the model did not see */
	BYTE type;
	BYTE state;
	DWORD status;
	uint64_t probation;
	bool capable;
	DWORD state_ex;
} model_lease_t;

typedef struct model_reservation {
	DWORD address;
	model_id_t id;
	BYTE types;
} model_reservation_t;

typedef struct model_range {
	DWORD first;
	DWORD last;
} model_range_t;

typedef struct model_scope {
	DWORD subnet;
	DWORD mask;
	DWORD state;
	LPCWSTR name;
	LPCWSTR comment;
	bool has_range;
	model_range_t range;
	model_range_t exclusions[MODEL_EXCLUSIONS];
	size_t exclusion_count;
	model_reservation_t reservations[MODEL_LEASES];
	size_t reservation_count;
	LPCWSTR superscope;
	USHORT delay;
} model_scope_t;

typedef struct model {
	model_lease_t leases[MODEL_LEASES]; /* ascending by address */
	size_t lease_count;
	model_scope_t scopes[MODEL_SCOPES]; /* ascending by subnet */
	size_t scope_count;
	LPCWSTR superscopes[MODEL_SCOPES * 4];
	size_t superscope_count;
} model_t;

/* One code or two. */
typedef struct model_codes {
	DWORD one;
	DWORD other;
} model_codes_t;

static inline model_codes_t
model_code(DWORD code) {
	return (model_codes_t){code, code};
}

/* Look-ups. NULL: there is none. */
model_scope_t *model_scope_of(model_t *model, DWORD address);
model_scope_t *model_scope_get(model_t *model, DWORD subnet);
model_lease_t *model_lease_at(model_t *model, DWORD address);
model_lease_t *model_lease_of(model_t *model, const model_scope_t *scope, const model_id_t *id);
model_reservation_t *model_reserved(model_scope_t *scope, DWORD address);

/* Leases. 'taken' and 'no_scope' are the codes of the call. The arguments are valid in themselves. */
DWORD model_create(model_t *model, const model_lease_t *lease, DWORD no_scope, DWORD taken);
/* What a Set replaces; name and comment only if not NULL. 'quarantine': the VQ form. */
DWORD model_set(model_t *model, const model_lease_t *lease, bool quarantine);
DWORD model_delete(model_t *model, DWORD address);
model_lease_t *model_find_key(model_t *model, const BYTE *key, DWORD length);
model_lease_t *model_find_name(model_t *model, LPCWSTR name);

/* Free addresses, of valid arguments; at most 1024 into 'found'. */
DWORD model_free(model_t *model, DWORD subnet, DWORD start, DWORD end, DWORD wanted, DWORD *found, DWORD *count);

/* Scopes. */
DWORD model_scope_create(model_t *model, const model_scope_t *scope);
DWORD model_scope_set(model_t *model, const model_scope_t *scope);
DWORD model_scope_delete(model_t *model, DWORD subnet, bool force);
model_codes_t model_range_add(model_t *model, model_scope_t *scope, unsigned generation, unsigned type,
			      model_range_t range);
DWORD model_range_remove(model_t *model, model_scope_t *scope, model_range_t range, bool force);
DWORD model_exclude(model_scope_t *scope, model_range_t range);
DWORD model_include(model_scope_t *scope, model_range_t range);
DWORD model_reserve(model_t *model, model_scope_t *scope, const model_reservation_t *reservation);
/* id NULL: by address alone. */
DWORD model_unreserve(model_t *model, model_scope_t *scope, DWORD address, const model_id_t *id);

DWORD model_join(model_t *model, DWORD subnet, LPCWSTR name, bool change);
DWORD model_dissolve(model_t *model, LPCWSTR name);

void model_figures(model_t *model, model_scope_t *scope, DWORD *in_use, DWORD *free_addresses);

#endif
