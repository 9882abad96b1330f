/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The power fails at every operation on the disk, in turn. See crash.h.
 *
 * Environment: LESSOR_TEST_CRASH_POINTS (how many operations), LESSOR_TEST_SEED.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>

#include "crash.h"
#include "scratch.h"
#include "torture.h"

static void
nothing_acknowledged_is_lost_at_any_operation(void **state) {
	const unsigned long points = scratch_number("LESSOR_TEST_CRASH_POINTS", scratch_is_sanitized() ? 300 : 5000);
	crash_figures_t figures;
	(void)state;
	crash_try(points, CRASH_ANYTHING, &figures);
	print_message("%" PRIu64 " crash points (%" PRIu64 " of them during recovery), %" PRIu64
		      " stores opened, %" PRIu64 " stories, %" PRIu64 " calls, %" PRIu64 " changes\n",
		      figures.points, figures.again, figures.opens, figures.stories, figures.calls, figures.changes);
	assert_true(figures.points >= points);
	assert_true(figures.again > 0);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_acknowledged_is_lost_at_any_operation),
	};
	(void)torture_seed();
	return cmocka_run_group_tests_name("crash", tests, NULL, NULL);
}
