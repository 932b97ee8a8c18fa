/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "daemon/outbox.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "sink/sink.h"

#define SLOW_NS (5 * NS_PER_SECOND) /* a reader that is only busy is no news so long */
#define DROP_MOST 2048              /* rows dropped in one transaction */
#define FORGET_MOST 32              /* former sinks, at a start */

struct outlet {
	struct sink *sink;
	int64_t taken; /* the last id that it took ... */
	int64_t sent;  /* ... and that will stay there */
	uint64_t dropped, refused;
	uint64_t dropped_now; /* since it is down */
	int64_t down_since_ns;
	char why[160];
	bool told; /* the operator knows that it is down */
	bool flush_failed;
	int64_t unread; /* bytes that the log had to read at the last look */
	bool changed;   /* since the history was told */
};

struct outbox {
	uint32_t count;
	struct outlet outlets[CONFIG_SINKS_MAX];
	int64_t most;           /* rows that may wait */
	int64_t oldest, newest; /* ids that wait; 0: none */
	bool unreadable;        /* told to the operator already */
};

/* --- opening ------------------------------------------------------------------------- */

struct former {
	struct outbox *outbox;
	size_t count;
	char *names[FORGET_MOST]; /* sinks that are set no more */
};

static int take_mark(void *context, const struct sink_row *row)
{
	struct former *former = context;

	for (uint32_t i = 0; i < former->outbox->count; i++) {
		struct outlet *outlet = &former->outbox->outlets[i];

		if (strcmp(sink_name(outlet->sink), row->name) != 0)
			continue;
		outlet->taken = outlet->sent = row->sent;
		outlet->dropped = row->dropped;
		outlet->refused = row->refused;
		outlet->down_since_ns = row->down_since_ns;
		text_copy(outlet->why, sizeof(outlet->why), row->why);
		return 0;
	}
	if (former->count < FORGET_MOST && (former->names[former->count] = strdup(row->name)))
		former->count++;
	return 0;
}

static int keep_mark(const struct outlet *outlet, struct history *history, struct failure *failure)
{
	const struct sink_row row = {
		.name = sink_name(outlet->sink),
		.sent = outlet->sent,
		.dropped = outlet->dropped,
		.refused = outlet->refused,
		.down_since_ns = outlet->down_since_ns,
		.why = outlet->why,
	};

	return history_keep_sink(history, &row, failure);
}

/* What is kept of the sinks becomes that of the sinks that are set. */
static int exchange_marks(struct outbox *outbox, struct history *history, struct failure *failure)
{
	struct former former = {.outbox = outbox};
	int error = history_sinks(history, take_mark, &former, failure);

	if (!error)
		error = history_begin(history, failure);
	for (size_t i = 0; i < former.count && !error; i++)
		error = history_forget_sink(history, former.names[i], failure);
	for (uint32_t i = 0; i < outbox->count && !error; i++)
		error = keep_mark(&outbox->outlets[i], history, failure);
	if (!error)
		error = history_commit(history, failure);
	if (error)
		history_rollback(history);
	for (size_t i = 0; i < former.count; i++)
		free(former.names[i]);
	return error;
}

int outbox_open(const struct config *config, struct history *history, struct outbox **out,
		struct failure *failure)
{
	struct outbox *outbox = calloc(1, sizeof(*outbox));
	int error = 0;

	if (!outbox)
		return failure_set(failure, -ENOMEM, "out of memory");
	outbox->most = config->waiting_most;
	for (uint32_t i = 0; i < config->sink_count && !error; i++) {
		error = sink_open(&config->sinks[i], config->syslog_cee, &outbox->outlets[i].sink, failure);
		if (!error)
			outbox->count++;
	}
	if (!error)
		error = exchange_marks(outbox, history, failure);
	if (error) {
		outbox_close(outbox);
		return error;
	}
	*out = outbox;
	return 0;
}

void outbox_close(struct outbox *outbox)
{
	if (!outbox)
		return;
	for (uint32_t i = 0; i < outbox->count; i++)
		sink_close(outbox->outlets[i].sink);
	free(outbox);
}

/* --- telling the operator --------------------------------------------------------------- */

static void note_down(struct outlet *outlet, int error, const char *why, int64_t now_ns)
{
	if (!outlet->down_since_ns) {
		outlet->down_since_ns = now_ns;
		outlet->changed = true;
	}
	if (strcmp(outlet->why, why) != 0) {
		text_copy(outlet->why, sizeof(outlet->why), why);
		outlet->changed = true;
	}
	if (outlet->told || (error == -EAGAIN && now_ns - outlet->down_since_ns < SLOW_NS))
		return;
	log_warning("alerts wait: %s: %s; they stay in the history until it takes them",
		    sink_name(outlet->sink), why);
	outlet->told = true;
}

static void note_up(struct outlet *outlet)
{
	if (!outlet->down_since_ns)
		return;
	if (outlet->dropped_now)
		log_warning("%s takes alerts again; %" PRIu64
			    " were dropped while it did not: the history has them",
			    sink_name(outlet->sink), outlet->dropped_now);
	else if (outlet->told)
		log_info("%s takes alerts again", sink_name(outlet->sink));
	outlet->down_since_ns = 0;
	outlet->dropped_now = 0;
	outlet->why[0] = '\0';
	outlet->told = false;
	outlet->changed = true;
}

static void note_dropped(struct outlet *outlet, uint64_t count, int64_t most)
{
	if (!outlet->dropped_now)
		log_warning("%s: more than %" PRId64
			    " alerts wait for it: the oldest are dropped; the history keeps them",
			    sink_name(outlet->sink), most);
	outlet->dropped += count;
	outlet->dropped_now += count;
	outlet->changed = true;
}

static void note_refused(struct outlet *outlet, const struct outbox_row *row, const char *why)
{
	log_error("the alert %s never goes to %s: %s; the history keeps it", row->uid,
		  sink_name(outlet->sink), why);
	outlet->refused++;
}

/* --- sending -------------------------------------------------------------------------- */

struct chunk {
	struct outlet *outlet;
	int64_t now_ns;
	size_t rows, taken;
	int error;
};

/* One line of JSON, as far as it can be told without reading it: a damaged row must not look like an alert.
 */
static bool is_line(const char *text, size_t most)
{
	size_t length = strlen(text);

	if (length < 2 || length >= most || text[0] != '{' || text[length - 1] != '}')
		return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < 0x20)
			return false;
	return true;
}

static int send_row(void *context, const struct outbox_row *row)
{
	struct chunk *chunk = context;
	const struct sink_alert alert = {
		.line = row->line,
		.short_line = row->short_line,
		.message = row->message,
		.uid = row->uid,
		.kind = row->kind,
		.domain = row->domain,
		.hostname = row->hostname,
		.application = row->application,
		.severity = (enum alert_severity)row->severity,
		.revision = row->revision,
	};
	struct failure failure = {{0}};
	int error;

	chunk->rows++;
	if (!is_line(row->line, RENDER_MAX) ||
	    (row->short_line[0] && !is_line(row->short_line, RENDER_SYSLOG_MAX)))
		error = failure_set(&failure, -EMSGSIZE, "its text is damaged");
	else
		error = sink_write(chunk->outlet->sink, &alert, &failure);
	if (error == -EMSGSIZE) {
		note_refused(chunk->outlet, row, failure.text);
	} else if (error) {
		note_down(chunk->outlet, error, failure.text, chunk->now_ns);
		chunk->error = error;
		return 1;
	} else {
		note_up(chunk->outlet);
		chunk->taken++;
	}
	chunk->outlet->taken = row->id;
	return 0;
}

/*
 * What a log did not read before it ended is sent again; what a disk did not keep as well, but once: a
 * disk that never says yes shall not get it for ever. Returns how many bytes a log has to read yet.
 */
static int64_t flush(struct outlet *outlet, int64_t now_ns)
{
	struct failure failure;
	int64_t left = sink_flush(outlet->sink, &failure);

	if (left > 0)
		return left;
	if (left < 0 && (left == -ECONNRESET || !outlet->flush_failed)) {
		if (!outlet->down_since_ns)
			note_down(outlet, (int)left, failure.text, now_ns);
		outlet->taken = outlet->sent;
	}
	outlet->flush_failed = left < 0;
	if (outlet->sent != outlet->taken)
		outlet->changed = true;
	outlet->sent = outlet->taken;
	return 0;
}

/* As many went out as may come twice, and are not read yet. Goes on when they are. */
static enum outbox_progress wait_for_reader(struct outlet *outlet, int64_t unread, int64_t now_ns)
{
	bool reads = unread != outlet->unread;

	outlet->unread = unread;
	if (!reads)
		note_down(outlet, -EAGAIN, "it does not read what it got", now_ns);
	return reads ? OUTBOX_SLOW : OUTBOX_IDLE;
}

static enum outbox_progress send_chunk(struct outbox *outbox, struct outlet *outlet, struct history *history,
				       int64_t now_ns)
{
	struct chunk chunk = {.outlet = outlet, .now_ns = now_ns};
	struct failure failure;
	int64_t unread = outlet->sent < outlet->taken ? flush(outlet, now_ns) : 0;
	int64_t room = OUTBOX_CHUNK - (outlet->taken - outlet->sent);
	int found;

	if (outlet->taken >= outbox->newest)
		return OUTBOX_IDLE;
	if (room <= 0)
		return wait_for_reader(outlet, unread, now_ns);
	found = history_outbox(history, outlet->taken, (size_t)room, send_row, &chunk, &failure);
	if (found < 0 && !outbox->unreadable)
		log_error("%s", failure.text);
	outbox->unreadable = found < 0;
	outlet->unread = flush(outlet, now_ns);
	if (chunk.error)
		return chunk.error == -EAGAIN && chunk.taken ? OUTBOX_SLOW : OUTBOX_IDLE;
	if (chunk.rows < (size_t)room)
		return OUTBOX_IDLE;
	return outlet->unread ? OUTBOX_SLOW : OUTBOX_MORE;
}

enum outbox_progress outbox_send(struct outbox *outbox, struct history *history, int64_t now_ns)
{
	enum outbox_progress progress = OUTBOX_IDLE;

	if (history_outbox_ends(history, &outbox->oldest, &outbox->newest, NULL))
		return OUTBOX_IDLE;
	for (uint32_t i = 0; i < outbox->count; i++) {
		enum outbox_progress one = OUTBOX_IDLE;

		if (outbox->outlets[i].sent < outbox->newest)
			one = send_chunk(outbox, &outbox->outlets[i], history, now_ns);
		if (one > progress)
			progress = one;
	}
	return progress;
}

/* --- settling -------------------------------------------------------------------------- */

/* Up to there every sink has what waits, or never gets it. */
static int64_t sent_by_all(const struct outbox *outbox)
{
	int64_t least = outbox->count ? INT64_MAX : 0;

	for (uint32_t i = 0; i < outbox->count; i++)
		if (outbox->outlets[i].sent < least)
			least = outbox->outlets[i].sent;
	return least;
}

/* More waits for a sink that takes nothing than may. One that takes what it gets is only busy. */
static bool is_behind(const struct outbox *outbox, const struct outlet *outlet)
{
	return outlet->down_since_ns && outlet->sent < outbox->newest - outbox->most;
}

bool outbox_has_settled(const struct outbox *outbox)
{
	for (uint32_t i = 0; i < outbox->count; i++)
		if (outbox->outlets[i].changed || is_behind(outbox, &outbox->outlets[i]))
			return false;
	return !outbox->newest || sent_by_all(outbox) < outbox->oldest;
}

/* The oldest go, as many as one transaction should remove. */
static int drop(const struct outbox *outbox, struct outlet *outlet, struct history *history,
		struct failure *failure)
{
	int64_t from = outlet->sent > outbox->oldest ? outlet->sent : outbox->oldest;
	int64_t upto = outbox->newest - outbox->most, count;

	if (upto > from + DROP_MOST)
		upto = from + DROP_MOST;
	count = history_outbox_count(history, outlet->sent, upto, failure);
	if (count < 0)
		return (int)count;
	outlet->taken = outlet->sent = upto;
	if (count)
		note_dropped(outlet, (uint64_t)count, outbox->most);
	return 0;
}

int outbox_settle(struct outbox *outbox, struct history *history, struct failure *failure)
{
	int error = history_outbox_ends(history, &outbox->oldest, &outbox->newest, failure);
	int64_t upto;

	for (uint32_t i = 0; i < outbox->count && !error; i++)
		if (is_behind(outbox, &outbox->outlets[i]))
			error = drop(outbox, &outbox->outlets[i], history, failure);
	upto = sent_by_all(outbox);
	if (!error && outbox->newest && upto >= outbox->oldest)
		error = history_outbox_trim(history, upto, failure);
	for (uint32_t i = 0; i < outbox->count && !error; i++)
		if (outbox->outlets[i].changed)
			error = keep_mark(&outbox->outlets[i], history, failure);
	return error;
}

void outbox_settled(struct outbox *outbox)
{
	int64_t upto = sent_by_all(outbox);

	for (uint32_t i = 0; i < outbox->count; i++)
		outbox->outlets[i].changed = false;
	if (upto >= outbox->newest)
		outbox->oldest = outbox->newest = 0;
	else if (upto >= outbox->oldest)
		outbox->oldest = upto + 1;
}

void outbox_reopen(struct outbox *outbox, int64_t now_ns)
{
	struct failure failure = {{0}};

	for (uint32_t i = 0; i < outbox->count; i++) {
		int error = sink_reopen(outbox->outlets[i].sink, &failure);

		if (error)
			note_down(&outbox->outlets[i], error, failure.text, now_ns);
	}
}

void outbox_restart(struct outbox *outbox, struct history *history)
{
	int64_t highest = 0;

	/* Where it can not be asked, the beginning: better twice than never. */
	if (history_outbox_highest(history, &highest, NULL))
		highest = 0;
	for (uint32_t i = 0; i < outbox->count; i++) {
		struct outlet *outlet = &outbox->outlets[i];

		if (outlet->sent > highest)
			outlet->sent = highest;
		outlet->taken = outlet->sent;
		outlet->changed = true;
	}
}
