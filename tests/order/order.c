/* SPDX-License-Identifier: Apache-2.0 */
#include "order.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <lessor/time.h>

#include "base/clock.h"
#include "base/thread.h"
#include "torture.h"

#undef malloc
#undef aligned_alloc
#undef calloc
#undef realloc
#undef free
#undef pthread_mutex_lock
#undef pthread_mutex_unlock

#define STACK_BYTES   ((size_t)512 << 10)
#define MAIN          0u
#define BODY          1u /* the first one */
#define OWN           (BODY + ORDER_BODIES_MAX)
#define THREADS_MAX   16u
#define STEPS_MAX     50000u
#define TIMEOUTS_MAX  2000u
#define IDLE_MAX      64u
#define STUCK_MAX     20000u
#define OBJECTS       ((size_t)1 << 16)
#define NO_DEADLINE   UINT64_MAX
#define OWN_BYTES_MAX 4096u

typedef enum { ABSENT, READY, RELAXED, ASLEEP, ENDED } state_t;

typedef struct {
	ucontext_t context;
	unsigned char *stack;
	state_t state;
	void *(*function)(void *argument);
	void *argument;
	const volatile void *sleeps_on;
	uint64_t deadline_ns;
	bool timed_out;
	unsigned depth;     /* of read-side sections */
	uint64_t section;   /* which one it is in; 0: none */
	_Atomic bool reads; /* stands for the section's memory */
	unsigned char own[OWN_BYTES_MAX];
} thread_t;

/* Memory that was touched. */
typedef struct {
	const volatile void *object;
	uint32_t by;
	bool written;
	bool shared;
} object_t;

typedef struct {
	unsigned chosen;
	unsigned options;
} choice_t;

/* No fault is built in. */
int lsr_planted;

static thread_t threads[THREADS_MAX];
static unsigned running = MAIN;
static bool exploring;
static bool in_run; /* from begin to end */
static uint64_t ticks;
static uint64_t now_ns = UINT64_C(1000000000);
static uint64_t sections;
static unsigned timeouts;
static unsigned idle; /* looks of who pauses since something has changed */
static lsr_rcu_head_t *deferred;
static object_t objects[OBJECTS];
static bool sharing_grew;
static const order_scene_t *scene;
static choice_t choices[STEPS_MAX];
static unsigned steps;
static unsigned given;
static uint64_t
	strays; /* runs that did not repeat what they should, because something was left over from another one */

/* The section of what each thread has for itself. Something is in it always. */
static _Thread_local unsigned char own_anchor[16];
extern unsigned char __start_order_own[];
extern unsigned char __stop_order_own[];

/* All threads begin with what the test's own had when the scene began, so that runs repeat. */
static unsigned char own_at_first[OWN_BYTES_MAX];

/* ---- switching ------------------------------------------------------------------------------------------------------- */

static size_t
own_bytes(void) {
	return (size_t)(__stop_order_own - __start_order_own);
}

static void
switch_to(unsigned next) {
	const unsigned before = running;
	memcpy(threads[before].own, __start_order_own, own_bytes());
	memcpy(__start_order_own, threads[next].own, own_bytes());
	running = next;
	(void)swapcontext(&threads[before].context, &threads[next].context);
}

static void
live(void) {
	thread_t *self = &threads[running];
	(void)self->function(self->argument);
	self->state = ENDED;
	for (;;) {
		switch_to(MAIN);
	}
}

static void
start(unsigned number, void *(*function)(void *), void *argument) {
	thread_t *thread = &threads[number];
	if (thread->stack == NULL) {
		thread->stack = malloc(STACK_BYTES);
		REQUIRE(thread->stack != NULL);
	}
	REQUIRE(own_bytes() <= OWN_BYTES_MAX);
	memcpy(thread->own, own_at_first, sizeof(thread->own));
	thread->function = function;
	thread->argument = argument;
	thread->state = READY;
	thread->depth = 0;
	thread->section = 0;
	(void)getcontext(&thread->context);
	thread->context.uc_stack.ss_sp = thread->stack;
	thread->context.uc_stack.ss_size = STACK_BYTES;
	makecontext(&thread->context, live, 0);
}

static void
say_stuck(void) {
	for (unsigned i = 0; i < THREADS_MAX; i++) {
		if (threads[i].state != ABSENT) {
			(void)fprintf(stderr, "thread %u: state %d, waits for %p\n", i, threads[i].state,
				      (const void *)(uintptr_t)threads[i].sleeps_on);
		}
	}
}

/* Nobody has anything better to do: who pauses looks again, if that has not been tried often enough. */
static bool
let_relaxed_go_on(unsigned idle_max) {
	bool any = false;
	for (unsigned i = 0; i < THREADS_MAX; i++) {
		if (threads[i].state == RELAXED && idle < idle_max) {
			threads[i].state = READY;
			any = true;
		}
	}
	idle += any ? 1u : 0u;
	return any;
}

/* Nobody can go on: the first time limit ends. */
static void
move_clock(void) {
	thread_t *first = NULL;
	if (let_relaxed_go_on(IDLE_MAX)) {
		return;
	}
	for (unsigned i = 0; i < THREADS_MAX; i++) {
		thread_t *thread = &threads[i];
		if (thread->state == ASLEEP && thread->deadline_ns != NO_DEADLINE &&
		    (first == NULL || thread->deadline_ns < first->deadline_ns)) {
			first = thread;
		}
	}
	if (first == NULL && let_relaxed_go_on(STUCK_MAX)) {
		return;
	}
	if (first == NULL || timeouts == TIMEOUTS_MAX) {
		say_stuck();
	}
	REQUIRE(first != NULL); /* otherwise they wait for each other */
	REQUIRE(timeouts++ < TIMEOUTS_MAX);
	now_ns = first->deadline_ns > now_ns ? first->deadline_ns : now_ns;
	first->timed_out = true;
	first->state = READY;
}

static unsigned
first_ready(unsigned from) {
	for (unsigned i = from; i < THREADS_MAX; i++) {
		if (threads[i].state == READY) {
			return i;
		}
	}
	return THREADS_MAX;
}

/* This thread cannot go on; its state says why. */
static void
give_way(void) {
	if (running != MAIN) {
		switch_to(MAIN);
		return;
	}
	while (threads[MAIN].state != READY) {
		const unsigned next = first_ready(BODY);
		if (next == THREADS_MAX) {
			move_clock();
		} else {
			switch_to(next);
		}
	}
}

void
order_settle(void) {
	REQUIRE(running == MAIN);
	for (unsigned next; (next = first_ready(BODY)) != THREADS_MAX;) {
		switch_to(next);
	}
}

/* ---- steps ----------------------------------------------------------------------------------------------------------- */

static object_t *
find_object(const volatile void *object) {
	const uint64_t hash = torture_mix((uint64_t)(uintptr_t)object);
	for (size_t i = 0; i < OBJECTS; i++) {
		object_t *slot = &objects[(hash + i) % OBJECTS];
		if (slot->object == object || slot->object == NULL) {
			slot->object = object;
			return slot;
		}
	}
	REQUIRE(false); /* too much memory is touched */
	return NULL;
}

static bool
is_shared(const volatile void *object, bool writes) {
	object_t *found = find_object(object);
	found->by |= 1u << running;
	found->written = found->written || writes;
	if (!found->shared && found->written && (found->by & (found->by - 1)) != 0) {
		found->shared = true;
		sharing_grew = true;
	}
	return found->shared;
}

static void
something_changed(void) {
	idle = 0;
	for (unsigned i = 0; i < THREADS_MAX; i++) {
		if (threads[i].state == RELAXED && i != running) {
			threads[i].state = READY;
		}
	}
}

void
order_step(const volatile void *object, int kind) {
	ticks++;
	if (exploring && running != MAIN && is_shared(object, kind != ORDER_LOAD)) {
		switch_to(MAIN);
	}
	if (kind == ORDER_STORE) {
		something_changed();
	}
}

bool
order_done(bool changed) {
	if (changed) {
		something_changed();
	}
	return changed;
}

void
order_relax(void) {
	threads[running].state = RELAXED;
	give_way();
}

uint64_t
order_now(void) {
	return ++ticks;
}

unsigned
order_timeouts(void) {
	return timeouts;
}

void
order_pass_ms(uint64_t ms) {
	REQUIRE(running == MAIN);
	now_ns += ms * UINT64_C(1000000);
}

unsigned
order_body(void) {
	return running - BODY;
}

/* ---- waiting --------------------------------------------------------------------------------------------------------- */

/* False: the time limit ended it. */
static bool
sleep_on(const volatile void *object, uint64_t deadline_ns) {
	thread_t *self = &threads[running];
	self->sleeps_on = object;
	self->deadline_ns = deadline_ns;
	self->timed_out = false;
	self->state = ASLEEP;
	give_way();
	return !self->timed_out;
}

static void
wake(const volatile void *object, bool all) {
	for (unsigned i = 0; i < THREADS_MAX; i++) {
		if (threads[i].state == ASLEEP && threads[i].sleeps_on == object) {
			threads[i].state = READY;
			if (!all) {
				return;
			}
		}
	}
}

void
order_lock(pthread_mutex_t *mutex) {
	order_step(mutex, ORDER_TRY);
	while (pthread_mutex_trylock(mutex) != 0) {
		(void)sleep_on(mutex, NO_DEADLINE);
	}
}

void
order_unlock(pthread_mutex_t *mutex) {
	order_step(mutex, ORDER_STORE);
	(void)pthread_mutex_unlock(mutex);
	wake(mutex, true);
}

static bool
wait_on(pthread_cond_t *condition, pthread_mutex_t *mutex, uint64_t deadline_ns) {
	order_step(mutex, ORDER_STORE);
	(void)pthread_mutex_unlock(mutex);
	wake(mutex, true);
	const bool woken = sleep_on(condition, deadline_ns);
	order_lock(mutex);
	return woken;
}

void
order_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
	(void)wait_on(condition, mutex, NO_DEADLINE);
}

int
order_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until) {
	(void)until; /* by a clock that is not ours: a second */
	return wait_on(condition, mutex, now_ns + UINT64_C(1000000000)) ? 0 : ETIMEDOUT;
}

void
order_signal(const volatile void *object, bool all) {
	order_step(object, ORDER_STORE);
	wake(object, all);
}

long
order_futex(_Atomic uint32_t *word, int operation, uint32_t value, const struct timespec *timeout) {
	order_step(word, operation == FUTEX_WAKE_PRIVATE ? ORDER_STORE : ORDER_TRY);
	if (operation == FUTEX_WAKE_PRIVATE) {
		wake(word, true);
		return 0;
	}
	if (*word != value) {
		return -1;
	}
	const uint64_t limit_ns =
		timeout == NULL ? 0 : (uint64_t)timeout->tv_sec * UINT64_C(1000000000) + (uint64_t)timeout->tv_nsec;
	return sleep_on(word, timeout == NULL ? NO_DEADLINE : now_ns + limit_ns) ? 0 : -1;
}

/* ---- what else the engine has of the system ---------------------------------------------------------------------------- */

bool
lsr_thread_start(pthread_t *thread, void *(*function)(void *argument), void *argument) {
	for (unsigned i = OWN; i < THREADS_MAX; i++) {
		if (threads[i].state == ABSENT) {
			start(i, function, argument);
			*thread = (pthread_t)i;
			return true;
		}
	}
	return false;
}

int
order_join(pthread_t thread, void **result) {
	(void)result;
	thread_t *other = &threads[(unsigned)thread];
	while (other->state != ENDED) {
		REQUIRE(running == MAIN);
		const unsigned next = first_ready(BODY);
		if (next == THREADS_MAX) {
			move_clock();
		} else {
			switch_to(next);
		}
	}
	other->state = ABSENT;
	return 0;
}

ssize_t
order_random(void *to, size_t size_bytes) {
	memset(to, 0x5A, size_bytes);
	return (ssize_t)size_bytes;
}

uint64_t
lsr_clock_ns(void) {
	return now_ns;
}

#define BEGIN_UNIX_S 1700000000u

lessor_filetime_t
lessor_time_now(void) {
	return lessor_time_from_unix_s(BEGIN_UNIX_S) + now_ns / 100;
}

uint32_t
lsr_clock_unix_s(void) {
	return BEGIN_UNIX_S + (uint32_t)(now_ns / UINT64_C(1000000000));
}

/* ---- memory ------------------------------------------------------------------------------------------------------------ */

#define HEAP_BYTES ((size_t)64 << 20)
#define HEAD_BYTES ((size_t)64)
#define SPOILT     0xDB
#define SPOILT_MAX ((size_t)16 << 10) /* longer ones are buffers */

static _Alignas(4096) unsigned char heap[HEAP_BYTES];
static size_t heap_used;
static size_t heap_pieces;

static bool
is_in_heap(const void *memory) {
	return (const unsigned char *)memory >= heap && (const unsigned char *)memory < heap + HEAP_BYTES;
}

static size_t
size_of(const void *memory) {
	size_t size_bytes;
	memcpy(&size_bytes, (const unsigned char *)memory - HEAD_BYTES, sizeof(size_bytes));
	return size_bytes;
}

void *
order_malloc(size_t size_bytes, size_t alignment) {
	if (!in_run) {
		return alignment <= 16 ? malloc(size_bytes) : aligned_alloc(alignment, size_bytes);
	}
	const size_t to_bytes = alignment > HEAD_BYTES ? alignment : HEAD_BYTES;
	const size_t at = (heap_used + HEAD_BYTES + to_bytes - 1) / to_bytes * to_bytes;
	REQUIRE(at + size_bytes <= HEAP_BYTES);
	heap_used = at + size_bytes;
	heap_pieces++;
	memcpy(heap + at - HEAD_BYTES, &size_bytes, sizeof(size_bytes));
	return heap + at;
}

void *
order_calloc(size_t count, size_t size_bytes) {
	void *memory = order_malloc(count * size_bytes, 16);
	if (memory != NULL && !is_in_heap(memory)) { /* what is, has not been in use in this run */
		memset(memory, 0, count * size_bytes);
	}
	return memory;
}

void
order_free(void *memory) {
	if (!is_in_heap(memory)) {
		free(memory);
		return;
	}
	memset(memory, SPOILT, size_of(memory) < SPOILT_MAX ? size_of(memory) : SPOILT_MAX);
	heap_pieces--;
}

void *
order_realloc(void *memory, size_t size_bytes) {
	if (memory == NULL || is_in_heap(memory)) {
		void *fresh = order_malloc(size_bytes, 16);
		if (memory != NULL && fresh != NULL) {
			memcpy(fresh, memory, size_of(memory) < size_bytes ? size_of(memory) : size_bytes);
			order_free(memory);
		}
		return fresh;
	}
	return realloc(memory, size_bytes);
}

/* ---- grace periods ----------------------------------------------------------------------------------------------------- */

static bool
is_over(const lsr_rcu_head_t *head) {
	for (unsigned i = 0; i < THREADS_MAX; i++) {
		if (head->section[i] != 0 && head->section[i] == threads[i].section) {
			return false;
		}
	}
	return true;
}

static void
note_sections(lsr_rcu_head_t *head) {
	for (unsigned i = 0; i < THREADS_MAX; i++) {
		head->section[i] = threads[i].section;
	}
}

static void
run_deferred(void) {
	for (lsr_rcu_head_t **at = &deferred; *at != NULL;) {
		lsr_rcu_head_t *head = *at;
		if (is_over(head)) {
			*at = head->next;
			head->function(head);
			at = &deferred; /* others may have changed the list meanwhile */
		} else {
			at = &head->next;
		}
	}
}

void
lsr_rcu_enter(void) {
	thread_t *self = &threads[running];
	if (self->depth++ == 0) {
		order_step(&self->reads, ORDER_STORE);
		self->section = ++sections;
	}
}

void
lsr_rcu_leave(void) {
	thread_t *self = &threads[running];
	REQUIRE(self->depth != 0);
	if (self->depth == 1) {
		order_step(&self->reads, ORDER_STORE);
		self->section = 0;
		self->depth = 0;
		run_deferred();
		return;
	}
	self->depth--;
}

void
lsr_rcu_synchronize(void) {
	lsr_rcu_head_t then;
	REQUIRE(threads[running].depth == 0);
	for (unsigned i = 0; i < THREADS_MAX; i++) {
		if (threads[i].state != ABSENT && i != running) {
			order_step(&threads[i].reads, ORDER_LOAD);
		}
	}
	note_sections(&then);
	while (!is_over(&then)) {
		order_relax();
	}
	run_deferred();
}

void
lsr_rcu_defer(lsr_rcu_head_t *head, void (*function)(lsr_rcu_head_t *head)) {
	head->function = function;
	note_sections(head);
	head->next = deferred;
	deferred = head;
}

uint16_t
lsr_rcu_stamp(void) {
	REQUIRE(sections < UINT64_C(1) << LSR_RCU_STAMP_BITS);
	return (uint16_t)sections;
}

/* Nobody is in a section that began before the stamp was taken. */
bool
lsr_rcu_is_past(uint16_t stamp) {
	for (unsigned i = 0; i < THREADS_MAX; i++) {
		if (threads[i].section != 0 && threads[i].section <= stamp) {
			return false;
		}
	}
	return true;
}

void
lsr_rcu_drain(void) {
	for (;;) {
		run_deferred();
		if (deferred == NULL) {
			return;
		}
		order_relax();
	}
}

/* ---- all orders ---------------------------------------------------------------------------------------------------------- */

static void *
live_body(void *argument) {
	void (*const *body)(void *) = argument;
	(*body)(scene->context);
	return NULL;
}

static void
say_order(int signal_number) {
	(void)fprintf(stderr, "%s: in this order, step and which of the options:", scene != NULL ? scene->name : "");
	for (unsigned i = 0; i < steps; i++) {
		if (choices[i].chosen != 0) {
			(void)fprintf(stderr, " %u:%u", i, choices[i].chosen);
		}
	}
	(void)fprintf(stderr, "\n");
	(void)signal(signal_number, SIG_DFL);
	(void)raise(signal_number);
}

/* Whoever ran last, if he can go on; then the others, if he cannot or may be preempted. */
static unsigned
list_options(unsigned last, bool may_preempt, unsigned list[THREADS_MAX]) {
	const bool goes_on = last != MAIN && threads[last].state == READY;
	unsigned count = 0;
	if (goes_on) {
		list[count++] = last;
		may_preempt = may_preempt && (!scene->bodies_first || last < OWN);
	}
	for (unsigned i = BODY; i < THREADS_MAX && (!goes_on || may_preempt); i++) {
		if (i >= OWN && scene->bodies_first && count != 0) {
			break;
		}
		if (i != last && threads[i].state == READY) {
			list[count++] = i;
		}
	}
	return count;
}

static bool
all_ended(void) {
	for (unsigned i = 0; i < scene->bodies; i++) {
		if (threads[BODY + i].state != ENDED) {
			return false;
		}
	}
	return true;
}

static void
run_once(unsigned preemptions_max) {
	unsigned last = MAIN;
	unsigned preemptions = 0;
	timeouts = 0;
	sections = 0;
	memcpy(__start_order_own, own_at_first, own_bytes());
	in_run = true;
	if (heap_pieces == 0) {
		memset(heap, 0, heap_used);
		heap_used = 0;
	}
	if (scene->begin != NULL) {
		scene->begin(scene->context);
	}
	order_settle();
	for (unsigned i = 0; i < scene->bodies; i++) {
		start(BODY + i, live_body, (void *)(uintptr_t)&scene->body[i]);
	}
	exploring = true;
	for (steps = 0; !all_ended(); steps++) {
		unsigned list[THREADS_MAX];
		unsigned count = list_options(last, preemptions < preemptions_max, list);
		while (count == 0) {
			move_clock();
			count = list_options(MAIN, true, list);
		}
		REQUIRE(steps < STEPS_MAX);
		choice_t *choice = &choices[steps];
		strays += steps < given && !sharing_grew && choice->options != count ? 1u : 0u;
		choice->options = count;
		choice->chosen = steps < given && choice->chosen < count ? choice->chosen : 0;
		preemptions += choice->chosen > 0 && list[0] == last;
		last = list[choice->chosen];
		switch_to(last);
	}
	exploring = false;
	for (unsigned i = 0; i < scene->bodies; i++) {
		threads[BODY + i].state = ABSENT;
	}
	order_settle();
	if (scene->end != NULL) {
		scene->end(scene->context);
	}
	lsr_rcu_drain();
	in_run = false;
}

static unsigned
more_preemptions(void) {
	const char *more = getenv("LESSOR_TEST_PREEMPTIONS");
	return more != NULL ? (unsigned)strtoul(more, NULL, 10) : 0;
}

uint64_t
order_run(const order_scene_t *next) {
	uint64_t orders = 0;
	strays = 0;
	scene = next;
	own_anchor[0] = 0;
	memcpy(own_at_first, __start_order_own, own_bytes());
	threads[MAIN].state = READY;
	memset(objects, 0, sizeof(objects));
	(void)signal(SIGABRT, say_order);
	given = 0;
	for (;;) {
		sharing_grew = false;
		run_once(scene->preemptions + more_preemptions());
		orders++;
		if (sharing_grew) {
			given = 0; /* more places to switch at: all over again */
			orders = 0;
			strays = 0;
			continue;
		}
		given = steps;
		while (given > 0 && choices[given - 1].chosen + 1 >= choices[given - 1].options) {
			given--;
		}
		if (given == 0) {
			break;
		}
		choices[given - 1].chosen++;
	}
	(void)signal(SIGABRT, SIG_DFL);
	(void)printf("%-64s %8llu orders, %u steps in the last\n", scene->name, (unsigned long long)orders, steps);
	if (strays != 0) {
		(void)printf("  (%llu that did not repeat)\n", (unsigned long long)strays);
	}
	(void)fflush(stdout);
	REQUIRE(strays * 20 <= orders);
	return orders;
}
