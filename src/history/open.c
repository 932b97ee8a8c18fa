/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* open.c - opening and closing: whose file it is, which version, who may write. */
#include "history/internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "history/schema.h"

#define DIRECTORY_MODE 0750
#define FILE_MASK 0137           /* a new history is 0640 */
#define CHECKED_WHOLE (16 << 20) /* bytes of a file that is checked to its last page at every start */

static void close_parts(struct history *history)
{
	history_drop_kept(history);
	db_close(history->db);
	if (history->lock >= 0)
		close(history->lock);
	free(history);
}

/* SQLite wants to know where a file is whatever the working directory becomes. */
static int absolute(const char *path, char out[static PATH_MAX], struct failure *failure)
{
	char here[PATH_MAX] = "";
	int length;

	if (path[0] != '/' && !getcwd(here, sizeof(here)))
		return failure_set(
			failure, -errno,
			"history %.300s: the working directory can not be told: %s: give a path from /", path,
			strerror(errno));
	length = snprintf(out, PATH_MAX, "%s%s%s", here, path[0] == '/' ? "" : "/", path);
	if (length < 0 || length >= PATH_MAX)
		return failure_set(failure, -ENAMETOOLONG,
				   "history %.300s: the path is too long: choose a shorter one", path);
	return 0;
}

/* The last directory of the path is made where it is missing; its parent must be there. */
static int make_directory(const char *path, struct failure *failure)
{
	char directory[PATH_MAX];
	char *slash;

	text_copy(directory, sizeof(directory), path);
	slash = strrchr(directory, '/');
	if (!slash || slash == directory)
		return 0;
	*slash = '\0';
	if (mkdir(directory, DIRECTORY_MODE) == 0 || errno == EEXIST)
		return 0;
	return failure_set(
		failure, -errno,
		"history %.200s: can not make its directory: %s; make %.200s, writable for the user that "
		"firstseend runs as",
		path, strerror(errno), directory);
}

static int check_access(const char *path, enum history_mode mode, bool *exists, struct failure *failure)
{
	struct stat status;

	*exists = stat(path, &status) == 0;
	if (!*exists && errno != ENOENT)
		return failure_set(failure, -errno, "history %.300s: %s", path, strerror(errno));
	if (!*exists && mode == HISTORY_READ)
		return failure_set(
			failure, -ENOENT,
			"there is no history %.300s; has firstseend run on this host? --db names another",
			path);
	if (*exists && !S_ISREG(status.st_mode))
		return failure_set(failure, -EPROTO, "history %.300s: this is no file: name another one",
				   path);
	if (*exists && access(path, mode == HISTORY_READ ? R_OK : R_OK | W_OK) != 0)
		return failure_set(
			failure, -errno,
			mode == HISTORY_READ
				? "history %.300s: %s; only root and the group of its file may read it"
				: "history %.300s: can not be written: %s; see to its owner, its mode and "
				  "the file system",
			path, strerror(errno));
	return 0;
}

/* Creates an empty file with the right mode before SQLite would with a wrong one. */
int history_create_file(const char *path, struct failure *failure)
{
	mode_t mask = umask(FILE_MASK);
	FILE *file = fopen(path, "axe");
	int error = file ? 0 : -errno;

	umask(mask);
	if (file)
		fclose(file);
	if (error)
		failure_set(failure, error, "history %.300s: can not be made: %s; see to its directory", path,
			    strerror(-error));
	return error;
}

/*
 * A file that is not SQLite's any more was, where SQLite's log lies beside it: a damaged
 * history. Otherwise it is somebody's, and not to be touched.
 */
static bool has_log(const char *path)
{
	char name[PATH_MAX];
	bool found = false;

	for (int i = 0; i < 2; i++)
		if (snprintf(name, sizeof(name), "%s%s", path, i ? "-shm" : "-wal") < PATH_MAX)
			found = found || access(name, F_OK) == 0;
	return found;
}

static int damaged(const char *path, const char *how, struct failure *failure)
{
	return failure_set(failure, -EUCLEAN, "history %.300s: it is damaged: %s", path, how);
}

static int check_file(struct db *db, const char *path, bool *empty, struct failure *failure)
{
	uint8_t header[DB_HEADER_SIZE];
	struct stat status;
	int error = db_header(db, header);

	*empty = error == -ENODATA;
	if (error && !*empty)
		return failure_set(failure, error, "history %.300s: can not be read: %s", path,
				   strerror(-error));
	if (has_log(path) && (*empty || memcmp(header, "SQLite format 3", 16) != 0))
		return damaged(path, "its header is gone", failure);
	if (!*empty)
		return schema_check_header(path, header, failure);
	if (stat(path, &status) == 0 && status.st_size > 0)
		return failure_set(failure, -EPROTO,
				   "history %.300s: this is no SQLite database: name another file, or move "
				   "this one aside",
				   path);
	return 0;
}

/* Both ends of every table and index: damage there would be met at once. */
static int look_at_ends(struct db *db, struct failure *failure)
{
	static const char select[] =
		"SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_stat%'";
	struct statement *tables;
	int found, error = db_prepare(db, select, &tables, failure);

	if (error)
		return error;
	while (!error && (found = db_step(tables, failure)) == 1) {
		char sql[256];
		int64_t ignored;

		for (int end = 0; end < 2 && !error; end++) {
			snprintf(sql, sizeof(sql), "SELECT * FROM \"%.100s\" ORDER BY 1 %s LIMIT 1",
				 db_column_text(tables, 0), end ? "DESC" : "ASC");
			error = db_integer(db, sql, &ignored, failure);
			if (error == -ENODATA)
				error = 0;
		}
	}
	db_finalize(tables);
	return error ? error : found;
}

/* Every page of it, with what is in it. */
static int check_pages(struct db *db, struct failure *failure)
{
	struct statement *statement;
	int found, error = db_prepare(db, "PRAGMA quick_check(1)", &statement, failure);

	if (error)
		return error;
	found = db_step(statement, failure);
	if (found == 1 && strcmp(db_column_text(statement, 0), "ok") != 0)
		found = damaged(db_name(db), db_column_text(statement, 0), failure);
	db_finalize(statement);
	return found < 0 ? found : 0;
}

/* A large file would hold up the start: what is wrong with it is found as it is used. */
static int check_content(struct db *db, const char *path, struct failure *failure)
{
	struct stat status;
	int error = look_at_ends(db, failure);

	if (error || stat(path, &status) || status.st_size > CHECKED_WHOLE)
		return error;
	return check_pages(db, failure);
}

int history_check(struct history *history, struct failure *failure)
{
	return check_pages(history->db, failure);
}

static int open_writer(struct history *history, const char *path, bool exists, struct failure *failure)
{
	bool empty = false;
	int error = 0;

	if (!exists)
		error = history_create_file(path, failure);
	if (!error)
		error = db_open(path, DB_WRITE, &history->db, failure);
	if (!error)
		error = check_file(history->db, path, &empty, failure);
	if (!error)
		error = db_configure(history->db, failure);
	if (!error && !empty)
		error = schema_check_shape(history->db, failure);
	if (!error)
		error = empty ? schema_create(history->db, failure) : schema_migrate(history->db, failure);
	if (!error)
		error = db_exec(history->db, "PRAGMA journal_mode = WAL", failure);
	return error || empty ? error : check_content(history->db, path, failure);
}

/* Opens, and recovers first where damage is known or shows. */
static int open_sound_writer(struct history *history, const char *path, bool exists, struct failure *failure)
{
	bool recovered = history_is_marked(path);
	int error = recovered ? history_recover(path, failure) : 0;

	if (!error)
		error = open_writer(history, path, exists || recovered, failure);
	if (error != -EUCLEAN || recovered)
		return error;
	if (history->db)
		db_leave_alone(history->db);
	db_close(history->db);
	history->db = NULL;
	error = history_mark_file(path, "found at the start");
	if (error)
		return failure_set(failure, error,
				   "history %.300s: it is damaged, and can not be marked so: %s", path,
				   strerror(-error));
	error = history_recover(path, failure);
	return error ? error : open_writer(history, path, true, failure);
}

/*
 * A file that an earlier version wrote, and this one was never started on: it is read as a copy that is
 * brought up to date, for the file itself is the daemon's to change.
 */
static int read_as_newest(struct history *history, const char *path, struct failure *failure)
{
	struct db *copy = NULL;
	int version, error = schema_read_version(history->db, &version, failure);

	if (error || version == schema_version())
		return error;
	error = db_open(path, DB_TEMPORARY, &copy, failure);
	if (!error)
		error = db_configure(copy, failure);
	if (!error)
		error = db_copy(history->db, copy, failure);
	if (!error)
		error = schema_migrate(copy, failure);
	if (!error)
		error = db_exec(copy, "PRAGMA query_only = ON", failure);
	if (error) {
		db_close(copy);
		return failure_set(
			failure, error,
			"history %.200s: an earlier firstseen wrote it, and the copy that it is read "
			"from, in the folder for temporary files (SQLITE_TMPDIR), failed: %s; once "
			"firstseend was started on it, no copy is needed",
			path, strerror(-error));
	}
	db_close(history->db);
	history->db = copy;
	return 0;
}

static int open_reader(struct history *history, const char *path, struct failure *failure)
{
	uint8_t header[DB_HEADER_SIZE];
	char folder[PATH_MAX];
	bool writable;
	int error;

	/* Without a writer, in a folder that we may not write to, there is nobody to make the shared memory
	 * file. */
	text_copy(folder, sizeof(folder), path);
	if (strrchr(folder, '/') == folder)
		folder[1] = '\0';
	else
		*strrchr(folder, '/') = '\0';
	writable = access(folder, W_OK) == 0;
	error = db_open(path, writable || history_is_locked(path) ? DB_READ : DB_IMMUTABLE, &history->db,
			failure);
	if (error)
		return error;
	error = db_header(history->db, header);
	if (error)
		return failure_set(
			failure, -EPROTO,
			"history %.300s: this is no SQLite database, or one that was never written", path);
	error = schema_check_header(path, header, failure);
	if (!error)
		error = db_configure(history->db, failure);
	if (!error)
		error = schema_check_shape(history->db, failure);
	return error ? error : read_as_newest(history, path, failure);
}

int history_open(const char *path, enum history_mode mode, struct history **out, struct failure *failure)
{
	struct history *history = calloc(1, sizeof(*history));
	char full[PATH_MAX];
	bool exists;
	int error = 0;

	if (!history)
		return failure_set(failure, -ENOMEM, "out of memory");
	history->mode = mode;
	history->lock = -1;
	if (mode == HISTORY_MEMORY) {
		error = db_open("", DB_MEMORY, &history->db, failure);
		if (!error)
			error = db_configure(history->db, failure);
		if (!error)
			error = schema_create(history->db, failure);
		goto out;
	}
	error = absolute(path, full, failure);
	if (!error && mode == HISTORY_WRITE)
		error = make_directory(full, failure);
	if (!error)
		error = check_access(full, mode, &exists, failure);
	if (!error && mode == HISTORY_WRITE) {
		history->lock = history_lock(full, failure);
		error = history->lock < 0 ? history->lock : 0;
	}
	if (!error)
		error = mode == HISTORY_WRITE ? open_sound_writer(history, full, exists, failure)
					      : open_reader(history, full, failure);
out:
	if (error) {
		close_parts(history);
		return error;
	}
	*out = history;
	return 0;
}

void history_close(struct history *history)
{
	if (!history)
		return;
	history_drop_kept(history);
	if (history->damaged)
		db_leave_alone(history->db);
	else if (history->mode == HISTORY_WRITE)
		db_checkpoint(history->db);
	close_parts(history);
}
