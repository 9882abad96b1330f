/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk for stores in orders of steps: a few small files in memory behind lsr_io, whose whole contents can be kept aside and put back. What was written stays.
 */
#ifndef MEMORY_DISK_H
#define MEMORY_DISK_H

typedef struct memory_image memory_image_t;

/* Put it behind lsr_io, empty. 'renamed' (or NULL) is told of each name that a file has been given. */
void memory_disk_use(void (*renamed)(const char *to));

/* The image is made at the first call, and is there until the process ends. */
void memory_disk_keep(memory_image_t **image);
void memory_disk_load(const memory_image_t *image);

#endif
