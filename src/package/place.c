/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "package/place.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"

#define DELETED " (deleted)"
#define SELF "self"
#define INIT "1"

static uint32_t mount_namespace(const char *proc, const char *who)
{
	char path[256], link[64];
	const char *bracket;
	ssize_t length;

	snprintf(path, sizeof(path), "%s/%s/ns/mnt", proc, who);
	length = readlink(path, link, sizeof(link) - 1);
	link[length > 0 ? length : 0] = '\0';
	bracket = strchr(link, '[');
	return bracket ? (uint32_t)strtoul(bracket + 1, NULL, 10) : 0;
}

static bool same_file(const struct stat *first, const struct stat *second)
{
	return first->st_dev == second->st_dev && first->st_ino == second->st_ino;
}

/* What stands at proc/who/what; false when that process has no such thing any more. */
static bool look(const char *proc, const char *who, const char *what, struct stat *out)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s/%s", proc, who, what);
	return stat(path, out) == 0;
}

/* Whether what stands at `path` in this tree is that file. */
static bool is_ours(const char *root, const char *path, const struct stat *theirs)
{
	char full[2 * PACKAGE_PATH_MAX];
	struct stat ours;

	snprintf(full, sizeof(full), "%s%s", root, path);
	return stat(full, &ours) == 0 && same_file(&ours, theirs);
}

/* Whether what `who` has as / is this tree. */
static bool has_our_root(const char *root, const char *proc, const char *who)
{
	struct stat theirs;

	return look(proc, who, "root", &theirs) && is_ours(root, "/", &theirs);
}

/* The namespace that this daemon sees, or the one that the host booted into, seen from the same root. */
static bool is_our_namespace(const char *root, const char *proc, uint32_t number)
{
	if (number == 0)
		return false;
	return number == mount_namespace(proc, SELF) ||
	       (number == mount_namespace(proc, INIT) && has_our_root(root, proc, INIT));
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length > tail && strcmp(text + length - tail, end) == 0;
}

/* Absolute, whole, and without the mark that /proc puts behind the name of a file that is gone. */
static bool read_path(const char *exe, char path[static PACKAGE_PATH_MAX], bool *deleted)
{
	*deleted = ends_with(exe, DELETED);
	if (exe[0] != '/' || strncmp(exe, "/.../", 5) == 0 || !text_copy(path, PACKAGE_PATH_MAX, exe))
		return false;
	if (*deleted)
		path[strlen(path) - strlen(DELETED)] = '\0';
	return true;
}

/* When it started, in ticks: field 22 of stat, counted behind the name, which may hold anything. */
static bool is_same_start(const char *proc, const char *who, uint64_t start_ns)
{
	char path[256], text[1024];
	const char *at;
	uint64_t ticks;
	size_t length;
	FILE *file;

	if (start_ns == 0)
		return true;
	snprintf(path, sizeof(path), "%s/%s/stat", proc, who);
	file = fopen(path, "re");
	if (!file)
		return false;
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, " %" SCNu64, &ticks) != 1)
		return false;
	return ticks == start_ns / ((uint64_t)NS_PER_SECOND / (uint64_t)sysconf(_SC_CLK_TCK));
}

/*
 * Looks at the process's root folder and program. False when it has ended, and another process
 * may have the number, or is ending: its program and root go before its namespaces do.
 */
static bool look_at(const char *proc, const char *who, const struct package_process *process,
		    uint32_t *namespace, struct stat *root, struct stat *program)
{
	*namespace = mount_namespace(proc, who);
	return *namespace && (!process->mount_namespace || *namespace == process->mount_namespace) &&
	       is_same_start(proc, who, process->start_ns) && look(proc, who, "root", root) &&
	       look(proc, who, "exe", program);
}

/* Who ended before he was looked at may have a parent who shares his mounts. */
static bool has_parent_here(const char *root, const char *proc, const struct package_process *process)
{
	char who[16];

	for (size_t i = 0; i < process->ancestor_count && process->mount_namespace; i++) {
		snprintf(who, sizeof(who), "%u", process->ancestors[i]);
		if (mount_namespace(proc, who) == process->mount_namespace)
			return has_our_root(root, proc, who);
	}
	return false;
}

/*
 * A service of systemd often has a mount namespace of its own and yet the host's
 * files: so the root folder and the file itself are compared, while the process lives.
 */
static void compare(const char *root, const char *proc, const struct package_process *process,
		    struct place *place)
{
	struct stat their_root, their_program;
	uint32_t namespace;
	char who[16];
	bool same;

	snprintf(who, sizeof(who), "%u", process->pid);
	place->alive = look_at(proc, who, process, &namespace, &their_root, &their_program);
	if (!place->alive) {
		place->result = is_our_namespace(root, proc, process->mount_namespace) ||
						has_parent_here(root, proc, process)
					? PACKAGE_OWNED
					: PACKAGE_PROCESS_GONE;
		return;
	}
	place->result = PACKAGE_OTHER_ROOT;
	if (!is_ours(root, "/", &their_root))
		return;
	same = is_ours(root, place->program, &their_program);
	if (!same && !is_our_namespace(root, proc, namespace))
		return;
	place->replaced |= !same;
	place->result = PACKAGE_OWNED;
}

/* "/a/./b/../c" as "/a/c", in place: lists have only the plain form. */
static void simplify(char *path)
{
	char *out = path;
	const char *at = path;

	while (*at) {
		size_t length;

		while (*at == '/')
			at++;
		length = strcspn(at, "/");
		if (length == 2 && at[0] == '.' && at[1] == '.') {
			while (out > path && *--out != '/')
				;
		} else if (length > 0 && !(length == 1 && at[0] == '.')) {
			*out++ = '/';
			memmove(out, at, length);
			out += length;
		}
		at += length;
	}
	*out = '\0';
}

static void find_script(const char *proc, const struct package_process *process, struct place *place)
{
	static const char jar[] = "-jar ";
	const char *script = process->script;
	char link[256], *path = place->script;
	ssize_t length = 0;

	if (strncmp(script, jar, strlen(jar)) == 0)
		script += strlen(jar);
	if (!script[0] || script[0] == '-') /* a module, or code on the command line */
		return;
	if (script[0] != '/') {
		snprintf(link, sizeof(link), "%s/%u/cwd", proc, process->pid);
		length = place->alive ? readlink(link, path, PACKAGE_PATH_MAX - 2) : 0;
		if (length <= 0)
			return;
		path[length++] = '/';
	}
	if (text_copy(path + length, PACKAGE_PATH_MAX - (size_t)length, script))
		simplify(path);
	else
		path[0] = '\0';
}

void place_process(const char *root, const char *proc, const struct package_process *process,
		   struct place *out)
{
	out->alive = out->replaced = false;
	out->program[0] = out->script[0] = '\0';
	if (process->in_container) {
		out->result = PACKAGE_IN_CONTAINER;
		return;
	}
	if (!read_path(process->exe, out->program, &out->replaced)) {
		out->result = PACKAGE_NO_PATH;
		out->program[0] = '\0';
		return;
	}
	compare(root, proc, process, out);
	if (out->result == PACKAGE_OWNED)
		find_script(proc, process, out);
}

bool place_resolve(const char *root, const char *path, char resolved[static PACKAGE_PATH_MAX])
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	char link[64], top[PACKAGE_PATH_MAX];
	int folder = open(root[0] ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	long fd = folder < 0 ? -1 : syscall(SYS_openat2, folder, path, &how, sizeof(how));
	ssize_t length = -1, top_length = 0;

	if (fd >= 0) {
		snprintf(link, sizeof(link), "/proc/self/fd/%ld", fd);
		length = readlink(link, resolved, PACKAGE_PATH_MAX - 1);
		close((int)fd);
	}
	if (folder >= 0 && length > 0 && root[0]) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", folder);
		top_length = readlink(link, top, sizeof(top) - 1);
	}
	if (folder >= 0)
		close(folder);
	if (length <= 0 || top_length < 0 || length <= top_length ||
	    memcmp(resolved, top, (size_t)top_length) != 0)
		return false;
	memmove(resolved, resolved + top_length, (size_t)(length - top_length));
	resolved[length - top_length] = '\0';
	return resolved[0] == '/' && strcmp(resolved, path) != 0;
}
