/* SPDX-License-Identifier: Apache-2.0 */
/* Building the client index from the records, on all processors: the end of every recovery. */
#ifndef LSR_REINDEX_H
#define LSR_REINDEX_H

#include "engine_p.h"

/*
 * Enter every lease and reservation into the empty client hash; about 'leases' of them. Of several leases, or reservations, of one client in one scope the newest
 * stays, the others go, out of the counters too; leases among them are counted in *duplicates. Nobody else uses the engine. LESSOR_OK; LESSOR_NO_MEMORY.
 */
lessor_status_t lsr_engine_reindex(lessor_engine_t *engine, uint64_t leases, uint64_t *duplicates);

#endif
