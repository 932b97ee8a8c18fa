/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "capture/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/text.h"

/* mountinfo writes space, tab, newline and backslash as three octal digits. */
static void undo_octal(const char *source, char *target, size_t size)
{
	size_t used = 0;

	while (*source && used + 1 < size) {
		if (source[0] == '\\' && source[1] >= '0' && source[1] <= '3' && source[2] >= '0' &&
		    source[2] <= '7' && source[3] >= '0' && source[3] <= '7') {
			target[used++] =
				(char)((source[1] - '0') * 64 + (source[2] - '0') * 8 + (source[3] - '0'));
			source += 4;
		} else {
			target[used++] = *source++;
		}
	}
	target[used] = '\0';
}

int cgroup_find_mount(const char *mountinfo, char path[static PATH_MAX])
{
	const char *line = mountinfo;

	while (*line) {
		const char *end = strchrnul(line, '\n');
		char text[PATH_MAX + 512], root[PATH_MAX], point[PATH_MAX];

		if ((size_t)(end - line) < sizeof(text)) {
			const char *separator;

			text_copy_bytes(text, sizeof(text), line, (size_t)(end - line));
			separator = strstr(text, " - ");
			/* id, parent, major:minor, root, mount point, ... - type */
			if (separator && strncmp(separator, " - cgroup2 ", 11) == 0 &&
			    sscanf(text, "%*s %*s %*s %4095s %4095s", root, point) == 2 &&
			    strcmp(root, "/") == 0) {
				undo_octal(point, path, PATH_MAX);
				return 0;
			}
		}
		line = *end ? end + 1 : end;
	}
	return -ENOENT;
}

static char *read_text(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	if (!file)
		return NULL;
	if (getdelim(&text, &size, '\0', file) < 0) {
		free(text);
		text = NULL;
	}
	fclose(file);
	return text;
}

/* A mount that has no place in the tree: it goes when its descriptor is closed, even by a SIGKILL. */
static int mount_privately(void)
{
	int context = fsopen("cgroup2", FSOPEN_CLOEXEC);
	int mounted, root;

	if (context < 0)
		return -errno;
	if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
		mounted = -errno;
	} else {
		mounted = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
		if (mounted < 0)
			mounted = -errno;
	}
	close(context);
	if (mounted < 0)
		return mounted;
	/* What fsmount gives is a mere path; the opened directory keeps the mount alive by itself. */
	root = openat(mounted, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		root = -errno;
	close(mounted);
	return root;
}

int cgroup_open_root(char path[static PATH_MAX], struct failure *failure)
{
	char *mountinfo = read_text("/proc/self/mountinfo");
	int fd = -ENOENT;

	if (mountinfo && cgroup_find_mount(mountinfo, path) == 0) {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			fd = failure_set(failure, -errno,
					 "can not open the cgroup v2 root %s: %s; run as root, or give the "
					 "service access to it",
					 path, strerror(errno));
		goto out;
	}
	fd = mount_privately();
	if (fd >= 0) {
		text_copy(path, PATH_MAX, "(private mount)");
		goto out;
	}
	fd = failure_set(failure, -ENOENT,
			 "no cgroup v2 is mounted and mounting one privately failed (%s); mount it with "
			 "\"mount -t cgroup2 none /sys/fs/cgroup/unified\" or boot with a kernel that has it",
			 strerror(-fd));
out:
	free(mountinfo);
	return fd;
}

int cgroup_find_lock(const char *locks, unsigned major_wanted, unsigned minor_wanted,
		     unsigned long long inode_wanted)
{
	const char *line = locks;

	while (*line) {
		unsigned major_found, minor_found;
		unsigned long long inode;
		int pid;

		/* Those that wait for a lock have an arrow behind their number, and do not match. */
		if (sscanf(line, "%*u: FLOCK %*s WRITE %d %x:%x:%llu ", &pid, &major_found, &minor_found,
			   &inode) == 4 &&
		    major_found == major_wanted && minor_found == minor_wanted && inode == inode_wanted)
			return pid > 0 ? pid : -1;
		line = strchrnul(line, '\n');
		line += *line == '\n';
	}
	return 0;
}

int cgroup_lock_holder(int root)
{
	struct stat status;
	char *locks;
	int holder;

	if (fstat(root, &status) < 0)
		return -errno;
	locks = read_text("/proc/locks");
	if (!locks) /* an empty file is no text */
		return access("/proc/locks", R_OK) == 0 ? 0 : -errno;
	holder = cgroup_find_lock(locks, major(status.st_dev), minor(status.st_dev),
				  (unsigned long long)status.st_ino);
	free(locks);
	return holder;
}
