/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one door to liburcu. No other file includes it.
 *
 * Flavour: "bulletproof" (bp). Threads register themselves at their first read-side section and are forgotten when they exit, so
 * callers of lessor have no registration duty; a thread outside a section never holds up a grace period.
 *
 * Rules: inside a read-side section nobody waits for another change, for the log, the disk or a grace period; lsr_rcu_synchronize() is not called while holding a lock that is taken
 * inside one. These locks are, each held for a short while and none across a wait but for those behind it (engine_p.h has the order):
 *
 *   shards of offers      around a look-up, or a search of the pool, which claims one address in the end and allocates an offer, now and then a larger heap. Claims are tried under it,
 *                         never waited for; no holder of a claim takes one
 *   record claims         tried; who fails leaves the section and waits outside. Under a claim memory is allocated for a tail, an offer, or a limit's entry
 *   buckets of the client hash, nodes of IPv6 indexes, words of maps of free addresses        spun for; a bucket that overflows takes the overflow list's lock
 *   shards of limits      around what a change counts; an entry, or another bucket of entries, is allocated
 *   page pool, overflow list, arenas, provisioner            the kernel commits memory, at most a step of an arena; the first that asks the provisioner starts its thread
 *   shadows of records    spun for, if more updates than there are shadows are about their stores
 *
 * So what a section may wait for is the allocator, the kernel's memory, and others who do the same.
 *
 * ThreadSanitizer cannot see into the library, which is not instrumented; the hooks below tell it the two edges that matter:
 *   G1 end of a read-side section  ->  G2 return from a grace period, start of a deferred callback.
 */
#ifndef LSR_RCU_H
#define LSR_RCU_H

#include <urcu/static/urcu-bp.h> /* the read side inline; its functions say that they may be used so by everybody */
#include <urcu/urcu-bp.h>

#include <stdbool.h>
#include <stdint.h>

#if defined(__SANITIZE_THREAD__)
#define LSR_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LSR_TSAN 1
#endif
#endif

#ifdef LSR_TSAN
#include <sanitizer/tsan_interface.h>
extern char lsr_rcu_tsan_token;
#define LSR_RCU_TSAN_RELEASE() __tsan_release(&lsr_rcu_tsan_token)
#define LSR_RCU_TSAN_ACQUIRE() __tsan_acquire(&lsr_rcu_tsan_token)
#else
#define LSR_RCU_TSAN_RELEASE() ((void)0)
#define LSR_RCU_TSAN_ACQUIRE() ((void)0)
#endif

/* Embedded in what is to be freed later. */
typedef struct lsr_rcu_head {
	struct rcu_head urcu;
	void (*function)(struct lsr_rcu_head *head);
	uint64_t process; /* the fork generation that deferred it */
} lsr_rcu_head_t;

/* The library keeps what its readers write at places of less alignment than it declares, which sanitizers take amiss: there, call it. */
#if defined(LSR_TSAN) || defined(__SANITIZE_ADDRESS__)
#define LSR_RCU_READ_LOCK   urcu_bp_read_lock
#define LSR_RCU_READ_UNLOCK urcu_bp_read_unlock
#else
#define LSR_RCU_READ_LOCK   _urcu_bp_read_lock
#define LSR_RCU_READ_UNLOCK _urcu_bp_read_unlock
#endif

static inline void
lsr_rcu_enter(void) {
	LSR_RCU_READ_LOCK();
}

static inline void
lsr_rcu_leave(void) {
	LSR_RCU_TSAN_RELEASE(); /* G1 */
	LSR_RCU_READ_UNLOCK();
}

/* Wait until every section that runs now has ended. Blocking; see the rules above. */
static inline void
lsr_rcu_synchronize(void) {
	urcu_bp_synchronize_rcu();
	LSR_RCU_TSAN_ACQUIRE(); /* G2 */
}

/*
 * Make the helper thread, so that deferring never has to: liburcu ends the process if it cannot. False: no thread is to be had. Call before anything
 * is deferred.
 */
bool lsr_rcu_prepare(void);

/*
 * Around fork(), for pthread_atfork(): liburcu's own threads and registry do not come along by themselves. Without these a child that opened an engine of its
 * own would wait for ever for threads that only its parent has.
 */
void lsr_rcu_before_fork(void);
void lsr_rcu_after_fork_parent(void);
void lsr_rcu_after_fork_child(void);

/* Call 'function' with 'head' after a grace period, on a helper thread. */
void lsr_rcu_defer(lsr_rcu_head_t *head, void (*function)(lsr_rcu_head_t *head));

/*
 * Ages: for what is not freed but used again, of which there is too much to defer each. Takes a stamp when it has been taken out, inside the read-side section in which that
 * was done; it is nobody's any more when the stamp is past, some grace periods later. Cheap: most calls load one word. (A stamp that is very old may look as if it were not past.)
 *
 * Three ages. The first may end at once. The second is a grace period that waits for whoever took the stamp: with its end everybody sees that the thing is out. The third waits for
 * those who began to read before.
 *   Edge: G3 move the age on, after a grace period (release)  ->  G4 lsr_rcu_is_past() (acquire): readers of before have ended (G1, G2).
 */
#define LSR_RCU_STAMP_BITS 15u

uint16_t lsr_rcu_stamp(void);
bool lsr_rcu_is_past(uint16_t stamp);

/* Wait until as much has run as had been deferred before this call. As lsr_rcu_synchronize(). */
void lsr_rcu_drain(void);

/*
 * Deferred work has no brake of its own. Called outside of any section after operations that defer: waits while very much is pending.
 */
void lsr_rcu_brake(void);

#endif
