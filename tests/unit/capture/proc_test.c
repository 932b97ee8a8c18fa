/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What /proc says of programs, whose names and arguments are whatever they like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "capture/proc.h"

static const char hostile[] = ") R 1 (\n) 2"; /* 12 characters of 15 */

struct child {
	pid_t pid;
	int lives; /* it ends with that */
};

/* A child by that name, which waits. */
static struct child born(const char *name)
{
	struct child child;
	int ends[2], ready[2];
	char byte = 0;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(pipe(ready), 0);
	child.pid = fork();
	if (child.pid == 0) {
		close(ends[1]);
		prctl(PR_SET_NAME, name);
		if (write(ready[1], &byte, 1) != 1 || read(ends[0], &byte, 1) < 0)
			_exit(1);
		_exit(0);
	}
	assert_true(child.pid > 0);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ends[0]);
	close(ready[0]);
	close(ready[1]);
	child.lives = ends[1];
	return child;
}

static void ended(const struct child *child)
{
	int status;

	close(child->lives);
	assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
	assert_int_equal(status, 0);
}

/* As the kernel programs tell it; read here another way: from behind the last bracket, by words. */
static struct fs_owner owner_of(pid_t pid)
{
	struct fs_owner owner = {.tgid = (uint32_t)pid};
	unsigned long long ticks = 0;
	char path[64], text[4096];
	const char *rest;
	FILE *file;
	size_t length;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	assert_non_null(file);
	length = fread(text, 1, sizeof(text) - 1, file);
	text[length] = '\0';
	fclose(file);
	rest = strrchr(text, ')');
	assert_non_null(rest);
	assert_int_equal(
		sscanf(rest + 1,
		       " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
		       &ticks),
		1);
	owner.start_ns = ticks * (NS_PER_SECOND / (uint64_t)sysconf(_SC_CLK_TCK));
	return owner;
}

/* Paths are in records by their parts, the last one first. */
static void holds_path(const char *parts, size_t length, const char *path)
{
	char whole[4096] = "";

	for (size_t at = 0; at < length; at += strlen(parts + at) + 1) {
		char before[4096];

		strcpy(before, whole);
		snprintf(whole, sizeof(whole), "/%.255s%.3800s", parts + at, before);
	}
	assert_string_equal(whole, path);
}

/* Where we are in the tree of v2; the root is "". */
static void own_cgroup(char path[static 4096])
{
	FILE *file = fopen("/proc/self/cgroup", "r");
	char line[4096];

	assert_non_null(file);
	path[0] = '\0';
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "0::%4095[^\n]", path) == 1 && strcmp(path, "/") == 0)
			path[0] = '\0';
	fclose(file);
}

static void a_process_is_described(void **state)
{
	struct fs_owner owner = owner_of(getpid());
	struct fs_record_process record;
	char exe[4096], cgroup[4096];
	struct stat namespace;
	ssize_t length = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	(void)state;
	assert_true(length > 0);
	exe[length] = '\0';
	prctl(PR_SET_NAME, "teller");
	assert_int_equal(proc_describe(&owner, 42, &record), 0);
	assert_int_equal(record.header.kind, FS_RECORD_PROCESS);
	assert_int_equal(record.header.size, sizeof(record));
	assert_int_equal(record.header.time_ns, 42);
	assert_memory_equal(&record.header.owner, &owner, sizeof(owner));
	assert_string_equal(record.comm, "teller");
	holds_path(record.exe, record.exe_length, exe);
	own_cgroup(cgroup);
	holds_path(record.cgroup, record.cgroup_length, cgroup);
	assert_int_equal(record.gid, getgid());
	assert_true(record.arguments_length > 0);
	assert_string_equal(record.arguments, program_invocation_name);
	assert_int_equal(stat("/proc/self/ns/mnt", &namespace), 0);
	assert_int_equal(record.mount_namespace, (uint32_t) namespace.st_ino);
	assert_int_equal(stat("/proc/self/ns/pid", &namespace), 0);
	assert_int_equal(record.pid_namespace, (uint32_t) namespace.st_ino);
	assert_true(record.ancestor_count > 0);
	assert_int_equal(record.ancestors[0].tgid, getppid());
}

static void names_are_whatever_programs_like(void **state)
{
	struct fs_record_process record;
	struct child child = born(hostile);
	struct fs_owner owner = owner_of(child.pid);

	(void)state;
	assert_int_equal(proc_describe(&owner, 1, &record), 0);
	assert_string_equal(record.comm, ") R 1 ("); /* its first line */
	assert_int_equal(record.ancestors[0].tgid, getpid());
	assert_string_equal(record.ancestors[0].comm, "teller");
	/* No name moves the time at which it began. */
	assert_true(proc_is_alive(&owner));
	owner.start_ns += NS_PER_SECOND;
	assert_false(proc_is_alive(&owner)); /* another one by that number */
	assert_int_equal(proc_describe(&owner, 1, &record), -ESRCH);
	ended(&child);
}

/* One below the other: the nearest of the ancestors are told, no more than there is room for. */
static void as_many_ancestors_as_have_room(void **state)
{
	struct fs_record_process record;
	int ready[2], ends[2], status;
	pid_t last = 0, first;
	char byte;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(ends), 0);
	first = fork();
	if (first == 0) {
		pid_t child = 0;

		close(ends[1]);
		for (int i = 0; i < FS_ANCESTORS_MAX + 2 && child == 0; i++)
			child = fork();
		if (child == 0) {
			last = getpid();
			if (write(ready[1], &last, sizeof(last)) != sizeof(last) ||
			    read(ends[0], &byte, 1) < 0)
				_exit(1);
			_exit(0);
		}
		_exit(waitpid(child, &status, 0) == child && status == 0 ? 0 : 1);
	}
	assert_int_equal(read(ready[0], &last, sizeof(last)), sizeof(last));
	assert_int_equal(proc_describe(&(struct fs_owner){.tgid = (uint32_t)last}, 1, &record), 0);
	assert_int_equal(record.ancestor_count, FS_ANCESTORS_MAX);
	for (int i = 0; i < FS_ANCESTORS_MAX; i++)
		assert_true(record.ancestors[i].tgid != (uint32_t)last && record.ancestors[i].tgid != 0);
	close(ends[1]);
	close(ends[0]);
	close(ready[0]);
	close(ready[1]);
	assert_int_equal(waitpid(first, &status, 0), first);
	assert_int_equal(status, 0);
}

static void who_is_gone_is_told_as_gone(void **state)
{
	struct fs_record_process record, before;
	struct child child = born("short");
	struct fs_owner owner = owner_of(child.pid);

	(void)state;
	ended(&child);
	memset(&record, 0x5a, sizeof(record));
	before = record;
	assert_int_equal(proc_describe(&owner, 1, &record), -ESRCH);
	assert_memory_equal(&record, &before, sizeof(record));
	assert_false(proc_is_alive(&owner));
	assert_false(proc_is_alive(&(struct fs_owner){.tgid = UINT32_MAX}));
}

/* A kernel thread has no executable and no arguments; it is a process all the same. */
static void what_is_not_there_is_empty(void **state)
{
	struct fs_record_process record;

	(void)state;
	if (access("/proc/2/status", R_OK) != 0 || readlink("/proc/2/exe", (char[2]){0}, 1) >= 0) {
		print_message("# no kernel threads are to be seen here\n");
		skip();
	}
	assert_int_equal(proc_describe(&(struct fs_owner){.tgid = 2}, 1, &record), 0);
	assert_string_equal(record.exe, "");
	assert_int_equal(record.arguments_length, 0);
	assert_int_equal(record.ancestor_count, 0);
	assert_string_equal(record.comm, "kthreadd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_is_described),
		cmocka_unit_test(names_are_whatever_programs_like),
		cmocka_unit_test(as_many_ancestors_as_have_room),
		cmocka_unit_test(who_is_gone_is_told_as_gone),
		cmocka_unit_test(what_is_not_there_is_empty),
	};

	return cmocka_run_group_tests_name("capture/proc", tests, NULL, NULL);
}
