/* SPDX-License-Identifier: Apache-2.0 */
/* What a DHCP server does, the part that both families share: server.c, for server6.c. */
#ifndef LSR_SERVER_P_H
#define LSR_SERVER_P_H

#include "engine_p.h"

#define LSR_NS_PER_MS     UINT64_C(1000000)
#define LSR_TICKS_PER_MS  (LESSOR_TICKS_PER_SECOND / 1000)
#define LSR_RECLAIM_LOOKS 8u /* leases, of which all that are over lose their grace */

/* ---- offers: inside a read-side section ---------------------------------------------------------------------------- */

/* The offer's scope, if the record is still its; NULL. */
lsr_scope_t *lsr_offer_scope(const lessor_engine_t *engine, const lsr_offer_t *offer);

/* Does its address stand as it was offered? Somebody may be about to change that. */
bool lsr_offer_stands(const lessor_engine_t *engine, const lsr_offer_t *offer);

/* End an offer and free it. False: somebody is changing the address, or the scope, at this moment; it is still there. The shard is locked. */
bool lsr_offer_end(lessor_engine_t *engine, lsr_offer_shard_t *shard, lsr_offer_t *offer);

lsr_offer_client_t lsr_offer_client(const lessor_engine_t *engine, const lsr_scope_t *scope, const uint8_t *client_id,
				    size_t client_id_bytes);

/* The word of the record at this address (IPv6: its lower half), if it is offered to this client; 0. */
uint64_t lsr_offer_word(lessor_engine_t *engine, const lsr_scope_t *scope, const uint8_t *client_id,
			size_t client_id_bytes, uint64_t low);

/* End the client's offer in a scope, if it is of 'only', or with 0 whatever its address. LESSOR_OK, or why not; *blocker not NULL: wait for that, then try again. */
lessor_status_t lsr_offer_withdraw(lessor_engine_t *engine, const lsr_scope_t *scope, const uint8_t *client_id,
				   size_t client_id_bytes, uint64_t only, const lsr_record_t **blocker);

/* A sweep leaves alone what another one has in work (E3 in lease/table.h): behind this that has ended it, if it was over. Outside of any section. */
void lsr_engine_await_sweeps(const lessor_engine_t *engine);

/* ---- leases -------------------------------------------------------------------------------------------------------- */

/* Is it kept away from everybody, its client too? */
bool lsr_body_is_held(const lsr_body_t *body, lessor_filetime_t now);

/* Could a sweep come upon it until then? */
bool lsr_body_may_be_swept(const lsr_body_t *body, lessor_filetime_t until);

/* A record that is claimed, and its word before: is it a lease of this client? */
bool lsr_record_is_own(const lsr_record_t *record, uint64_t word, const lsr_offer_client_t *client);

/* What the client has at the address, or elsewhere in its scope. */
typedef enum lsr_own { LSR_OWN_NOTHING, LSR_OWN_LEASE, LSR_OWN_DORMANT, LSR_OWN_HELD, LSR_OWN_ELSEWHERE } lsr_own_t;

/* Of its lease there. */
lsr_own_t lsr_body_own(const lsr_body_t *body, lessor_filetime_t now);

/* What the fields of a bind were chosen by. */
typedef struct lsr_seen {
	lsr_own_t own;
	lessor_filetime_t now;
} lsr_seen_t;

/* A declined lease that is reserved is still its client's. 'context' is the lsr_seen_t. */
lessor_status_t lsr_decide_bind(lsr_change_t *change, void *context);

/* What is over already, or was never begun, keeps its time. */
lessor_status_t lsr_decide_release(lsr_change_t *change, void *context);

#define LSR_DECLINED_FIELDS                                                                                            \
	((uint32_t)(LESSOR_FIELD_EXPIRES | LESSOR_FIELD_ADDRESS_STATE | LESSOR_FIELD_LAST_TRANSACTION |                \
		    LESSOR_IF_RESERVED | LESSOR_FIELD_CLIENT_ID | LESSOR_FIELD_NAME))

/* What is reserved stays its client's. */
lessor_status_t lsr_decide_decline(lsr_change_t *change, void *context);

/* When a hold of so many seconds, or with 0 of the scope's lease duration, ends. Inside a read-side section. */
lessor_filetime_t lsr_end_of_hold(const lsr_scope_t *scope, lessor_filetime_t now, uint32_t hold_s);

/* In the time of lessor_lease_t.last_transaction_s; 0: before it begins. */
uint32_t lsr_unix_s(lessor_filetime_t time);

#endif
