/* SPDX-License-Identifier: Apache-2.0 */
/* What does each step between a caller's lease, the record and the log cost, by the shape of the lease? */
#include "bench.h"
#include "codec_load.h"

namespace {

const bench::Expectation
	shapes("shape", "0: MAC and a name of 12, everything inline, no memory allocated; 1: a client id of 20 and a "
			"name of 40; 2: every member set");
const bench::Expectation pack_expected("Check, Pack, Unpack, ImagePut, ImageGet",
				       "ten to some tens of nanoseconds for shape 0, "
				       "which is a tenth of a create; an allocation more "
				       "for the others");

template <uint64_t (*operation)(const bench_codec_t *)>
void
run(benchmark::State &state) {
	bench_codec_t *load = bench::require(bench_codec_new(static_cast<bench_shape_t>(state.range(0))), "a lease");
	for (auto _ : state) {
		if (operation(load) != BENCH_BLOCK) {
			state.SkipWithError("an operation went wrong");
			break;
		}
	}
	state.SetItemsProcessed(state.iterations() * BENCH_BLOCK);
	state.counters["image_bytes"] = static_cast<double>(bench_codec_image_bytes(load));
	bench_codec_free(load);
}

void
by_shape(benchmark::internal::Benchmark *benchmark) {
	benchmark->ArgName("shape")->DenseRange(BENCH_SHAPE_COMMON, BENCH_SHAPE_FULL);
}

void
Check(benchmark::State &state) {
	run<bench_codec_check>(state);
}

void
Pack(benchmark::State &state) {
	run<bench_codec_pack>(state);
}

void
Unpack(benchmark::State &state) {
	run<bench_codec_unpack>(state);
}

void
ImagePut(benchmark::State &state) {
	run<bench_codec_image_put>(state);
}

void
ImageGet(benchmark::State &state) {
	run<bench_codec_image_get>(state);
}

BENCHMARK(Check)->Apply(by_shape);
BENCHMARK(Pack)->Apply(by_shape);
BENCHMARK(Unpack)->Apply(by_shape);
BENCHMARK(ImagePut)->Apply(by_shape);
BENCHMARK(ImageGet)->Apply(by_shape);

} /* namespace */
