# SPDX-License-Identifier: Apache-2.0
# Debian packages, by "cpack" in a build directory of the preset "package": the library, its development files, the command, and the measuring program if it is
# built. tools/package does it all, and tries what it makes.

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME lessor)
set(CPACK_PACKAGE_CONTACT "The authors of lessor <lessor@localhost.localdomain>" CACHE STRING "Maintainer that packages name")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_COMPONENTS_ALL library development)
set(names library=liblessor${PROJECT_VERSION_MAJOR} development=liblessor-dev)
if(LESSOR_WITH_TOOLS)
        list(APPEND CPACK_COMPONENTS_ALL command)
        list(APPEND names command=lessor)
endif()
if(TARGET lessor_bench)
        list(APPEND CPACK_COMPONENTS_ALL bench)
        list(APPEND names bench=lessor-bench)
endif()

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# CPack's own way would run ldconfig from scripts.
file(WRITE ${PROJECT_BINARY_DIR}/package/triggers "activate-noawait ldconfig\n")
file(WRITE ${PROJECT_BINARY_DIR}/package/shlibs
        "liblessor ${PROJECT_VERSION_MAJOR} liblessor${PROJECT_VERSION_MAJOR} (>= ${PROJECT_VERSION})\n")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA ${PROJECT_BINARY_DIR}/package/triggers ${PROJECT_BINARY_DIR}/package/shlibs)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SECTION net)
set(CPACK_DEBIAN_BENCH_PACKAGE_SECTION net)
# The static library needs what it is made of; with the shared one a user needs nothing more.
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
        "liblessor${PROJECT_VERSION_MAJOR} (= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SUGGESTS "liburcu-dev, libisal-dev, libxxhash-dev, libunistring-dev")

set(about "lessor keeps the leases of DHCP servers, IPv4 and IPv6: in memory
for speed, and durable by a write-ahead log and snapshots.\n\n")
set(CPACK_COMPONENT_LIBRARY_DESCRIPTION "${about}This package has the shared library.")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "${about}This package has headers, the static library, and what pkg-config and
CMake need.")
set(CPACK_COMPONENT_COMMAND_DESCRIPTION "${about}This package has the command lessor, which makes and looks into
stores, and reads and writes the lease files of other servers.")
set(CPACK_COMPONENT_BENCH_DESCRIPTION "${about}This package has lessor-bench, which measures it beside other stores.")

# Each package has a changelog and says whose it is; of the former only Debian's format counts.
string(TIMESTAMP now "%a, %d %b %Y %H:%M:%S +0000" UTC)
set(changelog ${PROJECT_BINARY_DIR}/package/changelog.Debian)
foreach(pair IN LISTS names)
        string(REPLACE "=" ";" pair ${pair})
        list(GET pair 0 component)
        list(GET pair 1 name)
        string(TOUPPER ${component} upper)
        set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${name})
        file(WRITE ${changelog}
                "lessor (${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) unstable; urgency=medium\n\n  * See CHANGELOG.md of the sources.\n\n"
                " -- ${CPACK_PACKAGE_CONTACT}  ${now}\n")
        file(ARCHIVE_CREATE OUTPUT ${changelog}.gz PATHS ${changelog} FORMAT raw COMPRESSION GZip COMPRESSION_LEVEL 9)
        install(FILES ${changelog}.gz cmake/debian/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${name}
                COMPONENT ${component} EXCLUDE_FROM_ALL)
endforeach()
include(CPack)
