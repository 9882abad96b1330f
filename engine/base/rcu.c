/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deferred work, counted, so that its backlog is bounded and can be waited for. (liburcu's own barrier is not used: it allocates, and what it
 * does between its threads cannot be seen by ThreadSanitizer.)
 */
#include "base/rcu.h"

#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#include "base/base.h"

/* More than this pending - some hundred megabytes of long texts at worst - and callers wait. */
#define BACKLOG_MAX 65536
/* liburcu gathers deferred work for about ten milliseconds; looking more often is useless. */
#define POLL_NS 1000000

#ifdef LSR_TSAN
char lsr_rcu_tsan_token;
#endif

/* Both only grow. deferred: any thread; done: liburcu's helper thread. D1 count done (release) -> D2 look (acquire). */
static _Atomic uint64_t deferred;
static _Atomic uint64_t done;

static void
run(struct rcu_head *urcu) {
	lsr_rcu_head_t *head = LSR_CONTAINER(urcu, lsr_rcu_head_t, urcu);
	LSR_RCU_TSAN_ACQUIRE(); /* G2 */
	head->function(head);
	(void)atomic_fetch_add_explicit(&done, 1, memory_order_release); /* D1 */
}

void
lsr_rcu_defer(lsr_rcu_head_t *head, void (*function)(lsr_rcu_head_t *head)) {
	head->function = function;
	(void)atomic_fetch_add_explicit(&deferred, 1, memory_order_relaxed);
	LSR_RCU_TSAN_RELEASE(); /* G1, of whoever defers */
	urcu_bp_call_rcu(&head->urcu, run);
}

static void
await_done(uint64_t target) {
	static const struct timespec pause = {.tv_nsec = POLL_NS};
	while (atomic_load_explicit(&done, memory_order_acquire) < target) { /* D2 */
		(void)nanosleep(&pause, NULL);
	}
}

void
lsr_rcu_drain(void) {
	await_done(atomic_load_explicit(&deferred, memory_order_relaxed));
}

void
lsr_rcu_brake(void) {
	const uint64_t target = atomic_load_explicit(&deferred, memory_order_relaxed);
	if (LSR_UNLIKELY(target - atomic_load_explicit(&done, memory_order_relaxed) > BACKLOG_MAX)) {
		await_done(target - BACKLOG_MAX / 2);
	}
}

/* ---- forks ------------------------------------------------------------------------------------------------------- */

void
lsr_rcu_before_fork(void) {
	urcu_bp_call_rcu_before_fork();
	urcu_bp_before_fork();
}

void
lsr_rcu_after_fork_parent(void) {
	urcu_bp_after_fork_parent();
	urcu_bp_call_rcu_after_fork_parent();
}

void
lsr_rcu_after_fork_child(void) {
	urcu_bp_after_fork_child();
	urcu_bp_call_rcu_after_fork_child();
	/* What was pending belongs to the parent's engines, which the child must not touch; its new helper thread may still run it. */
}
