/* SPDX-License-Identifier: Apache-2.0 */
/* What does counting a lease in and out cost, when threads share a scope and when they do not? */
#include "bench.h"
#include "counters_load.h"

namespace {

const bench::Expectation own_expected("Own",
				      "two atomic adds on a line of one's own: the same per thread with two threads");
const bench::Expectation
	shared_expected("Shared", "with two threads the line travels: several times Own, the price of exact figures");
const bench::Expectation batch_expected("SharedBatch", "a batch touches the line once for 32 leases: next to nothing");
const bench::Expectation locked_expected("Locked*",
					 "baseline, a mutex around plain counters: dearer alone, worse when shared");
const bench::Expectation read_expected("Read", "two plain loads");

constexpr unsigned scopes = 64;

bench_counters_t *
counters() {
	static bench_counters_t *const load = bench::require(bench_counters_new(scopes), "counters");
	return load;
}

template <void (*operation)(bench_counters_t *, unsigned)>
void
run(benchmark::State &state, bool shared) {
	bench_counters_t *load = counters();
	const auto scope = shared ? 0u : static_cast<unsigned>(state.thread_index());
	for (auto _ : state) {
		operation(load, scope);
	}
	state.SetItemsProcessed(state.iterations() * BENCH_BLOCK);
}

void
Own(benchmark::State &state) {
	run<bench_counters_count>(state, false);
}

void
Shared(benchmark::State &state) {
	run<bench_counters_count>(state, true);
}

void
SharedBatch(benchmark::State &state) {
	run<bench_counters_count_batch>(state, true);
}

void
LockedOwn(benchmark::State &state) {
	run<bench_counters_count_locked>(state, false);
}

void
LockedShared(benchmark::State &state) {
	run<bench_counters_count_locked>(state, true);
}

void
Read(benchmark::State &state) {
	const bench_counters_t *load = counters();
	for (auto _ : state) {
		benchmark::DoNotOptimize(bench_counters_read(load));
	}
	state.SetItemsProcessed(state.iterations() * BENCH_BLOCK);
}

BENCHMARK(Own)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(Shared)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(SharedBatch)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(LockedOwn)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(LockedShared)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(Read);

} /* namespace */
