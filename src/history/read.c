/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* read.c - what the daemon and the command ask: seen, summary, coverage, rows for people. */
#include "history/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

#define SQL_MAX 2048

int history_seen(struct history *history, enum subject_kind kind, const char *domain, const char *application,
		 struct seen *out)
{
	struct statement *statement;
	int found, error = history_kept(history, SEEN, &statement, NULL);

	*out = (struct seen){0};
	if (error)
		return error;
	db_bind_integer(statement, 1, kind);
	db_bind_text(statement, 2, domain);
	db_bind_text(statement, 3, application);
	found = db_step(statement, NULL);
	if (found == 1) {
		out->host_first_ns = history_ns(db_column_integer(statement, 0));
		out->host_last_ns = history_ns(db_column_integer(statement, 1));
		out->application_last_ns = history_ns(db_column_integer(statement, 2));
	}
	db_reset(statement);
	return found < 0 ? found : 0;
}

/* --- summary and coverage -------------------------------------------------------------------- */

struct figure {
	const char *sql;
	int64_t *value;
};

static int read_figures(struct history *history, const struct figure *figures, size_t count,
			struct failure *failure)
{
	for (size_t i = 0; i < count; i++) {
		int error = db_integer(history->db, figures[i].sql, figures[i].value, failure);

		if (error && error != -ENODATA)
			return error;
	}
	return 0;
}

int history_summary(struct history *history, struct history_summary *out, struct failure *failure)
{
	int64_t since = 0, from = 0, to = 0, ended = 0, pages = 0, page = 0, last_alert = 0, schema = 0;
	int64_t counts[7] = {0};
	const struct figure figures[] = {
		{"SELECT coalesce(min(from_us), 0) FROM runs", &since},
		{"SELECT from_us FROM runs WHERE id > 0 ORDER BY id DESC LIMIT 1", &from},
		{"SELECT to_us FROM runs WHERE id > 0 ORDER BY id DESC LIMIT 1", &to},
		{"SELECT ended FROM runs WHERE id > 0 ORDER BY id DESC LIMIT 1", &ended},
		{"PRAGMA page_count", &pages},
		{"PRAGMA page_size", &page},
		{"PRAGMA user_version", &schema},
		{"SELECT coalesce(max(time_us), 0) FROM alerts", &last_alert},
		{"SELECT count(*) FROM domains WHERE kind = 0", &counts[0]},
		{"SELECT count(*) FROM domains WHERE kind = 1", &counts[1]},
		{"SELECT count(*) FROM hostnames", &counts[2]},
		{"SELECT count(*) FROM applications", &counts[3]},
		{"SELECT count(*) FROM alerts", &counts[4]},
		{"SELECT count(*) FROM alerts WHERE acknowledged_us = 0", &counts[5]},
		{"SELECT count(*) FROM outbox", &counts[6]},
	};
	int error = read_figures(history, figures, sizeof(figures) / sizeof(figures[0]), failure);

	if (error)
		return error;
	*out = (struct history_summary){
		.since_ns = history_ns(since),
		.last_run_from_ns = history_ns(from),
		.last_run_to_ns = history_ns(to),
		.last_run_ended = ended != 0,
		.file_bytes = pages * page,
		.domains = (uint64_t)counts[0],
		.addresses = (uint64_t)counts[1],
		.hostnames = (uint64_t)counts[2],
		.applications = (uint64_t)counts[3],
		.alerts = (uint64_t)counts[4],
		.alerts_open = (uint64_t)counts[5],
		.outbox = (uint64_t)counts[6],
		.last_alert_ns = history_ns(last_alert),
		.schema = (int)schema,
	};
	return 0;
}

int history_since(struct history *history, int64_t *since_ns, struct failure *failure)
{
	int64_t since = 0;
	int error = db_integer(history->db, "SELECT coalesce(min(from_us), 0) FROM runs", &since, failure);

	if (!error)
		*since_ns = history_ns(since);
	return error;
}

int history_last_run(struct history *history, int64_t *to_ns, bool *ended, struct failure *failure)
{
	int64_t to = 0, end = 0;
	const struct figure figures[] = {
		{"SELECT to_us FROM runs ORDER BY id DESC LIMIT 1", &to},
		{"SELECT ended FROM runs ORDER BY id DESC LIMIT 1", &end},
	};
	int error = read_figures(history, figures, sizeof(figures) / sizeof(figures[0]), failure);

	if (error)
		return error;
	*to_ns = history_ns(to);
	*ended = end != 0;
	return 0;
}

/*
 * Adds up what the spans of a table cover of [from, to], overlaps once. The rows come
 * in the order of their beginning.
 */
static int covered(struct history *history, const char *sql, int64_t from_us, int64_t to_us, int64_t *total,
		   struct failure *failure)
{
	struct statement *statement;
	int64_t reached = from_us;
	int found, error = db_prepare(history->db, sql, &statement, failure);

	*total = 0;
	if (error)
		return error;
	db_bind_integer(statement, 1, from_us);
	db_bind_integer(statement, 2, to_us);
	while ((found = db_step(statement, failure)) == 1) {
		int64_t begin = db_column_integer(statement, 0), end = db_column_integer(statement, 1);

		if (begin < reached)
			begin = reached;
		if (end > to_us)
			end = to_us;
		if (end > begin) {
			*total += end - begin;
			reached = end;
		}
	}
	db_finalize(statement);
	return found;
}

int history_coverage(struct history *history, int64_t from_ns, int64_t to_ns, double *share,
		     struct failure *failure)
{
	int64_t from = history_us(from_ns), to = history_us(to_ns), watched, lost;
	int error;

	*share = 0;
	if (to <= from)
		return 0;
	error = covered(history,
			"SELECT from_us, to_us FROM runs WHERE to_us > ?1 AND from_us < ?2 ORDER BY from_us",
			from, to, &watched, failure);
	if (!error)
		error = covered(
			history,
			"SELECT from_us, to_us FROM gaps WHERE to_us > ?1 AND from_us < ?2 ORDER BY from_us",
			from, to, &lost, failure);
	if (error)
		return error;
	*share = watched > lost ? (double)(watched - lost) / (double)(to - from) : 0;
	return 0;
}

/* --- rows --------------------------------------------------------------------------------------- */

/* Steps through a statement that is freed at the end; a callback's value other than 0 ends the walk. */
static int each_row(struct statement *statement, int (*row)(struct statement *statement, void *context),
		    void *context, struct failure *failure)
{
	int result = 0, found;

	while (result == 0 && (found = db_step(statement, failure)) != 0)
		result = found < 0 ? found : row(statement, context);
	db_finalize(statement);
	return result;
}

static int64_t until_us(const struct history_filter *filter)
{
	return filter->until_ns ? history_us(filter->until_ns) : INT64_MAX;
}

static int64_t limit_of(const struct history_filter *filter)
{
	return filter->limit ? filter->limit : -1;
}

struct domain_walk {
	domain_row_callback *callback;
	void *context;
};

#define DOMAIN_FIELDS                                                                                        \
	"d.kind, d.name, d.first_us, d.last_us, d.connections, d.bytes_out, d.bytes_in, "                    \
	"d.hostnames, d.applications"

static void read_domain(struct statement *statement, struct domain_row *row)
{
	*row = (struct domain_row){
		.kind = db_column_integer(statement, 0) == SUBJECT_ADDRESS ? SUBJECT_ADDRESS : SUBJECT_DOMAIN,
		.domain = db_column_text(statement, 1),
		.first_ns = history_ns(db_column_integer(statement, 2)),
		.last_ns = history_ns(db_column_integer(statement, 3)),
		.connections = (uint64_t)db_column_integer(statement, 4),
		.bytes_out = (uint64_t)db_column_integer(statement, 5),
		.bytes_in = (uint64_t)db_column_integer(statement, 6),
		.hostnames = (uint64_t)db_column_integer(statement, 7),
		.applications = (uint64_t)db_column_integer(statement, 8),
	};
}

static int give_domain(struct statement *statement, void *context)
{
	struct domain_walk *walk = context;
	struct domain_row row;

	read_domain(statement, &row);
	return walk->callback(walk->context, &row);
}

int history_domains(struct history *history, const struct history_filter *filter,
		    domain_row_callback *callback, void *context, struct failure *failure)
{
	struct domain_walk walk = {callback, context};
	struct statement *statement;
	char sql[SQL_MAX];
	int error;

	snprintf(sql, sizeof(sql),
		 "SELECT " DOMAIN_FIELDS
		 " FROM domains d WHERE d.%s >= ?1 AND d.%s <= ?2 AND (?3 = '' OR d.id IN "
		 "(SELECT p.domain FROM applications a JOIN domain_applications p ON p.application = a.id "
		 "WHERE a.name = ?3 OR a.exe = ?3)) ORDER BY d.%s DESC, d.name LIMIT ?4",
		 filter->fresh ? "first_us" : "last_us", filter->fresh ? "first_us" : "last_us",
		 filter->busiest ? "connections"
		 : filter->fresh ? "first_us"
				 : "last_us");
	error = db_prepare(history->db, sql, &statement, failure);
	if (error)
		return error;
	db_bind_integer(statement, 1, history_us(filter->since_ns));
	db_bind_integer(statement, 2, until_us(filter));
	db_bind_text(statement, 3, filter->application ? filter->application : "");
	db_bind_integer(statement, 4, limit_of(filter));
	return each_row(statement, give_domain, &walk, failure);
}

int history_domain(struct history *history, const char *domain, struct domain_row *out,
		   struct failure *failure)
{
	struct statement *statement;
	int found, error = db_prepare(
			   history->db,
			   "SELECT " DOMAIN_FIELDS
			   " FROM domains d WHERE d.kind IN (0, 1) AND d.name = ?1 ORDER BY d.kind LIMIT 1",
			   &statement, failure);

	if (error)
		return error;
	db_bind_text(statement, 1, domain);
	found = db_step(statement, failure);
	if (found == 1) {
		read_domain(statement, out);
		text_copy(history->domain, sizeof(history->domain), out->domain);
		out->domain = history->domain;
	}
	db_finalize(statement);
	return found;
}

/* --- one domain's parts ------------------------------------------------------------------------------ */

struct detail_walk {
	enum detail detail;
	detail_row_callback *callback;
	void *context;
};

#define OF_DOMAIN "FROM hostnames h JOIN domains d ON d.id = h.domain "
/* Both kinds are named, since the index begins with them. */
#define THIS_DOMAIN "WHERE d.kind IN (0, 1) AND d.name = ?1 "
#define SUMMED(table)                                                                                        \
	"min(" table ".first_us), max(" table ".last_us), sum(" table ".connections), sum(" table            \
	".bytes_out), sum(" table ".bytes_in) "

/* Name columns first, then the five sums. */
static const char *const detail_sql[] = {
	[DETAIL_HOSTNAME] = "SELECT h.name, NULL, NULL, " SUMMED("h") OF_DOMAIN THIS_DOMAIN
	/* The others may stand for addresses only. */
	"AND NOT (h.name = '' AND h.connections = 0 AND h.bytes_out = 0 AND h.bytes_in = 0) "
	"GROUP BY h.name ORDER BY 5 DESC",
	[DETAIL_ADDRESS] = "SELECT e.address, e.port, e.protocol, " SUMMED("e") OF_DOMAIN
	"JOIN endpoints e ON e.hostname = h.id " THIS_DOMAIN
	"GROUP BY e.address, e.port, e.protocol ORDER BY 5 DESC",
	[DETAIL_APPLICATION] = "SELECT a.name, NULL, NULL, " SUMMED("c") OF_DOMAIN
	"JOIN accesses c ON c.hostname = h.id JOIN applications a ON a.id = c.application " THIS_DOMAIN
	"GROUP BY a.id ORDER BY 5 DESC",
	[DETAIL_USER] = "SELECT c.uid, NULL, NULL, " SUMMED("c") OF_DOMAIN
	"JOIN accesses c ON c.hostname = h.id " THIS_DOMAIN "GROUP BY c.uid ORDER BY 5 DESC",
	[DETAIL_DAY] =
		"SELECT y.day, NULL, NULL, y.day * 86400000000, y.day * 86400000000, sum(y.connections), "
		"sum(y.bytes_out), sum(y.bytes_in) " OF_DOMAIN "JOIN days y ON y.hostname = h.id " THIS_DOMAIN
		"GROUP BY y.day ORDER BY y.day DESC",
};

static void name_detail(struct statement *statement, enum detail detail, char *name, size_t size)
{
	char text[ADDRESS_TEXT_MAX], time[TEXT_TIME_MAX];
	struct address address = {{0}};
	const void *bytes;
	size_t length;

	switch (detail) {
	case DETAIL_ADDRESS:
		bytes = db_column_bytes(statement, 0, &length);
		if (length == sizeof(address.bytes))
			memcpy(address.bytes, bytes, length);
		if (db_column_integer(statement, 2) == 0) {
			text_copy(name, size, HISTORY_OTHERS);
			break;
		}
		snprintf(name, size, "%s %lld %s", address_format(&address, text),
			 (long long)db_column_integer(statement, 1),
			 protocol_name((uint8_t)db_column_integer(statement, 2)));
		break;
	case DETAIL_USER:
		snprintf(name, size, "%lld", (long long)db_column_integer(statement, 0));
		if (db_column_integer(statement, 0) == (int64_t)FS_UID_UNKNOWN)
			text_copy(name, size, "unknown");
		break;
	case DETAIL_DAY:
		text_format_time(history_ns(db_column_integer(statement, 3)), time);
		time[strcspn(time, "T")] = '\0';
		text_copy(name, size, time);
		break;
	case DETAIL_HOSTNAME:
		text_copy(name, size, db_column_text(statement, 0));
		if (!name[0])
			text_copy(name, size, HISTORY_OTHERS);
		break;
	case DETAIL_APPLICATION:
		text_copy(name, size, db_column_text(statement, 0));
	}
}

static int give_detail(struct statement *statement, void *context)
{
	struct detail_walk *walk = context;
	char name[APPLICATION_MAX];
	struct detail_row row;

	name_detail(statement, walk->detail, name, sizeof(name));
	row = (struct detail_row){
		.detail = walk->detail,
		.name = name,
		.first_ns = history_ns(db_column_integer(statement, 3)),
		.last_ns = history_ns(db_column_integer(statement, 4)),
		.connections = (uint64_t)db_column_integer(statement, 5),
		.bytes_out = (uint64_t)db_column_integer(statement, 6),
		.bytes_in = (uint64_t)db_column_integer(statement, 7),
	};
	return walk->callback(walk->context, &row);
}

int history_domain_details(struct history *history, const char *domain, detail_row_callback *callback,
			   void *context, struct failure *failure)
{
	struct detail_walk walk = {.callback = callback, .context = context};
	int result = 0;

	for (int i = DETAIL_HOSTNAME; i <= DETAIL_DAY && !result; i++) {
		struct statement *statement;

		walk.detail = (enum detail)i;
		result = db_prepare(history->db, detail_sql[i], &statement, failure);
		if (result)
			break;
		db_bind_text(statement, 1, domain);
		result = each_row(statement, give_detail, &walk, failure);
	}
	return result;
}

/* --- applications, alerts, states ---------------------------------------------------------------------- */

struct application_walk {
	application_row_callback *callback;
	void *context;
};

static int give_application(struct statement *statement, void *context)
{
	struct application_walk *walk = context;
	struct application_row row = {
		.application = db_column_text(statement, 0),
		.exe = db_column_text(statement, 1),
		.first_ns = history_ns(db_column_integer(statement, 2)),
		.last_ns = history_ns(db_column_integer(statement, 3)),
		.connections = (uint64_t)db_column_integer(statement, 4),
		.bytes_out = (uint64_t)db_column_integer(statement, 5),
		.bytes_in = (uint64_t)db_column_integer(statement, 6),
		.domains = (uint64_t)db_column_integer(statement, 7),
	};

	return walk->callback(walk->context, &row);
}

int history_applications(struct history *history, const struct history_filter *filter,
			 application_row_callback *callback, void *context, struct failure *failure)
{
	struct application_walk walk = {callback, context};
	struct statement *statement;
	int error = db_prepare(
		history->db,
		"SELECT a.name, a.exe, a.first_us, a.last_us, a.connections, a.bytes_out, a.bytes_in, "
		"a.domains "
		"FROM applications a WHERE a.last_us >= ?1 AND a.last_us <= ?2 AND "
		"(?3 = '' OR a.name = ?3 OR a.exe = ?3) ORDER BY 8 DESC, a.last_us DESC LIMIT ?4",
		&statement, failure);

	if (error)
		return error;
	db_bind_integer(statement, 1, history_us(filter->since_ns));
	db_bind_integer(statement, 2, until_us(filter));
	db_bind_text(statement, 3, filter->application ? filter->application : "");
	db_bind_integer(statement, 4, limit_of(filter));
	return each_row(statement, give_application, &walk, failure);
}

struct alert_walk {
	alert_row_callback *callback;
	void *context;
};

#define ALERT_FIELDS                                                                                         \
	"uid, time_us, kind, severity, domain, hostname, application, acknowledged_us, line, author, note, " \
	"subject, entry FROM alerts "

static int give_alert(struct statement *statement, void *context)
{
	struct alert_walk *walk = context;
	struct alert_row row = {
		.uid = db_column_text(statement, 0),
		.time_ns = history_ns(db_column_integer(statement, 1)),
		.kind = db_column_text(statement, 2),
		.severity = (int)db_column_integer(statement, 3),
		.domain = db_column_text(statement, 4),
		.hostname = db_column_text(statement, 5),
		.application = db_column_text(statement, 6),
		.state = db_column_integer(statement, 7) ? "acknowledged" : "open",
		.line = db_column_text(statement, 8),
		.acknowledged_ns = history_ns(db_column_integer(statement, 7)),
		.author = db_column_text(statement, 9),
		.note = db_column_text(statement, 10),
		.subject = db_column_integer(statement, 11) ? SUBJECT_ADDRESS : SUBJECT_DOMAIN,
		.entry = db_column_text(statement, 12),
	};

	return walk->callback(walk->context, &row);
}

int history_alerts(struct history *history, const struct history_filter *filter, alert_row_callback *callback,
		   void *context, struct failure *failure)
{
	struct alert_walk walk = {callback, context};
	struct statement *statement;
	char sql[SQL_MAX];
	int error;

	snprintf(sql, sizeof(sql),
		 "SELECT " ALERT_FIELDS "WHERE time_us >= ?1 AND time_us <= ?2 AND (?3 = '' OR kind = ?3) "
		 "AND (?4 = 0 OR acknowledged_us = 0) ORDER BY %stime_us DESC, id DESC LIMIT ?5",
		 filter->severe ? "severity DESC, " : "");
	error = db_prepare(history->db, sql, &statement, failure);
	if (error)
		return error;
	db_bind_integer(statement, 1, history_us(filter->since_ns));
	db_bind_integer(statement, 2, until_us(filter));
	db_bind_text(statement, 3, filter->kind ? filter->kind : "");
	db_bind_integer(statement, 4, filter->open);
	db_bind_integer(statement, 5, limit_of(filter));
	return each_row(statement, give_alert, &walk, failure);
}

/* An upper bound of all texts that begin with `prefix`: uids hold hexadecimal digits and hyphens. */
#define AFTER_ANY_DIGIT "~"

int history_alert(struct history *history, const char *uid, alert_row_callback *callback, void *context,
		  struct failure *failure)
{
	struct alert_walk walk = {callback, context};
	struct statement *statement;
	char above[ALERT_UID_MAX + 2];
	int64_t count = 0;
	int found, error;

	if (strlen(uid) < 8 || strlen(uid) >= ALERT_UID_MAX)
		return 0;
	snprintf(above, sizeof(above), "%s" AFTER_ANY_DIGIT, uid);
	error = db_prepare(history->db, "SELECT count(*) FROM alerts WHERE uid >= ?1 AND uid < ?2",
			   &statement, failure);
	if (error)
		return error;
	db_bind_text(statement, 1, uid);
	db_bind_text(statement, 2, above);
	found = db_step(statement, failure);
	if (found == 1)
		count = db_column_integer(statement, 0);
	db_finalize(statement);
	if (found < 0)
		return found;
	if (count > 1)
		return failure_set(failure, -ENOTUNIQ, "%lld alerts begin with %s: give more of the uid",
				   (long long)count, uid);
	error = db_prepare(history->db, "SELECT " ALERT_FIELDS "WHERE uid >= ?1 AND uid < ?2", &statement,
			   failure);
	if (error)
		return error;
	db_bind_text(statement, 1, uid);
	db_bind_text(statement, 2, above);
	error = each_row(statement, give_alert, &walk, failure);
	return error < 0 ? error : count != 0;
}

struct state_walk {
	state_callback *callback;
	void *context;
};

static int give_state(struct statement *statement, void *context)
{
	struct state_walk *walk = context;

	return walk->callback(walk->context, db_column_text(statement, 0), db_column_text(statement, 1));
}

int history_states(struct history *history, state_callback *callback, void *context, struct failure *failure)
{
	struct state_walk walk = {callback, context};
	struct statement *statement;
	int error =
		db_prepare(history->db, "SELECT name, value FROM states ORDER BY name", &statement, failure);

	return error ? error : each_row(statement, give_state, &walk, failure);
}

/* --- bindings ------------------------------------------------------------------------------------------- */

struct binding_walk {
	const char *boot;
	correlate_callback *callback;
	void *context;
};

static int give_binding(struct statement *statement, void *context)
{
	struct binding_walk *walk = context;
	struct kept_binding binding = {
		.hostname = db_column_text(statement, 1),
		.chain = db_column_text(statement, 10),
		.learned_ns = history_ns(db_column_integer(statement, 7)),
		.expires_ns = history_ns(db_column_integer(statement, 8)),
	};
	size_t length;
	const void *bytes = db_column_bytes(statement, 0, &length);

	if (length != sizeof(binding.address.bytes))
		return 0;
	memcpy(binding.address.bytes, bytes, length);
	if (strcmp(db_column_text(statement, 9), walk->boot) == 0)
		binding.asker = (struct actor){
			.tgid = (uint32_t)db_column_integer(statement, 2),
			.start_ns = (uint64_t)db_column_integer(statement, 3),
			.netns = (uint32_t)db_column_integer(statement, 4),
			.cgroup_id = (uint64_t)db_column_integer(statement, 5),
			.executable = (uint64_t)db_column_integer(statement, 6),
		};
	walk->callback(walk->context, &binding);
	return 0;
}

int history_visited(struct history *history, int64_t since_ns, correlate_callback *callback, void *context,
		    struct failure *failure)
{
	/* The columns of give_binding(). What stands for the others names nothing. */
	static const char select[] =
		"SELECT address, name, 0, 0, 0, 0, 0, last_us, last_us, NULL, NULL FROM (SELECT e.address, "
		"h.name, "
		"e.last_us FROM endpoints e JOIN hostnames h ON h.id = e.hostname JOIN domains d "
		"ON d.id = h.domain WHERE e.last_us > ?1 AND d.kind = 0 AND h.name <> '' "
		"ORDER BY e.last_us DESC LIMIT 16384) ORDER BY last_us";
	struct binding_walk walk = {"no boot", callback, context};
	struct statement *statement;
	int error = db_prepare(history->db, select, &statement, failure);

	if (error)
		return error;
	db_bind_integer(statement, 1, history_us(since_ns));
	return each_row(statement, give_binding, &walk, failure);
}

int history_bindings(struct history *history, const char *boot, correlate_callback *callback, void *context,
		     struct failure *failure)
{
	struct binding_walk walk = {boot, callback, context};
	struct statement *statement;
	int error =
		db_prepare(history->db,
			   "SELECT address, hostname, tgid, start, netns, cgroup, executable, learned_us, "
			   "expires_us, boot, chain FROM bindings ORDER BY learned_us",
			   &statement, failure);

	return error ? error : each_row(statement, give_binding, &walk, failure);
}
