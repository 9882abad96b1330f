/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a lease file of dhcpd is made of: statements of words and quoted strings, ended by a semicolon or by a block in braces. Comments
 * run from '#' to the end of the line, and white space has no meaning.
 */
#ifndef LESSOR_TOOLS_ISC_TEXT_H
#define LESSOR_TOOLS_ISC_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format_text.h"
#include "text_bytes.h"

enum { ISC_TOKEN_MAX_BYTES = 16 * 1024, ISC_WORDS = 16, ISC_STATEMENT_MAX_BYTES = 32 * 1024 };

typedef enum isc_end {
	ISC_SEMICOLON,
	ISC_OPEN,    /* a block begins, and was not read yet */
	ISC_CLOSE,   /* the block around it ends; there are no words */
	ISC_BROKEN,  /* a string without its end, or a statement that is too long or cut by another block's end */
	ISC_RESTART, /* a new declaration of leases begins where none should; its first word was not taken */
	ISC_FILE,    /* the file ends */
	ISC_FAILED   /* with errno */
} isc_end_t;

typedef struct isc_reader {
	text_bytes_t bytes;
	bool fresh; /* nothing but blanks stand in the line so far */
	char text[ISC_STATEMENT_MAX_BYTES];
	piece_t words[ISC_WORDS]; /* of the statement read last; strings are decoded. Further ones are dropped */
	bool quoted[ISC_WORDS];   /* it is a string */
	size_t count;
	uint64_t line; /* where it begins */
} isc_reader_t;

void isc_reader_open(isc_reader_t *reader, int fd, uint64_t limit_bytes);

/* The next statement. 'inside': a block, where a line that begins with "lease" or "ia-na" says that its end is missing. */
isc_end_t isc_reader_next(isc_reader_t *reader, bool inside);

/* Skip a block that has begun, with all blocks in it. ISC_CLOSE if it ended. */
isc_end_t isc_reader_skip(isc_reader_t *reader);

/* Write a string in quotes as dhcpd does; returns its end. Each octet takes 4 at most. */
char *isc_put_string(char *out, const uint8_t *octets, size_t count);

#endif
