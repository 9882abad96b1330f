/* SPDX-License-Identifier: Apache-2.0 */
/* What does this machine's memory give at best, by how much of it is met at random? The measure of all other figures. */
#include "bench.h"
#include "memory_load.h"

namespace {

const bench::Expectation load_expected("Load", "ten and more misses overlap: a tenth of Chase");
const bench::Expectation chase_expected("Chase", "the latency of memory, address translation included");
const bench::Expectation add_expected("Add", "misses overlap although the adds are ordered: two to three times Load");
const bench::Expectation create_expected(
	"Create", "two lines that miss: at 32 at a time four times Load and what is executed; one by one little more, "
		  "because so few instructions let the processor reach the next create while one waits");

bench_memory_t *
memory(int64_t bits) {
	static bench_memory_t *made = nullptr;
	static int64_t made_bits = 0;
	if (made_bits != bits) {
		if (made != nullptr) {
			bench_memory_free(made);
		}
		made = bench::require(bench_memory_new(static_cast<unsigned>(bits)), "memory");
		made_bits = bits;
	}
	return made;
}

void
Load(benchmark::State &state) {
	bench_memory_t *load = memory(state.range(0));
	for (auto _ : state) {
		benchmark::DoNotOptimize(bench_memory_load(load));
	}
	state.SetItemsProcessed(state.iterations() * BENCH_BLOCK);
}

void
Chase(benchmark::State &state) {
	bench_memory_t *load = memory(state.range(0));
	for (auto _ : state) {
		benchmark::DoNotOptimize(bench_memory_chase(load));
	}
	state.SetItemsProcessed(state.iterations() * BENCH_BLOCK);
}

void
Add(benchmark::State &state) {
	bench_memory_t *load = memory(state.range(0));
	for (auto _ : state) {
		bench_memory_add(load);
	}
	state.SetItemsProcessed(state.iterations() * BENCH_BLOCK);
}

void
Create(benchmark::State &state) {
	bench_memory_t *load = memory(state.range(0));
	for (auto _ : state) {
		bench_memory_create(load, static_cast<unsigned>(state.range(1)));
	}
	state.SetItemsProcessed(state.iterations() * BENCH_BLOCK);
}

BENCHMARK(Load)->ArgName("bits")->Arg(16)->Arg(22)->Arg(24);
BENCHMARK(Chase)->ArgName("bits")->Arg(16)->Arg(22)->Arg(24);
BENCHMARK(Add)->ArgName("bits")->Arg(16)->Arg(22)->Arg(24);
BENCHMARK(Create)->ArgNames({"bits", "batch"})->ArgsProduct({{16, 22, 24}, {1, 32}});

} /* namespace */
