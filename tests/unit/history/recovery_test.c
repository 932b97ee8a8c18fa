/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a history that lost the upper pages of its trees is put together from: its leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/scratch.h"
#include "base/text.h"
#include "history/batch.h"
#include "history/db.h"
#include "history/history.h"

#define T0 (INT64_C(1767225600) * NS_PER_SECOND)
#define DAY (SECONDS_PER_DAY * NS_PER_SECOND)
#define DOMAINS 2000 /* their rows fill some forty pages */
#define ODD 7        /* the number of one whose row is changed into one that can not be */

static char path[128];
static struct failure failure;

static int make_folder(void **state)
{
	int error = scratch_make(state);

	snprintf(path, sizeof(path), "%s", scratch_path("h.db"));
	return error;
}

static struct history *opened(enum history_mode mode)
{
	struct history *history = NULL;

	if (history_open(path, mode, &history, &failure))
		fail_msg("%s", failure.text);
	return history;
}

static const char *name_of(unsigned number, char name[static 32])
{
	snprintf(name, 32, "d%u.example", number);
	return name;
}

/* One visit to each of the domains, and a run that is not over. */
static void fill(void)
{
	struct history *history = opened(HISTORY_WRITE);
	struct batch *batch = NULL;
	int64_t run;

	assert_int_equal(batch_new(NULL, &batch), 0);
	assert_int_equal(history_run_start(history, T0, &run, &failure), 0);
	for (unsigned i = 0; i < DOMAINS; i++) {
		char domain[32], hostname[48];
		struct access access = {.time_ns = T0 + DAY,
					.domain = name_of(i, domain),
					.hostname = hostname,
					.application = "/usr/bin/curl",
					.exe = "/usr/bin/curl",
					.remote_port = 443,
					.protocol = 6,
					.connections = 1,
					.bytes_out = 100,
					.bytes_in = 200};

		snprintf(hostname, sizeof(hostname), "www.%s", domain);
		assert_int_equal(batch_add_access(batch, &access), 0);
	}
	assert_int_equal(history_begin(history, &failure), 0);
	assert_int_equal(history_write_accesses(history, batch, &failure), 0);
	assert_int_equal(history_run_seen(history, run, T0 + DAY, false, &failure), 0);
	assert_int_equal(history_commit(history, &failure), 0);
	batch_free(batch);
	assert_int_equal(history_mark_damaged(history, "as a test"), 0);
	history_close(history);
}

/* Overwrites the first page of each tree, which holds nothing but where the others are. */
static void break_roots(const char *const *trees, size_t count, const char *before)
{
	int64_t roots[8], page_size;
	struct db *db;
	int file;

	assert_true(count <= sizeof(roots) / sizeof(roots[0]));
	assert_int_equal(db_open(path, DB_WRITE, &db, &failure), 0);
	if (before)
		assert_int_equal(db_exec(db, before, &failure), 0);
	assert_int_equal(db_integer(db, "PRAGMA page_size", &page_size, &failure), 0);
	for (size_t i = 0; i < count; i++) {
		char sql[128];

		snprintf(sql, sizeof(sql), "SELECT rootpage FROM sqlite_schema WHERE name = '%s'", trees[i]);
		assert_int_equal(db_integer(db, sql, &roots[i], &failure), 0);
	}
	assert_int_equal(db_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", &failure), 0);
	db_close(db);
	file = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(file >= 0);
	for (size_t i = 0; i < count; i++) {
		static uint8_t garbage[65536];

		memset(garbage, 0x7f, sizeof(garbage));
		assert_int_equal(
			pwrite(file, garbage, (size_t)page_size, (off_t)((roots[i] - 1) * page_size)),
			page_size);
	}
	close(file);
}

static int64_t last_seen(struct history *history, unsigned number)
{
	char domain[32];
	struct seen seen;

	assert_int_equal(
		history_seen(history, SUBJECT_DOMAIN, name_of(number, domain), "/usr/bin/curl", &seen), 0);
	return seen.host_last_ns;
}

/* What is in them is known again. Whether it was all, nothing tells: so learning begins anew. */
static void leaves_alone_bring_domains_back(void **state)
{
	static const char *const trees[] = {"domains", "sqlite_autoindex_domains_1", "hostnames",
					    "sqlite_autoindex_hostnames_1"};
	struct history_recovery recovery;
	struct history *history;
	char odd[96], name[32];

	(void)state;
	fill();
	snprintf(odd, sizeof(odd), "UPDATE domains SET connections = -5 WHERE name = '%s'",
		 name_of(ODD, name));
	break_roots(trees, 4, odd);
	history = opened(HISTORY_WRITE);
	for (unsigned i = 0; i < DOMAINS; i++)
		if (last_seen(history, i) != (i == ODD ? 0 : T0 + DAY))
			fail_msg("d%u.example: last seen at %lld", i, (long long)last_seen(history, i));
	assert_int_equal(history_recovery(history, &recovery, &failure), 1);
	assert_true(recovery.baseline_lost);
	if (!strstr(recovery.message,
		    "Recovered: 1999 domains (how many more there were can not be told), 2000 "
		    "hostnames"))
		fail_msg("%s", recovery.message);
	history_close(history);
}

/* The names in the index are enough to know a domain by; its times are those of its hostnames. */
static void names_alone_bring_domains_back(void **state)
{
	static const char *const trees[] = {"domains"};
	struct history_recovery recovery;
	struct history *history;

	(void)state;
	fill();
	break_roots(trees, 1, NULL);
	history = opened(HISTORY_WRITE);
	for (unsigned i = 0; i < DOMAINS; i++)
		assert_int_equal(last_seen(history, i), T0 + DAY);
	assert_int_equal(history_recovery(history, &recovery, &failure), 1);
	assert_false(recovery.baseline_lost);
	if (!strstr(recovery.message, "Recovered: 2000 domains, "))
		fail_msg("%s", recovery.message);
	history_close(history);
}

/* Without what tells since when there was watching, no domain says anything: learning begins anew. */
static void without_runs_the_baseline_is_lost(void **state)
{
	static const char *const trees[] = {"domains", "sqlite_autoindex_domains_1", "runs"};
	struct history_recovery recovery;
	struct history *history;

	(void)state;
	fill();
	break_roots(trees, 3, NULL);
	history = opened(HISTORY_WRITE);
	assert_int_equal(last_seen(history, 0), T0 + DAY); /* what is known stays known */
	assert_int_equal(history_recovery(history, &recovery, &failure), 1);
	assert_true(recovery.baseline_lost);
	assert_non_null(strstr(recovery.message, "learning begins anew"));
	history_close(history);
}

/* Changes the file behind the history's back; it is in no journal mode of ours then. */
static void change(const char *sql)
{
	struct db *db;

	assert_int_equal(db_open(path, DB_WRITE, &db, &failure), 0);
	if (db_exec(db, sql, &failure))
		fail_msg("%s", failure.text);
	assert_int_equal(db_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", &failure), 0);
	db_close(db);
}

static void unmark(void)
{
	assert_int_equal(unlink(scratch_path("h.db.recovering")), 0);
}

/* Tables, triggers, indexes and columns of somebody else's making: they run inside of what is asked. */
static void what_others_put_in_does_not_run(void **state)
{
	static const char *const changes[] = {
		"CREATE TRIGGER mute AFTER INSERT ON alerts BEGIN DELETE FROM outbox; END",
		"CREATE INDEX odd ON domains (hex(zeroblob(100)))",
		"CREATE TABLE \"a\"\" JOIN (SELECT 1)--\" (b)",
		"CREATE VIEW any AS SELECT 1",
		"ALTER TABLE domains ADD COLUMN odd TEXT AS (hex(zeroblob(100))) VIRTUAL",
		"DROP TRIGGER hostname_gone",
		"DROP TRIGGER endpoint_gone; CREATE TRIGGER endpoint_gone DELETE ON gaps BEGIN SELECT 1; END",
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct history_recovery recovery;
		struct history *history = NULL;

		assert_int_equal(scratch_remove(state), 0);
		assert_int_equal(make_folder(state), 0);
		fill();
		unmark();
		history_close(opened(HISTORY_READ));
		change(changes[i]);
		assert_int_equal(history_open(path, HISTORY_READ, &history, &failure), -EUCLEAN);
		assert_non_null(strstr(failure.text, "its tables are not those that firstseen makes"));
		history = opened(HISTORY_WRITE); /* set aside, and all rows brought over */
		assert_int_equal(last_seen(history, 0), T0 + DAY);
		assert_int_equal(history_recovery(history, &recovery, &failure), 1);
		assert_false(recovery.baseline_lost);
		history_close(history);
		history_close(opened(HISTORY_READ));
	}
}

/* One whose rows have no end stands where a table was. */
static void a_view_is_not_brought_over(void **state)
{
	struct history *history;

	(void)state;
	fill();
	change("DROP TABLE alerts; CREATE VIEW alerts AS WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT "
	       "n "
	       "+ 1 FROM c) SELECT n AS id, n AS uid FROM c");
	history = opened(HISTORY_WRITE);
	assert_int_equal(last_seen(history, 0), T0 + DAY);
	history_close(history);
}

/* What ANALYZE leaves is no reason to give a history up. */
static void statistics_may_be_there(void **state)
{
	(void)state;
	fill();
	unmark();
	change("ANALYZE");
	history_close(opened(HISTORY_READ));
	history_close(opened(HISTORY_WRITE));
}

/* A file to be imported is read to its last page before anything of it is used. */
static void pages_are_checked(void **state)
{
	static const char *const trees[] = {"accesses"};
	struct history *history;

	(void)state;
	fill();
	unmark();
	history = opened(HISTORY_READ);
	assert_int_equal(history_check(history, &failure), 0);
	history_close(history);
	break_roots(trees, 1, NULL);
	history = opened(HISTORY_READ);
	assert_int_equal(history_check(history, &failure), -EUCLEAN);
	history_close(history);
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, scratch_remove)
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(leaves_alone_bring_domains_back),
		WITH_FOLDER(names_alone_bring_domains_back),
		WITH_FOLDER(without_runs_the_baseline_is_lost),
		WITH_FOLDER(what_others_put_in_does_not_run),
		WITH_FOLDER(a_view_is_not_brought_over),
		WITH_FOLDER(statistics_may_be_there),
		WITH_FOLDER(pages_are_checked),
	};

	return cmocka_run_group_tests_name("history/recovery", tests, NULL, NULL);
}
