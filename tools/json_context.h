/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON as Kea writes it: with comments (# and // to the end of the line, and C's own), and, in configurations, with a
 * comma before a closing bracket. No common parser knows all of them, so they are blanked out first.
 */
#ifndef LESSOR_TOOLS_JSON_CONTEXT_H
#define LESSOR_TOOLS_JSON_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>

typedef enum json_blank {
	JSON_BLANK_NOTHING,  /* there were no comments; the text is what it was */
	JSON_BLANK_COMMENTS, /* there were, and blanks stand where they stood */
	JSON_BLANK_OPEN,     /* a comment never ends */
	JSON_BLANK_INCLUDE   /* a <?include?> stands outside strings and comments */
} json_blank_t;

/* Replace comments by blanks in place, and with 'commas' also a comma before a closing bracket. Line ends stay. */
json_blank_t json_blank_comments(char *text, size_t bytes, bool commas);

typedef enum json_verdict {
	JSON_FINE,
	JSON_MALFORMED,  /* not JSON */
	JSON_NOT_OBJECT, /* JSON, but not an object */
	JSON_TOO_LONG,   /* the upgrade below needs more than 'capacity' */
	JSON_NO_MEMORY
} json_verdict_t;

/*
 * Is the text a JSON object? It stays byte for byte what it is but for two things: comments become blanks, and a relay
 * agent's data in the form of releases before 2.3 (ISC.relay-agent-info as a string) becomes the object that later
 * ones write. *bytes follows. text holds 'capacity' bytes.
 */
json_verdict_t json_context_check(char *text, size_t *bytes, size_t capacity);

#endif
