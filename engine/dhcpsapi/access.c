/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access by group: the Unix counterparts of "DHCP Users" and "DHCP Administrators" (MS-DHCPM 3.1.1.29, 3.1.1.30).
 *
 * Asked when a binding is made, never in a call: the group database may be a file, or a directory service far away.
 */
#include "dhcpsapi/access.h"

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LSR_GROUP_NAME_MAX_BYTES 255u

/* A group of the size of a directory lists its members in the answer; beyond this somebody answers nonsense. */
#define LSR_GROUP_BUFFER_MAX_BYTES (64u << 20)

static const char default_users[] = "dhcp-users";
static const char default_administrators[] = "dhcp-administrators";

/* The two names, guarded by the mutex. */
static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;
static char users_name[LSR_GROUP_NAME_MAX_BYTES + 1] = "dhcp-users";
static char administrators_name[LSR_GROUP_NAME_MAX_BYTES + 1] = "dhcp-administrators";

static bool
is_group_name(const char *name) {
	const size_t length = strnlen(name, LSR_GROUP_NAME_MAX_BYTES + 1);
	return length > 0 && length <= LSR_GROUP_NAME_MAX_BYTES;
}

lessor_status_t
lessor_dhcpsapi_set_groups(const char *users, const char *administrators) {
	users = users != NULL ? users : default_users;
	administrators = administrators != NULL ? administrators : default_administrators;
	if (!is_group_name(users) || !is_group_name(administrators)) {
		return LESSOR_INVALID;
	}
	(void)pthread_mutex_lock(&names_lock);
	(void)strcpy(users_name, users);
	(void)strcpy(administrators_name, administrators);
	(void)pthread_mutex_unlock(&names_lock);
	return LESSOR_OK;
}

/* What an error of getgrnam_r() means. Everything that is not a lack of something is a way to say "no such group". */
static lessor_status_t
status_of_lookup(int error) {
	switch (error) {
	case ENOMEM:
		return LESSOR_NO_MEMORY;
	case EIO:
	case EMFILE:
	case ENFILE:
		return LESSOR_IO;
	default:
		return LESSOR_NOT_FOUND;
	}
}

static lessor_status_t
look_up_group(const char *name, gid_t *gid) {
	for (size_t size = 4096; size <= LSR_GROUP_BUFFER_MAX_BYTES; size *= 2) {
		struct group group;
		struct group *found = NULL;
		int error;
		char *buffer = malloc(size);
		if (buffer == NULL) {
			return LESSOR_NO_MEMORY;
		}
		do {
			error = getgrnam_r(name, &group, buffer, size, &found);
		} while (error == EINTR);
		free(buffer);
		if (found != NULL) {
			*gid = group.gr_gid;
			return LESSOR_OK;
		}
		if (error != ERANGE) {
			return status_of_lookup(error);
		}
	}
	return LESSOR_IO;
}

typedef struct lsr_credentials {
	gid_t *groups; /* the supplementary ones */
	int count;
} lsr_credentials_t;

static lessor_status_t
read_credentials(lsr_credentials_t *credentials) {
	for (;;) {
		const int room = getgroups(0, NULL);
		if (room < 0) {
			return LESSOR_IO;
		}
		gid_t *groups = malloc(((size_t)room + 1) * sizeof(*groups));
		if (groups == NULL) {
			return LESSOR_NO_MEMORY;
		}
		const int count = getgroups(room, groups);
		/* Another thread may have changed the groups in between: with room 0 the answer is their number again. */
		if (count >= 0 && count <= room) {
			*credentials = (lsr_credentials_t){.groups = groups, .count = count};
			return LESSOR_OK;
		}
		free(groups);
		if (count < 0 && errno != EINVAL) {
			return LESSOR_IO;
		}
	}
}

static bool
belongs_to(const lsr_credentials_t *credentials, gid_t gid) {
	bool found = getegid() == gid;
	for (int i = 0; i < credentials->count && !found; i++) {
		found = credentials->groups[i] == gid;
	}
	return found;
}

/* LESSOR_OK with the answer in *member; a group that does not exist has no members. */
static lessor_status_t
ask_membership(const lsr_credentials_t *credentials, const char *name, bool *member) {
	gid_t gid;
	const lessor_status_t status = look_up_group(name, &gid);
	*member = status == LESSOR_OK && belongs_to(credentials, gid);
	return status == LESSOR_NOT_FOUND ? LESSOR_OK : status;
}

static lessor_status_t
access_of_groups(const lsr_credentials_t *credentials, const char *users, const char *administrators,
		 lessor_access_t *access) {
	bool administrator;
	bool user;
	lessor_status_t status = ask_membership(credentials, administrators, &administrator);
	if (status == LESSOR_OK) {
		status = ask_membership(credentials, users, &user);
	}
	if (status == LESSOR_OK) {
		*access = administrator ? LESSOR_ACCESS_READWRITE : user ? LESSOR_ACCESS_READ : LESSOR_ACCESS_NONE;
	}
	return status;
}

lessor_status_t
lsr_access_resolve(lessor_access_t *access) {
	char users[sizeof(users_name)];
	char administrators[sizeof(administrators_name)];
	lsr_credentials_t credentials;
	lessor_status_t status;
	if (*access != LESSOR_ACCESS_BY_GROUP) {
		return LESSOR_OK;
	}
	if (geteuid() == 0) {
		*access = LESSOR_ACCESS_READWRITE;
		return LESSOR_OK;
	}
	(void)pthread_mutex_lock(&names_lock);
	(void)strcpy(users, users_name);
	(void)strcpy(administrators, administrators_name);
	(void)pthread_mutex_unlock(&names_lock);
	status = read_credentials(&credentials);
	if (status == LESSOR_OK) {
		status = access_of_groups(&credentials, users, administrators, access);
		free(credentials.groups);
	}
	return status;
}
