/* SPDX-License-Identifier: Apache-2.0 */
/* What a run found, as JSON. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "run.h"

/* Nothing found yet. */
bench_results_t bench_results_none(void);

/* One object, to the file that the options name. All keys are always there. */
bool bench_report(const bench_run_t *run);

#endif
