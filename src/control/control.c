/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "control/control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

#define REPLY_PATIENCE_MS 30000 /* the writer may be waiting for a slow disk */

static int address_of(const char *path, struct sockaddr_un *address)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	return text_copy(address->sun_path, sizeof(address->sun_path), path) ? 0 : -ENAMETOOLONG;
}

/* One packet, cut ones refused. Its size, or -errno. */
static ssize_t receive(int fd, void *bytes, size_t size, int patience_ms)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	struct iovec part = {.iov_base = bytes, .iov_len = size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	int ready = poll(&wait, 1, patience_ms);
	ssize_t got;

	if (ready <= 0)
		return ready == 0 ? -ETIMEDOUT : -errno;
	got = recvmsg(fd, &message, MSG_DONTWAIT);
	if (got < 0 && errno == ECONNRESET) /* it refused without reading: what it said lies behind that */
		got = recvmsg(fd, &message, MSG_DONTWAIT);
	if (got < 0)
		return -errno;
	return message.msg_flags & MSG_TRUNC ? -EBADMSG : got;
}

/* --- client --------------------------------------------------------------------- */

static int read_reply(int fd, char *text, size_t size, struct failure *failure)
{
	struct control_words reply = {0};
	ssize_t got = receive(fd, reply.bytes, sizeof(reply.bytes), REPLY_PATIENCE_MS);

	if (got == -ETIMEDOUT)
		return failure_set(failure, -ETIMEDOUT, "the daemon does not answer; see its log");
	reply.size = got < 0 ? 0 : (size_t)got;
	if (control_parse(&reply) || reply.count != 2)
		return failure_set(failure, -EBADMSG, "the daemon closed the connection without an answer");
	text_copy(text, size, reply.words[1]);
	if (strcmp(reply.words[0], "ok") == 0)
		return 1;
	return failure_set(failure, 0, "%s", reply.words[1]);
}

/* Connects and sends. The descriptor, or -errno. */
static int send_request(const char *path, const struct control_words *request, struct failure *failure)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), error;
	struct sockaddr_un address;

	if (fd < 0)
		return failure_set(failure, -errno, "can not make a socket: %s", strerror(errno));
	error = address_of(path, &address);
	if (!error && connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		error = -errno;
	if (error)
		failure_set(failure, error, "can not reach the daemon at %s: %s", path, strerror(-error));
	else if (send(fd, request->bytes, request->size, MSG_NOSIGNAL) < 0 && errno != EPIPE)
		error = failure_set(failure, -errno, "can not ask the daemon: %s", strerror(errno));
	if (!error)
		return fd;
	close(fd);
	return error;
}

int control_ask(const char *path, const struct control_words *request, char *text, size_t size,
		struct failure *failure)
{
	int fd = send_request(path, request, failure), result;

	if (fd < 0)
		return fd;
	result = read_reply(fd, text, size, failure);
	close(fd);
	return result;
}

int control_subscribe(const char *path, const struct control_words *request, struct failure *failure)
{
	int fd = send_request(path, request, failure), result;
	char text[CONTROL_BYTES_MAX];

	if (fd < 0)
		return fd;
	result = read_reply(fd, text, sizeof(text), failure);
	if (result == 1)
		return fd;
	close(fd);
	return result;
}

ssize_t control_next(int connection, char text[static CONTROL_MESSAGE_MAX])
{
	struct iovec part = {.iov_base = text, .iov_len = CONTROL_MESSAGE_MAX - 1};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t got = recvmsg(connection, &message, MSG_DONTWAIT);

	if (got < 0)
		return errno == ECONNRESET ? 0 : -errno;
	if (message.msg_flags & MSG_TRUNC)
		return -EBADMSG;
	text[got] = '\0';
	return got;
}

/* --- server --------------------------------------------------------------------- */

/* A socket that nobody listens on is what a killed daemon left. Anything else at the path stays. */
static int remove_stale(const char *path, const struct sockaddr_un *address)
{
	struct stat status;
	int fd, error = 0;

	if (lstat(path, &status))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
		error = -EADDRINUSE;
	else if (errno != ECONNREFUSED)
		error = -errno;
	close(fd);
	if (!error && unlink(path) && errno != ENOENT)
		error = -errno;
	return error;
}

int control_listen(const char *path, gid_t group, struct failure *failure)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), error;
	struct sockaddr_un address;
	mode_t before;

	if (fd < 0)
		return failure_set(failure, -errno, "can not make the control socket: %s", strerror(errno));
	error = address_of(path, &address);
	if (!error)
		error = remove_stale(path, &address);
	if (!error) {
		before = umask(0177);
		if (bind(fd, (const struct sockaddr *)&address, sizeof(address)))
			error = -errno;
		umask(before);
	}
	if (!error && group != (gid_t)-1 && chown(path, (uid_t)-1, group) == 0)
		(void)chmod(path, 0660);
	if (!error && listen(fd, 16))
		error = -errno;
	if (!error)
		return fd;
	close(fd);
	if (error == -EADDRINUSE)
		return failure_set(
			failure, error,
			"the control socket %s is taken: another daemon listens on it; stop that one, or "
			"set control.socket",
			path);
	return failure_set(failure, error, "can not make the control socket %s: %s", path, strerror(-error));
}

int control_peer(int connection, uid_t *uid, pid_t *pid)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return -errno;
	*uid = peer.uid;
	*pid = peer.pid;
	return 0;
}

bool control_peer_is_of(int connection, gid_t group)
{
	struct ucred peer;
	socklen_t size = sizeof(peer), bytes = 0;
	gid_t *groups;
	bool found;

	if (group == (gid_t)-1 || getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return false;
	if (peer.gid == group)
		return true;
	/* How many there are is told by a buffer that is too small. */
	if (getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, NULL, &bytes) == 0 || errno != ERANGE)
		return false;
	groups = malloc(bytes);
	found = false;
	if (groups && getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, groups, &bytes) == 0)
		for (size_t i = 0; i < bytes / sizeof(*groups); i++)
			found = found || groups[i] == group;
	free(groups);
	return found;
}

int control_receive(int connection, struct control_words *request, int patience_ms)
{
	ssize_t got = receive(connection, request->bytes, sizeof(request->bytes), patience_ms);

	if (got < 0)
		return (int)got;
	request->size = (size_t)got;
	return control_parse(request);
}

void control_reply(int connection, bool ok, const char *text)
{
	struct control_words reply = {0};
	char line[CONTROL_BYTES_MAX - 16];

	text_copy(line, sizeof(line), text);
	control_add(&reply, ok ? "ok" : "failed");
	control_add(&reply, line);
	(void)send(connection, reply.bytes, reply.size, MSG_NOSIGNAL | MSG_DONTWAIT);
}
