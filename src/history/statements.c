/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* statements.c - the statements of every second, prepared once; transactions; times. */
#include "history/internal.h"

#include <errno.h>

#include "base/text.h"

#define SUMS "first_us, last_us, connections, bytes_out, bytes_in"
#define ADD_SUMS                                                                                             \
	"first_us = min(first_us, excluded.first_us), last_us = max(last_us, excluded.last_us), "            \
	"connections = connections + excluded.connections, bytes_out = bytes_out + excluded.bytes_out, "     \
	"bytes_in = bytes_in + excluded.bytes_in"

#define MORE_SUMS                                                                                            \
	"first_us = min(first_us, ?1), last_us = max(last_us, ?2), connections = connections + ?3, "         \
	"bytes_out = bytes_out + ?4, bytes_in = bytes_in + ?5"

/* Where sums are kept, ?1 to ?5 are they, and the key follows. */
static const char *const sql[KEPT_STATEMENTS] = {
	[FIND_DOMAIN] = "SELECT id, hostnames, endpoints FROM domains WHERE kind = ?1 AND name = ?2",
	[ADD_DOMAIN] = "INSERT INTO domains (" SUMS ", kind, name) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[UPDATE_DOMAIN] = "UPDATE domains SET " MORE_SUMS " WHERE id = ?6",
	[FIND_HOSTNAME] = "SELECT id FROM hostnames WHERE domain = ?1 AND name = ?2",
	[ADD_HOSTNAME] = "INSERT INTO hostnames (" SUMS ", domain, name) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[UPDATE_HOSTNAME] = "UPDATE hostnames SET " MORE_SUMS " WHERE id = ?6",
	[FIND_APPLICATION] = "SELECT id FROM applications WHERE name = ?1",
	[ADD_APPLICATION] =
		"INSERT INTO applications (" SUMS ", name, exe) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[UPDATE_APPLICATION] = "UPDATE applications SET " MORE_SUMS
			       ", exe = CASE WHEN ?7 = '' THEN exe ELSE ?7 END WHERE id = ?6",
	[KEEP_DOMAIN_APPLICATION] = "INSERT INTO domain_applications (" SUMS ", domain, application) "
				    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (domain, application) "
				    "DO UPDATE SET " ADD_SUMS,
	[KEEP_ACCESS] = "INSERT INTO accesses (" SUMS ", hostname, application, uid) "
			"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) "
			"ON CONFLICT (hostname, application, uid) DO UPDATE SET " ADD_SUMS,
	[ADD_ENDPOINT] = "INSERT INTO endpoints (" SUMS ", hostname, address, port, protocol) "
			 "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[UPDATE_ENDPOINT] = "UPDATE endpoints SET " MORE_SUMS
			    " WHERE hostname = ?6 AND address = ?7 AND port = ?8 AND protocol = ?9",
	[KEEP_DAY] = "INSERT INTO days (connections, bytes_out, bytes_in, hostname, application, day) "
		     "VALUES (?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (hostname, application, day) DO UPDATE SET "
		     "connections = connections + excluded.connections, "
		     "bytes_out = bytes_out + excluded.bytes_out, bytes_in = bytes_in + excluded.bytes_in",
	[FIND_ALERT] = "SELECT id, revision FROM alerts WHERE uid = ?1",
	[ADD_ALERT] =
		"INSERT INTO alerts (uid, revision, time_us, kind, severity, subject, domain, hostname, "
		"application, line, entry) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
	[UPDATE_ALERT] =
		"UPDATE alerts SET revision = ?2, severity = ?3, hostname = ?4, line = ?5 WHERE id = ?1",
	[ADD_OUTBOX] = "INSERT INTO outbox (uid, revision, severity, kind, domain, hostname, application, "
		       "message, short_line, line) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
	[LIST_OUTBOX] = "SELECT id, uid, revision, severity, kind, domain, hostname, application, message, "
			"short_line, line FROM outbox WHERE id > ?1 ORDER BY id LIMIT ?2",
	[COUNT_OUTBOX] = "SELECT count(*) FROM outbox WHERE id > ?1 AND id <= ?2",
	[TRIM_OUTBOX] = "DELETE FROM outbox WHERE id <= ?1",
	[KEEP_SINK] = "INSERT OR REPLACE INTO sinks (name, sent, dropped, refused, down_us, why) "
		      "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[KEEP_STATE] =
		"INSERT INTO states (name, value) VALUES (?1, ?2) "
		"ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value <> excluded.value",
	[KEEP_BINDING] =
		"INSERT OR REPLACE INTO bindings (address, hostname, tgid, start, netns, cgroup, executable, "
		"learned_us, expires_us, boot, chain) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
	[DROP_BINDINGS] = "DELETE FROM bindings WHERE learned_us < ?1",
	[ADD_RUN] = "INSERT INTO runs (from_us, to_us, ended) VALUES (?1, ?1, 0)",
	[SEEN_RUN] = "UPDATE runs SET to_us = max(to_us, ?2), ended = ?3 WHERE id = ?1",
	[FIND_GAP] = "SELECT id FROM (SELECT * FROM gaps WHERE reason = ?1 ORDER BY id DESC LIMIT 1) "
		     "WHERE from_us <= ?2 AND to_us >= ?2",
	[EXTEND_GAP] = "UPDATE gaps SET to_us = max(to_us, ?2), lost = lost + ?3 WHERE id = ?1",
	[ADD_GAP] = "INSERT INTO gaps (from_us, to_us, reason, lost) VALUES (?1, ?2, ?3, ?4)",
	[SEEN] = "SELECT d.first_us, d.last_us, (SELECT p.last_us FROM applications a "
		 "JOIN domain_applications p ON p.domain = d.id AND p.application = a.id "
		 "WHERE a.name = ?3 AND ?3 <> '') FROM domains d WHERE d.kind = ?1 AND d.name = ?2",
	[KEEP_ACK] = "INSERT OR REPLACE INTO acks (kind, domain, application, time_us, author, note) "
		     "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[REVIEW_ALERT] = "UPDATE alerts SET acknowledged_us = ?2, author = ?3, note = ?4 WHERE uid = ?1",
	[KEEP_RULE] = "INSERT OR REPLACE INTO allow_rules (name, domain, application, container, user, uid, "
		      "network, port, reason, author, created_us, expires_us) "
		      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
	[DROP_RULE] = "DELETE FROM allow_rules WHERE name = ?1",
	[DROP_HITS] = "DELETE FROM allow_hits WHERE name = ?1",
	[KEEP_HITS] = "INSERT INTO allow_hits (name, hits, last_us) VALUES (?1, ?2, ?3) ON CONFLICT (name) "
		      "DO UPDATE SET hits = hits + excluded.hits, last_us = max(last_us, excluded.last_us)",
	[KEEP_CRAWLER] =
		"INSERT OR REPLACE INTO crawlers (application, entered_us, last_over_us, uid, told, phase, "
		"from_us, to_us, rule_domains, rule_seconds, count, listed, examples, bytes_out, bytes_in) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
	[DROP_CRAWLER] = "DELETE FROM crawlers WHERE application = ?1",
	[IS_CRAWLER] = "SELECT 1 FROM crawlers WHERE application = ?1",
	[RECENT_DOMAINS] =
		"SELECT d.name FROM applications a JOIN domain_applications p ON p.application = a.id "
		"JOIN domains d ON d.id = p.domain WHERE a.name = ?1 AND d.name <> ?2 "
		"ORDER BY p.last_us DESC LIMIT ?3",
	[KNOWN_TO] = "SELECT a.name FROM domains d JOIN domain_applications p ON p.domain = d.id "
		     "JOIN applications a ON a.id = p.application "
		     "WHERE d.kind = ?1 AND d.name = ?2 AND a.name <> ?3 AND a.name <> '' LIMIT ?4",
	[USERS_OF] = "SELECT DISTINCT uid FROM (SELECT c.uid FROM applications a "
		     "JOIN domain_applications p ON p.application = a.id "
		     "JOIN hostnames h ON h.domain = p.domain "
		     "JOIN accesses c ON c.hostname = h.id AND c.application = a.id "
		     "WHERE a.name = ?1 LIMIT 200) LIMIT ?2",
	[PAIR] = "SELECT p.first_us, p.last_us, p.connections, p.bytes_out, p.bytes_in "
		 "FROM applications a JOIN domains d JOIN domain_applications p "
		 "ON p.domain = d.id AND p.application = a.id "
		 "WHERE a.name = ?1 AND d.kind = ?2 AND d.name = ?3",
	[STAGE_ACCESS] =
		"INSERT INTO temp.staged (kind, domain, hostname, application, uid, exe, first_us, "
		"last_us, connections, bytes_out, bytes_in) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) "
		"ON CONFLICT (kind, domain, hostname, application, uid) DO UPDATE SET "
		"first_us = min(first_us, excluded.first_us), last_us = max(last_us, excluded.last_us), "
		"connections = max(connections, excluded.connections), "
		"bytes_out = max(bytes_out, excluded.bytes_out), "
		"bytes_in = max(bytes_in, excluded.bytes_in), "
		"exe = CASE WHEN excluded.exe = '' THEN exe ELSE excluded.exe END",
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
};

int history_kept(struct history *history, enum kept_statement which, struct statement **out,
		 struct failure *failure)
{
	int error;

	if (!history->kept[which]) {
		error = db_prepare(history->db, sql[which], &history->kept[which], failure);
		if (error)
			return error;
	}
	db_reset(history->kept[which]);
	*out = history->kept[which];
	return 0;
}

void history_drop_kept(struct history *history)
{
	for (int i = 0; i < KEPT_STATEMENTS; i++) {
		db_finalize(history->kept[i]);
		history->kept[i] = NULL;
	}
}

int history_need_transaction(struct history *history, struct failure *failure)
{
	if (db_in_transaction(history->db))
		return 0;
	return failure_set(failure, -EINVAL,
			   "history %s: written to outside of a transaction; this is an error in firstseen: "
			   "please report it",
			   db_name(history->db));
}

static int run_kept(struct history *history, enum kept_statement which, struct failure *failure)
{
	struct statement *statement;
	int error = history_kept(history, which, &statement, failure);

	return error ? error : db_run(statement, failure);
}

int history_begin(struct history *history, struct failure *failure)
{
	/* One that could not be rolled back for want of memory would be in the way for ever. */
	history_rollback(history);
	return run_kept(history, BEGIN, failure);
}

int history_commit(struct history *history, struct failure *failure)
{
	return run_kept(history, COMMIT, failure);
}

int history_checkpoint(struct history *history, struct failure *failure)
{
	return db_checkpoint_if_long(history->db, failure);
}

int64_t history_log_bytes(struct history *history)
{
	return db_log_bytes(history->db);
}

void history_rollback(struct history *history)
{
	/* A full disk or a failed read may have rolled it back already. */
	if (db_in_transaction(history->db))
		db_exec(history->db, "ROLLBACK", NULL);
}

int64_t history_us(int64_t time_ns)
{
	int64_t us = time_ns / NS_PER_US;

	return time_ns % NS_PER_US < 0 ? us - 1 : us;
}

int64_t history_ns(int64_t time_us)
{
	if (time_us > INT64_MAX / NS_PER_US)
		return INT64_MAX;
	if (time_us < INT64_MIN / NS_PER_US)
		return INT64_MIN;
	return time_us * NS_PER_US;
}
