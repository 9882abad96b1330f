/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Figures for other processes: a thread that answers whoever connects to the socket SOCKET_NAME in the store's directory with the OpenMetrics text, and hangs up.
 * It asks for nothing and believes nothing; who may connect is decided by the permissions of socket and directory.
 */
#include "engine_p.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"

#define SOCKET_NAME "lessor.stats"
/* A reader may keep us waiting so long for the next piece, and so long for the whole; and a closing engine so long. */
#define PIECE_NS UINT64_C(1000000000)
#define WHOLE_NS UINT64_C(5000000000)
enum { BACKLOG = 16, NAP_MS = 100 };

typedef struct {
	const lessor_engine_t *engine;
	int socket;
	uint64_t deadline_ns;
} connection_t;

static bool
send_all(void *context, const char *text, size_t bytes) {
	const connection_t *connection = context;
	const uint64_t deadline_ns = lsr_min_u64(lsr_clock_ns() + PIECE_NS, connection->deadline_ns);
	while (bytes > 0) {
		if (atomic_load_explicit(&connection->engine->closing, memory_order_relaxed) ||
		    lsr_clock_ns() >= deadline_ns) {
			return false;
		}
		const ssize_t sent = send(connection->socket, text, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent > 0) {
			text += sent;
			bytes -= (size_t)sent;
		} else if (errno == EAGAIN) {
			struct pollfd room = {.fd = connection->socket, .events = POLLOUT};
			(void)poll(&room, 1, NAP_MS);
		} else if (errno != EINTR) {
			return false;
		}
	}
	return true;
}

static void *
answer(void *argument) {
	lessor_engine_t *engine = argument;
	for (;;) {
		connection_t connection = {.engine = engine};
		connection.socket = accept4(engine->stats_socket, NULL, NULL, SOCK_CLOEXEC);
		if (atomic_load_explicit(&engine->closing, memory_order_relaxed)) {
			if (connection.socket >= 0) {
				(void)close(connection.socket);
			}
			return NULL;
		}
		if (connection.socket < 0) {
			const struct timespec nap = {.tv_nsec = NAP_MS * 1000000L}; /* no descriptors, perhaps */
			(void)nanosleep(&nap, NULL);
			continue;
		}
		/* Who connects and does not read, or reads slowly, keeps others waiting for WHOLE_NS at most, and lessor_close() for NAP_MS. */
		connection.deadline_ns = lsr_clock_ns() + WHOLE_NS;
		(void)lessor_stats_openmetrics(engine, LESSOR_METRICS_KEA_NAMES, send_all, &connection);
		(void)close(connection.socket);
	}
}

/* Returns the listening socket, or -errno. Nobody else has the directory, so a name that is there already was left by a crash. */
static int
listen_in(int directory) {
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	/* However long the path of the directory is. */
	(void)snprintf(name.sun_path, sizeof(name.sun_path), "/proc/self/fd/%d/" SOCKET_NAME, directory);
	const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0) {
		return -errno;
	}
	(void)unlinkat(directory, SOCKET_NAME, 0);
	if (bind(listener, (const struct sockaddr *)&name, sizeof(name)) != 0 || listen(listener, BACKLOG) != 0) {
		const int error = errno;
		(void)close(listener);
		return -error;
	}
	return listener;
}

/* Under the keeper's lock. */
static lessor_status_t
start(lessor_engine_t *engine) {
	if (engine->stats_served) {
		return LESSOR_OK;
	}
	engine->stats_socket = listen_in(engine->directory);
	if (engine->stats_socket < 0) {
		return LESSOR_IO;
	}
	engine->stats_served = lsr_thread_start(&engine->stats_thread, answer, engine);
	if (!engine->stats_served) {
		(void)unlinkat(engine->directory, SOCKET_NAME, 0);
		(void)close(engine->stats_socket);
		return LESSOR_NO_MEMORY;
	}
	return LESSOR_OK;
}

lessor_status_t
lessor_stats_serve(lessor_engine_t *engine) {
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (engine->read_only || engine->directory < 0) {
		return LESSOR_READ_ONLY;
	}
	(void)pthread_mutex_lock(&engine->keeper_lock);
	status = start(engine);
	(void)pthread_mutex_unlock(&engine->keeper_lock);
	return status;
}

void
lsr_engine_stop_serving(lessor_engine_t *engine) {
	if (engine->stats_served) {
		(void)unlinkat(engine->directory, SOCKET_NAME, 0);
		(void)shutdown(engine->stats_socket, SHUT_RDWR); /* accept() returns */
		(void)pthread_join(engine->stats_thread, NULL);
		(void)close(engine->stats_socket);
	}
}
