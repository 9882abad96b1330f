/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a file of any length, through one buffer. A byte order mark and carriage returns before line ends are left out. */
#ifndef LESSOR_TOOLS_TEXT_LINES_H
#define LESSOR_TOOLS_TEXT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEXT_LINE_MAX_BYTES = 1024 * 1024 }; /* longer ones are handed out cut, and said to be */

/* Reads a file line by line through one buffer. */
typedef struct text_lines {
	int fd;
	uint64_t limit_bytes; /* the file ends here, whatever is there */
	char *buffer;
	size_t begin; /* of what is in the buffer and was not handed out */
	size_t end;
	bool at_end;
	bool skipping;       /* inside a line that is longer than TEXT_LINE_MAX_BYTES */
	uint64_t number;     /* of the line handed out last, from 1 */
	uint64_t done_bytes; /* handed out so far */
} text_lines_t;

typedef struct text_line {
	const char *text; /* without its end; valid until the next one */
	size_t bytes;
	bool cut;      /* the file ends before the line does */
	bool too_long; /* only its beginning is here */
} text_line_t;

/* Begin at the start of the file, and stop after so many bytes of it. False without memory. */
bool text_lines_open(text_lines_t *lines, int fd, uint64_t limit_bytes);
void text_lines_close(text_lines_t *lines);

/* The next line, empty ones too. 1; 0 at the end; -1 with errno if the file cannot be read. */
int text_lines_next(text_lines_t *lines, text_line_t *line);

#endif
