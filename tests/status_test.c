/* SPDX-License-Identifier: Apache-2.0 */
/* Status codes: every one has its number for ever, its name, and one sentence of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <string.h>

#include <lessor/status.h>
#include <lessor/version.h>

typedef struct {
	lessor_status_t status;
	int number;
	const char *name;
} lsr_row_t;

#define ROW(status, number)                                                                                            \
	{ status, number, #status }

/* The numbers are part of the ABI: a change of this table is a change of the ABI. */
static const lsr_row_t rows[] = {
	ROW(LESSOR_OK, 0),
	ROW(LESSOR_INVALID, 1),
	ROW(LESSOR_CLOSED, 2),
	ROW(LESSOR_FORKED, 3),
	ROW(LESSOR_READ_ONLY, 4),
	ROW(LESSOR_BUFFER_TOO_SMALL, 5),
	ROW(LESSOR_NO_SCOPE, 10),
	ROW(LESSOR_SCOPE_EXISTS, 11),
	ROW(LESSOR_SCOPE_NOT_EMPTY, 12),
	ROW(LESSOR_ADDRESS_TAKEN, 13),
	ROW(LESSOR_CLIENT_TAKEN, 14),
	ROW(LESSOR_NOT_FOUND, 15),
	ROW(LESSOR_OTHER_CLIENT, 16),
	ROW(LESSOR_END, 17),
	ROW(LESSOR_EXHAUSTED, 18),
	ROW(LESSOR_RESERVED, 19),
	ROW(LESSOR_OUTSIDE, 20),
	ROW(LESSOR_EXISTS, 21),
	ROW(LESSOR_CONFLICT, 22),
	ROW(LESSOR_MEMBER, 23),
	ROW(LESSOR_QUOTA, 24),
	ROW(LESSOR_NOT_RETAINED, 29),
	ROW(LESSOR_NO_MEMORY, 30),
	ROW(LESSOR_DISK_FULL, 31),
	ROW(LESSOR_LOG_FAILED, 32),
	ROW(LESSOR_TIMEOUT, 33),
	ROW(LESSOR_LOCKED, 34),
	ROW(LESSOR_NO_STORE, 35),
	ROW(LESSOR_IO, 36),
	ROW(LESSOR_DAMAGED, 37),
	ROW(LESSOR_UNSUPPORTED, 38),
	ROW(LESSOR_LIMIT, 39),
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void
numbers_never_change(void **state) {
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		assert_int_equal(rows[i].status, rows[i].number);
	}
}

static void
names_are_the_enumerators(void **state) {
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		assert_string_equal(lessor_status_name(rows[i].status), rows[i].name);
	}
}

static void
texts_are_sentences_of_their_own(void **state) {
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		const char *text = lessor_status_text(rows[i].status);
		assert_non_null(text);
		assert_true(strlen(text) > 3);
		assert_true(text[strlen(text) - 1] != '.');
		assert_true(islower((unsigned char)text[0]));
		assert_null(strchr(text, '\n'));
		assert_ptr_equal(text, lessor_status_text(rows[i].status)); /* static */
		for (size_t j = 0; j < i; j++) {
			assert_string_not_equal(text, lessor_status_text(rows[j].status));
		}
	}
}

/* Whatever number comes along has a text and a name; only those in the table have one of their own. */
static void
unknown_numbers_have_a_text_too(void **state) {
	(void)state;
	size_t known = 0;
	for (int number = 0; number < 64; number++) {
		const lessor_status_t status = (lessor_status_t)number;
		const char *name = lessor_status_name(status);
		const char *text = lessor_status_text(status);
		assert_non_null(name);
		assert_non_null(text);
		assert_true(text[0] != '\0');
		known += strcmp(name, "LESSOR_UNKNOWN") != 0;
	}
	assert_int_equal(known, ROWS);
	assert_string_equal(lessor_status_name((lessor_status_t)63), "LESSOR_UNKNOWN");
}

static void
the_version_is_the_header_s(void **state) {
	(void)state;
	assert_string_equal(lessor_version(), LESSOR_VERSION);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_never_change),
		cmocka_unit_test(names_are_the_enumerators),
		cmocka_unit_test(texts_are_sentences_of_their_own),
		cmocka_unit_test(unknown_numbers_have_a_text_too),
		cmocka_unit_test(the_version_is_the_header_s),
	};
	return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
