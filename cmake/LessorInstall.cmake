# SPDX-License-Identifier: Apache-2.0
# cmake --install: libraries, headers, the command with its page, and the two ways to find them again (pkg-config and
# find_package). Everything refers to itself relatively, so the tree may be moved.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lessor)
set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# Two exports: a user of the shared library needs none of the dependencies' development files.
install(TARGETS lessor EXPORT lessorTargets FILE_SET HEADERS)
install(TARGETS lessor_static EXPORT lessorStaticTargets FILE_SET HEADERS)
install(EXPORT lessorTargets NAMESPACE lessor:: DESTINATION ${package_dir})
install(EXPORT lessorStaticTargets NAMESPACE lessor:: DESTINATION ${package_dir})

configure_package_config_file(cmake/lessorConfig.cmake.in ${PROJECT_BINARY_DIR}/package/lessorConfig.cmake
        INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may break what the one before promised.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/lessorConfigVersion.cmake
        COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/package/lessorConfig.cmake ${PROJECT_BINARY_DIR}/package/lessorConfigVersion.cmake
        cmake/FindUnistring.cmake DESTINATION ${package_dir})

file(RELATIVE_PATH pkgconfig_prefix /${pkgconfig_dir} /)
string(REGEX REPLACE "/$" "" pkgconfig_prefix "${pkgconfig_prefix}")
configure_file(cmake/lessor.pc.in ${PROJECT_BINARY_DIR}/package/lessor.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/package/lessor.pc DESTINATION ${pkgconfig_dir})

if(LESSOR_WITH_TOOLS)
        install(TARGETS lessor_command)
        install(FILES tools/lessor.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
