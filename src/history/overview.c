/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* overview.c - what a report asks: days, spans of watching, who talks most to what. */
#include "history/internal.h"

#include "base/text.h"

#define US_PER_DAY "86400000000"

/* --- days ------------------------------------------------------------------------------------- */

int history_first_seen_days(struct history *history, int64_t from_day, int64_t until_ns,
			    first_seen_callback *callback, void *context, struct failure *failure)
{
	struct statement *statement;
	int found, result = 0,
		   error = db_prepare(history->db,
				      "SELECT max(first_us / " US_PER_DAY
				      ", ?1 - 1) AS day, sum(kind = 0), sum(kind = 1) "
				      "FROM domains WHERE first_us <= ?2 GROUP BY day ORDER BY day",
				      &statement, failure);

	if (error)
		return error;
	db_bind_integer(statement, 1, from_day);
	db_bind_integer(statement, 2, history_us(until_ns));
	while (!result && (found = db_step(statement, failure)) != 0) {
		struct first_seen_day day;

		if (found < 0) {
			result = found;
			break;
		}
		day.day = db_column_integer(statement, 0);
		day.domains = (uint64_t)db_column_integer(statement, 1);
		day.addresses = (uint64_t)db_column_integer(statement, 2);
		result = callback(context, &day);
	}
	db_finalize(statement);
	return result;
}

/* --- spans ------------------------------------------------------------------------------------ */

static int spans(struct history *history, const char *sql, int64_t from_ns, int64_t to_ns,
		 watch_span_callback *callback, void *context, struct failure *failure)
{
	struct statement *statement;
	int found, result = 0, error = db_prepare(history->db, sql, &statement, failure);

	if (error)
		return error;
	db_bind_integer(statement, 1, history_us(from_ns));
	db_bind_integer(statement, 2, history_us(to_ns));
	while (!result && (found = db_step(statement, failure)) != 0) {
		struct watch_span span;

		if (found < 0) {
			result = found;
			break;
		}
		span.from_ns = history_ns(db_column_integer(statement, 0));
		span.to_ns = history_ns(db_column_integer(statement, 1));
		span.ended = db_column_integer(statement, 2) != 0;
		span.reason = db_column_text(statement, 3);
		span.lost = (uint64_t)db_column_integer(statement, 4);
		result = callback(context, &span);
	}
	db_finalize(statement);
	return result;
}

int history_runs(struct history *history, int64_t from_ns, int64_t to_ns, watch_span_callback *callback,
		 void *context, struct failure *failure)
{
	return spans(history,
		     "SELECT from_us, to_us, ended, '', 0 FROM runs WHERE to_us >= ?1 AND from_us <= ?2 "
		     "AND id > 0 ORDER BY from_us DESC",
		     from_ns, to_ns, callback, context, failure);
}

int history_gaps(struct history *history, int64_t from_ns, int64_t to_ns, watch_span_callback *callback,
		 void *context, struct failure *failure)
{
	return spans(history,
		     "SELECT from_us, to_us, 0, reason, lost FROM gaps WHERE to_us >= ?1 AND from_us <= ?2 "
		     "ORDER BY from_us DESC",
		     from_ns, to_ns, callback, context, failure);
}

/* --- who talks to what ------------------------------------------------------------------------ */

int history_busiest_of(struct history *history, const char *application, int64_t limit,
		       domain_row_callback *callback, void *context, struct failure *failure)
{
	struct statement *statement;
	int found, result = 0,
		   error = db_prepare(
			   history->db,
			   "SELECT d.kind, d.name, p.first_us, p.last_us, p.connections, p.bytes_out, "
			   "p.bytes_in, d.hostnames, d.applications FROM applications a "
			   "JOIN domain_applications p ON p.application = a.id JOIN domains d "
			   "ON d.id = p.domain WHERE a.name = ?1 ORDER BY p.connections DESC, p.last_us DESC "
			   "LIMIT ?2",
			   &statement, failure);

	if (error)
		return error;
	db_bind_text(statement, 1, application);
	db_bind_integer(statement, 2, limit);
	while (!result && (found = db_step(statement, failure)) != 0) {
		struct domain_row row;

		if (found < 0) {
			result = found;
			break;
		}
		row = (struct domain_row){
			.kind = db_column_integer(statement, 0) == SUBJECT_ADDRESS ? SUBJECT_ADDRESS
										   : SUBJECT_DOMAIN,
			.domain = db_column_text(statement, 1),
			.first_ns = history_ns(db_column_integer(statement, 2)),
			.last_ns = history_ns(db_column_integer(statement, 3)),
			.connections = (uint64_t)db_column_integer(statement, 4),
			.bytes_out = (uint64_t)db_column_integer(statement, 5),
			.bytes_in = (uint64_t)db_column_integer(statement, 6),
			.hostnames = (uint64_t)db_column_integer(statement, 7),
			.applications = (uint64_t)db_column_integer(statement, 8),
		};
		result = callback(context, &row);
	}
	db_finalize(statement);
	return result;
}

int history_pair(struct history *history, const char *application, enum subject_kind kind, const char *domain,
		 struct detail_row *out, struct failure *failure)
{
	struct statement *statement;
	int found, error = history_kept(history, PAIR, &statement, failure);

	if (error)
		return error;
	db_bind_text(statement, 1, application);
	db_bind_integer(statement, 2, kind);
	db_bind_text(statement, 3, domain);
	found = db_step(statement, failure);
	if (found == 1)
		*out = (struct detail_row){
			.detail = DETAIL_APPLICATION,
			.name = "",
			.first_ns = history_ns(db_column_integer(statement, 0)),
			.last_ns = history_ns(db_column_integer(statement, 1)),
			.connections = (uint64_t)db_column_integer(statement, 2),
			.bytes_out = (uint64_t)db_column_integer(statement, 3),
			.bytes_in = (uint64_t)db_column_integer(statement, 4),
		};
	db_reset(statement);
	return found;
}
