/* SPDX-License-Identifier: Apache-2.0 */
/* What does it cost to find the scope of an address, and how does that grow with the number of scopes? */
#include "bench.h"
#include "trie_load.h"

namespace {

const bench::Expectation find_expected("Find",
				       "four nodes at most whatever the number: some nanoseconds while the trie "
				       "fits the first caches, then slowly more");
const bench::Expectation
	chase_expected("Chase", "the same with nothing overlapped: the latency of one look-up, 2 to 5 times Find");
const bench::Expectation sorted_expected("SortedArray",
					 "baseline without any updates: grows with the logarithm, passes Find early");
const bench::Expectation change_expected("Change",
					 "copies four nodes: nearly flat; dear, because nobody changes scopes often");

using Lookup = uint64_t (*)(const bench_trie_t *, uint32_t);

void
run_lookup(benchmark::State &state, Lookup lookup) {
	bench_trie_t *load = bench::require(bench_trie_new(static_cast<uint32_t>(state.range(0))), "a trie");
	uint32_t from = 0;
	for (auto _ : state) {
		benchmark::DoNotOptimize(lookup(load, from));
		from += BENCH_BLOCK;
	}
	state.SetItemsProcessed(state.iterations() * BENCH_BLOCK);
	bench_trie_free(load);
}

void
Find(benchmark::State &state) {
	run_lookup(state, bench_trie_find);
}

void
Chase(benchmark::State &state) {
	run_lookup(state, bench_trie_chase);
}

void
SortedArray(benchmark::State &state) {
	run_lookup(state, bench_trie_sorted_find);
}

void
Change(benchmark::State &state) {
	bench_trie_t *load = bench::require(bench_trie_new(static_cast<uint32_t>(state.range(0))), "a trie");
	uint32_t from = 0;
	for (auto _ : state) {
		bench_trie_change(load, from++);
	}
	state.SetItemsProcessed(state.iterations() * 2);
	bench_trie_free(load);
}

void
by_scopes(benchmark::internal::Benchmark *benchmark) {
	benchmark->ArgName("scopes")->Arg(1)->Arg(10)->Arg(100)->Arg(1000)->Arg(10000)->Arg(100000);
}

BENCHMARK(Find)->Apply(by_scopes);
BENCHMARK(Chase)->Apply(by_scopes);
BENCHMARK(SortedArray)->Apply(by_scopes);
BENCHMARK(Change)->Apply(by_scopes);

} /* namespace */
