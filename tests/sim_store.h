/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One store on the simulated disk, small and quick to open, and what has been promised to whoever asks it.
 *
 * What happens on the disk follows from the calls alone, whoever is faster: nothing is flushed unless somebody waits, and segments are prepared between calls. (Not when the disk is full: then
 * the engine asks again by the clock.)
 */
#ifndef SIM_STORE_H
#define SIM_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include <lessor/lessor.h>

/* The simulated disk is in use from the one to the other. */
void sim_store_begin(void);
void sim_store_end(void);

/* Everything up to here is durable, as somebody has been told; sim_store_promised() is for sim_disk_observe(). */
void sim_store_promise(uint64_t position);
uint64_t sim_store_promised(void);

/* A fault of the disk, or its end, was in the engine's way: it may complain. */
bool sim_store_is_excused(void);

/* lessor_open(); an unexpected failure is explained on standard error. */
lessor_status_t sim_store_try_open(bool read_only, lessor_engine_t **engine, lessor_report_t *report);

/* For writing. NULL: a fault was in the way. */
lessor_engine_t *sim_store_open(void);
/* LESSOR_OK, or LESSOR_LOG_FAILED if there is an excuse. */
lessor_status_t sim_store_close(lessor_engine_t **engine);

/* Let the engine's own thread prepare the next segment, and wait until it has. After each call. */
void sim_store_settle(lessor_engine_t *engine);
/* To be called from a hook of the disk: the thread that prepares segments waits for sim_store_settle(). */
void sim_store_gate(const char *name, bool is_write);

#endif
