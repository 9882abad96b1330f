/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs of this folder need that they would not need on Windows: a server that is there when they start. A
 * program of one's own opens its engine, binds it, and goes on from there; host.c shows how.
 */
#ifndef LESSOR_SOURCE_HOST_H
#define LESSOR_SOURCE_HOST_H

#include <lessor/dhcpsapi.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A server with the scope 192.168.1.0/24, from which .10 to .99 are handed out but for .20 to .29, and with so many
 * leases of clients named pc-1, pc-2 and so on, from .30 upward.
 */
int host_begin(unsigned leases);
/* Close it, and check it. Gives what main() is to give: 'result', or 1 if the server is not as it should be. */
int host_end(int result);

/* wprintf(L"%s") for strings of 16-bit characters: as UTF-8; a minus sign for NULL. */
void host_print(LPCWSTR text);
void host_print_address(DHCP_IP_ADDRESS address);

#ifdef __cplusplus
}
#endif

#endif
