/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What do a find, an insert, a replacement and an entry of a scan cost in the ordered index, by its size and the order in which its keys came; and how much
 * memory does it take? Beside it the obvious alternative, a mutex and std::map: it has one lock for everybody, which one thread alone does not feel, so it looks
 * better here than it is.
 */
#include "bench.h"
#include "index_load.h"

#include <map>
#include <memory>
#include <mutex>

namespace {

const bench::Expectation
	find_expected("Find", "1 M: misses that stay on the chip; 10 M: those of a bottom node and of a leaf on top");
const bench::Expectation batch_expected("FindBatch", "the same misses overlapped: a third of Find");
const bench::Expectation miss_expected("Miss", "as Find: the value comes with the leaf");
const bench::Expectation
	fill_expected("Fill",
		      "random: Find, and a leaf made anew for each fifth; ascending: nearly flat, all in the cache");
const bench::Expectation replace_expected("Replace", "Find, and two changes of a leaf that has come");
const bench::Expectation churn_expected("Churn",
					"twice Find, two changes, now and then a leaf made anew; bytes stay below 16");
const bench::Expectation scan_expected("Scan", "per entry a twentieth of Find or less: one way down for each leaf");
const bench::Expectation count_expected("Count", "a fraction of Scan: one line of each leaf that lies inside");
const bench::Expectation map_expected("Map*",
				      "baseline: one node per entry, and a miss for each level beyond the cache");

constexpr uint32_t million = 1000000;

void
by_size(benchmark::internal::Benchmark *benchmark) {
	benchmark->ArgNames({"millions", "ascending"});
	for (const int64_t millions : {1, 10}) {
		for (const int64_t ascending : {0, 1}) {
			benchmark->Args({millions, ascending});
		}
	}
}

/* Filling is one iteration, because it starts from nothing. */
void
by_size_once(benchmark::internal::Benchmark *benchmark) {
	by_size(benchmark);
	benchmark->Iterations(1)->Unit(benchmark::kMillisecond);
}

/* Only random keys, where new ones do not all come at one end. */
void
at_random(benchmark::internal::Benchmark *benchmark) {
	benchmark->ArgNames({"millions", "ascending"})->Args({1, 0})->Args({10, 0});
}

uint32_t
count_of(const benchmark::State &state) {
	return static_cast<uint32_t>(state.range(0)) * million;
}

bench_index_keys_t
keys_of(const benchmark::State &state) {
	return state.range(1) != 0 ? BENCH_INDEX_ASCENDING : BENCH_INDEX_RANDOM;
}

using Load = std::unique_ptr<bench_index_t, decltype(&bench_index_free)>;

/* Loads are made once per size and order and kept for all that do not change the keys. */
bench_index_t *
kept(const benchmark::State &state) {
	static Load load(nullptr, bench_index_free);
	static uint32_t made_count = 0;
	static bench_index_keys_t made_keys;
	if (made_count != count_of(state) || made_keys != keys_of(state)) {
		made_count = count_of(state);
		made_keys = keys_of(state);
		load.reset();
		load.reset(bench::require(bench_index_new(made_keys, made_count), "an index"));
		bench_index_fill(load.get(), 1, made_count);
	}
	return load.get();
}

template <typename Operation>
void
run_blocks(benchmark::State &state, Operation operation) {
	bench_index_t *load = kept(state);
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
Find(benchmark::State &state) {
	run_blocks(state, bench_index_find);
}

void
FindBatch(benchmark::State &state) {
	run_blocks(state, bench_index_find_batch);
}

void
Miss(benchmark::State &state) {
	run_blocks(state, bench_index_miss);
}

void
Replace(benchmark::State &state) {
	run_blocks(state, bench_index_replace);
}

void
Churn(benchmark::State &state) {
	run_blocks(state, bench_index_churn);
	state.counters["bytes_per_entry"] =
		static_cast<double>(bench_index_bytes(kept(state))) / static_cast<double>(count_of(state));
}

template <typename Operation>
void
run_whole(benchmark::State &state, Operation operation) {
	const bench_index_t *load = kept(state);
	for (auto _ : state) {
		if (operation(load) != count_of(state)) {
			state.SkipWithError("not all were seen");
			return;
		}
	}
	state.SetItemsProcessed(state.iterations() * count_of(state));
}

void
Scan(benchmark::State &state) {
	run_whole(state, bench_index_scan);
}

void
Count(benchmark::State &state) {
	run_whole(state, bench_index_count);
}

void
Fill(benchmark::State &state) {
	const Load load(bench::require(bench_index_new(keys_of(state), count_of(state)), "an index"), bench_index_free);
	for (auto _ : state) {
		benchmark::DoNotOptimize(bench_index_fill(load.get(), 1, count_of(state)));
	}
	state.SetItemsProcessed(count_of(state));
	state.counters["bytes_per_entry"] =
		static_cast<double>(bench_index_bytes(load.get())) / static_cast<double>(count_of(state));
}

/* ---- a mutex and a map --------------------------------------------------------------------------------------------- */

struct Map {
	std::mutex mutex;
	std::map<uint64_t, uint32_t> map;
};

void
fill_map(Map &map, const benchmark::State &state) {
	for (uint32_t number = 1; number <= count_of(state); number++) {
		const std::lock_guard<std::mutex> guard(map.mutex);
		map.map.emplace(bench_index_key(keys_of(state), number), number);
	}
}

void
MapFill(benchmark::State &state) {
	Map map;
	for (auto _ : state) {
		fill_map(map, state);
	}
	state.SetItemsProcessed(count_of(state));
}

void
MapFind(benchmark::State &state) {
	Map map;
	fill_map(map, state);
	uint64_t from = 0;
	for (auto _ : state) {
		uint64_t good = 0;
		for (uint32_t i = 0; i < BENCH_BLOCK; i++) {
			const uint32_t number = 1 + static_cast<uint32_t>(bench_mix(~(from + i)) % count_of(state));
			const std::lock_guard<std::mutex> guard(map.mutex);
			const auto found = map.map.find(bench_index_key(keys_of(state), number));
			good += found != map.map.end() && found->second == number;
		}
		benchmark::DoNotOptimize(good);
		from += BENCH_BLOCK;
	}
	state.SetItemsProcessed(state.iterations() * BENCH_BLOCK);
}

BENCHMARK(Fill)->Apply(by_size_once);
BENCHMARK(MapFill)->Apply(by_size_once);
BENCHMARK(Find)->Apply(by_size);
BENCHMARK(FindBatch)->Apply(by_size);
BENCHMARK(Miss)->Apply(at_random);
BENCHMARK(Replace)->Apply(by_size);
BENCHMARK(Scan)->Apply(by_size);
BENCHMARK(Count)->Apply(by_size);
BENCHMARK(MapFind)->Apply(by_size);
BENCHMARK(Churn)->Apply(at_random); /* last: it changes the keys */

} /* namespace */
