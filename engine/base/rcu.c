/* SPDX-License-Identifier: Apache-2.0 */
/* Deferred work, counted, so that its backlog is bounded. */
#include "base/rcu.h"

#include <stdatomic.h>
#include <stdint.h>

/* After this many deferrals somebody waits for them: some hundred megabytes of long texts at worst are pending at any time. */
#define LSR_RCU_BACKLOG_MAX 65536

#ifdef LSR_TSAN
char lsr_rcu_tsan_token;
#endif

/* Deferrals since the last drain. Written by anybody; decides only about waiting, hence relaxed. */
static atomic_int_fast64_t deferred_since_drain;

void
lsr_rcu_defer(lsr_rcu_head_t *head, void (*function)(lsr_rcu_head_t *head)) {
	atomic_fetch_add_explicit(&deferred_since_drain, 1, memory_order_relaxed);
	LSR_RCU_TSAN_RELEASE();
	urcu_bp_call_rcu(head, function);
}

void
lsr_rcu_drain(void) {
	atomic_store_explicit(&deferred_since_drain, 0, memory_order_relaxed);
	urcu_bp_barrier();
	LSR_RCU_TSAN_ACQUIRE();
}

void
lsr_rcu_brake(void) {
	if (atomic_load_explicit(&deferred_since_drain, memory_order_relaxed) > LSR_RCU_BACKLOG_MAX) {
		lsr_rcu_drain();
	}
}
