/* SPDX-License-Identifier: Apache-2.0 */
#include "history.h"

#include <string.h>

#include "torture.h"

/* Places in the search where nothing was found. */
typedef struct {
	unsigned done;
	uint8_t model[HISTORY_MODEL_MAX_BYTES];
} dead_end_t;

#define DEAD_ENDS (1u << 14)
static dead_end_t dead_end[DEAD_ENDS];
static unsigned dead_ends;

static bool
is_dead_end(const history_t *history, unsigned done, const void *model) {
	for (unsigned i = 0; i < dead_ends; i++) {
		if (dead_end[i].done == done && memcmp(dead_end[i].model, model, history->model_bytes) == 0) {
			return true;
		}
	}
	return false;
}

static bool
find_order(const history_t *history, unsigned done, const void *model, const void *after) {
	if (done == (1u << history->ops) - 1) {
		return memcmp(model, after, history->model_bytes) == 0;
	}
	if (is_dead_end(history, done, model)) {
		return false;
	}
	uint64_t first_end = UINT64_MAX;
	for (unsigned i = 0; i < history->ops; i++) {
		if ((done >> i & 1) == 0 && history->ended[i] < first_end) {
			first_end = history->ended[i];
		}
	}
	for (unsigned i = 0; i < history->ops; i++) {
		_Alignas(16) uint8_t next[HISTORY_MODEL_MAX_BYTES];
		memcpy(next, model, history->model_bytes);
		if ((done >> i & 1) == 0 && history->began[i] < first_end &&
		    history->can_happen(next, history->operations, i) &&
		    find_order(history, done | 1u << i, next, after)) {
			return true;
		}
	}
	if (dead_ends < DEAD_ENDS) {
		dead_end[dead_ends].done = done;
		memcpy(dead_end[dead_ends++].model, model, history->model_bytes);
	}
	return false;
}

bool
history_has_order(const history_t *history, const void *before, const void *after) {
	REQUIRE(history->ops <= HISTORY_OPS_MAX && history->model_bytes <= HISTORY_MODEL_MAX_BYTES);
	dead_ends = 0;
	return find_order(history, 0, before, after);
}
