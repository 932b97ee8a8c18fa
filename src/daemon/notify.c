/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "daemon/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

static struct {
	int fd;
	struct sockaddr_un address;
	socklen_t size;
	int64_t every_ns; /* 0: there is no watchdog */
	int64_t fed_ns;
} manager = {.fd = -1};

static void open_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (usec && (!pid || strtol(pid, NULL, 10) == (long)getpid()))
		manager.every_ns = strtoll(usec, NULL, 10) * NS_PER_US / 2;
}

void notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;

	if (length < 2 || length >= sizeof(manager.address.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	manager.address.sun_family = AF_UNIX;
	memcpy(manager.address.sun_path, path, length);
	if (path[0] == '@') /* an abstract name */
		manager.address.sun_path[0] = '\0';
	manager.size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	manager.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	open_watchdog();
}

void notify_send(const char *lines)
{
	if (manager.fd >= 0)
		(void)sendto(manager.fd, lines, strlen(lines), MSG_NOSIGNAL,
			     (const struct sockaddr *)&manager.address, manager.size);
}

void notify_reloading(void)
{
	char lines[64];

	snprintf(lines, sizeof(lines), "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
		 clock_ns(CLOCK_MONOTONIC) / NS_PER_US);
	notify_send(lines);
}

void notify_watchdog(int64_t monotonic_ns, int moved)
{
	if (manager.every_ns == 0 || !moved || monotonic_ns - manager.fed_ns < manager.every_ns)
		return;
	manager.fed_ns = monotonic_ns;
	notify_send("WATCHDOG=1");
}
