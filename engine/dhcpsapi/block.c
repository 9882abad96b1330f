/* SPDX-License-Identifier: Apache-2.0 */
/* Results made of parts, and how they are freed. */
#include "dhcpsapi/block.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dhcpsapi/utf16.h"

/* Different numbers that neither zeroed nor freed memory is likely to hold. */
#define LSR_TAG_WHOLE UINT64_C(0x6c6573736f722121)
#define LSR_TAG_PIECE UINT64_C(0x6c6573736f722b2b)
#define LSR_TAG_PART  UINT64_C(0x6c6573736f722e2e)

/* Further pieces double in size from one to the next, between these. */
#define LSR_PIECE_MIN_BYTES (4u * 1024)
#define LSR_PIECE_MAX_BYTES (1024u * 1024)

typedef struct lsr_tag lsr_tag_t;

struct lsr_tag {
	alignas(max_align_t) uint64_t kind;
	lsr_tag_t *next; /* whole: the newest further piece; piece: the one before it */
};

#define LSR_PART_ALIGNMENT sizeof(lsr_tag_t)

size_t
lsr_block_part_bytes(size_t bytes) {
	const size_t units = (bytes + LSR_PART_ALIGNMENT - 1) / LSR_PART_ALIGNMENT;
	return sizeof(lsr_tag_t) + units * LSR_PART_ALIGNMENT;
}

/* A byte of UTF-8 never makes more than one unit of UTF-16. */
static size_t
text_room(size_t utf8_bytes) {
	return (utf8_bytes + 1) * sizeof(WCHAR);
}

size_t
lsr_block_text_bytes(const char *utf8) {
	return utf8 == NULL ? 0 : lsr_block_part_bytes(text_room(strlen(utf8)));
}

static lsr_tag_t *
tag_at(unsigned char *memory) {
	return (lsr_tag_t *)(void *)memory;
}

lsr_block_t
lsr_block_make(size_t size_bytes) {
	unsigned char *memory = calloc(1, size_bytes);
	return (lsr_block_t){.memory = memory, .piece = memory, .size_bytes = size_bytes};
}

/* Begin another piece, with room for a part of this cost at least. */
static bool
grow(lsr_block_t *block, size_t cost) {
	size_t size_bytes = block->size_bytes < LSR_PIECE_MAX_BYTES ? 2 * block->size_bytes : LSR_PIECE_MAX_BYTES;
	if (size_bytes < LSR_PIECE_MIN_BYTES) {
		size_bytes = LSR_PIECE_MIN_BYTES;
	}
	if (size_bytes - sizeof(lsr_tag_t) < cost) {
		size_bytes = cost + sizeof(lsr_tag_t);
	}
	/* The first part is never anywhere but in the first piece. */
	unsigned char *piece = block->used_bytes == 0 ? NULL : calloc(1, size_bytes);
	if (piece == NULL) {
		block->exhausted = true;
		return false;
	}
	lsr_tag_t *whole = tag_at(block->memory);
	*tag_at(piece) = (lsr_tag_t){.kind = LSR_TAG_PIECE, .next = whole->next};
	whole->next = tag_at(piece);
	block->piece = piece;
	block->used_bytes = sizeof(lsr_tag_t);
	block->size_bytes = size_bytes;
	return true;
}

void *
lsr_block_take(lsr_block_t *block, size_t bytes) {
	const size_t cost = lsr_block_part_bytes(bytes);
	if (block->memory == NULL || (cost > block->size_bytes - block->used_bytes && !grow(block, cost))) {
		return NULL;
	}
	lsr_tag_t *tag = tag_at(block->piece + block->used_bytes);
	tag->kind = block->used_bytes == 0 ? LSR_TAG_WHOLE : LSR_TAG_PART;
	block->used_bytes += cost;
	return tag + 1;
}

BYTE *
lsr_block_bytes(lsr_block_t *block, const void *data, size_t bytes) {
	BYTE *part = lsr_block_take(block, bytes);
	if (part != NULL) {
		memcpy(part, data, bytes);
	}
	return part;
}

LPWSTR
lsr_block_text(lsr_block_t *block, const char *utf8) {
	if (utf8 == NULL) {
		return NULL;
	}
	const size_t bytes = strlen(utf8);
	WCHAR *part = lsr_block_take(block, text_room(bytes));
	if (part != NULL && !lsr_utf16_from_utf8(utf8, bytes, part)) {
		block->damaged = true;
	}
	return part;
}

static void
free_pieces(lsr_tag_t *whole) {
	lsr_tag_t *next;
	for (lsr_tag_t *piece = whole->next; piece != NULL; piece = next) {
		next = piece->next;
		free(piece);
	}
	whole->kind = 0;
	free(whole);
}

void
lsr_block_discard(lsr_block_t *block) {
	if (block->memory != NULL) {
		free_pieces(tag_at(block->memory));
		block->memory = NULL;
	}
}

lessor_status_t
lsr_block_finish(lsr_block_t *block, void **result) {
	if (block->memory == NULL || block->exhausted || block->damaged) {
		const lessor_status_t status = block->damaged ? LESSOR_DAMAGED : LESSOR_NO_MEMORY;
		lsr_block_discard(block);
		return status;
	}
	*result = block->memory + sizeof(lsr_tag_t);
	return LESSOR_OK;
}

void
lsr_out_set(void *out, void *result) {
	/* All pointers to structures look alike. */
	memcpy(out, &result, sizeof(result));
}

bool
lsr_out_clear(void *out) {
	if (out != NULL) {
		lsr_out_set(out, NULL);
	}
	return out != NULL;
}

VOID DHCP_API_FUNCTION
DhcpRpcFreeMemory(PVOID BufferPointer) {
	if (BufferPointer == NULL) {
		return;
	}
	lsr_tag_t *tag = (lsr_tag_t *)BufferPointer - 1;
	if (tag->kind == LSR_TAG_WHOLE) {
		free_pieces(tag);
	}
}
