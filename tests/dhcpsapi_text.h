/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-16 and times in tests of the Windows calls. */
#ifndef DHCPSAPI_TEXT_H
#define DHCPSAPI_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include <lessor/dhcpsapi.h>

size_t units_of(LPCWSTR text);
/* Both NULL, or unit for unit the same. */
void assert_same_text(LPCWSTR a, LPCWSTR b);
void assert_same_time(DATE_TIME a, DATE_TIME b);

/* Not UTF-16. */
extern WCHAR half_a_pair[];

/* A text of so many units, with a NUL or without, at the end of memory that can be read: whoever reads on dies. */
typedef struct guarded {
	unsigned char *pages;
	size_t page_bytes;
	WCHAR *text;
} guarded_t;

guarded_t make_guarded(size_t units, bool with_nul);
void drop_guarded(guarded_t guarded);

#endif
