/* SPDX-License-Identifier: Apache-2.0 */
/* What do a find, an insert and a replacement cost in the client hash, by its size; beside the obvious alternatives. */
#include "bench.h"
#include "client_hash_load.h"

#include <mutex>
#include <unordered_map>

namespace {

const bench::Expectation
	hit_expected("Hit",
		     "two cache misses, one behind the other: grows only as caches and page tables are outgrown");
const bench::Expectation batch_expected("HitBatch",
					"the same misses overlapped: a third of Hit or less at the larger sizes");
const bench::Expectation miss_expected("Miss", "one cache miss");
const bench::Expectation fill_expected("Fill",
				       "growth included and memory touched for the first time: per insert nearly flat");
const bench::Expectation replace_expected("Replace", "two changes of one bucket, the second in the cache");
const bench::Expectation lfht_expected("Lfht*", "baseline, presized: a chain of single nodes, three misses or more");
const bench::Expectation map_expected("Map*",
				      "baseline: a mutex and std::unordered_map, one thread, so never contended");

constexpr unsigned small_bits = 20;
constexpr unsigned large_bits = 24;

void
by_size(benchmark::internal::Benchmark *benchmark) {
	benchmark->ArgName("bits");
	for (unsigned bits = small_bits; bits <= large_bits; bits += 2) {
		benchmark->Arg(bits);
	}
}

/* Filling is one iteration, because it starts from nothing. */
void
by_size_once(benchmark::internal::Benchmark *benchmark) {
	by_size(benchmark);
	benchmark->Iterations(1)->Unit(benchmark::kMillisecond);
}

/* Loads are made once per size and kept for all that only read, and for replacing. */
template <typename Load, Load *(*make)(unsigned), uint64_t (*fill)(Load *), void (*drop)(Load *)>
Load *
kept(unsigned bits) {
	static Load *load = nullptr;
	static unsigned made_bits = 0;
	if (made_bits != bits) {
		if (load != nullptr) {
			drop(load);
		}
		load = bench::require(make(bits), "a hash");
		fill(load);
		made_bits = bits;
	}
	return load;
}

constexpr auto kept_hash = kept<bench_hash_t, bench_hash_new, bench_hash_fill, bench_hash_free>;
constexpr auto kept_lfht = kept<bench_lfht_t, bench_lfht_new, bench_lfht_fill, bench_lfht_free>;

template <typename Load, typename Operation>
void
run_blocks(benchmark::State &state, Load *load, Operation operation) {
	uint32_t from = 0;
	for (auto _ : state) {
		if (operation(load, from) != BENCH_BLOCK) {
			state.SkipWithError("an operation went wrong");
			return;
		}
		from += BENCH_BLOCK;
	}
	state.SetItemsProcessed(state.iterations() * BENCH_BLOCK);
}

void
Hit(benchmark::State &state) {
	run_blocks(state, kept_hash(static_cast<unsigned>(state.range(0))), bench_hash_hit);
}

void
HitBatch(benchmark::State &state) {
	run_blocks(state, kept_hash(static_cast<unsigned>(state.range(0))), bench_hash_hit_batch);
}

void
Miss(benchmark::State &state) {
	run_blocks(state, kept_hash(static_cast<unsigned>(state.range(0))), bench_hash_miss);
}

void
Replace(benchmark::State &state) {
	run_blocks(state, kept_hash(static_cast<unsigned>(state.range(0))), bench_hash_replace);
}

void
LfhtHit(benchmark::State &state) {
	run_blocks(state, kept_lfht(static_cast<unsigned>(state.range(0))), bench_lfht_hit);
}

void
LfhtMiss(benchmark::State &state) {
	run_blocks(state, kept_lfht(static_cast<unsigned>(state.range(0))), bench_lfht_miss);
}

void
Fill(benchmark::State &state) {
	const auto bits = static_cast<unsigned>(state.range(0));
	bench_hash_t *load = bench::require(bench_hash_new(bits), "a hash");
	for (auto _ : state) {
		benchmark::DoNotOptimize(bench_hash_fill(load));
	}
	state.SetItemsProcessed(INT64_C(1) << bits);
	state.counters["bytes_per_entry"] =
		static_cast<double>(bench_hash_bytes(load)) / static_cast<double>(UINT64_C(1) << bits);
	bench_hash_free(load);
}

void
LfhtFill(benchmark::State &state) {
	const auto bits = static_cast<unsigned>(state.range(0));
	bench_lfht_t *load = bench::require(bench_lfht_new(bits), "a table");
	for (auto _ : state) {
		benchmark::DoNotOptimize(bench_lfht_fill(load));
	}
	state.SetItemsProcessed(INT64_C(1) << bits);
	bench_lfht_free(load);
}

/* ---- a mutex and a map --------------------------------------------------------------------------------------------- */

struct Map {
	std::mutex mutex;
	std::unordered_map<uint64_t, uint32_t> map;
};

void
fill_map(Map &map, unsigned bits) {
	map.map.reserve(size_t{1} << bits);
	for (uint32_t i = 0; i < UINT32_C(1) << bits; i++) {
		const uint32_t id = 1 + bench_shuffle(i, bits);
		const std::lock_guard<std::mutex> guard(map.mutex);
		map.map.emplace(bench_mix(id), id);
	}
}

void
MapFill(benchmark::State &state) {
	const auto bits = static_cast<unsigned>(state.range(0));
	Map map;
	for (auto _ : state) {
		fill_map(map, bits);
	}
	state.SetItemsProcessed(INT64_C(1) << bits);
}

void
MapHit(benchmark::State &state) {
	const auto bits = static_cast<unsigned>(state.range(0));
	Map map;
	fill_map(map, bits);
	const uint32_t mask = (UINT32_C(1) << bits) - 1;
	uint32_t from = 0;
	for (auto _ : state) {
		uint64_t good = 0;
		for (uint32_t i = 0; i < BENCH_BLOCK; i++) {
			/* Not the order in which the nodes were allocated. */
			const uint32_t id = 1 + bench_shuffle(bench_shuffle((from + i) & mask, bits), bits);
			const std::lock_guard<std::mutex> guard(map.mutex);
			const auto found = map.map.find(bench_mix(id));
			good += found != map.map.end() && found->second == id;
		}
		benchmark::DoNotOptimize(good);
		from += BENCH_BLOCK;
	}
	state.SetItemsProcessed(state.iterations() * BENCH_BLOCK);
}

BENCHMARK(Fill)->Apply(by_size_once);
BENCHMARK(LfhtFill)->Apply(by_size_once);
BENCHMARK(MapFill)->Apply(by_size_once);
BENCHMARK(Hit)->Apply(by_size);
BENCHMARK(HitBatch)->Apply(by_size);
BENCHMARK(Miss)->Apply(by_size);
BENCHMARK(Replace)->Apply(by_size);
BENCHMARK(LfhtHit)->Apply(by_size);
BENCHMARK(LfhtMiss)->Apply(by_size);
BENCHMARK(MapHit)->Apply(by_size);

} /* namespace */
