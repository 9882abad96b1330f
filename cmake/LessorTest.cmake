# SPDX-License-Identifier: Apache-2.0
# One line per test and per benchmark.

# Everything a test or benchmark of internals may see: the static library, engine/ to include from, the dependencies'
# headers, and the allocator the command has.
add_library(lessor_internal INTERFACE)
target_compile_definitions(lessor_internal INTERFACE _GNU_SOURCE)
target_include_directories(lessor_internal INTERFACE ${PROJECT_SOURCE_DIR}/engine ${PROJECT_SOURCE_DIR}/tests)
target_link_libraries(lessor_internal INTERFACE lessor_options lessor_static PkgConfig::LESSOR_URCU
        PkgConfig::LESSOR_ISAL PkgConfig::LESSOR_XXHASH Unistring::Unistring Threads::Threads lessor_allocator)

# Stores of tests lie here: a real file system, inside the build.
set(LESSOR_SCRATCH_DIR ${PROJECT_BINARY_DIR}/scratch)
file(MAKE_DIRECTORY ${LESSOR_SCRATCH_DIR})

# lessor_set_test(<name> [LABELS <label>...] [TIMEOUT <seconds>])
# What every test of ours has: labels, a time limit that sanitizers stretch, an environment.
# Labels with a meaning: "concurrent" runs under ThreadSanitizer, "slow" is left out under the second compiler.
function(lessor_set_test name)
        cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "LABELS")
        # Several times what a test takes on two processors that are busy already: whoever exceeds it hangs.
        if(NOT arg_TIMEOUT AND "slow" IN_LIST arg_LABELS)
                set(arg_TIMEOUT 240)
        elseif(NOT arg_TIMEOUT)
                set(arg_TIMEOUT 120)
        endif()
        if(NOT LESSOR_SANITIZE STREQUAL "none")
                math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * 2")
        endif()
        set(environment "TMPDIR=${LESSOR_SCRATCH_DIR}" "UBSAN_OPTIONS=print_stacktrace=1"
                "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1"
                # Tests of fork() start threads in the child.
                "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:die_after_fork=0")
        if(TARGET lessor_command)
                list(APPEND environment "LESSOR_COMMAND=$<TARGET_FILE:lessor_command>")
        endif()
        if(TARGET lessor_bench)
                list(APPEND environment "LESSOR_BENCH_COMMAND=$<TARGET_FILE:lessor_bench>")
        endif()
        set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}"
                ENVIRONMENT "${environment}")
endfunction()

# lessor_add_test(<noun> [SOURCES <file>...] [LIBRARIES <target>...] [LABELS <label>...] [TIMEOUT <seconds>])
# Builds <noun>_test.c of the calling folder, with cmocka, as the test <noun>. A test that needs lessor_cli is left out
# when the command is.
function(lessor_add_test noun)
        cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "SOURCES;LIBRARIES;LABELS")
        set_property(DIRECTORY APPEND PROPERTY LESSOR_LISTED ${noun}_test.c)
        if("lessor_cli" IN_LIST arg_LIBRARIES AND NOT LESSOR_WITH_TOOLS)
                return()
        endif()
        add_executable(${noun}_test ${noun}_test.c ${arg_SOURCES})
        target_link_libraries(${noun}_test PRIVATE lessor_internal PkgConfig::LESSOR_CMOCKA ${arg_LIBRARIES})
        add_test(NAME ${noun} COMMAND ${noun}_test WORKING_DIRECTORY ${LESSOR_SCRATCH_DIR})
        lessor_set_test(${noun} LABELS ${arg_LABELS} TIMEOUT ${arg_TIMEOUT})
endfunction()

# lessor_add_script_test(<noun> [LABELS <label>...] [TIMEOUT <seconds>])
# Runs <noun>_test.sh of the calling folder, with the path of the command as its argument, as the test <noun>.
function(lessor_add_script_test noun)
        cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "LABELS")
        set_property(DIRECTORY APPEND PROPERTY LESSOR_LISTED ${noun}_test.sh)
        if(LESSOR_WITH_TOOLS)
                add_test(NAME ${noun} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/${noun}_test.sh $<TARGET_FILE:lessor_command>
                        WORKING_DIRECTORY ${LESSOR_SCRATCH_DIR})
                lessor_set_test(${noun} LABELS ${arg_LABELS} TIMEOUT ${arg_TIMEOUT})
        endif()
endfunction()

# lessor_add_bench(<noun> [SOURCES <file>...])
# Builds <noun>_bench.cc of the calling folder, with google-benchmark.
function(lessor_add_bench noun)
        cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES")
        add_executable(${noun}_bench ${noun}_bench.cc ${arg_SOURCES})
        target_link_libraries(${noun}_bench PRIVATE lessor_internal PkgConfig::LESSOR_BENCHMARK)
        set_property(DIRECTORY APPEND PROPERTY LESSOR_LISTED ${noun}_bench.cc)
endfunction()
