/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files in Windows style offer to the test: the same in C and in C++. */
#ifndef DHCPSAPI_WINDOWS_STYLE_H
#define DHCPSAPI_WINDOWS_STYLE_H

#include <lessor/dhcpsapi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Create a lease as an administrator's program would. */
DWORD c_add_lease(LPWSTR server, DHCP_IP_ADDRESS address, LPBYTE mac, LPWSTR name);
DWORD cpp_add_lease(LPWSTR server, DHCP_IP_ADDRESS address, LPBYTE mac, LPWSTR name);

/* Look it up and compare; free every pointer one by one, as the reference page asks. 1: as expected. */
BOOL c_has_lease(LPWSTR server, DHCP_IP_ADDRESS address, LPBYTE mac, LPCWSTR name);
BOOL cpp_has_lease(LPWSTR server, DHCP_IP_ADDRESS address, LPBYTE mac, LPCWSTR name);

/* Delete it by unique ID, built by hand. */
DWORD c_remove_lease(LPWSTR server, DHCP_IP_ADDRESS subnet, LPBYTE mac);
DWORD cpp_remove_lease(LPWSTR server, DHCP_IP_ADDRESS subnet, LPBYTE mac);

#ifdef __cplusplus
}
#endif

#endif
