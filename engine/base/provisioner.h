/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory ahead of its use. The kernel clears a page when it is first touched, and on a virtual machine the host may have to find it first: up to milliseconds for two
 * megabytes. A thread of the engine's does that before anybody needs it.
 *
 * It is a convenience: where it cannot follow, or is not there, whoever needs memory takes and touches it himself (base/arena.h).
 *
 *   Any thread: lsr_provisioner_ask(), once for each stretch of an arena; a short lock.
 *   Its own thread: commits and touches; holds no lock while the kernel works.
 */
#ifndef LSR_PROVISIONER_H
#define LSR_PROVISIONER_H

#include <pthread.h>
#include <stdbool.h>

#include "base/arena.h"

#define LSR_PROVISIONER_ARENAS 5

typedef struct lsr_provisioner {
	pthread_mutex_t lock;
	pthread_cond_t asked;
	pthread_t thread;
	bool runs;       /* lock */
	bool stops;      /* lock */
	bool has_work;   /* lock */
	unsigned arenas; /* 0: not started */
	lsr_arena_t *arena[LSR_PROVISIONER_ARENAS];
} lsr_provisioner_t;

/* Look after these arenas from now on. The thread comes when it is needed first: small stores do without. */
void lsr_provisioner_start(lsr_provisioner_t *provisioner, lsr_arena_t *const arenas[], unsigned count);

/* Before the arenas are destroyed. All zero, or stopped already: left alone. */
void lsr_provisioner_stop(lsr_provisioner_t *provisioner);

/* An arena has come close to the end of what is committed. Nothing happens if no thread is to be had. */
void lsr_provisioner_ask(lsr_provisioner_t *provisioner);

#endif
