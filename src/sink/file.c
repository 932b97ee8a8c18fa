/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * file.c - lines into files and to standard output.
 *
 * A reader of the file never finds half a line with a newline behind it: what a full disk
 * tore off is taken back, or else completed, and what a sudden end of the process left is cut off when the
 * file is opened, since that line comes again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sink/sink_internal.h"

/* --- standard output -------------------------------------------------------------------- */

/*
 * Whoever reads us may stop reading. The descriptor is shared with others, who did not ask
 * for writes that fail instead of waiting: so pipes and terminals are opened anew, sockets need nothing.
 */
static int open_stdout(struct sink *sink, struct failure *failure)
{
	struct stat status;
	int flags;

	if (fstat(STDOUT_FILENO, &status))
		return sink_cannot(failure, sink, "look at", errno);
	sink->is_socket = S_ISSOCK(status.st_mode);
	sink->is_regular = S_ISREG(status.st_mode);
	sink->fd = STDOUT_FILENO;
	if (sink->is_socket || sink->is_regular)
		return 0;
	sink->fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (sink->fd >= 0)
		return 0;
	flags = fcntl(STDOUT_FILENO, F_GETFL);
	if (flags < 0 || fcntl(STDOUT_FILENO, F_SETFL, flags | O_NONBLOCK))
		return sink_cannot(failure, sink, "prepare", errno);
	sink->fd = STDOUT_FILENO;
	return 0;
}

static int write_stdout(struct sink *sink, const struct sink_alert *alert, struct failure *failure)
{
	return sink_put_line(sink, "", alert->line, '\n', failure);
}

const struct sink_operations sink_stdout = {.open = open_stdout, .write = write_stdout};

/* --- files ------------------------------------------------------------------------------ */

/* How many bytes at the file's end are the beginning of a line of ours; 0 where it ends well, or strangely.
 */
static off_t torn_bytes(const struct sink *sink, const struct stat *status)
{
	char bytes[RENDER_MAX];
	size_t most = (size_t)status->st_size < sizeof(bytes) ? (size_t)status->st_size : sizeof(bytes);
	struct stat same;
	int fd = open(sink->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	off_t torn = 0;
	const char *newline;

	if (fd < 0)
		return 0;
	if (fstat(fd, &same) == 0 && same.st_dev == status->st_dev && same.st_ino == status->st_ino &&
	    pread(fd, bytes, most, status->st_size - (off_t)most) == (ssize_t)most) {
		newline = memrchr(bytes, '\n', most);
		if (newline)
			torn = bytes + most - (newline + 1);
		else if (most == (size_t)status->st_size)
			torn = (off_t)most;
		if (torn && bytes[most - (size_t)torn] != '{')
			torn = 0;
	}
	close(fd);
	return torn;
}

static int open_file(struct sink *sink, struct failure *failure)
{
	struct stat status;
	off_t torn;

	sink->fd = open(sink->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
	if (sink->fd < 0)
		return sink_cannot(failure, sink, "open", errno);
	if (fstat(sink->fd, &status)) {
		int error = sink_cannot(failure, sink, "look at", errno);

		sink_close_descriptor(sink);
		return error;
	}
	sink->is_socket = false;
	sink->is_regular = S_ISREG(status.st_mode);
	torn = sink->is_regular && status.st_size ? torn_bytes(sink, &status) : 0;
	if (torn && ftruncate(sink->fd, status.st_size - torn)) {
		int error = sink_cannot(failure, sink, "take a half line out of", errno);

		sink_close_descriptor(sink);
		return error;
	}
	return 0;
}

/*
 * Whether lines would go where nobody finds them: the file was removed, or another one has
 * taken its place. A file that was only renamed is in the middle of a rotation, which ends with SIGHUP.
 */
static bool is_astray(const struct sink *sink)
{
	struct stat ours, there;

	if (fstat(sink->fd, &ours))
		return true;
	if (ours.st_nlink == 0)
		return true;
	return stat(sink->path, &there) == 0 && (there.st_dev != ours.st_dev || there.st_ino != ours.st_ino);
}

/* A full disk tore a line: out with its beginning. Else it stays, and is completed. */
static void take_back(struct sink *sink)
{
	struct stat status;
	off_t done = (off_t)sink->rest.done;

	if (fstat(sink->fd, &status) || status.st_size < done || ftruncate(sink->fd, status.st_size - done))
		return;
	sink->rest.length = 0;
}

static int write_file(struct sink *sink, const struct sink_alert *alert, struct failure *failure)
{
	int error;

	if (is_astray(sink)) {
		sink_close_descriptor(sink);
		error = open_file(sink, failure);
		if (error)
			return error;
	}
	error = sink_put_line(sink, "", alert->line, '\n', failure);
	if (error && sink->rest.length && sink->is_regular)
		take_back(sink);
	if (error)
		return error;
	if (is_astray(sink)) { /* while it was written */
		sink_close_descriptor(sink);
		return sink_cannot(failure, sink, "find what was written to", ENOENT);
	}
	return 0;
}

static int64_t flush_file(struct sink *sink, struct failure *failure)
{
	if (sink->fd < 0 || !sink->is_regular || fdatasync(sink->fd) == 0)
		return 0;
	return sink_cannot(failure, sink, "bring to the disk what was written to", errno);
}

const struct sink_operations sink_file = {
	.open = open_file, .write = write_file, .flush = flush_file, .is_file = true};
