/* SPDX-License-Identifier: Apache-2.0 */
/* Results in one piece of memory, and how they are freed. */
#include "dhcpsapi/block.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dhcpsapi/utf16.h"

/* Two different numbers that neither zeroed nor freed memory is likely to hold. */
#define LSR_TAG_WHOLE UINT64_C(0x6c6573736f722121)
#define LSR_TAG_PART  UINT64_C(0x6c6573736f722e2e)

typedef struct lsr_tag {
	alignas(max_align_t) uint64_t kind;
} lsr_tag_t;

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

lsr_block_t
lsr_block_make(size_t size_bytes) {
	return (lsr_block_t){.memory = calloc(1, size_bytes), .size_bytes = size_bytes};
}

void *
lsr_block_take(lsr_block_t *block, size_t bytes) {
	const size_t cost = lsr_block_part_bytes(bytes);
	if (block->memory == NULL || cost > block->size_bytes - block->used_bytes) {
		return NULL;
	}
	lsr_tag_t *tag = (lsr_tag_t *)(void *)(block->memory + block->used_bytes);
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

lessor_status_t
lsr_block_finish(lsr_block_t *block, void **result) {
	if (block->memory == NULL) {
		return LESSOR_NO_MEMORY;
	}
	if (block->damaged) {
		free(block->memory);
		return LESSOR_DAMAGED;
	}
	*result = block->memory + sizeof(lsr_tag_t);
	return LESSOR_OK;
}

VOID DHCP_API_FUNCTION
DhcpRpcFreeMemory(PVOID BufferPointer) {
	if (BufferPointer == NULL) {
		return;
	}
	lsr_tag_t *tag = (lsr_tag_t *)BufferPointer - 1;
	if (tag->kind == LSR_TAG_WHOLE) {
		tag->kind = 0;
		free(tag);
	}
}
