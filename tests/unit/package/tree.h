/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* tree.h - made-up hosts: a folder that stands for /, and one for /proc. */
#ifndef PACKAGE_TREE_H
#define PACKAGE_TREE_H

#include <stdint.h>

#include "package/package.h"

#define TREE_PATH_MAX 512

/* For cmocka: *state is the folder's path. It has an empty dpkg, and /bin, /sbin, /lib as links into /usr. */
int tree_make(void **state);
int tree_remove(void **state);

/* Below the tree; folders on the way are made. Fail the test where they can not. */
const char *tree_path(const char *root, const char *path); /* good for 8 calls */
void tree_write(const char *root, const char *path, const void *bytes, size_t length);
void tree_text(const char *root, const char *path, const char *text);
void tree_link(const char *root, const char *path, const char *target);

/* A list as dpkg writes one: a new file over the old, with that mtime (UNIX seconds). */
void tree_list(const char *root, const char *package, int64_t mtime, const char *text);

/* Packages of that tree, with `rpm` as rpm's program and root/proc as /proc. */
struct packages *tree_open(const char *root, const char *rpm);

/* Asks until the answer is another than PACKAGE_PENDING, some seconds at most. */
struct package_answer tree_find(struct packages *packages, const char *path);

/* Fails unless that package owns the path. NULL: it is unowned. */
#define tree_owned(packages, path, name) tree_check_owned(packages, path, name, __FILE__, __LINE__)
void tree_check_owned(struct packages *packages, const char *path, const char *name, const char *file,
		      int line);

#endif
