/* SPDX-License-Identifier: Apache-2.0 */
/* Which engine a server string stands for, and the calls that are using it. */
#ifndef LSR_DHCPSAPI_BINDING_H
#define LSR_DHCPSAPI_BINDING_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <lessor/dhcpsapi.h>
#include <lessor/engine.h>

/* lessor_options_t.server_name, without and with its NUL. */
#define LSR_SERVER_NAME_MAX_BYTES 255u

/*
 * Calls are counted in as many places, so that threads on different processors seldom write the same cache line.
 * Twice a line apart, as neighbouring lines are fetched in pairs.
 */
#define LSR_BINDING_SHARDS      16u
#define LSR_BINDING_APART_BYTES 128

typedef struct lsr_binding lsr_binding_t;

struct lsr_binding {
	/* Written before the binding is published, then constant until no call uses it any more. */
	lessor_engine_t *engine;
	lessor_access_t access; /* never LESSOR_ACCESS_BY_GROUP: resolved */
	lessor_mode_t mode;
	uint32_t server_address;
	char server_name[LSR_SERVER_NAME_MAX_BYTES + 1];
	WCHAR label[LESSOR_DHCPSAPI_LABEL_MAX_UNITS + 1];

	atomic_uint options; /* LESSOR_DHCPSAPI_...; may change at any time */

	/* Guarded by the lock of binding.c. */
	lsr_binding_t *next_known;
	lsr_binding_t *next_unused;

	/* Calls under way; written by every call. */
	struct {
		alignas(LSR_BINDING_APART_BYTES) atomic_uint calls;
	} shards[LSR_BINDING_SHARDS];
};

/*
 * The binding that 'server' stands for, kept as it is until lsr_binding_leave(); NULL if there is none. Lock-free:
 * retried only when that binding is replaced meanwhile.
 */
lsr_binding_t *lsr_binding_enter(LPCWSTR server);

/* Is this LESSOR_DHCPSAPI_... set? */
bool lsr_binding_has_option(lsr_binding_t *binding, uint32_t option);

/* Call with: the thread that entered. */
void lsr_binding_leave(lsr_binding_t *binding);

#endif
