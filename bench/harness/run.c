/* SPDX-License-Identifier: Apache-2.0 */
/* The course of a run. See run.h. */
#include "run.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "scratch.h"

#define FILL_BATCH  512u
#define FILL_GROUP  4096u
#define GROUP       1024u /* changes per transaction, where nobody waits for them */
#define GUESTS_MAX  65536u
#define HARNESS_OPS UINT64_C(1000000) /* to find out what the harness itself costs */

/* ---- threads ------------------------------------------------------------------------------------------------------------ */

/* What all workers do between beginning and ending their store's thread. */
typedef struct {
	bench_run_t *run;
	bench_worker_t *worker;
	pthread_barrier_t *barrier;
	void (*body)(bench_run_t *run, bench_worker_t *worker, const void *argument);
	const void *argument;
	uint64_t group;
	pthread_t thread;
} job_t;

static void *
run_job(void *argument) {
	const job_t *job = argument;
	bench_worker_t *worker = job->worker;
	worker->thread = worker->store->thread_begin(job->run->store, job->group, worker->batch);
	worker->good = worker->thread != NULL;
	(void)pthread_barrier_wait(job->barrier);
	if (worker->good) {
		job->body(job->run, worker, job->argument);
		worker->store->thread_end(worker->thread);
	} else if (worker->done != NULL) {
		atomic_store(worker->done, true); /* or its readers would wait for it */
	}
	return NULL;
}

static bool
start_jobs(job_t *jobs, unsigned threads, pthread_barrier_t *barrier) {
	for (unsigned i = 0; i < threads; i++) {
		jobs[i].barrier = barrier;
		const int error = pthread_create(&jobs[i].thread, NULL, run_job, &jobs[i]);
		if (error != 0) {
			/* Those that exist wait for this one at the barrier. */
			(void)bench_fail("cannot start a thread: %s.", strerror(error));
			_exit(1);
		}
	}
	bool good = true;
	for (unsigned i = 0; i < threads; i++) {
		(void)pthread_join(jobs[i].thread, NULL);
		good = good && jobs[i].worker->good;
	}
	return good;
}

static bool
run_jobs(bench_run_t *run, bench_worker_t *workers, unsigned threads, uint64_t group,
	 void (*body)(bench_run_t *, bench_worker_t *, const void *), const void *argument) {
	job_t *jobs = calloc(threads, sizeof(*jobs));
	pthread_barrier_t barrier;
	if (jobs == NULL || pthread_barrier_init(&barrier, NULL, threads) != 0) {
		free(jobs);
		return bench_fail("out of memory.");
	}
	for (unsigned i = 0; i < threads; i++) {
		jobs[i] =
			(job_t){.run = run, .worker = &workers[i], .body = body, .argument = argument, .group = group};
	}
	const bool good = start_jobs(jobs, threads, &barrier);
	(void)pthread_barrier_destroy(&barrier);
	free(jobs);
	return good;
}

/* ---- workers ------------------------------------------------------------------------------------------------------------ */

/*
 * How many leases beyond those of the beginning each worker may hold, so that no scope runs full: they are dealt to the scopes in turn,
 * and each worker's share of the leases may be uneven by one.
 */
static uint64_t
room_for_guests(const bench_run_t *run) {
	const bench_space_t *space = &run->space;
	const uint64_t used = (uint64_t)space->leases / space->scopes + run->options->threads;
	const uint64_t each = space->pool > used ? (space->pool - used) / run->options->threads : 0;
	if (each == 0) {
		return 0;
	}
	const uint64_t guests = (uint64_t)space->scopes * (each > 1 ? each / 2 : 1);
	return guests < GUESTS_MAX ? guests : GUESTS_MAX;
}

static uint64_t
guests_of(const bench_run_t *run) {
	const uint64_t third = (uint64_t)run->space.leases / run->options->threads / 3;
	if (!run->options->workload->allocates) {
		return 0;
	}
	if (run->options->workload->grows) {
		return room_for_guests(run);
	}
	return third < 1 ? 1 : third < GUESTS_MAX ? third : GUESTS_MAX;
}

static void
free_workers(bench_worker_t *workers, unsigned threads) {
	for (unsigned i = 0; workers != NULL && i < threads; i++) {
		bench_worker_free(&workers[i]);
	}
	free(workers);
}

static bench_worker_t *
make_workers(bench_run_t *run, const bench_store_class_t *store) {
	const bench_options_t *options = run->options;
	const uint64_t in_flight = options->durability == BENCH_SYNC ? options->in_flight : 0;
	const unsigned batch = options->batch > FILL_BATCH ? options->batch : FILL_BATCH;
	bench_worker_t *workers = calloc(options->threads, sizeof(*workers));
	bool good = workers != NULL;
	for (unsigned i = 0; i < options->threads && good; i++) {
		good = bench_worker_init(&workers[i], i, options->threads, &run->space, batch, in_flight,
					 guests_of(run));
		workers[i].store = store;
		workers[i].times_groups = options->clock == BENCH_CLOCK_GROUP;
		workers[i].half_expired = options->workload->half_expired;
		workers[i].unchecked = store == &bench_null_store;
	}
	if (!good) {
		(void)bench_fail("out of memory.");
		free_workers(workers, options->threads);
		return NULL;
	}
	return workers;
}

/* ---- phases ------------------------------------------------------------------------------------------------------------- */

static void
fill_body(bench_run_t *run, bench_worker_t *worker, const void *argument) {
	(void)run;
	(void)argument;
	const uint64_t in_flight_max = worker->in_flight_max;
	const unsigned batch = worker->batch;
	worker->in_flight_max = 0;
	worker->batch = FILL_BATCH;
	bench_worker_loop(worker, bench_step_fill, worker->leases, 0);
	worker->in_flight_max = in_flight_max;
	worker->batch = batch;
}

static void
verify_body(bench_run_t *run, bench_worker_t *worker, const void *argument) {
	(void)run;
	(void)argument;
	bench_worker_verify(worker);
}

typedef struct {
	bench_step_t step;
	double seconds;
	uint64_t ops_max; /* of one worker */
} phase_t;

static void
phase_body(bench_run_t *run, bench_worker_t *worker, const void *argument) {
	const phase_t *phase = argument;
	const bench_options_t *options = run->options;
	const bool endless = options->workload->ops_per_lease == 0 ||
			     (phase->seconds > 0 && options->workload->step != bench_step_fill);
	const uint64_t ops = endless ? UINT64_MAX : worker->leases * options->workload->ops_per_lease;
	worker->batch = options->batch;
	bench_worker_loop(worker, phase->step, ops < phase->ops_max ? ops : phase->ops_max, phase->seconds);
}

static double
rate_of(const bench_mark_t *from, const bench_mark_t *to, double ns_per_tick) {
	return to->ticks > from->ticks
		       ? (double)(to->ops - from->ops) * 1e9 / ((double)(to->ticks - from->ticks) * ns_per_tick)
		       : NAN;
}

/* A fifth of the time (of the operations) of every worker: their rates together. */
static void
sum_fifths(bench_run_t *run, const bench_worker_t *worker, double ns_per_tick) {
	const bench_mark_t begin = {.ops = 0, .ticks = worker->begun};
	const bench_mark_t end = {.ops = worker->ops, .ticks = worker->now - worker->untimed};
	const bool both = worker->marks_set == 2;
	run->results.first_fifth_ops_per_s += both ? rate_of(&begin, &worker->marks[0], ns_per_tick) : NAN;
	run->results.last_fifth_ops_per_s += both ? rate_of(&worker->marks[1], &end, ns_per_tick) : NAN;
}

static void
sum_up(bench_run_t *run, const bench_worker_t *workers) {
	bench_results_t *results = &run->results;
	const double ns_per_tick = bench_clock_ns_per_tick();
	results->ns_per_tick = ns_per_tick;
	uint64_t begun = UINT64_MAX;
	uint64_t ended = 0;
	uint64_t longest = 0; /* of the timed parts, where there are others */
	bool interrupted = false;
	results->ops = 0;
	results->calls = (bench_histogram_t){0};
	results->acks = (bench_histogram_t){0};
	results->first_fifth_ops_per_s = 0;
	results->last_fifth_ops_per_s = 0;
	for (unsigned i = 0; i < run->options->threads; i++) {
		const bench_worker_t *worker = &workers[i];
		begun = worker->begun < begun ? worker->begun : begun;
		ended = worker->ended > ended ? worker->ended : ended;
		const uint64_t timed = worker->ended - worker->begun - worker->untimed;
		longest = timed > longest ? timed : longest;
		interrupted = interrupted || worker->untimed > 0;
		results->ops += worker->ops;
		bench_histogram_merge(&results->calls, &worker->calls);
		bench_histogram_merge(&results->acks, &worker->acks);
		sum_fifths(run, worker, ns_per_tick);
	}
	results->seconds = (double)(interrupted ? longest : ended - begun) * ns_per_tick / 1e9;
}

unsigned
bench_run_threads(const bench_options_t *options) {
	return options->workload->lone ? 1 : options->threads;
}

/* How many changes a store may gather before it commits them. */
static uint64_t
group_of(const bench_options_t *options) {
	return options->in_flight > 0 ? options->in_flight : GROUP;
}

bool
bench_run_phase(bench_run_t *run, bench_step_t step, double seconds) {
	const phase_t phase = {.step = step, .seconds = seconds, .ops_max = UINT64_MAX};
	for (unsigned i = 0; i < run->options->threads; i++) {
		bench_worker_reset(&run->workers[i]);
	}
	const double cpu_seconds = bench_probe_cpu_seconds();
	const bool good =
		run_jobs(run, run->workers, run->options->threads, group_of(run->options), phase_body, &phase);
	run->results.cpu_seconds = bench_probe_cpu_seconds() - cpu_seconds;
	sum_up(run, run->workers);
	return good;
}

/* What the same calls cost with a store that does nothing. */
static bool
measure_harness(bench_run_t *run) {
	const bench_options_t *options = run->options;
	const phase_t phase = {.step = options->workload->step, .ops_max = HARNESS_OPS / options->threads};
	bench_worker_t *workers = make_workers(run, &bench_null_store);
	if (workers == NULL) {
		return false;
	}
	for (unsigned i = 0; i < options->threads; i++) {
		workers[i].window_end = options->workload->prefills ? workers[i].leases : 0;
	}
	const bool good = run_jobs(run, workers, options->threads, 0, phase_body, &phase);
	sum_up(run, workers);
	run->results.harness_ns_per_op =
		run->results.seconds * 1e9 * bench_run_threads(options) / (double)run->results.ops;
	free_workers(workers, options->threads);
	return good;
}

/* ---- courses ------------------------------------------------------------------------------------------------------------ */

static void
answer_body(bench_run_t *run, bench_worker_t *worker, const void *argument) {
	(void)run;
	(void)argument;
	bench_worker_lease(worker, worker->window_begin, worker->requests);
	worker->requests[0].expires_at = 0;
	(void)bench_worker_get(worker, 1, false);
}

bool
bench_run_first_answer(bench_run_t *run) {
	return run_jobs(run, run->workers, 1, 0, answer_body, NULL);
}

bool
bench_run_open(bench_run_t *run) {
	run->store = run->options->store->open(&run->config);
	run->config.again = true;
	return run->store != NULL;
}

bool
bench_run_close(bench_run_t *run) {
	void *store = run->store;
	run->store = NULL;
	return store == NULL || run->options->store->close(store);
}

static bool
fill_store(bench_run_t *run) {
	return !run->options->workload->prefills ||
	       run_jobs(run, run->workers, run->options->threads, FILL_GROUP, fill_body, NULL);
}

static void
measure_memory(bench_run_t *run) {
	const bench_store_class_t *store = run->options->store;
	const uint64_t rss = bench_probe_rss_bytes();
	const uint64_t grown = rss > run->rss_before ? rss - run->rss_before : 0;
	const uint64_t own = store->memory_bytes != NULL ? store->memory_bytes(run->store) : 0;
	uint64_t leases = 0;
	for (unsigned i = 0; i < run->options->threads; i++) {
		leases += bench_worker_leases(&run->workers[i]);
	}
	run->results.rss_bytes = (double)rss;
	run->results.bytes_per_lease = leases > 0 ? (double)(own > grown ? own : grown) / (double)leases : NAN;
}

static bool
follow(bench_run_t *run) {
	const bench_workload_t *workload = run->options->workload;
	bool good = fill_store(run) &&
		    (workload->course != NULL ? workload->course(run)
					      : bench_run_phase(run, workload->step, run->options->seconds));
	if (good) {
		measure_memory(run);
		good = run_jobs(run, run->workers, run->options->threads, GROUP, verify_body, NULL);
	}
	return good;
}

/* ---- before and after --------------------------------------------------------------------------------------------------- */

static bool
make_directory(bench_run_t *run) {
	const bool durable = run->options->durability != BENCH_NONE;
	if (!durable && !run->options->store->needs_directory) {
		return true;
	}
	run->directory = bench_scratch_make(run->options->directory);
	return run->directory != NULL &&
	       (!durable || bench_probe_flush(run->directory, run->options->flushes, &run->results.flush));
}

static bool
make_map(bench_run_t *run) {
	if (!run->options->workload->allocates || run->options->store->allocate != NULL) {
		return true;
	}
	run->map = bench_free_map_new(&run->space);
	for (unsigned i = 0; i < run->options->threads; i++) {
		run->workers[i].map = run->map;
	}
	return run->map != NULL || bench_fail("out of memory.");
}

static bool
prepare(bench_run_t *run) {
	const bench_options_t *options = run->options;
	if (options->workload->step != NULL && !measure_harness(run)) {
		return false;
	}
	run->workers = make_workers(run, options->store);
	run->rss_before = bench_probe_rss_bytes();
	run->config = (bench_config_t){.space = &run->space,
				       .durability = options->durability,
				       .threads = options->threads,
				       .family = options->family,
				       .presize = options->presize};
	const bool good = run->workers != NULL && make_map(run) && make_directory(run);
	run->config.directory = run->directory;
	return good;
}

static bool
lay_out(bench_run_t *run) {
	const bench_options_t *options = run->options;
	if (!bench_space_make(&run->space, options->leases, options->scopes, options->fill_percent, options->seed)) {
		return bench_fail("there are not that many addresses: %" PRIu64 " leases at %g %% of %" PRIu64
				  " scopes.",
				  options->leases, options->fill_percent, options->scopes);
	}
	if (run->space.leases / options->threads < 1) {
		return bench_fail("there must be a lease for each thread.");
	}
	if (options->workload->grows && room_for_guests(run) < (uint64_t)2 * options->batch) {
		return bench_fail("the scopes have no room for workload %s: lower --fill or --batch.",
				  options->workload->name);
	}
	return true;
}

int
bench_run(const bench_options_t *options) {
	bench_run_t *run = calloc(1, sizeof(*run));
	if (run == NULL) {
		return 1;
	}
	run->options = options;
	run->results = bench_results_none();
	if (!lay_out(run)) {
		free(run);
		return 2;
	}
	bool good = prepare(run) && bench_run_open(run) && follow(run);
	good = bench_run_close(run) && good;
	good = good && bench_report(run);
	bench_scratch_remove();
	free_workers(run->workers, options->threads);
	bench_free_map_free(run->map);
	free(run);
	return good ? 0 : 1;
}
