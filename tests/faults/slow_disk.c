/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A disk on which every fsync takes SLOW_DISK_MS: loaded before a program (LD_PRELOAD).
 * Says at the end how often, in the file SLOW_DISK_COUNT.
 */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static atomic_ulong calls;

static void wait_for_disk(void)
{
	const char *text = getenv("SLOW_DISK_MS");
	long ms = text ? strtol(text, NULL, 10) : 0;
	struct timespec left = {ms / 1000, ms % 1000 * 1000000};

	atomic_fetch_add(&calls, 1);
	while (nanosleep(&left, &left) < 0)
		;
}

static int sync_with(const char *name, int fd)
{
	int (*next)(int);

	*(void **)&next = dlsym(RTLD_NEXT, name);
	wait_for_disk();
	return next(fd);
}

int fsync(int fd)
{
	return sync_with("fsync", fd);
}

int fdatasync(int fd)
{
	return sync_with("fdatasync", fd);
}

__attribute__((destructor)) static void tell(void)
{
	const char *path = getenv("SLOW_DISK_COUNT");
	FILE *file = path ? fopen(path, "w") : NULL;

	if (!file)
		return;
	fprintf(file, "%lu\n", atomic_load(&calls));
	fclose(file);
}
