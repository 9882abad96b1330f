/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One record under readers and writers. Every body that is written proves itself: all its bytes follow from one number, so that a
 * mixture of two is recognised wherever it is cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lease/record.h"
#include "test_random.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- bodies that prove themselves ------------------------------------------------------------------------------------ */

/* Body number n: the number itself as LSN, everything else from it. */
static lsr_body_t
body_of(uint64_t n) {
	union {
		uint64_t words[LSR_BODY_WORDS];
		lsr_body_t body;
	} out;
	for (unsigned i = 0; i < LSR_BODY_WORDS; i++) {
		out.words[i] = lsr_scramble(n * LSR_BODY_WORDS + i);
	}
	out.body.lsn = n;
	return out.body;
}

static bool
is_sound(const lsr_body_t *body) {
	const lsr_body_t expected = body_of(body->lsn);
	return memcmp(body, &expected, sizeof(expected)) == 0;
}

static lsr_shadows_t *
new_shadows(void) {
	lsr_shadows_t *shadows = aligned_alloc(_Alignof(lsr_shadows_t), sizeof(*shadows));
	assert_non_null(shadows);
	memset(shadows, 0, sizeof(*shadows));
	return shadows;
}

/* All shadows are given back; then free them. */
static void
free_shadows(lsr_shadows_t *shadows) {
	for (unsigned i = 0; i < LSR_SHADOWS / 64; i++) {
		assert_int_equal(atomic_load(&shadows->taken[i]), 0);
	}
	free(shadows);
}

/* ---- one thread -------------------------------------------------------------------------------------------------------- */

static void
a_slot_lives_and_dies(void **state) {
	(void)state;
	lsr_record_t record = {0};
	lsr_shadows_t *shadows = new_shadows();
	lsr_body_t body;
	uint64_t word;
	const lsr_body_t first = body_of(1);
	const lsr_body_t second = body_of(2);
	assert_false(lsr_record_read(&record, shadows, &body));

	assert_true(lsr_record_claim(&record, &word));
	assert_false(lsr_record_read(&record, shadows, &body)); /* nothing until it is published */
	lsr_record_publish(&record, word, &first);
	assert_true(lsr_record_read(&record, shadows, &body));
	assert_memory_equal(&body, &first, sizeof(body));
	const uint64_t created = lsr_record_word(&record);
	assert_int_equal(created & (LSR_WORD_LIVE | LSR_WORD_CLAIM | LSR_WORD_BUSY), LSR_WORD_LIVE);

	assert_true(lsr_record_claim(&record, &word));
	assert_true(lsr_record_read(&record, shadows, &body)); /* a claim hides nothing */
	lsr_record_replace(&record, shadows, word, &first, &second);
	assert_true(lsr_record_read(&record, shadows, &body));
	assert_memory_equal(&body, &second, sizeof(body));
	const uint64_t updated = lsr_record_word(&record);
	assert_true(updated >> LSR_WORD_SEQUENCE_SHIFT > created >> LSR_WORD_SEQUENCE_SHIFT);

	assert_true(lsr_record_claim(&record, &word));
	const uint64_t hidden = lsr_record_hide(&record, word);
	assert_false(lsr_record_read(&record, shadows, &body));
	assert_false(lsr_record_claim(&record, &word)); /* hidden, but not free yet */
	lsr_record_vacate(&record, hidden);
	assert_false(lsr_record_read(&record, shadows, &body));
	assert_true(lsr_record_word(&record) >> LSR_WORD_SEQUENCE_SHIFT > updated >> LSR_WORD_SEQUENCE_SHIFT);
	assert_true(lsr_record_claim(&record, &word));
	assert_int_equal(word & (LSR_WORD_LIVE | LSR_WORD_CLAIM | LSR_WORD_BUSY), 0);
	free_shadows(shadows);
}

static void
a_claim_excludes_and_undo_leaves_no_trace(void **state) {
	(void)state;
	lsr_record_t record = {0};
	const lsr_body_t body = body_of(7);
	uint64_t word;
	uint64_t other;
	for (unsigned live = 0; live < 2; live++) {
		const uint64_t before = lsr_record_word(&record);
		assert_true(lsr_record_claim(&record, &word));
		assert_int_equal(word, before);
		assert_false(lsr_record_claim(&record, &other));
		lsr_record_unclaim(&record, word);
		assert_int_equal(lsr_record_word(&record), before);
		assert_true(lsr_record_claim(&record, &word));
		lsr_record_publish(&record, word, &body);
	}
}

/* While a body is overwritten, the word names a shadow: that one is what a reader gets. */
static void
readers_of_a_busy_record_see_the_shadow(void **state) {
	(void)state;
	lsr_record_t record = {0};
	lsr_shadows_t *shadows = new_shadows();
	lsr_body_t body;
	for (unsigned at = 0; at < LSR_SHADOWS; at += 51) {
		const lsr_body_t old = body_of(100 + at);
		const lsr_body_t half = body_of(200 + at);
		lsr_body_store(&shadows->shadow[at], &old);
		lsr_body_store(&record, &half);
		atomic_store(&record.word, lsr_word_next(0, LSR_WORD_LIVE | LSR_WORD_CLAIM | LSR_WORD_BUSY |
								    (uint64_t)at << LSR_WORD_SHADOW_SHIFT));
		assert_true(lsr_record_read(&record, shadows, &body));
		assert_memory_equal(&body, &old, sizeof(body));
	}
	free_shadows(shadows);
}

static void
waiting_ends_with_the_claim_or_after_a_while(void **state) {
	(void)state;
	lsr_record_t record = {0};
	uint64_t word;
	lsr_record_wait(&record); /* nobody claims it */
	assert_true(lsr_record_claim(&record, &word));
	lsr_record_wait(&record); /* nobody will ever give it back: the wait is bounded */
	assert_false(lsr_record_claim(&record, &word));
}

/* ---- threads ------------------------------------------------------------------------------------------------------------ */

#define RECORDS 4
#define READERS 2
#define WRITERS 2

typedef struct {
	lsr_record_t record[RECORDS];
	lsr_shadows_t *shadows;
	uint64_t plain[RECORDS]; /* touched by the holder of the claim alone */
	_Atomic uint64_t next_number;
	atomic_bool stop;
	atomic_uint wrong;
	_Atomic uint64_t seen;
	_Atomic uint64_t changes[RECORDS];
	bool always_live; /* no deletes: readers must find every record at every look */
	bool only_undo;   /* writers change nothing at all */
	uint64_t stream;
} lsr_race_t;

static void *
run_reader(void *argument) {
	lsr_race_t *race = argument;
	uint64_t newest[RECORDS] = {0};
	unsigned wrong = 0;
	uint64_t seen = 0;
	while (!atomic_load_explicit(&race->stop, memory_order_relaxed)) {
		const unsigned i = (unsigned)(seen % RECORDS);
		lsr_body_t body;
		if (lsr_record_read(&race->record[i], race->shadows, &body)) {
			/* Whole, and never older than what this reader has seen of the record. */
			wrong += !is_sound(&body) || body.lsn < newest[i];
			newest[i] = body.lsn;
		} else {
			wrong += race->always_live;
		}
		seen++;
		if (seen % 256 == 0) {
			atomic_fetch_add(&race->seen, 256);
		}
	}
	atomic_fetch_add(&race->wrong, wrong);
	return NULL;
}

/* Numbers are drawn while the claim is held, so that they grow per record. */
static void
change(lsr_race_t *race, unsigned i, uint64_t word, uint64_t dice) {
	lsr_record_t *record = &race->record[i];
	if (race->only_undo || dice % 4 == 0) {
		lsr_record_unclaim(record, word);
		return;
	}
	const lsr_body_t fresh = body_of(atomic_fetch_add(&race->next_number, 1));
	atomic_fetch_add(&race->changes[i], 1);
	if ((word & LSR_WORD_LIVE) == 0) {
		lsr_record_publish(record, word, &fresh);
	} else if (race->always_live || dice % 4 < 3) {
		lsr_body_t old;
		lsr_body_load(record, &old);
		atomic_fetch_add(&race->wrong, is_sound(&old) ? 0u : 1u);
		lsr_record_replace(record, race->shadows, word, &old, &fresh);
	} else {
		lsr_record_vacate(record, lsr_record_hide(record, word));
	}
}

static void *
run_writer(void *argument) {
	lsr_race_t *race = argument;
	lsr_random_t random = lsr_random_stream(race->stream + (uint64_t)(uintptr_t)&random);
	unsigned claimed = 0;
	while (claimed < LSR_TEST_ROUNDS(100000) || atomic_load(&race->seen) < 20000) {
		const unsigned i = (unsigned)lsr_random_below(&random, RECORDS);
		uint64_t word;
		if (!lsr_record_claim(&race->record[i], &word)) {
			lsr_record_wait(&race->record[i]);
			continue;
		}
		race->plain[i]++;
		claimed++;
		change(race, i, word, lsr_random_u64(&random) >> 20);
	}
	/* How often this thread held a claim. */
	return (void *)(uintptr_t)claimed;
}

static lsr_race_t *
new_race(uint64_t stream) {
	lsr_race_t *race = aligned_alloc(_Alignof(lsr_race_t), sizeof(*race));
	assert_non_null(race);
	memset(race, 0, sizeof(*race));
	race->shadows = new_shadows();
	race->stream = stream;
	atomic_store(&race->next_number, 1);
	return race;
}

static void
run_race(lsr_race_t *race) {
	pthread_t readers[READERS];
	pthread_t writers[WRITERS];
	for (unsigned i = 0; i < READERS; i++) {
		assert_int_equal(pthread_create(&readers[i], NULL, run_reader, race), 0);
	}
	for (unsigned i = 0; i < WRITERS; i++) {
		assert_int_equal(pthread_create(&writers[i], NULL, run_writer, race), 0);
	}
	uint64_t claimed = 0;
	for (unsigned i = 0; i < WRITERS; i++) {
		void *result;
		assert_int_equal(pthread_join(writers[i], &result), 0);
		claimed += (uintptr_t)result;
	}
	atomic_store(&race->stop, true);
	for (unsigned i = 0; i < READERS; i++) {
		assert_int_equal(pthread_join(readers[i], NULL), 0);
	}
	assert_int_equal(atomic_load(&race->wrong), 0);
	/* Every claim was counted without an atomic: had two held one at a time, some would be lost. */
	uint64_t counted = 0;
	for (unsigned i = 0; i < RECORDS; i++) {
		counted += race->plain[i];
	}
	assert_int_equal(counted, claimed);
	free_shadows(race->shadows);
}

static void
populate(lsr_race_t *race) {
	for (unsigned i = 0; i < RECORDS; i++) {
		uint64_t word;
		const lsr_body_t body = body_of(atomic_fetch_add(&race->next_number, 1));
		assert_true(lsr_record_claim(&race->record[i], &word));
		lsr_record_publish(&race->record[i], word, &body);
	}
}

static void
readers_get_whole_bodies_while_everything_changes(void **state) {
	(void)state;
	lsr_race_t *race = new_race(10);
	run_race(race);
	free(race);
}

static void
an_updated_lease_never_vanishes(void **state) {
	(void)state;
	lsr_race_t *race = new_race(20);
	race->always_live = true;
	populate(race);
	run_race(race);
	/* Each update moves the sequence by two steps, each undo by none. */
	for (unsigned i = 0; i < RECORDS; i++) {
		const uint64_t sequence = lsr_record_word(&race->record[i]) >> LSR_WORD_SEQUENCE_SHIFT;
		assert_int_equal(sequence, 1 + 2 * atomic_load(&race->changes[i]));
	}
	free(race);
}

static void
readers_do_not_notice_an_undo(void **state) {
	(void)state;
	lsr_race_t *race = new_race(30);
	race->always_live = true;
	race->only_undo = true;
	populate(race);
	uint64_t before[RECORDS];
	for (unsigned i = 0; i < RECORDS; i++) {
		before[i] = lsr_record_word(&race->record[i]);
	}
	run_race(race);
	for (unsigned i = 0; i < RECORDS; i++) {
		assert_int_equal(lsr_record_word(&race->record[i]), before[i]);
	}
	free(race);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slot_lives_and_dies),
		cmocka_unit_test(a_claim_excludes_and_undo_leaves_no_trace),
		cmocka_unit_test(readers_of_a_busy_record_see_the_shadow),
		cmocka_unit_test(waiting_ends_with_the_claim_or_after_a_while),
		cmocka_unit_test(readers_get_whole_bodies_while_everything_changes),
		cmocka_unit_test(an_updated_lease_never_vanishes),
		cmocka_unit_test(readers_do_not_notice_an_undo),
	};
	(void)lsr_test_seed();
	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
