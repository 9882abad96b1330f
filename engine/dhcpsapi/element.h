/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The elements of IPv4 scopes. Each call has three versions, which differ in the structures and in what they say about
 * kinds of clients.
 */
#ifndef LSR_DHCPSAPI_ELEMENT_H
#define LSR_DHCPSAPI_ELEMENT_H

#include <lessor/dhcpsapi.h>

/* The last one is that of DhcpV4EnumSubnetReservations(), which is an enumeration of elements in another shape. */
typedef enum lsr_version { LSR_ELEMENT_V1, LSR_ELEMENT_V4, LSR_ELEMENT_V5, LSR_ELEMENT_INFO } lsr_version_t;

/* What an element is in all versions. */
typedef struct lsr_element {
	DHCP_SUBNET_ELEMENT_TYPE type;
	void *arm;
} lsr_element_t;

#endif
