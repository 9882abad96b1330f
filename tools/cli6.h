/* SPDX-License-Identifier: Apache-2.0 */
/* What the sub-commands share of IPv6, as cli.h has it of IPv4. A text with a colon is IPv6. */
#ifndef LESSOR_TOOLS_CLI6_H
#define LESSOR_TOOLS_CLI6_H

#include "cli.h"

bool cli_is6(const char *text);

/* "2001:db8:7::/64", or without the length; no host bits. */
bool cli_parse_prefix6(const char *text, uint64_t *prefix);
/* text holds CLI_PREFIX6_BYTES. */
#define CLI_PREFIX6_BYTES 52
void cli_format_prefix6(uint64_t prefix, char *text);

/* "2001:db8:7::a-2001:db8:7::f", both of one /64; a single address is a range of one. */
bool cli_parse_range6(const char *text, uint64_t *prefix, lessor_range6_t *range);
/* text holds CLI_RANGE6_BYTES. */
#define CLI_RANGE6_BYTES 96
void cli_format_range6(uint64_t prefix, lessor_range6_t range, char *text);

/* Read the scope that 'text' names. Or complain and return the exit status. scope's texts are NULL. */
int cli_find_scope6(const char *command, lessor_engine_t *engine, const char *text, lessor_scope6_t *scope);

/* The value of an option or argument 'what', or cli_reject(). */
lessor_address6_t cli_need_ipv6(const struct argp_state *state, const char *what, const char *text);
uint16_t cli_need_duid(const struct argp_state *state, const char *text, uint8_t duid[LESSOR_DUID_MAX_BYTES]);

#endif
