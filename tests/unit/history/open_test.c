/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Paths, files and rights with which there is no history to open, and files whose versions do not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scratch.h"
#include "history/db.h"
#include "history/history.h"
#include "history/internal.h"
#include "history/schema.h"

#define NOBODY 65534

static char path[128];
static struct failure failure;

static int make_folder(void **state)
{
	int error = scratch_make(state);

	snprintf(path, sizeof(path), "%s", scratch_path("h.db"));
	return error;
}

static void made(void)
{
	struct history *history = NULL;

	if (history_open(path, HISTORY_WRITE, &history, &failure))
		fail_msg("%s", failure.text);
	history_close(history);
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void refused(const char *name, enum history_mode mode, int error, const char *word)
{
	struct history *history = NULL;
	int got;

	memset(&failure, 0, sizeof(failure));
	got = history_open(name, mode, &history, &failure);
	if (got != error || !strstr(failure.text, word))
		fail_msg("%d, not %d: \"%s\", not \"%s\"", got, error, failure.text, word);
	assert_null(history);
}

/* Changes what is in the file itself, or only in SQLite's log beside it. */
static void change(const char *sql, bool log_only)
{
	struct db *db;

	assert_int_equal(db_open(path, DB_WRITE, &db, &failure), 0);
	if (db_exec(db, sql, &failure))
		fail_msg("%s", failure.text);
	if (!log_only)
		db_checkpoint(db);
	db_close(db);
}

static int64_t version_in_file(void)
{
	int64_t version = -1;
	struct db *db;

	assert_int_equal(db_open(path, DB_READ, &db, &failure), 0);
	assert_int_equal(db_integer(db, "PRAGMA user_version", &version, &failure), 0);
	db_close(db);
	return version;
}

/* --- paths --------------------------------------------------------------------------------------- */

static void a_path_may_begin_where_one_is(void **state)
{
	struct history *history = NULL;
	char before[PATH_MAX], long_name[PATH_MAX];

	(void)state;
	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(scratch_path("")), 0);
	if (history_open("h.db", HISTORY_WRITE, &history, &failure))
		fail_msg("%s", failure.text);
	assert_int_equal(chdir("/"), 0); /* it stays where it is */
	assert_int_equal(history_begin(history, &failure), 0);
	assert_int_equal(history_write_state(history, "pid", "1", &failure), 0);
	assert_int_equal(history_commit(history, &failure), 0);
	history_close(history);
	assert_int_equal(access(path, F_OK), 0);
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	refused(long_name, HISTORY_WRITE, -ENAMETOOLONG, "choose a shorter one");
	/* A folder that is gone has no name. */
	assert_int_equal(mkdir(scratch_path("gone"), 0700), 0);
	assert_int_equal(chdir(scratch_path("gone")), 0);
	assert_int_equal(rmdir(scratch_path("gone")), 0);
	refused("h.db", HISTORY_READ, -ENOENT, "the working directory can not be told");
	assert_int_equal(chdir(before), 0);
}

static void what_is_no_file_is_refused(void **state)
{
	(void)state;
	refused("/proc", HISTORY_WRITE, -EPROTO, "this is no file");
	refused(scratch_path(""), HISTORY_READ, -EPROTO, "this is no file");
	assert_int_equal(symlink("h.db", path), 0); /* to itself */
	refused(path, HISTORY_READ, -ELOOP, "Too many levels");
	unlink(path);
	/* A link to where nothing is yet: the file would be made at a place that somebody else chose. */
	assert_int_equal(symlink(scratch_path("elsewhere"), path), 0);
	refused(path, HISTORY_WRITE, -EEXIST, "can not be made");
	assert_int_equal(access(scratch_path("elsewhere"), F_OK), -1);
	unlink(path);
	assert_int_equal(symlink("/proc/self/mem", path), 0); /* reading it fails */
	refused(path, HISTORY_WRITE, -EIO, "see to the disk");
	unlink(path);
	write_file(path, "short");
	refused(path, HISTORY_READ, -EPROTO, "no SQLite database, or one that was never written");
}

/* --- rights ---------------------------------------------------------------------------------------- */

static void become(uid_t id)
{
	assert_int_equal(id ? setresgid(id, id, 0) || setresuid(id, id, 0)
			    : setresuid(0, 0, 0) || setresgid(0, 0, 0),
			 0);
}

static void who_may_not_is_told_what_to_see_to(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_message("# not root: another user can not be tried\n");
		skip();
	}
	made();
	assert_int_equal(chmod(scratch_path(""), 0755), 0);
	become(NOBODY);
	refused(path, HISTORY_WRITE, -EACCES, "can not be written");
	refused(path, HISTORY_READ, -EACCES, "only root and the group of its file may read it");
	refused(scratch_path("other.db"), HISTORY_WRITE, -EACCES, "can not open its lock");
	refused(scratch_path("none/other.db"), HISTORY_WRITE, -EACCES, "can not make its directory");
	become(0);
	/* A damaged one is left as it is by who may not set it aside. */
	assert_int_equal(chown(path, NOBODY, NOBODY), 0);
	assert_int_equal(chown(scratch_path("h.db.lock"), NOBODY, NOBODY), 0);
	assert_int_equal(chown(scratch_path("h.db-wal"), NOBODY, NOBODY), 0);
	assert_int_equal(chown(scratch_path("h.db-shm"), NOBODY, NOBODY), 0);
	write_file(path, "this was a history");
	become(NOBODY);
	refused(path, HISTORY_WRITE, -EACCES, "it is damaged, and can not be marked so: Permission denied");
	become(0);
	assert_int_equal(access(path, F_OK), 0);
}

/* --- versions -------------------------------------------------------------------------------------- */

static void a_version_that_does_not_fit_is_refused(void **state)
{
	char sql[64];

	(void)state;
	made();
	assert_int_equal(version_in_file(), schema_version());
	change("PRAGMA user_version = 0", false);
	refused(path, HISTORY_WRITE, -EPROTO, "version is 0, which no firstseen writes");
	refused(path, HISTORY_READ, -EPROTO, "version is 0, which no firstseen writes");
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", schema_version());
	change(sql, false);
	made();
	/* The newer one may be in the log alone, while the file's first page is an old one. */
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", schema_version() + 1);
	change(sql, true);
	refused(path, HISTORY_WRITE, -EPROTO, "run the newer firstseen");
}

/* A step that fails in its middle is taken back, and the version stays. */
static void a_migration_is_whole_or_not_at_all(void **state)
{
	int64_t columns, after;
	char sql[128];
	struct db *db;

	(void)state;
	made();
	/* As somebody may have made it: of the version before, but with a table that the next one makes. */
	snprintf(sql, sizeof(sql), "ALTER TABLE outbox DROP COLUMN revision; PRAGMA user_version = %d",
		 schema_version() - 1);
	change(sql, false);
	assert_int_equal(db_open(path, DB_READ, &db, &failure), 0);
	assert_int_equal(
		db_integer(db, "SELECT count(*) FROM pragma_table_info('outbox')", &columns, &failure), 0);
	/* Nor is it begun where it can not be written. */
	assert_int_equal(db_configure(db, &failure), 0);
	assert_int_equal(schema_migrate(db, &failure), -EROFS);
	db_close(db);
	assert_int_equal(db_open(path, DB_WRITE, &db, &failure), 0);
	assert_int_equal(db_configure(db, &failure), 0);
	assert_int_equal(schema_migrate(db, &failure), -EIO);
	assert_non_null(strstr(failure.text, "duplicate column"));
	db_close(db);
	assert_int_equal(version_in_file(), schema_version() - 1);
	assert_int_equal(db_open(path, DB_READ, &db, &failure), 0);
	assert_int_equal(db_integer(db, "SELECT count(*) FROM pragma_table_info('outbox')", &after, &failure),
			 0);
	assert_int_equal(after, columns);
	db_close(db);
}

static int count_domain(void *context, const struct domain_row *row)
{
	int *count = context;

	assert_string_equal(row->domain, "example.com");
	assert_int_equal(row->hostnames, 1);
	assert_int_equal(row->connections, 7);
	++*count;
	return 0;
}

static int domains_in(enum history_mode mode)
{
	const struct history_filter all = {.limit = 10};
	struct history *history;
	int count = 0;

	if (history_open(path, mode, &history, &failure) ||
	    history_domains(history, &all, count_domain, &count, &failure) ||
	    history_check(history, &failure))
		fail_msg("%s", failure.text);
	history_close(history);
	return count;
}

/* Who only reads gets it as it would be; it is changed by who writes. */
static void a_file_of_any_earlier_version_can_be_read(void **state)
{
	(void)state;
	for (int version = 1; version < schema_version(); version++) {
		struct db *db;

		assert_int_equal(history_create_file(path, &failure), 0);
		assert_int_equal(db_open(path, DB_WRITE, &db, &failure), 0);
		if (schema_create_version(db, version, &failure) ||
		    db_exec(db,
			    "PRAGMA journal_mode = WAL;"
			    "INSERT INTO domains (kind, name, first_us, last_us, connections, bytes_out, "
			    "bytes_in) VALUES (0, 'example.com', 1, 2, 7, 0, 0);"
			    "INSERT INTO hostnames (domain, name, first_us, last_us, connections, bytes_out, "
			    "bytes_in) VALUES (1, 'www.example.com', 1, 2, 7, 0, 0)",
			    &failure))
			fail_msg("%s", failure.text);
		db_close(db);
		assert_int_equal(domains_in(HISTORY_READ), 1);
		assert_int_equal(version_in_file(), version);
		assert_int_equal(domains_in(HISTORY_WRITE), 1);
		assert_int_equal(version_in_file(), schema_version());
		assert_int_equal(unlink(path), 0);
		(void)unlink(scratch_path("h.db-wal"));
		(void)unlink(scratch_path("h.db-shm"));
	}
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, scratch_remove)
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(a_path_may_begin_where_one_is),
		WITH_FOLDER(what_is_no_file_is_refused),
		WITH_FOLDER(who_may_not_is_told_what_to_see_to),
		WITH_FOLDER(a_version_that_does_not_fit_is_refused),
		WITH_FOLDER(a_migration_is_whole_or_not_at_all),
		WITH_FOLDER(a_file_of_any_earlier_version_can_be_read),
	};

	return cmocka_run_group_tests_name("history/open", tests, NULL, NULL);
}
