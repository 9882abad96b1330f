/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scheduler that runs the engine's own code in every order in which a few threads can take their steps.
 *
 * This file is put in front of every source of the engine (and of the test) by the compiler's -include. It turns each atomic operation, mutex, condition,
 * futex, pause, grace period and thread into a call of the scheduler. "Threads" are coroutines of one thread, so a run is decided by a list of choices, and
 * order_run() tries all lists with at most so many preemptions: switches away from a thread that could have gone on. Whoever waits lets the others run,
 * which is not counted.
 *
 * A switch is offered before an operation on memory that two threads touch and one writes. Operations on other memory commute with everything the others do,
 * so nothing is lost; which memory is shared is found out while running, and the enumeration starts over when more of it turns up.
 *
 * What is not shown this way: the order is sequentially consistent. What processors and compilers may exchange beyond that is for ThreadSanitizer and the
 * edges that the headers name.
 *
 * A wait that has a time limit ends by it only when nobody else can go on: then the clock, which stands still otherwise, is moved. order_timeouts() counts those: a
 * protocol that wakes everybody in time needs none.
 */
#ifndef ORDER_H
#define ORDER_H

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* ---- for tests ----------------------------------------------------------------------------------------------------- */

#define ORDER_BODIES_MAX 4u

typedef struct order_scene {
	const char *name;
	unsigned bodies;
	unsigned preemptions;         /* at most; LESSOR_TEST_PREEMPTIONS adds to it */
	bool bodies_first;            /* the engine's own threads go on when no body can, and are not preempted */
	void (*begin)(void *context); /* before each run, alone; may be NULL */
	void (*body[ORDER_BODIES_MAX])(void *context);
	void (*end)(void *context); /* after each run, alone: looks whether all is well, and puts everything back */
	void *context;
} order_scene_t;

/* Run it in every order; prints and returns how many that were. */
uint64_t order_run(const order_scene_t *scene);

/* Ticks, one for each operation: for histories. */
uint64_t order_now(void);

/* Time limits that had to end a wait, since the run began. */
unsigned order_timeouts(void);

/* Let time pass. Alone. */
void order_pass_ms(uint64_t ms);

/* Which body runs: 0 and up. */
unsigned order_body(void);

/* Let the engine's own threads run until all of them wait. Alone. */
void order_settle(void);

/* ---- for the engine -------------------------------------------------------------------------------------------------- */

enum { ORDER_LOAD, ORDER_TRY, ORDER_STORE };

/* Before an operation. ORDER_TRY: order_done() tells whether it has changed anything. */
void order_step(const volatile void *object, int kind);

bool order_done(bool changed);
void order_relax(void);
void order_lock(pthread_mutex_t *mutex);
void order_unlock(pthread_mutex_t *mutex);
void order_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int order_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until);
void order_signal(const volatile void *object, bool all);
long order_futex(_Atomic uint32_t *word, int operation, uint32_t value, const struct timespec *timeout);
int order_join(pthread_t thread, void **result);
ssize_t order_random(void *to, size_t size_bytes);

#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_exchange_explicit
#undef atomic_compare_exchange_strong_explicit
#undef atomic_compare_exchange_weak_explicit
#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub_explicit
#undef atomic_fetch_or_explicit
#undef atomic_fetch_and_explicit
#undef atomic_flag_test_and_set_explicit
#undef atomic_flag_clear_explicit

#ifdef __clang__
#define ORDER_EXCHANGE(object, value)        __c11_atomic_exchange(object, value, __ATOMIC_SEQ_CST)
#define ORDER_COMPARE(object, wanted, value) __c11_atomic_compare_exchange_strong(object, wanted, value, 5, 5)
#define ORDER_FETCH(what, object, value)     __c11_atomic_fetch_##what(object, value, __ATOMIC_SEQ_CST)
#else
#define ORDER_EXCHANGE(object, value)        __atomic_exchange_n(object, value, __ATOMIC_SEQ_CST)
#define ORDER_COMPARE(object, wanted, value) __atomic_compare_exchange_n(object, wanted, value, 0, 5, 5)
#define ORDER_FETCH(what, object, value)     __atomic_fetch_##what(object, value, __ATOMIC_SEQ_CST)
#endif

#define atomic_load_explicit(object, order)         (order_step((object), ORDER_LOAD), *(object))
#define atomic_store_explicit(object, value, order) (order_step((object), ORDER_STORE), (void)(*(object) = (value)))
#define atomic_exchange_explicit(object, value, order)                                                                 \
	(order_step((object), ORDER_STORE), ORDER_EXCHANGE((object), (value)))
#define atomic_fetch_add_explicit(object, value, order)                                                                \
	(order_step((object), ORDER_STORE), ORDER_FETCH(add, (object), (value)))
#define atomic_fetch_sub_explicit(object, value, order)                                                                \
	(order_step((object), ORDER_STORE), ORDER_FETCH(sub, (object), (value)))
#define atomic_fetch_or_explicit(object, value, order)                                                                 \
	(order_step((object), ORDER_STORE), ORDER_FETCH(or, (object), (value)))
#define atomic_fetch_and_explicit(object, value, order)                                                                \
	(order_step((object), ORDER_STORE), ORDER_FETCH(and, (object), (value)))
#define atomic_compare_exchange_strong_explicit(object, wanted, value, order, otherwise)                               \
	(order_step((object), ORDER_TRY), order_done(ORDER_COMPARE((object), (wanted), (value))))
#define atomic_compare_exchange_weak_explicit atomic_compare_exchange_strong_explicit
#define atomic_flag_test_and_set_explicit(object, order)                                                               \
	(order_step((object), ORDER_TRY), !order_done(!atomic_flag_test_and_set(object)))
#define atomic_flag_clear_explicit(object, order) (order_step((object), ORDER_STORE), atomic_flag_clear(object))

#define pthread_mutex_lock(mutex)                      (order_lock(mutex), 0)
#define pthread_mutex_unlock(mutex)                    (order_unlock(mutex), 0)
#define pthread_cond_wait(condition, mutex)            (order_wait((condition), (mutex)), 0)
#define pthread_cond_timedwait(condition, mutex, time) order_timedwait((condition), (mutex), (time))
#define pthread_cond_signal(condition)                 (order_signal((condition), false), 0)
#define pthread_cond_broadcast(condition)              (order_signal((condition), true), 0)
#define pthread_join(thread, result)                   order_join((thread), (result))

#define syscall(number, word, operation, value, timeout, ...) order_futex((word), (operation), (value), (timeout))
#define __builtin_ia32_pause                                  order_relax
#define sched_yield()                                         (order_relax(), 0)
#define getrandom(to, size_bytes, flags)                      order_random((to), (size_bytes))

/* Memory that comes and goes in a run lies at the same places in each run, and is spoilt when it is freed. */
void *order_malloc(size_t size_bytes, size_t alignment);
void *order_calloc(size_t count, size_t size_bytes);
void *order_realloc(void *memory, size_t size_bytes);
void order_free(void *memory);

#define malloc(size_bytes)                   order_malloc((size_bytes), 16)
#define aligned_alloc(alignment, size_bytes) order_malloc((size_bytes), (alignment))
#define calloc(count, size_bytes)            order_calloc((count), (size_bytes))
#define realloc(memory, size_bytes)          order_realloc((memory), (size_bytes))
#define free(memory)                         order_free(memory)

/* What each thread has for itself lies together, so that it can be exchanged. Sources that have nothing leave the section empty, not missing. */
#define _Thread_local __attribute__((section("order_own")))

/* Look at memory by atomic operations alone. */
#define LSR_TSAN 1

/* ---- grace periods, in the place of base/rcu.h ---------------------------------------------------------------------- */

#define LSR_RCU_H

typedef struct lsr_rcu_head {
	struct lsr_rcu_head *next;
	void (*function)(struct lsr_rcu_head *head);
	uint64_t section[16]; /* of each thread, in which it was then */
} lsr_rcu_head_t;

void lsr_rcu_enter(void);
void lsr_rcu_leave(void);
void lsr_rcu_synchronize(void);
void lsr_rcu_defer(lsr_rcu_head_t *head, void (*function)(lsr_rcu_head_t *head));
void lsr_rcu_drain(void);

#define LSR_RCU_STAMP_BITS 15u

uint16_t lsr_rcu_stamp(void);
bool lsr_rcu_is_past(uint16_t stamp);

static inline void
lsr_rcu_brake(void) {
}

static inline bool
lsr_rcu_prepare(void) {
	return true;
}

static inline void
lsr_rcu_before_fork(void) {
}

static inline void
lsr_rcu_after_fork_parent(void) {
}

static inline void
lsr_rcu_after_fork_child(void) {
}

#endif
