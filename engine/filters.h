/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Link-layer filters: both lists in one tree, by a number that has the order of the lists.
 *
 *   Readers: anybody inside a read-side section, wait-free. Changes: 'lock'; or while nobody else is there.
 *   How many entries there are of each length is raised before one shows and lowered after it has gone: where there are none, nobody looks.
 *
 * Filter image (log and snapshot):
 *    0 u8 hardware type   1 u8 wildcard   2 u8 length   3 6 bytes pattern, behind its length zeros   9 u8 list   10 u8 comment (1: there is one)   11 u8 zero
 *   12 comment
 */
#ifndef LSR_FILTERS_H
#define LSR_FILTERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include <lessor/engine.h>
#include <lessor/filter.h>
#include <lessor/status.h>

#include "base/tree.h"

#define LSR_FILTER_KEY_BYTES       9u /* of the image: what an entry is known by */
#define LSR_FILTER_IMAGE_MAX_BYTES (12u + LESSOR_FILTER_COMMENT_MAX_BYTES)

typedef struct lsr_filters {
	pthread_mutex_t lock;
	lsr_tree_t entries; /* kind: the list; value: the comment, NULL: none */
	_Atomic uint32_t of_length[LESSOR_FILTER_PATTERN_MAX_BYTES + 1];
	_Atomic uint32_t enforced;       /* bit 0 the deny list, bit 1 the allow list */
	_Atomic uint64_t comments_bytes; /* lock */
} lsr_filters_t;

void lsr_filters_init(lsr_filters_t *filters);
void lsr_filters_destroy(lsr_filters_t *filters);
uint64_t lsr_filters_memory(const lsr_filters_t *filters);

/* The image of the first entry whose key is not below *key; *key becomes the place to go on from. Returns its size, 0: there is none. Inside a read-side section. */
size_t lsr_filters_save(const lsr_filters_t *filters, uint64_t *key, uint8_t image[LSR_FILTER_IMAGE_MAX_BYTES]);

/* From the log: an entry is there; it is gone; the switches. LESSOR_OK; LESSOR_DAMAGED; LESSOR_NO_MEMORY. */
lessor_status_t lsr_filters_replay(lsr_filters_t *filters, const uint8_t *payload, size_t size_bytes);
lessor_status_t lsr_filters_replay_end(lsr_filters_t *filters, const uint8_t *payload, size_t size_bytes);
lessor_status_t lsr_filters_replay_enforce(lsr_filters_t *filters, const uint8_t *payload, size_t size_bytes);

/* LESSOR_OK; LESSOR_DAMAGED: they contradict themselves, and report->sentence says how. */
lessor_status_t lsr_filters_check(lsr_filters_t *filters, lessor_report_t *report);

#endif
