/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * lock.c - one writer at a time: an open file description lock on FILE.lock.
 *
 * A file of its own, since SQLite keeps POSIX locks on the database, and those
 * vanish when any descriptor of the file is closed. This lock goes with its
 * holder, however that ends, and may be asked about without taking it. The file stays:
 * removing it would let two writers lock two files of one name.
 */
#include "history/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOCK_SUFFIX ".lock"

static int lock_path(const char *path, char out[static PATH_MAX])
{
	int length = snprintf(out, PATH_MAX, "%s" LOCK_SUFFIX, path);

	return length < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* The number in the lock file, 0 where there is none. */
static long holder_of(int lock)
{
	char text[32] = "";

	if (pread(lock, text, sizeof(text) - 1, 0) <= 0)
		return 0;
	return strtol(text, NULL, 10);
}

static int refused(int lock, const char *path, struct failure *failure)
{
	long holder = holder_of(lock);
	char who[64] = "another process";

	if (holder > 0)
		snprintf(who, sizeof(who), "process %ld", holder);
	return failure_set(
		failure, -EBUSY,
		"history %s: %s writes it: stop that one first (systemctl stop firstseen), or name "
		"another file",
		path, who);
}

int history_lock(const char *path, struct failure *failure)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char name[PATH_MAX], pid[32];
	int error = lock_path(path, name);
	int lock;

	if (error)
		return failure_set(failure, error, "history %s: the path is too long: choose a shorter one",
				   path);
	lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (lock < 0)
		return failure_set(
			failure, -errno,
			"history %s: can not open its lock %s: %s; see to the owner and mode of the "
			"directory, or run it as the user firstseen",
			path, name, strerror(errno));
	if (fcntl(lock, F_OFD_SETLK, &whole) < 0) {
		error = errno == EAGAIN || errno == EACCES
				? refused(lock, path, failure)
				: failure_set(failure, -errno,
					      "history %s: can not lock %s: %s; is it on a file "
					      "system without locks?",
					      path, name, strerror(errno));
		close(lock);
		return error;
	}
	/* Only for the message above: a disk that is full must not keep the daemon from starting. */
	snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	if (ftruncate(lock, 0) < 0 || write(lock, pid, strlen(pid)) < 0)
		errno = 0;
	return lock;
}

bool history_is_locked(const char *path)
{
	struct flock whole = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	char name[PATH_MAX];
	bool locked;
	int lock;

	if (lock_path(path, name))
		return false;
	lock = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (lock < 0)
		return errno != ENOENT; /* it can not be told: then assume the careful case */
	locked = fcntl(lock, F_OFD_GETLK, &whole) < 0 || whole.l_type != F_UNLCK;
	close(lock);
	return locked;
}
