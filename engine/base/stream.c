/* SPDX-License-Identifier: Apache-2.0 */
#include "base/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/io.h"
#include "base/thread.h"

/* Large enough that a device with a long queue is kept busy. */
#ifndef LSR_STREAM_HALF_BYTES
#define LSR_STREAM_HALF_BYTES ((size_t)4 << 20)
#endif
#define BLOCK_BYTES ((size_t)4096)

/* ---- filling a half ---------------------------------------------------------------------------------------------------- */

static int
open_file(lsr_stream_t *stream, bool direct) {
	stream->direct = direct;
	stream->file = lsr_io->open(stream->directory, stream->name, direct ? O_RDONLY | O_DIRECT : O_RDONLY, 0);
	return stream->file < 0 ? stream->file : 0;
}

/* Direct I/O wants whole blocks, also at the end of the file, where it then delivers less. */
static ssize_t
read_some(lsr_stream_t *stream, uint8_t *to, size_t size_bytes, uint64_t offset) {
	const size_t asked = stream->direct ? lsr_round_up(size_bytes, BLOCK_BYTES) : size_bytes;
	ssize_t got = lsr_io->pread(stream->file, to, asked, offset);
	if (got == -EINVAL && stream->direct) { /* some file systems say only now that they cannot */
		(void)lsr_io->close(stream->file);
		const int result = open_file(stream, false);
		got = result == 0 ? lsr_io->pread(stream->file, to, size_bytes, offset) : result;
	}
	return got;
}

static void
fill(lsr_stream_t *stream, lsr_stream_half_t *half) {
	const size_t wanted = lsr_min_u64(LSR_STREAM_HALF_BYTES, stream->size_bytes - stream->next_offset);
	half->size_bytes = 0;
	half->error = 0;
	while (half->size_bytes < wanted && half->error == 0) {
		const ssize_t got = read_some(stream, half->start + half->size_bytes, wanted - half->size_bytes,
					      stream->next_offset + half->size_bytes);
		if (got > 0) {
			half->size_bytes = lsr_min_u64(half->size_bytes + (size_t)got, wanted);
		} else if (got != -EINTR) {
			half->error = got == 0 ? -ENODATA : (int)got;
		}
	}
	stream->next_offset += half->size_bytes;
}

static void *
read_ahead(void *argument) {
	lsr_stream_t *stream = argument;
	(void)pthread_mutex_lock(&stream->lock);
	for (unsigned turn = 0; !stream->stopping && stream->next_offset < stream->size_bytes; turn ^= 1) {
		lsr_stream_half_t *half = &stream->half[turn];
		if (half->full) {
			(void)pthread_cond_wait(&stream->changed, &stream->lock);
			turn ^= 1; /* look again */
			continue;
		}
		(void)pthread_mutex_unlock(&stream->lock);
		fill(stream, half);
		(void)pthread_mutex_lock(&stream->lock);
		half->full = true;
		(void)pthread_cond_broadcast(&stream->changed);
		if (half->error != 0) {
			break;
		}
	}
	(void)pthread_mutex_unlock(&stream->lock);
	return NULL;
}

/* ---- the caller's side --------------------------------------------------------------------------------------------------- */

/* The next half, filled. */
static lsr_stream_half_t *
await_half(lsr_stream_t *stream) {
	lsr_stream_half_t *half = &stream->half[stream->turn];
	if (!stream->threaded) {
		fill(stream, half);
		return half;
	}
	(void)pthread_mutex_lock(&stream->lock);
	while (!half->full) {
		(void)pthread_cond_wait(&stream->changed, &stream->lock);
	}
	(void)pthread_mutex_unlock(&stream->lock);
	return half;
}

static void
give_back(lsr_stream_t *stream, lsr_stream_half_t *half) {
	(void)pthread_mutex_lock(&stream->lock);
	half->full = false;
	(void)pthread_cond_broadcast(&stream->changed);
	(void)pthread_mutex_unlock(&stream->lock);
}

/* Put what is left of this half in front of the next one. */
static void
advance(lsr_stream_t *stream) {
	if (stream->arrived_bytes == stream->size_bytes) {
		stream->error = -ENODATA;
		return;
	}
	lsr_stream_half_t *half = await_half(stream);
	uint8_t *start = half->start - stream->left_bytes;
	memcpy(start, stream->at, stream->left_bytes);
	stream->at = start;
	stream->left_bytes += half->size_bytes;
	stream->arrived_bytes += half->size_bytes;
	stream->error = half->error;
	stream->turn ^= 1;
	if (stream->holds) {
		give_back(stream, &stream->half[stream->turn]);
	}
	stream->holds = true;
}

const uint8_t *
lsr_stream_view(lsr_stream_t *stream, size_t size_bytes, int *error) {
	if (size_bytes > LSR_STREAM_VIEW_BYTES) {
		*error = -EINVAL;
		return NULL;
	}
	while (stream->left_bytes < size_bytes && stream->error == 0) {
		advance(stream);
	}
	*error = stream->left_bytes < size_bytes ? stream->error : 0;
	return *error == 0 ? stream->at : NULL;
}

void
lsr_stream_skip(lsr_stream_t *stream, size_t size_bytes) {
	stream->at += size_bytes;
	stream->left_bytes -= size_bytes;
}

/* Memory for a file of this size: what a small one needs, or both halves with what lies in front of them. */
static bool
provide(lsr_stream_t *stream, uint64_t size_bytes) {
	const size_t half_bytes = LSR_STREAM_VIEW_BYTES + LSR_STREAM_HALF_BYTES;
	const bool is_large = size_bytes > LSR_STREAM_HALF_BYTES;
	const size_t needed = is_large ? 2 * half_bytes : lsr_round_up(size_bytes + 1, BLOCK_BYTES);
	if (needed > stream->memory_bytes) {
		free(stream->memory);
		stream->memory = aligned_alloc(BLOCK_BYTES, needed);
		stream->memory_bytes = stream->memory != NULL ? needed : 0;
	}
	stream->half[0].start = stream->memory;
	if (is_large && stream->memory != NULL) {
		stream->half[0].start += LSR_STREAM_VIEW_BYTES;
		stream->half[1].start = stream->half[0].start + half_bytes;
	}
	return stream->memory != NULL;
}

int
lsr_stream_open(lsr_stream_t *stream, int directory, const char *name, uint64_t size_bytes) {
	if (!provide(stream, size_bytes)) {
		return -ENOMEM;
	}
	stream->directory = directory;
	stream->name = name;
	stream->size_bytes = size_bytes;
	stream->next_offset = 0;
	stream->turn = 0;
	stream->holds = false;
	stream->arrived_bytes = 0;
	stream->error = 0;
	stream->at = stream->half[0].start;
	stream->left_bytes = 0;
	stream->stopping = false;
	const bool is_large = size_bytes > LSR_STREAM_HALF_BYTES;
	int result = open_file(stream, is_large);
	result = result == -EINVAL ? open_file(stream, false) : result;
	if (result == 0 && is_large) {
		stream->threaded = lsr_thread_start(&stream->thread, read_ahead, stream);
	}
	return result;
}

void
lsr_stream_close(lsr_stream_t *stream) {
	if (stream->threaded) {
		(void)pthread_mutex_lock(&stream->lock);
		stream->stopping = true;
		stream->half[0].full = stream->half[1].full = false;
		(void)pthread_cond_broadcast(&stream->changed);
		(void)pthread_mutex_unlock(&stream->lock);
		(void)pthread_join(stream->thread, NULL);
		stream->threaded = false;
	}
	stream->half[0].full = stream->half[1].full = false;
	if (stream->file >= 0) {
		(void)lsr_io->close(stream->file);
		stream->file = -1;
	}
}

void
lsr_stream_init(lsr_stream_t *stream) {
	*stream = (lsr_stream_t){.file = -1};
	(void)pthread_mutex_init(&stream->lock, NULL);
	(void)pthread_cond_init(&stream->changed, NULL);
}

void
lsr_stream_destroy(lsr_stream_t *stream) {
	lsr_stream_close(stream);
	free(stream->memory);
	(void)pthread_mutex_destroy(&stream->lock);
	(void)pthread_cond_destroy(&stream->changed);
}
