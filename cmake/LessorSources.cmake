# SPDX-License-Identifier: Apache-2.0
# Sources are listed by hand; this finds the file that was forgotten.

# lessor_require_listed(REMEDY <text> PATTERNS <glob>... FILES <listed>...)
# Fails the configure step, with the remedy, for any file that matches a pattern and is not among those listed. Paths
# are relative to the calling folder.
function(lessor_require_listed)
        cmake_parse_arguments(PARSE_ARGV 0 arg "" "REMEDY" "PATTERNS;FILES")
        file(GLOB present RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} CONFIGURE_DEPENDS ${arg_PATTERNS})
        if(arg_FILES)
                list(REMOVE_ITEM present ${arg_FILES})
        endif()
        if(present)
                list(JOIN present ", " names)
                message(SEND_ERROR "Not built by anything: ${names}. ${arg_REMEDY}")
        endif()
endfunction()
