/* SPDX-License-Identifier: Apache-2.0 */
/* Interned origins against a list, at the end of the numbers, and beside readers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lease/origin.h"
#include "test_random.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* An origin and the texts it points to. */
typedef struct {
	lsr_origin_t origin;
	char owner[40];
	char policy[40];
} lsr_named_t;

/* owner and policy may be NULL. The texts are not NUL-terminated where 'origin' points: lengths are what counts. */
static void
name_origin(lsr_named_t *named, uint32_t address, const char *owner, const char *policy) {
	memset(named, 'x', sizeof(*named));
	named->origin = (lsr_origin_t){.owner_address = address,
				       .has_owner_name = owner != NULL,
				       .has_policy = policy != NULL,
				       .owner_name = named->owner,
				       .policy_name = named->policy};
	if (owner != NULL) {
		named->origin.owner_name_bytes = (uint16_t)strlen(owner);
		memcpy(named->owner, owner, strlen(owner));
	}
	if (policy != NULL) {
		named->origin.policy_bytes = (uint16_t)strlen(policy);
		memcpy(named->policy, policy, strlen(policy));
	}
}

static bool
same_text(bool has, const char *text, uint16_t bytes, bool has_stored, const char *stored, uint16_t stored_bytes) {
	return has == has_stored &&
	       (!has || (bytes == stored_bytes && memcmp(text, stored, bytes) == 0 && stored[bytes] == '\0'));
}

/* What is stored has the same contents, and ends its texts with a NUL. */
static bool
is_copy(const lsr_origin_t *stored, const lsr_origin_t *origin) {
	return stored != NULL && stored != origin && stored->owner_address == origin->owner_address &&
	       same_text(origin->has_owner_name, origin->owner_name, origin->owner_name_bytes, stored->has_owner_name,
			 stored->owner_name, stored->owner_name_bytes) &&
	       same_text(origin->has_policy, origin->policy_name, origin->policy_bytes, stored->has_policy,
			 stored->policy_name, stored->policy_bytes);
}

/* Contents that follow from a number; different numbers, different contents. */
static void
numbered_origin(lsr_named_t *named, uint32_t n) {
	char owner[40];
	char policy[40];
	(void)snprintf(owner, sizeof(owner), "server-%u", n / 8);
	(void)snprintf(policy, sizeof(policy), "policy-%u", n / 8);
	name_origin(named, n % 2 == 0 ? 0 : n / 8 + 1, (n / 2) % 2 == 0 ? NULL : owner,
		    (n / 4) % 2 == 0 ? NULL : policy);
}

/* ---- what is the same and what is not -------------------------------------------------------------------------------- */

static void
absent_and_empty_are_different(void **state) {
	(void)state;
	lsr_origins_t origins;
	lsr_named_t named[8];
	name_origin(&named[0], 0, "", NULL);
	name_origin(&named[1], 0, NULL, "");
	name_origin(&named[2], 0, "", "");
	name_origin(&named[3], 1, NULL, NULL);
	name_origin(&named[4], 0, "a", NULL);
	name_origin(&named[5], 0, NULL, "a");
	name_origin(&named[6], 0, "ab", "c");
	name_origin(&named[7], 0, "a", "bc");
	assert_true(lsr_origins_init(&origins));
	for (uint32_t i = 0; i < COUNT(named); i++) {
		assert_int_equal(lsr_origins_find(&origins, &named[i].origin), LSR_ORIGIN_NONE);
		assert_int_equal(lsr_origins_next_number(&origins), i + 1);
		assert_true(lsr_origins_add(&origins, i + 1, &named[i].origin));
	}
	for (uint32_t i = 0; i < COUNT(named); i++) {
		assert_int_equal(lsr_origins_find(&origins, &named[i].origin), i + 1);
		assert_true(is_copy(lsr_origins_get(&origins, (uint16_t)(i + 1)), &named[i].origin));
	}
	lsr_named_t none;
	name_origin(&none, 0, NULL, NULL);
	assert_int_equal(lsr_origins_find(&origins, &none.origin), LSR_ORIGIN_NONE);
	assert_null(lsr_origins_get(&origins, LSR_ORIGIN_NONE));
	assert_null(lsr_origins_get(&origins, COUNT(named) + 1));
	lsr_origins_destroy(&origins);
	lsr_origins_destroy(&origins); /* twice is harmless */
}

static void
a_number_keeps_its_contents(void **state) {
	(void)state;
	lsr_origins_t origins;
	lsr_named_t first;
	lsr_named_t second;
	numbered_origin(&first, 7);
	numbered_origin(&second, 15);
	assert_true(lsr_origins_init(&origins));
	assert_true(lsr_origins_add(&origins, 5, &first.origin));
	assert_true(lsr_origins_add(&origins, 5, &first.origin)); /* recovery meets it twice */
	assert_false(lsr_origins_add(&origins, 5, &second.origin));
	assert_true(is_copy(lsr_origins_get(&origins, 5), &first.origin));
	assert_int_equal(lsr_origins_find(&origins, &second.origin), LSR_ORIGIN_NONE);
	assert_false(lsr_origins_add(&origins, 0, &second.origin));
	assert_false(lsr_origins_add(&origins, LSR_ORIGINS_MAX + 1, &second.origin));
	/* Numbers may come in any order; the next one is behind the greatest. */
	assert_int_equal(lsr_origins_next_number(&origins), 6);
	assert_true(lsr_origins_add(&origins, 2, &second.origin));
	assert_int_equal(lsr_origins_next_number(&origins), 6);
	assert_int_equal(lsr_origins_find(&origins, &second.origin), 2);
	lsr_origins_destroy(&origins);
}

/* Copying and publishing apart, as a change does it: nothing shows before it is published. */
static void
a_copy_shows_when_it_is_published(void **state) {
	(void)state;
	lsr_origins_t origins;
	lsr_named_t named;
	numbered_origin(&named, 15);
	assert_true(lsr_origins_init(&origins));
	lsr_origin_t *unused = lsr_origin_copy(&named.origin);
	assert_non_null(unused);
	free(unused);
	lsr_origin_t *copy = lsr_origin_copy(&named.origin);
	assert_true(is_copy(copy, &named.origin));
	assert_int_equal(lsr_origins_find(&origins, &named.origin), LSR_ORIGIN_NONE);
	lsr_origins_publish(&origins, 1, copy);
	assert_int_equal(lsr_origins_find(&origins, &named.origin), 1);
	assert_ptr_equal(lsr_origins_get(&origins, 1), copy);
	lsr_origins_destroy(&origins);
}

/* ---- all the numbers ---------------------------------------------------------------------------------------------------- */

static void
random_origins_until_the_numbers_end(void **state) {
	(void)state;
	lsr_random_t random = lsr_random_stream(1);
	lsr_origins_t origins;
	lsr_named_t named;
	assert_true(lsr_origins_init(&origins));
	uint16_t *number = calloc(2 * (size_t)LSR_ORIGINS_MAX, sizeof(number[0]));
	assert_non_null(number);
	uint32_t used = 0;
	while (used < LSR_ORIGINS_MAX) {
		const uint32_t n = 1 + (uint32_t)lsr_random_below(&random, 2 * LSR_ORIGINS_MAX - 1);
		numbered_origin(&named, n);
		if (n % 8 == 0) {
			continue; /* nothing in it */
		}
		assert_int_equal(lsr_origins_find(&origins, &named.origin), number[n]);
		if (number[n] == 0) {
			assert_int_equal(lsr_origins_next_number(&origins), used + 1);
			assert_true(lsr_origins_add(&origins, ++used, &named.origin));
			number[n] = (uint16_t)used;
		}
	}
	assert_int_equal(lsr_origins_next_number(&origins), 0);
	for (uint32_t n = 1; n < 2 * LSR_ORIGINS_MAX; n++) {
		numbered_origin(&named, n);
		if (n % 8 != 0) {
			assert_int_equal(lsr_origins_find(&origins, &named.origin), number[n]);
		}
		if (number[n] != 0) {
			assert_true(is_copy(lsr_origins_get(&origins, number[n]), &named.origin));
		}
	}
	free(number);
	lsr_origins_destroy(&origins);
}

/* ---- readers ------------------------------------------------------------------------------------------------------------- */

#define RACED LSR_TEST_ROUNDS(20000u)

typedef struct {
	lsr_origins_t *origins;
	atomic_bool stop;
	atomic_uint wrong;
	atomic_uint looks;
} lsr_race_t;

static void *
run_reader(void *argument) {
	lsr_race_t *race = argument;
	uint32_t n = 0;
	while (!atomic_load(&race->stop)) {
		lsr_named_t named;
		n = (n + 1) % RACED;
		numbered_origin(&named, n * 8 + 7);
		const uint16_t number = lsr_origins_find(race->origins, &named.origin);
		if (number != LSR_ORIGIN_NONE) {
			const bool good = number == n + 1 &&
					  is_copy(lsr_origins_get(race->origins, number), &named.origin) &&
					  lsr_origins_find(race->origins, &named.origin) == number;
			atomic_fetch_add(&race->wrong, good ? 0u : 1u);
			atomic_fetch_add(&race->looks, 1u);
		}
	}
	return NULL;
}

static void
readers_see_complete_origins(void **state) {
	(void)state;
	lsr_origins_t origins;
	lsr_race_t race = {.origins = &origins};
	pthread_t readers[2];
	assert_true(lsr_origins_init(&origins));
	for (size_t i = 0; i < COUNT(readers); i++) {
		assert_int_equal(pthread_create(&readers[i], NULL, run_reader, &race), 0);
	}
	for (uint32_t n = 0; n < RACED; n++) {
		lsr_named_t named;
		numbered_origin(&named, n * 8 + 7);
		assert_true(lsr_origins_add(&origins, n + 1, &named.origin));
	}
	while (atomic_load(&race.looks) < 1000) {
		(void)sched_yield();
	}
	atomic_store(&race.stop, true);
	for (size_t i = 0; i < COUNT(readers); i++) {
		assert_int_equal(pthread_join(readers[i], NULL), 0);
	}
	assert_int_equal(atomic_load(&race.wrong), 0);
	lsr_origins_destroy(&origins);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(absent_and_empty_are_different),
		cmocka_unit_test(a_number_keeps_its_contents),
		cmocka_unit_test(a_copy_shows_when_it_is_published),
		cmocka_unit_test(random_origins_until_the_numbers_end),
		cmocka_unit_test(readers_see_complete_origins),
	};
	(void)lsr_test_seed();
	return cmocka_run_group_tests_name("origin", tests, NULL, NULL);
}
