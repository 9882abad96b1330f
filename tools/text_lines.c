/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a file, one by one. See text_lines.h. */
#include "text_lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool
text_lines_open(text_lines_t *lines, int fd, uint64_t limit_bytes) {
	*lines = (text_lines_t){.fd = fd, .limit_bytes = limit_bytes, .buffer = malloc(TEXT_LINE_MAX_BYTES)};
	return lines->buffer != NULL;
}

void
text_lines_close(text_lines_t *lines) {
	free(lines->buffer);
	lines->buffer = NULL;
}

/* Move the unfinished line to the front and read behind it. False with errno. */
static bool
refill(text_lines_t *lines) {
	memmove(lines->buffer, lines->buffer + lines->begin, lines->end - lines->begin);
	lines->end -= lines->begin;
	lines->begin = 0;
	off_t from = (off_t)(lines->done_bytes + lines->end);
	uint64_t allowed = lines->limit_bytes - (uint64_t)from;
	size_t room = TEXT_LINE_MAX_BYTES - lines->end;
	ssize_t got;
	do {
		got = pread(lines->fd, lines->buffer + lines->end, room < allowed ? room : (size_t)allowed, from);
	} while (got < 0 && errno == EINTR);
	if (got < 0) {
		return false;
	}
	lines->at_end = got == 0;
	lines->end += (size_t)got;
	return true;
}

/* Hand out the first 'bytes' of the buffer as a line, and forget 'used'. */
static void
hand_out(text_lines_t *lines, text_line_t *line, size_t bytes, size_t used) {
	*line = (text_line_t){.text = lines->buffer + lines->begin, .bytes = bytes};
	if (lines->number == 0 && bytes >= 3 && memcmp(line->text, "\xEF\xBB\xBF", 3) == 0) {
		line->text += 3;
		line->bytes -= 3;
	}
	if (line->bytes > 0 && line->text[line->bytes - 1] == '\r') {
		line->bytes--;
	}
	lines->number++;
	lines->begin += used;
	lines->done_bytes += used;
}

/* Drop what is left of an over-long line, as far as the buffer holds it. */
static void
skip_rest(text_lines_t *lines) {
	const char *from = lines->buffer + lines->begin;
	const char *newline = memchr(from, '\n', lines->end - lines->begin);
	size_t used = newline != NULL ? (size_t)(newline - from) + 1 : lines->end - lines->begin;
	lines->begin += used;
	lines->done_bytes += used;
	lines->skipping = newline == NULL;
}

/* Hand out a line if the buffer has one: all of it, or as much as will ever fit. */
static bool
next_buffered(text_lines_t *lines, text_line_t *line) {
	if (lines->skipping) {
		skip_rest(lines);
	}
	const char *from = lines->buffer + lines->begin;
	size_t left = lines->end - lines->begin;
	const char *newline = memchr(from, '\n', left);
	if (newline != NULL) {
		hand_out(lines, line, (size_t)(newline - from), (size_t)(newline - from) + 1);
	} else if (left == TEXT_LINE_MAX_BYTES) {
		hand_out(lines, line, left, left);
		line->too_long = true;
		lines->skipping = true;
	} else if (lines->at_end && left > 0) {
		hand_out(lines, line, left, left);
		line->cut = true;
	} else {
		return false;
	}
	return true;
}

int
text_lines_next(text_lines_t *lines, text_line_t *line) {
	while (!next_buffered(lines, line)) {
		if (lines->at_end) {
			return 0;
		}
		if (!refill(lines)) {
			return -1;
		}
	}
	return 1;
}
