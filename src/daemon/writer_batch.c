/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "daemon/writer_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "daemon/compose.h"
#include "daemon/dossier.h"
#include "daemon/held.h"
#include "daemon/host.h"
#include "daemon/outbox.h"

#define IDLE_WRITE_SECONDS 10 /* how often the sign of life is written while nothing happens */
#define PRUNE_SECONDS 60
#define PRUNE_ROWS 128 /* a transaction; the next one follows with the next batch where more is old */
#define RECENT_MOST 10 /* names in a dossier */
#define USERS_MOST 5
#define KNOWN_TO_MOST 5

static int application_facts(void *context, const struct application_row *row)
{
	struct dossier *dossier = context;

	dossier->application_first_ns = row->first_ns;
	dossier->application_domains = row->domains;
	dossier->application_connections = row->connections;
	return 1;
}

/* Adds a name to a list that is one text, while it fits whole. */
static void add_name(char *text, size_t size, const char *name, char separator)
{
	size_t used = strlen(text);

	if (used + strlen(name) + 2 > size)
		return;
	snprintf(text + used, size - used, "%.*s%s", used ? 1 : 0, &separator, name);
}

static void add_recent(void *context, const char *name)
{
	struct dossier *dossier = context;

	add_name(dossier->application_recent, sizeof(dossier->application_recent), name, ' ');
}

static void add_known_to(void *context, const char *name)
{
	struct dossier *dossier = context;

	add_name(dossier->known_to, sizeof(dossier->known_to), name, '\n');
}

static void add_user(void *context, const char *uid)
{
	struct dossier *dossier = context;
	char name[USER_NAME_MAX];

	host_user_name((uint32_t)strtoul(uid, NULL, 10), name);
	add_name(dossier->application_users, sizeof(dossier->application_users), name[0] ? name : uid, ' ');
}

/* What else the program does, and who else knows the domain. Failures leave it out: the alert goes first. */
static void add_relations(struct writer *writer, const struct alert *alert, struct dossier *dossier)
{
	const char *application = alert->process.application;

	if (application[0]) {
		dossier->application_crawler = history_is_crawler(writer->history, application);
		(void)history_recent_domains(writer->history, application, alert->domain, RECENT_MOST,
					     add_recent, dossier);
		(void)history_users_of(writer->history, application, USERS_MOST, add_user, dossier);
	}
	if (alert->domain[0])
		(void)history_known_to(writer->history, alert->subject, alert->domain, application,
				       KNOWN_TO_MOST, add_known_to, dossier);
}

static void complete(struct writer *writer, const struct alert *alert, struct dossier *dossier)
{
	struct history_filter filter = {.application = alert->process.application, .limit = 1};
	struct failure ignored;

	*dossier = writer->host;
	text_copy(dossier->product_version, sizeof(dossier->product_version), FIRSTSEEN_VERSION);
	(void)dossier_remote(writer->enrich, alert, alert->revision > 0, dossier);
	add_relations(writer, alert, dossier);
	dossier_packages(writer->packages, alert, dossier);
	if (!alert->process_known)
		return;
	host_user_name(alert->process.owner.uid, dossier->user);
	host_user_name(alert->process.login_uid, dossier->login_user);
	if (alert->process.application[0])
		history_applications(writer->history, &filter, application_facts, dossier, &ignored);
}

static int lose_alert(struct writer *writer, const struct alert *alert, const char *why)
{
	log_error("an alert is lost: %s, uid %s, domain %s: %s", alert_kind_name(alert->kind), alert->uid,
		  alert->domain, why);
	writer->unwritten_now++;
	return 0;
}

/* One alert that can not be written never holds up those behind it. */
static int write_alert(struct writer *writer, const struct alert *alert, struct failure *failure)
{
	struct dossier dossier;
	struct composed composed;
	const struct outbox_texts texts = {.short_line = composed.short_line, .message = composed.message};
	int form, error;

	complete(writer, alert, &dossier);
	form = compose_alert(writer->config.format, alert, &dossier, &composed);
	if (form < 0)
		return lose_alert(writer, alert, "it can not be rendered");
	if (form == COMPOSED_SMALLEST)
		log_warning("the alert %s could only be rendered in its smallest form", alert->uid);
	error = history_write_alert(writer->history, alert, composed.line,
				    writer->config.sink_count > 0 ? &texts : NULL, failure);
	if (error == -EINVAL || error == -EMSGSIZE) /* about this row, not about the disk */
		return lose_alert(writer, alert, failure->text);
	return error;
}

static int write_alerts(struct writer *writer, const struct batch *batch, bool last, struct failure *failure)
{
	const struct alert *alert;
	int error = 0;

	for (size_t i = 0; i < batch_alert_count(batch) && !error; i++) {
		alert = batch_alert_at(batch, i);
		if (!held_take(writer->held, writer->enrich, alert, last))
			error = write_alert(writer, alert, failure);
	}
	while (!error && (alert = held_next(writer->held, writer->enrich, last)))
		error = write_alert(writer, alert, failure);
	return error;
}

static int write_states(struct writer *writer, const struct writer_states *states, struct failure *failure)
{
	char value[32];
	int error = 0;

	for (size_t i = 0; i < states->count && !error; i++) {
		snprintf(value, sizeof(value), "%llu", (unsigned long long)states->items[i].value);
		error = history_write_state(writer->history, states->items[i].name, value, failure);
	}
	snprintf(value, sizeof(value), "%" PRIu64, writer->unwritten + writer->unwritten_now);
	if (!error)
		error = history_write_state(writer->history, "alerts_unwritten", value, failure);
	snprintf(value, sizeof(value), "%lld", (long long)states->now_ns);
	if (!error)
		error = history_write_state(writer->history, "heartbeat", value, failure);
	if (!error)
		error = history_write_state(writer->history, "clock_steps", states->clock_steps, failure);
	if (!error && states->lost)
		error = history_write_gap(writer->history, states->lost_from_ns, states->now_ns,
					  "records lost in the kernel", states->lost, failure);
	if (!error && states->unheld)
		error = history_write_gap(writer->history, states->lost_from_ns, states->now_ns,
					  "more was new than could be written", states->unheld, failure);
	if (!error && states->unwatched)
		error = history_write_gap(writer->history, states->unwatched_from_ns, states->now_ns,
					  states->unwatched, 0, failure);
	return error;
}

/* A recovery of the history, by this daemon or when it was opened, is told in the first transaction. */
static int tell_recovery(struct writer *writer, struct failure *failure)
{
	struct alert *alert = &writer->alert;
	struct history_recovery recovery;
	int found = history_recovery(writer->history, &recovery, failure);
	int error;

	if (found <= 0)
		return found;
	memset(alert, 0, sizeof(*alert));
	text_copy(alert->uid, sizeof(alert->uid), recovery.uid);
	text_copy(alert->message, sizeof(alert->message), recovery.message);
	alert->kind = ALERT_HISTORY_RECOVERED;
	alert->severity = recovery.baseline_lost ? SEVERITY_HIGH : SEVERITY_MEDIUM;
	alert->time_ns = recovery.time_ns;
	alert->window_seconds = writer->config.window_seconds;
	alert->coverage = -1;
	error = write_alert(writer, alert, failure);
	if (!error)
		log_warning("%s", recovery.message);
	return error ? error : history_recovery_told(writer->history, failure);
}

/* Crawlers, and how often rules hit. */
static int write_judgement(struct writer *writer, const struct batch *batch, struct failure *failure)
{
	int error = 0;

	for (size_t i = 0; i < batch_crawler_count(batch) && !error; i++)
		error = history_write_crawler(writer->history, batch_crawler_at(batch, i), failure);
	for (size_t i = 0; i < batch_hits_count(batch) && !error; i++) {
		const struct batch_hits *hits = batch_hits_at(batch, i);

		error = history_write_hits(writer->history, hits->rule, hits->hits, hits->last_ns, failure);
	}
	return error;
}

/* Time that the clock jumped over was not watched. */
static int new_run(struct writer *writer, const struct writer_states *states, int64_t *run,
		   struct failure *failure)
{
	int error = history_run_seen(writer->history, writer->run, states->step_from_ns, true, failure);

	return error ? error : history_run_start(writer->history, states->step_to_ns, run, failure);
}

int writer_write_batch(struct writer *writer, const struct batch *batch, const struct writer_states *states,
		       bool last, struct failure *failure)
{
	int64_t run = writer->run;
	int error = history_begin(writer->history, failure);

	writer->unwritten_now = 0;
	if (error)
		return error;
	if (writer->untold)
		error = tell_recovery(writer, failure);
	if (!error && states->stepped)
		error = new_run(writer, states, &run, failure);
	if (!error)
		error = history_write_accesses(writer->history, batch, failure);
	if (!error)
		error = history_write_bindings(writer->history, batch, host_boot(), failure);
	if (!error)
		error = write_judgement(writer, batch, failure);
	if (!error)
		error = write_alerts(writer, batch, last, failure);
	if (!error)
		error = write_states(writer, states, failure);
	if (!error)
		error = history_run_seen(writer->history, run, states->now_ns, last, failure);
	if (!error)
		error = history_commit(writer->history, failure);
	if (error) {
		history_rollback(writer->history);
		held_keep(writer->held);
		return error;
	}
	held_forget(writer->held);
	writer->run = run;
	writer->untold = false;
	writer->unwritten += writer->unwritten_now;
	return 0;
}

/* Nothing happened: a sign of life now and then is enough, and the disk may sleep. */
bool writer_is_idle(struct writer *writer, const struct batch *batch, const struct writer_states *states)
{
	return batch_access_count(batch) == 0 && batch_alert_count(batch) == 0 &&
	       batch_binding_count(batch) == 0 && batch_crawler_count(batch) == 0 &&
	       batch_hits_count(batch) == 0 && !held_any_due(writer->held, writer->enrich) &&
	       !states->stepped && states->lost == 0 && states->unheld == 0 && !writer->untold &&
	       states->now_ns - writer->last_write_ns < IDLE_WRITE_SECONDS * NS_PER_SECOND &&
	       states->now_ns >= writer->last_write_ns;
}

int writer_prune(struct writer *writer, int64_t now_ns, int64_t before, struct failure *failure)
{
	int64_t gone;

	if (now_ns - writer->last_prune_ns < PRUNE_SECONDS * NS_PER_SECOND && now_ns >= writer->last_prune_ns)
		return 0;
	gone = history_prune(writer->history, before, PRUNE_ROWS, failure);
	if (gone < 0)
		return (int)gone;
	if (gone < PRUNE_ROWS)
		writer->last_prune_ns = now_ns;
	return 0;
}
