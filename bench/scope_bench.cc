/* SPDX-License-Identifier: Apache-2.0 */
/* How long does deleting a scope with a million leases take, and what do readers and writers of another scope notice of it? */
#include "bench.h"
#include "scope_load.h"

namespace {

const bench::Expectation reads_expected("DeleteBesideReads",
					"a tenth of a microsecond for each lease; no read takes a millisecond");
const bench::Expectation writes_expected("DeleteBesideWrites",
					 "the same; the buckets of the client index are locked one at a time");

constexpr uint32_t leases = 1u << 20;

void
run(benchmark::State &state, bool writes) {
	bench_scope_t *scope = bench::require(bench_scope_new(), "an engine");
	bench_stall_t total = {};
	bench_stall_t quiet = {};
	for (auto _ : state) {
		if (!bench_scope_fill(scope, leases)) {
			state.SkipWithError("the scope cannot be filled");
			break;
		}
		const bench_stall_t stall = bench_scope_watch(scope, writes, true, 0);
		const bench_stall_t before = bench_scope_watch(scope, writes, false, stall.seconds);
		state.SetIterationTime(stall.seconds);
		total.longest_us = stall.longest_us > total.longest_us ? stall.longest_us : total.longest_us;
		quiet.longest_us = before.longest_us > quiet.longest_us ? before.longest_us : quiet.longest_us;
		total.calls += stall.calls;
		total.long_calls += stall.long_calls;
		total.preempted_calls += stall.preempted_calls;
		quiet.long_calls += before.long_calls;
	}
	state.SetItemsProcessed(state.iterations() * leases);
	state.counters["calls"] = static_cast<double>(total.calls);
	state.counters["longest_us"] = total.longest_us;
	state.counters["over_1ms"] = static_cast<double>(total.long_calls);
	state.counters["over_1ms_unpreempted"] = static_cast<double>(total.long_calls - total.preempted_calls);
	state.counters["quiet_longest_us"] = quiet.longest_us;
	state.counters["quiet_over_1ms"] = static_cast<double>(quiet.long_calls);
	bench_scope_free(scope);
}

void
DeleteBesideReads(benchmark::State &state) {
	run(state, false);
}

void
DeleteBesideWrites(benchmark::State &state) {
	run(state, true);
}

BENCHMARK(DeleteBesideReads)->UseManualTime()->Iterations(5)->Unit(benchmark::kMillisecond);
BENCHMARK(DeleteBesideWrites)->UseManualTime()->Iterations(5)->Unit(benchmark::kMillisecond);

} /* namespace */
