# SPDX-License-Identifier: Apache-2.0
# What a builder may choose, and the target that carries warnings and sanitizers to everything that is compiled here.

option(LESSOR_WITH_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(LESSOR_WITH_BENCH "Build the benchmarks" ${PROJECT_IS_TOP_LEVEL})
option(LESSOR_WITH_TOOLS "Build the command lessor" ${PROJECT_IS_TOP_LEVEL})
option(LESSOR_WITH_JEMALLOC "Link the executables, never the library, with jemalloc" ON)
option(LESSOR_WITH_PROBES "Probes for bpftrace and the like (USDT), if <sys/sdt.h> is there" ON)
option(LESSOR_WITH_INSTALL "Make install rules" ${PROJECT_IS_TOP_LEVEL})
set(LESSOR_SANITIZE none CACHE STRING "Sanitizers: none, address,undefined or thread")
set_property(CACHE LESSOR_SANITIZE PROPERTY STRINGS none address,undefined thread)

if(PROJECT_IS_TOP_LEVEL)
        if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
                set(CMAKE_BUILD_TYPE Release)
        endif()
        # "cmake --compile-no-warning-as-error" lifts it, for a compiler newer than those it is checked with.
        if(NOT DEFINED CMAKE_COMPILE_WARNING_AS_ERROR)
                set(CMAKE_COMPILE_WARNING_AS_ERROR ON)
        endif()
endif()

set(CMAKE_C_STANDARD 11)
set(CMAKE_CXX_STANDARD 17)

add_library(lessor_options INTERFACE)
target_compile_options(lessor_options INTERFACE
        -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wvla -Wundef -Wcast-align -Wcast-qual
        -Wwrite-strings -Wpointer-arith -Wformat=2
        $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes;-Wmissing-prototypes;-Wold-style-definition>)

if(LESSOR_SANITIZE STREQUAL "none")
        set(LESSOR_SANITIZE_FLAGS "")
elseif(LESSOR_SANITIZE STREQUAL "address,undefined")
        set(LESSOR_SANITIZE_FLAGS -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
elseif(LESSOR_SANITIZE STREQUAL "thread")
        set(LESSOR_SANITIZE_FLAGS -fsanitize=thread -fno-omit-frame-pointer)
else()
        message(FATAL_ERROR "LESSOR_SANITIZE is \"${LESSOR_SANITIZE}\"; it can be none, address,undefined or thread.")
endif()
target_compile_options(lessor_options INTERFACE ${LESSOR_SANITIZE_FLAGS})
target_link_options(lessor_options INTERFACE ${LESSOR_SANITIZE_FLAGS})
