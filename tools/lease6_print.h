/* SPDX-License-Identifier: Apache-2.0 */
/* IPv6 leases for people and for programs, as cli.h has it of IPv4 leases. */
#ifndef LESSOR_TOOLS_LEASE6_PRINT_H
#define LESSOR_TOOLS_LEASE6_PRINT_H

#include "cli.h"

/* As lines, as one line of a list, and as one JSON object in one line; false if memory ran out. */
void cli_put_lease6(const lessor_lease6_t *lease);
void cli_put_lease6_row(const lessor_lease6_t *lease);
bool cli_put_lease6_json(const lessor_lease6_t *lease);

#endif
