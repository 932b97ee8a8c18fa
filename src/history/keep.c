/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* keep.c - what happens to a history as it ages: pruning, and grouping anew. */
#include "history/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define US_PER_DAY (SECONDS_PER_DAY * 1000000)

struct prune {
	const char *sql;
	bool by_day;
};

/*
 * From the leaves to the roots. What is referred to is kept: an alert that waits to
 * be sent, a hostname that still has accesses (its last_us is never older than theirs).
 * ?1: before that, in microseconds or days; ?2: at most so many rows.
 */
static const struct prune steps[] = {
	{"DELETE FROM days WHERE (hostname, application, day) IN "
	 "(SELECT hostname, application, day FROM days WHERE day < ?1 LIMIT ?2)",
	 true},
	{"DELETE FROM endpoints WHERE (hostname, address, port, protocol) IN "
	 "(SELECT hostname, address, port, protocol FROM endpoints WHERE last_us < ?1 LIMIT ?2)",
	 false},
	{"DELETE FROM accesses WHERE (hostname, application, uid) IN "
	 "(SELECT hostname, application, uid FROM accesses WHERE last_us < ?1 LIMIT ?2)",
	 false},
	{"DELETE FROM domain_applications WHERE (domain, application) IN "
	 "(SELECT domain, application FROM domain_applications WHERE last_us < ?1 LIMIT ?2)",
	 false},
	{"DELETE FROM hostnames WHERE id IN (SELECT id FROM hostnames WHERE last_us < ?1 LIMIT ?2)", false},
	{"DELETE FROM applications WHERE id IN (SELECT id FROM applications WHERE last_us < ?1 LIMIT ?2)",
	 false},
	{"DELETE FROM domains WHERE id IN (SELECT id FROM domains WHERE last_us < ?1 LIMIT ?2)", false},
	{"DELETE FROM alerts WHERE id IN (SELECT id FROM alerts WHERE time_us < ?1 AND uid NOT IN "
	 "(SELECT uid FROM outbox) LIMIT ?2)",
	 false},
	{"DELETE FROM gaps WHERE id IN (SELECT id FROM gaps WHERE to_us < ?1 LIMIT ?2)", false},
	/* The first run tells how old the baseline is: it stays. */
	{"DELETE FROM runs WHERE id IN (SELECT id FROM runs WHERE to_us < ?1 AND id > (SELECT min(id) FROM "
	 "runs) "
	 "LIMIT ?2)",
	 false},
};

static int64_t prune_step(struct history *history, const struct prune *step, int64_t before_us, size_t rows,
			  struct failure *failure)
{
	struct statement *statement;
	int64_t changes;
	int error = db_prepare(history->db, step->sql, &statement, failure);

	if (error)
		return error;
	db_bind_integer(statement, 1, step->by_day ? before_us / US_PER_DAY : before_us);
	db_bind_integer(statement, 2, (int64_t)rows);
	error = db_run(statement, failure);
	changes = error ? error : db_changes(history->db);
	db_finalize(statement);
	return changes;
}

int64_t history_prune(struct history *history, int64_t before_ns, size_t rows, struct failure *failure)
{
	int64_t before = history_us(before_ns), gone = 0;
	int error = history_begin(history, failure);

	if (error)
		return error;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && (size_t)gone < rows; i++) {
		int64_t step = prune_step(history, &steps[i], before, rows - (size_t)gone, failure);

		if (step < 0) {
			history_rollback(history);
			return step;
		}
		gone += step;
	}
	if (gone)
		error = db_exec(history->db, "PRAGMA incremental_vacuum(64)", failure);
	if (!error)
		error = history_commit(history, failure);
	if (error) {
		history_rollback(history);
		return error;
	}
	return gone;
}

/* --- grouping anew ---------------------------------------------------------------------------- */

static int read_identity(struct history *history, char *identity, size_t size, struct failure *failure)
{
	struct statement *statement;
	int found, error = db_prepare(history->db, "SELECT value FROM meta WHERE name = 'grouping'",
				      &statement, failure);

	identity[0] = '\0';
	if (error)
		return error;
	found = db_step(statement, failure);
	if (found == 1)
		text_copy(identity, size, db_column_text(statement, 0));
	db_finalize(statement);
	return found < 0 ? found : 0;
}

static int write_identity(struct history *history, const char *identity, struct failure *failure)
{
	struct statement *statement;
	int error = db_prepare(history->db,
			       "INSERT INTO meta (name, value) VALUES ('grouping', ?1) "
			       "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
			       &statement, failure);

	if (error)
		return error;
	db_bind_text(statement, 1, identity);
	error = db_run(statement, failure);
	db_finalize(statement);
	return error;
}

/* What a walk over all hostnames finds: those that the new rules put elsewhere. Most lists change little. */
static int collect_moved(struct statement *from, struct statement *to,
			 void (*regroup)(void *, const char *, char[static DOMAIN_MAX]), void *context,
			 struct failure *failure)
{
	int found, error = 0;

	while (!error && (found = db_step(from, failure)) != 0) {
		char domain[DOMAIN_MAX] = "";

		if (found < 0)
			return found;
		regroup(context, db_column_text(from, 1), domain);
		/* A name that the new rules refuse stays by itself: nothing is lost. */
		if (!domain[0])
			text_copy(domain, sizeof(domain), db_column_text(from, 1));
		if (strcmp(domain, db_column_text(from, 2)) == 0)
			continue;
		db_bind_integer(to, 1, db_column_integer(from, 0));
		db_bind_text(to, 2, domain);
		error = db_run(to, failure);
	}
	return error;
}

static int collect(struct history *history, void (*regroup)(void *, const char *, char[static DOMAIN_MAX]),
		   void *context, struct failure *failure)
{
	struct statement *from = NULL, *to = NULL;
	int error = db_exec(history->db,
			    "CREATE TEMP TABLE moved (hostname INTEGER PRIMARY KEY, domain TEXT NOT NULL);"
			    "CREATE TEMP TABLE touched (domain INTEGER PRIMARY KEY)",
			    failure);

	/* What sums up others has no name to go by: it stays where it is. */
	if (!error)
		error = db_prepare(
			history->db,
			"SELECT h.id, h.name, d.name FROM hostnames h JOIN domains d ON d.id = h.domain "
			"WHERE d.kind = 0 AND h.name <> '" HISTORY_OTHERS_NAME "'",
			&from, failure);
	if (!error)
		error = db_prepare(history->db, "INSERT INTO moved (hostname, domain) VALUES (?1, ?2)", &to,
				   failure);
	if (!error)
		error = collect_moved(from, to, regroup, context, failure);
	db_finalize(from);
	db_finalize(to);
	return error;
}

/* Domains are the sums of their hostnames, so those that lost or gained one are made anew from them. */
static const char regroup_sql[] =
	"INSERT INTO domains (kind, name, first_us, last_us, connections, bytes_out, bytes_in) "
	"SELECT 0, m.domain, 0, 0, 0, 0, 0 FROM moved m WHERE true ON CONFLICT (kind, name) DO NOTHING;"
	"INSERT OR IGNORE INTO touched SELECT h.domain FROM moved m CROSS JOIN hostnames h ON h.id = "
	"m.hostname;"
	"INSERT OR IGNORE INTO touched SELECT d.id FROM moved m CROSS JOIN domains d ON d.kind = 0 AND "
	"d.name = "
	"m.domain;"
	"UPDATE hostnames SET domain = (SELECT d.id FROM moved m CROSS JOIN domains d ON d.kind = 0 "
	"AND d.name = m.domain WHERE m.hostname = hostnames.id) WHERE id IN (SELECT hostname FROM moved);"
	"DELETE FROM domain_applications WHERE domain IN (SELECT domain FROM touched);"
	"DELETE FROM domains WHERE id IN (SELECT domain FROM touched) "
	"AND NOT EXISTS (SELECT 1 FROM hostnames h WHERE h.domain = domains.id);"
	"UPDATE domains SET (first_us, last_us, connections, bytes_out, bytes_in) = "
	"(SELECT min(h.first_us), max(h.last_us), sum(h.connections), sum(h.bytes_out), sum(h.bytes_in) "
	"FROM hostnames h WHERE h.domain = domains.id) WHERE id IN (SELECT domain FROM touched);"
	"INSERT INTO domain_applications (domain, application, first_us, last_us, connections, bytes_out, "
	"bytes_in) "
	"SELECT h.domain, a.application, min(a.first_us), max(a.last_us), sum(a.connections), "
	"sum(a.bytes_out), sum(a.bytes_in) FROM touched t CROSS JOIN hostnames h ON h.domain = t.domain "
	"CROSS JOIN accesses a ON a.hostname = h.id GROUP BY h.domain, a.application;"
	"DROP TABLE moved; DROP TABLE touched;";

int history_rekey(struct history *history, const char *identity,
		  void (*regroup)(void *context, const char *hostname, char domain[static DOMAIN_MAX]),
		  void *context, struct failure *failure)
{
	char kept[512];
	int error = read_identity(history, kept, sizeof(kept), failure);

	if (error || strcmp(kept, identity) == 0)
		return error;
	error = history_begin(history, failure);
	if (error)
		return error;
	if (kept[0]) {
		error = collect(history, regroup, context, failure);
		if (!error)
			error = db_exec(history->db, regroup_sql, failure);
	}
	if (!error)
		error = write_identity(history, identity, failure);
	if (!error)
		error = history_commit(history, failure);
	if (error)
		history_rollback(history);
	return error;
}
