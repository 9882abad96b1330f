/* SPDX-License-Identifier: Apache-2.0 */
/* The directory of a run: made for it, and gone afterwards, also when somebody interrupts it. One per process. */
#ifndef BENCH_SCRATCH_H
#define BENCH_SCRATCH_H

#include <stdbool.h>

/* Before any other thread is there: from now on SIGINT, SIGTERM and SIGHUP remove the directory and end the process. */
bool bench_scratch_begin(void);

/* A new directory in another one, or NULL. */
const char *bench_scratch_make(const char *in);

/* Remove it, if there is one. */
void bench_scratch_remove(void);

#endif
