/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deferred work, counted, so that its backlog is bounded and can be waited for. (liburcu's own barrier is not used: it allocates, and what it
 * does between its threads cannot be seen by ThreadSanitizer.)
 */
#include "base/rcu.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "base/base.h"

/* More than this pending - some hundred megabytes of long texts at worst - and callers wait. */
#define BACKLOG_MAX 65536
/* liburcu gathers deferred work for about ten milliseconds; looking more often is useless. */
#define POLL_NS 1000000

#ifdef LSR_TSAN
char lsr_rcu_tsan_token;
#endif

/* Both only grow, done never beyond deferred. deferred: any thread; done: liburcu's helper thread. D1 count done (release) -> D2 look (acquire). */
static _Atomic uint64_t deferred;
static _Atomic uint64_t done;
/* Moved in the child by fork(), which runs alone. */
static _Atomic uint64_t process;
/*
 * A child that is forked while another thread is in the middle of entering something into liburcu's queue has a queue that is never whole again, and its helper thread waits
 * for that for ever. So a fork waits until nobody is, and meanwhile nobody begins. F1 count in, look at 'forking' (both seq_cst) against F2 set 'forking', look at
 * the count (both seq_cst): store buffering. F3 count out (release) -> F2: the entry is whole.
 */
static _Atomic uint32_t entering;
static _Atomic bool forking;

static void
run(struct rcu_head *urcu) {
	lsr_rcu_head_t *head = LSR_CONTAINER(urcu, lsr_rcu_head_t, urcu);
	LSR_RCU_TSAN_ACQUIRE(); /* G2 */
	if (head->process != atomic_load_explicit(&process, memory_order_relaxed)) {
		return; /* deferred by the parent: its engines, and the locks in them, are not this process's to touch */
	}
	head->function(head);
	(void)atomic_fetch_add_explicit(&done, 1, memory_order_release); /* D1 */
}

static void
begin_entering(void) {
	unsigned round = 0;
	for (;;) {
		(void)atomic_fetch_add_explicit(&entering, 1, memory_order_seq_cst); /* F1 */
		if (LSR_LIKELY(!atomic_load_explicit(&forking, memory_order_seq_cst))) {
			return;
		}
		(void)atomic_fetch_sub_explicit(&entering, 1, memory_order_release);
		lsr_relax(&round);
	}
}

void
lsr_rcu_defer(lsr_rcu_head_t *head, void (*function)(lsr_rcu_head_t *head)) {
	head->function = function;
	head->process = atomic_load_explicit(&process, memory_order_relaxed);
	(void)atomic_fetch_add_explicit(&deferred, 1, memory_order_release);
	LSR_RCU_TSAN_RELEASE(); /* G1, of whoever defers */
	lsr_rcu_enter();        /* registers this thread, if need be, before and not while a fork waits for it */
	lsr_rcu_leave();
	begin_entering();
	urcu_bp_call_rcu(&head->urcu, run);
	(void)atomic_fetch_sub_explicit(&entering, 1, memory_order_release); /* F3 */
}

/* ---- ages ---------------------------------------------------------------------------------------------------------- */

/* The age is moved on only while somebody waits for it: so many ages from the newest stamp on. */
#define AGES 3u

/* Bits 0-31 the age, bits 32-63 how many are still to come. Any thread; who changes "none to come" begins, the helper thread ends. */
static _Atomic uint64_t ages;

static void
move_age(lsr_rcu_head_t *head) {
	uint64_t now = atomic_load_explicit(&ages, memory_order_relaxed);
	uint64_t next;
	do {
		next = ((now >> 32) - 1) << 32 | (uint32_t)(now + 1);
	} while (!atomic_compare_exchange_weak_explicit(&ages, &now, next, memory_order_acq_rel,
							memory_order_relaxed)); /* G3 */
	if (next >> 32 != 0) {
		lsr_rcu_defer(head, move_age);
	} else {
		free(head);
	}
}

/* Have AGES to come. Without memory they do not, until somebody asks again. */
static void
want_ages(uint64_t now) {
	lsr_rcu_head_t *head = NULL;
	while (now >> 32 < AGES) {
		if (now >> 32 == 0 && head == NULL) {
			head = malloc(sizeof(*head));
			if (head == NULL) {
				return;
			}
		}
		if (atomic_compare_exchange_strong_explicit(&ages, &now, (uint64_t)AGES << 32 | (uint32_t)now,
							    memory_order_acq_rel, memory_order_relaxed)) {
			if (now >> 32 == 0) {
				lsr_rcu_defer(head, move_age);
				head = NULL;
			}
			break;
		}
	}
	free(head);
}

uint16_t
lsr_rcu_stamp(void) {
	const uint64_t now = atomic_load_explicit(&ages, memory_order_relaxed);
	if (LSR_UNLIKELY(now >> 32 < AGES)) {
		want_ages(now);
	}
	return (uint16_t)(now % (1u << LSR_RCU_STAMP_BITS));
}

bool
lsr_rcu_is_past(uint16_t stamp) {
	const uint64_t now = atomic_load_explicit(&ages, memory_order_acquire); /* G4 */
	return (now - stamp) % (1u << LSR_RCU_STAMP_BITS) >= AGES;
}

/* ---- waiting ------------------------------------------------------------------------------------------------------- */

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
	/* done first: read the other way round it could be ahead, and the difference wrap. */
	const uint64_t ran = atomic_load_explicit(&done, memory_order_acquire); /* D2 */
	const uint64_t target = atomic_load_explicit(&deferred, memory_order_acquire);
	if (LSR_UNLIKELY(target - ran > BACKLOG_MAX)) {
		await_done(target - BACKLOG_MAX / 2);
	}
}

#ifdef LSR_TSAN

/* ThreadSanitizer ends a forked child that makes threads again which its parent had: leave them until they are needed. */
bool
lsr_rcu_prepare(void) {
	return true;
}

#else

static void *
do_nothing(void *argument) {
	return argument;
}

bool
lsr_rcu_prepare(void) {
	pthread_t probe;
	if (pthread_create(&probe, NULL, do_nothing, NULL) != 0) {
		return false;
	}
	(void)pthread_join(probe, NULL);
	(void)urcu_bp_get_default_call_rcu_data();
	return true;
}

#endif

/* ---- forks ------------------------------------------------------------------------------------------------------- */

void
lsr_rcu_before_fork(void) {
	unsigned round = 0;
	urcu_bp_call_rcu_before_fork();
	urcu_bp_before_fork();
	/* Behind the library's locks, which keep two forks apart. */
	atomic_store_explicit(&forking, true, memory_order_seq_cst);         /* F2 */
	while (atomic_load_explicit(&entering, memory_order_seq_cst) != 0) { /* F2; none of them needs those locks */
		lsr_relax(&round);
	}
}

void
lsr_rcu_after_fork_parent(void) {
	atomic_store_explicit(&forking, false, memory_order_seq_cst);
	urcu_bp_after_fork_parent();
	urcu_bp_call_rcu_after_fork_parent();
}

void
lsr_rcu_after_fork_child(void) {
	/* What was pending stays with the parent: the child's helper thread, which begins below, drops it, see run(). */
	(void)atomic_fetch_add_explicit(&process, 1, memory_order_relaxed);
	atomic_store_explicit(&deferred, 0, memory_order_relaxed);
	atomic_store_explicit(&done, 0, memory_order_relaxed);
	/* None is under way here. */
	atomic_store_explicit(&ages, (uint32_t)atomic_load_explicit(&ages, memory_order_relaxed), memory_order_relaxed);
	atomic_store_explicit(&forking, false, memory_order_seq_cst);
	urcu_bp_after_fork_child();
	urcu_bp_call_rcu_after_fork_child();
}
