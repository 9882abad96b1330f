/* SPDX-License-Identifier: Apache-2.0 */
/* Writing results. See report.h; README.md says what every key means. */
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <json.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench_commit.h"

bench_results_t
bench_results_none(void) {
	return (bench_results_t){.harness_ns_per_op = NAN,
				 .first_fifth_ops_per_s = NAN,
				 .last_fifth_ops_per_s = NAN,
				 .bytes_per_lease = NAN,
				 .open_seconds_log = NAN,
				 .open_seconds_snapshot = NAN,
				 .quiet_ops_per_s = NAN,
				 .quiet_p99_ns = NAN,
				 .beside_ops_per_s = NAN,
				 .beside_p99_ns = NAN,
				 .snapshot_seconds = NAN,
				 .snapshots = NAN,
				 .flush = {NAN, NAN}};
}

static void
put(json_object *object, const char *key, json_object *value) {
	(void)json_object_object_add(object, key, value);
}

static void
put_text(json_object *object, const char *key, const char *value) {
	put(object, key, json_object_new_string(value));
}

static void
put_count(json_object *object, const char *key, uint64_t value) {
	put(object, key, json_object_new_uint64(value));
}

static void
put_number(json_object *object, const char *key, double value, int decimals) {
	char text[64];
	(void)snprintf(text, sizeof(text), "%.*f", decimals, value);
	put(object, key, isfinite(value) ? json_object_new_double_s(value, text) : NULL);
}

/* A point of a histogram, in units of so many nanoseconds. */
static void
put_point(json_object *object, const char *key, const bench_results_t *results, const bench_histogram_t *histogram,
	  double share, double unit_ns) {
	const double ns = (double)bench_histogram_at(histogram, share) * results->ns_per_tick;
	put_number(object, key, histogram->count > 0 ? ns / unit_ns : NAN, 1);
}

static void
put_options(json_object *object, const bench_run_t *run) {
	const bench_options_t *options = run->options;
	put_text(object, "store", options->store->name);
	put_text(object, "workload", options->workload->name);
	put_count(object, "leases", options->leases);
	put_count(object, "scopes", options->scopes);
	put_count(object, "threads", options->threads);
	put_count(object, "batch", options->batch);
	put_count(object, "family", options->family);
	put_text(object, "durability", bench_durability_names[options->durability]);
	put(object, "in_flight", options->in_flight > 0 ? json_object_new_uint64(options->in_flight) : NULL);
	put_text(object, "clock", bench_clock_names[options->clock]);
	put_number(object, "fill_percent", options->fill_percent, 2);
	put_count(object, "seed", options->seed);
	put_text(object, "settings", options->store->settings(&run->config));
}

static void
put_times(json_object *object, const bench_run_t *run) {
	const bench_results_t *results = &run->results;
	const double ops = (double)results->ops;
	put_count(object, "ops", results->ops);
	put_number(object, "seconds", results->seconds, 9);
	put_number(object, "ops_per_s", ops / results->seconds, 1);
	put_number(object, "ns_per_op", results->seconds * 1e9 * bench_run_threads(run->options) / ops, 2);
	put_point(object, "p50_ns", results, &results->calls, 0.5, 1);
	put_point(object, "p99_ns", results, &results->calls, 0.99, 1);
	put_point(object, "p999_ns", results, &results->calls, 0.999, 1);
	put_point(object, "max_ns", results, &results->calls, 1, 1);
	put_point(object, "ack_p50_us", results, &results->acks, 0.5, 1e3);
	put_point(object, "ack_p99_us", results, &results->acks, 0.99, 1e3);
	put_number(object, "harness_ns_per_op", results->harness_ns_per_op, 2);
	put_number(object, "cpu_seconds", results->cpu_seconds, 6);
	put_number(object, "first_fifth_ops_per_s", results->first_fifth_ops_per_s, 1);
	put_number(object, "last_fifth_ops_per_s", results->last_fifth_ops_per_s, 1);
}

static void
put_rest(json_object *object, const bench_run_t *run) {
	const bench_results_t *results = &run->results;
	char machine[512];
	put_number(object, "bytes_per_lease", results->bytes_per_lease, 2);
	put_number(object, "rss_bytes", results->rss_bytes, 0);
	put_number(object, "device_flush_p50_us", results->flush.p50_us, 1);
	put_number(object, "device_flush_p99_us", results->flush.p99_us, 1);
	put_number(object, "open_seconds_log", results->open_seconds_log, 6);
	put_number(object, "open_seconds_snapshot", results->open_seconds_snapshot, 6);
	put_number(object, "quiet_ops_per_s", results->quiet_ops_per_s, 1);
	put_number(object, "quiet_p99_ns", results->quiet_p99_ns, 1);
	put_number(object, "beside_ops_per_s", results->beside_ops_per_s, 1);
	put_number(object, "beside_p99_ns", results->beside_p99_ns, 1);
	put_number(object, "snapshot_seconds", results->snapshot_seconds, 6);
	put_number(object, "snapshots", results->snapshots, 0);
	bench_probe_machine(run->directory, machine, sizeof(machine));
	put_text(object, "commit", BENCH_COMMIT);
	put_text(object, "machine", machine);
}

static bool
write_text(const char *path, const char *text) {
	const bool standard = strcmp(path, "-") == 0;
	FILE *file = standard ? stdout : fopen(path, "we");
	bool good = file != NULL && fprintf(file, "%s\n", text) > 0 && fflush(file) == 0;
	const int error = errno;
	if (file != NULL && !standard) {
		good = fclose(file) == 0 && good;
	}
	return good || bench_fail("cannot write %s: %s.", path, strerror(error));
}

bool
bench_report(const bench_run_t *run) {
	json_object *object = json_object_new_object();
	if (object == NULL) {
		return bench_fail("out of memory.");
	}
	put_options(object, run);
	put_times(object, run);
	put_rest(object, run);
	const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
									  JSON_C_TO_STRING_NOSLASHESCAPE);
	const bool good = text != NULL ? write_text(run->options->json, text) : bench_fail("out of memory.");
	(void)json_object_put(object);
	return good;
}
