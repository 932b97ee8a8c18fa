/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "sink/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "sink/sink_internal.h"

#define SYSLOG_PRIORITY (3 * 8 + 4) /* daemon.warning */

struct sink_operations {
	int (*open)(struct sink *sink, struct failure *failure);
	int (*write)(struct sink *sink, const char *line, size_t length, struct failure *failure);
	bool is_file;
	size_t line_max;
};

struct sink {
	const struct sink_operations *operations;
	char path[PATH_MAX];
	char name[PATH_MAX + 8];
	int fd;      /* -1: closed */
	bool torn;   /* the last line was written in part: end it before the next one */
	bool stream; /* syslog: the log listens on a stream */
};

static int cannot(struct failure *failure, const struct sink *sink, const char *what, int error)
{
	return failure_set(failure, -error, "can not %s %.300s: %s", what, sink->name, strerror(error));
}

/* --- standard output and files ------------------------------------------------------ */

static int open_stdout(struct sink *sink, struct failure *failure)
{
	(void)failure;
	sink->fd = STDOUT_FILENO;
	return 0;
}

static int open_file(struct sink *sink, struct failure *failure)
{
	sink->fd = open(sink->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
	return sink->fd < 0 ? cannot(failure, sink, "open", errno) : 0;
}

/* One write for line and newline. What a full disk tore off is taken back, or closed by a newline later. */
static int write_line(struct sink *sink, const char *line, size_t length, struct failure *failure)
{
	struct iovec parts[3] = {
		{.iov_base = (void *)(uintptr_t) "\n", .iov_len = sink->torn ? 1 : 0},
		{.iov_base = (void *)(uintptr_t)line, .iov_len = length},
		{.iov_base = (void *)(uintptr_t) "\n", .iov_len = 1},
	};
	size_t wanted = length + 1 + (sink->torn ? 1 : 0);
	off_t before = lseek(sink->fd, 0, SEEK_END);
	ssize_t written = writev(sink->fd, parts, 3);

	if (written == (ssize_t)wanted) {
		sink->torn = false;
		return 0;
	}
	if (written < 0)
		return cannot(failure, sink, "write to", errno == EWOULDBLOCK ? EAGAIN : errno);
	sink->torn = before < 0 || ftruncate(sink->fd, before) != 0;
	return cannot(failure, sink, "write all of a line to", ENOSPC);
}

/* --- syslog ------------------------------------------------------------------------- */

/*
 * syslog(3) tells nobody that the log is down, and an alert must not be lost to
 * that: so the line goes over the log's socket here.
 */
static int open_syslog(struct sink *sink, struct failure *failure)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int error = EPROTOTYPE;

	text_copy(address.sun_path, sizeof(address.sun_path), sink->path);
	for (int i = 0; i < 2 && error == EPROTOTYPE; i++) {
		sink->stream = i == 1;
		sink->fd = socket(
			AF_UNIX, (sink->stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (sink->fd < 0)
			return cannot(failure, sink, "open a socket for", errno);
		error = connect(sink->fd, (const struct sockaddr *)&address, sizeof(address)) ? errno : 0;
		if (error) {
			close(sink->fd);
			sink->fd = -1;
		}
	}
	return error ? cannot(failure, sink, "reach", error) : 0;
}

static int write_syslog(struct sink *sink, const char *line, size_t length, struct failure *failure)
{
	char head[96], date[32];
	time_t now = time(NULL);
	struct tm local;
	struct iovec parts[3];
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	size_t wanted;
	ssize_t written;
	int error;

	strftime(date, sizeof(date), "%b %e %H:%M:%S", localtime_r(&now, &local));
	snprintf(head, sizeof(head), "<%d>%s firstseend[%d]: ", SYSLOG_PRIORITY, date, (int)getpid());
	parts[0] = (struct iovec){.iov_base = head, .iov_len = strlen(head)};
	parts[1] = (struct iovec){.iov_base = (void *)(uintptr_t)line, .iov_len = length};
	parts[2] = (struct iovec){.iov_base = (void *)(uintptr_t) "", .iov_len = 1};
	if (sink->stream) /* a stream's messages end with a NUL byte */
		message.msg_iovlen = 3;
	wanted = parts[0].iov_len + length + sink->stream;
	written = sendmsg(sink->fd, &message, MSG_NOSIGNAL);
	if (written == (ssize_t)wanted)
		return 0;
	error = written < 0 ? errno : EIO;
	if (error != EAGAIN && error != ENOBUFS) { /* the log was restarted: reach it anew next time */
		close(sink->fd);
		sink->fd = -1;
	}
	return cannot(failure, sink, "send to", error);
}

static const struct sink_operations operations[] = {
	[SINK_STDOUT] = {.open = open_stdout, .write = write_line, .line_max = RENDER_MAX},
	[SINK_FILE] = {.open = open_file, .write = write_line, .is_file = true, .line_max = RENDER_MAX},
	[SINK_SYSLOG] = {.open = open_syslog, .write = write_syslog, .line_max = RENDER_SYSLOG_MAX},
};

/* --- all of them ---------------------------------------------------------------------- */

int sink_open_at(const struct sink_setting *setting, const char *log_socket, struct sink **out,
		 struct failure *failure)
{
	struct sink *sink = calloc(1, sizeof(*sink));
	int error;

	if (!sink)
		return failure_set(failure, -ENOMEM, "out of memory");
	sink->operations = &operations[setting->kind];
	sink->fd = -1;
	text_copy(sink->path, sizeof(sink->path), setting->kind == SINK_SYSLOG ? log_socket : setting->path);
	if (setting->kind == SINK_FILE)
		snprintf(sink->name, sizeof(sink->name), "file:%s", sink->path);
	else
		text_copy(sink->name, sizeof(sink->name), setting->kind == SINK_SYSLOG ? "syslog" : "stdout");
	error = sink->operations->open(sink, failure);
	/* A file that can not be opened now is a mistake to tell at once; a log may come up later. */
	if (error && setting->kind == SINK_FILE) {
		free(sink);
		return error;
	}
	*out = sink;
	return 0;
}

int sink_open(const struct sink_setting *setting, struct sink **out, struct failure *failure)
{
	return sink_open_at(setting, "/dev/log", out, failure);
}

static void close_descriptor(struct sink *sink)
{
	if (sink->fd > STDERR_FILENO)
		close(sink->fd);
	sink->fd = -1;
}

void sink_close(struct sink *sink)
{
	if (!sink)
		return;
	close_descriptor(sink);
	free(sink);
}

int sink_write(struct sink *sink, const char *line, size_t length, struct failure *failure)
{
	if (sink->fd < 0) {
		int error = sink->operations->open(sink, failure);

		if (error)
			return error;
	}
	return sink->operations->write(sink, line, length, failure);
}

int sink_reopen(struct sink *sink, struct failure *failure)
{
	if (!sink->operations->is_file)
		return 0;
	close_descriptor(sink);
	sink->torn = false;
	return sink->operations->open(sink, failure);
}

size_t sink_line_max(const struct sink *sink)
{
	return sink->operations->line_max;
}

const char *sink_name(const struct sink *sink)
{
	return sink->name;
}
