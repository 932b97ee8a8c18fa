/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/scratch.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DESCRIPTORS 16

static char folder[64];

int scratch_make(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/firstseen-test-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status;
	(void)kind;
	(void)walk;
	return remove(path);
}

int scratch_remove(void **state)
{
	(void)state;
	return nftw(folder, remove_one, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}

const char *scratch_path(const char *name)
{
	static char paths[8][160];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s%s%s", folder, name[0] ? "/" : "", name);
	return path;
}
