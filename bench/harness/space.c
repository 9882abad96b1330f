/* SPDX-License-Identifier: Apache-2.0 */
/* Laying out the leases of a run. See space.h. */
#include "space.h"

#include <math.h>

#define LOWEST_BASE UINT64_C(0x0A000000) /* 10.0.0.0 */

char bench_hex[256][2];

static unsigned
bits_for(uint64_t count) {
	unsigned bits = 0;
	while ((UINT64_C(1) << bits) < count) {
		bits++;
	}
	return bits;
}

bench_order_t
bench_order_of(uint32_t count, uint64_t seed) {
	const unsigned bits = bits_for(count);
	return (bench_order_t){.count = count,
			       .mask = (uint32_t)((UINT64_C(1) << bits) - 1),
			       .half = bits > 0 ? (bits + 1) / 2 : 1,
			       .key = (uint32_t)(bench_mix(seed) >> 16)};
}

static void
make_hex(void) {
	static const char digits[] = "0123456789abcdef";
	for (unsigned i = 0; i < 256; i++) {
		bench_hex[i][0] = digits[i / 16];
		bench_hex[i][1] = digits[i % 16];
	}
}

bool
bench_space_make(bench_space_t *space, uint64_t leases, uint64_t scopes, double fill_percent, uint64_t seed) {
	const double pool = ceil((double)leases * 100.0 / fill_percent / (double)scopes);
	if (pool > (double)UINT32_MAX || (double)scopes > (double)UINT32_MAX / pool) {
		return false;
	}
	const unsigned scope_bits = bits_for((uint64_t)pool);
	const uint64_t scope_size = UINT64_C(1) << scope_bits;
	const uint64_t base = (LOWEST_BASE + scope_size - 1) & ~(scope_size - 1);
	if (base + (scopes << scope_bits) > UINT64_C(1) << 32) {
		return false;
	}
	make_hex();
	*space = (bench_space_t){.scopes = (uint32_t)scopes,
				 .pool = (uint32_t)pool,
				 .scope_bits = scope_bits,
				 .base = (uint32_t)base,
				 .leases = (uint32_t)leases,
				 .slots = (uint32_t)scopes * (uint32_t)pool,
				 .by_scopes = bench_divisor_of((uint32_t)scopes),
				 .scope_order = bench_order_of((uint32_t)scopes, seed + 1),
				 .pool_order = bench_order_of((uint32_t)pool, seed + 2)};
	return true;
}
