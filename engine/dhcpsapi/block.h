/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results: a structure and everything it points to, freed by one call.
 *
 * Parts are taken from a block one after another, and never move. The first is what the caller gets and frees; the
 * others are what it points to. In front of each part stands a tag that tells the two kinds apart, so that
 * DhcpRpcFreeMemory() can ignore pointers to the inside, as programs written by the Windows documentation free those
 * too. A block of known size is one piece of memory; one that turns out larger goes on in further pieces, which hang
 * on the first tag.
 *
 *     | tag: whole | structure | tag: part | text | tag: part | bytes | ...
 *     ^ malloc  |  ^ result
 *               +-> | tag: piece | tag: part | text | ...
 */
#ifndef LSR_DHCPSAPI_BLOCK_H
#define LSR_DHCPSAPI_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

#include <lessor/dhcpsapi.h>

typedef struct lsr_block {
	unsigned char *memory; /* the first piece; NULL: no memory, and every part is NULL */
	unsigned char *piece;  /* the one that parts are taken from */
	size_t used_bytes;     /* of that */
	size_t size_bytes;
	bool exhausted; /* there was no memory for a part */
	bool damaged;   /* a text was not UTF-8 */
} lsr_block_t;

/* What a part costs; sizes of blocks are sums of these. */
size_t lsr_block_part_bytes(size_t bytes);
size_t lsr_block_text_bytes(const char *utf8);

/* Make a block with room for parts that cost size_bytes in all, the first one at least, and more when needed. */
lsr_block_t lsr_block_make(size_t size_bytes);

/* Take a zeroed part, aligned for everything; NULL: no memory, which lsr_block_finish() will say. */
void *lsr_block_take(lsr_block_t *block, size_t bytes);

/* Take parts that are copies. The text of NULL is NULL. */
BYTE *lsr_block_bytes(lsr_block_t *block, const void *data, size_t bytes);
LPWSTR lsr_block_text(lsr_block_t *block, const char *utf8);

/*
 * Finish: what lsr_block_take() gave first becomes *result, to be freed with DhcpRpcFreeMemory().
 * Returns: LESSOR_OK; LESSOR_NO_MEMORY; LESSOR_DAMAGED (a text was not UTF-8). *result is untouched on these two, and
 *          nothing is left to free.
 */
lessor_status_t lsr_block_finish(lsr_block_t *block, void **result);

/* Instead of finishing it. */
void lsr_block_discard(lsr_block_t *block);

/* Where a call puts its result: into a pointer of the caller's, to whatever structure. Is it there? Sets it to NULL. */
bool lsr_out_clear(void *out);
void lsr_out_set(void *out, void *result);

#endif
