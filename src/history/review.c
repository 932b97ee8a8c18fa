/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* review.c - what the operator judged, crawlers, and what an alert's dossier asks. */
#include "history/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* --- acknowledged alerts --------------------------------------------------------------- */

#define KIND_THREAT 2 /* acks.kind of an alert that told of a threat; else enum subject_kind */

struct acknowledging {
	char uid[ALERT_UID_MAX];
	struct ack *ack;
	bool about_domain;
};

/* An alert about new domains of a program, or about the daemon, has no domain to be silent about. */
static int take_alert(void *context, const struct alert_row *row)
{
	struct acknowledging *acknowledging = context;
	struct ack *ack = acknowledging->ack;

	memset(ack, 0, sizeof(*ack));
	text_copy(acknowledging->uid, sizeof(acknowledging->uid), row->uid);
	ack->kind = row->subject;
	ack->threat = strcmp(row->kind, alert_kind_name(ALERT_THREAT_DOMAIN)) == 0;
	text_copy(ack->domain, sizeof(ack->domain), ack->threat && row->entry[0] ? row->entry : row->domain);
	if (strcmp(row->kind, alert_kind_name(ALERT_NEW_DOMAIN_FOR_APPLICATION)) == 0)
		text_copy(ack->application, sizeof(ack->application), row->application);
	return 1;
}

static int keep_ack(struct history *history, const struct ack *ack, int64_t now_ns, const char *author,
		    const char *note, struct failure *failure)
{
	struct statement *statement;
	int error = history_kept(history, KEEP_ACK, &statement, failure);

	if (error)
		return error;
	db_bind_integer(statement, 1, ack->threat ? KIND_THREAT : (int)ack->kind);
	db_bind_text(statement, 2, ack->domain);
	db_bind_text(statement, 3, ack->application);
	db_bind_integer(statement, 4, history_us(now_ns));
	db_bind_text(statement, 5, author);
	db_bind_text(statement, 6, note);
	return db_run(statement, failure);
}

int history_acknowledge(struct history *history, const char *uid, int64_t now_ns, const char *author,
			const char *note, struct ack *ack, struct failure *failure)
{
	struct acknowledging acknowledging = {.ack = ack};
	struct statement *statement;
	int error = history_need_transaction(history, failure), found;

	if (error)
		return error;
	found = history_alert(history, uid, take_alert, &acknowledging, failure);
	if (found <= 0)
		return found;
	error = history_kept(history, REVIEW_ALERT, &statement, failure);
	if (error)
		return error;
	db_bind_text(statement, 1, acknowledging.uid);
	db_bind_integer(statement, 2, history_us(now_ns));
	db_bind_text(statement, 3, author);
	db_bind_text(statement, 4, note);
	error = db_run(statement, failure);
	if (!error && ack->domain[0])
		error = keep_ack(history, ack, now_ns, author, note, failure);
	return error ? error : 1;
}

/* Every row of a query without arguments. */
static int each(struct history *history, const char *sql,
		int (*give)(struct statement *statement, void *context), void *context,
		struct failure *failure)
{
	struct statement *statement;
	int found, stop = 0, error = db_prepare(history->db, sql, &statement, failure);

	if (error)
		return error;
	while (!stop && (found = db_step(statement, failure)) == 1)
		stop = give(statement, context);
	db_finalize(statement);
	return stop ? stop : found < 0 ? found : 0;
}

struct ack_walk {
	ack_callback *callback;
	void *context;
};

static int give_ack(struct statement *statement, void *context)
{
	struct ack_walk *walk = context;
	int64_t kind = db_column_integer(statement, 0);
	struct ack ack = {.kind = kind == SUBJECT_ADDRESS ? SUBJECT_ADDRESS : SUBJECT_DOMAIN,
			  .threat = kind == KIND_THREAT};

	text_copy(ack.domain, sizeof(ack.domain), db_column_text(statement, 1));
	text_copy(ack.application, sizeof(ack.application), db_column_text(statement, 2));
	return walk->callback(walk->context, &ack);
}

int history_acks(struct history *history, ack_callback *callback, void *context, struct failure *failure)
{
	struct ack_walk walk = {callback, context};

	return each(history, "SELECT kind, domain, application FROM acks ORDER BY time_us DESC", give_ack,
		    &walk, failure);
}

/* --- allow rules ------------------------------------------------------------------------- */

int history_allow(struct history *history, const struct allow_rule *rule, struct failure *failure)
{
	struct statement *statement;
	int error = history_need_transaction(history, failure);

	if (!error)
		error = history_kept(history, KEEP_RULE, &statement, failure);
	if (error)
		return error;
	db_bind_text(statement, 1, rule->name);
	db_bind_text(statement, 2, rule->domain);
	db_bind_text(statement, 3, rule->application);
	db_bind_text(statement, 4, rule->container);
	db_bind_text(statement, 5, rule->user);
	db_bind_integer(statement, 6, rule->uid);
	db_bind_text(statement, 7, rule->network_text);
	db_bind_integer(statement, 8, rule->port);
	db_bind_text(statement, 9, rule->reason);
	db_bind_text(statement, 10, rule->author);
	db_bind_integer(statement, 11, history_us(rule->created_ns));
	db_bind_integer(statement, 12, history_us(rule->expires_ns));
	return db_run(statement, failure);
}

int history_unallow(struct history *history, const char *name, struct failure *failure)
{
	struct statement *statement;
	int64_t gone;
	int error = history_need_transaction(history, failure);

	if (!error)
		error = history_kept(history, DROP_RULE, &statement, failure);
	if (error)
		return error;
	db_bind_text(statement, 1, name);
	error = db_run(statement, failure);
	if (error)
		return error;
	gone = db_changes(history->db);
	error = history_kept(history, DROP_HITS, &statement, failure);
	if (error || gone == 0)
		return error;
	db_bind_text(statement, 1, name);
	error = db_run(statement, failure);
	return error ? error : 1;
}

struct allow_walk {
	allow_callback *callback;
	void *context;
};

/* A network that can not be read any more must not become "any": such a rule is passed over. */
static int give_rule(struct statement *statement, void *context)
{
	struct allow_walk *walk = context;
	struct allow_rule rule = {
		.uid = (uint32_t)db_column_integer(statement, 5),
		.port = (uint16_t)db_column_integer(statement, 7),
		.created_ns = history_ns(db_column_integer(statement, 10)),
		.expires_ns = history_ns(db_column_integer(statement, 11)),
		.origin = ALLOW_FROM_COMMAND,
	};

	text_copy(rule.name, sizeof(rule.name), db_column_text(statement, 0));
	text_copy(rule.domain, sizeof(rule.domain), db_column_text(statement, 1));
	text_copy(rule.application, sizeof(rule.application), db_column_text(statement, 2));
	text_copy(rule.container, sizeof(rule.container), db_column_text(statement, 3));
	text_copy(rule.user, sizeof(rule.user), db_column_text(statement, 4));
	text_copy(rule.network_text, sizeof(rule.network_text), db_column_text(statement, 6));
	text_copy(rule.reason, sizeof(rule.reason), db_column_text(statement, 8));
	text_copy(rule.author, sizeof(rule.author), db_column_text(statement, 9));
	if (rule.network_text[0] && network_parse(rule.network_text, &rule.network))
		return 0;
	return walk->callback(walk->context, &rule);
}

int history_allowed(struct history *history, allow_callback *callback, void *context, struct failure *failure)
{
	struct allow_walk walk = {callback, context};

	return each(history,
		    "SELECT name, domain, application, container, user, uid, network, port, reason, author, "
		    "created_us, expires_us FROM allow_rules ORDER BY name",
		    give_rule, &walk, failure);
}

int history_write_hits(struct history *history, const char *name, uint64_t hits, int64_t last_ns,
		       struct failure *failure)
{
	struct statement *statement;
	int error = history_need_transaction(history, failure);

	if (!error)
		error = history_kept(history, KEEP_HITS, &statement, failure);
	if (error)
		return error;
	db_bind_text(statement, 1, name);
	db_bind_integer(statement, 2, (int64_t)hits);
	db_bind_integer(statement, 3, history_us(last_ns));
	return db_run(statement, failure);
}

struct hits_walk {
	hits_callback *callback;
	void *context;
};

static int give_hits(struct statement *statement, void *context)
{
	struct hits_walk *walk = context;

	return walk->callback(walk->context, db_column_text(statement, 0),
			      (uint64_t)db_column_integer(statement, 1),
			      history_ns(db_column_integer(statement, 2)));
}

int history_hits(struct history *history, hits_callback *callback, void *context, struct failure *failure)
{
	struct hits_walk walk = {callback, context};

	return each(history, "SELECT name, hits, last_us FROM allow_hits", give_hits, &walk, failure);
}

/* --- crawlers ----------------------------------------------------------------------------- */

static int drop_crawler(struct history *history, const char *application, struct failure *failure)
{
	struct statement *statement;
	int error = history_kept(history, DROP_CRAWLER, &statement, failure);

	if (error)
		return error;
	db_bind_text(statement, 1, application);
	return db_run(statement, failure);
}

int history_write_crawler(struct history *history, const struct crawler_state *state, struct failure *failure)
{
	const struct crawl *digest = &state->digest;
	struct statement *statement;
	int error = history_need_transaction(history, failure);

	if (!error && state->entered_ns == 0)
		return drop_crawler(history, state->application, failure);
	if (!error)
		error = history_kept(history, KEEP_CRAWLER, &statement, failure);
	if (error)
		return error;
	db_bind_text(statement, 1, state->application);
	db_bind_integer(statement, 2, history_us(state->entered_ns));
	db_bind_integer(statement, 3, history_us(state->last_over_ns));
	db_bind_text(statement, 4, state->uid);
	db_bind_integer(statement, 5, state->told);
	db_bind_integer(statement, 6, digest->phase);
	db_bind_integer(statement, 7, history_us(digest->from_ns));
	db_bind_integer(statement, 8, history_us(digest->to_ns));
	db_bind_integer(statement, 9, digest->rule_domains);
	db_bind_integer(statement, 10, digest->rule_seconds);
	db_bind_integer(statement, 11, digest->count);
	db_bind_integer(statement, 12, digest->listed);
	db_bind_text(statement, 13, digest->examples);
	db_bind_integer(statement, 14, (int64_t)state->bytes_out);
	db_bind_integer(statement, 15, (int64_t)state->bytes_in);
	return db_run(statement, failure);
}

struct crawler_walk {
	crawler_callback *callback;
	void *context;
};

static int give_crawler(struct statement *statement, void *context)
{
	struct crawler_walk *walk = context;
	struct crawler_state state = {
		.entered_ns = history_ns(db_column_integer(statement, 1)),
		.last_over_ns = history_ns(db_column_integer(statement, 2)),
		.told = db_column_integer(statement, 4) != 0,
		.bytes_out = (uint64_t)db_column_integer(statement, 13),
		.bytes_in = (uint64_t)db_column_integer(statement, 14),
	};
	struct crawl *digest = &state.digest;

	text_copy(state.application, sizeof(state.application), db_column_text(statement, 0));
	text_copy(state.uid, sizeof(state.uid), db_column_text(statement, 3));
	digest->phase = (uint8_t)db_column_integer(statement, 5);
	digest->since_ns = state.entered_ns;
	digest->from_ns = history_ns(db_column_integer(statement, 6));
	digest->to_ns = history_ns(db_column_integer(statement, 7));
	digest->rule_domains = (uint32_t)db_column_integer(statement, 8);
	digest->rule_seconds = db_column_integer(statement, 9);
	digest->count = (uint32_t)db_column_integer(statement, 10);
	digest->listed = (uint8_t)db_column_integer(statement, 11);
	digest->whole_host = !state.application[0];
	text_copy(digest->examples, sizeof(digest->examples), db_column_text(statement, 12));
	return walk->callback(walk->context, &state);
}

int history_crawlers(struct history *history, crawler_callback *callback, void *context,
		     struct failure *failure)
{
	struct crawler_walk walk = {callback, context};

	return each(history,
		    "SELECT application, entered_us, last_over_us, uid, told, phase, from_us, to_us, "
		    "rule_domains, rule_seconds, count, listed, examples, bytes_out, bytes_in FROM crawlers",
		    give_crawler, &walk, failure);
}

bool history_is_crawler(struct history *history, const char *application)
{
	struct statement *statement;
	int found;

	if (history_kept(history, IS_CRAWLER, &statement, NULL))
		return false;
	db_bind_text(statement, 1, application);
	found = db_step(statement, NULL);
	db_reset(statement);
	return found == 1;
}

/* --- the dossier's names ------------------------------------------------------------------- */

static int each_name(struct statement *statement, name_callback *callback, void *context)
{
	int found;

	while ((found = db_step(statement, NULL)) == 1)
		callback(context, db_column_text(statement, 0));
	db_reset(statement);
	return found;
}

int history_recent_domains(struct history *history, const char *application, const char *but, int64_t limit,
			   name_callback *callback, void *context)
{
	struct statement *statement;
	int error = history_kept(history, RECENT_DOMAINS, &statement, NULL);

	if (error)
		return error;
	db_bind_text(statement, 1, application);
	db_bind_text(statement, 2, but);
	db_bind_integer(statement, 3, limit);
	return each_name(statement, callback, context);
}

int history_known_to(struct history *history, enum subject_kind kind, const char *domain, const char *but,
		     int64_t limit, name_callback *callback, void *context)
{
	struct statement *statement;
	int error = history_kept(history, KNOWN_TO, &statement, NULL);

	if (error)
		return error;
	db_bind_integer(statement, 1, kind);
	db_bind_text(statement, 2, domain);
	db_bind_text(statement, 3, but);
	db_bind_integer(statement, 4, limit);
	return each_name(statement, callback, context);
}

int history_users_of(struct history *history, const char *application, int64_t limit, name_callback *callback,
		     void *context)
{
	struct statement *statement;
	int error = history_kept(history, USERS_OF, &statement, NULL);

	if (error)
		return error;
	db_bind_text(statement, 1, application);
	db_bind_integer(statement, 2, limit);
	return each_name(statement, callback, context);
}
