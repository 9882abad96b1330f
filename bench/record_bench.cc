/* SPDX-License-Identifier: Apache-2.0 */
/* What do a copy, an overwrite and a delete-and-create of one record cost, by how many records there are? */
#include "bench.h"
#include "record_load.h"

namespace {

const bench::Expectation read_expected("Read",
				       "no store, no lock: near memcpy in the cache, one overlapped miss beyond it");
const bench::Expectation locked_expected("ReadLocked",
					 "baseline, a mutex per record: two locked instructions and a second line");
const bench::Expectation replace_expected("Replace", "one compare-and-swap and a copy into a shadow");
const bench::Expectation recreate_expected("Recreate", "two compare-and-swaps");

/* Made once per size. */
bench_records_t *
kept(unsigned bits) {
	static bench_records_t *load = nullptr;
	static unsigned made_bits = 0;
	if (made_bits != bits) {
		if (load != nullptr) {
			bench_records_free(load);
		}
		load = bench::require(bench_records_new(bits), "records");
		made_bits = bits;
	}
	return load;
}

template <uint64_t (*operation)(bench_records_t *, uint32_t)>
void
run(benchmark::State &state) {
	bench_records_t *load = kept(static_cast<unsigned>(state.range(0)));
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

/* 2^8 fit the first cache, 2^14 the second, 2^22 are what a store of four million leases holds. */
void
by_size(benchmark::internal::Benchmark *benchmark) {
	benchmark->ArgName("bits")->Arg(8)->Arg(14)->Arg(22);
}

void
Read(benchmark::State &state) {
	run<bench_records_read>(state);
}

void
ReadLocked(benchmark::State &state) {
	run<bench_records_read_locked>(state);
}

void
Replace(benchmark::State &state) {
	run<bench_records_replace>(state);
}

void
Recreate(benchmark::State &state) {
	run<bench_records_recreate>(state);
}

BENCHMARK(Read)->Apply(by_size);
BENCHMARK(ReadLocked)->Apply(by_size);
BENCHMARK(Replace)->Apply(by_size);
BENCHMARK(Recreate)->Apply(by_size);

} /* namespace */
