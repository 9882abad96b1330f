/* SPDX-License-Identifier: Apache-2.0 */
/* Octets of a file. See text_bytes.h. */
#include "text_bytes.h"

#include <errno.h>
#include <unistd.h>

void
text_bytes_open(text_bytes_t *bytes, int fd, uint64_t limit_bytes) {
	bytes->fd = fd;
	bytes->limit_bytes = limit_bytes;
	bytes->read_bytes = 0;
	bytes->line = 1;
	bytes->at = 0;
	bytes->end = 0;
}

/* 1; 0 at the end; -1 with errno. */
static int
refill(text_bytes_t *bytes) {
	uint64_t allowed = bytes->limit_bytes - bytes->read_bytes;
	size_t wanted = allowed < TEXT_BYTES_ROOM ? (size_t)allowed : (size_t)TEXT_BYTES_ROOM;
	ssize_t got;
	do {
		got = pread(bytes->fd, bytes->buffer, wanted, (off_t)bytes->read_bytes);
	} while (got < 0 && errno == EINTR);
	bytes->at = 0;
	bytes->end = got > 0 ? (size_t)got : 0;
	bytes->read_bytes += bytes->end;
	return got > 0 ? 1 : (int)got;
}

int
text_bytes_refill(text_bytes_t *bytes) {
	int got = refill(bytes);
	if (got <= 0) {
		return got == 0 ? TEXT_BYTES_END : TEXT_BYTES_FAILED;
	}
	return bytes->buffer[bytes->at];
}
