/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink_internal.h - what the sinks share. */
#ifndef SINK_SINK_INTERNAL_H
#define SINK_SINK_INTERNAL_H

#include <sys/types.h>
#include <time.h>

#include "sink/sink.h"

#define SINK_HEAD_MAX 128 /* what syslog puts before a line */
#define SINK_TEXT_MAX (SINK_HEAD_MAX + RENDER_MAX + 1)

struct sink_operations {
	int (*open)(struct sink *sink, struct failure *failure);
	/* Closes the descriptor (fd = -1) where another one may do better. */
	int (*write)(struct sink *sink, const struct sink_alert *alert, struct failure *failure);
	int64_t (*flush)(struct sink *sink, struct failure *failure); /* NULL: nothing to do */
	bool is_file;
};

/* What goes out byte by byte, and how much of it did. */
struct sink_text {
	char bytes[SINK_TEXT_MAX];
	size_t line; /* the line begins there */
	size_t length;
	size_t done;
};

struct sink {
	const struct sink_operations *operations;
	char path[PATH_MAX];
	char name[PATH_MAX + 16];
	int fd;          /* -1: closed */
	bool cee;        /* syslog: a cookie before the JSON */
	bool is_stream;  /* syslog: the log listens on a stream; messages end with a NUL byte */
	bool is_socket;  /* stdout is one: a write can not be told not to wait, a send can */
	bool is_regular; /* a file on a disk */
	bool written;    /* since it was flushed */
	dev_t device;    /* of the log's socket, by which a restarted one is told */
	ino_t inode;
	struct timespec changed; /* since inode numbers come again */
	struct sink_text rest;
};

extern const struct sink_operations sink_stdout, sink_file, sink_syslog, sink_journal;

/* Fills *failure: "can not WHAT NAME: ...". Returns -error. */
int sink_cannot(struct failure *failure, const struct sink *sink, const char *what, int error);

void sink_close_descriptor(struct sink *sink);

/* Connects to the log at the sink's path: a datagram socket, or a stream where `streams` allows it and the
 * log listens on one. 0 or -errno. */
int sink_connect(struct sink *sink, bool streams, struct failure *failure);

/* sink_flush for a log. */
int64_t sink_flush_log(struct sink *sink, struct failure *failure);

/* Whether the other side is full now, and the connection is sound. */
bool sink_is_slow(int error);

/*
 * Writes head, line and the end (a newline, or NUL) to the descriptor. What only went out
 * in part is completed before anything else, at the next call; then a line that is the same is not
 * written again. 0, -EAGAIN, or -errno.
 */
int sink_put_line(struct sink *sink, const char *head, const char *line, char end, struct failure *failure);

/* RFC 5424's severity: 6 for informational to 2 for critical. */
unsigned sink_priority(enum alert_severity severity);

#endif
