/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types, codes and constants of <lessor/dhcpsapi.h>, which says what they are for. Include that one.
 *
 * Names, values and order of members are those of Windows' dhcpsapi.h. Texts are UTF-16; a limit of n units does not
 * count the NUL.
 */
#ifndef LESSOR_DHCPSAPI_TYPES_H
#define LESSOR_DHCPSAPI_TYPES_H

#include <stddef.h>
#include <stdint.h>
#ifndef __cplusplus
#include <uchar.h>
#endif

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
typedef uint64_t ULONGLONG;
typedef int64_t INT64;
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
#define LESSOR_DHCPSAPI_TEXT(literal) u##literal
#define TEXT(literal)                 LESSOR_DHCPSAPI_TEXT(literal)
#endif

/* Import and calling convention on Windows; nothing here. */
#define DHCP_API_FUNCTION

typedef DWORD DHCP_IP_ADDRESS, *PDHCP_IP_ADDRESS, *LPDHCP_IP_ADDRESS;
typedef DWORD DHCP_IP_MASK;
typedef DWORD DHCP_RESUME_HANDLE;

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
 * One lease, in seven structures that grow (MS-DHCPM 2.2.1.2.12, .14, .16, .19, .96, .115, .119): each has the members
 * of the one before it, at the same places, and some more. DHCP_CLIENT_INFO_PB says what they mean.
 */
typedef struct _DHCP_CLIENT_INFO {
	DHCP_IP_ADDRESS ClientIpAddress;
	DHCP_IP_MASK SubnetMask;
	DHCP_CLIENT_UID ClientHardwareAddress;
	LPWSTR ClientName;
	LPWSTR ClientComment;
	DATE_TIME ClientLeaseExpires;
	DHCP_HOST_INFO OwnerHost;
} DHCP_CLIENT_INFO, *LPDHCP_CLIENT_INFO;

typedef struct _DHCP_CLIENT_INFO_V4 {
	DHCP_IP_ADDRESS ClientIpAddress;
	DHCP_IP_MASK SubnetMask;
	DHCP_CLIENT_UID ClientHardwareAddress;
	LPWSTR ClientName;
	LPWSTR ClientComment;
	DATE_TIME ClientLeaseExpires;
	DHCP_HOST_INFO OwnerHost;
	BYTE bClientType;
} DHCP_CLIENT_INFO_V4, *LPDHCP_CLIENT_INFO_V4;

typedef struct _DHCP_CLIENT_INFO_V5 {
	DHCP_IP_ADDRESS ClientIpAddress;
	DHCP_IP_MASK SubnetMask;
	DHCP_CLIENT_UID ClientHardwareAddress;
	LPWSTR ClientName;
	LPWSTR ClientComment;
	DATE_TIME ClientLeaseExpires;
	DHCP_HOST_INFO OwnerHost;
	BYTE bClientType;
	BYTE AddressState;
} DHCP_CLIENT_INFO_V5, *LPDHCP_CLIENT_INFO_V5;

typedef struct _DHCP_CLIENT_INFO_VQ {
	DHCP_IP_ADDRESS ClientIpAddress;
	DHCP_IP_MASK SubnetMask;
	DHCP_CLIENT_UID ClientHardwareAddress;
	LPWSTR ClientName;
	LPWSTR ClientComment;
	DATE_TIME ClientLeaseExpires;
	DHCP_HOST_INFO OwnerHost;
	BYTE bClientType;
	BYTE AddressState;
	QuarantineStatus Status;
	DATE_TIME ProbationEnds;
	BOOL QuarantineCapable;
} DHCP_CLIENT_INFO_VQ, *LPDHCP_CLIENT_INFO_VQ;

typedef struct _DHCP_CLIENT_FILTER_STATUS_INFO {
	DHCP_IP_ADDRESS ClientIpAddress;
	DHCP_IP_MASK SubnetMask;
	DHCP_CLIENT_UID ClientHardwareAddress;
	LPWSTR ClientName;
	LPWSTR ClientComment;
	DATE_TIME ClientLeaseExpires;
	DHCP_HOST_INFO OwnerHost;
	BYTE bClientType;
	BYTE AddressState;
	QuarantineStatus Status;
	DATE_TIME ProbationEnds;
	BOOL QuarantineCapable;
	DWORD FilterStatus;
} DHCP_CLIENT_FILTER_STATUS_INFO, *LPDHCP_CLIENT_FILTER_STATUS_INFO;

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
	DWORD FilterStatus; /* ignored; out: FILTER_STATUS_..., how the filters stand to the client */
	LPWSTR PolicyName;  /* NULL, or at most 63 units; need not name anything */
} DHCP_CLIENT_INFO_PB, *LPDHCP_CLIENT_INFO_PB;

/* One property (MS-DHCPM 2.2.1.2.117); Type says which arm. */
typedef enum _DHCP_PROPERTY_TYPE {
	DhcpPropTypeByte = 0,
	DhcpPropTypeWord = 1,
	DhcpPropTypeDword = 2,
	DhcpPropTypeString = 3,
	DhcpPropTypeBinary = 4
} DHCP_PROPERTY_TYPE;

typedef enum _DHCP_PROPERTY_ID {
	DhcpPropIdPolicyDnsSuffix = 0,
	DhcpPropIdClientAddressStateEx = 1 /* of leases: the extended address state, a DhcpPropTypeDword */
} DHCP_PROPERTY_ID;

typedef struct _DHCP_PROPERTY {
	DHCP_PROPERTY_ID ID;
	DHCP_PROPERTY_TYPE Type;
	union _DHCP_PROPERTY_VALUE {
		BYTE ByteValue;
		WORD WordValue;
		DWORD DWordValue;
		LPWSTR StringValue;
		DHCP_BINARY_DATA BinaryValue;
	} Value;
} DHCP_PROPERTY, *LPDHCP_PROPERTY;

typedef struct _DHCP_PROPERTY_ARRAY {
	DWORD NumElements;
	LPDHCP_PROPERTY Elements;
} DHCP_PROPERTY_ARRAY, *LPDHCP_PROPERTY_ARRAY;

typedef struct _DHCP_CLIENT_INFO_EX {
	DHCP_IP_ADDRESS ClientIpAddress;
	DHCP_IP_MASK SubnetMask;
	DHCP_CLIENT_UID ClientHardwareAddress;
	LPWSTR ClientName;
	LPWSTR ClientComment;
	DATE_TIME ClientLeaseExpires;
	DHCP_HOST_INFO OwnerHost;
	BYTE bClientType;
	BYTE AddressState;
	QuarantineStatus Status;
	DATE_TIME ProbationEnds;
	BOOL QuarantineCapable;
	DWORD FilterStatus;
	LPWSTR PolicyName;
	LPDHCP_PROPERTY_ARRAY Properties; /* NULL, or what DhcpV4CreateClientInfoEx() says; out: always one property */
} DHCP_CLIENT_INFO_EX, *LPDHCP_CLIENT_INFO_EX;

/* Arrays of pointers to leases. */
typedef struct _DHCP_CLIENT_INFO_ARRAY {
	DWORD NumElements;
	LPDHCP_CLIENT_INFO *Clients;
} DHCP_CLIENT_INFO_ARRAY, *LPDHCP_CLIENT_INFO_ARRAY;

typedef struct _DHCP_CLIENT_INFO_ARRAY_V4 {
	DWORD NumElements;
	LPDHCP_CLIENT_INFO_V4 *Clients;
} DHCP_CLIENT_INFO_ARRAY_V4, *LPDHCP_CLIENT_INFO_ARRAY_V4;

typedef struct _DHCP_CLIENT_INFO_ARRAY_V5 {
	DWORD NumElements;
	LPDHCP_CLIENT_INFO_V5 *Clients;
} DHCP_CLIENT_INFO_ARRAY_V5, *LPDHCP_CLIENT_INFO_ARRAY_V5;

typedef struct _DHCP_CLIENT_INFO_ARRAY_VQ {
	DWORD NumElements;
	LPDHCP_CLIENT_INFO_VQ *Clients;
} DHCP_CLIENT_INFO_ARRAY_VQ, *LPDHCP_CLIENT_INFO_ARRAY_VQ;

typedef struct _DHCP_CLIENT_FILTER_STATUS_INFO_ARRAY {
	DWORD NumElements;
	LPDHCP_CLIENT_FILTER_STATUS_INFO *Clients;
} DHCP_CLIENT_FILTER_STATUS_INFO_ARRAY, *LPDHCP_CLIENT_FILTER_STATUS_INFO_ARRAY;

typedef struct _DHCP_CLIENT_INFO_PB_ARRAY {
	DWORD NumElements;
	LPDHCP_CLIENT_INFO_PB *Clients;
} DHCP_CLIENT_INFO_PB_ARRAY, *LPDHCP_CLIENT_INFO_PB_ARRAY;

typedef struct _DHCP_CLIENT_INFO_EX_ARRAY {
	DWORD NumElements;
	LPDHCP_CLIENT_INFO_EX *Clients;
} DHCP_CLIENT_INFO_EX_ARRAY, *LPDHCP_CLIENT_INFO_EX_ARRAY;

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

/*
 * Scopes and what is in them.
 */

/* MS-DHCPM 2.2.1.1.2. Governs packet service only: leases can be created in a disabled scope. */
typedef enum _DHCP_SUBNET_STATE {
	DhcpSubnetEnabled = 0,
	DhcpSubnetDisabled = 1,
	DhcpSubnetEnabledSwitched = 2,
	DhcpSubnetDisabledSwitched = 3,
	DhcpSubnetInvalidState = 4
} DHCP_SUBNET_STATE,
	*LPDHCP_SUBNET_STATE;
#define SCOPE_STATE_ENABLED  DhcpSubnetEnabled
#define SCOPE_STATE_DISABLED DhcpSubnetDisabled

/*
 * MS-DHCPM 2.2.1.2.8. The address that comes out in PrimaryHost is 0x7F000001, in host order as every other. (The
 * reference page of DhcpGetSubnetInfo says network order, for this one alone.)
 */
typedef struct _DHCP_SUBNET_INFO {
	DHCP_IP_ADDRESS SubnetAddress; /* the scope's: every address of it AND SubnetMask */
	DHCP_IP_MASK SubnetMask;       /* contiguous, not 0 */
	LPWSTR SubnetName;             /* NULL, or at most 256 units */
	LPWSTR SubnetComment;          /* NULL, or at most 1024 units */
	DHCP_HOST_INFO PrimaryHost;    /* ignored; out: address 127.0.0.1, NetBiosName "", HostName NULL */
	DHCP_SUBNET_STATE SubnetState;
} DHCP_SUBNET_INFO, *LPDHCP_SUBNET_INFO;

#define DHCP_SUBNET_INFO_VQ_FLAG_QUARANTINE 0x00000001

/* MS-DHCPM 2.2.1.2.45. */
typedef struct _DHCP_SUBNET_INFO_VQ {
	DHCP_IP_ADDRESS SubnetAddress;
	DHCP_IP_MASK SubnetMask;
	LPWSTR SubnetName;
	LPWSTR SubnetComment;
	DHCP_HOST_INFO PrimaryHost;
	DHCP_SUBNET_STATE SubnetState;
	DWORD QuarantineOn; /* DHCP_SUBNET_INFO_VQ_FLAG_QUARANTINE or 0; other bits are ignored. Kept, without effect */
	DWORD Reserved1;    /* ignored; out: 0. The others too */
	DWORD Reserved2;
	INT64 Reserved3;
	INT64 Reserved4;
} DHCP_SUBNET_INFO_VQ, *LPDHCP_SUBNET_INFO_VQ;

/* MS-DHCPM 2.2.1.1.9. Mind that 0 is the one that forces. */
typedef enum _DHCP_FORCE_FLAG {
	DhcpFullForce = 0,    /* delete the leases with it */
	DhcpNoForce = 1,      /* refuse if there are leases */
	DhcpFailoverForce = 2 /* as DhcpFullForce; for deleting scopes only */
} DHCP_FORCE_FLAG,
	*LPDHCP_FORCE_FLAG;

/* Both ends inclusive, in all ranges. */
typedef struct _DHCP_IP_RANGE {
	DHCP_IP_ADDRESS StartAddress;
	DHCP_IP_ADDRESS EndAddress;
} DHCP_IP_RANGE, *LPDHCP_IP_RANGE;

typedef struct _DHCP_BOOTP_IP_RANGE {
	DHCP_IP_ADDRESS StartAddress;
	DHCP_IP_ADDRESS EndAddress;
	ULONG BootpAllocated;  /* ignored; out: 0 */
	ULONG MaxBootpAllowed; /* ignored; out: 0xFFFFFFFF, no limit */
} DHCP_BOOTP_IP_RANGE, *LPDHCP_BOOTP_IP_RANGE;

/* The client identifier of a reservation is raw on input; on output too, unless LESSOR_DHCPSAPI_RESERVED_UNIQUE_ID. */
typedef struct _DHCP_IP_RESERVATION {
	DHCP_IP_ADDRESS ReservedIpAddress;
	DHCP_CLIENT_UID *ReservedForClient;
} DHCP_IP_RESERVATION, *LPDHCP_IP_RESERVATION;

typedef struct _DHCP_IP_RESERVATION_V4 {
	DHCP_IP_ADDRESS ReservedIpAddress;
	DHCP_CLIENT_UID *ReservedForClient;
	BYTE bAllowedClientTypes; /* CLIENT_TYPE_DHCP, _BOOTP or _BOTH; kept, without effect */
} DHCP_IP_RESERVATION_V4, *LPDHCP_IP_RESERVATION_V4;

typedef struct _DHCP_IP_RESERVATION_INFO {
	DHCP_IP_ADDRESS ReservedIpAddress;
	DHCP_CLIENT_UID ReservedForClient;
	LPWSTR ReservedClientName; /* of the lease at the address; NULL: it has none, or there is none */
	LPWSTR ReservedClientDesc; /* its comment */
	BYTE bAllowedClientTypes;
	BYTE fOptionsPresent; /* 0: reservations have no option values here */
} DHCP_IP_RESERVATION_INFO, *LPDHCP_IP_RESERVATION_INFO;

typedef struct _DHCP_RESERVATION_INFO_ARRAY {
	DWORD NumElements;
	LPDHCP_IP_RESERVATION_INFO *Elements;
} DHCP_RESERVATION_INFO_ARRAY, *LPDHCP_RESERVATION_INFO_ARRAY;

typedef struct _DHCP_IP_CLUSTER {
	DHCP_IP_ADDRESS ClusterAddress;
	DWORD ClusterMask;
} DHCP_IP_CLUSTER, *LPDHCP_IP_CLUSTER;

typedef struct _DHCP_IP_ARRAY {
	DWORD NumElements;
	LPDHCP_IP_ADDRESS Elements;
} DHCP_IP_ARRAY, *LPDHCP_IP_ARRAY;

typedef struct _DHCP_IP_RANGE_ARRAY {
	DWORD NumElements;
	LPDHCP_IP_RANGE Elements;
} DHCP_IP_RANGE_ARRAY, *LPDHCP_IP_RANGE_ARRAY;

/* MS-DHCPM 2.2.1.1.7. The kinds of range are one, arm IpRange: which clients a range serves is not kept. */
typedef enum _DHCP_SUBNET_ELEMENT_TYPE_V5 {
	DhcpIpRanges = 0,
	DhcpSecondaryHosts = 1,
	DhcpReservedIps = 2,
	DhcpExcludedIpRanges = 3,
	DhcpIpUsedClusters = 4,
	DhcpIpRangesDhcpOnly = 5,
	DhcpIpRangesDhcpBootp = 6,
	DhcpIpRangesBootpOnly = 7
} DHCP_SUBNET_ELEMENT_TYPE,
	*LPDHCP_SUBNET_ELEMENT_TYPE;

/* One element; ElementType says which arm. On output the arms point into the same result. */
typedef struct _DHCP_SUBNET_ELEMENT_DATA {
	DHCP_SUBNET_ELEMENT_TYPE ElementType;
	union _DHCP_SUBNET_ELEMENT_UNION {
		DHCP_IP_RANGE *IpRange;
		DHCP_HOST_INFO *SecondaryHost;
		DHCP_IP_RESERVATION *ReservedIp;
		DHCP_IP_RANGE *ExcludeIpRange;
		DHCP_IP_CLUSTER *IpUsedCluster;
	} Element;
} DHCP_SUBNET_ELEMENT_DATA, *LPDHCP_SUBNET_ELEMENT_DATA;

typedef struct _DHCP_SUBNET_ELEMENT_DATA_V4 {
	DHCP_SUBNET_ELEMENT_TYPE ElementType;
	union _DHCP_SUBNET_ELEMENT_UNION_V4 {
		DHCP_IP_RANGE *IpRange;
		DHCP_HOST_INFO *SecondaryHost;
		DHCP_IP_RESERVATION_V4 *ReservedIp;
		DHCP_IP_RANGE *ExcludeIpRange;
		DHCP_IP_CLUSTER *IpUsedCluster;
	} Element;
} DHCP_SUBNET_ELEMENT_DATA_V4, *LPDHCP_SUBNET_ELEMENT_DATA_V4;

typedef struct _DHCP_SUBNET_ELEMENT_DATA_V5 {
	DHCP_SUBNET_ELEMENT_TYPE ElementType;
	union _DHCP_SUBNET_ELEMENT_UNION_V5 {
		DHCP_BOOTP_IP_RANGE *IpRange;
		DHCP_HOST_INFO *SecondaryHost;
		DHCP_IP_RESERVATION_V4 *ReservedIp;
		DHCP_IP_RANGE *ExcludeIpRange;
		DHCP_IP_CLUSTER *IpUsedCluster;
	} Element;
} DHCP_SUBNET_ELEMENT_DATA_V5, *LPDHCP_SUBNET_ELEMENT_DATA_V5;

typedef struct _DHCP_SUBNET_ELEMENT_INFO_ARRAY {
	DWORD NumElements;
	LPDHCP_SUBNET_ELEMENT_DATA Elements;
} DHCP_SUBNET_ELEMENT_INFO_ARRAY, *LPDHCP_SUBNET_ELEMENT_INFO_ARRAY;

typedef struct _DHCP_SUBNET_ELEMENT_INFO_ARRAY_V4 {
	DWORD NumElements;
	LPDHCP_SUBNET_ELEMENT_DATA_V4 Elements;
} DHCP_SUBNET_ELEMENT_INFO_ARRAY_V4, *LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V4;

typedef struct _DHCP_SUBNET_ELEMENT_INFO_ARRAY_V5 {
	DWORD NumElements;
	LPDHCP_SUBNET_ELEMENT_DATA_V5 Elements;
} DHCP_SUBNET_ELEMENT_INFO_ARRAY_V5, *LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V5;

/* What a check of the store found at one address (MS-DHCPM 2.2.1.1.10, 2.2.1.2.35). See DhcpScanDatabase(). */
typedef enum _DHCP_SCAN_FLAG {
	DhcpRegistryFix = 0, /* there is a lease, but the address counts as free */
	DhcpDatabaseFix = 1  /* the address counts as in use, but there is no lease */
} DHCP_SCAN_FLAG,
	*LPDHCP_SCAN_FLAG;

typedef struct _DHCP_SCAN_ITEM {
	DHCP_IP_ADDRESS IpAddress;
	DHCP_SCAN_FLAG ScanFlag;
} DHCP_SCAN_ITEM, *LPDHCP_SCAN_ITEM;

typedef struct _DHCP_SCAN_LIST {
	DWORD NumScanItems;
	DHCP_SCAN_ITEM *ScanItems;
} DHCP_SCAN_LIST, *LPDHCP_SCAN_LIST;

/* One scope, whether it is in a superscope or not (MS-DHCPM 2.2.1.2.23). */
typedef struct _DHCP_SUPER_SCOPE_TABLE_ENTRY {
	DHCP_IP_ADDRESS SubnetAddress;
	DWORD SuperScopeNumber; /* 0: in none */
	/* Index of the next scope in the same superscope, after the last the first; its own if there is no other. */
	DWORD NextInSuperScope;
	LPWSTR SuperScopeName; /* NULL: in none */
} DHCP_SUPER_SCOPE_TABLE_ENTRY, *LPDHCP_SUPER_SCOPE_TABLE_ENTRY;

typedef struct _DHCP_SUPER_SCOPE_TABLE {
	DWORD cEntries;
	DHCP_SUPER_SCOPE_TABLE_ENTRY *pEntries;
} DHCP_SUPER_SCOPE_TABLE, *LPDHCP_SUPER_SCOPE_TABLE;

/*
 * Statistics.
 */

/* As lessor_scope_stats_t says (<lessor/stats.h>); figures beyond 32 bits are 0xFFFFFFFF. */
typedef struct _SCOPE_MIB_INFO {
	DHCP_IP_ADDRESS Subnet; /* the subnet address */
	DWORD NumAddressesInuse;
	DWORD NumAddressesFree;
	DWORD NumPendingOffers;
} SCOPE_MIB_INFO, *LPSCOPE_MIB_INFO;

typedef struct _SCOPE_MIB_INFO_V5 {
	DHCP_IP_ADDRESS Subnet;
	DWORD NumAddressesInuse;
	DWORD NumAddressesFree;
	DWORD NumPendingOffers;
} SCOPE_MIB_INFO_V5, *LPSCOPE_MIB_INFO_V5;

/* The packet counters are 0: packets are served, and counted, by the program around the engine. */
typedef struct _DHCP_MIB_INFO {
	DWORD Discovers;
	DWORD Offers;
	DWORD Requests;
	DWORD Acks;
	DWORD Naks;
	DWORD Declines;
	DWORD Releases;
	DATE_TIME ServerStartTime; /* when the engine was opened */
	DWORD Scopes;
	LPSCOPE_MIB_INFO ScopeInfo; /* ascending by Subnet; NULL if there are none */
} DHCP_MIB_INFO, *LPDHCP_MIB_INFO;

typedef struct _DHCP_MIB_INFO_V5 {
	DWORD Discovers;
	DWORD Offers;
	DWORD Requests;
	DWORD Acks;
	DWORD Naks;
	DWORD Declines;
	DWORD Releases;
	DATE_TIME ServerStartTime;
	DWORD QtnNumLeases; /* this and the other Qtn...: always 0 */
	DWORD QtnPctQtnLeases;
	DWORD QtnProbationLeases;
	DWORD QtnNonQtnLeases;
	DWORD QtnExemptLeases;
	DWORD QtnCapableClients;
	DWORD QtnIASErrors;
	DWORD DelayedOffers;           /* a packet counter */
	DWORD ScopesWithDelayedOffers; /* scopes whose offer delay is not 0 */
	DWORD Scopes;
	LPSCOPE_MIB_INFO_V5 ScopeInfo;
} DHCP_MIB_INFO_V5, *LPDHCP_MIB_INFO_V5;

/*
 * Link-layer filters.
 */

typedef enum _DHCP_FILTER_LIST_TYPE { Deny = 0, Allow = 1 } DHCP_FILTER_LIST_TYPE, *LPDHCP_FILTER_LIST_TYPE;

/* MS-DHCPM 2.2.1.2.91. */
typedef struct _DHCP_ADDR_PATTERN {
	BOOL MatchHWType; /* must be TRUE */
	BYTE HWType;      /* HWTYPE_ETHERNET_10MB; another one: Length 0, as a wildcard on the allow list, exempts it */
	BOOL IsWildcard;  /* Pattern is the beginning of addresses, 1 to 5 bytes; else a whole address, 6 bytes */
	BYTE Length;
	BYTE Pattern[MAX_PATTERN_LENGTH];
} DHCP_ADDR_PATTERN, *LPDHCP_ADDR_PATTERN;

typedef struct _DHCP_FILTER_ADD_INFO {
	DHCP_ADDR_PATTERN AddrPatt;
	LPWSTR Comment; /* NULL, or at most 127 units */
	DHCP_FILTER_LIST_TYPE ListType;
} DHCP_FILTER_ADD_INFO, *LPDHCP_FILTER_ADD_INFO;

typedef struct _DHCP_FILTER_GLOBAL_INFO {
	BOOL EnforceAllowList;
	BOOL EnforceDenyList;
} DHCP_FILTER_GLOBAL_INFO, *LPDHCP_FILTER_GLOBAL_INFO;

typedef struct _DHCP_FILTER_RECORD {
	DHCP_ADDR_PATTERN AddrPatt;
	LPWSTR Comment;
} DHCP_FILTER_RECORD, *LPDHCP_FILTER_RECORD;

typedef struct _DHCP_FILTER_ENUM_INFO {
	DWORD NumElements;
	LPDHCP_FILTER_RECORD pEnumRecords;
} DHCP_FILTER_ENUM_INFO, *LPDHCP_FILTER_ENUM_INFO;

/*
 * IPv6.
 */

/* The upper and the lower half as integers: 2001:db8::1 is {0x20010DB800000000, 1} (MS-DHCPM 2.2.1.2.28). */
typedef struct _DHCP_IPV6_ADDRESS {
	ULONGLONG HighOrderBits;
	ULONGLONG LowOrderBits;
} DHCP_IPV6_ADDRESS, *PDHCP_IPV6_ADDRESS, *LPDHCP_IPV6_ADDRESS;

typedef DHCP_IPV6_ADDRESS DHCP_RESUME_IPV6_HANDLE;

typedef struct _DHCPV6_IP_ARRAY {
	DWORD NumElements;
	LPDHCP_IPV6_ADDRESS Elements;
} DHCPV6_IP_ARRAY, *LPDHCPV6_IP_ARRAY;

typedef struct _DHCP_HOST_INFO_V6 {
	DHCP_IPV6_ADDRESS IpAddress;
	LPWSTR NetBiosName; /* ignored; out: NULL. HostName too */
	LPWSTR HostName;
} DHCP_HOST_INFO_V6, *LPDHCP_HOST_INFO_V6;

/* AddressType. */
#define ADDRESS_TYPE_IANA 0
#define ADDRESS_TYPE_IATA 1

/* MS-DHCPM 2.2.1.2.64. The comments say what a member means to DhcpV6CreateClientInfo(). */
typedef struct _DHCP_CLIENT_INFO_V6 {
	DHCP_IPV6_ADDRESS ClientIpAddress; /* required */
	DHCP_CLIENT_UID ClientDUID;        /* required: 1 to 256 bytes */
	DWORD AddressType;                 /* ignored; out: ADDRESS_TYPE_IANA */
	DWORD IAID;                        /* any, 0 too */
	LPWSTR ClientName;                 /* NULL, or at most 1024 units */
	LPWSTR ClientComment;              /* NULL, or at most 1024 units */
	DATE_TIME ClientValidLeaseExpires; /* any, past ones too; zero: none recorded */
	DATE_TIME ClientPrefLeaseExpires;  /* zero, or later than the other: that one is stored */
	DHCP_HOST_INFO_V6 OwnerHost;       /* ignored; out: the server that made the lease */
} DHCP_CLIENT_INFO_V6, *LPDHCP_CLIENT_INFO_V6;

typedef struct _DHCP_CLIENT_INFO_ARRAY_V6 {
	DWORD NumElements;
	LPDHCP_CLIENT_INFO_V6 *Clients;
} DHCP_CLIENT_INFO_ARRAY_V6, *LPDHCP_CLIENT_INFO_ARRAY_V6;

typedef enum _DHCP_CLIENT_SEARCH_TYPE_V6 {
	Dhcpv6ClientIpAddress = 0,
	Dhcpv6ClientDUID = 1,
	Dhcpv6ClientName = 2
} DHCP_SEARCH_INFO_TYPE_V6;
typedef DHCP_SEARCH_INFO_TYPE_V6 *LPDHCP_SEARCH_INFO_TYPE_V6;

/* The calls accept Dhcpv6ClientIpAddress only (MS-DHCPM 3.2.4.73, 3.2.4.74). */
typedef struct _DHCP_CLIENT_SEARCH_INFO_V6 {
	DHCP_SEARCH_INFO_TYPE_V6 SearchType;
	union _DHCP_CLIENT_SEARCH_UNION_V6 {
		DHCP_IPV6_ADDRESS ClientIpAddress;
		DHCP_CLIENT_UID ClientDUID;
		LPWSTR ClientName;
	} SearchInfo;
} DHCP_SEARCH_INFO_V6, *LPDHCP_SEARCH_INFO_V6;

/* MS-DHCPM 2.2.1.2.56. Every scope is a /64. */
typedef struct _DHCP_SUBNET_INFO_V6 {
	DHCP_IPV6_ADDRESS SubnetAddress;
	ULONG Prefix; /* ignored; out: 64 */
	USHORT Preference;
	LPWSTR SubnetName;    /* NULL, or at most 256 units */
	LPWSTR SubnetComment; /* NULL, or at most 1024 units */
	DWORD State;          /* a DHCP_SUBNET_STATE */
	DWORD ScopeId;        /* ignored; out: a number that no other scope has or had */
} DHCP_SUBNET_INFO_V6, *PDHCP_SUBNET_INFO_V6, *LPDHCP_SUBNET_INFO_V6;

typedef struct _DHCP_IP_RANGE_V6 {
	DHCP_IPV6_ADDRESS StartAddress;
	DHCP_IPV6_ADDRESS EndAddress;
} DHCP_IP_RANGE_V6, *LPDHCP_IP_RANGE_V6;

typedef struct _DHCP_IP_RESERVATION_V6 {
	DHCP_IPV6_ADDRESS ReservedIpAddress;
	DHCP_CLIENT_UID *ReservedForClient; /* DUID */
	DWORD InterfaceId;                  /* IAID */
} DHCP_IP_RESERVATION_V6, *LPDHCP_IP_RESERVATION_V6;

typedef enum _DHCP_SUBNET_ELEMENT_TYPE_V6 {
	Dhcpv6IpRanges = 0,
	Dhcpv6ReservedIps = 1,
	Dhcpv6ExcludedIpRanges = 2
} DHCP_SUBNET_ELEMENT_TYPE_V6,
	*LPDHCP_SUBNET_ELEMENT_TYPE_V6;

typedef struct _DHCP_SUBNET_ELEMENT_DATA_V6 {
	DHCP_SUBNET_ELEMENT_TYPE_V6 ElementType;
	union _DHCP_SUBNET_ELEMENT_UNION_V6 {
		DHCP_IP_RANGE_V6 *IpRange;
		DHCP_IP_RESERVATION_V6 *ReservedIp;
		DHCP_IP_RANGE_V6 *ExcludeIpRange;
	} Element;
} DHCP_SUBNET_ELEMENT_DATA_V6, *LPDHCP_SUBNET_ELEMENT_DATA_V6;

typedef struct _DHCP_SUBNET_ELEMENT_INFO_ARRAY_V6 {
	DWORD NumElements;
	LPDHCP_SUBNET_ELEMENT_DATA_V6 Elements;
} DHCP_SUBNET_ELEMENT_INFO_ARRAY_V6, *LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V6;

typedef struct _SCOPE_MIB_INFO_V6 {
	DHCP_IPV6_ADDRESS Subnet;
	ULONGLONG NumAddressesInuse;
	ULONGLONG NumAddressesFree; /* 0xFFFFFFFFFFFFFFFF if it is 2^64 */
	ULONGLONG NumPendingAdvertises;
} SCOPE_MIB_INFO_V6, *LPSCOPE_MIB_INFO_V6;

/* The counters are 0, as those of DHCP_MIB_INFO. */
typedef struct _DHCP_MIB_INFO_V6 {
	DWORD Solicits;
	DWORD Advertises;
	DWORD Requests;
	DWORD Renews;
	DWORD Rebinds;
	DWORD Replies;
	DWORD Confirms;
	DWORD Declines;
	DWORD Releases;
	DWORD Informs;
	DATE_TIME ServerStartTime;
	DWORD Scopes;
	LPSCOPE_MIB_INFO_V6 ScopeInfo;
} DHCP_MIB_INFO_V6, *LPDHCP_MIB_INFO_V6;

/* Programs and library must agree on these, whatever -fshort-enums says. */
#ifdef __cplusplus
#define LESSOR_DHCPSAPI_ASSERT(condition, text) static_assert(condition, text)
#else
#define LESSOR_DHCPSAPI_ASSERT(condition, text) _Static_assert(condition, text)
#endif
LESSOR_DHCPSAPI_ASSERT(sizeof(WCHAR) == 2, "dhcpsapi.h needs 16-bit WCHAR");
LESSOR_DHCPSAPI_ASSERT(sizeof(QuarantineStatus) == 4 && sizeof(DHCP_SEARCH_INFO_TYPE) == 4 &&
			       sizeof(DHCP_SEARCH_INFO_TYPE_V6) == 4 && sizeof(DHCP_SUBNET_STATE) == 4 &&
			       sizeof(DHCP_FORCE_FLAG) == 4 && sizeof(DHCP_SUBNET_ELEMENT_TYPE) == 4 &&
			       sizeof(DHCP_SUBNET_ELEMENT_TYPE_V6) == 4 && sizeof(DHCP_SCAN_FLAG) == 4 &&
			       sizeof(DHCP_FILTER_LIST_TYPE) == 4 && sizeof(DHCP_PROPERTY_TYPE) == 4 &&
			       sizeof(DHCP_PROPERTY_ID) == 4,
		       "dhcpsapi.h needs 32-bit enumerations");
#undef LESSOR_DHCPSAPI_ASSERT

#ifdef __cplusplus
}
#endif

#endif
