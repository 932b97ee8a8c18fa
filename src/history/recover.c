/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * recover.c - a damaged history is set aside, and what can be read of it becomes a new one.
 *
 * FILE.recovering holds the date from the moment that damage is known until the new
 * file is in its place, so whoever is killed in between goes on at the next start. The new file
 * is made beside as FILE.recovered. What happened is kept in it until an alert has told it.
 */
#include "history/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "history/recovery.h"
#include "history/schema.h"

#define MARK ".recovering"
#define FRESH ".recovered"
#define STAMP_MAX 32

static int join(char out[static PATH_MAX], const char *path, const char *suffix)
{
	return snprintf(out, PATH_MAX, "%s%s", path, suffix) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int failed(struct recovery *recovery, int error, const char *what)
{
	return failure_set(
		recovery->failure, error,
		"history %.300s: it is damaged, and can not be recovered: %s: %s; free space or move "
		"it aside by hand, and start again",
		recovery->path, what, strerror(-error));
}

static void sync_folder(const char *path)
{
	char folder[PATH_MAX];
	char *slash;
	int fd;

	text_copy(folder, sizeof(folder), path);
	slash = strrchr(folder, '/');
	if (!slash)
		return;
	slash[slash == folder] = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)fsync(fd);
	close(fd);
}

static int sync_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	int error = fd < 0 || fsync(fd) ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return error;
}

/* --- the mark ------------------------------------------------------------------------------------ */

/* Writes when, and why. A mark that is there stays. */
static int write_mark(const char *path, const char *why)
{
	char name[PATH_MAX], stamp[STAMP_MAX], text[256];
	time_t now = time(NULL);
	struct tm utc;
	int error = 0;
	int fd;

	if (join(name, path, MARK))
		return -ENAMETOOLONG;
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	gmtime_r(&now, &utc);
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &utc);
	snprintf(text, sizeof(text), "%s %.100s\n", stamp, why);
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fsync(fd))
		error = -EIO;
	close(fd);
	if (error)
		unlink(name);
	else
		sync_folder(path);
	return error;
}

/* False where there is none. An unreadable one counts: then the date is now. */
static bool read_mark(const char *path, char stamp[static STAMP_MAX], char why[static 64])
{
	char name[PATH_MAX], text[256] = "";
	char *space;
	ssize_t size;
	int fd;

	if (join(name, path, MARK))
		return false;
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	size = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[size > 0 ? strcspn(text, "\n") : 0] = '\0';
	space = strchr(text, ' ');
	text_copy(why, 64, space ? space + 1 : "damage");
	if (space)
		*space = '\0';
	if (strlen(text) != strlen("YYYYMMDD-HHMMSS") || strspn(text, "0123456789-") != strlen(text))
		text_copy(text, sizeof(text), "19700101-000000");
	text_copy(stamp, STAMP_MAX, text);
	return true;
}

int history_mark_damaged(struct history *history, const char *why)
{
	if (history->mode != HISTORY_WRITE)
		return 0;
	history->damaged = true;
	return write_mark(db_name(history->db), why);
}

int history_mark_file(const char *path, const char *why)
{
	return write_mark(path, why);
}

bool history_is_marked(const char *path)
{
	char name[PATH_MAX];

	return join(name, path, MARK) == 0 && access(name, F_OK) == 0;
}

/* --- files --------------------------------------------------------------------------------------------- */

/* The file goes last: as long as it is there, the rest of it has not been given up. */
static int set_aside(struct recovery *recovery)
{
	static const char *const parts[] = {"-shm", "-wal", ""};
	char from[PATH_MAX], to[PATH_MAX];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (join(from, recovery->path, parts[i]) || join(to, recovery->aside, parts[i]))
			return failed(recovery, -ENAMETOOLONG, "its path");
		if (rename(from, to) && errno != ENOENT)
			return failed(recovery, -errno, to);
	}
	sync_folder(recovery->path);
	return 0;
}

static int change(struct recovery *recovery, const char *sql)
{
	return db_exec(recovery->salvage.to, sql, recovery->failure);
}

static int is_late(void *context)
{
	return salvage_is_late(context);
}

static int open_both(struct recovery *recovery, const char *fresh)
{
	struct salvage *salvage = &recovery->salvage;
	int error;

	unlink(fresh);
	error = history_create_file(fresh, recovery->failure);
	if (!error)
		error = db_open(fresh, DB_WRITE, &salvage->to, recovery->failure);
	if (!error)
		error = db_configure(salvage->to, recovery->failure);
	if (!error)
		error = change(
			recovery,
			"PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536");
	if (!error)
		error = schema_create(salvage->to, recovery->failure);
	/* Whatever is wrong with the old one: then nothing is read of it. */
	if (!error && db_open(recovery->aside, DB_DAMAGED, &salvage->from, NULL) == 0 &&
	    db_configure(salvage->from, NULL)) {
		db_close(salvage->from);
		salvage->from = NULL;
	}
	if (!error && salvage->from)
		db_break_off(salvage->from, is_late, salvage);
	return error;
}

static int fill(struct recovery *recovery)
{
	int error = change(recovery, "BEGIN");

	recovery->baseline_lost = true;
	if (!error)
		error = recovery_restore(recovery);
	if (!error)
		error = recovery_keep_report(recovery);
	return error ? error : change(recovery, "COMMIT");
}

int history_recover(const char *path, struct failure *failure)
{
	struct recovery recovery = {.path = path, .failure = failure, .now_ns = clock_ns(CLOCK_REALTIME)};
	char fresh[PATH_MAX], mark[PATH_MAX], stamp[STAMP_MAX], suffix[STAMP_MAX + 16];
	int error;

	if (!read_mark(path, stamp, recovery.why) || join(fresh, path, FRESH) || join(mark, path, MARK))
		return failed(&recovery, -EINVAL, "no mark");
	snprintf(suffix, sizeof(suffix), ".corrupt-%s", stamp);
	if (join(recovery.aside, path, suffix))
		return failed(&recovery, -ENAMETOOLONG, "its path");
	/* Both are there: it was done but for the mark. */
	if (access(path, F_OK) == 0 && access(recovery.aside, F_OK) == 0)
		return unlink(mark) ? failed(&recovery, -errno, mark) : 0;
	recovery.salvage.deadline_ns = clock_ns(CLOCK_MONOTONIC) + RECOVERY_SECONDS * NS_PER_SECOND;
	error = set_aside(&recovery);
	if (!error)
		error = open_both(&recovery, fresh);
	if (!error)
		error = fill(&recovery);
	db_close(recovery.salvage.from);
	db_close(recovery.salvage.to);
	if (!error && (sync_file(fresh) || rename(fresh, path)))
		error = failed(&recovery, -errno, fresh);
	if (error) {
		unlink(fresh);
		return error;
	}
	sync_folder(path);
	unlink(mark);
	sync_folder(path);
	return 0;
}
