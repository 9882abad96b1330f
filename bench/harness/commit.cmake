# SPDX-License-Identifier: Apache-2.0
# Run at every build: which commit this is, into a header that is touched only when that changes.
# Given: SOURCE, the tree; HEADER, the file.

cmake_minimum_required(VERSION 3.25)
set(commit unknown)
execute_process(COMMAND git -C ${SOURCE} rev-parse --short=10 HEAD OUTPUT_VARIABLE head RESULT_VARIABLE status
        OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(status EQUAL 0)
        set(commit ${head})
        execute_process(COMMAND git -C ${SOURCE} diff --quiet HEAD -- engine include bench RESULT_VARIABLE changed)
        if(NOT changed EQUAL 0)
                string(APPEND commit -dirty)
        endif()
endif()
file(CONFIGURE OUTPUT ${HEADER} CONTENT "#define BENCH_COMMIT \"@commit@\"\n" @ONLY)
