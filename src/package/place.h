/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* place.h - whether a process's files are those of this host's own tree. */
#ifndef PACKAGE_PLACE_H
#define PACKAGE_PLACE_H

#include "package/package.h"

/* Where a process's files are. */
struct place {
	enum package_result result; /* PACKAGE_OWNED: in the tree at `root`; else why nothing can be said */
	bool alive;                 /* it was looked at; else the rest is what its description says */
	bool replaced;              /* the file at `program` is not what runs */
	char program[PACKAGE_PATH_MAX]; /* without a " (deleted)"; "": not known */
	char script[PACKAGE_PATH_MAX];  /* absolute; "": none, or no file */
};

void place_process(const char *root, const char *proc, const struct package_process *process,
		   struct place *out);

/* The file that `path` leads to below `root`, links followed inside of it; false where that is not another.
 */
bool place_resolve(const char *root, const char *path, char resolved[static PACKAGE_PATH_MAX]);

#endif
