/* SPDX-License-Identifier: Apache-2.0 */
/* Scopes out of a Kea configuration, and the table of all scopes of an import. See kea_config.h. */
#include "kea_config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "json_context.h"
#include "kea4.h"

enum { MAX_DEPTH = 128, MAX_CONFIG_BYTES = 256 * 1024 * 1024 };

__attribute__((format(printf, 2, 3))) static bool
fail(char sentence[KEA_SENTENCE_BYTES], const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(sentence, KEA_SENTENCE_BYTES, format, arguments);
	va_end(arguments);
	return false;
}

static int
prefix_length(uint32_t mask) {
	return __builtin_popcount(mask);
}

/* "192.0.2.0/24" */
static void
format_scope(const kea_scope_t *scope, char text[24]) {
	size_t bytes = kea4_format_ipv4(scope->subnet, text);
	snprintf(text + bytes, 24 - bytes, "/%d", prefix_length(scope->mask));
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

static void
free_parts(kea_scope_t *scope) {
	free(scope->gaps);
	free(scope->name);
	free(scope->comment);
	scope->gaps = NULL;
	scope->name = scope->comment = NULL;
}

void
kea_scopes_free(kea_scopes_t *scopes) {
	for (size_t i = 0; i < scopes->count; i++) {
		free_parts(&scopes->items[i]);
	}
	free(scopes->items);
	free(scopes->ids);
	*scopes = (kea_scopes_t){0};
}

bool
kea_scopes_add(kea_scopes_t *scopes, const kea_scope_t *scope) {
	if (scopes->count == scopes->capacity) {
		size_t capacity = scopes->capacity == 0 ? 16 : scopes->capacity * 2;
		kea_scope_t *items = realloc(scopes->items, capacity * sizeof(*items));
		if (items == NULL) {
			kea_scope_t gone = *scope;
			free_parts(&gone);
			return false;
		}
		scopes->items = items;
		scopes->capacity = capacity;
	}
	scopes->items[scopes->count++] = *scope;
	return true;
}

/* Of equal subnets the user's comes first: its range and gaps stay when both are joined. */
static int
compare_scopes(const void *left, const void *right) {
	const kea_scope_t *a = left;
	const kea_scope_t *b = right;
	if (a->subnet != b->subnet) {
		return a->subnet < b->subnet ? -1 : 1;
	}
	if (a->mask != b->mask) {
		return a->mask < b->mask ? -1 : 1;
	}
	return a->wanted == b->wanted ? 0 : a->wanted ? -1 : 1;
}

static bool
same_range(const kea_scope_t *a, const kea_scope_t *b) {
	return a->has_range == b->has_range &&
	       (!a->has_range || (a->range.first == b->range.first && a->range.last == b->range.last));
}

/* 'other' is the same subnet once more. */
static bool
join(kea_scope_t *scope, const kea_scope_t *other, char sentence[KEA_SENTENCE_BYTES]) {
	if (scope->id != 0 && other->id != 0 && scope->id != other->id) {
		char name[24];
		format_scope(scope, name);
		return fail(sentence, "%s has the subnet id %lu%s, and the id %lu", name, (unsigned long)other->id,
			    other->in_store ? " in the store" : "", (unsigned long)scope->id);
	}
	scope->range_kept = scope->range_kept || (other->in_store && scope->has_range && !same_range(scope, other));
	if (!other->in_store && !scope->has_range) {
		scope->has_range = other->has_range;
		scope->range = other->range;
	}
	scope->id = scope->id != 0 ? scope->id : other->id;
	scope->lease_s = scope->lease_s != 0 ? scope->lease_s : other->lease_s;
	scope->in_store = scope->in_store || other->in_store;
	scope->store_id = other->in_store ? other->store_id : scope->store_id;
	return true;
}

/* Join neighbours that are equal; neighbours that overlap are a mistake. */
static bool
join_equal(kea_scopes_t *scopes, char sentence[KEA_SENTENCE_BYTES]) {
	size_t kept = 0;
	for (size_t i = 0; i < scopes->count; i++) {
		kea_scope_t *scope = &scopes->items[i];
		kea_scope_t *last = kept > 0 ? &scopes->items[kept - 1] : NULL;
		if (last == NULL || scope->subnet > (last->subnet | ~last->mask)) {
			scopes->items[kept++] = *scope;
			if (kept - 1 != i) {
				scope->gaps = NULL;
				scope->name = scope->comment = NULL;
			}
			continue;
		}
		if (last->subnet != scope->subnet || last->mask != scope->mask) {
			char names[2][24];
			format_scope(last, names[0]);
			format_scope(scope, names[1]);
			return fail(sentence, "%s and %s overlap", names[0], names[1]);
		}
		if (!join(last, scope, sentence)) {
			return false;
		}
		free_parts(scope);
	}
	scopes->count = kept;
	return true;
}

static int
compare_ids(const void *left, const void *right) {
	uint32_t a = *(const uint32_t *)left;
	uint32_t b = *(const uint32_t *)right;
	return a < b ? -1 : a > b;
}

static void
collect_ids(kea_scopes_t *scopes, bool only_wanted) {
	scopes->id_count = 0;
	for (size_t i = 0; i < scopes->count; i++) {
		const kea_scope_t *scope = &scopes->items[i];
		if (scope->id != 0 && (scope->wanted || !only_wanted)) {
			scopes->ids[scopes->id_count++] = scope->id;
		}
	}
	if (scopes->id_count > 1) {
		qsort(scopes->ids, scopes->id_count, sizeof(*scopes->ids), compare_ids);
	}
}

bool
kea_scopes_seal(kea_scopes_t *scopes, char sentence[KEA_SENTENCE_BYTES]) {
	if (scopes->count > 1) {
		qsort(scopes->items, scopes->count, sizeof(*scopes->items), compare_scopes);
	}
	if (!join_equal(scopes, sentence)) {
		return false;
	}
	free(scopes->ids);
	scopes->ids = malloc((scopes->count + 1) * sizeof(*scopes->ids));
	if (scopes->ids == NULL) {
		return fail(sentence, "no memory for %zu scopes", scopes->count);
	}
	/* The store may number its scopes as it likes; what the user says now must make sense. */
	collect_ids(scopes, true);
	for (size_t i = 1; i < scopes->id_count; i++) {
		if (scopes->ids[i] == scopes->ids[i - 1]) {
			return fail(sentence, "two subnets have the id %lu", (unsigned long)scopes->ids[i]);
		}
	}
	collect_ids(scopes, false);
	return true;
}

kea_scope_t *
kea_scopes_find(const kea_scopes_t *scopes, uint32_t address) {
	size_t low = 0;
	size_t high = scopes->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (scopes->items[middle].subnet <= address) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	kea_scope_t *scope = low > 0 ? &scopes->items[low - 1] : NULL;
	return scope != NULL && (address & scope->mask) == scope->subnet ? scope : NULL;
}

bool
kea_scopes_has_id(const kea_scopes_t *scopes, uint32_t id) {
	return scopes->id_count > 0 &&
	       bsearch(&id, scopes->ids, scopes->id_count, sizeof(*scopes->ids), compare_ids) != NULL;
}

/* ---- texts ------------------------------------------------------------------------------------------------------- */

/* "192.0.2.64/26"; the address may have host bits. */
static bool
parse_slash(const char *text, size_t bytes, uint32_t *address, uint32_t *mask) {
	const char *slash = memchr(text, '/', bytes);
	if (slash == NULL || !kea4_parse_ipv4(text, (size_t)(slash - text), address)) {
		return false;
	}
	size_t digits = bytes - (size_t)(slash + 1 - text);
	unsigned length = 0;
	for (size_t i = 0; i < digits; i++) {
		if (slash[1 + i] < '0' || slash[1 + i] > '9') {
			return false;
		}
		length = length * 10 + (unsigned)(slash[1 + i] - '0');
		if (length > 32) {
			return false;
		}
	}
	*mask = length == 0 ? 0 : ~UINT32_C(0) << (32 - length);
	return digits > 0;
}

bool
kea_parse_prefix(const char *text, size_t bytes, uint32_t *subnet, uint32_t *mask) {
	return parse_slash(text, bytes, subnet, mask) && *mask != 0 && (*subnet & ~*mask) == 0;
}

static const char *
skip_blanks(const char *text) {
	return text + strspn(text, " \t");
}

static bool
parse_end(const char *text, size_t bytes, uint32_t *address) {
	while (bytes > 0 && (text[bytes - 1] == ' ' || text[bytes - 1] == '\t')) {
		bytes--;
	}
	return kea4_parse_ipv4(text, bytes, address);
}

bool
kea_parse_pool(const char *text, lessor_range_t *range) {
	uint32_t mask;
	text = skip_blanks(text);
	const char *dash = strchr(text, '-');
	if (dash == NULL) {
		bool fine = parse_slash(text, strlen(text), &range->first, &mask);
		range->first &= fine ? mask : 0;
		range->last = fine ? range->first | ~mask : 0;
		return fine;
	}
	const char *second = skip_blanks(dash + 1);
	return parse_end(text, (size_t)(dash - text), &range->first) &&
	       parse_end(second, strlen(second), &range->last) && range->first <= range->last;
}

/* ---- the configuration ------------------------------------------------------------------------------------------- */

static int
compare_ranges(const void *left, const void *right) {
	const lessor_range_t *a = left;
	const lessor_range_t *b = right;
	return a->first < b->first ? -1 : a->first > b->first;
}

/* Make the sorted pools the scope's range and what lies between them its gaps, which take the place of the pools. */
static void
range_from_pools(kea_scope_t *scope, lessor_range_t *pools, size_t count) {
	if (count > 1) {
		qsort(pools, count, sizeof(*pools), compare_ranges);
	}
	uint32_t last = pools[0].last;
	scope->has_range = true;
	scope->range = pools[0];
	scope->gaps = pools;
	for (size_t i = 1; i < count; i++) {
		lessor_range_t pool = pools[i];
		if (pool.first > last && pool.first - last > 1) {
			pools[scope->gap_count++] = (lessor_range_t){last + 1, pool.first - 1};
		}
		last = pool.last > last ? pool.last : last;
	}
	scope->range.last = last;
}

static bool
read_pools(json_object *subnet, const char *name, kea_scope_t *scope, char sentence[KEA_SENTENCE_BYTES]) {
	json_object *list = NULL;
	size_t count = json_object_object_get_ex(subnet, "pools", &list) && json_object_is_type(list, json_type_array)
			       ? json_object_array_length(list)
			       : 0;
	if (count == 0) {
		return true;
	}
	lessor_range_t *pools = malloc(count * sizeof(*pools));
	if (pools == NULL) {
		return fail(sentence, "no memory for the pools of subnet %s", name);
	}
	for (size_t i = 0; i < count; i++) {
		json_object *pool = NULL;
		json_object_object_get_ex(json_object_array_get_idx(list, i), "pool", &pool);
		const char *text = json_object_is_type(pool, json_type_string) ? json_object_get_string(pool) : "";
		if (!kea_parse_pool(text, &pools[i])) {
			free(pools);
			return fail(sentence, "the pool '%.60s' of subnet %s is no range of addresses", text, name);
		}
		if ((pools[i].first & scope->mask) != scope->subnet || (pools[i].last & scope->mask) != scope->subnet) {
			free(pools);
			return fail(sentence, "the pool '%.60s' lies outside of its subnet %s", text, name);
		}
	}
	range_from_pools(scope, pools, count);
	return true;
}

/* A whole number of 32 bits; 'otherwise' if there is none of that name. False if it is something else. */
static bool
read_u32(json_object *object, const char *name, uint32_t otherwise, uint32_t *number) {
	json_object *value = NULL;
	*number = otherwise;
	if (!json_object_object_get_ex(object, name, &value)) {
		return true;
	}
	int64_t wide = json_object_get_int64(value);
	if (!json_object_is_type(value, json_type_int) || wide < 0 || wide > UINT32_MAX) {
		return false;
	}
	*number = (uint32_t)wide;
	return true;
}

static bool
read_subnet(json_object *subnet, uint32_t lease_s, kea_scopes_t *scopes, char sentence[KEA_SENTENCE_BYTES]) {
	kea_scope_t scope = {.wanted = true};
	json_object *prefix = NULL;
	json_object *reservations = NULL;
	json_object_object_get_ex(subnet, "subnet", &prefix);
	const char *name = json_object_is_type(prefix, json_type_string) ? json_object_get_string(prefix) : "";
	if (!parse_slash(name, strlen(name), &scope.subnet, &scope.mask) || scope.mask == 0) {
		return fail(sentence, "the subnet '%.60s' is not of the form 192.0.2.0/24", name);
	}
	scope.subnet &= scope.mask;
	if (!read_u32(subnet, "id", 0, &scope.id) || !read_u32(subnet, "valid-lifetime", lease_s, &scope.lease_s)) {
		return fail(sentence, "the id or valid-lifetime of subnet %s is not a number of 32 bits", name);
	}
	if (scope.id == 0) {
		scope.id = (uint32_t)++scopes->numbered;
	}
	if (json_object_object_get_ex(subnet, "reservations", &reservations) &&
	    json_object_is_type(reservations, json_type_array)) {
		scopes->reservations += json_object_array_length(reservations);
	}
	if (!read_pools(subnet, name, &scope, sentence)) {
		return false;
	}
	return kea_scopes_add(scopes, &scope) || fail(sentence, "no memory for subnet %s", name);
}

/* The subnets of Dhcp4 itself or of one shared network. */
static bool
read_subnets(json_object *parent, uint32_t lease_s, kea_scopes_t *scopes, char sentence[KEA_SENTENCE_BYTES]) {
	json_object *list = NULL;
	if (!json_object_object_get_ex(parent, "subnet4", &list)) {
		return true;
	}
	if (!json_object_is_type(list, json_type_array)) {
		return fail(sentence, "subnet4 is not a list");
	}
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		if (!read_subnet(json_object_array_get_idx(list, i), lease_s, scopes, sentence)) {
			return false;
		}
	}
	return true;
}

/* Shared networks come first, as they do in Kea: a subnet without an id gets the next number. */
static bool
read_networks(json_object *dhcp4, uint32_t lease_s, kea_scopes_t *scopes, char sentence[KEA_SENTENCE_BYTES]) {
	json_object *list = NULL;
	bool there = json_object_object_get_ex(dhcp4, "shared-networks", &list);
	if (there && !json_object_is_type(list, json_type_array)) {
		return fail(sentence, "shared-networks is not a list");
	}
	for (size_t i = 0; there && i < json_object_array_length(list); i++) {
		json_object *network = json_object_array_get_idx(list, i);
		uint32_t network_lease_s;
		if (!read_u32(network, "valid-lifetime", lease_s, &network_lease_s)) {
			return fail(sentence, "the valid-lifetime of a shared network is not a number of 32 bits");
		}
		if (!read_subnets(network, network_lease_s, scopes, sentence)) {
			return false;
		}
	}
	return true;
}

static bool
read_root(json_object *root, kea_scopes_t *scopes, char sentence[KEA_SENTENCE_BYTES]) {
	enum { KEA_DEFAULT_LEASE_S = 7200 };
	json_object *dhcp4 = NULL;
	uint32_t lease_s;
	if (!json_object_object_get_ex(root, "Dhcp4", &dhcp4) || !json_object_is_type(dhcp4, json_type_object)) {
		return fail(sentence, "it has no object Dhcp4");
	}
	if (!read_u32(dhcp4, "valid-lifetime", KEA_DEFAULT_LEASE_S, &lease_s)) {
		return fail(sentence, "valid-lifetime is not a number of 32 bits");
	}
	return read_networks(dhcp4, lease_s, scopes, sentence) && read_subnets(dhcp4, lease_s, scopes, sentence);
}

static size_t
line_of(const char *text, size_t bytes, size_t offset) {
	size_t line = 1;
	for (size_t i = 0; i < offset && i < bytes; i++) {
		line += text[i] == '\n';
	}
	return line;
}

bool
kea_config_parse(char *text, size_t bytes, kea_scopes_t *scopes, char sentence[KEA_SENTENCE_BYTES]) {
	json_blank_t blanked = json_blank_comments(text, bytes, true);
	if (blanked == JSON_BLANK_OPEN) {
		return fail(sentence, "a comment never ends");
	}
	if (blanked == JSON_BLANK_INCLUDE) {
		return fail(sentence,
			    "it includes another file (<?include ... ?>); give it with everything in one file");
	}
	json_tokener *tokener = json_tokener_new_ex(MAX_DEPTH);
	if (tokener == NULL) {
		return fail(sentence, "no memory to read it");
	}
	json_object *root = json_tokener_parse_ex(tokener, text, (int)bytes);
	bool fine = root != NULL ? read_root(root, scopes, sentence)
				 : fail(sentence, "it is not JSON: %s near line %zu",
					json_tokener_error_desc(json_tokener_get_error(tokener)),
					line_of(text, bytes, json_tokener_get_parse_end(tokener)));
	json_object_put(root);
	json_tokener_free(tokener);
	return fine;
}

/* The whole file; NULL with a sentence. */
static char *
read_file(const char *path, size_t *bytes, char sentence[KEA_SENTENCE_BYTES]) {
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t capacity = 0;
	size_t got = 0;
	*bytes = 0;
	if (file == NULL) {
		fail(sentence, "%s", strerror(errno));
		return NULL;
	}
	do {
		capacity = capacity == 0 ? 65536 : capacity * 2;
		char *more = capacity <= MAX_CONFIG_BYTES ? realloc(text, capacity) : NULL;
		if (more == NULL) {
			fail(sentence, capacity <= MAX_CONFIG_BYTES ? "no memory to read it" : "it is too large");
			break;
		}
		text = more;
		got = fread(text + *bytes, 1, capacity - *bytes, file);
		*bytes += got;
	} while (got > 0 && *bytes == capacity);
	bool whole = feof(file) != 0 && ferror(file) == 0;
	if (ferror(file) != 0) {
		fail(sentence, "%s", strerror(errno));
	}
	fclose(file);
	if (!whole) {
		free(text);
		return NULL;
	}
	return text;
}

bool
kea_config_load(const char *path, kea_scopes_t *scopes, char sentence[KEA_SENTENCE_BYTES]) {
	size_t bytes;
	char why[KEA_SENTENCE_BYTES];
	char *text = read_file(path, &bytes, why);
	bool fine = text != NULL && kea_config_parse(text, bytes, scopes, why);
	free(text);
	return fine || fail(sentence, "the configuration %.200s cannot be used: %.280s", path, why);
}
