/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One lease in one cache line.
 *
 * Readers: anybody inside a read-side section; lock-free. A reader copies the body and looks at the state word before and after; it
 *          repeats only if that very lease was changed meanwhile. While a change overwrites the body, the old body stands in a
 *          shadow that the state word names, so a writer that is preempted in the middle delays no reader.
 * Writers: the thread that holds the claim bit of the word; there is one at a time. The claim is taken by one compare-and-swap.
 * Memory:  a slot is a record for as long as the engine lives (type-stable): only tails are freed, after a grace period.
 *
 * State word: bit 0 LIVE (the body is a lease, or a reservation without one), bit 1 CLAIM (somebody is changing the slot), bit 2 BUSY (the body is being overwritten,
 * read the shadow), bit 3 OFFER (no lease: the address is held for a client, see offers.h; whoever makes a lease of it overrides that),
 * bit 4 KEPT (a lease whose address is offered to its client: no sweep removes it; every change of the lease ends that), bits 8-23 index of the shadow, bits 24-63 sequence, one more at each change.
 *
 * Life of a slot, with the word's flags:
 *   create:  0 -> CLAIM -> LIVE|CLAIM -> LIVE          readers see nothing until LIVE
 *   update:  LIVE -> LIVE|CLAIM -> LIVE|CLAIM|BUSY -> LIVE
 *   delete:  LIVE -> LIVE|CLAIM -> CLAIM -> 0          the client's entry goes away while CLAIM alone is set
 *   undo:    back to the word before the claim; the sequence has not moved, so readers do not notice
 *
 * Edges:
 *   R1 publish word (release)        ->  R2 load word (acquire): whoever sees the word sees the body that belongs to it
 *   R3 store body words (release)    ->  R4 load body words (acquire), then the word again: whoever sees a part of a newer body also sees
 *                                        that the word has changed
 *   R5 claim (acquire+release)       ->  R5 of the next claimant: no two holders
 *
 * The client id and the name lie inline, one behind the other, if they fit; everything long or rare lies in the tail (lease/codec.h).
 */
#ifndef LSR_RECORD_H
#define LSR_RECORD_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

#define LSR_INLINE_BYTES 20

enum {
	LSR_WORD_LIVE = 1,
	LSR_WORD_CLAIM = 2,
	LSR_WORD_BUSY = 4,
	LSR_WORD_OFFER = 8,
	LSR_WORD_KEPT = 16,
	LSR_WORD_SHADOW_SHIFT = 8,
	LSR_WORD_SEQUENCE_SHIFT = 24
};

/* lsr_body_t.flags */
enum {
	LSR_FLAG_NAME = 1,           /* there is a name (possibly empty) */
	LSR_FLAG_CLIENT_IN_TAIL = 2, /* client_id_bytes counts bytes in the tail */
	LSR_FLAG_NAME_IN_TAIL = 4,
	LSR_FLAG_HARDWARE_IN_CLIENT = 8,  /* client id = 01 + Ethernet address */
	LSR_FLAG_HARDWARE_IS_CLIENT = 16, /* client id = Ethernet address */
	LSR_FLAG_DNS_FORWARD = 32,
	LSR_FLAG_DNS_REVERSE = 64,
	LSR_FLAG_CLIENT_MADE_UP = 128
};

/* lsr_body_t.quarantine: bits 0-2 status, bit 3 capable, and what found no room elsewhere. Bit 7 is zero. */
enum {
	LSR_QUARANTINE_STATUS = 7,
	LSR_QUARANTINE_CAPABLE = 8,
	LSR_BODY_RESERVED = 16, /* the address is reserved; the tail tells for whom */
	LSR_BODY_EMPTY = 32,    /* and that is all: there is no lease. Its client is the one it is reserved for */
	LSR_BODY_STATE_EX = 64,
	LSR_BODY_NO_BIT = 128
};

/*
 * What has no room in the body (lease/codec.h says what is in it). Its bytes do not change while a reader may look at them. It lies in memory of its own, or, if it is short and
 * the record an IPv6 one, in the home that such a record has (lease/page.h); a draft lies with whoever makes a lease, and is never published.
 *
 * 'place' is its owner's, who is: of a tail that is not published, its maker; else whoever holds the claim of its record; when that is no more its tail, whoever made it so, who is the
 * last to write it. A home is empty or left before it is taken: by the holder of the record's claim, who takes it before giving the claim back.
 *   Edge: T1 store 'place', left or empty (release)  ->  T2 load it (acquire) before the home is taken.
 */
typedef struct lsr_tail {
	uint16_t size_bytes;
	_Atomic uint16_t place;
	uint8_t bytes[];
} lsr_tail_t;

/* lsr_tail_t.place */
enum {
	LSR_TAIL_EMPTY = 0, /* a home with nothing in it */
	LSR_TAIL_HEAP = 1,  /* behind an lsr_rcu_head_t of its own */
	LSR_TAIL_HOME = 2,
	LSR_TAIL_DRAFT = 3,
	LSR_TAIL_LEFT = 0x8000 /* a home that readers may still look at; the other bits are an lsr_rcu_stamp() */
};

/* Bytes of a tail that has room in a home. */
#define LSR_HOME_TEXT_BYTES 20u
#define LSR_HOME_TAIL_BYTES (sizeof(lsr_tail_t) + LSR_HOME_TEXT_BYTES)

typedef struct lsr_body {
	uint64_t lsn;
	uint64_t expires_at;
	lsr_tail_t *tail; /* NULL, or immutable once published */
	uint32_t last_transaction_s;
	uint16_t origin; /* lease/origin.h */
	uint8_t client_id_bytes;
	uint8_t name_bytes; /* of an inline name */
	uint8_t client_type;
	uint8_t address_state;
	uint8_t quarantine;
	uint8_t flags;
	uint8_t text[LSR_INLINE_BYTES];
} lsr_body_t;

#define LSR_BODY_WORDS 7

static inline bool
lsr_body_is_reserved(const lsr_body_t *body) {
	return (body->quarantine & LSR_BODY_RESERVED) != 0;
}

static inline bool
lsr_body_is_empty(const lsr_body_t *body) {
	return (body->quarantine & LSR_BODY_EMPTY) != 0;
}

typedef struct lsr_record {
	_Atomic uint64_t word;
	_Atomic uint64_t body[LSR_BODY_WORDS];
} __attribute__((aligned(LSR_CACHE_LINE_BYTES))) lsr_record_t;

static_assert(sizeof(lsr_body_t) == LSR_BODY_WORDS * sizeof(uint64_t), "the body fills its words");
static_assert(sizeof(lsr_record_t) == LSR_CACHE_LINE_BYTES, "a record is one line");

/* The bodies of updates in progress. A shadow belongs to the thread that took it, for the length of one overwrite. */
#ifndef LSR_SHADOWS
#define LSR_SHADOWS 256
#endif
typedef struct lsr_shadows {
	LSR_APART _Atomic uint64_t taken[LSR_SHADOWS / 64];
	LSR_APART lsr_record_t shadow[LSR_SHADOWS]; /* 'word' unused */
} lsr_shadows_t;

/* A body as it lies in a record. */
typedef struct lsr_words {
	uint64_t word[LSR_BODY_WORDS];
} lsr_words_t;

LSR_INLINE void
lsr_words_load(const lsr_record_t *record, lsr_words_t *words) {
#pragma GCC unroll 7
	for (unsigned i = 0; i < LSR_BODY_WORDS; i++) {
		words->word[i] = atomic_load_explicit(&record->body[i], memory_order_acquire); /* R4 */
	}
}

static inline void
lsr_body_load(const lsr_record_t *record, lsr_body_t *body) {
	lsr_words_t words;
	lsr_words_load(record, &words);
	memcpy(body, &words, sizeof(*body));
}

static inline void
lsr_body_store(lsr_record_t *record, const lsr_body_t *body) {
#pragma GCC unroll 7
	for (unsigned i = 0; i < LSR_BODY_WORDS; i++) {
		uint64_t word;
		memcpy(&word, (const uint8_t *)body + i * sizeof(word), sizeof(word));
		atomic_store_explicit(&record->body[i], word, memory_order_release); /* R3 */
	}
}

static inline uint64_t
lsr_record_word(const lsr_record_t *record) {
	return atomic_load_explicit(&record->word, memory_order_acquire); /* R2 */
}

/* After R4: does the record still say this, but for its claim? */
static inline bool
lsr_word_stands(const lsr_record_t *record, uint64_t word) {
	const uint64_t again = atomic_load_explicit(&record->word, memory_order_relaxed);
	return ((word ^ again) & ~(uint64_t)LSR_WORD_CLAIM) == 0;
}

/* lsr_record_read_words() of what is no lease, or is being changed. */
bool lsr_record_read_slowly(const lsr_record_t *record, const lsr_shadows_t *shadows, lsr_words_t *words);

/* Copy the lease out. False: there is none. Lock-free: a repetition means that another thread completed a change. */
LSR_INLINE bool
lsr_record_read_words(const lsr_record_t *record, const lsr_shadows_t *shadows, lsr_words_t *words) {
	const uint64_t word = lsr_record_word(record);
	if (LSR_LIKELY((word & (LSR_WORD_LIVE | LSR_WORD_BUSY)) == LSR_WORD_LIVE)) {
		lsr_words_load(record, words);
		if (LSR_LIKELY(lsr_word_stands(record, word))) {
			return true;
		}
	}
	return lsr_record_read_slowly(record, shadows, words);
}

static inline bool
lsr_record_read(const lsr_record_t *record, const lsr_shadows_t *shadows, lsr_body_t *body) {
	lsr_words_t words;
	if (!lsr_record_read_words(record, shadows, &words)) {
		return false;
	}
	memcpy(body, &words, sizeof(*body));
	return true;
}

/* Take the claim. False: somebody has it. *word becomes the word before the claim. */
static inline bool
lsr_record_claim(lsr_record_t *record, uint64_t *word) {
	*word = atomic_load_explicit(&record->word, memory_order_relaxed);
	return (*word & LSR_WORD_CLAIM) == 0 &&
	       atomic_compare_exchange_strong_explicit(&record->word, word, *word | LSR_WORD_CLAIM,
						       memory_order_acq_rel, memory_order_relaxed); /* R5 */
}

/* The same of a slot that is empty and that nobody holds for a client. False: it is not, or somebody has it. */
static inline bool
lsr_record_claim_empty(lsr_record_t *record, uint64_t *word) {
	*word = atomic_load_explicit(&record->word, memory_order_relaxed);
	return (*word & (LSR_WORD_LIVE | LSR_WORD_CLAIM | LSR_WORD_OFFER)) == 0 &&
	       atomic_compare_exchange_strong_explicit(&record->word, word, *word | LSR_WORD_CLAIM,
						       memory_order_acq_rel, memory_order_relaxed); /* R5 */
}

/* Give the claim back; nothing has happened. */
static inline void
lsr_record_unclaim(lsr_record_t *record, uint64_t word) {
	atomic_store_explicit(&record->word, word, memory_order_release); /* R5 */
}

static inline uint64_t
lsr_word_next(uint64_t word, uint64_t flags) {
	return (((word >> LSR_WORD_SEQUENCE_SHIFT) + 1) << LSR_WORD_SEQUENCE_SHIFT) | flags;
}

/* A claimed empty slot becomes a lease: the moment the create becomes true. */
static inline void
lsr_record_publish(lsr_record_t *record, uint64_t word, const lsr_body_t *body) {
	lsr_body_store(record, body);
	atomic_store_explicit(&record->word, lsr_word_next(word, LSR_WORD_LIVE), memory_order_release); /* R1 */
}

/* The same, but the claim stays, so that nobody changes the lease yet. Returns the word for lsr_record_settle(). */
static inline uint64_t
lsr_record_show(lsr_record_t *record, uint64_t word, const lsr_body_t *body) {
	const uint64_t shown = lsr_word_next(word, LSR_WORD_LIVE | LSR_WORD_CLAIM);
	lsr_body_store(record, body);
	atomic_store_explicit(&record->word, shown, memory_order_release); /* R1 */
	return shown;
}

/* Everything that belongs to the lease is in place. */
static inline void
lsr_record_settle(lsr_record_t *record, uint64_t shown) {
	atomic_store_explicit(&record->word, shown & ~(uint64_t)LSR_WORD_CLAIM, memory_order_release); /* R5 */
}

/* A claimed lease changes: the moment is the last store. 'old' is the body that stands there now. */
void lsr_record_replace(lsr_record_t *record, lsr_shadows_t *shadows, uint64_t word, const lsr_body_t *old,
			const lsr_body_t *fresh);

/* A claimed lease ends for readers, the claim stays. Returns the word for lsr_record_vacate(). */
static inline uint64_t
lsr_record_hide(lsr_record_t *record, uint64_t word) {
	const uint64_t hidden = lsr_word_next(word, LSR_WORD_CLAIM);
	atomic_store_explicit(&record->word, hidden, memory_order_release); /* R1 */
	return hidden;
}

/* The slot is free for the next create. */
static inline void
lsr_record_vacate(lsr_record_t *record, uint64_t hidden) {
	atomic_store_explicit(&record->word, hidden & ~(uint64_t)LSR_WORD_CLAIM, memory_order_release); /* R5 */
}

/* Wait until nobody claims the slot, or a while has passed. The caller holds no claim itself. */
void lsr_record_wait(const lsr_record_t *record);

#endif
