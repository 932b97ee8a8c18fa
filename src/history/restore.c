/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* restore.c - what of a damaged history goes into the new one, and in which order. */
#include "history/internal.h"
#include "history/recovery.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "history/pages.h"
#include "history/schema.h"

#define US_PER_DAY (SECONDS_PER_DAY * 1000000)
#define MISSING_SHARE 10 /* more than a tenth of the domains: too many to be told as new */
#define EARLIEST_US INT64_C(1000000000000000) /* 2001: an integer before it is no time of ours */
#define SUMS "first_us, last_us, connections, bytes_out, bytes_in"

static int copy(struct recovery *recovery, const char *table, struct salvaged *sum)
{
	struct salvaged one;
	int error = salvage_table(&recovery->salvage, table, &one, recovery->failure);

	if (error)
		return error;
	sum->rows += one.rows;
	sum->holes += one.holes;
	sum->missing += one.missing;
	sum->endless = sum->endless || one.endless;
	return 0;
}

static int number(struct recovery *recovery, const char *sql, int64_t *out)
{
	int error = db_integer(recovery->salvage.to, sql, out, recovery->failure);

	return error == -ENODATA ? 0 : error;
}

static int change(struct recovery *recovery, const char *sql)
{
	return db_exec(recovery->salvage.to, sql, recovery->failure);
}

/* A page of garbage can look like a sound one: times tell. */
static int drop_garbage(struct recovery *recovery)
{
	static const char *const tables[] = {"domains",  "hostnames", "applications", "domain_applications",
					     "accesses", "endpoints"};
	char sql[512];
	int error = 0;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && !error; i++) {
		snprintf(sql, sizeof(sql),
			 "DELETE FROM %s WHERE typeof(first_us) <> 'integer' OR typeof(last_us) <> 'integer' "
			 "OR "
			 "last_us < first_us OR last_us > %" PRId64,
			 tables[i], history_us(recovery->now_ns + SECONDS_PER_DAY * NS_PER_SECOND));
		error = change(recovery, sql);
	}
	return error;
}

/*
 * A domain whose row is gone still stands in the index of names. Its times are those of its
 * hostnames, or now: it is known, and better too long than an alert for each.
 */
static int rescue_domains(struct recovery *recovery)
{
	static const char select[] = "SELECT id, kind, name FROM domains INDEXED BY "
				     "sqlite_autoindex_domains_1 ORDER BY kind %s, name %s";
	static const char insert[] = "INSERT OR IGNORE INTO domains (id, kind, name, first_us, last_us, "
				     "connections, bytes_out, bytes_in) "
				     "VALUES (?1, ?2, ?3, 0, 0, 0, 0, 0)";
	char sql[256];
	int ended = 0;

	for (int end = 0; end < 2 && !ended; end++) {
		const char *way = end ? "DESC" : "ASC";

		snprintf(sql, sizeof(sql), select, way, way);
		ended = salvage_rows(&recovery->salvage, sql, insert, &recovery->rescued, recovery->failure);
	}
	recovery->all_names = ended == 1;
	return ended < 0 ? ended : 0;
}

/* --- rows straight from the pages -------------------------------------------------------------- */

struct pages_walk {
	struct recovery *recovery;
	struct statement *domain, *hostname, *run;
	uint64_t steps;
};

static bool is_count(const struct page_value *value)
{
	return value->type == PAGE_INTEGER && value->integer >= 0;
}

/* first_us, last_us, connections, bytes_out, bytes_in. */
static bool are_sums(const struct recovery *recovery, const struct page_value *values)
{
	for (int i = 0; i < 5; i++)
		if (!is_count(&values[i]))
			return false;
	return values[0].integer >= EARLIEST_US && values[0].integer <= values[1].integer &&
	       values[1].integer <= history_us(recovery->now_ns) + US_PER_DAY;
}

/* Which table a row was of is told by its shape. */
static struct statement *table_of(const struct pages_walk *walk, const struct page_row *row)
{
	const struct page_value *values = row->values;

	if (row->count < 4 || row->id <= 0 || values[0].type != PAGE_NULL || !is_count(&values[1]))
		return NULL;
	if (row->count == 4)
		return is_count(&values[2]) && is_count(&values[3]) && values[1].integer >= EARLIEST_US &&
				       values[1].integer <= values[2].integer && values[3].integer <= 1
			       ? walk->run
			       : NULL;
	if (row->count < 8 || values[2].type != PAGE_TEXT || values[2].length >= HOSTNAME_MAX ||
	    !are_sums(walk->recovery, &values[3]))
		return NULL;
	if (row->count == 8)
		return walk->hostname;
	return row->count >= 11 && values[1].integer <= 1 && values[2].length ? walk->domain : NULL;
}

static int take_row(void *context, const struct page_row *row)
{
	struct pages_walk *walk = context;
	struct statement *to = table_of(walk, row);
	char text[HOSTNAME_MAX];
	int error;

	if (++walk->steps % 4096 == 0 && salvage_is_late(&walk->recovery->salvage))
		return 1;
	if (!to)
		return 0;
	db_bind_integer(to, 1, row->id);
	for (int i = 1; i < (to == walk->run ? 4 : 8); i++) {
		const struct page_value *value = &row->values[i];

		if (value->type == PAGE_INTEGER) {
			db_bind_integer(to, i + 1, value->integer);
			continue;
		}
		memcpy(text, value->text, value->length);
		text[value->length] = '\0';
		db_bind_text(to, i + 1, text);
	}
	error = db_run(to, walk->recovery->failure);
	if (error)
		return error;
	if (db_changes(walk->recovery->salvage.to)) {
		walk->recovery->domains.rows += to == walk->domain;
		walk->recovery->hostnames.rows += to == walk->hostname;
	}
	return 0;
}

/*
 * Where a tree has lost its upper pages, its leaves are still in the file. Hostnames, and the runs that tell
 * since when there was a baseline, come along.
 */
static int scan_pages(struct recovery *recovery)
{
	struct pages_walk walk = {.recovery = recovery};
	struct db *to = recovery->salvage.to;
	int error = db_prepare(to,
			       "INSERT OR IGNORE INTO domains (id, kind, name, " SUMS
			       ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
			       &walk.domain, recovery->failure);

	if (!error)
		error = db_prepare(to,
				   "INSERT OR IGNORE INTO hostnames (id, domain, name, " SUMS
				   ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
				   &walk.hostname, recovery->failure);
	if (!error)
		error = db_prepare(
			to, "INSERT OR IGNORE INTO runs (id, from_us, to_us, ended) VALUES (?1, ?2, ?3, ?4)",
			&walk.run, recovery->failure);
	if (!error)
		error = pages_each(recovery->aside, take_row, &walk);
	db_finalize(walk.domain);
	db_finalize(walk.hostname);
	db_finalize(walk.run);
	return error < 0 ? error : 0;
}

static int complete_rescued(struct recovery *recovery)
{
	char sql[512];

	if (!recovery->rescued)
		return 0;
	snprintf(sql, sizeof(sql),
		 "UPDATE domains SET (first_us, last_us, connections, bytes_out, bytes_in) = "
		 "(SELECT coalesce(min(first_us), %" PRId64 "), coalesce(max(last_us), %" PRId64
		 "), coalesce(sum(connections), 0), coalesce(sum(bytes_out), 0), coalesce(sum(bytes_in), 0) "
		 "FROM hostnames h WHERE h.domain = domains.id) WHERE last_us = 0",
		 history_us(recovery->now_ns), history_us(recovery->now_ns));
	return change(recovery, sql);
}

/* What refers to a row that is gone goes, too. */
static const char orphans_sql[] =
	"DELETE FROM hostnames WHERE domain NOT IN (SELECT id FROM domains);"
	"DELETE FROM endpoints WHERE hostname NOT IN (SELECT id FROM hostnames);"
	"DELETE FROM accesses WHERE hostname NOT IN (SELECT id FROM hostnames) "
	"OR application NOT IN (SELECT id FROM applications);"
	"DELETE FROM days WHERE hostname NOT IN (SELECT id FROM hostnames) "
	"OR application NOT IN (SELECT id FROM applications);"
	"DELETE FROM domain_applications WHERE domain NOT IN (SELECT id FROM domains) "
	"OR application NOT IN (SELECT id FROM applications);";

/* Whether an application knew a domain is asked for every flow: it can be summed up anew. */
static const char pairs_sql[] =
	"INSERT OR IGNORE INTO domain_applications (domain, application, " SUMS
	") SELECT h.domain, a.application, min(a.first_us), max(a.last_us), "
	"sum(a.connections), sum(a.bytes_out), sum(a.bytes_in) FROM accesses a "
	"CROSS JOIN hostnames h ON h.id = a.hostname GROUP BY h.domain, a.application;";

/* A domain hangs on its hostnames: one without gets one that stands for them. */
static const char others_sql[] =
	"INSERT OR IGNORE INTO hostnames (domain, name, " SUMS ") "
	"SELECT id, '" HISTORY_OTHERS_NAME "', " SUMS " FROM domains WHERE hostnames = 0;";

static int mend_references(struct recovery *recovery)
{
	bool damaged = recovery->domains.holes || recovery->hostnames.holes || recovery->applications.holes ||
		       recovery->leaves.holes || recovery->scanned || recovery->salvage.late;
	int error = 0;

	if (damaged)
		error = change(recovery, orphans_sql);
	if (!error && damaged && !recovery->salvage.late)
		error = change(recovery, pairs_sql);
	if (!error && damaged)
		error = change(recovery, schema_count_sql);
	return error ? error : change(recovery, others_sql);
}

/*
 * What is known of watching. Where that, or a tenth of the domains, is gone, the next weeks would be
 * one alert after the other: then nothing of it is kept, and learning begins anew.
 */
static int copy_watching(struct recovery *recovery)
{
	static const char *const tables[] = {"meta", "states", "runs", "gaps"};
	struct salvaged runs = {0}, others = {0};
	uint64_t domains = recovery->domains.rows + recovery->rescued;
	uint64_t missing = recovery->domains.missing;
	int64_t orphans = 0;
	int error = number(
		recovery,
		"SELECT count(DISTINCT domain) FROM hostnames WHERE domain NOT IN (SELECT id FROM domains)",
		&orphans);

	missing = missing > recovery->rescued ? missing - recovery->rescued : 0;
	if ((uint64_t)orphans > missing)
		missing = (uint64_t)orphans;
	if (recovery->all_names) {
		recovery->domains.endless = false;
		missing = 0;
	}
	recovery->domains.missing = missing;
	recovery->baseline_lost =
		domains == 0 || missing > domains / MISSING_SHARE || recovery->domains.endless;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && !error && !recovery->baseline_lost; i++)
		error = copy(recovery, tables[i], i == 2 ? &runs : &others);
	if (!error && !recovery->baseline_lost)
		error = number(recovery, "SELECT coalesce(min(from_us), 0) FROM runs", &recovery->since_us);
	if (!error && !recovery->since_us)
		recovery->baseline_lost = true;
	if (!error && recovery->baseline_lost) {
		recovery->since_us = 0;
		error = change(recovery,
			       "DELETE FROM runs; DELETE FROM gaps; DELETE FROM states; DELETE FROM meta");
	}
	return error;
}

/* Tables that this file does not name, whatever they are. */
static int copy_rest(struct recovery *recovery)
{
	static const char *const named = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT "
					 "LIKE 'sqlite_%' AND name NOT IN "
					 "('domains', 'hostnames', 'applications', 'domain_applications', "
					 "'accesses', 'endpoints', 'days', "
					 "'alerts', 'outbox', 'meta', 'states', 'runs', 'gaps')";
	struct statement *statement;
	struct salvaged sum = {0};
	int found, error = db_prepare(recovery->salvage.to, named, &statement, recovery->failure);

	if (error)
		return error;
	while (!error && (found = db_step(statement, recovery->failure)) == 1) {
		char table[64];

		text_copy(table, sizeof(table), db_column_text(statement, 0));
		error = copy(recovery, table, &sum);
	}
	db_finalize(statement);
	return error ? error : found;
}

/* What matters most comes first, since time and the disk may run out. */
int recovery_restore(struct recovery *recovery)
{
	int error = copy(recovery, "domains", &recovery->domains);

	if (!error && (recovery->domains.holes || recovery->domains.rows == 0))
		error = rescue_domains(recovery);
	if (!error)
		error = copy(recovery, "outbox", &recovery->outbox);
	if (!error)
		error = copy(recovery, "alerts", &recovery->alerts);
	if (!error)
		error = copy(recovery, "applications", &recovery->applications);
	/* The counters are made anew by the rows that they count. */
	if (!error)
		error = change(recovery, "UPDATE domains SET hostnames = 0, endpoints = 0, applications = 0;"
					 "UPDATE applications SET domains = 0");
	if (!error)
		error = copy(recovery, "hostnames", &recovery->hostnames);
	recovery->scanned = !recovery->all_names && (recovery->domains.holes || recovery->domains.rows == 0);
	if (!error && recovery->scanned)
		error = scan_pages(recovery);
	if (!error)
		error = copy_watching(recovery);
	if (!error)
		error = copy_rest(recovery);
	if (!error)
		error = copy(recovery, "domain_applications", &recovery->leaves);
	if (!error)
		error = copy(recovery, "accesses", &recovery->leaves);
	if (!error)
		error = copy(recovery, "endpoints", &recovery->leaves);
	if (!error)
		error = copy(recovery, "days", &recovery->leaves);
	if (!error)
		error = complete_rescued(recovery);
	if (!error)
		error = drop_garbage(recovery);
	return error ? error : mend_references(recovery);
}
