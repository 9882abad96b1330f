/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 texts that come from outside: measured and checked before anything is kept. */
#ifndef LSR_TEXT_H
#define LSR_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Is 'text' NULL, or valid UTF-8 of at most max_bytes? Reads at most max_bytes + 1 bytes. On true *size_bytes is its length (0 for
 * NULL).
 */
bool lsr_text_measure(const char *text, size_t max_bytes, size_t *size_bytes);

#endif
