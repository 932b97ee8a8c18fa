/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* outbox.c - what waits to be sent, and how far each sink got. */
#include "history/internal.h"

#include <errno.h>

/* The highest id that ever was. A mark beyond it is out of another file. */
#define SEQUENCE "coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0)"

int history_outbox(struct history *history, int64_t after_id, size_t most, outbox_row_callback *callback,
		   void *context, struct failure *failure)
{
	struct statement *statement;
	int found, ended = 0, error = history_kept(history, LIST_OUTBOX, &statement, failure);

	if (error)
		return error;
	db_bind_integer(statement, 1, after_id);
	db_bind_integer(statement, 2, (int64_t)most);
	while (!ended && (found = db_step(statement, failure)) == 1) {
		const struct outbox_row row = {
			.id = db_column_integer(statement, 0),
			.uid = db_column_text(statement, 1),
			.revision = (uint32_t)db_column_integer(statement, 2),
			.severity = (int)db_column_integer(statement, 3),
			.kind = db_column_text(statement, 4),
			.domain = db_column_text(statement, 5),
			.hostname = db_column_text(statement, 6),
			.application = db_column_text(statement, 7),
			.message = db_column_text(statement, 8),
			.short_line = db_column_text(statement, 9),
			.line = db_column_text(statement, 10),
		};

		ended = callback(context, &row);
	}
	db_reset(statement);
	return ended ? ended : found;
}

int64_t history_outbox_count(struct history *history, int64_t after_id, int64_t upto_id,
			     struct failure *failure)
{
	struct statement *statement;
	int64_t count = 0;
	int found, error = history_kept(history, COUNT_OUTBOX, &statement, failure);

	if (error)
		return error;
	db_bind_integer(statement, 1, after_id);
	db_bind_integer(statement, 2, upto_id);
	found = db_step(statement, failure);
	if (found == 1)
		count = db_column_integer(statement, 0);
	db_reset(statement);
	return found < 0 ? found : count;
}

int history_outbox_ends(struct history *history, int64_t *oldest, int64_t *newest, struct failure *failure)
{
	int64_t first, last;
	int error = db_integer(history->db, "SELECT coalesce(min(id), 0) FROM outbox", &first, failure);

	if (!error)
		error = db_integer(history->db, "SELECT coalesce(max(id), 0) FROM outbox", &last, failure);
	if (error)
		return error;
	*oldest = first;
	*newest = last;
	return 0;
}

int history_outbox_highest(struct history *history, int64_t *id, struct failure *failure)
{
	return db_integer(history->db, "SELECT " SEQUENCE, id, failure);
}

int history_outbox_trim(struct history *history, int64_t upto_id, struct failure *failure)
{
	struct statement *statement;
	int error = history_need_transaction(history, failure);

	if (!error)
		error = history_kept(history, TRIM_OUTBOX, &statement, failure);
	if (error)
		return error;
	db_bind_integer(statement, 1, upto_id);
	return db_run(statement, failure);
}

int history_sinks(struct history *history, sink_row_callback *callback, void *context,
		  struct failure *failure)
{
	struct statement *statement;
	int64_t tables = 0;
	int found = 0, ended = 0;
	int error = db_integer(history->db, "SELECT count(*) FROM sqlite_master WHERE name = 'sinks'",
			       &tables, failure);

	if (error || !tables) /* an older daemon's file, which a reader leaves as it is */
		return error;
	error = db_prepare(history->db,
			   "SELECT name, min(sent, " SEQUENCE "), dropped, refused, down_us, why, "
			   "(SELECT count(*) FROM outbox WHERE id > min(sent, " SEQUENCE
			   ")) FROM sinks ORDER BY name",
			   &statement, failure);
	if (error)
		return error;
	while (!ended && (found = db_step(statement, failure)) == 1) {
		const struct sink_row row = {
			.name = db_column_text(statement, 0),
			.sent = db_column_integer(statement, 1),
			.dropped = (uint64_t)db_column_integer(statement, 2),
			.refused = (uint64_t)db_column_integer(statement, 3),
			.down_since_ns = history_ns(db_column_integer(statement, 4)),
			.why = db_column_text(statement, 5),
			.waiting = (uint64_t)db_column_integer(statement, 6),
		};

		ended = callback(context, &row);
	}
	db_finalize(statement);
	return ended ? ended : found;
}

int history_keep_sink(struct history *history, const struct sink_row *row, struct failure *failure)
{
	struct statement *statement;
	int error = history_need_transaction(history, failure);

	if (!error)
		error = history_kept(history, KEEP_SINK, &statement, failure);
	if (error)
		return error;
	db_bind_text(statement, 1, row->name);
	db_bind_integer(statement, 2, row->sent);
	db_bind_integer(statement, 3, (int64_t)row->dropped);
	db_bind_integer(statement, 4, (int64_t)row->refused);
	db_bind_integer(statement, 5, history_us(row->down_since_ns));
	db_bind_text(statement, 6, row->why);
	return db_run(statement, failure);
}

int history_forget_sink(struct history *history, const char *name, struct failure *failure)
{
	struct statement *statement;
	int error = history_need_transaction(history, failure);

	if (!error)
		error = db_prepare(history->db, "DELETE FROM sinks WHERE name = ?1", &statement, failure);
	if (error)
		return error;
	db_bind_text(statement, 1, name);
	error = db_run(statement, failure);
	db_finalize(statement);
	return error;
}
