/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * salvage.c - rows out of a damaged database.
 *
 * Rows are walked by an integer key (the rowid, or the first column of a primary
 * key). A page that can not be read ends a walk; the next one begins at the smallest
 * key from which reading works again, found by doubling and then by halving the
 * distance. A key that stands still or goes back is damage, too.
 */
#include "history/salvage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"

#define COLUMNS_MOST 32
#define NAME_MOST 64
#define SQL_MOST 4096
#define HOLES_MOST 100000 /* a table */
#define LOOK_AT_CLOCK 512 /* rows */

struct columns {
	size_t count;
	char names[COLUMNS_MOST][NAME_MOST];
	char key[NAME_MOST]; /* of the primary key, the first column */
	bool key_is_integer;
};

struct walk {
	struct salvage *salvage;
	struct statement *from, *to; /* from: ?1 is the least key, column 0 the key */
	size_t columns;
	uint64_t steps;
	struct failure *failure;
};

bool salvage_is_late(struct salvage *salvage)
{
	if (clock_ns(CLOCK_MONOTONIC) >= salvage->deadline_ns)
		salvage->late = true;
	return salvage->late;
}

/* What is a view by that name has none: its rows may have no end. */
static int columns_of(struct db *db, const char *table, struct columns *columns)
{
	static const char select[] =
		"SELECT name, type, pk FROM pragma_table_info(?1) WHERE EXISTS (SELECT 1 FROM "
		"pragma_table_list(?1) l WHERE l.schema = 'main' AND l.type = 'table')";
	struct statement *statement;
	int found, error = db_prepare(db, select, &statement, NULL);

	memset(columns, 0, sizeof(*columns));
	if (error)
		return error;
	db_bind_text(statement, 1, table);
	while ((found = db_step(statement, NULL)) == 1 && columns->count < COLUMNS_MOST) {
		text_copy(columns->names[columns->count++], NAME_MOST, db_column_text(statement, 0));
		if (db_column_integer(statement, 2) != 1)
			continue;
		text_copy(columns->key, sizeof(columns->key), db_column_text(statement, 0));
		columns->key_is_integer = strcmp(db_column_text(statement, 1), "INTEGER") == 0;
	}
	db_finalize(statement);
	return found < 0 ? found : 0;
}

static bool has_column(const struct columns *columns, const char *name)
{
	for (size_t i = 0; i < columns->count; i++)
		if (strcmp(columns->names[i], name) == 0)
			return true;
	return false;
}

/* Only those that both have, in the order of `to`. */
static void keep_common(struct columns *to, const struct columns *from)
{
	size_t count = 0;

	for (size_t i = 0; i < to->count; i++)
		if (has_column(from, to->names[i]))
			memmove(to->names[count++], to->names[i], NAME_MOST);
	to->count = count;
}

static void list_columns(const struct columns *columns, char *list, size_t size)
{
	size_t length = 0;

	list[0] = '\0';
	for (size_t i = 0; i < columns->count && length < size; i++)
		length += (size_t)snprintf(list + length, size - length, "%s\"%s\"", i ? ", " : "",
					   columns->names[i]);
}

static void insert_text(const char *table, const struct columns *columns, const char *list,
			char sql[static SQL_MOST])
{
	char marks[4 * COLUMNS_MOST] = "";

	for (size_t i = 0; i < columns->count; i++)
		strcat(marks, i ? ", ?" : "?");
	snprintf(sql, SQL_MOST, "INSERT OR IGNORE INTO \"%s\" (%s) VALUES (%s)", table, list, marks);
}

/* The row at hand, from column `first` on. Returns the rows that this made (0 where it was there), or -errno.
 */
static int copy_row(struct walk *walk, int first)
{
	int error;

	for (size_t i = 0; i < walk->columns; i++)
		db_copy_column(walk->to, (int)i + 1, walk->from, first + (int)i);
	error = db_run(walk->to, walk->failure);
	if (error == -EINVAL || error == -EMSGSIZE) /* a row that no table of ours takes: garbage */
		return 0;
	return error ? error : (int)db_changes(walk->salvage->to);
}

/* Whether reading works at `key`. 1: there is a row, 0: none from there on, -errno: it does not. */
static int probe(struct walk *walk, int64_t key, int64_t *found_key)
{
	int found;

	db_reset(walk->from);
	db_bind_integer(walk->from, 1, key);
	found = db_step(walk->from, NULL);
	if (found == 1) {
		*found_key = db_column_integer(walk->from, 0);
		if (*found_key < key)
			found = -EUCLEAN;
	}
	db_reset(walk->from);
	return found;
}

/* The first key behind a hole that begins at `from`. 1: *key is it, 0: there is nothing more. */
static int leave_hole(struct walk *walk, int64_t from, int64_t *key, struct salvaged *out)
{
	int64_t bad = from, good = from, distance = 1, at = 0;
	int found = -EUCLEAN;

	for (; found < 0 && distance < INT64_MAX / 4 && from < INT64_MAX / 4; distance *= 2) {
		bad = good;
		good = from + distance;
		found = probe(walk, good, &at);
	}
	if (found < 0) {
		out->endless = true;
		return 0;
	}
	while (good - bad > 1) {
		int64_t middle = bad + (good - bad) / 2, there = 0;
		int here = probe(walk, middle, &there);

		if (here < 0) {
			bad = middle;
		} else {
			good = middle;
			found = here;
			at = there;
		}
	}
	*key = found ? at : good;
	out->missing += (uint64_t)(*key - from);
	return found;
}

/* Copies from `key` on until the end (0), or a row that can not be read (1: *key is where). */
static int copy_run(struct walk *walk, int64_t *key, uint64_t *rows)
{
	int64_t last = *key;
	int found, copied;

	db_reset(walk->from);
	db_bind_integer(walk->from, 1, *key);
	while ((found = db_step(walk->from, NULL)) == 1) {
		int64_t at = db_column_integer(walk->from, 0);

		if (at < last)
			break;
		last = at;
		copied = copy_row(walk, 1);
		if (copied < 0)
			return copied;
		*rows += (uint64_t)copied;
		if (++walk->steps % LOOK_AT_CLOCK == 0 && salvage_is_late(walk->salvage))
			return 0;
		*key = at < INT64_MAX ? at + 1 : at;
	}
	return found != 0;
}

static int walk_keys(struct walk *walk, struct salvaged *out)
{
	int64_t key = 0;
	int more = 1;

	while (more == 1 && out->holes < HOLES_MOST && !salvage_is_late(walk->salvage)) {
		more = copy_run(walk, &key, &out->rows);
		if (more != 1)
			break;
		out->holes++;
		more = leave_hole(walk, key, &key, out);
	}
	if (walk->salvage->late || out->holes == HOLES_MOST)
		out->endless = true;
	return more < 0 ? more : 0;
}

int salvage_rows(struct salvage *salvage, const char *select, const char *insert, uint64_t *rows,
		 struct failure *failure)
{
	struct walk walk = {.salvage = salvage, .failure = failure};
	int found = 0, copied = 0, error;

	if (!salvage->from || db_prepare(salvage->from, select, &walk.from, NULL))
		return 0;
	error = db_prepare(salvage->to, insert, &walk.to, failure);
	walk.columns = error ? 0 : db_column_count(walk.from);
	while (!error && (found = db_step(walk.from, NULL)) == 1) {
		copied = copy_row(&walk, 0);
		*rows += copied > 0 ? (uint64_t)copied : 0;
		if (copied < 0 || (++walk.steps % LOOK_AT_CLOCK == 0 && salvage_is_late(salvage)))
			break;
	}
	db_finalize(walk.from);
	db_finalize(walk.to);
	if (error || copied < 0)
		return error ? error : copied;
	return found == 0;
}

/* Without an integer to walk by: from both ends up to the first page that can not be read. */
static int salvage_ends(struct salvage *salvage, const char *table, const struct columns *columns,
			const char *list, struct salvaged *out, struct failure *failure)
{
	char select[SQL_MOST], insert[SQL_MOST];
	int ended = 0;

	insert_text(table, columns, list, insert);
	for (int end = 0; end < 2 && !ended; end++) {
		snprintf(select, sizeof(select), "SELECT %s FROM \"%s\" ORDER BY \"%s\" %s", list, table,
			 columns->key, end ? "DESC" : "ASC");
		ended = salvage_rows(salvage, select, insert, &out->rows, failure);
	}
	return ended < 0 ? ended : 0;
}

int salvage_table(struct salvage *salvage, const char *table, struct salvaged *out, struct failure *failure)
{
	struct walk walk = {.salvage = salvage, .failure = failure};
	char list[SQL_MOST / 2], sql[SQL_MOST];
	struct columns columns, old;
	int error;

	*out = (struct salvaged){0};
	if (!salvage->from || columns_of(salvage->from, table, &old) || old.count == 0 ||
	    columns_of(salvage->to, table, &columns))
		return 0;
	keep_common(&columns, &old);
	list_columns(&columns, list, sizeof(list));
	if (columns.count == 0 || !columns.key[0])
		return 0;
	if (!columns.key_is_integer)
		return salvage_ends(salvage, table, &columns, list, out, failure);
	snprintf(sql, sizeof(sql), "SELECT \"%s\", %s FROM \"%s\" WHERE \"%s\" >= ?1 ORDER BY \"%s\"",
		 columns.key, list, table, columns.key, columns.key);
	if (db_prepare(salvage->from, sql, &walk.from, NULL))
		return 0;
	walk.columns = columns.count;
	insert_text(table, &columns, list, sql);
	error = db_prepare(salvage->to, sql, &walk.to, failure);
	if (!error)
		error = walk_keys(&walk, out);
	db_finalize(walk.from);
	db_finalize(walk.to);
	return error;
}
