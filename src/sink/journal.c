/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * journal.c - alerts to the journal, with fields of their own.
 *
 * The documented native protocol: a datagram of fields, "NAME=value\n", or for a value
 * with line breaks "NAME\n", its length in 64 bits little-endian, the value, "\n". What is
 * too large for a datagram is passed as a sealed file in memory.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sink/sink_internal.h"

#define FIELDS_MAX 16
#define MESSAGE_ID "cca76e44aa794cd9b55bd413c539fc27" /* the same for every alert, for ever */

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* Fields as the parts of one message. Values are borrowed. */
struct fields {
	size_t count, parts;
	uint64_t lengths[FIELDS_MAX];
	struct iovec iov[FIELDS_MAX * 5];
};

static void put(struct fields *fields, const void *bytes, size_t length)
{
	fields->iov[fields->parts++] =
		(struct iovec){.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
}

/* `name` ends with "=". Nothing for an empty value. */
static void add(struct fields *fields, const char *name, const char *value)
{
	size_t length = strlen(value);

	if (length == 0 || fields->count == FIELDS_MAX)
		return;
	if (memchr(value, '\n', length)) {
		put(fields, name, strlen(name) - 1);
		put(fields, "\n", 1);
		fields->lengths[fields->count] = htole64(length);
		put(fields, &fields->lengths[fields->count], sizeof(uint64_t));
	} else {
		put(fields, name, strlen(name));
	}
	put(fields, value, length);
	put(fields, "\n", 1);
	fields->count++;
}

static int open_journal(struct sink *sink, struct failure *failure)
{
	return sink_connect(sink, false, failure);
}

/* A descriptor of a sealed file with the message, or -errno. */
static int message_file(const struct fields *fields)
{
	int fd = memfd_create("firstseen-alert", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
	size_t wanted = 0;
	int error;

	if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
		fd = memfd_create("firstseen-alert", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < fields->parts; i++)
		wanted += fields->iov[i].iov_len;
	if (writev(fd, fields->iov, (int)fields->parts) == (ssize_t)wanted &&
	    fcntl(fd, F_ADD_SEALS, seals) == 0)
		return fd;
	error = errno ? -errno : -EIO;
	close(fd);
	return error;
}

static int send_file(const struct sink *sink, const struct fields *fields)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.bytes = {0}};
	struct msghdr message = {.msg_control = &control, .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int fd = message_file(fields), error = 0;

	if (fd < 0)
		return fd;
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	if (sendmsg(sink->fd, &message, MSG_NOSIGNAL) < 0)
		error = -errno;
	close(fd);
	return error;
}

static int write_journal(struct sink *sink, const struct sink_alert *alert, struct failure *failure)
{
	char priority[8], pid[16], revision[16];
	struct fields fields = {0};
	struct msghdr message = {.msg_iov = fields.iov};
	int error = 0;

	snprintf(priority, sizeof(priority), "%u", sink_priority(alert->severity));
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	snprintf(revision, sizeof(revision), "%u", alert->revision);
	add(&fields, "MESSAGE=", alert->message[0] ? alert->message : alert->kind);
	add(&fields, "PRIORITY=", priority);
	add(&fields, "SYSLOG_FACILITY=", "3");
	add(&fields, "SYSLOG_IDENTIFIER=", "firstseend");
	add(&fields, "SYSLOG_PID=", pid);
	add(&fields, "MESSAGE_ID=", MESSAGE_ID);
	add(&fields, "FIRSTSEEN_UID=", alert->uid);
	add(&fields, "FIRSTSEEN_REVISION=", revision);
	add(&fields, "FIRSTSEEN_KIND=", alert->kind);
	add(&fields, "FIRSTSEEN_SEVERITY=", alert_severity_name(alert->severity));
	add(&fields, "FIRSTSEEN_DOMAIN=", alert->domain);
	add(&fields, "FIRSTSEEN_HOSTNAME=", alert->hostname);
	add(&fields, "FIRSTSEEN_APPLICATION=", alert->application);
	add(&fields, "FIRSTSEEN_JSON=", alert->line);
	message.msg_iovlen = fields.parts;
	if (sendmsg(sink->fd, &message, MSG_NOSIGNAL) < 0)
		error = -errno;
	if (error == -EMSGSIZE || error == -ENOBUFS)
		error = send_file(sink, &fields);
	if (!error)
		return 0;
	if (!sink_is_slow(-error) && error != -EMSGSIZE)
		sink_close_descriptor(sink);
	return sink_cannot(failure, sink, "send to", -error);
}

const struct sink_operations sink_journal = {
	.open = open_journal, .write = write_journal, .flush = sink_flush_log};
