/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "capture/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "source/record_build.h"

#define TEXT_MOST 4096

static size_t read_file(uint32_t tgid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/%s", tgid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? -1 : read(fd, text, size - 1);
	if (fd >= 0)
		close(fd);
	text[length > 0 ? length : 0] = '\0';
	return length > 0 ? (size_t)length : 0;
}

static void read_link(uint32_t tgid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%u/%s", tgid, name);
	length = readlink(path, text, size - 1);
	text[length > 0 ? length : 0] = '\0';
}

static uint32_t namespace_of(uint32_t tgid, const char *name)
{
	char link[64];
	const char *bracket;

	read_link(tgid, name, link, sizeof(link));
	bracket = strchr(link, '[');
	return bracket ? (uint32_t)strtoul(bracket + 1, NULL, 10) : 0;
}

/* The v2 line of /proc/PID/cgroup is "0::/path". */
static void read_cgroup(uint32_t tgid, char *path, size_t size)
{
	char text[TEXT_MOST];
	const char *line;

	path[0] = '\0';
	read_file(tgid, "cgroup", text, sizeof(text));
	line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (!line)
		return;
	line = strchr(line, '/');
	if (line)
		text_copy_bytes(path, size, line, strcspn(line, "\n"));
	if (strcmp(path, "/") == 0)
		path[0] = '\0';
}

static uint32_t status_number(const char *status, const char *key, uint32_t fallback)
{
	const char *line = strstr(status, key);

	return line ? (uint32_t)strtoul(line + strlen(key), NULL, 10) : fallback;
}

/* Parents by number and name; their start times are not told apart here. */
static size_t read_ancestors(uint32_t parent, struct fs_ancestor ancestors[static FS_ANCESTORS_MAX])
{
	char status[TEXT_MOST], comm[64];
	size_t count = 0;

	while (parent && count < FS_ANCESTORS_MAX) {
		struct fs_ancestor *ancestor = &ancestors[count];

		memset(ancestor, 0, sizeof(*ancestor));
		if (!read_file(parent, "status", status, sizeof(status)))
			break;
		read_file(parent, "comm", comm, sizeof(comm));
		comm[strcspn(comm, "\n")] = '\0';
		ancestor->tgid = parent;
		text_copy(ancestor->comm, sizeof(ancestor->comm), comm);
		parent = status_number(status, "\nPPid:\t", 0);
		count++;
	}
	return count;
}

int proc_describe(const struct fs_owner *owner, int64_t time_ns, struct fs_record_process *record)
{
	char status[TEXT_MOST], exe[PATH_MAX], cgroup[PATH_MAX], arguments[TEXT_MOST], comm[64], login[32];
	struct fs_ancestor ancestors[FS_ANCESTORS_MAX];
	struct record_process_spec spec = {.time_ns = time_ns, .owner = *owner};

	if (!read_file(owner->tgid, "status", status, sizeof(status)))
		return -ESRCH;
	read_link(owner->tgid, "exe", exe, sizeof(exe));
	read_cgroup(owner->tgid, cgroup, sizeof(cgroup));
	spec.arguments_length = read_file(owner->tgid, "cmdline", arguments, sizeof(arguments));
	read_file(owner->tgid, "comm", comm, sizeof(comm));
	comm[strcspn(comm, "\n")] = '\0';
	spec.login_uid = read_file(owner->tgid, "loginuid", login, sizeof(login))
				 ? (uint32_t)strtoul(login, NULL, 10)
				 : FS_UID_UNKNOWN;
	spec.gid = status_number(status, "\nGid:\t", 0);
	spec.comm = comm;
	spec.exe = exe;
	spec.cgroup = cgroup;
	spec.arguments = arguments;
	spec.ancestor_count = read_ancestors(status_number(status, "\nPPid:\t", 0), ancestors);
	spec.ancestors = ancestors;
	record_process(record, &spec);
	record->mount_namespace = namespace_of(owner->tgid, "ns/mnt");
	record->pid_namespace = namespace_of(owner->tgid, "ns/pid");
	return proc_is_alive(owner) ? 0 : -ESRCH; /* then it was he who was read */
}

/* Field 22 of /proc/PID/stat, counted behind the name, which may hold anything: ticks since boot. */
bool proc_is_alive(const struct fs_owner *owner)
{
	char stat[TEXT_MOST];
	const char *field;
	uint64_t tick_ns = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK), ticks;

	if (!read_file(owner->tgid, "stat", stat, sizeof(stat)))
		return false;
	field = strrchr(stat, ')');
	for (int i = 2; field && i < 22; i++)
		field = strchr(field + 1, ' ');
	if (!field)
		return false;
	ticks = strtoull(field + 1, NULL, 10);
	return !owner->start_ns || owner->start_ns / tick_ns == ticks;
}
