# SPDX-License-Identifier: Apache-2.0
# What lessor stands on. The library's own needs first; the rest only when the part that needs it is built.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(LESSOR_URCU REQUIRED IMPORTED_TARGET liburcu-bp liburcu-cds)
pkg_check_modules(LESSOR_ISAL REQUIRED IMPORTED_TARGET libisal)
pkg_check_modules(LESSOR_XXHASH REQUIRED IMPORTED_TARGET libxxhash)
find_package(Unistring REQUIRED)
# Probes are nothing to insist on: clang 14 finds fault with the macros that sdt.h of Debian 12 makes of them.
if(LESSOR_WITH_PROBES)
        include(CheckCSourceCompiles)
        set(CMAKE_REQUIRED_FLAGS "-Wpedantic -Werror")
        check_c_source_compiles("#include <sys/sdt.h>\nint main(void) { STAP_PROBE1(lessor, try, 1); return 0; }" LESSOR_HAS_SDT)
        unset(CMAKE_REQUIRED_FLAGS)
        if(NOT LESSOR_HAS_SDT)
                message(STATUS "lessor is built without probes: <sys/sdt.h> is missing, or not to this compiler's liking")
        endif()
endif()

if(LESSOR_WITH_TOOLS)
        pkg_check_modules(LESSOR_JSON REQUIRED IMPORTED_TARGET json-c)
        pkg_check_modules(LESSOR_XML REQUIRED IMPORTED_TARGET libxml-2.0)
        find_package(Csv REQUIRED)
endif()
if(LESSOR_WITH_TESTS)
        pkg_check_modules(LESSOR_CMOCKA REQUIRED IMPORTED_TARGET cmocka)
endif()
if(LESSOR_WITH_BENCH)
        pkg_check_modules(LESSOR_BENCHMARK REQUIRED IMPORTED_TARGET benchmark)
endif()

# The allocator of the executables: linking this target replaces malloc, if jemalloc is wanted. A sanitizer brings its
# own malloc and must be left alone with it.
add_library(lessor_allocator INTERFACE)
if(LESSOR_WITH_JEMALLOC AND LESSOR_SANITIZE STREQUAL "none")
        pkg_check_modules(LESSOR_JEMALLOC REQUIRED IMPORTED_TARGET jemalloc)
        # Nothing names a jemalloc symbol, so a linker that drops unnamed libraries would drop it.
        target_link_options(lessor_allocator INTERFACE -Wl,--no-as-needed)
        target_link_libraries(lessor_allocator INTERFACE PkgConfig::LESSOR_JEMALLOC)
endif()
