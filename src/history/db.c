/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "history/db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#define BUSY_MS 5000
#define CHECKPOINT_BUSY_MS 100
#define VALUE_MOST (16 << 20) /* bytes of a value or a row: far more than any of ours has */
#define LATE_STEPS 100000     /* of SQLite's machine, some milliseconds */
#define LOG_PAGES 1000        /* a log of that length is written into the file, */
#define LOG_PAGES_MOST 8000   /* ... or at the latest of that, within a commit */
#define DAMAGED                                                                                              \
	"it is damaged: firstseend sets it aside and saves what can be read when it starts the next time"

struct db {
	sqlite3 *connection;
	enum db_mode mode;
	char *name;    /* as in messages */
	int log_pages; /* in the log at the last commit */
	bool log_seen; /* it was tried to write it into the file since */
};

struct statement {
	sqlite3_stmt *statement;
	struct db *db;
	int bind_error; /* SQLite's code of the first bind that failed since the last reset */
};

/* --- errors -------------------------------------------------------------------- */

static const struct {
	int code; /* SQLite's, without its extension */
	int error;
	const char *advice;
} errors[] = {
	{SQLITE_BUSY, -EBUSY, "another program holds it: close that one and try again"},
	{SQLITE_LOCKED, -EBUSY, "it is in use by this program itself"},
	{SQLITE_NOMEM, -ENOMEM, "free some memory"},
	{SQLITE_READONLY, -EROFS, "see to the owner and mode of the file and of its directory"},
	{SQLITE_IOERR, -EIO, "see to the disk (dmesg) and its free space"},
	{SQLITE_CORRUPT, -EUCLEAN, DAMAGED},
	{SQLITE_FULL, -ENOSPC, "free some space on its file system"},
	{SQLITE_CANTOPEN, -EACCES, "see to the owner and mode of the file and of its directory"},
	{SQLITE_NOTADB, -EUCLEAN, DAMAGED}, /* its header was one: see schema_check_header */
	{SQLITE_PERM, -EACCES, "see to the owner and mode of the file and of its directory"},
	{SQLITE_AUTH, -EACCES, "see to the owner and mode of the file and of its directory"},
	{SQLITE_TOOBIG, -EMSGSIZE, "a value is too long"},
	{SQLITE_CONSTRAINT, -EINVAL, "this is an error in firstseen: please report it"},
	/* No row of ours: one out of a damaged file, whose tables may have been of any shape. */
	{SQLITE_MISMATCH, -EINVAL, "this is an error in firstseen: please report it"},
	{SQLITE_MISUSE, -EINVAL, "this is an error in firstseen: please report it"},
};

static int failure_of(struct db *db, int code, const char *what, struct failure *failure)
{
	const char *said = db->connection ? sqlite3_errmsg(db->connection) : sqlite3_errstr(code);
	const char *advice = "this is an error in firstseen: please report it";
	int error = -EIO;

	/* The connection's text may be about something else where the error came from a bind. */
	if (db->connection && sqlite3_extended_errcode(db->connection) != code)
		said = sqlite3_errstr(code);
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		if (errors[i].code != (code & 0xff))
			continue;
		error = errors[i].error;
		advice = errors[i].advice;
	}
	return failure_set(failure, error, "history %s: can not %s: %s (%d); %s", db->name, what, said, code,
			   advice);
}

/* --- connections --------------------------------------------------------------- */

/* As a URI, for the one mode that needs a parameter. Freed with sqlite3_free. */
static char *immutable_uri(const char *path)
{
	sqlite3_str *uri = sqlite3_str_new(NULL);

	sqlite3_str_appendall(uri, "file:");
	for (; *path; path++) {
		if (strchr("%?#", *path))
			sqlite3_str_appendf(uri, "%%%02X", (unsigned char)*path);
		else
			sqlite3_str_appendchar(uri, 1, *path);
	}
	sqlite3_str_appendall(uri, "?immutable=1");
	return sqlite3_str_finish(uri);
}

static int open_connection(struct db *db, const char *path)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
	char *uri;
	int code;

	switch (db->mode) {
	case DB_MEMORY:
		return sqlite3_open_v2(":memory:", &db->connection,
				       flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
	case DB_TEMPORARY:
		return sqlite3_open_v2("", &db->connection,
				       flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
	case DB_WRITE:
		return sqlite3_open_v2(path, &db->connection, flags | SQLITE_OPEN_READWRITE, NULL);
	case DB_READ:
	case DB_DAMAGED:
		return sqlite3_open_v2(path, &db->connection, flags | SQLITE_OPEN_READONLY, NULL);
	case DB_IMMUTABLE:
		uri = immutable_uri(path);
		if (!uri)
			return SQLITE_NOMEM;
		code = sqlite3_open_v2(uri, &db->connection, flags | SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
				       NULL);
		sqlite3_free(uri);
		return code;
	}
	return SQLITE_MISUSE;
}

int db_open(const char *path, enum db_mode mode, struct db **out, struct failure *failure)
{
	struct db *db = calloc(1, sizeof(*db));
	int code, error;

	if (db)
		db->name = strdup(mode == DB_MEMORY ? "(in memory)" : path);
	if (!db || !db->name) {
		free(db);
		return failure_set(failure, -ENOMEM, "history %s: out of memory", path);
	}
	db->mode = mode;
	code = open_connection(db, path);
	if (code != SQLITE_OK) {
		int reason = db->connection ? sqlite3_system_errno(db->connection) : 0;

		error = failure_of(db, code, "open it", failure);
		if (error == -EACCES && (reason == ENOENT || reason == EROFS))
			error = -reason;
		db_close(db);
		return error;
	}
	/* Whoever only looked at the file's header must not touch it when closing. */
	sqlite3_db_config(db->connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
	sqlite3_busy_timeout(db->connection, BUSY_MS);
	sqlite3_limit(db->connection, SQLITE_LIMIT_LENGTH, VALUE_MOST);
	*out = db;
	return 0;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	sqlite3_close(db->connection); /* NULL is fine */
	free(db->name);
	free(db);
}

int db_header(struct db *db, uint8_t header[static DB_HEADER_SIZE])
{
	sqlite3_file *file = NULL;
	uint8_t bytes[DB_HEADER_SIZE];
	int code = sqlite3_file_control(db->connection, "main", SQLITE_FCNTL_FILE_POINTER, &file);

	if (code != SQLITE_OK || !file || !file->pMethods)
		return -EIO;
	code = file->pMethods->xRead(file, bytes, sizeof(bytes), 0);
	if (code == SQLITE_IOERR_SHORT_READ)
		return -ENODATA;
	if (code != SQLITE_OK)
		return -EIO;
	memcpy(header, bytes, sizeof(bytes));
	return 0;
}

static int on_commit(void *context, sqlite3 *connection, const char *schema, int pages)
{
	struct db *db = context;

	db->log_pages = pages;
	db->log_seen = false;
	if (pages >= LOG_PAGES_MOST)
		sqlite3_wal_checkpoint_v2(connection, schema, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return SQLITE_OK;
}

int db_configure(struct db *db, struct failure *failure)
{
	int keep = 1;

	if (db->mode == DB_DAMAGED) {
		/* A table whose description is damaged, or a file shorter than it says, is no reason to read
		 * nothing. */
		sqlite3_db_config(db->connection, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
		sqlite3_db_config(db->connection, SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1, (int *)NULL);
		return db_exec(
			db,
			"PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON;"
			"PRAGMA cache_size = -16384",
			failure);
	}
	/* The file may have been put there by someone else: its schema gets no say in what runs. */
	sqlite3_db_config(db->connection, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
	sqlite3_db_config(db->connection, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
	if (db->mode == DB_READ || db->mode == DB_IMMUTABLE)
		return db_exec(db, "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY", failure);
	if (db->mode == DB_WRITE) {
		/* Else the last one to close removes the log, and who may only read can not open the file. */
		sqlite3_file_control(db->connection, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
		sqlite3_db_config(db->connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, (int *)NULL);
		sqlite3_wal_hook(db->connection, on_commit, db);
	}
	return db_exec(db,
		       "PRAGMA synchronous = FULL;"
		       "PRAGMA secure_delete = FAST;"
		       "PRAGMA temp_store = MEMORY;"
		       "PRAGMA cache_size = -8192;"
		       "PRAGMA journal_size_limit = 4194304",
		       failure);
}

void db_break_off(struct db *db, int (*is_late)(void *context), void *context)
{
	sqlite3_progress_handler(db->connection, LATE_STEPS, is_late, context);
}

int db_exec(struct db *db, const char *sql, struct failure *failure)
{
	int code = sqlite3_exec(db->connection, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : failure_of(db, code, "change it", failure);
}

int db_integer(struct db *db, const char *sql, int64_t *out, struct failure *failure)
{
	struct statement *statement;
	int error = db_prepare(db, sql, &statement, failure);

	if (error)
		return error;
	error = db_step(statement, failure);
	if (error > 0)
		*out = db_column_integer(statement, 0);
	else if (error == 0)
		error = failure_set(failure, -ENODATA, "history %s: nothing found", db->name);
	db_finalize(statement);
	return error < 0 ? error : 0;
}

bool db_in_transaction(struct db *db)
{
	return !sqlite3_get_autocommit(db->connection);
}

int64_t db_last_id(struct db *db)
{
	return sqlite3_last_insert_rowid(db->connection);
}

int64_t db_changes(struct db *db)
{
	return sqlite3_changes64(db->connection);
}

const char *db_name(struct db *db)
{
	return db->name;
}

void db_checkpoint(struct db *db)
{
	sqlite3_busy_timeout(db->connection, CHECKPOINT_BUSY_MS);
	sqlite3_wal_checkpoint_v2(db->connection, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_timeout(db->connection, BUSY_MS);
}

int db_checkpoint_if_long(struct db *db, struct failure *failure)
{
	int code;

	if (db->log_pages < LOG_PAGES || db->log_seen)
		return 0;
	db->log_seen = true;
	code = sqlite3_wal_checkpoint_v2(db->connection, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	if (code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY)
		return 0;
	return failure_of(db, code, "write its log into it", failure);
}

int64_t db_log_bytes(struct db *db)
{
	int64_t page_bytes = 0;

	if (db->log_pages == 0 || db_integer(db, "PRAGMA page_size", &page_bytes, NULL))
		return 0;
	return page_bytes * db->log_pages;
}

int db_copy(struct db *from, struct db *to, struct failure *failure)
{
	sqlite3_backup *backup = sqlite3_backup_init(to->connection, "main", from->connection, "main");
	int code;

	if (!backup)
		return failure_of(to, sqlite3_errcode(to->connection), "copy it", failure);
	sqlite3_backup_step(backup, -1);
	code = sqlite3_backup_finish(backup);
	return code == SQLITE_OK ? 0 : failure_of(to, code, "copy it", failure);
}

void db_leave_alone(struct db *db)
{
	sqlite3_db_config(db->connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
}

/* --- statements ---------------------------------------------------------------- */

int db_prepare(struct db *db, const char *sql, struct statement **out, struct failure *failure)
{
	struct statement *statement = calloc(1, sizeof(*statement));
	int code;

	if (!statement)
		return failure_of(db, SQLITE_NOMEM, "prepare a statement", failure);
	statement->db = db;
	code = sqlite3_prepare_v3(db->connection, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement->statement,
				  NULL);
	if (code != SQLITE_OK) {
		free(statement);
		return failure_of(db, code, "read it", failure);
	}
	*out = statement;
	return 0;
}

void db_finalize(struct statement *statement)
{
	if (!statement)
		return;
	sqlite3_finalize(statement->statement);
	free(statement);
}

static void note_bind(struct statement *statement, int code)
{
	if (code != SQLITE_OK && statement->bind_error == SQLITE_OK)
		statement->bind_error = code;
}

void db_bind_integer(struct statement *statement, int index, int64_t value)
{
	note_bind(statement, sqlite3_bind_int64(statement->statement, index, value));
}

void db_bind_text(struct statement *statement, int index, const char *text)
{
	note_bind(statement, sqlite3_bind_text64(statement->statement, index, text, strlen(text),
						 SQLITE_STATIC, SQLITE_UTF8));
}

void db_bind_bytes(struct statement *statement, int index, const void *bytes, size_t size)
{
	note_bind(statement, sqlite3_bind_blob64(statement->statement, index, bytes, size, SQLITE_STATIC));
}

int db_step(struct statement *statement, struct failure *failure)
{
	int code = statement->bind_error;
	bool writes = !sqlite3_stmt_readonly(statement->statement);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement->statement);
	if (code == SQLITE_ROW)
		return 1;
	if (code == SQLITE_DONE)
		return 0;
	return failure_of(statement->db, code, writes ? "write it" : "read it", failure);
}

void db_reset(struct statement *statement)
{
	sqlite3_reset(statement->statement);
	statement->bind_error = SQLITE_OK;
}

int db_run(struct statement *statement, struct failure *failure)
{
	int error = db_step(statement, failure);

	db_reset(statement);
	return error < 0 ? error : 0;
}

int64_t db_column_integer(struct statement *statement, int column)
{
	return sqlite3_column_int64(statement->statement, column);
}

const char *db_column_text(struct statement *statement, int column)
{
	const unsigned char *text = sqlite3_column_text(statement->statement, column);

	return text ? (const char *)text : "";
}

const void *db_column_bytes(struct statement *statement, int column, size_t *size)
{
	const void *bytes = sqlite3_column_blob(statement->statement, column);

	*size = (size_t)sqlite3_column_bytes(statement->statement, column);
	return bytes;
}

size_t db_column_count(struct statement *statement)
{
	return (size_t)sqlite3_column_count(statement->statement);
}

void db_copy_column(struct statement *to, int index, struct statement *from, int column)
{
	note_bind(to,
		  sqlite3_bind_value(to->statement, index, sqlite3_column_value(from->statement, column)));
}
