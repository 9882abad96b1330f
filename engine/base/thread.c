/* SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"

#include <signal.h>
#include <stddef.h>

bool
lsr_thread_start(pthread_t *thread, void *(*function)(void *argument), void *argument) {
	sigset_t all;
	sigset_t before;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before); /* a new thread inherits the mask */
	const bool started = pthread_create(thread, NULL, function, argument) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started;
}
