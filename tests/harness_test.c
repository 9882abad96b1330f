/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic that lessor-bench stands on: percentiles, orders, leases, free addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../bench/harness/free_map.h"
#include "../bench/harness/histogram.h"
#include "../bench/harness/space.h"
#include "test_random.h"

#define VALUES LSR_TEST_ROUNDS(20000u)

static int
compare_values(const void *left, const void *right) {
	const uint64_t *a = left;
	const uint64_t *b = right;
	return (*a > *b) - (*a < *b);
}

/* Lengths of all magnitudes, as calls have them. */
static uint64_t
random_length(lsr_random_t *random) {
	return lsr_random_u64(random) >> (lsr_random_u64(random) % 63 + 1);
}

static void
percentiles_are_those_of_the_sorted_values(void **state) {
	(void)state;
	static const double shares[] = {0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1};
	lsr_random_t random = lsr_random_stream(1);
	uint64_t *values = calloc(VALUES, sizeof(*values));
	bench_histogram_t *halves = calloc(2, sizeof(*halves));
	assert_true(values != NULL && halves != NULL);
	for (size_t i = 0; i < VALUES; i++) {
		values[i] = random_length(&random);
		bench_histogram_add(&halves[i % 2], values[i], 1);
	}
	bench_histogram_merge(&halves[0], &halves[1]);
	qsort(values, VALUES, sizeof(*values), compare_values);
	assert_int_equal(halves[0].count, VALUES);
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		const uint64_t exact = values[(size_t)ceil(shares[i] * VALUES) - 1];
		const uint64_t found = bench_histogram_at(&halves[0], shares[i]);
		assert_true(found >= exact && found - exact <= exact / 64);
	}
	assert_true(bench_histogram_at(&halves[0], 1) == values[VALUES - 1]);
	free(values);
	free(halves);
}

static void
extreme_lengths_have_buckets(void **state) {
	(void)state;
	bench_histogram_t *histogram = calloc(1, sizeof(*histogram));
	assert_non_null(histogram);
	assert_int_equal(bench_histogram_at(histogram, 0.5), 0);
	bench_histogram_add(histogram, 0, 1);
	assert_int_equal(bench_histogram_at(histogram, 1), 0);
	bench_histogram_add(histogram, UINT64_MAX, 99);
	assert_true(bench_histogram_at(histogram, 0.01) == 0);
	assert_true(bench_histogram_at(histogram, 0.02) == UINT64_MAX);
	assert_int_equal(bench_histogram_bucket(UINT64_MAX), BENCH_HISTOGRAM_BUCKETS - 1);
	free(histogram);
}

static void
orders_visit_every_number_once(void **state) {
	(void)state;
	static const uint32_t counts[] = {1, 2, 3, 4, 5, 7, 8, 64, 1000, 1024, 1025, 4096, 5000};
	lsr_random_t random = lsr_random_stream(2);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		const bench_order_t order = bench_order_of(counts[i], lsr_random_u64(&random));
		const uint32_t key = (uint32_t)lsr_random_u64(&random);
		char *seen = calloc(counts[i], 1);
		assert_non_null(seen);
		for (uint32_t number = 0; number < counts[i]; number++) {
			const uint32_t at = bench_order_at(&order, number, key);
			assert_true(at < counts[i]);
			assert_int_equal(seen[at]++, 0);
		}
		free(seen);
	}
}

static void
quotients_are_exact(void **state) {
	(void)state;
	lsr_random_t random = lsr_random_stream(3);
	for (unsigned i = 0; i < VALUES; i++) {
		const uint32_t divisor = (uint32_t)random_length(&random) | (i % 3 == 0);
		const uint32_t number = i % 5 == 0 ? UINT32_MAX - i : (uint32_t)lsr_random_u64(&random);
		if (divisor != 0) {
			const bench_divisor_t by = bench_divisor_of(divisor);
			assert_int_equal(bench_divide(number, &by), number / divisor);
		}
	}
}

static int
compare_leases(const void *left, const void *right) {
	const bench_lease_t *a = left;
	const bench_lease_t *b = right;
	return (a->address > b->address) - (a->address < b->address);
}

static int
compare_clients(const void *left, const void *right) {
	const bench_lease_t *a = left;
	const bench_lease_t *b = right;
	return memcmp(a->mac, b->mac, sizeof(a->mac));
}

/* All places of a space, each with its first client. */
static bench_lease_t *
all_leases(const bench_space_t *space) {
	bench_lease_t *leases = calloc(space->slots, sizeof(*leases));
	assert_non_null(leases);
	for (uint32_t i = 0; i < space->slots; i++) {
		bench_space_place(space, i, &leases[i]);
		bench_space_client(bench_client_at(i, 0), &leases[i]);
	}
	return leases;
}

static void
leases_are_unique_and_in_their_pools(void **state) {
	(void)state;
	static const struct {
		uint64_t leases;
		uint64_t scopes;
		double fill;
	} shapes[] = {{4096, 16, 100}, {1009, 7, 80}, {1009, 1, 33.3}, {100, 100, 100}, {5, 100, 50}};
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		bench_space_t space;
		assert_true(
			bench_space_make(&space, shapes[i].leases, shapes[i].scopes, shapes[i].fill, lsr_test_seed()));
		assert_true((double)space.leases * 100 / space.slots <= shapes[i].fill + 1e-9);
		bench_lease_t *leases = all_leases(&space);
		qsort(leases, space.slots, sizeof(*leases), compare_leases);
		for (uint32_t at = 0; at < space.slots; at++) {
			const uint32_t scope = at / space.pool;
			assert_int_equal(leases[at].subnet, bench_space_subnet(&space, scope));
			assert_int_equal(leases[at].address, leases[at].subnet + at % space.pool);
			assert_int_equal(leases[at].subnet & ((UINT32_C(1) << space.scope_bits) - 1), 0);
		}
		qsort(leases, space.slots, sizeof(*leases), compare_clients);
		for (uint32_t at = 1; at < space.slots; at++) {
			assert_true(compare_clients(&leases[at - 1], &leases[at]) < 0);
		}
		free(leases);
	}
}

/* Any stretch of positions has as many leases in each scope, give or take one. */
static void
stretches_fill_scopes_evenly(void **state) {
	(void)state;
	bench_space_t space;
	uint32_t counts[13] = {0};
	assert_true(bench_space_make(&space, 5000, 13, 90, lsr_test_seed()));
	for (uint32_t i = 777; i < 777 + 13 * 50; i++) {
		bench_lease_t lease;
		bench_space_place(&space, i, &lease);
		counts[(lease.subnet - space.base) >> space.scope_bits]++;
	}
	for (unsigned i = 0; i < 13; i++) {
		assert_int_equal(counts[i], 50);
	}
}

static void
spaces_beyond_all_addresses_are_refused(void **state) {
	(void)state;
	bench_space_t space;
	assert_true(bench_space_make(&space, UINT64_C(1) << 26, 1, 100, 1));
	assert_int_equal(space.base & ((UINT32_C(1) << 26) - 1), 0);
	assert_false(bench_space_make(&space, UINT64_C(4000000000), 1, 1, 1));
	assert_false(bench_space_make(&space, UINT64_C(4000000000), 1, 100, 1));
	assert_false(bench_space_make(&space, 10, UINT64_C(1) << 32, 100, 1));
	assert_false(bench_space_make(&space, UINT64_C(1) << 31, UINT64_C(1) << 20, 50, 1));
}

static void
names_are_the_client_in_digits(void **state) {
	(void)state;
	bench_space_t space;
	bench_lease_t lease = {0};
	assert_true(bench_space_make(&space, 10, 1, 100, 1));
	bench_space_client(bench_client_of(3, 77), &lease);
	for (unsigned i = 0; i < BENCH_MAC_BYTES; i++) {
		char digits[3];
		(void)snprintf(digits, sizeof(digits), "%02x", lease.mac[i]);
		assert_memory_equal(digits, lease.name + (size_t)2 * i, 2);
	}
	assert_int_equal(strlen(lease.name), BENCH_NAME_BYTES);
	assert_int_equal(lease.mac[6] + lease.mac[7], 0);
}

static void
free_addresses_are_found_until_there_are_none(void **state) {
	(void)state;
	bench_space_t space;
	uint32_t address;
	lsr_random_t random = lsr_random_stream(4);
	assert_true(bench_space_make(&space, 300, 2, 100, 1));
	bench_free_map_t *map = bench_free_map_new(&space);
	char seen[150] = {0};
	assert_non_null(map);
	const uint32_t subnet = bench_space_subnet(&space, 1);
	for (unsigned i = 0; i < 20; i++) {
		bench_free_map_take(map, subnet + i);
		seen[i] = 1;
	}
	for (unsigned i = 20; i < 150; i++) {
		assert_true(bench_free_map_find(map, subnet, lsr_random_u64(&random), &address));
		assert_true(address >= subnet && address < subnet + 150);
		assert_int_equal(seen[address - subnet]++, 0);
	}
	assert_false(bench_free_map_find(map, subnet, lsr_random_u64(&random), &address));
	bench_free_map_give(map, subnet + 149);
	assert_true(bench_free_map_find(map, subnet, 0, &address));
	assert_int_equal(address, subnet + 149);
	assert_true(bench_free_map_find(map, bench_space_subnet(&space, 0), 0, &address));
	bench_free_map_free(map);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percentiles_are_those_of_the_sorted_values),
		cmocka_unit_test(extreme_lengths_have_buckets),
		cmocka_unit_test(orders_visit_every_number_once),
		cmocka_unit_test(quotients_are_exact),
		cmocka_unit_test(leases_are_unique_and_in_their_pools),
		cmocka_unit_test(stretches_fill_scopes_evenly),
		cmocka_unit_test(spaces_beyond_all_addresses_are_refused),
		cmocka_unit_test(names_are_the_client_in_digits),
		cmocka_unit_test(free_addresses_are_found_until_there_are_none),
	};
	(void)lsr_test_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
