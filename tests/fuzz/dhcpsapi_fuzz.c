/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sequences of calls of dhcpsapi.h, made out of bytes: legal ones, wrong ones, and hostile ones. Every answer of an IPv4
 * call is compared with that of a naive model, and now and then the whole store is. Arguments lie at the end of a page
 * behind which there is none, so that whoever reads too much is caught, with or without a sanitizer.
 *
 * LLVMFuzzerTestOneInput() is what libFuzzer calls; fuzz_test.c calls it with files and random bytes.
 */
#include "dhcpsapi_fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <lessor/dhcpsapi.h>
#include <lessor/lessor.h>

#include "model.h"

#define MAX_CALLS  400
#define EVERYTHING 0xFFFFFFFFu
#define SERVER     0x0A000001u

static model_t model;

/* ---- complaints ---- */

#define REQUIRE(condition)                                                                                             \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fail(__LINE__, #condition);                                                                    \
		}                                                                                                      \
	} while (0)

static const char *current;

static void
fail(int line, const char *what) {
	(void)fprintf(stderr, "dhcpsapi_fuzz.c:%d: in %s: %s\n", line, current, what);
	abort();
}

static void
expect(DWORD code, model_codes_t wanted) {
	if (code != wanted.one && code != wanted.other) {
		(void)fprintf(stderr, "%s answers %u, the model %u or %u\n", current, code, wanted.one, wanted.other);
		abort();
	}
}

/* ---- bytes ---- */

static const uint8_t *bytes;
static size_t bytes_left;

static uint8_t
take(void) {
	if (bytes_left == 0) {
		return 0;
	}
	bytes_left--;
	return *bytes++;
}

static unsigned
below(unsigned n) {
	return take() % n;
}

/* Once in so many times. */
static bool
once_in(unsigned n) {
	return take() % n == n - 1;
}

/* ---- memory with an end ---- */

enum { GUARD_SLOTS = 8, GUARD_BYTES = 4096 };

static uint8_t *guards;
static unsigned next_guard;

static void
guards_make(void) {
	const size_t slot = (size_t)GUARD_BYTES * 2;
	guards = mmap(NULL, slot * GUARD_SLOTS, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	REQUIRE(guards != MAP_FAILED);
	for (unsigned i = 0; i < GUARD_SLOTS; i++) {
		REQUIRE(mprotect(guards + slot * i, GUARD_BYTES, PROT_READ | PROT_WRITE) == 0);
	}
}

/* A copy that ends where memory ends; good for the next few calls of this function. */
static void *
guarded(const void *data, size_t size) {
	uint8_t *end = guards + (size_t)GUARD_BYTES * 2 * (next_guard++ % GUARD_SLOTS) + GUARD_BYTES;
	memcpy(end - size, data, size);
	return end - size;
}

/* ---- texts ---- */

enum { NAME_UNITS = 1024, COMMENT_UNITS = 127, POLICY_UNITS = 63, SCOPE_UNITS = 256 };

static WCHAR text_pc[] = u"pc";
static WCHAR text_PC[] = u"PC";
static WCHAR text_laptop[] = u"laptop";
static WCHAR text_empty[] = u"";
static WCHAR text_far[] = u"\u00E9\u4E2D\U0001F5A5";
static WCHAR text_1024[NAME_UNITS + 1];
static WCHAR text_127[COMMENT_UNITS + 1];
static WCHAR text_63[POLICY_UNITS + 1];
static WCHAR text_256[SCOPE_UNITS + 1];
static WCHAR text_owner[] = u"FUZZ";

static void
fill(WCHAR *text, size_t units, WCHAR unit) {
	for (size_t i = 0; i < units; i++) {
		text[i] = unit;
	}
	text[units] = 0;
}

static bool
same_text(LPCWSTR a, LPCWSTR b) {
	while (a != NULL && b != NULL && *a != 0 && *a == *b) {
		a++;
		b++;
	}
	return a == NULL || b == NULL ? a == b : *a == *b;
}

/* What is wrong with a text. */
typedef enum flaw { FLAW_NONE, FLAW_LONG, FLAW_BROKEN } flaw_t;

/* A text of at most so many units, or one that is wrong: too long and without an end, or not UTF-16. */
static LPWSTR
pick_text(unsigned limit, flaw_t *flaw) {
	LPWSTR good[] = {NULL,     text_pc, text_PC,  text_laptop, text_empty,
			 text_far, text_63, text_127, text_256,    text_1024};
	const unsigned count = limit >= NAME_UNITS ? 10 : limit >= SCOPE_UNITS ? 9 : limit >= COMMENT_UNITS ? 8 : 7;
	const WCHAR broken[][3] = {{0xD800, 0, 0}, {0xDC00, 0, 0}, {u'a', 0xDBFF, 0}, {0xDC00, 0xD800, 0}};
	WCHAR longer[NAME_UNITS + 1];
	const uint8_t choice = take();
	*flaw = FLAW_NONE;
	if (choice < 252) {
		/* Mostly short ones. */
		return good[choice < 200 ? choice % 6 : choice % count];
	}
	if (choice < 254) {
		*flaw = FLAW_LONG;
		fill(longer, limit, u'x');
		longer[limit] = u'x';
		return guarded(longer, (limit + 1) * sizeof(WCHAR));
	}
	*flaw = FLAW_BROKEN;
	LPCWSTR text = broken[choice % 4];
	return guarded(text, (text[1] == 0 ? 2u : 3u) * sizeof(WCHAR));
}

/* ---- addresses and clients ---- */

/* From a small world, in which things meet: 10.0.0.0 to 10.0.0.127; mostly out of scopes and leases that there are. */
static DWORD
pick_address(void) {
	const uint8_t choice = take();
	const DWORD far[] = {0, 1, 0xFFFFFFFFu, 0x0A010203u};
	if (choice < 60 && model.lease_count != 0) {
		return model.leases[take() % model.lease_count].address;
	}
	if (choice < 200 && model.scope_count != 0) {
		return model.scopes[choice % model.scope_count].subnet + take() % 32;
	}
	return choice < 252 ? 0x0A000000u + take() % 128 : far[choice - 252];
}

static DWORD
pick_subnet(void) {
	const uint8_t choice = take();
	if (choice < 220 && model.scope_count != 0) {
		return model.scopes[choice % model.scope_count].subnet;
	}
	return choice == 255 ? pick_address() : 0x0A000000u + 16 * (choice % 8u);
}

/* For a scope that is to be new. */
static DWORD
pick_new_subnet(void) {
	return once_in(16) ? pick_subnet() : 0x0A000000u + 16 * below(8);
}

/* An identifier of 1 to 255 bytes that ends where memory ends; or, flawed, none or one that claims to be longer than it is. */
static DHCP_CLIENT_UID
pick_id(model_id_t *id, bool *flawed) {
	const uint8_t choice = take();
	const uint8_t number = choice % 16;
	DHCP_CLIENT_UID uid = {0, NULL};
	*flawed = choice >= 248;
	memset(id, 0, sizeof(*id));
	if (*flawed) {
		const BYTE one = 1;
		const DWORD lies[] = {0, 256, 0x7FFFFFFFu, 0xFFFFFFFFu};
		uid.DataLength = lies[choice % 4];
		uid.Data = choice < 252 ? guarded(&one, 1) : NULL;
		return uid;
	}
	id->length = number == 15 ? 255 : number == 14 ? 1 : 2 + number;
	memset(id->data, 0xA0 + number, id->length);
	uid.DataLength = id->length;
	uid.Data = guarded(id->data, id->length);
	return uid;
}

static uint64_t
pick_time(void) {
	const uint64_t times[] = {0, 1, 0x01C0000000000000u, 0x0200000000000000u, LESSOR_TIME_INFINITE, UINT64_MAX};
	return times[below(6)];
}

static DATE_TIME
date(uint64_t ticks) {
	const DATE_TIME split = {(DWORD)ticks, (DWORD)(ticks >> 32)};
	return split;
}

static uint64_t
ticks(DATE_TIME split) {
	return (uint64_t)split.dwHighDateTime << 32 | split.dwLowDateTime;
}

static LPCWSTR
pick_server(DWORD *address) {
	const unsigned choice = below(4);
	*address = choice == 1 ? 0x0A090807u : SERVER;
	return choice == 1 ? u"10.9.8.7" : choice == 2 ? u"dhcp.example" : NULL;
}

/* ---- leases ---- */

/* The structures of all versions begin alike. */
typedef enum level { INFO = 1, V4, V5, VQ, FILTER, PB, EX } level_t;

static void
check_time(const model_lease_t *lease, uint64_t expires) {
	if (lease->expires_soon) {
		const uint64_t now = lessor_time_now();
		REQUIRE(expires > now && expires <= now + LESSOR_DEFAULT_LEASE_S * LESSOR_TICKS_PER_SECOND);
	} else {
		REQUIRE(expires == lease->expires);
	}
}

static void
check_more(const DHCP_CLIENT_INFO_EX *got, level_t level, const model_lease_t *lease) {
	REQUIRE(level < V4 || got->bClientType == lease->type);
	REQUIRE(level < V5 || got->AddressState == lease->state);
	if (level >= VQ) {
		REQUIRE((DWORD)got->Status == lease->status);
		REQUIRE(ticks(got->ProbationEnds) == lease->probation);
		REQUIRE(got->QuarantineCapable == (lease->capable ? TRUE : FALSE));
	}
	REQUIRE(level < PB || same_text(got->PolicyName, lease->policy));
	if (level >= EX) {
		REQUIRE(got->Properties != NULL && got->Properties->NumElements == 1);
		REQUIRE(got->Properties->Elements[0].ID == DhcpPropIdClientAddressStateEx);
		REQUIRE(got->Properties->Elements[0].Value.DWordValue == lease->state_ex);
	}
}

static void
check_lease(const void *record, level_t level, const model_lease_t *lease) {
	const DHCP_CLIENT_INFO_EX *got = record;
	REQUIRE(got->ClientIpAddress == lease->address);
	REQUIRE(got->SubnetMask == model_scope_of(&model, lease->address)->mask);
	REQUIRE(got->ClientHardwareAddress.DataLength == lease->id.length);
	REQUIRE(memcmp(got->ClientHardwareAddress.Data, lease->id.data, lease->id.length) == 0);
	REQUIRE(same_text(got->ClientName, lease->name));
	REQUIRE(same_text(got->ClientComment, lease->comment));
	check_time(lease, ticks(got->ClientLeaseExpires));
	REQUIRE(got->OwnerHost.IpAddress == lease->owner_address);
	REQUIRE(same_text(got->OwnerHost.NetBiosName, lease->owner));
	REQUIRE(got->OwnerHost.HostName == NULL);
	check_more(got, level, lease);
}

/* Fill a structure of any version, and what the model is to know of it. True: nothing is wrong with the first members. */
static bool
pick_lease(DHCP_CLIENT_INFO_EX *info, model_lease_t *lease, unsigned comment_limit) {
	bool flawed_id;
	flaw_t flaw_name;
	flaw_t flaw_comment;
	memset(info, 0, sizeof(*info));
	memset(lease, 0, sizeof(*lease));
	lease->address = info->ClientIpAddress = pick_address();
	info->SubnetMask = take();
	info->ClientHardwareAddress = pick_id(&lease->id, &flawed_id);
	lease->name = info->ClientName = pick_text(NAME_UNITS, &flaw_name);
	lease->comment = info->ClientComment = pick_text(comment_limit, &flaw_comment);
	lease->expires = pick_time();
	info->ClientLeaseExpires = date(lease->expires);
	lease->owner_address = info->OwnerHost.IpAddress = pick_address();
	info->OwnerHost.NetBiosName = text_laptop;
	return !flawed_id && flaw_name == FLAW_NONE && flaw_comment == FLAW_NONE;
}

/* The members that only the newer creates use. */
static bool
pick_more(DHCP_CLIENT_INFO_EX *info, model_lease_t *lease, bool strict) {
	const BYTE types[] = {0, 1, 2, 3, 4, 5, 6, 7, CLIENT_TYPE_NONE, 8, 0x65, 0xFF};
	const BYTE states[] = {0, 1, 2, 3, 0x71, 0xF2, 3, 1, 0x10, 0xFC};
	flaw_t flaw_policy;
	const unsigned type = once_in(16) ? below(12) : below(9);
	lease->type = info->bClientType = types[type];
	info->AddressState = states[once_in(16) ? below(10) : below(8)];
	lease->state = info->AddressState == 0 ? ADDRESS_STATE_ACTIVE : info->AddressState;
	lease->status = once_in(32) ? 7u + take() : below(7);
	info->Status = (QuarantineStatus)lease->status;
	lease->probation = pick_time();
	info->ProbationEnds = date(lease->probation);
	info->QuarantineCapable = (BOOL)below(3) - 1;
	lease->capable = info->QuarantineCapable != FALSE;
	info->FilterStatus = take();
	lease->policy = info->PolicyName = pick_text(POLICY_UNITS, &flaw_policy);
	return type < 9 && lease->status < 7 && flaw_policy == FLAW_NONE &&
	       (info->AddressState == 0 ? !strict : (info->AddressState & 3) != 0);
}

/* Up to three properties, or a lie about how many there are. */
static bool
pick_properties(DHCP_CLIENT_INFO_EX *info, model_lease_t *lease, DHCP_PROPERTY_ARRAY *array, bool *doubtful) {
	DHCP_PROPERTY properties[3];
	bool good = true;
	if (once_in(4)) {
		return true;
	}
	memset(properties, 0, sizeof(properties));
	const unsigned count = below(4);
	for (unsigned i = 0; i < count; i++) {
		properties[i].ID = (DHCP_PROPERTY_ID)(once_in(8) ? take() : 1);
		properties[i].Type = (DHCP_PROPERTY_TYPE)(once_in(8) ? take() : DhcpPropTypeDword);
		properties[i].Value.DWordValue = once_in(8) ? take() : below(2);
		if (properties[i].ID == DhcpPropIdClientAddressStateEx && properties[i].Type == DhcpPropTypeDword) {
			lease->state_ex = properties[i].Value.DWordValue;
			/* The last one counts; what becomes of a wrong one before it, nobody says. */
			*doubtful = *doubtful || lease->state_ex > 1;
			good = lease->state_ex < 2;
		}
	}
	array->NumElements = count;
	array->Elements = guarded(properties, count * sizeof(properties[0]));
	if (once_in(32)) {
		array->NumElements = LESSOR_DHCPSAPI_PROPERTIES_MAX + 1 + take();
		good = false;
	} else if (once_in(32)) {
		array->Elements = NULL;
		lease->state_ex = 0;
		good = count == 0;
	}
	info->Properties = array;
	return good;
}

static bool strict;

static void
call_create(void) {
	DHCP_CLIENT_INFO_EX info;
	DHCP_PROPERTY_ARRAY properties;
	model_lease_t lease;
	DWORD owner_address;
	const bool ex = below(2) == 1;
	bool doubtful = false;
	bool good = pick_lease(&info, &lease, COMMENT_UNITS);
	good = pick_more(&info, &lease, strict) && good;
	good = (!ex || pick_properties(&info, &lease, &properties, &doubtful)) && good && lease.address != 0;
	LPCWSTR server = pick_server(&owner_address);
	lease.owner = text_owner;
	lease.owner_address = owner_address;
	const DWORD code = ex ? DhcpV4CreateClientInfoEx(server, &info)
			      : DhcpV4CreateClientInfo(server, (LPDHCP_CLIENT_INFO_PB)(void *)&info);
	if (!good || (doubtful && code == ERROR_INVALID_PARAMETER)) {
		expect(code, model_code(ERROR_INVALID_PARAMETER));
		return;
	}
	expect(code, model_code(model_create(&model, &lease, ERROR_DHCP_SUBNET_NOT_PRESENT, ERROR_DHCP_CLIENT_EXISTS)));
}

static void
call_older_create(void) {
	DHCP_CLIENT_INFO_EX info;
	model_lease_t lease;
	DWORD owner_address;
	DWORD code;
	const unsigned version = below(3);
	const bool good = pick_lease(&info, &lease, NAME_UNITS) && lease.address != 0;
	(void)memset(&info.bClientType, take(), 2);
	LPCWSTR server = pick_server(&owner_address);
	lease.owner = text_owner;
	lease.owner_address = owner_address;
	lease.type = CLIENT_TYPE_NONE;
	lease.state = ADDRESS_STATE_ACTIVE;
	if (version == 0) {
		code = DhcpCreateClientInfo(server, (const DHCP_CLIENT_INFO *)(const void *)&info);
	} else if (version == 1) {
		code = DhcpCreateClientInfoV4(server, (const DHCP_CLIENT_INFO_V4 *)(const void *)&info);
	} else {
		code = DhcpCreateClientInfoVQ(server, (const DHCP_CLIENT_INFO_VQ *)(const void *)&info);
	}
	expect(code, model_code(good ? model_create(&model, &lease, ERROR_INVALID_PARAMETER, ERROR_DHCP_JET_ERROR)
				     : ERROR_INVALID_PARAMETER));
}

static void
call_set(void) {
	DHCP_CLIENT_INFO_EX info;
	model_lease_t lease;
	DWORD code;
	const unsigned version = below(3);
	bool good = pick_lease(&info, &lease, NAME_UNITS);
	const bool quarantine = version == 2;
	lease.status = once_in(16) ? 7 : below(7);
	info.Status = (QuarantineStatus)lease.status;
	lease.probation = pick_time();
	info.ProbationEnds = date(lease.probation);
	info.QuarantineCapable = (BOOL)below(2);
	lease.capable = info.QuarantineCapable != FALSE;
	good = good && (!quarantine || lease.status < 7);
	if (version == 0) {
		code = DhcpSetClientInfo(NULL, (const DHCP_CLIENT_INFO *)(const void *)&info);
	} else if (version == 1) {
		code = DhcpSetClientInfoV4(NULL, (const DHCP_CLIENT_INFO_V4 *)(const void *)&info);
	} else {
		code = DhcpSetClientInfoVQ(NULL, (const DHCP_CLIENT_INFO_VQ *)(const void *)&info);
	}
	if (good && lease.address == 0) {
		expect(code, (model_codes_t){ERROR_INVALID_PARAMETER, ERROR_DHCP_JET_ERROR});
		return;
	}
	expect(code, model_code(good ? model_set(&model, &lease, quarantine) : ERROR_INVALID_PARAMETER));
}

/* ---- searches ---- */

/* A unique ID, right or wrong; 'bad': one that cannot be. */
static model_lease_t *
pick_key(DHCP_CLIENT_UID *uid, bool *bad) {
	BYTE key[5 + MODEL_ID_BYTES + 1];
	model_id_t id;
	DWORD subnet = pick_subnet();
	(void)pick_id(&id, bad);
	if (model.lease_count != 0 && once_in(2)) {
		const model_lease_t *lease = &model.leases[take() % model.lease_count];
		subnet = model_scope_of(&model, lease->address)->subnet;
		id = lease->id;
	}
	for (unsigned i = 0; i < 4; i++) {
		key[i] = (BYTE)(subnet >> (8 * i));
	}
	key[4] = once_in(16) ? take() : 1;
	memcpy(key + 5, id.data, id.length);
	uid->DataLength = id.length + 5;
	*bad = *bad || once_in(32);
	if (*bad) {
		const DWORD lies[] = {0, 261, 0x80000000u, 0xFFFFFFFFu};
		uid->DataLength = lies[below(4)];
		uid->Data = guarded(key, 1);
		return NULL;
	}
	if (once_in(16)) {
		uid->DataLength = 1 + below(5);
	}
	uid->Data = guarded(key, uid->DataLength);
	return model_find_key(&model, key, uid->DataLength);
}

/* A search, what it finds, and the codes that it gives before anything is looked for. */
static model_lease_t *
pick_search(DHCP_SEARCH_INFO *search, bool *bad) {
	flaw_t flaw = FLAW_NONE;
	const uint8_t choice = take();
	memset(search, 0, sizeof(*search));
	*bad = false;
	if (choice < 120) {
		search->SearchType = DhcpClientIpAddress;
		search->SearchInfo.ClientIpAddress = pick_address();
		return model_lease_at(&model, search->SearchInfo.ClientIpAddress);
	}
	if (choice < 190) {
		search->SearchType = DhcpClientHardwareAddress;
		return pick_key(&search->SearchInfo.ClientHardwareAddress, bad);
	}
	if (choice < 250) {
		search->SearchType = DhcpClientName;
		search->SearchInfo.ClientName = pick_text(NAME_UNITS, &flaw);
		*bad = flaw != FLAW_NONE || search->SearchInfo.ClientName == NULL;
		return *bad ? NULL : model_find_name(&model, search->SearchInfo.ClientName);
	}
	search->SearchType = (DHCP_SEARCH_INFO_TYPE)(3 + take());
	*bad = true;
	return NULL;
}

static DWORD
get(unsigned version, const DHCP_SEARCH_INFO *search, void **found) {
	LPDHCP_CLIENT_INFO info = NULL;
	LPDHCP_CLIENT_INFO_V4 v4 = NULL;
	LPDHCP_CLIENT_INFO_VQ vq = NULL;
	LPDHCP_CLIENT_INFO_PB pb = NULL;
	LPDHCP_CLIENT_INFO_EX ex = NULL;
	DWORD code;
	switch (version) {
	case 0:
		code = DhcpGetClientInfo(NULL, search, &info);
		*found = info;
		return code;
	case 1:
		code = DhcpGetClientInfoV4(NULL, search, &v4);
		*found = v4;
		return code;
	case 2:
		code = DhcpGetClientInfoVQ(NULL, search, &vq);
		*found = vq;
		return code;
	case 3:
		code = DhcpV4GetClientInfo(NULL, search, &pb);
		*found = pb;
		return code;
	default:
		code = DhcpV4GetClientInfoEx(NULL, search, &ex);
		*found = ex;
		return code;
	}
}

static void
call_get(void) {
	const level_t levels[] = {INFO, V4, VQ, PB, EX};
	const unsigned version = below(5);
	DHCP_SEARCH_INFO search;
	bool bad;
	void *found = NULL;
	const model_lease_t *lease = pick_search(&search, &bad);
	const DWORD missing = version < 3 ? ERROR_DHCP_JET_ERROR : ERROR_DHCP_INVALID_DHCP_CLIENT;
	const DWORD code = get(version, &search, &found);
	expect(code, model_code(bad ? ERROR_INVALID_PARAMETER : lease == NULL ? missing : ERROR_SUCCESS));
	REQUIRE((code == ERROR_SUCCESS) == (found != NULL));
	if (found != NULL) {
		check_lease(found, levels[version], lease);
	}
	DhcpRpcFreeMemory(found);
}

static void
call_delete(void) {
	DHCP_SEARCH_INFO search;
	bool bad;
	const model_lease_t *lease = pick_search(&search, &bad);
	const DWORD code = DhcpDeleteClientInfo(NULL, &search);
	expect(code, model_code(bad             ? ERROR_INVALID_PARAMETER
				: lease == NULL ? ERROR_DHCP_JET_ERROR
						: model_delete(&model, lease->address)));
}

/* ---- enumerations of leases ---- */

typedef struct page {
	DWORD code;
	void *memory;
	DWORD count;
	void *const *records;
	DWORD read;
	DWORD total;
	level_t level;
	bool lenient; /* an empty scope is success */
} page_t;

#define ENUMERATE(number, version, forgiving, call, ARRAY)                                                             \
	case number: {                                                                                                 \
		ARRAY *array = NULL;                                                                                   \
		page->code = call(NULL, subnet, handle, preferred, &array, &page->read, &page->total);                 \
		page->memory = array;                                                                                  \
		page->count = array == NULL ? 0 : array->NumElements;                                                  \
		page->records = array == NULL ? NULL : (void *const *)(void *)array->Clients;                          \
		page->level = version;                                                                                 \
		page->lenient = forgiving;                                                                             \
		break;                                                                                                 \
	}

static void
enumerate(unsigned version, DWORD subnet, DWORD *handle, DWORD preferred, page_t *page) {
	page->read = page->total = 12345;
	switch (version) {
		ENUMERATE(0, INFO, true, DhcpEnumSubnetClients, DHCP_CLIENT_INFO_ARRAY)
		ENUMERATE(1, V4, true, DhcpEnumSubnetClientsV4, DHCP_CLIENT_INFO_ARRAY_V4)
		ENUMERATE(2, VQ, true, DhcpEnumSubnetClientsVQ, DHCP_CLIENT_INFO_ARRAY_VQ)
		ENUMERATE(3, V5, false, DhcpEnumSubnetClientsV5, DHCP_CLIENT_INFO_ARRAY_V5)
		ENUMERATE(4, FILTER, true, DhcpEnumSubnetClientsFilterStatusInfo, DHCP_CLIENT_FILTER_STATUS_INFO_ARRAY)
		ENUMERATE(5, PB, false, DhcpV4EnumSubnetClients, DHCP_CLIENT_INFO_PB_ARRAY)
	default:
		ENUMERATE(6, EX, false, DhcpV4EnumSubnetClientsEx, DHCP_CLIENT_INFO_EX_ARRAY)
	}
}

/* The leases of a subnet (0: all) behind an address; their number. */
static size_t
leases_behind(DWORD subnet, DWORD behind, bool from_start, const model_lease_t *found[MODEL_LEASES]) {
	size_t count = 0;
	for (size_t i = 0; i < model.lease_count; i++) {
		const model_lease_t *lease = &model.leases[i];
		if ((subnet == 0 || model_scope_of(&model, lease->address)->subnet == subnet) &&
		    (from_start || lease->address > behind)) {
			found[count++] = lease;
		}
	}
	return count;
}

static DWORD
enumeration_code(const page_t *page, DWORD start, size_t count) {
	if (start != 0 && model_lease_at(&model, start) == NULL) {
		return ERROR_DHCP_JET_ERROR;
	}
	if (count == 0) {
		return start == 0 && model.lease_count != 0 && page->lenient ? ERROR_SUCCESS : ERROR_NO_MORE_ITEMS;
	}
	return page->code == ERROR_MORE_DATA ? ERROR_MORE_DATA : ERROR_SUCCESS;
}

static void
check_page(const page_t *page, DWORD start, DWORD handle, DWORD preferred, const model_lease_t *const *wanted,
	   size_t count) {
	const bool more = page->code == ERROR_MORE_DATA;
	REQUIRE(page->memory != NULL && page->count == page->read);
	REQUIRE(more ? page->read > 0 && page->read < count : page->read == count);
	REQUIRE(!more || preferred != EVERYTHING);
	REQUIRE(page->total == (more ? count - page->read : count));
	for (DWORD i = 0; i < page->count; i++) {
		check_lease(page->records[i], page->level, wanted[i]);
	}
	REQUIRE(handle == (more ? wanted[page->count - 1]->address : 0));
	(void)start;
}

static DWORD remembered; /* a handle that was one some time ago */

static void
call_enumerate(void) {
	const model_lease_t *wanted[MODEL_LEASES];
	const DWORD sizes[] = {0, 1, 1024, 1500, 65536, EVERYTHING, 0x80000000u, 1024};
	const unsigned version = below(7);
	const DWORD subnet = once_in(4) ? 0 : pick_subnet();
	const DWORD start = once_in(3) ? pick_address() : once_in(2) ? remembered : 0;
	const DWORD preferred = sizes[below(8)];
	DWORD handle = start;
	page_t page;
	memset(&page, 0, sizeof(page));
	const size_t count = leases_behind(subnet, start, start == 0, wanted);
	enumerate(version, subnet, &handle, preferred, &page);
	expect(page.code, model_code(enumeration_code(&page, start, count)));
	if (page.code == ERROR_SUCCESS || page.code == ERROR_MORE_DATA) {
		check_page(&page, start, handle, preferred, wanted, count);
		remembered = handle;
	} else {
		REQUIRE(page.memory == NULL && page.read == 0 && page.total == 0 && handle == start);
	}
	DhcpRpcFreeMemory(page.memory);
}

/* ---- free addresses ---- */

static void
call_free(void) {
	static DWORD wanted_addresses[DHCP_MAX_FREE_ADDRESSES_REQUESTED];
	const DWORD numbers[] = {0, 1, 2, 5, 17, 1024, 1025, EVERYTHING};
	const DWORD subnet = once_in(16) ? 0 : pick_subnet();
	const model_scope_t *scope = model_scope_get(&model, subnet);
	const bool inside = scope != NULL && scope->has_range && !once_in(8);
	const DWORD size = inside ? scope->range.last - scope->range.first + 1 : 1;
	const DWORD start = once_in(2) ? inside ? scope->range.first + take() % size : pick_address() : 0;
	const DWORD end = once_in(2) ? inside ? scope->range.last - take() % size : pick_address() : 0;
	const DWORD wanted = numbers[once_in(4) ? below(8) : below(3)];
	DWORD count = 0;
	LPDHCP_IP_ARRAY list = NULL;
	DWORD expected;
	const DWORD code = DhcpV4GetFreeIPAddress(NULL, subnet, start, end, wanted, &list);
	if (subnet == 0 || wanted > DHCP_MAX_FREE_ADDRESSES_REQUESTED ||
	    (start != 0 && end != 0 && (start > end || (uint64_t)end - start + 1 < wanted))) {
		expected = ERROR_INVALID_PARAMETER;
	} else {
		expected = model_free(&model, subnet, start, end, wanted, wanted_addresses, &count);
	}
	expect(code, model_code(expected));
	if (code == ERROR_SUCCESS || code == ERROR_DHCP_REACHED_END_OF_SELECTION) {
		REQUIRE(list != NULL && list->NumElements == count);
		REQUIRE(count == 0 || memcmp(list->Elements, wanted_addresses, count * sizeof(DWORD)) == 0);
	} else {
		REQUIRE(list == NULL);
	}
	DhcpRpcFreeMemory(list);
}

/* ---- scopes ---- */

static bool
is_contiguous(DWORD mask) {
	return mask != 0 && (~mask & (~mask + 1)) == 0;
}

/* What a structure for a scope says, and the codes for what is wrong with it. True: nothing is. */
static bool
pick_scope(DWORD argument, DHCP_SUBNET_INFO_VQ *info, model_scope_t *scope, model_codes_t *codes) {
	const DWORD masks[] = {0xFFFFFFF0u, 0xFFFFFFF0u, 0xFFFFFFE0u, 0xFFFFFFC0u,
			       0xFFFFFF80u, 0xFFFFFFFFu, 0,           0xFFFF00FFu};
	flaw_t name_flaw;
	flaw_t comment_flaw;
	memset(info, 0, sizeof(*info));
	memset(scope, 0, sizeof(*scope));
	scope->subnet = info->SubnetAddress = once_in(32) ? pick_subnet() : argument;
	scope->mask = info->SubnetMask = masks[once_in(8) ? below(8) : below(4)];
	scope->state = once_in(16) ? 5u + take() : below(5);
	info->SubnetState = (DHCP_SUBNET_STATE)scope->state;
	scope->name = info->SubnetName = pick_text(SCOPE_UNITS, &name_flaw);
	scope->comment = info->SubnetComment = pick_text(NAME_UNITS, &comment_flaw);
	const bool bad = argument == 0 || scope->subnet != argument || (scope->subnet & scope->mask) != scope->subnet ||
			 !is_contiguous(scope->mask) || scope->state > 4 || name_flaw == FLAW_BROKEN ||
			 comment_flaw != FLAW_NONE;
	codes->one = bad ? ERROR_INVALID_PARAMETER : ERROR_DHCP_SCOPE_NAME_TOO_LONG;
	codes->other = name_flaw == FLAW_LONG ? ERROR_DHCP_SCOPE_NAME_TOO_LONG : ERROR_INVALID_PARAMETER;
	return !bad && name_flaw == FLAW_NONE;
}

static void
call_scope_create(void) {
	const DWORD argument = pick_new_subnet();
	const bool vq = below(2) == 1;
	DHCP_SUBNET_INFO_VQ info;
	model_scope_t scope;
	model_codes_t codes;
	if (model.scope_count == MODEL_SCOPES) {
		return;
	}
	const bool good = pick_scope(argument, &info, &scope, &codes);
	const DWORD code = vq ? DhcpCreateSubnetVQ(NULL, argument, &info)
			      : DhcpCreateSubnet(NULL, argument, (const DHCP_SUBNET_INFO *)(const void *)&info);
	expect(code, good ? model_code(model_scope_create(&model, &scope)) : codes);
}

static void
call_scope_set(void) {
	const DWORD argument = pick_subnet();
	const bool vq = below(2) == 1;
	DHCP_SUBNET_INFO_VQ info;
	model_scope_t scope;
	model_codes_t codes;
	const bool good = pick_scope(argument, &info, &scope, &codes);
	const DWORD code = vq ? DhcpSetSubnetInfoVQ(NULL, argument, &info)
			      : DhcpSetSubnetInfo(NULL, argument, (const DHCP_SUBNET_INFO *)(const void *)&info);
	/* The steps ask for the scope after its address and mask; what they do not ask for may come before or behind. */
	if (!good && code == ERROR_DHCP_SUBNET_NOT_PRESENT && model_scope_get(&model, argument) == NULL &&
	    scope.subnet == argument && (scope.subnet & scope.mask) == argument) {
		return;
	}
	expect(code, good ? model_code(model_scope_set(&model, &scope)) : codes);
}

static void
call_scope_delete(void) {
	const DWORD subnet = pick_subnet();
	const unsigned flag = once_in(16) ? 3u + take() : below(3);
	const DWORD code = DhcpDeleteSubnet(NULL, subnet, (DHCP_FORCE_FLAG)flag);
	expect(code, model_code(flag > 2 ? ERROR_INVALID_PARAMETER
					 : model_scope_delete(&model, subnet, flag != DhcpNoForce)));
}

static void
call_delay(void) {
	const DWORD subnet = pick_subnet();
	const USHORT delay = (USHORT)(once_in(4) ? 1000 + below(2) : below(200));
	model_scope_t *scope = model_scope_get(&model, subnet);
	USHORT got = 0;
	expect(DhcpSetSubnetDelayOffer(NULL, subnet, delay), model_code(delay > 1000    ? ERROR_DHCP_INVALID_DELAY
									: scope == NULL ? ERROR_DHCP_SUBNET_NOT_PRESENT
											: ERROR_SUCCESS));
	if (scope != NULL) {
		scope->delay = delay > 1000 ? scope->delay : delay;
		expect(DhcpGetSubnetDelayOffer(NULL, subnet, &got), model_code(ERROR_SUCCESS));
		REQUIRE(got == scope->delay);
	}
}

static void
call_scope_get(void) {
	const DWORD subnet = pick_subnet();
	const model_scope_t *scope = model_scope_get(&model, subnet);
	LPDHCP_SUBNET_INFO info = NULL;
	expect(DhcpGetSubnetInfo(NULL, subnet, &info),
	       model_code(scope == NULL ? ERROR_DHCP_SUBNET_NOT_PRESENT : ERROR_SUCCESS));
	REQUIRE((scope == NULL) == (info == NULL));
	if (info != NULL) {
		REQUIRE(info->SubnetAddress == subnet && info->SubnetMask == scope->mask);
		REQUIRE((DWORD)info->SubnetState == scope->state);
		REQUIRE(same_text(info->SubnetName, scope->name) && same_text(info->SubnetComment, scope->comment));
	}
	DhcpRpcFreeMemory(info);
}

static void
call_scope_list(void) {
	const DWORD start = once_in(4) ? take() : below(4);
	const DWORD preferred = once_in(4) ? EVERYTHING : below(4);
	DWORD handle = start;
	DWORD read = 77;
	DWORD total = 77;
	LPDHCP_IP_ARRAY array = NULL;
	const size_t left = start < model.scope_count ? model.scope_count - start : 0;
	const size_t count = preferred < left ? preferred : left;
	expect(DhcpEnumSubnets(NULL, &handle, preferred, &array, &read, &total),
	       model_code(count == 0 ? ERROR_NO_MORE_ITEMS : ERROR_SUCCESS));
	REQUIRE(read == count && handle == start + count && (array != NULL) == (count != 0));
	for (size_t i = 0; i < count; i++) {
		REQUIRE(array->Elements[i] == model.scopes[start + i].subnet);
	}
	REQUIRE(total == (count == 0 ? 0 : left - count));
	DhcpRpcFreeMemory(array);
}

/* ---- elements ---- */

/* An element of each generation; the arms differ in a few members. */
typedef struct element {
	unsigned generation; /* 1, 4 or 5 */
	unsigned type;
	bool arm; /* there is one */
	model_range_t range;
	model_reservation_t reservation;
	bool id_flawed;
	bool id_missing;
	DHCP_CLIENT_UID uid;
	DHCP_BOOTP_IP_RANGE wide_range;
	DHCP_IP_RANGE narrow_range;
	DHCP_IP_RESERVATION_V4 reserved;
	void *pointer;
} element_t;

static void
pick_element(element_t *element, DWORD subnet, const model_scope_t *scope) {
	const unsigned generations[] = {1, 4, 5};
	memset(element, 0, sizeof(*element));
	element->generation = generations[below(3)];
	element->type = once_in(16) ? take() : (const unsigned[]){0, 2, 3, 2, 3, 5, 6, 7}[below(8)];
	element->arm = !once_in(32);
	element->range.first = once_in(16) ? pick_address() : subnet + below(16);
	element->range.last = once_in(16) ? pick_address() : element->range.first + below(12);
	if (scope != NULL && scope->has_range && once_in(2)) {
		element->range.first = scope->range.first - below(3) + below(3);
		element->range.last = scope->range.last - below(3) + below(3);
	}
	element->reservation.address = once_in(16) ? pick_address() : subnet + below(16);
	element->uid = pick_id(&element->reservation.id, &element->id_flawed);
	element->id_missing = element->uid.DataLength == 0 || element->uid.Data == NULL || once_in(32);
	element->reservation.types = (BYTE)(once_in(16) ? take() : 1 + below(3));
}

/* The arm of the element, at the end of a page. */
static void
point(element_t *element) {
	element->wide_range.StartAddress = element->narrow_range.StartAddress = element->range.first;
	element->wide_range.EndAddress = element->narrow_range.EndAddress = element->range.last;
	element->reserved.ReservedIpAddress = element->reservation.address;
	element->reserved.ReservedForClient =
		element->id_missing && element->uid.DataLength != 0 ? NULL : &element->uid;
	element->reserved.bAllowedClientTypes = element->reservation.types;
	if (!element->arm) {
		element->pointer = NULL;
	} else if (element->type == DhcpReservedIps) {
		element->pointer = guarded(&element->reserved, element->generation == 1 ? sizeof(DHCP_IP_RESERVATION)
											: sizeof(element->reserved));
	} else if (element->generation == 5 && element->type != DhcpExcludedIpRanges) {
		element->pointer = guarded(&element->wide_range, sizeof(element->wide_range));
	} else {
		element->pointer = guarded(&element->narrow_range, sizeof(element->narrow_range));
	}
}

static DWORD
add(DWORD subnet, const element_t *element) {
	/* The structures of the generations differ in the types of the pointers alone. */
	DHCP_SUBNET_ELEMENT_DATA data;
	DHCP_SUBNET_ELEMENT_DATA_V4 data_v4;
	DHCP_SUBNET_ELEMENT_DATA_V5 data_v5;
	const DHCP_SUBNET_ELEMENT_TYPE type = (DHCP_SUBNET_ELEMENT_TYPE)element->type;
	if (element->generation == 1) {
		data.ElementType = type;
		data.Element.IpRange = element->pointer;
		return DhcpAddSubnetElement(NULL, subnet, &data);
	}
	if (element->generation == 4) {
		data_v4.ElementType = type;
		data_v4.Element.IpRange = element->pointer;
		return DhcpAddSubnetElementV4(NULL, subnet, &data_v4);
	}
	data_v5.ElementType = type;
	data_v5.Element.IpRange = element->pointer;
	return DhcpAddSubnetElementV5(NULL, subnet, &data_v5);
}

static DWORD
drop(DWORD subnet, const element_t *element, unsigned flag) {
	DHCP_SUBNET_ELEMENT_DATA data;
	DHCP_SUBNET_ELEMENT_DATA_V4 data_v4;
	DHCP_SUBNET_ELEMENT_DATA_V5 data_v5;
	const DHCP_SUBNET_ELEMENT_TYPE type = (DHCP_SUBNET_ELEMENT_TYPE)element->type;
	const DHCP_FORCE_FLAG force = (DHCP_FORCE_FLAG)flag;
	if (element->generation == 1) {
		data.ElementType = type;
		data.Element.IpRange = element->pointer;
		return DhcpRemoveSubnetElement(NULL, subnet, &data, force);
	}
	if (element->generation == 4) {
		data_v4.ElementType = type;
		data_v4.Element.IpRange = element->pointer;
		return DhcpRemoveSubnetElementV4(NULL, subnet, &data_v4, force);
	}
	data_v5.ElementType = type;
	data_v5.Element.IpRange = element->pointer;
	return DhcpRemoveSubnetElementV5(NULL, subnet, &data_v5, force);
}

/* The code for what is wrong with the element before its arm is looked at; success: nothing. */
static DWORD
element_code(const element_t *element, const model_scope_t *scope) {
	if (scope == NULL) {
		return ERROR_DHCP_SUBNET_NOT_PRESENT;
	}
	if (element->type == DhcpSecondaryHosts) {
		return ERROR_CALL_NOT_IMPLEMENTED;
	}
	return element->type == DhcpIpUsedClusters || element->type > 7 || !element->arm ? ERROR_INVALID_PARAMETER
											 : ERROR_SUCCESS;
}

/* A new range is not of the model's own accord: the answer decides where two are right. */
static void
add_range(model_scope_t *scope, const element_t *element, DWORD code) {
	expect(code, model_range_add(&model, scope, element->generation, element->type, element->range));
	if (code == ERROR_SUCCESS) {
		scope->has_range = true;
		scope->range = element->range;
	}
}

static void
add_reservation(model_scope_t *scope, element_t *element, DWORD code) {
	if (element->generation == 1) {
		element->reservation.types = CLIENT_TYPE_BOTH;
	}
	const bool bad = element->id_flawed || element->id_missing || element->reservation.types == 0 ||
			 element->reservation.types > CLIENT_TYPE_BOTH;
	expect(code, model_code(bad ? ERROR_INVALID_PARAMETER : model_reserve(&model, scope, &element->reservation)));
}

static void
call_element_add(void) {
	const DWORD subnet = pick_subnet();
	model_scope_t *scope = model_scope_get(&model, subnet);
	element_t element;
	pick_element(&element, subnet, scope);
	point(&element);
	if (scope != NULL && scope->exclusion_count >= MODEL_EXCLUSIONS - 1 && element.type == DhcpExcludedIpRanges) {
		return;
	}
	const DWORD early = element_code(&element, scope);
	const DWORD code = add(subnet, &element);
	if (early != ERROR_SUCCESS) {
		expect(code, model_code(early));
	} else if (element.type == DhcpReservedIps) {
		add_reservation(scope, &element, code);
	} else if (element.type == DhcpExcludedIpRanges) {
		expect(code, model_code(model_exclude(scope, element.range)));
	} else {
		add_range(scope, &element, code);
	}
}

static DWORD
remove_reservation(model_scope_t *scope, const element_t *element) {
	const bool over = element->reserved.ReservedForClient != NULL && element->uid.Data != NULL &&
			  element->uid.DataLength > MODEL_ID_BYTES;
	if (over) {
		return ERROR_INVALID_PARAMETER;
	}
	return model_unreserve(&model, scope, element->reservation.address,
			       element->id_missing ? NULL : &element->reservation.id);
}

static void
call_element_remove(void) {
	const DWORD subnet = pick_subnet();
	const unsigned flag = once_in(16) ? 2u + take() : below(2);
	model_scope_t *scope = model_scope_get(&model, subnet);
	element_t element;
	pick_element(&element, subnet, scope);
	if (scope != NULL && scope->exclusion_count != 0 && element.type == DhcpExcludedIpRanges && once_in(2)) {
		element.range = scope->exclusions[below((unsigned)scope->exclusion_count)];
	} else if (scope != NULL && scope->reservation_count != 0 && once_in(2)) {
		element.reservation = scope->reservations[below((unsigned)scope->reservation_count)];
		element.uid.DataLength = element.reservation.id.length;
		element.uid.Data = guarded(element.reservation.id.data, element.reservation.id.length);
		element.id_missing = element.id_flawed = false;
	} else if (scope != NULL && scope->has_range) {
		element.range = scope->range;
	}
	point(&element);
	const DWORD early = flag > 1 ? ERROR_INVALID_PARAMETER : element_code(&element, scope);
	if (early == ERROR_SUCCESS && element.type == DhcpReservedIps && element.uid.Data == NULL &&
	    element.uid.DataLength != 0) {
		return; /* a length without bytes: "empty" and "too long" are both true of it */
	}
	const DWORD code = drop(subnet, &element, flag);
	if (early != ERROR_SUCCESS) {
		expect(code, flag > 1 && element_code(&element, scope) != ERROR_SUCCESS
				     ? (model_codes_t){early, element_code(&element, scope)}
				     : model_code(early));
	} else if (element.type == DhcpReservedIps) {
		expect(code, model_code(remove_reservation(scope, &element)));
	} else if (element.type == DhcpExcludedIpRanges) {
		expect(code, model_code(model_include(scope, element.range)));
	} else {
		expect(code, model_code(model_range_remove(&model, scope, element.range, flag == DhcpFullForce)));
	}
}

/* ---- enumerations of elements ---- */

static void
check_element(const DHCP_SUBNET_ELEMENT_DATA_V5 *got, const model_scope_t *scope, size_t i) {
	if (got->ElementType == DhcpReservedIps) {
		const model_reservation_t *wanted = &scope->reservations[i];
		REQUIRE(got->Element.ReservedIp->ReservedIpAddress == wanted->address);
		REQUIRE(got->Element.ReservedIp->bAllowedClientTypes == wanted->types);
		REQUIRE(got->Element.ReservedIp->ReservedForClient->DataLength == wanted->id.length);
		REQUIRE(memcmp(got->Element.ReservedIp->ReservedForClient->Data, wanted->id.data, wanted->id.length) ==
			0);
	} else if (got->ElementType == DhcpExcludedIpRanges) {
		REQUIRE(got->Element.ExcludeIpRange->StartAddress == scope->exclusions[i].first);
		REQUIRE(got->Element.ExcludeIpRange->EndAddress == scope->exclusions[i].last);
	} else {
		REQUIRE(got->Element.IpRange->StartAddress == scope->range.first);
		REQUIRE(got->Element.IpRange->EndAddress == scope->range.last);
	}
}

static DWORD
list_code(unsigned type, const model_scope_t *scope, size_t left, DWORD preferred) {
	if (type == DhcpSecondaryHosts) {
		return ERROR_NOT_SUPPORTED;
	}
	if (type != DhcpIpRanges && type != DhcpReservedIps && type != DhcpExcludedIpRanges &&
	    type != DhcpIpRangesDhcpBootp) {
		return ERROR_INVALID_PARAMETER;
	}
	if (scope == NULL) {
		return ERROR_DHCP_SUBNET_NOT_PRESENT;
	}
	if (left == 0) {
		return ERROR_NO_MORE_ITEMS;
	}
	if (preferred == 0) {
		return type == DhcpIpRanges || type == DhcpIpRangesDhcpBootp ? ERROR_NO_MORE_ITEMS : ERROR_MORE_DATA;
	}
	return ERROR_SUCCESS;
}

static void
call_element_list(void) {
	const DWORD subnet = pick_subnet();
	const unsigned type = once_in(8) ? take() : (const unsigned[]){0, 2, 3, 6}[below(4)];
	const DWORD start = once_in(4) ? take() % 8 : 0;
	const DWORD preferred = once_in(4) ? below(3) * 40u : EVERYTHING;
	const model_scope_t *scope = model_scope_get(&model, subnet);
	const size_t all = scope == NULL                  ? 0
			   : type == DhcpReservedIps      ? scope->reservation_count
			   : type == DhcpExcludedIpRanges ? scope->exclusion_count
							  : scope->has_range;
	const size_t left = start < all ? all - start : 0;
	DWORD handle = start;
	DWORD read = 77;
	DWORD total = 77;
	LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V5 array = NULL;
	const DWORD wanted = list_code(type, scope, left, preferred);
	const DWORD code = DhcpEnumSubnetElementsV5(NULL, subnet, (DHCP_SUBNET_ELEMENT_TYPE)type, &handle, preferred,
						    &array, &read, &total);
	expect(code,
	       (model_codes_t){wanted, wanted == ERROR_SUCCESS && preferred != EVERYTHING ? ERROR_MORE_DATA : wanted});
	REQUIRE(handle == start + read);
	REQUIRE(code != ERROR_SUCCESS || read == left);
	REQUIRE(code != ERROR_MORE_DATA || (read < left && total == left - read));
	for (DWORD i = 0; i < read; i++) {
		check_element(&array->Elements[i], scope, start + i);
	}
	DhcpRpcFreeMemory(array);
}

static void
call_reservation_list(void) {
	const DWORD subnet = once_in(16) ? 0 : pick_subnet();
	const DWORD start = once_in(4) ? take() % 8 : 0;
	const DWORD preferred = once_in(4) ? below(3) * 90u : EVERYTHING;
	model_scope_t *scope = model_scope_get(&model, subnet);
	const size_t left = scope == NULL || start >= scope->reservation_count ? 0 : scope->reservation_count - start;
	DWORD handle = start;
	DWORD read = 77;
	DWORD total = 77;
	LPDHCP_RESERVATION_INFO_ARRAY array = NULL;
	const DWORD wanted = subnet == 0     ? ERROR_INVALID_PARAMETER
			     : scope == NULL ? ERROR_DHCP_SUBNET_NOT_PRESENT
			     : left == 0     ? ERROR_NO_MORE_ITEMS
					     : ERROR_SUCCESS;
	const DWORD code = DhcpV4EnumSubnetReservations(NULL, subnet, &handle, preferred, &array, &read, &total);
	expect(code,
	       (model_codes_t){wanted, wanted == ERROR_SUCCESS && preferred != EVERYTHING ? ERROR_MORE_DATA : wanted});
	REQUIRE(handle == start + read);
	REQUIRE(code != ERROR_SUCCESS || read == left);
	for (DWORD i = 0; i < read; i++) {
		const model_reservation_t *reservation = &scope->reservations[start + i];
		const model_lease_t *lease = model_lease_at(&model, reservation->address);
		const DHCP_IP_RESERVATION_INFO *got = array->Elements[i];
		REQUIRE(got->ReservedIpAddress == reservation->address && got->fOptionsPresent == 0);
		REQUIRE(got->bAllowedClientTypes == reservation->types);
		REQUIRE(same_text(got->ReservedClientName, lease == NULL ? NULL : lease->name));
		REQUIRE(same_text(got->ReservedClientDesc, lease == NULL ? NULL : lease->comment));
	}
	DhcpRpcFreeMemory(array);
}

/* ---- superscopes ---- */

static void
call_join(void) {
	const DWORD subnet = pick_subnet();
	const bool change = below(2) == 1;
	flaw_t flaw;
	LPWSTR name = pick_text(SCOPE_UNITS, &flaw);
	const bool bad = flaw == FLAW_BROKEN || (name != NULL && *name == 0);
	if (model.superscope_count == MODEL_SCOPES * 4) {
		return;
	}
	const DWORD missing = model_scope_get(&model, subnet) == NULL ? ERROR_DHCP_SUBNET_NOT_PRESENT : ERROR_SUCCESS;
	const DWORD code = DhcpSetSuperScopeV4(NULL, subnet, name, change ? 7 : FALSE);
	if (bad || flaw == FLAW_LONG) {
		const DWORD wanted = bad ? ERROR_INVALID_PARAMETER : ERROR_DHCP_SUPER_SCOPE_NAME_TOO_LONG;
		expect(code, (model_codes_t){wanted, missing != ERROR_SUCCESS ? missing : wanted});
		return;
	}
	expect(code, model_code(model_join(&model, subnet, name, change)));
}

static void
call_dissolve(void) {
	flaw_t flaw;
	LPWSTR name = pick_text(SCOPE_UNITS, &flaw);
	const bool bad = flaw == FLAW_BROKEN || name == NULL || *name == 0;
	const DWORD code = DhcpDeleteSuperScopeV4(NULL, name);
	if (flaw == FLAW_LONG) {
		expect(code, (model_codes_t){ERROR_DHCP_SUBNET_NOT_PRESENT, ERROR_INVALID_PARAMETER});
		return;
	}
	expect(code, model_code(bad ? ERROR_INVALID_PARAMETER : model_dissolve(&model, name)));
}

/* ---- what the model does not know: there they must only survive ---- */

static void
call_filter(void) {
	DHCP_FILTER_ADD_INFO info;
	DHCP_ADDR_PATTERN handle;
	LPDHCP_FILTER_ENUM_INFO page = NULL;
	DWORD read = 0;
	DWORD total = 0;
	flaw_t flaw;
	memset(&info, 0, sizeof(info));
	info.AddrPatt.MatchHWType = !once_in(16);
	info.AddrPatt.HWType = (BYTE)(once_in(8) ? take() : 1);
	info.AddrPatt.IsWildcard = (BOOL)below(2);
	info.AddrPatt.Length = (BYTE)(once_in(8) ? take() : info.AddrPatt.IsWildcard ? 1 + below(5) : 6);
	memset(info.AddrPatt.Pattern, 0xA0 + (int)below(4), sizeof(info.AddrPatt.Pattern));
	handle = info.AddrPatt;
	info.Comment = pick_text(COMMENT_UNITS, &flaw);
	info.ListType = (DHCP_FILTER_LIST_TYPE)(once_in(16) ? take() : below(2));
	const unsigned what = below(4);
	if (what < 2) {
		(void)DhcpAddFilterV4(NULL, &info, (BOOL)below(2));
	} else if (what == 2) {
		(void)DhcpDeleteFilterV4(NULL, &info.AddrPatt);
	}
	const DWORD code =
		DhcpEnumFilterV4(NULL, &handle, once_in(2) ? 0 : EVERYTHING, info.ListType, &page, &read, &total);
	REQUIRE((code == ERROR_SUCCESS || code == ERROR_MORE_DATA) == (page != NULL));
	DhcpRpcFreeMemory(page);
}

/* A DUID may have 256 bytes, so this is no lie about one. */
static DHCP_CLIENT_UID
pick_duid(void) {
	model_id_t id;
	bool flawed;
	DHCP_CLIENT_UID uid = pick_id(&id, &flawed);
	uid.DataLength += uid.DataLength == 256;
	return uid;
}

static DHCP_IPV6_ADDRESS
pick_address6(void) {
	const ULONGLONG highs[] = {0x20010DB800000000u, 0x20010DB800000001u, 0, 0xFE80000000000000u, UINT64_MAX};
	const DHCP_IPV6_ADDRESS address = {highs[once_in(8) ? below(5) : 0], once_in(16) ? UINT64_MAX : below(16)};
	return address;
}

static void
call_scope6(void) {
	const DHCP_IPV6_ADDRESS address = pick_address6();
	DHCP_SUBNET_INFO_V6 info;
	DHCP_IP_RANGE_V6 range = {pick_address6(), pick_address6()};
	DHCP_IP_RESERVATION_V6 reservation;
	DHCP_SUBNET_ELEMENT_DATA_V6 element;
	DHCP_CLIENT_UID uid;
	flaw_t flaw;
	memset(&info, 0, sizeof(info));
	info.SubnetAddress = address;
	info.SubnetName = pick_text(SCOPE_UNITS, &flaw);
	info.State = take();
	uid = pick_duid();
	reservation.ReservedIpAddress = pick_address6();
	reservation.ReservedForClient = once_in(16) ? NULL : &uid;
	reservation.InterfaceId = below(3);
	element.ElementType = (DHCP_SUBNET_ELEMENT_TYPE_V6)(once_in(16) ? take() : below(3));
	if (element.ElementType == Dhcpv6ReservedIps) {
		element.Element.ReservedIp = &reservation;
	} else {
		element.Element.IpRange = once_in(32) ? NULL : &range;
	}
	switch (below(5)) {
	case 0:
		info.State = below(2);
		(void)DhcpCreateSubnetV6(NULL, address, &info);
		break;
	case 1:
		(void)DhcpSetSubnetInfoV6(NULL, address, &info);
		break;
	case 2:
		(void)DhcpDeleteSubnetV6(NULL, address, (DHCP_FORCE_FLAG)below(4));
		break;
	case 3:
		(void)DhcpAddSubnetElementV6(NULL, address, &element);
		break;
	default:
		(void)DhcpRemoveSubnetElementV6(NULL, address, &element, (DHCP_FORCE_FLAG)below(4));
		break;
	}
}

/* There is no model of IPv6; but some things must be true right after a call. */

/* The lease of an address, as its code. */
static DWORD
look6(DHCP_IPV6_ADDRESS address, const DHCP_CLIENT_INFO_V6 *wanted) {
	DHCP_SEARCH_INFO_V6 search;
	LPDHCP_CLIENT_INFO_V6 found = NULL;
	search.SearchType = Dhcpv6ClientIpAddress;
	search.SearchInfo.ClientIpAddress = address;
	const DWORD code = DhcpGetClientInfoV6(NULL, &search, &found);
	REQUIRE((code == ERROR_SUCCESS) == (found != NULL));
	if (found != NULL && wanted != NULL) {
		REQUIRE(found->IAID == wanted->IAID);
		REQUIRE(found->ClientDUID.DataLength == wanted->ClientDUID.DataLength);
		REQUIRE(memcmp(found->ClientDUID.Data, wanted->ClientDUID.Data, wanted->ClientDUID.DataLength) == 0);
		REQUIRE(same_text(found->ClientName, wanted->ClientName));
		REQUIRE(ticks(found->ClientPrefLeaseExpires) <= ticks(found->ClientValidLeaseExpires));
	}
	DhcpRpcFreeMemory(found);
	return code;
}

static void
change_lease6(DHCP_CLIENT_INFO_V6 *info) {
	DHCP_SEARCH_INFO_V6 search;
	search.SearchType = (DHCP_SEARCH_INFO_TYPE_V6)(once_in(16) ? take() : 0);
	search.SearchInfo.ClientIpAddress = info->ClientIpAddress;
	const DWORD before = look6(info->ClientIpAddress, NULL);
	const unsigned what = below(4);
	if (what < 2) {
		const DWORD code = DhcpV6CreateClientInfo(NULL, info);
		REQUIRE(code != ERROR_SUCCESS || before == ERROR_DHCP_JET_ERROR);
		REQUIRE(code != ERROR_SUCCESS || look6(info->ClientIpAddress, info) == ERROR_SUCCESS);
		REQUIRE(code != ERROR_SUCCESS || DhcpV6CreateClientInfo(NULL, info) == ERROR_DHCP_CLIENT_EXISTS);
	} else if (what == 2) {
		const DWORD code = DhcpSetClientInfoV6(NULL, info);
		REQUIRE(code != ERROR_SUCCESS || before == ERROR_SUCCESS);
		REQUIRE(look6(info->ClientIpAddress, code == ERROR_SUCCESS ? info : NULL) == before);
	} else {
		const DWORD code = DhcpDeleteClientInfoV6(NULL, &search);
		REQUIRE(code != ERROR_SUCCESS || before == ERROR_SUCCESS);
		REQUIRE(look6(info->ClientIpAddress, NULL) == (code == ERROR_SUCCESS ? ERROR_DHCP_JET_ERROR : before));
	}
}

static void
ask_free6(void) {
	LPDHCPV6_IP_ARRAY list = NULL;
	const DHCP_IPV6_ADDRESS scope = pick_address6();
	const DHCP_IPV6_ADDRESS none = {0, 0};
	const bool whole = once_in(2);
	const DHCP_IPV6_ADDRESS start = whole ? none : pick_address6();
	const DHCP_IPV6_ADDRESS end = whole ? none : pick_address6();
	const DWORD wanted = take();
	const DWORD code = DhcpV6GetFreeIPAddress(NULL, scope, start, end, wanted, &list);
	REQUIRE((code == ERROR_SUCCESS || code == ERROR_DHCP_REACHED_END_OF_SELECTION) == (list != NULL));
	for (DWORD i = 0; list != NULL && i < list->NumElements; i++) {
		REQUIRE(list->Elements[i].HighOrderBits == scope.HighOrderBits);
		REQUIRE(i == 0 || list->Elements[i].LowOrderBits > list->Elements[i - 1].LowOrderBits);
		REQUIRE(look6(list->Elements[i], NULL) == ERROR_DHCP_JET_ERROR);
	}
	REQUIRE(code != ERROR_SUCCESS || list->NumElements == (wanted == 0 ? 1 : wanted));
	DhcpRpcFreeMemory(list);
}

static void
list_leases6(void) {
	DHCP_RESUME_IPV6_HANDLE handle = once_in(2) ? pick_address6() : (DHCP_RESUME_IPV6_HANDLE){0, 0};
	LPDHCP_CLIENT_INFO_ARRAY_V6 page = NULL;
	DWORD read = 77;
	DWORD total = 77;
	const DWORD code = DhcpEnumSubnetClientsV6(NULL, pick_address6(), &handle, once_in(2) ? 0 : EVERYTHING, &page,
						   &read, &total);
	REQUIRE((code == ERROR_SUCCESS || code == ERROR_MORE_DATA) == (page != NULL));
	REQUIRE(page == NULL ? read == 0 && total == 0 : read == page->NumElements && total >= (code == ERROR_SUCCESS));
	for (DWORD i = 0; page != NULL && i < page->NumElements; i++) {
		REQUIRE(look6(page->Clients[i]->ClientIpAddress, page->Clients[i]) == ERROR_SUCCESS);
		if (i > 0) {
			const DHCP_IPV6_ADDRESS a = page->Clients[i - 1]->ClientIpAddress;
			const DHCP_IPV6_ADDRESS b = page->Clients[i]->ClientIpAddress;
			REQUIRE(a.HighOrderBits < b.HighOrderBits ||
				(a.HighOrderBits == b.HighOrderBits && a.LowOrderBits < b.LowOrderBits));
		}
	}
	DhcpRpcFreeMemory(page);
}

static void
call_lease6(void) {
	DHCP_CLIENT_INFO_V6 info;
	flaw_t flaw;
	memset(&info, 0, sizeof(info));
	info.ClientIpAddress = pick_address6();
	info.ClientDUID = pick_duid();
	info.IAID = below(3);
	info.ClientName = pick_text(NAME_UNITS, &flaw);
	info.ClientValidLeaseExpires = date(pick_time());
	info.ClientPrefLeaseExpires = date(pick_time());
	change_lease6(&info);
	if (once_in(3)) {
		ask_free6();
	}
	if (once_in(2)) {
		list_leases6();
	}
}

/* ---- everything at once ---- */

static void
check_statistics(void) {
	LPDHCP_MIB_INFO_V5 mib = NULL;
	DWORD delayed = 0;
	current = "DhcpGetMibInfoV5";
	expect(DhcpGetMibInfoV5(NULL, &mib), model_code(ERROR_SUCCESS));
	REQUIRE(mib->Scopes == model.scope_count);
	for (DWORD i = 0; i < mib->Scopes; i++) {
		DWORD in_use;
		DWORD free_addresses;
		model_figures(&model, &model.scopes[i], &in_use, &free_addresses);
		REQUIRE(mib->ScopeInfo[i].Subnet == model.scopes[i].subnet);
		REQUIRE(mib->ScopeInfo[i].NumAddressesInuse == in_use);
		REQUIRE(mib->ScopeInfo[i].NumAddressesFree == free_addresses);
		REQUIRE(mib->ScopeInfo[i].NumPendingOffers == 0);
		delayed += model.scopes[i].delay != 0;
	}
	REQUIRE(mib->ScopesWithDelayedOffers == delayed);
	DhcpRpcFreeMemory(mib);
}

static void
check_superscopes(void) {
	LPDHCP_SUPER_SCOPE_TABLE table = NULL;
	current = "DhcpGetSuperScopeInfoV4";
	expect(DhcpGetSuperScopeInfoV4(NULL, &table), model_code(ERROR_SUCCESS));
	REQUIRE(table->cEntries == model.scope_count);
	for (DWORD i = 0; i < table->cEntries; i++) {
		const DHCP_SUPER_SCOPE_TABLE_ENTRY *entry = &table->pEntries[i];
		DWORD next = i;
		do {
			next = (next + 1) % table->cEntries;
		} while (next != i && (model.scopes[i].superscope == NULL ||
				       model.scopes[next].superscope != model.scopes[i].superscope));
		REQUIRE(entry->SubnetAddress == model.scopes[i].subnet);
		REQUIRE(same_text(entry->SuperScopeName, model.scopes[i].superscope));
		REQUIRE((entry->SuperScopeNumber == 0) == (model.scopes[i].superscope == NULL));
		REQUIRE(entry->NextInSuperScope == next);
	}
	DhcpRpcFreeMemory(table);
}

static void
check_leases(void) {
	DWORD handle = 0;
	DWORD read = 0;
	DWORD total = 0;
	LPDHCP_CLIENT_INFO_EX_ARRAY array = NULL;
	current = "DhcpV4EnumSubnetClientsEx";
	expect(DhcpV4EnumSubnetClientsEx(NULL, 0, &handle, EVERYTHING, &array, &read, &total),
	       model_code(model.lease_count == 0 ? ERROR_NO_MORE_ITEMS : ERROR_SUCCESS));
	REQUIRE(read == model.lease_count);
	for (DWORD i = 0; i < read; i++) {
		check_lease(array->Clients[i], EX, &model.leases[i]);
	}
	DhcpRpcFreeMemory(array);
}

static void
check_everything(lessor_engine_t *engine) {
	check_leases();
	check_statistics();
	check_superscopes();
	current = "lessor_check";
	REQUIRE(lessor_check(engine, NULL) == LESSOR_OK);
}

/* ---- one input ---- */

static const struct {
	const char *name;
	void (*make)(void);
	unsigned weight;
} calls[] = {
	{"a create", call_create, 38},
	{"an older create", call_older_create, 16},
	{"a set", call_set, 20},
	{"a get", call_get, 16},
	{"a delete", call_delete, 16},
	{"an enumeration of leases", call_enumerate, 14},
	{"a search for free addresses", call_free, 12},
	{"a create of a scope", call_scope_create, 16},
	{"a set of a scope", call_scope_set, 6},
	{"a delete of a scope", call_scope_delete, 2},
	{"a delay", call_delay, 3},
	{"a get of a scope", call_scope_get, 4},
	{"an enumeration of scopes", call_scope_list, 4},
	{"an add of an element", call_element_add, 28},
	{"a remove of an element", call_element_remove, 14},
	{"an enumeration of elements", call_element_list, 8},
	{"an enumeration of reservations", call_reservation_list, 6},
	{"a join of a superscope", call_join, 6},
	{"a delete of a superscope", call_dissolve, 3},
	{"a filter", call_filter, 5},
	{"an IPv6 scope", call_scope6, 6},
	{"an IPv6 lease", call_lease6, 12},
};

static void
one_call(void) {
	unsigned choice = take();
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (choice < calls[i].weight) {
			current = calls[i].name;
			calls[i].make();
			return;
		}
		choice -= calls[i].weight;
	}
}

static void
prepare(void) {
	if (guards == NULL) {
		guards_make();
		fill(text_1024, NAME_UNITS, u'n');
		fill(text_127, COMMENT_UNITS, u'\u00E9');
		fill(text_63, POLICY_UNITS, u'\u4E2D');
		fill(text_256, SCOPE_UNITS, u's');
	}
	memset(&model, 0, sizeof(model));
	next_guard = 0;
	remembered = 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	lessor_options_t options;
	lessor_engine_t *engine = NULL;
	prepare();
	bytes = data;
	bytes_left = size;
	strict = once_in(8);
	lessor_options_init(&options);
	options.log = false;
	options.max_leases = 4096;
	options.strict_address_state = strict;
	options.server_name = "FUZZ";
	options.server_address = SERVER;
	current = "the beginning";
	REQUIRE(lessor_open(NULL, &options, &engine, NULL) == LESSOR_OK);
	REQUIRE(lessor_dhcpsapi_bind(NULL, engine, LESSOR_ACCESS_READWRITE, LESSOR_SYNC) == LESSOR_OK);
	for (unsigned i = 1; bytes_left != 0 && i <= MAX_CALLS; i++) {
		one_call();
		if (i % 32 == 0) {
			check_everything(engine);
		}
	}
	check_everything(engine);
	current = "the end";
	REQUIRE(lessor_dhcpsapi_bind(NULL, NULL, LESSOR_ACCESS_NONE, LESSOR_SYNC) == LESSOR_OK);
	REQUIRE(lessor_close(&engine) == LESSOR_OK);
	return 0;
}
