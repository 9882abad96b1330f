/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does it cost to find a free address, by how full the scope is?
 *
 * Each operation deletes a lease somewhere and makes another, so that the scope stays as full as it was. Replace makes it at the address that
 * was given up, as a caller would that knows a free address: the difference to it is what searching costs.
 */
#include "allocate_load.h"
#include "bench.h"

namespace {

const bench::Expectation allocate_expected(
	"Allocate",
	"much the same with half of the scope free and with one address free; near Replace, or better, since "
	"neighbouring addresses share pages");
const bench::Expectation replace_expected("Replace", "a delete and a create, both of a random address");
const bench::Expectation offer_expected("OfferBind", "Allocate and some locks and lines more, however full");
const bench::Expectation exhausted_expected("Exhausted", "no search: one word, and a look for the client");

using Operation = uint64_t (*)(bench_pool_t *, unsigned, unsigned, uint32_t);

constexpr uint32_t
one_in(unsigned bits, uint32_t parts) {
	return (UINT32_C(1) << bits) / parts;
}

/* Made once for each shape and kept: making one is long. */
bench_pool_t *
kept(unsigned bits, uint32_t holes) {
	static bench_pool_t *load = nullptr;
	static unsigned made_bits = 0;
	static uint32_t made_holes = 0;
	if (made_bits != bits || made_holes != holes) {
		if (load != nullptr) {
			bench_pool_free(load);
		}
		load = bench::require(bench_pool_new(bits, holes), "a pool");
		made_bits = bits;
		made_holes = holes;
	}
	return load;
}

bench_pool_t *shared = nullptr;

void
run(benchmark::State &state, Operation operation) {
	if (state.thread_index() == 0) {
		shared = kept(static_cast<unsigned>(state.range(0)), static_cast<uint32_t>(state.range(1)));
	}
	for (auto _ : state) {
		if (operation(shared, static_cast<unsigned>(state.thread_index()),
			      static_cast<unsigned>(state.threads()), BENCH_BLOCK) != BENCH_BLOCK) {
			state.SkipWithError("an operation went wrong");
			break;
		}
	}
	state.SetItemsProcessed(state.iterations() * BENCH_BLOCK);
}

void
Allocate(benchmark::State &state) {
	run(state, bench_pool_allocate);
}

void
Replace(benchmark::State &state) {
	run(state, bench_pool_create);
}

void
OfferBind(benchmark::State &state) {
	run(state, bench_pool_offer);
}

void
Exhausted(benchmark::State &state) {
	bench_pool_t *load = kept(static_cast<unsigned>(state.range(0)), 0);
	for (auto _ : state) {
		if (bench_pool_exhausted(load, BENCH_BLOCK) != BENCH_BLOCK) {
			state.SkipWithError("an operation went wrong");
			break;
		}
	}
	state.SetItemsProcessed(state.iterations() * BENCH_BLOCK);
}

constexpr unsigned large_bits = 20; /* a /12 */
constexpr unsigned vast_bits = 24;  /* a /8 */

void
by_holes(benchmark::internal::Benchmark *benchmark) {
	benchmark->ArgNames({"bits", "holes"})->UseRealTime();
	for (uint32_t parts : {2u, 100u, 1000u}) {
		benchmark->Args({large_bits, one_in(large_bits, parts)});
	}
	benchmark->Args({large_bits, 1})->Args({vast_bits, 1})->ThreadRange(1, 2);
}

BENCHMARK(Allocate)->Apply(by_holes);
BENCHMARK(Replace)->Apply(by_holes);
BENCHMARK(OfferBind)->Apply(by_holes);
BENCHMARK(Exhausted)->ArgName("bits")->Arg(large_bits);

} /* namespace */
