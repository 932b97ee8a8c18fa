/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cgroup.h - finds the root of the cgroup v2 tree, wherever it is mounted. */
#ifndef CAPTURE_CGROUP_H
#define CAPTURE_CGROUP_H

#include <limits.h>

#include "base/failure.h"

/*
 * Opens the root directory of cgroup v2: from /proc/self/mountinfo, else by a private,
 * detached mount that ends with the descriptor. `path` tells where ("(private mount)"
 * for the latter). Returns the descriptor (the caller's), or -errno with *failure filled.
 */
int cgroup_open_root(char path[static PATH_MAX], struct failure *failure);

/*
 * Reads a mountinfo text: 0 and `path` filled with where the root of a cgroup v2 tree
 * is mounted, or -ENOENT. Octal escapes in the path are undone.
 */
int cgroup_find_mount(const char *mountinfo, char path[static PATH_MAX]);

/*
 * Reads a text like /proc/locks: the process that holds a flock on that file for writing, 0 where none
 * does. A number that is not visible from here is -1.
 */
int cgroup_find_lock(const char *locks, unsigned major, unsigned minor, unsigned long long inode);

/* Who has the root locked, asked without touching the lock. As above, or -errno below -1. */
int cgroup_lock_holder(int root);

#endif
