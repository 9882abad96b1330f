/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lease calls of Windows' dhcpsapi.h, answered by a lessor engine in this process.
 *
 * What it is. The same functions, structures, constants and codes, by name, value and member order, so that a C or
 * C++ file written for the Windows header compiles after its includes are changed to this one. Nothing is sent
 * anywhere: a call is a translation (UTF-16, FILETIME, Win32 codes) over <lessor/lease.h>, where the behaviour itself
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
 * Output. A structure that a call gives out is one block of memory together with everything its members point to, and
 * belongs to the caller, who frees it with one DhcpRpcFreeMemory(). If a call fails, its out-pointer becomes NULL.
 *
 * Order of checks, in every call: required pointers, then the binding, then access, then the content of the arguments,
 * then scope and lease. The first failure is the answer, and nothing has changed then. (DhcpV4GetClientInfo checks one
 * thing more before access.)
 *
 * Every call is one atomic change or one consistent read. Any number of threads may call at any time. After fork() the
 * child's calls on engines of its parent fail.
 *
 * Source: the public reference pages of dhcpsapi.h; [MS-DHCPM], whose sections are cited as "MS-DHCPM 3.2.4.123". Where
 * these leave something open or contradict each other, the reading taken is said at the function or member.
 */
#ifndef LESSOR_DHCPSAPI_H
#define LESSOR_DHCPSAPI_H

#include <stddef.h>
#include <stdint.h>
#ifndef __cplusplus
#include <uchar.h>
#endif

#include <lessor/engine.h>
#include <lessor/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Scalars.
 */

typedef uint8_t BYTE;
typedef uint16_t WORD;
typedef uint16_t USHORT;
typedef uint32_t DWORD;
typedef uint32_t ULONG;
typedef int32_t BOOL; /* on input any value but 0 is TRUE; on output 0 or 1 */
typedef char16_t WCHAR;
typedef BYTE *LPBYTE;
typedef DWORD *LPDWORD;
typedef WCHAR *LPWSTR;
typedef const WCHAR *LPCWSTR;
typedef void *PVOID;
typedef void *LPVOID;

#ifndef VOID
#define VOID void
#endif
#ifndef CONST
#define CONST const
#endif
#ifndef FALSE
#define FALSE 0
#endif
#ifndef TRUE
#define TRUE 1
#endif
#ifndef TEXT
#define TEXT(literal) u##literal
#endif

/* Import and calling convention on Windows; nothing here. */
#define DHCP_API_FUNCTION

typedef DWORD DHCP_IP_ADDRESS, *PDHCP_IP_ADDRESS, *LPDHCP_IP_ADDRESS;
typedef DWORD DHCP_IP_MASK;

/*
 * Codes. 0 is success; every other number says what went wrong. Those that a call can give stand at the call; the
 * others are here because programs name them.
 */

#define ERROR_SUCCESS              0u
#define ERROR_FILE_NOT_FOUND       2u
#define ERROR_ACCESS_DENIED        5u
#define ERROR_NOT_ENOUGH_MEMORY    8u
#define ERROR_NOT_SUPPORTED        50u
#define ERROR_INVALID_PARAMETER    87u
#define ERROR_BUFFER_OVERFLOW      111u
#define ERROR_CALL_NOT_IMPLEMENTED 120u
#define ERROR_MORE_DATA            234u
#define ERROR_NO_MORE_ITEMS        259u
#define ERROR_DUPLICATE_TAG        2014u

/* EXITS, for EXISTS, is how the Windows header spells it. 20004 and 20052 are two codes. */
#define ERROR_DHCP_REGISTRY_INIT_FAILED                 20000u
#define ERROR_DHCP_DATABASE_INIT_FAILED                 20001u
#define ERROR_DHCP_RPC_INIT_FAILED                      20002u
#define ERROR_DHCP_NETWORK_INIT_FAILED                  20003u
#define ERROR_DHCP_SUBNET_EXITS                         20004u
#define ERROR_DHCP_SUBNET_NOT_PRESENT                   20005u /* no scope owns the address */
#define ERROR_DHCP_PRIMARY_NOT_FOUND                    20006u
#define ERROR_DHCP_ELEMENT_CANT_REMOVE                  20007u
#define ERROR_DHCP_OPTION_EXITS                         20009u
#define ERROR_DHCP_OPTION_NOT_PRESENT                   20010u
#define ERROR_DHCP_ADDRESS_NOT_AVAILABLE                20011u
#define ERROR_DHCP_RANGE_FULL                           20012u
#define ERROR_DHCP_JET_ERROR                            20013u /* the store failed; or, by call, no such lease */
#define ERROR_DHCP_CLIENT_EXISTS                        20014u /* the address or the client has a lease */
#define ERROR_DHCP_INVALID_DHCP_MESSAGE                 20015u
#define ERROR_DHCP_INVALID_DHCP_CLIENT                  20016u /* no such lease */
#define ERROR_DHCP_SERVICE_PAUSED                       20017u
#define ERROR_DHCP_NOT_RESERVED_CLIENT                  20018u
#define ERROR_DHCP_RESERVED_CLIENT                      20019u
#define ERROR_DHCP_RANGE_TOO_SMALL                      20020u
#define ERROR_DHCP_IPRANGE_EXITS                        20021u
#define ERROR_DHCP_RESERVEDIP_EXITS                     20022u
#define ERROR_DHCP_INVALID_RANGE                        20023u
#define ERROR_DHCP_RANGE_EXTENDED                       20024u
#define ERROR_EXTEND_TOO_SMALL                          20025u
#define WARNING_EXTENDED_LESS                           20026u
#define ERROR_DHCP_JET_CONV_REQUIRED                    20027u
#define ERROR_SERVER_INVALID_BOOT_FILE_TABLE            20028u
#define ERROR_SERVER_UNKNOWN_BOOT_FILE_NAME             20029u
#define ERROR_DHCP_SUPER_SCOPE_NAME_TOO_LONG            20030u
#define ERROR_DHCP_IP_ADDRESS_IN_USE                    20032u
#define ERROR_DHCP_LOG_FILE_PATH_TOO_LONG               20033u
#define ERROR_DHCP_UNSUPPORTED_CLIENT                   20034u
#define ERROR_DHCP_JET97_CONV_REQUIRED                  20036u
#define ERROR_DHCP_ROGUE_INIT_FAILED                    20037u
#define ERROR_DHCP_ROGUE_SAMSHUTDOWN                    20038u
#define ERROR_DHCP_ROGUE_NOT_AUTHORIZED                 20039u
#define ERROR_DHCP_ROGUE_DS_UNREACHABLE                 20040u
#define ERROR_DHCP_ROGUE_DS_CONFLICT                    20041u
#define ERROR_DHCP_ROGUE_NOT_OUR_ENTERPRISE             20042u
#define ERROR_DHCP_ROGUE_STANDALONE_IN_DS               20043u
#define ERROR_DHCP_CLASS_NOT_FOUND                      20044u
#define ERROR_DHCP_CLASS_ALREADY_EXISTS                 20045u
#define ERROR_DHCP_SCOPE_NAME_TOO_LONG                  20046u
#define ERROR_DHCP_DEFAULT_SCOPE_EXITS                  20047u
#define ERROR_DHCP_CANT_CHANGE_ATTRIBUTE                20048u
#define ERROR_DHCP_IPRANGE_CONV_ILLEGAL                 20049u
#define ERROR_DHCP_NETWORK_CHANGED                      20050u
#define ERROR_DHCP_CANNOT_MODIFY_BINDINGS               20051u
#define ERROR_DHCP_SUBNET_EXISTS                        20052u
#define ERROR_DHCP_MSCOPE_EXISTS                        20053u
#define ERROR_MSCOPE_RANGE_TOO_SMALL                    20054u
#define ERROR_DHCP_EXEMPTION_EXISTS                     20055u
#define ERROR_DHCP_EXEMPTION_NOT_PRESENT                20056u
#define ERROR_DHCP_INVALID_PARAMETER_OPTION32           20057u
#define ERROR_DDS_NO_DS_AVAILABLE                       20070u
#define ERROR_DDS_NO_DHCP_ROOT                          20071u
#define ERROR_DDS_UNEXPECTED_ERROR                      20072u
#define ERROR_DDS_TOO_MANY_ERRORS                       20073u
#define ERROR_DDS_DHCP_SERVER_NOT_FOUND                 20074u
#define ERROR_DDS_OPTION_ALREADY_EXISTS                 20075u
#define ERROR_DDS_OPTION_DOES_NOT_EXIST                 20076u
#define ERROR_DDS_CLASS_EXISTS                          20077u
#define ERROR_DDS_CLASS_DOES_NOT_EXIST                  20078u
#define ERROR_DDS_SERVER_ALREADY_EXISTS                 20079u
#define ERROR_DDS_SERVER_DOES_NOT_EXIST                 20080u
#define ERROR_DDS_SERVER_ADDRESS_MISMATCH               20081u
#define ERROR_DDS_SUBNET_EXISTS                         20082u
#define ERROR_DDS_SUBNET_HAS_DIFF_SSCOPE                20083u
#define ERROR_DDS_SUBNET_NOT_PRESENT                    20084u
#define ERROR_DDS_RESERVATION_NOT_PRESENT               20085u
#define ERROR_DDS_RESERVATION_CONFLICT                  20086u
#define ERROR_DDS_POSSIBLE_RANGE_CONFLICT               20087u
#define ERROR_DDS_RANGE_DOES_NOT_EXIST                  20088u
#define ERROR_DHCP_DELETE_BUILTIN_CLASS                 20089u
#define ERROR_DHCP_INVALID_SUBNET_PREFIX                20091u
#define ERROR_DHCP_INVALID_DELAY                        20092u
#define ERROR_DHCP_LINKLAYER_ADDRESS_EXISTS             20093u
#define ERROR_DHCP_LINKLAYER_ADDRESS_RESERVATION_EXISTS 20094u
#define ERROR_DHCP_LINKLAYER_ADDRESS_DOES_NOT_EXIST     20095u
#define ERROR_DHCP_HARDWARE_ADDRESS_TYPE_ALREADY_EXEMPT 20101u
#define ERROR_DHCP_UNDEFINED_HARDWARE_ADDRESS_TYPE      20102u
#define ERROR_DHCP_OPTION_TYPE_MISMATCH                 20103u
#define ERROR_DHCP_POLICY_BAD_PARENT_EXPR               20104u
#define ERROR_DHCP_POLICY_EXISTS                        20105u
#define ERROR_DHCP_POLICY_RANGE_EXISTS                  20106u
#define ERROR_DHCP_POLICY_RANGE_BAD                     20107u
#define ERROR_DHCP_RANGE_INVALID_IN_SERVER_POLICY       20108u
#define ERROR_DHCP_INVALID_POLICY_EXPRESSION            20109u
#define ERROR_DHCP_INVALID_PROCESSING_ORDER             20110u
#define ERROR_DHCP_POLICY_NOT_FOUND                     20111u
#define ERROR_SCOPE_RANGE_POLICY_RANGE_CONFLICT         20112u
#define ERROR_DHCP_FO_SCOPE_ALREADY_IN_RELATIONSHIP     20113u
#define ERROR_DHCP_FO_RELATIONSHIP_EXISTS               20114u
#define ERROR_DHCP_FO_RELATIONSHIP_DOES_NOT_EXIST       20115u
#define ERROR_DHCP_FO_SCOPE_NOT_IN_RELATIONSHIP         20116u
#define ERROR_DHCP_FO_RELATION_IS_SECONDARY             20117u
#define ERROR_DHCP_FO_NOT_SUPPORTED                     20118u
#define ERROR_DHCP_FO_TIME_OUT_OF_SYNC                  20119u
#define ERROR_DHCP_FO_STATE_NOT_NORMAL                  20120u
#define ERROR_DHCP_NO_ADMIN_PERMISSION                  20121u
#define ERROR_DHCP_SERVER_NOT_REACHABLE                 20122u /* no engine is bound for this server string */
#define ERROR_DHCP_SERVER_NOT_RUNNING                   20123u
#define ERROR_DHCP_SERVER_NAME_NOT_RESOLVED             20124u
#define ERROR_DHCP_FO_RELATIONSHIP_NAME_TOO_LONG        20125u
#define ERROR_DHCP_REACHED_END_OF_SELECTION             20126u
#define ERROR_DHCP_FO_ADDSCOPE_LEASES_NOT_SYNCED        20127u
#define ERROR_DHCP_FO_MAX_RELATIONSHIPS                 20128u
#define ERROR_DHCP_FO_IPRANGE_TYPE_CONV_ILLEGAL         20129u
#define ERROR_DHCP_FO_MAX_ADD_SCOPES                    20130u
#define ERROR_DHCP_FO_BOOT_NOT_SUPPORTED                20131u
#define ERROR_DHCP_FO_RANGE_PART_OF_REL                 20132u
#define ERROR_DHCP_FO_SCOPE_SYNC_IN_PROGRESS            20133u
#define ERROR_DHCP_FO_FEATURE_NOT_SUPPORTED             20134u
#define ERROR_DHCP_POLICY_FQDN_RANGE_UNSUPPORTED        20135u
#define ERROR_DHCP_POLICY_FQDN_OPTION_UNSUPPORTED       20136u
#define ERROR_DHCP_POLICY_EDIT_FQDN_UNSUPPORTED         20137u
#define ERROR_DHCP_NAP_NOT_SUPPORTED                    20138u
#define ERROR_LAST_DHCP_SERVER_ERROR                    20139u /* one past the last */

/*
 * Values of members.
 */

/* bClientType (MS-DHCPM 2.2.1.2.14). Accepted: 0 to 7, and 0x64. */
#define CLIENT_TYPE_UNSPECIFIED      0x00
#define CLIENT_TYPE_DHCP             0x01
#define CLIENT_TYPE_BOOTP            0x02
#define CLIENT_TYPE_BOTH             0x03
#define CLIENT_TYPE_RESERVATION_FLAG 0x04
#define CLIENT_TYPE_NONE             0x64

/* AddressState (MS-DHCPM 2.2.1.2.16), three fields in one byte. Bits 0 and 1, the state: AddressState & 0x03 is */
#define ADDRESS_STATE_OFFERED    0x00
#define ADDRESS_STATE_ACTIVE     0x01
#define ADDRESS_STATE_DECLINED   0x02 /* the client found the address in use */
#define ADDRESS_STATE_DOOM       0x03 /* to be deleted */
#define V5_ADDRESS_STATE_OFFERED ADDRESS_STATE_OFFERED
/* Bits 2 and 3, what protects the name (RFC 4701 3.5): one of */
#define ADDRESS_BIT_NO_DHCID                  0x00
#define ADDRESS_BIT_DHCID_NO_CLIENTIDOPTION   0x04
#define ADDRESS_BIT_DHCID_WITH_CLIENTIDOPTION 0x08
#define ADDRESS_BIT_DHCID_WITH_DUID           0x0C
/* Bits 4 to 7, bookkeeping of DNS records. The engine stores them and leaves DNS alone. */
#define ADDRESS_BIT_CLEANUP         0x10
#define ADDRESS_BIT_BOTH_REC        0x20
#define ADDRESS_BIT_UNREGISTERED    0x40
#define ADDRESS_BIT_DELETED         0x80
#define V5_ADDRESS_BIT_BOTH_REC     ADDRESS_BIT_BOTH_REC
#define V5_ADDRESS_BIT_UNREGISTERED ADDRESS_BIT_UNREGISTERED
#define V5_ADDRESS_BIT_DELETED      ADDRESS_BIT_DELETED

/* The extended address state (MS-DHCPM 2.2.1.2.119). */
#define V5_ADDRESS_EX_BIT_DISABLE_PTR_RR 0x01

/* FilterStatus (MS-DHCPM 2.2.1.2.96). */
#define FILTER_STATUS_NONE                         0x00000001
#define FILTER_STATUS_FULL_MATCH_IN_ALLOW_LIST     0x00000002
#define FILTER_STATUS_FULL_MATCH_IN_DENY_LIST      0x00000004
#define FILTER_STATUS_WILDCARD_MATCH_IN_ALLOW_LIST 0x00000008
#define FILTER_STATUS_WILDCARD_MATCH_IN_DENY_LIST  0x00000010

/* DATE_TIME (MS-DHCPM 2.2.1.1.28): no time, and never. */
#define DHCP_DATE_TIME_ZERO_HIGH    0
#define DHCP_DATE_TIME_ZERO_LOW     0
#define DHCP_DATE_TIME_INFINIT_HIGH 0x7FFFFFFF
#define DHCP_DATE_TIME_INFINIT_LOW  0xFFFFFFFF

/* MS-DHCPM 2.2.1.1.25. Times in milliseconds. */
#define DHCP_MAX_FREE_ADDRESSES_REQUESTED 1024
#define DHCP_DATABASE_CLEANUP_INTERVAL    (3 * 60 * 60 * 1000)
#define DEFAULT_BACKUP_INTERVAL           (15 * 60 * 1000)
#define MAC_ADDRESS_LENGTH                6
#define HWTYPE_ETHERNET_10MB              1
#define MAX_PATTERN_LENGTH                255
#define MIN_DETECT_CONFLICT_RETRIES       0
#define MAX_DETECT_CONFLICT_RETRIES       5
#define DHCP_MIN_DELAY                    0
#define DHCP_MAX_DELAY                    1000

/* MS-DHCPM 2.2.1.1.11. Stored as given, as servers before 2016 do, and otherwise without effect. */
typedef enum _QuarantineStatus {
	NOQUARANTINE = 0,
	RESTRICTEDACCESS = 1,
	DROPPACKET = 2,
	PROBATION = 3,
	EXEMPT = 4,
	DEFAULTQUARSETTING = 5,
	NOQUARINFO = 6
} QuarantineStatus;

/*
 * Structures.
 */

/*
 * A point in time: 100-nanosecond ticks since 1601-01-01 00:00 UTC, in two halves (MS-DHCPM 2.2.1.2.11). Together they
 * are a lessor_filetime_t; <lessor/time.h> converts from and to Unix time.
 */
typedef struct _DATE_TIME {
	DWORD dwLowDateTime;
	DWORD dwHighDateTime;
} DATE_TIME, *PDATE_TIME, *LPDATE_TIME;

/* A counted string of bytes. A DataLength of 0 and a Data of NULL are equally "nothing". */
typedef struct _DHCP_BINARY_DATA {
	DWORD DataLength;
	BYTE *Data;
} DHCP_BINARY_DATA, *LPDHCP_BINARY_DATA;

/*
 * What a client is known by. Two encodings, by use:
 *   client identifier  1 to 255 bytes as the client sent them, often its MAC address. In leases, in and out.
 *   unique ID          the key of a search: the subnet address as a little-endian DWORD, the byte 0x01, then the client
 *                      identifier (MS-DHCPM 2.2.1.2.5.2). Built by lessor_dhcpsapi_unique_id().
 * A client may thus have one lease in each of several scopes, and one in each of them.
 */
typedef DHCP_BINARY_DATA DHCP_CLIENT_UID, *LPDHCP_CLIENT_UID;

/* MS-DHCPM 2.2.1.2.7. */
typedef struct _DHCP_HOST_INFO {
	DHCP_IP_ADDRESS IpAddress;
	LPWSTR NetBiosName;
	LPWSTR HostName; /* always NULL on output */
} DHCP_HOST_INFO, *LPDHCP_HOST_INFO;

/*
 * One lease (MS-DHCPM 2.2.1.2.115). The comments say what a member means to DhcpV4CreateClientInfo(). On output all
 * are as stored, except SubnetMask and FilterStatus, which are looked up. NULL and the empty string are different
 * strings.
 */
typedef struct _DHCP_CLIENT_INFO_PB {
	DHCP_IP_ADDRESS ClientIpAddress;       /* required, not 0 */
	DHCP_IP_MASK SubnetMask;               /* ignored; out: the scope's */
	DHCP_CLIENT_UID ClientHardwareAddress; /* required: client identifier, 1 to 255 bytes */
	LPWSTR ClientName;                     /* NULL, or at most 1024 units */
	LPWSTR ClientComment;                  /* NULL, or at most 127 units */
	DATE_TIME ClientLeaseExpires;          /* any, past ones too; zero: none recorded */
	DHCP_HOST_INFO OwnerHost;              /* ignored; out: the server that made the lease */
	BYTE bClientType;                      /* CLIENT_TYPE_... */
	BYTE AddressState;                     /* 0: not given, stored as ADDRESS_STATE_ACTIVE */
	QuarantineStatus Status;               /* NOQUARANTINE to NOQUARINFO */
	DATE_TIME ProbationEnds;
	BOOL QuarantineCapable;
	DWORD FilterStatus; /* ignored; out: FILTER_STATUS_NONE, as there are no filters */
	LPWSTR PolicyName;  /* NULL, or at most 63 units; need not name anything */
} DHCP_CLIENT_INFO_PB, *LPDHCP_CLIENT_INFO_PB;

typedef enum _DHCP_CLIENT_SEARCH_TYPE {
	DhcpClientIpAddress = 0,
	DhcpClientHardwareAddress = 1,
	DhcpClientName = 2
} DHCP_SEARCH_INFO_TYPE;
typedef DHCP_SEARCH_INFO_TYPE *LPDHCP_SEARCH_INFO_TYPE;

/*
 * Which lease is meant (MS-DHCPM 2.2.1.2.18).
 *   DhcpClientIpAddress        the one with this address.
 *   DhcpClientHardwareAddress  the one with this *unique ID*, which contains the subnet. A bare MAC address matches
 *                              nothing.
 *   DhcpClientName             the one with this name; of several the one with the lowest address. The letters A to Z
 *                              match a to z; everything else must be equal. (The sources leave both open.) A name
 *                              over 1024 units is an invalid parameter. Cost: visits leases in address order until it
 *                              matches.
 * Expired, declined and doomed leases are found like any other.
 */
typedef struct _DHCP_CLIENT_SEARCH_INFO {
	DHCP_SEARCH_INFO_TYPE SearchType;
	union _DHCP_CLIENT_SEARCH_UNION {
		DHCP_IP_ADDRESS ClientIpAddress;
		DHCP_CLIENT_UID ClientHardwareAddress;
		LPWSTR ClientName;
	} SearchInfo;
} DHCP_SEARCH_INFO, *LPDHCP_SEARCH_INFO;

/* Programs and library must agree on these, whatever -fshort-enums says. */
#ifdef __cplusplus
static_assert(sizeof(WCHAR) == 2 && sizeof(QuarantineStatus) == 4 && sizeof(DHCP_SEARCH_INFO_TYPE) == 4,
	      "dhcpsapi.h needs 16-bit WCHAR and 32-bit enumerations");
#else
_Static_assert(sizeof(WCHAR) == 2 && sizeof(QuarantineStatus) == 4 && sizeof(DHCP_SEARCH_INFO_TYPE) == 4,
	       "dhcpsapi.h needs 16-bit WCHAR and 32-bit enumerations");
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
 *            doomed one, also one that is the same in every member. A lease of the same client in another scope is
 *            not.
 * AddressState 0 means "not given", because that is what optional members are when they are not set, and is stored as
 *            ADDRESS_STATE_ACTIVE. Any other byte whose state is OFFERED was meant, and is refused. An engine opened
 *            with strict_address_state refuses 0 as well, as MS-DHCPM has it.
 *
 * Checked in this order:
 *   ERROR_INVALID_PARAMETER          ClientInfo is NULL.
 *   ERROR_DHCP_SERVER_NOT_REACHABLE  nothing is bound for ServerIpAddress.
 *   ERROR_ACCESS_DENIED              no write access.
 *   ERROR_INVALID_PARAMETER          ClientHardwareAddress is empty, or DataLength is over 255 (Data is not looked at
 *                                    then); an unknown Status; a string too long or not UTF-16; ClientIpAddress 0;
 *                                    AddressState as said above; an unknown bClientType.
 *   ERROR_DHCP_SUBNET_NOT_PRESENT    no scope's subnet contains the address.
 *   ERROR_DHCP_CLIENT_EXISTS         taken, as said above; lessor_dhcpsapi_last_status() knows which.
 * Instead of these, whenever it shows:
 *   ERROR_ACCESS_DENIED              the engine is read-only.
 *   ERROR_NOT_ENOUGH_MEMORY          no memory, or an engine limit.
 *   ERROR_DHCP_JET_ERROR             the store failed: disk full, log failed, engine closing, forked child. Nothing was
 *                                    created, with one exception: LESSOR_LOG_FAILED on a LESSOR_SYNC binding may mean
 *                                    visible, but durability unknown.
 *
 * Source:    reference page of DhcpV4CreateClientInfo; MS-DHCPM 3.2.4.123, note <88> (Status, ProbationEnds and
 *            QuarantineCapable are stored as given, as on Windows Server 2012, not forced to zero as since 2016). The
 *            page promises that only two members are required, the protocol's steps refuse state 0: the page wins.
 *            The steps put the scope's address into SubnetMask: taken as a slip for its mask.
 */
DWORD DHCP_API_FUNCTION DhcpV4CreateClientInfo(const WCHAR *ServerIpAddress, const LPDHCP_CLIENT_INFO_PB ClientInfo);

/*
 * Read a lease.
 *
 * Requires:  SearchInfo, ClientInfo.
 * Access:    read.
 * Ensures:   on ERROR_SUCCESS *ClientInfo is one consistent state of the lease, in a block of its own; give it back
 *            with DhcpRpcFreeMemory(*ClientInfo). Otherwise *ClientInfo is NULL. ClientHardwareAddress is the client
 *            identifier as it was given to the create, not the unique ID, so that it can be used again.
 *
 * Checked in this order:
 *   ERROR_INVALID_PARAMETER          SearchInfo or ClientInfo is NULL; a search by name without a name.
 *   ERROR_DHCP_SERVER_NOT_REACHABLE  nothing is bound for ServerIpAddress.
 *   ERROR_ACCESS_DENIED              no read access.
 *   ERROR_INVALID_PARAMETER          an unknown SearchType; a name too long or not UTF-16; a unique ID that is empty
 *                                    or has more than 260 bytes (Data is not looked at then).
 *   ERROR_DHCP_INVALID_DHCP_CLIENT   no such lease.
 * Instead of these, whenever it shows:
 *   ERROR_NOT_ENOUGH_MEMORY          no memory for the result.
 *   ERROR_DHCP_JET_ERROR             forked child.
 *
 * Source:    reference page of DhcpV4GetClientInfo; MS-DHCPM 3.2.4.124. Which encoding ClientHardwareAddress has on
 *            output is told in two ways; this is the one that programs in the field rely on.
 */
DWORD DHCP_API_FUNCTION DhcpV4GetClientInfo(const WCHAR *ServerIpAddress, const DHCP_SEARCH_INFO *SearchInfo,
					    LPDHCP_CLIENT_INFO_PB *ClientInfo);

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
 *   ERROR_INVALID_PARAMETER          ClientInfo is NULL.
 *   ERROR_DHCP_SERVER_NOT_REACHABLE  nothing is bound for ServerIpAddress.
 *   ERROR_ACCESS_DENIED              no write access.
 *   ERROR_INVALID_PARAMETER          an unknown SearchType; a name that is NULL, too long or not UTF-16; a unique ID
 *                                    that is empty or has more than 260 bytes (Data is not looked at then).
 *   ERROR_DHCP_JET_ERROR             no such lease.
 * Instead of these, whenever it shows:
 *   ERROR_ACCESS_DENIED              the engine is read-only.
 *   ERROR_NOT_ENOUGH_MEMORY          no memory for the search.
 *   ERROR_DHCP_JET_ERROR             the store failed, as in DhcpV4CreateClientInfo(); lessor_dhcpsapi_last_status()
 *                                    knows it from "no such lease".
 *
 * Source:    reference page of DhcpDeleteClientInfo; MS-DHCPM 3.1.4.20.
 */
DWORD DHCP_API_FUNCTION DhcpDeleteClientInfo(const WCHAR *ServerIpAddress, const DHCP_SEARCH_INFO *ClientInfo);

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
 * is LESSOR_READ_ONLY if it is the engine that is read-only. Refusals that never reached an engine (access,
 * arguments, no binding) are LESSOR_INVALID. LESSOR_OK before the first call.
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
