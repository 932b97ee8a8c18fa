/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "sink/sink.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "sink/sink_internal.h"

static const struct {
	const struct sink_operations *operations;
	const char *word;
	const char *path; /* where the setting names none */
} kinds[] = {
	[SINK_STDOUT] = {&sink_stdout, "stdout", ""},
	[SINK_FILE] = {&sink_file, "file", ""},
	[SINK_SYSLOG] = {&sink_syslog, "syslog", "/dev/log"},
	[SINK_JOURNAL] = {&sink_journal, "journal", "/run/systemd/journal/socket"},
};

/* --- what the sinks share ------------------------------------------------------------- */

int sink_cannot(struct failure *failure, const struct sink *sink, const char *what, int error)
{
	if (sink_is_slow(error))
		return failure_set(failure, -EAGAIN, "%.300s takes no more at the moment", sink->name);
	return failure_set(failure, -error, "can not %s %.300s: %s", what, sink->name, strerror(error));
}

void sink_close_descriptor(struct sink *sink)
{
	if (sink->fd > STDERR_FILENO)
		close(sink->fd);
	sink->fd = -1;
	sink->rest.length = 0;
}

bool sink_is_slow(int error)
{
	return error == EAGAIN || error == ENOBUFS;
}

int sink_connect(struct sink *sink, bool streams, struct failure *failure)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat status;
	int error = EPROTOTYPE, tries = streams ? 2 : 1;

	if (!text_copy(address.sun_path, sizeof(address.sun_path), sink->path))
		return sink_cannot(failure, sink, "reach", ENAMETOOLONG);
	for (int i = 0; i < tries && error == EPROTOTYPE; i++) {
		sink->is_stream = i == 1;
		sink->fd = socket(AF_UNIX,
				  (sink->is_stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK,
				  0);
		if (sink->fd < 0)
			return sink_cannot(failure, sink, "open a socket for", errno);
		error = connect(sink->fd, (const struct sockaddr *)&address, sizeof(address)) ? errno : 0;
		if (error)
			sink_close_descriptor(sink);
	}
	if (error)
		return sink_cannot(failure, sink, "reach", error);
	sink->device = sink->inode = 0;
	if (stat(sink->path, &status) == 0) {
		sink->device = status.st_dev;
		sink->inode = status.st_ino;
		sink->changed = status.st_ctim;
	}
	return 0;
}

/* Nobody tells who has read a datagram: but the socket at the path is the same, and somebody holds it. */
static bool is_still_there(const struct sink *sink)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat status;
	bool there;
	int probe;
	char byte;

	if (sink->is_stream)
		return recv(sink->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
	if (stat(sink->path, &status) || status.st_dev != sink->device || status.st_ino != sink->inode ||
	    status.st_ctim.tv_sec != sink->changed.tv_sec || status.st_ctim.tv_nsec != sink->changed.tv_nsec)
		return false;
	probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe < 0)
		return true; /* that says nothing about the log */
	text_copy(address.sun_path, sizeof(address.sun_path), sink->path);
	there = connect(probe, (const struct sockaddr *)&address, sizeof(address)) == 0;
	close(probe);
	return there;
}

int64_t sink_flush_log(struct sink *sink, struct failure *failure)
{
	int unread = 0;

	/* A log that ends takes with it what it has not read, and then nothing is left to read as well. */
	if (sink->fd >= 0 && ioctl(sink->fd, SIOCOUTQ, &unread) == 0 && unread > 0 && is_still_there(sink))
		return unread;
	if (sink->fd >= 0 && unread == 0 && is_still_there(sink))
		return 0;
	sink_close_descriptor(sink);
	return sink_cannot(failure, sink, "be sure of all that was sent to", ECONNRESET);
}

/* 0: all of the text is out, and there is none any more. */
static int push(struct sink *sink, struct failure *failure)
{
	struct sink_text *text = &sink->rest;

	while (text->done < text->length) {
		const char *from = text->bytes + text->done;
		size_t left = text->length - text->done;
		ssize_t written = sink->is_socket ? send(sink->fd, from, left, MSG_NOSIGNAL | MSG_DONTWAIT)
						  : write(sink->fd, from, left);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0) {
			if (text->done == 0)
				text->length = 0;
			return sink_cannot(failure, sink, text->done ? "write all of a line to" : "write to",
					   written < 0 ? errno : EIO);
		}
		text->done += (size_t)written;
	}
	text->length = 0;
	return 0;
}

int sink_put_line(struct sink *sink, const char *head, const char *line, char end, struct failure *failure)
{
	struct sink_text *text = &sink->rest;
	size_t length = strlen(line);

	if (text->length) {
		bool same = text->length == text->line + length + 1 &&
			    memcmp(text->bytes + text->line, line, length) == 0;
		int error = push(sink, failure);

		if (error || same)
			return error;
	}
	text->line = strlen(head);
	if (text->line > SINK_HEAD_MAX || length > RENDER_MAX)
		return sink_cannot(failure, sink, "give so long a line to", EMSGSIZE);
	memcpy(text->bytes, head, text->line);
	memcpy(text->bytes + text->line, line, length);
	text->bytes[text->line + length] = end;
	text->length = text->line + length + 1;
	text->done = 0;
	return push(sink, failure);
}

unsigned sink_priority(enum alert_severity severity)
{
	if (severity < SEVERITY_INFORMATIONAL || severity > SEVERITY_CRITICAL)
		severity = SEVERITY_MEDIUM;
	return 7 - (unsigned)severity;
}

/* --- all of them ---------------------------------------------------------------------- */

int sink_open(const struct sink_setting *setting, bool cee, struct sink **out, struct failure *failure)
{
	const char *word = kinds[setting->kind].word;
	struct sink *sink = calloc(1, sizeof(*sink));
	int error;

	if (!sink)
		return failure_set(failure, -ENOMEM, "out of memory");
	sink->operations = kinds[setting->kind].operations;
	sink->fd = -1;
	sink->cee = cee;
	text_copy(sink->path, sizeof(sink->path),
		  setting->path[0] ? setting->path : kinds[setting->kind].path);
	if (setting->path[0])
		snprintf(sink->name, sizeof(sink->name), "%s:%s", word, setting->path);
	else
		text_copy(sink->name, sizeof(sink->name), word);
	error = sink->operations->open(sink, failure);
	/* A file that can not be opened now is a mistake to tell at once; a log may come up later. */
	if (error && setting->kind == SINK_FILE) {
		free(sink);
		return error;
	}
	*out = sink;
	return 0;
}

void sink_close(struct sink *sink)
{
	if (!sink)
		return;
	sink_close_descriptor(sink);
	free(sink);
}

int sink_write(struct sink *sink, const struct sink_alert *alert, struct failure *failure)
{
	bool is_fresh = sink->fd < 0;
	int error = is_fresh ? sink->operations->open(sink, failure) : 0;

	if (!error)
		error = sink->operations->write(sink, alert, failure);
	/* The log was restarted, or the file removed: once more with what is there now. */
	if (error && sink->fd < 0 && !is_fresh && !sink->written) {
		error = sink->operations->open(sink, failure);
		if (!error)
			error = sink->operations->write(sink, alert, failure);
	}
	if (!error)
		sink->written = true;
	return error;
}

int64_t sink_flush(struct sink *sink, struct failure *failure)
{
	int64_t result = 0;

	if (sink->written && sink->operations->flush)
		result = sink->operations->flush(sink, failure);
	if (result <= 0)
		sink->written = false;
	return result;
}

int sink_reopen(struct sink *sink, struct failure *failure)
{
	if (!sink->operations->is_file)
		return 0;
	(void)sink_flush(sink,
			 failure); /* best effort: what it is told of comes again with the next failure */
	sink_close_descriptor(sink);
	return sink->operations->open(sink, failure);
}

const char *sink_name(const struct sink *sink)
{
	return sink->name;
}
