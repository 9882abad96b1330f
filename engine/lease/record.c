/* SPDX-License-Identifier: Apache-2.0 */
#include "lease/record.h"

/* Where this thread found a shadow last; a hint that keeps threads on words of their own. */
static _Thread_local unsigned shadow_hint;

static unsigned
take_shadow(lsr_shadows_t *shadows) {
	unsigned round = 0;
	for (unsigned at = shadow_hint;; at = (at + 1) % LSR_SHADOWS) {
		_Atomic uint64_t *taken = &shadows->taken[at / 64];
		const uint64_t bit = UINT64_C(1) << at % 64;
		if ((atomic_load_explicit(taken, memory_order_relaxed) & bit) == 0 &&
		    (atomic_fetch_or_explicit(taken, bit, memory_order_acquire) & bit) == 0) {
			shadow_hint = at;
			return at;
		}
		/* All taken means 256 threads stand inside this very function; each leaves after a few stores. */
		if (at == LSR_SHADOWS - 1) {
			lsr_relax(&round);
		}
	}
}

static void
release_shadow(lsr_shadows_t *shadows, unsigned at) {
	(void)atomic_fetch_and_explicit(&shadows->taken[at / 64], ~(UINT64_C(1) << at % 64), memory_order_release);
}

void
lsr_record_replace(lsr_record_t *record, lsr_shadows_t *shadows, uint64_t word, const lsr_body_t *old,
		   const lsr_body_t *fresh) {
	const unsigned at = take_shadow(shadows);
	lsr_body_store(&shadows->shadow[at], old);
	const uint64_t busy = lsr_word_next(word, LSR_WORD_LIVE | LSR_WORD_CLAIM | LSR_WORD_BUSY |
							  (uint64_t)at << LSR_WORD_SHADOW_SHIFT);
	atomic_store_explicit(&record->word, busy, memory_order_release); /* R1: readers turn to the shadow */
	lsr_body_store(record, fresh);                                    /* R3: ordered behind the word */
	atomic_store_explicit(&record->word, lsr_word_next(busy, LSR_WORD_LIVE), memory_order_release); /* R1 */
	release_shadow(shadows, at);
}

bool
lsr_record_read_slowly(const lsr_record_t *record, const lsr_shadows_t *shadows, lsr_words_t *words) {
	for (;;) {
		const uint64_t word = lsr_record_word(record);
		if ((word & LSR_WORD_LIVE) == 0) {
			return false;
		}
		const bool is_busy = (word & LSR_WORD_BUSY) != 0;
		lsr_words_load(is_busy ? &shadows->shadow[(word >> LSR_WORD_SHADOW_SHIFT) % LSR_SHADOWS] : record,
			       words);
		if (LSR_LIKELY(lsr_word_stands(record, word))) {
			return true;
		}
	}
}

/* Long enough for any change in memory; a caller that finds the claim still taken starts over anyway. */
#define WAIT_ROUNDS_MAX 4096

void
lsr_record_wait(const lsr_record_t *record) {
	unsigned round = 0;
	while ((lsr_record_word(record) & LSR_WORD_CLAIM) != 0 && round < WAIT_ROUNDS_MAX) {
		lsr_relax(&round);
	}
}
