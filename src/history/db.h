/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db.h - the one door to SQLite: open, statements, transactions, and its errors
 * as -errno with a line for the operator. Knows nothing of what is kept.
 */
#ifndef HISTORY_DB_H
#define HISTORY_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/failure.h"

struct db;        /* opaque: one connection; one thread at a time */
struct statement; /* opaque: a prepared statement of one connection */

enum db_mode {
	DB_WRITE,     /* an existing file */
	DB_READ,      /* an existing file; nothing is written, also not beside it where that can be helped */
	DB_IMMUTABLE, /* an existing file that nobody writes: no locks, no files beside it */
	DB_DAMAGED,   /* an existing file, to read what can be read; nothing in it is trusted */
	DB_MEMORY,    /* `path` is ignored */
	DB_TEMPORARY, /* an empty one of its own, gone when it is closed; `path` is for messages */
};

#define DB_HEADER_SIZE 100

/*
 * Opens. Nothing is read or locked yet, so a file that turns out to be someone
 * else's is untouched. `path` is absolute. 0, or -errno with *failure filled.
 */
int db_open(const char *path, enum db_mode mode, struct db **out, struct failure *failure);
void db_close(struct db *db); /* NULL is fine; all statements were freed */

/*
 * The file's first bytes, through SQLite's own descriptor: closing another one
 * would drop the locks that this process holds on the file. 0, -ENODATA: the file is shorter, or -errno.
 */
int db_header(struct db *db, uint8_t header[static DB_HEADER_SIZE]);

/* Settings of a connection that may now be used. */
int db_configure(struct db *db, struct failure *failure);

/* From now on `is_late` is asked every few milliseconds; once it is not 0, what runs breaks off, with -EIO.
 */
void db_break_off(struct db *db, int (*is_late)(void *context), void *context);

int db_exec(struct db *db, const char *sql, struct failure *failure);

/* Runs `sql` and gives the integer that its first row begins with. -ENODATA: no row. */
int db_integer(struct db *db, const char *sql, int64_t *out, struct failure *failure);

bool db_in_transaction(struct db *db);
int64_t db_last_id(struct db *db);
int64_t db_changes(struct db *db);  /* rows that the last statement wrote */
const char *db_name(struct db *db); /* for messages */

/* Writes the log into the file as far as readers allow, and empties it. Best effort. */
void db_checkpoint(struct db *db);

/*
 * Writes the log into the file where it has grown to the usual size, for those who choose the
 * moment: commits do it by themselves only once it is many times as long. 0 or -errno.
 */
int db_checkpoint_if_long(struct db *db, struct failure *failure);

/* How long the log is, in bytes, as of the last commit. It begins anew once all of it is in the file and
 * nobody reads: as long as one reader or another does, it grows. */
int64_t db_log_bytes(struct db *db);

/* All of one into another, which is empty. */
int db_copy(struct db *from, struct db *to, struct failure *failure);

/* The file is damaged: closing leaves it and its log as they are. */
void db_leave_alone(struct db *db);

/* On success *out is the caller's, to be freed before its connection is closed. */
int db_prepare(struct db *db, const char *sql, struct statement **out, struct failure *failure);
void db_finalize(struct statement *statement); /* NULL is fine */

/*
 * Values for ?1, ?2, ... Text and bytes are borrowed until the statement is reset
 * and are data, whatever they contain. A failure is kept, and told by the next step.
 */
void db_bind_integer(struct statement *statement, int index, int64_t value);
void db_bind_text(struct statement *statement, int index, const char *text);
void db_bind_bytes(struct statement *statement, int index, const void *bytes, size_t size);

/* 1: a row, 0: done, or -errno with *failure filled. */
int db_step(struct statement *statement, struct failure *failure);
void db_reset(struct statement *statement);

/* Steps a statement that gives no row, and resets it. 0 or -errno. */
int db_run(struct statement *statement, struct failure *failure);

/* Columns of the row, from 0. Text ("" for NULL) and bytes live until the next step or reset. */
int64_t db_column_integer(struct statement *statement, int column);
const char *db_column_text(struct statement *statement, int column);
const void *db_column_bytes(struct statement *statement, int column, size_t *size);
size_t db_column_count(struct statement *statement);

/* Binds what `from` has in that column, whatever it is. */
void db_copy_column(struct statement *to, int index, struct statement *from, int column);

#endif
