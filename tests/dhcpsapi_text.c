/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-16 and times in tests of the Windows calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mman.h>
#include <unistd.h>

#include "dhcpsapi_text.h"

WCHAR half_a_pair[] = {u'a', 0xD800, u'b', 0};

size_t
units_of(LPCWSTR text) {
	size_t units = 0;
	while (text[units] != 0) {
		units++;
	}
	return units;
}

void
assert_same_text(LPCWSTR a, LPCWSTR b) {
	if (a == NULL || b == NULL) {
		assert_null(a);
		assert_null(b);
		return;
	}
	assert_int_equal(units_of(a), units_of(b));
	assert_memory_equal(a, b, units_of(a) * sizeof(WCHAR));
}

void
assert_same_time(DATE_TIME a, DATE_TIME b) {
	assert_int_equal(a.dwLowDateTime, b.dwLowDateTime);
	assert_int_equal(a.dwHighDateTime, b.dwHighDateTime);
}

guarded_t
make_guarded(size_t units, bool with_nul) {
	guarded_t guarded = {.page_bytes = (size_t)sysconf(_SC_PAGESIZE)};
	guarded.pages = mmap(NULL, 2 * guarded.page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(guarded.pages, MAP_FAILED);
	assert_int_equal(mprotect(guarded.pages + guarded.page_bytes, guarded.page_bytes, PROT_NONE), 0);
	guarded.text = (WCHAR *)(void *)(guarded.pages + guarded.page_bytes) - units - (with_nul ? 1 : 0);
	for (size_t i = 0; i < units; i++) {
		guarded.text[i] = u'n';
	}
	return guarded;
}

void
drop_guarded(guarded_t guarded) {
	assert_int_equal(munmap(guarded.pages, 2 * guarded.page_bytes), 0);
}
