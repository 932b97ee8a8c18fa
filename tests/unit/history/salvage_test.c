/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rows out of tables with pages that are gone, repeated, or were never a table of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/scratch.h"
#include "base/text.h"
#include "history/salvage.h"

#define ROWS 3000
#define PAGE 4096
#define LEAF 13       /* SQLite's number for a page of rows, */
#define INDEX_LEAF 10 /* ... and for one of names */
#define TABLE "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL)"
#define NAMES "CREATE TABLE t (name TEXT NOT NULL PRIMARY KEY, n INTEGER) WITHOUT ROWID"

static char path[128];
static struct failure failure;
static uint8_t *file;
static size_t size;
static struct salvage salvage;

static void run(struct db *db, const char *sql)
{
	if (db_exec(db, sql, &failure))
		fail_msg("%s", failure.text);
}

/* Names of 100 characters: some forty a page. */
static void make(const char *table, const char *insert)
{
	char sql[512];
	struct db *db;
	FILE *stream = fopen(path, "w");

	assert_non_null(stream);
	fclose(stream);
	assert_int_equal(db_open(path, DB_WRITE, &db, &failure), 0);
	run(db, "PRAGMA page_size = 4096");
	run(db, table);
	snprintf(sql, sizeof(sql),
		 "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) %s FROM n",
		 ROWS, insert);
	run(db, sql);
	db_close(db);
	stream = fopen(path, "r");
	assert_non_null(stream);
	assert_int_equal(fseek(stream, 0, SEEK_END), 0);
	size = (size_t)ftell(stream);
	rewind(stream);
	file = malloc(size);
	assert_non_null(file);
	assert_int_equal(fread(file, 1, size, stream), size);
	fclose(stream);
}

static void make_rows(void)
{
	make(TABLE, "INSERT INTO t SELECT i, printf('%099d', i)");
}

/* The lowest page that holds the name of row `number`. */
static uint8_t *page_of(int number)
{
	char name[104];

	snprintf(name, sizeof(name), "%099d", number);
	for (size_t at = 0; at < size; at += PAGE)
		if ((file[at] == LEAF || file[at] == INDEX_LEAF) && memmem(file + at, PAGE, name, 99))
			return file + at;
	fail_msg("no page with row %d", number);
	return NULL;
}

static unsigned rows_on(const uint8_t *page)
{
	return (unsigned)page[3] << 8 | page[4];
}

static void begin(const char *table, enum db_mode mode)
{
	FILE *stream = fopen(path, "w");

	assert_non_null(stream);
	assert_int_equal(fwrite(file, 1, size, stream), size);
	fclose(stream);
	memset(&salvage, 0, sizeof(salvage));
	salvage.deadline_ns = clock_ns(CLOCK_MONOTONIC) + 100 * NS_PER_SECOND;
	assert_int_equal(db_open(path, DB_DAMAGED, &salvage.from, &failure), 0);
	(void)db_configure(salvage.from, NULL); /* of what is no database it fails */
	assert_int_equal(db_open(scratch_path("new"), mode, &salvage.to, &failure), 0);
	if (table)
		run(salvage.to, table);
}

static struct salvaged salvaged(void)
{
	struct salvaged out;

	if (salvage_table(&salvage, "t", &out, &failure))
		fail_msg("%s", failure.text);
	return out;
}

static int64_t number(const char *sql)
{
	int64_t value = -1;

	assert_int_equal(db_integer(salvage.to, sql, &value, &failure), 0);
	return value;
}

static int make_folder(void **state)
{
	int error = scratch_make(state);

	snprintf(path, sizeof(path), "%s", scratch_path("old"));
	return error;
}

static int end(void **state)
{
	db_close(salvage.from);
	db_close(salvage.to);
	free(file);
	file = NULL;
	memset(&salvage, 0, sizeof(salvage));
	return scratch_remove(state);
}

static void a_sound_table_comes_whole(void **state)
{
	struct salvaged out;

	(void)state;
	make_rows();
	begin(TABLE, DB_MEMORY);
	out = salvaged();
	assert_int_equal(out.rows, ROWS);
	assert_int_equal(out.holes, 0);
	assert_false(out.endless);
	assert_int_equal(number("SELECT count(*) FROM t WHERE name = printf('%099d', id)"), ROWS);
	assert_int_equal(salvaged().rows, 0); /* those that are there already are none of it */
}

/* What is behind a page that is gone is found; what was on it is counted as missing, and nothing else. */
static void the_walk_goes_on_behind_a_hole(void **state)
{
	unsigned lost;
	struct salvaged out;

	(void)state;
	make_rows();
	lost = rows_on(page_of(1500)) + rows_on(page_of(2500));
	memset(page_of(1500), 0x7f, PAGE);
	memset(page_of(2500), 0, PAGE);
	begin(TABLE, DB_MEMORY);
	out = salvaged();
	assert_int_equal(out.rows, ROWS - lost);
	assert_int_equal(out.holes, 2);
	assert_int_equal(out.missing, lost);
	assert_false(out.endless);
	assert_int_equal(number("SELECT count(*) FROM t WHERE id IN (1, 3000)"), 2);
	assert_int_equal(number("SELECT count(*) FROM t WHERE name <> printf('%099d', id)"), 0);
}

static void without_its_last_page_the_end_is_not_known(void **state)
{
	unsigned lost;
	struct salvaged out;

	(void)state;
	make_rows();
	lost = rows_on(page_of(ROWS));
	memset(page_of(ROWS), 0x7f, PAGE);
	begin(TABLE, DB_MEMORY);
	out = salvaged();
	assert_int_equal(out.rows, ROWS - lost);
	assert_int_equal(out.holes, 1);
	assert_true(out.endless);
}

/* A page that stands twice would be walked in a circle, or its rows be taken for others. */
static void keys_that_go_back_are_damage(void **state)
{
	uint8_t *from;
	unsigned lost;
	struct salvaged out;

	(void)state;
	make_rows();
	from = page_of(100);
	lost = rows_on(page_of(2000));
	memcpy(page_of(2000), from, PAGE);
	begin(TABLE, DB_MEMORY);
	out = salvaged();
	assert_int_equal(out.rows, ROWS - lost);
	assert_true(out.holes >= 1);
	assert_true(out.missing >= lost);
	assert_int_equal(number("SELECT count(*) FROM t WHERE name <> printf('%099d', id)"), 0);
}

static void when_the_time_is_up_the_rest_is_left(void **state)
{
	struct salvaged out;

	(void)state;
	make_rows();
	begin(TABLE, DB_MEMORY);
	salvage.deadline_ns = 0;
	out = salvaged();
	assert_true(salvage.late);
	assert_true(out.endless);
	assert_int_equal(out.rows, 0);
	/* In the middle of a walk, too. */
	salvage.late = false;
	salvage.deadline_ns = clock_ns(CLOCK_MONOTONIC) + NS_PER_MS / 2;
	out = salvaged();
	assert_true(salvage.late);
	assert_true(out.endless);
	assert_true(out.rows < ROWS);
}

/* Without numbers to jump by: all up to the first page that is gone, from both ends. */
static void names_are_read_from_both_ends(void **state)
{
	struct salvaged out;
	int64_t there;

	(void)state;
	make(NAMES, "INSERT INTO t SELECT printf('%099d', i), i");
	memset(page_of(1501), 0x7f, PAGE);
	begin(NAMES, DB_MEMORY);
	out = salvaged();
	there = number("SELECT count(*) FROM t");
	assert_int_equal(out.rows, there);
	assert_in_range(there, ROWS - 200, ROWS - 1);
	assert_int_equal(number("SELECT count(*) FROM t WHERE n IN (1, 3000)"), 2);
	assert_int_equal(number("SELECT count(*) FROM t WHERE n = 1501"), 0);
}

/* Whoever made the file may have chosen its tables. */
static void a_table_that_is_not_ours_gives_nothing_and_stops_nothing(void **state)
{
	static const char *const others[] = {
		"CREATE TABLE other (id)", "CREATE TABLE t (a, b)", /* no column of ours */
		"CREATE TABLE t (name TEXT NOT NULL)",              /* not the one to walk by */
		"CREATE VIEW t AS SELECT * FROM nowhere",           /* nothing that could be read */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct salvaged out;

		make("CREATE TABLE filler (i)", "INSERT INTO filler SELECT i");
		begin(TABLE, DB_MEMORY);
		db_close(salvage.from);
		assert_int_equal(db_open(path, DB_WRITE, &salvage.from, &failure), 0);
		run(salvage.from, others[i]);
		out = salvaged();
		assert_int_equal(out.rows, 0);
		assert_int_equal(out.holes, 0);
		db_close(salvage.from);
		db_close(salvage.to);
		free(file);
		file = NULL;
		salvage.from = salvage.to = NULL;
	}
}

/* Rows that no table of ours takes are passed over, and those beside them come: no value ends the recovery.
 */
static void rows_that_can_not_be_are_passed_over(void **state)
{
	struct salvaged out;

	(void)state;
	make("CREATE TABLE t (id, name)",
	     "INSERT INTO t SELECT iif(i % 3, i, 'x' || i), iif(i % 5, i, NULL)");
	begin(TABLE, DB_MEMORY);
	out = salvaged();
	assert_int_equal(out.rows, number("SELECT count(*) FROM t"));
	assert_int_equal(out.rows, ROWS - ROWS / 3 - ROWS / 5 + ROWS / 15);
	assert_int_equal(number("SELECT count(*) FROM t WHERE typeof(id) <> 'integer' OR name IS NULL"), 0);
}

/* A text that begins with a number is a key to walk by, and none that a table of ours takes. */
static void keys_that_look_like_numbers_are_passed_over(void **state)
{
	struct salvaged out;

	(void)state;
	make("CREATE TABLE t (id, name)",
	     "INSERT INTO t SELECT iif(i % 3, i, (100000 + i) || 'x'), printf('%099d', i)");
	begin(TABLE, DB_MEMORY);
	out = salvaged();
	assert_int_equal(out.rows, ROWS - ROWS / 3);
	assert_int_equal(number("SELECT count(*) FROM t"), ROWS - ROWS / 3);
}

static void what_is_no_database_gives_nothing(void **state)
{
	struct salvaged out;
	uint64_t rows = 0;

	(void)state;
	make_rows();
	memset(file, 0x7f, size);
	begin(TABLE, DB_MEMORY);
	out = salvaged();
	assert_int_equal(out.rows, 0);
	assert_int_equal(salvage_rows(&salvage, "SELECT id, name FROM t", "INSERT INTO t VALUES (?1, ?2)",
				      &rows, &failure),
			 0);
	db_close(salvage.from);
	salvage.from = NULL; /* it could not even be opened */
	out = salvaged();
	assert_int_equal(out.rows, 0);
	assert_int_equal(rows, 0);
}

/* A disk that is full must not be taken for rows that are gone. */
static void a_new_one_that_can_not_be_written_is_told(void **state)
{
	struct salvaged out;
	uint64_t rows = 0;

	(void)state;
	make_rows();
	begin(TABLE, DB_MEMORY);
	run(salvage.to, "PRAGMA query_only = ON");
	assert_int_equal(salvage_table(&salvage, "t", &out, &failure), -EROFS);
	assert_non_null(strstr(failure.text, "can not write it"));
	assert_int_equal(salvage_rows(&salvage, "SELECT id, name FROM t", "INSERT INTO t VALUES (?1, ?2)",
				      &rows, &failure),
			 -EROFS);
	assert_true(salvage_rows(&salvage, "SELECT id, name FROM t", "INSERT INTO none VALUES (?1, ?2)",
				 &rows, &failure) < 0);
	assert_int_equal(rows, 0);
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, end)
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(a_sound_table_comes_whole),
		WITH_FOLDER(the_walk_goes_on_behind_a_hole),
		WITH_FOLDER(without_its_last_page_the_end_is_not_known),
		WITH_FOLDER(keys_that_go_back_are_damage),
		WITH_FOLDER(when_the_time_is_up_the_rest_is_left),
		WITH_FOLDER(names_are_read_from_both_ends),
		WITH_FOLDER(a_table_that_is_not_ours_gives_nothing_and_stops_nothing),
		WITH_FOLDER(rows_that_can_not_be_are_passed_over),
		WITH_FOLDER(keys_that_look_like_numbers_are_passed_over),
		WITH_FOLDER(what_is_no_database_gives_nothing),
		WITH_FOLDER(a_new_one_that_can_not_be_written_is_told),
	};

	return cmocka_run_group_tests_name("history/salvage", tests, NULL, NULL);
}
