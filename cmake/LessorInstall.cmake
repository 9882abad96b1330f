# SPDX-License-Identifier: Apache-2.0
# cmake --install: libraries, headers, the commands with their pages and completion, and the two ways to find the library again (pkg-config and find_package).
# Everything refers to itself relatively, so the tree may be moved. The components are the packages of LessorPackage.cmake.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lessor)
set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
set(LESSOR_ZSH_COMPLETION_DIR ${CMAKE_INSTALL_DATADIR}/zsh/site-functions CACHE STRING "Where zsh looks for completion functions")

option(LESSOR_COMPRESS_MANUAL "Install manual pages with gzip, as Debian wants them" OFF)

# lessor_install_manual(<component> <section> <page>)
function(lessor_install_manual component section page)
        if(LESSOR_COMPRESS_MANUAL)
                cmake_path(GET page FILENAME name)
                set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${page})
                file(ARCHIVE_CREATE OUTPUT ${PROJECT_BINARY_DIR}/package/${name}.gz PATHS ${page} FORMAT raw COMPRESSION GZip
                        COMPRESSION_LEVEL 9)
                set(page ${PROJECT_BINARY_DIR}/package/${name}.gz)
        endif()
        install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section} COMPONENT ${component})
endfunction()

# Two exports: a user of the shared library needs none of the dependencies' development files.
install(TARGETS lessor EXPORT lessorTargets LIBRARY COMPONENT library NAMELINK_COMPONENT development
        FILE_SET HEADERS COMPONENT development)
install(TARGETS lessor_static EXPORT lessorStaticTargets ARCHIVE COMPONENT development FILE_SET HEADERS COMPONENT development)
install(EXPORT lessorTargets NAMESPACE lessor:: DESTINATION ${package_dir} COMPONENT development)
install(EXPORT lessorStaticTargets NAMESPACE lessor:: DESTINATION ${package_dir} COMPONENT development)

configure_package_config_file(cmake/lessorConfig.cmake.in ${PROJECT_BINARY_DIR}/package/lessorConfig.cmake
        INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may break what the one before promised.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/lessorConfigVersion.cmake
        COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/package/lessorConfig.cmake ${PROJECT_BINARY_DIR}/package/lessorConfigVersion.cmake
        cmake/FindUnistring.cmake DESTINATION ${package_dir} COMPONENT development)

file(RELATIVE_PATH pkgconfig_prefix /${pkgconfig_dir} /)
string(REGEX REPLACE "/$" "" pkgconfig_prefix "${pkgconfig_prefix}")
configure_file(cmake/lessor.pc.in ${PROJECT_BINARY_DIR}/package/lessor.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/package/lessor.pc DESTINATION ${pkgconfig_dir} COMPONENT development)
lessor_install_manual(development 3 ${LESSOR_MANUAL})

if(LESSOR_WITH_TOOLS)
        install(TARGETS lessor_command RUNTIME COMPONENT command)
        lessor_install_manual(command 1 ${PROJECT_SOURCE_DIR}/tools/lessor.1)
        lessor_install_manual(command 5 ${PROJECT_SOURCE_DIR}/docs/lessor-store.5)
        install(FILES tools/completion/lessor.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME lessor
                COMPONENT command)
        install(FILES tools/completion/_lessor DESTINATION ${LESSOR_ZSH_COMPLETION_DIR} COMPONENT command)
endif()
if(TARGET lessor_bench)
        install(TARGETS lessor_bench RUNTIME COMPONENT bench)
        lessor_install_manual(bench 1 ${PROJECT_SOURCE_DIR}/docs/lessor-bench.1)
endif()
install(FILES README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT documentation)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT licence)

include(LessorPackage)
