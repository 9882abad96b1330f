/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that is written in one go and appears all at once: under a temporary name in the same directory, flushed to the
 * disk, and then renamed. Whoever reads the name sees the former file or the new one, never a part.
 *
 * Standard output, and what exists and is not a regular file (a pipe, a device), is written directly.
 */
#ifndef LESSOR_TOOLS_OUTPUT_FILE_H
#define LESSOR_TOOLS_OUTPUT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct output_file {
	int fd;
	char *path;      /* where it will be; NULL for what is written directly */
	char *temporary; /* where it is now; NULL likewise */
	char *buffer;
	size_t used;
	uint64_t bytes; /* written, with what is in the buffer */
} output_file_t;

/* path NULL or "-": standard output. Any answer but 0 is an errno; nothing is to be closed then. */
int output_file_open(output_file_t *file, const char *path);

/* At least 'bytes' (at most OUTPUT_FILE_ROOM) of room to write into; NULL with errno if what was there cannot be written. */
enum { OUTPUT_FILE_ROOM = 256 * 1024 };
char *output_file_room(output_file_t *file, size_t bytes);

/* So many bytes of the room are used. */
void output_file_used(output_file_t *file, size_t bytes);

/* Make it durable and give it its name. 0, or an errno: then the former file is what it was, and no temporary one is left. */
int output_file_commit(output_file_t *file);

/* Forget it: no trace is left but of what was written directly. After commit: nothing. */
void output_file_abandon(output_file_t *file);

#endif
