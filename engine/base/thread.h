/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of the library's own. They take no signals: the host's handlers run on the host's threads. */
#ifndef LSR_THREAD_H
#define LSR_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* False: no thread is to be had. */
bool lsr_thread_start(pthread_t *thread, void *(*function)(void *argument), void *argument);

#endif
