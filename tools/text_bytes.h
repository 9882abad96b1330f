/* SPDX-License-Identifier: Apache-2.0 */
/* Octets of a file of any length, through one buffer; with the number of the line they stand in. */
#ifndef LESSOR_TOOLS_TEXT_BYTES_H
#define LESSOR_TOOLS_TEXT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEXT_BYTES_ROOM = 64 * 1024, TEXT_BYTES_END = -1, TEXT_BYTES_FAILED = -2 };

typedef struct text_bytes {
	int fd;
	uint64_t limit_bytes; /* the file ends here, whatever is there */
	uint64_t read_bytes;  /* so far into the buffer */
	uint64_t line;        /* of the next octet, from 1 */
	size_t at;
	size_t end;
	uint8_t buffer[TEXT_BYTES_ROOM];
} text_bytes_t;

/* Begin at the start of the file, and stop after so many bytes of it. */
void text_bytes_open(text_bytes_t *bytes, int fd, uint64_t limit_bytes);

/* Read on, if nothing is left in the buffer, and the next octet as text_bytes_peek() says it. */
int text_bytes_refill(text_bytes_t *bytes);

/* The next octet without taking it; TEXT_BYTES_END, or TEXT_BYTES_FAILED with errno. */
static inline int
text_bytes_peek(text_bytes_t *bytes) {
	return bytes->at < bytes->end ? bytes->buffer[bytes->at] : text_bytes_refill(bytes);
}

/* Take what text_bytes_peek() showed. */
static inline void
text_bytes_take(text_bytes_t *bytes) {
	bytes->line += bytes->buffer[bytes->at++] == '\n';
}

/* How many were taken. */
static inline uint64_t
text_bytes_done(const text_bytes_t *bytes) {
	return bytes->read_bytes - (bytes->end - bytes->at);
}

#endif
