/* SPDX-License-Identifier: Apache-2.0 */
/* The version of the library, by semantic versioning. */
#ifndef LESSOR_VERSION_H
#define LESSOR_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

#define LESSOR_VERSION_MAJOR 0
#define LESSOR_VERSION_MINOR 1
#define LESSOR_VERSION_PATCH 0
#define LESSOR_VERSION       "0.1.0"

/* The version of the library that is loaded, for example "0.1.0"; static. */
const char *lessor_version(void);

#ifdef __cplusplus
}
#endif

#endif
