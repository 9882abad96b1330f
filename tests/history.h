/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Could operations that overlapped have happened one after the other? A search for an order that respects when each began and ended, and in which a
 * model gives the answers that were given.
 */
#ifndef HISTORY_H
#define HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTORY_OPS_MAX         20u
#define HISTORY_MODEL_MAX_BYTES 128u

typedef struct history {
	unsigned ops;
	size_t model_bytes; /* compared byte for byte: nothing in it is padding */
	uint64_t began[HISTORY_OPS_MAX];
	uint64_t ended[HISTORY_OPS_MAX];
	const void *operations; /* the test's */
	/* Could this one happen now? If so the model becomes what it is afterwards. */
	bool (*can_happen)(void *model, const void *operations, unsigned which);
} history_t;

/* From one state of the model to another. One search at a time. */
bool history_has_order(const history_t *history, const void *before, const void *after);

#endif
