/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tests of crash points are worth something if they notice a fault. So each fault of a kind that durability breaks by is built in, in the engine or in the disk, and must be
 * noticed.
 *
 * Environment: LESSOR_TEST_SEED; LESSOR_TEST_CRASH_POINTS (until a fault must have been noticed); LESSOR_TEST_PLANT (only the fault of this name, which then says all it has to say).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"
#include "crash.h"
#include "scratch.h"
#include "sim_disk.h"
#include "torture.h"

int lsr_planted;

typedef struct {
	const char *name;
	int planted;   /* in the engine */
	unsigned lies; /* of the disk: as if the engine had not asked for this sync */
	crash_focus_t focus;
} plant_t;

static const plant_t plants[] = {
	{"a flush is reported before it was written", LSR_PLANT_PUBLISH_EARLY, 0, CRASH_ANYTHING},
	{"a torn frame is accepted", LSR_PLANT_TORN_FRAME, 0, CRASH_ANYTHING},
	{"a failed flush is made again", LSR_PLANT_RETRY_FLUSH, 0, CRASH_FAULTS},
	{"one segment too many goes", LSR_PLANT_DROP_EARLY, 0, CRASH_ANYTHING},
	{"frames are not synced", 0, SIM_LIE_FRAME, CRASH_ANYTHING},
	{"what is written to a prepared segment is not synced", 0, SIM_LIE_PREPARED_WRITE, CRASH_ANYTHING},
	{"what recovery has read is not synced", 0, SIM_LIE_READ_SEGMENT, CRASH_KILLS},
	{"a snapshot is not synced", 0, SIM_LIE_SNAPSHOT, CRASH_ANYTHING},
	{"the identity is not synced", 0, SIM_LIE_IDENTITY, CRASH_ANYTHING},
	{"the name of a segment is not synced", 0, SIM_LIE_SEGMENT_NAME, CRASH_ANYTHING},
	{"the name of a snapshot is not synced", 0, SIM_LIE_SNAPSHOT_NAME, CRASH_ANYTHING},
	{"the name of the identity is not synced", 0, SIM_LIE_IDENTITY_NAME | SIM_LIE_RECOVERED_NAMES,
	 CRASH_NEW_STORES},
};

static void
run_with(const plant_t *plant, uint64_t points, crash_figures_t *figures) {
	const struct rlimit no_core = {0};
	(void)setrlimit(RLIMIT_CORE, &no_core);
	if (getenv("LESSOR_TEST_PLANT") == NULL) {
		const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
		REQUIRE(nowhere >= 0 && dup2(nowhere, STDERR_FILENO) >= 0);
	}
	(void)signal(SIGABRT, SIG_DFL);
	lsr_planted = plant->planted;
	sim_disk_lie(plant->lies);
	crash_try(points, plant->focus, figures);
	_exit(0);
}

static void
every_planted_fault_is_noticed(void **state) {
	const char *only = getenv("LESSOR_TEST_PLANT");
	const unsigned long points = scratch_number("LESSOR_TEST_CRASH_POINTS", 20000);
	crash_figures_t *figures =
		mmap(NULL, sizeof(*figures), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned missed = 0;
	(void)state;
	assert_true(figures != MAP_FAILED);
	for (size_t i = 0; i < COUNT(plants); i++) {
		if (only != NULL && strstr(plants[i].name, only) == NULL) {
			continue;
		}
		const pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			run_with(&plants[i], points, figures);
		}
		int outcome;
		assert_int_equal(child, waitpid(child, &outcome, 0));
		const bool noticed = WIFSIGNALED(outcome) && WTERMSIG(outcome) == SIGABRT;
		print_message("%s: %s after %" PRIu64 " crash points, %" PRIu64 " stores\n", plants[i].name,
			      noticed ? "noticed" : "NOT NOTICED", figures->points, figures->opens);
		missed += !noticed;
	}
	(void)munmap(figures, sizeof(*figures));
	assert_int_equal(0, missed);
}

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_planted_fault_is_noticed),
	};
	(void)torture_seed();
	return cmocka_run_group_tests_name("crash_planted", tests, NULL, NULL);
}
