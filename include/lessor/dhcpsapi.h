/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows' dhcpsapi.h, answered by a lessor engine in this process: the calls on leases, scopes, reservations,
 * superscopes, filters and statistics, of IPv4 and IPv6. Those on options, classes, policies and failover are not here.
 *
 * What it is. The same functions, structures, constants and codes, by name, value and member order, so that a C or
 * C++ file written for the Windows header compiles after its includes are changed to this one. Nothing is sent
 * anywhere: a call is a translation (UTF-16, FILETIME, Win32 codes) over <lessor/lessor.h>, where the behaviour itself
 * is documented. Code that is written anew should use that API: it is faster, and tells more.
 *
 * What a program must add is one call: lessor_dhcpsapi_bind() says which engine the calls talk to.
 *
 *     lessor_dhcpsapi_bind(NULL, engine, LESSOR_ACCESS_READWRITE, LESSOR_SYNC);
 *
 *     BYTE mac[] = {0x00, 0x1C, 0x25, 0x80, 0xA0, 0x43};
 *     DHCP_CLIENT_INFO_PB lease;
 *     lessor_dhcpsapi_client_info_init(&lease);              // or fill every member, as on Windows
 *     lease.ClientIpAddress = 0xC0A8010A;                    // 192.168.1.10
 *     lease.ClientHardwareAddress.DataLength = sizeof mac;
 *     lease.ClientHardwareAddress.Data = mac;
 *     DWORD code = DhcpV4CreateClientInfo(NULL, &lease);     // ERROR_SUCCESS, and the lease is on disk
 *
 * Strings are UTF-16 code units ending with a NUL, as on Windows; WCHAR is char16_t. Literals are u"..." or
 * TEXT("..."). L"..." is 32 bits wide here and does not fit (in C it does with -fshort-wchar). Strings are kept as
 * UTF-8 inside and come back unit for unit; to make that exact, ill-formed UTF-16 (half a surrogate pair) is refused,
 * never repaired. A string is never read beyond its NUL, nor beyond one unit more than its limit.
 *
 * Numbers. Addresses and masks are integers in host order, 192.168.1.10 being 0xC0A8010A. A DWORD has 32 bits, here as
 * there, but is an unsigned int, not an unsigned long: print it with "%u" or PRIu32.
 *
 * Input is read during the call only, copied, and never written to, whatever the prototype permits.
 *
 * Output. A structure that a call gives out belongs to the caller, with everything its members point to, and one
 * DhcpRpcFreeMemory() frees all of it. If a call fails, its out-pointer becomes NULL and its counts become 0;
 * ERROR_MORE_DATA and ERROR_DHCP_REACHED_END_OF_SELECTION are not failures in this sense. What is both in and out, a
 * resume handle, stays as it is.
 *
 * Order of checks, in every call: required pointers, then the binding, then access, then the content of the arguments,
 * then scope and lease. The first failure is the answer, and nothing has changed then. (A few calls check more before
 * access; it is said there.) Codes that any call can give, and that are not repeated at each:
 *   ERROR_INVALID_PARAMETER          a required pointer is NULL. Required is every one but ServerIpAddress, unless it
 *                                    says otherwise at the call.
 *   ERROR_DHCP_SERVER_NOT_REACHABLE  nothing is bound for ServerIpAddress.
 *   ERROR_ACCESS_DENIED              the binding does not permit it, or the engine is read-only.
 *   ERROR_NOT_ENOUGH_MEMORY          no memory, for the change or for the result, or an engine limit.
 *   ERROR_DHCP_RANGE_FULL            a limit of leases was set with <lessor/limit.h> or <lessor/scope.h>, and is reached.
 *   ERROR_DHCP_JET_ERROR             the store failed: disk full, log failed, engine closing, forked child. Nothing has
 *                                    changed, with one exception: LESSOR_LOG_FAILED on a LESSOR_SYNC binding may mean
 *                                    visible, but durability unknown.
 * What else a call can answer stands at the call, in the order in which it is checked.
 *
 * Every call is one atomic change or one consistent read; of an enumeration, each element is read consistently. Any
 * number of threads may call at any time. After fork() the child's calls on engines of its parent fail.
 *
 * Source: the public reference pages of dhcpsapi.h; [MS-DHCPM], whose sections are cited as "MS-DHCPM 3.2.4.123". Where
 * these leave something open or contradict each other, the reading taken is said at the function or member.
 */
#ifndef LESSOR_DHCPSAPI_H
#define LESSOR_DHCPSAPI_H

#include <stdint.h>

#include <lessor/dhcpsapi_types.h>
#include <lessor/engine.h>
#include <lessor/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Calls.
 *
 * ServerIpAddress is a label that picks a binding; see lessor_dhcpsapi_bind(). NULL, "" and labels that are not bound
 * mean the default binding. It is never resolved or contacted.
 */

/*
 * Create a lease.
 *
 * Requires:  ClientInfo with ClientIpAddress and ClientHardwareAddress. Everything else may be zero; see the
 *            structure for what zero means and for the limits.
 * Access:    read and write.
 * Ensures:   on ERROR_SUCCESS the lease exists with the members given, is visible to everybody, counts in its scope's
 *            statistics, and is durable if the binding says LESSOR_SYNC. Of any number of concurrent creates of one
 *            address, or of one client in one scope, exactly one succeeds. Stored instead of what the caller gave:
 *            SubnetMask, the scope's; OwnerHost.NetBiosName, the engine's server name (lessor_options_t.server_name);
 *            OwnerHost.IpAddress, the ServerIpAddress argument if that is four decimal numbers with dots, else
 *            lessor_options_t.server_address; OwnerHost.HostName, NULL.
 * Accepts:   any address of a scope's subnet, inside its range or not, excluded or not; a disabled scope; an expiry
 *            in the past; a policy that does not exist; a name that another lease has.
 * Taken:     any lease on the address, or of the client in that scope, is in the way, also an expired, declined or
 *            doomed one, the dormant one of a reservation, one that is the same in every member; so is a reservation
 *            of the address for another client. A lease of the same client in another scope is not.
 * AddressState 0 means "not given", because that is what optional members are when they are not set, and is stored as
 *            ADDRESS_STATE_ACTIVE. Any other byte whose state is OFFERED was meant, and is refused. An engine opened
 *            with strict_address_state refuses 0 as well, as MS-DHCPM has it.
 *
 * Checked in this order:
 *   ERROR_INVALID_PARAMETER          ClientHardwareAddress is empty, or DataLength is over 255 (Data is not looked at
 *                                    then); an unknown Status; a string too long or not UTF-16; ClientIpAddress 0;
 *                                    AddressState as said above; an unknown bClientType.
 *   ERROR_DHCP_SUBNET_NOT_PRESENT    no scope's subnet contains the address.
 *   ERROR_DHCP_CLIENT_EXISTS         taken, as said above; lessor_dhcpsapi_last_status() knows which.
 *
 * Source:    reference page of DhcpV4CreateClientInfo; MS-DHCPM 3.2.4.123, note <88> (Status, ProbationEnds and
 *            QuarantineCapable are stored as given, as on Windows Server 2012, not forced to zero as since 2016). The
 *            page promises that only two members are required, the protocol's steps refuse state 0: the page wins.
 *            The steps put the scope's address into SubnetMask: taken as a slip for its mask.
 */
DWORD DHCP_API_FUNCTION DhcpV4CreateClientInfo(const WCHAR *ServerIpAddress, const LPDHCP_CLIENT_INFO_PB ClientInfo);

/*
 * The same with DHCP_CLIENT_INFO_EX. Properties is NULL or an array; the last property with the ID
 * DhcpPropIdClientAddressStateEx and the type DhcpPropTypeDword is stored, all others are ignored.
 *   ERROR_INVALID_PARAMETER          besides: one of these, also one that is not the last, has a bit other than
 *                                    V5_ADDRESS_EX_BIT_DISABLE_PTR_RR;
 *                                    Properties has elements but no memory for them, or more than
 *                                    LESSOR_DHCPSAPI_PROPERTIES_MAX (they are not looked at then).
 * Source:    MS-DHCPM 3.2.4.132, note <89>.
 */
DWORD DHCP_API_FUNCTION DhcpV4CreateClientInfoEx(const WCHAR *ServerIpAddress, const LPDHCP_CLIENT_INFO_EX ClientInfo);

/*
 * The older creates: as DhcpV4CreateClientInfo(), with these differences. Only ClientIpAddress, ClientHardwareAddress,
 * ClientName, ClientComment (here up to 1024 units) and ClientLeaseExpires are used. The lease gets CLIENT_TYPE_NONE,
 * ADDRESS_STATE_ACTIVE, NOQUARANTINE, no end of probation, not capable of quarantine, and no policy.
 *   ERROR_INVALID_PARAMETER          instead of ERROR_DHCP_SUBNET_NOT_PRESENT, too.
 *   ERROR_DHCP_JET_ERROR             instead of ERROR_DHCP_CLIENT_EXISTS, unless LESSOR_DHCPSAPI_TAKEN_IS_EXISTS.
 * Source:    reference pages; MS-DHCPM 3.1.4.17, 3.1.4.33, 3.1.4.45. The steps look for a scope whose range, the newer
 *            ones for one whose subnet contains the address: taken as the latter everywhere. The steps of the VQ call
 *            store the quarantine members; the page of DhcpV4CreateClientInfo says that it does not use them: the page
 *            wins. The page of the VQ call has ERROR_DHCP_CLIENT_EXISTS, the steps of all three have the other.
 */
DWORD DHCP_API_FUNCTION DhcpCreateClientInfo(const WCHAR *ServerIpAddress, const DHCP_CLIENT_INFO *ClientInfo);
DWORD DHCP_API_FUNCTION DhcpCreateClientInfoV4(const WCHAR *ServerIpAddress, const DHCP_CLIENT_INFO_V4 *ClientInfo);
DWORD DHCP_API_FUNCTION DhcpCreateClientInfoVQ(const WCHAR *ServerIpAddress, const DHCP_CLIENT_INFO_VQ *ClientInfo);

/*
 * Change the lease at ClientIpAddress, whichever call made it.
 *
 * Access:    read and write.
 * Ensures:   on ERROR_SUCCESS the lease has: the client ClientHardwareAddress; ClientName and ClientComment, unless
 *            they are NULL (there is no way to take them away; "" is stored as ""); ClientLeaseExpires, unless the
 *            address is reserved; OwnerHost.IpAddress, not the names; ADDRESS_STATE_ACTIVE with no other bits; with the
 *            VQ call also Status, ProbationEnds and QuarantineCapable. So a declined or doomed lease comes to life
 *            again. All else is as it was; SubnetMask and bClientType are ignored.
 *
 * Checked in this order:
 *   ERROR_INVALID_PARAMETER          as in DhcpCreateClientInfo(); VQ: an unknown Status.
 *   ERROR_DHCP_JET_ERROR             no such lease, or the client has another lease in this scope;
 *                                    lessor_dhcpsapi_last_status() knows these and a store that failed from each other.
 *
 * Source:    reference pages; MS-DHCPM 3.1.4.18, 3.1.4.34, 3.1.4.46. Only the first says that a reserved lease keeps
 *            its expiry: taken to hold for all. None says what becomes of the upper bits of the state, or of a client
 *            that has another lease. The page of the VQ call refuses a wrong mask: the steps do not.
 */
DWORD DHCP_API_FUNCTION DhcpSetClientInfo(const WCHAR *ServerIpAddress, const DHCP_CLIENT_INFO *ClientInfo);
DWORD DHCP_API_FUNCTION DhcpSetClientInfoV4(const WCHAR *ServerIpAddress, const DHCP_CLIENT_INFO_V4 *ClientInfo);
DWORD DHCP_API_FUNCTION DhcpSetClientInfoVQ(const WCHAR *ServerIpAddress, const DHCP_CLIENT_INFO_VQ *ClientInfo);

/*
 * Read a lease.
 *
 * Requires:  SearchInfo, ClientInfo.
 * Access:    read.
 * Ensures:   on ERROR_SUCCESS *ClientInfo is one consistent state of the lease. ClientHardwareAddress is the client
 *            identifier as it was given to the create, not the unique ID, so that it can be used again.
 *
 * Checked in this order:
 *   ERROR_INVALID_PARAMETER          before access: a search by name without a name.
 *   ERROR_INVALID_PARAMETER          an unknown SearchType; a name too long or not UTF-16; a unique ID that is empty
 *                                    or has more than 260 bytes (Data is not looked at then).
 *   ERROR_DHCP_INVALID_DHCP_CLIENT   no such lease.
 *
 * Source:    reference page of DhcpV4GetClientInfo; MS-DHCPM 3.2.4.124. Which encoding ClientHardwareAddress has on
 *            output is told in two ways; this is the one that programs in the field rely on.
 */
DWORD DHCP_API_FUNCTION DhcpV4GetClientInfo(const WCHAR *ServerIpAddress, const DHCP_SEARCH_INFO *SearchInfo,
					    LPDHCP_CLIENT_INFO_PB *ClientInfo);

/*
 * The same with DHCP_CLIENT_INFO_EX; its one property is the extended address state. Source: MS-DHCPM 3.2.4.133.
 */
DWORD DHCP_API_FUNCTION DhcpV4GetClientInfoEx(const WCHAR *ServerIpAddress, const DHCP_SEARCH_INFO *SearchInfo,
					      LPDHCP_CLIENT_INFO_EX *ClientInfo);

/*
 * The older reads: as DhcpV4GetClientInfo(), but the name is checked after access, and
 *   ERROR_DHCP_JET_ERROR             stands for "no such lease".
 * Source:    reference pages; MS-DHCPM 3.1.4.19, 3.1.4.35, 3.1.4.47. Some pages ask for administrators, as for other
 *            calls that read: the protocol lets users read, and so do these.
 */
DWORD DHCP_API_FUNCTION DhcpGetClientInfo(const WCHAR *ServerIpAddress, const DHCP_SEARCH_INFO *SearchInfo,
					  LPDHCP_CLIENT_INFO *ClientInfo);
DWORD DHCP_API_FUNCTION DhcpGetClientInfoV4(const WCHAR *ServerIpAddress, const DHCP_SEARCH_INFO *SearchInfo,
					    LPDHCP_CLIENT_INFO_V4 *ClientInfo);
DWORD DHCP_API_FUNCTION DhcpGetClientInfoVQ(const WCHAR *ServerIpAddress, const DHCP_SEARCH_INFO *SearchInfo,
					    LPDHCP_CLIENT_INFO_VQ *ClientInfo);

/*
 * Delete a lease, whichever call made it. Its address and its client are free at once.
 *
 * Requires:  ClientInfo, which is a search in spite of its name.
 * Access:    read and write.
 * Ensures:   on ERROR_SUCCESS exactly one lease is gone, and durably so if the binding says LESSOR_SYNC. By address,
 *            one step. By unique ID or name, the lease that was found, if it still belongs to the client it belonged
 *            to then; otherwise the search begins anew. Of several leases with a name the one with the lowest address
 *            is deleted, the others stay (the protocol's steps; the reference page speaks of all). DNS records are
 *            not touched.
 *
 * Checked in this order:
 *   ERROR_INVALID_PARAMETER          an unknown SearchType; a name that is NULL, too long or not UTF-16; a unique ID
 *                                    that is empty or has more than 260 bytes (Data is not looked at then).
 *   ERROR_DHCP_JET_ERROR             no such lease; lessor_dhcpsapi_last_status() knows it from a store that failed.
 *   ERROR_DHCP_RESERVED_CLIENT       the address is reserved: remove the reservation instead.
 *
 * Source:    reference page of DhcpDeleteClientInfo; MS-DHCPM 3.1.4.20.
 */
DWORD DHCP_API_FUNCTION DhcpDeleteClientInfo(const WCHAR *ServerIpAddress, const DHCP_SEARCH_INFO *ClientInfo);

/*
 * Read the leases of a scope, or of all scopes if SubnetAddress is 0, page by page, ascending by address: call with
 * *ResumeHandle 0, and again with what it has become, while the answer is ERROR_MORE_DATA.
 *
 * Access:    read.
 * Ensures:   on ERROR_MORE_DATA the page is full: *ClientsRead is what is in it, *ClientsTotal how many leases are
 *            still to come, *ResumeHandle the last address. On ERROR_SUCCESS it was the last page: *ClientsTotal is
 *            *ClientsRead, *ResumeHandle is 0. A lease that exists all the time is seen exactly once. Leases in every
 *            state are there, the dormant ones of reservations too.
 * A page:    PreferredMaximum bytes, but not below 1024 nor above 65536; 0xFFFFFFFF is everything. A lease costs its
 *            structure, a pointer, the bytes of its client identifier and each text with its NUL. There is at least one
 *            in a page.
 *
 * Checked in this order:
 *   ERROR_DHCP_JET_ERROR             *ResumeHandle is neither 0 nor the address of a lease (any more); not with
 *                                    LESSOR_DHCPSAPI_RELAXED_RESUME.
 *   ERROR_NO_MORE_ITEMS              *ResumeHandle is 0 and there is no lease at all; or it is not, and none follows.
 *   ERROR_NO_MORE_ITEMS              V5, V4EnumSubnetClients and its Ex: the scope has no leases, or there is no such
 *                                    scope. The others answer ERROR_SUCCESS with an array of 0 leases.
 *
 * Source:    reference pages; MS-DHCPM 3.1.4.21, 3.1.4.36, 3.1.4.48, 3.2.4.1, 3.2.4.89, 3.2.4.116, 3.2.4.131. That
 *            0xFFFFFFFF is everything is what all of them say of the parameter, though the steps of the older ones
 *            limit it. Windows is seen to put 0x7FFFFFFF into ClientsTotal: here it is the number that the sources
 *            promise.
 */
DWORD DHCP_API_FUNCTION DhcpEnumSubnetClients(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
					      DHCP_RESUME_HANDLE *ResumeHandle, DWORD PreferredMaximum,
					      LPDHCP_CLIENT_INFO_ARRAY *ClientInfo, DWORD *ClientsRead,
					      DWORD *ClientsTotal);
DWORD DHCP_API_FUNCTION DhcpEnumSubnetClientsV4(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
						DHCP_RESUME_HANDLE *ResumeHandle, DWORD PreferredMaximum,
						LPDHCP_CLIENT_INFO_ARRAY_V4 *ClientInfo, DWORD *ClientsRead,
						DWORD *ClientsTotal);
DWORD DHCP_API_FUNCTION DhcpEnumSubnetClientsV5(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
						DHCP_RESUME_HANDLE *ResumeHandle, DWORD PreferredMaximum,
						LPDHCP_CLIENT_INFO_ARRAY_V5 *ClientInfo, DWORD *ClientsRead,
						DWORD *ClientsTotal);
DWORD DHCP_API_FUNCTION DhcpEnumSubnetClientsVQ(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
						DHCP_RESUME_HANDLE *ResumeHandle, DWORD PreferredMaximum,
						LPDHCP_CLIENT_INFO_ARRAY_VQ *ClientInfo, DWORD *ClientsRead,
						DWORD *ClientsTotal);
DWORD DHCP_API_FUNCTION DhcpEnumSubnetClientsFilterStatusInfo(const WCHAR *ServerIpAddress,
							      DHCP_IP_ADDRESS SubnetAddress,
							      DHCP_RESUME_HANDLE *ResumeHandle, DWORD PreferredMaximum,
							      LPDHCP_CLIENT_FILTER_STATUS_INFO_ARRAY *ClientInfo,
							      DWORD *ClientsRead, DWORD *ClientsTotal);
DWORD DHCP_API_FUNCTION DhcpV4EnumSubnetClients(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
						DHCP_RESUME_HANDLE *ResumeHandle, DWORD PreferredMaximum,
						LPDHCP_CLIENT_INFO_PB_ARRAY *ClientInfo, DWORD *ClientsRead,
						DWORD *ClientsTotal);
DWORD DHCP_API_FUNCTION DhcpV4EnumSubnetClientsEx(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
						  DHCP_RESUME_HANDLE *ResumeHandle, DWORD PreferredMaximum,
						  LPDHCP_CLIENT_INFO_EX_ARRAY *ClientInfo, DWORD *ClientsRead,
						  DWORD *ClientsTotal);

/*
 * Read the reservations of a scope, page by page, ascending by address: as an enumeration of leases, but *ResumeHandle
 * counts the reservations read so far, and on ERROR_SUCCESS too. Reservations that come or go in front of it shift what
 * is read next.
 *
 * Access:    read.
 * A page:    PreferredMaximum bytes, counted as for leases; 0xFFFFFFFF is everything. There is at least one in a page.
 *
 * Checked in this order:
 *   ERROR_INVALID_PARAMETER          before access: SubnetAddress is 0.
 *   ERROR_DHCP_SUBNET_NOT_PRESENT    no such scope.
 *   ERROR_NO_MORE_ITEMS              it has no more than *ResumeHandle reservations.
 *   ERROR_MORE_DATA                  *ElementsTotal is how many are still to come.
 *
 * Source:    reference page; MS-DHCPM 3.2.4.120.
 */
DWORD DHCP_API_FUNCTION DhcpV4EnumSubnetReservations(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
						     DHCP_RESUME_HANDLE *ResumeHandle, DWORD PreferredMaximum,
						     LPDHCP_RESERVATION_INFO_ARRAY *EnumElementInfo,
						     DWORD *ElementsRead, DWORD *ElementsTotal);

/*
 * Look for addresses of a scope's range that are free, from StartIP (0: the range's first) to EndIP (0: its last),
 * ascending: NumFreeAddrReq of them, 0 counting as 1. Free are those that have no lease in any state, are not excluded
 * and not reserved; if these are too few, addresses whose lease is doomed follow them, ascending too. Nothing is kept
 * for the caller: somebody else may be faster.
 *
 * Access:    read.
 *
 * Checked in this order:
 *   ERROR_INVALID_PARAMETER          before access: ScopeId is 0; NumFreeAddrReq is over
 *                                    DHCP_MAX_FREE_ADDRESSES_REQUESTED; both ends are given, and the first is behind
 *                                    the last or there are not so many addresses between them.
 *   ERROR_INVALID_PARAMETER          no such scope.
 *   ERROR_FILE_NOT_FOUND             it has no range.
 *   ERROR_INVALID_PARAMETER          an end is given that is not inside its range.
 *   ERROR_DHCP_REACHED_END_OF_SELECTION  there are fewer; *IPAddrList has those that there are, perhaps none.
 *
 * Source:    reference page; MS-DHCPM 3.2.4.121, whose table has other numbers beside the names of two codes.
 */
DWORD DHCP_API_FUNCTION DhcpV4GetFreeIPAddress(LPWSTR ServerIpAddress, DHCP_IP_ADDRESS ScopeId, DHCP_IP_ADDRESS StartIP,
					       DHCP_IP_ADDRESS EndIP, DWORD NumFreeAddrReq,
					       LPDHCP_IP_ARRAY *IPAddrList);

/*
 * Compare a scope's leases with what counts as taken, and list the addresses where they differ, ascending.
 *   DhcpRegistryFix  there is a lease, and the address counts as free,
 *   DhcpDatabaseFix  or it counts as taken, and there is no lease. The engine keeps both in one step, so this is a fault
 *                    of memory or of the library. A FixFlag other than 0 mends it by the leases, of which none is made
 *                    or changed.
 *   DhcpDatabaseFix  a reserved address without a lease, because its client has its lease at another address of the
 *                    scope. That is no fault, and not mended: a client has one lease.
 * Leases that do not count as in use, because they are doomed or outside the range, are not listed.
 *
 * Access:    read and write, even if FixFlag is 0.
 *   ERROR_DHCP_SUBNET_NOT_PRESENT    no such scope.
 * Source:    MS-DHCPM 3.1.4.28, which has leases made for addresses that count as taken.
 */
DWORD DHCP_API_FUNCTION DhcpScanDatabase(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress, DWORD FixFlag,
					 LPDHCP_SCAN_LIST *ScanList);

/*
 * Create a scope, without range, exclusions and reservations. SubnetAddress is the subnet's, not a gateway's.
 *
 * Access:    read and write.
 *   ERROR_INVALID_PARAMETER          SubnetAddress is 0, is not SubnetInfo's, or has bits outside of SubnetMask.
 *   ERROR_DHCP_SCOPE_NAME_TOO_LONG   SubnetName has more than 256 units.
 *   ERROR_INVALID_PARAMETER          a text is not UTF-16, the comment too long; the mask is not contiguous; an unknown
 *                                    SubnetState.
 *   ERROR_DHCP_SUBNET_EXISTS         it would overlap a scope that exists.
 * Source:    reference pages; MS-DHCPM 3.1.4.1, 3.1.4.49. The second and third of these are not in the steps.
 */
DWORD DHCP_API_FUNCTION DhcpCreateSubnet(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
					 const DHCP_SUBNET_INFO *SubnetInfo);
DWORD DHCP_API_FUNCTION DhcpCreateSubnetVQ(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
					   const DHCP_SUBNET_INFO_VQ *SubnetInfo);

/*
 * Replace a scope's mask, name, comment and state, with the VQ call also QuarantineOn. NULL texts are replaced too.
 *
 * Access:    read and write.
 *   ERROR_INVALID_PARAMETER, ERROR_DHCP_SCOPE_NAME_TOO_LONG  as in DhcpCreateSubnet(), but for mask and state.
 *   ERROR_DHCP_SUBNET_NOT_PRESENT    no such scope.
 *   ERROR_INVALID_PARAMETER          the mask is not contiguous; an unknown SubnetState.
 *   ERROR_DHCP_NAP_NOT_SUPPORTED     VQ, with LESSOR_DHCPSAPI_NAP_REMOVED: QuarantineOn is not 0.
 *   ERROR_INVALID_PARAMETER          another mask, and the scope has a range, an exclusion, a reservation or a lease.
 *   ERROR_DHCP_SUBNET_EXISTS         with the other mask it would overlap another scope.
 * Source:    reference pages; MS-DHCPM 3.1.4.2, 3.1.4.51, note <43>. What becomes of the mask of a scope that is not
 *            empty is in no source.
 */
DWORD DHCP_API_FUNCTION DhcpSetSubnetInfo(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
					  const DHCP_SUBNET_INFO *SubnetInfo);
DWORD DHCP_API_FUNCTION DhcpSetSubnetInfoVQ(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
					    const DHCP_SUBNET_INFO_VQ *SubnetInfo);

/*
 * Read a scope.
 *
 * Access:    read.
 *   ERROR_DHCP_SUBNET_NOT_PRESENT    no such scope.
 * Source:    reference pages; MS-DHCPM 3.1.4.3, 3.1.4.50.
 */
DWORD DHCP_API_FUNCTION DhcpGetSubnetInfo(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
					  LPDHCP_SUBNET_INFO *SubnetInfo);
DWORD DHCP_API_FUNCTION DhcpGetSubnetInfoVQ(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
					    LPDHCP_SUBNET_INFO_VQ *SubnetInfo);

/*
 * Read the addresses of the scopes, ascending, PreferredMaximum of them at a time (0xFFFFFFFF: all). *ResumeHandle
 * counts those read so far; 0 at first. Call until ERROR_NO_MORE_ITEMS; there is no ERROR_MORE_DATA.
 *
 * Access:    read.
 * Ensures:   on ERROR_SUCCESS *ElementsTotal is how many are still to come behind these.
 *   ERROR_NO_MORE_ITEMS              PreferredMaximum is 0, or there are no more than *ResumeHandle scopes.
 * Source:    reference page; MS-DHCPM 3.1.4.4.
 */
DWORD DHCP_API_FUNCTION DhcpEnumSubnets(const WCHAR *ServerIpAddress, DHCP_RESUME_HANDLE *ResumeHandle,
					DWORD PreferredMaximum, LPDHCP_IP_ARRAY *EnumInfo, DWORD *ElementsRead,
					DWORD *ElementsTotal);

/*
 * Delete a scope with its range, exclusions, reservations and leases.
 *
 * Access:    read and write.
 *   ERROR_INVALID_PARAMETER          an unknown ForceFlag.
 *   ERROR_DHCP_SUBNET_NOT_PRESENT    no such scope.
 *   ERROR_DHCP_ELEMENT_CANT_REMOVE   DhcpNoForce, and there is a lease that is not the dormant one of a reservation.
 * Source:    reference page; MS-DHCPM 3.1.4.8. DNS is left alone whatever the flag says.
 */
DWORD DHCP_API_FUNCTION DhcpDeleteSubnet(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
					 DHCP_FORCE_FLAG ForceFlag);

/*
 * Give a scope its range or another one, an exclusion, or a reservation. What each does to leases and statistics is
 * said in <lessor/scope.h> and <lessor/reservation.h>.
 *
 * Access:    read and write.
 *
 * Checked in this order:
 *   ERROR_DHCP_SUBNET_NOT_PRESENT    no such scope.
 *   ERROR_CALL_NOT_IMPLEMENTED       DhcpSecondaryHosts.
 *   ERROR_INVALID_PARAMETER          DhcpIpUsedClusters or an unknown type; the arm is NULL.
 * A range, types 0, 5, 6 and 7. A scope has one; another one makes it greater or smaller.
 *   ERROR_DHCP_INVALID_RANGE         it is inverted.
 *   ERROR_DHCP_IPRANGE_EXITS         type 0, not V5: it is the scope's range already. Otherwise this is success.
 *   ERROR_DHCP_IPRANGE_CONV_ILLEGAL  the scope has a lease of a BOOTP client; V5: and the type is 0 or 5, or it has one
 *                                    of a DHCP client and the type is 7. (All leases are looked at. One that is made
 *                                    at the same time may be missed: afterwards it would have been accepted.)
 *   ERROR_DHCP_INVALID_RANGE         it is not inside the subnet; or neither contains the scope's range nor is
 *                                    contained in it.
 * An exclusion. Those that overlap others are accepted; one that exists already is success.
 *   ERROR_DHCP_INVALID_RANGE         it is inverted or not inside the subnet.
 * A reservation. The plain call reserves for CLIENT_TYPE_BOTH.
 *   ERROR_INVALID_PARAMETER          the client has not 1 to 255 bytes; V4, V5: unknown bAllowedClientTypes, or 0.
 *   ERROR_DHCP_NOT_RESERVED_CLIENT   the address is not inside the subnet.
 *   ERROR_DHCP_RESERVEDIP_EXITS      address or client is reserved already, or another client has a lease there.
 *
 * Source:    reference pages; MS-DHCPM 3.1.4.5, 3.1.4.30, 3.2.4.38, note <27>. The steps do not ask where a range or an
 *            exclusion lies, nor who has a reserved address; servers differ on whether that must be inside the range.
 */
DWORD DHCP_API_FUNCTION DhcpAddSubnetElement(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
					     const DHCP_SUBNET_ELEMENT_DATA *AddElementInfo);
DWORD DHCP_API_FUNCTION DhcpAddSubnetElementV4(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
					       const DHCP_SUBNET_ELEMENT_DATA_V4 *AddElementInfo);
DWORD DHCP_API_FUNCTION DhcpAddSubnetElementV5(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
					       const DHCP_SUBNET_ELEMENT_DATA_V5 *AddElementInfo);

/*
 * Read a scope's elements of one type, page by page, ascending by address, as DhcpV4EnumSubnetReservations() does.
 *
 * Access:    read.
 *
 * Checked in this order:
 *   ERROR_NOT_SUPPORTED              DhcpSecondaryHosts.
 *   ERROR_INVALID_PARAMETER          a type other than 0, 2 and 3; V5 accepts 6 and answers as for 0.
 *   ERROR_DHCP_SUBNET_NOT_PRESENT    no such scope.
 *   ERROR_NO_MORE_ITEMS              it has no more than *ResumeHandle of them; ranges with PreferredMaximum 0.
 *   ERROR_MORE_DATA                  *ElementsTotal is how many are still to come. PreferredMaximum 0 gives an array of
 *                                    0 elements.
 *
 * Source:    reference pages; MS-DHCPM 3.1.4.6, 3.1.4.31, 3.2.4.39. The page of the V5 call refuses type 6.
 */
DWORD DHCP_API_FUNCTION DhcpEnumSubnetElements(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
					       DHCP_SUBNET_ELEMENT_TYPE EnumElementType,
					       DHCP_RESUME_HANDLE *ResumeHandle, DWORD PreferredMaximum,
					       LPDHCP_SUBNET_ELEMENT_INFO_ARRAY *EnumElementInfo, DWORD *ElementsRead,
					       DWORD *ElementsTotal);
DWORD DHCP_API_FUNCTION DhcpEnumSubnetElementsV4(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
						 DHCP_SUBNET_ELEMENT_TYPE EnumElementType,
						 DHCP_RESUME_HANDLE *ResumeHandle, DWORD PreferredMaximum,
						 LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V4 *EnumElementInfo,
						 DWORD *ElementsRead, DWORD *ElementsTotal);
DWORD DHCP_API_FUNCTION DhcpEnumSubnetElementsV5(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
						 DHCP_SUBNET_ELEMENT_TYPE EnumElementType,
						 DHCP_RESUME_HANDLE *ResumeHandle, DWORD PreferredMaximum,
						 LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V5 *EnumElementInfo,
						 DWORD *ElementsRead, DWORD *ElementsTotal);

/*
 * Take a range, an exclusion or a reservation away.
 *
 * Access:    read and write.
 *
 * Checked in this order:
 *   ERROR_INVALID_PARAMETER          ForceFlag is neither DhcpFullForce nor DhcpNoForce.
 *   ERROR_DHCP_SUBNET_NOT_PRESENT    no such scope.
 *   ERROR_CALL_NOT_IMPLEMENTED       DhcpSecondaryHosts.
 *   ERROR_INVALID_PARAMETER          DhcpIpUsedClusters or an unknown type; the arm is NULL.
 * A range, which must be exactly the scope's. DhcpFullForce deletes the leases in it that are not reserved.
 *   ERROR_DHCP_INVALID_RANGE         it is not.
 *   ERROR_DHCP_ELEMENT_CANT_REMOVE   DhcpNoForce, and there is a lease in it.
 * An exclusion.
 *   ERROR_DHCP_ELEMENT_CANT_REMOVE   its first address is in no exclusion.
 *   ERROR_INVALID_PARAMETER          it is in one, but none is exactly this one.
 * A reservation, by address and client; by address alone if the client is NULL or empty. A dormant lease goes with it,
 * another lease expires when the scope's lease duration has passed. If there is no such reservation, the call is
 * DhcpDeleteClientInfo() for the address.
 *   ERROR_INVALID_PARAMETER          the client has more than 255 bytes.
 *   what DhcpDeleteClientInfo() answers.
 *
 * Source:    reference pages; MS-DHCPM 3.1.4.7, 3.1.4.32, 3.2.4.40. That DhcpFullForce deletes leases is said of the
 *            parameter, not in the steps. The steps answer ERROR_DHCP_JET_ERROR when a reservation is gone but there
 *            was no lease with it: here that is success.
 */
DWORD DHCP_API_FUNCTION DhcpRemoveSubnetElement(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
						const DHCP_SUBNET_ELEMENT_DATA *RemoveElementInfo,
						DHCP_FORCE_FLAG ForceFlag);
DWORD DHCP_API_FUNCTION DhcpRemoveSubnetElementV4(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
						  const DHCP_SUBNET_ELEMENT_DATA_V4 *RemoveElementInfo,
						  DHCP_FORCE_FLAG ForceFlag);
DWORD DHCP_API_FUNCTION DhcpRemoveSubnetElementV5(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
						  const DHCP_SUBNET_ELEMENT_DATA_V5 *RemoveElementInfo,
						  DHCP_FORCE_FLAG ForceFlag);

/*
 * How many milliseconds a server is to wait before it offers addresses of a scope. Kept, without effect.
 *
 * Access:    read and write; read.
 *   ERROR_DHCP_INVALID_DELAY         over DHCP_MAX_DELAY.
 *   ERROR_DHCP_SUBNET_NOT_PRESENT    no such scope.
 * Source:    reference pages; MS-DHCPM 3.2.4.80, 3.2.4.81.
 */
DWORD DHCP_API_FUNCTION DhcpSetSubnetDelayOffer(LPWSTR ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
						USHORT DelayInMilliseconds);
DWORD DHCP_API_FUNCTION DhcpGetSubnetDelayOffer(LPWSTR ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
						USHORT *DelayInMilliseconds);

/*
 * Put a scope into a superscope, which is made if it does not exist; SuperScopeName NULL takes it out of its own.
 *
 * Access:    read and write.
 *   ERROR_INVALID_PARAMETER          the name is empty or not UTF-16.
 *   ERROR_DHCP_SUPER_SCOPE_NAME_TOO_LONG  the name has more than 256 units.
 *   ERROR_DHCP_SUBNET_NOT_PRESENT    no such scope.
 *   ERROR_DHCP_SUBNET_EXITS          ChangeExisting is FALSE, and the scope is in a superscope, be it this one.
 * Source:    reference page; MS-DHCPM 3.1.4.37. The sources do not say how long names may be.
 */
DWORD DHCP_API_FUNCTION DhcpSetSuperScopeV4(const WCHAR *ServerIpAddress, DHCP_IP_ADDRESS SubnetAddress,
					    LPWSTR SuperScopeName, BOOL ChangeExisting);

/*
 * Read which scope is in which superscope: one entry for each scope, ascending by address.
 * Access:    read.
 * Source:    reference page; MS-DHCPM 3.1.4.38. What NextInSuperScope is, the sources tell in two ways.
 */
DWORD DHCP_API_FUNCTION DhcpGetSuperScopeInfoV4(const WCHAR *ServerIpAddress,
						LPDHCP_SUPER_SCOPE_TABLE *SuperScopeTable);

/*
 * Delete a superscope. Its scopes and their leases stay.
 * Access:    read and write.
 *   ERROR_INVALID_PARAMETER          the name is NULL, empty or not UTF-16.
 *   ERROR_DHCP_SUBNET_NOT_PRESENT    no superscope has this name.
 * Source:    reference page; MS-DHCPM 3.1.4.39.
 */
DWORD DHCP_API_FUNCTION DhcpDeleteSuperScopeV4(const WCHAR *ServerIpAddress, LPWSTR SuperScopeName);

/*
 * Read the statistics of all scopes, in the form of each version.
 * Access:    read.
 * Source:    reference pages; MS-DHCPM 3.1.4.23, 3.2.4.82, 3.2.4.69. The sources name the figures without saying how
 *            expired, declined, doomed and reserved addresses are counted: <lessor/stats.h> does.
 */
DWORD DHCP_API_FUNCTION DhcpGetMibInfo(const WCHAR *ServerIpAddress, LPDHCP_MIB_INFO *MibInfo);
DWORD DHCP_API_FUNCTION DhcpGetMibInfoV5(const WCHAR *ServerIpAddress, LPDHCP_MIB_INFO_V5 *MibInfo);
DWORD DHCP_API_FUNCTION DhcpGetMibInfoV6(const WCHAR *ServerIpAddress, LPDHCP_MIB_INFO_V6 *MibInfo);

/*
 * Link-layer filters. Creates do not ask them; a server that serves packets may, with lessor_filter_match().
 *
 * Add:       put a pattern into a list; ForceFlag TRUE: whatever list it is in.
 *   ERROR_INVALID_PARAMETER          a pattern that is none (see DHCP_ADDR_PATTERN); an unknown list; a comment too
 *                                    long or not UTF-16.
 *   ERROR_DHCP_LINKLAYER_ADDRESS_EXISTS              it is in a list already,
 *   ERROR_DHCP_HARDWARE_ADDRESS_TYPE_ALREADY_EXEMPT  or the hardware type is exempt already; ForceFlag FALSE.
 * Delete:    take it out of its list.
 *   ERROR_INVALID_PARAMETER          as above.
 *   ERROR_DHCP_LINKLAYER_ADDRESS_DOES_NOT_EXIST      it is in none,
 *   ERROR_DHCP_UNDEFINED_HARDWARE_ADDRESS_TYPE       or the hardware type is not exempt.
 * Set, Get:  whether a server is to obey the lists. Get fills a structure of the caller's.
 * Enum:      read a list page by page. *ResumeHandle is all zero at first, then the last pattern read; the page goes on
 *            behind that, whether it is still there or not. Pages are as those of leases.
 *   ERROR_INVALID_PARAMETER          an unknown list; a handle that is no pattern.
 *   ERROR_NO_MORE_ITEMS              nothing (more) is in the list.
 *
 * Access:    read and write; Get and Enum, read.
 * Source:    reference pages; MS-DHCPM 3.2.4.83 to 3.2.4.87.
 */
DWORD DHCP_API_FUNCTION DhcpAddFilterV4(const WCHAR *ServerIpAddress, DHCP_FILTER_ADD_INFO *AddFilterInfo,
					BOOL ForceFlag);
DWORD DHCP_API_FUNCTION DhcpDeleteFilterV4(const WCHAR *ServerIpAddress, DHCP_ADDR_PATTERN *DeleteFilterInfo);
DWORD DHCP_API_FUNCTION DhcpSetFilterV4(const WCHAR *ServerIpAddress, DHCP_FILTER_GLOBAL_INFO *GlobalFilterInfo);
DWORD DHCP_API_FUNCTION DhcpGetFilterV4(const WCHAR *ServerIpAddress, DHCP_FILTER_GLOBAL_INFO *GlobalFilterInfo);
DWORD DHCP_API_FUNCTION DhcpEnumFilterV4(const WCHAR *ServerIpAddress, LPDHCP_ADDR_PATTERN ResumeHandle,
					 DWORD PreferredMaximum, DHCP_FILTER_LIST_TYPE ListType,
					 LPDHCP_FILTER_ENUM_INFO *EnumFilterInfo, DWORD *ElementsRead,
					 DWORD *ElementsTotal);

/*
 * IPv6 scopes, as the IPv4 calls of the same names. Of an address of a scope only the upper half counts.
 *
 * Create:    ERROR_INVALID_PARAMETER          an unknown State; a text not UTF-16, a comment too long.
 *            ERROR_DHCP_SCOPE_NAME_TOO_LONG   SubnetName has more than 256 units.
 *            ERROR_DHCP_INVALID_SUBNET_PREFIX the prefix is multicast, link-local, loopback or unspecified.
 *            ERROR_DUPLICATE_TAG              it exists.
 * Set:       replaces Preference, name, comment and State. The first two as above; ERROR_DHCP_SUBNET_NOT_PRESENT.
 * Get:       ERROR_DHCP_SUBNET_NOT_PRESENT.
 * Enum:      as DhcpEnumSubnets().
 * Delete:    ERROR_INVALID_PARAMETER          an unknown ForceFlag.
 *            ERROR_FILE_NOT_FOUND             no such scope.
 *            ERROR_DHCP_ELEMENT_CANT_REMOVE   DhcpNoForce, and there is a lease that is not a dormant one.
 *
 * Source:    reference pages; MS-DHCPM 3.2.4.58, 3.2.4.59, 3.2.4.63, 3.2.4.64, 3.2.4.68. The first has the check of the
 *            prefix worded the wrong way round.
 */
DWORD DHCP_API_FUNCTION DhcpCreateSubnetV6(LPWSTR ServerIpAddress, DHCP_IPV6_ADDRESS SubnetAddress,
					   LPDHCP_SUBNET_INFO_V6 SubnetInfo);
DWORD DHCP_API_FUNCTION DhcpSetSubnetInfoV6(LPWSTR ServerIpAddress, DHCP_IPV6_ADDRESS SubnetAddress,
					    LPDHCP_SUBNET_INFO_V6 SubnetInfo);
DWORD DHCP_API_FUNCTION DhcpGetSubnetInfoV6(LPWSTR ServerIpAddress, DHCP_IPV6_ADDRESS SubnetAddress,
					    LPDHCP_SUBNET_INFO_V6 *SubnetInfo);
DWORD DHCP_API_FUNCTION DhcpEnumSubnetsV6(const WCHAR *ServerIpAddress, DHCP_RESUME_HANDLE *ResumeHandle,
					  DWORD PreferredMaximum, LPDHCPV6_IP_ARRAY *EnumInfo, DWORD *ElementsRead,
					  DWORD *ElementsTotal);
DWORD DHCP_API_FUNCTION DhcpDeleteSubnetV6(LPWSTR ServerIpAddress, DHCP_IPV6_ADDRESS SubnetAddress,
					   DHCP_FORCE_FLAG ForceFlag);

/*
 * IPv6 exclusions and reservations. A Dhcpv6IpRanges is success without effect, for the whole /64 is the range; to enumerate it is
 * ERROR_INVALID_PARAMETER.
 *
 * Checked in this order:
 *   ERROR_FILE_NOT_FOUND             no such scope.
 *   ERROR_INVALID_PARAMETER          an unknown type; the arm is NULL; Add: ReservedForClient has not 1 to 256 bytes.
 *                                    (Enum: before the scope.)
 * Add, an exclusion:
 *   ERROR_DUPLICATE_TAG              it is or overlaps one that exists. One that is inverted or not inside the prefix
 *                                    is success, and is not kept; of one that goes beyond it the part inside is.
 * Add, a reservation: leases give way to it. One of another client at the address ends; one that the client has elsewhere
 * in the scope moves here, unless that address is reserved for another; a client without a lease gets a dormant one
 * (ClientValidLeaseExpires 0). An address with another prefix is kept too, without a lease, 1024 of them at most (then
 * ERROR_NOT_ENOUGH_QUOTA).
 *   ERROR_DHCP_RESERVEDIP_EXITS      address or client is reserved already.
 * Enum:      as DhcpEnumSubnetElements().
 * Remove:    an exclusion that is exactly this one; the reservation of this address, whoever has it. A dormant lease goes with
 *            it, another one stays. ForceFlag is ignored.
 *   ERROR_FILE_NOT_FOUND             no such element.
 *
 * Access:    read and write; Enum, read.
 * Source:    reference pages; MS-DHCPM 3.2.4.60 to 3.2.4.62.
 */
DWORD DHCP_API_FUNCTION DhcpAddSubnetElementV6(LPWSTR ServerIpAddress, DHCP_IPV6_ADDRESS SubnetAddress,
					       LPDHCP_SUBNET_ELEMENT_DATA_V6 AddElementInfo);
DWORD DHCP_API_FUNCTION DhcpEnumSubnetElementsV6(LPWSTR ServerIpAddress, DHCP_IPV6_ADDRESS SubnetAddress,
						 DHCP_SUBNET_ELEMENT_TYPE_V6 EnumElementType,
						 DHCP_RESUME_HANDLE *ResumeHandle, DWORD PreferredMaximum,
						 LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V6 *EnumElementInfo,
						 DWORD *ElementsRead, DWORD *ElementsTotal);
DWORD DHCP_API_FUNCTION DhcpRemoveSubnetElementV6(LPWSTR ServerIpAddress, DHCP_IPV6_ADDRESS SubnetAddress,
						  LPDHCP_SUBNET_ELEMENT_DATA_V6 RemoveElementInfo,
						  DHCP_FORCE_FLAG ForceFlag);

/*
 * IPv6 leases, as the IPv4 calls of the same names. A client is the pair of ClientDUID and IAID.
 *
 * Create:    ERROR_INVALID_PARAMETER          ClientDUID has not 1 to 256 bytes; a text too long or not UTF-16.
 *            ERROR_DHCP_SUBNET_NOT_PRESENT    no scope contains the address.
 *            ERROR_DHCP_CLIENT_EXISTS         the address, or the client in the scope, has a lease.
 * Set:       replaces ClientDUID, IAID, ClientName and ClientComment, the texts also with NULL; not the lifetimes.
 *            ERROR_INVALID_PARAMETER          ClientDUID is empty; a text too long or not UTF-16.
 *            ERROR_BUFFER_OVERFLOW            ClientDUID has more than 256 bytes.
 *            ERROR_FILE_NOT_FOUND             no such lease.
 *            ERROR_DHCP_JET_ERROR             the client has another lease in the scope.
 * Get, Delete:
 *            ERROR_INVALID_PARAMETER          the search is not by address.
 *            ERROR_DHCP_JET_ERROR             no such lease.
 * Enum:      SubnetAddress all zero is every scope; *ResumeHandle is the last address, all zero at first.
 *            ERROR_FILE_NOT_FOUND             *ResumeHandle is not the address of a lease; not with
 *                                             LESSOR_DHCPSAPI_RELAXED_RESUME.
 *            ERROR_NO_MORE_ITEMS              there is nothing (more).
 * Free addresses: as DhcpV4GetFreeIPAddress() over the whole prefix but its address 0, without doomed ones; no such
 *            scope is ERROR_DHCP_SUBNET_NOT_PRESENT.
 *
 * Source:    reference pages; MS-DHCPM 3.2.4.125, 3.2.4.72, 3.2.4.73, 3.2.4.74, 3.2.4.65, 3.2.4.122. The first speaks
 *            of the same DUID or IAID: but IAIDs are chosen by clients and are often equal (RFC 8415 12), so it is the
 *                                      pair.
 */
DWORD DHCP_API_FUNCTION DhcpV6CreateClientInfo(const WCHAR *ServerIpAddress, const LPDHCP_CLIENT_INFO_V6 ClientInfo);
DWORD DHCP_API_FUNCTION DhcpSetClientInfoV6(const WCHAR *ServerIpAddress, const DHCP_CLIENT_INFO_V6 *ClientInfo);
DWORD DHCP_API_FUNCTION DhcpGetClientInfoV6(const WCHAR *ServerIpAddress, const DHCP_SEARCH_INFO_V6 *SearchInfo,
					    LPDHCP_CLIENT_INFO_V6 *ClientInfo);
DWORD DHCP_API_FUNCTION DhcpDeleteClientInfoV6(const WCHAR *ServerIpAddress, const DHCP_SEARCH_INFO_V6 *ClientInfo);
DWORD DHCP_API_FUNCTION DhcpEnumSubnetClientsV6(const WCHAR *ServerIpAddress, DHCP_IPV6_ADDRESS SubnetAddress,
						DHCP_RESUME_IPV6_HANDLE *ResumeHandle, DWORD PreferredMaximum,
						LPDHCP_CLIENT_INFO_ARRAY_V6 *ClientInfo, DWORD *ClientsRead,
						DWORD *ClientsTotal);
DWORD DHCP_API_FUNCTION DhcpV6GetFreeIPAddress(LPWSTR ServerIpAddress, DHCP_IPV6_ADDRESS ScopeId,
					       DHCP_IPV6_ADDRESS StartIP, DHCP_IPV6_ADDRESS EndIP, DWORD NumFreeAddrReq,
					       LPDHCPV6_IP_ARRAY *IPAddrList);

/*
 * Which version of a server this is: 6 and 3, as of Windows Server 2012 R2, which first had all of these calls. (The
 * sources give no numbers.)
 * Access:    none is needed, but a binding.
 * Source:    reference page; MS-DHCPM 3.1.4.29, 3.5.6.
 */
DWORD DHCP_API_FUNCTION DhcpGetVersion(LPWSTR ServerIpAddress, LPDWORD MajorVersion, LPDWORD MinorVersion);

/*
 * Free what a call gave out, with everything in it: one call with the pointer that the call gave.
 *
 * Requires:  BufferPointer came out of one of the calls above and was not freed yet, or is NULL, which does nothing.
 * Accepts:   pointers that are members of such a result, because the reference page asks programs to free these too.
 *            Nothing happens then; they go with the result. So they must come before the result itself, as they must
 *            on Windows.
 */
VOID DHCP_API_FUNCTION DhcpRpcFreeMemory(PVOID BufferPointer);

/*
 * Which engine the calls talk to, and what is not in the Windows header.
 */

/* On Windows "DHCP Users" may read, "DHCP Administrators" may read and write (MS-DHCPM 3.5.4, 3.5.5). */
typedef enum lessor_access {
	LESSOR_ACCESS_NONE = 0,
	LESSOR_ACCESS_READ = 1,
	LESSOR_ACCESS_READWRITE = 2,
	LESSOR_ACCESS_BY_GROUP = 3 /* what the Unix groups of this process permit; see lessor_dhcpsapi_set_groups() */
} lessor_access_t;

#define LESSOR_DHCPSAPI_LABEL_MAX_UNITS     255u
#define LESSOR_DHCPSAPI_BINDINGS_MAX        64u /* at a time, the default included */
#define LESSOR_DHCPSAPI_UNIQUE_ID_MAX_BYTES 260u
#define LESSOR_DHCPSAPI_PROPERTIES_MAX      64u

/*
 * Let the server string 'ServerIpAddress' stand for 'engine', for all threads of the process, from now on; NULL or ""
 * is the default. With engine NULL: let it stand for nothing any more.
 *
 * A call uses the binding whose string equals its own (A to Z match a to z), else the default, else it answers
 * ERROR_DHCP_SERVER_NOT_REACHABLE, a code that says what is wrong and that no call has for anything else. So a
 * program with one engine binds the default and its callers may name the server as they like; a program with several
 * that wants unknown names refused binds names alone.
 *
 * Requires:  the engine stays open while it is bound: take every binding of it away before lessor_close(). access is
 *            what calls through this binding may do. mode is when their changes return (lessor_mode_t). Both are
 *            ignored when engine is NULL.
 * Ensures:   on LESSOR_OK calls that begin from now on use the new binding, and calls on the binding that was
 *            replaced or taken away have ended: as far as they are concerned its engine may be closed. On failure
 *            nothing has changed.
 * Progress:  calls never wait for this function. It waits for the calls on the former binding of this string, if
 *            there is one: the time of a call in memory, or of a flush with LESSOR_SYNC. It does not hold up other
 *            bindings meanwhile.
 * Returns:   LESSOR_OK; LESSOR_INVALID (string over LESSOR_DHCPSAPI_LABEL_MAX_UNITS, unknown access or mode);
 *            LESSOR_NOT_FOUND (engine NULL, and nothing was bound); LESSOR_LIMIT; LESSOR_NO_MEMORY; LESSOR_IO (the
 *            group database cannot be read); what lessor_engine_server() returns.
 */
lessor_status_t lessor_dhcpsapi_bind(LPCWSTR ServerIpAddress, lessor_engine_t *engine, lessor_access_t access,
				     lessor_mode_t mode);

/*
 * Where the sources contradict each other, or servers of different years behave differently, and a program may want the
 * other reading. To be combined.
 */
enum {
	/* As servers since 2016: Status, ProbationEnds and QuarantineCapable are stored as NOQUARANTINE, 0 and FALSE,
	 * and DhcpSetSubnetInfoVQ() refuses QuarantineOn. MS-DHCPM notes <40>, <43>, <88>, <89>. */
	LESSOR_DHCPSAPI_NAP_REMOVED = 1u << 0,
	/* The older creates answer ERROR_DHCP_CLIENT_EXISTS as the page of DhcpCreateClientInfoVQ() has it. */
	LESSOR_DHCPSAPI_TAKEN_IS_EXISTS = 1u << 1,
	/* An enumeration of leases goes on behind its handle even if there is no lease any more. */
	LESSOR_DHCPSAPI_RELAXED_RESUME = 1u << 2,
	/* Enumerated reservations have the unique ID, as Windows is seen to answer, not the client identifier. */
	LESSOR_DHCPSAPI_RESERVED_UNIQUE_ID = 1u << 3
};

/*
 * Set the options of the binding that was made for this very server string, for calls that begin from now on. A new
 * binding has none; so has one that is bound anew.
 * Returns:   LESSOR_OK; LESSOR_NOT_FOUND (no such binding); LESSOR_INVALID (an unknown bit; string too long).
 */
lessor_status_t lessor_dhcpsapi_set_options(LPCWSTR ServerIpAddress, uint32_t options);

/*
 * Name the Unix groups that LESSOR_ACCESS_BY_GROUP asks for. NULL: the default, "dhcp-users" and "dhcp-administrators".
 *
 * A process may read and write if its effective user is root, or its effective or a supplementary group is
 * 'administrators'; else read if one of them is 'users'; else nothing. A group that does not exist has no members.
 * The answer is found when a binding is made and kept with it: later changes of names, groups or the process's
 * credentials count for later bindings.
 *
 * Returns:   LESSOR_OK; LESSOR_INVALID (a name that is empty or longer than 255 bytes: nothing has changed).
 */
lessor_status_t lessor_dhcpsapi_set_groups(const char *users, const char *administrators);

/*
 * What the engine answered in this thread's last Dhcp... call that gives a code: finer than the code, and never a
 * reason to decide otherwise. ERROR_DHCP_CLIENT_EXISTS may be LESSOR_ADDRESS_TAKEN or LESSOR_CLIENT_TAKEN;
 * ERROR_DHCP_JET_ERROR may be LESSOR_NOT_FOUND, LESSOR_DISK_FULL, LESSOR_LOG_FAILED and others; ERROR_ACCESS_DENIED
 * is LESSOR_READ_ONLY if it is the engine that is read-only. Refusals that are not the engine's (access, arguments, no
 * binding, what it has no word for) are LESSOR_INVALID. LESSOR_OK before the first call.
 */
lessor_status_t lessor_dhcpsapi_last_status(void);

/* All zero but AddressState ACTIVE, bClientType DHCP, ClientLeaseExpires never. NULL does nothing. */
void lessor_dhcpsapi_client_info_init(DHCP_CLIENT_INFO_PB *ClientInfo);

/*
 * Build the unique ID of a client in a scope: the key for a search of type DhcpClientHardwareAddress.
 *
 * Requires:  SubnetAddress is the scope's; ClientId has 1 to 255 bytes; *Length is the size of Buffer, of which
 *            LESSOR_DHCPSAPI_UNIQUE_ID_MAX_BYTES always suffice.
 * Ensures:   on ERROR_SUCCESS *Length is the number of bytes written.
 * Returns:   ERROR_SUCCESS; ERROR_INVALID_PARAMETER; ERROR_MORE_DATA: Buffer is too small, or NULL; *Length is the
 *            size needed.
 * Source:    MS-DHCPM 2.2.1.2.5.2.
 */
DWORD lessor_dhcpsapi_unique_id(DHCP_IP_ADDRESS SubnetAddress, const DHCP_CLIENT_UID *ClientId, BYTE *Buffer,
				DWORD *Length);

#ifdef __cplusplus
}
#endif

#endif
