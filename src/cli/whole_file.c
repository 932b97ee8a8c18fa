/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE 0640

static int write_to(FILE *out, whole_file_callback *callback, void *context, struct failure *failure)
{
	int error;

	errno = 0;
	error = callback(context, out, failure);
	if (!error && (fflush(out) || ferror(out)))
		error = -(errno ? errno : EIO);
	return error;
}

static int fail(struct failure *failure, int error, const char *path)
{
	return failure->text[0]
		       ? error
		       : failure_set(failure, error, "can not write %.300s: %s", path, strerror(-error));
}

/* A device or a pipe is written to as it is. */
static bool is_file(const char *path)
{
	struct stat status;

	return stat(path, &status) != 0 || S_ISREG(status.st_mode);
}

static int write_device(const char *path, whole_file_callback *callback, void *context,
			struct failure *failure)
{
	FILE *out = fopen(path, "we");
	int error;

	if (!out)
		return fail(failure, -errno, path);
	error = write_to(out, callback, context, failure);
	if (fclose(out) && !error)
		error = -errno;
	return error ? fail(failure, error, path) : 0;
}

static FILE *open_beside(const char *path, char *temporary, size_t size, struct failure *failure)
{
	FILE *out;
	int fd;

	if (snprintf(temporary, size, "%s.XXXXXX", path) >= (int)size) {
		failure_set(failure, -ENAMETOOLONG, "%.300s: the path is too long", path);
		return NULL;
	}
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		failure_set(failure, -errno, "can not make %.300s: %s", path, strerror(errno));
		return NULL;
	}
	out = fdopen(fd, "w");
	if (!out) {
		close(fd);
		unlink(temporary);
		failure_set(failure, -ENOMEM, "out of memory");
	}
	return out;
}

static int write_whole(const char *path, whole_file_callback *callback, void *context,
		       struct failure *failure)
{
	char temporary[4096];
	FILE *out = open_beside(path, temporary, sizeof(temporary), failure);
	mode_t mask = umask(0);
	int error;

	umask(mask);
	if (!out)
		return -EIO;
	error = write_to(out, callback, context, failure);
	if (!error && (fchmod(fileno(out), FILE_MODE & ~mask) || fsync(fileno(out))))
		error = -errno;
	if (fclose(out) && !error)
		error = -errno;
	if (!error && rename(temporary, path))
		error = -errno;
	if (!error)
		return 0;
	unlink(temporary);
	return fail(failure, error, path);
}

int whole_file_write(const char *path, whole_file_callback *callback, void *context, struct failure *failure)
{
	if (!path || strcmp(path, "-") == 0)
		return write_to(stdout, callback, context, failure);
	return is_file(path) ? write_whole(path, callback, context, failure)
			     : write_device(path, callback, context, failure);
}
