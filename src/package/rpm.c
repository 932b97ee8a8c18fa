/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "package/rpm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define FORMAT "%{NAME}\\t%{EVR}\\t%{INSTALLTIME}\\n"
#define LINE_MAX_BYTES (64 * 1024)
#define OUTPUT_MOST ((size_t)16 * 1024 * 1024)
#define CHANGES_MOST 100000

static int64_t time_of(const struct stat *status)
{
	return status->st_mtim.tv_sec * NS_PER_SECOND + status->st_mtim.tv_nsec;
}

/* While somebody else has the database open, a change stays in its log. */
static int64_t newest(const char *path, const struct stat *status)
{
	char log[RPM_DATABASE_MAX + 64];
	struct stat other;

	snprintf(log, sizeof(log), "%s-wal", path);
	if (stat(log, &other) || time_of(&other) < time_of(status))
		return time_of(status);
	return time_of(&other);
}

bool rpm_database(const char *root, char folder[static RPM_DATABASE_MAX], int64_t *changed_ns)
{
	static const char *const folders[] = {"/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm"};
	static const char *const files[] = {"rpmdb.sqlite", "Packages.db", "Packages"};
	char path[RPM_DATABASE_MAX + 32];
	struct stat status;

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (snprintf(folder, RPM_DATABASE_MAX, "%s%s", root, folders[i]) >= RPM_DATABASE_MAX)
			continue;
		for (size_t j = 0; j < sizeof(files) / sizeof(files[0]); j++) {
			snprintf(path, sizeof(path), "%s/%s", folder, files[j]);
			if (stat(path, &status) || status.st_size == 0)
				continue;
			if (changed_ns)
				*changed_ns = newest(path, &status);
			return true;
		}
	}
	return false;
}

/* --- a run ------------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / NS_PER_MS;
}

/* The daemon's signals are blocked and SIGPIPE ignored: neither is for its children. */
static int spawn(const char *program, char *const *arguments, int output, pid_t *pid)
{
	static char path[] = "PATH=/usr/bin:/bin", locale[] = "LC_ALL=C";
	char *const environment[] = {path, locale, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setflags(&attributes,
				 POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	posix_spawn_file_actions_init(&actions);
	error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (!error)
		error = posix_spawn_file_actions_adddup2(&actions, output, 1);
	if (!error)
		error = posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	if (!error)
		error = posix_spawn(pid, program, &actions, &attributes, arguments, environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return -error;
}

/* Reads to the end of the output or to the deadline; more than `size` - 1 bytes are dropped. */
static int read_output(int fd, int64_t deadline_ms, char *text, size_t size, size_t *length)
{
	struct pollfd waiting = {.fd = fd, .events = POLLIN};
	char dropped[4096];

	*length = 0;
	for (;;) {
		int64_t left = deadline_ms - now_ms();
		bool room = *length < size - 1;
		ssize_t got;

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&waiting, 1, (int)left) <= 0)
			continue;
		if (room)
			got = read(fd, text + *length, size - 1 - *length);
		else
			got = read(fd, dropped, sizeof(dropped));
		if (got < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (got == 0)
			break;
		if (got > 0 && room)
			*length += (size_t)got;
	}
	text[*length] = '\0';
	return 0;
}

/* It closed its output; its end follows at once, or is brought about. */
static int reap(pid_t pid, int64_t deadline_ms, bool kill_it)
{
	int status = 0;
	pid_t done;

	if (kill_it)
		kill(-pid, SIGKILL);
	while ((done = waitpid(pid, &status, kill_it ? 0 : WNOHANG)) == 0) {
		if (now_ms() >= deadline_ms) {
			kill(-pid, SIGKILL);
			waitpid(pid, &status, 0);
			return -ETIMEDOUT;
		}
		poll(NULL, 0, 1);
	}
	if (done < 0)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -ECANCELED;
}

/* Runs to its end, at most until the limit. The exit status, or -errno. */
static int run(const char *program, char *const *arguments, int limit_ms, char *text, size_t size,
	       size_t *length)
{
	int64_t deadline = now_ms() + limit_ms;
	int ends[2], error, status;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	error = spawn(program, arguments, ends[1], &pid);
	close(ends[1]);
	if (error) {
		close(ends[0]);
		return error;
	}
	error = read_output(ends[0], deadline, text, size, length);
	close(ends[0]);
	status = reap(pid, deadline, error != 0);
	return error ? error : status;
}

/* --- what it says -------------------------------------------------------------------------------- */

static bool is_plain(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

/* "NAME\tVERSION\tSECONDS"; false for any other line. */
static bool read_change(const char *line, size_t length, struct package_change *out)
{
	const char *tab = memchr(line, '\t', length), *second;
	char *end;

	if (!tab || tab == line)
		return false;
	second = memchr(tab + 1, '\t', length - (size_t)(tab + 1 - line));
	if (!second)
		return false;
	text_copy_bytes(out->name, sizeof(out->name), line, (size_t)(tab - line));
	text_copy_bytes(out->version, sizeof(out->version), tab + 1, (size_t)(second - tab - 1));
	if (!is_plain(out->name) || !is_plain(out->version))
		return false;
	errno = 0;
	out->time_ns = strtoll(second + 1, &end, 10);
	if (end == second + 1 || errno || out->time_ns < 0 || out->time_ns > INT64_MAX / NS_PER_SECOND)
		return false;
	out->time_ns *= NS_PER_SECOND;
	return true;
}

void rpm_find(const char *program, const char *folder, const char *path, int limit_ms,
	      struct package_answer *out)
{
	char name[] = "rpm", query[] = "-qf", key[] = "--queryformat", format[] = FORMAT, end[] = "--";
	char database[RPM_DATABASE_MAX + 16], file[PACKAGE_PATH_MAX], text[LINE_MAX_BYTES];
	char *const arguments[] = {name, database, query, key, format, end, file, NULL};
	struct package_change found;
	size_t length = 0;
	int status;

	memset(out, 0, sizeof(*out));
	snprintf(database, sizeof(database), "--dbpath=%s", folder);
	text_copy(file, sizeof(file), path);
	status = run(program, arguments, limit_ms, text, sizeof(text), &length);
	if (status == -ETIMEDOUT)
		out->result = PACKAGE_TIMED_OUT;
	else if (status < 0 || status > 1)
		out->result = PACKAGE_UNREADABLE;
	else if (status == 1) /* "is not owned by any package" */
		out->result = PACKAGE_UNOWNED;
	else if (!read_change(text, strcspn(text, "\n"), &found))
		out->result = PACKAGE_UNREADABLE;
	if (status != 0 || out->result != PACKAGE_OWNED)
		return;
	text_copy(out->name, sizeof(out->name), found.name);
	text_copy(out->version, sizeof(out->version), found.version);
	out->upgraded_ns = found.time_ns;
}

int64_t rpm_changes(const char *program, const char *folder, int limit_ms, struct package_change **out)
{
	char name[] = "rpm", query[] = "-qa", key[] = "--queryformat", format[] = FORMAT;
	char database[RPM_DATABASE_MAX + 16];
	char *const arguments[] = {name, database, query, key, format, NULL};
	char *text = malloc(OUTPUT_MOST);
	struct package_change *changes = NULL;
	size_t length = 0, lines = 1;
	int64_t count = 0;
	int status;

	if (!text)
		return -ENOMEM;
	snprintf(database, sizeof(database), "--dbpath=%s", folder);
	status = run(program, arguments, limit_ms, text, OUTPUT_MOST, &length);
	for (size_t i = 0; status == 0 && i < length; i++)
		lines += text[i] == '\n';
	if (status == 0)
		changes = calloc(lines < CHANGES_MOST ? lines : CHANGES_MOST, sizeof(*changes));
	for (const char *at = text; changes && at < text + length && count < CHANGES_MOST;) {
		size_t line = strcspn(at, "\n");

		count += read_change(at, line, &changes[count]);
		at += line + 1;
	}
	free(text);
	if (status || !changes)
		return status < 0 ? status : status ? -EIO : -ENOMEM;
	*out = changes;
	return count;
}
