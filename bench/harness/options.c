/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the command line of "lessor-bench run". */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"
#include "workload.h"

const char *const bench_durability_names[3] = {"none", "async", "sync"};
const char *const bench_clock_names[2] = {"call", "group"};

static const char usage[] =
	"usage: lessor-bench run --store STORE --workload WORKLOAD [OPTION...]\n"
	"Measure what a lease store does, and print one JSON object.\n"
	"\n"
	"  --store STORE       lessor, lfht, mutex, sqlite, lmdb or rocksdb\n"
	"  --workload WORKLOAD create, get-address, get-client, renew, churn, allocate, mixed, conflict, expire,\n"
	"                      restart or snapshot\n"
	"  --leases N          how many leases there are (default 1048576)\n"
	"  --scopes N          in how many scopes (default 1024)\n"
	"  --threads N         how many threads make calls (default 1)\n"
	"  --batch N           leases per call (default 1)\n"
	"  --durability HOW    none, async (all at the end) or sync (each is acknowledged) (default none)\n"
	"  --in-flight N       operations per thread that may be unacknowledged, or uncommitted (default: 1 with "
	"sync,\n"
	"                      else 1024 per transaction where the store has any)\n"
	"  --clock WHEN        read it after every call, or after each group of 32, for single calls of create,\n"
	"                      get-address, get-client and renew: then no latencies are known, but calls overlap as "
	"they\n"
	"                      would without a clock (default call)\n"
	"  --seed N            for the random order (default 1)\n"
	"  --seconds S         how long (default 0: once for each lease)\n"
	"  --fill PERCENT      how full the scopes' ranges are (default: 80 for mixed and snapshot, 90 for churn,\n"
	"                      allocate and conflict, 100 for the others)\n"
	"  --presize yes|no    whether lessor is told at open how many leases there will be (default yes)\n"
	"  --family 4|6        IPv4 or IPv6 leases; 6 for lessor, and create, get-address, get-client and renew only\n"
	"                      (default 4)\n"
	"  --dir DIRECTORY     where the store's files lie for the time of the run (default: $LESSOR_BENCH_DIR, or "
	"here)\n"
	"  --flushes N         durable writes to measure the device with, before a durable run (default 200)\n"
	"  --json FILE         where the result goes (default -: the standard output)\n"
	"  --help\n"
	"\n"
	"Exit status: 0 all went well, 1 something failed or was answered wrongly, 2 the arguments make no sense,\n"
	"3 this store cannot do this.\n";

static bool
parse_count(const char *text, uint64_t max, uint64_t *count) {
	char *end;
	errno = 0;
	const unsigned long long value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value > max) {
		return false;
	}
	*count = value;
	return true;
}

static bool
parse_real(const char *text, double *real) {
	char *end;
	const double value = strtod(text, &end);
	if (end == text || *end != '\0' || !isfinite(value) || value < 0) {
		return false;
	}
	*real = value;
	return true;
}

static int
mistake(const char *option, const char *text, const char *wanted) {
	(void)bench_fail("--%s %s: %s.", option, text, wanted);
	return 2;
}

static int
parse_positive(const char *option, const char *text, uint64_t max, uint64_t *count) {
	char wanted[64];
	(void)snprintf(wanted, sizeof(wanted), "it must be a number from 1 to %llu", (unsigned long long)max);
	return parse_count(text, max, count) && *count > 0 ? -1 : mistake(option, text, wanted);
}

static int
parse_small(const char *option, const char *text, unsigned max, unsigned *count) {
	uint64_t value = 0;
	const int status = parse_positive(option, text, max, &value);
	*count = status < 0 ? (unsigned)value : *count;
	return status;
}

static int
parse_store(const char *text, bench_options_t *options) {
	bool exists;
	options->store = bench_store_find(text, &exists);
	if (options->store != NULL) {
		return -1;
	}
	if (!exists) {
		return mistake("store", text, "it must be lessor, lfht, mutex, sqlite, lmdb or rocksdb");
	}
	(void)bench_fail("this program was built without the library of store %s.", text);
	return 3;
}

static int
parse_workload(const char *text, bench_options_t *options) {
	for (size_t i = 0; bench_workloads[i] != NULL; i++) {
		if (strcmp(text, bench_workloads[i]->name) == 0) {
			options->workload = bench_workloads[i];
			return -1;
		}
	}
	return mistake("workload", text, "there is no such workload, see --help");
}

static int
parse_durability(const char *text, bench_options_t *options) {
	for (unsigned i = 0; i < 3; i++) {
		if (strcmp(text, bench_durability_names[i]) == 0) {
			options->durability = (bench_durability_t)i;
			return -1;
		}
	}
	return mistake("durability", text, "it must be none, async or sync");
}

static int
parse_clock(const char *text, bench_options_t *options) {
	for (unsigned i = 0; i < 2; i++) {
		if (strcmp(text, bench_clock_names[i]) == 0) {
			options->clock = (bench_clock_t)i;
			return -1;
		}
	}
	return mistake("clock", text, "it must be call or group");
}

static int
parse_presize(const char *text, bench_options_t *options) {
	options->presize = strcmp(text, "yes") == 0;
	return options->presize || strcmp(text, "no") == 0 ? -1 : mistake("presize", text, "it must be yes or no");
}

static int
parse_family(const char *text, bench_options_t *options) {
	options->family = strcmp(text, "6") == 0 ? 6 : 4;
	return options->family == 6 || strcmp(text, "4") == 0 ? -1 : mistake("family", text, "it must be 4 or 6");
}

static int
parse_fill(const char *text, bench_options_t *options) {
	return parse_real(text, &options->fill_percent) && options->fill_percent > 0 && options->fill_percent <= 100
		       ? -1
		       : mistake("fill", text, "it must be a number above 0 and not above 100");
}

enum {
	STORE = 256,
	WORKLOAD,
	LEASES,
	SCOPES,
	THREADS,
	BATCH,
	DURABILITY,
	IN_FLIGHT,
	CLOCK,
	SEED,
	SECONDS,
	FILL,
	FLUSHES,
	PRESIZE,
	FAMILY,
	DIR_,
	JSON,
	HELP
};

static const struct option long_options[] = {{"store", required_argument, NULL, STORE},
					     {"workload", required_argument, NULL, WORKLOAD},
					     {"leases", required_argument, NULL, LEASES},
					     {"scopes", required_argument, NULL, SCOPES},
					     {"threads", required_argument, NULL, THREADS},
					     {"batch", required_argument, NULL, BATCH},
					     {"durability", required_argument, NULL, DURABILITY},
					     {"in-flight", required_argument, NULL, IN_FLIGHT},
					     {"clock", required_argument, NULL, CLOCK},
					     {"seed", required_argument, NULL, SEED},
					     {"seconds", required_argument, NULL, SECONDS},
					     {"fill", required_argument, NULL, FILL},
					     {"flushes", required_argument, NULL, FLUSHES},
					     {"presize", required_argument, NULL, PRESIZE},
					     {"family", required_argument, NULL, FAMILY},
					     {"dir", required_argument, NULL, DIR_},
					     {"json", required_argument, NULL, JSON},
					     {"help", no_argument, NULL, HELP},
					     {NULL, 0, NULL, 0}};

static int
take_option(bench_options_t *options, int option, const char *text) {
	switch (option) {
	case STORE:
		return parse_store(text, options);
	case WORKLOAD:
		return parse_workload(text, options);
	case LEASES:
		return parse_positive("leases", text, BENCH_LEASES_MAX, &options->leases);
	case SCOPES:
		return parse_positive("scopes", text, BENCH_LEASES_MAX, &options->scopes);
	case THREADS:
		return parse_small("threads", text, BENCH_THREADS_MAX, &options->threads);
	case BATCH:
		return parse_small("batch", text, BENCH_BATCH_MAX, &options->batch);
	case DURABILITY:
		return parse_durability(text, options);
	case IN_FLIGHT:
		return parse_positive("in-flight", text, BENCH_FLIGHT_MAX, &options->in_flight);
	case CLOCK:
		return parse_clock(text, options);
	case SEED:
		return parse_count(text, UINT64_MAX, &options->seed) ? -1
								     : mistake("seed", text, "it must be a number");
	case SECONDS:
		return parse_real(text, &options->seconds) ? -1 : mistake("seconds", text, "it must be a number");
	case FILL:
		return parse_fill(text, options);
	case FLUSHES:
		return parse_small("flushes", text, BENCH_FLUSHES_MAX, &options->flushes);
	case PRESIZE:
		return parse_presize(text, options);
	case FAMILY:
		return parse_family(text, options);
	case DIR_:
		options->directory = text;
		return -1;
	case JSON:
		options->json = text;
		return -1;
	case HELP:
		(void)fputs(usage, stdout);
		return 0;
	default:
		return 2; /* getopt_long() has said why */
	}
}

/* Is it one of the few that IPv6 leases are put through? */
static bool
knows_family(const bench_options_t *options) {
	static const char *const workloads[] = {"create", "get-address", "get-client", "renew"};
	bool known = options->family == 4;
	for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++) {
		known = known || (strcmp(options->store->name, "lessor") == 0 &&
				  strcmp(options->workload->name, workloads[i]) == 0);
	}
	return known;
}

/* What follows from several options together. */
static int
complete(bench_options_t *options) {
	const char *refusal = NULL;
	if (options->store == NULL || options->workload == NULL) {
		(void)bench_fail("--store and --workload are required, see --help.");
		return 2;
	}
	if (options->durability != BENCH_NONE && !options->store->has_log) {
		refusal = "keeps nothing on disk, so there is no durability to ask for";
	} else if (!knows_family(options)) {
		refusal = "has no IPv6 leases here";
	} else if (options->clock == BENCH_CLOCK_GROUP &&
		   (!options->workload->prepares_ahead || options->batch > 1 || options->durability == BENCH_SYNC)) {
		refusal = "reads the clock after every call with these options";
	} else if (options->workload->refusal != NULL) {
		refusal = options->workload->refusal(options);
	}
	if (refusal != NULL) {
		(void)bench_fail("store %s, workload %s: it %s.", options->store->name, options->workload->name,
				 refusal);
		return 3;
	}
	if (options->durability == BENCH_SYNC && options->in_flight == 0) {
		options->in_flight = 1;
	}
	if (options->fill_percent <= 0) {
		options->fill_percent = options->workload->fill_percent;
	}
	return -1;
}

int
bench_options_parse(bench_options_t *options, int argc, char **argv) {
	const char *directory = getenv("LESSOR_BENCH_DIR");
	static char name[] = "lessor-bench";
	*options = (bench_options_t){.leases = 1048576,
				     .scopes = 1024,
				     .threads = 1,
				     .batch = 1,
				     .seed = 1,
				     .presize = true,
				     .family = 4,
				     .flushes = 200,
				     .json = "-",
				     .directory = directory != NULL && directory[0] != '\0' ? directory : "."};
	argv[0] = name;
	for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
		const int status = take_option(options, option, optarg);
		if (status >= 0) {
			return status;
		}
	}
	if (optind < argc) {
		(void)bench_fail("%s: what is this for? See --help.", argv[optind]);
		return 2;
	}
	return complete(options);
}
