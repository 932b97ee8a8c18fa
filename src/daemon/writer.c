/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "daemon/writer_internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "daemon/asking.h"
#include "daemon/held.h"
#include "daemon/host.h"
#include "daemon/metering.h"
#include "daemon/outbox.h"
#include "review/review.h"

#define RETRY_SECONDS 1
#define STOP_SECONDS 60 /* for the batches that are under way at the end, as long as they get written */
#define STOP_SECONDS_FAILING 5
#define STANDSTILL_SECONDS 60
#define SEND_NS (200 * NS_PER_MS) /* for sending, before the next batch */
#define SEND_LAST_NS (2 * NS_PER_SECOND)
#define SLOW_MS 5                          /* a pause for a sink that is full */
#define LOG_TOLD_LEAST (INT64_C(64) << 20) /* bytes of a log that nobody would expect */
#define PACKAGES_START_MS 500 /* how long the start waits for the first reading, some 40 ms as a rule */

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
	int64_t until = clock_ns(CLOCK_MONOTONIC) + (last ? SEND_LAST_NS : SEND_NS);
	enum outbox_progress progress;

	do {
		progress = outbox_send(writer->outbox, writer->history, now_ns);
		if (!settle(writer))
			return;
		if (progress == OUTBOX_SLOW)
			nanosleep(&pause, NULL);
	} while (progress != OUTBOX_IDLE && clock_ns(CLOCK_MONOTONIC) < until);
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

/* A reader who stands still, a pager with an export behind it, keeps the log from becoming shorter. */
static void tell_log(struct writer *writer)
{
	int64_t length = history_log_bytes(writer->history);

	if (length >= writer->log_told * 2) {
		log_warning("history %s: its log (%s-wal) has grown to %lld MiB, since programs read the "
			    "history and do not come to an end; fuser -v names who has it open",
			    writer->config.history_path, writer->config.history_path,
			    (long long)(length >> 20));
		writer->log_told = length;
	} else if (length < LOG_TOLD_LEAST && writer->log_told > LOG_TOLD_LEAST / 2) {
		log_info("history %s: its log is short again", writer->config.history_path);
		writer->log_told = LOG_TOLD_LEAST / 2;
	}
}

/* What is done once the batch is in the history: none of it may hold up the next one for long. */
static int follow_up(struct writer *writer, const struct writer_states *states, bool last,
		     struct failure *failure)
{
	int error;

	send_alerts(writer, states->now_ns, last);
	error = writer_prune(writer, states->now_ns, states->keep_since_ns, failure);
	if (!error)
		error = history_checkpoint(writer->history, failure);
	if (!error)
		tell_log(writer);
	return error;
}

/* 0, or -errno with *failure filled: then the batch is to be written again. */
static int write_batch(struct writer *writer, const struct batch *batch, const struct writer_states *states,
		       bool last, struct failure *failure)
{
	int error = writer->history ? 0 : open_anew(writer, states->now_ns, failure);

	return error ? error : writer_write_batch(writer, batch, states, last, failure);
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
	if (!last && writer->history && writer_is_idle(writer, batch, states)) {
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
/* Without a history that can be read the core keeps those it has, and the next round tries again. */
static void publish_rules(struct writer *writer, bool again)
{
	struct failure failure = {{0}};
	struct allow_set *fresh = NULL;

	if (!writer->history)
		return;
	if (load_rules(writer, &fresh, &failure)) {
		if (!again)
			log_error("the allow rules can not be read, the old ones stay until they can: %s",
				  failure.text);
		pthread_mutex_lock(&writer->lock);
		writer->unpublished = true;
		pthread_mutex_unlock(&writer->lock);
		return;
	}
	pthread_mutex_lock(&writer->lock);
	allow_set_free(writer->rules);
	writer->rules = fresh;
	writer->unpublished = writer->reload; /* yet another configuration may have come */
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
		publish_rules(writer, false);
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
	writer->fresh.window_seconds = config->window_seconds;
	memcpy(writer->fresh.allow, config->allow, sizeof(config->allow));
	writer->fresh.allow_count = config->allow_count;
	writer->reload = writer->unpublished = true;
	pthread_cond_broadcast(&writer->changed);
	pthread_mutex_unlock(&writer->lock);
}

bool writer_take_rules(struct writer *writer, struct allow_set **out)
{
	bool all;

	*out = NULL;
	if (pthread_mutex_trylock(&writer->lock))
		return false;
	*out = writer->rules;
	writer->rules = NULL;
	all = !writer->unpublished;
	pthread_mutex_unlock(&writer->lock);
	return all;
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
		bool reopen, last, written, reload, publish;

		while (!writer->work && !writer->reopen && !writer->reload && !writer->request &&
		       !writer->stop)
			pthread_cond_wait(&writer->changed, &writer->lock);
		writer->rounds++;
		work = writer->work;
		states = writer->states;
		reopen = writer->reopen;
		last = writer->stop;
		reload = writer->reload;
		publish = writer->unpublished;
		request = writer->request;
		writer->request = NULL;
		writer->reopen = writer->reload = false;
		if (reload) {
			writer->config.window_seconds = writer->fresh.window_seconds;
			memcpy(writer->config.allow, writer->fresh.allow, sizeof(writer->config.allow));
			writer->config.allow_count = writer->fresh.allow_count;
		}
		pthread_mutex_unlock(&writer->lock);
		if (publish)
			publish_rules(writer, !reload);
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
	writer->log_told = LOG_TOLD_LEAST / 2;
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

void writer_add_state(struct writer_states *states, const char *name, uint64_t value)
{
	if (states->count == WRITER_STATES_MAX || !name)
		return;
	states->items[states->count].name = name;
	states->items[states->count++].value = value;
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
	int64_t from = clock_ns(CLOCK_MONOTONIC); /* not the wall clock: that may be set meanwhile */
	int failing = 0;

	pthread_mutex_lock(&writer->lock);
	/* A slow disk is waited for; one that fails shall not hold up the end for ever. */
	while (!writer->spare && failing < STOP_SECONDS_FAILING &&
	       clock_ns(CLOCK_MONOTONIC) - from < STOP_SECONDS * NS_PER_SECOND) {
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
