/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/resolver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define CARES_NO_DEPRECATED /* newer ones have other calls; these stay */
#include <ares.h>

#define TRY_MS 1500 /* doubled by c-ares for the second one */
#define TRIES 2
#define CLASS_IN 1
#define SYSTEM_SERVERS "/etc/resolv.conf"

_Static_assert(RESOLVER_SOCKETS_MAX == ARES_GETSOCK_MAXNUM, "each socket has a place");

struct resolver {
	ares_channel channel;
	resolver_opened *opened;
	void *context;
	bool of_system;
	struct stat system;
	int refusal;
	uint64_t received; /* messages, sound or not */
};

/* A question under way. */
struct asked {
	struct resolver *resolver;
	uint64_t received; /* before it was asked */
	resolver_answer *answer;
	void *context;
};

/* --- sockets: our own calls, since c-ares does not tell why one failed ------------------------- */

static ares_socket_t open_socket(int family, int type, int protocol, void *context)
{
	struct resolver *resolver = context;
	uint64_t cookie = 0;
	socklen_t length = sizeof(cookie);
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);

	if (fd < 0)
		resolver->refusal = errno;
	else if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) == 0)
		resolver->opened(resolver->context, cookie);
	return fd;
}

static int close_socket(ares_socket_t fd, void *context)
{
	(void)context;
	return close(fd);
}

static int connect_socket(ares_socket_t fd, const struct sockaddr *address, ares_socklen_t length,
			  void *context)
{
	struct resolver *resolver = context;
	int error = connect(fd, address, length);

	if (error && errno != EINPROGRESS)
		resolver->refusal = errno;
	return error;
}

static ares_ssize_t receive(ares_socket_t fd, void *bytes, size_t size, int flags, struct sockaddr *from,
			    ares_socklen_t *from_length, void *context)
{
	struct resolver *resolver = context;
	ares_ssize_t length = recvfrom(fd, bytes, size, flags, from, from_length);

	resolver->received += length > 0;
	return length;
}

static ares_ssize_t send_parts(ares_socket_t fd, const struct iovec *parts, int count, void *context)
{
	struct resolver *resolver = context;
	ares_ssize_t sent = writev(fd, parts, count);

	if (sent < 0 && errno != EAGAIN)
		resolver->refusal = errno;
	return sent;
}

static const struct ares_socket_functions sockets = {
	.asocket = open_socket,
	.aclose = close_socket,
	.aconnect = connect_socket,
	.arecvfrom = receive,
	.asendv = send_parts,
};

/* --- the channel -------------------------------------------------------------------------------- */

int resolver_open(const char *servers, resolver_opened *opened, void *context, struct resolver **out,
		  struct failure *failure)
{
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES, .timeout = TRY_MS, .tries = TRIES};
	struct resolver *resolver = calloc(1, sizeof(*resolver));
	int status;

	if (!resolver)
		return failure_set(failure, -ENOMEM, "out of memory");
	resolver->opened = opened;
	resolver->context = context;
	resolver->of_system = !servers[0];
	if (resolver->of_system)
		(void)stat(SYSTEM_SERVERS, &resolver->system); /* not there: all 0 */
	status = ares_init_options(&resolver->channel, &options,
				   ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
	if (status != ARES_SUCCESS) {
		free(resolver);
		return failure_set(failure, -EIO, "the resolver can not be set up: %s",
				   ares_strerror(status));
	}
	ares_set_socket_functions(resolver->channel, &sockets, resolver);
	if (servers[0])
		status = ares_set_servers_ports_csv(resolver->channel, servers);
	if (status != ARES_SUCCESS) {
		resolver_close(resolver);
		return failure_set(failure, -EINVAL, "these are no DNS servers: %.200s", servers);
	}
	*out = resolver;
	return 0;
}

void resolver_close(struct resolver *resolver)
{
	if (!resolver)
		return;
	ares_destroy(resolver->channel);
	free(resolver);
}

static int error_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return 0;
	case ARES_ENOTFOUND:
	case ARES_ENODATA:
		return -ENOENT;
	case ARES_ETIMEOUT:
		return -ETIMEDOUT;
	case ARES_ECONNREFUSED:
		return -ECONNREFUSED;
	case ARES_ECANCELLED:
	case ARES_EDESTRUCTION:
		return -ECANCELED;
	case ARES_EBADNAME:
		return -EINVAL;
	case ARES_ENOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

static void on_answer(void *context, int status, int timeouts, unsigned char *bytes, int length)
{
	struct asked *asked = context;
	int error = error_of(status);

	(void)timeouts;
	/* c-ares 1.18 says so, too, where the servers answered with a failure. */
	if (error == -ECONNREFUSED && asked->resolver->received != asked->received)
		error = -EIO;
	if (!error && (!bytes || length <= 0))
		error = -EIO;
	asked->answer(asked->context, error, error ? NULL : bytes, error ? 0 : (size_t)length);
	free(asked);
}

void resolver_ask(struct resolver *resolver, const char *name, enum resolver_type type,
		  resolver_answer *answer, void *context)
{
	struct asked *asked = malloc(sizeof(*asked));

	if (!asked) {
		answer(context, -ENOMEM, NULL, 0);
		return;
	}
	asked->resolver = resolver;
	asked->received = resolver->received;
	asked->answer = answer;
	asked->context = context;
	ares_query(resolver->channel, name, CLASS_IN, (int)type, on_answer, asked);
}

size_t resolver_waits(struct resolver *resolver, struct pollfd waits[static RESOLVER_SOCKETS_MAX],
		      int *timeout_ms)
{
	ares_socket_t fds[ARES_GETSOCK_MAXNUM];
	unsigned bits = (unsigned)ares_getsock(resolver->channel, fds, ARES_GETSOCK_MAXNUM);
	struct timeval room, *until = ares_timeout(resolver->channel, NULL, &room);
	size_t count = 0;

	for (int i = 0; i < RESOLVER_SOCKETS_MAX; i++) {
		short events = 0;

		/* Its own macros shift into the sign. */
		if (bits >> i & 1)
			events |= POLLIN;
		if (bits >> (i + ARES_GETSOCK_MAXNUM) & 1)
			events |= POLLOUT;
		if (events)
			waits[count++] = (struct pollfd){.fd = fds[i], .events = events};
	}
	if (until) {
		int ms = (int)(until->tv_sec * 1000 + until->tv_usec / 1000) + 1;

		if (*timeout_ms < 0 || ms < *timeout_ms)
			*timeout_ms = ms;
	}
	return count;
}

void resolver_process(struct resolver *resolver, const struct pollfd *waits, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (waits[i].revents)
			ares_process_fd(resolver->channel,
					waits[i].revents & ~POLLOUT ? waits[i].fd : ARES_SOCKET_BAD,
					waits[i].revents & POLLOUT ? waits[i].fd : ARES_SOCKET_BAD);
	ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* timeouts */
}

int resolver_refusal(struct resolver *resolver)
{
	int refusal = resolver->refusal;

	resolver->refusal = 0;
	return refusal;
}

bool resolver_is_stale(const struct resolver *resolver)
{
	struct stat now = {0};

	if (!resolver->of_system)
		return false;
	(void)stat(SYSTEM_SERVERS, &now);
	return now.st_ino != resolver->system.st_ino ||
	       now.st_mtim.tv_sec != resolver->system.st_mtim.tv_sec ||
	       now.st_mtim.tv_nsec != resolver->system.st_mtim.tv_nsec;
}
