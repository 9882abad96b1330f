/* SPDX-License-Identifier: Apache-2.0 */
/* Making and removing the directory of a run. See scratch.h. */
#include "scratch.h"

#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store.h"

#define TRIES 100u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *directory;

static int
remove_entry(const char *path, const struct stat *status, int type, struct FTW *level) {
	(void)status;
	(void)type;
	(void)level;
	return remove(path);
}

void
bench_scratch_remove(void) {
	(void)pthread_mutex_lock(&lock);
	int failed = directory != NULL ? 1 : 0;
	/* A store that still runs may make a file behind our back. */
	for (unsigned tries = 0; failed != 0 && tries < TRIES; tries++) {
		failed = nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	}
	if (failed != 0) {
		(void)bench_fail("cannot remove %s: %s.", directory, strerror(errno));
	}
	free(directory);
	directory = NULL;
	(void)pthread_mutex_unlock(&lock);
}

static sigset_t
ending_signals(void) {
	sigset_t signals;
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGHUP);
	return signals;
}

/* The stores' files are open still, and written to; they go when the process ends. */
static void *
await_signal(void *argument) {
	const sigset_t signals = ending_signals();
	int number;
	(void)argument;
	if (sigwait(&signals, &number) == 0) {
		bench_scratch_remove();
		_exit(128 + number);
	}
	return NULL;
}

bool
bench_scratch_begin(void) {
	const sigset_t signals = ending_signals();
	pthread_t thread;
	(void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
	const int error = pthread_create(&thread, NULL, await_signal, NULL);
	if (error != 0) {
		return bench_fail("cannot start a thread: %s.", strerror(error));
	}
	(void)pthread_detach(thread);
	return true;
}

const char *
bench_scratch_make(const char *in) {
	char *path = NULL;
	if (asprintf(&path, "%s/lessor-bench-XXXXXX", in) < 0) {
		(void)bench_fail("out of memory.");
		return NULL;
	}
	(void)pthread_mutex_lock(&lock);
	directory = mkdtemp(path);
	(void)pthread_mutex_unlock(&lock);
	if (directory == NULL) {
		(void)bench_fail("cannot make a directory in %s: %s.", in, strerror(errno));
		free(path);
	}
	return directory;
}
