/* SPDX-License-Identifier: Apache-2.0 */
/* What does a log record cost its appender, and how much can be made durable? */
#include "bench.h"
#include "log_load.h"

#include <fcntl.h>
#include <unistd.h>

#include <vector>

namespace {

const bench::Expectation
	append_expected("Append", "ring and disk permitting, one fetch of a shared word and a copy; by records per "
				  "reservation: the word's share shrinks; two threads gain little one by one, "
				  "everything in batches");
const bench::Expectation
	durable_expected("Durable", "everything on disk at the end: the disk's sequential rate, whatever the batch");
const bench::Expectation sync_expected("Sync",
				       "one waiter at a time: one flush each; waiters on many threads share flushes");
const bench::Expectation disk_expected("DiskSync", "baseline: a synced write of one block without any log");
const bench::Expectation crc_expected("Crc", "several bytes per cycle: never the limit");

constexpr uint32_t payload_bytes = 46; /* a MAC and a name of 12 */
constexpr uint32_t appends = 1u << 16; /* 3.4 MB: the ring holds several of these */

bench_log_t *shared_log = nullptr;

void
begin(const benchmark::State &state) {
	if (state.thread_index() == 0) {
		shared_log = bench::require(bench_log_new(payload_bytes), "a log");
	}
}

void
end(benchmark::State &state) {
	if (state.thread_index() == 0) {
		uint64_t bytes = 0;
		uint64_t flushes = 0;
		bench_log_figures(shared_log, &bytes, &flushes);
		state.counters["bytes_per_flush"] =
			flushes == 0 ? 0 : static_cast<double>(bytes) / static_cast<double>(flushes);
		bench_log_free(shared_log);
		shared_log = nullptr;
	}
}

/* As fast as the ring takes them: 15 MB, which fit the ring, so that the disk does not matter. All of the ring has been used once. */
void
Append(benchmark::State &state) {
	begin(state);
	if (state.thread_index() == 0 &&
	    bench_log_wait(shared_log, bench_log_append(shared_log, appends * 10, 32)) != 0) {
		state.SkipWithError("the first lap failed");
	}
	const auto batch = static_cast<uint32_t>(state.range(0));
	const auto threads = static_cast<uint32_t>(state.threads());
	uint64_t last = 0;
	for (auto _ : state) {
		last = bench_log_append(shared_log, appends * 4 / threads, batch);
	}
	state.SetItemsProcessed(state.iterations() * appends * 4 / threads);
	if (last == 0) {
		state.SkipWithError("an append was refused");
	}
	end(state);
}

void
Durable(benchmark::State &state) {
	begin(state);
	const auto batch = static_cast<uint32_t>(state.range(0));
	const auto threads = static_cast<uint32_t>(state.threads());
	for (auto _ : state) {
		const uint64_t last = bench_log_append(shared_log, appends * 64 / threads, batch);
		if (bench_log_wait(shared_log, last) != 0) {
			state.SkipWithError("it did not become durable");
			break;
		}
	}
	state.SetItemsProcessed(state.iterations() * appends * 64 / threads);
	state.SetBytesProcessed(state.iterations() * appends * 64 / threads * 56);
	end(state);
}

void
Sync(benchmark::State &state) {
	begin(state);
	for (auto _ : state) {
		if (bench_log_wait(shared_log, bench_log_append(shared_log, 1, 1)) != 0) {
			state.SkipWithError("it did not become durable");
			break;
		}
	}
	state.SetItemsProcessed(state.iterations());
	end(state);
}

void
DiskSync(benchmark::State &state) {
	const char *base = std::getenv("LESSOR_BENCH_DIR");
	const std::string path = std::string(base != nullptr ? base : ".") + "/log-bench.block";
	const int file = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_DSYNC | O_DIRECT, 0600);
	constexpr size_t blocks = 4096;
	void *block = std::aligned_alloc(4096, 4096);
	std::fill_n(static_cast<char *>(block), 4096, 'x');
	bool good = file >= 0;
	for (size_t i = 0; i < blocks && good; i++) {
		good = pwrite(file, block, 4096, static_cast<off_t>(i * 4096)) == 4096;
	}
	size_t at = 0;
	for (auto _ : state) {
		good = good && pwrite(file, block, 4096, static_cast<off_t>(at++ % blocks * 4096)) == 4096;
	}
	if (!good) {
		state.SkipWithError("the file system refuses direct synced writes");
	}
	state.SetItemsProcessed(state.iterations());
	std::free(block);
	close(file);
	unlink(path.c_str());
}

void
Crc(benchmark::State &state) {
	const std::vector<char> data(static_cast<size_t>(state.range(0)), 'x');
	for (auto _ : state) {
		benchmark::DoNotOptimize(bench_log_crc(data.data(), data.size()));
	}
	state.SetBytesProcessed(state.iterations() * state.range(0));
	state.SetItemsProcessed(state.iterations());
}

BENCHMARK(Append)->ArgName("batch")->Arg(1)->Arg(32)->ThreadRange(1, 2)->Iterations(1)->UseRealTime();
BENCHMARK(Durable)->ArgName("batch")->Arg(1)->Arg(32)->ThreadRange(1, 2)->Iterations(1)->UseRealTime()->Unit(
	benchmark::kMillisecond);
BENCHMARK(Sync)->Threads(1)->Threads(8)->Threads(64)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(DiskSync)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(Crc)->ArgName("bytes")->Arg(64)->Arg(4096)->Arg(1 << 20);

} /* namespace */
