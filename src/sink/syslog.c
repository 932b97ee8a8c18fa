/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * syslog.c - lines to the system's log.
 *
 * syslog(3) tells nobody that the log is down, and an alert must not be lost to
 * that: so the line goes over the log's socket here.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "sink/sink_internal.h"

#define FACILITY_DAEMON 3

static int open_syslog(struct sink *sink, struct failure *failure)
{
	int error = sink_connect(sink, true, failure);

	sink->is_socket = true;
	return error;
}

static int send_datagram(struct sink *sink, const char *head, const char *line, struct failure *failure)
{
	struct iovec parts[] = {
		{.iov_base = (void *)(uintptr_t)head, .iov_len = strlen(head)},
		{.iov_base = (void *)(uintptr_t)line, .iov_len = strlen(line)},
	};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

	if (sendmsg(sink->fd, &message, MSG_NOSIGNAL) >= 0)
		return 0;
	return sink_cannot(failure, sink, "send to", errno);
}

static int write_syslog(struct sink *sink, const struct sink_alert *alert, struct failure *failure)
{
	const char *line = alert->short_line[0] ? alert->short_line : alert->line;
	char head[SINK_HEAD_MAX], date[32];
	time_t now = time(NULL);
	struct tm local;
	int error;

	strftime(date, sizeof(date), "%b %e %H:%M:%S", localtime_r(&now, &local));
	snprintf(head, sizeof(head), "<%u>%s firstseend[%d]: %s",
		 FACILITY_DAEMON * 8 + sink_priority(alert->severity), date, (int)getpid(),
		 sink->cee ? "@cee: " : "");
	if (sink->is_stream)
		error = sink_put_line(sink, head, line, '\0', failure);
	else
		error = send_datagram(sink, head, line, failure);
	if (error && error != -EAGAIN && error != -EMSGSIZE)
		sink_close_descriptor(sink);
	return error;
}

const struct sink_operations sink_syslog = {
	.open = open_syslog, .write = write_syslog, .flush = sink_flush_log};
