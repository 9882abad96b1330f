/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What do a create, a read, a renewal and a delete cost at 4 million leases, met in random order?
 *
 * One iteration is one pass over all leases, shared by the threads; a pass over less would leave part of the caches warm.
 */
#include "bench.h"
#include "lease_load.h"

namespace {

const bench::Expectation arguments_expected("Arguments", "preparing address, MAC and name: part of every figure below");
const bench::Expectation
	fresh_expected("CreateFresh*",
		       "an engine that was never used: the kernel hands out and clears every page on the way");
const bench::Expectation create_expected("Create, CreateBatch",
					 "the same in memory that was used before: at least 5 M/s one by one "
					 "and 15 M/s in batches on one core; two threads 1.8 times one");
const bench::Expectation
	durable_expected("Durable*", "log on, all durable at the end, two threads and the log's own on two cores: at "
				     "least 6 M/s one by one and 15 M/s in batches, or what the disk takes");
const bench::Expectation get_expected("Get, GetClient", "one cache miss, and two: at least 8 M/s");
const bench::Expectation renew_expected("Renew", "one miss, nothing of the indexes");
const bench::Expectation delete_expected("Delete", "as a create");
const bench::Expectation
	tables_expected("Tables*",
			"baseline, two tables of liburcu presized, one malloc per lease, no log: about 1.2 M/s "
			"on two threads");

using Pass = uint64_t (*)(bench_leases_t *, unsigned, uint32_t, uint32_t);
using TablesPass = uint64_t (*)(bench_tables_t *, unsigned, uint32_t, uint32_t);

bench_leases_t *shared_engine = nullptr;
bench_tables_t *shared_tables = nullptr;

/* A pass by one thread of several: its part of the leases. */
template <typename Load, typename Operation>
void
run_part(benchmark::State &state, Load *load, Operation operation, unsigned order) {
	const uint32_t part = BENCH_LEASES / static_cast<uint32_t>(state.threads());
	if (operation(load, order, part * static_cast<uint32_t>(state.thread_index()), part) != part) {
		state.SkipWithError("an operation went wrong");
	}
}

void
count_leases(benchmark::State &state) {
	state.SetItemsProcessed(state.iterations() * (INT64_C(1) << BENCH_LEASE_BITS) / state.threads());
}

void
Arguments(benchmark::State &state) {
	for (auto _ : state) {
		benchmark::DoNotOptimize(bench_lease_arguments(0, 0, BENCH_LEASES));
	}
	state.SetItemsProcessed(state.iterations() * BENCH_LEASES);
}

/* Creates into an engine of its own, which may have been filled and emptied once before. */
void
run_create(benchmark::State &state, Pass operation, bool used, bool durable) {
	if (state.thread_index() == 0) {
		shared_engine = bench::require(bench_leases_new(durable ? 1 : 0), "an engine");
		if (used) {
			bench_lease_create_batch(shared_engine, 1, 0, BENCH_LEASES);
			bench_lease_delete(shared_engine, 1, 0, BENCH_LEASES);
			bench_lease_wait(shared_engine);
		}
	}
	for (auto _ : state) {
		run_part(state, shared_engine, operation, 0);
		if (durable && bench_lease_wait(shared_engine) != 0) {
			state.SkipWithError("it did not become durable");
		}
	}
	count_leases(state);
	if (state.thread_index() == 0) {
		state.counters["bytes_per_lease"] =
			static_cast<double>(bench_lease_memory(shared_engine)) / static_cast<double>(BENCH_LEASES);
		bench_leases_free(shared_engine);
		shared_engine = nullptr;
	}
}

void
CreateFresh(benchmark::State &state) {
	run_create(state, bench_lease_create, false, false);
}

void
CreateFreshBatch(benchmark::State &state) {
	run_create(state, bench_lease_create_batch, false, false);
}

void
Create(benchmark::State &state) {
	run_create(state, bench_lease_create, true, false);
}

void
CreateBatch(benchmark::State &state) {
	run_create(state, bench_lease_create_batch, true, false);
}

void
Durable(benchmark::State &state) {
	run_create(state, bench_lease_create, true, true);
}

void
DurableBatch(benchmark::State &state) {
	run_create(state, bench_lease_create_batch, true, true);
}

/* An engine with all leases, in memory, made once for everything that leaves them there. */
bench_leases_t *
full_engine() {
	static bench_leases_t *load = nullptr;
	if (load == nullptr) {
		load = bench::require(bench_leases_new(0), "an engine");
		bench_lease_create_batch(load, 1, 0, BENCH_LEASES);
	}
	return load;
}

void
run_full(benchmark::State &state, Pass operation) {
	if (state.thread_index() == 0) {
		shared_engine = full_engine();
	}
	for (auto _ : state) {
		run_part(state, shared_engine, operation, 0);
	}
	count_leases(state);
}

void
Get(benchmark::State &state) {
	run_full(state, bench_lease_get);
}

void
GetClient(benchmark::State &state) {
	run_full(state, bench_lease_get_client);
}

void
Renew(benchmark::State &state) {
	run_full(state, bench_lease_renew);
}

void
Delete(benchmark::State &state) {
	if (state.thread_index() == 0) {
		shared_engine = bench::require(bench_leases_new(0), "an engine");
		bench_lease_create_batch(shared_engine, 1, 0, BENCH_LEASES);
	}
	for (auto _ : state) {
		run_part(state, shared_engine, bench_lease_delete, 0);
	}
	count_leases(state);
	if (state.thread_index() == 0) {
		bench_leases_free(shared_engine);
		shared_engine = nullptr;
	}
}

/* ---- baseline --------------------------------------------------------------------------------------------------------- */

void
run_tables(benchmark::State &state, TablesPass operation, bool filled) {
	if (state.thread_index() == 0) {
		shared_tables = bench::require(bench_tables_new(), "tables");
		if (filled) {
			bench_tables_create(shared_tables, 1, 0, BENCH_LEASES);
		}
	}
	for (auto _ : state) {
		run_part(state, shared_tables, operation, 0);
	}
	count_leases(state);
	if (state.thread_index() == 0) {
		bench_tables_free(shared_tables);
		shared_tables = nullptr;
	}
}

void
TablesCreate(benchmark::State &state) {
	run_tables(state, bench_tables_create, false);
}

void
TablesGet(benchmark::State &state) {
	run_tables(state, bench_tables_get, true);
}

void
TablesGetClient(benchmark::State &state) {
	run_tables(state, bench_tables_get_client, true);
}

void
TablesDelete(benchmark::State &state) {
	run_tables(state, bench_tables_delete, true);
}

void
one_pass(benchmark::internal::Benchmark *benchmark) {
	benchmark->ThreadRange(1, 2)->Iterations(1)->UseRealTime()->Unit(benchmark::kMillisecond);
}

BENCHMARK(Arguments)->Unit(benchmark::kMillisecond);
BENCHMARK(CreateFresh)->Apply(one_pass);
BENCHMARK(CreateFreshBatch)->Apply(one_pass);
BENCHMARK(Create)->Apply(one_pass);
BENCHMARK(CreateBatch)->Apply(one_pass);
BENCHMARK(Durable)->Apply(one_pass);
BENCHMARK(DurableBatch)->Apply(one_pass);
BENCHMARK(Delete)->Apply(one_pass);
BENCHMARK(Get)->Apply(one_pass);
BENCHMARK(GetClient)->Apply(one_pass);
BENCHMARK(Renew)->Apply(one_pass);
BENCHMARK(TablesCreate)->Apply(one_pass);
BENCHMARK(TablesGet)->Apply(one_pass);
BENCHMARK(TablesGetClient)->Apply(one_pass);
BENCHMARK(TablesDelete)->Apply(one_pass);

} /* namespace */
