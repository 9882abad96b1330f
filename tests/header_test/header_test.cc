/* SPDX-License-Identifier: Apache-2.0 */
/* A C++ program that uses the shared library: its names must be linked as C. */
#include <cstdio>
#include <cstring>

#include <lessor/lessor.h>

int
main() {
	lessor_options_t options;
	lessor_options_init(&options);
	if (options.size_bytes != sizeof(options)) {
		std::fprintf(stderr, "the library knows other options than its header\n");
		return 1;
	}
	if (std::strcmp(lessor_version(), LESSOR_VERSION) != 0) {
		std::fprintf(stderr, "header %s, library %s\n", LESSOR_VERSION, lessor_version());
		return 1;
	}
	return 0;
}
