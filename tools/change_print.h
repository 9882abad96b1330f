/* SPDX-License-Identifier: Apache-2.0 */
/* Printing changes of a store: one per line, for people or as JSON. */
#ifndef LESSOR_TOOLS_CHANGE_PRINT_H
#define LESSOR_TOOLS_CHANGE_PRINT_H

#include <lessor/stream.h>

/* "<lsn> <time> <what happened>" */
void change_put(const lessor_change_t *change);

/* One JSON object; what the change has, and nothing else. False if memory ran out. */
bool change_put_json(const lessor_change_t *change);

/* For example "lease-end". */
const char *change_kind_name(lessor_change_kind_t kind);

#endif
