/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a large file from front to back: a thread reads ahead, past the page cache where the file system can, while the caller looks at
 * what is there. One file after the other; one caller.
 *
 * Two halves of memory: the thread fills one while the caller has the other. What the caller has not done with at the end of one half is
 * copied in front of the next, so a view never has a seam. A file that fits a half is read by the caller himself, and through the cache.
 *
 * Edges, all through the lock: a full half -> the caller; an empty half -> the thread.
 */
#ifndef LSR_STREAM_H
#define LSR_STREAM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most that one view can show. */
#define LSR_STREAM_VIEW_BYTES ((size_t)1 << 20)

typedef struct lsr_stream_half {
	uint8_t *start; /* where reading begins; LSR_STREAM_VIEW_BYTES in front of it belong to it too */
	size_t size_bytes;
	int error; /* of the reading; what came before it stands */
	bool full; /* lock */
} lsr_stream_half_t;

typedef struct lsr_stream {
	uint8_t *memory;
	size_t memory_bytes;
	lsr_stream_half_t half[2];
	/* The file. */
	int directory;
	const char *name;
	int file;
	bool direct;
	uint64_t size_bytes;
	uint64_t next_offset; /* of the next half; belongs to whoever reads */
	/* The caller's view. */
	unsigned turn;          /* the half that comes next */
	bool holds;             /* the view lies in the other one */
	uint64_t arrived_bytes; /* of the file, seen by the caller or in his view */
	int error;              /* where the view ends for good */
	const uint8_t *at;
	size_t left_bytes;
	/* The thread. */
	pthread_t thread;
	bool threaded;
	bool stopping; /* lock */
	pthread_mutex_t lock;
	pthread_cond_t changed;
} lsr_stream_t;

void lsr_stream_init(lsr_stream_t *stream);
void lsr_stream_destroy(lsr_stream_t *stream);

/* Begin with the first size_bytes of a file; 'name' stays valid until the end. 0 or a negative errno. */
int lsr_stream_open(lsr_stream_t *stream, int directory, const char *name, uint64_t size_bytes);
/* Also in the middle, or if nothing is open. */
void lsr_stream_close(lsr_stream_t *stream);

/* The next size_bytes of the file, at most LSR_STREAM_VIEW_BYTES; NULL and *error a negative errno (-ENODATA: the file ends before). */
const uint8_t *lsr_stream_view(lsr_stream_t *stream, size_t size_bytes, int *error);
/* Go on behind them; they were seen. */
void lsr_stream_skip(lsr_stream_t *stream, size_t size_bytes);

#endif
