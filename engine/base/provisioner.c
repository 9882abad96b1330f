/* SPDX-License-Identifier: Apache-2.0 */
#include "base/provisioner.h"

#include "base/thread.h"

static void *
run(void *argument) {
	lsr_provisioner_t *provisioner = argument;
	(void)pthread_mutex_lock(&provisioner->lock);
	while (!provisioner->stops) {
		if (!provisioner->has_work) {
			(void)pthread_cond_wait(&provisioner->asked, &provisioner->lock);
			continue;
		}
		provisioner->has_work = false;
		(void)pthread_mutex_unlock(&provisioner->lock);
		for (unsigned i = 0; i < provisioner->arenas; i++) {
			lsr_arena_go_ahead(provisioner->arena[i]);
		}
		(void)pthread_mutex_lock(&provisioner->lock);
	}
	(void)pthread_mutex_unlock(&provisioner->lock);
	return NULL;
}

void
lsr_provisioner_start(lsr_provisioner_t *provisioner, lsr_arena_t *const arenas[], unsigned count) {
	*provisioner = (lsr_provisioner_t){.arenas = count};
	(void)pthread_mutex_init(&provisioner->lock, NULL);
	(void)pthread_cond_init(&provisioner->asked, NULL);
	for (unsigned i = 0; i < count; i++) {
		provisioner->arena[i] = arenas[i];
	}
	for (unsigned i = 0; i < count; i++) {
		lsr_arena_look_after(arenas[i], provisioner);
	}
}

void
lsr_provisioner_stop(lsr_provisioner_t *provisioner) {
	if (provisioner->arenas == 0) {
		return;
	}
	(void)pthread_mutex_lock(&provisioner->lock);
	const bool runs = provisioner->runs;
	provisioner->stops = true;
	(void)pthread_cond_signal(&provisioner->asked);
	(void)pthread_mutex_unlock(&provisioner->lock);
	if (runs) {
		(void)pthread_join(provisioner->thread, NULL);
	}
	(void)pthread_cond_destroy(&provisioner->asked);
	(void)pthread_mutex_destroy(&provisioner->lock);
	provisioner->runs = false;
	provisioner->arenas = 0;
}

void
lsr_provisioner_ask(lsr_provisioner_t *provisioner) {
	(void)pthread_mutex_lock(&provisioner->lock);
	provisioner->has_work = true;
	provisioner->runs = provisioner->runs || lsr_thread_start(&provisioner->thread, run, provisioner);
	(void)pthread_cond_signal(&provisioner->asked);
	(void)pthread_mutex_unlock(&provisioner->lock);
}
