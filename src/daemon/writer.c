/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "daemon/writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/text.h"
#include "daemon/asking.h"
#include "daemon/compose.h"
#include "daemon/dossier.h"
#include "daemon/held.h"
#include "daemon/host.h"
#include "daemon/metering.h"
#include "daemon/outbox.h"
#include "review/review.h"

#define IDLE_WRITE_SECONDS 10 /* how often the sign of life is written while nothing happens */
#define RETRY_SECONDS 1
#define PRUNE_SECONDS 60
#define PRUNE_ROWS 128  /* a transaction; the next one follows with the next batch where more is old */
#define STOP_SECONDS 60 /* for the batches that are under way at the end, as long as they get written */
#define STOP_SECONDS_FAILING 5
#define STANDSTILL_SECONDS 60
#define SEND_NS (200 * NS_PER_MS) /* for sending, before the next batch */
#define SEND_LAST_NS (2 * NS_PER_SECOND)
#define SLOW_MS 5             /* a pause for a sink that is full */
#define PACKAGES_START_MS 500 /* how long the start waits for the first reading, some 40 ms as a rule */
#define RECENT_MOST 10        /* names in a dossier */
#define USERS_MOST 5
#define KNOWN_TO_MOST 5

/* A request of the operator, while its thread waits. */
struct request {
	size_t count;
	const char *const *words;
	char *text;
	bool done, finished;
};

struct writer {
	struct config config;
	struct history *history; /* NULL: damaged, and not recovered yet */
	struct outbox *outbox;
	writer_introduce *introduce;
	void *context;
	struct alert alert; /* about a recovery */
	struct dossier host;
	struct packages *packages; /* NULL: not wanted */
	struct enrich *enrich;     /* NULL: the DNS is not asked */
	struct held *held;
	int64_t run;
	int64_t last_write_ns, last_prune_ns;
	bool failing;           /* told to the operator already */
	uint64_t unwritten;     /* alerts that the history does not have ... */
	uint64_t unwritten_now; /* ... and those of the transaction at hand */
	struct metering metering;
	bool untold; /* a recovery may not have been told */

	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	struct batch *spare; /* empty, for the core; NULL while the writer is busy */
	struct batch *work;  /* filled, for the writer */
	struct writer_states states;
	struct request *request;
	struct config fresh;     /* its allow rules, to be taken over */
	struct allow_set *rules; /* fresh, for the core */
	uint64_t rounds;         /* of the thread */
	bool reopen, reload, stop;
	bool stuck; /* the last attempt failed */
	unsigned recoveries;
	/* the core's */
	uint64_t rounds_seen;
	int64_t rounds_seen_ns;
};

/* --- one batch ---------------------------------------------------------------- */

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
	snprintf(value, sizeof(value), "%llu",
		 (unsigned long long)(writer->unwritten + writer->unwritten_now));
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

static int write_all(struct writer *writer, const struct batch *batch, const struct writer_states *states,
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
static bool is_idle(struct writer *writer, const struct batch *batch, const struct writer_states *states)
{
	return batch_access_count(batch) == 0 && batch_alert_count(batch) == 0 &&
	       batch_binding_count(batch) == 0 && batch_crawler_count(batch) == 0 &&
	       batch_hits_count(batch) == 0 && !held_any_due(writer->held, writer->enrich) &&
	       !states->stepped && states->lost == 0 && !writer->untold &&
	       states->now_ns - writer->last_write_ns < IDLE_WRITE_SECONDS * NS_PER_SECOND &&
	       states->now_ns >= writer->last_write_ns;
}

static int prune(struct writer *writer, int64_t now_ns, int64_t before, struct failure *failure)
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

static int64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

/* What was sent stays in the outbox until this succeeds. */
static bool settle(struct writer *writer)
{
	struct failure failure;

	if (outbox_has_settled(writer->outbox))
		return true;
	if (history_begin(writer->history, &failure) == 0 &&
	    outbox_settle(writer->outbox, writer->history, &failure) == 0 &&
	    history_commit(writer->history, &failure) == 0) {
		outbox_settled(writer->outbox);
		return true;
	}
	history_rollback(writer->history);
	return false;
}

/* Sends what waits, as long as the sinks take it and the next batch is not kept waiting. */
static void send_alerts(struct writer *writer, int64_t now_ns, bool last)
{
	const struct timespec pause = {.tv_nsec = SLOW_MS * NS_PER_MS};
	int64_t until = clock_ns() + (last ? SEND_LAST_NS : SEND_NS);
	enum outbox_progress progress;

	do {
		progress = outbox_send(writer->outbox, writer->history, now_ns);
		if (!settle(writer))
			return;
		if (progress == OUTBOX_SLOW)
			nanosleep(&pause, NULL);
	} while (progress != OUTBOX_IDLE && clock_ns() < until);
}

/* --- damage --------------------------------------------------------------------- */

static int open_anew(struct writer *writer, int64_t now_ns, struct failure *failure)
{
	struct history *history;
	int64_t run;
	int error = history_open(writer->config.history_path, HISTORY_WRITE, &history, failure);

	if (error)
		return error;
	error = history_run_start(history, now_ns, &run, failure);
	if (!error)
		error = writer->introduce(writer->context, history, failure);
	if (error) {
		history_close(history);
		return error;
	}
	writer->history = history;
	writer->run = run;
	writer->untold = true;
	outbox_restart(writer->outbox, history);
	pthread_mutex_lock(&writer->lock);
	writer->recoveries++;
	pthread_mutex_unlock(&writer->lock);
	return 0;
}

/* A damaged history is given up; the next attempt to write opens it, and that recovers it. */
static void give_up_history(struct writer *writer, const char *why, const char *what)
{
	int error = history_mark_damaged(writer->history, why);

	if (error) {
		if (!writer->failing)
			log_error("history %s: it is damaged, and can not be marked so: %s",
				  writer->config.history_path, strerror(-error));
		return;
	}
	log_error("%s", what);
	history_close(writer->history);
	writer->history = NULL;
}

/* What is done once the batch is in the history: none of it may hold up the next one for long. */
static int follow_up(struct writer *writer, const struct writer_states *states, bool last,
		     struct failure *failure)
{
	int error;

	send_alerts(writer, states->now_ns, last);
	error = prune(writer, states->now_ns, states->keep_since_ns, failure);
	return error ? error : history_checkpoint(writer->history, failure);
}

/* 0, or -errno with *failure filled: then the batch is to be written again. */
static int write_batch(struct writer *writer, const struct batch *batch, const struct writer_states *states,
		       bool last, struct failure *failure)
{
	int error = writer->history ? 0 : open_anew(writer, states->now_ns, failure);

	return error ? error : write_all(writer, batch, states, last, failure);
}

static void tell_failure(struct writer *writer, const struct failure *failure)
{
	if (!writer->failing)
		log_error("%s; what was seen is kept in memory and written when it can be", failure->text);
	writer->failing = true;
}

/* False where it failed and has to be tried again. */
static bool work_off(struct writer *writer, const struct batch *batch, const struct writer_states *states,
		     bool last)
{
	struct failure failure;
	int error;

	if (states->damaged && writer->history && !writer->failing)
		give_up_history(writer, "found while reading", "the history is damaged: it is recovered now");
	writer->metering.unwritten = writer->unwritten;
	if (writer->history)
		metering_write(&writer->metering, &writer->config, writer->history, states, last);
	if (!last && writer->history && is_idle(writer, batch, states)) {
		send_alerts(writer, states->now_ns, last);
		return true;
	}
	error = write_batch(writer, batch, states, last, &failure);
	if (error == -EUCLEAN && writer->history) {
		give_up_history(writer, "found while writing", failure.text);
		error = write_batch(writer, batch, states, last, &failure);
	}
	if (error) {
		tell_failure(writer, &failure);
		if (writer->history) /* what was written before can be read all the same */
			send_alerts(writer, states->now_ns, last);
		return false;
	}
	if (writer->failing)
		log_info("the history can be written again");
	writer->failing = false;
	writer->last_write_ns = states->now_ns;
	error = follow_up(writer, states, last, &failure);
	if (error == -EUCLEAN)
		give_up_history(writer, "found while writing", failure.text);
	else if (error)
		log_error("%s", failure.text);
	return true;
}

/* --- the operator ------------------------------------------------------------------ */

static int load_rules(struct writer *writer, struct allow_set **out, struct failure *failure)
{
	if (!writer->history)
		return failure_set(failure, -EAGAIN, "the history is being recovered");
	return review_load(writer->history, &writer->config, out, failure);
}

/* Gives the core the rules as they are now. Called without the lock. */
static void publish_rules(struct writer *writer)
{
	struct failure failure = {{0}};
	struct allow_set *fresh = NULL;

	if (!writer->history)
		return; /* the core keeps those it has */
	if (load_rules(writer, &fresh, &failure)) {
		log_error("the allow rules can not be read, the old ones stay: %s", failure.text);
		return;
	}
	pthread_mutex_lock(&writer->lock);
	allow_set_free(writer->rules);
	writer->rules = fresh;
	pthread_mutex_unlock(&writer->lock);
}

static void carry_out(struct writer *writer, struct request *request)
{
	struct failure failure = {{0}};
	int result = writer->history
			     ? history_begin(writer->history, &failure)
			     : failure_set(&failure, -EAGAIN, "the history is being recovered: try again");

	if (!result)
		result = review_apply(writer->history, &writer->config, request->count, request->words,
				      host_now(), request->text, &failure);
	if (result == 1) {
		int error = history_commit(writer->history, &failure);

		result = error ? error : 1;
	}
	if (result != 1 && writer->history)
		history_rollback(writer->history);
	if (result < 0)
		text_copy(request->text, WRITER_ANSWER_MAX, failure.text);
	if (result == 1)
		log_info("%s %s: %s", request->words[0], request->words[1], request->text);
	request->done = result == 1;
	if (request->done)
		publish_rules(writer);
}

bool writer_ask(struct writer *writer, size_t count, const char *const *words,
		char text[static WRITER_ANSWER_MAX])
{
	struct request request = {.count = count, .words = words, .text = text};

	text[0] = '\0';
	pthread_mutex_lock(&writer->lock);
	if (writer->stop) {
		text_copy(text, WRITER_ANSWER_MAX, "the daemon is stopping");
	} else {
		writer->request = &request;
		pthread_cond_broadcast(&writer->changed);
		while (!request.finished)
			pthread_cond_wait(&writer->changed, &writer->lock);
	}
	pthread_mutex_unlock(&writer->lock);
	return request.done;
}

void writer_configure(struct writer *writer, const struct config *config)
{
	asking_configure(writer->enrich, config);
	pthread_mutex_lock(&writer->lock);
	memcpy(writer->fresh.allow, config->allow, sizeof(config->allow));
	writer->fresh.allow_count = config->allow_count;
	writer->reload = true;
	pthread_cond_broadcast(&writer->changed);
	pthread_mutex_unlock(&writer->lock);
}

struct allow_set *writer_take_rules(struct writer *writer)
{
	struct allow_set *rules = NULL;

	if (pthread_mutex_trylock(&writer->lock))
		return NULL;
	rules = writer->rules;
	writer->rules = NULL;
	pthread_mutex_unlock(&writer->lock);
	return rules;
}

/* --- the thread ----------------------------------------------------------------- */

static void wait_a_second(struct writer *writer)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += RETRY_SECONDS;
	pthread_cond_timedwait(&writer->changed, &writer->lock, &until);
}

static void *run(void *context)
{
	struct writer *writer = context;
	bool done = false;

	pthread_mutex_lock(&writer->lock);
	while (!done) {
		struct writer_states states;
		struct request *request;
		struct batch *work;
		bool reopen, last, written, reload;

		while (!writer->work && !writer->reopen && !writer->reload && !writer->request)
			pthread_cond_wait(&writer->changed, &writer->lock);
		writer->rounds++;
		work = writer->work;
		states = writer->states;
		reopen = writer->reopen;
		last = writer->stop;
		reload = writer->reload;
		request = writer->request;
		writer->request = NULL;
		writer->reopen = writer->reload = false;
		if (reload) {
			memcpy(writer->config.allow, writer->fresh.allow, sizeof(writer->config.allow));
			writer->config.allow_count = writer->fresh.allow_count;
		}
		pthread_mutex_unlock(&writer->lock);
		if (reload)
			publish_rules(writer);
		if (request)
			carry_out(writer, request);
		if (reopen)
			outbox_reopen(writer->outbox, host_now());
		if (work)
			asking_states(writer->enrich, &states);
		written = work && work_off(writer, work, &states, last);
		pthread_mutex_lock(&writer->lock);
		if (request) {
			request->finished = true;
			pthread_cond_broadcast(&writer->changed);
		}
		if (written) {
			batch_clear(work);
			writer->spare = work;
			writer->work = NULL;
			pthread_cond_broadcast(&writer->changed);
		}
		writer->stuck = work && !written;
		if (writer->stuck && !last) {
			wait_a_second(writer);
		}
		done = last; /* what can not be written at the end is lost with the process, and was told */
	}
	pthread_mutex_unlock(&writer->lock);
	return NULL;
}

static int init_lock(struct writer *writer)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&writer->lock, NULL);
	return pthread_cond_init(&writer->changed, &monotonic);
}

/* An alert without its package is better than none: what fails here is only said. */
static struct packages *open_packages(const struct config *config)
{
	struct packages_settings settings = {.root = "", .proc = "/proc", .rpm = "/usr/bin/rpm"};
	struct packages *packages = NULL;
	struct package_answer ignored;
	struct failure failure;

	if (config->packages && packages_open(&settings, &packages, &failure))
		log_warning("alerts will not name packages: %s", failure.text);
	if (packages) /* so that the first alert has them as well */
		packages_find(packages, "/bin/sh", PACKAGES_START_MS, &ignored);
	return packages;
}

int writer_start(const struct config *config, struct history *history, int64_t run_id, struct batch *batch,
		 writer_introduce *introduce, void *context, struct writer **out, struct failure *failure)
{
	struct writer *writer = calloc(1, sizeof(*writer));
	int error;

	if (!writer)
		return failure_set(failure, -ENOMEM, "out of memory");
	writer->config = *config;
	writer->run = run_id;
	writer->metering.started_ns = host_now();
	writer->introduce = introduce;
	writer->context = context;
	writer->untold = true;
	host_identity(&writer->host);
	error = held_new(&writer->held);
	if (error)
		failure_set(failure, error, "out of memory");
	else
		error = outbox_open(config, history, &writer->outbox, failure);
	if (error) {
		held_free(writer->held);
		free(writer);
		return error;
	}
	writer->history = history;
	writer->spare = batch;
	init_lock(writer);
	writer->packages = open_packages(config);
	writer->enrich = asking_open(config);
	error = pthread_create(&writer->thread, NULL, run, writer);
	if (error) {
		enrich_close(writer->enrich);
		packages_close(writer->packages);
		outbox_close(writer->outbox);
		held_free(writer->held);
		free(writer);
		return failure_set(failure, -error, "can not start the writer thread: %s", strerror(error));
	}
	*out = writer;
	return 0;
}

struct batch *writer_exchange(struct writer *writer, struct batch *filled, const struct writer_states *states)
{
	struct batch *spare;

	pthread_mutex_lock(&writer->lock);
	spare = writer->spare;
	if (spare) {
		writer->spare = NULL;
		writer->work = filled;
		writer->states = *states;
		pthread_cond_broadcast(&writer->changed);
	}
	pthread_mutex_unlock(&writer->lock);
	return spare;
}

unsigned writer_recoveries(struct writer *writer)
{
	unsigned recoveries;

	pthread_mutex_lock(&writer->lock);
	recoveries = writer->recoveries;
	pthread_mutex_unlock(&writer->lock);
	return recoveries;
}

bool writer_moves(struct writer *writer, int64_t now_ns)
{
	uint64_t rounds = writer->rounds_seen;

	if (pthread_mutex_trylock(&writer->lock) == 0) {
		/* One that waits for work does not stand still. */
		rounds = writer->work || writer->request ? writer->rounds : rounds + 1;
		pthread_mutex_unlock(&writer->lock);
	}
	if (rounds != writer->rounds_seen || writer->rounds_seen_ns == 0) {
		writer->rounds_seen = rounds;
		writer->rounds_seen_ns = now_ns;
	}
	return now_ns - writer->rounds_seen_ns < STANDSTILL_SECONDS * NS_PER_SECOND;
}

bool writer_owns_socket(const struct writer *writer, uint64_t cookie)
{
	return writer->enrich && enrich_owns_socket(writer->enrich, cookie);
}

void writer_reopen(struct writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	writer->reopen = true;
	pthread_cond_broadcast(&writer->changed);
	pthread_mutex_unlock(&writer->lock);
}

void writer_stop(struct writer *writer, struct batch *last, const struct writer_states *states)
{
	int64_t from = host_now();
	int failing = 0;

	pthread_mutex_lock(&writer->lock);
	/* A slow disk is waited for; one that fails shall not hold up the end for ever. */
	while (!writer->spare && failing < STOP_SECONDS_FAILING &&
	       host_now() - from < STOP_SECONDS * NS_PER_SECOND) {
		wait_a_second(writer);
		failing = writer->stuck ? failing + 1 : 0;
	}
	if (writer->spare) {
		batch_free(writer->spare);
		writer->spare = NULL;
		writer->work = last;
		writer->states = *states;
	} else {
		log_error("the history can not be written: %zu accesses and %zu alerts are lost",
			  batch_access_count(last), batch_alert_count(last));
		batch_free(last);
	}
	writer->stop = true;
	pthread_cond_broadcast(&writer->changed);
	pthread_mutex_unlock(&writer->lock);
	pthread_join(writer->thread, NULL);
	batch_free(writer->spare);
	batch_free(writer->work);
	allow_set_free(writer->rules);
	enrich_close(writer->enrich);
	packages_close(writer->packages);
	outbox_close(writer->outbox);
	held_free(writer->held);
	history_close(writer->history);
	pthread_cond_destroy(&writer->changed);
	pthread_mutex_destroy(&writer->lock);
	free(writer);
}
