/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scopes that leases belong to: out of a Kea configuration, out of the command line, out of a store.
 *
 * A configuration is the JSON that kea-dhcp4 reads. Taken from it: subnet4, also inside shared-networks, with id, subnet,
 * pools and valid-lifetime. Several pools become one range from the first start to the last end, and the gaps exclusions.
 */
#ifndef LESSOR_TOOLS_KEA_CONFIG_H
#define LESSOR_TOOLS_KEA_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lessor/scope.h>

typedef struct kea_scope {
	uint32_t subnet;
	uint32_t mask;
	uint32_t id;       /* 0: not known (yet) */
	uint32_t store_id; /* the id it has in the store */
	uint32_t lease_s;  /* 0: not said */
	uint32_t max_leases;
	uint32_t state; /* lessor_scope_state_t, of a scope to be made */
	char *name;     /* NULL: none; belongs to the table */
	char *comment;
	bool wanted;     /* the user named it */
	bool in_store;   /* the store has it */
	bool range_kept; /* both, and the ranges differ: the store's stays */
	bool has_range;
	lessor_range_t range;
	lessor_range_t *gaps; /* of the range that belong to no pool, ascending */
	size_t gap_count;
} kea_scope_t;

typedef struct kea_scopes {
	kea_scope_t *items; /* ascending by subnet once sealed */
	size_t count;
	size_t capacity;
	uint32_t *ids; /* once sealed: ascending */
	size_t id_count;
	size_t reservations; /* that the configurations hold and lessor does not take over */
	size_t numbered;     /* subnets without an id, numbered in the order of appearance as Kea does */
} kea_scopes_t;

enum { KEA_SENTENCE_BYTES = 512 };

void kea_scopes_free(kea_scopes_t *scopes);

/* Add a scope; gaps and texts are taken over, also on failure. False without memory. */
bool kea_scopes_add(kea_scopes_t *scopes, const kea_scope_t *scope);

/*
 * After the last add: sort, and join what is there twice, in the store and from the user, or twice from the user.
 * False with a sentence: two overlap, the user gives one id to two, or one subnet has two ids.
 */
bool kea_scopes_seal(kea_scopes_t *scopes, char sentence[KEA_SENTENCE_BYTES]);

/* Once sealed: the scope that holds an address; NULL if there is none. */
kea_scope_t *kea_scopes_find(const kea_scopes_t *scopes, uint32_t address);

/* Once sealed: does a scope have this id? Ids that were filled in later are not seen. */
bool kea_scopes_has_id(const kea_scopes_t *scopes, uint32_t id);

/* Add the subnets of a configuration in memory; the text is changed on the way. False with a sentence. */
bool kea_config_parse(char *text, size_t bytes, kea_scopes_t *scopes, char sentence[KEA_SENTENCE_BYTES]);

/* The same from a file. */
bool kea_config_load(const char *path, kea_scopes_t *scopes, char sentence[KEA_SENTENCE_BYTES]);

/* "192.0.2.0/24", without host bits. */
bool kea_parse_prefix(const char *text, size_t bytes, uint32_t *subnet, uint32_t *mask);

/* A pool: "192.0.2.10 - 192.0.2.99" with or without blanks, or "192.0.2.64/26". */
bool kea_parse_pool(const char *text, lessor_range_t *range);

#endif
