# SPDX-License-Identifier: Apache-2.0
# lessor(3): docs/lessor.3.in with the functions that the public headers declare and the README's example in it.

# What a file's first comment behind the licence says, until a line without words; broken into short lines.
function(lessor_first_paragraph variable text)
        string(FIND "${text}" "\n/*" begin)
        string(SUBSTRING "${text}" ${begin} -1 text)
        string(REGEX REPLACE "( \\*/|\n \\*\n).*" "" text "${text}")
        string(REGEX REPLACE "^\n/\\*" "" text "${text}")
        string(REGEX REPLACE "\n \\*" "" text "${text}")
        string(REGEX REPLACE "([.,:;]) " "\\1\n" text "${text}")
        string(STRIP "${text}" text)
        set(${variable} "${text}" PARENT_SCOPE)
endfunction()

# lessor_manual_index(<variable> <header>...): a subsection for each header that declares functions: what it says of itself, and their names.
function(lessor_manual_index variable)
        set(index "")
        foreach(header IN LISTS ARGN)
                set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${header})
                file(READ ${header} text)
                lessor_first_paragraph(about "${text}")
                # Declarations stand at the beginning of a line; comments, members and what a typedef names do not.
                string(REGEX REPLACE "\ntypedef [^;]*;" "" text "${text}")
                string(REGEX MATCHALL "\n[A-Za-z][A-Za-z0-9_ *\n]*(lessor_[a-z0-9_]+|Dhcp[A-Za-z0-9]+)\\(" declared "${text}")
                list(TRANSFORM declared REPLACE ".*[^A-Za-z0-9_]([A-Za-z0-9_]+)\\($" ".Fn \\1")
                if(declared)
                        cmake_path(GET header FILENAME name)
                        list(JOIN declared " ,\n" functions)
                        string(APPEND index ".Ss lessor/${name}\n${about}\n.Pp\n${functions} .\n")
                endif()
        endforeach()
        string(STRIP "${index}" index)
        set(${variable} "${index}" PARENT_SCOPE)
endfunction()

function(lessor_manual output)
        lessor_manual_index(index ${ARGN})
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/README.md)
        file(READ ${PROJECT_SOURCE_DIR}/README.md readme)
        string(REGEX MATCH "\n```c\n([^`]+)\n```" unused "${readme}")
        string(REPLACE "\\" "\\e" example "${CMAKE_MATCH_1}")
        configure_file(${PROJECT_SOURCE_DIR}/docs/lessor.3.in ${output} @ONLY)
endfunction()

get_target_property(public_headers lessor HEADER_SET)
set(LESSOR_MANUAL ${PROJECT_BINARY_DIR}/man/lessor.3)
lessor_manual(${LESSOR_MANUAL} ${public_headers})
