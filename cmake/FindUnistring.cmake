# SPDX-License-Identifier: Apache-2.0
# libunistring comes without a pkg-config file. Makes the target Unistring::Unistring. Installed with lessor's package
# files, because the static library needs it again when it is linked.

find_path(Unistring_INCLUDE_DIR unistr.h)
find_library(Unistring_LIBRARY unistring)
mark_as_advanced(Unistring_INCLUDE_DIR Unistring_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Unistring REQUIRED_VARS Unistring_LIBRARY Unistring_INCLUDE_DIR)

if(Unistring_FOUND AND NOT TARGET Unistring::Unistring)
        add_library(Unistring::Unistring UNKNOWN IMPORTED)
        set_target_properties(Unistring::Unistring PROPERTIES IMPORTED_LOCATION "${Unistring_LIBRARY}"
                INTERFACE_INCLUDE_DIRECTORIES "${Unistring_INCLUDE_DIR}")
endif()
