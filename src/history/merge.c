/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* merge.c - accesses that come from elsewhere, and what was imported when; and all accesses, to be taken
 * elsewhere. */
#include "history/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define OTHERS_NAME "" /* in the file: of the hostname that sums up others */
#define FAR_FUTURE_US INT64_MAX
#define IMPORT_RUN 0 /* before all runs, and of no length: it moves the beginning, and covers nothing */

/* --- out --------------------------------------------------------------------------------------- */

static void read_access(struct statement *statement, struct access_row *row)
{
	*row = (struct access_row){
		.kind = db_column_integer(statement, 0) == SUBJECT_ADDRESS ? SUBJECT_ADDRESS : SUBJECT_DOMAIN,
		.domain = db_column_text(statement, 1),
		.hostname = db_column_text(statement, 2),
		.application = db_column_text(statement, 3),
		.exe = db_column_text(statement, 4),
		.uid = (uint32_t)db_column_integer(statement, 5),
		.first_ns = history_ns(db_column_integer(statement, 6)),
		.last_ns = history_ns(db_column_integer(statement, 7)),
		.connections = (uint64_t)db_column_integer(statement, 8),
		.bytes_out = (uint64_t)db_column_integer(statement, 9),
		.bytes_in = (uint64_t)db_column_integer(statement, 10),
	};
	if (!row->hostname[0])
		row->hostname = HISTORY_OTHERS;
}

int history_accesses(struct history *history, const struct history_filter *filter,
		     access_row_callback *callback, void *context, struct failure *failure)
{
	struct statement *statement;
	struct access_row row;
	/* In this order the indexes give the rows as they are wanted; only applications are sorted. */
	int result = 0, found,
	    error = db_prepare(history->db,
			       "SELECT d.kind, d.name, h.name, a.name, a.exe, c.uid, c.first_us, c.last_us, "
			       "c.connections, c.bytes_out, c.bytes_in FROM domains d "
			       "CROSS JOIN hostnames h ON h.domain = d.id "
			       "CROSS JOIN accesses c ON c.hostname = h.id "
			       "CROSS JOIN applications a ON a.id = c.application "
			       "WHERE d.kind IN (0, 1) AND c.last_us >= ?1 AND c.last_us <= ?2 "
			       "AND (?3 = '' OR a.name = ?3 OR a.exe = ?3) "
			       "ORDER BY d.kind, d.name, h.name, a.name, c.uid",
			       &statement, failure);

	if (error)
		return error;
	db_bind_integer(statement, 1, history_us(filter->since_ns));
	db_bind_integer(statement, 2, filter->until_ns ? history_us(filter->until_ns) : FAR_FUTURE_US);
	db_bind_text(statement, 3, filter->application ? filter->application : "");
	while (result == 0 && (found = db_step(statement, failure)) != 0) {
		if (found < 0) {
			result = found;
			break;
		}
		read_access(statement, &row);
		result = callback(context, &row);
	}
	db_finalize(statement);
	return result;
}

/* --- in ------------------------------------------------------------------------------------------ */

int history_stage(struct history *history, struct failure *failure)
{
	return db_exec(history->db,
		       "PRAGMA temp_store = FILE;" /* there may be any number of them */
		       "CREATE TEMP TABLE staged (kind INTEGER NOT NULL, domain TEXT NOT NULL, "
		       "hostname TEXT NOT NULL, application TEXT NOT NULL, uid INTEGER NOT NULL, "
		       "exe TEXT NOT NULL, first_us INTEGER NOT NULL, last_us INTEGER NOT NULL, "
		       "connections INTEGER NOT NULL, bytes_out INTEGER NOT NULL, bytes_in INTEGER NOT NULL, "
		       "PRIMARY KEY (kind, domain, hostname, application, uid)) WITHOUT ROWID",
		       failure);
}

int history_stage_access(struct history *history, const struct access_row *row, struct failure *failure)
{
	bool others = strcmp(row->hostname, HISTORY_OTHERS) == 0;
	struct statement *statement;
	int error = history_kept(history, STAGE_ACCESS, &statement, failure);

	if (error)
		return error;
	db_bind_integer(statement, 1, row->kind);
	db_bind_text(statement, 2, row->domain);
	db_bind_text(statement, 3, others ? OTHERS_NAME : row->hostname);
	db_bind_text(statement, 4, row->application);
	db_bind_integer(statement, 5, row->uid);
	db_bind_text(statement, 6, row->exe);
	db_bind_integer(statement, 7, history_us(row->first_ns));
	db_bind_integer(statement, 8, history_us(row->last_ns));
	db_bind_integer(statement, 9, (int64_t)row->connections);
	db_bind_integer(statement, 10, (int64_t)row->bytes_out);
	db_bind_integer(statement, 11, (int64_t)row->bytes_in);
	return db_run(statement, failure);
}

struct merge {
	struct history *history;
	struct batch *batch;
	struct failure *failure;
};

static int write_batch(struct merge *merge)
{
	int error = history_write_accesses(merge->history, merge->batch, merge->failure);

	batch_clear(merge->batch);
	return error;
}

static int add_access(struct merge *merge, const struct access *access)
{
	int error = batch_add_access(merge->batch, access);

	if (error != -ENOSPC)
		return error;
	error = write_batch(merge);
	if (!error)
		error = batch_add_access(merge->batch, access);
	return error ? failure_set(merge->failure, error, "an access is larger than any batch") : 0;
}

/* Columns 0 to 10 are the staged row, 11 to 15 the sums of the one that is there. */
static uint64_t surplus(struct statement *statement, int column)
{
	int64_t more = db_column_integer(statement, column) - db_column_integer(statement, column + 5);

	return more > 0 ? (uint64_t)more : 0;
}

/* Adds what the staged row has more than the one that is there. Without an address or a protocol: it says of
 * neither, and of no days. */
static int merge_row(struct merge *merge, struct statement *statement, struct merge_counts *counts)
{
	bool known = db_column_integer(statement, 12) != 0;
	int64_t first = db_column_integer(statement, 6), last = db_column_integer(statement, 7);
	uint64_t connections = surplus(statement, 8);
	struct access access = {
		.time_ns = history_ns(first),
		.kind = (enum subject_kind)db_column_integer(statement, 0),
		.domain = db_column_text(statement, 1),
		.hostname = db_column_text(statement, 2),
		.application = db_column_text(statement, 3),
		.uid = (uint32_t)db_column_integer(statement, 4),
		.exe = db_column_text(statement, 5),
	};
	int error;

	if (known && !connections && !surplus(statement, 9) && !surplus(statement, 10) &&
	    first >= db_column_integer(statement, 11) && last <= db_column_integer(statement, 12)) {
		counts->same++;
		return 0;
	}
	if (known)
		counts->changed++;
	else
		counts->fresh++;
	error = add_access(merge, &access);
	access.time_ns = history_ns(last);
	access.bytes_out = surplus(statement, 9);
	access.bytes_in = surplus(statement, 10);
	do {
		access.connections = connections > UINT32_MAX ? UINT32_MAX : (uint32_t)connections;
		connections -= access.connections;
		if (!error)
			error = add_access(merge, &access);
		access.bytes_out = access.bytes_in = 0;
	} while (connections && !error);
	return error;
}

/* A row that is over the bound of hostnames of its domain ends up with the others: see keep_hostname. */
static const char staged_sql[] =
	"SELECT s.kind, s.domain, s.hostname, s.application, s.uid, s.exe, s.first_us, s.last_us, "
	"s.connections, s.bytes_out, s.bytes_in, c.first_us, c.last_us, c.connections, c.bytes_out, "
	"c.bytes_in "
	"FROM staged s LEFT JOIN domains d ON d.kind = s.kind AND d.name = s.domain "
	"LEFT JOIN hostnames h ON h.domain = d.id AND h.name = s.hostname "
	"LEFT JOIN applications a ON a.name = s.application "
	"LEFT JOIN accesses c ON c.hostname = h.id AND c.application = a.id AND c.uid = s.uid "
	"ORDER BY s.kind, s.domain, s.hostname, s.application, s.uid";

int history_merge_staged(struct history *history, struct merge_counts *counts, struct failure *failure)
{
	struct merge merge = {.history = history, .failure = failure};
	struct statement *statement = NULL;
	struct batch_limits limits = {.accesses = 16384, .alerts = 1, .bindings = 1};
	int found = 0, error = history_need_transaction(history, failure);

	*counts = (struct merge_counts){0};
	if (!error && batch_new(&limits, &merge.batch))
		error = failure_set(failure, -ENOMEM, "out of memory");
	if (!error)
		error = db_prepare(history->db, staged_sql, &statement, failure);
	while (!error && (found = db_step(statement, failure)) == 1)
		error = merge_row(&merge, statement, counts);
	db_finalize(statement);
	if (!error)
		error = found < 0 ? found : write_batch(&merge);
	batch_free(merge.batch);
	return error;
}

/* --- what was imported ------------------------------------------------------------------------------ */

#define IMPORT_PREFIX "import:"
#define KEY_FORMAT IMPORT_PREFIX "%016" PRIx64 ":%016" PRIx64 "%016" PRIx64

int history_imports(struct history *history, history_import_callback *callback, void *context,
		    struct failure *failure)
{
	struct history_import import;
	struct statement *statement;
	int result = 0, found = 0,
	    error = db_prepare(history->db,
			       "SELECT name, value FROM meta WHERE name > '" IMPORT_PREFIX
			       "' AND name < 'import;' ORDER BY name",
			       &statement, failure);

	if (error)
		return error;
	while (!result && (found = db_step(statement, failure)) == 1) {
		if (sscanf(db_column_text(statement, 0),
			   IMPORT_PREFIX "%16" SCNx64 ":%16" SCNx64 "%16" SCNx64, &import.bytes,
			   &import.hash[0], &import.hash[1]) == 3 &&
		    sscanf(db_column_text(statement, 1), "%" SCNd64 " %" SCNd64 " %" SCNd64, &import.from_ns,
			   &import.to_ns, &import.when_ns) == 3)
			result = callback(context, &import);
	}
	db_finalize(statement);
	return found < 0 ? found : result;
}

int history_add_import(struct history *history, const struct history_import *import, int64_t forget_ns,
		       struct failure *failure)
{
	char key[80], value[80];
	struct statement *statement;
	int error = history_need_transaction(history, failure);

	if (error)
		return error;
	snprintf(key, sizeof(key), KEY_FORMAT, import->bytes, import->hash[0], import->hash[1]);
	snprintf(value, sizeof(value), "%" PRId64 " %" PRId64 " %" PRId64, import->from_ns, import->to_ns,
		 import->when_ns);
	error = db_prepare(history->db,
			   "INSERT INTO meta (name, value) VALUES (?1, ?2) "
			   "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
			   &statement, failure);
	if (error)
		return error;
	db_bind_text(statement, 1, key);
	db_bind_text(statement, 2, value);
	error = db_run(statement, failure);
	db_finalize(statement);
	if (error)
		return error;
	error = db_prepare(history->db,
			   "DELETE FROM meta WHERE name > '" IMPORT_PREFIX "' AND name < 'import;' AND "
			   "CAST(substr(value, instr(value, ' ') + 1) AS INTEGER) < ?1",
			   &statement, failure);
	if (error)
		return error;
	db_bind_integer(statement, 1, forget_ns);
	error = db_run(statement, failure);
	db_finalize(statement);
	return error;
}

#define SPAN_PREFIX "imported:"

int64_t history_imported(struct history *history, struct history_span spans[static HISTORY_SPANS_MAX],
			 struct failure *failure)
{
	struct statement *statement;
	int64_t count = 0, from, to;
	int found = 0, error = db_prepare(history->db,
					  "SELECT name, value FROM meta WHERE name > '" SPAN_PREFIX
					  "' AND name < 'imported;' ORDER BY name",
					  &statement, failure);

	if (error)
		return error;
	while (count < HISTORY_SPANS_MAX && (found = db_step(statement, failure)) == 1) {
		from = strtoll(db_column_text(statement, 0) + strlen(SPAN_PREFIX), NULL, 10);
		to = db_column_integer(statement, 1);
		if (to > from)
			spans[count++] = (struct history_span){history_ns(from), history_ns(to)};
	}
	db_finalize(statement);
	return found < 0 ? found : count;
}

int history_write_imported(struct history *history, const struct history_span *spans, size_t count,
			   struct failure *failure)
{
	struct statement *statement;
	char name[64];
	int error = history_need_transaction(history, failure);

	if (!error)
		error = db_exec(history->db,
				"DELETE FROM meta WHERE name > '" SPAN_PREFIX "' AND name < 'imported;'",
				failure);
	if (!error)
		error = db_prepare(history->db, "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)",
				   &statement, failure);
	if (error)
		return error;
	for (size_t i = 0; i < count && !error; i++) {
		snprintf(name, sizeof(name), SPAN_PREFIX "%020" PRId64, history_us(spans[i].from_ns));
		db_bind_text(statement, 1, name);
		db_bind_integer(statement, 2, history_us(spans[i].to_ns));
		error = db_run(statement, failure);
	}
	db_finalize(statement);
	return error;
}

int history_begins_at(struct history *history, int64_t since_ns, struct failure *failure)
{
	struct statement *statement;
	int error = history_need_transaction(history, failure);

	if (!error)
		error = db_prepare(history->db,
				   "INSERT INTO runs (id, from_us, to_us, ended) VALUES (?1, ?2, ?2, 1) "
				   "ON CONFLICT (id) DO UPDATE SET from_us = min(from_us, excluded.from_us), "
				   "to_us = min(to_us, excluded.to_us)",
				   &statement, failure);
	if (error)
		return error;
	db_bind_integer(statement, 1, IMPORT_RUN);
	db_bind_integer(statement, 2, history_us(since_ns));
	error = db_run(statement, failure);
	db_finalize(statement);
	return error;
}
