/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * schema.c - what a history file holds.
 *
 * Everything that is counted hangs on a hostname, and the hostname on a domain:
 * so a changed suffix list moves hostnames, and nothing has to be guessed.
 * domain_applications repeats sums of accesses, because "did this application
 * ever talk to this domain" is asked for every new flow.
 *
 * The references are declared for readers and for PRAGMA foreign_key_check; they
 * are not enforced while writing. Pruning goes from the leaves to the roots, and
 * a row is never newer than the one it refers to.
 */
#include "history/schema.h"

#include <errno.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "history/history.h"

#define SUMS                                                                                                 \
	"first_us INTEGER NOT NULL, last_us INTEGER NOT NULL, connections INTEGER NOT NULL, "                \
	"bytes_out INTEGER NOT NULL, bytes_in INTEGER NOT NULL"

#define COUNT_SQL                                                                                            \
	"UPDATE domains SET hostnames = (SELECT count(*) FROM hostnames h WHERE h.domain = domains.id), "    \
	"endpoints = (SELECT count(*) FROM hostnames h JOIN endpoints e ON e.hostname = h.id "               \
	"WHERE h.domain = domains.id), "                                                                     \
	"applications = (SELECT count(*) FROM domain_applications p WHERE p.domain = domains.id);"           \
	"UPDATE applications SET domains = (SELECT count(*) FROM domain_applications p "                     \
	"WHERE p.application = applications.id);"

const char schema_count_sql[] = COUNT_SQL;

/* Version N is reached by migrations[N - 1]. A released one never changes. */
static const char *const migrations[] = {
	"CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE states (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"

	/* kind: enum subject_kind. An address that nothing names is no domain that looks like one. */
	"CREATE TABLE domains (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, name TEXT NOT NULL, " SUMS
	", UNIQUE (kind, name));"
	"CREATE INDEX domains_last ON domains (last_us);"

	"CREATE TABLE hostnames (id INTEGER PRIMARY KEY, domain INTEGER NOT NULL REFERENCES domains (id), "
	"name TEXT NOT NULL, " SUMS ", UNIQUE (domain, name));"
	"CREATE INDEX hostnames_last ON hostnames (last_us);"

	"CREATE TABLE applications (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, exe TEXT NOT "
	"NULL, " SUMS ");"
	"CREATE INDEX applications_last ON applications (last_us);"
	"CREATE INDEX applications_exe ON applications (exe);"

	"CREATE TABLE domain_applications (domain INTEGER NOT NULL REFERENCES domains (id), "
	"application INTEGER NOT NULL REFERENCES applications (id), " SUMS
	", PRIMARY KEY (domain, application)) WITHOUT ROWID;"
	"CREATE INDEX domain_applications_application ON domain_applications (application);"
	"CREATE INDEX domain_applications_last ON domain_applications (last_us);"

	"CREATE TABLE accesses (hostname INTEGER NOT NULL REFERENCES hostnames (id), "
	"application INTEGER NOT NULL REFERENCES applications (id), uid INTEGER NOT NULL, " SUMS
	", PRIMARY KEY (hostname, application, uid)) WITHOUT ROWID;"
	"CREATE INDEX accesses_last ON accesses (last_us);"

	/* address: 16 bytes in network order, IPv4 mapped */
	"CREATE TABLE endpoints (hostname INTEGER NOT NULL REFERENCES hostnames (id), address BLOB NOT NULL, "
	"port INTEGER NOT NULL, protocol INTEGER NOT NULL, " SUMS
	", PRIMARY KEY (hostname, address, port, protocol)) WITHOUT ROWID;"
	"CREATE INDEX endpoints_last ON endpoints (last_us);"

	/* day: days since 1970-01-01, UTC */
	"CREATE TABLE days (hostname INTEGER NOT NULL REFERENCES hostnames (id), "
	"application INTEGER NOT NULL REFERENCES applications (id), day INTEGER NOT NULL, "
	"connections INTEGER NOT NULL, bytes_out INTEGER NOT NULL, bytes_in INTEGER NOT NULL, "
	"PRIMARY KEY (hostname, application, day)) WITHOUT ROWID;"
	"CREATE INDEX days_day ON days (day);"

	/* acknowledged_us 0: open. subject: enum subject_kind. Names as they were told then. */
	"CREATE TABLE alerts (id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, revision INTEGER NOT NULL, "
	"time_us INTEGER NOT NULL, kind TEXT NOT NULL, severity INTEGER NOT NULL, subject INTEGER NOT NULL, "
	"domain TEXT NOT NULL, hostname TEXT NOT NULL, application TEXT NOT NULL, line TEXT NOT NULL, "
	"acknowledged_us INTEGER NOT NULL DEFAULT 0, note TEXT NOT NULL DEFAULT '');"
	"CREATE INDEX alerts_time ON alerts (time_us);"
	"CREATE INDEX alerts_open ON alerts (time_us) WHERE acknowledged_us = 0;"

	/* AUTOINCREMENT: a sink remembers how far it got, so an id never comes back. */
	"CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL, line TEXT NOT NULL);"

	"CREATE TABLE runs (id INTEGER PRIMARY KEY AUTOINCREMENT, from_us INTEGER NOT NULL, "
	"to_us INTEGER NOT NULL, ended INTEGER NOT NULL);"
	"CREATE INDEX runs_from ON runs (from_us);"

	/* Names learned lately, for the flows just after a restart. start: of the process that asked. */
	"CREATE TABLE bindings (address BLOB NOT NULL, hostname TEXT NOT NULL, tgid INTEGER NOT NULL, "
	"start INTEGER NOT NULL, netns INTEGER NOT NULL, cgroup INTEGER NOT NULL, executable INTEGER NOT "
	"NULL, "
	"learned_us INTEGER NOT NULL, expires_us INTEGER NOT NULL, boot TEXT NOT NULL, "
	"PRIMARY KEY (address, hostname, tgid, start)) WITHOUT ROWID;"
	"CREATE INDEX bindings_learned ON bindings (learned_us);"

	"CREATE TABLE gaps (id INTEGER PRIMARY KEY, from_us INTEGER NOT NULL, to_us INTEGER NOT NULL, "
	"reason TEXT NOT NULL, lost INTEGER NOT NULL);"
	"CREATE INDEX gaps_from ON gaps (from_us);",

	/* 2: what the operator judged, and crawlers. acks.application "": for the whole host. */
	"CREATE TABLE acks (kind INTEGER NOT NULL, domain TEXT NOT NULL, application TEXT NOT NULL, "
	"time_us INTEGER NOT NULL, author TEXT NOT NULL, note TEXT NOT NULL, "
	"PRIMARY KEY (kind, domain, application)) WITHOUT ROWID;"
	"ALTER TABLE alerts ADD COLUMN author TEXT NOT NULL DEFAULT '';"

	/* Rules of the command; those of the configuration are not kept. Empty texts and port 0: any. */
	"CREATE TABLE allow_rules (name TEXT NOT NULL PRIMARY KEY, domain TEXT NOT NULL, "
	"application TEXT NOT NULL, container TEXT NOT NULL, user TEXT NOT NULL, uid INTEGER NOT NULL, "
	"network TEXT NOT NULL, port INTEGER NOT NULL, reason TEXT NOT NULL, author TEXT NOT NULL, "
	"created_us INTEGER NOT NULL, expires_us INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE allow_hits (name TEXT NOT NULL PRIMARY KEY, hits INTEGER NOT NULL, "
	"last_us INTEGER NOT NULL) WITHOUT ROWID;"

	/* One row an application that is a crawler; application "": the host as a whole. */
	"CREATE TABLE crawlers (application TEXT NOT NULL PRIMARY KEY, entered_us INTEGER NOT NULL, "
	"last_over_us INTEGER NOT NULL, uid TEXT NOT NULL, told INTEGER NOT NULL, phase INTEGER NOT NULL, "
	"from_us INTEGER NOT NULL, to_us INTEGER NOT NULL, rule_domains INTEGER NOT NULL, "
	"rule_seconds INTEGER NOT NULL, count INTEGER NOT NULL, listed INTEGER NOT NULL, "
	"examples TEXT NOT NULL, bytes_out INTEGER NOT NULL, bytes_in INTEGER NOT NULL) WITHOUT ROWID;"

	/* What an application talked to lately is asked for every alert. */
	"DROP INDEX domain_applications_application;"
	"CREATE INDEX domain_applications_recent ON domain_applications (application, last_us);",

	/* 3: how much hangs on a domain and on an application is asked for with every row that is written. */
	"ALTER TABLE domains ADD COLUMN hostnames INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE domains ADD COLUMN endpoints INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE domains ADD COLUMN applications INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE applications ADD COLUMN domains INTEGER NOT NULL DEFAULT 0;" COUNT_SQL
	"CREATE INDEX domains_first ON domains (first_us);"

	"CREATE TRIGGER hostname_added AFTER INSERT ON hostnames BEGIN "
	"UPDATE domains SET hostnames = hostnames + 1 WHERE id = new.domain; END;"
	"CREATE TRIGGER hostname_gone AFTER DELETE ON hostnames BEGIN "
	"UPDATE domains SET hostnames = hostnames - 1 WHERE id = old.domain; END;"
	"CREATE TRIGGER hostname_moved AFTER UPDATE OF domain ON hostnames BEGIN "
	"UPDATE domains SET hostnames = hostnames - 1, endpoints = endpoints - "
	"(SELECT count(*) FROM endpoints e WHERE e.hostname = old.id) WHERE id = old.domain;"
	"UPDATE domains SET hostnames = hostnames + 1, endpoints = endpoints + "
	"(SELECT count(*) FROM endpoints e WHERE e.hostname = new.id) WHERE id = new.domain; END;"
	"CREATE TRIGGER endpoint_added AFTER INSERT ON endpoints BEGIN "
	"UPDATE domains SET endpoints = endpoints + 1 "
	"WHERE id = (SELECT h.domain FROM hostnames h WHERE h.id = new.hostname); END;"
	"CREATE TRIGGER endpoint_gone AFTER DELETE ON endpoints BEGIN "
	"UPDATE domains SET endpoints = endpoints - 1 "
	"WHERE id = (SELECT h.domain FROM hostnames h WHERE h.id = old.hostname); END;"
	"CREATE TRIGGER domain_application_added AFTER INSERT ON domain_applications BEGIN "
	"UPDATE domains SET applications = applications + 1 WHERE id = new.domain;"
	"UPDATE applications SET domains = domains + 1 WHERE id = new.application; END;"
	"CREATE TRIGGER domain_application_gone AFTER DELETE ON domain_applications BEGIN "
	"UPDATE domains SET applications = applications - 1 WHERE id = old.domain;"
	"UPDATE applications SET domains = domains - 1 WHERE id = old.application; END;",

	/* 4: what waits keeps what it was about at that revision; a sink keeps how far it got, over restarts.
	 */
	"ALTER TABLE outbox ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE outbox ADD COLUMN severity INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE outbox ADD COLUMN kind TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE outbox ADD COLUMN domain TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE outbox ADD COLUMN hostname TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE outbox ADD COLUMN application TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE outbox ADD COLUMN message TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE outbox ADD COLUMN short_line TEXT NOT NULL DEFAULT '';"
	"UPDATE outbox SET (revision, severity, kind, domain, hostname, application) = (SELECT a.revision, "
	"a.severity, a.kind, a.domain, a.hostname, a.application FROM alerts a WHERE a.uid = outbox.uid) "
	"WHERE uid IN (SELECT uid FROM alerts);"
	/* sent: the last id of the outbox that it took. down_us 0: it takes alerts. */
	"CREATE TABLE sinks (name TEXT NOT NULL PRIMARY KEY, sent INTEGER NOT NULL, dropped INTEGER NOT "
	"NULL, "
	"refused INTEGER NOT NULL, down_us INTEGER NOT NULL, why TEXT NOT NULL) WITHOUT ROWID;",

	/* 5: the entry of a threat list, which is what is told once a day, and acknowledged. */
	("ALTER TABLE alerts ADD COLUMN entry TEXT NOT NULL DEFAULT '';"
	 "ALTER TABLE bindings ADD COLUMN chain TEXT NOT NULL DEFAULT '';"),
};

#define VERSION ((int)(sizeof(migrations) / sizeof(*migrations)))

int schema_version(void)
{
	return VERSION;
}

static int migrate_to(struct db *db, int version, struct failure *failure)
{
	char mark[64];
	int error = db_exec(db, "BEGIN IMMEDIATE", failure);

	if (error)
		return error;
	snprintf(mark, sizeof(mark), "PRAGMA user_version = %d", version);
	error = db_exec(db, migrations[version - 1], failure);
	if (!error)
		error = db_exec(db, mark, failure);
	if (!error)
		error = db_exec(db, "COMMIT", failure);
	if (error && db_in_transaction(db))
		db_exec(db, "ROLLBACK", NULL);
	return error;
}

static uint32_t big_endian(const uint8_t bytes[static 4])
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static int check_version(const char *name, int64_t version, struct failure *failure)
{
	if (version >= 1 && version <= VERSION)
		return 0;
	if (version < 1)
		return failure_set(
			failure, -EPROTO,
			"history %s: its schema version is %lld, which no firstseen writes: move it "
			"aside, a new one will be made",
			name, (long long)version);
	return failure_set(failure, -EPROTO,
			   "history %s: its schema version is %lld, this firstseen knows versions up to %d: "
			   "run the newer firstseen, or name another file",
			   name, (long long)version, VERSION);
}

/* Offsets: SQLite's file format, "The Database Header". */
int schema_check_header(const char *name, const uint8_t header[static DB_HEADER_SIZE],
			struct failure *failure)
{
	uint32_t application = big_endian(header + 68);

	if (memcmp(header, "SQLite format 3", 16) != 0)
		return failure_set(
			failure, -EPROTO,
			"history %s: this is no SQLite database: name another file, or move this one "
			"aside",
			name);
	if (application != HISTORY_APPLICATION_ID)
		return failure_set(failure, -EPROTO,
				   "history %s: this is another program's database (application id 0x%08x, a "
				   "history has 0x%08x): name another file",
				   name, application, (unsigned)HISTORY_APPLICATION_ID);
	return check_version(name, (int32_t)big_endian(header + 60), failure);
}

int schema_read_version(struct db *db, int *version, struct failure *failure)
{
	int64_t number;
	int error = db_integer(db, "PRAGMA user_version", &number, failure);

	if (!error)
		*version = (int)number;
	return error;
}

/* --- the shape --------------------------------------------------------------------------------- */

#define SHAPE_BYTES_MOST 32768

/* Of version N: the SHA-256 of what stands in sqlite_schema, in shapes[N - 1]. A file that has another one is
 * told with it. */
static const char *const shapes[] = {
	"mdro7Jh4six3hdWTOVC6u7iWFz/PCsCbFdyjb7m3qr8=", "2m/diVvj6OZPxPsWRS7XoFteQgVFcBlhSH9rkPoxS/A=",
	"AfsZQxXUW44cxQhRymOjUjGMH19JpAYwNGLFl2+QWCk=", "1RpBJsGo4z2fOs++quQ6YfiH/qwYkUQuCmi83wbrV1s=",
	"LPXSVNh0x1PHITCThSCGvlRzIRiR6ASQvo2atdwmAo0=",
};
_Static_assert(sizeof(shapes) / sizeof(*shapes) == VERSION, "each version has its shape");

struct shape {
	char text[SHAPE_BYTES_MOST];
	size_t used;
	bool full;
};

static bool is_of_word(char character)
{
	return isalnum((unsigned char)character) || character == '_';
}

/* Blanks count only between words: ALTER TABLE puts them as this SQLite, or that one, likes. */
static void add_to_shape(struct shape *shape, const char *text)
{
	for (; *text && !shape->full; text++) {
		bool blank = isspace((unsigned char)*text);

		if (blank &&
		    (!is_of_word(text[1]) || !shape->used || !is_of_word(shape->text[shape->used - 1])))
			continue;
		if (shape->used + 2 >= sizeof(shape->text))
			shape->full = true;
		else
			shape->text[shape->used++] = blank ? ' ' : *text;
	}
	shape->text[shape->used++] = '\n';
}

/* What ANALYZE leaves is not ours, and harmless. */
static const char select_shape[] =
	"SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema WHERE NOT (type = 'table' AND "
	"sql IN ('CREATE TABLE sqlite_stat1(tbl,idx,stat)', "
	"'CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)')) ORDER BY type, name, tbl_name, sql";

static int read_shape(struct db *db, char hash[static SHA256_BASE64_MAX], struct failure *failure)
{
	struct shape shape = {.used = 0};
	struct statement *statement;
	int found, error = db_prepare(db, select_shape, &statement, failure);

	if (error)
		return error;
	while ((found = db_step(statement, failure)) == 1 && !shape.full)
		for (int column = 0; column < 4; column++)
			add_to_shape(&shape, db_column_text(statement, column));
	db_finalize(statement);
	sha256_base64(shape.text, shape.full ? 0 : shape.used, hash);
	return found < 0 ? found : 0;
}

/*
 * A file from elsewhere may have tables, triggers and views of its own making, which run inside of what is
 * asked here: one that takes alerts away again, one that never ends.
 */
int schema_check_shape(struct db *db, struct failure *failure)
{
	char hash[SHA256_BASE64_MAX] = "";
	int version, error = schema_read_version(db, &version, failure);

	if (!error)
		error = check_version(db_name(db), version, failure);
	if (!error)
		error = read_shape(db, hash, failure);
	if (error || strcmp(hash, shapes[version - 1]) == 0)
		return error;
	return failure_set(failure, -EUCLEAN,
			   "history %s: its tables are not those that firstseen makes (%s): it is damaged, "
			   "or was made by others",
			   db_name(db), hash);
}

static int migrate(struct db *db, int newest, struct failure *failure)
{
	int version;
	int error = schema_read_version(db, &version, failure);

	if (!error && version > newest)
		error = check_version(db_name(db), version, failure);
	while (!error && version < newest)
		error = migrate_to(db, ++version, failure);
	return error;
}

int schema_migrate(struct db *db, struct failure *failure)
{
	return migrate(db, VERSION, failure);
}

int schema_create_version(struct db *db, int version, struct failure *failure)
{
	char mark[64];
	int error;

	/* Both are in the first page before there is a table: auto_vacuum can not be set later. */
	snprintf(mark, sizeof(mark), "PRAGMA application_id = %d", HISTORY_APPLICATION_ID);
	error = db_exec(db, "PRAGMA auto_vacuum = INCREMENTAL", failure);
	if (!error)
		error = db_exec(db, mark, failure);
	return error ? error : migrate(db, version, failure);
}

int schema_create(struct db *db, struct failure *failure)
{
	return schema_create_version(db, VERSION, failure);
}
